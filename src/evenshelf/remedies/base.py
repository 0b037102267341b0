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

from evenshelf.parameters import literal
from evenshelf.remedies.after_training import Calibrated, Retrieved
from evenshelf.remedies.clicked import Clicked
from evenshelf.remedies.families import Family
from evenshelf.remedies.losses import CrossEntropy, Loss
from evenshelf.remedies.negatives import Negatives
from evenshelf.remedies.offered import Offered
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows, SetRows
from evenshelf.remedies.sequences import Sequences
from evenshelf.remedies.set_losses import SetLoss
from evenshelf.remedies.texts import MadeTexts
from evenshelf.remedies.variants import TextMaker, Variants


class Stage(StrEnum):
    """Where in the making of a model a remedy acts."""

    EVIDENCE = "evidence"
    TEXTS = "texts"
    VARIANTS = "variants"
    AUGMENT = "augment"
    RESAMPLE = "resample"
    WEIGHT = "weight"
    LOSS = "loss"
    NEGATIVES = "negatives"
    ADJUST = "adjust"
    RETRIEVE = "retrieve"
    CALIBRATE = "calibrate"
    POOL = "pool"
    RERANK = "rerank"


STAGES_OF_LISTS = frozenset({Stage.EVIDENCE, Stage.TEXTS, Stage.AUGMENT, Stage.NEGATIVES, Stage.RERANK})
"""Stages that only make sense where items are ranked, for queries or for users: clicks, made queries, sequences, very
many groups, and whole lists."""


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
    makes_vectors
        Whether rows that it makes may have vectors of their own, which lie between no two given rows.
    many_labels
        Whether it makes sense only where an example has a set of labels, each with a score of its own.
    together
        Whether the list of a user depends on who else is given one at the same time.
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
    makes_vectors: ClassVar[bool] = False
    many_labels: ClassVar[bool] = False
    together: ClassVar[bool] = False

    @property
    def bags(self) -> int:
        """How many heads are trained, each on rows that :meth:`resample` draws anew; their scores are averaged."""
        return 1

    @property
    def text_maker(self) -> TextMaker | None:
        """What makes texts for it, at the stage *variants*; ``None`` where it needs none."""
        return None

    @property
    def control(self) -> Remedy | None:
        """What a study has to compare it with besides, to see what its gain is due to; mostly ``None``."""
        return None

    @property
    def serves_sets(self) -> bool:
        """Whether it acts where each label of a set has a score of its own, as weights (of positives) and names do."""
        return all(p.many_labels or set(p.stages) <= {Stage.WEIGHT, Stage.POOL} for p in self.parts)

    @property
    def serves_labels(self) -> bool:
        """Whether a learner that labels examples could honour it, and not only one that ranks items for users."""
        return STAGES_OF_LISTS.isdisjoint(self.stages)

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
            f"{f.name}={literal(getattr(self, f.name), f.default)}"
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{self.name}({', '.join(values)})" if values else self.name

    def __str__(self) -> str:
        return self.spec

    def __add__(self, other: Remedy) -> Remedy:
        from evenshelf.remedies.composition import Composition  # noqa: PLC0415 - which is a remedy itself

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

    def evidence(self, clicked: Clicked, prior: Prior) -> Floats | None:
        """``[p]`` >= 0, how well each group answers where it was shown; ``None``: its clicks a time shown.

        Parameters
        ----------
        clicked
            What was shown and clicked, of the training fold only.
        prior
            How often each group was taken.
        """
        return None

    def texts(self, titles: Sequence[str], prior: Prior, rng: np.random.Generator) -> MadeTexts | None:
        """Make texts beside the given ones, such as queries for items; ``None`` makes none.

        Parameters
        ----------
        titles
            ``[G]`` what the groups are called.
        prior
            How often each was taken.
        rng
            Source of all randomness.
        """
        return None

    def pick(self, variants: Variants, prior: Prior, rng: np.random.Generator) -> Codes | None:
        """``[p]`` which of the texts that were made are trained on as well, ascending; ``None`` takes none.

        Parameters
        ----------
        variants
            What :attr:`text_maker` has made of the texts of the training fold.
        prior
            Of the training fold.
        rng
            Source of all randomness.
        """
        return None

    def augment(
        self, item: Codes, start: Codes, prior: Prior, near: Codes | None, rng: np.random.Generator
    ) -> Sequences | None:
        """Make training sequences beside the given ones; ``None`` makes none.

        A learner may ask anew in each round of its training.

        Parameters
        ----------
        item
            ``[N]`` group codes in order, sequences one after another.
        start
            ``[S + 1]`` where each sequence begins, and the number of all steps; some may be empty.
        prior
            How often each group stands in them.
        near
            ``[G, k]`` groups with texts like that of each, the nearest first and -1 where there are no more; ``None``
            where there are no texts.
        rng
            Source of all randomness.
        """
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

    def competitors(self, prior: Prior) -> Negatives | None:
        """What examples compete with in training; ``None`` leaves it to the learner, mostly all groups."""
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

    def rerank(self, offered: Offered, prior: Prior) -> Codes | None:
        """``[n, k]`` the order in which candidates are shown, as places in the given lists; ``None`` leaves them.

        Parameters
        ----------
        offered
            Candidates, and what is known of them and of whom they are for.
        prior
            Of what was learned from.
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


def effective_loss(remedy: Remedy, prior: Prior) -> Loss:
    """The remedy's loss, or cross entropy where it has none."""
    return remedy.loss(prior) or CrossEntropy()
