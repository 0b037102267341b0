"""The recipe that articles still teach for imbalanced titles, run as it is taught and then made sound step by step.

    python -m examples.classic_recipe                      3,000 titles of fashion_styles, in minutes
    python -m examples.classic_recipe --rows 10000         more of them
    python -m examples.classic_recipe --data products.csv --target category

Stratified 80/20 split, SMOTE on word numbers, embedding + BiLSTM(128) + softmax, Adam .001, 32 rows a step, 10 epochs,
accuracy. Then: equal titles on one side, no SMOTE, all classes, class weights, early stopping, pretrained vectors. A
table is printed, and a page written with it and with the words that SMOTE makes up. Needs evenshelf[train].
"""

from __future__ import annotations

import argparse
import sys

from evenshelf.errors import EvenshelfError
from examples.classic_recipe.ladder import climb
from examples.classic_recipe.page import sentences, table, write_page
from examples.shop_file import add_options, read_task


def main(words: list[str] | None = None) -> int:
    """Run all steps, print the table, write the page."""
    parser = argparse.ArgumentParser(prog="python -m examples.classic_recipe", description=__doc__)
    add_options(parser, out="classic_recipe.html")
    parser.add_argument("--rows", type=int, default=3000, help="titles drawn with the seed: 3000")
    parser.add_argument("--epochs", type=int, default=10, help="of the recipe: 10")
    given = parser.parse_args(words)
    try:
        task = read_task(given.data, given.target, given.rows, given.seed)
        found = climb(task, epochs=given.epochs, encoder=given.encoder, seed=given.seed, tell=_tell)
        path = write_page(found, task, given.out)
    except EvenshelfError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(found))
    for sentence in sentences(found):
        print(" -", sentence)
    for row in found.words.examples:
        print(f"   {row.label}: {' '.join(word for word, _ in row.words)}")
    print("page:", path)
    return 0


def _tell(text: str) -> None:
    print(f"... {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
