"""The head of a bundle, fitted again from the shop that it was trained on: what a bundle holds knows no examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles import Bundle
from evenshelf.encoders import VectorCache
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.bundling import fit_on
from evenshelf.learners.paths import Head
from evenshelf.learners.training import Training
from evenshelf.learners.vectors import Vectors, prepare
from evenshelf.remedies import Remedy, catalogue, parse
from evenshelf.remedies.calibrated import log_probabilities
from evenshelf.remedies.spec import names_in
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress
from evenshelf.study.prepare import STUDIES, shop_task
from evenshelf.study.train import encoded, folds_of
from evenshelf.study.winner import NONE, winner_of
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]
SAME = 0.01
"""Largest difference of a probability at which a head that is fitted again passes for the one of the bundle."""
_PROBES = 512


@dataclass(frozen=True, eq=False)
class Refit:
    """What a bundle was trained on, and its head before anything was folded into it.

    Attributes
    ----------
    bundle
        Of whose head it is.
    task
        The question, with texts and classes.
    vectors
        Of the texts, merged and turned.
    remedy
        Of the bundle.
    penalty
        As the bundle was trained with; ``None`` for the usual one.
    training
        All rows.
    names
        ``[C, d]`` vectors of the class names.
    head
        Fitted again.
    difference
        Largest difference of a probability between this head and the one of the bundle, both before calibration.
    without
        Penalty of the remedy ``none`` in the study that chose the bundle's; ``None`` where that is not known.
    seed
        Of folds and resampling.
    notes
        What a person should know of it, a sentence each.
    """

    bundle: Bundle
    task: LabelTask
    vectors: Vectors
    remedy: Remedy
    penalty: float | None
    training: Training
    names: Floats
    head: Head
    difference: float
    without: float | None
    seed: int
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        shop: Shop,
        *,
        cache: VectorCache | None = None,
        progress: Progress = lambda what, done, total: None,
    ) -> Refit:
        """Fit the head of a bundle again, as ``evenshelf train`` did.

        Parameters
        ----------
        shop
            What it was trained on.
        cache
            Of vectors; by default the one of this person.
        progress
            Called with what is done, and how far it is.

        Raises
        ------
        InputError
            If the shop has other classes than the bundle.
        SettingError
            If the remedy was made from a file of a user, which the bundle knows by its name alone.
        """
        manifest = bundle.manifest
        check_named(manifest.remedy.spec)
        progress("reading the shop", 0, None)
        task = shop_task(shop, manifest.target, kind=manifest.task)
        without, descriptions = _of_study(bundle, shop)
        if descriptions:
            task = replace(task, descriptions=descriptions)
        if task.classes != bundle.classes:
            raise InputError(
                f"The shop {shop.path} has other {task.nouns.labels} than the bundle was trained on "
                f"({len(task.classes):,} and {len(bundle.classes):,}, or in another order).",
                hint=f"Name the shop it was trained on ({manifest.trained_on.get('shop')}), or train the bundle again.",
            )
        remedy = parse(manifest.remedy.spec).bound(task.classes)
        vectors, names = encoded(task, bundle.encoder, cache or VectorCache(), progress)
        seed = int(manifest.trained_on.get("seed", 0))
        prepared = prepare(vectors, task.target, folds_of(task, seed), task.same, several=task.several)
        progress("fitting again", 0, None)
        everything = tuple(range(-1, prepared.folds))
        penalty = manifest.remedy.penalty
        head, _ = fit_on(prepared, everything, len(task.classes), remedy, names=names, penalty=penalty, seed=seed)
        training = Training.of(prepared, everything, len(task.classes), names)
        found = cls(bundle, task, prepared, remedy, penalty, training, names, head, 0.0, without, seed, ())
        spread = np.linspace(0, len(vectors) - 1, min(_PROBES, len(vectors))).astype(np.int64)
        here, there = found.scores(vectors[spread]), vectors[spread] @ bundle.head.weights + bundle.head.bias
        apart = float(np.abs(np.exp(log_probabilities(here)) - np.exp(log_probabilities(there))).max(initial=0.0))
        return replace(found, difference=apart, notes=_notes(bundle, shop, apart))

    def turned(self, new: Floats) -> Floats:
        """``[n, d]`` vectors in the axes of the rows."""
        v = self.vectors
        return np.asarray(((new - v.mean) / np.float32(v.scale)) @ v.axes, dtype=np.float32)

    def raw(self, new: Floats, head: Head | None = None) -> Floats:
        """``[n, C]`` scores of vectors ``[n, d]`` before any adjustment, by this or another head."""
        rows = np.concatenate([np.ones((len(new), 1), np.float32), self.turned(new)], axis=1)
        return np.asarray(rows @ (head or self.head).fit.weights, dtype=np.float32)

    def scores(self, new: Floats) -> Floats:
        """``[n, C]`` scores of vectors ``[n, d]`` after adjustments, before calibration."""
        return self.remedy.linear_form.adjust(self.raw(new), self.head.prior, self.head.norms)

    def fitted(self, remedy: Remedy, penalty: float | None) -> Head:
        """A head of the same rows under another remedy."""
        head, _ = fit_on(
            self.vectors,
            self.training.folds,
            len(self.task.classes),
            remedy,
            names=self.names,
            penalty=penalty,
            seed=self.seed,
        )
        return head


def check_named(spec: str) -> None:
    """Raise a :class:`SettingError` before a remedy is made because a bundle, which may be anybody's, names it.

    Some read files, run code, start programs or ask servers for what they need.
    """
    names, known = names_in(spec), catalogue()
    hint = "Explain the words alone: leave the shop away, or use --words-only."
    if names is None or any(name not in known for name in names):
        raise SettingError(f"The bundle names the remedy {spec!r}, which is not known here.", hint=hint)
    needed = [f"{name} needs {', '.join(known[name].needs)}" for name in names if known[name].needs]
    if needed:
        raise SettingError(
            f"The remedy {spec} cannot be made because a bundle says so ({'; '.join(needed)}), so its head cannot be "
            "fitted again.",
            hint=hint,
        )


def _of_study(bundle: Bundle, shop: Shop) -> tuple[float | None, dict[str, str]]:
    """The penalty of doing nothing in the study that chose the remedy, and the descriptions that it read."""
    evidence = bundle.manifest.evidence.get("study") or {}
    name = evidence.get("folder")
    folder = shop.path / STUDIES / str(name)
    if name is None or not _is_name(str(name)) or not (folder / "study.json").is_file():
        return None, {}
    winner, result = winner_of(folder, NONE)
    return winner.penalty, dict(result.meta.get("descriptions", {}))


def _is_name(name: str) -> bool:
    """Whether it is the name of a folder, and leads nowhere else: it comes from a bundle."""
    return Path(name).name == name and name not in {"", ".", ".."}


def _notes(bundle: Bundle, shop: Shop, apart: float) -> tuple[str, ...]:
    notes = []
    if bundle.manifest.trained_on.get("sha256") != shop.fingerprint():
        notes.append("the shop has changed since the bundle was trained; examples are those that it holds now")
    if apart > SAME:
        notes.append(
            f"fitted again, the head gives other probabilities than the bundle (by up to {apart:.2f}): what is said of "
            "examples and remedies is of that head"
        )
    return tuple(notes)
