"""Tags of users for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evenshelf.shop.tagging.users import TagReport


def tag_report(report: TagReport) -> RenderableType:
    """Return the tags of a shop's users: how many have each, and where it is from."""
    head = Text.assemble((f"{report.tagged:,}", "bold"), f" of {report.users:,} users have tags.")
    if not report.tags:
        return Group(head, Text("Give some: evenshelf shop tag --help", "bright_black"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black")
    table.add_column("users", justify="right")
    table.add_column("share", justify="right")
    table.add_column("tag")
    table.add_column("from", style="bright_black", overflow="fold")
    for tag in report.tags:
        table.add_row(f"{tag.users:,}", f"{tag.users / report.users:.1%}", Text(tag.tag, "bold"), Text(tag.origin))
    return Group(head, "", table)
