"""Alive, ready, counted; and what a caller sees when something of ours is broken."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from starlette.routing import Route

from brandq import __version__, store
from brandq.actors import fetch, report
from brandq.actors.declare import MAX_PRIORITY, message
from brandq.actors.desk import Desk
from brandq.web import wire
from tests.web.site import (
    PLAN,
    ContractClient,
    add_key,
    answered,
    failed,
    finish,
    open_desk,
    sample_ids,
    settle,
    submit,
)


def test_alive_and_ready(desk: Desk, client: ContractClient) -> None:
    """Both are open, and readiness shows the queues."""
    assert client.get("/healthz").json() == {"status": "ok", "version": __version__}
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["broker"]["reachable"] is True
    assert set(ready["broker"]["queues"]) >= {"brandq.fetch", "brandq.analyze", "brandq.report"}


def test_a_database_without_tables_is_not_ready(empty_sqlite_url: str, tmp_path: Path) -> None:
    """503 with Retry-After and the command that helps, on every path that needs the tables; alive all the same."""
    desk = open_desk(empty_sqlite_url, tmp_path)
    client = ContractClient(desk)
    for path in ("/readyz", "/api/executions", "/api/diagnosis/statistics", "/"):
        refused = client.get(path)
        assert refused.status_code == 503, path
        assert refused.headers["retry-after"] == "5"
        assert "brandq migrate" in refused.text
    assert client.get("/healthz").status_code == 200
    assert "brandq_database_up 0.0" in client.get("/metrics").text
    desk.close()


def test_a_database_that_is_gone_is_not_described(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its host and user stand in the log, not in what callers read."""
    desk = open_desk("postgresql://someuser:somepassword@127.0.0.1:1/somename", tmp_path)
    client = ContractClient(desk)
    with caplog.at_level(logging.WARNING):
        refused = client.get("/readyz")
    assert refused.status_code == 503
    assert not any(words in refused.text for words in ("someuser", "somepassword", "somename", "127.0.0.1"))
    assert "127.0.0.1" in caplog.text
    assert "somepassword" not in caplog.text
    desk.close()


def test_a_broker_that_is_gone_is_shown_but_not_needed(postgres_url: str, tmp_path: Path) -> None:
    """Ready, with words for what is wrong and nothing of the URL; plans are accepted."""
    broker_url = "amqp://someuser:somepassword@127.0.0.1:1/"
    desk = open_desk(postgres_url, tmp_path, BRANDQ_BROKER_URL=broker_url)
    client = ContractClient(desk)
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["broker"]["reachable"] is False
    assert "BRANDQ_BROKER_URL" in ready["broker"]["error"]
    assert "somepassword" not in str(ready)
    assert client.post("/api/executions", json=PLAN).status_code == 202
    desk.close()


def test_the_tables_are_counted(desk: Desk, client: ContractClient) -> None:
    """Executions by status, open samples by state, and requests by route, never by what the caller wrote."""
    finish(desk, submit(client))
    finish(desk, submit(client), [failed()] * 4)
    running = submit(client)
    settle(desk, running, [answered()])
    client.get(f"/api/executions/{running}")
    client.get("/api/executions/made-up")
    client.get("/made-up")
    client.request("PROPFIND", "/made-up-too")
    text = client.get("/metrics").text
    for line in (
        'brandq_executions{status="completed"} 1.0',
        'brandq_executions{status="failed"} 1.0',
        'brandq_executions{status="running"} 1.0',
        'brandq_executions{status="queued"} 0.0',
        'brandq_samples_open{state="waiting"} 3.0',
        'brandq_samples_open{state="answered"} 1.0',
        "brandq_database_up 1.0",
        'brandq_http_requests_total{method="GET",path="/api/executions/{execution_id}",status="200"} 1.0',
        'brandq_http_requests_total{method="GET",path="/api/executions/{execution_id}",status="404"} 1.0',
        'brandq_http_requests_total{method="GET",path="(none)",status="404"} 1.0',
        'brandq_http_requests_total{method="other",path="(none)",status="404"} 1.0',
    ):
        assert line in text
    assert "made-up" not in text
    assert running not in text


