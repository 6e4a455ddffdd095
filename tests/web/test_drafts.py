"""A plan and the form that it is written in say the same, in both directions."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from brandq.errors import Fault
from brandq.plan import MAX_PROMPTS, Brand, CostLimit, Plan, name_key, parse, read_cost_limit
from brandq.providers.registry import Registry, load
from brandq.web.pages.drafts import PARTS, BrandRow, Draft, draft_of_document, draft_of_plan, read_draft
from brandq.web.wire import Form
from brandq.words import words_in

REGISTRY = Registry(load(), {}, "all")
LISTED = REGISTRY.listing()

_LETTERS = string.ascii_letters + "小米趣车良品éüß+&'-. "
_NAMES = (
    st.text(_LETTERS, min_size=1, max_size=20)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: any(char.isalnum() for char in text))
)
_PROMPTS = (
    st.text(_LETTERS + "？?1.\n,", min_size=1, max_size=60)
    .map(lambda text: text.strip())
    .filter(lambda text: bool(text) and PARTS not in text)
)
_ENGINES = st.sampled_from(
    [
        "doubao",
        "qwen",
        "qwen?search=off",
        "qwen/qwen3.8-max",
        "openai",
        "local/llama",
        "openrouter/a/b",
        "spark?search=on",
    ]
)


@st.composite
def plans(draw: Any) -> Plan:
    """Plans as they may be accepted."""
    names = draw(st.lists(_NAMES, min_size=2, max_size=8, unique_by=name_key))
    parted = draw(st.integers(1, len(names)))
    brands: list[dict[str, Any]] = [{"name": name} for name in names[:parted]]
    brands[0]["aliases"] = names[parted:]
    brands[0]["domains"] = draw(st.sampled_from([[], ["example.com"], ["example.com", "example.cn"]]))
    if draw(st.booleans()):
        brands[-1] |= {"ambiguous": True, "context": ["car", "汽车"], "case_sensitive": True}
    if parted > 1:
        brands[1] |= {"parent": names[0], "block": ["longer"]}
    document = {
        "brands": brands,
        "prompts": draw(st.lists(_PROMPTS, min_size=1, max_size=MAX_PROMPTS, unique=True)),
        "engines": draw(st.lists(_ENGINES, min_size=1, unique=True)),
        "repeats": draw(st.integers(1, 20)),
        "priority": draw(st.integers(0, 10)),
        "label": draw(st.sampled_from([None, "march"])),
        "system": draw(st.sampled_from([None, "two\nlines"])),
        "cost_limit": draw(st.sampled_from([None, "0.5 USD", "5 CNY"])),
        "reuse_within_hours": draw(st.integers(0, 2000)),
    }
    return parse(document, REGISTRY.choose, max_samples=1_000_000)


def in_order(plan: Plan) -> Plan:
    """The form has the engines in the registry's order."""
    return replace(plan, engines=tuple(sorted(plan.engines, key=lambda engine: engine.engine)))


@given(plans())
@settings(deadline=None, max_examples=60)
def test_a_plan_comes_back_from_its_draft(plan: Plan) -> None:
    """Given any plan, when it is written into a form and read out of it, then it is the same plan."""
    draft, missing = draft_of_plan(plan)
    fitted, gone = draft.fitted(LISTED)
    assert missing == gone == []
    assert in_order(parse(fitted.document(), REGISTRY.choose, max_samples=1_000_000)) == in_order(plan)


@given(plans())
@settings(deadline=None, max_examples=60)
def test_a_document_comes_back_from_its_draft(plan: Plan) -> None:
    """Given a saved document, when it is opened and read again, then it is the same document, however often."""
    document = draft_of_plan(plan)[0].fitted(LISTED)[0].document()
    again = draft_of_document(document, REGISTRY).fitted(LISTED)[0].document()
    assert again == document


def test_documents_as_the_api_takes_them_are_read() -> None:
    """Given a document with names alone, an alias of an engine, and a limit as text, then the draft has all of it."""
    document = {
        "brands": ["Acme", {"name": "Bolt"}],
        "prompts": ["a?"],
        "engines": ["豆包", "qwen?search=off"],
        "cost_limit": "5 CNY",
    }
    draft = draft_of_document(document, REGISTRY).fitted(LISTED)[0]
    plan = parse(draft.document(), REGISTRY.choose, max_samples=10)
    assert plan == replace(parse(document, REGISTRY.choose, max_samples=10), engines=plan.engines)
    assert {engine.engine for engine in plan.engines} == {"doubao", "qwen?search=off"}
    assert plan.brands == (Brand("Acme"), Brand("Bolt"))
    assert plan.cost_limit == CostLimit(read_cost_limit("5 CNY").amount, "CNY")


def test_documents_that_are_nonsense_are_survived() -> None:
    """Given what no plan is, when it is opened, then there is a form, with what could be read."""
    for value in (None, 1, "x", [], [None], [[]], {"a": 1}, [{"name": None}], [{"engine": 1}], True):
        names = ("brands", "prompts", "engines", "repeats", "cost_limit", "label", "system", "priority")
        for name in names:
            draft = draft_of_document({name: value}, REGISTRY)
            assert isinstance(draft.fitted(LISTED)[0].document(), dict)


def test_every_fault_has_a_field() -> None:
    """Given faults of every place that a plan has, rows left blank between, then each is at the row that is meant."""
    draft = Draft(brands=(BrandRow("a"), BrandRow(), BrandRow("b", aliases="x\ny")), prompts="p\nq")
    pointers = {
        "": "",
        "/brands": "brand-0-name",
        "/brands/1": "brand-2-name",
        "/brands/1/aliases/1": "brand-2-aliases",
        "/prompts/1": "prompts",
        "/engines": "engines",
        "/repeats": "repeats",
        "/cost_limit": "cost_amount",
        "/cost_limit/amount": "cost_amount",
        "/label": "label",
    }
    found = draft.misfits([Fault(pointer, "x") for pointer in pointers], words_in("en"))
    assert [misfit.field for misfit in found] == list(pointers.values())
    assert (found[3].brand, found[3].line, found[4].prompt) == (3, 2, 2)


def test_a_form_of_nothing_is_an_empty_draft() -> None:
    """Given a form without a field of ours, then there is a draft, and its engines are those that can be asked."""
    draft = read_draft(Form([]), LISTED)
    assert draft.blank
    assert {row.name for row in draft.engines} == {one.name for one in LISTED}
    assert not any(row.chosen for row in draft.engines)


def test_a_book_is_told_that_it_is_too_long() -> None:
    """Given more prompts than a plan takes, then they are counted, and only as many are looked at as could be asked."""
    draft = Draft(prompts="\n".join(f"Is Acme {number}?" for number in range(30)), brands=(BrandRow("Acme"),))
    assert len(draft.lines) == 30
    assert sum(bool(line.names) for line in draft.lines) == MAX_PROMPTS
    assert len(draft.document()["prompts"]) == 30
