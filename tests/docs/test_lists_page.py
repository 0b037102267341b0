"""The example of the page on lists runs, and the page names every metric and every remedy that re-ranks."""

from __future__ import annotations

import re

from evenshelf.remedies import Stage, catalogue
from evenshelf.tasks import list_metrics, ranking_metrics
from tests.docs.blocks import ROOT, blocks


def test_the_example_makes_lists_that_share_attention() -> None:
    (example,) = blocks("docs/lists.md")
    names: dict[str, dict[str, dict[str, float]]] = {}
    exec(example.code, names)
    found = names["found"]
    assert found["fair_exposure"]["gini"] < found["none"]["gini"]
    assert 0 < found["none"]["recall_at_10"] < 1


def test_every_metric_and_remedy_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "lists.md").read_text(encoding="utf-8")))
    metrics = {name for name in ranking_metrics.METRICS if not name.endswith(("_at_5", "_at_20"))}
    assert named >= metrics | set(list_metrics.METRICS)
    ours = {n: k for n, k in catalogue().items() if k.__module__.startswith("evenshelf.")}
    assert named >= {name for name, kind in ours.items() if Stage.RERANK in kind.stages}
