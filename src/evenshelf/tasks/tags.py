"""The task ``tags``: which tags, any number of them, belong to a product or to a user.

Each pair of a text and one of its tags is an example ("pick all labels"; Menon et al., "Multilabel reductions: what is
my loss optimising?", NeurIPS 2019), so every learner and remedy for single labels serves as it is. A text is asked for
as many tags as it has; see :mod:`evenshelf.tasks.tag_sets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError, near
from evenshelf.shop.schema import MARKS, PROVENANCE
from evenshelf.shop.tagging.tag_rules import SEPARATOR, parse_tag_rule
from evenshelf.shop.tagging.users import IMPORTED, RFM, tags_of_users
from evenshelf.tasks.folds import random_folds
from evenshelf.tasks.label import LabelTask, item_nouns
from evenshelf.tasks.nouns import TEXTS, Nouns

if TYPE_CHECKING:
    from datetime import datetime

    from evenshelf.shop import Shop

USERS = "users."
"""Begins a target that is a column of users."""
TITLES = 10
"""So many titles stand for a user: of the items seen last."""

_OF_USERS = Nouns(
    thing="user",
    things="users",
    text="history",
    texts="histories",
    label="tag",
    labels="tags",
    examples="pairs of user and tag",
    parts="titles",
    advice="Give the items titles that describe them, or the shop a longer log",
)


@dataclass(frozen=True, eq=False)
class TagsTask(LabelTask):
    """Pairs of a text and one of its tags; see :class:`~evenshelf.tasks.label.LabelTask`.

    Examples with equal numbers in ``same`` are the tags of one text. Equal texts are one: it has the tags of all. Those
    with equal numbers in ``thing`` are the tags of one item or user, and these are what is counted and drawn.

    Attributes
    ----------
    read_off
        Tags of users that rules give for events which their texts are made of as well.
    """

    read_off: tuple[str, ...] = ()

    name = "tags"
    several = True
    spoken = replace(TEXTS, label="tag", labels="tags", examples="pairs of example and tag")

    @classmethod
    def of_sets(
        cls,
        sets: Sequence[Sequence[str]],
        texts: Sequence[str],
        *,
        dropped: Mapping[str, int] | None = None,
        nouns: Nouns | None = None,
    ) -> TagsTask:
        """Build the task from the tags of each text.

        Parameters
        ----------
        sets
            ``[n]`` the tags of each product or user; one without any is left out and counted.
        texts
            ``[n]`` their texts, which need not differ.
        dropped
            What was left out before, by reason.
        nouns
            What the texts are of; see :meth:`LabelTask.of`.

        Raises
        ------
        InputError
            If lengths differ or fewer than two tags are there.
        """
        if len(sets) != len(texts):
            raise InputError(f"{len(texts)} texts but {len(sets)} sets of tags: they must be equally many.")
        pairs = [(row, tag) for row, tags in enumerate(sets) for tag in dict.fromkeys(tags)]
        bare = sum(not tags for tags in sets)
        left_out = {**(dropped or {}), **({"no tags": bare} if bare else {})}
        rows = np.array([row for row, _ in pairs], np.int64)
        return cls.of(
            [tag for _, tag in pairs], [texts[row] for row in rows], thing=rows, dropped=left_out, nouns=nouns
        )

    @classmethod
    def from_shop(cls, shop: Shop, target: str = "tags", text: str = "title") -> TagsTask:
        """Ask for the tags of a shop's items by their texts, or of its users by what they looked at.

        Parameters
        ----------
        shop
            The shop.
        target
            A column of the items whose cells hold tags divided by ``|``, or ``users.`` and such a column of the users.
            Several columns with commas between them are attributes: each value is a tag ``column=value``, and a missing
            one leaves its column out.
        text
            The column of the items that is read. For users: the titles of the :data:`TITLES` items that they saw last
            in the earlier half of the log, so that tags given for what was done later are foretold, not read off.

        Raises
        ------
        InputError
            If a column is missing (close names are offered) or holds nothing, or events have no times.
        """
        columns, of_users = _columns(shop, target)
        if of_users:
            key = "user_id"
            asked, texts = _users(shop, columns[0]), _user_texts(shop, text)
        else:
            key, asked = "item_id", shop.scan()
            _check_column(shop, asked, text, "text", "")
            texts = asked.select("item_id", text=pl.col(text).cast(pl.String))
        for column in columns:
            _check_column(shop, asked, column, "target", USERS if of_users else "")
        if len(columns) > 1:
            tags = asked.select(key, tags=pl.concat_list(_attribute(asked, column) for column in columns))
        else:
            tags = asked.select(key, tags=_cells(asked, columns[0]))
        rows = tags.join(texts, on=key, how="left", maintain_order="left").collect()
        rows = rows.with_columns(
            pl.col("text").str.strip_chars().replace("", None),
            pl.col("tags").list.eval(pl.element().str.strip_chars().replace("", None).drop_nulls()),
        )
        if not rows["tags"].list.len().sum():
            which = f"Column {target!r} is" if len(columns) == 1 else f"Columns {', '.join(columns)} are"
            raise InputError(f"{which} empty in all {rows.height} rows.", hint="Give tags with: evenshelf shop tag.")
        known = rows.filter(pl.col("text").is_not_null())
        lost = rows.height - known.height
        why = "nothing seen in the earlier half of the log" if key == "user_id" else f"no {text}"
        sets = known["tags"].fill_null([]).to_list()
        of_items = replace(item_nouns(text), label="tag", labels="tags", examples="pairs of item and tag")
        nouns = _OF_USERS if key == "user_id" else of_items
        task = cls.of_sets(sets, known["text"].to_list(), dropped={why: lost} if lost else {}, nouns=nouns)
        seen = _read_off(shop) if target == f"{USERS}tags" else frozenset()
        return replace(task, read_off=tuple(tag for tag in task.classes if tag in seen))

    @property
    def class_texts(self) -> tuple[str, ...]:
        """See :attr:`LabelTask.class_texts`; of an attribute ``column=value`` the sign is no word."""
        return tuple(text.replace("=", " ").strip() or text for text in super().class_texts)

    def shuffled(self, folds: int, seed: int) -> NDArray[np.int16]:
        """``[n]`` folds that ignore groups but split no text, whose tags are one answer; stratified by rarest tag."""
        _, first = np.unique(self.same, return_index=True)
        rarest = np.zeros(len(first), np.int64)
        np.maximum.at(rarest, self.same, self.target)  # codes are by falling frequency
        return random_folds(rarest, folds, seed)[self.same]

    def sampled(self, sample: int, seed: int) -> Self:
        """See :meth:`LabelTask.sampled`; what is read off stays so."""
        made = super().sampled(sample, seed)
        return replace(made, read_off=tuple(tag for tag in made.classes if tag in self.read_off))

    def describe(self) -> dict[str, Any]:
        """JSON-able facts for a study's record."""
        content = blake2b(repr((self.texts, self.classes)).encode(), digest_size=8)
        content.update(self.target.tobytes())
        asked = len(np.unique(self.same * len(self.classes) + self.target))  # a text is asked once for each of its tags
        each = asked / len(np.unique(self.same))
        facts = {"labels_per_text": round(each, 4), "content": content.hexdigest(), "read_off": list(self.read_off)}
        return {**super().describe(), **facts}


