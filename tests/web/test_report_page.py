"""The report's page: the verdict first, every number with the way to its answers, and what can be done from there."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from brandq import store
from brandq.actors.analyze import analyze
from brandq.actors.desk import Desk
from brandq.plan import Brand, Plan
from brandq.reports import build, digest
from brandq.reports.facts import Publication
from brandq.words import words_in
from tests.exports.test_html import SECTIONS, Tree
from tests.reports.test_reports import NOW, engine, facts, hostile_facts
from tests.web.site import ContractClient, add_key, answered, failed, finish, sample_ids, settle, submit
from tests.web.test_listing import varied

PROMPTS = [f"Which one for purpose {number}?" for number in range(6)]
TEXTS = (
    "1. **趣车良品**：口碑好\n2. 竞品 1\n来源：https://www.example.com/a",
    "推荐竞品 1，做工好。",
    "趣车良品做工不错，但是价格偏高。",
)


def ended(client: ContractClient, desk: Desk, *, bad: int = 1) -> str:
    """An execution of six prompts to two engines, some of whose samples failed."""
    execution_id = submit(client, prompts=PROMPTS)
    n = len(sample_ids(desk, execution_id))
    finish(desk, execution_id, [*[failed()] * bad, *(answered(TEXTS[number % 3]) for number in range(n - bad))])
    return execution_id


def put(desk: Desk, execution_id: str, given: dict[str, Any]) -> None:
    """Another document as the next version of this execution's report."""
    with desk.database.begin() as db:
        version = store.next_report_version(db, execution_id)
        document = {**given, "version": version}
        made = Publication(document, given["method_version"], digest(document), given["status"], version, None, None)
        store.supersede_report(db, execution_id, made, now=desk.now())


def test_the_report_has_a_page(desk: Desk, client: ContractClient) -> None:
    """Given an execution that ended, then its page has the verdict and every section, in the reader's language."""
    execution_id = ended(client, desk)
    shown = client.get(f"/executions/{execution_id}/report")
    assert shown.status_code == 200
    tree = Tree(shown.text)
    assert tree.open == []
    assert [section["id"] for section in tree.of("section")] == SECTIONS
    assert "趣车良品 is named in" in tree.text
    chinese = client.get(f"/executions/{execution_id}/report", headers={"Accept-Language": "zh"})
    assert "条有效回答中" in chinese.text
    assert chinese.headers["content-language"] == "zh-Hans"
    # every entry of the contents leads to a section
    assert [link["href"][1:] for link in tree.of("a") if link["href"].startswith("#") and link["href"] != "#content"][
        -len(SECTIONS) :
    ] == SECTIONS


def test_the_sentences_are_those_of_the_document(small_desk: Desk, small: ContractClient) -> None:
    """Given a report, then its page says the verdict over the very document that the API gives."""
    execution_id = ended(small, small_desk)
    given = small.get(f"/api/executions/{execution_id}/report").json()
    number = given["brands"][0]["overall"]["mention_rate"]
    page = unescape(small.get(f"/executions/{execution_id}/report").text)
    assert f"趣车良品 is named in {number['k']} of {number['n']} usable answers" in page
    for brand in given["brands"]:
        for block in (brand["overall"], *brand["engines"]):
            assert f"{block['mention_rate']['k']}/{block['mention_rate']['n']}" in page


#: what a link's text says that is counted: ``3/12 · 5–50%``, ``n = 7 · …``, or the number itself
_COUNTED = re.compile(
    r"<small>(?:n = )?([\d,]+)(?:/[\d,]+)?(?: ·|</small>)|<b>(\d[\d,]*)</b>|^\s*(\d[\d,]*)(?: of [\d,]+)?\s*$"
)


def test_every_number_opens_as_many_answers(small_desk: Desk, small: ContractClient) -> None:
    """Given a report over varied answers, when the link of any of its numbers is followed, then as many answers are
    listed there as the number counts."""
    execution_id = varied(small, small_desk)
    page = small.get(f"/executions/{execution_id}/report").text
    links = re.findall(r'<a(?: class="\w+")? href="(answers\?[^"]*)">(.*?)</a>', page, re.DOTALL)
    told = {
        (unescape(address), found[1] or found[2] or found[3])
        for address, text in links
        if (found := _COUNTED.search(text))
    }
    assert len(told) > 60
    asked = {word.partition("=")[0] for address, _ in told for word in address.partition("?")[2].split("&")}
    assert asked >= {"brand", "engine", "prompt_no", "finding", "rank", "domain", "unowned", "source_class"}
    wrong = []
    for address, count in sorted(told):
        listed = small.get(f"/api/executions/{execution_id}/samples?limit=100&{address.partition('?')[2]}")
        if listed.status_code != 200 or len(listed.json()["samples"]) != int(count.replace(",", "")):
            wrong.append(
                (address, count, listed.text[:80] if listed.status_code != 200 else len(listed.json()["samples"]))
            )
    assert wrong == []


