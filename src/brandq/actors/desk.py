"""The desk: what an actor or an endpoint works with. Opened once per process, handed in, never global."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

import dramatiq

from brandq import logs, store, tracing
from brandq.actors.about import about
from brandq.actors.broker import open_broker
from brandq.actors.declare import message
from brandq.actors.lanes import Lane
from brandq.actors.meters import Meters
from brandq.actors.middleware import MAX_DELAY_MS, execution_id_of
from brandq.actors.publisher import Publisher
from brandq.errors import BadSettings
from brandq.plan import EngineRef, Plan
from brandq.providers import HttpSession, open_session, registry
from brandq.providers.dialect import ErrorClass, Provider, ProviderError
from brandq.providers.registry import Registry
from brandq.settings import Settings
from brandq.store import Database, Transaction

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """What actors share on their loop."""

    def begin_to_stop(self) -> None: ...

    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)

#: threads that run the store for async actors; their transactions take milliseconds, so few serve hundreds of calls
STORE_THREADS = 4
#: a process must not end while a message that it owes is being confirmed; a confirm takes milliseconds
PUBLISH_GRACE_S = 5.0
#: plans kept parsed, the last ones used: they are frozen, and every message of an execution needs its plan
MOST_PLANS = 64


def open_registry(settings: Settings) -> Registry:
    """The registry with the user's rows and with the keys that the environment holds. BadSettings lists its faults."""
    rows = registry.load(settings.engines_file)
    keys: dict[str, str | None] = {}
    faults: list[str] = []
    for variable in registry.key_names(rows):
        try:
            keys[variable] = settings.key(variable)
        except BadSettings as error:
            faults += error.faults
    if faults:
        raise BadSettings(faults)
    if absent := [f"{variable}_FILE" for variable in keys if settings.lacks_key_file(variable)]:
        logger.info("no key, because the file is not there: %s", ", ".join(absent))
    logs.keep_secret(keys.values())
    return Registry(rows, keys, settings.simulate, settings.simulator_url)


