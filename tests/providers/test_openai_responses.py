"""The openai-responses dialect: what is sent, and what every shape of reply is read as."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brandq.plan import EngineRef
from brandq.providers import openai_responses, registry
from brandq.providers.dialect import Answer, AnswerKind, Citation, ErrorClass, Price, Provider, ProviderError, Reply
from tests.providers.conformance import check

ANY = Provider("any", "Any", "openai-responses", "https://any.example/v1", "m-1", ("ANY_API_KEY",))
ROWS = {name: row for name, row in registry.load().items() if row.dialect == "openai-responses"} | {"any": ANY}
ENGINE = EngineRef("any", "any", "m-1")
PROMPT = '深圳新能源汽车改装门店哪家好？\n "quotes", {braces}, {locale}, \\slashes\\, emoji 🍓, trailing space '


def part(text: str, *annotations: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}


def message(*content: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "msg-1", "type": "message", "role": "assistant", "content": list(content), **fields}


def searched(*sources: Any, **action: Any) -> dict[str, Any]:
    action = {"type": "search", "query": "alpha", "sources": list(sources), **action}
    return {"id": "ws-1", "type": "web_search_call", "status": "completed", "action": action}


def found(url: str) -> dict[str, str]:
    return {"type": "url", "url": url}


def mark(url: str, *span: int, **fields: Any) -> dict[str, Any]:
    return {"type": "url_citation", "url": url, **dict(zip(("start_index", "end_index"), span, strict=False)), **fields}


THOUGHT = {
    "id": "rs-1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Beta?"}],
    "content": [{"type": "reasoning_text", "text": "Gamma?"}],
}


def body(*output: Any, **top: Any) -> dict[str, Any]:
    return {
        "id": "resp-1",
        "object": "response",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m-1-0901",
        "output": list(output),
        **top,
    }


def cut(reason: str, *output: Any) -> dict[str, Any]:
    return body(*output, status="incomplete", incomplete_details={"reason": reason})


def read(said: Any, status: int = 200, row: Provider | str = ANY, *, search: bool = False, **headers: str) -> Any:
    provider = ROWS[row] if isinstance(row, str) else row
    raw = said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
    engine = replace(ENGINE, provider=provider.name, model=provider.model or "m-1", search=search)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return openai_responses.read(provider, engine, Reply(status, names, raw))


# -- what is sent


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("search", [False, True])
def test_every_provider_gets_the_prompt_byte_for_byte_and_nothing_beside_it(name: str, search: bool) -> None:
    """Given any row, when a prompt is put to it, then it is the whole input and nothing else shapes the answer."""
    row = ROWS[name]
    engine = EngineRef(name, name, row.model or "m", search)
    call = openai_responses.call(row, engine, PROMPT)
    assert json.loads(json.dumps(call.body))["input"] == PROMPT
    assert call.body["model"] == engine.model
    assert set(call.body) - {"model", "input"} == (set(row.search or {}) if search else set())
    assert call.url == row.base_url + "/responses"
    assert not {header.lower() for header in call.headers} & {"authorization", "x-api-key"}


def test_a_row_gives_its_path_headers_body_and_search() -> None:
    """Given a row with all of them, when an engine that searches is asked, then each stands where it belongs."""
    row = replace(ANY, path="/agent", headers={"x-title": "t"}, body={"store": False, "at": "{locale}", "input": "no"})
    row = replace(row, search={"tools": [{"type": "web_search", "place": "{locale}"}]})
    call = openai_responses.call(row, replace(ENGINE, search=True, locale="zh-CN"), "p")
    assert call.url == "https://any.example/v1/agent"
    assert call.headers["x-title"] == "t"
    assert call.body["store"] is False
    assert call.body["at"] == "zh-CN"
    assert call.body["tools"] == [{"type": "web_search", "place": "zh-CN"}]
    plain = openai_responses.call(row, ENGINE, "p")
    assert "tools" not in plain.body
    assert "at" not in plain.body, "a field that needs a locale is not sent without one"
    assert plain.body["input"] == "p", "the prompt is never the row's to say"


def test_a_system_text_stands_beside_the_prompt_and_only_where_one_is_given() -> None:
    """Given a system text, when a prompt is put under it, then it is ``instructions`` and nothing else is another."""
    plain = openai_responses.call(ANY, replace(ENGINE, search=True), PROMPT)
    under = openai_responses.call(ANY, replace(ENGINE, search=True), PROMPT, "Answer in one line.")
    assert under.body == {**plain.body, "instructions": "Answer in one line."}
    assert "instructions" not in plain.body


def test_the_shipped_rows_ask_for_a_search_as_their_provider_takes_it() -> None:
    """Given the four rows, when search is on, then each sends its own form of the tool and no field that one refuses."""
    bodies = {
        name: openai_responses.call(ROWS[name], replace(ENGINE, search=True), "p").body
        for name in ("openai", "perplexity", "xai", "doubao")
    }
    assert all(sent["tools"][0]["type"] == "web_search" for sent in bodies.values())
    assert bodies["openai"]["include"] == ["web_search_call.action.sources"]
    assert bodies["perplexity"]["tool_choice"] == "required"
    assert bodies["xai"]["tools"] == [{"type": "web_search"}], "xAI refuses search_context_size"
    assert bodies["doubao"]["tools"][0]["limit"] == 10


# -- kinds

K = AnswerKind
APP = {
    "type": "doubao_app_call",
    "status": "completed",
    "blocks": [{"type": "reasoning_text", "text": "Beta?"}, {"type": "output_text", "text": "Alpha."}],
}
KINDS: list[tuple[str, dict[str, Any], AnswerKind, str, str | None]] = [
    ("plain text", body(message(part("Alpha."))), K.OK, "Alpha.", "completed"),
    ("reasoning beside it", body(THOUGHT, message(part("Alpha."))), K.OK, "Alpha.", "completed"),
    ("parts", body(message(part("Al"), part("pha"))), K.OK, "Alpha", "completed"),
    ("messages", body(message(part("Alpha.")), THOUGHT, message(part("Beta."))), K.OK, "Alpha.\n\nBeta.", "completed"),
    ("an empty message first", body(message(part("")), message(part("Alpha."))), K.OK, "Alpha.", "completed"),
    (
        "a word on the way",
        body(message(part("I will look up Beta."), phase="commentary"), message(part("Alpha."), phase="final_answer")),
        K.OK,
        "Alpha.",
        "completed",
    ),
    ("only on the way", body(message(part("Alpha?"), phase="commentary")), K.OK, "Alpha?", "completed"),
    ("content as text", body({"type": "message", "content": "Alpha."}), K.OK, "Alpha.", "completed"),
    ("no status", {"output": [message(part("Alpha."))]}, K.OK, "Alpha.", None),
    ("the app's blocks", body(APP), K.OK, "Alpha.", "completed"),
    ("an empty error form", body(message(part("Alpha.")), error={"code": None}), K.OK, "Alpha.", "completed"),
    ("only reasoning", body(THOUGHT), K.EMPTY, "", "completed"),
    ("nothing", body(), K.EMPTY, "", "completed"),
    ("blanks", body(message(part(" \n"))), K.EMPTY, " \n", "completed"),
    ("cut", cut("max_output_tokens", message(part("1. Al"))), K.TRUNCATED, "1. Al", "max_output_tokens"),
    ("cut while it thought", cut("max_output_tokens", THOUGHT), K.TRUNCATED, "", "max_output_tokens"),
    ("cut, no reason", body(message(part("Al")), status="incomplete"), K.TRUNCATED, "Al", "incomplete"),
    ("waits for a tool", body(message(part("Al")), status="requires_action"), K.TRUNCATED, "Al", "requires_action"),
    ("filter", cut("content_filter", message(part("Al"))), K.REFUSED, "Al", "content_filter"),
    ("refusal", body(message({"type": "refusal", "refusal": "I can't."})), K.REFUSED, "I can't.", "completed"),
]


@pytest.mark.parametrize(("said", "kind", "text", "finish"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_a_reply_is_read_as_its_kind(said: dict[str, Any], kind: AnswerKind, text: str, finish: str | None) -> None:
    """Given a reply of a known shape, when it is read, then text, kind and the word for its end are what it means."""
    answer = read(said)
    assert isinstance(answer, Answer)
    assert (answer.kind, answer.text, answer.finish) == (kind, text, finish)


def test_an_answer_says_who_served_it() -> None:
    """Given a reply with a model, when read, then it is kept as it came, beside what was asked for."""
    answer = read(body(message(part("Alpha"))), search=True)
    assert (answer.served_model, answer.search_requested) == ("m-1-0901", True)
    assert read({"output": []}).served_model is None


def test_reasoning_between_tags_is_no_part_of_the_answer() -> None:
    """Given a row whose text may hold <think> tags, when read, then they are cut out, and offsets before the cut go."""
    said = body(message(part("<think>Beta?</think>Alpha and more", mark("https://a.example", 20, 25))))
    answer = read(said, row=replace(ANY, think_tags=True))
    assert answer.text == "Alpha and more"
    assert answer.citations == (Citation("https://a.example", None, True, "annotations"),)
    assert read(said).text.startswith("<think>"), "left alone where the row does not expect them"


# -- sources


def cited(answer: Answer) -> list[tuple[str, bool | None, str]]:
    return [(citation.url, citation.cited, citation.via) for citation in answer.citations]


def test_a_mark_on_the_text_is_cited_with_the_stretch_that_it_stands_for() -> None:
    """Given marks in several parts and messages, when read, then each span reads as its own stretch of the text."""
    link = "([a.example](https://a.example/x?utm_source=openai))"
    first = f"🍓 改装 Alpha {link} is fine. "
    second = "乙店 too."
    at = first.index(link)
    answer = read(
        body(
            searched(),
            message(
                part(first, mark("https://a.example/x?utm_source=openai", at, at + len(link), title="A")),
                part(second, mark("https://b.example/", 0, 2)),
            ),
            message(part("And 丙店.", mark("https://c.example", 4, 6, title=""))),
        )
    )
    spans = [answer.text[citation.start : citation.end] for citation in answer.citations]
    assert spans == [link, "乙店", "丙店"]
    assert [citation.title for citation in answer.citations] == ["A", None, None]
    assert all(citation.cited and citation.via == "annotations" for citation in answer.citations)
    assert answer.search_executed is True


@pytest.mark.parametrize("span", [(), (0,), (0, 0), (3, 2), (-1, 2), (2, 5000)])
def test_a_mark_without_a_good_span_is_still_cited(span: tuple[int, ...]) -> None:
    """Given a mark whose offsets are absent or lie outside of its part, when read, then it is cited without a span."""
    answer = read(body(message(part("Al", mark("https://a.example", *span)), part("pha and a long tail"))))
    assert answer.citations == (Citation("https://a.example", None, True, "annotations"),)


def test_marks_of_other_kinds_and_noise_are_no_sources() -> None:
    """Given files, noise and addresses that are none, when read, then only the URL is a source; nested marks count."""
    marks = (
        {"type": "file_citation", "file_id": "f"},
        "noise",
        mark("javascript:alert(1)"),
        {"type": "url_citation", "url_citation": {"url": "https://a.example"}},
    )
    assert cited(read(body(message(part("Alpha", *marks))))) == [("https://a.example", True, "annotations")]


def test_what_was_found_and_not_cited_is_only_retrieved() -> None:
    """Given a search that lists what it found, when read, then only what the text is marked with counts as cited."""
    answer = read(
        body(
            searched(found("https://a.example/x"), found("https://b.example/y"), {"type": "api", "name": "weather"}),
            searched(found("https://b.example/y"), found("https://c.example/z?page=1")),
            searched(type="open_page", url="https://a.example/x", sources=None),
            message(
                part(
                    "Alpha, see [C](https://c.example/z?page=1).",
                    mark("https://a.example/x/?utm_source=openai", 0, 5, title="A"),
                )
            ),
        )
    )
    assert cited(answer) == [
        ("https://a.example/x/?utm_source=openai", True, "annotations"),
        ("https://b.example/y", False, "web_search_call"),
        ("https://c.example/z?page=1", True, "web_search_call"),
    ]
    assert answer.citations[2].title == "C"


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("https://a.example/?utm_source=openai", "https://a.example"),
        ("https://a.example/x?utm_source=openai", "https://a.example/x/"),
        ("https://a.example/x?a=1&utm_source=openai", "https://a.example/x?a=1"),
        ("https://a.example/x?utm_source=openai&a=1", "https://a.example/x?a=1"),
        ("https://a.example/x?utm_source=openai#part", "https://a.example/x#part"),
    ],
)
def test_a_makers_mark_on_the_url_does_not_make_it_another_page(marked: str, plain: str) -> None:
    """Given a page found under its own URL and cited with the maker's mark on it, when read, then it is one source."""
    answer = read(body(searched(found(plain)), message(part("Alpha", mark(marked, 0, 5)))))
    assert cited(answer) == [(marked, True, "annotations")]


