"""The manifest of a bundle that recommends, and the lists of ids beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evenshelf.bundles.manifest import (
    RECOMMEND,
    FileEntry,
    ReadEntry,
    read_document,
    validated,
)
from evenshelf.errors import InputError

ITEMS, USERS = "items.json", "users.json"
"""Files with ids."""


class LearnerEntry(BaseModel):
    """What was fitted, at which setting; `directed` says whether it reads which of two steps came first."""

    model_config = ConfigDict(extra="forbid")
    name: str
    title: str
    paper: str
    setting: dict[str, Any]
    directed: bool


class RankingRemedyEntry(BaseModel):
    """What the ranker was fitted under, and what is done with its scores and lists.

    `serving` is the part of `spec` that acts when a list is made; ``none`` if nothing does. `chosen` says in a sentence
    where remedy and settings come from. Files of a user stand in `spec` by their names alone; `read` has their digests.
    """

    model_config = ConfigDict(extra="forbid")
    spec: str
    title: str
    paper: str
    serving: str
    chosen: str
    read: list[ReadEntry] = []


class RankerEntry(BaseModel):
    """Kind of the ranker, and its numbers that are no arrays."""

    model_config = ConfigDict(extra="forbid")
    kind: str
    numbers: dict[str, Any]


class ArrayEntry(BaseModel):
    """Type and shape that an array has to have."""

    model_config = ConfigDict(extra="forbid")
    dtype: str
    shape: list[int]


class RankingManifest(BaseModel):
    """The contents of ``bundle.json``.

    Attributes
    ----------
    kind
        By which it is told from bundles that label.
    task, target
        What was asked of the shop.
    encoder
        Spec and fingerprint of what read the titles when it was fitted; serving does not need it.
    items
        How many there are; ``items.json`` names them.
    repeats
        Whether what a user has may be shown again.
    seed
        Of the order of items that score alike.
    strength
        What a step counts that comes without a kind of event: the usual strength of those that were fitted, or ``None``
        where all count the same.
    histories
        Whether it holds the histories of users, by their ids.
    arrays
        Of the ranker and of all else, by name.
    trained_on
        Name of the shop, hashes of its content, users, steps, what was left out.
    evidence
        Of the study: its name, headline, reasons, and the numbers of the remedy.
    notes
        What a person should know before using it, a sentence each.
    files
        By name.
    """

    model_config = ConfigDict(extra="forbid")
    schema_version: int
    evenshelf: str
    kind: Literal["recommend"]
    task: str
    target: str
    nouns: dict[str, Any]
    learner: LearnerEntry
    remedy: RankingRemedyEntry
    encoder: dict[str, Any] | None = None
    items: int = Field(ge=2)
    repeats: bool
    seed: int = Field(ge=0)
    strength: float | None = Field(default=None, gt=0)
    histories: bool = False
    ranker: RankerEntry
    arrays: dict[str, ArrayEntry] = {}
    trained_on: dict[str, Any]
    evidence: dict[str, Any]
    notes: list[str] = []
    files: dict[str, FileEntry] = {}


class ItemsFile(BaseModel):
    """Ids of the items by code, their titles, and the category of each, by its place among the categories or -1."""

    model_config = ConfigDict(extra="forbid")
    ids: list[str]
    titles: list[str] | None = None
    categories: list[str] = []
    category: list[int] | None = None

    def check(self, items: int, folder: Path) -> None:
        """Raise an :class:`InputError` if it is not of so many items."""
        whole = len(self.ids) == len(set(self.ids)) == items
        whole = whole and (self.titles is None or len(self.titles) == items)
        if self.category is not None:
            known = all(-1 <= code < len(self.categories) for code in self.category)
            whole = whole and known and len(self.category) == items
        if not whole:
            raise InputError(
                f"{folder / ITEMS} does not name {items:,} items, each once, with all that is said of them.",
                hint="Copy the bundle again, or train it again.",
            )


class UsersFile(BaseModel):
    """Ids of the users whose histories are held."""

    model_config = ConfigDict(extra="forbid")
    ids: list[str]


def read_ranking_manifest(folder: Path) -> RankingManifest:
    """Read and check it, not the files beside it.

    Raises
    ------
    InputError
        If there is none, it is of another schema, not a manifest, or of a bundle that recommends nothing.
    """
    document = read_document(folder)
    if document.get("kind") != RECOMMEND:
        raise InputError(
            f"The bundle {folder} labels texts, and recommends nothing.",
            hint=f'Ask it with: evenshelf predict {folder} "a title" - or make one that recommends: '
            "evenshelf train SHOP --task recommend",
        )
    return validated(RankingManifest, document, folder)


def write_json(model: BaseModel, file: Path) -> None:
    """Write a list of ids beside the manifest."""
    file.write_text(json.dumps(model.model_dump(mode="json"), ensure_ascii=False) + "\n", encoding="utf-8")


def read_items(folder: Path, items: int) -> ItemsFile:
    """Read and check the ids of the items.

    Raises
    ------
    InputError
        If it is damaged, or of other items.
    """
    found = validated(ItemsFile, _document(folder / ITEMS), folder, ITEMS)
    found.check(items, folder)
    return found


def read_users(folder: Path) -> UsersFile:
    """Read the ids of the users.

    Raises
    ------
    InputError
        If it is damaged.
    """
    return validated(UsersFile, _document(folder / USERS), folder, USERS)


def _document(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is damaged: {error}.", hint="Copy the bundle again, or train it again.") from error
