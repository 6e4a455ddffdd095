"""For whoever runs the service: what waits, what runs, what failed, what is dead, and whether anything is stuck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from starlette.responses import Response

from brandq import store
from brandq.web.about import explained_letters
from brandq.web.looking import BrokerLook
from brandq.web.openapi import Operation, Visit, operation
from brandq.web.pages.engines import reasons
from brandq.web.pages.rendering import PAGE, page, words_for
from brandq.words import Words

#: rows of one table
MOST_ROWS = 50


def queues_named(words: Words) -> dict[str, str]:
    """What each queue is for, as work goes through them."""
    return {
        "brandq.fetch": words.say("asks the engines"),
        "brandq.analyze": words.say("reads answers"),
        "brandq.report": words.say("builds reports"),
        "brandq.notify": words.say("tells webhooks"),
        "brandq.upkeep": words.say("sends again what was lost"),
    }


def sweeps_named(words: Words) -> dict[str, str]:
    """What each sweep does, in the order in which they run."""
    return {
        "release_expired": words.say("takes back the samples of workers that died"),
        "expire_overdue": words.say("closes executions past their deadline"),
        "close_unclosed": words.say("closes executions that nobody closed"),
        "resend_waiting": words.say("sends again what waits to be asked"),
        "resend_answered": words.say("sends again answers that nobody read"),
        "resend_reports": words.say("sends again reports that nobody built"),
        "resend_deliveries": words.say("tells webhooks whose time has come"),
        "end_orphans": words.say("ends the attempts of workers that vanished, hourly"),
        "remove_old": words.say("removes executions past their retention, hourly"),
        "forget_old": words.say("forgets old idempotency keys and limits, daily"),
        "check_truths": words.say("looks whether anything is stuck"),
    }


#: under which name a sweep that does not work each minute notes its turns
TURNS = {"end_orphans": "orphans", "remove_old": "hourly", "forget_old": "daily"}


@operation(Operation("The queues", "pages", "admin", {200: PAGE}))
def show_queues(visit: Visit) -> Response:
    """The tables as they are, and the broker as it was a few seconds ago; without a broker the tables alone."""
    desk, now = visit.desk, visit.desk.now()
    broker: BrokerLook = visit.request.app.state.broker
    letters = broker.letters()
    with desk.database.read() as db:
        open_samples = store.open_samples(db)
        oldest = store.oldest_waiting(db, now=now)
        workers = store.held_by_worker(db, now=now, limit=MOST_ROWS)
        unfinished, going_on = store.going_on(db, limit=MOST_ROWS)
        swept = store.swept(db)
        states = store.engine_states(db)
        broken = store.broken_truths(db, now=now, slack=store.SLACK, since=now - store.LOOK_BACK)
    last = max((at for at, _ in swept.values()), default=None)
    words = words_for(visit.request)
    queues, purposes, why = broker.see(), queues_named(words), reasons(words)
    return page(
        visit,
        "queues.html",
        now=now,
        broker={**queues, "queues": {name: queues["queues"][name] for name in _in_order(queues["queues"], purposes)}},
        embedded=desk.settings.embedded,
        purposes=purposes,
        unserved=[name for name, depth in queues["queues"].items() if depth["consumers"] == 0],
        dead=sum(depth["dead"] for depth in queues["queues"].values()),
        letters=None if letters is None else explained_letters(visit, letters),
        open_samples=open_samples,
        oldest=oldest,
        workers=[(one, _ago(one.lease_until - timedelta(seconds=desk.settings.lease_s), now)) for one in workers],
        unfinished=unfinished,
        going_on=going_on,
        swept=_sweeps(swept, sweeps_named(words), now),
        silent=None if last is not None and now - last <= store.CLOCK_SILENT else (last or "never"),
        paused=[
            (scope, state, why.get(state.open_reason or "", (state.open_reason or "", None))[0])
            for scope, state in sorted(states.items())
            if state.open_until
        ],
        broken={words: rows for words, rows in broken.items() if rows},
    )


def _in_order(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """The known ones first, in their order."""
    order = list(known)
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def _sweeps(
    swept: Mapping[str, tuple[datetime, int]], known: Mapping[str, str], now: datetime
) -> list[tuple[str, str, timedelta, timedelta | None, int]]:
    """Each sweep: its name, what it does, how long ago it ran, and how long ago its turn came, and what it repaired."""
    names = _in_order((name for name in swept if name not in TURNS.values()), known)
    rows = []
    for name in names:
        at, repaired = swept[name]
        turn = swept.get(TURNS.get(name, ""))
        rows.append((name, known.get(name, ""), _ago(at, now), None if turn is None else _ago(turn[0], now), repaired))
    return rows


def _ago(at: datetime, now: datetime) -> timedelta:
    return max(now - at, timedelta())
