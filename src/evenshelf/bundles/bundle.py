"""A fitted model in a folder: manifest, arrays, ONNX. Neither torch nor pickle, and no code of learners."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.conformal import Conformal
from evenshelf.bundles.head import ServingHead
from evenshelf.bundles.manifest import MANIFEST, Manifest, check_files, read_manifest, write_manifest
from evenshelf.bundles.onnx_head import difference, head_graph
from evenshelf.bundles.prediction import Prediction, predicted
from evenshelf.encoders import Encoder, VectorCache, check_restorable, restore_encoder
from evenshelf.errors import EvenshelfError, InputError

ONNX = "head.onnx"
HEAD, ENCODER, CONFORMAL = "head.", "encoder.", "conformal."
"""What the names of arrays begin with."""
_PROBES = 256


@dataclass(frozen=True, eq=False)
class Bundle:
    """All that labels new titles.

    Attributes
    ----------
    manifest
        What it is, of what, and why.
    encoder
        Titles to vectors.
    head
        Vectors to probabilities.
    conformal
        Probabilities to sets of classes; ``None`` where a text has several labels.
    """

    manifest: Manifest
    encoder: Encoder
    head: ServingHead
    conformal: Conformal | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the columns of :meth:`probabilities`."""
        return self.manifest.names

    def probabilities(
        self, texts: Sequence[str], *, cache: VectorCache | None = None, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """``[n, C]`` probabilities of the classes for texts.

        Parameters
        ----------
        texts
            Titles, in any number.
        cache
            Of vectors; by default none, so that serving leaves nothing behind.
        progress
            Called with the number of texts encoded since the last call.
        """
        if cache is None:
            return self.head.probabilities(self.encoder.encode(texts, progress=progress))
        return self.head.probabilities(cache.encode(self.encoder, texts, progress))

    def predict(self, texts: Sequence[str], *, top: int = 3, unsure_below: float = 0.5) -> list[Prediction]:
        """Label texts.

        Parameters
        ----------
        texts
            Titles, in any number.
        top
            How many of the likeliest classes to return, >= 1.
        unsure_below
            Least probability of a sure label, in [0, 1].

        Returns
        -------
        One for each text, in their order.

        Raises
        ------
        InputError
            If `texts` is one string, or holds something that is not one.
        SettingError
            If `top` or `unsure_below` is out of range.
        """
        return predicted(
            self.probabilities(texts),
            self.classes,
            self.conformal,
            labels_per_text=self.manifest.labels_per_text,
            top=top,
            unsure_below=unsure_below,
        )

    def save(self, folder: Path, *, probes: NDArray[np.float32] | None = None) -> None:
        """Write it, whole or not at all; a bundle that is there already is replaced.

        Parameters
        ----------
        probes
            ``[m, d]`` vectors on which the ONNX graph must give the same as the arrays; by default random ones.

        Raises
        ------
        InputError
            If the folder holds something else, cannot be written to, or ONNX Runtime gives other probabilities.
        SettingError
            If the encoder cannot be made again without the texts that it was fitted on.
        """
        check_place(folder)
        check_restorable(self.encoder)
        content = head_graph(self.head)
        if probes is None:
            probes = np.random.default_rng(0).standard_normal((_PROBES, self.encoder.dimension)).astype(np.float32)
            probes /= np.linalg.norm(probes, axis=1, keepdims=True)
        found = difference(content, self.head, probes)
        arrays = {
            **_named(HEAD, self.head.arrays()),
            **_named(ENCODER, self.encoder.state()),
            **_named(CONFORMAL, {} if self.conformal is None else self.conformal.arrays()),
        }

        def fill(place: Path) -> None:
            for name, array in arrays.items():
                np.save(place / f"{name}.npy", array, allow_pickle=False)
            (place / ONNX).write_bytes(content)
            write_manifest(self.manifest.model_copy(update={"onnx_difference": found}), place)

        _write_folder(folder, fill)

    @classmethod
    def load(cls, folder: Path | str) -> Bundle:
        """Read what :meth:`save` wrote; nothing in it is executed.

        Raises
        ------
        InputError
            If it is no bundle, of another schema, damaged, or its encoder now gives other vectors.
        MissingExtraError
            If its encoder needs a package that is not installed.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        check_files(manifest, folder)
        arrays = {name.removesuffix(".npy"): _array(folder / name) for name in manifest.files if name.endswith(".npy")}
        head = ServingHead.of_arrays(_of(HEAD, arrays))
        entry = manifest.conformal
        conformal = None
        if entry is not None:
            conformal = Conformal.of_arrays(entry.alpha, _of(CONFORMAL, arrays), len(manifest.classes))
        if head.weights.shape != (manifest.encoder.dimension, len(manifest.classes)):
            raise InputError(
                f"The head of {folder} is {head.weights.shape}, but there are {len(manifest.classes)} classes and "
                f"{manifest.encoder.dimension} dimensions.",
                hint="Train the bundle again.",
            )
        return cls(manifest, _encoder(manifest, _of(ENCODER, arrays)), head, conformal)


def _encoder(manifest: Manifest, state: Mapping[str, NDArray[Any]]) -> Encoder:
    wanted = manifest.encoder
    encoder = restore_encoder(wanted.spec, state)
    if encoder.fingerprint != wanted.fingerprint:
        raise InputError(
            f"The encoder {wanted.spec!r} is not the one that the bundle was trained with: its fingerprint is "
            f"{encoder.fingerprint}, and was {wanted.fingerprint}.",
            hint="Its weights or its version changed. Install those of before, or train the bundle again.",
        )
    return encoder


def check_place(folder: Path) -> None:
    """Raise an :class:`InputError` before the work, if a bundle must not be written there."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} is not empty and holds no bundle.", hint="Give a folder that does not exist yet.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file.", hint="Give a folder that does not exist yet.")


def _write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder beside the wanted one and rename it; what was there is moved away for that moment."""
    folder = folder.resolve()  # of a link, what it leads to is replaced
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        old = partial.with_name(f"{partial.name}.old")
        try:
            fill(partial)
            partial.chmod(0o777 & ~_umask())
            if folder.exists():
                folder.rename(old)
            try:
                partial.rename(folder)
            except BaseException:  # also when interrupted: the old one is back in its place, or stays beside it
                if old.exists():
                    old.rename(folder)
                raise
        finally:
            for left in (partial, old) if folder.exists() else (partial,):
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(left)
    except EvenshelfError:
        raise
    except OSError as error:
        raise InputError(f"The bundle cannot be written to {folder}: {error.strerror or error}.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _named(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {prefix + name: array for name, array in arrays.items()}


def _of(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _array(file: Path) -> NDArray[Any]:
    try:
        found: NDArray[Any] = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{file} is no array: {error}.", hint="Copy the bundle again, or train it again.") from error
    return found
