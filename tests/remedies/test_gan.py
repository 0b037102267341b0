"""The network makes rows that are no copies, and falls back to repeats, and says so, where it cannot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError
from evenshelf.remedies import Rows, parse
from evenshelf.remedies.conditional_gan import ConditionalGAN
from evenshelf.remedies.gan import GAN, Axes, different_rows
from evenshelf.testing.learners import skewed_sample
from evenshelf.testing.strategies import Sample

pytest.importorskip("torch")

COUNTS = (150, 60, 20, 8, 3, 1)


@pytest.fixture(scope="module")
def sample() -> Sample:
    vectors, target, _ = skewed_sample(COUNTS)
    return Sample.of(vectors, target, len(COUNTS))


def resampled(remedy: GAN, sample: Sample, seed: int = 0) -> Rows:
    return remedy.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))


def grown(sample: Sample, generator: Callable[[NDArray[np.int64]], NDArray[np.float32]]) -> Rows:
    """Rows of a generator of one's own."""
    rows = different_rows(sample.vectors, sample.target)
    axes = Axes.of(sample.vectors)
    rng = np.random.default_rng(0)
    return GAN().grown(generator, sample.vectors, sample.target, sample.prior, rng=rng, axes=axes, rows=rows)


def own(made: Rows, sample: Sample) -> NDArray[np.bool_]:
    return made.first >= len(sample.target)


def test_groups_grow_to_the_largest_and_given_rows_stay(sample: Sample) -> None:
    made = resampled(GAN(), sample)
    n = len(sample.target)
    np.testing.assert_array_equal(made.first[:n], np.arange(n))
    counts = np.bincount(made.target, made.weight, len(COUNTS))
    np.testing.assert_allclose(counts, 150, rtol=1e-5)
    assert made.made is not None
    assert own(made, sample).sum() == len(made.made)


def test_made_rows_are_no_given_rows_and_near_to_the_rows_of_their_group(sample: Sample) -> None:
    made = resampled(GAN(), sample)
    assert made.made is not None
    apart = np.linalg.norm(made.made[:, None] - sample.vectors, axis=2).min(axis=1)
    assert apart.min() > 1e-3
    groups = made.target[own(made, sample)]
    for group in range(1, 4):
        mean = sample.vectors[sample.target == group].mean(axis=0)
        assert np.linalg.norm(made.made[groups == group].mean(axis=0) - mean) < 0.5


def test_a_group_of_one_row_gets_others_with_the_spread_of_the_rest(sample: Sample) -> None:
    made = resampled(GAN(), sample)
    assert made.made is not None
    single = made.made[made.target[own(made, sample)] == 5]
    assert len(single) > 20
    assert 0.3 < single.std(axis=0).mean() < 1.2  # rows of all groups have 0.6


def test_without_steps_rows_are_normal_around_the_mean_of_the_group() -> None:
    vectors, target, _ = skewed_sample((4000, 2000))
    axes = Axes.of(vectors)
    rows = axes.leading(vectors)
    made = ConditionalGAN(rows, target, 2, 0, np.random.default_rng(0))(np.ones(4000, np.int64))
    theirs = rows[target == 1]
    np.testing.assert_allclose(made.mean(axis=0), theirs.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(made.T), np.cov(theirs.T), atol=0.03)


def test_training_brings_rows_nearer_to_a_distribution_that_is_not_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    # what it takes to leave the normal distribution that it starts from is more than a few thousand rows are given
    monkeypatch.setattr("evenshelf.remedies.conditional_gan.PASSES", 100)
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(3), (3000, 1500, 1500))
    side = rng.choice([-1.0, 1.0], len(group))
    rows = (np.array([0.0, 5.0, -5.0])[group, None] + np.stack([side, -side], axis=1)).astype(np.float32)
    rows += 0.1 * rng.standard_normal(rows.shape).astype(np.float32)

    def between(steps: int) -> float:
        """Part of the made rows that lie where no given row does, between the two sides."""
        made = ConditionalGAN(rows, group, 3, steps, np.random.default_rng(1))(np.zeros(2000, np.int64))
        return float((np.abs(made[:, 0] - made[:, 1]) < 1.2).mean())

    assert between(0) > 0.4
    assert between(800) < 0.5 * between(0)


