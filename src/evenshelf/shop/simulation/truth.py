"""The truth of a simulated shop: what decided its events, kept beside the shop and not read by it."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import tomli_w

from evenshelf.errors import InputError
from evenshelf.shop.simulation.parameters import PARAMETERS

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from evenshelf.shop.simulation.assortment import Assortment
    from evenshelf.shop.simulation.events import Block, History
    from evenshelf.shop.simulation.model import Model

FOLDER = "truth"
_FACTS = "truth.toml"
_TABLES = ("items", "users", "categories", "season", "campaigns", "nouns", "queries", "impressions", "demand")
_BATCH = 100_000


@dataclass(frozen=True)
class Truth:
    """What decided a simulated shop; see :class:`~evenshelf.shop.simulation.parameters.Parameters` for the model.

    Attributes
    ----------
    settings, parameters
        What the shop was made with.
    items
        For each item: ``category`` as an index, ``label`` (the true one), ``wrong_label``, ``copy_of``, ``quality``,
        ``popularity``, ``elasticity``, ``purchase_propensity`` (after a look, at the list price, fit 0),
        ``return_rate``, ``demand_rate`` (pieces asked for a day at the list price, times season and weekday),
        ``style``, ``word`` and ``colour`` (numbers of attributes), ``launch`` (day), ``stock_level``,
        ``stock_interval``. In the world ``drift`` also ``popularity_later`` and ``demand_rate_later``.
    users
        For each user: ``activity``, ``sensitivity``, ``taste`` (shares by index of category; ``taste_later`` in the
        world ``drift``), ``style``, ``bot``.
    categories
        For each category: ``label``, ``amplitude`` and ``peak`` of the season, ``demand`` (share of visits).
    season
        For each category and day: ``season`` and ``weekday``.
    campaigns
        For each campaign: ``pull``.
    nouns
        For each noun of a query and category that it names (grade 2 or 3) or that is related (grade 1).
    queries
        For each query that was asked: its noun and its attribute (a number, -1 for none).
    impressions
        For each impression: ``event_id``, ``attraction`` and ``click_probability``.
    demand
        For each item and day with looks: ``expected`` pieces given the looks, ``asked`` and ``lost`` pieces.
    """

    settings: dict[str, Any]
    parameters: dict[str, Any]
    items: pl.DataFrame
    users: pl.DataFrame
    categories: pl.DataFrame
    season: pl.DataFrame
    campaigns: pl.DataFrame
    nouns: pl.DataFrame
    queries: pl.DataFrame
    impressions: pl.DataFrame
    demand: pl.DataFrame

    @property
    def bots(self) -> list[str]:
        """Users that are bots."""
        return self.users.filter("bot")["user_id"].to_list()

    def examination(self, positions: int) -> pl.DataFrame:
        """Return the chance that a place of a list is looked at: ``position`` from 1, ``examination``."""
        position = np.arange(1, positions + 1)
        return pl.DataFrame({"position": position, "examination": position ** -self.parameters["position_power"]})

    def relevance(self, pairs: pl.DataFrame) -> pl.Series:
        """Return the grades, 0 to 3, of pairs of ``query`` and ``item_id``.

        Raises
        ------
        InputError
            If a query was never asked in the shop, or there is no such item.
        """
        items = self.items.select("item_id", "category", "word", "colour")
        grades = self.nouns.select("noun", "category", "named")
        found = (
            pairs.select("query", "item_id")
            .join(self.queries.select("query", "noun", "attribute"), on="query", how="left", maintain_order="left")
            .join(items, on="item_id", how="left", maintain_order="left")
            .join(grades, on=["noun", "category"], how="left", maintain_order="left")
        )
        unknown = found.filter(pl.col("noun").is_null() | pl.col("category").is_null())
        if unknown.height:
            row = unknown.row(0, named=True)
            raise InputError(f"the truth knows no query {row['query']!r} or no item {row['item_id']!r}")
        asked = pl.col("attribute")
        fits = (asked < 0) | (asked == pl.col("word")) | (asked == pl.col("colour"))
        grade = pl.when(pl.col("named")).then(2 + fits.cast(pl.Int64)).otherwise(1)
        return found.select(grade=pl.when(pl.col("named").is_null()).then(0).otherwise(grade))["grade"]


def read(out: str | Path) -> Truth:
    """Read the truth of the simulated shop in a folder.

    Raises
    ------
    InputError
        If there is none, or a file of it is missing.
    """
    folder = Path(out) / FOLDER
    missing = [name for name in (_FACTS, *(f"{t}.parquet" for t in _TABLES)) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"there is no whole truth at {folder}: {', '.join(missing)} missing",
            hint="Only shops made by evenshelf simulate have one.",
        )
    facts = tomllib.loads((folder / _FACTS).read_text(encoding="utf-8"))
    tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in _TABLES}
    return Truth(facts["settings"], facts["parameters"], **tables)


class TruthWriter:
    """Writes the truth while the shop is made; a context that closes the files."""

    def __init__(self, out: Path) -> None:
        self._folder = out / FOLDER
        self._folder.mkdir()
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()

    def _append(self, table: str, frame: pl.DataFrame) -> None:
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if table not in self._writers:
            file = self._folder / f"{table}.parquet"
            self._writers[table] = pq.ParquetWriter(file, arrow.schema, compression="zstd")
        self._writers[table].write_table(arrow)

    def block(self, block: Block) -> None:
        """Write what is true of some days."""
        self._append("impressions", block.impressions)
        self._append("demand", block.demand)

    def whole(self, model: Model, assortment: Assortment, history: History, queries: pl.DataFrame) -> None:
        """Write everything else."""
        if not model.settings.events:
            for table, frame in _nothing_happened().items():
                self._append(table, frame)
        facts = {"settings": asdict(model.settings), "parameters": asdict(PARAMETERS)}
        (self._folder / _FACTS).write_text(tomli_w.dumps(facts), encoding="utf-8")
        for start in range(0, model.settings.items, _BATCH):
            rows = slice(start, min(start + _BATCH, model.settings.items))
            self._append("items", _items(model, assortment, history, rows))
        for start in range(0, model.settings.users, _BATCH):
            self._append("users", _users(model, slice(start, min(start + _BATCH, model.settings.users))))
        season, labels = model.season, assortment.labels
        demand = {f"demand{later}": share for later, share in zip(("", "_later"), model.users.demand, strict=False)}
        self._append(
            "categories",
            pl.DataFrame({"label": labels, "amplitude": season.amplitude, "peak": season.peak, **demand}),
        )
        self._append("season", season.frame(labels))
        self._append("campaigns", pl.DataFrame({"campaign": history.campaigns, "pull": model.pull}))
        searching = model.searching
        noun, category = np.nonzero(searching.named | searching.related)
        self._append(
            "nouns",
            pl.DataFrame(
                {
                    "noun": noun,
                    "text": pl.Series(searching.nouns).gather(noun),
                    "category": category,
                    "named": searching.named[noun, category],
                }
            ),
        )
        nouns, attributes = searching.parts(queries["code"].to_numpy())
        self._append("queries", pl.DataFrame({"query": queries["query"], "noun": nouns, "attribute": attributes}))


def _nothing_happened() -> dict[str, pl.DataFrame]:
    """Return the tables of a shop without events."""
    ids: dict[str, Any] = {"event_id": pl.String, "attraction": pl.Float32, "click_probability": pl.Float32}
    demand: dict[str, Any] = {"item_id": pl.String, "day": pl.Int32, "expected": pl.Float32}
    return {
        "impressions": pl.DataFrame(schema=ids),
        "demand": pl.DataFrame(schema={**demand, "asked": pl.Float64, "lost": pl.Float64}),
    }


def _items(model: Model, assortment: Assortment, history: History, rows: slice) -> pl.DataFrame:
    goods = model.goods
    propensity = PARAMETERS.purchase_rate * np.exp(PARAMETERS.quality_buy * goods.quality[rows])
    copy_of = pl.Series(assortment.copy_of[rows], dtype=pl.Int64)
    columns: dict[str, Any] = {
        "item_id": assortment.ids[rows],
        "category": goods.category[rows],
        "label": assortment.labels.gather(goods.category[rows]),
        "wrong_label": (assortment.shown != assortment.category)[rows],
        "copy_of": assortment.ids.gather(copy_of.set(copy_of < 0, None)),
        "quality": goods.quality[rows],
        "popularity": goods.popularity[0][rows],
        "elasticity": goods.elasticity[rows],
        "purchase_propensity": propensity,
        "return_rate": goods.return_rate[rows],
        "demand_rate": history.rates[0][rows],
        "style": _lists(goods.style[rows]),
        "word": goods.attributes[0][rows],
        "colour": goods.attributes[1][rows],
        "launch": goods.launch[rows],
        "stock_level": history.stock.level[rows],
        "stock_interval": history.stock.interval[rows],
    }
    if len(goods.popularity) > 1:
        columns |= {"popularity_later": goods.popularity[1][rows], "demand_rate_later": history.rates[1][rows]}
    return pl.DataFrame(columns)


def _users(model: Model, rows: slice) -> pl.DataFrame:
    users = model.users
    tastes = {f"taste{later}": _lists(taste[rows]) for later, taste in zip(("", "_later"), users.taste, strict=False)}
    return pl.DataFrame(
        {
            "user_id": users.ids[rows],
            "activity": users.activity[rows],
            "sensitivity": users.sensitivity[rows],
            "bot": users.bot[rows],
            "style": _lists(users.style[rows]),
            **tastes,
        }
    )


def _lists(matrix: NDArray[Any]) -> pl.Series:
    return pl.Series(np.asarray(matrix, dtype=np.float32)).arr.to_list()
