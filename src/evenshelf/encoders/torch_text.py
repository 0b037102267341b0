"""A language model as torch runs it, for who asks how its vectors change with what goes into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evenshelf.errors import SettingError


@dataclass(frozen=True, eq=False)
class Token:
    """A token of a text.

    Attributes
    ----------
    number
        In the vocabulary.
    start, stop
        From which character of the text to before which it stands; both 0 of one that stands for no text.
    special
        Whether it stands for no text, as those that begin and end one.
    """

    number: int
    start: int
    stop: int
    special: bool


@dataclass(frozen=True, eq=False)
class TorchText:
    """What turns texts into vectors, with its gradients.

    Attributes
    ----------
    tokens
        The tokens of a text.
    embedding
        The torch module that turns their numbers into the vectors that the first layer reads.
    vectors
        ``[s, d]`` vectors of texts of equal length, a tensor, from ``[s, m]`` numbers of tokens; not of unit length.
    padding
        Number of the token that stands for nothing.
    """

    tokens: Callable[[str], list[Token]]
    embedding: Any
    vectors: Callable[[Any], Any]
    padding: int


def tokens_by(tokenizer: Any, length: int, name: str) -> Callable[[str], list[Token]]:
    """Tokens of a text by a tokenizer of transformers.

    Raises
    ------
    SettingError
        If it is one that does not tell where its tokens stand.
    """
    if not tokenizer.is_fast:
        raise SettingError(
            f"The tokenizer of {name} does not tell where in a text its tokens stand.",
            hint="Leave words out instead (occlusion), which any encoder can be asked.",
        )

    def tokens(text: str) -> list[Token]:
        told = tokenizer(
            text, truncation=True, max_length=length, return_offsets_mapping=True, return_special_tokens_mask=True
        )
        parts = zip(told["input_ids"], told["offset_mapping"], told["special_tokens_mask"], strict=True)
        return [Token(int(number), low, high, bool(special)) for number, (low, high), special in parts]

    return tokens
