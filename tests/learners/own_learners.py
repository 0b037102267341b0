"""What a user might bring, right and wrong."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind


def logistic() -> LogisticRegression:
    return LogisticRegression(C=10.0)


def svc() -> LinearSVC:
    return LinearSVC()


def neighbours() -> KNeighborsClassifier:
    return KNeighborsClassifier(3)


MODEL = LogisticRegression(C=10.0)


def network(dimension: int, classes: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(dimension, 16), torch.nn.Tanh(), torch.nn.Linear(16, classes))


class Net(torch.nn.Module):
    def __init__(self, dimension: int, classes: int) -> None:
        super().__init__()
        self.scores = torch.nn.Linear(dimension, classes)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.scores(rows)


def keras_model(dimension: int, classes: int) -> object:
    import keras

    layers = keras.layers
    return keras.Sequential([keras.Input((dimension,)), layers.Dense(classes, activation="softmax")])


def means(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    if remedy.stages:
        raise SettingError(f"{remedy}: nearest means act at no stage.")
    counts = np.bincount(target, minlength=groups)
    sums = np.zeros((groups, vectors.shape[1]))
    np.add.at(sums, target, vectors)
    centres = sums / np.maximum(counts, 1)[:, None]

    def predict(new):
        scores = -(penalty or 1.0) * ((new[:, None, :] - centres) ** 2).sum(axis=2)
        scores[:, counts == 0] = -1e4
        return scores.astype(np.float32)

    return predict


def kind() -> LearnerKind:
    return LearnerKind("means", "nearest means", "-", (), means, lambda count: (2.0, 1.0)[:count])


def needs_three(dimension, classes, depth):
    return None


def regression() -> LinearRegression:
    return LinearRegression()


def raises() -> None:
    raise KeyError("oops")


def narrow(dimension: int, classes: int) -> torch.nn.Module:
    return torch.nn.Linear(dimension, 2)


def deaf(dimension: int, classes: int) -> torch.nn.Module:
    return torch.nn.Linear(7, classes)


def dummy() -> DummyClassifier:
    return DummyClassifier(strategy="no such strategy")


number = 3
