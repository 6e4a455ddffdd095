"""The anthropic dialect: what is sent, and what every shape of reply is read as."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from brandq.plan import EngineRef
from brandq.providers import anthropic, ask, open_session, registry
from brandq.providers.dialect import (
    Answer,
    AnswerKind,
    Call,
    Citation,
    ErrorClass,
    Outcome,
    Price,
    Provider,
    ProviderError,
    Reply,
)

ROWS = {name: row for name, row in registry.load().items() if row.dialect == "anthropic"}
ANY = Provider(
    "any", "Any", "anthropic", "https://any.example", "m-1", ("ANY_API_KEY",), search={"tools": [{"name": "s"}]}
)
ENGINE = EngineRef("any", "any", "m-1")
PROMPT = '深圳新能源汽车改装门店哪家好？\n "quotes", {braces}, \\slashes\\, emoji 🍓, trailing space '


def text(said: str, *urls: str) -> dict[str, Any]:
    """A text block that cites these URLs."""
    block: dict[str, Any] = {"type": "text", "text": said}
    if urls:
        block["citations"] = [
            {
                "type": "web_search_result_location",
                "url": url,
                "title": f"T {url[-1]}",
                "cited_text": "c",
                "encrypted_index": "Eo8B",
            }
            for url in urls
        ]
    return block


def searched(*urls: str, query: str = "alpha or beta") -> list[dict[str, Any]]:
    """The two blocks of one search that found these URLs."""
    found = [
        {
            "type": "web_search_result",
            "url": url,
            "title": f"R {url[-1]}",
            "page_age": "2 days ago",
            "encrypted_content": "EroT",
        }
        for url in urls
    ]
    return [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": query}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": found},
    ]


def failed(code: str) -> list[dict[str, Any]]:
    """The two blocks of one search that did not run."""
    begun, result = searched()
    return [begun, result | {"content": {"type": "web_search_tool_result_error", "error_code": code}}]


def message(*blocks: Any, finish: str | None = "end_turn", **top: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1-0901",
        "content": list(blocks),
        "stop_reason": finish,
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 30},
        **top,
    }


def usage(searches: int | None = None, **tokens: Any) -> dict[str, Any]:
    counted = {"input_tokens": 1000, "output_tokens": 500, "service_tier": "standard", **tokens}
    if searches is not None:
        counted["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": 0}
    return counted


def read(body: Any, status: int = 200, row: Provider | str = ANY, *, search: bool = False, **headers: str) -> Any:
    provider = ROWS[row] if isinstance(row, str) else row
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    engine = replace(ENGINE, provider=provider.name, model=provider.model or "m-1", search=search)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return anthropic.read(provider, engine, Reply(status, names, raw))


# -- what is sent


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("search", [False, True])
def test_every_provider_gets_the_prompt_byte_for_byte_and_nothing_beside_it(name: str, search: bool) -> None:
    """Given any row, when a prompt is put to it, then it is the only message, and only the required limit is beside."""
    row = ROWS[name]
    call = anthropic.call(row, EngineRef(name, name, row.model or "m", search), PROMPT)
    assert call.body["messages"] == [{"role": "user", "content": PROMPT}]
    assert (call.body["model"], call.body["max_tokens"]) == (row.model, 8192)
    assert set(call.body) - {"model", "messages", "max_tokens"} == ({"tools"} if search else set())
    assert call.url == row.base_url + "/v1/messages"
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert call.headers["content-type"] == "application/json"
    assert not {name.lower() for name in call.headers} & {"authorization", "x-api-key"}


def test_search_is_the_tool_that_the_row_names() -> None:
    """Given the shipped rows, when an engine that searches is asked, then its provider's own tool is offered."""
    tools = {
        name: anthropic.call(row, EngineRef(name, name, "m", True), "p").body["tools"] for name, row in ROWS.items()
    }
    assert tools == {
        "anthropic": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}],
        "deepseek": [{"type": "deepseek_web_search", "name": "deepseek_web_search"}],
    }


