"""Pace and breaker: any number of workers share one clock and one verdict per engine."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from brandq import store
from brandq.plan import DEFAULT_PRIORITY, EngineRef, Plan
from brandq.store import Database, Slots
from brandq.store.engines import (
    FIRST_OPEN,
    LONGEST_OPEN,
    MOST_FAILURES,
    SLOW_FOR,
    SLOWED_TOGETHER,
    SLOWED_US,
    SLOWEST_US,
    STANDING_OPEN,
)
from tests.store.samples_at_hand import NOW, PLAN, analyze, answered, claim, close, ids, plan, settle, states

SECOND_US = 1_000_000
HORIZON = timedelta(seconds=10)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def slots(database: Database, wanted: int, *, at: float = 0, gap_s: float = 1, horizon: timedelta = HORIZON) -> Slots:
    with database.begin() as db:
        gap_us = round(gap_s * SECOND_US)
        return store.take_slots(db, "sim", wanted, gap_us=gap_us, horizon=horizon, now=NOW + seconds(at))


def state(database: Database, scope: str = "sim") -> store.EngineState:
    with database.read() as db:
        return store.engine_states(db, [scope])[scope]


def fail(database: Database, calls: int, *, at: float = 0) -> None:
    with database.begin() as db:
        store.note_failures(db, "sim", calls, reason="overloaded", message="503", now=NOW + seconds(at))


def succeed(database: Database, *, at: float = 0, scope: str = "sim", gap_us: int = 0) -> None:
    with database.begin() as db:
        store.note_success(db, scope, latency_ms=900, gap_us=gap_us, settings="s", now=NOW + seconds(at))


def start(taken: Slots, at: float = 0) -> float:
    """Seconds from ``at`` to the first of the slots."""
    return taken.first_us / SECOND_US - (NOW + seconds(at)).timestamp()


# -- the pace


def test_starting_times_follow_each_other(database: Database) -> None:
    """Given a second between calls, when workers reserve one after the other, then no two slots are closer."""
    first, second = slots(database, 4), slots(database, 4)
    assert (first.granted, start(first), first.gap_us) == (4, 0, SECOND_US)
    assert (second.granted, start(second)) == (4, 4)


def test_nothing_is_reserved_beyond_the_horizon(database: Database) -> None:
    """Given ten seconds of slots, when thirty are wanted, then eleven are given, and the rest hears when to come again."""
    taken = slots(database, 30)
    assert (taken.granted, taken.wait_us) == (11, SECOND_US)
    refused = slots(database, 5)
    assert (refused.granted, refused.wait_us) == (0, SECOND_US)
    assert slots(database, 5, at=3).granted == 3


def test_who_looks_further_finds_a_slot(database: Database) -> None:
    """Given a clock that is booked up, when an urgent sample looks further ahead, then it is served."""
    slots(database, 30)
    assert slots(database, 3).granted == 0
    urgent = slots(database, 3, horizon=seconds(30))
    assert (urgent.granted, start(urgent)) == (3, 11)


def test_an_idle_clock_saves_up_nothing(database: Database) -> None:
    """Given an engine that nobody asked for an hour, when many calls come, then they still follow each other."""
    slots(database, 1)
    later = slots(database, 3, at=3600)
    assert (later.granted, start(later, at=3600)) == (3, 0)


def test_an_engine_without_a_pace_gives_all_at_once(database: Database) -> None:
    """Given no gap, when slots are wanted, then all of them start now."""
    taken = slots(database, 500, gap_s=0)
    assert (taken.granted, start(taken), taken.gap_us) == (500, 0, 0)


def test_many_workers_share_one_clock(database: Database) -> None:
    """Given eight workers at once, when each reserves again and again, then every starting time is given once."""
    begin = threading.Barrier(8)

    def reserve(_: int) -> list[float]:
        begin.wait()
        taken = [slots(database, 3, gap_s=0.01, horizon=seconds(60)) for _ in range(10)]
        return [start(one) + n * 0.01 for one in taken for n in range(one.granted)]

    with ThreadPoolExecutor(8) as pool:
        times = sorted(round(at * 100) for found in pool.map(reserve, range(8)) for at in found)
    assert times == list(range(8 * 10 * 3))


def test_too_many_pauses_everybody(database: Database) -> None:
    """Given a 429 that asks for 30 s, when others reserve, then nobody starts before, and then at a pace."""
    with database.begin() as db:
        store.slow_engine(db, "sim", gap_us=0, wait=seconds(30), now=NOW)
    refused = slots(database, 4, gap_s=0)
    assert (refused.granted, refused.wait_us) == (0, 20 * SECOND_US)
    taken = slots(database, 4, gap_s=0, at=25)
    assert (taken.granted, start(taken, at=25), taken.gap_us) == (4, 5, SLOWED_US)


def test_calls_that_were_in_flight_together_slow_once(database: Database) -> None:
    """Given sixteen 429 at the same moment, then the pace is halved once; when one comes later, then again."""
    with database.begin() as db:
        for _ in range(16):
            store.slow_engine(db, "sim", gap_us=0, wait=None, now=NOW)
    assert state(database).slowed_us == SLOWED_US
    with database.begin() as db:
        store.slow_engine(db, "sim", gap_us=0, wait=None, now=NOW + SLOWED_TOGETHER * 2)
        store.slow_engine(db, "other", gap_us=SECOND_US, wait=None, now=NOW)
    assert state(database).slowed_us == 2 * SLOWED_US
    assert state(database, "other").slowed_us == 2 * SECOND_US


def test_an_engine_never_slows_down_for_ever(database: Database) -> None:
    """Given 429 after 429, then a call a minute is the slowest pace; when it answers quietly, then it is asked faster."""
    with database.begin() as db:
        for number in range(20):
            store.slow_engine(db, "sim", gap_us=0, wait=None, now=NOW + SLOWED_TOGETHER * 2 * number)
    assert state(database).slowed_us == SLOWEST_US
    at, quiet = 1000.0, SLOW_FOR.total_seconds() + 1
    succeed(database, at=at)
    seen = [state(database).slowed_us]
    while seen[-1]:
        at += quiet
        succeed(database, at=at)
        seen.append(state(database).slowed_us)
    assert seen[0] == SLOWEST_US // 2
    assert seen == sorted(seen, reverse=True)
    assert len(seen) < 15


def test_a_success_right_after_a_429_does_not_speed_up(database: Database) -> None:
    """Given a slowed engine, when a call that was in flight succeeds at once, then the pace stays."""
    with database.begin() as db:
        store.slow_engine(db, "sim", gap_us=0, wait=None, now=NOW)
    succeed(database, at=1)
    assert state(database).slowed_us == SLOWED_US


# -- the breaker


def test_failures_in_a_row_open_it_for_a_while(database: Database) -> None:
    """Given five failures within a minute, then it is open for a moment; a success in between starts the count anew."""
    fail(database, MOST_FAILURES - 1)
    succeed(database, at=1)
    fail(database, MOST_FAILURES - 1, at=2)
    assert state(database).open_until is None
    fail(database, 1, at=3)
    found = state(database)
    assert (found.open_until, found.open_reason, found.standing) == (
        NOW + seconds(3) + FIRST_OPEN,
        "overloaded",
        False,
    )


def test_failures_far_apart_do_not_open_it(database: Database) -> None:
    """Given a failure every forty seconds, then it stays closed."""
    for number in range(20):
        fail(database, 1, at=40.0 * number)
    assert state(database).open_until is None


def test_one_probe_finds_out(database: Database) -> None:
    """Given an open engine whose time has come, when many would try, then one does; its success closes it."""
    fail(database, MOST_FAILURES)
    at = FIRST_OPEN.total_seconds() + 1

    def probe(_: int) -> bool:
        with database.begin() as db:
            return store.take_probe(db, "sim", until=NOW + seconds(at + 60), now=NOW + seconds(at))

    with database.begin() as db:
        assert not store.take_probe(db, "sim", until=NOW + seconds(60), now=NOW + seconds(1))
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(probe, range(8))) == 1
    succeed(database, at=at + 1)
    assert state(database).open_until is None


def test_a_probe_of_which_nothing_is_heard_is_made_again(database: Database) -> None:
    """Given a probe whose worker died, when its time has passed, then another one may probe."""
    fail(database, MOST_FAILURES)
    with database.begin() as db:
        assert store.take_probe(db, "sim", until=NOW + seconds(70), now=NOW + seconds(10))
        assert not store.take_probe(db, "sim", until=NOW + seconds(99), now=NOW + seconds(69))
        assert store.take_probe(db, "sim", until=NOW + seconds(200), now=NOW + seconds(71))


def test_each_failed_probe_opens_it_for_longer(database: Database) -> None:
    """Given probe after probe that fails, then each opening is twice as long, up to five minutes."""
    fail(database, MOST_FAILURES)
    lengths = []
    now = NOW
    for _ in range(9):
        open_until = state(database).open_until
        assert open_until is not None
        lengths.append(open_until - now)
        now = open_until
        fail(database, 1, at=(now - NOW).total_seconds())
    assert lengths[:3] == [FIRST_OPEN, FIRST_OPEN * 2, FIRST_OPEN * 4]
    assert lengths[-1] == LONGEST_OPEN


def test_calls_in_flight_do_not_prolong_an_opening(database: Database) -> None:
    """Given an open engine, when calls that began before it opened fail, then it stays open as long as it was."""
    fail(database, MOST_FAILURES)
    before = state(database).open_until
    fail(database, 10, at=1)
    assert state(database).open_until == before


@pytest.mark.parametrize("scope", ["sim", "sim/m1"])
def test_other_settings_close_what_was_opened(database: Database, scope: str) -> None:
    """Given an opening for a wrong key, when the settings are met again, then it stays; when others are, it is gone."""
    with database.begin() as db:
        store.open_engine(db, scope, reason="auth", message="401", wait=None, settings="old", now=NOW)
        store.meet_settings(db, scope, "old", now=NOW)
    found = state(database, scope)
    assert (found.open_until, found.standing) == (NOW + STANDING_OPEN, True)
    with database.begin() as db:
        store.meet_settings(db, scope, "new", now=NOW)
    assert state(database, scope).open_until is None


# -- executions that wait for a paused engine


def of(engine: EngineRef) -> Plan:
    """The plan at hand, for this engine alone."""
    return replace(PLAN, engines=(engine,))


def pause(database: Database, scope: str, *, reason: str = "auth") -> None:
    with database.begin() as db:
        words = f"{scope}: HTTP 401"
        store.open_engine(db, scope, reason=reason, message=words, wait=None, settings="s", now=NOW)


def refuse(database: Database, execution_id: str) -> int:
    with database.begin() as db:
        return store.refuse_paused(db, execution_id, now=NOW)


def test_a_paused_engine_is_waited_for_while_others_are_asked(database: Database) -> None:
    """Given two engines, one of them paused, when the other's samples are settled, then, and not before, it is given up."""
    execution_id = plan(database)
    pause(database, "qwen")
    with database.read() as db:
        rows = store.list_samples(db, execution_id, store.SampleFilter(), 100)
    others = [row.sample_id for row in rows if row.engine == "doubao"]
    assert refuse(database, execution_id) == 0
    settle(database, claim(database, others), answered())
    assert refuse(database, execution_id) == 0, "answers are not analyzed yet"
    analyze(database, others)
    assert refuse(database, execution_id) == 4
    assert close(database, execution_id)
    with database.read() as db:
        failed = store.list_samples(db, execution_id, store.SampleFilter(engine="qwen"), 100)
    assert {(row.state, row.error_code) for row in failed} == {("failed", "auth")}
    words = "qwen: HTTP 401; so it is not asked before 13:00 UTC, unless its settings change or `brandq probe qwen`"
    assert all(str(row.error_message).startswith(words) for row in failed)


