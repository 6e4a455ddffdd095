"""How a process reaches its queues: RabbitMQ or the embedded broker behind one function, and the worker on top.

RabbitMQ is transport and priority order; the tables are the truth. What dramatiq leaves open is closed here: publisher
confirms, timeouts on every wait, a consumer that ignores what it should not acknowledge, a prefetch that keeps
priorities effective, and connections that are released when a thread no longer needs them.

Connections of one process: two per consumed queue (the queue and its delay queue), one for the publishing thread, and
for moments only one of a thread that declares a queue or sends a message back for another try.
"""

from __future__ import annotations

import logging
import math
import os
import re
import socket
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import dramatiq
import pika
import pika.exceptions
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer
from dramatiq.common import dq_name, xq_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware
from dramatiq.worker import ConsumerThread, Worker, WorkerThread, _WorkerMiddleware
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from brandq import __version__, logs
from brandq.actors.declare import MAX_PRIORITY, QUEUES
from brandq.actors.embedded import EmbeddedBroker
from brandq.actors.fitting import Unfit, functions_of, read_message, require_fit, safe_name
from brandq.actors.meters import Meters
from brandq.actors.middleware import RollCall, count_refused, facts_of, house_middleware
from brandq.actors.tls import secured, why
from brandq.errors import BadSettings, BrandqError

logger = logging.getLogger(__name__)

#: delayed messages that one process holds in memory, unacknowledged, until they are due. Must exceed what falls due
#: in the second between two looks; dramatiq's default is a thousand for each thread.
DELAY_PREFETCH = 256
#: how pika waits, where the URL does not say otherwise
CONNECTION = {
    #: seconds; the server drops a silent peer after two. Must exceed the longest that a consumer's loop may be busy
    "heartbeat": 60,
    #: seconds that a server out of memory or disk may keep a publisher waiting; pika's default is for ever
    "blocked_connection_timeout": 30.0,
    #: three tries two seconds apart: with dramatiq's six tries per message that bridges a restart of 20 s or so
    "connection_attempts": 3,
    "retry_delay": 2.0,
    #: seconds for TCP, and for TCP, TLS and AMQP together; the second must exceed the first
    "socket_timeout": 5.0,
    "stack_timeout": 10.0,
}
#: for a look at the queues by somebody who waits for it. A server that stops answering in the middle is noticed by its
#: missing heartbeats: pika looks for them every 7 s then, so no look takes longer than some 15 s
LOOK_CONNECTION = {"connection_attempts": 1, "socket_timeout": 2.0, "stack_timeout": 3.0, "heartbeat": 2}
#: seconds after which dramatiq's next try at publishing a message is not made any more. Must exceed three tries to
#: connect, and be less than blocked_connection_timeout: a server with an alarm costs one of these, not six
ENQUEUE_S = 25.0
#: the queue whose messages wait for minutes; in a process that serves others too it gets at most half of the threads
SLOW_QUEUE = "brandq.fetch"
#: dramatiq's property; mypy knows only what it gives
_CONNECTION: Any = RabbitmqBroker.connection
_CHANNEL: Any = RabbitmqBroker.channel


def _is_news(record: logging.LogRecord) -> bool:
    """Of what pika warns of, not that there is no such queue: whoever asks makes it then, or says so."""
    code = record.args[0] if isinstance(record.args, tuple) and record.args else None
    return not (isinstance(code, int) and code == 404)


logging.getLogger("pika.channel").addFilter(_is_news)


class BrokerUnreachable(BrandqError):
    """RabbitMQ does not answer, or not to this user. What is open waits in the tables; check BRANDQ_BROKER_URL."""


@dataclass(frozen=True)
class QueueDepth:
    """How many messages a queue holds that no worker holds.

    On RabbitMQ ``delayed`` counts only what exceeds the workers' DELAY_PREFETCH: the delayed messages that a worker
    holds until they are due are invisible to a passive declare. ``consumers`` is None where nobody can tell.
    """

    ready: int
    delayed: int
    dead: int
    consumers: int | None


