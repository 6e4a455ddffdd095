"""The predecessor's four endpoints, as its clients send and read them."""

from __future__ import annotations

from typing import Any

import pytest

from brandq import store
from brandq.actors.desk import Desk
from brandq.web.compat import OLD_STATUS
from tests.web.site import PLAN, ContractClient, add_key, answered, failed, finish, settle, submit

SUBMIT = "/api/perform-brand-test-async"
#: byte for byte what the predecessor's own report shows with curl -d
CURL = """{
    "brand_list": ["趣车良品", "竞品 1", "竞品 2"],
    "selectedModels": [{"name": "doubao"}, {"name": "qwen"}],
    "customQuestions": ["深圳新能源汽车改装门店哪家好？"],
    "priority": 5
  }"""
BODY = {"brand_list": ["趣车良品", "竞品 1"], "selectedModels": ["doubao"], "customQuestions": ["深圳哪家好？"]}


def stored(desk: Desk, owner: str = "local") -> list[store.Execution]:
    with desk.database.read() as db:
        return store.list_executions(db, owner, store.Filter(), 1000)


def test_its_own_curl_gets_its_202(desk: Desk, client: ContractClient) -> None:
    """The four members that its clients read, and nothing else; then its status."""
    response = client.post(SUBMIT, content=CURL.encode(), headers={"Content-Type": "application/json"})
    assert response.status_code == 202, response.text
    body = response.json()
    assert set(body) == {"status", "execution_id", "message", "estimated_time"}
    assert (body["status"], body["message"]) == ("queued", "任务已提交，正在处理中")
    assert isinstance(body["estimated_time"], int)
    assert "任务已提交".encode() in response.content, "Chinese is not escaped"
    [found] = stored(desk)
    assert [brand.name for brand in found.plan.brands] == ["趣车良品", "竞品 1", "竞品 2"]
    assert found.plan.prompts == ("深圳新能源汽车改装门店哪家好？",)
    assert [engine.engine for engine in found.plan.engines] == ["doubao", "qwen"]
    assert (found.plan.priority, found.plan.repeats) == (5, 1)
    status = client.get(f"/api/diagnosis/status/{body['execution_id']}").json()
    assert status["status"] == "queued"
    assert (status["progress"], status["task_type"], status["priority"]) == (0, "brand_diagnosis", 5)
    assert (status["retry_count"], status["started_at"], status["completed_at"]) == (0, None, None)
    assert (status["result"], status["error_message"]) == (None, None)


@pytest.mark.parametrize(
    ("fields", "engines"),
    [
        ({"selectedModels": ["doubao", "qwen"]}, ["doubao", "qwen"]),
        ({"selected_models": ["qwen"]}, ["qwen"]),
        ({"selectedModels": [{"id": "doubao"}, {"value": "qwen"}, {"label": "Kimi"}]}, ["doubao", "qwen", "kimi"]),
        ({"selectedModels": [{"name": "豆包", "id": 3, "checked": True}]}, ["doubao"]),
        ({"selectedModels": [{"name": "", "label": "qwen"}]}, ["qwen"]),
        ({"selectedModels": [{"name": "doubao", "checked": False}, {"name": "qwen", "checked": True}]}, ["qwen"]),
        ({"selectedModels": [], "selected_models": ["doubao"]}, ["doubao"]),
    ],
)
def test_models_are_spelled_in_many_ways(
    small_desk: Desk, small: ContractClient, fields: dict[str, Any], engines: list[str]
) -> None:
    """Strings and objects, two names for the list, four for the name; what is not checked is left out."""
    body = {**{name: value for name, value in BODY.items() if name != "selectedModels"}, **fields}
    response = small.post(SUBMIT, json=body)
    assert response.status_code == 202, response.text
    assert [engine.engine for engine in stored(small_desk)[0].plan.engines] == engines


