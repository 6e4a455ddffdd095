"""Meters: what one process counts of its own work, for Prometheus; the names of everything that is exported stand here.

One ``Meters`` per process, on its desk, with a registry of its own. Whoever has committed something tells it here
afterwards, so that nothing is counted that was rolled back. A label never holds what a caller wrote, nor an id: engines
are named by their registry rows, and models that callers name are counted together.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from brandq import __version__
from brandq.plan import EngineRef, parted
from brandq.providers.dialect import Outcome
from brandq.states import ExecutionState
from brandq.words.terms import EXPLANATIONS

# a second series for each counter and histogram, which says when it began; the process says that once for all of them
disable_created_metrics()  # type: ignore[no-untyped-call]

Kind = Literal["counter", "gauge", "histogram"]
#: how a message ended: done, to be tried again, a dead letter, too old, or given back because the process stops
MessageOutcome = Literal["done", "again", "dead", "skipped", "handed_back"]
MESSAGE_OUTCOMES: tuple[MessageOutcome, ...] = ("done", "again", "dead", "skipped", "handed_back")
#: what a call came to that ended without an outcome: broken off, or handed back
CUT_OFF = "cut_off"
#: stands for the models that callers name in their plans
OTHER_MODELS = "other"
#: HTTP's word for too many requests
TOO_MANY = 429
#: between two looks at how late the loop is
LAG_EVERY_S = 1.0


@dataclass(frozen=True)
class Described:
    """One metric under its exported name. ``of``: who has it, web (with serve), work, clock, or all of them."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    of: str = "all"


#: every metric of ours; the process_ and python_ ones of the library come on top
NAMES: Mapping[str, Described] = MappingProxyType(
    {
        # -- the whole service, from the tables and the broker: the same on every web process
        "brandq_database_up": Described("gauge", "Whether the tables could be read", of="web"),
        "brandq_broker_up": Described("gauge", "Whether the broker answered", of="web"),
        "brandq_executions": Described("gauge", "Executions that are kept, by status", ("status",), "web"),
        "brandq_samples_open": Described("gauge", "Samples that are not settled, by state", ("state",), "web"),
        "brandq_oldest_waiting_seconds": Described("gauge", "How long the longest waiting sample has waited", of="web"),
        "brandq_sweep_repaired_total": Described(
            "counter", "Rows that a sweep had to repair; growth means that something is lost", ("sweep",), "web"
        ),
        "brandq_sweep_age_seconds": Described("gauge", "Seconds since a sweep last ran", ("sweep",), "web"),
        "brandq_engine_open": Described(
            "gauge",
            "Engines that are not asked until a call succeeds: 1 each; models that no row names are counted together",
            ("engine", "reason"),
            "web",
        ),
        "brandq_queue_messages": Described(
            "gauge", "Messages that no worker holds, by queue and state", ("queue", "state"), "web"
        ),
        "brandq_dead_letters": Described(
            "gauge",
            "Messages that failed for good, or that nobody could work on; `brandq doctor` lists them",
            ("queue",),
            "web",
        ),
        "brandq_queue_consumers": Described("gauge", "Workers on a queue", ("queue",), "web"),
        # -- requests
        "brandq_http_requests_total": Described(
            "counter", "Requests answered by this process", ("method", "path", "status"), "web"
        ),
        "brandq_http_request_seconds": Described(
            "histogram",
            "Seconds until the response was sent; until it began where it is an event stream",
            ("method", "path"),
            "web",
        ),
        "brandq_event_streams": Described("gauge", "Event streams that are open in this process", of="web"),
        # -- executions and samples, each counted by the process that moved it
        "brandq_executions_accepted_total": Described("counter", "Executions that were accepted and are new", of="web"),
        "brandq_executions_ended_total": Described(
            "counter", "Executions that ended, by status", ("status",), "web, work"
        ),
        "brandq_execution_seconds": Described(
            "histogram", "From an execution's acceptance to its end, by status", ("status",), "web, work"
        ),
        "brandq_samples_failed_total": Described(
            "counter",
            "Samples that were given up, by their code: an error class, lost, deadline, budget, unread",
            ("code",),
            "work",
        ),
        "brandq_leases_expired_total": Described(
            "counter", "Samples that were taken back from workers which had vanished", of="work"
        ),
        # -- messages
        "brandq_messages_total": Described(
            "counter",
            "Messages that were worked on: done, again (a retry follows), dead, skipped (too old), handed_back",
            ("queue", "actor", "outcome"),
            "work",
        ),
        "brandq_message_seconds": Described("histogram", "What an actor took for one message", ("actor",), "work"),
        "brandq_queue_wait_seconds": Described(
            "histogram", "From when a message was sent, or due, until it was begun", ("queue",), "work"
        ),
        "brandq_messages_in_progress": Described("gauge", "Messages that are worked on now", ("queue",), "work"),
        "brandq_messages_refused_total": Described(
            "counter", "Messages that went to the dead letters before an actor saw them", ("queue",), "work"
        ),
        # -- calls
        "brandq_calls_total": Described(
            "counter",
            "Calls that ended: ok, refused, empty, truncated, the class of their error, or cut_off",
            ("engine", "outcome"),
            "work",
        ),
        "brandq_call_seconds": Described(
            "histogram", "What a provider took for one call, all its rounds together", ("engine",), "work"
        ),
        "brandq_calls_in_flight": Described("gauge", "Calls that are waited for now", ("provider",), "work"),
        "brandq_rate_limited_total": Described(
            "counter", "Calls that were answered with HTTP 429", ("engine",), "work"
        ),
        "brandq_tokens_total": Described("counter", "Tokens that providers counted", ("engine", "kind"), "work"),
        "brandq_cost_total": Described(
            "counter", "What answers cost where that is known, in units of the currency", ("engine", "currency"), "work"
        ),
        "brandq_answers_total": Described("counter", "Answers that were stored, by kind", ("engine", "kind"), "work"),
        # -- the process
        "brandq_build_info": Described("gauge", "1 for the version and the role of this process", ("version", "role")),
        "brandq_threads": Described("gauge", "Threads of this process that live, by what they do", ("kind",)),
        "brandq_threads_expected": Described("gauge", "How many of them there should be", ("kind",)),
        "brandq_loop_lag_seconds": Described(
            "histogram",
            "How late a loop, of actors or of requests, wakes what sleeps on it: what blocks it delays all of them",
            of="web, work",
        ),
        "brandq_database_connections_in_use": Described("gauge", "Connections that a transaction holds now"),
        "brandq_database_connections_max": Described("gauge", "Connections that this process may open"),
        "brandq_publisher_backlog": Described("gauge", "Messages of this process that wait to be published"),
        "brandq_sends_lost_total": Described("counter", "Messages of this process that their sweep had to send again"),
        "brandq_clock_ticks_total": Described("counter", "Ticks that this clock has sent", of="clock, serve"),
        "brandq_clock_last_tick_timestamp_seconds": Described(
            "gauge", "When this clock last sent a tick, or was started, seconds since 1970", of="clock, serve"
        ),
    }
)

