"""Sets of classes that hold the right one with a chosen frequency, class by class.

A class is in the set of a title if its probability reaches the threshold of the class (Sadinle, Lei & Wasserman, "Least
ambiguous set-valued classifiers with bounded error levels", JASA 2019). The threshold of a class is a quantile over
calibration rows of that class alone (label-conditional or Mondrian: Vovk, ACML 2012), so that frequent classes do not
decide for rare ones. Copies of a title share the weight of one (Dunn, Wasserman & Ramdas, JASA 2023; Lee, Barber &
Willett, 2023): of a class, it is the number of different titles that makes it sure.

Classes with few titles share one threshold, that of all of them together, in the spirit of Ding et al.
("Class-conditional conformal prediction with many classes", NeurIPS 2023). Of those the coverage holds for all together
and not for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError
from evenshelf.plurals import counted, plural

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

CROWD = 0.05
"""Share of the titles of other classes in whose sets a class may stand; one that cannot be covered with less is not
given a threshold of its own. (Rare classes keep theirs, however low: the sets are then as large as what is not known.)
"""

OWN, RARE, ALL = "own", "rare", "all"
SOURCES = (OWN, RARE, ALL)
"""What a threshold was found on: titles of the class, of all rare classes, of all classes."""


@dataclass(frozen=True, eq=False)
class Conformal:
    """Thresholds of all classes.

    Attributes
    ----------
    alpha
        In (0, 1), how often the right class may be missing from the set.
    threshold
        ``[C]`` float32 in [0, 1]: from this probability on a class is in the set. 0 puts it into every set.
    titles
        ``[C]`` different calibration titles of the class.
    source
        ``[C]`` places in :data:`SOURCES`.
    crowding
        Classes whose own threshold would have put them into too many sets.
    """

    alpha: float
    threshold: Floats
    titles: Codes
    source: Codes
    crowding: tuple[int, ...] = ()

    def sets(self, probabilities: Floats) -> NDArray[np.bool_]:
        """``[n, C]`` whether a class is in the set of a row."""
        return np.asarray(probabilities >= self.threshold)

    @property
    def own(self) -> NDArray[np.bool_]:
        """``[C]`` whether the class has a threshold of its own, and with it the coverage."""
        return np.asarray(self.source == SOURCES.index(OWN))

    def notes(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """What could not be done for which classes, a sentence each."""
        found = []
        wanted = f"{1 - self.alpha:.0%}"
        rare = int((~self.own).sum()) - len(self.crowding)
        if rare:
            shared = "all rare classes" if (self.source == SOURCES.index(RARE)).any() else "all classes"
            found.append(
                f"{counted(rare, 'class has', 'classes have')} fewer than {enough_titles(self.alpha)} different titles "
                f"to calibrate on and the threshold of {shared} together: {wanted} holds for these together, and need "
                f"not hold for each"
            )
        if self.crowding:
            names = ", ".join(classes[c] for c in self.crowding[:5]) + (", ..." if len(self.crowding) > 5 else "")
            found.append(
                f"{counted(len(self.crowding), 'class', 'classes')} ({names}) could be covered only by standing in the "
                f"sets of more than {CROWD:.0%} of all other titles, and {plural(len(self.crowding), 'has', 'have')} "
                f"the threshold of all classes instead: less than {wanted} of "
                f"{plural(len(self.crowding), 'its', 'their')} titles are covered"
            )
        if not self.threshold.any():
            found.append("there are too few different titles for any threshold: every set holds all classes")
        return tuple(found)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What has to be kept besides :attr:`alpha`; :meth:`of_arrays` takes it back."""
        crowding = np.array(self.crowding, np.int64)
        return {"threshold": self.threshold, "titles": self.titles, "source": self.source, "crowding": crowding}

    @classmethod
    def of_arrays(cls, alpha: float, arrays: Mapping[str, NDArray[Any]], classes: int) -> Conformal:
        """The thresholds of :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing, there is not one entry a class, or a value cannot be.
        """
        try:
            found = cls(
                alpha, arrays["threshold"], arrays["titles"], arrays["source"], tuple(arrays["crowding"].tolist())
            )
        except KeyError as error:
            raise InputError(f"The array {error} of the conformal sets is missing.") from error
        if not {len(found.threshold), len(found.titles), len(found.source)} == {classes}:
            raise InputError(f"The conformal sets are not of {classes} classes.", hint="Train the bundle again.")
        bounds = {"threshold": (0.0, 1.0), "titles": (0, math.inf), "source": (0, len(SOURCES) - 1)}
        for name, (least, most) in {**bounds, "crowding": (0, classes - 1)}.items():
            if not ((arrays[name] >= least) & (arrays[name] <= most)).all():
                raise InputError(
                    f"The array '{name}' of the conformal sets has values outside of {least:g} to {most:g}.",
                    hint="Train the bundle again.",
                )
        return found


