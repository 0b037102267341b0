"""From a task and an index to a study of search that is ready to run: candidates of all queries, and made queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.learners.search.registry import SearchLearner, search_learner, search_learners
from evenshelf.learners.tunable import names_in
from evenshelf.remedies import Remedy, remedy_set
from evenshelf.study.contests.plan import Plan
from evenshelf.study.search.pooling import items_of, made_by, pool_of
from evenshelf.study.search.stored import Known
from evenshelf.study.search.study import BASELINES, SearchStudy

if TYPE_CHECKING:
    from evenshelf.index import SearchEngine
    from evenshelf.tasks.search import SearchTask


@dataclass(frozen=True)
class SearchPlan(Plan):
    """What a study of search is asked for, apart from the data.

    Parameters are those of :class:`evenshelf.study.search.study.SearchStudy`.
    """

    remedies: str | Sequence[str | Remedy] = "search"
    learner: str = "convex"
    baselines: Sequence[str] = BASELINES
    budget: int = 4

    def learner_named(self, name: str) -> SearchLearner:
        """The learner of a name, or an error."""
        return search_learner(name)


def baselines_named(asked: str) -> tuple[str, ...]:
    """Names of learners: with commas between them, ``all`` or ``none``.

    Raises
    ------
    SettingError
        If there is none of a name.
    """
    return names_in(asked, search_learners(), search_learner)


def prepare(
    task: SearchTask,
    engine: SearchEngine,
    folder: Path,
    plan: SearchPlan,
    *,
    about: Mapping[str, Any] | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> SearchStudy:
    """Ask the index every query, and make the study ready.

    Parameters
    ----------
    task
        The question.
    engine
        An index of all items of the task.
    folder
        Of the study.
    plan
        What is asked for.
    about
        Facts for the record.
    progress
        Called with how many queries were asked, and how many there are.

    Raises
    ------
    SettingError
        If a setting cannot be, or there are too few queries for the folds.
    InputError
        If the index lacks an item of the task.
    """
    plan.check()
    task.folds(plan.folds, plan.seed)  # too few queries are told of before the index is asked each
    items = items_of(engine, task)
    pool = pool_of(engine, task, progress)
    honours = search_learner(plan.learner).unsupported
    making = [remedy for remedy in remedy_set(plan.remedies) if honours(remedy) is None]
    made = made_by(making, engine, task, items, seed=plan.seed, tell=progress)
    return SearchStudy(
        task,
        Known(pool, items, made, task.query_bucket, task.item_bucket),
        folder,
        remedies=plan.remedies,
        baselines=plan.baselines,
        folds=plan.folds,
        budget=plan.budget,
        seed=plan.seed,
        workers=plan.workers,
        learner=plan.learner,
        about={"name": task.name, "encoder": _encoder(engine), **(about or {})},
    )


def _encoder(engine: SearchEngine) -> dict[str, Any]:
    spec = engine.manifest.encoder
    return {"spec": spec, "reason": "The encoder of the index", "dimension": int(engine.encode("a").shape[0])}
