"""Signing in with a browser: what a session may do, how it ends, and that no other site's page can use it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.actors.desk import Desk
from brandq.web.access import LOCAL_COOKIE, SESSION_COOKIE, SIGN_IN_LIMIT
from brandq.web.sessions import SESSION_LASTS, VISIT_COOKIE
from tests.web.site import SECRET, ContractClient, add_key, submit


def sign_in(client: ContractClient, key: str, **headers: str) -> object:
    return client.post("/sign-in", data={"key": key, "back": "/", "csrf": client.form_token()}, headers=headers)


def _cookie_line(response: object, name: str) -> str:
    lines = [line for line in response.headers.get_list("set-cookie") if line.startswith(f"{name}=")]  # type: ignore[attr-defined]
    assert len(lines) == 1
    return str(lines[0])


def test_a_key_opens_the_pages(desk: Desk) -> None:
    """Given keys, then a page leads to the form; when a key is given there, it comes back to the page, signed in."""
    key = add_key(desk, "ann")
    client = ContractClient(desk)
    asked = client.get("/executions/x?a=1")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?back=%2Fexecutions%2Fx%3Fa%3D1"
    assert sign_in(client, key).headers["location"] == "/"  # type: ignore[attr-defined]
    page = client.get("/")
    assert page.status_code == 200
    assert "Sign out" in page.text
    assert "(ann)" in page.text


def test_a_wrong_key_is_told_at_the_field(small_desk: Desk) -> None:
    """A key that is unknown, revoked or no key at all opens nothing, and the form says so."""
    add_key(small_desk, "ann")
    client = ContractClient(small_desk)
    for wrong in ("", "bq_ann1", f"bq_other_{SECRET}", "bq_ann1_wrong", "<script>"):
        response = sign_in(client, wrong)
        assert response.status_code == 401  # type: ignore[attr-defined]
        assert 'aria-invalid="true"' in response.text  # type: ignore[attr-defined]
        assert wrong == "" or wrong not in response.text  # type: ignore[attr-defined]
    assert client.get("/").status_code == 303


def test_guesses_are_counted(small_desk: Desk) -> None:
    """After so many tries from one address, the next is told to wait."""
    client = ContractClient(small_desk)
    statuses = [sign_in(client, "bq_a_b").status_code for _ in range(SIGN_IN_LIMIT.most + 1)]  # type: ignore[attr-defined]
    assert statuses == [401] * SIGN_IN_LIMIT.most + [429]


def test_off_this_machine_the_cookie_is_bound_to_host_and_tls(small_desk: Desk) -> None:
    """``__Host-``, Secure, HttpOnly, SameSite=Lax, without a domain; on this machine the same but for TLS."""
    key = add_key(small_desk, "ann")
    away = ContractClient(small_desk, local=False)
    away.base_url = "https://brandq.test"
    line = _cookie_line(sign_in(away, key), SESSION_COOKIE).lower()
    for part in ("secure", "httponly", "samesite=lax", "path=/"):
        assert part in line
    assert "domain" not in line
    local = _cookie_line(sign_in(ContractClient(small_desk), key), LOCAL_COOKIE).lower()
    assert "httponly" in local
    assert "samesite=lax" in local
    assert "secure" not in local


def test_the_cookie_of_this_machine_counts_on_it_alone(small_desk: Desk) -> None:
    """Given a session without TLS, when its token comes from elsewhere under that name, then it opens nothing."""
    key = add_key(small_desk, "ann")
    here = ContractClient(small_desk)
    sign_in(here, key)
    token = here.cookies[LOCAL_COOKIE]
    away = ContractClient(small_desk, local=False)
    assert away.get("/", headers={"Cookie": f"{LOCAL_COOKIE}={token}"}).status_code == 303
    assert away.get("/", headers={"Cookie": f"{SESSION_COOKIE}={token}"}).status_code == 200


def test_a_session_reads_the_api_and_changes_nothing_there(desk: Desk) -> None:
    """With the cookie alone the API can be read, as a page's script does; what changes something wants the key."""
    key = add_key(desk, "ann")
    execution_id = submit(ContractClient(desk, key=key))
    client = ContractClient(desk)
    sign_in(client, key)
    assert client.get(f"/api/executions/{execution_id}").status_code == 200
    assert client.post(f"/api/executions/{execution_id}/cancel").status_code == 401
    assert client.get(f"/api/executions/{execution_id}").json()["status"] == "queued"


