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
    from pathlib import Path

    from evenshelf.index.opened import Opened
    from evenshelf.index.view import View


def applied(opened: Opened, view: View) -> Opened:
    """Bring batches of the journal that are not there yet to the words; return the index with a view of them all.

    The caller lets nobody else change the index.

    Parameters
    ----------
    opened
        The index as it was.
    view
        Its items after all batches of the journal.
    """
    before = opened.view
    folder, layout = opened.generation.folder, opened.manifest.layout
    waiting = opened.journal.after(before.seq)
    with locked(folder):
        writer = opened.generation.lexical.writer()
        rows = len(before.alive)
        try:
            for _, batch in waiting:
                numbers = range(rows, rows + batch.documents.height)
                # They may be there, if the process died after the words were written and before that was said.
                writer.remove(numbers)
                if batch.documents.height:
                    tokens = tokens_by_field(batch.documents, layout, opened.analyzer)
                    writer.add(rows, tokens, view.facets.slice(rows, batch.documents.height))
                rows = numbers.stop
            gone = ~view.alive
            gone[: len(before.alive)] &= before.alive
            writer.remove(np.flatnonzero(gone).tolist())
            writer.commit()
        finally:
            writer.close()
        write_applied(folder, view.seq)
        return opened.with_view(view)


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
