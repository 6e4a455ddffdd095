"""Real latencies: what the pipeline adds to the assistants' own time, from POST to the published report.

4,096 samples of assistants that take two seconds, 512 in flight, against the same calls by bare aiohttp and
`asyncio.gather` in the same run, which keep nothing.
"""

from __future__ import annotations

import asyncio
import time

from bench.installation import (
    IN_FLIGHT,
    Meter,
    Servers,
    bare_calls,
    installation,
    plan,
    progress,
    say,
    servers,
    threads_for,
)

SAMPLES = 4096
LATENCY_MS = 2000
BARE = "bare calls, 2 s, 512 in flight"


def bare(given: Servers) -> float:
    """Seconds for all the calls."""
    begun = time.monotonic()
    asyncio.run(bare_calls(given.assistant.url(LATENCY_MS), SAMPLES, IN_FLIGHT))
    return time.monotonic() - begun


def whole(given: Servers, *workers: tuple[str, ...]) -> Meter:
    """From POST to the published report, by workers of these queues."""
    with installation(given, latency_ms=LATENCY_MS) as ours:
        ours.serve()
        pids = [
            ours.worker(
                *queues, threads=2 if "fetch" not in queues else threads_for(IN_FLIGHT, alone=len(queues) == 1)
            ).pid
            for queues in workers
        ]
        ours.warm_up()
        ours.assistant.reset()
        meter = Meter(*pids)
        ours.wait_ended(ours.submit(plan(SAMPLES)), 240)
        meter.stop()
        progress(f"{ours.assistant.counts()} in {meter.wall_s:.1f} s, CPU {meter.total_s:.1f} s")
        return meter


def main() -> None:
    with servers() as given:
        progress(BARE)
        bare_s = bare(given)
        say(BARE, SAMPLES / bare_s, "answers/s")
        for name, workers in (
            ("pipeline, one worker process of all queues", [("fetch", "analyze", "report")]),
            ("pipeline, one worker process that fetches and one that reads", [("fetch",), ("analyze", "report")]),
        ):
            progress(name)
            meter = whole(given, *workers)
            say(name, SAMPLES / meter.wall_s, "answers/s", BARE, bare_s / meter.wall_s)
            say(f"{name}: CPU", meter.total_s / SAMPLES * 1000, "ms/answer")


if __name__ == "__main__":
    main()
