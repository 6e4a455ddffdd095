"""What cannot be brought to an end is given up after a bound, in words, and takes nothing else with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.actors.analyze import MAX_READS, analyze
from brandq.actors.report import report
from brandq.actors.upkeep import READING_GRACE_S, tick
from brandq.states import ExecutionState
from brandq.tables import answers, executions
from tests.actors.installed import Installed, installed
from tests.actors.test_stages import fetch_now


@pytest.fixture
def idle(tmp_path: Path, database_url: str) -> Iterator[Installed]:
    """No worker: the test calls the actors itself."""
    with installed(tmp_path, database_url, "embedded", working=False) as site:
        yield site


def answered(site: Installed, repeats: int, *, deadline_s: int = 3600) -> tuple[str, list[int]]:
    """An execution whose every sample has an answer that nobody has read; the samples."""
    execution_id = site.accept(site.plan(repeats=repeats), deadline_s=deadline_s)
    ids = [row.sample_id for row in site.rows(execution_id)]
    fetch_now(site, ids)
    assert {row.state for row in site.rows(execution_id)} == {"answered"}
    return execution_id, ids


def begin_and_die(site: Installed, execution_id: str, ids: list[int]) -> None:
    """What a worker leaves that dies while it reads these answers."""
    with site.desk.database.begin() as db:
        store.begin_reading(db, execution_id, ids, now=site.desk.now())


def nothing_stuck(site: Installed) -> None:
    with site.desk.database.read() as db:
        assert set(store.broken_truths(db, now=site.desk.now(), slack=timedelta()).values()) == {0}


def test_an_answer_that_ends_its_workers_is_given_up_alone(idle: Installed) -> None:
    """Given three answers read together by workers that died, one of them each time anew, when the bound is reached, then
    that one fails and says so, the others are analyzed, and the report counts what it has."""
    execution_id, ids = answered(idle, 3)
    begin_and_die(idle, execution_id, ids)
    for _ in range(MAX_READS - 1):
        begin_and_die(idle, execution_id, ids[:1])
    analyze(idle.desk, execution_id, ids)
    rows = {row.sample_id: row for row in idle.rows(execution_id)}
    assert [rows[sample_id].state for sample_id in ids] == ["failed", "analyzed", "analyzed"]
    assert rows[ids[0]].error_code == "unread"
    assert "retry" in str(rows[ids[0]].error_message)
    report(idle.desk, execution_id)
    assert idle.execution(execution_id).status == "partial"
    nothing_stuck(idle)


def test_an_answer_that_cannot_be_read_fails_alone(idle: Installed) -> None:
    """Given an answer whose stored sources are nonsense, when it is read with others, then it fails in words, they do not,
    and a retry asks nobody for it again but reads what is stored."""
    execution_id, ids = answered(idle, 3)
    with idle.desk.database.begin() as db:
        spoilt = sa.update(answers).where(answers.c.sample_id == ids[1])
        db.execute(spoilt.values(sources=[{"nonsense": True}]))
    analyze(idle.desk, execution_id, ids)
    rows = {row.sample_id: row for row in idle.rows(execution_id)}
    assert [rows[sample_id].state for sample_id in ids] == ["analyzed", "failed", "analyzed"]
    assert rows[ids[1]].error_code == "unread"
    report(idle.desk, execution_id)
    with idle.desk.database.read() as db:
        document = store.report_document(db, execution_id)
        assert len(store.places_with_answer(db, execution_id)) == 3
    assert document is not None
    assert document["coverage"]["outcomes"]["failed"] == 1
    assert document["coverage"]["usable"]["k"] == 2


def test_answers_that_nobody_reads_do_not_keep_an_execution_open(idle: Installed) -> None:
    """Given answers and no worker that reads them, when the deadline has passed, then they have a little longer; after
    that they fail as unread, and the execution ends."""
    execution_id, _ = answered(idle, 2)
    set_deadline(idle, execution_id, timedelta(seconds=READING_GRACE_S - 30))
    tick(idle.desk)
    assert {row.state for row in idle.rows(execution_id)} == {"answered"}
    set_deadline(idle, execution_id, timedelta(seconds=READING_GRACE_S + 1))
    tick(idle.desk)
    assert {(row.state, row.error_code) for row in idle.rows(execution_id)} == {("failed", "unread")}
    report(idle.desk, execution_id)
    assert (idle.execution(execution_id).status, idle.execution(execution_id).error_code) == ("failed", "unread")
    nothing_stuck(idle)


def set_deadline(site: Installed, execution_id: str, ago: timedelta) -> None:
    mine = sa.update(executions).where(executions.c.execution_id == execution_id)
    with site.desk.database.begin() as db:
        db.execute(mine.values(deadline_at=site.desk.now() - ago))


def test_a_report_that_ends_its_workers_is_given_up(idle: Installed) -> None:
    """Given a report whose workers die each time they build it, when the bound is reached, then the execution ends as
    failed and says how to go on, and nothing counts as stuck."""
    execution_id, ids = answered(idle, 1)
    analyze(idle.desk, execution_id, ids)
    for _ in range(store.MAX_BUILDS):
        with idle.desk.database.begin() as db:
            assert store.begin_report(db, execution_id, now=idle.desk.now())
    report(idle.desk, execution_id)
    ended = idle.execution(execution_id)
    assert (ended.status, ended.error_code) == (ExecutionState.FAILED, "report")
    assert "brandq recompute" in str(ended.error_message)
    nothing_stuck(idle)


def test_an_answer_that_cannot_be_stored_takes_no_other_with_it(tmp_path: Path, database_url: str) -> None:
    """Given a database that refuses one answer of many that land together, then that sample fails in words and is not
    asked again, which would cost it again, and the others are kept."""
    with installed(tmp_path, database_url, "embedded", working=False) as site:
        execution_id = site.accept(site.plan(repeats=8))
        ids = [row.sample_id for row in site.rows(execution_id)]
        refuse_answer(site, ids[3])
        fetch_now(site, ids)
        rows = {row.sample_id: row for row in site.rows(execution_id)}
        assert [rows[one].state for one in ids if one != ids[3]] == ["answered"] * 7
        assert rows[ids[3]].state == "failed"
        assert "could not be stored" in str(rows[ids[3]].error_message)
        assert site.calls() == {"m1": 8}


def refuse_answer(site: Installed, sample_id: int) -> None:
    with site.desk.database.begin() as db:
        if db.dialect.name == "sqlite":
            db.exec_driver_sql(
                f"CREATE TRIGGER refused BEFORE INSERT ON answers WHEN NEW.sample_id = {sample_id} "
                "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        else:
            db.exec_driver_sql(f"ALTER TABLE answers ADD CONSTRAINT refused CHECK (sample_id <> {sample_id})")
