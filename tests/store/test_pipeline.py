"""Samples and executions move by events, once, whoever comes twice, late, or at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from brandq import store
from brandq.errors import Conflict, DatabaseNotReady, NotFound
from brandq.plan import DEFAULT_PRIORITY, Plan
from brandq.providers.dialect import ErrorClass
from brandq.states import SampleState
from brandq.store import Database
from tests.store.samples_at_hand import (
    LEASE,
    NOW,
    PLAN,
    analyze,
    answered,
    claim,
    close,
    end,
    hand_back,
    ids,
    plan,
    publish,
    refused,
    settle,
    states,
    status,
)


def test_an_accepted_plan_has_all_its_samples(database: Database) -> None:
    """Given a plan, when it is accepted, then one waiting sample stands for each prompt, engine and repeat."""
    execution_id = plan(database)
    with database.read() as db:
        rows = store.list_samples(db, execution_id, store.SampleFilter(), 100)
        stored = store.execution(db, execution_id)
    assert {(row.prompt_no, row.engine, row.repeat_no) for row in rows} == {
        (prompt, engine, repeat) for prompt in (1, 2) for engine in ("doubao", "qwen") for repeat in (1, 2)
    }
    assert stored.plan == PLAN
    assert (stored.planned, stored.status, stored.owner) == (8, "queued", "ann")
    assert states(database, execution_id) == {"waiting": 8}


def test_the_same_idempotency_key_gives_the_same_execution(database: Database) -> None:
    """Given a plan sent under a key, when it comes again, then nothing new stands; another plan under it is a conflict."""
    first = plan(database, idempotency_key="k1")
    assert plan(database, idempotency_key="k1") == first
    assert plan(database, idempotency_key="k1", owner="bob") != first
    other = Plan(PLAN.brands, PLAN.prompts[:1], PLAN.engines)
    with pytest.raises(Conflict, match="another plan"):
        plan(database, plan=other, idempotency_key="k1")


def test_many_at_once_under_one_key_make_one_execution(database: Database) -> None:
    """Given eight callers with one key, when they send at the same moment, then all get one execution."""
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: plan(database, idempotency_key="same"), range(8)))
    assert len(made) == 1
    assert states(database, made.pop()) == {"waiting": 8}


def test_a_batch_holds_samples_of_one_engine(database: Database) -> None:
    """Given a large plan, when its batches are made, then each holds at most 32 samples of one engine, none twice."""
    execution_id = plan(database, plan=Plan(PLAN.brands, PLAN.prompts, PLAN.engines, repeats=20))
    with database.read() as db:
        batches, _ = store.accepted_batches(db, execution_id)
    sent = [sample_id for batch in batches for sample_id in batch.sample_ids]
    assert sorted(sent) == sorted(ids(database, execution_id))
    assert max(len(batch.sample_ids) for batch in batches) <= store.MOST_IN_BATCH
    assert [batch.engine for batch in batches] == ["doubao", "qwen", "doubao", "qwen"]


def test_a_sample_is_claimed_once(database: Database) -> None:
    """Given workers with the same message, when they claim at the same moment, then each sample has one of them."""
    execution_id = plan(database)
    sample_ids = ids(database, execution_id)
    start = threading.Barrier(6)

    def take(number: int) -> list[store.Claim]:
        start.wait()
        return claim(database, sample_ids, worker=f"w{number}")

    with ThreadPoolExecutor(6) as pool:
        claims = [one for taken in pool.map(take, range(6)) for one in taken]
    assert sorted(one.sample_id for one in claims) == sorted(sample_ids)
    assert {one.attempt for one in claims} == {1}
    assert status(database, execution_id) == "running"


def test_a_stale_attempt_cannot_settle(database: Database) -> None:
    """Given a claim whose lease passed and whose sample was claimed anew, when its answer comes, then it is not kept."""
    execution_id = plan(database)
    sample_id = ids(database, execution_id)[0]
    stale = claim(database, [sample_id], worker="slow")
    later = NOW + 2 * LEASE
    with database.begin() as db:
        batches, lost = store.release_expired(db, now=later, limit=10)
    assert [batch.sample_ids for batch in batches] == [(sample_id,)]
    assert lost == []
    fresh = claim(database, [sample_id], worker="quick", now=later)
    assert settle(database, stale, answered("late")) == [False]
    assert settle(database, stale, refused()) == [False]
    assert settle(database, fresh, answered("in time")) == [True]
    assert settle(database, fresh, answered("twice")) == [False]
    with database.read() as db:
        kept = store.evidence(db, execution_id, sample_id)
    assert (kept.answer.text, kept.attempt) == ("in time", 2)


def test_a_lease_that_is_renewed_does_not_pass(database: Database) -> None:
    """Given a renewed claim, when its first lease would have passed, then upkeep leaves it alone."""
    execution_id = plan(database)
    claims = claim(database, ids(database, execution_id))
    with database.begin() as db:
        held = store.renew_leases(db, claims, worker="w1", lease_until=NOW + 3 * LEASE)
        assert held == {(one.sample_id, one.attempt) for one in claims}
        assert store.release_expired(db, now=NOW + 2 * LEASE, limit=10) == ([], [])
        assert store.renew_leases(db, claims, worker="w2", lease_until=NOW + 9 * LEASE) == set()


def test_a_sample_that_kills_its_workers_is_given_up(database: Database) -> None:
    """Given a sample whose workers die each time, when the cap is reached, then it fails and says so."""
    execution_id = plan(database)
    sample_id = ids(database, execution_id)[0]
    now = NOW
    for _ in range(store.MAX_ATTEMPTS):
        assert claim(database, [sample_id], now=now)
        now += 2 * LEASE
        with database.begin() as db:
            batches, lost = store.release_expired(db, now=now, limit=10)
    assert (batches, lost) == ([], [execution_id])
    with database.read() as db:
        row = store.list_samples(db, execution_id, store.SampleFilter(state="failed"), 10)[0]
    assert (row.sample_id, row.error_code) == (sample_id, "lost")
    assert not claim(database, [sample_id], now=now)


def test_what_was_never_asked_costs_no_attempt(database: Database) -> None:
    """Given claims handed back, when one was never asked, then its attempt is not counted; the other's is."""
    execution_id = plan(database)
    unasked, begun = claim(database, ids(database, execution_id)[:2])
    assert hand_back(database, [unasked], asked=False) == [True]
    assert hand_back(database, [begun], asked=True) == [True]
    assert [one.attempt for one in claim(database, [unasked.sample_id, begun.sample_id])] == [1, 2]


