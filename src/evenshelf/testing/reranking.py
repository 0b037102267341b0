"""What every remedy promises that re-ranks lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.remedies import Offered, Prior, Remedy
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.declarations import neutral_of
from evenshelf.testing.strategies import priors

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Case:
    """Candidates and the prior of their groups; arrays are protected against writing."""

    offered: Offered
    prior: Prior

    def order(self, remedy: Remedy) -> Codes:
        """What a remedy makes of them, where ``None`` is the given order."""
        found = remedy.rerank(self.offered, self.prior)
        items = self.offered.items
        return np.broadcast_to(np.arange(items.shape[1]), items.shape) if found is None else found

    def applies(self, remedy: Remedy) -> bool:
        """Whether a remedy can be used here."""
        return not remedy.not_applicable(self.prior, has_names=self.offered.vectors is not None)


@st.composite
def cases(draw: st.DrawFn, vectors: bool | None = None, users: int = 1) -> Case:
    """Lists of one candidate, short and empty ones, equal scores, users and groups of which nothing is known.

    Parameters
    ----------
    vectors
        Whether groups have vectors; drawn if ``None``.
    users
        How many lists there are at least.
    """
    prior = draw(priors(min_present=2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return _case(
        prior,
        rng,
        users=draw(st.integers(users, 5)),
        size=draw(st.integers(1, len(prior.counts))),
        length=draw(st.integers(1, 9)),
        # whole eighths, so that a constant can be added without rounding
        scale=draw(st.sampled_from([0.0, 0.125, 1.0, 1000.0])),
        short=draw(st.booleans()),
        vectors=draw(st.booleans()) if vectors is None else vectors,
        tastes=draw(st.sampled_from(["none", "some", "all"])),
    )


def _case(
    prior: Prior,
    rng: np.random.Generator,
    *,
    users: int,
    size: int,
    length: int,
    scale: float,
    short: bool,
    vectors: bool,
    tastes: str,
) -> Case:
    groups = len(prior.counts)
    items = np.stack([rng.permutation(groups)[:size] for _ in range(users)]).astype(np.int64)
    scores = -np.sort(-scale * rng.integers(-20, 20, items.shape), axis=1).astype(np.float32)
    if short:
        empty = np.arange(size) >= rng.integers(0, size + 1, users)[:, None]
        items[empty], scores[empty] = -1, -np.inf
    rows = rng.standard_normal((groups, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[rng.random(groups) < 0.2] = 0.0
    taken = rng.integers(0, 4, (users, groups)) * (rng.random((users, 1)) < (0.5 if tastes == "some" else 1.0))
    offered = Offered(
        locked(items),
        locked(scores),
        length,
        locked(rows.astype(np.float32)) if vectors else None,
        None if tastes == "none" else csr_array(taken.astype(np.float32)),
    )
    return Case(offered, prior)


def ordinary_lists() -> Case:
    """Ordinary lists: 60 users, 30 candidates of 80 groups, from very frequent to cold."""
    counts = np.concatenate([(2000 / np.arange(1, 77) ** 1.3).astype(np.int64), np.zeros(4, np.int64)])
    rng = np.random.default_rng(3)
    return _case(
        Prior(locked(counts)), rng, users=60, size=30, length=10, scale=0.125, short=False, vectors=True, tastes="all"
    )


def rerank_promises(remedy: Remedy) -> list[Callable[[Remedy], None]]:
    """What a remedy that re-ranks promises, by what it declares."""
    promises: list[Callable[[Remedy], None]] = [
        gives_each_list_an_order,
        reorders_ordinary_lists,
        does_not_mind_how_groups_are_numbered,
        does_not_mind_a_constant_added_to_scores,
    ]
    if not remedy.together:
        promises += [reranks_each_list_by_itself]
    if neutral_of(remedy) is not None:
        promises += [leaves_lists_at_its_neutral_value]
    return promises


def gives_each_list_an_order(remedy: Remedy) -> None:
    """Each candidate once, empty places last, what is beyond the length as it was; the same when asked again."""

    @EXAMPLES
    @given(case=cases(), variant=st.sampled_from(remedy.settings))
    def holds(case: Case, variant: Remedy) -> None:
        assume(case.applies(variant))
        order = case.order(variant)
        items, length = case.offered.items, case.offered.length
        users, size = items.shape
        assert order.shape == (users, size), f"{variant} makes {order.shape} of {items.shape}"
        assert order.dtype.kind == "i", f"{variant} makes places of {order.dtype}"
        each = np.broadcast_to(np.arange(size), order.shape)
        np.testing.assert_array_equal(np.sort(order, axis=1), each, err_msg=f"{variant}: not each candidate once")
        shown = np.take_along_axis(items, order, axis=1) >= 0
        assert (shown == (items >= 0)).all(), f"{variant} shows an empty place before a candidate"
        behind = order[:, length:]
        assert (np.diff(behind, axis=1) > 0).all(), f"{variant} changes the order of what is not seen"
        np.testing.assert_array_equal(case.order(variant), order, err_msg=f"{variant}: asked again")

    holds()


def reorders_ordinary_lists(remedy: Remedy) -> None:
    """It does something at every setting that is tried."""
    case = ordinary_lists()
    for variant in remedy.settings:
        moved = (case.order(variant) != np.arange(case.offered.items.shape[1])).any()
        assert moved, f"{variant} leaves ordinary lists as they are"


def does_not_mind_how_groups_are_numbered(remedy: Remedy) -> None:
    """Ids tell nothing: of groups in another order the same lists are made."""

    @EXAMPLES
    @given(case=cases(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 99))
    def holds(case: Case, variant: Remedy, seed: int) -> None:
        assume(case.applies(variant))
        offered, drawn = case.offered, np.random.default_rng(seed).permutation(len(case.prior.counts))
        new = np.argsort(drawn)
        numbered = replace(
            offered,
            items=locked(np.where(offered.items >= 0, new[offered.items], -1)),
            vectors=None if offered.vectors is None else locked(offered.vectors[drawn]),
            tastes=None if offered.tastes is None else csr_array(offered.tastes[:, drawn]),
        )
        moved = Case(numbered, Prior(locked(case.prior.counts[drawn])))
        np.testing.assert_array_equal(moved.order(variant), case.order(variant), err_msg=f"{variant}")

    holds()


def does_not_mind_a_constant_added_to_scores(remedy: Remedy) -> None:
    """Scores are logarithms of something that is proportional to a probability, and no more."""

    @EXAMPLES
    @given(case=cases(), variant=st.sampled_from(remedy.settings))
    def holds(case: Case, variant: Remedy) -> None:
        assume(case.applies(variant))
        more = Case(replace(case.offered, scores=locked(case.offered.scores + np.float32(8.0))), case.prior)
        np.testing.assert_array_equal(more.order(variant), case.order(variant), err_msg=f"{variant}")

    holds()


def reranks_each_list_by_itself(remedy: Remedy) -> None:
    """Lists do not mind their company."""

    @settings(EXAMPLES, max_examples=4 * EXAMPLES.max_examples)  # of many lists every order is the same
    @given(case=cases(users=2), variant=st.sampled_from(remedy.settings))
    def holds(case: Case, variant: Remedy) -> None:
        assume(case.applies(variant))
        alone = (Case(case.offered.of(np.array([user])), case.prior) for user in range(len(case.offered.items)))
        each = [one.order(variant) for one in alone]
        np.testing.assert_array_equal(np.concatenate(each), case.order(variant), err_msg=f"{variant}: one by one")

    holds()


def leaves_lists_at_its_neutral_value(remedy: Remedy) -> None:
    """All candidates in the order in which they were given."""
    neutral = neutral_of(remedy)
    assert neutral is not None, f"{remedy} has no neutral value"

    @EXAMPLES
    @given(case=cases(vectors=True))
    def holds(case: Case) -> None:
        order = case.order(neutral)
        assert (order == np.arange(case.offered.items.shape[1])).all(), (
            f"{neutral} should do nothing, but moves candidates"
        )

    holds()
