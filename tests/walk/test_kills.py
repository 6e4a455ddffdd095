"""A worker is killed at every step of its work: the work ends all the same, and only calls in flight are paid in vain."""

from __future__ import annotations

from functools import partial

import pytest

from brandq import store
from brandq.actors.analyze import MAX_READS
from brandq.store.reports import MAX_BUILDS
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.outcomes import UNBUILT, UNREAD, whole_truth
from tests.walk.stopping import ALL, STEPS, locked, sessions, stopped_at, waits_for
from tests.walk.submitting import Door


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_is_killed_costs_its_calls_in_flight_and_nothing_else(
    door: Door, rabbitmq_server: RabbitmqServer, step: str
) -> None:
    """Given a worker that stands at this step, when it is killed and another one starts, then the executions end in their
    right state, each sample has one outcome, and the calls are the answers and what was in flight at the kill."""
    with stopped_at(step, door, rabbitmq_server) as stopped:
        stopped.worker.kill()
    if stopped.owed:
        queue = stopped.owed
        wait_until(lambda: door.site.queue(queue)[1] == 0, 20, "the broker to miss the worker")
        assert door.site.queue(queue) == (0, 0), "it was killed after it had sent"
    door.site.worker(*ALL)
    door.site.ended(stopped.work.ids, 60)
    whole_truth(door.site, stopped.work.ids, lost=stopped.lost)


def test_a_sample_that_kills_its_workers_is_given_up(door: Door) -> None:
    """Given a sample in the middle of whose call every worker dies, when that has happened as often as it may be tried,
    then it has failed as lost, nobody asks it again, and its execution ends with what the others gave."""
    work = door.submit(1, prompts=1, engines=["quick", "steady/sim-fault-hang"])
    for kills in range(1, store.MAX_ATTEMPTS + 1):
        worker = door.site.worker(*ALL)

        def calling(kills: int = kills) -> bool:
            door.site.tick()
            return door.calls(work) == 1 + kills and door.site.in_flight() == 1

        wait_until(calling, 40, f"call {kills} of the sample that kills", every_s=0.5)
        wait_until(lambda: door.states(work) == {"analyzed": 1, "asking": 1}, 20, "the other one to be read")
        worker.kill()
    door.site.worker(*ALL)
    assert door.site.ended(work.ids, 60) == {work.ids[0]: "partial"}
    made = whole_truth(door.site, work.ids, lost=store.MAX_ATTEMPTS)
    assert made.states == {"analyzed": 1, "failed": 1}
    assert made.errors == {"lost": 1}


def test_an_answer_and_a_report_that_kill_their_workers_are_given_up(door: Door) -> None:
    """Given an answer in the middle of whose reading every worker dies, and a report likewise, when that has happened as
    often as they may be begun, then both are given up in words, what is stored stays, and both executions end."""
    unreported = door.submit(1, prompts=1, engines=["quick"])
    worker = door.site.worker("fetch", "analyze")
    wait_until(lambda: door.statuses(unreported) == {"reporting"}, 40, "the report to be due")
    worker.kill()
    unread = door.submit(1, prompts=1, engines=["quick"])
    for kill in range(1, max(MAX_READS, MAX_BUILDS) + 1):
        with locked(door.site, "readings"), locked(door.site, "reports"):
            worker = door.site.worker(*ALL)
            # the broker gives out again what its worker did not finish; without a tick each is begun once for each kill
            if kill <= MAX_READS:
                wait_until(partial(waits_for, door.site, "readings"), 40, f"reading {kill} to be begun")
            if kill <= MAX_BUILDS:
                wait_until(partial(waits_for, door.site, "reports"), 40, f"report {kill} to be begun")
            worker.kill()
        wait_until(lambda: not sessions(door.site), 20, "the database to miss the worker")
    door.site.worker(*ALL)
    ids = [*unread.ids, *unreported.ids]
    assert door.site.ended(ids, 60) == dict.fromkeys(ids, "failed")
    made = whole_truth(door.site, ids, lost=0)
    assert made.states == {"analyzed": 1, "failed": 1}
    assert made.errors == {UNREAD: 1}
    assert made.ended_by == {UNREAD: 1, UNBUILT: 1}
    assert made.answers == 2
