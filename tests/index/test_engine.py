"""An index that changes: while it is searched, while its process dies, and from several processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.index import Ranking, SearchEngine
from evenshelf.index.changing import applied
from evenshelf.index.manifest import MANIFEST
from tests.index.conftest import catalogue


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index"


def item(item_id, title, **columns):
    return pl.DataFrame({"item_id": [item_id], "title": [title], **{name: [value] for name, value in columns.items()}})


def ids(results):
    return [hit.item_id for hit in results.hits]


def test_items_are_added_changed_and_deleted(path):
    with SearchEngine.build(path, catalogue()) as engine:
        engine.put(item("new", "Zyxxon hoverboard deluxe", brand="Zyxxon", price=500.0))
        assert ids(engine.search("hoverboard"))[0] == "new"
        assert ids(engine.search("", filters=["brand:Zyxxon"])) == ["new"]
        engine.put(item("new", "Zyxxon unicycle", brand="Other"))
        assert ids(engine.search("unicycle"))[0] == "new"
        assert engine.search("hoverboard", ranking=Ranking(fusion="words")).total == 0
        assert engine.search("", filters=["brand:Zyxxon"]).total == 0
        assert "price" not in engine.search("unicycle").hits[0].item
        assert engine.search("unicicle").corrected == "unicycle"
        engine.delete(["new", "i0"])
        assert len(engine) == 19
        assert engine.search("unicicle").corrected is None
        assert not {"new", "i0"} & set(ids(engine.search("", limit=100)))
        assert not {"new", "i0"} & set(ids(engine.search("dell xps laptop", limit=100)))
        before = engine.items()
    with SearchEngine.open(path) as again:
        assert again.items().equals(before)
        assert ids(again.search("laptop", limit=50))


_CHEAP = ["price:..100", "-brand:HP"]


def _cheap(items):
    return set(items.filter((pl.col("price") <= 100) & pl.col("brand").ne_missing("HP"))["item_id"])


_steps = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "i0", "i5"]), st.sampled_from(["lamp", "red lamp", "chair", None])),
    max_size=6,
)


@given(_steps)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_index_that_was_changed_holds_what_one_built_of_its_items_holds(tmp_path_factory, built, steps):
    path = tmp_path_factory.mktemp("changed") / "index"
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine:
        for item_id, title in steps:
            if title is not None:
                engine.put(item(item_id, title, price=1.0))
            elif item_id in engine.items()["item_id"]:
                engine.delete([item_id])
            # What passed a filter before a change is kept for after it.
            assert set(ids(engine.search("", filters=_CHEAP, limit=100))) == _cheap(engine.items())
        items = engine.items()
        with SearchEngine.build(path.with_name("anew"), items) as anew:
            for query in ("lamp", "red", "laptop 15", ""):
                for ranking in (Ranking(fusion="words"), Ranking(fusion="vectors")):
                    one = engine.search(query, limit=100, facets=["brand", "price"], ranking=ranking)
                    other = anew.search(query, limit=100, facets=["brand", "price"], ranking=ranking)
                    assert set(ids(one)) == set(ids(other))
                    assert (one.total, one.facets, one.ranges) == (other.total, other.facets, other.ranges)
                    one, other = (e.search(query, limit=100, filters=_CHEAP, ranking=ranking) for e in (engine, anew))
                    assert set(ids(one)) == set(ids(other))
            assert dict(engine._view.vocabulary.counts) == dict(anew._view.vocabulary.counts)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    path = tmp_path_factory.mktemp("built") / "index"
    SearchEngine.build(path, catalogue()).close()
    return path


def test_searches_see_whole_changes_while_many_are_made(built, path):
    shutil.copytree(built, path)
    problems: list[str] = []
    done = threading.Event()
    with SearchEngine.open(path) as engine:

        def look():
            while not done.is_set():
                results = engine.search("gadget", limit=100, facets=["colour"], ranking=Ranking(fusion="words"))
                colours = {hit.item["colour"] for hit in results.hits}
                # Both gadgets change colour together.
                if len(colours) > 1 or len(results.hits) not in {0, 2} or results.total != len(results.hits):
                    problems.append(f"{colours} {len(results.hits)} {results.total}")

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(12):
            pair = [item(f"g{i}", f"gadget {i}", colour=["red", "blue"][n % 2]) for i in range(2)]
            engine.put(pl.concat(pair))
        done.set()
        for thread in threads:
            thread.join()
    assert problems == []


_CHILD = """
import sys
import polars as pl
from evenshelf.index import SearchEngine
with SearchEngine.open(sys.argv[1]) as engine:
    n = int(sys.argv[2])
    print("open", flush=True)
    while True:
        frame = pl.DataFrame({"item_id": [f"k{n}", f"l{n}"], "title": [f"widget number{n}", f"wodget number{n}"]})
        engine.put(frame)
        if n % 3 == 2:
            engine.delete([f"k{n - 1}"])
        print(n, flush=True)
        n += 1
