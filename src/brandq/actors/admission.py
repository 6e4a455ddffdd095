"""Admission: which due samples of an engine may be asked now, and when; and what an outcome says about the engine.

Asked in this order: is the engine open, is there money, is there a starting time. Everything that says no says for how
long. Decided inside the transaction that claims, so that any number of workers keep one pace, one breaker, one budget.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from brandq import store
from brandq.actors.desk import Desk
from brandq.costs import cost_of_call
from brandq.plan import EngineRef, Plan
from brandq.providers.dialect import FAILING, OF_MODEL, OF_PROVIDER, ErrorClass, Outcome, Provider, ProviderError
from brandq.store import Budget, EngineState, SetAside, Transaction

#: Starting times are handed out no further ahead than this. A more urgent sample may look further, so it finds one
#: where the others find none
HORIZON = timedelta(seconds=10)
HORIZON_PER_PRIORITY = timedelta(seconds=2)
#: who finds them all taken comes back after this part of the horizon: soon enough that none stays free, and not so soon
#: that the messages of a large plan keep the database busy with asking
COME_BACK = 0.4
#: a paused engine is looked at again after so long, whatever it said: its settings may have changed
LOOK_AGAIN_S = 60.0
#: until a call that finds out whether an engine is better again has probably ended
PROBING_S = 3.0
#: until calls in flight have probably settled, and shown what is left of a budget
SETTLING_S = 2.0
#: the pace is kept a little below the limit, because calls do not take equally long to arrive
PACE_MARGIN = 1.02
#: successes are noted this often per process and model, unless there is something to put right
NOTE_EVERY_S = 10.0
#: errors that say nothing about the provider
_ABOUT_THE_CALL = frozenset({ErrorClass.CONTEXT, ErrorClass.BAD_REQUEST})
#: an engine that answered so recently need not be tried with one call first
PROVEN_FOR = timedelta(hours=6)


@dataclass(frozen=True)
class Admission:
    """The first ``granted`` of the samples may be asked; the rest come back after ``wait_s``, or are refused.

    ``first_at`` and ``gap``: when the first may start, and how long after it each further one. ``refused``: code and
    words for the rest, which will not be asked. ``proven`` and ``troubled``: what the table says of the engine.
    """

    granted: int
    first_at: datetime
    gap: timedelta = timedelta()
    wait_s: float = 0.0
    set_aside: SetAside | None = None
    refused: tuple[str, str] | None = None
    proven: bool = False
    troubled: bool = False


def gap_us(provider: Provider) -> int:
    """The gap that the row asks for between two calls, microseconds; 0 for none."""
    if provider.requests_per_minute is None:
        return 0
    return -int(-60_000_000 * PACE_MARGIN // provider.requests_per_minute)


def settings_of(provider: Provider, engine: EngineRef, key: str | None) -> str:
    """A digest of what decides whether a provider says yes: address, dialect, headers, key. Not to be reversed."""
    if engine.simulated:
        return "simulated"
    parts = [provider.base_url, provider.path, provider.dialect, dict(provider.headers), provider.proxy, key]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def admit(
    desk: Desk, db: Transaction, plan: Plan, engine: EngineRef, due: Sequence[store.Due], now: datetime
) -> Admission:
    """How many of these samples, which are of one execution and one engine, may be asked."""
    chosen = desk.provider(engine)
    if isinstance(chosen, ProviderError):
        return Admission(len(due), now)
    provider, key = chosen
    states = _known(db, engine, settings_of(provider, engine, key), now)
    wanted, wait_s = _open(states, len(due), now)
    if wanted == 0:
        return Admission(0, now, wait_s=wait_s)
    each, wanted, refusal = _afford(desk, db, plan, engine, due[0], wanted, now)
    if refusal is not None and wanted == 0:
        return refusal
    granted, first_at, gap = wanted, now, timedelta()
    state, now_us = states.get(engine.scopes[0]), int(now.timestamp() * 1_000_000)
    if gap_us(provider) or (state and (state.slowed_us or state.next_at_us > now_us)):
        horizon = HORIZON + HORIZON_PER_PRIORITY * due[0].priority
        slots = store.take_slots(db, engine.scopes[0], wanted, gap_us=gap_us(provider), horizon=horizon, now=now)
        granted, gap = slots.granted, timedelta(microseconds=slots.gap_us)
        first_at = now + timedelta(microseconds=slots.first_us - now_us)
        wait_s = max(slots.wait_us / 1_000_000, COME_BACK * horizon.total_seconds())
    for scope in engine.scopes:
        probed = states.get(scope)
        if granted and probed and probed.open_until is not None:
            until = now + timedelta(seconds=provider.total_s + PROBING_S)
            if not store.take_probe(db, scope, until=until, now=now):
                granted = 0
    if each is not None and granted < wanted:
        unused = each.amount * (wanted - granted)
        store.settle_cost(db, each.budgets, reserved=unused, spent=unused * 0, now=now)
    if refusal is not None:
        wait_s = refusal.wait_s
    model = states.get(engine.scopes[1])
    answered_at = model.answered_at if model else None
    return Admission(
        granted,
        first_at,
        gap,
        wait_s,
        each,
        proven=answered_at is not None and now - answered_at < PROVEN_FOR,
        troubled=any(state.troubled for state in states.values()),
    )


def _known(db: Transaction, engine: EngineRef, settings: str, now: datetime) -> dict[str, EngineState]:
    """The states that were learnt under these settings; what was learnt under others is forgotten."""
    states = store.engine_states(db, engine.scopes)
    for scope, state in list(states.items()):
        if state.settings is not None and state.settings != settings:
            store.meet_settings(db, scope, settings, now=now)
            del states[scope]
    return states


def _open(states: dict[str, EngineState], wanted: int, now: datetime) -> tuple[int, float]:
    """How many calls the breaker lets through: all, one that finds out, or none for so many seconds."""
    for state in states.values():
        if state.open_until is None:
            continue
        if state.open_until > now:
            return 0, min((state.open_until - now).total_seconds(), LOOK_AGAIN_S)
        wanted = 1
    return wanted, PROBING_S


def _afford(
    desk: Desk, db: Transaction, plan: Plan, engine: EngineRef, due: store.Due, wanted: int, now: datetime
) -> tuple[SetAside | None, int, Admission | None]:
    """What is set aside for each call, for how many of them, and what becomes of those that cannot be paid."""
    if engine.simulated:
        return None, wanted, None
    budgets: list[Budget] = []
    if plan.cost_limit is not None:
        budgets.append(Budget(due.execution_id, plan.cost_limit, f"the plan's cost_limit of {plan.cost_limit}"))
    if desk.settings.daily_cost_limit is not None:
        budgets.append(store.daily_budget(due.owner, desk.settings.daily_cost_limit, now))
    if not budgets:
        return None, wanted, None
    known = store.experience(db, [engine.engine]).get(engine.engine)
    call = cost_of_call(plan, engine, desk.registry.price(engine), known)
    if call.high is None or any(budget.limit.currency != call.currency for budget in budgets):
        words = f"{budgets[0].title} cannot be kept for {engine.engine}: {call.basis}"
        return None, 0, Admission(0, now, refused=("budget", words))
    each = SetAside(call.high, budgets[0].limit.currency, tuple(budget.name for budget in budgets))
    reservation = store.reserve_cost(db, budgets, call.high, wanted, now=now)
    if reservation.refused_by is None:
        return each, wanted, None
    if reservation.spent_up:
        words = f"not asked: {reservation.refused_by.title} is used up"
        return None, 0, Admission(0, now, refused=("budget", words))
    return each, reservation.granted, Admission(0, now, wait_s=SETTLING_S)


def next_turn_s(desk: Desk, db: Transaction, engine: EngineRef, *, now: datetime) -> float:
    """Seconds until one more request to an engine's provider may start, which is reserved."""
    chosen = desk.provider(engine)
    if isinstance(chosen, ProviderError) or not gap_us(chosen[0]):
        return 0.0
    slots = store.take_slots(db, engine.scopes[0], 1, gap_us=gap_us(chosen[0]), horizon=timedelta(hours=1), now=now)
    return max(0.0, slots.first_us / 1_000_000 - now.timestamp())


