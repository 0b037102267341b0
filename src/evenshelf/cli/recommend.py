"""The command on bundles that recommend: what to show to somebody, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenshelf.cli.app import JsonOption, app, show, working
from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from evenshelf.bundles.ranking import Recommended, Recommender
    from evenshelf.shop import Shop


@app.command()
def recommend(  # noqa: PLR0917 - typer calls it by name
    bundle: Annotated[
        Path, typer.Argument(help="Folder of a bundle, or of a shop: then its newest bundle.", show_default=False)
    ],
    items: Annotated[
        list[str] | None,
        typer.Option("--items", metavar="ID,ID", help="What somebody took, the latest last; '' for nothing."),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="ID", help="A user, whose history is in the shop or in the bundle.")
    ] = None,
    shop: Annotated[
        Path | None, typer.Option(metavar="SHOP", help="Folder of the shop that knows histories and stock.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, help="So many items.")] = 10,
    category: Annotated[str | None, typer.Option(metavar="NAME", help="Only items of this category.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="ID,ID", help="Items that must not be shown.")
    ] = None,
    in_stock: Annotated[bool, typer.Option("--in-stock", help="Only items of which the shop last had some.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a user what a bundle recommends, and why.

    Reasons are computed: what each item of the history adds to the score of what is
    shown, whose share of it is the largest, and from which place a remedy moved it.
    Who has no history is shown what is popular. --json has all numbers.

    For example:

      evenshelf recommend myshop --items i12,i7

      evenshelf recommend myshop --user u42 --k 5 --in-stock

      evenshelf recommend mybundle --user u42 --shop myshop --category Scarves --json
    """
    from evenshelf.bundles.manifest import RECOMMEND  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.bundles.places import bundle_in  # noqa: PLC0415
    from evenshelf.bundles.ranking import Recommender  # noqa: PLC0415
    from evenshelf.bundles.ranking.terminal import recommended_report  # noqa: PLC0415

    if (items is None) is (user is None):
        raise SettingError(
            "Say for whom: items or a user." if user is None else "Give --items or --user, and not both.",
            hint="evenshelf recommend BUNDLE --items ID,ID - or: evenshelf recommend SHOP --user ID",
        )
    with working() as progress:
        progress("loading the bundle", 0, None)
        folder = bundle_in(bundle, RECOMMEND)
        loaded = Recommender.load(folder)
        opened = _opened(shop or (bundle if folder != bundle else None))
        progress("ranking", 0, None)
        allowed = None
        if in_stock:
            from evenshelf.bundles.ranking.shops import in_stock as stocked  # noqa: PLC0415

            if opened is None:
                raise SettingError("A bundle does not know what is in stock.", hint="Name the shop with --shop.")
            allowed = stocked(opened)
        left_out = ids_of(exclude or [], loaded)
        rules: dict[str, Any] = {"k": k, "allowed": allowed, "exclude": left_out, "category": category}
        if user is None:
            found = loaded.recommend(ids_of(items or [], loaded), **rules)
        elif opened is None:
            found = loaded.recommend_user(user, **rules)
        else:
            found = _of_shop(loaded, opened, user, rules)
    document = {"bundle": str(folder), **found.to_dict()}
    show(recommended_report(found), document if as_json else None)


def ids_of(given: list[str], bundle: Recommender) -> list[str]:
    """Ids out of words with commas between them; a word that is an id as it stands is not taken apart."""
    found = []
    for word in given:
        parts = [word] if word in bundle.catalogue.code else word.split(",")
        found += [part.strip() for part in parts if part.strip()]
    return found


def _opened(folder: Path | None) -> Shop | None:
    from evenshelf.shop import Shop  # noqa: PLC0415

    return None if folder is None else Shop.open(folder)


def _of_shop(bundle: Recommender, shop: Shop, user: str, rules: dict[str, Any]) -> Recommended:
    from evenshelf.bundles.ranking.shops import history_in  # noqa: PLC0415

    own, unknown = history_in(shop, bundle, user)
    may = bundle.catalogue.may(rules["allowed"], rules["exclude"], rules["category"])
    return replace(bundle.answered(own, k=rules["k"], may=may)[0], user=user, unknown=unknown)
