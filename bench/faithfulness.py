"""Whether words that are named as reasons are reasons: what a label loses without them, beside random words and LIME.

    python -m bench.faithfulness            fashion titles, Chinese titles and a simulated shop: some ten minutes
    python -m bench.faithfulness --fused    fashion titles with MiniLM and n-grams together as well
    python -m bench.faithfulness --quick    a small simulated shop: seconds

A head is trained on four fifths of the title groups; of the others titles of more than three words are looked at. Words
go in the order of each method, one, two, three of them: comprehensiveness is what the probability of the label loses
then, sufficiency what it loses when nothing else stays (ERASER, ACL 2020). Differences to random words carry 95 %
intervals of a paired bootstrap over titles.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import peer_reasons
from bench.data import label_task
from bench.harness import Figure, Listing, Report, say
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.errors import EvenshelfError
from evenshelf.explain import Faithfulness, WordReasons, faithfulness
from evenshelf.explain.faithfulness import RANDOM
from evenshelf.explain.margins import Labelling, Margin, Model
from evenshelf.explain.places import Places
from evenshelf.explain.words import Method, method_of
from evenshelf.learners.bundling import serving_head
from evenshelf.learners.heads import fit_alone
from evenshelf.remedies import parse
from evenshelf.tasks.label import LabelTask

REMEDY, PENALTY = "name_prior + logit_adjust(tau=0.5)", 1e-5
MOST = 3
SHOWN = 2
"""Words of the figures: the first word of occlusion is the best one by construction."""
HELD_OUT = 0.2
OURS = {"tfidf": ("occlusion", "exact"), "minilm": ("occlusion", "gradients"), "fused": ("occlusion", "gradients")}
PARTS = (("fashion", "tfidf"), ("fashion", "minilm"), ("zh", "tfidf"), ("simulated", "tfidf"))
FUSED = ("fashion", "fused")
COLUMNS = ("data", "encoder", "reasons", "texts", "comprehensiveness", "sufficiency")
COLUMNS += ("comprehensiveness_beyond", "sufficiency_beyond", "seconds_per_text")


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    parts: tuple[tuple[str, str], ...]
    rows: int
    titles: int
    samples: int
    seed: int
    json: Path | None


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.faithfulness", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="400 made-up titles: seconds")
    parser.add_argument("--fused", action="store_true", help="MiniLM and n-grams together as well")
    parser.add_argument("--rows", type=int, help="rows drawn with the seed: 10,000")
    parser.add_argument("--titles", type=int, help="titles that are looked at: 200")
    parser.add_argument("--samples", type=int, help="texts that LIME looks at for each: its own default of 5,000")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    quick = given.quick
    return Asked(
        parts=(("simulated", "tfidf"),) if quick else (*PARTS, *((FUSED,) if given.fused else ())),
        rows=given.rows or (400 if quick else 10_000),
        titles=given.titles or (20 if quick else 200),
        samples=given.samples or (200 if quick else 5_000),
        seed=given.seed,
        json=given.json,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("faithfulness")
    report.settings = {"parts": [list(part) for part in asked.parts], "rows": asked.rows, "titles": asked.titles}
    report.settings |= {"samples": asked.samples, "remedy": REMEDY, "penalty": PENALTY, "seed": asked.seed}
    lines: list[tuple[object, ...]] = []
    try:
        for data, encoder in asked.parts:
            lines += measure(data, encoder, asked, report)
    except EvenshelfError as error:
        say(str(error))
        return 1
    report.tables.append(Listing("faithfulness", COLUMNS, tuple(lines)))
    report.notes += [
        (
            f"Figures are of the first {SHOWN} words, by the method of this encoder that is no search among texts with "
            "a word left out (exact, or gradients)."
        ),
        (
            "LIME cuts words as we do and explains the probability of the label, which is what is measured; ours "
            "explain the margin to the runner-up. Its other settings are its own; equal texts are encoded once for it. "
            "Seconds are wall time on one thread."
        ),
    ]
    report.finish(asked.json)
    return 0


def measure(data: str, encoder: str, asked: Asked, report: Report) -> list[tuple[object, ...]]:
    """All methods on one data set and encoder: lines of the table; figures go into the report."""
    say(f"reading {data}")
    task = label_task(data, asked.rows, asked.seed)
    out = held_out(task, asked.seed)
    model = trained(task, ~out, encoder)
    titles = looked_at(task, out, asked)
    spent: dict[str, float] = {}
    ours = OURS[encoder]
    runs = {name: timed(name, method_of(name), spent) for name in ours}
    runs[peer_reasons.NAME] = timed(peer_reasons.NAME, peer_reasons.lime(asked.samples, asked.seed), spent)
    say(f"{data}, {encoder}: {len(titles)} titles")
    found = faithfulness(model, titles, runs, most=MOST, seed=asked.seed)
    per_text = {name: seconds / found.texts for name, seconds in spent.items()}
    report.figures += figures(f"{data}_{encoder}", ours[-1], found, per_text)
    report.notes.append(
        f"{data}, {encoder}: {REMEDY} at penalty {PENALTY:g} on {int((~out).sum()):,} titles; {found.texts} others "
        f"with more than {MOST} words."
    )
    return [line(data, encoder, name, found, per_text.get(name)) for name in found.curves]


def held_out(task: LabelTask, seed: int) -> NDArray[np.bool_]:
    """``[n]`` which examples are of the title groups that are not trained on."""
    _, group = np.unique(task.group, return_inverse=True)
    return (np.random.default_rng(seed).random(int(group.max()) + 1) < HELD_OUT)[group]


def looked_at(task: LabelTask, out: NDArray[np.bool_], asked: Asked) -> list[str]:
    """Different titles held out that have words enough, drawn with the seed."""
    assert task.texts is not None
    different = sorted({task.texts[row] for row in np.flatnonzero(out).tolist()})
    known = [text for text in different if len(Places.of(text).words) > MOST]
    order = np.random.default_rng(asked.seed).permutation(len(known))[: asked.titles]
    return [known[place] for place in order.tolist()]


def trained(task: LabelTask, kept: NDArray[np.bool_], encoder: str) -> Model:
    """A head on some examples."""
    assert task.texts is not None
    labels = [task.classes[code] for code in task.target[kept].tolist()]
    part = LabelTask.of(labels, [task.texts[row] for row in np.flatnonzero(kept).tolist()])
    assert part.texts is not None
    opened = open_encoder(encoder, part.texts)
    vectors, names = (VectorCache().encode(opened, list(texts)) for texts in (part.texts, part.class_texts))
    remedy = parse(REMEDY).bound(part.classes)
    say(f"fitting {len(part.target):,} vectors by {encoder}")
    fitted = fit_alone(vectors, part.target, len(part.classes), remedy, names=names, penalty=PENALTY)
    return Model(opened, serving_head(fitted, vectors[:256]), part.classes)


def timed(name: str, run: Method, spent: dict[str, float]) -> Method:
    """A method that writes down how long it took."""

    def call(model: Labelling, texts: Sequence[Places], margins: Sequence[Margin]) -> list[WordReasons]:
        began = time.perf_counter()
        found = run(model, texts, margins)
        spent[name] = time.perf_counter() - began
        return found

    return call


def line(data: str, encoder: str, name: str, found: Faithfulness, seconds: float | None) -> tuple[object, ...]:
    """A line of the table."""
    curve = found.curves[name]
    means = [[float(v) for v in getattr(curve, of).mean(axis=0)] for of in ("comprehensiveness", "sufficiency")]
    beyond = [
        None if name == RANDOM else list(found.beyond_random(name, SHOWN, of))
        for of in ("comprehensiveness", "sufficiency")
    ]
    return (data, encoder, name, found.texts, *(" / ".join(_short(v) for v in of) for of in means), *beyond, seconds)


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def figures(part: str, method: str, found: Faithfulness, seconds: dict[str, float]) -> list[Figure]:
    """One method of ours beside the peer's: how far both are beyond random words, and how long a title takes."""
    peer = peer_reasons.NAME
    made = []
    for measure, sign in (("comprehensiveness", 1), ("sufficiency", -1)):
        ours, theirs = (sign * found.beyond_random(name, SHOWN, measure)[0] for name in (method, peer))
        made.append(
            Figure(f"{measure}_beyond_random_{part}", ours, "probability", "higher", peer, theirs, ours / theirs)
        )
    ratio = seconds[peer] / seconds[method]
    made.append(Figure(f"seconds_per_text_{part}", seconds[method], "s", "lower", peer, seconds[peer], ratio))
    return made


if __name__ == "__main__":
    sys.exit(main())
