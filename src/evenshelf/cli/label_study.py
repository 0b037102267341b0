"""How the command ``study`` runs a study of labels or tags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.cli.app import err, escape, waiting
from evenshelf.cli.study_run import run_study, say_resumed

if TYPE_CHECKING:
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict


def run_labels(
    shop: Path,
    target: str | None,
    *,
    task: str,
    plan: dict[str, Any],
    encoder: str,
    sample: int | None,
    by: list[str],
    descriptions: str | None,
    metric: str,
    guardrail: float,
    zone: float,
    seeds: int,
    curve: bool,
    out: Path | None,
) -> tuple[StudyResult, Verdict, Path]:
    """Read titles and labels, compare remedies, decide, and do what else is asked."""
    from evenshelf.explain.cases import save_cases  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.explain.study_cases import study_cases  # noqa: PLC0415
    from evenshelf.learners import learner_kind  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.study import prepare  # noqa: PLC0415
    from evenshelf.study.further import check_curve, check_seeds  # noqa: PLC0415
    from evenshelf.study.progress import progress_bar  # noqa: PLC0415
    from evenshelf.tasks import task_kind  # noqa: PLC0415
    from evenshelf.tasks.descriptions import described  # noqa: PLC0415

    wanted = prepare.Plan(**plan)
    wanted.check()
    prepare.check_verdict(metric, guardrail, zone)
    check_seeds(seeds)
    if curve:
        check_curve(learner_kind(wanted.learner))
    prepare.check_encoder(encoder)
    target = target or task_kind(task).target
    opened = Shop.open(shop)
    with waiting("reading the shop"):
        asked = prepare.shop_task(opened, target, kind=task, sample=sample, seed=wanted.seed, by=by)
        if descriptions is not None:
            asked, told = described(asked, descriptions)
            for note in told:
                err.print(f"[bold]{escape(descriptions)}[/]  {escape(note)}", soft_wrap=True)
        prepare.check_metric(asked, metric, wanted)
        if curve:
            check_curve(learner_kind(wanted.learner), asked, folds=wanted.folds, seed=wanted.seed)
        choice = prepare.pick_encoder(asked.texts or (), encoder)
    folder = out or prepare.shop_folder(opened, asked, target, choice, wanted)
    drawn = f", a sample drawn with seed {wanted.seed}" if sample and asked.things >= sample else ""
    nouns = asked.nouns
    pairs = f", {len(asked.target):,} {nouns.examples}" if asked.several else ""
    facts = f"{asked.things:,} {nouns.things}{drawn}{pairs}; {len(asked.classes):,} {nouns.labels} of {escape(target)}"
    err.print(f"[bold]{escape(str(shop))}[/]  {facts}", soft_wrap=True)
    err.print(f"[bold]encoder[/]  [cyan]{escape(choice.spec)}[/]  {escape(choice.reason)}")
    say_resumed(folder)
    with progress_bar(err, f"encoding {len(asked.target):,} texts") as tell:
        study = prepare.prepare(
            asked,
            choice,
            folder,
            wanted,
            about={
                "name": f"{asked.name} {target}",
                "shop": str(shop),
                "target": target,
                "shop_sha256": opened.fingerprint(),
                **({"sample": sample} if sample else {}),
                **({"by": list(dict.fromkeys(by))} if by else {}),
                **({"descriptions_file": descriptions} if descriptions else {}),
            },
            progress=tell,
        )
    more, verdict = run_study(
        study, "laying out the vectors", metric=metric, guardrail=guardrail, zone=zone, seeds=seeds, curve=curve
    )
    with progress_bar(err, "explaining some of the tail") as tell:
        save_cases(study_cases(study, more, verdict, tell), folder)
    return more, verdict, folder
