"""What a body may say: every fault of it is told at once, and nothing is stored. Nothing that is right is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from brandq import store
from brandq.actors.desk import Desk
from brandq.errors import BadRequest
from brandq.web import wire
from tests.web.site import PLAN, ContractClient


def stored(desk: Desk) -> int:
    with desk.database.read() as db:
        return len(store.list_executions(db, "local", store.Filter(), 1000))


@pytest.mark.parametrize(
    "brands",
    [
        ["L'Oréal", "AT&T", "C++", "趣车良品", "H&M"],
        ["小米", "小米有品"],
        ["🍎 Apple", "Ünïcödé", "Яндекс", "삼성", "ソニー"],
        [{"name": "<script>alert(1)</script>", "aliases": ["on=x", "javascript:"]}],
        ['O\'Reilly "quoted" \\ back/slash'],
    ],
)
def test_a_brand_is_any_name(small: ContractClient, brands: list[Any]) -> None:
    """Any script and any symbol, kept as it was written."""
    accepted = small.post("/api/executions", json={**PLAN, "brands": brands})
    assert accepted.status_code == 202, accepted.text
    shown = small.get(accepted.json()["links"]["self"]).json()
    names = [brand["name"] if isinstance(brand, dict) else brand for brand in brands]
    assert [brand["name"] for brand in shown["plan"]["brands"]] == names


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("Is Model 3.5 good? Or 4.0? What do you say. Yes", None),
        ("深圳哪家好？哪家便宜?  两个空格\n换行。", None),
        ("  spaces around  ", None),
        ("🚗 which one?", None),
        ("{brand} 怎么样？", "趣车良品 怎么样？"),
        ("{{brandName}} or {{ competitor }}?", "趣车良品 or 竞品 1?"),
        ("what does {} mean, and {1}?", None),
    ],
)
def test_a_prompt_is_asked_word_for_word(small: ContractClient, prompt: str, asked: str | None) -> None:
    """Never split, trimmed or rewritten; only its placeholders are filled."""
    accepted = small.post("/api/executions", json={**PLAN, "prompts": [prompt]})
    assert accepted.status_code == 202, accepted.text
    shown = small.get(accepted.json()["links"]["self"]).json()
    assert shown["plan"]["prompts"] == [prompt if asked is None else asked]


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        ({"amount": "5.00", "currency": "USD"}, {"amount": "5", "currency": "USD"}),
        ({"amount": 0.1, "currency": "CNY"}, {"amount": "0.1", "currency": "CNY"}),
        ({"amount": "1e3", "currency": "EUR"}, {"amount": "1000", "currency": "EUR"}),
        ("5.000001 USD", {"amount": "5.000001", "currency": "USD"}),
        (None, None),
    ],
)
def test_a_cost_limit_is_an_amount_with_its_currency(small: ContractClient, limit: Any, kept: Any) -> None:
    """As text or number, exactly as it was meant; what is simulated is within every limit."""
    accepted = small.post("/api/executions", json={**PLAN, "cost_limit": limit})
    assert accepted.status_code == 202, accepted.text
    assert small.get(accepted.json()["links"]["self"]).json()["plan"]["cost_limit"] == kept


@pytest.mark.parametrize("count", [1, 20])
def test_up_to_twenty_prompts(small: ContractClient, count: int) -> None:
    """One and twenty are both fine."""
    prompts = [f"prompt {number}" for number in range(count)]
    accepted = small.post("/api/executions", json={**PLAN, "prompts": prompts})
    assert (accepted.status_code, accepted.json()["planned"]) == (202, count * 4)


def test_domestic_and_foreign_engines_mix(small: ContractClient) -> None:
    """In one plan, by name or by alias."""
    accepted = small.post("/api/executions", json={**PLAN, "engines": ["豆包", "Kimi", "chatgpt", {"engine": "grok"}]})
    assert accepted.status_code == 202, accepted.text
    assert accepted.json()["simulated"] == ["doubao", "kimi", "openai", "xai"]


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"brands": []}, ["/brands"]),
    ({"brands": None}, ["/brands"]),
    ({"brands": "趣车良品"}, ["/brands"]),
    ({"brands": [f"b{number}" for number in range(11)]}, ["/brands"]),
    ({"brands": ["a", "A "]}, ["/brands/1/name"]),
    ({"brands": ["a", "b", "Ｂ"]}, ["/brands/2/name"]),
    ({"brands": ["a", {"name": "b", "aliases": ["A"]}]}, ["/brands/1/aliases/0"]),
    ({"brands": ["a", 7, {"name": ""}, {"name": "c", "logo": 1}]}, ["/brands/1", "/brands/2/name", "/brands/3/logo"]),
    ({"brands": ["x" * 101]}, ["/brands/0/name"]),
    ({"brands": ["???"]}, ["/brands/0/name"]),
    ({"brands": ["a\u0000b"]}, ["/brands/0/name"]),
    ({"prompts": []}, ["/prompts"]),
    ({"prompts": [f"p{number}" for number in range(21)]}, ["/prompts"]),
    ({"prompts": "one?"}, ["/prompts"]),
    ({"prompts": ["a", "a"]}, ["/prompts/1"]),
    ({"prompts": ["x" * 501, " ", 3]}, ["/prompts/0", "/prompts/1", "/prompts/2"]),
    ({"prompts": ["{{brandNam}} oder {foo}?"]}, ["/prompts/0"]),
    ({"prompts": ["{competitor}?"], "brands": ["a"]}, ["/prompts/0"]),
    ({"engines": []}, ["/engines"]),
    ({"engines": ["gpt5-nonexistent", "doubao"]}, ["/engines/0"]),
    ({"engines": ["doubao", "豆包"]}, ["/engines/1"]),
    ({"engines": [{"engine": "doubao", "modell": "x"}]}, ["/engines/0/modell"]),
    ({"engines": [{"engine": "doubao", "search": "yes"}]}, ["/engines/0/search"]),
    ({"repeats": 0}, ["/repeats"]),
    ({"repeats": 21}, ["/repeats"]),
    ({"repeats": True}, ["/repeats"]),
    ({"repeats": 1.5}, ["/repeats"]),
    ({"priority": 11}, ["/priority"]),
    ({"priority": "5"}, ["/priority"]),
    ({"label": "x" * 101}, ["/label"]),
    ({"system": ""}, ["/system"]),
    ({"system": "x" * 2001}, ["/system"]),
    ({"cost_limit": 5}, ["/cost_limit"]),
    ({"cost_limit": "5"}, ["/cost_limit"]),
    ({"cost_limit": {"amount": "5.00"}}, ["/cost_limit"]),
    ({"cost_limit": {"amount": "0", "currency": "USD"}}, ["/cost_limit"]),
    ({"cost_limit": {"amount": "many", "currency": "USD"}}, ["/cost_limit"]),
    ({"cost_limit": {"amount": "1e-7", "currency": "USD"}}, ["/cost_limit"]),
    ({"cost_limit": {"amount": True, "currency": "USD"}}, ["/cost_limit"]),
    ({"cost_limit": {"amount": "5.00", "currency": "dollars"}}, ["/cost_limit"]),
    ({"cost_limit": {"amount": "5.00", "currency": "USD", "per": "day"}}, ["/cost_limit"]),
    ({"reuse_within_hours": -1}, ["/reuse_within_hours"]),
    ({"reuse_within_hours": 1.5}, ["/reuse_within_hours"]),
    ({"reuse_within_hours": 24 * 92 + 1}, ["/reuse_within_hours"]),
    ({"promts": ["a"]}, ["/promts"]),
    ({"owner": "somebody"}, ["/owner"]),
    (
        {"brands": ["a", "a"], "prompts": [], "engines": ["nobody"], "repeats": 99, "priority": -1, "extra": 1},
        ["/extra", "/brands/1/name", "/prompts", "/engines/0", "/repeats", "/priority"],
    ),
]


@pytest.mark.parametrize(("wrong", "pointers"), FAULTS, ids=[",".join(pointers) for _, pointers in FAULTS])
def test_every_fault_is_told_at_once(
    small_desk: Desk, small: ContractClient, wrong: dict[str, Any], pointers: list[str]
) -> None:
    """One 422 lists them all with their places, and nothing is stored."""
    response = small.post("/api/executions", json={**PLAN, **wrong})
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == pointers
    assert all(fault["detail"] for fault in response.json()["errors"])
    assert response.headers["content-type"].startswith("application/problem+json")
    assert stored(small_desk) == 0


def test_an_unknown_engine_is_answered_with_those_there_are(small: ContractClient) -> None:
    """Nobody is asked in its place."""
    fault = small.post("/api/executions", json={**PLAN, "engines": ["gtp"]}).json()["errors"][0]
    assert "doubao" in fault["detail"]


def test_too_many_samples_are_refused_with_the_multiplication(small: ContractClient) -> None:
    """20 × 20 × 20 is within 10,000; the setting bounds what is above."""
    engines = [row["name"] for row in small.get("/api/engines").json()["engines"]]
    models = [{"engine": engines[0], "model": f"m{number}"} for number in range(20)]
    plan = {**PLAN, "prompts": [f"p{n}" for n in range(20)], "engines": models, "repeats": 20}
    assert small.post("/api/executions?dry_run=true", json=plan).json()["planned"] == 8000


def test_ten_thousand_samples_are_one_plan(small_desk: Desk, small: ContractClient) -> None:
    """20 × 25 × 20 is as many as the setting lets through; every place of the plan has its sample, once, in the order of asking."""
    engines = [row["name"] for row in small.get("/api/engines").json()["engines"]]
    models = [{"engine": engines[0], "model": f"m{number}"} for number in range(25)]
    plan = {**PLAN, "prompts": [f"p{n}" for n in range(20)], "engines": models, "repeats": 20}
    execution_id = small.post("/api/executions", json=plan).json()["execution_id"]
    asked = [f"{engines[0]}/m{number}" for number in range(25)]
    with small_desk.database.read() as db:
        rows = store.list_samples(db, execution_id, store.SampleFilter(), 10_001)
    assert [(row.repeat_no, row.prompt_no, row.engine) for row in rows] == [
        (repeat_no, prompt_no, engine) for repeat_no in range(1, 21) for prompt_no in range(1, 21) for engine in asked
    ]
    assert {row.state for row in rows} == {"waiting"}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"nonsense", "application/json", 400),
        (b'{"brands": ["\xff"]}', "application/json", 400),
        ('{"brands": ["趣车"]}'.encode("gbk"), "application/json", 400),
        (b'{"brands": ["a"], "brands": ["b"]}', "application/json", 400),
        (b'{"priority": NaN}', "application/json", 400),
        (b'{"priority": -Infinity}', "application/json", 400),
        (b'{"priority": 1e999}', "application/json", 400),
        (b'{"priority": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"text"', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{}", "application/json; charset=gbk", 415),
        (b"{}", "", 415),
        (b'{"label": "' + b"x" * 1_000_000 + b'"}', "application/json", 413),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.parametrize("path", ["/api/executions", "/api/perform-brand-test-async"])
def test_what_is_no_document_is_refused(
    small_desk: Desk, small: ContractClient, path: str, body: bytes, content_type: str, status: int
) -> None:
    """Each kind of wrong body has its status, in the form that its wire's clients read."""
    response = small.post(path, content=body, headers={"Content-Type": content_type})
    assert response.status_code == status
    if path.endswith("async"):
        assert (response.json()["status"], response.json()["code"]) == ("error", status)
    else:
        assert response.json()["status"] == status
    assert stored(small_desk) == 0


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json; charset="UTF-8"']
)
def test_json_in_utf8_is_taken_however_it_is_announced(small: ContractClient, content_type: str) -> None:
    """With or without a charset, with or without the mark that some editors put in front."""
    body = b"\xef\xbb\xbf" + json.dumps(PLAN, ensure_ascii=False).encode()
    assert small.post("/api/executions", content=body, headers={"Content-Type": content_type}).status_code == 202


