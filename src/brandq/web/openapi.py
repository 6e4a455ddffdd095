"""What each route does, said once: the guard in app.py enforces it and /openapi.json prints it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from brandq import __version__
from brandq.actors.desk import Desk
from brandq.errors import BadRequest, Fault
from brandq.web import schemas, wire
from brandq.web.access import Caller, Limit

Schema = dict[str, Any]
F = TypeVar("F", bound=Callable[["Visit"], Response])

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Parameter:
    """One parameter outside the body. ``read`` gives its value, or raises ValueError with words for the caller."""

    name: str
    schema: Schema
    meaning: str
    read: Callable[[str], Any]
    default: Any = None
    place: str = "query"
    required: bool = False


@dataclass(frozen=True)
class Returns:
    """What a status comes with: a schema for each media type; None where there is no body."""

    meaning: str
    bodies: Mapping[str, Schema | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """A route's terms. ``scope`` None: open to everybody. ``tag``: "predecessor" has its errors in its old form too."""

    summary: str
    tag: str
    scope: str | None
    returns: Mapping[int, Returns]
    limit: Limit | None = None
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    #: the body is a form of one of our pages
    form: bool = False
    #: what else may be wrong, by status
    errors: Mapping[int, str] = field(default_factory=dict)
    open_locally: bool = False

    @property
    def predecessor(self) -> bool:
        return self.tag == "predecessor"

    @property
    def page(self) -> bool:
        """A browser asks: errors are pages, and a session will do."""
        return self.tag == "pages"


@dataclass(frozen=True)
class Visit:
    """One request that was admitted: who asks, with which parameters (each declared one is in ``given``), and the desk.

    ``caller`` is nobody's with all scopes missing where the operation is open.
    """

    desk: Desk
    request: Request
    caller: Caller
    given: Mapping[str, Any]
    body: bytes

    @property
    def document(self) -> Any:
        return wire.read_document(self.request.headers.get("content-type", ""), self.body)

    @property
    def form(self) -> wire.Form:
        return wire.read_form(self.request.headers.get("content-type", ""), self.body)


_OPERATIONS: dict[Callable[..., Any], Operation] = {}


def operation(terms: Operation) -> Callable[[F], F]:
    """Record an endpoint's terms and give it back unchanged."""

    def record(endpoint: F) -> F:
        _OPERATIONS[endpoint] = terms
        return endpoint

    return record


def terms_of(endpoint: Callable[..., Any]) -> Operation:
    """The terms of an endpoint. TypeError, at the start of the process, for one that has none."""
    if endpoint not in _OPERATIONS:
        raise TypeError(f"{endpoint.__module__}.{endpoint.__qualname__} has no @operation; every route says its terms")
    return _OPERATIONS[endpoint]


def read_parameters(request: Request, terms: Operation) -> dict[str, Any]:
    """Every declared parameter's value, or its default. BadRequest lists every fault of them."""
    faults: list[Fault] = []
    given: dict[str, Any] = {}
    for parameter in terms.parameters:
        if parameter.place == "path":
            continue
        in_query = parameter.place == "query"
        texts = request.query_params.getlist(parameter.name) if in_query else request.headers.getlist(parameter.name)
        pointer = f"?{parameter.name}" if in_query else f"{parameter.name}:"
        given[parameter.name] = parameter.default
        if len(texts) > 1:
            faults.append(Fault(pointer, "is given more than once"))
        elif texts:
            try:
                given[parameter.name] = parameter.read(texts[0])
            except ValueError as error:
                faults.append(Fault(pointer, str(error)))
        elif parameter.required:
            faults.append(Fault(pointer, f"is missing: {parameter.meaning}"))
    known = [parameter.name for parameter in terms.parameters if parameter.place == "query"]
    if not terms.predecessor:
        for name in request.query_params:
            if name not in known:
                there = f"there are {', '.join(known)}" if known else "there are none here"
                faults.append(Fault(f"?{name[:60]}", f"unknown parameter; {there}"))
    if faults:
        raise BadRequest(faults, "The parameters are not valid")
    return given


# -- the document


def document(routes: Iterable[tuple[str, str, Callable[..., Any]]]) -> dict[str, Any]:
    """OpenAPI 3.1 of these routes (method, path, endpoint)."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, endpoint in routes:
        paths.setdefault(path, {})[method.lower()] = _operation_object(path, endpoint, terms_of(endpoint))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "brandq",
            "version": __version__,
            "description": "Measures what AI assistants say about brands. Send a plan, poll its execution, read the "
            "report. Without any API key the service answers only on its own machine.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "bq_<id>_<secret>"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation_object(path: str, endpoint: Callable[..., Any], terms: Operation) -> dict[str, Any]:
    described = inspect.getdoc(endpoint) or ""
    notes = [described]
    if terms.scope:
        local = "; open on this machine" if terms.open_locally else ""
        notes.append(f"Needs a key with the scope `{terms.scope}`{local}.")
    if terms.limit:
        notes.append(f"Limit: {terms.limit.words}, by API key, else by address.")
    shown: dict[str, Any] = {
        "operationId": endpoint.__name__,
        "tags": [terms.tag],
        "summary": terms.summary,
        "description": "\n\n".join(notes),
        "parameters": [_parameter_object(parameter) for parameter in terms.parameters],
        "responses": {str(status): _returns_object(returns) for status, returns in _all_returns(path, terms).items()},
        "security": [{"bearer": []}, {"header": []}, {}] if terms.scope else [],
    }
    if terms.scope:
        shown["x-scope"] = terms.scope
    if terms.limit:
        shown["x-limit"] = {"most": terms.limit.most, "per_s": terms.limit.per_s}
    if terms.body:
        schema = {"$ref": f"#/components/schemas/{terms.body}"}
        shown["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return shown


def _parameter_object(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required or parameter.place == "path",
        "description": parameter.meaning,
        "schema": parameter.schema,
    }


def _returns_object(returns: Returns) -> dict[str, Any]:
    bodies = {media: {} if schema is None else {"schema": schema} for media, schema in returns.bodies.items()}
    return {"description": returns.meaning, **({"content": bodies} if bodies else {})}


def _all_returns(path: str, terms: Operation) -> dict[int, Returns]:
    """The declared statuses, and those that follow from the other terms."""
    errors: dict[int, str] = {}
    if terms.scope:
        errors |= {401: "No valid key, and not this machine", 403: "The key lacks the scope"}
    if "{" in path:
        errors[404] = "No such thing for this owner"
    if terms.limit:
        errors[429] = "The limit is used up; Retry-After says for how long"
    if terms.parameters:
        errors[422] = "Every fault at once; nothing was stored"
    if terms.body:
        errors |= {
            400: "The body is not JSON, or not UTF-8",
            408: "The body did not arrive in time",
            413: f"The body has more than {wire.MAX_BODY} bytes",
            415: "The body is not application/json",
            422: "Every fault at once; nothing was stored",
        }
    errors |= {500: "Our fault; the detail has an id that the log knows", 503: "The database is not ready; Retry-After"}
    errors |= terms.errors
    body = {"$ref": f"#/components/schemas/{'PredecessorProblem' if terms.predecessor else 'Problem'}"}
    faults = {status: Returns(meaning, {PROBLEM: body}) for status, meaning in errors.items()}
    return dict(sorted({**faults, **terms.returns}.items()))
