"""Plans in, executions out: accepted once, listed, polled, cancelled, retried."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from brandq import store
from brandq.actors.desk import Desk
from brandq.actors.report import close_if_done, report
from brandq.providers.dialect import AnswerKind, ErrorClass
from tests.waiting import wait_until
from tests.web.site import PLAN, ContractClient, answered, failed, finish, open_desk, sample_ids, settle, submit


def rows(desk: Desk) -> int:
    with desk.database.read() as db:
        return len(store.list_executions(db, "local", store.Filter(), 1000))


def test_a_plan_is_accepted(desk: Desk, client: ContractClient) -> None:
    """202 with the count, its formula, the estimate with its basis, the deadline, and where to look."""
    response = client.post("/api/executions", json={**PLAN, "label": "march", "priority": 9})
    body = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == body["links"]["self"] == f"/api/executions/{body['execution_id']}"
    assert (body["status"], body["planned"]) == ("queued", 4)
    assert body["counted_as"] == "1 prompts × 2 engines × 2 repeats = 4"
    assert body["simulated"] == ["doubao", "qwen"]
    assert body["estimate"]["seconds"] > 0
    assert "assumed for doubao, qwen" in body["estimate"]["basis"]
    assert body["estimate"]["cost"] is None
    assert body["estimate"]["cost_reason"]
    shown = client.get(response.headers["location"]).json()
    assert shown["plan"]["label"] == "march"
    assert shown["plan"]["priority"] == 9
    assert shown["counts"]["waiting"] == len(sample_ids(desk, body["execution_id"])) == 4


def test_what_was_accepted_is_sent_after_the_reply(desk: Desk, client: ContractClient) -> None:
    """One message per engine's batch, with the execution's priority; nobody's request waits for the broker."""
    submit(client, priority=7)
    queue = desk.broker.queues["brandq.fetch"]  # type: ignore[attr-defined]
    wait_until(lambda: len(queue.ready) == 2, 5, "two batches in the queue")


def test_a_broker_that_is_down_does_not_refuse_a_plan(sqlite_url: str, tmp_path: Path) -> None:
    """The commit is the acceptance; the sweep sends later what could not be sent."""
    down = open_desk(sqlite_url, tmp_path, BRANDQ_BROKER_URL="embedded")
    down.broker.close()
    try:
        client = ContractClient(down)
        execution_id = submit(client)
        assert client.get(f"/api/executions/{execution_id}").json()["status"] == "queued"
    finally:
        down.close()


def test_a_dry_run_counts_and_stores_nothing(desk: Desk, client: ContractClient) -> None:
    """The same checks, the same count, the same estimate; no execution."""
    response = client.post("/api/executions?dry_run=true", json=PLAN)
    assert response.status_code == 200
    body = response.json()
    assert (body["dry_run"], body["planned"]) == (True, 4)
    assert body["plan"]["brands"][0] == {"name": "趣车良品", "aliases": ["趣车"], "domains": ["example.com"]}
    assert client.post("/api/executions?dry_run=true", json={**PLAN, "brands": []}).status_code == 422
    assert client.post("/api/executions?dry_run=maybe", json=PLAN).status_code == 422
    assert rows(desk) == 0


def test_the_estimate_rests_on_what_was_measured(desk: Desk, client: ContractClient) -> None:
    """Once engines have answered, their median latency decides: 1.2 s in these answers."""
    finish(desk, submit(client))
    estimate = client.post("/api/executions?dry_run=1", json=PLAN).json()["estimate"]
    assert estimate["seconds"] == 1
    assert "assumed" not in estimate["basis"]


def test_the_same_key_and_plan_are_the_same_execution(desk: Desk, client: ContractClient) -> None:
    """Sent again, a plan is not accepted again; another plan under its key is a conflict; another owner's key is free."""
    headers = {"Idempotency-Key": "march-1"}
    first, again = (client.post("/api/executions", json=PLAN, headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.json()["execution_id"] == again.json()["execution_id"]
    other = client.post("/api/executions", json={**PLAN, "repeats": 3}, headers=headers)
    assert other.status_code == 409
    assert first.json()["execution_id"] in other.json()["detail"]
    assert rows(desk) == 1


def test_eight_posts_at_once_under_one_key_are_one_execution(desk: Desk, client: ContractClient) -> None:
    """Whoever commits first is the execution; the others are given it."""
    with ThreadPoolExecutor(8) as pool:
        posts = [
            pool.submit(client.post, "/api/executions", json=PLAN, headers={"Idempotency-Key": "k"}) for _ in range(8)
        ]
        replies = [post.result() for post in posts]
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.json()["execution_id"] for reply in replies}) == 1
    assert rows(desk) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "naïve"])
def test_a_key_is_short_printable_ascii(small: ContractClient, key: str) -> None:
    """Anything else is refused before the plan is looked at."""
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    response = small.post("/api/executions", json=PLAN, headers=headers)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "Idempotency-Key:"


# -- polling


def test_progress_counts_settled_samples_and_never_falls(desk: Desk, client: ContractClient) -> None:
    """Each step of the pipeline shows; 100 percent and terminal come together, at the end."""
    execution_id = submit(client)
    seen = []

    def look() -> dict[str, Any]:
        shown: dict[str, Any] = client.get(f"/api/executions/{execution_id}").json()
        old = client.get(f"/api/diagnosis/status/{execution_id}").json()
        assert old["progress"] == shown["progress"]["percent"]
        seen.append((shown["stage"], shown["progress"]["percent"], shown["terminal"]))
        return shown

    assert look()["poll_after_ms"] > 0
    ids = settle(desk, execution_id, [failed(), answered()])
    shown = look()
    assert shown["counts"] == {"waiting": 2, "asking": 0, "answered": 1, "analyzed": 0, "failed": 1, "cancelled": 0}
    assert shown["engines"][0] == {
        "engine": "doubao",
        "simulated": True,
        "counts": {"failed": 1, "waiting": 1},
        "errors": {"auth": 1},
    }
    assert ids
    finish_rest(desk, execution_id, look)
    ended = look()
    assert (ended["status"], ended["poll_after_ms"], ended["terminal"]) == ("partial", None, True)
    assert [percent for _, percent, _ in seen] == sorted(percent for _, percent, _ in seen)
    assert [stage for stage, _, _ in seen] == ["queued", "asking", "analyzing", "reporting", "ended"]
    assert [percent for _, percent, terminal in seen if terminal] == [100]


def finish_rest(desk: Desk, execution_id: str, look: Any) -> None:
    from brandq.analysis import analyze as read  # noqa: PLC0415

    with desk.database.read() as db:
        waiting = [
            row.sample_id for row in store.list_samples(db, execution_id, store.SampleFilter(state="waiting"), 100)
        ]
        found = store.execution(db, execution_id)
    now = desk.now()
    with desk.database.begin() as db:
        claims = store.claim_samples(db, waiting, worker="w", now=now, lease_until=found.deadline_at)
    for claim in claims:
        with desk.database.begin() as db:
            store.settle_answer(db, claim, answered(), asked_at=now, simulated=True, now=now)
    look()
    with desk.database.begin() as db:
        unread = store.unread_answers(db, execution_id, sample_ids(desk, execution_id))
        store.record_findings(
            db, {one.sample_id: read(one.answer, found.plan.brands, found.plan.prompts[0]) for one in unread}
        )
    close_if_done(desk, execution_id)
    look()
    report(desk, execution_id)
