"""Logs as lines of JSON; no line holds a key, a body, a query or an id of a user."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
"""Id of the request that is being answered."""
_KNOWN = ("slot", "bundle", "why", "method", "endpoint", "status", "milliseconds", "key", "bytes")


class Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if (request := REQUEST.get()) is not None:
            line["request"] = request
        line |= {name: value for name in _KNOWN if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(level: str = "INFO") -> None:
    """Let evenshelf and its server write such lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json())
    for name in ("evenshelf", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
    # each request is told once, by what knows its endpoint and its id
    logging.getLogger("uvicorn.access").disabled = True
