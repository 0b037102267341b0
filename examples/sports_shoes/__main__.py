"""One class thinned to 1 % of its rows: what each family of remedies wins back for it, and at what price elsewhere.

    python -m examples.sports_shoes                    4,000 titles of fashion_styles, in minutes on two cores
    python -m examples.sports_shoes --sample 10000     more of them, in proportion
    python -m examples.sports_shoes --all              the whole catalogue, in hours
    python -m examples.sports_shoes --label Watches --remedies standard

Rows are removed from training alone: the class is measured on all of its rows. A table is printed, and a page written
with charts of what is won, what is confused, and who pays.
"""

from __future__ import annotations

import argparse
import os
import sys

from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.errors import EvenshelfError
from evenshelf.study.prepare import pick_encoder
from examples.shop_file import add_options, read_task
from examples.sports_shoes.contest import REMEDIES, Asked, hold
from examples.sports_shoes.measures import measure
from examples.sports_shoes.page import sentences, table, write_page


def main(words: list[str] | None = None) -> int:
    """Hold the contest, print the table, write the page."""
    parser = argparse.ArgumentParser(prog="python -m examples.sports_shoes", description=__doc__)
    add_options(parser, out="sports_shoes.html")
    parser.add_argument("--label", default=Asked.label, help=f"the class: {Asked.label}")
    parser.add_argument("--share", type=float, default=Asked.share, help="of its training rows that stay: 0.01")
    parser.add_argument("--sample", type=int, default=4000, help="titles drawn with the seed: 4000")
    parser.add_argument("--all", action="store_true", help="all titles, no sample")
    parser.add_argument("--remedies", default=REMEDIES, help="specs or a set; one or two of each family by default")
    parser.add_argument("--budget", type=int, default=Asked.budget, help=f"settings a remedy may try: {Asked.budget}")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(words)
    asked = Asked(
        label=given.label,
        share=given.share,
        remedies=given.remedies,
        budget=given.budget,
        seed=given.seed,
        workers=given.workers,
    )
    try:
        task = read_task(given.data, given.target, None if given.all else given.sample, given.seed)
        assert task.texts is not None
        choice, cache = pick_encoder(task.texts, given.encoder), VectorCache()
        encoder = open_encoder(choice.spec, task.texts)
        vectors, names = cache.encode(encoder, task.texts), cache.encode(encoder, task.class_texts)
        contest = hold(task, vectors, names, asked, _tell)
        found = measure(task, contest, seed=given.seed)
        path = write_page(found, contest, task, asked=asked, encoder=(choice.spec, choice.reason), out=given.out)
    except EvenshelfError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(found, contest))
    for sentence in sentences(found, contest, task):
        print(" -", sentence)
    print("page:", path)
    return 0


def _tell(text: str) -> None:
    print(f"... {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
