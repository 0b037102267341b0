"""A user's own loss: found by its source, and held to what every loss promises."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.own_code import MissingPackageError, OwnCode
from evenshelf.remedies.losses import Codes, Floats, Loss

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE = "Name a function of (scores, target, counts) as losses.py:my_loss, or as package:my_loss."


@dataclass(frozen=True)
class Origin(OwnCode):
    """Where a loss comes from, as it was when it was first asked for."""

    noun: ClassVar[str] = "source"
    usage: ClassVar[str] = USAGE

    def load(self) -> Any:
        """The function or object.

        Raises
        ------
        SettingError
            If what it is in cannot be run, or has nothing of that name that can be a loss.
        """
        try:
            found = super().load()
        except MissingPackageError as error:
            if error.package != "torch":
                raise
            raise _without_torch(self) from None
        if not (callable(found) or hasattr(found, "value_and_gradient")):
            raise SettingError(
                f"source={self.source!r}: {self.name} is a {type(found).__name__}, neither a function nor an object "
                "with value_and_gradient."
            )
        return found


def own_loss(origin: Origin, counts: Codes) -> Loss:
    """The loss for groups of such counts.

    Raises
    ------
    SettingError
        If it cannot be loaded, or needs torch where there is none.
    """
    found = origin.load()
    if isinstance(found, type):
        found = _guarded(origin, lambda: found(counts))
        if not hasattr(found, "value_and_gradient"):
            raise SettingError(f"source={origin.source!r}: {origin.name} has no value_and_gradient.")
    if hasattr(found, "value_and_gradient"):
        return OwnLoss(origin, found)
    if find_spec("torch") is None:
        raise _without_torch(origin)
    return TorchLoss(origin, found, counts)


@dataclass(frozen=True, eq=False)
class OwnLoss(Loss):
    """An object with ``value_and_gradient``, and ``class_weight`` if it likes."""

    origin: Origin
    inner: Any

    def class_weight(self) -> Floats | None:
        """Those of the object."""
        given = getattr(self.inner, "class_weight", None)
        weights = None if given is None else _guarded(self.origin, given)
        return None if weights is None else np.asarray(weights, np.float32)

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        shape = scores.shape
        made = _guarded(self.origin, lambda: self.inner.value_and_gradient(scores, target, weight))
        if not (isinstance(made, tuple) and len(made) == 2):
            raise _wrong(self.origin, f"returned a {type(made).__name__}, not a value and a gradient")
        value, gradient = float(made[0]), np.asarray(made[1])
        if gradient.shape != shape:
            raise _wrong(self.origin, f"returned a gradient of the shape {gradient.shape} for scores {shape}")
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise _wrong(self.origin, "returned a value or gradient that is not finite")
        return value, gradient.astype(scores.dtype, copy=False)


@dataclass(frozen=True, eq=False)
class TorchLoss(Loss):
    """A function of scores, target and counts to a loss per row, differentiated by torch."""

    origin: Origin
    function: Callable[[Any, Any, Any], Any]
    counts: Codes

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        import torch  # noqa: PLC0415 - slow to import, and optional

        with _one_thread(torch), torch.enable_grad():
            given = torch.tensor(scores, requires_grad=True)
            rows, counts = torch.tensor(target), torch.tensor(self.counts, dtype=given.dtype)
            made = _guarded(self.origin, lambda: self.function(given, rows, counts))
            if not isinstance(made, torch.Tensor):
                raise _wrong(self.origin, f"returned a {type(made).__name__}, not a tensor of torch")
            if tuple(made.shape) != target.shape:
                raise _wrong(
                    self.origin,
                    f"returned the shape {tuple(made.shape)}, not {target.shape}, a number for each row",
                    hint="Do not average over the rows: evenshelf weighs and sums them (reduction='none').",
                )
            if not made.requires_grad:
                raise _wrong(self.origin, "returned what does not depend on the scores, or was detached from them")
            losses = made.detach().numpy().astype(np.float64)
            (slope,) = torch.autograd.grad(made, given, torch.tensor(weight, dtype=made.dtype))
        gradient: Floats = slope.numpy().astype(scores.dtype, copy=False)
        for what, array in (("loss", losses), ("gradient", gradient)):
            if not np.isfinite(array).all():
                raise _wrong(
                    self.origin,
                    f"gave a {what} that is not finite",
                    hint="Scores go down to minus ten thousand: use log_softmax, not the log of softmax.",
                )
        return float(np.dot(losses, weight)), gradient


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """The bits of a sum depend on how many threads make it."""
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _guarded(origin: Origin, call: Callable[[], Any]) -> Any:
    """What the user's code returns; what it raises becomes an error that names it."""
    try:
        return call()
    except Exception as error:
        raise _wrong(origin, f"raised {type(error).__name__}: {error}") from error


def _wrong(origin: Origin, what: str, hint: str | None = None) -> SettingError:
    return SettingError(f"The loss {origin.name} ({origin.source}) {what}.", hint=hint)


def _without_torch(origin: Origin) -> SettingError:
    return SettingError(
        f"The loss {origin.name} ({origin.source}) needs the package 'torch', which is not installed.",
        hint="Install it with: pip install 'evenshelf[train]' (in a clone: pip install '.[train]'), "
        "or name an object with value_and_gradient.",
    )
