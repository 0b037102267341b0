"""A remedy whose loss a user brings along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from evenshelf.errors import SettingError
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.families import Family
from evenshelf.remedies.losses import Loss
from evenshelf.remedies.own_losses import USAGE, Origin, own_loss
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Prior


@register
@dataclass(frozen=True)
class CustomLoss(Remedy):
    """Trains with a loss of your own, from a file or an installed package.

    It is a function ``(scores, target, counts)`` of tensors of torch, ``[n, G]`` scores, ``[n]`` group codes and
    ``[G]`` examples per group, that returns ``[n]`` losses; torch gives the gradient. Or it is an object with
    ``value_and_gradient`` as :class:`~evenshelf.remedies.Loss` has it, or a class of such objects, which is called with
    the counts. Each row's loss may depend on that row alone: rows come in blocks. A loss that is not convex may end in
    a local optimum; one that can be negative is only done when no step helps any more.

    The file is read once, when the remedy is made, and run by itself: what it imports must be installed. It is part of
    what a study remembers its fits by, so that a study made after a change starts anew.

    Parameters
    ----------
    source
        Where it is: ``losses.py:my_loss`` (a path, from the current folder) or ``package.module:my_loss``.
    """

    source: str = ""

    name: ClassVar[str] = "custom_loss"
    title: ClassVar[str] = "A loss of your own"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "sum w[i] loss(s[i], y[i], n)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    needs: ClassVar[tuple[str, ...]] = ("source",)

    def __post_init__(self) -> None:
        if not isinstance(self.source, str):
            raise SettingError(f"source={self.source!r} is not text.", hint=USAGE)
        origin = Origin.of(self.source) if self.source else None
        if origin is not None:
            origin.load()
        # no field: workers get what was read, while a remedy is still written and compared by its source
        object.__setattr__(self, "_origin", origin)

    @property
    def _found(self) -> Origin:
        origin: Origin | None = vars(self)["_origin"]
        if origin is None:
            raise SettingError("custom_loss: no loss was given.", hint=USAGE)
        return origin

    @property
    def fingerprint(self) -> str:
        """Digest of the file, or of the package."""
        return self._found.digest if self.source else ""

    @property
    def read_from(self) -> dict[str, str]:
        """See :attr:`Remedy.read_from`."""
        return self._found.read_from if self.source else {}

    def not_applicable(self, prior: Prior, *, has_names: bool) -> str | None:
        """Without a source there is no loss."""
        return super().not_applicable(prior, has_names=has_names) if self.source else "no loss was given"

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        return own_loss(self._found, prior.counts)