class SafeConsumer(_RabbitmqConsumer):
    """Delivers only what this process can work on, and settles only what it delivered itself.

    What cannot be worked on goes to the dead letters at once, see ``fitting``.

    Delivery tags start at 1 on every connection, and dramatiq acknowledges through the consumer of the moment. An actor
    that outlives a reconnect would thus acknowledge another message with the same tag, which is then lost if its worker
    dies. A stale acknowledgement is ignored instead: RabbitMQ has already put that message back.
    """

    def __init__(self, broker: RabbitBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        try:
            super().__init__(broker, queue_name, prefetch, timeout)
        except (ConnectionClosed, AMQPConnectorException, OSError) as error:
            # TLS that fails is an OSError, for which dramatiq would log a traceback and no word of what to do.
            met = error.args[0] if isinstance(error, ConnectionClosed) else error
            raise ConnectionClosed(why(met, over_tls=broker.over_tls)) from None
        # in place of dramatiq's, which asks nothing of the server until its first delivery is wanted: this one has a
        # tag that says in the management UI who consumes
        deliveries = self.channel.consume(
            queue_name, inactivity_timeout=timeout / 1000, consumer_tag=f"{broker.role} {whereabouts()}"
        )
        self.iterator = self._usable(deliveries)

    def __next__(self) -> MessageProxy | None:
        message: MessageProxy | None = super().__next__()
        if message is None:
            self.broker.keep_alive()
        else:
            message.__dict__["delivered_by"] = self
        return message

    def ack(self, message: MessageProxy) -> None:
        if self._delivered(message):
            super().ack(message)

    def nack(self, message: MessageProxy) -> None:
        if self._delivered(message):
            super().nack(message)

    def _usable(self, deliveries: Iterator[tuple[Any, Any, bytes]]) -> Iterator[tuple[Any, Any, bytes | None]]:
        """The deliveries; in place of one that cannot be worked on, which is dead-lettered, none."""
        for method, properties, body in deliveries:
            message = None
            try:
                if method is not None:
                    message = read_message(body)
                    require_fit(message, self.queue_name, functions_of(self.broker))
                yield method, properties, body
            except Unfit as unfit:
                name = safe_name(message.message_id) if message is not None else None
                with logs.about(queue=self.queue_name, message_id=name):
                    logger.error("dead letter from %s (%s): %s", self.queue_name, name or "no id", unfit)
                self._nack(method.delivery_tag)
                count_refused(self.broker, self.queue_name)
                yield None, None, None

    def _delivered(self, message: MessageProxy) -> bool:
        if message.__dict__.get("delivered_by") is self:
            return True
        with logs.about(**facts_of(message)):
            logger.warning(
                "%s (%s) ended after a reconnect; it was given out again", message.actor_name, message.message_id
            )
        return False


class _Labelling:
    """A channel that puts what RabbitMQ itself shows of a message into its properties; dramatiq sets none of these.

    With ``timestamp`` RabbitMQ's own metrics tell the age of a queue's oldest message.
    """

    def __init__(self, channel: Any, state: threading.local) -> None:
        self._channel = channel
        self._state = state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def basic_publish(
        self, exchange: str, routing_key: str, body: bytes, properties: Any = None, mandatory: bool = False
    ) -> None:
        message = getattr(self._state, "sending", None)
        if message is not None and properties is not None:
            properties.message_id = message.message_id
            properties.type = message.actor_name
            properties.timestamp = message.message_timestamp // 1000
            properties.app_id = f"brandq {__version__}"
        self._channel.basic_publish(exchange, routing_key, body, properties, mandatory)


class _OwnConnections(Middleware):
    """Every thread of a worker that ends closes the connection on which it published; nobody else may."""

    def before_consumer_thread_shutdown(self, broker: dramatiq.Broker, thread: ConsumerThread) -> None:
        if isinstance(broker, RabbitBroker):
            broker.release_connection()


class RabbitBroker(RabbitmqBroker):
    """Dramatiq's broker with confirms, priorities, our consumer, our prefetch and named connections."""

    def __init__(
        self, url: str, *, role: str, threads: int, middleware: list[Middleware] | None = None, ca: str | None = None
    ) -> None:
        super().__init__(confirm_delivery=True, max_priority=MAX_PRIORITY, middleware=middleware)
        self.add_middleware(_OwnConnections())
        #: what this process is, for connections and consumers
        self.role = role
        self.parameters = [_parameters(part, role, ca) for part in _parts(url)]
        #: no queue gets more than this at once, until ``run_worker`` says how the queues share the threads
        self.threads = threads
        self.shares: dict[str, int] = {}
        self.enqueue_s = ENQUEUE_S

    @property
    def connection(self) -> Any:
        """This thread's connection. AMQPConnectionError in words, also from a server that says nothing or fails at TLS.

        Of those pika makes errors that are none of its own, and dramatiq would not try again.
        """
        try:
            return _CONNECTION.fget(self)
        except (pika.exceptions.AMQPConnectionError, AMQPConnectorException, OSError) as error:
            raise pika.exceptions.AMQPConnectionError(why(error, over_tls=self.over_tls)) from error

    @connection.deleter
    def connection(self) -> None:
        _CONNECTION.fdel(self)

    @property
    def over_tls(self) -> bool:
        """Whether the last of its servers, whose trouble pika tells, is spoken to over TLS."""
        return self.parameters[-1].ssl_options is not None

    @property
    def channel(self) -> Any:
        """This thread's channel, which says in the properties of each message what it is."""
        return _Labelling(_CHANNEL.fget(self), self.state)

    @channel.deleter
    def channel(self) -> None:
        _CHANNEL.fdel(self)

    @property
    def consumer_class(self) -> type[SafeConsumer]:
        return SafeConsumer

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer that RabbitMQ gives at most this queue's share of the threads; ``prefetch`` is not asked.

        Dramatiq's default, two per thread and queue, lets as many messages wait inside the process, where nothing can
        overtake them; one per queue, the popular cure, leaves one thread working.
        """
        share = DELAY_PREFETCH if queue_name == dq_name(queue_name) else self.shares.get(queue_name, self.threads)
        try:
            return super().consume(queue_name, share, timeout)
        finally:
            # Declaring took a connection of this thread's own, which it may never need again.
            self.release_connection()

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Published and confirmed, or ConnectionClosed; whoever calls this waits that long.

        Some 25 s where nobody answers, and blocked_connection_timeout where the server takes nothing for want of memory
        or disk.
        """
        self.state.give_up_at = time.monotonic() + self.enqueue_s
        self.state.sending = message
        try:
            return super().enqueue(message, delay=delay)
        finally:
            del self.state.give_up_at, self.state.sending
            if isinstance(threading.current_thread(), WorkerThread):
                # A worker thread sends only what failed, once a minute or less; between two of those the server would
                # drop its connection for missing heartbeats.
                self.release_connection()

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """As dramatiq does; and, being the first thing of each of its six tries to publish, the end of trying."""
        if ensure and time.monotonic() >= getattr(self.state, "give_up_at", math.inf):
            raise ConnectionClosed(TimeoutError("the server did not take the message in time"))
        super().declare_queue(queue_name, ensure=ensure)

    def _declare_queue(self, queue_name: str) -> Any:
        return self._find_or_make(queue_name, super()._declare_queue)

    def _declare_dq_queue(self, queue_name: str) -> Any:
        return self._find_or_make(
            dq_name(queue_name), lambda _: super(RabbitBroker, self)._declare_dq_queue(queue_name)
        )

    def _declare_xq_queue(self, queue_name: str) -> Any:
        return self._find_or_make(
            xq_name(queue_name), lambda _: super(RabbitBroker, self)._declare_xq_queue(queue_name)
        )

    def _find_or_make(self, name: str, make: Callable[[str], Any]) -> Any:
        """Declare a queue that is not there. One that is there is taken as it is, which needs no right to make it.

        RabbitMQ has one right for making a queue and for deleting it; whoever works in production has neither.
        """
        try:
            return self.channel.queue_declare(name, passive=True)
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code != 404:
                raise
            # the server closed the channel to say so
            del self.channel
        try:
            return make(name)
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code == 403:
                logger.error(
                    "there is no queue %s, and this user may not make it: import deploy/rabbitmq/definitions.json", name
                )
            raise

    def keep_alive(self) -> None:
        """Answer heartbeats on this thread's publishing connection, if it has one; nobody else does."""
        connection = getattr(self.state, "connection", None)
        if connection is None:
            return
        try:
            connection.process_data_events(0)
        except (pika.exceptions.AMQPError, OSError, AssertionError):
            # The last is pika's own way of meeting what a dying connection sends.
            self.release_connection()

    def release_connection(self) -> None:
        """Close this thread's publishing connection; the next enqueue opens another. A thread that ends calls this."""
        del self.connection

    def close(self) -> None:
        """Close this thread's connection. Every other thread closes its own when it ends.

        One that has not ended is still being kept waiting by a server that takes nothing, and so would whoever closed
        its connection for it; that one is closed with the process.
        """
        self._ignore_pika_logs()
        self.release_connection()


def open_broker(
    url: str | None,
    *,
    role: str,
    threads: int,
    grace_s: float,
    middleware: list[Middleware] | None = None,
    meters: Meters | None = None,
    ca: str | None = None,
) -> dramatiq.Broker:
    """A broker for this URL that has not connected yet: RabbitMQ for amqp(s)://, embedded for None or "embedded".

    ``role`` (web, fetch, clock ...) names its connections in the management UI. ``grace_s`` is what actors have to
    finish when the worker stops; ``meters`` counts its messages. ``ca``: certificates (PEM) that alone count for
    amqps://; None: those that this system trusts. BadSettings if the URL cannot be one, or ``ca`` is no certificate.
    """
    chosen = house_middleware(grace_s, meters or Meters(role)) if middleware is None else middleware
    if url is None or url == "embedded":
        return EmbeddedBroker(threads=threads, max_priority=MAX_PRIORITY, middleware=chosen)
    return RabbitBroker(url, role=role, threads=threads, middleware=chosen, ca=ca)


def shares(queues: Collection[str], threads: int) -> dict[str, int]:
    """How many messages of each queue a process may hold at once: together no more than its threads.

    So nothing waits inside the process, where no priority could overtake it, and no queue starves another. A queue
    alone gets everything; of several each gets at least one, brandq.fetch up to half, the others the rest evenly.
    """
    ordered = sorted(queues, key=lambda name: (list(QUEUES).index(name) if name in QUEUES else len(QUEUES), name))
    if len(ordered) == 1:
        return {ordered[0]: threads}
    given = dict.fromkeys(ordered, 1)
    spare = threads - len(ordered)
    if SLOW_QUEUE in given:
        extra = max(0, min(threads // 2 - 1, spare))
        given[SLOW_QUEUE] += extra
        spare -= extra
    others = [name for name in ordered if name != SLOW_QUEUE]
    for turn in range(max(0, spare)):
        given[others[turn % len(others)]] += 1
    return given


#: brokers that were told that their process runs, which must happen once: TimeLimit starts its thread then
_booted: weakref.WeakSet[dramatiq.Broker] = weakref.WeakSet()


def run_worker(broker: dramatiq.Broker, queues: Collection[str], threads: int, worker_timeout_ms: int = 1000) -> Worker:
    """Start consuming these queues in this process, and return at once; one worker per process, its loop is global.

    Every queue gets at least one thread, so fewer ``threads`` than queues are raised to that. ``worker_timeout_ms`` is
    how long an idle thread sleeps before it looks whether it should stop. ValueError for a queue that no bound actor
    uses. The process ends with status 3 if the loop or the desk does not open.
    """
    unknown = set(queues) - broker.get_declared_queues()
    if unknown or not queues:
        raise ValueError(f"no actor of this process uses the queues {sorted(unknown)}")
    threads = max(threads, len(queues))
    if isinstance(broker, RabbitBroker | EmbeddedBroker):
        broker.shares = shares(queues, threads)
    if broker not in _booted:
        _booted.add(broker)
        # Only dramatiq's own command line says this, and without it no time limit ever fires.
        broker.emit_after("process_boot")
    worker = Worker(broker, queues=set(queues), worker_timeout=worker_timeout_ms, worker_threads=threads)
    worker.start()
    return worker


def stop_worker(worker: Worker, timeout_ms: int) -> None:
    """Finish what runs, give back what waits, close the loop. ``timeout_ms`` must exceed the drain's grace by seconds.

    Twice the timeout is the longest this takes: once for the threads that work, once for those that consume. The
    process ends with status 3 where it stops because a thread of the worker had died.
    """
    worker.stop(timeout=timeout_ms)
    # Dramatiq leaves its hook in the broker, where it would start consumers for a worker that is gone.
    worker.broker.middleware[:] = [
        middleware
        for middleware in worker.broker.middleware
        if not (isinstance(middleware, _WorkerMiddleware) and middleware.worker is worker)
    ]
    if any(isinstance(middleware, RollCall) and middleware.missing for middleware in worker.broker.middleware):
        raise SystemExit(3)


def is_attached(consumer: ConsumerThread) -> bool:
    """Whether this thread's queue gives it messages now: not before its first connection, nor after its last was lost.

    It reads what the thread knows and asks nobody; a connection that broke is noticed within the worker's timeout.
    """
    if isinstance(consumer.consumer, SafeConsumer):
        return bool(consumer.consumer.channel.is_open)
    return consumer.consumer is not None


def queue_depths(broker: dramatiq.Broker) -> dict[str, QueueDepth]:
    """Every declared queue's depth, zeros for one that the server does not have yet; BrokerUnreachable within seconds.

    A health check may call this: it waits neither for the publisher nor for consumers.
    """
    names = sorted(broker.get_declared_queues())
    if isinstance(broker, EmbeddedBroker):
        return {
            name: QueueDepth(*broker.get_queue_message_counts(name), consumers=broker.consumer_count(name))
            for name in names
        }
    with _looking(broker) as connection:
        depths = {}
        for name in names:
            ready, consumers = _count(connection, name)
            delayed, _ = _count(connection, dq_name(name))
            dead, _ = _count(connection, xq_name(name))
            depths[name] = QueueDepth(ready, delayed, dead, consumers)
        return depths


def dead_bodies(broker: dramatiq.Broker, queue_name: str, most: int) -> list[tuple[bytes, list[dict[str, Any]]]]:
    """The oldest dead letters of a queue on RabbitMQ, with what their x-death headers say; BrokerUnreachable.

    They are taken and given back in their old order, none is lost if this process dies meanwhile, and how long they are
    still kept does not change; but RabbitMQ marks them as redelivered, and while this lasts another look sees fewer.
    """
    with _looking(broker) as connection:
        channel = connection.channel()
        try:
            taken: list[tuple[bytes, list[dict[str, Any]]]] = []
            while len(taken) < most and (got := channel.basic_get(xq_name(queue_name)))[0] is not None:
                taken.append((got[2], (got[1].headers or {}).get("x-death") or []))
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code == 403:
                raise BrokerUnreachable(
                    f"RabbitMQ does not let this user read {xq_name(queue_name)}; look as the user of `brandq web`"
                ) from error
            if error.reply_code != 404:
                raise
            return []
        channel.basic_nack(0, multiple=True, requeue=True)
        # Answered by the queue itself, behind what it was given back: who counts after this counts all of them.
        channel.queue_declare(xq_name(queue_name), passive=True)
        return taken


@contextmanager
def _looking(broker: dramatiq.Broker) -> Iterator[Any]:
    """One short connection of its own, that waits neither for the publisher nor for consumers. BrokerUnreachable."""
    if not isinstance(broker, RabbitBroker):
        raise TypeError(f"{type(broker).__name__} is not a broker of open_broker")
    connection = _reached([_with(parameters, LOOK_CONNECTION) for parameters in broker.parameters])
    try:
        yield connection
    except (pika.exceptions.AMQPError, OSError) as error:
        raise BrokerUnreachable(f"RabbitMQ stopped answering ({type(error).__name__}); try again") from error
    finally:
        with suppress(pika.exceptions.AMQPError, OSError):
            connection.close()


def _reached(servers: list[Any]) -> Any:
    """A connection to the first of these servers that takes one; BrokerUnreachable says of each what is wrong."""
    faults = []
    for number, parameters in enumerate(servers, start=1):
        try:
            return pika.BlockingConnection(parameters)
        except (pika.exceptions.AMQPError, AMQPConnectorException, OSError) as error:
            last = error
            fault = why(error, over_tls=parameters.ssl_options is not None)
            faults.append(f"{number}/{len(servers)}: {fault}" if len(servers) > 1 else fault)
    raise BrokerUnreachable("; ".join(faults)) from last


def safe_url(url: str | None) -> str:
    """The broker's URL as it may be shown: every password replaced, and all of it where a part cannot be read."""
    if url is None or url == "embedded":
        return "embedded"
    return ";".join(_safe_part(part) for part in re.split(r";(?=amqps?://)", url))


def _safe_part(part: str) -> str:
    try:
        split = urlsplit(part)
        port = f":{split.port}" if split.port else ""
    except ValueError:
        return "amqp://***"
    if split.scheme not in ("amqp", "amqps") or not split.hostname:
        return "amqp://***"
    user = f"{split.username}:***@" if split.username else ""
    return f"{split.scheme}://{user}{split.hostname}{port}{split.path}"


def _parts(url: str) -> list[str]:
    """The servers of a URL, several with ``;`` between them for failover; BadSettings if one cannot be a server."""
    parts = re.split(r";(?=amqps?://)", url)
    for part in parts:
        if _safe_part(part) == "amqp://***":
            # Never the value itself: it may hold a password in a place where nobody looks for one.
            raise BadSettings(
                ["BRANDQ_BROKER_URL: neither `embedded` nor amqp(s)://user:password@host:port/vhost (encode / as %2F)"]
            )
    return parts


def _parameters(part: str, role: str, ca: str | None) -> Any:
    part, ssl_options = secured(part, ca)
    try:
        parameters = pika.URLParameters(part)
    except (ValueError, TypeError, SyntaxError) as error:
        raise BadSettings([f"BRANDQ_BROKER_URL: its part after `?` is not valid ({type(error).__name__})"]) from None
    parameters.ssl_options = ssl_options
    said = {name.partition("=")[0] for name in urlsplit(part).query.split("&")}
    named = _with(parameters, {name: value for name, value in CONNECTION.items() if name not in said})
    if "client_properties" not in said:
        named.client_properties = {"connection_name": f"brandq {role} {whereabouts()}"}
    return named


def whereabouts() -> str:
    """Host and process, as in connections, claims and what messages say of their sender."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _with(parameters: Any, changes: dict[str, Any]) -> Any:
    changed = pika.ConnectionParameters(
        **{
            name: getattr(parameters, name)
            for name in (
                "host", "port", "virtual_host", "credentials", "ssl_options", "client_properties", "tcp_options",
                "heartbeat", "blocked_connection_timeout", "connection_attempts", "retry_delay", "socket_timeout",
                "stack_timeout", "frame_max", "channel_max", "locale",
            )
        }
    )  # fmt: skip
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def _count(connection: Any, queue_name: str) -> tuple[int, int]:
    """Ready messages and consumers of one queue on the server; zeros where it does not exist."""
    channel = connection.channel()
    try:
        found = channel.queue_declare(queue_name, passive=True).method
    except pika.exceptions.ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        return 0, 0
    channel.close()
    return found.message_count, found.consumer_count
