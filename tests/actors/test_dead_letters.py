"""Dead letters: what nobody can work on gets there at once, and whoever looks learns what it was and what to do."""

from __future__ import annotations

import heapq
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pika
import pytest

from brandq.actors import ACTORS
from brandq.actors.broker import RabbitBroker, queue_depths
from brandq.actors.dead_letters import DeadLetter, dead_letters, explain, ids_of
from brandq.actors.declare import actor, bind, declared, message
from brandq.actors.embedded import EmbeddedBroker, _Entry
from brandq.actors.fitting import KINDS, Unfit, read_message, require_fit
from brandq.store import ExecutionFound, Found, SampleFound
from tests.actors.working import SOON_S, NotingDesk, opened, working
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

REPORT = "brandq.report"
EXECUTION = "5f0c3a52-7d4e-4f6a-9c1b-2e8d7a6b5c4d"
SECRET = "hidden-word"


@actor(queue_name=REPORT, actor_name="report", max_retries=1, min_backoff=10, max_backoff=10)
def report(desk: NotingDesk, execution_id: str, sample_ids: list[int]) -> None:
    desk.note((execution_id, sample_ids))
    if 13 in sample_ids:
        raise ValueError("as every time")


@pytest.fixture
def desk() -> NotingDesk:
    return NotingDesk()


@pytest.fixture
def broker(broker_url: str) -> Iterator[dramatiq.Broker]:
    with opened(broker_url) as broker:
        yield broker


@pytest.fixture
def rabbit(rabbitmq_url: str) -> Iterator[RabbitBroker]:
    with opened(rabbitmq_url) as broker:
        assert isinstance(broker, RabbitBroker)
        yield broker


@pytest.fixture(autouse=True)
def quick_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dramatiq waits three seconds before it consumes again; the tests wait less."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.2)


def body(**fields: Any) -> bytes:
    """A message for ``report`` as it travels, with these fields in place of the right ones."""
    right = message(report, EXECUTION, [1]).asdict()
    return json.dumps({**right, "args": list(right["args"]), **fields}).encode()


def put(broker: dramatiq.Broker, sent: bytes, queue_name: str = REPORT) -> None:
    """Lay these bytes into a queue, as somebody may who is not brandq."""
    if isinstance(broker, EmbeddedBroker):
        queue = broker.queues[queue_name]
        with queue.changed:
            heapq.heappush(queue.ready, _Entry(0, broker.next_number(), sent))
            queue.changed.notify_all()
        return
    assert isinstance(broker, RabbitBroker)
    broker.channel.basic_publish("", queue_name, sent, pika.BasicProperties(delivery_mode=2))


def is_dead(broker: dramatiq.Broker, count: int = 1) -> bool:
    return queue_depths(broker)[REPORT].dead == count


UNFIT = {
    "bytes": (b"\xff\x00" + SECRET.encode(), "not a message"),
    "json of another shape": (json.dumps([SECRET]).encode(), "not a message"),
    "an object of another shape": (json.dumps({"secret": SECRET}).encode(), "not a message"),
    "no options": (body(options=None), "not a message: its arguments or options are of another shape"),
    "no keyword arguments": (body(kwargs=[SECRET]), "not a message: its arguments or options are of another shape"),
    "no actor": (body(actor_name=[SECRET]), "not a message: its head is of another shape"),
    "no time": (body(message_timestamp=SECRET), "not a message: its head is of another shape"),
    "no number of retries": (body(options={"retries": SECRET}), "not a message: its options are of another shape (retries)"),
    "never due": (body(options={"eta": float("inf")}), "not a message: its options are of another shape (eta)"),
    "another queue's": (body(queue_name="brandq.elsewhere"), "addressed to another queue"),
    "another version's actor": (body(actor_name="newer"), "no such actor here"),
    "too many arguments": (body(args=[EXECUTION, [1], SECRET]), "arguments do not fit: 3 of them, 2 are wanted"),
    "too few arguments": (body(args=[EXECUTION]), "arguments do not fit: 1 of them, 2 are wanted"),
    "a text for a list of ids": (body(args=[EXECUTION, SECRET]), "arguments do not fit: sample_ids is no list[int]"),
    "texts for ids": (body(args=[EXECUTION, ["1"]]), "arguments do not fit: sample_ids is no list[int]"),
    "a flag for an id": (body(args=[EXECUTION, [True]]), "arguments do not fit: sample_ids is no list[int]"),
    "a number for a text": (body(args=[7, [1]]), "arguments do not fit: execution_id is no str"),
    "an unknown keyword": (body(kwargs={SECRET: 1}), "arguments do not fit: 3 of them, 2 are wanted"),
    "due in a thousand years": (body(options={"eta": 33_000_000_000_000}), "due too far ahead for a message"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "reason"), UNFIT.values(), ids=UNFIT)
