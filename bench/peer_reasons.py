"""LIME's explainer of texts as a method of :mod:`evenshelf.explain.words`: what people use to ask a model for reasons.

References
----------
Ribeiro, Singh, Guestrin: "Why should I trust you?": explaining the predictions of any classifier, KDD 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from evenshelf.explain import WordReason, WordReasons
from evenshelf.explain.margins import Labelling, Margin
from evenshelf.explain.places import Places

NAME = "LIME"


def lime(samples: int, seed: int) -> Lime:
    """The peer as a method.

    Parameters
    ----------
    samples
        Texts with words left out that it looks at, for each text; its own default is 5,000.
    seed
        Of these.
    """
    return Lime(samples, seed)


class Lime:
    """Fits a linear model to the probability of the label over texts with words left out at random.

    It cuts words as we do, and its other settings are its own. Equal texts are encoded once for it: of seven words
    there are but 127 different texts, and as it comes it would ask for thousands.
    """

    def __init__(self, samples: int, seed: int) -> None:
        self.samples = samples
        self.explainer = import_module("lime.lime_text").LimeTextExplainer(
            split_expression=lambda text: list(Places.of(text).words),
            bow=False,
            mask_string="",
            feature_selection="none",
            random_state=seed,
        )

    def __call__(self, model: Labelling, texts: Sequence[Places], margins: Sequence[Margin]) -> list[WordReasons]:
        """See :data:`evenshelf.explain.words.Method`."""

        def chances(asked: Sequence[str]) -> NDArray[np.float32]:
            different, place = np.unique(np.array(asked, object), return_inverse=True)
            vectors = model.encoder.encode(different.tolist())
            return np.asarray(model.head.probabilities(vectors)[place], np.float32)

        found = []
        for places, margin in zip(texts, margins, strict=True):
            said = self.explainer.explain_instance(
                places.text,
                chances,
                labels=(margin.answer,),
                num_features=len(places.words),
                num_samples=self.samples,
            )
            values = dict(said.as_map()[margin.answer])
            reasons = tuple(WordReason(word, n, float(values.get(n, 0.0))) for n, word in enumerate(places.words))
            found.append(WordReasons(NAME, reasons, 0.0, 0.0))
        return found
