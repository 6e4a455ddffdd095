"""What the pipeline adds to the assistants' own time: POSTed samples against the bare calls, in one run.

The same calls are made twice against one simulator in a process of its own: by `asyncio.gather` over aiohttp, which
keeps nothing, and through the embedded pipeline, from the accepted plan to the published report. A figure is a ratio of
the two, because seconds on a shared machine say little. Prints one JSON object per line.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
import uuid
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from brandq import store
from brandq.actors.desk import Desk
from brandq.actors.sending import send_execution
from brandq.plan import Plan, parse
from brandq.providers import ask, open_session
from brandq.running import pipeline
from brandq.settings import read_settings
from brandq.simulator import Simulator

LATENCY_MS = 1000
#: 16 prompts × 20 repeats of one engine, 320 calls
PROMPTS, REPEATS = 16, 20
IN_FLIGHT = 192
ENGINES = '[engines.sim]\ndialect = "openai-chat"\nbase_url = "{url}/v1"\nmodel = "m1"\nconcurrency = {in_flight}\n'


def simulate(pipe: Connection) -> None:
    with Simulator(port=0, latency_ms=LATENCY_MS) as simulator:
        pipe.send(simulator.url)
        pipe.recv()


async def bare(desk: Desk, plan: Plan) -> float:
    """Seconds for the same calls with as many in flight and nothing kept."""
    engine = plan.engines[0]
    provider = desk.registry.provider(engine)
    slots = asyncio.Semaphore(IN_FLIGHT)
    async with open_session() as session:

        async def once(prompt: str) -> None:
            async with slots:
                await ask(session, provider, engine, prompt, None)

        begun = time.monotonic()
        await asyncio.gather(*(once(prompt) for prompt in plan.prompts for _ in range(plan.repeats)))
        return time.monotonic() - begun


def whole(desk: Desk, plan: Plan) -> float:
    """Seconds from the plan to its published report."""
    begun = time.monotonic()
    now = desk.now()
    order = store.Order(str(uuid.uuid4()), "bench", plan, now + timedelta(hours=1))
    with desk.database.begin() as db:
        store.plan_execution(db, order, now=now)
    send_execution(desk, order.execution_id)
    while True:
        with desk.database.read() as db:
            if store.execution(db, order.execution_id).ended:
                return time.monotonic() - begun
        time.sleep(0.05)


def say(name: str, value: float, unit: str, ratio_to: str | None = None, ratio: float | None = None) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "ratio_to": ratio_to, "ratio": ratio}))


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=simulate, args=(theirs,), daemon=True)
    server.start()
    url = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "engines.toml").write_text(ENGINES.format(url=url, in_flight=IN_FLIGHT))
        settings = read_settings(
            {"BRANDQ_DATA_DIR": folder, "BRANDQ_ENGINES_FILE": f"{folder}/engines.toml", "BRANDQ_LOG_LEVEL": "ERROR"}
        )
        with pipeline(settings, role="bench") as desk:
            document = {
                "brands": ["趣车良品", "竞品 1"],
                "prompts": [f"深圳新能源汽车改装门店哪家好？第 {number} 问" for number in range(PROMPTS)],
                "engines": ["sim"],
                "repeats": REPEATS,
            }
            plan = parse(document, desk.registry.choose, max_samples=10_000)
            asyncio.run(bare(desk, plan))  # the first round warms up connections and code
            bare_s = asyncio.run(bare(desk, plan))
            whole_s = whole(desk, plan)
    ours.send("stop")
    server.join(10)
    say("bare calls", plan.planned / bare_s, "answers/s")
    say("embedded pipeline", plan.planned / whole_s, "answers/s", "bare calls", round(bare_s / whole_s, 3))


if __name__ == "__main__":
    main()
