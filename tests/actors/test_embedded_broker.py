"""What the in-process broker keeps to beside the promises it shares with RabbitMQ, and the publishing thread on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import ConnectionClosed, QueueJoinTimeout, QueueNotFound
from dramatiq.middleware import Middleware

from brandq.actors.broker import queue_depths
from brandq.actors.declare import MAX_PRIORITY, actor, bind, message
from brandq.actors.embedded import MAX_DEAD, EmbeddedBroker, QueueFull
from brandq.actors.publisher import Publisher
from tests.actors.working import SOON_S, NotingDesk, opened, working

REPORT = "brandq.report"


@actor(queue_name=REPORT, actor_name="note")
def note(desk: NotingDesk, sample_id: int) -> None:
    desk.note(sample_id)


@pytest.fixture
def desk() -> NotingDesk:
    return NotingDesk()


@pytest.fixture
def broker(desk: NotingDesk) -> Iterator[EmbeddedBroker]:
    with opened("embedded") as broker:
        assert isinstance(broker, EmbeddedBroker)
        bind(broker, desk, [note])
        yield broker


def _take(broker: dramatiq.Broker, count: int) -> list[int]:
    consumer = broker.consume(REPORT, timeout=100)
    taken = []
    for _ in range(count):
        delivery = next(consumer)
        assert delivery is not None
        taken.append(delivery.args[0])
        consumer.ack(delivery)
    assert next(consumer) is None
    consumer.close()
    return taken


def test_messages_leave_by_priority_and_then_by_arrival(broker: EmbeddedBroker) -> None:
    """Given mixed priorities, none and some above the highest, then they leave as RabbitMQ would have them leave."""
    for number, priority in enumerate([0, 9, None, 5, 9, 10]):
        broker.enqueue(message(note, number, priority=priority))
    above = message(note, 6)
    above.options["broker_priority"] = MAX_PRIORITY + 90
    broker.enqueue(above)
    assert _take(broker, 7) == [5, 6, 1, 4, 3, 0, 2]


def test_a_message_that_was_delayed_stands_behind_its_equals(broker: EmbeddedBroker) -> None:
    """Given a message due after others have arrived, then it is the last of its priority, wherever it was sent from."""
    broker.enqueue(message(note, 1), delay=30)
    broker.enqueue(message(note, 2))
    consumer = broker.consume(REPORT, timeout=int(SOON_S * 1000))
    for expected in (2, 1):
        delivery = next(consumer)
        assert delivery is not None
        assert delivery.args == (expected,)
        assert "eta" not in delivery.options
        consumer.ack(delivery)


def test_no_more_is_handed_out_than_the_share(broker: EmbeddedBroker) -> None:
    """Given a share of two, then a third message waits until one of the two is settled."""
    broker.shares = {REPORT: 2}
    for number in range(3):
        broker.enqueue(message(note, number))
    consumer = broker.consume(REPORT, prefetch=100, timeout=50)
    first, second = next(consumer), next(consumer)
    assert first is not None
    assert second is not None
    assert next(consumer) is None
    consumer.ack(first)
    third = next(consumer)
    assert third is not None
    assert third.args == (2,)


def test_what_is_requeued_takes_its_old_place(broker: EmbeddedBroker) -> None:
    """Given two taken messages that are given back, then they leave before those that came after them."""
    for number in range(3):
        broker.enqueue(message(note, number))
    consumer = broker.consume(REPORT, timeout=50)
    taken = [next(consumer), next(consumer)]
    consumer.requeue([delivery for delivery in reversed(taken) if delivery is not None])
    consumer.close()
    assert _take(broker, 3) == [0, 1, 2]


def test_a_stale_settling_changes_nothing(broker: EmbeddedBroker) -> None:
    """Given a message that was given to somebody else, when its first holder settles it, then it stays."""
    broker.enqueue(message(note, 1))
    old = broker.consume(REPORT, timeout=50)
    held = next(old)
    assert held is not None
    old.close()
    new = broker.consume(REPORT, timeout=50)
    again = next(new)
    assert again is not None
    for consumer in (old, new):
        consumer.ack(held)
        consumer.nack(held)
    with pytest.raises(QueueJoinTimeout):
        broker.join(REPORT, timeout=50)
    assert queue_depths(broker)[REPORT].dead == 0
    new.ack(again)
    broker.join(REPORT, timeout=50)


def test_dead_letters_are_bounded_and_can_be_read(broker: EmbeddedBroker) -> None:
    """Given more dead letters than are kept, then the last ones are there, oldest first."""
    consumer = broker.consume(REPORT, timeout=50)
    for number in range(MAX_DEAD + 1):
        broker.enqueue(message(note, number))
        delivery = next(consumer)
        assert delivery is not None
        consumer.nack(delivery)
    dead = [letter.message for letter in broker.dead(REPORT) if letter.message is not None]
    assert [dead[0].args, dead[-1].args] == [(1,), (MAX_DEAD,)]
    assert queue_depths(broker)[REPORT].dead == MAX_DEAD
    broker.flush_all()
    assert broker.dead(REPORT) == []


def test_a_full_queue_takes_nothing_more() -> None:
    """Given a queue that holds what it may, delayed messages included, then the next one is refused."""
    broker = EmbeddedBroker(threads=1, max_priority=MAX_PRIORITY, middleware=[], max_waiting=2)
    broker.declare_queue(REPORT)
    broker.enqueue(message(note, 1))
    broker.enqueue(message(note, 2), delay=60_000)
    with pytest.raises(QueueFull, match=REPORT):
        broker.enqueue(message(note, 3))
    broker.flush(REPORT)
    broker.enqueue(message(note, 3))


def test_closing_ends_waiting_consumers_at_once(broker: EmbeddedBroker) -> None:
    """Given a consumer that waits for a message, when the broker closes, then it ends long before its timeout."""
    consumer = broker.consume(REPORT, timeout=60_000)
    ended = threading.Event()

    def wait() -> None:
        for _ in consumer:
            pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    broker.close()
    assert ended.wait(SOON_S)
    with pytest.raises(ConnectionClosed):
        broker.consume(REPORT)
    with pytest.raises(ConnectionClosed):
        broker.enqueue(message(note, 1))


def test_a_queue_that_nobody_declared_is_not_found(broker: EmbeddedBroker) -> None:
    """Given a queue without actors, then sending to it fails here and now, for nobody would ever consume it."""
    with pytest.raises(QueueNotFound):
        broker.enqueue(dramatiq.Message(queue_name="elsewhere", actor_name="x", args=(), kwargs={}, options={}))


def test_join_returns_when_the_worker_is_done(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given a worker and messages now and later, then join returns after the last one."""
    with working(broker, desk, note):
        for number in range(50):
            broker.enqueue(message(note, number), delay=100 if number % 2 else None)
        broker.join(REPORT, timeout=int(SOON_S * 1000))
        assert sorted(desk.notes) == list(range(50))


