"""Lanes: the way of one process to one provider, as wide as its row allows, and blocked the moment it says no.

What all workers know together stands in the table ``engine_state``, read when samples are claimed. A lane knows what
this process saw since: calls that were admitted before a no stood in that table, and have not begun, do not begin.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from brandq.providers.dialect import FAILING, OF_MODEL, OF_PROVIDER, ErrorClass, Outcome, Provider

#: A provider that says no says so at once, an answer takes seconds. So where nothing is known yet, one call goes ahead
#: and the others follow when it has ended or this much later: a wrong key then costs one call
FIRST_LOOK_S = 2.0
#: calls in a row that fail before the others are held back; the same number opens the breaker for all workers
MOST_FAILURES = 5
#: what a no concerns: one model by its name, or the whole provider
WHOLE = ""


class Slots:
    """So many calls at once; whoever has to wait for a slot gets it by urgency, then in order of arrival."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    def take_free(self) -> bool:
        """Take a slot if one is free and nobody waits for it."""
        if self._free <= 0 or self._waiting:
            return False
        self._free -= 1
        return True

    async def take(self, priority: int) -> None:
        """Take a slot, when it is this one's turn."""
        if self.take_free():
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-priority, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Lane:
    """Calls to one provider from this process. Lives on the actors' loop; times are of the monotonic clock, seconds."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = Slots(provider.concurrency)
        self._clock = clock
        self._failures = 0
        #: whether the table holds something that a success puts right
        self.troubled = False
        #: noes that this process heard and that do not stand in the table yet, by what they concern
        self._unnoted: Counter[str] = Counter()
        #: when the last no was certainly in the table
        self._noted_no_at: dict[str, float] = {}
        self._proven: set[str] = set()
        self._ahead: dict[str, asyncio.Event] = {}
        self._noted_at: dict[str, float] = {}

    def hear(self, model: str, *, proven: bool, troubled: bool) -> None:
        """What the table says. ``proven``: somebody got an answer of this model not long ago, so no call goes ahead."""
        self.troubled = troubled
        if proven:
            self._proven.add(model)

    def enter_now(self, model: str, *, admitted_at: float, start_at: float) -> bool:
        """As ``enter``, where nothing is to be waited for; False where something is."""
        if start_at > self._clock() or model not in self._proven or self._blocked_since(model, admitted_at):
            return False
        return self._slots.take_free()

    async def enter(self, model: str, *, admitted_at: float, start_at: float, priority: int = 0) -> bool:
        """Wait for the starting time and a free slot; False when what was admitted then no longer holds.

        ``admitted_at`` is a moment before the table was read. True: the caller asks now, calls ``leave`` with what came
        of it, and ``noted`` once that stands in the table.
        """
        if (early_s := start_at - self._clock()) > 0:
            await asyncio.sleep(early_s)
        followed = False
        while True:
            await self._slots.take(priority)
            if self._blocked_since(model, admitted_at):
                self._slots.give_back()
                return False
            if model in self._proven or followed:
                return True
            ahead = self._ahead.get(model)
            if ahead is None:
                self._ahead[model] = asyncio.Event()
                return True
            # not while holding a slot: the one ahead may be of another model
            self._slots.give_back()
            followed = True
            with suppress(TimeoutError):
                await asyncio.wait_for(ahead.wait(), FIRST_LOOK_S)

    def leave(self, model: str, outcome: Outcome | None) -> str | None:
        """Give the slot back; ``outcome`` None: the call was broken off. What the outcome says no for, if it does."""
        self._slots.give_back()
        said_no = None if outcome is None else self._learn(model, outcome)
        if said_no is not None:
            self._unnoted[said_no] += 1
        ahead = self._ahead.pop(model, None)
        if ahead is not None:
            ahead.set()
        return said_no

    def noted(self, said_no: str) -> None:
        """A no that ``leave`` returned stands in the table, or never will: who reads the table from now on decides."""
        self._unnoted[said_no] -= 1
        self._noted_no_at[said_no] = self._clock()

    def _learn(self, model: str, outcome: Outcome) -> str | None:
        if outcome.error is None:
            self._failures = 0
            self._proven.add(model)
            return None
        error_class = outcome.error.error_class
        if error_class in OF_PROVIDER | OF_MODEL:
            self._proven.discard(model)
        if error_class in FAILING:
            self._failures += 1
        if error_class in OF_PROVIDER or error_class == ErrorClass.RATE_LIMIT or self._failures >= MOST_FAILURES:
            self._failures = 0
            return WHOLE
        return model if error_class in OF_MODEL else None

    def _blocked_since(self, model: str, admitted_at: float) -> bool:
        return any(self._unnoted[no] > 0 or self._noted_no_at.get(no, -1.0) >= admitted_at for no in (WHOLE, model))

    def worth_noting(self, model: str, every_s: float) -> bool:
        """Whether a success is to be written where all see it: not each, for they would queue for one row."""
        now = self._clock()
        if now - self._noted_at.get(model, -every_s) < every_s:
            return False
        self._noted_at[model] = now
        return True
