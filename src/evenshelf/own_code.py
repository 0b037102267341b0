"""Code that a user brings along: found by its source, read once, known by its digest."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, sha256
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Self

from evenshelf.errors import SettingError


class MissingPackageError(SettingError):
    """The code imports a package that is not installed.

    Attributes
    ----------
    package
        Its name.
    """

    def __init__(self, package: str, source: str, said: ImportError) -> None:
        super().__init__(f"{source} cannot be loaded: {type(said).__name__}: {said}")
        self.package = package


@dataclass(frozen=True)
class OwnCode:
    """A function or object of a user's file or module, as it was when it was first asked for.

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

    noun: ClassVar[str] = "source"
    """How messages call the setting that holds the source."""
    usage: ClassVar[str] = "Name it as file.py:name, or as package:name."
    """What to write, for messages."""

    @classmethod
    def of(cls, source: str) -> Self:
        """Read the file, or look for the module.

        Raises
        ------
        SettingError
            If the source has another form, or there is no such file or module.
        """
        place, colon, name = source.rpartition(":")
        start = f"{cls.noun}={source!r}"
        if not (place and colon and name.isidentifier()):
            raise SettingError(f"{start} does not say which function of which file. {cls.usage}")
        if place == "__main__":
            raise SettingError(f"{start}: the workers of a study have another __main__. Name its file.")
        if not place.endswith(".py"):
            if not all(part.isidentifier() for part in place.split(".")):
                raise SettingError(f"{start}: {place!r} is neither a .py file nor a module. {cls.usage}")
            return cls(source, place, name, None)
        path = Path(place).expanduser().resolve()
        try:
            return cls(source, str(path), name, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error})"
            raise SettingError(f"{start}: {why} ({path}).") from None

    def load(self) -> Any:
        """The function or object.

        Raises
        ------
        SettingError
            If what it is in cannot be run, or has nothing of that name.
        """
        module = _module(self)
        found = getattr(module, self.name, None)
        if found is None:
            known = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
            listed = f" (there are: {', '.join(known)})" if known else ""
            raise SettingError(f"{self.noun}={self.source!r}: there is no {self.name!r} in {self.place}{listed}.")
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

    @property
    def read_from(self) -> dict[str, str]:
        """Digest of what was read, by the name of the file without its folder, or of the module."""
        if self.text is not None:
            return {Path(self.place).name: f"sha256:{sha256(self.text.encode()).hexdigest()}"}
        return {self.place: f"blake2b:{self.digest}"}


@lru_cache(maxsize=16)
def _module(origin: OwnCode) -> ModuleType:
    """The module; a file is run by itself, under a name of its own."""
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
        start = f"{origin.noun}={origin.source!r}"
        if isinstance(error, ImportError) and error.name:
            raise MissingPackageError(error.name, start, error) from error
        raise SettingError(f"{start} cannot be loaded: {type(error).__name__}: {error}") from error
    return module
