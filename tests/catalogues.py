"""A catalogue of a few hundred made-up titles with a long tail, for tests that run whole studies."""

from __future__ import annotations

import numpy as np

SIZES = {"running shoes": 60, "hats": 30, "leather belts": 15, "socks": 9, "ties": 7}
COLOURS = ("red", "blue", "green", "black")


def catalogue(seed: int = 0) -> tuple[list[str], list[str]]:
    """Titles and labels: words of the label's own and of others, so that no model gets all of them right."""
    rng = np.random.default_rng(seed)
    own = {label: [f"{label[:2]}{i}word" for i in range(5)] for label in SIZES}
    every = [word for words in own.values() for word in words]
    titles, labels = [], []
    for label, size in SIZES.items():
        for _ in range(size):
            words = [*rng.choice(own[label], 2), rng.choice(every), rng.choice(COLOURS), str(rng.integers(10**6))]
            titles.append(" ".join([*map(str, words), *([label] if rng.random() < 0.3 else [])]))
            labels.append(label)
    order = rng.permutation(len(titles))
    return [titles[i] for i in order], [labels[i] for i in order]
