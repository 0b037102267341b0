"""A search of settings finds what is better, ends what is poor, goes on where it stopped, and draws the same again."""

from __future__ import annotations

import json
import shlex
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from evenshelf.cli import app
from evenshelf.errors import InputError, SettingError
from evenshelf.learners import learner_kind
from evenshelf.learners.finetune import search as searching
from evenshelf.learners.finetune.search import Search, folder_of, search
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.space import suggested
from evenshelf.shop.locking import locked
from evenshelf.tasks.label import LabelTask
from tests.learners.finetune.tiny import bert, titles

optuna = pytest.importorskip("optuna")
NAMES = ["shoe", "lamp", "tea"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def task():
    texts, target = titles((30, 16, 8))
    return LabelTask.of([NAMES[code] for code in target], texts)


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path / "cache"))


def asked(folder, name="finetune_heads", **more):
    learner = f"{name}(model={folder!r}, length=8, scope='layers', layers=1, rate=0.01)"
    return Search(**{"learner": learner, "trials": 6, "minutes": 30.0, **more})


def found_in(task, wanted, place, **more):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(task.target), 5)).astype(np.float32)
    names = rng.normal(size=(len(task.classes), 5)).astype(np.float32)
    return search(task, vectors, names, wanted, folder=place, **more)


def told(found):
    return [(one.learner, one.score, one.course) for one in found.trials]


@pytest.mark.parametrize("name", ["finetune_heads", "finetune"])
def test_trials_are_learners_that_can_be_typed_and_the_first_is_the_one_given(name, folder, task, tmp_path):
    wanted = asked(folder, name, trials=3)
    found = found_in(task, wanted, tmp_path / "there")
    assert len(found.trials) == 3
    assert learner_kind(found.trials[0].learner) == wanted.kind
    for one in found.trials:
        settings = learner_kind(one.learner).fit.settings
        assert (settings.scope, settings.layers, settings.rate) == ("layers", 1, 0.01), "what is given stays"
    assert found.best.score == max(one.score for one in found.trials if one.score is not None)
    assert found.held + found.rows == len(task.target)
    assert json.loads(json.dumps(found.to_dict()))["learner"] == found.best.learner


def test_the_score_is_that_of_the_learner_on_the_rows_held_out(folder, task, tmp_path):
    """What a trial says of a learner is what fitting it by itself says."""
    wanted = asked(folder, trials=1)
    found = found_in(task, wanted, tmp_path / "there")
    data = searching._Data.of(task, *_vectors(task), wanted)
    train = ~data.held
    kind = learner_kind(found.best.learner)
    predict = kind.fit(data.rows[train], data.target[train], 3, wanted.parsed, names=data.called, seed=0)
    guess = predict(data.rows[data.held]).argmax(axis=1)
    from evenshelf.tasks.label_metrics import macro_f1

    assert found.best.score == pytest.approx(macro_f1(data.target[data.held], guess, 3))


def _vectors(task):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(task.target), 5)).astype(np.float32)
    return vectors, rng.normal(size=(len(task.classes), 5)).astype(np.float32)


def test_a_search_that_is_cut_anywhere_goes_on_to_the_same_trials(folder, task, tmp_path, monkeypatch):
    wanted = asked(folder, trials=4)
    whole = found_in(task, wanted, tmp_path / "whole")
    clock, now = [0.0], time.monotonic
    monkeypatch.setattr(searching.time, "monotonic", lambda: now() + clock[0])
    runs, steps = 0, 0

    def hurried(done, total, words):
        nonlocal steps
        steps += 1
        if steps % 23 == 0:
            clock[0] += 3600.0  # and the half hour is over

    while True:
        part = found_in(task, wanted, tmp_path / "parts", tell=hurried)
        runs += 1
        if len(part.trials) == 4:
            break
        assert runs < 40
    assert runs > 2
    assert told(part) == told(whole)
    assert not list((tmp_path / "parts" / "running").iterdir())


