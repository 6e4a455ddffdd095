"""The migrations make what tables.py says, may be run by several at once, and can be taken back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from brandq import store
from brandq.store import Database
from brandq.tables import metadata


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


def test_migrations_and_tables_agree(database_url: str) -> None:
    """Given a migrated database, when it is compared with tables.py, then nothing differs."""
    database = Database(database_url)
    with database.begin() as db:
        differences = compare_metadata(MigrationContext.configure(db), metadata)
        checks = {
            (table.name, check["name"])
            for table in metadata.sorted_tables
            for check in sa.inspect(db).get_check_constraints(table.name)
        }
    database.dispose()
    assert differences == []
    written = {
        (table.name, str(constraint.name))
        for table in metadata.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    assert checks == written


def test_several_migrators_take_turns(empty_url: str) -> None:
    """Given an empty database, when three migrate it at once, then all end well and it stands at the newest revision."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(store.migrate, [empty_url] * 3))
    database = Database(empty_url)
    store.require_served(database)
    database.dispose()


def test_down_and_up_again(empty_url: str) -> None:
    """Given a migrated database, when it is taken down and up, then it stands as before."""
    store.migrate(empty_url)
    store.migrate(empty_url, "base")
    database = Database(empty_url)
    assert store.current_revision(database) is None
    store.migrate(empty_url)
    store.require_served(database)
    database.dispose()


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """Given no file, when many open it at the same moment, again and again, then none is told that it is locked."""
    for number in range(10):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        start = threading.Barrier(8)

        def look(_: int, url: str = url, start: threading.Barrier = start) -> int:
            database = Database(url)
            start.wait()
            with database.begin() as db:
                found = int(db.execute(sa.text("SELECT 1")).scalar_one())
            database.dispose()
            return found

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(look, range(8))) == [1] * 8
