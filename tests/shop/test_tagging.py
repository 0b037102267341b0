"""Tags of users: rules as texts and values, against a plain loop; segments; imported tags."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from evenshelf.cli.app import app
from evenshelf.errors import InputError, SettingError
from evenshelf.shop.schema import EVENTS, KINDS
from evenshelf.shop.store import Shop
from evenshelf.shop.tagging.by_rules import rule_tags
from evenshelf.shop.tagging.segments import SEGMENTS, rfm, rfm_tags
from evenshelf.shop.tagging.tag_rules import Condition, TagRule, bought, parse_tag_rule
from evenshelf.shop.tagging.users import TagCount, count_tags, parse_all, tag_users, tags_of_users

NOW = datetime(2024, 6, 30, tzinfo=UTC)
TYPES = {column.name: column.dtype for column in EVENTS.columns}
COLUMNS = ("time", "user_id", "item_id", "kind", "value", "price")

ITEMS = pl.LazyFrame(
    {
        "item_id": ["r1", "r2", "s1"],
        "category": ["Running Shoe", "Running Shoe", "Shirt"],
        "path": ["Shoes|Running Shoe", "Shoes|Running Shoe", "Clothes|Shirt"],
        "tags": ["sale|new", None, "news"],
    }
)


def log(*rows):
    """Make events of (user, item, kind, days ago, value, price)."""
    made = [
        {
            "user_id": u,
            "item_id": i,
            "kind": k,
            "time": None if d is None else NOW - timedelta(days=d),
            "value": v,
            "price": p,
        }
        for u, i, k, d, v, p in rows
    ]
    return pl.DataFrame(made, schema={name: TYPES[name] for name in COLUMNS}).lazy()


EVENTS_OF_TWO = log(
    ("ann", "r1", "purchase", 80, 1.0, 50.0),
    ("ann", "r2", "purchase", 10, 2.0, 60.0),
    ("ann", "r1", "purchase", 0, None, None),
    ("ann", "s1", "view", 0, None, None),
    ("bob", "r1", "purchase", 95, 5.0, 10.0),
    ("bob", "s1", "purchase", 20, 1.0, 10.0),
    ("bob", "r1", "purchase", 5, 1.0, 10.0),
    (None, "r1", "purchase", 5, 1.0, 10.0),
    ("eve", "s1", "view", 400, None, None),
)


@pytest.mark.parametrize(
    ("rule", "users"),
    [
        ('x: purchase >= 3 in category "Running Shoe" within 90 days', ["ann"]),
        ("x: purchase >= 2 in category 'Running Shoe'", ["ann", "bob"]),
        ("x: purchase >= 2 in path Shoes", ["ann", "bob"]),
        ("x: view >= 1 in path Clothes", ["ann", "eve"]),
        ("x: purchase >= 1 in tags new", ["ann", "bob"]),
        ("x: purchase >= 1 in tags news", ["bob"]),
        ("x: pieces of purchase = 4", ["ann"]),
        ("x: pieces of purchase >= 7", ["bob"]),
        ("x: spend of purchase > 100", ["ann"]),
        ("x: items of purchase = 2", ["ann", "bob"]),
        ("x: days of purchase < 3", ["eve"]),
        ("x: purchase = 0", ["eve"]),
        ("x: purchase >= 1 and purchase <= 1 within 2 weeks", ["bob"]),
        ("x: purchase >= 1 within 24 hours", ["ann"]),
        ("x: view>=1 and purchase=0 within 365 days", ["eve"]),
    ],
)
def test_rules_give_tags_to_whom_they_say(rule, users):
    got = rule_tags(EVENTS_OF_TWO, [parse_tag_rule(rule)], items=ITEMS)
    assert got["user_id"].to_list() == users
    assert set(got["tag"]) == {"x"}


def test_now_can_be_given_and_later_events_do_not_count():
    rule = parse_tag_rule("x: purchase >= 1")
    assert rule_tags(EVENTS_OF_TWO, [rule], now=NOW - timedelta(days=90))["user_id"].to_list() == ["bob"]


WORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="\"'|"), min_size=1, max_size=8)
CONDITIONS = st.builds(
    Condition,
    kind=st.sampled_from(KINDS),
    compare=st.sampled_from([">=", "<=", ">", "<", "="]),
    amount=st.integers(0, 99) | st.floats(0, 1e6),
    measure=st.sampled_from(["events", "pieces", "spend", "items", "days"]),
    within=st.none() | st.integers(1, 400).map(lambda h: timedelta(hours=h)),
) | st.builds(Condition, st.just("view"), st.just(">"), st.just(2), column=WORDS, value=WORDS)


@given(WORDS.map(str.strip).filter(lambda t: t and ":" not in t), st.lists(CONDITIONS, min_size=1, max_size=3))
def test_a_rule_is_what_its_text_says(tag, conditions):
    rule = TagRule(tag, tuple(conditions))
    assert parse_tag_rule(str(rule)) == rule


def test_the_builder_writes_the_same_rule():
    rule = TagRule("runner", (bought(at_least=3, in_category="Running Shoe", within_days=90),))
    assert parse_tag_rule('runner: purchase >= 3 in category "Running Shoe" within 90 days') == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("runner purchase", "no colon after the tag"),
        ("runner: purchases >= 3", r"position 9: expected one of .*\(did you mean purchase\?\), found 'purchases'"),
        ("runner: purchase => 3", "position 18: expected one of >=.*found '=>'"),
        ("runner: purchase >= x", "position 21: expected a number that is at least 0, found 'x'"),
        ("runner: purchase >= -1", "position 21: expected a number"),
        ("runner: purchase >= nan", "position 21: expected a number"),
        ("runner: purchase >= 3 in category", "position 34: expected a value of that column, found the end"),
        ("runner: purchase >= 3 within 90 moons", "position 33: expected hours, days or weeks.*'moons'"),
        ("runner: purchase >= 3 within 0 days", "position 30: expected a number above 0"),
        ("a: purchase >= 3 in c 'x within 3 days", "position 23: a quote is not closed"),
        ("a: pieces purchase > 2", "position 11: expected 'of', found 'purchase'"),
        ("a: purchase >= 3 or view > 2", "position 18: expected 'and', 'in', 'within' or the end, found 'or'"),
        ("a: purchase >= 3 and", "position 21: expected one of"),
        ("a|b: purchase > 1", "'a|b' is no tag"),
        (":purchase > 1", "'' is no tag"),
        ("a:", "position 3: expected one of"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(text, said):
    with pytest.raises(SettingError, match=said.replace("a|b", r"a\|b")):
        parse_tag_rule(text)


def test_all_wrong_rules_are_named_at_once():
    with pytest.raises(SettingError, match=r"(?s)'a:'.*'b: x'"):
        parse_all(["a:", "b: x", "ok: view > 1"])


@pytest.mark.parametrize("wrong", [{"kind": "buy"}, {"compare": "=="}, {"amount": -1}, {"column": "category"}])
def test_a_wrong_condition_is_refused(wrong):
    with pytest.raises(SettingError, match="tag rule"):
        Condition(**{"kind": "view", "compare": ">", "amount": 1, **wrong})


def test_columns_and_values_that_no_item_has_are_refused():
    with pytest.raises(SettingError, match=r"no column 'categroy' \(did you mean category\?\)"):
        rule_tags(EVENTS_OF_TWO, [parse_tag_rule("x: view > 1 in categroy Shirt")], items=ITEMS)
    with pytest.raises(SettingError, match=r"no item has 'Shirts' in 'category' \(did you mean Shirt\?\)"):
        rule_tags(EVENTS_OF_TWO, [parse_tag_rule("x: view > 1 in category Shirts")], items=ITEMS)
    with pytest.raises(SettingError, match="no items table"):
        rule_tags(EVENTS_OF_TWO, [parse_tag_rule("x: view > 1 in category Shirt")])


def test_rules_about_time_need_times():
    untimed = log(("ann", "r1", "view", None, None, None))
    assert rule_tags(untimed, [parse_tag_rule("x: view >= 1")]).height == 1
    with pytest.raises(InputError, match="no event has a time"):
        rule_tags(untimed, [parse_tag_rule("x: view >= 1 within 3 days")])


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["r1", "r2", "s1"]),
        st.sampled_from(["purchase", "view"]),
        st.integers(0, 6),
        st.sampled_from([1.0, 2.0, None]),
        st.sampled_from([3.0, None]),
    ),
    max_size=20,
)


@given(ROWS, st.sampled_from(["events", "pieces", "spend", "items", "days"]), st.integers(0, 6), st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_agrees_with_a_plain_loop(rows, measure, amount, days):
    condition = Condition("purchase", ">=", amount, measure, "category", "Running Shoe", timedelta(days=days))
    bought_by_users = [row for row in rows if row[2] == "purchase"]
    if measure == "spend" and bought_by_users and all(row[5] is None for row in bought_by_users):
        with pytest.raises(InputError, match="no purchase has a price"):
            rule_tags(log(*rows), [TagRule("x", (condition,))], items=ITEMS, now=NOW)
        return
    got = rule_tags(log(*rows), [TagRule("x", (condition,))], items=ITEMS, now=NOW)["user_id"].to_list()
    expected = []
    for user in sorted({row[0] for row in rows}):
        mine = [r for r in rows if r[0] == user and r[1] != "s1" and r[2] == "purchase" and r[3] < days]
        pieces = [1.0 if r[4] is None else r[4] for r in mine]
        figure = {
            "events": len(mine),
            "pieces": sum(pieces),
            "spend": sum(p * (r[5] or 0) for p, r in zip(pieces, mine, strict=True)),
            "items": len({r[1] for r in mine}),
            "days": len({r[3] for r in mine}),
        }[measure]
        if figure >= amount:
            expected.append(user)
    assert got == expected


@pytest.fixture
def shop(tmp_path):
    """A shop with the items and events of two, and a table of users that came with tags."""
    made = Shop.new(tmp_path / "shop")
    users = pl.DataFrame({"user_id": ["ann", "zoe", "max"], "tags": ["vip|a", " vip |", None]})
    titled = ITEMS.collect().with_columns(title=pl.col("item_id"))
    made.commit({"items": titled, "events": EVENTS_OF_TWO.collect(), "users": users})
    return made.path


def held(path):
    out = {}
    for user, tag, origin in tags_of_users(Shop.open(path)).iter_rows():
        out.setdefault(user, {})[tag] = origin
    return out


@pytest.fixture
def bare_shop(tmp_path):
    """Events without times or prices: two views by ann, one by bob, who has bought as well."""
    made = Shop.new(tmp_path / "bare")
    rows = [("ann", "r1", "view"), ("ann", "r2", "view"), ("bob", "r1", "view"), ("bob", "r1", "purchase")]
    made.commit({"events": pl.DataFrame(rows, schema=["user_id", "item_id", "kind"], orient="row")})
    return made.path


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("a: spend of purchase > 1", 3, "no purchase has a price"),
        ("a: spend of purchase < 1", 3, "no purchase has a price"),
        ("a: days of view > 1", 3, "no view has a time"),
        ("a: view > 1 within 5 days", 3, "no event has a time"),
        ("a: view > 1 within 1e15 days", 2, "must be above 0 and at most 36500 days"),
    ],
)
def test_rules_about_what_a_log_does_not_tell_are_one_clear_error_and_tag_nobody(bare_shop, rule, code, said):
    tag_users(bare_shop, ["seen: view > 1"])
    before = held(bare_shop)
    assert before == {"ann": {"seen": "seen: view > 1"}}
    done = CliRunner().invoke(app, ["shop", "tag", str(bare_shop), "--rule", rule])
    assert done.exit_code == code
    assert done.stderr.count("error: ") == 1
    assert said in " ".join(done.stderr.split())
    assert held(bare_shop) == before


def test_rules_about_events_that_nobody_has_had_are_no_error(bare_shop):
    tag_users(bare_shop, ["a: spend of cart > 1", "b: spend of cart = 0"])
    assert held(bare_shop) == {user: {"b": "b: spend of cart = 0"} for user in ("ann", "bob")}


def test_rules_and_segments_stand_beside_the_tags_that_users_came_with(shop):
    report = tag_users(shop, ["b: view >= 1", "a: purchase >= 1"], segments=True)
    tags = held(shop)
    assert {user: [t for t in mine if not t.startswith("rfm_")] for user, mine in tags.items()} == {
        "ann": ["a", "b", "vip"],
        "bob": ["a"],
        "eve": ["b"],
        "zoe": ["vip"],
    }
    assert tags["ann"]["a"] == "a: purchase >= 1"
    assert tags["zoe"] == {"vip": "imported"}
    assert {o for mine in tags.values() for t, o in mine.items() if t.startswith("rfm_")} == {"rfm"}
    assert (report.users, report.tagged) == (5, 4), "max has none, and counts"
    assert {(t.tag, t.users) for t in report.tags} >= {("a", 2), ("b", 2), ("vip", 2)}
    assert count_tags(Shop.open(shop)) == report
    Shop.open(shop).verify()


def test_a_tag_is_given_anew_and_others_stay(shop):
    tag_users(shop, ["b: view >= 1", "c: purchase >= 1"], segments=True)
    before = held(shop)
    tag_users(shop, ["b: view >= 1", "c: purchase >= 1"], segments=True)
    assert Shop.open(shop).manifest.revision == 2, "what is the same makes no revision"
    tag_users(shop, ["c: purchase > 99", "c: view >= 1"])
    after = held(shop)
    assert [user for user, mine in after.items() if "c" in mine] == ["ann", "eve"]
    assert after["eve"]["c"] == "c: purchase > 99\nc: view >= 1"
    drop = {"c"}
    assert {u: {t: o for t, o in m.items() if t not in drop} for u, m in after.items()} == {
        u: {t: o for t, o in m.items() if t not in drop} for u, m in before.items()
    }
    tag_users(shop, remove=["b"])
    assert not any("b" in mine for mine in held(shop).values())
    with pytest.raises(SettingError, match=r"no rule has given the tag 'cc' \(did you mean c\?\), 'vip'"):
        tag_users(shop, remove=["cc", "vip"])


def test_without_events_nobody_is_tagged_by_rules(tmp_path):
    Shop.new(tmp_path / "shop").commit({"users": pl.DataFrame({"user_id": ["u"], "tags": ["x"]})})
    assert count_tags(Shop.open(tmp_path / "shop")).tags == (TagCount("x", 1, "imported"),)
    with pytest.raises(SettingError, match="no events"):
        tag_users(tmp_path / "shop", ["a: view > 1"])


def test_rules_of_a_file_and_the_command(shop, tmp_path):
    file = tmp_path / "rules.txt"
    file.write_text('# who runs\n\nrunner: purchase >= 1 in category "Running Shoe"\nb: view >= 1\n', encoding="utf-8")
    run = CliRunner().invoke
    done = run(app, ["shop", "tag", str(shop), "--rules", str(file), "--rule", "late: days of purchase >= 2", "--json"])
    assert done.exit_code == 0, done.output
    assert {t["tag"]: t["users"] for t in json.loads(done.stdout)["tags"]}["runner"] == 2
    listed = run(app, ["shop", "tag", str(shop)])
    assert "runner" in listed.stdout
    assert "4 of 5 users have tags" in listed.stdout
    file.write_text("ok: view > 1\nbad\nworse: view\n", encoding="utf-8")
    failed = run(app, ["shop", "tag", str(shop), "--rules", str(file)])
    assert failed.exit_code == 2
    assert "line 2" in failed.output
    assert "line 3" in failed.output


def buyers(number):
    """Buyer k bought k times, last k days ago, for k pieces each."""
    return log(*((f"u{k:03d}", "r1", "purchase", k + n, float(k), 1.0) for k in range(1, number + 1) for n in range(k)))


def test_scores_are_fifths():
    out = rfm(buyers(50), now=NOW)
    for score in "rfm":
        assert out[score].value_counts().sort(score)["count"].to_list() == [10] * 5
    assert out["r"].to_list() == [5 - k // 10 for k in range(50)]
    assert out["f"].to_list() == out["m"].to_list() == [1 + k // 10 for k in range(50)]
    assert out["frequency"].to_list() == list(range(1, 51))
    assert out["recency"].to_list() == [float(k) for k in range(1, 51)]
    assert out["money"].to_list() == [float(k * k) for k in range(1, 51)]
    assert out["segment"].to_list() == [SEGMENTS[r - 1][f - 1] for r, f in out.select("r", "f").iter_rows()]


def test_equal_buyers_have_equal_segments():
    out = rfm(log(*((f"u{k}", "r1", "purchase", 3, 1.0, 2.0) for k in range(7))))
    assert out["segment"].n_unique() == 1
    assert set(out.select("r", "f", "m").row(0)) == {3}


def test_orders_count_once_and_what_came_back_is_not_money():
    events = log(
        ("a", "r1", "purchase", 3, 2.0, 5.0),
        ("a", "r2", "purchase", 3, 1.0, 5.0),
        ("a", "r1", "return", 2, 2.0, 5.0),
        ("b", "r1", "view", 2, None, None),
    ).with_columns(returned=pl.Series([2.0, None, None, None]))
    out = rfm(events, now=NOW)
    assert out.select("user_id", "recency", "frequency", "money").rows() == [("a", 3.0, 1, 5.0)]


def test_money_can_be_left_out_but_not_silently():
    free = log(("a", "r1", "purchase", 3, 1.0, None), ("b", "r1", "purchase", 1, 1.0, None))
    with pytest.raises(InputError, match="no purchase has a price"):
        rfm(free)
    out = rfm(free, money=False)
    assert "money" not in out.columns
    assert out["segment"].null_count() == 0
    with pytest.raises(InputError, match="no event has a time"):
        rfm(log(("a", "r1", "purchase", None, 1.0, 1.0)))
    assert rfm_tags(log(("a", "r1", "view", 1, None, None))).height == 0
