"""What every learner promises that ranks what a search finds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evenshelf.index.features import FEATURES
from evenshelf.learners.search.base import Evidence, ItemSide, Pool
from evenshelf.learners.search.registry import SearchLearner
from evenshelf.learners.search.texts import Texts
from evenshelf.remedies import Stage, parse
from evenshelf.testing.check import Check, gather, run_all

_WORDS = ("red", "blue", "green", "small", "large", "lamp", "chair", "table", "shelf", "mirror")
_ITEMS = 50


@dataclass(frozen=True)
class _Subject:
    learner: SearchLearner
    evidence: Evidence
    strangers: Pool

    def scores(self, remedy: str = "none", *, pool: Pool | None = None) -> NDArray[np.floating]:
        fitted = self.learner.fitted(self.evidence, parse(remedy), setting=self.learner.default, seed=3)
        return fitted.scores(self.strangers if pool is None else pool, self.evidence.items)


def search_learner_checks(learner: SearchLearner) -> list[Check]:
    """Checks of a learner of search, which fit it on made-up queries."""
    return gather(
        learner.name,
        offers_settings_that_begin_with_the_default,
        gives_finite_scores_of_the_right_shape,
        is_the_same_for_the_same_seed,
        ranks_a_query_the_same_whoever_else_is_asked,
        never_reads_the_grades_of_what_is_asked,
        honours_weights_if_it_declares_them,
        names_what_it_cannot_honour,
        tells_its_memory,
        of=_Subject(learner, evidence_of_words(), pool_of_words(6, seed=9)),
    )


def check_search_learner(learner: SearchLearner) -> None:
    """Run :func:`search_learner_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(search_learner_checks(learner))


def pool_of_words(queries: int, seed: int = 0) -> Pool:
    """Queries of two words, with twelve candidates each; items that hold both words answer, and features tell it."""
    rng = np.random.default_rng(seed)
    titles = [set(title.split()) for title in titles_of_words()]
    texts, items, grades, features = [], [], [], []
    for number in range(queries):
        words = rng.choice(_WORDS, 2, replace=False).tolist()
        texts.append(f"{words[0]} {words[1]} {number}")
        own = rng.permutation(_ITEMS)[:12]
        share = np.array([len(titles[item] & set(words)) / 2 for item in own.tolist()])
        made = rng.random((12, len(FEATURES)))
        for name in ("words_share", "words", "usual", "cosine"):
            made[:, FEATURES.index(name)] = share + 0.3 * rng.random(12)
        made[:, FEATURES.index("trust")] = 1.0
        grade = (share >= 0.5).astype(np.float32)
        grade[:2] = (1.0, 0.0)  # there is always something to learn
        grade[-3:] = np.nan
        items.append(own)
        grades.append(grade)
        features.append(made)
    return Pool(
        queries=np.array(texts),
        vectors=rng.random((queries, 4)).astype(np.float32),
        count=rng.integers(1, 30, queries).astype(np.float32),
        start=np.arange(0, 12 * queries + 1, 12),
        item=np.concatenate(items).astype(np.int64),
        features=np.concatenate(features).astype(np.float32),
        found=np.ones(12 * queries, bool),
        grade=np.concatenate(grades),
        clicked=np.zeros((12 * queries, 3), np.float32),
    )


def titles_of_words() -> list[str]:
    """Titles of the items: three words each."""
    rng = np.random.default_rng(1)
    return [" ".join(rng.choice(_WORDS, 3, replace=False).tolist()) for _ in range(_ITEMS)]


def evidence_of_words() -> Evidence:
    """Twenty such queries to learn from."""
    titles = Texts.of(titles_of_words())
    vectors = np.random.default_rng(2).random((_ITEMS, 4)).astype(np.float32)
    return Evidence(pool_of_words(20), ItemSide(titles, titles, vectors, np.arange(_ITEMS)))


def offers_settings_that_begin_with_the_default(subject: _Subject) -> None:
    """And can be written down."""
    settings = subject.learner.settings(8)
    assert settings[0] == subject.learner.default, "the first setting is not the default"
    assert len({json.dumps(setting, sort_keys=True) for setting in settings}) == len(settings), "a setting comes twice"
    assert settings[:2] == subject.learner.settings(2), "fewer settings are not the first ones of more"


def gives_finite_scores_of_the_right_shape(subject: _Subject) -> None:
    """One for each candidate, of no query as well."""
    scores = subject.scores()
    assert scores.shape == subject.strangers.item.shape, f"scores have the shape {scores.shape}"
    assert np.isfinite(scores).all(), "a score is not finite"
    assert subject.scores(pool=subject.strangers.of(np.empty(0, np.int64))).shape == (0,), "no query has scores"


def is_the_same_for_the_same_seed(subject: _Subject) -> None:
    """Bit by bit."""
    np.testing.assert_array_equal(subject.scores(), subject.scores())


def ranks_a_query_the_same_whoever_else_is_asked(subject: _Subject) -> None:
    """Alone, and among others."""
    some = np.array([4, 1])
    alone, pool = subject.scores(pool=subject.strangers.of(some)), subject.strangers
    together = subject.scores()
    rows = np.concatenate([np.arange(pool.start[query], pool.start[query + 1]) for query in some.tolist()])
    np.testing.assert_allclose(alone, together[rows], atol=1e-4)


def never_reads_the_grades_of_what_is_asked(subject: _Subject) -> None:
    """They are what it is tested by, and so is which items were judged."""
    pool, known = subject.strangers, subject.scores()
    for grade in (1.0 - pool.grade, np.full(len(pool.grade), np.nan, np.float32)):
        np.testing.assert_array_equal(known, subject.scores(pool=replace(pool, grade=grade)))


def honours_weights_if_it_declares_them(subject: _Subject) -> None:
    """A weight of queries changes what is learned."""
    if Stage.WEIGHT in subject.learner.stages:
        assert not np.array_equal(subject.scores(), subject.scores("balanced(power=2.0)")), "weights change nothing"


def names_what_it_cannot_honour(subject: _Subject) -> None:
    """And honours what acts on scores and lists."""
    learner = subject.learner
    for spec in ("logit_adjust", "mmr", "knn"):
        assert learner.unsupported(parse(spec)) is None, f"{spec} goes with every learner"
    assert "loss" in (learner.unsupported(parse("focal")) or ""), "a loss of classes cannot be honoured"


def tells_its_memory(subject: _Subject) -> None:
    """In bytes, 0 where nothing is learned."""
    learner = subject.learner
    fitted = learner.fitted(subject.evidence, parse("none"), setting=learner.default, seed=3)
    assert fitted.bytes >= 0, "its memory is below 0"
    assert not learner.stages or fitted.bytes > 0, "it learns, and holds no memory"
