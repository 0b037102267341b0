"""Commands on shops: ingest, profile, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, err, escape, one_of, pairs, show, working

if TYPE_CHECKING:
    from evenshelf.shop import LogProfile


@app.command()
def ingest(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    sources: Annotated[
        list[str],
        typer.Argument(
            help="CSV, TSV, JSON lines, JSON or Parquet; plain, packed (.gz, .xz, .bz2, .zip, .tar.*), a folder or a "
            "quoted pattern of them; or a database, as in sqlite:///shop.db or postgresql://user@host/name.",
            show_default=False,
        ),
    ],
    table: Annotated[
        str, typer.Option(help="What the rows are: items, events, queries, judgements, prices, stock or users.")
    ] = "items",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="ROLE=COLUMN", help="Which column is the title, the category, ..."),
    ] = None,
    constants: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="ROLE=VALUE", help="A value for all rows, as in kind=purchase."),
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
    time_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="Of times, as in '%d/%m/%Y %H:%M', or s, ms, us, ns since 1970."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Of times that do not say theirs, such as Asia/Shanghai.")] = "UTC",
    session_gap: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="For events without a session: begin one after a pause of so many minutes; 0 for lines of orders. "
            "Holds for all files with the same columns, also later ones.",
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="For databases: name of a table, or a SELECT.")
    ] = None,
    off: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Do not apply this rule.")] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Repair rows of this rule instead of refusing them: swapped_columns."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Leave these files of an archive or folder out.")
    ] = None,
    newer: Annotated[
        bool,
        typer.Option(
            "--newer",
            help="A later export: its rows take the place of older ones with the same id (or other key), which go to "
            "the quarantine.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add rows to a table of a shop; make the shop if there is none.

    No row is lost: each one is kept, or put into quarantine with its reason, and
    the sum is shown. Files that are in the shop already are not read twice, and of
    a file that grew just the new rows are added.

    For example:

      evenshelf ingest myshop products.csv

      evenshelf ingest myshop export.zip --map title=productDisplayName --map category=articleType

      evenshelf ingest myshop products-today.csv --newer

      evenshelf ingest myshop pages.tar.xz --columns code,path,title,breadcrumb,shop,seller

      evenshelf ingest myshop 'logs/*.csv.gz' --table events --map kind=action

      evenshelf ingest myshop invoices.csv --table events --set kind=purchase --session-gap 0

      evenshelf ingest myshop postgresql://shop@localhost/shop --query orders --table events

    The columns of each table: evenshelf shop schema
    """
    from evenshelf.shop import ingest as run  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.shop.ingesting.mapping import KNOWN_NAMES  # noqa: PLC0415
    from evenshelf.shop.terminal import ingest_report  # noqa: PLC0415

    one_of(table, KNOWN_NAMES, "--table")
    with working() as progress:
        report = run(
            shop,
            sources,
            table=table,
            mapping=pairs(mapping or [], "--map"),
            constants=pairs(constants or [], "--set"),
            columns=None if columns is None else [name.strip() for name in columns.split(",")],
            delimiter="\t" if delimiter == "\\t" else delimiter,
            header=False if no_header else None,
            encoding=encoding,
            time_format=time_format,
            timezone=timezone,
            session_gap=session_gap,
            query=query,
            off=off or (),
            fix=fix or (),
            exclude=exclude or (),
            newer=newer,
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
    """Measure a shop: quarantine, titles, repeats, how uneven its groups are, events, what makes evaluations lie.

    A shop without categories, or with events only, is measured as far as it goes.

    For example:

      evenshelf profile myshop

      evenshelf profile myshop --html profile.html

      evenshelf profile myshop --target brand --json > profile.json
    """
    from evenshelf.shop import Profile, Shop, profile_log  # noqa: PLC0415
    from evenshelf.shop import profile as run  # noqa: PLC0415
    from evenshelf.shop.profiling.profile import lacks_categories  # noqa: PLC0415
    from evenshelf.shop.terminal import log_report, profile_report  # noqa: PLC0415

    opened = Shop.open(shop)
    by_default = target == "category"
    with working() as progress:
        if by_default and opened.rows("events") and not opened.rows("items"):
            result: Profile | LogProfile = profile_log(opened, progress=progress)
        else:
            result = run(opened, None if by_default and lacks_categories(opened) else target, progress=progress)
    if html is not None:
        from evenshelf.report import write_profile_report  # noqa: PLC0415

        err.print(f"Report: {escape(str(write_profile_report(result, html)))}", soft_wrap=True)
    if isinstance(result, Profile):
        show(profile_report(result), result.to_dict() if as_json else None)
    else:
        show(log_report(result), {"log": result.to_dict()} if as_json else None)


@app.command()
def simulate(  # noqa: PLR0917 - typer calls it by name
    shop: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the new shop.", show_default=False)],
    items: Annotated[int, typer.Option(help="Number of items.")] = 2000,
    seed: Annotated[int, typer.Option(help="Equal seeds make equal shops.")] = 7,
    world: Annotated[
        str,
        typer.Option(
            help="language: titles tell the category; codes: they tell nothing; misleading: those of rare categories "
            "tell a wrong one; flat: no imbalance; drift: tastes change; noisy: wrong labels, bots, repeats."
        ),
    ] = "language",
    language: Annotated[str, typer.Option(help="Of titles, categories and queries: both, en or zh.")] = "both",
    users: Annotated[
        int | None, typer.Option(help="Number of users; by itself one for every 100 events.", show_default=False)
    ] = None,
    days: Annotated[int, typer.Option(help="Length of the period.")] = 365,
    events: Annotated[
        int | None,
        typer.Option(
            help="About how many events; by itself 40 an item, for more than 2,000 items as their square root, at most "
            "2 million.",
            show_default=False,
        ),
    ] = None,
    pictures: Annotated[
        int | None, typer.Option(help="How many items get a picture; by itself 200.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a shop by machine, to try things on: items, users, prices, stock, events, queries, judgements.

    What decided its events is written to OUT/truth, which no other command reads.

    For example:

      evenshelf simulate demo

      evenshelf simulate big --items 100000 --language en --seed 1

      evenshelf simulate shop --world drift --users 5000 --events 500000
    """
    from evenshelf.shop import simulate as run  # noqa: PLC0415
    from evenshelf.shop.simulation import LANGUAGES, WORLDS  # noqa: PLC0415
    from evenshelf.shop.simulation.write import clear_unfinished  # noqa: PLC0415

    one_of(world, WORLDS, "--world")
    one_of(language, LANGUAGES, "--language")
    if clear_unfinished(shop):
        err.print(f"{escape(str(shop))} held what a run that was killed left behind: it was cleared.", soft_wrap=True)
    with working() as progress:
        made = run(
            shop,
            items,
            seed,
            world,  # type: ignore[arg-type] # checked above
            language,  # type: ignore[arg-type]
            users=users,
            days=days,
            events=events,
            pictures=pictures,
            progress=progress,
        )
    rows = {table: made.rows(table) for table in made.tables if made.rows(table)}
    result = {
        "shop": str(shop),
        "items": made.rows("items"),
        "fingerprint": made.fingerprint(),
        "tables": rows,
    }
    message = (
        f"[green]✓[/] [bold]{escape(str(shop))}[/] holds {result['items']:,} simulated items and "
        f"{made.rows('events'):,} events. "
    )
    show(f"{message}Look at it with: evenshelf profile {escape(str(shop))}", result if as_json else None)
