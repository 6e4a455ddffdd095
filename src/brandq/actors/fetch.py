"""Fetch: ask one engine a batch of samples side by side, and keep each answer as it lands.

The claims of a batch are renewed while its calls run, so a lease can be short: what a dead worker held comes back
within a minute or two. The same look tells which claims no longer hold (cancelled, past the deadline), and their calls
are broken off. No transaction is open while a provider is waited for. Which samples may be asked, and when, is decided
in ``admission``; what is not asked now comes back as a message of its own.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from brandq import store
from brandq.actors.admission import Admission, admit, next_turn_s, note_outcomes
from brandq.actors.analyze import analyze
from brandq.actors.declare import actor
from brandq.actors.desk import Desk
from brandq.actors.report import close_if_done
from brandq.errors import DatabaseNotReady
from brandq.plan import EngineRef, Plan
from brandq.providers import ask
from brandq.providers.dialect import Outcome, ProviderError
from brandq.store import Transaction

logger = logging.getLogger(__name__)

#: answers that land within this time share a commit; far below what anybody notices, far above what a commit takes
GROUP_S = 0.02
#: how soon a cancelled call is broken off
WATCH_S = 1.0
#: waiting for a free slot at the engine and the call itself, together; below the actor's time limit, 600 s, by what
#: the last commit and the hand-back may need. Above the longest call that a registry row may ask for, 480 s
ASKING_S = 540.0
#: between two tries at reaching the database with answers in hand; they are paid for and must not be dropped
STORE_AGAIN_S = 2.0
#: until the outcome for which calls were held back has probably been noted where all workers see it
HELD_BACK_S = 0.5
#: the first wait before a sample is asked again where the provider named none; it doubles, up to the second number
FIRST_WAIT_S, LONGEST_WAIT_S = 1.5, 60.0


@actor(queue_name="brandq.fetch")
async def fetch(desk: Desk, sample_ids: list[int]) -> None:
    """Take waiting samples, put each prompt to its engine, keep what comes back, send analyze.

    Safe to repeat: a sample that does not wait cannot be claimed, and a stale attempt cannot settle.
    """
    taken = await desk.in_thread(lambda: _take(desk, sample_ids))
    for wait_s, priority, ids in taken.postponed:
        desk.send(fetch, ids, priority=priority, delay_s=wait_s)
    for execution_id in taken.looked_at:
        await desk.in_thread(partial(close_if_done, desk, execution_id))
    if not taken.claims:
        return
    batch = _Batch(desk, taken)
    try:
        await batch.settle_all()
    except asyncio.CancelledError:
        # the worker is stopping: what has landed is kept, the rest goes back to be asked by another one
        logger.info("stopping: %d calls in flight are handed back", len(batch.calls))
    finally:
        await batch.leave()


@dataclass(frozen=True)
class _Ticket:
    """A claim, whom it is for, and when its call may start; both times are of the monotonic clock, seconds."""

    claim: store.Claim
    engine: EngineRef
    admitted_at: float
    start_at: float


@dataclass
class _Taken:
    """What became of the due samples of a message."""

    plans: dict[str, Plan]
    #: before anything was read, so that nothing read can be newer; of the monotonic clock, seconds
    admitted_at: float
    claims: list[_Ticket] = field(default_factory=list)
    #: seconds to wait, priority, sample ids
    postponed: list[tuple[float, int, list[int]]] = field(default_factory=list)
    #: executions of which nothing was claimed, so that perhaps nothing keeps them open
    looked_at: set[str] = field(default_factory=set)


def _take(desk: Desk, sample_ids: Sequence[int]) -> _Taken:
    """Claim what may be asked now, postpone or refuse the rest; one transaction."""
    now, admitted_at = desk.now(), time.monotonic()
    with desk.database.begin() as db:
        due = store.due_samples(db, sample_ids, now=now)
        taken = _Taken(store.plans_of(db, {one.execution_id for one in due}), admitted_at)
        groups: dict[tuple[str, str], list[store.Due]] = {}
        for one in due:
            groups.setdefault((one.execution_id, one.engine), []).append(one)
        for (execution_id, name), group in groups.items():
            plan = taken.plans[execution_id]
            engine = next(engine for engine in plan.engines if engine.engine == name)
            admission = admit(desk, db, plan, engine, group, now)
            _follow(desk, db, taken, engine, group, admission, now)
    return taken


def _follow(
    desk: Desk,
    db: Transaction,
    taken: _Taken,
    engine: EngineRef,
    group: Sequence[store.Due],
    admission: Admission,
    now: datetime,
) -> None:
    chosen = desk.provider(engine)
    if not isinstance(chosen, ProviderError):
        desk.lane(chosen[0], engine).hear(engine.model, proven=admission.proven, troubled=admission.troubled)
    ids = [one.sample_id for one in group]
    claims = store.claim_samples(
        db,
        ids[: admission.granted],
        worker=desk.worker,
        now=now,
        lease_until=now + timedelta(seconds=desk.settings.lease_s),
        set_aside=admission.set_aside,
    )
    for number, claim in enumerate(claims):
        start_in = (admission.first_at + number * admission.gap - now).total_seconds()
        taken.claims.append(_Ticket(claim, engine, taken.admitted_at, taken.admitted_at + start_in))
    rest = ids[admission.granted :]
    if not claims:
        taken.looked_at.add(group[0].execution_id)
    if not rest:
        return
    if admission.refused is not None:
        code, words = admission.refused
        store.refuse_samples(db, rest, code=code, message=words, now=now)
        return
    # messages that were refused together must not all come back together
    wait_s = random.uniform(admission.wait_s, min(admission.wait_s * 1.5, admission.wait_s + 10))
    store.postpone(db, rest, until=now + timedelta(seconds=wait_s))
    taken.postponed.append((wait_s, group[0].priority, rest))


@dataclass(frozen=True)
class _Landed:
    """One ended call; ``outcome`` is None when the sample was not asked: no slot came free, or the provider said no.

    ``noted``: called once the outcome stands where all workers see it.
    """

    claim: store.Claim
    engine: EngineRef
    outcome: Outcome | None
    asked_at: datetime
    noted: Callable[[], None] | None = None


@dataclass
class _Settled:
    """What a commit did, and so what is to be sent after it."""

    answered: list[store.Claim]
    again: list[tuple[store.Claim, float]]
    given_up: set[str]

    def hand_back(self, again: Iterable[store.Claim], given_up: Iterable[str], wait_s: float = 0.0) -> None:
        self.again += [(claim, wait_s) for claim in again]
        self.given_up.update(given_up)


class _Batch:
    """The calls of one message while they run."""

    def __init__(self, desk: Desk, taken: _Taken) -> None:
        self.desk = desk
        self.plans = taken.plans
        self.asked: set[int] = set()
        self.calls = {asyncio.create_task(self._call(ticket)): ticket.claim for ticket in taken.claims}
        self._noted: set[asyncio.Task[_Landed]] = set()
        self._watched = self._renewed = time.monotonic()

    async def _call(self, ticket: _Ticket) -> _Landed:
        claim, engine = ticket.claim, ticket.engine
        plan = self.plans[claim.execution_id]
        chosen = self.desk.provider(engine)
        if isinstance(chosen, ProviderError):
            return _Landed(claim, engine, Outcome(None, chosen, 0, {}), self.desk.now())
        provider, key = chosen
        lane = self.desk.lane(provider, engine)
        try:
            async with asyncio.timeout(ASKING_S - provider.total_s):
                entered = await lane.enter(engine.model, admitted_at=ticket.admitted_at, start_at=ticket.start_at)
        except TimeoutError:
            entered = False
        if not entered:
            return _Landed(claim, engine, None, self.desk.now())
        outcome, said_no = None, None
        try:
            asked_at = self.desk.now()
            self.asked.add(claim.sample_id)
            prompt = plan.prompts[claim.prompt_no - 1]
            outcome = await ask(
                self.desk.http, provider, engine, prompt, key, system=plan.system, turn=partial(self._turn, ticket)
            )
        finally:
            said_no = lane.leave(engine.model, outcome)
        return _Landed(claim, engine, outcome, asked_at, None if said_no is None else partial(lane.noted, said_no))

    async def _turn(self, ticket: _Ticket) -> None:
        """Wait for the starting time of one more request of a call; it counts towards the pace like any other."""
        wait_s = await self.desk.in_thread(lambda: _next_turn_s(self.desk, ticket))
        await asyncio.sleep(wait_s)

    async def settle_all(self) -> None:
        """Settle every call as it lands; ends when none is left."""
        while self.calls:
            done, _ = await asyncio.wait(self.calls, timeout=WATCH_S, return_when=asyncio.FIRST_COMPLETED)
            if done and len(done) < len(self.calls):
                await asyncio.sleep(GROUP_S)
            await self._settle([call for call in self.calls if call.done()])
            await self._watch()

    async def leave(self) -> None:
        """Break off what still runs, keep what has landed meanwhile, hand back the rest."""
        for call in self.calls:
            call.cancel()
        if self.calls:
            await asyncio.wait(self.calls)
        landed = [call for call in self.calls if not call.cancelled() and call.exception() is None]
        await self._settle(landed)
        claims = list(self.calls.values())
        self.calls.clear()
        await self._hand_back(claims)

    async def _settle(self, calls: Iterable[asyncio.Task[_Landed]]) -> None:
        ended = list(calls)
        if not ended:
            return
        landed = [call.result() for call in ended]
        try:
            settled = await self._store(landed)
        finally:
            for call, one in zip(ended, landed, strict=True):
                # once: what could not be stored is tried again when the batch is left, and a lane counts its noes
                if one.noted is not None and call not in self._noted:
                    self._noted.add(call)
                    one.noted()
        for call in ended:
            del self.calls[call]
        await self._follow_up(settled)

    async def _store(self, landed: Sequence[_Landed]) -> _Settled:
        while True:
            try:
                return await self.desk.in_thread(lambda: _record(self.desk, landed))
            except DatabaseNotReady as error:
                logger.error("%d answers wait for the database: %s", len(landed), error)
                await asyncio.sleep(STORE_AGAIN_S)

    async def _follow_up(self, settled: _Settled) -> None:
        for claims in _together((claim, 0.0) for claim in settled.answered).values():
            ids = [claim.sample_id for claim in claims]
            self.desk.send(analyze, claims[0].execution_id, ids, priority=claims[0].priority)
        for (_, wait_s), claims in _together(settled.again).items():
            ids = [claim.sample_id for claim in claims]
            self.desk.send(fetch, ids, priority=claims[0].priority, delay_s=wait_s)
        for execution_id in settled.given_up:
            await self.desk.in_thread(partial(close_if_done, self.desk, execution_id))

    async def _watch(self) -> None:
        """Renew the leases, and break off the calls whose claims no longer hold."""
        now_s = time.monotonic()
        if not self.calls or now_s - self._watched < WATCH_S:
            return
        self._watched = now_s
        # four renewals fit into a lease, so that one may be late without losing it
        renew = now_s - self._renewed > self.desk.settings.lease_s / 4
        if renew:
            self._renewed = now_s
        claims = list(self.calls.values())
        try:
            held = await self.desk.in_thread(lambda: _look(self.desk, claims, renew))
        except DatabaseNotReady as error:
            logger.warning("cannot look after %d calls: %s", len(claims), error)
            return
        for call, claim in list(self.calls.items()):
            if claim.sample_id not in held and not call.done():
                call.cancel()
                del self.calls[call]

    async def _hand_back(self, claims: Sequence[store.Claim]) -> None:
        if not claims:
            return

        def release() -> _Settled:
            now = self.desk.now()
            settled = _Settled([], [], set())
            with self.desk.database.begin() as db:
                for asked in (False, True):
                    theirs = [claim for claim in claims if (claim.sample_id in self.asked) == asked]
                    settled.hand_back(*store.hand_back(db, theirs, asked=asked, now=now))
            return settled

        await self._follow_up(await self.desk.in_thread(release))


def _together(waiting: Iterable[tuple[store.Claim, float]]) -> dict[tuple[str, float], list[store.Claim]]:
    """Claims that one message can carry: of one execution, with the same wait."""
    groups: dict[tuple[str, float], list[store.Claim]] = {}
    for claim, wait_s in waiting:
        groups.setdefault((claim.execution_id, wait_s), []).append(claim)
    return groups


def _look(desk: Desk, claims: Sequence[store.Claim], renew: bool) -> set[int]:
    if not renew:
        with desk.database.read() as db:
            return store.still_held(db, claims)
    with desk.database.begin() as db:
        lease_until = desk.now() + timedelta(seconds=desk.settings.lease_s)
        store.renew_leases(db, claims, worker=desk.worker, lease_until=lease_until)
        return store.still_held(db, claims)


def _record(desk: Desk, landed: Sequence[_Landed]) -> _Settled:
    """Settle ended calls in one transaction; what became of them."""
    settled = _Settled([], [], set())
    now = desk.now()
    with desk.database.begin() as db:
        for call in sorted(landed, key=lambda call: call.claim.sample_id):
            claim, outcome = call.claim, call.outcome
            if outcome is None:
                settled.hand_back(*store.hand_back(db, [claim], asked=False, now=now), wait_s=HELD_BACK_S)
            elif outcome.error is None:
                simulated = call.engine.simulated
                if store.settle_answer(db, claim, outcome, asked_at=call.asked_at, simulated=simulated, now=now):
                    settled.answered.append(claim)
            else:
                wait_s = _wait_s(outcome.error, claim.attempt)
                again_at = None if wait_s is None else now + timedelta(seconds=wait_s)
                moved = store.settle_error(db, claim, outcome, again_at=again_at, now=now)
                if moved and wait_s is not None:
                    settled.again.append((claim, wait_s))
                elif moved:
                    settled.given_up.add(claim.execution_id)
        for engine in {call.engine.scopes: call.engine for call in landed}.values():
            theirs = [call.outcome for call in landed if call.engine == engine and call.outcome is not None]
            note_outcomes(desk, db, engine, theirs, now=now)
    return settled


def _next_turn_s(desk: Desk, ticket: _Ticket) -> float:
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
