"""Stored answers that are taken instead of new ones, and what answers of known cost say about the next."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from brandq import store
from brandq.analysis.findings import Findings
from brandq.errors import Conflict
from brandq.plan import EngineRef, Plan
from brandq.providers.dialect import Answer, AnswerKind, Outcome
from brandq.store import Database, Place
from tests.store.samples_at_hand import NOW, PLAN, answered, claim, close, ids, plan, publish, settle, states

DAY = timedelta(hours=24)
#: all that the plan has places for: two prompts, two engines, two repeats
EVERYWHERE = {(prompt_no, engine, n) for prompt_no in (1, 2) for engine in ("doubao", "qwen") for n in (1, 2)}


def ask(
    database: Database,
    *,
    plan_: Plan = PLAN,
    outcome: Outcome | None = None,
    owner: str = "ann",
    age: timedelta = timedelta(hours=1),
    simulated: bool = False,
) -> str:
    """An execution whose every sample was answered so long ago; its id."""
    at = NOW - age
    execution_id = plan(database, plan=plan_, owner=owner, now=at)
    for sample_id in ids(database, execution_id):
        given = answered(f"answer {sample_id}") if outcome is None else outcome
        claims = claim(database, [sample_id], now=at)
        assert settle(database, claims, given, at, simulated=simulated) == [True]
    return execution_id


def of_kind(kind: AnswerKind) -> Outcome:
    return replace(answered(), answer=Answer("", kind))


def reusable(
    database: Database, plan_: Plan = PLAN, *, owner: str = "ann", within: timedelta = DAY
) -> dict[Place, int]:
    with database.read() as db:
        return store.reusable_answers(db, owner, plan_, NOW - within)


def take(database: Database, given: Mapping[Place, int], plan_: Plan = PLAN) -> str:
    """An execution that begins with these answers; its id."""
    target = plan(database, plan=plan_, answered=frozenset(given))
    with database.begin() as db:
        store.take_over(db, target, given)
    return target


def engines(*changed: Mapping[str, Any]) -> tuple[EngineRef, ...]:
    return tuple(replace(engine, **fields) for engine, fields in zip(PLAN.engines, changed, strict=True))


def test_every_answer_of_the_same_plan_is_reusable(database: Database) -> None:
    """Given an answered execution, when its plan is looked up, then each place has the sample of its own place."""
    source = ask(database)
    with database.read() as db:
        assert reusable(database) == store.places_with_answer(db, source)


#: what the new plan has otherwise, or how the old one was answered; the places that are still reusable
OTHERWISE: dict[str, tuple[dict[str, Any], dict[str, Any], set[Place]]] = {
    "another label, priority, limit and brands": (
        {"label": "march", "priority": 9, "brands": PLAN.brands[:1], "reuse_within_hours": 24},
        {},
        EVERYWHERE,
    ),
    "another owner": ({}, {"owner": "bob"}, set()),
    "another system text": ({"system": "You are brief."}, {}, set()),
    "one prompt is another": (
        {"prompts": (PLAN.prompts[1], "Something else?")},
        {},
        # the prompt that both have stands elsewhere, and is found there
        {(1, engine, n) for engine in ("doubao", "qwen") for n in (1, 2)},
    ),
    "one more space in the prompts": ({"prompts": tuple(f"{prompt} " for prompt in PLAN.prompts)}, {}, set()),
    "more repeats": ({"repeats": 5}, {}, EVERYWHERE),
    "fewer repeats": ({"repeats": 1}, {}, {place for place in EVERYWHERE if place[2] == 1}),
    "one engine asks another model": (
        {"engines": engines({"model": "m9"}, {})},
        {},
        {place for place in EVERYWHERE if place[1] == "qwen"},
    ),
    "one engine searches": (
        {"engines": engines({}, {"search": True})},
        {},
        {place for place in EVERYWHERE if place[1] == "doubao"},
    ),
    "one engine has a locale": (
        {"engines": engines({}, {"locale": "zh-CN"})},
        {},
        {place for place in EVERYWHERE if place[1] == "doubao"},
    ),
    "the engines are simulated now": ({"engines": engines({"simulated": True}, {"simulated": True})}, {}, set()),
    "the engines are imported": ({"engines": engines({"imported": True}, {"imported": True})}, {}, set()),
    "the simulator answered for real engines": ({}, {"simulated": True}, set()),
    "refused": ({}, {"outcome": of_kind(AnswerKind.REFUSED)}, set()),
    "truncated": ({}, {"outcome": of_kind(AnswerKind.TRUNCATED)}, set()),
    "too old": ({}, {"age": timedelta(hours=24, seconds=1)}, set()),
    "just new enough": ({}, {"age": DAY}, EVERYWHERE),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_only_the_same_is_reusable(database: Database, case: str) -> None:
    """Given an answered execution, when something is otherwise, then only what is the same all the same is reusable."""
    fields, asked, expected = OTHERWISE[case]
    ask(database, **asked)
    assert set(reusable(database, replace(PLAN, **fields))) == expected


def test_imported_answers_are_not_reusable(database: Database) -> None:
    """Given answers out of a file under the name of a real engine, then they are nobody's answers but that file's."""
    given = {place: Answer("趣车良品", AnswerKind.OK) for place in EVERYWHERE}
    source = plan(database, answered=frozenset(given))
    with database.begin() as db:
        assert store.import_answers(db, source, given, answered_at=NOW) == 8
    assert reusable(database) == {}


def test_simulated_answers_are_for_simulated_engines(database: Database) -> None:
    """Given a plan on the simulator, when the same plan comes again, then its answers are reusable."""
    simulated = replace(PLAN, engines=engines({"simulated": True}, {"simulated": True}))
    ask(database, plan_=simulated, simulated=True)
    assert set(reusable(database, simulated)) == EVERYWHERE


def test_the_newest_answer_is_taken(database: Database) -> None:
    """Given three executions, when the newest refused and ended last, then the second newest is taken, whenever it was
    accepted."""
    ask(database, age=timedelta(hours=5))
    wanted = ask(database, age=timedelta(hours=2))
    ask(database, age=timedelta(hours=3))
    ask(database, outcome=of_kind(AnswerKind.REFUSED), age=timedelta(hours=1))
    with database.read() as db:
        assert reusable(database) == store.places_with_answer(db, wanted)


def test_an_ended_execution_is_looked_at_while_its_end_is_near_enough(database: Database) -> None:
    """Given an execution that ended, when its answers are within the hours, then they are reusable, else not."""
    source = ask(database, age=timedelta(hours=30))
    with database.begin() as db:
        found = store.unread_answers(db, source, ids(database, source))
        store.record_findings(db, {one.sample_id: Findings(()) for one in found}, method_version="method-1")
    at = NOW - timedelta(hours=30)
    assert close(database, source, at)
    assert publish(database, source, now=at)
    assert reusable(database, within=timedelta(hours=29)) == {}
    assert set(reusable(database, within=timedelta(hours=31))) == EVERYWHERE


def test_what_is_taken_over_names_its_sample_and_costs_nothing_again(database: Database) -> None:
    """Given answers that cost money, when they are taken over, then text and time are theirs, and the cost is not."""
    source = ask(database, outcome=answered("kept", cost=Decimal("0.02"), currency="USD", cost_basis="reported"))
    given = reusable(database)
    target = take(database, given)
    assert states(database, target) == {"answered": 8}
    with database.read() as db:
        assert store.taken_over(db, target) == EVERYWHERE
        assert store.taken_over(db, source) == frozenset()
        for place, sample_id in store.places_with_answer(db, target).items():
            shown = store.evidence(db, target, sample_id)
            original = store.evidence(db, source, given[place])
            assert shown.taken_from == original.sample_id
            assert (shown.answer.text, shown.answered_at) == ("kept", original.answered_at)
            assert (shown.answer.cost, shown.answer.currency, shown.answer.cost_basis) == (None, None, "taken over")
            assert store.raw_body(db, target, sample_id) == store.raw_body(db, source, original.sample_id)


def test_an_answer_does_not_outlive_its_hours_by_being_taken_over(database: Database) -> None:
    """Given an answer of 20 hours that was taken over just now, then it is 20 hours old, and its sample the first."""
    source = ask(database, age=timedelta(hours=20))
    copy = take(database, reusable(database))
    assert reusable(database, within=timedelta(hours=19)) == {}
    again = take(database, reusable(database))
    with database.read() as db:
        originals = set(store.places_with_answer(db, source).values())
        for execution_id in (copy, again):
            for sample_id in store.places_with_answer(db, execution_id).values():
                assert store.evidence(db, execution_id, sample_id).taken_from in originals


def test_an_answer_that_is_gone_is_not_taken_over(database: Database) -> None:
    """Given an answer that is removed after it was found, when it is taken over, then nothing is stored, and it says
    so: a sample that is answered without an answer would never end."""
    ask(database)
    given = {**reusable(database), (1, "doubao", 1): 999_999}
    order = store.Order(str(uuid.uuid4()), "ann", PLAN, NOW + DAY, answered=frozenset(given))

    def write() -> None:
        with database.begin() as db:
            store.plan_execution(db, order, now=NOW)
            store.take_over(db, order.execution_id, given)

    with pytest.raises(Conflict, match="send it again"):
        write()
    with database.read() as db:
        assert len(store.list_executions(db, "ann", store.Filter(), 10)) == 1


# -- experience


def test_experience_knows_what_answers_cost(database: Database) -> None:
    """Given answers of known cost, of none, and of the simulator, then the known ones are there, the newest first, and
    what was taken over is not counted twice."""
    one = replace(PLAN, prompts=PLAN.prompts[:1], engines=PLAN.engines[:1], repeats=1)
    for cost in ("0.01", None, "0.03"):
        money = {} if cost is None else {"cost": Decimal(cost), "currency": "USD"}
        ask(database, plan_=one, outcome=answered(**money))
    ask(database, plan_=one, outcome=answered(cost=Decimal(9), currency="USD"), simulated=True)
    take(database, reusable(database, one), one)
    with database.read() as db:
        known = store.experience(db, ["doubao", "qwen", "doubao"])
    assert set(known) == {"doubao"}
    assert (known["doubao"].n, known["doubao"].latency_ms) == (4, 120.0)
    assert (known["doubao"].costs, known["doubao"].currency) == ((Decimal("0.03"), Decimal("0.01")), "USD")


def test_experience_in_two_currencies_has_none(database: Database) -> None:
    """Given costs in two currencies, then there is no currency that they are in; each engine has its own."""
    one = replace(PLAN, prompts=PLAN.prompts[:1], engines=PLAN.engines[:1], repeats=1)
    ask(database, plan_=PLAN, outcome=answered(cost=Decimal("0.5"), currency="USD"))
    ask(database, plan_=one, outcome=answered(cost=Decimal("0.5"), currency="CNY"))
    with database.read() as db:
        known = store.experience(db, ["doubao", "qwen"])
        assert store.experience(db, []) == {}
    assert known["doubao"].currency is None
    assert (known["qwen"].currency, len(known["qwen"].costs)) == ("USD", 4)
