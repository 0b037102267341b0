"""The command that searches settings for tuning a language model."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from evenshelf.cli.app import INTERRUPTED, JsonOption, ShopArgument, app, err, escape, show, waiting

_GOES_ON = "Interrupted. Nothing is lost but the epoch it was at: the same command goes on where it stopped."


@app.command()
def tune(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    target: Annotated[str | None, typer.Option(help="The column to be learned; category if not given.")] = None,
    learner: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="finetune_heads or finetune; settings in brackets stay as they are, others are tried."
        ),
    ] = "finetune_heads",
    remedy: Annotated[
        str, typer.Option(metavar="SPEC", help="Under which it is to be good; see: evenshelf remedies.")
    ] = "balanced",
    minutes: Annotated[float, typer.Option(help="How long to search.")] = 20.0,
    trials: Annotated[
        int | None, typer.Option(metavar="N", help="At most so many trials, earlier runs included.")
    ] = None,
    metric: Annotated[str, typer.Option(metavar="NAME", help="macro_f1 or tail_f1, of titles held out.")] = "macro_f1",
    encoder: Annotated[
        str, typer.Option(metavar="SPEC", help="Of the frozen vectors, in which remedies see what is near.")
    ] = "auto",
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Use N items, drawn with the seed, instead of all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds draw equal settings.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where trials are kept; inside of the shop if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Search settings for tuning a language model to a shop's labels.

    Trials draw what of the model is tuned, at which rate, for how many epochs and
    more; each is scored on a fifth of the titles, which it does not see. Poor ones
    end early. The first has the settings as they are given. A run that is
    interrupted, or repeated, goes on where it stopped.

    It needs evenshelf[train].

    For example:

      evenshelf tune myshop --minutes 20

      evenshelf tune myshop --remedy "logit_adjust(tau=0.5)" --metric tail_f1

      evenshelf tune myshop --learner "finetune(scope='lora')" --sample 2000

      evenshelf tune myshop --json > settings.json
    """
    from evenshelf.encoders import VectorCache, open_encoder  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.learners.finetune.search import Search, check_optuna, folder_of, search  # noqa: PLC0415
    from evenshelf.learners.finetune.terminal import found_report  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415
    from evenshelf.study.prepare import check_encoder, pick_encoder, shop_task  # noqa: PLC0415
    from evenshelf.study.progress import progress_bar  # noqa: PLC0415

    check_optuna()
    asked = Search(learner, remedy, minutes=minutes, metric=metric, trials=trials, seed=seed)
    check_encoder(encoder)
    column = target or "category"
    opened = Shop.open(shop)
    with waiting("reading the shop"):
        task = shop_task(opened, column, sample=sample, seed=seed)
        asked.parsed.bound(task.classes)  # what is wrong for these classes is said before the texts are encoded
        texts = list(task.texts or ())
        choice = pick_encoder(texts, encoder)
    folder = out or folder_of(opened.path / "tunings", task, asked, opened.fingerprint(), column, choice.spec)
    facts = f"{len(texts):,} titles, {len(task.classes):,} classes of {escape(column)}"
    err.print(f"[bold]{escape(str(shop))}[/]  {facts}", soft_wrap=True)
    try:
        with progress_bar(err, f"encoding {len(texts):,} texts") as tell:
            coder, cache = open_encoder(choice.spec, texts), VectorCache()
            vectors, names = cache.encode(coder, texts), cache.encode(coder, list(task.class_texts))
            found = search(task, vectors, names, asked, folder=folder, tell=tell)
    except KeyboardInterrupt:
        err.print(f"\n{_GOES_ON}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    words = ["evenshelf", "study", str(shop), *(["--target", target] if target else [])]
    words += ["--learner", found.best.learner, "--remedies", remedy, "--budget", "1"]
    words += ["--sample", str(sample)] if sample else []
    command = " ".join(map(_quoted, words))
    document = {"shop": str(shop), "target": column, "folder": str(folder), **found.to_dict(), "study": command}
    show(found_report(found), document if as_json else None)
    if not as_json:
        typer.echo(f"  {command}")  # on one line, however narrow the terminal, so that it can be copied


def _quoted(word: str) -> str:
    """A word as a shell takes it; one with single quotes, as learners have them, in double ones where these will do."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)
