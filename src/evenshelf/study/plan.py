"""What a study has to fit: settings of each remedy, joint units of work, and their addresses."""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.learners.binary import BINARY
from evenshelf.learners.heads import HEADS
from evenshelf.learners.paths import STRONGEST
from evenshelf.learners.registry import LearnerKind
from evenshelf.learners.training import training_part
from evenshelf.learners.tunable import Tunable
from evenshelf.learners.vectors import Vectors
from evenshelf.plurals import counted
from evenshelf.remedies import Remedy, TextMaker

REVISION = 21
"""Raised whenever the same unit would give other numbers, so that stored trials of older code are not mixed in."""

SEARCH_TOLERANCE = 3e-3
FINAL_TOLERANCE = 3e-4
APPROACH_TOLERANCE = 1e-2
"""Of fits that only lead to another one."""

SEARCH_AXES = 128
"""Principal axes in which settings are chosen, where they hold enough; the final fits use all."""
SEARCH_VARIANCE = 0.9
"""Share of the variance that these axes must hold; else settings are chosen in all axes as well."""

UNIT = 6
"""Trainings per unit: enough to share what is read and laid out, few enough to spread over workers and lose little by a
kill."""


def search_axes(matrix: Vectors) -> int:
    """Axes of the search; 0 for all."""
    return SEARCH_AXES if matrix.held(SEARCH_AXES) >= SEARCH_VARIANCE else 0


@dataclass(frozen=True)
class Setting:
    """One way to run a remedy: the remedy at some parameters, and a penalty (``None``: the learner's usual default)."""

    remedy: Remedy
    penalty: float | None

    def describe(self) -> dict[str, Any]:
        """JSON-able parameters."""
        return {"remedy": self.remedy.spec, "penalty": self.penalty}

    def identity(self) -> list[Any]:
        """All that decides what it does, parameters at their defaults included: a default may change."""
        return [identity_of(self.remedy), self.penalty]


def settings(remedy: Remedy, budget: int, learner: LearnerKind) -> list[Setting]:
    """The settings that a remedy may try: its parameter combinations times as many penalties as the budget allows.

    Every remedy has the same number of settings, so that none wins by having been tuned more.

    Raises
    ------
    SettingError
        If the budget is below the number of the remedy's parameter combinations.
    """
    return [
        Setting(variant, penalty)
        for variant, count in shared_out(remedy, budget)
        for penalty in learner.penalties(count)
    ]


def shared_out(remedy: Remedy, budget: int) -> list[tuple[Remedy, int]]:
    """Each combination of a remedy's parameters, and how many settings of a learner it may try: a budget in all.

    A budget of one is the remedy as it is written, and nothing is chosen.

    Raises
    ------
    SettingError
        If the budget is below the number of combinations.
    """
    variants = [remedy] if budget == 1 else remedy.settings
    return list(zip(variants, shares(remedy.spec, budget, len(variants)), strict=True))


def shares(spec: str, budget: int, parts: int) -> list[int]:
    """A budget in so many parts, the first ones larger by one where it does not come out even.

    Raises
    ------
    SettingError
        If it is below the number of parts.
    """
    each, more = divmod(budget, parts)
    if each < 1:
        told = counted(parts, "combination", "combinations")
        raise SettingError(
            f"A budget of {counted(budget, 'setting', 'settings')} is too small for {spec!r}, which has {told}.",
            hint=f"Give a budget of at least {parts}.",
        )
    return [each + (number < more) for number in range(parts)]


@dataclass(frozen=True)
class Training:
    """Fits of one training (a remedy without its adjustments) along a path of penalties, and who uses them.

    Attributes
    ----------
    remedy
        What is trained.
    penalties
        Strongest first. ``(None,)`` for the default, which depends on the number of rows.
    users
        ``(name of the remedy in the study, setting)`` evaluated on these fits.
    start
        Where the first fit starts, or ``None`` for the centre.
    """

    remedy: Remedy
    penalties: tuple[float | None, ...]
    users: tuple[tuple[str, Setting], ...]
    start: Start | None = None


@dataclass(frozen=True)
class Start:
    """The weights of a search: unit (by its address), training in it, penalty on its path.

    Its training rows are among those of the fit that starts there, so nothing of a held-out fold leaks in.
    `validation` are the folds that it has not seen, and the fit that starts there has.
    """

    address: str
    training: int
    level: int
    validation: tuple[int, ...] = ()


