"""What is open of an index: all that a search takes of it, of one moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evenshelf.errors import InputError
from evenshelf.index.generation import JOURNAL, read_applied, read_generation
from evenshelf.index.journal import Journal
from evenshelf.index.manifest import read_manifest
from evenshelf.index.queries import read_queries
from evenshelf.index.synonyms import parse_synonyms
from evenshelf.index.text.analyzer import Analyzer
from evenshelf.index.trust import Trust
from evenshelf.index.view import View
from evenshelf.shop.locking import locked

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    import polars as pl

    from evenshelf.encoders import Encoder
    from evenshelf.index.generation import Generation
    from evenshelf.index.manifest import Manifest
    from evenshelf.index.synonyms import Synonyms


@dataclass(frozen=True, eq=False)
class Opened:
    """An index as it is searched; what changes it makes another one.

    Attributes
    ----------
    manifest, generation, journal
        What was opened.
    view
        The items.
    queries
        What people searched for, ``query`` and ``count``.
    analyzer, synonyms, trust
        By what queries are understood, as the manifest says.
    """

    manifest: Manifest
    generation: Generation
    journal: Journal
    view: View
    queries: pl.DataFrame
    analyzer: Analyzer
    synonyms: Synonyms
    trust: Trust

    @classmethod
    def of(cls, manifest: Manifest, generation: Generation) -> Self:
        """Open the journal of a generation, and bring its items to where it is.

        Raises
        ------
        InputError
            If a file is missing or damaged.
        """
        analyzer = Analyzer(manifest.language)
        opened = cls(
            manifest,
            generation,
            Journal(generation.folder / JOURNAL),
            View.of(generation, reader=generation.lexical.reader()),
            read_queries(generation.folder),
            analyzer,
            parse_synonyms([*manifest.synonyms, *manifest.learned_synonyms], analyzer),
            Trust(manifest.dense_weight, manifest.dense_floor),
        )
        return opened.caught_up()

    def caught_up(self) -> Self:
        """Return the index with the batches of the journal that its words have by now.

        Raises
        ------
        InputError
            If the journal is damaged, or the folder is gone.
        """
        with locked(self.generation.folder):
            # Nobody is between writing the words and saying so.
            applied = read_applied(self.generation.folder)
            if applied <= self.view.seq:
                return self
            waiting = [(seq, batch) for seq, batch in self.journal.after(self.view.seq) if seq <= applied]
            view = self.view.after([batch for _, batch in waiting], applied, self.manifest.layout)
            return self.with_view(view)

    def with_view(self, view: View) -> Self:
        """Return the index with other items, and the words as they are now."""
        removed = int(view.alive.size - len(view))
        return replace(self, view=view.with_reader(self.generation.lexical.reader(removed)))


def open_index(path: Path, encoder: Encoder | None = None) -> Opened:
    """Open what the manifest names; if another process puts a new generation in its place meanwhile, that one.

    Parameters
    ----------
    path
        Folder of the index.
    encoder
        Its encoder, if it is open already.

    Raises
    ------
    InputError
        If there is none, or it is damaged.
    """
    while True:
        manifest = read_manifest(path)
        try:
            opened = Opened.of(manifest, read_generation(path / manifest.generation, manifest, encoder))
        except InputError:
            if read_manifest(path).generation == manifest.generation:
                raise
            continue
        if read_manifest(path).generation == manifest.generation:
            return opened
        # Files may have been missing that are made where they are missing: the journal.
        opened.journal.close()
