"""From a fitted ranker to one that can be kept: what needs a package to score becomes arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.learners.ranking.sasrec import SequenceRanker
from evenshelf.rankers.base import Ranker
from evenshelf.rankers.blend import Blend
from evenshelf.rankers.buying_again import BuyingAgain
from evenshelf.rankers.kinds import Kept
from evenshelf.rankers.sequence_reader import LINE, SQUARE, SequenceReader
from evenshelf.rankers.trees import Averaged, Trees

CATEGORICAL, TO_LEFT, MISSING = 1, 2, 2
"""Of LightGBM's byte of a decision: two bits, and by how many bits the kind of what is missing is shifted."""


def kept(ranker: Ranker, learner: str) -> Kept:
    """The same ranker in arrays and numbers alone.

    Parameters
    ----------
    ranker
        As it was fitted.
    learner
        Its name, for the message.

    Raises
    ------
    SettingError
        If it is none that can be kept.
    """
    if isinstance(ranker, Blend):
        return replace(ranker, trees=Averaged(tuple(map(trees_of, ranker.trees.models))))
    if isinstance(ranker, BuyingAgain):
        return replace(ranker, new=kept(ranker.new, learner))
    if isinstance(ranker, SequenceRanker):
        return _reader(ranker)
    if isinstance(ranker, Kept):
        return ranker
    raise SettingError(
        f"What the learner {learner!r} fits cannot be served from a bundle yet.",
        hint="Train another learner with --learner, such as item_knn or blend.",
    )


def _reader(ranker: SequenceRanker) -> SequenceReader:
    """The same transformer, with what is known of the items in their vectors."""
    own = ranker.weights["item"][:-1]  # the last line is of a masked step
    told = {name: known @ ranker.weights[name] for name, known in ranker.fixed.items()}
    read, shown = own + told.get("text", np.float32(0.0)), own + sum(told.values(), np.float32(0.0))
    layers = [f"{layer}.{name}" for layer in range(ranker.shape.layers) for name in (*SQUARE, *LINE)]
    weights = {name: ranker.weights[name] for name in ("place", "norm", "norm.bias", *layers)}
    return SequenceReader(
        np.asarray(read, np.float32),
        np.asarray(shown, np.float32),
        weights,
        ranker.shape.layers,
        ranker.shape.heads,
        ranker.popularity,
    )


def trees_of(model: Any) -> Trees:
    """The trees of a model of LightGBM, as it writes them down itself.

    Raises
    ------
    SettingError
        If one of them asks for categories or ends in a linear model, which no ranker of ours does.
    """
    trees = [_facts(block) for block in model.model_to_string().split("\nTree=")[1:]]
    roots, nodes, leaves = [], 0, 0
    parts: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "decision", "left", "right", "value")}
    for facts in trees:
        value = np.array(facts["leaf_value"].split(), np.float64)
        own = int(facts["num_leaves"]) - 1
        if own:
            decision = np.array(facts["decision_type"].split(), np.int8)
            if (decision & CATEGORICAL).any() or int(facts.get("is_linear", "0")):
                raise SettingError("Only trees of numbers can be kept.", hint="Use another learner.")
            parts["decision"].append(decision)
            parts["feature"].append(np.array(facts["split_feature"].split(), np.int32))
            parts["threshold"].append(np.array(facts["threshold"].split(), np.float64))
            for side in ("left", "right"):
                child = np.array(facts[f"{side}_child"].split(), np.int32)
                parts[side].append(np.where(child >= 0, child + nodes, child - leaves))
        parts["value"].append(value)
        roots.append(nodes if own else -1 - leaves)
        nodes, leaves = nodes + own, leaves + len(value)
    decisions = _joined(parts["decision"], np.int8)
    return Trees(
        root=np.array(roots, np.int32),
        feature=_joined(parts["feature"], np.int32),
        threshold=_joined(parts["threshold"], np.float64),
        missing=(decisions >> MISSING & 3).astype(np.int8),
        missing_left=((decisions & TO_LEFT) > 0).astype(np.int8),
        left=_joined(parts["left"], np.int32),
        right=_joined(parts["right"], np.int32),
        value=_joined(parts["value"], np.float64),
    )


def _facts(block: str) -> dict[str, str]:
    """Lines of a tree, by name; what follows the last tree has none."""
    lines = block.partition("\n\n")[0].splitlines()
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}


def _joined(parts: list[Any], kind: type[np.generic]) -> Any:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)
