"""A learned blend: candidates of all sources, ranked by LambdaMART on what each source says of them.

Sources count in the histories without their last step, and LambdaMART learns from that step what each is worth. Then
they count anew in whole histories. Nothing else is looked at, so whoever holds steps back for a test finds out what a
shop would see of the next ones.

LambdaMART: Burges, Microsoft Research TR-2010-82; LightGBM's ``lambdarank``. Users whose wanted item is of the tail
weigh more, by as much as costs all users next to nothing: the guardrail that verdicts have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError
from evenshelf.learners.ranking.sources import Source, sources_of
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import cut_by_items, rank_of, ranking_metrics

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

CANDIDATES, OF_EACH = 150, 30
"""Candidates by the plain blend, and by each source besides."""
LEARNERS = 25_000
"""Most users that are learned from."""
TAIL_WEIGHTS = (1.0, 1.5, 2.0, 3.0)
TREES, RATE, LEAVES, ROWS_OF_LEAF = 150, 0.1, 15, 100
BLOCK = 500
"""Users that are scored at once."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items that may be shown to some users, and what is said of them.

    Attributes
    ----------
    item
        ``[m]`` codes, users one after another.
    size
        ``[n]`` how many each user has.
    features
        ``[m, f]`` float32.
    """

    item: Codes
    size: Codes
    features: Floats

    def wanted(self, target: Codes) -> NDArray[np.bool_]:
        """``[m]`` whether each is what its user wants."""
        return np.asarray(self.item == np.repeat(target, self.size))


@dataclass(frozen=True, eq=False)
class Blend:
    """A fitted blend.

    Attributes
    ----------
    sources
        Counted in whole histories.
    popularity
        ``[I]`` logarithm of one and the count.
    tail_weight
        That was chosen.
    model
        LightGBM's.
    """

    sources: tuple[Source, ...]
    popularity: Floats
    tail_weight: float
    model: Any

    def scores(self, histories: Histories, users: Codes | None = None) -> Iterator[tuple[Codes, Floats]]:
        """Users in blocks, with ``[n, I]`` scores of all items.

        Candidates come first, in the order of the model; then all others by the plain blend. What a user has is minus
        infinity.

        Parameters
        ----------
        histories
            With the items of those that were fitted.
        users
            Which; all if ``None``.
        """
        wanted = np.arange(len(histories.users)) if users is None else users
        for block, plain, found in candidates(histories, self.sources, self.popularity, wanted):
            shown = np.where(np.isneginf(plain), -np.inf, _squeezed(plain))
            line = np.repeat(np.arange(len(block)), found.size)
            if len(line):
                raw = np.asarray(self.model.predict(found.features))
                shown[line, found.item] = 2.0 + _squeezed(raw)
            yield block, shown.astype(np.float32)


def fit_blend(
    histories: Histories,
    vectors: Sequence[tuple[str, csr_array]] = (),
    *,
    seed: int = 0,
    recount: bool = True,
    give: float = 0.02,
) -> Blend:
    """Learn what to show next from histories.

    Parameters
    ----------
    histories
        All that may be looked at.
    vectors
        See :func:`sources_of`.
    seed
        Of draws; equal seeds give equal blends.
    recount
        Whether the last steps are counted as well, once it is learned from them what counts are worth. Published
        comparisons hold that step back for validation and do not count it.
    give
        Share of NDCG at 10, in [0, 1), that may be given for a tail that is found more often.

    Raises
    ------
    InputError
        If fewer than two users have two different items, so that nothing can be learned from.
    """
    rng = np.random.default_rng(seed)
    earlier, target = histories.without_last(1), histories.last(1)
    # a step that repeats what was there before asks for what is not shown
    new = np.flatnonzero((earlier.lengths > 0) & (target >= 0))
    new = new[np.asarray(earlier.weights()[new, target[new]]).ravel() == 0]
    if len(new) < 2:
        raise InputError("Fewer than two users have two different items.", hint="Give longer histories.")
    picked = rng.permutation(new)[:LEARNERS]
    sources = sources_of(earlier, vectors)
    popularity = popularity_of(earlier)
    parts = [part for _, _, part in candidates(earlier, sources, popularity, picked)]
    tail = np.isin(cut_by_items(earlier.counts)[target[picked]], ["tail", "cold"])
    learned = _Learned(parts, target[picked], tail, seed)
    chosen = learned.best_weight(give)
    if recount:
        sources, popularity = sources_of(histories, vectors), popularity_of(histories)
    return Blend(sources, popularity, chosen, learned.fit(chosen))


def popularity_of(histories: Histories) -> Floats:
    """``[I]`` logarithm of one and how often each item was taken."""
    return np.log1p(histories.counts).astype(np.float32)


def candidates(
    histories: Histories, sources: Sequence[Source], popularity: Floats, users: Codes
) -> Iterator[tuple[Codes, Floats, Candidates]]:
    """Users in blocks, with ``[n, I]`` scores of the plain blend and their candidates.

    The plain blend is the sum of what the sources say, each over its largest, and a little popularity: who has no
    history gets what is popular.
    """
    paces = {source.decay: histories.weights(source.decay) for source in sources}
    for decay, matrix in paces.items():
        sums = np.asarray(matrix.sum(axis=1)).ravel()
        paces[decay] = csr_array(matrix.multiply((1.0 / np.maximum(sums, 1e-9))[:, None]), dtype=np.float32)
    had = histories.weights()
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        line, column = had[block].nonzero()
        said = [source.scores(paces[source.decay][block]) for source in sources]
        plain = np.repeat(1e-4 * popularity[None], len(block), axis=0)
        largest = []
        for scores in said:
            scores[line, column] = 0.0
            largest.append(scores.max(axis=1, keepdims=True))
            plain += scores / (largest[-1] + 1e-9) / len(said)
        plain[line, column] = -np.inf
        picked = np.zeros(plain.shape, bool)
        _mark(picked, plain, CANDIDATES)
        for scores in said:
            _mark(picked, scores, OF_EACH)
        picked[line, column] = False
        row, item = np.nonzero(picked)
        columns = [scores[row, item] for scores in said]
        columns += [scores[row, item] / (most[row, 0] + 1e-9) for scores, most in zip(said, largest, strict=True)]
        columns += [plain[row, item], popularity[item], np.bincount(line, minlength=len(block))[row].astype(np.float32)]
        size = picked.sum(axis=1).astype(np.int64)
        yield block, plain, Candidates(item.astype(np.int64), size, np.stack(columns, axis=1).astype(np.float32))


def _mark(picked: NDArray[np.bool_], scores: Floats, most: int) -> None:
    most = min(most, scores.shape[1])
    top = np.argpartition(-scores, most - 1, axis=1)[:, :most]
    np.put_along_axis(picked, top, True, axis=1)


def _squeezed(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """In (0, 1), in the same order."""
    finite = np.where(np.isfinite(values), values, 0.0).astype(np.float64)
    return 0.5 + finite / (2.0 * (1.0 + np.abs(finite)))


class _Learned:
    """What LambdaMART learns from."""

    def __init__(self, parts: Sequence[Candidates], target: Codes, tail: NDArray[np.bool_], seed: int) -> None:
        self.size = np.concatenate([part.size for part in parts])
        self.item = np.concatenate([part.item for part in parts])
        self.features = np.concatenate([part.features for part in parts])
        self.wanted = np.concatenate(
            [part.wanted(own) for part, own in zip(parts, _blocks(target, parts), strict=True)]
        )
        self.of = np.repeat(np.arange(len(self.size)), self.size)
        self.tail, self.seed = tail, seed

    def fit(self, tail_weight: float, users: Codes | None = None) -> Any:
        """Of users whose wanted item is among their candidates: the others say nothing of an order."""
        import lightgbm  # noqa: PLC0415 - optional

        found = np.bincount(self.of[self.wanted], minlength=len(self.size)) > 0
        if users is not None:
            found &= np.isin(np.arange(len(self.size)), users)
        rows = found[self.of]
        weight = np.where(self.tail, tail_weight, 1.0)[self.of[rows]]
        data = lightgbm.Dataset(
            self.features[rows], self.wanted[rows].astype(np.int32), group=self.size[found], weight=weight
        )
        asked = {
            "objective": "lambdarank",
            "lambdarank_truncation_level": 20,
            "learning_rate": RATE,
            "num_leaves": LEAVES,
            "min_data_in_leaf": ROWS_OF_LEAF,
            "feature_fraction": 0.7,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }
        return lightgbm.train(asked, data, TREES)

    def best_weight(self, give: float) -> float:
        """The largest of :data:`TAIL_WEIGHTS` that costs a fifth of the users at most `give` of the best NDCG.

        It is learned from the other users.
        """
        users = np.random.default_rng(self.seed).permutation(len(self.size))
        asked, others = np.sort(users[::5]), np.setdiff1d(users, users[::5])
        rows = np.isin(self.of, asked)
        worth = []
        for weight in TAIL_WEIGHTS:
            scores = np.asarray(self.fit(weight, others).predict(self.features[rows]))
            rank = _places(scores, self.wanted[rows], np.searchsorted(asked, self.of[rows]), len(asked))
            worth.append(ranking_metrics(rank)["ndcg_at_10"])
        return max(w for w, found in zip(TAIL_WEIGHTS, worth, strict=True) if found >= (1.0 - give) * max(worth))


def _blocks(target: Codes, parts: Sequence[Candidates]) -> list[Codes]:
    """The wanted items of the users of each part."""
    return np.split(target, np.cumsum([len(part.size) for part in parts])[:-1])


def _places(
    scores: NDArray[np.float64], wanted: NDArray[np.bool_], of: NDArray[np.integer], users: int
) -> NDArray[np.float64]:
    """``[users]`` places of wanted items among the candidates; infinity where they are not among them."""
    size = int(np.bincount(of, minlength=users).max(initial=1))
    place = np.arange(len(of)) - np.searchsorted(of, of)
    table = np.full((users, size), -np.inf)
    table[of, place] = scores
    target = np.full(users, -1, np.int64)
    target[of[wanted]] = place[wanted]
    rank = rank_of(table, np.maximum(target, 0))
    return np.where(target >= 0, rank, np.inf)
