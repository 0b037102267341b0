"""One text where several may be given: it is one, not its letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def listed(texts: Iterable[str] | str) -> tuple[str, ...]:
    """Return texts as a tuple; a text by itself is the only one."""
    return (texts,) if isinstance(texts, str) else tuple(texts)
