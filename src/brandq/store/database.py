"""The database: opened once per process, and the kinds of transaction on it.

``begin`` writes, ``read`` does not, ``look`` is for single statements; all are the caller's, and every other function
of the store takes the open transaction first and never commits. On SQLite a writer takes the file's one write lock at
once, because a transaction that reads first and writes later can be refused for good when another one wrote in between.
"""

from __future__ import annotations

import json
import select
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
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
#: a server that says nothing for so long does not run, and cannot know its own limits; must exceed the statement's
REPLY_S = 35.0
#: how long a new connection may take, and how long a thread waits until another one gives its connection back
CONNECT_S = 5
POOL_S = 15
#: Probes of an idle connection whose other machine vanished: after 30 s, each 10 s, three times. What was sent and is
#: not even acknowledged by that machine gives up in as long as a reply may take
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
#: how long a writer waits for SQLite's one write lock; above the longest transaction we make
SQLITE_BUSY_S = 30


class Database:
    """One connection pool. Threads share it; processes do not."""

    def __init__(self, url: str, *, pool_size: int = 10, name: str = "brandq", reply_s: float = REPLY_S) -> None:
        self.is_sqlite = url.startswith("sqlite")
        #: transactions that may be open at once; further threads wait for one of them
        self.pool_size = pool_size
        if self.is_sqlite:
            self._engine = _open_sqlite(url)
        else:
            self._engine = _open_postgres(url, pool_size, name, reply_s)
        # a statement that is a transaction by itself needs no BEGIN and no COMMIT, which would be two more round trips
        self._looking = self._engine if self.is_sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")

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

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """For a statement that reads, or several that need not see one moment. DatabaseNotReady as above."""
        with _said_plainly(), self._looking.connect() as db, db.begin():
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
        words = str(getattr(error, "orig", None) or error).strip()
        if isinstance(error, sa.exc.ProgrammingError) and not any(part in words for part in _OPERATORS_MATTER):
            raise
        first = _each_host(words) or words.partition("\n")[0] or error.__class__.__name__
        told = _told(getattr(error, "orig", None), words)
        if told is not None:
            raise DatabaseNotReady(f"{told} ({first})", told) from error
        step = next((step for part, step in _NEXT_STEPS.items() if part in words), None)
        lacks_tables = "no such table" in words or (
            isinstance(error, sa.exc.ProgrammingError) and "does not exist" in words
        )
        if step is None and lacks_tables:
            step = "run `brandq migrate`"
        raise DatabaseNotReady(
            f"the database does not answer as needed: {first}" + (f"; {step}" if step else "")
        ) from error


def _each_host(words: str) -> str:
    """Of the driver's words about several hosts, one line that has what was wrong with each; else nothing."""
    _, _, each = words.partition("Multiple connection attempts failed.")
    return ", ".join(
        line.removeprefix("- ").partition("connection failed: ")[2] or line.removeprefix("- ")
        for line in each.splitlines()
        if line.startswith("- ")
    )


#: of the driver's words for a statement that is wrong: those that are no fault of ours
_OPERATORS_MATTER = ("does not exist", "permission denied", "must be owner", "invalid connection option")
_NOT_ALLOWED = (
    "this role may not do that: migrate as the owner of the tables, and give the others their rights by "
    "deploy/postgres/roles.sql"
)
#: what the driver or the server says -> what to do about it; the first that fits
_NEXT_STEPS = {
    "certificate verify failed": "its certificate has expired, or is not signed by the authority that `sslrootcert` in "
    "BRANDQ_DATABASE_URL names: see docs/tls.md",
    "does not match host name": "use in BRANDQ_DATABASE_URL a host name that its certificate carries",
    "root certificate file": "have `sslrootcert` in BRANDQ_DATABASE_URL name the authority's certificate, or `system`",
    "does not support SSL": "switch TLS on in that server, see docs/tls.md",
    "no encryption": "that server wants TLS: add `sslmode=verify-full` to BRANDQ_DATABASE_URL, see docs/tls.md",
    "requires a valid client certificate": "name it by `sslcert` and `sslkey` in BRANDQ_DATABASE_URL",
    "session is read-only": "none of these servers takes writes: promote one, see docs/tls.md",
    "permission denied": _NOT_ALLOWED,
    "must be owner": _NOT_ALLOWED,
    "invalid connection option": "correct what stands behind `?` in BRANDQ_DATABASE_URL",
}
_FULL = "the database's disk is full, and nothing was stored: free space, then send it again"
_CROWDED = "the database takes no more connections: see docs/postgres.md, then send it again"
#: by SQLSTATE, and by SQLite's name of the error; the last one is that it cannot even make what readers need
_TOLD_OF = {"53300": _CROWDED, "53100": _FULL, "SQLITE_FULL": _FULL, "SQLITE_IOERR_SHMSIZE": _FULL}
#: a server that takes no connection says so in words only
_NO_CONNECTION = ("too many clients already", "too many connections for", "connection slots are reserved")


def _told(error: object, said: str) -> str | None:
    """What callers may be told of an error that they or the operator can do something about."""
    if any(words in said for words in _NO_CONNECTION):
        return _CROWDED
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    return None if code is None else _TOLD_OF.get(code)


def exists(url: str) -> bool:
    """False only for a SQLite file that is not there: opening it would make one."""
    path = sa.make_url(url).database if url.startswith("sqlite") else None
    return path is None or path == ":memory:" or Path(path).exists()


def as_json(value: Any) -> str:
    """JSON as it is stored and, of reports, sent: readable, without spaces; half a surrogate pair stays an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _open_postgres(url: str, pool_size: int, name: str, reply_s: float) -> sa.Engine:
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={2 * STATEMENT_TIMEOUT_MS} -c timezone=UTC"
    )
    engine = sa.create_engine(
        url,
        # an answer that the database does not take must not stand in the log instead
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_S,
        json_serializer=as_json,
        connect_args={
            "options": options,
            "application_name": name[:63],
            "connect_timeout": CONNECT_S,
            "tcp_user_timeout": round(reply_s * 1000),
            **KEEPALIVE,
        },
    )

    @event.listens_for(engine, "connect")
    def bound(connection: Any, _record: Any) -> None:
        _bound(connection, reply_s, engine.dialect.loaded_dbapi.OperationalError)

    @event.listens_for(engine, "checkout")
    def look(connection: Any, _record: Any, _fairy: Any) -> None:
        # A connection that the server closed is found out before it is used, not by the request that gets it. An idle
        # one has nothing to say but that, so its socket tells without a round trip
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            raise sa.exc.InvalidatePoolError

    return engine


def _bound(connection: Any, reply_s: float, error: Callable[[str], Exception]) -> None:
    """Have every wait for this connection's server end after ``reply_s``.

    The server's own timeouts end a statement that takes long. They do not end one of a server that was frozen with its
    machine still up: its kernel acknowledges what is sent, for ever.
    """
    wait = connection.wait

    def bounded(steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        ends_at = time.monotonic() + reply_s
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > ends_at:
                    # what becomes of the statement is not known, so nobody may use this connection again
                    connection.pgconn.finish()
                    raise error(f"no reply within {reply_s:g} seconds")
                wanted = steps.send(ready)
        except StopIteration as done:
            return done.value

    connection.wait = lambda steps, *arguments, **options: wait(bounded(steps), *arguments, **options)


def _open_sqlite(url: str) -> sa.Engine:
    path = sa.make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        json_serializer=as_json,
        connect_args={"timeout": SQLITE_BUSY_S, "check_same_thread": False},
    )

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
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > ends_at:
                raise
        time.sleep(0.02)
