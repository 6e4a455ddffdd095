"""What all workers know of an engine together: when the next call may start, and whether it is asked at all.

Pace: one statement hands out starting times. Breaker: a provider that says no is not asked again until its settings
change or a while has passed, and then one call finds out. Rows are locked in the order of samples, budgets, provider,
model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.providers.dialect import OF_MODEL, OF_PROVIDER
from brandq.store.moving import insert_or_ignore
from brandq.tables import engine_state

#: An opening for one of these waits for people (a key, money, a model's name), for an hour; after that one call looks
STANDING: frozenset[str] = frozenset(map(str, OF_PROVIDER | OF_MODEL))
STANDING_OPEN = timedelta(hours=1)
#: so many calls in a row that a provider fails, within this time, open it
MOST_FAILURES, FAILING_WITHIN = 5, timedelta(seconds=60)
#: how long: short at first, because most such troubles pass at once; each further one twice as long, up to the second
FIRST_OPEN, LONGEST_OPEN = timedelta(seconds=5), timedelta(minutes=5)
#: the gap that the first "too many" makes at an engine whose row names no pace; each further one doubles it
SLOWED_US, SLOWEST_US = 250_000, 60_000_000
#: calls that were in flight together are told "too many" together, which counts as once
SLOWED_TOGETHER = timedelta(seconds=2)
#: without a further "too many" for so long, the gap is halved
SLOW_FOR = timedelta(seconds=30)


@dataclass(frozen=True)
class EngineState:
    """One scope as all workers see it. ``open_until`` None: it is asked. Gaps are microseconds between two calls."""

    scope: str
    settings: str | None
    next_at_us: int
    slowed_us: int
    slowed_at: datetime | None
    open_until: datetime | None
    open_reason: str | None
    open_message: str | None
    opened_at: datetime | None
    openings: int
    failures: int
    answered_at: datetime | None
    latency_ms: int | None

    @property
    def standing(self) -> bool:
        """Whether it is open for a reason that does not pass by itself."""
        return self.open_reason in STANDING

    @property
    def troubled(self) -> bool:
        """Whether a success has something to put right."""
        return self.open_until is not None or self.failures > 0 or self.slowed_us > 0


_STATE = [engine_state.c[name] for name in EngineState.__dataclass_fields__]


def engine_states(db: Connection, scopes: Iterable[str] | None = None) -> dict[str, EngineState]:
    """What is known of these scopes, or of all; a scope of which nothing is known is missing."""
    wanted = sa.select(*_STATE)
    if scopes is not None:
        wanted = wanted.where(engine_state.c.scope.in_(set(scopes)))
    return {row.scope: EngineState(**row._mapping) for row in db.execute(wanted)}


def _touch(db: Connection, scope: str, now: datetime) -> None:
    zeros = dict.fromkeys(("next_at_us", "slowed_us", "granted", "openings", "failures"), 0)
    insert_or_ignore(db, engine_state, [{"scope": scope, "updated_at": now, **zeros}])


def _us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def meet_settings(db: Connection, scope: str, settings: str, *, now: datetime) -> None:
    """Forget what was learnt of the scope under other settings: another key or address is another account."""
    _touch(db, scope, now)
    changed = sa.or_(engine_state.c.settings.is_(None), engine_state.c.settings != settings)
    forgotten: dict[str, Any] = dict.fromkeys(
        ("open_until", "open_reason", "open_message", "opened_at", "probe_until", "failing_since", "slowed_at")
    )
    db.execute(
        sa.update(engine_state)
        .where(engine_state.c.scope == scope, changed)
        .values(
            settings=settings,
            next_at_us=0,
            slowed_us=0,
            openings=0,
            failures=0,
            answered_at=None,
            updated_at=now,
            **forgotten,
        )
    )


@dataclass(frozen=True)
class Slots:
    """Starting times: ``granted`` of them from ``first_us`` on, every ``gap_us``; the rest may ask after ``wait_us``.

    Microseconds; ``first_us`` since 1970.
    """

    granted: int
    first_us: int
    gap_us: int
    wait_us: int


def take_slots(db: Connection, scope: str, wanted: int, *, gap_us: int, horizon: timedelta, now: datetime) -> Slots:
    """Reserve up to so many starting times at a scope, none of them later than ``horizon`` from now.

    One statement moves the clock, so that any number of workers share one pace. ``gap_us`` is what the row asks for; a
    larger gap that the provider's "too many" made counts instead.
    """
    _touch(db, scope, now)
    now_us, horizon_us = _us(now), horizon // timedelta(microseconds=1)
    mine = engine_state.c
    gap = sa.case((mine.slowed_us > gap_us, mine.slowed_us), else_=gap_us)
    first = sa.case((mine.next_at_us > now_us, mine.next_at_us), else_=now_us)
    fits = sa.case((gap > 0, (now_us + horizon_us - first) // sa.func.nullif(gap, 0) + 1), else_=wanted)
    granted = sa.case((first > now_us + horizon_us, 0), (fits < wanted, sa.cast(fits, sa.Integer)), else_=wanted)
    taken = db.execute(
        sa.update(engine_state)
        .where(mine.scope == scope)
        .values(granted=granted, next_at_us=first + granted * gap, updated_at=now)
        .returning(mine.granted, mine.next_at_us, mine.slowed_us)
    ).one()
    gap_now = max(gap_us, taken.slowed_us)
    return Slots(
        granted=taken.granted,
        first_us=taken.next_at_us - taken.granted * gap_now,
        gap_us=gap_now,
        wait_us=max(0, taken.next_at_us - now_us - horizon_us),
    )


def slow_engine(db: Connection, scope: str, *, gap_us: int, wait: timedelta | None, now: datetime) -> None:
    """The provider said "too many": nobody asks before its wait has passed, and from then on at half the pace."""
    _touch(db, scope, now)
    mine = engine_state.c
    if wait is not None:
        until_us = _us(now + wait)
        db.execute(
            sa.update(engine_state).where(mine.scope == scope, mine.next_at_us < until_us).values(next_at_us=until_us)
        )
    least = max(gap_us * 2, SLOWED_US)
    doubled = sa.case((mine.slowed_us * 2 > SLOWEST_US, SLOWEST_US), else_=mine.slowed_us * 2)
    together = sa.or_(mine.slowed_at.is_(None), mine.slowed_at < now - SLOWED_TOGETHER)
    db.execute(
        sa.update(engine_state)
        .where(mine.scope == scope, together)
        .values(slowed_us=sa.case((mine.slowed_us < least, least), else_=doubled), slowed_at=now, updated_at=now)
    )


def open_engine(
    db: Connection, scope: str, *, reason: str, message: str, wait: timedelta | None, settings: str, now: datetime
) -> None:
    """Stop asking a scope for a reason that does not pass by itself; for ``wait``, or an hour."""
    _touch(db, scope, now)
    db.execute(
        sa.update(engine_state)
        .where(engine_state.c.scope == scope)
        .values(
            settings=settings,
            open_until=now + (wait or STANDING_OPEN),
            open_reason=reason,
            open_message=message,
            opened_at=sa.func.coalesce(engine_state.c.opened_at, now),
            openings=engine_state.c.openings + 1,
            probe_until=None,
            updated_at=now,
        )
    )


def note_failures(db: Connection, scope: str, failed: int, *, reason: str, message: str, now: datetime) -> None:
    """Count calls that the provider failed; MOST_FAILURES in a row within FAILING_WITHIN open the scope for a while.

    So does one that fails while the scope is open: the probe that was to find out.
    """
    _touch(db, scope, now)
    mine = engine_state.c
    fresh = sa.or_(mine.failing_since.is_(None), mine.failing_since < now - FAILING_WITHIN)
    counted = db.execute(
        sa.update(engine_state)
        .where(mine.scope == scope)
        .values(
            failures=sa.case((fresh, failed), else_=mine.failures + failed),
            failing_since=sa.case((fresh, now), else_=mine.failing_since),
            updated_at=now,
        )
        .returning(mine.failures, mine.open_until, mine.openings)
    ).one()
    probed = counted.open_until is not None and counted.open_until <= now
    if not probed and (counted.open_until is not None or counted.failures < MOST_FAILURES):
        return
    opened = min(FIRST_OPEN * 2 ** min(counted.openings, 10), LONGEST_OPEN)
    db.execute(
        sa.update(engine_state)
        .where(mine.scope == scope)
        .values(
            open_until=now + opened,
            open_reason=reason,
            open_message=message,
            opened_at=sa.func.coalesce(mine.opened_at, now),
            openings=mine.openings + 1,
            probe_until=None,
            failures=0,
            failing_since=None,
        )
    )


def take_probe(db: Connection, scope: str, *, until: datetime, now: datetime) -> bool:
    """Whether this caller makes the one call that finds out if an open scope is better; its time has come.

    ``until``: when somebody else may try, should nothing be heard of that call.
    """
    mine = engine_state.c
    taken = db.execute(
        sa.update(engine_state)
        .where(
            mine.scope == scope,
            mine.open_until <= now,
            sa.or_(mine.probe_until.is_(None), mine.probe_until <= now),
        )
        .values(probe_until=until, updated_at=now)
    )
    return taken.rowcount == 1


def note_success(
    db: Connection, scope: str, *, latency_ms: int | None, gap_us: int, settings: str, now: datetime
) -> None:
    """The scope answers: it is closed, its failures are forgotten, and after a quiet while it is asked faster again."""
    _touch(db, scope, now)
    mine = engine_state.c
    quiet = sa.and_(mine.slowed_us > 0, mine.slowed_at < now - SLOW_FOR)
    halved = mine.slowed_us // 2
    gone = halved <= max(gap_us, SLOWED_US // 4)
    db.execute(
        sa.update(engine_state)
        .where(mine.scope == scope)
        .values(
            settings=settings,
            open_until=None,
            open_reason=None,
            open_message=None,
            opened_at=None,
            openings=0,
            probe_until=None,
            failures=0,
            failing_since=None,
            slowed_us=sa.case((sa.and_(quiet, gone), 0), (quiet, halved), else_=mine.slowed_us),
            slowed_at=sa.case((quiet, now), else_=mine.slowed_at),
            answered_at=now,
            latency_ms=latency_ms if latency_ms is not None else mine.latency_ms,
            updated_at=now,
        )
    )


def close_engine(db: Connection, scopes: Iterable[str], *, now: datetime) -> int:
    """Ask these scopes again, because somebody saw that they answer; how many had been open."""
    mine = engine_state.c
    closed = db.execute(
        sa.update(engine_state)
        .where(mine.scope.in_(set(scopes)), mine.open_until.is_not(None))
        .values(
            open_until=None,
            open_reason=None,
            open_message=None,
            opened_at=None,
            openings=0,
            probe_until=None,
            failures=0,
            failing_since=None,
            updated_at=now,
        )
    )
    return closed.rowcount
