"""The report of a study: what it says is what the verdict holds, whatever the names are."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from evenshelf.errors import InputError
from evenshelf.remedies.families import ACCOUNTS, OF_LISTS
from evenshelf.report import study_report, write_study_report
from evenshelf.report.advice import FINDINGS
from evenshelf.report.classes import class_changes
from evenshelf.report.command import command
from evenshelf.report.numbers import number
from evenshelf.study.advising import advise
from evenshelf.study.fairness import fairness
from evenshelf.study.learning_curve import CurvePoint, Forecast, LearningCurve
from evenshelf.study.repeats import SeedGain, SeedSensitivity
from evenshelf.study.resampled import resampled_test
from evenshelf.study.runner import WORDS_SPEC
from evenshelf.study.terminal import study_notes
from evenshelf.study.verdict import decide
from evenshelf.study.wording import change, comparison_note, seconds, signed
from evenshelf.tasks.nouns import TEXTS
from tests.report.reading import read, rows
from tests.study.factory import PLANS, REFUSED, Plan, study, with_remedies

EVIL = "<script>alert('1')</script>"
WORDS = Plan(WORDS_SPEC, 0.95, 0.82, 0.93, 0.80, "Plain TF-IDF with class weights", ("weight",), 3, reference=True)
FLAT = (
    Plan("none", 0.95, 0.70, 0.93, 0.45, "Nothing", (), 6, 0.1),
    Plan("balanced", 0.94, 0.70, 0.92, 0.60, "Class weights", ("weight",), 6.5, 0.06),
    Plan("random_under", 0.70, 0.62, 0.50, 0.50, "Random under-sampling", ("resample",), 2, 0.12),
)


@pytest.fixture(scope="module")
def result():
    made = study(plans=(*PLANS, WORDS), rows=2500, classes=40)
    return replace(made, remedies=(*made.remedies, REFUSED))


@pytest.fixture(scope="module")
def verdict(result):
    return decide(result)


@pytest.fixture(scope="module")
def page(result, verdict):
    return study_report(result, verdict)


@pytest.fixture(scope="module")
def tree(page):
    return read(page)


def test_every_row_of_the_table_is_a_comparison(tree, verdict):
    shown = rows(tree.by_id("remedies"))
    assert len(shown) == len(verdict.comparisons)
    for cells, c in zip(shown, verdict.comparisons, strict=True):
        assert cells[0].startswith(c.spec)
        scores = [c["macro_f1"], c["head_f1"], c["torso_f1"], c["tail_f1"], c["accuracy"]]
        lost = "" if c.spec == "none" else f"{change(-c.head_loss)}{change(-c.head_loss_high)} to "
        lost += "" if c.spec == "none" else change(-c.head_loss_low)
        shown_scores = [number(v) for v in scores]
        shown_scores[1] += lost
        assert cells[1:6] == shown_scores
        if c.spec == "none":
            assert cells[6:8] == ["–", "–"]
        else:
            assert cells[6] == f"{signed(c.diff)}{signed(c.low)} to {signed(c.high)}"
            assert cells[7] == ("–" if c.reference else number(c.p_holm))
        assert cells[8:11] == [number(c["ece"]), number(c["tail_ece"]), seconds(c.seconds)]
        assert cells[11] == comparison_note(c, verdict.guardrail)


def test_no_p_value_is_shown_as_zero(result, verdict):
    """Neither that of a baseline, which is not corrected, nor the least that the draws can give."""
    sure = tuple(
        replace(test, p=1e-9, p_holm=math.nan if test.spec == WORDS_SPEC else 1e-9) for test in verdict.resampled
    )
    page = read(study_report(result, replace(verdict, resampled=sure, replicates=200_000)))
    shown = {cells[0]: cells[5] for cells in rows(page.by_id("bucket-table"))}
    assert WORDS_SPEC in shown
    assert set(shown.values()) == {"< .001"}
    assert re.search(r"p can be below \d\.?\d*e-0\d", page.by_id("how").text)


def test_the_table_of_tuning_is_the_verdicts(tree, verdict):
    for cells, c in zip(rows(tree.by_id("tuning-table")), verdict.comparisons, strict=True):
        assert cells[:3] == [c.spec, number(c.untuned), number(c["macro_f1"])]
        if math.isfinite(c.naive_gain):
            assert cells[3:5] == [signed(c.naive_gain), signed(c.diff)]
        if 0 < c.vanished < 1:
            assert float(cells[5].split()[0]) == pytest.approx(100 * c.vanished, abs=0.5)
    gone = [c.vanished for c in verdict.comparisons if math.isfinite(c.vanished) and not c.reference]
    words = tree.by_id("tuning").text
    assert f"a gain for {len(gone)} remedies" in words
    assert f"In the median {100 * np.median(gone):.0f} % of such a gain is gone" in words


def test_the_table_of_classes_is_that_of_the_predictions(tree, result, verdict):
    changes = class_changes(result, result.baseline.tuned, result[verdict.best].tuned)
    expected = [
        [c.name, c.bucket, f"{c.count:,}", number(c.before), number(c.after), signed(c.change)] for c in changes
    ]
    assert rows(tree.by_id("class-table")) == expected
    assert f"{sum(c.change > 0 for c in changes)} gain" in tree.by_id("classes").text


def test_every_score_in_the_words_is_a_number_of_the_study(tree, result, verdict):
    known = {v for c in verdict.comparisons for v in vars(c).values() if isinstance(v, float) and math.isfinite(v)}
    known |= {v for c in verdict.comparisons for v in c.values.values() if math.isfinite(v)}
    base, best = verdict["none"], verdict[verdict.best]
    known |= {best["head_f1"] - base["head_f1"], best["accuracy"] - base["accuracy"], *result.meta["leak"].values()}
    known |= {base["macro_f1"] - base.untuned, verdict.alpha, len(verdict.comparisons[1:]) / (verdict.replicates + 1)}
    for one in class_changes(result, result.baseline.tuned, result[verdict.best].tuned):
        known |= {one.before, one.after, one.change}
    advice = advise(result, verdict)
    known |= {f.p_gain for f in advice.families}
    known |= {float(v) for said in advice.collect for v in re.findall(r"\.\d{3}\b", said)}  # tests/study/test_advice.py
    known |= {t.diff for t in verdict.ties} | {verdict.zone}
    for entry in (*verdict.buckets, *verdict.resampled, *verdict.calibration, *verdict.tradeoffs):
        known |= {v for v in vars(entry).values() if isinstance(v, float) and math.isfinite(v)}
    known |= set(_numbers(fairness(result, verdict).to_dict()))
    allowed = {f"{abs(v):.3f}".removeprefix("0") for v in known}
    counts = result.classes["count"].sort().to_numpy()
    gini = 2 * (np.arange(1, len(counts) + 1) * counts).sum() / (len(counts) * counts.sum()) - 1 - 1 / len(counts)
    allowed.add(number(float(gini)))
    text = " ".join(e.text for e in tree.all("body"))
    shown = set(re.findall(r"(?<![\d.])\.\d{3}\b", text))
    assert len(shown) > 50
    assert shown <= allowed


def test_the_advice_is_that_of_the_study(tree, result, verdict):
    advice = advise(result, verdict)
    text = tree.by_id("advice").text
    assert advice.counsels
    for counsel in advice.counsels:
        for sentence in (counsel.expected, counsel.measured, counsel.conclusion, counsel.source):
            assert " ".join(sentence.split()) in text
    for sentence in (advice.correction, *advice.following, *advice.collect):
        assert " ".join(sentence.split()) in text
    facts = dict(rows(tree.by_id("advice-facts")))
    assert facts["classes with fewer than 20 examples"] == f"{advice.facts.few} of {advice.facts.classes}"
    assert "not known" in facts["texts that hold their label"]


def test_the_table_of_families_is_what_was_measured_of_them(tree, result, verdict):
    families = advise(result, verdict).families
    assert sum(len(f.specs) for f in families) == sum(c.spec != "none" and not c.reference for c in verdict.comparisons)
    for cells, f in zip(rows(tree.by_id("families-table")), families, strict=True):
        assert cells[0] == f.title
        assert cells[1].startswith(f.best)
        assert cells[2] == f"{signed(f.diff)}{signed(f.low)} to {signed(f.high)}"
        assert cells[3] == f"{signed(f.tail_diff)}{signed(f.tail_low)} to {signed(f.tail_high)}"
        assert cells[4:6] == ["< .001" if p < 0.001 else number(p) for p in (f.p_holm, f.p_gain)]
        assert cells[6:] == [str(f.gained), str(f.lost), seconds(f.seconds), FINDINGS[f.standing]]


def test_every_family_is_described_and_one_that_was_not_compared_says_so(tree, result, verdict):
    known = {f.families[0]: f for f in advise(result, verdict).families if len(f.families) == 1}
    shown = {d.all("summary")[0].text: d.text for d in tree.by_id("families").all("details")}
    told = {family: account for family, account in ACCOUNTS.items() if family not in OF_LISTS}
    assert len(shown) == len(told)
    for family, account in told.items():
        found = FINDINGS[known[family].standing] if family in known else "not compared"
        text = shown[f"{family.heading} {found}"]
        for sentence in (account.does, account.strength.text, account.weakness.text, account.when, account.cost.text):
            assert " ".join(sentence.split()) in text
        if family in known:
            assert seconds(known[family].seconds) in text
            assert "not measured here" not in text
        else:
            assert "not measured here" in text


def _numbers(document):
    """Every number in nested lists and dicts."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        return [number for entry in document for number in _numbers(entry)]
    return [document] if isinstance(document, float) else []


