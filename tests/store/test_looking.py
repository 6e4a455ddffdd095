"""What pages look at: numbers taken out of reports, what answers cost, and who holds what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from brandq import store
from brandq.plan import Brand, EngineRef, Plan
from brandq.providers.dialect import Outcome
from brandq.reports.facts import Publication
from brandq.store import Database, Wanted
from tests.store.samples_at_hand import LEASE, NOW, PLAN, analyze, answered, claim, end, ids, plan, settle

DOCUMENT = {
    "brands": [
        {
            "overall": {
                "mention_rate": {"value": 0.5, "k": 1, "n": 2},
                "mention_rate_of_panel": {"value": 0.5, "low": 0.1},
            },
            "engines": [
                {"engine": "a", "mention_rate": {"value": 1.0}},
                {"engine": "b", "mention_rate": {"value": 0.0}},
            ],
        },
        {
            "overall": {"mention_rate": {"value": None, "n": 0, "reason": 'it\'s "so"'}},
            "engines": [
                {"engine": "a", "mention_rate": {"value": 0.25}},
                {"engine": "b", "mention_rate": {"value": 0.75}},
            ],
        },
    ],
    "coverage": {"engines": [{"engine": "a", "served_models": [{"model": "豆包-1", "answers": 3}]}]},
}


def reported(database: Database, document: dict[str, object], method: str = "m1") -> str:
    execution_id = plan(database)
    with database.begin() as db:
        store.keep_report(db, execution_id, Publication(document, method, "d" * 64, "completed"), now=NOW)
    return execution_id


def test_of_a_report_comes_what_is_wanted_of_one_brand(database: Database) -> None:
    """Given reports, when one brand of each is asked for, over all engines or one, then its numbers come as they stand there;
    what a report does not have is None, and an execution without a report is missing."""
    first, second, without = reported(database, DOCUMENT), reported(database, {"brands": []}, "m2"), plan(database)
    with database.read() as db:
        told = store.told_of_brand(db, [Wanted(first, 0), Wanted(second, 0), Wanted(without, 0)])
        other = store.told_of_brand(db, [Wanted(first, 1)])
        by_engine = store.told_of_brand(db, [Wanted(first, 1, 1), Wanted(second, 1, 1)])
        assert store.told_of_brand(db, []) == {}
    assert set(told) == {first, second}
    assert told[first].rate == {"value": 0.5, "k": 1, "n": 2}
    assert told[first].panel == {"value": 0.5, "low": 0.1}
    assert told[first].engines == DOCUMENT["coverage"]["engines"]  # type: ignore[index]
    assert (told[first].method_version, told[second].method_version) == ("m1", "m2")
    assert (told[second].rate, told[second].panel, list(told[second].engines)) == (None, None, [])
    assert other[first].rate == {"value": None, "n": 0, "reason": 'it\'s "so"'}
    assert (by_engine[first].rate, by_engine[second].rate) == ({"value": 0.75}, None)


def test_brands_are_listed_as_they_were_spelled_last(database: Database) -> None:
    """Given ended executions of two owners and one that goes on, then an owner's brands come once each, the last measured first,
    with how many executions track them, and none of the other's."""
    for number, name in enumerate(("acme", "ACME")):
        named = replace(PLAN, brands=(Brand(name), Brand(f"other {number}")))
        execution_id = plan(database, plan=named, now=NOW + timedelta(hours=number))
        with database.begin() as db:
            store.cancel_execution(db, execution_id, owner="ann", now=NOW + timedelta(hours=number))
    plan(database, plan=replace(PLAN, brands=(Brand("goes on"),)))
    end(database, plan(database, owner="bob"))
    with database.read() as db:
        hers = store.tracked_brands(db, "ann", 10)
        fewer = store.tracked_brands(db, "ann", 2)
    assert [(one.name, one.subject, one.executions) for one in hers] == [
        ("ACME", True, 2),
        ("other 1", False, 1),
        ("other 0", False, 1),
    ]
    assert fewer == hers[:2]


