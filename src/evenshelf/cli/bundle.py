"""Commands on bundles: train, predict."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, show, working
from evenshelf.errors import InputError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evenshelf.bundles.labelling import Labelled
    from evenshelf.bundles.titles import Given

SHOWN = 50


@app.command()
def train(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    study: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The study that decides; the shop's newest if not given.")
    ] = None,
    remedy: Annotated[
        str | None, typer.Option(metavar="SPEC", help="This remedy instead; see: evenshelf remedies.")
    ] = None,
    penalty: Annotated[
        float | None, typer.Option(metavar="X", help="Strength of L2; of the study, or chosen on a held-out fold.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column to be learned; that of the study.")] = None,
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="What is asked of the shop; see: evenshelf tasks.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="SPEC", help="That of the study, or auto; see: evenshelf encoders.")
    ] = None,
    descriptions: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What classes are, as for evenshelf study; those of the study if not given."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The bundle; inside of the shop if not given.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="How often the right class may be missing from the set; 0.1 if not given.")
    ] = None,
    learner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="That of the study; heads, finetune_heads, or of what recommends any."),
    ] = None,
    distil: Annotated[
        str | None,
        typer.Option(metavar="FORM", help="Serve the tuned model as this, and tell what that loses: static."),
    ] = None,
    with_histories: Annotated[
        bool, typer.Option("--with-histories", help="Of what recommends: keep what users took, by their ids.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal bundles.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Fit the winner of a study, or a named remedy, on all data, and keep it as a bundle.

    A bundle is a folder with a manifest, arrays and the head as ONNX. It needs no
    torch, and loading it executes nothing. Settings are those that most folds of
    the study chose. If it recommends no remedy, that is what is fitted: no remedy.

    After a study of recommendation the bundle holds what ranks items for users,
    and evenshelf recommend asks it. What users took is not in it unless you say so.

    A tuned model takes milliseconds a title and some 90 MB. With --distil static a
    table of token vectors learns to say what it says, from all titles of the shop,
    and is served in its place: a tenth of the bytes, and hardly any time. What is
    lost is measured on titles that neither had seen, and stands in the notes.

    For example:

      evenshelf train myshop

      evenshelf train myshop --study myshop/studies/label-1f2e3d4c5b6a --out best

      evenshelf train myshop --remedy "name_prior + logit_adjust(tau=0.5)" --alpha 0.05

      evenshelf train myshop --task tags --remedy none

      evenshelf train myshop --remedy balanced --learner "finetune_heads(epochs=8)"

      evenshelf train myshop --remedy balanced --learner finetune_heads --distil static

      evenshelf train myshop --task recommend --learner item_knn
    """
    from evenshelf.bundles.terminal import bundle_report  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.study.train import Wanted  # noqa: PLC0415
    from evenshelf.study.train import train as fit  # noqa: PLC0415

    if _recommends(shop, study, task=task, remedy=remedy, target=target, learner=learner):
        for_labels = {"--penalty": penalty, "--alpha": alpha, "--descriptions": descriptions, "--distil": distil}
        _refuse([name for name, value in for_labels.items() if value is not None], "for bundles that label")
        ranking = {"target": target, "study": study, "remedy": remedy, "learner": learner, "encoder": encoder}
        _train_ranking(shop, out, as_json=as_json, seed=seed, with_histories=with_histories, **ranking)
        return
    _refuse(["--with-histories"] * with_histories, "for bundles that recommend")
    wanted = Wanted(
        target=target,
        task=task,
        study=study,
        remedy=remedy,
        penalty=penalty,
        encoder=encoder,
        alpha=alpha,
        seed=seed,
        descriptions=descriptions,
        learner=learner,
        distil=distil,
    )
    wanted.check()
    with working() as progress:
        bundle, folder = fit(Shop.open(shop), wanted, out, progress=progress)
    document = {"folder": str(folder), **bundle.manifest.model_dump(mode="json")}
    show(bundle_report(bundle.manifest, folder), document if as_json else None)


def _recommends(shop: Path, study: Path | None, *, learner: str | None, task: str | None, **asked: str | None) -> bool:
    """Whether what is asked for ranks items for users."""
    from evenshelf.bundles.manifest import RECOMMEND  # noqa: PLC0415
    from evenshelf.learners.bracketed import base_of  # noqa: PLC0415
    from evenshelf.learners.ranking.registry import ranking_learners  # noqa: PLC0415
    from evenshelf.study.prepare import STUDIES  # noqa: PLC0415
    from evenshelf.study.winner import task_asked  # noqa: PLC0415

    if task is None and learner is not None and base_of(learner) in ranking_learners():
        return True
    return (task or task_asked(shop / STUDIES, study, **asked)) == RECOMMEND


def _refuse(options: list[str], what: str) -> None:
    if options:
        raise SettingError(f"{', '.join(options)}: {what} alone.", hint="Leave it away.")


def _train_ranking(shop: Path, out: Path | None, *, as_json: bool, **options: Any) -> None:
    from evenshelf.bundles.ranking.terminal import ranking_bundle_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.study.ranking.train import RankingWanted, train_ranking  # noqa: PLC0415

    wanted = RankingWanted(**options)
    wanted.check()
    with working() as progress:
        bundle, folder = train_ranking(Shop.open(shop), wanted, out, progress=progress)
    document = {"folder": str(folder), **bundle.manifest.model_dump(mode="json")}
    show(ranking_bundle_report(bundle.manifest, folder), document if as_json else None)


