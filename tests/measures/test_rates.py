"""Measures: intervals are right, and what cannot be told is null with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.measures.rates import absent, mean, rate, t_quantile, wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # published: Newcombe 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_published_intervals(k: int, n: int, low: float, high: float) -> None:
    """To the four digits that are printed there."""
    assert wilson(k, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_what_is_no_proportion(k: int, n: int) -> None:
    """k lies between 0 and n, and n is positive."""
    with pytest.raises(ValueError, match="no proportion"):
        wilson(k, n)


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_an_interval_holds_its_proportion(k: int, n: int) -> None:
    """0 <= low <= k/n <= high <= 1, and more answers never widen it."""
    k = min(k, n)
    number = rate(k, n, "mention_rate")
    assert 0 <= number["low"] <= number["value"] <= number["high"] <= 1
    low, high = wilson(k, n)
    narrower_low, narrower_high = wilson(2 * k, 2 * n)
    assert narrower_high - narrower_low <= high - low
    assert rate(2 * k, 2 * n, "mention_rate")["value"] == number["value"]


def test_nothing_to_count_is_no_zero() -> None:
    """A rate or a mean of nothing is null with its reason."""
    assert rate(0, 0, "mention_rate", "no usable answer") == absent("no usable answer")
    assert mean([], "average_rank", "no list") == {"value": None, "n": 0, "reason": "no list"}


def test_a_mean_has_a_t_interval_from_two_different_values() -> None:
    """One value, or equal values, give a mean without an interval, and say why."""
    number = mean([1, 2, 3, 4], "average_rank")
    assert (number["value"], number["n"], number["interval"]) == (2.5, 4, "t")
    assert (number["low"], number["high"]) == pytest.approx(
        (2.5 - 3.1824 * 0.645497, 2.5 + 3.1824 * 0.645497), abs=1e-4
    )
    assert "k" not in number
    assert mean([1, 5], "average_rank", least=1.0)["low"] == 1.0
    for values in ([2], [2, 2, 2]):
        alone = mean(values, "average_rank")
        assert (alone["value"], alone["low"], alone["interval"]) == (2, None, None)
        assert alone["interval_reason"]


def test_t_quantiles_fall_towards_the_normal() -> None:
    """The expansion takes over from the table without a jump."""
    quantiles = [t_quantile(freedom) for freedom in range(1, 400)]
    assert quantiles == sorted(quantiles, reverse=True)
    assert t_quantile(100) == pytest.approx(1.9840, abs=1e-4)
