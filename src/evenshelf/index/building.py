"""Builds a generation of an index beside the one that is there."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from evenshelf.encoders import VectorCache, check_restorable, open_encoder
from evenshelf.errors import InputError
from evenshelf.index.documents import check_items, dense_texts, layout_of, with_texts
from evenshelf.index.generation import read_generation, write_generation
from evenshelf.index.learned_synonyms import learn_synonyms
from evenshelf.index.listing import listed
from evenshelf.index.manifest import Manifest
from evenshelf.index.opened import Opened
from evenshelf.index.queries import asked_before, write_queries
from evenshelf.index.synonyms import parse_synonyms
from evenshelf.index.text.analyzer import Analyzer
from evenshelf.index.text.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from evenshelf.encoders import Encoder

    Tell = Callable[[str, int, int | None], None]


class Building:
    """What a generation is to be made of; checked when it is made, so that nothing is written in vain.

    Parameters
    ----------
    items, encoder, language, synonyms, queries, vectors
        As for :meth:`~evenshelf.index.engine.SearchEngine.build`.

    Raises
    ------
    InputError
        If items have no id or no title, or ids repeat, or vectors, synonyms or queries do not fit.
    SettingError
        If encoder or language are not known, or the encoder cannot be kept.
    """

    def __init__(
        self,
        items: pl.DataFrame,
        *,
        encoder: str | Encoder,
        language: str | None,
        synonyms: Sequence[str] | str,
        queries: pl.DataFrame | None,
        vectors: NDArray[np.float32] | None,
    ) -> None:
        items = with_texts(items)
        check_items(items)
        self._items, self._vectors = items, vectors
        self._queries = None if queries is None else asked_before(queries)
        self._synonyms = list(listed(synonyms))
        self._layout = layout_of(items)
        self._texts = dense_texts(items)
        self._analyzer = Analyzer(language or language_of(self._texts))
        parse_synonyms(self._synonyms, self._analyzer)
        self._encoder = open_encoder(encoder, self._texts) if isinstance(encoder, str) else encoder
        check_restorable(self._encoder)
        if vectors is not None and vectors.shape != (items.height, self._encoder.dimension):
            raise InputError(
                f"There are {items.height} items and the encoder has {self._encoder.dimension} dimensions, "
                f"but the vectors are {list(vectors.shape)}."
            )

    def write(self, path: Path, tell: Tell) -> Opened:
        """Write the generation beside those that are there, and open it; nothing names it yet.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        done = 0

        def finished(count: int) -> None:
            nonlocal done
            done += count
            tell("encoding titles", done, len(self._texts))

        vectors = self._vectors
        if vectors is None:
            vectors = VectorCache().encode(self._encoder, self._texts, progress=finished)
        name = _next(path)
        folder = path / name
        write_generation(
            folder,
            self._items,
            vectors,
            layout=self._layout,
            analyzer=self._analyzer,
            encoder=self._encoder,
            tell=tell,
        )
        write_queries(folder, self._queries)
        tell("looking for synonyms", 0, None)
        manifest = self._manifest(name)
        return Opened.of(manifest, read_generation(folder, manifest, self._encoder))

    def _manifest(self, name: str) -> Manifest:
        items = self._items
        described = items["description"].to_list() if "description" in items.columns else [None] * items.height
        learned = learn_synonyms(items["title"].to_list(), described, self._encoder, self._analyzer.language)
        return Manifest(
            generation=name,
            items=items.height,
            language=self._analyzer.language,
            encoder=self._encoder.name,
            fingerprint=self._encoder.fingerprint,
            searched=dict(self._layout.searched),
            texts=list(self._layout.texts),
            numbers=list(self._layout.numbers),
            truths=list(self._layout.truths),
            moments=list(self._layout.moments),
            synonyms=self._synonyms,
            learned_synonyms=[one.line for one in learned],
        )


def sweep(path: Path, kept: str) -> None:
    """Remove generations that do not count: older ones, and those of a build that died."""
    for folder in path.glob("g*"):
        if folder.name != kept and folder.name[1:].isdigit():
            shutil.rmtree(folder, ignore_errors=True)


def _next(path: Path) -> str:
    numbers = [int(folder.name[1:]) for folder in path.glob("g*") if folder.name[1:].isdigit()]
    return f"g{max(numbers, default=0) + 1}"
