"""The openai-chat dialect: what is sent, and what every shape of reply is read as."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brandq.plan import EngineRef
from brandq.providers import openai_chat, registry
from brandq.providers.dialect import (
    Answer,
    AnswerKind,
    Call,
    Citation,
    ErrorClass,
    Price,
    Provider,
    ProviderError,
    Reply,
)
from tests.providers.conformance import check

ANY = Provider("any", "Any", "openai-chat", "https://any.example/v1", "m-1", ("ANY_API_KEY",))
ROWS = {name: row for name, row in registry.load().items() if row.dialect == "openai-chat"} | {"any": ANY}
ENGINE = EngineRef("any", "any", "m-1")
PROMPT = '深圳新能源汽车改装门店哪家好？\n "quotes", {braces}, \\slashes\\, emoji 🍓, trailing space '


def chat(content: Any = "Alpha is fine.", finish: str | None = "stop", **top: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **top.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": finish, **top.pop("choice", {})}
    return {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1-0901", "choices": [choice], **top}


def read(body: Any, status: int = 200, row: Provider | str = ANY, *, search: bool = False, **headers: str) -> Any:
    provider = ROWS[row] if isinstance(row, str) else row
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    engine = replace(ENGINE, provider=provider.name, model=provider.model or "m-1", search=search)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return openai_chat.read(provider, engine, Reply(status, names, raw))


# -- what is sent


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("search", [False, True])
def test_every_provider_gets_the_prompt_byte_for_byte_and_nothing_beside_it(name: str, search: bool) -> None:
    """Given any row, when a prompt is put to it, then it is the only message and nothing else shapes the answer."""
    row = ROWS[name]
    if search and row.search is None:
        return
    engine = EngineRef(name, name, row.model or "m", search)
    call = openai_chat.call(row, engine, PROMPT)
    assert call.body["messages"] == [{"role": "user", "content": PROMPT}]
    assert call.body["model"] == engine.model
    assert set(call.body) - {"model", "messages"} == (set(row.search or {}) if search else set())
    assert call.url == row.base_url + "/chat/completions"
    assert not {name.lower() for name in call.headers} & {"authorization", "x-api-key"}


def test_a_row_gives_its_path_headers_body_and_search() -> None:
    """Given a row with all of them, when an engine that searches is asked, then each stands where it belongs."""
    row = replace(ANY, path="/bots/chat", headers={"x-title": "t"}, body={"seed": 1, "at": "{locale}"})
    row = replace(row, search={"web": {"on": True, "place": ["{locale}"]}})
    call = openai_chat.call(row, replace(ENGINE, search=True, locale="zh-CN"), "p")
    assert call.url == "https://any.example/v1/bots/chat"
    assert call.headers["x-title"] == "t"
    assert call.body["seed"] == 1
    assert call.body["at"] == "zh-CN"
    assert call.body["web"] == {"on": True, "place": ["zh-CN"]}
    plain = openai_chat.call(row, ENGINE, "p")
    assert "web" not in plain.body
    assert "at" not in plain.body, "a field that needs a locale is not sent without one"


def test_a_system_text_is_a_message_before_the_prompt_and_only_where_one_is_given() -> None:
    """Given a system text, when a prompt is put under it, then it comes first, and nothing else is another."""
    plain = openai_chat.call(ANY, ENGINE, PROMPT)
    under = openai_chat.call(ANY, ENGINE, PROMPT, "Answer in one line.")
    first = {"role": "system", "content": "Answer in one line."}
    assert under.body == {**plain.body, "messages": [first, {"role": "user", "content": PROMPT}]}


# -- kinds


KINDS: list[tuple[str, dict[str, Any], AnswerKind, str]] = [
    ("plain text", chat("Alpha."), AnswerKind.OK, "Alpha."),
    ("no finish at all", chat("Alpha.", None), AnswerKind.OK, "Alpha."),
    ("an empty finish", chat("Alpha.", ""), AnswerKind.OK, "Alpha."),
    ("parts", chat([{"type": "text", "text": "Al"}, {"type": "text", "text": "pha"}]), AnswerKind.OK, "Alpha"),
    ("parts with reasoning", chat([{"type": "thinking", "text": "hm"}, "Alpha"]), AnswerKind.OK, "Alpha"),
    ("reasoning beside it", chat("Alpha", message={"reasoning_content": "hm"}), AnswerKind.OK, "Alpha"),
    ("only reasoning", chat("", message={"reasoning_content": "hm"}), AnswerKind.EMPTY, ""),
    ("nothing", chat(""), AnswerKind.EMPTY, ""),
    ("null", chat(None), AnswerKind.EMPTY, ""),
    ("blanks", chat(" \n"), AnswerKind.EMPTY, " \n"),
    ("no message", {"choices": [{"index": 0}]}, AnswerKind.EMPTY, ""),
    ("length", chat("1. Alpha\n2. Be", "length"), AnswerKind.TRUNCATED, "1. Alpha\n2. Be"),
    ("length, all of it reasoning", chat("", "length"), AnswerKind.TRUNCATED, ""),
    ("model_length", chat("Al", "model_length"), AnswerKind.TRUNCATED, "Al"),
    ("content_filter", chat("Al", "content_filter"), AnswerKind.REFUSED, "Al"),
    ("sensitive", chat("", "sensitive"), AnswerKind.REFUSED, ""),
    ("recitation, by way of a gateway", chat("Al", "RECITATION"), AnswerKind.REFUSED, "Al"),
    (
        "reasoning as a part",
        chat([{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Al"}]),
        AnswerKind.OK,
        "Al",
    ),
    (
        "one piece of a stream",
        {"choices": [{"delta": {"content": "Al"}, "finish_reason": None}]},
        AnswerKind.TRUNCATED,
        "Al",
    ),
    ("refusal field", chat(None, message={"refusal": "I can't."}), AnswerKind.REFUSED, "I can't."),
    ("refusal part", chat([{"type": "refusal", "refusal": "No."}]), AnswerKind.REFUSED, "No."),
    ("flagged, without a choice", {"choices": None, "output_sensitive": True, "model": "m"}, AnswerKind.REFUSED, ""),
    (
        "waits for a tool",
        chat("Let me look.", "tool_calls", message={"tool_calls": [{}]}),
        AnswerKind.TRUNCATED,
        "Let me look.",
    ),
    ("search rounds", {"choices": [{"messages": [{"content": "q"}, {"content": "Alpha"}]}]}, AnswerKind.OK, "Alpha"),
    ("an empty error form", chat("Alpha", error={"code": None, "message": ""}), AnswerKind.OK, "Alpha"),
    ("a warning on success", chat("Alpha", base_resp={"status_code": 0, "status_msg": "note"}), AnswerKind.OK, "Alpha"),
    ("code 0", chat("Alpha", code=0, message_="Success"), AnswerKind.OK, "Alpha"),
]


@pytest.mark.parametrize(("body", "kind", "text"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_a_reply_is_read_as_its_kind(body: dict[str, Any], kind: AnswerKind, text: str) -> None:
    """Given a reply of a known shape, when it is read, then its text and its kind are what that shape means."""
    answer = read(body)
    assert isinstance(answer, Answer)
    assert (answer.kind, answer.text) == (kind, text)


def test_an_answer_says_who_served_it_and_how_it_ended() -> None:
    """Given a reply with model and finish, when read, then both are kept as they came, beside what was asked for."""
    answer = read(chat("Alpha", "stop"), search=False)
    assert (answer.served_model, answer.finish, answer.search_requested) == ("m-1-0901", "stop", False)
    assert read({"choices": [{"message": {"content": "A"}}]}).served_model is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<think>Beta?</think>\n\nAlpha", "Alpha"),
        ("Beta?</think>Alpha", "Alpha"),
        ("<think>Beta?", ""),
        ("<think>a</think>Al<think>b</think>pha", "Alpha"),
        ("Alpha", "Alpha"),
    ],
)
def test_reasoning_between_tags_is_no_part_of_the_answer(content: str, text: str) -> None:
    """Given a row whose text may hold <think> tags, when read, then brands that were only thought of are not in it."""
    assert read(chat(content), row="minimax").text == text


def test_tags_are_left_alone_where_the_row_does_not_expect_them() -> None:
    """Given any other row, when its answer is about HTML, then nothing is cut out of it."""
    assert read(chat("<think>x</think>")).text == "<think>x</think>"


def test_a_body_may_be_kept_waiting_with_blank_lines_and_comments() -> None:
    """Given keep-alive lines before the JSON, when read, then the answer is there."""
    raw = b"\xef\xbb\xbf\n\n: keep-alive\n\n: keep-alive\n" + json.dumps(chat("Alpha")).encode()
    assert read(raw).text == "Alpha"


# -- sources


def cited(answer: Answer) -> list[tuple[str, bool | None, str]]:
    return [(citation.url, citation.cited, citation.via) for citation in answer.citations]


def test_annotations_are_cited_and_keep_their_span() -> None:
    """Given url_citation annotations, nested or flat, when read, then they are cited, with their spans if any."""
    text = "Alpha ([a.example](https://a.example/x?utm_source=openai))."
    nested = {"url": "https://a.example/x?utm_source=openai", "title": "A", "start_index": 6, "end_index": 58}
    annotations = [
        {"type": "url_citation", "url_citation": nested},
        {"type": "url_citation", "url": "https://b.example/", "title": "", "start_index": 0, "end_index": 0},
        {"type": "url_citation", "url": "https://c.example", "start_index": 5, "end_index": 5000},
        {"type": "file_citation", "file_id": "f"},
        "noise",
    ]
    answer = read(chat(text, message={"annotations": annotations}))
    assert answer.citations == (
        Citation("https://a.example/x?utm_source=openai", "A", True, "annotations", 6, 58),
        Citation("https://b.example/", None, True, "annotations"),
        Citation("https://c.example", None, True, "annotations"),
    )
    assert answer.search_executed is True


LISTS: list[tuple[str, str, dict[str, Any]]] = [
    ("citations as texts", "citations", {"citations": ["https://a.example/1", "https://b.example/2"]}),
    (
        "citations as objects",
        "citations",
        {"citations": [{"url": "https://a.example/1"}, {"url": "https://b.example/2"}]},
    ),
    (
        "search_results",
        "search_results",
        {"search_results": [{"index": 1, "url": "https://a.example/1"}, {"index": 2, "url": "https://b.example/2"}]},
    ),
    (
        "search_info",
        "search_info.search_results",
        {
            "search_info": {
                "search_results": [
                    {"index": 1, "url": "https://a.example/1"},
                    {"index": 2, "url": "https://b.example/2"},
                ]
            }
        },
    ),
    (
        "web_search",
        "web_search",
        {
            "web_search": [
                {"refer": "ref_1", "link": "https://a.example/1"},
                {"refer": "ref_3", "link": ""},
                {"refer": "ref_2", "link": "https://b.example/2"},
            ]
        },
    ),
    ("references", "references", {"references": [{"url": "https://a.example/1"}, {"url": "https://b.example/2"}]}),
]


@pytest.mark.parametrize(("via", "top"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS])
@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("Alpha.", (None, None)),
        ("Alpha [2].", (False, True)),
        ("Alpha[ref_2]", (False, True)),
        ("Alpha^[2]^", (False, True)),
        ("Alpha[^2^]", (False, True)),
        ("Alpha 【2】", (False, True)),
        ("Alpha[citation:2]", (False, True)),
        ("Alpha[1, 2]", (True, True)),
        ("Alpha[ref_1，ref_2]", (True, True)),
        ("Alpha[2026] of (2)", (None, None)),
    ],
)
def test_lists_of_sources_are_cited_as_far_as_the_text_points_at_them(
    via: str, top: dict[str, Any], text: str, flags: tuple[bool | None, bool | None]
) -> None:
    """Given numbered sources, when the text points at one, then the others are only retrieved; else none can tell."""
    answer = read(chat(text, **top))
    assert cited(answer) == [("https://a.example/1", flags[0], via), ("https://b.example/2", flags[1], via)]
    assert answer.search_executed is True


def test_tools_that_ran_give_their_sources() -> None:
    """Given executed_tools with results, when read, then their URLs are sources."""
    tools = [
        {"type": "search", "search_results": {"results": [{"title": "T", "url": "https://a.example", "content": "c"}]}}
    ]
    answer = read(chat("Alpha", message={"executed_tools": tools}))
    assert answer.citations == (Citation("https://a.example", "T", None, "executed_tools"),)


def test_one_url_is_one_citation_that_knows_what_all_its_places_know() -> None:
    """Given a URL in a list and in the text, when read, then it stands once, with the title, the span and the flag."""
    answer = read(chat("See [Alpha](https://a.example/).", search_results=[{"url": "https://a.example", "title": "A"}]))
    assert answer.citations == (Citation("https://a.example", "A", True, "search_results", 4, 31),)


def test_a_row_that_names_its_extractors_reads_no_other_place() -> None:
    """Given a row with one extractor, when a reply has a list elsewhere, then that list is not taken for sources."""
    row = replace(ANY, citations=("web_search",))
    assert read(chat("x", citations=["https://a.example"]), row=row).citations == ()


TEXTS: list[tuple[str, list[str]]] = [
    ("see https://a.example/x.", ["https://a.example/x"]),
    ("（见https://a.example/x）。更多", ["https://a.example/x"]),
    ("官网https://a.example/x查看", ["https://a.example/x"]),
    ("(https://a.example/x_(y))", ["https://a.example/x_(y)"]),
    ('[A](https://a.example/x_(y) "t") b', ["https://a.example/x_(y)"]),
    ("[中文](https://a.example/路径)", ["https://a.example/路径"]),
    ("**https://a.example**", ["https://a.example"]),
    ("<https://a.example>, `https://b.example`", ["https://a.example", "https://b.example"]),
    ("[https://a.example](https://a.example)", ["https://a.example"]),
    ("![logo](https://a.example/l.png)", []),
    ("| [A](https://a.example) | https://b.example |", ["https://a.example", "https://b.example"]),
    ("http:// and https:// and ftp://a.example", []),
    ("[1]: https://a.example 'T'", ["https://a.example"]),
]


@pytest.mark.parametrize(("text", "urls"), TEXTS)
def test_urls_in_the_text_are_its_citations(text: str, urls: list[str]) -> None:
    """Given an answer that names URLs, when read, then each is a citation via text whose span holds it."""
    answer = read(chat(text))
    assert [citation.url for citation in answer.citations] == urls
    for citation in answer.citations:
        assert citation.via == "text"
        assert citation.url in text[citation.start : citation.end]
    assert answer.search_executed is None, "a URL in the text does not prove that anything was looked up"


def test_spans_are_dropped_where_the_text_was_cut_before_them() -> None:
    """Given reasoning in front of the text, when it is cut off, then offsets into the longer text are not kept."""
    annotation = {"type": "url_citation", "url": "https://a.example", "start_index": 20, "end_index": 25}
    answer = read(chat("<think>hm</think>Alpha and more", message={"annotations": [annotation]}), row="minimax")
    assert answer.citations == (Citation("https://a.example", None, True, "annotations"),)


@pytest.mark.parametrize(
    ("usage", "executed"),
    [
        ({"server_tool_use_details": {"web_search_requests": 2}}, True),
        ({"num_search_queries": 1}, True),
        ({"plugins": {"search": {"count": 1}}}, True),
        ({"num_sources_used": 0}, False),
        ({"prompt_tokens": 3}, None),
    ],
)
def test_whether_it_searched_is_said_only_where_the_reply_tells(usage: dict[str, Any], executed: bool | None) -> None:
    """Given a count of searches in the usage, when read, then it decides; without one nothing is claimed."""
    assert read(chat("Alpha", usage=usage)).search_executed is executed


# -- usage and cost


@pytest.mark.parametrize(
    ("top", "tokens"),
    [
        ({"usage": {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42}}, (12, 30)),
        ({"usage": {"input_tokens": 12, "output_tokens": 30}}, (12, 30)),
        (
            {
                "usage": {
                    "prompt_tokens": 12,
                    "completion_tokens": 1,
                    "total_tokens": 241,
                    "completion_tokens_details": {"reasoning_tokens": 228},
                }
            },
            (12, 229),
        ),
        (
            {
                "usage": {
                    "prompt_tokens": 18,
                    "completion_tokens": 345,
                    "total_tokens": 363,
                    "completion_tokens_details": {"reasoning_tokens": 315},
                }
            },
            (18, 345),
        ),
        (
            {"bot_usage": {"model_usage": [{"prompt_tokens": 5, "completion_tokens": 6}] * 2, "action_usage": []}},
            (10, 12),
        ),
        ({}, (None, None)),
        ({"usage": {"prompt_tokens": True, "completion_tokens": -1}}, (None, None)),
        ({"usage": {"prompt_tokens": 10**30, "completion_tokens": "7"}}, (None, None)),
    ],
)
def test_tokens_are_counted_with_the_reasoning_that_is_billed(top: dict[str, Any], tokens: tuple[Any, Any]) -> None:
    """Given usage in any of its shapes, when read, then tokens out hold the reasoning, and nothing is made up."""
    answer = read(chat("Alpha", **top))
    assert (answer.tokens_in, answer.tokens_out) == tokens


PRICED = replace(ANY, prices={"m-1": Price(Decimal("0.11"), Decimal("0.4"), "USD", "2026-11-23")})
SEARCH_PRICED = replace(
    PRICED, prices={"m-1": Price(Decimal("0.11"), Decimal("0.4"), "CNY", "2026-11-23", Decimal("0.03"))}
)
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500}


@pytest.mark.parametrize(
    ("row", "usage", "search", "expected"),
    [
        (PRICED, USAGE | {"cost": 0.0076}, False, (Decimal("0.0076"), "USD", "reported")),
        (PRICED, USAGE | {"cost": {"total_cost": 0.5}}, True, (Decimal("0.5"), "USD", "reported")),
        (PRICED, USAGE | {"cost_in_usd_ticks": 1176500}, False, (Decimal("0.00011765"), "USD", "reported")),
        (PRICED, USAGE, False, (Decimal("0.00031"), "USD", "table 2026-11-23")),
        (PRICED, {"prompt_tokens": 1000}, False, (None, None, "unknown")),
        (PRICED, USAGE, True, (None, None, "unknown")),
        (PRICED, USAGE | {"num_search_queries": 0}, True, (Decimal("0.00031"), "USD", "table 2026-11-23")),
        (SEARCH_PRICED, USAGE, True, (Decimal("0.03031"), "CNY", "table 2026-11-23")),
        (SEARCH_PRICED, USAGE | {"num_search_queries": 2}, True, (Decimal("0.06031"), "CNY", "table 2026-11-23")),
        (ANY, USAGE, False, (None, None, "unknown")),
        (ANY, USAGE | {"cost": -1}, False, (None, None, "unknown")),
        (ANY, USAGE | {"cost": "0.1"}, False, (None, None, "unknown")),
        (ANY, USAGE | {"cost": 0}, False, (Decimal(0), "USD", "reported")),
    ],
)
def test_cost_is_reported_or_from_the_dated_table_or_unknown(
    row: Provider, usage: dict[str, Any], search: bool, expected: tuple[Any, Any, str]
) -> None:
    """Given usage, when read, then the provider's own figure counts first, and an unknown fee is not guessed."""
    answer = read(chat("Alpha", usage=usage), row=row, search=search)
    assert (answer.cost, answer.currency, answer.cost_basis) == expected


