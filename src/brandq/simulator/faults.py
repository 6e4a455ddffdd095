"""How the simulator breaks: every fault by name, with the HTTP response that does it.

How a connection or a body breaks is the same everywhere. An error, and an answer that is cut or declined, is spelled by
the provider whose endpoint was called.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from starlette.responses import JSONResponse, Response, StreamingResponse

from brandq.simulator.assistants import pages, tell
from brandq.simulator.judge import judged
from brandq.simulator.speaking import Asked, Json, Said, Trouble, spelled

#: seconds that a drip lasts: more than a test's limit for one call, less than a provider's
DRIP_S = 6.0

#: makes the HTTP response to a call; the event is set when the server stops
Act = Callable[[Asked, asyncio.Event], Awaitable[Response]]


def told(asked: Asked) -> Said:
    """What the assistant says to this call, with what its search found."""
    verdicts = judged(asked.model, asked.prompt)
    if verdicts is not None:
        return Said(verdicts)
    answer = tell(asked.model, asked.prompt, asked.number, search=asked.search)
    return Said(answer.text, refused=answer.refused, found=pages(asked.prompt) if asked.search else ())


def _as_bytes(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


class CutOff(Exception):
    """Ends a connection in the middle of a body; the server knows no gentler way."""


@dataclass(frozen=True)
class Fault:
    """A way to break: what it is, and the HTTP response that does it."""

    what: str
    act: Act


def _spelled(name: str) -> Act:
    """What the provider of this endpoint calls by that fault's name."""

    async def act(asked: Asked, stopping: asyncio.Event) -> Response:
        form = asked.speaker.forms.get(name)
        if form is None:
            return _no_form(asked, name)
        return spelled(asked.speaker, form) if isinstance(form, Trouble) else JSONResponse(form(asked))

    return act


def _no_form(asked: Asked, name: str) -> Response:
    message = f"this provider has no form for the fault {name}; it has {', '.join(asked.speaker.forms)}"
    return spelled(asked.speaker, replace(asked.speaker.wrong, message=message))


def slow_down(asked: Asked, seconds: float) -> Response:
    """Too many calls: 429 and when to come back."""
    return spelled(asked.speaker, asked.speaker.trouble("429"), {"retry-after": f"{seconds:g}"})


