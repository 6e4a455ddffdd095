"""Pictures of RabbitMQ's management UI with executions running, for docs/: `python -m tests.deploy.screenshots [FOLDER]`.

A private RabbitMQ with the shipped definitions, web and workers as real processes, and assistants that take their time.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import pika
from playwright.sync_api import Page, sync_playwright

from brandq.store.migrating import migrate
from tests.browser.site import find_chromium
from tests.deploy.brokers import PASSWORDS, shipped_broker
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Site, call, plan, site

OUT = Path("docs/images")
#: the pages, by the names of their pictures
PAGES = {
    "rabbitmq-queues": "#/queues",
    "rabbitmq-connections": "#/connections",
    "rabbitmq-queue": "#/queues/brandq/brandq.fetch",
}
#: of a picture, so that a page of docs stays small
MOST_BYTES = 300_000


def set_up(installation: Site, server: RabbitmqServer) -> None:
    """Seven workers, a queue of fetches that is longer than they take at once, some that wait, and a dead letter."""
    web = installation.web()
    own = {"BRANDQ_BROKER_URL": server.url("brandq", user="brandq-worker", password=PASSWORDS["brandq-worker"])}
    for queue in ("analyze", "report", "notify", "upkeep"):
        installation.worker(queue, **own)
    for _ in range(3):
        installation.worker("fetch", **own, BRANDQ_THREADS="2")
    installation.start("clock")
    with pika.BlockingConnection(pika.URLParameters(server.url("brandq"))) as connection:
        connection.channel().basic_publish("", "brandq.notify", b"not a message", pika.BasicProperties(delivery_mode=2))
    installation.faults("qwen3.7-plus", *["429-retry-after"] * 20)
    for priority in (0, 0, 5, 9):
        reply = call(
            "POST", f"{web}/api/executions", plan(repeats=20, priority=priority, engines=["doubao", "qwen", "kimi"])
        )
        assert reply.status == 202, reply.body


def moves(server: RabbitmqServer) -> bool:
    """Whether messages wait while others are fetched and analyzed."""
    queues = {queue["name"]: queue for queue in server.api("GET", "/queues/brandq")}
    rates = [
        queues[name].get("message_stats", {}).get("ack_details", {}) for name in ("brandq.fetch", "brandq.analyze")
    ]
    return queues["brandq.fetch"].get("messages_ready", 0) > 0 and all(rate.get("rate", 0) > 0 for rate in rates)


def open_fetch(page: Page) -> None:
    """Of the queue's page what an operator reads: its consumers, and a message with what it says of itself."""
    for section in ("Consumers", "Get messages"):
        page.locator("h2", has_text=section).first.click()
    page.get_by_role("button", name="Get Message(s)").click()
    page.wait_for_selector("pre.msg-payload")
    page.add_style_tag(content="pre.msg-payload { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 1300px }")
    page.evaluate("scrollTo(0, 0)")


def main(out: Path) -> int:
    """0 once every picture is written."""
    out.mkdir(parents=True, exist_ok=True)
    postgres = PostgresServer()
    with tempfile.TemporaryDirectory() as name, shipped_broker(Path(name)) as server, sync_playwright() as playwright:
        try:
            postgres.start()
            database_url = postgres.create_database("pictures")
            migrate(database_url)
            broker_url = server.url("brandq", user="brandq-web", password=PASSWORDS["brandq-web"])
            with site(Path(name), database_url, broker_url, latency_ms=4_000) as installation:
                set_up(installation, server)
                browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1500, "height": 900})
                page.goto(f"http://127.0.0.1:{server.management_port}/")
                page.fill("input[name=username]", server.user)
                page.fill("input[name=password]", server.password)
                page.click("input[type=submit]")
                page.wait_for_selector("#tabs")
                for name_of, place in PAGES.items():
                    wait_until(lambda: moves(server), 60, "messages to wait and to move")
                    page.goto(f"http://127.0.0.1:{server.management_port}/{quote(place, safe='#/')}")
                    page.wait_for_selector("h1 >> text=/Queue|Connections/")
                    if name_of == "rabbitmq-queue":
                        open_fetch(page)
                    page.wait_for_timeout(1_000)
                    picture = page.screenshot(path=out / f"{name_of}.png", full_page=True)
                    assert len(picture) <= MOST_BYTES, f"{name_of}: {len(picture)} bytes"
                browser.close()
        finally:
            postgres.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT))
