"""The gemini dialect: what is sent, and what every shape of reply is read as."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brandq.plan import EngineRef
from brandq.providers import gemini, registry
from brandq.providers.dialect import Answer, AnswerKind, Citation, ErrorClass, Provider, ProviderError, Reply
from tests.providers.conformance import check

ROW = registry.load()["gemini"]
ENGINE = EngineRef("gemini", "gemini", "gemini-3.8-flash")
PROMPT = '深圳新能源汽车改装门店哪家好？\n "quotes", {braces}, \\slashes\\, emoji 🍓, trailing space '

TEXT = "趣车良品在深圳口碑不错。🍓 Alpha is also good. 价格透明。"
FIRST, SECOND, THIRD = "趣车良品在深圳口碑不错。", "Alpha is also good.", "价格透明。"
REDIRECT = "https://redirect.example/grounding-api-redirect/"
USAGE = {"promptTokenCount": 12, "toolUsePromptTokenCount": 100, "candidatesTokenCount": 30, "thoughtsTokenCount": 200}


def candidate(*parts: Any, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    content = {
        "role": "model",
        **({"parts": [{"text": p} if isinstance(p, str) else p for p in parts]} if parts else {}),
    }
    return {"content": content, "index": 0, **({"finishReason": finish} if finish else {}), **more}


def reply(*parts: Any, **more: Any) -> dict[str, Any]:
    top: dict[str, Any] = {name: more.pop(name) for name in ("usageMetadata", "promptFeedback") if name in more}
    return {"candidates": [candidate(*parts, **more)], "modelVersion": "gemini-3.8-flash-002", "responseId": "r", **top}


def support(said: str, *chunks: int, inside: str = TEXT, **segment: Any) -> dict[str, Any]:
    """A segment as Google counts it: in bytes, and without its start where that is 0."""
    start = len(inside[: inside.index(said)].encode())
    offsets = {"startIndex": start} if start else {}
    whole = {**offsets, "endIndex": start + len(said.encode()), "text": said, **segment}
    return {"segment": whole, "groundingChunkIndices": list(chunks)}


def grounding(*supports: dict[str, Any], sites: int = 3, queries: int = 1) -> dict[str, Any]:
    chunks = [{"web": {"uri": f"{REDIRECT}{n}==", "title": f"site{n}.example"}} for n in range(sites)]
    asked = [f"门店 {n}" for n in range(queries)]
    return {"groundingChunks": chunks, "groundingSupports": list(supports), "webSearchQueries": asked}


def read(body: Any, status: int = 200, row: Provider = ROW, *, search: bool = False, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return gemini.read(row, replace(ENGINE, search=search), Reply(status, names, raw))


def stretch(answer: Answer, number: int) -> str | None:
    citation = answer.citations[number]
    return None if citation.start is None else answer.text[citation.start : citation.end]


# -- what is sent


@pytest.mark.parametrize("search", [False, True])
def test_the_prompt_is_the_only_part_byte_for_byte(search: bool) -> None:
    """Given the shipped row, when a prompt is put to it, then nothing stands beside it but the search that was asked."""
    call = gemini.call(ROW, replace(ENGINE, search=search), PROMPT)
    assert call.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:generateContent"
    assert call.body["contents"] == [{"role": "user", "parts": [{"text": PROMPT}]}]
    assert {**call.body, "contents": 0} == {"contents": 0, **({"tools": [{"google_search": {}}]} if search else {})}
    assert "key" not in call.url
    assert not {name.lower() for name in call.headers} & {"authorization", "x-goog-api-key"}
    assert ROW.key_header == "x-goog-api-key"
    assert ROW.key_env == ("GEMINI_API_KEY", "GOOGLE_API_KEY")


def test_a_system_text_stands_beside_the_prompt_and_only_where_one_is_given() -> None:
    """Given a system text, when a prompt is put under it, then it is the instruction and nothing else is another."""
    plain = gemini.call(ROW, replace(ENGINE, search=True), PROMPT)
    under = gemini.call(ROW, replace(ENGINE, search=True), PROMPT, "Answer in one line.")
    assert under.body == {**plain.body, "systemInstruction": {"parts": [{"text": "Answer in one line."}]}}
    assert "systemInstruction" not in plain.body


def test_a_model_of_any_name_stays_one_piece_of_the_path() -> None:
    """Given a model with characters that part a URL, when asked, then they are encoded."""
    call = gemini.call(ROW, replace(ENGINE, model="a/b?c#d 模"), "p")
    assert call.url.endswith("/v1beta/models/a%2Fb%3Fc%23d%20%E6%A8%A1:generateContent")


def test_a_row_gives_its_path_headers_and_body_but_never_the_prompt() -> None:
    """Given a row with all of them, when asked, then each stands where it belongs and the prompt is the caller's."""
    row = replace(ROW, path="/v1/{model}:say", headers={"x-title": "t"})
    row = replace(row, body={"generationConfig": {"seed": 1, "at": "{locale}"}, "contents": []})
    call = gemini.call(row, replace(ENGINE, locale="zh-CN"), "p")
    assert call.url == "https://generativelanguage.googleapis.com/v1/gemini-3.8-flash:say"
    assert call.headers["x-title"] == "t"
    assert call.body["generationConfig"] == {"seed": 1, "at": "zh-CN"}
    assert call.body["contents"][0]["parts"] == [{"text": "p"}]
    assert gemini.call(row, ENGINE, "p").body["generationConfig"] == {"seed": 1}


