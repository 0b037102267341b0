"""Experiments as TOML, and exposures as Parquet or CSV."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import tomli_w

from evenshelf.errors import InputError, SettingError, near
from evenshelf.experiments.definition import Experiment
from evenshelf.shop.schema import TIME

EXPOSURES: dict[str, Any] = {
    "experiment": pl.String,
    "variant": pl.String,
    "unit": pl.String,
    "time": TIME,
    "propensity": pl.Float64,
}
"""Columns of a table of exposures: who was served which variant, when, and with what probability."""

_TEXT = (str, "a text")
_NUMBER = ((int, float), "a number")
_KINDS: dict[str, tuple[Any, str]] = {
    "name": _TEXT,
    "control": _TEXT,
    "primary": _TEXT,
    "unit": _TEXT,
    "layer": _TEXT,
    "salt": _TEXT,
    "variants": (dict, "a table of shares"),
    "overrides": (dict, "a table of variants"),
    "guardrails": (dict, "a table of margins"),
    "metrics": (list, "a list of metrics"),
    "traffic": ((int, float, list), "a number or a list of {from, share}"),
    "starts": (datetime, "a moment such as 2026-01-31T00:00:00Z"),
    "ends": (datetime, "a moment such as 2026-01-31T00:00:00Z"),
    "offset": _NUMBER,
    "effect": _NUMBER,
    "alpha": _NUMBER,
    "power": _NUMBER,
    "planned": (int, "a whole number"),
}
_VALUES: dict[str, tuple[Any, str]] = {
    "variants": _NUMBER,
    "overrides": _TEXT,
    "guardrails": _NUMBER,
    "metrics": _TEXT,
}


def read_experiment(path: str | Path) -> Experiment:
    """Read an experiment from a TOML file.

    Raises
    ------
    InputError
        If the file cannot be read or is no TOML.
    SettingError
        With everything that is wrong in it.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The experiment {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # bytes that are no text, and text that is no TOML
        raise InputError(f"The experiment {path} is no TOML: {error}.") from error
    try:
        return experiment_of(content)
    except SettingError as error:
        raise SettingError(f"{path}: {error.message}", hint=error.hint) from None


def experiment_of(content: Mapping[str, Any]) -> Experiment:
    """An experiment from what a TOML file or a JSON object holds.

    Raises
    ------
    SettingError
        With everything that is wrong in it.
    """
    values = {key: _moment(value) if key in ("starts", "ends") else value for key, value in content.items()}
    faults = [f"there is no setting {key!r}{near(key, _KINDS)}" for key in values if key not in _KINDS]
    needed = [one.name for one in fields(Experiment) if one.default is MISSING and one.default_factory is MISSING]
    faults += [f"the setting {key!r} is missing" for key in needed if key not in values]
    faults += [fault for key, value in values.items() if key in _KINDS for fault in _type_faults(key, value)]
    if isinstance(values.get("traffic"), list):
        steps, wrong = _steps(values["traffic"])
        faults += wrong
        values["traffic"] = steps
    if faults:
        raise SettingError(
            "This is no experiment: " + "; ".join(faults) + ".",
            hint="`evenshelf experiment plan --help` shows a whole experiment file.",
        )
    return Experiment(**values)


def experiment_dict(experiment: Experiment) -> dict[str, Any]:
    """An experiment as JSON holds it, which :func:`experiment_of` takes back; what has its usual value is left out."""
    return {key: _iso(value) for key, value in _content(experiment).items()}


def experiment_text(experiment: Experiment) -> str:
    """An experiment as TOML; what has its usual value is left out."""
    content = _content(experiment)
    tables = [key for key, value in content.items() if isinstance(value, dict)]
    plain = {key: value for key, value in content.items() if key not in tables}
    return tomli_w.dumps(plain | {key: content[key] for key in tables})


def write_experiment(experiment: Experiment, path: str | Path) -> Path:
    """Write an experiment as TOML; returns the path.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    try:
        path.write_text(experiment_text(experiment), encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"The experiment cannot be written to {path}: {error.strerror or error}.") from error
    return path


def read_exposures(path: str | Path) -> pl.DataFrame:
    """Read exposures from Parquet (``.parquet``) or CSV; times without a zone are taken for UTC.

    Raises
    ------
    InputError
        If the file cannot be read, or a column is missing or does not fit.
    """
    path = Path(path)
    try:
        parquet = path.suffix.lower() == ".parquet"
        read = pl.read_parquet(path) if parquet else pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"The exposures {path} cannot be read: {error}.") from error
    return checked_exposures(read, str(path))


def checked_exposures(frame: pl.DataFrame, place: str = "exposures") -> pl.DataFrame:
    """Exposures with the columns and types of :data:`EXPOSURES`; a propensity that is not there is null.

    Raises
    ------
    InputError
        If a column is missing, does not fit or has empty cells; with all of them.
    """
    faults = [
        f"the column {name!r} is missing{near(name, frame.columns)}"
        for name in EXPOSURES
        if name != "propensity" and name not in frame.columns
    ]
    if faults:
        raise InputError(f"{place}: " + "; ".join(faults) + ".", hint=f"Columns: {', '.join(EXPOSURES)}.")
    if "propensity" not in frame.columns:
        frame = frame.with_columns(propensity=pl.lit(None, pl.Float64))
    out = frame.select(_cast(name, frame.schema[name]) for name in EXPOSURES)
    for name, dtype in EXPOSURES.items():
        empty = int(out[name].null_count())
        lost = empty - int(frame[name].null_count())
        if lost:
            faults.append(f"{lost} cells of {name!r} cannot be read as {dtype}")
        elif empty and name != "propensity":
            faults.append(f"{name!r} has {empty} empty cells")
    if faults:
        raise InputError(f"{place}: " + "; ".join(faults) + ".", hint="Times are written as 2026-01-31T12:00:00Z.")
    return out


def _cast(name: str, dtype: pl.DataType) -> pl.Expr:
    if EXPOSURES[name] != TIME:
        return pl.col(name).cast(EXPOSURES[name], strict=False)
    if dtype == pl.String:
        return pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
        return pl.col(name).dt.replace_time_zone("UTC").cast(TIME)
    return pl.col(name).cast(TIME, strict=False)


def _content(experiment: Experiment) -> dict[str, Any]:
    """The settings that are not usual."""
    content: dict[str, Any] = {}
    for one in fields(Experiment):
        value = getattr(experiment, one.name)
        usual = one.default if one.default_factory is MISSING else one.default_factory()
        if value is None or value == usual:
            continue
        content[one.name] = dict(value) if isinstance(value, Mapping) else value
    if isinstance(experiment.traffic, tuple):
        content["traffic"] = [{"from": moment, "share": share} for moment, share in experiment.traffic]
    return content


def _iso(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_iso(one) for one in value]
    return {key: _iso(one) for key, one in value.items()} if isinstance(value, dict) else value


def _moment(value: Any) -> Any:
    """A moment of TOML, or of JSON as ISO 8601; a date is its first moment in UTC, what is neither stays as it is."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _type_faults(key: str, value: Any) -> list[str]:
    kind, words = _KINDS[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        return [f"{key} must be {words}, not {value!r}"]
    if key not in _VALUES:
        return []
    kind, words = _VALUES[key]
    held = value.items() if isinstance(value, dict) else enumerate(value, start=1)
    return [
        f"{key}.{name} must be {words}, not {one!r}"
        for name, one in held
        if not isinstance(one, kind) or isinstance(one, bool)
    ]


def _steps(listed: list[Any]) -> tuple[tuple[tuple[datetime, float], ...], list[str]]:
    steps, faults = [], []
    for number, step in enumerate(listed, start=1):
        if not isinstance(step, dict) or set(step) != {"from", "share"}:
            faults.append(f"step {number} of the traffic must be {{from = a moment, share = a number}}, not {step!r}")
            continue
        moment, share = _moment(step["from"]), step["share"]
        if not isinstance(moment, datetime) or isinstance(share, bool) or not isinstance(share, int | float):
            faults.append(f"step {number} of the traffic has {moment!r} and {share!r}, not a moment and a number")
            continue
        steps.append((moment, float(share)))
    return tuple(steps), faults
