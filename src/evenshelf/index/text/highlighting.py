"""Which characters of a title match a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenshelf.index.text.folding import fold_with_origins
from evenshelf.index.text.languages import stem
from evenshelf.index.text.scripts import pairs_of
from evenshelf.index.text.words import words_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from evenshelf.index.text.analyzer import Analyzer

Spans = tuple[tuple[int, int], ...]


def highlights(text: str, tokens: Collection[str], analyzer: Analyzer) -> Spans:
    """Return the parts of a text that match tokens of a query.

    Parameters
    ----------
    text
        As it is shown.
    tokens
        All tokens that the query was searched by.
    analyzer
        What made them.

    Returns
    -------
    tuple of (int, int)
        Places ``[start, end)`` in `text`, ascending, neither touching nor overlapping.
    """
    folded, origins = fold_with_origins(text)
    spans: list[tuple[int, int]] = []
    for word in words_of(folded):
        if stem(word.whole, analyzer.language) in tokens:
            spans.append((word.start, word.end))
        elif word.kind == "run":
            pairs = enumerate(pairs_of(word.whole), word.start)
            spans += [(i, i + len(pair)) for i, pair in pairs if pair in tokens]
            spans += [(i, i + 1) for i in range(word.start, word.end) if folded[i] in tokens]
        else:
            at = word.start
            for part in word.parts:
                at = folded.find(part, at, word.end)
                if at < 0:
                    break
                if stem(part, analyzer.language) in tokens:
                    spans.append((at, at + len(part)))
                at += len(part)
    merged: list[tuple[int, int]] = []
    for start, end in sorted((origins[a], origins[b]) for a, b in spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return tuple(merged)
