"""The dashscope dialect: what is sent, and what every shape of reply is read as."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brandq.plan import EngineRef
from brandq.providers import dashscope, registry
from brandq.providers.dialect import Answer, AnswerKind, Citation, ErrorClass, Provider, ProviderError, Reply

ROW = registry.load()["qwen"]
ENGINE = EngineRef("qwen", "qwen", "qwen3.7-plus")
PROMPT = '深圳新能源汽车改装门店哪家好？\n "quotes", {braces}, \\slashes\\, emoji 🍓, trailing space '

TEXT = "趣车良品口碑不错[ref_1]，价格透明[ref_3]。"
SITES = [
    {"index": n, "title": f"门店 {n}", "url": f"https://{name}.example/{n}", "site_name": name, "icon": ""}
    for n, name in enumerate("abc", start=1)
]


def reply(content: Any = "Alpha is fine.", finish: Any = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    info = {"search_info": {"search_results": more.pop("sites")}} if "sites" in more else {}
    output = {"choices": [{"finish_reason": finish, "message": message}], **info}
    return {"output": output, "request_id": "r-1", **more}


def read(body: Any, status: int = 200, row: Provider = ROW, *, search: bool = False, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return dashscope.read(row, replace(ENGINE, search=search), Reply(status, names, raw))


# -- what is sent

SEARCH = {
    "enable_search": True,
    "search_options": {
        "forced_search": True,
        "enable_source": True,
        "enable_citation": True,
        "citation_format": "[ref_<number>]",
        "search_strategy": "turbo",
    },
}


@pytest.mark.parametrize("search", [False, True])
def test_the_prompt_is_the_only_message_byte_for_byte(search: bool) -> None:
    """Given the shipped row, when a prompt is put to it, then nothing stands beside it but the search that was asked."""
    call = dashscope.call(ROW, replace(ENGINE, search=search), PROMPT)
    assert call.url == "https://dashscope.aliyuncs.com/api/v1/services/aigc/multimodal-generation/generation"
    assert call.body == {
        "model": "qwen3.7-plus",
        "input": {"messages": [{"role": "user", "content": [{"text": PROMPT}]}]},
        "parameters": {"result_format": "message", **(SEARCH if search else {})},
    }
    assert not {name.lower() for name in call.headers} & {"authorization", "x-api-key"}


@pytest.mark.parametrize("path", [None, "/elsewhere/text-generation/generation"])
def test_a_model_that_only_reads_gets_the_prompt_as_a_text(path: str | None) -> None:
    """Given a row without that path, when asked, then the prompt is the message's content as it is, in one piece."""
    call = dashscope.call(replace(ROW, path=path), ENGINE, PROMPT)
    assert call.url == ROW.base_url + (path or "/api/v1/services/aigc/text-generation/generation")
    assert call.body["input"] == {"messages": [{"role": "user", "content": PROMPT}]}


@pytest.mark.parametrize("path", [ROW.path, None])
def test_a_system_text_is_a_message_before_the_prompt_and_only_where_one_is_given(path: str | None) -> None:
    """Given a system text, when a prompt is put under it, then it comes first, in the form of the prompt's own."""
    row = replace(ROW, path=path)
    plain = dashscope.call(row, ENGINE, PROMPT)
    under = dashscope.call(row, ENGINE, PROMPT, "Answer in one line.")
    content = [{"text": "Answer in one line."}] if path else "Answer in one line."
    first = {"role": "system", "content": content}
    assert under.body == {**plain.body, "input": {"messages": [first, *plain.body["input"]["messages"]]}}
    assert len(plain.body["input"]["messages"]) == 1


def test_what_a_row_gives_stands_among_the_parameters() -> None:
    """Given a row with headers and a body, when asked, then the body's fields are parameters and search joins them."""
    row = replace(ROW, headers={"x-title": "t"}, body={"seed": 1, "at": "{locale}"})
    call = dashscope.call(row, replace(ENGINE, search=True, locale="zh-CN"), "p")
    assert call.headers["x-title"] == "t"
    assert call.body["parameters"] == {"result_format": "message", "seed": 1, "at": "zh-CN", **SEARCH}
    assert set(call.body) == {"model", "input", "parameters"}


# -- kinds


