"""Every request has an id, which its log lines and its response name; and a span, where traces are on."""

from __future__ import annotations

import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brandq import logs, tracing
from brandq.web.events.streams import EventStream

#: where the guard leaves the route's path and terms in the scope, for the errors, the metrics and the spans
ROUTE = "brandq.route"
HEADER = "X-Request-Id"
#: an id that somebody else made up, and that may stand in a header and in the log
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: what a caller may make up must not become a name
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: asked all the time, by machines or by each page; as traces they would bury the others
_UNTRACED = ("/healthz", "/readyz", "/metrics", "/assets/")


class Identified:
    """Around a request: its id, its caller's where that is safe text, what its lines are about, and its span."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope)
        named = given.get(HEADER, "")
        request_id = named if _SAFE.fullmatch(named) else uuid.uuid4().hex[:16]
        method = scope["method"] if scope["method"] in _METHODS else "other"
        span = None if scope["path"].startswith(_UNTRACED) else tracing.serving(method, given)
        status, sent_ns = 0, None

        async def send_with_id(message: Message) -> None:
            nonlocal status, sent_ns
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = request_id
                if headers.get("content-type", "").startswith(EventStream.media_type):
                    # as in the metrics: it goes on for as long as its execution does
                    sent_ns = time.time_ns()
            elif sent_ns is None and not message.get("more_body", False):
                # what is sent to workers after the response belongs to this request, but nobody waits for it
                sent_ns = time.time_ns()
            await send(message)

        with logs.about(request_id=request_id, method=method, trace_id=tracing.trace_id() if span else None):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                if span is not None:
                    path, _ = scope.get(ROUTE, (None, None))
                    if path is not None:
                        span.rename(f"{method} {path}")
                    span.add({"http.route": path, "http.response.status_code": status or None})
                    span.end(str(status) if status >= 500 else None, at_ns=sent_ns)


def execution_id(request: Request) -> str | None:
    """The execution that the path names, if it reads like an id: what a caller makes up must not fill the log."""
    named = request.path_params.get("execution_id", "")
    return named if _SAFE.fullmatch(named) else None
