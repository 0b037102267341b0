"""Sheets out and back: spreadsheets, annotators, refusals, votes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.annotating import agreement, import_labels, select, write_sheets
from evenshelf.annotating.annotators import read_annotations
from evenshelf.annotating.examples import target_column
from evenshelf.annotating.reading import read_sheet
from evenshelf.annotating.sheets import COLUMNS, deal
from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop

TEXTS = ("category", "path", "brand")
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def write(file: Path, *rows: tuple[str, ...], head: str = "item_id,label,annotator") -> Path:
    file.write_text("\n".join([head, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8-sig")
    return file


def labels(shop: Shop, target: str = "category") -> dict[str, str | None]:
    return dict(Shop.open(shop.path).items().select("item_id", target).iter_rows())


@given(titles=st.lists(texts, min_size=1, max_size=6))
def test_what_is_written_is_read(titles: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("sheets") / "sheet.csv"
    ids = [f"i{n}" for n in range(len(titles))]
    write_sheets(pl.DataFrame({"item_id": ids, "title": titles}), file)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    sheet = read_sheet(file)
    assert sheet.columns == COLUMNS
    assert [row.cells["item_id"] for row in sheet.rows] == ids
    # an apostrophe keeps a spreadsheet program from running a formula
    shown = [f"'{t}" if t[:1] in tuple("=+-@\t\r") and t else t for t in titles]
    lines = [t.replace("\r\n", "\n") for t in shown]
    assert [row.cells["title"].replace("\r\n", "\n") for row in sheet.rows] == [t.strip() for t in lines]


@given(st.integers(0, 60), st.integers(1, 6), st.data())
def test_every_row_goes_to_as_many_as_asked_and_all_get_equally_many(rows: int, people: int, data) -> None:
    overlap = data.draw(st.integers(1, people))
    shares = deal(rows, people, overlap, seed=data.draw(st.integers(0, 99)))
    assert all(len(set(share)) == len(share) and share == sorted(share) for share in shares)
    counts = [sum(row in share for share in shares) for row in range(rows)]
    assert counts == [overlap] * rows
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_file_for_each_annotator(shop: Shop, tmp_path: Path) -> None:
    rows = select(shop, n=9, encoder="tfidf").rows
    files = write_sheets(rows, tmp_path / "s.csv", annotators=["ann", "王", "bob/x"], overlap=2, blind=True)
    assert [file.name for file in files] == ["s-ann.csv", "s-王.csv", "s-bob_x.csv"]
    sheets = [read_sheet(file) for file in files]
    assert all(sheet.columns == ("item_id", "title", "label", "annotator") for sheet in sheets)
    assert {row.cells["annotator"] for row in sheets[1].rows} == {"王"}
    assert sum(len(sheet.rows) for sheet in sheets) == 18


def test_names_and_overlap_are_checked(tmp_path: Path) -> None:
    rows = pl.DataFrame({"item_id": ["a"], "title": ["t"]})
    with pytest.raises(SettingError, match=r"do not all lead.*goes to 3 annotators, and only 2 are named \(a/b, a:b\)"):
        write_sheets(rows, tmp_path / "s.csv", annotators=["a/b", "a:b"], overlap=3)
    with pytest.raises(SettingError, match="empty"):
        write_sheets(rows, tmp_path / "s.csv", annotators=["a", " "])
    with pytest.raises(SettingError, match="goes to 2 annotators, and none is named") as found:
        write_sheets(rows, tmp_path / "s.csv", overlap=2)
    assert found.value.hint == "Name at least 2 with --per-annotator, such as: --per-annotator ann,bob"
    with pytest.raises(SettingError, match=r"only 1 is named \(ann\)"):
        write_sheets(rows, tmp_path / "s.csv", annotators=["ann"], overlap=2)
    with pytest.raises(SettingError, match="Overlap is 0"):
        write_sheets(rows, tmp_path / "s.csv", overlap=0)
    with pytest.raises(SettingError, match="do not all lead"):
        write_sheets(rows, tmp_path / "s.csv", annotators=["ann", "\uff21nn "])
    assert not list(tmp_path.iterdir())


def test_labels_are_taken_and_twice_is_once(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("0001", "hats", "ann"), ("0002", "", ""), ("0004", "socks", "ann"))
    report = import_labels(Shop.open(shop.path), [file])
    (sheet,) = report.sheets
    assert (sheet.rows, sheet.new, sheet.empty, sheet.refused) == (3, 2, 1, 0)
    assert (report.agreed, report.written, report.changed) == (2, 2, True)
    assert (labels(shop)["0001"], labels(shop)["0004"], labels(shop)["0002"]) == ("hats", "socks", None)
    kept = Shop.open(shop.path).read("annotations")
    assert kept.select("item_id", "target", "annotator", "source_file", "source_line").rows() == [
        ("0001", "category", "ann", "a.csv", 2),
        ("0004", "category", "ann", "a.csv", 4),
    ]
    revision = Shop.open(shop.path).manifest.revision
    again = import_labels(Shop.open(shop.path), [file])
    assert (again.sheets[0].unchanged, again.written, again.changed) == (2, 0, False)
    assert Shop.open(shop.path).manifest.revision == revision
    changed = write(tmp_path / "b.csv", ("0001", "ties", "ann"))
    report = import_labels(Shop.open(shop.path), [changed])
    assert (report.sheets[0].changed, report.written, report.overwritten) == (1, 1, 1)
    assert labels(shop)["0001"] == "ties"
    assert Shop.open(shop.path).read("annotations").height == 2


def test_majority_ties_and_least_votes(shop: Shop, tmp_path: Path) -> None:
    votes = {"0001": "hats hats socks", "0002": "hats socks", "0004": "ties"}
    rows = [(i, label, f"a{n}") for i, said in votes.items() for n, label in enumerate(said.split())]
    report = import_labels(Shop.open(shop.path), [write(tmp_path / "a.csv", *rows)], votes=2)
    assert (report.agreed, report.waiting, report.written) == (1, 1, 1)
    assert report.conflicts == [{"item_id": "0002", "labels": "hats: 1, socks: 1"}]
    assert [labels(shop)[i] for i in votes] == ["hats", None, None]
    asked = select(Shop.open(shop.path), which="conflicts", encoder="tfidf")
    assert asked.rows["item_id"].to_list() == ["0002"]
    free = select(Shop.open(shop.path), n=1000, encoder="tfidf")
    assert "0002" not in free.rows["item_id"].to_list()
    # a third opinion decides
    report = import_labels(Shop.open(shop.path), [write(tmp_path / "b.csv", ("0002", "socks", "a9"))], votes=2)
    assert (report.conflicts, labels(shop)["0002"]) == ([], "socks")


def test_refused_rows_are_told_and_kept(shop: Shop, tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        ("nope", "hats", "ann"),
        ("1", "hats", "ann"),
        ("0002", "hat", "ann"),
        ("0002", "hats", ""),
        ("0004", "socks", "ann"),
        ("0004", "socks", "ann"),
        ("0005", "socks", "ann"),
        ("0005", "hats", "ann"),
        ("0007", "hats", "ann", "", "more"),
        ("0008", "HATS", "ann"),
    )
    report = import_labels(Shop.open(shop.path), [file])
    told = {(r.line, r.column): r.reason for r in report.refused}
    assert set(told) == {
        (2, "item_id"),
        (3, "item_id"),
        (4, "label"),
        (5, "annotator"),
        (7, "item_id"),
        (8, "label"),
        (9, "label"),
        (10, "surplus"),
        (11, "label"),
    }
    assert "it has '0001'" in told[3, "item_id"]
    assert "did you mean hats" in told[4, "label"]
    assert "did you mean hats" in told[11, "label"]
    assert "repeats the row of a.csv line 6" in told[7, "item_id"]
    (sheet,) = report.sheets
    assert sheet.rows == sheet.new + sheet.changed + sheet.unchanged + sheet.empty + sheet.refused == 10
    assert labels(shop)["0004"] == "socks"
    assert labels(shop)["0005"] is None
    with Path(sheet.refused_file or "").open(encoding="utf-8-sig", newline="") as stream:
        back = list(csv.DictReader(stream))
    assert len(back) == 9
    assert back[0]["item_id"] == "nope"
    assert back[0]["refused"].startswith("item_id: the shop has no item")
    # corrected, the file of refused rows can be imported as it is
    fixed = Path(sheet.refused_file or "")
    fixed.write_text(fixed.read_text(encoding="utf-8-sig").replace("nope,hats", "0010,hats"), encoding="utf-8")
    assert import_labels(Shop.open(shop.path), [fixed]).sheets[0].new == 1


def test_strict_takes_nothing(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("0001", "hats", "ann"), ("nope", "hats", "ann"))
    with pytest.raises(InputError, match="line 3, column item_id"):
        import_labels(Shop.open(shop.path), [file], strict=True)
    assert not Shop.open(shop.path).read("annotations").height


def test_new_labels_and_new_targets(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("0001", "scarves"), head="item_id,label")
    report = import_labels(Shop.open(shop.path), [file], annotator="ann", new_labels=True)
    assert report.new_labels == ["scarves"]
    assert labels(shop)["0001"] == "scarves"
    with pytest.raises(InputError, match="no column 'style'"):
        import_labels(Shop.open(shop.path), [file], "style", annotator="ann")
    report = import_labels(Shop.open(shop.path), [file], "style", annotator="ann", new_target=True)
    assert labels(shop, "style")["0001"] == "scarves"
    assert report.written == 1


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8-sig"), ("\t", "gb18030"), (",", "gb18030")])
def test_what_spreadsheet_programs_make_of_it(shop: Shop, tmp_path: Path, delimiter: str, encoding: str) -> None:
    file = tmp_path / "a.csv"
    lines = [["item_id", "title", "label", "annotator"], ["0001", '红色, "鞋"; x', "鞋", "王"], ["", "", "", ""]]
    with file.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(lines)
    if encoding == "gb18030":
        with pytest.raises(InputError, match=r"line 2: this is not utf-8"):
            import_labels(Shop.open(shop.path), [file], new_labels=True)
    name = "gb18030" if encoding == "gb18030" else "utf-8"
    import_labels(Shop.open(shop.path), [file], new_labels=True, encoding=name)
    assert labels(shop)["0001"] == "鞋"


def test_files_that_are_no_sheets(shop: Shop, tmp_path: Path) -> None:
    for head, message in (
        ("item,label", "'item_id' is missing"),
        ("item_id,label,label", "'label' stands there twice"),
    ):
        with pytest.raises(InputError, match=message):
            import_labels(shop, [write(tmp_path / "a.csv", head=head)])
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="is empty"):
        import_labels(shop, [tmp_path / "empty.csv"])
    with pytest.raises(InputError, match="cannot be read"):
        import_labels(shop, [tmp_path / "none.csv"])
    with pytest.raises(SettingError, match="no encoding 'x'"):
        import_labels(shop, [tmp_path / "empty.csv"], encoding="x")
    with pytest.raises(SettingError, match="at least one vote"):
        import_labels(shop, [], votes=0)


def test_one_person_under_several_spellings_is_one_annotator(shop: Shop, tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", ("0001", "hats", "Ann"), ("0002", "hats", "Bob"))
    import_labels(Shop.open(shop.path), [first])
    rows = [("0001", "socks", "ann "), ("0002", "hats", "\uff21NN"), ("0004", "ties", "bob"), ("0004", "hats", "BOB")]
    report = import_labels(Shop.open(shop.path), [write(tmp_path / "b.csv", *rows)])
    assert (report.sheets[0].changed, report.sheets[0].new, report.sheets[0].refused) == (1, 1, 2)
    assert all("says otherwise" in str(refusal) for refusal in report.refused), "nobody disagrees with themselves"
    assert report.notes[0].startswith("'ann', '\uff21NN' are taken for 'Ann'")
    assert report.notes[1].startswith("'bob', 'BOB' are taken for 'Bob'")
    kept = Shop.open(shop.path).read("annotations").select("item_id", "annotator", "label")
    assert sorted(kept.rows()) == [("0001", "Ann", "socks"), ("0002", "Ann", "hats"), ("0002", "Bob", "hats")]
    assert agreement(Shop.open(shop.path)).annotations == {"Ann": 2, "Bob": 1}
    again = import_labels(Shop.open(shop.path), [write(tmp_path / "c.csv", *rows[:2])])
    assert (again.changed, again.sheets[0].unchanged) == (False, 2)


def test_spellings_that_a_shop_holds_already_are_one_as_well(shop: Shop) -> None:
    said = [("0001", "Ann", "hats"), ("0001", "ann", "socks"), ("0001", "bob", "socks"), ("0002", "ANN", "hats")]
    held = pl.DataFrame(
        [{"item_id": i, "target": "category", "annotator": who, "label": label} for i, who, label in said]
    )
    shop.commit({"annotations": held})
    assert agreement(shop).annotations == {"Ann": 2, "bob": 1}
    assert read_annotations(shop).filter(pl.col("item_id") == "0001")["label"].to_list() == ["socks", "socks"]


BACK = [
    ["item_id", "title", "label", "annotator"],
    ["0001", 'red, "shoe"; x\nof two lines', "Schuhe für Läufer 鞋", "Zoë"],
    ["", "", "", ""],
    ["0002", "", "Schuhe für Läufer 鞋", "Zoë"],
]


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize(
    "written",
    [
        ("a.txt", "\t", "utf-16"),
        ("a.csv", "\t", "utf-16-be"),
        ("a.csv", ";", "utf-8-sig"),
        ("a.csv", ";", "utf-16"),
        ("a.csv", ",", "utf-8"),
        ("sheet", "|", "utf-8"),
    ],
)
def test_sheets_that_spreadsheet_programs_wrote(
    shop: Shop, tmp_path: Path, written: tuple[str, str, str], declared: bool, ending: str
) -> None:
    name, delimiter, encoding = written
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator=ending).writerows(BACK)
    text = (f"sep={delimiter}{ending}" if declared else "") + stream.getvalue()
    if encoding == "utf-16-be":
        text = "\ufeff" + text
    file = tmp_path / name
    file.write_bytes(text.encode(encoding))
    sheet = read_sheet(file)
    assert sheet.columns == tuple(BACK[0])
    assert [row.line - declared for row in sheet.rows] == [2, 5]
    assert [list(row.cells.values()) for row in sheet.rows] == [BACK[1], BACK[3]]
    assert import_labels(Shop.open(shop.path), [file], new_labels=True).sheets[0].new == 2


def test_rows_that_lost_cells_or_quotes(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('sep=;\nitem_id;label;annotator;title\n0001;hats;ann\n;;;\n"0002;hats\n0004;hats;ann;t;x\n')
    sheet = read_sheet(file)
    assert [(row.line, bool(row.fault)) for row in sheet.rows] == [(3, False), (5, True), (6, True)]
    report = import_labels(Shop.open(shop.path), [file])
    assert (report.sheets[0].new, report.sheets[0].refused) == (1, 2)
    back = Path(report.sheets[0].refused_file or "").read_text(encoding="utf-8-sig")
    assert "0002;hats" in back, "what cannot be split is kept as it stood"


def test_bytes_of_another_encoding_are_told_with_their_line(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("item_id;label;annotator\n0001;Hüte;ann\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"a\.csv, line 2: this is not utf-8") as found:
        read_sheet(file)
    assert "cp1252" in (found.value.hint or "")
    assert read_sheet(file, encoding="cp1252").rows[0].cells["label"] == "Hüte"
    file.write_bytes("item_id;label;annotator\n0001;Hüte;ann\n".encode("utf-16-le"))  # without its mark
    assert read_sheet(file, encoding="utf-16-le").rows[0].cells["label"] == "Hüte"


def test_the_same_refused_rows_are_the_same_file(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("nope", "hats", "ann"))
    told = [import_labels(Shop.open(shop.path), [file]).sheets[0].refused_file for _ in range(3)]
    assert set(told) == {str(tmp_path / "refused-a.csv")}
    other = write(tmp_path / "a.csv", ("nope", "socks", "ann"))
    told = [import_labels(Shop.open(shop.path), [other]).sheets[0].refused_file for _ in range(2)]
    assert set(told) == {str(tmp_path / "refused-a.2.csv")}
    assert len(list(tmp_path.glob("refused-*"))) == 2


def test_refused_rows_that_go_round_stay_under_one_name(shop: Shop, tmp_path: Path) -> None:
    file, names = write(tmp_path / "round-2.csv", *[(f"nope{n}", "hats", "ann") for n in range(5)]), []
    for left in range(4, -1, -1):
        (about,) = import_labels(Shop.open(shop.path), [file]).sheets
        file = Path(str(about.refused_file))
        again = import_labels(Shop.open(shop.path), [file]).sheets[0].refused_file
        assert again == str(file), "what was not corrected is the same file"
        names.append(file.name)
        lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        file.write_text("".join(lines[: left + 1]), encoding="utf-8-sig")  # as if one row more were done with
    assert names == ["refused-round-2.csv", *(f"refused-round-2.{n}.csv" for n in range(2, 6))]
    sizes = [len(read_sheet(tmp_path / name).rows) for name in names]
    assert sizes == [4, 3, 2, 1, 0], "no file that was read is written over"


def test_columns_that_are_no_labels_are_refused(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("0001", "12.5", "ann"))
    with pytest.raises(SettingError, match=r"column 'price' of items holds Float64, also where a shop has none yet"):
        import_labels(shop, [file], "price", new_target=True)
    with pytest.raises(SettingError, match="'image' cannot be labelled"):
        select(shop, "image", new_target=True)
    with pytest.raises(SettingError, match="no name"):
        select(shop, " ", new_target=True)
    n = shop.items().height
    number = pl.int_range(pl.len())
    columns = {"weight": (number * 0.37).cast(pl.String), "size": (number % 40).cast(pl.String), "count": number}
    shop.commit({"items": shop.items().with_columns(**columns)})
    for new in (False, True):
        with pytest.raises(InputError, match=rf"'weight' holds {n} different numbers: that is a measure and no label"):
            select(shop, "weight", new_target=new)
        with pytest.raises(InputError, match="'count' holds Int64, and labels are texts"):
            select(shop, "count", new_target=new)
    assert select(shop, "size", 3, which="labelled", encoder="tfidf").rows.height == 3, "sizes are numbers and labels"
    many = pl.DataFrame({"item_id": [f"i{i}" for i in range(1000)]}).with_columns(
        title=pl.lit("t"), sku="s" + pl.col("item_id"), shelf=pl.lit("s")
    )
    with pytest.raises(InputError, match=r"1,000 values, no two of them equal"):
        target_column(many, "sku")
    assert target_column(many, "shelf").n_unique() == 1
    codes = many.with_columns((pl.int_range(pl.len()) % 600 + 0.5).cast(pl.String).alias(name) for name in TEXTS)
    assert all(target_column(codes, name).n_unique() == 600 for name in TEXTS), "what the schema calls a text is none"
    with pytest.raises(InputError, match="'weight' holds 600 different numbers"):
        target_column(codes.rename({"brand": "weight"}), "weight")
