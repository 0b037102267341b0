"""The one list of learners: what fits scores for groups under a remedy, and what a study has to know of it.

Other packages add theirs as entry points of the group ``evenshelf.learners``, each a :class:`LearnerKind`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.bracketed import base_of, values_in
from evenshelf.plugins import Registry
from evenshelf.remedies import Remedy, Stage

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

Predict = Callable[[Floats], Floats]
"""``[m, d]`` vectors to ``[m, G]`` scores, whose softmax are probabilities.

One that rests on what was fitted for another remedy before may have ``borrowed``, the CPU seconds which that took."""


class FitScores(Protocol):
    """Fits one learner under one remedy."""

    def __call__(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        remedy: Remedy,
        *,
        names: Floats | None = None,
        seed: int = 0,
        penalty: float | None = None,
    ) -> Predict:
        """Fit under a remedy.

        Parameters
        ----------
        vectors
            ``[n, d]`` float32, as the encoder made them up to rounding: a zero may come as 1e-7, or -1e-7.
        target
            ``[n]`` group codes.
        groups
            How many groups there are, those without a row included.
        remedy
            What to fit under; all of its stages have to be honoured, adjustments of the scores as well.
        names
            ``[groups, d]`` vectors of the groups' names, or ``None``.
        seed
            Source of all randomness.
        penalty
            How strongly to regularise, one of :attr:`LearnerKind.penalties`; ``None`` for the usual default.

        Returns
        -------
        What gives ``[m, groups]`` scores for vectors ``[m, d]``.

        Raises
        ------
        SettingError
            If the remedy acts at a stage that the learner cannot honour.
        """


def untuned(count: int) -> tuple[float, ...]:
    """One value, which means nothing: for a learner that has no strength of regularisation to tune."""
    del count
    return (1.0,)


@dataclass(frozen=True)
class LearnerKind:
    """One learner.

    Parameters
    ----------
    name
        What ``--learner`` takes.
    title
        How a sentence calls it, in the plural or not, such as ``"linear heads"``.
    summary
        One sentence for a person who has to choose.
    stages
        The remedy stages that it honours; a remedy that acts at another is reported as not applicable.
    fit
        Fits it once. A plain function of a module, or an object whose ``fingerprint`` tells all that decides what it
        does: what a study has stored is found again by the code behind it, and values bound to a function from outside
        would go unseen.
    penalties
        ``penalties(count)`` gives up to `count` strengths of regularisation to choose from, the strongest first. The
        weakest is the same for all counts above one.
    default
        What the penalty ``None`` stands for, in a few words.
    grouped
        Whether `fit` is also to be told ``group``, ``[n]`` numbers of which equal ones mean equal or nearly equal
        texts, because it holds out rows of its own; it has to do without them where there are none.
    apart
        Whether `fit` is also to be told ``made``, ``[n]`` which rows are of texts that a remedy had made, if any are.
    norms
        Whether it has a weight vector for each group, whose norms some remedies ask for.
    averages
        Whether it fits the models of several bags and averages their scores; see ``Remedy.bags``.
    cost
        About how long a fit takes, in fits of a linear head; for the progress bar.
    reads
        What it reads of the texts beside their vectors: gives ``[n, r]`` numbers for ``n`` texts. `fit` is then given
        ``[n, d + r]`` rows, and names likewise. ``None`` for vectors alone.
    makes
        Whether it can take rows with vectors that no text has; see ``Remedy.makes_vectors``.
    settings
        Usual values of what can be set in brackets, ``name(setting=value)``.
    at
        The learner at other settings, by name; ``None`` if it has none.
    sets
        Whether each label of a set has a score of its own, its log odds: it is given where they are above 0, and scores
        are not compared with each other.

    Raises
    ------
    SettingError
        If `fit` is neither a plain function nor an object with a fingerprint.
    """

    name: str
    title: str
    summary: str
    stages: tuple[Stage, ...]
    fit: FitScores
    penalties: Callable[[int], tuple[float, ...]] = untuned
    default: str = "the learner's own"
    grouped: bool = False
    apart: bool = False
    norms: bool = True
    averages: bool = False
    cost: float = 1.0
    sets: bool = False
    reads: Callable[[Sequence[str]], Floats] | None = None
    makes: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    at: Callable[[Mapping[str, Any]], LearnerKind] | None = None

    def __post_init__(self) -> None:
        if isinstance(getattr(self.fit, "fingerprint", None), str):
            return
        if not inspect.isfunction(self.fit) or self.fit.__closure__:
            raise SettingError(
                f"The learner {self.name!r} is fitted by {self.fit!r}, which is no plain function.",
                hint="Define a function in a module; make a learner of its own for each set of parameters.",
            )

    def unsupported(self, remedy: Remedy) -> str | None:
        """Why this learner cannot honour a remedy, or ``None`` if it can."""
        missing = [stage.value for stage in remedy.stages if stage not in self.stages]
        if missing:
            return f"{self.title} cannot act at the stage {', '.join(missing)}"
        if not self.norms and any(part.norms for part in remedy.parts):
            return f"{self.title} cannot give a weight vector for each group, whose length is needed"
        if remedy.bags > 1 and not self.averages:
            return f"{self.title} cannot average the models of {remedy.bags} bags"
        if not self.makes and any(part.makes_vectors for part in remedy.parts):
            return f"{self.title} read texts, and it makes vectors that no text has"
        if self.sets and not remedy.serves_sets:
            return "it is for labels that compete for an example, and here each has a score of its own"
        if not self.sets and any(part.many_labels for part in remedy.parts):
            return "it is for examples with sets of labels"
        return None


_registry: Registry[LearnerKind] = Registry(
    "learner",
    "evenshelf.learners",
    wanted="a LearnerKind",
    fits=lambda kind: isinstance(kind, LearnerKind),
    identity=lambda kind: f"{kind.fit.__module__}.{getattr(kind.fit, '__qualname__', kind.fit)}",
)
register = _registry.register
"""Add a learner."""

learner_kinds = _registry.all
"""Every learner by name."""


def learner_kind(name: str) -> LearnerKind:
    """The learner of a name, or of ``name(setting=value)``, or what ``file.py:make`` or ``package.module:make`` makes.

    Raises
    ------
    SettingError
        If there is none; close names are offered, and all are listed.
    """
    base = base_of(name)
    if ":" in base:
        from evenshelf.learners.brought import brought  # noqa: PLC0415 - which makes a LearnerKind

        return brought(name)
    found = _registry.find(base)
    return _at(found, name) if "(" in name else found


def _at(kind: LearnerKind, spec: str) -> LearnerKind:
    """A learner at the settings of its spec."""
    values = values_in(spec, kind.name, kind.settings)
    return kind if kind.at is None else kind.at(values)
