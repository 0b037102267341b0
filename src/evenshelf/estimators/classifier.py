"""Linear heads under a remedy as a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from evenshelf.errors import InputError, SettingError
from evenshelf.estimators.inputs import check_applies, classes_of, one_label_a_row, read_remedy, read_seed
from evenshelf.learners.heads import fit_alone
from evenshelf.remedies import Prior, Remedy

Doubles = NDArray[np.float64]


class RemedyClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression on vectors, with a remedy at all of its stages.

    What a study fits for this remedy, by itself: the optimum is the same.

    Parameters
    ----------
    remedy
        Spec or remedy, compositions included.
    penalty
        L2 strength per unit of mean loss, > 0, on vectors centred and divided by their root mean square length;
        ``None`` for scikit-learn's default on the vectors as they are: C = 1. A study tries 1e-3.5 to 1e-7.
    names
        Vectors of the classes' texts, for remedies that borrow from names: ``[C, d]`` in the order of sorted labels, or
        a mapping from label to vector, which may hold more labels than `y`: for a remedy that reads names they are
        classes as well, known by name alone.
    random_state
        Seed, ``numpy.random.RandomState`` or ``None``, as everywhere in scikit-learn; for remedies that resample
        or calibrate.

    Attributes
    ----------
    classes_
        ``[C]`` sorted labels.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    notes_
        What the remedy could not do for which classes, a sentence each.
    n_iter_
        Steps taken, at most 500. Where float32 resolves no more, a fit may take them all and still be at its optimum.
    head_
        The fitted :class:`~evenshelf.learners.heads.LoneHead`.

    Notes
    -----
    To tune, search over `penalty`, `remedy` or both with scikit-learn's ``GridSearchCV``. Rows of `X` should be of one
    scale, such as the vectors of one encoder; sparse ones are refused, as are sets of labels.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [0.2], [0.1], [0.3], [1.0]]), ["tea", "tea", "tea", "tea", "cake"]
    >>> RemedyClassifier("logit_adjust").fit(X, y).predict([[0.9], [0.1]]).tolist()
    ['cake', 'tea']
    """

    def __init__(
        self,
        remedy: str | Remedy = "balanced",
        penalty: float | None = None,
        names: Any = None,
        random_state: Any = None,
    ) -> None:
        self.remedy = remedy
        self.penalty = penalty
        self.names = names
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> RemedyClassifier:
        """Fit.

        Parameters
        ----------
        X
            ``[n, d]`` numbers.
        y
            ``[n]`` labels of any one type.

        Raises
        ------
        InputError, ValueError
            If the data or the names cannot be used.
        SettingError
            If the remedy or the penalty is not valid.
        """
        remedy = read_remedy(self.remedy)
        if self.penalty is not None and not (isinstance(self.penalty, Real) and 0 < self.penalty < np.inf):
            raise SettingError(f"penalty is {self.penalty!r}; it has to be a number above 0, or None.")
        one_label_a_row(y)
        values, labels = validate_data(self, X, y, dtype=np.float64)
        reads = remedy.reads_names
        present, target = classes_of(labels)
        self.classes_, names = read_names(self.names, present, values.shape[1], more=reads)
        remedy = remedy.bound([str(label) for label in self.classes_.tolist()])
        target = np.searchsorted(self.classes_, present)[target]
        prior = Prior(np.bincount(target, minlength=len(self.classes_)).astype(np.int64))
        check_applies(remedy, prior, has_names=names is not None)
        # far from zero float32 resolves little; what is near to a name depends on where zero is, so there it stays
        shift = np.zeros(values.shape[1]) if reads else values.mean(axis=0)
        self.head_ = fit_alone(
            (values - shift).astype(np.float32),
            target,
            len(self.classes_),
            remedy,
            names=names,
            seed=read_seed(self.random_state),
            penalty=None if self.penalty is None else float(self.penalty),
        )
        self.notes_ = self.head_.notes
        self.n_iter_ = self.head_.head.fit.steps
        weights, biases = self.head_.linear
        self._shift, self._weights, self._biases = shift, weights, biases - shift @ weights
        return self

    def decision_function(self, X: Any) -> Doubles:
        """Scores after the remedy's adjustment.

        Returns
        -------
        ``[m, C]``; of two classes ``[m]``, by how much the second one leads.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X: Any) -> Doubles:
        """``[m, C]`` softmax of the scores. Under a remedy that does not calibrate they are no frequencies."""
        return np.asarray(softmax(self._scores(X), axis=1))

    def predict(self, X: Any) -> NDArray[Any]:
        """``[m]`` the class with the highest score."""
        best = self._scores(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _scores(self, X: Any) -> Doubles:
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float64, reset=False)
        # in float64 up to here, or a row's scores would depend on the rows beside it
        scores = (values @ self._weights + self._biases).astype(np.float32)
        return self.head_.adjust(scores, (values - self._shift).astype(np.float32)).astype(np.float64)


def read_names(
    given: Any, classes: NDArray[Any], width: int, *, more: bool
) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """All classes, and the vectors of their names in the same order.

    Parameters
    ----------
    classes
        ``[P]`` sorted labels that have rows.
    width
        Numbers a vector.
    more
        Whether labels without a row become classes.

    Raises
    ------
    InputError
        If classes lack a name, a label is of another type than the classes, or the vectors do not fit.
    """
    if given is None:
        return classes, None
    if not isinstance(given, Mapping):
        matrix = _vectors(given)
        if matrix.shape != (len(classes), width):
            raise InputError(
                f"names has the shape {matrix.shape}; {len(classes)} classes and {width} features need "
                f"{(len(classes), width)}.",
                hint="Give a vector for each class in sorted order, or a mapping from label to vector.",
            )
        return classes, matrix
    known = classes.tolist()
    missing = [label for label in known if label not in given]
    if missing:
        shown = ", ".join(map(repr, missing[:3])) + (", ..." if len(missing) > 3 else "")
        raise InputError(f"names lacks {len(missing)} of {len(classes)} classes: {shown}.", hint="Name every class.")
    further = [label for label in given if label not in set(known)] if more else []
    if further:
        added = np.array(further, dtype=object if classes.dtype == object else None)
        if (added.dtype.kind in "US") != (classes.dtype.kind in "US"):
            raise InputError(
                f"names holds {further[0]!r}, which is of another type than the labels, such as {known[0]!r}.",
                hint="Use labels of one type in y and names.",
            )
        classes = np.unique(np.concatenate([classes, added]))
    matrix = _vectors([given[label] for label in classes.tolist()])
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise InputError(f"The vectors of names have the shape {matrix.shape[1:]}; X has {width} features.")
    return classes, matrix


def _vectors(given: Any) -> NDArray[np.float32]:
    try:
        matrix = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"names is no matrix of numbers: {error}.", hint="Encode the texts first: names are vectors here."
        ) from None
    if not np.isfinite(matrix).all():
        raise InputError("names holds values that are missing or infinite.")
    return matrix
