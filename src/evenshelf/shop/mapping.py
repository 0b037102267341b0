"""Which column of a file is the title, which the category, and so on: found by name, told, overridable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# For each role, tiers of known names, best first. Names are compared without case, spaces, underscores and
# other punctuation, so productDisplayName, product_display_name and "Product display name" are one.
KNOWN_NAMES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "item_id": (
        ("itemid", "商品id", "商品编号", "商品编码"),
        ("id", "productid", "sku", "skuid", "asin", "upc", "ean", "gtin", "stockcode", "货号", "编号"),
    ),
    "title": (
        ("title", "标题", "商品标题"),
        (
            "producttitle",
            "itemtitle",
            "productdisplayname",
            "displayname",
            "productname",
            "itemname",
            "商品名称",
            "商品名",
            "产品名称",
            "宝贝标题",
            "品名",
            "名称",
        ),
        ("name",),
    ),
    "description": (
        ("description", "描述", "商品描述"),
        ("productdescription", "longdescription", "details", "body", "详情", "商品详情"),
        ("shortdescription", "简介"),
    ),
    "category": (
        ("category", "类目", "分类", "品类", "类别"),
        ("leafcategory", "categoryname", "articletype", "producttype", "itemtype", "叶子类目", "商品类目"),
        ("productcategory", "categories", "department", "label", "商品分类"),
        ("subcategory", "二级类目"),
        ("mastercategory", "maincategory", "一级类目"),
    ),
    "path": (("path", "categorypath", "类目路径", "分类路径"), ("categorytree", "producttaxonomy")),
    "breadcrumb": (("breadcrumb", "breadcrumbs", "面包屑", "导航路径"),),
    "tags": (("tags", "标签"), ("keywords", "labels", "关键词", "关键字")),
    "brand": (("brand", "品牌"), ("brandname", "manufacturer", "品牌名称", "厂商")),
    "price": (("price", "价格", "售价"), ("unitprice", "saleprice", "listprice", "单价", "现价")),
    "image": (("image", "图片"), ("imageurl", "img", "picture", "thumbnail", "主图", "图片链接")),
    "code": (("categorycode", "categoryid", "类目编码", "类目id"), ("code", "编码")),
}
"""Names by role. `breadcrumb` and `code` are not columns of the table; rules use them."""

_PUNCTUATION = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """Return a column's name in the form in which names are compared."""
    return _PUNCTUATION.sub("", name).casefold()


@dataclass(frozen=True)
class Roles:
    """Which source column plays which role.

    Attributes
    ----------
    roles
        Source column by role, only for roles that were found.
    why
        For each of them, why.
    notes
        What was not decided, and how to decide it.
    """

    roles: Mapping[str, str]
    why: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())


def resolve(columns: Sequence[str], overrides: Mapping[str, str] | None = None, *, file: str) -> Roles:
    """Find the roles of a file's columns.

    Parameters
    ----------
    columns
        The file's columns.
    overrides
        Source column by role, taken before any name is looked up. An empty text leaves the role out.
    file
        Name of the file, for messages.

    Raises
    ------
    SettingError
        With every problem at once: unknown roles, columns that do not exist (with close spellings), and no or
        several columns that could be the title.
    """
    overrides = overrides or {}
    problems = [
        f"there is no role {role!r}{_meant(role, list(KNOWN_NAMES))}" for role in overrides if role not in KNOWN_NAMES
    ]
    problems += [
        f"{role}={column}: there is no column {column!r}{_meant(column, columns)}"
        for role, column in overrides.items()
        if column and column not in columns
    ]
    roles: dict[str, str] = {role: column for role, column in overrides.items() if column}
    why = dict.fromkeys(roles, "as told")
    notes: list[str] = []
    taken = set(roles.values())
    for role, tiers in KNOWN_NAMES.items():
        if role in overrides:
            continue
        for tier in tiers:
            hits = [column for column in columns if column not in taken and plain(column) in tier]
            if len(hits) == 1:
                roles[role] = hits[0]
                why[role] = "by its name"
                taken.add(hits[0])
            elif hits:
                several = f"{role} could be {' or '.join(map(repr, hits))}: say which with {role}=COLUMN"
                (problems if role == "title" else notes).append(several)
            if hits:
                break
    if "category" not in roles and "category" not in overrides and "path" in roles:
        roles["category"] = roles["path"]
        why["category"] = "no column is called a category, so the path is the category"
    if "title" not in roles and not any("title" in problem for problem in problems):
        known = [name for tier in KNOWN_NAMES["title"] for name in tier]
        close = [c for c in columns if get_close_matches(plain(c), known, n=1, cutoff=0.75)]
        problems.append("no column is known to hold the title" + (f"; close: {', '.join(close)}" if close else ""))
    if problems:
        raise SettingError(
            f"{file}: " + "; ".join(problems) + f". Its columns are: {_shorten(columns)}.",
            hint="Say which column is which with --map title=COLUMN (in Python: mapping={'title': 'COLUMN'}). "
            "If the first line is data and not names, name the columns with --columns a,b,c.",
        )
    return Roles(roles, why, tuple(notes))


def _meant(word: str, choices: Sequence[str]) -> str:
    by_plain = {plain(choice): choice for choice in choices}
    close = [by_plain[hit] for hit in get_close_matches(plain(word), list(by_plain), n=3)]
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def _shorten(columns: Sequence[str], longest: int = 40) -> str:
    return ", ".join(c if len(c) <= longest else c[: longest - 3] + "..." for c in columns)
