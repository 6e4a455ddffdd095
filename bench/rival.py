"""Celery beside ours: its workers started, its queue filled, its answers counted, on the same servers."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.installation import ROOT, START_S, Child, Meter, Servers, connect, family
from tests.waiting import wait_until

#: `make bench` installs Celery there; its packages never come into the environment of brandq
PYTHON = Path(os.environ.get("BENCH_PYTHON", ROOT / "build/bench-venv/bin/python"))
TABLE = (
    "CREATE TABLE rival_answers (answer_id bigserial PRIMARY KEY, sample_id uuid NOT NULL, prompt text NOT NULL, "
    "model text NOT NULL, text text NOT NULL, tokens_in int, tokens_out int, raw bytea NOT NULL, "
    "created_at timestamptz NOT NULL DEFAULT now())"
)


@dataclass
class Rival:
    """One Celery worker on a queue of its own."""

    name: str
    child: Child
    database: psycopg.Connection[Any]
    environment: dict[str, str]

    def send(self, count: int) -> None:
        """Put calls into the queue; what that costs is counted for nobody."""
        subprocess.run([PYTHON, ROOT / "bench/celery_app.py", str(count)], env=self.environment, check=True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The worker stands still, so that the queue fills without it."""
        for signum in (signal.SIGSTOP, signal.SIGCONT):
            for member in family(self.child.pid):
                os.kill(member, signum)
            if signum == signal.SIGSTOP:
                yield

    def answers(self) -> int:
        found = self.database.execute("SELECT count(*) FROM rival_answers").fetchone()
        assert found is not None
        return int(found[0])

    def wait_answers(self, count: int, timeout_s: float) -> None:
        def look() -> bool:
            self.child.check()
            return self.answers() >= count

        wait_until(look, timeout_s, f"Celery ({self.name}) to store {count} answers", every_s=0.05)


@contextmanager
def rival(
    given: Servers, folder: Path, pool: str, concurrency: int, *, latency_ms: int, prefetch: int = 4
) -> Iterator[Rival]:
    """A Celery worker that is connected and idle, its pool warm."""
    if not PYTHON.exists():
        raise SystemExit(f"there is no {PYTHON}: `make bench` installs Celery there")
    database_url, broker_url = given.room()
    parts = urlsplit(database_url)
    name = f"{pool} {concurrency}"
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT / "bench"),
        "RIVAL_BROKER_URL": broker_url,
        "RIVAL_DATABASE": f"postgresql://{parts.username}@127.0.0.1:{parts.port}{parts.path}",
        "RIVAL_URL": given.assistant.url(latency_ms),
        "RIVAL_PREFETCH": str(prefetch),
    }
    log = folder / f"celery-{name.replace(' ', '-')}-{time.monotonic_ns()}.log"
    command = [PYTHON, "-m", "celery", "-A", "celery_app", "worker", "-P", pool, "-c", str(concurrency)]
    command += ["-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat", "-Q", "rival"]
    with connect(database_url) as database:
        database.execute(TABLE)
        with log.open("wb") as out:
            popen = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        child = Child("celery", popen, log)
        try:
            made = Rival(name, child, database, environment)
            made.send(4 * concurrency)
            made.wait_answers(4 * concurrency, START_S)
            yield made
        finally:
            child.end()


def saturated(
    given: Servers, folder: Path, pool: str, concurrency: int, count: int, prefetch: int, rounds: int
) -> Iterator[Meter]:
    """What so many calls cost the worker when the assistant answers at once and the queue is full before it begins."""
    with rival(given, folder, pool, concurrency, latency_ms=0, prefetch=prefetch) as worker:
        for _ in range(rounds):
            there = worker.answers()
            with worker.paused():
                worker.send(count)
            meter = Meter(worker.child.pid)
            worker.wait_answers(there + count, 60)
            yield meter.stop()
