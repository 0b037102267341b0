"""Names as prior: a class without an example is found by its name, and only by the right one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.learners.heads import fit_alone
from evenshelf.remedies import parse

CLASSES, ROWS, AXES = 6, 12, 40
SPECS = ("name_prior", "name_prior(scale=40.0)", "name_prior + logit_adjust(tau=0.5)")


def speaking(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors that lie about half way between the name of their class and nothing in particular."""
    rng = np.random.default_rng(seed)
    names = np.linalg.qr(rng.standard_normal((AXES, CLASSES)))[0].T
    target = np.repeat(np.arange(CLASSES), ROWS)
    noise = rng.standard_normal((len(target), AXES))
    vectors = names[target] + noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return (
        (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        target.astype(np.int64),
        names.astype(np.float32),
    )


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**20), unseen=st.integers(0, CLASSES - 1), spec=st.sampled_from(SPECS))
def test_a_class_without_an_example_is_found_by_its_name(seed: int, unseen: int, spec: str) -> None:
    vectors, target, names = speaking(seed)
    seen = target != unseen

    def found(remedy: str, given_names: np.ndarray | None) -> np.ndarray:
        head = fit_alone(vectors[seen], target[seen], CLASSES, parse(remedy), names=given_names, penalty=1e-3)
        return head(vectors).argmax(axis=1)

    named = found(spec, names)
    assert (named[~seen] == unseen).mean() > 0.7
    assert (named[seen] == target[seen]).mean() > 0.9
    # names of others, and no names at all, tell nothing of it
    assert (found(spec, np.roll(names, 1, axis=0))[~seen] == unseen).mean() < 0.3
    assert (found("none", None) != unseen).all()
    assert (found("name_prior(scale=0.0)", names) != unseen).all()


@pytest.mark.parametrize("spec", ["name_prior", "name_prior + logit_adjust(tau=0.5)"])
def test_the_fewer_examples_a_class_has_the_more_its_name_counts(spec: str) -> None:
    vectors, target, names = speaking(0)
    away = []
    for left in (1, 3, ROWS):
        kept = (target != 0) | (np.arange(len(target)) < left)
        head = fit_alone(vectors[kept], target[kept], CLASSES, parse(spec), names=names, penalty=1e-4)
        weights = head.linear[0][:, 0]
        away.append(1 - float(weights @ names[0] / np.linalg.norm(weights)))
    assert away[0] < away[1] < away[2]
