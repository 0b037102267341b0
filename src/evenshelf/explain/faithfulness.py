"""Whether words that are named as reasons are reasons: what the answer loses without them, against random words.

References
----------
DeYoung, Jain, Rajani, Lehman, Xiong, Socher, Wallace: ERASER: a benchmark to evaluate rationalized NLP models, ACL 2020
(comprehensiveness and sufficiency).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.base import check_texts
from evenshelf.errors import InputError, SettingError
from evenshelf.explain.margins import Labelling, Margin, margin_of
from evenshelf.explain.places import Places
from evenshelf.explain.words import Method, method_of

RANDOM = "random"
"""Words in any order, beside which every method is seen."""
REPLICATES = 2000
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """What becomes of the answers as the words go that a method names, the strongest first.

    Attributes
    ----------
    method
        Its name.
    comprehensiveness
        ``[n, most]`` for each text what the probability of its answer loses when its first 1, 2, ... words go; the
        higher, the better the method.
    sufficiency
        ``[n, most]`` what it loses when nothing stays but these; the lower, the better.
    margin
        ``[n, most]`` what the margin loses when they go.
    """

    method: str
    comprehensiveness: Floats
    sufficiency: Floats
    margin: Floats


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Curves of methods over the same texts.

    Attributes
    ----------
    texts
        How many texts were looked at: those with more words than are taken away.
    most
        How many words are taken away at most.
    curves
        By method; :data:`RANDOM` is among them.
    seed
        Of random orders and intervals.
    """

    texts: int
    most: int
    curves: dict[str, Curve]
    seed: int

    def beyond_random(self, method: str, words: int, measure: str = "comprehensiveness") -> tuple[float, float, float]:
        """By how much a method exceeds random words, with a 95 % interval over the texts (paired bootstrap).

        Parameters
        ----------
        words
            How many words go, in [1, most].
        measure
            ``comprehensiveness``, ``sufficiency`` or ``margin``.
        """
        here, there = (getattr(self.curves[name], measure)[:, words - 1] for name in (method, RANDOM))
        apart = here - there
        rng = np.random.default_rng(self.seed)
        means = apart[rng.integers(0, len(apart), (REPLICATES, len(apart)))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        return float(apart.mean()), float(low), float(high)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: means by method and number of words, and how far each is beyond random words."""
        found: dict[str, Any] = {"texts": self.texts, "most": self.most, "methods": {}}
        for name, curve in self.curves.items():
            told: dict[str, Any] = {}
            for measure in ("comprehensiveness", "sufficiency", "margin"):
                told[measure] = [round(float(v), 6) for v in getattr(curve, measure).mean(axis=0)]
                if name != RANDOM:
                    beyond = [self.beyond_random(name, words, measure) for words in range(1, self.most + 1)]
                    told[f"{measure}_beyond_random"] = [[round(v, 6) for v in triple] for triple in beyond]
            found["methods"][name] = told
        return found


def faithfulness(
    model: Labelling,
    texts: Sequence[str],
    methods: Sequence[str] | Mapping[str, Method] = ("occlusion",),
    *,
    most: int = 3,
    draws: int = 5,
    seed: int = 0,
) -> Faithfulness:
    """Take words away in the order of each method, and in random orders, and see what the answers lose.

    Occlusion looks at texts with one word left out itself, so that its first word is the best one for the margin by
    construction; that it holds for more words, and that other methods hold, is what is found out.

    Parameters
    ----------
    texts
        Titles; those with not more than `most` words are left out, as nothing would be left of them.
    methods
        Names of :data:`evenshelf.explain.words.METHODS`, or functions of that kind by names of your own, to see others
        beside them.
    most
        How many words are taken away, >= 1.
    draws
        Random orders of each text, whose mean is taken.
    seed
        Of these orders.

    Raises
    ------
    InputError
        If no text has words enough.
    SettingError
        If there is no such method, a function is called :data:`RANDOM`, or `most` or `draws` is below 1.
    """
    check_texts(texts)
    if most < 1 or draws < 1:
        raise SettingError(f"most is {most} and draws {draws}, and both have to be at least 1.")
    runs = methods if isinstance(methods, Mapping) else {name: method_of(name) for name in methods}
    if RANDOM in runs:
        raise SettingError(f"Words in any order are called {RANDOM!r} already.", hint="Call the function otherwise.")
    places = [found for found in map(Places.of, texts) if len(found.words) > most]
    if not places:
        raise InputError(f"No text has more than {most} words.", hint="Give longer texts, or a smaller most.")
    vectors = model.encoder.encode([found.text for found in places])
    chances = model.head.probabilities(vectors)
    margins = [margin_of(model, row) for row in chances]
    whole = np.array([[row[m.answer], m(v[None, :])[0]] for row, m, v in zip(chances, margins, vectors, strict=True)])
    judge = _judge(model, places, margins, whole, most)
    curves = {}
    for name, run in runs.items():
        found = run(model, places, margins)
        curves[name] = Curve(name, *judge([[word.place for word in said.strongest] for said in found]))
    rng = np.random.default_rng(seed)
    drawn = [judge([rng.permutation(len(found.words)).tolist() for found in places]) for _ in range(draws)]
    curves[RANDOM] = Curve(RANDOM, *(np.mean(same, axis=0) for same in zip(*drawn, strict=True)))
    return Faithfulness(len(places), most, curves, seed)


def _judge(
    model: Labelling, places: Sequence[Places], margins: Sequence[Margin], whole: Floats, most: int
) -> Callable[[Sequence[Sequence[int]]], tuple[Floats, Floats, Floats]]:
    """What finds the curves of orders of words."""
    answers = np.repeat([margin.answer for margin in margins], most)

    def judge(orders: Sequence[Sequence[int]]) -> tuple[Floats, Floats, Floats]:
        asked = [
            (found, order[:count]) for found, order in zip(places, orders, strict=True) for count in range(1, most + 1)
        ]
        without = model.encoder.encode([found.without(gone) for found, gone in asked])
        only = model.encoder.encode([found.only(kept) for found, kept in asked])
        lost, left = (
            whole[:, :1] - model.head.probabilities(vectors)[np.arange(len(answers)), answers].reshape(-1, most)
            for vectors in (without, only)
        )
        blocks = without.reshape(len(places), most, -1)
        moved = np.stack([margin(block) for margin, block in zip(margins, blocks, strict=True)])
        return lost, left, whole[:, 1:] - moved

    return judge
