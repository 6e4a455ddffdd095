"""What an operator reads: messages say what they are and who sent them, consumers say whose they are; nothing hangs on it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dramatiq
import pytest

from brandq import __version__
from brandq.actors import upkeep
from brandq.actors.about import MOST_BYTES, about, read_about, sending_as
from brandq.actors.analyze import analyze
from brandq.actors.broker import RabbitBroker, queue_depths
from brandq.actors.clock import _Clock
from brandq.actors.dead_letters import dead_letters
from brandq.actors.declare import QUEUES, actor, message
from brandq.actors.embedded import EmbeddedBroker
from brandq.actors.fetch import fetch
from brandq.actors.notify import notify
from brandq.actors.report import report
from brandq.actors.upkeep import tick
from tests.actors.installed import Installed, installed
from tests.actors.working import SOON_S, NotingDesk, opened, working
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

EXECUTION = "5f0c3a52-7d4e-4f6a-9c1b-2e8d7a6b5c4d"
HERE = f"{socket.gethostname()}:{os.getpid()}"
REPORT = "brandq.report"


@pytest.fixture
def rabbit(rabbitmq_url: str) -> Iterator[RabbitBroker]:
    with opened(rabbitmq_url) as broker:
        assert isinstance(broker, RabbitBroker)
        yield broker


@pytest.fixture
def idle(tmp_path: Path, sqlite_url: str) -> Iterator[Installed]:
    """An installation without a worker: what is sent stays where it can be read."""
    with installed(tmp_path, sqlite_url, "embedded", working=False) as site:
        yield site


def sent(site: Installed, queue: str, count: int) -> list[dict[str, Any]]:
    """The options of the messages that wait or are delayed in a queue, once there are so many."""
    broker = site.desk.broker
    assert isinstance(broker, EmbeddedBroker)
    held = broker.queues[f"brandq.{queue}"]

    def waiting() -> list[bytes] | None:
        bodies = [entry.body for entry in sorted(held.ready)] + [entry.body for _, _, entry in held.delayed]
        return bodies if len(bodies) >= count else None

    found = wait_until(waiting, SOON_S, f"{count} messages in {queue}")
    assert found is not None
    assert len(found) == count
    return [dict(dramatiq.Message.decode(body).options) for body in found]


@pytest.mark.parametrize(
    ("fn", "args", "given", "said"),
    [
        (fetch, ([7, 8, 9],), {"execution_id": EXECUTION, "engine": "kimi"}, {"execution_id": EXECUTION, "engine": "kimi", "samples": 3}),
        (analyze, (EXECUTION, [7]), {"engine": "kimi"}, {"execution_id": EXECUTION, "engine": "kimi", "samples": 1}),
        (report, (EXECUTION,), {}, {"execution_id": EXECUTION}),
        (notify, (EXECUTION,), {}, {"execution_id": EXECUTION}),
        (tick, (), {}, {}),
    ],
)  # fmt: skip
def test_a_message_says_what_it_is(fn: Any, args: Any, given: dict[str, str], said: dict[str, Any]) -> None:
    """Given each actor's arguments, then the message names its execution, its engine and how many samples, and its sender."""
    told = about(fn, args, role="web", worker="pod-7:1", **given)
    assert told == {**said, "sent_by": "web pod-7:1", "version": __version__}


@pytest.mark.parametrize("letter", ["e", "问", '"', "\U0001f451"])
def test_what_it_says_stays_small(letter: str) -> None:
    """Given names as long as the tables take, of any script, then what is said of a message is at most 300 bytes."""
    with sending_as("upkeep release_expired"):
        told = about(fetch, ([1] * 32,), role="work", worker=letter * 200, execution_id=EXECUTION, engine=letter * 200)
    assert len(json.dumps(told)) <= MOST_BYTES
    assert told["execution_id"] == EXECUTION
    assert told["samples"] == 32
    assert told["engine"].startswith(letter)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, {}),
        ({"about": None}, {}),
        ({"about": "of another version"}, {}),
        ({"about": [1]}, {}),
        ({"about": {"sent_by": 7, "samples": "3", "engine": {}, "execution_id": None, "more": 1}}, {}),
        ({"about": {"samples": True}}, {}),
        ({"about": {"samples": -1}}, {}),
        ({"about": {"sent_by": "\x1b[31mred", "version": "<b>", "execution_id": "mine", "engine": "a\nb"}}, {}),
        ({"about": {"engine": "豆包 1.6"}}, {"engine": "豆包 1.6"}),
        ({"about": {"sent_by": "x" * 999, "samples": 2}}, {"sent_by": "x" * 64, "samples": 2}),
    ],
)
def test_nonsense_in_its_place_is_left_out(options: dict[str, Any], said: dict[str, Any]) -> None:
    """Given a message of another version or of nobody, then of what it says only what has its shape is read."""
    assert read_about(options) == said


@pytest.mark.parametrize(
    "said", [None, 7, "text", [1], {"samples": "many"}, {"sent_by": "\x00" * 500}, {"a": {"b": []}}]
)
def test_nobody_depends_on_what_a_message_says(broker_url: str, said: Any) -> None:
    """Given messages that say nothing of themselves, or nonsense, when they are worked on, then they run, are tried again,
    and end in the dead letters like any other, and whoever looks there sees them."""
    desk = NotingDesk()

    @actor(queue_name=REPORT, max_retries=1, min_backoff=10, max_backoff=10)
    def report(desk: NotingDesk, execution_id: str) -> None:
        desk.note(execution_id)
        raise ValueError("as every time")

    with opened(broker_url) as broker, working(broker, desk, report):
        plain = message(report, EXECUTION)
        broker.enqueue(plain.copy(options={"about": said}))
        wait_until(lambda: queue_depths(broker)[REPORT].dead == 1, SOON_S, "the dead letter")
        assert desk.notes == [EXECUTION, EXECUTION]
        (letter,) = dead_letters(broker, REPORT)
    assert letter.execution_ids == (EXECUTION,)
    assert letter.sender is None or len(letter.sender) < 100


