"""What surrounds every message: the log, the loop and its resources, the drain, the retries, the time limit.

Dramatiq calls ``before_*`` hooks in list order and ``after_*`` hooks in reverse, and it swallows every exception that
a hook raises except SystemExit and its own SkipMessage. Both facts shape this module: the order is part of the code
(``house_middleware``), and what must not be swallowed either ends the process or dead-letters the message.

Left out on purpose: AgeLimit (drops messages without a word), ShutdownNotifications (a deploy would count as a failed
try, and as the last one where max_retries is 0; ``Drain`` does better), Callbacks, Pipelines and group callbacks (when
their enqueue fails the rest of the chain is lost in silence; our actors send ids after their commit, and a sweep
repairs that), Results (the tables are the truth), Prometheus (its gauges are wrong), CurrentMessage (``Log`` has it).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import dramatiq
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.common import q_name
from dramatiq.middleware import AsyncIO, Middleware, Retries, TimeLimit
from dramatiq.worker import Worker
from periodiq import PeriodiqMiddleware

from brandq import logs, tracing
from brandq.actors.in_progress import InProgress
from brandq.actors.meters import MessageOutcome, Meters, living

R = TypeVar("R")

logger = logging.getLogger(__name__)

#: no message is delayed by more than this. RabbitMQ has no delays: a worker holds the message unacknowledged until it
#: is due (traps 3 and 15), so the delay must stay well under consumer_timeout, 30 min. Longer waits are
#: ``next_attempt_at`` in the table.
MAX_DELAY_MS = 15 * 60_000
#: a loop thread that has not started by then never will; dramatiq's own 1 s is less than a throttled pod may take
LOOP_BOOT_S = 30.0
#: what a cancelled actor has for its ``finally``; dramatiq waits as long when a time limit interrupts one
CLEANUP_S = 1.0
#: for the desk to close its sessions; must exceed one last group commit
CLOSE_S = 10.0
#: a tick older than this is dropped: must exceed one restart of RabbitMQ (a minute); five ticks do no more than one
TICK_SKIP_S = 300
#: the last characters of a traceback name the error; all of it (30 frames) would travel with every retry and stand in
#: the management UI
TRACEBACK_CHARS = 1_000
#: between two looks at the threads of a worker
ROLL_CALL_S = 5.0
#: ids of one message in one log line; a batch of 32 ids must fit
LOG_CHARS = 400
_EXECUTION_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class LoopDesk(Protocol):
    """The part of the desk that lives on the actors' loop: opened before the first message, closed after the last.

    ``begin_to_stop`` is called on the loop when no more messages will come.
    """

    def open_loop(self) -> Coroutine[Any, Any, None]: ...

    def begin_to_stop(self) -> None: ...

    def close_loop(self) -> Coroutine[Any, Any, None]: ...


class Traces(Middleware):
    """One span for each message, in the trace that it carries; and what is sent without one carries its sender's on.

    The desk gives a message its trace where it is sent, see ``Desk.send``: by the time the publishing thread has it,
    nobody knows any more what it was sent for. A message that is tried again keeps its own.
    """

    def __init__(self) -> None:
        self._here = threading.local()

    def before_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        if "trace" not in message.options and (carrier := tracing.carrier()) is not None:
            message.options["trace"] = carrier

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        options, execution_id = message.options, execution_id_of(message)
        self._here.span = tracing.receiving(
            message.actor_name, message.queue_name, message.message_id, options, execution_id
        )

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        span, self._here.span = getattr(self._here, "span", None), None
        if span is not None:
            span.end(None if exception is None else type(exception).__name__)

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        self.after_process_message(broker, message)


class Log(Middleware):
    """One line when a message starts, one when it ends, with its ids and never with what an answer or a key says.

    All lines between them are about this message. Threads are used again, so each message begins with a clean slate.
    """

    def __init__(self) -> None:
        self._here = threading.local()

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        self._here.started = time.monotonic()
        logs.turn_to(**facts_of(message), trace_id=tracing.trace_id())
        waited_ms = max(0, int(time.time() * 1000) - message.message_timestamp)
        logger.info("%s started, sent %d ms ago (%s)", brief(message), waited_ms, message.message_id)

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        ms = int((time.monotonic() - self._here.started) * 1000)
        if exception is None:
            logger.info("%s done in %d ms (%s)", brief(message), ms, message.message_id)
            logs.turn_to()
            return
        # Only the class: dramatiq logs the error itself, with its traceback.
        verdict = "goes to the dead letters" if message.failed else "will be tried again"
        cause = type(exception).__name__
        logger.warning("%s ended in %s after %d ms, %s (%s)", brief(message), cause, ms, verdict, message.message_id)
        logs.turn_to()

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        logger.info("%s skipped: too old (%s)", brief(message), message.message_id)
        logs.turn_to()


class Count(Middleware):
    """What becomes of each message, how long it waited and took; and the threads of the worker, while it works."""

    def __init__(self, meters: Meters) -> None:
        self.meters = meters
        self._here = threading.local()

    def before_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        if delay is not None:
            # dramatiq's own ``eta`` does not come along when the delay is over
            message.options["due_at"] = _now_ms() + delay

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        self._here.started = time.monotonic()
        due_ms = max(message.message_timestamp, message.options.get("due_at") or 0)
        self.meters.message_begun(message.queue_name, (_now_ms() - due_ms) / 1000)

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is None:
            self._ended(message, "done")
        elif message.failed:
            self._ended(message, "dead")
        else:
            self._ended(message, "handed_back" if _was_drained(exception) else "again")

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        self._ended(message, "skipped")

    def _ended(self, message: dramatiq.MessageProxy, outcome: MessageOutcome) -> None:
        seconds = time.monotonic() - self._here.started
        self.meters.message_ended(message.queue_name, message.actor_name, outcome, seconds)

    def after_worker_boot(self, broker: dramatiq.Broker, worker: Worker) -> None:
        queues = {q_name(name) for name in worker.consumers}
        served = {name: actor.queue_name for name, actor in broker.actors.items() if actor.queue_name in queues}
        self.meters.serves(served)
        loop = actor_loop()
        self.meters.watch_threads("worker", lambda: living(worker.workers))
        self.meters.watch_threads("consumer", lambda: living(list(worker.consumers.values())))
        self.meters.watch_threads("loop", lambda: living([] if loop is None else [loop]))

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:
        self.meters.forget_threads("worker", "consumer", "loop")


def count_refused(broker: dramatiq.Broker, queue_name: str) -> None:
    """Count a message that a consumer of this broker put to the dead letters, because nobody here can work on it."""
    for middleware in broker.middleware:
        if isinstance(middleware, Count):
            middleware.meters.message_refused(q_name(queue_name))


class ActorLoop(EventLoopThread):
    """The loop that async actors run on, knowing which of its asyncio tasks are actors.

    A daemon, unlike dramatiq's: a process that ends without stopping its worker must end, not hang.
    """

    def __init__(self) -> None:
        super().__init__(logger)
        self.daemon = True
        self.draining = False
        self.acting: set[asyncio.Task[Any]] = set()

    def run_coroutine(self, coro: Awaitable[R]) -> R:
        return super().run_coroutine(self._noted(coro))

    async def _noted(self, coro: Awaitable[R]) -> R:
        own = asyncio.current_task()
        if own is None:  # never: a coroutine on a loop is always inside one
            return await coro
        self.acting.add(own)
        try:
            return await coro
        finally:
            self.acting.discard(own)

    def finish(self, coro: Coroutine[Any, Any, None], timeout_s: float) -> None:
        """Run this last piece, but wait no longer: a coroutine that blocks the loop must not keep the process alive."""
        future = asyncio.run_coroutine_threadsafe(coro, self.loop)
        try:
            future.result(timeout=timeout_s)
        except TimeoutError:
            logger.error("the actors' loop did not finish within %g s; leaving it", timeout_s)

    async def cancel_actors(self) -> None:
        self.draining = True
        await _cancel(set(self.acting))

    async def cancel_everything(self) -> None:
        await _cancel(asyncio.all_tasks())


def actor_loop() -> ActorLoop | None:
    """The loop of this process's worker; None where no worker runs."""
    thread = get_event_loop_thread()
    return thread if isinstance(thread, ActorLoop) else None


