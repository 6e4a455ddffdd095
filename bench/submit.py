"""Submitting: plans of 30 samples POSTed by 50 clients at once, while workers are busy with another execution.

Each client POSTs its next plan as soon as the last one was accepted, so 50 requests are always under way at one
`brandq web` process. The same without busy workers shows what they take away on a machine that they share; and the
same clients with a pause of two seconds, what a request takes that does not stand in line behind 49 others.
"""

from __future__ import annotations

import asyncio
import time

import aiohttp

from bench.installation import Installation, Meter, installation, percentile, plan, progress, say, servers, threads_for

CLIENTS, POSTS = 50, 1000
LATENCY_MS, IN_FLIGHT = 2000, 256
GOAL_MS = 100


async def post_all(ours: Installation, count: int, pause_s: float = 0.0) -> tuple[float, list[float]]:
    """Seconds for all, and milliseconds of each. A client waits for so long before its first POST and between two."""
    document = plan(30, models=2)
    left = iter(range(count))
    took: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:

        async def client(number: int) -> None:
            await asyncio.sleep(pause_s * number / CLIENTS)
            for _ in left:
                await asyncio.sleep(pause_s)
                begun = time.monotonic()
                async with session.post(f"{ours.url}/api/executions", json=document) as reply:
                    said = await reply.read()
                    if reply.status != 202:
                        raise SystemExit(f"{reply.status} {said.decode(errors='replace')}")
                took.append((time.monotonic() - begun) * 1000)

        begun = time.monotonic()
        await asyncio.gather(*(client(number) for number in range(CLIENTS)))
        return time.monotonic() - begun, took


def tell(name: str, wall_s: float, took: list[float]) -> None:
    p99 = percentile(took, 0.99)
    say(f"{name}: rate", len(took) / wall_s, "requests/s")
    say(f"{name}: p50", percentile(took, 0.5), "ms")
    say(f"{name}: p99", p99, "ms", f"goal of {GOAL_MS} ms", p99 / GOAL_MS)


def main() -> None:
    with servers() as given:
        progress("submit, workers idle")
        with installation(given, latency_ms=LATENCY_MS, in_flight=IN_FLIGHT) as ours:
            web = ours.serve()
            asyncio.run(post_all(ours, CLIENTS))  # warms up
            meter = Meter(web.pid, given.postgres_pid)
            tell("submit, workers idle", *asyncio.run(post_all(ours, POSTS)))
            meter.stop()
            say("submit: CPU of the web process", meter.cpu_s[web.pid] / POSTS * 1000, "ms/request")
            say("submit: CPU of PostgreSQL", meter.cpu_s[given.postgres_pid] / POSTS * 1000, "ms/request")
        # what is submitted waits behind what has the higher priority
        for name, count, pause_s in (
            ("submit, workers busy", POSTS, 0.0),
            ("submit, workers busy, a pause of 2 s", 4 * CLIENTS, 2.0),
        ):
            progress(name)
            with installation(given, latency_ms=LATENCY_MS, in_flight=IN_FLIGHT) as ours:
                ours.serve()
                ours.worker("fetch", threads=threads_for(IN_FLIGHT, alone=True))
                ours.worker("analyze", "report", threads=2)
                ours.warm_up()
                ours.assistant.reset()
                ours.submit(plan(6400, priority=9))
                ours.wait(lambda: ours.assistant.counts()["total"] >= 300, 30, "the workers to be busy")
                tell(name, *asyncio.run(post_all(ours, count, pause_s)))
                progress(f"the workers made {ours.assistant.counts()['total']} calls by then")


if __name__ == "__main__":
    main()