# -- rounds


def tool(arguments: Any = '{"search_result":{"search_id":"s-1"}}', name: str = "$web_search", **more: Any) -> Any:
    function = {"name": name, "arguments": arguments}
    return {"index": 0, "id": "t_1", "type": "builtin_function", "function": function, **more}


def calling(*tools: Any, content: Any = "", finish: str | None = "tool_calls", **top: Any) -> dict[str, Any]:
    """A reply that ends in these calls."""
    return chat(content, finish, message={"tool_calls": list(tools)}, **top)


CALL = openai_chat.call(ROWS["kimi"], replace(ENGINE, search=True), PROMPT)


def follow(call: Call, body: Any, status: int = 200) -> Call | None:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return openai_chat.follow_up(ROWS["kimi"], ENGINE, call, Reply(status, {}, raw))


def test_kimi_is_offered_its_search_without_thinking() -> None:
    """Given Kimi's row, when an engine that searches is asked, then the tool is offered and thinking is off."""
    assert CALL.body["tools"] == [{"type": "builtin_function", "function": {"name": "$web_search"}}]
    assert CALL.body["thinking"] == {"type": "disabled"}
    assert set(openai_chat.call(ROWS["kimi"], ENGINE, PROMPT).body) == {"model", "messages"}


def test_a_search_is_sent_back_its_own_arguments_and_the_messages_grow() -> None:
    """Given calls of the search, when each round is followed up, then message and arguments go back as they came."""
    odd = '{ "search_result": {"search_id":"s-1", "n": 1.50, "q": "\\u6df1\ud800"} }'
    two = calling(tool(odd), tool("not JSON", id="t_2"), content=None)
    once = follow(CALL, json.dumps(two).encode())
    assert once is not None
    assert once.body == {
        **CALL.body,
        "messages": [
            {"role": "user", "content": PROMPT},
            two["choices"][0]["message"],
            {"role": "tool", "tool_call_id": "t_1", "name": "$web_search", "content": odd},
            {"role": "tool", "tool_call_id": "t_2", "name": "$web_search", "content": "not JSON"},
        ],
    }
    twice = follow(once, calling(tool()))
    assert twice is not None
    assert twice.body["messages"][:4] == once.body["messages"]
    assert len(twice.body["messages"]) == 6
    assert (twice.url, twice.headers) == (CALL.url, CALL.headers)
    assert len(CALL.body["messages"]) == 1, "what was sent stays what was sent"


