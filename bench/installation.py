"""What a measurement runs on: private servers, real processes of brandq, an assistant, and the reading of their cost.

Everything is started here and ends with the `with` block. What is said about cost is CPU time that the kernel counted
for a process and all its descendants, and memory as PSS, where what is shared counts once. Seconds on the wall say
little where the servers, the assistant and the measured share a machine.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psycopg

from bench.answering import HOSTS
from tests.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
START_S = 60
#: one fetch message holds a thread and carries 32 samples
BATCH = 32
IN_FLIGHT = 512
#: all settings but those that a measurement names
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    "BRANDQ_LOG_LEVEL": "WARNING",
    "BRANDQ_MAX_SAMPLES": "10000",
    "BRANDQ_GRACE_SECONDS": "1",
}
ENGINES = """\
[engines.{name}]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "m1"
citations = ["annotations"]
search = {{ web_search_options = {{}} }}
search_default = true
concurrency = {in_flight}
"""
_TICKS = os.sysconf("SC_CLK_TCK")


# -- saying


def say(name: str, value: float | None, unit: str, ratio_to: str | None = None, ratio: float | None = None) -> None:
    """One figure on standard output."""
    figure = {"name": name, "value": _rounded(value), "unit": unit, "ratio_to": ratio_to, "ratio": _rounded(ratio)}
    print(json.dumps(figure, ensure_ascii=False), flush=True)


def progress(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def _rounded(value: float | None) -> float | None:
    """Four significant digits."""
    if value is None or value == 0:
        return value
    return round(value, max(0, 3 - math.floor(math.log10(abs(value)))))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


# -- reading what processes cost


def family(pid: int) -> list[int]:
    """The process and all its descendants that live."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            stat = _stat(int(entry.name))
            if stat is not None:
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds, of the user and of the kernel, of a process with its descendants; collected ones count as well."""
    stats = [stat for member in family(pid) if (stat := _stat(member)) is not None]
    # utime, stime, and both again for the children that were waited for
    return sum(sum(map(int, stat[11:15])) for stat in stats) / _TICKS


def memory_mb(pid: int) -> float:
    """PSS of a process with its descendants."""
    total = 0
    for member in family(pid):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on, the state; None where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


class Meter:
    """CPU seconds of some processes, and seconds on the wall, from its making to ``stop``."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._begun = time.monotonic()
        self._cpu = self._now()
        self.cpu_s: dict[int, float] = {}
        self.wall_s = 0.0

    def _now(self) -> dict[int, float]:
        return {pid: cpu_s(pid) for pid in self._pids}

    def stop(self) -> Meter:
        self.wall_s = time.monotonic() - self._begun
        self.cpu_s = {pid: now - self._cpu[pid] for pid, now in self._now().items()}
        return self

    @property
    def total_s(self) -> float:
        return sum(self.cpu_s.values())


# -- HTTP


def call(method: str, url: str, body: object = None, timeout_s: float = 60) -> Any:
    """The JSON of one reply; any other status than 2xx ends the measurement."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=timeout_s) as reply:
            return json.loads(reply.read())
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {url}: {error.code} {error.read().decode(errors='replace')}") from error


def plan(samples: int, *, models: int = 16, provider: str = "sim", **fields: Any) -> dict[str, Any]:
    """A plan of so many samples of one provider: prompts × ``models`` × repeats, as near to square as it can be."""
    each, rest = divmod(samples, models)
    prompts = next((n for n in range(20, 0, -1) if each % n == 0 and each // n <= 20), None)
    if rest or prompts is None:
        raise ValueError(f"{samples} samples of {models} models is no plan of up to 20 prompts and 20 repeats")
    return {
        "brands": [{"name": "趣车良品", "aliases": ["趣车"]}, "竞品 1", "竞品 2", "车尚艺", "御风车改"],
        "prompts": [f"深圳新能源汽车改装门店哪家好？请推荐几家并说明理由（{n}）" for n in range(1, prompts + 1)],
        "engines": [f"{provider}/m{n}" for n in range(1, models + 1)],
        "repeats": each // prompts,
        **fields,
    }


async def bare_calls(url: str, count: int, in_flight: int) -> None:
    """The same calls by `asyncio.gather` over aiohttp, which keeps nothing: what no pipeline can be cheaper than."""
    body = {
        "model": "m1",
        "messages": [{"role": "user", "content": plan(16)["prompts"][0]}],
        "web_search_options": {},
    }
    slots = asyncio.Semaphore(in_flight)
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def once() -> None:
            async with slots, session.post(f"{url}/v1/chat/completions", json=body) as reply:
                found = json.loads(await reply.read())
                assert found["choices"]

        await asyncio.gather(*(once() for _ in range(count)))


# -- the parts of an installation


@dataclass
class Child:
    """A process that was started here."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def check(self) -> None:
        """Ends the measurement with the last words of a process that has ended."""
        if self.popen.poll() is not None:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise SystemExit(f"{self.name} ended with {self.popen.returncode}; it said:\n{said}")

    def end(self) -> None:
        """SIGTERM, and SIGKILL to all of its family that is left after some seconds."""
        members = family(self.pid) if self.popen.poll() is None else []
        self.popen.terminate()
        try:
            self.popen.wait(8)
        except subprocess.TimeoutExpired:
            for member in members:
                stat = _stat(member)
                if stat is not None and (member == self.pid or int(stat[1]) in (self.pid, 1)):
                    os.kill(member, 9)
            self.popen.wait()


