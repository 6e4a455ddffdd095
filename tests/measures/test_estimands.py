"""Market and panel: intervals over several prompts, worked by hand, and what holds for all of them."""

from __future__ import annotations

from math import exp, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.measures.counting import Cluster, Named, Parts, Places, gather, tally
from brandq.measures.intervals import Z, cluster_wilson, jackknife, normal_p, stratified, t_p, t_quantile, wilson
from brandq.measures.rates import NOTE_FEW, Number, average, cell_rate, market_rate, mean_rank, panel_rate, share
from brandq.measures.sampling import expected_half_width, foretell_precision, grade
from brandq.measures.stability import agreement, jaccard, stability

COUNTS = st.lists(
    st.tuples(st.integers(1, 8), st.sampled_from(["a", "b"]), st.integers(1, 12)).flatmap(
        lambda one: st.integers(0, one[2]).map(lambda k: Cluster(one[0], k, one[2], one[1]))
    ),
    min_size=1,
    max_size=16,
)


def ends(number: Number) -> tuple[float, float]:
    return number["low"], number["high"]


# worked by hand


def test_the_market_interval_knows_how_prompts_differ() -> None:
    """Given prompts of 0/4, 4/4, 1/4, 3/4, 2/4, when pooled, then p = 1/2, v = 5/4·10/400 and n = p(1-p)/v·(z/t)²."""
    counts = [(0, 4), (4, 4), (1, 4), (3, 4), (2, 4)]
    n = 0.25 / (5 / 4 * 10 / 400) * (Z / 2.7764) ** 2
    assert cluster_wilson(counts) == pytest.approx(wilson(0.5 * n, n))
    number = market_rate([Cluster(no, k, n) for no, (k, n) in enumerate(counts, 1)], "mention_rate")
    assert (number["value"], number["k"], number["n"], number["prompts"]) == (0.5, 10, 20, 5)
    assert (number["estimand"], number["interval"]) == ("market", "cluster_wilson")
    assert ends(number) == pytest.approx(wilson(0.5 * n, n), abs=1e-6)
    # the plain interval would take twenty answers for independent ones
    assert number["high"] - number["low"] > 1.4 * (wilson(10, 20)[1] - wilson(10, 20)[0])


def test_at_nothing_and_at_all_prompts_count_and_not_answers() -> None:
    """Given six prompts with five answers each that never, or always, name it, then n is six and not thirty."""
    for k in (0, 5):
        number = market_rate([Cluster(no, k, 5) for no in range(6)], "mention_rate")
        assert ends(number) == pytest.approx(wilson(k / 5 * 6, 6), abs=1e-6)


def test_few_prompts_say_so_and_one_is_no_sample() -> None:
    """Given four prompts, then there is a note; given one, then no interval and the reason."""
    four = market_rate([Cluster(no, 1, 3) for no in range(4)], "mention_rate")
    assert four["note"] == NOTE_FEW
    assert "note" not in market_rate([Cluster(no, 1, 3) for no in range(5)], "mention_rate")
    one = market_rate([Cluster(1, 2, 3)], "mention_rate")
    assert (one["value"], ends(one), one["interval"]) == (0.666667, (None, None), None)
    assert one["interval_reason"]
    assert cell_rate(Cluster(1, 2, 3), "mention_rate")["estimand"] == "cell"


def test_the_panel_interval_knows_only_repeats() -> None:
    """Given two prompts of 0/3 and 3/3, then repeats are wholly alike in two strata of five, and so the prior's size is
    1/((2·1 + 3·0.1)/5) − 1; the interval is far narrower than what two such prompts say of others."""
    clusters = [Cluster(1, 0, 3), Cluster(2, 3, 3)]
    size = 1 / ((2 * 1 + 3 * 0.1) / 5) - 1
    a = size / 2
    variance = 2 * 3 * a * (3 + a) / ((3 + size) * (3 + size + 1)) / 36
    n = 0.25 / variance
    panel = panel_rate(clusters, "mention_rate")
    assert ends(panel) == pytest.approx(wilson(0.5 * n, n), abs=1e-6)
    assert panel["interval"] == "panel_wilson"
    market = market_rate(clusters, "mention_rate")
    assert market["high"] - market["low"] > panel["high"] - panel["low"]