class SafeAsyncIO(AsyncIO):
    """Starts and stops the loop, or ends the process: with a loop that failed to start, every async actor would fail.

    Dramatiq's own gives up after one second, swallows the error and goes on.
    """

    def __init__(self, boot_timeout_s: float = LOOP_BOOT_S) -> None:
        super().__init__()
        self.boot_timeout_s = boot_timeout_s

    def before_worker_boot(self, broker: dramatiq.Broker, worker: Worker) -> None:
        thread = ActorLoop()
        try:
            thread.start(timeout=self.boot_timeout_s)
        except RuntimeError as error:
            logger.critical("the actors' loop did not start within %g s", self.boot_timeout_s)
            raise SystemExit(3) from error
        set_event_loop_thread(thread)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:
        thread = actor_loop()
        if thread is None:
            return
        thread.finish(thread.cancel_everything(), 2 * CLEANUP_S)
        thread.loop.call_soon_threadsafe(thread.loop.stop)
        thread.join(timeout=CLEANUP_S)
        set_event_loop_thread(None)


class LoopResources(Middleware):
    """Opens the desk's loop side (HTTP session, pollers) before the first message, closes it after the last.

    Stands right after SafeAsyncIO: opened once the loop runs, closed before it stops.
    """

    def __init__(self, desk: LoopDesk) -> None:
        self.desk = desk

    def before_worker_boot(self, broker: dramatiq.Broker, worker: Worker) -> None:
        thread = actor_loop()
        if thread is None:
            logger.critical("no loop to open the desk on: LoopResources stands after SafeAsyncIO")
            raise SystemExit(3)
        try:
            thread.run_coroutine(self.desk.open_loop())
        except Exception as error:
            # Whatever it was, dramatiq would log it and let actors run with a desk that is not open.
            logger.critical("the desk did not open: %s", type(error).__name__, exc_info=error)
            raise SystemExit(3) from error

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:
        thread = actor_loop()
        if thread is not None:
            thread.loop.call_soon_threadsafe(self.desk.begin_to_stop)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:
        thread = actor_loop()
        if thread is not None:
            thread.finish(self.desk.close_loop(), CLOSE_S)


