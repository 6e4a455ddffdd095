"""Lanes: the way of one process to one provider, as wide as its row allows, and blocked the moment it says no.

What all workers know together stands in the table ``engine_state``, read when samples are claimed. A lane knows what
this process saw since: calls that were admitted before a no, and have not begun, do not begin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from brandq.providers.dialect import FAILING, OF_MODEL, OF_PROVIDER, ErrorClass, Outcome, Provider

#: A provider that says no says so at once, an answer takes seconds. So where nothing is known yet, one call goes ahead
#: and the others follow when it has ended or this much later: a wrong key then costs one call
FIRST_LOOK_S = 2.0
#: calls in a row that fail before the others are held back; the same number opens the breaker for all workers
MOST_FAILURES = 5


class Lane:
    """Calls to one provider from this process. Lives on the actors' loop; times are of the monotonic clock, seconds."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = asyncio.Semaphore(provider.concurrency)
        self._clock = clock
        self._failures = 0
        #: whether the table holds something that a success puts right
        self.troubled = False
        #: when the provider (None) or one of its models last said no
        self._blocked_at: dict[str | None, float] = {}
        self._proven: set[str] = set()
        self._ahead: dict[str, asyncio.Event] = {}
        self._noted_at: dict[str, float] = {}

    def hear(self, model: str, *, proven: bool, troubled: bool) -> None:
        """What the table says. ``proven``: somebody got an answer of this model not long ago, so no call goes ahead."""
        self.troubled = troubled
        if proven:
            self._proven.add(model)

    async def enter(self, model: str, *, admitted_at: float, start_at: float) -> bool:
        """Wait for the starting time and a free slot; False when what was admitted then no longer holds.

        True: the caller asks now, and calls ``leave`` with what came of it.
        """
        await asyncio.sleep(max(0.0, start_at - self._clock()))
        followed = False
        while True:
            await self._slots.acquire()
            if self._blocked_since(model, admitted_at):
                self._slots.release()
                return False
            if model in self._proven or followed:
                return True
            ahead = self._ahead.get(model)
            if ahead is None:
                self._ahead[model] = asyncio.Event()
                return True
            # not while holding a slot: the one ahead may be of another model
            self._slots.release()
            followed = True
            with suppress(TimeoutError):
                await asyncio.wait_for(ahead.wait(), FIRST_LOOK_S)

    def leave(self, model: str, outcome: Outcome | None) -> None:
        """Give the slot back; ``outcome`` None: the call was broken off."""
        self._slots.release()
        if outcome is not None:
            self._learn(model, outcome)
        ahead = self._ahead.pop(model, None)
        if ahead is not None:
            ahead.set()

    def _learn(self, model: str, outcome: Outcome) -> None:
        if outcome.error is None:
            self._failures = 0
            self._proven.add(model)
            return
        error_class = outcome.error.error_class
        if error_class in FAILING:
            self._failures += 1
        if error_class in OF_PROVIDER or error_class == ErrorClass.RATE_LIMIT or self._failures >= MOST_FAILURES:
            self._failures = 0
            self._blocked_at[None] = self._clock()
        elif error_class in OF_MODEL:
            self._blocked_at[model] = self._clock()
        if error_class in OF_PROVIDER | OF_MODEL:
            self._proven.discard(model)

    def _blocked_since(self, model: str, admitted_at: float) -> bool:
        return any(self._blocked_at.get(scope, -1.0) >= admitted_at for scope in (None, model))

    def worth_noting(self, model: str, every_s: float) -> bool:
        """Whether a success is to be written where all see it: not each, for they would queue for one row."""
        now = self._clock()
        if now - self._noted_at.get(model, -every_s) < every_s:
            return False
        self._noted_at[model] = now
        return True
