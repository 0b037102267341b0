"""Several remedies used together as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from evenshelf.errors import SettingError
from evenshelf.remedies.after_training import Calibrated, Retrieved
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.clicked import Clicked
from evenshelf.remedies.losses import Loss
from evenshelf.remedies.negatives import Negatives
from evenshelf.remedies.offered import Offered
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows, SetRows
from evenshelf.remedies.sequences import Sequences
from evenshelf.remedies.set_losses import SetLoss
from evenshelf.remedies.texts import MadeTexts
from evenshelf.remedies.variants import TextMaker, Variants


@dataclass(frozen=True)
class Composition(Remedy):
    """Several remedies used together, written ``a + b``.

    Weights multiply and adjustments follow each other; of the stages *evidence*, *texts*, *variants*, *augment*,
    *resample*, *loss*, *negatives*, *retrieve*, *calibrate*, *pool* and *rerank* there can be one, and *loss* and
    *negatives* exclude each other.
    What is retrieved is mixed in after all adjustments, and calibrated with them.
    All stages see the prior of the training fold as it was before resampling; texts that were made are part of it.

    Parameters
    ----------
    members
        The parts, none of them a composition.

    Raises
    ------
    SettingError
        If two parts act at the same stage and cannot both do so, or one draws negatives and another brings a loss.
    """

    members: tuple[Remedy, ...]

    def __post_init__(self) -> None:
        alone = (
            Stage.EVIDENCE,
            Stage.TEXTS,
            Stage.VARIANTS,
            Stage.AUGMENT,
            Stage.RESAMPLE,
            Stage.LOSS,
            Stage.NEGATIVES,
        )
        for stage in (*alone, Stage.RETRIEVE, Stage.CALIBRATE, Stage.POOL, Stage.RERANK):
            rivals = [m.name for m in self.members if stage in m.stages]
            if len(rivals) > 1:
                raise SettingError(
                    f"{' + '.join(rivals)}: these act at the same stage ({stage.value}), where there can be one.",
                    hint=f"Keep one of: {', '.join(rivals)}.",
                )
        rivals = [m.name for m in self.members if not {Stage.LOSS, Stage.NEGATIVES}.isdisjoint(m.stages)]
        if len(rivals) > 1:
            raise SettingError(
                f"{' + '.join(rivals)}: a loss needs the scores of all groups, and the other draws some of them.",
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
    def text_maker(self) -> TextMaker | None:
        """Of the member that trains on made texts."""
        return next((m.text_maker for m in self.members if m.text_maker is not None), None)

    @property
    def control(self) -> Remedy | None:
        """With a member in its place that has one."""
        controls = [m.control for m in self.members]
        if all(control is None for control in controls):
            return None
        return Composition(tuple(c or m for m, c in zip(self.members, controls, strict=True)))

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

    def evidence(self, clicked: Clicked, prior: Prior) -> Floats | None:
        """Evidence of the member that reads clicks."""
        return next((m.evidence(clicked, prior) for m in self.members if Stage.EVIDENCE in m.stages), None)

    def texts(self, titles: Sequence[str], prior: Prior, rng: np.random.Generator) -> MadeTexts | None:
        """Texts of the member that makes some."""
        return next((m.texts(titles, prior, rng) for m in self.members if Stage.TEXTS in m.stages), None)

    def pick(self, variants: Variants, prior: Prior, rng: np.random.Generator) -> Codes | None:
        """What the member picks that trains on made texts."""
        return next((m.pick(variants, prior, rng) for m in self.members if Stage.VARIANTS in m.stages), None)

    def augment(
        self, item: Codes, start: Codes, prior: Prior, near: Codes | None, rng: np.random.Generator
    ) -> Sequences | None:
        """Sequences of the member that makes some."""
        made = (m.augment(item, start, prior, near, rng) for m in self.members if Stage.AUGMENT in m.stages)
        return next(made, None)

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

    def competitors(self, prior: Prior) -> Negatives | None:
        """Negatives of the member that draws some."""
        return next((found for m in self.members if (found := m.competitors(prior)) is not None), None)

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

    def rerank(self, offered: Offered, prior: Prior) -> Codes | None:
        """Order of the member that re-ranks."""
        return next((m.rerank(offered, prior) for m in self.members if Stage.RERANK in m.stages), None)

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
