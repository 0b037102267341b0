"""Running a study: no label chooses for itself, nothing is lost, and nothing but the question decides the result."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from evenshelf.errors import InputError, SettingError
from evenshelf.learners import FitScores, LearnerKind
from evenshelf.learners.heads import HEADS
from evenshelf.learners.paths import fit_path
from evenshelf.learners.training import Training
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Family, Remedy, Stage, parse
from evenshelf.study import trials
from evenshelf.study.plan import SEARCH_AXES, Setting, search_units, settings
from evenshelf.study.results import StudyResult, load
from evenshelf.study.runner import Study
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask

REMEDIES = ("balanced", "smote(k=2)", "name_prior", "tau_norm")
BUDGET = 4


class FixedFolds(LabelTask):
    """Folds by row number, whatever the labels are."""

    def split(self, folds: int, seed: int) -> np.ndarray:
        return (np.arange(len(self.target)) % folds).astype(np.int16)


def data(seed: int = 0, rows: int = 160, classes: int = 5, axes: int = 8) -> tuple[FixedFolds, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = np.minimum(rng.geometric(0.5, rows) - 1, classes - 1)
    target[: 4 * classes] = np.repeat(np.arange(classes), 4)
    centres = rng.standard_normal((classes, axes)).astype(np.float32)
    vectors = centres[target] + rng.standard_normal((rows, axes)).astype(np.float32)
    each = np.arange(rows)
    task = FixedFolds(None, target.astype(np.int64), tuple(f"class {c}" for c in range(classes)), each, each)
    return task, vectors, centres


def run(folder: Path, task: LabelTask, vectors: np.ndarray, names: np.ndarray | None, **more: object) -> StudyResult:
    options: dict[str, object] = {"remedies": REMEDIES, "folds": 4, "budget": BUDGET, "workers": 1, **more}
    return Study(task, vectors, folder, names=names, **options).run()  # type: ignore[arg-type]


def assert_same(one: StudyResult, other: StudyResult) -> None:
    assert [r.spec for r in one.remedies] == [r.spec for r in other.remedies]
    for a, b in zip(one.remedies, other.remedies, strict=True):
        for x, y in ((a.tuned, b.tuned), (a.default, b.default)):
            assert (x is None) == (y is None)
            if x is not None and y is not None:
                np.testing.assert_array_equal(x.predicted, y.predicted)
                np.testing.assert_array_equal(x.p_true, y.p_true)
                assert x.settings == y.settings


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    with threadpool_limits(2):  # a worker has one
        return run(tmp_path_factory.mktemp("whole"), *data())


def test_workers_do_not_change_a_bit(whole: StudyResult, tmp_path: Path) -> None:
    assert_same(run(tmp_path, *data(), workers=2), whole)


def test_half_of_the_trials_and_a_broken_one_are_gone_on_from(whole: StudyResult, tmp_path: Path) -> None:
    run(tmp_path, *data())
    stored = sorted((tmp_path / "trials").glob("*.npz"))
    for path in stored[::2]:
        path.unlink()
    stored[1].write_bytes(b"")
    assert_same(run(tmp_path, *data()), whole)


def test_a_kill_in_the_middle_loses_nothing(whole: StudyResult, tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from pathlib import Path
        from tests.study.test_runner import data, run
        run(Path({str(tmp_path)!r}), *data())
        """)
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "trials").glob("*.npz"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(list((tmp_path / "trials").glob("*.npz"))) >= 3
    assert_same(run(tmp_path, *data()), whole)


@pytest.mark.parametrize("fold", range(4))
def test_the_labels_of_a_fold_do_not_choose_its_settings(whole: StudyResult, tmp_path: Path, fold: int) -> None:
    task, vectors, names = data()
    inside = task.split(4, 0) == fold
    lied = task.target.copy()
    lied[inside] = np.random.default_rng(1).permutation(lied[inside])
    assert (lied != task.target).any()
    other = run(tmp_path, replace(task, target=lied), vectors, names)
    for a, b in zip(whole.remedies, other.remedies, strict=True):
        assert a.tuned is not None
        assert b.tuned is not None
        assert a.tuned.settings[fold] == b.tuned.settings[fold]
        np.testing.assert_array_equal(a.tuned.predicted[inside], b.tuned.predicted[inside])


def test_other_data_in_the_same_folder_is_not_mixed_up(tmp_path: Path) -> None:
    run(tmp_path / "both", *data())
    task, vectors, _ = data(1, axes=6)
    assert_same(
        run(tmp_path / "both", task, vectors, None, remedies="balanced"),
        run(tmp_path / "alone", task, vectors, None, remedies="balanced"),
    )
    assert_same(load(tmp_path / "both"), load(tmp_path / "alone"))


@dataclass(frozen=True)
class Paraphrase(Remedy):
    """Acts where linear heads cannot: on texts."""

    name: ClassVar[str] = "paraphrase"
    title: ClassVar[str] = "Paraphrase"
    family: ClassVar[Family] = Family.GENERATIVE
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "-"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.AUGMENT,)


