"""Back-translation by neural models: MarianMT, NLLB and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from evenshelf.augmentation.base import Draw, DrawingMaker
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.transformer import TRANSLATING, Drawing, Opened, opened, write
from evenshelf.errors import SettingError
from evenshelf.parameters import check_range


@register
@dataclass(frozen=True)
class Marian(DrawingMaker):
    """Translates a text into another language and back; the first variant by the likeliest words, others by drawn ones.

    Parameters
    ----------
    there, back
        Models by name or folder, such as ``Helsinki-NLP/opus-mt-en-de`` and ``Helsinki-NLP/opus-mt-de-en``. With
        languages named, `back` may be left empty: one model does both.
    language, through
        Languages as a model for many names them, such as ``eng_Latn`` and ``zho_Hans`` for NLLB; else empty.
    temperature
        In [0, 2], of what is drawn.
    longest
        Tokens of a translation, at most.
    """

    there: str = ""
    back: str = ""
    language: str = ""
    through: str = ""
    temperature: float = 0.7
    longest: int = 64

    name: ClassVar[str] = "marian"
    title: ClassVar[str] = "Back-translation by models"
    paper: ClassVar[str] = "Sennrich et al., ACL 2016; Junczys-Dowmunt et al., ACL 2018; NLLB Team, Nature 630, 2024"
    languages: ClassVar[str] = "those of the models, Chinese among them"
    chunk: ClassVar[int] = 128

    def __post_init__(self) -> None:
        check_range("temperature", self.temperature, 0.0, 2.0)
        check_range("longest", self.longest, 1, whole=True)
        if bool(self.language) != bool(self.through):
            raise SettingError("Of language and through one is named.", hint="Name both, or neither.")

    def _models(self) -> tuple[Opened, Opened]:
        back = self.back or (self.there if self.language else "")
        return opened(self.there, TRANSLATING, self.name), opened(back, TRANSLATING, self.name)

    def read_from(self) -> tuple[str, ...]:
        """See :meth:`Maker.read_from`."""
        return tuple(model.digest for model in self._models())

    def check_ready(self) -> None:
        """See :meth:`Maker.check_ready`."""
        for model in self._models():
            for language in filter(None, (self.language, self.through)):
                _language_token(model.tokenizer, language)

    def drawn(self, asked: Sequence[Draw]) -> list[str]:
        """See :meth:`DrawingMaker.drawn`."""
        found = [""] * len(asked)
        for likeliest in (True, False):
            rows = [row for row, one in enumerate(asked) if (one.number == 0) == likeliest]
            drawing = Drawing(0.0 if likeliest else self.temperature)
            rngs = [asked[row].rng for row in rows]
            texts = [asked[row].source.text for row in rows]
            for model, (source, target) in zip(
                self._models(), ((self.language, self.through), (self.through, self.language)), strict=True
            ):
                first = None
                if source:
                    model.tokenizer.src_lang = source
                    first = _language_token(model.tokenizer, target)
                texts = write(model, texts, rngs, drawing, longest=self.longest, first=first) if texts else []
            for row, text in zip(rows, texts, strict=True):
                found[row] = text
        return found


def _language_token(tokenizer: Any, language: str) -> int:
    token = tokenizer.convert_tokens_to_ids(language)
    if token is None or token == tokenizer.unk_token_id:
        raise SettingError(
            f"The model knows no language {language!r}.", hint="Write it as the model does, such as 'eng_Latn'."
        )
    return int(token)
