"""A watch looks at one execution for all who listen to it in this process.

It polls the tables, so it tells what any process wrote; between two looks it holds no connection. Who joins is told
where the watch stands, reads by itself what happened until then (missing.py), and is told what happens from then on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from brandq import logs, store
from brandq.actors.desk import Desk
from brandq.errors import DatabaseNotReady, NotFound
from brandq.states import SampleState
from brandq.store import Execution, Progress, following
from brandq.web.api import going, pauses_of
from brandq.web.events.telling import (
    NOT_NOW,
    Cursor,
    Event,
    Told,
    answer_event,
    end_event,
    failed_events,
    progress_event,
    read_event,
)
from brandq.web.forecast import left_of
from brandq.words import Words

logger = logging.getLogger(__name__)

#: seconds between two looks at an execution: at least, and at most, which it comes to while nothing changes
SOONEST_S, LATEST_S = 1.0, 3.0
#: a look may take no more than this part of the time, however large the execution
SHARE = 0.1
#: seconds after which the time left is told again although nothing else has changed
AFRESH_S = 30.0
#: answers that one look takes in; what is more waits for the next
MOST_AT_ONCE = 2000
#: events that wait for a listener; one for whom more would wait does not read
MOST_WAITING = 5000


@dataclass(frozen=True)
class Standing:
    """Where a watch stands as a listener joins: what it will not tell any more, so what the listener reads itself."""

    progress: Event
    answers: int
    unchained: bool
    #: when each failed sample was settled, and its id, in this order
    failures: Sequence[tuple[datetime, int]]
    end: Callable[[Cursor], Event] | None


class Listener:
    """One stream: what it is still to be told. It belongs to the loop."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.standing: Standing | None = None
        #: nothing more will come; what waits is still told
        self.over = False
        #: it is told nothing more, whatever waits: its client comes back with its cursor
        self.let_go = False
        self._waiting: deque[bytes] = deque()
        self._joined = asyncio.Event()
        self._came = asyncio.Event()

    def join(self, standing: Standing) -> None:
        """From now on it is told what happens; what happened until then it reads by itself, first."""
        self.standing = standing
        self._joined.set()

    def push(self, written: bytes) -> None:
        """Have it told. One for whom too much waits does not read, and is let go."""
        self._waiting.append(written)
        self._came.set()
        if len(self._waiting) > MOST_WAITING:
            self.close()

    def end(self, written: bytes) -> None:
        """Have it told this as the last."""
        self.push(written)
        self.over = True

    def close(self) -> None:
        """Let it go."""
        self.over = self.let_go = True
        self._waiting.clear()
        self._joined.set()
        self._came.set()

    async def joined(self, within_s: float) -> bool:
        """Whether it has joined, or is over, before so many seconds have passed."""
        return await happens(self._joined, within_s)

    async def next(self, within_s: float) -> list[bytes]:
        """What has come; empty where nothing did for so many seconds, or where it is over."""
        if await happens(self._came, within_s):
            self._came.clear()
        came = list(self._waiting)
        self._waiting.clear()
        return came


