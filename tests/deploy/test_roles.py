"""deploy/postgres/roles.sql: one role migrates, another works, and neither can do more than that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from brandq.errors import DatabaseNotReady
from brandq.store import migrate
from tests.house_rules import ROOT
from tests.servers.postgres import PostgresServer
from tests.walk.site import call, plan, site

ROLES = (ROOT / "deploy/postgres/roles.sql").read_text(encoding="utf-8")


def as_role(url: str, role: str) -> str:
    """The same database as another role; the tests' server asks for no password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))


def connect(url: str, role: str = "brandq") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(as_role(url, role).replace("+psycopg", ""), autocommit=True)


@pytest.fixture(scope="module")
def migrated(postgres_server: PostgresServer) -> Iterator[str]:
    """A database in which roles.sql was run twice, by a superuser, and that brandq_owner migrated; its superuser's URL."""
    postgres_server.start()
    url = postgres_server.create_database("with_roles")
    with connect(url) as superuser:
        superuser.execute(ROLES)
        superuser.execute(ROLES)
    migrate(as_role(url, "brandq_owner"))
    yield url
    postgres_server.start()
    postgres_server.drop_database("with_roles")


@pytest.mark.timeout(240)
def test_an_execution_ends_with_the_rights_of_the_app_alone(migrated: str, rabbitmq_url: str, tmp_path: Path) -> None:
    """Given a database that another role migrated, when web, a worker and the command line work as brandq_app, then an
    execution ends, its evidence verifies, a key can be made and old executions removed."""
    app = as_role(migrated, "brandq_app")
    with site(tmp_path, app, rabbitmq_url) as running:
        url = running.web()
        running.worker("fetch", "analyze", "report", "notify", "upkeep")
        accepted = call("POST", f"{url}/api/executions", plan(repeats=1)).body["execution_id"]
        assert running.ended([accepted], 120) == {accepted: "completed"}
        assert call("GET", f"{url}/api/executions/{accepted}/report").status == 200
        commands = [running.start(*one) for one in (("verify", accepted), ("keys", "add", "somebody"), ("doctor",))]
        for done in commands:
            assert done.popen.wait(90) == 0, done.log.read_text(encoding="utf-8")
    with connect(migrated, "brandq_app") as working:
        assert working.execute("DELETE FROM executions").rowcount == 1
        assert working.execute("SELECT count(*) FROM answers").fetchall() == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "CREATE SCHEMA mine",
        "CREATE EXTENSION pg_stat_statements",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "DROP TABLE sweeps",
        "DROP INDEX ix_samples_open",
        "ALTER TABLE sweeps ADD COLUMN mine int",
        "TRUNCATE sweeps",
        "ALTER DEFAULT PRIVILEGES FOR ROLE brandq_owner GRANT ALL ON TABLES TO PUBLIC",
        "SET ROLE brandq_owner",
        "COPY sweeps TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_the_app_can_do_nothing_else(migrated: str, statement: str) -> None:
    """Given brandq_app, when it tries what only an owner or a superuser may do, then that is refused."""
    with connect(migrated, "brandq_app") as working, pytest.raises(psycopg.errors.InsufficientPrivilege):
        working.execute(statement)


def test_what_a_later_migration_makes_is_the_apps_as_well(migrated: str) -> None:
    """Given a table with a sequence that brandq_owner makes after roles.sql was run, then the app can write to it."""
    with connect(migrated, "brandq_owner") as owner:
        owner.execute("CREATE TABLE made_later (n serial, word text)")
    with connect(migrated, "brandq_app") as working:
        assert working.execute("INSERT INTO made_later (word) VALUES ('x') RETURNING n").fetchall() == [(1,)]
    with connect(migrated, "brandq_owner") as owner:
        owner.execute("DROP TABLE made_later")


def test_without_default_privileges_it_would_not_be(migrated: str) -> None:
    """Given a table that a superuser made, whose defaults roles.sql does not set, then the app cannot read it."""
    with connect(migrated) as superuser:
        superuser.execute("CREATE TABLE not_ours (n int)")
    with connect(migrated, "brandq_app") as working, pytest.raises(psycopg.errors.InsufficientPrivilege):
        working.execute("SELECT * FROM not_ours")
    with connect(migrated) as superuser:
        superuser.execute("DROP TABLE not_ours")


def test_the_others_cannot_come_in(migrated: str, postgres_server: PostgresServer) -> None:
    """Given roles of other applications, and brandq's in their databases, then nobody reads what is not theirs."""
    other = postgres_server.create_database("of_others")
    with connect(other) as superuser:
        superuser.execute("CREATE TABLE theirs (n int)")
        superuser.execute("DO $$ BEGIN CREATE ROLE somebody LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(migrated, "somebody")
    for role in ("brandq_app", "brandq_owner", "brandq_monitoring"):
        with connect(other, role) as working, pytest.raises(psycopg.errors.InsufficientPrivilege):
            working.execute("SELECT * FROM theirs")
    postgres_server.drop_database("of_others")


def test_monitoring_sees_the_server_and_no_row(migrated: str) -> None:
    """Given brandq_monitoring, then it reads the statistics of all sessions, and no table."""
    hidden = "SELECT count(*) FROM pg_stat_activity WHERE query = '<insufficient privilege>'"
    with connect(migrated, "brandq_monitoring") as watching:
        assert watching.execute(hidden).fetchall() == [(0,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            watching.execute("SELECT * FROM public.executions")


def test_migrating_as_the_app_is_told_plainly(postgres_server: PostgresServer, migrated: str) -> None:
    """Given an empty database with the roles, when the app migrates it, then one sentence says who may."""
    url = postgres_server.create_database("not_migrated")
    with connect(url) as superuser:
        superuser.execute(ROLES)
    with pytest.raises(DatabaseNotReady, match="migrate as the owner of the tables"):
        migrate(as_role(url, "brandq_app"))
    postgres_server.drop_database("not_migrated")
