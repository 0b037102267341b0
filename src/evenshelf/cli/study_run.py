"""Runs a prepared study of any kind, with a bar, decides, and does what else was asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evenshelf.cli.app import err, escape

if TYPE_CHECKING:
    from evenshelf.study.further import Asked
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict


def say_resumed(folder: Path) -> None:
    """Say how much of an earlier run is in the folder of a study, if there is any."""
    from evenshelf.study.prepare import stored_trials  # noqa: PLC0415 - keeps --help and --version fast

    if before := stored_trials(folder):
        err.print(f"[bold]resumed[/]  {before:,} pieces of an earlier run are in {escape(str(folder))}", soft_wrap=True)


def run_study(
    study: Asked,
    words: str,
    *,
    metric: str | None,
    guardrail: float,
    zone: float | None,
    seeds: int,
    curve: bool,
) -> tuple[StudyResult, Verdict]:
    """Compare remedies, decide, and do what else is asked.

    Parameters
    ----------
    study
        Ready to run.
    words
        What is done first.
    metric, guardrail, zone
        Of the verdict.
    seeds, curve
        See :func:`evenshelf.study.further.further`.

    Returns
    -------
    tuple
        What was found, and the verdict.
    """
    from evenshelf.study.further import further  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.study.metrics import save_findings  # noqa: PLC0415
    from evenshelf.study.progress import progress_bar  # noqa: PLC0415
    from evenshelf.study.verdict import decide  # noqa: PLC0415

    with progress_bar(err, words) as tell:
        result = study.run(tell)
        verdict = decide(result, metric=metric, guardrail=guardrail, zone=zone)
        if seeds > 1 or curve:  # what comes next may be interrupted
            save_findings(result, verdict, study.folder)
        asked = further(study, result, verdict, seeds=seeds, curve=curve, progress=tell)
    if seeds > 1 and asked.seeds is None:
        err.print("[bold]other seeds[/]  no remedy was compared, so none is run again")
    return asked, verdict