def test_rows_that_do_not_pass_the_test_are_replaced_by_repeats(sample: Sample) -> None:
    leading = Axes.of(sample.vectors).leading(sample.vectors)
    rng = np.random.default_rng(1)

    def copies(group: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.stack([leading[rng.choice(np.flatnonzero(sample.target == g))] for g in group])

    made = grown(sample, copies)
    assert made.made is not None
    assert len(made.made) == 0
    assert any(note.endswith("copies") for note in made.notes)
    assert any("were copies of given rows and replaced by repeats" in note for note in made.notes)
    np.testing.assert_allclose(np.bincount(made.target, made.weight, len(COUNTS)), 150, rtol=1e-5)
    np.testing.assert_array_equal(sample.target[made.first], made.target)


def test_a_generator_that_is_right_is_not_called_a_copier(sample: Sample) -> None:
    rng, (_, _, centres) = np.random.default_rng(1), skewed_sample(COUNTS)
    axes = Axes.of(sample.vectors)

    def right(group: NDArray[np.int64]) -> NDArray[np.float32]:
        return axes.leading((centres[group] + 0.6 * rng.standard_normal((len(group), 6))).astype(np.float32))

    made = grown(sample, right)
    assert made.made is not None
    assert len(made.made) > 0.9 * (len(made) - len(sample.target))
    assert any(note.endswith("like the data") for note in made.notes)


@pytest.mark.parametrize(
    ("scale", "word"), [(0.0, "collapsed"), (0.05, "collapsed"), (30.0, "failed"), (np.nan, "failed")]
)
def test_a_network_that_has_failed_makes_repeats_and_tells(sample: Sample, scale: float, word: str) -> None:
    rng = np.random.default_rng(1)

    def failing(group: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.float32(scale) * rng.standard_normal((len(group), 6), dtype=np.float32)

    made = grown(sample, failing)
    assert made.made is None
    assert word in made.notes[0]
    assert "repeated" in made.notes[0]
    np.testing.assert_allclose(np.bincount(made.target, made.weight, len(COUNTS)), 150, rtol=1e-5)


def test_with_too_few_rows_to_learn_from_it_repeats_and_tells() -> None:
    vectors, target, _ = skewed_sample((12, 3, 1))
    made = resampled(GAN(), Sample.of(vectors, target, 3))
    assert made.made is None
    assert "15 different rows in groups of more than one are too few to learn" in made.notes[0]


def test_equal_rows_are_one_row_to_learn_from() -> None:
    vectors, target, _ = skewed_sample((12, 3))
    twice = Sample.of(np.repeat(vectors, 5, axis=0), np.repeat(target, 5), 2)
    assert resampled(GAN(), twice).made is None


def test_axes_beyond_the_leading_ones_are_those_of_a_row_of_the_group() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((300, 100)).astype(np.float32)
    target = np.repeat([0, 1], (220, 80))
    sample = Sample.of(vectors, target, 2)
    axes = Axes.of(vectors)
    made = resampled(GAN(steps=5), sample)
    assert axes.count == 64
    assert made.made is not None
    outside = np.eye(100) - axes.axes @ axes.axes.T
    apart = np.linalg.norm(((made.made[:, None] - vectors[target == 1]) @ outside), axis=2).min(axis=1)
    assert apart.max() < 1e-3


def test_the_global_state_of_torch_is_left_alone(sample: Sample) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(2)
    before = torch.random.get_rng_state()
    resampled(GAN(), sample)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == 2


def test_without_torch_it_is_not_applicable_and_says_what_to_install(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert parse("gan").not_applicable(sample.prior, has_names=True) == "needs torch (pip install 'evenshelf[train]')"
    with pytest.raises(MissingExtraError, match="evenshelf\\[train\\]"):
        resampled(GAN(), sample)


def test_the_catalogue_does_not_import_torch() -> None:
    script = "import sys; import evenshelf.remedies as r; r.catalogue(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