def test_what_nobody_expected_is_an_id(small_desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """500 with an incident that the log has in full; the caller learns nothing of what broke."""
    client = ContractClient(small_desk)

    def broken(_: object) -> None:
        raise RuntimeError("the secret reason")

    client.app.router.routes.append(Route("/broken", broken))  # type: ignore[attr-defined]
    client.document["paths"]["/broken"] = {"get": client.document["paths"]["/healthz"]["get"]}
    with caplog.at_level(logging.ERROR):
        refused = client.get("/broken")
    assert refused.status_code == 500
    assert "secret" not in refused.text
    incident = refused.json()["detail"].rpartition(" ")[2]
    assert incident in caplog.text
    assert "the secret reason" in caplog.text
    assert refused.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api", 404),
        ("GET", "/api/executions/", 404),
        ("POST", "/api/executions//cancel", 404),
        ("GET", "/API/executions", 404),
        ("GET", "/static/../../etc/passwd", 404),
        ("DELETE", "/api/executions", 405),
        ("PUT", "/api/executions/x", 405),
        ("GET", "/api/executions/x/cancel", 405),
        ("POST", "/healthz", 405),
        ("OPTIONS", "/api/executions", 405),
    ],
)
def test_what_is_not_there_is_a_problem(small: ContractClient, method: str, path: str, status: int) -> None:
    """In the same form as every error, and 405 says what the path does take."""
    refused = small.request(method, path)
    assert refused.status_code == status
    assert refused.headers["content-type"].startswith("application/problem+json")
    if status == 405:
        taken = refused.headers["allow"].split(", ")
        assert method not in taken
        if path == "/api/executions":
            assert taken == ["GET", "HEAD", "POST"]


@pytest.mark.parametrize("execution_id", ["x", "%00", "%F0%9F%98%80", "00000000", "' OR 1=1 --", "a" * 3000])
def test_what_is_no_execution_is_not_found(small: ContractClient, execution_id: str) -> None:
    """The same answer as for one that is somebody else's."""
    for path in (f"/api/executions/{execution_id}", f"/executions/{execution_id}"):
        assert small.get(path).status_code == 404


def test_an_execution_is_found_however_its_id_is_spelled(small: ContractClient) -> None:
    """A UUID in capitals is the same UUID."""
    execution_id = submit(small)
    assert small.get(f"/api/executions/{execution_id.upper()}").json()["execution_id"] == execution_id


