"""From a template to one HTML file that needs nothing else: no network, no script, no font."""

from __future__ import annotations

import math
import os
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from evenshelf.errors import InputError
from evenshelf.report.numbers import count, number, p_value, small, span
from evenshelf.report.svg import Figure
from evenshelf.study.wording import change, exact, lowered, percent, seconds, signed


@cache
def _environment(folder: Path | None) -> Environment:
    own = PackageLoader("evenshelf.report")
    made = Environment(
        loader=own if folder is None else ChoiceLoader([FileSystemLoader(folder), own]),
        autoescape=True,  # always, whatever the file is called: names of classes and shops come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        breakable=_breakable,
        chance=_chance,
        count=count,
        exact=exact,
        lost=_lost,
        lowered=lowered,
        margin=_margin,
        number=number,
        p_value=p_value,
        percent=_percent,
        prose=prose,
        seconds=seconds,
        signed=signed,
        small=small,
    )
    made.globals.update(span=span, svg=_svg)
    return made


def prose(text: str) -> str:
    """A sentence in which no line breaks between a number and its per cent sign."""
    return re.sub(r"(?<=\d) ?%", "\u00a0%", text)


def _percent(share: float) -> str:
    """A share in per cent; a dash where there is none."""
    return prose(percent(share)) if math.isfinite(share) else "–"


def _chance(probability: float) -> str:
    """A probability in per cent, never quite none or all."""
    if not math.isfinite(probability):
        return "–"
    return prose("< 1 %" if probability < 0.01 else "> 99 %" if probability > 0.99 else f"{100 * probability:.0f} %")


def _margin(value: float) -> str:
    """A difference of scores, with its sign, to a hundredth."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _lost(loss: float) -> str:
    """A share that is lost, as a change with its sign."""
    return prose(change(-loss))


def _breakable(text: str) -> Markup:
    """A name such as ``random_over(strength=0.5)``, escaped, with places where a narrow line may break."""
    return Markup(re.sub(r"(_|(?=\())", r"\1<wbr>", str(escape(text))))  # noqa: S704


def _svg(figure: Figure, narrow: bool = False) -> Markup:
    """A chart of our own making, whose texts :mod:`evenshelf.report.svg` has escaped."""
    return Markup(figure.narrow if narrow else figure.wide)  # noqa: S704


def render(template: str, *, folder: Path | None = None, **context: Any) -> str:
    """Fill a template of this package, or one in `folder` that extends ``base.html``; every text in it is escaped."""
    try:
        release = version("evenshelf")
    except PackageNotFoundError:
        release = ""
    return _environment(folder).get_template(template).render(release=release, **context)


def write(document: str, path: Path) -> Path:
    """Write a page so that whoever opens `path` sees the old page or the new one, never a part.

    Raises
    ------
    InputError
        If `path` is a folder or cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text(document, encoding="utf-8", newline="\n")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The report cannot be written to {path}: {error.strerror or error}.",
            hint="Name a file in a folder that you may write to.",
        ) from error
    return path
