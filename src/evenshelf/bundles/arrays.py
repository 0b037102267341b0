"""Arrays of a bundle, read as numbers and nothing else, and held to what its manifest says there must be."""

from __future__ import annotations

import tokenize
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.head import AFFINE, STEPS
from evenshelf.bundles.manifest import Manifest
from evenshelf.errors import InputError

HEAD, ENCODER, CONFORMAL = "head.", "encoder.", "conformal."
"""What the names of arrays begin with."""
NUMBERS, WHOLE, ANY = "f", "iu", "fiub"
"""Kinds of numpy's types: with fractions, without, any numbers."""
_UNREADABLE = (OSError, EOFError, ValueError, TypeError, LookupError, OverflowError, SyntaxError, tokenize.TokenError)
"""What numpy raises where the head of a file is not one."""
_CALLED = {NUMBERS: "floating point numbers", WHOLE: "whole numbers", ANY: "numbers"}

Shape = tuple[int | None, ...]


def wanted(manifest: Manifest) -> dict[str, tuple[str, Shape]]:
    """Kind and shape of each array of the head and of the sets; a length of ``None`` may be any.

    What an encoder keeps is its own affair; it checks that when it is made again.
    """
    classes, dimension = len(manifest.classes), manifest.encoder.dimension
    of_head: dict[str, tuple[str, Shape]] = {
        "weights": (NUMBERS, (dimension, classes)),
        "bias": (NUMBERS, (classes,)),
        f"{AFFINE}.factor": (NUMBERS, (classes,)),
        f"{AFFINE}.offset": (NUMBERS, (classes,)),
        f"{STEPS}.at": (NUMBERS, (None,)),
        f"{STEPS}.value": (NUMBERS, (None,)),
        f"{STEPS}.count": (WHOLE, (classes,)),
    }
    of_sets: dict[str, tuple[str, Shape]] = {
        "threshold": (NUMBERS, (classes,)),
        "titles": (WHOLE, (classes,)),
        "source": (WHOLE, (classes,)),
        "crowding": (WHOLE, (None,)),
    }
    return {**named(HEAD, of_head), **named(CONFORMAL, of_sets)}


def read_arrays(files: Iterable[str], folder: Path, known: Mapping[str, tuple[str, Shape]]) -> dict[str, NDArray[Any]]:
    """All arrays that a manifest names, by their names without the ending.

    Parameters
    ----------
    files
        Names of all files of the bundle.
    folder
        Where they are.
    known
        By name, the kind and shape that an array has to have, as :func:`wanted` gives them; others may have any.

    Raises
    ------
    InputError
        That names the file: if it is no array, an archive of arrays, one of objects, of another kind or shape than
        the manifest wants, or holds what is not a finite number.
    """
    found = {}
    for file in files:
        name = file.removesuffix(".npy")
        if name != file:
            kind, shape = known.get(name, (ANY, None))
            found[name] = _read(folder / file, kind, shape)
    return found


def check_arrays(known: Mapping[str, tuple[str, Shape]], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise an :class:`InputError` before a bundle is written that could not be read again."""
    for name, array in arrays.items():
        kind, shape = known.get(name, (ANY, None))
        _check(f"The array {name!r}", array, kind, shape, "Train with another remedy or encoder.")


def _read(file: Path, kind: str, shape: Shape | None) -> NDArray[Any]:
    hint = "Copy the bundle again, or train it again."
    try:
        # as a map: refuses objects, archives, and shapes that are larger than the file, before anything is allotted
        array: NDArray[Any] = np.array(np.lib.format.open_memmap(file, mode="r"))
    except _UNREADABLE as error:
        raise InputError(f"{file} is no array: {error}.", hint=hint) from error
    _check(str(file), array, kind, shape, hint)
    return array


def _check(where: str, array: NDArray[Any], kind: str, shape: Shape | None, hint: str) -> None:
    if array.dtype.kind not in kind or array.dtype.itemsize > 8:
        raise InputError(f"{where} holds {array.dtype}, and has to hold {_CALLED[kind]}.", hint=hint)
    if shape is not None and not fits(array.shape, shape):
        sizes = " x ".join("any" if size is None else f"{size}" for size in shape)
        raise InputError(f"{where} is an array of shape {array.shape}, and the manifest wants {sizes}.", hint=hint)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{where} holds {int((~np.isfinite(array)).sum()):,} values that are not finite.", hint=hint)


def fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    """Whether a shape is the wanted one, where ``None`` is any length."""
    return len(shape) == len(wanted) and all(w in (None, size) for size, w in zip(shape, wanted, strict=True))


def named(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The same, each name led by a prefix."""
    return {prefix + name: array for name, array in arrays.items()}


def of(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Those whose names are led by a prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