def test_the_same_page_with_another_query_stays_another_source() -> None:
    """Given URLs that differ in more than the maker's mark, when read, then each is a source of its own."""
    answer = read(body(searched(found("https://a.example/x?a=1")), message(part("A", mark("https://a.example/x?a=2")))))
    assert [flag for _, flag, _ in cited(answer)] == [True, False]


RESULTS = {
    "type": "search_results",
    "queries": ["alpha"],
    "results": [
        {"id": 1, "url": "https://a.example/1", "title": "A", "snippet": "s", "source": "web"},
        {"id": 7, "url": "https://b.example/2", "title": "B", "snippet": "s", "source": "web"},
    ],
}


@pytest.mark.parametrize(
    ("text", "flags"),
    [("Alpha.", (None, None)), ("Alpha [7].", (False, True)), ("Alpha [web:7][web:1].", (True, True))],
)
def test_results_are_cited_as_far_as_the_text_points_at_their_ids(text: str, flags: tuple[bool | None, ...]) -> None:
    """Given results with ids, when the text points at one, then the others are only retrieved; else none can tell."""
    answer = read(body(RESULTS, message(part(text))), row="perplexity", search=True)
    assert cited(answer) == [
        ("https://a.example/1", flags[0], "search_results"),
        ("https://b.example/2", flags[1], "search_results"),
    ]
    assert answer.search_executed is True


