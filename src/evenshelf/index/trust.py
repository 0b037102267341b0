"""How far vectors are to be trusted, script by script: measured on the shop's own items when the index is built.

An encoder that was trained on English knows nothing of Japanese, and its nearest neighbours are noise there. Nobody has
to say so: half of the words of a title are a query whose answer is known. Where words find the item again and vectors
do not, vectors are not listened to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.index.text.folding import fold
from evenshelf.index.text.scripts import HAN, HANGUL, HIRAGANA, KATAKANA, THAI
from evenshelf.index.text.words import words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evenshelf.encoders import Encoder
    from evenshelf.index.dense import DenseIndex

SAMPLE = 200
"""Items that are looked for, for each script."""
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


def measure_trust(titles: Sequence[str], encoder: Encoder, dense: DenseIndex, *, seed: int = 0) -> Trust:
    """Look for items by half of the words of their titles.

    Parameters
    ----------
    titles
        Titles, row by row.
    encoder
        What made the vectors.
    dense
        The vectors.
    seed
        Of the sample.

    Returns
    -------
    Trust
        The weight of a script is the mean over its items of the reciprocal rank at which vectors find the item again,
        times two, at most 1: an item that comes second in the mean is found well enough.
    """
    rng = np.random.default_rng(seed)
    folded = [fold(title) for title in titles]
    by_script: dict[str, list[int]] = {}
    for row in rng.permutation(len(titles)).tolist():
        rows = by_script.setdefault(script_of(folded[row]), [])
        if len(rows) < SAMPLE:
            rows.append(row)
    weight, floor = {}, {}
    for script, rows in sorted(by_script.items()):
        asked = [(row, half) for row in sorted(rows) if (half := _half(folded[row], rng))]
        if not asked:
            continue
        queries = encoder.encode([half for _, half in asked])
        found, random = [], []
        for (row, _), query in zip(asked, queries, strict=True):
            own = float(dense.cosines(query, np.array([row]))[0])
            rows_found, cosines = dense.nearest(query, 20)
            # Items with the same title are as good as the item itself.
            found.append(1 / (1 + int((cosines > own + 1e-4).sum())) if own > 0 and len(rows_found) else 0.0)
            others = np.setdiff1d(rng.integers(len(titles), size=min(len(titles), 200)), row)
            random.append(dense.cosines(query, others))
        weight[script] = round(min(1.0, 2 * float(np.mean(found))), 3)
        floor[script] = round(_height(np.concatenate(random)), 3)
    return Trust(weight=weight, floor=floor)


def _height(cosines: NDArray[np.float32]) -> float:
    """How high cosines of unrelated items reach; seen by their lower half, since some in the upper one are related."""
    if not len(cosines):
        return 0.0
    low, middle = np.quantile(cosines, [_ONE_DEVIATION, 0.5])
    return float(middle + _DEVIATIONS * (middle - low))


def _half(folded: str, rng: np.random.Generator) -> str:
    words = words_of(folded)
    if len(words) < 2:
        return folded
    kept = np.sort(rng.choice(len(words), size=max(1, len(words) // 2), replace=False))
    return " ".join(folded[words[i].start : words[i].end] for i in kept.tolist())
