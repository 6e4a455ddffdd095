"""What a call may cost, what a plan may cost, and which limits can be kept: each number worked by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brandq.costs import CallCost, cost_of_call, estimate_cost, limit_faults
from brandq.errors import BadSettings
from brandq.plan import Brand, CostLimit, EngineRef, Experience, Plan, estimate_seconds
from brandq.providers.dialect import Price
from brandq.settings import read_settings
from brandq.simulator import Simulator

OPENAI = EngineRef("openai", "openai", "gpt-9")
KIMI = EngineRef("kimi", "kimi", "k9")
#: 40 and 80 characters, and 20 before each
PLAN = Plan((Brand("趣车良品"),), ("x" * 40, "y" * 80), (OPENAI, KIMI), repeats=3, system="z" * 20)
#: 1 and 10 USD for a million tokens
PRICE = Price(Decimal(1), Decimal(10), "USD", "2026-11-23")


def usd(*costs: str) -> Experience:
    return Experience(50, 1000.0, tuple(Decimal(cost) for cost in costs), "USD")


# -- one call


def test_nobody_is_paid_for_what_is_simulated_or_imported() -> None:
    """Given an engine that the simulator answers for, or a file, then a call costs nothing, whatever others cost."""
    for mark in ("simulated", "imported"):
        engine = replace(OPENAI, **{mark: True})
        assert cost_of_call(PLAN, engine, PRICE, usd("1")) == CallCost(
            Decimal(0), Decimal(0), None, f"{mark}: nobody is paid"
        )


#: what is known, whether it searches, the price; low and high; what the basis says
CALLS: list[tuple[Experience | None, bool, Price | None, str, str, str]] = [
    # (15 in × 1 + 100 out × 10) / 1,000,000, with 60 characters at 4 a token
    # (100 in × 1 + 1,500 out × 10) / 1,000,000, with 100 characters at 1 a token
    (None, False, PRICE, "0.001015", "0.0151", "list price of 2026-11-23, 115 to 1,600 tokens assumed"),
    (Experience(9, 900.0), False, PRICE, "0.001015", "0.0151", "list price"),
    # (2,015 × 1 + 200 × 10) / 1,000,000 + 0.01 and (35,100 × 1 + 4,500 × 10) / 1,000,000 + 3 × 0.01
    (
        None,
        True,
        replace(PRICE, search=Decimal("0.01")),
        "0.014015",
        "0.1101",
        "2,215 to 39,600 tokens and 1 to 3 searches assumed",
    ),
    # a fee of nothing is known, unlike none
    (None, True, replace(PRICE, search=Decimal(0)), "0.004015", "0.0801", "searches"),
    # few: half of the least, twice the most, whatever the list says
    (usd("0.02"), False, PRICE, "0.01", "0.04", "its 1 answer of known cost"),
    (usd("0.02", "0.01", "0.03", "0.02"), True, None, "0.005", "0.06", "its 4 answers of known cost"),
    # enough: as they are
    (usd("0.02", "0.01", "0.03", "0.02", "0.02"), True, PRICE, "0.01", "0.03", "its last 5 answers"),
    # several currencies are no range
    (Experience(50, 1.0, (Decimal(1), Decimal(2)), None), False, PRICE, "0.001015", "0.0151", "list price"),
]


@pytest.mark.parametrize(("known", "search", "price", "low", "high", "basis"), CALLS)
def test_a_call_costs_what_answers_cost_or_what_the_list_says(
    known: Experience | None, search: bool, price: Price | None, low: str, high: str, basis: str
) -> None:
    """Given answers of known cost, or a list price, then the range is theirs, and its basis says so."""
    call = cost_of_call(PLAN, replace(OPENAI, search=search), price, known)
    assert (call.low, call.high, call.currency) == (Decimal(low), Decimal(high), "USD")
    assert basis in call.basis


@pytest.mark.parametrize(
    ("search", "price", "why"),
    [
        (False, None, "no price for openai/gpt-9: give it one in the engines file"),
        (True, None, "no price for openai/gpt-9"),
        (True, PRICE, "no fee for its searches: give it `search` in the engines file"),
    ],
)
def test_what_is_not_known_is_none_with_the_next_step(search: bool, price: Price | None, why: str) -> None:
    """Given neither answers nor a whole price, then there is no range, and the basis says what would give one."""
    call = cost_of_call(PLAN, replace(OPENAI, search=search), price, Experience(3, 900.0))
    assert (call.low, call.high, call.currency) == (None, None, None)
    assert why in call.basis


# -- a plan

CENTS = CallCost(Decimal("0.01"), Decimal("0.02"), "USD", "its answers")
UNKNOWN = CallCost(None, None, None, "no price for kimi/k9: give it one in the engines file")
FREE = CallCost(Decimal(0), Decimal(0), None, "simulated: nobody is paid")


def estimate(openai: CallCost, kimi: CallCost, asked: tuple[int, int] = (6, 6)) -> dict[str, Any]:
    return estimate_cost(PLAN, {"openai": openai, "kimi": kimi}, {"openai": asked[0], "kimi": asked[1]})


def test_a_plan_costs_the_sum_of_its_calls() -> None:
    """Given two engines, when six and four samples are asked for, then the sum and each engine's part are told."""
    assert estimate(CENTS, replace(CENTS, high=Decimal("0.05"), basis="list price"), (6, 4)) == {
        "low": "0.1",
        "high": "0.32",
        "currency": "USD",
        "basis": "openai: its answers; kimi: list price",
        "reason": None,
        "engines": [
            {"engine": "openai", "calls": 6, "low": "0.06", "high": "0.12", "currency": "USD", "basis": "its answers"},
            {"engine": "kimi", "calls": 4, "low": "0.04", "high": "0.2", "currency": "USD", "basis": "list price"},
        ],
    }


