"""The simulator: it says that it is one, answers the same again, varies in between, and breaks on demand.

Its endpoints check what they are sent as their providers would; that our own rows pass is tests/providers's to show.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

import pytest

from brandq.providers import registry
from brandq.simulator import FAULTS, Simulator
from brandq.simulator.book import MAX_TIMES, WINDOW_S, Book
from brandq.simulator.faults import spelled_faults

SHOPS = "深圳新能源汽车改装门店哪家好？"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(latency_ms=0) as sim:
        yield sim


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    """One for the tests that look at nothing that another call may have left behind."""
    with Simulator(latency_ms=0) as sim:
        yield sim


def send(url: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
    """Status, headers and JSON of a request; POST where there is a body, which bytes are as they stand."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data, headers), timeout=10) as http:
            return http.status, http.headers, json.loads(http.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.loads(error.read() or b"null")


def put(simulator: Simulator, model: str, prompt: str = SHOPS, **fields: Any) -> tuple[int, Any, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], **fields}
    return send(simulator.url + "/v1/chat/completions", body)


def said(reply: tuple[int, Any, Any]) -> str:
    message = reply[2]["choices"][0]["message"]
    return str(message["content"] or message["refusal"])


@pytest.mark.parametrize(("prompt", "mark"), [(SHOPS, "模拟回答"), ("best headphones?", "Simulated answer")])
@pytest.mark.parametrize("search", [{}, {"web_search_options": {}}])
def test_every_answer_says_that_it_is_simulated(simulator: Simulator, prompt: str, mark: str, search: Any) -> None:
    """Given any assistant and language, when it answers, then text, model and header say that it is simulated."""
    for model in ("glm-5.3-flash", "kimi-k2.6", "deepseek-flash", "gpt-5.6-luna"):
        for _ in range(8):
            status, headers, body = put(simulator, model, prompt, **search)
            assert status == 200
            assert mark in said((status, headers, body))
            assert body["model"] == f"{model}-simulated"
            assert headers["x-brandq-simulated"] == "true"


def test_a_rerun_is_the_same_and_a_repeat_is_not() -> None:
    """Given two fresh simulators, when each is asked five times, then they agree call by call and the calls differ."""
    runs = []
    for _ in range(2):
        with Simulator(latency_ms=0) as simulator:
            runs.append([said(put(simulator, "qwen3.7-plus")) for _ in range(5)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1


def test_the_demos_prompt_names_shops_and_not_always_the_same(simulator: Simulator) -> None:
    """Given the demo's prompt, when every assistant is asked five times, then each brand is named by some."""
    texts = [
        said(put(simulator, row.model)) for row in registry.load().values() if row.model is not None for _ in range(5)
    ]
    for brand in ("趣车良品", "竞品 1", "竞品 2", "车尚艺"):
        assert 0 < sum(brand in text for text in texts) < len(texts), brand
    assert any("1. **" in text for text in texts)
    assert any("](https://" in text for text in texts)


def test_an_unknown_topic_gets_a_list_in_its_own_language(simulator: Simulator) -> None:
    """Given a prompt that is in no catalogue, when asked, then there is a list, and nothing of another topic."""
    for prompt in ("哪家宠物医院好？", "Which plumber in Leeds?"):
        text = said(put(simulator, "gpt-5.6-luna", prompt))
        assert text.count("**") >= 6
        assert "趣车良品" not in text


def test_sources_stand_where_the_annotations_say(simulator: Simulator) -> None:
    """Given a body that asks for search, when answered, then each annotation's span is that link in the text."""
    for model in ("gpt-5.6-luna", "glm-5.3-flash"):
        _, _, body = put(simulator, model, tools=[{"type": "web_search"}])
        message = body["choices"][0]["message"]
        assert message["annotations"]
        for annotation in message["annotations"]:
            found = annotation["url_citation"]
            inside = message["content"][found["start_index"] : found["end_index"]]
            assert inside == f"[{found['title']}]({found['url']})"
            assert ".example/" in found["url"]
    assert "annotations" not in put(simulator, "gpt-5.6-luna")[2]["choices"][0]["message"]


def test_it_counts_its_calls(simulator: Simulator) -> None:
    """Given calls side by side, when counted, then each is there once, by model and prompt, with the most in flight."""
    with Simulator(latency_ms=300) as slow:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda number: put(slow, f"m{number % 2}"), range(6)))
        counted = send(slow.url + "/calls")[2]
    assert {(call["model"], call["count"], call["broken"]) for call in counted["calls"]} == {("m0", 3, 0), ("m1", 3, 0)}
    assert counted["total"] == 6
    assert counted["in_flight"] == 0
    assert 2 <= counted["peak_in_flight"] <= 6


