"""Bundles that recommend: a fitted ranker in a folder, and what asks it for lists with their reasons.

>>> from evenshelf.bundles.ranking import Recommender
>>> bundle = Recommender.load("myshop/bundles/recommend-all")  # doctest: +SKIP
>>> [shown.title for shown in bundle.recommend(["i12", "i7"], k=3).shown]  # doctest: +SKIP
['Grey wool scarf', 'Blue wool hat', 'Leather gloves']
"""

from __future__ import annotations

from evenshelf.bundles.ranking.recommended import Recommended, Shown
from evenshelf.bundles.ranking.recommender import Recommender

__all__ = ["Recommended", "Recommender", "Shown"]
