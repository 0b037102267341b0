"""SQL by URL: what stands in a database stands in the file, and nothing there is changed."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import polars as pl
import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from bench.postgres import PASSWORD

from evenshelf.errors import InputError, MissingExtraError, SettingError
from evenshelf.shop.sources.content_digest import KINDS, ContentDigest
from evenshelf.shop.sources.sql import is_url, spool


@pytest.fixture(scope="session")
def postgres(postgres_url):
    """A connection that may write, to the server that the tests read from."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database(tmp_path):
    """Makes an SQLite file with these statements and gives its URL."""

    def make(*statements, name="shop.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection, connection:
            for statement in statements:
                connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(statement)
        return f"sqlite:///{tmp_path / name}"

    return make


def read(spooled):
    return pl.read_parquet(spooled.path)


# Values

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
AWKWARD = st.sampled_from(
    ["", "\\N", "\\.", '"', '""', ",", "\n", "\r\n", " x ", "NULL", "t", "红色鞋", "%s", ":a", "'"]
)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
TIMES = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))


def comparable(rows):
    """Rows as texts, in which a moment is in UTC, a decimal written out, and NaN equal to itself."""

    def text(cell):
        if isinstance(cell, Decimal):
            return repr(format(cell + 0, "f"))  # the database knows no zero below zero
        if isinstance(cell, dt.datetime):
            return (cell.astimezone(dt.UTC) if cell.tzinfo else cell).isoformat()
        return repr(cell)

    return [[text(cell) for cell in row] for row in rows]


def rows_of(*cells):
    return st.lists(st.tuples(*(st.none() | cell for cell in cells)), max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows_of(
        TEXTS | AWKWARD,
        INTEGERS,
        st.floats(),
        st.booleans(),
        st.dates(),
        TIMES,
        TIMES.map(lambda t: t.replace(tzinfo=dt.UTC)),
        st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**20), max_value=10**20),
    ),
    st.integers(1, 5),
)
def test_values_of_postgres_come_out_as_they_are(postgres, postgres_url, tmp_path, rows, batch):
    postgres.execute("DROP TABLE IF EXISTS kinds")
    postgres.execute(
        "CREATE TABLE kinds (t text, i bigint, f float8, b bool, d date, l timestamp, z timestamptz, n numeric)"
    )
    with postgres.cursor() as cursor:
        cursor.executemany("INSERT INTO kinds VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", rows)
    found = spool(postgres_url, "kinds", tmp_path, batch=batch)
    frame = read(found)
    assert frame.schema == {
        "t": pl.String,
        "i": pl.Int64,
        "f": pl.Float64,
        "b": pl.Boolean,
        "d": pl.Date,
        "l": pl.Datetime("us"),
        "z": pl.Datetime("us", "UTC"),
        "n": pl.String,
    }
    assert comparable(frame.rows()) == comparable(rows)
    assert found.rows == len(rows)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_of(TEXTS | AWKWARD, INTEGERS, st.floats(allow_nan=False), st.booleans()), st.integers(1, 5))
def test_values_of_sqlite_come_out_as_they_are(tmp_path, rows, batch):
    (tmp_path / "shop.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE kinds (t TEXT, i INTEGER, f REAL, b BOOLEAN)")
        connection.executemany("INSERT INTO kinds VALUES (?, ?, ?, ?)", rows)
    frame = read(spool(f"sqlite:///{tmp_path}/shop.db", "kinds", tmp_path, batch=batch))
    assert frame.schema == {"t": pl.String, "i": pl.Int64, "f": pl.Float64, "b": pl.Boolean}
    assert frame.rows() == rows


