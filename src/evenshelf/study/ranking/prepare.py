"""From a shop to a study of recommendation that is ready to run: histories, words, vectors, the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.encoders import Choice, VectorCache, open_encoder
from evenshelf.encoders.bag import word_matrix
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learner, ranking_learners
from evenshelf.learners.tunable import names_in
from evenshelf.remedies import Remedy
from evenshelf.shop import Shop
from evenshelf.study.contests.plan import Plan
from evenshelf.study.ranking.study import BASELINES, RankingStudy
from evenshelf.tasks.exams import SPLITS
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.tasks.shop_steps import ALL


@dataclass(frozen=True)
class RankingPlan(Plan):
    """What a study of recommendation is asked for, apart from the data.

    Parameters are those of :class:`evenshelf.study.ranking.study.RankingStudy`.
    """

    remedies: str | Sequence[str | Remedy] = "lists"
    learner: str = "near"
    baselines: Sequence[str] = BASELINES
    split: str = "last"

    def check(self) -> None:
        """Raise a :class:`SettingError` for a setting that cannot be; takes no time."""
        if self.split not in SPLITS:
            raise SettingError(f"There is no split {self.split!r}.", hint=f"One of: {', '.join(SPLITS)}.")
        super().check()

    def check_folds(self) -> None:
        """Raise a :class:`SettingError` if there are too few folds; there are none but where the split is by user."""
        if self.split == "users":
            super().check_folds()

    def learner_named(self, name: str) -> RankingLearner:
        """The learner of a name, or an error."""
        return ranking_learner(name)


def baselines_named(asked: str) -> tuple[str, ...]:
    """Names of learners: with commas between them, ``all`` or ``none``.

    Raises
    ------
    SettingError
        If there is none of a name.
    """
    return names_in(asked, ranking_learners(), ranking_learner)


def shop_task(
    shop: Shop,
    target: str = ALL,
    *,
    repeats: bool | None = None,
    sample: int | None = None,
    seed: int = 0,
    category: str | None = None,
    in_stock: bool = False,
) -> RecommendTask:
    """Ask what users of a shop take next, of all of them or of a seeded sample, and of which items.

    Raises
    ------
    InputError, SettingError
        Those of :meth:`RecommendTask.from_shop`; if the sample is not positive.
    """
    if sample is not None and sample < 1:
        raise SettingError(f"A sample of {sample} is none.", hint="Give a positive number, or none for all.")
    task = RecommendTask.from_shop(shop, target, repeats=repeats, seed=seed, category=category, in_stock=in_stock)
    return task if sample is None else task.sampled(sample, seed)


def item_facts(
    task: RecommendTask,
    choice: Choice | None,
    *,
    cache: VectorCache | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> tuple[ItemFacts, dict[str, Any]]:
    """What is known of the items, and JSON-able facts about the encoder.

    Parameters
    ----------
    task
        With texts, or without: then nothing but columns is known.
    choice
        The encoder of the titles; ``None`` for words alone.
    cache
        Of vectors; by default the one of this person.
    progress
        Called with the number of texts encoded and in all.
    """
    texts = list(task.texts or ())
    words = vectors = None
    about: dict[str, Any] = {}
    if any(texts):
        try:
            words = word_matrix(texts)
        except InputError:
            words = None  # no title holds a word: there is nothing to read
    if choice is not None and words is not None:
        started = time.perf_counter()
        told = [text or " " for text in texts]
        opened = open_encoder(choice.spec, told)
        done = 0

        def tell(more: int) -> None:
            nonlocal done
            done += more
            if progress is not None:
                progress(done, len(told))

        tell(0)
        vectors = (cache or VectorCache()).encode(opened, told, tell)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = np.where(length > 0, vectors / np.maximum(length, 1e-12), 0.0).astype(np.float32)
        vectors[[not text for text in texts]] = 0.0
        about = {
            "spec": choice.spec,
            "reason": choice.reason,
            "dimension": opened.dimension,
            "fingerprint": opened.fingerprint,
            "seconds": round(time.perf_counter() - started, 2),
        }
    attributes = None if task.attributes is None else words_of([list(words) for words in task.attributes])
    titles = tuple(text.replace("\0", " ") for text in texts) if words is not None else None
    return ItemFacts(words, vectors, attributes, task.category, titles), about


def prepare(
    task: RecommendTask,
    folder: Path,
    plan: RankingPlan,
    *,
    choice: Choice | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> RankingStudy:
    """Encode the titles and make the study ready.

    Raises
    ------
    SettingError
        If a setting cannot be.
    """
    plan.check()
    facts, encoder = item_facts(task, choice, progress=progress)
    return RankingStudy(
        task,
        facts,
        folder,
        remedies=plan.remedies,
        baselines=plan.baselines,
        split=plan.split,
        folds=plan.folds,
        budget=plan.budget,
        seed=plan.seed,
        workers=plan.workers,
        learner=plan.learner,
        about={"name": task.name, **(about or {}), **({"encoder": encoder} if encoder else {})},
    )
