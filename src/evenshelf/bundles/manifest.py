"""The manifest of a bundle: what was fitted, on what, why, and the checksums of all that lies beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evenshelf.errors import InputError

MANIFEST = "bundle.json"
SCHEMA = 1
RECOMMEND = "recommend"
"""What bundles say under ``kind`` that rank items for users; those that label say nothing."""
M = TypeVar("M", bound=BaseModel)
_AGAIN = "Train it again with: evenshelf train SHOP"


class FileEntry(BaseModel):
    """A file beside the manifest."""

    model_config = ConfigDict(extra="forbid")
    bytes: int = Field(ge=0)
    sha256: str


class EncoderEntry(BaseModel):
    """What turns titles into the vectors that the head was fitted on.

    Of a model that was in a folder, `spec` has the name of the folder alone, as in ``st:./my-model``.
    """

    model_config = ConfigDict(extra="forbid")
    spec: str
    dimension: int = Field(ge=1)
    fingerprint: str


class ReadEntry(BaseModel):
    """Something of a user that a remedy was made from, without its folder, and the digest of its content."""

    model_config = ConfigDict(extra="forbid")
    name: str
    digest: str


class RemedyEntry(BaseModel):
    """What the head was fitted under; `chosen` says in a sentence where remedy and settings come from.

    Files of a user stand in `spec` by their names alone; `read` has their digests.
    """

    model_config = ConfigDict(extra="forbid")
    spec: str
    title: str
    paper: str
    penalty: float | None
    chosen: str
    read: list[ReadEntry] = []


class ClassEntry(BaseModel):
    """A class, with its training examples and whether it is head, torso or tail."""

    model_config = ConfigDict(extra="forbid")
    name: str
    count: int = Field(ge=0)
    bucket: str


class ConformalEntry(BaseModel):
    """The sets: how often the right class may be missing, and how often it was, out of fold.

    `coverage` is the share of titles whose set holds the right class, by bucket of the class and of ``all``; `size` the
    mean number of classes in a set, `sure` the share of titles with one class in the set.
    """

    model_config = ConfigDict(extra="forbid")
    alpha: float = Field(gt=0, lt=1)
    own: int = Field(ge=0)
    coverage: dict[str, float] = {}
    size: float | None = None
    sure: float | None = None


class Manifest(BaseModel):
    """The contents of ``bundle.json``.

    Attributes
    ----------
    task, target
        What was asked of the shop.
    nouns
        What a thing, its text and its label are called.
    trained_on
        Name of the shop, hash of its content, examples, texts, what was left out.
    evidence
        Of the study: its name, headline, reasons, and the numbers of the remedy; and the head's own, out of fold.
    labels_per_text
        1, or of tags the mean number of a text.
    onnx_difference
        The largest difference of a probability between ONNX Runtime and the arrays that was found.
    notes
        What could not be done, a sentence each.
    files
        By name.
    """

    model_config = ConfigDict(extra="forbid")
    schema_version: int
    evenshelf: str
    task: str
    target: str
    nouns: dict[str, Any]
    encoder: EncoderEntry
    remedy: RemedyEntry
    classes: list[ClassEntry] = Field(min_length=2)
    trained_on: dict[str, Any]
    evidence: dict[str, Any]
    conformal: ConformalEntry | None
    labels_per_text: float = Field(ge=1)
    onnx_difference: float = 0.0
    notes: list[str] = []
    files: dict[str, FileEntry] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their codes."""
        return tuple(entry.name for entry in self.classes)


class Listing(Protocol):
    """A manifest of any kind."""

    files: dict[str, FileEntry]


def write_manifest(manifest: BaseModel, folder: Path) -> None:
    """Write it, with the checksums of all other files of the folder."""
    entries = {
        file.name: FileEntry(bytes=file.stat().st_size, sha256=sha256_of(file))
        for file in sorted(folder.iterdir())
        if file.name != MANIFEST
    }
    document = manifest.model_copy(update={"files": entries}).model_dump(mode="json")
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read and check it, not the files beside it.

    Raises
    ------
    InputError
        If there is none, it is of another schema, not a manifest, or of a bundle that labels nothing.
    """
    document = read_document(folder)
    if document.get("kind") == RECOMMEND:
        raise InputError(
            f"The bundle {folder} recommends items to users, and labels nothing.",
            hint=f"Ask it with: evenshelf recommend {folder} --items ID,ID (from Python: Recommender.load)",
        )
    return validated(Manifest, document, folder)


def read_document(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle of any kind as it stands there, of a schema that can be read.

    Raises
    ------
    InputError
        If there is none, it is of another schema, or not a manifest.
    """
    file = folder / MANIFEST
    if not file.is_file():
        what = "is no bundle: it holds no bundle.json" if folder.is_dir() else "does not exist"
        raise InputError(f"{folder} {what}.", hint="Make one with: evenshelf train SHOP --out FOLDER")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is damaged: {error}.", hint=_AGAIN) from error
    schema = document.get("schema_version") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"{file} has schema {schema!r}; this version of evenshelf reads schema {SCHEMA}.",
            hint=f"{_AGAIN}, or use the version of evenshelf that wrote it.",
        )
    assert isinstance(document, dict)
    return document


def validated(kind: type[M], document: Any, folder: Path, file: str = MANIFEST) -> M:
    """A file of a bundle as what it has to be.

    Raises
    ------
    InputError
        That names the first faults.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise InputError(f"{folder / file} is damaged: {faults}.", hint=_AGAIN) from error


def check_files(manifest: Listing, folder: Path) -> None:
    """Raise an :class:`InputError` that names every file that is missing or not what was written."""
    faults = []
    for name, entry in manifest.files.items():
        file = folder / name
        if Path(name).name != name:
            faults.append(f"{name!r} is not the name of a file in the folder")
        elif not file.is_file():
            faults.append(f"{name} is missing")
        elif file.stat().st_size != entry.bytes:
            faults.append(f"{name} has {file.stat().st_size:,} bytes instead of {entry.bytes:,}")
        elif sha256_of(file) != entry.sha256:
            faults.append(f"{name} has another checksum")
    if faults:
        raise InputError(f"The bundle {folder} is damaged: {'; '.join(faults)}.", hint=f"Copy it again. {_AGAIN}")


def sha256_of(file: Path) -> str:
    """Hex digest of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