def test_what_cannot_be_worked_on_is_a_dead_letter_at_once(
    broker: dramatiq.Broker, desk: NotingDesk, caplog: pytest.LogCaptureFixture, sent: bytes, reason: str
) -> None:
    """Given a message that nobody here can work on, then it is a dead letter without a try, its log line has the queue and
    the reason and nothing of the message, and each thread of the worker serves the next messages."""
    with working(broker, desk, report, threads=2) as worker:
        if isinstance(broker, RabbitBroker):
            broker.declare_queue(REPORT, ensure=True)
        caplog.set_level(logging.INFO)
        put(broker, sent)
        wait_until(lambda: is_dead(broker), SOON_S, "the dead letter")
        for number in (2, 3, 4):
            broker.enqueue(message(report, EXECUTION, [number]))
        assert sorted(desk.wait_for(3)) == [(EXECUTION, [number]) for number in (2, 3, 4)]
        assert all(thread.is_alive() for thread in [*worker.workers, *worker.consumers.values()])
    (letter,) = dead_letters(broker, REPORT)
    assert (letter.reason, letter.size) == (reason, len(sent))
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert lines[0].startswith(f"dead letter from {REPORT} (")
    assert lines[0].endswith(f"): {reason}")
    assert SECRET not in caplog.text
    assert SECRET not in str(letter)


def test_what_waits_in_the_delay_queue_is_looked_at_too(rabbit: RabbitBroker, desk: NotingDesk) -> None:
    """Given a delayed message of an older shape, then it is a dead letter now, not when it would be due."""
    with working(rabbit, desk, report):
        rabbit.enqueue(message(report, EXECUTION, [1]).copy(args=(EXECUTION, "1,2")), delay=60_000)
        wait_until(lambda: is_dead(rabbit), SOON_S, "the dead letter")
    (letter,) = dead_letters(rabbit, REPORT)
    assert letter.reason == "arguments do not fit: sample_ids is no list[int]"


def test_every_argument_of_ours_is_checked() -> None:
    """Given our actors, then each of their arguments is of a kind that is checked, and a right message fits."""
    for function in ACTORS:
        known = declared(function)
        kinds = [kind for name, kind in function.__annotations__.items() if name not in ("desk", "return")]
        assert set(kinds) <= set(KINDS), known.actor_name
        right = {"int": 1, "str": EXECUTION, "bool": True, "list[int]": [1, 2]}
        sent = message(function, *(right[kind] for kind in kinds))
        require_fit(read_message(sent.encode()), known.queue_name, {known.actor_name: function})
        with pytest.raises(Unfit, match="arguments do not fit"):
            require_fit(sent.copy(args=(*sent.args, 1)), known.queue_name, {known.actor_name: function})


# Listing


