"""How long an execution still takes, asked of the tables: from the pace of its engines, or from their old answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from brandq import store
from brandq.actors.accepting import ASSUMED_IN_FLIGHT
from brandq.actors.desk import Desk
from brandq.errors import BadSettings
from brandq.plan import EngineRef
from brandq.states import SampleState
from brandq.store import Execution, Progress, following
from brandq.store.engines import STANDING
from brandq.time_left import WINDOW_S, EngineRest, TimeLeft, time_left
from brandq.web import wire
from brandq.words import Words


def left_of(
    desk: Desk,
    found: Execution,
    counted: Progress,
    pauses: Mapping[str, Mapping[str, Any]],
    latencies: dict[str, float],
) -> TimeLeft:
    """The time left to an execution that has not ended. ``pauses``: of its engines, as they are shown.

    ``latencies`` keeps what the last answers of its engines took, milliseconds, so that it is looked up once.
    """
    now = desk.now()
    since = max(found.started_at or now, now - timedelta(seconds=WINDOW_S))
    with desk.database.look() as db:
        paces = following.paces(db, found.execution_id, since=since)
        rests = [
            _rest(desk, engine, counted, paces.get(engine.engine), pauses.get(engine.engine), since, now)
            for engine in found.plan.engines
        ]
        unknown = {rest.engine for rest in rests if rest.to_ask and not rest.has_pace} - set(latencies)
        for engine, known in store.experience(db, sorted(unknown)).items():
            if known.latency_ms is not None:
                latencies[engine] = known.latency_ms
    rests = [replace(rest, latency_ms=latencies.get(rest.engine)) for rest in rests]
    deadline_s = (found.deadline_at - now).total_seconds()
    return time_left(rests, started=found.started_at is not None, deadline_s=deadline_s)


def _rest(
    desk: Desk,
    engine: EngineRef,
    counted: Progress,
    pace: following.Pace | None,
    paused: Mapping[str, Any] | None,
    since: datetime,
    now: datetime,
) -> EngineRest:
    counts = counted.by_engine.get(engine.engine, {})
    waits_s = [0.0]
    if pace is not None and pace.next_attempt_at is not None:
        waits_s.append((pace.next_attempt_at - now).total_seconds())
    if paused is not None:
        waits_s.append((wire.moment(paused["until"]) - now).total_seconds())
    return EngineRest(
        engine.engine,
        counts.get(SampleState.WAITING, 0) + counts.get(SampleState.ASKING, 0),
        pace.settled if pace is not None else 0,
        (now - since).total_seconds(),
        max(waits_s),
        paused["reason"] if paused is not None and paused["reason"] in STANDING else None,
        in_flight=_in_flight(desk, engine),
    )


def _in_flight(desk: Desk, engine: EngineRef) -> int:
    try:
        return desk.registry.provider(engine).concurrency
    except BadSettings:
        # not askable from this process
        return ASSUMED_IN_FLIGHT


def in_words(left: TimeLeft, words: Words) -> dict[str, Any]:
    """The time left for the wire and for people: `seconds` with their `basis`, or the `reason` why there are none."""
    why = words.told(left.why)
    if left.seconds is None:
        return {"seconds": None, "basis": None, "reason": why, "words": None}
    # a guess to the second would be believed to the second
    rounded = left.seconds if left.seconds < 10 else 5 * round(left.seconds / 5)
    about = words.say("about {duration} left", duration=words.duration(rounded))
    return {"seconds": left.seconds, "basis": why, "reason": None, "words": about}