FINAL: list[tuple[str, int, Any]] = [
    ("an answer", 200, chat("Alpha.")),
    ("a call, but an end", 200, calling(tool(), content="Alpha.", finish="stop")),
    ("another tool", 200, calling(tool(name="look"))),
    ("another tool beside it", 200, calling(tool(), tool(name="look"))),
    ("no call", 200, calling()),
    ("calls of another make", 200, calling("noise")),
    ("no calls at all", 200, chat("", "tool_calls", message={"tool_calls": {"id": "t_1"}})),
    ("a call without a name", 200, calling({"id": "t_1", "function": None})),
    ("a call without an id", 200, calling(tool(id=None))),
    ("arguments that are no text", 200, calling(tool({"q": 1}))),
    ("no message", 200, {"choices": [{"finish_reason": "tool_calls"}]}),
    ("no choice", 200, {"choices": []}),
    ("an error", 429, {"error": {"message": "slow"}, **calling(tool())}),
    ("an error under HTTP 200", 200, {"error": {"message": "slow"}, **calling(tool())}),
    ("no JSON", 200, b"<html>"),
    (
        "what cannot be sent back",
        200,
        json.dumps(calling(tool(n=0))).replace('"n": 0', '"n": 1e999').encode(),
    ),
]


@pytest.mark.parametrize(("status", "body"), [row[1:] for row in FINAL], ids=[row[0] for row in FINAL])
def test_nothing_follows_upon_what_is_no_search(status: int, body: Any) -> None:
    """Given a reply that is final, an error, or waits for another tool, then there is no next request."""
    assert follow(CALL, body, status) is None


