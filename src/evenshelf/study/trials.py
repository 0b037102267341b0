"""Doing one unit of a study, and keeping what came out.

A unit is a pure function of its address: threads, workers and what ran before do not change a bit of it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.learners.sets import of_sets
from evenshelf.learners.variants import VariantRows
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Stage, TextMaker
from evenshelf.study.answers import answers, rankings, search_score
from evenshelf.study.calibrating import classes_of
from evenshelf.study.fits import fit_unit
from evenshelf.study.plan import APPROACH_TOLERANCE, FINAL_TOLERANCE, REVISION, SEARCH_TOLERANCE, Start, Unit

_WEIGHTS = "weights."
COPIED = "copied"
"""Where the facts of a unit, and the record of a study, tell whether made rows copy given ones."""


def generator(*identity: object) -> np.random.Generator:
    """Random numbers that depend on what they are for, not on what was drawn before."""
    digest = blake2b(json.dumps([str(part) for part in identity]).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def address_of(unit: Unit, seed: int) -> str:
    """The address of a unit; its matrix is named by its content."""
    return unit.address(seed, (SEARCH_TOLERANCE, FINAL_TOLERANCE, APPROACH_TOLERANCE))


def run(unit: Unit, address: str, folder: Path, seed: int) -> None:
    """Do a unit unless its result is there.

    Parameters
    ----------
    address
        See :func:`address_of`.
    folder
        The study's folder: ``vectors/NAME`` is read, ``trials/ADDRESS.npz`` is written, atomically.
    """

    def compute() -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        vectors, names = laid_out(folder / "vectors" / unit.matrix)
        return _compute(unit, vectors, names, folder=folder, seed=seed)

    keep(folder / "trials" / f"{address}.npz", compute)


def keep(path: Path, compute: Callable[[], tuple[dict[str, Any], dict[str, NDArray[Any]]]]) -> None:
    """Put the facts and arrays that something computes into a file, whole, unless they are there."""
    if _is_whole(path):
        return
    # one thread: the bits must not depend on the number of workers, and products of this size gain little from two
    with threadpool_limits(1):
        facts, arrays = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    partial.replace(path)


def _is_whole(path: Path) -> bool:
    """Whether a stored unit is there and can be read; a loss of power may leave an empty file behind."""
    try:
        with np.load(path) as stored:
            return "facts" in stored.files
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return False


def read(folder: Path, address: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Facts and predictions of a finished unit."""
    with np.load(folder / "trials" / f"{address}.npz") as stored:
        arrays = {name: stored[name] for name in stored.files if name != "facts" and not name.startswith(_WEIGHTS)}
        return json.loads(stored["facts"].tobytes()), arrays


def read_start(folder: Path, start: Start) -> NDArray[np.float32]:
    """Weights ``[k + 1, C]`` of a fit of a finished search."""
    with np.load(folder / "trials" / f"{start.address}.npz") as stored:
        weights: NDArray[np.float32] = stored[_weights_name(start.training, start.level)]
        return weights


def _weights_name(training: int, level: int) -> str:
    return f"{_WEIGHTS}{training}.{level}"


