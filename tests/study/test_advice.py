"""Advice: each rule is right on some data and wrong on others, and where it is wrong the study counts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.errors import InputError
from evenshelf.remedies import Family, catalogue
from evenshelf.remedies.families import ACCOUNTS
from evenshelf.shop import simulate
from evenshelf.study.advising import Advice, advise, save_advice
from evenshelf.study.advising.advice import agreement
from evenshelf.study.advising.collecting import by_size, sizes
from evenshelf.study.advising.data import data_facts
from evenshelf.study.advising.evidence import evidence_on, families_of, family_evidence
from evenshelf.study.advising.facts import Facts, facts_of
from evenshelf.study.advising.rules import RULES
from evenshelf.study.prepare import shop_task
from evenshelf.study.results import StudyResult
from evenshelf.study.runner import Study
from evenshelf.study.verdict import Verdict, decide
from evenshelf.study.wording import signed
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import class_scores
from evenshelf.tasks.nouns import TEXTS
from tests.study.factory import PLANS, Plan, study, with_remedies


@dataclass(frozen=True)
class World:
    """Classes drawn about centres in space, the first one about the origin where it is a `head`."""

    counts: tuple[int, ...]
    axes: int
    apart: float
    remedies: str
    wide: float = 1.0
    tight: float = 1.0
    wrong: float = 0.0
    head: bool = True
    names: str = ""
    texts: bool = False

    def drawn(self) -> tuple[LabelTask, np.ndarray, np.ndarray | None]:
        rng = np.random.default_rng(0)
        classes = len(self.counts)
        centres = rng.normal(size=(classes, self.axes))
        centres *= self.apart / np.linalg.norm(centres, axis=1, keepdims=True)
        if self.head:
            centres[0] = 0
        code = np.repeat(np.arange(classes), self.counts)
        spread = np.where(code == 0, self.wide, self.tight)[:, None]
        vectors = (centres[code] + spread * rng.normal(size=(len(code), self.axes))).astype(np.float32)
        turned = rng.random(len(code)) < self.wrong
        label = np.where(turned, rng.integers(classes, size=len(code)), code)
        labels = [f"kind {c:03d}" for c in label]
        texts = [f"{name}, piece {number}" for number, name in enumerate(labels)] if self.texts else None
        task = LabelTask.of(labels, texts, group=np.arange(len(labels)))
        own = centres[[int(name[-3:]) for name in task.classes]].astype(np.float32)
        return task, vectors, {"": None, "true": own, "mixed": own[rng.permutation(classes)]}[self.names]


FEW = (600, *[12] * 24)
MUCH = (1500, *[60] * 8)
BY_SIZE = "balanced, random_over, random_under, smote(k=2), balanced_softmax, logit_adjust"
WORLDS = {
    # rare classes, each dense, inside of a wide frequent one: all that looks at frequency gains
    "dense": World(FEW, 6, 3.5, BY_SIZE, wide=2.0, tight=0.5),
    # far from each other: there is nothing left to gain
    "apart": World((600, *[15] * 24), 32, 9, f"{BY_SIZE}, name_prior", names="mixed", texts=True),
    "much, overlapping": World(MUCH, 16, 2.5, "random_under", wide=1.5),
    "much, clear": World((1500, *[60] * 20), 12, 3, "random_under, generalised_ce"),
    "equal, true names": World((40,) * 12, 64, 2.5, "balanced, name_prior", head=False, names="true"),
    "equal, mixed names": World((40,) * 12, 16, 4, "name_prior", head=False, names="mixed"),
    "wrong labels": World((100,) * 8, 8, 5, "balanced, generalised_ce", head=False, wrong=0.3),
    "far neighbours": World(FEW, 4, 3, "smote(k=2)"),
    "far neighbours, wide head": World((600, *[12] * 12), 6, 2.5, "smote(k=2)", wide=1.5, tight=0.8),
    "blind": World((300, *[15, 9] * 12), 8, 0, "balanced, smote(k=2), name_prior", names="mixed"),
}
SHOP = "a simulated shop"
CASES = {
    "names in the texts": (SHOP, "apart"),
    "names not needed": ("equal, mixed names", "equal, true names"),
    "unequal classes": ("dense", "apart"),
    "equal classes": ("wrong labels", "equal, true names"),
    "many unequal classes: scores": ("dense", "apart"),
    "many unequal classes: losses": ("dense", "apart"),
    "little data": ("dense", "apart"),
    "much data, few of it rare": ("much, overlapping", "much, clear"),
    "nothing to leave out": (SHOP, "dense"),
    "neighbours of one class": ("dense", "apart"),
    "neighbours of other classes": ("far neighbours", "far neighbours, wide head"),
    "noisy labels": ("wrong labels", "much, clear"),
}
"""For each rule data on which it is right, and data on which it is wrong."""


@dataclass(frozen=True)
class Advised:
    result: StudyResult
    verdict: Verdict
    advice: Advice


@pytest.fixture(scope="module")
def advised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Advised]:
    """The study of a world, done when a test first asks for it."""

    @cache
    def made(name: str) -> Advised:
        folder = tmp_path_factory.mktemp("world")
        if name == SHOP:
            shop = simulate(folder / "shop", items=600, world="noisy", language="en", events=200, pictures=0)
            task = shop_task(shop, "category")
            encoder, cached = open_encoder("tfidf", task.texts), VectorCache()
            vectors, names = cached.encode(encoder, task.texts), cached.encode(encoder, task.class_texts)
            remedies = "random_under, name_prior, generalised_ce"
        else:
            task, vectors, names = WORLDS[name].drawn()
            remedies = WORLDS[name].remedies
        result = Study(
            task, vectors, folder / "study", names=names, remedies=remedies, folds=3, budget=4, workers=1
        ).run()
        verdict = decide(result, guardrail=1.0)
        return Advised(result, verdict, advise(result, verdict))

    return made


def test_every_rule_has_data_on_which_it_is_right_and_data_on_which_it_is_wrong() -> None:
    assert set(CASES) == {rule.name for rule in RULES}
    assert len(RULES) == len(CASES), "two rules have one name"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_confirmed_where_it_is_right(rule, advised: Callable[[str], Advised]) -> None:
    found = advised(CASES[rule.name][0])
    (counsel,) = (c for c in found.advice.counsels if c.rule == rule.name)
    evidence = evidence_on(rule.family, found.advice.families)
    assert evidence is not None
    assert counsel.agreement == "confirmed"
    assert "holds here" in counsel.conclusion
    assert found.verdict[evidence.best].diff > 0 if rule.gains else not evidence.positive


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_was_measured_overrides_a_rule_that_is_wrong(rule, advised: Callable[[str], Advised]) -> None:
    found = advised(CASES[rule.name][1])
    (counsel,) = (c for c in found.advice.counsels if c.rule == rule.name)
    evidence = evidence_on(rule.family, found.advice.families)
    assert evidence is not None
    assert counsel.agreement == "overridden"
    assert "what was measured counts" in counsel.conclusion
    assert evidence.positive != rule.gains
    if rule.gains:  # no member may still gain more than what is slight
        assert all(found.verdict[spec].high < 0.01 or found.verdict[spec].diff < 0 for spec in evidence.specs)
    else:
        assert found.verdict[evidence.best].low > 0


@pytest.mark.parametrize("name", [SHOP, "dense", "apart", "wrong labels"])
def test_the_sentences_hold_the_numbers_of_the_study(name: str, advised: Callable[[str], Advised]) -> None:
    found = advised(name)
    for counsel in found.advice.counsels:
        evidence = evidence_on(Family(counsel.family), found.advice.families)
        if evidence is None:
            assert "no remedy" in counsel.measured
            continue
        best = found.verdict[evidence.best]
        assert best.spec in counsel.measured
        for value in (best.diff, best.low, best.high, best.tail_diff):
            assert not math.isfinite(value) or signed(value) in counsel.measured


def test_what_cannot_be_known_is_told_and_no_rule_rests_on_it(advised: Callable[[str], Advised]) -> None:
    facts = advised("dense").advice.facts
    assert math.isnan(facts.named)
    assert "vectors, not texts" in facts.unknown["named"]
    assert not [c for c in advised("dense").advice.counsels if c.rule == "names in the texts"]
    assert "near" not in facts.unknown
    equal = advised("equal, true names").advice.facts
    assert "no class below the head" in equal.unknown["near"]
    blank = replace(facts, **dict.fromkeys(("named", "near", "conflicting", "contradicted"), math.nan))
    silent = {"names in the texts", "neighbours of one class", "neighbours of other classes", "noisy labels"}
    assert not [rule.name for rule in RULES if rule.name in silent and rule.holds(blank)]


def test_where_nothing_beats_guessing_no_rule_is_borne_out(advised: Callable[[str], Advised]) -> None:
    blind = advised("blind")
    assert not blind.verdict.informative
    assert blind.advice.counsels
    assert {c.agreement for c in blind.advice.counsels} <= {"undecided", "not compared"}
    assert not [family for family in blind.advice.families if family.positive]
    assert "compare other encoders" in blind.advice.following[0]


def test_labels_that_contradict_each_other_are_to_be_looked_at_first(advised: Callable[[str], Advised]) -> None:
    shop = advised(SHOP).advice
    assert shop.facts.conflicting > 0.02
    assert shop.facts.contradicted > 0.1
    assert any("annotate suspects" in sentence for sentence in shop.collect)
    assert not any("annotate suspects" in sentence for sentence in advised("apart").advice.collect)


def test_a_family_that_the_data_speak_for_and_the_study_left_out_comes_next(advised: Callable[[str], Advised]) -> None:
    (named,) = (c for c in advised("far neighbours").advice.counsels if c.rule == "unequal classes")
    assert named.agreement == "not compared"
    assert any(
        "class weights" in sentence and "balanced" in sentence
        for sentence in advised("far neighbours").advice.following
    )


def test_advice_is_read_back_as_it_was_written(advised: Callable[[str], Advised], tmp_path: Path) -> None:
    for name in (SHOP, "dense"):
        advice = advised(name).advice
        save_advice(advice, tmp_path)
        again = Advice.from_dict(json.loads((tmp_path / "advice.json").read_text(encoding="utf-8")))
        assert again.to_dict() == advice.to_dict()
        assert again.brief == advice.brief
    with pytest.raises(InputError, match="not advice of this version"):
        Advice.from_dict({"facts": {}})


MANY = tuple(
    Plan(spec, 0.95, tail, 0.93, 0.5, spec, (), 1)
    for spec, tail in (
        ("none", 0.70),
        ("balanced", 0.77),
        *((f"balanced(power={p})", 0.70) for p in np.arange(2, 40) / 20),
    )
)


def test_a_gain_lost_to_the_correction_is_told_with_both_p_values() -> None:
    made = study(plans=MANY, rows=3000, classes=40, seed=2)
    verdict = decide(made, guardrail=1.0)
    lost = [c for c in verdict.comparisons if c.diff > 0 and c.p < 0.05 <= c.p_holm]
    assert lost, "nothing is lost to the correction in this study, so this test tells nothing"
    said = advise(made, verdict).correction
    assert "significant by itself" in said
    assert "chosen beforehand" in said
    assert f"correction for {len(MANY) - 1} remedies" in said
    first = min(lost, key=lambda c: (c.p, -c.diff, c.spec))
    assert said.startswith(f"{first.spec} ({signed(first.diff)}")
    alone = decide(with_remedies(made, made.baseline, made[first.spec]), guardrail=1.0)
    assert alone.recommended == first.spec
    assert advise(with_remedies(made, made.baseline, made[first.spec]), alone).correction == ""


def test_families_that_agree_are_shown_together_where_no_remedy_is_shown_alone() -> None:
    """Equal remedies share one p-value, which a family keeps and the correction for each of them multiplies."""
    plans = (PLANS[0], *(Plan(f"balanced(power={p})", 0.95, 0.75, 0.93, 0.5, "w", ("weight",), 1) for p in (0.3, 0.6)))
    made = study(plans=plans, rows=1500, classes=30, seed=1)
    first = made.remedies[1]
    copies = [replace(first, spec=f"balanced(power={p})") for p in np.arange(1, 20) / 10]
    verdict = decide(with_remedies(made, made.baseline, *copies), guardrail=1.0)
    (family,) = family_evidence(verdict)
    assert family.p == verdict.comparisons[0].p or family.p == verdict.comparisons[1].p
    assert family.p_gain == pytest.approx(family.p)
    assert family.p_holm == pytest.approx(min(1.0, family.p * len(copies)))


@given(
    diffs=st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=8),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_family_both_gains_and_loses_and_tests_stay_probabilities(diffs: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    verdict = some_verdict()
    rivals = [c for c in verdict.comparisons if c.spec != "none"]
    made = []
    for number, diff in enumerate(diffs):
        p = float(rng.random())
        made.append(
            replace(
                rivals[0],
                spec=["balanced", "random_over", "smote", "logit_adjust", "name_prior", "tomek", "focal", "mixup"][
                    number
                ],
                diff=diff,
                low=diff - 0.05,
                high=diff + 0.05,
                p=p,
                p_holm=min(1.0, p * len(diffs)),
                significant=diff > 0 and p * len(diffs) < 0.05,
                worse=diff < 0 and p * len(diffs) < 0.05,
            )
        )
    found = family_evidence(replace(verdict, comparisons=(verdict["none"], *made)))
    assert sum(len(f.specs) for f in found) == len(diffs)
    for f in found:
        assert 0 <= f.p_gain <= 1
        assert 0 <= f.p_loss <= 1
        assert not (f.gained and f.lost == len(f.specs))
        assert not (f.p_gain < 0.05 and f.p_loss < 0.05)
        assert f.standing != "loses" or f.diff < 0
        assert not f.positive or f.diff > 0


@cache
def some_verdict() -> Verdict:
    return decide(study(rows=800, classes=12))


def test_every_remedy_is_of_a_family_that_is_described() -> None:
    assert set(ACCOUNTS) == set(Family) - {Family.BASELINE}
    for kind in catalogue().values():
        assert kind.family in ACCOUNTS or kind.name == "none"
    assert families_of("name_prior + logit_adjust(tau=0.5)") == (Family.POOLING, Family.ADJUSTMENT)
    assert families_of("smote(k=2) + smote(k=2)") == ()
    assert families_of("a_remedy_of_a_package_that_is_gone") == ()
    for account in ACCOUNTS.values():
        for text in (account.does, account.strength.text, account.weakness.text, account.when, account.cost.text):
            assert text.endswith(".")
        assert re.search(r"\b(19|20)\d\d\b", account.source)


def test_what_a_composition_gains_is_not_counted_for_one_of_its_parts() -> None:
    plans = (
        PLANS[0],
        Plan("name_prior + logit_adjust", 0.95, 0.85, 0.93, 0.6),
        Plan("logit_adjust", 0.95, 0.8, 0.9, 0.5),
    )
    found = family_evidence(decide(study(plans=plans, rows=2000, classes=20), guardrail=1.0))
    assert {f.families for f in found} == {("score adjustment",), ("score adjustment", "pooled evidence")}
    adjusted, pooled = evidence_on(Family.ADJUSTMENT, found), evidence_on(Family.POOLING, found)
    assert adjusted is not None
    assert adjusted.best == "logit_adjust"
    assert pooled is None
    assert evidence_on(Family.MIXING, found) is None
    assert agreement(RULES[0], None) == "not compared"


def test_labels_are_called_doubtful_as_confident_learning_does() -> None:
    """With all probabilities, of which a study keeps two, at least as many labels are contradicted."""
    from evenshelf.annotating.confident import doubts
    from evenshelf.study.results import Outcome

    rng = np.random.default_rng(0)
    made = study(plans=(PLANS[0],), rows=900, classes=6)
    p = rng.dirichlet(np.full(6, 0.5), size=len(made.y))
    p[np.arange(len(p)), made.y] += 0.7
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    predicted = p.argmax(axis=1).astype(np.int32)
    rows = np.arange(len(p))
    outcome = Outcome(predicted, p[rows, made.y], p[rows, predicted])
    whole = replace(made, fold=np.zeros(len(p), np.int16), remedies=(replace(made.baseline, tuned=outcome),))
    theirs = doubts(made.y.astype(np.int64), p).contradicted.mean()
    ours = facts_of(whole).contradicted
    assert 0 < ours <= theirs + 1e-9
    assert ours > 0.5 * theirs


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), min_size=1, max_size=40))
def test_sizes_hold_every_class_once(classes: list[tuple[int, float]]) -> None:
    count, f1 = np.array([c for c, _ in classes]), np.array([f for _, f in classes])
    found = sizes(count, f1)
    assert sum(size.classes for size in found) == len(classes)
    assert sum(size.classes * size.f1 for size in found) == pytest.approx(f1.sum())
    for size in found:
        held = (count >= size.fewest) & (count <= (size.most or 10**9))
        assert held.sum() == size.classes


def test_how_f1_goes_with_size_is_told_with_an_interval_and_its_numbers() -> None:
    made = study(rows=3000, classes=50)
    verdict = decide(made, guardrail=1.0)
    said = by_size(made, verdict, TEXTS)
    spec = verdict.recommended or "none"
    outcome, rows = made[spec].tuned, made.fold >= 0
    assert outcome is not None
    scores = class_scores(made.y[rows], outcome.predicted[rows], len(made.classes))
    tested = scores.support > 0
    count, f1 = made.classes["count"].to_numpy()[tested], scores.f1[tested]
    for size in sizes(count, f1):
        assert size.said(TEXTS) in said
    gap = f1[count >= 20].mean() - f1[count < 20].mean()
    shown = re.search(r"changes by (\S+) \(95 % interval (\S+) to (\S+), over classes", said)
    assert shown is not None
    assert shown[1] == signed(gap)
    low, high = (float(v.replace("\N{MINUS SIGN}", "-")) for v in shown.groups()[1:])
    assert low <= gap <= high
    assert ("not shown" in said) == (low <= 0)


@pytest.mark.parametrize("several", [False, True])
def test_data_facts_are_those_of_texts_and_vectors(several: bool) -> None:
    rng = np.random.default_rng(0)
    labels = ["shoe"] * 30 + ["hat"] * 6 + ["belt"] * 4
    texts = [f"{name} {number}" if number % 2 else f"piece {number}" for number, name in enumerate(labels)]
    texts[35] = texts[37] = "the very same"  # a hat and a belt
    vectors = np.eye(3, dtype=np.float32)[[["shoe", "hat", "belt"].index(name) for name in labels]]
    vectors = vectors + rng.normal(0, 0.01, vectors.shape).astype(np.float32)
    task = LabelTask.of(labels, texts, group=np.arange(len(labels)))
    if several:
        task = type("Several", (LabelTask,), {"several": True}).of(labels, texts, group=np.arange(len(labels)))
    found = data_facts(task, vectors)
    held = [name in text for name, text in zip(labels, texts, strict=True)]
    assert found["named"] == pytest.approx(np.mean(held))
    assert json.loads(json.dumps(found)) == found
    if several:
        assert found["near"] is found["conflicting"] is None
        assert set(found["unknown"]) == {"near", "conflicting"}
    else:
        assert found["conflicting"] == pytest.approx(2 / 40)
        assert found["near"] == 1.0
        assert found["near_asked"] == 10
        assert data_facts(task, rng.permutation(vectors))["near"] < 0.7


def test_a_neighbour_in_the_same_group_does_not_count() -> None:
    """Rows of one group are copies of each other: what they share says nothing of other rows."""
    target = np.repeat(np.arange(3), (40, 6, 6))
    vectors = np.random.default_rng(1).normal(size=(len(target), 16)).astype(np.float32)
    vectors[41::2] = vectors[40::2]
    group = np.arange(len(target))
    group[41::2] = group[40::2]
    alone, together = (
        data_facts(LabelTask.of([str(t) for t in target], group=g), vectors)["near"]
        for g in (np.arange(len(target)), group)
    )
    assert alone == 1.0
    assert together < 0.5


@pytest.mark.parametrize("plans", [PLANS[:1], PLANS[:2]], ids=["nothing compared", "one remedy"])
def test_advice_of_the_smallest_studies(plans: tuple[Plan, ...]) -> None:
    for classes in (2, 3):
        made = study(plans=plans, rows=200, classes=classes)
        verdict = decide(made, guardrail=1.0)
        advice = advise(made, verdict)
        assert len(advice.families) == len(plans) - 1
        assert advice.correction == ""
        assert advice.collect
        assert Advice.from_dict(advice.to_dict()).to_dict() == advice.to_dict()
        if len(plans) == 1:
            assert {c.agreement for c in advice.counsels} <= {"not compared"}


def test_facts_are_read_back() -> None:
    facts = facts_of(study(rows=800, classes=12))
    again = Facts.from_dict(json.loads(json.dumps(facts.to_dict())))
    assert again.to_dict() == facts.to_dict()
    assert math.isnan(again.near)


def test_a_baseline_on_the_same_vectors_speaks_for_no_other_encoder() -> None:
    made = study(plans=(PLANS[0], Plan("trees", 0.99, 0.99, 0.9, 0.9, "Trees", reference=True)), rows=1500, classes=20)
    verdict = decide(made, replicates=100)
    for reads, told in (("vectors", False), ("texts", True)):
        about = replace(made, meta={**made.meta, "baselines": [{"spec": "trees", "name": "trees", "reads": reads}]})
        assert any("without these vectors" in s for s in advise(about, verdict).following) == told
