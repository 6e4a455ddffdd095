"""In flight: how many calls a worker keeps open for each 100 MB of its memory, beside Celery's threads.

Assistants take three seconds and there are calls for several rounds; memory is PSS of the worker with its children, the
most that was seen while all calls were in flight.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.installation import BATCH, Servers, installation, memory_mb, plan, progress, say, servers
from bench.rival import rival
from tests.waiting import wait_until

LATENCY_MS = 3000
ROUNDS = 3


def watched(given: Servers, pid: int, in_flight: int) -> float:
    """Most memory while so many calls are in flight, MB; looks until they have become fewer again."""
    seen: list[float] = []
    full = in_flight * 0.98

    def look() -> bool:
        if given.assistant.counts()["in_flight"] >= full:
            seen.append(memory_mb(pid))
        return given.assistant.counts()["total"] >= ROUNDS * in_flight

    wait_until(look, 90, f"{in_flight} calls in flight for {ROUNDS} rounds", every_s=0.1)
    if not seen:
        raise SystemExit(f"there were never {full:.0f} calls in flight, at most {given.assistant.counts()['peak']}")
    return max(seen)


def ours(given: Servers, in_flight: int) -> float:
    with installation(given, latency_ms=LATENCY_MS, in_flight=in_flight) as made:
        made.serve()
        worker = made.worker("fetch", threads=in_flight // BATCH)
        made.warm_up_fetch()
        made.assistant.reset()
        for _ in range(ROUNDS):
            made.submit(plan(in_flight))
        return watched(given, worker.pid, in_flight)


def theirs(given: Servers, threads: int) -> float:
    with (
        tempfile.TemporaryDirectory() as folder,
        rival(given, Path(folder), "threads", threads, latency_ms=LATENCY_MS) as worker,
    ):
        given.assistant.reset()
        worker.send(ROUNDS * threads)
        return watched(given, worker.child.pid, threads)


def main() -> None:
    with servers() as given:
        rivals = {}
        for threads in (64, 200, 512):
            name = f"celery, {threads} threads"
            progress(name)
            megabytes = theirs(given, threads)
            rivals[name] = threads / megabytes * 100
            say(f"{name}: memory", megabytes, "MB")
            say(f"{name}: in flight", rivals[name], "calls/100 MB")
        best = max(rivals, key=lambda name: rivals[name])
        for in_flight in (512, 1024):
            name = f"one worker process, {in_flight} calls"
            progress(name)
            megabytes = ours(given, in_flight)
            found = in_flight / megabytes * 100
            say(f"{name}: memory", megabytes, "MB")
            say(f"{name}: in flight", found, "calls/100 MB", best, found / rivals[best])


if __name__ == "__main__":
    main()
