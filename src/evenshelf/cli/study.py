"""Commands on studies: study, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenshelf.cli.app import INTERRUPTED, JsonOption, ShopArgument, app, err, escape, show, waiting

if TYPE_CHECKING:
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

REPORT = "report.html"
BY_USERS = "users"
"""Split that has folds where lists are asked for."""
_GOES_ON = "Interrupted. Nothing that was finished is lost: the same command goes on where it stopped."

MetricOption = Annotated[
    str | None,
    typer.Option(
        help="Decides: macro_f1, tail_f1, torso_f1, head_f1 or accuracy; of lists macro_ndcg_at_10, tail_ndcg_at_10, "
        "..., ndcg_at_10; of search ndcg_at_10, tail_ndcg_at_10, ..., traffic_ndcg_at_10.",
        metavar="NAME",
    ),
]
GuardrailOption = Annotated[float, typer.Option(help="Share of the head that a remedy may lose.", metavar="SHARE")]

ZoneOption = Annotated[
    float | None,
    typer.Option(
        help="Gains that are certainly smaller do not matter; .005, of lists .0005, if not given.", metavar="GAIN"
    ),
]


@app.command()
def study(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    task: Annotated[
        str, typer.Option(metavar="NAME", help="What is asked of the shop; see: evenshelf tasks.")
    ] = "label",
    target: Annotated[
        str | None,
        typer.Option(
            help="The column to be learned: category, or tags for the task tags, grade for relevance. For recommend: "
            "kinds of events, or all; for search: judgements or clicks."
        ),
    ] = None,
    remedies: Annotated[
        str | None,
        typer.Option(
            metavar="SET|SPECS",
            help="standard (of recommend: lists; of search: search), quick, or specs with commas; see: evenshelf "
            "remedies.",
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Parts of the data, each tested once; 5 if not given. Of recommend: of the users.", metavar="N"
        ),
    ] = None,
    encoder: Annotated[
        str, typer.Option(metavar="SPEC", help="auto looks at the texts; see: evenshelf encoders.")
    ] = "auto",
    learner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE:MAKE",
            help="What is fitted on the vectors, if not the task's own; see: evenshelf learners. "
            "Or one of your own: learners.py:make.",
        ),
    ] = None,
    baselines: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Other models to tell beside the remedies: all, none, or see: evenshelf baselines; words if not "
            "given. Of recommend and search: other learners.",
        ),
    ] = None,
    budget: Annotated[
        int, typer.Option(help="Settings (recommend, search: fits) a remedy may try. Labels, 1: as written.")
    ] = 8,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal results.")] = 0,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes; one per core if not given. Changes no result.")
    ] = None,
    metric: MetricOption = None,
    guardrail: GuardrailOption = 0.01,
    zone: ZoneOption = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of recommend: last (basket of each user; if not given), time (all after a moment), or users.",
        ),
    ] = None,
    repeats: Annotated[
        bool | None,
        typer.Option(
            "--repeats/--no-repeats",
            help="Of recommend: whether what a user had may be shown again; looks at the data if not given.",
            show_default=False,
        ),
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of recommend: only items of this category are shown and asked for."),
    ] = None,
    in_stock: Annotated[
        bool,
        typer.Option("--in-stock", help="Of recommend, with --split time: only what was in stock then is shown."),
    ] = False,
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Run the best remedies again with other folds and draws, N seeds in all.")
    ] = 1,
    learning_curve: Annotated[
        bool,
        typer.Option(
            "--learning-curve",
            help="Fit on shares of the labels (or users, or queries) as well: what would more bring?",
        ),
    ] = False,
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Use N items (or users), drawn with the seed, instead of all.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", metavar="COLUMN", help="Tell who gains by it, not by brand, seller, price; may be repeated."
        ),
    ] = None,
    descriptions: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="What classes are, for remedies that read names: CSV with class and description, or JSON.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the study is kept; inside of the shop if not given.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The HTML report; report.html in the study's folder if not given."),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no HTML report, only the numbers.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare remedies against imbalance on a shop, each tuned with the same budget, and say which to use, if any.

    Texts are encoded once and cached. Equal texts are never split by a fold.
    The verdict rests on paired differences to doing nothing, corrected for the
    number of remedies. An interrupted study goes on with the same command.

    For example:

      evenshelf study myshop

      evenshelf study myshop --sample 5000 --remedies quick

      evenshelf study myshop --target brand --remedies "balanced, smote(k=3) + logit_adjust(tau=0.5)"

      evenshelf study myshop --metric tail_f1 --guardrail 0.02 --json > verdict.json

      evenshelf study myshop --seeds 3 --learning-curve

      evenshelf study myshop --baselines words,zero_shot,lightgbm

      evenshelf study myshop --learner learners.py:make

      evenshelf study myshop --by gender --by season

      evenshelf study myshop --descriptions categories.csv

      evenshelf study myshop --task recommend --target purchase --split time

      evenshelf study myshop --task search --baselines lambdamart,words
    """
    from evenshelf.tasks import task_kind  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.tasks.label_metrics import CLASSES  # noqa: PLC0415

    kind = task_kind(task)
    remedies, learner = remedies or kind.remedies, learner or kind.learner
    try:
        if kind.answers == "lists":
            from evenshelf.cli.ranking_study import run_ranking  # noqa: PLC0415

            _refuse(task, by=bool(by), descriptions=descriptions)
            if folds is not None and split != BY_USERS:
                _refuse(f"{task}, which has folds of users alone", "Leave it away, or add --split users.", folds=True)
            result, verdict, folder = run_ranking(
                shop,
                target or kind.target,
                plan={
                    "remedies": remedies,
                    "learner": learner,
                    "split": split or "last",
                    "folds": 5 if folds is None else folds,
                    "budget": budget,
                    "seed": seed,
                    "workers": workers,
                },
                baselines=baselines,
                encoder=encoder,
                sample=sample,
                repeats=repeats,
                category=category,
                in_stock=in_stock,
                metric=metric,
                guardrail=guardrail,
                zone=zone,
                seeds=seeds,
                curve=learning_curve,
                out=out,
            )
        elif kind.answers == "searches":
            from evenshelf.cli.search_study import run_search  # noqa: PLC0415

            _refuse(task, split=split, repeats=repeats is not None, category=category, in_stock=in_stock)
            _refuse(task, by=bool(by), descriptions=descriptions, sample=sample)
            result, verdict, folder = run_search(
                shop,
                target or kind.target,
                plan={
                    "remedies": remedies,
                    "learner": learner,
                    "folds": 5 if folds is None else folds,
                    "budget": budget,
                    "seed": seed,
                    "workers": workers,
                },
                baselines=baselines,
                encoder=encoder,
                metric=metric,
                guardrail=guardrail,
                zone=zone,
                seeds=seeds,
                curve=learning_curve,
                out=out,
            )
        else:
            from evenshelf.cli.label_study import run_labels  # noqa: PLC0415

            _refuse(task, split=split, repeats=repeats is not None, category=category, in_stock=in_stock)
            result, verdict, folder = run_labels(
                shop,
                target,
                task=task,
                plan={
                    "remedies": remedies,
                    "folds": 5 if folds is None else folds,
                    "budget": budget,
                    "seed": seed,
                    "workers": workers,
                    "learner": learner,
                    "baselines": "words" if baselines is None else baselines,
                },
                encoder=encoder,
                sample=sample,
                by=by or [],
                descriptions=descriptions,
                metric=metric or "macro_f1",
                guardrail=guardrail,
                zone=CLASSES.zone if zone is None else zone,
                seeds=seeds,
                curve=learning_curve,
                out=out,
            )
        file = None if no_report else report or folder / REPORT
        _finish(result, verdict, folder, file, as_json=as_json)
    except KeyboardInterrupt:
        err.print(f"\n{_GOES_ON}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None


@app.command(name="report")
def report_again(  # noqa: PLR0917 - typer calls it by name
    folder: Annotated[
        Path, typer.Argument(help="Folder of a study, or of a shop: then its last study.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The HTML file; report.html in the study's folder if not given.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="Decide anew by this metric; as before if not given.")
    ] = None,
    guardrail: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Decide anew with this guardrail; as before if not given.")
    ] = None,
    zone: Annotated[
        float | None, typer.Option(metavar="GAIN", help="Decide anew with this zone; as before if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a finished study again and write its HTML report, without running anything.

    For example:

      evenshelf report myshop

      evenshelf report myshop/studies/label-1f2e3d4c5b6a --out verdict.html

      evenshelf report myshop --metric tail_f1
    """
    from evenshelf.study.results import load  # noqa: PLC0415

    found = _last_study(folder)
    result = load(found)
    verdict = _decided_before(result, found, metric=metric, guardrail=guardrail, zone=zone)
    # a second look by another metric does not become the study's verdict
    keep = metric is None and guardrail is None and zone is None
    _finish(result, verdict, found, out or found / REPORT, as_json=as_json, keep=keep)


def _refuse(task: str, hint: str = "Leave it away.", **asked: object) -> None:
    """Refuse what was asked of a task that does not have it."""
    named = [f"--{name.replace('_', '-')}" for name, value in asked.items() if value]
    if named:
        from evenshelf.errors import SettingError  # noqa: PLC0415

        raise SettingError(f"{' and '.join(named)} cannot be asked of {task}.", hint=hint)


def _finish(
    result: StudyResult, verdict: Verdict, folder: Path, file: Path | None, *, as_json: bool, keep: bool = True
) -> None:
    from evenshelf.explain.cases import kept_cases  # noqa: PLC0415
    from evenshelf.study.advising import advise  # noqa: PLC0415
    from evenshelf.study.fairness import fairness  # noqa: PLC0415
    from evenshelf.study.further import of_verdict  # noqa: PLC0415
    from evenshelf.study.metrics import save_findings  # noqa: PLC0415
    from evenshelf.study.terminal import StudyReport  # noqa: PLC0415

    fair, cases = fairness(result, verdict), kept_cases(folder, result, verdict)
    if keep:
        save_findings(result, verdict, folder, fair)
    kept, result = result, of_verdict(result, verdict)
    if result is not kept:
        other = "a verdict with other settings, or an earlier version, asked for those that are kept"
        err.print(f"[bold]other seeds[/]  not shown: {other}", soft_wrap=True)
    written = None
    if file is not None:
        from evenshelf.report import write_study_report  # noqa: PLC0415 - drawing is imported where something is drawn

        with waiting("writing the report"):
            written = write_study_report(result, verdict, file, fair, cases)
    document = {
        "folder": str(folder),
        "report": None if written is None else str(written),
        "verdict": verdict.to_dict(),
        "advice": advise(result, verdict).to_dict(),
        "study": dict(result.meta),
        "fairness": None if fair is None else fair.to_dict(),
        "cases": None if cases is None else cases.to_dict(),
    }
    show(StudyReport(result, verdict, folder, written, fair), document if as_json else None)


def _last_study(folder: Path) -> Path:
    """The folder itself, or the newest finished study of a shop."""
    from evenshelf.shop.manifest import MANIFEST  # noqa: PLC0415
    from evenshelf.study.prepare import STUDIES  # noqa: PLC0415

    if not (folder / MANIFEST).is_file():
        return folder
    finished = sorted((folder / STUDIES).glob("*/study.json"), key=lambda file: file.stat().st_mtime)
    if not finished:
        from evenshelf.errors import InputError  # noqa: PLC0415

        raise InputError(f"The shop {folder} has no finished study.", hint=f"Run one with: evenshelf study {folder}")
    if len(finished) > 1:
        err.print(f"The last of {len(finished)} studies: {escape(str(finished[-1].parent))}", soft_wrap=True)
    return finished[-1].parent


def _decided_before(result: StudyResult, folder: Path, **asked: str | float | None) -> Verdict:
    """The verdict with the settings it had, as far as no others are asked for."""
    import json  # noqa: PLC0415

    from evenshelf.study.judges import judge_of  # noqa: PLC0415
    from evenshelf.study.prepare import check_verdict  # noqa: PLC0415
    from evenshelf.study.verdict import decide  # noqa: PLC0415
    from evenshelf.study.winner import asked_before  # noqa: PLC0415

    kept: dict[str, Any] = {}
    file = folder / "verdict.json"
    if file.is_file():
        # the settings alone: a verdict of another version may hold other numbers besides
        kept = asked_before(json.loads(file.read_text(encoding="utf-8")))
    kept |= {k: v for k, v in asked.items() if v is not None}
    measures = judge_of(result).measures
    check_verdict(
        kept.get("metric", measures.main),
        kept.get("guardrail", 0.01),
        kept.get("zone", measures.zone),
        measures=measures,
    )
    return decide(result, **kept)
