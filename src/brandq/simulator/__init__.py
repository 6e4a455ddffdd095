"""A small server that plays several assistants in the dialects of several providers, and breaks on demand.

It is for the demo and for tests: it is told what a provider is told, the model and the prompt, and never which brands
are looked for; the names in its catalogue are its own. What it says depends on the model, the prompt and how often that
prompt was put to that model, so repeats vary and a rerun does not. Every answer says that it is simulated: in its text,
in its model (``<asked>-simulated``, where the dialect names one) and in the header ``x-brandq-simulated``.

    POST /v1/chat/completions           OpenAI's, lenient; sources come along when the body asks for search
    POST /dashscope/api/v1/services/aigc/{text-generation,multimodal-generation}/generation
                                        阿里云百炼's own: output.search_info, [ref_1] in the text
    POST /zhipu/chat/completions        智谱's: web_search beside the choices, [ref_1] in the text
    POST /qianfan/chat/completions      百度千帆's: search_results beside the choices, ^[1]^ in the text
    POST /ark/responses                 火山方舟's Responses: web_search with annotations, or doubao_app with cards
    POST /kimi/chat/completions         Kimi's: $web_search, whose arguments the caller sends back once, or N times for
                                        a model with sim-rounds-N; sim-no-sources leaves them in the arguments alone
    GET  /calls                         calls per model and prompt, when they came in (started_at, unix seconds, per
                                        model), and the most that were in flight together
    POST /faults                        {"model": "m", "faults": ["500", "429-retry-after:2", "hang:3"]}: m's next calls
    POST /limits                        {"model": "m", "requests_per_minute": 60}: what m is asked beyond that in any
                                        60 s gets a 429 with Retry-After; null takes the limit away
    POST /reset                         forgets calls, faults and limits

A row whose base_url is the part before the dialect's own path (``…/dashscope``, ``…/zhipu``) is served as its provider
serves it, and all but /v1 check the request: what the provider refuses, and any field by which another dialect asks for
search, is a 400 as the provider spells it, and no call in the book.

A fault is spelled NAME or NAME:TIMES, and 429-retry-after:SECONDS[:TIMES]; one call uses up one. A model that ends in
``sim-fault-NAME`` has it on every call, ``sim-fault-NAME-once`` on the first call of each prompt. A name says what goes
wrong, as OpenAI has it; code, words and status are the endpoint's own (402 is 400 Arrearage at DashScope). Where its
provider has no form for a fault, the reply is a 400 that says so. Names (see FAULTS):

    no reply     hang drip cut-body
    status       400-context 400-filter 401 401-echo-key 402 403 404-model 404-path 429 429-retry-after 429-quota
                 500 503 timeout html-502 redirect
    wrong body   html cut-json not-json stream cut-stream latin1 no-choices in-band 11mb
    odd answer   empty refusal filtered truncated 100kb
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import TracebackType

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from brandq.simulator.ark import ARK
from brandq.simulator.assistants import seed
from brandq.simulator.book import Book
from brandq.simulator.dashscope import DASHSCOPE
from brandq.simulator.faults import FAULTS, CutOff, slow_down, spelled_faults, told, unknown
from brandq.simulator.kimi import KIMI
from brandq.simulator.openai_chat import OPENAI_CHAT
from brandq.simulator.qianfan import QIANFAN
from brandq.simulator.speaking import Asked, Json, Speaker, Wrong, WrongKey, spelled
from brandq.simulator.zhipu import ZHIPU

__all__ = ["DEFAULT_LATENCY_MS", "FAULTS", "Simulator", "create_app", "serve"]

DEFAULT_LATENCY_MS = 150
#: seconds; binding and one turn of the loop take milliseconds, even on a busy machine
START_S = 10.0
SPEAKERS = (OPENAI_CHAT, DASHSCOPE, ZHIPU, QIANFAN, ARK, KIMI)


def create_app(latency_ms: int = DEFAULT_LATENCY_MS) -> Starlette:
    """The server as an ASGI application, with its own counts. A call takes ``latency_ms``, half of it more or less."""
    book = Book(latency_ms)
    stopping = asyncio.Event()

    def endpoint(speaker: Speaker) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                body = _object(await request.body(), speaker)
                heard = speaker.hear(body, request)
            except Wrong as wrong:
                http: Response = _refused(speaker, wrong)
            else:
                number = book.enter(heard.model, heard.prompt)
                try:
                    asked = Asked(request, body, speaker, heard.model, heard.prompt, heard.search, number)
                    http = await _serve_one(asked, book, stopping)
                finally:
                    book.in_flight -= 1
            http.headers["x-brandq-simulated"] = "true"
            return http

        return answer

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

    async def limits(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            model, most = str(body["model"]), body["requests_per_minute"]
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"error": "expected model and requests_per_minute"}, 422)
        if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
            return JSONResponse({"error": "requests_per_minute is a whole number above 0, or null"}, 422)
        book.limit(model, most)
        return JSONResponse({"model": model, "requests_per_minute": most})

    async def reset(request: Request) -> Response:
        book.forget()
        return JSONResponse(book.to_json())

    app = Starlette(
        routes=[
            *(Route(path, endpoint(speaker), methods=["POST"]) for speaker in SPEAKERS for path in speaker.paths),
            Route("/calls", calls, methods=["GET"]),
            Route("/faults", faults, methods=["POST"]),
            Route("/limits", limits, methods=["POST"]),
            Route("/reset", reset, methods=["POST"]),
        ]
    )
    app.state.stopping = stopping
    return app


def _object(content: bytes, speaker: Speaker) -> Json:
    try:
        body = json.loads(content)
    except ValueError as broken:
        raise Wrong("the body is not JSON", speaker.garbled) from broken
    if not isinstance(body, dict):
        raise Wrong("the body is no JSON object", speaker.garbled)
    return body


def _refused(speaker: Speaker, wrong: Wrong) -> Response:
    trouble = speaker.trouble("401") if isinstance(wrong, WrongKey) else speaker.wrong
    return spelled(speaker, replace(trouble, message=wrong.message, code=wrong.code or trouble.code, param=wrong.param))


async def _serve_one(asked: Asked, book: Book, stopping: asyncio.Event) -> Response:
    wait_s = book.wait_s(asked.model)
    if wait_s is not None:
        book.broken[asked.model, asked.prompt] += 1
        return slow_down(asked, wait_s)
    fault = book.fault_for(asked.model, asked.number)
    jitter = seed("latency", asked.model, asked.prompt, asked.number) % 1000 / 1000
    await asyncio.sleep(book.latency_ms * (0.5 + jitter) / 1000)
    if fault:
        book.broken[asked.model, asked.prompt] += 1
        name, seconds = fault
        act = FAULTS[name].act if name in FAULTS else unknown
        return await act(replace(asked, seconds=seconds), stopping)
    return JSONResponse(asked.speaker.step(asked) or asked.speaker.say(asked, told(asked)))


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
            self._loop.call_soon_threadsafe(self._app.state.stopping.set)
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
