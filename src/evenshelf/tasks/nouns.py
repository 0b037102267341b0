"""What a task calls its examples, so that all sentences about a study speak of what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from evenshelf.plurals import counted


@dataclass(frozen=True)
class Nouns:
    """Words for the parts of a task; each fits into the middle of a sentence.

    Parameters
    ----------
    thing, things
        What the question is about, one and several: an item, a user.
    text, texts
        What is read of it: a title, a history.
    label, labels
        What is asked for: a class, a tag.
    examples
        What is counted; other than `things` where a thing has several labels.
    parts
        What texts are made of, and may be mere codes; "" where there are vectors and no texts.
    row, rows
        What is counted of what is left out, where that is no thing.
    advice
        What to do where the texts tell nothing, as the beginning of a sentence that ends with `elsewhere`: "..., or
        compare other encoders".
    elsewhere
        What else may help, as a command.
    clusters
        What the groups that no split divides are called, where that does not follow from `text`.
    learned
        What models learn from and a learning curve has more of, where it is not `examples` with their labels.
    kept, kept_all
        What the groups that no split divides have in common, one and several, where that is not the whole text: a
        query.
    grouped
        Whether the groups that no split divides were given, and are not those of equal and nearly equal texts.
    """

    thing: str = "example"
    things: str = "examples"
    text: str = "text"
    texts: str = "texts"
    label: str = "class"
    labels: str = "classes"
    examples: str = "examples"
    parts: str = "texts"
    advice: str = "Give the examples texts that describe them"
    elsewhere: str = "compare other encoders"
    clusters: str = ""
    row: str = ""
    rows: str = ""
    learned: str = ""
    kept: str = ""
    kept_all: str = ""
    grouped: bool = False

    def left_out(self, count: int) -> str:
        """So many things, or rows."""
        return counted(count, self.row or self.thing, self.rows or self.things)

    @property
    def sources(self) -> str:
        """What is counted along a learning curve."""
        return self.learned or self.examples

    @property
    def more(self) -> str:
        """What a shop would need more of, to get along a learning curve."""
        return self.learned or "labels"

    @property
    def unit(self) -> str:
        """What one group that no split divides is made by."""
        return "group" if self.grouped else self.kept or self.text

    @property
    def units(self) -> str:
        """What several such groups are made by."""
        return "groups" if self.grouped else self.kept_all or self.texts

    @property
    def groups(self) -> str:
        """What such groups are called."""
        return "groups" if self.grouped else self.clusters or f"{self.unit} groups"

    @property
    def together(self) -> str:
        """The rest of the sentence "... stay on one side" of a split; "" if nothing does."""
        if self.grouped:
            return "examples of one group"
        of = f"{self.examples} of " if self.kept else ""
        return f"{of}equal and nearly equal {self.units}" if self.parts else ""

    @property
    def repeats(self) -> str:
        """What folds that are drawn at random ignore."""
        return "groups" if self.grouped else f"repeated {self.units}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


TEXTS = Nouns()
"""Examples of which nothing is known but a text."""
VECTORS = Nouns(
    text="vector", texts="vectors", parts="", advice="Make the vectors from texts that describe the examples"
)
"""Examples of which only vectors are known."""
ITEMS = Nouns(
    thing="item",
    things="items",
    text="title",
    texts="titles",
    examples="items",
    parts="titles",
    advice="Give the items titles that describe them",
)
"""Items of a shop, by their titles."""


def nouns_of(meta: Mapping[str, Any]) -> Nouns:
    """The words in a study's record; those of mere texts where the record has none."""
    return Nouns(**meta["nouns"]) if "nouns" in meta else TEXTS