def test_a_search_that_nobody_lets_go_on_is_a_cut_answer() -> None:
    """Given a call of the search as the end, with words or without, when read, then it is truncated, and one search."""
    for content in ("", None, "Let me look."):
        answer = read(calling(tool(), content=content), search=True)
        assert (answer.kind, answer.search_executed) == (AnswerKind.TRUNCATED, True)
    assert read(calling(tool(name="look"))).kind is AnswerKind.EMPTY
    assert read(calling(tool(name="look"), content="Let me look.")).search_executed is None


FOUND = {
    "search_result": {
        "search_id": "s-1",
        "items": [
            {"url": "https://a.example/1", "title": "A", "index": 1},
            {"site": {"link": "https://b.example/2", "title": 7}},
            {"url": "ftp://c.example"},
            ["https://d.example is in a text"],
        ],
    }
}


def test_urls_anywhere_in_the_arguments_of_a_search_are_sources() -> None:
    """Given arguments with addresses inside, when read, then each is a source, and nothing says which was used."""
    answer = read(calling(tool(json.dumps(FOUND)), content="Alpha."))
    assert answer.citations == (
        Citation("https://a.example/1", "A", None, "tool_arguments"),
        Citation("https://b.example/2", None, None, "tool_arguments"),
    )
    assert read(calling(tool(json.dumps(FOUND), name="look"), content="Alpha.")).citations == ()


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        "",
        "{",
        "7",
        '"https://a.example"',
        "\ud800",
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" + "[]," * 99_999 + "[]]",
    ],
)
def test_arguments_of_any_make_are_read_without_a_stumble(arguments: Any) -> None:
    """Given arguments that are no JSON, or endlessly deep or long, when read, then there are no sources in them."""
    body = json.dumps(calling(tool(arguments), content="Alpha.")).encode()
    assert read(body).citations == ()


