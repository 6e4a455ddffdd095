"""What the tables say of ids that were found elsewhere."""

from __future__ import annotations

import uuid
from datetime import timedelta

import sqlalchemy as sa

from brandq import store
from brandq.reports.facts import Publication
from tests.store.samples_at_hand import NOW, analyze, answered, claim, close, end, ids, plan, settle


def test_ids_are_looked_up_together(database: store.Database) -> None:
    """Given samples and executions in every state and ids that are nobody's, when they are looked up, then each says where
    it stands, whoever owns it, and it took one statement for each kind."""
    running, ended, other = plan(database), plan(database), plan(database, owner="bob")
    end(database, ended)
    theirs = ids(database, running)
    settle(database, claim(database, theirs[:2]), answered())
    analyze(database, theirs[:1])
    claim(database, theirs[2:3])
    wanted = {*theirs, *ids(database, ended), ids(database, other)[0], 999_999}
    statements: list[str] = []
    with database.read() as db:
        sa.event.listen(db, "before_cursor_execute", lambda *given: statements.append(given[2]))
        found = store.look_up(db, sample_ids=wanted, execution_ids={running, ended, other, str(uuid.uuid4())})
    assert len(statements) == 2
    assert set(found.samples) == wanted - {999_999}
    assert [found.samples[one].state for one in theirs[:4]] == ["analyzed", "answered", "asking", "waiting"]
    assert found.samples[theirs[3]].sent_at == NOW
    assert {found.samples[one].status for one in ids(database, ended)} == {"completed"}
    assert {one: its.status for one, its in found.executions.items()} == {
        running: "running",
        ended: "completed",
        other: "queued",
    }
    assert found.executions[ended].next_telling_at is None


def test_nothing_is_asked_for_nothing(database: store.Database) -> None:
    """Given no ids, then nothing is found and no statement is made."""
    statements: list[str] = []
    with database.read() as db:
        sa.event.listen(db, "before_cursor_execute", lambda *given: statements.append(given[2]))
        assert store.look_up(db, sample_ids=[], execution_ids=[]) == store.Found({}, {})
    assert statements == []


def test_a_webhook_that_is_given_up_is_not_told_again(database: store.Database) -> None:
    """Given a webhook to be told, then it says when; once all its tries are used up, it says nothing any more."""
    execution_id = plan(database)
    settle(database, claim(database, ids(database, execution_id)), answered())
    analyze(database, ids(database, execution_id))
    assert close(database, execution_id)
    with database.begin() as db:
        made = Publication({"x": 1}, "m1", "d" * 64, "completed")
        assert store.publish_report(db, execution_id, made, tell=True, now=NOW)
    for attempt in range(store.MAX_DELIVERIES):
        with database.begin() as db:
            telling = store.look_up(db, sample_ids=[], execution_ids=[execution_id]).executions[execution_id]
            assert telling.next_telling_at is not None
            due_at = telling.next_telling_at
            taken = store.claim_delivery(db, execution_id, first_wait=timedelta(seconds=1), now=due_at)
            assert taken is not None
            assert taken.attempt == attempt + 1
    with database.read() as db:
        telling = store.look_up(db, sample_ids=[], execution_ids=[execution_id]).executions[execution_id]
    assert (telling.told_at, telling.next_telling_at) == (None, None)
