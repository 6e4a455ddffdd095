"""Priority: how long an urgent execution waits for its first call behind 20,000 samples that wait.

Assistants take two seconds and all 512 calls that the worker may have in flight are taken. The delay is from acceptance
to the moment at which the first call of the execution began, as its answers tell.
"""

from __future__ import annotations

import time

from bench.installation import IN_FLIGHT, installation, percentile, plan, progress, say, servers, threads_for

LATENCY_MS = 2000
WAITING = (6400, 6400, 6400, 1600)
URGENT = 7
GOAL_S = 2.0
DELAY = (
    "SELECT extract(epoch FROM min(a.asked_at) - min(e.created_at)) FROM executions e "
    "JOIN samples s USING (execution_id) JOIN answers a USING (sample_id) WHERE e.execution_id = %s"
)


def main() -> None:
    with servers() as given, installation(given, latency_ms=LATENCY_MS) as ours:
        ours.serve()
        ours.worker("fetch", threads=threads_for(IN_FLIGHT, alone=True))
        ours.worker("analyze", "report", threads=2)
        ours.warm_up()
        ours.assistant.reset()
        begun = time.monotonic()
        for samples in WAITING:
            ours.submit(plan(samples, priority=1))
        say("priority: POST of 20,800 samples", time.monotonic() - begun, "s")
        ours.wait(lambda: ours.assistant.counts()["total"] > 2 * IN_FLIGHT, 60, "the worker to be at work")
        took = []
        for _ in range(URGENT):
            posted = time.monotonic()
            urgent = ours.submit(plan(32, priority=9))
            ours.wait_ended(urgent, 60, every_s=0.05)
            took.append((float(ours.rows(DELAY, urgent)[0][0]), time.monotonic() - posted))
            progress(f"first call after {took[-1][0]:.2f} s, report after {took[-1][1]:.2f} s")
        waiting = ours.rows("SELECT count(*) FROM samples WHERE state = 'waiting'")[0][0]
        say("priority: samples that still waited at the end", waiting, "samples")
    delays = [delay for delay, _ in took]
    say("priority: start delay, median", percentile(delays, 0.5), "s")
    say("priority: start delay, longest", max(delays), "s", f"goal of {GOAL_S:g} s", max(delays) / GOAL_S)
    say("priority: report of 32 samples, median", percentile([whole for _, whole in took], 0.5), "s")


if __name__ == "__main__":
    main()
