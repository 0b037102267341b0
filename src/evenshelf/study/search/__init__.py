"""Studies of search: learners that rank what a search finds, under remedies, on queries that were judged or clicked."""

from __future__ import annotations

from evenshelf.study.search.study import SearchStudy

__all__ = ["SearchStudy"]
