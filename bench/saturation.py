"""Saturation: the assistant answers at once. What does an answer cost, and what does Celery need for the same?

The fetch stage alone (a worker that serves nothing else), the whole pipeline (fetch, analyze and report in two worker
processes), the bare calls, and Celery in its best setting: the one with the fewest CPU milliseconds for each answer.

    python -m bench.saturation [search | ours]     search: all settings of Celery; ours: without Celery
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.installation import Meter, Servers, bare_calls, installation, plan, progress, say, servers, threads_for
from bench.rival import saturated

SAMPLES = 2048
#: pool, concurrency, prefetch multiplier; the best of each that `search` found
BEST = (("threads", 16, 4), ("prefork", 2, 32), ("gevent", 64, 4))
SEARCHED = (
    *(("threads", n, prefetch) for n in (8, 16, 32, 64, 200) for prefetch in (1, 4)),
    *(("prefork", n, prefetch) for n in (2, 4, 8) for prefetch in (4, 32)),
    *(("gevent", n, 4) for n in (16, 64, 256)),
)


def bare(given: Servers, count: int) -> float:
    """CPU seconds of this process for each of the bare calls."""
    url = given.assistant.url(0)
    asyncio.run(bare_calls(url, 256, 64))
    cpu, begun = time.process_time(), time.monotonic()
    asyncio.run(bare_calls(url, count, 64))
    each, wall_s = (time.process_time() - cpu) / count, time.monotonic() - begun
    say("bare calls: rate", count / wall_s, "calls/s")
    say("bare calls: CPU", each * 1000, "ms/call")
    return each


def fetch_alone(given: Servers, count: int) -> Meter:
    with installation(given, latency_ms=0) as ours:
        ours.serve()
        worker = ours.worker("fetch", threads=threads_for(512, alone=True))
        ours.warm_up_fetch()
        there = ours.answers()
        meter = Meter(worker.pid)
        ours.submit(plan(count))
        ours.wait_answers(there + count, 120)
        return meter.stop()


def whole(given: Servers, count: int) -> tuple[float, float, float]:
    """Seconds from POST to report; CPU seconds of the fetching worker and of the other one."""
    with installation(given, latency_ms=0) as ours:
        ours.serve()
        fetching = ours.worker("fetch", threads=threads_for(512, alone=True))
        reading = ours.worker("analyze", "report", threads=2)
        ours.warm_up()
        meter = Meter(fetching.pid, reading.pid)
        ours.wait_ended(ours.submit(plan(count)), 180)
        meter.stop()
        return meter.wall_s, meter.cpu_s[fetching.pid], meter.cpu_s[reading.pid]


def celery(given: Servers, settings: tuple[tuple[str, int, int], ...], count: int) -> dict[str, tuple[float, float]]:
    """For each setting: CPU seconds for each answer, and answers per second."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for pool, concurrency, prefetch in settings:
            name = f"celery {pool} {concurrency} (prefetch {prefetch})"
            progress(name)
            meter = saturated(given, Path(folder), pool, concurrency, count, prefetch)
            found[name] = meter.total_s / count, count / meter.wall_s
            say(f"{name}: rate", found[name][1], "answers/s")
            say(f"{name}: CPU", found[name][0] * 1000, "ms/answer")
    return found


def main(argument: str = "") -> None:
    with servers() as given:
        bare_each = bare(given, SAMPLES)
        rivals = celery(given, {"search": SEARCHED, "ours": ()}.get(argument, BEST), SAMPLES)
        best = min(rivals, key=lambda name: rivals[name], default=None)
        rival_each, rival_rate = rivals[best] if best else (None, None)
        progress("fetch stage alone")
        fetched = fetch_alone(given, SAMPLES)
        each = fetched.total_s / SAMPLES
        rate = SAMPLES / fetched.wall_s
        say("fetch stage: rate", rate, "answers/s", best, rate / rival_rate if rival_rate else None)
        say("fetch stage: CPU", each * 1000, "ms/answer", "bare calls", each / bare_each)
        say(
            "fetch stage: answers per CPU second",
            1 / each,
            "answers/s",
            best,
            rival_each / each if rival_each else None,
        )
        progress("whole pipeline")
        wall_s, fetch_s, read_s = whole(given, SAMPLES)
        total = (fetch_s + read_s) / SAMPLES
        rate = SAMPLES / wall_s
        say("whole pipeline: rate", rate, "answers/s", best, rate / rival_rate if rival_rate else None)
        say("whole pipeline: CPU", total * 1000, "ms/answer", "goal of 4 ms", total / 0.004)
        say("whole pipeline: CPU of fetch", fetch_s / SAMPLES * 1000, "ms/answer")
        say("whole pipeline: CPU of analyze and report", read_s / SAMPLES * 1000, "ms/answer")


if __name__ == "__main__":
    main(*sys.argv[1:])
