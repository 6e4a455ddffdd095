"""Fixtures of the browser's tests.

chromium   one browser for the tests of a module
served     one `brandq serve` for them, with a simulator and a few engines that break or take their time
watch      what went wrong in the pages of this test; the test fails with it
page       a page of this test: English, light, 1280 wide
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.site import Served, Watch, find_chromium, look, serve
from tests.servers.missing import ServerMissing, skip_or_fail


# for one module: while it runs, a loop of its own does, and other tests of the process could start none
@pytest.fixture(scope="module")
def chromium(request: pytest.FixtureRequest) -> Iterator[Browser]:
    try:
        path = find_chromium()
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    with sync_playwright() as playwright:
        # without a sandbox, because the tests may run as root, and what they look at is our own
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("served")
    with serve(folder) as served:
        yield served


@pytest.fixture
def watched(chromium: Browser, served: Served) -> Iterator[tuple[BrowserContext, Watch]]:
    context, watch = look(chromium, served, viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context, watch
    context.close()
    assert watch.amiss() == []


@pytest.fixture
def watch(watched: tuple[BrowserContext, Watch]) -> Watch:
    return watched[1]


@pytest.fixture
def page(watched: tuple[BrowserContext, Watch]) -> Page:
    return watched[0].new_page()