@pytest.mark.parametrize(
    ("fields", "prompts"),
    [
        ({"customQuestions": ["a?", "b?"]}, ["a?", "b?"]),
        ({"custom_questions": ["a?"]}, ["a?"]),
        ({"custom_question": "Is Model 3.5 any good? Or not. 好？"}, ["Is Model 3.5 any good? Or not. 好？"]),
        ({"customQuestions": "Which is best? 哪家好？ One. Two"}, ["Which is best? 哪家好？ One. Two"]),
        ({"customQuestions": [], "custom_question": "a?"}, ["a?"]),
        ({"customQuestions": ["a?"], "custom_question": "a?"}, ["a?"]),
        ({"customQuestions": ["{{brandName}}的主要竞争优势是什么?"]}, ["趣车良品的主要竞争优势是什么?"]),
    ],
)
def test_questions_are_spelled_in_many_ways_and_never_split(
    small_desk: Desk, small: ContractClient, fields: dict[str, Any], prompts: list[str]
) -> None:
    """A string is one question, whatever stands in it; placeholders are filled."""
    body = {**{name: value for name, value in BODY.items() if name != "customQuestions"}, **fields}
    response = small.post(SUBMIT, json=body)
    assert response.status_code == 202, response.text
    assert list(stored(small_desk)[0].plan.prompts) == prompts


@pytest.mark.parametrize(
    ("given", "priority"), [(None, 5), (0, 0), (10, 10), (99, 10), (-3, 0), ("7", 7), (7.9, 7), (10**30, 10)]
)
def test_priority_is_clamped(small_desk: Desk, small: ContractClient, given: object, priority: int) -> None:
    """To 0–10, from whatever is a number; without one it is the usual 5."""
    assert small.post(SUBMIT, json={**BODY, "priority": given}).status_code == 202
    assert stored(small_desk)[0].plan.priority == priority


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"brand_list": []}, ["/brand_list"]),
        ({"brand_list": None}, ["/brand_list"]),
        ({"brand_list": ["a", "", "a"]}, ["/brand_list/1/name", "/brand_list/2/name"]),
        ({"selectedModels": None}, ["/selectedModels"]),
        ({"selectedModels": "doubao"}, ["/selectedModels"]),
        ({"selectedModels": [{"name": "doubao", "checked": False}]}, ["/selectedModels"]),
        ({"selectedModels": [{"nom": "doubao"}, "doubao"]}, ["/selectedModels/0"]),
        ({"selectedModels": [{"name": "x", "checked": False}, "nobody", "qwen"]}, ["/selectedModels/1"]),
        ({"selectedModels": ["doubao", "豆包"]}, ["/selectedModels/1"]),
        ({"selected_models": ["qwen"]}, ["/selected_models"]),
        ({"customQuestions": None}, ["/customQuestions"]),
        ({"customQuestions": ["a?", "{{nobody}}?"]}, ["/customQuestions/1"]),
        ({"customQuestions": "{{nobody}}?"}, ["/customQuestions"]),
        ({"custom_question": "another?"}, ["/custom_question"]),
        ({"priority": "high"}, ["/priority"]),
        ({"priority": "nan"}, ["/priority"]),
        ({"priority": True}, ["/priority"]),
        ({"priority": [5]}, ["/priority"]),
        (
            {"brand_list": ["a", "a"], "selectedModels": [7], "customQuestions": "", "priority": "x"},
            ["/customQuestions", "/selectedModels/0", "/priority", "/brand_list/1/name"],
        ),
    ],
)
def test_every_fault_is_told_in_its_spelling(
    small_desk: Desk, small: ContractClient, wrong: dict[str, Any], pointers: list[str]
) -> None:
    """One 422 with all of them, with the three members that its clients look for; nothing is stored."""
    response = small.post(SUBMIT, json={**BODY, **wrong})
    assert response.status_code == 422
    body = response.json()
    assert [fault["pointer"] for fault in body["errors"]] == pointers
    assert (body["status"], body["code"]) == ("error", 422)
    assert body["error"] == body["detail"]
    assert stored(small_desk) == []


def test_who_the_body_says_it_is_means_nothing(desk: Desk) -> None:
    """userOpenid and its kin are ignored, and so are the headers that its service believed."""
    client = ContractClient(desk, key=add_key(desk, "ann", "run"))
    identity = {"X-WX-OpenID": "bob", "X-OpenID": "bob", "X-Wechat-OpenID": "bob"}
    body = {**BODY, "userOpenid": "bob", "user_openid": "bob", "userLevel": "Enterprise"}
    assert client.post(SUBMIT, json=body, headers=identity).status_code == 202
    assert len(stored(desk, "ann")) == 1
    assert stored(desk, "bob") == []
    assert ContractClient(desk).post(SUBMIT, json=body, headers=identity).status_code == 401


