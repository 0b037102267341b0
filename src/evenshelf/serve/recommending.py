"""A list for somebody: history from the shop and the event log, the bundle's answer, or what is popular in time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from typing import Any

from evenshelf.errors import EvenshelfError
from evenshelf.serve.events.log import EventLog
from evenshelf.serve.live import Recommending

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Whom:
    """For whom a list is: a user, a visit, or somebody who took some items; nobody known if all are empty."""

    user: str | None = None
    session: str | None = None
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class List:
    """What is shown.

    Attributes
    ----------
    shown
        Items with places, best first; JSON-able.
    history
        Items that it rests on.
    fallback
        Why what is popular is shown instead of the bundle's answer: ``late``, ``failed``; ``None`` if it is not.
    notes
        What to know of it, a sentence each.
    """

    shown: tuple[dict[str, Any], ...]
    history: tuple[str, ...]
    fallback: str | None
    notes: tuple[str, ...] = ()


class Recommendations:
    """Makes lists within a budget of time.

    Parameters
    ----------
    log
        Knows what happened since the bundle was fitted.
    budget
        Seconds.
    threads
        Lists that are made at the same time.
    """

    def __init__(self, log: EventLog, *, budget: float, threads: int = 4) -> None:
        self._log, self._budget = log, budget
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="recommend")

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def history(self, now: Recommending, whom: Whom) -> list[str]:
        """Items that somebody took: in the shop's log, since then, and what the request names, the latest last."""
        found = list(now.before.get(whom.user, ())) if whom.user is not None else []
        if whom.user is not None:
            found += self._log.history(now.kinds, user=whom.user, after=now.taken_in)
        elif whom.session is not None:
            found += self._log.history(now.kinds, session=whom.session)
        return found + list(whom.items)

    def made(
        self,
        now: Recommending,
        whom: Whom,
        *,
        k: int,
        category: str | None = None,
        exclude: Sequence[str] = (),
        explain: bool = False,
        fell: Callable[[str], None] = lambda why: None,
    ) -> List:
        """A list; what is popular if the bundle's takes too long or fails, and `fell` is told why.

        Raises
        ------
        EvenshelfError
            If what was asked for cannot be, such as a category that is none.
        """

        def answer() -> List:
            history = self.history(now, whom)
            found = now.bundle.recommend(history, k=k, category=category, exclude=exclude, reasons=explain)
            shown = tuple(_told(one.to_dict(), explain) for one in found.shown)
            return List(shown, found.history, None, found.notes)

        work = self._pool.submit(answer)
        try:
            return work.result(self._budget)
        except EvenshelfError:
            raise
        except Late:
            work.cancel()
            why = "late"
        except Exception:  # noqa: BLE001 - whatever it is, somebody waits for a list
            _log.exception("a recommendation failed, and what is popular is shown")
            why = "failed"
        fell(why)
        return self._popular(now, k, category, {*exclude, *whom.items}, why)

    def _popular(self, now: Recommending, k: int, category: str | None, without: set[str], why: str) -> List:
        catalogue = now.bundle.catalogue
        shown: list[dict[str, Any]] = []
        for item in now.popular:
            code = catalogue.code[item]
            if item in without or (category is not None and catalogue.category_of(code) != category):
                continue
            shown.append(
                {
                    "place": len(shown) + 1,
                    "item": item,
                    "title": catalogue.title(code),
                    "category": catalogue.category_of(code),
                    "score": float(catalogue.counts[code]),
                    "why": "popular",
                }
            )
            if len(shown) == k:
                break
        return List(tuple(shown), (), why, ("what is popular, because the answer was not there in time",))


def _told(shown: dict[str, Any], explain: bool) -> dict[str, Any]:
    if not explain:
        del shown["reason"], shown["why"]
        shown.pop("place_without_remedy")
    return shown
