"""A fitted model in a folder: manifest, arrays, ONNX. Neither torch nor pickle, and no code of learners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.arrays import CONFORMAL, ENCODER, HEAD, check_arrays, named, of, read_arrays, wanted
from evenshelf.bundles.conformal import Conformal
from evenshelf.bundles.folder import check_place, write_folder
from evenshelf.bundles.head import ServingHead
from evenshelf.bundles.manifest import Manifest, check_files, read_manifest, write_manifest
from evenshelf.bundles.onnx_head import difference, head_graph
from evenshelf.bundles.prediction import Prediction, predicted
from evenshelf.bundles.trusted import restored
from evenshelf.encoders import Encoder, VectorCache, check_restorable

ONNX = "head.onnx"
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
            If the folder holds anything but a bundle, cannot be written to, the arrays do not fit the manifest or
            are not finite, or ONNX Runtime gives other probabilities.
        SettingError
            If the encoder cannot be made again without the texts that it was fitted on.
        """
        check_place(folder)
        check_restorable(self.encoder)
        arrays = {
            **named(HEAD, self.head.arrays()),
            **named(ENCODER, self.encoder.state()),
            **named(CONFORMAL, {} if self.conformal is None else self.conformal.arrays()),
        }
        check_arrays(wanted(self.manifest), arrays)
        content = head_graph(self.head)
        if probes is None:
            probes = np.random.default_rng(0).standard_normal((_PROBES, self.encoder.dimension)).astype(np.float32)
            probes /= np.linalg.norm(probes, axis=1, keepdims=True)
        found = difference(content, self.head, probes)

        def fill(place: Path) -> None:
            for name, array in arrays.items():
                np.save(place / f"{name}.npy", array, allow_pickle=False)
            (place / ONNX).write_bytes(content)
            write_manifest(self.manifest.model_copy(update={"onnx_difference": found}), place)

        write_folder(folder, fill)

    @classmethod
    def load(cls, folder: Path | str, *, encoder: str | None = None) -> Bundle:
        """Read what :meth:`save` wrote; nothing in it is executed, and no model is loaded that it alone asks for.

        Parameters
        ----------
        folder
            Of the bundle.
        encoder
            Spec of its encoder, where that is a model in a folder or on a hub (``st:``, ``hf:``): only you can say
            whether to trust that. It may be in another place than it was, and has to be the same.

        Raises
        ------
        InputError
            If it is no bundle, of another schema, damaged, needs a model that you did not name, or its encoder now
            gives other vectors.
        SettingError
            If you named another kind of encoder than it has.
        MissingExtraError
            If its encoder needs a package that is not installed.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        check_files(manifest, folder)
        arrays = read_arrays(manifest.files, folder, wanted(manifest))
        head = ServingHead.of_arrays(of(HEAD, arrays))
        entry = manifest.conformal
        conformal = None
        if entry is not None:
            conformal = Conformal.of_arrays(entry.alpha, of(CONFORMAL, arrays), len(manifest.classes))
        return cls(manifest, restored(manifest.encoder, folder, of(ENCODER, arrays), encoder), head, conformal)
