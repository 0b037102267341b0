"""A generation: all that an index has of the items that it was built of, in a folder that is only added to.

Rows are numbered in the order of the items. Later changes are rows after these (:mod:`evenshelf.index.view`), and the
next generation numbers anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from evenshelf.encoders import restore_encoder
from evenshelf.errors import InputError
from evenshelf.index.dense import DenseIndex
from evenshelf.index.documents import FIELDS, facets_of, field_texts
from evenshelf.index.lexical import LexicalIndex
from evenshelf.index.manifest import Manifest, sync_files
from evenshelf.index.text.analyzer import Analyzer
from evenshelf.index.vocabulary import Vocabulary, count_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evenshelf.encoders import Encoder
    from evenshelf.encoders.base import Vectors
    from evenshelf.index.documents import Layout

    Tell = Callable[[str, int, int | None], None]

_BLOCK = 5000
_DOCUMENTS, _FACETS, _WORDS = "documents.arrow", "facets.arrow", "vocabulary.arrow"
_ENCODER, _APPLIED = "encoder.safetensors", "applied.json"
_TANTIVY, _VECTORS = "words", "vectors"
JOURNAL = "journal.db"


@dataclass(frozen=True)
class Generation:
    """What was built.

    Attributes
    ----------
    folder
        Where it is.
    documents
        The items, row by row.
    facets
        What they are filtered by, row by row.
    vocabulary
        Their words.
    lexical
        Their tokens, with those of later rows.
    dense
        Their vectors.
    encoder
        What made the vectors.
    """

    folder: Path
    documents: pl.DataFrame
    facets: pl.DataFrame
    vocabulary: Vocabulary
    lexical: LexicalIndex
    dense: DenseIndex
    encoder: Encoder


def tokens_by_field(items: pl.DataFrame, layout: Layout, analyzer: Analyzer) -> dict[str, list[str]]:
    """Return for each field the tokens of each item, with spaces between."""
    texts = field_texts(items, layout)
    return {field: [" ".join(analyzer.tokens(text)) if text else "" for text in texts[field]] for field in FIELDS}


def spelling_texts(items: pl.DataFrame, layout: Layout) -> list[str]:
    """Return of each item the texts whose words may be typed: all but the description."""
    texts = field_texts(items, layout)
    return [" ".join(row) for row in zip(*(texts[f] for f in FIELDS if f != "description"), strict=True)]


def write_generation(
    folder: Path,
    items: pl.DataFrame,
    vectors: Vectors,
    *,
    layout: Layout,
    analyzer: Analyzer,
    encoder: Encoder,
    tell: Tell,
) -> None:
    """Write a generation to a folder that is not there yet."""
    folder.mkdir(parents=True)
    items.write_ipc(folder / _DOCUMENTS, compression="uncompressed")
    facets = facets_of(items, layout)
    facets.write_ipc(folder / _FACETS, compression="uncompressed")
    (folder / _TANTIVY).mkdir()
    writer = LexicalIndex.create(folder / _TANTIVY, layout).writer()
    counts = count_words(())
    for start in range(0, items.height, _BLOCK):
        tell("indexing words", start, items.height)
        block = items.slice(start, _BLOCK)
        writer.add(start, tokens_by_field(block, layout, analyzer), facets.slice(start, _BLOCK))
        counts.update(count_words(spelling_texts(block, layout)))
    tell("indexing words", items.height, items.height)
    writer.commit()
    writer.close()
    words = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    table = pl.DataFrame(words, schema={"word": pl.String, "items": pl.Int64}, orient="row")
    table.write_ipc(folder / _WORDS, compression="uncompressed")
    DenseIndex.build(folder / _VECTORS, vectors, progress=lambda done: tell("indexing vectors", done, items.height))
    save_file({name: array.copy() for name, array in encoder.state().items()}, folder / _ENCODER)
    write_applied(folder, 0)
    sync_files(folder)


def read_generation(folder: Path, manifest: Manifest, encoder: Encoder | None = None) -> Generation:
    """Open a generation.

    Parameters
    ----------
    folder
        Where it is.
    manifest
        The manifest that names it.
    encoder
        Its encoder, if it is open already.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the encoder is not what it was.
    """
    try:
        documents = pl.read_ipc(folder / _DOCUMENTS)
        facets = pl.read_ipc(folder / _FACETS)
        words = pl.read_ipc(folder / _WORDS)
        state = load_file(folder / _ENCODER)
    except (OSError, pl.exceptions.PolarsError, SafetensorError) as error:
        raise InputError(
            f"The index in {folder} cannot be read: {error}", hint="Make it anew: evenshelf index SHOP --anew"
        ) from error
    if encoder is None or encoder.fingerprint != manifest.fingerprint:
        encoder = restore_encoder(manifest.encoder, state)
    if encoder.fingerprint != manifest.fingerprint:
        raise InputError(
            f"The encoder {manifest.encoder!r} is not the one that the index in {folder} was made with.",
            hint="Make it anew: evenshelf index SHOP --anew",
        )
    return Generation(
        folder=folder,
        documents=documents,
        facets=facets,
        vocabulary=Vocabulary(dict(zip(words["word"].to_list(), words["items"].to_list(), strict=True))),
        lexical=LexicalIndex.open(folder / _TANTIVY, manifest.layout),
        dense=DenseIndex.open(folder / _VECTORS),
        encoder=encoder,
    )


def read_applied(folder: Path) -> int:
    """Return the number of the last batch of the journal whose tokens are in the generation."""
    try:
        return int(json.loads((folder / _APPLIED).read_text(encoding="utf-8"))["batch"])
    except (OSError, ValueError, KeyError, TypeError):
        # Not written, or not to its end: applying batches a second time changes nothing.
        return 0


def write_applied(folder: Path, seq: int) -> None:
    """Say that the tokens of all batches up to one are in the generation."""
    temporary = folder / f"{_APPLIED}.new"
    temporary.write_text(json.dumps({"batch": seq}), encoding="utf-8")
    temporary.replace(folder / _APPLIED)
