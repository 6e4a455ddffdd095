"""Plans in, executions out: accepted once, listed, polled, cancelled, retried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brandq import store
from brandq.actors.analyze import analyze
from brandq.actors.desk import Desk
from brandq.actors.report import report
from brandq.plan import CostLimit
from brandq.providers.dialect import AnswerKind, ErrorClass
from brandq.web import wire
from tests.actors.installed import Installed, installed
from tests.store.samples_at_hand import claim
from tests.store.samples_at_hand import settle as settle_claims
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
    cost = body["estimate"]["cost"]
    assert (cost["low"], cost["high"], cost["currency"], cost["basis"]) == ("0", "0", None, "simulated: nobody is paid")
    assert body["reused"] == 0
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
    assert body["plan"]["brands"][0] == {
        "name": "趣车良品",
        "aliases": ["趣车"],
        "domains": ["example.com"],
        "ambiguous": False,
        "case_sensitive": False,
        "context": [],
        "block": [],
        "parent": None,
    }
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


# -- money

#: nobody listens there; these tests ask nobody
ROW = """
[engines."{name}"]
dialect = "openai-chat"
base_url = "http://127.0.0.1:1/v1"
model = "m"
"""
PRICES = """
[engines."{name}".prices."m"]
tokens_in = "1"
tokens_out = "10"
currency = "{currency}"
dated = "2026-11-23"
"""


@pytest.fixture
def paid(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., ContractClient]]:
    """Clients of a service whose engines cost USD, cost CNY, or have no price."""
    rows = "".join(
        ROW.format(name=name) + (PRICES.format(name=name, currency=currency) if currency else "")
        for name, currency in (("in-usd", "USD"), ("in-cny", "CNY"), ("unpriced", None))
    )
    engines = tmp_path / "engines.toml"
    engines.write_text(rows, encoding="utf-8")
    opened = []

    def client(**environment: str) -> ContractClient:
        opened.append(open_desk(sqlite_url, tmp_path, BRANDQ_ENGINES_FILE=str(engines), **environment))
        return ContractClient(opened[-1])

    yield client
    for desk in opened:
        desk.close()


def plan_for(*engines: str, **fields: Any) -> dict[str, Any]:
    """Two samples of each engine, with a prompt of 40 characters."""
    return {**PLAN, "prompts": ["x" * 40], "engines": list(engines), "repeats": 2, **fields}


def test_a_plan_says_what_it_may_cost_before_it_runs(paid: Callable[..., ContractClient]) -> None:
    """Given an engine with a list price, then a dry run and the 202 tell the same range with its basis.

    (10 in × 1 + 100 out × 10) / 1,000,000 = 0.00101 and (40 × 1 + 1,500 × 10) / 1,000,000 = 0.01504, twice.
    """
    client = paid()
    dry = client.post("/api/executions?dry_run=1", json=plan_for("in-usd")).json()
    cost = dry["estimate"]["cost"]
    assert (cost["low"], cost["high"], cost["currency"]) == ("0.00202", "0.03008", "USD")
    assert cost["basis"] == "list price of 2026-11-23, 110 to 1,540 tokens assumed"
    assert [(one["engine"], one["calls"]) for one in cost["engines"]] == [("in-usd", 2)]
    assert client.post("/api/executions", json=plan_for("in-usd")).json()["estimate"] == dry["estimate"]


def test_what_a_plan_costs_may_be_unknown(paid: Callable[..., ContractClient]) -> None:
    """Given an engine without a price, or two currencies, then there is no sum, but its reason and what is known."""
    client = paid()
    cost = client.post("/api/executions?dry_run=1", json=plan_for("in-usd", "unpriced")).json()["estimate"]["cost"]
    assert (cost["low"], cost["high"], cost["currency"]) == (None, None, None)
    assert "unpriced" in cost["reason"]
    assert [one["low"] for one in cost["engines"]] == ["0.00202", None]
    cost = client.post("/api/executions?dry_run=1", json=plan_for("in-usd", "in-cny")).json()["estimate"]["cost"]
    assert "USD (in-usd); CNY (in-cny)" in cost["reason"]


#: the daily limit, the plan's, its engines; the pointers of the faults
REFUSED: list[tuple[str, str | None, tuple[str, ...], list[str]]] = [
    ("", "5 USD", ("in-usd",), []),
    ("", "5 USD", ("in-usd", "doubao"), []),
    ("20 USD", "5 USD", ("in-usd",), []),
    ("20 USD", None, ("doubao",), []),
    ("", "5 USD", ("in-usd", "unpriced"), ["/cost_limit"]),
    ("", "5 USD", ("in-usd", "in-cny"), ["/cost_limit"]),
    ("20 USD", None, ("in-usd", "unpriced", "in-cny"), ["/engines/1", "/engines/2"]),
    ("20 USD", "5 CNY", ("in-cny",), ["/cost_limit"]),
]


@pytest.mark.parametrize(("daily", "limit", "engines", "pointers"), REFUSED)
def test_a_limit_that_cannot_be_kept_is_refused_at_the_door(
    paid: Callable[..., ContractClient], daily: str, limit: str | None, engines: tuple[str, ...], pointers: list[str]
) -> None:
    """Given an engine whose cost cannot be counted against the limit, then the plan is a 422 and nothing is stored."""
    client = paid(BRANDQ_DAILY_COST_LIMIT=daily)
    plan = plan_for(*engines, cost_limit=limit)
    for url, accepted in (("/api/executions?dry_run=1", 200), ("/api/executions", 202)):
        response = client.post(url, json=plan)
        assert response.status_code == (422 if pointers else accepted), response.text
        assert [fault["pointer"] for fault in response.json().get("errors", [])] == pointers
    assert len(client.get("/api/executions").json()["executions"]) == (0 if pointers else 1)


def test_the_predecessors_clients_hear_of_the_daily_limit_in_their_words(paid: Callable[..., ContractClient]) -> None:
    """Given a daily limit and a model without a price, then the fault stands where they wrote the model."""
    submission = {"brand_list": ["趣车良品"], "selectedModels": ["in-usd", "unpriced"], "customQuestions": ["哪家好？"]}
    response = paid(BRANDQ_DAILY_COST_LIMIT="20 USD").post("/api/perform-brand-test-async", json=submission)
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/selectedModels/1"]


def test_an_execution_shows_what_is_left_of_its_limit(desk: Desk, client: ContractClient) -> None:
    """Given a limit, then what was spent and is set aside stands beside it, and the ETag changes with it; without a
    limit there is nothing to show."""
    assert client.get(f"/api/executions/{submit(client)}").json()["cost"] is None
    execution_id = submit(client, cost_limit="5 USD")
    own = f"/api/executions/{execution_id}"
    first = client.get(own)
    assert first.json()["cost"] == {"limit": "5", "spent": "0", "reserved": "0", "currency": "USD"}
    assert client.get(own, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    with desk.database.begin() as db:
        budget = store.Budget(execution_id, CostLimit(Decimal(5), "USD"), "the plan's cost_limit")
        store.reserve_cost(db, [budget], Decimal("0.02"), 3, now=desk.now())
        store.settle_cost(db, [execution_id], reserved=Decimal("0.02"), spent=Decimal("0.015"), now=desk.now())
    shown = client.get(own, headers={"If-None-Match": first.headers["etag"]})
    assert shown.json()["cost"] == {"limit": "5", "spent": "0.015", "reserved": "0.04", "currency": "USD"}


def test_a_retry_is_held_to_the_limits_of_its_time(paid: Callable[..., ContractClient]) -> None:
    """Given an execution of an engine without a price, when a daily limit was set since, then it cannot be retried; and
    whoever sent the plan again under its key is still given what stands."""
    headers = {"Idempotency-Key": "k"}
    accepted = paid().post("/api/executions", json=plan_for("unpriced"), headers=headers).json()
    own = accepted["links"]["self"]
    client = paid(BRANDQ_DAILY_COST_LIMIT="20 USD")
    again = client.post("/api/executions", json=plan_for("unpriced"), headers=headers)
    assert (again.status_code, again.json()["execution_id"]) == (202, accepted["execution_id"])
    client.post(f"{own}/cancel")
    refused = client.post(f"{own}/retry")
    assert refused.status_code == 422
    assert "the daily limit of 20 USD cannot be kept for unpriced" in refused.json()["errors"][0]["detail"]
    assert len(client.get("/api/executions").json()["executions"]) == 1


# -- reuse


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Installed]:
    with installed(tmp_path, database_url, "embedded") as site:
        yield site


def ended(site: Installed, response: Any) -> dict[str, Any]:
    """The report of an accepted execution once it has ended."""
    assert response.status_code == 202, response.text
    found = site.ended(response.json()["execution_id"])
    with site.desk.database.read() as db:
        return dict(store.report_document(db, found.execution_id) or {})


def test_a_plan_that_may_reuse_answers_asks_nobody_twice(running: Installed) -> None:
    """Given an execution with answers, when its plan comes again with reuse_within_hours, then nobody is asked, it ends
    completed, and every answer, the coverage and the pages say where the answers are from."""
    client = ContractClient(running.desk)
    plan = {**PLAN, "engines": ["sim/gpt-2"], "prompts": ["哪家好？", "Which one?"], "repeats": 3}
    first = client.post("/api/executions", json=plan)
    assert ended(running, first)["status"] == "completed"
    originals = sample_ids(running.desk, first.json()["execution_id"])
    calls = running.calls()
    again = {**plan, "prompts": plan["prompts"][::-1], "reuse_within_hours": 24}
    assert client.post("/api/executions?dry_run=1", json=again).json()["reused"] == 6

    second = client.post("/api/executions", json=again, headers={"Idempotency-Key": "k"})
    body = second.json()
    assert (body["planned"], body["reused"]) == (6, 6)
    assert (body["estimate"]["seconds"], body["estimate"]["basis"]) == (1, "nobody is asked")
    assert (body["estimate"]["cost"]["low"], body["estimate"]["cost"]["high"]) == ("0", "0")
    document = ended(running, second)
    assert running.calls() == calls
    assert document["status"] == "completed"
    assert (document["coverage"]["planned"], document["coverage"]["taken_over"]) == (6, 6)
    taken = set()
    for row in client.get(body["links"]["samples"]).json()["samples"]:
        shown = client.get(row["answer"]["link"]).json()
        source = client.get(f"/api/executions/{first.json()['execution_id']}/answers/{shown['taken_from']}").json()
        same = ("prompt", "engine", "repeat_no", "text", "answered_at", "content_digest")
        assert [shown[name] for name in same] == [source[name] for name in same]
        assert shown["cost"] == {"amount": None, "currency": None, "basis": "taken over"}
        taken.add(shown["taken_from"])
    assert taken == set(originals)
    for form in ("md", "html"):
        page = client.get(f"{body['links']['report']}?format={form}").text
        assert "6 answers were taken" in page
    replayed = client.post("/api/executions", json=again, headers={"Idempotency-Key": "k"}).json()
    assert (replayed["execution_id"], replayed["reused"]) == (body["execution_id"], 6)


def test_raising_the_repeats_asks_only_the_new_ones(running: Installed) -> None:
    """Given two answers of each prompt, when five are wanted, then three are asked for and two are taken."""
    client = ContractClient(running.desk)
    plan = {**PLAN, "engines": ["sim/gpt-2"], "reuse_within_hours": 24}
    assert ended(running, client.post("/api/executions", json={**plan, "repeats": 2}))["coverage"]["taken_over"] == 0
    assert sum(running.calls().values()) == 2
    document = ended(running, client.post("/api/executions", json={**plan, "repeats": 5}))
    assert (document["coverage"]["planned"], document["coverage"]["taken_over"]) == (5, 2)
    assert sum(running.calls().values()) == 5


def test_without_hours_everybody_is_asked_again(running: Installed) -> None:
    """Given stored answers, when the plan does not ask for them, then they are not taken."""
    client = ContractClient(running.desk)
    plan = {**PLAN, "engines": ["sim/gpt-2"]}
    for times in (1, 2):
        assert ended(running, client.post("/api/executions", json=plan))["coverage"]["taken_over"] == 0
        assert sum(running.calls().values()) == 2 * times


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
    settle(desk, execution_id, [failed(), answered()])
    shown = look()
    assert shown["counts"] == {"waiting": 2, "asking": 0, "answered": 1, "analyzed": 0, "failed": 1, "cancelled": 0}
    assert shown["engines"][0] == {
        "engine": "doubao",
        "simulated": True,
        "paused": None,
        "counts": {"failed": 1, "waiting": 1},
        "errors": {"auth": 1},
    }
    settle(desk, execution_id, [answered(), answered()])
    look()
    analyze(desk, execution_id, sample_ids(desk, execution_id))
    look()
    report(desk, execution_id)
    ended = look()
    assert (ended["status"], ended["poll_after_ms"], ended["terminal"]) == ("partial", None, True)
    assert [percent for _, percent, _ in seen] == sorted(percent for _, percent, _ in seen)
    assert [stage for stage, _, _ in seen] == ["queued", "asking", "analyzing", "reporting", "ended"]
    assert [percent for _, percent, terminal in seen if terminal] == [100]


def test_an_unchanged_execution_is_a_304(desk: Desk, client: ContractClient) -> None:
    """The ETag holds while nothing moves, and changes with the first sample that does."""
    own = f"/api/executions/{submit(client)}"
    etag = client.get(own).headers["etag"]
    for held in (etag, f'"other", W/{etag}', "*"):
        assert client.get(own, headers={"If-None-Match": held}).status_code == 304
    assert client.get(own, headers={"If-None-Match": '"other"'}).status_code == 200
    settle(desk, own.rpartition("/")[2], [answered()])
    assert client.get(own, headers={"If-None-Match": etag}).status_code == 200


def test_a_sample_that_waits_says_until_when(desk: Desk, client: ContractClient) -> None:
    """What a provider asked to wait shows, with its reason."""
    execution_id = submit(client)
    until = desk.now() + timedelta(minutes=3)
    now = desk.now()
    claims = claim(desk.database, sample_ids(desk, execution_id)[:1], now=now)
    assert settle_claims(desk.database, claims, failed(ErrorClass.RATE_LIMIT), now, again_at=until) == [True]
    shown = client.get(f"/api/executions/{execution_id}").json()
    assert shown["waits_until"] == wire.instant(until)
    assert shown["engines"][0]["errors"] == {"rate_limit": 1}
    row = client.get(f"/api/executions/{execution_id}/samples").json()["samples"][0]
    assert row["next_attempt_at"] == wire.instant(until)
    assert row["error"] == {"code": "rate_limit", "message": "no such key", "http_status": 401}


def test_a_failed_execution_says_why(desk: Desk, client: ContractClient) -> None:
    """No usable answer at all: failed, with the commonest reason and an example."""
    execution_id = submit(client)
    finish(desk, execution_id, [failed()] * 4)
    shown = client.get(f"/api/executions/{execution_id}").json()
    assert (shown["status"], shown["error"]["code"]) == ("failed", "auth")
    assert "no such key" in shown["error"]["message"]
    old = client.get(f"/api/diagnosis/status/{execution_id}").json()
    assert (old["status"], old["progress"]) == ("failed", 100)
    assert "no such key" in old["error_message"]


# -- lists


def test_lists_are_paged_without_gaps_or_doubles(desk: Desk, client: ContractClient) -> None:
    """Following `next` gives each execution once, newest first, with the filters kept."""
    mine = [submit(client, label=f"n{number}") for number in range(5)]
    submit(client, brands=["another"])
    pages, url = [], "/api/executions?limit=2&brand=%E8%B6%A3%E8%BD%A6%E8%89%AF%E5%93%81"
    while url:
        page = client.get(url).json()
        pages.append([one["execution_id"] for one in page["executions"]])
        url = page["next"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [execution_id for page in pages for execution_id in page] == mine[::-1]


def test_lists_are_filtered(desk: Desk, client: ContractClient) -> None:
    """By status, brand (whatever its case and width) and time."""
    running = submit(client, brands=["L'Oréal"])
    ended = submit(client)
    finish(desk, ended)

    def listed(filters: str) -> list[str]:
        return [one["execution_id"] for one in client.get(f"/api/executions?{filters}").json()["executions"]]

    created_at = client.get(f"/api/executions/{ended}").json()["created_at"]
    assert listed("status=completed") == [ended]
    assert listed("brand=l%27or%C3%A9al") == [running]
    assert listed("brand=L%27Or") == []
    assert listed("since=2020-01-01&until=2020-02-01T00:00:00Z") == []
    assert listed(f"since={created_at}") == [ended]
    assert listed("since=2020-01-01T00:00:00+08:00") == [ended, running], "a bare + is read as one"


@pytest.mark.parametrize(
    ("asked", "pointers"),
    [
        ("limit=0", ["?limit"]),
        ("limit=101", ["?limit"]),
        ("limit=ten&status=done&since=yesterday&cursor=xyz", ["?limit", "?cursor", "?status", "?since"]),
        ("brand=", ["?brand"]),
        ("brand=a%00b", ["?brand"]),
        ("since=2026-01-01T00:00:00", ["?since"]),
        ("since=0001-01-01T00:00:00%2B14:00", ["?since"]),
        ("since=2026-02-01&until=2026-01-01", ["?until"]),
        ("status=queued&status=failed", ["?status"]),
        ("stauts=queued", ["?stauts"]),
        ("cursor=%F0%9F%98%80", ["?cursor"]),
        ("cursor=MjAyNi0wMS0wMSB4", ["?cursor"]),
    ],
)
def test_every_fault_of_the_filters_is_told(small: ContractClient, asked: str, pointers: list[str]) -> None:
    """A filter that is not understood is refused, for a list that ignores it would be believed."""
    response = small.get(f"/api/executions?{asked}")
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == pointers


# -- cancel


def test_cancel_stops_what_waits_and_keeps_what_was_answered(desk: Desk, client: ContractClient) -> None:
    """Cancelled is final; a second cancel is a conflict; what was answered becomes a report on request."""
    execution_id = submit(client)
    own = f"/api/executions/{execution_id}"
    ids = settle(desk, execution_id, [answered()])
    shown = client.post(f"{own}/cancel").json()
    assert (shown["status"], shown["terminal"], shown["progress"]["percent"]) == ("cancelled", True, 100)
    assert (shown["counts"]["cancelled"], shown["counts"]["answered"]) == (3, 1)
    assert client.post(f"{own}/cancel").status_code == 409
    early = client.get(f"{own}/report")
    assert early.status_code == 409
    assert int(early.headers["retry-after"]) == early.json()["poll_after_ms"] // 1000 == 1
    analyze(desk, execution_id, ids)
    first = client.get(f"{own}/report").json()
    assert first["status"] == "cancelled"
    assert first["coverage"]["usable"]["k"] == 1
    assert client.get(f"{own}/report").json() == first, "built once, then served unchanged"
    assert client.get(own).json()["status"] == "cancelled"


def test_a_cancelled_execution_without_an_answer_has_an_empty_report(desk: Desk, client: ContractClient) -> None:
    """Every number is null with its reason."""
    own = f"/api/executions/{submit(client)}"
    client.post(f"{own}/cancel")
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: client.get(f"{own}/report"), range(4)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    rate = replies[0].json()["brands"][0]["overall"]["mention_rate"]
    assert rate["value"] is None
    assert rate["reason"]


def test_an_ended_execution_cannot_be_cancelled(desk: Desk, client: ContractClient) -> None:
    """The conflict names the state; nothing changes."""
    execution_id = submit(client)
    finish(desk, execution_id)
    refused = client.post(f"/api/executions/{execution_id}/cancel")
    assert refused.status_code == 409
    assert "completed" in refused.json()["detail"]
    assert client.post(f"/api/diagnosis/cancel/{execution_id}").status_code == 409


# -- retry


def test_retry_asks_only_what_failed(desk: Desk, client: ContractClient) -> None:
    """A new execution of the same plan, with the stored answers in place, refusals too; sent twice it is the same one."""
    source = submit(client)
    finish(desk, source, [failed(), answered(), answered("", AnswerKind.REFUSED), answered()])
    own = f"/api/executions/{source}"
    again = client.post(f"{own}/retry")
    assert again.status_code == 202
    body = again.json()
    assert body["retry_of"] == source
    target = body["execution_id"]
    assert target != source
    assert client.post(f"{own}/retry").json()["execution_id"] == target
    assert client.post(f"{own}/retry", headers={"Idempotency-Key": "once more"}).json()["execution_id"] != target
    counts = client.get(body["links"]["self"]).json()["counts"]
    assert (counts["waiting"], counts["answered"]) == (1, 3)
    finish(desk, target)
    assert client.get(body["links"]["self"]).json()["status"] == "partial", "the refusal is an answer, and is kept"
    report_document = client.get(body["links"]["report"]).json()
    assert report_document["retry_of"] == source
    assert report_document["coverage"]["taken_over"] == 3
    taken = client.get(f"{body['links']['samples']}?state=analyzed").json()["samples"][1]
    shown = client.get(taken["answer"]["link"]).json()
    assert shown["taken_from"] in sample_ids(desk, source)
    assert shown["cost"]["basis"] == "taken over"


def test_retry_takes_over_a_cancelled_execution(desk: Desk, client: ContractClient) -> None:
    """What was cancelled is asked; what had been answered is not."""
    source = submit(client)
    settle(desk, source, [answered()])
    client.post(f"/api/executions/{source}/cancel")
    target = client.post(f"/api/executions/{source}/retry").json()["execution_id"]
    counts = client.get(f"/api/executions/{target}").json()["counts"]
    assert (counts["waiting"], counts["answered"]) == (3, 1)


def test_what_cannot_be_retried_is_a_conflict(desk: Desk, client: ContractClient) -> None:
    """One that runs, and one of which nothing failed."""
    execution_id = submit(client)
    assert client.post(f"/api/executions/{execution_id}/retry").status_code == 409
    finish(desk, execution_id, [answered("", AnswerKind.REFUSED)] * 4)
    refused = client.post(f"/api/executions/{execution_id}/retry")
    assert refused.status_code == 409
    assert "has an answer" in refused.json()["detail"]
    assert rows(desk) == 1
