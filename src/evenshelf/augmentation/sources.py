"""Texts of which others are made, and those that a maker learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evenshelf.encoders.base import check_texts
from evenshelf.errors import InputError


@dataclass(frozen=True)
class Source:
    """A text of which others are made.

    Attributes
    ----------
    text
        As it is written.
    label
        Its class; ``None`` if it has none.
    context
        Its description; ``None`` if it has none.
    """

    text: str
    label: str | None = None
    context: str | None = None


@dataclass(frozen=True, eq=False)
class Corpus:
    """Training texts that a maker learns from.

    Attributes
    ----------
    texts
        ``[n]``.
    labels
        ``[n]`` class of each; empty if there are none.
    columns
        ``[n]`` values by name of a column, such as brands and colours.
    """

    texts: tuple[str, ...]
    labels: tuple[str | None, ...] = ()
    columns: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        labels: Sequence[str | None] | None = None,
        columns: Mapping[str, Sequence[str | None]] | None = None,
    ) -> Corpus:
        """Check and hold texts with what is known of them.

        Raises
        ------
        InputError
            If something is not a text, or lengths differ.
        """
        check_texts(texts)
        given = {name: tuple(values) for name, values in (columns or {}).items()}
        for name, values in (("labels", labels), *given.items()):
            _check_values(name, values, len(texts))
        return cls(tuple(texts), tuple(labels or ()), given)

    @property
    def label_of(self) -> tuple[str | None, ...]:
        """``[n]`` class of each text, ``None`` where it has none."""
        return self.labels or (None,) * len(self.texts)

    def need_labels(self, who: str) -> None:
        """Raise an :class:`InputError` if no text has a label."""
        if not any(label is not None for label in self.labels):
            raise InputError(
                f"The maker {who} learns by class, and no text of the corpus has a label.",
                hint="Give Corpus.of the labels of the texts.",
            )


def sources_of(
    texts: Sequence[str], labels: Sequence[str | None] | None, context: Sequence[str | None] | None
) -> list[Source]:
    """Put texts together with their labels and descriptions.

    Raises
    ------
    InputError
        If something is not a text, or lengths differ.
    """
    check_texts(texts)
    _check_values("labels", labels, len(texts))
    _check_values("context", context, len(texts))
    none = [None] * len(texts)
    return [Source(*row) for row in zip(texts, labels or none, context or none, strict=True)]


def _check_values(name: str, values: Sequence[str | None] | None, count: int) -> None:
    if values is None:
        return
    if isinstance(values, str) or len(values) != count:
        raise InputError(
            f"{name}: there are {len(values)} values for {count} texts.", hint="Give one for each text, or None."
        )
    wrong = [i for i, value in enumerate(values) if value is not None and not isinstance(value, str)]
    if wrong:
        raise InputError(
            f"{name}: {len(wrong)} of {count} values are not strings (row {wrong[0]}: {values[wrong[0]]!r}).",
            hint="Give strings, and None where there is no value.",
        )
