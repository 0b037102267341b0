"""The command line: parses, calls the library, prints.

A further command lives in a module of its own, which takes :data:`app` and the helpers from here, and is named in
:data:`COMMAND_MODULES`.
"""

from __future__ import annotations

import importlib
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from evenshelf.errors import EvenshelfError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

COMMAND_MODULES: tuple[str, ...] = ()
"""Modules whose import adds commands to :data:`app`."""

INTERRUPTED = 130
_INTERRUPTED_NOTE = (
    "Interrupted. Nothing was lost: what was complete before is as it was, and the command can be run again."
)

out = Console(highlight=False)
"""Results."""

err = Console(stderr=True, highlight=False)
"""Progress and errors, so that results can be piped."""


class _Commands(TyperGroup):
    """Turns errors that a person can act on into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EvenshelfError as error:
            err.print(f"[bold red]error:[/] {_escape(error.message)}", soft_wrap=True)
            if error.hint:
                err.print(f"[cyan]hint:[/] {_escape(error.hint)}", soft_wrap=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            err.print(f"\n{_INTERRUPTED_NOTE}", soft_wrap=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="evenshelf",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="""Search and recommendation for the long tail of a shop.

Start with a shop, made of your files or by machine:

  evenshelf ingest myshop products.csv

  evenshelf simulate demo

Then look at it:

  evenshelf profile myshop
""",
)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with its exit code."""
    for module in COMMAND_MODULES:
        importlib.import_module(module)
    app(args=None if args is None else list(args), prog_name="evenshelf")


def show(result: RenderableType, as_json: dict[str, Any] | None = None) -> None:
    """Print a result: JSON and nothing else if it is given as JSON, otherwise the renderable."""
    if as_json is not None:
        typer.echo(json.dumps(as_json, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        out.print(result)


@contextmanager
def working() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show progress on standard error while the block runs; yields what the library calls to tell it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("starting", total=None)
        last = 0.0

        def tell(what: str, done: int, total: int | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last > 0.05 or done == 0:
                last = now
                bars.update(task, description=what, completed=done, total=total)

        yield tell


def _escape(text: str) -> str:
    from rich.markup import escape  # noqa: PLC0415

    return escape(text)


def _pairs(options: Sequence[str], name: str) -> dict[str, str]:
    """Parse KEY=VALUE options; all malformed ones are told at once."""
    bad = [option for option in options if "=" not in option]
    if bad:
        raise SettingError(f"{name} takes KEY=VALUE, not {', '.join(map(repr, bad))}")
    return {key.strip(): value.strip() for key, value in (option.split("=", 1) for option in options)}


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            typer.echo(f"evenshelf {version('evenshelf')}")
        except PackageNotFoundError:
            typer.echo("evenshelf (run from its source folder, not installed)")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    del version


ShopArgument = Annotated[Path, typer.Argument(help="Folder of the shop.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


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

    No row is lost: each one is kept, or put into quarantine with its reason, and the sum is shown. Files that
    are in the shop already are not read twice.

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
            mapping=_pairs(mapping or [], "--map"),
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
    as_json: JsonOption = False,
) -> None:
    """Measure a shop: quarantine, titles, repeats, and how uneven its groups are.

    For example:

      evenshelf profile myshop

      evenshelf profile myshop --target brand --json > profile.json
    """
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.shop import profile as run  # noqa: PLC0415
    from evenshelf.shop.terminal import profile_report  # noqa: PLC0415

    with working() as progress:
        result = run(Shop.open(shop), target, progress=progress)
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

    with working() as progress:
        made = run(shop, items, seed, world, language, progress=progress)  # type: ignore[arg-type] # checked there
    result = {"shop": str(shop), "items": made.manifest.tables["items"].rows, "fingerprint": made.fingerprint()}
    message = f"[green]✓[/] [bold]{_escape(str(shop))}[/] holds {result['items']:,} simulated items. "
    show(f"{message}Look at it with: evenshelf profile {_escape(str(shop))}", result if as_json else None)
