"""Commands on experiments: experiment plan, assign, start, stop, report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenshelf.cli.app import JsonOption, ShopArgument, app, err, escape, one_of, show, working
from evenshelf.cli.serve import DatabaseOption, service_database
from evenshelf.errors import InputError, SettingError

if TYPE_CHECKING:
    import polars as pl

    from evenshelf.experiments import Experiment
    from evenshelf.shop import Shop

experiment = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Plan A/B tests, see who gets what, and read out what came of them.

How long must it run?

  evenshelf experiment plan myshop --metric ctr --effect 5% --write tail-first.toml

Who gets what, the same in every process and at every time?

  evenshelf experiment assign tail-first.toml --unit user-1 --unit user-2

Have the service do it:

  evenshelf experiment start myshop tail-first.toml --bundle new=myshop/bundles/tail

What came of it, also for head, torso and tail of items and users?

  evenshelf experiment report myshop tail-first --html readout.html

  evenshelf experiment stop myshop tail-first
""",
)
app.add_typer(experiment, name="experiment")


@experiment.command()
def plan(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    metric: Annotated[str, typer.Option(help="A name, or two measures such as 'revenue / sessions'.")] = "ctr",
    effect: Annotated[str, typer.Option(help="The smallest change worth finding, such as 5% or 0.05.")] = "5%",
    unit: Annotated[str, typer.Option(help="What is assigned: user or session.")] = "user",
    traffic: Annotated[str, typer.Option(help="Share of the units that takes part.")] = "100%",
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.49, help="Chance of a false alarm.")] = 0.05,
    power: Annotated[float, typer.Option(min=0.01, max=0.999, help="Chance of finding the effect.")] = 0.8,
    before: Annotated[int, typer.Option(min=0, help="Days before that units are adjusted by (CUPED).")] = 28,
    placebos: Annotated[int, typer.Option(min=0, help="A/A tests on the history; 0 for none.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the A/A tests.")] = 0,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Also write an experiment to fill in.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how many days and units it takes to find an effect.

    The shop's last days are taken for an experiment in which nothing changed, so
    that visits, skew and what is known from before are those of the shop. A/A
    tests on them show whether false alarms are as rare as they claim.

    Metrics: ctr, conversion, clicks_per_unit, carts_per_unit, purchases_per_unit,
    sessions_per_unit, revenue_per_unit, revenue_per_session,
    purchases_per_session, price_per_piece, return_rate; or two of impressions,
    clicks, views, carts, purchases, pieces, revenue, returns, buyers, sessions,
    units with / between them.

    An experiment is a TOML file:

      name = "tail-first"
      control = "old"
      primary = "ctr"
      metrics = ["conversion", "revenue / sessions"]
      effect = 0.05
      planned = 20000
      starts = 2026-03-01T00:00:00Z
      variants = {old = 0.5, new = 0.5}
      guardrails = {purchases_per_unit = 0.02}

    For example:

      evenshelf experiment plan myshop --metric revenue_per_session --effect 3%

      evenshelf experiment plan myshop --traffic 20% --write tail-first.toml
    """
    from evenshelf.experiments import Experiment, write_experiment  # noqa: PLC0415 - keeps --help fast
    from evenshelf.experiments.definition import UNITS  # noqa: PLC0415
    from evenshelf.experiments.planning import plan as planned  # noqa: PLC0415
    from evenshelf.experiments.terminal import plan_report  # noqa: PLC0415
    from evenshelf.experiments.wording import plan_sentences  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    by = next(kind for kind in UNITS if kind == one_of(unit, UNITS, "--unit"))
    wanted, share = _share(effect, "--effect"), _share(traffic, "--traffic")
    with working() as progress:
        progress("reading the history", 0, None)
        found = planned(
            Shop.open(shop).scan("events"),
            metric,
            effect=wanted,
            unit=by,
            alpha=alpha,
            power=power,
            traffic=share,
            before=before,
            placebos=placebos,
            seed=seed,
        )
    if write is not None:
        expected = int(found.units) if 2 <= found.units < 1e12 else 10_000
        drafted = Experiment(
            write.stem,
            {"control": 0.5, "variant": 0.5},
            "control",
            found.metric.name,
            unit=by,
            traffic=share,
            effect=wanted,
            alpha=alpha,
            power=power,
            planned=expected,
        )
        err.print(f"Experiment: {escape(str(write_experiment(drafted, write)))}", soft_wrap=True)
    document = {"shop": str(shop), **found.to_dict(), "conclusions": plan_sentences(found)}
    show(plan_report(found), document if as_json else None)


@experiment.command()
def assign(  # noqa: PLR0917 - typer calls it by name
    experiments: Annotated[list[Path], typer.Argument(help="TOML files of experiments.", show_default=False)],
    units: Annotated[
        list[str] | None, typer.Option("--unit", metavar="ID", help="A unit. May be given several times.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A text file with a unit on each line.")
    ] = None,
    kind: Annotated[str, typer.Option(help="What units are: user or session.")] = "user",
    at: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Such as 2026-03-01T12:00:00Z; now if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell which variant units get.

    It depends on the experiments, the unit and the moment alone: the service says
    the same, before and after a restart. Experiments of one layer are checked not
    to overlap.

    For example:

      evenshelf experiment assign tail-first.toml --unit user-1

      evenshelf experiment assign *.toml --file users.txt --json
    """
    from evenshelf.experiments import Assigner, read_experiment  # noqa: PLC0415 - keeps --help fast
    from evenshelf.experiments.definition import UNITS  # noqa: PLC0415
    from evenshelf.experiments.terminal import assigned_report  # noqa: PLC0415

    one_of(kind, UNITS, "--kind")
    asked = [*(units or ()), *(_listed(file) if file is not None else ())]
    if not asked:
        raise SettingError("There is nobody to assign.", hint="Name units with --unit ID or --file FILE.")
    moment = datetime.now(UTC) if at is None else _moment(at)
    assigner = Assigner(map(read_experiment, experiments))
    found = {unit: assigner.assign(unit, at=moment, kind=kind) for unit in asked}
    document = {
        "at": moment.isoformat(),
        "kind": kind,
        "units": [
            {"unit": unit, "experiments": {name: vars(one) for name, one in given.items()}}
            for unit, given in found.items()
        ],
    }
    show(assigned_report(found), document if as_json else None)


