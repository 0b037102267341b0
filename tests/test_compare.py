"""``evenshelf.compare``: containers, missing values, errors, what it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

import evenshelf
from evenshelf.comparing.inputs import read_labels
from evenshelf.encoders import Encoder, open_encoder
from evenshelf.errors import EvenshelfError, InputError, SettingError
from evenshelf.study.fairness import fairness
from evenshelf.study.results import load
from evenshelf.study.verdict import Verdict

from .catalogues import SIZES, catalogue

QUICK = {"remedies": "none,balanced", "budget": 2, "folds": 3, "workers": 1, "progress": False}


pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def data():
    return catalogue()


@pytest.fixture(scope="module")
def matrix(data):
    return open_encoder("tfidf", data[0]).encode(data[0])


@pytest.fixture(scope="module")
def of_texts(data):
    return evenshelf.compare(*data, encoder="tfidf", **QUICK)


@pytest.fixture(scope="module")
def of_matrix(data, matrix):
    return evenshelf.compare(matrix, data[1], **QUICK)


def found(result):
    """All that must not depend on the container: predictions, settings and the verdict but for its clock."""
    verdict = result.verdict.to_dict()
    for comparison in verdict["comparisons"]:
        del comparison["seconds"]
    del verdict["tradeoffs"]  # the clock decides there as well
    outcomes = [(r.spec, r.tuned.predicted.tolist(), r.tuned.p_true.tolist()) for r in result.study.remedies]
    return verdict, outcomes, result.study.classes.to_dicts()


TEXTS = {
    "numpy strings": np.array,
    "numpy objects": lambda values: np.array(values, dtype=object),
    "pandas series": pd.Series,
    "pandas series, other index": lambda values: pd.Series(values, index=range(len(values), 0, -1)),
    "pandas frame of one column": lambda values: pd.DataFrame({"title": values}),
    "pandas category": lambda values: pd.Series(values, dtype="category"),
    "polars series": pl.Series,
    "polars frame of one column": lambda values: pl.DataFrame({"title": values}),
    "arrow": pa.array,
    "tuple": tuple,
}


@pytest.mark.parametrize("container", TEXTS)
def test_texts_of_any_container_give_the_same(container, data, of_texts):
    titles, labels = (TEXTS[container](values) for values in data)
    assert found(evenshelf.compare(titles, labels, encoder="tfidf", **QUICK)) == found(of_texts)


MATRICES = {
    "lists": lambda m: m.tolist(),
    "list of arrays": list,
    "float64": lambda m: m.astype(np.float64),
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "scipy": sp.csr_array,
}


@pytest.mark.parametrize("container", MATRICES)
def test_a_matrix_of_any_container_gives_the_same(container, data, matrix, of_matrix):
    given = MATRICES[container](matrix)
    assert found(evenshelf.compare(given, np.array(data[1]), **QUICK)) == found(of_matrix)


def test_what_comes_back(of_texts, tmp_path):
    verdict = of_texts.verdict
    assert of_texts.table().equals(verdict.table())
    assert of_texts.table().height == len(verdict.comparisons) == 3  # none, balanced, the baseline of words
    assert list(of_texts.to_pandas()["spec"]) == of_texts.table()["spec"].to_list()
    for shown in (str(of_texts), repr(of_texts)):
        assert shown.startswith(verdict.headline)
        assert all(c.spec in shown for c in verdict.comparisons)
        assert all(reason in shown for reason in verdict.reasons)
    path = of_texts.report(tmp_path / "report.html")
    assert verdict.headline in path.read_text(encoding="utf-8")


def test_a_matrix_has_no_words_and_no_names(of_matrix, data, matrix):
    assert {r.spec for r in of_matrix.study.remedies} == {"none", "balanced"}
    result = evenshelf.compare(matrix, data[1], **{**QUICK, "remedies": "name_prior"})
    assert result.study["name_prior"].not_applicable
    assert "not applicable: " in str(result)


def test_missing_labels_and_texts_are_left_out_and_counted(data, of_texts):
    titles = [*data[0], "a hat", "a tie", None, "no one knows"]
    result = evenshelf.compare(titles, pd.Series([*data[1], None, np.nan, "hats", pd.NA]), encoder="tfidf", **QUICK)
    assert result.study.meta["dropped"] == {"no label": 3, "no text": 1}
    assert "3 examples left out: no label" in str(result)
    assert found(result) == found(of_texts)


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None, "b"],
        ["a", float("nan"), "b"],
        np.array(["a", np.nan, "b"], dtype=object),
        pd.Series(["a", None, "b"]),
        pd.Series(["a", pd.NA, "b"], dtype="string"),
        pd.Series(["a", pd.NaT, "b"]),
        pd.Series(["a", None, "b"], dtype="category"),
        pl.Series(["a", None, "b"]),
        pl.DataFrame({"y": ["a", None, "b"]}),
        pa.array(["a", None, "b"]),
    ],
    ids=lambda labels: type(labels).__module__.split(".")[0],
)
def test_every_kind_of_missing_label_is_seen(labels):
    assert read_labels(labels) == ["a", None, "b"]


@pytest.mark.parametrize(
    "container", [pd.Series, pl.Series, lambda v: pd.Series(v, dtype="Int64"), lambda v: v, pa.array]
)
def test_whole_numbers_stay_whole_beside_a_missing_one(container):
    assert read_labels(container([1, 2, None, 10])) == ["1", "2", None, "10"]


def test_numbers_that_are_not_whole_are_left_alone():
    assert read_labels([1.0, 2.5]) == ["1.0", "2.5"]
    assert read_labels(np.array([True, False])) == ["True", "False"]


def test_names_reach_the_name_prior(data, matrix):
    names = {label: f"all kinds of {label}" for label in SIZES}
    # texts would be grouped by their words, rows only if they are equal; so that folds are the same, groups are given
    options = {**QUICK, "remedies": "name_prior", "groups": range(len(matrix))}
    encoder = open_encoder("tfidf", data[0])
    vectors = encoder.encode([names[label] for label in sorted(SIZES)])

    def priors(result):
        return result.study["name_prior"].tuned.p_true.tolist()

    def difference(some, others):
        return np.abs(np.subtract(some, others)).mean()

    by_dict = priors(evenshelf.compare(matrix, data[1], names=names, encoder=encoder, **options))
    by_list = priors(
        evenshelf.compare(matrix, data[1], names=[names[n] for n in sorted(SIZES)], encoder=encoder, **options)
    )
    by_vectors = priors(evenshelf.compare(matrix, data[1], names=vectors, **options))
    by_texts = priors(evenshelf.compare(data[0], data[1], names=names, encoder=encoder, **options))
    shuffled = priors(evenshelf.compare(matrix, data[1], names=vectors[::-1], **options))
    own_names = priors(evenshelf.compare(data[0], data[1], encoder=encoder, **options))
    assert by_dict == by_list == by_vectors
    # equal texts are one row and equal vectors are not, so fits end at other places within their tolerance
    assert difference(by_texts, by_dict) < 3e-4
    assert difference(own_names, by_dict) > 6e-4
    assert difference(shuffled, by_dict) > 1e-2


def test_names_of_numbers_are_sorted_as_numbers():
    from evenshelf.comparing.inputs import read_names

    names, classes = ["two", "ten", "one hundred"], ["100", "2", "10"]
    assert read_names(names, classes, [100, 2, 10]) == ["one hundred", "two", "ten"]
    assert read_names(names, classes, np.array([100.0, np.nan, 2, 10])) == ["one hundred", "two", "ten"]
    assert read_names({100: "c", 2: "a", 10: "b"}, classes, [100, 2, 10]) == ["c", "a", "b"]


def test_a_metric_without_a_class_is_refused_before_the_work():
    with pytest.raises(SettingError, match="none of the classes that can be evaluated is torso"):
        evenshelf.compare(np.eye(40), ["a", "b"] * 20, metric="torso_f1", progress=False)


def test_names_of_texts_are_sorted_by_letter_or_refused():
    from evenshelf.comparing.inputs import read_names

    assert read_names(["a", "b", "z"], ["z", "a", "b"], ["a", "b", "z"]) == ["z", "a", "b"]
    assert read_names(["one", "two"], ["2", "1"], ["1", "2"]) == ["two", "one"]
    with pytest.raises(InputError, match="two orders"):
        read_names(["one", "ten", "two"], ["10", "2", "1"], ["1", "2", "10"])


def test_groups_and_equal_rows_stay_together(data, matrix):
    doubled = np.concatenate([matrix, matrix])
    result = evenshelf.compare(doubled, [*data[1], *data[1]], **QUICK).study
    half = len(matrix)
    assert (result.fold[:half] == result.fold[half:]).all()
    groups = [f"seller {i % 20}" for i in range(half)]
    result = evenshelf.compare(matrix, data[1], groups=pd.Series(groups), **QUICK).study
    for seller in set(groups):
        assert len({int(result.fold[i]) for i in range(half) if groups[i] == seller}) == 1


def test_a_folder_keeps_the_study(data, of_texts, tmp_path):
    first = evenshelf.compare(*data, encoder="tfidf", folder=tmp_path / "s", **QUICK)
    stamps = {f: f.stat().st_mtime_ns for f in (tmp_path / "s" / "trials").glob("*.npz")}
    again = evenshelf.compare(*data, encoder="tfidf", folder=str(tmp_path / "s"), **QUICK)
    assert stamps == {f: f.stat().st_mtime_ns for f in (tmp_path / "s" / "trials").glob("*.npz")}
    assert found(first) == found(again) == found(of_texts)
    assert load(tmp_path / "s").y.tolist() == first.study.y.tolist()
    assert (tmp_path / "s" / "verdict.json").is_file()
    assert json.loads((tmp_path / "s" / "advice.json").read_text()) == again.advice.to_dict()


MANY = [f"text {i}" for i in range(9)]
BAD = [
    (lambda: (MANY, ["a", "b"]), InputError, "There are 9 texts but 2 labels"),
    (lambda: (np.ones((4, 2)), list("abc")), InputError, "There are 4 rows but 3 labels"),
    (lambda: (MANY, ["a"] * 9), InputError, "All 9 examples have the label"),
    (lambda: (MANY, [None] * 9), InputError, "None of the 9 examples has a label and a text"),
    (lambda: ("red shoe", ["a"]), InputError, "one string"),
    (lambda: ([1, "b"], ["a", "b"]), InputError, "1 of 2 texts are no text (first: row 0, int 1)"),
    (lambda: (np.ones((3, 2)), np.eye(3)), InputError, "argmax"),
    (lambda: (np.ones((3, 2, 2)), list("aab")), InputError, "shape (3, 2, 2)"),
    (lambda: ([[1, 2], [3]], list("ab")), InputError, "no matrix of numbers"),
    (lambda: (np.array([[1.0], [np.nan]]), list("ab")), InputError, "first: row 1"),
    (lambda: (pd.DataFrame({"t": ["x"], "u": ["y"]}), ["a"]), InputError, "Give one column of texts"),
    (lambda: (pd.DataFrame({"t": ["x"], "u": [1]}), ["a"]), InputError, "table['t']"),
    (lambda: (MANY, pl.DataFrame({"a": MANY, "b": MANY})), InputError, "a table with 2 columns: a, b"),
    (lambda: (sp.csr_array((10**5, 10**5)), list("ab")), InputError, "TruncatedSVD"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case[2])
def test_errors_say_what_to_do(case):
    make, kind, message = case
    with pytest.raises(kind, match=re.escape(message)) as caught:
        evenshelf.compare(*make(), **QUICK)
    assert isinstance(caught.value, EvenshelfError)


@pytest.mark.parametrize(
    "case",
    [
        ({"groups": list("ab")}, "There are 121 rows but 2 groups"),
        ({"groups": [None] * 121}, "121 of 121 groups are missing"),
        ({"names": ["one"]}, "There are 1 names but 5 classes"),
        ({"names": {"hats": "Hats"}}, "names lacks 4 of 5 classes"),
        ({"names": sorted(SIZES)}, "nothing says how to encode them"),
        ({"names": np.ones((5, 3))}, "the shape (5, 3)"),
        ({"encoder": "tfidf"}, "only for names"),
        ({"encoder": "tfdif"}, "did you mean tfidf?"),
        ({"metric": "f1"}, "No verdict rests on the metric 'f1'"),
        ({"guardrail": 2}, "from 0 to 1"),
        ({"folds": 2}, "at least 3"),
        ({"remedies": "focla"}, "did you mean focal?"),
    ],
    ids=lambda case: case[1],
)
def test_settings_are_checked_first(case, data, matrix):
    options, message = case
    with pytest.raises((InputError, SettingError), match=re.escape(message)):
        evenshelf.compare(matrix, data[1], **{**QUICK, **options})


def test_a_sparse_matrix_too_large_to_be_made_dense_is_refused():
    huge = sp.csr_array((10**5, 10**5), dtype=np.float32)
    with pytest.raises(InputError, match=r"37\.3 GiB as a dense one, over the limit of 1 GiB"):
        evenshelf.compare(huge, ["a", "b"] * (10**5 // 2))


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


def test_hostile_names_do_no_harm_in_a_notebook(data, matrix):
    evil = '<img src=x onerror="alert(1)">'
    labels = [evil if label == "hats" else f"{label}</div><script>alert(2)</script>&" for label in data[1]]
    result = evenshelf.compare(matrix, labels, names=None, **{**QUICK, "remedies": "balanced, name_prior"})
    assert evil in result.study.classes["class"].to_list()
    named = {'"balanced"': f"{evil}</td>", '"Class weights"': f"{evil}</td>"}
    document = json.dumps(result.verdict.to_dict())
    for name, hostile in named.items():
        document = document.replace(name, json.dumps(hostile))
    verdict = replace(Verdict.from_dict(json.loads(document)), headline=evil, reasons=(evil,))
    remedies = [replace(r, spec=f"{evil}</td>") if r.spec == "balanced" else r for r in result.study.remedies]
    changed = evenshelf.Findings(verdict, replace(result.study, remedies=tuple(remedies)))
    for shown in (result._repr_html_(), changed._repr_html_()):
        page = _Page()
        page.feed(shown)
        assert page.tags == {
            *("div", "style", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "svg", "line", "circle"),
            *("details", "summary"),
        }
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in page.attributes)
        assert shown.count("<div") == shown.count("</div>")
        assert "url(" not in shown
        assert "http" not in shown
    assert "&lt;img src=x" in changed._repr_html_()


def test_a_notebook_shows_every_remedy_with_its_interval(of_texts):
    shown = of_texts._repr_html_()
    for c in of_texts.verdict.comparisons:
        assert c.spec in shown
    assert shown.count("<circle") == len(of_texts.verdict.comparisons) - 1
    assert "prefers-color-scheme:dark" in shown


def test_import_is_fast_and_the_names_are_there():
    code = (
        "import sys, evenshelf\n"
        "heavy = {'numpy', 'polars', 'scipy', 'sklearn', 'rich', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert set(evenshelf.__all__) <= set(dir(evenshelf))\n"
        "assert all(hasattr(evenshelf, name) for name in evenshelf.__all__)\n"
        "import evenshelf.comparing.compare\n"
        "assert callable(evenshelf.compare)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evenshelf.nothing


def test_an_open_encoder_is_used_as_it_is(data):
    class Lengths(Encoder):
        name, dimension, fingerprint = "lengths", 2, "lengths of words and texts"

        def _encode(self, texts, progress):
            progress(len(texts))
            rows = np.array([[len(t), len(t.split())] for t in texts], np.float32)
            return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    result = evenshelf.compare(*data, encoder=Lengths(), **QUICK)
    assert result.study.meta["encoder"]["spec"] == "lengths"
    assert result.study.meta["dimension"] == 2


def test_traits_of_any_container_tell_who_gains_and_change_nothing_else(data, of_texts):
    titles, labels = data
    rng = np.random.default_rng(3)
    brand = ["north" if n % 2 else None for n in range(len(titles))]
    price = rng.uniform(1, 50, len(titles)).round(2).tolist()
    price[4] = None
    named = {"brand": brand, "price": price}
    # an example without a label is left out, and so is what is known of it
    titles, labels = [*titles, "a title of nothing"], [*labels, None]
    longer = {"brand": [*brand, "west"], "price": [*price, 1e6]}
    table = pd.DataFrame(longer)
    several = [
        evenshelf.compare(titles, labels, encoder="tfidf", by=by, **QUICK)
        for by in (longer, table, pl.DataFrame(longer), {k: np.array(v, object) for k, v in longer.items()})
    ]
    for told in several:
        assert told.study.traits.to_dict(as_series=False) == named
        assert told.study.meta["given"] == ["by"]
        assert found(told) == found(of_texts)
        fair = fairness(told.study, told.verdict)
        assert {value.value for value in fair.values if value.trait == "brand"} == {"north", ""}
    assert of_texts.study.traits is None


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ({"brand": ["a"]}, "1 values of 'brand'"),
        (["a", "b"], "neither a dictionary nor a table"),
        ({"brand": "a"}, "are a str, not a list"),
    ],
)
def test_traits_that_cannot_be_read_are_refused(data, by, said):
    with pytest.raises(InputError, match=said):
        evenshelf.compare(*data, encoder="tfidf", by=by, **QUICK)


def test_baselines_are_told_beside_the_remedies(data, matrix, of_texts, of_matrix):
    more = evenshelf.compare(*data, encoder="tfidf", baselines=["words", "zero_shot"], **QUICK)
    assert [b["name"] for b in more.study.meta["baselines"]] == ["words", "zero_shot"]
    assert {c.spec for c in more.verdict.comparisons if c.reference} > {
        c.spec for c in of_texts.verdict.comparisons if c.reference
    }
    none = evenshelf.compare(*data, encoder="tfidf", baselines="none", **QUICK)
    assert not any(c.reference for c in none.verdict.comparisons)
    bare = evenshelf.compare(matrix, data[1], baselines="words, zero_shot", **QUICK)
    reasons = {r.spec: r.not_applicable for r in bare.study.remedies if r.reference}
    assert len(reasons) == 2
    assert all(reasons.values())
    assert not any(r.reference for r in of_matrix.study.remedies)
    for told in (more, none, bare):
        for spec in ("none", "balanced"):
            before = (of_matrix if told is bare else of_texts).study[spec].tuned
            assert np.array_equal(told.study[spec].tuned.predicted, before.predicted)
    with pytest.raises(SettingError, match="no baseline 'wards'"):
        evenshelf.compare(*data, encoder="tfidf", baselines="wards", **QUICK)