def test_a_released_sample_waits_for_its_time(database: Database) -> None:
    """Given a sample to be asked again in a minute, when a worker comes earlier, then it is not claimed."""
    execution_id = plan(database)
    held = claim(database, ids(database, execution_id)[:1])
    again_at = NOW + timedelta(seconds=60)
    assert settle(database, held, refused(ErrorClass.RATE_LIMIT), again_at=again_at) == [True]
    assert claim(database, [held[0].sample_id], now=NOW + timedelta(seconds=59)) == []
    assert [one.attempt for one in claim(database, [held[0].sample_id], now=again_at)] == [2]


def test_two_that_finish_together_close_once(database: Database) -> None:
    """Given the last samples settled by several workers at once, when each tries to close, then exactly one does."""
    for _ in range(5):
        execution_id = plan(database)
        claims = claim(database, ids(database, execution_id))
        start = threading.Barrier(len(claims))

        def finish(one: store.Claim, execution_id: str = execution_id, start: threading.Barrier = start) -> bool:
            settle(database, [one], refused())
            start.wait()
            return close(database, execution_id)

        with ThreadPoolExecutor(len(claims)) as pool:
            assert sorted(pool.map(finish, claims)) == [False] * (len(claims) - 1) + [True]
        assert status(database, execution_id) == "reporting"


def test_an_open_sample_keeps_its_execution_open(database: Database) -> None:
    """Given an answer that is not analyzed, when somebody tries to close, then the execution stays open."""
    execution_id = plan(database)
    sample_ids = ids(database, execution_id)
    settle(database, claim(database, sample_ids), answered())
    assert analyze(database, sample_ids[1:]) == 7
    assert not close(database, execution_id)
    assert analyze(database, sample_ids) == 1, "what is analyzed already is not analyzed again"
    assert close(database, execution_id)
    assert publish(database, execution_id)
    assert not publish(database, execution_id), "a report is published once"
    assert status(database, execution_id) == "completed"


def test_cancelling_ends_what_has_no_answer(database: Database) -> None:
    """Given an execution in the middle, when it is cancelled, then late answers do not count and a second cancel conflicts."""
    execution_id = plan(database)
    sample_ids = ids(database, execution_id)
    claims = claim(database, sample_ids[:4])
    settle(database, claims[:2], answered())
    with database.begin() as db:
        assert store.cancel_execution(db, execution_id, owner="ann", now=NOW).status == "cancelled"
    assert states(database, execution_id) == {"answered": 2, "cancelled": 6}
    assert settle(database, claims[2:3], answered()) == [False]
    assert claim(database, sample_ids[4:]) == []
    with database.begin() as db, pytest.raises(Conflict, match="cancelled"):
        store.cancel_execution(db, execution_id, owner="ann", now=NOW)
    with database.begin() as db, pytest.raises(NotFound):
        store.cancel_execution(db, execution_id, owner="bob", now=NOW)


