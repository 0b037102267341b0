"""What remedies make that acts on the scores of a trained model: calibrations, and memories of training rows."""

from __future__ import annotations

from typing import Any, Protocol

from evenshelf.remedies.rows import Floats


class Calibrated(Protocol):
    """What was found on unseen rows: ``[m, G]`` scores to ``[m, G]`` scores, each row by itself.

    Attributes
    ----------
    notes
        What it could not do for which groups, a sentence each.
    """

    @property
    def notes(self) -> tuple[str, ...]:
        """See the class."""

    def __call__(self, scores: Floats) -> Floats:
        """Change scores."""


class Retrieved(Protocol):
    """A memory of training rows: what the ones near to a new row say, and scores changed by that, each row by itself.

    The two steps are apart because looking up costs the most, and models that differ in their scores alone share it.

    Attributes
    ----------
    notes
        What it could not do for which groups, a sentence each.
    """

    @property
    def notes(self) -> tuple[str, ...]:
        """See the class."""

    def look_up(self, vectors: Floats) -> Any:
        """What is found for vectors ``[m, d]``, in a form of its own."""

    def __call__(self, scores: Floats, found: Any) -> Floats:
        """``[m, G]`` scores from those of the model and what :meth:`look_up` found for the same rows.

        Groups that the model does not offer score minus infinity. Where it offers some, all others of which nothing was
        found may be left out of both, as a search does, which needs what was found as a sparse ``[m, G]``; other ones
        for each row.
        """
