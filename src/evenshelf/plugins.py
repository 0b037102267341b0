"""Kinds of things by name: those of our own modules, and those that other packages declare as entry points."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Generic, Protocol, TypeVar

from evenshelf.errors import SettingError, near


class Named(Protocol):
    """What can be registered."""

    @property
    def name(self) -> str:
        """What a person writes to choose it."""


K = TypeVar("K", bound=Named)


class Registry(Generic[K]):
    """All kinds of one thing.

    Parameters
    ----------
    noun
        What a kind is, for messages, such as ``"encoder"``.
    package
        Package whose modules register the built-in kinds when imported.
    wanted
        What is registered, for messages, such as ``"an EncoderKind"``.
    fits
        Whether something can be registered.
    identity
        Kinds with equal identities are the same one, such as a class and the class that is made when its notebook cell
        is run again.
    usage
        How a kind is written when it is listed; by default its name.
    group
        Entry point group in which other packages name theirs; by default it is called as the package is.
    """

    def __init__(
        self,
        noun: str,
        package: str,
        *,
        wanted: str,
        fits: Callable[[object], bool],
        identity: Callable[[K], str] = repr,
        usage: Callable[[K], str] | None = None,
        group: str | None = None,
    ) -> None:
        self.noun, self.package, self.group = noun, package, group or package
        self._wanted, self._fits = wanted, fits
        self._identity = identity
        self._usage = usage or (lambda one: one.name)
        self._kinds: dict[str, K] = {}
        self._loaded = False

    def register(self, kind: K) -> K:
        """Add a kind; another one of the same name raises a :class:`SettingError`."""
        taken = self._kinds.get(kind.name, kind)
        if self._identity(taken) != self._identity(kind):
            raise SettingError(
                f"The {self.noun} name {kind.name!r} is already taken by {self._identity(taken)}.",
                hint="Rename or uninstall one of the two.",
            )
        self._kinds[kind.name] = kind
        return kind

    def all(self) -> dict[str, K]:
        """Every kind by name, those of other packages included.

        Raises
        ------
        SettingError
            If another package's entry point cannot be loaded, or names something else.
        """
        if not self._loaded:
            for module in iter_modules(import_module(self.package).__path__, f"{self.package}."):
                import_module(module.name)
            for point in entry_points(group=self.group):
                package = f" of the package {point.dist.name}" if point.dist else ""
                hint = "Update or uninstall that package."
                try:
                    kind = point.load()
                except Exception as error:
                    raise SettingError(
                        f"The entry point {point.name!r} ({point.value}){package} cannot be loaded: {error}", hint=hint
                    ) from error
                if not self._fits(kind):
                    raise SettingError(
                        f"The entry point {point.name!r} ({point.value}){package} is not {self._wanted}.", hint=hint
                    )
                self.register(kind)
            self._loaded = True
        return dict(sorted(self._kinds.items()))

    def find(self, name: str) -> K:
        """The kind of that name.

        Raises
        ------
        SettingError
            If there is none; close names are offered, and all are listed.
        """
        kinds = self.all()
        if name in kinds:
            return kinds[name]
        raise SettingError(
            f"There is no {self.noun} {name!r}{near(name, kinds)}.",
            hint=f"There are: {', '.join(map(self._usage, kinds.values()))}.",
        )
