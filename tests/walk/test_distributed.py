"""Postgres, RabbitMQ, several API processes, workers and a clock: whatever dies, every accepted execution ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.tables import attempts
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Site, call, plan, site

SEED_BODY = """{
    "brand_list": ["趣车良品", "竞品 1", "竞品 2"],
    "selectedModels": [{"name": "doubao"}, {"name": "qwen"}],
    "customQuestions": ["深圳新能源汽车改装门店哪家好？"],
    "priority": 5
  }"""


@pytest.fixture
def installation(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> Iterator[Site]:
    with site(tmp_path, postgres_url, rabbitmq_url) as running:
        yield running


def submit(url: str, **fields: object) -> str:
    reply = call("POST", f"{url}/api/executions", plan(**fields))
    assert reply.status == 202, reply.body
    return str(reply.body["execution_id"])


def all_answered_once(installation: Site, execution_ids: list[str]) -> None:
    """Every planned sample is there, is analyzed, and has one answer; nothing is stuck."""
    for execution_id in execution_ids:
        with installation.database.read() as db:
            rows = store.list_samples(db, execution_id, store.SampleFilter(), 1000)
            planned = store.execution(db, execution_id).planned
            facts = store.facts(db, execution_id)
        assert len(rows) == planned
        assert {row.state for row in rows} == {"analyzed"}
        assert sum(sample.kind is not None for sample in facts.samples) == planned


@pytest.mark.timeout(300)
def test_twenty_executions_end_though_a_worker_is_killed(installation: Site) -> None:
    """Given two API processes, three workers and a clock, when 20 executions come at once and one worker is killed in the
    middle, then all end complete, each sample has one answer, and paid calls exceed answers by at most what it held."""
    urls = [installation.web(), installation.web()]
    workers = [installation.worker("fetch", "analyze", "report", "notify", "upkeep") for _ in range(3)]
    installation.start("clock", ready="tick")
    with ThreadPoolExecutor(10) as pool:
        ids = list(pool.map(lambda number: submit(urls[number % 2], label=f"n{number}"), range(20)))
    assert len(set(ids)) == 20
    wait_until(lambda: installation.paid() >= 60, 30, "the work to be in its middle")
    workers[0].kill()
    assert set(installation.ended(ids, 150).values()) == {"completed"}
    all_answered_once(installation, ids)
    with installation.database.read() as db:
        lost = db.execute(sa.select(sa.func.count()).where(attempts.c.outcome == "lost")).scalar_one()
    assert 20 * 20 <= installation.paid() <= 20 * 20 + lost
    report = call("GET", f"{urls[1]}/api/executions/{ids[0]}/report").body
    assert report["execution_id"] == ids[0]


@pytest.mark.timeout(240)
def test_everything_ends_though_all_queues_are_purged(installation: Site, rabbitmq_server: RabbitmqServer) -> None:
    """Given executions in the middle of their work, when every queue is purged, then the sweeps send again what was open."""
    url = installation.web()
    installation.worker("fetch", "analyze", "report", "notify", "upkeep", BRANDQ_THREADS="5")
    ids = [submit(url) for _ in range(12)]
    wait_until(lambda: installation.paid() >= 20, 30, "the first answers")
    rabbitmq_server.purge_all(urlsplit(installation.broker_url).path.lstrip("/"))
    assert set(installation.ended(ids, 120).values()) == {"completed"}
    all_answered_once(installation, ids)


@pytest.mark.timeout(240)
def test_a_post_is_accepted_while_the_broker_is_down(installation: Site, rabbitmq_server: RabbitmqServer) -> None:
    """Given RabbitMQ killed, when a plan is posted, then it is accepted, and its work starts once the broker is back."""
    url = installation.web()
    installation.worker("fetch", "analyze", "report", "notify", "upkeep")
    rabbitmq_server.kill()
    execution_id = submit(url)
    assert installation.count(execution_id) == {"waiting": 20}
    rabbitmq_server.start()
    assert installation.ended([execution_id], 120) == {execution_id: "completed"}
    all_answered_once(installation, [execution_id])


@pytest.mark.timeout(240)
def test_everything_ends_though_postgres_crashes(
    tmp_path: Path, postgres_url: str, rabbitmq_url: str, postgres_server: PostgresServer
) -> None:
    """Given calls in flight, when Postgres crashes and comes back, then the answers that landed meanwhile are kept, all end,
    and no sample was asked twice; while it was down, a plan was refused with 503 and nothing half-written."""
    with site(tmp_path, postgres_url, rabbitmq_url, latency_ms=1500, BRANDQ_LEASE_SECONDS="60") as installation:
        url = installation.web()
        worker = installation.worker("fetch", "analyze", "report", "notify", "upkeep")
        ids = [submit(url) for _ in range(3)]
        wait_until(lambda: installation.paid() == 60, 30, "the calls to be in flight")
        postgres_server.crash()
        refused = call("POST", f"{url}/api/executions", plan())
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        wait_until(lambda: worker.wrote("answers wait for the database"), 20, "answers to land while it is down")
        postgres_server.start()
        assert set(installation.ended(ids, 120).values()) == {"completed"}
        all_answered_once(installation, ids)
        assert installation.paid() == 60
        assert worker.alive


@pytest.mark.timeout(240)
def test_an_urgent_execution_overtakes_two_thousand_samples(
    tmp_path: Path, postgres_url: str, rabbitmq_url: str
) -> None:
    """Given 2,000 waiting samples of slow assistants, when one of priority 9 comes, then it starts next, and ends first."""
    with site(tmp_path, postgres_url, rabbitmq_url, latency_ms=2000) as installation:
        url = installation.web()
        prompts = [f"Which shop is the best, number {number}?" for number in range(20)]
        engines = ["doubao", "qwen", "kimi", "zhipu", "deepseek"]
        patient = submit(url, prompts=prompts, engines=engines, repeats=20, priority=1)
        installation.worker("fetch", BRANDQ_THREADS="4")
        installation.worker("analyze", "report", "upkeep")
        wait_until(lambda: installation.count(patient).get("asking"), 30, "the patient one to run")
        urgent = submit(url, priority=9, repeats=1, engines=["minimax"])
        wait_until(lambda: installation.count(urgent).get("waiting") is None, 20, "the urgent one to start")
        assert installation.count(patient)["waiting"] > 1000
        installation.ended([urgent], 30, ticking=False)
        assert installation.count(patient).get("waiting", 0) > 500


@pytest.mark.timeout(180)
def test_a_stopped_worker_hands_back_what_it_cannot_finish(
    tmp_path: Path, postgres_url: str, rabbitmq_url: str
) -> None:
    """Given a worker with slow calls in flight, when it gets SIGTERM, then it ends in time and another one finishes."""
    with site(tmp_path, postgres_url, rabbitmq_url, latency_ms=20_000) as installation:
        url = installation.web()
        first = installation.worker("fetch", BRANDQ_GRACE_SECONDS="1")
        execution_id = submit(url, engines=["doubao"], repeats=2)
        wait_until(lambda: installation.count(execution_id).get("asking") == 4, 30, "the calls to be in flight")
        assert first.stop(timeout_s=20) == 0
        assert installation.count(execution_id) == {"waiting": 4}, "nothing hangs on a worker that is gone"
    with site(tmp_path, postgres_url, rabbitmq_url) as installation:
        installation.worker("fetch", "analyze", "report", "upkeep")
        assert installation.ended([execution_id], 60) == {execution_id: "completed"}
        with installation.database.read() as db:
            assert store.progress(db, execution_id).attempts == 2, "what was cut off in the middle stays counted"


@pytest.mark.timeout(180)
def test_the_predecessors_client_is_served_and_its_limits_hold_over_both_processes(installation: Site) -> None:
    """Given two API processes, when the predecessor's example is posted to them in turn, then three in a minute pass."""
    urls = [installation.web(), installation.web()]
    installation.worker("fetch", "analyze", "report", "upkeep")
    replies = [
        call("POST", f"{urls[number % 2]}/api/perform-brand-test-async", SEED_BODY.encode()) for number in range(5)
    ]
    assert [reply.status for reply in replies] == [202, 202, 202, 429, 429]
    accepted = replies[0].body
    assert accepted["status"] == "queued"
    assert isinstance(accepted["estimated_time"], int)
    assert int(replies[3].headers["retry-after"]) > 0
    execution_id = accepted["execution_id"]
    installation.ended([reply.body["execution_id"] for reply in replies[:3]], 60)
    status = call("GET", f"{urls[1]}/api/diagnosis/status/{execution_id}").body
    assert (status["execution_id"], status["status"], status["progress"]) == (execution_id, "success", 100)
    assert status["task_type"] == "brand_diagnosis"
    statistics = call("GET", f"{urls[0]}/api/diagnosis/statistics?days=7").body
    assert statistics["total_tasks"] == 3
    cancelled = [call("POST", f"{urls[n % 2]}/api/diagnosis/cancel/{execution_id}").status for n in range(6)]
    assert cancelled == [409, 409, 409, 409, 409, 429]


@pytest.mark.timeout(180)
def test_the_doctor_names_a_queue_that_nobody_serves(installation: Site) -> None:
    """Given workers on some queues, when the doctor looks, then each queue stands there with its consumers, and the one
    without is bad, with the command that helps."""
    installation.worker("fetch", "analyze", "report", "notify")
    looked = installation.start("doctor")
    looked.popen.wait(60)
    shown = looked.log.read_text(encoding="utf-8")
    assert looked.popen.returncode == 1
    assert "queue brandq.upkeep: 0 ready, 0 delayed, 0 dead letters, NO consumer" in shown
    assert "brandq work --queues upkeep" in shown
    assert shown.count("NO consumer") == 1
    assert "queue brandq.fetch: 0 ready, 0 delayed, 0 dead letters, 1 consumers" in shown
