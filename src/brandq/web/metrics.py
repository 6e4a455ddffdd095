"""What Prometheus is told: requests of this process as they happen, tables and queues as they stand at each scrape."""

from __future__ import annotations

import logging
from collections import Counter as Counted
from collections.abc import Iterator, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from brandq import store
from brandq.actors.desk import Desk
from brandq.errors import DatabaseNotReady
from brandq.states import ExecutionState
from brandq.store import EngineState
from brandq.web.events.streams import Streams
from brandq.web.looking import BrokerLook
from brandq.web.pauses import parted

logger = logging.getLogger(__name__)

#: what a caller may make up must not become a label
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: stands for the models that callers name in their plans
OTHER_MODELS = "other"


class Metrics:
    """The counters of one application. Its own registry: two applications in one process do not mix."""

    def __init__(self, desk: Desk, broker: BrokerLook, streams: Streams) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Tables(desk))
        self._registry.register(_Queues(broker))
        self._requests = Counter(
            "brandq_http_requests",
            "Requests answered by this process",
            ("method", "path", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "brandq_http_request_seconds",
            "Seconds until the response was sent; until it began where it is an event stream",
            ("method", "path"),
            registry=self._registry,
        )
        opened = Gauge("brandq_event_streams", "Event streams that are open in this process", registry=self._registry)
        opened.set_function(lambda: streams.open)

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """One request. ``path`` is a route's template, never what the caller wrote."""
        method = method if method in METHODS else "other"
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(method, path).observe(seconds)

    def scrape(self) -> Response:
        return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Tables(Collector):
    """The tables, read in one short transaction per scrape; ``brandq_database_up`` 0 where they cannot be."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def describe(self) -> list[Metric]:
        """Nothing: what is collected is known only at a scrape, and registering must not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        lost = CounterMetricFamily("brandq_sends_lost", "Messages of this process that their sweep had to send again")
        lost.add_metric([], self.desk.publisher.lost)
        yield lost
        up = GaugeMetricFamily("brandq_database_up", "Whether the tables could be read")
        try:
            yield from self._read()
            up.add_metric([], 1)
        except DatabaseNotReady as error:
            logger.warning("metrics without the tables: %s", error)
            up.add_metric([], 0)
        yield up

    def _read(self) -> list[Metric]:
        now = self.desk.now()
        with self.desk.database.read() as db:
            by_status = store.executions_by_status(db)
            by_state = store.open_samples(db)
            oldest = store.oldest_waiting(db, now=now)
            swept = store.swept(db)
            states = store.engine_states(db)
        executions = GaugeMetricFamily("brandq_executions", "Executions that are kept, by status", labels=["status"])
        for status in ExecutionState:
            executions.add_metric([str(status)], by_status.get(status, 0))
        samples = GaugeMetricFamily("brandq_samples_open", "Samples that are not settled, by state", labels=["state"])
        for state in ("waiting", "asking", "answered"):
            samples.add_metric([state], by_state.get(state, 0))
        age = GaugeMetricFamily("brandq_oldest_waiting_seconds", "How long the longest waiting sample has waited")
        age.add_metric([], oldest.total_seconds() if oldest else 0)
        repaired = CounterMetricFamily(
            "brandq_sweep_repaired",
            "Rows that a sweep had to repair; growth means that something is lost",
            labels=["sweep"],
        )
        ago = GaugeMetricFamily("brandq_sweep_age_seconds", "Seconds since a sweep last ran", labels=["sweep"])
        for name, (swept_at, total) in swept.items():
            repaired.add_metric([name], total)
            ago.add_metric([name], (now - swept_at).total_seconds())
        return [executions, samples, age, repaired, ago, self._open_engines(states)]

    def _open_engines(self, states: Mapping[str, EngineState]) -> Metric:
        rows_own = {listed.name: listed.model for listed in self.desk.registry.listing()}
        counted: Counted[tuple[str, str]] = Counted()
        for scope, state in states.items():
            if state.open_reason is None:
                continue
            provider, model = parted(scope)
            known = model is None or model == rows_own.get(provider.partition("?")[0])
            engine = scope if known else scope.replace(f"/{model}", f"/{OTHER_MODELS}", 1)
            counted[engine, state.open_reason] += 1
        paused = GaugeMetricFamily(
            "brandq_engine_open",
            "Engines that are not asked until a call succeeds: 1 each; models that no row names are counted together",
            labels=["engine", "reason"],
        )
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
        up = GaugeMetricFamily("brandq_broker_up", "Whether the broker answered")
        up.add_metric([], 0 if depths is None else 1)
        yield up
        if depths is None:
            return
        queued = GaugeMetricFamily(
            "brandq_queue_messages", "Messages that no worker holds, by queue and state", labels=["queue", "state"]
        )
        dead = GaugeMetricFamily(
            "brandq_dead_letters",
            "Messages that failed for good, or that nobody could work on; `brandq doctor` lists them",
            labels=["queue"],
        )
        consumers = GaugeMetricFamily("brandq_queue_consumers", "Workers on a queue", labels=["queue"])
        for name, depth in depths.items():
            queued.add_metric([name, "ready"], depth.ready)
            queued.add_metric([name, "delayed"], depth.delayed)
            dead.add_metric([name], depth.dead)
            if depth.consumers is not None:
                consumers.add_metric([name], depth.consumers)
        yield from (queued, dead, consumers)
