"""The page and the printed table; every number in a sentence is one of the contest's."""

from __future__ import annotations

from pathlib import Path

from evenshelf import LabelTask
from evenshelf.plurals import counted
from evenshelf.report import page
from evenshelf.report.numbers import count, number, span
from evenshelf.study.wording import percent, seconds, signed
from examples.sports_shoes.charts import balance_figure, ends_figure, ends_keys, price_figure, won_figure
from examples.sports_shoes.contest import CHOICE, FULL, NOTHING, Asked, Contest
from examples.sports_shoes.measures import MEASURES, Measured


def ordered(found: Measured) -> list[str]:
    """Lines for charts and tables: nothing, families by what they win back, the choice, all rows."""
    families = [name for name in found.values if name not in {NOTHING, CHOICE, FULL}]
    families.sort(key=lambda name: (-found.values[name]["f1"].value, name))
    return [NOTHING, *families, CHOICE, FULL]


def table(found: Measured, contest: Contest) -> str:
    """For a terminal."""
    keys = ("recall", "precision", "f1", "confused", "head", "others")
    lines = [f"{'':<36}" + "".join(f"{key:>10}" for key in keys) + f"{'CPU':>10}"]
    for name in ordered(found):
        cells = "".join(f"{number(found.values[name][key].value):>10}" for key in keys)
        lines.append(f"{name:<36}{cells}{seconds(contest.lines[name].seconds):>10}")
        lines.append(f"    {taken(contest, name)}")
    return "\n".join(lines)


def taken(contest: Contest, name: str) -> str:
    """Which remedies a line took, and in how many folds where these differ."""
    chosen = contest.lines[name].remedies.most_common()
    return ", ".join(spec if len(chosen) == 1 else f"{spec} ({times})" for spec, times in chosen)


def sentences(found: Measured, contest: Contest, task: LabelTask) -> list[str]:
    """What came out."""
    base, full, choice = (found.values[name] for name in (NOTHING, FULL, CHOICE))
    label = task.classes[contest.code]
    told: list[str] = []
    told.append(
        f"{label}: {span(min(contest.taught), max(contest.taught))} of "
        f"{span(min(contest.had), max(contest.had))} rows are left to train on in a fold, and "
        f"{count(found.tested[0])} are tested. F1 falls from {number(full['f1'].value)} to {number(base['f1'].value)}, "
        f"recall from {number(full['recall'].value)} to {number(base['recall'].value)}."
    )
    families = [name for name in ordered(found) if name not in {NOTHING, CHOICE, FULL}]
    gained = [name for name in families if found.changes[name]["f1"].low > 0]
    if gained:
        names = "; ".join(f"{name} {signed(found.changes[name]['f1'].value)}" for name in gained)
        told.append(
            f"Of {counted(len(families), 'line', 'lines')} compared, {len(gained)} "
            f"{'wins' if len(gained) == 1 else 'win'} F1 of the class back, with an interval above zero: {names}."
        )
    else:
        told.append(
            f"Of {counted(len(families), 'line', 'lines')} compared none wins F1 back: no interval is above zero."
        )
    lost = [name for name in families if found.changes[name]["f1"].high < 0]
    if lost:
        told.append(f"Worse for the class than doing nothing, with an interval below zero: {', '.join(lost)}.")
    change = found.changes[CHOICE]
    told.append(
        f"What the studies of the training rows choose ({taken(contest, CHOICE)}) has an F1 of "
        f"{number(choice['f1'].value)} ({number(choice['f1'].low)} to {number(choice['f1'].high)})"
        + (f", {percent(found.won_back[CHOICE])} of what was lost" if found.won_back[CHOICE] > 0 else "")
        + f". {MEASURES['confused'].capitalize().replace('f1', 'F1')} changes by {signed(change['confused'].value)}, "
        f"{MEASURES['head']} by {signed(change['head'].value)}, {MEASURES['others']} by "
        f"{signed(change['others'].value)} ({signed(change['others'].low)} to {signed(change['others'].high)})."
    )
    dearest = min(families, key=lambda name: found.changes[name]["others"].value)
    told.append(
        f"The highest price elsewhere is that of {dearest}: {signed(found.changes[dearest]['others'].value)} "
        f"({signed(found.changes[dearest]['others'].low)} to {signed(found.changes[dearest]['others'].high)}) "
        f"{MEASURES['others']}."
    )
    return told


def write_page(
    found: Measured, contest: Contest, task: LabelTask, *, asked: Asked, encoder: tuple[str, str], out: Path
) -> Path:
    """Write it to one file that needs nothing else."""
    order = ordered(found)
    label = task.classes[contest.code]
    neighbours = [task.classes[code] for code in found.neighbours]
    ends = [label, *neighbours, "another class"]
    document = page.render(
        "page.html",
        folder=Path(__file__).parent,
        label=label,
        asked=asked,
        share=percent(asked.share),
        kept=sum(contest.taught) / sum(contest.had),
        contest=contest,
        found=found,
        order=order,
        taken={name: taken(contest, name) for name in order},
        yardsticks=(NOTHING, FULL),
        choice=CHOICE,
        full=FULL,
        nothing=NOTHING,
        neighbours=neighbours,
        sentences=sentences(found, contest, task),
        measures=MEASURES,
        rows=len(task.target),
        classes=len(task.classes),
        size=int(task.counts[contest.code]),
        encoder=encoder,
        won=won_figure(found, order),
        balance=balance_figure(found, order),
        prices=price_figure(found, order),
        ends=ends_figure(found, order, ends),
        keys=ends_keys(ends),
    )
    return page.write(document, out)