# -- kinds


K = AnswerKind
KINDS: list[tuple[str, dict[str, Any], AnswerKind, str]] = [
    ("plain text", reply("Alpha."), K.OK, "Alpha."),
    ("several parts", reply("Al", "pha"), K.OK, "Alpha"),
    ("thoughts", reply({"text": "Beta?", "thought": True}, "Alpha"), K.OK, "Alpha"),
    ("a signature", reply({"text": "Alpha", "thoughtSignature": "c2ln"}), K.OK, "Alpha"),
    ("code beside it", reply({"executableCode": {"code": "1"}}, "Alpha"), K.OK, "Alpha"),
    ("no finish", reply("Alpha", finish=None), K.OK, "Alpha"),
    ("a finish of tomorrow", reply("Alpha", finish="DONE"), K.OK, "Alpha"),
    ("no parts", reply(), K.EMPTY, ""),
    ("blanks", reply(" \n"), K.EMPTY, " \n"),
    ("only thoughts", reply({"text": "Beta?", "thought": True}), K.EMPTY, ""),
    ("cut off", reply("1. Alpha\n2. Be", finish="MAX_TOKENS"), K.TRUNCATED, "1. Alpha\n2. Be"),
    ("cut off while thinking", reply(finish="MAX_TOKENS"), K.TRUNCATED, ""),
    ("no content at all", {"candidates": [{"finishReason": "MAX_TOKENS"}]}, K.TRUNCATED, ""),
    *(
        (finish, reply("Al", finish=finish), K.REFUSED, "Al")
        for finish in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR")
    ),
    ("a blocked prompt", {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, K.REFUSED, ""),
    ("blocked, an empty list", {"candidates": [], "promptFeedback": {"blockReason": "OTHER"}}, K.REFUSED, ""),
    ("not blocked", reply("Alpha", promptFeedback={"safetyRatings": []}), K.OK, "Alpha"),
]


@pytest.mark.parametrize(("body", "kind", "text"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_a_reply_is_read_as_its_kind(body: dict[str, Any], kind: AnswerKind, text: str) -> None:
    """Given a reply of a known shape, when it is read, then its text and its kind are what that shape means."""
    answer = read(body)
    assert isinstance(answer, Answer), answer
    assert (answer.kind, answer.text) == (kind, text)


def test_an_answer_says_who_served_it_and_how_it_ended() -> None:
    """Given a reply with a model's version, when read, then it is the served model, and the finish is Google's word."""
    answer = read(reply("Alpha"))
    assert (answer.served_model, answer.finish) == ("gemini-3.8-flash-002", "STOP")
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "modelVersion": "m",
        "usageMetadata": {"promptTokenCount": 8},
    }
    refused = read(blocked, search=True)
    assert (refused.finish, refused.served_model, refused.tokens_in) == ("SAFETY", "m", 8)
    assert refused.search_requested


# -- sources


def test_what_the_text_rests_on_is_cited_and_the_rest_only_retrieved() -> None:
    """Given chunks and supports over Chinese text, when read, then each span in characters is the stretch meant."""
    found = grounding(support(FIRST, 2), support(SECOND, 0, 2), support(THIRD, 0))
    answer = read(reply(TEXT, groundingMetadata=found), search=True)
    assert answer.citations == (
        Citation(REDIRECT + "0==", "site0.example", True, "groundingMetadata", 14, 33),
        Citation(REDIRECT + "1==", "site1.example", False, "groundingMetadata"),
        Citation(REDIRECT + "2==", "site2.example", True, "groundingMetadata", 0, 12),
    )
    assert [stretch(answer, number) for number in range(3)] == [SECOND, None, FIRST]


@pytest.mark.parametrize("said", [FIRST, SECOND, THIRD, "🍓", TEXT])
def test_a_span_in_bytes_becomes_a_span_in_characters(said: str) -> None:
    """Given one support anywhere in the text, with or without its words, when read, then the span holds that stretch."""
    for segment in ({}, {"text": ""}):
        answer = read(reply(TEXT, groundingMetadata=grounding(support(said, 0, **segment))))
        assert stretch(answer, 0) == said


def test_offsets_count_from_the_part_that_the_segment_names() -> None:
    """Given a text in several parts with a thought among them, when read, then a span is one of the whole text."""
    parts = (TEXT[:14], {"text": "想一想", "thought": True}, TEXT[14:])
    found = grounding(support(THIRD, 0, inside=TEXT[14:], partIndex=2), support(FIRST, 1), support(SECOND, 2))
    answer = read(reply(*parts, groundingMetadata=found))
    assert [stretch(answer, number) for number in range(3)] == [THIRD, FIRST, SECOND]


UNSOUND: list[dict[str, Any]] = [
    {"startIndex": 1},
    {"startIndex": 1, "text": ""},
    {"endIndex": 10_000},
    {"endIndex": 0},
    {"endIndex": None},
    {"startIndex": -3},
    {"startIndex": "0"},
    {"text": "something else"},
]


@pytest.mark.parametrize("segment", UNSOUND, ids=str)
def test_a_span_that_is_not_sound_is_dropped_and_the_citation_stays(segment: dict[str, Any]) -> None:
    """Given offsets that fall inside a character, outside the text or on other words, when read, then none are kept."""
    answer = read(reply(TEXT, groundingMetadata=grounding(support(FIRST, 1, **segment))))
    assert [citation.cited for citation in answer.citations] == [False, True, False]
    assert stretch(answer, 1) is None


def test_without_supports_nothing_tells_what_was_used() -> None:
    """Given chunks alone, when read, then they are sources of which it is unknown whether the text rests on them."""
    answer = read(reply(TEXT, groundingMetadata=grounding(sites=2)))
    assert [citation.cited for citation in answer.citations] == [None, None]


def test_a_chunk_that_is_no_web_page_keeps_its_number() -> None:
    """Given chunks without an address among others, when read, then the supports still mean the right ones."""
    found = grounding(support(SECOND, 3))
    found["groundingChunks"][1:1] = [{"retrievedContext": {"title": "own"}}, None]
    found["groundingChunks"][0] = {"web": {"uri": "https://google.example/search?q=a b,+c", "title": "Weather"}}
    answer = read(reply(TEXT, groundingMetadata=found))
    assert [(citation.url, citation.cited) for citation in answer.citations] == [
        ("https://google.example/search?q=a%20b,+c", False),
        (REDIRECT + "1==", True),
        (REDIRECT + "2==", False),
    ]


def test_links_in_the_text_are_citations_too() -> None:
    """Given an answer that names a URL, when read, then it is a citation via text, whatever the search found."""
    text = "官网https://a.example/x查看"
    answer = read(reply(text, groundingMetadata=grounding(sites=1)))
    assert [(citation.url, citation.via) for citation in answer.citations] == [
        (REDIRECT + "0==", "groundingMetadata"),
        ("https://a.example/x", "text"),
    ]
    assert stretch(answer, 1) == "https://a.example/x"


@pytest.mark.parametrize(
    ("more", "search", "executed"),
    [
        ({"groundingMetadata": grounding(sites=0)}, True, True),
        ({"groundingMetadata": grounding(queries=0)}, True, True),
        ({"groundingMetadata": {}}, True, False),
        ({}, True, False),
        ({"usageMetadata": USAGE}, True, True),
        ({"finish": "SAFETY"}, True, None),
        ({"finish": "MAX_TOKENS"}, True, None),
        ({}, False, None),
    ],
)
def test_whether_it_searched_is_said_only_where_the_reply_tells(
    more: dict[str, Any], search: bool, executed: bool | None
) -> None:
    """Given a model that may search, when it ended as it meant to without a trace of one, then it did not search."""
    assert read(reply("Alpha", **more), search=search).search_executed is executed


# -- usage and cost


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (USAGE, (112, 230)),
        (
            {"promptTokenCount": 9, "candidatesTokenCount": 29, "totalTokenCount": 296, "thoughtsTokenCount": 258},
            (9, 287),
        ),
        ({"promptTokenCount": 15, "thoughtsTokenCount": 2}, (15, 2)),
        ({"promptTokenCount": 15, "candidatesTokenCount": True}, (15, None)),
        ({"promptTokenCount": 2**31 - 1, "toolUsePromptTokenCount": 1}, (None, None)),
        ({}, (None, None)),
        ([], (None, None)),
    ],
)
def test_tokens_are_counted_with_the_search_and_the_thoughts(usage: Any, tokens: tuple[Any, Any]) -> None:
    """Given usage, when read, then what the search read is in and what was thought is out; nothing is made up."""
    answer = read(reply("Alpha", usageMetadata=usage))
    assert (answer.tokens_in, answer.tokens_out) == tokens


