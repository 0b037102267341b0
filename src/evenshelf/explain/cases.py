"""Examples that a remedy turned, with what turned them, as a study keeps them beside its verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

SCHEMA = 1
FILE, TABLE = "cases.json", "cases.parquet"


@dataclass(frozen=True)
class CaseWord:
    """A word of a text, and what it does to the margin of the true label.

    Attributes
    ----------
    text, place
        As it is written, and which word of the text it is, from 0.
    before, after
        Its value under doing nothing, and under the remedy: above 0 it speaks for the true label.
    """

    text: str
    place: int
    before: float
    after: float


@dataclass(frozen=True)
class Neighbour:
    """A text that was trained on.

    Attributes
    ----------
    text
        As it stands in the data.
    count
        How many training examples of its class have it.
    cosine
        Of its vector and that of the explained text.
    """

    text: str
    count: int
    cosine: float


@dataclass(frozen=True)
class Case:
    """An example on which doing nothing and the remedy do not agree, and one of both is right.

    Explained is the margin: the score of the true label less that of the label that the one of both says who is wrong.

    Attributes
    ----------
    example, fold
        Its row in the study, and the outer fold whose models have not seen it.
    text, label
        What it is.
    wrong
        What the other one says.
    won
        Whether the remedy is right; else doing nothing is.
    chance_before, chance_after
        Probability of the true label under both, as the study keeps them.
    margin_before, margin_after
        Under both, before any calibration.
    words
        In the order of the text.
    nearest, nearest_wrong
        The nearest training texts of the true label, and of the wrong one.
    """

    example: int
    fold: int
    text: str
    label: str
    wrong: str
    won: bool
    chance_before: float
    chance_after: float
    margin_before: float
    margin_after: float
    words: tuple[CaseWord, ...]
    nearest: tuple[Neighbour, ...]
    nearest_wrong: tuple[Neighbour, ...]

    @property
    def turning(self) -> tuple[CaseWord, ...]:
        """The words by how much the remedy changed what they say, the most first; equal ones in their order."""
        return tuple(sorted(self.words, key=lambda word: -abs(word.after - word.before)))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Case:
        """What :meth:`to_dict` gave."""
        lists = {
            "words": tuple(CaseWord(**word) for word in told["words"]),
            **{name: tuple(Neighbour(**near) for near in told[name]) for name in ("nearest", "nearest_wrong")},
        }
        return cls(**{**told, **lists})


@dataclass(frozen=True)
class Cases:
    """Some examples of the tail that a remedy turned.

    Attributes
    ----------
    spec, base
        The remedy, and what it is compared with.
    plan
        Of the study; see :attr:`evenshelf.study.results.StudyResult.meta`.
    method
        How words are weighed; one of :data:`evenshelf.explain.words.METHODS`.
    tail, won, lost
        Examples of the tail that were evaluated; those that the remedy alone gets right, and that it alone gets wrong.
    cases
        Won ones first; of each kind those whose chance changed most, of as many labels as there are.
    left_out
        Why no case is explained, a sentence; "" where some are.
    """

    spec: str
    base: str
    plan: str
    method: str
    tail: int
    won: int
    lost: int
    cases: tuple[Case, ...]
    left_out: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Cases:
        """What :meth:`to_dict` gave."""
        kept = {name: value for name, value in told.items() if name not in {"schema", "cases"}}
        return cls(**kept, cases=tuple(Case.from_dict(case) for case in told["cases"]))

    def table(self) -> pl.DataFrame:
        """A line for each word of each case."""
        told = ("example", "fold", "text", "label", "wrong", "won")
        columns: dict[str, Any] = {name: [] for name in (*told, "word", "place", "before", "after")}
        for case in self.cases:
            for word in case.words:
                for name in told:
                    columns[name].append(getattr(case, name))
                for name, value in (
                    ("word", word.text),
                    *((n, getattr(word, n)) for n in ("place", "before", "after")),
                ):
                    columns[name].append(value)
        kinds = {"example": pl.Int64, "fold": pl.Int64, "won": pl.Boolean, "place": pl.Int64}
        kinds |= {"before": pl.Float64, "after": pl.Float64}
        return pl.DataFrame(columns, schema={name: kinds.get(name, pl.String) for name in columns})


def save_cases(found: Cases | None, folder: Path) -> None:
    """Write ``cases.json`` and ``cases.parquet`` into a study's folder, each whole; without any, those of before go."""
    if found is None:
        for name in (FILE, TABLE):
            (folder / name).unlink(missing_ok=True)
        return
    partial = folder / f"{TABLE}.partial"
    found.table().write_parquet(partial)
    partial.replace(folder / TABLE)
    partial = folder / f"{FILE}.partial"
    text = json.dumps(found.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(folder / FILE)


def kept_cases(folder: Path, result: StudyResult, verdict: Verdict) -> Cases | None:
    """The cases beside a study, if they are of the remedy that this verdict is about."""
    file = folder / FILE
    if not file.is_file():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    asked = {"schema": SCHEMA, "plan": result.meta.get("plan"), "spec": verdict.best, "base": verdict.baseline}
    return Cases.from_dict(told) if all(told.get(name) == value for name, value in asked.items()) else None