K = AnswerKind
KINDS: list[tuple[str, dict[str, Any], AnswerKind, str]] = [
    ("plain text", reply("Alpha."), K.OK, "Alpha."),
    ("parts", reply([{"text": "Al"}, {"text": "pha"}]), K.OK, "Alpha"),
    ("parts of other kinds", reply([{"image": "i"}, "Al", {"text": None}, {"text": "pha"}]), K.OK, "Alpha"),
    ("reasoning beside it", reply("Alpha", message={"reasoning_content": "Beta?"}), K.OK, "Alpha"),
    ("the word null", reply("Alpha", "null"), K.OK, "Alpha"),
    ("no finish", reply("Alpha", None), K.OK, "Alpha"),
    ("a code that says nothing", reply("Alpha", code="", message_=""), K.OK, "Alpha"),
    ("the status as a field", reply("Alpha", status_code=200, code="200"), K.OK, "Alpha"),
    ("nothing", reply(""), K.EMPTY, ""),
    ("blanks", reply(" \n"), K.EMPTY, " \n"),
    ("no parts", reply([]), K.EMPTY, ""),
    ("no message", {"output": {"choices": [{"finish_reason": "stop"}]}}, K.EMPTY, ""),
    ("length", reply("1. Alpha\n2. Be", "length"), K.TRUNCATED, "1. Alpha\n2. Be"),
    ("waits for a tool", reply("Let me look.", "tool_calls"), K.TRUNCATED, "Let me look."),
    ("content_filter", reply("Al", "content_filter"), K.REFUSED, "Al"),
]


@pytest.mark.parametrize(("body", "kind", "text"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_a_reply_is_read_as_its_kind(body: dict[str, Any], kind: AnswerKind, text: str) -> None:
    """Given a reply of a known shape, when it is read, then its text and its kind are what that shape means."""
    answer = read(body)
    assert isinstance(answer, Answer), answer
    assert (answer.kind, answer.text) == (kind, text)


def test_an_answer_says_how_it_ended_and_claims_no_model() -> None:
    """Given a reply, when read, then the finish is the provider's word, "null" is none, and no model is made up."""
    answer = read(reply("Alpha"), search=True)
    assert (answer.finish, answer.served_model, answer.search_requested) == ("stop", None, True)
    assert read(reply("Alpha", "null")).finish is None


# -- sources


def test_sources_are_cited_as_far_as_the_text_points_at_them() -> None:
    """Given numbered sources and [ref_n] in the text, when read, then those are cited and the others only retrieved."""
    answer = read(reply(TEXT, sites=SITES), search=True)
    via = "search_info.search_results"
    assert answer.citations == (
        Citation("https://a.example/1", "门店 1", True, via),
        Citation("https://b.example/2", "门店 2", False, via),
        Citation("https://c.example/3", "门店 3", True, via),
    )
    assert answer.search_executed is True


def test_without_marks_nothing_tells_what_was_used() -> None:
    """Given sources at which the text does not point, when read, then it is unknown which of them it rests on."""
    answer = read(reply("趣车良品口碑不错。", sites=SITES))
    assert [citation.cited for citation in answer.citations] == [None, None, None]


def test_a_mark_means_the_number_that_a_source_bears_not_its_place() -> None:
    """Given sources in another order, when the text points at one by its number, then that one is cited."""
    answer = read(reply("好[ref_3]", sites=[SITES[2], {"index": 9, "url": "data:x"}, SITES[0]]))
    assert [(citation.url, citation.cited) for citation in answer.citations] == [
        ("https://c.example/3", True),
        ("https://a.example/1", False),
    ]


def test_a_link_in_the_text_is_a_citation_whose_span_holds_it() -> None:
    """Given an answer in Chinese that names a URL, when read, then its span in characters is that URL."""
    answer = read(reply("官网https://a.example/x查看"))
    citation = answer.citations[0]
    assert answer.text[citation.start : citation.end] == citation.url == "https://a.example/x"
    assert answer.search_executed is None


@pytest.mark.parametrize(
    ("usage", "executed"),
    [
        ({"plugins": {"search": {"count": 1, "strategy": "turbo"}}}, True),
        ({"plugins": {"search": {"count": 0}}}, False),
        ({"plugins": {"search": None}}, None),
        ({"plugins": []}, None),
        ({}, None),
    ],
)
def test_whether_it_searched_is_said_only_where_the_reply_tells(usage: dict[str, Any], executed: bool | None) -> None:
    """Given a count of searches in the usage, when read, then it decides; without one nothing is claimed."""
    assert read(reply(usage=usage), search=True).search_executed is executed


# -- usage and cost


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}, (1000, 500)),
        ({"input_tokens": True, "output_tokens": "7"}, (None, None)),
        ([], (None, None)),
    ],
)
def test_tokens_are_those_that_the_usage_counts(usage: Any, tokens: tuple[Any, Any]) -> None:
    """Given usage, when read, then its counts are kept, and nothing is made up."""
    answer = read(reply(usage=usage))
    assert (answer.tokens_in, answer.tokens_out) == tokens


@pytest.mark.parametrize(
    ("search", "usage", "cost"),
    [
        (False, {}, Decimal("0.0012")),
        (True, {"plugins": {"search": {"count": 0}}}, Decimal("0.0012")),
        (True, {"plugins": {"search": {"count": 1}}}, None),
        (True, {}, None),
    ],
)
def test_a_search_whose_fee_is_unknown_leaves_the_cost_unknown(
    search: bool, usage: dict[str, Any], cost: Decimal | None
) -> None:
    """Given list prices without a fee for a search, when it searched, then the cost is unknown and not understated."""
    answer = read(reply(usage={"input_tokens": 1000, "output_tokens": 500, **usage}), search=search)
    basis = "table 2026-11-23" if cost else "unknown"
    assert (answer.cost, answer.cost_basis) == (cost, basis)