@pytest.mark.parametrize("block", [1, 40, 1 << 23])
def test_rows_of_postgres_stay_whole_whatever_the_blocks(postgres_url, tmp_path, monkeypatch, block):
    monkeypatch.setattr("evenshelf.shop.sources.sql_reading._BLOCK", block)
    query = "SELECT CASE WHEN g % 3 > 0 THEN repeat(E'a\n\"', g) END AS a, NULL AS b FROM generate_series(0, 20) AS g"
    assert read(spool(postgres_url, query, tmp_path)).rows() == [
        ('a\n"' * g if g % 3 else None, None) for g in range(21)
    ]
    one = read(spool(postgres_url, "SELECT NULLIF(g, 2) AS g FROM generate_series(1, 3) AS g", tmp_path))
    assert one.rows() == [(1,), (None,), (3,)]
    large = read(spool(postgres_url, "SELECT repeat('x', 9000000) AS a UNION ALL SELECT 'y'", tmp_path))
    assert large["a"].str.len_bytes().to_list() == [9_000_000, 1]


def test_other_types_of_postgres(postgres, postgres_url, tmp_path):
    postgres.execute("DROP TYPE IF EXISTS mood CASCADE")
    postgres.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
    query = """
        SELECT 1::int2 AS small, 2::int4 AS "middle one", 0.1::float4 AS single, 'a'::char(3) AS padded,
            '12345678901234567890.50'::numeric AS exact, 'NaN'::float8 AS nan, '-Infinity'::float8 AS least,
            '{red, "two words", NULL, "x|y"}'::text[] AS tags, '{1,2}'::int[] AS numbers, NULL::text[] AS none,
            '{"a": [1]}'::jsonb AS json, '01234567-89ab-cdef-0123-456789abcdef'::uuid AS uuid, 'good'::mood AS mood,
            '10:30'::time AS time, '1 day 2 hours'::interval AS wait, NULL AS nothing,
            timestamptz '2024-05-01 12:00:00.25+02' AS moment
    """
    postgres.execute("ALTER ROLE evenshelf SET timezone = 'Asia/Shanghai'")  # must not show
    try:
        (row,) = read(spool(postgres_url, query, tmp_path)).rows(named=True)
    finally:
        postgres.execute("ALTER ROLE evenshelf RESET timezone")
    assert math.isnan(row.pop("nan"))
    assert row == {
        "small": 1,
        "middle one": 2,
        "single": 0.1,
        "padded": "a  ",
        "exact": "12345678901234567890.50",
        "least": -math.inf,
        "tags": "red|two words|x|y",
        "numbers": "1|2",
        "none": None,
        "json": '{"a": [1]}',
        "uuid": "01234567-89ab-cdef-0123-456789abcdef",
        "mood": "good",
        "time": "10:30:00",
        "wait": "P1DT2H",
        "nothing": None,
        "moment": dt.datetime(2024, 5, 1, 10, 0, 0, 250_000, tzinfo=dt.UTC),
    }


def test_a_column_of_sqlite_is_as_wide_as_its_widest_value(database, tmp_path):
    many = ",".join("(NULL, 1, 2, 1)" for _ in range(12_000))
    url = database(
        "CREATE TABLE t (later, whole INTEGER, price DECIMAL(10, 2), flag BOOLEAN)",
        f"INSERT INTO t VALUES {many}",
        "INSERT INTO t VALUES ('x', 2.5, 'free', 2)",
    )
    frame = read(spool(url, "t", tmp_path))
    assert frame.schema == {"later": pl.String, "whole": pl.Float64, "price": pl.String, "flag": pl.Int64}
    assert frame.height == 12_001
    assert frame.row(0) == (None, 1.0, "2", 1)
    assert frame.row(-1) == ("x", 2.5, "free", 2)
    seen = []
    spool(url, "SELECT whole + 0 AS sum, later FROM t", tmp_path, progress=lambda *told: seen.append(told))
    assert {what for what, _, _ in seen} == {f"reading {url}: SELECT whole + 0 AS sum, later FROM t"}
    assert seen[-1][1:] == (12_001, None)


