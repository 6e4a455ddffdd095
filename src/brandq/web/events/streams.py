"""The event streams of one process: bounded, fed by one watch for each execution, and ended when the process ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from brandq.actors.desk import Desk
from brandq.errors import DatabaseNotReady, TooManyRequests
from brandq.web.events.missing import Missed
from brandq.web.events.telling import KEEP_ALIVE, NOT_NOW, RETRY, Cursor
from brandq.web.events.watching import LATEST_S, Listener, Watch
from brandq.words import Words

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: seconds without anything to tell, after which a comment is sent
KEEP_ALIVE_S = 15.0
#: seconds after which a stream is ended, so that its client comes back and shows its key again
LONGEST_S = 900.0
#: seconds after which somebody whose stream was refused may come back
COME_BACK_S = 30


class Streams:
    """All streams of one application, bounded for each owner and altogether."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._watches: dict[str, Watch] = {}
        self._listeners: set[Listener] = set()
        self._closing = False
        # a database that hangs must not take every thread of the process with it
        self._threads = anyio.CapacityLimiter(max(1, desk.database.pool_size // 3))

    @property
    def open(self) -> int:
        """Streams that are open now."""
        with self._lock:
            return self._open.total()

    def admit(self, owner: str) -> None:
        """Count one more stream of this owner, which ``release`` gives back. TooManyRequests beyond a bound."""
        most, most_of_owner = self.desk.settings.max_streams, self.desk.settings.max_streams_per_owner
        with self._lock:
            theirs, of_all = self._open[owner], self._open.total()
            if theirs >= most_of_owner:
                raise TooManyRequests(
                    f"{theirs} streams of {owner} are open here, and {most_of_owner} are the most "
                    "(BRANDQ_MAX_STREAMS_PER_OWNER); close one, or ask for the status instead",
                    COME_BACK_S,
                )
            if of_all >= most:
                raise TooManyRequests(
                    f"{of_all} streams are open here, and {most} are the most (BRANDQ_MAX_STREAMS); "
                    "come back later, or ask for the status instead",
                    COME_BACK_S,
                )
            self._open[owner] += 1

    def release(self, owner: str) -> None:
        with self._lock:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]

    def close(self) -> None:
        """End every stream, now and from now on; their clients come back, to another process. On the loop."""
        self._closing = True
        for listener in self._listeners:
            listener.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._threads)

    async def listen(
        self, execution_id: str, owner: str, *, cursor: Cursor | None, last: int | None, words: Words
    ) -> AsyncGenerator[bytes]:
        """What a stream says, from its first byte to its end."""
        listener = Listener(words)
        self._listeners.add(listener)
        watch = self._watches.get(execution_id)
        if watch is None:
            watch = Watch(self.desk, execution_id, owner, self._in_thread, self._forget)
        self._watches[execution_id] = watch
        watch.add(listener)
        if self._closing:
            listener.close()
        try:
            yield RETRY
            while not await listener.joined(KEEP_ALIVE_S):
                yield KEEP_ALIVE
            if listener.standing is None or listener.let_go:
                return
            yield listener.standing.progress.written(words)
            missed = Missed(self.desk, execution_id, listener.standing, cursor=cursor, last=last)
            async for written in self._catch_up(listener, missed):
                yield written
            if listener.standing.end is None:
                async for written in self._go_on(listener):
                    yield written
            elif not listener.let_go:
                yield listener.standing.end(missed.told.cursor).written(words)
        finally:
            self._listeners.discard(listener)
            watch.remove(listener)

    async def _go_on(self, listener: Listener) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        ends_at = now() + LONGEST_S
        while now() < ends_at:
            came = await listener.next(KEEP_ALIVE_S)
            for written in came:
                yield written
            if listener.over:
                return
            if not came:
                yield KEEP_ALIVE

    def _forget(self, watch: Watch) -> None:
        if self._watches.get(watch.execution_id) is watch:
            del self._watches[watch.execution_id]

    async def _catch_up(self, listener: Listener, missed: Missed) -> AsyncIterator[bytes]:
        """What this listener missed up to where the watch stood when it joined."""
        while not listener.let_go:
            try:
                page = await self._in_thread(missed.next)
            except DatabaseNotReady as error:
                logger.info("a stream of execution %s waits for the database: %s", missed.execution_id, error)
                yield NOT_NOW
                await asyncio.sleep(LATEST_S)
                continue
            if page is None:
                return
            for event in page:
                yield event.written(listener.words)


class EventStream(StreamingResponse):
    """The response of a stream that was admitted; however it ends, its place is given back."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, owner: str, content: AsyncGenerator[bytes]) -> None:
        # a proxy in between must neither hold it back nor keep it
        super().__init__(content, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._streams = streams
        self._owner = owner
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._content.aclose()
            self._streams.release(self._owner)
