"""The simulator's book: calls and when they came in, faults that are planned, and limits of pace."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from brandq.simulator.faults import spelled_faults

#: seconds in which a limit of pace counts
WINDOW_S = 60.0
#: times of calls that are kept for each model
MAX_TIMES = 10_000


@dataclass
class _Limit:
    """At most so many calls in any WINDOW_S; the times, in seconds, are of those that were let in."""

    calls: int
    times: deque[float] = field(default_factory=deque)


@dataclass
class Book:
    """Calls, coming faults and limits by model. Touched only on the server's loop. ``clock``: seconds, never back."""

    latency_ms: int
    clock: Callable[[], float] = time.monotonic
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: Counter[tuple[str, str]] = field(default_factory=Counter)
    coming: dict[str, deque[tuple[str, float | None]]] = field(default_factory=dict)
    limits: dict[str, _Limit] = field(default_factory=dict)
    started_at: dict[str, deque[float]] = field(default_factory=dict)
    in_flight: int = 0
    peak_in_flight: int = 0

    def enter(self, model: str, prompt: str) -> int:
        """Writes down that a call came in; how often this prompt was put to this model, from 1."""
        self.calls[model, prompt] += 1
        self.started_at.setdefault(model, deque(maxlen=MAX_TIMES)).append(time.time())
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        return self.calls[model, prompt]

    def limit(self, model: str, calls: int | None) -> None:
        """From now on at most so many calls of the model in any WINDOW_S; None: as many as come."""
        self.limits.pop(model, None)
        if calls is not None:
            self.limits[model] = _Limit(calls)

    def wait_s(self, model: str) -> int | None:
        """None where the model's limit lets this call in; else the whole seconds until it would let one in."""
        limit = self.limits.get(model)
        if limit is None:
            return None
        now = self.clock()
        while limit.times and now - limit.times[0] >= WINDOW_S:
            limit.times.popleft()
        if len(limit.times) < limit.calls:
            limit.times.append(now)
            return None
        return max(1, math.ceil(limit.times[0] + WINDOW_S - now))

    def fault_for(self, model: str, number: int) -> tuple[str, float | None] | None:
        """The fault of this call and its seconds, planned or in the model's name; None where it goes well."""
        if self.coming.get(model):
            return self.coming[model].popleft()
        _, named, spelled = model.rpartition("sim-fault-")
        if not named:
            return None
        name, once, _ = spelled.partition("-once")
        if once and number > 1:
            return None
        coming = spelled_faults(name)
        return coming[0] if coming else ("unknown", None)

    def forget(self) -> None:
        """As if it had just been opened, but for the calls that are still in flight."""
        for kept in (self.calls, self.broken, self.coming, self.limits, self.started_at):
            kept.clear()
        self.peak_in_flight = self.in_flight

    def to_json(self) -> dict[str, Any]:
        calls = [
            {"model": model, "prompt": prompt, "count": count, "broken": self.broken[model, prompt]}
            for (model, prompt), count in self.calls.items()
        ]
        return {
            "calls": calls,
            "total": self.calls.total(),
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "started_at": {model: list(times) for model, times in self.started_at.items()},
        }