def test_results_of_several_searches_are_one_list() -> None:
    """Given results in two steps, when the text points into both, then both are found."""
    more = {"type": "search_results", "results": [{"id": 8, "url": "https://c.example/3"}]}
    answer = read(body(RESULTS, more, message(part("Alpha [7], Beta [8]."))))
    assert [flag for _, flag, _ in cited(answer)] == [False, True, True]


def test_the_app_counts_its_cards_whatever_their_kind() -> None:
    """Given cards of several kinds in two searches, when the text points at one, then it is the one of that place."""
    app = {
        "type": "doubao_app_call",
        "blocks": [
            {"type": "reasoning_search", "results": [{"text_card": {"url": "https://a.example", "title": "A"}}]},
            {"type": "search", "results": [{"video_card": {}}, {"text_card": {"url": "https://b.example"}}]},
            {"type": "output_text", "text": "Alpha[3]"},
        ],
    }
    answer = read(body(app), row="doubao", search=True)
    assert cited(answer) == [
        ("https://a.example", False, "doubao_app_call"),
        ("https://b.example", True, "doubao_app_call"),
    ]
    assert answer.search_executed is True


def test_links_in_the_text_come_last() -> None:
    """Given a link beside a mark, when read, then it is a citation via text, after the others, with its span."""
    text = "See https://b.example/x."
    answer = read(body(message(part("Alpha", mark("https://a.example"))), message(part(text))))
    assert cited(answer) == [("https://a.example", True, "annotations"), ("https://b.example/x", True, "text")]
    assert answer.text[answer.citations[1].start : answer.citations[1].end] == "https://b.example/x"


