"""Model2Vec, which distils a model by what it says of single tokens: the peer of distilled models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def distilled_by_peer(model: Any, tokenizer: Any) -> tuple[Callable[[Sequence[str]], Floats], int]:
    """What encodes texts, and its bytes; at the usual settings: 256 directions, weights by Zipf's law, half precision.

    Parameters
    ----------
    model, tokenizer
        Of transformers.
    """
    from model2vec.distill import distill_from_model  # noqa: PLC0415 - the peer

    static = distill_from_model(model, tokenizer)

    def encode(texts: Sequence[str]) -> Floats:
        return np.asarray(static.encode(list(texts), use_multiprocessing=False), np.float32)

    return encode, int(static.embedding.nbytes) + len(static.tokenizer.to_str().encode())