def test_what_is_looked_at_in_arguments_is_bounded() -> None:
    """Given a list of very many addresses, when read, then the first of them are sources, and the search ends."""
    many = json.dumps([{"url": f"https://a.example/{number}"} for number in range(50_000)])
    sources = read(calling(tool(many), content="Alpha.")).citations
    assert sources[0].url == "https://a.example/0"
    assert 1000 < len(sources) <= openai_chat.MAX_ARGUMENTS


ROUNDS = [
    calling(
        tool(json.dumps(FOUND)),
        content="Let me look at https://x.example",
        usage={"prompt_tokens": 100, "completion_tokens": 10},
        search_results=[{"url": "https://e.example/5", "title": "E"}],
    ),
    calling(tool(), tool(id="t_2"), usage={"prompt_tokens": 200, "completion_tokens": 20}),
    chat(
        "Alpha, see https://b.example/2",
        usage={"prompt_tokens": 3000, "completion_tokens": 300},
        model="m-1-0902",
    ),
]


def test_rounds_are_read_as_one_answer() -> None:
    """Given three rounds, when read as one, then the last one answers, with the sources and the usage of all."""
    answer = read(ROUNDS, row=SEARCH_PRICED, search=True)
    assert (answer.text, answer.kind) == ("Alpha, see https://b.example/2", AnswerKind.OK)
    assert (answer.finish, answer.served_model) == ("stop", "m-1-0902")
    assert answer.citations == (
        Citation("https://e.example/5", "E", None, "search_results"),
        Citation("https://a.example/1", "A", None, "tool_arguments"),
        Citation("https://b.example/2", None, True, "tool_arguments", 11, 30),
    )
    assert answer.search_executed is True
    assert (answer.tokens_in, answer.tokens_out) == (3300, 330)
    assert (answer.cost, answer.currency) == (Decimal("0.090495"), "CNY"), "three searches and all tokens"
    assert read(ROUNDS, row="kimi", search=True).citations == answer.citations


