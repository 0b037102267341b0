"""The commands on the search of a shop: make its index, ask it, complete what is typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, show, working

if TYPE_CHECKING:
    from evenshelf.index.engine import SearchEngine


@app.command()
def index(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    encoder: Annotated[
        str | None, typer.Option(metavar="SPEC", help="What makes vectors of titles; see: evenshelf encoders.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose stems are taken; found out if it is not said.")
    ] = None,
    synonyms: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Lines such as: sofa, couch - or, one way: tv => television")
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Build it from the ground up.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the search index of a shop, or bring it up to date.

    What changed since the last time is all that is indexed, unless more than a fifth of
    the items changed since it was built. Searches go on meanwhile. If the command dies, the index that was
    there is there still.

    For example:

      evenshelf index myshop

      evenshelf index myshop --synonyms synonyms.txt --encoder minilm
    """
    from evenshelf.errors import InputError  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.index.shops import index_shop  # noqa: PLC0415
    from evenshelf.index.terminal import indexed_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    lines = None
    if synonyms is not None:
        try:
            lines = synonyms.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The synonyms {synonyms} cannot be read: {error}") from error
    with working() as progress:
        done = index_shop(Shop.open(shop), encoder=encoder, language=language, synonyms=lines, anew=anew, tell=progress)
    with done.engine as engine:
        document = {
            "shop": str(shop),
            "items": len(engine),
            "built": done.built,
            "put": done.put,
            "deleted": done.deleted,
            "index": engine.manifest.model_dump(),
        }
        show(indexed_report(done, str(shop)), document if as_json else None)


@app.command()
def search(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    query: Annotated[str, typer.Argument(help="What somebody types; '' for all items.", show_default=False)],
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="COLUMN:WHAT",
            help="brand:Sony|LG, price:10..50, launched:2024-03, -in_stock:false; all must hold.",
        ),
    ] = None,
    facets: Annotated[
        list[str] | None, typer.Option("--facet", metavar="COLUMN", help="Count the values of a column.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Order by a number; -price: the dearest first.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="So many hits.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="After so many others.")] = 0,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each hit why it is there.")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Complete what is typed, instead of searching.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search a shop, by words and by what they mean.

    Words may be mistyped, be stems or synonyms; titles that mean the same are found by
    their vectors. If no item has all words, those that have most of them are shown, and
    it is said. Make the index first, with: evenshelf index SHOP

    For example:

      evenshelf search myshop "red runing shoes" --explain

      evenshelf search myshop laptop --filter "price:300..800" --filter "-brand:HP" --facet brand

      evenshelf search myshop "" --sort -price --json
    """
    from evenshelf.index.terminal import results_report  # noqa: PLC0415 - keeps --help and --version fast

    with _opened(shop) as engine:
        if suggest:
            found = engine.suggest(query, limit=limit)
            from rich.text import Text  # noqa: PLC0415

            listed = Text("\n").join(Text.assemble(s.text, (f"  {s.kind}", "bright_black")) for s in found)
            document = {"typed": query, "suggestions": [vars(s) for s in found]}
            show(listed if found else Text("Nothing goes on from that."), document if as_json else None)
            return
        results = engine.search(
            query, filters=filters or (), facets=facets or (), sort=sort, limit=limit, offset=offset, explain=explain
        )
    show(results_report(results), results.to_dict() if as_json else None)


@app.command("search-quality")
def search_quality(
    shop: ShopArgument,
    target: Annotated[
        str, typer.Option(metavar="SOURCE", help="What says how well items answer: judgements or clicks.")
    ] = "judgements",
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Tell how well the search of a shop answers, and whom it fails.

    The queries that were judged, or that were clicked on, are asked; how good the first
    places are is told over all of them, over frequent and rare queries, over frequent and
    rare items, and by script. Of what nobody judged it is not known whether it is good:
    the NDCG of the judged items alone stands beside that of all.

    For example:

      evenshelf search-quality myshop

      evenshelf search-quality myshop --target clicks --json
    """
    from evenshelf.learners.search.asking import ask  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.learners.search.terminal import quality_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.tasks.search import SearchTask  # noqa: PLC0415
    from evenshelf.tasks.search_metrics import search_table  # noqa: PLC0415

    with working() as progress, _opened(shop) as engine:
        task = SearchTask.from_shop(Shop.open(shop), target)
        table = search_table(ask(engine, task, tell=progress), task, seed=seed)
    document = {"shop": str(shop), **task.describe(), "metrics": table.to_dicts()}
    show(quality_report(table, task), document if as_json else None)


def _opened(shop: Path) -> SearchEngine:
    from evenshelf.index.engine import SearchEngine  # noqa: PLC0415
    from evenshelf.index.manifest import MANIFEST  # noqa: PLC0415
    from evenshelf.index.shops import FOLDER  # noqa: PLC0415

    return SearchEngine.open(shop if (shop / MANIFEST).is_file() else shop / FOLDER)
