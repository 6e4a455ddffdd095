"""Samples, answers and reports: every number leads to what it was counted from."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

import pytest

from brandq import store
from brandq.actors.desk import Desk
from brandq.analysis.method import method_version
from brandq.plan import parse_brands
from brandq.providers.dialect import AnswerKind
from tests.web.site import PLAN, TEXT, ContractClient, answered, failed, finish, sample_ids, submit

HOSTILE = "<script>alert(1)</script> 趣车良品 \u202e [x](javascript:alert(1)) <img src=x onerror=alert(1)>"


def test_every_sample_has_its_row(desk: Desk, client: ContractClient) -> None:
    """Answered or failed, with the reason; pages follow each other without gaps or doubles."""
    execution_id = submit(client)
    ids = finish(desk, execution_id, [failed(), answered(), answered("", AnswerKind.EMPTY), answered()])
    rows: list[dict[str, Any]] = []
    url = f"/api/executions/{execution_id}/samples?limit=3"
    while url:
        page = client.get(url).json()
        rows += page["samples"]
        url = page["next"]
    assert [row["sample_id"] for row in rows] == ids
    assert [row["state"] for row in rows] == ["failed", "analyzed", "analyzed", "analyzed"]
    assert rows[0]["error"] == {"code": "auth", "message": "no such key", "http_status": 401}
    assert rows[0]["answer"] is None
    assert rows[1]["answer"]["brands"] == ["趣车良品", "竞品 1"]
    assert rows[1]["answer"]["simulated"] is True
    assert rows[2]["answer"]["kind"] == "empty"


def test_samples_are_filtered(desk: Desk, client: ContractClient) -> None:
    """By engine, state, prompt and brand; what the plan does not have is told, not answered with nothing."""
    execution_id = submit(client, prompts=["a?", "b?"], repeats=1)
    ids = finish(desk, execution_id, [answered("竞品 1"), answered("趣车 is fine"), failed(), answered("nobody")])
    own = f"/api/executions/{execution_id}/samples"

    def listed(filters: str) -> list[int]:
        return [row["sample_id"] for row in client.get(f"{own}?{filters}").json()["samples"]]

    assert listed("engine=doubao") == [ids[0], ids[2]]
    assert listed("state=failed") == [ids[2]]
    assert listed("prompt_no=2") == [ids[2], ids[3]]
    assert listed(f"brand={quote('趣车良品')}") == [ids[1]], "an alias counts"
    assert listed(f"engine=doubao&brand={quote('竞品 1')}&after=0") == [ids[0]]
    wrong = client.get(f"{own}?engine=kimi&brand=nobody").json()["errors"]
    assert [fault["pointer"] for fault in wrong] == ["?engine", "?brand"]
    for filters in ("limit=0", "after=-1", f"after={2**63}", "prompt_no=0", "state=done", "engine=", "brand=%00"):
        assert client.get(f"{own}?{filters}").status_code == 422, filters


def test_an_answer_is_shown_with_its_evidence(desk: Desk, client: ContractClient) -> None:
    """Text, spans that lie in it, sources with their owner, what was asked for and what answered, and the raw body."""
    execution_id = submit(client)
    raw = b'\x00{"raw": "<script>"}\xff'
    finish(desk, execution_id, [answered(raw=raw)] * 4)
    own = f"/api/executions/{execution_id}/answers/{sample_ids(desk, execution_id)[0]}"
    shown = client.get(own).json()
    assert (shown["text"], shown["kind"], shown["usable"]) == (TEXT, "ok", True)
    assert shown["prompt"] == "深圳新能源汽车改装门店哪家好？"
    by_brand = {mention["brand"]: mention for mention in shown["mentions"]}
    assert {TEXT[start:end] for start, end in by_brand["趣车良品"]["spans"]} == {"趣车良品"}
    assert by_brand["趣车良品"]["rank"] == 1
    assert by_brand["竞品 1"]["rank"] == 2
    assert (by_brand["趣车良品"]["sentiment"], by_brand["竞品 1"]["sentiment"]) == ("pos", "neu")
    assert {TEXT[start:end] for start, end in by_brand["趣车良品"]["evidence"]} == {"口碑好"}
    assert (by_brand["趣车良品"]["strength"], by_brand["趣车良品"]["known"]) == (2, True)
    assert (shown["answer_type"], shown["injection_suspected"]) == ("recommendation", False)
    assert shown["method_version"] == method_version(parse_brands(PLAN["brands"]))
    assert shown["citations"][0]["domain"] == "example.com"
    assert shown["citations"][0]["owner"] == "趣车良品"
    assert (shown["engine"]["engine"], shown["served_model"]) == ("doubao", "m-2026")
    assert shown["request"] == {"model": "m", "messages": []}
    assert shown["cost"] == {"amount": None, "currency": None, "basis": "unknown"}
    assert (shown["latency_ms"], shown["http_status"], shown["simulated"]) == (1200, 200, True)
    body = client.get(shown["links"]["raw"])
    assert body.content == raw
    assert body.headers["content-type"] == "application/octet-stream"
    assert body.headers["x-content-type-options"] == "nosniff"
    assert body.headers["content-disposition"].startswith("attachment")


def test_an_answer_can_be_followed_to_the_head(desk: Desk, client: ContractClient) -> None:
    """Given answers with their numbers and digests, then whoever reads them can make each digest out of the one before, as
    docs/evidence.md says, and ends at the head that the execution shows."""
    execution_id = submit(client)
    own = f"/api/executions/{execution_id}"
    assert client.get(own).json()["evidence"] is None
    finish(desk, execution_id)
    with desk.database.read() as db:
        plan_digest = store.execution(db, execution_id).plan_digest

    def digest(*covered: object) -> str:
        return hashlib.sha256(json.dumps(covered, separators=(",", ":")).encode()).hexdigest()

    shown = [client.get(f"{own}/answers/{sample_id}").json() for sample_id in sample_ids(desk, execution_id)]
    head = digest("brandq chain 1", execution_id, plan_digest)
    for number, one in enumerate(sorted(shown, key=lambda one: one["chain_no"]), 1):
        place = (execution_id, one["prompt_no"], one["engine"]["engine"], one["repeat_no"])
        cost = (one["cost"]["amount"], one["cost"]["currency"], one["cost"]["basis"], one["taken_from"])
        head = digest("brandq link 1", head, one["content_digest"], number, *place, *cost)
        assert one["digest"] == head
    assert client.get(own).json()["evidence"] == {"answers": 4, "head": head}


@pytest.mark.parametrize("sample_id", ["0", "-1", "abc", "1e3", str(2**63), "9" * 400, "%00", "１"])
def test_what_is_no_sample_is_not_found(small: ContractClient, sample_id: str) -> None:
    """Whatever stands in the path, the database is not asked what it cannot hold."""
    execution_id = submit(small)
    assert small.get(f"/api/executions/{execution_id}/answers/{sample_id}").status_code == 404


def test_a_sample_without_an_answer_has_none_to_show(desk: Desk, client: ContractClient) -> None:
    """404 for the answer and for its raw body."""
    execution_id = submit(client)
    own = f"/api/executions/{execution_id}/answers/{sample_ids(desk, execution_id)[0]}"
    assert client.get(own).status_code == 404
    assert client.get(f"{own}?raw=true").status_code == 404


def test_the_report_is_frozen(desk: Desk, client: ContractClient) -> None:
    """Three forms of one document, unchanged from call to call, and a 304 for who has it."""
    execution_id = submit(client)
    own = f"/api/executions/{execution_id}/report"
    early = client.get(own)
    assert early.status_code == 409
    assert int(early.headers["retry-after"]) >= 1
    assert early.json()["poll_after_ms"] > 0
    finish(desk, execution_id)
    first = client.get(own)
    assert first.json()["execution_id"] == execution_id
    assert first.json()["simulated"]["any"] is True
    assert client.get(own).content == first.content
    for form, media in (("json", "application/json"), ("html", "text/html"), ("md", "text/markdown")):
        shown = client.get(f"{own}?format={form}")
        assert shown.headers["content-type"] == f"{media}; charset=utf-8"
        assert "趣车良品" in shown.text
        assert "simulated" in shown.text.lower()
        again = client.get(f"{own}?format={form}", headers={"If-None-Match": shown.headers["etag"]})
        assert again.status_code == 304
    refused = client.get(f"{own}?format=docx")
    assert refused.status_code == 422
    assert "json, html, md, pdf, xlsx, csv" in refused.json()["detail"]


def test_every_number_of_the_report_leads_to_its_answers(desk: Desk, client: ContractClient) -> None:
    """Each evidence link works, and lists as many usable answers as the number counted."""
    execution_id = submit(client, prompts=["a?", "b? & c"], brands=["L'Oréal", "AT&T", "C++"])
    finish(desk, execution_id, [answered("L'Oréal, AT&T")] * 3 + [answered("C++")] * 3 + [failed()] * 2)
    document = client.get(f"/api/executions/{execution_id}/report").json()
    links = 0
    for brand in document["brands"]:
        for block in (brand["overall"], *brand["engines"], *brand["prompts"]):
            listed = client.get(block["evidence"])
            assert listed.status_code == 200, block["evidence"]
            if block["mention_rate"]["value"] is not None:
                assert len(listed.json()["samples"]) == block["mention_rate"]["k"]
                links += 1
    assert links >= 9


def test_hostile_text_is_data_everywhere(desk: Desk, client: ContractClient) -> None:
    """Script in a brand, a prompt, a label and an answer comes out as text, under a policy that runs nothing."""
    execution_id = submit(client, brands=[HOSTILE[:60], "趣车良品"], prompts=[HOSTILE], label=HOSTILE[:90])
    finish(desk, execution_id, [answered(HOSTILE), answered(HOSTILE), answered("</style><script>"), failed()])
    for path in ("/", f"/executions/{execution_id}", f"/api/executions/{execution_id}/report?format=html"):
        page = client.get(path)
        assert "alert(1)" in page.text
        for tag in ("<script>", "<img", 'javascript:alert(1)"'):
            assert tag not in page.text, path
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        # the client has looked at every tag of a page; the report as a file has no script at all
        assert path.startswith("/api/") == ("script-src" not in policy)
    sample_id = sample_ids(desk, execution_id)[0]
    assert client.get(f"/api/executions/{execution_id}/answers/{sample_id}").json()["text"] == HOSTILE
