"""What a study found: every out-of-fold prediction, kept so that any number in a report can be recomputed.

On disk a result is a folder::

    study.json            what was asked, of which data, with which versions; costs; the verdict
    rows.parquet          one line per example: its class, fold and title group; its traits, where known
    classes.parquet       one line per class: name, number of examples, bucket
    predictions.parquet   one line per remedy, mode and example: predicted class and two probabilities, or a rank
    exposure.parquet      of lists, how often each item is among the first ten, by remedy and mode
    settings.parquet      one line per remedy, mode and fold: the chosen parameters, seconds, bytes

Beside it, :mod:`evenshelf.study.metrics` writes every metric and the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.study.comparison import jsonable
from evenshelf.study.learning_curve import LearningCurve
from evenshelf.study.repeats import SeedSensitivity

SCHEMA = 1
EXPOSURE = "exposure.parquet"
_NAN = float("nan")
TRAIT = "trait: "
"""Begins the columns of ``rows.parquet`` that are traits."""
Mode = Literal["tuned", "default"]


@dataclass(frozen=True)
class Outcome:
    """Out-of-fold predictions of one remedy under one way of choosing its parameters.

    Attributes
    ----------
    predicted
        ``[n]`` int32, code of the predicted class, or of the item that is shown first; -1 where there is none.
    p_true, p_predicted
        ``[n]`` float32 in [0, 1], probability given to the true and to the predicted class; NaN where models give none.
    settings
        Per outer fold, the parameters used (``penalty`` and the remedy's own).
    seconds
        CPU seconds spent on this outcome: search and final fits.
    bytes
        Peak working memory of the fits, in bytes, estimated from the arrays held.
    sets
        Where examples have sets of labels: values of :data:`evenshelf.tasks.set_metrics.SET_METRICS`, those of rankings
        averaged over folds. Of lists, those of :data:`evenshelf.tasks.list_metrics.METRICS`.
    rank
        Of lists, ``[n]`` float32: place of the wanted item in its list, from 0; infinity where it must not be shown.
        ``None`` where classes are predicted.
    shown
        Of lists, ``[C]`` in how many of them each item is among the first ten.
    """

    predicted: NDArray[np.int32]
    p_true: NDArray[np.float32]
    p_predicted: NDArray[np.float32]
    settings: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    bytes: int = 0
    sets: Mapping[str, float] = field(default_factory=dict)
    rank: NDArray[np.float32] | None = None
    shown: NDArray[np.int32] | None = None

    @property
    def ranks(self) -> NDArray[np.float32]:
        """`rank`, of answers that are lists."""
        if self.rank is None:
            raise InputError("These answers are classes and not lists.", hint="Judge them as such.")
        return self.rank


@dataclass(frozen=True)
class RemedyResult:
    """One remedy in a study.

    Attributes
    ----------
    spec
        The spec string, such as ``"name_prior + logit_adjust(tau=0.5)"``; unique within a study.
    title
        A short readable name.
    stages
        The stages it acts at, in order.
    paper
        Citation.
    tuned, default
        Outcome with parameters chosen by nested validation, and with the usual defaults; ``None`` when
        not applicable.
    not_applicable
        Why the remedy could not be used here, or ``None``.
    notes
        What it did to the classes, one sentence each ("3 classes of one row were duplicated").
    reference
        Whether it is a yardstick (another model altogether) that a verdict cannot recommend.
    """

    spec: str
    title: str
    stages: tuple[str, ...]
    paper: str
    tuned: Outcome | None = None
    default: Outcome | None = None
    not_applicable: str | None = None
    notes: tuple[str, ...] = ()
    reference: bool = False


@dataclass(frozen=True)
class StudyResult:
    """All that a study found.

    Attributes
    ----------
    meta
        JSON-able: name, task, target, shop, encoder (spec, reason, dimension, fingerprint), learner, folds,
        seed, budget, rows, unique_texts, split (how folds were made), leak (what random folds would have
        flattered), plan (digest of what all evidence on the remedies depends on), versions, timings.
    classes
        Columns ``class`` (str), ``count`` (int), ``bucket`` (head / torso / tail), in the order of the codes.
    y, fold, group
        ``[n]`` class code (int32), outer fold (int16) and title group (int64) of each example. A fold of
        -1 means that the example is always used for training and never evaluated. Where texts may be given any number
        of labels, further rows have the class code -1: nothing is true there; see :mod:`evenshelf.study.alarms`.
    remedies
        The first one is the baseline ``none``.
    seeds
        The finalists under other seeds, where asked for.
    curve
        What more labels would bring, where asked for.
    traits
        What examples are told apart by, one row each and a column per trait; see :mod:`evenshelf.tasks.traits`.
        ``None`` where nothing is known.
    example
        ``[n]`` where a text may have several labels: equal numbers are those of one text. ``None`` where it has one.
    worth
        ``[n]`` float32 > 0, where what is wanted is graded: the gain of the row. ``None`` where all count the same.
    """

    meta: Mapping[str, Any]
    classes: pl.DataFrame
    y: NDArray[np.int32]
    fold: NDArray[np.int16]
    group: NDArray[np.int64]
    remedies: tuple[RemedyResult, ...]
    example: NDArray[np.int64] | None = None
    seeds: SeedSensitivity | None = None
    curve: LearningCurve | None = None
    traits: pl.DataFrame | None = None
    worth: NDArray[np.float32] | None = None

    def __getitem__(self, spec: str) -> RemedyResult:
        for remedy in self.remedies:
            if remedy.spec == spec:
                return remedy
        raise KeyError(spec)

    @property
    def baseline(self) -> RemedyResult:
        """The remedy that does nothing; every difference is measured against it."""
        return self.remedies[0]


def save(result: StudyResult, folder: Path) -> None:
    """Write a result into `folder`. ``study.json`` comes last: as long as it is missing, nothing there counts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("study.json", "verdict.json"):
        (folder / name).unlink(missing_ok=True)
    (folder / EXPOSURE).unlink(missing_ok=True)
    predictions: list[pl.DataFrame] = []
    settings: list[dict[str, Any]] = []
    for number, remedy in enumerate(result.remedies):
        for mode, outcome in (("tuned", remedy.tuned), ("default", remedy.default)):
            if outcome is None:
                continue
            columns = {
                "remedy": np.full(len(result.y), number, np.int16),
                "mode": pl.Series([mode]).new_from_index(0, len(result.y)),
                "row": np.arange(len(result.y), dtype=np.int32),
                "predicted": outcome.predicted,
                "p_true": outcome.p_true,
                "p_predicted": outcome.p_predicted,
            }
            predictions.append(pl.DataFrame(columns if outcome.rank is None else {**columns, "rank": outcome.rank}))
            settings.extend(
                {
                    "remedy": remedy.spec,
                    "mode": mode,
                    "fold": fold,
                    "setting": json.dumps(dict(setting), sort_keys=True),
                    "seconds": outcome.seconds,
                    "bytes": outcome.bytes,
                }
                for fold, setting in enumerate(outcome.settings)
            )
    rows: dict[str, Any] = {"y": result.y, "fold": result.fold, "group": result.group}
    if result.example is not None:
        rows["example"] = result.example
    if result.worth is not None:
        rows["worth"] = result.worth
    if result.traits is not None:
        rows |= {f"{TRAIT}{name}": result.traits[name] for name in result.traits.columns}
    _write(pl.DataFrame(rows), folder / "rows.parquet")
    _write(result.classes, folder / "classes.parquet")
    _write(pl.concat(predictions), folder / "predictions.parquet")
    if exposures := _exposures(result):
        _write(pl.concat(exposures), folder / EXPOSURE)
    _write(pl.DataFrame(settings), folder / "settings.parquet")
    _write_record(result, folder)


def _exposures(result: StudyResult) -> list[pl.DataFrame]:
    """How often each item is shown, of every remedy and mode, where answers are lists; none that is never shown."""
    found = []
    for number, remedy in enumerate(result.remedies):
        for mode, outcome in (("tuned", remedy.tuned), ("default", remedy.default)):
            if outcome is not None and outcome.shown is not None:
                item = np.flatnonzero(outcome.shown)
                columns: dict[str, Any] = {"remedy": np.full(len(item), number, np.int16)}
                columns |= {"mode": pl.Series([mode]).new_from_index(0, len(item)), "item": item.astype(np.int32)}
                found.append(pl.DataFrame({**columns, "shown": outcome.shown[item]}))
    return found


def save_further(result: StudyResult, folder: Path) -> None:
    """Write what was asked of a saved result afterwards, other seeds and the learning curve; the rest stays as it is.

    Raises
    ------
    InputError
        If the folder holds no finished study.
    """
    if not (folder / "study.json").is_file():
        raise InputError(f"{folder} holds no finished study to add to.", hint="Run the study first.")
    _write_record(result, folder)


def kept_further(folder: Path, plan: str) -> dict[str, Any]:
    """Other seeds and the learning curve of the study that a folder holds, if it was one of the same plan.

    Parameters
    ----------
    folder
        Of a study, finished or not.
    plan
        Digest of all that such evidence depends on, as in :attr:`StudyResult.meta`.

    Returns
    -------
    dict
        Fields of :class:`StudyResult`; empty where nothing is kept, or it belongs to another plan.
    """
    path = folder / "study.json"
    if not path.is_file():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("schema") != SCHEMA or document["meta"].get("plan") != plan:
        return {}
    return _further_of(document)


def _further_of(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "seeds": SeedSensitivity.from_dict(document["seeds"]) if "seeds" in document else None,
        "curve": LearningCurve.from_dict(document["curve"]) if "curve" in document else None,
    }


def _write_record(result: StudyResult, folder: Path) -> None:
    """Write ``study.json``, whole or not at all."""
    document = {
        "schema": SCHEMA,
        "meta": dict(result.meta),
        "remedies": [
            {
                "spec": r.spec,
                "title": r.title,
                "stages": list(r.stages),
                "paper": r.paper,
                "not_applicable": r.not_applicable,
                "notes": list(r.notes),
                "reference": r.reference,
                "sets": {m: jsonable(o.sets) for m, o in (("tuned", r.tuned), ("default", r.default)) if o and o.sets},
            }
            for r in result.remedies
        ],
        **({} if result.seeds is None else {"seeds": result.seeds.to_dict()}),
        **({} if result.curve is None else {"curve": result.curve.to_dict()}),
    }
    partial = folder / "study.json.partial"
    partial.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / "study.json")


