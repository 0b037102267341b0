"""Words of a folded text: model numbers and measures whole, compounds in one piece and in parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from evenshelf.index.text.scripts import UNSPACED, is_japanese, is_particle, pairs_of, pieces_of_run, words_of_run
from evenshelf.index.text.units import UNIT_PATTERN, measure

_LETTER = rf"[^\W_{UNSPACED}]"
_NUMBER = r"\d+(?:[.,]\d+)*"
_pieces = re.compile(
    rf"(?P<measure>(?<![^\W_{UNSPACED}]){_NUMBER}{UNIT_PATTERN})"
    rf"|(?P<number>(?<![^\W_{UNSPACED}]){_NUMBER}(?![^\W_{UNSPACED}]|[-.]{_LETTER}))"
    rf"|(?P<word>{_LETTER}+(?:[-./'&]{_LETTER}+)*)"
    rf"|(?P<run>[{UNSPACED}]+)"
)
_joiners = re.compile(r"[-./'&]")
_mixed = re.compile(r"([^\W\d_]{2,})(\d+)|(\d+)([^\W\d_]{2,})")
_CODE = re.compile(r"[^\W\d_]{2,12}")
_DIGITS = re.compile(r"\d{1,4}")


@dataclass(frozen=True)
class Word:
    """One word of a text, as a person would count them.

    Attributes
    ----------
    start, end
        Where it stands in the folded text.
    whole
        The word in one piece, without what joins its parts: ``xps13`` for ``xps-13``, ``16gb`` for ``16 gb``.
    parts
        The pieces that together say the same; the word itself if it has none.
    kind
        ``"word"``, ``"number"``, ``"measure"``, ``"code"`` (letters and digits) or ``"run"`` (of a script without
        spaces).
    particle
        Whether it is a grammatical particle.
    """

    start: int
    end: int
    whole: str
    parts: tuple[str, ...]
    kind: str
    particle: bool = False


def words_of(folded: str) -> list[Word]:
    """Split a folded text into words.

    Examples
    --------
    >>> [(word.whole, word.parts) for word in words_of("dell xps-13 16 gb wi-fi")]
    [('dell', ('dell',)), ('xps13', ('xps', '13')), ('16gb', ('16gb',)), ('wifi', ('wi', 'fi'))]
    """
    words: list[Word] = []
    japanese = is_japanese(folded)
    for match in _pieces.finditer(folded):
        start, end = match.span()
        if match["run"] is not None:
            run = match["run"]
            words += [
                Word(start + a, start + b, run[a:b], pairs_of(run[a:b]), "run", is_particle(run[a:b]))
                for a, b in words_of_run(run, japanese=japanese)
            ]
            continue
        whole, parts, kind = _taken_apart(match.group(), match.lastgroup or "word")
        if whole:
            words.append(Word(start, end, whole, parts, kind))
    return words


def starts_of(folded: str) -> list[int]:
    """Where the words of :func:`words_of` begin."""
    starts: list[int] = []
    japanese = is_japanese(folded)
    for match in _pieces.finditer(folded):
        run, start = match["run"], match.start()
        if run is not None:
            starts += [start + a for a, _ in words_of_run(run, japanese=japanese)]
        elif _taken_apart(match.group(), match.lastgroup or "word")[0]:
            starts.append(start)
    return starts


def tokens_of(folded: str) -> list[str]:
    """All that a folded text is found by: words whole and in parts, runs in pieces, neighbours that may be one word."""
    tokens: list[str] = []
    japanese = is_japanese(folded)
    before, end_before = "", -2
    for match in _pieces.finditer(folded):
        if match["run"] is not None:
            run = match["run"]
            tokens += [run[a:b] for a, b in sorted(pieces_of_run(run, japanese=japanese))]
            before = ""
            continue
        whole, parts, _ = _taken_apart(match.group(), match.lastgroup or "word")
        if parts != (whole,):
            tokens += parts
        if whole:
            tokens.append(whole)
        if before and match.start() == end_before + 1 and (joined := joined_code(before, whole)):
            tokens.append(joined)
        before, end_before = whole, match.end()
    return tokens


def pieces_of(folded: str) -> list[str]:
    """Characters, and pairs of neighbours, of the runs of scripts without spaces: what words in them are made of."""
    runs = [match["run"] for match in _pieces.finditer(folded) if match["run"] is not None]
    return [run[i : i + size] for run in runs for size in (1, 2) for i in range(len(run) - size + 1)]


def joined_code(first: str, second: str) -> str | None:
    """Two neighbouring words in one piece, if together they read like the name of a model: ``xps`` and ``13``."""
    return first + second if _CODE.fullmatch(first) and _DIGITS.fullmatch(second) else None


@lru_cache(maxsize=1 << 17)
def _taken_apart(text: str, group: str) -> tuple[str, tuple[str, ...], str]:
    if group == "measure":
        whole = measure(text)
        return whole, (whole,), "measure"
    if group == "number":
        whole = _plain(text)
        return whole, (whole,), "number"
    parts = [part for part in _joiners.split(text) if part]
    if len(parts) > 1 and parts[-1] == "s" and "'s" in text:
        parts = [*parts[:-2], parts[-2] + "s"] if text.endswith("'s") else parts
        if len(parts) == 1:
            return parts[0], (parts[0],), "word"
    whole = "".join(parts)
    kind = "code" if any(map(str.isdigit, whole)) and not whole.isdigit() else "word"
    if len(parts) == 1:
        split = _mixed.fullmatch(whole)
        if split is not None:
            parts = [part for part in split.groups() if part]
    return whole, tuple(parts), kind


def _plain(number: str) -> str:
    """A number without separators of thousands."""
    groups = number.split(",")
    if len(groups) > 1 and all(len(group) == 3 and group.isdigit() for group in groups[1:-1]):
        last = groups[-1].split(".")[0]
        if len(last) == 3:
            return number.replace(",", "")
    return number.replace(",", ".")
