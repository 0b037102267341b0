"""The peer of the label study: the same remedies one after another, each tuned by nested validation.

For each outer fold every setting is fitted on three folds and scored on the fourth; the best one and the usual default
are then fitted on all four. Fits that two settings share are made once, and what only changes scores costs nothing: as
any person would do it. Besides, and not counted, it fits at the settings that the other side chose: the gap between
the sides is then one of the fits alone.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from bench import peer_fits
from bench.harness import say
from bench.peer_fits import Linear
from bench.peer_resampling import default_smote_raises
from evenshelf.learners.heads import HEADS
from evenshelf.remedies import Remedy, parse
from evenshelf.study.plan import Setting, settings

Codes = NDArray[np.int64]


@dataclass(eq=False)
class Peer:
    """The data, what has been fitted on the rows in hand, and the counts for the record."""

    X: NDArray[np.float32]
    y: Codes
    names: NDArray[np.float32]
    fold: NDArray[np.int16]
    seed: int
    scale: float
    threads: dict[str, int] = field(default_factory=dict)
    fits: dict[tuple[Any, ...], Linear] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def fit(self, remedy: Remedy, penalty: float | None, left_out: tuple[int, ...]) -> Linear:
        """Fit on all rows but those of some folds, unless that was done."""
        part = peer_fits.trained_part(remedy)
        key = (None if part is None else part.spec, penalty, left_out)
        if key not in self.fits:
            rows = ~np.isin(self.fold, left_out)
            threads = self.threads["torch" if part is not None and part.name in peer_fits.TORCH else "scikit-learn"]
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                found = peer_fits.fit(
                    remedy, penalty, self.X[rows], self.y[rows], names=self.names, seed=self.seed, scale=self.scale
                )
            self.fits[key] = found
            self.counts["fits"] += 1
            self.counts["stopped"] += found.stopped
        return self.fits[key]

    def predict(self, setting: Setting, left_out: tuple[int, ...], fold: int) -> Codes:
        """Classes of a fold's rows."""
        head = self.fit(setting.remedy, setting.penalty, left_out)
        return head.scores(self.X[self.fold == fold], setting.remedy).argmax(axis=1)

    def choose(self, remedy: Remedy, budget: int, fold: int, inner: int) -> Setting:
        """The setting that does best on the inner fold; the first of equals."""
        tried = settings(remedy, budget, HEADS)
        truth = self.y[self.fold == inner]
        scores = [macro_f1(truth, self.predict(setting, (fold, inner), inner)) for setting in tried]
        return tried[int(np.argmax(scores))]


def macro_f1(y: Codes, predicted: NDArray[np.integer]) -> float:
    """Mean F1 over the classes that occur in `y`."""
    return float(f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0))


def scaled(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Vectors of rows and names in the units of evenshelf, and that unit: penalties then mean what they mean there.

    Rows are centred and divided by their root mean square length; names so that a product is a cosine.
    """
    X, names = np.load(folder / "vectors.npy"), np.load(folder / "names.npy")
    centred = X - X.mean(axis=0, dtype=np.float64).astype(np.float32)
    length, scale = (np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).mean()) for rows in (X, centred))
    return centred / np.float32(scale), names * np.float32(scale / length**2), float(scale)


def pick_threads(peer: Peer) -> dict[str, dict[int, float]]:
    """Seconds of a fit of scikit-learn and of one of torch, by the number of threads."""
    rows = np.flatnonzero(peer.fold != 0)
    found: dict[str, dict[int, float]] = {"scikit-learn": {}, "torch": {}}
    few = rows[:: max(len(rows) // 200, 1)]
    for spec in ("balanced", "focal"):  # what is loaded at the first call is not counted
        peer_fits.fit(parse(spec), 1e-4, peer.X[few], peer.y[few], names=peer.names, seed=0)
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        with threadpool_limits(threads):
            for library, spec in (("scikit-learn", "balanced"), ("torch", "focal")):
                started = time.perf_counter()
                peer_fits.fit(parse(spec), 1e-4, peer.X[rows], peer.y[rows], names=peer.names, seed=0)
                found[library][threads] = round(time.perf_counter() - started, 3)
    return found


def main(folder: Path) -> dict[str, Any]:
    """Run the peer on ``folder`` (``peer.json``, vectors, target, fold); predictions go to ``peer.npz``."""
    asked = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
    X, names, scale = scaled(folder)
    with np.load(folder / "peer-rows.npz") as stored:
        y, fold = stored["target"], stored["fold"]
    peer = Peer(X, y, names, fold, asked["seed"], scale)
    remedies = [parse(spec) for spec in asked["remedies"]]
    measured = pick_threads(peer)
    peer.threads = {library: min(seconds, key=seconds.__getitem__) for library, seconds in measured.items()}
    folds = int(fold.max()) + 1
    found = {
        f"{kind}.{number}": np.full(len(y), -1, np.int32)
        for number in range(len(remedies))
        for kind in ("tuned", "default", "theirs")
    }
    seconds: Counter[str] = Counter()
    cpu, raised = 0.0, 0
    done: list[int] = []
    for f in range(folds):
        if done and sum(seconds.values()) * (len(done) + 1) / len(done) > asked["limit"]:
            break
        rows = fold == f
        for number, remedy in enumerate(remedies):
            started, ticks = time.perf_counter(), time.process_time()
            best = peer.choose(remedy, asked["budget"], f, (f + 1) % folds)
            found[f"tuned.{number}"][rows] = peer.predict(best, (f,), f)
            found[f"default.{number}"][rows] = peer.predict(Setting(remedy, None), (f,), f)
            seconds[remedy.spec] += time.perf_counter() - started
            cpu += time.process_time() - ticks
            say(f"peer: fold {f + 1} of {folds}, remedy {number + 1} of {len(remedies)}, {sum(seconds.values()):.0f} s")
        for number, remedy in enumerate(remedies):  # for comparison, and not counted
            there = asked["chosen"][remedy.spec][f]
            setting = Setting(parse(there["remedy"]), there["penalty"])
            found[f"theirs.{number}"][rows] = peer.predict(setting, (f,), f)
        peer.fits.clear()
        done.append(f)
    if any(part.name == "smote" for remedy in remedies for part in remedy.parts):
        raised = sum(default_smote_raises(X[fold != f], y[fold != f]) for f in range(folds))
    np.savez(folder / "peer.npz", **found)  # type: ignore[arg-type]
    return {
        "folds": done,
        "of": folds,
        "seconds": dict(seconds),
        "cpu": cpu,
        "threads": measured,
        "fits": peer.counts["fits"],
        "stopped": peer.counts["stopped"],
        "smote_raised": raised,
    }
