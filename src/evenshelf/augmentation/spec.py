"""Spec strings: ``eda(rate=0.2)`` to a maker and back."""

from __future__ import annotations

import ast

from evenshelf.augmentation.base import Maker, settings_of
from evenshelf.augmentation.registry import maker_kinds
from evenshelf.errors import SettingError, near
from evenshelf.parameters import read_parameters


def parse_maker(spec: str) -> Maker:
    """The maker that a spec string means.

    Parameters
    ----------
    spec
        A name, with parameters in brackets. Values are Python literals.

    Returns
    -------
    Maker
        It has learned nothing; ``parse_maker(maker.spec)`` equals every such maker.

    Raises
    ------
    SettingError
        If it cannot be read, or there is no such maker or parameter, or a value is of another type or out of range.

    Examples
    --------
    >>> parse_maker("eda(rate=0.20)").spec
    'eda(rate=0.2)'
    """
    try:
        node = ast.parse(spec.strip(), mode="eval").body
    except SyntaxError as error:
        raise SettingError(
            f"The maker {spec!r} cannot be read: {error.msg} (column {error.offset}).",
            hint='Write a name with parameters in brackets, such as "eda(rate=0.2)".',
        ) from None
    call = node if isinstance(node, ast.Call) else None
    function = call.func if call else node
    if not isinstance(function, ast.Name):
        raise SettingError(f"{spec!r} is not a maker.", hint='Write a name, such as "eda(rate=0.2)".')
    known = maker_kinds()
    kind = known.get(function.id)
    if kind is None:
        raise SettingError(
            f"There is no maker {function.id!r}{near(function.id, known)}.", hint=f"There are: {', '.join(known)}."
        )
    faults: list[str] = []
    values = read_parameters(kind.name, settings_of(kind), call, faults) if call else {}
    if values is None:
        raise SettingError(f"The maker {spec!r} is not valid: " + " ".join(faults))
    return kind(**values)
