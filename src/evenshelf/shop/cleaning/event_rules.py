"""All rules over events, and how they are asked.

Those over single rows are in :mod:`evenshelf.shop.cleaning.row_rules`, those over the whole log in
:mod:`evenshelf.shop.cleaning.log_rules`. How events belong together is in :mod:`evenshelf.shop.cleaning.event_links`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.cleaning.event_context import EventContext, whole_log
from evenshelf.shop.cleaning.log_rules import LOG_RULES, OVER_LOG
from evenshelf.shop.cleaning.row_rules import ROW_RULES
from evenshelf.shop.cleaning.switches import unknown_rules
from evenshelf.shop.cleaning.table_rules import RULES_BY_TABLE
from evenshelf.shop.schema import EVENTS, PROVENANCE, TABLES

if TYPE_CHECKING:
    from collections.abc import Collection

    from evenshelf.shop.progress import Progress

__all__ = ["LOG_RULES", "OVER_LOG", "ROW_RULES", "EventContext", "refuse_from_log", "refuse_rows", "whole_log"]

_OF_EVENTS = [*(rule.name for rule in ROW_RULES), *(rule.name for rule in LOG_RULES)]
_TYPES = {column.name: column.dtype for column in EVENTS.columns}


def refuse_rows(
    frame: pl.DataFrame, context: EventContext, *, off: Collection[str] = (), table: str = "events"
) -> pl.DataFrame:
    """Ask all rules over single rows of a table: :data:`~evenshelf.shop.cleaning.table_rules.RULES_BY_TABLE`.

    Parameters
    ----------
    frame
        Columns of the table; those that are missing are taken to be empty.
    context
        What rules need to know.
    off
        Names of rules not to ask.
    table
        Its name.

    Returns
    -------
    polars.DataFrame
        ``reason`` (the name of the first rule that finds the row, null for rows to keep) and ``detail``, one row for
        each row of `frame`, in its order.

    Raises
    ------
    SettingError
        If a name in `off` is none of a rule.
    """
    rules = RULES_BY_TABLE.get(table, ())
    _check(off, [rule.name for rule in rules] if table != "events" else _OF_EVENTS)
    asked = [rule for rule in rules if rule.name not in off]
    hits = [(rule, rule.wrong(context).fill_null(value=False)) for rule in asked]
    nothing = pl.lit(None, pl.String)
    return (
        frame.with_columns(
            pl.lit(None, c.dtype).alias(c.name) for c in TABLES[table].columns if c.name not in frame.columns
        )
        .with_columns(
            reason=pl.coalesce(*(pl.when(hit).then(pl.lit(rule.name)) for rule, hit in hits), nothing),
            detail=pl.coalesce(*(pl.when(hit).then(rule.detail) for rule, hit in hits), nothing),
        )
        .select("reason", "detail")
    )


def refuse_from_log(
    events: pl.LazyFrame,
    context: EventContext,
    *,
    off: Collection[str] = (),
    excused: pl.DataFrame | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Ask all :data:`LOG_RULES`; the log is read in a stream, once or twice for each.

    Parameters
    ----------
    events
        All events that no row rule has refused; columns that are missing are taken to be empty.
    context, off
        See :func:`refuse_rows`.
    excused
        Rows that a rule must leave alone, by the columns of :data:`~evenshelf.shop.schema.PROVENANCE` and ``reason``,
        the name of the rule; other rules are asked about them.
    progress
        Told about the work as it goes on.

    Returns
    -------
    polars.DataFrame
        The rows to refuse, each once and in order: the columns of :data:`~evenshelf.shop.schema.PROVENANCE`,
        ``reason`` and ``detail``.

    Raises
    ------
    SettingError
        If a name in `off` is none of a rule.
    """
    _check(off, _OF_EVENTS)
    asked = [rule for rule in LOG_RULES if rule.name not in off]
    # What a shop calls detail or reason must not be taken for ours.
    events = whole_log(events).select(EVENTS.names)
    found = []
    for done, rule in enumerate(asked):
        if progress is not None:
            progress(f"rule {rule.name}", done, len(asked))
        rows = rule.find(events, context).collect(engine="streaming")
        if excused is not None:
            rows = rows.join(excused.filter(pl.col("reason") == rule.name), on=list(PROVENANCE), how="anti")
        found.append(rows.select(*PROVENANCE, reason=pl.lit(rule.name), detail=pl.col("detail")))
    if not found:
        return pl.DataFrame(schema={c: _TYPES[c] for c in PROVENANCE} | {"reason": pl.String, "detail": pl.String})
    return pl.concat(found).unique(PROVENANCE, keep="first", maintain_order=True).sort(PROVENANCE)


def _check(off: Collection[str], choices: Collection[str]) -> None:
    problems = unknown_rules("off", off, choices)
    if problems:
        raise SettingError("; ".join(problems), hint=f"Rules: {', '.join(choices) or 'none'}.")
