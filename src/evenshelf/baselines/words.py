"""Plain word counts under a linear model: no language model at all."""

from __future__ import annotations

from evenshelf.baselines.registry import Baseline, Reads, register
from evenshelf.learners.heads import HEADS

WORDS = register(
    Baseline(
        "words",
        "Plain TF-IDF with class weights",
        "TF-IDF of words and word pairs (of characters in scripts without spaces), logistic regression, class weights.",
        "the usual baseline without a language model",
        Reads.WORDS,
        HEADS,
        "balanced",
    )
)

UNWEIGHTED = register(
    Baseline(
        "words_unweighted",
        "Plain TF-IDF",
        "The same without class weights.",
        "the usual baseline without a language model",
        Reads.WORDS,
        HEADS,
    )
)
