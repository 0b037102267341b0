"""The one list of baselines: other models for the same question.

Other packages add theirs as entry points of the group ``evenshelf.baselines``, each a :class:`Baseline`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec

from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.plugins import Registry
from evenshelf.remedies import Remedy, parse

ALL, NONE, DEFAULT = "all", "none", "words"


class Reads(StrEnum):
    """What a baseline is fitted on."""

    WORDS = "words"
    TOKENS = "texts"
    VECTORS = "vectors"


@dataclass(frozen=True)
class Baseline:
    """Another model, told beside the remedies.

    Parameters
    ----------
    name
        What ``--baselines`` takes.
    title
        Readable name.
    summary
        One sentence for a person who has to choose, caps included.
    paper
        Who proposed it, and where.
    reads
        Word counts (sparse TF-IDF), token numbers, or the vectors of the study's encoder.
    learner
        What is fitted. All that decides what it does has to be in its ``fit``.
    remedy
        Spec of the remedy that it is fitted under.
    package
        A package that is not always installed, by the name it is imported by; "" for none.
    names
        Whether it needs the names of the classes.
    one_label
        Whether it makes sense only where an example has one label, and not a set of them.
    """

    name: str
    title: str
    summary: str
    paper: str
    reads: Reads
    learner: LearnerKind
    remedy: str = "none"
    package: str = ""
    names: bool = False
    one_label: bool = False

    @property
    def spec(self) -> str:
        """What a study calls it: unlike any remedy."""
        return self.name if self.remedy == "none" else f"{self.name} + {self.remedy}"

    @property
    def trained(self) -> Remedy:
        """The remedy it is fitted under."""
        return parse(self.remedy)

    def not_applicable(self, *, words: bool, texts: bool, names: bool, several: bool) -> str | None:
        """Why it cannot be fitted, or ``None`` if it can.

        Parameters
        ----------
        words, texts, names
            Whether there are word counts, texts, and vectors of the classes' names.
        several
            Whether an example may have several labels.
        """
        if self.package and find_spec(self.package) is None:
            return f"the package {self.package!r} is not installed (pip install 'evenshelf[train]')"
        if not (texts if self.reads is Reads.TOKENS else words if self.reads is Reads.WORDS else True):
            return "it reads texts, and there are only vectors"
        if self.names and not names:
            return "the classes have no names here"
        if self.one_label and several:
            return f"{self.name} is for examples with one label each, and here they have several"
        return None


_registry: Registry[Baseline] = Registry(
    "baseline",
    "evenshelf.baselines",
    wanted="a Baseline",
    fits=lambda kind: isinstance(kind, Baseline),
)
register = _registry.register
"""Add a baseline."""

baseline_kinds = _registry.all
"""Every baseline by name."""


def baselines_of(asked: str | Sequence[str | Baseline]) -> tuple[Baseline, ...]:
    """The baselines asked for, each once.

    Parameters
    ----------
    asked
        ``"all"``, ``"none"``, names with commas, or names and baselines.

    Raises
    ------
    SettingError
        If there is none of a name; close names are offered, and all are listed.
    """
    if isinstance(asked, str):
        word = asked.strip()
        if word == NONE:
            return ()
        if word == ALL:
            return tuple(baseline_kinds().values())
        asked = [part.strip() for part in word.split(",") if part.strip()]
        if not asked:
            raise SettingError("No baseline is named.", hint=f"Say {NONE} for none, or {ALL}, or names with commas.")
    found = [_registry.find(one) if isinstance(one, str) else one for one in asked]
    return tuple(dict.fromkeys(found))
