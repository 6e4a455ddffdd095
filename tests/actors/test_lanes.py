"""Lanes: what one process saw a provider say holds back the calls that have not begun."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from brandq.actors.lanes import MOST_FAILURES, WHOLE, Lane
from brandq.providers.dialect import Answer, AnswerKind, ErrorClass, Outcome, Provider, ProviderError

PROVIDER = Provider("sim", "Sim", "openai-chat", "http://127.0.0.1:1", "m1", concurrency=4)
GOOD = Outcome(Answer("yes", AnswerKind.OK), None, 5, {})


class Clock:
    """A clock that stands until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def said(error_class: ErrorClass) -> Outcome:
    return Outcome(None, ProviderError(error_class, "no"), 5, {})


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def enter(lane: Lane, clock: Clock, model: str = "m1") -> bool:
    return await lane.enter(model, admitted_at=clock.now, start_at=clock.now)


def test_where_nothing_is_known_one_call_goes_ahead() -> None:
    """Given a lane that never answered, when three would enter, then one does, and the others when it has answered."""

    async def three() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        calls = [asyncio.create_task(enter(lane, clock)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert [call.done() for call in calls] == [True, False, False]
        lane.leave("m1", GOOD)
        assert await asyncio.gather(*calls) == [True, True, True]

    run(three())


def test_a_wrong_key_costs_one_call() -> None:
    """Given a lane that never answered, when the call ahead is told that the key is wrong, then no other begins."""

    async def many() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        calls = [asyncio.create_task(enter(lane, clock)) for _ in range(10)]
        await asyncio.sleep(0.05)
        lane.leave("m1", said(ErrorClass.AUTH))
        assert await asyncio.gather(*calls) == [True] + [False] * 9

    run(many())


def test_a_slow_first_call_does_not_hold_the_others_for_long() -> None:
    """Given a first call that takes its time, then the others follow although nothing is known yet."""

    async def two() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        assert await enter(lane, clock)
        assert await enter(lane, clock)

    run(two())


def test_no_more_than_the_row_allows_are_in_flight() -> None:
    """Given a lane of four, when six would enter, then four do, and the next one when one has left."""

    async def six() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        lane.hear("m1", proven=True, troubled=False)
        calls = [asyncio.create_task(enter(lane, clock)) for _ in range(6)]
        await asyncio.sleep(0.05)
        assert sum(call.done() for call in calls) == 4
        lane.leave("m1", GOOD)
        await asyncio.sleep(0.05)
        assert sum(call.done() for call in calls) == 5
        for call in calls:
            call.cancel()

    run(six())


#: what the provider says to one call -> whether the others of that model, and of another model, still begin
HELD_BACK = {
    ErrorClass.RATE_LIMIT: (False, False),
    ErrorClass.AUTH: (False, False),
    ErrorClass.NO_MONEY: (False, False),
    ErrorClass.PERMISSION: (False, False),
    ErrorClass.MODEL: (False, True),
    ErrorClass.DAILY_QUOTA: (False, True),
    ErrorClass.OVERLOADED: (True, True),
    ErrorClass.NETWORK: (True, True),
    ErrorClass.CONTEXT: (True, True),
    ErrorClass.BAD_REQUEST: (True, True),
}


@pytest.mark.parametrize("error_class", ErrorClass)
def test_a_no_holds_back_those_whom_it_concerns(error_class: ErrorClass) -> None:
    """Given calls that were admitted, when one is told no, then those it concerns do not begin; those admitted later do."""

    async def others() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        for model in ("m1", "m2"):
            lane.hear(model, proven=True, troubled=False)
        assert await enter(lane, clock)
        admitted_at = clock.now
        clock.now += 1
        said_no = lane.leave("m1", said(error_class))
        begun = [await lane.enter(model, admitted_at=admitted_at, start_at=0) for model in ("m1", "m2")]
        assert tuple(begun) == HELD_BACK[error_class]
        if said_no is not None:
            lane.noted(said_no)
        clock.now += 1
        for model in ("m1", "m2"):
            lane.hear(model, proven=True, troubled=False)
            assert await enter(lane, clock, model)

    run(others())


def test_a_no_holds_back_until_all_workers_can_read_it() -> None:
    """Given a no that is not in the table yet, when a call was admitted by that table, then it does not begin; nor does
    one that was admitted while another no was on its way; one that was admitted after both does."""

    async def two_noes() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        lane.hear("m1", proven=True, troubled=False)
        assert await enter(lane, clock)
        assert await enter(lane, clock)
        noes = [lane.leave("m1", said(ErrorClass.AUTH)) for _ in range(2)]
        assert noes == [WHOLE, WHOLE]
        clock.now += 1
        assert not await enter(lane, clock), "read before either was noted"
        lane.noted(WHOLE)
        clock.now += 1
        assert not await enter(lane, clock), "read before the second was noted"
        read_at = clock.now
        clock.now += 1
        lane.noted(WHOLE)
        assert not await lane.enter("m1", admitted_at=read_at, start_at=0)
        clock.now += 1
        assert await enter(lane, clock)

    run(two_noes())


def test_failures_in_a_row_hold_back_the_others() -> None:
    """Given calls that fail one after the other, then the others are held back; one that answers starts the count anew."""

    async def failing() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        lane.hear("m1", proven=True, troubled=False)
        admitted_at = clock.now
        for outcome in [said(ErrorClass.NETWORK)] * (MOST_FAILURES - 1) + [GOOD] + [said(ErrorClass.NETWORK)]:
            assert await lane.enter("m1", admitted_at=admitted_at, start_at=0)
            lane.leave("m1", outcome)
        for _ in range(MOST_FAILURES - 1):
            assert await lane.enter("m1", admitted_at=admitted_at, start_at=0)
            lane.leave("m1", said(ErrorClass.OVERLOADED))
        assert not await lane.enter("m1", admitted_at=admitted_at, start_at=0)

    run(failing())


def test_a_call_that_is_broken_off_lets_the_next_go_ahead() -> None:
    """Given a call ahead that is cancelled, when another enters, then it goes ahead in its place."""

    async def two() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        assert await enter(lane, clock)
        second = asyncio.create_task(enter(lane, clock))
        await asyncio.sleep(0.05)
        assert not second.done()
        lane.leave("m1", None)
        assert await second

    run(two())


def test_a_call_waits_for_its_starting_time() -> None:
    """Given a starting time that lies ahead, then the call begins then and not before."""

    async def later() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        call = asyncio.create_task(lane.enter("m1", admitted_at=clock.now, start_at=clock.now + 0.2))
        await asyncio.sleep(0.05)
        assert not call.done()
        assert await call

    run(later())


def test_successes_are_noted_now_and_then() -> None:
    """Given many successes, then one in ten seconds is worth noting, of each model."""
    clock = Clock()
    lane = Lane(PROVIDER, clock)
    assert [lane.worth_noting("m1", 10), lane.worth_noting("m1", 10), lane.worth_noting("m2", 10)] == [
        True,
        False,
        True,
    ]
    clock.now += 10
    assert lane.worth_noting("m1", 10)


def test_an_urgent_call_gets_the_next_slot() -> None:
    """Given a full lane and calls that wait for it, when a more urgent one comes, then it gets the next slot, and the
    others follow in the order in which they came; one that is cancelled while it waits costs nobody a slot."""

    async def overtake() -> None:
        clock = Clock()
        lane = Lane(PROVIDER, clock)
        lane.hear("m1", proven=True, troubled=False)
        for _ in range(PROVIDER.concurrency):
            assert lane.enter_now("m1", admitted_at=clock.now, start_at=clock.now)
        assert not lane.enter_now("m1", admitted_at=clock.now, start_at=clock.now)
        entered: list[str] = []

        async def wait(name: str, priority: int) -> None:
            assert await lane.enter("m1", admitted_at=clock.now, start_at=clock.now, priority=priority)
            entered.append(name)

        calls = [asyncio.create_task(wait(name, urgency)) for name, urgency in (("a", 1), ("b", 1), ("gone", 5))]
        await asyncio.sleep(0)
        calls.append(asyncio.create_task(wait("urgent", 9)))
        await asyncio.sleep(0)
        calls[2].cancel()
        for _ in range(3):
            lane.leave("m1", GOOD)
        await asyncio.gather(*calls, return_exceptions=True)
        assert entered == ["urgent", "a", "b"]
        lane.leave("m1", GOOD)
        assert lane.enter_now("m1", admitted_at=clock.now, start_at=clock.now)

    run(overtake())