def test_an_execution_past_its_deadline_is_closed(database: Database) -> None:
    """Given a deadline that has passed, when upkeep comes, then open samples fail with that reason and a report is due."""
    execution_id = plan(database)
    sample_ids = ids(database, execution_id)
    settle(database, claim(database, sample_ids[:2]), answered())
    late = NOW + timedelta(hours=3)
    with database.begin() as db:
        assert store.expire_overdue(db, now=late, limit=10) == [], "an answer still waits for its analysis"
    assert states(database, execution_id) == {"answered": 2, "failed": 6}
    analyze(database, sample_ids[:2])
    with database.begin() as db:
        assert store.expire_overdue(db, now=late, limit=10) == [(execution_id, DEFAULT_PRIORITY)]
        assert store.expire_overdue(db, now=late, limit=10) == []
        errors = store.progress(db, execution_id).errors
    assert errors == {"doubao": {"deadline": 3}, "qwen": {"deadline": 3}}
    assert status(database, execution_id) == "reporting"


def test_lost_messages_are_found_once(database: Database) -> None:
    """Given samples whose message was sent long ago, when the sweep looks, then they are sent again, and marked so."""
    execution_id = plan(database)
    sample_ids = ids(database, execution_id)
    settle(database, claim(database, sample_ids[:3]), answered())
    later = NOW + timedelta(minutes=5)
    with database.begin() as db:
        waiting = store.stranded(db, SampleState.WAITING, sent_before=later, begun_before=later, now=later, limit=100)
        unread = store.stranded(db, SampleState.ANSWERED, sent_before=later, begun_before=later, now=later, limit=100)
        assert (
            store.stranded(db, SampleState.WAITING, sent_before=later, begun_before=later, now=later, limit=100) == []
        )
    assert sorted(sample_id for batch in waiting for sample_id in batch.sample_ids) == sorted(sample_ids[3:])
    assert sorted(sample_id for batch in unread for sample_id in batch.sample_ids) == sorted(sample_ids[:3])


def test_a_retry_takes_over_the_answers(database: Database) -> None:
    """Given an ended execution with failures, when it is planned again over its answers, then only the rest waits."""
    source = plan(database)
    sample_ids = ids(database, source)
    claims = claim(database, sample_ids)
    settle(database, claims[:5], answered("kept", cost=None))
    settle(database, claims[5:], refused())
    with database.read() as db:
        places = store.places_with_answer(db, source)
    target = plan(database, answered=frozenset(places), retry_of=source)
    with database.begin() as db:
        store.take_over(db, target, places)
        facts = store.facts(db, target)
        _, brought = store.accepted_batches(db, target)
    assert states(database, target) == {"answered": 5, "waiting": 3}
    assert sum(sample.taken_over for sample in facts.samples) == 5
    assert sum(len(batch.sample_ids) for batch in brought) == 5


def test_the_predecessors_view_speaks_its_words(database: Database) -> None:
    """Given an ended execution, when its old SQL reads task_queue, then it finds its columns and its vocabulary."""
    import sqlalchemy as sa

    execution_id = plan(database)
    end(database, execution_id)
    with database.read() as db:
        row = db.execute(sa.text("SELECT * FROM task_queue")).mappings().one()
        by_status = db.execute(sa.text("SELECT status, COUNT(*) AS count FROM task_queue GROUP BY status")).all()
    assert list(row) == [
        "execution_id",
        "task_type",
        "priority",
        "status",
        "payload",
        "result",
        "error_message",
        "retry_count",
        "max_retries",
        "worker_name",
        "created_at",
        "started_at",
        "completed_at",
        "updated_at",
    ]
    assert (row["status"], row["retry_count"], row["max_retries"], row["worker_name"]) == ("success", 0, 3, "w1")
    assert [tuple(found) for found in by_status] == [("success", 1)]


def test_nothing_is_stuck_after_a_whole_walk(database: Database) -> None:
    """Given one ended and one fresh execution, when the standing truths are checked, then all hold; a broken one shows."""
    end(database, plan(database))
    execution_id = plan(database)
    claim(database, ids(database, execution_id)[:1])
    with database.read() as db:
        assert set(store.broken_truths(db, now=NOW, slack=timedelta()).values()) == {0}
        later = NOW + timedelta(hours=3)
        broken = store.broken_truths(db, now=later, slack=timedelta())
    assert broken["samples asking past their lease"] == 1
    assert broken["executions open past their deadline"] == 1