#: a report takes milliseconds and a hanging call most of its time limit, 600 s
MESSAGE_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
#: from an idle worker's milliseconds to what makes people ask; a message is never delayed by more than 15 minutes
WAIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
#: an answer takes seconds, with search and reasoning minutes; 480 s is the longest that a registry row may ask for
CALL_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 180, 300, 480)
#: from a plan of one prompt to two hours, which is the default deadline, and its double
EXECUTION_BUCKETS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400)
#: one analysis blocks for tens of milliseconds; ten seconds are a probe's failure
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: as the library has it, and 0.3 s, below which nineteen of twenty reads are to stay
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.3, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


def counter(name: str, registry: CollectorRegistry) -> Counter:
    """The counter of this exported name, as NAMES describes it."""
    known = NAMES[name]
    return Counter(name.removesuffix("_total"), known.help, known.labels, registry=registry)


def gauge(name: str, registry: CollectorRegistry) -> Gauge:
    known = NAMES[name]
    return Gauge(name, known.help, known.labels, registry=registry)


def histogram(name: str, registry: CollectorRegistry, buckets: Collection[float]) -> Histogram:
    known = NAMES[name]
    return Histogram(name, known.help, known.labels, registry=registry, buckets=tuple(buckets))


def family(name: str) -> GaugeMetricFamily | CounterMetricFamily:
    """An empty gauge or counter of this name, for a collector that fills it at each scrape."""
    known = NAMES[name]
    if known.kind == "counter":
        return CounterMetricFamily(name.removesuffix("_total"), known.help, labels=known.labels)
    return GaugeMetricFamily(name, known.help, labels=known.labels)


def standing(name: str, value: float) -> Metric:
    """A gauge or a counter without labels, which stands at this value."""
    filled = family(name)
    filled.add_metric([], value)
    return filled


