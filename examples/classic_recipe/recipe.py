"""The recipe itself, step by step as articles have it: token ids, SMOTE on them, embedding + BiLSTM + softmax."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from evenshelf import LabelTask
from evenshelf.encoders.bag import tokens
from evenshelf.learners.real_rows import held_out
from evenshelf.learners.torch_training import Examples, Loop, predicted, seeded, train
from evenshelf.remedies.losses import CrossEntropy

Codes = NDArray[np.int64]

PAD, UNKNOWN = 0, 1
NO_WORD = "?"
"""What the number of unknown words is read as."""
TEST = 0.2
NEIGHBOURS = 5
"""Of SMOTE, its default; a class needs one row more than that."""
LONGEST = 32
EMBEDDING, UNITS, BATCH, RATE = 100, 128, 32, 1e-3
PATIENCE = 3
"""Of early stopping: epochs without a better loss."""


@dataclass(frozen=True)
class Vocabulary:
    """Words by their number, from 2 on, the most frequent first; made from the titles that are trained on."""

    words: tuple[str, ...]
    length: int

    @classmethod
    def of(cls, titles: Sequence[str]) -> Vocabulary:
        """Count the words of titles; rows are as long as the longest title."""
        split = [tokens(title) for title in titles]
        counts = Counter(word for title in split for word in title)
        longest = min(max(len(title) for title in split), LONGEST)
        return cls(tuple(sorted(counts, key=lambda word: (-counts[word], word))), max(longest, 1))

    def rows(self, titles: Sequence[str]) -> Codes:
        """``[n, length]`` word numbers, zeros in front, as ``pad_sequences`` does it."""
        number = {word: rank for rank, word in enumerate(self.words, start=2)}
        found = np.full((len(titles), self.length), PAD, np.int64)
        for row, title in enumerate(titles):
            read = [number.get(word, UNKNOWN) for word in tokens(title)[: self.length]]
            if read:
                found[row, -len(read) :] = read
        return found

    def read(self, row: Codes) -> tuple[str, ...]:
        """The words of a row of numbers; padding is none, wherever it stands."""
        return tuple(NO_WORD if n == UNKNOWN else self.words[n - 2] for n in row.tolist() if n != PAD)


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run of the recipe gives.

    Attributes
    ----------
    answers
        ``[m]`` predicted codes of the test rows.
    rows
        How many rows it was trained on, made ones included.
    seconds
        CPU time.
    made, made_of
        ``[s, length]`` rows that SMOTE made and ``[s]`` their classes; empty without SMOTE.
    vocabulary
        That the rows are numbered by.
    """

    answers: Codes
    rows: int
    seconds: float
    made: Codes
    made_of: Codes
    vocabulary: Vocabulary


def fewest_rows() -> int:
    """Rows that a class must have so that the split leaves SMOTE enough of them to train on."""
    return math.ceil((NEIGHBOURS + 1) / (1 - TEST))


def refusals(task: LabelTask, seed: int) -> tuple[str, ...]:
    """What the libraries say to the recipe before rare classes are dropped; nothing where no class is rare."""
    found = []
    rows = np.arange(len(task.target))
    try:
        train_test_split(rows, test_size=TEST, stratify=task.target, random_state=seed)
    except ValueError as error:
        found.append(f"train_test_split: {error}")
    assert task.texts is not None
    numbers = Vocabulary.of(task.texts).rows(task.texts)
    try:
        SMOTE(k_neighbors=NEIGHBOURS, random_state=seed).fit_resample(numbers, task.target)
    except ValueError as error:
        found.append(f"SMOTE: {error}")
    return tuple(found)


def random_split(task: LabelTask, kept: Codes, seed: int) -> tuple[Codes, Codes]:
    """Rows to train on and to test, stratified; titles that are equal may stand on both sides."""
    given, tested = train_test_split(kept, test_size=TEST, stratify=task.target[kept], random_state=seed)
    return np.sort(given), np.sort(tested)


def run(
    task: LabelTask,
    given: Codes,
    tested: Codes,
    *,
    epochs: int,
    seed: int,
    smote: bool = False,
    weighted: bool = False,
    stopping: bool = False,
) -> Trained:
    """Train the network on rows of a task and ask it for others.

    Parameters
    ----------
    given, tested
        Rows.
    epochs
        So many, or at most so many where it may be stopped.
    smote
        Whether rows of rare classes are made between word numbers; every class of `given` then needs six rows.
    weighted
        Whether rows weigh as much as their class is rare.
    stopping
        Whether a part of the training rows, by title groups, tells when to stop.
    """
    assert task.texts is not None
    import torch  # noqa: F401, PLC0415 - slow to import, which is not the recipe's cost

    began = time.process_time()
    vocabulary = Vocabulary.of([task.texts[row] for row in given])
    numbers = vocabulary.rows([task.texts[row] for row in given])
    present, code = np.unique(task.target[given], return_inverse=True)
    code = code.astype(np.int64)
    out = (
        held_out(numbers.astype(np.float32), code, task.group[given], seed) if stopping else np.zeros(len(given), bool)
    )
    inputs, target = numbers[~out], code[~out]
    real = len(target)
    if smote:
        # numbers are whole, so imbalanced-learn cuts off what lies between them, as a cast to int in an article does
        inputs, target = SMOTE(k_neighbors=NEIGHBOURS, random_state=seed).fit_resample(inputs, target)
    weight = None
    if weighted:
        count = np.bincount(target, minlength=len(present))
        weight = (len(target) / (len(present) * np.maximum(count, 1)))[target].astype(np.float32)
    stop = Examples(numbers[out], code[out]) if out.any() else None
    loop = Loop(epochs, PATIENCE, steps=1, batch=BATCH, rate=RATE, cap=len(target))
    with seeded(seed):
        network = _network(len(vocabulary.words) + 2, len(present))
        train(network, Examples(inputs, target, weight), stop, losses=(CrossEntropy(),), loop=loop, seed=seed)
        best = predicted(network, vocabulary.rows([task.texts[row] for row in tested])).argmax(axis=1)
    return Trained(
        present[best],
        len(target),
        time.process_time() - began,
        inputs[real:],
        present[target[real:]],
        vocabulary,
    )


def _network(words: int, classes: int) -> Any:
    from torch import cat, nn  # noqa: PLC0415 - slow to import

    class Network(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(words, EMBEDDING)
            self.lstm = nn.LSTM(EMBEDDING, UNITS, batch_first=True, bidirectional=True)
            self.scores = nn.Linear(2 * UNITS, classes)

        def forward(self, rows: Any) -> Any:
            _, (last, _) = self.lstm(self.embedding(rows))
            return self.scores(cat([last[0], last[1]], dim=1))

    return Network()
