"""The round of docs/serving.md runs as it stands there, against a service that really runs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from evenshelf.cli import main
from evenshelf.serve import Settings, create_app
from tests.docs.blocks import ROOT, Block, blocks
from tests.serve.test_kill import free_port, serving

PAGE = "docs/serving.md"


def named(name: str) -> Block:
    (block,) = [b for b in blocks(PAGE) if b.file == name]
    return block


@pytest.mark.timeout(600)
def test_the_round_runs(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    port = free_port()
    made, keys, swapped, tried = [b for b in blocks(PAGE) if b.language == "bash" and not b.file and not b.skipped]
    (tmp_path / "tail-first.toml").write_text(named("tail-first.toml").code, encoding="utf-8")

    def run(block: Block) -> None:
        for line in block.code.splitlines():
            with pytest.raises(SystemExit) as end:
                main(shlex.split(line)[1:])
            assert not end.value.code, f"{line}: {capsys.readouterr().err}"

    run(made)
    assert named("serve.sh").code == "evenshelf serve demo --port 8000\n"
    with serving(tmp_path / "demo", port):
        lines = named("ask.sh").code.replace("127.0.0.1:8000", f"127.0.0.1:{port}").splitlines()
        search, listed, labelled, sent = (
            json.loads(subprocess.run(shlex.split(line), capture_output=True, check=True).stdout) for line in lines
        )
        assert all(hit["explanation"]["notes"] is not None for hit in search["hits"])
        assert len(listed["shown"]) == 3
        assert "Shoe" in labelled["labels"][0]["label"]
        assert sent == {"accepted": 1}
        code = named("ask.py").code.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
        assert done.stdout.splitlines()[-1] == "1"
    run(keys)
    run(swapped)
    run(tried)


def test_the_table_names_the_endpoints_and_the_script_is_as_small_as_it_says(tmp_path: Path) -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    script = ROOT / "src" / "evenshelf" / "serve" / "pages" / "events.js"
    assert "by a script of 4 KB" in text
    assert 3_500 < script.stat().st_size < 4_500
    with pytest.raises(SystemExit):
        main(["simulate", str(tmp_path / "shop"), "--items", "60", "--pictures", "0"])
    app = create_app(Settings(shop=tmp_path / "shop", open=True))
    with TestClient(app) as client:
        for path in client.get("/openapi.json").json()["paths"]:
            told = path.replace("{item_id}", "ID").replace("{user_id}", "ID").replace("{name}", "NAME")
            assert told in text, path
