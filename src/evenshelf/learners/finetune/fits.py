"""How a tuned language model labels: with the head that was tuned, or with linear heads on its vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.cross_fitting import cross_fitted
from evenshelf.learners.finetune.judging import judge_of
from evenshelf.learners.finetune.kept import kept
from evenshelf.learners.finetune.lessons import Lessons
from evenshelf.learners.finetune.network import content_of
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import Tell, Tuned, tune
from evenshelf.learners.heads import LoneHead, fit_alone
from evenshelf.learners.log_scores import spread
from evenshelf.learners.materialise import weighted
from evenshelf.learners.real_rows import held_out
from evenshelf.learners.registry import Predict
from evenshelf.remedies import Loss, Prior, Remedy, Stage, effective_loss

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

STAGES = (Stage.RESAMPLE, Stage.WEIGHT, Stage.LOSS, Stage.ADJUST, Stage.CALIBRATE, Stage.POOL)
"""Honoured where model and head are tuned together."""
PENALTY = 1e-5
"""Of linear heads on tuned vectors. There classes lie apart already, so that all that is stronger holds them back."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a learner that reads texts is fitted on.

    Attributes
    ----------
    frozen
        ``[n, d]`` vectors of the frozen encoder.
    rows
        ``[n, length]`` tokens.
    target
        ``[n]`` group codes.
    out
        ``[n]`` which rows are held out to tell when to stop.
    """

    frozen: Floats
    rows: Floats
    target: Codes
    out: NDArray[np.bool_]

    @classmethod
    def of(cls, vectors: Floats, target: Codes, group: Codes | None, settings: FineTuning, seed: int) -> Given:
        """From rows that hold vectors and tokens, put in an order that is theirs and not that in which they came."""
        _, place = np.unique(vectors, axis=0, return_inverse=True)
        order = np.lexsort((place.reshape(-1), target))
        vectors, target = vectors[order], target[order]
        group = None if group is None else group[order]
        frozen, rows = split(vectors, settings)
        out = held_out(rows, target, group, seed) if settings.patience else np.zeros(len(target), bool)
        return cls(frozen, rows, target, out)

    def judged(self, adjust: Callable[[Floats], Floats], watch: str) -> dict[str, Any]:
        """What judges a model while it is tuned, by what is watched: see :attr:`FineTuning.watch`."""
        if not self.out.any():
            return {}
        judge = judge_of(self.target[self.out], np.bincount(self.target), adjust, watch)
        return {"judge": judge, "held": self.rows[self.out]}


@dataclass(frozen=True, eq=False)
class Watching:
    """Who looks on while a model is tuned: it changes nothing but may end it by an exception.

    Attributes
    ----------
    rows, target
        ``[h, d + length]`` rows that no model is tuned to, as a learner is given them, and ``[h]`` their groups.
    judged
        Is told the number of each epoch from 0, and what scores of these rows are worth after it.
    tell
        Is told how many steps are done, and of how many.
    place
        Folder in which an interrupted tuning goes on.
    """

    rows: Floats
    target: Codes
    judged: Callable[[int, float], None]
    tell: Tell
    place: Path

    def told(self, given: Given, adjust: Callable[[Floats], Floats], settings: FineTuning) -> dict[str, Any]:
        """What it wants of :func:`~evenshelf.learners.finetune.tuning.tune`."""
        counts = np.bincount(given.target, minlength=int(self.target.max()) + 1)
        judge = judge_of(self.target, counts, adjust, settings.watch)
        held = split(self.rows, settings)[1]
        return {"judge": judge, "held": held, "judged": self.judged, "tell": self.tell, "place": self.place}


@dataclass(frozen=True)
class Joint:
    """Tunes model and head together under a remedy: its rows, weights, loss and adjustments.

    Rows that lie between two texts, as those of Mixup and SMOTE, lie between their vectors inside the network; which
    texts are near is seen in the vectors of the frozen encoder.
    """

    settings: FineTuning
    watching: Watching | None = None

    def __post_init__(self) -> None:
        if self.settings.contrast == 1:
            raise SettingError(
                "finetune(contrast=1) has no loss of the scores in which a remedy could act.",
                hint="Give a share below 1, or tune with finetune_heads.",
            )
        if self.settings.beside:
            raise SettingError(
                "finetune(beside=True) has one head, which was tuned with the model.", hint="Tune with finetune_heads."
            )

    @property
    def fingerprint(self) -> str:
        """All that decides what it does."""
        return f"finetune 2 {self.settings!r}{content_of(self.settings.model)}"

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
        group: Codes | None = None,
    ) -> Predict:
        """See :class:`evenshelf.learners.registry.FitScores`; the last columns of rows and names are tokens."""
        del penalty
        refuse(remedy, STAGES, "a tuned language model")
        given = Given.of(vectors, target, group, self.settings, seed)
        prior = Prior(np.bincount(target, minlength=groups).astype(np.int64))
        present = np.flatnonzero(prior.present)
        if len(present) < 2:
            return lambda new: spread(np.zeros((len(new), len(present))), present, groups)
        loss = effective_loss(remedy, prior)
        pooled = names is not None and Stage.POOL in remedy.stages

        def adjust(scores: Floats) -> Floats:
            return remedy.adjust(scores.copy(), prior, np.ones(groups, np.float32))

        watched = given.judged(adjust, self.settings.watch)
        if self.watching is not None:
            watched = self.watching.told(given, adjust, self.settings)
        tuned = tune(
            lessons_of(given, remedy, prior, loss, np.random.default_rng(seed)),
            groups,
            self.settings,
            loss=loss,
            names=split(names, self.settings)[1] if pooled and names is not None else None,
            seed=seed,
            before=Lessons.plain(given.rows[~given.out], given.target[~given.out]) if self.settings.defer else None,
            **watched,
        )
        norms = np.linalg.norm(tuned.weights, axis=0).astype(np.float32)

        def scores(new: Floats) -> Floats:
            found = tuned.head(tuned.encode(split(new, self.settings)[1]))
            return remedy.adjust(spread(found[:, present], present, groups), prior, norms)

        if Stage.CALIBRATE not in remedy.stages:
            return scores
        more: dict[str, Any] = {"names": names, "seed": seed, "penalty": None, "group": group}
        calibrated = remedy.calibration(
            *cross_fitted(replace(self, watching=None), vectors, target, groups, remedy, **more), prior
        )
        return scores if calibrated is None else lambda new: calibrated(scores(new))


@dataclass(frozen=True)
class Decoupled:
    """Tunes a model on rows as they are, and fits linear heads under the remedy on its vectors.

    One tuning serves all remedies of a study, as none acts in it (decoupled training, Kang et al., ICLR 2020).
    """

    settings: FineTuning
    watching: Watching | None = None

    def __post_init__(self) -> None:
        if self.settings.defer and not self.settings.balance:
            raise SettingError(
                "finetune_heads(defer=...) defers nothing: no remedy acts in its tuning.",
                hint="Give balance as well, or tune with finetune.",
            )

    @property
    def fingerprint(self) -> str:
        """All that decides what it does."""
        return f"finetune_heads 2 {self.settings!r}{content_of(self.settings.model)}"

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
        group: Codes | None = None,
        made: NDArray[np.bool_] | None = None,
    ) -> Predict:
        """See :class:`evenshelf.learners.registry.FitScores`; the last columns of rows and names are tokens.

        Rows of texts that were made are for the heads alone, or each remedy would need a model of its own.
        """
        more, of_more = vectors[:0], target[:0]
        if made is not None and made.any():
            more, of_more = vectors[made], target[made]
            vectors, target = vectors[~made], target[~made]
            group = None if group is None else group[~made]
        # Remedies are given seeds of their own, and the same model is to serve them all: its seed is of the rows alone.
        own = _seed_of(vectors, target)
        given = Given.of(vectors, target, group, self.settings, own)
        called = None if names is None else split(names, self.settings)[1]
        plain = texts_of(given, called if self.settings.contrast else None)
        settings = replace(self.settings, beside=False)  # which is the business of the heads

        def anew(place: Path) -> Tuned:
            judged = given.judged(lambda scores: scores, settings.watch)
            return tune(plain, groups, settings, seed=own, place=place, **judged)

        if self.watching is not None:
            watched = self.watching.told(given, lambda scores: scores, settings)
            tuned, there = tune(plain, groups, settings, seed=own, **watched), False
        else:
            tuned, there = kept(plain, groups, settings, seed=own, tune=anew)
        head = fit_alone(
            np.concatenate(
                [
                    seen_by_heads(tuned, given.frozen, given.rows, self.settings),
                    seen_by_heads(tuned, *split(more, self.settings), self.settings),
                ]
            ),
            np.concatenate([given.target, of_more]),
            groups,
            remedy,
            names=None if names is None else seen_by_heads(tuned, *split(names, self.settings), self.settings),
            seed=seed,
            penalty=PENALTY if penalty is None else penalty,
        )
        return TunedHeads(head, tuned, self.settings, tuned.seconds if there else 0.0)


@dataclass(frozen=True, eq=False)
class TunedHeads:
    """Linear heads on the vectors of a tuned model.

    Attributes
    ----------
    head
        The fitted head.
    tuned
        The model.
    settings
        How it was tuned.
    borrowed
        CPU seconds of the tuning, where it was done for another remedy before.
    """

    head: LoneHead
    tuned: Tuned
    settings: FineTuning
    borrowed: float

    def __call__(self, new: Floats) -> Floats:
        """``[m, G]`` scores of rows that hold vectors and tokens."""
        return self.head(seen_by_heads(self.tuned, *split(new, self.settings), self.settings))


def seen_by_heads(tuned: Tuned, frozen: Floats, rows: Floats, settings: FineTuning) -> Floats:
    """``[n, width]`` tuned vectors, or ``[n, width + d]`` with the frozen ones beside them, both of half the weight."""
    found = tuned.encode(rows)
    if not settings.beside:
        return found
    return np.hstack([found, frozen]) * np.float32(np.sqrt(0.5))


def refuse(remedy: Remedy, stages: Sequence[Stage], what: str) -> None:
    """Raise a :class:`SettingError` if the remedy acts at a stage that is not honoured."""
    beyond = [stage.value for stage in remedy.stages if stage not in stages]
    if beyond:
        raise SettingError(f"{remedy}: {what} cannot act at the stage {', '.join(beyond)}.")


def texts_of(given: Given, called: Floats | None) -> Lessons:
    """Rows that are not held out, as they are; a group of one row has what it is `called` beside it, if that is given.

    So each row has another of its group to be compared with.
    """
    rows, target = given.rows[~given.out], given.target[~given.out]
    if called is None:
        return Lessons.plain(rows, target)
    lone = np.flatnonzero(np.bincount(target, minlength=len(called)) == 1)
    return Lessons.plain(np.concatenate([rows, called[lone]]), np.concatenate([target, lone]))


def lessons_of(given: Given, remedy: Remedy, prior: Prior, loss: Loss, rng: np.random.Generator) -> Lessons:
    """What a remedy makes of the rows that are not held out, weighed."""
    frozen, rows, target = given.frozen[~given.out], given.rows[~given.out], given.target[~given.out]
    found = Lessons.plain(rows, target)
    if Stage.RESAMPLE in remedy.stages:
        seen = Prior(np.bincount(target, minlength=len(prior.counts)).astype(np.int64))
        made = remedy.resample(frozen, target, seen, rng)
        if made is not None and made.made is not None:
            raise SettingError(f"{remedy} makes vectors that no text has.", hint="Use it with the learner heads.")
        if made is not None:
            index, label, weight = weighted(made)
            found = Lessons(rows, made.first[index], made.second[index], made.step[index], label, weight)
    weight = found.weight
    for by_group in (remedy.weight(prior), loss.class_weight()):
        if by_group is not None:
            weight = (weight * by_group[found.target]).astype(np.float32)
    return replace(found, weight=weight)


def split(rows: Floats, settings: FineTuning) -> tuple[Floats, Floats]:
    """Vectors of the frozen encoder, and tokens."""
    return rows[:, : -settings.length], rows[:, -settings.length :]


def _seed_of(vectors: Floats, target: Codes) -> int:
    """A seed that is of the rows alone, in whatever order they come."""
    digests = sorted(blake2b(row.tobytes(), digest_size=8).digest() for row in np.c_[vectors, target])
    return int.from_bytes(blake2b(b"".join(digests), digest_size=4).digest(), "big") % 2**31
