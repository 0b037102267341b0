"""Brings changes that were written down to the words of an index, and copies an index as it is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.errors import InputError
from evenshelf.index.generation import JOURNAL, tokens_by_field, write_applied
from evenshelf.index.manifest import sync_folder, write_manifest
from evenshelf.shop.locking import locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evenshelf.index.journal import Batch
    from evenshelf.index.opened import Opened
    from evenshelf.index.view import View


_ROOM = "Make room on the disk, and see that the folder can be written to."


def changed(opened: Opened, batch: Batch) -> Opened:
    """Write a change down, bring it to the words, and return the index with it.

    The caller lets nobody else change the index.

    Raises
    ------
    InputError
        If it cannot be written. Then none of it was made, or, if it can neither be brought to the words nor be taken
        back any more, all of it will be, before the next change and when the index is opened; the error says which.
    """
    # What cannot be shown is not written down: it would be read again on every opening.
    view = opened.view.after([batch], opened.journal.last + 1, opened.manifest.layout)
    lexical = opened.generation.lexical
    before = lexical.committed()
    seq = opened.journal.append(batch)
    try:
        return applied(opened, view)
    except InputError as error:
        if before is None or lexical.committed() != before:
            raise InputError(f"{error.message} The change is kept and made when they can be.", hint=_ROOM) from error
        try:
            opened.journal.withdraw(seq)
        except InputError as other:
            raise InputError(f"{error.message} The change is kept and made when they can be.", hint=_ROOM) from other
        raise InputError(f"{error.message} The change was not made.", hint=_ROOM) from error


def applied(opened: Opened, view: View) -> Opened:
    """Bring batches of the journal that are not there yet to the words; return the index with a view of them all.

    The caller lets nobody else change the index.

    Parameters
    ----------
    opened
        The index as it was.
    view
        Its items after all batches of the journal.

    Raises
    ------
    InputError
        If the words cannot be written.
    """
    before = opened.view
    folder = opened.generation.folder
    waiting = opened.journal.after(before.seq)
    with locked(folder):
        try:
            _write(opened, view, [batch for _, batch in waiting])
            write_applied(folder, view.seq)
        # Tantivy tells all that went wrong as a ValueError.
        except (OSError, ValueError) as error:
            raise InputError(f"The words of the index in {folder} cannot be written: {error}.", hint=_ROOM) from error
        return opened.with_view(view)


def _write(opened: Opened, view: View, batches: Sequence[Batch]) -> None:
    """Bring batches to the words, all or none."""
    before = opened.view
    rows = len(before.alive)
    writer = opened.generation.lexical.writer()
    try:
        for batch in batches:
            numbers = range(rows, rows + batch.documents.height)
            # They may be there, if the process died after the words were written and before that was said.
            writer.remove(numbers)
            if batch.documents.height:
                tokens = tokens_by_field(batch.documents, opened.manifest.layout, opened.analyzer)
                writer.add(rows, tokens, view.facets.slice(rows, batch.documents.height))
            rows = numbers.stop
        gone = ~view.alive
        gone[: len(before.alive)] &= before.alive
        writer.remove(np.flatnonzero(gone).tolist())
        writer.commit()
    finally:
        writer.close()


def copy(opened: Opened, path: Path) -> None:
    """Copy an index to a folder that is not there yet; the caller lets nobody else change it.

    Raises
    ------
    InputError
        If something is there, or it cannot be written.
    """
    if path.exists():
        raise InputError(f"{path} exists.", hint="Choose another folder for the snapshot.")
    temporary = path.with_name(f".{path.name}.new")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        folder = opened.generation.folder
        shutil.copytree(folder, temporary / folder.name, ignore=_not_copied)
        opened.journal.copy_to(temporary / folder.name / JOURNAL)
        write_manifest(temporary, opened.manifest)
        temporary.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise InputError(
            f"The snapshot cannot be written to {path}: {error}",
            hint="Choose a folder with room that can be written to.",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _not_copied(folder: str, names: list[str]) -> set[str]:
    del folder
    return {name for name in names if name.startswith(JOURNAL) or name.endswith(".lock")}
