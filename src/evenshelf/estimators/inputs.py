"""What both estimators ask of their parameters and labels."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets

from evenshelf.errors import InputError, SettingError
from evenshelf.remedies import Prior, Remedy, parse

Codes = NDArray[np.int64]


def read_remedy(given: Any) -> Remedy:
    """A remedy from itself or its spec.

    Raises
    ------
    SettingError
        If it is neither.
    """
    if isinstance(given, Remedy):
        return given
    if isinstance(given, str):
        return parse(given)
    raise SettingError(
        f"remedy is {given!r}, neither a spec nor a remedy.",
        hint='Give a spec such as "smote(k=3)", or a remedy such as evenshelf.parse("balanced").',
    )


def read_seed(random_state: Any) -> int:
    """A seed from what scikit-learn takes as random state; a whole number is itself, as in a study.

    Raises
    ------
    ValueError
        From scikit-learn, if it is no random state.
    """
    if isinstance(random_state, Integral) and int(random_state) >= 0:
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def one_label_a_row(y: Any) -> None:
    """Refuse sets of labels.

    Raises
    ------
    InputError
        If `y` has more than one column.
    """
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if len(shape) == 2 and shape[1] > 1:
        raise InputError(
            f"Multilabel and multioutput targets are not supported. y has the shape {tuple(shape)}.",
            hint="Give one label a row; one-hot labels become codes with: y.argmax(axis=1)",
        )


def classes_of(y: NDArray[Any]) -> tuple[NDArray[Any], Codes]:
    """Sorted classes, and the code of each row.

    Raises
    ------
    InputError
        If labels are of types that cannot be sorted together.
    ValueError
        From scikit-learn, if the labels are continuous numbers.
    """
    try:
        check_classification_targets(y)
        classes, target = np.unique(y, return_inverse=True)
    except TypeError:
        kinds = ", ".join(sorted({type(label).__name__ for label in y.tolist()}))
        raise InputError(
            f"The labels are of types that cannot be sorted together: {kinds}.",
            hint="Drop rows without a label, and make all labels texts, or all numbers.",
        ) from None
    return classes, target.reshape(-1).astype(np.int64)


def check_applies(remedy: Remedy, prior: Prior, *, has_names: bool) -> None:
    """Refuse data that a remedy cannot be used with.

    Raises
    ------
    InputError
        If the rows are all of one class.
    SettingError
        If the remedy gives another reason.
    """
    present = int(prior.present.sum())
    if present < 2:
        raise InputError(f"y holds {present} class; at least two classes are needed.")
    of_sets = [part.name for part in remedy.parts if part.many_labels]
    if of_sets:
        raise SettingError(f"{' and '.join(of_sets)} is for examples with sets of labels, and y has one label a row.")
    reason = remedy.not_applicable(prior, has_names=has_names)
    if reason:
        borrows = remedy.reads_names and not has_names
        hint = "A remedy that borrows from names needs names=, a vector for each class." if borrows else None
        raise SettingError(f"{remedy} cannot be used here: {reason}.", hint=hint)
