"""The example of the page on tags runs, and its table names remedies that serve."""

from __future__ import annotations

import re

from evenshelf.learners.binary import BINARY
from evenshelf.remedies import catalogue, parse
from tests.docs.blocks import ROOT, blocks


def test_the_example_gives_tags() -> None:
    (example,) = (b for b in blocks("docs/tags.md") if b.language == "python" and "fit_sets" in b.code)
    names: dict[str, object] = {}
    exec(example.code, names)
    given, tags = names["given"], names["tags"].toarray()
    assert given.shape == tags.shape
    assert (given == tags).mean() > 0.9


def test_the_remedies_for_sets_are_all_named_and_serve() -> None:
    text = (ROOT / "docs" / "tags.md").read_text(encoding="utf-8")
    table = text.partition("Remedies for sets:")[2].partition("They are joined")[0]
    named = set(re.findall(r"^\| (.+?) \|", table, re.M))
    found = {name for cell in named for name in re.findall(r"`(\w+)`", cell)}
    assert all(BINARY.unsupported(parse(name)) is None for name in found)
    ours = {n: k for n, k in catalogue().items() if k.__module__.startswith("evenshelf.")}
    assert found >= {name for name, kind in ours.items() if kind.many_labels}
