"""The thread that writes a process's heartbeat for ``brandq probe``; what stands in it, ``heartbeat`` says.

It looks at what this process alone knows and asks neither the broker nor the database.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dramatiq.worker import Worker

from brandq import __version__, heartbeat
from brandq.actors.broker import is_attached
from brandq.actors.in_progress import Begun, InProgress
from brandq.actors.middleware import actor_loop
from brandq.actors.publisher import Publisher
from brandq.errors import BadSettings

logger = logging.getLogger(__name__)

#: between two writings; many must fit into ``heartbeat.Limits.stale_s``
EVERY_S = 2.0
#: what a process waits for until ``up`` is called
_STARTING = "its own start"

#: threads of one kind: how many there should be, and how many live
Counted = Callable[[], tuple[int, int]]


class Heart:
    """Knows how this process is, and writes it to ``path`` from the call of ``start`` on; with None, nowhere."""

    def __init__(self, path: Path | None, role: str, *, every_s: float = EVERY_S) -> None:
        self.path = path
        self.role = role
        self.every_s = every_s
        self._threads: dict[str, Counted] = {}
        self._loops: dict[str, asyncio.AbstractEventLoop] = {}
        #: by name: when it last came round, and how often it should
        self._beats: dict[str, tuple[float, float]] = {}
        self._first_due: Callable[[], Begun | None] = lambda: None
        self._waiting_for: list[Callable[[], Iterable[str]]] = []
        self._up = False
        self._stopping = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="brandq-heartbeat", daemon=True)

    # -- what is looked at

    def watch_threads(self, kind: str, counted: Counted) -> None:
        """Threads that this process needs: without one of them it is not well."""
        self._threads[kind] = counted

    def watch_loop(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        """A loop that must come round: with each writing it is asked to."""
        self.came_round(name, self.every_s)
        self._loops[name] = loop

    def came_round(self, name: str, every_s: float) -> None:
        """Something that comes round by itself did now, and should again in ``every_s``."""
        self._beats[name] = (time.monotonic(), every_s)

    def watch_messages(self, first_due: Callable[[], Begun | None]) -> None:
        self._first_due = first_due

    def wait_for(self, missing: Callable[[], Iterable[str]]) -> None:
        """This process is not ready while this gives names of what is missing."""
        self._waiting_for.append(missing)

    def up(self) -> None:
        """It has started; from now on it is ready when nothing is missing."""
        self._up = True
        self._write()

    def stopping(self) -> None:
        """It has been told to stop; threads that end from now on end as they should."""
        self._stopping = True
        self._write()

    # -- writing

    def start(self) -> None:
        """Write for the first time, and go on. BadSettings where the file cannot be written."""
        if self.path is None:
            return
        try:
            self._replace(self.path)
        except OSError as error:
            raise BadSettings(
                [f"{heartbeat.VARIABLE}: cannot write {self.path}: {error.strerror or type(error).__name__}"]
            ) from error
        self._thread.start()

    def close(self) -> None:
        """Write no more, and leave no file: a process that has ended is not well."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def told(self) -> dict[str, Any]:
        """The heartbeat as it is now."""
        due = self._first_due()
        return {
            "pid": os.getpid(),
            "started": heartbeat.started(os.getpid()),
            "role": self.role,
            "version": __version__,
            "written": time.monotonic(),
            "every_s": self.every_s,
            "stopping": self._stopping,
            "threads": {kind: list(counted()) for kind, counted in list(self._threads.items())},
            "loops": {name: {"at": at, "every_s": every_s} for name, (at, every_s) in list(self._beats.items())},
            "message": None if due is None else vars(due),
            "waiting_for": [name for missing in self._waiting_for for name in missing()] if self._up else [_STARTING],
        }

    def _beat_on(self) -> None:
        while not self._ending.wait(self.every_s):
            for name, loop in list(self._loops.items()):
                # a closed loop has ended with what ran on it, or is seen not to come round any more
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self.came_round, name, self.every_s)
            self._write()

    def _write(self) -> None:
        if self.path is None or not self._thread.is_alive():
            return
        try:
            self._replace(self.path)
        except OSError as error:
            # the probe sees a file that is old, and the process is started again; until then it works on
            logger.error("cannot write the heartbeat to %s: %s", self.path, error)

    def _replace(self, path: Path) -> None:
        """Write beside and rename, so that nobody reads half of it."""
        beside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            beside.write_text(json.dumps(self.told()), encoding="utf-8")
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


@contextmanager
def beating(path: Path | None, role: str, *, every_s: float = EVERY_S) -> Iterator[Heart]:
    """A heart that beats until the block ends."""
    heart = Heart(path, role, every_s=every_s)
    heart.start()
    try:
        yield heart
    finally:
        heart.close()


def watch_worker(heart: Heart, worker: Worker) -> None:
    """What a worker needs to be well, and, to be ready, a consumer on each of its queues."""

    def loops() -> tuple[int, int]:
        loop = actor_loop()
        return 1, int(loop is not None and loop.is_alive())

    def unattached() -> Iterator[str]:
        for name, consumer in sorted(worker.consumers.items()):
            if not is_attached(consumer):
                yield f"a consumer of {name}"

    heart.watch_threads("worker", lambda: (worker.worker_threads, _living(worker.workers)))
    heart.watch_threads("consumer", lambda: (len(worker.consumers), _living(worker.consumers.values())))
    heart.watch_threads("loop", loops)
    if (loop := actor_loop()) is not None:
        heart.watch_loop("the actors' loop", loop.loop)
    for middleware in worker.broker.middleware:
        if isinstance(middleware, InProgress):
            heart.watch_messages(middleware.first_due)
    heart.wait_for(unattached)


def watch_publisher(heart: Heart, publisher: Publisher) -> None:
    heart.watch_threads("publisher", publisher.threads)


def _living(threads: Iterable[threading.Thread]) -> int:
    return sum(thread.is_alive() for thread in threads)