def test_a_finished_diagnosis_shows_its_result(desk: Desk, client: ContractClient) -> None:
    """success, 100, the times, the retries, and the report in short with where all of it stands."""
    execution_id = client.post(SUBMIT, json=BODY).json()["execution_id"]
    finish(desk, execution_id)
    status = client.get(f"/api/diagnosis/status/{execution_id}").json()
    assert (status["status"], status["progress"], status["error_message"]) == ("success", 100, None)
    assert status["created_at"] <= status["started_at"] <= status["completed_at"]
    assert status["result"]["simulated"] is True
    assert status["result"]["usable"]["k"] == 1
    assert status["result"]["brands"][0]["name"] == "趣车良品"
    assert status["result"]["brands"][0]["mention_rate"]["n"] == 1
    assert client.get(status["result"]["report_url"]).status_code == 200


def test_its_words_are_those_of_the_view(desk: Desk, client: ContractClient) -> None:
    """What the endpoint says and what SQL on task_queue says is the same, in every state; cancel has its words."""
    seen = {}
    cancelled = submit(client)
    assert client.post(f"/api/diagnosis/cancel/{cancelled}").json() == {"status": "success", "message": "任务已取消"}
    seen[cancelled] = "cancelled"
    seen[submit(client)] = "queued"
    running = submit(client)
    settle(desk, running, [answered()])
    seen[running] = "running"
    for status, outcomes in (("success", [failed(), *[answered()] * 3]), ("failed", [failed()] * 4)):
        execution_id = submit(client)
        finish(desk, execution_id, outcomes)
        seen[execution_id] = status
    for execution_id, status in seen.items():
        assert client.get(f"/api/diagnosis/status/{execution_id}").json()["status"] == status
    with desk.database.read() as db:
        view = dict(db.exec_driver_sql("SELECT execution_id, status FROM task_queue").fetchall())
    assert view == seen
    assert set(OLD_STATUS.values()) <= {"pending", "queued", "running", "success", "failed", "timeout", "cancelled"}


def test_an_execution_past_its_deadline_is_a_timeout(desk: Desk, client: ContractClient) -> None:
    """As its clients know it."""
    execution_id = submit(client)
    with desk.database.begin() as db:
        found = store.execution(db, execution_id)
        store.expire_overdue(db, now=found.deadline_at, limit=10)
    finish(desk, execution_id, [])
    status = client.get(f"/api/diagnosis/status/{execution_id}").json()
    assert (status["status"], status["progress"]) == ("timeout", 100)
    assert client.get(f"/api/executions/{execution_id}").json()["status"] == "failed"


def test_statistics_count_the_ended(desk: Desk, client: ContractClient) -> None:
    """success_rate is percent of what ended with a report; the cancelled and the open do not enter it."""
    path = "/api/diagnosis/statistics"
    assert client.get(path).json() == {
        "total_tasks": 0,
        "by_status": {},
        "by_type": {},
        "avg_duration_seconds": None,
        "success_rate": None,
    }
    for outcomes in ([answered()] * 4, [answered()] * 4, [failed()] * 4):
        finish(desk, submit(client), outcomes)
    client.post(f"/api/executions/{submit(client)}/cancel")
    submit(client)
    body = client.get(f"{path}?days=1").json()
    assert body["total_tasks"] == 5
    assert body["by_status"] == {"success": 2, "failed": 1, "cancelled": 1, "queued": 1}
    assert body["by_type"] == {"brand_diagnosis": 5}
    assert body["success_rate"] == 66.67
    assert body["avg_duration_seconds"] >= 0
    own = client.get("/api/statistics?days=1").json()
    assert (own["total"], own["ended"], own["usable_rate"]["k"], own["usable_rate"]["n"]) == (5, 3, 2, 3)
    for days in ("0", "366", "-1", "x"):
        assert client.get(f"{path}?days={days}").status_code == 422


def test_an_unknown_parameter_does_not_trouble_old_clients(small: ContractClient) -> None:
    """They add timestamps against caches; here nothing is refused for it."""
    assert small.get("/api/diagnosis/statistics?days=7&_=1700000000").status_code == 200
    assert small.get("/api/statistics?days=7&_=1700000000").status_code == 422


def test_a_key_of_the_caller_makes_it_repeatable(desk: Desk, client: ContractClient) -> None:
    """Idempotency-Key works here too, over both wires."""
    first, again = (client.post(SUBMIT, json=BODY, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json()["execution_id"] == again.json()["execution_id"]
    assert client.post("/api/executions", json=PLAN, headers={"Idempotency-Key": "k"}).status_code == 409