def test_poor_trials_end_early(folder, task, tmp_path, monkeypatch):
    """Of trials that are all the same but for what they are worth, each worse than those before."""
    worth = iter(np.linspace(0.9, 0.1, 400))
    monkeypatch.setattr(searching, "STARTUP", 1)
    from evenshelf.learners.finetune import fits

    monkeypatch.setattr(fits, "judge_of", lambda *given: lambda scores: next(worth))
    found = found_in(task, asked(folder, trials=4), tmp_path / "there")
    ended = [one for one in found.trials if one.score is None]
    assert len(ended) == 3
    assert all(len(one.course) == 1 for one in ended)
    assert found.trials[0].score is not None


def test_another_process_is_kept_out_and_too_little_time_is_told(folder, task, tmp_path):
    wanted = asked(folder)
    (tmp_path / "there").mkdir()
    with locked(tmp_path / "there"), pytest.raises(InputError, match="another process"):
        found_in(task, wanted, tmp_path / "there")
    none = found_in(task, asked(folder, minutes=1e-6), tmp_path / "other")
    assert none.trials == ()
    with pytest.raises(SettingError, match="No trial came to its end"):
        _ = none.best


def test_it_ends_where_there_is_nothing_more_to_try(folder, task, tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "AGAIN", 3)
    only = f"finetune(model={folder!r}, length=8, scope='head', rate=0.01, epochs=3, batch=16, dropout=0.05)"
    monkeypatch.setattr("evenshelf.learners.finetune.space.CHOICES", {"finetune": {"contrast": (0.0, 0.5)}})
    found = found_in(task, Search(learner=only, trials=9), tmp_path / "there")
    assert len(found.trials) == 2


def test_every_draw_is_within_what_can_be(folder):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = set()
    for name in ("finetune", "finetune_heads"):
        for _ in range(60):
            drawn = suggested(study.ask(), name, FineTuning(model=folder, length=8, parts=2))
            assert drawn.contrast == 0, "parts of a step cannot be compared"
            seen.add(drawn.scope)
            learner_kind(f"{name}({drawn.spec})")
    assert seen == {"full", "layers", "lora"}


def test_what_cannot_be_searched_is_told_at_once(folder):
    with pytest.raises(SettingError, match=r"minutes=0 .*metric='auc' .*trials=0 .*folds=2"):
        Search(minutes=0, metric="auc", trials=0, folds=2)
    with pytest.raises(SettingError, match="tunes no language model"):
        Search(learner="heads")
    with pytest.raises(SettingError, match="several models"):
        Search(learner="finetune", remedy="balanced + temperature")
    with pytest.raises(SettingError, match="patience would end"):
        Search(learner="finetune_heads(patience=2)")
    with pytest.raises(SettingError, match="vectors that no text has"):
        Search(learner="finetune", remedy="gan")


def test_a_folder_is_of_what_is_asked_but_not_of_how_long(folder, task, tmp_path):
    one, longer = (folder_of(tmp_path, task, asked(folder, minutes=m, trials=n)) for m, n in ((1, 2), (9, None)))
    assert one == longer
    assert folder_of(tmp_path, task, asked(folder, metric="tail_f1")) != one


def test_the_command_prints_a_learner_that_a_study_takes(folder, task, tmp_path):
    texts = "\n".join(f"{i},{t},{NAMES[c]}" for i, (t, c) in enumerate(zip(task.texts, task.target, strict=True)))
    (tmp_path / "products.csv").write_text(f"item_id,title,category\n{texts}\n", encoding="utf-8")
    run = CliRunner().invoke
    assert run(app, ["ingest", str(tmp_path / "shop"), str(tmp_path / "products.csv")]).exit_code == 0
    words = ["tune", str(tmp_path / "shop"), "--learner", asked(folder).learner, "--encoder", "tfidf", "--trials", "2"]
    result = run(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert len(document["trials"]) == 2
    assert document["learner"] in [one["learner"] for one in document["trials"]]
    assert learner_kind(document["learner"]).name == document["learner"]
    again = run(app, words)
    assert again.exit_code == 0
    assert "The best of 2 trials" in again.stdout
    (line,) = (line for line in again.stdout.splitlines() if "evenshelf study" in line)
    read = shlex.split(line)
    assert read[read.index("--learner") + 1] == document["learner"]
    assert read == shlex.split(document["study"]), "it can be copied as it stands"