def digest_of(*parts: Any) -> str:
    """Hex digest of arrays, dense or sparse, and of the code's revision; ``None`` counts as well."""
    digest = blake2b(str(REVISION).encode(), digest_size=16)
    for part in parts:
        arrays = (
            [] if part is None else [part] if isinstance(part, np.ndarray) else [part.data, part.indices, part.indptr]
        )
        digest.update(json.dumps([[str(a.dtype), a.shape] for a in arrays]).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def stored_vectors(place: Path, make: Callable[[], Vectors], names: NDArray[np.float32] | None) -> Vectors:
    """The vectors in the folder `place`, made and put there whole if it is not there yet."""

    def write(folder: Path) -> None:
        make().save(folder)
        if names is not None:
            np.save(folder / "names.npy", names)

    _stored(place, write)
    return Vectors.load(place)


def stored_variants(place: Path, make: Callable[[], VariantRows]) -> None:
    """Put vectors of made texts into the folder `place`, whole, if it is not there yet."""
    _stored(place, lambda folder: make().save(folder))


def _stored(place: Path, write: Callable[[Path], None]) -> None:
    if place.is_dir():
        return
    partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with threadpool_limits(1):  # the bits of a product depend on the number of threads
        write(partial)
    try:
        partial.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(partial)  # another process was first, with the same content


def variants_of(places: Sequence[tuple[TextMaker, str]], folder: Path) -> dict[TextMaker, VariantRows]:
    """What :func:`stored_variants` put into the folders of these names."""
    return {maker: VariantRows.load(folder / "vectors" / name) for maker, name in places}


@lru_cache(maxsize=4)
def laid_out(folder: Path) -> tuple[Vectors, NDArray[np.float32] | None]:
    """What :func:`stored_vectors` put there, and the names' vectors; kept open."""
    path = folder / "names.npy"
    return Vectors.load(folder), np.load(path) if path.is_file() else None


@lru_cache(maxsize=2)
def _texts(folder: Path) -> Vectors:
    """The vectors with a row for each text; made once a process, of those that all processes share."""
    return of_sets(laid_out(folder)[0])


def _compute(
    unit: Unit, vectors: Vectors, names: NDArray[np.float32] | None, *, folder: Path, seed: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    started = time.process_time()
    sets = unit.learner.sets
    fitted = fit_unit(
        unit,
        _texts(folder / "vectors" / unit.matrix) if sets else vectors,
        names,
        random=lambda *identity: generator(seed, *identity),
        start=lambda start: read_start(folder, start),
        variants=variants_of(unit.variants, folder),
    )
    classes = classes_of(vectors)
    facts: dict[str, Any] = {"users": [], "notes": fitted.notes, "seconds": 0.0}
    if fitted.copied:
        facts[COPIED] = {spec: dict(found) for spec, found in fitted.copied.items()}
    arrays: dict[str, NDArray[Any]] = {}
    if unit.kind == "search" and isinstance(vectors.rows, np.ndarray):
        arrays = {
            _weights_name(number, level): model.weights
            for number, models in enumerate(fitted.models)
            for level, model in enumerate(models)
            if model.weights is not None
        }
    for t, models in zip(unit.trainings, fitted.models, strict=True):
        for name, setting in t.users:
            model = models[t.penalties.index(setting.penalty)]
            number = len(facts["users"])
            stages = setting.remedy.stages
            began = time.process_time()
            facts["users"].append(
                {
                    "name": name,
                    **setting.describe(),
                    "training": t.remedy.spec,
                    "seconds": model.seconds,
                    "bytes": model.bytes,
                    "steps": model.steps,
                    "converged": model.converged,
                    "scores": {},
                }
            )
            for fold in unit.held_out:
                index = vectors.index((fold,))
                scores = model.scores(fold, setting.remedy) if len(index) else np.empty((0, classes), np.float32)
                found = answers(scores, vectors, index, sets=sets)
                if unit.kind == "search":
                    facts["users"][number]["scores"][str(fold)] = search_score(found, vectors, index, classes)
                else:
                    kept = {name: getattr(found, name) for name in ("predicted", "p_true", "p_predicted")}
                    if found.ranked is not None:
                        kept |= {"ranked": found.ranked, **rankings(scores, vectors, index, sets=sets)}
                    if sets:
                        alarms = found.alarms
                        kept |= {"alarm_row": alarms.row, "alarm_label": alarms.label, "alarm_p": alarms.probability}
                    arrays |= {f"{number}.{name}": values for name, values in kept.items()}
            fact = facts["users"][number]
            fact["told"] = list(model.told(setting.remedy))
            if Stage.CALIBRATE in stages or Stage.RETRIEVE in stages:
                fact["seconds"] += time.process_time() - began
            if Stage.CALIBRATE in stages:
                fact["seconds"] += model.calibration_seconds
    facts["seconds"] = time.process_time() - started
    return facts, arrays
