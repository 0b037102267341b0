"""What a service tells Prometheus of itself."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which several workers put their numbers together; set before this module is imported."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one process."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        self.requests = Histogram(
            "evenshelf_request_seconds",
            "time to answer a request",
            ["endpoint", "method", "status"],
            buckets=SECONDS,
            registry=own,
        )
        self.events = Counter("evenshelf_events_accepted", "events accepted, repeated ones included", registry=own)
        self.refused = Counter("evenshelf_requests_refused", "requests refused, by why", ["why"], registry=own)
        self.fallbacks = Counter(
            "evenshelf_fallbacks", "answers that something cheaper gave, by why", ["endpoint", "why"], registry=own
        )
        self.exposures = Counter(
            "evenshelf_exposures",
            "items shown by recommendations, by how often they were taken when the bundle was fitted",
            ["bucket", "bundle"],
            registry=own,
        )
        self.exposures_lost = Counter(
            "evenshelf_experiment_exposures_lost", "exposures that could not be written", registry=own
        )
        self.swaps = Counter("evenshelf_bundle_swaps", "bundles put in their place", ["slot"], registry=own)
        self.bundles_refused = Gauge(
            "evenshelf_bundles_refused", "newer bundles that cannot be used", registry=own, multiprocess_mode="livemax"
        )
        self.waiting = Gauge(
            "evenshelf_events_waiting", "events that wait to be written", registry=own, multiprocess_mode="livesum"
        )

    def text(self) -> bytes:
        """All numbers as Prometheus reads them; of all workers where there are several."""
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        for file in Path(os.environ[FOLDER]).glob("gauge_live*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not _lives(pid):
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
