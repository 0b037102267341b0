"""What learners of lists have in common: a name, a fit, the stages that it honours, and settings worth trying."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar

from evenshelf.errors import SettingError
from evenshelf.learners.bracketed import parted
from evenshelf.rankers.answering import AFTERWARDS
from evenshelf.remedies import Remedy, Stage, joined

ALL, NONE = "all", "none"


def names_in(asked: str, every: Iterable[str], find: Callable[[str], Tunable]) -> tuple[str, ...]:
    """Names of learners: with commas between them, ``all`` or ``none``.

    Parameters
    ----------
    asked
        What was typed.
    every
        Names of all.
    find
        The learner of a name, or at settings in brackets; it raises a :class:`SettingError` if there is none.
    """
    word = asked.strip()
    if word == ALL:
        return tuple(every)
    if word == NONE:
        return ()
    return tuple(find(name).name for name in parted(word))


@dataclass(frozen=True)
class Tunable:
    """One learner.

    Parameters
    ----------
    name
        What ``--learner`` takes.
    title
        How a sentence calls it.
    summary
        One sentence for a person who has to choose.
    paper
        Where it comes from.
    fit
        A plain function of a module, or an object whose ``fingerprint`` tells all that decides what it does.
    stages
        The remedy stages that its fit honours; a remedy that acts at another is reported as not applicable.
    grid
        Values worth trying of each parameter, its default first.
    cost
        About how long a fit takes; for the progress bar.
    usual
        Usual values of what can be set in brackets, ``name(setting=value)``: what a study does not choose.
    at
        The learner at other values of these, by name; ``None`` if it has none.

    Raises
    ------
    SettingError
        If the fit is neither a plain function nor an object with a fingerprint.
    """

    name: str
    title: str
    summary: str
    paper: str
    fit: Callable[..., Any]
    stages: tuple[Stage, ...] = ()
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    cost: float = 1.0
    usual: Mapping[str, Any] = field(default_factory=dict, hash=False)
    at: Callable[[Mapping[str, Any]], Any] | None = None

    afterwards: ClassVar[tuple[Stage, ...]] = AFTERWARDS
    """Stages that act on scores and lists, and are honoured for whatever was fitted."""

    def __post_init__(self) -> None:
        if isinstance(getattr(self.fit, "fingerprint", None), str):
            return
        if not inspect.isfunction(self.fit) or self.fit.__closure__:
            raise SettingError(
                f"The learner {self.name!r} is fitted by {self.fit!r}, which is no plain function.",
                hint="Define a function in a module.",
            )

    def fitted(self, evidence: Any, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Any:
        """Fit it on what may be looked at, under what of a remedy acts in the fit.

        Parameters
        ----------
        evidence
            Of the kind that learners of the registry are given.
        remedy
            What to fit under.
        setting
            A value for each parameter in :attr:`grid`.
        seed
            Source of all randomness.
        """
        return self.fit(evidence, remedy, setting=setting, seed=seed)

    @property
    def default(self) -> dict[str, Any]:
        """Parameters that have not been tuned."""
        return {name: values[0] for name, values in self.grid.items()}

    def settings(self, count: int) -> list[dict[str, Any]]:
        """Up to `count` settings of the grid: the default, and others in an order that depends on nothing else.

        The first settings of a larger count are those of a smaller one.
        """

        def place(setting: Mapping[str, Any]) -> bytes:
            return blake2b(json.dumps([self.name, setting], sort_keys=True).encode(), digest_size=8).digest()

        every = [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]
        others = sorted((setting for setting in every if setting != self.default), key=place)
        return [self.default, *others][:count]

    def fitting_part(self, remedy: Remedy) -> Remedy:
        """What of a remedy the fit is made under; ``none`` if it acts on scores and lists alone.

        Unlike with linear heads, a loss is never put off to the scores: a network has no free bias to take it up.
        """
        return joined([part for part in remedy.parts if set(part.stages) - set(self.afterwards)])

    def cannot_act(self, remedy: Remedy) -> str | None:
        """Why this learner cannot honour the stages of a remedy, or ``None`` if it can."""
        missing = [stage.value for stage in remedy.stages if stage not in (*self.stages, *self.afterwards)]
        if missing:
            return f"{self.title} cannot act at the stage {', '.join(missing)}"
        if any(part.norms for part in remedy.parts):
            return f"{self.title} has no weight vector for each item, whose length is needed"
        if remedy.bags > 1:
            return f"{self.title} cannot average the models of {remedy.bags} bags"
        if any(part.many_labels for part in remedy.parts):
            return "it is for examples with sets of labels"
        return None