def test_what_cannot_be_used_is_told_and_not_ignored(tmp_path: Path) -> None:
    task, vectors, _ = data()
    found = run(tmp_path, task, vectors, None, remedies=[Paraphrase(), "name_prior"])
    assert found["paraphrase"].tuned is found["name_prior"].tuned is None
    assert "cannot act at the stage augment" in (found["paraphrase"].not_applicable or "")
    assert "no names" in (found["name_prior"].not_applicable or "")


def test_folds_that_would_be_empty_are_refused(tmp_path: Path) -> None:
    each = np.arange(4)
    task = LabelTask(None, each.astype(np.int64), tuple("abcd"), each, each)
    with pytest.raises(SettingError, match="would be empty"):
        Study(task, np.eye(4, dtype=np.float32), tmp_path, folds=3).run()


def test_a_yardstick_is_never_recommended(whole: StudyResult) -> None:
    right = whole.y.astype(np.int32)
    assert whole.remedies[1].tuned is not None
    perfect = replace(
        whole.remedies[1],
        spec="oracle",
        title="The truth",
        reference=True,
        tuned=replace(whole.remedies[1].tuned, predicted=right),
    )
    verdict = decide(replace(whole, remedies=(*whole.remedies, perfect)))
    assert "oracle" not in {verdict.recommended, verdict.best, verdict.simplest, *(t.spec for t in verdict.ties)}
    assert verdict["oracle"]["macro_f1"] == 1.0
    assert any("The truth reaches 1.000" in reason for reason in verdict.reasons)
    without = decide(whole)
    assert {c.spec: c.p_holm for c in without.comparisons if c.spec != "none"}.items() <= {
        c.spec: c.p_holm for c in verdict.comparisons
    }.items()


