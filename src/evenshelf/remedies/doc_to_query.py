"""Queries made from titles, most of them of rare items: what is never searched for teaches a model nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Prior
from evenshelf.remedies.texts import MadeTexts

_WORD = re.compile(r"[^\W_]+(?:[-.'][^\W_]+)*")
_RUN = 8
"""Words of so many letters and more in a script without spaces are runs, of which pieces are taken."""
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of Thai, Lao, Burmese, Khmer, kana and Han."""
_FEWEST, _MOST = 2, 4
"""Words of a query."""


@register
@dataclass(frozen=True)
class DocToQuery(Remedy):
    """Trains on made-up queries as well: a few words of a title, for which the item with that title is the answer.

    Items are drawn, the rare ones more often, and of a title the words that few titles have.

    Parameters
    ----------
    queries
        How many are made, >= 1; never more than three for each item.
    power
        In [0, 2]: items are drawn by the inverse of their count to this power; 0 draws all alike.
    worth
        In [0.001, 10]: what one of them counts, against a query that was asked once.
    """

    queries: int = 300
    power: float = 0.5
    worth: float = 0.3

    name: ClassVar[str] = "doc_to_query"
    title: ClassVar[str] = "Queries made from titles"
    family: ClassVar[Family] = Family.MADE_QUERIES
    paper: ClassVar[str] = "Nogueira et al., arXiv 1904.08375, 2019; Bonifacio et al., SIGIR 2022"
    formula: ClassVar[str] = (
        "item i ~ (n[i] + 1) ** -power; 2 to 4 words of its title, each ~ log(titles / titles with it)"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.TEXTS,)
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"worth": (0.3, 0.03)}

    def __post_init__(self) -> None:
        check_range("queries", self.queries, 1, whole=True)
        check_range("power", self.power, 0.0, 2.0)
        check_range("worth", self.worth, 0.001, 10.0)

    def texts(self, titles: Sequence[str], prior: Prior, rng: np.random.Generator) -> MadeTexts | None:
        """See :meth:`Remedy.texts`."""
        pieces = [_WORD.findall(title) for title in titles]
        held = Counter(word.lower() for own in pieces for word in {*own})
        can = np.array([len(own) >= _FEWEST or any(_is_run(word) for word in own) for own in pieces])
        if not can.any():
            return None
        chance = np.where(can, (prior.counts + 1.0) ** -self.power, 0.0)
        count = min(self.queries, 3 * int(can.sum()))
        drawn = rng.choice(len(titles), count, p=chance / chance.sum())
        made: dict[str, int] = {}
        for item in drawn.tolist():
            made.setdefault(_query(pieces[item], held, len(titles), rng), item)
        group = np.array(list(made.values()), np.int64)
        return MadeTexts(tuple(made), group, np.full(len(group), self.worth, np.float32))


def _is_run(word: str) -> bool:
    return len(word) >= _RUN and _WITHOUT_SPACES.match(word) is not None


def _query(words: Sequence[str], held: Counter[str], titles: int, rng: np.random.Generator) -> str:
    runs = [word for word in words if _is_run(word)]
    if runs and len(words) <= _MOST:
        run = runs[int(rng.integers(len(runs)))]
        length = int(rng.integers(_FEWEST, _MOST + 2))
        start = int(rng.integers(len(run) - length + 1))
        return run[start : start + length]
    size = min(len(words), int(rng.integers(_FEWEST, _MOST + 1)))
    rare = np.array([np.log1p(titles / held[word.lower()]) for word in words])
    places = np.sort(rng.choice(len(words), size, replace=False, p=rare / rare.sum()))
    return " ".join(words[place] for place in places.tolist())