def load(folder: Path) -> StudyResult:
    """Read a result that :func:`save` wrote.

    Raises
    ------
    InputError
        If the folder holds no finished study, or one of an unknown schema version.
    """
    path = folder / "study.json"
    if not path.is_file():
        raise InputError(f"{folder} holds no finished study.", hint="Run it (again) with: evenshelf study SHOP")
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("schema") != SCHEMA:
        raise InputError(
            f"{path} has schema {document.get('schema')!r}; this version of evenshelf reads schema {SCHEMA}.",
            hint="Run the study again, or use the version of evenshelf that wrote it.",
        )
    rows = pl.read_parquet(folder / "rows.parquet")
    predictions = pl.read_parquet(folder / "predictions.parquet")
    settings = pl.read_parquet(folder / "settings.parquet")
    classes = pl.read_parquet(folder / "classes.parquet")
    exposure = pl.read_parquet(folder / EXPOSURE) if (folder / EXPOSURE).is_file() else None
    traits = {name: name.removeprefix(TRAIT) for name in rows.columns if name.startswith(TRAIT)}
    remedies = []
    for number, entry in enumerate(document["remedies"]):
        outcomes: dict[str, Outcome | None] = {}
        for mode in ("tuned", "default"):
            part = predictions.filter((pl.col("remedy") == number) & (pl.col("mode") == mode)).sort("row")
            chosen = settings.filter((pl.col("remedy") == entry["spec"]) & (pl.col("mode") == mode)).sort("fold")
            outcomes[mode] = (
                Outcome(
                    predicted=part["predicted"].to_numpy(),
                    p_true=part["p_true"].to_numpy(),
                    p_predicted=part["p_predicted"].to_numpy(),
                    settings=tuple(json.loads(s) for s in chosen["setting"]),
                    seconds=float(chosen["seconds"][0]),
                    bytes=int(chosen["bytes"][0]),
                    rank=part["rank"].to_numpy() if "rank" in part.columns else None,
                    shown=None if exposure is None else _shown(exposure, number, mode, len(classes)),
                    sets={k: _NAN if v is None else v for k, v in entry.get("sets", {}).get(mode, {}).items()},
                )
                if len(part)
                else None
            )
        remedies.append(
            RemedyResult(
                spec=entry["spec"],
                title=entry["title"],
                stages=tuple(entry["stages"]),
                paper=entry["paper"],
                tuned=outcomes["tuned"],
                default=outcomes["default"],
                not_applicable=entry["not_applicable"],
                notes=tuple(entry["notes"]),
                reference=entry.get("reference", False),
            )
        )
    return StudyResult(
        meta=document["meta"],
        classes=classes,
        y=rows["y"].to_numpy(),
        fold=rows["fold"].to_numpy(),
        group=rows["group"].to_numpy(),
        remedies=tuple(remedies),
        example=rows["example"].to_numpy() if "example" in rows.columns else None,
        **_further_of(document),
        traits=rows.select(*traits).rename(traits) if traits else None,
        worth=rows["worth"].to_numpy() if "worth" in rows.columns else None,
    )


def _shown(exposure: pl.DataFrame, number: int, mode: str, items: int) -> NDArray[np.int32]:
    part = exposure.filter((pl.col("remedy") == number) & (pl.col("mode") == mode))
    found = np.zeros(items, np.int32)
    found[part["item"].to_numpy()] = part["shown"].to_numpy()
    return found


def _write(table: pl.DataFrame, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    table.write_parquet(partial)
    partial.replace(path)