def nobody(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    """Does not know any group."""
    return lambda new: np.zeros((len(new), groups + (seed < 0)), np.float32)


def too_many(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    return lambda new: np.zeros((len(new), groups + 1), np.float32)


def unknown(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    return lambda new: np.full((len(new), groups), np.nan, np.float32)


@pytest.mark.parametrize(
    ("fit", "said"), [(too_many, r"scores of the shape \(\d+, 6\)"), (unknown, "scores that are not finite")]
)
def test_scores_of_another_learner_are_not_trusted(tmp_path: Path, fit: FitScores, said: str) -> None:
    kind = LearnerKind("wrong", "wrong learners", "-", tuple(Stage), fit)
    with pytest.raises(SettingError, match=f"learner 'wrong' gave {said}"):
        run(tmp_path, *data(), learner=kind)


def test_another_learner_is_fitted_once_for_each_setting(tmp_path: Path) -> None:
    kind = LearnerKind("nobody", "learners of nothing", "-", (Stage.WEIGHT,), nobody)
    found = run(tmp_path, *data(), learner=kind)
    assert found.meta["models"] == "learners of nothing"
    assert found.meta["settings_tried"] == [1, 2]
    assert "cannot act at the stage resample" in (found["smote(k=2)"].not_applicable or "")
    none = found["none"].tuned
    assert none is not None
    kept = found.fold >= 0
    assert set(none.predicted[kept]) == {0}
    np.testing.assert_allclose(none.p_true[kept], 1 / 5)
    assert {s["converged"] for s in none.settings} == {None}


def test_a_learner_that_hides_values_in_its_function_is_refused() -> None:
    k = 5
    for fit in (partial(nobody, penalty=1.0), lambda *a, **b: nobody(*a, penalty=float(k), **b)):
        with pytest.raises(SettingError, match="no plain function"):
            LearnerKind("hidden", "-", "-", (), fit)


@pytest.mark.parametrize("remedies", [REMEDIES, ("logit_adjust", "balanced_softmax", "random_over")])
def test_progress_ends_where_it_said_it_would(tmp_path: Path, remedies: tuple[str, ...]) -> None:
    task, vectors, names = data()
    told: list[tuple[float, float]] = []
    study = Study(task, vectors, tmp_path, names=names, remedies=remedies, folds=4, budget=BUDGET, workers=1)
    study.run(lambda done, total, words: told.append((done, total)))
    done, total = told[-1]
    assert done == pytest.approx(total)
    assert all(before <= after for (before, _), (after, _) in pairwise(told))
    assert 0.6 < told[0][1] / total < 1.7, "the first guess at the work is far from the work"


def test_an_address_depends_on_all_that_decides() -> None:
    unit = search_units([("none", Setting(parse("none"), 1e-4))], "dense", 4)[0]
    smote = replace(unit, trainings=search_units([("s", Setting(parse("smote"), 1e-4))], "dense", 4)[0].trainings)
    near = replace(unit, trainings=search_units([("s", Setting(parse("smote(k=2)"), 1e-4))], "dense", 4)[0].trainings)
    addresses = [
        unit.address(0, (1e-3,)),
        replace(unit, matrix="other").address(0, (1e-3,)),
        unit.address(1, (1e-3,)),
        unit.address(0, (1e-4,)),
        replace(unit, held_out=(1, 2)).address(0, (1e-3,)),
        replace(unit, axes=5).address(0, (1e-3,)),
        replace(unit, kind="final").address(0, (1e-3,)),
        replace(unit, learner=replace(HEADS, name="other")).address(0, (1e-3,)),
        replace(unit, learner=replace(HEADS, fit=nobody)).address(0, (1e-3,)),
        smote.address(0, (1e-3,)),
        near.address(0, (1e-3,)),
    ]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("typed", [True, False], ids=["typed into a prompt", "in a module"])
def test_an_address_depends_on_the_code_of_remedies_from_elsewhere(tmp_path: Path, *, typed: bool) -> None:
    def version(tau: float) -> Setting:
        module = f"elsewhere_{str(tau)[2:]}"
        source = (
            "from dataclasses import dataclass\n"
            "from evenshelf.remedies.adjust import LogitAdjust\n"
            "@dataclass(frozen=True)\n"
            "class Mine(LogitAdjust):\n"
            "    def adjust(self, scores, prior, norms):\n"
            f"        return scores - {tau} * prior.log_share\n"
        )
        names: dict[str, Any] = {"__name__": module}
        if typed:
            exec(source, names)
        else:
            (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
            names = vars(importlib.import_module(module))
        return Setting(names["Mine"](), 1e-4)

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        one, same, other = (
            search_units([("mine", version(tau))], "dense", 4)[0].address(0) for tau in (0.5, 0.5, 0.25)
        )
    assert one == same
    assert one != other


@pytest.mark.parametrize("spec", ["none", "balanced", "name_prior", "smote", "name_prior + logit_adjust(tau=0.5)"])
def test_every_remedy_may_try_equally_many_settings(spec: str) -> None:
    assert len(settings(parse(spec), 8, HEADS)) == 8


def test_a_start_leaves_classes_without_an_example_at_their_centre() -> None:
    task, vectors, names = data()
    fold = np.where(task.target == 4, 0, 1 + np.arange(len(task.target)) % 2).astype(np.int16)
    prepared = prepare(vectors, task.target, fold, task.same)
    training = Training.of(prepared, (1, 2), 5, names)
    start = np.full((training.blocks[0].shape[1], 5), 7.0, np.float32)
    job = (parse("name_prior"), None, (1e-3,))
    ((cold,),) = fit_path(training, [job], tolerance=1e-4)
    ((warm,),) = fit_path(training, [job], tolerance=1e-4, starts=[start])
    np.testing.assert_array_equal(warm.fit.weights[:, 4], cold.fit.weights[:, 4])


def test_rows_that_are_not_those_of_the_task_are_refused(tmp_path: Path) -> None:
    task, vectors, names = data()
    for wrong in ({"vectors": vectors[:-1]}, {"names": names[:-1]}, {"vectors": np.concatenate([vectors, vectors])}):
        with pytest.raises(InputError, match="Give one row each"):
            Study(task, folder=tmp_path, **{"vectors": vectors, "names": names, **wrong})


def test_a_remedy_of_a_script_is_understood_by_its_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        from dataclasses import dataclass
        import numpy as np
        from evenshelf.remedies.adjust import LogitAdjust
        from evenshelf.study.plan import SEARCH_AXES
        from evenshelf.study.runner import Study
        from evenshelf.tasks.label import LabelTask

        @dataclass(frozen=True)
        class Mine(LogitAdjust):
            name = "mine"
            def adjust(self, scores, prior, norms):
                return scores - 0.3 * prior.log_share

        if __name__ == "__main__":
            rng = np.random.default_rng(0)
            y = np.repeat(np.arange(3), (60, 30, 12))
            X = (rng.normal(size=(3, 6))[y] + rng.normal(size=(len(y), 6))).astype(np.float32)
            task = LabelTask.of(y.tolist())
            result = Study(task, X, sys.argv[1], remedies=[Mine()], folds=3, budget=2, workers=2).run()
            print([r.spec for r in result.remedies])
        """),
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script, tmp_path / "study"], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['none', 'mine']", done.stderr


@pytest.mark.parametrize("budget", [2, 3, 5, 7, 8, 9])
def test_every_remedy_may_try_as_many_settings_as_the_budget_says(budget: int) -> None:
    for spec in ("none", "balanced", "smote", "name_prior"):
        assert len(settings(parse(spec), budget, HEADS)) == budget


def test_numbers_of_numpy_are_parameters_like_others() -> None:
    one, other = (
        search_units([("s", Setting(parse("smote").with_parameters(k=k), 1e-4))], "dense", 4)[0].address(0)
        for k in (3, np.int64(3))
    )
    assert one == other


def test_vectors_are_stored_once_for_equal_input(tmp_path: Path) -> None:
    task, vectors, names = data()
    run(tmp_path, task, vectors, names, remedies="balanced")
    before = sorted(p.name for p in (tmp_path / "vectors").iterdir())
    run(tmp_path, task, vectors, names, remedies="logit_adjust")
    assert sorted(p.name for p in (tmp_path / "vectors").iterdir()) == before
    assert trials.digest_of(vectors) != trials.digest_of(vectors[:, ::-1])


@pytest.mark.parametrize(("fall", "used"), [(0.0, 400), (2.0, SEARCH_AXES)])
def test_settings_are_chosen_in_all_axes_unless_the_leading_ones_hold_most(
    tmp_path: Path, fall: float, used: int
) -> None:
    """`fall`: power by which the spread of an axis falls with its number."""
    task, vectors, names = data(rows=600, axes=400)
    spread = (np.arange(1, 401) ** -fall).astype(np.float32)
    run(tmp_path, task, vectors * spread, names * spread, remedies=["name_prior"])
    shapes = set()
    for file in (tmp_path / "trials").glob("*.npz"):
        with np.load(file) as stored:
            shapes |= {stored[name].shape[0] for name in stored.files if name.startswith("weights.")}
    assert shapes == {used + 1}
