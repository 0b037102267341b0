"""What to type to get a study again holds each argument that its outcome depends on."""

from __future__ import annotations

import ast
import inspect
import shlex
from dataclasses import replace
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import evenshelf
from evenshelf.cli import app
from evenshelf.report.command import command
from evenshelf.study.learning_curve import LearningCurve
from evenshelf.study.ranking import RankingStudy
from evenshelf.study.repeats import SeedGain, SeedSensitivity
from evenshelf.study.results import StudyResult
from evenshelf.study.search import SearchStudy
from evenshelf.study.verdict import Verdict, decide
from tests.study.factory import study

ELSEWHERE = {"workers", "out", "report", "no_report", "as_json", "folder", "progress"}
"""Options that change no number: where a study is kept, how it is done, what is printed."""
OWN = {"names", "groups", "by"}

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda s: s.strip() == s and not s.startswith("-")
)
options = st.fixed_dictionaries(
    {
        "task": st.sampled_from(["label", "tags"]),
        "target": words,
        "encoder": st.sampled_from(["tfidf", "minilm + tfidf(512)", "hf:some/model?pool=mean"]),
        "learner": st.sampled_from(["heads", "binary_heads", "my learners.py:make", "package.module:make"]),
        "baselines": st.sampled_from([[], ["words"], ["words", "zero_shot"], ["lightgbm"]]),
        "folds": st.integers(3, 10),
        "budget": st.integers(1, 20),
        "seed": st.integers(0, 99),
        "sample": st.none() | st.integers(1, 10**6),
        "descriptions": st.none() | words,
        "by": st.lists(words, max_size=3, unique=True),
        "metric": st.sampled_from(["macro_f1", "tail_f1", "accuracy"]),
        "guardrail": st.floats(0, 1),
        "zone": st.floats(0, 1),
        "seeds": st.sampled_from([1, 2, 5]),
        "learning_curve": st.booleans(),
        "own": st.sets(st.sampled_from(sorted(OWN))).map(sorted),
    }
)
shared = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def plain() -> tuple[StudyResult, Verdict]:
    made = study(rows=400)
    return made, decide(made, replicates=200)


def asked(plain: tuple[StudyResult, Verdict], o: dict[str, Any], **about: Any) -> tuple[StudyResult, Verdict]:
    """A study that was asked for with these options, as its record tells."""
    made, verdict = plain
    meta = {key: value for key, value in made.meta.items() if key not in {"shop", "sample", "by", "task", "target"}}
    meta |= {key: o[key] for key in ("task", "target", "learner", "folds", "budget", "seed")}
    meta |= {"encoder": {"spec": o["encoder"]}, "baselines": [{"name": name} for name in o["baselines"]]} | about
    made = replace(made, meta=meta, **more_of(o))
    return made, replace(verdict, metric=o["metric"], guardrail=o["guardrail"], zone=o["zone"])


def more_of(o: dict[str, Any]) -> dict[str, Any]:
    """What was further asked for."""
    gains = tuple(SeedGain("balanced", o["seed"] + n, 0.5, 0.1, 0.1) for n in range(o["seeds"]))
    return {
        "seeds": SeedSensitivity(o["metric"], gains, ()) if o["seeds"] > 1 else None,
        "curve": LearningCurve((), ()) if o["learning_curve"] else None,
    }


@given(options)
@shared
def test_a_command_line_is_read_as_what_was_asked(plain: tuple[StudyResult, Verdict], o: dict[str, Any]) -> None:
    made, verdict = asked(
        plain,
        o,
        shop="my shop",
        **({"sample": o["sample"]} if o["sample"] else {}),
        **({"descriptions_file": o["descriptions"]} if o["descriptions"] else {}),
        **({"by": o["by"]} if o["by"] else {}),
    )
    learner = None if (o["learner"], o["task"]) == ("heads", "label") else o["learner"]
    of_lists = {"split": None, "repeats": None, "category": None, "in_stock": False}
    wanted = {key: o[key] for key in o if key != "own"} | of_lists
    baselines = None if o["baselines"] == ["words"] else ",".join(o["baselines"]) or "none"
    wanted |= {"remedies": specs(made), "baselines": baselines, "learner": learner}
    assert typed(command(made, verdict)) == wanted, "an option of the command is not repeated"


@given(options, st.booleans())
@shared
def test_a_call_of_compare_is_what_was_asked(
    plain: tuple[StudyResult, Verdict], o: dict[str, Any], of_texts: bool
) -> None:
    if not of_texts:
        o = o | {"encoder": "matrix"}
    call = called(command(*asked(plain, o, given=o["own"])), "compare")
    assert [ast.unparse(a) for a in call.args] == ["texts" if of_texts else "matrix", "labels"]
    told = {k.arg or "": k.value for k in call.keywords}
    assert {name for name in OWN if name in told} == set(o["own"])
    parameters = inspect.signature(evenshelf.compare).parameters
    assert set(told) <= set(parameters)
    usual = {"encoder": None, "baselines": None}
    for name in set(parameters) - {"texts_or_matrix", "y", *ELSEWHERE, *OWN}:
        value = ast.literal_eval(told[name]) if name in told else usual.get(name, parameters[name].default)
        if name == "remedies":
            assert value == [r.spec for r in plain[0].remedies if not r.reference]
        elif name == "baselines":
            names = (["words"] if of_texts else []) if value is None else [] if value == "none" else value
            assert names == o["baselines"]
        elif name == "encoder":
            assert value == (o["encoder"] if of_texts else None)
        else:
            assert value == o[name], name