class Drain(Middleware):
    """On stop, actors have ``grace_s`` to finish; then they are cancelled, while acknowledging still works.

    Without it dramatiq stops the loop under them: no CancelledError, no ``finally``. Only async actors are cancelled:
    not what the desk runs on the same loop, for an actor's last words may need it, and not a plain function in its
    thread, which nobody can. ``grace_s`` must be less than the worker's stop timeout by CLEANUP_S and a few seconds for
    the broker.
    """

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:
        thread = actor_loop()
        if thread is not None:
            thread.loop.call_soon_threadsafe(thread.loop.call_later, self.grace_s, self._over, thread)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:
        # The stop timeout may have passed before the grace did; nothing may run on once the desk closes.
        thread = actor_loop()
        if thread is not None and thread.acting:
            thread.finish(thread.cancel_actors(), 2 * CLEANUP_S)

    @staticmethod
    def _over(thread: ActorLoop) -> None:
        if thread.acting:
            logger.info("the grace is over: cancelling %d actors", len(thread.acting))
        thread.draining = True
        for actor in thread.acting:
            actor.cancel()


def end_process() -> None:
    """Stop as for SIGTERM: running calls get their grace, and what cannot be finished is handed back."""
    os.kill(os.getpid(), signal.SIGTERM)


class RollCall(Middleware):
    """Ends the process when a thread of its worker has died, so that its supervisor starts a whole one.

    Dramatiq never misses a thread. A time limit that fires between two messages ends a worker thread, and the message
    it held stays held, so that its queue's share shrinks; an error while reconnecting may end a consumer. Such a
    process lives on, looks well, and serves less, or nothing.
    """

    def __init__(self, every_s: float = ROLL_CALL_S, end: Callable[[], None] = end_process) -> None:
        self.every_s = every_s
        self.end = end
        #: the threads that had died when the process was ended for them
        self.missing: list[str] = []
        self._stopping = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: Worker) -> None:
        self.missing = []
        self._stopping = threading.Event()
        threading.Thread(
            target=self._watch, args=(worker, self._stopping), name="brandq-roll-call", daemon=True
        ).start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:
        self._stopping.set()

    def _watch(self, worker: Worker, stopping: threading.Event) -> None:
        while not stopping.wait(self.every_s):
            missing = [f"worker thread {thread.name}" for thread in worker.workers if not thread.is_alive()]
            missing += [f"consumer of {name}" for name, thread in worker.consumers.items() if not thread.is_alive()]
            loop = actor_loop()
            if loop is not None and not loop.is_alive():
                missing.append("the actors' loop")
            # once it stops, threads end as they should
            if missing and not stopping.is_set():
                self.missing = missing
                logger.critical(
                    "%s died; what it held is given out again when this process ends, which it does now",
                    ", ".join(missing),
                )
                self.end()
                return