def trainings(wanted: Sequence[tuple[str, Setting]], *, final: bool, learner: LearnerKind = HEADS) -> list[Training]:
    """Merge settings that differ only in what costs no training.

    Only linear heads (:func:`on_paths`) are merged: other learners fit each setting by itself. In a search, all
    penalties of a training lie on one path and each is scored. In a final fit each penalty has a path of its own, whose
    stronger penalties only lead there.
    """
    if not on_paths(learner):
        return [Training(setting.remedy, (setting.penalty,), ((name, setting),)) for name, setting in wanted]
    grouped: dict[tuple[str, float | None], list[tuple[str, Setting]]] = {}
    for name, setting in wanted:
        key = (training_part(setting.remedy).spec, setting.penalty if final else 0.0)
        grouped.setdefault(key, []).append((name, setting))
    found = []
    for users in grouped.values():
        values = sorted({setting.penalty for _, setting in users}, key=lambda v: -(v or 0.0))
        path = _approach(values[0]) if final else tuple(values)
        found.append(Training(training_part(users[0][1].remedy), path, tuple(users)))
    return found


def on_paths(learner: LearnerKind) -> bool:
    """Whether a study fits this learner along paths of penalties, together for several settings: linear heads."""
    return learner in {HEADS, BINARY}


def _approach(penalty: float | None) -> tuple[float | None, ...]:
    """Penalties that lead to this one, a decade apart."""
    if penalty is None:
        return (None,)
    powers = [p for p in (2, 1) if penalty * 10.0**p <= 1.01 * 10.0**STRONGEST]
    return (*(float(f"{penalty * 10.0**p:.6g}") for p in powers), penalty)


def identity_of(remedy: Remedy) -> list[Any]:
    """All that decides what a remedy does: of each part name, parameters, code from elsewhere, and files read."""
    return [
        [
            part.name,
            {f.name: getattr(part, f.name) for f in fields(part)},
            code_of(type(part)),
            *([part.fingerprint] if part.fingerprint else []),
        ]
        for part in remedy.parts
    ]


def code_of(kind: Any) -> str:
    """Digest of the code of a class or function from elsewhere, which has no :data:`REVISION`; "" for our own."""
    top = kind.__module__.partition(".")[0]
    if top == "evenshelf":
        return ""
    try:
        source = _sources(top)
    except (KeyError, OSError, TypeError):  # typed into a prompt: its own code, or that of its methods
        methods = [kind, *(getattr(m, "fget", m) for m in vars(kind).values())]
        codes = [m.__code__ for m in methods if hasattr(m, "__code__")]
        source = repr(
            [(c.co_code, c.co_names, [k for k in c.co_consts if not hasattr(k, "co_code")]) for c in codes]
        ).encode()
    return blake2b(source, digest_size=8).hexdigest()


def code_of_fit(learner: LearnerKind | Tunable) -> str:
    """What tells two fits of the same name apart: parameters and code where it knows them, otherwise its source."""
    known = getattr(learner.fit, "fingerprint", None)
    return known if isinstance(known, str) else code_of(learner.fit)


@cache
def _sources(top: str) -> bytes:
    """Source of a module, or of all modules of a package: what a class does may be written in another one of them."""
    module = sys.modules[top]
    if not hasattr(module, "__path__"):
        return inspect.getsource(module).encode()
    files = sorted(file for folder in module.__path__ for file in Path(folder).rglob("*.py"))
    return b"".join(blake2b(file.read_bytes()).digest() for file in files)


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"A parameter of the type {type(value).__name__} cannot be part of an address.")


@dataclass(frozen=True)
class Unit:
    """Work that is done, stored and resumed as one: some trainings on all folds but those held out.

    Attributes
    ----------
    kind
        ``search`` (scores on the held-out folds choose the settings) or ``final`` (predictions of the held-out fold).
    matrix
        Name of the vectors used, by their content.
    held_out
        Outer folds left out of training.
    axes
        Leading principal axes that are used; 0 for all.
    learner
        What is fitted.
    variants
        Texts that were made out of training texts: by what makes them, the name of what holds their vectors.
    """

    kind: str
    matrix: str
    held_out: tuple[int, ...]
    trainings: tuple[Training, ...]
    axes: int = 0
    learner: LearnerKind = HEADS
    variants: tuple[tuple[TextMaker, str], ...] = ()

    def address(self, seed: int, tolerances: Sequence[float] = ()) -> str:
        """Hex digest of everything that the result depends on."""
        content = {
            "revision": REVISION,
            "seed": seed,
            "tolerances": list(tolerances),
            "kind": self.kind,
            "matrix": self.matrix,
            "held_out": self.held_out,
            "axes": self.axes,
            "learner": [self.learner.name, code_of_fit(self.learner)],
            "trainings": [
                [
                    identity_of(t.remedy),
                    list(t.penalties),
                    [[name, s.identity()] for name, s in t.users],
                    None if t.start is None else asdict(t.start),
                ]
                for t in self.trainings
            ],
        }
        if self.variants:
            content["variants"] = [name for _, name in self.variants]
        return blake2b(json.dumps(content, sort_keys=True, default=_plain).encode(), digest_size=16).hexdigest()


