"""The commands on the service: run it, its keys, which bundles answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, err, escape, one_of, show, working

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from evenshelf.serve.releases import Release

keys = typer.Typer(no_args_is_help=True, help="Keys with which the service is asked.")
app.add_typer(keys, name="keys")

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="EVENSHELF_DATABASE",
        help="postgresql://user:password@host/name; SQLite inside of the shop if it is not said.",
        show_default=False,
    ),
]


@app.command()
def serve(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    bundle: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a bundle that shall answer; the newest of the shop if none ever did."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0: all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    database: DatabaseOption = None,
    open_: Annotated[bool, typer.Option("--open", help="Ask for no keys.")] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Pages of which origin may ask from a browser: https://shop.example"),
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second of one key; 0: any number.")] = 200,
    hash_users: Annotated[bool, typer.Option("--hash-users", help="Keep ids of users as keyed hashes alone.")] = False,
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve a shop over HTTP: search, recommendations, labels, events.

    One process, and nothing else to install: events go to an SQLite file in the shop, or to PostgreSQL
    (--database), where several machines can share them. The index is made if there is none. Ctrl-C ends it; what was
    accepted is on the disk.

    What can be asked stands at /docs of the service. Keys are made by: evenshelf keys make SHOP NAME

    For example:

      evenshelf serve myshop

      evenshelf serve myshop --bundle myshop/bundles/recommend-all --host 0.0.0.0 --workers 2 --origin https://shop.example
    """
    from evenshelf.index.manifest import MANIFEST  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.index.shops import FOLDER, index_shop  # noqa: PLC0415
    from evenshelf.serve.run import prepared, run  # noqa: PLC0415
    from evenshelf.serve.settings import Settings  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    level = one_of(log_level.lower(), ("debug", "info", "warning", "error"), "--log-level")
    opened = Shop.open(shop)
    with working() as progress:
        if not (shop / FOLDER / MANIFEST).is_file() and "items" in opened.tables:
            index_shop(opened, tell=progress).engine.close()
        progress("looking at bundles", 0, None)
        settings = Settings(
            shop=shop,
            database=database,
            open=open_,
            origins=tuple(origin or ()),
            rate=rate,
            hash_users=hash_users,
            level=level,
        )
        ready = prepared(settings, bundle or (), host=host)
    for note in ready.notes:
        err.print(escape(f"{note}."), soft_wrap=True)
    shown = f"[{host}]" if ":" in host else host
    err.print(f"http://{shown}:{port}/docs - Ctrl-C ends it.", soft_wrap=True)
    run(ready.settings, host=host, port=port, workers=workers)


@keys.command("make")
def make(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    name: Annotated[str, typer.Argument(help="What it is for, to know it again.", show_default=False)],
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="read, events, items or admin; may be given again.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Valid for so long; for ever if it is not said.")] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key, and show it: this once, since only its hash is kept.

    Scopes say what it may do. read: search, recommend, classify. events: send events. items: put and delete
    items. admin: everything. Pages that everybody sees get keys of read or events alone.

    For example:

      evenshelf keys make myshop storefront --scope read

      evenshelf keys make myshop "back office" --scope items --days 90
    """
    from evenshelf.serve.keys import Keys, Scope  # noqa: PLC0415 - keeps --help and --version fast

    scopes = [Scope(one_of(word, [*Scope], "--scope")) for word in scope or ["read"]]
    with service_database(shop, database) as engine:
        expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
        key = Keys(engine).make(name, scopes, expires=expires)
    told = {"key": key, "name": name, "scopes": [*scopes], "expires": None if expires is None else expires.isoformat()}
    show(escape(key), told if as_json else None)


@keys.command("list")
def listed(shop: ShopArgument, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """List keys, without their secrets."""
    from rich.table import Table  # noqa: PLC0415 - keeps --help and --version fast

    from evenshelf.serve.keys import Keys  # noqa: PLC0415

    with service_database(shop, database) as engine:
        found = Keys(engine).all()
    now = datetime.now(UTC)
    table = Table("id", "name", "scopes", "made", "state", box=None)
    lines: list[dict[str, Any]] = []
    for key in found:
        state = "valid" if key.valid(now) else "revoked" if key.revoked else "expired"
        if state == "valid" and key.expires is not None:
            state = f"valid until {key.expires:%Y-%m-%d %H:%M}"
        table.add_row(key.id, escape(key.name), " ".join(sorted(key.scopes)), f"{key.created:%Y-%m-%d}", state)
        lines.append({"id": key.id, "name": key.name, "scopes": sorted(key.scopes), "state": state})
    show(table if found else "There are no keys.", {"keys": lines} if as_json else None)


@keys.command("revoke")
def revoke(
    shop: ShopArgument,
    number: Annotated[str, typer.Argument(metavar="ID", help="As listed.", show_default=False)],
    hours: Annotated[
        float | None, typer.Option(min=0, help="Only after so many, while another key is put in its place.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Let a key open nothing any more; a service that runs knows it within five seconds."""
    from evenshelf.serve.keys import Keys  # noqa: PLC0415 - keeps --help and --version fast

    with service_database(shop, database) as engine:
        Keys(engine).revoke(number, at=None if hours is None else datetime.now(UTC) + timedelta(hours=hours))
    show(f"{escape(number)} opens nothing any more" + ("." if hours is None else f" in {hours:g} hours."))


@app.command()
def promote(
    shop: ShopArgument,
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.", show_default=False)],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a bundle answer in the place of the one that does; no request is lost meanwhile.

    It is copied first, and looked at: one that is damaged is refused, and the old one stays. A service that runs
    takes it within a second or so. Back to the one before: evenshelf rollback SHOP SLOT
    """
    from evenshelf.serve.releases import Releases  # noqa: PLC0415 - keeps --help and --version fast

    with service_database(shop, database) as engine, working() as progress:
        progress("copying the bundle, and opening the copy", 0, None)
        release = Releases(engine, shop).promote(bundle)
    _show_release(release, as_json)


@app.command()
def rollback(
    shop: ShopArgument,
    slot: Annotated[str, typer.Argument(help="label or recommend.", show_default=False)],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the bundle answer again that did before; once more goes one further back."""
    from evenshelf.serve.releases import Releases, Slot  # noqa: PLC0415 - keeps --help and --version fast

    with service_database(shop, database) as engine:
        release = Releases(engine, shop).rollback(Slot(one_of(slot, [*Slot], "SLOT")))
    _show_release(release, as_json)


@contextmanager
def service_database(shop: Path, database: str | None) -> Iterator[Engine]:
    """The database of the service of a shop, until the block ends."""
    from evenshelf.serve.database import default_url, open_database  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    Shop.open(shop)
    engine = open_database(database or default_url(shop))
    try:
        yield engine
    finally:
        engine.dispose()


def _show_release(release: Release, as_json: bool) -> None:
    told = {
        "slot": release.slot.value,
        "digest": release.digest,
        "why": release.why,
        "since": release.since.isoformat(),
    }
    show(f"{release.digest} answers {release.slot.value}: {release.why}.", told if as_json else None)
