"""While versions are mixed, the database says which code it serves; whoever is served starts, and nobody else does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.errors import DatabaseNotReady
from brandq.store import Database
from brandq.store.migrating import read_migrations, served_by
from tests.store import expanding
from tests.store.expanding import contractions, says_it_only_expands, silent
from tests.waiting import wait_until

#: they landed before migrations said what they break, and count as breaking everything before them
_BEFORE_THE_RULE = {"0001", "0002", "0003", "0004", "0005"}
_NEXT = '''"""Planted."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
{breaks}


def upgrade() -> None:
    op.create_table("planted_{revision}", sa.Column("a", sa.Integer()))


def downgrade() -> None:
    op.drop_table("planted_{revision}")
'''


class Versions:
    """Migrations of versions to come: each call of ``add`` gives those of one more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.latest = store.migrations_folder()
        self.revision = store.newest_revision()

    def add(self, revision: str, breaks: str | None) -> Path:
        """The migrations of a version after the last; ``breaks`` is the line that says it."""
        made = self.folder / revision
        shutil.copytree(self.latest, made, ignore=shutil.ignore_patterns("__pycache__"))
        text = _NEXT.format(revision=revision, before=self.revision, breaks=breaks or "")
        (made / "versions" / f"{revision}.py").write_text(text)
        self.latest, self.revision = made, revision
        return made


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path)


def test_the_old_code_works_on_while_migrations_expand(
    database_url: str, database: Database, versions: Versions
) -> None:
    """Given a database that a newer version migrated by migrations which only expand, when this version starts on it, then it
    may, its `migrate` finds nothing to do, and a version in between may as well."""
    between = versions.add("n1", "breaks = None")
    newest = versions.add("n2", "breaks = None")
    store.migrate(database_url, migrations=newest)
    store.require_served(database)
    store.require_served(database, migrations=between)
    store.migrate(database_url)
    assert store.current_revision(database) == "n2"


def test_the_old_code_is_refused_after_a_contraction(database_url: str, database: Database, versions: Versions) -> None:
    """Given a migration that breaks this version and not the next one, when both start on it, then this one is refused, told
    why, and the next one is not; nor does this one's `migrate` touch the database."""
    marked = versions.add("n1", "breaks = None")
    contracted = versions.add("n2", f'breaks = "{store.newest_revision()}"')
    store.migrate(database_url, migrations=contracted)
    store.require_served(database, migrations=contracted)
    store.require_served(database, migrations=marked)
    with pytest.raises(DatabaseNotReady, match="newer than this code and does not serve"):
        store.require_served(database)
    with pytest.raises(DatabaseNotReady, match="start the version that made it"):
        store.migrate(database_url)
    assert store.current_revision(database) == "n2"


def test_a_migration_that_says_nothing_breaks_all_before_it(
    database_url: str, database: Database, versions: Versions
) -> None:
    """Given a newer revision that says nothing of whom it serves, when this version starts on it, then it is refused."""
    store.migrate(database_url, migrations=versions.add("n1", None))
    with pytest.raises(DatabaseNotReady, match="does not serve"):
        store.require_served(database)


def test_a_newer_revision_without_a_note_is_refused(database_url: str, database: Database) -> None:
    """Given a database at a revision that nobody here knows, and no note of whom it serves, then this version is refused."""
    with database.begin() as db:
        db.execute(sa.text("DROP TABLE served_revisions"))
        db.execute(sa.text("UPDATE alembic_version SET version_num = 'n9'"))
    with pytest.raises(DatabaseNotReady, match="newer than this code"):
        store.require_served(database)


def test_an_older_database_says_what_to_do(database_url: str, database: Database, versions: Versions) -> None:
    """Given a database that is older than the code, when that starts, then it is refused and names the command."""
    with pytest.raises(DatabaseNotReady, match="run `brandq migrate`"):
        store.require_served(database, migrations=versions.add("n1", "breaks = None"))


def test_going_back_is_noted_as_well(database_url: str, database: Database, versions: Versions) -> None:
    """Given a newer version that took its migration back, then the database serves this version alone again."""
    newest = versions.add("n1", "breaks = None")
    store.migrate(database_url, migrations=newest)
    store.migrate(database_url, "-1", migrations=newest)
    store.require_served(database)
    with pytest.raises(DatabaseNotReady, match="run `brandq migrate`"):
        store.require_served(database, migrations=newest)
    with database.read() as db:
        assert db.execute(sa.text("SELECT revision FROM served_revisions")).scalars().all() == [store.newest_revision()]


def test_a_release_from_before_the_rule_is_noted_at_its_next_migrate(database_url: str, database: Database) -> None:
    """Given a database without the note, as earlier releases left it, when `migrate` finds nothing else to do, then it notes
    whom the database serves."""
    with database.begin() as db:
        db.execute(sa.text("DROP TABLE served_revisions"))
    store.require_served(database)
    store.migrate(database_url)
    with database.read() as db:
        assert store.newest_revision() in db.execute(sa.text("SELECT revision FROM served_revisions")).scalars().all()


def test_what_a_migration_breaks_bounds_whom_it_serves(versions: Versions) -> None:
    """Given migrations in a row, when it is asked whom each serves, then that ends at what it or one on the way breaks."""
    first = store.newest_revision()
    versions.add("n1", "breaks = None")
    versions.add("n2", "breaks = None")
    versions.add("n3", 'breaks = "n1"')
    script = read_migrations(versions.add("n4", "breaks = None"))
    assert served_by("n4", script) == ["n4", "n3", "n2"]
    assert served_by("n2", script)[:3] == ["n2", "n1", first]
    assert served_by("0003", script) == ["0003"]
    assert served_by(None, script) == []


# waiting


def _migrate_command(url: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "BRANDQ_DATABASE_URL": url}
    return subprocess.Popen(
        [sys.executable, "-m", "brandq", "migrate", *arguments],
        env={**environment, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_pod_waits_for_the_migration_of_another(empty_postgres_url: str) -> None:
    """Given an empty database, when `migrate --wait` runs, then it changes nothing, says what it waits for, and ends well once
    somebody has migrated."""
    with _migrate_command(empty_postgres_url, "--wait", "60") as waiting:
        assert waiting.stdout is not None
        assert "revision none" in waiting.stdout.readline()
        database = Database(empty_postgres_url)
        assert store.current_revision(database) is None
        store.migrate(empty_postgres_url)
        database.dispose()
        rest, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert f"is at revision {store.newest_revision()}" in rest


def test_waiting_ends(empty_postgres_url: str) -> None:
    """Given a database that nobody migrates, when the time has passed, then `migrate --wait` ends with 3 and says why."""
    with _migrate_command(empty_postgres_url, "--wait", "0") as waiting:
        said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 3
    assert "run `brandq migrate`" in said


def test_a_database_that_is_down_is_waited_for_too(tmp_path: Path) -> None:
    """Given a file whose folder is made later, as a server may come up later, then waiting bridges that as well."""
    url = f"sqlite:///{tmp_path / 'later' / 'brandq.db'}"
    told: list[str] = []
    waiting = threading.Thread(
        target=store.wait_until_served, args=(url, 60), kwargs={"every_s": 0.05, "tell": told.append}
    )
    waiting.start()
    wait_until(lambda: len(told) == 1, 20, "the first reason")
    (tmp_path / "later").mkdir(exist_ok=True)
    store.migrate(url)
    waiting.join(20)
    assert not waiting.is_alive()
    assert told


# what migrations say


def _files() -> list[tuple[str, str]]:
    return [
        (one.revision, Path(one.path).read_text(encoding="utf-8"))
        for one in read_migrations().walk_revisions()
        if one.revision not in _BEFORE_THE_RULE
    ]


def test_every_migration_says_what_it_breaks() -> None:
    """Given the migrations since the rule, when they are read, then each says it, and names a revision that there is."""
    assert [revision for revision, source in _files() if silent(source)] == []
    script = read_migrations()
    for one in script.walk_revisions():
        assert served_by(one.revision, script)[0] == one.revision


def test_a_migration_that_says_so_only_expands() -> None:
    """Given a migration that says it breaks nothing, when its calls are read, then none takes anything from the old code."""
    found = {
        revision: list(contractions(source))
        for revision, source in _files()
        if says_it_only_expands(source) and revision not in expanding.EXPANDING_SQL
    }
    assert {revision: faults for revision, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    ("call", "contracts"),
    [
        ('op.create_table("t", sa.Column("a", sa.Integer(), nullable=False))', False),
        ('op.add_column("t", sa.Column("a", sa.Integer(), nullable=True))', False),
        ('op.add_column("t", sa.Column("a", sa.Integer()))', False),
        ('op.add_column("t", sa.Column("a", sa.Integer(), server_default="0", nullable=False))', False),
        ('op.create_index("ix_t_a", "t", ["a"])', False),
        ('op.drop_index("ix_t_a")', False),
        ('op.add_column("t", sa.Column("a", sa.Integer(), nullable=False))', True),
        ('op.add_column("t", sa.Column("a", sa.Integer(), sa.ForeignKey("u.b"), nullable=True))', True),
        ('op.create_index("ix_t_a", "t", ["a"], unique=True)', True),
        ('op.drop_column("t", "a")', True),
        ('op.drop_table("t")', True),
        ('op.alter_column("t", "a", nullable=False)', True),
        ('op.alter_column("t", "a", new_column_name="b")', True),
        ('op.create_check_constraint("ck", "t", "a > 0")', True),
        ('op.rename_table("t", "u")', True),
        ('op.execute("DROP VIEW task_queue")', True),
        ('with op.batch_alter_table("t") as batch:\n        batch.drop_column("a")', True),
    ],
)
def test_a_planted_contraction_is_found(call: str, contracts: bool) -> None:
    """Given an upgrade of one call, when it is read, then what the old code may trip over is told from what it may not."""
    source = f"breaks = None\ndef upgrade() -> None:\n    {call}\ndef downgrade() -> None:\n    op.drop_table('x')\n"
    assert bool(list(contractions(source))) == contracts
    assert says_it_only_expands(source)
    assert not silent(source)
    assert silent("revision = '1'")
