"""What there is to fit: settings of each remedy, and jobs with their addresses."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from evenshelf.errors import SettingError
from evenshelf.learners.tunable import Tunable
from evenshelf.remedies import Remedy, remedy_set
from evenshelf.study.plan import REVISION, code_of_fit, identity_of, shares


@dataclass(frozen=True)
class Plan(ABC):
    """What a study is asked for, apart from the data.

    Parameters are those of :class:`evenshelf.study.contests.study.ContestStudy`.
    """

    remedies: str | Sequence[str | Remedy]
    learner: str
    baselines: Sequence[str]
    folds: int = 5
    budget: int = 8
    seed: int = 0
    workers: int | None = None

    def check(self) -> None:
        """Raise a :class:`SettingError` for a setting that cannot be; takes no time."""
        if self.workers is not None and self.workers < 1:
            raise SettingError(f"workers is {self.workers}, and at least one is needed.")
        if self.seed < 0:
            raise SettingError(f"seed is {self.seed}, and must not be negative.")
        self.check_folds()
        learner = self.learner_named(self.learner)
        for name in self.baselines:
            self.learner_named(name)
        for remedy in remedy_set(self.remedies):
            settings(remedy, self.budget, learner)

    @abstractmethod
    def learner_named(self, name: str) -> Tunable:
        """The learner of a name, or a :class:`SettingError`."""

    def check_folds(self) -> None:
        """Raise a :class:`SettingError` if there are too few folds."""
        enough_folds(self.folds)


def enough_folds(folds: int) -> None:
    """Raise a :class:`SettingError` if there are too few."""
    if folds < 3:
        raise SettingError(
            f"folds={folds}: a study needs at least 3, one to test, one to choose settings, one to train.",
            hint="The usual number is 5.",
        )


@dataclass(frozen=True)
class Setting:
    """A remedy at some parameters, and a learner at some."""

    remedy: Remedy
    parameters: Mapping[str, Any]

    def describe(self) -> dict[str, Any]:
        """JSON-able parameters."""
        return {"remedy": self.remedy.spec, **self.parameters}

    def fitted(self, learner: Tunable) -> tuple[str, str]:
        """Equal for settings that differ only in what is done with scores, so that one fit serves them."""
        return learner.fitting_part(self.remedy).spec, json.dumps(dict(self.parameters), sort_keys=True)


def settings(remedy: Remedy, budget: int, learner: Tunable) -> list[Setting]:
    """The settings that a remedy may try: as many fits as the budget allows, and on each all that needs no other fit.

    Raises
    ------
    SettingError
        If the budget is below the number of fits that the remedy's parameter combinations need.
    """
    alike: dict[str, list[Remedy]] = {}
    for variant in remedy.settings:
        alike.setdefault(learner.fitting_part(variant).spec, []).append(variant)
    counts = shares(remedy.spec, budget, len(alike))
    return [
        Setting(variant, parameters)
        for variants, count in zip(alike.values(), counts, strict=True)
        for parameters in learner.settings(count)
        for variant in variants
    ]


def fits(some: Sequence[Setting], learner: Tunable) -> int:
    """How many fits these settings of a learner need."""
    return len({setting.fitted(learner) for setting in some})


@dataclass(frozen=True)
class Job:
    """One fit, and all that is asked of it.

    Attributes
    ----------
    exam
        Name of what it is fitted on and asked; of its content.
    facts
        Name of what is known of the items.
    learner
        What is fitted.
    remedy
        What it is fitted under.
    parameters
        Of the learner.
    asks
        Name and setting of each remedy whose scores come from this fit.
    repeats
        Whether what users had may be shown.
    lists
        Whether ranks and lists are kept, or numbers alone.
    seed
        Of the fit.
    """

    exam: str
    facts: str
    learner: Tunable
    remedy: Remedy
    parameters: Mapping[str, Any]
    asks: tuple[tuple[str, Setting], ...]
    repeats: bool
    lists: bool
    seed: int

    @property
    def cost(self) -> float:
        """Expected, in the unit of the learners."""
        return self.learner.cost + 0.5 * len(self.asks)

    @property
    def address(self) -> str:
        """Hex digest of everything that the result depends on."""
        content = [
            REVISION,
            self.exam,
            self.facts,
            [self.learner.name, code_of_fit(self.learner)],
            identity_of(self.remedy),
            dict(self.parameters),
            [[name, identity_of(setting.remedy)] for name, setting in self.asks],
            self.repeats,
            self.lists,
            self.seed,
        ]
        return blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def jobs(
    wanted: Iterable[tuple[str, Setting]],
    *,
    exam: str,
    facts: str,
    learner: Tunable,
    repeats: bool,
    lists: bool,
    seed: int,
) -> list[Job]:
    """Jobs that answer for all settings, those that share a fit together."""
    together: dict[tuple[str, str], list[tuple[str, Setting]]] = {}
    for name, setting in wanted:
        asked = together.setdefault(setting.fitted(learner), [])
        if (name, setting) not in asked:
            asked.append((name, setting))
    return [
        Job(
            exam,
            facts,
            learner,
            learner.fitting_part(asks[0][1].remedy),
            asks[0][1].parameters,
            tuple(asks),
            repeats,
            lists,
            seed,
        )
        for asks in together.values()
    ]


def chosen(
    values: Mapping[str, Sequence[tuple[Setting, Mapping[str, float]]]],
    *,
    base: str,
    metric: str,
    guarded: str,
    overall: str,
    give: float,
) -> dict[str, Setting]:
    """Of each remedy the setting with the best value of `metric` among those that keep the guarded one.

    A setting may lose at most the share `give` of what doing nothing has of `guarded`, as the verdict asks of remedies:
    to seek the best mean over items alone gives the head away before a remedy is compared. Where none keeps it, the one
    that loses least is taken. The setting of the baseline is chosen first, by the same rule, held to its setting that
    is best by `overall`; what it gave away is not held against remedies a second time.

    Parameters
    ----------
    values
        By remedy, settings with their values on what chooses; the first of equals is taken.
    """

    def best_of(tried: Sequence[tuple[Setting, Mapping[str, float]]], against: float) -> int:
        kept = [n for n, (_, value) in enumerate(tried) if not value[guarded] < (1.0 - give) * against]
        by, among = (metric, kept) if kept else (guarded, list(range(len(tried))))
        return max(among, key=lambda n: tried[n][1][by])

    plain = values[base]
    nothing = plain[best_of(plain, max((value for _, value in plain), key=lambda value: value[overall])[guarded])]
    found = {name: tried[best_of(tried, nothing[1][guarded])][0] for name, tried in values.items()}
    return {**found, base: nothing[0]}
