"""Data of the benchmark of recommendation: files of histories and of texts, or a made-up shop."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data import real_data
from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Shop:
    """Histories, what is known of the items, and what is wanted.

    Attributes
    ----------
    counted
        Without the last two steps.
    before
        Without the last step: what is known when the test is asked for.
    target
        ``[U]`` the last step.
    facts
        Of the items.
    """

    counted: Histories
    before: Histories
    target: NDArray[np.int64]
    facts: ItemFacts

    @classmethod
    def of(cls, histories: Histories, facts: ItemFacts) -> Shop:
        """Hold the last two steps back."""
        return cls(histories.without_last(2), histories.without_last(1), histories.last(1), facts)

    @property
    def descending(self) -> NDArray[np.bool_]:
        """``[U]`` whether the wanted item has a lower id than the last one."""
        ids, last = np.array(self.before.items), self.before.last(1)
        return np.array([last[u] >= 0 and ids[t] < ids[last[u]] for u, t in enumerate(self.target)])


def read(sequences: Path | None, text: Path | None, attributes: Path | None, *, seed: int) -> Shop:
    """The data that was named, or Amazon Beauty."""
    if sequences is None or text is None:
        folder = real_data() / "amazon_s3rec"
        sequences = folder / "gram_Beauty_user_sequence.txt.gz"
        text, attributes = folder / "gram_Beauty_item_text_ids.txt.gz", folder / "Beauty_item2attributes.json.gz"
    histories = Histories.read(sequences, seed=seed)
    texts = words_by_item(text)
    words = [texts.get(item, []) for item in histories.items]
    # pieces of words have a sign of where a word begins, which no language model knows
    titles = tuple(" ".join(piece.replace("\u2581", "") for piece in own).strip() for own in words)
    facts = ItemFacts(words=words_of(words), titles=titles)
    if attributes is not None:
        known = attributes_by_item(attributes, histories, sequences)
        facts = replace(facts, attributes=words_of([known.get(item, []) for item in histories.items]))
    return Shop.of(histories, facts)


def words_by_item(file: Path) -> dict[str, list[str]]:
    """Words by item, of a file with an item and its words, parted by bars, in a line."""
    found = {}
    for line in _text(file).splitlines():
        item, _, words = line.partition(" ")
        found[item] = [word for word in words.replace(" ", "").split("|") if word]
    return found


def attributes_by_item(file: Path, histories: Histories, sequences: Path) -> dict[str, list[str]]:
    """Attributes by item; where a file has none of the ids, its keys number items by first appearance, from 1."""
    said = {str(key): [str(value) for value in values] for key, values in json.loads(_text(file)).items()}
    if not set(histories.items).isdisjoint(said):
        return said
    appeared = dict.fromkeys(item for line in _text(sequences).splitlines() for item in line.split()[1:])
    return {item: said.get(str(number), []) for number, item in enumerate(appeared, start=1)}


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from error


KINDS = ("shoe", "lamp", "tea", "mug", "sofa", "phone")
"""What the kinds of items of a made-up shop are called."""


def made_up(seed: int) -> Shop:
    """Users who keep to one of six kinds of items, whose words tell the kind."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, 31)
    steps = []
    for kind in rng.integers(0, 6, 300):
        own = rng.choice(30, rng.integers(5, 10), replace=False, p=share / share.sum())
        steps.append([f"k{kind}n{n}" for n in own])
    histories = Histories.of(steps, seed=seed)
    words = [[KINDS[int(item[1])], "thing", *item[3:]] for item in histories.items]
    return Shop.of(histories, ItemFacts(words=words_of([own[:2] for own in words]), titles=tuple(map(" ".join, words))))
