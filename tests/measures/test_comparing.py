"""Comparing: what is called a change and what is not, worked by hand and against chance."""

from __future__ import annotations

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.measures.comparing import (
    adjust,
    benjamini_hochberg,
    cochran_mantel_haenszel,
    compare,
    newcombe,
    paired_t,
    risk_difference,
    split_in_two,
)
from brandq.measures.counting import Cluster
from brandq.measures.intervals import normal_p, t_p, wilson

STRATA = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
        lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
    ),
    min_size=1,
    max_size=12,
)


def side(counts: list[tuple[int, int]], engine: str = "a") -> list[Cluster]:
    return [Cluster(no, k, n, engine) for no, (k, n) in enumerate(counts, 1)]


# worked by hand


def test_two_strata_by_hand() -> None:
    """Given 1 of 4 → 3 of 4 twice, then the excess is 2·1, its variance 2·(16·4·4/(64·7)), and z = 2/√(8/7)."""
    strata = [(1, 4, 3, 4), (1, 4, 3, 4)]
    tested = cochran_mantel_haenszel(strata)
    assert tested is not None
    z = 2 / sqrt(8 / 7)
    assert tested == pytest.approx((z, normal_p(z)))
    difference, (low, high), interval = risk_difference(strata)
    assert (difference, interval) == (0.5, "klingenberg")
    assert low < 0.5 < high


def test_differences_between_prompts_are_no_change() -> None:
    """Given prompts that are named always and never, on both sides alike, then nothing varies and nothing changed."""
    found = compare(side([(3, 3), (0, 3)]), side([(3, 3), (0, 3)]))
    assert (found["difference"], found["p"], found["interval"]) == (0.0, 1.0, "newcombe")
    assert found["verdict"].startswith("no clear change (±")
    assert cochran_mantel_haenszel([(3, 3, 3, 3), (0, 3, 0, 3)]) is None


def test_only_what_both_asked_is_compared() -> None:
    """Given a prompt that only one side has, and another engine, then they are left out and counted."""
    found = compare([*side([(1, 2), (0, 2)]), Cluster(1, 2, 2, "b")], side([(2, 2)]))
    assert (found["strata"], found["prompts"], found["left_out"], found["n_before"], found["n_after"]) == (
        1,
        1,
        2,
        2,
        2,
    )
    nothing = compare(side([(1, 2)], "a"), side([(1, 2)], "b"))
    assert nothing["difference"] is None
    assert "no prompt has usable answers of the same engine" in nothing["reason"]


def test_newcombe_by_its_two_wilsons() -> None:
    """Given 56 of 70 and 48 of 80 (Newcombe 1998, table II), then the difference of 0.2 lies in 0.0524 to 0.3339."""
    low, high = newcombe(48, 80, 56, 70)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert newcombe(0, 5, 0, 5) == pytest.approx((-wilson(0, 5)[1], wilson(0, 5)[1]))


def test_the_paired_t_wants_five_prompts() -> None:
    """Given differences of five prompts, then it is Student's paired t; given four or no spread, a reason."""
    found = paired_t([0.2, 0.4, 0.0, 0.2, 0.2])
    error = sqrt(0.02) / sqrt(5)
    assert (found["difference"], found["p"]) == pytest.approx((0.2, t_p(0.2 / error, 4)), abs=1e-6)
    assert "fewer than 5" in paired_t([0.1] * 4)["reason"]
    assert "no spread" in paired_t([0.25] * 5)["reason"]


def test_looking_at_many_costs() -> None:
    """Given p of 0.01, 0.02 and 0.30, then adjusted all are 0.03, 0.03 and 0.30 (Benjamini and Hochberg)."""
    assert benjamini_hochberg([0.01, 0.02, 0.30]) == pytest.approx([0.03, 0.03, 0.30])
    assert benjamini_hochberg([0.30, 0.02, 0.01]) == pytest.approx([0.30, 0.03, 0.03])
    risen = compare(side([(1, 5)] * 8), side([(3, 5)] * 8))
    assert risen["verdict"] == "up"
    same = compare(side([(2, 5)] * 8), side([(2, 5)] * 8))
    among_many = adjust([risen, *[same] * 400])
    assert among_many[0]["p_adjusted"] > risen["p"]
    assert among_many[0]["verdict"].startswith("no clear change")
    fallen = compare(side([(3, 5)] * 8), side([(1, 5)] * 8))
    assert fallen["verdict"] == "down"
    absent = compare([], [])
    assert adjust([absent, fallen])[0] == absent


# what holds for all


@given(STRATA)
def test_a_difference_lies_in_its_interval_and_turns_with_the_sides(strata: list[tuple[int, int, int, int]]) -> None:
    """-1 <= low <= difference <= high <= 1; before and after exchanged, everything changes its sign."""
    difference, (low, high), interval = risk_difference(strata)
    assert -1 <= low <= difference <= high <= 1
    turned, (turned_low, turned_high), turned_interval = risk_difference([(c, d, a, b) for a, b, c, d in strata])
    assert (turned, turned_low, turned_high) == pytest.approx((-difference, -high, -low), abs=1e-9)
    assert turned_interval == interval
    tested, back = cochran_mantel_haenszel(strata), cochran_mantel_haenszel([(c, d, a, b) for a, b, c, d in strata])
    if tested is not None and back is not None:
        assert tested == pytest.approx((-back[0], back[1]))


def test_chance_alone_is_hardly_ever_called_a_change() -> None:
    """Given 400 pairs of executions that do not differ, then at most one in twenty is called a change."""
    dice = random.Random(7)
    called = 0
    for _ in range(400):
        rates = [dice.betavariate(0.5, 0.9) for _ in range(20)]
        before, after = (side([(sum(dice.random() < rate for _ in range(5)), 5) for rate in rates]) for _ in range(2))
        called += compare(before, after)["verdict"] in ("up", "down")
    assert called <= 20


def test_a_split_is_of_ids_and_nothing_else() -> None:
    """Given the same ids in another order, then the halves are the same; another seed gives others, and none is lost."""
    ids = [str(number) for number in range(41)]
    first, second = split_in_two(ids, 3)
    assert split_in_two(ids[::-1], 3) == (first, second)
    assert sorted([*first, *second]) == sorted(ids)
    assert abs(len(first) - len(second)) == 1
    assert split_in_two(ids, 4) != (first, second)
