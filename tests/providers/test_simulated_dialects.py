"""``ask`` against the simulator in the dialects that no other peer speaks, with the registry's own rows, over real HTTP.

Qwen's DashScope, 智谱, 千帆, 火山方舟 and Kimi: what the simulator plays rests on their documentation, so these tests
show that row, dialect and simulator agree on it, and not that the provider does.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from aiohttp import ClientSession

from brandq.plan import EngineRef
from brandq.providers import Turn, ask, open_session, registry
from brandq.providers.dialect import Answer, AnswerKind, ErrorClass, Outcome, Provider
from brandq.simulator import FAULTS, Simulator

E, K = ErrorClass, AnswerKind
KEY = "sk-secret/0123456789-abcdefgh"
PROMPT = "深圳新能源汽车改装门店哪家好？"
T = TypeVar("T")

#: row -> the part of the simulator that speaks as its provider
PLACES = {"qwen": "/dashscope", "zhipu": "/zhipu", "ernie": "/qianfan", "doubao": "/ark", "kimi": "/kimi"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(latency_ms=0) as sim:
        yield sim


def in_session(work: Callable[[ClientSession], Awaitable[T]]) -> T:
    async def main() -> T:
        async with open_session() as session:
            return await work(session)

    return asyncio.run(main())


def row_at(simulator: Simulator, name: str, **fields: Any) -> Provider:
    return replace(registry.load()[name], base_url=simulator.url + PLACES[name], **fields)


def ask_row(
    row: Provider,
    model: str | None = None,
    *,
    search: bool = True,
    system: str | None = None,
    turn: Turn | None = None,
) -> Outcome:
    engine = EngineRef(row.name, row.name, model or row.model or "m", search=search)
    return in_session(lambda session: ask(session, row, engine, PROMPT, KEY, system=system, turn=turn))


def answer_of(outcome: Outcome) -> Answer:
    assert outcome.error is None, outcome
    assert outcome.answer is not None
    return outcome.answer


def told(simulator: Simulator, path: str, body: Any = None) -> Any:
    async def send(session: ClientSession) -> Any:
        async with session.request("GET" if body is None else "POST", simulator.url + path, json=body) as http:
            return await http.json()

    return in_session(send)


def posts(simulator: Simulator, model: str) -> int:
    return sum(call["count"] for call in told(simulator, "/calls")["calls"] if call["model"] == model)


# -- answers

#: row -> its list of sources within a reply, and the marker of the n-th in the text
LISTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "qwen": (lambda reply: reply["output"]["search_info"]["search_results"], "[ref_{}]"),
    "zhipu": (lambda reply: reply["web_search"], "[ref_{}]"),
    "ernie": (lambda reply: reply["search_results"], "^[{}]^"),
    "kimi": (lambda reply: reply[-1]["search_results"], "[{}]"),
}


@pytest.mark.parametrize("name", PLACES)
def test_an_answer_is_read_whole(simulator: Simulator, name: str) -> None:
    """Given a row with its own model and search, when asked, then there are text, served model, tokens and a search."""
    row = row_at(simulator, name)
    answer = answer_of(ask_row(row))
    assert answer.kind is AnswerKind.OK
    assert "模拟回答" in answer.text
    assert answer.finish in ("stop", "completed")
    assert answer.served_model == (None if name == "qwen" else f"{row.model}-simulated")
    assert (answer.search_requested, answer.search_executed) == (True, True)
    assert answer.tokens_out == len(answer.text)
    # each round of Kimi counts the prompt again
    assert answer.tokens_in == len(PROMPT) * (2 if name == "kimi" else 1)


@pytest.mark.parametrize("name", LISTS)
def test_the_sources_at_which_the_text_points_are_the_cited_ones(simulator: Simulator, name: str) -> None:
    """Given a list of sources and markers in the text, when read, then the marked are cited and the others are not."""
    outcome = ask_row(row_at(simulator, name), "m-sources")
    answer = answer_of(outcome)
    listed, marker = LISTS[name]
    results = listed(json.loads(outcome.raw or b""))
    marked = {
        result.get("url") or result["link"]
        for number, result in enumerate(results, start=1)
        if marker.format(number) in answer.text
    }
    assert [citation.url for citation in answer.citations] == [
        result.get("url") or result["link"] for result in results
    ]
    assert {citation.url for citation in answer.citations if citation.cited} == marked
    assert 0 < len(marked) < len(results)
    # Kimi's tool arguments say nothing of what the answer uses
    assert {citation.cited for citation in answer.citations} <= (
        {True, False, None} if name == "kimi" else {True, False}
    )
    assert all(citation.title and ".example/" in citation.url for citation in answer.citations)


def test_doubaos_annotations_are_cited_without_a_place(simulator: Simulator) -> None:
    """Given 方舟's web_search, when read, then its annotations are cited sources that stand nowhere in the text."""
    answer = answer_of(ask_row(row_at(simulator, "doubao")))
    assert answer.citations
    assert {(citation.cited, citation.via, citation.start) for citation in answer.citations} == {
        (True, "annotations", None)
    }