@pytest.mark.parametrize(
    ("queries", "search", "cost"),
    [(0, False, "0.0009465"), (1, True, "0.0149465"), (3, True, "0.0429465")],
)
def test_each_query_has_its_fee(queries: int, search: bool, cost: str) -> None:
    """Given a priced model, when it searched, then each of its queries is paid for beside the tokens."""
    more = {"groundingMetadata": grounding(queries=queries)} if queries else {}
    answer = read(reply(TEXT, usageMetadata=USAGE, **more), search=search)
    assert (answer.cost, answer.currency, answer.cost_basis) == (Decimal(cost), "USD", "table 2026-11-23")


def test_a_search_that_was_not_made_costs_nothing() -> None:
    """Given search on and a model that did without, when read, then only the tokens are paid for."""
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 1000}
    answer = read(reply("Alpha", usageMetadata=usage), search=True)
    assert answer.cost == Decimal("0.0045")


# -- trouble


def error(code: int, status: str, message: str = "m", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def info(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def quota(*names: str) -> dict[str, Any]:
    violations = [{"quotaMetric": "m/requests", "quotaId": name, "quotaValue": "20"} for name in names]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


def delay(said: Any) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": said}


HELP = {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"description": "d", "url": "https://h.example"}]}
MINUTE, DAY = "GenerateRequestsPerMinutePerProject-FreeTier", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
E = ErrorClass
TROUBLE: list[tuple[int, Any, ErrorClass, int | None]] = [
    (400, error(400, "INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID")), E.AUTH, None),
    (401, error(401, "UNAUTHENTICATED"), E.AUTH, None),
    (403, error(403, "PERMISSION_DENIED", "Your API key was reported as leaked."), E.AUTH, None),
    (403, error(403, "PERMISSION_DENIED", "off", info("SERVICE_DISABLED")), E.PERMISSION, None),
    (400, error(400, "FAILED_PRECONDITION", "User location is not supported."), E.PERMISSION, None),
    (429, error(429, "RESOURCE_EXHAUSTED", "slow", HELP, quota(MINUTE), delay("34.4s")), E.RATE_LIMIT, 34_400),
    (429, error(429, "RESOURCE_EXHAUSTED", "slow", delay("34.074824224s")), E.RATE_LIMIT, 34_074),
    (429, error(429, "RESOURCE_EXHAUSTED", "slow", delay("soon")), E.RATE_LIMIT, None),
    (429, error(429, "RESOURCE_EXHAUSTED", "slow", delay(34)), E.RATE_LIMIT, None),
    (429, error(429, "RESOURCE_EXHAUSTED", "slow"), E.RATE_LIMIT, None),
    (429, error(429, "RESOURCE_EXHAUSTED", "no more", quota(MINUTE, DAY), delay("34.4s")), E.DAILY_QUOTA, None),
    (429, error(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), E.NO_MONEY, None),
    (402, error(402, "PAYMENT_REQUIRED"), E.NO_MONEY, None),
    (404, error(404, "NOT_FOUND", "models/x is not found for API version v1beta"), E.MODEL, None),
    (400, error(400, "INVALID_ARGUMENT", "The input exceeds the maximum number of tokens"), E.CONTEXT, None),
    (400, error(400, "INVALID_ARGUMENT", "Unknown name"), E.BAD_REQUEST, None),
    (499, error(499, "CANCELLED"), E.OVERLOADED, None),
    (500, error(500, "INTERNAL"), E.OVERLOADED, None),
    (503, error(503, "UNAVAILABLE", "busy", delay("2s")), E.OVERLOADED, 2000),
    (504, error(504, "DEADLINE_EXCEEDED"), E.OVERLOADED, None),
    (429, [error(429, "RESOURCE_EXHAUSTED", "in a list", delay("1s"))], E.RATE_LIMIT, 1000),
    (200, error(503, "UNAVAILABLE"), E.OVERLOADED, None),
    (200, {"modelVersion": "m", "usageMetadata": {}}, E.OVERLOADED, None),
    (200, {"candidates": []}, E.OVERLOADED, None),
    (200, {"candidates": [None]}, E.OVERLOADED, None),
    (200, reply("half", finish="MALFORMED_FUNCTION_CALL"), E.OVERLOADED, None),
    (200, reply("half", finish="OTHER"), E.OVERLOADED, None),
    (200, {"choices": []}, E.BAD_REQUEST, None),
    (200, {"status": "ok"}, E.BAD_REQUEST, None),
    (404, b"<html><title>404</title></html>", E.BAD_REQUEST, None),
    (200, b'{"candidates": [{"con', E.NETWORK, None),
    (302, b"", E.BAD_REQUEST, None),
]


