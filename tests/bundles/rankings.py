"""Small fitted rankers of every kind, and the bundles of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evenshelf.bundles.manifest import SCHEMA
from evenshelf.bundles.ranking import Recommender
from evenshelf.bundles.ranking.catalogue import Catalogue
from evenshelf.bundles.ranking.manifest import LearnerEntry, RankerEntry, RankingManifest, RankingRemedyEntry
from evenshelf.bundles.ranking.serving import serving_part
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.bundling import kept
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.rankers.base import Ranker
from evenshelf.remedies import parse
from evenshelf.tasks.histories import Histories

SMALL: dict[str, dict[str, Any]] = {"als": {"factors": 8}, "bpr": {"factors": 8}}
OPTIONAL = {"als": "implicit", "bpr": "implicit", "blend": "lightgbm", "blend_directed": "lightgbm"}
LEARNERS = (
    "popular",
    "popular_by_category",
    "again",
    "recent",
    "item_knn",
    "near",
    "transitions",
    "lent",
    "text",
    "ease",
    "als",
    "bpr",
    "blend",
    "blend_directed",
)
"""All that can be kept."""


def evidence_of(users: int = 80, seed: int = 0, *, repeats: bool = False, strength: bool = True) -> Evidence:
    """Users keep to one of three kinds of items; words tell the kind; one item of each kind is never taken."""
    rng = np.random.default_rng(seed)
    ids = [[f"k{kind}-{n}" for n in range(12)] for kind in range(3)]
    share = 1.0 / np.arange(1, 12)
    share /= share.sum()
    steps = [
        [str(i) for i in rng.choice(ids[kind][:-1], rng.integers(2, 8), replace=repeats, p=share)]
        for kind in rng.integers(0, 3, users)
    ]
    made = Histories.of([*steps, [ids[kind][-1] for kind in range(3)]], seed=seed)
    made = made.kept(made.user < users).of_users(np.arange(users))
    time = 86_400 * rng.integers(0, 100, len(made.item))
    made = replace(made, time=time, basket=2 * np.arange(len(made.item)))  # ids alone are read as baskets of one item
    if strength:
        made = replace(made, strength=rng.choice(np.array([1.0, 4.0], np.float32), len(made.item)))
    words = words_of([[item.split("-")[0], item, "thing"] for item in made.items])
    vectors = rng.normal(size=(len(made.items), 5)).astype(np.float32)
    vectors += 3.0 * words.toarray()[:, :5]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kinds = np.array([int(item[1]) for item in made.items])
    attributes = words_of([[f"kind={kind}"] for kind in kinds])
    facts = ItemFacts(words=words, vectors=vectors, attributes=attributes, category=kinds)
    return Evidence(made, facts, repeats)


def fitted(name: str, evidence: Evidence, spec: str = "none", **setting: Any) -> Ranker:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    learner = ranking_learner(name)
    values = {**learner.default, **SMALL.get(name, {}), **setting}
    return learner.fitted(evidence, parse(spec), setting=values, seed=3)


def bundle_of(ranker: Ranker, evidence: Evidence, name: str, spec: str = "none", *, held: bool = False) -> Recommender:
    remedy, histories = parse(spec), evidence.histories
    manifest = RankingManifest(
        schema_version=SCHEMA,
        evenshelf="0",
        kind="recommend",
        task="recommend",
        target="all",
        nouns={},
        learner=LearnerEntry(name=name, title=name, paper="", setting={}, directed=False),
        remedy=RankingRemedyEntry(
            spec=spec, title=remedy.title, paper=remedy.paper, serving=serving_part(remedy).spec, chosen="by hand"
        ),
        items=len(histories.items),
        repeats=evidence.repeats,
        seed=5,
        strength=None if histories.strength is None else 4.0,
        ranker=RankerEntry(kind="", numbers={}),
        trained_on={"users": len(histories.users), "steps": len(histories.item)},
        evidence={},
    )
    category = evidence.facts.category
    assert category is not None
    titles = tuple(f"the {item}" for item in histories.items)
    catalogue = Catalogue(histories.items, histories.counts, titles, ("k0", "k1", "k2"), category)
    return Recommender(manifest, kept(ranker, name), catalogue, evidence.facts.vectors, histories if held else None)
