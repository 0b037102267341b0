"""Each remedy fitted by itself, as a careful person would write it with scikit-learn and plain torch.

Nothing of evenshelf is used here but the parameters of its remedies: formulas are written out again, so that both
sides check each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from bench.peer_resampling import resample
from evenshelf.errors import SettingError
from evenshelf.remedies import Remedy

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

ABSENT = -1e4
STEPS = 300
TOLERANCE = 1e-4
"""Largest component of the gradient at which a fit ends: scikit-learn's default, and the same for torch."""

KNOWN = {
    "none",
    "balanced",
    "effective_number",
    "random_over",
    "random_under",
    "smote",
    "mixup",
    "weighted_ce",
    "focal",
    "balanced_softmax",
    "ldam",
    "logit_adjust",
    "tau_norm",
    "name_prior",
}
POST_HOC = ("logit_adjust", "tau_norm")
TORCH = ("mixup", "weighted_ce", "focal", "balanced_softmax", "ldam", "name_prior")


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted head: ``x @ weights + bias``; classes it has never seen have a bias far below all others.

    Attributes
    ----------
    steps, stopped
        Iterations, and whether their limit ended the fit.
    """

    weights: Floats
    bias: Floats
    counts: Codes
    steps: int
    stopped: bool

    def scores(self, X: Floats, remedy: Remedy) -> Floats:
        """Scores, after what the remedy does to them when all is trained."""
        scores = X @ self.weights + self.bias
        for part in remedy.parts:
            if part.name == "logit_adjust":
                scores = scores - part.tau * log_share(self.counts)
            elif part.name == "tau_norm":
                known = self.bias > ABSENT / 2
                norms = np.linalg.norm(self.weights[:, known], axis=0)
                middle = scores[:, known].mean(axis=1, keepdims=True)
                scores[:, known] = (scores[:, known] - middle) * (norms.mean() / norms) ** part.tau + middle
        return scores


def check(remedy: Remedy) -> None:
    """Raise a :class:`SettingError` if the peer cannot do what the remedy does."""
    unknown = [part.name for part in remedy.parts if part.name not in KNOWN]
    hint = "Add it to bench/peer_fits.py, or leave it out with --remedies."
    if unknown:
        raise SettingError(f"The peer knows no {', '.join(unknown)}.", hint=hint)
    changes = [part.name for part in remedy.parts if part.name not in (*POST_HOC, "none")]
    if len(changes) > 1:
        raise SettingError(f"The peer changes one thing in training, not {' and '.join(changes)}.", hint=hint)


def trained_part(remedy: Remedy) -> Remedy | None:
    """The part that changes the training, or ``None``; the others come for free after it."""
    return next((part for part in remedy.parts if part.name not in (*POST_HOC, "none")), None)


def log_share(counts: Codes) -> Floats:
    """Logarithm of each class's share of the training rows; half a row for a class that has none."""
    return np.log(np.maximum(counts, 0.5) / counts.sum()).astype(np.float32)


def fit(
    remedy: Remedy,
    penalty: float | None,
    X: Floats,
    y: Codes,
    *,
    names: Floats,
    seed: int,
    scale: float = 1.0,
    tolerance: float = TOLERANCE,
    steps: int = STEPS,
) -> Linear:
    """Fit what the remedy changes in training.

    Parameters
    ----------
    penalty
        ``1 / (C N)`` in scikit-learn's terms; ``None`` for its default, C = 1.
    X, y
        Training rows ``[n, d]`` and their classes.
    names
        ``[C, d]`` vectors of the class names.
    scale
        What the rows were divided by; the default penalty is that of the rows as they were.
    tolerance, steps
        When a fit ends: the largest component of the gradient, and the iterations at most.
    """
    part = trained_part(remedy)
    if part is not None and part.name in TORCH:
        strength = 1.0 / (len(y) * scale**2) if penalty is None else penalty
        return Torch(part, X, y, names, seed).fit(strength, tolerance, steps)
    counts = np.bincount(y, minlength=len(names))
    weights: dict[int, float] | None = None
    if part is not None and part.name in ("random_over", "random_under", "smote"):
        X, y = resample(part, X, y, seed)
    elif part is not None:
        found = class_weights(part, counts)
        weights = {int(c): float(found[c]) for c in np.flatnonzero(counts)}
    C = scale**2 if penalty is None else 1.0 / (penalty * len(y))
    model = LogisticRegression(C=C, class_weight=weights, max_iter=steps, tol=tolerance)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # counted instead
        model.fit(X, y)
    return _spread(model.coef_, model.intercept_, model.classes_, counts, int(model.n_iter_.max()), steps)


def _spread(  # noqa: PLR0917
    coefficients: Floats, intercept: Floats, classes: Codes, counts: Codes, steps: int, limit: int
) -> Linear:
    """Put the classes of a fit in their places among all."""
    if len(classes) == 2:  # scikit-learn keeps one vector for two classes
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercept = np.concatenate([-intercept, intercept]) / 2
    weights = np.zeros((coefficients.shape[1], len(counts)), np.float32)
    bias = np.full(len(counts), ABSENT, np.float32)
    weights[:, classes], bias[classes] = coefficients.T, intercept
    return Linear(weights, bias, counts, steps, steps >= limit)


