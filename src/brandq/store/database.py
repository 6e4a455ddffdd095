"""The database: opened once per process, and the two kinds of transaction on it.

``begin`` writes, ``read`` does not; both are the caller's, and every other function of the store takes the open
transaction first and never commits. On SQLite a writer takes the file's one write lock at once, because a transaction
that reads first and writes later can be refused for good when another one wrote in between.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from brandq.errors import DatabaseNotReady

#: an open transaction, as the store's functions take it
Transaction = Connection

#: a statement of ours takes milliseconds; one that needs longer than this is stuck behind a lock, and says so
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000
#: a connection that lay unused for so long is asked whether the server still knows it
PING_IDLE_S = 1.0
#: how long a writer waits for SQLite's one write lock; above the longest transaction we make
SQLITE_BUSY_S = 30


class Database:
    """One connection pool. Threads share it; processes do not."""

    def __init__(self, url: str, *, pool_size: int = 10, name: str = "brandq") -> None:
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            self._engine = _open_sqlite(url)
        else:
            self._engine = _open_postgres(url, pool_size, name)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed at the end of the block, rolled back when it raises.

        DatabaseNotReady when the database cannot be reached or has not been migrated.
        """
        with _said_plainly(), self._engine.connect().execution_options(brandq_writes=True) as db, db.begin():
            yield db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. DatabaseNotReady as above."""
        with _said_plainly(), self._engine.connect() as db, db.begin():
            yield db

    @property
    def in_use(self) -> int:
        """Connections that a transaction holds now."""
        return self._engine.pool.checkedout()  # type: ignore[attr-defined,no-any-return]

    def dispose(self) -> None:
        self._engine.dispose()


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.ProgrammingError, sa.exc.TimeoutError) as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        if isinstance(error, sa.exc.ProgrammingError) and "does not exist" not in str(error):
            raise
        first = said[0] if said else error.__class__.__name__
        hint = "; run `brandq migrate`" if "no such table" in first or "does not exist" in first else ""
        raise DatabaseNotReady(f"the database does not answer as needed: {first}{hint}") from error


def exists(url: str) -> bool:
    """False only for a SQLite file that is not there: opening it would make one."""
    path = sa.make_url(url).database if url.startswith("sqlite") else None
    return path is None or path == ":memory:" or Path(path).exists()


def _open_postgres(url: str, pool_size: int, name: str) -> sa.Engine:
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={2 * STATEMENT_TIMEOUT_MS} -c timezone=UTC"
    )
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=15,
        connect_args={"options": options, "application_name": name[:63], "connect_timeout": 5},
    )
    _ping_idle(engine)
    return engine


def _ping_idle(engine: sa.Engine) -> None:
    """A connection that the server closed is found out before it is used, not by the request that gets it.

    Asked only of one that lay idle: a ping before every transaction is a good part of what a short one costs.
    """

    @event.listens_for(engine, "checkin")
    def came_back(_connection: Any, record: Any) -> None:
        record.info["back_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("back_at", 0.0) < PING_IDLE_S:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            alive = False
        if not alive:
            raise sa.exc.DisconnectionError("the server closed it while it lay idle")


def _open_sqlite(url: str) -> sa.Engine:
    path = sa.make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": SQLITE_BUSY_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # the driver must not begin transactions by itself: ours begin below
        connection.isolation_level = None
        if path and path != ":memory:":
            _write_ahead(connection)
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(db: Connection) -> None:
        writes = db.get_execution_options().get("brandq_writes")
        db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: Any) -> None:
    """Have readers and the writer not block each other; the file keeps this, so only its first connections change it.

    SQLite's own waiting does not cover the lock that this change needs: several processes that open a new file at once
    would fail, so the wait is here.
    """
    ends_at = time.monotonic() + SQLITE_BUSY_S
    while True:
        try:
            # a file system that cannot share memory keeps its old mode without an error, and works, with more waiting
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > ends_at:
                raise
        time.sleep(0.02)
