"""A small OpenAI-compatible server that plays several assistants, and breaks on demand: for the demo and for tests.

It is told what a provider is told, the model and the prompt, and never which brands are looked for: the names in its
catalogue are its own. What it says depends on the model, the prompt and how often that prompt was put to that model, so
repeats vary and a rerun does not. Every answer says that it is simulated: in its text, in its model
(``<asked>-simulated``) and in the header ``x-brandq-simulated``.

    POST /v1/chat/completions   as at a provider; sources come along when the body asks for search
    GET  /calls                 calls per model and prompt, and the most that were in flight together
    POST /faults                {"model": "m", "faults": ["500", "429-retry-after:2", "hang:3"]}: the next calls of m
    POST /reset                 forgets calls and faults

A fault is spelled NAME or NAME:TIMES, and 429-retry-after:SECONDS[:TIMES]; one call uses up one. A model that ends in
``sim-fault-NAME`` has it on every call, ``sim-fault-NAME-once`` on the first call of each prompt. Names (see FAULTS):

    no reply     hang drip cut-body
    status       400-context 400-filter 401 401-echo-key 402 403 404-model 404-path 429 429-retry-after 429-quota
                 500 503 timeout html-502 redirect
    wrong body   html cut-json not-json stream latin1 no-choices in-band 11mb
    odd answer   empty refusal filtered truncated 100kb
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from brandq.simulator.assistants import seed, tell
from brandq.simulator.faults import FAULTS, Asked, CutOff, chat_body, spelled_faults, unknown

__all__ = ["DEFAULT_LATENCY_MS", "FAULTS", "Simulator", "create_app", "serve"]

DEFAULT_LATENCY_MS = 150
#: seconds; binding and one turn of the loop take milliseconds, even on a busy machine
START_S = 10.0
_SEARCH_FIELDS = ("tools", "web_search", "web_search_options", "enable_search")


@dataclass
class _Book:
    """Calls and coming faults. Touched only on the server's loop."""

    latency_ms: int
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: Counter[tuple[str, str]] = field(default_factory=Counter)
    coming: dict[str, deque[tuple[str, float | None]]] = field(default_factory=dict)
    in_flight: int = 0
    peak_in_flight: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def fault_for(self, model: str, number: int) -> tuple[str, float | None] | None:
        if self.coming.get(model):
            return self.coming[model].popleft()
        _, named, spelled = model.rpartition("sim-fault-")
        if not named:
            return None
        name, once, _ = spelled.partition("-once")
        if once and number > 1:
            return None
        coming = spelled_faults(name)
        return coming[0] if coming else ("unknown", None)

    def to_json(self) -> dict[str, Any]:
        calls = [
            {"model": model, "prompt": prompt, "count": count, "broken": self.broken[model, prompt]}
            for (model, prompt), count in self.calls.items()
        ]
        return {
            "calls": calls,
            "total": self.calls.total(),
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
        }


def create_app(latency_ms: int = DEFAULT_LATENCY_MS) -> Starlette:
    """The server as an ASGI application, with its own counts. A call takes ``latency_ms``, half of it more or less."""
    book = _Book(latency_ms)

    async def chat(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            model, prompt = str(body["model"]), str(body["messages"][-1]["content"])
        except (ValueError, KeyError, IndexError, TypeError):
            return JSONResponse(
                {"error": {"message": "simulated: expected model and messages", "code": "bad_body"}}, 400
            )
        book.calls[model, prompt] += 1
        book.in_flight += 1
        book.peak_in_flight = max(book.peak_in_flight, book.in_flight)
        try:
            search = any(body.get(name) not in (None, False, []) for name in _SEARCH_FIELDS)
            http = await _serve_one(Asked(request, model, prompt, search, book.calls[model, prompt]), book)
        finally:
            book.in_flight -= 1
        http.headers["x-brandq-simulated"] = "true"
        return http

    async def calls(request: Request) -> Response:
        return JSONResponse(book.to_json())

    async def faults(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            model, spelled = str(body["model"]), [str(name) for name in body["faults"]]
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"error": "expected model and faults"}, 422)
        strange = [name for name in spelled if not spelled_faults(name)]
        if strange:
            return JSONResponse({"error": f"no such faults: {strange}; there are {list(FAULTS)}"}, 422)
        coming = book.coming.setdefault(model, deque())
        for name in spelled:
            coming.extend(spelled_faults(name))
        return JSONResponse({"model": model, "coming": [name for name, _ in coming]})

    async def reset(request: Request) -> Response:
        book.calls.clear()
        book.broken.clear()
        book.coming.clear()
        book.peak_in_flight = book.in_flight
        return JSONResponse(book.to_json())

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/calls", calls, methods=["GET"]),
            Route("/faults", faults, methods=["POST"]),
            Route("/reset", reset, methods=["POST"]),
        ]
    )
    app.state.book = book
    return app


async def _serve_one(asked: Asked, book: _Book) -> Response:
    fault = book.fault_for(asked.model, asked.number)
    jitter = seed("latency", asked.model, asked.prompt, asked.number) % 1000 / 1000
    await asyncio.sleep(book.latency_ms * (0.5 + jitter) / 1000)
    if fault:
        book.broken[asked.model, asked.prompt] += 1
        name, seconds = fault
        act = FAULTS[name].act if name in FAULTS else unknown
        return await act(replace(asked, seconds=seconds), book.stopping)
    told = tell(asked.model, asked.prompt, asked.number, search=asked.search)
    if told.refused:
        return JSONResponse(chat_body(asked, None, refusal=told.text))
    return JSONResponse(chat_body(asked, told.text))


def _unexpected(record: logging.LogRecord) -> bool:
    """Whether a record is worth a line: a connection that breaks because it was asked to is no error of the server."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutOff))


def _config(app: Starlette) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_unexpected)
    # a hanging call must not hold up the stop, so connections get one second to end
    return uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)


class Simulator:
    """The server in a thread of this process, on a port of its own: ``with Simulator() as sim: … sim.url``."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, latency_ms: int = DEFAULT_LATENCY_MS) -> None:
        self._app = create_app(latency_ms)
        self._server = uvicorn.Server(_config(self._app))
        self._host = host
        self._port = port
        self._thread = threading.Thread(target=self._serve, name="simulator", daemon=True)
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Where it listens, without the /v1 that its clients add."""
        if self._socket is None:
            raise RuntimeError("the simulator is not started")
        return f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """Listens when it returns. OSError when the port is taken."""
        self._socket = socket.create_server((self._host, self._port))
        self._port = self._socket.getsockname()[1]
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the simulator did not start within {START_S:g} s")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends it and every call that still hangs; within about two seconds."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._app.state.book.stopping.set)
        self._server.should_exit = True
        self._thread.join(timeout=5)

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket] if self._socket else None)


def serve(host: str, port: int, latency_ms: int = DEFAULT_LATENCY_MS) -> None:
    """Serves in the foreground until it is told to end by a signal."""
    config = _config(create_app(latency_ms))
    config.host, config.port = host, port
    uvicorn.Server(config).run()
