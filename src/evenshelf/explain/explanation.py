"""Why a text has the label that a bundle gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evenshelf.bundles import Prediction
from evenshelf.explain.examples import ExampleReasons
from evenshelf.explain.steps import RemedyReasons
from evenshelf.explain.words import WordReasons


@dataclass(frozen=True)
class Explanation:
    """The reasons for what is said of one text.

    Attributes
    ----------
    text
        As it was given.
    prediction
        What the bundle says of it.
    answer, rival
        Classes whose difference of scores is explained: the label, if not asked otherwise, and the runner-up.
    words
        What its words do.
    examples, remedy
        What training examples, and parts of the remedy, do; ``None`` where no shop was given.
    """

    text: str
    prediction: Prediction
    answer: str
    rival: str
    words: WordReasons
    examples: ExampleReasons | None = None
    remedy: RemedyReasons | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "text": self.text,
            **self.prediction.to_dict(),
            "answer": self.answer,
            "rival": self.rival,
            "words": self.words.to_dict(),
            "examples": None if self.examples is None else self.examples.to_dict(),
            "remedy": None if self.remedy is None else self.remedy.to_dict(),
        }