def test_old_executions_go_with_all_that_hangs_on_them(database: Database) -> None:
    """Given ended and open executions, when the old are removed, then only what ended before then is gone, whole."""
    import sqlalchemy as sa

    ended = plan(database)
    end(database, ended)
    fresh = plan(database)
    with database.begin() as db:
        assert store.remove_ended(db, ended_before=NOW + timedelta(days=1), most_samples=1000) == 1
        left = db.execute(sa.text("SELECT COUNT(*) FROM answers")).scalar()
    with database.read() as db, pytest.raises(NotFound):
        store.execution(db, ended)
    assert left == 0
    assert status(database, fresh) == "queued"


def test_a_row_that_no_state_allows_is_refused(database: Database) -> None:
    """Given the tables' CHECKs, when somebody writes an impossible row past the store, then the database refuses it."""
    import sqlalchemy as sa

    plan(database)
    for wrong in (
        "UPDATE samples SET state = 'asking'",
        "UPDATE samples SET state = 'failed'",
        "UPDATE samples SET state = 'done'",
        "UPDATE executions SET status = 'completed'",
        "UPDATE executions SET priority = 11",
    ):
        with pytest.raises(sa.exc.IntegrityError), database.begin() as db:
            db.execute(sa.text(wrong))


def test_a_database_without_tables_says_what_to_do(empty_sqlite_url: str) -> None:
    """Given an empty database, when it is used, then the error names the command that helps."""
    database = Database(empty_sqlite_url)
    with pytest.raises(DatabaseNotReady, match="brandq migrate"):
        store.require_served(database)
    with pytest.raises(DatabaseNotReady, match="brandq migrate"), database.read() as db:
        store.execution(db, "x")
    database.dispose()


def test_an_unreachable_database_is_named() -> None:
    """Given no server at the address, when it is used, then the error is ours and not the driver's."""
    database = Database("postgresql+psycopg://brandq@127.0.0.1:1/none")
    with pytest.raises(DatabaseNotReady, match="does not answer"), database.read():
        pass
    database.dispose()


def test_what_was_begun_is_not_sent_again_so_soon(database: Database) -> None:
    """Given an answer whose reading was begun, and a report likewise, when their messages are past the time after which
    unbegun ones count as lost, then they are left alone until the longer time has passed."""
    execution_id = plan(database)
    sample_ids = ids(database, execution_id)
    settle(database, claim(database, sample_ids), answered())
    with database.begin() as db:
        store.begin_reading(db, execution_id, sample_ids[:3], now=NOW)
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(minutes=6)

    def stranded(sent_before: datetime, begun_before: datetime) -> list[int]:
        with database.begin() as db:
            batches = store.stranded(
                db, SampleState.ANSWERED, sent_before=sent_before, begun_before=begun_before, now=NOW, limit=100
            )
        return sorted(sample_id for batch in batches for sample_id in batch.sample_ids)

    assert stranded(soon, NOW) == sorted(sample_ids[3:])
    assert stranded(later, soon) == sorted(sample_ids)
    analyze(database, sample_ids)
    assert close(database, execution_id)
    with database.begin() as db:
        assert store.begin_report(db, execution_id, now=NOW)
        assert store.stranded_reports(db, sent_before=soon, begun_before=NOW, now=NOW, limit=10) == []
        found = store.stranded_reports(db, sent_before=later, begun_before=soon, now=NOW, limit=10)
    assert [one for one, _ in found] == [execution_id]


def test_an_attempt_outlives_neither_its_worker_nor_its_execution(database: Database) -> None:
    """Given calls of a worker that died, in an execution that was cancelled before their leases passed, when upkeep looks
    long after, then their attempts are on record as lost, once; those of living claims are not touched."""
    execution_id, other = plan(database), plan(database)
    claim(database, ids(database, execution_id)[:3])
    claim(database, ids(database, other)[:2])
    with database.begin() as db:
        store.cancel_execution(db, execution_id, owner="ann", now=NOW)
        late = NOW + timedelta(hours=2)
        assert store.lose_orphans(db, started_before=NOW, now=late, limit=100) == 0
        assert store.lose_orphans(db, started_before=late, now=late, limit=100) == 3
        assert store.lose_orphans(db, started_before=late, now=late, limit=100) == 0
