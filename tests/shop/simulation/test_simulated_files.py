"""The simulated shop on disk: the same bytes each time, complete, its truth apart."""

from __future__ import annotations

import colorsys
import struct
import zlib
from pathlib import Path

import polars as pl
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, simulate
from evenshelf.shop.schema import TABLES
from evenshelf.shop.simulation import WORLDS, Settings, tables, truth


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("world", WORLDS)
def test_equal_settings_make_equal_bytes(tmp_path, world):
    settings = {"items": 120, "world": world, "days": 30, "events": 3000, "pictures": 4}
    first, second, other = (
        contents(simulate(tmp_path / name, seed=seed, **settings).path) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert first == second
    assert first.keys() != other.keys()
    for name in ("items", "users", "season", "impressions", "demand"):
        assert first[f"truth/{name}.parquet"] != other[f"truth/{name}.parquet"]


def test_every_table_is_filled_and_fits_its_schema(shop):
    shop.shop.verify()
    for table in ("items", "users", "prices", "stock", "events", "queries", "judgements"):
        frame = shop.shop.read(table)
        assert frame.height
        TABLES[table].check(frame)
    assert shop.shop.manifest.origin.startswith("simulate(items=400, seed=7, world=language")


def test_parts_come_in_a_fixed_order_and_events_in_order_of_time():
    names, last = [], None
    for name, frame in tables(Settings.of(60, events=3000)):
        names.append(name)
        if name == "events":
            assert frame["time"].is_sorted()
            assert last is None or last <= frame["time"][0]
            last = frame["time"][-1]
    assert names[:4] == ["items", "users", "prices", "stock"]
    assert names[-2:] == ["queries", "judgements"]


def test_many_blocks_make_one_shop(make):
    """More events than fit into one block of days: numbers, sessions and stock go on."""
    made = make(items=100, users=200, days=50, events=330_000, pictures=0)
    assert made.events["time"].is_sorted()
    numbers = made.events["event_id"].str.slice(1).cast(pl.Int64)
    assert numbers.to_list() == list(range(1, made.events.height + 1))
    sessions = made.events.filter(pl.col("kind").is_in(["impression", "view"])).group_by("session_id")
    assert sessions.agg(pl.col("user_id").n_unique())["user_id"].max() == 1
    assert made.events.height == pytest.approx(330_000, rel=0.1)
    assert made.events.filter(pl.col("time") >= Settings.of(1, days=50).end).is_empty()


@pytest.mark.parametrize("world", ["language", "drift", "noisy"])
@pytest.mark.parametrize(
    "small",
    [{"items": 1}, {"items": 30, "days": 1}, {"items": 5, "users": 1}, {"items": 9, "events": 0}],
)
def test_small_shops_are_shops(make, world, small):
    made = make(world=world, **small)
    made.shop.verify()
    assert made.shop.rows("items") == small["items"] == made.truth.items.height
    assert made.events.is_empty() == (small.get("events") == 0)


def test_the_shop_cannot_tell_its_truth(shop):
    assert not set(shop.shop.tables) - set(TABLES)
    hidden = {"taste", "style", "quality", "elasticity", "attraction", "click_probability", "demand_rate", "bot"}
    for table in shop.shop.tables:
        assert not hidden & set(shop.shop.scan(table).collect_schema())
    assert shop.truth.settings["seed"] == 7
    assert shop.truth.parameters["position_power"] == 0.8
    assert shop.truth.examination(2).rows() == [(1, 1.0), (2, pytest.approx(2**-0.8))]


def test_a_shop_without_truth_says_so(tmp_path):
    Shop.create(tmp_path / "shop")
    with pytest.raises(InputError, match=r"truth\.toml"):
        truth.read(tmp_path / "shop")


def test_an_attempt_that_fails_leaves_nothing_behind(tmp_path):
    def tired(what: str, done: int, total: int | None) -> None:
        if what == "simulating days":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "shop", items=20, progress=tired)
    assert simulate(tmp_path / "shop", items=20, events=100).rows("items") == 20
    with pytest.raises(SettingError, match="not empty"):
        simulate(tmp_path / "shop", items=20)


def test_progress_is_told(tmp_path):
    told = []
    simulate(tmp_path / "shop", items=20, events=500, progress=lambda *call: told.append(call))
    assert [what for k, (what, *_) in enumerate(told) if k == 0 or told[k - 1][0] != what] == [
        "writing titles",
        "drawing users and prices",
        "working out demand",
        "simulating days",
        "drawing pictures",
        "writing the tables",
    ]
    assert all(total is None or 0 <= done <= total for _, done, total in told)


def test_pictures_are_sound_and_tell_categories_apart(shop):
    pictured = shop.shop.items().filter(pl.col("image").is_not_null())
    assert pictured.height == 20
    seen = {}
    for item, image in pictured.select("item_id", "image").iter_rows():
        data = (shop.shop.path / image).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        at, chunks = 8, {}
        while at < len(data):
            (length,) = struct.unpack(">I", data[at : at + 4])
            kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
            assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
            chunks[kind] = body
            at += 12 + length
        assert len(zlib.decompress(chunks[b"IDAT"])) == 64 * 65
        red, green, blue = (part / max(chunks[b"PLTE"][3:]) for part in chunks[b"PLTE"][3:])
        label = shop.truth.items.filter(item_id=item)["label"][0]
        hue = round(colorsys.rgb_to_hsv(red, green, blue)[0], 1)
        assert seen.setdefault(label, hue) == hue
    assert len(seen) > 5
    assert len(set(seen.values())) > 3