def _columns(shop: Shop, target: str) -> tuple[list[str], bool]:
    """The columns that a target names, and whether they are of the users."""
    if target in shop.scan().collect_schema().names() or "," not in target:
        return [target.removeprefix(USERS)], target.startswith(USERS)
    names = [name.strip() for name in target.split(",")]
    if "" in names:
        raise InputError(
            f"The target {target!r} has an empty name among its columns.", hint="Write it as in: --target colour,season"
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"The target {target!r} names {', '.join(twice)} twice.", hint="Name each column once.")
    of_users = [name.startswith(USERS) for name in names]
    if any(of_users) and not all(of_users):
        raise InputError(
            f"The target {target!r} names columns of items and of users.",
            hint=f"Ask for items or for users ({USERS}COLUMN), not for both at once.",
        )
    return [name.removeprefix(USERS) for name in names], all(of_users)


def _cells(table: pl.LazyFrame, column: str) -> pl.Expr:
    """The values of a column, which holds lists or values divided by ``|``."""
    if isinstance(table.collect_schema()[column], pl.List):
        return pl.col(column).cast(pl.List(pl.String))
    return pl.col(column).cast(pl.String).str.split(SEPARATOR)


def _attribute(table: pl.LazyFrame, column: str) -> pl.Expr:
    """The values of a column as tags ``column=value``; an empty list where there is none."""
    value = pl.element().str.strip_chars().replace("", None).drop_nulls()
    cells = _cells(table, column).list.eval(pl.lit(f"{column}=") + value)
    return cells.fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _check_column(shop: Shop, table: pl.LazyFrame, column: str, option: str, prefix: str) -> None:
    there = table.collect_schema().names()
    hidden = {"item_id", "user_id", *PROVENANCE, *MARKS}
    choices = [prefix + name for name in there if name not in hidden]
    if column not in there:
        raise InputError(
            f"The shop {shop.path} has no column {prefix + column!r}{near(prefix + column, choices)}.",
            hint=f"Choose one with --{option}: {', '.join(choices) or 'there is none'}.",
        )


