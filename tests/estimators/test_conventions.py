"""Both estimators keep to the conventions of scikit-learn and, where they can, of imbalanced-learn."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import check_estimator

from evenshelf.estimators import RemedyClassifier, RemedySampler

CLASSIFIERS = (
    "none",
    "balanced",
    "random_over",
    "smote",
    "mixup",
    "focal",
    "ldam",
    "logit_adjust",
    "tau_norm",
    "smote + focal + logit_adjust",
)
SAMPLERS = ("none", "random_over", "random_under", "smote(k=3)", "mixup")

LEFT_OUT = {
    "check_samplers_fit": "asks for sampling_strategy_: how much to resample is a parameter of the remedy",
    "check_samplers_multiclass_ova": "one-hot labels are refused, not read as classes",
    "check_samplers_sample_indices": "asks for a tag that only imbalanced-learn's own tags have",
    "check_samplers_sparse": "sparse rows are refused",
    "check_samplers_pandas_sparse": "sparse rows are refused",
    "check_samplers_string": "rows are points, not texts",
    "check_samplers_nan": "rows are points, without gaps",
}
"""Checks of imbalanced-learn that do not fit, and why."""


@pytest.mark.parametrize(
    "estimator", [*map(RemedyClassifier, CLASSIFIERS), *map(RemedySampler, SAMPLERS)], ids=lambda e: f"{e!r}"
)
def test_checks_of_scikit_learn_pass(estimator: RemedyClassifier | RemedySampler) -> None:
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(results) > 30
    assert {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"} == {}
    # needs an environment variable that scipy reads when it is imported; arrays of other libraries are not claimed
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= {"check_array_api_input"}


def sampler_checks() -> list[str]:
    checks = pytest.importorskip("imblearn.utils.estimator_checks")
    return sorted(n for n in vars(checks) if n.startswith(("check_sampler", "check_target_type")))


@pytest.mark.parametrize("remedy", [r for r in SAMPLERS if r != "none"])
def test_checks_of_imbalanced_learn_pass(remedy: str) -> None:
    checks = pytest.importorskip("imblearn.utils.estimator_checks")
    names = sampler_checks()
    assert set(LEFT_OUT) <= set(names), "a reason for a check that there is not"
    for name in names:
        if name not in LEFT_OUT:
            getattr(checks, name)("RemedySampler", RemedySampler(remedy, random_state=0))


def test_checks_of_imbalanced_learn_for_classifiers_pass() -> None:
    checks = pytest.importorskip("imblearn.utils.estimator_checks")
    for name in ("check_classifier_on_multilabel_or_multioutput_targets", "check_classifiers_with_encoded_labels"):
        getattr(checks, name)("RemedyClassifier", RemedyClassifier())


def test_neither_imbalanced_learn_nor_pandas_is_needed() -> None:
    program = (
        "import sys\n"
        "sys.modules['imblearn'] = sys.modules['pandas'] = None\n"
        "import numpy as np\n"
        "from evenshelf import RemedyClassifier, RemedySampler\n"
        "X, y = np.arange(20.0).reshape(10, 2), ['a'] * 7 + ['b'] * 3\n"
        "assert len(RemedySampler().fit_resample(X, y)[1]) == 14\n"
        "assert len(RemedyClassifier('smote').fit(X, y).predict(X)) == 10\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_scikit_learn_is_imported_only_when_they_are_asked_for() -> None:
    program = "import sys, evenshelf\nassert 'sklearn' not in sys.modules\nassert 'RemedySampler' in dir(evenshelf)\n"
    subprocess.run([sys.executable, "-c", program], check=True)