def test_planned_faults_are_used_up_in_order_and_per_model(simulator: Simulator) -> None:
    """Given faults for one model, when it is called, then they come in order, once each, and other models are fine."""
    spelled = ["500:2", "429-retry-after:2", "429-retry-after:3:1", "empty", "401-once"]
    status, _, body = send(simulator.url + "/faults", {"model": "m", "faults": spelled})
    assert (status, len(body["coming"])) == (200, 6)
    replies = [put(simulator, "m") for _ in range(7)]
    assert [reply[0] for reply in replies] == [500, 500, 429, 429, 200, 401, 200]
    assert [reply[1]["retry-after"] for reply in replies[2:4]] == ["2", "3"]
    assert replies[4][2]["choices"][0]["message"]["content"] == ""
    assert put(simulator, "other")[0] == 200
    assert send(simulator.url + "/calls")[2]["calls"][0] == {"model": "m", "prompt": SHOPS, "count": 7, "broken": 6}


def test_a_fault_in_a_models_name_lasts_or_comes_once(simulator: Simulator) -> None:
    """Given models that end in a fault, when called again, then it comes each time, or on each first call."""
    assert [put(simulator, "glm-5.3-sim-fault-503")[0] for _ in range(3)] == [503, 503, 503]
    assert [put(simulator, "sim-fault-500-once")[0] for _ in range(3)] == [500, 200, 200]
    assert put(simulator, "sim-fault-500-once", "another")[0] == 500
    status, _, body = put(simulator, "sim-fault-nonsense")
    assert status == 400
    assert "404-model" in body["error"]["message"]


def test_reset_forgets(simulator: Simulator) -> None:
    """Given calls and planned faults, when reset, then both are gone."""
    put(simulator, "m")
    send(simulator.url + "/faults", {"model": "m", "faults": ["500"]})
    assert send(simulator.url + "/reset", {})[2]["total"] == 0
    assert put(simulator, "m")[0] == 200


@pytest.mark.parametrize("body", [{}, {"model": "m"}, {"model": "m", "faults": ["weather"]}, [], {"faults": ["500"]}])
def test_a_wrong_fault_is_refused(simulator: Simulator, body: Any) -> None:
    """Given faults that mean nothing, when planned, then nothing is, and the caller hears of it."""
    assert send(simulator.url + "/faults", body)[0] == 422


@pytest.mark.parametrize("body", [{}, [], {"model": "m", "messages": []}, {"model": "m", "messages": [{}]}])
def test_a_wrong_call_is_a_bad_request(simulator: Simulator, body: Any) -> None:
    """Given a body without model and messages, when sent, then it is a 400, as at a provider."""
    assert send(simulator.url + "/v1/chat/completions", body)[0] == 400


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("500", [("500", None)]),
        ("500:3", [("500", None)] * 3),
        ("500-once", [("500", None)]),
        ("429-retry-after", [("429-retry-after", 1.0)]),
        ("429-retry-after:5:2", [("429-retry-after", 5.0)] * 2),
        ("501", []),
        ("500:x", []),
        ("500:1:1", []),
    ],
)
def test_faults_are_spelled_one_way(spelled: str, expected: list[Any]) -> None:
    """Given a spelling, when read, then it means so many calls, or nothing."""
    assert spelled_faults(spelled) == expected


