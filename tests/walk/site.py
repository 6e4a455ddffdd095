"""A whole installation for one test: real processes of `brandq`, on private servers, against a simulator that counts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import pika

from brandq import store
from brandq.actors.broker import open_broker
from brandq.actors.declare import message
from brandq.actors.upkeep import tick
from brandq.simulator import Simulator
from tests.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

#: a process imports brandq and connects in about two seconds; a busy machine may take longer
START_S = 40
#: kept short, so that what a killed worker held comes back within the test
LEASE_S = 4


def plan(**fields: Any) -> dict[str, Any]:
    """A plan of 2 prompts × 2 engines × 5 repeats = 20 samples."""
    return {
        "brands": ["趣车良品", "竞品 1"],
        "prompts": ["深圳新能源汽车改装门店哪家好？", "Which EV tuning shop in Shenzhen is the best?"],
        "engines": ["doubao", "qwen"],
        "repeats": 5,
        **fields,
    }


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: Any


def call(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Reply:
    """One HTTP request; whatever status comes back is a reply."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None:
        asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=30) as reply:
            status, sent, found = reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        status, sent, found = error.code, error.headers, error.read()
    is_json = "json" in sent.get("Content-Type", "")
    return Reply(status, {name.lower(): value for name, value in sent.items()}, json.loads(found) if is_json else found)


@dataclass
class Process:
    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def stop(self, timeout_s: float = 30) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(timeout_s)

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and does nothing, until ``resume``; returns once it stands still."""
        self.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    def wrote(self, words: str) -> bool:
        return words in self.log.read_text(encoding="utf-8", errors="replace")


@dataclass
class Site:
    """Settings shared by the processes, and the processes. Leaving it ends them all."""

    environment: dict[str, str]
    folder: Path
    database_url: str
    broker_url: str
    simulator: Simulator
    processes: list[Process] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Site:
        self.database = store.Database(self.database_url, name="test")
        self._stack.callback(self.database.dispose)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for process in self.processes:
            if process.alive:
                process.kill()
        self._stack.close()
        if error is not None:
            for process in self.processes:
                tail = process.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                print(f"--- {process.name}", *tail, sep="\n")

    def start(self, *command: str, ready: str | None = None, **environment: str) -> Process:
        name = f"{len(self.processes)}-{command[0]}"
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, "-m", "brandq", *command],
                env={**self.environment, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        process = Process(name, popen, log)
        self.processes.append(process)
        if ready is not None:
            wait_until(lambda: process.wrote(ready) or not process.alive, START_S, f"{name} to say {ready!r}")
            assert process.alive, log.read_text()
        return process

    def web(self, **environment: str) -> str:
        """One more API process; its address."""
        url = f"http://127.0.0.1:{(port := free_port())}"
        process = self.start("web", "--port", str(port), **environment)
        wait_until(lambda: _answers(f"{url}/healthz") or not process.alive, START_S, f"{url} to answer")
        assert process.alive, process.log.read_text()
        return url

    def worker(self, *queues: str, **environment: str) -> Process:
        return self.start("work", "--queues", ",".join(queues), ready="serves", **environment)

    def tick(self) -> None:
        """Have every sweep run now, instead of at the next full minute."""
        broker = open_broker(self.broker_url, role="test", threads=1, grace_s=0)
        try:
            broker.enqueue(message(tick))
        finally:
            broker.close()

    def ended(self, execution_ids: Sequence[str], timeout_s: float, *, ticking: bool = True) -> dict[str, str]:
        """Wait until all of them have ended; their statuses."""

        def statuses() -> dict[str, str] | None:
            if ticking:
                self.tick()
            with self.database.read() as db:
                found = {one: store.execution(db, one) for one in execution_ids}
            return {one: it.status for one, it in found.items()} if all(it.ended for it in found.values()) else None

        found = wait_until(statuses, timeout_s, f"{len(execution_ids)} executions to end", every_s=1.0)
        assert found is not None
        return found

    def count(self, execution_id: str) -> dict[str, int]:
        with self.database.read() as db:
            return {state: n for state, n in store.progress(db, execution_id).by_state.items() if n}

    def paid(self) -> int:
        """Calls that the simulator was asked."""
        return int(self.book()["total"])

    def book(self) -> dict[str, Any]:
        """What the simulator wrote down."""
        written: dict[str, Any] = call("GET", f"{self.simulator.url}/calls").body
        return written

    def calls(self, prompts: Collection[str]) -> int:
        """Calls with these prompts that the simulator was asked."""
        return sum(one["count"] for one in self.book()["calls"] if one["prompt"] in prompts)

    def in_flight(self) -> int:
        return int(self.book()["in_flight"])

    def faults(self, model: str, *spelled: str) -> list[str]:
        """Have the next calls of this model break like this; all that are to come."""
        told = call("POST", f"{self.simulator.url}/faults", {"model": model, "faults": spelled})
        assert told.status == 200, told.body
        coming: list[str] = told.body["coming"]
        return coming

    def queue(self, name: str) -> tuple[int, int]:
        """Ready messages and consumers of a queue, counted now; zeros where there is none."""
        with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
            try:
                found = connection.channel().queue_declare(f"brandq.{name}", passive=True).method
            except pika.exceptions.ChannelClosedByBroker:
                return 0, 0
            return found.message_count, found.consumer_count

    @property
    def vhost(self) -> str:
        return urlsplit(self.broker_url).path.lstrip("/")


def _answers(url: str) -> bool:
    try:
        return call("GET", url).status == 200
    except OSError:
        return False


@contextmanager
def site(folder: Path, database_url: str, broker_url: str, *, latency_ms: int = 150, **more: str) -> Iterator[Site]:
    with Simulator(port=0, latency_ms=latency_ms) as simulator:
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            # a process that is ended by its own machine code says where
            "PYTHONFAULTHANDLER": "1",
            "BRANDQ_DATABASE_URL": database_url,
            "BRANDQ_BROKER_URL": broker_url,
            "BRANDQ_SIMULATE": "all",
            "BRANDQ_SIMULATOR_URL": simulator.url,
            "BRANDQ_LEASE_SECONDS": str(LEASE_S),
            "BRANDQ_LOST_AFTER_SECONDS": "2",
            "BRANDQ_GRACE_SECONDS": "5",
            "BRANDQ_DATA_DIR": str(folder / "data"),
            **more,
        }
        if "PYTHONPATH" in os.environ:
            environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        with Site(environment, folder, database_url, broker_url, simulator) as running:
            yield running


@contextmanager
def servers() -> Iterator[tuple[PostgresServer, RabbitmqServer]]:
    """A PostgreSQL and a RabbitMQ for a tool that runs without pytest."""
    postgres, rabbitmq = PostgresServer(), RabbitmqServer()
    try:
        postgres.start()
        rabbitmq.start()
        yield postgres, rabbitmq
    finally:
        rabbitmq.close()
        postgres.close()
