"""Our side of the label study, in a process of its own; and how near to the optimum each side comes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import load_npz

from bench.data import load_task
from bench.harness import say
from evenshelf.study.runner import Study


def main(folder: Path) -> dict[str, Any]:
    """Run the study asked for in ``ours.json`` in a fresh folder, ``study``."""
    asked = json.loads((folder / "ours.json").read_text(encoding="utf-8"))
    task, vectors, names = load_task(folder), np.load(folder / "vectors.npy"), np.load(folder / "names.npy")
    study = Study(
        task,
        vectors,
        folder / asked["study"],
        names=names,
        words=load_npz(folder / "words.npz") if asked["words"] else None,
        remedies=asked["remedies"],
        budget=asked["budget"],
        seed=asked["seed"],
    )
    started = time.perf_counter()
    cpu = time.process_time()
    told = 0.0

    def progress(done: float, total: float, words: str) -> None:
        nonlocal told
        if time.perf_counter() - told > 10:
            told = time.perf_counter()
            say(f"evenshelf: {words}, {done / max(total, 1e-9):.0%}")

    result = study.run(progress)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu + result.meta["timings"]["cpu_seconds"],
    }


TIGHT = 1e-5
PEER_TIGHT: dict[str, Any] = {"tolerance": 1e-6, "steps": 1500}


def objectives(folder: Path) -> dict[str, Any]:
    """The objective that both sides reach on the same rows, in double precision, for a few settings.

    Each side fits as it does in the study, and once more to the end (:data:`TIGHT`); macro-F1 on the fold left out
    shows what is left between them then.
    """
    from bench import peer_fits  # noqa: PLC0415 - needs torch, which our side must not load
    from bench.peer_label import macro_f1, scaled  # noqa: PLC0415
    from evenshelf.learners.paths import fit_path  # noqa: PLC0415
    from evenshelf.learners.training import Training  # noqa: PLC0415
    from evenshelf.learners.vectors import prepare  # noqa: PLC0415
    from evenshelf.remedies import parse  # noqa: PLC0415
    from evenshelf.study.plan import FINAL_TOLERANCE  # noqa: PLC0415

    task, vectors, names = load_task(folder), np.load(folder / "vectors.npy"), np.load(folder / "names.npy")
    asked = json.loads((folder / "objectives.json").read_text(encoding="utf-8"))
    fold = task.split(5, asked["seed"])
    prepared = prepare(vectors, task.target, fold, task.same)
    training = Training.of(prepared, tuple(range(-1, 4)), len(task.classes), names)
    X, scaled_names, _ = scaled(folder)
    rows = fold != 4
    y = task.target[rows]
    found = []
    for spec, penalty in asked["settings"]:
        say(f"objective of {spec} at {penalty:g}")
        remedy = parse(spec)
        line: dict[str, Any] = {"remedy": spec, "penalty": penalty}
        path = [p for p in (1e-4, 1e-5, 1e-6) if p > 1.01 * penalty]
        for how, tolerance, limits in (("", FINAL_TOLERANCE, {}), ("_tight", TIGHT, PEER_TIGHT)):
            tasks = [(remedy, None, (*path, penalty))]
            ((*_, head),) = fit_path(training, tasks, tolerance=tolerance, max_steps=1000)
            weights, bias = prepared.axes @ head.fit.weights[1:], head.fit.weights[0]  # back to the given axes
            peer = peer_fits.fit(remedy, penalty, X[rows], y, names=scaled_names, seed=asked["seed"], **limits)
            for side, W, b in (("ours", weights, bias), ("peer", peer.weights, peer.bias)):
                line[side + how] = objective(remedy, penalty, X=X[rows], y=y, names=scaled_names, weights=W, bias=b)
                predicted = (X[~rows] @ W + b).argmax(axis=1)
                line[f"{side}{how}_f1"] = macro_f1(task.target[~rows], predicted)
        found.append(line)
    return {"objectives": found}


def objective(
    remedy: Any,
    penalty: float,
    *,
    X: NDArray[np.float32],
    y: NDArray[np.int64],
    names: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> float:
    """What a remedy minimises, at a head's weights, computed in double precision by formulas of its own."""
    from bench.peer_fits import class_weights, log_share  # noqa: PLC0415

    counts = np.bincount(y, minlength=len(names))
    scores = X.astype(np.float64) @ weights + bias
    row = np.ones(len(y))
    lines = np.arange(len(y))
    if remedy.name in ("balanced", "effective_number", "weighted_ce", "ldam"):
        row = class_weights(remedy, counts)[y]
    if remedy.name == "ldam":
        rarest = counts[counts > 0].min()
        scores[lines, y] -= (remedy.margin * (rarest / np.maximum(counts, 1)) ** 0.25)[y]
    if remedy.name == "balanced_softmax":
        scores += remedy.tau * log_share(counts)
    top = scores.max(axis=1)
    loss = top + np.log(np.exp(scores - top[:, None]).sum(axis=1)) - scores[lines, y]
    if remedy.name == "focal":
        loss *= (1 - np.exp(-loss)) ** remedy.gamma
    centre = remedy.scale * names.T if remedy.name == "name_prior" else 0.0
    known = counts > 0 if remedy.name != "name_prior" else np.ones(len(counts), bool)
    away = (weights - centre)[:, known].astype(np.float64)
    return float((row * loss).mean() + 0.5 * penalty * (away**2).sum())
