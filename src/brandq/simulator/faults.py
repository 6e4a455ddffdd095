"""How the simulator breaks: every fault by name, with the HTTP response that does it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from brandq.simulator.assistants import INLINE, seed, tell

#: seconds that a drip lasts: more than a test's limit for one call, less than a provider's
DRIP_S = 6.0

#: makes the HTTP response to a call; the event is set when the server stops
Act = Callable[["Asked", asyncio.Event], Awaitable[Response]]


@dataclass(frozen=True)
class Asked:
    """One call as it arrived, numbered from 1 among those of the same model and prompt."""

    request: Request
    model: str
    prompt: str
    search: bool
    number: int
    seconds: float | None = None


def chat_body(
    asked: Asked, text: str | None, finish: str | None = "stop", refusal: str | None = None
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": refusal}
    usage: dict[str, Any] = {"prompt_tokens": len(asked.prompt), "completion_tokens": len(text or refusal or "")}
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    if asked.search and text:
        message["annotations"] = [
            {
                "type": "url_citation",
                "url_citation": {
                    "url": found[2],
                    "title": found[1],
                    "start_index": found.start(),
                    "end_index": found.end(),
                },
            }
            for found in INLINE.finditer(text)
        ]
        usage["server_tool_use"] = {"web_search_requests": 1}
    return {
        "id": f"simulated-{seed(asked.model, asked.prompt, asked.number):016x}",
        "object": "chat.completion",
        "created": 0,
        "model": f"{asked.model}-simulated",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }


def _as_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


class CutOff(Exception):
    """Ends a connection in the middle of a body; the server knows no gentler way."""


@dataclass(frozen=True)
class Fault:
    """A way to break: what it is, and the HTTP response that does it."""

    what: str
    act: Act


def _error(status: int, message: str, code: str | None, kind: str = "invalid_request_error", **headers: str) -> Act:
    async def act(asked: Asked, stopping: asyncio.Event) -> Response:
        error = {"message": f"simulated: {message}", "type": kind, "param": None, "code": code}
        return JSONResponse({"error": error}, status, headers)

    return act


def _bytes(body: bytes, status: int = 200, media_type: str = "application/json", **headers: str) -> Act:
    async def act(asked: Asked, stopping: asyncio.Event) -> Response:
        return Response(body, status, headers, media_type)

    return act


def _said(text: str | None, finish: str | None = "stop", refusal: str | None = None) -> Act:
    async def act(asked: Asked, stopping: asyncio.Event) -> Response:
        return JSONResponse(chat_body(asked, text, finish, refusal))

    return act


async def _hang(asked: Asked, stopping: asyncio.Event) -> Response:
    """Holds the call until the caller leaves or the server stops, whichever comes first."""
    waits = [asyncio.ensure_future(asked.request.receive()), asyncio.ensure_future(stopping.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return Response(status_code=503)


async def _drip(asked: Asked, stopping: asyncio.Event) -> Response:
    body = _as_bytes(chat_body(asked, tell(asked.model, asked.prompt, asked.number, search=asked.search).text))
    step = max(1, len(body) // 60)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            if stopping.is_set():
                return
            yield body[start : start + step]
            await asyncio.sleep(DRIP_S / 60)

    return StreamingResponse(pieces(), media_type="application/json")


async def _retry_after(asked: Asked, stopping: asyncio.Event) -> Response:
    act = _error(429, "slow down", "rate_limit_exceeded", "requests", **{"retry-after": f"{asked.seconds or 1:g}"})
    return await act(asked, stopping)


async def _echo_key(asked: Asked, stopping: asyncio.Event) -> Response:
    said = asked.request.headers.get("authorization", "nothing")
    return await _error(401, f"this is not a key: {said}", "invalid_api_key")(asked, stopping)


async def _cut_json(asked: Asked, stopping: asyncio.Event) -> Response:
    body = _as_bytes(chat_body(asked, "cut"))
    return Response(body[: len(body) // 2], media_type="application/json")


async def _cut_body(asked: Asked, stopping: asyncio.Event) -> Response:
    """Promises more than it sends, then hangs up."""
    body = _as_bytes(chat_body(asked, "cut"))

    async def pieces() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]
        raise CutOff

    return StreamingResponse(pieces(), headers={"content-length": str(len(body))}, media_type="application/json")


async def _latin1(asked: Asked, stopping: asyncio.Event) -> Response:
    body = json.dumps(chat_body(asked, "Simulated: Café Müller"), ensure_ascii=False)
    return Response(body.encode("latin-1", "replace"), media_type="application/json")


async def _100kb(asked: Asked, stopping: asyncio.Event) -> Response:
    told = tell(asked.model, asked.prompt, asked.number, search=asked.search).text
    return JSONResponse(chat_body(asked, (told + "\n\n") * (100_000 // len(told) + 1)))


async def _11mb(asked: Asked, stopping: asyncio.Event) -> Response:
    return Response(b" " * 11_000_000, media_type="application/json")


async def unknown(asked: Asked, stopping: asyncio.Event) -> Response:
    message = f"no fault is spelled {asked.model!r}; there are {', '.join(FAULTS)}"
    return await _error(400, message, "unknown_fault")(asked, stopping)


_HTML = b"<html><head><title>%s</title></head><body><h1>%s</h1></body></html>"
_NO_CHOICES = {"object": "chat.completion", "model": "sim-simulated", "choices": []}
_IN_BAND = {"error": {"code": 429, "message": "simulated: upstream is busy"}}

FAULTS: Mapping[str, Fault] = {
    "hang": Fault("never answers; ends when the caller leaves", _hang),
    "drip": Fault(f"the body comes byte by byte over {DRIP_S:g} s", _drip),
    "cut-body": Fault("hangs up in the middle of the body", _cut_body),
    "400-context": Fault("the prompt is too long", _error(400, "maximum context length", "context_length_exceeded")),
    "400-filter": Fault("a content filter declines the prompt", _error(400, "flagged", "content_filter")),
    "401": Fault("the key is wrong", _error(401, "incorrect key", "invalid_api_key")),
    "401-echo-key": Fault("the key is wrong, and the message repeats it", _echo_key),
    "402": Fault("no money", _error(402, "insufficient balance", None, "billing")),
    "403": Fault("not allowed", _error(403, "not in your region", None, "forbidden")),
    "404-model": Fault("no such model", _error(404, "the model does not exist", "model_not_found")),
    "404-path": Fault("no such address, as HTML", _bytes(_HTML % (b"Not Found", b"nginx"), 404, "text/html")),
    "429": Fault("slow down, without a wait", _error(429, "slow down", "rate_limit_exceeded", "requests")),
    "429-retry-after": Fault("slow down, with Retry-After", _retry_after),
    "429-quota": Fault(
        "no money, under 429", _error(429, "quota exceeded", "insufficient_quota", "insufficient_quota")
    ),
    "500": Fault("server error", _error(500, "internal", None, "server_error")),
    "503": Fault("overloaded", _error(503, "overloaded", None, "server_error")),
    "timeout": Fault("a gateway gave up waiting", _error(504, "gateway timeout", None, "timeout")),
    "html-502": Fault("a gateway's HTML page", _bytes(_HTML % (b"502 Bad Gateway", b"nginx"), 502, "text/html")),
    "redirect": Fault("sends the caller elsewhere", _bytes(b"", 302, location="https://elsewhere.example/v1")),
    "html": Fault("HTML instead of JSON, under 200", _bytes(_HTML % (b"Login", b"Welcome"), media_type="text/html")),
    "cut-json": Fault("half of the JSON, properly ended", _cut_json),
    "not-json": Fault("plain text", _bytes(b"simulated: OK", media_type="text/plain")),
    "stream": Fault(
        "an event stream", _bytes(b'data: {"choices": []}\n\ndata: [DONE]\n\n', media_type="text/event-stream")
    ),
    "latin1": Fault("JSON in latin-1", _latin1),
    "no-choices": Fault("JSON with an empty list of choices", _bytes(json.dumps(_NO_CHOICES).encode())),
    "in-band": Fault("an error under 200", _bytes(json.dumps(_IN_BAND).encode())),
    "11mb": Fault("11 MB of blanks", _11mb),
    "empty": Fault("an answer without text", _said("")),
    "refusal": Fault("an explicit refusal", _said(None, refusal="Simulated: I can't help with that.")),
    "filtered": Fault("a filter stopped the answer", _said("Simulated: The first", "content_filter")),
    "truncated": Fault("the length limit cut the answer", _said("Simulated: 1. **Alpha**\n2. **Be", "length")),
    "100kb": Fault("an answer of 100 kB", _100kb),
}


def spelled_faults(spelled: str) -> list[tuple[str, float | None]]:
    """The faults that a spelling means, one per call, with the seconds of a Retry-After; none if it is not known."""
    name, *numbers = spelled.removesuffix("-once").split(":")
    seconds = None
    if name == "429-retry-after":
        seconds = float(numbers.pop(0)) if numbers and numbers[0].isdecimal() else 1.0
    times = int(numbers.pop(0)) if numbers and numbers[0].isdecimal() else 1
    return [] if name not in FAULTS or numbers else [(name, seconds)] * min(times, 10_000)