def test_what_a_message_says_outlives_its_tries(broker_url: str) -> None:
    """Given a message that fails twice, then its dead letter still says who sent it, of which version."""
    desk = NotingDesk()

    @actor(queue_name=REPORT, max_retries=2, min_backoff=10, max_backoff=10)
    def report(desk: NotingDesk, execution_id: str) -> None:
        raise ValueError("as every time")

    with opened(broker_url) as broker, working(broker, desk, report):
        said = about(report, (EXECUTION,), role="web", worker="pod-7:1")
        broker.enqueue(message(report, EXECUTION, about=said))
        wait_until(lambda: queue_depths(broker)[REPORT].dead == 1, SOON_S, "the dead letter")
        (letter,) = dead_letters(broker, REPORT)
    assert letter.about == said
    assert letter.sender == f"web pod-7:1 ({__version__})"


def test_what_is_accepted_and_what_a_sweep_sends_tell_who_sent_it(idle: Installed) -> None:
    """Given an accepted plan, then its messages name the process that sent them; and when a sweep sends them again, the
    sweep."""
    execution_id = idle.submit(repeats=2)
    (first,) = sent(idle, "fetch", 1)
    assert first["about"] == {
        "execution_id": execution_id,
        "engine": "sim",
        "sent_by": f"test {HERE}",
        "version": __version__,
        "samples": 2,
    }
    idle.desk.broker.flush("brandq.fetch")
    later = idle.desk.now() + timedelta(hours=1)
    idle.desk.now = lambda: later  # type: ignore[method-assign]
    upkeep.sweep_all(idle.desk, [upkeep.resend_waiting])
    (again,) = sent(idle, "fetch", 1)
    assert again["about"] == {**first["about"], "sent_by": f"upkeep resend_waiting {HERE}"}


def test_the_tick_tells_that_the_clock_sent_it(idle: Installed) -> None:
    """Given the clock, when it sends a tick, then that says so, beside the instant it is of."""
    ticking = next(one for one in idle.desk.broker.actors.values() if one.actor_name == "tick")
    idle.desk.role = "clock"
    _Clock(idle.desk).send_actors([ticking], "2026-03-01 12:30:00+00:00")
    (options,) = sent(idle, "upkeep", 1)
    assert options["about"]["sent_by"] == f"clock {HERE}"
    assert options["scheduled_at"] == "2026-03-01 12:30:00+00:00"


def test_the_report_of_what_expired_keeps_its_priority(idle: Installed) -> None:
    """Given an overdue execution of priority 7, when its sweep closes it, then its report goes as early as its fetches did."""
    execution_id = idle.accept(idle.plan(priority=7), deadline_s=-1)
    upkeep.sweep_all(idle.desk, [upkeep.expire_overdue])
    (options,) = sent(idle, "report", 1)
    assert options["broker_priority"] == 7
    assert options["about"]["execution_id"] == execution_id
    assert options["about"]["sent_by"] == f"upkeep expire_overdue {HERE}"


def test_rabbitmq_shows_what_a_message_is_without_reading_it(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, rabbitmq_url: str
) -> None:
    """Given messages sent now and later, then their AMQP properties have id, actor, version and time, also in the delay queue,
    and RabbitMQ tells since when the oldest waits."""
    now, later = message(report, EXECUTION, priority=3), message(report, EXECUTION)
    rabbit.declare_queue(REPORT)
    rabbit.enqueue(now)
    rabbit.enqueue(later, delay=60_000)
    path = f"/queues/{rabbitmq_url.rpartition('/')[2]}/{REPORT}"
    since = now.message_timestamp // 1000
    wait_until(lambda: rabbitmq_server.api("GET", path).get("head_message_timestamp") == since, SOON_S, "the age")
    for queue, one in ((REPORT, now), (f"{REPORT}.DQ", later)):
        _, properties, _ = rabbit.channel.basic_get(queue)
        assert properties.message_id == one.message_id
        assert properties.type == "report"
        assert properties.app_id == f"brandq {__version__}"
        assert properties.delivery_mode == 2
        assert abs(properties.timestamp - time.time()) < 60


def test_consumers_say_whose_they_are(rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, rabbitmq_url: str) -> None:
    """Given a worker, then the management UI shows at each of its queues which process of which role consumes."""
    vhost = rabbitmq_url.rpartition("/")[2]

    def consumers() -> dict[str, str] | None:
        found = {one["queue"]["name"]: one["consumer_tag"] for one in rabbitmq_server.api("GET", f"/consumers/{vhost}")}
        return found if len(found) == 2 else None

    @actor(queue_name=REPORT, actor_name="report")
    def note(desk: NotingDesk, execution_id: str) -> None:
        desk.note(execution_id)

    with working(rabbit, NotingDesk(), note):
        assert wait_until(consumers, SOON_S, "the consumers") == {
            REPORT: f"test {HERE}",
            f"{REPORT}.DQ": f"test {HERE}",
        }


def test_the_longest_tag_fits() -> None:
    """Given a worker on every queue, on a host with the longest of names, then its tag is one that AMQP takes."""
    role = "work " + "+".join(sorted(name.removeprefix("brandq.") for name in QUEUES))
    assert len(f"{role} {'h' * 64}:{2**22}") <= 255