class EngineNames:
    """How engines are named in labels: ROW, or ROW/other for any model that is not the row's own."""

    def __init__(self, own_models: Mapping[str, str | None]) -> None:
        self._own = dict(own_models)

    def of(self, engine: EngineRef) -> str:
        """The name of an engine; what the simulator answers ends in ``?simulated``."""
        provider, model = engine.scopes
        return provider if engine.model == self._own.get(engine.provider) else self.of_scope(model)

    def of_scope(self, scope: str) -> str:
        """The name of a scope of ``EngineRef.scopes``: one of a row's own model stays ROW/MODEL."""
        provider, model = parted(scope)
        if model is None or model == self._own.get(provider.partition("?")[0]):
            return scope
        return scope.replace(f"/{model}", f"/{OTHER_MODELS}", 1)


#: threads of one kind: how many there should be, and how many live
CountedThreads = Callable[[], tuple[int, int]]


class Meters(Collector):
    """The counts of one process. Any thread may tell it something; nothing here waits for anybody.

    ``role`` names what the process does, ``own_models`` the registry's rows with the models that are their own.
    """

    def __init__(self, role: str, own_models: Mapping[str, str | None] = MappingProxyType({})) -> None:
        self.registry = CollectorRegistry()
        self.engines = EngineNames(own_models)
        self._standing = _Standing()
        self.registry.register(self._standing)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        gauge("brandq_build_info", self.registry).labels(__version__, role).set(1)
        self._accepted = counter("brandq_executions_accepted_total", self.registry)
        self._ended = counter("brandq_executions_ended_total", self.registry)
        self._lasted = histogram("brandq_execution_seconds", self.registry, EXECUTION_BUCKETS)
        self._failed = counter("brandq_samples_failed_total", self.registry)
        self._expired = counter("brandq_leases_expired_total", self.registry)
        self._messages = counter("brandq_messages_total", self.registry)
        self._message_seconds = histogram("brandq_message_seconds", self.registry, MESSAGE_BUCKETS)
        self._waited = histogram("brandq_queue_wait_seconds", self.registry, WAIT_BUCKETS)
        self._in_progress = gauge("brandq_messages_in_progress", self.registry)
        self._refused = counter("brandq_messages_refused_total", self.registry)
        self._calls = counter("brandq_calls_total", self.registry)
        self._call_seconds = histogram("brandq_call_seconds", self.registry, CALL_BUCKETS)
        self._in_flight = gauge("brandq_calls_in_flight", self.registry)
        self._too_many = counter("brandq_rate_limited_total", self.registry)
        self._tokens = counter("brandq_tokens_total", self.registry)
        self._cost = counter("brandq_cost_total", self.registry)
        self._answers = counter("brandq_answers_total", self.registry)
        self._lag = histogram("brandq_loop_lag_seconds", self.registry, LAG_BUCKETS)

    def describe(self) -> list[Metric]:
        """Nothing: whoever registers this process with others must not have it collected for that."""
        return []

    def collect(self) -> Iterator[Metric]:
        return iter(self.registry.collect())

    def told(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    # -- executions and samples

    def accepted(self) -> None:
        """One new execution was accepted."""
        self._accepted.inc()

    def ended(self, status: str, *, created_at: datetime, ended_at: datetime) -> None:
        """One execution ended."""
        self._ended.labels(status).inc()
        self._lasted.labels(status).observe((ended_at - created_at).total_seconds())

    def failed(self, codes: Mapping[str, int]) -> None:
        """So many samples were given up, by their code."""
        for code, n in codes.items():
            self._failed.labels(code).inc(n)

    def leases_expired(self, n: int) -> None:
        """So many samples were taken back from workers that had vanished."""
        self._expired.inc(n)

    # -- messages

    def serves(self, actors: Mapping[str, str]) -> None:
        """This process serves these actors, each on its queue; so a first failure is seen as the growth that it is."""
        for status in (ExecutionState.COMPLETED, ExecutionState.PARTIAL, ExecutionState.FAILED):
            self._ended.labels(str(status))
        for code in EXPLANATIONS:
            self._failed.labels(code)
        for actor, queue in actors.items():
            self._message_seconds.labels(actor)
            self._waited.labels(queue)
            self._in_progress.labels(queue)
            self._refused.labels(queue)
            for outcome in MESSAGE_OUTCOMES:
                self._messages.labels(queue, actor, outcome)

    def message_begun(self, queue: str, waited_s: float) -> None:
        """An actor is called with a message of this queue, so long after it was sent or due."""
        self._waited.labels(queue).observe(max(0.0, waited_s))
        self._in_progress.labels(queue).inc()

    def message_ended(self, queue: str, actor: str, outcome: MessageOutcome, seconds: float) -> None:
        self._messages.labels(queue, actor, outcome).inc()
        self._message_seconds.labels(actor).observe(seconds)
        self._in_progress.labels(queue).dec()

    def message_refused(self, queue: str) -> None:
        """A message went to the dead letters that nobody here can work on."""
        self._refused.labels(queue).inc()

    # -- calls

    @contextmanager
    def asking(self, engine: EngineRef) -> Iterator[None]:
        """A call to this engine's provider is in flight."""
        waited_for = self._in_flight.labels(engine.scopes[0])
        waited_for.inc()
        try:
            yield
        finally:
            waited_for.dec()

    def call_ended(self, engine: EngineRef, outcome: Outcome | None, *, kept: bool) -> None:
        """One call ended, without an outcome where it was cut off; ``kept``: its answer is stored.

        What a call cost counts whether its answer was kept or came too late.
        """
        name = self.engines.of(engine)
        too_many = self._too_many.labels(name)
        if outcome is None:
            self._calls.labels(name, CUT_OFF).inc()
            return
        if outcome.request:
            # there is none where nobody was asked: this process has no row for the engine
            self._call_seconds.labels(name).observe(outcome.latency_ms / 1000)
        if outcome.http_status == TOO_MANY:
            too_many.inc()
        answer = outcome.answer
        if answer is None:
            self._calls.labels(name, str(outcome.error.error_class) if outcome.error else CUT_OFF).inc()
            return
        self._calls.labels(name, str(answer.kind)).inc()
        for kind, tokens in (("in", answer.tokens_in), ("out", answer.tokens_out)):
            if tokens:
                self._tokens.labels(name, kind).inc(tokens)
        if answer.cost is not None and answer.currency is not None:
            self._cost.labels(name, answer.currency).inc(float(answer.cost))
        if kept:
            self._answers.labels(name, str(answer.kind)).inc()

    # -- the process

    async def watch_loop(self, every_s: float = LAG_EVERY_S) -> None:
        """Note again and again how late the running loop is, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + every_s
            await asyncio.sleep(every_s)
            self._lag.observe(max(0.0, loop.time() - due))

    def watch(self, name: str, value: Callable[[], float]) -> None:
        """Have this gauge or counter, which has no labels, asked for at each scrape. It must not wait for anything."""
        if NAMES[name].labels:
            raise ValueError(f"{name} has labels")
        self._standing.values[name] = value

    def watch_threads(self, kind: str, counted: CountedThreads) -> None:
        """Threads that this process needs, until ``forget_threads``."""
        self._standing.threads[kind] = counted

    def forget_threads(self, *kinds: str) -> None:
        """These threads end as they should."""
        for kind in kinds:
            self._standing.threads.pop(kind, None)

    def clock_started(self, now: datetime) -> None:
        self._standing.ticked(now, 0)

    def ticked(self, now: datetime) -> None:
        """A tick was sent."""
        self._standing.ticked(now, 1)


class _Standing(Collector):
    """What is read off the process at each scrape."""

    def __init__(self) -> None:
        self.values: dict[str, Callable[[], float]] = {}
        self.threads: dict[str, CountedThreads] = {}
        self._lock = threading.Lock()
        self._ticks = 0
        self._ticked_at: datetime | None = None

    def describe(self) -> list[Metric]:
        """Nothing: it is not known yet."""
        return []

    def ticked(self, now: datetime, ticks: int) -> None:
        with self._lock:
            self._ticks += ticks
            self._ticked_at = now

    def collect(self) -> Iterator[Metric]:
        for name, value in dict(self.values).items():
            yield standing(name, value())
        alive, expected = family("brandq_threads"), family("brandq_threads_expected")
        for kind, counted in dict(self.threads).items():
            wanted, living = counted()
            expected.add_metric([kind], wanted)
            alive.add_metric([kind], living)
        yield from (alive, expected)
        with self._lock:
            ticks, ticked_at = self._ticks, self._ticked_at
        if ticked_at is not None:
            yield standing("brandq_clock_ticks_total", ticks)
            yield standing("brandq_clock_last_tick_timestamp_seconds", ticked_at.timestamp())


def living(threads: Collection[threading.Thread]) -> tuple[int, int]:
    """How many threads there are, and how many of them live."""
    return len(threads), sum(thread.is_alive() for thread in threads)
