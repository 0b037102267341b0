"""Labels of many titles: rows with what a bundle says of them, and files of such rows, written as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evenshelf.bundles.bundle import Bundle
from evenshelf.bundles.prediction import Prediction, check_asked
from evenshelf.bundles.titles import Given
from evenshelf.errors import InputError, SettingError

FORMATS = (".csv", ".jsonl", ".parquet")


@dataclass(frozen=True)
class Labelled:
    """A row of a file, and what a bundle says of its title; ``None`` where the row was refused."""

    given: Given
    prediction: Prediction | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        item = {} if self.given.item_id is None else {"item_id": self.given.item_id}
        head = {"line": self.given.line, **item, "title": self.given.title}
        said = {"label": None} if self.prediction is None else self.prediction.to_dict()
        return {**head, **said, **({} if self.given.refused is None else {"refused": self.given.refused})}


def labelled(
    bundle: Bundle,
    blocks: Iterable[list[Given]],
    *,
    top: int = 3,
    unsure_below: float = 0.5,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[list[Labelled]]:
    """Label rows, block by block; refused ones stay in their place.

    Parameters
    ----------
    progress
        Called with the number of rows done so far.
    """
    check_asked(top, unsure_below)
    done = 0
    for block in blocks:
        good = [row.title for row in block if row.refused is None]
        said = iter(bundle.predict(good, top=top, unsure_below=unsure_below))
        yield [Labelled(row, next(said) if row.refused is None else None) for row in block]
        done += len(block)
        progress(done)


@contextmanager
def writing(file: Path, top: int) -> Iterator[Callable[[list[Labelled]], None]]:
    """Write blocks of rows to a CSV, JSON lines or Parquet file, which is there only when it is whole.

    The columns are ``line``, ``item_id``, ``title``, ``label``, ``probability``, ``set`` (joined by ``|``), ``unsure``,
    ``refused``, and ``label_2``, ``probability_2`` and so on; JSON lines are as :meth:`Labelled.to_dict`.

    Raises
    ------
    SettingError
        If the ending is none of :data:`FORMATS`.
    InputError
        If the file cannot be written. What goes wrong elsewhere, such as reading the rows, is raised as it is.
    """
    check_out(file)
    partial = file.with_name(f".{file.name}.partial")
    make = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[file.suffix.lower()]
    opened = ExitStack()

    def told(rows: list[Labelled]) -> None:
        with _cannot_write(file):
            write(rows)

    try:
        with _cannot_write(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            write = opened.enter_context(make(partial, top))
        yield told
        with _cannot_write(file):
            opened.close()
            partial.replace(file)
    finally:
        with suppress(OSError):  # what was raised before tells more
            opened.close()
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _cannot_write(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}.") from error


def check_out(file: Path) -> None:
    """Raise a :class:`SettingError` before the work if no such file is written."""
    if file.suffix.lower() not in FORMATS:
        raise SettingError(f"{file} is none of {', '.join(FORMATS)}.", hint="Give --out one of these endings.")


def _cells(row: Labelled, top: int) -> dict[str, Any]:
    said = row.prediction
    cells: dict[str, Any] = {
        "line": row.given.line,
        "item_id": row.given.item_id,
        "title": row.given.title,
        "label": None if said is None else said.label,
        "probability": None if said is None else round(said.probability, 6),
        "set": None if said is None or said.conformal is None else "|".join(said.conformal),
        "unsure": None if said is None else said.unsure,
        "refused": row.given.refused,
    }
    for place in range(1, top):
        there = said is not None and place < len(said.labels)
        cells[f"label_{place + 1}"] = said.labels[place] if said is not None and there else None
        cells[f"probability_{place + 1}"] = round(said.probabilities[place], 6) if said is not None and there else None
    return cells


def _columns(top: int) -> list[str]:
    return list(_cells(Labelled(Given(1, ""), None), top))


@contextmanager
def _csv(file: Path, top: int) -> Iterator[Callable[[list[Labelled]], None]]:
    # with the mark by which spreadsheet programs know UTF-8
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, _columns(top))
        writer.writeheader()
        yield lambda rows: writer.writerows(_cells(row, top) for row in rows)


@contextmanager
def _jsonl(file: Path, top: int) -> Iterator[Callable[[list[Labelled]], None]]:
    del top
    with file.open("w", encoding="utf-8") as stream:
        yield lambda rows: stream.writelines(json.dumps(row.to_dict(), ensure_ascii=False) + "\n" for row in rows)


@contextmanager
def _parquet(file: Path, top: int) -> Iterator[Callable[[list[Labelled]], None]]:
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    def kind(name: str) -> Any:
        return pyarrow.int64() if name == "line" else pyarrow.float64() if "probab" in name else pyarrow.string()

    schema = pyarrow.schema([(name, kind(name)) for name in _columns(top)])
    with parquet.ParquetWriter(file, schema) as writer:
        yield lambda rows: writer.write_table(
            pyarrow.Table.from_pylist([_cells(row, top) for row in rows], schema=schema)
        )
