"""What the clock's tick does when its hour has come, and that a sweep which fails does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from brandq import store
from brandq.actors import upkeep
from brandq.errors import NotFound
from brandq.reports.facts import Publication
from tests.actors.installed import Installed, installed


class Clocked:
    """An installation whose desk tells the time that the test says."""

    def __init__(self, site: Installed) -> None:
        self.site = site
        self.now = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
        #: by so much it goes on at each look
        self.jump = timedelta()
        site.desk.now = self._look  # type: ignore[method-assign]

    def _look(self) -> datetime:
        seen = self.now
        self.now += self.jump
        return seen

    def end(self, **fields: object) -> str:
        """An execution that ended now."""
        execution_id = self.site.accept(self.site.plan(**fields), deadline_s=-1)
        with self.site.desk.database.begin() as db:
            store.expire_overdue(db, now=self.now, limit=10)
            made = Publication({"x": 1}, "m", "d" * 64, "failed", error_code="deadline", error_message="late")
            assert store.publish_report(db, execution_id, made, tell=False, now=self.now)
        return execution_id

    def there(self, execution_id: str) -> bool:
        try:
            self.site.execution(execution_id)
        except NotFound:
            return False
        return True


@pytest.fixture
def clocked(tmp_path: Path, database_url: str) -> Iterator[Clocked]:
    with installed(tmp_path, database_url, "embedded", working=False, BRANDQ_RETENTION_DAYS="30") as site:
        yield Clocked(site)


def test_ended_executions_go_after_the_retention_once_an_hour(clocked: Clocked) -> None:
    """Given executions that ended 31 and 29 days ago, when ticks come within an hour, then the older one goes, and the
    next hour looks again."""
    old = clocked.end()
    clocked.now += timedelta(days=2)
    younger = clocked.end()
    clocked.now += timedelta(days=29)
    assert upkeep.remove_old(clocked.site.desk) == 1
    assert (clocked.there(old), clocked.there(younger)) == (False, True)
    clocked.now = clocked.now.replace(minute=59) + timedelta(days=2)
    assert upkeep.remove_old(clocked.site.desk) == 1
    assert upkeep.remove_old(clocked.site.desk) == 0, "one turn an hour"
    assert not clocked.there(younger)


def test_what_is_removed_is_as_much_as_a_transaction_may(clocked: Clocked) -> None:
    """Given three old executions of four samples, when a transaction may remove five samples, then each takes one, the oldest
    first; and where it may remove fewer than the oldest has, that one is removed as well."""
    old = []
    for _ in range(3):
        old.append(clocked.end(repeats=4))
        clocked.now += timedelta(minutes=1)
    later = clocked.now + timedelta(days=31)
    with clocked.site.desk.database.begin() as db:
        assert store.remove_ended(db, ended_before=later, most_samples=5) == 1
        assert store.remove_ended(db, ended_before=later, most_samples=3) == 1
    assert [clocked.there(one) for one in old] == [False, False, True]


def test_a_removal_that_takes_longer_goes_on_in_the_next_minute(clocked: Clocked) -> None:
    """Given more old executions than fit into the time of one tick, when a tick has removed what it could, then the next one of
    the same hour goes on, until nothing is left."""
    clocked.end()
    clocked.now += timedelta(days=31)
    desk = clocked.site.desk
    hour = clocked.now.replace(minute=0, second=0, microsecond=0)
    # the time is over after the first transaction
    clocked.jump = timedelta(seconds=upkeep.REMOVE_S / 3)

    def turn() -> datetime:
        with desk.database.read() as db:
            return store.swept(db)["hourly"][0]

    assert upkeep.remove_old(desk) == 1
    assert turn() < hour, "the hour's turn is still to be had"
    assert upkeep.remove_old(desk) == 0
    assert turn() > hour, "it looked again, and found nothing"


def test_limits_and_idempotency_keys_are_forgotten_at_three(clocked: Clocked) -> None:
    """Given a limit and a key used eight days ago, when three o'clock comes, then they are forgotten, once a day."""
    desk = clocked.site.desk
    order = store.Order("e" * 36, "ann", clocked.site.plan(), clocked.now + timedelta(days=9), idempotency_key="k")
    with desk.database.begin() as db:
        store.plan_execution(db, order, now=clocked.now)
        store.count_call(db, "ann", most=3, per_s=60, now=clocked.now)
    assert upkeep.forget_old(desk) == 0, "a week has not passed"
    clocked.now = (clocked.now + timedelta(days=8)).replace(hour=2, minute=59)
    assert upkeep.forget_old(desk) == 2, "yesterday's turn was never taken"
    clocked.now = clocked.now.replace(hour=3, minute=0)
    assert upkeep._turn(desk, "daily", clocked.now)
    assert upkeep.forget_old(desk) == 0


def test_a_sweep_that_fails_does_not_stop_the_others(clocked: Clocked) -> None:
    """Given a sweep that raises, when a tick runs, then every other sweep ran, and the tick fails with the reason."""
    ran = []

    def broken(_: object) -> int:
        raise RuntimeError("cannot sweep")

    def well(_: object) -> int:
        ran.append("well")
        return 3

    with pytest.raises(ExceptionGroup, match="sweeps failed"):
        upkeep.sweep_all(clocked.site.desk, (broken, well))
    assert ran == ["well"]
    with clocked.site.desk.database.read() as db:
        assert store.swept(db)["well"][1] == 3


def test_a_process_that_starts_again_takes_back_what_its_forerunner_held(clocked: Clocked) -> None:
    """Given samples claimed by a process that is known to be dead, when the next one resumes, then they wait again at once."""
    desk = clocked.site.desk
    execution_id = clocked.site.accept(clocked.site.plan(repeats=2))
    ids = [row.sample_id for row in clocked.site.rows(execution_id)]
    with desk.database.begin() as db:
        due = store.due_samples(db, ids, now=clocked.now)
        store.claim_samples(db, due, worker="here:1", now=clocked.now, lease_until=clocked.now + timedelta(seconds=60))
    with desk.database.read() as db:
        assert store.lease_owners(db) == {"here:1"}
    upkeep.resume(desk, dead=[])
    assert {row.state for row in clocked.site.rows(execution_id)} == {"asking"}
    upkeep.resume(desk, dead=["here:1"])
    assert {row.state for row in clocked.site.rows(execution_id)} == {"waiting"}
