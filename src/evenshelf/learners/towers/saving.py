"""Tuned encoders as folders that are served without torch, in 8-bit integers by ONNX Runtime.

A folder is a checkpoint: wherever an encoder is named, ``bert-int8:FOLDER`` and ``bert:FOLDER`` open it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from evenshelf.encoders import open_encoder
from evenshelf.encoders.weights import max_length, read_config, read_weights
from evenshelf.errors import InputError
from evenshelf.learners.towers.encoder import TunedEncoder

Floats = NDArray[np.float32]

CONFIG, WEIGHTS, TOKENIZER, LENGTHS = FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "sentence_bert_config.json",
)


@dataclass(frozen=True)
class Quantised:
    """What computing in 8 bits loses, on some texts.

    Attributes
    ----------
    texts
        How many were looked at.
    mean, least
        Of vectors: cosines to the exact ones. Of scores of pairs: their correlation, both alike.
    """

    texts: int
    mean: float
    least: float


def save_bi_encoder(tuned: TunedEncoder, folder: Path, texts: Sequence[str]) -> Quantised:
    """Write a folder that ``bert:FOLDER`` and ``bert-int8:FOLDER`` open, whole or not at all.

    Parameters
    ----------
    tuned
        What was fitted.
    folder
        Where to; one that holds a tuned model already is replaced.
    texts
        Texts to measure on what 8 bits lose; at least one.

    Raises
    ------
    InputError
        If something else lies there, it cannot be written, or there is no text.
    """
    _check_some(texts)
    written(folder, lambda place: fill(place, tuned.folder, tuned.weights))
    exact, served = tuned.encode(texts), open_encoder(f"bert-int8:{folder}").encode(texts)
    cosine = np.sum(exact * served, axis=1, dtype=np.float64)
    return Quantised(len(texts), float(cosine.mean()), float(cosine.min()))


def _check_some(texts: Sequence[str]) -> None:
    if not len(texts):
        raise InputError("What 8 bits lose cannot be measured on no text.", hint="Give some texts of items.")


def fill(place: Path, source: Path, tuned: Mapping[str, Floats]) -> None:
    """Write a checkpoint into a folder: that of another one, with some of its tensors changed or added."""
    weights = read_weights(source)
    weights.update({name: np.ascontiguousarray(values) for name, values in tuned.items()})
    save_file(weights, place / WEIGHTS)
    for name in (CONFIG, TOKENIZER):
        shutil.copyfile(source / name, place / name)
    settings = {"max_seq_length": max_length(source, read_config(source))}
    # safetensors lets nobody else read what it writes, and who serves may be somebody else
    (place / WEIGHTS).chmod(0o644)
    (place / LENGTHS).write_text(json.dumps(settings), encoding="utf-8")


def check_place(folder: Path) -> None:
    """Raise an :class:`InputError` if something else than a tuned model lies where one is to be written."""
    held = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    if (folder.exists() and not folder.is_dir()) or (held and held != sorted(FILES)):
        raise InputError(f"{folder} holds something else than a tuned model.", hint="Give another folder.")


def written(folder: Path, fill_in: Callable[[Path], None]) -> None:
    """Fill a folder beside the wanted one and rename it; what is replaced is moved away for that moment."""
    folder = folder.resolve()
    try:
        check_place(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        old = partial.with_name(f"{partial.name}.old")
        try:
            fill_in(partial)
            partial.chmod(0o755)
            if folder.exists():
                folder.rename(old)
            try:
                partial.rename(folder)
            except BaseException:  # also when interrupted: the old one goes back to its place
                if old.exists():
                    old.rename(folder)
                raise
        finally:
            for left in (partial, old) if folder.exists() else (partial,):
                with suppress(FileNotFoundError):
                    shutil.rmtree(left)
    except OSError as error:
        raise InputError(
            f"The tuned model cannot be written to {folder}: {error.strerror or error}.", hint="Give another folder."
        ) from error
