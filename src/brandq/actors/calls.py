"""Calls: everything that this process has in flight, whichever messages it came with.

Three things are done once for all of them, not once for each message. What has landed within a moment is settled by one
commit. One watcher renews the leases, which can thus be short, so that what a dead worker held comes back within a
minute or two; and it breaks off the calls whose claims no longer hold. No transaction is open while a provider is
waited for.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import Context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from brandq import logs, store, tracing
from brandq.actors.admission import next_turn_s, note_outcomes
from brandq.actors.desk import Desk
from brandq.actors.lanes import Lane
from brandq.errors import DatabaseNotReady
from brandq.plan import EngineRef, Plan
from brandq.providers import ask
from brandq.providers.dialect import ErrorClass, Outcome, Provider, ProviderError
from brandq.store import Ended

logger = logging.getLogger(__name__)

#: answers that land within this time share a commit; far below what anybody notices, far above what a commit takes
GROUP_S = 0.02
#: calls settled by one commit: its row locks must be short, and a commit that fails repeats so much work
MOST_IN_GROUP = 256
#: between two looks at what no longer holds; a cancelled call must be broken off within 2 s
WATCH_S = 0.5
#: waiting for a free slot at the engine and the call itself, together; below the actor's time limit, 600 s, by what
#: the last commit and the hand-back may need. Above the longest call that a registry row may ask for, 480 s
ASKING_S = 540.0
#: between two tries at reaching the database with answers in hand; they are paid for and must not be dropped
STORE_AGAIN_S = 2.0
#: until the outcome for which calls were held back has probably been noted where all workers see it
HELD_BACK_S = 0.5
#: the first wait before a sample is asked again where the provider named none; it doubles, up to the second number
FIRST_WAIT_S, LONGEST_WAIT_S = 1.5, 60.0


@dataclass(frozen=True)
class Ticket:
    """A claim, what it is for, and when its call may start; both times are of the monotonic clock, seconds."""

    claim: store.Claim
    engine: EngineRef
    plan: Plan
    admitted_at: float
    start_at: float


@dataclass(frozen=True)
class _Landed:
    """An ended call: no ``asked_at`` means that none was made, no ``outcome`` that it was cut off.

    ``noted``: called once the outcome stands where all workers see it.
    """

    ticket: Ticket
    outcome: Outcome | None
    asked_at: datetime | None
    noted: Callable[[], None] | None = None
    #: of the message that it came with
    trace: tracing.Carrier | None = field(default_factory=tracing.carrier)


@dataclass(frozen=True)
class FollowUp:
    """What is to be sent after a commit: ids to be analyzed, by execution and priority; ids to be asked again, by
    execution, engine, priority and in how many seconds; and executions that may be closed."""

    answered: dict[tuple[str, int], list[int]]
    again: dict[tuple[str, str, int, float], list[int]]
    given_up: set[str]
    #: by execution, the trace in which it is sent: that of one of its calls, for a commit belongs to none
    traces: dict[str, tracing.Carrier | None] = field(default_factory=dict)


class Calls:
    """The calls of one process. Lives on the actors' loop."""

    def __init__(self, desk: Desk, follow_up: Callable[[Desk, FollowUp], None]) -> None:
        self.desk = desk
        self._follow_up = follow_up
        #: every call from its claim until that is settled; its lease is renewed
        self._held: dict[asyncio.Task[None], Ticket] = {}
        #: those that may still be broken off
        self._asking: set[asyncio.Task[None]] = set()
        #: those of them that wait for their turn, so that nothing is paid for yet
        self._entering: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._landed: list[tuple[_Landed, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._renewed = time.monotonic()

    async def see_through(self, tickets: Iterable[Ticket]) -> None:
        """Make these calls; returns once each is settled and what follows was sent.

        Cancelled, it keeps what has landed and hands back the rest, to be asked by another worker.
        """
        calls = []
        for ticket in tickets:
            with logs.about(**_facts(ticket)):
                call = asyncio.create_task(self._see_through(ticket))
            self._held[call] = ticket
            calls.append(call)
        if self._watching is None or self._watching.done():
            # it watches the calls of all messages, and its lines are about none
            self._watching = asyncio.create_task(self._watch(), context=Context())
        try:
            await asyncio.wait(calls)
        except asyncio.CancelledError:
            running = self._asking.intersection(calls)
            logger.info("stopping: %d calls in flight are handed back", len(running))
            for call in running:
                call.cancel()
            await asyncio.wait(calls)
        for call in calls:
            call.result()

    def begin_to_stop(self) -> None:
        """Hand back at once what waits for its turn: its grace is for what is being paid for."""
        self._stopping = True
        if self._entering:
            logger.info("stopping: %d calls that have not begun are handed back", len(self._entering))
        for call in self._entering:
            call.cancel()

    async def close(self) -> None:
        """Commit what has landed, and stop watching."""
        if self._watching is not None:
            self._watching.cancel()
        if self._committing is not None:
            await asyncio.wait([self._committing])

    async def _see_through(self, ticket: Ticket) -> None:
        call = asyncio.current_task()
        if call is None:
            raise RuntimeError("a call is always a task")
        try:
            self._asking.add(call)
            try:
                landed = await self._ask(ticket)
            finally:
                self._asking.discard(call)
            await self._settle(landed)
        finally:
            del self._held[call]

    async def _ask(self, ticket: Ticket) -> _Landed:
        chosen = self.desk.provider(ticket.engine)
        if isinstance(chosen, ProviderError):
            return _Landed(ticket, Outcome(None, chosen, 0, {}), self.desk.now())
        provider, key = chosen
        engine, lane = ticket.engine, self.desk.lane(provider, ticket.engine)
        asked_at: datetime | None = None
        try:
            if self._stopping or not await self._enter(lane, ticket, provider):
                return _Landed(ticket, None, None)
            outcome, said_no = None, None
            try:
                asked_at = self.desk.now()
                prompt = ticket.plan.prompts[ticket.claim.prompt_no - 1]
                turn = partial(self._turn, ticket)
                with self.desk.meters.asking(engine), _span(ticket, provider) as span:
                    outcome = await ask(
                        self.desk.http, provider, engine, prompt, key, system=ticket.plan.system, turn=turn
                    )
                    _tell(outcome, span)
            finally:
                said_no = lane.leave(engine.model, outcome)
        except asyncio.CancelledError:
            # broken off, or handed back: which of them it is, the table knows
            return _Landed(ticket, None, asked_at)
        return _Landed(ticket, outcome, asked_at, None if said_no is None else partial(lane.noted, said_no))

    async def _enter(self, lane: Lane, ticket: Ticket, provider: Provider) -> bool:
        """Wait for the starting time and a free slot; False when the call is not to be made from here and now."""
        model, admitted_at, start_at = ticket.engine.model, ticket.admitted_at, ticket.start_at
        if lane.enter_now(model, admitted_at=admitted_at, start_at=start_at):
            return True
        priority, call = ticket.claim.priority, asyncio.current_task()
        if call is None:
            raise RuntimeError("a call is always a task")
        self._entering.add(call)
        try:
            async with asyncio.timeout(ASKING_S - provider.total_s):
                return await lane.enter(model, admitted_at=admitted_at, start_at=start_at, priority=priority)
        except TimeoutError:
            return False
        finally:
            self._entering.discard(call)

    async def _turn(self, ticket: Ticket) -> None:
        """Wait for the starting time of one more request of a call; it counts towards the pace like any other."""
        wait_s = await self.desk.in_thread(lambda: _next_turn_s(self.desk, ticket))
        await asyncio.sleep(wait_s)

    # -- settling

    async def _settle(self, landed: _Landed) -> None:
        settled = asyncio.get_running_loop().create_future()
        self._landed.append((landed, settled))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(), context=Context())
        await settled

    async def _commit(self) -> None:
        while self._landed:
            await asyncio.sleep(GROUP_S)
            group, self._landed = self._landed[:MOST_IN_GROUP], self._landed[MOST_IN_GROUP:]
            await self._commit_group(group)

    async def _commit_group(self, group: Sequence[tuple[_Landed, asyncio.Future[None]]]) -> None:
        try:
            follow_up = await self._store([landed for landed, _ in group])
        except Exception as error:
            # Whatever it was: one answer that cannot be stored must not take the others with it.
            if len(group) > 1:
                for one in group:
                    await self._commit_group([one])
            else:
                await self._not_stored(*group[0], error)
            return
        for landed, _ in group:
            _note(landed)
        try:
            await self.desk.in_thread(lambda: self._follow_up(self.desk, follow_up))
        except DatabaseNotReady as error:
            logger.warning("what follows %d settled calls is left to the sweeps: %s", len(group), error)
        for _, settled in group:
            if not settled.done():
                settled.set_result(None)

    async def _not_stored(self, landed: _Landed, settled: asyncio.Future[None], error: Exception) -> None:
        """An answer that the database does not take is given up in words: asking again would cost it again."""
        if landed.outcome is not None and landed.outcome.answer is not None:
            with logs.about(**_facts(landed.ticket)):
                logger.error("an answer cannot be stored, its sample is given up", exc_info=error)
            words = f"an answer came, and could not be stored ({type(error).__name__}); the log says why"
            failed = ProviderError(ErrorClass.BAD_REQUEST, words, landed.outcome.http_status)
            await self._commit_group([(replace(landed, outcome=Outcome(None, failed, 0, {})), settled)])
            return
        _note(landed)
        if not settled.done():
            settled.set_exception(error)

    async def _store(self, landed: Sequence[_Landed]) -> FollowUp:
        while True:
            try:
                return await self.desk.in_thread(lambda: _record(self.desk, landed))
            except DatabaseNotReady as error:
                logger.error("%d answers wait for the database: %s", len(landed), error)
            # while a commit waited for somebody's lock, these could not be renewed
            with suppress(DatabaseNotReady):
                await self.desk.in_thread(lambda: _renew(self.desk, [one.ticket.claim for one in landed]))
            await asyncio.sleep(STORE_AGAIN_S)

    # -- watching

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            held = dict(self._held)
            if not held:
                continue
            try:
                holding = await self._look(list(held.values()))
            except DatabaseNotReady as error:
                logger.warning("cannot look after %d calls: %s", len(held), error)
                continue
            for call, ticket in held.items():
                if call in self._asking and not holding(ticket.claim):
                    call.cancel()

    async def _look(self, tickets: Sequence[Ticket]) -> Callable[[store.Claim], bool]:
        """Which claims still hold. A look is one small query; every quarter of a lease all are renewed as well."""
        claims = [ticket.claim for ticket in tickets]
        executions = {claim.execution_id for claim in claims}
        # four renewals fit into a lease, so that one may be late without losing it
        if time.monotonic() - self._renewed <= self.desk.settings.lease_s / 4:
            still_open = await self.desk.in_thread(lambda: _open(self.desk, executions))
            return lambda claim: claim.execution_id in still_open
        self._renewed = time.monotonic()
        held = await self.desk.in_thread(lambda: _renew(self.desk, claims))
        return lambda claim: (claim.sample_id, claim.attempt) in held


def _facts(ticket: Ticket) -> dict[str, str | int]:
    """What a line about this call is about."""
    claim = ticket.claim
    return {
        "execution_id": claim.execution_id,
        "sample_id": claim.sample_id,
        "attempt": claim.attempt,
        "engine": claim.engine,
    }


def _span(ticket: Ticket, provider: Provider) -> AbstractContextManager[tracing.Running | None]:
    """The call as its trace shows it; nothing of it is sent to the provider."""
    if not tracing.is_on():
        return nullcontext()
    claim, model = ticket.claim, ticket.engine.model
    attributes: dict[str, tracing.Value | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider.name,
        "gen_ai.request.model": model,
        **tracing.place(provider.base_url),
        "brandq.execution_id": claim.execution_id,
        "brandq.sample_id": claim.sample_id,
        "brandq.attempt": claim.attempt,
        "brandq.engine": claim.engine,
    }
    return tracing.span(f"chat {model}", "client", attributes)


def _tell(outcome: Outcome, span: tracing.Running | None) -> None:
    """How a call ended, in the log and in its trace, by numbers and by the names of our own classes."""
    said, answer = outcome.http_status, outcome.answer
    if outcome.error is not None:
        error_class = outcome.error.error_class
        logger.info("call ended in %s after %d ms, HTTP %s", error_class, outcome.latency_ms, said or "none")
    elif answer is not None:
        logger.debug("call answered (%s) after %d ms", answer.kind, outcome.latency_ms)
    if span is None:
        return
    span.add({"http.response.status_code": said, "brandq.posts": outcome.posts})
    if outcome.error is not None:
        span.fail(str(outcome.error.error_class))
    elif answer is not None:
        span.add(
            {
                "gen_ai.response.model": answer.served_model,
                "gen_ai.usage.input_tokens": answer.tokens_in,
                "gen_ai.usage.output_tokens": answer.tokens_out,
                "brandq.answer_kind": str(answer.kind),
            }
        )


def _note(landed: _Landed) -> None:
    if landed.noted is not None:
        landed.noted()


def _open(desk: Desk, execution_ids: set[str]) -> set[str]:
    with desk.database.read() as db:
        return store.open_executions(db, execution_ids)


def _renew(desk: Desk, claims: Sequence[store.Claim]) -> set[tuple[int, int]]:
    lease_until = desk.now() + timedelta(seconds=desk.settings.lease_s)
    with desk.database.begin() as db:
        return store.renew_leases(db, claims, worker=desk.worker, lease_until=lease_until)


def _record(desk: Desk, landed: Sequence[_Landed]) -> FollowUp:
    """Settle ended calls in one transaction; what is to be sent after it."""
    now = desk.now()
    ended = [_ended(one, now) for one in landed]
    with desk.database.begin() as db:
        settled = store.settle(db, ended, now=now)
        for engine in {one.ticket.engine.scopes: one.ticket.engine for one in landed}.values():
            theirs = [one.outcome for one in landed if one.ticket.engine == engine and one.outcome is not None]
            note_outcomes(desk, db, engine, theirs, now=now)
    kept = {(claim.sample_id, claim.attempt) for claim in settled.answered}
    for one, came in zip(ended, landed, strict=True):
        if came.asked_at is not None:
            desk.meters.call_ended(came.ticket.engine, came.outcome, kept=one.key in kept)
    desk.meters.failed(settled.failed)
    held_back = {one.claim for one, came in zip(ended, landed, strict=True) if came.asked_at is None}
    traces = {one.ticket.claim.execution_id: one.trace for one in landed} if tracing.is_on() else {}
    follow_up = FollowUp({}, {}, settled.given_up, traces)
    for claim in settled.answered:
        follow_up.answered.setdefault((claim.execution_id, claim.priority), []).append(claim.sample_id)
    for claim, again_at in settled.again:
        wait_s = HELD_BACK_S if claim in held_back else 0.0
        if again_at is not None:
            # samples that come back within half a second of each other share a message
            wait_s = math.ceil(2 * (again_at - now).total_seconds()) / 2
        key = (claim.execution_id, claim.engine, claim.priority, wait_s)
        follow_up.again.setdefault(key, []).append(claim.sample_id)
    return follow_up


def _ended(landed: _Landed, now: datetime) -> Ended:
    claim, outcome = landed.ticket.claim, landed.outcome
    again_at = None
    if outcome is not None and outcome.error is not None:
        wait_s = _wait_s(outcome.error, claim.attempt)
        again_at = None if wait_s is None else now + timedelta(seconds=wait_s)
    return Ended(claim, outcome, landed.asked_at, again_at, simulated=landed.ticket.engine.simulated)


def _next_turn_s(desk: Desk, ticket: Ticket) -> float:
    with desk.database.begin() as db:
        return next_turn_s(desk, db, ticket.engine, now=desk.now())


def _wait_s(error: ProviderError, attempt: int) -> float | None:
    """Seconds until the sample is asked again; None when it is not.

    The wait doubles with each attempt, with jitter over its upper half so that the samples of a batch, which failed
    together, do not come back together. It is never shorter than what the provider asked for; it may be longer, for a
    quota that refills drop by drop names a short wait to everybody, and serves one.
    """
    if not error.ask_again or attempt >= store.MAX_ATTEMPTS:
        return None
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1))
    own = random.uniform(longest / 2, longest)
    return own if error.wait_ms is None else max(own, error.wait_ms / 1000 + random.uniform(0, 0.5))
