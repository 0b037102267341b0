"""How far vectors are to be trusted, script by script: measured on the shop's own items when the index is built.

An encoder that was trained on English knows nothing of Japanese, and its nearest neighbours are noise there. Nobody has
to say so: a few words of a title are a query whose answer is known. Where words find the item again and vectors do not,
vectors are not listened to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.index.ranking import Ranking
from evenshelf.index.text.folding import fold
from evenshelf.index.text.scripts import HAN, HANGUL, HIRAGANA, KATAKANA, THAI
from evenshelf.index.text.words import words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evenshelf.index.engine import SearchEngine

SAMPLE = 150
"""Items that are looked for, for each script."""
AS_USUAL = 0.6
"""Where vectors are as good as they usually are, they find an item again at this share of the mean reciprocal rank that
words do: MiniLM on English titles (decision 24)."""
_LOOKED_AT, _DEPTH = 2000, 50
_ONE_DEVIATION = 0.1587
"""Share of a normal distribution below one standard deviation under its middle."""
_DEVIATIONS = 3.0
_SCRIPTS = {
    "kana": re.compile(f"[{HIRAGANA}{KATAKANA}]"),
    "han": re.compile(f"[{HAN}]"),
    "hangul": re.compile(f"[{HANGUL}]"),
    "thai": re.compile(f"[{THAI}]"),
    "latin": re.compile("[a-z\u00df-\u024f]"),
    "other": re.compile(r"[^\W\d_]"),
}


def script_of(folded: str) -> str:
    """Return the script a text is written in: the first of kana, Han, Hangul, Thai that it has; Latin; ``"other"``."""
    return next((name for name, letters in _SCRIPTS.items() if letters.search(folded)), "latin")


@dataclass(frozen=True)
class Trust:
    """How well vectors find what words find.

    Attributes
    ----------
    weight
        For each script, from 0 (not at all) to 1 (as well as words, or better).
    floor
        For each script, the cosine that hardly an item reaches that has nothing to do with the query.
    """

    weight: Mapping[str, float] = field(default_factory=dict)
    floor: Mapping[str, float] = field(default_factory=dict)

    def of(self, folded: str) -> tuple[float, float]:
        """Return weight and floor for a query; nothing is trusted in a script that no item is written in."""
        script = script_of(folded)
        return self.weight.get(script, 0.0), self.floor.get(script, 1.0)


def measure_trust(engine: SearchEngine, titles: Sequence[str], *, seed: int = 0) -> Trust:
    """Look for items by a few words of their titles, by words and by vectors.

    Parameters
    ----------
    engine
        The index, with nothing but these items.
    titles
        Titles, row by row.
    seed
        Of the sample.

    Returns
    -------
    Trust
        The weight of a script is the mean reciprocal rank of the item by vectors over that by words, over
        :data:`AS_USUAL`, at most 1.
    """
    rng = np.random.default_rng(seed)
    sampled: dict[str, list[tuple[str, str]]] = {}
    ids = engine.items()["item_id"].to_list()
    for row in rng.permutation(len(titles))[:_LOOKED_AT].tolist():
        piece = _piece(fold(titles[row]), rng)
        asked = sampled.setdefault(script_of(piece), [])
        if piece and len(asked) < SAMPLE:
            asked.append((piece, ids[row]))
    weight, floor = {}, {}
    for script, asked in sorted(sampled.items()):
        if not asked:
            continue
        words, vectors = (
            float(np.mean([_found(engine, leg, piece, item) for piece, item in asked])) for leg in ("words", "vectors")
        )
        weight[script] = round(min(1.0, vectors / words / AS_USUAL), 3) if words > 0 else 1.0
        random = [engine.cosines(piece, _others(ids, item, rng)) for piece, item in asked]
        floor[script] = round(_height(np.concatenate(random)), 3)
    return Trust(weight=weight, floor=floor)


def _found(engine: SearchEngine, leg: str, piece: str, item: str) -> float:
    ranking = Ranking(fusion=leg, feedback=0.0, popularity_weight=0.0, depth=_DEPTH, enough=_DEPTH)
    hits = [hit.item_id for hit in engine.search(piece, limit=_DEPTH, ranking=ranking).hits]
    return 1 / (1 + hits.index(item)) if item in hits else 0.0


def _others(ids: Sequence[str], item: str, rng: np.random.Generator) -> list[str]:
    drawn = {ids[row] for row in rng.integers(len(ids), size=min(len(ids), 200)).tolist()}
    return sorted(drawn - {item})


def _height(cosines: NDArray[np.float32]) -> float:
    """How high cosines of unrelated items reach; seen by their lower half, since some in the upper one are related."""
    if not len(cosines):
        return 0.0
    low, middle = np.quantile(cosines, [_ONE_DEVIATION, 0.5])
    return float(middle + _DEVIATIONS * (middle - low))


def _piece(folded: str, rng: np.random.Generator) -> str:
    """Two or three words that stand together; "" if there are none."""
    words = words_of(folded)
    if not words:
        return ""
    size = min(len(words), int(rng.integers(2, 4)))
    first = int(rng.integers(len(words) - size + 1))
    return folded[words[first].start : words[first + size - 1].end]