def test_a_row_that_names_its_extractors_reads_those_in_that_order() -> None:
    """Given rows that name extractors, when a reply has sources in two places, then the row says which, and in order."""
    said = body(RESULTS, message(part("Alpha [1]", mark("https://c.example"))))
    first = replace(ANY, citations=("search_results", "annotations"))
    assert [via for _, _, via in cited(read(said, row=first))] == ["search_results", "search_results", "annotations"]
    assert [via for _, _, via in cited(read(said))] == ["annotations", "search_results", "search_results"]
    assert cited(read(said, row=replace(ANY, citations=("web_search_call",)))) == []


# -- whether it searched

TOOL = {"type": "web_search_call", "status": "completed", "name": "web_search", "arguments": '{"query":"alpha"}'}


@pytest.mark.parametrize(
    ("steps", "usage", "search", "executed"),
    [
        ((searched(),), {}, True, True),
        ((searched(),), {}, False, True),
        ((TOOL,), {"num_sources_used": 0}, True, True),
        ((TOOL | {"type": "x_search_call", "name": "x_semantic_search"},), {}, True, True),
        ((searched(type="open_page", url="https://a.example"),), {}, True, True),
        ((searched() | {"status": "failed"},), {}, True, False),
        ((), {}, True, False),
        ((), {}, False, None),
        ((), {"tool_usage": {"web_search": 2}}, True, True),
        ((), {"tool_calls_details": {"search_web": {"invocation": 1}}}, True, True),
        ((), {"server_side_tool_usage_details": {"web_search_calls": 0}}, False, False),
    ],
)
def test_whether_it_searched_shows_in_its_steps_and_in_its_usage(
    steps: tuple[Any, ...], usage: dict[str, Any], search: bool, executed: bool | None
) -> None:
    """Given steps and usage, when read, then a search that ran is told from one that was asked for and never ran."""
    answer = read(body(*steps, message(part("Alpha")), usage=usage), search=search)
    assert answer.search_executed is executed
    assert answer.search_requested is search