@pytest.mark.parametrize(("status", "body", "expected", "wait"), TROUBLE)
def test_trouble_is_classed_by_its_details_first(
    status: int, body: Any, expected: ErrorClass, wait: int | None
) -> None:
    """Given an error as Google words it, when read, then its class and its wait are what its details say."""
    trouble = read(body, status)
    assert isinstance(trouble, ProviderError), trouble
    assert (trouble.error_class, trouble.wait_ms, trouble.http_status) == (expected, wait, status), trouble.message
    assert trouble.message.startswith("gemini: ")
    assert len(trouble.message) <= 200


def test_a_header_that_asks_to_wait_counts_before_the_body() -> None:
    """Given a wait in the header as well, when read, then the header's is kept."""
    body = error(429, "RESOURCE_EXHAUSTED", "slow", delay("34.4s"))
    assert read(body, 429, retry_after="3").wait_ms == 3000


def test_a_message_names_the_variable_and_holds_no_key() -> None:
    """Given an error that repeats a key, when read, then the message says what to check and hides the key."""
    key = "AIza" + "SyA1234567890_bcdefghijklmnopqrstuv"
    trouble = read(error(400, "INVALID_ARGUMENT", f"API key not valid: {key}.", info("API_KEY_INVALID")), 400)
    assert trouble.message == (
        "gemini: HTTP 400 API_KEY_INVALID: API key not valid: ***.; check GEMINI_API_KEY or GOOGLE_API_KEY"
    )


