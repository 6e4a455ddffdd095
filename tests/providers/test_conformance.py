"""One suite over all dialects and all rows of the registry: what any of them sends, and what any of them makes of a reply.

A reply joins the suite as a file ``replies/ROW-WHAT.json`` of a recorded shape with invented values, and one line in
ANSWERS or ERRORS that says what it is read as. That a line in them is right is the provider's documentation's to say,
not the code's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brandq.plan import EngineRef
from brandq.providers import DIALECTS, registry
from brandq.providers.dialect import (
    Answer,
    AnswerKind,
    Call,
    DialectInRounds,
    ErrorClass,
    Price,
    Provider,
    ProviderError,
    Reply,
)
from tests.providers import conformance
from tests.providers.conformance import broken, leaves, parts, put, recorded, usable

ROWS = registry.load()
REPLIES = recorded()

# -- what each reply is read as


LISTED = "table 2026-01-01"
#: in place of a row's own, which change with the market: 1000 tokens in and 500 out are 0.002, and a search 0.01 more
LIST_PRICE = Price(Decimal(1), Decimal(2), "USD", "2026-01-01")
FEE = Decimal("0.01")


@dataclass(frozen=True)
class Reading:
    """What a reply is read as. Sources are (URL, cited, the words of the text that it stands for)."""

    text: str
    finish: str | None = "stop"
    model: str | None = None
    kind: AnswerKind = AnswerKind.OK
    search: bool = False
    searched: bool | None = None
    tokens: tuple[int | None, int | None] = (1000, 500)
    cost: str | None = "0.002"
    basis: str = LISTED
    sources: tuple[tuple[str, bool | None, str | None], ...] = ()


ALPHA, BETA, TESTS = "https://alpha.example/shop", "https://beta.example/review", "https://news.example/tests?id=7"
MARKED = f"{ALPHA}?utm_source=openai"
REDIRECT = "https://vertexaisearch.cloud.google.com/grounding-api-redirect/"
LUNA, HAIKU, FLASH = "gpt-5.6-luna-2026-08-01", "claude-haiku-5-5-20261001", "gemini-3.8-flash-001"
SEED = "doubao-seed-2-1-turbo-260628"
UNPRICED: dict[str, Any] = {"cost": None, "basis": "unknown"}
#: a content filter answered in the assistant's place, so nothing is known but that
FILTERED: dict[str, Any] = {"kind": AnswerKind.REFUSED, "tokens": (None, None), **UNPRICED}
REFUSED: dict[str, Any] = {"kind": AnswerKind.REFUSED}
CUT: dict[str, Any] = {"kind": AnswerKind.TRUNCATED}
EMPTY: dict[str, Any] = {"kind": AnswerKind.EMPTY}
FOUND: dict[str, Any] = {"search": True, "searched": True}
FOUND_ONLY = ((ALPHA, False, None), (BETA, False, None))

ANSWERS: dict[str, Reading] = {
    # openai-responses
    "openai-plain": Reading("1. Alpha\n2. Beta", "completed", LUNA),
    "openai-search": Reading(
        f"深圳改装门店里，Alpha 改装口碑最好 ([alpha.example]({MARKED}))。\nBeta garage is the cheaper one.",
        "completed",
        LUNA,
        **FOUND,
        cost="0.012",
        sources=((MARKED, True, f"([alpha.example]({MARKED}))"), (BETA, False, None)),
    ),
    "openai-search-streamed": Reading(
        "Alpha 改装 it is.",
        "completed",
        LUNA,
        **FOUND,
        cost="0.012",
        sources=((ALPHA, True, "Alpha 改装"), (BETA, False, None)),
    ),
    "openai-commentary": Reading(
        "Alpha it is.", "completed", LUNA, **FOUND, cost="0.012", sources=((ALPHA, False, None),)
    ),
    "openai-refused": Reading("I can't help with that.", "completed", LUNA, **REFUSED),
    "openai-truncated": Reading("1. Alpha\n2. Be", "max_output_tokens", LUNA, **CUT),
    "openai-empty": Reading("", "completed", LUNA, **EMPTY),
    "perplexity-plain": Reading("Alpha, then Beta.", "completed", "perplexity/sonar", cost="0.0015", basis="reported"),
    "perplexity-search": Reading(
        "Alpha tests best [2], Beta is second [web:1].",
        "completed",
        "perplexity/sonar",
        **FOUND,
        cost="0.0025",
        basis="reported",
        sources=((BETA, True, None), (ALPHA, True, None), (TESTS, False, None)),
    ),
    "perplexity-search-fetched": Reading(
        "Alpha [1, web:2] wins.",
        "completed",
        "perplexity/sonar",
        **FOUND,
        cost="0.0031",
        basis="reported",
        sources=((ALPHA, True, None), (BETA, True, None), (TESTS, None, None)),
    ),
    "xai-search-opened": Reading(
        "Alpha wins.",
        "completed",
        "grok-4.3-0901",
        **FOUND,
        cost="0.012345",
        basis="reported",
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "xai-plain": Reading("Alpha.", "completed", "grok-4.3-0901"),
    "xai-search": Reading(
        "Alpha 改装 and Beta are the two that people name.",
        "completed",
        "grok-4.3-0901",
        **FOUND,
        cost="0.012345",
        basis="reported",
        sources=((ALPHA, True, None), (TESTS, True, None)),
    ),
    "doubao-plain": Reading("1. 阿尔法改装", "completed", SEED),
    "doubao-search": Reading(
        "推荐顺序：1. 阿尔法改装；2. 贝塔车库。", "completed", SEED, **FOUND, **UNPRICED, sources=((ALPHA, True, None),)
    ),
    "doubao-search-streamed": Reading(
        "阿尔法改装最好。", "completed", SEED, **FOUND, **UNPRICED, sources=((ALPHA, True, None), (BETA, False, None))
    ),
    "doubao-app": Reading("去阿尔法改装[1]。", "completed", SEED, **FOUND, **UNPRICED, sources=((ALPHA, True, None),)),
    "doubao-refused": Reading("", "InputTextSensitiveContentDetected", **FILTERED),
    # anthropic
    "anthropic-plain": Reading("Alpha, Beta, Gamma.", "end_turn", HAIKU, searched=False),
    "anthropic-search": Reading(
        "Let me look. Two stand out: Alpha 改装 is the favourite, and Beta is cheap.",
        "end_turn",
        HAIKU,
        **FOUND,
        cost="0.022",
        sources=((ALPHA, True, "Alpha 改装 is the favourite"), (BETA, False, None)),
    ),
    "anthropic-search-streamed": Reading(
        "两家店：Alpha 改装更好。",
        "end_turn",
        HAIKU,
        **FOUND,
        cost="0.012",
        sources=((ALPHA, True, "Alpha 改装更好"), (BETA, False, None)),
    ),
    "anthropic-search-streamed-paused": Reading(
        "两家店：", "pause_turn", HAIKU, **CUT, **FOUND, cost="0.012", sources=FOUND_ONLY
    ),
    "anthropic-search-fetched": Reading(
        "Alpha tunes.", "end_turn", HAIKU, search=True, searched=False, sources=((ALPHA, False, None),)
    ),
    "anthropic-search-failed": Reading("From memory: Alpha.", "end_turn", HAIKU, search=True, searched=False),
    "anthropic-search-paused": Reading(
        "两家店：", "pause_turn", HAIKU, **CUT, **FOUND, cost="0.012", sources=FOUND_ONLY
    ),
    "anthropic-search-rounds": Reading(
        "两家店：Alpha 改装更好。",
        "end_turn",
        HAIKU,
        **FOUND,
        tokens=(2000, 1000),
        cost="0.024",
        sources=((ALPHA, True, "Alpha 改装更好"), (BETA, False, None), (TESTS, False, None)),
    ),
    "anthropic-refused": Reading("", "refusal", HAIKU, searched=False, **REFUSED),
    "anthropic-truncated": Reading("1. Alpha\n2. Be", "max_tokens", HAIKU, searched=False, **CUT),
    "anthropic-empty": Reading("", "end_turn", HAIKU, searched=False, **EMPTY),
    "deepseek-plain": Reading("阿尔法", "end_turn", "deepseek-flash", searched=False),
    "deepseek-search": Reading(
        "贝塔更便宜。", "end_turn", "deepseek-flash", **FOUND, cost="0.012", sources=((BETA, True, "贝塔更便宜"),)
    ),
    # gemini
    "gemini-plain": Reading("Alpha, then Gamma.", "STOP", FLASH),
    "gemini-search": Reading(
        "🍓 深圳最好的是 Alpha 改装。Beta garage is second.",
        "STOP",
        FLASH,
        **FOUND,
        cost="0.022",
        sources=(
            (f"{REDIRECT}AAA", True, "Alpha 改装"),
            (f"{REDIRECT}BBB", True, "Beta garage is second."),
            (f"{REDIRECT}CCC", False, None),
        ),
    ),
    "gemini-search-streamed": Reading(
        "🍓 深圳最好的是 Alpha 改装。é",
        "STOP",
        FLASH,
        **FOUND,
        cost="0.012",
        sources=((f"{REDIRECT}AAA", True, "Alpha 改装"), (f"{REDIRECT}BBB", True, "。")),
    ),
    "gemini-search-interaction": Reading(
        "最好：Alpha 改装",
        "completed",
        "gemini-3.8-flash",
        **FOUND,
        cost="0.012",
        sources=((f"{REDIRECT}AAA", True, "Alpha 改装"),),
    ),
    "gemini-repeated": Reading(
        "是 Alpha, 改装 first.",
        "STOP",
        FLASH,
        sources=((ALPHA, True, "Alpha"), (BETA, True, "改装"), (TESTS, True, None)),
    ),
    "gemini-refused-streamed": Reading("", "PROHIBITED_CONTENT", FLASH, tokens=(9, None), **REFUSED, **UNPRICED),
    "gemini-search-unused": Reading("Alpha.", "STOP", FLASH, search=True, searched=False),
    "gemini-safety": Reading("Al", "SAFETY", FLASH, **REFUSED),
    "gemini-refused": Reading("", "PROHIBITED_CONTENT", FLASH, tokens=(9, None), **REFUSED, **UNPRICED),
    "gemini-truncated": Reading("", "MAX_TOKENS", FLASH, **CUT),
    "gemini-empty": Reading("", "STOP", FLASH, **EMPTY),
    # dashscope
    "qwen-plain": Reading("阿尔法改装"),
    "qwen-search": Reading(
        "阿尔法改装最好[ref_2]，贝塔其次。",
        **FOUND,
        **UNPRICED,
        sources=((BETA, False, None), (ALPHA, True, None)),
    ),
    "qwen-search-streamed": Reading(
        "阿尔法改装最好[ref_2]。", **FOUND, **UNPRICED, sources=((BETA, False, None), (ALPHA, True, None))
    ),
    "qwen-streamed-so-far": Reading("阿尔法改装", searched=True),
    "qwen-text": Reading("阿尔法改装"),
    "qwen-refused-streamed": Reading("", "DataInspectionFailed", **FILTERED),
    "qwen-refused": Reading("", "DataInspectionFailed", **FILTERED),
    "qwen-truncated": Reading("1. 阿尔法", "length", **CUT),
    "qwen-empty": Reading("", None, **EMPTY),
    # openai-chat
    "mistral-plain": Reading("Alpha, voilà.", model="mistral-medium-2608"),
    "mistral-truncated": Reading("Al", "model_length", "mistral-medium-2608", **CUT),
    "kimi-plain": Reading(
        "阿尔法改装，见 https://alpha.example/shop。", model="kimi-k2.6", sources=((ALPHA, True, ALPHA),)
    ),
    "kimi-search": Reading(
        "阿尔法改装最好[1]。",
        model="kimi-k2.6",
        **FOUND,
        tokens=(2000, 1000),
        **UNPRICED,
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "kimi-search-carets": Reading(
        "阿尔法改装最好[^2^]。",
        model="kimi-k2.6",
        **FOUND,
        **UNPRICED,
        sources=((BETA, False, None), (ALPHA, True, None)),
    ),
    "kimi-search-streamed-paused": Reading("", "tool_calls", "kimi-k2.6", **CUT, **FOUND, **UNPRICED),
    "kimi-search-paused": Reading("", "tool_calls", "kimi-k2.6", **CUT, **FOUND, **UNPRICED),
    "kimi-refused": Reading("", "content_filter", **FILTERED),
    "zhipu-plain": Reading("阿尔法", model="glm-5.3-flash"),
    "zhipu-search": Reading(
        "阿尔法改装最好[ref_1]。",
        model="glm-5.3-flash",
        **FOUND,
        **UNPRICED,
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "zhipu-search-streamed": Reading(
        "阿尔法改装最好[ref_1]。",
        model="glm-5.3-flash",
        **FOUND,
        **UNPRICED,
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "zhipu-refused": Reading("", "sensitive", "glm-5.3-flash", **REFUSED),
    "zhipu-filter": Reading("", "1301", **FILTERED),
    "ernie-plain": Reading("阿尔法", model="ernie-4.5-turbo-128k", **UNPRICED),
    "ernie-search": Reading(
        "阿尔法改装^[2]^口碑好。",
        model="ernie-4.5-turbo-128k",
        **FOUND,
        **UNPRICED,
        sources=((BETA, False, None), (ALPHA, True, None)),
    ),
    "ernie-refused": Reading("", "unsafe_request", **FILTERED),
    "hunyuan-plain": Reading("阿尔法", model="hy3"),
    "hunyuan-search": Reading(
        "阿尔法改装[1]更好。", model="hy3", **FOUND, **UNPRICED, sources=((ALPHA, True, None), (BETA, False, None))
    ),
    "hunyuan-search-of-old": Reading(
        "阿尔法改装[1]更好。", model="hunyuan-turbo", **FOUND, **UNPRICED, sources=((ALPHA, True, None),)
    ),
    "hunyuan-search-streamed-of-old": Reading(
        "阿尔法改装[1]更好。",
        model="hunyuan-turbo",
        **FOUND,
        **UNPRICED,
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "hunyuan-search-piece": Reading(
        "阿尔",
        None,
        "hunyuan-turbo",
        **CUT,
        **FOUND,
        tokens=(None, None),
        **UNPRICED,
        sources=((ALPHA, None, None), (BETA, None, None)),
    ),
    "hunyuan-refused": Reading("", "451001", **FILTERED),
    "spark-plain": Reading("阿尔法", None, **UNPRICED),
    "spark-streamed": Reading("阿尔法", None, **UNPRICED),
    "spark-search": Reading(
        f"阿尔法改装最好，见[阿尔法]({ALPHA})。",
        None,
        search=True,
        **UNPRICED,
        sources=((ALPHA, True, f"[阿尔法]({ALPHA})"),),
    ),
    "spark-refused": Reading("", "10013", **FILTERED),
    "minimax-plain": Reading("Alpha.", model="MiniMax-M3"),
    "minimax-search-of-old": Reading(
        "阿尔法改装【5†source】。", "tool_calls", "MiniMax-Text-01", searched=True, sources=((ALPHA, True, None),)
    ),
    "minimax-streamed": Reading("Alpha.", model="MiniMax-M3"),
    "minimax-empty": Reading("", model="MiniMax-M3", **EMPTY),
    "minimax-refused": Reading("", "1026", **FILTERED),
    "openrouter-plain": Reading("Alpha.", model="maker/m-1-0901", cost="0.00031", basis="reported"),
    "openrouter-search": Reading(
        f"Alpha is the favourite ([alpha.example]({ALPHA})).",
        model="maker/m-1-0901",
        **FOUND,
        cost="0.0076",
        basis="reported",
        sources=((ALPHA, True, f"[alpha.example]({ALPHA})"),),
    ),
    "openrouter-search-streamed": Reading(
        "Alpha is the favourite.",
        model="maker/m-1-0901",
        **FOUND,
        cost="0.0076",
        basis="reported",
        sources=((ALPHA, True, None),),
    ),
    "openrouter-refused": Reading("", "HTTP 403", **FILTERED),
    "local-plain": Reading("Alpha.", model="m-1:0.6b", **UNPRICED),
    # what gateways and servers of one's own speak
    "local-citations": Reading(
        "Alpha [1], Beta.",
        model="m-1",
        searched=True,
        cost="0.0065",
        basis="reported",
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "local-bots": Reading(
        "阿尔法改装[1]。", model="m-1-250601", searched=True, **UNPRICED, sources=((ALPHA, True, None),)
    ),
    "local-executed-tools": Reading(
        "Alpha [1] is fine.",
        model="m-1",
        searched=True,
        **UNPRICED,
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "local-beside-the-text": Reading(
        "Alpha [1] wins.",
        model="m-1",
        searched=True,
        **UNPRICED,
        sources=((ALPHA, True, None), (BETA, False, None)),
    ),
    "local-refused": Reading("I can't say.", model="m-1:0.6b", **REFUSED, **UNPRICED),
    "local-truncated": Reading("1. Alpha\n2. B", "length", "m-1:0.6b", **CUT, **UNPRICED),
    "local-empty": Reading("", model="m-1:0.6b", **EMPTY, **UNPRICED),
}

E = ErrorClass
#: class, and the wait in milliseconds that the reply asks for
ERRORS: dict[str, tuple[ErrorClass, int | None]] = {
    "openai-auth": (E.AUTH, None),
    "openai-no-money": (E.NO_MONEY, None),
    "openai-rate-limit": (E.RATE_LIMIT, 1500),
    "openai-rate-limit-in-words": (E.RATE_LIMIT, 360_000),
    "openai-failed-streamed": (E.RATE_LIMIT, 1500),
    "openai-model": (E.MODEL, None),
    "openai-context": (E.CONTEXT, None),
    "openai-bad-request": (E.BAD_REQUEST, None),
    "openai-failed-under-200": (E.OVERLOADED, None),
    "anthropic-auth": (E.AUTH, None),
    "anthropic-no-money": (E.NO_MONEY, None),
    "anthropic-spend-limit": (E.NO_MONEY, None),
    "anthropic-rate-limit": (E.RATE_LIMIT, 12_000),
    "anthropic-rate-limit-reset": (E.RATE_LIMIT, 40_000),
    "anthropic-overloaded-streamed": (E.OVERLOADED, None),
    "anthropic-context": (E.CONTEXT, None),
    "anthropic-overloaded": (E.OVERLOADED, None),
    "gemini-auth": (E.AUTH, None),
    "gemini-rate-limit": (E.RATE_LIMIT, 34_400),
    "gemini-daily-quota": (E.DAILY_QUOTA, None),
    "gemini-permission": (E.PERMISSION, None),
    "gemini-overloaded": (E.OVERLOADED, None),
    "gemini-broke-off": (E.OVERLOADED, None),
    "perplexity-permission": (E.PERMISSION, None),
    "perplexity-no-money": (E.NO_MONEY, None),
    "xai-auth": (E.AUTH, None),
    "xai-permission": (E.PERMISSION, None),
    "xai-no-money": (E.NO_MONEY, None),
    "mistral-auth": (E.AUTH, None),
    "mistral-rate-limit": (E.RATE_LIMIT, None),
    "mistral-bad-request": (E.BAD_REQUEST, None),
    "mistral-model": (E.MODEL, None),
    "mistral-broke-off": (E.OVERLOADED, None),
    "deepseek-no-money": (E.NO_MONEY, None),
    "deepseek-broke-off": (E.OVERLOADED, None),
    "deepseek-model": (E.MODEL, None),
    "qwen-auth": (E.AUTH, None),
    "qwen-no-money": (E.NO_MONEY, None),
    "qwen-free-quota": (E.NO_MONEY, None),
    "qwen-rate-limit": (E.RATE_LIMIT, None),
    "qwen-context": (E.CONTEXT, None),
    "qwen-model": (E.MODEL, None),
    "doubao-no-money": (E.NO_MONEY, None),
    "doubao-quota": (E.NO_MONEY, None),
    "doubao-overloaded": (E.OVERLOADED, None),
    "doubao-model": (E.MODEL, None),
    "kimi-no-money": (E.NO_MONEY, None),
    "kimi-context": (E.CONTEXT, None),
    "kimi-overloaded": (E.OVERLOADED, None),
    "zhipu-no-money": (E.NO_MONEY, None),
    "zhipu-rate-limit": (E.RATE_LIMIT, None),
    "zhipu-daily-quota": (E.DAILY_QUOTA, None),
    "zhipu-model": (E.MODEL, None),
    "zhipu-broke-off": (E.OVERLOADED, None),
    "ernie-auth": (E.AUTH, None),
    "ernie-rate-limit": (E.RATE_LIMIT, None),
    "ernie-daily-quota": (E.DAILY_QUOTA, None),
    "ernie-context": (E.CONTEXT, None),
    "ernie-auth-of-old": (E.AUTH, None),
    "hunyuan-rate-limit": (E.RATE_LIMIT, None),
    "hunyuan-no-money": (E.NO_MONEY, None),
    "hunyuan-overloaded": (E.OVERLOADED, None),
    "spark-auth": (E.AUTH, None),
    "spark-rate-limit": (E.RATE_LIMIT, None),
    "spark-daily-quota": (E.DAILY_QUOTA, None),
    "minimax-auth": (E.AUTH, None),
    "minimax-no-money": (E.NO_MONEY, None),
    "minimax-rate-limit": (E.RATE_LIMIT, None),
    "openrouter-in-flight": (E.RATE_LIMIT, 3000),
    "openrouter-no-money": (E.NO_MONEY, None),
    "openrouter-rate-limit-under-200": (E.RATE_LIMIT, None),
    "openrouter-rate-limit-reset": (E.RATE_LIMIT, 12_000),
    "openrouter-daily-quota": (E.DAILY_QUOTA, None),
    "openrouter-no-tokens-streamed": (E.BAD_REQUEST, None),
    "local-streamed-cut": (E.NETWORK, None),
    "local-model": (E.MODEL, None),
    "local-model-in-words": (E.MODEL, None),
}


def priced(row: Provider) -> Provider:
    """The row with the round list price where it has one, and the round fee where it knows what a search costs."""
    own = row.prices.get(row.model or "")
    price = own and replace(LIST_PRICE, search=None if own.search is None else FEE)
    return replace(row, prices={str(row.model): price} if price else {})


def engine_of(row: Provider, *, search: bool = False) -> EngineRef:
    return EngineRef(row.name, row.name, row.model or "maker/m-1", search)


def read(name: str, reply: Reply, *, search: bool = False) -> Answer | ProviderError:
    row = priced(ROWS[name])
    return DIALECTS[row.dialect].read(row, engine_of(row, search=search), reply)


def check(outcome: object) -> None:
    # a list price with a fee for each of very many searches; what a reply reports itself is bounded lower
    conformance.check(outcome, most_cost=1_000_000_000)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_reply_is_read_to_the_letter(name: str) -> None:
    """Given a reply of a recorded shape, when its row's dialect reads it, then text, kind, sources, tokens and cost are
    exactly what the provider said."""
    expected, said = ANSWERS[name], REPLIES[name]
    answer = read(said.row, said.reply(), search=expected.search)
    check(answer)
    assert isinstance(answer, Answer), answer
    found = Reading(
        text=answer.text,
        finish=answer.finish,
        model=answer.served_model,
        kind=answer.kind,
        search=answer.search_requested,
        searched=answer.search_executed,
        tokens=(answer.tokens_in, answer.tokens_out),
        cost=None if answer.cost is None else f"{answer.cost.normalize():f}",
        basis=answer.cost_basis,
        sources=tuple(
            (one.url, one.cited, None if one.start is None else answer.text[one.start : one.end])
            for one in answer.citations
        ),
    )
    assert found == expected


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_classed_as_its_provider_means_it(name: str) -> None:
    """Given an error in a provider's own spelling, when its row reads it, then class and wait are what it means there."""
    said = REPLIES[name]
    error = read(said.row, said.reply())
    check(error)
    assert isinstance(error, ProviderError), error
    assert (error.error_class, error.wait_ms) == ERRORS[name]
    assert error.http_status in (said.status, None)