def test_a_row_gives_its_path_headers_body_and_search() -> None:
    """Given a row with all of them, when an engine that searches is asked, then each stands where it belongs."""
    row = replace(ANY, base_url="https://any.example/", path="/gate/messages", headers={"anthropic-version": "v"})
    row = replace(row, body={"max_tokens": 99, "at": "{locale}"}, search={"tools": [{"place": "{locale}"}]})
    call = anthropic.call(row, replace(ENGINE, search=True, locale="zh-CN"), "p")
    assert call.url == "https://any.example/gate/messages"
    assert call.headers["anthropic-version"] == "v"
    assert (call.body["max_tokens"], call.body["at"]) == (99, "zh-CN")
    assert call.body["tools"] == [{"place": "zh-CN"}]
    plain = anthropic.call(row, ENGINE, "p")
    assert "tools" not in plain.body
    assert "at" not in plain.body, "a field that needs a locale is not sent without one"


def test_a_system_text_stands_beside_the_prompt_and_only_where_one_is_given() -> None:
    """Given a system text, when a prompt is put under it, then it is ``system`` and nothing else is another."""
    plain = anthropic.call(ANY, replace(ENGINE, search=True), PROMPT)
    under = anthropic.call(ANY, replace(ENGINE, search=True), PROMPT, "Answer in one line.")
    assert under.body == {**plain.body, "system": "Answer in one line."}
    assert "system" not in plain.body


@given(prompt=st.text(max_size=200))
def test_any_prompt_is_sent_as_it_is(prompt: str) -> None:
    """Given any text, when it is put to an engine, then it is the message, with nothing trimmed or escaped."""
    assert anthropic.call(ANY, ENGINE, prompt).body["messages"] == [{"role": "user", "content": prompt}]


