"""The task ``search``: which items answer a query, by what people judged or clicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.clicks import grades, log_of_shop
from evenshelf.clicks.models.position_based import PositionBased
from evenshelf.errors import InputError, SettingError
from evenshelf.index.documents import taken_of
from evenshelf.index.shops import queries_of
from evenshelf.index.text.folding import fold
from evenshelf.index.trust import script_of
from evenshelf.shop import buckets, title_groups
from evenshelf.tasks.folds import grouped_folds
from evenshelf.tasks.nouns import Nouns

if TYPE_CHECKING:
    from evenshelf.shop import Shop

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

JUDGEMENTS, CLICKS = "judgements", "clicks"
ASKED, ANSWERS = "asked", "answers"
"""What queries are counted by."""
TARGETS = (JUDGEMENTS, CLICKS)
"""What says how well items answer queries."""
NOUNS = Nouns(
    thing="query",
    things="queries",
    text="query",
    texts="queries",
    label="query",
    labels="queries",
    examples="items that answer",
    parts="queries",
    advice="Have more queries judged",
    elsewhere="compare other learners",
    clusters="groups of queries",
    row="judgement",
    rows="judgements",
    learned="queries",
)
LOGGED = replace(NOUNS, row="row of the log", rows="rows of the log")
"""The same where clicks are learned from, and rows of their log are what is left out."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """Pairs of a query and an item that was shown for it, by codes.

    Attributes
    ----------
    query, item
        ``[p]`` codes.
    shown, clicks, looked
        ``[p]`` how often it was shown there, clicked, and by a click model looked at.
    """

    query: Codes
    item: Codes
    shown: Floats
    clicks: Floats
    looked: Floats


@dataclass(frozen=True, eq=False)
class SearchTask:
    """Queries, and how well some items answer them.

    Attributes
    ----------
    queries
        ``[Q]`` texts, each once.
    asked
        ``[Q]`` how often each was asked, at least 1.
    items
        ``[I]`` ids of all items of the shop.
    taken
        ``[I]`` how often each was clicked, put into a cart or bought.
    query, item, grade
        ``[n]`` judged pairs: codes of both, and how well the item answers, from 0 up. Others were not judged.
    target
        What is learned from, one of :data:`TARGETS`.
    tested_by
        What the grades come from, one of :data:`TARGETS`; "" if from `target`.
    lessons
        What was shown and clicked, where clicks are learned from and not the grades; ``None``: the grades are.
    dropped
        Judgements, or rows of clicks, that were left out, by reason.
    """

    queries: tuple[str, ...]
    asked: Floats
    items: tuple[str, ...]
    taken: Floats
    query: Codes
    item: Codes
    grade: Floats
    target: str = JUDGEMENTS
    dropped: Mapping[str, int] = field(default_factory=dict)
    nouns: Nouns = NOUNS
    tested_by: str = ""
    lessons: Lessons | None = None

    name = "search"

    @classmethod
    def of(
        cls,
        judgements: Mapping[str, Mapping[str, float]],
        items: Sequence[str],
        *,
        asked: Mapping[str, float] | None = None,
        taken: Mapping[str, float] | None = None,
        target: str = JUDGEMENTS,
        dropped: Mapping[str, int] | None = None,
    ) -> SearchTask:
        """Build the task from grades by query and item.

        Parameters
        ----------
        judgements
            For each query the grades of items. Judgements of items that are not among `items` are left out and counted.
        items
            Ids of all items.
        asked, taken
            How often queries were asked and items taken; who is not named, once and never.

        Raises
        ------
        InputError
            If no query has a relevant item, or a grade is negative or no number.
        """
        code = {item: i for i, item in enumerate(items)}
        rows = [(q, item, grade) for q, known in judgements.items() for item, grade in known.items()]
        wrong = next((row for row in rows if not row[2] >= 0), None)
        if wrong is not None:
            raise InputError(
                f"The grade of {wrong[1]!r} for {wrong[0]!r} is {wrong[2]}, not a number from 0 up.",
                hint="Grades begin at 0, which is not relevant.",
            )
        known = [row for row in rows if row[1] in code]
        left_out = dict(dropped or {})
        if len(known) < len(rows):
            left_out["of an item that the shop does not have"] = len(rows) - len(known)
        queries = list(dict.fromkeys(q for q, _, _ in known))
        if not any(grade > 0 for _, _, grade in known):
            raise InputError(
                "No query has an item that answers it, so no ranking can be told from another.",
                hint="Ingest judgements with grades above 0, or clicks on what was searched for.",
            )
        place = {q: i for i, q in enumerate(queries)}
        often, popular = asked or {}, taken or {}
        return cls(
            queries=tuple(queries),
            asked=np.array([max(1.0, often.get(q, 1.0)) for q in queries]),
            items=tuple(items),
            taken=np.array([popular.get(item, 0.0) for item in items]),
            query=np.array([place[q] for q, _, _ in known], np.int64),
            item=np.array([code[item] for _, item, _ in known], np.int64),
            grade=np.array([grade for _, _, grade in known], np.float64),
            target=target,
            dropped=left_out,
        )

    @classmethod
    def from_shop(cls, shop: Shop, target: str = JUDGEMENTS) -> SearchTask:
        """Ask a shop.

        Parameters
        ----------
        shop
            With a table of judgements, or with events of lists that were shown for queries.
        target
            ``"judgements"``: grades as people gave them. ``"clicks"``: how attractive items are to who looks at them,
            by the position-based model, so that the place of an item is not taken for its worth.

        Raises
        ------
        InputError
            If the shop has none.
        SettingError
            If there is no such target.
        """
        if target not in TARGETS:
            raise SettingError(f"Search cannot be judged by {target!r}.", hint=f"By one of: {', '.join(TARGETS)}.")
        items = shop.items()["item_id"].to_list()
        asked, taken = (dict(table.iter_rows()) for table in (queries_of(shop), taken_of(shop)))
        if target == JUDGEMENTS:
            if not shop.rows("judgements"):
                raise InputError(
                    f"The shop {shop.path} has no judgements.",
                    hint="Ingest some with --table judgements, or judge by clicks: --target clicks",
                )
            table, dropped = shop.read("judgements"), {}
        else:
            log = log_of_shop(shop)
            table = grades(PositionBased.fit(log), log).rename({"attraction": "grade"})
            dropped = dict(log.left_out)
        judged: dict[str, dict[str, float]] = {}
        for query, item, grade in table.select("query", "item_id", "grade").iter_rows():
            judged.setdefault(query, {})[item] = grade
        return cls.of(judged, items, asked=asked, taken=taken, target=target, dropped=dropped)

    def with_queries(self, queries: Sequence[str], shop: Shop) -> SearchTask:
        """The task with more queries, of which nothing was judged."""
        known = set(self.queries)
        asked: dict[str, float] = dict(queries_of(shop).iter_rows())
        more = [query for query in dict.fromkeys(queries) if query not in known]
        often = np.array([max(1.0, asked.get(query, 1.0)) for query in more])
        return replace(self, queries=(*self.queries, *more), asked=np.concatenate([self.asked, often]))

    @property
    def counted(self) -> str:
        """What tells how frequent queries are: :data:`ASKED`, or :data:`ANSWERS` where that is not known."""
        return ASKED if len(np.unique(self.asked)) > 1 else ANSWERS

    @cached_property
    def frequency(self) -> Floats:
        """``[Q]`` how frequent each query is, at least 1.

        That is how often it was asked. Where nobody counted that, it is how many items are known to answer it: what
        many items answer is asked in general words, and general words are asked most.
        """
        if self.counted == ASKED:
            return self.asked
        answers = np.bincount(self.query, self.grade > 0, len(self.queries))
        return np.asarray(np.maximum(answers, 1.0), np.float64)

    @cached_property
    def query_bucket(self) -> NDArray[np.str_]:
        """``[Q]`` head, torso or tail, by :attr:`frequency`."""
        return buckets(np.ceil(self.frequency).astype(np.int64))

    @cached_property
    def item_bucket(self) -> NDArray[np.str_]:
        """``[I]`` head, torso or tail, by how often items were taken; ``cold`` those that nobody took."""
        return buckets(np.ceil(self.taken).astype(np.int64))

    @cached_property
    def script(self) -> NDArray[np.str_]:
        """``[Q]`` the script each query is written in; see :func:`evenshelf.index.trust.script_of`."""
        return np.array([script_of(fold(query)) for query in self.queries])

    @cached_property
    def answerable(self) -> NDArray[np.bool_]:
        """``[Q]`` whether some judged item answers the query."""
        best = np.zeros(len(self.queries))
        np.maximum.at(best, self.query, self.grade)
        return best > 0

    @cached_property
    def taught(self) -> NDArray[np.bool_]:
        """``[Q]`` whether an item answers the query by what is learned from: clicks, or grades."""
        if self.lessons is None:
            return self.answerable
        found = np.zeros(len(self.queries), bool)
        found[self.lessons.query[self.lessons.clicks > 0]] = True
        return found

    def folds(self, k: int, seed: int) -> NDArray[np.int16]:
        """Put each query into a fold; queries that are equal or nearly so stay together.

        Raises
        ------
        SettingError
            If there are fewer than `k` groups of queries.
        """
        _, part = np.unique(self.query_bucket, return_inverse=True)
        # Otherwise all queries of a part that is one group would never be tested.
        group = title_groups(self.queries)
        alone = [code for code in np.unique(part) if len(np.unique(group[part == code])) < 2]
        return grouped_folds(np.where(np.isin(part, alone), int(np.bincount(part).argmax()), part), group, k, seed)

    def judged(self, queries: NDArray[np.bool_] | None = None) -> dict[str, dict[str, float]]:
        """Return grades by query and item, of some of the queries."""
        kept = np.ones(len(self.queries), bool) if queries is None else queries
        found: dict[str, dict[str, float]] = {self.queries[q]: {} for q in np.flatnonzero(kept).tolist()}
        for q, i, grade in zip(self.query.tolist(), self.item.tolist(), self.grade.tolist(), strict=True):
            if kept[q]:
                found[self.queries[q]][self.items[i]] = grade
        return found

    def describe(self) -> dict[str, Any]:
        """JSON-able facts."""
        return {
            "task": self.name,
            "target": self.target,
            "queries": len(self.queries),
            "answerable": int(self.answerable.sum()),
            "items": len(self.items),
            "judged": len(self.grade),
            "counted": self.counted,
            "tested_by": self.tested_by or self.target,
            "dropped": dict(self.dropped),
            "nouns": (LOGGED if self.target == CLICKS and self.nouns == NOUNS else self.nouns).to_dict(),
        }
