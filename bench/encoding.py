"""Texts per second of the encoders, beside sentence-transformers with the same weights."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import child
from bench.harness import Figure, Listing, Report, say, seconds_of

FIGURES = {"minilm": "encode_ratio", "minilm-int8": "encode_ratio_int8", "fast": "encode_ratio_fast"}
OURS = tuple(FIGURES)
BATCHES = (32, 256)


def ours(folder: Path) -> dict[str, Any]:
    """Texts per second of each of our encoders, once it is open and warm."""
    from evenshelf.encoders import open_encoder  # noqa: PLC0415

    asked = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))
    texts, found = asked["texts"], {}
    for spec in asked["encoders"]:
        say(f"encoding {len(texts)} texts with {spec}")
        started = time.perf_counter()
        encoder = open_encoder(spec, texts)
        opened = time.perf_counter() - started
        encoder.encode(texts[:64])
        seconds = seconds_of(lambda encoder=encoder: encoder.encode(texts), asked["times"])
        found[spec] = {"rate": len(texts) / seconds, "open": opened}
    return found


def peer(folder: Path) -> dict[str, Any]:
    """Texts per second of sentence-transformers, by size of the batch."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    from evenshelf.encoders.weights import minilm_folder  # noqa: PLC0415

    asked = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))
    texts, found = asked["texts"], {}
    started = time.perf_counter()
    model = SentenceTransformer(str(minilm_folder()), device="cpu")
    opened = time.perf_counter() - started
    for size in BATCHES:
        say(f"encoding {len(texts)} texts with sentence-transformers, batches of {size}")
        model.encode(texts[:64], batch_size=size, show_progress_bar=False)
        seconds = seconds_of(
            lambda size=size: model.encode(texts, batch_size=size, show_progress_bar=False), asked["times"]
        )
        found[str(size)] = {"rate": len(texts) / seconds, "open": opened}
    return found


def measure(report: Report, texts: list[str], folder: Path, *, encoders: Sequence[str], times: int) -> None:
    """Add figures and a table of both sides."""
    asked = {"texts": texts, "times": times, "encoders": list(encoders)}
    (folder / "encoding.json").write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    here, there = child.run("bench.encoding:ours", folder), child.run("bench.encoding:peer", folder, offline)
    best = max(there.facts, key=lambda size: there.facts[size]["rate"])
    rate, name = there.facts[best]["rate"], f"sentence-transformers, batches of {best}"
    for spec in encoders:
        ratio = here.facts[spec]["rate"] / rate
        report.figures.append(Figure(FIGURES[spec], ratio, "x", "higher", name, rate, ratio))
    rows = [("evenshelf", spec, facts["rate"], facts["open"]) for spec, facts in here.facts.items()]
    rows += [(f"sentence-transformers ({size})", "minilm", f["rate"], f["open"]) for size, f in there.facts.items()]
    report.tables.append(Listing("encoding", ("who", "encoder", "texts_per_second", "open_seconds"), tuple(rows)))
    report.notes.append(
        f"Encoding: {len(texts)} different titles, median of {times} run(s) after a warm-up, each side in a process of "
        "its own; opening the model is not counted."
    )
