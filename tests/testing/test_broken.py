"""The suite goes red: each remedy, loss, encoder or learner here breaks one promise, and the check of it says so."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from evenshelf.encoders import Encoder, EncoderKind
from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.learners.heads import HEADS, fit_alone
from evenshelf.remedies import Family, Loss, Remedy, Retrieved, Rows, Stage, registry
from evenshelf.remedies.adjust import LogitAdjust
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.losses import CrossEntropy, cross_entropy_in_place
from evenshelf.remedies.pool import NamePrior
from evenshelf.remedies.resample import RandomOver
from evenshelf.remedies.retrieve import NearestNeighbours
from evenshelf.remedies.weight import Balanced
from evenshelf.remedies.xquad import LongTailAspects
from evenshelf.tasks.label import LabelTask
from evenshelf.testing import (
    Check,
    check_loss,
    check_remedy,
    encoder_checks,
    encoder_kind_checks,
    learner_checks,
    loss_checks,
    remedy_checks,
    task_checks,
)

DRAWN = np.random.default_rng(0)


def failing(checks: list[Check]) -> dict[str, str]:
    """What the checks that fail say, by name."""
    found = {}
    for check in checks:
        try:
            check()
        except Exception as error:  # noqa: BLE001
            found[check.name] = str(error)
    return found


@dataclass(frozen=True)
class Weigh(Balanced):
    """Weighs.

    Parameters
    ----------
    power
        In [0, 2].
    """

    name: ClassVar[str] = "weigh"
    title: ClassVar[str] = "Weighs"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "-"


@dataclass(frozen=True)
class Over(RandomOver):
    """Repeats.

    Parameters
    ----------
    strength
        In [0, 1].
    """

    name: ClassVar[str] = "over"
    title: ClassVar[str] = "Repeats"
    family: ClassVar[Family] = Family.OVER_SAMPLING
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "-"


@dataclass(frozen=True)
class Adjust(LogitAdjust):
    """Adjusts.

    Parameters
    ----------
    tau
        In [0, 3].
    """

    name: ClassVar[str] = "adjusting"
    title: ClassVar[str] = "Adjusts"
    family: ClassVar[Family] = Family.ADJUSTMENT
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "-"


@dataclass(frozen=True)
class Pool(NamePrior):
    """Pools.

    Parameters
    ----------
    scale
        In [0, 1000].
    """

    name: ClassVar[str] = "pool"
    title: ClassVar[str] = "Pools"
    family: ClassVar[Family] = Family.POOLING
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "-"


@dataclass(frozen=True)
class Shuffle(LongTailAspects):
    """Re-ranks.

    Parameters
    ----------
    lam
        In [0, 1].
    """

    name: ClassVar[str] = "shuffle"
    title: ClassVar[str] = "Re-ranks"
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "-"


@dataclass(frozen=True)
class Near(NearestNeighbours):
    """Retrieves.

    Parameters
    ----------
    k
        >= 1.
    share
        In [0, 1].
    temperature
        In [0.001, 1000].
    balance
        In [0, 1].
    """

    name: ClassVar[str] = "near"
    title: ClassVar[str] = "Retrieves"
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "-"


class Sound(Loss):
    def value_and_gradient(self, scores, target, weight):
        return cross_entropy_in_place(scores, target, weight)


class WrongGradient(Sound):
    def value_and_gradient(self, scores, target, weight):
        value, gradient = super().value_and_gradient(scores, target, weight)
        return value, gradient * np.float32(1.1)


class Overflowing(Sound):
    def value_and_gradient(self, scores, target, weight):
        with np.errstate(all="ignore"):
            p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            value = float(-(weight * np.log(p[np.arange(len(target)), target])).sum())
        p[np.arange(len(target)), target] -= 1
        return value, p * weight[:, None]


class Averaging(Sound):
    def value_and_gradient(self, scores, target, weight):
        value, gradient = super().value_and_gradient(scores, target, weight)
        return value / len(target), gradient / np.float32(len(target))


class Squared(Sound):
    def value_and_gradient(self, scores, target, weight):
        value = float(0.5 * (weight[:, None] * scores**2).sum())
        return value, scores * weight[:, None]


class NegativeWeights(CrossEntropy):
    def class_weight(self):
        return np.array([1, -1, 1], np.float32)


class Writing(Sound):
    def value_and_gradient(self, scores, target, weight):
        weight *= 1
        return super().value_and_gradient(scores, target, weight)


def made(self, vectors, target, prior, rng):
    return RandomOver.resample(self, vectors, target, prior, rng)


def cold_rows(self, vectors, target, prior, rng):
    rows = made(self, vectors, target, prior, rng)
    return dataclasses.replace(rows, target=np.full(len(rows), len(prior.counts) - 1))


def writing_rows(self, vectors, target, prior, rng):
    vectors /= 2
    return made(self, vectors, target, prior, rng)


def stateful_rows(self, vectors, target, prior, rng):
    return made(self, vectors, target, prior, DRAWN)


def seedless_rows(self, vectors, target, prior, rng):
    rng.random()
    return made(self, vectors, target, prior, np.random.default_rng(0))


def changed(kind, **attributes):
    """The kind with some attributes changed, under its own name, as a frozen dataclass."""
    return dataclass(frozen=True)(type(kind.__name__, (kind,), {"__doc__": kind.__doc__, **attributes, **_words(kind)}))


def _words(kind):
    return {name: getattr(kind, name) for name in ("name", "title", "paper", "formula")}


def renotes(*notes):
    return lambda self, *args: dataclasses.replace(made(self, *args), notes=notes)


def nameless(self, prior, *, has_names):
    return Remedy.not_applicable(self, prior, has_names=True)


@dataclass(frozen=True)
class Mixing:
    """A memory that mixes in another way; found by its place in a list, as a function cannot be pickled."""

    inner: Retrieved
    way: int
    notes: tuple[str, ...] = ()

    def look_up(self, vectors):
        return self.inner.look_up(vectors)

    def __call__(self, scores, found):
        return WAYS[self.way](scores, found)


WAYS = []


def memory(mix):
    WAYS.append(mix)
    way = len(WAYS) - 1
    return lambda self, *given: Mixing(NearestNeighbours().retrieve(*given), way)


_ITSELF = "retrieves_for_each_row_by_itself"
_AN_ORDER = "gives_each_list_an_order"


def xquad(lam, offered, prior):
    return LongTailAspects(lam).rerank(offered, prior)


def turned(worth):
    return np.argsort(-worth, axis=1, kind="stable")


def unchecked(self):
    return None


def wrong_name(self):
    check_range("strength", self.power, 0.0, 2.0)


BROKEN = [
    (changed(Weigh, weight=lambda self, prior: -Balanced.weight(self, prior)), "gives_each_group_a_weight"),
    (changed(Weigh, weight=lambda self, prior: Balanced.weight(self, prior)[:-1]), "gives_each_group_a_weight"),
    (changed(Weigh, weight=lambda self, prior: 1 / Balanced.weight(self, prior)), "never_weighs_a_rarer_group_less"),
    (changed(Weigh, weight=lambda self, prior: Balanced().weight(prior)), "does_nothing_at_its_neutral_value"),
    (changed(Weigh, stages=(Stage.WEIGHT, Stage.LOSS)), "acts_where_it_says"),
    (changed(Weigh, stages=()), "changes_nothing_at_stages_it_does_not_name"),
    (changed(Weigh, grid={"power": (0.5, 0.25)}), "has_a_valid_grid"),
    (changed(Weigh, grid={"force": (1.0,)}), "has_a_valid_grid"),
    (changed(Weigh, grid={"power": (1.0, 0.0)}), "has_a_valid_grid"),
    (changed(Weigh, __post_init__=unchecked), "holds_the_range_of_each_parameter"),
    (changed(Weigh, __post_init__=wrong_name), "holds_the_range_of_each_parameter"),
    (changed(Weigh, __doc__=Weigh.__doc__.replace("[0, 2]", "[0, 1]")), "documents_the_range_of_each_parameter"),
    (changed(Weigh, __doc__=Weigh.__doc__.replace("power", "force")), "documents_every_parameter"),
    (changed(Weigh, spec=property(lambda self: self.name)), "is_read_back_from_its_spec"),
    (changed(Weigh, not_applicable=lambda self, prior, *, has_names: None), "names_why_it_cannot_be_used"),
    (changed(Weigh, not_applicable=lambda self, prior, *, has_names: "never"), "can_be_used_on_ordinary_data"),
    (changed(Weigh, needs=("power",)), "cannot_be_used_without_what_it_needs"),
    (changed(Over, resample=cold_rows), "makes_rows_from_training_rows"),
    (changed(Over, resample=writing_rows), "makes_rows_from_training_rows"),
    (
        changed(Over, resample=lambda self, v, t, p, rng: Rows.copies(np.array([0]), t[:1], notes=("one row kept",))),
        "makes_rows_from_training_rows",
    ),
    (changed(Over, resample=stateful_rows), "makes_the_same_rows_from_the_same_generator"),
    (
        changed(
            Over, resample=lambda self, v, t, p, rng: (rng.random(), made(self, v, t, p, np.random.default_rng(0)))[1]
        ),
        "draws_anew_from_another_generator",
    ),
    (changed(Over, resample=renotes()), "tells_what_was_done"),
    (changed(Over, resample=renotes("done")), "tells_what_was_done"),
    (changed(Over, resample=renotes("a line\nand another one")), "tells_what_was_done"),
    (changed(Adjust, adjust=lambda self, s, prior, n: s + self.tau * prior.log_share), "never_favours_the_frequent"),
    (
        changed(Adjust, adjust=lambda self, s, prior, n: s - (3 - self.tau) * prior.log_share),
        "never_favours_the_frequent",
    ),
    (changed(Adjust, adjust=lambda self, s, prior, n: -s), "adjusts_each_row_by_itself"),
    (changed(Adjust, adjust=lambda self, s, prior, n: s.astype(float)), "adjusts_each_row_by_itself"),
    (changed(Adjust, adjust=lambda self, s, prior, n: s - s.mean(axis=0)), "adjusts_each_row_by_itself"),
    (changed(Adjust, adjust=lambda self, s, prior, n: s * n), "adjusts_each_row_by_itself"),
    (changed(Pool, centre=lambda self, names, prior, means: names[:-1]), "gives_each_group_a_centre"),
    (changed(Pool, not_applicable=nameless), "names_why_it_cannot_be_used"),
    (
        changed(Pool, reads_names=False, centre=lambda self, names, prior, means: np.float32(self.scale) * names),
        "gives_each_group_a_centre",
    ),
    (changed(Pool, centre=lambda self, names, prior, means: names), "does_nothing_at_its_neutral_value"),
    (changed(Near, retrieve=memory(lambda scores, found: scores - scores.mean(axis=0))), _ITSELF),
    (changed(Near, retrieve=memory(lambda scores, found: scores.astype(float))), _ITSELF),
    (changed(Near, retrieve=memory(lambda scores, found: scores / scores.sum(axis=1, keepdims=True))), _ITSELF),
    (changed(Near, retrieve=memory(lambda scores, found: 0 * scores)), "does_not_predict_groups_without_a_row"),
    (
        changed(Near, retrieve=memory(lambda scores, found: scores + np.float32(scores.shape[1]) * found.toarray())),
        "does_not_mind_groups_that_are_not_offered",
    ),
    (
        changed(Near, retrieve=memory(lambda scores, found: scores + np.float32(DRAWN.random()) * found.toarray())),
        "keeps_the_same_memory_of_the_same_rows",
    ),
    (
        changed(Near, retrieve=lambda self, *given: NearestNeighbours().retrieve(*given)),
        "does_nothing_at_its_neutral_value",
    ),
    (changed(Near, retrieve=Remedy.retrieve), "acts_where_it_says"),
    (changed(Shuffle, rerank=lambda self, o, prior: xquad(self.lam, o, prior)[:, :-1]), _AN_ORDER),
    (changed(Shuffle, rerank=lambda self, o, prior: 0 * xquad(self.lam, o, prior)), _AN_ORDER),
    (changed(Shuffle, rerank=lambda self, o, prior: xquad(self.lam, o, prior)[:, ::-1]), _AN_ORDER),
    (changed(Shuffle, rerank=lambda self, o, prior: np.argsort(DRAWN.random(o.items.shape), axis=1)), _AN_ORDER),
    (changed(Shuffle, rerank=lambda self, o, prior: None), "reorders_ordinary_lists"),
    (
        changed(Shuffle, rerank=lambda self, o, prior: np.argsort(np.where(o.items < 0, 99, o.items), axis=1)),
        "does_not_mind_how_groups_are_numbered",
    ),
    (
        changed(Shuffle, rerank=lambda self, o, prior: turned(np.where(o.items < 0, -np.inf, np.abs(o.scores)))),
        "does_not_mind_a_constant_added_to_scores",
    ),
    (
        changed(Shuffle, rerank=lambda self, o, prior: xquad(float(len(o.items) > 1), o, prior)),
        "reranks_each_list_by_itself",
    ),
    (
        changed(Shuffle, rerank=lambda self, o, prior: xquad(1 - self.lam, o, prior)),
        "leaves_lists_at_its_neutral_value",
    ),
    (changed(Weigh, notes=lambda self, prior: ("done",)), "does_not_mind_what_groups_are_called"),
    (changed(Weigh, bound=lambda self, labels: Balanced(0.5)), "does_not_mind_what_groups_are_called"),
]


@pytest.mark.parametrize(("kind", "promise"), BROKEN, ids=lambda value: getattr(value, "name", value))
def test_a_broken_remedy_is_found_out(kind, promise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._registry._kinds, kind.name, kind)
    said = failing([check for check in remedy_checks(kind) if check.name == promise])
    assert promise in said
    assert said[promise].strip(), "the failure says nothing"


@pytest.mark.parametrize("kind", [Weigh, Over, Adjust, Pool, Shuffle, Near], ids=lambda kind: kind.name)
def test_what_the_broken_ones_are_made_of_is_sound(kind, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = changed(kind, **{_method(kind): getattr(kind, _method(kind))})
    monkeypatch.setitem(registry._registry._kinds, kind.name, whole)
    check_remedy(whole)


def _method(kind) -> str:
    return {Weigh: "weight", Over: "resample", Adjust: "adjust", Pool: "centre", Shuffle: "rerank", Near: "retrieve"}[
        kind
    ]


def test_a_remedy_that_nobody_registered_is_told_how() -> None:
    said = failing(remedy_checks(changed(Weigh)))
    assert "register" in said["is_in_the_catalogue"]


@pytest.mark.parametrize("family", [None, "class weights", Family.BASELINE], ids=repr)
def test_a_remedy_of_no_family_is_found_out(family: object) -> None:
    kind = changed(Weigh, family=family)
    assert "is_of_a_family" in failing(remedy_checks(kind))


def test_a_remedy_of_no_family_is_not_registered() -> None:
    with pytest.raises(SettingError, match="names no family") as refused:
        registry.register(changed(Weigh, family=None))
    assert "WEIGHTS" in str(refused.value)


def test_all_failures_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = changed(Weigh, grid={"force": (1.0,)}, weight=lambda self, prior: -Balanced.weight(self, prior))
    monkeypatch.setitem(registry._registry._kinds, kind.name, kind)
    with pytest.raises(ExceptionGroup, match="checks failed") as caught:
        check_remedy(kind)
    notes = [note for error in caught.value.exceptions for note in getattr(error, "__notes__", [])]
    assert any("has_a_valid_grid" in note for note in notes)
    assert any("gives_each_group_a_weight" in note for note in notes)


@pytest.mark.parametrize(
    ("loss", "promise"),
    [
        (WrongGradient(), "gradient_is_that_of_the_value"),
        (Overflowing(), "is_finite_at_extreme_scores"),
        (Averaging(), "is_a_weighted_sum_over_rows"),
        (Squared(), "does_not_care_for_a_shift_of_all_scores"),
        (NegativeWeights(), "class_weights_are_positive"),
        (Writing(), "gives_a_number_and_a_gradient_of_the_shape_of_the_scores"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_broken_loss_is_found_out(loss: Loss, promise: str) -> None:
    assert promise in failing(loss_checks(loss, 3))


def test_a_sound_loss_passes() -> None:
    check_loss(Sound(), 3)
    check_loss(Sound(), 2)


class HashEncoder(Encoder):
    """Vectors by hash of the letters; sound."""

    name, dimension, fingerprint = "letters", 8, "0123456789abcdef"

    def row(self, text: str) -> np.ndarray:
        counts = np.bincount([ord(c) % 8 for c in text] or [0], minlength=8).astype(np.float32)
        return counts / np.linalg.norm(counts)

    def _encode(self, texts, progress):
        progress(len(texts))
        return np.stack([self.row(text) for text in texts]).astype(np.float32)


class Long(HashEncoder):
    def row(self, text):
        return 2 * super().row(text)


class NotFinite(HashEncoder):
    def row(self, text):
        return super().row(text) if text.strip() else np.full(8, np.nan)


class Company(HashEncoder):
    def _encode(self, texts, progress):
        rows = super()._encode(texts, progress) + 0.1 * len(texts)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Moody(HashEncoder):
    def row(self, text):
        row = super().row(text) + 0.1 * DRAWN.random(8)
        return row / np.linalg.norm(row)


class Silent(HashEncoder):
    def _encode(self, texts, progress):
        return super()._encode(texts, lambda n: None)


class Careless(HashEncoder):
    def encode(self, texts, *, progress=None):
        return self._encode([str(t) for t in texts], progress or (lambda n: None)) if len(texts) else np.zeros((0, 8))


class Nameless(HashEncoder):
    fingerprint = "v1"


@pytest.mark.parametrize(
    ("encoder", "promise"),
    [
        (Long(), "gives_unit_rows_in_float32"),
        (NotFinite(), "gives_finite_rows_for_any_text"),
        (Company(), "encodes_a_text_alike_alone_and_in_company"),
        (Moody(), "gives_the_same_bits_each_time"),
        (Silent(), "tells_progress_that_adds_up"),
        (Careless(), "refuses_what_is_not_a_list_of_texts"),
        (Nameless(), "says_what_it_is"),
    ],
)
def test_a_broken_encoder_is_found_out(encoder: Encoder, promise: str) -> None:
    assert promise in failing(encoder_checks(encoder))


def test_a_sound_encoder_passes_and_one_that_changes_is_found_out() -> None:
    assert failing(encoder_checks(HashEncoder(), HashEncoder)) == {}
    assert "has_the_same_fingerprint_when_opened_again" in failing(encoder_checks(HashEncoder(), Nameless))
    assert "has_the_same_fingerprint_when_opened_again" in failing(encoder_checks(HashEncoder(), Moody))


@pytest.mark.parametrize(
    "kind",
    [
        EncoderKind("Big Name", "Says it.", lambda a, t: HashEncoder()),
        EncoderKind("name", "Says it", lambda a, t: HashEncoder()),
        EncoderKind("name", "Says it.", lambda a, t: HashEncoder(), argument="folder"),
    ],
)
def test_a_kind_that_does_not_explain_itself_is_found_out(kind: EncoderKind) -> None:
    assert failing(encoder_kind_checks(kind))


def deaf_learner(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    return fit_alone(vectors, target, groups, registry.catalogue()["none"](), seed=seed)


def forgetful_learner(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    return fit_alone(vectors, target, groups, remedy, names=names, seed=int(DRAWN.integers(2**31)))


def first_row_learner(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    return fit_alone(vectors[:40], target[:40], groups, remedy, names=names, seed=seed)


@pytest.mark.parametrize(
    ("fit", "stages", "promise"),
    [
        (deaf_learner, {Stage.WEIGHT, Stage.ADJUST}, "honours_every_stage_it_declares"),
        (deaf_learner, {Stage.WEIGHT, Stage.ADJUST}, "refuses_every_stage_it_does_not_declare"),
        (forgetful_learner, set(Stage), "is_the_same_for_the_same_seed"),
        (first_row_learner, set(Stage), "is_not_led_by_the_order_of_the_rows"),
    ],
)
def test_a_broken_learner_is_found_out(fit, stages, promise: str) -> None:
    kind = LearnerKind("broken", "broken learners", "-", tuple(stages), fit)
    assert promise in failing([check for check in learner_checks(kind) if check.name == promise])


def test_a_learner_whose_penalties_rise_is_found_out() -> None:
    kind = replace(HEADS, penalties=lambda count: HEADS.penalties(count)[::-1])
    checks = [check for check in learner_checks(kind) if check.name == "offers_penalties_that_fall"]
    assert "do not fall" in failing(checks)["offers_penalties_that_fall"]


class Leaky(LabelTask):
    def split(self, folds, seed):
        return (np.arange(len(self.target)) % folds).astype(np.int16)


def test_a_broken_task_is_found_out() -> None:
    labels = ["a"] * 12 + ["b"] * 6 + ["c"]
    texts = [f"title {i // 2} {'xyz'[i % 3] * 9}{i // 2}" for i in range(18)] + ["alone"]
    sound = LabelTask.of(labels, texts, group=np.arange(19) // 2)
    assert failing(task_checks(sound, 3)) == {}
    leaky = Leaky(**vars(sound))
    said = failing(task_checks(leaky, 3))
    assert {"splits_no_group", "evaluates_all_that_can_be_trained_and_tested", "spreads_every_class"} <= set(said)
    turned = dataclasses.replace(sound, classes=sound.classes[::-1], target=2 - sound.target)
    assert "names_classes_by_falling_frequency" in failing(task_checks(turned, 3))
