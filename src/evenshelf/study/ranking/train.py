"""The winner of a study of recommendation, or a named learner, fitted on all histories and written as a bundle."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evenshelf.bundles.folder import check_place
from evenshelf.bundles.manifest import RECOMMEND, SCHEMA, ReadEntry
from evenshelf.bundles.places import BUNDLES
from evenshelf.bundles.portable import portable_encoder, without_places
from evenshelf.bundles.ranking.catalogue import Catalogue
from evenshelf.bundles.ranking.manifest import LearnerEntry, RankerEntry, RankingManifest, RankingRemedyEntry
from evenshelf.bundles.ranking.recommended import alone
from evenshelf.bundles.ranking.recommender import Recommender
from evenshelf.bundles.ranking.serving import NONE, serving_part
from evenshelf.encoders import VectorCache
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.bundling import kept
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.rankers.answering import AFTERWARDS, answer
from evenshelf.rankers.base import Ranker
from evenshelf.rankers.kinds import Kept, unpacked
from evenshelf.rankers.packing import Unpacked
from evenshelf.remedies import Remedy, Stage, parse
from evenshelf.remedies.spec import places_in
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress
from evenshelf.study.prepare import STUDIES, check_encoder, pick_encoder
from evenshelf.study.ranking.prepare import RankingPlan, item_facts, shop_task
from evenshelf.study.ranking.winner import RankingWinner, ranking_winner
from evenshelf.study.train import evenshelf_version
from evenshelf.study.winner import studies_of
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.recommend import RecommendTask, coded
from evenshelf.tasks.shop_steps import ALL

NO_ENCODER = "none"
USUAL = RankingPlan().learner
PROBES = 64
"""Users whose lists have to be the same before and after a bundle is made."""
SAME = 1e-4
"""Largest difference of a score, where another library computes what is fitted."""


@dataclass(frozen=True)
class RankingWanted:
    """What to train.

    Attributes
    ----------
    target
        Kinds of events; ``None`` for those of the study, or else all.
    study
        Folder of a study; ``None`` for the newest of the shop, unless a learner or a remedy is named.
    learner
        Name; ``None`` for that of the study, or else that of :class:`RankingPlan`.
    remedy
        Spec; ``None`` for the one that the study recommends.
    encoder
        Spec, or ``none`` for words alone; ``None`` for that of the study, or else words alone.
    seed
        Of codes, baskets and fits.
    with_histories
        Whether the bundle keeps what users took, by their ids.
    """

    target: str | None = None
    study: Path | None = None
    learner: str | None = None
    remedy: str | None = None
    encoder: str | None = None
    seed: int = 0
    with_histories: bool = False

    def check(self) -> None:
        """Raise a :class:`SettingError` before any data is read if it cannot be."""
        if self.learner is not None:
            ranking_learner(self.learner)
        if self.remedy is not None:
            serving_part(parse(self.remedy))
        if self.encoder not in (None, NO_ENCODER):
            assert self.encoder is not None
            check_encoder(self.encoder)
        if self.seed < 0:
            raise SettingError(f"seed is {self.seed}, and must not be negative.")


def train_ranking(
    shop: Shop,
    wanted: RankingWanted | None = None,
    out: Path | None = None,
    *,
    cache: VectorCache | None = None,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Recommender, Path]:
    """Fit on all histories of a shop and write a bundle.

    Parameters
    ----------
    out
        Folder to write; ``bundles/recommend-TARGET`` inside of the shop if not given. A bundle there is replaced.
    cache
        Of vectors of titles; by default the one of this person.
    progress
        Called with what is done, and how far it is.

    Returns
    -------
    The bundle and its folder.

    Raises
    ------
    InputError
        If the shop has no such study and neither learner nor remedy is named, or cannot answer; or if the bundle would
        show other lists than what was fitted.
    SettingError
        If what is wanted cannot be, or cannot be kept in a bundle.
    MissingExtraError
        If the learner needs a package that is not installed.
    """
    wanted = wanted or RankingWanted()
    wanted.check()
    if out is not None:
        check_place(out)
    winner, meta = _winner(shop, wanted)
    target = wanted.target or meta.get("target", ALL)
    serving = serving_part(winner.remedy)
    folder = out or shop.path / BUNDLES / re.sub(r"[^\w.-]+", "_", f"{RECOMMEND}-{target}")
    check_place(folder)
    progress("reading events", 0, None)
    task = shop_task(shop, target, repeats=meta.get("repeats"), seed=wanted.seed)
    spec = wanted.encoder or meta.get("encoder", {}).get("spec", NO_ENCODER)
    texts = [text for text in task.texts or () if text]
    choice = pick_encoder(texts, spec) if texts and spec != NO_ENCODER else None
    facts, encoder = item_facts(
        task, choice, cache=cache, progress=lambda done, total: progress("encoding titles", int(done), int(total))
    )
    evidence = Evidence(task.histories, facts, task.repeats)
    _check_fits(winner, serving, evidence)
    progress("fitting", 0, None)
    fitted = winner.learner.fitted(
        evidence, winner.learner.fitting_part(winner.remedy), setting=dict(winner.setting), seed=wanted.seed
    )
    progress("writing the bundle", 0, None)
    names_only = places_in(winner.remedy.spec)
    notes = [*winner.notes, *_told(task, winner, serving), *_changed(shop, meta)]
    manifest = RankingManifest(
        schema_version=SCHEMA,
        evenshelf=evenshelf_version(),
        kind="recommend",
        task=task.name,
        target=target,
        nouns=task.nouns.to_dict(),
        learner=LearnerEntry(
            name=winner.learner.name,
            title=winner.learner.title,
            paper=winner.learner.paper,
            setting=dict(winner.setting),
            directed=winner.learner.directed,
        ),
        remedy=RankingRemedyEntry(
            spec=without_places(winner.remedy.spec, names_only),
            title=winner.remedy.title,
            paper=winner.remedy.paper,
            serving=serving.spec,
            chosen=winner.chosen,
            read=[
                ReadEntry(name=name, digest=digest)
                for part in winner.remedy.parts
                for name, digest in part.read_from.items()
            ],
        ),
        encoder={**encoder, "spec": portable_encoder(encoder["spec"])} if encoder else None,
        items=len(task.classes),
        repeats=task.repeats,
        seed=wanted.seed,
        strength=_usual(task.histories),
        histories=wanted.with_histories,
        ranker=RankerEntry(kind="", numbers={}),  # filled in when it is written
        trained_on={
            "shop": shop.path.resolve().name,
            "sha256": {table: shop.fingerprint(table) for table in ("items", "events")},
            "users": len(task.histories.users),
            "steps": len(task.histories.item),
            "taken": int((task.counts > 0).sum()),
            "dropped": dict(task.dropped),
            "seed": wanted.seed,
        },
        evidence={"study": winner.evidence},
        notes=without_places(notes, names_only),
    )
    compared = facts.vectors if Stage.RERANK in serving.stages else None
    ranker = _as_kept(kept(fitted, winner.learner.name), len(task.classes))
    held = task.histories if wanted.with_histories else None
    bundle = Recommender(manifest, ranker, _catalogue(shop, task), compared, held)
    _check_same(fitted, bundle, task.histories)
    bundle.save(folder)
    return Recommender.load(folder), folder


def _winner(shop: Shop, wanted: RankingWanted) -> tuple[RankingWinner, Mapping[str, Any]]:
    """What to fit, and what is known of the question."""
    folder = wanted.study
    if folder is None and wanted.remedy is None and wanted.learner is None:
        finished = studies_of(shop.path / STUDIES, wanted.target, RECOMMEND)
        if not finished:
            raise InputError(
                f"The shop {shop.path} has no finished study of recommendation, so it is not known what to train.",
                hint=f"Run one with: evenshelf study {shop.path} --task {RECOMMEND} - or name a learner: "
                "--learner item_knn",
            )
        folder = finished[-1]
    if folder is None:
        learner = ranking_learner(wanted.learner or USUAL)
        remedy = parse(wanted.remedy or NONE)
        return RankingWinner(learner, learner.default, remedy, "as asked for, at the usual settings"), {}
    winner, meta = ranking_winner(folder, wanted.remedy, wanted.learner)
    if wanted.target is not None and wanted.target != meta.get("target"):
        raise SettingError(
            f"The study {folder} asked for the target {meta.get('target')!r}, not {wanted.target!r}.",
            hint="Leave --target away, or give another study.",
        )
    return winner, meta


def _check_fits(winner: RankingWinner, serving: Remedy, evidence: Evidence) -> None:
    facts = evidence.facts
    reason = winner.learner.lacking(evidence) or winner.learner.unsupported(winner.remedy)
    reason = reason or winner.remedy.not_applicable(evidence.prior, has_names=facts.has_texts)
    # what compares items when lists are made needs vectors, and words alone are none
    reason = reason or serving.not_applicable(evidence.prior, has_names=facts.vectors is not None)
    if reason:
        raise SettingError(
            f"{winner.learner.name} with {winner.remedy} cannot be trained here: {reason}.",
            hint="Name another with --learner or --remedy, or an encoder with --encoder.",
        )


def _told(task: RecommendTask, winner: RankingWinner, serving: Remedy) -> list[str]:
    """What a person should know before using it."""
    notes = list(winner.remedy.notes(Evidence(task.histories).prior))
    if winner.learner.directed:
        notes.append("the learner reads which of two steps came first, and in some files that is the order of ids")
    together = [part.name for part in serving.parts if part.together]
    if together:
        notes.append(alone(together))
    fits = [part.name for part in winner.remedy.parts if set(part.stages) - set(AFTERWARDS)]
    if fits:
        notes.append(f"{' and '.join(fits)} acted when it was fitted, so places without it are not known")
    return notes


def _changed(shop: Shop, meta: Mapping[str, Any]) -> list[str]:
    notes = []
    changed = [table for table, digest in meta.get("shop_sha256", {}).items() if digest != shop.fingerprint(table)]
    if changed:
        notes.append(f"{' and '.join(changed)} have changed since the study; all that the shop holds now is trained on")
    rules = [f"--category {meta['only_category']}"] if "only_category" in meta else []
    rules += ["--in-stock"] if meta.get("in_stock") else []
    if rules:
        notes.append(f"the study showed less than the bundle does: ask it with {' '.join(rules)} for the same")
    if "sample" in meta:
        notes.append(f"the study looked at a sample of {meta['sample']:,} users; all of the shop are trained on")
    return notes


def _usual(histories: Histories) -> float | None:
    """What a step usually counts."""
    return None if histories.strength is None else float(np.median(histories.strength))


def _catalogue(shop: Shop, task: RecommendTask) -> Catalogue:
    found = Catalogue(task.classes, task.counts, task.texts)
    items = shop.items()
    if "category" not in items.columns:
        return found
    order = pl.DataFrame({"item_id": list(task.classes)}).join(items, on="item_id", how="left", maintain_order="left")
    names, codes = coded(order["category"])
    return replace(found, categories=names, category=codes) if names else found


def _as_kept(ranker: Kept, items: int) -> Kept:
    """The ranker as it will be read from a bundle."""
    numbers, arrays = ranker.packed()
    return unpacked(ranker.kind, Unpacked(json.loads(json.dumps(numbers)), arrays, items))


def _check_same(fitted: Ranker, bundle: Recommender, histories: Histories) -> None:
    """Raise an :class:`InputError` if the bundle would show other lists than what was fitted."""
    some = histories.of_users(np.linspace(0, len(histories.users) - 1, min(PROBES, len(histories.users))).astype(int))
    rules, prior = bundle.rules(20), bundle.catalogue.prior
    one, two = (
        answer(ranker, bundle.remedy, some, prior, rules, vectors=bundle.vectors).lists
        for ranker in (fitted, bundle.ranker)
    )
    if np.array_equal(one, two):
        return
    apart = float(np.abs(fitted.scores(some) - bundle.ranker.scores(some)).max())
    if apart > SAME:  # within it, items that score alike but for rounding may change places
        others = int((one != two).any(axis=1).sum())
        raise InputError(
            f"The bundle would show other lists than what was fitted, to {others} of {len(some.users)} users.",
            hint="This is a defect: please report it, with the learner and the remedy.",
        )
