"""The one list of tasks: what can be asked of a shop.

Other packages add theirs as entry points of the group ``evenshelf.tasks``, each a :class:`TaskKind`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evenshelf.plugins import Registry
from evenshelf.shop import Shop
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import CLASSES
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.tasks.relevance import GRADE, RelevanceTask
from evenshelf.tasks.search import JUDGEMENTS, SearchTask
from evenshelf.tasks.search_measures import SEARCHES
from evenshelf.tasks.shop_steps import ALL
from evenshelf.tasks.tags import TagsTask


@dataclass(frozen=True)
class TaskKind:
    """One kind of task.

    Parameters
    ----------
    name
        What ``--task`` takes.
    summary
        One sentence for a person who has to choose.
    target
        What ``--target`` is if it is not given.
    ask
        ``ask(shop, target)`` finds the examples and their classes; ``target`` is what ``--target`` says. The task it
        returns is of a class whose :attr:`~evenshelf.tasks.label.LabelTask.name` is that of the kind. It raises an
        :class:`~evenshelf.errors.InputError` if the shop cannot answer.
    learner
        What is fitted where ``--learner`` is not given.
    remedies
        What is compared where ``--remedies`` is not given.
    answers
        What is answered: name of the :class:`~evenshelf.tasks.measures.Measures` by which it is judged.
    """

    name: str
    summary: str
    ask: Callable[[Shop, str], LabelTask | RecommendTask | SearchTask]
    target: str = "category"
    learner: str = "heads"
    remedies: str = "standard"
    answers: str = CLASSES.name


_registry: Registry[TaskKind] = Registry(
    "task",
    "evenshelf.tasks",
    wanted="a TaskKind",
    fits=lambda kind: isinstance(kind, TaskKind),
    identity=lambda kind: f"{kind.ask.__module__}.{getattr(kind.ask, '__qualname__', kind.ask)}",
)
register = _registry.register
"""Add a kind of task."""

task_kinds = _registry.all
"""Every kind of task by name."""

task_kind = _registry.find
"""The kind of task of a name."""

register(TaskKind("label", "Which category, or any other column, belongs to a product text.", LabelTask.from_shop))
register(
    TaskKind(
        "tags",
        "Which tags, any number of them, belong to a product text (--target tags, or attributes: --target "
        "colour,season), or to what a user looked at (--target users.tags).",
        TagsTask.from_shop,
        "tags",
        "binary_heads",
    )
)
register(
    TaskKind(
        "relevance",
        "How well a product answers a query, by its judgements (--target grade, or another column of them).",
        RelevanceTask.from_shop,
        GRADE,
    )
)
register(
    TaskKind(
        "recommend",
        "What a user takes next, by what all users took before (--target all, or kinds of events: --target "
        "cart,purchase).",
        RecommendTask.from_shop,
        ALL,
        "near",
        "lists",
        LISTS.name,
    )
)
register(
    TaskKind(
        "search",
        "Which items answer a query, and in which order (--target judgements, or clicks).",
        SearchTask.from_shop,
        JUDGEMENTS,
        "convex",
        "search",
        SEARCHES.name,
    )
)
