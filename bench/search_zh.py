"""Category search over the Chinese titles: queries made of a leaf category with a brand or an attribute."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from bench.data import chinese_shop
from bench.search_data import ITEM_COLUMNS, SearchData
from evenshelf.shop import Shop

ATTRIBUTES = (
    *("黑色", "白色", "红色", "蓝色", "绿色", "灰色", "粉色", "紫色", "黄色", "棕色", "咖啡色", "米色", "银色", "金色"),
    *("男士", "女士", "儿童", "男童", "女童", "婴儿", "情侣", "学生", "老人", "孕妇"),
    *("纯棉", "真皮", "羊毛", "真丝", "亚麻", "不锈钢", "实木", "陶瓷", "玻璃", "塑料", "竹炭", "硅胶"),
    *("春季", "夏季", "秋季", "冬季", "加厚", "保暖", "防水", "透气", "无线", "便携", "折叠", "户外", "家用", "迷你"),
)
"""What a shopper adds to a category: colours, for whom, of what, what for."""

FEWEST, SHARE = 3, 0.5
"""A query has at least so many relevant titles, and at most this share of the titles of its leaf: otherwise the added
word says nothing."""

_company = re.compile(
    r"(官方|品牌|京东|专卖|专营|旗舰|自营|海外|国际)*(旗舰店|专营店|专卖店|官方店|直营店|商城|专柜|店)$|有限公司$"
)
_parts = re.compile(r"[/（）()\s]+")
_name = re.compile(r"[\u4e00-\u9fff]{2,6}|[A-Za-z][A-Za-z&'.-]{1,15}")
_ascii = re.compile(r"[A-Za-z][A-Za-z&'.-]*\Z")
_vague = ("其他", "其它", "更多", "全部")


def chinese_categories(queries: int = 400, seed: int = 0, *, shop: Shop | None = None) -> SearchData:
    """Queries such as "leaf brand" or "attribute leaf"; relevant are the titles of that leaf that have it.

    The words of a query come from the path of a category, from the field of the seller and from :data:`ATTRIBUTES`,
    never from a title. Relevance follows from category and brand, which the text of an item (its title) does not
    hold: ``category`` is a column of the items, and who searches it as well says so. Rows whose title and breadcrumb
    are swapped, which would give the category away, are refused when the shop is ingested, and so are those whose
    code contradicts their file.

    Parameters
    ----------
    queries
        How many are drawn, half with a brand and half with an attribute, each of a leaf and an addition of its own.
    seed
        Of the draw.
    shop
        The ingested titles; by default they are ingested once, in the cache.
    """
    items = (shop or chinese_shop()).items().select("item_id", "title", category="path", shop="shop", seller="seller")
    items = items.with_columns(
        description=pl.lit(""),
        brand=pl.col("seller").fill_null("").map_elements(_brand, pl.String),
        price=pl.lit(None, pl.Float64),
        attributes=pl.lit(""),
    ).select(*ITEM_COLUMNS, "shop", "seller")
    leaves: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(items["category"]):
        leaves[path.split("|")[-1]].append(row)
    titles = [title.casefold() for title in items["title"]]
    ids = items["item_id"].to_list()
    rng = np.random.default_rng(seed)
    branded = _drawn(_with_brand(leaves, titles, items["brand"].to_list()), queries // 2, rng)
    described = _drawn(_with_attribute(leaves, titles), queries - queries // 2, rng)
    answers = dict(sorted({**branded, **described}.items()))
    judgements = pl.DataFrame(
        [(query, ids[row], 1.0) for query, rows in answers.items() for row in rows],
        {"query": pl.String, "item_id": pl.String, "grade": pl.Float64},
        orient="row",
    )
    return SearchData("zh_categories", items, tuple(answers), judgements, pooled=False)


def _brand(seller: str) -> str:
    """The names in the field of a seller, parted by a space; empty where it is a shop or nothing."""
    if _company.search(seller.strip()):
        return ""
    names = [part for part in _parts.split(seller.strip()) if _name.fullmatch(part)]
    return " ".join(names[:3])


def _with_brand(
    leaves: Mapping[str, list[int]], titles: list[str], brands: list[str | None]
) -> Iterator[tuple[str, str, list[int]]]:
    """A leaf, a query and its rows, for each brand that enough items of a leaf are of."""
    for leaf, words in _spoken(leaves):
        rows = leaves[leaf]
        seen = Counter(brands[row] for row in rows if brands[row])
        for brand, _ in sorted(seen.items(), key=lambda pair: (-pair[1], str(pair[0]))):
            names = str(brand).casefold().split()
            # An item is of the brand if its seller says so or its title holds one of the brand's names.
            has = [row for row in rows if brands[row] == brand or any(_holds(titles[row], name) for name in names)]
            if FEWEST <= len(has) <= SHARE * len(rows):
                yield leaf, f"{names[-1] if _ascii.match(names[0]) else names[0]} {words}", has


def _with_attribute(leaves: Mapping[str, list[int]], titles: list[str]) -> Iterator[tuple[str, str, list[int]]]:
    for leaf, words in _spoken(leaves):
        rows = leaves[leaf]
        for attribute in ATTRIBUTES:
            # Titles say "黑 XL" as well as "黑色", and that is for a search to know: only the full word counts here.
            has = [row for row in rows if attribute in titles[row]]
            if FEWEST <= len(has) <= SHARE * len(rows) and attribute not in leaf:
                yield leaf, f"{attribute}{words}", has


def _spoken(leaves: Mapping[str, list[int]]) -> Iterator[tuple[str, str]]:
    """Leaves with the first of the names that they list, "太阳镜" of "太阳镜、眼镜框"; vague ones left out."""
    for leaf in sorted(leaves):
        word = re.split(r"[、/,，(（]", leaf)[0].strip()
        if len(word) >= 2 and not any(vague in leaf for vague in _vague):
            yield leaf, word


def _holds(title: str, name: str) -> bool:
    """Whether a title holds a name: a Latin one as a word of its own ("hp" is not in "php")."""
    if not _ascii.match(name):
        return name in title
    return re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", title) is not None


def _drawn(found: Iterator[tuple[str, str, list[int]]], count: int, rng: np.random.Generator) -> dict[str, list[int]]:
    """So many queries, first one of each leaf, so that no leaf with many brands stands for all."""
    by_leaf: dict[str, list[tuple[str, list[int]]]] = defaultdict(list)
    for leaf, query, rows in found:
        by_leaf[leaf].append((query, rows))
    picked: dict[str, list[int]] = {}
    for leaf in rng.permutation(np.array(sorted(by_leaf), object)):
        options = by_leaf[leaf]
        query, rows = options[int(rng.integers(len(options)))]
        picked.setdefault(query, rows)
        if len(picked) == count:
            break
    return picked
