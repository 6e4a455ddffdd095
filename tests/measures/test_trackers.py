"""Trackers: what other products' formulas say of the same answers, counted by hand."""

from __future__ import annotations

from brandq.measures.trackers import FORMULAS, Counted, Namings, side_by_side

#: two prompts with three answers each; one is a refusal
ANSWERS = (
    Counted({"A": 2, "B": 1}),
    Counted({"A": 1, "B": 0}),
    Counted({"A": 0, "B": 0}, usable=False),
    Counted({"A": 0, "B": 4}, prompt_no=2),
    Counted({"A": 0, "B": 0}, prompt_no=2),
    Counted({"A": 0, "B": 1}, prompt_no=2),
)

#: product and field -> numerator and denominator for A
BY_HAND = {
    ("brandq", "mention_rate"): (2, 5),
    ("brandq", "share_of_voice"): (2, 5),
    ("Profound", "Visibility"): (2, 6),
    ("Profound", "Share of Voice"): (2, 5),
    ("Peec AI", "Visibility Score"): (2, 6),
    ("Peec AI", "Share of Voice"): (3, 9),
    ("Ahrefs Brand Radar", "Mentions"): (2, 6),
    ("Otterly", "Brand Coverage"): (1, 2),
    ("Qwairy", "mention rate"): (2, 4),
    ("凡科", "品牌提及率"): (2, 6),
    ("naive", "mentions / all mentions"): (3, 9),
}


def test_each_formula_counts_what_it_says() -> None:
    """Given six answers, then every formula's numerator and denominator are those counted by hand."""
    rows = side_by_side(Namings(ANSWERS), "A")
    assert {(row["product"], row["field"]): (row["numerator"], row["denominator"]) for row in rows} == BY_HAND
    assert all(row["counts"] and row["source"] for row in rows)
    assert len(rows) == len(FORMULAS)


def test_nothing_to_divide_by_is_no_number() -> None:
    """Given no answer, then every value is null and none is 0."""
    assert {row["value"] for row in side_by_side(Namings(), "A")} == {None}