def test_a_share_of_a_panel_is_smoothed_in_each_prompt() -> None:
    """Given two prompts of 0/3 and 3/3, then v = 2·3·(1/8)(7/8)/36: three answers that agree do not bind a fourth."""
    half = Z * sqrt(2 * 3 * (0.5 / 4) * (3.5 / 4)) / 6
    assert stratified([[(0.0, 1.0)] * 3, [(1.0, 1.0)] * 3]) == pytest.approx((0.5 - half, 0.5 + half))


def test_a_share_leaves_out_one_prompt_at_a_time() -> None:
    """Given voices 1/4, 2/4, 3/4, 2/4 and 2/4, then the jackknife's logits are those of 9/16, 8/16, 7/16 and 8/16 twice."""
    totals = [(1.0, 4.0), (2.0, 4.0), (3.0, 4.0), (2.0, 4.0), (2.0, 4.0)]
    left = [log(9 / 7), 0.0, log(7 / 9), 0.0, 0.0]
    half = t_quantile(4) * sqrt(4 / 5 * sum(each**2 for each in left))
    assert jackknife(totals) == pytest.approx((1 / (1 + exp(half)), 1 / (1 + exp(-half))))


def test_the_ends_of_the_distributions() -> None:
    """Student's t and the normal agree with any table."""
    assert [t_quantile(freedom) for freedom in (1, 4, 30)] == [12.7062, 2.7764, 2.0423]
    assert t_quantile(100) == pytest.approx(1.9840, abs=1e-4)
    for freedom in (1, 2, 5, 30):
        assert t_p(t_quantile(freedom), freedom) == pytest.approx(0.05, abs=2e-5)
    assert normal_p(1.959964) == pytest.approx(0.05, abs=1e-6)


def test_ranks_say_what_they_are_conditional_on() -> None:
    """Given ranks 1, none, 3 and 1, none, none, then the mean is over the ranked alone, and says of how many."""
    places = [Places(1, (1, None, 3)), Places(2, (1, None, None))]
    ranked = mean_rank(places, "panel", "average_rank")
    assert (ranked["value"], ranked["n"], ranked["of"]) == (1.666667, 3, 6)
    assert mean_rank([Places(1, (None,))], "market", "average_rank")["value"] is None


def test_stability_compares_sets_of_brands() -> None:
    """Given repeats {a, b}, {a} and {a, b}, then pairs are alike by 1/2, 1 and 1/2; empty pairs say nothing."""
    a, ab, none = frozenset("a"), frozenset("ab"), frozenset[str]()
    assert (jaccard(a, ab), jaccard(none, none), jaccard(none, a)) == (0.5, None, 0.0)
    found = stability([Named(1, (ab, a, ab)), Named(2, (none, none))])
    assert (found["value"], found["n"], found["empty_pairs"]) == (0.666667, 3, 1)
    assert stability([Named(1, (ab,))])["reason"] == "one repeat has nothing to be compared with"
    between = agreement([Named(1, (a,), "x"), Named(1, (ab, a), "y")])
    assert (between["value"], between["n"]) == (0.75, 2)
    assert agreement([Named(1, (a, ab), "x")])["value"] is None


def test_what_a_plan_will_know_is_foretold() -> None:
    """Given five prompts and three repeats near 30 %, then the market is hardly known; more prompts help, repeats little."""
    few = expected_half_width(0.3, 5, 3)
    assert few["half_width"] is not None
    assert few["half_width"] > 0.3
    assert expected_half_width(0.3, 40, 3)["half_width"] < 0.2
    assert expected_half_width(0.3, 5, 20)["half_width"] > 0.9 * few["half_width"]
    assert expected_half_width(0.3, 20, 5, estimand="panel")["half_width"] < 0.1
    assert expected_half_width(0.3, 1, 9)["half_width"] is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        expected_half_width(1.3, 5, 3)


