"""Words that nobody wrote: what rows of word numbers say that SMOTE has made between titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from evenshelf.encoders.bag import tokens
from examples.classic_recipe.recipe import NEIGHBOURS, NO_WORD, Trained, Vocabulary

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class MadeUp:
    """One made row, beside the two titles that it lies between.

    Attributes
    ----------
    label
        The class that it is said to be of.
    first, second
        Titles of the class.
    words
        What it says, and for each word whether no training title of the class holds it.
    """

    label: str
    first: str
    second: str
    words: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Account:
    """How many of the made rows say what.

    Attributes
    ----------
    made
        All.
    unwritten
        Whose words are those of no title of the catalogue, not even in another order.
    foreign
        With a word that no training title of their class holds.
    examples
        Some of the foreign ones, one a class.
    """

    made: int
    unwritten: int
    foreign: int
    examples: tuple[MadeUp, ...]


def account(
    trained: Trained,
    titles: Sequence[str],
    given: Codes,
    target: Codes,
    classes: Sequence[str],
    *,
    shown: int,
    seed: int,
) -> Account:
    """Read all rows that SMOTE made.

    Parameters
    ----------
    trained
        A run with SMOTE.
    titles
        ``[n]`` of the whole catalogue.
    given
        Rows of the catalogue that were trained on.
    target
        ``[n]`` class of each title.
    classes
        Their names.
    shown
        Examples at most.
    seed
        Of the choice of examples.
    """
    vocabulary = trained.vocabulary
    written = {tuple(sorted(tokens(title))) for title in titles}
    of_class: dict[int, set[str]] = {}
    for row in given:
        of_class.setdefault(int(target[row]), set()).update(tokens(titles[row]))
    said = [vocabulary.read(row) for row in trained.made]
    unwritten = [tuple(sorted(words)) not in written for words in said]
    foreign = [
        unread and any(word not in of_class[int(label)] and word != NO_WORD for word in words)
        for words, label, unread in zip(said, trained.made_of, unwritten, strict=True)
    ]
    rng = np.random.default_rng(seed)
    picked: dict[int, int] = {}
    for row in rng.permutation(np.flatnonzero(foreign)):
        picked.setdefault(int(trained.made_of[row]), int(row))
    examples = []
    for label, row in list(picked.items())[:shown]:
        rows = given[target[given] == label]
        first, second = _between(trained.made[row], vocabulary, [titles[i] for i in rows])
        marked = tuple((word, word not in of_class[label] and word != NO_WORD) for word in said[row])
        examples.append(MadeUp(classes[label], first, second, marked))
    return Account(len(said), sum(unwritten), sum(foreign), tuple(examples))


def _between(made: Codes, vocabulary: Vocabulary, titles: Sequence[str]) -> tuple[str, str]:
    """The two titles between which a row lies, the first of which it is nearer to or as near."""
    rows = vocabulary.rows(titles).astype(np.float64)
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(rows) - 1)).fit(rows).kneighbors(return_distance=False)
    first = np.repeat(np.arange(len(rows)), near.shape[1])
    second = near.reshape(-1)
    way = rows[second] - rows[first]
    # what was cut off is half a number on average
    gone = made + 0.5 * (made > 0) - rows[first]
    step = np.clip((gone * way).sum(axis=1) / np.maximum((way**2).sum(axis=1), 1e-9), 0, 1)[:, None]
    best = int(np.abs(rows[first] + step * way - made).max(axis=1).argmin())
    pair = (titles[first[best]], titles[second[best]])
    return pair if step[best, 0] <= 0.5 else (pair[1], pair[0])
