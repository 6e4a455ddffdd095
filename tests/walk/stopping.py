"""Workers that stand at one exact step of their work, brought there from outside and seen there by what they wait for.

A lock of the test's own on a table stops whoever writes it; a call that hangs stops whoever waits for it; a broker that is
paused stops whoever sends. Nothing here goes by time, and nothing of ours is patched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa

from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Process, Site
from tests.walk.submitting import QUICK, STEADY, Door, Submitted

#: what a step may take to be reached; a worker starts in two or three seconds
REACH_S = 40
ALL = ("fetch", "analyze", "report", "notify", "upkeep")


@dataclass
class Stopped:
    """A worker that stands at a step, and the work it does there."""

    worker: Process
    work: Submitted
    #: calls that are lost when it dies here
    lost: int
    #: the queue of a message that it owes and that it has not sent
    owed: str | None = None


Step = Callable[[Door, RabbitmqServer], Iterator[Stopped]]


@contextmanager
def locked(site: Site, table: str, mode: str = "EXCLUSIVE") -> Iterator[Callable[[], None]]:
    """Holds a lock until the block ends, or until what it gives is called. EXCLUSIVE stops who writes, not who reads."""
    with psycopg.connect(site.database_url.replace("+psycopg", "")) as session:
        session.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        yield session.rollback


_WAITING = sa.text(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND relation = CAST(:relation AS regclass) AND application_name LIKE 'brandq work%'"
    " AND datname = current_database()"
)


def waits_for(site: Site, table: str) -> bool:
    """Whether a worker waits for a lock on this table."""
    # the catalogue is read, not the table, which may be locked against readers as well
    with site.database.read() as db:
        return db.execute(_WAITING, {"relation": table}).scalar_one() > 0


def sessions(site: Site) -> int:
    """Sessions of workers in the database; one that waits for a lock outlives its worker until it has it."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'brandq work%' AND datname = current_database()"
    with site.database.read() as db:
        return int(db.execute(sa.text(counted)).scalar_one())


def _reached(what: str, *conditions: Callable[[], bool]) -> None:
    wait_until(lambda: all(condition() for condition in conditions), REACH_S, what)


def before_claim(door: Door, _: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    with locked(door.site, "samples", "ACCESS EXCLUSIVE"):
        worker = door.site.worker(*ALL)
        _reached("the worker to claim", lambda: waits_for(door.site, "samples"))
        yield Stopped(worker, work, lost=0)


def claimed_and_not_called(door: Door, _: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit(1, prompts=1, engines=["paced"], repeats=3)
    worker = door.site.worker(*ALL)
    _reached("one answer", lambda: door.states(work) == {"asking": 2, "analyzed": 1}, lambda: door.calls(work) == 1)
    yield Stopped(worker, work, lost=0)


def calling(door: Door, _: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    for model in (QUICK, STEADY):
        door.site.faults(model, f"hang:{work.planned // 2}")
    worker = door.site.worker(*ALL)
    _reached("every call to be in flight", lambda: door.calls(work) == door.site.in_flight() == work.planned)
    yield Stopped(worker, work, lost=work.planned)


def _answered(door: Door, work: Submitted) -> None:
    _reached(
        "every answer to be there and none to be kept",
        lambda: door.calls(work) == work.planned,
        lambda: door.site.in_flight() == 0,
        lambda: waits_for(door.site, "answers"),
    )


def answered_and_not_committed(door: Door, _: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    with locked(door.site, "answers"):
        worker = door.site.worker(*ALL)
        _answered(door, work)
        yield Stopped(worker, work, lost=work.planned)


def committed_and_not_sent(door: Door, broker: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    with locked(door.site, "answers") as unlock:
        # it has sent nothing yet, so what it sends first needs a connection, which a paused broker does not open
        worker = door.site.worker(*ALL)
        _answered(door, work)
        broker.pause()
        try:
            unlock()
            _reached("every answer to be kept", lambda: door.states(work) == {"answered": work.planned})
            yield Stopped(worker, work, lost=0, owed="analyze")
        finally:
            broker.resume()


def reading(door: Door, _: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    with locked(door.site, "readings"):
        worker = door.site.worker(*ALL)
        _being_read(door, work)
        yield Stopped(worker, work, lost=0)


def _being_read(door: Door, work: Submitted) -> None:
    _reached(
        "the answers to be read",
        lambda: door.states(work) == {"answered": work.planned},
        lambda: waits_for(door.site, "readings"),
    )


def _read(door: Door, work: Submitted) -> None:
    _reached(
        "the execution to be closed",
        lambda: door.states(work) == {"analyzed": work.planned},
        lambda: waits_for(door.site, "executions"),
    )


def read_and_not_closed(door: Door, _: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    with locked(door.site, "readings") as unlock:
        worker = door.site.worker(*ALL)
        _being_read(door, work)
        with locked(door.site, "executions"):
            unlock()
            _read(door, work)
            yield Stopped(worker, work, lost=0)


def closed_and_not_sent(door: Door, broker: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    with ExitStack() as stack:
        unlock = stack.enter_context(locked(door.site, "readings"))
        door.site.worker("fetch")
        worker = door.site.worker("analyze")
        _being_read(door, work)
        close = stack.enter_context(locked(door.site, "executions"))
        broker.pause()
        stack.callback(broker.resume)
        unlock()
        _read(door, work)
        close()
        _reached("the executions to be closed", lambda: door.statuses(work) == {"reporting"})
        yield Stopped(worker, work, lost=0, owed="report")


def reporting(door: Door, _: RabbitmqServer) -> Iterator[Stopped]:
    work = door.submit()
    with locked(door.site, "reports"):
        worker = door.site.worker(*ALL)
        _reached(
            "a report to be published",
            lambda: door.states(work) == {"analyzed": work.planned},
            lambda: waits_for(door.site, "reports"),
        )
        yield Stopped(worker, work, lost=0)


#: every step at which a worker may be killed, in the order of the work
STEPS: Mapping[str, Step] = {
    "before the claim": before_claim,
    "claimed, not called": claimed_and_not_called,
    "in the middle of the call": calling,
    "answered, not committed": answered_and_not_committed,
    "committed, analyze not sent": committed_and_not_sent,
    "in analyze": reading,
    "read, not closed": read_and_not_closed,
    "closed, report not sent": closed_and_not_sent,
    "in report": reporting,
}


@contextmanager
def stopped_at(step: str, door: Door, broker: RabbitmqServer) -> Iterator[Stopped]:
    """A worker that stands at this step; what stops it is gone when the block has ended."""
    yield from STEPS[step](door, broker)
