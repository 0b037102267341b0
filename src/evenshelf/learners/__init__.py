"""Learners: what fits scores for a task under a remedy."""

from __future__ import annotations

from evenshelf.learners.registry import FitScores, LearnerKind, Predict, learner_kind, learner_kinds, register

__all__ = ["FitScores", "LearnerKind", "Predict", "learner_kind", "learner_kinds", "register"]