def test_a_session_can_do_what_its_key_can(desk: Desk) -> None:
    """Given a key that only reads, then its session cancels nothing; other owners' things are not there."""
    ann, bob = add_key(desk, "ann"), add_key(desk, "bob", "read")
    execution_id = submit(ContractClient(desk, key=ann))
    client = ContractClient(desk)
    sign_in(client, bob)
    assert client.get(f"/executions/{execution_id}").status_code == 404
    refused = client.post(f"/executions/{execution_id}/cancel", data={"csrf": client.form_token()})
    assert refused.status_code == 403
    assert "New diagnosis" not in client.get("/").text


def test_a_session_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By signing out, with its key, and by its age."""
    key = add_key(desk, "ann", key_id="a")
    first, second, third = (ContractClient(desk) for _ in range(3))
    for client in (first, second, third):
        sign_in(client, key)
    token = first.cookies[LOCAL_COOKIE]
    first.post("/sign-out", data={"csrf": re.search(r'name="csrf" value="([^"]+)"', first.get("/").text)[1]})  # type: ignore[index]
    assert first.get("/").status_code == 303
    assert first.get("/", headers={"Cookie": f"{LOCAL_COOKIE}={token}"}).status_code == 303
    assert second.get("/").status_code == 200
    now = datetime.now(desk.now().tzinfo)
    with desk.database.read() as db:
        held = second.cookies[LOCAL_COOKIE]
        assert store.session_key(db, held, now=now + SESSION_LASTS - timedelta(minutes=1)) is not None
        assert store.session_key(db, held, now=now + SESSION_LASTS + timedelta(minutes=1)) is None
    with desk.database.begin() as db:
        store.revoke_key(db, "a", now=desk.now())
    add_key(desk, "other")
    assert third.get("/").status_code == 303


def test_tokens_are_not_kept(small_desk: Desk) -> None:
    """Of a session the database has a hash; who reads the table cannot sign in with it."""
    client = ContractClient(small_desk)
    sign_in(client, add_key(small_desk, "ann"))
    token = client.cookies[LOCAL_COOKIE]
    with small_desk.database.read() as db:
        kept = db.execute(sa.text("SELECT * FROM sessions")).mappings().one()
    assert token not in str(dict(kept))
    assert len(kept["hashed"]) == 64


@pytest.mark.parametrize(
    "forged",
    [
        {"data": {}},
        {"data": {"csrf": ""}},
        {"data": {"csrf": "a.b"}},
        {"data": {"csrf": "é.ü"}},
        {"headers": {"Origin": "https://evil.test"}},
        {"headers": {"Origin": "null"}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "same-site"}},
        {"headers": {"Content-Type": "text/plain"}},
    ],
    ids=[
        "no token",
        "empty",
        "made up",
        "not ascii",
        "foreign origin",
        "null origin",
        "cross-site",
        "same-site",
        "text",
    ],
)
def test_no_other_sites_form_is_taken(small_desk: Desk, forged: dict[str, dict[str, str]]) -> None:
    """Given somebody signed in, when a form comes that no page of ours sent, then nothing happens."""
    key = add_key(small_desk, "ann")
    execution_id = submit(ContractClient(small_desk, key=key))
    client = ContractClient(small_desk)
    sign_in(client, key)
    good = {"csrf": client.form_token()}
    response = client.post(f"/executions/{execution_id}/cancel", **{"data": good, **forged})
    assert response.status_code in (403, 415)
    assert client.get(f"/api/executions/{execution_id}").json()["status"] == "queued"
    taken = client.post(f"/executions/{execution_id}/cancel", data=good, headers={"Origin": "http://127.0.0.1:8000"})
    assert taken.status_code == 303


def test_a_token_is_good_for_its_own_browser(small_desk: Desk) -> None:
    """Given a token of another session, or of a visit before the session, then it is refused."""
    key = add_key(small_desk, "ann")
    mine, other = ContractClient(small_desk), ContractClient(small_desk)
    before = mine.form_token()
    sign_in(mine, key)
    sign_in(other, key)
    for token in (before, other.form_token()):
        assert mine.post("/sign-out", data={"csrf": token}).status_code == 403
    assert mine.get("/").status_code == 200


def test_without_keys_forms_are_bound_to_the_visit(small: ContractClient) -> None:
    """On a machine without keys a form wants the cookie that its page gave, so a foreign page cannot send one."""
    execution_id = submit(small)
    token = small.form_token()
    assert VISIT_COOKIE in small.cookies
    held = small.cookies[VISIT_COOKIE]
    small.cookies.clear()
    assert small.post(f"/executions/{execution_id}/cancel", data={"csrf": token}).status_code == 403
    own = {"Cookie": f"{VISIT_COOKIE}={held}"}
    assert small.post(f"/executions/{execution_id}/cancel", data={"csrf": token}, headers=own).status_code == 303
