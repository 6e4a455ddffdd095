"""What Prometheus is told: requests of this process as they happen, tables and queues as they stand at each scrape.

Beside these, what every process counts of its own work. All names and their meanings stand in ``actors.meters.NAMES``.
"""

from __future__ import annotations

import logging
from collections import Counter as Counted
from collections.abc import Iterator, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from brandq import store
from brandq.actors.desk import Desk
from brandq.actors.meters import REQUEST_BUCKETS, counter, family, gauge, histogram, standing
from brandq.errors import DatabaseNotReady
from brandq.states import ExecutionState
from brandq.store import EngineState
from brandq.web.events.streams import Streams
from brandq.web.looking import BrokerLook

logger = logging.getLogger(__name__)

#: what a caller may make up must not become a label
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The counters of one application. Its own registry: the requests of two in one process do not mix."""

    def __init__(self, desk: Desk, broker: BrokerLook, streams: Streams) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(desk.meters)
        self._registry.register(_Tables(desk))
        self._registry.register(_Queues(broker))
        self._requests = counter("brandq_http_requests_total", self._registry)
        self._seconds = histogram("brandq_http_request_seconds", self._registry, REQUEST_BUCKETS)
        gauge("brandq_event_streams", self._registry).set_function(lambda: streams.open)

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """One request. ``path`` is a route's template, never what the caller wrote."""
        method = method if method in METHODS else "other"
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(method, path).observe(seconds)

    def told(self) -> bytes:
        """All of it in Prometheus' text format. It waits for the database and the broker, as long as they may take."""
        return generate_latest(self._registry)

    def scrape(self) -> Response:
        return Response(self.told(), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Tables(Collector):
    """The tables, read in one short transaction per scrape; ``brandq_database_up`` 0 where they cannot be."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def describe(self) -> list[Metric]:
        """Nothing: what is collected is known only at a scrape, and registering must not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            yield from self._read()
            yield standing("brandq_database_up", 1)
        except DatabaseNotReady as error:
            logger.warning("metrics without the tables: %s", error)
            yield standing("brandq_database_up", 0)

    def _read(self) -> list[Metric]:
        now = self.desk.now()
        with self.desk.database.read() as db:
            by_status = store.executions_by_status(db)
            by_state = store.open_samples(db)
            oldest = store.oldest_waiting(db, now=now)
            swept = store.swept(db)
            states = store.engine_states(db)
        executions = family("brandq_executions")
        for status in ExecutionState:
            executions.add_metric([str(status)], by_status.get(status, 0))
        samples = family("brandq_samples_open")
        for state in ("waiting", "asking", "answered"):
            samples.add_metric([state], by_state.get(state, 0))
        age = standing("brandq_oldest_waiting_seconds", oldest.total_seconds() if oldest else 0)
        repaired, ago = family("brandq_sweep_repaired_total"), family("brandq_sweep_age_seconds")
        for name, (swept_at, total) in swept.items():
            repaired.add_metric([name], total)
            ago.add_metric([name], (now - swept_at).total_seconds())
        return [executions, samples, age, repaired, ago, self._open_engines(states)]

    def _open_engines(self, states: Mapping[str, EngineState]) -> Metric:
        engines = self.desk.meters.engines
        counted: Counted[tuple[str, str]] = Counted()
        for scope, state in states.items():
            if state.open_reason is not None:
                counted[engines.of_scope(scope), state.open_reason] += 1
        paused = family("brandq_engine_open")
        for (engine, reason), n in sorted(counted.items()):
            paused.add_metric([engine, reason], n)
        return paused


class _Queues(Collector):
    """The queues as of some seconds ago, so also what only workers saw; ``brandq_broker_up`` 0 where nobody answers."""

    def __init__(self, broker: BrokerLook) -> None:
        self.broker = broker

    def describe(self) -> list[Metric]:
        """Nothing: registering must not reach for the broker."""
        return []

    def collect(self) -> Iterator[Metric]:
        depths = self.broker.depths()
        yield standing("brandq_broker_up", 0 if depths is None else 1)
        if depths is None:
            return
        queued, dead = family("brandq_queue_messages"), family("brandq_dead_letters")
        consumers = family("brandq_queue_consumers")
        for name, depth in depths.items():
            queued.add_metric([name, "ready"], depth.ready)
            queued.add_metric([name, "delayed"], depth.delayed)
            dead.add_metric([name], depth.dead)
            if depth.consumers is not None:
                consumers.add_metric([name], depth.consumers)
        yield from (queued, dead, consumers)