def test_a_list_that_the_text_points_at_says_more_than_the_arguments_of_a_search() -> None:
    """Given sources in arguments and later in a numbered list, when the text points at one, then the list decides."""
    found = [{"url": "https://a.example/1", "title": "A"}, {"url": "https://b.example/2", "title": "B"}]
    answer = read([calling(tool(json.dumps(found))), chat("Alpha [2].", search_results=found)], row="kimi", search=True)
    assert answer.citations == (
        Citation("https://a.example/1", "A", False, "search_results"),
        Citation("https://b.example/2", "B", True, "search_results"),
    )


def test_a_search_that_is_also_counted_is_one_search() -> None:
    """Given a call in one round and its count in the next, when read, then the fee is for one."""
    counted = chat("Alpha.", usage=USAGE | {"num_search_queries": 1})
    answer = read([calling(tool(), usage=USAGE), counted], row=SEARCH_PRICED, search=True)
    assert answer.cost == Decimal("0.03062")


def test_a_cost_is_reported_where_every_round_reports_it() -> None:
    """Given rounds that say what they cost, when read, then it is the sum; where one does not say, it is not."""
    known, silent = calling(tool(), usage=USAGE | {"cost": 0.25}), calling(tool(), usage=USAGE)
    last = chat("Alpha.", usage=USAGE | {"cost": 0.5})
    assert read([known, last]).cost == Decimal("0.75")
    assert (read([silent, last]).cost, read([silent, last]).cost_basis) == (None, "unknown")


def test_a_mark_of_an_earlier_round_loses_its_span() -> None:
    """Given annotations on what was said on the way, when read, then they are sources without a place in the answer."""
    annotation = {"type": "url_citation", "url": "https://a.example", "start_index": 0, "end_index": 5}
    early = calling(tool("{}"), content="Beta.")
    early["choices"][0]["message"]["annotations"] = [annotation]
    answer = read([early, chat("Alpha.", message={"annotations": [annotation | {"url": "https://b.example"}]})])
    assert answer.citations == (
        Citation("https://a.example", None, True, "annotations"),
        Citation("https://b.example", None, True, "annotations", 0, 5),
    )


# -- trouble


