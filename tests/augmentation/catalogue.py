"""A small made-up catalogue in two languages, and makers that have learned from it."""

from __future__ import annotations

from itertools import product

from evenshelf.augmentation import Corpus, Maker, parse_maker

ENGLISH = [
    (f"{brand} {who} {colour} {thing} {size}", label)
    for (brand, colour), who, (thing, label, size) in product(
        [("Nike", "Red"), ("Puma", "Navy Blue"), ("Acme Works", "Black"), ("Zeta", "White")],
        ["Men", "Women"],
        [
            ("running shoes", "Shoes|Running Shoes", "size 42"),
            ("Running Shoes", "Shoes|Running Shoes", "size 44"),
            ("leather belt", "Belts", "90 cm"),
            ("leather belt", "Belts", "110 cm"),
        ],
    )
]
CHINESE = [
    (f"{brand}{who}{colour}{thing}{size}码", label)
    for (brand, colour), who, (thing, label), size in product(
        [("耐克", "红色"), ("李宁", "黑色"), ("安踏", "白色")],
        ["男士", "女士"],
        [("运动鞋", "运动鞋"), ("手提包", "手提包")],
        [40, 42],
    )
]
TITLES = [title for title, _ in ENGLISH + CHINESE]
LABELS = [label for _, label in ENGLISH + CHINESE]
CONTEXT = [f"A light thing for every day. Made of good material no {i}; 适合日常运动使用。" for i in range(len(TITLES))]
CORPUS = Corpus.of(TITLES, LABELS)

RULES = ("crop", "eda", "eda(rate=0.5)", "slots", "typos", "typos(rate=0.3)", "views")
"""Makers that need nothing but this package."""


def ready(spec: str, corpus: Corpus = CORPUS) -> Maker:
    """A maker that has learned from the catalogue."""
    return parse_maker(spec).learned(corpus)
