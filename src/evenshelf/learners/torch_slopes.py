"""Losses of remedies where torch follows slopes: their own slopes, written once for all learners."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies import Loss


def loss_sum(scores: Any, target: NDArray[np.int64], weight: NDArray[np.float32], loss: Loss) -> Any:
    """The weighted sum of a loss over rows, whose slope torch follows back into what made the scores.

    Parameters
    ----------
    scores
        ``[n, G]`` tensor, of any type and on any device; the loss itself is computed in float32 on the CPU.
    target, weight
        ``[n]`` group codes and weights.
    loss
        Of the catalogue.

    Returns
    -------
    Tensor of one number, of float32.
    """
    return _function().apply(scores, target, weight, loss)


@cache
def _function() -> Any:
    import torch  # noqa: PLC0415 - slow to import, and optional
    from torch.autograd.function import once_differentiable  # noqa: PLC0415

    class LossSum(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, scores: Any, target: Any, weight: Any, loss: Loss) -> Any:
            values = scores.detach().to("cpu", torch.float32, copy=True).numpy()
            value, slope = loss.value_and_gradient(values, target, weight)
            context.slope = torch.from_numpy(slope).to(scores.device, scores.dtype)
            return scores.new_tensor(value, dtype=torch.float32)

        @staticmethod
        @once_differentiable  # type: ignore[untyped-decorator]
        def backward(context: Any, upstream: Any) -> Any:
            return context.slope * upstream, None, None, None

    return LossSum