async def happens(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


@dataclass(frozen=True)
class Look:
    """What one look at an execution found. ``behind``: there is more than it took in."""

    found: Execution
    progress: Event
    changed: bool
    behind: bool


#: runs a look in a thread
InThread = Callable[[Callable[[], Look]], Awaitable[Look]]
#: is told that a watch has ended, or that nobody listens to it any more
Forget = Callable[["Watch"], None]


class Watch:
    """The looks at one execution, for as long as somebody listens to it and it has not ended.

    Everything but ``_look`` happens on the loop, and there is one look at a time.
    """

    def __init__(self, desk: Desk, execution_id: str, owner: str, in_thread: InThread, forget: Forget) -> None:
        self.desk = desk
        self.execution_id = execution_id
        self.owner = owner
        self._in_thread = in_thread
        self._forget = forget
        self._told = Told()
        #: events that ``_told`` counts and nobody was told yet: a look that fails in its middle loses none
        self._untold: list[Event] = []
        self._begun = False
        self._unchained = False
        self._failures: list[tuple[datetime, int]] = []
        self._failed: set[int] = set()
        self._going: Mapping[str, Any] = {}
        self._progress: Event | None = None
        self._latency_ms: dict[str, float] = {}
        self._joining: list[Listener] = []
        self._listening: set[Listener] = set()
        self._came = asyncio.Event()
        # it serves whoever comes, and its lines are not about the request that came first
        own = Context()
        own.run(logs.turn_to, execution_id=execution_id)
        self._looking = asyncio.create_task(self._look_on(), name=f"watch {execution_id}", context=own)
        self._looking.add_done_callback(self._stopped, context=own)

    def add(self, listener: Listener) -> None:
        """It joins at the next look: one that began before it came may know less than its cursor does."""
        self._joining.append(listener)
        self._came.set()

    def remove(self, listener: Listener) -> None:
        self._listening.discard(listener)
        if listener in self._joining:
            self._joining.remove(listener)
        if not self._listening and not self._joining:
            self._forget(self)
            self._looking.cancel()

    def _stopped(self, looking: asyncio.Task[None]) -> None:
        if not looking.cancelled() and (error := looking.exception()) is not None:
            logger.error("the watch of execution %s ended by an error", self.execution_id, exc_info=error)
        for listener in (*self._joining, *self._listening):
            if not listener.over and (listener.standing is None or listener.standing.end is None):
                listener.close()

    async def _look_on(self) -> None:
        now = asyncio.get_running_loop().time
        afresh_at, pause = now(), SOONEST_S
        try:
            while True:
                began, joining = now(), list(self._joining)
                afresh = bool(joining) or began >= afresh_at
                try:
                    look = await self._in_thread(partial(self._look, afresh))
                except DatabaseNotReady as error:
                    logger.info("the watch of execution %s waits for the database: %s", self.execution_id, error)
                    for listener in self._listening:
                        listener.push(NOT_NOW)
                    pause = LATEST_S
                else:
                    self._tell(look, joining, progress=look.changed or began >= afresh_at)
                    if look.found.ended and not look.behind:
                        return
                    if look.changed or afresh:
                        afresh_at = began + AFRESH_S
                    pause = SOONEST_S if look.changed or look.behind else min(LATEST_S, pause * 1.5)
                await self._rest(began, max(SOONEST_S, (now() - began) / SHARE), pause)
        except NotFound:
            # removed meanwhile; whoever comes back is told so
            return
        finally:
            self._forget(self)

    async def _rest(self, began: float, soonest_s: float, pause: float) -> None:
        """Wait until it is time for the next look; no longer than it must where somebody has come."""
        now = asyncio.get_running_loop().time
        self._came.clear()
        await asyncio.sleep(max(0.0, began + soonest_s - now()))
        if not self._joining:
            await happens(self._came, max(0.0, began + pause - now()))

    def _tell(self, look: Look, joining: Sequence[Listener], *, progress: bool) -> None:
        """Tell those who were there what is new. Who joins reads up to here by itself."""
        events, self._untold = self._untold, []
        if progress:
            events.append(look.progress)
        end = partial(end_event, look.found) if look.found.ended and not look.behind else None
        for listener in self._listening:
            for event in events:
                listener.push(event.written(listener.words))
            if end is not None:
                listener.end(end(self._told.cursor).written(listener.words))
        if not joining:
            return
        failures = tuple(sorted(self._failures))
        standing = Standing(look.progress, self._told.answers, self._unchained, failures, end)
        for listener in joining:
            # it may have left while the look went on
            if listener in self._joining:
                self._joining.remove(listener)
                self._listening.add(listener)
                listener.join(standing)

    # -- in a thread

    def _look(self, afresh: bool) -> Look:
        with self.desk.database.look() as db:
            found, counted = store.standing(db, self.execution_id, owner=self.owner)
            behind = self._take_in(db, counted)
        pauses = pauses_of(self.desk, found, counted)
        shown = going(self.desk, found, counted, pauses)
        changed = shown != self._going or bool(self._untold)
        if self._progress is None or changed or afresh:
            left = None if found.ended else left_of(self.desk, found, counted, pauses, self._latency_ms)
            self._progress, self._going = progress_event(shown, left), shown
        return Look(found, self._progress, changed, behind)

    def _take_in(self, db: store.Transaction, counted: Progress) -> bool:
        """What happened since the last look, and whether there is more. At the first nothing is new: all is missed."""
        told, length, by_state = self._told, counted.chain[0] if counted.chain else 0, counted.by_state
        behind = False
        if not self._begun:
            stored = by_state[SampleState.ANSWERED] + by_state[SampleState.ANALYZED]
            stored += sum(errors.get("unread", 0) for errors in counted.errors.values())
            self._unchained = stored > length
            told.unread = following.unread(db, self.execution_id) if by_state[SampleState.ANSWERED] else {}
            told.answers = length
        else:
            if told.unread:
                self._take_in_read(db)
            if told.answers < length:
                page = following.landed(db, self.execution_id, after=told.answers, upto=length, limit=MOST_AT_ONCE)
                behind = len(page) == MOST_AT_ONCE
                for answer in page:
                    told.tell_answer(answer)
                    self._untold.append(answer_event(self.execution_id, answer, told.cursor))
        if by_state[SampleState.FAILED] > len(self._failed):
            self._take_in_failed(db)
        self._begun = True
        return behind

    def _take_in_read(self, db: store.Transaction) -> None:
        for sample_id, brands in following.read_meanwhile(db, list(self._told.unread)).items():
            self._told.tell_reading(sample_id)
            if brands is not None:
                self._untold.append(read_event(sample_id, brands, self._told.cursor))

    def _take_in_failed(self, db: store.Transaction) -> None:
        new = [failure for failure in following.failures(db, self.execution_id) if failure[1] not in self._failed]
        if self._begun:
            self._untold += failed_events(db, new, self._told)
        else:
            for failure in new:
                self._told.tell_failure(failure)
        self._failures += new
        self._failed.update(sample_id for _, sample_id in new)
