"""From rows of exposures to units: the first exposure counts, and who cannot be told apart is left out, counted."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from scipy.stats import chisquare

from evenshelf.errors import InputError
from evenshelf.experiments.assignment import Assigner
from evenshelf.experiments.definition import Experiment
from evenshelf.experiments.files import checked_exposures

ALARM = 0.001
"""Below this p-value a sample ratio is a mismatch (Fabijan et al. 2019, "Diagnosing sample ratio mismatch")."""


@dataclass(frozen=True)
class SampleRatio:
    """Whether units arrived in the shares that were planned.

    Attributes
    ----------
    units, expected
        By variant: those that were exposed, and the number that the shares predict.
    p
        Of a chi-squared test.
    """

    units: dict[str, int]
    expected: dict[str, float]
    p: float

    @property
    def mismatch(self) -> bool:
        """Whether something but chance lets some units not arrive: then no difference can be trusted."""
        return self.p < ALARM


@dataclass(frozen=True, eq=False)
class Exposed:
    """Units of an experiment.

    Attributes
    ----------
    frame
        ``unit, variant, time``: one row for each unit, with its first exposure.
    ratio
        Whether they arrived in the planned shares.
    testers
        Units that were overridden, and left out.
    mixed
        Units that saw several variants, and are left out.
    foreign
        Units whose variant is not the one that the hash says; they are kept.
    """

    frame: pl.DataFrame
    ratio: SampleRatio
    testers: int
    mixed: int
    foreign: int

    @property
    def notes(self) -> list[str]:
        """Sentences on what was left out, or is odd."""
        notes = []
        if self.testers:
            notes.append(f"{self.testers:,} testers, whose variant was set by hand, are left out.")
        if self.mixed:
            notes.append(f"{self.mixed:,} units saw several variants and are left out.")
        if self.foreign:
            notes.append(
                f"{self.foreign:,} units saw another variant than the hash gives them: "
                "salt, shares or ids differ from those that they were served with."
            )
        return notes


def first_exposures(experiment: Experiment, exposures: pl.DataFrame) -> Exposed:
    """The units of an experiment, each with its first exposure.

    Raises
    ------
    InputError
        If nobody was exposed, a variant is unknown, or a variant was shown to nobody.
    """
    rows = checked_exposures(exposures).filter(pl.col("experiment") == experiment.name)
    if experiment.ends is not None:
        rows = rows.filter(pl.col("time") < experiment.ends)
    if not rows.height:
        others = sorted(exposures["experiment"].cast(pl.String).unique().drop_nulls().to_list())
        there = f"they are of: {', '.join(others[:5])}" if others else "there are none at all"
        raise InputError(f"Nobody was exposed to the experiment {experiment.name!r}; {there}.")
    unknown = sorted(set(rows["variant"].unique()) - set(experiment.variants))
    if unknown:
        raise InputError(
            f"Exposures name variants that the experiment {experiment.name!r} does not have: {', '.join(unknown)}.",
            hint=f"Its variants: {', '.join(experiment.variants)}.",
        )
    by_unit = rows.group_by("unit").agg(
        pl.col("variant").sort_by("time").first(), pl.col("time").min(), several=pl.col("variant").n_unique() > 1
    )
    testers = pl.col("unit").is_in(list(experiment.overrides))
    counted = by_unit.filter(~testers)
    kept = counted.filter(~pl.col("several")).select("unit", "variant", "time").sort("unit")
    units = {name: int((kept["variant"] == name).sum()) for name in experiment.variants}
    missing = [name for name, count in units.items() if count < 2]
    if missing:
        raise InputError(
            f"Too few units of {', '.join(missing)} were exposed to compare anything: {units}.",
            hint="Wait for more exposures, or look whether the service logs those of every variant.",
        )
    assigner = Assigner([experiment])
    said = (assigner.variant(experiment, unit).variant for unit in kept["unit"])
    foreign = sum(was != hashed for was, hashed in zip(kept["variant"], said, strict=True))
    return Exposed(
        kept,
        sample_ratio(experiment, units),
        testers=by_unit.height - counted.height,
        mixed=counted.height - kept.height,
        foreign=foreign,
    )


def sample_ratio(experiment: Experiment, units: dict[str, int]) -> SampleRatio:
    """Compare the units of each variant with its share."""
    total, shares = sum(units.values()), sum(experiment.variants.values())
    expected = {name: total * share / shares for name, share in experiment.variants.items()}
    p = float(chisquare([units[name] for name in expected], list(expected.values())).pvalue)
    return SampleRatio(units, expected, p)