class Assistant:
    """bench/answering.py in a process of its own."""

    def __init__(self) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "bench.answering"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.popen.stdout is not None
        self.port = int(self.popen.stdout.readline())
        self.root = f"http://{HOSTS[0]}:{self.port}"

    def url(self, latency_ms: int, host: str = HOSTS[0]) -> str:
        """The base address of an assistant that takes so long."""
        return f"http://{host}:{self.port}/{latency_ms}"

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = call("GET", f"{self.root}/calls")
        return found

    def reset(self) -> None:
        call("POST", f"{self.root}/reset", {})

    def close(self) -> None:
        self.popen.communicate(timeout=10)


@dataclass
class Servers:
    """PostgreSQL, RabbitMQ and the assistant, once per measurement; each installation has its own room in them."""

    postgres: PostgresServer
    rabbitmq: RabbitmqServer
    assistant: Assistant
    rooms: int = 0

    def room(self) -> tuple[str, str]:
        """URLs of an empty database and an empty virtual host."""
        self.rooms += 1
        return self.postgres.create_database(f"bench_{self.rooms}"), self.rabbitmq.create_vhost(f"bench-{self.rooms}")

    @property
    def postgres_pid(self) -> int:
        return int((self.postgres.folder / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        progress("starting PostgreSQL and RabbitMQ")
        # Celery's threads have a connection each
        postgres = PostgresServer(max_connections="800", shared_buffers="512MB")
        stack.callback(postgres.close)
        postgres.start()
        rabbitmq = RabbitmqServer()
        stack.callback(rabbitmq.close)
        rabbitmq.start()
        assistant = Assistant()
        stack.callback(assistant.close)
        yield Servers(postgres, rabbitmq, assistant)


@dataclass
class Installation:
    """Processes of brandq over one database and one broker. Leaving it ends them."""

    environment: dict[str, str]
    folder: Path
    assistant: Assistant
    children: list[Child] = field(default_factory=list)
    database: psycopg.Connection[Any] | None = None
    rabbitmq: RabbitmqServer | None = None
    vhost: str = ""
    url: str = ""

    def start(self, name: str, *command: str) -> Child:
        log = self.folder / f"{len(self.children)}-{name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(command, env=self.environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        child = Child(name, popen, log)
        self.children.append(child)
        return child

    def brandq(self, *command: str) -> Child:
        return self.start(command[0], sys.executable, "-m", "brandq", *command)

    def migrate(self) -> None:
        child = self.brandq("migrate")
        if child.popen.wait(START_S):
            child.check()

    def serve(self, command: str = "web") -> Child:
        """`brandq web`, or the embedded `serve`; returns once it answers."""
        port = free_port()
        child = self.brandq(command, "--port", str(port))
        self.url = f"http://127.0.0.1:{port}"
        wait_until(lambda: child.check() or _answers(f"{self.url}/healthz"), START_S, f"{self.url} to answer")
        return child

    def worker(self, *queues: str, threads: int) -> Child:
        """`brandq work` on these queues, or on all; it may still be starting."""
        return self.brandq("work", "--queues", ",".join(queues), "--threads", str(threads))

    def submit(self, document: dict[str, Any]) -> str:
        found: str = call("POST", f"{self.url}/api/executions", document)["execution_id"]
        return found

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        assert self.database is not None
        return self.database.execute(statement, values).fetchall()

    def wait(self, condition: Callable[[], bool], timeout_s: float, what: str, every_s: float = 0.2) -> None:
        """Until it is so. A process that ends meanwhile ends the measurement."""

        def look() -> bool:
            for child in self.children:
                if child.name != "migrate":
                    child.check()
            return condition()

        wait_until(look, timeout_s, what, every_s=every_s)

    def status(self, execution_id: str) -> str:
        return str(call("GET", f"{self.url}/api/executions/{execution_id}")["status"])

    def wait_ended(self, execution_id: str, timeout_s: float, every_s: float = 0.1) -> None:
        """Until its report is published, with every sample answered."""
        self.wait(
            lambda: self.status(execution_id) not in ("queued", "running", "reporting"),
            timeout_s,
            f"execution {execution_id} to end",
            every_s,
        )
        assert self.status(execution_id) == "completed", f"{execution_id} is {self.status(execution_id)}"

    def answers(self) -> int:
        """Answers that are stored."""
        return int(self.rows("SELECT count(*) FROM answers")[0][0])

    def wait_answers(self, count: int, timeout_s: float) -> None:
        """Until so many answers are stored."""
        # the assistant knows first, and asking it costs the database nothing
        self.wait(lambda: self.answers() >= count, timeout_s, f"{count} answers to be stored", every_s=0.1)

    def wait_workers(self, count: int) -> None:
        """Until so many workers are there to fetch."""

        def consumers() -> int:
            assert self.rabbitmq is not None
            queues = self.rabbitmq.api("GET", f"/queues/{self.vhost}")
            return sum(queue.get("consumers", 0) for queue in queues if queue["name"] == "brandq.fetch")

        self.wait(lambda: consumers() >= count, START_S, f"{count} workers to consume")

    def warm_up(self, timeout_s: float = START_S) -> None:
        """Two samples of every model, to the end: then all code is imported and every engine has been proven."""
        self.wait_ended(self.submit(plan(32)), timeout_s)

    def warm_up_fetch(self, timeout_s: float = START_S) -> None:
        """The same where nobody reads the answers."""
        there = self.answers()
        self.submit(plan(32))
        self.wait_answers(there + 32, timeout_s)


def threads_for(in_flight: int, *, alone: bool) -> int:
    """Threads with which a worker has so many calls in flight; beside other queues, fetch gets half of them.

    Twice the messages that hold so many calls: the second half is claimed and waits for slots, so that none stays free
    between the end of one message and the claim of the next.
    """
    needed = 2 * math.ceil(in_flight / BATCH)
    return needed if alone else 2 * needed + 4


@contextmanager
def installation(
    given: Servers | Assistant,
    *,
    latency_ms: int,
    in_flight: int = IN_FLIGHT,
    providers: Sequence[str] = ("sim",),
    **more: str,
) -> Iterator[Installation]:
    """A migrated installation on the servers, or with an assistant alone an embedded one. It starts no process yet.

    ``in_flight`` is what one worker process may have in flight at each of the providers.
    """
    assistant = given.assistant if isinstance(given, Servers) else given
    # told to end, it ends what it started
    signal.signal(signal.SIGTERM, lambda signum, _frame: sys.exit(128 + signum))
    folder = Path(tempfile.mkdtemp(prefix="brandq-bench-"))
    rows = [
        ENGINES.format(name=name, url=assistant.url(latency_ms, host), in_flight=in_flight)
        for name, host in zip(providers, HOSTS, strict=False)
    ]
    (folder / "engines.toml").write_text("\n".join(rows))
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        **ENVIRONMENT,
        "BRANDQ_ENGINES_FILE": str(folder / "engines.toml"),
        "BRANDQ_DATA_DIR": str(folder / "data"),
        **more,
    }
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = Installation(environment, folder, assistant)
        stack.callback(lambda: [child.end() for child in reversed(made.children)])
        if isinstance(given, Servers):
            database_url, broker_url = given.room()
            environment |= {"BRANDQ_DATABASE_URL": database_url, "BRANDQ_BROKER_URL": broker_url}
            made.rabbitmq, made.vhost = given.rabbitmq, urlsplit(broker_url).path.lstrip("/")
            made.migrate()
            made.database = stack.enter_context(connect(database_url))
        assistant.reset()
        yield made


def connect(url: str) -> psycopg.Connection[Any]:
    parts = urlsplit(url)
    return psycopg.connect(
        host=parts.hostname, port=parts.port, user=parts.username, dbname=parts.path.lstrip("/"), autocommit=True
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
