"""Weights and losses of a remedy as a loss of torch: for a loop of one's own, or the trainer of Hugging Face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError
from evenshelf.estimators.inputs import read_remedy
from evenshelf.learners.torch_slopes import loss_sum
from evenshelf.remedies import Loss, Prior, Remedy, Stage, effective_loss

IGNORED = -100
"""Label of rows that count for nothing, as in torch."""
_STAGES = frozenset({Stage.WEIGHT, Stage.LOSS, Stage.ADJUST})


class RemedyLoss:
    """What a remedy minimises, for scores that a network of torch makes.

    ``loss(logits, labels)`` is the weighted mean, as ``torch.nn.functional.cross_entropy`` with weights gives it. With
    the number of labels of all batches whose slopes are added up it is their share of that mean, so that
    ``Trainer(..., compute_loss_func=loss)`` is right under gradient accumulation too.

    Parameters
    ----------
    remedy
        Spec or remedy that weighs, has a loss or adjusts; compositions included.
    counts
        ``[G]`` how many training rows each class has, in the order of the label numbers.

    Attributes
    ----------
    remedy
        As it was read.
    prior
        Of the classes.

    Raises
    ------
    SettingError
        If the remedy acts at a stage at which no loss can act, such as resampling.
    InputError
        If `counts` are no counts.

    Examples
    --------
    >>> import torch
    >>> loss = RemedyLoss("balanced", counts=[90, 10])
    >>> logits = torch.zeros(2, 2, requires_grad=True)
    >>> value = loss(logits, torch.tensor([0, 1]))
    >>> value.backward()
    >>> round(value.item(), 4)
    0.6931
    """

    def __init__(self, remedy: str | Remedy, counts: Sequence[int] | NDArray[np.integer]) -> None:
        self.remedy = read_remedy(remedy)
        beyond = [stage.value for stage in self.remedy.stages if stage not in _STAGES]
        if beyond:
            raise SettingError(
                f"A loss cannot act at the stage {', '.join(beyond)}, as {self.remedy.spec} does.",
                hint="Give the part that weighs or has a loss; RemedySampler resamples.",
            )
        if any(part.norms for part in self.remedy.parts):
            raise SettingError(
                f"{self.remedy.spec} asks for the lengths of the weight vectors of classes, which no loss knows.",
                hint="Use RemedyClassifier on the vectors of the network.",
            )
        found = np.asarray(counts)
        whole = found.ndim == 1 and np.issubdtype(found.dtype, np.integer)
        if not whole or len(found) < 2 or found.min() < 0 or found.max() < 1:
            raise InputError(
                "counts has to hold how many training rows each class has, of two classes at least.",
                hint="Such as numpy.bincount(labels, minlength=classes).",
            )
        self.prior = Prior(found.astype(np.int64))
        self._loss = effective_loss(self.remedy, self.prior)

    def __call__(self, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        """The loss of a batch.

        Parameters
        ----------
        outputs
            ``[..., G]`` tensor of scores, or what a model of Hugging Face returns, with ``logits``.
        labels
            ``[...]`` label numbers; rows of -100 do not count.
        num_items_in_batch
            Labels in all batches whose slopes are added up before a step. Weights are then divided by their mean over
            the classes' shares and not by those of the batch.

        Returns
        -------
        Tensor of one number, with a slope.

        Raises
        ------
        InputError
            If scores and labels do not belong together.
        """
        logits = _logits(outputs)
        groups = len(self.prior.counts)
        if logits.shape[:-1] != labels.shape or logits.shape[-1] != groups:
            raise InputError(
                f"Scores have the shape {tuple(logits.shape)} and labels {tuple(labels.shape)}, for {groups} classes.",
                hint="Give one row of scores for each label, as wide as counts is long.",
            )
        logits, labels = logits.reshape(-1, groups), labels.reshape(-1)
        kept = labels != IGNORED
        logits, labels = logits[kept], labels[kept]
        target = labels.detach().cpu().numpy().astype(np.int64)
        if len(target) and not 0 <= target.min() <= target.max() < groups:
            raise InputError(
                f"A label is not from 0 to {groups - 1}.", hint="Number the classes in the order of counts."
            )
        weight = self.weights[target]
        total = loss_sum(logits, target, weight, self._loss)
        if num_items_in_batch is None:
            return total / max(float(weight.sum()), 1e-12)
        return total / (float(num_items_in_batch) * self._mean)

    @property
    def weights(self) -> NDArray[np.float32]:
        """``[G]`` what a row of each class weighs."""
        found = np.ones(len(self.prior.counts), np.float32)
        for by_group in (self.remedy.weight(self.prior), self._loss.class_weight()):
            if by_group is not None:
                found = found * by_group
        return found.astype(np.float32)

    @property
    def _mean(self) -> float:
        """What a row weighs on average."""
        counts = self.prior.counts
        return float(self.weights @ counts / counts.sum())

    def warm_up(self) -> RemedyLoss | None:
        """What should be minimised first, where the loss has poor optima of its own; mostly ``None``."""
        first = self._loss.warm_up()
        return None if first is None else _of(self, first)

    def adjusted(self, logits: Any) -> Any:
        """Scores ``[n, G]`` of new rows as the remedy adjusts them; a tensor without a slope."""
        import torch  # noqa: PLC0415 - slow to import, and optional

        scores = logits.detach().cpu().numpy().astype(np.float32)
        found = self.remedy.adjust(scores, self.prior, np.ones(len(self.prior.counts), np.float32))
        return torch.from_numpy(np.ascontiguousarray(found)).to(logits.device)


def _logits(outputs: Any) -> Any:
    """Scores from themselves, or from what a model of Hugging Face returns."""
    if hasattr(outputs, "dim"):
        return outputs
    return outputs["logits"] if isinstance(outputs, dict) else outputs.logits


def _of(other: RemedyLoss, loss: Loss) -> RemedyLoss:
    found = RemedyLoss(other.remedy, other.prior.counts)
    found._loss = loss
    return found
