"""Where the bundles of a shop are."""

from __future__ import annotations

from pathlib import Path

from evenshelf.bundles.manifest import MANIFEST, RECOMMEND, read_document
from evenshelf.errors import InputError
from evenshelf.shop.manifest import MANIFEST as OF_SHOP

BUNDLES = "bundles"
"""Folder of a shop's bundles, inside of the shop."""


def bundle_in(folder: Path, kind: str | None = None) -> Path:
    """The folder itself, or the newest bundle of a shop.

    Parameters
    ----------
    kind
        What bundles say under ``kind`` of which the newest is wanted; ``None`` for those that label.

    Raises
    ------
    InputError
        If it is a shop without such a bundle.
    """
    if (folder / MANIFEST).is_file() or not (folder / OF_SHOP).is_file():
        return folder
    found = sorted((folder / BUNDLES).glob(f"*/{MANIFEST}"), key=lambda f: (f.stat().st_mtime_ns, f.parent.name))
    if not found:
        raise InputError(f"The shop {folder} has no bundle.", hint=f"Make one with: evenshelf train {folder}")
    for file in reversed(found):
        if read_document(file.parent).get("kind") == kind:
            return file.parent
    what, task = ("recommends", RECOMMEND) if kind == RECOMMEND else ("labels", "label")
    raise InputError(
        f"The shop {folder} has no bundle that {what}.", hint=f"Make one with: evenshelf train {folder} --task {task}"
    )
