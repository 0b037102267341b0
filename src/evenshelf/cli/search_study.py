"""How the command ``study`` runs a study of search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.cli.app import err, escape
from evenshelf.cli.study_run import run_study, say_resumed

if TYPE_CHECKING:
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict


def run_search(
    shop: Path,
    target: str,
    *,
    plan: dict[str, Any],
    baselines: str | None,
    encoder: str,
    metric: str | None,
    guardrail: float,
    zone: float | None,
    seeds: int,
    curve: bool,
    out: Path | None,
) -> tuple[StudyResult, Verdict, Path]:
    """Bring the index up to date, ask it every query, compare remedies, decide, and do what else is asked."""
    from evenshelf.index.shops import index_shop  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.study import prepare as labels  # noqa: PLC0415
    from evenshelf.study.further import check_seeds  # noqa: PLC0415
    from evenshelf.study.progress import progress_bar  # noqa: PLC0415
    from evenshelf.study.rank_judge import POPULAR  # noqa: PLC0415
    from evenshelf.study.runner import study_folder  # noqa: PLC0415
    from evenshelf.study.search import prepare  # noqa: PLC0415
    from evenshelf.tasks.search import CLICKS, SearchTask  # noqa: PLC0415
    from evenshelf.tasks.search_lessons import taught_by_clicks  # noqa: PLC0415
    from evenshelf.tasks.search_measures import SEARCHES  # noqa: PLC0415

    others: dict[str, Any] = {} if baselines is None else {"baselines": prepare.baselines_named(baselines)}
    wanted = prepare.SearchPlan(**plan, **others)
    wanted.check()
    zone = SEARCHES.zone if zone is None else zone
    labels.check_verdict(metric or SEARCHES.main, guardrail, zone, measures=SEARCHES)
    check_seeds(seeds)
    opened = Shop.open(shop)
    with progress_bar(err, "reading judgements" if target != CLICKS else "reading clicks") as tell:
        tell(0, 1)
        task = taught_by_clicks(opened) if target == CLICKS else SearchTask.from_shop(opened, target)
        tell(1, 1)
    with progress_bar(err, "bringing the index up to date") as tell:
        spec = None if encoder == "auto" else encoder
        found = index_shop(opened, encoder=spec, tell=lambda _, done, of: tell(done, of or max(done, 1)))
    with found.engine as engine:
        used = engine.manifest.encoder
        specs = tuple(str(r) for r in wanted.remedies) if not isinstance(wanted.remedies, str) else wanted.remedies
        identity = (opened.fingerprint(), target, used, wanted.learner, specs, "queries")
        more = (wanted.folds, wanted.budget, wanted.seed, tuple(name for name in wanted.baselines if name != POPULAR))
        folder = out or study_folder(opened.path / labels.STUDIES, task, *identity, *more)
        err.print(
            f"[bold]{escape(str(shop))}[/]  {len(task.queries):,} queries, {int(task.answerable.sum()):,} with an item "
            f"that answers; {len(task.grade):,} pairs judged, {len(task.items):,} items",
            soft_wrap=True,
        )
        say_resumed(folder)
        about = {
            "name": f"{task.name} {target}",
            "shop": str(shop),
            "shop_sha256": {table: opened.fingerprint(table) for table in ("items", "judgements", "events")},
        }
        with progress_bar(err, "asking the index for candidates") as tell:
            study = prepare.prepare(task, engine, folder, wanted, about=about, progress=tell)
            if curve:
                study.check_curve()
    asked, verdict = run_study(
        study, "laying out the candidates", metric=metric, guardrail=guardrail, zone=zone, seeds=seeds, curve=curve
    )
    return asked, verdict, folder
