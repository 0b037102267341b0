"""Starts a service: what it needs is made, keys are looked for, the server runs until it is told to stop."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evenshelf.bundles.manifest import RECOMMEND
from evenshelf.bundles.places import bundle_in
from evenshelf.errors import InputError, SettingError
from evenshelf.serve.database import open_database
from evenshelf.serve.keys import Keys
from evenshelf.serve.releases import Releases, Slot, digest_of, slot_of
from evenshelf.serve.settings import Settings


@dataclass(frozen=True)
class Prepared:
    """What a service starts with.

    Attributes
    ----------
    settings
        For every process of it.
    notes
        What to know, a sentence each.
    """

    settings: Settings
    notes: tuple[str, ...]


def prepared(settings: Settings, bundles: Sequence[Path] = (), *, host: str = "127.0.0.1") -> Prepared:
    """Promote bundles, and find out whether keys are asked for.

    Parameters
    ----------
    bundles
        That shall answer. Without any, of each kind the newest of the shop does if none ever did.
    host
        Address to listen at. On this machine alone no key is needed as long as there is none.

    Raises
    ------
    InputError, SettingError
        If a bundle or the database cannot be used, or there is no key where one is needed.
    """
    engine = open_database(settings.url)
    try:
        releases, notes = Releases(engine, settings.shop), []
        current = releases.current()
        wanted = [Path(folder) for folder in bundles] or _newest(settings.shop, {*Slot} - {*current})
        for folder in wanted:
            slot = slot_of(folder)
            if slot in current and current[slot].digest == digest_of(folder):
                continue
            release = releases.promote(folder)
            notes.append(f"{folder} answers {slot.value} now ({release.digest})")
        keyless = Keys(engine).none_yet()
    finally:
        engine.dispose()
    alone = _of_this_machine(host)
    settings = settings.model_copy(update={"alone": alone})
    if keyless and not settings.open:
        if not alone:
            raise SettingError(
                f"There is no key, and {host} can be reached from other machines.",
                hint=f"Make one with: evenshelf keys make {settings.shop} NAME - or let everybody in with --open",
            )
        notes.append(
            "there is no key yet, so everybody on this machine may do everything: evenshelf keys make SHOP NAME"
        )
    elif settings.open:
        notes.append("everybody who reaches the service may do everything (--open)")
    return Prepared(settings, tuple(notes))


def run(settings: Settings, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Answer requests until the process is told to stop; what was accepted is written before it ends.

    Parameters
    ----------
    workers
        Processes; with several, figures are put together in a folder of their own.
    """
    import uvicorn  # noqa: PLC0415 - not needed to prepare

    from evenshelf.serve.app import VARIABLE  # noqa: PLC0415
    from evenshelf.serve.metrics import FOLDER  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="evenshelf-metrics-") as folder:
        os.environ[VARIABLE] = settings.model_dump_json()
        if workers > 1:
            os.environ[FOLDER] = folder
        uvicorn.run(
            "evenshelf.serve.app:worker",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            log_config=None,
            log_level=settings.level,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )


def _newest(shop: Path, slots: set[Slot]) -> list[Path]:
    found = []
    for slot in sorted(slots):
        try:
            found.append(bundle_in(shop, RECOMMEND if slot is Slot.RECOMMEND else None))
        except InputError:
            continue
    return found


def _of_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
