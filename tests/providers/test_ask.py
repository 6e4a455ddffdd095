"""``ask``, over real HTTP: one attempt with its rounds, whatever happens, and no key anywhere."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import pytest
from aiohttp import ClientSession

from brandq.plan import EngineRef
from brandq.providers import DIALECTS, MAX_REPLY_BYTES, Turn, ask, open_session, registry
from brandq.providers.dialect import Answer, AnswerKind, ErrorClass, Outcome, Provider, Reply
from brandq.simulator import FAULTS, Simulator

E = ErrorClass
KEY = "sk-secret/0123456789-abcdefgh"
PROMPT = "深圳新能源汽车改装门店哪家好？"
T = TypeVar("T")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(latency_ms=10) as sim:
        yield sim


def provider_at(url: str, total_s: float = 20.0) -> Provider:
    return Provider("sim", "Sim", "openai-chat", url + "/v1", "m", ("SIM_API_KEY",), total_s=total_s)


def in_session(work: Callable[[ClientSession], Awaitable[T]]) -> T:
    async def main() -> T:
        async with open_session() as session:
            return await work(session)

    return asyncio.run(main())


def ask_once(provider: Provider, model: str = "m", key: str | None = KEY, prompt: str = PROMPT) -> Outcome:
    return in_session(lambda session: ask(session, provider, EngineRef("sim", "sim", model), prompt, key))


def calls(simulator: Simulator, model: str) -> int:
    async def read(session: ClientSession) -> Any:
        async with session.get(simulator.url + "/calls") as http:
            return await http.json()

    return sum(call["count"] for call in in_session(read)["calls"] if call["model"] == model)


#: fault -> class, status, wait in ms
ERRORS: dict[str, tuple[ErrorClass, int | None, int | None]] = {
    "hang": (E.NETWORK, None, None),
    "drip": (E.NETWORK, None, None),
    "cut-body": (E.NETWORK, None, None),
    "400-context": (E.CONTEXT, 400, None),
    "401": (E.AUTH, 401, None),
    "401-echo-key": (E.AUTH, 401, None),
    "402": (E.NO_MONEY, 402, None),
    "403": (E.PERMISSION, 403, None),
    "404-model": (E.MODEL, 404, None),
    "404-path": (E.BAD_REQUEST, 404, None),
    "429": (E.RATE_LIMIT, 429, None),
    "429-retry-after": (E.RATE_LIMIT, 429, 1000),
    "429-retry-after:7": (E.RATE_LIMIT, 429, 7000),
    "429-quota": (E.NO_MONEY, 429, None),
    "500": (E.OVERLOADED, 500, None),
    "503": (E.OVERLOADED, 503, None),
    "timeout": (E.OVERLOADED, 504, None),
    "html-502": (E.OVERLOADED, 502, None),
    "redirect": (E.BAD_REQUEST, 302, None),
    "html": (E.NETWORK, 200, None),
    "cut-json": (E.NETWORK, 200, None),
    "not-json": (E.NETWORK, 200, None),
    "cut-stream": (E.NETWORK, 200, None),
    "latin1": (E.NETWORK, 200, None),
    "no-choices": (E.OVERLOADED, 200, None),
    "in-band": (E.RATE_LIMIT, 200, None),
    "11mb": (E.NETWORK, None, None),
    "unheard-of": (E.BAD_REQUEST, 400, None),
}
KINDS: dict[str, AnswerKind] = {
    "400-filter": AnswerKind.REFUSED,
    "empty": AnswerKind.EMPTY,
    "refusal": AnswerKind.REFUSED,
    "filtered": AnswerKind.REFUSED,
    "truncated": AnswerKind.TRUNCATED,
    "100kb": AnswerKind.OK,
    "stream": AnswerKind.OK,
}


def test_every_fault_of_the_simulator_is_tried_here() -> None:
    """Given the simulator's list of faults, when compared with these tables, then none is left out."""
    assert {name.split(":")[0] for name in ERRORS | KINDS} - {"unheard-of"} == set(FAULTS)


