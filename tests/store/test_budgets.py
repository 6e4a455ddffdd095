"""Budgets: reserved before a call, settled from its reply, and never more is in flight than the limit allows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from brandq import store
from brandq.plan import CostLimit
from brandq.providers.dialect import Answer, AnswerKind, ErrorClass, Outcome, ProviderError
from brandq.store import Budget, Database, Reservation, SetAside
from tests.store.samples_at_hand import LEASE, NOW, answered, claim, hand_back, ids, plan, refused, settle

USD = CostLimit(Decimal("1.00"), "USD")
CENTS_10 = Decimal("0.10")


def budget(name: str = "e1", limit: CostLimit = USD) -> Budget:
    return Budget(name, limit, "the plan's cost_limit")


def reserve(database: Database, calls: int, *budgets: Budget, each: Decimal = CENTS_10) -> Reservation:
    with database.begin() as db:
        return store.reserve_cost(db, budgets or [budget()], each, calls, now=NOW)


def settle_calls(database: Database, *, calls: int, spent: str, name: str = "e1") -> None:
    with database.begin() as db:
        store.settle_cost(db, [name], reserved=CENTS_10 * calls, spent=Decimal(spent), now=NOW)


def known(database: Database, name: str = "e1") -> tuple[str, str]:
    with database.read() as db:
        found = store.budget_of(db, name)
    assert found is not None
    assert found[2] == "USD"
    return f"{found[0]:.2f}", f"{found[1]:.2f}"


def test_no_more_is_reserved_than_there_is(database: Database) -> None:
    """Given a dollar, when calls of ten cents are wanted, then ten are granted, and the rest may come back."""
    assert reserve(database, 7) == Reservation(7)
    assert reserve(database, 7) == Reservation(3, budget(), spent_up=False)
    assert reserve(database, 1) == Reservation(0, budget(), spent_up=False)
    assert known(database) == ("0.00", "1.00")


def test_what_turns_out_cheaper_is_there_again(database: Database) -> None:
    """Given a budget that is all reserved, when the calls cost half of it, then the other half is reserved anew."""
    reserve(database, 10)
    settle_calls(database, calls=10, spent="0.50")
    assert known(database) == ("0.50", "0.00")
    assert reserve(database, 9).granted == 5


def test_spent_up_is_said_when_nothing_is_in_flight(database: Database) -> None:
    """Given a budget that is spent, when a call is wanted, then it is refused for good; not while calls are in flight."""
    reserve(database, 10)
    settle_calls(database, calls=9, spent="1.05")
    assert reserve(database, 1) == Reservation(0, budget(), spent_up=False)
    settle_calls(database, calls=1, spent="0.10")
    assert reserve(database, 1) == Reservation(0, budget(), spent_up=True)


def test_an_estimate_above_the_limit_still_lets_one_call_through(database: Database) -> None:
    """Given a call that may cost more than is left, then one is made at a time, because it may cost less."""
    dear = Decimal("5.00")
    assert reserve(database, 4, each=dear).granted == 1
    assert reserve(database, 4, each=dear) == Reservation(0, budget(), spent_up=False)
    with database.begin() as db:
        store.settle_cost(db, ["e1"], reserved=dear, spent=Decimal("0.20"), now=NOW)
    assert reserve(database, 4, each=dear).granted == 1


def test_two_budgets_must_both_agree(database: Database) -> None:
    """Given a plan's and a day's budget, when the day has less, then it decides, and the plan's gets back the rest."""
    day = budget("ann 2026-03-01", CostLimit(Decimal("0.30"), "USD"))
    found = reserve(database, 8, budget(), day)
    assert (found.granted, found.refused_by) == (3, day)
    assert known(database) == ("0.00", "0.30")
    assert known(database, day.name) == ("0.00", "0.30")


def test_many_workers_never_reserve_more_than_the_limit(database: Database) -> None:
    """Given sixteen workers at once, when each wants what it can get, then together they get ten calls."""
    begin = threading.Barrier(16)

    def take(_: int) -> int:
        begin.wait()
        return reserve(database, 3).granted

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, range(16))) == 10