@experiment.command()
def report(  # noqa: PLR0917 - typer calls it by name
    shop: ShopArgument,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="EXPERIMENT", help="TOML file, or the name of one that the service has.", show_default=False
        ),
    ],
    exposures: Annotated[
        Path | None,
        typer.Argument(help="Exposures, as Parquet or CSV; those of the service if left out.", show_default=False),
    ] = None,
    database: DatabaseOption = None,
    before: Annotated[
        int, typer.Option(min=0, help="Days before its exposure that a unit is adjusted by (CUPED).")
    ] = 28,
    correction: Annotated[str, typer.Option(help="For several comparisons: holm, fdr or none.")] = "holm",
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Intervals that hold however often you look.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write the readout as one HTML file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read out an experiment: what changed, for whom, and whether to trust it.

    Exposures are what the service wrote (then its events count beside the shop's),
    or a file with the columns experiment, variant, unit, time and propensity; the
    first of each unit counts. What units did before and after comes from the
    shop's events. First comes the check that the variants got their shares of the
    units; without it nothing else is worth reading.

    Each metric is told for all, and for head, torso, tail and cold of the items
    (by how often they were chosen before) and of the users (by what they did
    before). Guardrails say whether a loss greater than allowed is excluded.

    Exit code 0 whatever was found; the decision stands in the JSON: ship, stop,
    wait, no difference, or distrust.

    For example:

      evenshelf experiment report myshop tail-first

      evenshelf experiment report myshop tail-first.toml exposures.parquet

      evenshelf experiment report myshop tail-first.toml exposures.csv --sequential --html readout.html
    """
    from evenshelf.experiments import read_experiment, read_exposures  # noqa: PLC0415 - keeps --help fast
    from evenshelf.experiments.correction import CORRECTIONS  # noqa: PLC0415
    from evenshelf.experiments.reading_out import readout  # noqa: PLC0415
    from evenshelf.experiments.terminal import readout_report  # noqa: PLC0415
    from evenshelf.experiments.wording import conclusions, headline  # noqa: PLC0415
    from evenshelf.shop import Shop  # noqa: PLC0415

    one_of(correction, CORRECTIONS, "--correction")
    how = next(known for known in CORRECTIONS if known == correction)
    with working() as progress:
        progress("reading exposures and events", 0, None)
        opened = Shop.open(shop)
        if exposures is None:
            name = read_experiment(file).name if file.is_file() else str(file)
            read, shown, events = _served(opened, name, database)
        else:
            read, shown, events = read_experiment(file), read_exposures(exposures), opened.scan("events")
        found = readout(
            read,
            shown,
            events,
            opened.items(),
            before=before,
            correction=how,
            sequential=sequential,
        )
    if html is not None:
        from evenshelf.report.experiment import write_experiment_report  # noqa: PLC0415

        err.print(f"Report: {escape(str(write_experiment_report(found, html)))}", soft_wrap=True)
    document: dict[str, Any] = {
        "shop": str(shop),
        "headline": headline(found),
        **found.to_dict(),
        "conclusions": conclusions(found),
    }
    show(readout_report(found), document if as_json else None)


@experiment.command()
def start(
    shop: ShopArgument,
    file: Annotated[
        Path, typer.Argument(metavar="EXPERIMENT", help="TOML file of the experiment.", show_default=False)
    ],
    bundle: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIANT=FOLDER", help="What recommends to a variant; the others get what everybody gets."
        ),
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start an experiment in the service of a shop, or change one that runs.

    Bundles are copied and looked at first. A service that runs takes it within a
    second or so, and writes down who was shown which variant. A change that
    would give anybody another variant is refused.

    For example:

      evenshelf experiment start myshop tail-first.toml --bundle new=myshop/bundles/tail
    """
    from rich.text import Text  # noqa: PLC0415 - keeps --help fast

    from evenshelf.cli.app import pairs  # noqa: PLC0415
    from evenshelf.experiments import read_experiment  # noqa: PLC0415
    from evenshelf.serve.releases import Releases  # noqa: PLC0415
    from evenshelf.serve.trials import Trials  # noqa: PLC0415

    named = pairs(bundle or [], "--bundle")
    read = read_experiment(file)
    with service_database(shop, database) as engine:
        with working() as progress:
            progress("copying bundles, and opening the copies", 0, None)
            kept = {variant: Releases(engine, shop).keep(Path(folder)) for variant, folder in named.items()}
        trial = Trials(engine).start(read, kept)
    shown = Text(f"{trial.experiment.name} runs: ")
    shown.append(", ".join(f"{name} {share:.0%}" for name, share in trial.experiment.variants.items()))
    show(shown, trial.to_dict() if as_json else None)


@experiment.command()
def stop(
    shop: ShopArgument,
    name: Annotated[str, typer.Argument(help="Of the experiment.", show_default=False)],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an experiment of the service: everybody is shown what everybody is.

    What was written of it stays, to be read out: evenshelf experiment report SHOP NAME
    """
    from evenshelf.serve.trials import Trials  # noqa: PLC0415 - keeps --help fast

    with service_database(shop, database) as engine:
        trial = Trials(engine).stop(name)
    show(f"{escape(name)} has ended.", trial.to_dict() if as_json else None)


def _served(shop: Shop, name: str, database: str | None) -> tuple[Experiment, pl.DataFrame, pl.LazyFrame]:
    """An experiment of the service, who was shown what, and the events of shop and service."""
    import polars as pl  # noqa: PLC0415 - keeps --help fast

    from evenshelf.serve.events.log import EventLog  # noqa: PLC0415
    from evenshelf.serve.trials import Trials  # noqa: PLC0415
    from evenshelf.shop.schema import empty  # noqa: PLC0415

    with service_database(shop.path, database) as engine:
        trial = Trials(engine).named(name)
        shown = Trials(engine).exposures(name)
        sent = [frame.drop("seq", "received") for frame in EventLog(engine).after(0)]
    known = [shop.scan("events")] if "events" in shop.tables else []
    frames = [*known, *(frame.lazy() for frame in sent)] or [empty("events").lazy()]
    return trial.experiment, shown, pl.concat(frames, how="diagonal_relaxed")


def _share(text: str, option: str) -> float:
    """A share as 5% or 0.05."""
    try:
        return float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise SettingError(f"{option} cannot be {text!r}.", hint="Write a share as 5% or 0.05.") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"--at cannot be {text!r}.", hint="Write a moment as 2026-03-01T12:00:00Z.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _listed(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"The units in {file} cannot be read: {error}.") from error