# -- trouble


def error(code: str, message: str = "m") -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": "r-1"}


E = ErrorClass
TROUBLE: list[tuple[int, Any, ErrorClass]] = [
    (400, error("Arrearage", "Access denied, please make sure your account is in good standing."), E.NO_MONEY),
    (429, error("PostpaidBillOverdue"), E.NO_MONEY),
    (403, error("AllocationQuota.FreeTierOnly", "The free tier has been exhausted."), E.NO_MONEY),
    (429, error("Throttling.AllocationQuota", "Free allocated quota exceeded."), E.NO_MONEY),
    (429, error("Throttling.AllocationQuota", "The free quota has been exhausted."), E.NO_MONEY),
    (429, error("Throttling.AllocationQuota", "Allocated quota exceeded, please increase it."), E.RATE_LIMIT),
    (429, error("Throttling.RateQuota", "Requests rate limit exceeded."), E.RATE_LIMIT),
    (429, error("Throttling", "Requests throttling triggered."), E.RATE_LIMIT),
    (401, error("InvalidApiKey", "Invalid API-key provided."), E.AUTH),
    (403, error("AccessDenied.Unpurchased"), E.PERMISSION),
    (403, error("Model.AccessDenied"), E.PERMISSION),
    (404, error("ModelNotFound", "Model can not be found."), E.MODEL),
    (400, error("InvalidParameter", "Range of input length should be [1, 9]"), E.CONTEXT),
    (400, error("InvalidParameter", "url error, please check url"), E.BAD_REQUEST),
    (500, error("InternalError.Algo"), E.OVERLOADED),
    (503, error("ModelServingError"), E.OVERLOADED),
    (408, error("RequestTimeOut"), E.OVERLOADED),
    (200, error("Arrearage"), E.NO_MONEY),
    (401, {"error": {"code": "invalid_api_key", "message": "m", "type": "t"}}, E.AUTH),
    (200, {"output": None}, E.OVERLOADED),
    (200, {"output": {"choices": []}}, E.OVERLOADED),
    (200, {"output": {"choices": [None]}}, E.OVERLOADED),
    (200, {"choices": [{"message": {"content": "Alpha"}}]}, E.BAD_REQUEST),
    (200, {"status": "ok"}, E.BAD_REQUEST),
    (502, b"<html><title>502</title></html>", E.OVERLOADED),
    (200, b'{"output": {"cho', E.NETWORK),
    (200, b'data:{"output": {}}\n', E.NETWORK),
    (302, b"", E.BAD_REQUEST),
]


@pytest.mark.parametrize(("status", "body", "expected"), TROUBLE)
def test_trouble_is_classed_by_the_body_first_and_then_by_the_status(
    status: int, body: Any, expected: ErrorClass
) -> None:
    """Given an error as the provider words it, when read, then its class is what its code means there."""
    trouble = read(body, status)
    assert isinstance(trouble, ProviderError), trouble
    assert (trouble.error_class, trouble.http_status) == (expected, status), trouble.message
    assert trouble.message.startswith("qwen: ")
    assert len(trouble.message) <= 200


def test_a_wait_is_kept() -> None:
    """Given a throttled reply that says how long to wait, when read, then the error says it too."""
    assert read(error("Throttling.RateQuota"), 429, retry_after="2").wait_ms == 2000


@pytest.mark.parametrize("code", ["DataInspectionFailed", "data_inspection_failed"])
def test_a_content_filter_is_a_result_to_keep(code: str) -> None:
    """Given the filter's refusal, in either spelling, when read, then it is an answer of kind refused, without text."""
    answer = read(error(code, "Output data may contain inappropriate content."), 400, search=True)
    assert isinstance(answer, Answer), answer
    assert (answer.kind, answer.text, answer.finish, answer.search_requested) == (K.REFUSED, "", code, True)


def test_a_message_says_what_to_do_next() -> None:
    """Given a bad key, when read, then the message names the variable to check."""
    trouble = read(error("InvalidApiKey", "Invalid API-key provided."), 401)
    assert trouble.message == "qwen: HTTP 401 InvalidApiKey: Invalid API-key provided.; check DASHSCOPE_API_KEY"


# -- properties


@settings(max_examples=100, deadline=None)
@given(prompt=st.text(max_size=50), path=st.sampled_from([None, ROW.path]))
def test_any_prompt_is_sent_as_it_is(prompt: str, path: str | None) -> None:
    """Given any prompt, when it is put to either path, then it stands in the message unchanged."""
    content = dashscope.call(replace(ROW, path=path), ENGINE, prompt).body["input"]["messages"][0]["content"]
    assert content == prompt if path is None else content == [{"text": prompt}]
