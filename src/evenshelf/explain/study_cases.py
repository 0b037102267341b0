"""Finds the examples of a study that its best remedy turned, and says by what: words, and what was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders import Encoder
from evenshelf.errors import SettingError
from evenshelf.explain.cases import Case, Cases, CaseWord, Neighbour
from evenshelf.explain.margins import Margin, Model
from evenshelf.explain.places import Places
from evenshelf.explain.words import WordReasons, is_summed, method_of
from evenshelf.learners.bundling import serving_head
from evenshelf.study.again import FoldHead, fold_head
from evenshelf.study.results import Outcome, StudyResult
from evenshelf.study.runner import Study
from evenshelf.study.verdict import Verdict

SHOWN, NEAREST = 3, 2
"""Cases of each kind, and training texts of each class."""
TAIL = "tail"
_PROBES = 256
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


def study_cases(
    study: Study,
    result: StudyResult,
    verdict: Verdict,
    progress: Callable[[float, float, str], None] | None = None,
) -> Cases | None:
    """Explain some examples of the tail that the best remedy alone gets right, and some that it alone gets wrong.

    The heads of their folds are fitted again, that of the remedy and that of doing nothing. If one gives other
    probabilities than the study kept, nothing is explained, and the reason is told.

    Parameters
    ----------
    study
        That has run, of texts with one label each and with the encoder of their vectors.
    result, verdict
        What it found, and what was decided.
    progress
        Called with folds done, folds in all, and a few words.

    Returns
    -------
    ``None`` where there is no remedy to explain, or there are no words.
    """
    task, encoder = study.task, study.encoder
    if verdict.best is None or encoder is None or task.texts is None or task.several:
        return None
    base, best = result[verdict.baseline].tuned, result[verdict.best].tuned
    if base is None or best is None:
        return None
    asked = (result.fold >= 0) & (task.bucket[task.target] == TAIL)
    right, before = best.predicted == result.y, base.predicted == result.y
    won, lost = asked & right & ~before, asked & before & ~right
    gain = best.p_true - base.p_true
    chosen = [*_picked(study, np.flatnonzero(won), gain), *_picked(study, np.flatnonzero(lost), -gain)]
    method = "exact" if is_summed(encoder) else "occlusion"
    explained = _Explained(study, encoder, task.texts, result.fold, verdict, base, best, won, method)
    folds = sorted({int(result.fold[row]) for row in chosen})
    cases: dict[int, Case] = {}
    left_out = ""
    try:
        for done, fold in enumerate(folds):
            if progress is not None:
                progress(done, len(folds), "fitting heads again")
            cases |= explained.of_fold(fold, [row for row in chosen if result.fold[row] == fold])
    except SettingError as error:
        chosen, left_out = [], error.message
    return Cases(
        spec=verdict.best,
        base=verdict.baseline,
        plan=str(result.meta.get("plan")),
        method=method,
        tail=int(asked.sum()),
        won=int(won.sum()),
        lost=int(lost.sum()),
        cases=tuple(cases[row] for row in chosen),
        left_out=left_out,
    )


def _picked(study: Study, rows: Rows, gain: NDArray[np.float32]) -> list[int]:
    """Rows by falling gain, one of each class before a second one of any; of equal texts one."""
    texts, target = study.task.texts, study.task.target
    assert texts is not None
    ranked: list[tuple[int, int, int]] = []
    seen, told = dict[int, int](), set[str]()
    for row in rows[np.argsort(-gain[rows], kind="stable")].tolist():
        if texts[row] in told or not Places.of(texts[row]).words:
            continue
        told.add(texts[row])
        turn = seen.get(int(target[row]), 0)
        seen[int(target[row])] = turn + 1
        ranked.append((turn, len(ranked), row))
    return [row for _, _, row in sorted(ranked)[:SHOWN]]


@dataclass(frozen=True, eq=False)
class _Explained:
    """Explains rows of a study by what is known of it.

    Attributes
    ----------
    fold
        ``[n]`` outer fold of each row.
    base, best
        What doing nothing, and the remedy, said of all rows.
    won
        ``[n]`` where the remedy alone is right.
    """

    study: Study
    encoder: Encoder
    texts: Sequence[str]
    fold: NDArray[np.int16]
    verdict: Verdict
    base: Outcome
    best: Outcome
    won: Flags
    method: str

    def of_fold(self, fold: int, rows: Sequence[int]) -> dict[int, Case]:
        """The cases of some rows of a fold.

        Raises
        ------
        SettingError
            If there are no linear heads, or they are not those of the study.
        """
        task = self.study.task
        places = [Places.of(self.texts[row]) for row in rows]
        other = [int((self.base if self.won[row] else self.best).predicted[row]) for row in rows]
        probes = self.study.vectors[:: -(-len(self.study.vectors) // _PROBES)]
        told: list[list[WordReasons]] = []
        for outcome, spec in ((self.base, self.verdict.baseline), (self.best, self.verdict.best)):
            model = Model(self.encoder, serving_head(self._head(outcome, spec, fold).head, probes), task.classes)
            margins = [Margin.of(model, int(task.target[row]), wrong) for row, wrong in zip(rows, other, strict=True)]
            told.append(method_of(self.method)(model, places, margins))
        trained = self.fold != fold
        return {
            row: Case(
                example=row,
                fold=fold,
                text=self.texts[row],
                label=task.classes[int(task.target[row])],
                wrong=task.classes[wrong],
                won=bool(self.won[row]),
                chance_before=float(self.base.p_true[row]),
                chance_after=float(self.best.p_true[row]),
                margin_before=before.margin,
                margin_after=after.margin,
                words=tuple(
                    CaseWord(one.text, one.place, one.value, two.value)
                    for one, two in zip(before.words, after.words, strict=True)
                ),
                nearest=self._nearest(row, int(task.target[row]), trained),
                nearest_wrong=self._nearest(row, wrong, trained),
            )
            for row, wrong, before, after in zip(rows, other, *told, strict=True)
        }

    def _head(self, outcome: Outcome, spec: str | None, fold: int) -> FoldHead:
        assert spec is not None
        head = fold_head(self.study, outcome, spec, fold)
        if not head.same:
            by = f"by up to {head.apart:.2g}" if np.isfinite(head.apart) else "and another label"
            raise SettingError(
                f"Fitted again, {spec} gives other probabilities to examples of fold {fold + 1} than the study kept "
                f"({by}), so its reasons would not be those of what was found."
            )
        return head

    def _nearest(self, row: int, label: int, among: Flags) -> tuple[Neighbour, ...]:
        """The nearest different texts of a class among some rows."""
        task, vectors = self.study.task, self.study.vectors
        trained = np.flatnonzero((task.target == label) & among)
        _, first, counts = np.unique(task.same[trained], return_index=True, return_counts=True)
        places = trained[first]
        theirs, own = vectors[places].astype(np.float64), vectors[row].astype(np.float64)
        lengths = np.linalg.norm(theirs, axis=1) * np.linalg.norm(own)
        cosine = theirs @ own / np.maximum(lengths, 1e-12)
        near = np.lexsort((places, -cosine))[:NEAREST]
        return tuple(Neighbour(self.texts[int(places[n])], int(counts[n]), float(cosine[n])) for n in near)