def test_numbers_and_links_belong_together(small_desk: Desk, small: ContractClient) -> None:
    """Given a report, then the cell of a brand and an engine links to the answers that name this brand on this engine."""
    execution_id = ended(small, small_desk)
    given = small.get(f"/api/executions/{execution_id}/report").json()
    page = unescape(small.get(f"/executions/{execution_id}/report").text)
    block = given["brands"][1]["engines"][1]
    found = re.search(r'href="answers\?brand=%E7%AB%9E%E5%93%81%201&engine=qwen"><b>(\d+)%</b>', page)
    assert found is not None
    assert int(found[1]) == round(100 * block["mention_rate"]["value"])


def test_figures_come_as_data_that_cannot_leave_its_element(small_desk: Desk, small: ContractClient) -> None:
    """Given a report whose names are hostile, then each figure's data is JSON in an element that nothing ends early,
    with a sentence for who has no script."""
    execution_id = ended(small, small_desk)

    put(small_desk, execution_id, build(hostile_facts(), built_at=NOW))
    page = small.get(f"/executions/{execution_id}/report").text
    tree = Tree(page)
    assert tree.open == []
    scripts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert len(scripts) > 5
    for script in scripts:
        assert "<" not in script
        assert set(json.loads(script)) <= {"spec", "light", "dark"}
    assert page.count('class="said until-drawn"') == len(scripts) - 1
    assert tree.of("img") == []


def test_what_goes_on_leads_to_its_own_page(desk: Desk, client: ContractClient) -> None:
    """Given an execution that has no report yet, then its report's address leads to the page that tells how it goes."""
    execution_id = submit(client)
    settle(desk, execution_id, [answered()])
    shown = client.get(f"/executions/{execution_id}/report")
    assert (shown.status_code, shown.headers["location"]) == (303, f"/executions/{execution_id}")


def test_a_cancelled_execution_has_a_report_of_what_was_answered(desk: Desk, client: ContractClient) -> None:
    """Given an execution that is cancelled after some answers, then its report is built when it is first looked at."""
    execution_id = submit(client, prompts=PROMPTS)

    ids = settle(desk, execution_id, [answered(text) for text in TEXTS])
    analyze(desk, execution_id, ids)
    assert client.post(f"/api/executions/{execution_id}/cancel").status_code == 200
    page = client.get(f"/executions/{execution_id}/report")
    assert page.status_code == 200
    assert "This execution was cancelled" in page.text
    given = client.get(f"/api/executions/{execution_id}/report").json()
    assert given["coverage"]["outcomes"]["ok"] == 3


def test_who_got_no_answer_reads_why(small_desk: Desk, small: ContractClient) -> None:
    """Given an execution all of whose samples failed, then the page explains the code, and leads to the samples."""
    execution_id = submit(small)
    finish(small_desk, execution_id, [failed()] * 4)
    page = unescape(small.get(f"/executions/{execution_id}/report").text)
    assert str(words_in("en").explained("auth")) in page
    assert "answers?engine=doubao&outcome=failed" in page
    assert 'id="mentions"' not in page


def test_what_can_be_done_from_there(small_desk: Desk, small: ContractClient) -> None:
    """Given a report with failures, then every form can be downloaded, and it can be compared, asked again and repeated;
    who may only read is not offered what costs money."""
    execution_id = ended(small, small_desk)
    page = unescape(small.get(f"/executions/{execution_id}/report").text)
    for form in ("pdf", "xlsx", "csv", "html", "md", "json"):
        assert f"/api/executions/{execution_id}/report?format={form}" in page
    assert f"/api/executions/{execution_id}/report?format=pdf&language=en" in page
    for path in ("comparison", "answers", "retry"):
        assert f"/executions/{execution_id}/{path}" in page
    assert f"/executions/new?again={execution_id}" in page
    [form] = re.findall(rf'<form method="post" action="/executions/{execution_id}/retry">.*?</form>', page)
    assert 'name="csrf"' in form


