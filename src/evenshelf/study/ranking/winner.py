"""What a study of recommendation says should be trained: learner, settings, remedy, and the evidence for them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evenshelf.bundles.manifest import RECOMMEND
from evenshelf.bundles.ranking.serving import NONE
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learner
from evenshelf.remedies import Remedy, parse
from evenshelf.study.results import Outcome, StudyResult, load
from evenshelf.study.winner import evidence_of, verdict_of
from evenshelf.study.wording import signed


@dataclass(frozen=True)
class RankingWinner:
    """What to fit: a learner at a setting, a remedy at its parameters, and where both come from.

    Attributes
    ----------
    chosen
        A sentence.
    evidence
        JSON-able; ``None`` without a study.
    notes
        What a person should know before using it, a sentence each.
    """

    learner: RankingLearner
    setting: Mapping[str, Any]
    remedy: Remedy
    chosen: str
    evidence: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


def ranking_winner(folder: Path, remedy: str | None = None, learner: str | None = None) -> tuple[RankingWinner, Any]:
    """What a study recommends, at the settings that most of its folds chose; or another remedy or learner of it.

    Where the verdict recommends nothing, that is ``none``. A learner that was told beside the remedies is taken without
    a remedy, at its own settings.

    Returns
    -------
    The winner, and the facts of the study's record.

    Raises
    ------
    InputError
        If the folder holds no finished study.
    SettingError
        If it was none of recommendation, or did not tune the remedy or the learner.
    """
    result = load(folder)
    if result.meta.get("task") != RECOMMEND:
        raise SettingError(f"The study {folder} is none of recommendation.", hint="Leave --task and --learner away.")
    own = result.meta["learner"]
    yardstick = learner is not None and learner != own
    verdict, notes = verdict_of(result, folder), []
    asked = None if remedy is None else parse(remedy).spec  # as a study writes it
    spec, why = asked or verdict.recommended or NONE, "as asked for" if asked else "recommended by the study"
    if yardstick:
        assert learner is not None
        if asked not in (None, NONE):
            raise SettingError(
                f"The study {folder} tuned the learner {own}, and no remedy of {learner}.",
                hint=f"Leave --learner or --remedy away, or run a study with --learner {learner}.",
            )
        spec, why = learner, "as asked for"
    elif remedy is None and verdict.recommended is None:
        why = "the study recommends no remedy"
        notes.append("the study recommends no remedy, so this is what doing nothing gives")
    if verdict.ahead and learner is None:
        best, metric = verdict.ahead[0], verdict.measures.title(verdict.metric)
        held = verdict.recommended or verdict.baseline
        notes.append(
            f"in the study the learner {best.spec} was better than {held} by {signed(best.diff)} {metric} "
            f"(95 % interval {signed(best.low)} to {signed(best.high)}): --learner {best.spec} trains it"
        )
    tuned = _tuned(result, reference=yardstick)
    if spec not in tuned:
        what = "learner" if yardstick else "remedy"
        raise SettingError(
            f"The study {folder} did not tune the {what} {spec!r}; it did: {', '.join(tuned)}.",
            hint="Name one of these, or run another study.",
        )
    setting, votes, folds = _most_chosen(tuned[spec])
    at = {name: value for name, value in setting.items() if name != "remedy"}
    chosen = f"{why}; {votes} of {folds} folds chose these settings" if folds > 1 else f"{why}; it chose these settings"
    winner = RankingWinner(
        ranking_learner(learner or own),
        at,
        parse(setting["remedy"]),
        chosen,
        evidence_of(result, verdict, folder, spec),
    )
    return replace(winner, notes=tuple(notes)), result.meta


def _tuned(result: StudyResult, *, reference: bool) -> dict[str, Outcome]:
    return {r.spec: r.tuned for r in result.remedies if r.tuned is not None and r.reference is reference}


def _most_chosen(outcome: Outcome) -> tuple[dict[str, Any], int, int]:
    """The setting that most folds chose, how many did, and how many there are; of several the first."""
    settings: Sequence[str] = [json.dumps(dict(s), sort_keys=True) for s in outcome.settings if s]
    if not settings:
        raise InputError("The study holds no settings for this.", hint="Run the study again.")
    votes = Counter(settings)
    first = max(votes, key=lambda setting: (votes[setting], -settings.index(setting)))
    return json.loads(first), votes[first], len(settings)