def test_what_cannot_be_kept_is_told(database, postgres, postgres_url, tmp_path):
    url = database(
        "CREATE TABLE t (a BLOB, b)", ("INSERT INTO t VALUES (?, ?)", (b"\0", 1)), "INSERT INTO t VALUES (1, 0.5)"
    )
    with pytest.raises(InputError, match="column 'a' holds bytes"):
        spool(url, "t", tmp_path)
    with pytest.raises(InputError, match=r"column 'b' holds a value that cannot be kept.*9007199254740993"):
        spool(url, "SELECT 0.5 AS b UNION ALL SELECT 9007199254740993", tmp_path)
    for query in ("SELECT 'x'::bytea AS a", "SELECT ARRAY['x'::bytea] AS a"):
        with pytest.raises(InputError, match="column 'a' holds bytes"):
            spool(postgres_url, query, tmp_path)
    for value in ("timestamp 'infinity'", "timestamptz '44-03-15 00:00 BC'", "date 'infinity'"):
        with pytest.raises(InputError, match=r"column 'late' holds a value that cannot be kept"):
            spool(postgres_url, f"SELECT 1 AS one, {value} AS late", tmp_path)
    for given_url in (url, postgres_url):
        with pytest.raises(SettingError, match=r"several columns named 'a'\nName them with AS"):
            spool(given_url, "SELECT 1 AS a, 2 AS b, 3 AS a", tmp_path)
    assert not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob("*.parquet"))


def test_nothing_but_empty_cells_and_nothing_at_all(database, postgres_url, tmp_path):
    url = database("CREATE TABLE t (a TEXT, b INTEGER)")
    for given_url, query in ((url, "t"), (postgres_url, "SELECT 'x' AS a, 1 AS b WHERE false")):
        found = spool(given_url, query, tmp_path)
        assert read(found).schema == {"a": pl.String, "b": pl.Int64}
        assert found.rows == 0
    for given_url in (url, postgres_url):
        frame = read(spool(given_url, "SELECT NULL AS a UNION ALL SELECT NULL", tmp_path))
        assert frame.rows() == [(None,), (None,)]
        assert frame.schema == {"a": pl.String}


# The digest

VALUES = {
    pa.large_string(): TEXTS,
    pa.int64(): INTEGERS,
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.timestamp("us"): TIMES,
    pa.timestamp("us", "UTC"): TIMES.map(lambda t: t.replace(tzinfo=dt.UTC)),
}


@st.composite
def tables(draw):
    height = draw(st.integers(0, 9))
    arrays = [
        pa.array(draw(st.lists(st.none() | VALUES[kind], min_size=height, max_size=height)), kind)
        for kind in draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=4))
    ]
    return pa.table(arrays, names=[f"c{k}" for k in range(len(arrays))])


def rows(table):
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def digest(table, ends=()):
    out = ContentDigest(table.schema)
    bounds = [0, *sorted(ends), table.num_rows]
    for start, end in itertools.pairwise(bounds):
        for batch in table.slice(start, end - start).to_batches():
            out.update(batch)
    return out.hexdigest()


@settings(deadline=None)
@given(tables(), st.data())
def test_the_digest_depends_on_rows_and_not_on_batches(table, data):
    ends = data.draw(st.lists(st.integers(0, table.num_rows), max_size=4))
    assert digest(table, ends) == digest(table)
    if table.num_rows:
        row = data.draw(st.integers(0, table.num_rows - 1))
        assert digest(pa.concat_tables([table[:row], table[row + 1 :]])) != digest(table)
    turned = table[::-1]
    assert (digest(turned) == digest(table)) == (comparable(rows(turned)) == comparable(rows(table)))
    assert digest(table.rename_columns([f"d{k}" for k in range(table.num_columns)])) != digest(table)


