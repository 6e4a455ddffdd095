"""Pace, breaker and budget in the running pipeline: a provider that says no costs one attempt, not the execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from brandq import store
from brandq.store import EngineState
from tests.actors.installed import Installed, installed
from tests.waiting import wait_until

#: these assistants never refuse by themselves
ROWS = """
[engines.well]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-2"

[engines.again]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-3"
concurrency = 1

[engines.paced]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-4"
requests_per_minute = 600

[engines.priced]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-5"
concurrency = 4
[engines.priced.prices."gpt-5"]
tokens_in = "0"
tokens_out = "1000"
currency = "USD"
dated = "2026-11-23"
"""
#: how much later than it was sent the first call may arrive on a busy machine, seconds
LATE_S = 0.6
#: calls of the priced engine that may be in flight at once
IN_FLIGHT = 4


@pytest.fixture(params=["sqlite + embedded", "postgres + rabbitmq"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installed]:
    database, _, broker = str(request.param).partition(" + ")
    broker_url = "embedded" if broker == "embedded" else request.getfixturevalue("rabbitmq_url")
    with installed(tmp_path, request.getfixturevalue(f"{database}_url"), broker_url, rows=ROWS) as site:
        yield site


def state(site: Installed, scope: str) -> EngineState | None:
    with site.desk.database.read() as db:
        return store.engine_states(db, [scope]).get(scope)


def ends(site: Installed, execution_id: str) -> Counter[tuple[str, str | None]]:
    return Counter((row.engine, row.kind or row.error_code) for row in site.rows(execution_id))


PROMPTS = ["哪家好？", "Which one?"]


def test_a_wrong_key_costs_one_call_and_the_others_are_asked(running: Installed) -> None:
    """Given three engines and forty samples each, when one key is wrong, then that provider gets one call, the execution
    ends partial as soon as the others are done, and says why."""
    execution_id = running.submit(engines=["again", "broken-401", "well"], prompts=PROMPTS, repeats=20)
    ended = running.ended(execution_id)
    assert ended.status == "partial"
    assert ends(running, execution_id) == {("again", "ok"): 40, ("well", "ok"): 40, ("broken-401", "auth"): 40}
    assert running.calls()["sim-fault-401"] == 1
    failed = [row for row in running.rows(execution_id) if row.engine == "broken-401"]
    assert all("HTTP 401" in str(row.error_message) for row in failed)
    assert sum(row.attempt for row in failed) == 1, "who was never asked has no attempt"
    found = state(running, "broken-401")
    assert found is not None
    assert (found.open_reason, found.standing) == ("auth", True)


def test_a_paused_provider_is_not_asked_by_the_next_execution(running: Installed) -> None:
    """Given a provider without money, when another execution wants it, then it is told so without a further call."""
    running.ended(running.submit(engines=["broken-402"]))
    again = running.submit(engines=["broken-402"], repeats=5)
    assert running.ended(again).status == "failed"
    assert ends(running, again) == {("broken-402", "no_money"): 5}
    assert running.calls()["sim-fault-402"] == 1


def test_a_wrong_model_pauses_that_model_only(running: Installed) -> None:
    """Given a provider with one model that is unknown to it, then its other model is asked as ever."""
    execution_id = running.submit(engines=["broken-404-model", "broken-404-model/gpt-7"], repeats=10)
    assert running.ended(execution_id).status == "partial"
    assert ends(running, execution_id) == {
        ("broken-404-model", "model"): 10,
        ("broken-404-model/gpt-7", "ok"): 10,
    }
    assert running.calls()["sim-fault-404-model"] == 1


def test_a_wait_is_honoured_by_all_calls_of_the_engine(running: Installed) -> None:
    """Given a 429 that asks for two seconds, when nine other samples wait, then none of them is asked before."""
    running.fault("gpt-3", "429-retry-after:2")
    execution_id = running.submit(engines=["again"], repeats=10)
    assert running.ended(execution_id).status == "completed"
    first, *others = running.started("gpt-3")
    assert len(others) == 10
    assert min(others) - first >= 2


def test_calls_keep_the_pace_of_their_row(running: Installed) -> None:
    """Given a row of 600 requests a minute, when twenty samples are asked, then they take as long as that says."""
    execution_id = running.submit(engines=["paced"], repeats=20)
    assert running.ended(execution_id).status == "completed"
    times = running.started("gpt-4")
    assert len(times) == 20
    assert times[-1] - times[0] >= 19 * 0.1 - LATE_S


def test_an_overloaded_provider_is_left_alone_and_found_again(running: Installed) -> None:
    """Given a provider that fails ten calls and recovers, when forty samples wait, then all are answered, and it did not
    get four calls for each."""
    running.fault("gpt-2", "503:10")
    execution_id = running.submit(engines=["well"], prompts=PROMPTS, repeats=20)
    assert running.ended(execution_id, 90).status == "completed"
    assert running.calls()["gpt-2"] == 50
    found = wait_until(lambda: state(running, "well"), 5, "the state of the engine")
    assert found is not None
    assert found.open_until is None


def test_a_dead_provider_is_told_at_the_deadline(running: Installed) -> None:
    """Given a provider that only fails, when the deadline passes, then what waits for it ends with its reason."""
    execution_id = running.accept(running.plan(engines=["broken-503", "well"], repeats=20), deadline_s=12)
    running.send(execution_id)
    assert running.ended(execution_id, 60, sweeping=True).status == "partial"
    found = ends(running, execution_id)
    assert found["well", "ok"] == 20
    assert found["broken-503", "overloaded"] == 20
    assert running.calls()["sim-fault-503"] < 40


def test_a_plan_stops_at_its_cost_limit(running: Installed) -> None:
    """Given calls of about a tenth of a dollar and a limit of one, when forty samples are planned, then it stops within
    the calls in flight, the rest is failed(budget) in words, and the attempts account for what was spent."""
    limit = {"amount": "1.00", "currency": "USD"}
    execution_id = running.submit(engines=["priced"], prompts=PROMPTS, repeats=20, cost_limit=limit)
    assert running.ended(execution_id, 90).status == "partial"
    found = ends(running, execution_id)
    answered, refused = found["priced", "ok"], found["priced", "budget"]
    assert answered + refused == 40
    assert running.calls()["gpt-5"] == answered
    failed = next(row for row in running.rows(execution_id) if row.error_code == "budget")
    assert "the plan's cost_limit of 1 USD is used up" in str(failed.error_message)
    with running.desk.database.read() as db:
        spent, reserved, currency = store.budget_of(db, execution_id) or (None, None, None)
        costs = [row[0] for row in db.exec_driver_sql("SELECT cost FROM attempts").all()]
    assert (reserved, currency, len(costs)) == (0, "USD", answered)
    assert spent == sum(Decimal(cost) for cost in costs)
    dearest = max(Decimal(cost) for cost in costs)
    assert 1 <= spent < 1 + dearest * IN_FLIGHT
