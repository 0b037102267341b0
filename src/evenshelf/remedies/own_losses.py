"""A user's own loss: found by its source, and held to what every loss promises."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.remedies.losses import Codes, Floats, Loss

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE = "Name a function of (scores, target, counts) as losses.py:my_loss, or as package:my_loss."


@dataclass(frozen=True)
class Origin:
    """Where a loss comes from, as it was when it was first asked for.

    A worker of a study may live in another folder, and a file may change while a study runs: what was read goes along.

    Attributes
    ----------
    source
        As it was given.
    place
        Path of the file, or name of the module.
    name
        Of the function or object in it.
    text
        Content of the file; ``None`` for a module.
    """

    source: str
    place: str
    name: str
    text: str | None

    @classmethod
    def of(cls, source: str) -> Origin:
        """Read the file, or look for the module.

        Raises
        ------
        SettingError
            If the source has another form, or there is no such file or module.
        """
        place, colon, name = source.rpartition(":")
        if not (place and colon and name.isidentifier()):
            raise SettingError(f"source={source!r} does not say which function of which file. {USAGE}")
        if place == "__main__":
            raise SettingError(f"source={source!r}: the workers of a study have another __main__. Name its file.")
        if not place.endswith(".py"):
            if not all(part.isidentifier() for part in place.split(".")):
                raise SettingError(f"source={source!r}: {place!r} is neither a .py file nor a module. {USAGE}")
            return cls(source, place, name, None)
        path = Path(place).expanduser().resolve()
        try:
            return cls(source, str(path), name, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error})"
            raise SettingError(f"source={source!r}: {why} ({path}).") from None

    def load(self) -> Any:
        """The function or object.

        Raises
        ------
        SettingError
            If what it is in cannot be run, or has nothing of that name that can be a loss.
        """
        module = _module(self)
        found = getattr(module, self.name, None)
        if found is None:
            known = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
            listed = f" (there are: {', '.join(known)})" if known else ""
            raise SettingError(f"source={self.source!r}: there is no {self.name!r} in {self.place}{listed}.")
        if not (callable(found) or hasattr(found, "value_and_gradient")):
            raise SettingError(
                f"source={self.source!r}: {self.name} is a {type(found).__name__}, neither a function nor an object "
                "with value_and_gradient."
            )
        return found

    @property
    def digest(self) -> str:
        """Of the code: of the file, or of all files of the package that the module is in."""
        if self.text is not None:
            return blake2b(self.text.encode(), digest_size=8).hexdigest()
        top = sys.modules.get(self.place.partition(".")[0]) or _module(self)
        folders = [Path(folder) for folder in getattr(top, "__path__", ())]
        files = sorted(file for folder in folders for file in folder.rglob("*.py"))
        if not folders and getattr(top, "__file__", None):
            files = [Path(str(top.__file__))]
        digest = blake2b(digest_size=8)
        for file in files:
            digest.update(blake2b(file.read_bytes()).digest())
        return digest.hexdigest()


@lru_cache(maxsize=16)
def _module(origin: Origin) -> ModuleType:
    """The module of a loss; a file is run by itself, under a name of its own."""
    try:
        if origin.text is None:
            return importlib.import_module(origin.place)
        module = ModuleType(f"evenshelf_own_{blake2b(origin.place.encode(), digest_size=6).hexdigest()}")
        module.__file__ = origin.place
        # dataclasses look their module up by its name
        sys.modules[module.__name__] = module
        try:
            exec(compile(origin.text, origin.place, "exec"), vars(module))  # noqa: S102 - the user's own file
        except BaseException:
            del sys.modules[module.__name__]
            raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ImportError) and error.name == "torch":
            raise _without_torch(origin) from None
        raise SettingError(f"source={origin.source!r} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


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
