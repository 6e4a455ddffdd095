"""The one thread of a process that publishes: nobody else ever waits for the broker.

Callers commit, send and go on; a message that could not be sent is found by the sweep named in upkeep.py, which is why
a lost send is a log line and a count, never an exception. One thread, because dramatiq opens a connection for every
thread that publishes and never closes it, and a web server's threads come and go.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from concurrent.futures import Future
from typing import Any

import dramatiq
import pika.exceptions

from brandq import logs
from brandq.actors.broker import RabbitBroker
from brandq.actors.middleware import MAX_DELAY_MS, brief, facts_of

logger = logging.getLogger(__name__)

#: messages waiting to be published; must exceed one execution's (20 prompts x 20 repeats x 10 engines in batches of 32
#: is 125). Over it the broker is down, and the tables remember better than this process.
BACKLOG = 10_000
#: after a failure everything fails at once for so long: a broker that is down costs each try some 20 s, and a backlog
#: tried one by one would hold up the first messages after its return. Must be less than the minute between two sweeps.
PAUSE_S = 5.0
#: an idle connection is looked after this often; must be less than half the heartbeat
IDLE_S = 20.0

_Waiting = tuple[int, int, dramatiq.Message[Any], int | None, "Future[bool]"]


class Publisher:
    """Sends messages in order of priority from its own thread, which starts at the first send."""

    def __init__(self, broker: dramatiq.Broker, *, backlog: int = BACKLOG) -> None:
        self.broker = broker
        self.backlog = backlog
        #: sends given up since the process started, for the log, for /metrics and for tests
        self.lost = 0
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._arrivals = itertools.count()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._paused_until = 0.0

    def send(self, message: dramatiq.Message[Any], delay_ms: int | None = None) -> Future[bool]:
        """Have this message published soon. The future says later whether it was; nobody has to look at it.

        ValueError over 15 minutes (MAX_DELAY_MS): a worker would have to hold the message for longer than RabbitMQ
        allows, traps 3 and 15. Such a wait is ``next_attempt_at`` in the table.
        """
        if delay_ms is not None and delay_ms > MAX_DELAY_MS:
            raise ValueError(
                f"a delay of {delay_ms} ms is over {MAX_DELAY_MS}: keep it in the table, the sweep sends it"
            )
        sent: Future[bool] = Future()
        with self._changed:
            full = len(self._waiting) >= self.backlog
            if not full and not self._closing:
                urgency = -(message.options.get("broker_priority") or 0)
                heapq.heappush(self._waiting, (urgency, next(self._arrivals), message, delay_ms, sent))
                if self._thread is None:
                    # A daemon: a process that must end does not wait for a broker that does not answer.
                    self._thread = threading.Thread(target=self._publish_all, name="brandq-publisher", daemon=True)
                    self._thread.start()
                self._changed.notify()
                return sent
        self._lose(message, sent, "the backlog is full" if full else "the process is ending")
        return sent

    @property
    def backlog_now(self) -> int:
        """Messages that wait to be published."""
        return len(self._waiting)

    def threads(self) -> tuple[int, int]:
        """How many threads there should be, and how many live: none before the first send, none once it is closed."""
        with self._changed:
            expected = self._thread is not None and not self._closing
            return int(expected), int(expected and self._thread is not None and self._thread.is_alive())

    def close(self, timeout_s: float) -> None:
        """Publish what waits, for at most ``timeout_s``; what is left then is counted as lost. Later sends are lost."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)
        with self._changed:
            left, self._waiting = self._waiting, []
        for _, _, message, _, sent in left:
            self._lose(message, sent, "the process is ending")

    def _publish_all(self) -> None:
        while (waiting := self._next()) is not None:
            _, _, message, delay_ms, sent = waiting
            if time.monotonic() < self._paused_until:
                self._lose(message, sent, "the broker did not answer a moment ago")
                continue
            try:
                self.broker.enqueue(message, delay=delay_ms)
            except (dramatiq.DramatiqError, pika.exceptions.AMQPError, OSError) as error:
                self._paused_until = time.monotonic() + PAUSE_S
                self._lose(message, sent, f"the broker does not take it ({type(error).__name__})")
            except Exception:
                # Our bug, and seen as one; but the messages behind it did nothing wrong.
                with logs.about(**facts_of(message)):
                    logger.exception("publishing %s failed", brief(message))
                self._lose(message, sent, "publishing it raised")
            else:
                sent.set_result(True)
        if isinstance(self.broker, RabbitBroker):
            self.broker.release_connection()

    def _next(self) -> _Waiting | None:
        """The most urgent message; None once closing and nothing is left. Keeps the idle connection alive."""
        while True:
            with self._changed:
                if not self._waiting and not self._closing:
                    self._changed.wait(IDLE_S)
                if self._waiting:
                    return heapq.heappop(self._waiting)
                if self._closing:
                    return None
            if isinstance(self.broker, RabbitBroker):
                self.broker.keep_alive()

    def _lose(self, message: dramatiq.Message[Any], sent: Future[bool], reason: str) -> None:
        with self._changed:
            self.lost += 1
        with logs.about(**facts_of(message)):
            logger.warning("lost %s (%s): %s; its sweep will send it again", brief(message), message.message_id, reason)
        sent.set_result(False)
