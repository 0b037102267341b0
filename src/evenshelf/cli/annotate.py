"""Commands on annotation: annotate export, import, agreement, suspects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, show, working

annotate = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Have titles labelled by people, where it is worth most.

Write the rows most worth a label to a sheet, fill its column label in any
spreadsheet program, and take it back:

  evenshelf annotate export myshop sheet.csv --n 200

  evenshelf annotate import myshop sheet.csv --annotator ann

Several people, each row to two of them, and how far they agree:

  evenshelf annotate export myshop sheet.csv --per-annotator ann,bob,eve --overlap 2

  evenshelf annotate import myshop sheet-ann.csv sheet-bob.csv sheet-eve.csv

  evenshelf annotate agreement myshop

Labels that are probably wrong:

  evenshelf annotate suspects myshop --out doubtful.csv
""",
)
app.add_typer(annotate, name="annotate")

TargetOption = Annotated[str, typer.Option(help="The column that the labels are for.")]
EncoderOption = Annotated[str, typer.Option(metavar="SPEC", help="auto looks at the titles; see: evenshelf encoders.")]
SeedOption = Annotated[int, typer.Option(help="Equal seeds give equal results.")]
NewTargetOption = Annotated[bool, typer.Option("--new-target", help="Begin a column that the shop does not have yet.")]


@annotate.command(name="export")
def export_sheets(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    out: Annotated[Path, typer.Argument(help="The CSV file to write.", show_default=False)],
    target: TargetOption = "category",
    n: Annotated[int, typer.Option("--n", help="Rows to choose.")] = 100,
    strategy: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="tail: unsure, rare and diverse. Others, to compare: margin, entropy, badge, coreset, random.",
        ),
    ] = "tail",
    which: Annotated[
        str, typer.Option(metavar="ROWS", help="unlabelled, labelled (to check them), or conflicts.")
    ] = "unlabelled",
    per_annotator: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Names; each gets a file of their own, as OUT-NAME.csv.")
    ] = None,
    overlap: Annotated[int, typer.Option(help="How many of them get each row.")] = 1,
    blind: Annotated[
        bool, typer.Option("--blind", help="Leave suggestions out, so that they sway nobody; for measuring agreement.")
    ] = False,
    repeats: Annotated[
        bool, typer.Option("--repeats", help="Ask also for titles nearly equal to a labelled or chosen one.")
    ] = False,
    new_target: NewTargetOption = False,
    encoder: EncoderOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Write the rows most worth a label to a sheet, with suggestions.

    Columns: item_id, title, suggestion, confidence, second_suggestion,
    second_confidence, why; label and annotator are to be filled. Also works while
    nothing is labelled: then rows are chosen that cover the titles.

    For example:

      evenshelf annotate export myshop sheet.csv

      evenshelf annotate export myshop sheet.csv --n 300 --per-annotator ann,bob --overlap 2 --blind

      evenshelf annotate export myshop again.csv --which conflicts

      evenshelf annotate export myshop style.csv --target style --new-target
    """
    from evenshelf.annotating import select, write_sheets  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.annotating.sheets import check_sheets  # noqa: PLC0415
    from evenshelf.annotating.terminal import selection_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    annotators = [] if per_annotator is None else per_annotator.split(",")
    check_sheets(out, annotators, overlap)
    with working() as progress:
        found = select(
            Shop.open(shop),
            target,
            n,
            strategy=strategy,
            which=which,
            encoder=encoder,
            seed=seed,
            repeats=repeats,
            new_target=new_target,
            progress=progress,
        )
    files = write_sheets(found.rows, out, annotators=annotators, overlap=overlap, blind=blind, seed=seed)
    # what the person who labels must not see is not shown to the person who exports: it may be the same one
    rows = found.rows.select("item_id", "title") if blind else found.rows
    document = {
        "files": [str(file) for file in files],
        **{name: value for name, value in vars(found).items() if name != "rows"},
        "rows": rows.to_dicts(),
    }
    show(selection_report(found, files, blind=blind), document if as_json else None)


@annotate.command(name="import")
def import_sheets(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    files: Annotated[list[Path], typer.Argument(help="Sheets that were filled.", show_default=False)],
    target: TargetOption = "category",
    annotator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who filled the rows that do not say it.")
    ] = None,
    new_labels: Annotated[bool, typer.Option("--new-labels", help="Take labels that nobody used before.")] = False,
    new_target: NewTargetOption = False,
    votes: Annotated[int, typer.Option(help="Least votes that a label needs to be written to an item.")] = 1,
    strict: Annotated[bool, typer.Option("--strict", help="Take nothing if a row has to be refused.")] = False,
    encoding: Annotated[
        str, typer.Option(help="Of the files, such as utf-8 or gb18030; UTF-16 as Excel writes it is found by itself.")
    ] = "utf-8",
    as_json: JsonOption = False,
) -> None:
    """Take filled sheets back; what annotators agree on becomes the label of the items.

    The label with most votes is written. Ties are conflicts: they are listed, and
    the items keep what they had. Refused rows are listed with file, line and
    column, and written to refused-NAME.csv, to be corrected and imported. A sheet
    that is imported twice changes nothing.

    For example:

      evenshelf annotate import myshop sheet.csv --annotator ann

      evenshelf annotate import myshop sheet-*.csv --votes 2

      evenshelf annotate import myshop sheet.csv --new-labels --encoding gb18030
    """
    from evenshelf.annotating import import_labels  # noqa: PLC0415
    from evenshelf.annotating.terminal import import_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    with working() as progress:
        report = import_labels(
            Shop.open(shop),
            files,
            target,
            annotator=annotator,
            new_labels=new_labels,
            new_target=new_target,
            votes=votes,
            strict=strict,
            encoding=encoding,
            progress=progress,
        )
    show(import_report(report), report.to_dict() if as_json else None)


@annotate.command(name="agreement")
def show_agreement(
    shop: ShopArgument,
    target: TargetOption = "category",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Say how far annotators agree: Krippendorff's alpha, Cohen's kappa, classes, confusions.

    For example:

      evenshelf annotate agreement myshop

      evenshelf annotate agreement myshop --target style --json
    """
    from evenshelf.annotating import agreement  # noqa: PLC0415
    from evenshelf.annotating.terminal import agreement_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    found = agreement(Shop.open(shop), target, seed=seed)
    show(agreement_report(found), found.to_dict() if as_json else None)


