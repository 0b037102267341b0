"""The command on click logs: position bias, and which click model to use."""

from __future__ import annotations

from typing import Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, show, working


@app.command()
def clicks(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these click models; all if not given.", show_default=False)
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of the lists on which the models are compared.")
    ] = 0.2,
    groups: Annotated[
        int, typer.Option(min=5, help="Refits for the intervals, each without one such part of the lists.")
    ] = 20,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Tell how much search clicks depend on the place, and which click model fits.

    What stands on top is clicked more because it is looked at more. A click model
    tells looks (examination, by rank) from attraction (of an item for a query), so
    that clicks can be used as grades of items.

    It reads events of the kind impression that have a query, a position from 1, a
    session and a value: 1 if clicked, 0 if not. Where the value is empty, events of
    the kind click say it. All other rows are counted with the reason.

    Columns of the first table: examination compared with rank 1 by the position-based
    model, its interval, and the same by items alone that were shown at several ranks.
    Those of the second: log loss on held-out lists in bits a row (less is better), and
    perplexity (1 is perfect, 2 a coin).

    For example:

      evenshelf clicks myshop

      evenshelf clicks myshop --models position_based,rank_rate

      evenshelf clicks myshop --json > clicks.json
    """
    from evenshelf.clicks import compare_models, log_of_shop, position_bias  # noqa: PLC0415 - keeps --help fast
    from evenshelf.clicks.terminal import clicks_report, conclusions  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    with working() as progress:
        progress("reading the log", 0, None)
        log = log_of_shop(Shop.open(shop))
        comparison = compare_models(log, names, share=share, seed=seed, progress=progress)
        bias = position_bias(log, groups=groups, seed=seed, progress=progress)
    document = {
        "shop": str(shop),
        "rows": len(log),
        "lists": log.lists,
        "queries": len(log.queries),
        "items": len(log.items),
        "clicks": int(log.clicked.sum()),
        "left_out": dict(log.left_out),
        "position_bias": bias.to_dict(),
        "comparison": comparison.to_dict(),
        "conclusions": conclusions(bias, comparison),
    }
    show(clicks_report(log, bias, comparison), document if as_json else None)
