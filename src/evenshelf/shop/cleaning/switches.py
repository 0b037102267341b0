"""What is said of rules that somebody wants to switch and that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenshelf.errors import near

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def unknown_rules(
    switch: str, names: Collection[str], choices: Collection[str], because: Mapping[str, str] | None = None
) -> list[str]:
    """Say of each name that is none of a rule that there is no such rule, and which may be meant.

    Parameters
    ----------
    switch
        What the names were given to, such as ``"off"``.
    names
        What was given.
    choices
        What there is.
    because
        Why a name is none of a rule, where more can be said.
    """
    problems = []
    for name in sorted(set(names) - set(choices)):
        if because is not None and name in because:
            problems.append(f"{switch}: {name!r} {because[name]}")
        else:
            problems.append(f"{switch}: no such rule: {name!r}{near(name, choices, n=1)}")
    return problems