# -- nobody is left out


def test_every_reply_says_what_it_is_read_as() -> None:
    """Given the files of replies, when compared with the two tables, then each stands in exactly one and none is missing."""
    assert not set(ANSWERS) & set(ERRORS)
    assert set(ANSWERS) | set(ERRORS) == set(REPLIES)
    assert {said.row for said in REPLIES.values()} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_read_with_search_and_without_and_in_trouble(name: str) -> None:
    """Given any built-in row, when its replies are looked through, then each way to ask it has one, and so has trouble."""
    answered = {reading.search for stem, reading in ANSWERS.items() if REPLIES[stem].row == name}
    assert answered == ({False} if ROWS[name].search is None else {False, True})
    assert any(REPLIES[stem].row == name for stem in ERRORS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_read_in_all_its_kinds(dialect: str) -> None:
    """Given any dialect, when its replies are looked through, then each kind of answer is among them."""
    kinds = {reading.kind for stem, reading in ANSWERS.items() if ROWS[REPLIES[stem].row].dialect == dialect}
    assert kinds == set(AnswerKind)


# -- whatever comes back


@pytest.mark.parametrize("name", REPLIES)
def test_a_fault_in_any_one_place_is_an_answer_or_an_error(name: str) -> None:
    """Given a recorded reply, when any one part of it is gone, of another type or doubled, then it is still an answer or
    an error that can be stored, and under an HTTP error never a usable one."""
    said = REPLIES[name]
    search = name in ANSWERS and ANSWERS[name].search
    for where, body in broken(said.body):
        try:
            outcome = read(said.row, said.saying(body), search=search)
            check(outcome)
            assert said.status < 400 or not usable(outcome)
        except Exception as error:
            raise AssertionError(where) from error


def meant_by(status: int) -> ErrorClass | None:
    """What a status means where the body says nothing; None: a filter declined, which is an answer."""
    listed = {401: E.AUTH, 402: E.NO_MONEY, 403: E.PERMISSION, 413: E.CONTEXT, 429: E.RATE_LIMIT, 451: None}
    if status in listed:
        return listed[status]
    if status in (408, 409, 425) or status >= 500:
        return E.OVERLOADED
    return E.BAD_REQUEST if status >= 300 else E.NETWORK


@pytest.mark.parametrize("name", ROWS)
def test_every_status_has_its_class_where_the_body_says_nothing(name: str) -> None:
    """Given any status over an empty, an HTML or a cut body, when any row reads it, then its class is the status's, and
    what came under a good status is the network's doing."""
    whole = REPLIES[f"{name}-plain"].reply().body
    for body in (b"", b"<html><head><title>Gateway</title></head><body>sorry</body></html>", whole[: len(whole) // 2]):
        for status in range(100, 600):
            outcome = read(name, Reply(status, {}, body))
            check(outcome)
            found = outcome.error_class if isinstance(outcome, ProviderError) else None
            assert found is meant_by(status), f"HTTP {status} with {body[:20]!r}"
            assert not usable(outcome)


@pytest.mark.parametrize("name", ROWS)
def test_an_answer_under_an_http_error_is_not_usable(name: str) -> None:
    """Given a whole answer, when it comes under a redirect or an HTTP error, then it enters no denominator."""
    whole = REPLIES[f"{name}-plain"].reply().body
    assert usable(read(name, Reply(200, {}, whole)))
    assert [status for status in range(300, 600) if usable(read(name, Reply(status, {}, whole)))] == []


NOW = "Mon, 23 Nov 2026 10:00:00 GMT"
WAITS: list[tuple[dict[str, str], int | None]] = [
    ({}, None),
    ({"retry-after": "2"}, 2000),
    ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT", "date": NOW}, 30_000),
    ({"retry-after-ms": "250", "retry-after": "9"}, 250),
    ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360_000),
    ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s"}, None),
    (
        {
            "anthropic-ratelimit-input-tokens-remaining": "0",
            "anthropic-ratelimit-input-tokens-reset": "2026-11-23T10:00:40Z",
            "date": NOW,
        },
        40_000,
    ),
]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize(("headers", "wait_ms"), WAITS)
@pytest.mark.parametrize("status", [429, 503])
def test_every_row_hears_how_long_to_wait(name: str, headers: dict[str, str], wait_ms: int | None, status: int) -> None:
    """Given a busy provider, when it says in any way how long to wait, then any row's error carries that."""
    error = read(name, Reply(status, headers, b"{}"))
    assert isinstance(error, ProviderError)
    assert (error.ask_again, error.wait_ms) == (True, wait_ms)


def _words() -> tuple[list[str], list[Any]]:
    """The names of fields in the recorded replies, and the short values that stand in them."""
    steps = [(steps[-1], part) for said in REPLIES.values() for steps, part in parts(said.body)]
    names = sorted({step for step, _ in steps if isinstance(step, str)})
    values = sorted({part for _, part in steps if isinstance(part, str) and len(part) < 40})
    return names, values


NAMES, VALUES = _words()
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 40)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(VALUES)
    | st.sampled_from(["\ud800", "\0", "[1](https://b.example) [2]", 10**40, "9" * 5000])
)
JSON = st.recursive(
    SCALARS,
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inside, max_size=5)
    ),
    max_leaves=20,
)
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 302, 400, 401, 403, 404, 429, 451, 500, 503, 599])
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests", "x-ratelimit-reset", "date", "location"]
    ),
    st.text(max_size=12) | st.from_regex(r"[0-9.hms]{0,6}", fullmatch=True),
    max_size=2,
)


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=100, deadline=None)
@given(body=JSON, status=STATUSES, headers=HEADERS, search=st.booleans())
def test_any_json_is_an_answer_or_an_error(
    name: str, body: Any, status: int, headers: dict[str, str], search: bool
) -> None:
    """Given any JSON under any status, when any row reads it, then it is one or the other, and nothing is raised."""
    check(read(name, Reply(status, headers, json.dumps(body).encode()), search=search))


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=100, deadline=None)
@given(data=st.data(), search=st.booleans())
def test_any_json_inside_a_reply_is_an_answer_or_an_error(name: str, data: st.DataObject, search: bool) -> None:
    """Given a recorded reply with any JSON in up to three places, when its row reads it, then nothing is raised."""
    said = data.draw(st.sampled_from([said for said in REPLIES.values() if said.row == name]))
    body = said.body
    for _ in range(data.draw(st.integers(1, 3))):
        places = [steps for steps, _ in parts(body)]
        if places:
            body = put(body, data.draw(st.sampled_from(places)), data.draw(JSON))
    outcome = read(name, said.saying(body), search=search)
    check(outcome)
    assert said.status < 400 or not usable(outcome)


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=200, deadline=None)
@given(data=st.data(), search=st.booleans(), think_tags=st.booleans())
def test_a_row_of_ones_own_reads_what_its_dialect_brings(
    dialect: str, data: st.DataObject, search: bool, think_tags: bool
) -> None:
    """Given a user's row that says no more than it must, when it reads what others of its dialect sent, or that with any
    JSON in one place, then it is an answer or an error."""
    row = Provider("own", "Own", dialect, "https://own.example/v1", "m-1", think_tags=think_tags)
    said = data.draw(st.sampled_from([said for said in REPLIES.values() if ROWS[said.row].dialect == dialect]))
    places = [steps for steps, _ in parts(said.body)]
    body = put(said.body, data.draw(st.sampled_from(places)), data.draw(JSON))
    for reply in (said.reply(), said.saying(body)):
        check(DIALECTS[dialect].read(row, engine_of(row, search=search), reply))


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=200), status=STATUSES, headers=HEADERS)
def test_any_bytes_are_an_answer_or_an_error(name: str, body: bytes, status: int, headers: dict[str, str]) -> None:
    """Given any bytes, when any row reads them, then it is one or the other, and nothing is raised."""
    check(read(name, Reply(status, headers, body)))