def test_nothing_is_lost_between_many_senders_and_threads(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given eight sending threads and eight working ones, then every message runs exactly once."""

    def send(start: int) -> None:
        for number in range(start, start + 100):
            broker.enqueue(message(note, number, priority=number % 11))

    with working(broker, desk, note, threads=8):
        senders = [threading.Thread(target=send, args=(100 * nth,)) for nth in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        broker.join(REPORT, timeout=int(SOON_S * 1000))
    assert sorted(desk.notes) == list(range(800))


def test_a_stopped_worker_leaves_the_broker_as_it_was(broker: EmbeddedBroker, desk: NotingDesk) -> None:
    """Given a worker that was stopped, then what was sent since waits, and the next worker does it."""
    with working(broker, desk, note):
        broker.enqueue(message(note, 1))
        desk.wait_for(1)
    before = list(broker.middleware)
    broker.enqueue(message(note, 2))
    assert queue_depths(broker)[REPORT].ready == 1
    assert queue_depths(broker)[REPORT].consumers == 0
    with working(broker, desk, note):
        assert desk.wait_for(2) == [1, 2]
    assert broker.middleware == before


# The publishing thread


class Gate(Middleware):
    """Holds up whoever publishes until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def before_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
        self.reached.set()
        self.opened.wait(SOON_S)


def test_a_sender_never_waits_and_what_is_too_much_is_lost(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a broker that hangs, then sends return at once; over the backlog they are dropped, counted and logged."""
    gate = Gate()
    broker.add_middleware(gate)
    publisher = Publisher(broker, backlog=2)
    began = time.monotonic()
    first = publisher.send(message(note, 0))
    assert gate.reached.wait(SOON_S)
    kept = [publisher.send(message(note, 1)), publisher.send(message(note, 2))]
    dropped = publisher.send(message(note, 3))
    assert time.monotonic() - began < SOON_S / 2
    assert dropped.result(0) is False
    assert publisher.lost == 1
    assert "lost note(3)" in caplog.text
    gate.opened.set()
    assert all(future.result(SOON_S) for future in [first, *kept])


def test_urgent_sends_leave_the_backlog_first(broker: EmbeddedBroker) -> None:
    """Given a backlog, when an urgent message is sent, then it is published before the others."""
    gate = Gate()
    broker.add_middleware(gate)
    published: list[int] = []

    class Order(Middleware):
        def after_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
            published.append(message.args[0])

    broker.add_middleware(Order())
    publisher = Publisher(broker)
    publisher.send(message(note, 0))
    assert gate.reached.wait(SOON_S)
    for number, priority in enumerate([0, 0, 9], start=1):
        publisher.send(message(note, number, priority=priority))
    gate.opened.set()
    publisher.close(SOON_S)
    assert published == [0, 3, 1, 2]


def test_closing_the_publisher_drains_it_or_counts_what_is_left(broker: EmbeddedBroker) -> None:
    """Given a hanging broker, when the process ends, then closing takes its time and no longer, and counts the rest."""
    gate = Gate()
    broker.add_middleware(gate)
    publisher = Publisher(broker)
    sent = publisher.send(message(note, 0))
    assert gate.reached.wait(SOON_S)
    left = publisher.send(message(note, 1))
    publisher.close(0.05)
    assert left.result(0) is False
    assert publisher.send(message(note, 2)).result(0) is False
    assert publisher.lost == 2
    gate.opened.set()
    assert sent.result(SOON_S) is True


def test_a_failing_send_does_not_stop_the_publisher(broker: EmbeddedBroker) -> None:
    """Given a message that cannot be encoded, then it is lost, counted and logged, and the next one is sent."""
    publisher = Publisher(broker)
    bad = message(note, 1)
    bad.options["not_json"] = object()
    assert publisher.send(bad).result(SOON_S) is False
    assert publisher.send(message(note, 2)).result(SOON_S) is True
    assert publisher.lost == 1
    publisher.close(SOON_S)


def test_delays_over_a_quarter_of_an_hour_are_refused(broker: EmbeddedBroker) -> None:
    """Given a wait of 15 minutes and a millisecond, then the caller hears that it belongs into the table."""
    publisher = Publisher(broker)
    assert publisher.send(message(note, 1), delay_ms=15 * 60_000).result(SOON_S) is True
    with pytest.raises(ValueError, match="table"):
        publisher.send(message(note, 1), delay_ms=15 * 60_000 + 1)
    publisher.close(SOON_S)
    assert queue_depths(broker)[REPORT].delayed == 1
