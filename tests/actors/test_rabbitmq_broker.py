"""What a queue promises, on RabbitMQ and on the embedded broker alike; then what only RabbitMQ can get wrong."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit

import dramatiq
import pytest
from dramatiq.common import dq_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

from brandq.actors.broker import (
    BrokerUnreachable,
    QueueDepth,
    RabbitBroker,
    SafeConsumer,
    open_broker,
    queue_depths,
    run_worker,
    safe_url,
    shares,
)
from brandq.actors.dead_letters import dead_letters
from brandq.actors.declare import QUEUES, actor, bind, message
from brandq.actors.publisher import Publisher
from brandq.errors import BadSettings
from tests.actors.working import SOON_S, NotingDesk, opened, working
from tests.ports import free_port
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

FETCH, ANALYZE, REPORT = "brandq.fetch", "brandq.analyze", "brandq.report"


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


@actor(queue_name=REPORT, actor_name="note")
def note(desk: NotingDesk, sample_id: int) -> None:
    desk.note(sample_id)


# Both brokers


def test_a_higher_priority_overtakes_what_waits(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given one thread at work and twenty messages waiting, when one with priority 9 comes last, then it goes next."""
    busy, go_on = threading.Event(), threading.Event()

    @actor(queue_name=REPORT)
    def report(desk: NotingDesk, number: int) -> None:
        busy.set()
        assert go_on.wait(SOON_S)
        desk.note(number)

    with working(broker, desk, report, threads=1):
        broker.enqueue(message(report, 0, priority=0))
        assert busy.wait(SOON_S)
        for number in range(1, 21):
            broker.enqueue(message(report, number, priority=0))
        broker.enqueue(message(report, 99, priority=9))
        go_on.set()
        assert desk.wait_for(22) == [0, 99, *range(1, 21)]