#: costs of a call of each engine, samples asked of each; low, high, currency; what basis and reason say
SUMS: list[tuple[CallCost, CallCost, tuple[int, int], tuple[str | None, str | None, str | None], str, str | None]] = [
    (FREE, FREE, (6, 6), ("0", "0", None), "simulated: nobody is paid", None),
    (CENTS, FREE, (6, 6), ("0.06", "0.12", "USD"), "kimi: simulated", None),
    # whoever is not asked needs no price, and its currency does not matter
    (CENTS, UNKNOWN, (6, 0), ("0.06", "0.12", "USD"), "its answers", None),
    (CENTS, replace(CENTS, currency="CNY"), (6, 0), ("0.06", "0.12", "USD"), "its answers", None),
    (CENTS, UNKNOWN, (0, 0), ("0", "0", None), "no call is made", None),
    (CENTS, UNKNOWN, (6, 1), (None, None, None), "kimi: no price for kimi/k9", "not known for kimi"),
    (CENTS, replace(CENTS, currency="CNY"), (6, 6), (None, None, None), "its answers", "USD (openai); CNY (kimi)"),
    # a fraction of the smallest amount: down and up
    (replace(CENTS, low=Decimal("1E-9"), high=Decimal("1E-9")), FREE, (1, 6), ("0", "0.000001", "USD"), "its", None),
]


@pytest.mark.parametrize(("openai", "kimi", "asked", "whole", "basis", "reason"), SUMS)
def test_there_is_a_sum_where_all_that_is_asked_is_known_in_one_currency(
    openai: CallCost,
    kimi: CallCost,
    asked: tuple[int, int],
    whole: tuple[str | None, str | None, str | None],
    basis: str,
    reason: str | None,
) -> None:
    """Given what calls cost and how many are made, then there is a sum, or a reason that names the engines."""
    found = estimate(openai, kimi, asked)
    assert (found["low"], found["high"], found["currency"]) == whole
    assert basis in found["basis"]
    assert (found["reason"] is None) if reason is None else (reason in found["reason"])
    assert [one["calls"] for one in found["engines"]] == list(asked)
    assert found["engines"][0]["low"] is not None, "what is known of an engine is told in any case"


# -- limits

USD = CostLimit(Decimal(5), "USD")
CNY = CostLimit(Decimal(5), "CNY")
IN_CNY = replace(CENTS, currency="CNY")

#: the plan's limit, the daily one, what calls cost; pointer and words of each fault
LIMITS: list[tuple[CostLimit | None, CostLimit | None, Mapping[str, CallCost], list[tuple[str, str]]]] = [
    (None, None, {"openai": UNKNOWN, "kimi": UNKNOWN}, []),
    (USD, None, {"openai": CENTS, "kimi": CENTS}, []),
    (USD, USD, {"openai": CENTS, "kimi": CENTS}, []),
    (USD, None, {"openai": CENTS, "kimi": UNKNOWN}, [("/cost_limit", "or leave kimi out")]),
    (USD, None, {"openai": UNKNOWN, "kimi": UNKNOWN}, [("/cost_limit", "openai"), ("/cost_limit", "kimi")]),
    # who is not asked is not counted against anything
    (USD, None, {"openai": CENTS}, []),
    (USD, None, {"openai": CENTS, "kimi": IN_CNY}, [("/cost_limit", "paid in CNY; give the limit in CNY, or leave")]),
    (None, USD, {"openai": CENTS, "kimi": UNKNOWN}, [("/engines/1", "the daily limit of 5 USD cannot be kept")]),
    (None, USD, {"openai": CENTS, "kimi": IN_CNY}, [("/engines/1", "paid in CNY; leave kimi out")]),
    (CNY, USD, {"openai": CENTS, "kimi": IN_CNY}, [("/cost_limit", "give it in USD")]),
    (CNY, USD, {}, [("/cost_limit", "give it in USD")]),
]


