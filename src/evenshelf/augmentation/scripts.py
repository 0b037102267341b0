"""Which script and language texts are in, as far as makers differ by it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from evenshelf.index.text.languages import LANGUAGES, is_stop
from evenshelf.index.text.scripts import HAN, UNSPACED, is_japanese

_UNSPACED = re.compile(f"[{UNSPACED}]")
_SAMPLE, _WORDS, _FEWEST, _AHEAD = 2000, 300, 3, 1.5
_HAN = re.compile(f"[{HAN}]")


def unspaced_share(text: str) -> float:
    """Return the share of letters of a text, in [0, 1], that are of scripts without spaces; 0 without letters."""
    letters = sum(map(str.isalpha, text))
    return len(_UNSPACED.findall(text)) / letters if letters else 0.0


def is_chinese(text: str) -> bool:
    """Whether a good part of a text is Chinese: a third of its letters Han characters, and none kana."""
    letters = sum(map(str.isalpha, text))
    return letters > 0 and 3 * len(_HAN.findall(text)) >= letters and not is_japanese(text)


def language_spoken(texts: Sequence[str]) -> str | None:
    """Return the language whose stop words stand in texts, or ``None`` if they hardly tell.

    Different ones are counted: titles have few, and *men* in every one of them does not make them Danish.

    Parameters
    ----------
    texts
        At most 2,000 are looked at, evenly spread.
    """
    looked = texts[:: max(1, -(-len(texts) // _SAMPLE))]
    counts = Counter(word for text in looked for word in text.lower().split() if word.isalpha())
    words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_WORDS]]
    held = {language: sum(is_stop(word, language) for word in words) for language in LANGUAGES}
    first, second = sorted(LANGUAGES, key=lambda language: -held[language])[:2]
    return first if held[first] >= max(_FEWEST, _AHEAD * held[second]) else None