@pytest.mark.parametrize("name", ROWS)
def test_a_reply_that_was_cut_anywhere_is_never_usable(name: str) -> None:
    """Given an answer of which only the beginning came, when it is read, then it is asked for again and never counted."""
    whole = REPLIES[f"{name}-plain"].reply().body
    for length in range(len(whole)):
        error = read(name, Reply(200, {}, whole[:length]))
        assert isinstance(error, ProviderError)
        assert error.error_class is E.NETWORK


@pytest.mark.parametrize("name", [name for name in ANSWERS if REPLIES[name].stream])
def test_a_stream_that_was_cut_anywhere_is_never_a_shorter_answer(name: str) -> None:
    """Given an event stream of which only the beginning came, when it is read, then it is usable with all of its text or
    not at all."""
    said, search = REPLIES[name], ANSWERS[name].search
    whole = said.reply().body
    for length in range(len(whole)):
        outcome = read(said.row, replace(said.reply(), body=whole[:length]), search=search)
        check(outcome)
        assert not usable(outcome) or (isinstance(outcome, Answer) and outcome.text == ANSWERS[name].text)


@pytest.mark.parametrize("name", [name for name in REPLIES if REPLIES[name].stream])
def test_lines_ends_and_comments_of_a_stream_do_not_count(name: str) -> None:
    """Given an event stream, when its lines end otherwise, comments keep it alive and its data is without a space or on
    several lines, then it is read as before."""
    said = REPLIES[name]
    body = said.reply().body
    expected = read(said.row, said.reply())
    for other in (
        body.replace(b"\n", b"\r\n"),
        body.replace(b"event: any\n", b": keep-alive\n\n"),
        body.replace(b"data: ", b"data:"),
        body.replace(b"event: any\n", b"id:1\nevent:result\n:HTTP_STATUS/200\n"),
        body.rstrip(),
    ):
        assert read(said.row, replace(said.reply(), body=other)) == expected


