"""How long an execution still takes, told from what its own samples did in the last minutes; None where nobody knows.

Engines are asked side by side, so the slowest one decides. What is told is the time until everything was asked; reading
the last answers and building the report take seconds more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: seconds that are looked back: long enough for some answers of a slow engine, short enough to see that it slowed down
WINDOW_S = 180
#: so many samples settled are a pace; fewer say little while the window is not full
ENOUGH = 3
#: what earlier executions took is believed for so many seconds, or for so many answers' time, and no longer
BELIEVED_S, BELIEVED_ANSWERS = 60, 3


@dataclass(frozen=True)
class EngineRest:
    """What is still to be asked of one engine, and how it went lately.

    ``settled``: samples of it that were settled in the last ``over_s`` seconds; ``waits_s``: seconds until the last of
    its retries, or the engine itself, may be asked again; ``paused``: it waits for people, for this reason.
    ``latency_ms``: the median of its earlier answers, None where there are none, and ``in_flight`` how many at a time.
    """

    engine: str
    to_ask: int
    settled: int
    over_s: float
    waits_s: float = 0
    paused: str | None = None
    latency_ms: float | None = None
    in_flight: int = 1

    @property
    def has_pace(self) -> bool:
        """Whether what it settled lately is enough to go by; else its earlier answers are needed."""
        return self.settled >= ENOUGH or (self.settled > 0 and self.over_s >= WINDOW_S)


@dataclass(frozen=True)
class TimeLeft:
    """Seconds, and what they rest on; or no seconds, and why."""

    seconds: int | None
    why: str


def time_left(rests: Sequence[EngineRest], *, started: bool, deadline_s: float) -> TimeLeft:
    """The time left to an execution that has not ended. ``deadline_s``: seconds until it is closed as it is."""
    asked = [rest for rest in rests if rest.to_ask]
    if not asked:
        return TimeLeft(None, "everything was asked; the last answers are read and the report is built")
    if not started:
        return TimeLeft(None, "it waits for a worker; nothing was asked yet")
    # what waits for people is given up once nothing else is open: it takes no time of its own
    going = [rest for rest in asked if rest.paused is None]
    if not going:
        names = ", ".join(rest.engine for rest in asked)
        return TimeLeft(None, f"all that is left waits for {names}, which are paused until somebody acts")
    told = [_of_engine(rest) for rest in going]
    unknown = next((one for one in told if one.seconds is None), None)
    if unknown is not None:
        return unknown
    slowest = max(told, key=lambda one: one.seconds or 0)
    if slowest.seconds is not None and slowest.seconds > deadline_s:
        return TimeLeft(max(0, round(deadline_s)), "its deadline comes first; it ends then with what it has")
    return slowest


def _of_engine(rest: EngineRest) -> TimeLeft:
    if rest.has_pace:
        seconds = rest.to_ask * rest.over_s / rest.settled
        why = (
            f"{rest.engine} settled {rest.settled} samples in the last {round(rest.over_s)} s and has {rest.to_ask} "
            "to go; the slowest engine decides"
        )
    elif rest.latency_ms is not None and rest.over_s <= max(BELIEVED_S, BELIEVED_ANSWERS * rest.latency_ms / 1000):
        seconds = -(-rest.to_ask // rest.in_flight) * rest.latency_ms / 1000
        why = (
            f"the last answers of {rest.engine} took {rest.latency_ms / 1000:.1f} s each and it has {rest.to_ask} "
            "to go; the slowest engine decides"
        )
    elif rest.settled:
        return TimeLeft(None, f"{rest.engine} has settled too few samples yet to tell")
    else:
        return TimeLeft(None, f"{rest.engine} has settled no sample in the last {round(rest.over_s)} s")
    return TimeLeft(max(1, round(max(seconds, rest.waits_s))), why)
