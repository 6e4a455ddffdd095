"""Bringing a database to the revision that this code needs, and telling which one it is at."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from brandq.errors import DatabaseNotReady
from brandq.store.database import Database

#: one migrator at a time: the key of the Postgres advisory lock that it holds ("brandq" on a phone's keys)
MIGRATION_LOCK = 272637
#: must exceed the time that one statement of a migration may take, 10 minutes
_MIGRATE_S = 11 * 60.0


def migrations_folder() -> Path:
    """Where the migrations stand: inside the installed package, or at the root of a checkout."""
    packaged = Path(str(resources.files("brandq"))) / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def newest_revision() -> str:
    """The revision that this code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise DatabaseNotReady(f"no migrations are installed in {migrations_folder()}; reinstall brandq")
    return head


def current_revision(database: Database) -> str | None:
    """The revision that the database is at; None when it is empty. DatabaseNotReady when it cannot be reached."""
    with database.read() as db:
        return MigrationContext.configure(db).get_current_revision()


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to a revision. A second migrator waits for the first; then it finds nothing to do."""
    database = Database(url, pool_size=1, name="brandq migrate", reply_s=_MIGRATE_S)
    try:
        with database.begin() as db:
            if not database.is_sqlite:
                # a migration may wait for its turn longer than a statement of ours may run
                db.execute(sa.text("SET LOCAL statement_timeout = '10min'"))
                db.execute(sa.text("SET LOCAL lock_timeout = '10min'"))
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                # but it must not queue up behind a long reader and stop everybody else: it gives up and is run again
                db.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            config = _config()
            config.attributes["connection"] = db
            if revision == "base" or revision.startswith("-"):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
    finally:
        database.dispose()


def require_newest(database: Database) -> None:
    """DatabaseNotReady unless the database is at the revision that this code needs."""
    found, needed = current_revision(database), newest_revision()
    if found != needed:
        raise DatabaseNotReady(
            f"the database is at revision {found or 'none'}, this code needs {needed}: run `brandq migrate`"
        )