@app.command()
def predict(  # noqa: PLR0917 - typer calls it by name
    bundle: Annotated[
        Path, typer.Argument(help="Folder of a bundle, or of a shop: then its newest bundle.", show_default=False)
    ],
    titles: Annotated[list[str] | None, typer.Argument(help="Titles to label.", show_default=False)] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="csv, tsv, jsonl, json, parquet, or txt with a title a line; - for stdin."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of the file that holds the titles: title.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the file, such as utf-8 or gb18030.")] = "utf-8",
    encoder: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The bundle's model, if it is not in the bundle and you trust it."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="So many classes for each title.")] = 3,
    unsure_below: Annotated[
        float, typer.Option("--unsure-below", metavar="P", help="A less probable label is not sure.")
    ] = 0.5,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all rows there: .csv, .jsonl or .parquet.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Label new titles: the likeliest classes, a set that holds the right one, and "not sure".

    The set holds the right class as often as the bundle was trained for, 90 % of
    the time if not told otherwise, for each class that has titles enough. A title
    with several classes in its set, or none, or with a probability below
    --unsure-below is not sure: have it labelled by a person.

    A bundle may come from anybody, so a model that is not in it (st:, hf:) is only
    loaded if you name it with --encoder. It has to be the same model.

    Rows that cannot be labelled keep their place, with the reason. Files are read
    and written in blocks, so they may be larger than memory.

    For example:

      evenshelf predict myshop "Nike men running shoes" "男士 运动鞋"

      evenshelf predict myshop --file new.csv --out labelled.csv

      evenshelf predict mybundle --file new.parquet --column name --top 5 --out labelled.jsonl

      evenshelf predict mybundle "red shoe" --encoder st:intfloat/multilingual-e5-small

      cat titles.txt | evenshelf predict myshop --file - --json
    """
    from evenshelf.bundles import Bundle  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.bundles.labelling import check_out, labelled, writing  # noqa: PLC0415
    from evenshelf.bundles.places import bundle_in  # noqa: PLC0415
    from evenshelf.bundles.prediction import check_asked  # noqa: PLC0415
    from evenshelf.bundles.terminal import prediction_report  # noqa: PLC0415

    if bool(titles) == (file is not None):
        raise SettingError(
            "Give titles or --file, and not both." if titles else "There is nothing to label.",
            hint='evenshelf predict BUNDLE "a title" - or: evenshelf predict BUNDLE --file titles.csv',
        )
    check_asked(top, unsure_below)
    if out is not None:
        check_out(out)
    counts = {"rows": 0, "labelled": 0, "unsure": 0, "refused": 0}
    kept: list[Labelled] = []
    with ExitStack() as stack:
        progress = stack.enter_context(working())
        progress("loading the bundle", 0, None)
        folder = bundle_in(bundle)
        loaded = Bundle.load(folder, encoder=encoder)
        blocks = _blocks(stack, titles or [], file, column, encoding)
        write = None if out is None else stack.enter_context(writing(out, top))
        progress("labelling", 0, None)
        told = labelled(
            loaded, blocks, top=top, unsure_below=unsure_below, progress=lambda done: progress("labelling", done, None)
        )
        for rows in told:
            counts["rows"] += len(rows)
            counts["refused"] += sum(row.prediction is None for row in rows)
            counts["unsure"] += sum(row.prediction is not None and row.prediction.unsure is not None for row in rows)
            if write is not None:
                write(rows)
            if as_json and write is None:
                kept += rows
            else:
                kept += rows[: max(SHOWN - len(kept), 0)]
        counts["labelled"] = counts["rows"] - counts["refused"]
        _check_any(counts, kept)
    document: dict[str, Any] = {"bundle": str(folder), **counts, "file": None if out is None else str(out)}
    if out is None:
        document["predictions"] = [row.to_dict() for row in kept]
    show(prediction_report(kept, counts, loaded.manifest, out), document if as_json else None)


def _blocks(
    stack: ExitStack, titles: list[str], file: str | None, column: str | None, encoding: str
) -> Iterable[list[Given]]:
    from evenshelf.bundles.titles import given, titles_of  # noqa: PLC0415

    if file is None:
        return [given(titles)]
    if file == "-":
        return titles_of("", sys.stdin.buffer, column=column, encoding=encoding)
    path = Path(file)
    try:
        stream = stack.enter_context(path.open("rb"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", hint="Check the name.") from error
    return titles_of(path.name, stream, column=column, encoding=encoding)


def _check_any(counts: dict[str, int], kept: list[Labelled]) -> None:
    """Nothing to label is an error; a file with some bad rows is not."""
    if counts["labelled"]:
        return
    if not counts["rows"]:
        raise InputError("There is no title to label: the file holds no rows.", hint="Check the file.")
    first = kept[0].given
    raise InputError(
        f"None of {counts['rows']:,} rows can be labelled; row {first.line}: {first.refused}.",
        hint="Check the file, its --encoding and its --column.",
    )
