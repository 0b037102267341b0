"""Weights of classes from a user's table."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.remedies import Prior, parse
from evenshelf.remedies.weight import Balanced
from evenshelf.remedies.weight_table import WeightTable
from evenshelf.study.plan import Setting

LABELS = ("tea", "cake", "jam, red")
PRIOR = Prior(np.array([60, 20, 4]))


def table(folder: Path, text: str, name: str = "weights.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(folder: Path, text: str, name: str = "weights.csv") -> str:
    with pytest.raises(SettingError) as caught:
        WeightTable(table(folder, text, name))
    return str(caught.value)


GOOD = [
    ("weights.csv", 'class,weight\ntea,1\n"jam, red",4.5\ncake,2\n'),
    ("weights.csv", '\ufeffclass,weight\r\ntea,1\r\n\r\ncake,2\r\n"jam, red",4.5\r\n'),
    ("weights.csv", "weight;note;class\n1;;tea\n4.5;dear;jam, red\n2;;cake"),
    ("weights.tsv", "class\tweight\ntea\t1\njam, red\t4.5\ncake\t2\n"),
    ("weights.json", json.dumps({"tea": 1, "cake": 2.0, "jam, red": 4.5})),
]


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_ratios_are_those_of_the_table_and_the_mean_is_one(tmp_path: Path, name: str, text: str) -> None:
    weights = WeightTable(table(tmp_path, text, name)).bound(LABELS).weight(PRIOR)
    np.testing.assert_allclose(weights / weights[0], [1, 2, 4.5], rtol=1e-6)
    assert float(weights @ PRIOR.counts) / PRIOR.total == pytest.approx(1.0)
    assert weights.dtype == np.float32


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.lists(st.integers(1, 10**5), min_size=2, max_size=6))
def test_a_table_of_balanced_weights_is_balanced(tmp_path: Path, counts: list[int]) -> None:
    prior = Prior(np.array(counts))
    balanced = Balanced().weight(prior)
    labels = [f"class {number}" for number in range(len(counts))]
    text = json.dumps({label: float(w) for label, w in zip(labels, balanced, strict=True)})
    bound = WeightTable(table(tmp_path, text, "weights.json")).bound(labels)
    np.testing.assert_allclose(bound.weight(prior), balanced, rtol=1e-5)


def test_classes_that_the_table_lacks_weigh_one_and_are_told(tmp_path: Path) -> None:
    bound = WeightTable(table(tmp_path, "class,weight\ncake,3\n")).bound(LABELS)
    weights = bound.weight(PRIOR)
    np.testing.assert_allclose(weights / weights[0], [1, 3, 1], rtol=1e-6)
    assert bound.notes(PRIOR) == ("2 classes have no weight in the table, weighed 1: 'tea', 'jam, red'",)


def test_classes_that_are_not_here_are_told_and_slips_are_errors(tmp_path: Path) -> None:
    whole = WeightTable(table(tmp_path, 'class,weight\ntea,2\ncake,3\n"jam, red",1\nzebra,9\n'))
    assert whole.bound(LABELS).notes(PRIOR) == ("1 line of the table is of classes that are not here",)
    slip = table(tmp_path, "class,weight\nTea,2\ncakes,3\n")
    with pytest.raises(SettingError) as caught:
        WeightTable(slip).bound(LABELS)
    said = str(caught.value)
    assert "'Tea' (row 2) (did you mean tea?)" in said
    assert "'cakes' (row 3) (did you mean cake?)" in said


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("w.csv", "", "has no column 'class' (its columns are none)"),
        ("w.csv", "klass,weight\ntea,1\n", "has no column 'class' (did you mean klass?)"),
        ("w.csv", "class,weight\n", "holds no weight"),
        ("w.csv", "class,weight\ntea,1\ncake,heavy\n", "row 3, column 'weight': 'heavy' of 'cake' is not a number"),
        ("w.csv", "class,weight\ntea,0\n", "row 2, column 'weight': '0' of 'tea' is outside [0.000001, 1000000]"),
        ("w.csv", "class,weight\ntea,-1\n", "is outside"),
        ("w.csv", "class,weight\ntea,nan\n", "is outside"),
        ("w.csv", "class,weight\ntea,inf\n", "is outside"),
        ("w.csv", "class,weight\njam, red,1\n", "row 2: 3 cells, where the header has 2"),
        ("w.csv", "class,weight\ntea,1\ntea,2\n", "row 3: the class 'tea' was given a weight before, in row 2"),
        ("w.csv", 'class,weight\n"tea,1\n', "row 2: unexpected end of data"),
        ("w.json", '{"tea": 1' + 400 * "0" + "}", "entry 1, weight:"),
        ("w.json", "{", "is not JSON"),
        ("w.json", "[1]", "does not hold a JSON object"),
        ("w.json", "{}", "holds no weight"),
        ("w.json", '{"tea": true}', "entry 1, weight: True of 'tea' is not a number"),
        ("w.json", '{"tea": {"a": 1}}', "entry 1, weight:"),
        ("w.json", '{"tea": 1, "tea": 2}', "entry 2: the class 'tea' was given a weight before, in entry 1"),
    ],
)
def test_faults_are_named_with_file_row_and_column(tmp_path: Path, name: str, text: str, said: str) -> None:
    found = refusal(tmp_path, text, name)
    assert name in found
    assert said in found


def test_a_file_that_is_not_there_is_named_by_the_spec_as_well(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="there is no such file"):
        parse(f"weight_table(file={str(tmp_path / 'none.csv')!r})")
    (tmp_path / "latin.csv").write_bytes("class,weight\nthé,1\n".encode("latin-1"))
    with pytest.raises(SettingError, match="cannot be read"):
        WeightTable(str(tmp_path / "latin.csv"))


def test_names_of_several_lines_are_names(tmp_path: Path) -> None:
    labels = ("tea", "jam\u2028red", "cake\nbig")
    text = 'class,weight\ntea,1\njam\u2028red,4\n"cake\nbig",2\n'
    weights = WeightTable(table(tmp_path, text)).bound(labels).weight(PRIOR)
    np.testing.assert_allclose(weights / weights[0], [1, 4, 2], rtol=1e-6)


def test_it_cannot_be_used_without_a_file_or_names(tmp_path: Path) -> None:
    assert WeightTable().not_applicable(PRIOR, has_names=True) == "no file was given"
    loose = WeightTable(table(tmp_path, "class,weight\ntea,2\n"))
    assert loose.not_applicable(PRIOR, has_names=True) == "the table is not bound to the names of these classes"
    with pytest.raises(SettingError, match="bound"):
        loose.weight(PRIOR)
    assert loose.bound(LABELS).not_applicable(PRIOR, has_names=False) is None


def test_a_bound_table_is_the_remedy_of_its_spec_and_remembers_its_content(tmp_path: Path) -> None:
    file = table(tmp_path, "class,weight\ntea,2\n")
    one = parse(f"weight_table(file={file!r}) + logit_adjust")
    bound = one.bound(LABELS)
    assert (bound.spec, bound) == (one.spec, one)
    first = bound.weight(PRIOR)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(bound)).weight(PRIOR), first)
    table(tmp_path, "class,weight\ntea,5\n")
    np.testing.assert_array_equal(bound.weight(PRIOR), first)
    again = parse(one.spec).bound(LABELS)
    # stored trials of another table, or of other classes, are not taken for those of this one
    identities = [Setting(r, None).identity() for r in (bound, again, again.bound(LABELS[::-1]))]
    assert all(a != b for a, b in ((identities[0], identities[1]), (identities[1], identities[2])))
    assert identities[0] == Setting(bound, None).identity()