@annotate.command(name="suspects")
def show_suspects(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    target: TargetOption = "category",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the rows as a sheet, to label them anew.")
    ] = None,
    n: Annotated[int, typer.Option("--n", help="Rows to show; of the sheet: at most so many, 0 for all.")] = 20,
    folds: Annotated[int, typer.Option(help="Parts of the data, each judged by the others.")] = 5,
    settled_by: Annotated[
        int, typer.Option("--settled-by", metavar="N", help="A label that N annotators gave is suspect no more.")
    ] = 2,
    encoder: EncoderOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """List labels that are probably wrong: the other rows contradict them.

    Each row is judged by a model that saw neither it nor a nearly equal title.
    How many are listed is decided for each class by what is usual for it, so rare
    classes are not suspected only for being rare.

    For example:

      evenshelf annotate suspects myshop

      evenshelf annotate suspects myshop --out doubtful.csv --n 200
    """
    from evenshelf.annotating import suspects, write_sheets  # noqa: PLC0415
    from evenshelf.annotating.terminal import suspects_report  # noqa: PLC0415
    from evenshelf.errors import SettingError  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    if n < 0:
        raise SettingError(f"--n is {n}, and must not be negative.", hint="0 stands for all.")
    with working() as progress:
        found = suspects(
            Shop.open(shop), target, encoder=encoder, folds=folds, seed=seed, settled_by=settled_by, progress=progress
        )
    rows = found.rows.head(n or found.rows.height)
    if out is not None:
        write_sheets(rows.drop("label", "label_confidence", "doubt"), out)
    document = {
        "target": found.target,
        "judged": found.judged,
        "not_judged": found.not_judged,
        "settled": found.settled,
        "suspected": found.rows.height,
        "file": None if out is None else str(out),
        "rows": rows.to_dicts(),
        "classes": found.classes.to_dicts(),
    }
    show(suspects_report(found, min(n or 20, 50), out), document if as_json else None)
