"""How the command ``study`` runs a study of recommendation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.cli.app import err, escape
from evenshelf.cli.study_run import run_study, say_resumed

if TYPE_CHECKING:
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict


def run_ranking(
    shop: Path,
    target: str,
    *,
    plan: dict[str, Any],
    baselines: str | None,
    encoder: str,
    sample: int | None,
    repeats: bool | None,
    category: str | None,
    in_stock: bool,
    metric: str | None,
    guardrail: float,
    zone: float | None,
    seeds: int,
    curve: bool,
    out: Path | None,
) -> tuple[StudyResult, Verdict, Path]:
    """Read histories and titles, compare remedies, decide, and do what else is asked."""
    from evenshelf.shop import Shop  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.study import prepare as labels  # noqa: PLC0415
    from evenshelf.study.further import check_seeds  # noqa: PLC0415
    from evenshelf.study.progress import progress_bar  # noqa: PLC0415
    from evenshelf.study.ranking import prepare  # noqa: PLC0415
    from evenshelf.study.ranking.study import check_shares  # noqa: PLC0415
    from evenshelf.study.runner import study_folder  # noqa: PLC0415
    from evenshelf.tasks.list_measures import LISTS  # noqa: PLC0415

    others: dict[str, Any] = {} if baselines is None else {"baselines": prepare.baselines_named(baselines)}
    wanted = prepare.RankingPlan(**plan, **others)
    wanted.check()
    zone = LISTS.zone if zone is None else zone
    labels.check_verdict(metric or LISTS.main, guardrail, zone, measures=LISTS)
    check_seeds(seeds)
    if encoder != NO_ENCODER:
        labels.check_encoder(encoder)
    opened = Shop.open(shop)
    with progress_bar(err, "reading events") as tell:
        tell(0, 1)
        rules: dict[str, Any] = {"repeats": repeats, "category": category, "in_stock": in_stock}
        task = prepare.shop_task(opened, target, sample=sample, seed=wanted.seed, **rules)
        if curve:
            check_shares(task, wanted.split, folds=wanted.folds, seed=wanted.seed)
        texts = [text for text in task.texts or () if text]
        choice = labels.pick_encoder(texts, encoder) if texts and encoder != NO_ENCODER else None
        tell(1, 1)
    specs = tuple(str(r) for r in wanted.remedies) if not isinstance(wanted.remedies, str) else wanted.remedies
    content = {table: opened.fingerprint(table) for table in ("items", "events")}
    identity = (opened.fingerprint(), target, choice and choice.spec, wanted.learner, specs, wanted.split)
    more = (wanted.folds, wanted.budget, wanted.seed, tuple(wanted.baselines))
    folder = out or study_folder(opened.path / labels.STUDIES, task, *identity, *more)
    again = "what they had may come again" if task.repeats else "what they had is left out"
    histories = task.histories
    err.print(
        f"[bold]{escape(str(shop))}[/]  {len(histories.users):,} users, {len(histories.item):,} steps, "
        f"{len(histories.items):,} items; {again}",
        soft_wrap=True,
    )
    if choice is not None:
        err.print(f"[bold]encoder[/]  [cyan]{escape(choice.spec)}[/]  {escape(choice.reason)}")
    say_resumed(folder)
    about = {
        "name": f"{task.name} {target}",
        "shop": str(shop),
        "target": target,
        "shop_sha256": content,
        **({"sample": sample} if sample else {}),
        **({} if repeats is None else {"repeats_asked": repeats}),
    }
    with progress_bar(err, f"encoding {len(texts):,} titles") as tell:
        study = prepare.prepare(task, folder, wanted, choice=choice, about=about, progress=tell)
    asked, verdict = run_study(
        study, "laying out the histories", metric=metric, guardrail=guardrail, zone=zone, seeds=seeds, curve=curve
    )
    return asked, verdict, folder


NO_ENCODER = "none"
"""What ``--encoder`` takes for words alone."""
