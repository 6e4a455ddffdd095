"""The pipeline on both brokers: every fault ends as it should, and nothing that is sent twice or lost changes the outcome."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest

from brandq import store
from brandq.actors import analyze, fetch, report, tick
from brandq.actors.calls import ASKING_S
from brandq.actors.declare import declared
from brandq.actors.middleware import MAX_DELAY_MS
from brandq.actors.sending import send_execution
from brandq.analysis.findings import Findings
from brandq.analysis.method import method_version
from brandq.errors import Conflict
from brandq.plan import Plan
from brandq.providers import CONNECT_S, registry
from brandq.providers.rows import MAX_TOTAL_S
from brandq.settings import read_settings
from tests.actors.installed import Installed, installed
from tests.waiting import wait_until

#: fault -> how its sample ends, and how many calls that takes. Where the provider names no wait, four tries are made
FAULTS = {
    "hang": ("failed", "network", 4),
    "drip": ("failed", "network", 4),
    "cut-body": ("failed", "network", 4),
    "cut-json": ("failed", "network", 4),
    "html": ("failed", "network", 4),
    "latin1": ("failed", "network", 4),
    "429": ("failed", "rate_limit", 4),
    "429-retry-after": ("failed", "rate_limit", 4),
    "429-quota": ("failed", "no_money", 1),
    "401": ("failed", "auth", 1),
    "402": ("failed", "no_money", 1),
    "403": ("failed", "permission", 1),
    "404-model": ("failed", "model", 1),
    "400-context": ("failed", "context", 1),
    "500": ("failed", "overloaded", 4),
    "once-500": ("analyzed", "ok", 2),
    "empty": ("analyzed", "empty", 1),
    "refusal": ("analyzed", "refused", 1),
    "truncated": ("analyzed", "truncated", 1),
    "100kb": ("analyzed", "ok", 1),
}


@pytest.fixture(params=["sqlite + embedded", "postgres + rabbitmq", "postgres + embedded"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, str]:
    """Where an installation stands: a folder, a database, a broker."""
    database, _, broker = str(request.param).partition(" + ")
    database_url: str = request.getfixturevalue(f"{database}_url")
    broker_url: str = "embedded" if broker == "embedded" else request.getfixturevalue("rabbitmq_url")
    return tmp_path, database_url, broker_url


@pytest.fixture
def running(place: tuple[Path, str, str]) -> Iterator[Installed]:
    with installed(*place) as site:
        yield site


@pytest.fixture
def idle(place: tuple[Path, str, str]) -> Iterator[Installed]:
    """No worker: the test calls the actors itself, as often as it likes."""
    with installed(*place, working=False) as site:
        yield site


def fetch_now(site: Installed, sample_ids: list[int]) -> None:
    async def once() -> None:
        await site.desk.open_loop()
        try:
            await fetch(site.desk, sample_ids)
        finally:
            await site.desk.close_loop()

    asyncio.run(once())


def _model(name: str) -> str:
    return "sim-fault-500-once" if name == "once-500" else f"sim-fault-{name}"


def test_every_fault_ends_as_it_should(running: Installed) -> None:
    """Given assistants that break in twenty ways, when each is asked, then each sample has its class and its number of
    calls, the well one is untouched, and the report counts only usable answers."""
    names = list(FAULTS)
    executions = [
        running.submit(engines=["sim", *(f"broken-{name}" for name in part)]) for part in (names[:10], names[10:])
    ]
    ended = [running.ended(execution_id, 60) for execution_id in executions]
    assert [one.status for one in ended] == ["partial", "partial"]
    calls = running.calls()
    rows = {row.engine.removeprefix("broken-"): row for one in executions for row in running.rows(one)}
    found = {name: (rows[name].state, rows[name].kind or rows[name].error_code, calls[_model(name)]) for name in FAULTS}
    assert found == FAULTS
    assert rows["sim"].kind == "ok"
    with running.desk.database.read() as db:
        document = store.report_document(db, executions[1])
    assert document is not None
    usable = document["coverage"]["usable"]
    assert (usable["k"], usable["n"]) == (3, 11), "the well one, once-500 and 100kb"
    assert document["brands"][0]["overall"]["mention_rate"]["n"] == 3


def test_when_nobody_answers_there_is_no_number(running: Installed) -> None:
    """Given only broken engines, when the execution ends, then it failed in words, and no figure stands in its report."""
    execution_id = running.submit(engines=["broken-401", "broken-empty"], repeats=2)
    ended = running.ended(execution_id)
    assert ended.status == "failed"
    assert ended.error_message is not None
    assert "auth × 2" in ended.error_message
    with running.desk.database.read() as db:
        document = store.report_document(db, execution_id)
    assert document is not None
    for brand in document["brands"]:
        for number in ("mention_rate", "share_of_voice", "average_rank"):
            assert brand["overall"][number]["value"] is None
            assert brand["overall"][number]["reason"]


def test_a_report_mixes_no_two_methods(idle: Installed) -> None:
    """Given an answer that was read by another method before its report is built, as while two versions are at work, then
    it is read again first, and the report rests on one method alone."""
    execution_id = idle.accept(idle.plan(repeats=3))
    ids = [row.sample_id for row in idle.rows(execution_id)]
    fetch_now(idle, ids)
    analyze(idle.desk, execution_id, ids[:2])
    with idle.desk.database.begin() as db:
        store.replace_findings(db, {ids[0]: Findings(())}, method_version="of another version")
    analyze(idle.desk, execution_id, ids)
    report(idle.desk, execution_id)
    with idle.desk.database.read() as db:
        document = store.report_document(db, execution_id)
        methods = {sample.method_version for sample in store.facts(db, execution_id).samples}
    assert document is not None
    assert methods == {document["method_version"]} == {method_version(idle.plan().brands)}
    assert document["brands"][0]["overall"]["mention_rate"]["n"] == document["coverage"]["usable"]["k"]


def test_every_message_may_come_twice(running: Installed) -> None:
    """Given each message sent three times, when all are worked off, then each sample was asked once and answered once."""
    execution_id = running.accept(running.plan(repeats=20))
    for _ in range(3):
        send_execution(running.desk, execution_id)
    ids = [row.sample_id for row in running.rows(execution_id)]
    running.ended(execution_id)
    for _ in range(2):
        running.desk.send(analyze, execution_id, ids)
        running.desk.send(report, execution_id)
        running.desk.send(fetch, ids)
    second = running.submit(repeats=1)
    running.ended(second)
    assert running.calls() == {"m1": 21}
    assert Counter(row.state for row in running.rows(execution_id)) == {"analyzed": 20}


def test_a_lost_message_is_sent_again(running: Installed) -> None:
    """Given an accepted execution whose messages never left, when the sweeps run, then it ends all the same."""
    execution_id = running.accept(running.plan(repeats=3))
    assert running.ended(execution_id, sweeping=True).status == "completed"


def test_a_stage_that_dies_between_commit_and_send_is_made_good(idle: Installed) -> None:
    """Given actors that end right after their commit, when the sweeps run, then the next stage comes and it ends."""
    desk = idle.desk
    execution_id = idle.accept(idle.plan(repeats=2))
    ids = [row.sample_id for row in idle.rows(execution_id)]
    fetch_now(idle, ids)
    assert {row.state for row in idle.rows(execution_id)} == {"answered"}
    # what fetch sent is gone: nobody works here; analyze dies before it closes
    with desk.database.read() as db:
        assert store.unclosed(db, limit=10) == []
    analyze(desk, execution_id, ids[:1])
    assert idle.execution(execution_id).status == "running"
    analyze(desk, execution_id, ids)
    analyze(desk, execution_id, ids)
    assert idle.execution(execution_id).status == "reporting"
    tick(desk)
    report(desk, execution_id)
    report(desk, execution_id)
    assert idle.execution(execution_id).status == "completed"


def test_an_engine_that_left_the_registry_fails_in_words(idle: Installed) -> None:
    """Given an accepted engine whose row is gone from this worker's file, when it is to be asked, then the sample says so."""
    plan = idle.plan()
    lost = Plan.from_json(json.loads(json.dumps(plan.to_json()).replace('"provider": "sim"', '"provider": "gone"')))
    execution_id = idle.accept(lost)
    fetch_now(idle, [row.sample_id for row in idle.rows(execution_id)])
    row = idle.rows(execution_id)[0]
    assert row.state == "failed"
    assert "no row here" in str(row.error_message)
    assert idle.execution(execution_id).status == "reporting"