def note_outcomes(
    desk: Desk, db: Transaction, engine: EngineRef, outcomes: Sequence[Outcome], *, now: datetime
) -> None:
    """Tell all workers what these calls say about their engine: it answers, it fails, it says too many, it says no."""
    chosen = desk.provider(engine)
    if isinstance(chosen, ProviderError):
        return
    provider, key = chosen
    settings, (whole, model) = settings_of(provider, engine, key), engine.scopes
    lane = desk.lane(provider, engine)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    answered = [outcome for outcome in outcomes if outcome.error is None]
    # a prompt that is too long, or not liked, says nothing against the provider that says so
    well = answered or any(error.error_class in _ABOUT_THE_CALL for error in errors)
    if well and (errors or lane.troubled or lane.worth_noting(engine.model, NOTE_EVERY_S)):
        latency_ms = answered[-1].latency_ms if answered else None
        for scope in engine.scopes:
            store.note_success(db, scope, latency_ms=latency_ms, gap_us=gap_us(provider), settings=settings, now=now)
    failing = [error for error in errors if error.error_class in FAILING]
    if failing and not well:
        last = failing[-1]
        reason, words = str(last.error_class), last.message
        store.note_failures(db, whole, len(failing), reason=reason, message=words, now=now)
    for error in {error.error_class: error for error in errors}.values():
        wait = None if error.wait_ms is None else timedelta(milliseconds=error.wait_ms)
        if error.error_class == ErrorClass.RATE_LIMIT:
            store.slow_engine(db, whole, gap_us=gap_us(provider), wait=wait, now=now)
        elif error.error_class in OF_PROVIDER | OF_MODEL:
            scope = whole if error.error_class in OF_PROVIDER else model
            reason, words = str(error.error_class), error.message
            store.open_engine(db, scope, reason=reason, message=words, wait=wait, settings=settings, now=now)
