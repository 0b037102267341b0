"""Writes events in groups: many senders wait for one commit, and nobody is told of one that is not on the disk."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from evenshelf.serve.events.log import Row

_log = logging.getLogger(__name__)


class Busy(Exception):  # noqa: N818 - says what the writer is, and is told to senders
    """No room for more events: try again in :attr:`seconds`."""

    seconds = 1


class Unwritten(Exception):  # noqa: N818
    """The database does not take events: nothing was accepted; try again in :attr:`seconds`."""

    seconds = 5


class Unusable(Exception):  # noqa: N818
    """The database cannot hold what was sent: nothing of it was accepted, and sending it again does not help."""


_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
"""Errors of a database that may come back."""


class Writer:
    """One thread that writes what others submit.

    Parameters
    ----------
    append
        Writes rows and returns when they are on the disk; :meth:`EventLog.append`.
    room
        Events that may wait; more are refused.
    batch
        Events in a transaction at most, unless one sender alone brings more.
    patience
        Seconds for which a failing database is tried again.
    """

    def __init__(
        self,
        append: Callable[[Sequence[Row]], None],
        *,
        room: int = 50_000,
        batch: int = 5_000,
        patience: float = 10.0,
    ) -> None:
        self._append = append
        self._room, self._batch, self._patience = room, batch, patience
        self._waiting: deque[tuple[Sequence[Row], Future[None]]] = deque()
        self._rows = 0
        self._closed = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether anything is written at all."""
        return self._thread.is_alive()

    @property
    def depth(self) -> int:
        """Events that wait, or are being written."""
        return self._rows

    def submit(self, rows: Sequence[Row]) -> Future[None]:
        """Hand over rows; the future is done when they are on the disk.

        It raises :class:`Unwritten` or :class:`Unusable` if they are not, and cannot be cancelled once they are being
        written.

        Raises
        ------
        Busy
            If there is no room for them, or the writer is closed.
        """
        done: Future[None] = Future()
        with self._change:
            # Who brings more than there is room for at all is let in alone: it could never come in otherwise.
            if self._closed or (self._rows and self._rows + len(rows) > self._room):
                raise Busy
            self._rows += len(rows)
            self._waiting.append((rows, done))
            self._change.notify()
        return done

    def close(self) -> None:
        """Write what was handed over, and end."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._waiting and not self._closed:
                    self._change.wait()
                if not self._waiting:
                    return
                group = [self._waiting.popleft()]
                size = len(group[0][0])
                while self._waiting and size + len(self._waiting[0][0]) <= self._batch:
                    group.append(self._waiting.popleft())
                    size += len(group[-1][0])
            # who has gone meanwhile has been told nothing, and need not be written
            self._write([one for one in group if one[1].set_running_or_notify_cancel()])
            with self._change:
                self._rows -= size

    def _write(self, group: list[tuple[Sequence[Row], Future[None]]]) -> None:
        try:
            self._insist([row for rows, _ in group for row in rows])
        except _AWAY as error:
            self._fail(group, error, Unwritten())
        except Exception as error:  # noqa: BLE001 - the thread must live, and senders must hear
            if len(group) > 1:  # what one sender brought must not cost the others theirs
                for one in group:
                    self._write([one])
            else:
                lost = isinstance(error, DBAPIError) and error.connection_invalidated
                self._fail(group, error, Unwritten() if lost else Unusable())
        else:
            for _, done in group:
                done.set_result(None)

    def _insist(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        end = time.monotonic() + self._patience
        pause = 0.05
        while True:
            try:
                self._append(rows)
            except _AWAY as error:
                if self._closed or time.monotonic() + pause > end:
                    raise
                _log.warning("events could not be written, and are tried again: %s", type(error).__name__)
                time.sleep(pause)
                pause = min(2 * pause, 1.0)
            else:
                return

    @staticmethod
    def _fail(group: list[tuple[Sequence[Row], Future[None]]], error: Exception, told: Exception) -> None:
        _log.error("events were refused: %s", type(error).__name__, exc_info=error)
        for _, done in group:
            done.set_exception(told)
