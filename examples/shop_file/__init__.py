"""The file of products that the longer examples read: fashion_styles, or one that the user names."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from evenshelf import LabelTask, Shop
from evenshelf.errors import InputError
from evenshelf.shop import ingest
from evenshelf.study.prepare import shop_task

FASHION = Path("fashion_styles") / "styles.csv.zip"


def add_options(parser: argparse.ArgumentParser, *, out: str) -> None:
    """Options that both examples have: the file, its column, where the page goes, the seed, the encoder."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, help="a CSV of products; fashion_styles below EVENSHELF_DATA by default")
    parser.add_argument("--target", default="category", help="the column to learn, as a shop calls it: category")
    parser.add_argument("--encoder", default="auto", help="of the pretrained vectors; chosen by the titles by default")
    parser.add_argument("--out", type=Path, default=Path(out), help=f"the page: {out}")
    parser.add_argument("--seed", type=int, default=0)


def read_task(file: Path | None, target: str, rows: int | None, seed: int) -> LabelTask:
    """Which class belongs to a title, for products drawn from a file.

    Parameters
    ----------
    file
        Any file that a shop can be made of; ``None`` for fashion_styles.
    target
        The column to learn.
    rows
        How many products to draw; ``None`` for all.
    seed
        Of the draw.

    Raises
    ------
    InputError
        If there is no such file or column.
    """
    source = fashion_file() if file is None else file
    if not source.is_file():
        raise InputError(f"There is no file {source}.", hint="Name a CSV with a title and a category: --data FILE")
    with TemporaryDirectory(prefix="evenshelf-example-") as folder:
        ingest(Path(folder) / "shop", [source])
        return shop_task(Shop.open(Path(folder) / "shop"), target, sample=rows, seed=seed)


def fashion_file() -> Path:
    """Where fashion_styles lies.

    Raises
    ------
    InputError
        If EVENSHELF_DATA does not say so.
    """
    folder = os.environ.get("EVENSHELF_DATA")
    if not folder:
        raise InputError(
            "EVENSHELF_DATA is not set, so fashion_styles cannot be found.",
            hint=f"Set it to the folder that holds {FASHION}, or name a CSV of your own: --data FILE",
        )
    return Path(folder) / FASHION
