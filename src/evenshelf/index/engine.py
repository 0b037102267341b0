"""The search engine: built of items, asked from many threads, changed while it is asked."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl

from evenshelf.errors import InputError
from evenshelf.index.building import Building, sweep
from evenshelf.index.changing import applied, changed, copy
from evenshelf.index.documents import check_items, dense_texts, fitted, with_texts
from evenshelf.index.features import FEATURES, Pool, features
from evenshelf.index.filters import parse_filters
from evenshelf.index.journal import Batch
from evenshelf.index.listing import listed
from evenshelf.index.manifest import Manifest, read_manifest, write_manifest
from evenshelf.index.opened import Opened, open_index
from evenshelf.index.queries import asked_before, read_queries, write_queries
from evenshelf.index.query_vectors import QueryVectors
from evenshelf.index.ranking import Ranking
from evenshelf.index.requests import Request, Tools
from evenshelf.index.searching import judge, search
from evenshelf.index.suggestions import Suggester
from evenshelf.index.trust import measure_trust
from evenshelf.shop.locking import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from evenshelf.encoders import Encoder
    from evenshelf.index.generation import Generation
    from evenshelf.index.ranking import Ranker
    from evenshelf.index.results import Results
    from evenshelf.index.suggestions import Suggestion
    from evenshelf.index.view import View

    Tell = Callable[[str, int, int | None], None]

ENCODER = "minilm-int8"
"""The encoder that an index is built with if none is named."""


def _silent(what: str, done: int, total: int | None) -> None:
    del what, done, total


class SearchEngine:
    """An index that is open; make one with :meth:`build`, open one with :meth:`open`.

    Any number of threads may search; each search sees all items as they were at one moment. Changes are made by one
    process at a time, and are on the disk when :meth:`put` or :meth:`delete` return.

    Attributes
    ----------
    path
        Folder of the index.
    """

    def __init__(self, path: Path, opened: Opened) -> None:
        self.path = path
        self._opened = opened
        self._ranking = Ranking()
        self._changing = threading.RLock()
        self._vectors = QueryVectors()
        self._suggesting = threading.Lock()
        self._suggester: tuple[Generation, Suggester] | None = None

    @property
    def manifest(self) -> Manifest:
        """What the index is made of."""
        return self._opened.manifest

    @property
    def _generation(self) -> Generation:
        return self._opened.generation

    @property
    def _view(self) -> View:
        return self._opened.view

    @classmethod
    def build(
        cls,
        path: str | Path,
        items: pl.DataFrame,
        *,
        encoder: str | Encoder = ENCODER,
        language: str | None = None,
        synonyms: Sequence[str] | str = (),
        queries: pl.DataFrame | None = None,
        vectors: NDArray[np.float32] | None = None,
        seed: int = 0,
        tell: Tell = _silent,
    ) -> Self:
        """Build an index of items, in the place of one that is there; until it is done, that one stays.

        Parameters
        ----------
        path
            Folder of the index.
        items
            ``item_id`` and ``title``, both texts, and any other columns; see
            :func:`~evenshelf.index.documents.layout_of` for what becomes of them.
        encoder
            What makes vectors of titles and queries.
        language
            Whose stems are taken; None: found out by the stop words of the texts.
        synonyms
            Lines, see :func:`~evenshelf.index.synonyms.parse_synonyms`.
        queries
            ``query`` and ``count``: what people searched for, to complete what others type.
        vectors
            ``[items, d]``, what the encoder made of the titles, where it was run elsewhere; None: it is run here.
        seed
            Of the sample that is looked at to see how far vectors can be trusted.
        tell
            Is told what is done, how far, and of how much.

        Raises
        ------
        InputError
            If items have no id or no title, or ids repeat, or the folder cannot be written to.
        SettingError
            If encoder or language are not known, or the encoder cannot be kept.
        """
        path = Path(path)
        building = Building(
            items, encoder=encoder, language=language, synonyms=synonyms, queries=queries, vectors=vectors
        )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"No folder can be made at {path}: {error}", hint="Choose another folder.") from error
        with locked(path):
            engine = cls(path, building.write(path, tell))
            tell("measuring how far vectors can be trusted", 0, None)
            trust = measure_trust(engine, items["title"].to_list(), seed=seed)
            measured = {"dense_weight": dict(trust.weight), "dense_floor": dict(trust.floor)}
            manifest = engine.manifest.model_copy(update=measured)
            engine._opened = replace(engine._opened, manifest=manifest, trust=trust)
            write_manifest(path, manifest)
            sweep(path, manifest.generation)
        return engine

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open an index.

        Changes that were acknowledged and did not reach the words yet, because the process that made them died, are
        brought there first.

        Raises
        ------
        InputError
            If there is none, it is damaged, or such changes cannot be written.
        """
        engine = cls(Path(path), open_index(Path(path)))
        if engine._opened.journal.last > engine._view.seq:
            with contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(locked(engine.path, wait=False))
                except InputError:
                    # Whoever holds the lock will do it, or has done it when it lets go.
                    return engine
                engine._take_in()
        return engine

    def __len__(self) -> int:
        return len(self._view)

    @property
    def later(self) -> int:
        """Rows that came after the index was built, with those that are gone again."""
        return len(self._view.alive) - self.manifest.items

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._vectors.close()
        self._opened.journal.close()

    def search(
        self,
        query: str,
        *,
        filters: Sequence[str] | str = (),
        sort: str | None = None,
        offset: int = 0,
        limit: int = 10,
        facets: Sequence[str] | str = (),
        explain: bool = False,
        ranking: Ranking | None = None,
        ranker: Ranker | None = None,
        patience: float | None = None,
    ) -> Results:
        """Search.

        Parameters
        ----------
        query
            What somebody typed; empty: all items that pass the filters, the most popular first.
        filters
            Conditions that all must hold (or one), as ``brand:Sony|LG`` or ``price:10..50``; see
            :data:`~evenshelf.index.filters.SYNTAX`.
        sort
            A column of numbers, led by ``-`` for the greatest first; None: by relevance.
        offset, limit
            Which hits: `limit` of them, after the first `offset`.
        facets
            Columns of which to count the values.
        explain
            Whether each hit says why it is there.
        ranking
            Settings; None: the usual ones.
        ranker
            What orders candidates instead of a fusion, such as a model that learned it.
        patience
            Seconds to wait for the query's vector; if it takes longer, words alone answer, and the vector is kept for
            the next who asks; if too many wait already, it is not asked for. None: as long as it takes.

        Raises
        ------
        InputError
            If the query cannot be used.
        SettingError
            If a filter or a column cannot be understood.
        """
        opened = self._opened
        request = Request(
            query=query,
            allowed=parse_filters(filters, opened.manifest.layout),
            sort=sort,
            offset=offset,
            limit=limit,
            facets=listed(facets),
            explain=explain,
        )
        return search(opened.view, request, self._tools(opened, ranking, ranker, patience))

    def scores(self, query: str, ids: Sequence[str] | str, *, ranking: Ranking | None = None) -> NDArray[np.float32]:
        """Score some items as :meth:`search` would, whether it finds them or not.

        Parameters
        ----------
        query
            The query.
        ids
            Items; an unknown one raises :class:`KeyError`.
        ranking
            Settings; None: the usual ones.

        Returns
        -------
        numpy.ndarray
            ``[ids]``, higher is better.
        """
        opened = self._opened
        view = opened.view
        rows = np.array([view.rows[i] for i in listed(ids)], np.int64)
        found = judge(view, Request(query), self._tools(opened, ranking), rows)
        return found.ranked.scores[np.searchsorted(found.candidates.rows, rows)]

    def pool(self, query: str, ids: Sequence[str] | str, *, ranking: Ranking | None = None) -> Pool:
        """Return what is known of the items that a search finds and of some items besides, to learn an order from.

        Parameters
        ----------
        query, ids, ranking
            As for :meth:`scores`.
        """
        opened = self._opened
        view = opened.view
        rows = np.array([view.rows[i] for i in listed(ids)], np.int64)
        found = judge(view, Request(query), self._tools(opened, ranking), rows)
        own = found.candidates.rows
        if not len(own):
            return Pool([], np.zeros((0, len(FEATURES)), np.float32), np.zeros(0, bool))
        order = np.lexsort((own, -found.ranked.scores))
        known = features(view, found.query, found.candidates, found.ranked, found.trust)
        names = view.documents["item_id"].gather(own[order]).to_list()
        return Pool(names, known[order], found.candidates.found[order])

    def _tools(
        self,
        opened: Opened,
        ranking: Ranking | None = None,
        ranker: Ranker | None = None,
        patience: float | None = None,
    ) -> Tools:
        encoder = opened.generation.encoder
        return Tools(
            opened.manifest.layout,
            opened.analyzer,
            opened.synonyms,
            opened.trust,
            partial(self._vectors.of, encoder)
            if patience is None
            else partial(self._vectors.within, encoder, patience=patience),
            self._ranking if ranking is None else ranking,
            ranker,
        )

    def encode(self, query: str) -> NDArray[np.float32]:
        """Return the vector of a query; those of the last 10,000 are kept."""
        return self._vectors.of(self._generation.encoder, query)

    def cosines(self, query: str, ids: Sequence[str] | str) -> NDArray[np.float32]:
        """Return the cosines of items to a query; an unknown id raises :class:`KeyError`."""
        opened = self._opened
        rows = np.array([opened.view.rows[i] for i in listed(ids)], np.int64)
        return opened.view.dense.cosines(self._vectors.of(opened.generation.encoder, query), rows)

    def vectors(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of items as they are kept, in 16 bits; an unknown id raises :class:`KeyError`."""
        view = self._view
        return view.dense.vectors(np.array([view.rows[i] for i in ids], np.int64))

    def __contains__(self, item_id: object) -> bool:
        return isinstance(item_id, str) and item_id in self._view.rows

    def similar(self, item_id: str, *, limit: int = 10) -> list[tuple[str, float]]:
        """Return the items whose vectors are nearest to that of an item, with their cosines, the nearest first.

        Parameters
        ----------
        item_id
            An unknown one raises :class:`KeyError`.
        limit
            So many at most, without the item itself.
        """
        view = self._view
        own = view.rows[item_id]
        if limit < 1:
            return []
        allowed = view.alive.copy()
        allowed[own] = False
        if not allowed.any():
            return []
        vector = view.dense.vectors(np.array([own], np.int64))[0]
        rows, cosines = view.dense.nearest(vector, limit, allowed=allowed)
        names = view.documents["item_id"].gather(rows).to_list()
        return [(str(name), float(cosine)) for name, cosine in zip(names, cosines, strict=True)]

    def items(self) -> pl.DataFrame:
        """Return the items of now, those that were put last coming last."""
        view = self._view
        return view.documents.filter(pl.Series(view.alive))

    def put(self, items: pl.DataFrame, *, wait: bool = True) -> None:
        """Add items, or put them in the place of those with the same ids; when it returns, they are on the disk.

        Parameters
        ----------
        items
            As for :meth:`build`.
        wait
            For another process that changes the index; otherwise
            :class:`~evenshelf.shop.locking.LockedError` is raised.

        Raises
        ------
        InputError
            If the items cannot be used or written; then none is added, unless it says that all will be.
        """
        items = with_texts(items)
        check_items(items)
        if not items.height:
            return
        fitted(items, self._view.documents.schema)
        texts = dense_texts(items)
        encoder = self._generation.encoder
        vectors = encoder.encode(texts)

        def batch(now: Opened) -> Batch:
            own = now.generation.encoder
            same = own.fingerprint == encoder.fingerprint
            fits = fitted(items, now.view.documents.schema)
            return Batch(documents=fits, vectors=vectors if same else own.encode(texts), deleted=())

        self._change(batch, wait)

    def delete(self, ids: Sequence[str] | str, *, wait: bool = True) -> None:
        """Delete items, or one; when it returns, that is on the disk.

        Parameters
        ----------
        ids
            Of the items.
        wait
            As for :meth:`put`.

        Raises
        ------
        InputError
            If there is no such item, or it cannot be written; then none is deleted, unless it says that all will be.
        """
        gone = listed(ids)
        if not gone:
            return

        def batch(now: Opened) -> Batch:
            unknown = [i for i in gone if i not in now.view.rows]
            if unknown:
                raise InputError(
                    f"There is no item {unknown[0]!r} to delete (and {len(unknown) - 1} more).",
                    hint="None was deleted; leave it out.",
                )
            none = now.view.documents.clear()
            return Batch(documents=none, vectors=np.zeros((0, 0), np.float32), deleted=gone)

        self._change(batch, wait)

    def suggest(self, typed: str, *, limit: int = 8) -> list[Suggestion]:
        """Return what may be meant by the beginning of a query, the likeliest first.

        Parameters
        ----------
        typed
            What was typed up to now.
        limit
            So many at most.
        """
        with self._suggesting:
            opened, made = self._opened, self._suggester
            # Made when it is first asked for: who only searches does not pay for it.
            if made is None or made[0] is not opened.generation or made[1].queries is not opened.queries:
                suggester = Suggester.of(opened.view, opened.queries)
            elif made[1].view is not opened.view:
                suggester = made[1].after(opened.view)
            else:
                suggester = made[1]
            self._suggester = (opened.generation, suggester)
        return suggester.complete(typed, limit)

    def set_queries(self, queries: pl.DataFrame) -> None:
        """Say what people searched for: ``query`` and ``count``.

        Raises
        ------
        InputError
            If a column is missing or holds something else.
        """
        asked = asked_before(queries)
        with self._changing, locked(self.path):
            self.refresh()
            folder = self._generation.folder
            write_queries(folder, asked)
            self._opened = replace(self._opened, queries=read_queries(folder))

    def refresh(self) -> None:
        """Take in what other processes changed since the index was opened.

        Raises
        ------
        InputError
            If the index is gone or damaged.
        """
        with self._changing:
            before = self._opened
            try:
                if read_manifest(self.path).generation == before.manifest.generation:
                    self._opened = before.caught_up()
                    return
            except InputError:
                # Was it put in the place of this one a moment ago?
                if read_manifest(self.path).generation == before.manifest.generation:
                    raise
            self._opened = open_index(self.path, before.generation.encoder)
            before.journal.close()

    def snapshot(self, path: str | Path) -> None:
        """Copy the index, as it is at this moment, to a folder that is not there yet; the copy is an index of its own.

        Raises
        ------
        InputError
            If something is there, or it cannot be written.
        """
        with self._changing, locked(self.path):
            self._take_in()
            copy(self._opened, Path(path))

    def _change(self, batch_of: Callable[[Opened], Batch], wait: bool) -> None:
        """Make a change of what is there when nobody else changes it, write it down, and show it."""
        with self._changing, locked(self.path, wait=wait):
            self._take_in()
            opened = self._opened
            self._opened = changed(opened, batch_of(opened))

    def _take_in(self) -> None:
        """Take in all changes, those that a process wrote down before it died as well; the caller holds the lock."""
        self.refresh()
        opened = self._opened
        waiting = opened.journal.after(opened.view.seq)
        if waiting:
            view = opened.view.after([batch for _, batch in waiting], waiting[-1][0], opened.manifest.layout)
            self._opened = applied(opened, view)
