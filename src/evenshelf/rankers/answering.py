"""From a fitted ranker, a remedy and histories to lists: scores, what may be shown, the first places, their order.

Scores and lists are made in blocks of users. Candidates are kept only for remedies that look at all lists together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from evenshelf.errors import InputError, SettingError
from evenshelf.rankers.base import Codes, Floats, Ranker
from evenshelf.remedies import Offered, Prior, Remedy, Stage
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import check_pairs
from evenshelf.tasks.top_items import NO_ITEM, place_of, top

AFTERWARDS = (Stage.ADJUST, Stage.RERANK)
"""Stages of a remedy that act on scores and lists, and are honoured here for whatever was fitted."""
BLOCK = 500
"""Users that are scored at once."""


@dataclass(frozen=True, eq=False)
class Rules:
    """What may be shown, and how.

    Parameters
    ----------
    length
        >= 1, places of a list.
    candidates
        >= 1, how many a remedy chooses from; never fewer than `length`.
    repeats
        Whether what a user had may be shown again.
    allowed
        ``[I]`` items that may be shown at all, such as those in stock or of a category; all if ``None``.
    seed
        Of the order of items that score alike.

    Raises
    ------
    SettingError
        If there are no places or no candidates.
    """

    length: int = 20
    candidates: int = 100
    repeats: bool = False
    allowed: NDArray[np.bool_] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("length", "candidates"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name}={getattr(self, name)} is below 1.", hint="Ask for at least one item.")


@dataclass(frozen=True, eq=False)
class Answers:
    """Lists, and where in them is what users want.

    Attributes
    ----------
    lists
        ``[U, K]`` items, best first; :data:`~evenshelf.tasks.top_items.NO_ITEM` where no more may be shown.
    rank
        ``[m]`` places of the wanted items, from 0; infinity for what may not be shown. Within the candidates it is the
        place after re-ranking, beyond them that by score.
    """

    lists: Codes
    rank: NDArray[np.float64]


def answer(
    ranker: Ranker,
    remedy: Remedy,
    histories: Histories,
    prior: Prior,
    rules: Rules | None = None,
    *,
    vectors: Floats | None = None,
    wanted: tuple[Codes, Codes] | None = None,
    block: int = BLOCK,
) -> Answers:
    """Lists for some users under one remedy; see :func:`answers`."""
    return answers(ranker, [remedy], histories, prior, rules, vectors=vectors, wanted=wanted, block=block)[0]


def answers(
    ranker: Ranker,
    remedies: Sequence[Remedy],
    histories: Histories,
    prior: Prior,
    rules: Rules | None = None,
    *,
    vectors: Floats | None = None,
    wanted: tuple[Codes, Codes] | None = None,
    block: int = BLOCK,
) -> list[Answers]:
    """Lists for some users under each of several remedies, of scores that are made once.

    Lists are the same whatever the size of blocks, and those of a user whoever else is asked, unless the remedy says
    that it looks at all lists together.

    Parameters
    ----------
    ranker
        Fitted under what the remedies ask of a fit, if anything.
    remedies
        What changes scores and re-ranks.
    histories
        Of whom lists are asked for, with the items of those that were fitted.
    prior
        How often each item was taken in what was fitted.
    rules
        By default those of :class:`Rules`.
    vectors
        ``[I, d]`` of the items, of length 1 or 0, for remedies that compare items; ``None`` where there are none.
    wanted
        ``[m]`` users, numbered as in `histories`, and ``[m]`` items that they want, no pair twice.
    block
        Users that are scored at once: for each ``12 I`` bytes or more are held.

    Raises
    ------
    SettingError
        If the remedy cannot be used with these items, or needs the weight vectors of a linear model.
    InputError
        If what is allowed or wanted does not fit to the items, or a user wants an item twice.
    """
    rules = rules or Rules()
    users, items = len(histories.users), len(histories.items)
    who, what = _wanted(wanted, users, items)
    for remedy in remedies:
        _check(remedy, prior, rules, items, vectors)
    lists = [np.full((users, rules.length), NO_ITEM, np.int64) for _ in remedies]
    ranks = np.empty((len(remedies), len(who)))
    waiting: dict[int, list[Offered]] = {n: [] for n, r in enumerate(remedies) if any(p.together for p in r.parts)}
    for number, part in histories.blocks(block):
        plain = ranker.scores(part)
        here = (who >= number[0]) & (who <= number[-1])
        for at, remedy in enumerate(remedies):
            # a remedy may write into what it is given, and a ranker may keep its own
            scores = _shown(remedy.adjust(plain.copy(), prior, np.ones(items, np.float32)), part, rules)
            place = place_of(scores, who[here] - number[0], what[here], seed=rules.seed)
            offered = _offered(scores, part, rules, vectors)
            if at in waiting:
                waiting[at].append(offered)
                ranks[at, here] = place
            else:
                lists[at][number], ranks[at, here] = _reranked(remedy, offered, prior, place, who[here] - number[0])
    for at, parts in waiting.items():
        if parts:
            lists[at], ranks[at] = _reranked(remedies[at], _joined(parts), prior, ranks[at], who)
    return [Answers(*found) for found in zip(lists, ranks, strict=True)]


def _offered(scores: Floats, histories: Histories, rules: Rules, vectors: Floats | None) -> Offered:
    """The candidates of each user."""
    found = top(scores, min(max(rules.candidates, rules.length), scores.shape[1]), seed=rules.seed)
    value = np.take_along_axis(scores, np.maximum(found, 0), axis=1)
    value = np.where(found >= 0, value, -np.inf).astype(np.float32)
    return Offered(found, value, rules.length, vectors, histories.weights())


def _joined(parts: Sequence[Offered]) -> Offered:
    """The candidates of several blocks of users."""
    tastes = sparse.csr_array(sparse.vstack([part.tastes for part in parts]))
    items, scores = (np.concatenate([getattr(part, name) for part in parts]) for name in ("items", "scores"))
    return replace(parts[0], items=items, scores=scores, tastes=tastes)


def _reranked(
    remedy: Remedy, offered: Offered, prior: Prior, rank: NDArray[np.float64], line: Codes
) -> tuple[Codes, NDArray[np.float64]]:
    """``[n, length]`` lists, and places ``[m]`` in the lists `line`, once the remedy has re-ranked the candidates."""
    order = remedy.rerank(offered, prior)
    if order is None:
        return _lists(offered.items, offered.length), rank
    place, among = np.argsort(order, axis=1), rank < offered.items.shape[1]
    moved = rank.copy()
    moved[among] = place[line[among], rank[among].astype(np.int64)]
    return _lists(np.take_along_axis(offered.items, order, axis=1), offered.length), moved


def _shown(scores: Floats, histories: Histories, rules: Rules) -> Floats:
    """The scores, with minus infinity for what must not be shown."""
    kept = np.asarray(scores, np.float32)
    if rules.allowed is not None:
        kept[:, ~rules.allowed] = -np.inf
    if not rules.repeats:
        kept[histories.user, histories.item] = -np.inf
    return kept


def _lists(items: Codes, length: int) -> Codes:
    """``[U, length]`` the first places; more than there are items stay empty."""
    lists = np.full((len(items), length), NO_ITEM, np.int64)
    lists[:, : items.shape[1]] = items[:, :length]
    return lists


def _wanted(wanted: tuple[Codes, Codes] | None, users: int, items: int) -> tuple[Codes, Codes]:
    if wanted is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    who, what = (np.asarray(part, np.int64) for part in wanted)
    check_pairs(who, what)
    for noun, codes, many in (("users", who, users), ("items", what, items)):
        if len(codes) and not 0 <= codes.min() <= codes.max() < many:
            raise InputError(
                f"Wanted {noun} are numbered from {codes.min()} to {codes.max()}, and there are {many}.",
                hint="Number them as the histories do.",
            )
    return who, what


def _check(remedy: Remedy, prior: Prior, rules: Rules, items: int, vectors: Floats | None) -> None:
    """Raise an error before the work for what cannot be done."""
    for noun, many in (("a prior", len(prior.counts)), ("vectors", items if vectors is None else len(vectors))):
        if many != items:
            raise InputError(
                f"There are {noun} of {many} items, and histories of {items}.", hint="Number items as the histories do."
            )
    if rules.allowed is not None and rules.allowed.shape != (items,):
        raise InputError(
            f"It is said of {len(rules.allowed)} items whether they are allowed, and there are {items}.",
            hint="Give true or false for each item of the histories.",
        )
    if Stage.ADJUST in remedy.stages and any(part.norms for part in remedy.parts):
        raise SettingError(f"{remedy}: rankers have no weight vector for each item, whose length is needed.")
    for part in remedy.parts:  # what acts in the fit has been asked there
        acts = Stage.ADJUST in part.stages or Stage.RERANK in part.stages
        reason = part.not_applicable(prior, has_names=vectors is not None) if acts else None
        if reason:
            raise SettingError(f"{part} cannot be used: {reason}.", hint="Use another remedy, or none.")
