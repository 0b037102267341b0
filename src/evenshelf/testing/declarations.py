"""What every kind of remedy promises by its declaration: its name, its words, its parameters and their ranges."""

from __future__ import annotations

import dataclasses
import math
import re
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.remedies import Family, Remedy, Stage, catalogue, parse
from evenshelf.testing.check import EXAMPLES, Check, gather, refusal

Kind = type[Remedy]

METHOD_OF = {
    Stage.VARIANTS: "pick",
    Stage.AUGMENT: "augment",
    Stage.NEGATIVES: "competitors",
    Stage.RESAMPLE: "resample",
    Stage.WEIGHT: "weight",
    Stage.LOSS: "loss",
    Stage.ADJUST: "adjust",
    Stage.RETRIEVE: "retrieve",
    Stage.CALIBRATE: "calibration",
    Stage.POOL: "centre",
    Stage.RERANK: "rerank",
}
"""The method that does the work of a stage."""

SET_METHOD_OF = METHOD_OF | {
    Stage.RESAMPLE: "set_resample",
    Stage.LOSS: "set_loss",
    Stage.CALIBRATE: "set_calibration",
}
"""The same of remedies for examples with sets of labels."""

_OUTSIDE = re.compile(r"\b(?P<name>\w+)=\S+ is outside (?P<left>[\[(])(?P<low>\S+), (?P<high>\S+)(?P<right>[\])])")
_SECTION = re.compile(r"^Parameters\n-+\n(?P<body>.*?)(?=^\w[\w ]*\n-+\n|\Z)", re.MULTILINE | re.DOTALL)


def declaration_checks(kind: Kind) -> list[Check]:
    """Checks of the class of a remedy, before anything is fitted."""
    promises = [is_in_the_catalogue, says_what_it_is, is_of_a_family, documents_every_parameter, acts_where_it_says]
    promises += [is_a_value, is_read_back_from_its_spec, has_a_valid_grid]
    if dataclasses.fields(kind):
        promises += [holds_the_range_of_each_parameter, documents_the_range_of_each_parameter]
    return gather(kind.name, *promises, of=kind)


def is_in_the_catalogue(kind: Kind) -> None:
    """Under its name, which a spec string can hold."""
    assert kind.name.isidentifier(), f"the name {kind.name!r} cannot stand in a spec string"
    assert catalogue().get(kind.name) is kind, (
        f"{kind.name!r} is not in the catalogue: decorate the class with evenshelf.remedies.register"
    )


def says_what_it_is(kind: Kind) -> None:
    """Title, paper and formula, each a line of text of its own."""
    for attribute in ("title", "paper", "formula"):
        text = kind.__dict__.get(attribute, "")
        assert isinstance(text, str), f"{attribute} is not text"
        assert text.strip(), f"{kind.__name__} does not declare {attribute!r}"
        assert text == text.strip(), f"{attribute} has blanks around it"
        assert "\n" not in text, f"{attribute} is more than a line"


def is_of_a_family(kind: Kind) -> None:
    """One of those that are compared; only doing nothing is of none."""
    family = getattr(kind, "family", None)
    assert isinstance(family, Family), f"{kind.__name__} declares no family: family: ClassVar[Family] = Family.WEIGHTS"
    assert (family is Family.BASELINE) == (kind.name == "none"), f"{kind.__name__} is not what a study measures against"


def documents_every_parameter(kind: Kind) -> None:
    """The docstring's section *Parameters* names the fields, all of them and in order."""
    text = (kind.__doc__ or "").strip()
    first = text.split("\n\n")[0]
    assert first.endswith((".", "。")), f"the docstring of {kind.__name__} does not begin with a sentence: {first!r}"
    documented = list(_documented(kind))
    fields = [f.name for f in dataclasses.fields(kind)]
    assert documented == fields, f"{kind.__name__} has the parameters {fields}, its docstring names {documented}"