def test_a_search_that_cited_nothing_is_still_a_search() -> None:
    """Given a search and no marks, when read, then it was executed, with no citation at all."""
    answer = read(body(searched({"type": "api", "name": "weather"}), message(part("Sunny."))), search=True)
    assert (answer.search_executed, answer.citations, answer.kind) == (True, (), AnswerKind.OK)


# -- usage and cost

USAGE: dict[str, Any] = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 100},
    "output_tokens": 200,
    "output_tokens_details": {"reasoning_tokens": 150},
    "total_tokens": 1200,
}
PRICED = replace(ANY, prices={"m-1": Price(Decimal("0.2"), Decimal("1.2"), "USD", "2026-11-23", Decimal("0.01"))})
NO_FEE = replace(ANY, prices={"m-1": Price(Decimal("0.2"), Decimal("1.2"), "USD", "2026-11-23")})
TABLE = "table 2026-11-23"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (USAGE, (1000, 200)),
        (None, (None, None)),
        ({"input_tokens": True, "output_tokens": -1}, (None, None)),
        ({"input_tokens": 10**30, "output_tokens": "7"}, (None, None)),
    ],
)
def test_tokens_are_those_of_the_usage(usage: Any, tokens: tuple[Any, Any]) -> None:
    """Given usage of any make, when read, then tokens out hold the reasoning, and nothing is made up."""
    answer = read(body(message(part("Alpha")), usage=usage))
    assert (answer.tokens_in, answer.tokens_out) == tokens


@pytest.mark.parametrize(
    ("row", "steps", "more", "search", "expected"),
    [
        (
            PRICED,
            (),
            {"cost": {"currency": "USD", "total_cost": 0.00683}},
            True,
            (Decimal("0.00683"), "USD", "reported"),
        ),
        (PRICED, (), {"cost_in_usd_ticks": 37756000}, True, (Decimal("0.0037756"), "USD", "reported")),
        (PRICED, (), {}, False, (Decimal("0.00044"), "USD", TABLE)),
        (PRICED, (), {}, True, (Decimal("0.00044"), "USD", TABLE)),
        (PRICED, (searched(),), {}, True, (Decimal("0.01044"), "USD", TABLE)),
        (PRICED, (searched(), searched(type="open_page"), searched()), {}, True, (Decimal("0.02044"), "USD", TABLE)),
        (PRICED, (TOOL, TOOL | {"name": "browse_page"}), {}, True, (Decimal("0.01044"), "USD", TABLE)),
        (
            PRICED,
            (TOOL,),
            {"server_side_tool_usage_details": {"web_search_calls": 3}},
            True,
            (Decimal("0.03044"), "USD", TABLE),
        ),
        (NO_FEE, (searched(),), {}, True, (None, None, "unknown")),
        (NO_FEE, (), {}, True, (Decimal("0.00044"), "USD", TABLE)),
        (ANY, (), {}, False, (None, None, "unknown")),
    ],
)
def test_cost_is_reported_or_from_the_dated_table_with_each_search_or_unknown(
    row: Provider, steps: tuple[Any, ...], more: dict[str, Any], search: bool, expected: tuple[Any, Any, str]
) -> None:
    """Given usage and steps, when read, then the provider's own figure counts first, then tokens and each search."""
    answer = read(body(*steps, message(part("Alpha")), usage=USAGE | more), row=row, search=search)
    assert (answer.cost, answer.currency, answer.cost_basis) == expected