def class_weights(part: Remedy, counts: Codes) -> NDArray[np.float64]:
    """Weight of a row by its class: ``balanced``, ``effective_number``, ``weighted_ce``, or LDAM's second phase."""
    n = np.maximum(counts, 1).astype(np.float64)
    if part.name == "weighted_ce":
        return (counts.sum() / ((counts > 0).sum() * n)) ** part.power
    weights = n**-part.power if part.name == "balanced" else (1 - part.beta) / (1 - part.beta**n)
    return weights / ((weights * counts).sum() / counts.sum())


class Torch:
    """One remedy's objective in torch, minimised by full-batch L-BFGS with a strong Wolfe line search."""

    def __init__(self, part: Remedy, X: Floats, y: Codes, names: Floats, seed: int) -> None:
        self.counts = np.bincount(y, minlength=len(names))
        self.free = torch.from_numpy(self.counts > 0)
        self.known = self.free
        self.other: torch.Tensor | None = None
        self.shift: torch.Tensor | None = None
        self.gamma = part.gamma if part.name == "focal" else 0.0
        self.y = torch.from_numpy(y)
        self.weight = torch.ones(len(y))
        self.centre = torch.zeros(X.shape[1], len(names))
        offset = torch.zeros(len(names))
        if part.name == "mixup":
            rng = np.random.default_rng(seed)
            other = rng.permutation(len(y))
            blend = rng.beta(part.alpha, part.alpha, len(y)).astype(np.float32)
            step = np.minimum(blend, 1 - blend)
            X = (1 - step[:, None]) * X + step[:, None] * X[other]
            self.other, self.other_weight = torch.from_numpy(y[other]), torch.from_numpy(step)
            self.weight = 1 - self.other_weight
        elif part.name == "weighted_ce" or (part.name == "ldam" and part.beta):
            self.weight = torch.from_numpy(class_weights(part, self.counts).astype(np.float32))[self.y]
        if part.name == "balanced_softmax":
            offset = part.tau * torch.from_numpy(log_share(self.counts))
        elif part.name == "ldam":
            rarest = self.counts[self.counts > 0].min()
            margin = part.margin * (rarest / np.maximum(self.counts, 1)) ** 0.25
            self.shift = torch.zeros(len(y), len(names))
            self.shift[torch.arange(len(y)), self.y] = -torch.from_numpy(margin.astype(np.float32))[self.y]
        elif part.name == "name_prior":
            self.centre = torch.from_numpy(np.ascontiguousarray(np.float32(part.scale) * names.T))
            self.known = torch.ones_like(self.free)  # a class without a row is known by its name alone
        self.X = torch.from_numpy(np.ascontiguousarray(X))
        self.offset = torch.where(self.known, offset, torch.tensor(ABSENT))

    def fit(self, penalty: float, tolerance: float = TOLERANCE, limit: int = STEPS) -> Linear:
        """Minimise; see :func:`fit`."""
        W = self.centre.clone().requires_grad_()
        b = torch.from_numpy(log_share(self.counts)).requires_grad_()
        optimiser = torch.optim.LBFGS(
            [W, b],
            max_iter=limit,
            max_eval=2 * limit,
            history_size=10,
            tolerance_grad=tolerance,
            tolerance_change=1e-9,
            line_search_fn="strong_wolfe",
        )
        optimiser.step(self.closure(W, b, penalty, optimiser.zero_grad))
        steps = optimiser.state[W]["n_iter"]
        bias = torch.where(self.known, b, torch.tensor(ABSENT)).detach().numpy()
        return Linear(W.detach().numpy(), bias, self.counts, steps, steps >= limit)

    def closure(
        self, W: torch.Tensor, b: torch.Tensor, penalty: float, zero_grad: Callable[[], None]
    ) -> Callable[[], torch.Tensor]:
        """What the optimiser calls: the objective, with its gradient left in the parameters."""

        def evaluate() -> torch.Tensor:
            zero_grad()
            value = self.data_term(W, b) + 0.5 * penalty * ((W - self.centre) ** 2).sum()
            value.backward()
            W.grad *= self.free  # type: ignore[operator]
            b.grad *= self.free  # type: ignore[operator]
            if (self.known & ~self.free).any():  # a class without a row keeps its odds: the sum of the biases is held
                b.grad -= self.free * (b.grad.sum() / self.free.sum())  # type: ignore[union-attr, operator]
            return value

        return evaluate

    def data_term(self, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Mean loss of the training rows."""
        scores = torch.addmm(b + self.offset, self.X, W)
        if self.shift is not None:
            scores = scores + self.shift
        total = self.weight @ self._losses(scores, self.y)
        if self.other is not None:
            total = total + self.other_weight @ self._losses(scores, self.other)
        return total / len(self.y)

    def _losses(self, scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        losses = torch.nn.functional.cross_entropy(scores, target, reduction="none")
        return (1 - torch.exp(-losses)) ** self.gamma * losses if self.gamma else losses