def test_a_delayed_message_comes_when_it_is_due_and_not_before(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given a message delayed by 0.7 s, when another is sent after it without a delay, then that comes first."""

    @actor(queue_name=REPORT)
    def report(desk: NotingDesk, number: int) -> None:
        desk.note((number, time.monotonic()))

    with working(broker, desk, report):
        sent_at = time.monotonic()
        broker.enqueue(message(report, 1), delay=700)
        broker.enqueue(message(report, 2))
        (first, _), (second, came_at) = desk.wait_for(2)
    assert [first, second] == [2, 1]
    # dramatiq counts due times in whole milliseconds
    assert 0.695 <= came_at - sent_at < SOON_S


def test_what_fails_is_tried_again_and_ends_in_the_dead_letters(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given an actor that always fails, with two retries, then it runs three times and its message is kept."""

    @actor(queue_name=REPORT, max_retries=2, min_backoff=20, max_backoff=50)
    def report(desk: NotingDesk, number: int) -> None:
        desk.note(number)
        raise RuntimeError("as every time")

    with working(broker, desk, report):
        broker.enqueue(message(report, 7))
        wait_until(lambda: queue_depths(broker)[REPORT].dead == 1, SOON_S, "the dead letter")
        assert desk.notes == [7, 7, 7]


def test_a_retry_that_cannot_be_sent_is_dead_lettered(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given a failing actor whose retry cannot be encoded, then its message is a dead letter and not acknowledged."""

    class Unsendable(Middleware):
        def before_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
            if "retries" in message.options:
                message.options["not_json"] = object()

    @actor(queue_name=REPORT)
    def report(desk: NotingDesk) -> None:
        desk.note("ran")
        raise RuntimeError("once")

    broker.add_middleware(Unsendable())
    with working(broker, desk, report):
        broker.enqueue(message(report))
        wait_until(lambda: queue_depths(broker)[REPORT].dead == 1, SOON_S, "the dead letter")
        assert desk.notes == ["ran"]


def test_a_message_for_an_unknown_actor_is_dead_lettered(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given a worker older than the sender, when an actor comes that it does not know, then the message is kept."""
    with working(broker, desk, note):
        broker.enqueue(dramatiq.Message(queue_name=REPORT, actor_name="newer", args=(1,), kwargs={}, options={}))
        broker.enqueue(message(note, 2))
        wait_until(lambda: queue_depths(broker)[REPORT].dead == 1, SOON_S, "the dead letter")
        assert desk.wait_for(1) == [2]


def test_slow_fetches_do_not_starve_analyze(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given one process for both queues and more slow fetches than threads, then analyze still runs at once."""
    go_on = threading.Event()

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk) -> None:
        desk.note("fetch began")
        assert go_on.wait(SOON_S)

    @actor(queue_name=ANALYZE)
    def analyze(desk: NotingDesk) -> None:
        desk.note("analyzed")

    with working(broker, desk, fetch, analyze, threads=4):
        for _ in range(12):
            broker.enqueue(message(fetch))
        assert desk.wait_for(2) == ["fetch began"] * 2
        broker.enqueue(message(analyze))
        assert desk.wait_for(3)[2] == "analyzed"
        go_on.set()
        desk.wait_for(13)


def test_what_a_dead_consumer_held_is_given_out_again(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given a consumer that took a message and died, then the next one gets it, marked as redelivered."""
    bind(broker, desk, [note])
    broker.enqueue(message(note, 5))
    dying = broker.consume(REPORT, timeout=200)
    held = wait_until(lambda: next(dying), SOON_S, "the first delivery")
    dying.close()

    heir = broker.consume(REPORT, timeout=200)
    again = wait_until(lambda: next(heir), SOON_S, "the second delivery")
    assert again.message_id == held.message_id
    assert (held.redelivered, again.redelivered) == (False, True)
    heir.ack(again)
    heir.close()
    assert queue_depths(broker)[REPORT] == QueueDepth(ready=0, delayed=0, dead=0, consumers=0)


def test_depths_tell_waiting_delayed_and_consumers(broker: dramatiq.Broker, desk: NotingDesk) -> None:
    """Given a queue that no server has seen, then its depth is zero; what is sent without a worker is counted."""
    bind(broker, desk, [note])
    assert queue_depths(broker) == {REPORT: QueueDepth(0, 0, 0, 0)}
    broker.enqueue(message(note, 1))
    broker.enqueue(message(note, 2))
    broker.enqueue(message(note, 3), delay=60_000)
    assert queue_depths(broker) == {REPORT: QueueDepth(ready=2, delayed=1, dead=0, consumers=0)}


# The share of each queue


@pytest.mark.parametrize(
    ("queues", "threads", "expected"),
    [
        ([FETCH], 8, {FETCH: 8}),
        ([REPORT], 3, {REPORT: 3}),
        ([FETCH, ANALYZE], 8, {FETCH: 4, ANALYZE: 4}),
        ([FETCH, ANALYZE], 5, {FETCH: 2, ANALYZE: 3}),
        ([ANALYZE, REPORT], 5, {ANALYZE: 3, REPORT: 2}),
        (list(QUEUES), 5, dict.fromkeys(QUEUES, 1)),
        (list(QUEUES), 10, {**dict.fromkeys(QUEUES, 1), FETCH: 5, ANALYZE: 2}),
    ],
)
def test_shares_of_a_process(queues: list[str], threads: int, expected: dict[str, int]) -> None:
    """Shares add up to the threads, each queue has one at least, and fetch beside others has half at most."""
    assert shares(queues, threads) == expected
    assert sum(expected.values()) == threads


def test_fewer_threads_than_queues_are_raised(desk: NotingDesk) -> None:
    """Given two queues and one thread, then the worker has two, for otherwise one queue could wait for ever."""

    @actor(queue_name=ANALYZE)
    def analyze(desk: NotingDesk) -> None: ...

    with opened("embedded") as broker, working(broker, desk, note, analyze, threads=1) as worker:
        assert worker.worker_threads == 2


def test_a_queue_without_actors_is_refused(desk: NotingDesk) -> None:
    """A worker that would consume nothing, or everything by mistake, does not start."""
    with opened("embedded") as broker:
        bind(broker, desk, [note])
        for queues in ([], ["brandq.fetsh"]):
            with pytest.raises(ValueError, match="uses the queues"):
                run_worker(broker, queues, 1)


# RabbitMQ alone


def _connections(server: RabbitmqServer, url: str) -> list[dict[str, Any]]:
    vhost = urlsplit(url).path[1:]
    found: list[dict[str, Any]] = server.api("GET", f"/vhosts/{quote(vhost, safe='')}/connections")
    return found


def _cut_until(server: RabbitmqServer, url: str, condition: Callable[[], bool]) -> None:
    """Has the server close every connection that it lists, as an operator would, until the cut is felt.

    Once is not enough: its list is some moments old.
    """

    def cut() -> bool:
        if condition():
            return True
        for connection in _connections(server, url):
            with suppress(HTTPError):  # gone already
                server.api("DELETE", f"/connections/{quote(connection['name'], safe='')}")
        return False

    wait_until(cut, SOON_S, "the connection to be cut", every_s=0.3)


def test_an_acknowledgement_from_before_a_reconnect_settles_nothing(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, rabbitmq_url: str, desk: NotingDesk
) -> None:
    """Given an old actor that outlives its connection, when it ends, then the message that now has its delivery tag
    stays unsettled: it survives a second cut and runs again.
    """
    gates = {name: threading.Event() for name in ("old", "new")}

    @actor(queue_name=REPORT)
    def report(desk: NotingDesk, name: str) -> None:
        desk.note(name)
        assert gates[name].wait(SOON_S)

    with working(rabbit, desk, report, threads=1) as worker:
        rabbit.enqueue(message(report, "old", priority=0))
        assert desk.wait_for(1) == ["old"]
        before = worker.consumers[REPORT].consumer
        # It waits on the server, for the only thread is taken; being urgent, it is the first after the reconnect.
        rabbit.enqueue(message(report, "new", priority=9))
        rabbit.release_connection()
        _cut_until(rabbitmq_server, rabbitmq_url, lambda: worker.consumers[REPORT].consumer is not before)
        wait_until(lambda: worker.work_queue.qsize() == 1, SOON_S, "the delivery of the new message")
        after = worker.consumers[REPORT].consumer

        gates["old"].set()  # settles tag 1, which is the new message's by now
        assert desk.wait_for(2) == ["old", "new"]
        _cut_until(rabbitmq_server, rabbitmq_url, lambda: worker.consumers[REPORT].consumer is not after)
        gates["new"].set()
        # Each once more, for neither was acknowledged on a connection that still lived.
        assert sorted(desk.wait_for(4)) == ["new", "new", "old", "old"]
    assert queue_depths(rabbit)[REPORT].ready == 0
    assert queue_depths(rabbit)[REPORT].dead == 0


def test_a_worker_serves_every_queue_after_its_server_was_killed(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, desk: NotingDesk
) -> None:
    """Given actors at work on two queues when the server is killed, when it is back and they end, then what they had is
    given out again, both queues and their delays are served, and no thread has died."""
    go_on = threading.Event()

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk, word: str) -> None:
        desk.note(word)
        assert go_on.wait(2 * SOON_S)

    @actor(queue_name=ANALYZE)
    def analyze(desk: NotingDesk, word: str) -> None:
        desk.note(word)
        assert go_on.wait(2 * SOON_S)

    with working(rabbit, desk, fetch, analyze) as worker:
        rabbit.enqueue(message(fetch, "fetch"))
        rabbit.enqueue(message(analyze, "analyze"))
        desk.wait_for(2)
        before = {name: thread.consumer for name, thread in worker.consumers.items()}
        rabbitmq_server.kill()
        rabbitmq_server.start()
        wait_until(
            lambda: all(thread.consumer not in (None, before[name]) for name, thread in worker.consumers.items()),
            60,
            "every consumer to be back",
        )
        go_on.set()
        # the first two again, for nobody was there to take their acknowledgements
        assert sorted(desk.wait_for(4)) == ["analyze", "analyze", "fetch", "fetch"]
        rabbit.release_connection()
        for function in (fetch, analyze):
            rabbit.enqueue(message(function, "now"))
            rabbit.enqueue(message(function, "later"), delay=100)
        assert sorted(desk.wait_for(8)[4:]) == ["later", "later", "now", "now"]
        assert all(thread.is_alive() for thread in [*worker.workers, *worker.consumers.values()])
        wait_until(lambda: _settled(rabbit, FETCH, ANALYZE), SOON_S, "all to be acknowledged")


def _settled(broker: RabbitBroker, *queues: str) -> bool:
    depths = queue_depths(broker)
    return all((depths[name].ready, depths[name].dead) == (0, 0) for name in queues)


def test_sends_from_many_threads_share_one_connection(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, rabbitmq_url: str, desk: NotingDesk
) -> None:
    """Given twenty threads that send, as a web server's do, then one connection is open and every message arrives."""
    bind(rabbit, desk, [note])
    publisher = Publisher(rabbit)
    with ThreadPoolExecutor(20) as threads:
        sent = list(threads.map(lambda number: publisher.send(message(note, number)), range(200)))
    assert all(future.result(SOON_S) for future in sent)
    assert len(rabbit.connections) == 1
    assert len(wait_until(lambda: _connections(rabbitmq_server, rabbitmq_url), SOON_S, "the connection")) == 1
    publisher.close(SOON_S)
    assert len(rabbit.connections) == 0
    assert queue_depths(rabbit)[REPORT].ready == 200
    assert publisher.lost == 0


def test_a_worker_that_is_idle_keeps_two_connections_per_queue(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, rabbitmq_url: str, desk: NotingDesk
) -> None:
    """Given messages that failed and were delayed, then neither declaring nor retrying leaves a connection behind."""

    @actor(queue_name=REPORT, max_retries=1, min_backoff=20, max_backoff=20)
    def report(desk: NotingDesk) -> None:
        desk.note("ran")
        raise RuntimeError("always")

    with working(rabbit, desk, report, threads=3):
        for _ in range(6):
            rabbit.enqueue(message(report))
        rabbit.release_connection()
        wait_until(lambda: queue_depths(rabbit)[REPORT].dead == 6, SOON_S, "the dead letters")
        # queue, delay queue, and the delay queue's thread, which has sent what was due
        wait_until(lambda: len(_connections(rabbitmq_server, rabbitmq_url)) == 3, SOON_S, "three connections")


def test_connections_say_who_they_are(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, rabbitmq_url: str, desk: NotingDesk
) -> None:
    """Given a connection, then the management UI shows its role, host and process."""
    bind(rabbit, desk, [note])
    rabbit.enqueue(message(note, 1))
    found = wait_until(lambda: _connections(rabbitmq_server, rabbitmq_url), SOON_S, "the connection")
    name = f"brandq test {socket.gethostname()}:{os.getpid()}"
    assert [connection["client_properties"]["connection_name"] for connection in found] == [name]


def test_the_publisher_survives_a_restart_of_the_server(
    rabbit: RabbitBroker, rabbitmq_server: RabbitmqServer, desk: NotingDesk
) -> None:
    """Given a publisher whose server is killed, when the server is back, then it sends again without any help."""
    bind(rabbit, desk, [note])
    publisher = Publisher(rabbit)
    assert publisher.send(message(note, 1)).result(SOON_S)
    rabbitmq_server.kill()
    during = publisher.send(message(note, 2))
    rabbitmq_server.start()
    sent_during = during.result(60)
    wait_until(lambda: publisher.send(message(note, 3)).result(60), 60, "a send that succeeds", every_s=0.5)
    publisher.close(SOON_S)
    assert queue_depths(rabbit)[REPORT].ready == 2 + sent_during


@pytest.fixture
def dumb_url() -> Iterator[str]:
    """The address of a server that takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"amqp://127.0.0.1:{listening.getsockname()[1]}/?connection_attempts=1&socket_timeout=0.3&stack_timeout=0.5"


def test_a_server_that_says_nothing_is_one_that_is_down(
    dumb_url: str, desk: NotingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a server that takes the call and hangs, then a send is given up and left to its sweep, the next ones at once,
    and a look at the queues says so in words, as of a server that is down."""
    with opened(dumb_url) as broker:
        bind(broker, desk, [note])
        publisher = Publisher(broker)
        sent = [publisher.send(message(note, number)) for number in (41, 42)]
        assert [future.result(SOON_S) for future in sent] == [False, False]
        publisher.close(SOON_S)
        assert "lost note(41)" in caplog.text
        assert "the broker does not take it (ConnectionClosed)" in caplog.text
        assert "the broker did not answer a moment ago" in caplog.text
        with pytest.raises(BrokerUnreachable, match="BRANDQ_BROKER_URL"):
            queue_depths(broker)
        with pytest.raises(ConnectionClosed):
            SafeConsumer(broker, REPORT, 1, 100)  # type: ignore[arg-type]


def test_a_send_under_an_alarm_is_lost_in_time_and_the_next_one_is_sent(
    rabbitmq_url: str, rabbitmq_server: RabbitmqServer, desk: NotingDesk
) -> None:
    """Given a server out of memory, when a message is sent, then it is given up after the connection's timeout, once and not
    six times, and left to its sweep; looks at the queues are answered meanwhile; after the alarm, sends succeed again."""
    tries: list[Any] = []

    class Tries(Middleware):
        def before_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
            tries.append(message.args)

    with opened(f"{rabbitmq_url}?blocked_connection_timeout=1") as broker:
        assert isinstance(broker, RabbitBroker)
        # as the two stand to each other where nobody sets them: 25 s and 30 s
        broker.enqueue_s = 0.8
        broker.add_middleware(Tries())
        bind(broker, desk, [note])
        publisher = Publisher(broker)
        assert publisher.send(message(note, 1)).result(SOON_S)
        with rabbitmq_server.alarm():
            during = publisher.send(message(note, 2))
            assert queue_depths(broker)[REPORT].ready == 1
            assert dead_letters(broker, REPORT) == []
            assert during.result(60) is False
            assert tries == [(1,), (2,)]
        wait_until(lambda: publisher.send(message(note, 3)).result(60), 60, "a send that succeeds", every_s=0.5)
        publisher.close(SOON_S)


def test_whoever_stops_under_an_alarm_does_not_wait_for_its_end(
    rabbitmq_url: str, rabbitmq_server: RabbitmqServer, desk: NotingDesk
) -> None:
    """Given a publisher that a server out of memory blocks for longer than this test lasts, when the process closes what it
    has, then nothing waits for that server."""
    with opened(f"{rabbitmq_url}?blocked_connection_timeout=3600") as broker:
        bind(broker, desk, [note])
        publisher = Publisher(broker)
        assert publisher.send(message(note, 1)).result(SOON_S)
        with rabbitmq_server.alarm():
            during = publisher.send(message(note, 2))
            publisher.close(0.5)
            broker.close()
            assert not during.done()
        # what was blocked goes on: the thread ends by itself
        assert during.result(SOON_S)


def test_a_worker_under_an_alarm_loses_nothing_and_no_thread(
    rabbitmq_url: str, rabbitmq_server: RabbitmqServer, desk: NotingDesk
) -> None:
    """Given an actor that fails and a message that falls due while nothing can be sent for an alarm, then the first is a dead
    letter, the second comes after the alarm, and all threads live."""
    alarmed = threading.Event()

    @actor(queue_name=REPORT, max_retries=1, min_backoff=10, max_backoff=10)
    def report(desk: NotingDesk, fails: bool) -> None:
        desk.note(fails)
        if fails:
            assert alarmed.wait(SOON_S)
            raise RuntimeError("under an alarm")

    with (
        opened(f"{rabbitmq_url}?blocked_connection_timeout=1") as broker,
        working(broker, desk, report, threads=2) as worker,
    ):
        broker.enqueue(message(report, True))
        assert desk.wait_for(1) == [True]
        broker.enqueue(message(report, False), delay=5_000)
        with rabbitmq_server.alarm():
            assert desk.notes == [True], "the alarm came too late for this test"
            waiting = worker.consumers[dq_name(REPORT)].consumer
            alarmed.set()
            wait_until(lambda: queue_depths(broker)[REPORT].dead == 1, 60, "the dead letter")
            wait_until(lambda: worker.consumers[dq_name(REPORT)].consumer is not waiting, 60, "a try at sending")
            assert desk.notes == [True]
        assert desk.wait_for(2, 60)[1] is False
        assert all(thread.is_alive() for thread in [*worker.workers, *worker.consumers.values()])


def test_sends_to_a_server_that_is_down_are_counted_and_raise_nothing(
    desk: NotingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """Given no server, when messages are sent, then callers see nothing, and the log names the actor and its ids."""
    url = f"amqp://guest:hidden-word@127.0.0.1:{free_port()}/?connection_attempts=1&retry_delay=0"
    with opened(url) as broker:
        bind(broker, desk, [note])
        publisher = Publisher(broker)
        sent = [publisher.send(message(note, number)) for number in (41, 42, 43)]
        assert [future.result(SOON_S) for future in sent] == [False, False, False]
        publisher.close(SOON_S)
        assert publisher.lost == 3
    assert "lost note(42)" in caplog.text
    assert "hidden-word" not in caplog.text


def test_depths_of_an_unreachable_server_name_the_setting(desk: NotingDesk) -> None:
    """Given no server, then the error says which setting to look at, within seconds."""
    with opened(f"amqp://guest:hidden-word@127.0.0.1:{free_port()}/") as broker:
        bind(broker, desk, [note])
        with pytest.raises(BrokerUnreachable, match="BRANDQ_BROKER_URL") as caught:
            queue_depths(broker)
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "localhost",
        "redis://:hidden-word@localhost",
        "amqp://",
        "amqp://user:hidden-word",
        "amqp://user:hidden-word@host:port",
        "user:hidden-word@host",
        "amqp://user:hidden-word@host/?heartbeat=soon",
    ],
)
def test_a_url_that_is_none_is_a_bad_setting(url: str) -> None:
    """Given what cannot be a broker's URL, then the error names the setting and repeats nothing of the value."""
    with pytest.raises(BadSettings, match="BRANDQ_BROKER_URL") as caught:
        open_broker(url, role="test", threads=1, grace_s=1)
    assert "hidden-word" not in str(caught.value)
    assert "hidden-word" not in safe_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, "embedded"),
        ("embedded", "embedded"),
        ("amqp://localhost", "amqp://localhost"),
        ("amqps://me:hidden@mq.example:5671/prod%2Fa?heartbeat=5", "amqps://me:***@mq.example:5671/prod%2Fa"),
        ("amqp://me:hid;d@a/v;amqp://me:hidden@b/v", "amqp://me:***@a/v;amqp://me:***@b/v"),
    ],
)
def test_a_shown_url_has_no_password(url: str | None, shown: str) -> None:
    """Given a URL with passwords, then what may be shown has none of them."""
    assert safe_url(url) == shown


def test_what_the_url_says_wins_over_our_waits() -> None:
    """Given a heartbeat in the URL, then it stands; the waits that it does not name are ours."""
    with opened("amqp://me:hidden@a/v?heartbeat=7;amqp://b/v") as broker:
        assert isinstance(broker, RabbitBroker)
        first, second = broker.parameters
    assert (first.host, first.heartbeat, first.blocked_connection_timeout) == ("a", 7, 30)
    assert (second.host, second.heartbeat, second.connection_attempts) == ("b", 60, 3)
