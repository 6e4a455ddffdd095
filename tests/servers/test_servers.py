"""What the other tests build on: private servers that can be killed, databases and virtual hosts of one's own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pika
import psycopg
import pytest
import sqlalchemy as sa
from pika.adapters.utils.connection_workflow import AMQPConnectorStackTimeout

from tests.ports import free_port
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def _send(url: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("q", durable=True)
        channel.basic_publish("", "q", body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def _receive(url: str) -> bytes | None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        body: bytes | None = connection.channel().basic_get("q", auto_ack=True)[2]
        return body


def test_a_confirmed_message_survives_the_death_of_the_broker(
    rabbitmq_url: str, rabbitmq_server: RabbitmqServer
) -> None:
    """Given a confirmed persistent message, when the broker is killed and started again, then it is there."""
    _send(rabbitmq_url, b"kept")
    rabbitmq_server.kill()
    assert not rabbitmq_server.running
    with pytest.raises(pika.exceptions.AMQPError):
        _receive(rabbitmq_url)
    rabbitmq_server.start()
    assert _receive(rabbitmq_url) == b"kept"


def test_a_paused_broker_goes_on_as_if_nothing_had_been(rabbitmq_url: str, rabbitmq_server: RabbitmqServer) -> None:
    """Given an open connection, when the broker is paused, then it answers nobody; resumed, it serves that connection."""
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True)
        rabbitmq_server.pause()
        impatient = pika.URLParameters(rabbitmq_url)
        impatient.stack_timeout = impatient.socket_timeout = 1
        impatient.connection_attempts = 1
        try:
            with pytest.raises(AMQPConnectorStackTimeout):
                pika.BlockingConnection(impatient)
        finally:
            rabbitmq_server.resume()
        channel.basic_publish("", "q", b"kept")
    assert _receive(rabbitmq_url) == b"kept"


def test_a_traced_virtual_host_shows_what_is_published(rabbitmq_url: str, rabbitmq_server: RabbitmqServer) -> None:
    """Given a virtual host that is traced, when a message is published, then a copy says for which queue it was."""
    rabbitmq_server.trace(rabbitmq_url.rsplit("/", 1)[1], on=True)
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "amq.rabbitmq.trace", "publish.#")
        _send(rabbitmq_url, b"seen")
        found = wait_until(
            lambda: got if (got := channel.basic_get(queue, auto_ack=True))[0] else None, 10, "the copy of the message"
        )
    assert found[1].headers["routing_keys"] == ["q"]
    assert found[2] == b"seen"
    assert _receive(rabbitmq_url) == b"seen"


def test_each_test_has_a_virtual_host_of_its_own(rabbitmq_url: str, rabbitmq_server: RabbitmqServer) -> None:
    """Given two virtual hosts, when one is purged, then the messages of the other are untouched."""
    other = rabbitmq_server.create_vhost("other")
    _send(rabbitmq_url, b"mine")
    _send(other, b"theirs")
    rabbitmq_server.purge_all(rabbitmq_url.rsplit("/", 1)[1])
    assert _receive(rabbitmq_url) is None
    assert _receive(other) == b"theirs"
    rabbitmq_server.delete_vhost("other")


def test_what_was_committed_survives_a_crash_of_postgres(
    empty_postgres_url: str, postgres_server: PostgresServer
) -> None:
    """Given a committed row and an open one, when the server crashes and starts, then only the first is there."""
    with _connect(empty_postgres_url) as committed:
        committed.execute("CREATE TABLE t (n int)")
        committed.execute("INSERT INTO t VALUES (1)")
        open_ = psycopg.connect(empty_postgres_url.replace("+psycopg", ""))
        open_.execute("INSERT INTO t VALUES (2)")
        postgres_server.crash()
        assert not postgres_server.running
        with pytest.raises(psycopg.OperationalError):
            open_.commit()
        open_.close()
    postgres_server.start()
    with _connect(empty_postgres_url) as after:
        assert after.execute("SELECT n FROM t").fetchall() == [(1,)]


def test_a_dropped_database_cuts_whoever_is_still_connected(postgres_server: PostgresServer) -> None:
    """Given an open connection, when its database is dropped, then that works and the connection is gone."""
    with _connect(postgres_server.create_database("leftover")) as connection:
        postgres_server.drop_database("leftover")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_has_a_migrated_database_of_its_own(database_url: str, time: str) -> None:
    """Given a migrated database, when one test writes to it, then the next one finds its own empty."""
    database = sa.create_engine(database_url)
    with database.begin() as db:
        assert db.execute(sa.text("SELECT count(*) FROM sweeps")).scalar() == 0, time
        db.execute(sa.text("INSERT INTO sweeps (name, swept_at, repaired) VALUES ('x', '2026-01-01 00:00:00', 1)"))
    database.dispose()


def test_both_brokers_can_be_asked_for(broker_url: str) -> None:
    """Given the name of a broker, then it is the word of the embedded one, or a virtual host that takes messages."""
    if broker_url != "embedded":
        _send(broker_url, b"x")
        assert _receive(broker_url) == b"x"


@pytest.mark.parametrize("ending", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_server_ends_with_the_process_that_started_it(ending: str, tmp_path: Path, postgres_server: object) -> None:
    """Given a process that started a server, when it ends in whatever way, then the server is gone, and its folder."""
    script = (
        "from tests.servers.postgres import PostgresServer\n"
        "import signal, time\n"
        # a shell that runs things in the background has them ignore it, and children inherit that
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "server = PostgresServer(); server.start()\n"
        "print(server.port, server.folder, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert owner.stdout
    port, folder = owner.stdout.readline().split()
    socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    owner.send_signal(signal.Signals[ending])
    owner.wait(10)
    owner.stdout.close()
    wait_until(lambda: not os.path.exists(folder), 10, f"the folder {folder} to go")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0


def test_a_missing_server_skips_on_a_laptop_and_fails_where_servers_are_required(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a server that is not installed, when a test asks for it, then --require-servers decides what happens."""
    missing = ServerMissing("install the package x")
    monkeypatch.setattr(pytestconfig.option, "require_servers", False)
    with pytest.raises(pytest.skip.Exception, match="install the package x"):
        skip_or_fail(pytestconfig, missing)
    monkeypatch.setattr(pytestconfig.option, "require_servers", True)
    with pytest.raises(pytest.fail.Exception, match="install the package x"):
        skip_or_fail(pytestconfig, missing)


def test_a_port_is_given_once() -> None:
    """Given many ports asked for at once, then no two are the same and each can be listened on."""
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", ports[0]))


def test_waiting_in_vain_says_for_what() -> None:
    """Given something that never comes true, when one waits for it, then the failure names it and the last look."""
    with pytest.raises(AssertionError, match=r"waited 0.1 s in vain for rain; the last look gave 0"):
        wait_until(lambda: 0, 0.1, "rain")
