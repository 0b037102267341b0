"""Studies of recommendation: learners that rank items, under remedies, on what users wanted next."""

from __future__ import annotations

from evenshelf.study.ranking.study import RankingStudy

__all__ = ["RankingStudy"]
