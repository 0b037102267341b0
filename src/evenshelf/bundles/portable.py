"""What a bundle says of where it comes from, without any place of the machine that made it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evenshelf.encoders import wrapped_spec

HERE = "./"
"""Leads the argument of an encoder that was in a folder, which is never asked of a hub."""


def portable_encoder(spec: str) -> str:
    """The spec of an encoder; of a model in a folder only the folder's name, led by :data:`HERE`.

    Examples
    --------
    >>> portable_encoder("hf:/home/me/models/my-bert?pool=cls")
    'hf:./my-bert?pool=cls'
    >>> portable_encoder("st:intfloat/multilingual-e5-small")
    'st:intfloat/multilingual-e5-small'
    """
    core = wrapped_spec(spec)
    if core != spec:
        return f"{spec.removesuffix(core)}{portable_encoder(core)}"
    kind, colon, argument = spec.partition(":")
    place, mark, settings = argument.partition("?")
    if not (colon and _is_place(place)):
        return spec
    return f"{kind}:{HERE}{_last(place)}{mark}{settings}"


def in_folder(spec: str) -> bool:
    """Whether a portable spec is of a model that was in a folder."""
    return wrapped_spec(spec).partition(":")[2].startswith(HERE)


def _is_place(argument: str) -> bool:
    if "://" in argument:
        return False
    path = Path(argument).expanduser()
    if argument.startswith((".", "~")) or path.is_absolute() or len(path.parts) > 2:
        return True
    try:
        return path.exists()
    except OSError:  # a name that is too long for one
        return False


def _last(place: str) -> str:
    return Path(place).expanduser().resolve().name


def without_places(value: Any, names: Mapping[str, str]) -> Any:
    """JSON-able content with each of some texts replaced wherever it stands, the longest first."""
    if isinstance(value, str):
        if not names:
            return value
        pattern = "|".join(re.escape(place) for place in sorted(names, key=len, reverse=True))
        return re.sub(pattern, lambda found: names[found[0]], value)
    if isinstance(value, Mapping):
        return {key: without_places(held, names) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [without_places(held, names) for held in value]
    return value
