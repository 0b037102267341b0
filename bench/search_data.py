"""Catalogues with queries and judgements, for the benchmark of search: real ones, or files in the format of Chorus."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from bench.data import real_data
from evenshelf.errors import InputError

LEAST = 0.01
"""Share of the products that must have an attribute for it to become a column: electronics have 5,300 of them."""

ITEM_COLUMNS = ("item_id", "title", "description", "brand", "category", "price", "attributes")
LOCALES = ("us", "es", "jp")
ESCI_GAINS = {"exact": 1.0, "substitute": 0.1}

_renamed = {
    "id": "item_id",
    "short_description": "description",
    "supplier": "brand",
    "manufacturer": "brand",
    "attr_t_product_type": "category",
}
_images = ("img_high", "img_low", "img_500x500", "img_thumb")
_no_attributes = {"item_id", "title", "description", "brand", "price", "attributes", "name", "ean", "date_released"}


@dataclass(frozen=True, eq=False)
class SearchData:
    """A catalogue, queries, and which products answer them.

    Attributes
    ----------
    name
        What it is called in tables.
    items
        One row a product: ``item_id``, ``title``, ``description``, ``brand``, ``category`` (all str, empty where it is
        not known), ``price`` (float or null), ``attributes`` (str: the values of all its textual attributes, also of
        those that are no column because few products have them, a line each), and what else the source says.
    queries
        Distinct, in the order of the source. Those with nothing relevant are among them: see :meth:`answerable`.
    judgements
        ``query``, ``item_id``, ``grade`` (float, 0 = irrelevant): no pair twice, every item in ``items``.
    pooled
        Whether the judged products of a query are a pool that was looked at. Otherwise an item that is not
        judged counts as irrelevant by construction, and judged-only measures say nothing.
    """

    name: str
    items: pl.DataFrame
    queries: tuple[str, ...]
    judgements: pl.DataFrame
    pooled: bool

    def __post_init__(self) -> None:
        if self.items["item_id"].n_unique() != self.items.height:
            raise InputError(
                f"{self.name}: two products have the same id.", hint="Give every product an id of its own."
            )
        pairs = self.judgements.select("query", "item_id")
        if pairs.n_unique() != pairs.height:
            raise InputError(f"{self.name}: a query has two ratings for a product.", hint="Keep one of them.")
        lost = set(self.judgements["item_id"]) - set(self.items["item_id"])
        if lost:
            raise InputError(
                f"{self.name}: {len(lost)} judged products are not in the catalogue, such as {min(lost)}.",
                hint="Judgements and catalogue have to be of the same shop.",
            )

    def answerable(self) -> tuple[str, ...]:
        """The queries with at least one relevant product, in their order."""
        found = set(self.judgements.filter(pl.col("grade") > 0)["query"])
        return tuple(query for query in self.queries if query in found)

    def grades(self) -> dict[str, dict[str, float]]:
        """Grades by query and item."""
        found: dict[str, dict[str, float]] = {query: {} for query in self.queries}
        for query, item, grade in self.judgements.select("query", "item_id", "grade").iter_rows():
            found[query][item] = grade
        return found


def search_data(data: str) -> SearchData:
    """One of the data sets by name: ``chorus``, ``esci_us``, ``esci_es``, ``esci_jp``, ``zh_instruct``."""
    if data == "chorus":
        return chorus()
    if data.removeprefix("esci_") in LOCALES:
        return esci(data.removeprefix("esci_"))
    if data == "zh_instruct":
        return chinese_instructions()
    raise InputError(
        f"There is no data set {data!r} for search.", hint="chorus, esci_us, esci_es, esci_jp, zh_instruct"
    )


def chorus() -> SearchData:
    """Electronics of Icecat with human ratings from 0 to 3 of pools of about 27 products a query."""
    folder = real_data() / "chorus_electronics"
    products: list[Mapping[str, Any]] = []
    for part in sorted(folder.glob("products_*.json.zip")):
        products.extend(_read_products(part))
    return _made("chorus", products, _read_judgements(folder / "rated_queries_dev.csv"))


def from_files(catalogue: Path, judgements: Path) -> SearchData:
    """A catalogue and judgements of a user, in the format of Chorus.

    Parameters
    ----------
    catalogue
        Products: a JSON list, JSON lines or CSV, each also as ``.gz`` or in a ``.zip``. A product has an ``id`` (or
        ``item_id``) and a ``title``, and may have ``description`` or ``short_description``, ``brand`` or
        ``supplier``, ``category`` or ``attr_t_product_type``, ``price``, and any other attribute.
    judgements
        CSV with the columns ``query``, ``docid``, ``rating``.

    Raises
    ------
    InputError
        If a file cannot be read, lacks what it has to have, or the two do not fit together.
    """
    return _made(catalogue.stem, _read_products(catalogue), _read_judgements(judgements))


def esci(locale: str) -> SearchData:
    """The fraction of Amazon's Shopping Queries of one locale, as known items.

    The catalogue is every product of the locale. Grades are the gains of the data's own paper (Reddy and others 2022):
    exact 1, substitute 0.1; complement and irrelevant are 0 here, where the paper gives 0.01 to the first, because a
    thing that goes with what was asked for is not what is looked for. Nearly all queries have one judged product, so
    NDCG counts a query with a substitute alone like one with an exact product, and nothing is pooled. Queries without
    either stay as queries that have no answer.
    """
    file = real_data() / "esci_fraction" / "training_set_fraction.csv.gz"
    pairs = pl.read_csv(gzip.decompress(file.read_bytes()), infer_schema_length=None).filter(
        pl.col("query_locale") == locale, pl.col("query").is_not_null()
    )
    # A product that is met twice may have a longer text the second time; the longest title is kept.
    products = (
        pairs.with_columns(_length=pl.col("product_title").str.len_chars().fill_null(0))
        .sort("product_id", "_length", descending=[False, True], maintain_order=True)
        .unique("product_id", keep="first", maintain_order=True)
    )
    items = products.select(
        item_id=pl.col("product_id"),
        title=pl.col("product_title").fill_null(""),
        description=pl.concat_str(
            pl.col("product_bullet_point"), pl.col("product_description"), separator="\n", ignore_nulls=True
        ),
        brand=pl.col("product_brand").fill_null(""),
        category=pl.lit(""),
        price=pl.lit(None, pl.Float64),
        attributes=pl.col("product_color_name").fill_null(""),
    )
    grade = pl.col("esci_label").replace_strict(ESCI_GAINS, default=0.0, return_dtype=pl.Float64)
    judged = pairs.select("query", item_id="product_id", grade=grade)
    judged = judged.group_by("query", "item_id", maintain_order=True).agg(pl.col("grade").max())
    queries = tuple(pairs["query"].unique(maintain_order=True))
    return SearchData(f"esci_{locale}", items, queries, judged, pooled=False)


def chinese_instructions() -> SearchData:
    """Chinese queries with items that match or do not; the catalogue is every item of the file, equal ones merged."""
    file = real_data() / "zh_ecominstruct" / "ZH-Multi_CPR-CLS-query_item_matching.json.gz"
    rows = []
    for line in gzip.decompress(file.read_bytes()).decode("utf-8").splitlines():
        said = json.loads(line)
        query, _, title = said["sentences"].removeprefix("Query: ").partition("\nDoc: ")
        rows.append((query.strip(), title.strip(), float(said["labels"]["en"] == ["match"])))
    pairs = pl.DataFrame(rows, ("query", "title", "grade"), orient="row").filter(pl.col("title") != "")
    titles = pairs.select(pl.col("title").unique(maintain_order=True)).with_row_index("item_id")
    titles = titles.with_columns(pl.col("item_id").cast(pl.String))
    items = titles.with_columns(
        description=pl.lit(""),
        brand=pl.lit(""),
        category=pl.lit(""),
        price=pl.lit(None, pl.Float64),
        attributes=pl.lit(""),
    )
    judged = pairs.join(titles, on="title").group_by("query", "item_id", maintain_order=True)
    judgements = judged.agg(pl.col("grade").max())
    queries = tuple(pairs["query"].unique(maintain_order=True))
    return SearchData("zh_instruct", items, queries, judgements, pooled=False)


def _made(name: str, products: Sequence[Mapping[str, Any]], judgements: pl.DataFrame) -> SearchData:
    queries = tuple(judgements["query"].unique(maintain_order=True))
    return SearchData(name, _frame(name, products), queries, judgements, pooled=True)


def _frame(name: str, products: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Products as columns; an attribute that hardly any product has is left out."""
    if not products:
        raise InputError(f"{name}: there is no product.", hint="Give a file with at least one.")
    renamed = [_rename(product) for product in products]
    counts: dict[str, int] = {}
    for product in renamed:
        for key in product:
            counts[key] = counts.get(key, 0) + 1
    for needed in ("item_id", "title"):
        if counts.get(needed, 0) < len(renamed):
            raise InputError(
                f"{name}: {len(renamed) - counts.get(needed, 0)} of {len(renamed)} products have no {needed}.",
                hint="Every product needs an id and a title.",
            )
    kept = [key for key, count in counts.items() if key not in ITEM_COLUMNS and count >= LEAST * len(renamed)]
    columns: dict[str, pl.Series] = {
        key: pl.Series(key, [_text(product.get(key)) for product in renamed], pl.String)
        for key in ITEM_COLUMNS
        if key not in {"price", "attributes"}
    }
    columns["price"] = pl.Series("price", [_number(product.get("price")) for product in renamed], pl.Float64)
    columns["attributes"] = pl.Series("attributes", [_attributes(product) for product in renamed], pl.String)
    for key in kept:
        columns[key] = _column(key, [product.get(key) for product in renamed])
    return pl.DataFrame(columns)


