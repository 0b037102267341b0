"""What labels are called, and which titles hold the words of their label."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.shop.duplicates import title_key

if TYPE_CHECKING:
    from collections.abc import Sequence

_PATH = re.compile(r"\s*[|>]\s*")
_PLURAL = re.compile(r"(?<=[a-z]{2}[a-rt-z])s\b")


def label_names(label: str) -> tuple[str, ...]:
    """Return what a label is called: the last part of a path, and each of several names divided by `` / ``.

    Examples
    --------
    >>> label_names("Shoes|Running Shoe / 跑步鞋")
    ('Running Shoe', '跑步鞋')
    """
    return tuple(name.strip() for name in _PATH.split(label)[-1].split(" / "))


def label_held(titles: Sequence[str], labels: Sequence[str | None]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say of each title whether it holds its whole label, plural or not.

    Returns
    -------
    numpy.ndarray
        Boolean, shape ``[n]``; False without a label.
    """
    names = {label: [_singular(n) for n in label_names(label)] for label in set(labels) if label is not None}
    return np.array(
        [
            label is not None and any(name in key for name in names[label] if name)
            for key, label in zip(map(_singular, titles), labels, strict=True)
        ],
        dtype=np.bool_,
    )


def _singular(text: str) -> str:
    """Return the key of a text with the plural s of English words cut off."""
    return _PLURAL.sub("", title_key(text))
