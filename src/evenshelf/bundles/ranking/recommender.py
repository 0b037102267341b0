"""A fitted ranker in a folder, and lists of items with their reasons. No code of learners, neither torch nor pickle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.ranking.catalogue import Catalogue, named_once
from evenshelf.bundles.ranking.manifest import RankingManifest
from evenshelf.bundles.ranking.recommended import Moved, Reason, Recommended, Shown, alone
from evenshelf.bundles.ranking.serving import NONE, named_remedy
from evenshelf.errors import InputError, SettingError
from evenshelf.rankers.answering import BLOCK, Rules, answer
from evenshelf.rankers.base import Codes, Floats
from evenshelf.rankers.grounds import Grounds
from evenshelf.rankers.kinds import Kept
from evenshelf.remedies import Remedy, parse
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.recommend import first_time


@dataclass(frozen=True, eq=False)
class Recommender:
    """All that recommends.

    Attributes
    ----------
    manifest
        What it is, of what, and why.
    ranker
        Histories to scores.
    catalogue
        The items.
    vectors
        ``[I, d]`` by which a remedy compares items; ``None`` where it does not.
    held
        Histories of users, if the bundle was asked to keep them.
    """

    manifest: RankingManifest
    ranker: Kept
    catalogue: Catalogue
    vectors: Floats | None = None
    held: Histories | None = None

    @cached_property
    def remedy(self) -> Remedy:
        """What acts on scores and lists."""
        return named_remedy(self.manifest.remedy.serving)

    def recommend(
        self,
        items: Sequence[str] = (),
        *,
        k: int = 10,
        allowed: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
        category: str | None = None,
        reasons: bool = True,
    ) -> Recommended:
        """What to show somebody who took some items; see :meth:`recommend_all`.

        Parameters
        ----------
        items
            Ids in the order in which they were taken, the latest last; with none of them what is popular is shown.
        """
        rules = {"k": k, "allowed": allowed, "exclude": exclude, "category": category, "reasons": reasons}
        return self.recommend_all([items], **rules)[0]  # type: ignore[arg-type]

    def recommend_all(
        self,
        histories: Sequence[Sequence[str]],
        *,
        k: int = 10,
        allowed: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
        category: str | None = None,
        reasons: bool = True,
    ) -> list[Recommended]:
        """What to show several users, in their order.

        Parameters
        ----------
        histories
            Of each user ids in order of time, the latest last. Those that the bundle does not know are reported with
            the list.
        k
            >= 1, places.
        allowed
            Ids of what may be shown at all, such as what is in stock; all if ``None``.
        exclude
            Ids of what must not be shown. What a user has is left out besides, unless the shop sells it again and
            again (:attr:`RankingManifest.repeats`).
        category
            Of which all that is shown has to be.
        reasons
            Whether to say why, and from which place a remedy moved what is shown; takes longer than the lists.

        Raises
        ------
        SettingError
            If `k` is below 1, or there is no such category.
        InputError
            If a history is one text, or nothing may be shown.
        """
        names = [str(number) for number in range(len(histories))]
        made, unknown = self.catalogue.histories(histories, names, strength=self.manifest.strength)
        if not self.manifest.repeats:  # as what was fitted has them
            made = made.kept(first_time(made))
        found = self.answered(made, k=k, may=self.catalogue.may(allowed, exclude, category), reasons=reasons)
        return [replace(one, unknown=left) for one, left in zip(found, unknown, strict=True)]

    def recommend_user(
        self,
        user: str,
        *,
        k: int = 10,
        allowed: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
        category: str | None = None,
        reasons: bool = True,
    ) -> Recommended:
        """What to show a user whose history the bundle holds; see :meth:`recommend_all`.

        Raises
        ------
        SettingError
            As there, or if the bundle holds no histories.
        InputError
            As there, or if there is no such user.
        """
        if self.held is None:
            raise SettingError(
                "The bundle holds no histories of users.",
                hint="Name the shop with --shop, give --items, or train it with --with-histories.",
            )
        named_once(self._number, user)
        own = self.held.of_users(np.array([self._number[user]]))
        may = self.catalogue.may(allowed, exclude, category)
        return replace(self.answered(own, k=k, may=may, reasons=reasons)[0], user=user)

    @cached_property
    def _number(self) -> dict[str, int]:
        """Number of each user whose history is held."""
        return {} if self.held is None else {user: number for number, user in enumerate(self.held.users)}

    def rules(self, k: int, may: NDArray[np.bool_] | None = None) -> Rules:
        """How lists of `k` items are made, of what may be shown (all if ``None``)."""
        if k < 1:
            raise SettingError(f"k is {k}, and at least one item has to be shown.", hint="The usual number is 10.")
        places = min(k, len(self.catalogue.ids))
        return Rules(length=places, repeats=self.manifest.repeats, allowed=may, seed=self.manifest.seed)

    def answered(
        self, histories: Histories, *, k: int, may: NDArray[np.bool_] | None = None, reasons: bool = True
    ) -> list[Recommended]:
        """Lists for histories in the codes of the bundle."""
        rules, users = self.rules(k, may), len(histories.users)
        # a remedy that looks at all lists together has to see them all
        size = max(users, 1) if any(part.together for part in self.remedy.parts) else BLOCK
        found = [one for _, some in histories.blocks(size) for one in self._of_block(some, rules, reasons)]
        if users == 1 and (together := [part.name for part in self.remedy.parts if part.together]):
            found = [replace(one, notes=(alone(together),)) for one in found]
        return found

    def _of_block(self, histories: Histories, rules: Rules, reasons: bool) -> list[Recommended]:
        plain = np.concatenate([self.ranker.scores(some) for _, some in histories.blocks(BLOCK)])
        once, prior, users = _Scored(plain), self.catalogue.prior, len(histories.users)
        lists = answer(once, self.remedy, histories, prior, rules, vectors=self.vectors, block=users).lists
        acts = reasons and self.remedy.spec != NONE
        before = np.full(lists.shape, np.nan)
        if acts:
            who, where = np.nonzero(lists >= 0)
            asked = (who.astype(np.int64), lists[who, where])
            nothing = answer(once, parse(NONE), histories, prior, rules, wanted=asked, block=users)
            before[who, where] = nothing.rank + 1
        found = []
        for user, line in enumerate(lists):
            items = line[line >= 0]
            own = histories.of_users(np.array([user]))
            why = self._reasons(self.ranker.grounds(own, items)) if reasons else [None] * len(items)
            shown = tuple(
                Shown(
                    place=place,
                    item=self.catalogue.ids[item],
                    title=self.catalogue.title(item),
                    category=self.catalogue.category_of(item),
                    score=float(plain[user, item]),
                    reason=reason,
                    moved=Moved(self.remedy.spec, int(before[user, place - 1])) if acts else None,
                )
                for place, (item, reason) in enumerate(zip(items.tolist(), why, strict=True), start=1)
            )
            found.append(Recommended(shown, tuple(self.catalogue.ids[item] for item in own.item.tolist())))
        return found

    def _reasons(self, grounds: Grounds) -> list[Reason]:
        """Grounds with ids in the place of codes."""
        ids, taken = self.catalogue.ids, grounds.taken.tolist()
        found = []
        for place, kind in enumerate(grounds.kind):
            parts = grounds.parts[place]
            order = np.argsort(-parts, kind="stable").tolist()
            speaks = float(parts[parts > 0].sum())
            because = None
            if speaks > 0:
                first = taken[order[0]]
                because = (ids[first], self.catalogue.title(first), float(parts[order[0]]) / speaks)
            told = tuple((ids[taken[n]], float(parts[n])) for n in order)
            rest, whole = float(grounds.rest[place]), float(grounds.whole[place])
            found.append(Reason(kind, grounds.source[place], because, told, rest, whole))
        return found

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all; a bundle that is there already is replaced.

        Raises
        ------
        InputError
            If the folder holds anything but a bundle, cannot be written to, or an array is not finite.
        """
        from evenshelf.bundles.ranking.files import write  # noqa: PLC0415 - which reads this module

        write(self, folder)

    @classmethod
    def load(cls, folder: Path | str) -> Recommender:
        """Read what :meth:`save` wrote; nothing in it is executed.

        Raises
        ------
        InputError
            If it is no such bundle, of another schema, or damaged.
        """
        from evenshelf.bundles.ranking.files import read  # noqa: PLC0415

        return read(Path(folder))


@dataclass(frozen=True, eq=False)
class _Scored:
    """Scores that were made already, of the users who are asked about next."""

    table: Floats

    @property
    def bytes(self) -> int:
        return int(self.table.nbytes)

    def scores(self, histories: Histories) -> Floats:
        if len(histories.users) != len(self.table):
            raise InputError("These are not the users who were scored.")
        return self.table


def recoded(histories: Histories, catalogue: Catalogue) -> tuple[Histories, tuple[str, ...]]:
    """Histories of other items in the codes of a bundle, and the ids that it does not have, which are left out."""
    code = np.array([catalogue.code.get(item, -1) for item in histories.items], np.int64)
    new: Codes = code[histories.item]
    left = dict.fromkeys(histories.items[item] for item in histories.item[new < 0].tolist())
    known = histories.kept(new >= 0)
    return replace(known, items=catalogue.ids, item=new[new >= 0]), tuple(left)
