"""The page of a running execution keeps itself up to date: in Chromium, over a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from brandq.actors.analyze import analyze
from brandq.actors.desk import Desk
from brandq.actors.report import report
from tests.browser.site import find_chromium
from tests.ports import free_port
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.waiting import wait_until
from tests.web.site import ContractClient, answered, failed, open_desk, sample_ids, settle, submit
from tests.web.streaming import SOON_S, served

#: what a page must never do with an answer
HOSTILE = '<img src=x onerror="document.title=1"><b data-field="engine">趣车良品</b> is best'
PAGE = """<!doctype html><html lang="zh-CN"><head><title>page</title></head><body>
<main data-events="{events}" data-status="{status}">
<b data-live="status" data-words='{words}'></b> <i data-live="settled"></i>/<i data-live="planned"></i>
<progress data-live="bar"></progress> <span data-live="left_basis"></span> <span data-live="connection"></span>
<p id="waits" data-live-if="open">more to come</p><output data-live="announce" aria-live="polite"></output>
<table>
<tr data-engine="doubao"><td data-live="landed"></td><td data-live="errors"></td><td><progress data-live="bar"></progress></td></tr>
<tr data-engine="qwen"><td data-live="landed"></td><td data-live="errors" data-live-if="errors" data-words='{{"auth": "密钥无效"}}'></td><td><progress data-live="bar"></progress></td></tr>
</table>
<ol data-live="answers" data-most="3"></ol>
<template data-live="answer"><li><b data-field="engine"></b> <i data-field="latency"></i> <a data-field="link">read</a>
<p data-field="excerpt"></p><span data-if="brands">names <em data-field="brands" data-none="nobody"></em></span>
<mark data-if="simulated">SIMULATED</mark><s data-if="imported">IMPORTED</s></li></template>
<template data-live="failure"><li class="failure"><b data-field="engine"></b> <u data-field="code"></u> <p data-field="message"></p></li></template>
</main><script type="module" src="/live.js"></script></body></html>"""
PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    try:
        path = find_chromium()
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


class Shown:
    """A page with the elements that a template may have, in front of this server."""

    def __init__(self, browser: Browser, url: str, execution_id: str) -> None:
        self.loads = 0
        self.wrong: list[str] = []
        own = f"/api/executions/{execution_id}"
        words = json.dumps({"running": "进行中"})
        self._html = PAGE.format(events=f"{own}/events?language=zh&last=50", status=own, words=words)
        self.page: Page = browser.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.route("**/page", self._load)
        script = (files("brandq.web") / "static/live.js").read_text(encoding="utf-8")
        self.page.route("**/live.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
        self.page.goto(f"{url}/page")

    def _load(self, route: Route) -> None:
        self.loads += 1
        route.fulfill(
            body=self._html.replace("<main", f'<main id="load-{self.loads}"'), content_type="text/html; charset=utf-8"
        )

    def text(self, selector: str, text: str) -> None:
        expect(self.page.locator(selector)).to_have_text(text, timeout=PATIENCE_MS)

    def count(self, selector: str, n: int) -> None:
        expect(self.page.locator(selector)).to_have_count(n, timeout=PATIENCE_MS)


def test_a_page_shows_what_happens(small_desk: Desk, small: ContractClient, browser: Browser) -> None:
    """Given the page of a running execution, when samples are answered, read and given up, then its numbers and rows follow, hostile text stays text, and at the end it is loaded again, once."""
    execution_id = submit(small)
    with served(small_desk) as running:
        shown = Shown(browser, running.url, execution_id)
        page = shown.page
        shown.text('main > [data-live="planned"]', "4")
        shown.text('[data-live="connection"]', "live")
        shown.text('[data-live="left_basis"]', "正在排队，尚未开始提问")
        assert page.locator('tr[data-engine="qwen"] [data-live="errors"]').is_hidden()
        [first] = settle(small_desk, execution_id, [answered(HOSTILE)])
        shown.text('main > [data-live="status"]', "进行中")
        row = f'li[data-sample-id="{first}"]'
        shown.text(f"{row} [data-field=excerpt]", HOSTILE)
        assert page.locator("img").count() == 0
        assert page.title() == "page"
        shown.text(f"{row} [data-field=latency]", "1.2秒")
        assert page.locator(f"{row} a").get_attribute("href") == f"/api/executions/{execution_id}/answers/{first}"
        assert page.locator(f"{row} mark").is_visible()
        assert page.locator(f"{row} s").is_hidden()
        assert page.locator(f"{row} [data-if=brands]").is_hidden()
        analyze(small_desk, execution_id, [first])
        shown.text(f"{row} [data-field=brands]", "趣车良品")
        shown.text('tr[data-engine="doubao"] [data-live="landed"]', "1")
        expect(page.locator('tr[data-engine="doubao"] progress')).to_have_attribute("max", "2")
        settle(small_desk, execution_id, [failed(message="no such <b>key</b>")])
        shown.text("li.failure p", "no such <b>key</b>")
        shown.text('tr[data-engine="qwen"] [data-live="errors"]', "密钥无效 × 1")
        assert page.locator('tr[data-engine="qwen"] [data-live="errors"]').is_visible()
        assert page.locator('[data-live="announce"]').inner_text().startswith("4 个样本中已有")
        assert page.locator("#waits").is_visible()
        settle(small_desk, execution_id, [answered("nobody is named here"), answered()])
        shown.count('[data-live="answers"] > li', 3)
        analyze(small_desk, execution_id, sample_ids(small_desk, execution_id))
        report(small_desk, execution_id)
        shown.count("#load-2", 1)
        shown.text('[data-live="settled"]', "4")
        wait_until(lambda: running.streams.open == 0, SOON_S, "the page to have been told of the end again")
        shown.count("#load-2", 1)
        assert (shown.loads, shown.wrong) == (2, [])
        page.close()


def test_a_page_without_a_stream_asks_for_the_status(sqlite_url: str, tmp_path: Path, browser: Browser) -> None:
    """Given a server that has no room for streams, when samples settle, then the page follows by asking, says so, and is loaded again at the end."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_MAX_STREAMS="0")
    execution_id = submit(ContractClient(desk))
    with served(desk) as running:
        shown = Shown(browser, running.url, execution_id)
        shown.text('[data-live="connection"]', "polling")
        settle(desk, execution_id, [answered(), failed()])
        shown.text('main > [data-live="settled"]', "1")
        shown.text('tr[data-engine="doubao"] [data-live="landed"]', "1")
        settle(desk, execution_id, [answered(), answered()])
        analyze(desk, execution_id, sample_ids(desk, execution_id))
        report(desk, execution_id)
        shown.count("#load-2", 1)
        assert shown.wrong == []
        shown.page.close()
    desk.close()


def test_a_page_goes_on_where_it_was_broken_off(sqlite_url: str, tmp_path: Path, browser: Browser) -> None:
    """Given a page that was told of two answers, when the server is stopped and another one takes its place, then the page goes on with the third, and has each once."""
    port = free_port()
    desk = open_desk(sqlite_url, tmp_path)
    execution_id = submit(ContractClient(desk))
    with served(desk, port):
        shown = Shown(browser, f"http://127.0.0.1:{port}", execution_id)
        settle(desk, execution_id, [answered(), answered()])
        shown.count('[data-live="answers"] > li', 2)
    settle(desk, execution_id, [answered()])
    with served(desk, port) as second:
        shown.count('[data-live="answers"] > li', 3)
        shown.text('[data-live="connection"]', "live")
        ids = [row.get_attribute("data-sample-id") for row in shown.page.locator("li").all()]
        assert ids == [str(one) for one in reversed(sample_ids(desk, execution_id, "answered"))]
        assert (shown.loads, shown.wrong) == (1, [])
        shown.page.close()
        wait_until(lambda: second.streams.open == 0, SOON_S, "the server to notice")
    desk.close()