def ask_over_http(row: Provider, reply: dict[str, Any], status: int = 200) -> tuple[Outcome, dict[str, str], bytes]:
    """What a server at this row's address was sent, and what was made of its reply."""
    received: list[tuple[dict[str, str], bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received.append((headers, await request.read()))
        return web.json_response(reply, status=status)

    async def main() -> Outcome:
        app = web.Application()
        app.router.add_post("/v1/messages", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            at = replace(row, base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
            async with open_session() as session:
                engine = EngineRef(row.name, row.name, row.model or "m", search=True)
                return await ask(session, at, engine, PROMPT, "sk-secret-0123456789")
        finally:
            await runner.cleanup()

    outcome = asyncio.run(main())
    ((headers, body),) = received
    return outcome, headers, body


@pytest.mark.parametrize("name", ROWS)
def test_on_the_wire_the_key_travels_alone_in_the_header_that_the_row_names(name: str) -> None:
    """Given a shipped row, when asked over HTTP, then x-api-key holds the key, and no authorization is sent."""
    outcome, headers, body = ask_over_http(ROWS[name], message(text("Alpha.")))
    assert headers["x-api-key"] == "sk-secret-0123456789"
    assert "authorization" not in headers
    assert headers["anthropic-version"] == "2023-06-01"
    assert json.loads(body) == outcome.request
    assert json.dumps(PROMPT, ensure_ascii=False).encode() in body
    assert b"sk-secret" not in body
    assert outcome.answer is not None
    assert outcome.answer.text == "Alpha."


def test_over_http_an_error_that_repeats_the_key_is_kept_without_it() -> None:
    """Given an error with the key in its words, when asked, then neither the message nor the raw reply holds it."""
    outcome, _, _ = ask_over_http(ROWS["anthropic"], error("authentication_error", "no key sk-secret-0123456789"), 401)
    assert outcome.error is not None
    assert outcome.error.error_class is ErrorClass.AUTH
    assert outcome.error.message.endswith("check ANTHROPIC_API_KEY")
    assert b"sk-secret" not in (outcome.raw or b"")
    assert "sk-secret" not in outcome.error.message


# -- kinds


THINKING = {"type": "thinking", "thinking": "Beta?", "signature": "Et0E"}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": "x"}}
DECLINED = {"type": "refusal", "category": "cyber", "explanation": None}
KINDS: list[tuple[str, dict[str, Any], AnswerKind, str]] = [
    ("plain text", message(text("Alpha.")), AnswerKind.OK, "Alpha."),
    ("a stop sequence", message(text("Alpha."), finish="stop_sequence"), AnswerKind.OK, "Alpha."),
    ("no finish at all", message(text("Alpha."), finish=None), AnswerKind.OK, "Alpha."),
    ("a finish never heard of", message(text("Alpha."), finish="sunset"), AnswerKind.OK, "Alpha."),
    ("many blocks", message(text("1. Al"), text("pha\n"), text("2. Beta")), AnswerKind.OK, "1. Alpha\n2. Beta"),
    (
        "blocks around a search",
        message(text("Let me look. "), *searched("https://a.example/1"), text("Alpha.")),
        AnswerKind.OK,
        "Let me look. Alpha.",
    ),
    ("reasoning before it", message(THINKING, text("Alpha.")), AnswerKind.OK, "Alpha."),
    ("reasoning that was hidden", message({"type": "redacted_thinking", "data": "x"}, text("A")), AnswerKind.OK, "A"),
    ("only reasoning", message(THINKING), AnswerKind.EMPTY, ""),
    ("only a search", message(*searched("https://a.example/1")), AnswerKind.EMPTY, ""),
    ("nothing", message(), AnswerKind.EMPTY, ""),
    ("blanks", message(text(" \n")), AnswerKind.EMPTY, " \n"),
    ("a block of another make", message({"type": "chart", "text": "no"}, text("Alpha.")), AnswerKind.OK, "Alpha."),
    ("the limit", message(text("1. Alpha\n2. Be"), finish="max_tokens"), AnswerKind.TRUNCATED, "1. Alpha\n2. Be"),
    ("the limit, all of it reasoning", message(THINKING, finish="max_tokens"), AnswerKind.TRUNCATED, ""),
    (
        "the window",
        message(text("Al"), finish="model_context_window_exceeded"),
        AnswerKind.TRUNCATED,
        "Al",
    ),
    ("a pause", message(text("Let me look."), finish="pause_turn"), AnswerKind.TRUNCATED, "Let me look."),
    ("a pause in a search", message(searched()[0], finish="pause_turn"), AnswerKind.TRUNCATED, ""),
    ("a refusal without content", message(finish="refusal", stop_details=DECLINED), AnswerKind.REFUSED, ""),
    ("a refusal in words", message(text("I can't."), finish="refusal"), AnswerKind.REFUSED, "I can't."),
    ("waits for a tool", message(text("Let me look."), TOOL, finish="tool_use"), AnswerKind.TRUNCATED, "Let me look."),
    ("waits for a tool in silence", message(TOOL, finish="tool_use"), AnswerKind.EMPTY, ""),
    ("an empty error form", message(text("Alpha."), error={"type": None, "message": ""}), AnswerKind.OK, "Alpha."),
]


@pytest.mark.parametrize(("body", "kind", "said"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_a_reply_is_read_as_its_kind(body: dict[str, Any], kind: AnswerKind, said: str) -> None:
    """Given a reply of a known shape, when it is read, then its text and its kind are what that shape means."""
    answer = read(body, search=True)
    assert isinstance(answer, Answer)
    assert (answer.kind, answer.text) == (kind, said)
    assert answer.finish == body["stop_reason"]


def test_an_answer_says_who_served_it_and_what_was_asked_for() -> None:
    """Given a reply with a model, when read, then it is kept as it came, and whether search was asked for beside it."""
    answer = read(message(text("Alpha.")), search=True)
    assert (answer.served_model, answer.search_requested) == ("m-1-0901", True)
    nobody = read({"content": [text("Alpha.")]})
    assert (nobody.served_model, nobody.finish, nobody.search_requested) == (None, None, False)


# -- sources


def test_what_a_text_block_cites_is_cited_with_the_span_of_that_block() -> None:
    """Given an answer cut into blocks, when read, then each citation's span reads as the stretch that cites it."""
    body = message(
        THINKING,
        *searched("https://a.example/1", "https://b.example/2", "https://c.example/3"),
        text("两家店：\n- "),
        text("Alpha 是首选 🍓", "https://a.example/1"),
        text("\n- "),
        text("Beta comes second", "https://b.example/2", "https://d.example/4"),
        text("\n\nAlpha also has parking.", "https://a.example/1"),
    )
    answer = read(body, search=True)
    assert answer.text == "两家店：\n- Alpha 是首选 🍓\n- Beta comes second\n\nAlpha also has parking."
    assert [(c.url, c.title, c.cited, c.via) for c in answer.citations] == [
        ("https://a.example/1", "T 1", True, "citations"),
        ("https://b.example/2", "T 2", True, "citations"),
        ("https://d.example/4", "T 4", True, "citations"),
        ("https://c.example/3", "R 3", False, "web_search_tool_result"),
    ]
    assert [answer.text[c.start : c.end] for c in answer.citations if c.cited] == [
        "Alpha 是首选 🍓",
        "Beta comes second",
        "Beta comes second",
    ]
    assert (answer.citations[3].start, answer.citations[3].end) == (None, None)


def test_a_source_of_another_name_is_cited_too() -> None:
    """Given a text block that cites a result by its source, when read, then that is the address."""
    block = {
        "type": "text",
        "text": "Alpha",
        "citations": [{"type": "search_result_location", "source": "https://a.example/1", "title": "A"}],
    }
    (found,) = read(message(block)).citations
    assert (found.url, found.cited, found.start, found.end) == ("https://a.example/1", True, 0, 5)


def test_what_was_only_found_is_not_cited() -> None:
    """Given searches whose results no block cites, when read, then all of them are retrieved only, each once."""
    body = message(
        *searched("https://a.example/1", "https://b.example/2"),
        *searched("https://b.example/2", "https://c.example/3"),
        text("Alpha."),
    )
    answer = read(body, search=True)
    assert answer.citations == tuple(
        Citation(f"https://{name}", f"R {name[-1]}", False, "web_search_tool_result")
        for name in ("a.example/1", "b.example/2", "c.example/3")
    )


def test_a_link_in_the_text_is_a_citation_too() -> None:
    """Given a link in the words of an answer that never searched, when read, then it is cited, via the text."""
    answer = read(message(text("See [Al"), text("pha](https://a.example/x).")))
    assert answer.citations == (Citation("https://a.example/x", "Alpha", True, "text", 4, 32),)
    assert answer.search_executed is False, "the content would hold the search"


def test_a_citation_without_a_usable_address_is_none() -> None:
    """Given citations of documents, of no URL and of an empty block, when read, then only web addresses are kept."""
    odd = text("Alpha.", "ftp://a.example", "https://a.example/with space", "https://b.example/2")
    odd["citations"] += [{"type": "char_location", "document_index": 0}, {"url": 7}, "noise", None]
    answer = read(message(text("", "https://c.example/3"), odd))
    assert [citation.url for citation in answer.citations] == ["https://b.example/2"]


ERROR_CODES = ["max_uses_exceeded", "too_many_requests", "unavailable", "query_too_long", "invalid_input"]
EXECUTED: list[tuple[str, dict[str, Any], bool | None]] = [
    ("found", message(*searched("https://a.example/1"), text("A"), usage=usage(1)), True),
    ("found nothing", message(*searched(), text("A"), usage=usage(1)), True),
    ("found, not counted", message(*searched("https://a.example/1"), text("A")), True),
    ("counted, not shown", message(text("A"), usage=usage(2)), True),
    ("one ran, one did not", message(*searched(), *failed("max_uses_exceeded"), text("A"), usage=usage(1)), True),
    ("none ran", message(*failed("unavailable"), *failed("unavailable"), text("A"), usage=usage(0)), False),
    ("none ran, none counted", message(*failed("unavailable"), text("A")), False),
    ("none ran, one counted", message(*failed("unavailable"), text("A"), usage=usage(1)), None),
    ("begun", message(searched()[0], finish="pause_turn", usage=usage(0)), None),
    ("none", message(text("A"), usage=usage(0)), False),
    ("no word of it", message(text("A")), False),
    ("another tool", message({"type": "server_tool_use", "name": "code_execution", "input": {}}, text("A")), False),
]


@pytest.mark.parametrize(("body", "executed"), [row[1:] for row in EXECUTED], ids=[row[0] for row in EXECUTED])
def test_a_search_was_executed_where_the_content_shows_it(body: dict[str, Any], executed: bool | None) -> None:
    """Given the blocks and the count of a reply, when read, then they decide; where they disagree nothing is claimed."""
    assert read(body, search=True).search_executed is executed


@pytest.mark.parametrize("code", ERROR_CODES)
def test_an_answer_is_kept_when_its_search_failed(code: str) -> None:
    """Given a tool's error under HTTP 200, when read, then the text is an answer without sources or a search."""
    answer = read(message(*failed(code), text("From memory: Alpha."), usage=usage(0)), search=True)
    assert (answer.kind, answer.text) == (AnswerKind.OK, "From memory: Alpha.")
    assert (answer.citations, answer.search_requested, answer.search_executed) == ((), True, False)


# -- usage and cost


@pytest.mark.parametrize(
    ("counted", "tokens"),
    [
        ({"input_tokens": 12, "output_tokens": 30}, (12, 30)),
        (
            {
                "input_tokens": 12,
                "cache_creation_input_tokens": 100,
                "cache_read_input_tokens": 2000,
                "cache_creation": {"ephemeral_5m_input_tokens": 100},
                "output_tokens": 30,
            },
            (2112, 30),
        ),
        ({"input_tokens": 12, "cache_creation_input_tokens": None, "output_tokens": 30}, (12, 30)),
        ({"cache_read_input_tokens": 5, "output_tokens": 30}, (None, 30)),
        ({"input_tokens": True, "output_tokens": -1}, (None, None)),
        ({"input_tokens": 2**31 - 1, "cache_read_input_tokens": 1, "output_tokens": "7"}, (None, None)),
        (None, (None, None)),
        ([], (None, None)),
    ],
)
def test_tokens_in_hold_those_of_the_cache(counted: Any, tokens: tuple[Any, Any]) -> None:
    """Given usage, when read, then what the cache took and gave is part of the tokens in, and nothing is made up."""
    answer = read(message(text("Alpha."), usage=counted))
    assert (answer.tokens_in, answer.tokens_out) == tokens


PRICED = replace(ANY, prices={"m-1": Price(Decimal("0.1"), Decimal("0.5"), "USD", "2026-11-23", Decimal("0.01"))})
FOUND = searched("https://a.example/1")


@pytest.mark.parametrize(
    ("row", "blocks", "counted", "search", "cost"),
    [
        (PRICED, [], usage(), False, Decimal("0.00035")),
        (PRICED, FOUND, usage(1), True, Decimal("0.01035")),
        (PRICED, FOUND, usage(3), True, Decimal("0.03035")),
        (PRICED, [], usage(0), True, Decimal("0.00035")),
        (PRICED, failed("unavailable"), usage(0), True, Decimal("0.00035")),
        (PRICED, [], None, True, None),
        (ANY, [], usage(), False, None),
    ],
)
def test_cost_is_the_tokens_and_a_fee_for_each_search(
    row: Provider, blocks: list[Any], counted: Any, search: bool, cost: Decimal | None
) -> None:
    """Given usage and a price, when read, then each search that ran adds its fee, and what is unknown is not guessed."""
    answer = read(message(*blocks, text("Alpha."), usage=counted), row=row, search=search)
    basis = (None, "unknown") if cost is None else ("USD", "table 2026-11-23")
    assert (answer.cost, answer.currency, answer.cost_basis) == (cost, *basis)


@pytest.mark.parametrize(("name", "fee"), [("anthropic", Decimal("0.01")), ("deepseek", Decimal("0.00075"))])
def test_a_shipped_row_knows_the_fee_of_a_search(name: str, fee: Decimal) -> None:
    """Given a shipped row, when an answer with one search is read, then its fee is in the cost."""
    body = message(*FOUND, text("Alpha."), usage=usage(1, input_tokens=0, output_tokens=0))
    assert read(body, row=name, search=True).cost == fee


# -- trouble


def error(kind: str | None, words: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": words, **more}, "request_id": "req_1"}


E = ErrorClass
SPENT = error("rate_limit_error", "Over the limit.", details={"error_code": "enforced_spend_limit_reached"})
TROUBLE: list[tuple[str, int, Any, ErrorClass]] = [
    ("anthropic", 400, error("invalid_request_error", "max_tokens: Field required"), E.BAD_REQUEST),
    ("anthropic", 400, error("invalid_request_error", "prompt is too long: 210000 tokens > 200000"), E.CONTEXT),
    ("anthropic", 400, error("invalid_request_error", "Your credit balance is too low."), E.NO_MONEY),
    ("anthropic", 400, error("invalid_request_error", "You have reached your specified API usage limits."), E.NO_MONEY),
    ("anthropic", 401, error("authentication_error", "invalid x-api-key"), E.AUTH),
    ("anthropic", 402, error("billing_error", "payment"), E.NO_MONEY),
    ("anthropic", 403, error("permission_error", "not for this key"), E.PERMISSION),
    ("anthropic", 404, error("not_found_error", "model: claude-none"), E.MODEL),
    ("anthropic", 404, error("not_found_error", "Not found"), E.BAD_REQUEST),
    ("anthropic", 413, error("request_too_large", "too large"), E.CONTEXT),
    ("anthropic", 429, error("rate_limit_error", "requests per minute"), E.RATE_LIMIT),
    ("anthropic", 429, error("rate_limit_error", "m", details={"error_code": None}), E.RATE_LIMIT),
    ("anthropic", 429, error("rate_limit_error", "m", details={"error_code": "new_code"}), E.RATE_LIMIT),
    ("anthropic", 429, error("rate_limit_error", "m", details=[{"error_code": 1}]), E.RATE_LIMIT),
    ("anthropic", 429, SPENT, E.NO_MONEY),
    ("anthropic", 500, error("api_error", "oops"), E.OVERLOADED),
    ("anthropic", 504, error("timeout_error", "slow"), E.OVERLOADED),
    ("anthropic", 529, error("overloaded_error", "Overloaded"), E.OVERLOADED),
    ("anthropic", 529, b"", E.OVERLOADED),
    ("anthropic", 200, error("overloaded_error", "Overloaded"), E.OVERLOADED),
    ("anthropic", 200, error("rate_limit_error", "slow down"), E.RATE_LIMIT),
    ("deepseek", 401, error("authentication_error", "Authentication Fails"), E.AUTH),
    ("deepseek", 402, error("unknown_error", "Insufficient Balance"), E.NO_MONEY),
    ("deepseek", 422, error("invalid_request_error", "parameter"), E.BAD_REQUEST),
    ("deepseek", 503, error(None, "busy"), E.OVERLOADED),
    ("deepseek", 200, message(text("half"), finish="insufficient_system_resource"), E.OVERLOADED),
    ("anthropic", 200, {"choices": [{"message": {"content": "Alpha"}}]}, E.BAD_REQUEST),
    ("anthropic", 200, {"status": "ok"}, E.BAD_REQUEST),
    ("anthropic", 200, message() | {"content": None}, E.BAD_REQUEST),
    ("anthropic", 404, b"404 page not found", E.BAD_REQUEST),
    ("anthropic", 307, b"", E.BAD_REQUEST),
    ("anthropic", 502, b"<html><title>502 Bad Gateway</title></html>", E.OVERLOADED),
    ("anthropic", 200, b"<html><title>Login</title></html>", E.NETWORK),
    ("anthropic", 200, b'{"content": [{"type": "te', E.NETWORK),
    ("anthropic", 200, b"", E.NETWORK),
    ("anthropic", 200, b'event: message_start\ndata: {"type":"message_start"}\n\n', E.NETWORK),
    ("anthropic", 200, b"[1, 2]", E.NETWORK),
    ("anthropic", 200, b"[" * 200_000, E.NETWORK),
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


def test_only_a_limit_that_passes_by_waiting_is_waited_for() -> None:
    """Given two replies of status 429, when one of them means an empty account, then only the other says how long."""
    assert read(error("rate_limit_error", "slow"), 429, "anthropic", retry_after="7").wait_ms == 7000
    spent = read(SPENT, 429, "anthropic")
    assert (spent.wait_ms, spent.ask_again) == (None, False)
    assert "enforced_spend_limit_reached" in spent.message
    assert spent.message.endswith("top up the account, or raise its limit")


def test_a_reply_of_another_dialect_names_what_tocheck() -> None:
    """Given a chat completion, when read, then the words say that the row may name the wrong dialect."""
    trouble = read({"choices": []})
    assert "https://any.example" in trouble.message
    assert trouble.message.endswith("check base_url, path and dialect of this row")


# -- rounds

CALL = anthropic.call(ROWS["anthropic"], replace(ENGINE, search=True), PROMPT, "Answer in one line.")


def follow(call: Call, body: Any, status: int = 200) -> Call | None:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return anthropic.follow_up(ROWS["anthropic"], ENGINE, call, Reply(status, {}, raw))


def test_a_paused_turn_is_sent_back_as_it_came_and_grows_from_round_to_round() -> None:
    """Given two pauses, when each is followed up, then all else stays and the messages end in what was said so far."""
    first = [THINKING, text("Let me look. "), *searched("https://a.example/1"), {"type": "later", "n": [1.5, None]}]
    second = [text("And once more. ", "https://a.example/1"), searched()[0]]
    once = follow(CALL, message(*first, finish="pause_turn"))
    assert once is not None
    twice = follow(once, message(*second, finish="pause_turn"))
    assert twice is not None
    prompt = {"role": "user", "content": PROMPT}
    assert once.body == {**CALL.body, "messages": [prompt, {"role": "assistant", "content": first}]}
    assert twice.body["messages"] == [*once.body["messages"], {"role": "assistant", "content": second}]
    assert (twice.url, twice.headers) == (CALL.url, CALL.headers)
    assert CALL.body["messages"] == [prompt], "what was sent stays what was sent"


FINAL: list[tuple[str, int, Any]] = [
    ("an answer", 200, message(text("Alpha."))),
    ("a cut answer", 200, message(text("Alpha."), finish="max_tokens")),
    ("a tool of another's", 200, message(TOOL, finish="tool_use")),
    ("a pause of nothing", 200, message(finish="pause_turn")),
    ("a pause without content", 200, message(finish="pause_turn") | {"content": None}),
    ("an error", 529, error("overloaded_error", "Overloaded") | {"stop_reason": "pause_turn"}),
    ("an error under HTTP 200", 200, message(text("A"), finish="pause_turn", error={"type": "api_error"})),
    ("no JSON", 200, b"<html>"),
    ("what cannot be sent back", 200, b'{"content": [{"n": 1e999}], "stop_reason": "pause_turn"}'),
    ("depths", 200, b'{"stop_reason": "pause_turn", "content": ' + b"[" * 300 + b"]" * 300 + b"}"),
]


@pytest.mark.parametrize(("status", "body"), [row[1:] for row in FINAL], ids=[row[0] for row in FINAL])
def test_nothing_follows_upon_what_is_no_pause(status: int, body: Any) -> None:
    """Given a reply that is final, an error, or a pause that cannot be sent back, then there is no next request."""
    assert follow(CALL, body, status) is None


ROUNDS = [
    message(
        text("两家店："), *searched("https://a.example/1", "https://b.example/2"), finish="pause_turn", usage=usage(1)
    ),
    message(searched()[0], finish="pause_turn", usage=usage(0, cache_read_input_tokens=7)),
    message(
        searched("https://c.example/3")[1],
        text("Alpha 是首选", "https://b.example/2"),
        text("."),
        usage=usage(2),
        model="m-1-0902",
    ),
]


def test_rounds_are_read_as_one_answer() -> None:
    """Given three rounds, when read as one, then text, sources and searches are all of them, the end is the last's."""
    answer = read(ROUNDS, row=PRICED, search=True)
    assert (answer.text, answer.kind) == ("两家店：Alpha 是首选.", AnswerKind.OK)
    assert (answer.finish, answer.served_model) == ("end_turn", "m-1-0902")
    assert answer.citations == (
        Citation("https://b.example/2", "T 2", True, "citations", 4, 13),
        Citation("https://a.example/1", "R 1", False, "web_search_tool_result"),
        Citation("https://c.example/3", "R 3", False, "web_search_tool_result"),
    )
    assert answer.search_executed is True
    assert (answer.tokens_in, answer.tokens_out) == (3007, 1500)
    assert (answer.cost, answer.cost_basis) == (Decimal("0.0310507"), "table 2026-11-23")


def test_rounds_that_end_in_a_pause_are_a_cut_answer() -> None:
    """Given rounds that were used up, when read, then what was said is kept as truncated."""
    answer = read(ROUNDS[:2], search=True)
    assert (answer.kind, answer.text, answer.finish) == (AnswerKind.TRUNCATED, "两家店：", "pause_turn")


def test_what_one_round_does_not_count_is_not_known_of_all() -> None:
    """Given a round without usage, when read with the others, then the sums would be too small, so there are none."""
    answer = read([message(text("Al"), finish="pause_turn", usage=None), ROUNDS[2]], row=PRICED, search=True)
    assert (answer.tokens_in, answer.tokens_out, answer.cost, answer.cost_basis) == (None, None, None, "unknown")


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ([1, 2], 200, E.NETWORK),
        ([], 200, E.NETWORK),
        ([ROUNDS[0], "noise"], 200, E.NETWORK),
        ([ROUNDS[0], {}], 200, E.BAD_REQUEST),
        ([ROUNDS[0], error("rate_limit_error", "slow")], 429, E.RATE_LIMIT),
        ([error("rate_limit_error", "slow")], 429, E.RATE_LIMIT),
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
        assert read([body], search=True) == read(body, search=True)


# -- properties

_KEYS = st.sampled_from(
    [
        "type",
        "text",
        "content",
        "citations",
        "url",
        "title",
        "name",
        "error",
        "message",
        "details",
        "error_code",
        "code",
        "model",
        "stop_reason",
        "usage",
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "server_tool_use",
        "web_search_requests",
        "cost",
    ]
)
_WORDS = [
    "text",
    "web_search_tool_result",
    "server_tool_use",
    "web_search",
    "end_turn",
    "refusal",
    "pause_turn",
    "https://a.example",
    "[1](https://b.example)",
    "\ud800",
    "\0",
    "rate_limit_error",
    10**40,
]
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(_WORDS)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6), max_leaves=25
)
_SOURCES = st.lists(st.fixed_dictionaries({"url": _SCALARS, "title": _SCALARS}) | _JSON, max_size=3)
_BLOCKS = st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": _SCALARS}, optional={"citations": _SOURCES | _JSON})
    | st.fixed_dictionaries({"type": st.just("web_search_tool_result"), "content": _SOURCES | _JSON})
    | st.fixed_dictionaries({"type": st.just("server_tool_use"), "name": _SCALARS})
    | _JSON,
    max_size=6,
)
_SHAPED = st.fixed_dictionaries({"content": _BLOCKS, "stop_reason": _SCALARS, "usage": _JSON, "model": _SCALARS})
_SEVERAL = st.lists(_SHAPED | _JSON, min_size=2, max_size=4)
_STATUSES = st.sampled_from([200, 200, 200, 204, 302, 400, 401, 403, 404, 429, 451, 500, 503, 529])


@settings(max_examples=300, deadline=None)
@given(body=_JSON | _SHAPED | _SEVERAL, pauses=st.booleans(), status=_STATUSES)
def test_any_json_is_followed_up_or_not(body: Any, pauses: bool, status: int) -> None:
    """Given any JSON, when a next request is looked for, then there is none, or one that JSON can be written from."""
    if pauses and isinstance(body, dict):
        body["stop_reason"] = "pause_turn"
    following = follow(CALL, json.dumps(body).encode(), status)
    assert following is None or json.dumps(following.body, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(pieces=st.lists(st.tuples(st.text(max_size=20), st.booleans()), max_size=8))
def test_every_cited_block_can_be_read_back_from_its_span(pieces: list[tuple[str, bool]]) -> None:
    """Given any cut of any text, when read, then the blocks join to it, and each span is the block that cites."""
    blocks = [text(said, f"https://a.example/{n}") if cites else text(said) for n, (said, cites) in enumerate(pieces)]
    answer = read(message(*blocks))
    assert len(answer.text) == sum(len(said) for said, _ in pieces)
    for citation in answer.citations:
        if citation.via == "citations":
            said = pieces[int(citation.url.rpartition("/")[2])][0]
            assert answer.text[citation.start : citation.end] == said.replace("\0", "\N{REPLACEMENT CHARACTER}")


def test_an_answer_of_very_many_blocks_is_read_quickly() -> None:
    """Given a hundred thousand cited blocks, when read, then it takes about as long as their number."""
    blocks = [text("Alpha. ", f"https://a.example/{number}") for number in range(100_000)]
    answer = read(message(*blocks))
    assert len(answer.citations) == 100_000
    # linear takes a second or two; quadratic would take minutes, and the limit for one test end it