class Desk:
    """Settings, database, registry, broker and publisher of one process, and the loop side of a worker.

    ``role`` names the process to the broker and the database. With a broker that is embedded, everything happens here.
    """

    def __init__(self, settings: Settings, *, role: str) -> None:
        self.settings = settings
        logs.play(role)
        # before the broker, which has a span for each message where traces are on
        tracing.start(settings, role=role)
        self.registry = open_registry(settings)
        self.database = Database(
            settings.database_url.reveal(),
            # a thread of the worker or of the web pool holds a connection for milliseconds; the store's own come on top
            pool_size=settings.threads + STORE_THREADS,
            name=f"brandq {role}",
        )
        self.meters = Meters(role, {row.name: row.model for row in self.registry.listing()})
        self.broker: dramatiq.Broker = open_broker(
            settings.broker_url.reveal(),
            role=role,
            threads=settings.threads,
            grace_s=settings.grace_s,
            meters=self.meters,
            ca=settings.broker_ca,
        )
        self.publisher = Publisher(self.broker)
        self.meters.watch("brandq_database_connections_in_use", lambda: self.database.in_use)
        self.meters.watch("brandq_database_connections_max", lambda: self.database.pool_size)
        self.meters.watch("brandq_publisher_backlog", lambda: self.publisher.backlog_now)
        self.meters.watch("brandq_sends_lost_total", lambda: self.publisher.lost)
        self.meters.watch_threads("publisher", self.publisher.threads)
        self.worker = settings.worker
        self.role = role
        self._store_threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="brandq-store")
        self._http: HttpSession | None = None
        self._lanes: dict[str, Lane] = {}
        self._on_loop: dict[type[Any], Closable] = {}
        self._watching: asyncio.Task[None] | None = None
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._plans_lock = threading.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def send(
        self,
        fn: Callable[..., Any],
        *ids: Any,
        priority: int | None = None,
        delay_s: float = 0,
        execution_id: str | None = None,
        engine: str | None = None,
    ) -> None:
        """Have an actor called with these ids. Never blocks and never fails: a lost send has its sweep.

        What must wait longer than a message may is not sent at all: its ``next_attempt_at`` stands in the table. The
        execution, where it is none of the ids, and the engine are for people who read the message in its queue.
        """
        delay_ms = round(delay_s * 1000)
        if delay_ms > MAX_DELAY_MS:
            return
        one = self.message(fn, *ids, priority=priority, execution_id=execution_id, engine=engine)
        # here, not where it is published: the publishing thread does not know on whose behalf
        span = tracing.sending(one.queue_name, one.message_id, one.options, execution_id_of(one), delay_ms)
        sent = self.publisher.send(one, delay_ms or None)
        if span is not None:
            sent.add_done_callback(span.end_when_sent)

    def message(
        self,
        fn: Callable[..., Any],
        *ids: Any,
        priority: int | None = None,
        execution_id: str | None = None,
        engine: str | None = None,
    ) -> dramatiq.Message[Any]:
        """The message that ``send`` sends, with what it says of itself."""
        said = about(fn, ids, role=self.role, worker=self.worker, execution_id=execution_id, engine=engine)
        return message(fn, *ids, priority=priority, about=said)

    def plans_of(self, db: Transaction, execution_ids: Collection[str]) -> dict[str, Plan]:
        """The plans of these executions, read at most once while they are in use; what was removed may be missing."""
        with self._plans_lock:
            known = {one: self._plans[one] for one in execution_ids if one in self._plans}
        missing = set(execution_ids) - set(known)
        read = store.plans_of(db, missing) if missing else {}
        with self._plans_lock:
            for execution_id, plan in (known | read).items():
                self._plans[execution_id] = plan
                self._plans.move_to_end(execution_id)
            while len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        return known | read

    def provider(self, engine: EngineRef) -> tuple[Provider, str | None] | ProviderError:
        """Whom to ask for an engine, and with which key; an error where this process cannot ask it."""
        try:
            return self.registry.provider(engine), self.registry.key(engine)
        except BadSettings as error:
            return ProviderError(ErrorClass.BAD_REQUEST, "; ".join(error.faults))

    def lane(self, provider: Provider, engine: EngineRef) -> Lane:
        """The way of this process to one provider, which the simulator does not share with the real one."""
        return self._lanes.setdefault(engine.scopes[0], Lane(provider))

    @property
    def http(self) -> HttpSession:
        if self._http is None:
            raise BadSettings(["the HTTP session is open only on a worker's loop"])
        return self._http

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run a transaction off the loop. It is never abandoned: a cancelled caller still waits for its commit."""
        # what its log lines and its messages are about goes with it
        future = asyncio.get_running_loop().run_in_executor(self._store_threads, copy_context().run, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def on_loop(self, kind: type[C], made: Callable[[], C]) -> C:
        """The one of its kind that all actors on the loop share; made at first need, closed with the loop."""
        if kind not in self._on_loop:
            self._on_loop[kind] = made()
        return cast(C, self._on_loop[kind])

    async def open_loop(self) -> None:
        self._http = open_session()
        self._lanes, self._on_loop = {}, {}
        self._watching = asyncio.create_task(self.meters.watch_loop())

    def begin_to_stop(self) -> None:
        """No more messages come: nothing that has not begun is to begin here."""
        for shared in self._on_loop.values():
            shared.begin_to_stop()

    async def close_loop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        for shared in self._on_loop.values():
            await shared.close()
        if self._http is not None:
            await self._http.close()
            self._http = None

    def close(self) -> None:
        """Publish what is owed and give everything back. The worker must have been stopped before."""
        self.publisher.close(PUBLISH_GRACE_S)
        self.broker.close()
        self._store_threads.shutdown()
        self.database.dispose()
        tracing.stop()