def acts_where_it_says(kind: Kind) -> None:
    """It overrides the methods of the stages it declares, and of no other."""
    assert isinstance(kind.stages, tuple), f"stages is a {type(kind.stages).__name__}, not a tuple"
    methods = SET_METHOD_OF if kind.many_labels else METHOD_OF
    for stage, method in methods.items():
        own = getattr(kind, method) is not getattr(Remedy, method)
        assert own == (stage in kind.stages), (
            f"{kind.__name__} {'overrides' if own else 'does not override'} {method}(), "
            f"but {'does not declare' if own else 'declares'} the stage {stage.value!r}"
        )


def is_a_value(kind: Kind) -> None:
    """Frozen, hashable, equal by its parameters, and different at others."""
    one, two = kind(), kind()
    assert dataclasses.is_dataclass(kind), f"{kind.__name__} is not a dataclass"
    assert one == two, f"two remedies {one} differ"
    assert hash(one) == hash(two), f"two equal remedies {one} have different hashes"
    assert len(set(one.settings)) == len(one.settings), f"{one} has the same setting twice"
    for field in dataclasses.fields(kind):
        try:
            setattr(one, field.name, getattr(one, field.name))
        except dataclasses.FrozenInstanceError:
            continue
        raise AssertionError(f"{kind.__name__}.{field.name} can be changed: make it @dataclass(frozen=True)")


def is_read_back_from_its_spec(kind: Kind) -> None:
    """``parse(str(remedy)) == remedy``: at every setting, at the neutral one, and anywhere in its range."""
    known = [*kind().settings, *([] if kind.neutral is None else [kind(**kind.neutral)])]
    for remedy in known:
        assert parse(str(remedy)) == remedy, f"{remedy!r} is written {remedy}, which is read as {parse(str(remedy))!r}"

    @EXAMPLES
    @given(data=st.data())
    def anywhere(data: st.DataObject) -> None:
        remedy = kind(**{f.name: data.draw(_values(kind, f)) for f in dataclasses.fields(kind)})
        again = parse(str(remedy))
        assert again == remedy, f"{remedy!r} is written {remedy}, which is read as {again!r}"
        assert str(again) == str(remedy), f"the same remedy is written {remedy} and {again}"

    anywhere()


def has_a_valid_grid(kind: Kind) -> None:
    """Every value to be tried is valid, the default is among them, the neutral one does not stand for trying."""
    defaults = {f.name: f.default for f in dataclasses.fields(kind)}
    for parameter, values in kind.grid.items():
        assert parameter in defaults, f"grid has {parameter!r}, which is no parameter of {kind.__name__}"
        assert defaults[parameter] in values, (
            f"the grid of {parameter} is {values}, without its default {defaults[parameter]!r}"
        )
        assert len(set(values)) == len(values), f"the grid of {parameter} repeats a value: {values}"
    unknown = set(kind.neutral or {}) - set(defaults)
    assert not unknown, f"neutral has {', '.join(sorted(unknown))}, which {kind.__name__} has not"
    combinations = math.prod(len(values) for values in kind.grid.values())
    assert len(kind().settings) == combinations, f"{kind.__name__} has {len(kind().settings)} settings in its grid"
    if kind.neutral:
        assert kind(**kind.neutral) not in kind().settings, f"{kind.__name__}: doing nothing is among what is tried"


def holds_the_range_of_each_parameter(kind: Kind) -> None:
    """Both ends work; what is beyond, not a number or of another type raises an error that names the parameter."""
    for field in dataclasses.fields(kind):
        if not isinstance(field.default, int | float) or isinstance(field.default, bool):
            continue
        for wrong in (math.nan, math.inf, -math.inf, "1", None):
            _refuses(kind, field.name, wrong)
        if isinstance(field.default, int):
            _refuses(kind, field.name, field.default + 0.5)
        for end, inside, beyond in _ends(kind, field):
            if end is not None:
                kind(**{field.name: end})
            kind(**{field.name: inside})
            _refuses(kind, field.name, beyond)


