"""What happens around a message: the loop, the desk, the drain, the retries, the limits, the clock's tick, the log."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pytest
from dramatiq.asyncio import EventLoopThread
from dramatiq.middleware import Middleware
from dramatiq.middleware.threading import raise_thread_exception
from dramatiq.middleware.time_limit import TimeLimitExceeded
from periodiq import Scheduler, cron

from brandq.actors.broker import queue_depths, run_worker, stop_worker
from brandq.actors.declare import MAX_PRIORITY, actor, bind, declared, message
from brandq.actors.embedded import EmbeddedBroker
from brandq.actors.middleware import MAX_DELAY_MS, TRACEBACK_CHARS, RollCall, SafeAsyncIO, actor_loop
from tests.actors.working import SOON_S, NotingDesk, opened, working
from tests.waiting import wait_until

FETCH, UPKEEP = "brandq.fetch", "brandq.upkeep"


@pytest.fixture
def desk() -> NotingDesk:
    return NotingDesk()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with opened("embedded") as broker:
        assert isinstance(broker, EmbeddedBroker)
        yield broker


# Declaring and binding


def test_a_declared_actor_stays_a_plain_function(desk: NotingDesk) -> None:
    """Given a decorated function, then it can be called as it stands, and its orders are on record."""

    @actor(queue_name=FETCH, max_retries=1)
    def fetch(desk: NotingDesk, sample_id: int) -> None:
        desk.note(sample_id)

    fetch(desk, 4)
    assert desk.notes == [4]
    assert (declared(fn=fetch).actor_name, declared(fetch).queue_name) == ("fetch", FETCH)
    assert dict(declared(fetch).options) == {
        "max_retries": 1,
        "min_backoff": 60_000,
        "max_backoff": 600_000,
        "time_limit": 600_000,
    }


def test_one_function_is_bound_to_two_brokers(desk: NotingDesk) -> None:
    """Given two brokers and two desks, then each runs the function with its own desk."""

    @actor(queue_name=FETCH)
    async def fetch(desk: NotingDesk, sample_id: int) -> None:
        desk.note(sample_id)

    for number in (1, 2):
        own = NotingDesk()
        with opened("embedded") as broker, working(broker, own, fetch):
            broker.enqueue(message(fetch, number))
            assert own.wait_for(1) == [number]


def test_limits_that_rabbitmq_would_break_are_refused() -> None:
    """A backoff over 15 minutes or a time limit over 25 would meet RabbitMQ's consumer_timeout."""
    with pytest.raises(ValueError, match="max_backoff"):
        actor(queue_name=FETCH, max_backoff=MAX_DELAY_MS + 1)
    with pytest.raises(ValueError, match="time_limit"):
        actor(queue_name=FETCH, time_limit=1_500_001)
    with pytest.raises(ValueError, match="name of a queue"):
        actor(queue_name="brandq fetch")


