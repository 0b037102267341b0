"""Errors that a person can act on.

Every error that evenshelf raises on bad input is an :class:`EvenshelfError`: it says what is wrong, where
(file, row, column), and what to do. The command line prints it without a traceback and exits with
:attr:`EvenshelfError.exit_code`.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class EvenshelfError(Exception):
    """Base of all errors raised by evenshelf.

    Parameters
    ----------
    message
        What is wrong and where.
    hint
        What to do about it, in one sentence. Shown on a line of its own.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class InputError(EvenshelfError, ValueError):
    """A file, table or array cannot be used as it is (exit code 3)."""

    exit_code = 3


class SettingError(EvenshelfError, ValueError):
    """A setting, spec string or option is not valid (exit code 2)."""

    exit_code = 2


class MissingExtraError(EvenshelfError, ImportError):
    """A feature needs an optional dependency that is not installed (exit code 4)."""

    exit_code = 4

    def __init__(self, package: str, extra: str, feature: str) -> None:
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed.",
            hint=f"Install it with: pip install 'evenshelf[{extra}]' (in a clone: pip install '.[{extra}]')",
        )


def near(word: str, choices: Iterable[str], *, n: int = 3) -> str:
    """Return which of the choices may be meant, as ``" (did you mean a or b?)"``; nothing if none is close."""
    by_folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), list(by_folded), n=n, cutoff=0.5)
    return f" (did you mean {' or '.join(by_folded[hit] for hit in close)}?)" if close else ""
