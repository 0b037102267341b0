"""Remedies alone, without a study: a sampler and a classifier that fit into pipelines of scikit-learn.

They are objects of scikit-learn and imbalanced-learn in all but name: the latter need not be installed.
"""

from evenshelf.estimators.classifier import RemedyClassifier
from evenshelf.estimators.sampler import RemedySampler

__all__ = ["RemedyClassifier", "RemedySampler"]