def test_an_encoder_that_was_open_already_is_named_and_not_spelled(plain: tuple[StudyResult, Verdict]) -> None:
    made, verdict = plain
    meta = {**made.meta, "shop": None, "given": ["encoder"]}
    assert "encoder=encoder" in command(replace(made, meta=meta), verdict)


@given(options)
@shared
def test_a_study_of_given_vectors_is_called_with_what_was_asked(
    plain: tuple[StudyResult, Verdict], o: dict[str, Any]
) -> None:
    text = command(*asked(plain, o, encoder=None))
    told = {k.arg: ast.unparse(k.value) for k in called(text, "Study").keywords}
    assert {key: ast.literal_eval(told[key]) for key in ("folds", "budget", "seed")} == {
        key: o[key] for key in ("folds", "budget", "seed")
    }
    assert ast.literal_eval(told.get("baselines", "[]")) == o["baselines"]
    assert ast.literal_eval(told.get("learner", "'heads'")) == o["learner"]
    judged = {k.arg: ast.literal_eval(k.value) for k in called(text, "decide").keywords}
    assert judged == {
        **{key: o[key] for key in ("metric", "guardrail", "zone")},
        "alpha": plain[1].alpha,
        "replicates": plain[1].replicates,
        "seed": plain[1].seed,
    }
    assert ("further(" in text) == (o["seeds"] > 1 or o["learning_curve"])


