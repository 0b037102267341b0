"""The command that says why a title has its label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evenshelf.cli.app import JsonOption, app, one_of, show, working
from evenshelf.errors import SettingError


@app.command()
def explain(  # noqa: PLR0917 - typer calls it by name
    bundle: Annotated[
        Path, typer.Argument(help="Folder of a bundle, or of a shop: then its newest bundle.", show_default=False)
    ],
    titles: Annotated[list[str] | None, typer.Argument(help="Titles to explain.", show_default=False)] = None,
    shop: Annotated[
        Path | None, typer.Option(metavar="SHOP", help="Folder of the shop that the bundle was trained on.")
    ] = None,
    words: Annotated[
        str, typer.Option(metavar="METHOD", help="How words are weighed: occlusion, gradients or exact.")
    ] = "occlusion",
    examples: Annotated[
        str, typer.Option(metavar="BY", help="How examples are weighed: representer or influence.")
    ] = "representer",
    words_only: Annotated[
        bool, typer.Option("--words-only", help="Explain words alone: nothing is fitted, no shop is read.")
    ] = False,
    label: Annotated[str | None, typer.Option(metavar="CLASS", help="Explain this class instead of the label.")] = None,
    against: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Compare with this class instead of the runner-up.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="So many words, and so many examples of each kind.")] = 5,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The bundle's model, if it is not in the bundle and you trust it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say why titles have the labels that a bundle gives them.

    Explained is the margin: the score of the label less that of the runner-up, a
    logarithm of how many times likelier it is. Three things are told of it:

    - words: what it loses without each (occlusion), what each adds on the way from
    an empty text (gradients; language models, needs evenshelf[train]), or its exact
    part (exact; encoders tfidf and fast).

    - training examples: what each adds to it, which sums to the whole of it
    (representer), or what it would lose without each (influence); and the nearest of
    both classes.

    - the remedy: what doing nothing would say, and what each part of it changes.

    The last two need the shop that the bundle was trained on: the bundle's head is
    fitted again, without the remedy as well. Of a bundle inside of a shop that is
    known; --words-only leaves it away.

    For example:

      evenshelf explain myshop "Nike men running shoes"

      evenshelf explain myshop "男士 运动鞋" --words exact --words-only

      evenshelf explain mybundle "red shoe" --shop myshop --against "Casual Shoes" --json
    """
    from evenshelf.bundles import Bundle  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.bundles.places import bundle_in  # noqa: PLC0415
    from evenshelf.explain import BY, METHODS, Explainer  # noqa: PLC0415
    from evenshelf.explain.terminal import explanation_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    one_of(words, METHODS, "--words")
    one_of(examples, BY, "--examples")
    if not titles:
        raise SettingError("There is nothing to explain.", hint='evenshelf explain BUNDLE "a title"')
    if words_only and shop is not None:
        raise SettingError("Words alone need no shop.", hint="Give --shop or --words-only, and not both.")
    with working() as progress:
        progress("loading the bundle", 0, None)
        folder = bundle_in(bundle)
        loaded = Bundle.load(folder, encoder=encoder)
        place = None if words_only else shop or (bundle if folder != bundle else None)
        explainer = Explainer.of(loaded, None if place is None else Shop.open(place), progress=progress)
        progress("explaining", 0, None)
        found = explainer.explain(titles, words=words, examples=examples, top=top, answer=label, rival=against)
    notes = list(explainer.notes)
    if place is None and not words_only:
        notes.append("examples and remedy are explained with the shop that the bundle was trained on: --shop SHOP")
    document = {
        "bundle": str(folder),
        "shop": None if place is None else str(place),
        "explanations": [said.to_dict() for said in found],
        "notes": notes,
    }
    show(explanation_report(found, notes, loaded.manifest, top=top), document if as_json else None)
