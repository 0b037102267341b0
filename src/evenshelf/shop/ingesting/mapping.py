"""Which column of a file is the title, which the category, and so on: found by name, told, overridable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# For each table and role, tiers of known names, best first. Names are compared without case, spaces, underscores and
# other punctuation, so productDisplayName, product_display_name and "Product display name" are one.
Tiers = tuple[tuple[str, ...], ...]

_ITEM: Tiers = (
    ("itemid", "商品id", "商品编号", "商品编码"),
    ("id", "productid", "sku", "skuid", "asin", "upc", "ean", "gtin", "stockcode", "货号", "编号"),
)
_ITEM_ELSEWHERE: Tiers = (
    _ITEM[0],
    (*(name for name in _ITEM[1] if name != "id"), "parentasin", "product", "item", "docid", "document", "商品"),
)
_USER: Tiers = (
    ("userid", "用户id", "用户编号"),
    ("user", "customerid", "customer", "visitorid", "visitor", "clientid", "reviewerid", "用户", "买家id", "会员id"),
)
_TIME: Tiers = (
    ("time", "timestamp", "时间", "时间戳"),
    (
        "eventtime",
        "datetime",
        "date",
        "invoicedate",
        "orderdate",
        "unixreviewtime",
        "createdat",
        "ts",
        "日期",
        "下单时间",
    ),
)
_QUERY: Tiers = (("query", "搜索词", "查询"), ("searchquery", "searchterm", "keyword", "searchterms", "关键词"))
_PRICE: Tiers = (("price", "价格", "售价"), ("unitprice", "saleprice", "listprice", "单价", "现价"))

KNOWN_NAMES: Mapping[str, Mapping[str, Tiers]] = {
    "items": {
        "item_id": _ITEM,
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
        "price": _PRICE,
        "image": (("image", "图片"), ("imageurl", "img", "picture", "thumbnail", "主图", "图片链接")),
        "code": (("categorycode", "categoryid", "类目编码", "类目id"), ("code", "编码")),
        "launched": (("launched", "launchdate", "上架时间"),),
    },
    "events": {
        "time": _TIME,
        "user_id": _USER,
        "item_id": _ITEM_ELSEWHERE,
        "title": (("title", "标题", "商品标题"), ("productname", "itemname", "description", "商品名称", "商品名")),
        "kind": (
            ("kind", "event", "eventtype", "behavior", "behaviour", "行为", "行为类型"),
            ("action", "type", "eventname"),
        ),
        "value": (("value",), ("quantity", "qty", "rating", "数量", "评分"), ("overall", "stars", "clicked")),
        "price": _PRICE,
        "query": _QUERY,
        "position": (("position", "位置"), ("rank", "slot")),
        "session_id": (
            ("sessionid", "session", "会话id"),
            ("invoiceno", "invoice", "orderid", "orderno", "transactionid", "visitid", "订单号", "订单id"),
        ),
        "propensity": (("propensity", "propensityscore"), ("actionprob",)),
        "variant": (("variant", "arm"), ("experimentgroup",)),
        "event_id": (("eventid",), ("uuid",)),
    },
    "queries": {
        "query": _QUERY,
        "query_id": (("queryid", "qid"),),
        "count": (("count", "frequency", "次数"),),
    },
    "judgements": {
        "query": _QUERY,
        "item_id": _ITEM_ELSEWHERE,
        "grade": (("grade", "rating", "relevance", "judgement", "judgment", "相关性"), ("score", "label", "escilabel")),
    },
    "prices": {
        "item_id": _ITEM_ELSEWHERE,
        "time": _TIME,
        "price": _PRICE,
        "promotion": (("promotion", "promo", "onsale", "促销"), ("feature", "discounted")),
    },
    "stock": {
        "item_id": _ITEM_ELSEWHERE,
        "time": _TIME,
        "stock": (("stock", "inventory", "库存"), ("onhand", "quantity", "stocklevel", "数量")),
    },
    "users": {
        "user_id": _USER,
        "tags": (("tags", "标签"), ("segments", "segment")),
    },
}
"""Names by table and role. `breadcrumb` and `code` are not columns of the items; rules use them. The `title` of an
event names its item where there is no item_id."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "items": ("title",),
    "events": ("item_id", "kind"),
    "queries": ("query",),
    "judgements": ("query", "item_id", "grade"),
    "prices": ("item_id", "time", "price"),
    "stock": ("item_id", "time", "stock"),
    "users": ("user_id",),
}
"""Roles without which a file of a table cannot be read."""

_SHOWN = 30
_INSTEAD = {("events", "item_id"): "title"}

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


