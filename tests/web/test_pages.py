"""What all pages have in common, and the two that one begins with: what runs here, and how one execution goes."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from brandq.actors.desk import Desk
from brandq.words import TAGS
from tests.web.site import ContractClient, add_key, failed, finish, open_desk, settle, submit


def _own_form(client: ContractClient, path: str, **fields: str) -> object:
    return client.post(path, data={**fields, "csrf": client.form_token()})


def test_the_first_page_says_what_runs_and_what_ended(desk: Desk, client: ContractClient) -> None:
    """Given one execution that goes on and one that ended, then each stands in its part, with the way to it."""
    assert "Start the first diagnosis" in client.get("/").text
    ended, running = submit(client, label="march"), submit(client)
    finish(desk, ended)
    settle(desk, running, [failed()])
    page = client.get("/").text
    goes_on, has_ended = page.split('id="ended"')
    assert f"/executions/{running}" in goes_on
    assert "1 of 4 samples" in goes_on
    assert f"/executions/{ended}/report" in has_ended
    assert running not in has_ended
    for words in ("march", "SIMULATED", "1 prompt × 2 engines × 2 repeats"):
        assert words in has_ended


def test_the_first_page_goes_on_where_it_ends(small_desk: Desk, small: ContractClient) -> None:
    """Given more executions than a page shows, when the way to older ones is followed, then each is seen once."""
    made = {submit(small) for _ in range(23)}
    for execution_id in made:
        small.post(f"/api/executions/{execution_id}/cancel")
    seen: list[str] = []
    url: str | None = "/"
    while url:
        page = small.get(url).text
        seen += re.findall(r'<th scope="row"><a href="/executions/([0-9a-f-]{36})', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        url = older[1].replace("&amp;", "&") if older else None
    assert sorted(seen) == sorted(made)


def test_an_execution_has_a_page(desk: Desk, client: ContractClient) -> None:
    """It shows where each engine stands and what went wrong there, and what can be done: cancel, then ask again."""
    execution_id = submit(client)
    settle(desk, execution_id, [failed()])
    running = client.get(f"/executions/{execution_id}").text
    assert f'data-events="/api/executions/{execution_id}/events' in running
    assert 'id="cancel"' in running
    assert 'id="retry"' not in running
    assert re.search(r'data-engine="doubao">.*?data-live="failed">1<', running, re.DOTALL)
    assert "key not accepted × 1" in running
    finish(desk, execution_id, [failed()] * 3)
    ended = client.get(f"/executions/{execution_id}").text
    assert "data-events" not in ended
    assert 'id="cancel"' not in ended
    assert "Ask the 4 missing ones again" in ended
    assert f"/executions/{execution_id}/report" in ended


def test_what_the_page_offers_is_done(desk: Desk, client: ContractClient) -> None:
    """Cancelled by its form, an execution is cancelled; asked again by its form, there is one new one, however often."""
    execution_id = submit(client)
    response = _own_form(client, f"/executions/{execution_id}/cancel")
    assert (response.status_code, response.headers["location"]) == (303, f"/executions/{execution_id}")  # type: ignore[attr-defined]
    assert client.get(f"/api/executions/{execution_id}").json()["status"] == "cancelled"
    again = [_own_form(client, f"/executions/{execution_id}/retry").headers["location"] for _ in range(2)]  # type: ignore[attr-defined]
    assert again[0] == again[1] != f"/executions/{execution_id}"
    assert client.get(again[0]).status_code == 200
    late = _own_form(client, f"/executions/{execution_id}/cancel")
    assert late.status_code == 409  # type: ignore[attr-defined]
    assert "cancelled" in late.text  # type: ignore[attr-defined]


def test_foreign_executions_have_no_page(desk: Desk) -> None:
    """What another owner has is not there, to look at or to stop."""
    ann = ContractClient(desk, key=add_key(desk, "ann"))
    bob = ContractClient(desk, key=add_key(desk, "bob"))
    execution_id = submit(ann)
    assert ann.get(f"/executions/{execution_id}").status_code == 200
    assert bob.get(f"/executions/{execution_id}").status_code == 404
    assert _own_form(bob, f"/executions/{execution_id}/cancel").status_code == 404  # type: ignore[attr-defined]
    assert execution_id not in bob.get("/").text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("fr,en;q=0.5,zh;q=0.2", "en"), ("zh-TW", "zh"), ("de", "en")],
)
def test_a_page_is_in_the_visitors_language(small: ContractClient, accepted: str, language: str) -> None:
    """By what the browser asks for, in so many words in the page and in its header."""
    page = small.get("/", headers={"Accept-Language": accepted})
    assert page.headers["content-language"] == TAGS[language]  # type: ignore[index]
    assert f'<html lang="{TAGS[language]}">' in page.text  # type: ignore[index]
    assert ("开始" in page.text) == (language == "zh")


def test_a_choice_is_kept(small: ContractClient) -> None:
    """A language and a theme that were chosen stand against the browser's; auto forgets the theme."""
    chosen = small.get("/choose?language=zh&theme=dark&back=/sign-in")
    assert chosen.headers["location"] == "/sign-in"
    page = small.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="zh-Hans" data-theme="dark">' in page
    small.get("/choose?theme=auto")
    assert "data-theme=" not in small.get("/").text.split("<head>")[0]


