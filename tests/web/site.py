"""What the web's tests begin with: an application over a real desk, a client that checks the contract, and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import jsonschema
from starlette.testclient import TestClient

from brandq import store
from brandq.actors import ACTORS
from brandq.actors.analyze import analyze
from brandq.actors.declare import bind
from brandq.actors.desk import Desk
from brandq.actors.report import report
from brandq.providers.dialect import Answer, AnswerKind, Citation, ErrorClass, Outcome, ProviderError
from brandq.settings import read_settings
from brandq.web.app import PAGES, create_app
from tests.store.samples_at_hand import claim
from tests.store.samples_at_hand import settle as settle_claims

SECRET = "s3cret-with_underscores-and-more"
PLAN = {
    "brands": [{"name": "趣车良品", "aliases": ["趣车"], "domains": ["example.com"]}, "竞品 1"],
    "prompts": ["深圳新能源汽车改装门店哪家好？"],
    "engines": ["doubao", "qwen"],
    "repeats": 2,
}
TEXT = "1. **趣车良品**：口碑好\n2. 竞品 1\n来源：https://www.example.com/a"

_FORMATS = jsonschema.FormatChecker()


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None)


class ContractClient(TestClient):
    """A client that holds every response against /openapi.json: its status, its media type and its body's shape."""

    def __init__(self, desk: Desk, *, local: bool = True, key: str | None = None, address: str = "203.0.113.7") -> None:
        app = create_app(desk)
        super().__init__(
            app,
            base_url="http://127.0.0.1:8000" if local else "http://brandq.test",
            client=("127.0.0.1" if local else address, 50_000),
            headers={"Authorization": f"Bearer {key}"} if key else None,
            raise_server_exceptions=True,
            follow_redirects=False,
        )
        self.document: dict[str, Any] = app.state.openapi
        self.visited: set[tuple[str, str]] = set()

    def request(self, method: str, url: Any, **options: Any) -> Any:  # type: ignore[override]
        response = super().request(method, url, **options)
        path = str(url).partition("?")[0]
        for template, operations in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                terms = operations.get(("get" if method == "HEAD" else method).lower())
                if terms is None:
                    assert response.status_code == 405
                    self._is("Problem", response)
                else:
                    self.visited.add((method, template))
                    self._check(response, terms, f"{method} {template}")
                return response
        for page_method, template, _ in PAGES:
            if page_method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                self.visited.add((method, template))
                self._check_page(response, template)
                return response
        assert response.status_code in (404, 405)
        if response.headers["content-type"].startswith("text/html"):
            self._check_page(response, path)
        else:
            self._is("Problem", response)
        return response

    @staticmethod
    def _check_page(response: Any, where: str) -> None:
        """A page, or a way to another one; nothing of a page runs or loads that does not bear its nonce."""
        if response.status_code == 303:
            assert response.headers["location"].startswith("/"), where
            return
        if not response.headers["content-type"].startswith("text/html"):
            assert where.startswith("/assets/"), where
            return
        policy = response.headers["content-security-policy"]
        nonce = re.search(r"script-src 'nonce-([^']+)';", policy)
        assert nonce is not None, where
        assert "unsafe" not in policy, where
        for tag, attributes in tags_of(response.text):
            if tag in ("script", "style") or (tag == "link" and attributes.get("rel") == "stylesheet"):
                bears = attributes.get("nonce") == nonce[1]
                assert bears or attributes.get("type") == "application/json", f"{where}: {tag} {attributes}"
            assert tag not in ("iframe", "object", "embed", "base", "img"), f"{where}: {tag} {attributes}"
            for name, value in attributes.items():
                assert not name.startswith(("style", "on")), f"{where}: {tag} {attributes}"
                if name in ("href", "src", "action", "formaction"):
                    assert re.match(r"(https?:/)?/|#|[?]|answers([?]|$)", value or "/"), f"{where}: {tag} {attributes}"

    def form_token(self) -> str:
        """What a form of ours carries, with the cookie that it is bound to in this client's jar."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/sign-in").text)
        assert found is not None
        return found[1]

    def _check(self, response: Any, terms: Mapping[str, Any], where: str) -> None:
        status = str(response.status_code)
        assert status in terms["responses"], f"{where} answered {status}, which it does not document: {response.text}"
        content = terms["responses"][status].get("content")
        if content is None or response.request.method == "HEAD":
            assert response.content == b"", where
            return
        media = response.headers["content-type"].partition(";")[0]
        assert media in content, f"{where} {status} came as {media}"
        if media.endswith("json"):
            self._conforms(content[media]["schema"], response.json())

    def _is(self, name: str, response: Any) -> None:
        self._conforms({"$ref": f"#/components/schemas/{name}"}, response.json())

    def _conforms(self, schema: Mapping[str, Any], body: object) -> None:
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(whole, format_checker=_FORMATS).validate(body)


def tags_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every tag of a page as a browser reads it, with its attributes."""

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[tuple[str, dict[str, str | None]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.append((tag, dict(attrs)))

    reader = Tags()
    reader.feed(page)
    return reader.found


def open_desk(database_url: str, data_dir: object, **environment: str) -> Desk:
    """A desk over this database with the embedded broker; every engine is simulated, and no worker runs."""
    settings = read_settings(
        {
            "BRANDQ_DATABASE_URL": database_url,
            "BRANDQ_DATA_DIR": str(data_dir),
            "BRANDQ_SIMULATE": "missing",
            **environment,
        }
    )
    desk = Desk(settings, role="test")
    bind(desk.broker, desk, ACTORS)
    return desk


def add_key(desk: Desk, owner: str, *scopes: str, key_id: str | None = None) -> str:
    """A key of this owner as it is shown."""
    key_id = key_id or f"{owner}{len(scopes)}"
    with desk.database.begin() as db:
        store.add_key(
            db, key_id=key_id, secret=SECRET, name=owner, owner=owner, scopes=scopes or ("admin",), now=desk.now()
        )
    return f"bq_{key_id}_{SECRET}"


def submit(client: TestClient, **fields: Any) -> str:
    response = client.post("/api/executions", json={**PLAN, **fields})
    assert response.status_code == 202, response.text
    return str(response.json()["execution_id"])


def answered(text: str = TEXT, kind: AnswerKind = AnswerKind.OK, raw: bytes = b'{"raw": "<script>"}') -> Outcome:
    answer = Answer(
        text, kind, finish="stop", served_model="m-2026", citations=(Citation("https://www.example.com/a", "A"),)
    )
    return Outcome(answer, None, 1200, {"model": "m", "messages": []}, raw, 200)


def failed(error_class: ErrorClass = ErrorClass.AUTH, message: str = "no such key") -> Outcome:
    return Outcome(None, ProviderError(error_class, message, 401), 5, {"model": "m"}, b"{}", 401)


def sample_ids(desk: Desk, execution_id: str, state: str | None = None) -> list[int]:
    with desk.database.read() as db:
        return [row.sample_id for row in store.list_samples(db, execution_id, store.SampleFilter(state=state), 1000)]


def settle(desk: Desk, execution_id: str, outcomes: Sequence[Outcome]) -> list[int]:
    """Ask the first waiting samples as fetch does, one per outcome; their ids."""
    now = desk.now()
    ids = sample_ids(desk, execution_id, "waiting")[: len(outcomes)]
    claims = claim(desk.database, ids, now=now)
    assert [one.sample_id for one in claims] == ids
    for one, outcome in zip(claims, outcomes, strict=True):
        assert settle_claims(desk.database, [one], outcome, now) == [True]
    return ids


def finish(desk: Desk, execution_id: str, outcomes: Sequence[Outcome] | None = None) -> list[int]:
    """Ask everything, analyze it, and publish the report."""
    ids = sample_ids(desk, execution_id)
    waiting = sample_ids(desk, execution_id, "waiting")
    settle(desk, execution_id, outcomes if outcomes is not None else [answered()] * len(waiting))
    analyze(desk, execution_id, ids)
    report(desk, execution_id)
    return ids
