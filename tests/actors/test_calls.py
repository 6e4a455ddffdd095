"""Calls in flight: broken off within seconds when their claim no longer holds, and settled together in few statements."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.tables import attempts, executions, samples
from tests.actors.installed import Installed, installed
from tests.waiting import wait_until

#: a provider that takes connections and never answers
SILENT = """
[engines.silent]
dialect = "openai-chat"
base_url = "http://127.0.0.1:{port}/v1"
model = "m1"
concurrency = 8
total_s = 300
"""
CALLS = 5


class Silence:
    """A server that hears every request and answers none; it sees who hangs up."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._lock = threading.Lock()
        self.asked = self.hung_up = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._hear, args=(connection,), daemon=True).start()

    def _hear(self, connection: socket.socket) -> None:
        with connection:
            heard = connection.recv(65536)
            with self._lock:
                self.asked += bool(heard)
            while heard:
                try:
                    heard = connection.recv(65536)
                except OSError:
                    heard = b""
            with self._lock:
                self.hung_up += 1

    def close(self) -> None:
        self._listening.close()


@contextmanager
def silence() -> Iterator[Silence]:
    server = Silence()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(params=["sqlite + embedded", "postgres + rabbitmq"])
def waiting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Installed, Silence, str]]:
    """An execution all of whose calls are in flight at a provider that never answers."""
    database, _, broker = str(request.param).partition(" + ")
    database_url = request.getfixturevalue(f"{database}_url")
    broker_url = "embedded" if broker == "embedded" else request.getfixturevalue("rabbitmq_url")
    with (
        silence() as server,
        installed(tmp_path, database_url, broker_url, rows=SILENT.format(port=server.port)) as site,
    ):
        execution_id = site.submit(engines=["silent"], repeats=CALLS)
        wait_until(lambda: server.asked == CALLS, 30, "the calls to be in flight")
        yield site, server, execution_id


def attempts_of(site: Installed, execution_id: str) -> list[str | None]:
    with site.desk.database.read() as db:
        found = (
            sa.select(attempts.c.outcome)
            .join(samples, samples.c.sample_id == attempts.c.sample_id)
            .where(samples.c.execution_id == execution_id)
        )
        return list(db.execute(found).scalars())


def test_a_cancelled_call_hangs_up_and_its_attempt_is_ended(waiting: tuple[Installed, Silence, str]) -> None:
    """Given calls in flight, when their execution is cancelled, then they hang up within seconds, though the provider says
    nothing for minutes, and each attempt is kept as one that was broken off."""
    site, server, execution_id = waiting
    with site.desk.database.begin() as db:
        store.cancel_execution(db, execution_id, owner="ann", now=site.desk.now())
    wait_until(lambda: server.hung_up == CALLS, 15, "the calls to hang up")
    wait_until(lambda: attempts_of(site, execution_id) == ["broken_off"] * CALLS, 15, "their attempts to end")
    assert {row.state for row in site.rows(execution_id)} == {"cancelled"}


def test_a_call_past_the_deadline_hangs_up(waiting: tuple[Installed, Silence, str]) -> None:
    """Given calls in flight, when the deadline of their execution passes, then they hang up, and it ends as failed."""
    site, server, execution_id = waiting
    overdue = sa.update(executions).where(executions.c.execution_id == execution_id)
    with site.desk.database.begin() as db:
        db.execute(overdue.values(deadline_at=site.desk.now() - timedelta(seconds=1)))
    ended = site.ended(execution_id, sweeping=True)
    assert (ended.status, ended.error_code) == ("failed", "deadline")
    wait_until(lambda: server.hung_up == CALLS, 15, "the calls to hang up")
