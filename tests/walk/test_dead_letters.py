"""What nobody can work on lies beside the queue: the doctor explains it, and nothing is lost when it is thrown away."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import dramatiq
import pika
import pytest

from brandq.actors import analyze, fetch
from brandq.actors.broker import QueueDepth, open_broker, queue_depths
from brandq.actors.declare import message
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Site, call, plan, site

ALL = ("fetch", "analyze", "report", "notify", "upkeep")
SECRET = b"hidden-word"


def put(url: str, *bodies: bytes) -> None:
    """Lay these bytes into brandq.fetch, before whatever waits there."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    for sent in bodies:
        channel.basic_publish("", "brandq.fetch", sent, pika.BasicProperties(delivery_mode=2, priority=10))
    connection.close()


def depth(url: str) -> QueueDepth:
    """Of brandq.fetch, on the server itself."""
    broker = open_broker(url, role="test", threads=1, grace_s=0)
    broker.declare_queue("brandq.fetch")
    return queue_depths(broker)["brandq.fetch"]


def looked(installation: Site) -> tuple[int, str]:
    """Exit code and words of the doctor."""
    doctor = installation.start("doctor")
    doctor.popen.wait(60)
    return doctor.popen.returncode, doctor.log.read_text(encoding="utf-8")


@pytest.mark.timeout(240)
def test_dead_letters_are_explained_and_nothing_is_lost_by_purging_them(
    tmp_path: Path, postgres_url: str, rabbitmq_url: str, rabbitmq_server: RabbitmqServer
) -> None:
    """Given a worker and messages that are none, of an actor it does not know, of an older shape, and of a sample that was
    all that waited, then all of them are dead letters, the work of the others goes on, the doctor says what each was and
    what the tables say of it now, and after a purge everything ends."""
    with site(tmp_path, postgres_url, rabbitmq_url) as installation:
        url = installation.web()
        # no worker yet: what is sent waits, and can be taken away
        execution_id = call("POST", f"{url}/api/executions", plan(engines=["doubao"], repeats=1)).body["execution_id"]
        vhost = urlsplit(rabbitmq_url).path.lstrip("/")
        wait_until(lambda: depth(rabbitmq_url).ready == 1, 30, "the message to wait")
        rabbitmq_server.purge_all(vhost)
        lost, newer = message(fetch, [1, 2]), {"sent_by": "web pod-7:1", "version": "9.9"}
        put(
            rabbitmq_url,
            b"\xff" + SECRET,
            b'["' + SECRET + b'"]',
            dramatiq.Message.encode(lost.copy(actor_name="ask_again", options={"about": newer})),
            dramatiq.Message.encode(lost.copy(args=("1,2",))),
            dramatiq.Message.encode(
                message(analyze, execution_id, [1]).copy(queue_name="brandq.fetch", args=([1], "x"))
            ),
        )
        worker = installation.worker(*ALL)
        wait_until(lambda: depth(rabbitmq_url).dead == 5, 30, "the dead letters")
        # the tables still know what was purged, and so does the doctor
        status, told = looked(installation)
        assert status == 0, told
        assert "queue brandq.fetch.XQ: 5 dead letters. Purging it loses nothing" in told
        assert "12 bytes: not a message" in told
        assert "15 bytes: not a message" in told
        assert (
            f"ask_again(1, 2), sent {lost.message_datetime:%Y-%m-%d %H:%M:%S} UTC ({lost.message_id}): no such actor"
            in told
        )
        assert "it was sent by web pod-7:1 (9.9)" in told
        assert "fetch(), sent" in told
        assert "arguments do not fit: sample_ids is no list[int]" in told
        assert "now: samples 1, 2: waits; its sweep sends it again within" in told
        assert "hidden-word" not in told
        assert not worker.wrote("hidden-word")
        rabbitmq_server.purge_all(vhost)
        assert installation.ended([execution_id], 120) == {execution_id: "completed"}
        assert worker.alive
        status, told = looked(installation)
        assert (status, "dead letters." in told) == (0, False)