class SafeRetries(Retries):
    """Retries that cannot lose a message: when its own enqueue fails, the message is dead-lettered, not acknowledged.

    Three more things differ from dramatiq's. A drained actor's message goes back at once and uncounted, because a
    deploy is not a failure. No delay exceeds MAX_DELAY_MS, not even one that ``dramatiq.Retry`` asks for. The
    ``traceback`` option is kept short.
    """

    def before_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        _shorten_traceback(message.options)

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is None:
            return
        try:
            if _was_drained(exception):
                # waiting begins anew
                broker.enqueue(message._message.copy(options={"due_at": _now_ms()}))
                return
            if isinstance(exception, dramatiq.Retry) and exception.delay is not None:
                exception.delay = min(exception.delay, MAX_DELAY_MS)
            super().after_process_message(broker, message, result=result, exception=exception)
        except Exception:
            # Whatever it was, dramatiq will log it, swallow it, and settle the message by this flag.
            message.fail()
            raise
        finally:
            _shorten_traceback(message.options)


def house_middleware(grace_s: float, meters: Meters) -> list[Middleware]:
    """The middleware of every brandq broker, in order. ``bind`` adds LoopResources right after SafeAsyncIO."""
    return [
        # Before the log, whose lines name the trace.
        *([Traces()] if tracing.is_on() else []),
        # First, so that its "started" precedes everything and its "ended" knows what SafeRetries decided.
        Log(),
        # likewise
        Count(meters),
        InProgress(),
        SafeAsyncIO(),
        # After the loop and its resources: its last cancelling comes before they close.
        Drain(grace_s),
        SafeRetries(),
        RollCall(),
        # Before the time limit: a skipped tick arms no timer.
        PeriodiqMiddleware(skip_delay=TICK_SKIP_S),
        # Last, so that it is armed nearest to the actor and disarmed first: fired during SafeRetries' enqueue it would
        # lose the message and end the worker thread for good.
        TimeLimit(),
    ]


def brief(message: dramatiq.MessageProxy | dramatiq.Message[Any]) -> str:
    """``fetch(17, 18)``: the actor and its ids, cut so that a line stays a line."""
    text = str(message)
    return text if len(text) <= LOG_CHARS else text[: LOG_CHARS - 1] + "…"


def execution_id_of(message: dramatiq.MessageProxy | dramatiq.Message[Any]) -> str | None:
    """The execution that a message is about, where it says so: among its ids, or in its option ``about``."""
    said = message.options.get("about")
    candidates = (*message.args, said.get("execution_id") if isinstance(said, dict) else None)
    return next((one for one in candidates if isinstance(one, str) and _EXECUTION_ID.fullmatch(one)), None)


def facts_of(message: dramatiq.MessageProxy | dramatiq.Message[Any]) -> dict[str, str | None]:
    """What a line about this message is about, see ``logs``."""
    return {
        "execution_id": execution_id_of(message),
        "actor": message.actor_name,
        "queue": message.queue_name,
        "message_id": message.message_id,
    }


async def _cancel(running: set[asyncio.Task[Any]]) -> None:
    others = {one for one in running if one is not asyncio.current_task() and not one.done()}
    for one in others:
        one.cancel()
    if others:
        await asyncio.wait(others, timeout=CLEANUP_S)


def _was_drained(exception: BaseException) -> bool:
    """Whether an actor ended in this because the process stops."""
    thread = actor_loop()
    return isinstance(exception, concurrent.futures.CancelledError) and thread is not None and thread.draining


def _now_ms() -> int:
    return int(time.time() * 1000)


def _shorten_traceback(options: dict[str, Any]) -> None:
    if "traceback" in options:
        options["traceback"] = options["traceback"][-TRACEBACK_CHARS:]