def test_what_failed_is_listed_with_its_ids_and_its_error(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given an actor that failed on its first try and its last, then its letter says which ids, how often and why."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    with working(broker, desk, report):
        sent = broker.enqueue(message(report, EXECUTION, [13, 14]))
        wait_until(lambda: is_dead(broker), SOON_S, "the dead letter")
    (letter,) = dead_letters(broker, REPORT)
    assert (letter.actor_name, letter.message_id) == ("report", sent.message_id)
    assert (letter.sample_ids, letter.execution_ids) == ((13, 14), (EXECUTION,))
    assert letter.reason == "failed 2 times: ValueError: as every time"
    assert letter.tries == len(desk.notes) == 2
    assert letter.sent_at is not None
    assert letter.died_at is not None
    # RabbitMQ notes whole seconds
    assert before - timedelta(seconds=1) < letter.sent_at <= letter.died_at + timedelta(seconds=1)


def test_a_listing_leaves_everything_as_it_was(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, rabbitmq_url: str, desk: NotingDesk
) -> None:
    """Given 25 dead letters, when they are listed twice, then the 20 oldest are shown in their order, none is missing, and
    no connection stays open."""
    bind(rabbit, desk, [report])
    rabbit.declare_queue(REPORT, ensure=True)
    for number in range(1, 26):
        put(rabbit, body(args=[EXECUTION, [number]]), f"{REPORT}.XQ")
    rabbit.release_connection()
    for _ in range(2):
        letters = dead_letters(rabbit, REPORT)
        assert [letter.sample_ids for letter in letters] == [(number,) for number in range(1, 21)]
        assert queue_depths(rabbit)[REPORT].dead == 25
    assert len(dead_letters(rabbit, REPORT, most=1_000)) == 25
    assert dead_letters(rabbit, REPORT, most=1)[0].sample_ids == (1,)


def test_a_listing_does_not_make_a_letter_live_longer(rabbit: RabbitBroker, desk: NotingDesk) -> None:
    """Given a letter that is kept for a while, when it is listed again and again, then it goes when it was to go."""
    bind(rabbit, desk, [report])
    rabbit.declare_queue(REPORT, ensure=True)
    kept = pika.BasicProperties(delivery_mode=2, expiration="1500")
    rabbit.channel.basic_publish("", f"{REPORT}.XQ", body(), kept)
    looks = 0

    def gone() -> bool:
        nonlocal looks
        looks += 1
        return not dead_letters(rabbit, REPORT)

    # looked at far more often than it lives: were its time to begin anew with each look, it would never go
    wait_until(gone, SOON_S, "the letter to expire", every_s=0.1)
    assert looks > 3


def test_what_expired_says_so(rabbit: RabbitBroker, desk: NotingDesk) -> None:
    """Given a message that a limit of the server's took out of its queue, then its letter says that nobody took it."""
    bind(rabbit, desk, [report])
    rabbit.declare_queue(REPORT, ensure=True)
    rabbit.channel.basic_publish("", REPORT, body(), pika.BasicProperties(delivery_mode=2, expiration="1"))
    wait_until(lambda: is_dead(rabbit), SOON_S, "the dead letter")
    (letter,) = dead_letters(rabbit, REPORT)
    assert letter.reason == "expired: nobody took it in time"
    assert letter.sample_ids == (1,)


def test_what_another_version_refused_says_so(rabbit: RabbitBroker, desk: NotingDesk) -> None:
    """Given a letter that this process could work on, then it does not say that it failed."""
    bind(rabbit, desk, [report])
    rabbit.declare_queue(REPORT, ensure=True)
    put(rabbit, body(), f"{REPORT}.XQ")
    (letter,) = dead_letters(rabbit, REPORT)
    assert "a worker of another version refused it" in letter.reason


def test_a_queue_that_is_not_there_has_no_letters(rabbit: RabbitBroker) -> None:
    """Given a server that has never seen the queue, then nothing is listed and nothing is made there."""
    rabbit.declare_queue(REPORT)
    assert dead_letters(rabbit, REPORT) == []
    assert queue_depths(rabbit)[REPORT].dead == 0


# What the tables say of them

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def sample(state: str, status: str = "running", **more: Any) -> SampleFound:
    return SampleFound(**{"state": state, "status": status, "sent_at": None, "next_attempt_at": None, **more})


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({17: sample("analyzed"), 18: sample("analyzed")}, "samples 17, 18: analyzed; nothing to do"),
        ({17: sample("failed"), 18: sample("asking")}, "sample 17: failed; nothing to do; "
         "sample 18: being asked by a worker; nothing to do"),
        ({}, "samples 17, 18: not known any more; nothing to do"),
        ({17: sample("answered", "cancelled"), 18: sample("answered", "cancelled")},
         "samples 17, 18: answered, but its execution ended as cancelled; nothing to do"),
        ({17: sample("waiting", sent_at=NOW - timedelta(seconds=70)), 18: sample("analyzed")},
         "sample 17: waits; its sweep sends it again within 110 s, or 1190 s while its queue is not empty; "
         "sample 18: analyzed; nothing to do"),
        ({17: sample("answered", sent_at=NOW - timedelta(days=1)), 18: sample("analyzed")},
         "sample 17: answered, not read yet; its sweep sends it again within 60 s, or 60 s while its queue is not empty; "
         "sample 18: analyzed; nothing to do"),
        ({17: sample("waiting", next_attempt_at=NOW + timedelta(hours=1)), 18: sample("failed")},
         "sample 17: waits until 2026-03-01 13:00:00 UTC, and its sweep sends it again after that; "
         "sample 18: failed; nothing to do"),
    ],
)  # fmt: skip
def test_samples_are_explained(known: dict[int, SampleFound], words: str) -> None:
    """Given what the tables say of a letter's samples, then the words say it, and when a sweep comes."""
    letter = DeadLetter("brandq.fetch", "failed", 1, actor_name="fetch", sample_ids=(17, 18))
    assert explain(letter, Found(known, {}), lost_after_s=120, now=NOW) == words