def test_cancelling_breaks_off_running_calls(place: tuple[Path, str, str]) -> None:
    """Given calls in flight, when the execution is cancelled, then no answer is kept, and the calls end within seconds."""
    with installed(*place, latency_ms=1300) as site:
        site.ended(site.submit(repeats=1))  # where nothing is known, one call would go ahead of the others
        execution_id = site.submit(repeats=3)
        wait_until(lambda: site.calls().get("m1") == 4, 20, "the calls to begin")
        with site.desk.database.begin() as db:
            store.cancel_execution(db, execution_id, owner="ann", now=site.desk.now())
        assert {row.state for row in site.rows(execution_id)} == {"cancelled"}
        second = site.submit(repeats=1)
        assert site.ended(second).status == "completed"
        assert {row.kind for row in site.rows(execution_id)} == {None}
        with site.desk.database.begin() as db, pytest.raises(Conflict):
            store.cancel_execution(db, execution_id, owner="ann", now=site.desk.now())


def test_a_deadline_ends_what_no_worker_takes(idle: Installed) -> None:
    """Given an execution that nobody works on, when its deadline passes, then a tick closes it and its report says why."""
    execution_id = idle.accept(idle.plan(repeats=2), deadline_s=-1)
    tick(idle.desk)
    report(idle.desk, execution_id)
    ended = idle.execution(execution_id)
    assert (ended.status, ended.error_code) == ("failed", "deadline")