def test_a_paused_model_does_not_hold_back_its_provider(database: Database) -> None:
    """Given a plan of one paused model, then it is given up at once; a plan of the provider's other model is not."""
    pause(database, "doubao/m1", reason="model")
    one, two = PLAN.engines
    first = plan(database, plan=of(one))
    other = plan(database, plan=of(EngineRef("doubao/m9", "doubao", "m9")))
    assert refuse(database, first) == 4
    assert refuse(database, other) == 0
    assert two.scopes == ("qwen", "qwen/m2")


def test_trouble_that_passes_is_waited_for_until_the_deadline(database: Database) -> None:
    """Given an engine that fails, when nothing else is open, then it is waited for; at the deadline its reason is told."""
    execution_id = plan(database, plan=of(PLAN.engines[0]))
    with database.begin() as db:
        store.note_failures(db, "doubao", 9, reason="overloaded", message="HTTP 503", now=NOW)
    assert refuse(database, execution_id) == 0
    late = NOW + timedelta(hours=3)
    with database.begin() as db:
        assert store.refuse_overdue(db, now=NOW, limit=10) == 0
        assert store.refuse_overdue(db, now=late, limit=10) == 4
        assert store.expire_overdue(db, now=late, limit=10) == [(execution_id, DEFAULT_PRIORITY)]
        rows = store.list_samples(db, execution_id, store.SampleFilter(), 10)
    assert {row.error_code for row in rows} == {"overloaded"}
    assert "deadline passed while doubao was paused: HTTP 503" in str(rows[0].error_message)


def test_what_is_simulated_harms_no_real_engine(database: Database) -> None:
    """Given a paused simulated provider, then the real one of the same name is not paused."""
    real = PLAN.engines[0]
    pause(database, "doubao?simulated")
    execution_id = plan(database, plan=of(real))
    assert refuse(database, execution_id) == 0
    assert states(database, execution_id) == {"waiting": 4}
    assert len(ids(database, execution_id)) == 4