def test_the_digest_stays_what_it_was():
    table = pa.table(
        {
            "t": pa.array(["a", None, "bc"], pa.large_string()),
            "i": pa.array([1, 2, None], pa.int64()),
            "f": pa.array([math.nan, 0.5, None]),
            "z": pa.array([0, None, 1], pa.timestamp("us", "UTC")),
            "d": pa.array([0, 1, None], pa.date32()),
            "b": pa.array([True, False, None]),
        }
    )
    assert digest(table) == "75607137bff084ddf8452f64e5256cbcf322b98a8cdfb36c44c1ccaf8cad1d93"


def test_cells_that_run_together_differ():
    kind = pa.large_string()
    seen = [pa.table({"a": pa.array(cells, kind)}) for cells in (["ab", ""], ["a", "b"], ["", "ab"], [None, "ab"])]
    assert len({digest(table) for table in seen}) == 4


def test_both_databases_and_all_batches_give_the_same_digest(database, postgres, postgres_url, tmp_path):
    rows = ", ".join(f"({k}, 'item {k % 7}', {k / 4})" for k in range(500))
    statements = "CREATE TABLE same (k BIGINT, t VARCHAR(20), f DOUBLE PRECISION)", f"INSERT INTO same VALUES {rows}"
    postgres.execute("DROP TABLE IF EXISTS same")
    for statement in statements:
        postgres.execute(statement)
    urls = (database(*statements), postgres_url)
    query = "SELECT * FROM same ORDER BY k"
    found = [spool(url, query, tmp_path / str(n), batch=n) for url in urls for n in (1, 7, 100_000)]
    assert len({(one.sha256, one.rows) for one in found}) == 1
    assert {one.path.name for one in found} == {f"{found[0].sha256[:16]}.parquet"}
    assert read(found[0]).equals(read(found[-1]))
    assert spool(postgres_url, f"{query} DESC", tmp_path).sha256 != found[0].sha256


# Tables and queries


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request, database, postgres, postgres_url):
    """A database with a few tables, and its URL."""
    statements = (
        'CREATE TABLE "order lines" (id INTEGER, "a ""b""" TEXT)',
        "INSERT INTO \"order lines\" VALUES (1, 'x')",
        "CREATE TABLE products (id INTEGER)",
        "INSERT INTO products VALUES (1), (2)",
        "CREATE VIEW recent AS SELECT id FROM products WHERE id > 1",
    )
    if request.param == "sqlite":
        return database(*statements)
    for table in ("VIEW IF EXISTS recent", 'TABLE IF EXISTS "order lines"', "TABLE IF EXISTS products"):
        postgres.execute(f"DROP {table}")
    for statement in statements:
        postgres.execute(statement)
    return postgres_url


def test_tables_are_found_by_name(shop, tmp_path):
    assert read(spool(shop, "order lines", tmp_path)).rows(named=True) == [{"id": 1, 'a "b"': "x"}]
    assert read(spool(shop, " recent ", tmp_path)).rows() == [(2,)]
    schema = "main" if shop.startswith("sqlite") else "public"
    assert spool(shop, f"{schema}.products", tmp_path).name.endswith(f": {schema}.products")
    for name, hint in (
        ("Product", "did you mean products"),
        (f"{schema}.recnt", "did you mean recent"),
        ("zz", "There are"),
    ):
        with pytest.raises(SettingError, match=rf"there is no table '{name}'( \(|\n){hint}"):
            spool(shop, name, tmp_path)
    with pytest.raises(SettingError, match=r"there is no table 'product' \(did you mean products"):
        spool(shop, "SELECT * FROM product", tmp_path)
    with pytest.raises(SettingError, match="neither a table nor a query"):
        spool(shop, " ", tmp_path)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM products ORDER BY id",
        "  select id from products order by id ; \n",
        "-- all of them; really\nSELECT id /* ; */ FROM products ORDER BY id -- the end",
        "WITH p AS (SELECT id FROM products) SELECT id FROM p ORDER BY id",
        "SELECT id FROM products WHERE 'a;b' <> '%s:x?' ORDER BY id",
        "VALUES (1), (2)",
    ],
)
def test_queries_that_read_are_run(shop, tmp_path, query):
    assert read(spool(shop, query, tmp_path)).to_series().to_list() == [1, 2]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM products",
        "DROP TABLE products",
        "SELECT 1; DELETE FROM products",
        "SELECT 1; COMMIT; SET default_transaction_read_only = off; DROP TABLE products",
        "SELECT 1) AS q; DROP TABLE products; SELECT * FROM (SELECT 1",
        "SELECT 1 /*) TO STDOUT; DROP TABLE products; */; DROP TABLE products",
        "WITH gone AS (DELETE FROM products RETURNING id) SELECT id FROM gone",
        "SELECT id INTO other FROM products",
        "SELECT set_config('transaction_read_only', 'off', false); DELETE FROM products",
        "products; DROP TABLE products",
        'products"; DROP TABLE products --',
    ],
)
def test_queries_that_write_are_refused_and_nothing_is_changed(shop, tmp_path, query):
    with pytest.raises(SettingError) as caught:
        spool(shop, query, tmp_path)
    assert len(str(caught.value)) < 600
    assert read(spool(shop, "products", tmp_path)).to_series().to_list() == [1, 2]


