"""What a check is, and how the checks of one subject are gathered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from numpy.typing import NDArray

from evenshelf.errors import EvenshelfError

EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
"""How hard the generated data of a check tries; the machine's speed is never judged."""


@dataclass(frozen=True)
class Check:
    """One promise, kept or broken: calling it returns nothing or raises ``AssertionError``.

    Attributes
    ----------
    name
        What is promised, in words joined by ``_``; pytest shows it.
    subject
        What it is promised of.
    run
        Does the work.
    """

    name: str
    subject: str
    run: Callable[[], None]

    @property
    def __name__(self) -> str:
        """For the names of parametrised tests."""
        return f"{self.subject}-{self.name}"

    def __call__(self) -> None:
        """Raise ``AssertionError`` if the promise is broken."""
        self.run()


def gather(subject: str, *promises: Callable[[Any], None], of: Any) -> list[Check]:
    """One check for each function, named after it, to be run on `of`."""
    return [Check(promise.__name__, subject, _bound(promise, of)) for promise in promises]


def run_all(checks: Sequence[Check]) -> None:
    """Run every check, and raise all that failed together.

    Raises
    ------
    AssertionError
        If one failed.
    ExceptionGroup
        If several failed.
    """
    failures: list[Exception] = []
    for check in checks:
        try:
            check()
        except Exception as error:  # noqa: BLE001 - every failure is told, none is swallowed
            error.add_note(f"in the check {check.__name__}")
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(checks)} checks failed", failures)


def refusal(error: type[EvenshelfError], call: Callable[[], Any]) -> str | None:
    """The message and hint with which `call` is refused, or ``None`` if it is not; other errors are let through."""
    try:
        call()
    except error as refused:
        return str(refused)
    return None


def locked(array: NDArray[Any]) -> NDArray[Any]:
    """A copy that cannot be written to: whoever modifies its input is found out."""
    copy = np.array(array)
    copy.setflags(write=False)
    return copy


def _bound(promise: Callable[[Any], None], of: Any) -> Callable[[], None]:
    def run() -> None:
        promise(of)

    return run
