"""The simulator: it says that it is one, answers the same again, varies in between, and breaks on demand."""

from __future__ import annotations

import json
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
from brandq.simulator.faults import spelled_faults

SHOPS = "深圳新能源汽车改装门店哪家好？"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(latency_ms=0) as sim:
        yield sim


def send(url: str, body: Any = None) -> tuple[int, Any, Any]:
    """Status, headers and JSON of a request; POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data), timeout=10) as http:
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
