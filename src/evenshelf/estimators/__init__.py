"""Remedies alone, without a study: a sampler and a classifier for pipelines of scikit-learn, a loss for torch.

The first two are objects of scikit-learn and imbalanced-learn in all but name: the latter need not be installed.
"""

from evenshelf.estimators.classifier import RemedyClassifier
from evenshelf.estimators.sampler import RemedySampler
from evenshelf.estimators.torch_loss import RemedyLoss

__all__ = ["RemedyClassifier", "RemedyLoss", "RemedySampler"]
