"""What explains the labels of a bundle, text by text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from evenshelf.bundles import Bundle
from evenshelf.encoders import VectorCache
from evenshelf.encoders.base import check_texts
from evenshelf.errors import InputError, SettingError, near
from evenshelf.explain.examples import BY, REPRESENTER, Examples
from evenshelf.explain.explanation import Explanation
from evenshelf.explain.margins import margin_of
from evenshelf.explain.places import Places
from evenshelf.explain.refit import Refit
from evenshelf.explain.steps import RemedySteps
from evenshelf.explain.words import method_of
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress


@dataclass(frozen=True, eq=False)
class Explainer:
    """Explains what a bundle says; with its shop also by examples and by the remedy.

    Attributes
    ----------
    bundle
        What is explained.
    examples, steps
        ``None`` without a shop.
    notes
        What a person should know of the explanations, a sentence each.
    """

    bundle: Bundle
    examples: Examples | None = None
    steps: RemedySteps | None = None
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        shop: Shop | None = None,
        *,
        cache: VectorCache | None = None,
        progress: Progress = lambda what, done, total: None,
    ) -> Explainer:
        """Make ready to explain.

        Parameters
        ----------
        bundle
            Of linear heads, as ``evenshelf train`` makes them.
        shop
            What it was trained on. Its head is fitted again from it, and a few heads more, once for all texts;
            without it, words alone are explained, by the bundle alone.
        cache
            Of vectors; by default the one of this person.
        progress
            Called with what is done, and how far it is.

        Raises
        ------
        InputError
            If the shop has other classes than the bundle.
        SettingError
            If the remedy was made from a file of a user.
        """
        notes = []
        if bundle.head.calibration is not None:
            notes.append("scores are explained as they are before calibration, probabilities are those after it")
        if bundle.manifest.labels_per_text > 1:
            nouns = bundle.manifest.nouns
            notes.append(
                f"each {nouns['thing']} may have several {nouns['labels']}: the one that is compared with may be right "
                "as well"
            )
        if shop is None:
            return cls(bundle, notes=tuple(notes))
        refit = Refit.of(bundle, shop, cache=cache, progress=progress)
        progress("taking the head apart", 0, None)
        examples = Examples(refit)
        progress("fitting without the remedy", 0, None)
        linear = refit.remedy.linear_form.spec
        if linear != refit.remedy.spec:
            notes.append(f"for a linear head {refit.remedy.spec} comes to {linear}, and is explained as that")
        return cls(bundle, examples, RemedySteps(refit), (*notes, *refit.notes))

    def explain(
        self,
        texts: Sequence[str],
        *,
        words: str = "occlusion",
        examples: str = REPRESENTER,
        top: int = 5,
        answer: str | None = None,
        rival: str | None = None,
    ) -> list[Explanation]:
        """Explain what the bundle says of texts.

        Parameters
        ----------
        texts
            Titles, in any number; those of all are encoded together.
        words
            How the parts of words are found: ``occlusion``, ``gradients`` or ``exact``; see
            :mod:`evenshelf.explain.words`.
        examples
            By what examples are told, with a shop: by what they add (``representer``), or by what the margin would lose
            without them (``influence``); see :mod:`evenshelf.explain.sensitivity`.
        top
            How many examples of each kind, and classes of the prediction, >= 1.
        answer, rival
            Classes to explain the difference of; by default the label of each text and its runner-up.

        Returns
        -------
        One for each text, in their order.

        Raises
        ------
        InputError
            If `texts` is one string, holds something that is not one, or one without a word.
        SettingError
            If there is no such method or class, the encoder cannot be asked so, or the remedy for influence, or `top`
            is below 1.
        MissingExtraError
            If gradients are asked for, and torch is not installed.
        """
        check_texts(texts)
        if top < 1:
            raise SettingError(f"top is {top}, and at least one example has to be told.")
        method = method_of(words)
        if examples not in BY:
            raise SettingError(
                f"Examples cannot be told by {examples!r}{near(examples, BY)}.", hint=f"One of: {', '.join(BY)}."
            )
        places = [Places.of(text) for text in texts]
        empty = [number for number, found in enumerate(places) if not found.words]
        if empty:
            raise InputError(
                f"{len(empty)} of {len(texts)} texts hold no word (first: number {empty[0] + 1}), so nothing in them "
                "can be a reason.",
                hint="Leave them away.",
            )
        vectors = self.bundle.encoder.encode(texts)
        probabilities = self.bundle.head.probabilities(vectors)
        margins = [margin_of(self.bundle, row, answer, rival) for row in probabilities]
        predictions = self.bundle.predict(texts, top=top)
        found = method(self.bundle, places, margins)
        return [
            Explanation(
                text,
                prediction,
                self.bundle.classes[margin.answer],
                self.bundle.classes[margin.rival],
                said,
                None if self.examples is None else self.examples.reasons(vector, margin, top, examples),
                None if self.steps is None else self.steps.reasons(vector, margin),
            )
            for text, prediction, margin, said, vector in zip(texts, predictions, margins, found, vectors, strict=True)
        ]