# -- rounds


#: replies that wait to be sent back what they said
PAUSED = [name for name in ANSWERS if name.endswith("-paused")]


def following(name: str, reply: Reply) -> Call | None:
    """The request that follows upon a reply to the row's first one."""
    row = ROWS[name]
    dialect = DIALECTS[row.dialect]
    assert isinstance(dialect, DialectInRounds)
    return dialect.follow_up(row, engine_of(row, search=True), call(name, search=True), reply)


def check_next(name: str, found: Call | None) -> None:
    """No next request, or one that can be sent to the same place and still begins with the prompt."""
    if found is None:
        return
    first = call(name, search=True)
    assert (found.url, found.headers) == (first.url, first.headers)
    json.dumps(found.body, allow_nan=False)
    assert [part for part in leaves(found.body).values() if part == PROMPT] == [PROMPT]
    assert {**found.body, "messages": found.body["messages"][:1]} == first.body


def test_every_row_with_rounds_has_a_reply_that_pauses() -> None:
    """Given the rows that allow follow-ups, when their replies are looked through, then each dialect of theirs pauses in
    one and speaks of rounds."""
    dialects = {row.dialect for row in ROWS.values() if row.rounds}
    assert {ROWS[REPLIES[name].row].dialect for name in PAUSED} == dialects
    assert all(isinstance(DIALECTS[dialect], DialectInRounds) for dialect in dialects)


