"""Which encoder suits these texts: judged by the scripts they are written in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evenshelf.encoders.base import Encoder, check_texts
from evenshelf.encoders.registry import EncoderKind, open_encoder, register
from evenshelf.encoders.sides import SEPARATOR, sides
from evenshelf.encoders.words import UNSPACED

SAMPLE = 10000
"""Texts that are looked at, evenly spread."""

_latin = re.compile(r"[A-Za-z\u00c0-\u024f]")
_unspaced = re.compile(f"[{UNSPACED}]")
_letter = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Choice:
    """An encoder and why it was chosen.

    Attributes
    ----------
    spec
        For :func:`~evenshelf.encoders.open_encoder`.
    reason
        One sentence for the person who runs this.
    """

    spec: str
    reason: str


def choose_encoder(texts: Sequence[str]) -> Choice:
    """Choose a built-in encoder by the scripts of the texts.

    The default language model knows English. Where most letters are Latin it is fused with character
    n-grams; for other scripts its vocabulary holds hardly a word, and the n-grams alone do better.

    Parameters
    ----------
    texts
        The corpus; at most :data:`SAMPLE` of them are looked at.

    Returns
    -------
    Choice
        ``fused``, ``tfidf``, or - where there is no letter to judge by and nothing to fit on - ``minilm``. Of texts
        that are all pairs, parted by :data:`~evenshelf.encoders.sides.SEPARATOR`, ``pair:`` and one of these.

    Examples
    --------
    >>> choose_encoder(["Nike Air Max", "Puma Suede"]).spec
    'fused'
    >>> choose_encoder(["耐克 运动鞋 男", "彪马 休闲鞋"]).spec
    'tfidf'
    """
    check_texts(texts)
    looked = texts[:: max(1, -(-len(texts) // SAMPLE))]
    if looked and all(first.strip() for first in sides(looked)[0]):
        inner = choose_encoder([text.replace(SEPARATOR, " ") for text in looked])
        return Choice(
            f"pair:{inner.spec}",
            f"Each text is a pair, so both of its texts are encoded, with what they share beside them. {inner.reason}",
        )
    joined = "\n".join(looked)
    letters = len(_letter.findall(joined))
    if not joined.strip():
        return Choice("minilm", "There are no texts to judge by, so the built-in English language model is used.")
    if not letters:
        return Choice("tfidf", "The texts hold no letters, so character n-grams are used, which compare codes as well.")
    latin = len(_latin.findall(joined)) / letters
    unspaced = len(_unspaced.findall(joined)) / letters
    if latin >= 0.5:
        return Choice(
            "fused",
            f"{latin:.0%} of the letters are Latin, so the built-in English language model and character n-grams are "
            "used side by side, which does better than either alone.",
        )
    script = "Chinese, Japanese, Korean or Thai" if unspaced >= 0.5 else "neither Latin nor Chinese"
    return Choice(
        "tfidf",
        f"Only {latin:.0%} of the letters are Latin (most are {script}), so character n-grams are used: the built-in "
        "language model knows English words only. A multilingual one can be used with st:NAME_OR_FOLDER.",
    )


def _open(_argument: str, texts: Sequence[str]) -> Encoder:
    return open_encoder(choose_encoder(texts).spec, texts)


register(EncoderKind("auto", "Chosen by the scripts of the texts: fused for Latin, tfidf for the others.", _open))