@pytest.mark.parametrize(
    ("actor_name", "its", "words"),
    [
        ("report", None, "is not known any more; nothing to do"),
        ("report", ExecutionFound("completed", NOW, None, None), "ended as completed; nothing to do"),
        ("report", ExecutionFound("running", NOW, None, None), "is running; its sweeps send what is open again"),
        ("report", ExecutionFound("reporting", NOW, None, None), "waits for its report; its sweep sends it again within 180 s"),
        ("notify", ExecutionFound("completed", NOW, NOW, NOW), ": its webhook was told; nothing to do"),
        ("notify", ExecutionFound("completed", NOW, None, None), ": its webhook is told no more; nothing to do"),
        ("notify", ExecutionFound("completed", NOW, None, NOW), ": its webhook is told again after 2026-03-01 12:00:00 UTC"),
    ],
)  # fmt: skip
def test_executions_are_explained(actor_name: str, its: ExecutionFound | None, words: str) -> None:
    """Given what the tables say of a letter's execution, then the words say it."""
    letter = DeadLetter(REPORT, "failed", 1, actor_name=actor_name, execution_ids=(EXECUTION,))
    found = Found({}, {} if its is None else {EXECUTION: its})
    assert explain(letter, found, lost_after_s=120, now=NOW).removeprefix(f"execution {EXECUTION}").strip() == words


def test_letters_without_ids_are_explained_too() -> None:
    """Given a tick, and what cannot be read, then the words say why nothing is lost with them."""
    nothing = Found({}, {})
    tick = DeadLetter("brandq.upkeep", "failed", 1, actor_name="tick")
    assert "every minute" in explain(tick, nothing, lost_after_s=120, now=NOW)
    unreadable = DeadLetter("brandq.upkeep", "not a message", 9)
    assert "stands in the tables" in explain(unreadable, nothing, lost_after_s=120, now=NOW)
    assert ids_of([tick, unreadable]) == (set(), set())