@pytest.mark.parametrize("name", PAUSED)
def test_a_pause_with_any_fault_is_followed_up_or_not(name: str) -> None:
    """Given a reply that pauses, when it is followed up, then a request goes on from it; and with any one part of it
    broken there is none, or one that can be sent."""
    said = REPLIES[name]
    assert following(said.row, said.reply()) is not None
    check_next(said.row, following(said.row, said.reply()))
    for _, body in broken(said.body):
        check_next(said.row, following(said.row, said.saying(body)))


@pytest.mark.parametrize("name", PAUSED)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_json_inside_a_pause_is_followed_up_or_not(name: str, data: st.DataObject) -> None:
    """Given a reply that pauses with any JSON in one place, when it is followed up, then there is no next request, or one
    that can be sent."""
    said = REPLIES[name]
    place = data.draw(st.sampled_from([steps for steps, _ in parts(said.body)]))
    check_next(said.row, following(said.row, said.saying(put(said.body, place, data.draw(JSON)))))


@pytest.mark.parametrize("name", [name for name in REPLIES if name not in PAUSED and ROWS[REPLIES[name].row].rounds])
def test_nothing_follows_upon_a_reply_that_does_not_pause(name: str) -> None:
    """Given an answer or an error that is final, when it is followed up, then there is no next request."""
    said = REPLIES[name]
    final = said.body[-1] if isinstance(said.body, list) and not said.stream else said.body
    assert following(said.row, said.saying(final)) is None


