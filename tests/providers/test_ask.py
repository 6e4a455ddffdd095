"""``ask``, over real HTTP: one attempt, whatever happens, and no key anywhere."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from aiohttp import ClientSession

from brandq.plan import EngineRef
from brandq.providers import ask, open_session, registry
from brandq.providers.dialect import AnswerKind, ErrorClass, Outcome, Provider
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
    "stream": (E.NETWORK, 200, None),
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
    assert outcome.http_status == 200
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


def test_without_a_key_no_authorization_is_sent() -> None:
    """Given a provider that needs no key, when asked, then the header is absent, whatever ~/.netrc might say."""
    received: list[bytes] = []
    serve_bytes(GOOD, received)(provider_at(""), None)
    assert b"authorization" not in received[0].lower()


def test_a_key_that_comes_back_in_another_spelling_is_still_cut_out() -> None:
    """Given an error that repeats the key with escaped slashes, when asked, then neither message nor raw holds it."""
    body = (
        json.dumps({"error": {"message": "x" * 130 + f" wrong key {KEY}", "code": "invalid_api_key"}})
        .replace("/", "\\/")
        .encode()
    )
    reply = b"HTTP/1.1 401 No\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    outcome = serve_bytes(reply, [])(provider_at(""), KEY)
    assert outcome.error is not None
    assert outcome.error.error_class is E.AUTH
    for shown in (outcome.error.message, (outcome.raw or b"").decode()):
        assert "0123456789-abcdefgh" not in shown
        assert "sk-secret" not in shown


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
    assert outcome.error.message.startswith(f"sim: cannot connect from {url}/v1")


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
