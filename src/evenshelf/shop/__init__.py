"""Tables of a shop: ingest, clean, annotate, measure, simulate.

>>> from evenshelf.shop import Shop, ingest, profile, simulate
"""

from __future__ import annotations

from evenshelf.shop.duplicates import title_groups, title_key
from evenshelf.shop.ingesting.accounts import IngestReport, SourceReport
from evenshelf.shop.ingesting.ingest import ingest
from evenshelf.shop.label_words import label_held, label_names
from evenshelf.shop.profiling.imbalance import Imbalance, buckets
from evenshelf.shop.profiling.log_profile import LogProfile, profile_log
from evenshelf.shop.profiling.profile import Profile, profile
from evenshelf.shop.simulation import simulate
from evenshelf.shop.store import Shop

__all__ = [
    "Imbalance",
    "IngestReport",
    "LogProfile",
    "Profile",
    "Shop",
    "SourceReport",
    "buckets",
    "ingest",
    "label_held",
    "label_names",
    "profile",
    "profile_log",
    "simulate",
    "title_groups",
    "title_key",
]