def test_a_plan_hears_what_it_will_know() -> None:
    """Given five prompts, then the width is the market's; given one, then that prompt's own, with Wilson's interval."""
    five, one = foretell_precision(5, 3), foretell_precision(1, 10)
    assert (five["estimand"], five["half_width"]) == ("market", expected_half_width(0.3, 5, 3)["half_width"])
    low, high = wilson(3, 10)
    assert (one["estimand"], one["half_width"]) == ("cell", pytest.approx((high - low) / 2, abs=1e-6))
    assert "with 1 prompt × 10 repeats" in one["words"]
    assert "this prompt alone" in one["words"]


GRADES = {
    (100, 5, 0.1): "decision-grade",
    (100, 5, 0.2): "exploratory",
    (50, 3, 0.15): "directional",
    (5, 3, 0.1): "exploratory",
    (200, 9, None): "exploratory",
}


@pytest.mark.parametrize("known", GRADES)
def test_a_grade_wants_prompts_repeats_and_width(known: tuple[int, int, float | None]) -> None:
    """Given all three, then the grade is the best that they allow."""
    assert grade(*known) == GRADES[known]


# what holds for all


@given(COUNTS)
def test_an_interval_holds_its_value(clusters: list[Cluster]) -> None:
    """0 <= low <= value <= high <= 1, market and panel alike, and the values of both are one."""
    market, panel = market_rate(clusters, "r"), panel_rate(clusters, "r")
    assert market["value"] == panel["value"]
    for number in (market, panel):
        if number["low"] is not None:
            assert 0 <= number["low"] <= number["value"] <= number["high"] <= 1


@given(COUNTS, st.randoms(use_true_random=False))
def test_order_changes_nothing_and_doubling_changes_no_value(clusters: list[Cluster], dice: object) -> None:
    """The same counts in another order give the same number; all answers twice give the same value."""
    shuffled = sorted(clusters, key=lambda _: dice.random())  # type: ignore[attr-defined]
    for measure in (market_rate, panel_rate):
        number = measure(clusters, "r")
        assert measure(shuffled, "r") == number
        assert measure([*clusters, *clusters], "r")["value"] == number["value"]


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 4)), min_size=1))
def test_shares_sum_to_one(answers: list[tuple[int, str, int, int]]) -> None:
    """The brand's share and that of all others are one whole; nothing named is no number."""
    mine = share(gather((no, engine, own, own + rest) for no, engine, own, rest in answers), "market", "s")
    theirs = share(gather((no, engine, rest, own + rest) for no, engine, own, rest in answers), "market", "s")
    if mine["value"] is None:
        assert theirs["value"] is None
        assert mine["reason"]
    else:
        assert mine["value"] + theirs["value"] == pytest.approx(1, abs=2e-6)
        for number in (mine, share(gather((no, e, o, o + r) for no, e, o, r in answers), "panel", "s")):
            if number["low"] is not None:
                assert 0 <= number["low"] <= number["value"] <= number["high"] <= 1


@given(st.lists(st.tuples(st.integers(1, 6), st.floats(-1, 1)), min_size=1))
def test_an_average_stays_between_its_ends(values: list[tuple[int, float]]) -> None:
    """Its interval never leaves the ends that the values have."""
    parts = [Parts(no, ((value, 1.0),)) for no, value in values]
    for estimand in ("market", "panel"):
        number = average(parts, estimand, "a", least=-1.0, most=1.0)  # type: ignore[arg-type]
        if number["low"] is not None:
            assert -1 <= number["low"] <= number["value"] + 1e-6
            assert number["value"] - 1e-6 <= number["high"] <= 1


def test_nothing_is_no_number() -> None:
    """Given no usable answer, then there is a reason and no zero; counts that cannot be are refused."""
    for measure in (market_rate, panel_rate):
        assert measure([], "r", "nobody answered") == {"value": None, "n": 0, "reason": "nobody answered"}
        assert measure([Cluster(1, 0, 0)], "r")["value"] is None
    with pytest.raises(ValueError, match="no proportion"):
        Cluster(1, 2, 1)
    with pytest.raises(ValueError, match="below 1"):
        Places(1, (0,))
    assert tally([(2, "b", True), (1, "a", False), (2, "b", False)]) == (Cluster(1, 0, 1, "a"), Cluster(2, 1, 2, "b"))
