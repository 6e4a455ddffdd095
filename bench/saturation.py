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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.installation import Meter, Servers, bare_calls, installation, plan, progress, say, servers, threads_for
from bench.rival import saturated

SAMPLES = 2048
#: of each setting, in one worker; the median counts
ROUNDS = 3
#: pool, concurrency, prefetch multiplier; the best of each that `search` found
BEST = (("threads", 8, 4), ("prefork", 4, 4), ("gevent", 64, 4))
SEARCHED = (
    *(("threads", n, prefetch) for n in (4, 8, 16, 32, 64, 200) for prefetch in (1, 4, 16)),
    *(("prefork", n, prefetch) for n in (2, 4, 8) for prefetch in (4, 32)),
    *(("gevent", n, 4) for n in (16, 64, 128)),
)


@dataclass(frozen=True)
class Cost:
    """CPU seconds for an answer, and answers per second: the round in the middle."""

    each: float
    rate: float

    @classmethod
    def of(cls, meters: Iterable[Meter], count: int) -> Cost:
        found = list(meters)
        middle = sorted(found, key=lambda meter: meter.total_s)[len(found) // 2]
        return cls(middle.total_s / count, count / middle.wall_s)


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


def fetch_alone(given: Servers, count: int) -> Iterator[Meter]:
    with installation(given, latency_ms=0) as ours:
        ours.serve()
        worker = ours.worker("fetch", threads=threads_for(512, alone=True))
        ours.warm_up_fetch()
        for _ in range(ROUNDS):
            there = ours.answers()
            meter = Meter(worker.pid)
            ours.submit(plan(count))
            ours.wait_answers(there + count, 120)
            yield meter.stop()


def whole(given: Servers, count: int) -> tuple[Cost, float]:
    """From POST to report, by a worker that fetches and one that analyzes and reports; and the first one's share."""
    with installation(given, latency_ms=0) as ours:
        ours.serve()
        fetching = ours.worker("fetch", threads=threads_for(512, alone=True))
        reading = ours.worker("analyze", "report", threads=2)
        ours.warm_up()
        meters = []
        for _ in range(ROUNDS):
            meters.append(Meter(fetching.pid, reading.pid))
            ours.wait_ended(ours.submit(plan(count)), 180)
            meters[-1].stop()
        share = sum(meter.cpu_s[fetching.pid] for meter in meters) / sum(meter.total_s for meter in meters)
        return Cost.of(meters, count), share


def celery(given: Servers, settings: Sequence[tuple[str, int, int]], count: int) -> dict[str, Cost]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for pool, concurrency, prefetch in settings:
            name = f"celery {pool} {concurrency} (prefetch {prefetch})"
            progress(name)
            cost = Cost.of(saturated(given, Path(folder), pool, concurrency, count, prefetch, ROUNDS), count)
            found[name] = cost
            say(f"{name}: rate", cost.rate, "answers/s")
            say(f"{name}: CPU", cost.each * 1000, "ms/answer")
    return found


def main(argument: str = "") -> None:
    with servers() as given:
        bare_each = bare(given, SAMPLES)
        settings = {"search": SEARCHED, "ours": ()}.get(argument, BEST)
        rivals = celery(given, settings, SAMPLES)
        best = min(rivals, key=lambda name: rivals[name].each, default=None)
        theirs = rivals[best] if best else None
        progress("fetch stage alone")
        fetched = Cost.of(fetch_alone(given, SAMPLES), SAMPLES)
        say("fetch stage: rate", fetched.rate, "answers/s", best, fetched.rate / theirs.rate if theirs else None)
        say("fetch stage: CPU", fetched.each * 1000, "ms/answer", "bare calls", fetched.each / bare_each)
        ratio = theirs.each / fetched.each if theirs else None
        say("fetch stage: answers per CPU second", 1 / fetched.each, "answers/s", best, ratio)
        progress("whole pipeline")
        total, share = whole(given, SAMPLES)
        say("whole pipeline: rate", total.rate, "answers/s", best, total.rate / theirs.rate if theirs else None)
        say("whole pipeline: CPU", total.each * 1000, "ms/answer", "goal of 4 ms", total.each / 0.004)
        say("whole pipeline: CPU of fetch", share * total.each * 1000, "ms/answer")
        say("whole pipeline: CPU of analyze and report", (1 - share) * total.each * 1000, "ms/answer")


if __name__ == "__main__":
    main(*sys.argv[1:])
