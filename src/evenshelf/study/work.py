"""Does the pieces of a study's work, and tells how much of it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from joblib import delayed

from evenshelf.encoders.cores import usable_cores
from evenshelf.study import trials
from evenshelf.study.parallel import as_done
from evenshelf.study.plan import Unit, on_paths
from evenshelf.study.references import SPARSE, Line

Progress = Callable[[float, float, str], None]
"""Called with work done, work in all (same unit) and a few words."""


@dataclass(frozen=True)
class Piece:
    """What is done, stored and resumed as one.

    Attributes
    ----------
    address
        Where the result is kept. It comes along: another process may see the code of a remedy that was typed into a
        prompt differently.
    cost
        Expected; of all pieces in the same unit.
    do
        Called with the address and the folder of the study; a result that is there is not computed again.
    """

    address: str
    cost: float
    do: Callable[[str, Path], None]


class Work:
    """Does pieces, in this process or in several, and says how far it is.

    Parameters
    ----------
    folder
        Of the study.
    workers
        Processes; ``None`` for as many as there are cores.
    progress
        See :meth:`evenshelf.study.runner.Study.run`.

    Attributes
    ----------
    cpu
        Seconds of CPU time of the pieces done, those of earlier runs included.
    """

    def __init__(self, folder: Path, workers: int | None, progress: Progress | None) -> None:
        self._folder, self._workers, self._progress = folder, workers, progress
        self._total, self._done = 0.0, 0.0
        self.cpu = 0.0

    def expect(self, left: float) -> None:
        """Tell how much work is left, in the unit of the pieces."""
        self._total = self._done + left

    def do(self, pieces: Sequence[Piece], words: str) -> None:
        """Do pieces; `words` say what they are for."""
        if self._progress:
            self._progress(self._done, self._total, words)
        # the longest first, so that no worker is left with a long one at the end
        ordered = sorted(pieces, key=lambda piece: piece.cost, reverse=True)
        workers = min(self._workers or usable_cores(), max(len(ordered), 1))
        calls = (delayed(_do)(piece, self._folder, number) for number, piece in enumerate(ordered))
        for number, seconds in as_done(calls, workers):
            self.cpu += seconds
            self._done += ordered[number].cost
            if self._progress:
                self._progress(self._done, self._total, words)


def _do(piece: Piece, folder: Path, number: int) -> tuple[int, float]:
    piece.do(piece.address, folder)
    return number, float(trials.read(folder, piece.address)[0]["seconds"])


def pieces_of(units: Sequence[Unit], seed: int) -> list[Piece]:
    """Units of a study of labels as pieces of work."""
    return [Piece(trials.address_of(unit, seed), cost(unit), partial(_run, unit, seed)) for unit in units]


def _run(unit: Unit, seed: int, address: str, folder: Path) -> None:
    trials.run(unit, address, folder, seed)


def cost(unit: Unit) -> float:
    """Expected cost, in fits of linear heads: a final fit of these goes further than one of a search."""
    final = 3.0 if on_paths(unit.learner) else 1.3
    each = unit.learner.cost * (1.0 if unit.kind == "search" else final)
    return sum(each * len(t.penalties) * (1.5 if "resample" in t.remedy.stages else 1.0) for t in unit.trainings)


def final_cost(line: Line, folds: int) -> float:
    """Expected cost of the final fits, before it is known what is chosen; sparse ones follow a path of penalties."""
    path = on_paths(line.learner) and line.matrix == SPARSE
    made = {name: 1.5 if "resample" in setting.remedy.stages else 1.0 for name, setting in dict(line.wanted).items()}
    each = line.learner.cost * (3.0 if on_paths(line.learner) else 1.3)
    return each * folds * (sum(made.values()) * (3 if path else 1) + sum(made[name] for name, _ in line.defaults))
