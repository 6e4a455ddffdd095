"""What callers are told when the database is down, frozen, full or crowded; and that nothing is left half-written."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from brandq import store
from brandq.actors.desk import Desk
from brandq.errors import DatabaseNotReady
from brandq.web.app import PAGES, ROUTES
from tests.servers.postgres import PostgresServer
from tests.servers.small_disk import SmallDisk, small_disk
from tests.web.site import PLAN, ContractClient, open_desk, submit

OLD_PLAN = {"brand_list": ["a"], "selectedModels": ["doubao"], "customQuestions": "b?"}
#: what says something without the tables
WITHOUT = ("/healthz", "/metrics", "/openapi.json")
#: and pages that say nothing of what is stored
PAGES_WITHOUT = {"/sign-in", "/choose", "/assets/{digest}/{name}"}
#: 20 × 20 × 20 samples, some 3 MB
LARGE = {
    **PLAN,
    "prompts": [f"prompt {number}" for number in range(20)],
    "engines": [{"engine": "doubao", "model": f"m{number}"} for number in range(20)],
    "repeats": 20,
}
FULL = "the database's disk is full"


def _call(client: ContractClient, method: str, path: str, execution_id: str) -> Any:
    filled = path.replace("{execution_id}", execution_id).replace("{sample_id}", "1")
    url = f"{filled}?before={uuid.uuid4()}" if path.endswith("/comparison") else filled
    bodies = {"/api/executions": PLAN, "/api/perform-brand-test-async": OLD_PLAN}
    return client.request(method, url, json=bodies.get(path) if method == "POST" else None)


def _rows(desk: Desk) -> dict[str, int]:
    with desk.database.read() as db:
        return {
            table: db.execute(sa.text(f"SELECT COUNT(*) FROM {table}")).scalar_one()
            for table in ("executions", "execution_brands", "samples", "limits")
        }


def test_every_route_says_that_the_database_is_down(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """Given a server that crashed, when each route is called, then it is a 503 with Retry-After, or needs no tables; once it is back they work, and nothing was stored."""
    desk = open_desk(postgres_url, tmp_path)
    client = ContractClient(desk)
    execution_id = submit(client)
    before = _rows(desk)
    postgres_server.crash()
    try:
        for method, path, _ in ROUTES:
            response = _call(client, method, path, execution_id)
            if path in WITHOUT:
                assert response.status_code == 200, path
                continue
            assert response.status_code == 503, (method, path)
            assert response.headers["retry-after"] == "5"
            assert response.headers["content-type"].startswith("application/problem+json")
        for path in {path for method, path, _ in PAGES if method == "GET"} - PAGES_WITHOUT:
            page = _call(client, "GET", path, execution_id)
            assert page.status_code == 503, path
            assert page.headers["retry-after"] == "5"
            assert 'role="alert"' in page.text
        assert "brandq_database_up 0.0" in client.get("/metrics").text
    finally:
        postgres_server.start()
    assert client.get("/readyz").status_code == 200
    assert _rows(desk) == before
    assert client.post("/api/executions", json=PLAN).status_code == 202
    desk.close()


def test_a_connection_that_the_server_closed_fails_nobody(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """Given connections in the pool, when the server was restarted meanwhile, then the next request is answered."""
    desk = open_desk(postgres_url, tmp_path)
    client = ContractClient(desk)
    with desk.database.read(), desk.database.read():
        pass
    assert client.get("/api/executions").status_code == 200
    postgres_server.stop()
    postgres_server.start()
    assert client.get("/api/executions").status_code == 200
    desk.close()


@contextmanager
def _frozen(server: PostgresServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


def _in_time(work: Callable[[], Any]) -> Any:
    """What it gives, which must come within a minute: it waits for one reply or one connection, for seconds."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(60)