def test_one_prompt_goes_out_byte_for_byte(running: Installed) -> None:
    """Given a prompt with dots, quotes and Chinese, when it is asked, then what was sent holds it unchanged and no brand."""
    prompt = 'Model 3.5 怎么样? "真的" — 100%\n第二行'
    execution_id = running.submit(prompts=[prompt], engines=["sim", "sim/other"])
    running.ended(execution_id)
    with running.desk.database.read() as db:
        kept = [store.evidence(db, execution_id, row.sample_id) for row in running.rows(execution_id)]
    assert [one.request["messages"] for one in kept if one.request] == [[{"role": "user", "content": prompt}]] * 2
    assert "趣车良品" not in json.dumps([one.request for one in kept], ensure_ascii=False)


def test_no_transaction_is_open_while_an_assistant_is_waited_for(tmp_path: Path, postgres_url: str) -> None:
    """Given calls in flight, when Postgres is looked at, then no session sits in a transaction, and at the end the pool
    holds nothing."""
    with installed(tmp_path, postgres_url, "embedded", latency_ms=1000) as site:
        execution_id = site.submit(repeats=20)
        wait_until(lambda: site.calls().get("m1") == 20, 20, "the calls to begin")
        looks = []
        while site.execution(execution_id).status == "running" and len(looks) < 20:
            with psycopg.connect(postgres_url.replace("+psycopg", "")) as own:
                looks.append(
                    own.execute(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'brandq test' "
                        "AND state = 'idle in transaction' AND state_change < now() - interval '100 ms'"
                    ).fetchone()
                )
        site.ended(execution_id)
        assert {row.state for row in site.rows(execution_id)} == {"analyzed"}
        assert set(looks) == {(0,)}
        wait_until(lambda: site.desk.database.in_use == 0, 10, "the pool to be idle")


def test_the_limits_are_nested() -> None:
    """Given every limit that a call stands under, when they are put in order, then each is below the one around it."""
    longest_call_s = max(row.total_s for row in registry.load().values())
    time_limit_s = declared(fetch).options["time_limit"] / 1000
    consumer_timeout_s = 30 * 60
    defaults = read_settings({})
    assert CONNECT_S < longest_call_s <= MAX_TOTAL_S < ASKING_S < time_limit_s < consumer_timeout_s
    assert defaults.grace_s < time_limit_s
    assert defaults.lease_s / 4 < defaults.lease_s < consumer_timeout_s
    assert MAX_DELAY_MS / 1000 < consumer_timeout_s


class _Receiver(BaseHTTPRequestHandler):
    got: list[tuple[bytes, str]]
    statuses: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((body, self.headers.get("X-Brandq-Signature", "")))
        self.send_response(self.statuses.pop(0) if self.statuses else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_webhook_is_told_once_the_report_stands(place: tuple[Path, str, str]) -> None:
    """Given a webhook that fails at first, when an execution ends, then it is told, signed, and told again when due."""
    handler = type("Receiver", (_Receiver,), {"got": [], "statuses": [500]})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        with installed(*place, BRANDQ_WEBHOOK_URL=url, BRANDQ_WEBHOOK_SECRET="s3cret") as site:
            execution_id = site.submit(label="march")
            site.ended(execution_id)
            wait_until(lambda: len(handler.got) == 1, 20, "the webhook to be told")
            body, signature = handler.got[0]
            assert json.loads(body)["execution_id"] == execution_id
            assert json.loads(body)["label"] == "march"
            assert signature == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
            with site.desk.database.read() as db:
                waits = store.due_deliveries(db, due_before=site.desk.now(), limit=10)
            assert waits == [], "the next try waits"
    finally:
        server.shutdown()
        server.server_close()
