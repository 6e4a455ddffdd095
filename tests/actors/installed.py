"""The pipeline inside this process: a real desk, a real worker, a simulator; on either database and broker."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from brandq import store
from brandq.actors import ACTORS
from brandq.actors.broker import run_worker, stop_worker
from brandq.actors.declare import QUEUES, bind
from brandq.actors.desk import Desk
from brandq.actors.sending import send_execution
from brandq.actors.upkeep import tick
from brandq.plan import Plan, parse
from brandq.settings import read_settings
from brandq.simulator import FAULTS, Simulator
from tests.waiting import wait_until

#: a row whose models are the simulator's assistants; calls are cut short so that a hang ends in time
ROW = """
[engines."{name}"]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "{model}"
concurrency = 64
total_s = 2
"""


def engines_file(url: str, more: str = "") -> str:
    """The row ``sim``, and a provider of its own for each fault, ``broken-NAME``: one that says no is not asked again,
    and must not keep the others from being asked."""
    rows = [ROW.format(name="sim", url=url, model="m1")]
    rows += [ROW.format(name=f"broken-{name}", url=url, model=f"sim-fault-{name}") for name in FAULTS]
    rows += [ROW.format(name="broken-once-500", url=url, model="sim-fault-500-once")]
    return "".join(rows) + more.replace("{url}", url)


@dataclass
class Installed:
    desk: Desk
    simulator: Simulator

    def plan(self, **fields: Any) -> Plan:
        document = {
            "brands": ["趣车良品", "竞品 1"],
            "prompts": ["深圳新能源汽车改装门店哪家好？"],
            "engines": ["sim"],
            **fields,
        }
        return parse(document, self.desk.registry.choose, max_samples=self.desk.settings.max_samples)

    def accept(self, plan: Plan, *, deadline_s: int = 3600) -> str:
        """Store an execution without sending a thing."""
        now = self.desk.now()
        order = store.Order(str(uuid.uuid4()), "ann", plan, now + timedelta(seconds=deadline_s))
        with self.desk.database.begin() as db:
            return store.plan_execution(db, order, now=now)[0].execution_id

    def submit(self, **fields: Any) -> str:
        execution_id = self.accept(self.plan(**fields))
        self.send(execution_id)
        return execution_id

    def send(self, execution_id: str) -> None:
        send_execution(self.desk, execution_id)

    def execution(self, execution_id: str) -> store.Execution:
        with self.desk.database.read() as db:
            return store.execution(db, execution_id)

    def rows(self, execution_id: str) -> list[store.SampleRow]:
        with self.desk.database.read() as db:
            return store.list_samples(db, execution_id, store.SampleFilter(), 10_000)

    def ended(self, execution_id: str, timeout_s: float = 40, *, sweeping: bool = False) -> store.Execution:
        def look() -> store.Execution | None:
            if sweeping:
                tick(self.desk)
            found = self.execution(execution_id)
            return found if found.ended else None

        found = wait_until(look, timeout_s, f"execution {execution_id} to end", every_s=0.5 if sweeping else 0.05)
        assert found is not None
        return found

    def calls(self) -> dict[str, int]:
        """Calls that the simulator got, by model."""
        counted: dict[str, int] = {}
        for one in self._simulator("/calls")["calls"]:
            counted[one["model"]] = counted.get(one["model"], 0) + one["count"]
        return counted

    def started(self, model: str) -> list[float]:
        """When the simulator got the calls of this model, seconds since 1970, in order."""
        return sorted(self._simulator("/calls")["started_at"].get(model, []))

    def fault(self, model: str, *faults: str) -> None:
        """Break the simulator's next calls of this model."""
        self._simulator("/faults", {"model": model, "faults": faults})

    def _simulator(self, path: str, document: object = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        with urllib.request.urlopen(f"{self.simulator.url}{path}", body, timeout=10) as reply:
            return json.load(reply)


@contextmanager
def installed(
    folder: Path,
    database_url: str,
    broker_url: str,
    *,
    working: bool = True,
    latency_ms: int = 20,
    rows: str = "",
    **environment: str,
) -> Iterator[Installed]:
    """An installation; with ``working=False`` messages pile up and the test calls the actors itself.

    ``rows``: TOML tables for the engines file, with ``{url}`` for the simulator's address.
    """
    with Simulator(port=0, latency_ms=latency_ms) as simulator:
        engines = folder / "engines.toml"
        engines.write_text(engines_file(simulator.url, rows), encoding="utf-8")
        settings = read_settings(
            {
                "BRANDQ_DATABASE_URL": database_url,
                "BRANDQ_BROKER_URL": broker_url,
                "BRANDQ_ENGINES_FILE": str(engines),
                "BRANDQ_LEASE_SECONDS": "4",
                "BRANDQ_LOST_AFTER_SECONDS": "1",
                "BRANDQ_GRACE_SECONDS": "1",
                "BRANDQ_THREADS": "12",
                **environment,
            }
        )
        desk = Desk(settings, role="test")
        bind(desk.broker, desk, ACTORS)
        worker = run_worker(desk.broker, set(QUEUES), 12, worker_timeout_ms=100) if working else None
        try:
            yield Installed(desk, simulator)
        finally:
            if worker is not None:
                stop_worker(worker, 20_000)
            desk.close()