def test_doubaos_app_answers_in_blocks(simulator: Simulator) -> None:
    """Given the tool that answers as the app does, when read, then text and cards are there, cited as marked."""
    tool = {"type": "doubao_app", "feature": {"ai_search": {"type": "enabled"}}}
    answer = answer_of(ask_row(row_at(simulator, "doubao", search={"tools": [tool]})))
    assert answer.kind is AnswerKind.OK
    assert answer.search_executed is True
    marked = {int(number) for number in re.findall(r"\[(\d+)\]", answer.text)}
    assert [number for number, citation in enumerate(answer.citations, 1) if citation.cited] == sorted(marked)
    assert marked
    assert {citation.cited for citation in answer.citations} == {True, False}
    assert {citation.via for citation in answer.citations} == {"doubao_app_call"}


def test_qwen_answers_on_the_path_of_models_that_only_read(simulator: Simulator) -> None:
    """Given DashScope's other path, where a content is a text, when asked, then text and sources are there as well."""
    row = row_at(simulator, "qwen", path="/api/v1/services/aigc/text-generation/generation")
    answer = answer_of(ask_row(row))
    assert "[ref_" in answer.text
    assert {citation.cited for citation in answer.citations} == {True, False}


@pytest.mark.parametrize("name", PLACES)
def test_without_search_nothing_was_searched(simulator: Simulator, name: str) -> None:
    """Given a row with search off and a system text, when asked, then it answers at once and lists no sources."""
    outcome = ask_row(row_at(simulator, name), "m-plain", search=False, system="Answer as a buyer's guide.")
    answer = answer_of(outcome)
    assert answer.kind is AnswerKind.OK
    assert not answer.search_executed
    assert {citation.via for citation in answer.citations} <= {"text"}
    assert outcome.posts == 1


# -- Kimi's rounds


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_kimi_answers_after_its_rounds(simulator: Simulator, rounds: int) -> None:
    """Given a model that asks so many times, when asked, then each round is one POST after one turn, then it answers."""
    model = f"kimi-sim-rounds-{rounds}"
    turns: list[int] = []

    async def turn() -> None:
        turns.append(len(turns))

    outcome = ask_row(row_at(simulator, "kimi"), model, turn=turn)
    answer = answer_of(outcome)
    assert answer.kind is AnswerKind.OK
    assert answer.search_executed is True
    assert answer.tokens_in == (rounds + 1) * len(PROMPT)
    assert outcome.posts == posts(simulator, model) == rounds + 1
    assert len(turns) == rounds
    assert len(answer.citations) > 3


def test_kimi_that_never_ends_is_given_up_after_three_follow_ups(simulator: Simulator) -> None:
    """Given a model that asks for more rounds than the row allows, when asked, then its answer counts as cut off."""
    outcome = ask_row(row_at(simulator, "kimi"), "kimi-sim-rounds-9")
    assert answer_of(outcome).kind is AnswerKind.TRUNCATED
    assert outcome.posts == posts(simulator, "kimi-sim-rounds-9") == 4


def test_kimis_sources_are_found_in_the_arguments_of_its_tool(simulator: Simulator) -> None:
    """Given a final reply without sources, when asked, then those of every round's tool arguments are the answer's."""
    with_list = answer_of(ask_row(row_at(simulator, "kimi"), "kimi-a-sim-rounds-2"))
    without = answer_of(ask_row(row_at(simulator, "kimi"), "kimi-sim-no-sources-sim-rounds-2"))
    assert {citation.url for citation in without.citations} == {citation.url for citation in with_list.citations}
    assert {citation.via for citation in without.citations} == {"tool_arguments"}


def test_an_error_in_a_later_round_is_the_attempts_error(simulator: Simulator) -> None:
    """Given a limit of one call in a minute, when a search wants its second round, then the attempt was too fast."""
    told(simulator, "/limits", {"model": "kimi-limited", "requests_per_minute": 1})
    outcome = ask_row(row_at(simulator, "kimi"), "kimi-limited")
    assert outcome.error is not None
    assert outcome.error.error_class is ErrorClass.RATE_LIMIT
    assert outcome.posts == 2


# -- faults

