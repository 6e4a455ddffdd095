"""A rolling upgrade, rehearsed: two versions side by side on one database and one broker, while executions come in.

    python -m tests.walk.upgrade --previous REVISION             from that revision of this repository to what stands here
    python -m tests.walk.upgrade --previous HEAD --migration     the version to come has one more migration, which expands

The order is that of docs/upgrading.md: migrate, workers, API, clock. Each step is printed with its time, and at the end one
JSON object. Exit 1 when a promise was broken: an execution that did not end or ended wrong, a sample without its one
outcome, a call that no attempt stands for, a dead letter, a broken invariant, a process that did not start or stop as it
should. What shows it (logs, rows) is then kept, and the summary says where.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pika
import sqlalchemy as sa

from brandq import store
from brandq.actors.declare import QUEUES
from brandq.tables import attempts, executions, samples
from tests.house_rules import ROOT
from tests.ports import free_port
from tests.waiting import wait_until
from tests.walk.outcomes import account
from tests.walk.site import START_S, Process, Site, call, servers, site
from tests.walk.stopping import ALL
from tests.walk.submitting import engines_file

#: between two plans; an execution takes about three seconds, so that every step meets some of every age
EVERY_S = 0.7
#: how long both versions stand side by side in each step
STEP_S = 6.0
LATENCY_MS = 1_200
#: a worker that is told to stop has its grace, and some seconds to hand back
STOP_S = 45
END_S = 120

_MIGRATION = '''"""Planted: something new, which the version before does not miss.

Revision ID: {revision}
Revises: {before}
"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
breaks = None


def upgrade() -> None:
    op.create_table("planted", sa.Column("number", sa.Integer(), nullable=False))
    op.add_column("executions", sa.Column("planted", sa.String(20), nullable=True))


def downgrade() -> None:
    op.drop_column("executions", "planted")
    op.drop_table("planted")
