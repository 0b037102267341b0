"""Spec strings: ``smote(k=5) + logit_adjust(tau=1)`` to remedies and back."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from evenshelf.errors import SettingError, near
from evenshelf.parameters import read_parameters
from evenshelf.remedies.base import Remedy
from evenshelf.remedies.composition import Composition
from evenshelf.remedies.registry import catalogue


def parse(spec: str) -> Remedy:
    """The remedy that a spec string means.

    Parameters
    ----------
    spec
        Names with parameters in brackets, joined by ``+``. Values are Python literals.

    Returns
    -------
    Remedy
        ``parse(str(remedy)) == remedy`` for every remedy.

    Raises
    ------
    SettingError
        Lists every fault at once: unknown names with the nearest known ones, unknown or repeated parameters, values
        of the wrong type or outside their range.

    Examples
    --------
    >>> parse("smote(k=3) + logit_adjust(tau=0.5)").spec
    'smote(k=3) + logit_adjust(tau=0.5)'
    """
    try:
        tree = ast.parse(spec.strip(), mode="eval").body
    except SyntaxError as error:
        raise SettingError(
            f"The remedy {spec!r} cannot be read: {error.msg} (column {error.offset}).",
            hint='Write names joined by +, such as "smote(k=5) + logit_adjust(tau=1)".',
        ) from None
    faults: list[str] = []
    members = [m for node in _terms(tree) if (m := _member(node, faults)) is not None]
    if faults:
        raise SettingError(
            f"The remedy {spec!r} is not valid: " + " ".join(faults),
            hint="See all remedies and their parameters with: evenshelf remedies",
        )
    remedy = members[0]
    for member in members[1:]:
        remedy = remedy + member
    return remedy


def joined(parts: Sequence[Remedy]) -> Remedy:
    """Parts of a remedy as one again; ``none`` of none."""
    if not parts:
        return parse("none")
    return parts[0] if len(parts) == 1 else Composition(tuple(parts))


def _terms(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _terms(node.left) + _terms(node.right)
    return [node]


def _member(node: ast.expr, faults: list[str]) -> Remedy | None:
    call = node if isinstance(node, ast.Call) else None
    function = call.func if call else node
    if not isinstance(function, ast.Name):
        faults.append(f"{ast.unparse(node)!r} is not a remedy.")
        return None
    known = catalogue()
    kind = known.get(function.id)
    if kind is None:
        meant = near(function.id, known)
        faults.append(f"there is no remedy {function.id!r}{meant or ': known are ' + ', '.join(known)}.")
        return None
    defaults = {f.name: f.default for f in dataclasses.fields(kind)}
    values = read_parameters(kind.name, defaults, call, faults) if call else {}
    if values is None:
        return None
    try:
        return kind(**values)
    except SettingError as error:
        faults.append(f"{function.id}: {error.message}")
        return None


def names_in(spec: str) -> tuple[str, ...] | None:
    """Names of the remedies in a spec, none of which is made; ``None`` of what is no spec.

    Some remedies read a file of a user, or run it, once they are made.

    Examples
    --------
    >>> names_in("custom_loss(file='/home/me/loss.py') + mmr")
    ('custom_loss', 'mmr')
    """
    try:
        tree = ast.parse(spec.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    heads = [node.func if isinstance(node, ast.Call) else node for node in _terms(tree)]
    if not all(isinstance(head, ast.Name) for head in heads):
        return None
    return tuple(head.id for head in heads if isinstance(head, ast.Name))


def places_in(spec: str) -> dict[str, str]:
    r"""Files of a user that a spec names by a path, as they stand in it: their names without the folders.

    They need not be there any more. What is no spec names none.

    Examples
    --------
    >>> places_in("weight_table(file='/home/me/costs.csv') + logit_adjust(tau=0.5)")
    {'/home/me/costs.csv': 'costs.csv'}
    >>> places_in("augment_texts(maker=\"eda(synonyms='/home/me/words.txt')\")")
    {'/home/me/words.txt': 'words.txt'}
    """
    try:
        tree = ast.parse(spec.strip(), mode="eval").body
    except SyntaxError:
        return {}
    known = catalogue()
    found: dict[str, str] = {}
    for node in _terms(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known):
            continue
        for keyword in node.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if isinstance(value, str) and (inside := _inside(value)) is not None:
                found |= {place: Path(place).name for place in inside}
                continue
            if keyword.arg not in known[node.func.id].needs or not isinstance(value, str):
                continue
            name = Path(value).name
            if name != value:
                found |= {value: name, repr(value)[1:-1]: _written(name, value)}
    return found


def _inside(value: str) -> list[str] | None:
    """Places in a value that is a call itself, such as that of a maker of texts; ``None`` if it is none."""
    try:
        call = ast.parse(value.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(call, ast.Call):
        return None
    given = [k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)]
    return [one for one in given if isinstance(one, str) and (Path(one).is_absolute() or one.startswith(("~", "./")))]


def _written(part: str, value: str) -> str:
    """A part of a text as it stands in the literal of all of it, whose quotes it needs not share by itself."""
    both = "'\"" if "'" in value and '"' in value else ""
    return repr(part + both)[1 : -1 - len(both) - (1 if both else 0)]
