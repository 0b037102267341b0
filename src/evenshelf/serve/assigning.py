"""Which variant a request gets, and that it was shown."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from evenshelf.errors import EvenshelfError
from evenshelf.experiments.assignment import Assigned, Assigner
from evenshelf.serve.events.writer import Busy, Writer
from evenshelf.serve.persons import Persons
from evenshelf.serve.trials import Trial, Trials

_log = logging.getLogger(__name__)
_REMEMBERED = 200_000
"""Units and variants that were written a moment ago, and need not be written again."""


@dataclass(frozen=True, eq=False)
class _Running:
    trials: Mapping[str, Trial]
    assigner: Assigner


@dataclass(frozen=True)
class Given:
    """What a request gets.

    Attributes
    ----------
    variants
        By experiment.
    bundle
        Digest of what recommends; ``None`` for what does to everybody.
    """

    variants: Mapping[str, Assigned]
    bundle: str | None = None


class Assigning:
    """Assigns requests to the variants of the experiments that run.

    Ids are those that are kept: of a service that hashes them, who takes part in what goes by the hashes.

    Parameters
    ----------
    trials
        The experiments.
    persons
        Makes ids of testers as they are kept.
    lost
        Called with how many exposures could not be written.
    """

    def __init__(self, trials: Trials, persons: Persons, *, lost: Callable[[int], None] = lambda count: None) -> None:
        self._trials, self._persons, self._lost = trials, persons, lost
        self._writer = Writer(trials.expose, room=20_000)
        self._running = _Running({}, Assigner(()))
        self._written: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bundles(self) -> frozenset[str]:
        """Digests of what variants of running experiments are to get."""
        now = datetime.now(UTC)
        running = [trial for trial in self._running.trials.values() if trial.runs(now)]
        return frozenset(digest for trial in running for digest in trial.bundles.values())

    def poll(self) -> None:
        """Take in what was started, changed or stopped; if it cannot be understood, what ran before goes on."""
        now = datetime.now(UTC)
        try:
            found = [trial for trial in self._trials.all() if trial.runs(now)]
            kept = [replace(trial.experiment, overrides=self._testers(trial)) for trial in found]
            self._running = _Running({trial.experiment.name: trial for trial in found}, Assigner(kept))
        except EvenshelfError as error:
            _log.error("experiments were refused", extra={"why": error.message})

    def close(self) -> None:
        """Write what is to be written."""
        self._writer.close()

    def given(self, *, user: str | None, session: str | None) -> Given:
        """What somebody gets; nothing if neither is known."""
        running, now = self._running, datetime.now(UTC)
        found: dict[str, Assigned] = {}
        for unit, kind in ((user, "user"), (session, "session")):
            if unit:
                found |= running.assigner.assign(unit, at=now, kind=kind)
        digests = [
            digest
            for name, one in found.items()
            if (digest := running.trials[name].bundles.get(one.variant)) is not None
        ]
        return Given(found, digests[0] if digests else None)

    def shown(self, given: Given, *, user: str | None, session: str | None, lists: bool) -> None:
        """Write that somebody was shown what was given.

        Parameters
        ----------
        lists
            Whether a list of recommendations was shown, or something that the shop itself decides. Of an experiment
            with bundles the former counts, of one without the latter.
        """
        running, rows = self._running, []
        for name, one in given.variants.items():
            trial = running.trials.get(name)
            if trial is None or one.overridden or bool(trial.bundles) is not lists:
                continue
            unit = user if trial.experiment.unit == "user" else session
            if unit is None or self._seen((name, unit, one.variant)):
                continue
            row = {"experiment": name, "unit": unit, "variant": one.variant, "propensity": one.propensity}
            rows.append({**row, "time": datetime.now(UTC)})
        if rows:
            self._write(rows)

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        def ended(error: BaseException | None) -> None:
            if error is not None:
                self._lost(len(rows))
                with self._lock:
                    for row in rows:
                        self._written.pop((row["experiment"], row["unit"], row["variant"]), None)

        try:
            self._writer.submit(rows).add_done_callback(lambda done: ended(done.exception()))
        except Busy as busy:
            ended(busy)

    def _seen(self, what: tuple[str, str, str]) -> bool:
        with self._lock:
            if what in self._written:
                self._written.move_to_end(what)
                return True
            self._written[what] = None
            if len(self._written) > _REMEMBERED:
                self._written.popitem(last=False)
        return False

    def _testers(self, trial: Trial) -> dict[str, str]:
        return {str(self._persons.kept(unit)): variant for unit, variant in trial.experiment.overrides.items()}
