"""Bringing a database to the revision that this code needs, and telling which code a database serves.

While a new version is rolled out, the old one still works on a database that has been migrated already, and its
processes may be started again. The old code cannot judge a revision that it does not know, so the database says it: the
table ``served_revisions`` holds every revision whose code still works on it. Like Alembic's own table it is no part of
the schema but the migrator's note about it, written anew in the transaction of each ``migrate``, out of what each
migration says about itself:

    breaks = None       it only expands: code of the revisions before works on
    breaks = "0007"     code of 0007 and older fails on it

A migration that says nothing breaks all before it; so do those that landed before this rule. docs/decisions/0012.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from brandq.errors import DatabaseNotReady
from brandq.store.database import Database, Transaction
from brandq.tables import served_revisions

#: one migrator at a time: the key of the Postgres advisory lock that it holds ("brandq" on a phone's keys)
MIGRATION_LOCK = 272637
#: must exceed the time that one statement of a migration may take, 10 minutes
_MIGRATE_S = 11 * 60.0


def migrations_folder() -> Path:
    """Where the migrations stand: inside the installed package, or at the root of a checkout."""
    packaged = Path(str(resources.files("brandq"))) / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "migrations"


def _config(migrations: Path | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations or migrations_folder()).replace("%", "%%"))
    return config


def newest_revision(migrations: Path | None = None) -> str:
    """The revision that this code needs, or that the code with these migrations would."""
    head = read_migrations(migrations).get_current_head()
    if head is None:
        raise DatabaseNotReady(f"no migrations are installed in {migrations_folder()}; reinstall brandq")
    return head


def read_migrations(migrations: Path | None = None) -> ScriptDirectory:
    """The migrations of this code, or those in another folder."""
    return ScriptDirectory.from_config(_config(migrations))


def current_revision(database: Database) -> str | None:
    """The revision that the database is at; None when it is empty. DatabaseNotReady when it cannot be reached."""
    with database.read() as db:
        return MigrationContext.configure(db).get_current_revision()


def migrate(url: str, revision: str = "head", *, migrations: Path | None = None) -> None:
    """Bring the database to a revision. A second migrator waits for the first; then it finds nothing to do.

    A database that is newer than this code and still serves it stays as it is; DatabaseNotReady where it does not.
    """
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
            found = MigrationContext.configure(db).get_current_revision()
            if found is not None and not _knows(migrations, found):
                if (fault := _unserved(db, migrations)) is not None:
                    raise DatabaseNotReady(fault)
                return
            config = _config(migrations)
            config.attributes["connection"] = db
            if revision == "base" or revision.startswith("-"):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
            _note_served(db, migrations)
    finally:
        database.dispose()


def require_served(database: Database, *, migrations: Path | None = None) -> None:
    """DatabaseNotReady unless this code works on the database: at its own revision, or at a newer that says so."""
    with database.read() as db:
        if (fault := _unserved(db, migrations)) is not None:
            raise DatabaseNotReady(fault)


def wait_until_served(url: str, wait_s: float, *, every_s: float = 1.0, tell: Callable[[str], None]) -> None:
    """Return once this code works on the database; DatabaseNotReady if it still does not after ``wait_s`` seconds.

    Changes nothing. That the database cannot be reached is waited out as well. ``tell`` gets each new reason to wait.
    """
    ends_at = time.monotonic() + wait_s
    database = Database(url, pool_size=1, name="brandq migrate")
    told = ""
    try:
        while True:
            try:
                return require_served(database)
            except DatabaseNotReady as error:
                if time.monotonic() + every_s > ends_at:
                    raise
                if str(error) != told:
                    told = str(error)
                    tell(told)
            time.sleep(every_s)
    finally:
        database.dispose()


def served_by(revision: str | None, script: ScriptDirectory) -> list[str]:
    """The revisions whose code works on a database at this one, the newest first, as the migrations say."""
    served: list[str] = []
    broken: set[str] = set()
    while revision is not None and revision not in broken:
        served.append(revision)
        found = script.get_revision(revision)
        before = found.down_revision
        if not (before is None or isinstance(before, str)):
            raise ValueError(f"migration {revision} has several before it; brandq's migrations stand in one line")
        breaks = getattr(found.module, "breaks", before)
        if breaks is not None:
            broken |= {one.revision for one in script.iterate_revisions(breaks, "base")}
        revision = before
    return served


def _note_served(db: Transaction, migrations: Path | None) -> None:
    served_revisions.create(db, checkfirst=True)
    db.execute(sa.delete(served_revisions))
    rows = served_by(MigrationContext.configure(db).get_current_revision(), read_migrations(migrations))
    if rows:
        db.execute(sa.insert(served_revisions), [{"revision": revision} for revision in rows])


def _knows(migrations: Path | None, revision: str) -> bool:
    """Whether this code has the migration; a newer version's it has not."""
    return revision in {one.revision for one in read_migrations(migrations).walk_revisions()}


def _unserved(db: Transaction, migrations: Path | None) -> str | None:
    """Why this code does not work on the database, and what to do; None where it does."""
    found, needed = MigrationContext.configure(db).get_current_revision(), newest_revision(migrations)
    if found == needed:
        return None
    if found is None or _knows(migrations, found):
        return f"the database is at revision {found or 'none'}, this code needs {needed}: run `brandq migrate`"
    noted = sa.inspect(db).has_table(served_revisions.name)
    if noted and db.execute(sa.select(served_revisions).where(served_revisions.c.revision == needed)).first():
        return None
    return (
        f"the database is at revision {found}, which is newer than this code and does not serve its {needed}: "
        "start the version that made it, see docs/upgrading.md"
    )
