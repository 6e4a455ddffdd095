"""Hostile text stays text: on every page, as a browser parses it, there is no element and no attribute but ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import Element

import pytest
import tinyhtml5

from brandq.actors.desk import Desk
from brandq.providers.dialect import Answer, AnswerKind, Citation, ErrorClass, Outcome
from brandq.web.app import PAGES
from tests.web.hostile import ADDRESSES, NAMES, PAYLOADS, plans, storable
from tests.web.site import ContractClient, failed, finish, sample_ids, submit

HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
_ELEMENTS = """
    html head meta title link script body header nav main footer section article aside div span p a ul ol li dl dt dd
    h1 h2 h3 h4 h5 h6 small b strong em s i code pre kbd mark bdi br hr blockquote time table caption thead tbody tfoot
    tr th td form fieldset legend label input select optgroup option textarea button progress output details summary
    figure figcaption noscript datalist
"""
_ATTRIBUTES = """
    lang dir id class title href rel target type name value method action for role tabindex hidden scope colspan rowspan
    start datetime content charset nonce src defer async download hreflang list open autocomplete autofocus required
    disabled checked selected readonly multiple placeholder min max step maxlength rows cols size spellcheck inputmode
    pattern label headers formaction http-equiv form minlength novalidate
"""
#: what our templates are made of
ELEMENTS, ATTRIBUTES = set(_ELEMENTS.split()), set(_ATTRIBUTES.split())
DRAWN = {"svg", "g", "path", "circle", "rect", "line", "text", "title", "desc", "polyline", "polygon", "tspan"}

PAIRS = list(zip(PAYLOADS, [*ADDRESSES] * (len(PAYLOADS) // len(ADDRESSES) + 1), strict=False))


def outcomes(first: int, count: int, names: list[str]) -> list[Outcome]:
    """Answers and failures that are made of these payloads."""
    made = []
    for n in range(count):
        payload, url = PAIRS[(first + n) % len(PAIRS)]
        payload = storable(payload)
        if n % 5 == 4:
            made.append(failed(ErrorClass.AUTH, payload[:200]))
            continue
        name = names[n % len(names)]
        text = f"{payload}\n\n1. **{name}**：很好，强烈推荐 {payload}\n2. Acme\n\nSources: {storable(url)}\n\n{payload}"
        cited = (Citation(storable(url), payload[:500], cited=True, via="annotations"),)
        answer = Answer(text, AnswerKind.OK, finish=payload[:100], served_model=payload[:200], citations=cited)
        made.append(Outcome(answer, None, 900, {"model": payload}, payload.encode(), 200))
    return made


@pytest.fixture
def filled(small_desk: Desk, small: ContractClient) -> list[str]:
    """Executions whose brands, aliases, labels, prompts, answers, sources, models and errors are all hostile."""
    made = []
    for number, plan in enumerate(plans(["doubao"])):
        execution_id = submit(small, **{**plan, "repeats": 1})
        count = len(sample_ids(small_desk, execution_id))
        names = [brand for brand in plan["brands"] if isinstance(brand, str)]
        finish(small_desk, execution_id, outcomes(9 * number, count, names))
        made.append(execution_id)
    return made


#: what a page is asked for beside its path
QUERIES = {
    "/executions/{execution_id}/answers": [
        "brand={name}",
        "brand={name}&finding=recommended",
        "domain=hostile.invalid",
    ],
    "/executions/{execution_id}/answers/{sample_id}": ["body=true", "brand={name}"],
    "/executions/{execution_id}/comparison": ["before={other}"],
    "/executions/new": ["again={execution_id}"],
    "/history": ["brand={name}", "brand=Acme"],
}


def addresses(desk: Desk, executions: list[str]) -> Iterator[str]:
    """Every page that there is, of every execution and every answer."""
    for method, path, _ in PAGES:
        if method != "GET" or path.startswith("/assets/"):
            continue
        for execution_id, other, name in zip(executions, [*executions[1:], executions[0]], NAMES, strict=False):
            ids = sample_ids(desk, execution_id) if "{sample_id}" in path else [0]
            for sample_id in ids:
                own = path.format(execution_id=execution_id, sample_id=sample_id)
                yield own
                for query in QUERIES.get(path, ()):
                    yield f"{own}?{query.format(name=quote(name, safe=''), other=other, execution_id=execution_id)}"
            if "{" not in path and path not in QUERIES:
                break


def faults(page: bytes, policy: str) -> Iterator[str]:
    """What of a page is not ours, as a browser reads it."""
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    for element in tinyhtml5.parse(page, transport_encoding="utf-8").iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag.startswith(SVG) and element.tag.removeprefix(SVG) in DRAWN:
            yield from (f"svg {name}" for name in element.attrib if name.startswith(("on", "href", "style", "{")))
            continue
        tag = element.tag.removeprefix(HTML)
        if tag not in ELEMENTS:
            yield f"element {element.tag}"
        yield from attribute_faults(tag, element)
        loads = tag in ("script", "link") and element.get("rel") != "icon" and element.get("type") != "application/json"
        if loads and (nonce is None or element.get("nonce") != nonce[1]):
            yield f"{tag} without the page's nonce"
        if tag == "script" and element.get("type") == "application/json":
            json.loads("".join(element.itertext()))
        elif tag == "script" and "".join(element.itertext()).strip():
            yield "a script that stands in the page"
        if tag == "meta" and element.get("http-equiv"):
            yield "meta http-equiv"


def attribute_faults(tag: str, element: Element) -> Iterator[str]:
    for name, value in element.attrib.items():
        if name not in ATTRIBUTES and not re.fullmatch(r"(aria|data)-[a-z-]+", name):
            yield f"{tag} {name}"
        if name in ("href", "src", "action", "formaction") and not is_ours(value):
            if tag != "a" or not value.lower().startswith(("http://", "https://")) or not urlsplit(value).hostname:
                yield f"{tag} {name} {value[:80]}"
            elif not {"noopener", "noreferrer", "nofollow", "ugc"} <= set((element.get("rel") or "").split()):
                yield f"a link out without rel: {value[:80]}"
        if name in ("class", "id", "for", "rel", "role", "type", "target") and not re.fullmatch(r"[\w./+ -]*", value):
            yield f"{tag} {name} {value[:80]}"


def is_ours(address: str) -> bool:
    """A path of ours, a place on the page, or a query."""
    return bool(re.match(r"/(?![/\\])|#|\?|answers(?:\?|$)", address))


def test_nothing_but_ours_on_any_page(small_desk: Desk, small: ContractClient, filled: list[str]) -> None:
    """Given hostile text wherever text can come from, when every page is parsed as browsers do, then all its elements,
    attributes, links and scripts are ours."""
    seen = set()
    for address in addresses(small_desk, filled):
        response = small.get(address)
        assert response.status_code in (200, 303, 404, 409, 422), address
        if response.status_code == 303:
            continue
        found = list(faults(response.content, response.headers["content-security-policy"]))
        assert not found, (address, found[:5])
        seen.add(response.status_code)
    assert 200 in seen


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_nothing_but_ours_when_something_is_wrong(small: ContractClient, payload: str) -> None:
    """Given a hostile address, when a page says what is wrong with it, then it repeats it as text at most."""
    text = quote(storable(payload)[:300], safe="")
    browser = {"Accept": "text/html"}
    for address in (
        f"/executions/{text}",
        f"/executions/{text}/answers/{text}",
        f"/{text}",
        f"/?{text}={text}",
        f"/executions/x/answers?finding={text}",
        f"/sign-in?back={text}",
    ):
        response = small.get(address, headers=browser)
        if response.headers.get("content-type", "").startswith("text/html"):
            found = list(faults(response.content, response.headers["content-security-policy"]))
            assert not found, (address, found[:5])
        else:
            assert response.headers.get("content-type", "").startswith("application/") or response.status_code == 303


def test_an_injected_element_would_be_seen(small: ContractClient) -> None:
    """Given a page of ours with each kind of foreign thing put in, then each is told."""
    response = small.get("/sign-in")
    policy = response.headers["content-security-policy"]
    assert not list(faults(response.content, policy))
    for foreign in (
        "<script>x</script>",
        "<img src=x>",
        "<p onclick=x>",
        "<p style=x>",
        "<svg onload=x>",
        "<a href=javascript:x>",
        "<a href=//hostile.invalid>",
        "<a href=https://hostile.invalid>",
        "<iframe>",
        "<math>",
        "<style></style>",
        "<link rel=stylesheet href=/x>",
        "<meta http-equiv=refresh>",
        "<form action=https://hostile.invalid></form>",
        "<svg><a href=x></a></svg>",
    ):
        page = response.content.replace(b"</main>", foreign.encode() + b"</main>")
        assert list(faults(page, policy)), foreign


def test_the_corpus_is_large() -> None:
    """The list is not cut by accident, and most of it gets to be a name and a prompt."""
    assert len(set(PAYLOADS)) >= 100
    assert len(NAMES) >= 90
