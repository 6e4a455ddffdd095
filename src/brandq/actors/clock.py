"""The clock: one tick a minute. Periodiq's scheduler in a process of its own, a plain thread in embedded mode.

Nothing but the tick is periodic here. Hourly and daily work is kept in the table ``sweeps``, so that a tick which is
lost, late or doubled skips and repeats nothing, and two clocks do no harm.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
from periodiq import Scheduler

from brandq import logs
from brandq.actors.desk import Desk
from brandq.actors.middleware import facts_of
from brandq.actors.upkeep import tick

logger = logging.getLogger(__name__)

TICK_S = 60
#: what comes round here, in the words of a probe
LOOP = "the clock"
#: told a name and after how many seconds it should come round again
CameRound = Callable[[str, float], None]


def _nobody(_name: str, _every_s: float) -> None:
    """Whom a clock tells that nobody watches."""


class _Clock(Scheduler):  # type: ignore[misc]
    """Periodiq's scheduler on our publishing thread: a broker that is down costs a tick, not the process."""

    def __init__(self, desk: Desk, came_round: CameRound = _nobody) -> None:
        periodic = [actor for actor in desk.broker.actors.values() if "periodic" in actor.options]
        super().__init__(periodic)
        self.desk = desk
        self.came_round = came_round

    def schedule(self) -> None:
        super().schedule()
        self.came_round(LOOP, TICK_S)

    def send_actors(self, actors: Sequence[dramatiq.Actor[..., Any]], now: object) -> None:
        # periodiq's middleware reads the instant back: a worker that was away does not run what is long past
        due = {actor.actor_name for actor in actors}
        if "tick" in due:
            ticking = self.desk.message(tick)
            self.desk.publisher.send(ticking.copy(options={**ticking.options, "scheduled_at": str(now)}))
            self.desk.meters.ticked(self.desk.now())
            with logs.about(**facts_of(ticking)):
                logger.info("tick of %s", now)


def keep_time(desk: Desk, came_round: CameRound = _nobody) -> None:
    """Send the tick of every minute until SIGTERM or SIGINT. In the main thread: the scheduler lives on SIGALRM."""
    clock = _Clock(desk, came_round)
    desk.meters.clock_started(desk.now())
    # its own queue can deadlock when a signal handler puts into it while the main thread waits on it
    clock.alarm_q = queue.SimpleQueue()
    for signum in (signal.SIGTERM, signal.SIGINT):
        # periodiq installs no handler, and as the first process of a container it would ignore SIGTERM
        signal.signal(signum, lambda _signum, _frame: clock.alarm_q.put(False))
    clock.schedule()
    clock.loop()


def minute_by_minute(desk: Desk, came_round: CameRound = _nobody) -> Callable[[], None]:
    """Send a tick now and then at every full minute, from a thread of this process; the function that stops it.

    Periodiq cannot do this: it needs the main thread, which serves the web here.
    """
    stopping = threading.Event()

    def run() -> None:
        while True:
            desk.send(tick)
            desk.meters.ticked(desk.now())
            came_round(LOOP, TICK_S)
            if stopping.wait(TICK_S - time.time() % TICK_S):
                return

    thread = threading.Thread(target=run, name="brandq-clock", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join()

    return stop