def test_a_daily_budget_is_of_one_owner_and_one_utc_day(database: Database) -> None:
    """Given two owners and two days, then each owner has its limit anew on each day."""
    with database.begin() as db:
        names = {
            store.daily_budget(owner, USD, NOW + timedelta(days=day)).name for owner in ("ann", "bob") for day in (0, 1)
        }
        assert len(names) == 4
        assert store.reserve_cost(db, [store.daily_budget("ann", USD, NOW)], CENTS_10, 99, now=NOW).granted == 10
        assert store.reserve_cost(db, [store.daily_budget("bob", USD, NOW)], CENTS_10, 99, now=NOW).granted == 10


def outcome(cost: str | None, currency: str | None = "USD") -> Outcome:
    return answered(cost=None if cost is None else Decimal(cost), currency=currency, cost_basis="reported")


BROKE_OFF = Outcome(None, ProviderError(ErrorClass.NETWORK, "cut"), 9, {})
#: what came of a call for which ten cents were set aside -> what counts as spent
SPENT = {
    "a known cost": (outcome("0.03"), "0.03"),
    "more than was set aside": (outcome("0.25"), "0.25"),
    "an unknown cost": (outcome(None, None), "0.10"),
    "another currency": (outcome("0.03", "CNY"), "0.10"),
    "declined": (refused(), "0.00"),
    "broken off": (BROKE_OFF, "0.10"),
    "declined in its second round": (
        Outcome(None, ProviderError(ErrorClass.OVERLOADED, "503"), 9, {}, b"", 503, posts=2),
        "0.10",
    ),
    "refused by a filter, and billed": (
        Outcome(Answer("", AnswerKind.REFUSED, cost=Decimal("0.01"), currency="USD"), None, 9, {}, b"", 200),
        "0.01",
    ),
}


@pytest.mark.parametrize("case", SPENT)
def test_a_settled_call_counts_what_it_cost(database: Database, case: str) -> None:
    """Given ten cents set aside, when the call ends, then that much of it is spent and the rest is free again."""
    settled, spent = SPENT[case]
    execution_id, claims = claimed(database, 1)
    assert settle(database, claims, settled, simulated=False) == [True]
    assert known(database, execution_id) == (spent, "0.00")


def claimed(database: Database, calls: int) -> tuple[str, list[store.Claim]]:
    """An execution with so many calls in flight, ten cents set aside for each."""
    execution_id = plan(database)
    of_plan = budget(execution_id)
    with database.begin() as db:
        assert store.reserve_cost(db, [of_plan], CENTS_10, calls, now=NOW).granted == calls
    aside = SetAside(CENTS_10, "USD", (execution_id,))
    return execution_id, claim(database, ids(database, execution_id)[:calls], set_aside=aside)


def test_what_was_never_asked_costs_nothing(database: Database) -> None:
    """Given claims that a stopping worker hands back, then the unasked ones are free, and the asked ones count."""
    execution_id, claims = claimed(database, 4)
    assert hand_back(database, claims[:1], asked=False) == [True]
    assert hand_back(database, claims[1:2], asked=True) == [True]
    assert known(database, execution_id) == ("0.10", "0.20")


def test_the_calls_of_a_dead_worker_count_as_paid(database: Database) -> None:
    """Given a worker that died, when its claims are taken back, then what was set aside for them is spent, once."""
    execution_id, claims = claimed(database, 3)
    late = NOW + LEASE * 2
    for _ in range(2):
        with database.begin() as db:
            store.release_expired(db, now=late, limit=100)
    assert known(database, execution_id) == ("0.30", "0.00")
    assert settle(database, claims[:1], outcome("0.02"), late) == [False]
    assert known(database, execution_id) == ("0.30", "0.00"), "its attempt had ended; it is not counted twice"


def test_every_paid_call_stands_in_attempts(database: Database) -> None:
    """Given calls that ended in all ways, then each has its attempt with cost or with what was set aside for it."""
    _, claims = claimed(database, 3)
    settle(database, claims[:1], outcome("0.03"))
    settle(database, claims[1:2], BROKE_OFF)
    with database.read() as db:
        rows = db.exec_driver_sql("SELECT outcome, cost, reserved, posts FROM attempts ORDER BY sample_id").all()
    assert [(row[0], row[1] and Decimal(row[1]), Decimal(row[2]), row[3]) for row in rows] == [
        ("ok", Decimal("0.03"), CENTS_10, 1),
        ("network", None, CENTS_10, 1),
        (None, None, CENTS_10, None),
    ]