"""


def test_a_kill_loses_nothing_that_was_acknowledged_and_leaves_a_usable_index(built, path):
    shutil.copytree(built, path)
    at = 0
    for round_ in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path), str(at)], stdout=subprocess.PIPE, text=True, env=os.environ.copy()
        )
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "open"
        acknowledged = [int(child.stdout.readline()) for _ in range(2 + round_)]
        # In the middle of whatever it does next, a little later every time.
        time.sleep(0.004 * round_)
        child.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().split() if line.isdigit()]
        child.wait()
        child.stdout.close()
        at = acknowledged[-1] + 5
        with SearchEngine.open(path) as engine:
            there = set(engine.items()["item_id"])
            for n in acknowledged:
                assert f"l{n}" in there
                assert ids(engine.search(f"wodget number{n}"))[0] == f"l{n}"
                gone = (n % 3 == 1) and n + 1 in acknowledged
                assert (f"k{n}" in there) != gone
            # A batch is there whole or not at all.
            assert {i[1:] for i in there if i[0] == "k"} <= {i[1:] for i in there if i[0] == "l"}
            engine.put(item("after", "still writable"))
            assert ids(engine.search("still writable"))[0] == "after"


def test_a_build_that_dies_leaves_the_index_that_was_there(built, path):
    shutil.copytree(built, path)
    (path / "g2").mkdir()
    (path / "g2" / "documents.arrow").write_bytes(b"half")
    (path / "index.toml.123").write_text("half")
    with SearchEngine.open(path) as engine:
        assert len(engine) == 20
    with SearchEngine.build(path, catalogue(2)) as engine:
        assert len(engine) == 40
    assert [folder.name for folder in path.glob("g*")] == ["g3"]


def test_another_process_takes_in_what_changed(built, path):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as one, SearchEngine.open(path) as other:
        one.put(item("new", "Zyxxon hoverboard"))
        assert len(other) == 20
        other.refresh()
        assert ids(other.search("hoverboard"))[0] == "new"
        other.put(item("newer", "Zyxxon scooter"))
        one.put(item("newest", "Zyxxon skates"))
        assert {"new", "newer", "newest"} <= set(one.items()["item_id"])
        with SearchEngine.build(path, catalogue(2)):
            one.refresh()
            assert len(one) == 40


def test_a_snapshot_is_an_index_of_its_own(built, path, tmp_path):
    shutil.copytree(built, path)
    copy = tmp_path / "copies" / "monday"
    copy.parent.mkdir()
    with SearchEngine.open(path) as engine:
        engine.put(item("new", "Zyxxon hoverboard"))
        engine.snapshot(copy)
        engine.delete(["new"])
        with pytest.raises(InputError, match="exists"):
            engine.snapshot(copy)
    with SearchEngine.open(copy) as snapshot:
        assert ids(snapshot.search("hoverboard"))[0] == "new"
        snapshot.put(item("more", "Zyxxon scooter"))
    with SearchEngine.open(path) as engine:
        assert len(engine) == 20


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pl.DataFrame({"title": ["x"]}), "item_id"),
        (pl.DataFrame({"item_id": [1], "title": ["x"]}), "not text"),
        (pl.DataFrame({"item_id": ["a", None], "title": ["x", "y"]}), "Row 1"),
        (pl.DataFrame({"item_id": ["a"], "title": [None]}, schema={"item_id": pl.String, "title": pl.String}), "'a'"),
        (pl.DataFrame({"item_id": ["a", "a"], "title": ["x", "y"]}), "more than once"),
    ],
)
def test_items_that_cannot_be_indexed_are_named(built, path, frame, told):
    with pytest.raises(InputError, match=told):
        SearchEngine.build(path, frame)
    assert not (path / MANIFEST).exists()
    shutil.copytree(built, path, dirs_exist_ok=True)
    with SearchEngine.open(path) as engine, pytest.raises(InputError, match=told):
        engine.put(frame)


@pytest.mark.parametrize(
    ("queries", "told"),
    [
        (pl.DataFrame({"text": ["lamp"], "count": [1.0]}), "'query'"),
        (pl.DataFrame({"query": ["lamp"]}), "'count'"),
        (pl.DataFrame({"query": [1], "count": [1.0]}), "not text"),
        (pl.DataFrame({"query": ["lamp"], "count": ["often"]}), "not a number"),
        (pl.DataFrame({"query": ["lamp"], "count": [-3]}), "'lamp' was asked -3"),
        (pl.DataFrame({"query": ["lamp"], "count": [float("nan")]}), "'lamp' was asked nan"),
    ],
)
def test_queries_that_cannot_be_kept_are_told_before_anything_is_built(built, path, queries, told):
    with pytest.raises(InputError, match=told):
        SearchEngine.build(path, catalogue(), queries=queries)
    assert not path.exists()
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine:
        with pytest.raises(InputError, match=told):
            engine.set_queries(queries)
        engine.set_queries(pl.DataFrame({"query": ["lapdog", None, "lapwing"], "count": [5, 5, None]}))
        assert engine.suggest("lap")[0].text == "lapdog"
        assert "lapwing" not in {s.text for s in engine.suggest("lap")}


def test_columns_of_categories_are_texts(path):
    colours = pl.Enum(["red", "blue"])
    items = catalogue().with_columns(
        pl.col("brand").cast(pl.Categorical), pl.col("colour").cast(colours), pl.col("item_id").cast(pl.Categorical)
    )
    with SearchEngine.build(path, items, encoder="tfidf") as engine:
        plain = catalogue()
        assert engine.items().equals(plain)
        hp = set(plain.filter(pl.col("brand") == "HP")["item_id"])
        assert set(ids(engine.search("", filters="brand:HP", limit=50))) == hp
        assert engine.search("", facets="colour").facets["colour"] == {"red": 7, "blue": 7}
        new = item("new", "Zyxxon", brand="HP", colour="green")
        engine.put(new.with_columns(pl.col("brand", "colour").cast(pl.Categorical)))
        assert engine.search("", filters=["brand:HP", "colour:green"]).hits[0].item["colour"] == "green"
        assert engine.search("", filters=["brand:HP"]).total == len(hp) + 1


def test_one_item_is_deleted_by_its_name_alone(built, path):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine:
        engine.delete("i10")
        assert len(engine) == 19
        with pytest.raises(InputError, match="'i10' to delete"):
            engine.delete("i10")


def test_a_column_that_does_not_fit_is_refused_and_nothing_is_written(built, path):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine:
        with pytest.raises(InputError, match="price"):
            engine.put(pl.DataFrame({"item_id": ["x"], "title": ["x"], "price": ["cheap"]}))
        with pytest.raises(InputError, match="nobody"):
            engine.delete(["i1", "nobody"])
        assert len(engine) == 20
    with SearchEngine.open(path) as again:
        assert len(again) == 20


def test_an_empty_catalogue_can_be_searched_and_filled(path):
    empty = catalogue().clear()
    with SearchEngine.build(path, empty) as engine:
        assert engine.search("laptop").total == engine.search("").total == 0
        engine.put(catalogue().head(3))
        assert ids(engine.search("xps"))[0] == "i0"
        assert engine.search("", filters=["price:>600"]).total == 2


def test_what_is_no_index_is_told(tmp_path, built):
    with pytest.raises(InputError, match="no index"):
        SearchEngine.open(tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(built, broken)
    (broken / MANIFEST).write_text("format = 99")
    with pytest.raises(InputError, match="format 99"):
        SearchEngine.open(broken)
    (broken / MANIFEST).write_text("format = ")
    with pytest.raises(InputError, match="cannot be read"):
        SearchEngine.open(broken)
    shutil.copy(built / MANIFEST, broken / MANIFEST)
    shutil.rmtree(broken / "g1" / "words")
    with pytest.raises(InputError, match="cannot be read"):
        SearchEngine.open(broken)


def test_settings_that_are_not_known_are_refused(path):
    with pytest.raises(SettingError):
        SearchEngine.build(path, catalogue(), encoder="nonesuch")
    with pytest.raises(SettingError):
        SearchEngine.build(path, catalogue(), language="klingon")
    with pytest.raises(InputError, match="line 1"):
        SearchEngine.build(path, catalogue(), synonyms=["alone"])
    assert not (path / MANIFEST).exists()


def test_fitted_encoders_are_kept_with_the_index(path):
    with SearchEngine.build(path, catalogue(), encoder="tfidf") as engine:
        first = engine.search("运动鞋", ranking=Ranking(fusion="vectors"))
    with SearchEngine.open(path) as again:
        assert ids(again.search("运动鞋", ranking=Ranking(fusion="vectors"))) == ids(first)


@pytest.mark.parametrize(
    ("column", "value"), [("colour", True), ("path", True), ("tags", 5), ("in_stock", "yes"), ("launched", 5)]
)
def test_a_value_of_another_kind_does_not_spoil_the_index(built, path, column, value):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine, pytest.raises(InputError, match=column):
        engine.put(item("x", "x", **{column: value}))
    with SearchEngine.open(path) as again:
        assert len(again) == 20
        again.put(item("x", "Zyxxon", **{column: None}))
        assert ids(again.search("zyxxon"))[0] == "x"


def test_columns_that_are_shown_alone_keep_their_kind(path):
    items = catalogue().with_columns(image=pl.lit("a.png"), row=pl.lit(1), sizes=pl.Series([[1, 2]] * 20))
    with SearchEngine.build(path, items) as engine:
        with pytest.raises(InputError, match="image"):
            engine.put(item("x", "x", image=["a.png"]))
        engine.put(item("x", "x", image=None, sizes=[]))
        engine.put(item("y", "y", parts=["new"]))
        with pytest.raises(InputError, match="parts"):
            engine.put(item("z", "z", parts="new"))
    with SearchEngine.open(path) as again:
        assert {"x", "y"} < set(again.items()["item_id"])


@pytest.mark.parametrize(
    ("columns", "sort"),
    [({}, None), ({"popularity": 0.0}, None), ({"price": 5.0}, "price"), ({"price": 5.0}, "-price")],
)
@pytest.mark.parametrize("query", ["", "lamp"])
def test_pages_lose_nothing_where_much_was_put_and_is_alike(path, columns, sort, query):
    rows = [{"item_id": f"i{n}", "title": f"lamp {n}"} | (columns if n % 3 else {}) for n in range(60)]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    with SearchEngine.build(path, frame.head(20), encoder="tfidf") as engine:
        # More than there were: the engine of words has these first.
        engine.put(frame.tail(40))
        words = Ranking(fusion="words")
        pages = [engine.search(query, offset=at, limit=10, sort=sort, ranking=words) for at in range(0, 60, 10)]
        assert sorted(i for page in pages for i in ids(page)) == sorted(frame["item_id"])


def test_words_of_items_that_are_gone_are_words_of_no_item(path):
    titles = [f"lamp {n}" for n in range(20)] + ["labtop stand", "laptop stand"]
    frame = pl.DataFrame({"item_id": [f"i{n}" for n in range(22)], "title": titles})
    with SearchEngine.build(path, frame, encoder="tfidf") as engine:
        engine.delete(["i20"])
        assert engine.search("labtop").corrected == "laptop"
        for _ in range(4):
            engine.put(frame.head(3))
        engine.delete([f"i{n}" for n in range(3, 20)])
        hits = engine.search("lamp 1", explain=True, ranking=Ranking(fusion="words", popularity_weight=0.0)).hits
        assert ids(engine.search("lamp 1"))[0] == "i1"
        assert all(0 <= hit.score <= 1 for hit in hits)


def test_an_index_that_was_built_anew_is_understood_anew(path):
    frame = pl.DataFrame({"item_id": ["a", "b"], "title": ["sofa red", "laufende Schuhe"]})
    words = Ranking(fusion="words")
    with SearchEngine.build(path, frame, encoder="tfidf") as engine:
        assert engine.search("couch", ranking=words).total == 0
        with SearchEngine.build(path, frame, encoder="minilm-int8", language="german", synonyms=["couch, sofa"]) as new:
            # What was open still answers, files or not, until it takes the change in.
            assert "sofa red" in [s.text for s in engine.suggest("so")]
            engine.put(item("c", "Stuhl"))
            assert ids(engine.search("couch", ranking=words)) == ["a"]
            assert engine.search("laufen schuh", ranking=words).total == 1
            new.refresh()
            for query in ("couch", "laufen"):
                assert engine.search(query).hits == new.search(query).hits


def test_what_is_taken_in_while_it_is_written_is_found_later(built, path, monkeypatch):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as writer, SearchEngine.open(path) as reader:
        looked = []

        def watched(opened, view):
            reader.refresh()
            looked.append(len(reader))
            return applied(opened, view)

        monkeypatch.setattr("evenshelf.index.changing.applied", watched)
        writer.put(item("new", "Zyxxon hoverboard"))
        # While the change was written down and its words were not there yet.
        assert looked == [20]
        reader.refresh()
        assert ids(reader.search("hoverboard", ranking=Ranking(fusion="words"))) == ["new"]


@pytest.mark.parametrize("torn", ["", '{"bat', "[]", "null"])
def test_changes_are_applied_again_where_it_is_not_known_that_they_were(built, path, torn):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine:
        engine.put(item("i0", "Zyxxon hoverboard"))
        engine.put(item("i0", "Zyxxon scooter"))
    (path / "g1" / "applied.json").write_text(torn)
    words = Ranking(fusion="words")
    with SearchEngine.open(path) as again:
        assert ids(again.search("zyxxon", ranking=words)) == ["i0"]
        assert again.search("hoverboard", ranking=words).total == 0
        assert again.search("", limit=100).total == len(again) == 20


def test_a_disk_that_was_full_is_written_to_when_there_is_room(built, path):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine:
        connection = engine._opened.journal._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(InputError, match="cannot be written"):
            engine.put(item("big", "Zyxxon hoverboard", description=" ".join(map(str, range(50_000)))))
        assert len(engine) == 20
        connection.execute(f"PRAGMA max_page_count = {pages + 10_000}")
        engine.put(item("big", "Zyxxon hoverboard"))
        assert ids(engine.search("hoverboard"))[0] == "big"
    with SearchEngine.open(path) as again:
        assert len(again) == 21


@contextlib.contextmanager
def _no_new_files(engine):
    """Tantivy cannot write its list of files, which it does before each of them."""
    managed = engine.path / "g1" / "words" / ".managed.json"
    held = managed.read_bytes()
    managed.unlink()
    managed.mkdir()
    (managed / "in the way").touch()
    yield
    shutil.rmtree(managed)
    managed.write_bytes(held)


@contextlib.contextmanager
def _words_in_use(engine):
    """Another writer holds the words."""
    writer = engine._generation.lexical.writer()
    yield
    writer.close()


@contextlib.contextmanager
def _folder_gone(engine):
    """The disk of the words is gone for a while."""
    words = engine.path / "g1" / "words"
    away = words.rename(engine.path / "away")
    yield
    shutil.rmtree(words, ignore_errors=True)
    away.rename(words)


@contextlib.contextmanager
def _not_told(engine):
    """The words are written, but that they are cannot be."""
    told = engine.path / "g1" / "applied.json.new"
    told.mkdir()
    yield
    told.rmdir()


@contextlib.contextmanager
def _not_taken_back(engine):
    """The words cannot be written, and the journal not be changed back: its disk is full by then."""
    engine._opened.journal._connection.execute(
        "CREATE TRIGGER full BEFORE DELETE ON batches BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    )
    with _no_new_files(engine):
        yield
    engine._opened.journal._connection.execute("DROP TRIGGER full")


@pytest.mark.parametrize(
    ("broken", "kept"),
    [
        (_no_new_files, False),
        (_words_in_use, False),
        (_folder_gone, True),
        (_not_told, True),
        (_not_taken_back, True),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_a_change_that_cannot_be_written_is_made_whole_or_not_at_all(built, path, broken, kept, again):
    shutil.copytree(built, path)
    words = Ranking(fusion="words")
    new = pl.concat([item("i0", "Zyxxon hoverboard"), item("new", "Zyxxon scooter")])

    def seen(engine):
        found = engine.search("zyxxon", ranking=words), engine.search("dell xps", ranking=words)
        return sorted(ids(found[0])), ids(found[1])[:1], engine.search("", limit=50).total, len(engine)

    with SearchEngine.open(path) as engine:
        before = seen(engine)
        with broken(engine), pytest.raises(InputError, match="kept" if kept else "not made"):
            engine.put(new)
        assert seen(engine) == before
        if again:
            # The next change brings what was kept with it, and nothing else.
            engine.delete("i5")
        with SearchEngine.open(path) as other:
            zyxxons, dell, total, size = seen(other)
            assert zyxxons == (["i0", "new"] if kept else [])
            assert (dell == ["i0"]) != kept
            assert total == size == 20 + kept - again
        engine.refresh()
        assert seen(engine) == (zyxxons, dell, total, size)
        engine.put(new)
        assert seen(engine)[0] == ["i0", "new"]


def test_what_was_kept_and_still_cannot_be_written_is_told_on_opening(built, path):
    shutil.copytree(built, path)
    with SearchEngine.open(path) as engine:
        with _not_taken_back(engine), pytest.raises(InputError):
            engine.put(item("new", "Zyxxon hoverboard"))
        with _words_in_use(engine):
            with pytest.raises(InputError, match="cannot be written"):
                SearchEngine.open(path)
            with pytest.raises(InputError, match="cannot be written"):
                engine.delete("i0")
    with SearchEngine.open(path) as again:
        assert ids(again.search("hoverboard"))[:1] == ["new"]
        assert len(again) == 21
