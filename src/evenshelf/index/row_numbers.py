"""Which row an item is in, while items come and go: what was there at first is kept once, and changes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class RowNumbers:
    """The row of each item of now; a value never changes.

    Parameters
    ----------
    first
        Row by item, as they were at first.
    """

    def __init__(self, first: Mapping[str, int]) -> None:
        self._first = first
        self._later: dict[str, int | None] = {}

    def get(self, item: str) -> int | None:
        """Return the row of an item; None if there is no such item."""
        return self._later[item] if item in self._later else self._first.get(item)

    def __contains__(self, item: str) -> bool:
        return self.get(item) is not None

    def __getitem__(self, item: str) -> int:
        """Return the row of an item.

        Raises
        ------
        KeyError
            If there is no such item.
        """
        row = self.get(item)
        if row is None:
            raise KeyError(item)
        return row

    def changed(self, later: Mapping[str, int | None]) -> RowNumbers:
        """Return the rows after items came to others, or to none."""
        changed = RowNumbers(self._first)
        changed._later = {**self._later, **later}
        return changed
