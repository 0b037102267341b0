"""``python -m bench.name_prior`` on made-up titles, and what it asks with: masks of titles, and unseen classes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from bench.name_prior import AS_THEY_ARE, PRIOR, PRIORS, REMEDIES, arguments, main
from bench.name_tables import unseen_lines
from bench.unseen import UnseenTask
from hypothesis import given
from hypothesis import strategies as st

from bench import label_masks
from evenshelf.learners.heads import HEADS
from evenshelf.remedies import parse
from evenshelf.study.plan import settings
from evenshelf.tasks.label import LabelTask
from tests.study.factory import Plan, study


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("names") / "names.json"
    assert main(["--quick", "--rows", "200", "--json", str(path)]) == 0
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def table(report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (listing,) = (t for t in report["tables"] if t["name"] == name)
    return [dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]]


@pytest.mark.timeout(300)  # nine small studies, on whatever machine this is
def test_figures_follow_from_the_tables(report: dict[str, Any]) -> None:
    figures = {figure["name"]: figure for figure in report["figures"]}
    rows = table(report, "prior_names")
    assert {row["remedy"] for row in rows if row["names"] == AS_THEY_ARE} == {"none", *REMEDIES}
    gains = {row["names"]: row["difference"][0] for row in rows if row["remedy"] == PRIOR}
    assert figures["gain_simulated"]["value"] == gains[AS_THEY_ARE]
    assert figures["gain_simulated"]["peer_value"] == gains["shuffled, seed 0"]
    assert figures["gain_of_codes_simulated"]["value"] == gains["codes"]
    (recall,) = (
        row["unseen_recall"][0]
        for row in table(report, "prior_unseen")
        if row["remedy"] == PRIOR and row["names"] == AS_THEY_ARE
    )
    assert figures["unseen_recall_simulated"]["value"] == recall
    assert figures["unseen_recall_simulated"]["peer_value"] == 0


def test_titles_lose_more_and_more_words(report: dict[str, Any]) -> None:
    changed = [row["changed"] for row in table(report, "prior_titles") if row["remedy"] == "none"]
    assert changed[0] == 0
    assert changed == sorted(changed)


@pytest.mark.parametrize("words", [["--quick"], [], ["--part", "zh"], ["--part", "worlds"]])
def test_every_remedy_can_be_tuned_with_the_budget(words: list[str]) -> None:
    asked = arguments(words)
    assert asked.data or asked.worlds
    for spec in ("none", *REMEDIES):
        assert settings(parse(spec), asked.budget, HEADS)
    assert set(PRIORS) < set(REMEDIES)


@pytest.mark.parametrize(
    ("title", "label", "whole", "own"),
    [
        ("Puma Casual Shoe black", "Casual Shoes", "Puma black", "Puma black"),
        ("Puma shoes, casual", "Casual Shoes", "Puma shoes, casual", "Puma ,"),
        ("Titan WATCH", "Watches", "Titan", "Titan"),
        ("Laptop sleeve", "Tops", "Laptop sleeve", "Laptop sleeve"),
        ("Gold accessory", "Bags|Accessories", "Gold", "Gold"),
        ("Nike跑步鞋 男", "鞋|跑步鞋", "Nike 男", "Nike 男"),
        ("Nike鞋 男", "鞋|跑步鞋", "Nike鞋 男", "Nike 男"),
        ("优诺 双肩包", "Backpack / 双肩包", "优诺", "优诺"),
    ],
)
def test_words_of_labels_are_taken_out(title: str, label: str, whole: str, own: str) -> None:
    assert label_masks.without_label([title], [label]) == [whole]
    assert label_masks.without_own_words([title], [label]) == [own]


WORDS = ("shoe", "shoes", "casual", "watch", "red", "鞋", "跑步鞋", "+")


@given(
    rows=st.lists(
        st.tuples(
            st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join),
            st.lists(st.sampled_from(WORDS[:7]), min_size=1, max_size=3).map("|".join),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_masked_titles_hold_no_word_of_what_was_masked(rows: list[tuple[str, str]]) -> None:
    titles, labels = zip(*rows, strict=True)
    own, everything = label_masks.without_own_words(titles, labels), label_masks.without_all_words(titles, labels)
    all_words = {word for label in labels for word in label_masks.label_words(label)}
    for title, label, mine, bare in zip(titles, labels, own, everything, strict=True):
        assert not set(mine.split()) & set(label_masks.label_words(label))
        assert not set(bare.split()) & all_words
        assert all(part in title for part in bare.split())


@given(codes=st.lists(st.integers(0, 11), min_size=60, max_size=120), folds=st.integers(3, 5), seed=st.integers(0, 99))
def test_no_fold_is_asked_for_a_drawn_class_that_it_was_trained_on(codes: list[int], folds: int, seed: int) -> None:
    target = [*range(12), *codes]
    group = np.random.default_rng(seed).integers(0, 80, len(target))
    task, kept = UnseenTask.drawn(LabelTask.of(target, group=group), folds, seed)
    assert len(kept) == len(task.target)
    fold = task.split(folds, seed)
    for c in np.flatnonzero(task.home >= 0):
        assert (fold[task.target == c] == task.home[c]).all()
    for number in np.unique(task.group):
        assert len(set(fold[task.group == number])) == 1
    assert (task.home < 0).sum() >= 1


def test_recall_is_that_of_unseen_classes_and_taken_that_of_the_others() -> None:
    made = study(plans=(Plan("none", 0.9, 0.5, 0.9, 0.5), Plan(PRIOR, 0.9, 0.9, 0.9, 0.9)), rows=2000, classes=12)
    unseen = np.zeros(12, bool)
    unseen[3] = True
    fold = made.fold.copy()
    fold[made.y == 3] = 1
    lines = {line[0]: line for line in unseen_lines(type(made)(**{**vars(made), "fold": fold}), unseen)}
    for spec, (_, recall, by_class, _, difference, taken) in lines.items():
        outcome = made[spec].tuned
        assert outcome is not None
        right = float((outcome.predicted[made.y == 3] == 3).mean())
        assert recall[0] == pytest.approx(right)
        assert by_class == pytest.approx(right)
        others = (made.y != 3) & (fold >= 0)
        assert taken == pytest.approx(float(((outcome.predicted == 3) & (fold == 1))[others].mean()))
        assert (difference is None) == (spec == "none")
