"""Commands on what a shop holds: the quarantine, rows to take back out of it, changes, the schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, one_of, show, working
from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from evenshelf.shop.reviewing.review import Selection

shop_app = typer.Typer(
    name="shop",
    no_args_is_help=True,
    help="""Look into a shop: what was refused and why, what changed, what its tables mean, which tags users have.

For example:

  evenshelf shop quarantine myshop

  evenshelf shop restore myshop --reason outlier_price

  evenshelf shop diff myshop

  evenshelf shop tag myshop --rfm
""",
)
app.add_typer(shop_app)

_AGAIN = "May be given several times."
ReasonOption = Annotated[
    list[str] | None, typer.Option(metavar="RULE", help=f"Only rows that this rule refused. {_AGAIN}")
]
TableOption = Annotated[
    list[str] | None, typer.Option(metavar="TABLE", help=f"Only rows that were meant for this table. {_AGAIN}")
]
SourceOption = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help=f"Only rows of this source or file. {_AGAIN}")
]


MOST_LINES = 1_000_000


def _selection(
    reason: list[str] | None, table: list[str] | None, source: list[str] | None, lines: tuple[int, ...] = ()
) -> Selection:
    from evenshelf.shop.reviewing.review import Selection  # noqa: PLC0415 - keeps --help and --version fast

    return Selection(tuple(reason or ()), tuple(table or ()), tuple(source or ()), lines)


def _numbers(text: str | None) -> tuple[int, ...]:
    """Parse 3,7,10-12."""
    if text is None:
        return ()
    out: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)) or int(last or first) < int(first):
            raise SettingError(f"--lines takes numbers such as 3,7,10-12, not {text!r}")
        if int(last or first) - int(first) >= MOST_LINES:
            raise SettingError(f"--lines takes up to {MOST_LINES:,} lines at once, not {part}")
        out += range(int(first), int(last or first) + 1)
    return tuple(out)


@shop_app.command()
def quarantine(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    reason: ReasonOption = None,
    table: TableOption = None,
    source: SourceOption = None,
    limit: Annotated[int, typer.Option(min=0, help="Show so many rows of each reason.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """List refused rows: how many for which reason, and some of them.

    For example:

      evenshelf shop quarantine myshop

      evenshelf shop quarantine myshop --reason outlier_price --limit 50

      evenshelf shop quarantine myshop --json --limit 1000000 > refused.json
    """
    from evenshelf.shop import Shop  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.shop.reviewing.review import refused  # noqa: PLC0415
    from evenshelf.shop.reviewing.terminal import quarantine_json, quarantine_report  # noqa: PLC0415

    found = refused(Shop.open(shop), _selection(reason, table, source), limit)
    show(quarantine_report(found), quarantine_json(found) if as_json else None)


@shop_app.command()
def restore(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    reason: ReasonOption = None,
    table: TableOption = None,
    source: SourceOption = None,
    lines: Annotated[str | None, typer.Option(metavar="3,7,10-12", help="Only rows that began at these lines.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rows of the quarantine.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take rows back out of the quarantine.

    The rule that had refused a row leaves it alone from now on, also when its file
    is read again; the other rules are asked. What could not be read as a row stays:
    mend the file and ingest it.

    For example:

      evenshelf shop restore myshop --reason outlier_price

      evenshelf shop restore myshop --source orders.csv --lines 17,40-42
    """
    from evenshelf.shop.reviewing.review import restore as run  # noqa: PLC0415
    from evenshelf.shop.reviewing.terminal import restore_report  # noqa: PLC0415

    selection = _selection(reason, table, source, _numbers(lines))
    if not (reason or table or source or lines or everything):
        raise SettingError("which rows?", hint="Say it with --reason, --table, --source or --lines, or --all.")
    with working() as progress:
        report = run(shop, selection, progress=progress)
    show(restore_report(report), report.to_dict() if as_json else None)


@shop_app.command()
def diff(
    shop: ShopArgument,
    other: Annotated[
        str,
        typer.Argument(help="Another shop, or a revision: a number, or ~2 for the one two before the current."),
    ] = "~1",
    as_json: JsonOption = False,
) -> None:
    """Say what changed since an earlier revision, or in comparison with another shop.

    For example:

      evenshelf shop diff myshop

      evenshelf shop diff myshop ~3

      evenshelf shop diff myshop yesterday/myshop
    """
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.shop.reviewing.difference import difference  # noqa: PLC0415
    from evenshelf.shop.reviewing.terminal import difference_report  # noqa: PLC0415

    after = Shop.open(shop)
    if other.removeprefix("~").isdecimal():
        number = int(other.removeprefix("~"))
        before = Shop.open(shop, revision=-number if other.startswith("~") and number else number)
    else:
        before = Shop.open(other)
    found = difference(before, after)
    show(difference_report(found), found.to_dict() if as_json else None)


@shop_app.command()
def schema(
    table: Annotated[str | None, typer.Argument(help="Only this table.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain the tables of a shop and their columns.

    For example:

      evenshelf shop schema

      evenshelf shop schema events
    """
    from evenshelf.shop.reviewing.terminal import schema_json, schema_report  # noqa: PLC0415
    from evenshelf.shop.schema import TABLES  # noqa: PLC0415

    chosen = list(TABLES.values()) if table is None else [TABLES[one_of(table, TABLES, "TABLE")]]
    show(schema_report(chosen), schema_json(chosen) if as_json else None)


@shop_app.command()
def tag(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    rule: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Give a tag by a rule, as above; may be repeated.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rules, one a line; # begins a remark.", show_default=False)
    ] = None,
    rfm: Annotated[bool, typer.Option("--rfm", help="Give segments by recency, frequency and money.")] = False,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Take away a tag that rules gave; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give tags to users by rules over their events, or list the tags there are.

    A rule is a tag, a colon, and conditions that must all hold. What is counted: events
    if nothing is said, or pieces, spend, items, days. Times are counted back from
    the last event. A tag is given anew each time: who no longer fits loses it.

    For example:

      evenshelf shop tag myshop

      evenshelf shop tag myshop --rule 'runner: purchase >= 3 in category "Running Shoe" within 90 days'

      evenshelf shop tag myshop --rule 'lapsed: purchase >= 1 and purchase = 0 within 180 days' --rfm

    Tags that you have already are read as a table of users, with the columns user_id
    and tags (divided by |):

      evenshelf ingest myshop users.csv --table users

    Whether they can be foretold: evenshelf study myshop --task tags --target users.tags
    """
    from evenshelf.shop.tagging.terminal import tag_report  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.shop.tagging.users import read_rules, tag_users  # noqa: PLC0415

    texts = [*(read_rules(rules) if rules is not None else []), *(rule or [])]
    with working() as progress:
        report = tag_users(shop, texts, segments=rfm, remove=remove or [], progress=progress)
    show(tag_report(report), report.to_dict() if as_json else None)
