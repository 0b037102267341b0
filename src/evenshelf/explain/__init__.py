"""Why a label is what it is: words, training examples, and parts of the remedy.

>>> from evenshelf.bundles import Bundle
>>> from evenshelf.explain import Explainer
>>> explainer = Explainer.of(Bundle.load("myshop/bundles/label-category"))  # doctest: +SKIP
>>> explainer.explain(["Nike men running shoes"])[0].words.strongest[0].text  # doctest: +SKIP
'running'
"""

from __future__ import annotations

from evenshelf.explain.examples import BY, Example, ExampleReasons
from evenshelf.explain.explainer import Explainer
from evenshelf.explain.explanation import Explanation
from evenshelf.explain.faithfulness import Faithfulness, faithfulness
from evenshelf.explain.steps import RemedyReasons, Step
from evenshelf.explain.words import METHODS, WordReason, WordReasons

__all__ = [
    "BY",
    "METHODS",
    "Example",
    "ExampleReasons",
    "Explainer",
    "Explanation",
    "Faithfulness",
    "RemedyReasons",
    "Step",
    "WordReason",
    "WordReasons",
    "faithfulness",
]