def error(code: Any = None, message: str = "", kind: Any = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


E = ErrorClass
TROUBLE: list[tuple[str, int, Any, ErrorClass]] = [
    ("any", 401, error("invalid_api_key", "Incorrect API key provided"), E.AUTH),
    ("any", 429, error("rate_limit_exceeded", "slow", "requests"), E.RATE_LIMIT),
    ("any", 429, error("insufficient_quota", "quota", "insufficient_quota"), E.NO_MONEY),
    ("any", 429, error("project_spend_limit_exceeded"), E.NO_MONEY),
    ("any", 400, error("context_length_exceeded"), E.CONTEXT),
    ("any", 400, error("unsupported_parameter", "Unsupported parameter", "invalid_request_error"), E.BAD_REQUEST),
    ("any", 404, error("model_not_found", "The model does not exist"), E.MODEL),
    ("any", 403, error("unsupported_country", "region"), E.PERMISSION),
    ("any", 503, error("server_is_overloaded"), E.OVERLOADED),
    ("any", 500, error(None, "oops", "server_error"), E.OVERLOADED),
    ("any", 529, {}, E.OVERLOADED),
    ("any", 408, {}, E.OVERLOADED),
    ("any", 413, {}, E.CONTEXT),
    ("any", 418, {}, E.BAD_REQUEST),
    ("mistral", 422, {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}, E.BAD_REQUEST),
    ("mistral", 401, {"detail": "Unauthorized"}, E.AUTH),
    ("local", 402, error(None, "Insufficient Balance", "unknown_error"), E.NO_MONEY),
    ("local", 200, chat("half", "insufficient_system_resource"), E.OVERLOADED),
    ("kimi", 429, error(None, "quota", "exceeded_current_quota_error"), E.NO_MONEY),
    ("kimi", 429, error(None, "busy", "engine_overloaded_error"), E.OVERLOADED),
    ("kimi", 400, error(None, "exceeded model token limit: 8192", "invalid_request_error"), E.CONTEXT),
    ("zhipu", 429, error("1113", "余额不足"), E.NO_MONEY),
    ("zhipu", 429, error("1302", "并发"), E.RATE_LIMIT),
    ("zhipu", 429, error("1305", "过载"), E.OVERLOADED),
    ("zhipu", 429, error("1304", "今日"), E.DAILY_QUOTA),
    ("zhipu", 400, error("1211", "模型不存在"), E.MODEL),
    ("zhipu", 200, chat("half", "network_error"), E.OVERLOADED),
    ("ernie", 400, error("tokens_too_long"), E.CONTEXT),
    ("ernie", 429, error("QUOTA_USER_DAILY_TOKENS"), E.DAILY_QUOTA),
    ("ernie", 200, {"error_code": 336501, "error_msg": "rpm_rate_limit"}, E.OVERLOADED),
    ("hunyuan", 429, error("429001", "rpm", "rate_limit_error"), E.RATE_LIMIT),
    ("hunyuan", 401, error("401007", "arrears"), E.NO_MONEY),
    ("spark", 200, {"code": 11200, "message": "auth", "sid": "s"}, E.AUTH),
    ("spark", 200, {"code": 11202, "message": "qps", "sid": "s"}, E.RATE_LIMIT),
    ("spark", 400, error("10005", "model"), E.MODEL),
    ("minimax", 200, {"base_resp": {"status_code": 1002, "status_msg": "rate"}, "choices": None}, E.RATE_LIMIT),
    ("minimax", 200, {"base_resp": {"status_code": 1008, "status_msg": "balance"}}, E.NO_MONEY),
    ("minimax", 200, {"base_resp": {"status_code": 4711, "status_msg": "?"}}, E.OVERLOADED),
    ("openrouter", 200, {"error": {"code": 429, "message": "upstream"}}, E.RATE_LIMIT),
    (
        "openrouter",
        200,
        {"choices": [{"error": {"code": 502, "message": "upstream"}, "finish_reason": "error"}]},
        E.OVERLOADED,
    ),
    (
        "openrouter",
        402,
        {"error": {"code": 402, "message": "m", "metadata": {"reason": "in_flight_budget_exhausted"}}},
        E.RATE_LIMIT,
    ),
    ("openrouter", 402, {"error": {"code": 402, "message": "credits"}}, E.NO_MONEY),
    ("local", 404, error(None, "model 'x' not found", "not_found_error"), E.MODEL),
    (
        "local",
        404,
        {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
        E.MODEL,
    ),
    ("local", 200, {"error": "model runner has stopped"}, E.OVERLOADED),
    ("local", 404, b"404 page not found", E.BAD_REQUEST),
    ("local", 200, {"status": "ok"}, E.BAD_REQUEST),
    ("local", 200, {"object": "error", "message": "m", "code": 400}, E.BAD_REQUEST),
    ("any", 200, {"choices": []}, E.OVERLOADED),
    ("any", 200, [error("insufficient_quota")], E.NO_MONEY),
    ("any", 200, b"<html><title>Login</title></html>", E.NETWORK),
    ("any", 502, b"<html><title>502 Bad Gateway</title></html>", E.OVERLOADED),
    ("any", 403, b"<!doctype html><title>Blocked</title>", E.PERMISSION),
    ("any", 200, b'{"choices": [{"mess', E.NETWORK),
    ("any", 200, b"", E.NETWORK),
    ("any", 200, b": keep-alive\n\n", E.NETWORK),
    ("any", 200, b'data: {"choices": [{"delta": {"content": "Al"}}]}\n\n', E.NETWORK),
    ("any", 200, b'data: {"choices": []}\n\ndata: [DONE]\n', E.OVERLOADED),
    ("any", 200, '{"choices": [{"message": {"content": "Café"}}]}'.encode("latin-1"), E.NETWORK),
    ("any", 200, b"[" * 200_000, E.NETWORK),
    ("any", 200, b'{"a":' * 200_000, E.NETWORK),
    ("any", 200, b"[1, 2]", E.NETWORK),
    ("any", 307, b"", E.BAD_REQUEST),
]


@pytest.mark.parametrize(("row", "status", "body", "expected"), TROUBLE)
def test_trouble_is_classed_by_the_body_first_and_then_by_the_status(
    row: str, status: int, body: Any, expected: ErrorClass
) -> None:
    """Given an error as a provider words it, when read, then its class is what its code means there."""
    trouble = read(body, status, row)
    assert isinstance(trouble, ProviderError), trouble
    assert trouble.error_class is expected, trouble.message
    assert trouble.http_status == status
    assert trouble.message.startswith(f"{row}: ")
    assert len(trouble.message) <= 200


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ([1, 2], 200, E.NETWORK),
        ([], 200, E.NETWORK),
        ([ROUNDS[0], "noise"], 200, E.NETWORK),
        (["noise", ROUNDS[0]], 200, E.NETWORK),
        ([ROUNDS[0], {}], 200, E.BAD_REQUEST),
        ([ROUNDS[0], {"choices": []}], 200, E.OVERLOADED),
        ([ROUNDS[0], error("rate_limit_exceeded")], 429, E.RATE_LIMIT),
    ],
)
def test_an_array_of_something_else_is_an_error(body: Any, status: int, expected: ErrorClass) -> None:
    """Given an array that is no answer in rounds, when read, then it is an error, decided by its last part."""
    trouble = read(body, status)
    assert isinstance(trouble, ProviderError), trouble
    assert trouble.error_class is expected


def test_one_round_in_an_array_reads_as_it_does_alone() -> None:
    """Given any of the kinds, when its body stands alone in an array, then it is read the same."""
    for _, body, _, _ in KINDS:
        assert read([body]) == read(body)


