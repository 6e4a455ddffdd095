"""The engines: which can be asked here, how each fares just now, and what its answers cost. Nobody is asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from starlette.responses import Response

from brandq import store
from brandq.providers.registry import EngineListing
from brandq.store import EngineState, Spent
from brandq.web.openapi import Operation, Visit, operation
from brandq.web.pages.rendering import PAGE, page, words_for
from brandq.web.pauses import Known, known_of
from brandq.words import Words

#: days of which the costs are added up
SPENDING_DAYS = 30
#: planned samples of the executions of these days that are added up: some 0.2 s
MOST_SAMPLES = 100_000


def reasons(words: Words) -> Mapping[str, tuple[str, str]]:
    """Why an engine is paused, by the code of the reason, and what people can do about it."""
    by_itself = words.say("Nothing has to be done: it is tried again by itself.")
    return {
        "auth": (words.say("its key is not accepted"), words.say("Check the key, set the right one and restart.")),
        "no_money": (words.say("the account has no money left"), words.say("Top up the account.")),
        "permission": (
            words.say("the key may not do this"),
            words.say("Give the key the right to use this model, or set another key."),
        ),
        "model": (
            words.say("there is no such model for this account"),
            words.say("Name a model that the account has."),
        ),
        "daily_quota": (
            words.say("the quota of the day is used up"),
            words.say("Wait for the next day, or have the quota raised."),
        ),
        "overloaded": (words.say("the provider is overloaded"), by_itself),
        "network": (
            words.say("the provider cannot be reached"),
            words.say("If it lasts, check the network and the proxy."),
        ),
        "rate_limit": (words.say("it was asked too often"), by_itself),
    }


@dataclass(frozen=True)
class Pause:
    """Why something is not asked. ``until`` None: that moment has passed, and the next call finds out."""

    #: the model where only that is paused
    model: str | None
    reason: str
    helps: str | None
    message: str | None
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Shown:
    """One row of the registry with what is known of it."""

    listed: EngineListing
    known: Known
    pauses: Sequence[Pause]
    #: by currency: amount, and of how many answers
    paid: Sequence[tuple[str, Decimal, int]]
    unknown_cost: int
    #: the variants that were paid for, where they are not just the row itself
    variants: Sequence[str]


@operation(Operation("The engines", "pages", "read", {200: PAGE}))
def show_engines(visit: Visit) -> Response:
    """Those that can be asked first, then those that the simulator answers for, then those without a key."""
    desk, now = visit.desk, visit.desk.now()
    with desk.database.read() as db:
        states = store.engine_states(db)
        spending = store.spending(db, visit.caller.owner, since=now - timedelta(days=SPENDING_DAYS), most=MOST_SAMPLES)
    why = reasons(words_for(visit.request))
    rows = [_shown(listed, states, spending.by_engine, why, now) for listed in desk.registry.listing()]
    known_names = {row.listed.name for row in rows}
    return page(
        visit,
        "engines.html",
        asked=[row for row in rows if row.listed.configured and not row.listed.simulated],
        simulated=[row for row in rows if row.listed.simulated],
        missing=[row for row in rows if not row.listed.configured and not row.listed.simulated],
        gone=[spent for spent in spending.by_engine if provider_of(spent.engine) not in known_names],
        days=SPENDING_DAYS,
        spending=spending,
        now=now,
    )


def provider_of(engine: str) -> str:
    """The registry row that an engine's key begins with."""
    return engine.partition("?")[0].partition("/")[0]


def _shown(
    listed: EngineListing,
    states: Mapping[str, EngineState],
    spent: Sequence[Spent],
    why: Mapping[str, tuple[str, str]],
    now: datetime,
) -> Shown:
    known = known_of(listed, states)
    pauses = (
        [] if known.provider is None or known.provider.open_until is None else [_pause(None, known.provider, why, now)]
    )
    pauses += [_pause(model, state, why, now) for model, state in known.models.items()]
    theirs = [one for one in spent if provider_of(one.engine) == listed.name]
    paid: dict[str, tuple[Decimal, int]] = {}
    for one in theirs:
        if one.currency is not None:
            amount, answers = paid.get(one.currency, (Decimal(0), 0))
            paid[one.currency] = amount + one.amount, answers + one.answers
    variants = sorted({one.engine for one in theirs})
    return Shown(
        listed,
        known,
        pauses,
        [(currency, amount, answers) for currency, (amount, answers) in sorted(paid.items())],
        sum(one.answers for one in theirs if one.currency is None),
        [] if variants == [listed.name] else variants,
    )


def _pause(model: str | None, state: EngineState, why: Mapping[str, tuple[str, str]], now: datetime) -> Pause:
    reason, helps = why.get(state.open_reason or "", (state.open_reason or "", None))
    until = state.open_until if state.open_until is not None and state.open_until > now else None
    return Pause(model, reason, helps, state.open_message, state.opened_at, until)
