"""Answers for the terminal, as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.index.documents import text_of
from evenshelf.plurals import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evenshelf.index.results import Explanation, Hit, Results
    from evenshelf.index.shops import Indexed

_SHOWN_VALUES = 8


def indexed_report(indexed: Indexed, shop: str) -> RenderableType:
    """Return what became of an index."""
    engine = indexed.engine
    manifest = engine.manifest
    if indexed.built:
        did = f"indexed {counted(len(engine), 'item', 'items')}"
    elif indexed.put or indexed.deleted:
        did = f"put {counted(indexed.put, 'item', 'items')} and deleted {indexed.deleted}; it holds {len(engine):,}"
    else:
        did = f"up to date, {counted(len(engine), 'item', 'items')}"
    parts: list[RenderableType] = [Text.assemble(("✓ ", "green"), (shop, "bold"), f": {did}.")]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_row("stems", manifest.language)
    trusted = ", ".join(f"{script} {weight:.0%}" for script, weight in manifest.dense_weight.items())
    table.add_row("vectors", f"{manifest.encoder}, trusted by script: {trusted or 'nothing to measure by'}")
    fields: dict[str, list[str]] = {}
    for column, field in manifest.searched.items():
        fields.setdefault(field, []).append(column)
    table.add_row("searched", "; ".join(f"{field}: {', '.join(columns)}" for field, columns in fields.items()))
    if manifest.learned_synonyms:
        shown = "; ".join(" also finds ".join(line.split(" => ")) for line in manifest.learned_synonyms[:_SHOWN_VALUES])
        more = len(manifest.learned_synonyms) - _SHOWN_VALUES
        table.add_row("synonyms", f"found in descriptions: {shown}{f'; and {more} more' if more > 0 else ''}")
    table.add_row("filters", ", ".join([*manifest.texts, *manifest.numbers]) or "none")
    parts += [table, Text(f'  Try: evenshelf search {shop} "..." --explain', "bright_black")]
    return Group(*parts)


def results_report(results: Results) -> RenderableType:
    """Return the answer to a query."""
    parts: list[RenderableType] = [_head(results)]
    for number, hit in enumerate(results.hits, results.offset + 1):
        parts.append(_hit(number, hit))
        if hit.explanation is not None:
            parts.append(Padding(_explanation(hit.explanation), (0, 0, 1, 6)))
    for column, counts in results.facets.items():
        shown = [f"{value} {count:,}" for value, count in list(counts.items())[:_SHOWN_VALUES]]
        more, rest = len(counts) - len(shown), results.rest.get(column, 0)
        tail = f"  and {more:,} more" if more > 0 else ""
        if rest:
            tail += f", and others that {counted(rest, 'item has', 'items have')}"
        parts.append(Text.assemble((f"{column}: ", "bold"), "  ".join(shown) or "none", (tail, "bright_black")))
    for column, span in results.ranges.items():
        told = "none" if span is None else f"{text_of(span[0])} to {text_of(span[1])}"
        parts.append(Text.assemble((f"{column}: ", "bold"), told))
    return Group(*parts)


def _head(results: Results) -> RenderableType:
    lines = [Text.assemble((counted(results.total, "item", "items"), "bold"), f"  in {results.milliseconds:.1f} ms")]
    if results.corrected is not None:
        lines.append(
            Text.assemble(
                "Searched for ", (results.corrected, "bold yellow"), " instead: no item has every word as it was typed."
            )
        )
    if results.did_you_mean is not None:
        lines.append(Text.assemble("Did you mean ", (results.did_you_mean, "bold yellow"), "?"))
    lines += [Text(sentence, "yellow") for sentence in results.relaxed]
    lines += [
        Text.assemble(("Nothing passes all filters; ", "yellow"), f"{count:,} would without {condition}")
        for condition, count in results.without.items()
    ]
    if not results.total and not results.without and results.query.strip():
        near = ", and none is near to what they mean" if "vectors" in results.legs else ""
        lines.append(Text(f"No item has any of these words{near}.", "yellow"))
    return Group(*lines)


def _hit(number: int, hit: Hit) -> Text:
    title = Text(str(hit.item["title"]))
    for start, end in hit.highlights:
        title.stylize("bold cyan", start, end)
    line = Text.assemble((f"{number:>3}  ", "bright_black"), title)
    facts = [text_of(hit.item[name]) for name in ("brand", "category", "price") if hit.item.get(name) is not None]
    line.append(f"  {' · '.join(str(fact) for fact in facts)}" if facts else "", "bright_black")
    line.append(f"  [{hit.item_id}]", "bright_black")
    if hit.score:
        line.append(f"  {hit.score:.3f}", "green")
    return line


def _explanation(why: Explanation) -> RenderableType:
    parts = "  +  ".join(f"{name} {value:.3f}" for name, value in why.parts.items() if value)
    lines: list[RenderableType] = [Text(f"= {parts}" if parts else "beyond the candidates: by words alone")]
    for word, fields in why.words.items():
        found = ", ".join(f"{field} {score:.2f}" for field, score in fields.items())
        lines.append(Text.assemble((word, "cyan"), f" in {found}"))
    if why.cosine is not None:
        lines.append(Text(f"cosine {why.cosine:.3f}, vectors trusted {why.trust:.0%}"))
    lines += [Text(note, "italic") for note in why.notes]
    return Group(*lines)
