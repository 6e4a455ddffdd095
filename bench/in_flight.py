"""In flight: how many calls a worker keeps open for each 100 MB of its memory, beside Celery's threads.

Assistants take seconds and there are calls for two rounds; memory is PSS of the worker with its children, the
most that was seen while all calls were in flight.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.installation import BATCH, Servers, installation, memory_mb, plan, progress, say, servers
from bench.rival import rival
from tests.waiting import wait_until

#: the more calls, the longer it takes until all are in flight
LATENCY_MS = {64: 2000, 200: 2000, 512: 3000, 1024: 4000, 4096: 12_000}
ROUNDS = 2
#: calls in flight that one row of the registry may ask for
MOST_OF_ONE = 1024


def watched(given: Servers, pid: int, in_flight: int) -> float:
    """Most memory while so many calls are in flight, MB; looks until they have become fewer again."""
    seen: list[float] = []
    full = in_flight * 0.98

    def look() -> bool:
        if given.assistant.counts()["in_flight"] >= full:
            seen.append(memory_mb(pid))
        return given.assistant.counts()["total"] >= ROUNDS * in_flight

    wait_until(look, 120, f"{in_flight} calls in flight for {ROUNDS} rounds", every_s=0.1)
    if not seen:
        raise SystemExit(f"there were never {full:.0f} calls in flight, at most {given.assistant.counts()['peak']}")
    return max(seen)


def ours(given: Servers, in_flight: int) -> float:
    providers = [f"sim{n}" for n in range(-(-in_flight // MOST_OF_ONE))]
    each = in_flight // len(providers)
    with installation(given, latency_ms=LATENCY_MS[in_flight], in_flight=each, providers=providers) as made:
        made.serve()
        worker = made.worker("fetch", threads=in_flight // BATCH)
        # every model is proven, or one call of each would go ahead of the others
        for provider in providers:
            made.submit(plan(16, provider=provider))
        made.wait_answers(16 * len(providers), 90)
        made.assistant.reset()
        for _ in range(ROUNDS):
            for provider in providers:
                made.submit(plan(each, provider=provider))
        return watched(given, worker.pid, in_flight)


def theirs(given: Servers, threads: int) -> float:
    with (
        tempfile.TemporaryDirectory() as folder,
        rival(given, Path(folder), "threads", threads, latency_ms=LATENCY_MS[threads]) as worker,
    ):
        given.assistant.reset()
        worker.send(ROUNDS * threads)
        return watched(given, worker.child.pid, threads)


def main() -> None:
    with servers() as given:
        memory: dict[str, dict[int, float]] = {"celery": {}, "ours": {}}
        for threads in (64, 200, 512):
            progress(f"celery, {threads} threads")
            memory["celery"][threads] = theirs(given, threads)
            tell(f"celery, {threads} threads", threads, memory["celery"][threads])
        best = max(threads / megabytes for threads, megabytes in memory["celery"].items())
        for in_flight in (512, 1024, 4096):
            progress(f"one worker process, {in_flight} calls")
            memory["ours"][in_flight] = ours(given, in_flight)
            tell(f"one worker process, {in_flight} calls", in_flight, memory["ours"][in_flight], best)
        more = {}
        for name, found in memory.items():
            fewest, most = min(found), max(found)
            more[name] = (most - fewest) / (found[most] - found[fewest]) * 100
        say("celery: each further 100 MB", more["celery"], "calls")
        say("one worker process: each further 100 MB", more["ours"], "calls", "celery", more["ours"] / more["celery"])


def tell(name: str, in_flight: int, megabytes: float, best: float | None = None) -> None:
    found = in_flight / megabytes
    say(f"{name}: memory", megabytes, "MB")
    ratio_to = None if best is None else "the best of celery's"
    say(f"{name}: in flight", found * 100, "calls/100 MB", ratio_to, found / best if best else None)


if __name__ == "__main__":
    main()
