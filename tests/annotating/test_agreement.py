"""Agreement: published examples, and what must hold for all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.annotating import agreement
from evenshelf.annotating.agreement import agreement_of, krippendorff_alpha
from evenshelf.errors import InputError

# Krippendorff: Computing Krippendorff's Alpha-Reliability (2011), and the example of Wikipedia's article on alpha;
# a dot is a missing value.
EXAMPLES = {
    "two observers, five values": (["aabbdcccedda", "babbbccceddd"], 0.692),
    "four observers, missing values": (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
    "three coders, many missing values": ([".....34121133.3", "1.213343.......", "..21344.21133.4"], 0.691),
}


def counted(observers: list[str]) -> np.ndarray:
    values = sorted({v for row in observers for v in row} - {"."})
    given_labels = np.zeros((len(observers[0]), len(values)))
    for row in observers:
        for unit, value in enumerate(row):
            if value != ".":
                given_labels[unit, values.index(value)] += 1
    return given_labels


def table(observers: list[str]) -> tuple[list[str], list[str], list[str]]:
    rows = [
        (f"u{unit}", f"o{who}", value)
        for who, row in enumerate(observers)
        for unit, value in enumerate(row)
        if value != "."
    ]
    items, annotators, labels = (list(column) for column in zip(*rows, strict=True))
    return items, annotators, labels


@pytest.mark.parametrize("name", EXAMPLES)
def test_published_examples(name: str) -> None:
    observers, alpha = EXAMPLES[name]
    assert krippendorff_alpha(counted(observers)) == pytest.approx(alpha, abs=5e-4)
    assert agreement_of(*table(observers)).alpha == pytest.approx(alpha, abs=5e-4)


def test_kappa_of_a_published_table() -> None:
    # the table of Wikipedia's article on Cohen's kappa: 20 yes yes, 5 yes no, 10 no yes, 15 no no
    first = "y" * 25 + "n" * 25
    second = "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15
    found = agreement_of(*table([first, second]))
    (pair,) = found.pairs
    assert (pair.items, pair.agreement) == (50, 0.7)
    assert pair.kappa == pytest.approx(0.4)
    assert found.agreement == pytest.approx(0.7)
    assert found.unanimous == pytest.approx(0.7)
    by_label = {c.label: c for c in found.classes}
    assert by_label["y"].agreement == pytest.approx(2 * 20 / (2 * 20 + 15))
    assert by_label["n"].agreement == pytest.approx(2 * 15 / (2 * 15 + 15))
    (confusion,) = found.confusions
    assert (confusion.first, confusion.second, confusion.items) == ("n", "y", 15)


def test_fleiss_example_is_near_alpha() -> None:
    # Fleiss 1971 as in Wikipedia's article: 10 subjects, 14 raters, kappa .210; alpha corrects for the sample's size
    given_labels = np.array(
        [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ],
        float,
    )
    n = given_labels.sum()
    alpha = krippendorff_alpha(given_labels)
    assert alpha is not None
    # alpha and Fleiss' kappa differ by (1 - kappa) / n only, for equally many raters
    assert 1 - (1 - alpha) * n / (n - 1) == pytest.approx(0.210, abs=5e-4)


tables = st.lists(st.text("abc.", min_size=6, max_size=6), min_size=2, max_size=4)


@given(tables, st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(observers: list[str], random) -> None:
    alpha = krippendorff_alpha(counted(observers))
    order = list(range(6))
    random.shuffle(order)
    turned = ["".join(row[i] for i in order) for row in reversed(observers)]
    renamed = [row.translate(str.maketrans("abc", "zxy")) for row in turned]
    again = krippendorff_alpha(counted(renamed))
    assert (alpha is None) == (again is None)
    if alpha is not None and again is not None:
        assert again == pytest.approx(alpha)
        assert alpha <= 1.0 + 1e-12


@given(st.text("abc", min_size=2, max_size=9).filter(lambda row: len(set(row)) > 1))
@settings(max_examples=30)
def test_equal_labels_agree_wholly(row: str) -> None:
    found = agreement_of(*table([row, row, row]))
    assert found.alpha == pytest.approx(1.0)
    assert found.agreement == found.unanimous == 1.0
    assert all(pair.kappa == pytest.approx(1.0) for pair in found.pairs)
    assert not found.confusions


def test_nothing_to_compare() -> None:
    alone = agreement_of(["a", "b"], ["x", "y"], ["1", "2"])
    assert (alone.shared, alone.alpha, alone.pairs) == (0, None, ())
    one_label = agreement_of(["a", "a"], ["x", "y"], ["1", "1"])
    assert one_label.alpha is None
    assert one_label.pairs[0].kappa is None
    assert one_label.agreement == 1.0


def test_the_interval_holds_the_value_and_the_seed_decides() -> None:
    rng = np.random.default_rng(0)
    first = "".join(rng.choice(list("abc"), 200))
    second = "".join(c if rng.random() < 0.7 else str(rng.choice(list("abc"))) for c in first)
    found = agreement_of(*table([first, second]), seed=3)
    assert found.alpha_low < found.alpha < found.alpha_high
    assert found.alpha_high - found.alpha_low < 0.3
    assert found == agreement_of(*table([first, second]), seed=3)


def test_nobody_annotated(shop) -> None:
    with pytest.raises(InputError, match="no annotations of 'category'"):
        agreement(shop)
