"""Made-up study results of any size, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from evenshelf.learners.heads import HEADS
from evenshelf.shop.profiling.imbalance import buckets
from evenshelf.study.results import Outcome, RemedyResult, StudyResult

ENGLISH = [
    "Running Shoes",
    "T-Shirts",
    "Casual Shirts",
    "Handbags",
    "Sports Sandals",
    "Watches",
    "Sunglasses",
    "Wallets",
    "Belts",
    "Kurtas",
    "Socks",
    "Jeans",
    "Sweaters",
    "Track Pants",
    "Earrings",
    "Backpacks",
    "Lipstick",
    "Perfume",
    "Flip Flops",
    "Trousers",
    "Ties",
    "Scarves",
    "Rain Jackets",
    "Water Bottles",
    "Umbrellas",
    "Swimwear",
    "Hair Colour",
    "Cufflinks",
    "Trolley Bags",
    "Basketballs",
]
CHINESE = [
    "跑步鞋",
    "短袖衬衫",
    "女士手提包",
    "运动凉鞋",
    "机械手表",
    "太阳镜",
    "牛皮钱包",
    "皮带",
    "羊绒围巾",
    "纯棉袜子",
    "直筒牛仔裤",
    "针织毛衣",
    "运动长裤",
    "耳环",
    "双肩背包",
    "口红",
    "香水",
    "人字拖",
    "西装裤",
    "领带",
    "防晒衣",
    "冲锋衣",
    "保温水杯",
    "折叠雨伞",
    "泳衣",
    "染发剂",
    "袖扣",
    "拉杆箱",
    "篮球",
    "瑜伽垫",
]


@dataclass(frozen=True)
class Plan:
    """A remedy to invent: accuracy on the head and on the tail, tuned and at defaults; between them a line."""

    spec: str
    head: float
    tail: float
    default_head: float
    default_tail: float
    title: str = ""
    stages: tuple[str, ...] = ("adjust",)
    seconds: float = 5.0
    overconfidence: float = 0.0
    reference: bool = False


PLANS = (
    Plan("none", 0.95, 0.70, 0.93, 0.25, "Nothing", (), 6, 0.10),
    Plan("name_prior + logit_adjust(tau=0.5)", 0.95, 0.88, 0.94, 0.80, "Class names as prior", ("pool", "adjust"), 14),
    Plan("name_prior", 0.95, 0.87, 0.94, 0.66, "Class names as prior", ("pool",), 11, 0.03),
    Plan("balanced", 0.94, 0.75, 0.92, 0.74, "Class weights", ("weight",), 6.5, 0.06),
    Plan("random_over", 0.945, 0.76, 0.93, 0.74, "Random over-sampling", ("resample",), 9, 0.08),
    Plan("random_under", 0.70, 0.62, 0.5, 0.5, "Random under-sampling", ("resample",), 2, 0.12),
    Plan("smote", 0.945, 0.74, 0.93, 0.74, "SMOTE", ("resample",), 12, 0.08),
    Plan("balanced_softmax", 0.94, 0.77, 0.91, 0.72, "Balanced softmax", ("loss",), 7, 0.05),
    Plan("logit_adjust", 0.94, 0.765, 0.91, 0.6, "Logit adjustment", ("adjust",), 6.2, 0.05),
    Plan("focal", 0.95, 0.69, 0.93, 0.22, "Focal loss", ("loss",), 8, 0.02),
)
REFUSED = RemedyResult(
    spec="hierarchy_prior",
    title="Category tree as prior",
    stages=("pool",),
    paper="Silla & Freitas 2011",
    not_applicable="the categories of this shop have no tree",
)


def study(
    *,
    classes: int = 60,
    rows: int = 4000,
    plans: tuple[Plan, ...] = PLANS,
    chinese: bool = False,
    seed: int = 0,
    exponent: float = 1.3,
) -> StudyResult:
    """A Zipf-distributed study; remedies share most of their luck, as real ones do."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, classes + 1) ** exponent
    counts = np.maximum((rows * share / share.sum()).astype(int), 1)
    y = np.repeat(np.arange(classes), counts).astype(np.int32)
    rng.shuffle(y)
    n = len(y)
    group = np.arange(n, dtype=np.int64)
    doubled = rng.random(n) < 0.15  # some titles occur twice
    for i in np.flatnonzero(doubled[1:]) + 1:
        if y[i] == y[i - 1]:
            group[i] = group[i - 1]
    fold = (group * 2654435761 % 5).astype(np.int16)
    few = counts < 12
    fold[few[y] & (rng.random(n) < 0.3)] = -1

    names = CHINESE if chinese else ENGLISH
    labels = [names[i] if i < len(names) else f"{names[i % len(names)]} {i // len(names) + 1}" for i in range(classes)]
    luck, wrong = rng.random(n), rng.choice(classes, n, p=share / share.sum())
    rarity = np.linspace(0, 1, classes)

    def outcome(head: float, tail: float, mode: int, number: int, plan: Plan) -> Outcome:
        own = np.random.default_rng([seed, mode, number])
        chance = head + (tail - head) * rarity
        mixed = np.where(own.random(n) < 0.93, luck, own.random(n))
        right = mixed < chance[y]
        predicted = np.where(right, y, wrong).astype(np.int32)
        sure = np.clip(chance[y] + plan.overconfidence + own.normal(0, 0.08, n), 0.05, 0.995)
        p_true = np.where(predicted == y, sure, (1 - sure) / 2)
        return Outcome(
            predicted,
            p_true.astype(np.float32),
            sure.astype(np.float32),
            settings=tuple({"penalty": 1e-5 * 10**mode} for _ in range(5)),
            seconds=plan.seconds if mode == 0 else plan.seconds / 8,
            bytes=int(60e6 + 4e6 * number),
        )

    remedies = tuple(
        RemedyResult(
            spec=p.spec,
            title=p.title or p.spec,
            stages=p.stages,
            paper="Made up for the tests",
            tuned=outcome(p.head, p.tail, 0, k, p),
            default=outcome(p.default_head, p.default_tail, 1, k, p),
            notes=("7 classes of one row were duplicated.",) if p.spec == "smote" else (),
            reference=p.reference,
        )
        for k, p in enumerate(plans)
    )
    return StudyResult(
        meta=meta(n, rows, chinese),
        classes=pl.DataFrame(
            {
                "class": labels,
                "count": np.bincount(y, minlength=classes),
                "bucket": buckets(np.bincount(y, minlength=classes)),
            }
        ),
        y=y,
        fold=fold,
        group=group,
        remedies=(*remedies, REFUSED) if plans is PLANS else remedies,
    )


