"""Broker, database, signals, messages and clocks fail in every way there is: the work ends, and nothing is paid twice."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from brandq.tables import samples
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.duplicating import everything_twice
from tests.walk.outcomes import whole_truth
from tests.walk.stopping import ALL, locked, waits_for
from tests.walk.submitting import QUICK, STEADY, Door, Submitted


def in_flight(door: Door, work: Submitted) -> None:
    """Wait until every call of this work has begun; none of them ends within seconds."""
    wait_until(lambda: door.calls(work) == work.planned, 40, "the calls to be in flight")


def slow_calls(door: Door, fault: str, work: Submitted) -> None:
    """The calls of this work, which are the next, hang for ever, or drip: their answers take six seconds to come."""
    for model in (QUICK, STEADY):
        door.site.faults(model, f"{fault}:{work.planned // 2}")


@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_no_call_is_lost_with_the_broker(door: Door, rabbitmq_server: RabbitmqServer, ending: str) -> None:
    """Given answers that are about to be kept, when the broker is killed, or restarted in order, so that their messages
    are given out again while they are worked on and acknowledged too late, then each answer is paid for once."""
    work = door.submit(3)
    with locked(door.site, "answers"):
        # the lock is held for as long as a broker takes to start, and who cannot settle may not be able to renew either
        worker = door.site.worker(*ALL, BRANDQ_LEASE_SECONDS="120")
        wait_until(lambda: door.calls(work) == work.planned, 40, "every call to be made")
        wait_until(lambda: waits_for(door.site, "answers"), 20, "an answer to be kept")
        rabbitmq_server.kill() if ending == "kill" else rabbitmq_server.stop()
        rabbitmq_server.start()
        wait_until(lambda: door.site.queue("fetch")[1] == 1, 60, "the worker to be back")
    wait_until(lambda: "asking" not in door.states(work), 40, "the answers to be kept")
    door.site.ended(work.ids, 60)
    whole_truth(door.site, work.ids, lost=0)
    assert worker.alive


def test_no_call_is_lost_with_the_queues(door: Door, rabbitmq_server: RabbitmqServer) -> None:
    """Given messages of every stage that wait, when all queues are purged, then the sweeps send again what was open."""
    works = [door.submit(3) for _ in range(3)]
    fetching = door.site.worker("fetch")
    wait_until(lambda: all(door.states(one) == {"answered": one.planned} for one in works), 40, "answers")
    fetching.kill()
    later = door.submit(3)
    rabbitmq_server.purge_all(door.site.vhost)
    assert (door.site.queue("fetch"), door.site.queue("analyze")) == ((0, 0), (0, 0))
    door.site.worker(*ALL)
    ids = [execution_id for work in (*works, later) for execution_id in work.ids]
    door.site.ended(ids, 60)
    whole_truth(door.site, ids, lost=0)


def test_no_call_is_lost_with_a_restart_of_the_database(door: Door, postgres_server: PostgresServer) -> None:
    """Given calls in flight, when Postgres is restarted and cuts every session, then their answers are kept when it is
    back, and none is asked for again."""
    work = door.submit()
    slow_calls(door, "drip", work)
    worker = door.site.worker(*ALL, BRANDQ_LEASE_SECONDS="60")
    in_flight(door, work)
    postgres_server.stop()
    postgres_server.start()
    door.site.ended(work.ids, 60)
    whole_truth(door.site, work.ids, lost=0)
    assert worker.alive


def test_a_worker_that_is_told_to_stop_loses_what_it_cannot_finish_and_no_more(door: Door) -> None:
    """Given calls that never end and a short grace, when their worker gets SIGTERM, then it ends well, what it broke off
    is on record, and another worker takes over at once."""
    work = door.submit()
    slow_calls(door, "hang", work)
    worker = door.site.worker(*ALL, BRANDQ_GRACE_SECONDS="1")
    in_flight(door, work)
    assert worker.stop() == 0
    assert door.states(work) == {"waiting": work.planned}
    door.site.worker(*ALL)
    door.site.ended(work.ids, 60)
    made = whole_truth(door.site, work.ids, lost=work.planned)
    assert made.attempts["handed_back"] == work.planned


def test_a_worker_that_is_told_to_stop_finishes_what_it_can(door: Door) -> None:
    """Given a worker in the middle of its work, when it gets SIGTERM, then it finishes its calls and loses none."""
    work = door.submit(8)
    worker = door.site.worker(*ALL)
    wait_until(lambda: door.calls(work) > 0, 40, "the first call")
    assert worker.stop() == 0
    assert "asking" not in door.states(work)
    door.site.worker(*ALL)
    door.site.ended(work.ids, 60)
    whole_truth(door.site, work.ids, lost=0)


def test_a_worker_that_is_told_to_stop_does_not_begin_what_waits_for_its_turn(door: Door) -> None:
    """Given an engine that may be asked every three seconds and a long grace, when its worker gets SIGTERM, then the
    calls that have begun end, those claimed and not begun are handed back at once, uncounted, and none is lost."""
    work = door.submit(1, prompts=6, engines=["paced"])
    worker = door.site.worker(*ALL, BRANDQ_GRACE_SECONDS="300")
    wait_until(
        lambda: door.calls(work) > 0 and door.states(work).get("asking", 0) >= 3, 40, "a call, and claims behind it"
    )
    assert worker.stop() == 0
    begun = door.calls(work)
    assert begun < work.planned
    states = door.states(work)
    assert "asking" not in states
    assert states["waiting"] == work.planned - begun
    with door.site.database.read() as db:
        counted = sa.select(samples.c.attempt).where(
            samples.c.execution_id == work.ids[0], samples.c.state == "waiting"
        )
        assert set(db.execute(counted).scalars()) == {0}
    door.site.worker(*ALL)
    door.site.ended(work.ids, 60)
    whole_truth(door.site, work.ids, lost=0)


def test_a_worker_that_was_away_past_its_lease_changes_nothing(door: Door) -> None:
    """Given a worker that is frozen with calls in flight, when their leases pass, and it wakes up with its late answers
    while another one asks the same samples, then those count for nothing, and are on record as paid."""
    work = door.submit(1)
    slow_calls(door, "drip", work)
    frozen = door.site.worker("fetch")
    in_flight(door, work)
    frozen.pause()
    slow_calls(door, "drip", work)
    other = door.site.worker(*ALL)

    def taken_over() -> bool:
        door.site.tick()
        return door.calls(work) == 2 * work.planned

    wait_until(taken_over, 60, "the other one to ask", every_s=0.5)
    frozen.resume()
    door.site.ended(work.ids, 60)
    before = whole_truth(door.site, work.ids, lost=work.planned)
    assert other.stop() == 0
    door.site.worker("analyze", "report", "upkeep")
    later = door.submit()
    door.site.ended(later.ids, 60)
    whole_truth(door.site, later.ids, lost=0)
    assert frozen.stop() == 0, "it ended all that it had begun, and works on"
    after = whole_truth(door.site, work.ids, lost=work.planned)
    assert after == before
    assert after.attempts["lost"] == work.planned


def test_a_worker_that_wakes_up_to_a_signal_stops(door: Door) -> None:
    """Given a frozen worker, when it is woken and told to stop in one breath, then it stops as any other."""
    worker = door.site.worker(*ALL)
    worker.pause()
    worker.resume()
    assert worker.stop() == 0


def test_every_message_may_come_twice(door: Door, rabbitmq_server: RabbitmqServer) -> None:
    """Given two workers and a tap that publishes every message a second time, when executions come, then each sample is
    asked once, read once and reported once."""
    with everything_twice(door.site, rabbitmq_server) as copied:
        for _ in range(2):
            door.site.worker(*ALL)
        work = door.submit(8)
        door.site.ended(work.ids, 60)
        wait_until(lambda: {"fetch", "analyze", "report", "tick"} <= set(copied), 20, "every kind to be copied")
    made = whole_truth(door.site, work.ids, lost=0)
    assert made.attempts.total() == work.planned


def test_two_clocks_do_no_harm(door: Door, rabbitmq_server: RabbitmqServer) -> None:
    """Given samples whose worker died, answers and plans whose messages are lost, two clocks and two workers, when ticks
    come in pairs at the same instant, then each sample is taken back once, and all ends as with one clock."""
    lost = door.submit()
    slow_calls(door, "hang", lost)
    dying = door.site.worker("fetch")
    in_flight(door, lost)
    dying.kill()
    unread = door.submit(3)
    fetching = door.site.worker("fetch")
    wait_until(lambda: door.states(unread) == {"answered": unread.planned}, 40, "answers that nobody reads")
    fetching.kill()
    unsent = door.submit(3)
    rabbitmq_server.purge_all(door.site.vhost)
    clocks = [door.site.start("clock") for _ in range(2)]
    for _ in range(2):
        door.site.worker(*ALL)
    ids = [*lost.ids, *unread.ids, *unsent.ids]
    together = threading.Barrier(2)

    def tick_with_the_other(_: int) -> None:
        together.wait(30)
        door.site.tick()

    def ended() -> bool:
        list(pool.map(tick_with_the_other, range(2)))
        return all(door.statuses(work) <= {"completed", "partial", "failed"} for work in (lost, unread, unsent))

    with ThreadPoolExecutor(2) as pool:
        wait_until(ended, 60, "all to end", every_s=0.5)
    made = whole_truth(door.site, ids, lost=lost.planned)
    assert made.attempts.total() == lost.planned * 2 + unread.planned + unsent.planned
    assert [clock.popen.poll() for clock in clocks] == [None, None]
    for clock in clocks:
        clock.popen.send_signal(signal.SIGTERM)
    assert [clock.popen.wait(20) for clock in clocks] == [0, 0]
