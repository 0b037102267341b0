"""The command line: parses, calls the library, prints.

Each module adds commands to :data:`evenshelf.cli.app.app`; the library is imported inside of a command, so that help
and version come at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenshelf.cli.app import app

# In the order in which help lists the commands.
# isort: split
from evenshelf.cli import shop

# isort: split
from evenshelf.cli import tables

# isort: split
from evenshelf.cli import study

# isort: split
from evenshelf.cli import tune

# isort: split
from evenshelf.cli import bundle

# isort: split
from evenshelf.cli import explain

# isort: split
from evenshelf.cli import recommend

# isort: split
from evenshelf.cli import clicks

# isort: split
from evenshelf.cli import search

# isort: split
from evenshelf.cli import tune_encoder

# isort: split
from evenshelf.cli import catalogue

# isort: split
from evenshelf.cli import annotate

# isort: split
from evenshelf.cli import serve

# isort: split
from evenshelf.cli import refresh

# isort: split
from evenshelf.cli import experiment

__all__ = [
    "annotate",
    "app",
    "bundle",
    "catalogue",
    "clicks",
    "experiment",
    "explain",
    "main",
    "recommend",
    "refresh",
    "search",
    "serve",
    "shop",
    "study",
    "tables",
    "tune",
    "tune_encoder",
]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with its exit code."""
    app(args=None if args is None else list(args), prog_name="evenshelf")