def check_alpha(alpha: float) -> None:
    """Raise a :class:`SettingError` unless it is strictly between 0 and 1."""
    if not 0 < alpha < 1:
        raise SettingError(
            f"alpha is {alpha:g}, and must be between 0 and 1.",
            hint="It is how often the right class may be missing from the set: 0.1 is usual.",
        )


def enough_titles(alpha: float) -> int:
    """From so many different titles on a class has a threshold of its own: at least the second lowest of them."""
    return math.ceil(2.0 / alpha - 1e-9)


def fit_conformal(
    probabilities: Floats, target: Codes, group: Codes, *, alpha: float = 0.1, crowd: float = CROWD
) -> Conformal:
    """Find the thresholds on rows that the model has not seen.

    Where calibration rows and a new title are exchangeable, a class with a threshold of its own is in the set of a new
    title of that class with a probability of at least ``1 - alpha``, whatever the model. With scores of several models,
    each for the rows that it has not seen, this is cross-conformal prediction (Vovk, 2015): near to that, not proven.

    Parameters
    ----------
    probabilities
        ``[n, C]`` of rows that the model has not seen.
    target
        ``[n]`` their classes.
    group
        ``[n]`` equal numbers mean nearly equal titles.
    alpha
        In (0, 1).
    crowd
        In [0, 1]; see :data:`CROWD`. 1 gives each class with enough titles a threshold of its own.

    Raises
    ------
    SettingError
        If `alpha` is out of range.
    """
    check_alpha(alpha)
    classes = probabilities.shape[1]
    true = probabilities[np.arange(len(target)), target]
    # a group of several classes counts once in each
    _, pair = np.unique(np.stack([target, group], axis=1), axis=0, return_inverse=True)
    pair = pair.reshape(-1)
    share = 1.0 / np.bincount(pair)[pair] if len(pair) else np.empty(0)
    titles = np.rint(np.bincount(target, share, classes)).astype(np.int64)
    common = _quantile(true, share, alpha)
    rare = titles < enough_titles(alpha)
    of_rare = rare[target]
    pooled = share[of_rare].sum() > enough_titles(alpha) - 0.5
    lowest = _quantile(true[of_rare], share[of_rare], alpha) if pooled else common
    threshold = np.full(classes, lowest, np.float64)
    source = np.full(classes, SOURCES.index(RARE if pooled else ALL), np.int64)
    order = np.argsort(target, kind="stable")
    bounds = np.searchsorted(target[order], np.arange(classes + 1))
    for c in np.flatnonzero(~rare):
        rows = order[bounds[c] : bounds[c + 1]]
        threshold[c] = _quantile(true[rows], share[rows], alpha)
        source[c] = SOURCES.index(OWN)
    foreign = (probabilities >= threshold.astype(np.float32)).sum(axis=0) - np.bincount(
        target, true >= threshold.astype(np.float32)[target], classes
    )
    others = np.maximum(len(target) - np.bincount(target, minlength=classes), 1)
    crowding = np.flatnonzero(~rare & (foreign / others > crowd) & (threshold < common))
    threshold[crowding] = common
    source[crowding] = SOURCES.index(ALL)
    return Conformal(alpha, threshold.astype(np.float32), titles, source, tuple(crowding.tolist()))


def _quantile(values: Floats, share: NDArray[np.float64], alpha: float) -> float:
    """The threshold that all but `alpha` of the weight reaches, one more title without any probability included."""
    total = share.sum() + 1.0
    order = np.argsort(-values, kind="stable")
    reached = np.cumsum(share[order])
    place = int(np.searchsorted(reached, (1.0 - alpha) * total - 1e-9))
    return float(values[order[place]]) if place < len(values) else 0.0


def cross_judged(
    probabilities: Floats, target: Codes, group: Codes, fold: NDArray[np.integer], *, alpha: float
) -> NDArray[np.bool_]:
    """``[n, C]`` sets of calibration rows, each by the thresholds of the other folds, to judge the sets by.

    Parameters
    ----------
    fold
        ``[n]`` from 0; no group is in two of them.
    """
    sets = np.zeros(probabilities.shape, bool)
    for number in np.unique(fold):
        mine = fold == number
        found = fit_conformal(probabilities[~mine], target[~mine], group[~mine], alpha=alpha)
        sets[mine] = found.sets(probabilities[mine])
    return sets
