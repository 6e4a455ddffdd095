"""Comparing over HTTP: what changed between two executions of one owner, and versions of a report."""

from __future__ import annotations

import uuid

from brandq import reports, store
from brandq.actors.desk import Desk
from brandq.providers.dialect import Outcome
from tests.web.site import ContractClient, add_key, answered, finish, submit

NAMED, OTHER = answered("推荐趣车良品，口碑很好。"), answered("推荐车蚂蚁。")


def ended(desk: Desk, client: ContractClient, outcomes: list[Outcome], **fields: object) -> str:
    execution_id = submit(client, repeats=len(outcomes) // 2, **fields)
    finish(desk, execution_id, outcomes)
    return execution_id


def test_a_change_has_its_interval_and_its_verdict(desk: Desk, client: ContractClient) -> None:
    """Given 0 of 12 and then 12 of 12 answers that name the subject, then it is up; what is compared stands beside it."""
    before, after = ended(desk, client, [OTHER] * 12), ended(desk, client, [NAMED] * 12)
    found = client.get(f"/api/executions/{after}/comparison?before={before}").json()
    assert (found["before"]["execution_id"], found["after"]["execution_id"]) == (before, after)
    primary = found["primary"]
    assert (primary["difference"], primary["verdict"], primary["n_before"], primary["n_after"]) == (1.0, "up", 12, 12)
    assert found["prompts"] == [{"prompt_no": 1, "text": "深圳新能源汽车改装门店哪家好？"}]
    assert found["engines"] == ["doubao", "qwen"]
    same = client.get(f"/api/executions/{after}/comparison?before={after}").json()["primary"]
    assert same["difference"] == 0
    assert same["verdict"].startswith("no clear change")


def test_what_cannot_be_compared_says_why(desk: Desk, client: ContractClient) -> None:
    """Given one that runs, no common prompt, other brands or no id, then a 409 or 422 says what is in the way."""
    one = ended(desk, client, [NAMED] * 4)
    running = submit(client)
    other_prompt = ended(desk, client, [NAMED] * 4, prompts=["另一个问题？"])
    other_brands = ended(desk, client, [NAMED] * 4, brands=["趣车良品", "车蚂蚁"])
    for other, words in (
        (running, "compare it once it has ended"),
        (other_prompt, "no prompt in common"),
        (other_brands, "track different brands"),
    ):
        refused = client.get(f"/api/executions/{one}/comparison?before={other}")
        assert (refused.status_code, words in refused.json()["detail"]) == (409, True), refused.text
    for query, words in (("", "?before is missing"), ("?before=x", "expected an execution_id")):
        refused = client.get(f"/api/executions/{one}/comparison{query}")
        assert (refused.status_code, words in refused.json()["detail"]) == (422, True), refused.text


def test_another_owners_execution_is_not_there(small_desk: Desk) -> None:
    """Given executions of two owners, then neither may compare with the other's, from either side."""
    ann, bob = (ContractClient(small_desk, key=add_key(small_desk, name)) for name in ("ann", "bob"))
    hers, his = ended(small_desk, ann, [NAMED] * 4), ended(small_desk, bob, [NAMED] * 4)
    for mine, other in ((hers, his), (his, hers)):
        client = ann if mine == hers else bob
        assert client.get(f"/api/executions/{mine}/comparison?before={mine}").status_code == 200
        assert client.get(f"/api/executions/{mine}/comparison?before={other}").status_code == 404
        assert client.get(f"/api/executions/{other}/comparison?before={mine}").status_code == 404
    assert ann.get(f"/api/executions/{hers}/comparison?before={uuid.uuid4()}").status_code == 404


def test_an_earlier_version_of_a_report_stays(desk: Desk, client: ContractClient) -> None:
    """Given a report that was made again, then the newest is shown, an earlier one by its number, and no other."""
    execution_id = ended(desk, client, [NAMED] * 4)
    with desk.database.begin() as db:
        made = reports.publication(store.facts(db, execution_id), built_at=desk.now(), version=2)
        store.supersede_report(db, execution_id, made, now=desk.now())
    own = f"/api/executions/{execution_id}/report"
    assert [client.get(f"{own}{query}").json()["version"] for query in ("", "?version=1", "?version=2")] == [2, 1, 2]
    assert "version 2" in client.get(f"{own}?version=2&format=md").text
    missing = client.get(f"{own}?version=3")
    assert missing.status_code == 404
    assert "it has 1, 2" in missing.json()["detail"]
