"""A user's own loss: read from a file or a module, held to its shape, and understood by the workers of a study."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from evenshelf.errors import SettingError
from evenshelf.learners.heads import HEADS
from evenshelf.remedies import Loss, Prior, catalogue, effective_loss, parse, remedy_set
from evenshelf.remedies.own_loss import CustomLoss
from evenshelf.study.plan import Setting, search_units
from evenshelf.testing import remedy_checks
from evenshelf.testing.strategies import scored_rows

pytest.importorskip("torch")

PRIOR = Prior(np.array([40, 9, 2]))
LOSSES = '''
import numpy as np
import torch

from evenshelf.remedies.losses import CrossEntropy


def plain(scores, target, counts):
    return torch.nn.functional.cross_entropy(scores, target, reduction="none")


def balanced(scores, target, counts):
    share = torch.clamp(counts, min=0.5) / counts.sum()
    return torch.nn.functional.cross_entropy(scores + torch.log(share), target, reduction="none")


def mean(scores, target, counts):
    return torch.nn.functional.cross_entropy(scores, target)


def naive(scores, target, counts):
    return -torch.log(torch.softmax(scores, 1)[torch.arange(len(target)), target])


def detached(scores, target, counts):
    return plain(scores.detach(), target, counts)


def array(scores, target, counts):
    return np.zeros(len(target))


def nan(scores, target, counts):
    return plain(scores, target, counts) * float("nan")


def raises(scores, target, counts):
    raise KeyError("oops")


class Quiet:
    """No Loss of evenshelf, but alike."""

    def __init__(self, counts):
        self.counts = counts

    def class_weight(self):
        return 1.0 / np.maximum(self.counts, 1)

    def value_and_gradient(self, scores, target, weight):
        return CrossEntropy().value_and_gradient(scores, target, weight)


class Narrow:
    def value_and_gradient(self, scores, target, weight):
        return 1.0, scores[:, :1]


class Lost:
    def value_and_gradient(self, scores, target, weight):
        return float("nan"), scores


an_object, narrow, lost, number = CrossEntropy(), Narrow(), Lost(), 7
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "losses.py").write_text(LOSSES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "losses.py"
    path.write_text(LOSSES, encoding="utf-8")
    return path


def ask(loss: Loss, scores=None):
    given = np.zeros((2, 3), np.float32) if scores is None else scores
    return loss.value_and_gradient(given, np.array([0, 2]), np.ones(2, np.float32))


def test_it_comes_back_from_its_spec_and_joins_others(folder: Path) -> None:
    remedy = parse("custom_loss(source='losses.py:balanced')")
    assert remedy == CustomLoss("losses.py:balanced")
    assert str(remedy) == "custom_loss(source='losses.py:balanced')"
    assert parse(str(remedy)) == remedy
    assert parse("smote + custom_loss(source='losses.py:balanced') + logit_adjust").parts[1] == remedy
    listed = remedy_set("custom_loss(source='losses.py:balanced'), custom_loss(source='losses.py:plain')")
    assert [r.spec for r in listed][1:] == [
        "custom_loss(source='losses.py:balanced')", "custom_loss(source='losses.py:plain')",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["balanced", "Quiet", "an_object"])
def test_it_passes_the_checks_of_every_remedy(place: Path, name: str) -> None:
    for check in remedy_checks(CustomLoss(f"{place}:{name}")):
        check()


@settings(max_examples=30, deadline=None)
@given(rows=scored_rows(groups=3))
def test_a_loss_written_again_with_torch_is_the_built_in_one(rows, place: Path) -> None:
    scores, target, weight = rows
    for name, spec in (("plain", "none"), ("balanced", "balanced_softmax")):
        (value, gradient), (own, own_gradient) = (
            effective_loss(remedy, PRIOR).value_and_gradient(scores.copy(), target, weight)
            for remedy in (parse(spec), CustomLoss(f"{place}:{name}"))
        )
        assert own == pytest.approx(value, rel=1e-4, abs=1e-4)
        np.testing.assert_allclose(own_gradient, gradient, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("losses.py", ["does not say which function", "losses.py:my_loss"]),
        ("losses.py:", ["does not say which function"]),
        (":plain", ["does not say which function"]),
        ("losses.py:a b", ["does not say which function"]),
        ("elsewhere.py:plain", ["there is no such file", "elsewhere.py"]),
        ("losses.txt:plain", ["'losses.txt' cannot be loaded", "No module named"]),
        ("a/b:plain", ["neither a .py file nor a module"]),
        ("nowhere_at_all:plain", ["cannot be loaded", "No module named 'nowhere_at_all'"]),
        ("__main__:plain", ["Name its file"]),
        ("losses.py:plane", ["there is no 'plane' in", "there are: plain, balanced"]),
        ("losses.py:number", ["number is a int, neither a function nor an object"]),
        ("broken.py:plain", ["cannot be loaded", "SyntaxError"]),
        ("leaves.py:plain", ["cannot be loaded", "SystemExit"]),
    ],
)
def test_a_wrong_source_says_what_is_wrong(folder: Path, source: str, said: list[str]) -> None:
    (folder / "broken.py").write_text("def plain(:", encoding="utf-8")
    (folder / "leaves.py").write_text("raise SystemExit(3)", encoding="utf-8")
    (folder / "losses.txt").write_text(LOSSES, encoding="utf-8")
    with pytest.raises(SettingError) as caught:
        parse(f"custom_loss(source={source!r})")
    for part in said:
        assert part.replace("'losses.txt' cannot", "'losses.txt:plain' cannot") in caught.value.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mean", r"returned the shape \(\), not \(2,\).*\n.*reduction='none'"),
        ("array", "returned a ndarray, not a tensor of torch"),
        ("detached", "returned what does not depend on the scores"),
        ("nan", "gave a loss that is not finite"),
        ("raises", "raised KeyError: 'oops'"),
        ("narrow", r"returned a gradient of the shape \(2, 1\) for scores \(2, 3\)"),
        ("lost", "returned a value or gradient that is not finite"),
    ],
)
def test_what_a_loss_returns_is_looked_at_and_the_error_names_it(folder: Path, name: str, said: str) -> None:
    source = f"losses.py:{name}"
    with pytest.raises(SettingError, match=rf"The loss {name} \({re.escape(source)}\) {said}"):
        ask(CustomLoss(source).loss(PRIOR))


def test_a_loss_that_breaks_where_a_class_is_excluded_is_told_how_to_be_written(folder: Path) -> None:
    loss = CustomLoss("losses.py:naive").loss(PRIOR)
    assert ask(loss)[0] == pytest.approx(2 * np.log(3), rel=1e-5)
    with pytest.raises(SettingError, match=r"is not finite(.|\n)*use log_softmax"):
        ask(loss, np.array([[0, 0, 0], [0, 0, -1e4]], np.float32))


def test_an_object_may_weigh_groups(folder: Path) -> None:
    np.testing.assert_allclose(
        CustomLoss("losses.py:Quiet").loss(PRIOR).class_weight(), [1 / 40, 1 / 9, 1 / 2], rtol=1e-6
    )


def test_without_torch_the_error_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "light.py").write_text("def mine(scores, target, counts):\n    return scores.sum(1)\n", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SettingError, match=r"mine \(light.py:mine\) needs the package 'torch'(.|\n)*pip install"):
        CustomLoss("light.py:mine").loss(PRIOR)
    (folder / "heavy.py").write_text("import torch\n", encoding="utf-8")
    with pytest.raises(SettingError, match=r"needs the package 'torch'"):
        CustomLoss("heavy.py:mine")
    script = "import sys; import evenshelf.remedies as r; r.catalogue(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_it_is_listed_but_in_no_set_and_says_why_it_cannot_be_used_as_it_is() -> None:
    bare = catalogue()["custom_loss"]()
    assert bare.spec == "custom_loss"
    assert bare.not_applicable(PRIOR, has_names=True) == "no loss was given"
    assert bare not in remedy_set("standard")
    with pytest.raises(SettingError, match="no loss was given"):
        bare.loss(PRIOR)


def test_what_was_read_goes_along_whatever_becomes_of_file_and_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remedy = CustomLoss("losses.py:plain")
    before = ask(remedy.loss(PRIOR))[0]
    sent = pickle.dumps(remedy)
    (folder / "losses.py").write_text("plain = None", encoding="utf-8")
    monkeypatch.chdir("/")
    assert ask(pickle.loads(sent).loss(PRIOR))[0] == before
    with pytest.raises(SettingError, match="no such file"):
        remedy.with_parameters(source="losses.py:plain")


def test_a_changed_loss_is_another_fit(folder: Path) -> None:
    def address(source: str = "losses.py:plain") -> str:
        return search_units([("s", Setting(CustomLoss(source), 1e-4))], "dense", 4, learner=HEADS)[0].address(0)

    first = address()
    assert address() == first
    (folder / "losses.py").write_text(LOSSES + "\n# changed\n", encoding="utf-8")
    assert address() != first


def test_the_file_is_part_of_a_package_whose_every_file_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "own_package_of_losses"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "parts.py").write_text(LOSSES, encoding="utf-8")
    (package / "helper.py").write_text("A = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    remedy = parse("custom_loss(source='own_package_of_losses.parts:plain')")
    assert ask(remedy.loss(PRIOR))[0] == pytest.approx(2 * np.log(3), rel=1e-5)
    before = remedy.fingerprint
    (package / "helper.py").write_text("A = 2\n", encoding="utf-8")
    assert remedy.fingerprint != before


def test_a_study_with_it_is_the_same_for_any_number_of_workers(folder: Path) -> None:
    script = folder / "script.py"
    script.write_text(
        textwrap.dedent("""
        import os
        import sys
        import numpy as np
        from evenshelf.study.runner import Study
        from evenshelf.tasks.label import LabelTask

        if __name__ == "__main__":
            os.chdir(sys.argv[1])
            rng = np.random.default_rng(0)
            y = np.repeat(np.arange(3), (60, 30, 12))
            X = (rng.normal(size=(3, 6))[y] + rng.normal(size=(len(y), 6))).astype(np.float32)
            task = LabelTask.of(y.tolist())
            specs = "custom_loss(source='losses.py:plain')"
            found = [
                Study(task, X, f"study{workers}", remedies=specs, folds=3, budget=2, workers=workers).run()
                for workers in (1, 2)
            ]
            for result in found:
                for remedy in result.remedies[:2]:
                    print(remedy.default.p_true.tobytes().hex(), remedy.tuned.p_true.tobytes().hex(), remedy.spec)
        """),
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built_in, own, _, again = (line.split(" ", 2) for line in done.stdout.splitlines())
    assert own == again
    assert own[2] == "custom_loss(source='losses.py:plain')"
    # cross entropy written with torch is cross entropy, up to what iteration leaves
    one, other = (np.frombuffer(bytes.fromhex(line[0]), np.float32) for line in (own, built_in))
    np.testing.assert_allclose(one, other, atol=2e-3)
