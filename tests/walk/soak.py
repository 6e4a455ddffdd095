"""A soak: thirty executions while workers, broker, database and messages fail at random, by a seed that is printed first.

    make soak ARGS="--seed 7 --minutes 3"

Every fault is printed with its time, and at the end one JSON object. Exit 1 when a promise was broken: an execution that
did not end or ended wrong, a sample without its one outcome, a call that no attempt stands for, a broken invariant, a
process that died by itself. What shows it (logs, rows) is then kept, and the summary says where.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import dramatiq
import pika.exceptions
import psycopg
import sqlalchemy as sa

from brandq.actors.analyze import analyze
from brandq.actors.broker import open_broker
from brandq.actors.declare import message
from brandq.actors.fetch import fetch
from brandq.actors.report import report
from brandq.errors import DatabaseNotReady
from brandq.states import EXECUTION_FINAL
from brandq.store.migrating import migrate
from brandq.tables import attempts, engine_state, executions, samples
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.outcomes import account
from tests.walk.site import LEASE_S, Process, Reply, Site, call, servers, site
from tests.walk.stopping import ALL
from tests.walk.submitting import QUICK, STEADY, engines_file

EXECUTIONS, WORKERS, WEBS, CLOCKS = 30, 3, 2, 2
#: plans come in during this part of the time, so that faults hit executions of every age
SUBMITTING = 0.7
#: faults come so many seconds apart
FAULT_EVERY_S = (2.0, 6.0)
#: and the assistants' own
TROUBLE_EVERY_S = (5.0, 12.0)
#: sentences about what is wrong that the summary repeats; the evidence holds all
MOST_WRONG = 40
#: from the last fault until all must have ended: leases, ticks, waits between attempts, an engine that was paused
CALM_S = 300
#: a worker that is told to stop has its grace, and some seconds to hand back
STOP_S = 45
#: what a broker or a database that is being restarted may answer with
DOWN = (
    OSError,
    urllib.error.URLError,
    pika.exceptions.AMQPError,
    dramatiq.DramatiqError,
    psycopg.Error,
    DatabaseNotReady,
)


class Soak:
    """The installation, what was promised to its callers, and what is still to happen."""

    def __init__(
        self, seed: int, minutes: float, running: Site, postgres: PostgresServer, rabbitmq: RabbitmqServer
    ) -> None:
        self.chance = random.Random(seed)
        self.site, self.postgres, self.rabbitmq = running, postgres, rabbitmq
        self.began = time.monotonic()
        self.ends_at = self.began + minutes * 60
        self.wrong: list[str] = []
        self.did: Counter[str] = Counter()
        self.accepted: set[str] = set()
        self.urls: list[str] = []
        self.workers: list[Process] = []
        self.stopping: list[tuple[Process, float]] = []
        self.steady: list[Process] = []
        self.paused: set[str] = set()
        self.down: set[str] = set()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._deck: list[str] = []
        self._callers = ThreadPoolExecutor(8)
        self._asking: list[Future[None]] = []

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:7.1f} s  {what}", flush=True)

    def later(self, wait_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + wait_s, next(self._numbers), act))

    # -- the time

    def see_through(self) -> None:
        for _ in range(WEBS):
            self.urls.append(self.site.web())
        self.steady = [*self.site.processes, *(self.site.start("clock") for _ in range(CLOCKS))]
        self.workers = [self.site.worker(*ALL) for _ in range(WORKERS)]
        self.say(f"{WEBS} web, {WORKERS} workers and {CLOCKS} clocks are up")
        seconds = self.ends_at - time.monotonic()
        for number in range(EXECUTIONS):
            self.later(self.chance.uniform(0, seconds * SUBMITTING), self._submission(number))
        self.later(self.chance.uniform(*FAULT_EVERY_S), self._fault)
        self.later(2, self._trouble)
        while time.monotonic() < self.ends_at:
            self._turn()
        self._calm()

    def _turn(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        self._look_after()
        time.sleep(0.05)

    def _look_after(self) -> None:
        """A process that was up must not die by itself; one that met an outage while starting is started again."""
        for process in [*self.steady, *self.workers]:
            if process.alive:
                continue
            if process in self.workers and not process.wrote("serves"):
                if "postgres" not in self.down:
                    self.workers.remove(process)
                    self.did["worker started again"] += 1
                    self._hire()
                continue
            self.wrong.append(f"{process.name} ended by itself with {process.popen.returncode}")
            (self.steady if process in self.steady else self.workers).remove(process)
        for process, by in list(self.stopping):
            code = process.popen.poll()
            if code is None and time.monotonic() < by:
                continue
            self.stopping.remove((process, by))
            if code != 0:
                self.wrong.append(
                    f"{process.name} was told to stop and {'did not' if code is None else f'gave {code}'}"
                )

    def _calm(self) -> None:
        self.say("no more faults")
        ends_at = time.monotonic() + CALM_S
        while time.monotonic() < ends_at:
            self._turn()
            busy = self.down or self.paused or self.stopping or not all(asked.done() for asked in self._asking)
            if not (busy or self._due):
                self.site.tick()
                if not self._open():
                    break
            time.sleep(1)
        else:
            self.wrong.append(f"not ended {CALM_S} s after the last fault: {sorted(self._open())}")
        self._callers.shutdown()
        self.say("all ended" if not self._open() else "something did not end")
        # no message may bring to life what has ended
        self.stopping = [(one, time.monotonic() + STOP_S) for one in [*self.workers, *self.steady]]
        for process, _ in self.stopping:
            process.popen.send_signal(signal.SIGTERM)
        self.workers, self.steady = [], []

        def stopped() -> bool:
            self._look_after()
            return not self.stopping

        wait_until(stopped, STOP_S + 20, "every process to stop")

    def _open(self) -> set[str]:
        with self.site.database.read() as db:
            still_open = sa.select(executions.c.execution_id).where(executions.c.status.not_in(EXECUTION_FINAL))
            return set(db.execute(still_open).scalars())

    # -- callers

    def _submission(self, number: int) -> Callable[[], None]:
        chance = random.Random(self.chance.random())
        body = {
            "brands": ["趣车良品", "竞品 1"],
            "prompts": [f"深圳哪家改装门店最好？（{number}.{n}）" for n in range(chance.randint(1, 4))],
            "engines": ["quick", "steady"],
            "repeats": chance.randint(2, 6),
            "priority": chance.randint(0, 9),
        }
        twice = chance.random() < 0.3
        cancel_in = chance.uniform(0, 12) if chance.random() < 0.25 else None
        retried = cancel_in is not None or chance.random() < 0.3
        headers = {"Idempotency-Key": f"soak {number}"} if twice or chance.random() < 0.5 else {}

        def submit() -> None:
            ids = {self._told(chance, "/api/executions", body, headers).body["execution_id"] for _ in range(1 + twice)}
            self.accepted |= ids
            self.did["submitted"] += 1
            if len(ids) != 1:
                self.wrong.append(f"one key gave the executions {sorted(ids)}")
            for execution_id in ids:
                if cancel_in is not None:
                    self.later(cancel_in, self._asked(partial(self._cancel, chance, execution_id)))
                if retried:
                    self.later(5, self._asked(partial(self._retry, chance, execution_id)))

        return self._asked(submit)

    def _asked(self, act: Callable[[], None]) -> Callable[[], None]:
        """Done by one of the callers, who may have to wait, and must not hold up the faults."""

        def watched() -> None:
            try:
                act()
            except Exception as error:
                self.wrong.append(f"a caller got {type(error).__name__}: {error}")
                raise

        return lambda: self._asking.append(self._callers.submit(watched))

    def _told(
        self, chance: random.Random, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """The reply, once the database is there to give one; whoever is told 503 comes again."""
        for _ in range(120):
            reply = call("POST", chance.choice(self.urls) + path, body, headers)
            if reply.status != 503:
                break
            self.did["told 503"] += 1
            time.sleep(0.5)
        if reply.status not in (200, 202, 409):
            raise AssertionError(f"{path} gave {reply.status}: {reply.body}")
        return reply

    def _cancel(self, chance: random.Random, execution_id: str) -> None:
        told = self._told(chance, f"/api/executions/{execution_id}/cancel")
        self.did[f"cancel told {told.status}"] += 1

    def _retry(self, chance: random.Random, execution_id: str) -> None:
        try:
            ended = execution_id not in self._open()
        except DatabaseNotReady:
            ended = False
        if not ended:
            self.later(2, self._asked(partial(self._retry, chance, execution_id)))
            return
        told = self._told(chance, f"/api/executions/{execution_id}/retry")
        self.did[f"retry told {told.status}"] += 1
        if told.status == 202:
            self.accepted.add(told.body["execution_id"])

    def _trouble(self) -> None:
        """An assistant has trouble of its own, once; more at a time would have it asked once a minute."""
        model = self.chance.choice((QUICK, STEADY))
        fault = self.chance.choice(("503", "429-retry-after:1", "500", "cut-body", "drip"))
        if not self.site.faults(model):
            self.site.faults(model, fault)
            self.did["assistant in trouble"] += 1
        if time.monotonic() + TROUBLE_EVERY_S[1] < self.ends_at:
            self.later(self.chance.uniform(*TROUBLE_EVERY_S), self._trouble)

    # -- faults

    def _fault(self) -> None:
        if not self._deck:
            # each kind once before any comes again
            self._deck = self.chance.sample(list(FAULTS), len(FAULTS))
        name = self._deck.pop()
        try:
            what = FAULTS[name](self)
        except DOWN as error:
            self.say(f"{name} met an outage: {type(error).__name__}")
            what = None
        self.did[name if what else f"{name}, skipped"] += 1
        if what:
            self.say(f"{name}: {what}")
        if time.monotonic() + FAULT_EVERY_S[1] < self.ends_at:
            self.later(self.chance.uniform(*FAULT_EVERY_S), self._fault)

    def _hire(self) -> None:
        if "postgres" in self.down:
            self.later(1, self._hire)
            return
        self.workers.append(self.site.start("work", "--queues", ",".join(ALL)))

    def _victim(self) -> Process | None:
        able = [one for one in self.workers if one.alive and one.name not in self.paused and one.wrote("serves")]
        return self.chance.choice(able) if able else None

    def kill_worker(self) -> str | None:
        if (victim := self._victim()) is None:
            return None
        victim.kill()
        self.workers.remove(victim)
        self._hire()
        return victim.name

    def stop_worker(self) -> str | None:
        if (victim := self._victim()) is None:
            return None
        victim.popen.send_signal(signal.SIGTERM)
        self.workers.remove(victim)
        self.stopping.append((victim, time.monotonic() + STOP_S))
        self._hire()
        return victim.name

    def pause_worker(self) -> str | None:
        if (victim := self._victim()) is None:
            return None
        victim.pause()
        self.paused.add(victim.name)
        seconds = LEASE_S + self.chance.uniform(0.5, 4)

        def resume() -> None:
            victim.resume()
            # a signal that comes in the same breath may be missed; that has a test of its own
            self.later(2, lambda: self.paused.discard(victim.name))

        self.later(seconds, resume)
        return f"{victim.name} for {seconds:.1f} s"

    def _outage(self, what: str, seconds: float, begin: Callable[[], None], end: Callable[[], None]) -> str | None:
        if what in self.down:
            return None
        self.down.add(what)
        begin()

        def over() -> None:
            end()
            self.down.discard(what)

        self.later(seconds, over)
        return f"for {seconds:.1f} s"

    def kill_broker(self) -> str | None:
        return self._outage("rabbitmq", self.chance.uniform(0, 4), self.rabbitmq.kill, self.rabbitmq.start)

    def restart_broker(self) -> str | None:
        return self._outage("rabbitmq", 0, self.rabbitmq.stop, self.rabbitmq.start)

    def pause_broker(self) -> str | None:
        return self._outage("rabbitmq", self.chance.uniform(1, 6), self.rabbitmq.pause, self.rabbitmq.resume)

    def restart_postgres(self) -> str | None:
        return self._outage("postgres", self.chance.uniform(0, 3), self.postgres.stop, self.postgres.start)

    def crash_postgres(self) -> str | None:
        return self._outage("postgres", self.chance.uniform(0, 3), self.postgres.crash, self.postgres.start)

    def purge(self) -> str | None:
        if "rabbitmq" in self.down:
            return None
        self.rabbitmq.purge_all(self.site.vhost)
        return "every queue"

    def duplicate(self) -> str | None:
        """Everything that is open is sent once more, whether its message waits, is being worked on or is done."""
        if self.down:
            return None
        with self.site.database.read() as db:
            theirs: dict[str, list[int]] = {}
            for execution_id, sample_id in db.execute(sa.select(samples.c.execution_id, samples.c.sample_id)):
                theirs.setdefault(execution_id, []).append(sample_id)
        broker = open_broker(self.site.broker_url, role="test", threads=1, grace_s=0)
        try:
            for execution_id, ids in theirs.items():
                for copy in (
                    message(fetch, ids[:32]),
                    message(analyze, execution_id, ids),
                    message(report, execution_id),
                ):
                    broker.enqueue(copy)
        finally:
            broker.close()
        return f"{len(theirs)} executions"

    def double_tick(self) -> str | None:
        if "rabbitmq" in self.down:
            return None
        with ThreadPoolExecutor(2) as pool:
            for ticking in [pool.submit(self.site.tick) for _ in range(2)]:
                ticking.result()
        return "at once"

    # -- the end

    def summary(self) -> dict[str, Any]:
        with self.site.database.read() as db:
            ids = set(db.execute(sa.select(executions.c.execution_id)).scalars())
        made = account(self.site, sorted(ids))
        if missing := self.accepted - ids:
            self.wrong.append(f"accepted, and not there: {sorted(missing)}")
        if self.did["submitted"] != EXECUTIONS:
            self.wrong.append(f"{self.did['submitted']} of {EXECUTIONS} plans were accepted")
        found = made.to_json()
        wrong = self.wrong + found["wrong"]
        return {**found, "did": dict(sorted(self.did.items())), "wrongs": len(wrong), "wrong": wrong[:MOST_WRONG]}


#: every kind of fault by name; each gives in words what it did, None where it could not
FAULTS: dict[str, Callable[[Soak], str | None]] = {
    "kill -9 of a worker": Soak.kill_worker,
    "SIGTERM to a worker": Soak.stop_worker,
    "SIGSTOP of a worker": Soak.pause_worker,
    "kill -9 of the broker": Soak.kill_broker,
    "restart of the broker": Soak.restart_broker,
    "SIGSTOP of the broker": Soak.pause_broker,
    "restart of Postgres": Soak.restart_postgres,
    "crash of Postgres": Soak.crash_postgres,
    "purge": Soak.purge,
    "every message once more": Soak.duplicate,
    "two ticks": Soak.double_tick,
}


def _keep_evidence(soak: Soak, folder: Path) -> None:
    for name, server in (("postgres", soak.postgres), ("rabbitmq", soak.rabbitmq)):
        shutil.copy(server.log, folder / f"{name}.log")
    with soak.site.database.read() as db:
        for table in (executions, samples, attempts, engine_state):
            rows = [dict(row._mapping) for row in db.execute(sa.select(table))]
            text = json.dumps(rows, default=str, ensure_ascii=False, indent=1)
            (folder / f"{table.name}.json").write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description="Random faults during thirty executions.")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10_000), help="of all that is random"
    )
    parser.add_argument("--minutes", type=float, default=3.0, help="how long faults come")
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}, {wanted.minutes:g} minutes", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="brandq-soak-"))
    engines = folder / "engines.toml"
    more = {"BRANDQ_ENGINES_FILE": str(engines), "BRANDQ_SIMULATE": "off"}
    with servers() as (postgres, rabbitmq):
        database_url = postgres.create_database("soak")
        migrate(database_url)
        with site(folder, database_url, rabbitmq.create_vhost("soak"), latency_ms=2000, **more) as running:
            engines.write_text(engines_file(running.simulator.url), encoding="utf-8")
            soak = Soak(wanted.seed, wanted.minutes, running, postgres, rabbitmq)
            soak.see_through()
            summary = {"seed": wanted.seed, "minutes": wanted.minutes, **soak.summary()}
            if summary["wrong"]:
                _keep_evidence(soak, folder)
                summary["evidence"] = str(folder)
    if not summary["wrong"]:
        shutil.rmtree(folder)
    print(json.dumps(summary, ensure_ascii=False))
    return 1 if summary["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
