"""Recommendation: what comes next for a user, by counting, by texts, and by a learned blend of both.

    python -m bench.recommend_beauty            Amazon Beauty, 22,363 users and 12,101 items, in minutes on two cores
    python -m bench.recommend_beauty --quick    a made-up shop of 300 users, in a minute
    python -m bench.recommend_beauty --sequences FILE --text FILE [--attributes FILE]    other data in these formats

Leave-one-out, as in the papers: the last step of each user is the test, the step before it the validation, and counts
are made of all others; the history at the test holds the validation step. All items are ranked, but those of the
history. Nothing reads which of two steps came first, but how long ago a step was. In files whose dates are days,
same-day steps stand in the order of the ids: users whose wanted item has a lower id than their last one ("descending")
are those whom that order cannot help.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from bench.data import real_data
from bench.harness import Figure, Listing, Report, known, say
from evenshelf.errors import EvenshelfError, InputError
from evenshelf.learners.ranking import fit_blend
from evenshelf.learners.ranking.blend import BLOCK
from evenshelf.learners.ranking.counting import likeness, taken_near, taken_together
from evenshelf.learners.ranking.sources import words_of
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import cut_by_items, rank_of, ranking_metrics

Floats = NDArray[np.float32]
Blocks = Iterator[tuple[NDArray[np.int64], Floats]]
BLEND, PEER = "learned blend", "ALS of implicit"
FACTORS, ALPHAS = 384, (1.0, 5.0, 20.0)
"""Of the peer: size of its vectors, and what is tried."""
COLUMNS = (
    "model",
    "recall_at_10",
    "ndcg_at_10",
    "descending_recall_at_10",
    "descending_ndcg_at_10",
    "head_recall_at_10",
    "torso_recall_at_10",
    "tail50_recall_at_10",
    "fit_seconds",
)
FIGURES = ("recall_at_10", "ndcg_at_10", "tail50_recall_at_10", "descending_recall_at_10", "descending_ndcg_at_10")


@dataclass(frozen=True, eq=False)
class Shop:
    """Histories, what is known of the items, and what is wanted.

    Attributes
    ----------
    counted
        Without the last two steps.
    before
        Without the last step: what is known when the test is asked for.
    target
        ``[U]`` the last step.
    vectors
        Of items, texts first.
    """

    counted: Histories
    before: Histories
    target: NDArray[np.int64]
    vectors: list[tuple[str, csr_array]]

    @classmethod
    def of(cls, histories: Histories, vectors: list[tuple[str, csr_array]]) -> Shop:
        """Hold the last two steps back."""
        return cls(histories.without_last(2), histories.without_last(1), histories.last(1), vectors)

    @property
    def descending(self) -> NDArray[np.bool_]:
        """``[U]`` whether the wanted item has a lower id than the last one."""
        ids, last = np.array(self.before.items), self.before.last(1)
        return np.array([last[u] >= 0 and ids[t] < ids[last[u]] for u, t in enumerate(self.target)])


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.recommend_beauty", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a made-up shop of 300 users")
    parser.add_argument("--sequences", type=Path, help="USER ITEM ITEM ... a line, oldest first; gram_Beauty_*")
    parser.add_argument("--text", type=Path, help="ITEM WORD|WORD ... a line")
    parser.add_argument("--attributes", type=Path, help="JSON of lists by item, or by its number of first appearance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if (given.sequences is None) != (given.text is None):
        parser.error("--sequences and --text go together")
    return given


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("recommend_beauty")
    try:
        shop = made_up(asked.seed) if asked.quick else read(asked)
    except EvenshelfError as error:
        say(str(error))
        return 1
    users, items = len(shop.before.users), len(shop.before.items)
    report.settings = {
        "users": users,
        "items": items,
        "seed": asked.seed,
        "vectors": [name for name, _ in shop.vectors],
    }
    lines = {}
    for name, make in models(shop, asked.seed).items():
        say(f"{name}: {users:,} users, {items:,} items")
        lines[name] = judged(name, make, shop)
    best = lines[BLEND]
    peer = lines[PEER]
    for name in FIGURES:
        report.figures.append(
            Figure(name, best[name], "share", "higher", PEER, peer[name], _ratio(best[name], peer[name]))
        )
    seconds = best["fit_seconds"]
    report.figures.append(Figure("fit_seconds", seconds, "s", "lower", PEER, peer["fit_seconds"]))
    rows = sorted(lines.values(), key=lambda line: -line["ndcg_at_10"])
    report.tables.append(Listing("recommenders", COLUMNS, tuple(tuple(known(r[c]) for c in COLUMNS) for r in rows)))
    report.notes.append(
        f"{int(shop.descending.sum()):,} of {users:,} users are descending. Head, torso and tail are the first fifth, "
        "the next three tenths and the last half of the items by count; those never taken count for none of them."
    )
    report.finish(asked.json)
    return 0


def read(asked: argparse.Namespace) -> Shop:
    """The data that was named, or Amazon Beauty."""
    folder = real_data() / "amazon_s3rec"
    sequences = asked.sequences or folder / "gram_Beauty_user_sequence.txt.gz"
    histories = Histories.read(sequences, seed=asked.seed)
    texts = words_by_item(asked.text or folder / "gram_Beauty_item_text_ids.txt.gz")
    vectors = [("text", words_of([texts.get(item, []) for item in histories.items]))]
    file = asked.attributes or (None if asked.sequences else folder / "Beauty_item2attributes.json.gz")
    if file is not None:
        known = attributes_by_item(file, histories, sequences)
        vectors.append(("attributes", words_of([known.get(item, []) for item in histories.items])))
    return Shop.of(histories, vectors)


def words_by_item(file: Path) -> dict[str, list[str]]:
    """Words by item, of a file with an item and its words, parted by bars, in a line."""
    found = {}
    for line in _text(file).splitlines():
        item, _, words = line.partition(" ")
        found[item] = [word for word in words.replace(" ", "").split("|") if word]
    return found


def attributes_by_item(file: Path, histories: Histories, sequences: Path) -> dict[str, list[str]]:
    """Attributes by item; where a file has none of the ids, its keys number items by first appearance, from 1."""
    said = {str(key): [str(value) for value in values] for key, values in json.loads(_text(file)).items()}
    if not set(histories.items).isdisjoint(said):
        return said
    appeared = dict.fromkeys(item for line in _text(sequences).splitlines() for item in line.split()[1:])
    return {item: said.get(str(number), []) for number, item in enumerate(appeared, start=1)}


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from error


def made_up(seed: int) -> Shop:
    """Users who keep to one of six kinds of items, whose words tell the kind."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, 31)
    steps = []
    for kind in rng.integers(0, 6, 300):
        own = rng.choice(30, rng.integers(5, 10), replace=False, p=share / share.sum())
        steps.append([f"k{kind}n{n}" for n in own])
    histories = Histories.of(steps, seed=seed)
    return Shop.of(histories, [("text", words_of([[item[:2], "thing"] for item in histories.items]))])


