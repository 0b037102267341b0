"""The winner of a study, or a named remedy, fitted on all data and written as a bundle."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles import Bundle, Manifest
from evenshelf.bundles.conformal import check_alpha
from evenshelf.bundles.folder import check_place
from evenshelf.bundles.manifest import SCHEMA, ClassEntry, EncoderEntry, ReadEntry, RemedyEntry
from evenshelf.bundles.places import BUNDLES
from evenshelf.bundles.portable import portable_encoder, without_places
from evenshelf.encoders import Encoder, VectorCache, check_restorable, open_encoder
from evenshelf.errors import InputError, SettingError
from evenshelf.learners import LearnerKind
from evenshelf.learners.binary import BINARY
from evenshelf.learners.bundling import check_bundled, serving_head
from evenshelf.learners.finetune.exported import check_served
from evenshelf.learners.finetune.fits import Decoupled
from evenshelf.learners.heads import HEADS
from evenshelf.learners.variants import acting_on_rows
from evenshelf.plurals import counted
from evenshelf.remedies import Prior, Remedy, Stage, parse
from evenshelf.remedies.spec import places_in
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress
from evenshelf.study.applicable import unfit_for_sets
from evenshelf.study.judged import quality, sets_of
from evenshelf.study.prepare import AUTO, STUDIES, check_encoder, pick_encoder, shop_task
from evenshelf.study.served import served_learner
from evenshelf.study.train_distilled import check_form
from evenshelf.study.train_fits import Given, distilled, linear, tuned
from evenshelf.study.winner import SEARCH_SERVED, Winner, studies_of, winner_of
from evenshelf.tasks import task_kind
from evenshelf.tasks.descriptions import described
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import CLASSES
from evenshelf.tasks.search_measures import SEARCHES

Floats = NDArray[np.float32]
FOLDS = 5
_PROBES = 512


@dataclass(frozen=True)
class Wanted:
    """What to train.

    Attributes
    ----------
    target, task
        What to ask of the shop; ``None`` for those of the study, or else the usual ones.
    study
        Folder of a study; ``None`` for the newest of the shop, unless a remedy is named.
    remedy
        Spec; ``None`` for the one that the study recommends.
    penalty
        As in :class:`~evenshelf.learners.registry.FitScores`; ``None`` for that of the study, or else for the best of
        eight on a fold that is held out.
    encoder
        Spec; ``None`` for that of the study, or else for the one that suits the texts.
    alpha
        In (0, 1), how often the right class may be missing from the sets; ``None`` for 0.1 where there are sets.
    seed
        Of folds and resampling.
    descriptions
        File of descriptions of the classes; ``None`` for those of the study.
    learner
        ``heads`` or ``finetune_heads``, with settings in brackets; ``None`` for that of the study.
    distil
        ``static`` to serve a table of token vectors that imitates the tuned model; ``None`` to serve the model itself.
    """

    target: str | None = None
    task: str | None = None
    study: Path | None = None
    remedy: str | None = None
    penalty: float | None = None
    encoder: str | None = None
    alpha: float | None = None
    seed: int = 0
    descriptions: str | None = None
    learner: str | None = None
    distil: str | None = None

    def check(self) -> None:
        """Raise a :class:`SettingError` before any data is read if it cannot be."""
        check_alpha(0.1 if self.alpha is None else self.alpha)
        if self.penalty is not None and not 0 < self.penalty < float("inf"):
            raise SettingError(f"The penalty is {self.penalty:g}, and must be above 0.", hint="1e-5 is a usual value.")
        check_form(self.distil, tuned=True, remedy=parse("none"))
        if self.remedy is not None or self.learner is not None:
            remedy, learner = parse(self.remedy or "none"), served_learner(self.learner)
            _check_remedy(remedy, learner)
            check_form(self.distil, tuned=self.learner is None or learner != HEADS, remedy=remedy)
        if self.encoder is not None:
            check_encoder(self.encoder)
        if self.task is not None and task_kind(self.task).answers != CLASSES.name:
            searches = task_kind(self.task).answers == SEARCHES.name
            raise SettingError(
                f"The task {self.task!r} labels nothing, so it has no head to train.",
                hint=SEARCH_SERVED
                if searches
                else "Train what recommends with evenshelf.study.ranking.train.train_ranking.",
            )


def train(
    shop: Shop,
    wanted: Wanted | None = None,
    out: Path | None = None,
    *,
    cache: VectorCache | None = None,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Bundle, Path]:
    """Fit on all data of a shop and write a bundle.

    Besides the head of all rows, one is fitted without each of :data:`FOLDS` folds. What these say of the rows that
    they have not seen gives the thresholds of the sets, what calibrates, and the figures of the record.

    Parameters
    ----------
    out
        Folder to write; ``bundles/TASK-TARGET`` inside of the shop if not given. A bundle there is replaced.
    cache
        Of vectors; by default the one of this person.
    progress
        Called with what is done, and how far it is.

    Returns
    -------
    The bundle and its folder.

    Raises
    ------
    InputError
        If the shop has no study and no remedy is named, or cannot answer.
    SettingError
        If what is wanted cannot be, or cannot be kept in a bundle.
    """
    wanted = wanted or Wanted()
    wanted.check()
    if out is not None:
        check_place(out)
    winner, meta = _winner(shop, wanted)
    target, kind = meta["target"], meta["task"]
    remedy = parse(winner.remedy)
    learner = served_learner(wanted.learner or winner.learner)
    if learner.name != (winner.learner or HEADS.name):
        winner = replace(winner, penalty=wanted.penalty)  # what was chosen for another learner says nothing of this one
    _check_remedy(remedy, learner)
    check_form(wanted.distil, tuned=learner != HEADS, remedy=remedy)
    folder = out or shop.path / BUNDLES / re.sub(r"[^\w.-]+", "_", f"{kind}-{target}")
    check_place(folder)
    progress("reading the shop", 0, None)
    task = shop_task(shop, target, kind=kind)
    told: tuple[str, ...] = ()
    if wanted.descriptions is not None:
        task, told = described(task, wanted.descriptions)
    elif "descriptions" in meta:
        task = replace(task, descriptions=meta["descriptions"])
    if task.descriptions:
        told = (*told, f"descriptions of {counted(len(task.descriptions), 'class', 'classes')} were read")
    if task.several and wanted.alpha is not None:
        raise SettingError(
            f"Sets of one right class make no sense where a {task.nouns.thing} has several {task.nouns.labels}.",
            hint="Leave --alpha away; the bundle gives each label its chance.",
        )
    remedy = remedy.bound(task.classes)
    _check_fits(remedy, task)
    assert task.texts is not None
    choice = pick_encoder(task.texts, wanted.encoder or winner.encoder or AUTO)
    encoder = open_encoder(choice.spec, task.texts)
    check_restorable(encoder)
    cache = cache or VectorCache()
    vectors, names = encoded(task, encoder, cache, progress)
    fold = folds_of(task, wanted.seed)
    given = Given(task, fold, remedy, encoder, cache, wanted.seed, progress)
    if learner == HEADS:
        winner, fitted = linear(given, winner, vectors, names)
    elif wanted.distil is None:
        winner, fitted = tuned(given, learner, winner, vectors, names)
    else:
        winner = replace(winner, penalty=wanted.penalty)  # that of heads on a tuned model is not that of its table
        further = _titles(shop) if kind == LabelTask.name else ()
        winner, fitted = distilled(given, learner, winner, vectors, names, further=further)
    found, encoder, prepared, vectors = fitted.found, fitted.encoder, fitted.prepared, fitted.vectors
    progress("writing the bundle", 0, None)
    conformal, sets = None, None
    if not task.several:
        conformal, sets = sets_of(found, prepared, task, fold, 0.1 if wanted.alpha is None else wanted.alpha)
    spread = np.linspace(0, len(vectors) - 1, min(_PROBES, len(vectors))).astype(np.int64)
    head = serving_head(found.head, vectors[spread])
    names_only = places_in(remedy.spec)
    notes = [*told, *winner.notes, *found.notes, *(() if conformal is None else conformal.notes(task.classes))]
    manifest = Manifest(
        schema_version=SCHEMA,
        evenshelf=evenshelf_version(),
        task=task.name,
        target=target,
        nouns=task.nouns.to_dict(),
        encoder=EncoderEntry(
            spec=portable_encoder(encoder.name), dimension=encoder.dimension, fingerprint=encoder.fingerprint
        ),
        remedy=RemedyEntry(
            spec=without_places(remedy.spec, names_only),
            title=remedy.title,
            paper=remedy.paper,
            penalty=winner.penalty,
            chosen=winner.chosen,
            read=[
                ReadEntry(name=name, digest=digest) for part in remedy.parts for name, digest in part.read_from.items()
            ],
        ),
        classes=[
            ClassEntry(name=name, count=int(count), bucket=str(bucket))
            for name, count, bucket in zip(task.classes, task.counts, task.bucket, strict=True)
        ],
        trained_on={
            "shop": shop.path.resolve().name,
            "sha256": shop.fingerprint(),
            "examples": len(task.target),
            "things": task.things,
            "texts": len(np.unique(task.same)),
            "groups": len(np.unique(task.group)),
            "dropped": dict(task.dropped),
            "folds": int(prepared.folds),
            "seed": wanted.seed,
        },
        evidence={"study": winner.evidence, "out_of_fold": quality(found, prepared, task), **fitted.measured},
        conformal=sets,
        labels_per_text=len(prepared.target) / len(np.unique(task.same)) if task.several else 1.0,
        notes=[*_changed(shop, meta), *without_places(notes, names_only)],
    )
    bundle = Bundle(manifest, encoder, head, conformal)
    bundle.save(folder, probes=vectors[spread])
    return bundle, folder


def _check_remedy(remedy: Remedy, learner: LearnerKind = HEADS) -> None:
    check_bundled(remedy)
    of_sets = [part.name for part in remedy.parts if part.many_labels]
    if of_sets:
        raise SettingError(
            f"{' and '.join(of_sets)} is for the learner {BINARY.name}, which cannot be served from a bundle yet: a "
            f"bundle keeps what the learner {HEADS.name} fits.",
            hint=f"Name another remedy, or have a study with --learner {HEADS.name} choose one.",
        )
    if learner != HEADS:
        if Stage.CALIBRATE in remedy.stages:
            raise SettingError(
                f"{remedy} is calibrated on rows that a model has not seen, which bundles of tuned models do not keep "
                "yet.",
                hint="Train another remedy, or the same without its calibration.",
            )
        assert isinstance(learner.fit, Decoupled)
        check_served(learner.fit.settings)
    reason = learner.unsupported(acting_on_rows(remedy))
    if reason:
        raise SettingError(f"{remedy}: {reason}.", hint="See all remedies with: evenshelf remedies")


def _check_fits(remedy: Remedy, task: LabelTask) -> None:
    reason = unfit_for_sets(remedy, task) or remedy.not_applicable(Prior(task.counts), has_names=True)
    if reason:
        raise SettingError(f"{remedy} cannot be used here: {reason}.", hint="Name another remedy with --remedy.")


def _winner(shop: Shop, wanted: Wanted) -> tuple[Winner, dict[str, Any]]:
    """What to fit, and what to ask of the shop."""
    folder = wanted.study
    if folder is None and wanted.remedy is None:
        finished = studies_of(shop.path / STUDIES, wanted.target, wanted.task)
        if not finished:
            asked = f" of {wanted.target!r}" if wanted.target else ""
            raise InputError(
                f"The shop {shop.path} has no finished study{asked}, so it is not known which remedy to train.",
                hint=f"Run one with: evenshelf study {shop.path} - or name a remedy: --remedy none",
            )
        folder = finished[-1]
    if folder is None:
        assert wanted.remedy is not None
        kind = wanted.task or "label"
        target = wanted.target or task_kind(kind).target
        return Winner(wanted.remedy, wanted.penalty, "as asked for"), {"target": target, "task": kind}
    winner, result = winner_of(folder, wanted.remedy)
    if wanted.penalty is not None:
        winner = replace(winner, penalty=wanted.penalty, chosen=f"{winner.chosen}, but for the penalty: as asked for")
    meta = dict(result.meta)
    for name, given in (("target", wanted.target), ("task", wanted.task)):
        if name not in meta:
            raise InputError(f"{folder} is not the study of a shop: it has no {name}.", hint="Name a remedy instead.")
        if given is not None and given != meta[name]:
            raise SettingError(
                f"The study {folder} asked for the {name} {meta[name]!r}, not {given!r}.",
                hint=f"Leave --{name} away, or give another study.",
            )
    return winner, meta


def _changed(shop: Shop, meta: dict[str, Any]) -> list[str]:
    notes = []
    if meta.get("shop_sha256", shop.fingerprint()) != shop.fingerprint():
        notes.append("the shop has changed since the study; all that it holds now is trained on")
    if "sample" in meta:
        notes.append(f"the study looked at a sample of {meta['sample']:,}; all that the shop holds is trained on")
    return notes


def _titles(shop: Shop) -> tuple[str, ...]:
    """All titles of a shop, whether their items have a label or not."""
    found = (title.strip() for title in shop.items()["title"].drop_nulls().to_list())
    return tuple(dict.fromkeys(title for title in found if title))


def encoded(task: LabelTask, encoder: Encoder, cache: VectorCache, progress: Progress) -> tuple[Floats, Floats]:
    """``[n, d]`` vectors of the texts of a task, and ``[C, d]`` of its classes."""
    assert task.texts is not None
    texts, labels = list(task.texts), list(task.class_texts)
    done, total = 0, len(texts) + len(labels)

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(f"encoding {task.nouns.texts}", done, total)

    tell(0)
    return cache.encode(encoder, texts, tell), cache.encode(encoder, labels, tell)


def folds_of(task: LabelTask, seed: int) -> NDArray[np.int16]:
    """Folds of nearly equal titles on one side; fewer where there are few titles, none where there is but one."""
    groups = len(np.unique(task.group))
    if groups < 2:
        return np.full(len(task.target), -1, np.int16)
    return task.split(min(FOLDS, groups), seed)


def evenshelf_version() -> str:
    """The version that is installed."""
    try:
        return version("evenshelf")
    except PackageNotFoundError:
        return "unknown"