def paid(
    database: Database, outcomes: list[Outcome], *, simulated: bool = False, days: int = 0, owner: str = "ann"
) -> None:
    asked = Plan((Brand("a"),), ("b?",), (EngineRef("doubao", "doubao", "m1"),), repeats=len(outcomes))
    at = NOW - timedelta(days=days)
    execution_id = plan(database, plan=asked, now=at, owner=owner)
    for sample_id, outcome in zip(ids(database, execution_id), outcomes, strict=True):
        assert settle(database, claim(database, [sample_id], now=at), outcome, at, simulated=simulated) == [True]


def usd(amount: str) -> Outcome:
    return answered(cost=Decimal(amount), currency="USD")


def test_costs_are_added_up_exactly(database: Database) -> None:
    """Given answers with costs to the billionth, in two currencies and of unknown cost, then each sum is exact and has its n; what
    was simulated, is older, or is another owner's does not count."""
    paid(
        database,
        [usd("0.000000001"), usd("0.1"), usd("0.2"), answered(cost=Decimal("7.5"), currency="CNY"), answered()],
    )
    paid(database, [usd("100")], simulated=True)
    paid(database, [usd("1000")], days=31)
    paid(database, [usd("10000")], owner="bob")
    with database.read() as db:
        found = store.spending(db, "ann", since=NOW - timedelta(days=30), most=1000)
        nothing = store.spending(db, "carol", since=NOW, most=1000)
    assert found.whole
    assert found.since == NOW - timedelta(days=30)
    assert {(one.currency, one.amount, one.answers) for one in found.by_engine} == {
        ("USD", Decimal("0.300000001"), 3),
        ("CNY", Decimal("7.5"), 1),
        (None, Decimal(0), 1),
    }
    assert (nothing.by_engine, nothing.whole) == ([], True)


def test_costs_of_many_answers_are_those_of_the_newest(database: Database) -> None:
    """Given more planned samples than are added up, then the newest executions that fit count, the newest in any case, and it
    says since when."""
    for days in (1, 2, 3):
        paid(database, [usd("1"), usd("1")], days=days)
    with database.read() as db:
        two, one = (store.spending(db, "ann", since=NOW - timedelta(days=9), most=most) for most in (4, 1))
    assert (two.whole, two.since, [spent.answers for spent in two.by_engine]) == (False, NOW - timedelta(days=2), [4])
    assert (one.whole, one.since, [spent.answers for spent in one.by_engine]) == (False, NOW - timedelta(days=1), [2])


def test_it_is_seen_which_worker_holds_what(database: Database) -> None:
    """Given two workers that ask, one of them past its lease, then each stands there with its samples and its lease."""
    first, second = plan(database), plan(database)
    claim(database, [*ids(database, first)[:3], *ids(database, second)[:1]], worker="w1")
    claim(database, ids(database, second)[1:3], worker="w2", now=NOW - LEASE)
    with database.read() as db:
        held = store.held_by_worker(db, now=NOW + timedelta(seconds=1), limit=10)
    assert [(one.worker, one.samples, one.executions, one.overdue, one.lease_until) for one in held] == [
        ("w1", 4, 2, 0, NOW + LEASE),
        ("w2", 2, 1, 2, NOW),
    ]


def test_what_goes_on_is_listed_with_its_progress(database: Database) -> None:
    """Given one execution that waits, one that is half done, and one that ended, then the first two are there, the one with the
    nearest deadline first, and how many there are stands beside them."""
    late, soon = plan(database), plan(database, now=NOW - timedelta(hours=1), owner="bob")
    end(database, plan(database))
    half = claim(database, ids(database, soon)[:3])
    settle(database, half, answered())
    analyze(database, [one.sample_id for one in half])
    with database.read() as db:
        n, found = store.going_on(db, limit=10)
        of_two, only = store.going_on(db, limit=1)
    assert [(one.execution_id, one.owner, one.settled, one.planned) for one in found] == [
        (soon, "bob", 3, 8),
        (late, "ann", 0, 8),
    ]
    assert (n, of_two, [one.execution_id for one in only]) == (2, 2, [soon])
