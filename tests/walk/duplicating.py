"""A tap on the broker that publishes every message a second time."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pika

from tests.servers.rabbitmq import RabbitmqServer
from tests.walk.site import Site

#: tells the copies from what they are copies of
_COPY = "copy"


@contextmanager
def everything_twice(site: Site, broker: RabbitmqServer) -> Iterator[Counter[str]]:
    """Until the block ends, whatever is published is published again, delayed messages too; how many, by actor."""
    copied: Counter[str] = Counter()
    ready, stopping = threading.Event(), threading.Event()
    broker.trace(site.vhost, on=True)

    def copy(channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        told = properties.headers["properties"]
        if told.get("app_id") == _COPY:
            return
        again = pika.BasicProperties(
            app_id=_COPY, delivery_mode=2, priority=told.get("priority"), headers=told.get("headers")
        )
        for queue in properties.headers["routing_keys"]:
            channel.basic_publish("", queue, body, again)
        copied[json.loads(body)["actor_name"]] += 1

    def tap() -> None:
        with pika.BlockingConnection(pika.URLParameters(site.broker_url)) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, "amq.rabbitmq.trace", "publish.#")
            channel.basic_consume(queue, copy, auto_ack=True)
            ready.set()
            while not stopping.is_set():
                connection.process_data_events(0.1)

    tapping = threading.Thread(target=tap, name="tap")
    tapping.start()
    try:
        assert ready.wait(20), "the tap did not open"
        yield copied
    finally:
        stopping.set()
        tapping.join(20)
        broker.trace(site.vhost, on=False)
