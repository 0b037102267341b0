"""Words that stand in the same places of titles, and so may stand for each other: what a catalogue itself tells."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from evenshelf.augmentation.sources import Corpus
from evenshelf.augmentation.written import Written, WrittenWord, same_key
from evenshelf.encoders.base import fingerprint_of
from evenshelf.errors import InputError
from evenshelf.index.synonyms import parse_synonyms
from evenshelf.index.text.analyzer import Analyzer

FEWEST = 3
"""A word of fewer titles is not looked at."""
MOST = 20_000
"""Words that are compared, the frequent ones first."""
NEAR = 0.2
"""Cosine of what two words stand beside, at least."""
KEPT = 8
"""Words kept for each word."""
_TOGETHER = 0.1
_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Substitutes:
    """What may stand for a word.

    Attributes
    ----------
    others
        By folded word the folded words or phrases that may stand for it, the nearest first.
    spelled
        How each is written most often.
    classes
        Words of the titles of each class; empty without labels.
    told
        Pairs that a person gave, which hold in every class.
    """

    others: Mapping[str, tuple[str, ...]]
    spelled: Mapping[str, str]
    classes: Mapping[str, frozenset[str]]
    told: frozenset[tuple[str, str]]

    @cached_property
    def digest(self) -> str:
        """See :class:`~evenshelf.augmentation.base.Known`."""
        classes = sorted((label, sorted(words)) for label, words in self.classes.items())
        parts = (sorted(self.others.items()), sorted(self.spelled.items()), classes, sorted(self.told))
        return fingerprint_of(*map(repr, parts))

    def of(self, word: str, label: str | None) -> list[str]:
        """Return what may stand for a folded word in a text of a class, as it is written.

        Without a label every word that stands in the same places; with one only those that its class has.
        """
        own = self.classes.get(label) if label is not None else None
        return [
            self.spelled[other]
            for other in self.others.get(word, ())
            if own is None or other in own or (word, other) in self.told
        ]


def substitutes_of(corpus: Corpus, synonyms: str = "") -> Substitutes:
    """Learn from titles which words stand in the same places, and read a file of synonyms.

    Two words are near if the words before and after them are the same (cosine of positive pointwise mutual
    information); words that stand together in a title do not stand for each other. Numbers, measures and codes are
    left out.

    Parameters
    ----------
    corpus
        Titles, and their classes if they have any.
    synonyms
        Path of a file of synonyms (lines ``sofa, couch``), or nothing.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    titles = [[word for word in Written.of(text).words if word.kind in ("word", "run")] for text in corpus.texts]
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for words in titles:
        for word in words:
            spellings[word.key][word.text] += 1
    spelled = {key: min(own, key=lambda text: (-own[text], text)) for key, own in spellings.items()}
    near = _near(titles)
    told = _told(synonyms)
    for key, phrase, text in told:
        near[key] = [phrase, *(other for other in near.get(key, ()) if other != phrase)]
        spelled.setdefault(phrase, text)
    classes: dict[str, set[str]] = defaultdict(set)
    for words, label in zip(titles, corpus.label_of, strict=True):
        if label is not None:
            classes[label] |= {word.key for word in words}
    used = {other for others in near.values() for other in others}
    return Substitutes(
        {word: tuple(others) for word, others in near.items() if others},
        {key: spelled[key] for key in sorted(used)},
        {label: frozenset(words & used) for label, words in classes.items()},
        frozenset((word, phrase) for word, phrase, _ in told),
    )


def _near(titles: Sequence[Sequence[WrittenWord]]) -> dict[str, list[str]]:
    held = Counter(key for words in titles for key in {word.key for word in words})
    common = [key for key, count in held.items() if count >= FEWEST]
    names = sorted(sorted(common, key=lambda key: (-held[key], key))[:MOST])
    index = {key: i for i, key in enumerate(names)}
    if len(names) < 2:
        return {}
    beside, rows = [], []
    for words in titles:
        codes = [index.get(word.key, -1) for word in words]
        rows.append(sorted({code for code in codes if code >= 0}))
        for a, b in pairwise(codes):
            if a >= 0 and b >= 0:
                beside += [(a, len(names) + b), (b, a)]
    if not beside:
        return {}
    pairs = np.array(beside)
    size = (len(names), 2 * len(names))
    counts = sp.csr_array(sp.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=size))
    counts.sum_duplicates()
    unit = _unit_ppmi(counts)
    column = np.concatenate([np.array(row, np.int64) for row in rows])
    ends = np.cumsum([0, *map(len, rows)])
    incidence = sp.csr_array((np.ones(len(column)), column, ends), shape=(len(rows), len(names)))
    titles_with = np.array([held[key] for key in names], float)
    turned, lists = sp.csr_array(incidence.T), sp.csr_array(unit.T)
    found = {}
    for start in range(0, len(names), _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, len(names)))
        cosine = (unit[part] @ lists).toarray()
        together = (turned[part] @ incidence).toarray()
        cosine[together > _TOGETHER * np.minimum(titles_with[part, None], titles_with)] = 0
        for row, own in enumerate(np.round(cosine, 6)):
            best = [i for i in np.argsort(-own, kind="stable")[:KEPT].tolist() if own[i] >= NEAR and i != start + row]
            found[names[start + row]] = [names[i] for i in best]
    return found


def _unit_ppmi(counts: sp.csr_array) -> sp.csr_array:
    """Positive pointwise mutual information of counts, rows of length one."""
    table = counts.tocoo()
    total = table.data.sum()
    rows, columns = np.asarray(counts.sum(axis=1)).ravel(), np.asarray(counts.sum(axis=0)).ravel()
    values = np.log(table.data * total / (rows[table.coords[0]] * columns[table.coords[1]]))
    positive = sp.csr_array(sp.coo_array((np.maximum(values, 0), table.coords), shape=counts.shape))
    length = np.sqrt(np.asarray(positive.multiply(positive).sum(axis=1)).ravel())
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return sp.csr_array(sp.diags_array(scale) @ positive)


def _told(path: str) -> list[tuple[str, str, str]]:
    """Of a file of synonyms: a word, what may be said for it, and how that is written."""
    if not path:
        return []
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The file of synonyms {path} cannot be read: {error}.", hint="Give the path of a text file in UTF-8."
        ) from error
    read = parse_synonyms(lines, Analyzer(), source=path)
    keys = {phrase: [word.key for word in Written.of(text).words] for phrase, text in read.written.items()}
    return [
        (keys[phrase][0], same_key(read.written[other]), read.written[other])
        for phrase, others in read.phrases.items()
        if len(keys[phrase]) == 1
        for other in others
    ]