def called(text: str, name: str) -> ast.Call:
    """The call of a function in a piece of Python."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    (found,) = (c for c in calls if ast.unparse(c.func).rpartition(".")[2] == name)
    return found


rankings = st.fixed_dictionaries(
    {
        "target": st.sampled_from(["all", "purchase", "cart,purchase"]),
        "split": st.sampled_from(["last", "time", "users"]),
        "encoder": st.sampled_from(["none", "tfidf", "minilm + tfidf(512)"]),
        "learner": st.sampled_from(["item_knn", "blend", "ease"]),
        "baselines": st.sampled_from([["popular"], ["popular", "recent"], ["popular", "item_texts", "als"]]),
        "folds": st.integers(3, 10),
        "budget": st.integers(1, 20),
        "seed": st.integers(0, 99),
        "sample": st.none() | st.integers(1, 10**6),
        "repeats": st.none() | st.booleans(),
        "category": st.none() | st.sampled_from(["shoes", "men's shoes"]),
        "in_stock": st.booleans(),
        "seeds": st.sampled_from([1, 2, 5]),
        "learning_curve": st.booleans(),
        "metric": st.sampled_from(["macro_ndcg_at_10", "tail_ndcg_at_10", "ndcg_at_10"]),
        "guardrail": st.floats(0, 1),
        "zone": st.floats(0, 1),
    }
)


def ranked(plain: tuple[StudyResult, Verdict], o: dict[str, Any], **about: Any) -> tuple[StudyResult, Verdict]:
    """A study of recommendation that was asked for with these options, as its record tells."""
    made, verdict = plain
    meta = {"task": "recommend", "measures": "lists", "split_by": o["split"]} | about
    meta |= {key: o[key] for key in ("target", "learner", "budget", "seed")}
    meta["folds"] = o["folds"] if o["split"] == "users" else 1
    meta["baselines"] = [{"name": name} for name in o["baselines"]]
    meta |= {} if o["encoder"] == "none" else {"encoder": {"spec": o["encoder"]}}
    meta |= {"sample": o["sample"]} if o["sample"] else {}
    meta |= {} if o["repeats"] is None else {"repeats_asked": o["repeats"]}
    meta |= {} if o["category"] is None else {"only_category": o["category"]}
    meta |= {"in_stock": True} if o["in_stock"] else {}
    judged = {key: o[key] for key in ("metric", "guardrail", "zone")}
    return replace(made, meta=meta, **more_of(o)), replace(verdict, **judged)


@given(rankings)
@shared
def test_a_command_line_for_lists_is_read_as_what_was_asked(
    plain: tuple[StudyResult, Verdict], o: dict[str, Any]
) -> None:
    told = typed(command(*ranked(plain, o, shop="my shop")))
    wanted = o | {"task": "recommend", "baselines": ",".join(o["baselines"]), "remedies": specs(plain[0])}
    if o["split"] != "users":  # there are folds of users alone
        told.pop("folds")
        wanted.pop("folds")
    usual = {"by": [], "descriptions": None}
    assert told == wanted | usual, "an option of the command is not repeated"


@given(rankings)
@shared
def test_a_study_of_lists_without_a_shop_is_called_with_what_was_asked(
    plain: tuple[StudyResult, Verdict], o: dict[str, Any]
) -> None:
    text = command(*ranked(plain, o))
    call = called(text, "RankingStudy")
    assert [ast.unparse(a) for a in call.args] == ["task", "facts", "folder"]
    told = {k.arg or "": ast.literal_eval(k.value) for k in call.keywords}
    assert set(told) <= set(inspect.signature(RankingStudy).parameters)
    wanted = {key: o[key] for key in ("learner", "baselines", "split", "budget", "seed")}
    wanted |= {"folds": o["folds"]} if o["split"] == "users" else {}
    assert told == wanted | {"remedies": specs(plain[0]).split(", ")}
    judged = {k.arg: ast.literal_eval(k.value) for k in called(text, "decide").keywords}
    assert {key: judged[key] for key in ("metric", "guardrail", "zone")} == {
        key: o[key] for key in ("metric", "guardrail", "zone")
    }
    assert ("further(" in text) == (o["seeds"] > 1 or o["learning_curve"])


searches = st.fixed_dictionaries(
    {
        "target": st.sampled_from(["judgements", "clicks"]),
        "encoder": st.sampled_from(["minilm-int8", "tfidf", "hf:some/model?pool=mean"]),
        "learner": st.sampled_from(["convex", "linear", "lambdamart", "popular"]),
        "baselines": st.sampled_from([[], ["popular"], ["words"], ["popular", "usual", "words"]]),
        "folds": st.integers(3, 10),
        "budget": st.integers(1, 20),
        "seed": st.integers(0, 99),
        "seeds": st.sampled_from([1, 2, 5]),
        "learning_curve": st.booleans(),
        "metric": st.sampled_from(["ndcg_at_10", "tail_ndcg_at_10", "traffic_ndcg_at_10"]),
        "guardrail": st.floats(0, 1),
        "zone": st.floats(0, 1),
    }
)


def searched(plain: tuple[StudyResult, Verdict], o: dict[str, Any], **about: Any) -> tuple[StudyResult, Verdict]:
    """A study of search that was asked for with these options, as its record tells."""
    made, verdict = plain
    meta = {"task": "search", "measures": "searches", "encoder": {"spec": o["encoder"]}} | about
    meta |= {key: o[key] for key in ("target", "learner", "folds", "budget", "seed")}
    meta["baselines"] = [{"name": name} for name in o["baselines"]]
    judged = {key: o[key] for key in ("metric", "guardrail", "zone")}
    return replace(made, meta=meta, **more_of(o)), replace(verdict, **judged)


@given(searches)
@shared
def test_a_command_line_for_search_is_read_as_what_was_asked(
    plain: tuple[StudyResult, Verdict], o: dict[str, Any]
) -> None:
    told = typed(command(*searched(plain, o, shop="my shop")))
    wanted = {"task": "search", "baselines": ",".join(o["baselines"]) or "none", "remedies": specs(plain[0])}
    others = {"split": None, "repeats": None, "category": None, "in_stock": False, "sample": None}
    assert told == o | wanted | others | {"by": [], "descriptions": None}, "an option of the command is not repeated"


@given(searches)
@shared
def test_a_study_of_search_without_a_shop_is_called_with_what_was_asked(
    plain: tuple[StudyResult, Verdict], o: dict[str, Any]
) -> None:
    text = command(*searched(plain, o))
    call = called(text, "SearchStudy")
    assert [ast.unparse(a) for a in call.args] == ["task", "known", "folder"]
    told = {k.arg or "": ast.literal_eval(k.value) for k in call.keywords}
    assert set(told) <= set(inspect.signature(SearchStudy).parameters)
    wanted = {key: o[key] for key in ("learner", "baselines", "folds", "budget", "seed")}
    assert told == wanted | {"remedies": specs(plain[0]).split(", ")}
    judged = {k.arg: ast.literal_eval(k.value) for k in called(text, "decide").keywords}
    assert {key: judged[key] for key in ("metric", "guardrail", "zone")} == {
        key: o[key] for key in ("metric", "guardrail", "zone")
    }
    assert ("further(" in text) == (o["seeds"] > 1 or o["learning_curve"])


def typed(text: str) -> dict[str, Any]:
    """What the parser reads in a command line, of all that changes a number."""
    program, name, *args = shlex.split(text.replace("\\\n", " "))
    assert (program, name) == ("evenshelf", "study")
    read = typer.main.get_command(app).commands["study"].make_context("study", args).params  # type: ignore[attr-defined]
    told = {key: value for key, value in read.items() if key not in ELSEWHERE}
    assert str(told.pop("shop")) == "my shop"
    return told | {"by": list(told["by"] or [])}


def specs(made: StudyResult) -> str:
    return ", ".join(r.spec for r in made.remedies if not r.reference)