'''


class Version:
    """A version's code in a folder of its own, for the interpreter and the packages of this process."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.pids: set[str] = set()

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder / "src")}


def _unpack(revision: str, folder: Path) -> None:
    """The source of a revision. As an archive, so that nothing is noted in the repository that would have to be undone."""
    packed = subprocess.run(
        ["git", "archive", revision, "src", "migrations"], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _copy(folder: Path) -> None:
    for name in ("src", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def _plant(folder: Path) -> str:
    before = store.newest_revision()
    text = _MIGRATION.format(revision=(revision := f"{before}_next"), before=before)
    (folder / "migrations/versions/planted.py").write_text(text, encoding="utf-8")
    return revision


class Upgrade:
    """The installation, its two versions, and who posts to it meanwhile."""

    def __init__(self, running: Site, old: Version, new: Version) -> None:
        self.site, self.old, self.new = running, old, new
        self.began = time.monotonic()
        self.wrong: list[str] = []
        self.accepted: list[str] = []
        self.refused: Counter[str] = Counter()
        self.urls: list[str] = []
        self._enough = threading.Event()
        self._poster = threading.Thread(target=self._post, name="poster", daemon=True)
        self._numbers = itertools.count(1)

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {what}  ({len(self.accepted)} accepted)", flush=True)

    # -- processes of a version

    def start(self, version: Version, *command: str, **environment: str) -> Process:
        process = self.site.start(*command, **version.environment, **environment)
        process.name = f"{version.name} {process.name}"
        version.pids.add(str(process.popen.pid))
        return process

    def worker(self, version: Version) -> Process:
        started = self.start(version, "work", "--queues", ",".join(ALL))
        wait_until(lambda: started.wrote("serves") or not started.alive, START_S, f"{started.name} to serve")
        self._need(started.alive, f"{started.name} did not start: {_last_line(started)}")
        return started

    def web(self, version: Version) -> tuple[Process, str]:
        port = free_port()
        started = self.start(version, "web", "--port", str(port))
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(url) or not started.alive, START_S, f"{started.name} to answer")
        self._need(started.alive, f"{started.name} did not start: {_last_line(started)}")
        return started, url

    def once(self, version: Version, *command: str) -> None:
        """A command that ends by itself, and well."""
        process = self.start(version, *command)
        process.popen.wait(120)
        self._need(
            process.popen.returncode == 0, f"{process.name} gave {process.popen.returncode}: {_last_line(process)}"
        )
        self.say(f"{process.name}: {_last_line(process)}")

    def retire(self, process: Process) -> None:
        """SIGTERM, as Kubernetes and compose do."""
        self._expect(process.alive, f"{process.name} had ended by itself: {_last_line(process)}")
        if process.alive:
            code = process.stop(STOP_S)
            self._expect(code == 0, f"{process.name} was told to stop and gave {code}")
        self.say(f"{process.name} has stopped")

    def _expect(self, right: bool, otherwise: str) -> None:
        if not right:
            self.wrong.append(otherwise)
            self.say(f"WRONG: {otherwise}")

    @staticmethod
    def _need(right: bool, otherwise: str) -> None:
        """Without it there is nothing more to rehearse."""
        if not right:
            raise AssertionError(otherwise)

    # -- callers

    def _post(self) -> None:
        while not self._enough.wait(EVERY_S):
            number = next(self._numbers)
            body = {
                "brands": ["趣车良品", "竞品 1"],
                "prompts": [f"深圳哪家改装门店最好？（{number}.{n}）" for n in range(2)],
                "engines": ["quick", "steady"],
                "repeats": 2,
                "priority": number % 10,
            }
            url = self.urls[number % len(self.urls)]
            try:
                reply = call("POST", f"{url}/api/executions", body)
            except OSError as error:
                # whoever balances the load has taken it out by then
                self.refused[type(error).__name__] += 1
                continue
            if reply.status == 202:
                self.accepted.append(reply.body["execution_id"])
            else:
                self.refused[str(reply.status)] += 1

    # -- the order of docs/upgrading.md

    def see_through(self) -> None:
        self.once(self.old, "migrate")
        first, second = self.worker(self.old), self.worker(self.old)
        (web, url), clock = self.web(self.old), self.start(self.old, "clock")
        self.urls = [url]
        self._poster.start()
        self.say(f"{self.old.name}: two workers, a web and a clock")
        time.sleep(STEP_S)

        self.once(self.new, "migrate")
        self.once(self.new, "migrate", "--wait", "30")
        time.sleep(STEP_S)

        newer = [self.worker(self.new)]
        self.say("a worker of the new version beside two of the old")
        time.sleep(STEP_S)
        self.retire(first)
        first = self.worker(self.old)
        self.say(f"{first.name} was started again on the migrated database")
        newer.append(self.worker(self.new))
        time.sleep(STEP_S)
        self.retire(first)
        self.retire(second)
        self.say("workers are of the new version, web and clock still of the old")
        time.sleep(STEP_S)

        newer_web, newer_url = self.web(self.new)
        self.urls = [url, newer_url]
        self.say("both webs are posted to")
        time.sleep(STEP_S)
        self.urls = [newer_url]
        time.sleep(1)  # the last post to the old one has its reply
        self.retire(web)
        self.retire(clock)
        newer_clock = self.start(self.new, "clock")
        self.say("everything is of the new version")
        time.sleep(STEP_S)
        self._enough.set()
        self._poster.join()
        self.site.ended(self.accepted, END_S)
        self.say("all executions have ended")
        for process in (*newer, newer_web, newer_clock):
            self.retire(process)

    def summary(self) -> dict[str, Any]:
        made = account(self.site, self.accepted)
        with self.site.database.read() as db:
            by_worker: Counter[str] = Counter(db.execute(sa.select(attempts.c.worker)).scalars())
        by_version = {
            version.name: sum(n for worker, n in by_worker.items() if worker.rpartition(":")[2] in version.pids)
            for version in (self.old, self.new)
        }
        for name, paid in by_version.items():
            self._expect(paid > 0, f"{name} asked nothing, so nothing was mixed")
        self._expect(not self.refused, f"plans were refused: {dict(self.refused)}")
        dead = {queue: n for queue in QUEUES if (n := _ready(self.site.broker_url, f"{queue}.XQ"))}
        self._expect(not dead, f"dead letters: {dead}")
        found = made.to_json()
        wrong = self.wrong + found["wrong"]
        return {**found, "attempts_by_version": by_version, "dead_letters": dead, "wrong": wrong}


def _ready(broker_url: str, queue: str) -> int:
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        try:
            return int(connection.channel().queue_declare(queue, passive=True).method.message_count)
        except pika.exceptions.ChannelClosedByBroker:
            return 0


def _answers(url: str) -> bool:
    try:
        return call("GET", f"{url}/readyz").status == 200
    except OSError:
        return False


def _last_line(process: Process) -> str:
    lines = process.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _keep_evidence(running: Site, folder: Path) -> None:
    with running.database.read() as db:
        for table in (executions, samples, attempts):
            rows = [dict(row._mapping) for row in db.execute(sa.select(table))]
            text = json.dumps(rows, default=str, ensure_ascii=False, indent=1)
            (folder / f"{table.name}.json").write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.walk.upgrade", description="A rolling upgrade while executions come."
    )
    parser.add_argument("--previous", required=True, metavar="REVISION", help="of this repository: where it comes from")
    parser.add_argument(
        "--migration", action="store_true", help="the new version has one more migration, which expands"
    )
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="brandq-upgrade-"))
    old, new = Version("old", folder / "old"), Version("new", folder / "new")
    _unpack(wanted.previous, old.folder)
    _copy(new.folder)
    planted = _plant(new.folder) if wanted.migration else None
    print(f"from {wanted.previous} to what stands here{f' and migration {planted}' if planted else ''}", flush=True)
    engines = folder / "engines.toml"
    more = {"BRANDQ_ENGINES_FILE": str(engines), "BRANDQ_SIMULATE": "off", "BRANDQ_THREADS": "24"}
    with servers() as (postgres, rabbitmq):
        database_url = postgres.create_database("upgrade")
        broker_url = rabbitmq.create_vhost("upgrade")
        with site(folder, database_url, broker_url, latency_ms=LATENCY_MS, **more) as running:
            engines.write_text(engines_file(running.simulator.url), encoding="utf-8")
            upgrade = Upgrade(running, old, new)
            upgrade.see_through()
            summary = {"previous": wanted.previous, "migration": planted, **upgrade.summary()}
            if summary["wrong"]:
                _keep_evidence(running, folder)
                summary["evidence"] = str(folder)
    if not summary["wrong"]:
        shutil.rmtree(folder)
    print(json.dumps(summary, ensure_ascii=False))
    return 1 if summary["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