# -- what is sent


#: where a dialect puts what a row's ``search`` holds; elsewhere that is the body itself
SEARCH_STANDS_IN: Mapping[str, str] = {"dashscope": "parameters"}
#: fields that would shape the answer, or speak before the buyer does
SHAPING = {
    *("temperature", "top_p", "top_k", "min_p", "seed", "n", "stop", "stop_sequences", "logit_bias", "best_of"),
    *("presence_penalty", "frequency_penalty", "repetition_penalty", "generationConfig", "candidateCount"),
    *("system", "instructions", "systemInstruction", "system_instruction", "stream"),
}
KEY_HEADERS = {"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-goog-api-key"}
PROMPT = '深圳新能源汽车改装门店哪家好？\n "quotes", {braces}, \\slashes\\, 🍓, e\u0301 é, trailing space '


def call(name: str, prompt: str = PROMPT, system: str | None = None, *, search: bool = False) -> Call:
    row = ROWS[name]
    return DIALECTS[row.dialect].call(row, engine_of(row, search=search), prompt, system)


def sent(of: Call) -> Any:
    """The body as the provider finds it on the wire."""
    return json.loads(json.dumps(of.body, ensure_ascii=False).encode())


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("search", [False, True], ids=["plain", "search"])
@settings(max_examples=100, deadline=None)
@given(prompt=st.text(min_size=1, max_size=200))
@example(PROMPT)
@example("user")
@example("{locale}")
def test_every_row_sends_the_prompt_byte_for_byte(name: str, search: bool, prompt: str) -> None:
    """Given any prompt, when put to any row, then it is the only thing that changes in the call, in one place, and the
    same bytes come out of the JSON as went in."""
    asked, empty = call(name, prompt, search=search), call(name, "", search=search)
    with_it, without = leaves(sent(asked)), leaves(sent(empty))
    assert with_it.keys() == without.keys()
    (place,) = [steps for steps, part in with_it.items() if part != without[steps]]
    assert with_it[place].encode() == prompt.encode()
    assert (asked.url, asked.headers) == (empty.url, empty.headers)


