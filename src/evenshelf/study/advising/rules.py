"""Rules of thumb of the field, in one table: on which data which family of remedies should, or should not, gain.

A rule only says what to expect. The study has measured it, and where the two contradict each other the study counts. No
rule is without exception: for each one the tests hold data on which it is right and data on which it is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenshelf.plurals import counted
from evenshelf.remedies import Family
from evenshelf.shop.profiling.imbalance import FEW_SHOT
from evenshelf.study.wording import percent

if TYPE_CHECKING:
    from evenshelf.study.advising.facts import Facts
    from evenshelf.tasks.nouns import Nouns

MANY = 50
"""So many examples in nine of ten classes are much data: half of them can be done without."""
ENOUGH = 30
"""So many examples in nine of ten classes tell a class by themselves."""
ALIKE, UNEQUAL, LONG = 2.0, 10.0, 20.0
"""Ratios of the largest to the smallest class: below, and from which on, frequency has nothing or much to say."""
LONG_CLASSES = 20
"""Fewer classes are no long tail."""
NOISY, CONFLICTING = 0.1, 0.02
"""Shares of labels, contradicted by predictions or by equal texts, from which on they count as noisy. On simulated
shops without a wrong label predictions contradict about 5 %, with 10 % wrong ones about 20 %."""
NEAR, FAR = 0.5, 0.35
"""Shares of nearest neighbours of the same class from which on, and below which, neighbours mean much or little."""
NAMED = 0.2
"""Share of texts that hold their label from which on names are worth borrowing from."""
SOME_FEW, MOST_FEW = 0.3, 0.5
"""Shares of the classes that have few examples."""


@dataclass(frozen=True)
class Rule:
    """What to expect of a family on some data.

    Attributes
    ----------
    name
        In few words, unique.
    family
        Of which it speaks.
    gains
        Whether the family should gain, or should not.
    when
        The condition, in words with its numbers.
    holds
        Whether data are such; a fact that is not known does not hold.
    why
        Why it is expected, with the numbers of these data: the beginning of a sentence.
    source
        Where it is from.
    """

    name: str
    family: Family
    gains: bool
    when: str
    holds: Callable[[Facts], bool]
    why: Callable[[Facts, Nouns], str]
    source: str


RULES: tuple[Rule, ...] = (
    Rule(
        "names in the texts",
        Family.POOLING,
        gains=True,
        when=f"{NAMED:.0%} of the texts or more hold their label, and {SOME_FEW:.0%} of the classes or more have fewer "
        f"than {FEW_SHOT} examples",
        holds=lambda f: f.named >= NAMED and f.few_share >= SOME_FEW,
        why=lambda f, n: (
            f"{percent(f.named)} of the {n.texts} hold their {n.label}, and {_few(f, n)}: a name tells what rows "
            "are too few to tell"
        ),
        source="Shi et al., ICML 2024; this project's benchmarks",
    ),
    Rule(
        "names not needed",
        Family.POOLING,
        gains=False,
        when=f"nine of ten classes have {ENOUGH} examples or more",
        holds=lambda f: f.smallest >= ENOUGH,
        why=lambda f, n: (
            f"nine of ten {n.labels} have {f.smallest:,.0f} {n.examples} or more, which tell a {n.label} better than "
            "its name"
        ),
        source="this project's simulated worlds",
    ),
    Rule(
        "unequal classes",
        Family.WEIGHTS,
        gains=True,
        when=f"the largest class has {UNEQUAL:g} times the examples of the smallest or more",
        holds=lambda f: f.ratio >= UNEQUAL,
        why=lambda f, n: f"{_ratio(f, n)}, and a model that counts all mistakes alike hardly looks at that one",
        source="King & Zeng, Political Analysis 9(2), 2001",
    ),
    Rule(
        "equal classes",
        Family.WEIGHTS,
        gains=False,
        when=f"the largest class has less than {ALIKE:g} times the examples of the smallest",
        holds=lambda f: f.ratio < ALIKE,
        why=lambda f, n: f"{_ratio(f, n)}, which leaves next to nothing to weigh",
        source="by construction: equal counts have equal weights",
    ),
    Rule(
        "many unequal classes: scores",
        Family.ADJUSTMENT,
        gains=True,
        when=f"{LONG_CLASSES} classes or more, the largest with {LONG:g} times the examples of the smallest or more",
        holds=lambda f: f.ratio >= LONG and f.classes >= LONG_CLASSES,
        why=lambda f, n: (
            f"there are {f.classes:,} {n.labels} and {_ratio(f, n)}: scores of a plain model carry that prior, "
            "and macro-F1 does not"
        ),
        source="Menon et al., ICLR 2021",
    ),
    Rule(
        "many unequal classes: losses",
        Family.LONG_TAIL_LOSS,
        gains=True,
        when=f"{LONG_CLASSES} classes or more, the largest with {LONG:g} times the examples of the smallest or more",
        holds=lambda f: f.ratio >= LONG and f.classes >= LONG_CLASSES,
        why=lambda f, n: (
            f"{counted(f.tail, n.label, n.labels)} of {f.classes:,} share the last {f.tail_examples:,} {n.examples}, "
            "a long tail that such losses are made for"
        ),
        source="Cao et al., NeurIPS 2019; Ren et al., NeurIPS 2020",
    ),
    Rule(
        "little data",
        Family.OVER_SAMPLING,
        gains=True,
        when=f"{MOST_FEW:.0%} of the classes or more have fewer than {FEW_SHOT} examples, and the largest has "
        f"{UNEQUAL:g} times those of the smallest or more",
        holds=lambda f: f.few_share >= MOST_FEW and f.ratio >= UNEQUAL,
        why=lambda f, n: f"{_few(f, n)} and {_ratio(f, n)}: there is little, and none of it to be thrown away",
        source="Japkowicz & Stephen, Intelligent Data Analysis 6(5), 2002; Buda et al., Neural Networks 106, 2018",
    ),
    Rule(
        "much data, few of it rare",
        Family.UNDER_SAMPLING,
        gains=True,
        when=f"nine of ten classes have {MANY} examples or more, and the largest has {UNEQUAL:g} times those of the "
        "smallest or more",
        holds=lambda f: f.smallest >= MANY and f.ratio >= UNEQUAL,
        why=lambda f, n: (
            f"nine of ten {n.labels} have {f.smallest:,.0f} {n.examples} or more and {_ratio(f, n)}: rows of the "
            "largest can be spared"
        ),
        source="Kubat & Matwin, ICML 1997; Drummond & Holte, ICML workshop, 2003",
    ),
    Rule(
        "nothing to leave out",
        Family.UNDER_SAMPLING,
        gains=False,
        when=f"{MOST_FEW:.0%} of the classes or more have fewer than {FEW_SHOT} examples",
        holds=lambda f: f.few_share >= MOST_FEW,
        why=lambda f, n: f"{_few(f, n)}: what is left out is missed",
        source="Buda et al., Neural Networks 106, 2018",
    ),
    Rule(
        "neighbours of one class",
        Family.INTERPOLATION,
        gains=True,
        when=f"{SOME_FEW:.0%} of the classes or more have fewer than {FEW_SHOT} examples, and {NEAR:.0%} or more of "
        "the nearest neighbours below the head share the class",
        holds=lambda f: f.few_share >= SOME_FEW and f.near >= NEAR,
        why=lambda f, n: f"{_few(f, n)}, and {_near(f, n)}: what lies between two rows of a {n.label} is of it",
        source="Chawla et al., JAIR 16, 2002",
    ),
    Rule(
        "neighbours of other classes",
        Family.INTERPOLATION,
        gains=False,
        when=f"fewer than {FAR:.0%} of the nearest neighbours below the head share the class",
        holds=lambda f: f.near < FAR,
        why=lambda f, n: f"{_near(f, n)}: what lies between two rows of a {n.label} may be of another",
        source="Blagus & Lusa, BMC Bioinformatics 14, 2013",
    ),
    Rule(
        "noisy labels",
        Family.NOISE_ROBUST_LOSS,
        gains=True,
        when=f"predictions of unseen examples contradict {NOISY:.0%} of the labels or more, or equal texts "
        f"{CONFLICTING:.0%}",
        holds=lambda f: f.contradicted >= NOISY or f.conflicting >= CONFLICTING,
        why=lambda f, n: f"{_noise(f, n)}: a bounded loss lets wrong ones pull less",
        source="Zhang & Sabuncu, NeurIPS 2018; Northcutt et al., JAIR 2021",
    ),
)
"""In the order in which they are told, other things being equal."""


def _few(f: Facts, n: Nouns) -> str:
    return f"{f.few:,} of {f.classes:,} {n.labels} have fewer than {FEW_SHOT} {n.examples}"


def _ratio(f: Facts, n: Nouns) -> str:
    times = f"{f.ratio:,.1f}" if f.ratio < UNEQUAL else f"{f.ratio:,.0f}"
    return f"the largest {n.label} has {times} times the {n.examples} of the smallest"


def _near(f: Facts, n: Nouns) -> str:
    return (
        f"the nearest neighbour of {percent(f.near)} of the {n.examples} below the head is of their {n.label} "
        f"(by chance {percent(f.near_by_chance)})"
    )


def _noise(f: Facts, n: Nouns) -> str:
    parts = []
    if f.contradicted >= NOISY or not math.isfinite(f.conflicting):
        parts.append(f"confident predictions of unseen {n.examples} contradict {percent(f.contradicted)} of the labels")
    if f.conflicting >= CONFLICTING:
        parts.append(f"{percent(f.conflicting)} of the {n.examples} have a {n.text} that has another label too")
    return " and ".join(parts)
