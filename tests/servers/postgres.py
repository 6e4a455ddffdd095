"""A private PostgreSQL, which a test may crash and start again on the same folder."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.ports import free_port
from tests.servers.guard import Guard
from tests.servers.missing import ServerMissing

_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    # the machine does not lose power in a test; a crash of the server alone still finds all it committed
    "fsync": "off",
    "full_page_writes": "off",
}


def _programs() -> Path | None:
    """The folder that holds initdb and pg_ctl, of the newest version there is."""
    found = [Path(path) for pattern in _FOLDERS for path in glob.glob(pattern) if (Path(path) / "initdb").exists()]
    if found:
        return max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))])
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class PostgresServer:
    """One server. Nothing runs before ``start``; ``close`` removes every trace of it. ``options`` go over ours."""

    def __init__(self, **options: str) -> None:
        self.options = {**_OPTIONS, **options}
        programs = _programs()
        if programs is None:
            raise ServerMissing("this test starts a private PostgreSQL: install the package postgresql")
        self._programs = programs
        self.port = free_port()
        self._as_user: dict[str, Any] = {}
        root = os.geteuid() == 0
        # PostgreSQL refuses root. Another user can reach a folder in /tmp, but seldom one below root's own TMPDIR.
        self.folder = Path(tempfile.mkdtemp(prefix="brandq-postgres-", dir="/tmp" if root else None))
        if root:
            user = _unprivileged()
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._guard = Guard(self.folder, self.folder / "data" / "postmaster.pid")

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def running(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            self._connect().close()
            return True
        return False

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://brandq@127.0.0.1:{self.port}/{database}"

    def keep(self, name: str, content: bytes) -> Path:
        """A file in its folder that only its user may read, such as the key of its certificate."""
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        if self._as_user:
            os.chown(path, self._as_user["user"], self._as_user["group"])
        return path

    def program(self, name: str) -> str:
        """The path of a program of its version, such as pg_dump."""
        return str(self._programs / name)

    def follow(self, other: PostgresServer) -> None:
        """Become a copy of a server that runs, which receives what is committed there. ``start`` comes after this."""
        self._call(
            "pg_basebackup",
            "-D",
            str(self.folder / "data"),
            "-R",
            "-c",
            "fast",
            "-d",
            other.url("").replace("+psycopg", ""),
        )

    def reload(self) -> None:
        """Have it read its files again."""
        self._call("pg_ctl", "-D", str(self.folder / "data"), "reload")

    def promote(self) -> None:
        """No copy any more: it takes writes."""
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-w", "promote")

    def start(self) -> None:
        """Starts it, or starts it again on the data it had; returns once it takes connections."""
        data = self.folder / "data"
        if not data.exists():
            self._call(
                "initdb", "-D", str(data), "-U", "brandq", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync"
            )
        elif self.running:
            return
        options = " ".join(f"-c {name}='{value}'" for name, value in {"port": self.port, **self.options}.items())
        self._call("pg_ctl", "-D", str(data), "-w", "-t", "60", "-o", options, "-l", str(self.log), "start")

    def wait_ready(self) -> None:
        """The same as ``start`` for a server that runs: it is ready when ``start`` returns."""
        if not self.running:
            raise AssertionError(f"PostgreSQL on port {self.port} takes no connections (its log: {self.log})")

    def crash(self) -> None:
        """Ends it at once without a checkpoint; every connection breaks and the next start recovers."""
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def stop(self) -> None:
        """Stops it in order; connections are cut."""
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "fast", "stop")

    def freeze(self) -> None:
        """Stops its processes where they are: connections stay, and nobody answers on them."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        first = int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        # the first one before its children, so that it does not see them stop and make new ones meanwhile
        os.kill(first, number)
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=False
        )
        for child in children.stdout.split():
            os.kill(int(child), number)

    def close(self) -> None:
        """Ends it at once and removes its folder."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.crash()
        self._guard.dismiss()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str, template: str | None = None, *, on: Path | None = None) -> str:
        """Makes a database, empty or a copy of ``template`` (about 15 ms), and gives its URL. ``on``: a folder for it."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        with self._connect() as connection:
            if on is not None:
                own = on / "tables"
                own.mkdir()
                if self._as_user:
                    os.chown(own, self._as_user["user"], self._as_user["group"])
                connection.execute(
                    sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(str(own)))
                )
                statement += sql.SQL(" TABLESPACE {}").format(sql.Identifier(name))
            connection.execute(statement)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drops it, cutting whoever is still connected."""
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP TABLESPACE IF EXISTS {}").format(sql.Identifier(name)))

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="brandq", dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _call(self, program: str, *arguments: str) -> None:
        with (self.folder / "calls").open("ab") as calls:  # a pipe would stay open as long as the server runs
            done = subprocess.run(
                [str(self._programs / program), *arguments],
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=calls,
                stderr=calls,
                start_new_session=True,  # Ctrl-C reaches the tests, which then stop it in order
                check=False,
                **self._as_user,
            )
        if done.returncode:
            said = "\n".join(path.read_text()[-2000:] for path in (self.folder / "calls", self.log) if path.exists())
            raise AssertionError(f"{program} failed with {done.returncode}; it said:\n{said}")


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerMissing("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody")
