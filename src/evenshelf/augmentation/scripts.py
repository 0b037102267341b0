"""Which script a text is in, as far as makers differ by it."""

from __future__ import annotations

import re

from evenshelf.index.text.scripts import HAN, UNSPACED, is_japanese

_UNSPACED = re.compile(f"[{UNSPACED}]")
_HAN = re.compile(f"[{HAN}]")


def unspaced_share(text: str) -> float:
    """Return the share of letters of a text, in [0, 1], that are of scripts without spaces; 0 without letters."""
    letters = sum(map(str.isalpha, text))
    return len(_UNSPACED.findall(text)) / letters if letters else 0.0


def is_chinese(text: str) -> bool:
    """Whether a good part of a text is Chinese: a third of its letters Han characters, and none kana."""
    letters = sum(map(str.isalpha, text))
    return letters > 0 and 3 * len(_HAN.findall(text)) >= letters and not is_japanese(text)