def test_a_body_that_is_dripped_is_bounded_too(small: ContractClient) -> None:
    """Without a Content-Length, what arrives is counted."""
    response = small.post(
        "/api/executions", content=(b" " * 100_000 for _ in range(11)), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413


def test_a_body_that_never_ends_is_given_up() -> None:
    """A caller who drips holds a connection for so long, and no thread."""

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(BadRequest) as refused:
        asyncio.run(wire.read_body(Request({"type": "http", "headers": []}, receive), within_s=0.1))
    assert refused.value.status == 408


def test_a_caller_who_leaves_is_counted_and_sent_nothing(small: ContractClient) -> None:
    """It is nobody's fault, so it is no incident."""
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/executions",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }
    asyncio.run(small.app(scope, receive, send))
    assert sent == []
    assert 'path="/api/executions",status="499"} 1.0' in small.get("/metrics").text


def test_half_a_surrogate_comes_back_as_it_was_sent(small: ContractClient) -> None:
    """JSON can spell what UTF-8 cannot; the reply can as well."""
    body = rb'{"\ud800": 1, "brands": ["\udfff"]}'
    response = small.post("/api/executions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert "/\ud800" in [fault["pointer"] for fault in json.loads(response.content)["errors"]]


def test_a_megabyte_of_faults_comes_back_short(small: ContractClient) -> None:
    """A hundred are listed, the others counted."""
    response = small.post("/api/executions", json={**PLAN, "prompts": [""] * 100_000})
    assert response.status_code == 422
    assert len(response.json()["errors"]) == 101
    assert response.json()["errors"][-1]["detail"] == "and 99901 more"
    assert len(response.content) < 20_000