def test_every_response_has_the_safe_headers(small: ContractClient) -> None:
    """Whatever the status."""
    for response in (small.get("/healthz"), small.get("/nothing"), small.post("/api/executions"), small.get("/")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        # with no-referrer a browser would say Origin: null of the pages' own forms
        page = response.headers["content-type"].startswith("text/html")
        assert response.headers["referrer-policy"] == ("same-origin" if page else "no-referrer")
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "server" not in response.headers
        assert "access-control-allow-origin" not in response.headers


def test_engines_are_listed_without_asking_anybody(small: ContractClient) -> None:
    """Configured, simulated, available; never a key."""
    rows = {row["name"]: row for row in small.get("/api/engines").json()["engines"]}
    assert rows["doubao"]["available"] is rows["doubao"]["simulated"] is True
    assert rows["doubao"]["configured"] is False
    assert "豆包" in rows["doubao"]["aliases"]
    assert rows["doubao"]["state"] == {
        "paused": None,
        "models": [],
        "slowed_to_per_minute": None,
        "answered_at": None,
        "latency_ms": None,
    }


def pause(desk: Desk, scope: str, reason: str = "auth", message: str = "doubao: status 401; check ARK_API_KEY") -> None:
    with desk.database.begin() as db:
        store.open_engine(db, scope, reason=reason, message=message, wait=None, settings="simulated", now=desk.now())


def test_an_engine_that_is_paused_says_why_and_until_when(desk: Desk, client: ContractClient) -> None:
    """Given a provider that refused its key, a model that another has not, and a third that said "too many", when engines
    are listed, then each row tells its own state, and what the simulator did stands only where it answers."""
    now = desk.now()
    pause(desk, "doubao?simulated")
    pause(desk, "qwen/qwen9?simulated", "model", "qwen: status 404; check the model 'qwen9'")
    pause(desk, "kimi", "no_money", "of the real one, while the simulator answers")
    with desk.database.begin() as db:
        store.slow_engine(db, "zhipu?simulated", gap_us=0, wait=None, now=now)
        store.note_success(db, "zhipu?simulated", latency_ms=1200, gap_us=0, settings="simulated", now=now)
    rows = {row["name"]: row["state"] for row in client.get("/api/engines").json()["engines"]}
    paused = rows["doubao"]["paused"]
    assert (paused["scope"], paused["reason"]) == ("doubao?simulated", "auth")
    assert paused["message"] == "doubao: status 401; check ARK_API_KEY"
    assert datetime.fromisoformat(paused["until"]) - datetime.fromisoformat(paused["since"]) == timedelta(hours=1)
    assert rows["qwen"]["paused"] is None
    assert [(model["model"], model["reason"]) for model in rows["qwen"]["models"]] == [("qwen9", "model")]
    assert rows["kimi"] == rows["openai"]
    assert (rows["zhipu"]["latency_ms"], rows["zhipu"]["slowed_to_per_minute"]) == (1200, 240)
    assert rows["zhipu"]["answered_at"] == wire.instant(now)


def test_an_execution_says_which_of_its_engines_are_paused(desk: Desk, client: ContractClient) -> None:
    """Given an execution of two engines, when one's provider is paused, then only that engine says so, the ETag changes
    once and then holds, and nothing is said any more when a call has succeeded or the execution has ended."""
    execution_id = submit(client)
    own = f"/api/executions/{execution_id}"
    etag = client.get(own).headers["etag"]
    pause(desk, "doubao?simulated")
    shown = client.get(own, headers={"If-None-Match": etag})
    doubao, qwen = shown.json()["engines"]
    assert (doubao["paused"]["reason"], qwen["paused"]) == ("auth", None)
    assert "check ARK_API_KEY" in doubao["paused"]["message"]
    assert client.get(own, headers={"If-None-Match": shown.headers["etag"]}).status_code == 304
    with desk.database.begin() as db:
        store.close_engine(db, ["doubao?simulated"], now=desk.now())
    assert client.get(own).headers["etag"] == etag
    pause(desk, f"qwen/{model_of(desk, 'qwen')}?simulated", "model", "gone")
    assert [engine["paused"] and engine["paused"]["reason"] for engine in client.get(own).json()["engines"]] == [
        None,
        "model",
    ]
    finish(desk, execution_id)
    assert [engine["paused"] for engine in client.get(own).json()["engines"]] == [None, None]


def test_an_engine_stays_paused_until_a_call_succeeds(desk: Desk, client: ContractClient) -> None:
    """Given an opening whose time has passed, when nobody has asked since, then it still shows, with a time gone by."""
    long_ago = desk.now() - timedelta(days=1)
    with desk.database.begin() as db:
        store.open_engine(
            db, "doubao?simulated", reason="no_money", message="empty", wait=None, settings="simulated", now=long_ago
        )
    shown = client.get(f"/api/executions/{submit(client)}").json()["engines"][0]["paused"]
    assert (shown["reason"], shown["since"]) == ("no_money", wire.instant(long_ago))
    assert shown["until"] < wire.instant(desk.now())


def test_what_is_paused_is_counted_without_a_callers_words(desk: Desk, client: ContractClient) -> None:
    """Given a paused provider, its row's own model and two that only callers named, when scraped, then the first two stand
    by name and the others together."""
    pause(desk, "doubao?simulated")
    pause(desk, f"qwen/{model_of(desk, 'qwen')}?simulated", "model")
    pause(desk, "qwen/made-up?simulated", "model")
    pause(desk, "qwen/made-up-too?simulated", "model")
    text = client.get("/metrics").text
    assert 'brandq_engine_open{engine="doubao?simulated",reason="auth"} 1.0' in text
    assert f'brandq_engine_open{{engine="qwen/{model_of(desk, "qwen")}?simulated",reason="model"}} 1.0' in text
    assert 'brandq_engine_open{engine="qwen/other?simulated",reason="model"} 2.0' in text
    assert "made-up" not in text


def model_of(desk: Desk, name: str) -> str:
    return next(str(listed.model) for listed in desk.registry.listing() if listed.name == name)


def die(desk: Desk, sent: dramatiq.Message[Any]) -> None:
    """Have this message end as a dead letter of its queue, as one that fails for good does."""
    urgent = sent.copy(options={"broker_priority": MAX_PRIORITY})
    desk.broker.enqueue(urgent)
    consumer = desk.broker.consume(sent.queue_name, timeout=100)
    delivered = next(consumer)
    if delivered is not None and delivered.message_id == urgent.message_id:
        consumer.nack(delivered)
    # what was taken beside it goes back
    consumer.close()


def test_dead_letters_are_listed_and_explained_to_those_who_may_know(desk: Desk, client: ContractClient) -> None:
    """Given dead letters of two executions and one of an actor that is not here, when statistics are read, then admins see each
    with its reason and what the tables say of it now; others see how many there are, and no ids."""
    mine, hers = submit(client), submit(client)
    finish(desk, hers)
    die(desk, message(fetch, sample_ids(desk, mine)[:1]))
    die(desk, message(report, hers))
    die(desk, message(fetch, [1]).copy(actor_name="newer"))
    shown = client.get("/api/statistics").json()
    assert shown["broker"]["queues"]["brandq.fetch"]["dead"] == 2
    waiting, unknown, ended = sorted(shown["dead_letters"], key=lambda letter: letter["queue"])
    assert (waiting["actor"], waiting["sample_ids"]) == ("fetch", sample_ids(desk, mine)[:1])
    assert waiting["now"].startswith(f"sample {sample_ids(desk, mine)[0]}: waits; its sweep sends it again within ")
    assert (unknown["actor"], unknown["reason"]) == ("newer", "no such actor here")
    assert (ended["queue"], ended["execution_ids"]) == ("brandq.report", [hers])
    assert ended["now"] == f"execution {hers} ended as completed; nothing to do"
    text = client.get("/metrics").text
    for line in (
        "brandq_broker_up 1.0",
        'brandq_dead_letters{queue="brandq.fetch"} 2.0',
        'brandq_dead_letters{queue="brandq.report"} 1.0',
        'brandq_dead_letters{queue="brandq.analyze"} 0.0',
        'brandq_queue_messages{queue="brandq.analyze",state="ready"} 0.0',
    ):
        assert line in text
    admin = ContractClient(desk, key=add_key(desk, "ann", "admin"))
    reader = ContractClient(desk, key=add_key(desk, "bob", "read"))
    assert len(admin.get("/api/statistics").json()["dead_letters"]) == 3
    others = reader.get("/api/statistics")
    assert others.json()["dead_letters"] is None
    assert others.json()["broker"]["queues"]["brandq.fetch"]["dead"] == 2
    assert hers not in others.text
    assert mine not in others.text


def test_without_a_broker_there_are_no_counts_of_queues(postgres_url: str, tmp_path: Path) -> None:
    """Given a broker that is gone, then statistics and metrics are there all the same, and say so instead of zeros."""
    desk = open_desk(postgres_url, tmp_path, BRANDQ_BROKER_URL="amqp://someuser:somepassword@127.0.0.1:1/")
    client = ContractClient(desk)
    shown = client.get("/api/statistics").json()
    assert (shown["broker"]["reachable"], shown["broker"]["queues"], shown["dead_letters"]) == (False, {}, None)
    assert "BRANDQ_BROKER_URL" in shown["broker"]["error"]
    text = client.get("/metrics").text
    assert "brandq_broker_up 0.0" in text
    assert "brandq_dead_letters" not in text
    assert "brandq_queue_messages" not in text
    desk.close()
