"""Submitting: plans of 30 samples POSTed by 50 clients at once, while workers are busy with another execution.

Each client POSTs its next plan as soon as the last one was accepted, so 50 requests are always under way at one
`brandq web` process. The same without busy workers shows what they take away on a machine that they share.
"""

from __future__ import annotations

import asyncio
import time

import aiohttp

from bench.installation import Installation, installation, percentile, plan, progress, say, servers, threads_for

CLIENTS, POSTS = 50, 1000
LATENCY_MS = 2000
GOAL_MS = 100


async def post_all(ours: Installation) -> tuple[float, list[float]]:
    """Seconds for all, and milliseconds of each."""
    document = plan(30, models=2)
    left = iter(range(POSTS))
    took: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:

        async def client() -> None:
            for _ in left:
                begun = time.monotonic()
                async with session.post(f"{ours.url}/api/executions", json=document) as reply:
                    said = await reply.read()
                    if reply.status != 202:
                        raise SystemExit(f"{reply.status} {said.decode(errors='replace')}")
                took.append((time.monotonic() - begun) * 1000)

        begun = time.monotonic()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return time.monotonic() - begun, took


def main() -> None:
    with servers() as given:
        for name, busy in (("submit, workers idle", False), ("submit, workers busy", True)):
            progress(name)
            # what is submitted waits behind what runs, or, without a fetching worker, for good
            with installation(given, latency_ms=LATENCY_MS, in_flight=256) as ours:
                ours.serve()
                if busy:
                    ours.worker("fetch", threads=threads_for(256, alone=True))
                    ours.worker("analyze", "report", threads=2)
                    ours.warm_up()
                    ours.assistant.reset()
                    ours.submit(plan(6400, priority=9))
                    ours.wait(lambda: ours.assistant.counts()["total"] >= 300, 30, "the workers to be busy")
                wall_s, took = asyncio.run(post_all(ours))
                if busy:
                    progress(f"the workers made {ours.assistant.counts()['total']} calls by then")
            p99 = percentile(took, 0.99)
            say(f"{name}: rate", POSTS / wall_s, "requests/s")
            say(f"{name}: p50", percentile(took, 0.5), "ms")
            say(f"{name}: p99", p99, "ms", f"goal of {GOAL_MS} ms", p99 / GOAL_MS)


if __name__ == "__main__":
    main()
