"""Texts that a remedy makes beside those that were given."""

from __future__ import annotations

from dataclasses import dataclass

from evenshelf.remedies.rows import Codes, Floats


@dataclass(frozen=True, eq=False)
class MadeTexts:
    """Texts, each of one group.

    Attributes
    ----------
    texts
        ``[m]``, no two equal.
    group
        ``[m]`` code of the group to which each belongs.
    weight
        ``[m]`` > 0, what each counts, against an example that was given.
    """

    texts: tuple[str, ...]
    group: Codes
    weight: Floats

    def __len__(self) -> int:
        return len(self.texts)
