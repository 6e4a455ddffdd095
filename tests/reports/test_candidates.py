"""Candidates over an execution: spellings put together, counted with their n, and shown only where they recur."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.analysis.candidates import key_of
from brandq.analysis.findings import Candidate
from brandq.reports.candidates import MOST_SHOWN, Names, Seen, count_candidates


def named(*names: str, against: bool = False) -> list[Candidate]:
    """Candidates as an answer gives them; 麦肯锡|McKinsey is a name with its gloss."""
    found = []
    for at, name in enumerate(names):
        name, _, gloss = name.partition("|")
        key = f"{key_of(name)}/{key_of(gloss)}" if gloss else key_of(name)
        found.append(Candidate(name, key, at, at + len(name), against))
    return found


def every(*each: list[Candidate]) -> list[dict[str, Any]]:
    """The rows of all names, also of those that do not recur: one prompt and one repeat, each answer an engine's."""
    found = Names((1, f"engine{n}", 1, candidates) for n, candidates in enumerate(each))
    rows: list[dict[str, Any]] = count_candidates(found, prompts=1, repeats=1)["candidates"]
    return rows


def answers(*each: list[Candidate]) -> list[Seen]:
    """Usable samples in turn over two prompts, then over repeats, on one engine."""
    return [(n % 2 + 1, "a", n // 2 + 1, candidates) for n, candidates in enumerate(each)]


@pytest.mark.parametrize(
    ("names", "clusters"),
    [
        pytest.param(["Sony", "SONY", "ＳＯＮＹ"], [{"Sony", "SONY", "ＳＯＮＹ"}], id="case and width"),
        pytest.param(["HubSpot", "HubSpot Inc."], [{"HubSpot", "HubSpot Inc."}], id="legal suffixes"),
        pytest.param(["麦肯锡|McKinsey", "McKinsey"], [{"麦肯锡", "McKinsey"}], id="a gloss"),
        pytest.param(["志邦", "志邦家居", "志邦全屋定制"], [{"志邦", "志邦家居", "志邦全屋定制"}], id="an ordinary tail"),
        pytest.param(["同仁堂", "北京同仁堂"], [{"同仁堂", "北京同仁堂"}], id="a place before it"),
        pytest.param(["深圳车蚂蚁汽车改装", "车蚂蚁改装连锁"], [{"深圳车蚂蚁汽车改装", "车蚂蚁改装连锁"}], id="two tails of one name"),
        pytest.param(["Effaclar Mat", "Effaclar Mat Moisturizer"], [{"Effaclar Mat", "Effaclar Mat Moisturizer"}], id="an English tail"),
        pytest.param(["Sony", "Sony WH-1000XM5"], [{"Sony", "Sony WH-1000XM5"}], id="a product of a maker that is named"),
        pytest.param(["Dell XPS", "Dell Inspiron", "Dell Latitude"], [{"Dell", "Dell XPS", "Dell Inspiron", "Dell Latitude"}], id="three products"),
        pytest.param(["Dell XPS", "Dell Inspiron"], [{"Dell XPS"}, {"Dell Inspiron"}], id="two products alone"),
        pytest.param(["华为", "华为nova 12"], [{"华为", "华为nova 12"}], id="a model behind Han"),
        pytest.param(["华为", "华为云"], [{"华为"}, {"华为云"}], id="another name that begins so"),
        pytest.param(["大众", "上海大众"], [{"大众"}, {"上海大众"}], id="a place is part of a short name"),
        pytest.param(["Best Western", "Best Buy", "Best Egg"], [{"Best Western"}, {"Best Buy"}, {"Best Egg"}], id="an ordinary first word"),
        pytest.param(["Red Bull", "Red Hat", "Red Lobster"], [{"Red Bull"}, {"Red Hat"}, {"Red Lobster"}], id="a colour makes no maker"),
    ],
)  # fmt: skip
def test_spellings_of_one_name_are_put_together(names: list[str], clusters: list[set[str]]) -> None:
    """Given one name in each answer, when they are counted, then those that mean the same are one."""
    rows = every(*(named(name) for name in names))
    assert sorted(sorted([row["name"], *row["spellings"]]) for row in rows) == sorted(map(sorted, clusters))
    assert sum(row["samples"] for row in rows) == len(names)


def test_names_that_an_answer_tells_apart_stay_apart() -> None:
    """Given OPPO（一加） in one answer that also has 一加 by itself, when they are counted, then they are two."""
    rows = every(named("OPPO|一加", "一加"), named("OPPO"))
    assert {row["name"]: row["samples"] for row in rows} == {"OPPO": 2, "一加": 1}


def test_an_answer_counts_once_for_a_name() -> None:
    """Given two spellings in one answer of three, when they are counted, then it is 1 of 3, with an interval and its id."""
    (row,) = every(named("志邦", "志邦家居"), [], [])
    assert row["answers"]["k"] == 1
    assert row["answers"]["n"] == 3
    assert row["answers"]["definition"] == "candidate_rate"
    assert row["answers"]["low"] < 1 / 3 < row["answers"]["high"]
    assert (row["samples"], row["prompts"], row["engines"], row["repeats"]) == (1, [1], ["engine0"], [1])


def test_the_name_is_the_commonest_spelling_and_of_products_the_maker() -> None:
    """Given spellings of which one is commonest, when a cluster is named, then by it; ties go by text; products by maker."""
    rows = every(named("coros"), named("COROS"), named("COROS"))
    assert [row["name"] for row in rows] == ["COROS"]
    assert every(named("b&b"), named("B&B"))[0]["name"] == "B&B"
    rows = every(named("Dell XPS"), named("Dell XPS"), named("Dell Inspiron"), named("Dell Vostro"))
    assert [(row["name"], row["samples"]) for row in rows] == [("Dell", 4)]


def test_what_is_advised_against_is_counted() -> None:
    """Given a name advised against in one answer of two, when it is counted, then so it says."""
    (row,) = every(named("鸿运搬家"), named("鸿运搬家", against=True))
    assert (row["samples"], row["advised_against"]) == (2, 1)


def test_the_most_seen_come_first() -> None:
    """Given names in one, two and two answers, when they are counted, then by answers and then by name."""
    rows = every(named("Wrike", "Asana"), named("Zoho", "Asana"), named("Wrike"))
    assert [(row["name"], row["samples"]) for row in rows] == [("Asana", 2), ("Wrike", 2), ("Zoho", 1)]


def test_only_what_recurs_is_shown_and_the_rest_is_counted() -> None:
    """Given one name in two repeats and prompts, and others in one of either, when it is shown, then that one alone."""
    seen = answers(named("Zoho", "Wrike"), named("Wrike"), named("Asana"), named("Zoho"))
    shown = count_candidates(Names(seen), prompts=2, repeats=2)
    assert [(row["name"], row["recurring"]) for row in shown["candidates"]] == [("Zoho", True)]
    assert (shown["shown"], shown["left_out"]) == (1, 2)
    assert shown["threshold"] == {"repeats": 2, "prompts": 2, "why": None}


@pytest.mark.parametrize(
    ("seen", "threshold", "lacking"),
    [
        ([(1, "a", 1, named("Zoho")), (1, "a", 2, named("Zoho"))], {"repeats": 2, "prompts": 1}, "one prompt only"),
        ([(1, "a", 1, named("Zoho")), (2, "a", 1, named("Zoho"))], {"repeats": 1, "prompts": 2}, "one repeat only"),
        ([(1, "a", 1, named("Zoho"))], {"repeats": 1, "prompts": 1}, "one prompt and one repeat only"),
    ],
)
def test_a_plan_that_cannot_show_recurrence_says_so(seen: list[Seen], threshold: dict[str, int], lacking: str) -> None:
    """Given one prompt, one repeat or both, when candidates are shown, then the threshold is lower and says why."""
    shown = count_candidates(Names(seen), **threshold)
    why = shown["threshold"].pop("why")
    assert shown["threshold"] == threshold
    assert why.startswith(lacking)
    assert [(row["name"], row["recurring"]) for row in shown["candidates"]] == [("Zoho", None)]


def test_without_a_usable_answer_there_is_nothing() -> None:
    """Given no usable sample, when candidates are shown, then there are none, and it says why."""
    assert count_candidates(Names(), prompts=3, repeats=2, reason="all were refused") == {
        "threshold": {"repeats": 2, "prompts": 2, "why": "all were refused"},
        "shown": 0,
        "left_out": 0,
        "candidates": [],
    }


def test_so_many_are_shown_and_no_more() -> None:
    """Given more names that recur than are shown, when they are shown, then the rest is counted."""
    many = named(*(f"Q{chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(MOST_SHOWN + 7)))
    shown = count_candidates(Names(answers(many, many, many, many)), prompts=2, repeats=2)
    assert (shown["shown"], shown["left_out"]) == (MOST_SHOWN, 7)


_NAMES = ["Sony", "SONY", "Sony WH-1000XM5", "Dell XPS", "Dell Vostro", "Dell G5", "志邦", "志邦家居", "麦肯锡|McKinsey", "McKinsey", "北京同仁堂", "同仁堂", "华为", "华为nova"]  # fmt: skip
samples = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["a", "b"]),
        st.integers(1, 3),
        st.lists(st.sampled_from(_NAMES), max_size=6, unique=True).map(lambda names: named(*names)),
    ),
    max_size=12,
    unique_by=lambda sample: sample[:3],
)


@given(samples, st.randoms())
def test_the_order_of_samples_changes_nothing(seen: list[Seen], chance: object) -> None:
    """Given the same samples in another order, when candidates are counted, then it is the same; and no answer twice."""
    shuffled = list(seen)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    found = count_candidates(Names(seen), prompts=3, repeats=3)
    assert count_candidates(Names(shuffled), prompts=3, repeats=3) == found
    for row in found["candidates"]:
        assert 0 < row["samples"] == row["answers"]["k"] <= row["answers"]["n"] == len(seen)


@given(samples)
def test_doubling_all_answers_changes_no_rate(seen: list[Seen]) -> None:
    """Given every answer once more on another engine, when candidates are counted, then each rate is what it was."""
    doubled = [*seen, *((prompt_no, engine + "2", repeat_no, found) for prompt_no, engine, repeat_no, found in seen)]
    once, twice = (
        {
            row["name"]: row["answers"]["value"]
            for row in count_candidates(Names(each), prompts=3, repeats=3)["candidates"]
        }
        for each in (seen, doubled)
    )
    assert once == twice
