"""The commands on annotation: from a shop to sheets and back, exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from evenshelf import cli
from evenshelf.shop import Shop
from tests.catalogues import catalogue

pytestmark = pytest.mark.usefixtures("cache_folder")


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    titles, labels = catalogue()
    made = Shop.create(tmp_path / "shop")
    known = [label if n % 3 == 0 else None for n, label in enumerate(labels)]
    made.commit(
        {
            "items": pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles}).with_columns(
                pl.Series("category", known), pl.Series("truth", labels)
            )
        }
    )
    return made.path


def fill(file: Path, shop: Path, *, wrong: int = 0) -> None:
    """Label a sheet with the truth, and its first rows with another label."""
    truth = dict(Shop.open(shop).items().select("item_id", "truth").iter_rows())
    sheet = pl.read_csv(file, infer_schema=False)
    said = [
        truth[i] if n >= wrong else "ties" if truth[i] != "ties" else "hats" for n, i in enumerate(sheet["item_id"])
    ]
    sheet.with_columns(pl.Series("label", said)).write_csv(file, include_bom=True)


def test_the_whole_way(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "s.csv"
    options = ["--n", 12, "--per-annotator", "ann,bob", "--overlap", 2, "--encoder", "tfidf"]
    assert run("annotate", "export", shop, out, *options) == 0
    assert "12 rows of" in " ".join(capsys.readouterr().out.split())
    files = [tmp_path / "s-ann.csv", tmp_path / "s-bob.csv"]
    fill(files[0], shop)
    fill(files[1], shop, wrong=2)
    assert run("annotate", "import", shop, *files, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [sheet["new"] for sheet in report["sheets"]] == [12, 12]
    assert (report["agreed"], report["written"], len(report["conflicts"])) == (10, 10, 2)
    assert run("annotate", "import", shop, *files) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert run("annotate", "agreement", shop, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["agreement"] == pytest.approx(10 / 12)
    assert found["pairs"][0]["items"] == 12
    assert run("annotate", "agreement", shop) == 0
    assert "Krippendorff's alpha" in capsys.readouterr().out
    assert run("annotate", "export", shop, tmp_path / "again.csv", "--which", "conflicts", "--encoder", "tfidf") == 0
    assert "2 rows of 2" in " ".join(capsys.readouterr().out.split())


def test_blind_sheets_show_no_suggestion(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--n", 3, "--blind", "--encoder", "tfidf"]
    assert run("annotate", "export", shop, tmp_path / "s.csv", *options, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert all(set(row) == {"item_id", "title"} for row in document["rows"])
    assert "suggestion" not in (tmp_path / "s.csv").read_text(encoding="utf-8-sig")
    assert run("annotate", "export", shop, tmp_path / "s.csv", *options) == 0
    assert "unsure" not in capsys.readouterr().out


def test_suspects_become_a_sheet(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "doubtful.csv"
    assert run("annotate", "suspects", shop, "--target", "truth", "--out", out, "--encoder", "tfidf", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    sheet = pl.read_csv(out, infer_schema=False)
    assert sheet["item_id"].to_list() == [row["item_id"] for row in document["rows"]]
    assert not sheet.height or sheet["label"].null_count() == sheet.height
    assert {row["label"] for row in document["classes"]} == set(catalogue()[1])
    assert run("annotate", "suspects", shop, "--target", "truth", "--encoder", "tfidf") == 0
    assert "are suspect" in capsys.readouterr().out


@pytest.mark.parametrize(
    "case",
    [
        (["export", "nowhere", "s.csv"], 3, "there is no shop at nowhere"),
        (["export", "SHOP", "s.csv", "--strategy", "tial"], 2, "did you mean tail"),
        (["export", "SHOP", "s.csv", "--target", "categry"], 3, "did you mean category"),
        (["export", "SHOP", "s.csv", "--overlap", "2"], 2, "each row goes to 2 annotators, and none is named"),
        (["export", "SHOP", "s.csv", "--n", "0"], 2, "at least one row"),
        (["import", "SHOP", "none.csv"], 3, "none.csv cannot be read"),
        (["import", "SHOP", "none.csv", "--votes", "0"], 2, "at least one vote"),
        (["agreement", "SHOP"], 3, "no annotations of 'category'"),
        (["suspects", "SHOP", "--n", "-1"], 2, "must not be negative"),
        (["suspects", "SHOP", "--folds", "1"], 2, "folds is 1"),
        (["exprt", "SHOP"], 2, "exprt"),
    ],
)
def test_errors(case, shop, tmp_path, monkeypatch, capsys) -> None:
    args, code, message = case
    monkeypatch.chdir(tmp_path)
    assert run("annotate", *[str(shop) if arg == "SHOP" else arg for arg in args]) == code
    shown = capsys.readouterr()
    assert message in " ".join(shown.err.split())
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("annotate", "--help") == 0
    assert "evenshelf annotate export myshop sheet.csv" in capsys.readouterr().out


def test_labels_in_brackets_are_shown_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Shop.create(tmp_path / "shop")
    labels = ["Hats [women]", "Shoes[/x]"]
    rows = {"item_id": ["1", "2"], "title": ["hat a", "shoe b"], "category": labels}
    made.commit({"items": pl.DataFrame(rows)})
    for who, said in (("ann", labels), ("bob", labels[::-1])):
        pl.DataFrame({"item_id": ["1", "2"], "label": said}).write_csv(tmp_path / f"{who}.csv")
        assert run("annotate", "import", made.path, tmp_path / f"{who}.csv", "--annotator", who) == 0
    shown = capsys.readouterr().out
    assert "Hats [women]" in shown
    assert run("annotate", "agreement", made.path) == 0
    shown = capsys.readouterr().out
    assert "Hats [women]" in shown
    assert "Shoes[/x]" in shown


def test_a_sheet_that_holds_labels_is_not_written_over(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.csv"
    options = ["--n", 3, "--encoder", "tfidf"]
    assert run("annotate", "export", shop, out, *options) == 0
    assert run("annotate", "export", shop, out, *options) == 0  # nobody has labelled anything yet
    fill(out, shop)
    before = out.read_bytes()
    assert run("annotate", "export", shop, out, *options) == 2
    assert "holds labels already" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert run("annotate", "export", shop, ".", *options) == 2
    assert run("annotate", "import", shop, out, "--encoding", "base64") == 2


def test_refused_rows_of_sheets_of_one_name_are_all_kept(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "z.csv").write_text("item_id,label\nnobody,hats\n", encoding="utf-8")
    (tmp_path / "z.tsv").write_text("item_id\tlabel\nno-one\thats\n", encoding="utf-8")
    for _ in range(2):
        run("annotate", "import", shop, tmp_path / "z.csv", tmp_path / "z.tsv", "--annotator", "ann")
    capsys.readouterr()
    kept = sorted(file.name for file in tmp_path.glob("refused-*"))
    assert kept == ["refused-z.csv", "refused-z.tsv.csv"], "the same rows are the same file"
    (tmp_path / "refused-z.csv").write_text("item_id,label\nsomebody", encoding="utf-8")
    for _ in range(2):
        run("annotate", "import", shop, tmp_path / "z.csv", "--annotator", "ann")
    capsys.readouterr()
    assert sorted(file.name for file in tmp_path.glob("refused-z*")) == [
        "refused-z.2.csv",
        "refused-z.csv",
        "refused-z.tsv.csv",
    ]
    assert "somebody" in (tmp_path / "refused-z.csv").read_text(encoding="utf-8"), "it is being corrected"
    assert "nobody" in (tmp_path / "refused-z.2.csv").read_text(encoding="utf-8-sig")
    assert "no-one" in (tmp_path / "refused-z.tsv.csv").read_text(encoding="utf-8-sig")


def test_a_label_that_people_confirm_is_suspect_no_more(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = Shop.open(shop).items()
    Shop.open(shop).commit({"items": items.with_columns(category=pl.col("truth"))})
    wrong = items["truth"].unique().sort().to_list()
    flipped = items.with_columns(
        category=pl.when(pl.col("item_id") == "i0")
        .then(pl.when(pl.col("truth") == wrong[0]).then(pl.lit(wrong[1])).otherwise(pl.lit(wrong[0])))
        .otherwise("truth")
    )
    Shop.open(shop).commit({"items": flipped})

    def listed(*more: object) -> tuple[list[str], int]:
        assert run("annotate", "suspects", shop, "--encoder", "tfidf", "--json", *more) == 0
        found = json.loads(capsys.readouterr().out)
        return [row["item_id"] for row in found["rows"]], found["settled"]

    assert "i0" in listed()[0]
    label = flipped.filter(item_id="i0")["category"].item()
    for who in ("ann", "bob"):
        pl.DataFrame({"item_id": ["i0"], "label": [label]}).write_csv(tmp_path / f"{who}.csv")
        assert run("annotate", "import", shop, tmp_path / f"{who}.csv", "--annotator", who) == 0
        capsys.readouterr()
        assert ("i0" in listed()[0]) == (who == "ann")
    assert listed()[1] == 1
    assert "i0" in listed("--settled-by", 3)[0]


def made(folder: Path, items: dict[str, list[str | None]]) -> Path:
    """A shop of these items."""
    shop = Shop.create(folder)
    shop.commit({"items": pl.DataFrame(items, schema=dict.fromkeys(items, pl.String))})
    return folder


def test_codes_of_categories_are_labels_and_measures_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = 300
    columns = {
        "item_id": [f"i{n}" for n in range(rows)],
        "title": [f"thing {n} of kind {n % 60}" for n in range(rows)],
        "category": [str(1000 + n % 60) for n in range(rows)],
        "section": [str(1000 + n % 60) for n in range(rows)],
        "weight": [f"{n % 60}.5" for n in range(rows)],
        "height": [str(n) for n in range(rows)],
    }
    shop = made(tmp_path / "shop", columns)
    for target in ("category", "section"):
        options = ["--which", "labelled", "--target", target, "--encoder", "tfidf"]
        assert run("annotate", "export", shop, tmp_path / f"{target}.csv", *options) == 0
    capsys.readouterr()
    for target in ("weight", "height"):
        assert run("annotate", "export", shop, tmp_path / "no.csv", "--target", target) == 3
        told = " ".join(capsys.readouterr().err.split())
        assert f"'{target}' holds" in told
        assert "different numbers" in told
        assert target not in told.split("Choose one with --target:")[1].split(".")[0]


def test_a_first_round_with_few_labels_has_its_conflicts_exported(tmp_path: Path) -> None:
    """Fewer titles than folds are agreed on, and the titles of single classes lie far apart."""
    ids = [f"i{n:02}" for n in range(30)]
    known = {0: "red", 5: "blue", 10: "green"}
    shop = made(
        tmp_path / "shop",
        {
            "item_id": ids,
            "title": [f"{word} {n}" for n, word in enumerate(["apple", "stone", "river"] * 10)],
            "category": [known.get(n) for n in range(30)],
        },
    )
    for who, label in (("ann", "red"), ("bob", "blue")):
        sheet = tmp_path / f"{who}.csv"
        sheet.write_text(f"item_id,label\ni07,{label}\n", encoding="utf-8")
        assert run("annotate", "import", shop, sheet, "--annotator", who) == 0
    out = tmp_path / "conflicts.csv"
    assert run("annotate", "export", shop, out, "--which", "conflicts", "--encoder", "tfidf") == 0
    assert pl.read_csv(out, infer_schema=False)["item_id"].to_list() == ["i07"]
    assert pl.read_csv(out)["confidence"].null_count() == 0


def test_an_encoding_that_does_not_exist_is_one_error(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "s.csv"
    sheet.write_text("item_id,label\ni0,hats\n", encoding="utf-32")
    assert run("annotate", "import", shop, sheet, "--annotator", "ann", "--encoding", "utf-16-foo") == 2
    assert "no encoding" in capsys.readouterr().err
    assert run("annotate", "import", shop, sheet, "--annotator", "ann", "--encoding", "utf-32") == 0