def meta(n: int, rows: int, chinese: bool) -> dict[str, object]:
    return {
        "name": "商品分类" if chinese else "label category",
        "task": "label",
        "target": "category",
        "shop": "示例商店" if chinese else "example shop",
        "encoder": {
            "spec": "minilm + tfidf(512)",
            "reason": "both together were best on a sample",
            "fingerprint": "3f9a2c71d0be",
        },
        "learner": HEADS.name,
        "models": HEADS.title,
        "folds": 5,
        "seed": 0,
        "budget": 8,
        "dimension": 896,
        "rows": n,
        "classes": 60,
        "unique_texts": int(0.93 * rows),
        "title_groups": int(0.9 * rows),
        "dropped": {"without a category": 12},
        "split": "stratified folds; equal and nearly equal titles stay on one side",
        "leak": {"macro_f1_grouped": 0.883, "macro_f1_random": 0.912, "flattery": 0.029},
        "not_evaluated": {"Typewriters": "too few different titles: 2 examples, which cannot be split"},
        "versions": {"evenshelf": "0.1.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"},
        "machine": {"python": "3.11.7", "system": "Linux", "cores": 2},
        "fingerprint": "9d41c07be2aa",
        "timings": {"study_seconds": 84.5, "cpu_seconds": 151.9},
    }


def with_remedies(result: StudyResult, *remedies: RemedyResult) -> StudyResult:
    return replace(result, remedies=remedies)
