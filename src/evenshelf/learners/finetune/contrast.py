"""The supervised contrastive loss: vectors of a class come nearer to each other than to those of other classes.

References
----------
Khosla et al.: Supervised Contrastive Learning, NeurIPS 2020 (the sum outside of the logarithm).
Gunel, Du, Conneau, Stoyanov: Supervised Contrastive Learning for Pre-trained Language Model Fine-tuning, ICLR 2021 (a
share of it beside cross entropy).
Tunstall et al.: Efficient Few-Shot Learning Without Prompts, 2022 (SetFit: by itself, then a linear head).
Gao, Yao, Chen: SimCSE, EMNLP 2021 (a text and itself under another dropout).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def contrastive_loss(vectors: Any, target: Codes, temperature: float) -> Any:
    """Mean loss of the rows of a step that have another of their class there; nothing if none has.

    Parameters
    ----------
    vectors
        ``[b, d]`` tensor of unit vectors.
    target
        ``[b]`` group codes.
    temperature
        What cosines are divided by, > 0.
    """
    import torch  # noqa: PLC0415 - slow to import, and optional

    same = target[:, None] == target[None, :]
    np.fill_diagonal(same, val=False)
    others = same.sum(axis=1)
    paired = torch.from_numpy(np.flatnonzero(others))
    if not len(paired):
        return vectors.sum() * 0.0
    cosines = vectors @ vectors.T / temperature
    # a row is no rival of itself
    cosines = cosines.masked_fill(torch.eye(len(target), dtype=torch.bool), -torch.inf)
    chance = torch.log_softmax(cosines, dim=1)
    near = torch.from_numpy(same)
    sums = torch.where(near, chance, 0.0).sum(dim=1)
    return -(sums[paired] / torch.from_numpy(others.astype(np.float32))[paired]).mean()
