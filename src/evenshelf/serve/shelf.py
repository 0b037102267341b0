"""What a process of a service has open, and the thread that looks for what other processes changed."""

from __future__ import annotations

import logging
import threading
from typing import Self

from sqlalchemy import text

from evenshelf.errors import EvenshelfError, InputError
from evenshelf.index.engine import SearchEngine
from evenshelf.index.manifest import MANIFEST
from evenshelf.index.shops import FOLDER as INDEX
from evenshelf.serve.assigning import Assigning
from evenshelf.serve.database import open_database
from evenshelf.serve.events.log import EventLog
from evenshelf.serve.events.writer import Writer
from evenshelf.serve.keys import Keys
from evenshelf.serve.limits import Rate
from evenshelf.serve.live import Answering, Live, Recommending
from evenshelf.serve.metrics import Metrics
from evenshelf.serve.persons import Persons
from evenshelf.serve.recommending import Recommendations
from evenshelf.serve.releases import Releases
from evenshelf.serve.settings import Settings
from evenshelf.serve.trials import Trials
from evenshelf.shop import Shop

_log = logging.getLogger(__name__)


class Shelf:
    """All that requests are answered with.

    Attributes
    ----------
    engine
        The search of the shop; ``None`` if it has no index.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        Shop.open(settings.shop)
        self.database = open_database(settings.url)
        self.keys = Keys(self.database)
        if self.keys.none_yet() and not (settings.open or settings.alone):
            raise InputError(
                "There is no key with which anything could be asked.",
                hint=f"Make one with: evenshelf keys make {settings.shop} NAME - or start with --open",
            )
        self.log = EventLog(self.database)
        self.writer = Writer(self.log.append, room=settings.room)
        self.metrics = Metrics()
        self.rate = Rate(settings.rate, settings.burst)
        self.persons = Persons.hashed(settings.shop) if settings.hash_users else Persons()
        self.engine = _index(settings)
        if self.engine is not None:
            self.engine.suggest("")  # makes what completes queries, for which the first who types would wait
        self.recommendations = Recommendations(self.log, budget=settings.budget)
        releases = Releases(self.database, settings.shop)
        self.live = Live(releases, settings.shop, self.persons, swapped=self._swapped)
        self.trials = Trials(self.database)
        self.assigning = Assigning(self.trials, self.persons, lost=self.metrics.exposures_lost.inc)
        self.look()
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._watching, name="watch", daemon=True)
        self._watch.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what was accepted, and let go of everything."""
        self._ending.set()
        self.writer.close()
        self._watch.join()
        self.assigning.close()
        self.recommendations.close()
        if self.engine is not None:
            self.engine.close()
        self.database.dispose()

    def faults(self) -> dict[str, str]:
        """What does not work, by part; nothing if the process can answer."""
        found: dict[str, str] = {}
        try:
            with self.database.connect() as connection:
                connection.execute(text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the database does not answer
            found["database"] = type(error).__name__
        if not self.writer.alive:
            found["events"] = "nothing is written any more: start the process again"
        if self.engine is None and not self.live.releases:
            found["shop"] = (
                "neither an index nor a bundle answers: evenshelf index SHOP, or evenshelf promote SHOP BUNDLE"
            )
        return found

    def look(self) -> None:
        """Take in which bundles are to answer, and which experiments run."""
        self.keys.refresh()
        self.metrics.waiting.set(self.writer.depth)
        self.assigning.poll()
        self.live.poll(self.assigning.bundles)

    def _watching(self) -> None:
        while not self._ending.wait(self.settings.poll):
            try:
                self.look()
                self.metrics.bundles_refused.set(len(self.live.refused))
                if self.engine is None:
                    self.engine = _index(self.settings)
                else:
                    self.engine.refresh()
            except EvenshelfError as error:
                _log.warning("what others changed could not be taken in", extra={"why": error.message})
            except Exception:  # noqa: BLE001 - whatever it is, the next look may go well
                _log.exception("what others changed could not be taken in")

    def _swapped(self, now: Answering) -> None:
        if isinstance(now, Recommending):  # made before it is asked for, which would make somebody wait
            _ = now.popular, now.bucket, now.bundle.catalogue.code, now.bundle.catalogue.prior
        self.metrics.swaps.labels(now.release.slot.value).inc()


def _index(settings: Settings) -> SearchEngine | None:
    path = settings.shop / INDEX
    return SearchEngine.open(path) if (path / MANIFEST).is_file() else None
