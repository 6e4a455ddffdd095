"""An in-process broker: RabbitMQ's manners (priorities, delays, prefetch, dead letters, redelivery) without a server.

Nothing here survives the process, and nothing needs to: the tables are the truth, and the sweeps send again what they
say is open. What it must do as well as RabbitMQ is order. A higher broker_priority goes first, equal ones in the
order of arrival; a delayed message arrives when it is due; and since a queue hands out no more messages than its
share of the threads, slow fetches can neither fill the process nor keep a late but urgent message waiting behind them.

Dramatiq's own StubBroker is for its tests: no priorities, dead letters that pile up, messages lost on stop.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dramatiq
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import ConnectionClosed, QueueJoinTimeout, QueueNotFound
from dramatiq.middleware import Middleware

from brandq import logs
from brandq.actors.fitting import Unfit, functions_of, read_message, require_fit, safe_name
from brandq.actors.middleware import count_refused

logger = logging.getLogger(__name__)

#: waiting and delayed messages of one queue, about half a kilobyte each; must exceed the messages of every execution
#: open at once (32 samples each). Over it, enqueue raises and the sweep sends again later.
MAX_WAITING = 100_000
#: dead letters kept per queue, the last ones; what they say is in the tables too
MAX_DEAD = 1_000


class QueueFull(dramatiq.BrokerError):
    """This queue holds MAX_WAITING messages. The sender drops the message: a sweep sends it again."""


@dataclass(order=True)
class _Entry:
    """One message in a queue, ordered as it will leave: high priority first, then first come first served."""

    urgency: int
    arrival: int
    body: bytes = field(compare=False)
    redelivered: bool = field(compare=False, default=False)


@dataclass(frozen=True)
class Dead:
    """A message that will not be given out any more: it failed for good, or (``unfit`` says why) was never tried.

    ``message`` is None where its ``size`` bytes are no message.
    """

    message: dramatiq.Message[Any] | None
    size: int
    died_at: datetime
    unfit: str | None = None


class _Queue:
    def __init__(self, lock: threading.Lock) -> None:
        #: wakes consumers when something arrives or is settled, and ``join`` when nothing is left
        self.changed = threading.Condition(lock)
        self.ready: list[_Entry] = []
        self.delayed: list[tuple[float, int, _Entry]] = []
        #: handed out and not settled, by tag
        self.unacked: dict[int, _Entry] = {}
        self.dead: deque[Dead] = deque(maxlen=MAX_DEAD)
        self.consumers = 0


class EmbeddedBroker(dramatiq.Broker):
    """Queues in this process's memory, for one worker in the same process. Threads may share it freely."""

    def __init__(
        self,
        *,
        threads: int,
        max_priority: int,
        middleware: list[Middleware] | None = None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        super().__init__(middleware=middleware)
        self.max_priority = max_priority
        self.max_waiting = max_waiting
        #: no queue hands out more than this at once, until ``run_worker`` says how the queues share the threads
        self.threads = threads
        self.shares: dict[str, int] = {}
        self.queues: dict[str, _Queue] = {}
        self.closed = False
        self._lock = threading.Lock()
        #: arrivals and delivery tags: never the same number twice, so a stale tag settles nothing
        self._numbers = itertools.count(1)

    def declare_queue(self, queue_name: str) -> None:
        """Known at once and for good. A delay queue is not needed: what is not due yet stays inside its queue."""
        if queue_name in self.queues:
            return
        self.emit_before("declare_queue", queue_name)
        self.queues[queue_name] = _Queue(self._lock)
        self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Put it where its priority belongs, now or in ``delay`` ms. QueueNotFound, QueueFull or ConnectionClosed."""
        queue = self._queue(message.queue_name)
        self.emit_before("enqueue", message, delay)
        body = message.encode()
        # As RabbitMQ reads it: none is the lowest, more than the highest is the highest.
        priority = min(message.options.get("broker_priority") or 0, self.max_priority)
        with self._lock:
            if self.closed:
                raise ConnectionClosed(RuntimeError("the broker is closed"))
            if len(queue.ready) + len(queue.delayed) >= self.max_waiting:
                raise QueueFull(f"{message.queue_name} holds {self.max_waiting} messages")
            entry = _Entry(-priority, next(self._numbers), body)
            if delay is not None and delay > 0:
                heapq.heappush(queue.delayed, (time.monotonic() + delay / 1000, entry.arrival, entry))
            else:
                heapq.heappush(queue.ready, entry)
            queue.changed.notify_all()
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> Consumer:
        """A consumer that holds at most this queue's share of the threads; dramatiq's ``prefetch`` is not asked."""
        share = self.shares.get(queue_name, self.threads)
        return EmbeddedConsumer(self, queue_name, self._queue(queue_name), share, timeout)

    def flush(self, queue_name: str) -> None:
        """Drop what waits, what is delayed and the dead letters; what a worker holds stays with it."""
        queue = self._queue(queue_name)
        with self._lock:
            queue.ready.clear()
            queue.delayed.clear()
            queue.dead.clear()
            queue.changed.notify_all()

    def flush_all(self) -> None:
        for queue_name in self.get_declared_queues():
            self.flush(queue_name)

    def join(self, queue_name: str, *, timeout: int | None = None) -> None:
        """Return once nothing waits, is delayed or is held; QueueJoinTimeout after ``timeout`` ms."""
        queue = self._queue(queue_name)
        with self._lock:
            if not queue.changed.wait_for(
                lambda: not (queue.ready or queue.delayed or queue.unacked),
                timeout=None if timeout is None else timeout / 1000,
            ):
                raise QueueJoinTimeout(queue_name)

    def close(self) -> None:
        """Consumers end at once; whatever was left is forgotten, as the tables remember it."""
        with self._lock:
            self.closed = True
            for queue in self.queues.values():
                queue.changed.notify_all()

    def get_queue_message_counts(self, queue_name: str) -> tuple[int, int, int]:
        """Waiting, delayed and dead messages, by the name that RabbitmqBroker has for it."""
        queue = self._queue(queue_name)
        with self._lock:
            self.move_due(queue)
            return len(queue.ready), len(queue.delayed), len(queue.dead)

    def consumer_count(self, queue_name: str) -> int:
        return self._queue(queue_name).consumers

    def dead(self, queue_name: str) -> list[Dead]:
        """The last MAX_DEAD dead letters, oldest first; one that failed has a short ``traceback`` option."""
        queue = self._queue(queue_name)
        with self._lock:
            return list(queue.dead)

    def _queue(self, queue_name: str) -> _Queue:
        try:
            return self.queues[queue_name]
        except KeyError:
            raise QueueNotFound(queue_name) from None

    def next_number(self) -> int:
        return next(self._numbers)

    def move_due(self, queue: _Queue) -> float:
        """Move what is due behind its equals, as if it arrived now; when the next one is due, or infinity.

        The caller holds the lock.
        """
        while queue.delayed and queue.delayed[0][0] <= time.monotonic():
            _, _, entry = heapq.heappop(queue.delayed)
            entry.arrival = next(self._numbers)
            heapq.heappush(queue.ready, entry)
        return queue.delayed[0][0] if queue.delayed else math.inf


class EmbeddedConsumer(Consumer):
    """Hands out messages in order, as long as fewer than ``prefetch`` of them are unsettled."""

    def __init__(self, broker: EmbeddedBroker, queue_name: str, queue: _Queue, prefetch: int, timeout_ms: int) -> None:
        if broker.closed:
            raise ConnectionClosed(RuntimeError("the broker is closed"))
        self.broker = broker
        self.queue_name = queue_name
        self.queue = queue
        self.prefetch = prefetch
        self.timeout_s = timeout_ms / 1000
        self.held: set[int] = set()
        self.open = True
        with queue.changed:
            queue.consumers += 1

    def __next__(self) -> MessageProxy | None:
        deadline = time.monotonic() + self.timeout_s
        with self.queue.changed:
            while not self.broker.closed:
                next_due = self.broker.move_due(self.queue)
                if self.queue.ready and len(self.held) < self.prefetch:
                    entry = heapq.heappop(self.queue.ready)
                    message = self._usable(entry)
                    if message is None:
                        continue
                    tag = self.broker.next_number()
                    self.queue.unacked[tag] = entry
                    self.held.add(tag)
                    return EmbeddedMessage(tag, message, redelivered=entry.redelivered)
                now = time.monotonic()
                if now >= deadline:
                    return None  # the consumer thread looks whether it should stop, and comes back
                self.queue.changed.wait(min(deadline, next_due) - now)
        raise StopIteration

    def ack(self, message: MessageProxy) -> None:
        with self.queue.changed:
            self._settle(message)

    def nack(self, message: MessageProxy) -> None:
        with self.queue.changed:
            entry = self.queue.unacked.get(message._tag)
            if self._settle(message) and entry is not None:
                self.queue.dead.append(Dead(message._message, len(entry.body), datetime.now(UTC)))

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Back to their old places in the order, marked as redelivered."""
        with self.queue.changed:
            for message in messages:
                self._give_back(message._tag)

    def close(self) -> None:
        """Give back everything held, as RabbitMQ does when a connection ends; a later ack of it settles nothing."""
        with self.queue.changed:
            if self.open:
                self.open = False
                self.queue.consumers -= 1
            for tag in list(self.held):
                self._give_back(tag)

    def _usable(self, entry: _Entry) -> dramatiq.Message[Any] | None:
        """The message to give out; None for one that went to the dead letters, because nobody here can work on it."""
        message = None
        try:
            message = read_message(entry.body)
            require_fit(message, self.queue_name, functions_of(self.broker))
            return message
        except Unfit as unfit:
            name = safe_name(message.message_id) if message is not None else None
            with logs.about(queue=self.queue_name, message_id=name):
                logger.error("dead letter from %s (%s): %s", self.queue_name, name or "no id", unfit)
            self.queue.dead.append(Dead(message, len(entry.body), datetime.now(UTC), str(unfit)))
            count_refused(self.broker, self.queue_name)
            self.queue.changed.notify_all()
            return None

    def _settle(self, message: MessageProxy) -> bool:
        """Forget one that this consumer holds; False for a stale one, which belongs to somebody else by now."""
        if message._tag not in self.held:
            return False
        self.held.remove(message._tag)
        del self.queue.unacked[message._tag]
        self.queue.changed.notify_all()
        return True

    def _give_back(self, tag: int) -> None:
        if tag in self.held:
            self.held.remove(tag)
            entry = self.queue.unacked.pop(tag)
            entry.redelivered = True
            heapq.heappush(self.queue.ready, entry)
            self.queue.changed.notify_all()


class EmbeddedMessage(MessageProxy):
    """A delivery: the message, its tag, and whether somebody held it before."""

    def __init__(self, tag: int, message: dramatiq.Message[Any], *, redelivered: bool) -> None:
        super().__init__(message)
        self._tag = tag
        self.redelivered = redelivered
