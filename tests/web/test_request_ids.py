"""Every request has an id: its caller's where that is safe text; its lines and its response have it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from brandq.actors.desk import Desk
from tests.lines import Lines, keeping_lines
from tests.web.site import PLAN, ContractClient

EXECUTION = "0b0e8f4e-6f4e-4d55-9c4e-0a4f5d3f7d11"


@pytest.fixture
def kept() -> Iterator[Lines]:
    with keeping_lines() as lines:
        yield lines


@pytest.mark.parametrize(
    ("sent", "kept_as"),
    [("abc-1.2_X", "abc-1.2_X"), ("x" * 64, "x" * 64), ("x" * 65, None), ("a b", None), ('a"\\', None), ("", None)],
)
def test_a_request_has_an_id(small: ContractClient, sent: str, kept_as: str | None) -> None:
    """Given a request with an X-Request-Id, when it is safe text, then the response has it; else one is made up."""
    found = small.get("/healthz", headers={"X-Request-Id": sent}).headers["x-request-id"]
    assert found == kept_as if kept_as else re.fullmatch(r"[0-9a-f]{16}", found)
    assert small.get("/no/such/page").headers["x-request-id"]


def test_the_lines_of_a_request_name_it(kept: Lines, small: ContractClient, small_desk: Desk) -> None:
    """Given a request that fails, then its lines have its id, method, route and execution, but no path as it was sent."""
    small_desk.database.dispose()
    Path(small_desk.settings.database_url.reveal().removeprefix("sqlite:///")).write_bytes(b"")
    response = small.get(f"/api/executions/{EXECUTION}", headers={"X-Request-Id": "mine"})
    assert response.status_code == 503
    (line,) = kept.saying(f"GET /api/executions/{EXECUTION}")
    assert line["request_id"] == "mine"
    assert (line["method"], line["route"]) == ("GET", "/api/executions/{execution_id}")
    assert line["execution_id"] == EXECUTION
    small.get("/api/executions/" + "x" * 200)
    assert all(line.get("execution_id", EXECUTION) == EXECUTION for line in kept.lines)


def test_one_line_leads_from_a_request_to_its_execution(kept: Lines, small: ContractClient) -> None:
    """Given a plan that is accepted, then one line has the id of its request, its route, and the execution's id."""
    reply = small.post("/api/executions", json=PLAN, headers={"X-Request-Id": "march-1"})
    (line,) = kept.saying("accepted execution")
    assert line["execution_id"] == reply.json()["execution_id"]
    assert (line["request_id"], line["method"]) == ("march-1", "POST")
