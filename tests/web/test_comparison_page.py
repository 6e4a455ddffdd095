"""The page of what changed: the verdict first, each number with its answers, and why two cannot be compared."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qs, urlsplit

from brandq import reports, store
from brandq.actors.desk import Desk
from brandq.providers.dialect import ErrorClass, Outcome
from tests.web.site import ContractClient, add_key, answered, failed, finish, sample_ids, submit, tags_of

NAMED, OTHER = answered("推荐趣车良品，口碑很好。"), answered("推荐车蚂蚁。")


def ended(desk: Desk, client: ContractClient, outcomes: list[Outcome], **fields: object) -> str:
    execution_id = submit(client, **{"repeats": len(outcomes) // 2, **fields})
    finish(desk, execution_id, outcomes)
    return execution_id


def words_of(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def _ordered(link: tuple[str, dict[str, list[str]]]) -> tuple[str, list[tuple[str, list[str]]]]:
    path, query = link
    return path, sorted(query.items())


def by_model(outcome: Outcome, model: str) -> Outcome:
    assert outcome.answer is not None
    return replace(outcome, answer=replace(outcome.answer, served_model=model))


def test_the_verdict_is_the_first_thing_said(desk: Desk, client: ContractClient) -> None:
    """Given 0 of 12 and then 12 of 12 answers that name the subject, then the page says that it is clearly named more often, with
    both rates, the difference and its interval."""
    before, after = ended(desk, client, [OTHER] * 12), ended(desk, client, [NAMED] * 12)
    page = client.get(f"/executions/{after}/comparison?before={before}")
    assert page.status_code == 200
    verdict = words_of(page.text.split('id="verdict"')[1].split("</section>")[0])
    assert "趣车良品 is clearly named more often" in verdict
    assert "0% → then 100%" in verdict
    assert "+100 points" in verdict
    assert re.search(r"between \+\d+ and \+100 points \(95 % interval\)", verdict)
    assert "12 answers before and 12 after" in verdict


def test_where_nothing_is_clear_it_says_what_could_have_been_seen(desk: Desk, client: ContractClient) -> None:
    """Given two executions with the same answers, then there is no clear change, and how large one would have to be stands there."""
    before, after = (ended(desk, client, [NAMED, OTHER] * 6) for _ in range(2))
    verdict = words_of(client.get(f"/executions/{after}/comparison?before={before}").text.split('id="verdict"')[1])
    assert "No clear change in how often 趣车良品 is named" in verdict
    assert re.search(r"a change within about ±\d+ points cannot be told from none", verdict)
    assert "no clear change in any of them" in verdict


def test_each_number_opens_the_answers_of_its_side(desk: Desk, client: ContractClient) -> None:
    """Given a comparison, then each count links to the answers of its execution, with the brand, the engine and the finding that it
    counts; and as many counts stand there as the comparison has rows with a difference, on both sides."""
    before, after = ended(desk, client, [OTHER] * 4), ended(desk, client, [NAMED] * 4)
    url = f"/executions/{after}/comparison?before={before}"
    document = client.get(f"/api{url}").json()
    links = [
        urlsplit(attributes["href"] or "")
        for tag, attributes in tags_of(client.get(url).text)
        if tag == "a" and "/answers" in (attributes.get("href") or "")
    ]
    rows = [document["primary"], *document["others"]]
    findings = {
        "mention_rate": "named",
        "first_place_rate": "first",
        "top_3_rate": "top_3",
        "recommended_rate": "recommended",
        "owned_citation_rate": "cited",
    }
    expected = []
    for execution_id in (before, after):
        for row in rows:
            wanted = {"brand": [row["brand"]], "finding": [findings[row["measure"]]]}
            engine = {"engine": [row["engine"]]} if row["engine"] else {}
            expected.append((f"/executions/{execution_id}/answers", {**wanted, **engine}))
    assert all(row["difference"] is not None for row in rows)
    found = [(link.path, parse_qs(link.query)) for link in links]
    assert sorted(map(_ordered, found)) == sorted(map(_ordered, expected))


def test_differences_are_drawn(desk: Desk, client: ContractClient) -> None:
    """Given a comparison, then brands, engines and measures have a figure each, which carries no text as code; without one, none."""
    hostile = '</script><script>alert(1)</script>"+alert(1)+"'
    brands = ["趣车良品", hostile]
    before, after = (ended(desk, client, outcomes * 4, brands=brands) for outcomes in ([OTHER], [NAMED]))
    page = client.get(f"/executions/{after}/comparison?before={before}").text
    assert re.findall(r'<figure class="chart" id="chart-(\w+)"', page) == [
        "compared_brands",
        "compared_engines",
        "compared_measures",
    ]
    assert "<script>alert" not in page
    assert "<figure" not in client.get(f"/executions/{after}/comparison").text


def test_the_counts_are_those_of_both_sides(desk: Desk, client: ContractClient) -> None:
    """Given 1 of 4 and 3 of 4 answers that name the subject, then these counts stand in the table and in the API."""
    before = ended(desk, client, [NAMED, OTHER, OTHER, OTHER])
    after = ended(desk, client, [NAMED, NAMED, NAMED, OTHER])
    url = f"/executions/{after}/comparison?before={before}"
    primary = client.get(f"/api{url}").json()["primary"]
    assert [primary[name] for name in ("k_before", "n_before", "k_after", "n_after")] == [1, 4, 3, 4]
    table = words_of(client.get(url).text.split('class="subject"')[1].split("</tr>")[0])
    assert re.search(r"趣车良品 25% 1 of 4 75% 3 of 4 \+50 points", table)


def test_another_model_is_a_break(desk: Desk, client: ContractClient) -> None:
    """Given another served model on one engine, then the page warns of it and names both; without one it does not."""
    before = ended(desk, client, [by_model(NAMED, "m-1")] * 4)
    after = ended(desk, client, [by_model(NAMED, "m-2")] * 4)
    page = client.get(f"/executions/{after}/comparison?before={before}").text
    assert "doubao : m-1 → m-2" in words_of(page.split('id="breaks"')[1].split("</section>")[0])
    again = ended(desk, client, [by_model(NAMED, "m-2")] * 4)
    assert 'id="breaks"' not in client.get(f"/executions/{again}/comparison?before={after}").text


def test_the_choice_begins_with_what_has_most_in_common(desk: Desk, client: ContractClient) -> None:
    """Given executions with much, some and nothing in common, then the list has them in this order, those that cannot be compared
    last and each with its reason; one that came later is compared the other way round."""
    prompts = ["深圳新能源汽车改装门店哪家好？", "另一个问题？"]
    some = ended(desk, client, [NAMED] * 2, prompts=prompts[:1], engines=["doubao"], repeats=2)
    much = ended(desk, client, [NAMED] * 4, prompts=prompts, repeats=1)
    mine = ended(desk, client, [NAMED] * 4, prompts=prompts, repeats=1)
    later = ended(desk, client, [NAMED] * 4, prompts=prompts, repeats=1)
    nothing = ended(desk, client, [NAMED] * 4, prompts=["noch etwas?"])
    other_engine = ended(desk, client, [NAMED] * 2, prompts=prompts[:1], engines=["kimi"], repeats=2)
    other_brands = ended(desk, client, [NAMED] * 4, prompts=prompts, brands=["趣车良品", "车蚂蚁"], repeats=1)
    running = submit(client, prompts=prompts)
    page = client.get(f"/executions/{mine}/comparison").text
    rows = page.split('id="choices"')[1].split("<tr>")[2:]
    ids = [re.search(r'href="/executions/([0-9a-f-]{36})"', row) for row in rows]
    assert [found and found[1] for found in ids][:3] == [much, later, some]
    reasons = {found[1]: words_of(row) for found, row in zip(ids, rows, strict=True) if found}
    assert "2 of 2 prompts 2 of 2 engines" in reasons[much]
    assert "1 of 2 prompts 1 of 2 engines" in reasons[some]
    for execution_id, words in (
        (nothing, "no prompt in common, word for word"),
        (other_engine, "no engine in common"),
        (other_brands, "tracks other brands, or spells them differently"),
        (running, "it goes on"),
    ):
        assert words in reasons[execution_id]
        assert "Compare" not in reasons[execution_id]
    assert f"/executions/{mine}/comparison?before={much}" in page
    assert f"/executions/{later}/comparison?before={mine}" in page


def test_every_choice_that_is_offered_can_be_compared(desk: Desk, client: ContractClient) -> None:
    """Given executions of many kinds, when each way that the list offers is followed, then none is refused."""
    mine = ended(desk, client, [NAMED] * 4)
    ended(desk, client, [OTHER] * 4)
    ended(desk, client, [NAMED] * 2, engines=["doubao"], repeats=2)
    ended(desk, client, [NAMED] * 4, brands=["趣车良品", "车蚂蚁"])
    ended(desk, client, [failed(ErrorClass.AUTH)] * 4)
    submit(client)
    page = client.get(f"/executions/{mine}/comparison").text
    offered = [attributes["href"] for _, attributes in tags_of(page) if "data-compare" in attributes]
    assert len(offered) == 2
    for url in offered:
        assert client.get(url).status_code == 200


def test_what_cannot_be_compared_says_why_and_offers_others(desk: Desk, client: ContractClient) -> None:
    """Given the same execution twice, one that runs, or other brands, then the page is a 409 with the reason and the list."""
    one = ended(desk, client, [NAMED] * 4)
    running = submit(client)
    other_brands = ended(desk, client, [NAMED] * 4, brands=["趣车良品", "车蚂蚁"])
    for other, words in (
        (one, "the same execution twice"),
        (running, "compare it once it has ended"),
        (other_brands, "track different brands"),
    ):
        page = client.get(f"/executions/{one}/comparison?before={other}")
        assert page.status_code == 409
        assert words in page.text.split('id="reason"')[1].split("</p>")[0]
        assert 'id="choices"' in page.text
    assert client.get(f"/executions/{one}/comparison?before=x").status_code == 422


def test_other_rules_are_to_be_put_right_first(desk: Desk, client: ContractClient) -> None:
    """Given a report that was made by another method, then the list says which command reads the answers again."""
    mine, other = ended(desk, client, [NAMED] * 4), ended(desk, client, [NAMED] * 4)
    with desk.database.begin() as db:
        made = reports.publication(store.facts(db, other), built_at=desk.now(), version=2)
        store.supersede_report(db, other, replace(made, method_version="2020.01-1+0"), now=desk.now())
    assert "read by other rules: `brandq analyze`" in client.get(f"/executions/{mine}/comparison").text


def test_without_any_usable_answer_there_is_nothing_to_compare(desk: Desk, client: ContractClient) -> None:
    """Given an execution that failed throughout, then the list says so; who compares it all the same reads that there is nothing
    to compare, and not of methods."""
    mine, lost = ended(desk, client, [NAMED] * 4), ended(desk, client, [failed(ErrorClass.AUTH)] * 4)
    assert "no usable answer" in client.get(f"/executions/{mine}/comparison").text
    page = client.get(f"/executions/{mine}/comparison?before={lost}")
    assert page.status_code == 200
    assert "Nothing to compare for 趣车良品" in page.text
    assert "no prompt has usable answers of the same engine on both sides" in page.text


def test_a_retry_holds_the_same_answers(desk: Desk, client: ContractClient) -> None:
    """Given a retry, which took over the answers of the first, then the two are not compared, and it says why."""
    first = ended(desk, client, [NAMED, NAMED, NAMED, failed(ErrorClass.AUTH)])
    again = client.post(f"/api/executions/{first}/retry").json()["execution_id"]
    finish(desk, again)
    assert len(sample_ids(desk, again)) == 4
    assert "holds the same answers" in client.get(f"/executions/{again}/comparison").text
    page = client.get(f"/executions/{again}/comparison?before={first}")
    assert page.status_code == 409
    assert "what both have is the same" in page.text


def test_another_owners_execution_is_not_there(small_desk: Desk) -> None:
    """Given executions of two owners, then neither compares with the other's, nor sees it among the choices."""
    ann, bob = (ContractClient(small_desk, key=add_key(small_desk, name, "read", "run")) for name in ("ann", "bob"))
    hers, his = ended(small_desk, ann, [NAMED] * 4), ended(small_desk, bob, [NAMED] * 4)
    assert ann.get(f"/executions/{hers}/comparison?before={his}").status_code == 404
    assert ann.get(f"/executions/{his}/comparison?before={hers}").status_code == 404
    assert ann.get(f"/executions/{his}/comparison").status_code == 404
    choice = ann.get(f"/executions/{hers}/comparison").text
    assert his not in choice
    assert "There is nothing to compare with yet." in choice


def test_it_reads_in_chinese(small_desk: Desk, small: ContractClient) -> None:
    """Given a reader of Chinese, then verdict, choice and reasons are in Chinese."""
    before, after = ended(small_desk, small, [OTHER] * 12), ended(small_desk, small, [NAMED] * 12)
    submit(small)
    zh = {"Accept-Language": "zh-CN"}
    page = words_of(small.get(f"/executions/{after}/comparison?before={before}", headers=zh).text)
    assert "“趣车良品”被提及明显增多" in page
    assert "+100 个百分点" in page
    assert "仍在进行" in small.get(f"/executions/{after}/comparison", headers=zh).text