# -- properties


@settings(max_examples=200, deadline=None)
@given(before=st.text(max_size=20), said=st.text(min_size=1, max_size=20), after=st.text(max_size=20))
def test_any_stretch_of_any_text_is_found_again(before: str, said: str, after: str) -> None:
    """Given any text and a support for a stretch of it, when read, then the span is that stretch to the character."""
    start = len(before.encode())
    segment = {"startIndex": start, "endIndex": start + len(said.encode()), "text": said}
    found = grounding({"segment": segment, "groundingChunkIndices": [0]}, sites=1)
    citation = read(reply(before + said + after, groundingMetadata=found)).citations[0]
    assert (citation.start, citation.end) == (len(before), len(before) + len(said))


@pytest.mark.parametrize("words", ["", TEXT])
def test_many_supports_of_a_long_text_are_read_quickly(words: str) -> None:
    """Given a long text and tens of thousands of supports for all of it, when read, then it takes a moment."""
    text = TEXT * 10_000
    segment = {"endIndex": len(text.encode()), "text": words}
    many = [{"segment": segment, "groundingChunkIndices": [n]} for n in range(30_000)]
    check(read(reply(text, groundingMetadata=grounding(*many, sites=30_000))))
    # linear takes a second or two; quadratic would take hours, and the limit for one test end it
