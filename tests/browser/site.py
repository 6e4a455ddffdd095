"""A browser on a service of its own: a real `brandq serve`, and headless Chromium that tells of everything amiss."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

from brandq.simulator import Simulator
from tests.ports import free_port
from tests.servers.missing import ServerMissing
from tests.waiting import wait_until
from tests.walk.site import call

START_S = 40
#: a page that is loaded, or changed by its script, is as it should be within this; a busy machine takes its time
PATIENCE_MS = 20_000

#: beside the engines that every installation has: one whose key is wrong, one that takes its time, one that never answers
ENGINES = """
[engines.broken]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-sim-fault-401"
title = "Broken"

[engines.steady]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-steady"
title = "Steady"
requests_per_minute = 240

[engines.silent]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-sim-fault-hang"
title = "Silent"
"""


def find_chromium() -> str:
    """The browser of the distribution. ServerMissing when there is none."""
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            return path
    raise ServerMissing("the tests of the pages drive Chromium, which is not installed: apt-get install chromium")


@dataclass(frozen=True)
class Served:
    """A service, and what is asked of it without a browser."""

    url: str
    folder: Path

    def submit(self, **fields: Any) -> str:
        """Accept a plan; its execution_id."""
        plan = {
            "brands": [{"name": "趣车良品", "aliases": ["趣车"], "domains": ["example.com"]}, "竞品 1", "竞品 2"],
            "prompts": ["深圳新能源汽车改装门店哪家好？", "Which EV tuning shop in Shenzhen is the best?"],
            "engines": ["doubao", "qwen"],
            "repeats": 2,
            **fields,
        }
        reply = call("POST", f"{self.url}/api/executions", plan)
        assert reply.status == 202, reply.body
        return str(reply.body["execution_id"])

    def status(self, execution_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = call("GET", f"{self.url}/api/executions/{execution_id}").body
        return shown

    def ended(self, execution_id: str) -> str:
        """Wait for its end; its status."""
        wait_until(lambda: self.status(execution_id)["terminal"], 60, f"{execution_id} to end")
        return str(self.status(execution_id)["status"])

    def finished(self, **fields: Any) -> str:
        """The id of an execution of a plan that has ended."""
        execution_id = self.submit(**fields)
        self.ended(execution_id)
        return execution_id


@contextmanager
def serve(folder: Path, **environment: str) -> Iterator[Served]:
    """A `brandq serve` process with a simulator of its own and the engines above; it ends with the block."""
    with Simulator(port=0) as simulator:
        engines = folder / "engines.toml"
        engines.write_text(ENGINES.format(url=simulator.url), encoding="utf-8")
        url = f"http://127.0.0.1:{(port := free_port())}"
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        with (folder / "serve.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "brandq", "serve", "--port", str(port)],
                env={
                    **kept,
                    "LANG": "C.UTF-8",
                    "BRANDQ_SIMULATE": "missing",
                    "BRANDQ_SIMULATOR_URL": simulator.url,
                    "BRANDQ_ENGINES_FILE": str(engines),
                    "BRANDQ_GRACE_SECONDS": "1",
                    **environment,
                },
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(lambda: _ready(process, url, folder), START_S, "brandq serve to be ready")
            yield Served(url, folder)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[bytes], url: str, folder: Path) -> bool:
    assert process.poll() is None, (folder / "serve.log").read_text()
    try:
        return call("GET", f"{url}/readyz").status == 200
    except OSError:
        return False


@dataclass
class Watch:
    """What went wrong in the pages of a browser context: nothing is expected to."""

    origin: str
    seen: list[str] = field(default_factory=list)
    #: what a test does on purpose, and the browser reports
    expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.seen.append(f"error: {error.error}"))
        context.on("request", self._request)
        context.on("dialog", self._dialog)

    def _dialog(self, dialog: Dialog) -> None:
        """What is expected to be asked is confirmed."""
        if any(part in dialog.message for part in self.expected):
            dialog.accept()
        else:
            self.seen.append(f"dialog: {dialog.message}")
            dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        # the browser itself says here what its policy refused and what could not be loaded
        if message.type in ("error", "warning"):
            self.seen.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob", "about") and f"{address.scheme}://{address.netloc}" != self.origin:
            self.seen.append(f"request to {request.url}")

    def amiss(self) -> list[str]:
        return [words for words in self.seen if not any(part in words for part in self.expected)]


def look(browser: Browser, served: Served, **options: Any) -> tuple[BrowserContext, Watch]:
    """A context of its own, watched; its pages take paths of the service."""
    watch = Watch(served.url)
    context = browser.new_context(base_url=served.url, **{"locale": "en-US", **options})
    context.set_default_timeout(PATIENCE_MS)
    watch.over(context)
    return context, watch


def texts(page: Page, selector: str) -> Sequence[str]:
    return page.locator(selector).all_inner_texts()
