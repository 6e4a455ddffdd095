"""No N + 1 anywhere: how many statements a request needs does not depend on how much there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from brandq.actors.desk import Desk
from brandq.web.app import PAGES, ROUTES
from tests.web.site import PLAN, ContractClient, add_key, answered, failed, finish, sample_ids, settle, submit

#: PLAN has two engines: 4 samples, and 60 of the plan below
SMALL = {**PLAN, "repeats": 2}
LARGE = {**PLAN, "prompts": [f"prompt {number}" for number in range(3)], "repeats": 10}
OLD_SMALL = {"brand_list": ["a"], "selectedModels": ["doubao"], "customQuestions": ["b?"]}
OLD_LARGE = {
    "brand_list": ["a", "b", "c"],
    "selectedModels": ["doubao", "qwen"],
    "customQuestions": [f"b {number}?" for number in range(20)],
}
SMALL_FORM = {
    "brand-0-name": "a",
    "prompts": "b?",
    "engine-0-name": "doubao",
    "engine-0-chosen": "on",
    "repeats": "1",
    "reuse_within_hours": "24",
}
LARGE_FORM = {
    **SMALL_FORM,
    "brand-1-name": "c",
    "prompts": "\n".join(f"b {number}?" for number in range(20)),
    "engine-1-name": "qwen",
    "engine-1-chosen": "on",
    "repeats": "5",
}
#: most statements of the routes that are called most, the one for access included, so that one more is seen
MOST = {
    ("GET", "/api/executions/{execution_id}"): 3,
    ("GET", "/api/diagnosis/status/{execution_id}"): 6,
    ("GET", "/executions/{execution_id}"): 5,
    ("GET", "/api/executions"): 2,
    # one look, and a page each of answers with their brands and of failed samples
    ("GET", "/api/executions/{execution_id}/events"): 7,
}
#: BEGIN and PRAGMA are no statements of ours, and on Postgres do not come by here
NOT_OURS = ("BEGIN", "PRAGMA")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that any database of this process is sent meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(NOT_OURS):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _running(client: ContractClient, desk: Desk, plan: dict[str, object]) -> str:
    """Half of it answered, one given up, the rest waiting."""
    execution_id = submit(client, **plan)
    half = len(sample_ids(desk, execution_id)) // 2
    settle(desk, execution_id, [failed(), *[answered()] * (half - 1)])
    return execution_id


def _ended(client: ContractClient, desk: Desk, plan: dict[str, object]) -> str:
    execution_id = submit(client, **plan)
    n = len(sample_ids(desk, execution_id))
    finish(desk, execution_id, [failed(), *[answered()] * (n - 1)])
    return execution_id


#: a call's address, and its body: JSON, or a form of a page
Call = Callable[[ContractClient, Desk, dict[str, object]], tuple[str, dict[str, object] | None]]


def _of(path: str, state: Callable[[ContractClient, Desk, dict[str, object]], str] = _running) -> Call:
    """A call of this path with an execution of the plan in this state."""

    def make(client: ContractClient, desk: Desk, plan: dict[str, object]) -> tuple[str, dict[str, object] | None]:
        execution_id = state(client, desk, plan)
        answered_ones = sample_ids(desk, execution_id, "answered") or sample_ids(desk, execution_id, "analyzed")
        earlier = state(client, desk, plan) if "{before}" in path else ""
        filled = path.replace("{execution_id}", execution_id).replace("{before}", earlier)
        return filled.replace("{sample_id}", str(answered_ones[0])), None

    return make


def _posting(path: str, small: dict[str, object], large: dict[str, object]) -> Call:
    def make(_client: ContractClient, _desk: Desk, plan: dict[str, object]) -> tuple[str, dict[str, object] | None]:
        return path, small if plan is SMALL else large

    return make


def _listing(path: str) -> Call:
    """A call of this path where there are 2 executions, and 30."""

    def make(client: ContractClient, desk: Desk, plan: dict[str, object]) -> tuple[str, dict[str, object] | None]:
        for _ in range(2 if plan is SMALL else 28):
            submit(client)
        finish(desk, submit(client))
        return path, None

    return make


def _signing_in(_client: ContractClient, desk: Desk, plan: dict[str, object]) -> tuple[str, dict[str, object] | None]:
    """With one key, and one more of some."""
    names = ["ann"] if plan is SMALL else [f"bob{number}" for number in range(10)]
    keys = [add_key(desk, name) for name in names]
    return "/sign-in", {"key": keys[0]}


def _history(path: str) -> Call:
    """A call of this path where 2 executions ended, and 12, of them each second one with another basket."""

    def make(client: ContractClient, desk: Desk, plan: dict[str, object]) -> tuple[str, dict[str, object] | None]:
        for number in range(2 if plan is SMALL else 10):
            finish(desk, submit(client, prompts=[f"{number % 2}?"]))
        return path, None

    return make


CALLS: list[tuple[str, str, Call]] = [
    ("GET", "/", _listing("/")),
    ("GET", "/executions/{execution_id}", _of("/executions/{execution_id}")),
    ("GET", "/executions/{execution_id}/report", _of("/executions/{execution_id}/report", _ended)),
    ("POST", "/executions/{execution_id}/cancel", _of("/executions/{execution_id}/cancel")),
    ("POST", "/executions/{execution_id}/retry", _of("/executions/{execution_id}/retry", _ended)),
    (
        "GET",
        "/executions/{execution_id}/comparison",
        _of("/executions/{execution_id}/comparison?before={before}", _ended),
    ),
    ("GET", "/executions/{execution_id}/comparison", _of("/executions/{execution_id}/comparison", _ended)),
    ("GET", "/history", _history("/history")),
    ("GET", "/history", _history("/history?brand=竞品 1&engine=qwen")),
    ("GET", "/engines", _listing("/engines")),
    ("GET", "/queues", _listing("/queues")),
    ("GET", "/sign-in", _listing("/sign-in")),
    ("POST", "/sign-in", _signing_in),
    ("POST", "/sign-out", _posting("/sign-out", {}, {})),
    ("GET", "/choose", _listing("/choose?language=zh")),
    ("GET", "/assets/{digest}/{name}", _listing("/assets/0/look.css")),
    ("GET", "/executions/{execution_id}/answers", _of("/executions/{execution_id}/answers?finding=named", _ended)),
    ("GET", "/executions/{execution_id}/answers", _of("/executions/{execution_id}/answers?name=nobody", _ended)),
    (
        "GET",
        "/executions/{execution_id}/answers/{sample_id}",
        _of("/executions/{execution_id}/answers/{sample_id}?finding=named&body=true", _ended),
    ),
    ("POST", "/api/executions", _posting("/api/executions", SMALL, LARGE)),
    ("POST", "/api/executions", _posting("/api/executions?dry_run=true", SMALL, LARGE)),
    ("GET", "/api/executions", _listing("/api/executions?limit=100")),
    ("GET", "/api/executions", _listing("/api/executions?brand=竞品 1&status=queued")),
    ("GET", "/api/executions/{execution_id}", _of("/api/executions/{execution_id}")),
    ("GET", "/api/executions/{execution_id}", _of("/api/executions/{execution_id}", _ended)),
    ("GET", "/api/executions/{execution_id}/events", _of("/api/executions/{execution_id}/events", _ended)),
    ("POST", "/api/executions/{execution_id}/cancel", _of("/api/executions/{execution_id}/cancel")),
    ("POST", "/api/executions/{execution_id}/retry", _of("/api/executions/{execution_id}/retry", _ended)),
    ("GET", "/api/executions/{execution_id}/samples", _of("/api/executions/{execution_id}/samples?limit=100", _ended)),
    (
        "GET",
        "/api/executions/{execution_id}/answers/{sample_id}",
        _of("/api/executions/{execution_id}/answers/{sample_id}", _ended),
    ),
    ("GET", "/api/executions/{execution_id}/report", _of("/api/executions/{execution_id}/report", _ended)),
    ("GET", "/api/executions/{execution_id}/report", _of("/api/executions/{execution_id}/report?format=html", _ended)),
    (
        "GET",
        "/api/executions/{execution_id}/comparison",
        _of("/api/executions/{execution_id}/comparison?before={before}", _ended),
    ),
    ("GET", "/api/engines", _listing("/api/engines")),
    ("GET", "/api/statistics", _listing("/api/statistics")),
    (
        "POST",
        "/api/perform-brand-test-async",
        _posting("/api/perform-brand-test-async", OLD_SMALL, OLD_LARGE),
    ),
    ("GET", "/api/diagnosis/status/{execution_id}", _of("/api/diagnosis/status/{execution_id}")),
    ("GET", "/api/diagnosis/status/{execution_id}", _of("/api/diagnosis/status/{execution_id}", _ended)),
    ("POST", "/api/diagnosis/cancel/{execution_id}", _of("/api/diagnosis/cancel/{execution_id}")),
    ("GET", "/api/diagnosis/statistics", _listing("/api/diagnosis/statistics")),
    ("GET", "/healthz", _listing("/healthz")),
    ("GET", "/readyz", _listing("/readyz")),
    ("GET", "/metrics", _listing("/metrics")),
    ("GET", "/openapi.json", _listing("/openapi.json")),
    ("GET", "/executions", _listing("/executions")),
    ("GET", "/executions/new", _listing("/executions/new")),
    ("GET", "/executions/new", _of("/executions/new?again={execution_id}")),
    ("POST", "/executions", _posting("/executions", SMALL_FORM, LARGE_FORM)),
    ("POST", "/executions/new", _posting("/executions/new", SMALL_FORM, LARGE_FORM)),
    ("POST", "/executions/preview", _posting("/executions/preview", SMALL_FORM, LARGE_FORM)),
]


def test_every_route_is_counted() -> None:
    """Whoever adds a route says here how it is called."""
    routes = {(method, path) for method, path, _ in (*ROUTES, *PAGES)}
    assert {(method, path) for method, path, _ in CALLS} == routes


@pytest.mark.parametrize(("method", "path", "call"), CALLS, ids=[f"{method}-{path}" for method, path, _ in CALLS])
def test_more_samples_need_no_more_statements(
    desk: Desk, client: ContractClient, method: str, path: str, call: Call
) -> None:
    """Given 4 samples and 60, or 2 executions and 30, when a route is called, then it sends as many statements."""
    counted = []
    for plan in (SMALL, LARGE):
        url, body = call(client, desk, plan)
        sent: dict[str, object] = {"json": body}
        if method == "POST" and not url.startswith("/api/"):
            sent = {"data": {**(body or {}), "csrf": client.form_token()}}
        with statements() as seen:
            response = client.request(method, url, **sent)
        assert response.status_code in (200, 202, 303), response.text
        counted.append(list(seen))
    fewer, more = counted
    assert len(fewer) == len(more), "\n".join(["with little:", *fewer, "with much:", *more])
    assert len(more) <= MOST.get((method, path), 30), "\n".join(more)
