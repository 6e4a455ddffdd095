"""Settling: calls that have ended, with or without an answer, many in one transaction.

However many calls end together, the number of statements is the same: this runs for every answer there is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.providers.dialect import ErrorClass, Outcome
from brandq.states import SampleState
from brandq.store.budgets import settle_costs
from brandq.store.chains import answer_row, seal
from brandq.store.moving import among, insert_rows, lock_executions, move_each, move_samples, update_rows
from brandq.store.samples import LOST, MAX_ATTEMPTS, Claim, SetAside, lost_values
from brandq.tables import answers, attempts, samples

#: a claim by what fences it: sample and attempt
Key = tuple[int, int]

#: attempts are ended once
_UNENDED = sa.update(attempts).where(attempts.c.outcome.is_(None))


@dataclass(frozen=True)
class Ended:
    """A claim whose call is over.

    ``outcome`` is None where no call was made (then ``asked_at`` is None as well), or where it was cut off.
    ``again_at``: when to ask again after an error that allows it; None gives the sample up.
    """

    claim: Claim
    outcome: Outcome | None
    asked_at: datetime | None
    again_at: datetime | None = None
    simulated: bool = False

    @property
    def key(self) -> Key:
        return self.claim.sample_id, self.claim.attempt


@dataclass
class Settled:
    """What became of ended calls, and so what is to be sent once this is committed."""

    #: their answers are stored
    answered: list[Claim] = field(default_factory=list)
    #: to be asked again, and when: None for at once
    again: list[tuple[Claim, datetime | None]] = field(default_factory=list)
    #: executions that lost a sample for good
    given_up: set[str] = field(default_factory=set)
    #: samples that were given up, by their code
    failed: Counter[str] = field(default_factory=Counter)
    #: what did not hold any more: cancelled, past its deadline, or taken away after its lease; it changed nothing
    late: list[Claim] = field(default_factory=list)


def settle(db: Connection, ended: Sequence[Ended], *, now: datetime) -> Settled:
    """Settle these calls, each only while its claim holds. Every attempt is ended, also of claims that do not.

    An answer is stored; an error releases its sample or gives it up. What was never asked costs no attempt; what was
    cut off keeps it counted, for the call may be billed, and is given up at the cap.
    """
    settled = Settled()
    lock_executions(db, {one.claim.execution_id for one in ended})
    held = _held(db, [one.claim for one in ended])
    mine = [one for one in ended if one.key in held]
    settled.late = [one.claim for one in ended if one.key not in held]
    _keep_answers(db, [one for one in mine if one.outcome is not None and one.outcome.answer is not None], settled, now)
    _keep_errors(db, [one for one in mine if one.outcome is not None and one.outcome.error is not None], settled, now)
    _hand_back(db, [one for one in mine if one.outcome is None], settled, now)
    _end_attempts(db, ended, held, now)
    return settled


def _held(db: Connection, claims: Sequence[Claim]) -> set[Key]:
    """The claims that hold, locked in one order."""
    rows = db.execute(
        sa.select(samples.c.sample_id, samples.c.attempt)
        .where(among(db, samples.c.sample_id, {one.sample_id for one in claims}), samples.c.state == SampleState.ASKING)
        .order_by(samples.c.sample_id)
        .with_for_update()
    )
    return {(row.sample_id, row.attempt) for row in rows}


def _keep_answers(db: Connection, answered: Sequence[Ended], settled: Settled, now: datetime) -> None:
    if not answered:
        return
    by_status: dict[int | None, list[int]] = defaultdict(list)
    rows = []
    for one in answered:
        outcome = one.outcome
        if outcome is None or outcome.answer is None:
            raise ValueError("an answered call has an outcome with an answer")
        by_status[outcome.http_status].append(one.claim.sample_id)
        row = answer_row(
            one.claim.sample_id,
            outcome.answer,
            raw=outcome.raw,
            request=outcome.request,
            asked_at=one.asked_at,
            answered_at=now,
            latency_ms=outcome.latency_ms,
            http_status=outcome.http_status,
            simulated=one.simulated,
        )
        place = {name: getattr(one.claim, name) for name in ("execution_id", "prompt_no", "engine", "repeat_no")}
        rows.append(row | place)
        settled.answered.append(one.claim)
    for http_status, ids in by_status.items():
        values = {"settled_at": now, "sent_at": now, "error_code": None, "error_message": None}
        move_samples(db, "answer", among(db, samples.c.sample_id, ids), values={**values, "http_status": http_status})
    insert_rows(db, answers, seal(db, rows))


def _keep_errors(db: Connection, failed: Sequence[Ended], settled: Settled, now: datetime) -> None:
    released, given_up = [], []
    for one in failed:
        error = one.outcome.error if one.outcome is not None else None
        if error is None:
            raise ValueError("a failed call has an outcome with an error")
        known = {
            "sample_id": one.claim.sample_id,
            "error_code": str(error.error_class),
            "error_message": error.message,
            "http_status": error.http_status,
        }
        if one.again_at is None:
            given_up.append({**known, "settled_at": now, "sent_at": None})
            settled.given_up.add(one.claim.execution_id)
            settled.failed[str(error.error_class)] += 1
        else:
            released.append({**known, "next_attempt_at": one.again_at, "sent_at": one.again_at})
            settled.again.append((one.claim, one.again_at))
    move_each(db, "give_up", given_up)
    move_each(db, "release", released)


def _hand_back(db: Connection, unfinished: Sequence[Ended], settled: Settled, now: datetime) -> None:
    unasked = [one.claim for one in unfinished if one.asked_at is None]
    asked = [one.claim for one in unfinished if one.asked_at is not None]
    again = [claim for claim in asked if claim.attempt < MAX_ATTEMPTS]
    lost = [claim for claim in asked if claim.attempt >= MAX_ATTEMPTS]
    back: dict[str, Any] = {"sent_at": now}
    for claims, event, values in (
        (unasked, "release", back | {"attempt": samples.c.attempt - 1}),
        (again, "release", back),
        (lost, "give_up", lost_values("was stopped while asking it", now)),
    ):
        if claims:
            move_samples(
                db, event, among(db, samples.c.sample_id, [claim.sample_id for claim in claims]), values=values
            )
    settled.again += [(claim, None) for claim in (*unasked, *again)]
    settled.given_up |= {claim.execution_id for claim in lost}
    settled.failed.update({LOST: len(lost)} if lost else {})


def _end_attempts(db: Connection, ended: Sequence[Ended], held: set[Key], now: datetime) -> None:
    """End each attempt once; where no call was made there was none."""
    paying = [one for one in ended if one.claim.set_aside is not None]
    if paying:
        _settle_costs(db, paying, now)
    unasked = [_named(one) for one in ended if one.asked_at is None]
    if unasked:
        named = (attempts.c.sample_id == sa.bindparam("of_sample_id")) & (
            attempts.c.attempt == sa.bindparam("of_attempt")
        )
        db.execute(
            sa.delete(attempts).where(named), [{f"of_{name}": key for name, key in one.items()} for one in unasked]
        )
    asked = []
    for one in ended:
        if one.asked_at is not None:
            answer = one.outcome.answer if one.outcome else None
            ending = {
                "ended_at": now,
                "outcome": _word(one, one.key in held),
                "posts": one.outcome.posts if one.outcome else None,
                "cost": answer.cost if answer else None,
                "currency": answer.currency if answer else None,
            }
            asked.append(_named(one) | ending)
    update_rows(db, _UNENDED, ("sample_id", "attempt"), asked)


def _named(one: Ended) -> dict[str, Any]:
    return {"sample_id": one.claim.sample_id, "attempt": one.claim.attempt}


def _word(one: Ended, held: bool) -> str:
    """What an attempt came to, as the table says it."""
    if one.outcome is None:
        return "handed_back" if held else "broken_off"
    if one.outcome.error is not None:
        return str(one.outcome.error.error_class)
    kind = one.outcome.answer.kind if one.outcome.answer else ""
    return str(kind) if held else "late"


def _settle_costs(db: Connection, paying: Sequence[Ended], now: datetime) -> None:
    """Exchange what was set aside for these calls for what they cost; not again for what was counted as lost."""
    ids = {one.claim.sample_id for one in paying}
    rows = db.execute(
        sa.select(attempts.c.sample_id, attempts.c.attempt).where(
            among(db, attempts.c.sample_id, ids), attempts.c.outcome.is_(None)
        )
    )
    uncounted = {(row.sample_id, row.attempt) for row in rows}
    settle_costs(
        db,
        [
            (one.claim.set_aside.budgets, one.claim.set_aside.amount, _spent(one.claim.set_aside, one))
            for one in paying
            if one.claim.set_aside is not None and one.key in uncounted
        ],
        now=now,
    )


def _spent(kept: SetAside, one: Ended) -> Decimal:
    """What a call counts for under a limit: its cost; nothing where the provider declined; else what was set aside.

    A call that broke off may be billed all the same, and so are the rounds before the one that was declined.
    """
    if one.asked_at is None:
        return Decimal(0)
    outcome = one.outcome
    if outcome is None:
        return kept.amount
    if outcome.error is not None:
        declined = outcome.error.error_class != ErrorClass.NETWORK and outcome.posts == 1
        return Decimal(0) if declined else kept.amount
    answer = outcome.answer
    known = answer is not None and answer.cost is not None and answer.currency == kept.currency
    return answer.cost if known and answer and answer.cost is not None else kept.amount
