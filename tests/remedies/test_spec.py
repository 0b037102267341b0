"""Spec strings and sets: what is read, what is refused, and what the error says."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.remedies import Composition, Prior, Stage, catalogue, parse, remedy_set
from evenshelf.remedies.adjust import LogitAdjust
from evenshelf.remedies.base import STAGES_OF_LISTS
from evenshelf.remedies.registry import register
from evenshelf.remedies.sets import LISTS, PROVEN, QUICK, SEARCH
from evenshelf.remedies.weight import Balanced

RESAMPLING = [name for name, kind in catalogue().items() if Stage.RESAMPLE in kind.stages]
ALONE = {Stage.VARIANTS, Stage.RESAMPLE, Stage.LOSS, Stage.RETRIEVE, Stage.CALIBRATE, Stage.POOL, *STAGES_OF_LISTS}
JOINABLE = [name for name, kind in catalogue().items() if ALONE.isdisjoint(kind.stages)]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("smoote", ["no remedy 'smoote'", "did you mean smote"]),
        ("xyzzy", ["no remedy 'xyzzy'", "known are adasyn, ", ", name_prior, "]),
        ("smote(5)", ["parameters are given by name", "smote(k=5, strength=1.0)"]),
        ("smote(j=5)", ["smote has no parameter 'j'", "it has k, strength"]),
        ("none(j=5)", ["none has no parameter 'j'", "it has none"]),
        ("smote(k=5, k=6)", ["smote: k is given twice"]),
        ("smote(k=0)", ["smote: k=0 is outside [1, inf)"]),
        ("smote(k=2.5)", ["k=2.5 is a number", "where a whole number is needed (default 5)"]),
        ("smote(k=True)", ["k=True is True or False"]),
        ("smote(k='5')", ["k='5' is text"]),
        ("smote(k=[5])", ["k=[5] is a list"]),
        ("smote(k=five)", ["k=five is not a number or quoted text"]),
        ("smote(**a)", ["smote has no parameter '**'"]),
        ("smote.k", ["'smote.k' is not a remedy"]),
        ("smote - none", ["'smote - none' is not a remedy"]),
        ("smote(", ["cannot be read", "column"]),
        ("", ["cannot be read"]),
        ("smote + mixup", ["smote + mixup", "same stage (resample)", "Keep one of: smote, mixup"]),
        ("focal + none + ldam", ["focal + ldam", "same stage (loss)"]),
    ],
)
def test_a_wrong_spec_says_what_is_wrong_and_what_is_right(spec: str, said: list[str]) -> None:
    with pytest.raises(SettingError) as caught:
        parse(spec)
    for part in said:
        assert part in str(caught.value)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SettingError) as caught:
        parse("smoote(k=1) + balanced(power=9, force=1) + logit_adjust(tau='x') + focal(gamma=-1)")
    for part in ("smote", "no parameter 'force'", "tau='x' is text", "gamma=-1.0 is outside [0, 10]"):
        assert part in caught.value.message


def test_whole_numbers_are_read_as_numbers_and_one_setting_is_written_one_way() -> None:
    specs = {LogitAdjust(tau=tau).spec for tau in (2, 2.0, np.float64(2.0), np.float32(2.0))}
    assert specs == {"logit_adjust(tau=2.0)"}
    assert parse("logit_adjust(tau=2)") == LogitAdjust(tau=2.0)
    assert parse(" logit_adjust ( tau = 1 ) ").spec == "logit_adjust"


@given(st.lists(st.sampled_from(JOINABLE), min_size=1, max_size=4), st.sampled_from(RESAMPLING), st.data())
def test_compositions_come_back_from_their_specs(names: list[str], resampling: str, data: st.DataObject) -> None:
    parts = [data.draw(st.sampled_from(catalogue()[name]().settings)) for name in (resampling, *names)]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    assert parse(str(whole)) == whole
    assert len(whole.parts) == len(parts)
    assert whole.stages[0] == Stage.RESAMPLE


def test_parts_of_a_composition_multiply_follow_and_flatten() -> None:
    prior = Prior(np.array([8, 2]))
    twice = parse("balanced(power=0.5) + balanced(power=0.5)")
    np.testing.assert_allclose(twice.weight(prior), parse("balanced(power=0.5)").weight(prior) ** 2, rtol=1e-6)
    assert twice.loss(prior) is None
    scores, norms = np.zeros((1, 2), np.float32), np.ones(2, np.float32)
    np.testing.assert_allclose(
        parse("logit_adjust + logit_adjust(tau=2)").adjust(scores, prior, norms),
        parse("logit_adjust(tau=3)").adjust(scores, prior, norms),
        rtol=1e-6,
    )
    nested = (parse("none") + parse("balanced")) + (parse("smote") + parse("focal"))
    assert isinstance(nested, Composition)
    assert nested.spec == "none + balanced + smote + focal"
    assert len(nested.settings) == 8


def test_settings_keep_what_was_fixed() -> None:
    assert [s.spec for s in parse("smote").settings] == ["smote", "smote(k=2)"]
    assert [s.spec for s in parse("smote(k=7)").settings] == ["smote(k=7)"]
    assert [s.spec for s in parse("smote(strength=0.5)").settings] == [
        "smote(strength=0.5)",
        "smote(k=2, strength=0.5)",
    ]


def test_the_standard_set_is_the_catalogue_and_what_is_proven() -> None:
    standard = remedy_set("standard")
    labelling = [kind for kind in catalogue().values() if kind().serves_labels]
    assert standard[0].spec == "none"
    assert {r.spec for r in standard} == {kind().spec for kind in labelling if not kind.needs} | set(PROVEN)
    assert len({r.spec for r in standard}) == len(standard)
    stages = {stage for kind in labelling if not kind.needs for stage in kind.stages}
    assert (
        stages == {s for r in remedy_set("quick") for s in r.stages} == set(Stage) - STAGES_OF_LISTS - {Stage.VARIANTS}
    )
    assert [r.spec for r in remedy_set("quick")] == list(QUICK)


def test_the_set_for_lists_has_every_remedy_that_is_for_them_alone() -> None:
    found = remedy_set("lists")
    assert [r.spec for r in found] == list(LISTS)
    for_lists = {name for name, kind in catalogue().items() if not kind().serves_labels}
    of_search = remedy_set("search")
    assert [r.spec for r in of_search] == list(SEARCH)
    told = {part.name for r in (*found, *of_search) for part in r.parts}
    assert told >= for_lists >= {"crop", "sampled_softmax", "doc_to_query", "unbiased_clicks"}


def test_sets_and_specs_mix_and_the_baseline_comes_first_once() -> None:
    found = remedy_set("smote(k=2, strength=0.5), none, quick, smote(strength=0.5, k=2), balanced + focal")
    assert [r.spec for r in found] == [
        "none", "smote(k=2, strength=0.5)", *QUICK[1:], "balanced + focal",
    ]  # fmt: skip
    assert remedy_set([Balanced(), "focal"]) == (parse("none"), Balanced(), parse("focal"))


@pytest.mark.parametrize("nothing", ["", " , ", []])
def test_an_empty_set_names_the_sets(nothing) -> None:
    with pytest.raises(SettingError, match=r"No remedies given(.|\n)*standard, quick"):
        remedy_set(nothing)


def test_a_wrong_member_of_a_set_is_named() -> None:
    with pytest.raises(SettingError, match=re.escape("no remedy 'standart'")):
        remedy_set("none, standart")


def test_a_name_can_be_taken_once_and_every_parameter_needs_a_default() -> None:
    class Impostor(LogitAdjust):
        """Not the one."""

    with pytest.raises(SettingError, match=r"'logit_adjust' is already taken by .*LogitAdjust"):
        register(Impostor)

    @dataclasses.dataclass(frozen=True)
    class Bare(LogitAdjust):
        """Lacks a default."""

        more: float = dataclasses.field(kw_only=True)

        name = "bare"

    with pytest.raises(SettingError, match=r"every parameter needs a default.*: more"):
        register(Bare)
    assert "bare" not in catalogue()