def resolve(
    columns: Sequence[str],
    overrides: Mapping[str, str] | None = None,
    *,
    file: str,
    table: str = "items",
    constants: Collection[str] = (),
) -> Roles:
    """Find the roles of a file's columns.

    Parameters
    ----------
    columns
        The file's columns.
    overrides
        Source column by role, taken before any name is looked up. An empty text leaves the role out.
    file
        Name of the file, for messages.
    table
        The table its rows are for.
    constants
        Roles whose value is given, so that no column is looked for.

    Raises
    ------
    SettingError
        With every problem at once: unknown roles, columns that do not exist (with close spellings), and no or
        several columns for a role that must be there.
    """
    overrides = overrides or {}
    known, required = KNOWN_NAMES[table], REQUIRED[table]
    problems = [
        f"there is no role {role!r}{_meant(role, list(known))}"
        for role in (*overrides, *constants)
        if role not in known
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
    undecided: set[str] = set()
    for role, tiers in known.items():
        if role in overrides or role in constants:
            continue
        for tier in tiers:
            hits = [column for column in columns if column not in taken and plain(column) in tier]
            if len(hits) == 1:
                roles[role] = hits[0]
                why[role] = "by its name"
                taken.add(hits[0])
            elif hits:
                several = f"{role} could be {' or '.join(map(repr, hits))}: say which with {role}=COLUMN"
                (problems if role in required else notes).append(several)
                undecided.add(role)
            if hits:
                break
    if table == "items" and "category" not in roles and "category" not in overrides and "path" in roles:
        roles["category"] = roles["path"]
        why["category"] = "no column is called a category, so the path is the category"
    for role in required:
        there = role in roles or role in constants or role in undecided or _INSTEAD.get((table, role)) in roles
        if not there:
            problems.append(_missing(table, role, columns))
    if problems:
        raise SettingError(
            f"{file}: " + "; ".join(problems) + f". Its columns are: {_shorten(columns)}.",
            hint=_hint(table, [role for role in required if role not in roles and role not in constants] or required),
        )
    return Roles(roles, why, tuple(notes))


class FileRoles:
    """Roles of the columns of one file that is read in blocks: a column plays one role in all of it.

    Parameters
    ----------
    overrides, file, table, constants
        As of :func:`resolve`.

    Attributes
    ----------
    settled
        Column by role, and why, as found so far.
    """

    def __init__(self, overrides: Mapping[str, str], *, file: str, table: str, constants: Collection[str] = ()) -> None:
        self._overrides, self._file, self._table, self._constants = overrides, file, table, constants
        self._columns: list[str] = []
        self._by_title = False
        self.settled: dict[str, tuple[str, str]] = {}

    def of(self, columns: Sequence[str]) -> Roles:
        """Return the roles, given the columns of the next block; those of earlier ones are there as well.

        Raises
        ------
        SettingError
            As :func:`resolve`.
        """
        new = [column for column in columns if column not in self._columns]
        first = not self._columns
        self._columns += new
        known = {role: column for role, (column, _) in self.settled.items()}
        if self._by_title:  # what names the items does not change within a file
            known["item_id"] = ""
        found = self._resolve({**known, **self._overrides})
        if new and not first:
            found = replace(found, notes=(*found.notes, *self._left(found)))
        self.settled |= {role: (c, found.why[role]) for role, c in found.roles.items() if role not in self.settled}
        self._by_title = (self._table, "item_id") in _INSTEAD and not {"item_id"} & {*found.roles, *self._constants}
        return found

    def _resolve(self, overrides: Mapping[str, str]) -> Roles:
        return resolve(self._columns, overrides, file=self._file, table=self._table, constants=self._constants)

    def _left(self, found: Roles) -> list[str]:
        """Say which columns came too late for the role that they would have had."""
        try:
            at_once = self._resolve(self._overrides).roles
        except SettingError:  # it is not these columns alone that are there
            return []
        late = {role: column for role, column in at_once.items() if found.roles.get(role) != column}
        return [
            f"{self._file}: column {column!r} is no {role}, as the first rows do not have it"
            for role, column in late.items()
        ]


def further_names(columns: Sequence[str], reserved: Collection[str]) -> dict[str, str]:
    """Return names for columns that are kept as they came: those that the shop has itself get ``_source``."""
    names: dict[str, str] = {}
    for column in columns:
        name = column
        while name in reserved or (name != column and name in columns):
            name = f"{name}_source"
        names[column] = name
    return names


def _missing(table: str, role: str, columns: Sequence[str]) -> str:
    names = [name for tier in KNOWN_NAMES[table][role] for name in tier]
    close = [c for c in columns if get_close_matches(plain(c), names, n=1, cutoff=0.75)]
    near = f"; close: {', '.join(close)}" if close else ""
    if role == "kind":
        return f"no column says what kind of event a row is{near}: if all are of one kind, say --set kind=purchase"
    return f"no column is known to hold the {role}{near}"


def _hint(table: str, required: Sequence[str]) -> str:
    role = required[0]
    return (
        f"Say which column is which with --map {role}=COLUMN (in Python: mapping={{'{role}': 'COLUMN'}}). "
        "If the first line is data and not names, name the columns with --columns a,b,c."
        + (" For rows of another table say which, as in --table events." if table == "items" else "")
    )


def _meant(word: str, choices: Sequence[str]) -> str:
    by_plain = {plain(choice): choice for choice in choices}
    close = [by_plain[hit] for hit in get_close_matches(plain(word), list(by_plain), n=3)]
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def _shorten(columns: Sequence[str], longest: int = 40) -> str:
    shown = [c if len(c) <= longest else c[: longest - 3] + "..." for c in columns[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else "")
