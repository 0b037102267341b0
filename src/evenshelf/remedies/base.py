"""What a remedy is: a frozen value that acts at one or more stages on groups with a prior.

A remedy knows nothing of tasks, texts or shops. It sees *groups* (classes in labelling, items in recommendation,
...) through a :class:`Prior`, and acts at the stages it declares. A learner asks it stage by stage; a stage that a
remedy does not declare has the neutral default of this module, so a learner never needs to know which remedy it has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from evenshelf.errors import SettingError
from evenshelf.remedies.after_training import Calibrated, Retrieved
from evenshelf.remedies.families import Family
from evenshelf.remedies.losses import CrossEntropy, Loss
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows, SetRows
from evenshelf.remedies.set_losses import SetLoss


class Stage(StrEnum):
    """Where in the making of a model a remedy acts."""

    AUGMENT = "augment"
    RESAMPLE = "resample"
    WEIGHT = "weight"
    LOSS = "loss"
    ADJUST = "adjust"
    RETRIEVE = "retrieve"
    CALIBRATE = "calibrate"
    POOL = "pool"


@dataclass(frozen=True)
class Remedy:
    """Base of all remedies. A subclass is a frozen dataclass whose fields are its parameters.

    Class attributes
    ----------------
    name
        Word used in spec strings, such as ``smote``.
    title
        Readable name.
    family
        Remedies of its kind, among which it is compared.
    paper
        Who proposed it, and where.
    formula
        What it computes, in one line.
    stages
        The stages it acts at.
    neutral
        Parameter values at which it does nothing, or ``None`` when there are none.
    grid
        For each tunable parameter the values worth trying, the default among them.
    needs
        Parameters that a user has to give: at their defaults the remedy is not applicable.
    one_label
        Whether it makes sense only where an example has one label, and not a set of them.
    reads_names
        Whether it lives on vectors of the groups' texts.
    norms
        Whether it asks for the norms of the groups' weight vectors, which only some learners have.
    many_labels
        Whether it makes sense only where an example has a set of labels, each with a score of its own.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[Family]
    paper: ClassVar[str]
    formula: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]]
    neutral: ClassVar[Mapping[str, Any] | None] = None
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    needs: ClassVar[tuple[str, ...]] = ()
    one_label: ClassVar[bool] = False
    reads_names: ClassVar[bool] = False
    norms: ClassVar[bool] = False
    many_labels: ClassVar[bool] = False

    @property
    def bags(self) -> int:
        """How many heads are trained, each on rows that :meth:`resample` draws anew; their scores are averaged."""
        return 1

    @property
    def serves_sets(self) -> bool:
        """Whether it acts where each label of a set has a score of its own, as weights (of positives) and names do."""
        return all(p.many_labels or set(p.stages) <= {Stage.WEIGHT, Stage.POOL} for p in self.parts)

    @property
    def fingerprint(self) -> str:
        """Digest of what it runs and its class and parameters do not show, such as a user's file; mostly empty."""
        return ""

    @property
    def read_from(self) -> Mapping[str, str]:
        """What it was made from that its parameters only name, such as a user's file: digests by name, no folders."""
        return {}

    @property
    def parts(self) -> tuple[Remedy, ...]:
        """The remedies this one is made of; itself when it is not a composition."""
        return (self,)

    @property
    def families(self) -> tuple[Family, ...]:
        """Families of its parts, each once."""
        return tuple(dict.fromkeys(part.family for part in self.parts))

    @property
    def spec(self) -> str:
        """The spec string that parses to an equal remedy. Parameters at their defaults are left out."""
        values = [
            f"{f.name}={_literal(getattr(self, f.name), f.default)}"
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{self.name}({', '.join(values)})" if values else self.name

    def __str__(self) -> str:
        return self.spec

    def __add__(self, other: Remedy) -> Remedy:
        return Composition((*self.parts, *other.parts))

    def with_parameters(self, **values: Any) -> Remedy:
        """A copy with some parameters changed."""
        return dataclasses.replace(self, **values)

    @property
    def settings(self) -> tuple[Remedy, ...]:
        """The remedy at every combination of its grid, itself first; a parameter not at its default is fixed."""
        default = {f.name: f.default for f in dataclasses.fields(self)}
        found = [self]
        for parameter, values in self.grid.items():
            if getattr(self, parameter) == default[parameter]:
                others = [v for v in values if v != default[parameter]]
                found = [r for kept in found for r in (kept, *(kept.with_parameters(**{parameter: v}) for v in others))]
        return tuple(found)

    @property
    def linear_form(self) -> Remedy:
        """A remedy with the same optimum for a linear head with a free bias, but cheaper to train; often itself."""
        return self

    def bound(self, labels: Sequence[str]) -> Remedy:
        """Return this remedy for groups of these names, in the order of their codes; asked before anything else.

        Raises
        ------
        SettingError
            If it says something of groups that are not among them.
        """
        return self

    def notes(self, prior: Prior) -> tuple[str, ...]:
        """What it cannot do for which of such groups, a sentence each, as far as the prior tells."""
        return ()

    def not_applicable(self, prior: Prior, *, has_names: bool) -> str | None:
        """Why this remedy cannot be used with such groups, or ``None`` if it can."""
        if self.reads_names and not has_names:
            return "the groups have no names that the encoder could read"
        if int(prior.present.sum()) < 2:
            return "fewer than two groups have training examples"
        return None

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows | None:
        """Choose, repeat or make training rows; ``None`` leaves them as they are.

        Parameters
        ----------
        vectors
            ``[n, d]`` float32, rows of the training fold only.
        target
            ``[n]`` group codes.
        prior
            Of the training fold.
        rng
            Source of all randomness.
        """
        return None

    def weight(self, prior: Prior) -> Floats | None:
        """``[G]`` weight of a training example by its group, > 0; ``None`` means 1 for all."""
        return None

    def loss(self, prior: Prior) -> Loss | None:
        """The loss to train with; ``None`` means cross entropy."""
        return None

    def adjust(self, scores: Floats, prior: Prior, norms: Floats) -> Floats:
        """New scores from scores.

        Parameters
        ----------
        scores
            ``[n, G]`` unnormalised log-probabilities (logits).
        prior
            Of the training fold.
        norms
            ``[G]`` Euclidean norm of each group's weight vector.
        """
        return scores

    def retrieve(self, vectors: Floats, target: Codes, count: Floats, prior: Prior) -> Retrieved | None:
        """A memory of the training rows, which changes adjusted scores by them; ``None`` leaves the scores.

        Parameters
        ----------
        vectors
            ``[n, d]`` float32, rows of the training fold only, each once for each group that it has.
        target
            ``[n]`` group codes.
        count
            ``[n]`` > 0, how many examples each row stands for.
        prior
            Of the training fold.
        """
        return None

    def calibration(self, scores: Floats, target: Codes, count: Floats, prior: Prior) -> Calibrated | None:
        """What changes all later scores, found on rows that the model has not seen; ``None`` leaves them.

        Parameters
        ----------
        scores
            ``[n, G]`` scores of such rows, after adjustments and what was retrieved; rows of groups that the model has
            not seen at all are left out.
        target
            ``[n]`` their groups.
        count
            ``[n]`` > 0, how many examples each row stands for.
        prior
            Of the rows that the model was trained on.
        """
        return None

    def centre(self, names: Floats | None, prior: Prior, means: Floats) -> Floats | None:
        """``[G, d]`` weights towards which those of the groups shrink (stage *pool*); ``None`` means zero.

        A group without a training example is left out, as if the remedy did not pool, where its line is all zeros.

        Parameters
        ----------
        names
            ``[G, d]`` vectors of the groups' texts, from the same encoder as the examples; their product with a row is
            the cosine of the two, but for a constant. ``None`` where the groups have none.
        prior
            Of the training fold.
        means
            ``[G, d]`` mean of each group's training rows, seen from the mean of all; 0 of a group that has none.
            The root mean square length of rows is about 1.
        """
        return None

    def set_resample(
        self, vectors: Floats, labels: csr_array, prior: Prior, rng: np.random.Generator
    ) -> SetRows | None:
        """Make training rows with sets of labels beside the given ones; ``None`` makes none.

        Parameters
        ----------
        vectors
            ``[n, d]`` float32, one row a text, of the training fold only.
        labels
            ``[n, G]`` sparse, bool.
        prior
            Of the training fold.
        rng
            Source of all randomness.
        """
        return None

    def set_loss(self, prior: Prior) -> SetLoss | None:
        """The loss to train with where each label has a score of its own; ``None`` means binary cross entropy."""
        return None

    def set_calibration(self, scores: Floats, labels: csr_array, count: Floats, prior: Prior) -> Calibrated | None:
        """What changes all later scores of sets, found on texts that the model has not seen; ``None`` leaves them.

        A label is given to a text where its score is above 0.

        Parameters
        ----------
        scores
            ``[n, G]`` log odds of each label.
        labels
            ``[n, G]`` sparse, bool: the labels of the texts.
        count
            ``[n]`` > 0, how many examples a text stands for.
        prior
            Of the texts that the model was trained on.
        """
        return None


@dataclass(frozen=True)
class Composition(Remedy):
    """Several remedies used together, written ``a + b``.

    Weights multiply and adjustments follow each other; of the stages *resample*, *loss*, *retrieve*, *calibrate* and
    *pool* there can be one. What is retrieved is mixed in after all adjustments, and calibrated with them.
    All stages see the prior of the training fold as it was before resampling.

    Parameters
    ----------
    members
        The parts, none of them a composition.

    Raises
    ------
    SettingError
        If two parts act at the same stage and cannot both do so.
    """

    members: tuple[Remedy, ...]

    def __post_init__(self) -> None:
        for stage in (Stage.RESAMPLE, Stage.LOSS, Stage.RETRIEVE, Stage.CALIBRATE, Stage.POOL):
            rivals = [m.name for m in self.members if stage in m.stages]
            if len(rivals) > 1:
                raise SettingError(
                    f"{' + '.join(rivals)}: these act at the same stage ({stage.value}), where there can be one.",
                    hint=f"Keep one of: {', '.join(rivals)}.",
                )

    @property
    def parts(self) -> tuple[Remedy, ...]:
        """The members."""
        return self.members

    @property
    def spec(self) -> str:
        """Specs of the members joined by `` + ``."""
        return " + ".join(m.spec for m in self.members)

    @property
    def name(self) -> str:  # type: ignore[override]
        """Names of the members joined by `` + ``."""
        return " + ".join(m.name for m in self.members)

    @property
    def title(self) -> str:  # type: ignore[override]
        """Titles of the members joined by `` + ``."""
        return " + ".join(m.title for m in self.members)

    @property
    def paper(self) -> str:  # type: ignore[override]
        """Papers of the members."""
        return "; ".join(dict.fromkeys(m.paper for m in self.members))

    @property
    def formula(self) -> str:  # type: ignore[override]
        """Formulas of the members."""
        return "; ".join(m.formula for m in self.members)

    @property
    def stages(self) -> tuple[Stage, ...]:  # type: ignore[override]
        """Stages of the members."""
        return tuple(dict.fromkeys(s for m in self.members for s in m.stages))

    @property
    def reads_names(self) -> bool:  # type: ignore[override]
        """Whether a member does."""
        return any(m.reads_names for m in self.members)

    @property
    def bags(self) -> int:
        """Of the member that resamples."""
        return max((m.bags for m in self.members), default=1)

    @property
    def linear_form(self) -> Remedy:
        """Linear forms of the members; what a member did in training comes before all adjustments of scores."""
        moved = [m for m in self.members if Stage.ADJUST in m.linear_form.stages and Stage.ADJUST not in m.stages]
        others = [m for m in self.members if m not in moved]
        return Composition(tuple(m.linear_form for m in (*moved, *others)))

    @property
    def settings(self) -> tuple[Remedy, ...]:
        """Every combination of the members' settings."""
        found: list[tuple[Remedy, ...]] = [()]
        for member in self.members:
            found = [(*done, s) for done in found for s in member.settings]
        return tuple(Composition(members) for members in found)

    def bound(self, labels: Sequence[str]) -> Remedy:
        """The members, bound."""
        return Composition(tuple(m.bound(labels) for m in self.members))

    def notes(self, prior: Prior) -> tuple[str, ...]:
        """What the members say."""
        return tuple(note for m in self.members for note in m.notes(prior))

    def not_applicable(self, prior: Prior, *, has_names: bool) -> str | None:
        """The first reason that a member gives."""
        reasons = (m.not_applicable(prior, has_names=has_names) for m in self.members)
        return next((r for r in reasons if r), None)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows | None:
        """Rows of the member that resamples."""
        made = (m.resample(vectors, target, prior, rng) for m in self.members if Stage.RESAMPLE in m.stages)
        return next(made, None)

    def weight(self, prior: Prior) -> Floats | None:
        """Product of the members' weights."""
        found = [w for m in self.members if (w := m.weight(prior)) is not None]
        return np.prod(found, axis=0).astype(np.float32) if found else None

    def loss(self, prior: Prior) -> Loss | None:
        """Loss of the member that has one."""
        return next((found for m in self.members if (found := m.loss(prior)) is not None), None)

    def adjust(self, scores: Floats, prior: Prior, norms: Floats) -> Floats:
        """The members' adjustments, one after another."""
        for member in self.members:
            scores = member.adjust(scores, prior, norms)
        return scores

    def retrieve(self, vectors: Floats, target: Codes, count: Floats, prior: Prior) -> Retrieved | None:
        """Memory of the member that retrieves."""
        made = (m.retrieve(vectors, target, count, prior) for m in self.members if Stage.RETRIEVE in m.stages)
        return next(made, None)

    def calibration(self, scores: Floats, target: Codes, count: Floats, prior: Prior) -> Calibrated | None:
        """Calibration of the member that has one."""
        made = (m.calibration(scores, target, count, prior) for m in self.members if Stage.CALIBRATE in m.stages)
        return next(made, None)

    def centre(self, names: Floats | None, prior: Prior, means: Floats) -> Floats | None:
        """Centre of the member that pools."""
        return next((c for m in self.members if (c := m.centre(names, prior, means)) is not None), None)

    def set_resample(
        self, vectors: Floats, labels: csr_array, prior: Prior, rng: np.random.Generator
    ) -> SetRows | None:
        """Rows of the member that resamples."""
        made = (m.set_resample(vectors, labels, prior, rng) for m in self.members if Stage.RESAMPLE in m.stages)
        return next(made, None)

    def set_loss(self, prior: Prior) -> SetLoss | None:
        """Loss of the member that has one."""
        return next((found for m in self.members if (found := m.set_loss(prior)) is not None), None)

    def set_calibration(self, scores: Floats, labels: csr_array, count: Floats, prior: Prior) -> Calibrated | None:
        """Calibration of the member that has one."""
        made = (m.set_calibration(scores, labels, count, prior) for m in self.members if Stage.CALIBRATE in m.stages)
        return next(made, None)


def _literal(value: Any, default: Any) -> str:
    """A parameter as a spec has it: a 2, a 2.0 and a ``numpy.float64(2.0)`` are one setting and are written alike."""
    number = type(default) in (int, float)
    return repr(type(default)(value) if number else value)


def effective_loss(remedy: Remedy, prior: Prior) -> Loss:
    """The remedy's loss, or cross entropy where it has none."""
    return remedy.loss(prior) or CrossEntropy()
