"""Retrieval in process: words and vectors over the items of a shop, with filters, facets and reasons."""

from evenshelf.index.engine import SearchEngine
from evenshelf.index.ranking import Ranking
from evenshelf.index.results import Explanation, Hit, Results
from evenshelf.index.shops import Indexed, index_shop

__all__ = ["Explanation", "Hit", "Indexed", "Ranking", "Results", "SearchEngine", "index_shop"]
