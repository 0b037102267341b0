"""Who gets what: a pure function of the experiments, the unit and the moment, with no memory to lose."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from evenshelf.errors import SettingError
from evenshelf.experiments.definition import Experiment
from evenshelf.experiments.hashing import slot, slots
from evenshelf.experiments.layers import layer_faults


@dataclass(frozen=True)
class Assigned:
    """What a unit gets.

    Attributes
    ----------
    variant
        The variant.
    propensity
        Probability with which a unit that takes part gets it, in (0, 1]; 1 if it was overridden.
    overridden
        Whether it was said by hand.
    """

    variant: str
    propensity: float
    overridden: bool = False


class Assigner:
    """Assigns units to the variants of experiments.

    Two assigners with equal experiments say the same, in any process and at any time; see
    :mod:`evenshelf.experiments.hashing`.

    Parameters
    ----------
    experiments
        All that run, did run or will run; those of one layer may not overlap.

    Raises
    ------
    SettingError
        If two have one name, or two of a layer overlap at the same time, or a unit is overridden in two of a layer.
    """

    def __init__(self, experiments: Iterable[Experiment]) -> None:
        self.experiments = tuple(experiments)
        faults = layer_faults(self.experiments)
        if faults:
            raise SettingError(
                "These experiments cannot run together: " + "; ".join(faults) + ".",
                hint="Give each a layer of its own, or a free range: evenshelf.experiments.placed(experiment, others).",
            )
        # a tester is in one experiment of a layer: the one that says so, and no other while that one lasts
        self._testers = {
            (one.layer, one.unit, unit): one for one in self.experiments if one.layer for unit in one.overrides
        }
        self._bounds = {one.name: one.bounds() for one in self.experiments}

    def assign(self, unit: str, *, at: datetime, kind: str = "user") -> dict[str, Assigned]:
        """What a unit gets in each experiment that it takes part in; experiments of the other kind are left out.

        Parameters
        ----------
        unit
            Id of a user or of a session.
        at
            The moment, with a zone.
        kind
            What `unit` is: ``"user"`` or ``"session"``.

        Raises
        ------
        SettingError
            If `unit` is empty or `at` has no zone.
        """
        if not unit:
            raise SettingError("Nobody can be assigned without an id.", hint="Give the id of a user or session.")
        if at.tzinfo is None:
            raise SettingError(f"The moment {at.isoformat()} has no zone.", hint="Use datetime.now(UTC).")
        found = {}
        for one in self.experiments:
            if one.unit == kind:
                given = self._of(one, unit, at)
                if given is not None:
                    found[one.name] = given
        return found

    def _of(self, one: Experiment, unit: str, at: datetime) -> Assigned | None:
        if one.ends is not None and at >= one.ends:
            return None
        if unit in one.overrides:  # from before the start on, so that testers see it first
            return Assigned(one.overrides[unit], 1.0, overridden=True)
        share = one.share(at)
        if not share:
            return None
        if one.layer:
            tester = self._testers.get((one.layer, one.unit, unit))
            if tester is not None and (tester.ends is None or at < tester.ends):
                return None
            place = slot("layer", one.layer, unit)
        else:
            place = slot("own", one.seed, unit)
        first = one.range[0]
        return self.variant(one, unit) if first <= place < first + slots(share) else None

    def variant(self, one: Experiment, unit: str) -> Assigned:
        """What a unit would get if it took part, by the hash alone."""
        bounds = self._bounds[one.name]
        place = bisect_right([last for last, _ in bounds], slot("variant", one.seed, unit))
        name = bounds[place][1]
        return Assigned(name, one.variants[name])