def documents_the_range_of_each_parameter(kind: Kind) -> None:
    """The docstring gives the range that the code holds: ``In [0, 1)``, ``>= 1``, ..."""
    for field in dataclasses.fields(kind):
        if not isinstance(field.default, int | float) or isinstance(field.default, bool):
            continue
        text = _documented(kind)[field.name]
        left, low, high, right = _range(kind, field)
        shown = f"{left}{low:g}, {high:g}{right}"
        forms = [f"n {shown}"] if math.isfinite(high) else [f"{'>' if left == '(' else '>='} {low:g}", f"n {shown}"]
        assert any(form in text for form in forms), (
            f"{kind.__name__}.{field.name} is held to {shown}, which its docstring does not say: {text!r}"
        )


def neutral_of(remedy: Remedy) -> Remedy | None:
    """Return the remedy with all its parts at their neutral values, if they have some."""
    parts: list[Remedy] = []
    for part in remedy.parts:
        if type(part).neutral is None:
            return None
        parts.append(part.with_parameters(**(type(part).neutral or {})))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def _documented(kind: Kind) -> dict[str, str]:
    """Text of each parameter in the docstring, in order."""
    lines = (kind.__doc__ or "").expandtabs().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    cut = min(indents, default=0)
    plain = "\n".join([*(line.strip() for line in lines[:1]), *(line[cut:] for line in lines[1:])])
    section = _SECTION.search(plain)
    found: dict[str, str] = {}
    name = ""
    for line in section["body"].splitlines() if section else []:
        if line and not line[0].isspace():
            name = line.split(":")[0].strip()
            found[name] = ""
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _range(kind: Kind, field: dataclasses.Field[Any]) -> tuple[str, float, float, str]:
    """The range that the error for an impossible value names."""
    for beyond in (-(10**12), 10**12):
        number = float(beyond) if isinstance(field.default, float) else beyond
        said = refusal(SettingError, partial(kind, **{field.name: number}))
        if said is None:
            continue
        match = _OUTSIDE.search(said)
        assert match is not None, (
            f"{kind.__name__}({field.name}={number!r}) does not say what is allowed, as "
            f'"{field.name}={number!r} is outside [0, 1]": {said!r}'
        )
        assert match["name"] == field.name, f"{field.name}={number!r} is wrong, the error blames {match['name']!r}"
        return match["left"], float(match["low"]), float(match["high"]), match["right"]
    raise AssertionError(f"{kind.__name__} takes any {field.name} at all, from -1e12 to 1e12: check its range")


def _ends(kind: Kind, field: dataclasses.Field[Any]) -> list[tuple[Any, Any, Any]]:
    """For each finite end: the end (``None`` if it is outside), a value inside, a value beyond."""
    left, low, high, right = _range(kind, field)
    whole = isinstance(field.default, int)
    found: list[tuple[Any, Any, Any]] = []
    for end, open_, inward in ((low, left == "(", 1), (high, right == ")", -1)):
        if not math.isfinite(end):
            continue
        if whole:
            first = int(end) + (inward if open_ else 0)
            found.append((first, first, first - inward))
        else:
            inside, outside = (float(np.nextafter(end, inward * sign * math.inf)) for sign in (1, -1))
            found.append((None if open_ else end, inside, end if open_ else outside))
    return found


def _values(kind: Kind, field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    """Valid values of a parameter."""
    if isinstance(field.default, bool):
        return st.booleans()
    if not isinstance(field.default, int | float):
        return st.sampled_from([field.default, *kind.grid.get(field.name, ())])
    left, low, high, right = _range(kind, field)
    if isinstance(field.default, int):
        ends = [int(e) if math.isfinite(e) else None for e in (low, high)]
        return st.integers(ends[0], ends[1])
    return st.floats(
        low if math.isfinite(low) else None,
        high if math.isfinite(high) else None,
        exclude_min=left == "(" and math.isfinite(low),
        exclude_max=right == ")" and math.isfinite(high),
        allow_nan=False,
        allow_infinity=False,
    )


def _refuses(kind: Kind, parameter: str, value: Any) -> None:
    said = refusal(SettingError, partial(kind, **{parameter: value}))
    assert said is not None, f"{kind.__name__} takes {parameter}={value!r}"
    assert re.search(rf"\b{parameter}\b", said), (
        f"{kind.__name__}({parameter}={value!r}) is refused without naming the parameter: {said!r}"
    )
