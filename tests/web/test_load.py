"""Load shedding: how much may be open, of one owner and of all, and what the one plan too many is told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.actors.desk import Desk
from brandq.tables import executions
from tests.web.site import PLAN, ContractClient, add_key, failed, finish, open_desk, settle, submit

#: PLAN has 4 samples
OLD_PLAN = {"brand_list": ["a"], "selectedModels": ["doubao", "qwen"], "customQuestions": ["b?", "c?"]}


@pytest.fixture
def narrow(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Ten open samples of each owner, fourteen in all."""
    desk = open_desk(database_url, tmp_path, BRANDQ_MAX_OPEN_SAMPLES="14", BRANDQ_MAX_OPEN_SAMPLES_PER_OWNER="10")
    yield desk
    desk.close()


def _stored(desk: Desk) -> tuple[int, ...]:
    with desk.database.read() as db:
        return tuple(
            db.execute(sa.text(f"SELECT COUNT(*) FROM {table}")).scalar_one()
            for table in ("executions", "execution_brands", "samples")
        )


def test_the_plan_too_many_waits_for_others(narrow: Desk) -> None:
    """Given two plans of four open, when a third would make twelve of ten, then it is a 429 that says all this, until one of them has ended."""
    client = ContractClient(narrow)
    first, _ = submit(client), submit(client)
    before = _stored(narrow)
    for response in (
        client.post("/api/executions", json=PLAN),
        client.post("/api/perform-brand-test-async", json=OLD_PLAN),
    ):
        assert response.status_code == 429
        assert 5 <= int(response.headers["retry-after"]) <= 600
        detail = response.json()["detail"]
        for words in (
            "8 samples of local are open",
            "the 4 of this plan",
            "more than 10",
            "BRANDQ_MAX_OPEN_SAMPLES_PER",
        ):
            assert words in detail
    assert response.headers["ratelimit-remaining"] == "2", "its own limit is another one, and is not used up"
    assert _stored(narrow) == before
    finish(narrow, first)
    assert client.post("/api/executions", json=PLAN).status_code == 202


def test_only_what_is_open_counts(narrow: Desk) -> None:
    """Given eight samples of which two have failed, when a plan of four comes, then ten are open and it is accepted."""
    client = ContractClient(narrow)
    submit(client)
    settle(narrow, submit(client), [failed(), failed()])
    assert client.post("/api/executions", json=PLAN).status_code == 202
    assert client.post("/api/executions", json=PLAN).status_code == 429


def test_all_owners_together_have_a_bound_of_their_own(narrow: Desk) -> None:
    """Given ann's eight and bob's four, when bob sends four more, then sixteen are more than the fourteen of all."""
    ann, bob = (ContractClient(narrow, key=add_key(narrow, owner)) for owner in ("ann", "bob"))
    submit(ann), submit(ann), submit(bob)
    refused = bob.post("/api/executions", json=PLAN)
    assert refused.status_code == 429
    assert "12 samples of all owners are open" in refused.json()["detail"]
    assert "(BRANDQ_MAX_OPEN_SAMPLES)" in refused.json()["detail"]


def test_a_plan_larger_than_the_bound_is_never_taken(narrow: Desk) -> None:
    """Waiting would not help it, so it is a 400 that names the setting, and so is its dry run."""
    client = ContractClient(narrow)
    for query in ("", "?dry_run=true"):
        refused = client.post(f"/api/executions{query}", json={**PLAN, "repeats": 6})
        assert refused.status_code == 400
        assert "has 12 samples, and at most 10 may be open" in refused.json()["detail"]
    assert _stored(narrow) == (0, 0, 0)


def test_what_was_accepted_stays_accepted(narrow: Desk) -> None:
    """Given a full service, when an accepted plan comes again under its key, then it is its 202; a new key is a 429."""
    client = ContractClient(narrow)
    accepted = client.post("/api/executions", json=PLAN, headers={"Idempotency-Key": "k"})
    submit(client)
    again = client.post("/api/executions", json=PLAN, headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert again.json()["execution_id"] == accepted.json()["execution_id"]
    assert client.post("/api/executions", json=PLAN, headers={"Idempotency-Key": "l"}).status_code == 429
    other = client.post("/api/executions", json={**PLAN, "repeats": 1}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 409


def test_a_retry_is_a_plan_like_any_other(narrow: Desk) -> None:
    """Given a failed execution and a full service, when it is retried, then it waits as well; and once it is accepted, a second click is the same one."""
    client = ContractClient(narrow)
    source = submit(client)
    finish(narrow, source, [failed()] * 4)
    first, _ = submit(client), submit(client)
    assert client.post(f"/api/executions/{source}/retry").status_code == 429
    assert client.post(f"/api/executions/{first}/cancel").status_code == 200
    retried = client.post(f"/api/executions/{source}/retry")
    assert retried.status_code == 202
    assert client.post(f"/api/executions/{source}/retry").json()["execution_id"] == retried.json()["execution_id"]


def test_a_dry_run_foretells_it(narrow: Desk) -> None:
    """The count and the estimate come all the same, with what would be said now."""
    client = ContractClient(narrow)
    assert client.post("/api/executions?dry_run=true", json=PLAN).json()["refused_now"] is None
    submit(client), submit(client)
    foretold = client.post("/api/executions?dry_run=true", json=PLAN).json()
    assert foretold["planned"] == 4
    assert "more than 10" in foretold["refused_now"]["detail"]
    assert 5 <= foretold["refused_now"]["retry_after_s"] <= 600


def test_the_wait_is_what_was_measured(narrow: Desk) -> None:
    """Given two samples settled in the 100 s since the start, when two too many come, then the wait is 100 s; without any, it is the longest."""
    client = ContractClient(narrow)
    running = submit(client)
    submit(client)
    assert client.post("/api/executions", json=PLAN).headers["retry-after"] == "600"
    settle(narrow, running, [failed(), failed()])
    submit(client)
    with narrow.database.begin() as db:
        started_at = narrow.now() - timedelta(seconds=100)
        db.execute(sa.update(executions).where(executions.c.execution_id == running).values(started_at=started_at))
    wait_s = int(client.post("/api/executions", json={**PLAN, "repeats": 1}).headers["retry-after"])
    assert 100 <= wait_s <= 160, "2 samples too many, at 2 in 100 s and what the test itself took"


def test_without_bounds_all_is_taken(sqlite_url: str, tmp_path: Path) -> None:
    """0 is no bound."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_MAX_OPEN_SAMPLES="0", BRANDQ_MAX_OPEN_SAMPLES_PER_OWNER="0")
    client = ContractClient(desk)
    assert {client.post("/api/executions", json=PLAN).status_code for _ in range(5)} == {202}
    desk.close()


def test_many_at_once_pass_the_bound_by_no_more_than_those_of_that_moment(narrow: Desk) -> None:
    """Given eight plans at the same moment, when all have their reply, then a bound is passed by less than what came together, and later ones are refused."""
    client = ContractClient(narrow)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: client.post("/api/executions", json=PLAN).status_code, range(8)))
    assert set(statuses) <= {202, 429}
    assert statuses.count(202) >= 2, "two always have room"
    if narrow.database.is_sqlite:
        assert statuses.count(202) == 2, "one writer at a time sees all before it"
    assert client.post("/api/executions", json=PLAN).status_code == 429
    with narrow.database.read() as db:
        assert store.count_open(db, "local") == 4 * statuses.count(202)
