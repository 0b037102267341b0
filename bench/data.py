"""The data of the benchmarks: real shops from ``EVENSHELF_DATA``, made into shops once and kept in the cache."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from evenshelf.encoders import default_cache_dir
from evenshelf.errors import InputError
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.study.prepare import shop_task
from evenshelf.tasks.label import LabelTask

ROOT = Path(__file__).resolve().parents[1]
DATA = ("fashion", "zh", "simulated")
ZH_COLUMNS = ("code", "path", "title", "breadcrumb", "shop", "seller")
ZH_CLASSES = 120
ZH_LEAST = 4
"""Titles left in the rarest of the thinned Chinese categories."""


def real_data() -> Path:
    """The folder of real data sets.

    Raises
    ------
    InputError
        If it is not there.
    """
    folder = Path(os.environ.get("EVENSHELF_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise InputError(
            "The folder of real data sets is missing.",
            hint="Set EVENSHELF_DATA to it, or measure on made-up data: --data simulated",
        )
    return folder


def label_task(data: str, rows: int | None, seed: int) -> LabelTask:
    """A labelling question: the category of `rows` items drawn from a data set; ``None`` for all."""
    if data == "zh":
        return _chinese(rows, seed)
    return shop_task(shop_of(data, rows, seed), "category", sample=rows, seed=seed)


def shop_of(data: str, rows: int | None, seed: int) -> Shop:
    """The shop of the English titles, or one made up with so many items."""
    if data == "fashion":
        return _ingested("fashion", real_data() / "fashion_styles" / "styles.csv.zip")
    path = default_cache_dir() / "bench" / f"simulated-{rows or 2000}-{seed}"
    return Shop.open(path) if (path / "shop.toml").is_file() else simulate(path, rows or 2000, seed=seed)


def chinese_shop() -> Shop:
    """The shop of all Chinese titles; rows with title and breadcrumb swapped are in its quarantine."""
    source = real_data() / "zh_product_titles" / "dataset.tar.xz"
    return _ingested("zh", source, ZH_COLUMNS, ("allcategories.csv",))


def _ingested(name: str, source: Path, columns: tuple[str, ...] | None = None, exclude: tuple[str, ...] = ()) -> Shop:
    path = default_cache_dir() / "bench" / name
    ingest(path, [source], columns=columns, exclude=exclude)  # a file that is in the shop already changes nothing
    return Shop.open(path)


def _chinese(rows: int | None, seed: int) -> LabelTask:
    """120 large categories of the Chinese titles, thinned until their sizes fall exponentially."""
    items = chinese_shop().items()
    titles, labels = np.array(items["title"].to_list(), object), np.array(items["category"].to_list(), object)
    names, counts = np.unique(labels.astype(str), return_counts=True)
    order = np.lexsort((names, -counts))[:ZH_CLASSES]
    most = int(counts[order].min())
    rng = np.random.default_rng(seed)
    # which category becomes rare is drawn, so that rarity has nothing to do with what the category is
    picked = rng.permutation(names[order])
    sizes = exponential_tail(ZH_CLASSES, most, ZH_LEAST)
    kept = [rng.permutation(np.flatnonzero(labels == n))[:size] for n, size in zip(picked, sizes, strict=True)]
    index = np.sort(np.concatenate(kept))
    dropped = {f"not among {ZH_CLASSES} categories thinned to an exponential tail": len(labels) - len(index)}
    if rows is not None and rows < len(index):
        dropped[f"not in the sample of {rows}"] = len(index) - rows
        index = np.sort(rng.permutation(index)[:rows])
    return LabelTask.of(list(labels[index]), list(titles[index]), dropped=dropped)


def exponential_tail(classes: int, most: int, least: int) -> list[int]:
    """Sizes that fall by the same factor from class to class."""
    return [int(size) for size in np.rint(np.geomspace(most, least, classes))]


def save_task(task: LabelTask, folder: Path) -> None:
    """Write a task for another process to read; texts are left out, vectors stand for them."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "task.npz", target=task.target, group=task.group, same=task.same)
    facts = {"classes": list(task.classes), "dropped": dict(task.dropped)}
    (folder / "task.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def load_task(folder: Path) -> LabelTask:
    """Read what :func:`save_task` wrote."""
    facts = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    with np.load(folder / "task.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    return LabelTask(texts=None, classes=tuple(facts["classes"]), dropped=facts["dropped"], **arrays)
