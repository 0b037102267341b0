"""Commands on shops: ingest, profile, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, err, escape, one_of, pairs, show, working


@app.command()
def ingest(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV, TSV, JSON lines, JSON or Parquet; plain, .gz, .zip, .tar.*, or a folder of them.",
            show_default=False,
        ),
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="ROLE=COLUMN", help="Which column is the title, the category, ..."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Names of the columns of files without a header.")
    ] = None,
    no_header: Annotated[
        bool, typer.Option("--no-header", help="The first line is data even if it looks like names.")
    ] = False,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHAR", help="Between fields; found by itself if not given.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of text files, such as utf-8 or gb18030.")] = "utf-8",
    off: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Do not apply this quarantine rule.")] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Repair rows of this rule instead of refusing them: swapped_columns."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Leave these files of an archive or folder out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add files of items to a shop; make the shop if there is none.

    No row is lost: each one is kept, or put into quarantine with its reason, and
    the sum is shown. Files that are in the shop already are not read twice.

    For example:

      evenshelf ingest myshop products.csv

      evenshelf ingest myshop export.zip --map title=productDisplayName --map category=articleType

      evenshelf ingest myshop pages.tar.xz --columns code,path,title,breadcrumb,shop,seller
    """
    from evenshelf.shop import ingest as run  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.shop.terminal import ingest_report  # noqa: PLC0415

    with working() as progress:
        report = run(
            shop,
            files,
            mapping=pairs(mapping or [], "--map"),
            columns=None if columns is None else [name.strip() for name in columns.split(",")],
            delimiter="\t" if delimiter == "\\t" else delimiter,
            header=False if no_header else None,
            encoding=encoding,
            off=off or (),
            fix=fix or (),
            exclude=exclude or (),
            progress=progress,
        )
    show(ingest_report(report), report.to_dict() if as_json else None)


@app.command()
def profile(
    shop: ShopArgument,
    target: Annotated[str, typer.Option(help="The column to be learned.")] = "category",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write the profile as one HTML file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a shop: quarantine, titles, repeats, and how uneven its groups are.

    For example:

      evenshelf profile myshop

      evenshelf profile myshop --html profile.html

      evenshelf profile myshop --target brand --json > profile.json
    """
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.shop import profile as run  # noqa: PLC0415
    from evenshelf.shop.terminal import profile_report  # noqa: PLC0415

    with working() as progress:
        result = run(Shop.open(shop), target, progress=progress)
    if html is not None:
        from evenshelf.report import write_profile_report  # noqa: PLC0415

        err.print(f"Report: {escape(str(write_profile_report(result, html)))}", soft_wrap=True)
    show(profile_report(result), result.to_dict() if as_json else None)


@app.command()
def simulate(  # noqa: PLR0917 - typer calls it by name
    shop: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the new shop.", show_default=False)],
    items: Annotated[int, typer.Option(help="Number of items.")] = 2000,
    seed: Annotated[int, typer.Option(help="Equal seeds make equal shops.")] = 7,
    world: Annotated[
        str, typer.Option(help="language: titles tell the category; codes: they tell nothing.")
    ] = "language",
    language: Annotated[str, typer.Option(help="Of the titles: both, en or zh.")] = "both",
    as_json: JsonOption = False,
) -> None:
    """Make a shop by machine, to try things on.

    For example:

      evenshelf simulate demo

      evenshelf simulate big --items 100000 --language en --seed 1
    """
    from evenshelf.shop import simulate as run  # noqa: PLC0415
    from evenshelf.shop.simulate import LANGUAGES, WORLDS  # noqa: PLC0415

    one_of(world, WORLDS, "--world")
    one_of(language, LANGUAGES, "--language")

    with working() as progress:
        made = run(shop, items, seed, world, language, progress=progress)  # type: ignore[arg-type] # checked there
    result = {"shop": str(shop), "items": made.manifest.tables["items"].rows, "fingerprint": made.fingerprint()}
    message = f"[green]✓[/] [bold]{escape(str(shop))}[/] holds {result['items']:,} simulated items. "
    show(f"{message}Look at it with: evenshelf profile {escape(str(shop))}", result if as_json else None)