def _middle(events: pl.LazyFrame) -> tuple[datetime, datetime]:
    """The middle of a log's time, and its last moment."""
    times = events.select(first=pl.col("time").min(), last=pl.col("time").max())
    first, last = times.collect(engine="streaming").row(0)
    if first is None:
        raise InputError("No event has a time, so the earlier half of the log cannot be told.")
    return first + (last - first) / 2, last


def _read_off(shop: Shop) -> frozenset[str]:
    """Tags whose rules look at the earlier half of the log, as the texts of users do."""
    middle, last = _middle(shop.scan("events"))
    found = set()
    for tag, origin in tags_of_users(shop).select("tag", "origin").unique().iter_rows():
        if origin == RFM:
            found.add(tag)
        elif origin != IMPORTED:
            conditions = [c for rule in origin.split("; ") for c in parse_tag_rule(rule).conditions]
            if any(c.within is None or last - c.within < middle for c in conditions):
                found.add(tag)
    return frozenset(found)


def _users(shop: Shop, column: str) -> pl.LazyFrame:
    """The table of users; their tags are also those that rules gave them."""
    if column != "tags":
        return shop.scan("users")
    tags = tags_of_users(shop).group_by("user_id", maintain_order=True).agg(tags=pl.col("tag").str.join(SEPARATOR))
    joined = tags.lazy().join(shop.scan("users").select("user_id"), on="user_id", how="full", coalesce=True)
    return joined.sort("user_id")  # a full join gives its rows in another order each time, and folds go by the order


def _user_texts(shop: Shop, text: str) -> pl.LazyFrame:
    """``user_id`` and ``text``: titles of the items seen last before the middle of the log, latest first."""
    items, events = shop.scan(), shop.scan("events")
    _check_column(shop, items, text, "text", "")
    there = events.collect_schema().names()
    if "time" not in there or "user_id" not in there:
        raise InputError(
            f"The shop {shop.path} has no events with time and user, so nobody knows what users looked at.",
            hint="Ingest events: evenshelf ingest SHOP FILE --table events.",
        )
    middle, _ = _middle(events)
    seen = (
        events.filter(pl.col("time") <= middle, pl.col("user_id").is_not_null())
        .group_by("user_id", "item_id")
        .agg(pl.col("time").max())
        .join(items.select("item_id", text=pl.col(text).cast(pl.String)), on="item_id")
        .filter(pl.col("text").str.strip_chars() != "")
    )
    return (
        seen.group_by("user_id", "text")
        .agg(pl.col("time").max())
        .sort("user_id", "time", "text", descending=[False, True, False])
        .group_by("user_id", maintain_order=True)
        .agg(pl.col("text").head(TITLES).str.join("; "))
    )
