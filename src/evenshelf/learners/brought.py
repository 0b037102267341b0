"""Learners that a user brings: what ``file.py:make`` makes, found out and made a :class:`LearnerKind`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.registry import LearnerKind, Predict
from evenshelf.own_code import OwnCode
from evenshelf.remedies import Remedy, Stage

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

USAGE = (
    "Name what makes it, as learners.py:make or package.module:make: make() gives a classifier of scikit-learn or a "
    "LearnerKind, make(dimension, classes) a module of torch or a model of Keras."
)
PROBE = (64, 3)
"""Dimension and classes of the module that is made to see whether it can be used."""


class Form(StrEnum):
    """What was brought."""

    KIND = "learner"
    CLASSIFIER = "classifier"
    TORCH = "torch module"
    KERAS = "Keras model"


class LearnerCode(OwnCode):
    """Where a learner comes from."""

    noun: ClassVar[str] = "learner"
    usage: ClassVar[str] = USAGE


@dataclass(frozen=True)
class Brought:
    """Fits what a user brought; see :class:`evenshelf.learners.registry.FitScores`.

    Attributes
    ----------
    origin
        Where it is.
    form
        What it is.
    weighs
        Whether its fit takes ``sample_weight``.
    logits
        Whether its outputs are scores and not yet probabilities.
    fingerprint
        Of its code, and of the package that it is made with.
    """

    origin: LearnerCode
    form: Form
    weighs: bool
    logits: bool
    fingerprint: str

    def __call__(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        remedy: Remedy,
        *,
        names: Floats | None = None,
        seed: int = 0,
        penalty: float | None = None,
        group: Codes | None = None,
    ) -> Predict:
        """Fit under a remedy; equal numbers in `group`, ``[n]``, are on one side of what is held out to stop by."""
        if self.form is Form.KIND:
            kind: LearnerKind = made_by(self.origin)
            more: dict[str, Any] = {"group": group} if kind.grouped else {}
            return kind.fit(vectors, target, groups, remedy, names=names, seed=seed, penalty=penalty, **more)
        from evenshelf.learners.brought_fits import fit_brought  # noqa: PLC0415 - which fits a Brought

        reason = kind_of(self, "it").unsupported(remedy)
        if reason:
            raise SettingError(f"{remedy}: {reason}.")
        return fit_brought(self, vectors, target, groups, remedy, seed=seed, group=group)


@dataclass(frozen=True)
class BroughtPenalties:
    """The penalties of a :class:`LearnerKind` that a user brought, whose function a worker could not import."""

    origin: LearnerCode

    def __call__(self, count: int) -> tuple[float, ...]:
        """See :attr:`LearnerKind.penalties`."""
        kind: LearnerKind = made_by(self.origin)
        return kind.penalties(count)


def brought(source: str) -> LearnerKind:
    """The learner that `source` makes.

    Raises
    ------
    SettingError
        If there is no such code, it cannot be run, or it makes something else.
    """
    origin = LearnerCode.of(source)
    made = made_by(origin)
    if isinstance(made, LearnerKind):
        fit = Brought(origin, Form.KIND, weighs=False, logits=False, fingerprint=f"{origin.digest} {made.name}")
        return LearnerKind(
            source,
            made.title,
            made.summary,
            made.stages,
            fit,
            BroughtPenalties(origin),
            made.default,
            grouped=made.grouped,
            norms=made.norms,
            averages=made.averages,
            cost=made.cost,
            sets=made.sets,
        )
    form = _form(made)
    if form is None:
        raise SettingError(
            f"learner={source!r} makes a {type(made).__name__}, which is neither a classifier with predict_proba or "
            "decision_function, nor a module of torch, nor a model of Keras, nor a LearnerKind.",
            hint=USAGE,
        )
    weighs, logits = True, True
    if form is Form.CLASSIFIER:
        from sklearn.utils.validation import has_fit_parameter  # noqa: PLC0415

        weighs, logits = has_fit_parameter(made, "sample_weight"), not hasattr(made, "predict_proba")
    else:
        logits = _probed(origin, made, form)
    kind = type(made)
    top = sys.modules.get(kind.__module__.partition(".")[0])
    library = {Form.TORCH: "torch", Form.KERAS: "keras"}.get(form, kind.__module__.partition(".")[0])
    versions = [(name, getattr(sys.modules.get(name), "__version__", "")) for name in sorted({library, "sklearn"})]
    versions.append((kind.__qualname__, str(getattr(top, "__version__", ""))))
    fingerprint = f"{origin.digest} {form} {versions}"
    plural = {Form.CLASSIFIER: "classifiers", Form.TORCH: "modules", Form.KERAS: "models"}[form]
    return kind_of(Brought(origin, form, weighs, logits, fingerprint), f"{kind.__name__} {plural}")


def kind_of(fit: Brought, title: str) -> LearnerKind:
    """The learner of a classifier or module, with the stages that it can honour."""
    stages = [Stage.RESAMPLE, *([Stage.WEIGHT] if fit.weighs else [])]
    stages += [Stage.LOSS] if fit.form is Form.TORCH else []
    return LearnerKind(
        fit.origin.source,
        title,
        f"A {fit.form} that was brought along.",
        (*stages, Stage.ADJUST, Stage.CALIBRATE),
        fit,
        grouped=True,
        norms=False,
        cost=10.0,
    )


def made_by(origin: LearnerCode, size: tuple[int, int] = PROBE) -> Any:
    """What the user's code makes: a learner, classifier, module or model.

    Parameters
    ----------
    size
        Dimension and classes, for a factory that takes them.

    Raises
    ------
    SettingError
        If it cannot be loaded or called.
    """
    found = origin.load()
    if (
        not callable(found)
        or isinstance(found, LearnerKind)
        or (_form(found) is not None and not isinstance(found, type))
    ):
        return found
    wanted = _wanted(origin, found)
    return guarded(origin, lambda: found(*size) if wanted == 2 else found())


def guarded(origin: LearnerCode, call: Callable[[], Any]) -> Any:
    """What the user's code returns; what it raises becomes an error that names it."""
    try:
        return call()
    except SettingError:
        raise
    except Exception as error:
        raise SettingError(f"learner={origin.source!r} raised {type(error).__name__}: {error}") from error