@pytest.mark.parametrize("fault", ERRORS)
def test_each_fault_is_one_call_and_an_error_of_its_class(simulator: Simulator, fault: str) -> None:
    """Given a provider that breaks in some way, when asked, then it is one call, one error of its class, no key."""
    model = f"sim-fault-{fault}"
    slow = fault in ("hang", "drip")
    outcome = ask_once(provider_at(simulator.url, total_s=1.0 if slow else 20.0), model)
    assert outcome.answer is None
    assert outcome.error is not None
    expected, status, wait_ms = ERRORS[fault]
    assert (outcome.error.error_class, outcome.http_status, outcome.error.wait_ms) == (expected, status, wait_ms), (
        outcome
    )
    assert outcome.error.http_status == status
    assert len(outcome.error.message) <= 200
    assert calls(simulator, model) == 1
    assert KEY not in repr(outcome)
    assert KEY.encode() not in (outcome.raw or b"")
    assert (outcome.raw is None) == (status is None)
    if slow:
        assert 900 <= outcome.latency_ms < 5000


@pytest.mark.parametrize("fault", KINDS)
def test_an_odd_answer_is_an_answer_of_its_kind(simulator: Simulator, fault: str) -> None:
    """Given an answer that is empty, refused, cut or huge, when asked, then it is kept as what it is, from one call."""
    model = f"sim-fault-{fault}"
    outcome = ask_once(provider_at(simulator.url), model)
    assert outcome.error is None
    assert outcome.answer is not None
    assert outcome.answer.kind is KINDS[fault]
    assert calls(simulator, model) == 1
    assert fault != "100kb" or len(outcome.answer.text) > 50_000


def test_an_outcome_holds_the_request_and_the_raw_bytes(simulator: Simulator) -> None:
    """Given a good answer, when asked, then the evidence is complete: body sent, bytes received, status, latency."""
    outcome = ask_once(provider_at(simulator.url), "evidence")
    assert outcome.answer is not None
    assert outcome.request == {"model": "evidence", "messages": [{"role": "user", "content": PROMPT}]}
    body = json.loads(outcome.raw or b"")
    assert body["choices"][0]["message"]["content"] == outcome.answer.text
    assert outcome.answer.served_model == "evidence-simulated"
    assert (outcome.http_status, outcome.posts) == (200, 1)
    assert 5 <= outcome.latency_ms < 5000


def serve_bytes(reply: bytes, received: list[bytes]) -> Callable[[Provider, str | None], Outcome]:
    """Asks a server that sends these bytes and keeps what it received."""

    def asked(provider: Provider, key: str | None) -> Outcome:
        async def main() -> Outcome:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                received.append(head + await reader.readexactly(length))
                writer.write(reply)
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            async with server, open_session() as session:
                port = server.sockets[0].getsockname()[1]
                at = replace(provider, base_url=f"http://127.0.0.1:{port}/v1")
                return await ask(session, at, EngineRef("sim", "sim", "m"), PROMPT, key)

        return asyncio.run(main())

    return asked


def over_http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body


GOOD = over_http(b'{"choices": [{"message": {"content": "Alpha"}}]}')
#: a good reply in each dialect
GOODS = {
    "openai-chat": GOOD,
    "openai-responses": over_http(
        b'{"output": [{"type": "message", "content": [{"type": "output_text", "text": "Alpha"}]}]}'
    ),
    "anthropic": over_http(b'{"content": [{"type": "text", "text": "Alpha"}]}'),
    "gemini": over_http(b'{"candidates": [{"content": {"parts": [{"text": "Alpha"}]}}]}'),
    "dashscope": over_http(b'{"output": {"choices": [{"message": {"content": "Alpha"}}]}}'),
}


def test_on_the_wire_the_prompt_is_the_same_for_every_provider_and_the_key_is_in_one_header() -> None:
    """Given every shipped row, when asked, then the prompt's bytes are the same each time and the key stands once."""
    rows = registry.load()
    received: list[bytes] = []
    for row in rows.values():
        outcome = serve_bytes(GOODS[row.dialect], received)(row, KEY)
        assert outcome.answer is not None, outcome
    assert len(received) == len(rows)
    for row, request in zip(rows.values(), received, strict=True):
        head, _, body = request.partition(b"\r\n\r\n")
        bearer = "bearer " if row.key_header == "authorization" else ""
        assert f"\r\n{row.key_header}: {bearer}{KEY}\r\n".lower().encode() in head.lower() + b"\r\n"
        assert request.count(KEY.encode()) == 1
        assert body.count(PROMPT.encode()) == 1
        assert json.dumps(PROMPT, ensure_ascii=False).encode() in body, "a text of its own, with nothing beside it"