# -- trouble


def error(code: Any = None, words: str = "", kind: Any = None) -> dict[str, Any]:
    return {"error": {"message": words, "type": kind, "param": None, "code": code}}


def failed(code: str | None, words: str = "") -> dict[str, Any]:
    return body(status="failed", error={"code": code, "message": words})


E = ErrorClass
TROUBLE: list[tuple[str, int, Any, ErrorClass]] = [
    ("openai", 401, error("invalid_api_key", "Incorrect API key provided", "invalid_request_error"), E.AUTH),
    ("openai", 429, error("rate_limit_exceeded", "slow", "requests"), E.RATE_LIMIT),
    ("openai", 429, error("slow_down"), E.RATE_LIMIT),
    ("openai", 429, error("insufficient_quota", "quota", "insufficient_quota"), E.NO_MONEY),
    ("openai", 429, error("credit_balance_exhausted"), E.NO_MONEY),
    ("openai", 429, error("project_spend_limit_exceeded"), E.NO_MONEY),
    ("openai", 400, error("context_length_exceeded", "too long", "invalid_request_error"), E.CONTEXT),
    ("openai", 400, error("unsupported_parameter", "Unsupported parameter", "invalid_request_error"), E.BAD_REQUEST),
    ("openai", 404, error("model_not_found", "The model does not exist"), E.MODEL),
    ("openai", 403, error("unsupported_country", "region"), E.PERMISSION),
    ("openai", 503, error("server_is_overloaded"), E.OVERLOADED),
    ("openai", 500, error(None, "oops", "server_error"), E.OVERLOADED),
    ("openai", 200, failed("server_error", "The model failed"), E.OVERLOADED),
    ("openai", 200, failed("rate_limit_exceeded"), E.RATE_LIMIT),
    ("openai", 200, failed("insufficient_quota"), E.NO_MONEY),
    ("openai", 200, failed(None), E.OVERLOADED),
    ("openai", 200, body(message(part("half")), status="failed"), E.OVERLOADED),
    ("openai", 200, body(message(part("half")), status="cancelled"), E.OVERLOADED),
    ("openai", 200, body(status="in_progress"), E.OVERLOADED),
    ("openai", 200, {"choices": [{"message": {"content": "Alpha"}}]}, E.BAD_REQUEST),
    ("openai", 200, {"output": {"text": "Alpha"}}, E.BAD_REQUEST),
    ("openai", 200, b"<html><title>Login</title></html>", E.NETWORK),
    ("openai", 200, b'{"output": [{"ty', E.NETWORK),
    ("openai", 200, b'event: response.created\ndata: {"type": "response.created"}\n\n', E.NETWORK),
    ("openai", 502, b"<html><title>502 Bad Gateway</title></html>", E.OVERLOADED),
    ("openai", 307, b"", E.BAD_REQUEST),
    ("perplexity", 403, error(403, "Use another address", "chat_completions_not_available"), E.PERMISSION),
    ("perplexity", 401, error(401, "no credit left", "insufficient_quota"), E.NO_MONEY),
    ("perplexity", 200, failed("rate_limit_error", "slow"), E.RATE_LIMIT),
    ("perplexity", 429, {}, E.RATE_LIMIT),
    ("xai", 400, {"code": "invalid-argument", "error": "Incorrect API key provided: xai-…"}, E.AUTH),
    ("xai", 403, {"code": "permission-denied", "error": "no credits left"}, E.PERMISSION),
    ("xai", 429, {"error": "Too many requests"}, E.RATE_LIMIT),
    ("doubao", 401, error("AuthenticationError", "The API key is missing"), E.AUTH),
    ("doubao", 403, error("AccountOverdueError"), E.NO_MONEY),
    ("doubao", 403, error("AccessDenied"), E.PERMISSION),
    ("doubao", 404, error("InvalidEndpointOrModel.NotFound"), E.MODEL),
    ("doubao", 404, error("ModelNotOpen"), E.MODEL),
    ("doubao", 429, error("RateLimitExceeded.EndpointRPMExceeded"), E.RATE_LIMIT),
    ("doubao", 429, error("ServerOverloaded"), E.OVERLOADED),
    ("doubao", 429, error("SetLimitExceeded"), E.NO_MONEY),
]


