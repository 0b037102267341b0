"""The tags of a shop's users: those that came with them, and those that rules give."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError, SettingError, near
from evenshelf.shop.cleaning.event_rules import whole_log
from evenshelf.shop.store import Shop
from evenshelf.shop.tagging.by_rules import rule_tags
from evenshelf.shop.tagging.segments import SEGMENTS, rfm_tags
from evenshelf.shop.tagging.tag_rules import HINT, SEPARATOR, TagRule, parse_tag_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from evenshelf.shop.progress import Progress

RFM = "rfm"
"""Origin of segments."""
IMPORTED = "imported"
"""Origin of tags that stood in a table of users."""
_SEGMENT_TAGS = frozenset(f"{RFM}_{name}" for row in SEGMENTS for name in row)


@dataclass(frozen=True)
class TagCount:
    """A tag, how many users have it, and where it is from: the text of its rules, ``rfm`` or ``imported``."""

    tag: str
    users: int
    origin: str


@dataclass(frozen=True)
class TagReport:
    """The tags of a shop's users.

    Attributes
    ----------
    users
        Users with or without tags, of the table of users and of the log.
    tagged
        Users with at least one.
    tags
        Each tag, most frequent first.
    """

    users: int
    tagged: int
    tags: tuple[TagCount, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report, ready for JSON."""
        return asdict(self)


def tags_of_users(shop: Shop) -> pl.DataFrame:
    """Return all tags of a shop's users.

    Returns
    -------
    polars.DataFrame
        ``user_id``, ``tag`` and ``origin``, sorted. A tag that a user has from a rule and came with is there once, with
        the origin of the rule.
    """
    given = shop.scan("user_tags").select(pl.col("user_id", "tag", "origin").cast(pl.String))
    found = [given.with_columns(first=pl.lit(value=True))]
    users = shop.scan("users")
    if "tags" in users.collect_schema().names():
        cells = users.select("user_id", tag=pl.col("tags").str.split(SEPARATOR)).explode("tag")
        tags = cells.with_columns(pl.col("tag").str.strip_chars()).filter(pl.col("tag").str.len_bytes() > 0)
        found.append(tags.with_columns(origin=pl.lit(IMPORTED), first=pl.lit(value=False)))
    rows = pl.concat(found).sort("user_id", "tag", "first", descending=[False, False, True])
    return rows.unique(["user_id", "tag"], keep="first", maintain_order=True).drop("first").collect()


def count_tags(shop: Shop) -> TagReport:
    """Count the tags of a shop's users."""
    tags = tags_of_users(shop)
    counts = tags.group_by("tag").agg(users=pl.len(), origin=pl.col("origin").unique().sort().str.join(" or "))
    by_count = counts.sort("users", "tag", descending=[True, False])
    known = [shop.scan("users").select("user_id"), pl.LazyFrame(tags.select("user_id"))]
    if "user_id" in (events := shop.scan("events")).collect_schema().names():
        known.append(events.select("user_id").drop_nulls().unique())
    users = pl.concat(known).unique().select(pl.len()).collect(engine="streaming").item()
    return TagReport(users, tags["user_id"].n_unique(), tuple(TagCount(*row) for row in by_count.iter_rows()))


def tag_users(
    shop_path: str | Path,
    rules: Sequence[str | TagRule] = (),
    *,
    segments: bool = False,
    remove: Sequence[str] = (),
    now: datetime | None = None,
    progress: Progress | None = None,
) -> TagReport:
    """Give tags to the users of a shop by rules over their events, and keep them.

    A tag is given anew each time: users for whom its rules no longer hold lose it. Other tags stay as they are.

    Parameters
    ----------
    shop_path
        Folder of the shop.
    rules
        Rules, or texts as in ``runner: purchase >= 3 in category "Running Shoe" within 90 days``; several may give the
        same tag.
    segments
        Whether to give segments by recency, frequency and money: ``rfm_champion``, ``rfm_lost``, ...
    remove
        Tags that rules gave before, to be taken away.
    now
        What times are counted back from, UTC. None: the last time in the log.
    progress
        Told about the work as it goes on.

    Returns
    -------
    All tags of the shop's users, those of the table of users included.

    Raises
    ------
    InputError
        If there is no shop, or times or prices that a rule needs.
    SettingError
        If a rule cannot be read, names what is not there, or a tag to remove was never given; all problems at once.
    """
    shop = Shop.open(shop_path)
    parsed = parse_all(rules)
    before = shop.read("user_tags").select(pl.col("user_id", "tag", "origin").cast(pl.String))
    _check_removed(remove, before)
    events, items = whole_log(shop.scan("events")), shop.scan("items")
    if (parsed or segments) and not shop.rows("events"):
        raise SettingError(
            f"the shop {shop.path} has no events to tag users by",
            hint="Ingest them: evenshelf ingest SHOP FILE --table events. "
            "Tags that you have already come in as a table of users: --table users.",
        )
    found = [before.filter(~pl.col("tag").is_in(_given_anew(parsed, remove, segments=segments)))]
    if parsed:
        if progress is not None:
            progress("asking rules", 0, None)
        origin: dict[str, str] = {}
        for rule in parsed:
            origin[rule.tag] = "\n".join(filter(None, [origin.get(rule.tag), str(rule)]))
        tags = rule_tags(events, parsed, items=items if shop.rows("items") else None, now=now)
        found.append(tags.with_columns(origin=pl.col("tag").replace_strict(origin, return_dtype=pl.String)))
    if segments:
        if progress is not None:
            progress("scoring buyers", 0, None)
        found.append(rfm_tags(events, now=now).with_columns(origin=pl.lit(RFM)))
    rows = pl.concat(found).unique(["user_id", "tag"], keep="last").sort("user_id", "tag")
    if not rows.equals(before):
        with shop.writing() as writer:
            writer.replace("user_tags", rows)
    return count_tags(Shop.open(shop_path))


def parse_all(rules: Iterable[str | TagRule]) -> list[TagRule]:
    """Read rules; raise one SettingError with the problems of all that are wrong."""
    parsed, problems = [], []
    for rule in rules:
        try:
            parsed.append(parse_tag_rule(rule) if isinstance(rule, str) else rule)
        except SettingError as error:
            problems.append(error.message)
    if problems:
        raise SettingError("\n".join(problems), hint=HINT)
    return parsed


def read_rules(path: Path) -> list[str]:
    """Read rules from a file, one a line; blank lines and what follows # at the begin of a line are left out.

    Raises
    ------
    InputError
        If the file cannot be read.
    SettingError
        If lines are no rules; it names each of them.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    texts, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            parse_tag_rule(line.strip())
        except SettingError as error:
            problems.append(f"{path}, line {number}: {error.message}")
        texts.append(line.strip())
    if problems:
        raise SettingError("\n".join(problems), hint=HINT)
    return texts


def _given_anew(rules: Sequence[TagRule], remove: Sequence[str], *, segments: bool) -> list[str]:
    return sorted({rule.tag for rule in rules} | set(remove) | (_SEGMENT_TAGS if segments else frozenset()))


def _check_removed(remove: Sequence[str], before: pl.DataFrame) -> None:
    there = before["tag"].unique().sort().to_list()
    problems = [f"{tag!r}{near(tag, there, n=1)}" for tag in sorted(set(remove) - set(there))]
    if problems:
        raise SettingError(
            f"no rule has given the tag {', '.join(problems)}",
            hint=f"Given by rules: {', '.join(there) or 'none'}. Imported tags are in the table of users.",
        )
