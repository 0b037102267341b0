"""The task ``label``: which category, or any other column, belongs to a product text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError, near
from evenshelf.shop import buckets, title_groups
from evenshelf.shop.schema import MARKS, PROVENANCE
from evenshelf.tasks.folds import ALWAYS_TRAINING, grouped_folds, random_folds
from evenshelf.tasks.nouns import ITEMS, TEXTS, VECTORS, Nouns
from evenshelf.tasks.traits import read_traits, usual_traits

if TYPE_CHECKING:
    from evenshelf.shop import Shop

_NO_TARGETS = {"item_id", "title", *PROVENANCE, *MARKS}
_SEPARATORS = re.compile(r"[|>/\\_]+")


@dataclass(frozen=True, eq=False)
class LabelTask:
    """Examples, classes and groups of a labelling question.

    Attributes
    ----------
    texts
        ``[n]`` product texts, or ``None`` when only vectors are known.
    target
        ``[n]`` int64 codes into `classes`.
    classes
        Names of the classes, most frequent first, ties by name.
    group
        ``[n]`` examples with equal numbers have equal or nearly equal texts and are never split.
    same
        ``[n]`` examples with equal numbers have exactly equal texts (and vectors).
    dropped
        Things left out, by reason.
    nouns
        What examples, texts and classes are called.
    thing
        ``[n]`` examples with equal numbers, from 0, are of one thing: an item with several labels. ``None`` where each
        example is a thing.
    traits
        One row per example and one column per trait, as of :func:`evenshelf.tasks.traits.read_traits`: what a study
        tells examples apart by afterwards. ``None`` where nothing is known. No trial depends on them.
    descriptions
        By class, what it is besides its name, for remedies that read names; of any, or none of them.
    """

    texts: tuple[str, ...] | None
    target: NDArray[np.int64]
    classes: tuple[str, ...]
    group: NDArray[np.int64]
    same: NDArray[np.int64]
    dropped: Mapping[str, int] = field(default_factory=dict)
    nouns: Nouns = TEXTS
    thing: NDArray[np.int64] | None = None
    traits: pl.DataFrame | None = None
    descriptions: Mapping[str, str] = field(default_factory=dict)

    name = "label"
    several = False
    """Whether a text may have several labels, each of them an example."""
    spoken = TEXTS
    """Nouns of tasks that are built from texts and told no others."""

    @classmethod
    def of(
        cls,
        labels: Sequence[object],
        texts: Sequence[str] | None = None,
        *,
        group: NDArray[np.integer] | None = None,
        thing: NDArray[np.integer] | None = None,
        dropped: Mapping[str, int] | None = None,
        nouns: Nouns | None = None,
    ) -> Self:
        """Build the task from plain sequences.

        Parameters
        ----------
        labels
            ``[n]`` the class of each example; compared as text.
        texts
            ``[n]`` product texts.
        group
            ``[n]`` groups that must not be split; by default texts that are equal or nearly so.
        thing
            ``[n]`` equal numbers mean that examples are of one thing; by default each is one.
        dropped
            Things that were left out before, by reason.
        nouns
            What examples are called, groups included; by default :attr:`spoken`, or those of vectors.

        Raises
        ------
        InputError
            If lengths differ or fewer than two classes are there.
        """
        if texts is not None and len(texts) != len(labels):
            raise InputError(f"{len(texts)} texts but {len(labels)} labels: they must be equally many.")
        names = np.array([str(label) for label in labels], dtype=object)
        if len(names) == 0:
            raise InputError("There are no examples.", hint="Give at least two classes with two texts each.")
        # as objects: arrays of numpy strings lose NUL characters at the end, and pad all to the longest text
        unique, codes, counts = np.unique(names, return_inverse=True, return_counts=True)
        if len(unique) < 2:
            raise InputError(
                f"All {len(names)} examples have the label {unique[0]!r}.", hint="Give at least two classes."
            )
        order = np.argsort(-counts, kind="stable")  # names are sorted already
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        if texts is None:
            same = np.arange(len(names))
            groups = same if group is None else np.asarray(group, np.int64)
        else:
            _, same = np.unique(np.array(texts, dtype=object), return_inverse=True)
            groups = title_groups(list(texts)) if group is None else np.asarray(group, np.int64)
        return cls(
            texts=None if texts is None else tuple(texts),
            target=rank[codes.reshape(-1)],
            classes=tuple(str(unique[i]) for i in order),
            group=np.asarray(groups, np.int64),
            same=np.asarray(same, np.int64).reshape(-1),
            dropped=dict(dropped or {}),
            nouns=nouns or replace(VECTORS if texts is None else cls.spoken, grouped=group is not None),
            thing=None if thing is None else np.unique(thing, return_inverse=True)[1].reshape(-1).astype(np.int64),
        )

    @classmethod
    def from_shop(cls, shop: Shop, target: str = "category", text: str = "title") -> LabelTask:
        """Ask for column `target` of a shop's items by their column `text`; brand, seller and price are kept as traits.

        Raises
        ------
        InputError
            If a column is missing (close names are offered) or holds nothing.
        """
        return LabelTask.told_apart(shop, target, text)

    @classmethod
    def told_apart(
        cls, shop: Shop, target: str = "category", text: str = "title", by: Sequence[str] | None = None
    ) -> LabelTask:
        """As :meth:`from_shop`, with traits that are named.

        Parameters
        ----------
        shop
            The shop.
        target, text
            Columns of its items: what is learned, and what is read.
        by
            Columns kept as traits; by default those of brand, seller and price that there are.

        Raises
        ------
        InputError
            If a column is missing (close names are offered), holds nothing, or is both learned and a trait.
        """
        columns = shop.scan().collect_schema().names()
        choices = [c for c in columns if c not in _NO_TARGETS]
        for column in (target, text):
            if column not in columns:
                raise InputError(
                    f"The shop {shop.path} has no column {column!r} to learn{near(column, choices)}.",
                    hint=f"Choose one with --target: {', '.join(choices)}.",
                )
        if target in (by or ()):
            raise InputError(
                f"Column {target!r} is what is learned, so examples cannot be told apart by it as well.",
                hint="Leave it out of --by: each class has its own line in the report.",
            )
        items = shop.items()
        items = items.with_columns(_present(items[target]), _present(items[text]))
        known = items.drop_nulls([target, text])
        dropped = len(items) - len(known)
        if not len(known):
            raise InputError(f"Column {target!r} is empty in all {len(items)} items.", hint="Choose another --target.")
        apart = usual_traits(columns, (target, text)) if by is None else by
        made = cls.of(
            _as_text(known[target]),
            _as_text(known[text]),
            dropped={f"no {target} or no {text}": dropped} if dropped else {},
            nouns=item_nouns(text),
        )
        return replace(made, traits=read_traits(known, apart, [c for c in choices if c != target]))

    @property
    def counts(self) -> NDArray[np.int64]:
        """``[C]`` examples per class."""
        return np.bincount(self.target, minlength=len(self.classes)).astype(np.int64)

    @property
    def bucket(self) -> NDArray[np.str_]:
        """``[C]`` head, torso or tail."""
        return buckets(self.counts)

    @property
    def class_texts(self) -> tuple[str, ...]:
        """What each class is called, and how it is described, as text for an encoder.

        Levels of a path are separated by blanks.
        """
        called = [_SEPARATORS.sub(" ", name).strip() or name for name in self.classes]
        said = [self.descriptions.get(name) for name in self.classes]
        return tuple(f"{name}: {text}" if text else name for name, text in zip(called, said, strict=True))

    def split(self, folds: int, seed: int) -> NDArray[np.int16]:
        """``[n]`` outer fold of each example; see :func:`evenshelf.tasks.folds.grouped_folds`."""
        return grouped_folds(self.target, self.group, folds, seed)

    def shuffled(self, folds: int, seed: int) -> NDArray[np.int16]:
        """``[n]`` folds as most tutorials make them; see :func:`evenshelf.tasks.folds.random_folds`."""
        return random_folds(self.target, folds, seed)

    @property
    def things(self) -> int:
        """How many things the examples tell of; a sample is drawn of these."""
        return len(self.target) if self.thing is None else int(self.thing.max()) + 1

    def drawn(self, sample: int, seed: int) -> NDArray[np.int64]:
        """Examples of a seeded draw of things, all with the same chance: rare classes stay as rare as they are."""
        picked = np.sort(np.random.default_rng(seed).permutation(self.things)[:sample])
        return picked if self.thing is None else np.flatnonzero(np.isin(self.thing, picked))

    def sampled(self, sample: int, seed: int) -> Self:
        """The task of a draw of so many things, in the groups of all: titles that a third one links stay together.

        Raises
        ------
        InputError
            If the task has no texts.
        """
        if self.texts is None:
            raise InputError("The task has no texts, so no sample can be drawn of it.", hint="Leave --sample away.")
        rows = self.drawn(sample, seed)
        made = type(self).of(
            [self.classes[code] for code in self.target[rows]],
            [self.texts[row] for row in rows],
            group=self.group[rows],
            thing=None if self.thing is None else self.thing[rows],
            nouns=self.nouns,
        )
        left = {f"not in the sample of {sample:,} drawn with seed {seed}": self.things - made.things}
        traits = None if self.traits is None else self.traits[rows]
        return replace(made, dropped={**self.dropped, **left}, traits=traits)

    def not_evaluated(self, fold: NDArray[np.integer]) -> dict[str, str]:
        """Classes that `fold` leaves without an evaluated example, and why."""
        tested = np.bincount(self.target[fold != ALWAYS_TRAINING], minlength=len(self.classes))
        found, unit = {}, self.nouns.units
        for c in np.flatnonzero(tested == 0):
            size = "1 example" if self.counts[c] == 1 else f"{self.counts[c]} examples"
            found[self.classes[c]] = f"too few different {unit}: {size}, which cannot be split"
        return found

    def only_trained_on(self, fold: NDArray[np.integer]) -> int:
        """Examples of evaluated classes that `fold` never tests.

        They stand in a group with an example of a class that has no other group: one wrong label in a large group does
        that, and takes the whole group out of the evaluation.
        """
        never = fold == ALWAYS_TRAINING
        tested = np.bincount(self.target[~never], minlength=len(self.classes)) > 0
        return int((never & tested[self.target]).sum())

    def describe(self) -> dict[str, Any]:
        """JSON-able facts for a study's record."""
        return {
            "task": self.name,
            "rows": len(self.target),
            "classes": len(self.classes),
            "unique_texts": len(np.unique(self.same)),
            "title_groups": len(np.unique(self.group)),
            "dropped": dict(self.dropped),
            "nouns": self.nouns.to_dict(),
            **({"descriptions": dict(self.descriptions)} if self.descriptions else {}),
        }


def item_nouns(text: str) -> Nouns:
    """Words for items of which the column `text` is read."""
    return ITEMS if text == "title" else replace(ITEMS, text="text", texts="texts", parts="texts")


def _present(column: pl.Series) -> pl.Series:
    """The column with text stripped, and null for what is no value: blank text, a number that is none."""
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype == pl.String:
        return column.str.strip_chars().replace("", None)
    return column


def _as_text(column: pl.Series) -> list[str]:
    if column.dtype.is_nested():
        return [" ".join(map(str, value)) for value in column.to_list()]
    return [str(value) for value in column.to_list()]
