"""What a study says should be trained: remedy, settings, encoder, and the evidence for them."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.bundles.manifest import RECOMMEND
from evenshelf.bundles.portable import without_places
from evenshelf.errors import InputError, SettingError, near
from evenshelf.learners.heads import HEADS
from evenshelf.remedies.spec import places_in
from evenshelf.study.results import StudyResult, load
from evenshelf.study.served import served_learner
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.search_measures import SEARCHES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONE = "none"
ASKED = ("metric", "guardrail", "zone", "alpha", "replicates", "seed")
"""Settings of a verdict."""


@dataclass(frozen=True)
class Winner:
    """What to fit.

    Attributes
    ----------
    remedy
        Spec, parameters included.
    penalty
        ``None`` where it still has to be chosen.
    chosen
        Where both come from, a sentence.
    encoder
        Spec, or ``None`` for the one that suits the texts.
    evidence
        JSON-able; empty without a study. No path stands in it: bundles are handed on.
    notes
        What a person should know before using it, a sentence each.
    learner
        Of the study, by name; ``None`` for linear heads.
    """

    remedy: str
    penalty: float | None
    chosen: str
    encoder: str | None = None
    evidence: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    learner: str | None = None


SEARCH_SERVED = (
    "An index takes learned weights (evenshelf.learners.search.convex.learn_ranking) and tuned encoders "
    "(evenshelf index --encoder bert-int8:FOLDER)."
)
"""How what a study of search found is served."""


def studies_of(folder: Path, target: str | None = None, task: str | None = None) -> list[Path]:
    """Folders of the finished studies below `folder` that asked for a target and task, the newest last.

    Those of search, which no bundle serves, are left out unless they are asked for.
    """
    finished = sorted(folder.glob("*/study.json"), key=lambda file: (file.stat().st_mtime_ns, file.parent.name))
    found = []
    for file in finished:
        meta = json.loads(file.read_text(encoding="utf-8")).get("meta", {})
        if task is None and meta.get("measures") == SEARCHES.name:
            continue
        if target in (None, meta.get("target")) and task in (None, meta.get("task")):
            found.append(file.parent)
    return found


def verdict_of(result: StudyResult, folder: Path) -> Verdict:
    """The verdict that lies beside a study, or one by the usual settings where none does.

    One of another version is decided anew, by the settings that it was asked for: it may hold other numbers.
    """
    file = folder / "verdict.json"
    if not file.is_file():
        return decide(result)
    before = json.loads(file.read_text(encoding="utf-8"))
    try:
        return Verdict.from_dict(before)
    except InputError:
        return decide(result, **asked_before(before))


def asked_before(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`evenshelf.study.verdict.decide` was given, of a stored verdict of any version."""
    return {name: verdict[name] for name in ASKED if name in verdict}


def winner_of(folder: Path, remedy: str | None = None) -> tuple[Winner, StudyResult]:
    """What a study recommends, at the settings that most of its folds chose; or another remedy of it.

    Where the verdict recommends nothing, that is ``none``.

    Parameters
    ----------
    folder
        Of the study.
    remedy
        Spec of a remedy of the study to take instead.

    Raises
    ------
    InputError
        If the folder holds no finished study.
    SettingError
        If it was one of another learner than linear heads, or did not tune the remedy.
    """
    result = load(folder)
    learner = result.meta.get("learner", HEADS.name)
    if result.meta.get("task") == RECOMMEND:
        raise SettingError(f"The study {folder} is one of recommendation.", hint="Train it with --task recommend.")
    if result.meta.get("measures") == SEARCHES.name:
        raise SettingError(f"The study {folder} is one of search, which is served by no bundle.", hint=SEARCH_SERVED)
    served_learner(learner)
    verdict = verdict_of(result, folder)
    notes = []
    if remedy is None:
        spec = verdict.recommended or NONE
        why = "recommended by the study"
        if verdict.recommended is None:
            why = "the study recommends no remedy"
            notes.append("the study recommends no remedy, so this is what doing nothing gives")
    else:
        spec, why = remedy, "as asked for"
    tuned = {r.spec: r.tuned for r in result.remedies if r.tuned is not None and not r.reference}
    if spec not in tuned:
        raise SettingError(
            f"The study {folder} did not tune the remedy {spec!r}{near(spec, tuned)}.",
            hint="Leave --study away to fit a remedy that was not in it.",
        )
    outcome = tuned[spec]
    assert outcome is not None
    setting, votes = most_chosen([dict(s) for s in outcome.settings if s])
    folds = len(outcome.settings)
    return (
        Winner(
            setting["remedy"],
            setting["penalty"],
            f"{why}; {votes} of {folds} folds chose these settings",
            result.meta["encoder"]["spec"] if "encoder" in result.meta else None,
            evidence_of(result, verdict, folder, spec),
            tuple(notes),
            None if learner == HEADS.name else learner,
        ),
        result,
    )


def evidence_of(result: StudyResult, verdict: Verdict, folder: Path, spec: str) -> dict[str, Any]:
    """What a bundle says of the study that chose it, JSON-able and without any place of this machine.

    Parameters
    ----------
    folder
        Of the study.
    spec
        What was chosen.
    """
    compared = next((c for c in verdict.comparisons if c.spec == spec), None)
    evidence = {
        "folder": folder.resolve().name,
        "headline": verdict.headline,
        "reasons": list(verdict.reasons),
        "metric": verdict.metric,
        "recommended": verdict.recommended,
        "remedy": None if compared is None else compared.to_dict(),
    }
    found: dict[str, Any] = without_places(
        evidence, {p: name for r in result.remedies for p, name in places_in(r.spec).items()}
    )
    return found


def task_asked(shop: Path, study: Path | None, remedy: str | None, target: str | None = None) -> str | None:
    """The task of a study, or of the newest finished one of a shop if no remedy is named; ``None`` without one.

    Parameters
    ----------
    shop
        Folder in which studies are.
    study
        Folder of a study, or ``None``.
    remedy
        Spec, if one is named.
    target
        What the study asked for, or ``None`` for anything.
    """
    folder = study
    if folder is None and remedy is None:
        finished = studies_of(shop, target)
        folder = finished[-1] if finished else None
    if folder is None or not (folder / "study.json").is_file():
        return None
    found: str | None = json.loads((folder / "study.json").read_text(encoding="utf-8")).get("meta", {}).get("task")
    return found


def most_chosen(settings: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """The setting that most folds chose, and how many did; of several the one with the strongest penalty.

    Each fold chose by its inner score, on rows that it is not judged by. A penalty is one of mean loss, so it means the
    same for all rows as for those of a fold.
    """
    if not settings:
        raise InputError("The study holds no settings for this remedy.", hint="Run the study again.")
    votes = Counter((s["remedy"], s["penalty"]) for s in settings)
    (remedy, penalty), count = max(
        votes.items(), key=lambda v: (v[1], -math.inf if v[0][1] is None else v[0][1], v[0][0])
    )
    return {"remedy": remedy, "penalty": penalty}, count
