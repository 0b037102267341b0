"""Reading: every record comes back as a row or with a reason."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.sources.archives import members, sha256_of
from evenshelf.shop.sources.delimited import Delimited, Lines
from evenshelf.shop.sources.read import read_batches
from evenshelf.shop.sources.records import Records


def read(text, name="a.csv", **how):
    """Read a file, all its batches as one."""
    batches = list(read_batches(name, io.BytesIO(text if isinstance(text, bytes) else text.encode()), **how))
    frames = [batch.frame for batch in batches if batch.frame.width]
    return Records(
        pl.concat(frames, how="diagonal") if frames else pl.DataFrame(),
        [line for batch in batches for line in batch.lines],
        [bad for batch in batches for bad in batch.rejected],
        sum(batch.blank for batch in batches),
        sum(batch.literal_quotes for batch in batches),
    )


def reasons(records):
    return [(bad.line, bad.reason) for bad in records.rejected]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(lambda row: any(c.strip() for c in row)), max_size=8))
@settings(deadline=None)
def test_what_the_csv_module_writes_comes_back(rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["x", "y", "z"], *rows])
    got = read(text.getvalue())
    assert [list(row) for row in got.frame.rows()] == rows
    assert not got.rejected


NASTY = st.lists(
    st.binary(max_size=12)
    | st.sampled_from(
        [b"a,b,c", b"", b"  ", b'"a,b', b'"a",b,"c', b'x"y,b,c', b'"a"b,c,d', b"\xff\xfe,b,c", b",,", b"a,b"]
    ),
    max_size=12,
)


class OneByOne(Delimited):
    """Looks at every line by itself."""

    def _regular(self, lines):
        nothing = np.zeros(len(lines), bool)
        return nothing, nothing


QUOTED = st.lists(
    st.lists(
        st.sampled_from(["a", '"', '""', '\\"', "\\", ",", "\n", "\r", " ", "\t", "é", "\u3000", "中", "|"]), max_size=7
    ).map("".join),
    max_size=25,
).map("".join)


@given(QUOTED | NASTY.map(lambda lines: b"\n".join(lines).decode("latin-1")), st.integers(1, 4), st.integers(1, 60))
@settings(max_examples=600, deadline=None)
def test_lines_read_at_once_are_those_read_one_by_one_whatever_the_blocks(text, width, block):
    names = [f"c{i}" for i in range(width)]
    if "\n" not in text:
        text = text.replace("\r", "\n")  # as files of old end their lines
    data = text.encode()
    whole = Lines.of(data if data.endswith(b"\n") or not data else data + b"\n", "utf-8")
    expected = OneByOne(names, ",").feed(whole, last=True)
    for found in (
        Delimited(names, ",").feed(whole, last=True),
        read(data, columns=names, header=False, delimiter=",", block=block),
    ):
        assert found.frame.rows() == expected.frame.rows()
        assert found.lines == expected.lines
        assert found.rejected == expected.rejected
        assert (found.blank, found.literal_quotes) == (expected.blank, expected.literal_quotes)


@given(NASTY, st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=300, deadline=None)
def test_no_line_of_a_nasty_file_is_lost(lines, end):
    """Each physical line is in exactly one row, rejected record or blank count."""
    data = b"x,y,z" + end + b"".join(line.replace(b"\n", b"") + end for line in lines)
    got = read(data)
    assert got.frame.height == len(got.lines)
    starts = sorted(got.lines + [bad.line for bad in got.rejected])
    assert len(set(starts)) == len(starts)
    physical = data.count(b"\n") - 1
    inside = sum("".join(c or "" for c in row).count("\n") for row in got.frame.rows())
    inside += sum(bad.raw.count("\n") for bad in got.rejected)
    assert got.rows_in + got.blank + inside == physical


@given(
    st.lists(
        st.sampled_from(
            ["{}", '{"a": 1}', '{"a": "x"', "[1]", "null", "", '"\\ud800"', '{"a": "\\ud800"}', "NaN", "[" * 5000]
        )
    )
)
@settings(deadline=None)
def test_no_line_of_a_nasty_json_file_is_lost(lines):
    got = read("\n".join(lines) + "\n" if lines else "", "a.jsonl")
    good = [k for k, line in enumerate(lines, 1) if line == '{"a": 1}']
    assert got.lines == good
    assert got.blank == lines.count("")
    assert got.rows_in + got.blank == len(lines)
    assert {bad.reason for bad in got.rejected} <= {"bad_json"}


def test_reasons_lines_and_raw_text_are_told():
    got = read(b'x,y\n1,2\n1,2,3\n\n1\n\xff,2\n"a\nb",2\n"open,2,3\n5,6\n')
    assert got.frame.rows() == [("1", "2"), ("a\nb", "2"), ("5", "6")]
    assert got.lines == [2, 7, 10]
    assert reasons(got) == [(3, "wrong_field_count"), (5, "wrong_field_count"), (6, "undecodable"), (9, "stray_quote")]
    assert [bad.raw for bad in got.rejected] == ["1,2,3", "1", "\\xff,2", '"open,2,3']
    assert got.rejected[0].detail == "3 fields, 2 expected"
    assert got.blank == 1


def test_quotes_that_belong_to_the_text_stay_in_it():
    got = read('t,u\n"Liveasy" bag,b\nsay "hi",b\n"a ""b"" c",d\n')
    assert got.frame["t"].to_list() == ['"Liveasy" bag', 'say "hi"', 'a "b" c']
    assert got.literal_quotes == 1


def test_an_open_quote_does_not_swallow_good_rows():
    got = read('t,u\na,"open\nb,c\nd,e\nf,close"\n')
    assert got.frame.rows() == [("a", "open\nb,c\nd,e\nf,close")]  # this is what CSV says
    got = read('t,u\na,"open\nb,c\nd,e\nf,x"y\n')  # but here it does not close where a field may end
    assert got.frame.rows() == [("a", '"open'), ("b", "c"), ("d", "e"), ("f", 'x"y')]
    assert got.literal_quotes == 1


def test_a_long_record_with_one_field_too_many_is_one_rejected_record():
    got = read('t,u\n"a\nb",c,d\ne,f\n')
    assert reasons(got) == [(2, "wrong_field_count")]
    assert got.rejected[0].raw == '"a\nb",c,d'


@pytest.mark.parametrize("line", ["\x85", "\u2028", "\x0c", "\x1c"])
def test_only_line_feeds_end_lines(line):
    assert read(f"t,u\na{line}b,c\n").frame["t"].to_list() == [f"a{line}b"]


@pytest.mark.parametrize(
    "data",
    [
        "t,u\n标题,b\n".encode("utf-8-sig"),
        "t,u\n标题,b\n".encode(),
        "t\tu\r\n标题\tb\r\n".encode("utf-16"),
        "t;u\n标题;b".encode(),
        "t|u\n标题|b".encode(),
    ],
)
def test_marks_line_ends_and_delimiters_are_found(data):
    got = read(data)
    assert got.frame.rows(named=True) == [{"t": "标题", "u": "b"}]


def test_other_encodings_are_read_when_told():
    data = "标题,u\n红色鞋,b\n".encode("gb18030")
    assert read(data, encoding="gb18030").frame.rows(named=True) == [{"标题": "红色鞋", "u": "b"}]
    with pytest.raises(SettingError, match="no encoding 'utf-88'"):
        read(data, encoding="utf-88")


def test_headers():
    assert read("1,2\n3,4\n", header=False).frame.columns == ["column_1", "column_2"]
    assert read("1,2\n3,4\n", columns=["a", "b"]).frame.rows() == [("1", "2"), ("3", "4")]
    assert read("A, b\n3,4\n", columns=["a", "b"]).frame.rows() == [("3", "4")]
    assert read("1,2\n3,4\n", columns=["a", "b"], header=True).frame.rows() == [("3", "4")]
    assert read("a,a,\n1,2,3\n").frame.columns == ["a", "a_2", "column_3"]
    assert read("").rows_in == 0
    assert read("a,b\n").frame.columns == ["a", "b"]
    with pytest.raises(SettingError, match="named twice"):
        read("1,2\n", columns=["a", "a"])
    with pytest.raises(SettingError, match="delimiter"):
        read("1,2\n", delimiter=",,")


def test_json_values_become_text():
    line = {"t": "x", "n": 1.5, "b": True, "l": ["p", "q"], "d": {"k": 1}, "z": None}
    got = read(json.dumps(line) + '\n{"new": "y"}\n', "a.jsonl")
    first = {"t": "x", "n": "1.5", "b": "true", "l": "p|q", "d": '{"k": 1}', "z": None, "new": None}
    assert got.frame.rows(named=True)[0] == first
    assert got.frame["new"].to_list() == [None, "y"]


def test_a_json_array_is_read_and_its_wrong_elements_are_told():
    got = read('[\n {"t": "a"},\n 3,\n {"t": "b"}\n]', "a.json")
    assert got.frame["t"].to_list() == ["a", "b"]
    assert reasons(got) == [(2, "bad_json")]
    with pytest.raises(InputError, match="JSON array"):
        read("[1,", "a.json")
    assert read('{"t": "a"}\n{"t": "b"}\n', "a.json").frame.height == 2


def test_parquet_keeps_its_types(tmp_path):
    frame = pl.DataFrame({"t": ["a", None], "n": [1, 2], "l": [[1], [2, 3]]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert read((tmp_path / "a.parquet").read_bytes(), "a.parquet").frame.equals(frame)
    with pytest.raises(InputError, match="not a Parquet file"):
        read(b"nonsense", "a.parquet")


def test_a_missing_file_is_told_with_close_spellings(tmp_path):
    (tmp_path / "products.csv").write_text("title\n")
    with pytest.raises(InputError, match=r"did you mean products\.csv"):
        list(members(tmp_path / "product.csv"))


def test_the_hash_of_a_folder_sees_names_and_contents(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    first = sha256_of(tmp_path)
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    second = sha256_of(tmp_path)
    assert first[0] != second[0]
    assert first[1] == second[1] == 1


def test_quotes_after_a_backslash_are_quotes():
    text = 'id,title,size\n1,"40\\" Class, new",L\n2,"a \\"b\\" \\\\",M\n3,"5\\"",S\n4,plain,S\n'
    got = read(text)
    assert got.frame.rows() == [
        ("1", '40" Class, new', "L"),
        ("2", 'a "b" \\', "M"),
        ("3", '5"', "S"),
        ("4", "plain", "S"),
    ]
    assert (got.literal_quotes, got.rejected) == (3, [])


def test_files_that_end_lines_as_old_ones_do_are_read():
    got = read("id,title\r1,Hat\r2,Cap\r")
    assert got.frame.rows() == [("1", "Hat"), ("2", "Cap")]
    assert got.lines == [2, 3]


def test_bytes_in_parquet_are_refused(tmp_path):
    pl.DataFrame({"id": ["1"], "picture": [b"\xff"]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: picture holds bytes"):
        read((tmp_path / "a.parquet").read_bytes(), "a.parquet")


@pytest.mark.parametrize("text", ["id,title\n1,Hat\n2,Cap\n", "编号,标题\n" + "12,红色连衣裙\n" * 9])
@pytest.mark.parametrize(("stored", "told"), [("utf-16-le", "utf-8"), ("utf-16-be", "utf-8"), ("utf-16-be", "utf-16")])
def test_utf16_without_a_mark_is_told_by_its_zeros(text, stored, told):
    (records,) = read_batches("i.csv", io.BytesIO(text.encode(stored)), encoding=told)
    assert [records.frame.columns, *map(list, records.frame.rows())] == [line.split(",") for line in text.splitlines()]