def test_the_headline_and_its_reasons_come_first(tree, verdict):
    (header,) = tree.all("header")
    assert [h.text for h in header.all("h1")] == [verdict.headline]
    lines = [li.text for li in header.all("li")]
    assert lines == [" ".join(reason.split()) for reason in verdict.reasons]


def test_nothing_is_loaded_and_nothing_runs(page, tree):
    assert not re.search(r"https?:|//[a-z]|url\(|@import|javascript:", page.replace("http-equiv", ""))
    elements = tree.elements()
    assert not {e.tag for e in elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "image",
        "use",
        "base",
    }
    for element in elements:
        assert not [a for a in element.attributes if a.startswith("on") or a in {"src", "srcset", "xlink:href"}]
        if "href" in element.attributes:
            target = element.attributes["href"]
            assert target.startswith("#")
            assert tree.by_id(target[1:]) is not None, f"{target} leads nowhere"
    policy = [e.attributes["content"] for e in tree.all("meta") if "http-equiv" in e.attributes]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_page_can_be_used_without_eyes_and_on_phones(tree):
    (html,) = tree.all("html")
    assert html.attributes["lang"] == "en"
    assert any(m.attributes.get("name") == "viewport" for m in tree.all("meta"))
    levels = [int(e.tag[1]) for e in tree.elements() if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    figures = tree.all("figure")
    assert len(figures) == 8
    for shown in figures:
        (image,) = [e for e in shown.elements() if e.attributes.get("role") == "img"]
        assert len(image.attributes["aria-label"]) > 40
        svgs = image.all("svg")
        assert len(svgs) == 2
        for svg, narrow in zip(svgs, (False, True), strict=True):
            width = float(svg.attributes["width"])
            assert (280 < width <= 350) if narrow else (800 < width <= 890)
    ids = [e.attributes["id"] for e in tree.elements() if "id" in e.attributes]
    assert len(ids) == len(set(ids))


def test_remedies_that_do_not_apply_are_named_with_their_reason(tree):
    said = tree.by_id("not-applicable").text
    assert REFUSED.spec in said
    assert REFUSED.title in said
    assert REFUSED.not_applicable in said
    assert "1 not applicable" in tree.by_id("facts").text


def test_the_baseline_without_a_language_model_is_called_so(tree, verdict):
    row = next(r for r in rows(tree.by_id("remedies")) if r[0].startswith(WORDS_SPEC))
    assert "baseline without a language model" in row[0]
    said = tree.by_id("gains").text
    assert f"{WORDS_SPEC} is no remedy but a yardstick" in said
    assert f"It stands at {number(verdict[WORDS_SPEC]['macro_f1'])}" in said


def test_a_yardstick_that_wins_is_not_praised_as_a_remedy():
    made = study(plans=(*FLAT, replace(WORDS, head=0.97, tail=0.95)), rows=1500, classes=25)
    verdict = decide(made, replicates=200)
    assert verdict.recommended is None
    assert verdict[WORDS_SPEC].p < 0.05
    assert "compare other encoders before you rely on these" in read(study_report(made, verdict)).all("header")[0].text


def test_notes_of_the_folds_are_merged_into_ranges(tree):
    assert "7 classes of one row were duplicated." in tree.by_id("did").text


def test_hostile_names_stay_text(result):
    names = [f"{EVIL}{i}" for i in range(result.classes.height)]
    names[1], names[2] = '"><img src=x onerror=alert(1)>', '{{ 7 * 7 }} & <b>1.23456</b> \'x" role="y"'
    meta = {
        **result.meta,
        "shop": EVIL,
        "name": f"</title>{EVIL}",
        "target": EVIL,
        "encoder": {"spec": EVIL, "reason": f"</style>{EVIL}"},
        "not_evaluated": {EVIL: EVIL},
        "dropped": {EVIL: 3},
        "versions": {EVIL: EVIL},
    }
    classes = result.classes.with_columns(pl.Series("class", names))
    noted = replace(result["smote"], notes=(EVIL,), paper=EVIL, title=EVIL)
    kept = [result.baseline, result["name_prior"], noted, replace(REFUSED, not_applicable=EVIL)]
    made = with_remedies(replace(result, meta=meta, classes=classes), *kept)
    page = study_report(made, decide(made, replicates=100))
    tree = read(page)
    assert "<script" not in page.lower()
    assert "<img" not in page
    assert not [e for e in tree.elements() if any(a.startswith("on") for a in e.attributes)]
    shown = [cells[0] for cells in rows(tree.by_id("class-table"))]
    assert set(shown) <= {" ".join(name.split()) for name in names}
    assert names[2] in shown
    # also in the charts, where a tooltip must not lose digits or quotes of a name
    assert '{{ 7 * 7 }} &amp; &lt;b&gt;1.23456&lt;/b&gt; \'x" role="y"' in page


def test_chinese_names_are_shown_whole(tmp_path):
    made = study(chinese=True, plans=FLAT, rows=1200, classes=20)
    verdict = decide(made, replicates=100)
    text = write_study_report(made, verdict, tmp_path / "报告.html").read_text(encoding="utf-8")
    tree = read(text)
    assert "示例商店" in tree.all("header")[0].text
    assert [cells[0] for cells in rows(tree.by_id("class-table"))][:2] == ["跑步鞋", "短袖衬衫"]
    assert '<meta charset="utf-8">' in text
    assert "PingFang SC" in text


def test_no_winner_is_said_plainly():
    made = study(plans=FLAT, seed=3, rows=1500, classes=25)
    verdict = decide(made, replicates=200)
    assert verdict.recommended is None
    tree = read(study_report(made, verdict))
    assert tree.all("h1")[0].text == "No remedy beats doing nothing here."
    assert "No remedy passes, and that is a result" in tree.by_id("gains").text
    assert not [e for e in tree.elements() if e.attributes.get("class") == "won"]
    assert "best try" in tree.by_id("tail").text


def test_doing_nothing_alone_makes_a_report(result):
    made = with_remedies(result, result.baseline, REFUSED)
    tree = read(study_report(made, decide(made)))
    assert tree.by_id("gains") is None
    assert tree.by_id("classes") is None
    assert len(rows(tree.by_id("remedies"))) == 1
    assert {a.attributes["href"] for a in tree.all("a")} >= {"#table", "#how"}


def test_a_record_with_nothing_in_it_makes_a_report(result):
    made = with_remedies(replace(result, meta={}), result.baseline, replace(result["balanced"], default=None))
    tree = read(study_report(made, decide(made, replicates=100)))
    assert "The study was given vectors" in tree.by_id("facts").text
    assert "LabelTask.of(labels, texts), vectors" in tree.by_id("again").text
    assert "None" not in tree.by_id("how").text


def test_the_command_holds_what_was_asked(tree, result, verdict):
    text = command(with_remedies(result, *result.remedies[:3], result[WORDS_SPEC]), verdict)
    assert "evenshelf study 'example shop'" in text
    for option in ("--target category", "--folds 5", "--budget 8", "--seed 0", "--encoder 'minilm + tfidf(512)'"):
        assert option in text
    assert "--metric macro_f1" in text
    assert "--zone 0.005" in text
    assert "--zone 0.02" in command(result, replace(verdict, zone=0.02))
    assert "--seeds" not in text
    further = replace(
        result,
        seeds=SeedSensitivity("macro_f1", tuple(SeedGain("balanced", s, 0.5, 0.1, 0.1) for s in (0, 1, 2)), ()),
        curve=LearningCurve((), ()),
    )
    assert "--seeds 3" in command(further, verdict)
    assert "--learning-curve" in command(further, verdict)
    assert text.endswith("--remedies 'none, name_prior + logit_adjust(tau=0.5), name_prior'")
    assert tree.by_id("again").all("pre")[0].text == " ".join(command(result, verdict).split())
    without_shop = replace(result, meta={**result.meta, "shop": None})
    assert "evenshelf.compare(\n    texts, labels, encoder='minilm + tfidf(512)', folds=5" in command(
        without_shop, verdict
    )


def test_a_gain_that_costs_the_head_is_not_called_nothing():
    plans = (FLAT[0], Plan("greedy", 0.86, 0.97, 0.9, 0.9, "Greedy", ("weight",)))
    made = study(plans=plans, rows=6000)
    verdict = decide(made)
    assert verdict.recommended is None
    assert verdict["greedy"].significant
    page = study_report(made, verdict)
    assert "more than the guardrail of 1.0\u00a0% allows" in page
    assert "No remedy passes" not in page


def test_the_command_and_the_limits_name_the_learner(result, verdict, page):
    assert "The models are linear heads on fixed vectors;" in page
    assert "penalty C = 1" in page
    assert "learner" not in command(result, verdict)
    other = {"learner": "means", "models": "nearest means", "default_penalty": "the learner's own"}
    told = replace(result, meta={**result.meta, **other, "settings_tried": [1, 2]})
    assert "--learner means" in command(told, verdict)
    assert "learner='means'" in command(replace(told, meta={**told.meta, "shop": None}), verdict)
    other_page = study_report(told, verdict)
    assert "The models are nearest means on fixed vectors;" in other_page
    assert "penalty the learner&#39;s own" in other_page
    assert "1 to 2" in other_page
    assert "the same number for all" not in other_page


def test_a_study_of_tags_speaks_of_tags(result, verdict, page):
    told = replace(result, meta={**result.meta, "nouns": replace(TEXTS, label="tag", labels="tags").to_dict()})
    tagged = study_report(told, verdict)
    for shown, one, several in ((page, "class", "classes"), (tagged, "tag", "tags")):
        assert f"<h2>{one.capitalize()} by {one}</h2>" in shown
        assert f'<a href="#classes">{one.capitalize()} by {one}</a>' in shown
        assert f"<h3>Rare and frequent {several}</h3>" in shown
        assert f'<th scope="col">{one}</th><th scope="col">part</th>' in shown
        assert f'<th scope="col" class="num">{several}</th>' in shown
        assert f"rank of the {several}, most frequent first" in shown
        assert f"F1 of the {one}" in shown
    for name in ("facts", "tail", "classes"):
        (section,) = re.findall(rf'<section id="{name}">.*?</section>', tagged, re.DOTALL)
        words = re.sub(r'(?:class|id)="[^"]*"', "", section)
        assert not re.findall(r"\b[Cc]lass(?:es)?\b.{20}", words), name


def test_a_thousand_classes_stay_a_page_of_bearable_size():
    made = study(classes=1000, rows=12000, plans=FLAT[:2], exponent=1.0)
    page = study_report(made, decide(made, replicates=100))
    assert len(rows(read(page).by_id("class-table"))) > 900
    assert len(page.encode()) < 1_500_000


def test_writing_replaces_at_once_and_leaves_nothing_behind(tmp_path, result, verdict, monkeypatch):
    monkeypatch.setattr("evenshelf.report.study.study_report", lambda *_: "new")
    path = tmp_path / "deep" / "report.html"
    assert write_study_report(result, verdict, path) == path
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(InputError, match="cannot be written to"):
        write_study_report(result, verdict, path.parent)
    assert [p.name for p in path.parent.parent.iterdir()] == ["deep"]


def test_equal_studies_make_equal_pages(result, verdict, page):
    assert study_report(result, verdict) == page


def test_other_seeds_and_fewer_labels_are_shown_where_asked_for(result, verdict):
    spec = verdict.best
    gains = tuple(SeedGain(spec, seed, 0.8 + seed / 100, 0.01 * (seed + 1), 0.02) for seed in range(3))
    tests = (replace(resampled_test([0.01, 0.02, 0.03, 0.02], 0.5), spec=spec),)
    points = tuple(
        CurvePoint(name, share, 1000 * share, "macro_f1", value, value - 0.02, value + 0.02)
        for name, start in (("none", 0.5), (spec, 0.6))
        for share, value in ((0.25, start), (0.5, start + 0.1), (1.0, start + 0.17))
    )
    forecasts = (
        Forecast("none", "macro_f1", 0.731, 0.713, 0.752, 0.664, 0.67, math.nan),
        Forecast(spec, "macro_f1", 0.824, 0.807, 0.843, 0.766, 0.77, 2.34, 1.4, 3.9),
    )
    more = replace(result, seeds=SeedSensitivity("macro_f1", gains, tests), curve=LearningCurve(points, forecasts))
    tree = read(study_report(more, verdict))
    shown = rows(tree.by_id("seed-table"))
    assert [cell[:5] for cell in shown[0][1:]] == ["+.010", "+.020", "+.030"]
    said = tree.by_id("curve").text
    assert ".731 (.713 to .752)" in said
    assert "2.3 times the labels (1.4 to 3.9)" in said
    told = "+.010 in macro-F1 under the seed that chose it, +.020 to +.030 under 2 fresh seeds"
    assert told in tree.by_id("seeds").text
    terminal = " ".join(note.plain for note in study_notes(more, verdict))
    assert "2.3 times the labels" in terminal
    assert told in terminal
    plain = read(study_report(result, verdict))
    ids = {e.attributes.get("id") for e in plain.elements()}
    assert not ids & {"seeds", "curve"}
    assert {"buckets", "tradeoffs"} <= ids
