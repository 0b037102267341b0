"""What of a remedy acts when a list is made, and which remedies a bundle may name: it may come from anybody."""

from __future__ import annotations

from evenshelf.errors import InputError, SettingError
from evenshelf.rankers.answering import AFTERWARDS
from evenshelf.remedies import Remedy, catalogue, joined, parse
from evenshelf.remedies.spec import names_in

NONE = "none"


def serving_part(remedy: Remedy) -> Remedy:
    """The parts of a remedy that act on scores and lists; ``none`` if none does.

    Raises
    ------
    SettingError
        If one of them needs something of a user, such as a file, that a bundle does not hold.
    """
    parts = [part for part in remedy.parts if set(part.stages) & set(AFTERWARDS)]
    for part in parts:
        if not servable(type(part)):
            raise SettingError(
                f"{part.name} needs {', '.join(part.needs)} when lists are made, and bundles hold no files of a user.",
                hint="Train another remedy with --remedy.",
            )
    return joined(parts)


def servable(kind: type[Remedy]) -> bool:
    """Whether a remedy of a kind may be made because a bundle says so."""
    return not kind.needs


def named_remedy(spec: str) -> Remedy:
    """The remedy that a bundle names; nothing is made before it is known that it reads no file and runs no code.

    Raises
    ------
    InputError
        If it names what does not act on scores and lists, or needs something of a user; or is no spec.
    """
    names = names_in(spec)
    known = catalogue()
    again = "Use the version of evenshelf that wrote the bundle, or train it again."
    if names is None or any(name not in known for name in names):
        raise InputError(f"The bundle names the remedy {spec!r}, which is not known here.", hint=again)
    for name in names:
        kind = known[name]
        if name != NONE and (not servable(kind) or not set(kind.stages) & set(AFTERWARDS)):
            raise InputError(
                f"The bundle names the remedy {name!r}, which does not act when lists are made.", hint=again
            )
    try:
        return parse(spec)
    except SettingError as error:
        raise InputError(f"The bundle names a remedy that cannot be: {error.message}", hint=again) from error
