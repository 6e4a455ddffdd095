"""A desk that notes what happens to it, and a worker that is stopped whatever the test does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq
from dramatiq.worker import Worker

from brandq.actors.broker import open_broker, run_worker, stop_worker
from brandq.actors.declare import bind

#: for one event of a test; generous, because the machine may be busy
SOON_S = 20.0


class NotingDesk:
    """Stands for the real desk: every actor gets it, and it remembers what they noted, in order."""

    def __init__(self) -> None:
        self.notes: list[Any] = []
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.stopped = 0
        self.closed = 0
        self._changed = threading.Condition()

    async def open_loop(self) -> None:
        self.loops.append(asyncio.get_running_loop())

    def begin_to_stop(self) -> None:
        self.stopped += 1

    async def close_loop(self) -> None:
        self.closed += 1

    def note(self, what: Any) -> None:
        with self._changed:
            self.notes.append(what)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout_s: float = SOON_S) -> list[Any]:
        """The notes, once there are ``count`` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.notes) >= count, timeout_s), f"only {self.notes}"
            return list(self.notes)


@contextmanager
def opened(url: str, threads: int = 4, grace_s: float = 5.0) -> Iterator[dramatiq.Broker]:
    broker = open_broker(url, role="test", threads=threads, grace_s=grace_s)
    try:
        yield broker
    finally:
        broker.close()


@contextmanager
def working(
    broker: dramatiq.Broker,
    desk: NotingDesk,
    *functions: Callable[..., Any],
    threads: int = 4,
    timeout_ms: int = 10_000,
) -> Iterator[Worker]:
    """A worker for these functions' queues, quick to notice that it should stop."""
    bind(broker, desk, [fn for fn in functions if fn.__name__ not in broker.actors])
    worker = run_worker(broker, broker.get_declared_queues(), threads, worker_timeout_ms=100)
    try:
        yield worker
    finally:
        stop_worker(worker, timeout_ms)
