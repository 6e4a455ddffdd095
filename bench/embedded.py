"""Embedded: the same pipeline in one process, on SQLite and the broker inside, beside the bare calls."""

from __future__ import annotations

import asyncio
import time

from bench.installation import IN_FLIGHT, Assistant, Meter, bare_calls, installation, plan, progress, say, threads_for

SAMPLES = 2048


def bare(assistant: Assistant, latency_ms: int) -> float:
    begun = time.monotonic()
    asyncio.run(bare_calls(assistant.url(latency_ms), SAMPLES, IN_FLIGHT))
    return time.monotonic() - begun


def whole(assistant: Assistant, latency_ms: int) -> Meter:
    threads = threads_for(IN_FLIGHT, alone=False)
    with installation(assistant, latency_ms=latency_ms, BRANDQ_THREADS=str(threads)) as ours:
        serving = ours.serve("serve")
        ours.warm_up()
        assistant.reset()
        meter = Meter(serving.pid)
        ours.wait_ended(ours.submit(plan(SAMPLES)), 240, every_s=0.25)
        return meter.stop()


def main() -> None:
    assistant = Assistant()
    try:
        for latency_ms in (2000, 0):
            name = f"embedded, {latency_ms} ms"
            progress(name)
            bare_s = bare(assistant, latency_ms)
            meter = whole(assistant, latency_ms)
            say(f"{name}: rate", SAMPLES / meter.wall_s, "answers/s", "bare calls", bare_s / meter.wall_s)
            say(f"{name}: CPU of the whole process", meter.total_s / SAMPLES * 1000, "ms/answer")
    finally:
        assistant.close()


if __name__ == "__main__":
    main()
