"""Every page there is to look at, as the tests and the screenshots visit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from tests.browser.site import Served
from tests.walk.site import call


@dataclass(frozen=True)
class Stage:
    """What stands on a service for its pages to show: executions that ended, one of them in part, and one that waits."""

    ended: str
    earlier: str
    partial: str
    waiting: str
    brand: str
    sample_id: int


def set_stage(served: Served) -> Stage:
    """Executions of one brand in every state that has a look of its own."""
    earlier = served.finished(label="February")
    ended = served.finished(label="March")
    partial = served.finished(label="with a broken engine", engines=["doubao", "broken"])
    waiting = served.submit(label="waits", engines=["silent", "doubao"], prompts=["沉默的问题？"], repeats=1)
    answers = call("GET", f"{served.url}/api/executions/{ended}/samples?limit=1").body["samples"]
    return Stage(ended, earlier, partial, waiting, "趣车良品", answers[0]["sample_id"])


#: a name, and the path of its page on a stage
PLACES: Mapping[str, Callable[[Stage], str]] = {
    "home": lambda stage: "/",
    "sign-in": lambda stage: "/sign-in",
    "new": lambda stage: "/executions/new",
    "new-again": lambda stage: f"/executions/new?again={stage.ended}",
    "execution-running": lambda stage: f"/executions/{stage.waiting}",
    "execution-partial": lambda stage: f"/executions/{stage.partial}",
    "report": lambda stage: f"/executions/{stage.ended}/report",
    "report-partial": lambda stage: f"/executions/{stage.partial}/report",
    "answers": lambda stage: f"/executions/{stage.ended}/answers",
    "answers-of-brand": lambda stage: f"/executions/{stage.ended}/answers?brand={quote(stage.brand)}&finding=named",
    "answers-failed": lambda stage: f"/executions/{stage.partial}/answers?engine=broken",
    "answer": lambda stage: f"/executions/{stage.ended}/answers/{stage.sample_id}",
    "comparison": lambda stage: f"/executions/{stage.ended}/comparison?before={stage.earlier}",
    "comparison-choice": lambda stage: f"/executions/{stage.ended}/comparison",
    "history": lambda stage: f"/history?brand={quote(stage.brand)}",
    "history-choice": lambda stage: "/history",
    "engines": lambda stage: "/engines",
    "queues": lambda stage: "/queues",
    "trouble": lambda stage: "/executions/00000000-0000-0000-0000-000000000000",
}
