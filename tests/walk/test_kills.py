"""A worker is killed at every step of its work: the work ends all the same, and only calls in flight are paid in vain."""

from __future__ import annotations

import pytest

from brandq import store
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.outcomes import account, whole_truth
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


def test_an_answer_that_kills_its_readers_is_given_up(door: Door) -> None:
    """Given an answer in the middle of whose reading every worker dies, when four have died, then its sample has failed
    as unread, its answer is kept, and its execution ends."""
    work = door.submit(1, prompts=1, engines=["quick"])
    for reads in range(1, 5):
        with locked(door.site, "readings"):
            worker = door.site.worker(*ALL)

            def reading() -> bool:
                door.site.tick()
                return waits_for(door.site, "readings")

            wait_until(reading, 40, f"reading {reads} to begin", every_s=0.5)
            worker.kill()
        wait_until(lambda: not sessions(door.site), 20, "the database to miss the worker")
    door.site.worker(*ALL)
    assert door.site.ended(work.ids, 60) == {work.ids[0]: "failed"}
    made = account(door.site, work.ids)
    assert made.wrong == []
    assert (made.states, made.errors, made.answers) == ({"failed": 1}, {"unread": 1}, 1)
