"""Made texts laid out beside the rows of a study, where its units find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.learners.variants import VariantRows
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Remedy, TextMaker
from evenshelf.study import trials
from evenshelf.study.text_making import MadeExamples

MADE_TEXTS = "made_texts"
"""Where the record of a study tells of what was made."""


def laid_out_texts(
    making: Callable[[TextMaker, Sequence[Remedy]], MadeExamples],
    wanted: Mapping[TextMaker, Sequence[Remedy]],
    matrix: Vectors,
    folder: Path,
) -> tuple[dict[TextMaker, str], list[dict[str, Any]]]:
    """Make texts and keep their vectors.

    Parameters
    ----------
    making
        Makes texts for the settings that are to pick from them.
    wanted
        Those settings, by what makes the texts.
    matrix
        The rows of the study.
    folder
        Of the study.

    Returns
    -------
    places
        Names of the folders below ``vectors``, by what made them; they are of the content.
    told
        Facts of each maker; JSON-able.
    """
    places: dict[TextMaker, str] = {}
    told: list[dict[str, Any]] = []
    for maker, settings in wanted.items():
        made = making(maker, settings)
        rows = rows_of(made, matrix)
        places[maker] = f"made-{trials.digest_of(rows.rows, rows.source, rows.number)}"
        trials.stored_variants(folder / "vectors" / places[maker], lambda rows=rows: rows)  # type: ignore[misc]
        told.append(dict(made.facts))
    return places, told


def rows_of(made: MadeExamples, matrix: Vectors) -> VariantRows:
    """Made texts in the axes of a study, by the rows that their sources are merged into."""
    source = matrix.row_of[made.source]
    order = np.lexsort((made.number, source))
    return VariantRows.of(made.given[order], source[order], made.number[order], matrix, made.seconds)
