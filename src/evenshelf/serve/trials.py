"""Experiments that run: which there are, with which bundles, and who was shown what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from evenshelf.errors import InputError, SettingError, near
from evenshelf.experiments.assignment import Assigner
from evenshelf.experiments.definition import Experiment, changed
from evenshelf.experiments.files import EXPOSURES, experiment_dict, experiment_of
from evenshelf.experiments.layers import placed
from evenshelf.serve.database import exclusive, experiments, exposures


@dataclass(frozen=True)
class Trial:
    """An experiment of the service.

    Attributes
    ----------
    experiment
        Who gets what; it ends at the moment at which it was stopped.
    bundles
        Digest of what recommends to a variant; who gets another is shown what everybody is.
    since
        When it was started.
    """

    experiment: Experiment
    bundles: Mapping[str, str]
    since: datetime

    def runs(self, at: datetime) -> bool:
        """Whether anybody may still be assigned."""
        return self.experiment.ends is None or at < self.experiment.ends

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "experiment": experiment_dict(self.experiment),
            "bundles": dict(self.bundles),
            "since": self.since.isoformat(),
            "runs": self.runs(datetime.now(UTC)),
        }


class Trials:
    """The experiments in a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        into: Any = {"sqlite": sqlite, "postgresql": postgresql}[engine.dialect.name].insert(exposures)
        self._expose = into.on_conflict_do_nothing(index_elements=["experiment", "unit", "variant"])

    def all(self) -> list[Trial]:
        """All of them, also those that have ended, in the order in which they were started."""
        with self._engine.connect() as connection:
            return _all(connection)

    def start(self, experiment: Experiment, bundles: Mapping[str, str]) -> Trial:
        """Start an experiment, or change one that runs.

        One that is new is given a range of its layer that is free. One that runs keeps its range, and may be changed as
        long as nobody who takes part would get another variant.

        Raises
        ------
        SettingError
            If it does not fit to the others, names a bundle for a variant that is none, or the change would move
            units.
        """
        unknown = sorted(set(bundles) - set(experiment.variants))
        if unknown:
            raise SettingError(
                f"The experiment has no variant {unknown[0]!r}{near(unknown[0], experiment.variants)}.",
                hint=f"Its variants are: {', '.join(experiment.variants)}.",
            )
        with exclusive(self._engine) as connection:  # two that start at once must see each other
            return self._start(connection, experiment, bundles)

    def _start(self, connection: Connection, experiment: Experiment, bundles: Mapping[str, str]) -> Trial:
        now = datetime.now(UTC)
        known = {trial.experiment.name: trial for trial in _all(connection)}
        before = known.pop(experiment.name, None)
        others = [trial.experiment for trial in known.values() if trial.runs(now)]
        if before is None:
            experiment = placed(experiment, others)
        elif not before.runs(now):
            raise SettingError(
                f"The experiment {experiment.name!r} has ended.", hint="Start another one, under a new name."
            )
        else:
            experiment = replace(experiment, offset=before.experiment.offset)
            moves = changed(before.experiment, experiment)
            moves += [
                f"the bundle of {variant!r} would be another"
                for variant in experiment.variants
                if bundles.get(variant) != before.bundles.get(variant)
            ]
            if moves:
                raise SettingError(
                    f"The experiment {experiment.name!r} runs, and this would change what people get: "
                    + "; ".join(moves)
                    + ".",
                    hint="Stop it, and start another under a new name.",
                )
        rival = _rival(experiment, [trial for trial in known.values() if trial.runs(now)]) if bundles else None
        if rival is not None:
            raise SettingError(
                f"The experiment {rival!r} decides what recommends as well, and somebody could be in both.",
                hint="Give both the same layer and unit, so that nobody is.",
            )
        Assigner([*others, experiment])  # which says what keeps them from running together
        values = {"document": json.dumps(experiment_dict(experiment)), "bundles": json.dumps(dict(bundles))}
        if before is None:
            connection.execute(insert(experiments).values(name=experiment.name, since=now, **values))
        else:
            connection.execute(update(experiments).where(experiments.c.name == experiment.name).values(**values))
        return Trial(experiment, dict(bundles), before.since if before is not None else now)

    def stop(self, name: str) -> Trial:
        """End an experiment now: from then on everybody is shown what everybody is.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        now = datetime.now(UTC)
        with exclusive(self._engine) as connection:
            trial = _named(_all(connection), name)
            if not trial.runs(now):
                return trial
            starts = trial.experiment.starts
            ends = now if starts is None or starts < now else starts + timedelta(microseconds=1)
            trial = replace(trial, experiment=replace(trial.experiment, ends=ends))
            document = json.dumps(experiment_dict(trial.experiment))
            connection.execute(update(experiments).where(experiments.c.name == name).values(document=document))
        return trial

    def named(self, name: str) -> Trial:
        """One of them.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        return _named(self.all(), name)

    def shown_to(self, unit: str) -> list[dict[str, Any]]:
        """What a user was shown: what a person may ask to be given."""
        asked = select(exposures).where(exposures.c.unit == unit).order_by(exposures.c.seq)
        with self._engine.connect() as connection:
            found = connection.execute(asked).all()
        return [{"experiment": row.experiment, "variant": row.variant, "time": row.time} for row in found]

    def forget(self, unit: str) -> int:
        """Delete what a user was shown; returns how much there was."""
        with self._engine.begin() as connection:
            return int(connection.execute(delete(exposures).where(exposures.c.unit == unit)).rowcount)

    def expose(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write who was shown what; of a unit and variant the first moment stays."""
        if rows:
            with self._engine.begin() as connection:
                connection.execute(self._expose, list(rows))

    def counts(self) -> dict[str, dict[str, int]]:
        """Units that were shown each variant, by experiment."""
        asked = select(exposures.c.experiment, exposures.c.variant, func.count()).group_by(
            exposures.c.experiment, exposures.c.variant
        )
        found: dict[str, dict[str, int]] = {}
        with self._engine.connect() as connection:
            for name, variant, count in connection.execute(asked):
                found.setdefault(name, {})[variant] = count
        return found

    def exposures(self, name: str) -> pl.DataFrame:
        """Who was shown what in an experiment, as :func:`~evenshelf.experiments.readout` takes it."""
        columns = [exposures.c[column] for column in EXPOSURES]
        with self._engine.connect() as connection:
            found = connection.execute(
                select(*columns).where(exposures.c.experiment == name).order_by(exposures.c.seq)
            ).all()
        return pl.DataFrame([tuple(row) for row in found], schema=dict(EXPOSURES), orient="row")


def _all(connection: Connection) -> list[Trial]:
    found = connection.execute(select(experiments).order_by(experiments.c.since, experiments.c.name)).all()
    return [Trial(experiment_of(json.loads(row.document)), json.loads(row.bundles), row.since) for row in found]


def _named(trials: Sequence[Trial], name: str) -> Trial:
    known = {trial.experiment.name: trial for trial in trials}
    if name not in known:
        said = f"There are: {', '.join(known)}." if known else "There are none: evenshelf experiment start SHOP FILE"
        raise InputError(f"There is no experiment {name!r}{near(name, known)}.", hint=said)
    return known[name]


def _rival(experiment: Experiment, running: Sequence[Trial]) -> str | None:
    """Name of another experiment with bundles in which somebody could be at the same time."""
    for trial in running:
        one = trial.experiment
        apart = one.layer and (one.layer, one.unit) == (experiment.layer, experiment.unit)
        if trial.bundles and one.name != experiment.name and not apart:
            return one.name
    return None
