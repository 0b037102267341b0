"""Words that a masked language model would have put there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

from evenshelf.augmentation.base import Draw, DrawingMaker
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.transformer import BATCH, MASKED, Drawing, Opened, draw, opened
from evenshelf.augmentation.written import Written, in_case, same_key
from evenshelf.errors import InputError
from evenshelf.parameters import check_range


@register
@dataclass(frozen=True)
class MaskedWords(DrawingMaker):
    """Masks whole words and draws others from what a model finds likely there.

    A word between spaces is replaced by one of the model's own words, a word of a script without spaces by as many
    characters. Numbers, measures and codes stay.

    Parameters
    ----------
    model
        Any BERT with a head for masks, by name or folder.
    rate
        In (0, 1]: the share of the words that is masked, at least one.
    top_k
        Among so many likeliest ones a word is drawn, >= 1.
    """

    model: str = ""
    rate: float = 0.15
    top_k: int = 10

    name: ClassVar[str] = "masked_words"
    title: ClassVar[str] = "Words of a masked language model"
    paper: ClassVar[str] = "Kobayashi, NAACL 2018; Wu et al., ICCS 2019"
    languages: ClassVar[str] = "those of the model, Chinese among them"
    chunk: ClassVar[int] = 512

    def __post_init__(self) -> None:
        check_range("rate", self.rate, 1e-6, 1.0)
        check_range("top_k", self.top_k, 1, whole=True)

    def _opened(self) -> Opened:
        return opened(self.model, MASKED, self.name)

    def read_from(self) -> tuple[str, ...]:
        """See :meth:`Maker.read_from`."""
        return (self._opened().digest,)

    def check_ready(self) -> None:
        """See :meth:`Maker.check_ready`."""
        model = self._opened()
        if model.tokenizer.mask_token is None:
            raise InputError(f"The model {self.model!r} has no token for masks.", hint="Name a model such as BERT.")

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        return reason or (None if _open_words(Written.of(source.text)) else "it has no word that could be another")

    def drawn(self, asked: Sequence[Draw]) -> list[str]:
        """See :meth:`DrawingMaker.drawn`."""
        model = self._opened()
        found = [""] * len(asked)
        order = sorted(range(len(asked)), key=lambda row: (len(asked[row].source.text), asked[row].source.text))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            for row, text in zip(rows, self._filled(model, [asked[row] for row in rows]), strict=True):
                found[row] = text
        return found

    def _filled(self, model: Opened, asked: Sequence[Draw]) -> list[str]:
        import torch  # noqa: PLC0415 - an extra, and slow to import

        tokenizer = model.tokenizer
        written = [Written.of(one.source.text) for one in asked]
        chosen = [self._chosen(text, one.rng) for text, one in zip(written, asked, strict=True)]
        masked = [_masked(text, places, tokenizer.mask_token) for text, places in zip(written, chosen, strict=True)]
        tokenizer.padding_side = tokenizer.truncation_side = "right"
        inputs = tokenizer(masked, return_tensors="pt", padding=True, truncation=True, max_length=model.limit)
        with torch.no_grad():
            logits = model.model(**inputs).logits
        # By the digest, as a model is closed and opened again where several take turns.
        words, letters = _vocabulary(model)
        drawing = Drawing(1.0, self.top_k, 1.0)
        made = []
        for row, (text, places, one) in enumerate(zip(written, chosen, asked, strict=True)):
            at = (inputs["input_ids"][row] == tokenizer.mask_token_id).nonzero().flatten().tolist()
            for place in places:
                word = text.words[place]
                size = len(word.text) if word.in_run else 1
                mine, at = at[:size], at[size:]
                if len(mine) < size:
                    break
                allowed = (letters if word.in_run else words).clone()
                own = tokenizer.convert_tokens_to_ids([word.key, word.text]) if size == 1 else []
                allowed[[i for i in own if i is not None]] = False
                if not allowed.any():
                    continue
                scores = logits[row, mine].masked_fill(~allowed, -torch.inf)
                ids = [int(draw(scores[i : i + 1], [one.rng], drawing)[0]) for i in range(size)]
                said = "".join(tokenizer.decode([token]).strip() for token in ids)
                text = text.put(place, in_case(said, word.text))  # noqa: PLW2901 - one word after another
            made.append(text.text)
        return made

    def _chosen(self, written: Written, rng: random.Random) -> list[int]:
        places = _open_words(written)
        return sorted(rng.sample(places, min(len(places), max(1, round(self.rate * len(written.words))))))


def _open_words(written: Written) -> list[int]:
    return [place for place, word in enumerate(written.words) if word.kind in ("word", "run")]


def _masked(written: Written, places: Sequence[int], mask: str) -> str:
    words = list(written.words)
    for place in places:
        count = len(words[place].text) if words[place].in_run else 1
        words[place] = replace(words[place], text=mask * count)
    return replace(written, words=tuple(words)).text


@lru_cache(maxsize=3)
def _vocabulary(model: Opened) -> tuple[Any, Any]:
    """Which tokens are whole words between spaces, and which are single characters of scripts without: two masks.

    Special tokens are neither. A word begins as the tokenizer marks it: WordPiece marks what goes on (``##``), the
    others what begins (``Ġ``, ``▁``).
    """
    import torch  # noqa: PLC0415 - an extra, and slow to import

    tokenizer = model.tokenizer
    size = int(model.model.get_output_embeddings().weight.shape[0])
    tokens = tokenizer.convert_ids_to_tokens(range(min(size, len(tokenizer))))
    special = set(tokenizer.all_special_tokens)
    begins = next((mark for mark in ("Ġ", "▁") if any(token.startswith(mark) for token in tokens)), "")
    words, letters = torch.zeros(size, dtype=torch.bool), torch.zeros(size, dtype=torch.bool)
    for i, token in enumerate(tokens):
        if token in special or token.startswith("##"):
            continue
        said = tokenizer.decode([i]).strip()
        parts = Written.of(said).words
        if len(parts) != 1 or same_key(parts[0].text) != same_key(said):
            continue
        if parts[0].in_run:
            letters[i] = len(said) == 1
        else:
            words[i] = parts[0].kind == "word" and len(said) > 1 and token.startswith(begins)
    return words, letters
