"""What every learner promises that ranks items for users."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.learners.ranking.registry import RankingLearner
from evenshelf.rankers.answering import AFTERWARDS
from evenshelf.rankers.base import Floats, Ranker
from evenshelf.remedies import Stage, catalogue, parse
from evenshelf.tasks.histories import Histories
from evenshelf.testing.check import Check, gather, run_all
from evenshelf.testing.learners import WORDS

SHAPES = ("shoe", "lamp", "tea")
"""What the kinds of items are called."""


@dataclass(frozen=True)
class _Subject:
    learner: RankingLearner
    evidence: Evidence

    def fitted(self, remedy: str = "none", *, seed: int = 3, repeats: bool = False) -> Ranker:
        asked = replace(self.evidence, repeats=repeats)
        return self.learner.fitted(asked, parse(remedy), setting=self.learner.default, seed=seed)


def ranking_learner_checks(learner: RankingLearner) -> list[Check]:
    """Checks of a learner of rankings, which fit it on small data."""
    return gather(
        learner.name,
        offers_settings_that_begin_with_the_default,
        gives_finite_scores_of_the_right_shape,
        is_the_same_for_the_same_seed,
        answers_whom_it_has_not_seen,
        is_not_led_by_who_else_is_asked,
        reads_what_is_of_one_basket_and_no_numbers,
        honours_weights_if_it_declares_them,
        names_what_it_cannot_honour,
        tells_its_memory,
        of=_Subject(learner, histories_of_kinds()),
    )


def check_ranking_learner(learner: RankingLearner) -> None:
    """Run :func:`ranking_learner_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(ranking_learner_checks(learner))


def histories_of_kinds(users: int = 80, seed: int = 0) -> Evidence:
    """Users keep to one of three kinds of items, told by words, titles and categories; one of each is never taken."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, 12)
    share /= share.sum()
    steps = [
        [f"k{kind}-{n}" for n in rng.choice(11, rng.integers(2, 8), replace=False, p=share)]
        for kind in rng.integers(0, 3, users).tolist()
    ]
    flat = [item for one in steps for item in one]
    every = [f"k{kind}-{n}" for kind in range(3) for n in range(12)]
    made = Histories.of_steps([f"u{n}" for n in range(users)], [len(one) for one in steps], flat, items=every)
    made = replace(made, time=86_400 * np.arange(len(flat), dtype=np.int64))
    words = words_of([[item.partition("-")[0], item] for item in made.items])
    vectors = rng.normal(size=(len(every), 6)).astype(np.float32)
    kinds = np.array([int(item[1]) for item in made.items], np.int64)
    vectors[np.arange(len(every)), kinds] += 4.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = [int(item.partition("-")[2]) for item in made.items]
    titles = tuple(f"{SHAPES[kind]} {WORDS[number]}" for kind, number in zip(kinds, numbers, strict=True))
    return Evidence(made, ItemFacts(words=words, vectors=vectors, category=kinds, titles=titles))


def offers_settings_that_begin_with_the_default(subject: _Subject) -> None:
    """Fewer settings are the first of more, none comes twice, and all are of the grid."""
    learner = subject.learner
    many, few = learner.settings(12), learner.settings(3)
    assert few == many[:3], "the settings of a small budget are not the first of a larger one"
    assert many[0] == learner.default, "the first setting is not the default"
    assert len({repr(sorted(setting.items())) for setting in many}) == len(many), "a setting comes twice"
    for setting in many:
        assert all(setting[name] in values for name, values in learner.grid.items()), f"{setting} is not of the grid"


def gives_finite_scores_of_the_right_shape(subject: _Subject) -> None:
    """A float32 for each user and item, also where items may be shown again."""
    histories = subject.evidence.histories
    for repeats in (False, True):
        scores = subject.fitted(repeats=repeats).scores(histories)
        assert scores.shape == (len(histories.users), len(histories.items)), f"scores have the shape {scores.shape}"
        assert scores.dtype == np.float32, f"scores are {scores.dtype}"
        assert np.isfinite(scores).all(), "scores are not finite"


def is_the_same_for_the_same_seed(subject: _Subject) -> None:
    """To the bit."""
    one, two = (subject.fitted().scores(subject.evidence.histories) for _ in range(2))
    assert np.array_equal(one, two), "the same seed gives other scores"


def answers_whom_it_has_not_seen(subject: _Subject) -> None:
    """Nobody's history, a history of one step, and one item again and again."""
    histories = subject.evidence.histories
    item, time = np.array([0, 1, 1, 1], np.int64), np.arange(4, dtype=np.int64)
    strangers = Histories(histories.items, ("none", "one", "again"), np.array([0, 0, 1, 4]), item, time)
    scores = subject.fitted().scores(strangers)
    assert np.isfinite(scores).all(), "who is new has scores that are not finite"
    nobody = scores[0]
    counts = histories.counts
    first = np.argsort(-nobody, kind="stable")[:5]
    assert counts[first].mean() >= counts.mean(), "who has no history is not shown what is popular"


def is_not_led_by_who_else_is_asked(subject: _Subject) -> None:
    """A user is answered alike alone and among others, but for rounding."""
    ranker, histories = subject.fitted(), subject.evidence.histories
    among = ranker.scores(histories)[:5]
    alone = np.concatenate([ranker.scores(histories.of_users(np.array([user]))) for user in range(5)])
    # logarithms of next to nothing are rounding and nothing else
    among, alone = (np.exp(scores - scores.max(axis=1, keepdims=True)) for scores in (among, alone))
    assert np.allclose(among, alone, rtol=1e-3, atol=1e-4), "scores depend on who else is asked"


def reads_what_is_of_one_basket_and_no_numbers(subject: _Subject) -> None:
    """Baskets that are numbered otherwise, or told by equal times, are the same baskets."""
    histories = subject.evidence.histories
    basket = np.arange(len(histories.item)) // 2 + histories.user
    timed = replace(histories, time=86_400 * basket)
    found = []
    for made in (timed, replace(timed, basket=7 * basket + 3)):
        evidence = replace(subject.evidence, histories=made)
        found.append(_Subject(subject.learner, evidence).fitted().scores(made))
    assert np.array_equal(found[0], found[1]), "the numbers of baskets change scores"


def honours_weights_if_it_declares_them(subject: _Subject) -> None:
    """What a remedy says of rare items changes scores."""
    if Stage.WEIGHT not in subject.learner.stages:
        return
    histories = subject.evidence.histories
    plain: Floats = subject.fitted().scores(histories)
    weighed: Floats = subject.fitted("inverse_propensity").scores(histories)
    assert not np.allclose(plain, weighed), "weights change nothing"


def names_what_it_cannot_honour(subject: _Subject) -> None:
    """Every remedy of the catalogue at another stage is refused with that stage."""
    learner = subject.learner
    for kind in catalogue().values():
        remedy = kind()
        missing = [stage for stage in remedy.stages if stage not in (*learner.stages, *AFTERWARDS)]
        reason = learner.unsupported(remedy)
        if missing:
            assert reason is not None, f"{remedy.spec} acts at {missing[0].value}, and is not refused"
            assert re.search(missing[0].value, reason), f"the reason does not name {missing[0].value}: {reason}"


def tells_its_memory(subject: _Subject) -> None:
    """In bytes, above nothing."""
    assert subject.fitted().bytes > 0, "it holds no memory"