#: what breaks or is odd in the same way everywhere
COMMON: dict[str, ErrorClass | AnswerKind] = {
    "hang": E.NETWORK,
    "drip": E.NETWORK,
    "cut-body": E.NETWORK,
    "400-context": E.CONTEXT,
    "400-filter": K.REFUSED,
    "401": E.AUTH,
    "401-echo-key": E.AUTH,
    "402": E.NO_MONEY,
    "403": E.PERMISSION,
    "404-model": E.MODEL,
    "404-path": E.BAD_REQUEST,
    "429": E.RATE_LIMIT,
    "429-retry-after:7": E.RATE_LIMIT,
    "429-quota": E.NO_MONEY,
    "500": E.OVERLOADED,
    "503": E.OVERLOADED,
    "timeout": E.OVERLOADED,
    "html-502": E.OVERLOADED,
    "redirect": E.BAD_REQUEST,
    "html": E.NETWORK,
    "cut-json": E.NETWORK,
    "not-json": E.NETWORK,
    "stream": K.OK,
    "cut-stream": E.NETWORK,
    "latin1": E.NETWORK,
    "no-choices": E.OVERLOADED,
    "in-band": E.OVERLOADED,
    "11mb": E.NETWORK,
    "empty": K.EMPTY,
    # a 400 that says that there is no form for it
    "refusal": E.BAD_REQUEST,
    "filtered": K.REFUSED,
    "truncated": K.TRUNCATED,
    "100kb": K.OK,
}
#: row -> where it differs
OWN: dict[str, dict[str, ErrorClass | AnswerKind]] = {
    "qwen": {"in-band": E.RATE_LIMIT},
    "zhipu": {},
    # the quota of the day
    "ernie": {"429-quota": E.DAILY_QUOTA},
    # its output is a list of steps, and a list of none holds no answer
    "doubao": {"no-choices": K.EMPTY, "refusal": K.REFUSED},
    # no form under HTTP 200
    "kimi": {"in-band": E.BAD_REQUEST},
}
CASES = [(name, fault) for name in PLACES for fault in COMMON]
#: row -> fault -> its HTTP status, where that is another than the fault's name says
STATUS: dict[str, dict[str, int]] = {
    "qwen": {"402": 400},
    "zhipu": {"402": 429, "404-model": 400, "503": 429},
    "ernie": {"402": 429, "404-model": 400},
    "doubao": {"402": 403, "503": 429},
    "kimi": {"402": 429, "503": 429},
}


def test_every_fault_of_the_simulator_is_tried_in_every_dialect() -> None:
    """Given the simulator's list of faults, when compared with this table, then none is left out."""
    assert {fault.split(":")[0] for fault in COMMON} == set(FAULTS)
    assert all(set(own) <= set(COMMON) for own in OWN.values())


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_each_fault_is_read_as_what_it_is(simulator: Simulator, name: str, fault: str) -> None:
    """Given a provider that breaks in its own words, when asked, then it is one POST and of its class, without the key."""
    model = f"{name}-sim-fault-{fault}"
    slow = {"total_s": 0.5} if fault in ("hang", "drip") else {}
    outcome = ask_row(row_at(simulator, name, **slow), model)
    expected = OWN[name].get(fault, COMMON[fault])
    found = outcome.error.error_class if outcome.error else answer_of(outcome).kind
    assert found is expected, outcome
    assert outcome.posts == posts(simulator, model) == 1
    assert KEY not in repr(outcome)
    if re.match(r"[45]\d\d", fault):
        assert outcome.http_status == STATUS[name].get(fault, int(fault[:3]))
    if fault == "429-retry-after:7":
        assert outcome.error is not None
        assert outcome.error.wait_ms == 7000
    if fault in ("refusal", "in-band") and expected is E.BAD_REQUEST:
        assert outcome.error is not None
        assert "has no form for the fault" in outcome.error.message


@pytest.mark.parametrize("name", PLACES)
def test_a_call_beyond_the_limit_is_told_when_to_come_back(simulator: Simulator, name: str) -> None:
    """Given a limit of two calls in a minute, when asked thrice, then the third is a rate limit with its wait."""
    model = f"{name}-limited"
    told(simulator, "/limits", {"model": model, "requests_per_minute": 2})
    row = row_at(simulator, name)
    first, second, third = (ask_row(row, model, search=False) for _ in range(3))
    assert first.answer is not None
    assert second.answer is not None
    assert third.error is not None
    assert third.error.error_class is ErrorClass.RATE_LIMIT
    assert third.error.wait_ms is not None
    assert 0 < third.error.wait_ms <= 60_000
