"""Compare remedies on two lists: what there is to sell, and the shelf that it belongs on.

Run it with: python examples/compare_lists.py
"""

from __future__ import annotations

from itertools import islice, product

import evenshelf

SHELVES = {  # how many titles a shelf has, and what may be written in them
    "Running shoes": (80, ["running shoe", "road runner", "jogging shoe"]),
    "Sandals": (40, ["sandal", "flip flop", "beach slide"]),
    "Hiking boots": (20, ["hiking boot", "trekking boot", "mountain shoe"]),
    "Football boots": (8, ["football boot", "soccer cleat", "pitch shoe"]),
    "Ballet shoes": (4, ["ballet shoe", "dance slipper", "pointe shoe"]),
}
BRANDS = ["Aster", "Borea", "Cirro", "Delmo", "Ekko"]
COLOURS = ["black", "white", "red", "navy", "olive", "sand"]


def catalogue() -> tuple[list[str], list[str]]:
    """Titles and shelves; a few shelves hold most of the titles, as in any shop."""
    titles, shelves = [], []
    for shelf, (count, words) in SHELVES.items():
        for brand, colour, word in islice(product(BRANDS, COLOURS, words), count):
            titles.append(f"{brand} {word} {colour}")
            shelves.append(shelf)
    return titles, shelves


def main() -> None:
    """Print the verdict and the table under it, and write the report."""
    titles, shelves = catalogue()
    found = evenshelf.compare(titles, shelves, remedies="balanced, logit_adjust, name_prior", folds=3, budget=4)
    print(found)
    print("Report:", found.report("compare_lists.html"))


if __name__ == "__main__":
    main()
