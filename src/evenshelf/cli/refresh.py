"""The command that brings a bundle up to date with the events of the service."""

from __future__ import annotations

from typing import Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, show, working
from evenshelf.cli.serve import DatabaseOption, service_database

NOT_PROMOTED = 5
"""Exit code if the new bundle does not answer."""


@app.command()
def refresh(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    days: Annotated[float, typer.Option(min=0.01, help="The last so many days are fresh.")] = 1.0,
    margin: Annotated[float, typer.Option(min=0, max=0.99, help="Share of NDCG@10 that may be lost.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal results.")] = 0,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the events of the service into the shop, and fit what recommends again.

    The new bundle answers only if fresh events say that it is not worse, over all and
    of items of the tail: it must be certain that no more than the margin is lost.
    Otherwise the old one stays, and the exit code is 5. A service that runs goes on
    meanwhile, and never trains itself: run this every night.

    For example:

      evenshelf refresh myshop --days 2
    """
    from rich.text import Text  # noqa: PLC0415 - keeps --help and --version fast

    from evenshelf.refreshing import Gate  # noqa: PLC0415
    from evenshelf.refreshing import refresh as refreshed  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    with service_database(shop, database) as engine, working() as progress:
        found = refreshed(Shop.open(shop), engine, days=days, gate=Gate(margin), seed=seed, progress=progress)
    lines = [f"{found.intake.taken:,} events were taken in."]
    if found.release is None:
        lines.append(f"The bundle stays: {found.gated.why}.")
    else:
        lines.append(f"{found.release.digest} answers recommend: {found.gated.why}.")
    show(Text("\n".join(lines)), found.to_dict() if as_json else None)
    if found.release is None:
        raise typer.Exit(NOT_PROMOTED)