@settings(max_examples=30, deadline=None)
@given(prompt=st.text(min_size=20, max_size=60))
@example(PROMPT)
def test_all_rows_are_asked_the_same(prompt: str) -> None:
    """Given one prompt, when it is put to all rows with search and without, then all get the very same bytes."""
    got = {
        part.encode()
        for name in ROWS
        for search in (False, True)
        for part in leaves(sent(call(name, prompt, search=search))).values()
        if part == prompt
    }
    assert got == {prompt.encode()}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("search", [False, True], ids=["plain", "search"])
def test_nothing_shapes_the_answer_and_no_key_is_in_the_call(name: str, search: bool) -> None:
    """Given any row, when it is asked, then no sampling field and no word of ours goes out, and the call knows no key."""
    asked = call(name, search=search)
    fields = {step for steps, _ in parts(sent(asked)) for step in steps}
    assert not fields & SHAPING
    assert [part for steps, part in leaves(sent(asked)).items() if steps[-1] == "role"] in ([], ["user"])
    assert not {header.lower() for header in asked.headers} & {*KEY_HEADERS, ROWS[name].key_header}
    assert "?" not in asked.url


@pytest.mark.parametrize("name", ROWS)
def test_search_changes_only_what_the_row_says(name: str) -> None:
    """Given any row, when asked with search and without, then the calls differ by the row's search payload alone."""
    row = ROWS[name]
    searching, plain = call(name, search=True), call(name)
    expected = sent(plain)
    holder = expected[SEARCH_STANDS_IN[row.dialect]] if row.dialect in SEARCH_STANDS_IN else expected
    holder.update(json.loads(json.dumps(row.search or {})))
    assert sent(searching) == expected
    assert (searching.url, searching.headers) == (plain.url, plain.headers)
    assert (sent(searching) == sent(plain)) == (row.search is None)


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=30, deadline=None)
@given(system=st.text(min_size=20, max_size=60), search=st.booleans())
def test_a_system_text_leaves_the_prompt_as_it_is(name: str, system: str, search: bool) -> None:
    """Given a system text, when any row puts a prompt under it, then both go out byte for byte, once, and apart."""
    texts = [part for part in leaves(sent(call(name, PROMPT, system, search=search))).values() if isinstance(part, str)]
    assert [part.encode() for part in texts if part in (system, PROMPT)] in (
        [system.encode(), PROMPT.encode()],
        [PROMPT.encode(), system.encode()],
    )
