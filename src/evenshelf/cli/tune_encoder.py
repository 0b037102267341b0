"""The command that tunes an encoder to a shop."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, show, working

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evenshelf.learners.shop_encoder import ShopEncoder


@app.command("tune-encoder")
def tune_encoder(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to; a tuned encoder there is replaced.")],
    on: Annotated[
        str, typer.Option(metavar="WHAT", help="events: what users took together. judgements: what answers queries.")
    ] = "events",
    target: Annotated[
        str, typer.Option(metavar="KINDS", help="Kinds of events, with commas between them, or all.")
    ] = "all",
    settings: Annotated[
        str,
        typer.Option(metavar="SETTINGS", help='Such as "epochs=2, rate=1e-4, layers=2"; see docs/finetuning-lists.md.'),
    ] = "",
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Tune the encoder of titles to a shop, and keep it as a folder.

    Titles that the same users take come near each other; a rare item is moved by the
    words of its title. Wherever an encoder is named, bert-int8:FOLDER opens it: for the
    search index, and for a study of labels with its name prior. To study recommendation
    use the learners blend_tuned and text_tuned, which tune one in each fold: this one
    has seen all events, and so what would be asked. It needs evenshelf[train].

    For example:

      evenshelf tune-encoder myshop --on events --out myencoder

      evenshelf index myshop --encoder bert-int8:myencoder

      evenshelf study myshop --target category --encoder bert-int8:myencoder
    """
    from evenshelf.learners.shop_encoder import tune_for_shop  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.shop import Shop  # noqa: PLC0415

    with working() as progress:
        found = tune_for_shop(
            Shop.open(shop), out, on=on, target=target, settings=settings, seed=seed, progress=progress
        )
    show(_report(found, str(shop)), {**asdict(found), "folder": str(found.folder)} if as_json else None)


def _report(found: ShopEncoder, shop: str) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    losses = " → ".join(f"{loss:.3f}" for loss in found.losses)
    lost = found.quantised
    return Group(
        Text.assemble(
            ("✓ ", "green"),
            (str(found.folder), "bold"),
            f": tuned on {found.texts:,} texts in {found.pairs:,} pairs, {found.seconds / 60:.1f} CPU minutes.",
        ),
        Text(f"  Loss by epoch: {losses}."),
        Text(f"  In 8 bits, cosine to the exact vectors: {lost.mean:.4f} on average, {lost.least:.4f} at least."),
        Text(f"  Try: evenshelf index {shop} --encoder bert-int8:{found.folder}", "bright_black"),
    )
