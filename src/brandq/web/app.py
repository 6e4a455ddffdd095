"""The application: its routes, its guard and its error map, each in one screen.

Every route states its terms (openapi.py), and the guard enforces just these: who may, how often, with which parameters.
Endpoints are plain functions in Starlette's thread pool, because all they wait for is the store; those with a body read
it on the loop first and then hop once.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from brandq import logs
from brandq.actors.desk import Desk
from brandq.errors import (
    BadRequest,
    CannotMake,
    Conflict,
    DatabaseNotReady,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooManyRequests,
    TooMuchOpen,
)
from brandq.web import about, access, api, assets, comparisons, compat, evidence, openapi, sessions, wire
from brandq.web.events import following
from brandq.web.events.streams import EventStream, Streams
from brandq.web.looking import BrokerLook
from brandq.web.metrics import Metrics
from brandq.web.openapi import Operation, Visit, terms_of
from brandq.web.pages import (
    answers,
    comparison,
    engines,
    execution,
    history,
    home,
    planning,
    queues,
    rendering,
    report,
    signing,
)
from brandq.web.request_ids import ROUTE, Identified, execution_id

logger = logging.getLogger(__name__)

ROUTES: tuple[tuple[str, str, Callable[[Visit], Response]], ...] = (
    ("POST", "/api/executions", api.create_execution),
    ("GET", "/api/executions", api.list_executions),
    ("GET", "/api/executions/{execution_id}", api.show_execution),
    ("GET", "/api/executions/{execution_id}/events", following.follow_execution),
    ("POST", "/api/executions/{execution_id}/cancel", api.cancel_execution),
    ("POST", "/api/executions/{execution_id}/retry", api.retry_execution),
    ("GET", "/api/executions/{execution_id}/samples", evidence.list_samples),
    ("GET", "/api/executions/{execution_id}/answers/{sample_id}", evidence.show_answer),
    ("GET", "/api/executions/{execution_id}/report", evidence.show_report),
    ("GET", "/api/executions/{execution_id}/comparison", comparisons.show_comparison),
    ("GET", "/api/engines", about.list_engines),
    ("GET", "/api/statistics", about.show_statistics),
    ("POST", "/api/perform-brand-test-async", compat.perform_brand_test_async),
    ("GET", "/api/diagnosis/status/{execution_id}", compat.diagnosis_status),
    ("POST", "/api/diagnosis/cancel/{execution_id}", compat.diagnosis_cancel),
    ("GET", "/api/diagnosis/statistics", compat.diagnosis_statistics),
    ("GET", "/healthz", about.healthz),
    ("GET", "/readyz", about.readyz),
    ("GET", "/metrics", about.show_metrics),
    ("GET", "/openapi.json", about.show_openapi),
)

#: what people look at; /openapi.json, which is for programs, leaves it out
PAGES: tuple[tuple[str, str, Callable[[Visit], Response]], ...] = (
    ("GET", "/", home.show_home),
    ("GET", "/executions", planning.show_executions),
    ("POST", "/executions", planning.start_execution),
    ("GET", "/executions/new", planning.show_plan_form),
    ("POST", "/executions/new", planning.revise_plan),
    ("POST", "/executions/preview", planning.preview_plan),
    ("GET", "/executions/{execution_id}", execution.show_execution),
    ("GET", "/executions/{execution_id}/report", report.show_report),
    ("POST", "/executions/{execution_id}/cancel", execution.cancel_execution),
    ("POST", "/executions/{execution_id}/retry", execution.retry_execution),
    ("GET", "/executions/{execution_id}/comparison", comparison.show_comparison),
    ("GET", "/history", history.show_history),
    ("GET", "/engines", engines.show_engines),
    ("GET", "/queues", queues.show_queues),
    ("GET", "/executions/{execution_id}/answers", answers.show_answers),
    ("GET", "/executions/{execution_id}/answers/{sample_id}", answers.show_answer_page),
    ("GET", "/sign-in", signing.show_sign_in),
    ("POST", "/sign-in", signing.sign_in),
    ("POST", "/sign-out", signing.sign_out),
    ("GET", "/choose", signing.choose),
    ("GET", "/assets/{digest}/{name}", assets.show_asset),
)

#: error -> status, the end of its type's URN, its title
PROBLEMS: Mapping[type[Exception], tuple[int, str, str]] = {
    NotAuthenticated: (401, "not-authenticated", "An API key is needed"),
    NotAllowed: (403, "not-allowed", "This is not allowed"),
    NotFound: (404, "not-found", "There is no such thing"),
    Conflict: (409, "conflict", "Its state does not allow this"),
    TooManyRequests: (429, "too-many-requests", "Too many requests"),
    TooMuchOpen: (429, "too-much-open", "Too much is being asked already"),
    CannotMake: (501, "cannot-make", "This form cannot be made here"),
    DatabaseNotReady: (503, "not-ready", "The database is not ready"),
}

#: on every response that does not say otherwise itself
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def create_app(desk: Desk) -> Starlette:
    """The web side of a desk. It opens nothing, so it has nothing to close: the desk is the caller's."""
    broker = BrokerLook(desk)
    streams = Streams(desk)
    metrics = Metrics(desk, broker, streams)
    document = openapi.document(ROUTES)
    handlers: dict[Any, ExceptionHandler] = dict.fromkeys((*PROBLEMS, BadRequest, HTTPException), _tell)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # more threads than transactions would only wait for each other, and for the interpreter, in no order at all
        current_default_thread_limiter().total_tokens = desk.database.pool_size
        watching = asyncio.create_task(desk.meters.watch_loop())
        yield
        watching.cancel()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route(path, _guarded(desk, path, endpoint), methods=[method])
            for method, path, endpoint in (*ROUTES, *PAGES)
        ],
        middleware=[Middleware(Identified), Middleware(Outermost, metrics=metrics)],
        exception_handlers=handlers,
    )
    # a path with a slash too many is not ours; a redirect would turn a POST into two requests
    app.router.redirect_slashes = False
    app.state.desk = desk
    app.state.metrics = metrics
    app.state.broker = broker
    app.state.streams = streams
    app.state.openapi = document
    return app