def _rename(product: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in product.items() if value not in (None, "") and key not in _images}
    renamed: dict[str, Any] = {}
    for key, value in said.items():
        new = _renamed.get(key, key)
        # The plain name wins where a product has both, such as `description` and `short_description`.
        renamed[key if new != key and new in said else new] = value
    return renamed


def _attributes(product: Mapping[str, Any]) -> str:
    """Values of the textual attributes; numbers are left out, they hold little that is typed into a search box."""
    return "\n".join(v for key, v in product.items() if key not in _no_attributes and isinstance(v, str))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: object) -> float | None:
    """A price; None where there is none or it is not a number."""
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None


def _column(key: str, values: list[Any]) -> pl.Series:
    """Numbers stay numbers, lists stay lists of texts; what is mixed becomes text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pl.Series(key, values, pl.Boolean)
    if kinds <= {int, float}:
        return pl.Series(key, values, pl.Float64)
    if kinds == {list}:
        return pl.Series(key, [None if v is None else [str(x) for x in v] for v in values], pl.List(pl.String))
    return pl.Series(key, [None if v is None else str(v) for v in values], pl.String)


def _read_judgements(file: Path) -> pl.DataFrame:
    try:
        said = pl.read_csv(file, infer_schema=False, null_values=[])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", hint="Give a CSV of query, docid, rating.") from error
    missing = {"query", "docid", "rating"} - set(said.columns)
    if missing:
        raise InputError(f"{file} lacks {', '.join(sorted(missing))}.", hint="Give a CSV of query, docid, rating.")
    judged = said.select("query", item_id="docid", grade=pl.col("rating").cast(pl.Float64, strict=False))
    wrong = judged.filter(pl.col("grade").is_null() | (pl.col("grade") < 0))
    if wrong.height:
        raise InputError(
            f"{file}: {wrong.height} ratings are not numbers from 0 upwards, the first of the query "
            f"{wrong['query'][0]!r}.",
            hint="Ratings are numbers; 0 means irrelevant.",
        )
    return judged.unique(maintain_order=True)


def _read_products(file: Path) -> list[Mapping[str, Any]]:
    """Products of a JSON list, JSON lines or CSV, packed or not."""
    try:
        name, content = _unpacked(file)
        if name.endswith(".csv"):
            return list(pl.read_csv(content, infer_schema=False).to_dicts())
        text = content.decode("utf-8")
        products = json.loads(text) if text.lstrip().startswith("[") else [json.loads(x) for x in _lines(text)]
    except (OSError, ValueError, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{file} cannot be read: {error}.", hint="Give a JSON list, JSON lines or CSV, plain, as .gz or in a .zip."
        ) from error
    if not all(isinstance(product, dict) for product in products):
        raise InputError(f"{file} holds something that is not a product.", hint="Every product is a JSON object.")
    return list(products)


def _lines(text: str) -> Iterable[str]:
    # not splitlines(), which would also break a product at a U+2028 within a string
    return (line for line in text.split("\n") if line.strip())


def _unpacked(file: Path) -> tuple[str, bytes]:
    content = file.read_bytes()
    if file.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise ValueError(f"it holds {len(names)} files and not one")
            return names[0], archive.read(names[0])
    if file.suffix == ".gz":
        return file.stem, gzip.decompress(content)
    return file.name, content
