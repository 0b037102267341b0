"""Titles of any file are labelled in their order, bad rows with their reason; a file is there when it is whole."""

from __future__ import annotations

import collections
import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.bundles.labelling import labelled, writing
from evenshelf.bundles.titles import BLOCK, EMPTY, titles_of
from evenshelf.bundles.titles import given as given_titles
from evenshelf.errors import InputError, SettingError

ROWS = [("a", "ruword red shoes"), ("b", ""), ("c", '黑色 "运动" 鞋, men'), ("d", "   ")]


def as_csv(rows) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([("item_id", "title"), *rows])
    return text.getvalue().encode("utf-8-sig")


def as_parquet(rows) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows, schema=["item_id", "title"], orient="row").write_parquet(out)
    return out.getvalue()


def as_jsonl(rows) -> bytes:
    return "".join(json.dumps({"item_id": i, "title": t}) + "\n" for i, t in rows).encode()


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl"])
def test_tables_of_all_kinds_give_the_same_rows(name):
    content = {"a.csv": as_csv, "a.parquet": as_parquet, "a.jsonl": as_jsonl}[name](ROWS)
    (block,) = titles_of(name, io.BytesIO(content))
    assert [(row.item_id, row.title) for row in block] == [(i, t.strip()) for i, t in ROWS]
    assert [row.refused for row in block] == [None, EMPTY, None, EMPTY]
    assert [row.line for row in block] == [n + (2 if name == "a.csv" else 1) for n in range(4)]


def test_lines_may_hold_anything_but_what_is_no_text():
    content = b'\xef\xbb\xbfred, "big" shoes\n\n' + "男士 运动鞋\r\n".encode() + b"caf\xe9\nlast"
    (block,) = titles_of("a.txt", io.BytesIO(content))
    assert [row.title for row in block] == ['red, "big" shoes', "", "男士 运动鞋", "caf\\xe9", "last"]
    assert [row.refused is None for row in block] == [True, False, True, False, True]
    assert "byte 4 of the line is not utf-8" in block[3].refused
    (gb,) = titles_of("a.txt", io.BytesIO("男士 运动鞋\n".encode("gb18030")), encoding="gb18030")
    assert gb[0].title == "男士 运动鞋"


def test_rows_that_are_no_rows_stay_in_their_place_with_their_reason():
    content = b"item_id,title\n1,red shoes\n2,too,many\n3,blue hat\n"
    (block,) = titles_of("a.csv", io.BytesIO(content))
    assert [row.line for row in block] == [2, 3, 4]
    assert [row.refused for row in block] == [None, "wrong_field_count: 3 fields, 2 expected", None]


@given(st.integers(0, 3 * BLOCK + 1))
def test_blocks_are_bounded_and_lose_nothing(count):
    blocks = list(titles_of("a.txt", io.BytesIO(b"x\n" * count)))
    assert sum(map(len, blocks)) == count
    assert all(0 < len(block) <= BLOCK for block in blocks)


@pytest.mark.parametrize(
    ("name", "content", "options", "error", "said"),
    [
        ("a.csv", b"name,price\nx,1\n", {}, InputError, "--column: name, price"),
        ("a.csv", b"name,price\nx,1\n", {"column": "nme"}, InputError, "did you mean name"),
        ("a.xlsx", b"", {}, SettingError, "xlsx"),
        ("a.txt", b"x\n", {"column": "title"}, SettingError, "title a line"),
        ("a.txt", b"x\n", {"encoding": "nope"}, SettingError, "no encoding"),
    ],
)
def test_files_that_cannot_be_read_are_told(name, content, options, error, said):
    with pytest.raises(error) as caught:
        list(titles_of(name, io.BytesIO(content), **options))
    assert said in str(caught.value)


def test_a_single_column_needs_no_name():
    (block,) = titles_of("a.csv", io.BytesIO(b"name\nred shoes\n"))
    assert block[0].title == "red shoes"


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_files_hold_every_row_with_what_was_said(trained, tmp_path, ending):
    bundle, _ = trained
    rows = given_titles([title for _, title in ROWS])
    file = tmp_path / f"out{ending}"
    with writing(file, 2) as write:
        for block in labelled(bundle, [rows[:2], rows[2:]], top=2):
            write(block)
            assert not file.exists(), "it is there when it is whole"
    read = {
        ".csv": lambda: pl.read_csv(file, infer_schema=False),
        ".jsonl": lambda: pl.read_ndjson(file),
        ".parquet": lambda: pl.read_parquet(file),
    }[ending]()
    wanted = bundle.predict([rows[0].title, rows[2].title], top=2)
    assert read["title"].fill_null("").to_list() == [row.title for row in rows]
    assert [label or None for label in read["label"].to_list()] == [wanted[0].label, None, wanted[1].label, None]
    assert read["refused"].to_list()[1] == EMPTY
    if ending != ".jsonl":
        assert read["label_2"].to_list()[0] == wanted[0].labels[1]
        assert float(read["probability_2"].to_list()[0]) == pytest.approx(wanted[0].probabilities[1], abs=1e-6)
        assert (read["set"].to_list()[0] or "") == "|".join(wanted[0].conformal)
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_not_finished_is_not_there(trained, tmp_path):
    file = tmp_path / "out.csv"
    file.write_text("before", encoding="utf-8")

    def interrupted():
        with writing(file, 1) as write:
            write(next(labelled(trained[0], [given_titles(["red"])], top=1)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(SettingError, match=r"\.xlsx"), writing(tmp_path / "a.xlsx", 1):
        pass


class Broken(io.BytesIO):
    """A file of which the disk gives no more after its first line."""

    def readline(self, *args):
        raise OSError(5, "Input/output error")

    def __next__(self):
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().__next__()

    def read(self, *args):
        raise OSError(5, "Input/output error")

    read1 = readinto = read


@pytest.mark.parametrize("name", ["new.txt", "new.csv", "new.jsonl", "new.json", "new.parquet", ""])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_what_cannot_be_read_is_not_told_of_the_file_that_is_written(trained, tmp_path, name, ending):
    out = tmp_path / f"out{ending}"
    rows = titles_of(name, Broken(b"red shoe\nblue shoe\n"))
    with pytest.raises(InputError) as caught, writing(out, 1) as write:
        collections.deque(map(write, labelled(trained[0], rows, top=1)))
    assert (name or "standard input") in caught.value.message
    assert "Input/output error" in caught.value.message
    assert "written" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_an_error_of_anything_else_passes_as_it_is(tmp_path, ending):
    with pytest.raises(PermissionError, match="the cache"), writing(tmp_path / f"out{ending}", 1):
        raise PermissionError(13, "the cache")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("place", ["a file/out", "full"])
def test_what_cannot_be_written_is_named(trained, tmp_path, ending, place):
    """As a file where a folder has to be; and on a disk that is full, which is often told when the file is closed."""
    (tmp_path / "a file").touch()
    out = tmp_path / f"{place}{ending}"
    if place == "full":
        if not Path("/dev/full").exists():
            pytest.skip("there is no full device here")
        out.with_name(f".{out.name}.partial").symlink_to("/dev/full")
    with pytest.raises(InputError, match="cannot be written") as caught, writing(out, 1) as write:
        write(next(labelled(trained[0], [given_titles(["red"])], top=1)))
    assert out.name in caught.value.message
    assert [f.name for f in tmp_path.iterdir()] == ["a file"]
