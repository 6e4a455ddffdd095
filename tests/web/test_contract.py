"""The routes and /openapi.json say the same, and every route does what it says."""

from __future__ import annotations

import jsonschema
import pytest
from starlette.responses import Response
from starlette.routing import Route

from brandq.actors.desk import Desk
from brandq.web import openapi
from brandq.web.app import PAGES, ROUTES
from brandq.web.openapi import Visit
from tests.web.site import PLAN, ContractClient, finish, sample_ids, settle, submit


def test_routes_and_document_agree_both_ways(small: ContractClient) -> None:
    """No route is undocumented, and nothing is documented that has no route."""
    document = small.get("/openapi.json").json()
    documented = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    routed = {
        (method, route.path)
        for route in small.app.routes  # type: ignore[attr-defined]
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert documented == {(method, path) for method, path, _ in ROUTES}
    # pages are for people; the document is for programs
    assert routed == documented | {(method, path) for method, path, _ in PAGES}


def test_the_document_is_sound(small: ContractClient) -> None:
    """Every schema is a schema, every reference leads somewhere, every operation has a name of its own and a summary."""
    document = small.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert _references(schema) <= set(document["components"]["schemas"]), name
    assert _references(document["paths"]) <= set(document["components"]["schemas"])
    operations = [terms for path in document["paths"].values() for terms in path.values()]
    names = [terms["operationId"] for terms in operations]
    assert len(names) == len(set(names))
    assert all(terms["summary"] and terms["description"] and terms["tags"] for terms in operations)
    for path, by_method in document["paths"].items():
        for terms in by_method.values():
            in_path = {each["name"] for each in terms["parameters"] if each["in"] == "path"}
            assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()


def test_a_route_without_terms_fails_at_the_start() -> None:
    """An endpoint that says nothing of scope, limit and body is not served: create_app makes this document first."""

    def forgotten(visit: Visit) -> Response:
        return Response()

    with pytest.raises(TypeError, match="forgotten has no @operation"):
        openapi.document([*ROUTES, ("GET", "/forgotten", forgotten)])


def test_every_route_answers_as_documented(desk: Desk, client: ContractClient) -> None:
    """Each route is called in every state of an execution; the client checks each response against the document."""
    cancelled = submit(client)
    _read_all(client, desk, cancelled)
    settle(desk, cancelled, [])
    assert client.post(f"/api/executions/{cancelled}/cancel").status_code == 200
    running = submit(client)
    ended = submit(client)
    finish(desk, ended)
    for execution_id in (cancelled, running, ended):
        _read_all(client, desk, execution_id)
    # the client waits for a response to end, which that of a running one does not
    for execution_id in (cancelled, ended):
        assert client.get(f"/api/executions/{execution_id}/events").status_code == 200
    assert client.get(f"/api/executions/{ended}/events?after=a4.r4.f0.k0.end").status_code == 204
    assert client.get(f"/api/executions/{ended}/comparison?before={ended}").status_code == 200
    assert client.get(f"/api/executions/{running}/comparison?before={ended}").status_code == 409
    assert client.get(f"/api/executions/{ended}/comparison").status_code == 422
    assert client.post(f"/api/executions/{cancelled}/retry").status_code == 202
    body = {"brand_list": ["a"], "selectedModels": ["doubao"], "customQuestions": "b?"}
    assert client.post("/api/perform-brand-test-async", json=body).status_code == 202
    assert client.post(f"/api/diagnosis/cancel/{running}").status_code == 200
    assert client.post("/api/executions?dry_run=true", json=PLAN).status_code == 200
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/api/engines", "/api/executions"):
        assert client.get(path).status_code == 200
    for path in ("/api/statistics", "/api/diagnosis/statistics"):
        assert client.get(path).status_code == 200
    assert client.visited >= {(method, path) for method, path, _ in ROUTES}


def _read_all(client: ContractClient, desk: Desk, execution_id: str) -> None:
    own = f"/api/executions/{execution_id}"
    assert client.get(own).status_code == 200
    assert client.get(f"{own}/samples").status_code == 200
    assert client.get(f"{own}/answers/{sample_ids(desk, execution_id)[0]}").status_code in (200, 404)
    for form in ("json", "html", "md"):
        assert client.get(f"{own}/report?format={form}").status_code in (200, 409)
    assert client.get(f"/api/diagnosis/status/{execution_id}").status_code == 200
    assert client.get(f"/executions/{execution_id}").status_code == 200


def test_head_has_no_body(small: ContractClient) -> None:
    """Whatever can be got can be looked at."""
    response = small.head("/healthz")
    assert (response.status_code, response.content) == (200, b"")


def test_limits_and_scopes_stand_in_the_document(small: ContractClient) -> None:
    """A client reads there what it needs and how often it may call."""
    paths = small.document["paths"]
    assert {
        path: terms["x-limit"]["most"] for path, by in paths.items() for terms in by.values() if "x-limit" in terms
    } == {
        "/api/perform-brand-test-async": 3,
        "/api/diagnosis/status/{execution_id}": 30,
        "/api/diagnosis/cancel/{execution_id}": 5,
        "/api/diagnosis/statistics": 10,
    }
    unscoped = {path for path, by in paths.items() for terms in by.values() if "x-scope" not in terms}
    assert unscoped == {"/healthz", "/readyz", "/openapi.json"}
    assert {path for path, by in paths.items() for terms in by.values() if terms.get("x-scope") == "run"} == {
        "/api/executions",
        "/api/executions/{execution_id}/cancel",
        "/api/executions/{execution_id}/retry",
        "/api/perform-brand-test-async",
        "/api/diagnosis/cancel/{execution_id}",
    }