def test_every_fault_says_what_it_is() -> None:
    """Given the list of faults, when read, then each has words, and the module's page names each."""
    import brandq.simulator as module

    assert all(fault.what for fault in FAULTS.values())
    named = set((module.__doc__ or "").split())
    assert set(FAULTS) <= named


def test_a_hanging_call_does_not_hold_up_the_stop() -> None:
    """Given a call that hangs, when the simulator stops, then it is gone within seconds and the caller is let go."""
    simulator = Simulator(latency_ms=0)
    simulator.start()
    with ThreadPoolExecutor(1) as pool:

        def hang() -> object:
            try:
                return put(simulator, "sim-fault-hang")[0]
            except (OSError, HTTPException) as error:
                return error

        hanging = pool.submit(hang)
        time.sleep(0.5)
        assert not hanging.done()
        begun = time.monotonic()
        simulator.stop()
        assert time.monotonic() - begun < 4
        assert hanging.result(timeout=5) is not None


def test_a_port_that_is_taken_is_an_os_error(simulator: Simulator) -> None:
    """Given a port in use, when another simulator starts there, then it says so at once."""
    port = int(simulator.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        Simulator(port=port).start()


# -- the dialects that no other peer speaks

DASHSCOPE = "/dashscope/api/v1/services/aigc/text-generation/generation"
SEEING = "/dashscope/api/v1/services/aigc/multimodal-generation/generation"
ZHIPU = "/zhipu/chat/completions"
QIANFAN = "/qianfan/chat/completions"
ARK = "/ark/responses"
KIMI = "/kimi/chat/completions"

SAID = [{"role": "user", "content": SHOPS}]
WEB_SEARCH = {"type": "builtin_function", "function": {"name": "$web_search"}}

#: endpoint -> a request that it answers
GOOD: dict[str, dict[str, Any]] = {
    DASHSCOPE: {"model": "m", "input": {"messages": SAID}, "parameters": {"result_format": "message"}},
    SEEING: {"model": "m", "input": {"messages": [{"role": "user", "content": [{"text": SHOPS}]}]}},
    ZHIPU: {"model": "m", "messages": SAID},
    QIANFAN: {"model": "m", "messages": SAID},
    ARK: {"model": "m", "input": SHOPS},
    KIMI: {"model": "m", "messages": SAID},
}


def text_in(path: str, reply: Any) -> str:
    """The text of an answer, where each dialect has it."""
    if path == ARK:
        return str(reply["output"][-1]["content"][0]["text"])
    if path in (DASHSCOPE, SEEING):
        content = reply["output"]["choices"][0]["message"]["content"]
        return str(content[0]["text"] if path == SEEING else content)
    return str(reply["choices"][0]["message"]["content"])


@pytest.mark.parametrize("path", GOOD)
def test_every_endpoint_says_that_it_is_simulated(simulator: Simulator, path: str) -> None:
    """Given a request in an endpoint's dialect, when answered, then text, model and header say so, and it is counted."""
    status, headers, reply = send(simulator.url + path, GOOD[path])
    assert status == 200
    assert "模拟回答" in text_in(path, reply)
    assert headers["x-brandq-simulated"] == "true"
    assert reply.get("model") == (None if path in (DASHSCOPE, SEEING) else "m-simulated")
    assert send(simulator.url + "/calls")[2]["calls"] == [{"model": "m", "prompt": SHOPS, "count": 1, "broken": 0}]


#: endpoint -> its whole error for a lack of money, but for the id
NO_MONEY: dict[str, tuple[int, dict[str, Any]]] = {
    DASHSCOPE: (400, {"code": "Arrearage", "message": str}),
    ZHIPU: (429, {"error": {"code": "1113", "message": str}}),
    QIANFAN: (429, {"error": {"code": "BILLING_INSUFFICIENT_BALANCE", "message": str, "type": "billing_error"}}),
    ARK: (403, {"error": {"code": "AccountOverdueError", "message": str, "param": "", "type": "Forbidden"}}),
    KIMI: (429, {"error": {"message": str, "type": "exceeded_current_quota_error"}}),
}


@pytest.mark.parametrize("path", NO_MONEY)
def test_an_error_has_its_providers_frame_and_code(simulator: Simulator, path: str) -> None:
    """Given the same fault at each endpoint, when called, then status, frame and code are those of its provider."""
    body = {**GOOD[path], "model": "sim-fault-402"}
    status, headers, reply = send(simulator.url + path, body)
    error = reply.get("error", reply)
    assert error["message"].startswith("simulated: ")
    error["message"] = str
    framed = {name: value for name, value in reply.items() if name not in ("id", "request_id")}
    assert (status, framed) == NO_MONEY[path]
    assert headers["x-brandq-simulated"] == "true"
    assert ("request_id" in reply, "id" in reply) == (path == DASHSCOPE, path == QIANFAN)


def changed(path: str, **fields: Any) -> dict[str, Any]:
    """The good request with these fields over it; None takes one away."""
    body = {**GOOD[path], **fields}
    return {name: value for name, value in body.items() if value is not None}


def searching(**options: Any) -> dict[str, Any]:
    return {"result_format": "message", "enable_search": True, "search_options": options}


def zhipu_tool(**options: Any) -> list[Any]:
    return [{"type": "web_search", "web_search": options}]


#: endpoint, request, the code or type of its error, and what the error names
WRONG: list[tuple[str, Any, str, str]] = [
    (DASHSCOPE, b"{", "InvalidParameter", "JSON"),
    (DASHSCOPE, [], "InvalidParameter", "object"),
    (DASHSCOPE, changed(DASHSCOPE, model=None), "InvalidParameter", "model"),
    (DASHSCOPE, changed(DASHSCOPE, input=None), "InvalidParameter", "input.messages"),
    (DASHSCOPE, changed(DASHSCOPE, input=None, messages=SAID), "InvalidParameter", "messages"),
    (DASHSCOPE, changed(DASHSCOPE, input={"messages": []}), "InvalidParameter", "input.messages"),
    (DASHSCOPE, changed(DASHSCOPE, input={"messages": [{"role": "user"}]}), "InvalidParameter", "content"),
    (
        DASHSCOPE,
        changed(DASHSCOPE, input={"messages": [{"role": "buyer", "content": "x"}]}),
        "InvalidParameter",
        "role",
    ),
    (
        SEEING,
        changed(SEEING, input={"messages": [{"role": "user", "content": [{"x": 1}]}]}),
        "InvalidParameter",
        "content",
    ),
    (DASHSCOPE, changed(DASHSCOPE, enable_search=True), "InvalidParameter", "enable_search"),
    (DASHSCOPE, changed(DASHSCOPE, parameters={"web_search": {"enable": True}}), "InvalidParameter", "web_search"),
    (DASHSCOPE, changed(DASHSCOPE, parameters={"enable_search": "yes"}), "InvalidParameter", "enable_search"),
    (DASHSCOPE, changed(DASHSCOPE, parameters={"result_format": "json"}), "InvalidParameter", "result_format"),
    (DASHSCOPE, changed(DASHSCOPE, parameters={"incremental_output": True}), "InvalidParameter", "stream"),
    (DASHSCOPE, changed(DASHSCOPE, parameters=searching(search_strategy="deep")), "InvalidParameter", "deep"),
    (DASHSCOPE, changed(DASHSCOPE, parameters=searching(search_strategy="agent_max")), "InvalidParameter", "stream"),
    (DASHSCOPE, changed(DASHSCOPE, parameters=searching(citation_format="(n)")), "InvalidParameter", "citation_format"),
    (ZHIPU, b"{", "1210", "JSON"),
    (ZHIPU, changed(ZHIPU, model=None), "1210", "model"),
    (ZHIPU, changed(ZHIPU, messages=[]), "1214", "messages"),
    (ZHIPU, changed(ZHIPU, messages=[*SAID, {"role": "assistant", "content": "x"}]), "1214", "last"),
    (ZHIPU, changed(ZHIPU, tools=[{"type": "web_search"}]), "1210", "web_search"),
    (ZHIPU, changed(ZHIPU, tools=[WEB_SEARCH]), "1210", "builtin_function"),
    (ZHIPU, changed(ZHIPU, tools=zhipu_tool(enable=True, count=51)), "1210", "count"),
    (ZHIPU, changed(ZHIPU, tools=zhipu_tool(enable=True, search_engine="bing")), "1210", "bing"),
    (ZHIPU, changed(ZHIPU, tools=zhipu_tool(enable="yes")), "1210", "enable"),
    (ZHIPU, changed(ZHIPU, web_search={"enable": True}), "1210", "web_search"),
    (ZHIPU, changed(ZHIPU, stream=True), "1210", "stream"),
    (QIANFAN, b"{", "malformed_json", "JSON"),
    (QIANFAN, changed(QIANFAN, model=""), "invalid_model", "model"),
    (QIANFAN, changed(QIANFAN, messages=None), "invalid_argument", "messages"),
    (QIANFAN, changed(QIANFAN, messages=[*SAID, {"role": "system", "content": "x"}]), "invalid_argument", "last"),
    (QIANFAN, changed(QIANFAN, web_search=True), "invalid_argument", "web_search"),
    (QIANFAN, changed(QIANFAN, web_search={"enable": "yes"}), "invalid_argument", "enable"),
    (QIANFAN, changed(QIANFAN, web_search={"search_mode": "forced"}), "invalid_argument", "forced"),
    (QIANFAN, changed(QIANFAN, tools=zhipu_tool(enable=True)), "invalid_argument", "web_search"),
    (QIANFAN, changed(QIANFAN, web_search_options={}), "invalid_argument", "web_search_options"),
    (ARK, changed(ARK, model=None), "MissingParameter", "model"),
    (ARK, changed(ARK, input=None), "MissingParameter", "input"),
    (ARK, changed(ARK, input=None, messages=SAID), "InvalidParameter", "messages"),
    (ARK, changed(ARK, input=[{"role": "user"}]), "InvalidParameter", "content"),
    (ARK, changed(ARK, tools=[{"type": "web_search_preview"}]), "InvalidParameter", "web_search_preview"),
    (ARK, changed(ARK, tools=[{"type": "web_search", "limit": 0}]), "InvalidParameter", "limit"),
    (ARK, changed(ARK, tools=[{"type": "web_search", "sources": ["bing"]}]), "InvalidParameter", "bing"),
    (
        ARK,
        changed(ARK, tools=[{"type": "doubao_app", "feature": {"ai_search": True}}]),
        "InvalidParameter",
        "ai_search",
    ),
    (ARK, changed(ARK, web_search_options={}), "InvalidParameter", "web_search_options"),
    (KIMI, b"{", "invalid_request_error", "JSON"),
    (KIMI, changed(KIMI, model=None), "invalid_request_error", "model"),
    (KIMI, changed(KIMI, messages=[]), "invalid_request_error", "messages"),
    (KIMI, changed(KIMI, tools=[{**WEB_SEARCH, "type": "function"}]), "invalid_request_error", "$web_search"),
    (KIMI, changed(KIMI, tools=zhipu_tool(enable=True)), "invalid_request_error", "web_search"),
    (KIMI, changed(KIMI, tools=[{"type": "builtin_function"}]), "invalid_request_error", "function"),
    (KIMI, changed(KIMI, tools=[WEB_SEARCH], tool_choice="required"), "invalid_request_error", "tool_choice"),
    (KIMI, changed(KIMI, model="kimi-k2.6", temperature=0.3), "invalid_request_error", "temperature"),
    (KIMI, changed(KIMI, thinking={"type": "off"}), "invalid_request_error", "thinking"),
]


@pytest.mark.parametrize(("path", "body", "code", "named"), WRONG)
def test_a_request_that_the_provider_refuses_is_its_400(
    shared: Simulator, path: str, body: Any, code: str, named: str
) -> None:
    """Given a request with a field too few, too many or wrong, when sent, then it is that provider's 400 and names it."""
    before = send(shared.url + "/calls")[2]["total"]
    status, headers, reply = send(shared.url + path, body)
    error = reply.get("error", reply)
    assert status == 400
    assert error.get("code", error.get("type")) == code
    assert named in error["message"]
    assert headers["x-brandq-simulated"] == "true"
    assert send(shared.url + "/calls")[2]["total"] == before


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("headers", [{"authorization": "sk-bare"}, {"authorization": "Bearer "}, {"x-api-key": "sk-x"}])
def test_a_key_in_the_wrong_place_is_unauthorized(shared: Simulator, path: str, headers: dict[str, str]) -> None:
    """Given a key that is no bearer token, when sent, then it is the provider's 401; a bearer token passes."""
    assert send(shared.url + path, GOOD[path], **headers)[0] == 401
    assert send(shared.url + path, GOOD[path], authorization="Bearer sk-x")[0] == 200


@pytest.mark.parametrize(
    ("options", "sources", "marker"),
    [
        ({}, False, None),
        ({"enable_source": True}, True, None),
        ({"enable_citation": True}, False, None),
        ({"enable_source": True, "enable_citation": True}, True, "[1-9]"),
        ({"enable_source": True, "enable_citation": True, "citation_format": None}, True, "[1-9]"),
        ({"enable_source": True, "enable_citation": True, "citation_format": "[ref_<number>]"}, True, "ref_[1-9]"),
    ],
)
def test_dashscope_shows_of_its_search_what_was_asked_for(
    simulator: Simulator, options: dict[str, Any], sources: bool, marker: str | None
) -> None:
    """Given search options, when DashScope searches, then sources and markers come only where both were asked for."""
    reply = send(simulator.url + DASHSCOPE, changed(DASHSCOPE, parameters=searching(**options)))[2]
    assert ("search_info" in reply["output"]) is sources
    assert reply["usage"]["plugins"] == {"search": {"count": 1}}
    text = text_in(DASHSCOPE, reply)
    assert "https://" not in text
    assert bool(re.search(rf"\[{marker}\]" if marker else r"\[(ref_)?\d", text)) is (marker is not None)


def test_dashscope_answers_beside_the_choices_where_no_message_is_asked_for(simulator: Simulator) -> None:
    """Given no result_format on the path of text models, when answered, then the text stands in output.text."""
    output = send(simulator.url + DASHSCOPE, changed(DASHSCOPE, parameters={}))[2]["output"]
    assert "模拟回答" in output["text"]
    assert "choices" not in output


def test_sources_that_were_not_asked_for_stay_away(simulator: Simulator) -> None:
    """Given search without its sources, when 智谱 and 千帆 answer, then neither list nor markers nor links are there."""
    asked: list[tuple[str, dict[str, Any], str]] = [
        (ZHIPU, {"tools": zhipu_tool(enable=True, search_result=False)}, "web_search"),
        (QIANFAN, {"web_search": {"enable": True}}, "search_results"),
    ]
    for path, fields, listed in asked:
        reply = send(simulator.url + path, changed(path, **fields))[2]
        assert listed not in reply
        assert not re.search(r"\[(ref_)?\d|https://", text_in(path, reply))


# -- Kimi's rounds


def kimi(simulator: Simulator, model: str, *more: Any, **fields: Any) -> tuple[int, Any]:
    body = {"model": model, "messages": [*SAID, *more], "tools": [WEB_SEARCH], **fields}
    status, _, reply = send(simulator.url + KIMI, body)
    return status, reply


def echoed(reply: Any, content: str | None = None) -> list[Any]:
    """The assistant's message of a round as it came, and the tool's with its arguments, or with this content."""
    message = reply["choices"][0]["message"]
    call = message["tool_calls"][0]
    said = call["function"]["arguments"] if content is None else content
    return [message, {"role": "tool", "tool_call_id": call["id"], "name": "$web_search", "content": said}]


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_kimi_answers_once_every_round_was_echoed(simulator: Simulator, rounds: int) -> None:
    """Given a model that asks so many times, when each round is sent back, then the answer comes with all sources."""
    model = f"sim-rounds-{rounds}"
    more: list[Any] = []
    found: list[Any] = []
    for _ in range(rounds):
        status, reply = kimi(simulator, model, *more)
        assert (status, reply["choices"][0]["finish_reason"]) == (200, "tool_calls")
        assert reply["usage"]["total_tokens"] > 0
        more += echoed(reply)
        found += json.loads(more[-1]["content"])["search_results"]
    status, reply = kimi(simulator, model, *more)
    assert (status, reply["choices"][0]["finish_reason"]) == (200, "stop")
    assert sorted(found, key=lambda page: int(page["index"])) == reply["search_results"]
    assert re.search(r"\[\d+\]", reply["choices"][0]["message"]["content"])
    assert send(simulator.url + "/calls")[2]["total"] == rounds + 1


def test_kimi_takes_its_arguments_back_in_another_spelling(simulator: Simulator) -> None:
    """Given the arguments decoded and encoded again, when sent back, then they are the same arguments."""
    first = kimi(simulator, "m")[1]
    arguments = first["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    spelled = json.dumps(json.loads(arguments), indent=1)
    assert spelled != arguments
    assert kimi(simulator, "m", *echoed(first, spelled))[0] == 200


def test_kimi_refuses_a_wrong_echo(simulator: Simulator) -> None:
    """Given other arguments, another call, or no assistant's message, when sent back, then it is Kimi's 400."""
    first = kimi(simulator, "m")[1]
    message, tool = echoed(first)
    other = kimi(simulator, "m2")[1]["choices"][0]["message"]
    for more in (
        echoed(first, "{}"),
        echoed(first, "not JSON"),
        [tool],
        [message, {**tool, "tool_call_id": "another"}],
        [{**message, "tool_calls": []}, tool],
        [{**message, "content": "Let me see.", "tool_calls": None}, tool],
        [other, tool],
        [message, tool, tool],
        [tool, message],
        [message],
    ):
        status, reply = kimi(simulator, "m", *more)
        assert (status, reply["error"]["type"]) == (400, "invalid_request_error"), more


def test_kimi_keeps_its_sources_to_the_arguments_when_told(simulator: Simulator) -> None:
    """Given a model without sources, when it answers, then only its tool's arguments had held them."""
    model = "sim-no-sources"
    first = kimi(simulator, model)[1]
    more = echoed(first)
    assert json.loads(more[-1]["content"])["search_results"]
    assert "search_results" not in kimi(simulator, model, *more)[1]


def test_a_thinking_kimi_wants_its_thoughts_back(simulator: Simulator) -> None:
    """Given a model that reasons, when a round comes back without its reasoning, then only thinking off passes."""
    off = {"thinking": {"type": "disabled"}}
    more = echoed(kimi(simulator, "kimi-k2.6", **off)[1])
    assert kimi(simulator, "kimi-k2.6", *more, **off)[0] == 200
    status, reply = kimi(simulator, "kimi-k2.6", *more)
    assert status == 400
    assert "reasoning_content" in reply["error"]["message"]


# -- pace


def test_a_limit_lets_so_many_in_and_says_when_to_come_back(simulator: Simulator) -> None:
    """Given a limit of two, when called thrice, then the third is a 429 with a wait, and other models are free."""
    limit = {"model": "m", "requests_per_minute": 2}
    assert send(simulator.url + "/limits", limit)[0] == 200
    replies = [put(simulator, "m") for _ in range(3)]
    assert [reply[0] for reply in replies] == [200, 200, 429]
    assert 0 < int(replies[2][1]["retry-after"]) <= WINDOW_S
    assert put(simulator, "other")[0] == 200
    counted = send(simulator.url + "/calls")[2]["calls"][0]
    assert (counted["count"], counted["broken"]) == (3, 1)
    assert send(simulator.url + "/limits", {**limit, "requests_per_minute": None})[0] == 200
    assert put(simulator, "m")[0] == 200


def test_a_limit_slides_with_the_window() -> None:
    """Given a limit of two and a clock, when a minute has passed since the first call, then there is room for one."""
    now = [0.0]
    book = Book(0, clock=lambda: now[0])
    book.limit("m", 2)
    waits = []
    for now[0] in (0.0, 30.0, 40.5, 59.9, 60.0, 61.0, 90.0):
        waits.append(book.wait_s("m"))
    # what was turned away takes no room
    assert waits == [None, None, 20, 1, None, 29, None]


@pytest.mark.parametrize(
    "body",
    [{}, [], {"model": "m"}, *({"model": "m", "requests_per_minute": most} for most in (0, -1, 1.5, "2", True))],
)
def test_a_wrong_limit_is_refused(simulator: Simulator, body: Any) -> None:
    """Given a limit that means nothing, when sent, then nothing is limited, and the caller hears of it."""
    assert send(simulator.url + "/limits", body)[0] == 422
    assert put(simulator, "m")[0] == 200


def test_it_keeps_when_its_calls_came_in(simulator: Simulator) -> None:
    """Given calls of two models, when read, then each model has their times in order, from this hour."""
    begun = time.time()
    for model in ("a", "b", "a"):
        put(simulator, model)
    started_at = send(simulator.url + "/calls")[2]["started_at"]
    assert {model: len(times) for model, times in started_at.items()} == {"a": 2, "b": 1}
    assert started_at["a"] == sorted(started_at["a"])
    assert begun <= started_at["a"][0] <= started_at["b"][0] <= started_at["a"][1] <= time.time()


def test_the_times_that_are_kept_are_bounded() -> None:
    """Given more calls than are kept, when written down, then only the times of the last are there, and all count."""
    book = Book(0)
    for _ in range(MAX_TIMES + 5):
        book.enter("m", "p")
    assert len(book.to_json()["started_at"]["m"]) == MAX_TIMES
    assert book.to_json()["total"] == MAX_TIMES + 5


def test_reset_forgets_limits_and_times(simulator: Simulator) -> None:
    """Given a limit and calls, when reset, then neither is there any more."""
    send(simulator.url + "/limits", {"model": "m", "requests_per_minute": 1})
    put(simulator, "m")
    assert send(simulator.url + "/reset", {})[2]["started_at"] == {}
    assert [put(simulator, "m")[0] for _ in range(2)] == [200, 200]


def test_the_modules_page_names_every_endpoint(simulator: Simulator) -> None:
    """Given the paths that are served, when the module's page is read, then each is in it."""
    import brandq.simulator as module

    page = module.__doc__ or ""
    for path in (ZHIPU, QIANFAN, ARK, KIMI, "/v1/chat/completions", "/calls", "/faults", "/limits", "/reset"):
        assert f" {path} " in page
    assert "/dashscope/api/v1/services/aigc/{text-generation,multimodal-generation}/generation" in page
