"""For whoever runs the service: what waits, what runs, what failed, what is dead, and whether anything is stuck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from starlette.responses import Response

from brandq import store
from brandq.web.about import explained_letters
from brandq.web.looking import BrokerLook
from brandq.web.openapi import Operation, Visit, operation
from brandq.web.pages.engines import REASONS
from brandq.web.pages.rendering import page
from brandq.web.pages.signing import PAGE

#: rows of one table
MOST_ROWS = 50
#: what each queue is for
QUEUES = {
    "brandq.fetch": "asks the engines",
    "brandq.analyze": "reads answers",
    "brandq.report": "builds reports",
    "brandq.notify": "tells webhooks",
    "brandq.upkeep": "sends again what was lost",
}
#: what each sweep does
SWEEPS = {
    "release_expired": "takes back the samples of workers that died",
    "expire_overdue": "closes executions past their deadline",
    "close_unclosed": "closes executions that nobody closed",
    "resend_waiting": "sends again what waits to be asked",
    "resend_answered": "sends again answers that nobody read",
    "resend_reports": "sends again reports that nobody built",
    "resend_deliveries": "tells webhooks whose time has come",
    "end_orphans": "ends the attempts of workers that vanished, hourly",
    "remove_old": "removes executions past their retention, hourly",
    "forget_old": "forgets old idempotency keys and limits, daily",
    "check_truths": "looks whether anything is stuck",
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
    queues = broker.see()
    return page(
        visit,
        "queues.html",
        now=now,
        broker={**queues, "queues": {name: queues["queues"][name] for name in _in_order(queues["queues"])}},
        embedded=desk.settings.embedded,
        purposes=QUEUES,
        unserved=[name for name, depth in queues["queues"].items() if depth["consumers"] == 0],
        dead=sum(depth["dead"] for depth in queues["queues"].values()),
        letters=None if letters is None else explained_letters(visit, letters),
        open_samples=open_samples,
        oldest=oldest,
        workers=[(one, _ago(one.lease_until - timedelta(seconds=desk.settings.lease_s), now)) for one in workers],
        unfinished=unfinished,
        going_on=going_on,
        swept=_sweeps(swept, now),
        silent=None if last is not None and now - last <= store.CLOCK_SILENT else (last or "never"),
        paused=[
            (scope, state, _reason(state.open_reason)) for scope, state in sorted(states.items()) if state.open_until
        ],
        broken={words: rows for words, rows in broken.items() if rows},
    )


def _in_order(names: Iterable[str]) -> list[str]:
    """As work goes through them."""
    order = list(QUEUES)
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def _sweeps(
    swept: Mapping[str, tuple[datetime, int]], now: datetime
) -> list[tuple[str, str, timedelta, timedelta | None, int]]:
    """Each sweep in the order in which they run: name, what it does, how long ago, how long ago its turn, repaired."""
    names = [name for name in SWEEPS if name in swept]
    names += [name for name in swept if name not in SWEEPS and name not in TURNS.values()]
    rows = []
    for name in names:
        at, repaired = swept[name]
        turn = swept.get(TURNS.get(name, ""))
        rows.append((name, SWEEPS.get(name, ""), _ago(at, now), None if turn is None else _ago(turn[0], now), repaired))
    return rows


def _ago(at: datetime, now: datetime) -> timedelta:
    return max(now - at, timedelta())


def _reason(code: str | None) -> str:
    code = code or ""
    return REASONS[code][0] if code in REASONS else code
