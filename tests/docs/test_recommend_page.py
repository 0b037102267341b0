"""The page on recommendation shows what its commands print, and what it names is there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from evenshelf.cli import main
from evenshelf.remedies import remedy_set
from evenshelf.study.contests.contest import GIVE
from evenshelf.study.order_free import DESCENDING
from evenshelf.study.order_wording import OFTEN, SURE
from evenshelf.tasks import task_kind
from evenshelf.tasks.exams import SPLITS
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.list_metrics import METRICS
from evenshelf.tasks.recommend import REPEATED
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/recommend.md"


def test_the_commands_print_what_the_page_shows(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands, shown, code = blocks(PAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for line in commands.code.splitlines():
        program, *args = shlex.split(line)
        assert program == "evenshelf"
        with pytest.raises(SystemExit) as end:
            main([*args, *(["--workers", "1", "--no-report"] if args[0] == "study" else [])])
        assert not end.value.code
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    wanted = [line.rstrip() for line in shown.code.splitlines()]
    told = "the study prints otherwise than the page says:\n" + "\n".join(printed)
    assert wanted[0] in printed, told
    start = printed.index(wanted[0])
    for part in shown.code.split("\n...\n"):
        lines = [line.rstrip() for line in part.splitlines()]
        places = [n for n in range(start, len(printed)) if printed[n : n + len(lines)] == lines]
        assert places, told
    (folder,) = (tmp_path / "demo" / "studies").iterdir()
    assert DESCENDING in json.loads((folder / "metrics.json").read_text())["none"]["tuned"]
    with pytest.raises(SystemExit):
        main(["report", "demo", "--json", "--out", "report.html"])
    assert json.loads(capsys.readouterr().out)["fairness"] == json.loads((folder / "fairness.json").read_text())
    assert 'id="exposure"' in Path("report.html").read_text(encoding="utf-8")
    exec(compile(code.code, f"{PAGE}, line {code.line}", "exec"), {})


def test_what_is_named_is_there_and_numbers_are_those_of_the_code() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    for name in re.findall(r"`(\w+_at_\d+)`", text):
        assert name in LISTS.metrics
    assert set(re.findall(r"--split (\w+)", text)) == set(SPLITS)
    assert all(name in METRICS for name in ("coverage", "gini", "novelty", "diversity"))
    assert any(remedy.spec == "mmr" for remedy in remedy_set("lists"))
    flat = " ".join(text.split())
    assert f"lose at most {100 * GIVE:g} % of the `head_ndcg_at_10`" in flat
    assert f"`--learner` is what is fitted, `{task_kind('recommend').learner}` by default" in flat
    assert REPEATED == 0.2, "the page says a fifth"
    assert OFTEN == 0.1, "the page says a tenth"
    assert f"p < {SURE:.3f}".replace("0.", ".") in flat