@pytest.mark.parametrize(("given", "daily", "calls", "faults"), LIMITS)
def test_a_limit_that_cannot_be_kept_is_a_fault(
    given: CostLimit | None,
    daily: CostLimit | None,
    calls: Mapping[str, CallCost],
    faults: list[tuple[str, str]],
) -> None:
    """Given limits and what calls cost, then whatever nobody could count is a fault that names the next step."""
    found = limit_faults(replace(PLAN, cost_limit=given), calls, daily)
    assert [fault.pointer for fault in found] == [pointer for pointer, _ in faults]
    for fault, (_, words) in zip(found, faults, strict=True):
        assert words in fault.detail


def test_what_is_simulated_is_within_every_limit() -> None:
    """Given an engine that nobody is paid for, then it has no currency, and every limit can be kept."""
    engines = (replace(OPENAI, simulated=True), replace(KIMI, imported=True))
    plan = replace(PLAN, engines=engines, cost_limit=USD)
    assert limit_faults(plan, {"openai": FREE, "kimi": FREE}, USD) == []


def test_the_daily_limit_is_read_or_refused(tmp_path: Path) -> None:
    """Given the setting, then it is an amount with a currency, nothing where it is empty, and a fault otherwise."""
    settings = {"BRANDQ_DATA_DIR": str(tmp_path)}
    assert read_settings(settings).daily_cost_limit is None
    assert read_settings({**settings, "BRANDQ_DAILY_COST_LIMIT": "20 USD"}).daily_cost_limit == CostLimit(
        Decimal(20), "USD"
    )
    for wrong in ("20", "USD", "20 usd", "-1 USD", "0 USD", "many USD"):
        with pytest.raises(BadSettings, match="BRANDQ_DAILY_COST_LIMIT"):
            read_settings({**settings, "BRANDQ_DAILY_COST_LIMIT": wrong})


def test_time_is_estimated_for_what_is_asked() -> None:
    """Given engines of known latency, then the slowest that is asked decides, and nobody asked takes a moment."""
    known = {"openai": Experience(50, 3000.0), "kimi": Experience(50, 1000.0)}
    assert estimate_seconds({"openai": 9, "kimi": 9}, known, 4)[0] == 9
    assert estimate_seconds({"openai": 0, "kimi": 9}, known, 4)[0] == 3
    assert estimate_seconds({"openai": 0, "kimi": 0}, known, 4) == (1, "nobody is asked")
    assert "kimi, which never answered" in estimate_seconds({"kimi": 1}, {}, 4)[1]


# -- the command line

ROW = """
[engines.mine]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-2"
[engines.mine.prices.gpt-2]
tokens_in = "1"
tokens_out = "10"
currency = "USD"
dated = "2026-11-23"
"""


def calls(simulator: Simulator) -> int:
    with urllib.request.urlopen(f"{simulator.url}/calls", timeout=10) as reply:
        return int(json.load(reply)["total"])


def test_run_says_what_it_may_cost_before_it_asks(tmp_path: Path) -> None:
    """Given a priced engine, when a plan is run, then its first line has calls, cost and time; run again with --reuse,
    nobody is asked; and a limit in another currency is refused before anybody is."""

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        given = ["--brand", "A", "--prompt", "x" * 40, "--engine", "mine", "--repeats", "2", *options]
        return subprocess.run(
            [sys.executable, "-m", "brandq", "run", *given],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "BRANDQ_ENGINES_FILE": "engines.toml"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    with Simulator(port=0, latency_ms=20) as simulator:
        (tmp_path / "engines.toml").write_text(ROW.format(url=simulator.url), encoding="utf-8")
        refused = run("--cost-limit", "5 CNY")
        assert (refused.returncode, calls(simulator)) == (2, 0)
        assert "/cost_limit" in refused.stderr
        first = run("--cost-limit", "5 USD", "--system", "Be brief.")
        assert first.stdout.splitlines()[0].startswith(
            "2 calls, costs 0.002026 to 0.030098 USD (list price of 2026-11-23"
        )
        assert calls(simulator) == 2
        again = run("--reuse", "24", "--system", "Be brief.")
        assert again.stdout.splitlines()[0].startswith("0 calls (2 of 2 answers are there already), costs nothing")
        assert calls(simulator) == 2
        other = run("--reuse", "24", "--system", "Be long.")
        assert other.stdout.splitlines()[0].startswith("2 calls, ")
