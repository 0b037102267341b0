"""The resampling of a remedy as a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils.validation import column_or_1d, validate_data

from evenshelf.errors import SettingError
from evenshelf.estimators.containers import between, take
from evenshelf.estimators.inputs import check_applies, classes_of, one_label_a_row, read_remedy, read_seed
from evenshelf.learners.materialise import copied, weighted
from evenshelf.remedies import Prior, Remedy, Rows, Stage

Codes = NDArray[np.int64]


class RemedySampler(OneToOneFeatureMixin, BaseEstimator):  # type: ignore[misc]
    """Resamples rows with a remedy, as the samplers of imbalanced-learn do; may stand in its pipelines.

    Parameters
    ----------
    remedy
        Spec or remedy that acts at the stage *resample* and no other (``none`` leaves all as it is). One that acts
        elsewhere as well needs :class:`RemedyClassifier`.
    random_state
        Seed, ``numpy.random.RandomState`` or ``None``, as everywhere in scikit-learn. A seed makes the rows that
        ``RemedyClassifier`` with the same seed is fitted on, but for ``gan``: what its network learns depends on the
        axes in which it is shown the rows.

    Attributes
    ----------
    classes_
        ``[C]`` sorted labels.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    notes_
        What was done to which classes, a sentence each.
    sample_indices_
        For each row returned, the given row that it is or, if it lies between two, that it starts from; -1 for a row
        that is made of none.

    Notes
    -----
    A row may stand for several (``Rows.weight``), and a row of ``mixup`` has two labels. What is returned are plain
    rows: a whole weight is a number of copies; another one is rounded at random, such that a class as a whole has the
    size that its weights sum to; the second label of a mixed row is drawn with the probability of its share. With
    ``fit_resample(X, y, return_weights=True)`` nothing is drawn: rows are returned with their weights, and mixed ones
    twice, once for each label.

    Rows are taken as points in space, so X holds numbers, without gaps and not sparse. Columns are not put to one
    scale: neighbours are those of X as it is.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.arange(20.0).reshape(10, 2), ["common"] * 7 + ["rare"] * 3
    >>> X_more, y_more = RemedySampler("smote(k=2)", random_state=0).fit_resample(X, y)
    >>> y_more.count("rare")
    7
    """

    def __init__(self, remedy: str | Remedy = "smote(k=3)", random_state: Any = None) -> None:
        self.remedy = remedy
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> RemedySampler:
        """Check the data and the remedy, and resample nothing.

        Parameters
        ----------
        X
            ``[n, d]`` numbers.
        y
            ``[n]`` labels.

        Raises
        ------
        InputError, ValueError
            If the data cannot be used.
        SettingError
            If the remedy is not valid, or acts at another stage.
        """
        self._read(X, y)
        return self

    def fit_resample(self, X: Any, y: Any, *, return_weights: bool = False) -> tuple[Any, ...]:
        """Resample.

        Parameters
        ----------
        X
            ``[n, d]`` numbers: an array, lists, or a frame of pandas or polars.
        y
            ``[n]`` labels of any one type.
        return_weights
            Return rows with weights instead of copies; see the notes of the class.

        Returns
        -------
        ``X_resampled, y_resampled`` of the types of `X` and `y`; with `return_weights` also ``[m]`` weights.

        Raises
        ------
        InputError, ValueError
            If the data cannot be used.
        SettingError
            If the remedy is not valid, or acts at another stage.
        """
        remedy, values, target, prior = self._read(X, y)
        rng = np.random.default_rng(read_seed(self.random_state))
        units = _Units.of(values)
        made = remedy.resample(units.into(values), target, prior, rng)
        rows = Rows.copies(np.arange(len(target)), target) if made is None else made
        if return_weights:
            index, label, weight = weighted(rows)
        else:
            index, label = copied(rows, rng)
        self.notes_ = rows.notes
        first = rows.first[index]
        self.sample_indices_ = np.where(first < len(target), first, -1)
        known = values if rows.made is None else np.concatenate([values, units.back(rows.made, values.dtype)])
        X_resampled = between(X, known, first, rows.second[index], rows.step[index])
        # labels are taken from given rows, which keeps their type whatever it is
        _, example = np.unique(target, return_index=True)
        y_resampled = take(y, example[label])
        return (X_resampled, y_resampled, weight) if return_weights else (X_resampled, y_resampled)

    def _read(self, X: Any, y: Any) -> tuple[Remedy, NDArray[Any], Codes, Prior]:
        """The remedy, the numbers of X, the codes of y and their prior, all checked."""
        remedy = read_remedy(self.remedy)
        others = [stage.value for stage in remedy.stages if stage is not Stage.RESAMPLE]
        if others:
            raise SettingError(
                f"{remedy} acts at the stage {', '.join(others)}, where a sampler can do nothing.",
                hint="Use evenshelf.estimators.RemedyClassifier, which acts at all of them.",
            )
        if remedy.bags > 1:
            raise SettingError(
                f"{remedy} fits {remedy.bags} heads on a sample each, and a sampler makes one.",
                hint="Use evenshelf.estimators.RemedyClassifier, or bags=1 for one of the samples.",
            )
        one_label_a_row(y)
        flat = None if y is None else _flat(y)
        values, labels = validate_data(self, X, flat, dtype="numeric", ensure_min_samples=2)
        self.classes_, target = classes_of(labels)
        prior = Prior(np.bincount(target, minlength=len(self.classes_)).astype(np.int64))
        check_applies(remedy, prior, has_names=False)
        return remedy, values, target, prior

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "sampler"
        tags.target_tags.required = True
        return tags


def _flat(y: Any) -> Any:
    """A column as one dimension, without the warning that a classifier gives: samplers return y as it came."""
    return column_or_1d(y) if len(getattr(y, "shape", ())) == 2 else y


@dataclass(frozen=True, eq=False)
class _Units:
    """Centred and of mean square length 1, as a study shows rows to remedies: float32 then resolves their distances."""

    mean: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> _Units:
        mean = values.astype(np.float64).mean(axis=0)
        centred = values.astype(np.float64) - mean
        scale = float(np.sqrt(np.einsum("ij,ij->", centred, centred) / len(centred)))
        return cls(mean, scale if scale > 0 else 1.0)

    def into(self, values: NDArray[Any]) -> NDArray[np.float32]:
        return ((values.astype(np.float64) - self.mean) / self.scale).astype(np.float32)

    def back(self, made: NDArray[np.float32], kind: np.dtype[Any]) -> NDArray[Any]:
        """In floats of the type of the values; whole numbers become float64, as a made row is not whole."""
        return (made.astype(np.float64) * self.scale + self.mean).astype(kind if kind.kind == "f" else np.float64)
