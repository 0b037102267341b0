"""Every step of a study by itself, from Python: a shop, its imbalance, vectors, a study, its verdict.

Run it with: python examples/study_shop.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from evenshelf import LabelTask, Study
from evenshelf.encoders import VectorCache, choose_encoder, open_encoder
from evenshelf.report import write_study_report
from evenshelf.shop import profile, simulate
from evenshelf.study.verdict import decide


def main(folder: Path) -> None:
    """Make a shop in `folder`, study it, print the verdict, write the report beside it."""
    # your own: evenshelf.shop.ingest(folder / "shop", ["products.csv"]), then evenshelf.Shop.open(folder / "shop")
    shop = simulate(folder / "shop", items=400, language="en")
    measured = profile(shop).imbalance
    print(f"{len(measured.groups)} categories, the largest {measured.ratio:.0f} times the smallest")

    task = LabelTask.from_shop(shop, target="category")
    choice = choose_encoder(task.texts or ())
    print(f"encoder: {choice.spec} ({choice.reason})")
    encoder = open_encoder(choice.spec, task.texts or ())
    cache = VectorCache()

    study = Study(
        task,
        cache.encode(encoder, task.texts or ()),
        folder / "study",
        names=cache.encode(encoder, task.class_texts),
        remedies="random_over, balanced_softmax, name_prior + logit_adjust",
        folds=3,
        budget=4,
    )
    result = study.run()

    verdict = decide(result)
    print(verdict.headline)
    for reason in verdict.reasons:
        print(" -", reason)
    print("report:", write_study_report(result, verdict, folder / "report.html"))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "study_shop"))