@pytest.mark.parametrize("back", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "", "x"])
def test_a_choice_leads_nowhere_else(small: ContractClient, back: str) -> None:
    """Given a way back that is none of ours, then it leads to the first page."""
    assert small.get("/choose", params={"theme": "dark", "back": back}).headers["location"] == "/"


def test_trouble_is_a_page_in_both_languages(small: ContractClient) -> None:
    """What went wrong and what to do, as a page for who looks at pages, and as a problem for who calls the API."""
    page = small.get("/executions/00000000-0000-0000-0000-000000000000")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in page.text
    lost = small.get("/nowhere", headers={"Accept": "text/html"})
    assert lost.status_code == 404
    assert "There is no such page" in lost.text
    assert small.get("/nowhere").headers["content-type"].startswith("application/problem+json")
    assert small.get("/?unknown=1").status_code == 422


def test_what_a_page_loads_is_there_and_stays(small: ContractClient) -> None:
    """Each style and script of a page exists, has its type, may be kept for ever, and comes packed to who takes it."""
    page = small.get("/").text
    addresses = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
    assert {urlsplit(address).path.rpartition("/")[2] for address in addresses} >= {"look.css", "site.css", "site.js"}
    for address in [*addresses, *re.findall(r'"(/assets/[^"]+)"', small.get("/sign-in").text)]:
        plain = small.get(address, headers={"Accept-Encoding": "identity"})
        packed = small.get(address, headers={"Accept-Encoding": "gzip"})
        assert plain.status_code == 200
        assert "immutable" in plain.headers["cache-control"]
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
    old = small.get("/assets/0123456789abcdef/look.css")
    assert old.headers["cache-control"] == "no-cache"
    assert small.get("/assets/0/..%2fapp.py").status_code == 404
    assert small.get("/assets/0/nothing.js").status_code == 404


def test_pages_come_packed(small: ContractClient) -> None:
    """To a browser that unpacks, a page travels small."""
    plain = small.get("/", headers={"Accept-Encoding": "identity"})
    packed = small.get("/", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2


def test_everything_simulated_is_said_on_every_page(sqlite_url: str, tmp_path: object) -> None:
    """Given a service where every engine is simulated, then each page begins with that; elsewhere none does."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_SIMULATE="all")
    assert "Every engine is answered by a simulator" in ContractClient(desk).get("/").text
    desk.close()
    other = open_desk(sqlite_url, tmp_path, BRANDQ_SIMULATE="off")
    assert "simulator" not in ContractClient(other).get("/").text
    other.close()