def _bytes(body: bytes, status: int = 200, media_type: str = "application/json", **headers: str) -> Act:
    async def act(asked: Asked, stopping: asyncio.Event) -> Response:
        return Response(body, status, headers, media_type)

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
    body = _as_bytes(asked.speaker.say(asked, told(asked)))
    step = max(1, len(body) // 60)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            if stopping.is_set():
                return
            yield body[start : start + step]
            await asyncio.sleep(DRIP_S / 60)

    return StreamingResponse(pieces(), media_type="application/json")


async def _retry_after(asked: Asked, stopping: asyncio.Event) -> Response:
    return slow_down(asked, asked.seconds or 1)


async def _echo_key(asked: Asked, stopping: asyncio.Event) -> Response:
    said = asked.request.headers.get("authorization", "nothing")
    return spelled(asked.speaker, replace(asked.speaker.trouble("401"), message=f"this is not a key: {said}"))


async def _cut_json(asked: Asked, stopping: asyncio.Event) -> Response:
    body = _as_bytes(asked.speaker.say(asked, Said("cut")))
    return Response(body[: len(body) // 2], media_type="application/json")


async def _cut_body(asked: Asked, stopping: asyncio.Event) -> Response:
    """Promises more than it sends, then hangs up."""
    body = _as_bytes(asked.speaker.say(asked, Said("cut")))

    async def pieces() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]
        raise CutOff

    return StreamingResponse(pieces(), headers={"content-length": str(len(body))}, media_type="application/json")


async def _stream(asked: Asked, stopping: asyncio.Event) -> Response:
    body = _as_bytes(asked.speaker.say(asked, Said("streamed")))
    return Response(b"data: " + body + b"\n\ndata: [DONE]\n\n", media_type="text/event-stream")


async def _cut_stream(asked: Asked, stopping: asyncio.Event) -> Response:
    """What is new in one event, and then no more: the connection ends as it should, the answer does not."""
    body = _as_bytes(asked.speaker.say(asked, Said("streamed")))
    return Response(b"data: " + body[: len(body) // 2], media_type="text/event-stream")


async def _latin1(asked: Asked, stopping: asyncio.Event) -> Response:
    body = json.dumps(asked.speaker.say(asked, Said("Simulated: Café Müller")), ensure_ascii=False)
    return Response(body.encode("latin-1", "replace"), media_type="application/json")


async def _timeout(asked: Asked, stopping: asyncio.Event) -> Response:
    """In the provider's words where it has any; else its gateway's page."""
    act = _spelled("timeout") if "timeout" in asked.speaker.forms else _page(504, "504 Gateway Time-out")
    return await act(asked, stopping)


async def _empty(asked: Asked, stopping: asyncio.Event) -> Response:
    return JSONResponse(asked.speaker.say(asked, Said("")))


async def _100kb(asked: Asked, stopping: asyncio.Event) -> Response:
    said = told(asked)
    return JSONResponse(
        asked.speaker.say(asked, replace(said, text=(said.text + "\n\n") * (100_000 // len(said.text) + 1)))
    )


async def _11mb(asked: Asked, stopping: asyncio.Event) -> Response:
    return Response(b" " * 11_000_000, media_type="application/json")


async def unknown(asked: Asked, stopping: asyncio.Event) -> Response:
    message = f"no fault is spelled {asked.model!r}; there are {', '.join(FAULTS)}"
    return spelled(asked.speaker, replace(asked.speaker.wrong, message=message))


def _page(status: int, title: str, heading: str = "nginx") -> Act:
    html = f"<html><head><title>{title}</title></head><body><h1>{heading}</h1></body></html>"
    return _bytes(html.encode(), status, "text/html")


FAULTS: Mapping[str, Fault] = {
    "hang": Fault("never answers; ends when the caller leaves", _hang),
    "drip": Fault(f"the body comes byte by byte over {DRIP_S:g} s", _drip),
    "cut-body": Fault("hangs up in the middle of the body", _cut_body),
    "400-context": Fault("the prompt is too long", _spelled("400-context")),
    "400-filter": Fault("a content filter declines the prompt", _spelled("400-filter")),
    "401": Fault("the key is wrong", _spelled("401")),
    "401-echo-key": Fault("the key is wrong, and the message repeats it", _echo_key),
    "402": Fault("no money", _spelled("402")),
    "403": Fault("not allowed", _spelled("403")),
    "404-model": Fault("no such model", _spelled("404-model")),
    "404-path": Fault("no such address, as HTML", _page(404, "Not Found")),
    "429": Fault("slow down, without a wait", _spelled("429")),
    "429-retry-after": Fault("slow down, with Retry-After", _retry_after),
    "429-quota": Fault("no money or no quota left, under 429", _spelled("429-quota")),
    "500": Fault("server error", _spelled("500")),
    "503": Fault("overloaded", _spelled("503")),
    "timeout": Fault("a gateway gave up waiting", _timeout),
    "html-502": Fault("a gateway's HTML page", _page(502, "502 Bad Gateway")),
    "redirect": Fault("sends the caller elsewhere", _bytes(b"", 302, location="https://elsewhere.example/v1")),
    "html": Fault("HTML instead of JSON, under 200", _page(200, "Login", "Welcome")),
    "cut-json": Fault("half of the JSON, properly ended", _cut_json),
    "not-json": Fault("plain text", _bytes(b"simulated: OK", media_type="text/plain")),
    "stream": Fault("an event stream", _stream),
    "cut-stream": Fault("an event stream that breaks off", _cut_stream),
    "latin1": Fault("JSON in latin-1", _latin1),
    "no-choices": Fault("JSON with an empty list of choices", _spelled("no-choices")),
    "in-band": Fault("an error under 200", _spelled("in-band")),
    "11mb": Fault("11 MB of blanks", _11mb),
    "empty": Fault("an answer without text", _empty),
    "refusal": Fault("an explicit refusal", _spelled("refusal")),
    "filtered": Fault("a filter stopped the answer", _spelled("filtered")),
    "truncated": Fault("the length limit cut the answer", _spelled("truncated")),
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