def _guarded(desk: Desk, path: str, endpoint: Callable[[Visit], Response]) -> Callable[[Request], Any]:
    """The endpoint behind its own terms. TypeError when it has none."""
    terms = terms_of(endpoint)

    def answer(request: Request, body: bytes) -> Response:
        with logs.about(route=path, execution_id=execution_id(request)):
            return admitted(request, body)

    def admitted(request: Request, body: bytes) -> Response:
        caller = access.stranger(desk, request)
        if terms.scope is not None:
            caller = access.admit(desk, request, terms.scope, open_locally=terms.open_locally, page=terms.page)
        counted = _count(desk, caller, request, terms)
        visit = Visit(desk, request, caller, openapi.read_parameters(request, terms), body)
        if terms.form:
            sessions.require_own_form(request, visit.form.get("csrf"))
        response = endpoint(visit)
        response.headers.update(counted)
        return response

    def without_body(request: Request) -> Response:
        request.scope[ROUTE] = (path, terms)
        return answer(request, b"")

    async def with_body(request: Request) -> Response:
        request.scope[ROUTE] = (path, terms)
        return await run_in_threadpool(answer, request, await wire.read_body(request))

    return with_body if terms.body or terms.form else without_body


def _count(desk: Desk, caller: access.Caller, request: Request, terms: Operation) -> dict[str, str]:
    if terms.limit is None:
        return {}
    counted = access.count(desk, caller, terms.limit)
    # an error after this carries them as well
    request.state.counted = counted
    return counted


async def _tell(request: Request, error: Exception) -> Response:
    """An error as the caller reads it: what is wrong, and what to do about it."""
    _, terms = request.scope.get(ROUTE, (None, None))
    predecessor = terms is not None and terms.predecessor
    headers: dict[str, str] = dict(getattr(request.state, "counted", {}))
    words = wire.words_of(request)
    if isinstance(error, BadRequest):
        if terms is not None and terms.page:
            return rendering.trouble(request, error.status, error.title, faults=error.faults, headers=headers)
        return wire.problem(
            words,
            error.status,
            error.title,
            slug="bad-request",
            faults=error.faults,
            headers=headers,
            predecessor=predecessor,
        )
    if isinstance(error, HTTPException):
        return _not_routed(request, error)
    status, slug, title = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    detail = str(error)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="brandq"'
    elif isinstance(error, TooManyRequests) and terms is not None and terms.limit is not None:
        headers |= access.used_up(terms.limit, error)
    elif isinstance(error, TooManyRequests | TooMuchOpen):
        headers["Retry-After"] = str(error.wait_s)
    elif isinstance(error, DatabaseNotReady):
        # what the database said may name its host and user
        with logs.about(route=request.scope.get(ROUTE, (None,))[0], execution_id=execution_id(request)):
            logger.warning("%s %s: %s", request.method, request.url.path, error)
        headers["Retry-After"] = "5"
        detail = error.told or (
            "the database does not answer, or `brandq migrate` has not been run on it; the log says which"
        )
    if terms is not None and terms.page:
        return rendering.trouble(request, status, title, detail, headers=headers)
    return wire.problem(words, status, title, detail, slug=slug, headers=headers, predecessor=predecessor)


def _not_routed(request: Request, error: HTTPException) -> Response:
    """No route has this path, or none has it with this method."""
    methods = {
        method
        for route in request.app.routes
        if isinstance(route, Route) and route.path_regex.match(request.url.path)
        for method in route.methods or ()
    }
    allowed = ", ".join(sorted(methods))
    path = request.url.path[:200]
    words = wire.words_of(request)
    if error.status_code == 405:
        detail = f"{request.method[:20]} is not for {path}; it takes {allowed}"
        return wire.problem(words, 405, "Method not allowed", detail, slug="method", headers={"Allow": allowed})
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return rendering.trouble(request, 404, "There is no such page", f"there is nothing at {path}")
    detail = f"there is nothing at {path}; /openapi.json lists what there is"
    return wire.problem(words, error.status_code, "There is no such path", detail, slug="not-found")


class Outermost:
    """Around everything: the headers of every response, the count of every request, the end of every unexpected error.

    What nobody expected is logged under an id, and the caller is told the id and nothing else.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, ended = time.monotonic(), None
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith(EventStream.media_type):
                    # it goes on for as long as its execution does; what it took to begin is what can be compared
                    ended = time.monotonic()
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = 499  # nginx's number for a caller who left; nothing is sent to nobody
        except Exception:
            incident = uuid.uuid4().hex[:12]
            with logs.about(route=scope.get(ROUTE, (None,))[0]):
                logger.exception("incident %s at %s %r", incident, scope["method"], scope["path"])
            if not status:
                _, terms = scope.get(ROUTE, (None, None))
                detail = f"this is our fault; the log has it as incident {incident}"
                predecessor = terms is not None and terms.predecessor
                words = wire.words_of(Request(scope))
                title = "Something went wrong"
                told = wire.problem(words, 500, title, detail, slug="incident", predecessor=predecessor)
                await told(scope, receive, send_with_headers)
        finally:
            path, _ = scope.get(ROUTE, ("(none)", None))
            self.metrics.count(scope["method"], path, status, (ended or time.monotonic()) - began)
