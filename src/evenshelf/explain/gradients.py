"""Integrated gradients: how the margin grows on the straight way from a text of padding to the text.

References
----------
Sundararajan, Taly, Yan: Axiomatic attribution for deep networks, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders import Encoder
from evenshelf.encoders.fused import FusedEncoder
from evenshelf.encoders.pieces import Pieces
from evenshelf.encoders.torch_text import TorchText
from evenshelf.errors import SettingError

STEPS = (16, 32, 64, 128, 256)
"""Places on the way at which the slope is taken: more, until the sum is near enough to what it has to be."""
NEAR = 0.01
"""Part of the difference between text and padding that the sum may miss."""
LEAST = 0.1
"""Difference below which that part is taken of this."""

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Path:
    """What pieces of a text add on the way.

    Attributes
    ----------
    start, stop
        ``[m]`` from which character of the text to before which.
    value
        ``[m]`` what each adds.
    error
        By how much they miss the difference between text and padding.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    value: Floats
    error: float = 0.0


Run = Callable[[str, Floats], Path]
"""The path of a text, for a direction ``[d]`` of its vector."""


def integrated(encoder: Encoder) -> Run:
    """What finds paths for an encoder; its language model is loaded once.

    Raises
    ------
    SettingError
        If there is no language model in it.
    MissingExtraError
        If torch or transformers is not installed.
    """
    parts = encoder.parts if isinstance(encoder, FusedEncoder) else (encoder,)
    models = [part.torch_text() for part in parts]
    unknown = [part.name for part, model in zip(parts, models, strict=True) if model is None and not _counts(part)]
    if unknown or not any(models):
        raise SettingError(
            f"The encoder {encoder.name!r} has no gradients: "
            + (f"{', '.join(unknown)} is no language model that torch can run." if unknown else "it counts pieces."),
            hint="Leave words out instead (occlusion), which any encoder can be asked.",
        )

    def run(text: str, direction: Floats) -> Path:
        found, low = [], 0
        known = [bool(part.encode([text]).any()) for part in parts] if len(parts) > 1 else [True]
        share = 1.0 / np.sqrt(max(sum(known), 1))
        for part, model, there in zip(parts, models, known, strict=True):
            own = direction[low : low + part.dimension] * share
            low += part.dimension
            if not there:
                continue
            if model is not None:
                found.append(_path(model, text, own))
            else:
                pieces = part.pieces(text)
                assert pieces is not None
                found.append(Path(pieces.start, pieces.stop, _dot(pieces, own)))
        return _joined(found)

    return run


def _counts(part: Encoder) -> bool:
    return part.pieces("") is not None


def _dot(pieces: Pieces, direction: Floats) -> Floats:
    return np.asarray(pieces.vectors @ direction, np.float64)


def _joined(found: list[Path]) -> Path:
    none = np.zeros(0, np.int64)
    return Path(
        np.concatenate([none, *(path.start for path in found)]),
        np.concatenate([none, *(path.stop for path in found)]),
        np.concatenate([np.zeros(0), *(path.value for path in found)]),
        sum(path.error for path in found),
    )


def _path(model: TorchText, text: str, direction: Floats) -> Path:
    """The path of one text through a language model, with as many steps as it needs."""
    import torch  # noqa: PLC0415 - an extra, and slow to import

    tokens = model.tokens(text)
    told = np.array([not token.special for token in tokens], bool)
    numbers = torch.tensor([token.number for token in tokens])
    with torch.no_grad():
        end = model.embedding(numbers)
        padding = model.embedding(torch.tensor([model.padding]))
    begin = torch.where(torch.from_numpy(told)[:, None], padding, end)
    towards = torch.tensor(direction, dtype=end.dtype)
    margins = _values(model, numbers, torch.stack([begin, end]), towards).detach().numpy().astype(np.float64)
    wanted = float(margins[1] - margins[0])
    value = np.zeros(len(tokens))
    for steps in STEPS:
        value = _integral(model, numbers, (begin, end), towards, steps)
        if abs(value.sum() - wanted) <= NEAR * max(abs(wanted), LEAST):
            break
    places = np.array([(token.start, token.stop) for token in tokens], np.int64).reshape(-1, 2)[told]
    return Path(places[:, 0], places[:, 1], value[told], abs(float(value.sum()) - wanted))


def _integral(model: TorchText, numbers: Any, ends: tuple[Any, Any], towards: Any, steps: int) -> Floats:
    """``[m]`` what each token adds, by Gauss-Legendre quadrature."""
    import torch  # noqa: PLC0415

    begin, end = ends
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = np.zeros(len(numbers))
    for low in range(0, steps, STEPS[0]):
        at = torch.tensor(0.5 * (nodes[low : low + STEPS[0]] + 1.0), dtype=end.dtype)[:, None, None]
        way = (begin + at * (end - begin)).requires_grad_()
        (slope,) = torch.autograd.grad(_values(model, numbers, way, towards).sum(), way)
        added = ((end - begin) * slope).sum(-1).numpy().astype(np.float64)
        total += 0.5 * weights[low : low + STEPS[0]] @ added
    return total


def _values(model: TorchText, numbers: Any, embedded: Any, towards: Any) -> Any:
    """``[s]`` product of a direction with the unit vectors of texts whose tokens are embedded so, ``[s, m, h]``."""
    import torch  # noqa: PLC0415

    hook = model.embedding.register_forward_hook(lambda _module, _given, _out: embedded)
    try:
        vectors = model.vectors(numbers.expand(len(embedded), -1))
    finally:
        hook.remove()
    return torch.nn.functional.normalize(vectors, dim=-1) @ towards