def test_an_option_that_nobody_understands_is_refused(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given a misspelt option, then binding says so instead of ignoring it."""

    @actor(queue_name=FETCH, max_retires=3)
    def fetch(desk: NotingDesk) -> None: ...

    with pytest.raises(ValueError, match="max_retires"):
        bind(broker, desk, [fetch])


def test_a_message_is_checked_where_it_is_made() -> None:
    """Given an argument that is no id, or a priority out of range, then the caller hears it, not the publisher."""

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk, moment: Any) -> None: ...

    assert message(fetch, [1, 2], priority=MAX_PRIORITY).options == {"broker_priority": MAX_PRIORITY}
    assert message(fetch, "id").options == {}
    with pytest.raises(TypeError):
        message(fetch, datetime.now(UTC))
    with pytest.raises(ValueError, match="priority"):
        message(fetch, 1, priority=MAX_PRIORITY + 1)


# The loop and the desk


def test_the_desk_is_opened_and_closed_once_on_the_loop_of_its_actors(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given many async actors, then the desk was opened once, on their loop, and closed once, after them."""

    @actor(queue_name=FETCH)
    async def fetch(desk: NotingDesk, number: int) -> None:
        await asyncio.sleep(0)
        desk.note((asyncio.get_running_loop(), desk.closed))

    with working(broker, desk, fetch):
        for number in range(10):
            broker.enqueue(message(fetch, number))
        desk.wait_for(10)
    assert len(desk.loops) == 1
    assert set(desk.notes) == {(desk.loops[0], 0)}
    assert desk.closed == 1
    assert desk.loops[0].is_closed()
    assert actor_loop() is None


def test_a_desk_that_does_not_open_ends_the_process(broker: EmbeddedBroker) -> None:
    """Given a desk that fails to open, then no actor runs with it: the process ends with status 3."""

    class Broken(NotingDesk):
        async def open_loop(self) -> None:
            raise OSError("no session")

    @actor(queue_name=FETCH)
    async def fetch(desk: NotingDesk) -> None: ...

    with pytest.raises(SystemExit) as ended, working(broker, Broken(), fetch):
        pass
    assert ended.value.code == 3
    SafeAsyncIO().after_worker_shutdown(broker, None)  # type: ignore[arg-type]


def test_a_loop_that_does_not_start_ends_the_process(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a loop thread that does not come up in time, then the process ends with status 3 and does not hang."""
    go_on = threading.Event()
    monkeypatch.setattr(EventLoopThread, "run", lambda self: go_on.wait(SOON_S))
    with pytest.raises(SystemExit) as ended:
        SafeAsyncIO(boot_timeout_s=0.05).before_worker_boot(broker, None)  # type: ignore[arg-type]
    assert ended.value.code == 3
    (stuck,) = [thread for thread in threading.enumerate() if isinstance(thread, EventLoopThread)]
    assert stuck.daemon
    go_on.set()
    stuck.join(SOON_S)
    stuck.loop.close()


# Stopping


def test_what_outlives_the_grace_is_cancelled_and_given_back(broker_url: str, desk: NotingDesk) -> None:
    """Given an actor that waits on the network, when the worker stops, then after the grace it is cancelled, its
    ``finally`` runs, the desk is still open then, and its message is there for the next worker, with no retry counted.
    """

    @actor(queue_name=FETCH, max_retries=0)
    async def fetch(desk: NotingDesk) -> None:
        desk.note("began")
        try:
            await asyncio.sleep(SOON_S)
        except asyncio.CancelledError:
            desk.note("cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            desk.note(("finally", desk.closed))

    with opened(broker_url, grace_s=0.2) as broker:
        with working(broker, desk, fetch):
            broker.enqueue(message(fetch))
            desk.wait_for(1)
        assert desk.notes == ["began", "cancelled", ("finally", 0)]
        left = queue_depths(broker)[FETCH]
        assert (left.ready, left.delayed, left.dead) == (1, 0, 0)
        consumer = broker.consume(FETCH, timeout=200)
        given_back = wait_until(lambda: next(consumer), SOON_S, "the message that was given back")
        assert "retries" not in given_back.options
        consumer.close()


def test_what_ends_within_the_grace_is_not_cancelled(broker_url: str, desk: NotingDesk) -> None:
    """Given an actor that needs a moment, when the worker stops with a longer grace, then it ends as ever."""
    stopping = threading.Event()

    class Stopping(Middleware):
        def before_worker_shutdown(self, broker: dramatiq.Broker, worker: Any) -> None:
            stopping.set()

    @actor(queue_name=FETCH)
    async def fetch(desk: NotingDesk) -> None:
        desk.note("began")
        await asyncio.to_thread(stopping.wait, SOON_S)
        await asyncio.sleep(0.1)
        desk.note("ended")

    with opened(broker_url, grace_s=SOON_S) as broker:
        broker.add_middleware(Stopping())
        with working(broker, desk, fetch):
            broker.enqueue(message(fetch))
            desk.wait_for(1)
        assert desk.notes == ["began", "ended"]
        assert queue_depths(broker)[FETCH].ready == 0


def test_nothing_runs_on_after_the_stop_timeout(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given a grace longer than the stop timeout, then the actor is cancelled before the desk closes all the same."""

    @actor(queue_name=FETCH)
    async def fetch(desk: NotingDesk) -> None:
        desk.note("began")
        try:
            await asyncio.sleep(SOON_S)
        finally:
            desk.note(("finally", desk.closed))

    with working(broker, desk, fetch, timeout_ms=100):
        broker.enqueue(message(fetch))
        desk.wait_for(1)
    assert desk.notes == ["began", ("finally", 0)]


# Limits and retries


def test_a_time_limit_interrupts_an_actor_that_hangs(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given an async actor over its time limit, then it is cancelled, its ``finally`` runs, and the thread lives on."""

    @actor(queue_name=FETCH, time_limit=100, max_retries=0)
    async def fetch(desk: NotingDesk, hang: bool) -> None:
        try:
            if hang:
                await asyncio.sleep(SOON_S)
            desk.note("done")
        except asyncio.CancelledError:
            desk.note("cancelled")
            raise

    with working(broker, desk, fetch, threads=1) as worker:
        broker.enqueue(message(fetch, True))
        assert desk.wait_for(1) == ["cancelled"]
        wait_until(lambda: queue_depths(broker)[FETCH].dead == 1, SOON_S, "the dead letter")
        broker.enqueue(message(fetch, False))
        assert desk.wait_for(2)[1] == "done"
        assert all(thread.is_alive() for thread in worker.workers)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_ends_the_process(
    broker: EmbeddedBroker, desk: NotingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a time limit that fires between two messages, as it may, then the thread that it ends is missed, told, and the
    process is ended for it; a worker that stops in order is not missed."""
    ended = threading.Event()
    broker.middleware[:] = [
        RollCall(every_s=0.05, end=ended.set) if isinstance(one, RollCall) else one for one in broker.middleware
    ]

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk) -> None: ...

    with working(broker, desk, fetch):
        pass
    assert not ended.is_set()
    worker = run_worker(broker, {FETCH}, 2, worker_timeout_ms=100)
    idle = worker.workers[0]
    assert idle.ident is not None
    raise_thread_exception(idle.ident, TimeLimitExceeded)
    found = ended.wait(SOON_S)
    with pytest.raises(SystemExit) as status:
        stop_worker(worker, 10_000)
    assert found
    assert status.value.code == 3
    assert f"worker thread {idle.name} died" in caplog.text


DYING = """
import logging, sys
from dramatiq.middleware.threading import raise_thread_exception
from dramatiq.middleware.time_limit import TimeLimitExceeded
from brandq.actors.broker import open_broker, run_worker, stop_worker
from brandq.actors.declare import actor, bind
from brandq.running import stop_on_signal

class Desk:
    async def open_loop(self): ...
    def begin_to_stop(self): ...
    async def close_loop(self): ...

@actor(queue_name="brandq.fetch")
def fetch(desk): ...

logging.basicConfig(stream=sys.stdout)
broker = open_broker("embedded", role="test", threads=2, grace_s=1)
bind(broker, Desk(), [fetch])
wait_for_signal = stop_on_signal()
worker = run_worker(broker, {"brandq.fetch"}, 2, worker_timeout_ms=100)
raise_thread_exception(worker.workers[0].ident, TimeLimitExceeded)
wait_for_signal()
stop_worker(worker, 5_000)
print("not reached")
"""


def test_a_process_with_a_dead_thread_ends_with_a_status_that_restarts_it() -> None:
    """Given a worker process, when one of its threads dies, then it stops in order, says why, and ends with status 3."""
    ended = subprocess.run([sys.executable, "-c", DYING], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "died; what it held is given out again" in ended.stdout
    assert "not reached" not in ended.stdout


def test_a_dead_letter_carries_a_short_traceback(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given a failure with an endless message, then what travels with the message is its end, and only so long."""

    @actor(queue_name=FETCH, max_retries=1, min_backoff=10, max_backoff=10)
    def fetch(desk: NotingDesk) -> None:
        raise RuntimeError("x" * 50_000 + " the end")

    with working(broker, desk, fetch):
        broker.enqueue(message(fetch))
        wait_until(lambda: queue_depths(broker)[FETCH].dead == 1, SOON_S, "the dead letter")
    dead = broker.dead(FETCH)[0].message
    assert dead is not None
    assert len(dead.options["traceback"]) == TRACEBACK_CHARS
    assert dead.options["traceback"].rstrip().endswith("the end")
    assert dead.options["retries"] == 2


def test_no_retry_waits_longer_than_a_message_may(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given an actor that asks to be tried again in a day, then its message is delayed by a quarter of an hour."""
    delays: list[int | None] = []

    class Delays(Middleware):
        def after_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
            delays.append(delay)

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk) -> None:
        raise dramatiq.Retry(delay=86_400_000)

    broker.add_middleware(Delays())
    with working(broker, desk, fetch):
        broker.enqueue(message(fetch))
        wait_until(lambda: len(delays) == 2, SOON_S, "the retry")
    assert delays == [None, MAX_DELAY_MS]


def test_the_log_names_the_ids_and_not_what_was_said(
    broker: EmbeddedBroker, desk: NotingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a success, a retry and a last failure, then each has its line with actor, ids and message id."""

    @actor(queue_name=FETCH, max_retries=1, min_backoff=10, max_backoff=10)
    def fetch(desk: NotingDesk, ids: list[int], fails: bool) -> None:
        if fails:
            raise RuntimeError("sk-hidden-word")

    caplog.set_level(logging.INFO, logger="brandq")
    with working(broker, desk, fetch):
        for fails in (False, True):
            broker.enqueue(message(fetch, [17, 18], fails))
            broker.join(FETCH, timeout=int(SOON_S * 1000))
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("brandq")]
    for start in (
        "fetch([17, 18], False) started",
        "fetch([17, 18], False) done in",
        "fetch([17, 18], True) ended in RuntimeError",
    ):
        assert any(line.startswith(start) for line in lines), lines
    assert [("tried again" in line, "dead letters" in line) for line in lines if "ended in" in line] == [
        (True, False),
        (False, True),
    ]
    assert "sk-hidden-word" not in "\n".join(lines)


# The clock's tick


@actor(queue_name=UPKEEP, actor_name="tick", periodic=cron("* * * * *"), max_retries=0, time_limit=50_000)
def tick(desk: NotingDesk) -> None:
    desk.note("tick")


@actor(queue_name=UPKEEP, actor_name="once")
def once(desk: NotingDesk) -> None: ...


@pytest.fixture
def quiet_alarm() -> Iterator[None]:
    """periodiq's scheduler sets an alarm of the process; no test may end with one."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("quiet_alarm")
def test_the_scheduler_ticks_what_is_periodic_and_nothing_else(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given a periodic actor and another, when periodiq's scheduler starts within a minute, then one tick runs."""
    with working(broker, desk, tick, once):
        periodic = [bound for bound in broker.actors.values() if "periodic" in bound.options]
        assert [bound.actor_name for bound in periodic] == ["tick"]
        scheduler = Scheduler(actors=periodic)
        scheduler.schedule()
        assert desk.wait_for(1) == ["tick"]


@pytest.mark.parametrize(("age_s", "runs"), [(0, True), (240, True), (400, False)])
def test_an_old_tick_is_dropped(broker: EmbeddedBroker, desk: NotingDesk, age_s: int, runs: bool) -> None:
    """Given a tick that waited while no worker ran, then one older than five minutes is dropped, not kept as dead."""
    waited = message(tick)
    waited.options["scheduled_at"] = str(datetime.now(UTC) - timedelta(seconds=age_s))
    bind(broker, desk, [tick])
    broker.enqueue(waited)
    with working(broker, desk, tick):
        broker.join(UPKEEP, timeout=int(SOON_S * 1000))
    assert desk.notes == (["tick"] if runs else [])
    assert queue_depths(broker)[UPKEEP].dead == 0
