"""The manifest of an index: which generation counts, and all that decides how it is searched."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evenshelf.errors import InputError
from evenshelf.index.documents import Layout

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "index.toml"
FORMAT = 2
"""Version of the layout of an index; others are refused."""


class Manifest(BaseModel):
    """What an index is made of.

    `searched`, `texts`, `numbers`, `truths` and `moments` are the columns and their parts; `language` is that of the
    stems; `encoder` opens the encoder and `fingerprint` is its; `synonyms` are lines that were given,
    `learned_synonyms` those that titles and descriptions tell; `dense_weight` and `dense_floor` are the two sides of
    :class:`~evenshelf.index.trust.Trust`.
    """

    model_config = ConfigDict(extra="forbid")
    format: int = FORMAT
    generation: str = Field(pattern=r"^g\d+$")
    items: int = Field(ge=0)
    language: str
    encoder: str
    fingerprint: str
    searched: dict[str, str]
    texts: list[str]
    numbers: list[str]
    truths: list[str]
    moments: list[str]
    dense_weight: dict[str, float] = {}
    dense_floor: dict[str, float] = {}
    synonyms: list[str] = []
    learned_synonyms: list[str] = []

    @property
    def layout(self) -> Layout:
        """Which column plays which part."""
        return Layout(self.searched, tuple(self.texts), tuple(self.numbers), tuple(self.truths), tuple(self.moments))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the index in a folder.

    Raises
    ------
    InputError
        If there is none, it is damaged, or of another version.
    """
    file = folder / MANIFEST
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no index in {folder}.", hint="Make one with: evenshelf index SHOP") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", hint="Make it anew: evenshelf index SHOP --anew") from error
    if given.get("format") != FORMAT:
        raise InputError(
            f"The index in {folder} has format {given.get('format')}, this version reads {FORMAT}.",
            hint="Make it anew: evenshelf index SHOP --anew",
        )
    try:
        return Manifest.model_validate(given)
    except ValidationError as error:
        raise InputError(f"{file} is damaged: {error}", hint="Make it anew: evenshelf index SHOP --anew") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the one that is there, in one step."""
    temporary = folder / f"{MANIFEST}.{os.getpid()}"
    with temporary.open("wb") as stream:
        tomli_w.dump(manifest.model_dump(), stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(folder / MANIFEST)
    sync_folder(folder)


def sync_files(folder: Path) -> None:
    """Have all that is in a folder on the disk."""
    for file in folder.iterdir():
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
