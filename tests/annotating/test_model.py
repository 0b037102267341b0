"""The model that suggests labels honours a remedy at all of its stages, or says that it does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from evenshelf.annotating.model import Labels, cross_fitted, fit
from evenshelf.errors import SettingError
from evenshelf.testing.learners import skewed_sample

VECTORS, TARGET, NAMES = skewed_sample(spread=1.0)
LABELS = Labels(VECTORS, TARGET, NAMES, ("cake", "jam", "salt", "tea"))
NEAREST = "knn(k=1, share=1.0)"


def test_near_rows_are_asked() -> None:
    new = skewed_sample(spread=1.3)[0]
    theirs = KNeighborsClassifier(1).fit(VECTORS, TARGET).predict(new)
    np.testing.assert_array_equal(fit(LABELS, NEAREST)(new).argmax(axis=1), theirs)


def test_near_rows_of_the_own_fold_are_not_asked() -> None:
    fold = np.arange(len(TARGET)) % 2
    p = cross_fitted(LABELS, fold, VECTORS, fold, NEAREST, progress=lambda words, done, total: None)
    for number in (0, 1):
        theirs = KNeighborsClassifier(1).fit(VECTORS[fold != number], TARGET[fold != number])
        np.testing.assert_array_equal(p[fold == number].argmax(axis=1), theirs.predict(VECTORS[fold == number]))


@pytest.mark.parametrize("spec", ["temperature", "random_over + name_prior"])
def test_a_stage_at_which_it_does_nothing_is_refused(spec: str) -> None:
    with pytest.raises(SettingError, match="does nothing"):
        fit(LABELS, spec)


def test_a_table_of_weights_is_read_by_class(tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({name: 1 / n for name, n in zip(LABELS.classes, np.bincount(TARGET), strict=True)}))
    one, two = (fit(LABELS, spec)(VECTORS) for spec in (f"weight_table(file={str(file)!r})", "balanced"))
    np.testing.assert_allclose(one, two, atol=1e-4)
