"""The servers, databases and brokers that tests ask for by name. A server starts at its first use.

database_url    "sqlite" and "postgres" in turn: a migrated database of the test's own
broker_url      "embedded" and "rabbitmq" in turn: the word, or a virtual host of the test's own
sqlite_url, postgres_url, rabbitmq_url               the same, one of them
empty_sqlite_url, empty_postgres_url                 a database without tables
rabbitmq_server, postgres_server                     the servers, to be killed and started again
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-servers",
        action="store_true",
        help="a missing server fails a test instead of skipping it; so do CI=true and BRANDQ_REQUIRE_SERVERS=1",
    )


def pytest_configure(config: pytest.Config) -> None:
    """What the caller's shell holds for brandq is not for its tests: no test may find a real database or a real key."""
    if os.environ.get("CI") == "true" or os.environ.get("BRANDQ_REQUIRE_SERVERS") == "1":
        config.option.require_servers = True
    for name in list(os.environ):
        if name.startswith("BRANDQ_") or name.endswith(("_API_KEY", "_API_KEY_FILE")):
            del os.environ[name]


@pytest.fixture(scope="session")
def rabbitmq_server(request: pytest.FixtureRequest) -> Iterator[RabbitmqServer]:
    try:
        server = RabbitmqServer()
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def rabbitmq_url(rabbitmq_server: RabbitmqServer) -> Iterator[str]:
    """An empty virtual host, on a broker that runs even if the test before killed it."""
    rabbitmq_server.start()
    vhost = f"test-{next(_numbers)}"
    yield rabbitmq_server.create_vhost(vhost)
    if rabbitmq_server.running:
        rabbitmq_server.wait_ready()
        rabbitmq_server.delete_vhost(vhost)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database that was migrated once, to be cloned."""
    # not at the top: a fault in the migrations fails the tests that need a database, and no other
    from brandq.store.migrating import migrate

    migrate(postgres_server.create_database("template_migrated"))
    return "template_migrated"


def _fresh_database(server: PostgresServer, template: str | None) -> Iterator[str]:
    server.start()
    name = f"test_{next(_numbers)}"
    yield server.create_database(name, template)
    server.start()
    server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    yield from _fresh_database(postgres_server, postgres_template)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    yield from _fresh_database(postgres_server, None)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that was migrated once, to be copied."""
    from brandq.store.migrating import migrate

    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    leftovers = [log.name for log in path.parent.glob("template.db-*") if log.stat().st_size]
    assert not leftovers, f"migrate left a connection open: {leftovers}"
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'brandq.db')}"


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'brandq.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["embedded", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    return "embedded" if request.param == "embedded" else request.getfixturevalue("rabbitmq_url")
