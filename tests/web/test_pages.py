"""The two pages: what runs here, and how one execution goes."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex

from brandq.actors.desk import Desk
from tests.web.site import ContractClient, add_key, failed, finish, open_desk, submit


def test_the_first_page_says_what_runs_here(desk: Desk, client: ContractClient) -> None:
    """Version, mode, simulated or not, the engines, the last executions with their reports."""
    assert "None yet." in client.get("/").text
    ended, running = submit(client, label="march"), submit(client)
    finish(desk, ended)
    page = client.get("/").text
    for words in ("embedded", "SIMULATED: Engines without a key", "doubao", "豆包", "march", "completed", "queued"):
        assert words in page
    assert f"/api/executions/{ended}/report?format=html" in page
    assert f"/api/executions/{running}/report" not in page
    assert f"/executions/{running}" in page


def test_its_curl_works(small: ContractClient) -> None:
    """What the page says to try is accepted as it stands."""
    page = small.get("/").text
    command = re.search(r"<pre>(curl .*?)</pre>", page, re.DOTALL)
    assert command is not None
    words = shlex.split(command[1].replace("&#39;", "'").replace("&#34;", '"').replace("\\\n", " "))
    assert words[:4] == ["curl", "-X", "POST", "http://127.0.0.1:8000/api/executions"]
    header, body = words[5].split(": "), words[7]
    assert small.post("/api/executions", content=body.encode(), headers=dict([header])).status_code == 202


def test_an_odd_host_does_not_reach_the_command(small_desk: Desk) -> None:
    """What a visitor is told to paste into a shell has no foreign text in it."""
    key = add_key(small_desk, "ann", "read")
    client = ContractClient(small_desk, key=key)
    page = client.get("/", headers={"Host": "x;rm -rf ~"}).text
    assert "rm -rf" not in page


def test_without_a_key_it_shows_what_everybody_may_know(small_desk: Desk) -> None:
    """No execution, no engine, no mode; and what to do."""
    client = ContractClient(small_desk)
    execution_id = submit(client)
    add_key(small_desk, "ann")
    for visitor in (client, ContractClient(small_desk, local=False)):
        page = visitor.get("/")
        assert page.status_code == 200
        assert "API key" in page.text
        for words in (execution_id, "doubao", "embedded"):
            assert words not in page.text


def test_nothing_is_marked_where_nothing_is_simulated(sqlite_url: str, tmp_path: object) -> None:
    """The banner is for what it says, or nobody reads it."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_SIMULATE="off")
    client = ContractClient(desk)
    page = client.get("/").text
    assert "SIMULATED" not in page
    assert "real answers" in page
    assert "no: set " in page
    desk.close()


def test_an_execution_has_a_page(desk: Desk, client: ContractClient) -> None:
    """It looks again by itself while it runs; then it leads to the report. Errors show per engine."""
    execution_id = submit(client)
    running = client.get(f"/executions/{execution_id}").text
    assert 'http-equiv="refresh"' in running
    assert "queued" in running
    finish(desk, execution_id, [failed()] * 4)
    ended = client.get(f"/executions/{execution_id}").text
    assert 'http-equiv="refresh"' not in ended
    assert "auth × 2" in ended
    assert f"/api/executions/{execution_id}/report?format=html" in ended


def test_pages_run_and_load_nothing(small_desk: Desk, small: ContractClient) -> None:
    """No script, nothing from elsewhere, and the policy allows exactly the page's own style."""
    execution_id = submit(small)
    finish(small_desk, execution_id)
    for path in ("/", f"/executions/{execution_id}", f"/api/executions/{execution_id}/report?format=html"):
        page = small.get(path)
        assert "<script" not in page.text
        assert not re.search(r"(src|href)=\"(https?:)?//", page.text.replace("https://www.example.com", ""))
        assert not re.search(r"<[^>]+ style=", page.text), "the policy would not apply it"
        [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert '<meta name="viewport"' in page.text
