"""What is advised after a study of lists: its numbers are those of the study."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from evenshelf.study.advising import Advice, advise
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.results import StudyResult
from evenshelf.study.verdict import Verdict, decide
from evenshelf.study.wording import percent, signed, value
from evenshelf.tasks.list_measures import gain
from tests.study.list_factory import list_study


@pytest.fixture(scope="module")
def studied() -> tuple[StudyResult, Verdict]:
    """With a learner told beside the remedies that finds what the best remedy finds, and all the rest."""
    made = list_study(400)
    best = made["mmr"]
    assert best.tuned is not None
    first = replace(best.tuned, rank=np.zeros_like(best.tuned.ranks), settings=({"remedy": "none"},))
    made = replace(made, remedies=(*made.remedies, replace(made[POPULAR], spec="ease", tuned=first, default=first)))
    return made, decide(made, replicates=200)


def test_a_better_learner_is_named_and_families_that_do_not_fit_are_not(studied: tuple[StudyResult, Verdict]) -> None:
    made, verdict = studied
    advice = advise(made, verdict)
    held = verdict[verdict.recommended or "none"]
    first, *others = advice.following
    assert f"ease has macro NDCG@10 {value(verdict['ease'][verdict.metric])}" in first
    assert f"item_knn with {held.spec} {value(held[verdict.metric])}: --learner ease" in first
    assert advice.counsels == ()
    (families,) = others
    assert "not compared by themselves" in families
    assert "re-ranking" not in families, "mmr is of that family and was compared"
    assert "augmentation" not in families, "item neighbourhoods cannot honour it"
    assert advice.brief[-2:] == (first, advice.collect[0])
    assert Advice.from_dict(advice.to_dict()).to_dict() == advice.to_dict()
    assert advice.facts.to_dict()["contradicted"] is None, "labels alone are contradicted"


def test_how_lists_hold_rare_items_and_what_nobody_took_is_told(studied: tuple[StudyResult, Verdict]) -> None:
    made, verdict = studied
    by_steps, cold = advise(made, verdict).collect
    spec = verdict.recommended or "none"
    outcome = made[spec].tuned
    assert outcome is not None
    count = made.classes["count"].to_numpy()
    items = [c for c in np.unique(made.y) if count[c] > 0]
    each = np.array([gain(outcome.ranks[made.y == c]).mean() for c in items])
    few = count[items] < 20
    shown = re.search(r"changes by (\S+) \(95 % interval (\S+) to (\S+), over items", by_steps)
    assert shown is not None
    assert shown[1] == signed(each[~few].mean() - each[few].mean())
    assert by_steps.startswith(f"With {spec}, NDCG@10 is")
    never = (count == 0)[made.y]
    assert cold.startswith(f"{percent(never.mean())} of what was wanted")
    assert f"{len(np.unique(made.y[never]))} items that nobody took" in cold
    warm = replace(made, classes=made.classes.with_columns(bucket=made.classes["bucket"].replace("cold", "tail")))
    assert len(advise(warm, decide(warm, replicates=200)).collect) == 1