def test_functions_that_write_are_refused(shop, postgres, tmp_path):
    if shop.startswith("sqlite"):
        pytest.skip("SQLite has no such functions")
    postgres.execute("CREATE OR REPLACE FUNCTION clear() RETURNS int LANGUAGE sql AS 'DELETE FROM products; SELECT 1'")
    with pytest.raises(SettingError, match=r"read-only transaction.*\nOnly a single statement that reads"):
        spool(shop, "SELECT clear()", tmp_path)
    assert spool(shop, "products", tmp_path).rows == 2


def test_faults_of_a_query_are_told(shop, tmp_path):
    with pytest.raises(SettingError, match=r"refuses the query: .*nope"):
        spool(shop, "SELECT nope FROM products", tmp_path)
    with pytest.raises(SettingError, match=r"refuses the query: .*syntax"):
        spool(shop, "SELECT FROM WHERE", tmp_path)
    with pytest.raises(SettingError, match="batch must be at least 1"):
        spool(shop, "products", tmp_path, batch=0)


def test_an_error_in_the_middle_leaves_nothing_behind(postgres_url, tmp_path):
    with pytest.raises(SettingError, match="division by zero"):
        spool(postgres_url, "SELECT 1 / (200000 - g) AS x FROM generate_series(1, 300000) AS g", tmp_path, batch=1000)
    assert not list(tmp_path.iterdir())


def test_a_reader_sees_one_state_only(postgres, postgres_url, tmp_path):
    """Rows that come while it reads are not there for it."""
    postgres.execute("DROP TABLE IF EXISTS growing")
    postgres.execute("CREATE TABLE growing AS SELECT g AS x FROM generate_series(1, 300000) AS g")

    def meanwhile(what, done, total):
        postgres.execute("INSERT INTO growing VALUES (0)")

    assert spool(postgres_url, "growing", tmp_path, progress=meanwhile, batch=50_000).rows in {300_000, 300_001}
    assert spool(postgres_url, "SELECT count(*) AS n FROM growing", tmp_path).rows == 1


# URLs


def test_what_is_a_url():
    for text in ("sqlite:///a.db", "postgresql://h/d", "postgresql+psycopg://h/d", "mysql://h/d", "HTTP://x"):
        assert is_url(text)
    for text in ("a.csv", "/tmp/a.csv", "C:\\a.csv", "C://a.csv", "a:b.csv", "", "~/x"):
        assert not is_url(text)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u:hush@h/d", r"mysql://\.\.\. is no database"),
        ("postgresql+psycopg2://u:hush@h/d", "is no database"),
        ("sqlite://", "sqlite:/// and the path"),
        ("sqlite:///:memory:", "sqlite:/// and the path"),
        ("sqlite://host/a.db", "sqlite:/// and the path"),
        ("postgresql://u:hu@sh@h/d", "more than one @"),
        ("postgresql://u:hush@h:port/d", "cannot be understood"),
    ],
)
def test_urls_that_cannot_be_used_are_told_without_their_password(tmp_path, url, message):
    with pytest.raises(SettingError, match=message) as caught:
        spool(url, "t", tmp_path)
    assert "hush" not in str(caught.value)
    assert "hu@sh" not in str(caught.value)


