"""Reads a page back: its tags must balance, its texts and tables can be compared with what it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "wbr", "hr", "img", "input", "link"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, without tooltips of charts."""
        parts = [c if isinstance(c, str) else "" if c.tag == "title" else c.text for c in self.children]
        return " ".join("".join(parts).replace("\xad", "").split())

    def all(self, tag: str) -> list[Element]:
        found = [self] if self.tag == tag else []
        for child in self.children:
            if isinstance(child, Element):
                found += child.all(tag)
        return found

    def by_id(self, name: str) -> Element | None:
        if self.attributes.get("id") == name:
            return self
        for child in self.children:
            if isinstance(child, Element) and (found := child.by_id(name)):
                return found
        return None

    def elements(self) -> list[Element]:
        found = [self]
        for child in self.children:
            if isinstance(child, Element):
                found += child.elements()
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"attribute given twice in <{tag}>: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>, line {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(document: str) -> Element:
    """The tree of a page whose every tag is closed where it must be."""
    reader = _Reader()
    reader.feed(document)
    reader.close()
    assert [e.tag for e in reader.open] == ["#"], "tags that are not closed"
    return reader.root


def rows(table: Element) -> list[list[str]]:
    """Cells of the body of a table."""
    (body,) = table.all("tbody")
    return [[c.text for c in row.children if isinstance(c, Element)] for row in body.all("tr")]
