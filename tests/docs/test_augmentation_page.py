"""The code of docs/augmentation.md runs as it stands there, and its tables name what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from evenshelf.augmentation import Gate, gates, maker_kinds
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/augmentation.md"


def test_the_example_runs_and_makes_what_it_is_asked_for(tmp_path: Path) -> None:
    (block,) = [b for b in blocks(PAGE) if b.file == "make.py"]
    told = []
    for _ in range(2):
        command = [sys.executable, "-W", "error", "-c", block.code]
        told.append(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    assert told[0] == told[1], "the cache changed something"
    count = int(told[0].split()[0])
    assert count + sum(map(int, re.findall(r": (\d+)", told[0].splitlines()[0]))) <= 36
    assert 0 <= float(told[0].splitlines()[1]) < 1
    assert (tmp_path / "made_texts.db").is_file()


def test_the_example_of_a_maker_works() -> None:
    (block,) = [b for b in blocks(PAGE) if b.file == "shouting.py"]
    code = f"{block.code}\nfrom evenshelf.augmentation import parse_maker\n"
    code += "print(parse_maker(\"marked(mark='sale')\").variants(['red shoes', ''], copies=2, seed=0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[['red shoes sale'], []]"


def test_specs_on_the_page_are_valid() -> None:
    from evenshelf.augmentation import parse_maker

    code = "\n".join(block.code for block in blocks(PAGE) if block.skipped)
    specs = re.findall(r'parse_maker\("(.+?)"\)', code)
    assert len(specs) == 4
    for spec in specs:
        parse_maker(spec)


def test_every_maker_and_every_gate_is_in_its_table() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    # Tests register makers of their own in this process.
    own = {name for name, kind in maker_kinds().items() if kind.__module__.startswith("evenshelf.")}
    assert set(re.findall(r"^\| `([a-z_]+)` \|", text, re.M)) == own
    named = {kind.__name__ for kind in vars(gates).values() if isinstance(kind, type) and issubclass(kind, Gate)}
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", text, re.M)) == named - {"Gate"}
