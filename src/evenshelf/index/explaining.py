"""Why hits are where they are: every part of their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenshelf.index.documents import FIELDS
from evenshelf.index.results import Explanation
from evenshelf.index.understanding import AS_ASKED, Group, Understood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.index.searching import _Search


def explanations(search: _Search, rows: NDArray[np.int64]) -> list[Explanation]:
    """Return an explanation for each row of a page."""
    candidates, ranked, understood = search.candidates, search.ranked, search.understood
    place = {int(row): i for i, row in enumerate(candidates.rows)}
    weights = dict.fromkeys(FIELDS, 1.0)
    by_word: list[tuple[str, str, NDArray[np.float32]]] = []
    notes: list[tuple[str, NDArray[np.float32]]] = []
    reader = search.view.reader
    for group in understood.groups:
        for field in FIELDS:
            alone = Understood(understood.text, understood.folded, (group,))
            scores = reader.scores(reader.query(alone, {field: 1.0}, needed=None), rows)
            by_word.append((group.text, field, scores))
        for alternative in group.alternatives:
            if alternative.why != AS_ASKED:
                only = Understood(understood.text, understood.folded, (Group(group.text, (alternative,)),))
                said = f"{alternative.text} is a {alternative.why}"
                notes.append((said, reader.scores(reader.query(only, weights, needed=None), rows)))
    found = []
    for i, row in enumerate(rows.tolist()):
        at = place.get(row)
        words: dict[str, dict[str, float]] = {}
        for text, field, scores in by_word:
            if scores[i] > 0:
                words.setdefault(text, {})[field] = round(float(scores[i]), 4)
        told = [note for note, scores in notes if scores[i] > 0]
        if at is not None and not candidates.matched[at]:
            told.append("found by its vector, not by its words")
        found.append(
            Explanation(
                parts={} if at is None else {name: round(float(v[at]), 6) for name, v in ranked.parts.items()},
                words=words,
                cosine=None if search.vector is None or at is None else round(float(candidates.cosines[at]), 4),
                trust=search.trust,
                notes=tuple(told),
            )
        )
    return found