REFUSALS: list[tuple[str, int, Any, str]] = [
    ("any", 400, error("content_policy_violation"), "content_policy_violation"),
    ("zhipu", 400, error("1301", "敏感"), "1301"),
    ("kimi", 400, error(None, "high risk", "content_filter"), "content_filter"),
    ("ernie", 400, error("x", "m", "unsafe_request"), "x"),
    ("hunyuan", 451, {}, "HTTP 451"),
    ("minimax", 200, {"base_resp": {"status_code": 1027, "status_msg": "sensitive"}}, "1027"),
    ("openrouter", 403, {"error": {"code": 403, "message": '… and your input was flagged for "x"'}}, "HTTP 403"),
]


@pytest.mark.parametrize(("row", "status", "body", "finish"), REFUSALS)
def test_a_content_filter_is_a_result_to_keep(row: str, status: int, body: Any, finish: str) -> None:
    """Given a filter's refusal, whatever its status, when read, then it is an answer of kind refused, without text."""
    answer = read(body, status, row, search=True)
    assert isinstance(answer, Answer), answer
    assert (answer.kind, answer.text, answer.finish) == (AnswerKind.REFUSED, "", finish)
    assert answer.search_requested


def test_a_message_says_what_to_do_next_and_holds_no_key() -> None:
    """Given errors that repeat a key, when read, then the message names the variable to check and hides the key."""
    words = (
        "Incorrect API key provided: sk-proj-abcdEFGH1234567890. Or Bearer tok_1234567 "
        "or 0123456789abcdef0123456789abcdef.Secret1234567890"
    )
    trouble = read(error("invalid_api_key", words), 401)
    assert (
        trouble.message
        == "any: HTTP 401 invalid_api_key: Incorrect API key provided: *** Or *** or ***; check ANY_API_KEY"
    )
    long = read(error("invalid_api_key", "x" * 5000), 401)
    assert len(long.message) <= 200
    assert long.message.endswith("…; check ANY_API_KEY")
    assert "base_url" in read(b"", 302, location="https://elsewhere.example/login").message


# -- properties

_KEYS = st.sampled_from(
    [
        "choices",
        "message",
        "messages",
        "content",
        "text",
        "type",
        "refusal",
        "error",
        "code",
        "message",
        "status_code",
        "base_resp",
        "error_code",
        "usage",
        "cost",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "completion_tokens_details",
        "reasoning_tokens",
        "finish_reason",
        "model",
        "annotations",
        "url_citation",
        "url",
        "title",
        "start_index",
        "end_index",
        "citations",
        "search_results",
        "search_info",
        "web_search",
        "link",
        "refer",
        "index",
        "references",
        "executed_tools",
        "results",
        "detail",
        "msg",
        "metadata",
        "raw",
        "bot_usage",
        "model_usage",
        "action_usage",
        "object",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
    ]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["https://a.example", "stop", "\ud800", "\0", "text", "refusal", "[1](https://b.example) [2]", 10**40, "1113"]
    )
)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6), max_leaves=25
)


def _shaped(inner: Any) -> dict[str, Any]:
    return {"choices": [{"message": inner[0], "finish_reason": inner[1]}], "usage": inner[2], **inner[3]}


_SHAPED = st.tuples(
    st.dictionaries(_KEYS, _JSON, max_size=4), _SCALARS, _JSON, st.dictionaries(_KEYS, _JSON, max_size=3)
).map(_shaped)
_TOOLS = st.fixed_dictionaries(
    {"id": st.text(max_size=3) | _SCALARS},
    optional={
        "function": st.fixed_dictionaries(
            {"name": st.just("$web_search") | _SCALARS, "arguments": _JSON | _JSON.map(json.dumps)}
        )
    },
)
_WAITING = st.fixed_dictionaries(
    {"message": st.fixed_dictionaries({"tool_calls": st.lists(_TOOLS, max_size=3)}, optional={"content": _JSON})},
    optional={"finish_reason": st.just("tool_calls")},
).map(lambda choice: {"choices": [choice]})
_SEVERAL = st.lists(_SHAPED | _WAITING | _JSON, min_size=2, max_size=4)
_STATUSES = st.sampled_from([200, 200, 200, 204, 302, 400, 401, 403, 404, 429, 451, 500, 503, 599])


@settings(max_examples=300, deadline=None)
@given(body=_WAITING | _SEVERAL | _JSON, status=_STATUSES)
def test_any_json_is_followed_up_or_not(body: Any, status: int) -> None:
    """Given any JSON, when a next request is looked for, then there is none, or one that JSON can be written from."""
    following = follow(CALL, json.dumps(body).encode(), status)
    assert following is None or json.dumps(following.body, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="[](){}<>!https:/.aé好 \n'\"*|^1", max_size=200))
def test_any_text_keeps_its_citations_inside(text: str) -> None:
    """Given any text, however broken its brackets, when read, then each citation's span holds its URL."""
    answer = read(chat(text))
    check(answer)
    for citation in answer.citations:
        assert citation.url in answer.text[citation.start : citation.end]


@pytest.mark.parametrize(
    "piece", ["[", "[a](https://a", "https://(", "<think>", "[1]", "![", "(((", "https://a.example "]
)
def test_a_long_hostile_text_is_read_quickly(piece: str) -> None:
    """Given a megabyte of half-open brackets, when read, then it takes about as long as its length."""
    text = piece * (1_000_000 // len(piece))
    for row in ("minimax", "any"):
        check(read(chat(text), row=row))
    # linear takes under a second; quadratic would take hours, and the limit for one test end it
