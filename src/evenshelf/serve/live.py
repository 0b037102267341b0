"""Bundles that answer now: opened beside the old ones, and put in their place between two requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from evenshelf.bundles import Bundle, Recommender
from evenshelf.bundles.ranking.recommender import recoded
from evenshelf.serve.persons import Persons
from evenshelf.serve.releases import Model, Release, Releases, Slot, load, place_of
from evenshelf.shop import Shop, buckets
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.tasks.shop_steps import wanted_kinds

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Labelling:
    """A bundle that labels."""

    release: Release
    bundle: Bundle


@dataclass(frozen=True, eq=False)
class Recommending:
    """A bundle that recommends, with the histories that the shop knows.

    Attributes
    ----------
    before
        Items of each user of the shop, in the order in which they were taken.
    taken_in
        Number of the last event of the log that is among them.
    """

    release: Release
    bundle: Recommender
    before: dict[str, tuple[str, ...]]
    taken_in: int = 0

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Of events that count as taking an item; a grade says nothing here of whether an item was liked."""
        return tuple(kind for kind in wanted_kinds(self.bundle.manifest.target) if kind != "rating")

    @cached_property
    def popular(self) -> list[str]:
        """Items by how often they were taken, the most frequent first."""
        counts = self.bundle.catalogue.counts
        return [self.bundle.catalogue.ids[code] for code in np.argsort(-counts, kind="stable")]

    @cached_property
    def bucket(self) -> dict[str, str]:
        """Whether an item is of the head, the torso or the tail of what was fitted; ``cold`` if nobody took it."""
        catalogue = self.bundle.catalogue
        taken = np.flatnonzero(catalogue.counts)
        found = dict.fromkeys(catalogue.ids, "cold")
        names = buckets(catalogue.counts[taken])
        return found | {catalogue.ids[code]: str(name) for code, name in zip(taken.tolist(), names, strict=True)}


Answering = Labelling | Recommending


class Live:
    """What answers in this process.

    Parameters
    ----------
    persons
        Makes ids of users of the shop as they are kept.
    swapped
        Called after a bundle was put in its place.

    Attributes
    ----------
    refused
        Why a newer bundle does not answer, by slot: the old one still does; of bundles of experiments by digest.
    """

    def __init__(
        self,
        releases: Releases,
        shop: Path,
        persons: Persons,
        *,
        swapped: Callable[[Answering], None] = lambda _: None,
    ) -> None:
        self._releases, self._shop, self._persons, self._swapped = releases, shop, persons, swapped
        self._now: dict[Slot, Answering] = {}
        self._polling = threading.Lock()
        self._arms: dict[str, Recommending] = {}
        self.refused: dict[str, str] = {}

    @property
    def labelling(self) -> Labelling | None:
        """What labels; ``None`` if nothing does."""
        found = self._now.get(Slot.LABEL)
        return found if isinstance(found, Labelling) else None

    @property
    def recommending(self) -> Recommending | None:
        """What recommends; ``None`` if nothing does."""
        found = self._now.get(Slot.RECOMMEND)
        return found if isinstance(found, Recommending) else None

    @property
    def releases(self) -> dict[Slot, Release]:
        """What answers, by slot."""
        return {slot: answering.release for slot, answering in self._now.items()}

    def arm(self, digest: str) -> Recommending | None:
        """What recommends to a variant; ``None`` if its bundle cannot be used."""
        return self._arms.get(digest)

    def poll(self, arms: Collection[str] = ()) -> None:
        """Open what was promoted since the last look; requests go on meanwhile.

        Parameters
        ----------
        arms
            Digests of bundles that variants of experiments are to get.
        """
        with self._polling:
            for slot, release in self._releases.current().items():
                now = self._now.get(slot)
                if now is not None and now.release.number == release.number:
                    continue
                made = self._made(slot.value, release)
                if made is None:
                    continue
                self._swapped(made)
                self._now = {**self._now, slot: made}
                _log.info("a bundle answers now", extra={"slot": slot.value, "bundle": release.digest})
            opened = {digest: arm for digest, arm in self._arms.items() if digest in arms}
            for digest in sorted(set(arms) - set(opened) - self.refused.keys()):  # a copy that is damaged stays so
                release = Release(0, Slot.RECOMMEND, digest, datetime.now(UTC), "of an experiment")
                made = self._made(digest, release)
                if isinstance(made, Recommending):
                    self._swapped(made)
                    opened[digest] = made
                elif made is not None:
                    self.refused[digest] = "it labels, and recommends nothing"
            self._arms = opened
            known = {*arms, *(slot.value for slot in Slot)}
            self.refused = {name: why for name, why in self.refused.items() if name in known}

    def _made(self, name: str, release: Release) -> Answering | None:
        try:
            made = self._opened(release)
        except Exception as error:  # noqa: BLE001 - whatever it is, the one before goes on
            said = f"{release.digest}: {error}"
            if self.refused.get(name) != said:
                _log.error("a bundle was refused, and the one before goes on", extra={"why": said})
            self.refused[name] = said
            return None
        self.refused.pop(name, None)
        return made

    def _opened(self, release: Release) -> Answering:
        for known in (*self._now.values(), *self._arms.values()):
            if known.release.digest == release.digest:
                return replace(known, release=release)
        found: Model = load(place_of(self._shop, release.digest))
        if isinstance(found, Bundle):
            return Labelling(release, found)
        taken = self._releases.taken_in()  # before the shop is read: rather an event twice in a history than not at all
        return Recommending(release, found, _histories(Shop.open(self._shop), found, self._persons), taken)


def _histories(shop: Shop, bundle: Recommender, persons: Persons) -> dict[str, tuple[str, ...]]:
    if "events" not in shop.tables:
        return {}
    manifest = bundle.manifest
    task = RecommendTask.from_shop(shop, manifest.target, repeats=manifest.repeats, seed=manifest.seed)
    own, _ = recoded(task.histories, bundle.catalogue)
    ids, item, start = bundle.catalogue.ids, own.item.tolist(), own.start.tolist()
    found: dict[str, tuple[str, ...]] = {}
    for user, first, last in zip(own.users, start[:-1], start[1:], strict=True):
        kept = str(persons.kept(user))  # of somebody whose ids are hashed by now there may be two histories
        found[kept] = (*found.get(kept, ()), *(ids[code] for code in item[first:last]))
    return found
