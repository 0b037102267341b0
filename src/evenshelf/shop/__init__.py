"""Tables of a shop: ingest, clean, annotate, measure, simulate.

>>> from evenshelf.shop import Shop, ingest, profile, simulate
"""

from __future__ import annotations

from evenshelf.shop.duplicates import title_groups, title_key
from evenshelf.shop.imbalance import Imbalance, buckets
from evenshelf.shop.ingest import IngestReport, SourceReport, ingest
from evenshelf.shop.profile import Profile, label_held, label_names, profile
from evenshelf.shop.simulate import simulate
from evenshelf.shop.store import Shop

__all__ = [
    "Imbalance",
    "IngestReport",
    "Profile",
    "Shop",
    "SourceReport",
    "buckets",
    "ingest",
    "label_held",
    "label_names",
    "profile",
    "simulate",
    "title_groups",
    "title_key",
]
