"""Write ``recommenders.md`` from the code: ``make docs``."""

from __future__ import annotations

from pathlib import Path

from evenshelf.learners.ranking.registry import RankingLearner, ranking_learners
from evenshelf.rankers.answering import AFTERWARDS
from evenshelf.remedies import remedy_set

PAGE = Path(__file__).with_name("recommenders.md")
HEAD = """\
# Learners that recommend

<!-- Written by `make docs` from the code; do not edit. -->

What `--learner` and `--baselines` take in [a study of recommendation](recommend.md). *Order*: whether a learner reads
which of two steps came first, and so may read [the order of a file](recommend.md#the-order-of-a-file). *Cost*: about
how long a fit takes, in fits of item neighbourhoods. *Stages*: of remedies, beside {afterwards}, which act
on scores and lists and go with every learner.

| learner | what it is | needs | order | cost | stages |
|---|---|---|---|---|---|
"""
SETTINGS = """\

## What is tuned

Values that a study tries, the default first. With a budget of 8 a remedy has 8 fits; what acts on scores and lists
alone is tried at each of its own values on every fit, what acts in the fit shares the fits out among its values.

| learner | values |
|---|---|
"""
REMEDIES = """\

## Which remedies go with which learner

The remedies of the set `lists`. A remedy that a learner cannot honour is reported as not applicable, with the reason.

| remedy | stages | learners |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    # what other packages have registered here is theirs to document
    learners = [kind for kind in ranking_learners().values() if kind.fit.__module__.startswith("evenshelf.")]
    afterwards = " and ".join(f"*{stage.value}*" for stage in AFTERWARDS)
    return (
        HEAD.format(afterwards=afterwards)
        + "\n".join(_about(kind) for kind in learners)
        + "\n"
        + SETTINGS
        + "\n".join(_tuned(kind) for kind in learners)
        + "\n"
        + REMEDIES
        + "\n".join(_honoured(learners))
        + "\n"
    )


def _about(kind: RankingLearner) -> str:
    stages = ", ".join(stage.value for stage in kind.stages) or "–"
    needs = ", ".join(kind.needs) or "–"
    order = "yes" if kind.directed else "no"
    return f"| `{kind.name}` | {kind.summary} ({kind.paper}) | {needs} | {order} | {kind.cost:g} | {stages} |"


def _tuned(kind: RankingLearner) -> str:
    tried = [f"`{name}`: {', '.join(map(str, values))}" for name, values in kind.grid.items()]
    return f"| `{kind.name}` | {'; '.join(tried) or 'none'} |"


def _honoured(learners: list[RankingLearner]) -> list[str]:
    lines = []
    for remedy in remedy_set("lists"):
        if remedy.spec == "none":
            continue
        able = [kind.name for kind in learners if kind.unsupported(remedy) is None]
        told = "all" if len(able) == len(learners) else ", ".join(f"`{name}`" for name in able) or "none"
        lines.append(f"| `{remedy.spec}` | {', '.join(stage.value for stage in remedy.stages)} | {told} |")
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
