"""Examples of the tail that the best remedy turned, as a page tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenshelf.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.explain.cases import Case, Cases, CaseWord, Neighbour
    from evenshelf.tasks.nouns import Nouns

WORDS = 6
"""Words of a case that a page shows."""
HOW = {
    "occlusion": (
        "A word’s value is what the margin loses when the word is left out; the values of several words do not sum to "
        "the margin."
    ),
    "exact": "A word’s value is its part of the sum that the score is; what the biases say is missing there.",
}


@dataclass(frozen=True)
class Told:
    """A case with the words that are shown of it.

    Attributes
    ----------
    case
        All of it.
    words
        Those whose value the remedy changed most, in the order of the text.
    more
        How many others there are.
    trained
        Nearest training texts with their label: the true one first.
    """

    case: Case
    words: tuple[CaseWord, ...]
    more: int
    trained: tuple[tuple[Neighbour, str], ...]


def cases_section(cases: Cases | None, nouns: Nouns) -> dict[str, Any]:
    """What a template needs to tell the cases of a study; ``None`` instead of them where there are none to tell."""
    if cases is None:
        return {"cases": None}
    groups = [
        (f"Right with {cases.spec}, wrong with doing nothing", [_told(c) for c in cases.cases if c.won]),
        (f"Wrong with {cases.spec}, right with doing nothing", [_told(c) for c in cases.cases if not c.won]),
    ]
    return {
        "cases": cases,
        "case_groups": [(title, told) for title, told in groups if told],
        "case_sentences": _sentences(cases, nouns),
    }


def _sentences(cases: Cases, nouns: Nouns) -> Sequence[str]:
    tail = counted(cases.tail, f"evaluated {nouns.thing} of the tail", f"evaluated {nouns.things} of the tail")
    counts = f"Of {tail}, {cases.spec} turns {cases.won:,} from wrong to right, and {cases.lost:,} from right to wrong."
    if cases.left_out:
        return (counts, f"Why is not told. {cases.left_out}")
    if not cases.cases:
        return (counts,)
    shown = (
        f"Shown are those whose probability changed most, one of each {nouns.label} before a second one of any: the "
        "clearest ones, which need not be typical."
    )
    margin = (
        f"Explained is the margin of the true {nouns.label} over the one that was said instead: the difference of "
        "their scores. Above 0 a word speaks for the true one, below 0 for the other."
    )
    again = (
        "The models are those that had not seen the example. They were fitted again for this, and give the "
        "probabilities that the study kept."
    )
    return (f"{counts} {shown}", f"{margin} {HOW[cases.method]}", again)


def _told(case: Case) -> Told:
    kept = sorted(case.turning[:WORDS], key=lambda word: word.place)
    near = [(one, case.label) for one in case.nearest] + [(one, case.wrong) for one in case.nearest_wrong]
    return Told(case, tuple(kept), len(case.words) - len(kept), tuple(near))