def test_a_database_that_hangs_is_not_waited_for_without_end(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """Given a server that is stopped in its tracks with its connections open, when it is asked over an old connection and over a new one, then each is a 503; thawed, it works again, and nothing was stored."""
    desk = open_desk(postgres_url, tmp_path)
    desk.database.dispose()
    desk.database = store.Database(postgres_url, pool_size=2, reply_s=1)
    client = ContractClient(desk)
    submit(client)
    before = _rows(desk)
    with _frozen(postgres_server):
        over_an_old_one = _in_time(lambda: client.post("/api/executions", json=PLAN))
        over_a_new_one = _in_time(lambda: client.post("/api/perform-brand-test-async", json=OLD_PLAN))
        assert client.get("/healthz").status_code == 200
    assert (over_an_old_one.status_code, over_a_new_one.status_code) == (503, 503)
    assert desk.database.in_use == 0
    assert _rows(desk) == before
    assert client.post("/api/executions", json=PLAN).status_code == 202
    desk.close()


def test_what_hangs_in_the_middle_is_rolled_back(postgres_server: PostgresServer, postgres_url: str) -> None:
    """Given a transaction that has written, when the server hangs at its next statement, then it raises in time, and nothing of it stands."""
    database = store.Database(postgres_url, reply_s=1)
    noted = "INSERT INTO sweeps (name, swept_at, repaired) VALUES (:name, now(), 0)"

    def hang() -> None:
        with database.begin() as db:
            db.execute(sa.text(noted).bindparams(name="x"))
            postgres_server.freeze()
            db.execute(sa.text(noted).bindparams(name="y"))

    try:
        with pytest.raises(DatabaseNotReady, match="no reply within 1 seconds"):
            _in_time(hang)
    finally:
        postgres_server.thaw()
    with database.read() as db:
        assert store.swept(db) == {}
    database.dispose()


def test_a_statement_that_takes_long_is_not_a_server_that_hangs(postgres_url: str) -> None:
    """Given a server that works on a statement, when its reply comes within the time, then that is the reply."""
    database = store.Database(postgres_url, reply_s=20)
    with database.read() as db:
        assert db.execute(sa.text("SELECT 7 FROM pg_sleep(0.5)")).scalar() == 7
    database.dispose()


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with small_disk(32) as mounted:
        yield mounted


@pytest.fixture
def on_disk(request: pytest.FixtureRequest, disk: SmallDisk) -> Iterator[str]:
    """A migrated database whose tables are on the small disk."""
    if request.param == "sqlite":
        url = f"sqlite:///{disk.folder / 'brandq.db'}"
        store.migrate(url)
        yield url
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"disk_{uuid.uuid4().hex[:8]}"
    url = server.create_database(name, template, on=disk.folder)
    yield url
    server.drop_database(name)


@pytest.mark.parametrize("on_disk", ["sqlite", "postgres"], indirect=True)
def test_a_full_disk_is_told_in_words(disk: SmallDisk, on_disk: str, tmp_path: Path) -> None:
    """Given a disk without a free byte, when a plan comes, then it is a 503 that says so and nothing is stored; with space again it is accepted."""
    desk = open_desk(on_disk, tmp_path)
    client = ContractClient(desk)
    submit(client)
    before = _rows(desk)
    disk.fill()
    refused = client.post("/api/executions", json=LARGE)
    assert refused.status_code == 503
    assert FULL in refused.json()["detail"]
    assert refused.headers["retry-after"] == "5"
    assert client.get("/api/executions").status_code == 200, "reading needs no space"
    disk.free()
    assert _rows(desk) == before
    assert client.post("/api/executions", json=LARGE).status_code == 202
    desk.close()


def test_the_command_line_says_it_in_one_line(disk: SmallDisk) -> None:
    """Given a full disk, when a key is to be kept, then the command ends with one line and the code of a database that does not do its work."""
    url = f"sqlite:///{disk.folder / 'brandq.db'}"
    store.migrate(url)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "BRANDQ_DATABASE_URL": url,
        "COLUMNS": "500",
    }
    disk.fill()

    def add() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "brandq", "keys", "add", "ann"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    refused = add()
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.count("\n") == 1
    assert FULL in refused.stderr
    disk.free()
    assert add().returncode == 0


def test_a_crowded_server_is_told_in_words(postgres_server: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    """Given a role that may have one connection, which is taken, when a request comes, then it is a 503 that says what to look at; once it is free again, it works."""
    role = f"guest_{uuid.uuid4().hex[:8]}"
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as own:
        own.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
        own.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    url = f"postgresql+psycopg://{role}@127.0.0.1:{postgres_server.port}/{name}"
    desk = open_desk(url, tmp_path)
    client = ContractClient(desk)
    with psycopg.connect(url.replace("+psycopg", "")):
        refused = client.get("/api/executions")
    assert refused.status_code == 503
    assert "takes no more connections: see docs/postgres.md" in refused.json()["detail"]
    assert client.get("/api/executions").status_code == 200
    desk.close()
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as own:
        own.execute(f"DROP OWNED BY {role}")
        own.execute(f"DROP ROLE {role}")