# -- a script: one list of steps for each request, in their order


#: bytes are sent, a number of seconds is waited, None waits until the attempt is over
Step = bytes | float | None


def http(said: Any, status: int = 200) -> bytes:
    body = said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
    return b"HTTP/1.1 %d So\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


def ask_by_script(
    provider: Provider,
    script: Sequence[Sequence[Step]],
    *,
    key: str | None = KEY,
    host: str = "127.0.0.1",
    system: str | None = None,
    turn: Callable[[int], Awaitable[None]] | None = None,
) -> tuple[Outcome, list[bytes]]:
    """The outcome of one attempt at a server that plays this script, and the body of each request that came.

    ``turn`` is told how many had come before it.
    """
    received: list[bytes] = []

    async def main() -> Outcome:
        over = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            steps = script[len(received)]
            received.append(await reader.readexactly(length))
            for step in steps:
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                elif step is None:
                    await over.wait()
                else:
                    await asyncio.sleep(step)
            writer.close()

        server = await asyncio.start_server(answer, host, 0)
        async with server, open_session() as session:
            at = replace(provider, base_url=f"http://{host}:{server.sockets[0].getsockname()[1]}")
            engine = EngineRef(provider.name, provider.name, provider.model or "m", search=provider.search is not None)
            pace: Turn | None = (lambda: turn(len(received))) if turn else None
            try:
                return await ask(session, at, engine, PROMPT, key, system=system, turn=pace)
            finally:
                over.set()

    return asyncio.run(main()), received


@pytest.mark.parametrize("name", GOODS)
def test_on_the_wire_a_system_text_changes_nothing_but_itself(name: str) -> None:
    """Given each dialect, when asked with a system text and without, then it is there once, and the prompt the same."""
    row = next(row for row in registry.load().values() if row.dialect == name)
    system = 'Answer in "one" line, 好吗？'
    (without,) = ask_by_script(row, [[GOODS[name]]])[1]
    (under,) = ask_by_script(row, [[GOODS[name]]], system=system)[1]
    written, prompt = (json.dumps(text, ensure_ascii=False).encode() for text in (system, PROMPT))
    assert (under.count(written), under.count(prompt)) == (1, 1)
    assert (without.count(written), without.count(prompt)) == (0, 1)
    assert b"system" not in without.lower()
    assert b"instructions" not in without


# -- rounds