def models(shop: Shop, seed: int) -> dict[str, Callable[[], Blocks]]:
    """What is fitted, by name: each is called once, and its time until the first block is that of the fit."""
    counted, taken = shop.counted, shop.counted.counts.astype(np.float64)

    def popular() -> Blocks:
        return _scored(shop.before, lambda users: np.repeat(taken[None].astype(np.float32), len(users), axis=0))

    def by(matrix: csr_array) -> Blocks:
        weights = shop.before.weights(0.5)
        return _scored(shop.before, lambda users: np.asarray((weights[users] @ matrix).toarray(), np.float32))

    def by_text() -> Blocks:
        weights, words = shop.before.weights(0.5), shop.vectors[0][1]
        return _scored(shop.before, lambda users: np.asarray((weights[users] @ words @ words.T).toarray(), np.float32))

    def blended() -> Blocks:
        return fit_blend(shop.before, shop.vectors, seed=seed, recount=False).scores(shop.before)

    return {
        "popularity": popular,
        "taken together": lambda: by(likeness(taken_together(counted), taken)),
        "taken near each other": lambda: by(likeness(taken_near(counted), taken, shrink=10.0)),
        "text alone": by_text,
        PEER: lambda: als(shop, seed),
        BLEND: blended,
    }


def als(shop: Shop, seed: int) -> Blocks:
    """Alternating least squares of the package implicit, with users folded in by their histories at the test.

    How much a step weighs is chosen by NDCG on the validation step, as all is that the blend chooses.
    """
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - the peer

    took, history = csr_matrix(shop.counted.weights()), csr_matrix(shop.before.weights())

    def fitted(alpha: float) -> Any:
        factors = min(FACTORS, len(shop.counted.items) - 1)
        with threadpool_limits(1, "blas"):  # it has threads of its own, and asks for that
            model = AlternatingLeastSquares(factors=factors, alpha=alpha, iterations=15, random_state=seed)
            model.fit(took, show_progress=False)
        return model

    def scores(model: Any, seen: Any, users: NDArray[np.int64]) -> Floats:
        return np.asarray(model.recalculate_user(users, seen[users]) @ model.item_factors.T, np.float32)

    worth = {}
    for model in map(fitted, ALPHAS):
        rank = np.concatenate(
            [
                rank_of(found, shop.before.last(1)[users])
                for users, found in _scored(shop.counted, lambda users, model=model: scores(model, took, users))
            ]
        )
        worth[ranking_metrics(rank)["ndcg_at_10"]] = model
    best = worth[max(worth)]
    return _scored(shop.before, lambda users: scores(best, history, users))


def _scored(histories: Histories, scores: Callable[[NDArray[np.int64]], Floats]) -> Blocks:
    """Scores of all users in blocks, without what they have."""
    had = histories.weights()
    every = np.arange(len(histories.users))
    for start in range(0, len(every), BLOCK):
        users = every[start : start + BLOCK]
        found = scores(users)
        line, column = had[users].nonzero()
        found[line, column] = -np.inf
        yield users, found


def judged(name: str, make: Callable[[], Blocks], shop: Shop) -> dict[str, Any]:
    """One line of the table."""
    rank = np.empty(len(shop.target))
    began = time.perf_counter()
    blocks = make()
    fitted = time.perf_counter() - began
    for users, scores in blocks:
        rank[users] = rank_of(scores, shop.target[users])
    bucket = cut_by_items(shop.counted.counts)[shop.target]
    every, descending = ranking_metrics(rank), ranking_metrics(rank, shop.descending)
    return {
        "model": name,
        **{key: every[key] for key in ("recall_at_10", "ndcg_at_10")},
        **{f"descending_{key}": descending[key] for key in ("recall_at_10", "ndcg_at_10")},
        **{f"{b}_recall_at_10": ranking_metrics(rank, bucket == b)["recall_at_10"] for b in ("head", "torso")},
        "tail50_recall_at_10": ranking_metrics(rank, bucket == "tail")["recall_at_10"],
        "fit_seconds": fitted,
    }


def _ratio(ours: float, theirs: float) -> float | None:
    return ours / theirs if theirs else None


if __name__ == "__main__":
    sys.exit(main())
