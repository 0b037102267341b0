"""The application that commands join, and what they share: errors to exit codes, progress, JSON, close names."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from evenshelf.errors import EvenshelfError, SettingError, near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import RenderableType

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
            err.print(f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True)
            if error.hint:
                err.print(f"[cyan]hint:[/] {escape(error.hint)}", soft_wrap=True)
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

Look at how uneven it is:

  evenshelf profile myshop

Then find out which remedy against that is worth it, if any:

  evenshelf study myshop

Keep the winner, and label new titles with it:

  evenshelf train myshop

  evenshelf predict myshop --file new.csv --out labelled.csv
""",
)


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


def waiting(words: str) -> AbstractContextManager[object]:
    """Say on a terminal what is waited for, as long as the block lasts."""
    return err.status(words) if err.is_terminal else nullcontext()


def escape(text: str) -> str:
    """Text as rich shows it letter by letter, brackets included."""
    from rich.markup import escape as escaped  # noqa: PLC0415

    return escaped(text)


def one_of(value: str, allowed: Iterable[str], option: str) -> str:
    """Return the value if it is allowed; otherwise say what is, the nearest first."""
    known = list(allowed)
    if value in known:
        return value
    raise SettingError(f"{option} cannot be {value!r}{near(value, known)}.", hint=f"It is one of: {', '.join(known)}.")


def pairs(options: Sequence[str], name: str) -> dict[str, str]:
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