@pytest.mark.parametrize(("row", "status", "said", "expected"), TROUBLE)
def test_trouble_is_classed_by_the_body_first_and_then_by_the_status(
    row: str, status: int, said: Any, expected: ErrorClass
) -> None:
    """Given an error as a provider words it, even under HTTP 200, when read, then its class is what its code means."""
    trouble = read(said, status, row)
    assert isinstance(trouble, ProviderError), trouble
    assert trouble.error_class is expected, trouble.message
    assert trouble.http_status == status
    assert trouble.message.startswith(f"{row}: ")
    assert len(trouble.message) <= 200


def test_a_rate_limit_keeps_the_wait_that_the_provider_asked_for() -> None:
    """Given headers that ask for a wait, when a rate limit is read, then it is kept; an empty account has none."""
    assert read(error("rate_limit_exceeded"), 429, retry_after="7").wait_ms == 7000
    assert read(error("insufficient_quota"), 429, retry_after="7").wait_ms is None


REFUSALS: list[tuple[str, int, Any, str]] = [
    ("openai", 400, error("content_policy_violation"), "content_policy_violation"),
    ("openai", 400, error("invalid_prompt", "Invalid prompt: your prompt was flagged as …"), "invalid_prompt"),
    ("openai", 200, failed("invalid_prompt", "Invalid prompt: your prompt was flagged as …"), "invalid_prompt"),
    ("doubao", 400, error("SensitiveContentDetected.Severe"), "SensitiveContentDetected.Severe"),
    ("doubao", 400, error("InputTextSensitiveContentDetected"), "InputTextSensitiveContentDetected"),
    ("xai", 451, {}, "HTTP 451"),
]


@pytest.mark.parametrize(("row", "status", "said", "finish"), REFUSALS)
def test_a_content_filter_is_a_result_to_keep(row: str, status: int, said: Any, finish: str) -> None:
    """Given a filter's refusal, whatever its status, when read, then it is an answer of kind refused, without text."""
    answer = read(said, status, row, search=True)
    assert isinstance(answer, Answer), answer
    assert (answer.kind, answer.text, answer.finish) == (AnswerKind.REFUSED, "", finish)
    assert answer.search_requested


# -- properties


def _check(outcome: object) -> None:
    # a list price with a fee for each of very many searches; what a reply reports itself is bounded lower
    check(outcome, most_cost=1_000_000_000)


@settings(max_examples=200, deadline=None)
@given(
    messages=st.lists(
        st.lists(
            st.tuples(
                st.text(st.characters(codec="utf-8", exclude_characters=":"), max_size=12),
                st.integers(0, 12),
                st.integers(0, 12),
            )
        )
    )
)
def test_every_span_reads_as_its_part_says(messages: list[list[tuple[str, int, int]]]) -> None:
    """Given marks at any place of any part of any message, when read, then each span is that stretch of its part."""
    marked: dict[str, str] = {}
    output = []
    for number, parts in enumerate(messages):
        content = []
        for place, (text, start, end) in enumerate(parts):
            url = f"https://a.example/{number}/{place}"
            if start < end <= len(text):
                marked[url] = text[start:end].replace("\0", "\N{REPLACEMENT CHARACTER}")
            content.append(part(text, mark(url, start, end)))
        output.append(message(*content))
    answer = read(body(*output))
    spans = {
        citation.url: answer.text[citation.start : citation.end]
        for citation in answer.citations
        if citation.start is not None
    }
    assert spans == marked


@pytest.mark.parametrize("piece", ["[", "[a](https://a", "<think>", "[1]", "https://a.example ", "?utm_source=openai"])
def test_a_long_hostile_reply_is_read_quickly(piece: str) -> None:
    """Given a megabyte of text and ten thousand parts and sources, when read, then it takes about as long as that."""
    text = piece * (1_000_000 // len(piece))
    parts = [part("a", mark("https://a.example/" + "?utm_source=openai" * 50, 0, 1)) for _ in range(10_000)]
    sources = [found(f"https://b.example/{number}") for number in range(10_000)]
    for row in (ANY, replace(ANY, think_tags=True)):
        _check(read(body(searched(*sources), message(part(text), *parts)), row=row))
    # linear takes under a second; quadratic would take hours, and the limit for one test end it