def test_paths_of_sqlite(tmp_path, monkeypatch, database):
    name = "odd ?#%20 name.db"
    database("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", name=name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in (name, f"./{name}", f"~/{name}", f"{tmp_path}/{name}", "odd%20%3F%23%2520%20name.db"):
        assert spool(f"sqlite:///{path}", "t", tmp_path).rows == 1


def test_a_file_that_does_not_exist_is_not_made(tmp_path):
    (tmp_path / "shop.db").touch()
    with pytest.raises(InputError, match=r"there is no file .*shops\.db \(did you mean shop\.db"):
        spool(f"sqlite:///{tmp_path}/shops.db", "t", tmp_path / "out")
    with pytest.raises(InputError, match="there is no file"):
        spool(f"sqlite:///{tmp_path}", "t", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"]


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "a.db").write_bytes(b"title\n" * 1000)
    with pytest.raises(InputError, match="file is not a database"):
        spool(f"sqlite:///{tmp_path}/a.db", "t", tmp_path)


def test_sqlite_is_opened_to_read_only(database, tmp_path):
    url = database("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    path = Path(url.removeprefix("sqlite:///"))
    before = path.read_bytes()
    path.chmod(0o444)
    assert spool(url, "t", tmp_path / "out").rows == 1
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"shop.db", "out"}


def parts(url):
    """What stands around the password of a URL."""
    user, _, rest = url.partition(":p%3Aw")
    return user, rest.partition("@")[2]


def test_the_password_is_never_shown(postgres_url, tmp_path, monkeypatch):
    before, after = parts(postgres_url)
    found = spool(postgres_url, "SELECT 1 AS a", tmp_path)
    assert found.name == f"{before}@{after}: SELECT 1 AS a"
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert spool(f"{before}@{after}", "SELECT 1 AS a", tmp_path).name == found.name
    assert spool(f"{before}@{after}?application_name=x", "SELECT 1 AS a", tmp_path).name == found.name
    monkeypatch.setenv("PGPASSWORD", "wr0ng")
    for url in (f"{before}@{after}", f"{before}:wr0ng@{after}", f"{before}@{after}?password=wr0ng"):
        with pytest.raises(InputError, match=r"password authentication failed.*\nCheck user and password") as caught:
            spool(url, "SELECT 1 AS a", tmp_path)
        assert "wr0ng" not in str(caught.value)
        assert caught.value.__cause__ is None
    monkeypatch.delenv("PGPASSWORD")
    with pytest.raises(InputError, match="PGPASSWORD"):
        spool(f"{before}@{after}", "SELECT 1 AS a", tmp_path)
    with pytest.raises(SettingError) as caught:  # the server repeats what it was sent
        spool(postgres_url, f"SELECT '{PASSWORD}'::int AS a", tmp_path)
    assert PASSWORD not in str(caught.value).replace("SELECT '", "")


def test_a_server_that_is_not_there_is_told(postgres_url, tmp_path):
    before, after = parts(postgres_url)
    port = after.partition(":")[2].partition("/")[0]
    for url in (
        postgres_url.replace(f":{port}", ":1"),
        f"{before}:x@host.invalid/shop",
        f"{postgres_url}_none",
    ):
        with pytest.raises(InputError, match=r"cannot be opened: .*\nCheck host, port"):
            spool(url, "t", tmp_path)


def test_a_driver_that_is_missing_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"evenshelf\[postgres\]"):
        spool("postgresql://localhost/shop", "t", tmp_path)