def _wanted(origin: LearnerCode, factory: Any) -> int:
    """How many arguments a factory has to be given: none, or dimension and classes."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return 0
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(required) not in (0, 2) or any(p.kind not in positional for p in required):
        raise SettingError(
            f"learner={origin.source!r} wants {', '.join(p.name for p in required)}; it is called with nothing, or "
            "with dimension and classes.",
            hint=USAGE,
        )
    return len(required)


def _form(made: Any) -> Form | None:
    ancestors = [(kind.__module__.partition(".")[0], kind.__name__) for kind in type(made).__mro__]
    if ("keras", "Model") in ancestors:  # with torch below it, it is a module of torch as well
        return Form.KERAS
    if ("torch", "Module") in ancestors:
        return Form.TORCH
    scores = hasattr(made, "predict_proba") or hasattr(made, "decision_function")
    return Form.CLASSIFIER if scores and hasattr(made, "fit") and hasattr(made, "get_params") else None


def _probed(origin: LearnerCode, made: Any, form: Form) -> bool:
    """Whether the outputs of a module are scores; an error if they are not one for each class."""
    from evenshelf.learners.brought_fits import outputs  # noqa: PLC0415

    dimension, classes = PROBE
    rows = np.random.default_rng(0).standard_normal((4, dimension)).astype(np.float32)
    found = guarded(origin, lambda: outputs(made, form, rows))
    if found.shape != (4, classes):
        raise SettingError(
            f"learner={origin.source!r} makes a {form} that gives the shape {found.shape} for 4 rows and {classes} "
            f"classes, not {(4, classes)}.",
            hint="Make it from the dimension and the number of classes that it is called with.",
        )
    return not (form is Form.KERAS and (found >= 0).all() and np.allclose(found.sum(axis=1), 1, atol=1e-4))