def test_a_reader_is_not_offered_what_costs(small_desk: Desk) -> None:
    """Given a key that may only read, then its page has the report and nothing to run."""
    runner = ContractClient(small_desk, local=False, key=add_key(small_desk, "ann"))
    execution_id = ended(runner, small_desk)
    reader = ContractClient(small_desk, local=False, key=add_key(small_desk, "ann", "read", key_id="reader"))
    page = reader.get(f"/executions/{execution_id}/report")
    assert page.status_code == 200
    assert "/retry" not in page.text
    assert "again=" not in page.text


def test_another_owner_s_report_is_not_there(desk: Desk) -> None:
    """Given two owners, then the report of the one is a page that the other does not have."""
    ann = ContractClient(desk, local=False, key=add_key(desk, "ann"))
    bob = ContractClient(desk, local=False, key=add_key(desk, "bob"))
    execution_id = ended(ann, desk)
    assert ann.get(f"/executions/{execution_id}/report").status_code == 200
    assert bob.get(f"/executions/{execution_id}/report").status_code == 404
    assert bob.get("/executions/nothing/report").status_code == 404


def test_an_earlier_version_says_that_it_is_one(small_desk: Desk, small: ContractClient) -> None:
    """Given a report that was made anew, then both versions can be read, the earlier one says so, and a version that
    there never was is not found."""
    execution_id = ended(small, small_desk)
    put(small_desk, execution_id, small.get(f"/api/executions/{execution_id}/report").json())
    own = f"/executions/{execution_id}/report"
    newest, first = small.get(own).text, small.get(f"{own}?version=1").text
    assert "This is version 1." in first
    assert "This is version" not in newest
    assert f"{own}?version=1" in newest
    assert "format=json&amp;version=1" in first
    assert small.get(f"{own}?version=9").status_code == 404


def test_a_document_of_an_earlier_shape_has_a_page(small_desk: Desk, small: ContractClient) -> None:
    """Given a document that was stored before opinions, ranks and competitors were told, then its page shows what it
    has."""
    execution_id = ended(small, small_desk)
    given = small.get(f"/api/executions/{execution_id}/report").json()
    for name in ("disclosure", "competitors", "formulas", "agreement", "stability", "version", "judge"):
        del given[name]
    del given["citations"]["by_class"], given["citations"]["named_and_cited"]
    for brand in given["brands"]:
        del brand["named_in_prompts"]
        for block in (brand["overall"], *brand["engines"], *brand["prompts"]):
            for name in ("sentiment", "caveat_rate", "top_3_rate", "doubtful_answers", "rank_distribution"):
                block.pop(name, None)
        for name in ("interception_rate", "recommended_rate", "intercepted_by", "recommendation_strength"):
            brand["overall"].pop(name, None)
    put(small_desk, execution_id, given)
    page = small.get(f"/executions/{execution_id}/report")
    assert page.status_code == 200
    assert "made before opinions were read" in page.text


def test_the_largest_plan_keeps_its_page_small(small_desk: Desk, small: ContractClient) -> None:
    """Given ten brands, eight engines and twenty prompts, then the page has less than 500 kB, and says what it leaves
    out."""
    execution_id = ended(small, small_desk)
    put(small_desk, execution_id, _large())
    page = small.get(f"/executions/{execution_id}/report")
    assert page.status_code == 200
    assert len(page.content) < 500_000
    assert "How each engine answers each prompt stands behind" in page.text


def _large() -> dict[str, Any]:
    brands = tuple(Brand(f"汽车改装品牌 {n}", domains=(f"b{n}.example",)) for n in range(10))
    prompts = tuple(f"深圳新能源汽车改装门店哪家好？第 {n} 问，预算在十万以内有哪些值得推荐的店" for n in range(20))
    plan = Plan(brands, prompts, tuple(engine(f"engine-{n}") for n in range(8)), repeats=1)
    texts = tuple(
        "\n".join(f"{place}. {brands[(first + place) % 10].name}：口碑好，但是价格偏高" for place in range(1, 6))
        + "\n卡妙思也可以。"
        + f"来源：https://site-{first}.example/a/long/path?with=parameters"
        for first in range(37)
    )
    return build(facts(texts, plan=plan), built_at=NOW)
