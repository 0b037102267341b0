"""Code blocks of Markdown pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    note
        Text of the HTML comment on the line above, such as ``"file: x.py"`` or ``"not run: why"``; empty without one.
    line
        Line of the page on which the fence opens, for messages.
    """

    page: str
    line: int
    note: str
    language: str
    code: str

    @property
    def file(self) -> str | None:
        """Name of the file that the block is, if it says so."""
        return self.note.removeprefix("file: ") if self.note.startswith("file: ") else None

    @property
    def skipped(self) -> str | None:
        """Why the block is not run, if it says so."""
        return self.note.removeprefix("not run: ") if self.note.startswith("not run: ") else None


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page of the repository, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [
        Block(page, text.count("\n", 0, m.start()) + 1 + bool(m["note"]), m["note"] or "", m["language"], m["code"])
        for m in _BLOCK.finditer(text)
    ]
    assert text.count("\n```") == 2 * len(found), f"{page}: a fence is not closed, or not at the start of its line"
    return found