def with_variants(units: Sequence[Unit], made: Mapping[TextMaker, str]) -> list[Unit]:
    """Units that are told where the made texts are that their remedies train on."""
    found = []
    for unit in units:
        makers = dict.fromkeys(m.made_alike for t in unit.trainings if (m := t.remedy.text_maker) is not None)
        found.append(replace(unit, variants=tuple((maker, made[maker]) for maker in makers)))
    return found


def search_units(
    wanted: Sequence[tuple[str, Setting]], matrix: str, folds: int, axes: int = 0, learner: LearnerKind = HEADS
) -> list[Unit]:
    """Units that score all settings inside the training folds.

    A fit that leaves out folds i and j may choose settings for both: for i by its score on j, and the other way
    round. So ``ceil(folds / 2)`` fits per setting give every outer fold its inner validation.
    """
    units = _units("search", trainings(wanted, final=False, learner=learner), matrix, _pairs(folds), learner)
    return [replace(unit, axes=axes) for unit in units] if on_paths(learner) else units


def validating(fold: int, folds: int) -> tuple[int, ...]:
    """The folds by which settings for an outer fold are chosen: one, or two for the first of an odd number of folds."""
    return tuple(other for pair in _pairs(folds) if fold in pair for other in pair if other != fold)


def _pairs(folds: int) -> list[tuple[int, int]]:
    return [(i, (i + 1) % folds) for i in range(0, folds, 2)]


def final_units(
    chosen: Mapping[int, Sequence[tuple[str, Setting]]],
    matrix: str,
    starts: Mapping[int, Starts] | None = None,
    learner: LearnerKind = HEADS,
) -> list[Unit]:
    """Units that fit the chosen settings of each outer fold on all other folds.

    Parameters
    ----------
    chosen
        Settings by outer fold.
    matrix
        Name of the vectors.
    starts
        By outer fold, the search fits that may be started from; ``None`` starts from strong penalties instead.
    """
    units: list[Unit] = []
    for fold, wanted in chosen.items():
        parts = trainings(wanted, final=True, learner=learner)
        if starts is not None:
            parts = [replace(t, penalties=t.penalties[-1:], start=starts[fold].nearest(t)) for t in parts]
        units += _units("final", parts, matrix, [(fold,)], learner)
    return units


@dataclass(frozen=True)
class Starts:
    """Search fits that never saw an outer fold, by training.

    Attributes
    ----------
    rows
        Number of training rows of the final fit, which decides the default penalty.
    fits
        Penalties and place of each fit, by the spec of what was trained.
    """

    rows: int
    fits: Mapping[str, Sequence[tuple[float, Start]]]

    def nearest(self, training: Training) -> Start:
        """The fit of the same training whose penalty is nearest in the logarithm; the stronger one if two are."""
        penalty = training.penalties[-1] or 1.0 / self.rows
        return min(self.fits[training.remedy.spec], key=lambda fit: (abs(math.log(fit[0] / penalty)), -fit[0]))[1]


def starts_of(units: Sequence[tuple[str, Unit]], folds: int, rows: Callable[[int], int]) -> dict[int, Starts]:
    """The fits of search units ``(address, unit)`` by the outer folds that they held out."""
    found: dict[int, dict[str, list[tuple[float, Start]]]] = {fold: {} for fold in range(folds)}
    for address, unit in units:
        for number, training in enumerate(unit.trainings):
            for fold in unit.held_out:
                fits = found[fold].setdefault(training.remedy.spec, [])
                unseen = tuple(other for other in unit.held_out if other != fold)
                fits += [
                    (p, Start(address, number, k, unseen)) for k, p in enumerate(training.penalties) if p is not None
                ]
    return {fold: Starts(rows(fold), fits) for fold, fits in found.items()}


def _units(
    kind: str, parts: Sequence[Training], matrix: str, held_out: Sequence[tuple[int, ...]], learner: LearnerKind
) -> list[Unit]:
    size = UNIT if on_paths(learner) else 1  # others share nothing, and one fit may take minutes
    return [
        Unit(kind, matrix, out, tuple(parts[start : start + size]), learner=learner)
        for out in held_out
        for start in range(0, len(parts), size)
    ]