ROWS = registry.load()
KIMI = ROWS["kimi"]
CLAUDE = ROWS["anthropic"]
SEARCHING: dict[str, Any] = {
    "choices": [
        {
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "t_1", "type": "builtin_function", "function": {"name": "$web_search", "arguments": "{}"}}
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 1},
}
SAID: dict[str, Any] = {
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Alpha"}}],
    "usage": {"prompt_tokens": 300, "completion_tokens": 30},
}
PAUSED: dict[str, Any] = {
    "content": [{"type": "text", "text": "两家 \ud83d"}, {"type": "server_tool_use", "name": "web_search"}],
    "stop_reason": "pause_turn",
    "usage": {"input_tokens": 10, "output_tokens": 1},
}
ENDED: dict[str, Any] = {
    "content": [{"type": "text", "text": "Alpha"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 300, "output_tokens": 30},
}
#: row, a reply that wants to go on, one that ends
PAUSING = {"kimi": (KIMI, SEARCHING, SAID), "anthropic": (CLAUDE, PAUSED, ENDED)}


def escaped(said: Any) -> bytes:
    """JSON in ASCII, so that half a character can stand in it."""
    return http(json.dumps(said).encode())


@pytest.mark.parametrize("name", PAUSING)
def test_a_provider_that_pauses_is_followed_up_until_it_ends(name: str) -> None:
    """Given two pauses and an end, when asked, then it is one answer of three requests, each with all said before."""
    row, pause, end = PAUSING[name]
    outcome, received = ask_by_script(row, [[escaped(pause)], [escaped(pause)], [escaped(end)]], system="Be brief.")
    assert outcome.answer is not None, outcome
    assert outcome.answer.kind is AnswerKind.OK
    assert outcome.answer.text.endswith("Alpha")
    assert (outcome.answer.tokens_in, outcome.answer.tokens_out) == (320, 32)
    assert (outcome.posts, outcome.http_status) == (3, 200)
    bodies = [json.loads(body) for body in received]
    assert outcome.request == bodies[0]
    assert outcome.raw == b"[" + b",".join(json.dumps(said).encode() for said in (pause, pause, end)) + b"]"
    for before, after in pairwise(bodies):
        assert after["messages"][: len(before["messages"])] == before["messages"]
        assert {**after, "messages": 0} == {**before, "messages": 0}
    came = pause["choices"][0]["message"] if name == "kimi" else {"role": "assistant", "content": pause["content"]}
    assert [said for said in bodies[2]["messages"] if said["role"] == "assistant"] == [came, came]


@pytest.mark.parametrize("name", PAUSING)
def test_what_is_kept_of_several_rounds_reads_as_the_same_answer_again(name: str) -> None:
    """Given an answer of two rounds, the first after keep-alive lines, when its raw bytes are read, it is the answer."""
    row, pause, end = PAUSING[name]
    first = b"\xef\xbb\xbf\n: keep-alive\n\n" + json.dumps(pause).encode()
    outcome, _ = ask_by_script(row, [[http(first)], [escaped(end)]])
    assert outcome.answer is not None
    engine = EngineRef(row.name, row.name, row.model or "m", search=True)
    again = DIALECTS[row.dialect].read(row, engine, Reply(200, {}, outcome.raw or b""))
    assert again == outcome.answer
    assert json.loads(outcome.raw or b"") == [pause, end]


@pytest.mark.parametrize("name", PAUSING)
def test_when_the_rounds_are_used_up_the_answer_is_cut_off(name: str) -> None:
    """Given a provider that never ends, when asked, then it is one request and the row's rounds, and truncated."""
    row, pause, _ = PAUSING[name]
    outcome, received = ask_by_script(replace(row, rounds=2), [[escaped(pause)]] * 4)
    assert outcome.answer is not None
    assert outcome.answer.kind is AnswerKind.TRUNCATED
    assert len(received) == outcome.posts == 3
    assert len(json.loads(outcome.raw or b"")) == 3


@pytest.mark.parametrize("name", PAUSING)
def test_a_row_without_rounds_takes_the_first_reply_as_it_is(name: str) -> None:
    """Given a row that has no rounds, when its provider pauses, then one reply is kept, bare, as a cut answer."""
    row, pause, _ = PAUSING[name]
    outcome, received = ask_by_script(replace(row, rounds=0), [[escaped(pause)]])
    assert outcome.answer is not None
    assert outcome.answer.kind is AnswerKind.TRUNCATED
    assert (len(received), outcome.posts) == (1, 1)
    assert outcome.raw == json.dumps(pause).encode()


LATE: list[tuple[str, Step, ErrorClass, int | None]] = [
    ("429", http({"error": {"message": f"slow down, {KEY}"}}, 429), E.RATE_LIMIT, 429),
    ("401", http({"error": {"message": "no"}}, 401), E.AUTH, 401),
    ("an error under HTTP 200", http({"error": {"message": "no", "code": "server_error"}}), E.OVERLOADED, 200),
    ("HTML", http(b"<html>"), E.NETWORK, 200),
    ("half a body", http(SAID)[:-5], E.NETWORK, None),
    ("nothing", b"", E.NETWORK, None),
]


@pytest.mark.parametrize(("last", "expected", "status"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_where_a_later_round_breaks_its_error_is_the_attempts(
    last: bytes, expected: ErrorClass, status: int | None
) -> None:
    """Given a pause and then trouble, when asked, then the attempt is that error, with the last reply and no key."""
    outcome, received = ask_by_script(KIMI, [[http(SEARCHING)], [last]])
    assert outcome.error is not None
    assert outcome.answer is None
    assert (outcome.error.error_class, outcome.http_status) == (expected, status)
    body = last.partition(b"\r\n\r\n")[2].replace(KEY.encode(), b"***")
    assert outcome.raw == (None if status is None else body)
    assert (len(received), outcome.posts) == (2, 2)
    assert outcome.request == json.loads(received[0])
    assert KEY not in repr(outcome)


def test_a_refusal_in_a_later_round_is_an_answer() -> None:
    """Given a pause and then a filter's refusal, when asked, then it is refused, and both replies are kept."""
    outcome, _ = ask_by_script(KIMI, [[http(SEARCHING)], [http({"error": {"type": "content_filter"}}, 400)]])
    assert outcome.answer is not None
    assert outcome.answer.kind is AnswerKind.REFUSED
    assert (outcome.http_status, outcome.posts) == (400, 2)
    assert len(json.loads(outcome.raw or b"")) == 2


def test_only_a_reply_of_status_200_is_followed_up() -> None:
    """Given a pause under another status, when asked, then nothing more is sent."""
    outcome, received = ask_by_script(KIMI, [[http(SEARCHING, 202)], [http(SAID)]])
    assert (len(received), outcome.posts) == (1, 1)
    assert isinstance(outcome.answer, Answer)


def test_the_caller_sets_the_pace_of_each_request_but_the_first() -> None:
    """Given a caller's turn, when two rounds follow, then it is awaited before each of them, and before no other."""
    turns: list[int] = []

    async def turn(come: int) -> None:
        turns.append(come)

    outcome, received = ask_by_script(KIMI, [[http(said)] for said in (SEARCHING, SEARCHING, SAID)], turn=turn)
    assert outcome.answer is not None
    assert (turns, len(received)) == ([1, 2], 3)


def test_the_wait_for_a_turn_is_part_of_the_whole_time() -> None:
    """Given a turn that never comes, when the row's time is up, then it is a network error after one request."""

    async def never(come: int) -> None:
        await asyncio.Event().wait()

    outcome, received = ask_by_script(replace(KIMI, total_s=1.0), [[http(SEARCHING)]], turn=never)
    assert outcome.error is not None
    assert outcome.error.error_class is E.NETWORK
    assert "no whole reply within 1 s" in outcome.error.message
    assert (len(received), outcome.posts) == (1, 1)


def test_all_rounds_together_are_bounded() -> None:
    """Given two replies that are each short enough and together too long, when asked, then it is an error."""
    padded = http(json.dumps({**SEARCHING, "pad": "x" * (MAX_REPLY_BYTES * 3 // 5)}).encode())
    outcome, received = ask_by_script(KIMI, [[padded], [padded]])
    assert outcome.error is not None
    assert "reply longer than 10 MB" in outcome.error.message
    assert len(received) == 2


# -- the first byte


def test_a_reply_that_does_not_begin_in_time_is_a_network_error() -> None:
    """Given a server that is silent, when the time for the head is up, then the words say that nothing began."""
    outcome, _ = ask_by_script(replace(KIMI, first_byte_s=0.3), [[None]])
    assert outcome.error is not None
    assert outcome.error.error_class is E.NETWORK
    assert "no reply began within 0.3 s" in outcome.error.message
    by_itself, _ = ask_by_script(replace(KIMI, total_s=0.5), [[None]])
    assert by_itself.error is not None
    assert "no reply began within 0.45 s" in by_itself.error.message


def test_a_body_that_does_not_end_has_the_rest_of_the_whole_time() -> None:
    """Given a head and half a body, when the whole time is up, then the words say that the reply was not whole."""
    outcome, _ = ask_by_script(replace(KIMI, total_s=1.0), [[http(SAID)[:-5], None]])
    assert outcome.error is not None
    assert "no whole reply within 1 s" in outcome.error.message


def test_the_time_for_the_first_byte_ends_with_the_head_and_begins_with_each_request() -> None:
    """Given two slow replies whose second ends long after its head, when asked, then neither ran out of time."""
    whole = http(SAID)
    script: list[list[Step]] = [[1.2, http(SEARCHING)], [1.2, whole[:-5], 1.2, whole[-5:]]]
    outcome, _ = ask_by_script(replace(KIMI, first_byte_s=2.2), script)
    assert outcome.answer is not None, outcome


def test_without_a_key_no_authorization_is_sent() -> None:
    """Given a provider that needs no key, when asked, then the header is absent, whatever ~/.netrc might say."""
    received: list[bytes] = []
    serve_bytes(GOOD, received)(provider_at(""), None)
    assert b"authorization" not in received[0].lower()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "with escaped slashes": lambda key: key.replace("/", "\\/"),
    "as in an address": lambda key: quote(key, safe=""),
    "in other letters": str.upper,
    "as base64": lambda key: base64.b64encode(key.encode()).decode(),
}


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_key_that_comes_back_is_cut_out(spelling: str, status: int) -> None:
    """Given a reply that repeats the key, an error or an answer, when asked, then nothing that is kept holds it."""
    spelled = SPELLINGS[spelling](KEY)
    error = {"error": {"message": "x" * 130 + " wrong key KEY", "code": "invalid_api_key"}}
    answer = {"choices": [{"message": {"content": "you sent KEY"}, "finish_reason": "stop"}]}
    body = json.dumps(error if status == 401 else answer).replace("KEY", spelled).encode()
    reply = b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body
    outcome = serve_bytes(reply, [])(provider_at(""), KEY)
    if status == 401:
        assert outcome.error is not None
        assert outcome.error.error_class is E.AUTH
    else:
        assert outcome.answer is not None
        assert outcome.answer.text == "you sent ***"
    shown = repr(outcome)
    for secret in (spelled, spelled[:20]):
        assert secret not in shown


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"", "hung up without a reply"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "hung up in the middle of the reply"),
        (b"SSH-2.0-OpenSSH_9\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope", "in the middle of the reply"),
    ],
)
def test_a_server_that_is_none_is_a_network_error(reply: bytes, words: str) -> None:
    """Given bytes that are no HTTP response, when asked, then it is a network error in words."""
    outcome = serve_bytes(reply, [])(provider_at(""), KEY)
    assert outcome.error is not None
    assert outcome.error.error_class is E.NETWORK
    assert words in outcome.error.message, outcome.error.message


def test_nobody_listening_is_a_network_error() -> None:
    """Given a closed port, when asked, then the error names the address and can be asked again."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    outcome = ask_once(provider_at(url))
    assert outcome.error is not None
    assert outcome.error.ask_again
    assert outcome.error.message.startswith(f"sim: cannot connect (asked {url}/v1")


def test_a_cancellation_passes_through(simulator: Simulator) -> None:
    """Given a call that hangs, when its caller is cancelled, then ``ask`` ends at once and swallows nothing."""

    async def work(session: ClientSession) -> bool:
        asking = asyncio.ensure_future(
            ask(session, provider_at(simulator.url), EngineRef("sim", "sim", "sim-fault-hang"), "cancel me", None)
        )
        await asyncio.sleep(0.3)
        asking.cancel()
        done, _ = await asyncio.wait([asking], timeout=2)
        return bool(done) and asking.cancelled()

    assert in_session(work)


def test_many_prompts_share_one_session(simulator: Simulator) -> None:
    """Given one session, when forty calls are made at once, then all are answered and none is made twice."""

    async def work(session: ClientSession) -> list[Outcome]:
        engine = EngineRef("sim", "sim", "many")
        return await asyncio.gather(*(ask(session, provider_at(simulator.url), engine, PROMPT, KEY) for _ in range(40)))

    outcomes = in_session(work)
    assert all(outcome.error is None for outcome in outcomes)
    assert calls(simulator, "many") == 40


def test_a_proxy_of_the_machine_is_used_but_never_for_the_machine_itself(
    monkeypatch: pytest.MonkeyPatch, simulator: Simulator
) -> None:
    """Given HTTP_PROXY, when a far host is asked, then the proxy is tried; the simulator is reached without it."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    far = ask_once(provider_at("http://api.far.example"))
    assert far.error is not None
    assert "cannot reach the proxy" in far.error.message
    assert ask_once(provider_at(simulator.url)).error is None


def test_a_date_to_wait_for_needs_no_date_of_the_reply() -> None:
    """Given a server that says until when to wait and not what time it is, when asked, then the wait is known."""
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True).encode()
    busy = http({}, 429).replace(b"connection:", b"retry-after: " + until + b"\r\nconnection:", 1)
    outcome, _ = ask_by_script(provider_at(""), [[busy]])
    assert outcome.error is not None
    assert outcome.error.error_class is E.RATE_LIMIT
    assert 50_000 < (outcome.error.wait_ms or 0) <= 60_000


def test_rounds_that_come_as_event_streams_are_one_answer() -> None:
    """Given a search that was called in a stream, when its arguments are sent back and the answer streams too, then it
    is one answer of both rounds, kept so that it can be read again."""
    searching, answering = (
        b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        for events in (
            [
                {"choices": [{"delta": {"tool_calls": [SEARCHING["choices"][0]["message"]["tool_calls"][0]]}}]},
                {"choices": [{"delta": {}, "finish_reason": "tool_calls"}], "usage": SEARCHING["usage"]},
            ],
            [
                {"choices": [{"delta": {"content": "Al"}}]},
                {"choices": [{"delta": {"content": "pha"}, "finish_reason": "stop"}], "usage": SAID["usage"]},
            ],
        )
    )
    outcome, received = ask_by_script(KIMI, [[http(searching)], [http(answering)]])
    assert outcome.answer is not None, outcome
    assert (outcome.answer.text, outcome.answer.kind) == ("Alpha", AnswerKind.OK)
    assert outcome.answer.tokens_out == SEARCHING["usage"]["completion_tokens"] + SAID["usage"]["completion_tokens"]
    assert [message["role"] for message in json.loads(received[1])["messages"]][-1] == "tool"
    engine = EngineRef(KIMI.name, KIMI.name, KIMI.model or "m", search=True)
    again = DIALECTS[KIMI.dialect].read(KIMI, engine, Reply(200, {}, outcome.raw or b""))
    assert again == outcome.answer


# -- the row's proxy


async def pass_on(seen: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request through a proxy, as plain HTTP does it: the whole address is in the first line."""
    line, _, head = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
    method, url, version = line.decode().split()
    seen.append(url)
    parts = urlsplit(url)
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    there, onward = await asyncio.open_connection(parts.hostname, parts.port)
    onward.write(f"{method} {parts.path} {version}\r\nconnection: close\r\n".encode() + head)
    onward.write(await reader.readexactly(length))
    writer.write(await there.read())
    await writer.drain()
    for stream in (onward, writer):
        stream.close()


def test_a_row_that_names_a_proxy_is_asked_through_it_even_on_this_machine(simulator: Simulator) -> None:
    """Given a row with a proxy, when asked, then the proxy is sent the whole address and the answer comes by it."""
    seen: list[str] = []

    async def main() -> Outcome:
        server = await asyncio.start_server(lambda r, w: pass_on(seen, r, w), "127.0.0.1", 0)
        async with server, open_session() as session:
            proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            row = replace(provider_at(simulator.url), proxy=proxy)
            return await ask(session, row, EngineRef("sim", "sim", "by-proxy"), PROMPT, KEY)

    outcome = asyncio.run(main())
    assert outcome.answer is not None, outcome
    assert outcome.answer.served_model == "by-proxy-simulated"
    assert seen == [simulator.url + "/v1/chat/completions"]
    assert calls(simulator, "by-proxy") == 1


def test_a_row_whose_proxy_is_down_says_so(simulator: Simulator) -> None:
    """Given a row with a proxy that does not answer, when asked, then it is not asked without, and the words say it."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
    outcome = ask_once(replace(provider_at(simulator.url), proxy=proxy), "no-proxy")
    assert outcome.error is not None
    assert outcome.error.error_class is E.NETWORK
    assert "cannot reach the proxy" in outcome.error.message
    assert calls(simulator, "no-proxy") == 0


def test_a_row_that_says_direct_has_no_use_for_the_machines_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given HTTP_PROXY, when a row says direct, then the far host is reached without; another row's is not reached."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    # on this machine too, and yet by no name that means this machine
    far = "127.0.0.2"
    row = replace(provider_at(""), proxy="direct")
    assert ask_by_script(row, [[http(SAID)]], host=far)[0].answer is not None
    silent, received = ask_by_script(replace(row, proxy=None), [[http(SAID)]], host=far)
    assert silent.error is not None
    assert "cannot reach the proxy" in silent.error.message
    assert received == []
