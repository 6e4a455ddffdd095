"""One brand over time: what may be read as one series, what may not, and why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from brandq import reports, store
from brandq.actors.desk import Desk
from brandq.providers.dialect import Outcome
from tests.web.site import ContractClient, add_key, answered, finish, open_desk, submit, tags_of
from tests.web.test_comparison_page import NAMED, OTHER, by_model, ended, words_of

BRAND = quote("趣车良品")
PROMPTS = ["深圳新能源汽车改装门店哪家好？", "另一个问题？"]


def groups(page: str) -> list[str]:
    """Each series of the table, in the page's order."""
    return page.split('<tbody id="series-')[1:]


def executions_in(group: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/executions/([0-9a-f-]{36})/report"', group)


def test_the_same_basket_is_one_series(desk: Desk, client: ContractClient) -> None:
    """Given three executions of one plan, then they are one series, the newest first, each with its rate, its counts, its interval,
    the way to its report and answers, and to the comparison with the one before."""
    made = [ended(desk, client, [NAMED] * k + [OTHER] * (4 - k), label=f"no {k}") for k in (1, 2, 3)]
    page = client.get(f"/history?brand={BRAND}").text
    [series] = groups(page)
    assert executions_in(series) == made[::-1]
    told = words_of(series)
    for words in ("75% 3 of 4", "50% 2 of 4", "25% 1 of 4", "no 3"):
        assert words in told
    assert f"/executions/{made[2]}/comparison?before={made[1]}" in series
    assert f"/executions/{made[1]}/comparison?before={made[0]}" in series
    assert f"/executions/{made[2]}/answers?brand={BRAND}&amp;finding=named" in series
    assert "3 executions of the same basket" in page


def test_the_numbers_are_those_of_the_reports(desk: Desk, client: ContractClient) -> None:
    """Given an execution of several prompts, then rate and interval are those that its report has of these very prompts."""
    execution_id = ended(desk, client, [NAMED, OTHER, NAMED, NAMED] * 2, prompts=PROMPTS, repeats=2)
    panel = client.get(f"/api/executions/{execution_id}/report").json()["brands"][0]["overall"]["mention_rate_of_panel"]
    told = words_of(groups(client.get(f"/history?brand={BRAND}").text)[0])
    assert f"{panel['value']:.0%} {panel['k']} of {panel['n']}" in told
    assert f"{panel['low']:.0%} to {panel['high']:.0%}" in told


def test_another_basket_is_not_joined_and_says_why(desk: Desk, client: ContractClient) -> None:
    """Given executions with other prompts, engines, repeats or brands, then each is a series by itself, with what sets it apart."""
    fields: list[tuple[dict[str, object], str]] = [
        ({"prompts": PROMPTS}, "other prompts"),
        ({"engines": ["doubao"], "repeats": 2}, "other engines"),
        ({"repeats": 1}, "another number of repeats"),
        ({"brands": ["趣车良品", "车蚂蚁"]}, "other brands, or brands spelled differently"),
        ({"system": "Be brief."}, "another text before the prompts"),
    ]
    for differing, _ in fields:
        execution_id = submit(client, **differing)
        finish(desk, execution_id)
    newest = submit(client)
    finish(desk, newest)
    found = groups(client.get(f"/history?brand={BRAND}").text)
    assert len(found) == len(fields) + 1
    assert executions_in(found[0]) == [newest]
    assert "Not joined" not in found[0]
    for series, (_, words) in zip(found[1:], fields[::-1], strict=True):
        assert f"Not joined with A: {words}" in words_of(series)


def test_simulated_and_real_are_never_joined(sqlite_url: str, tmp_path: Path) -> None:
    """Given one plan whose engine was simulated at first and has a key since, then these are two series, the first one marked."""
    plan = {"engines": ["doubao"], "repeats": 2}
    simulated = open_desk(sqlite_url, tmp_path)
    submit_and_end(simulated, [NAMED] * 2, **plan)
    simulated.close()
    real = open_desk(sqlite_url, tmp_path, ARK_API_KEY="sk-ark")
    client = ContractClient(real)
    with real.database.begin() as db:
        found = store.list_executions(db, "local", store.Filter(), 10)
    assert [engine.simulated for engine in found[0].plan.engines] == [True]
    submit(client, **plan)
    newest = submit(client, **plan)
    client.post(f"/api/executions/{newest}/cancel")
    first, second = groups(client.get(f"/history?brand={BRAND}").text)
    assert "SIMULATED" not in first
    assert "no report yet" in first
    assert "SIMULATED" in second
    assert "Not joined with A: answered by a simulator" in words_of(second)
    real.close()


def submit_and_end(desk: Desk, outcomes: list[Outcome], **fields: object) -> str:
    client = ContractClient(desk)
    execution_id = submit(client, **fields)
    finish(desk, execution_id, outcomes)
    return execution_id


def test_other_rules_are_not_joined(desk: Desk, client: ContractClient) -> None:
    """Given a report that was made by another method, then it stands by itself, and the command that helps is named."""
    old = ended(desk, client, [NAMED] * 4)
    with desk.database.begin() as db:
        made = reports.publication(store.facts(db, old), built_at=desk.now(), version=2)
        store.supersede_report(db, old, replace(made, method_version="2020.01-1+0"), now=desk.now())
    new = ended(desk, client, [NAMED] * 4)
    first, second = groups(client.get(f"/history?brand={BRAND}").text)
    assert (executions_in(first), executions_in(second)) == ([new], [old])
    assert "read by other rules" in second
    assert "brandq analyze" in second


def test_a_judge_of_sentiments_parts_nothing(desk: Desk, client: ContractClient) -> None:
    """Given two reports of which one had its sentiments judged, then their mention rates are one series all the same."""
    judged, plain = ended(desk, client, [NAMED] * 4), ended(desk, client, [NAMED] * 4)
    with desk.database.begin() as db:
        made = reports.publication(store.facts(db, judged), built_at=desk.now(), version=2)
        store.supersede_report(
            db, judged, replace(made, method_version=f"{made.method_version}+judge.abcd1234"), now=desk.now()
        )
    [series] = groups(client.get(f"/history?brand={BRAND}").text)
    assert executions_in(series) == [plain, judged]


def test_a_new_model_is_marked_where_it_came(desk: Desk, client: ContractClient) -> None:
    """Given a served model that changed between the second and the third execution, then the third is marked, and no other."""
    made = [ended(desk, client, [by_model(NAMED, model)] * 4) for model in ("m-1", "m-1", "m-2")]
    [series] = groups(client.get(f"/history?brand={BRAND}").text)
    rows = series.split('<th scope="row">')[1:]
    assert executions_in(series) == made[::-1]
    assert ["NEW MODEL" in row for row in rows] == [True, False, False]
    assert "doubao m-1 → m-2" in words_of(rows[0])


def test_one_engine_is_a_history_of_its_own(desk: Desk, client: ContractClient) -> None:
    """Given two executions that share one engine and no more, when that engine is chosen, then they are one series of its
    answers alone; an engine that nobody asked says so."""
    outcomes = [NAMED, OTHER] * 2  # prompts × engines × repeats: doubao and qwen take turns
    both = ended(desk, client, outcomes)
    alone = ended(desk, client, [NAMED] * 2, engines=["doubao"], repeats=2)
    assert len(groups(client.get(f"/history?brand={BRAND}").text)) == 2
    [series] = groups(client.get(f"/history?brand={BRAND}&engine=doubao").text)
    assert executions_in(series) == [alone, both]
    assert words_of(series).count("100% 2 of 2") == 2
    assert f"/executions/{both}/answers?brand={BRAND}&amp;engine=doubao&amp;finding=named" in series
    assert "No ended execution with 趣车良品 asked kimi" in client.get(f"/history?brand={BRAND}&engine=kimi").text
    assert len(groups(client.get(f"/history?brand={BRAND}&engine=").text)) == 2


def test_a_series_of_numbers_is_drawn(desk: Desk, client: ContractClient) -> None:
    """Given a series of three numbers, one of them with a new model, and a basket with one, then one figure stands there, with the
    three points, the mark of the new model and a sentence for who cannot see it."""
    ended(desk, client, [by_model(NAMED, "m-1")] * 2, engines=["doubao"], repeats=2)
    for model in ("m-1", "m-1", "m-2"):
        ended(desk, client, [by_model(NAMED, model), by_model(OTHER, model)] * 2)
    page = client.get(f"/history?brand={BRAND}").text
    [figure] = page.split('<figure class="chart"')[1:]
    assert 'id="chart-history-A"' in figure
    told = re.search(r'class="chart-spec">(.*?)</script>', figure)
    assert told is not None
    values = json.loads(told[1])["spec"]["data"]["values"]
    assert [(value["value"], value["changed"]) for value in values] == [(0.5, False), (0.5, False), (0.5, True)]
    assert "50%" in figure.split('class="said until-drawn">')[1].split("</p>")[0]
    assert page.count('id="chart-configs"') == page.count("/charts.js") == 1


def test_what_goes_on_has_no_history_yet(desk: Desk, client: ContractClient) -> None:
    """Given no execution, one that goes on, and one that was cancelled, then the first two give an empty page that says what comes,
    and the third stands there without a number."""
    assert "Nothing has been measured yet." in client.get("/history").text
    execution_id = submit(client)
    assert "Nothing has been measured yet." in client.get("/history").text
    client.post(f"/api/executions/{execution_id}/cancel")
    [series] = groups(client.get("/history").text)
    assert "no report yet" in series


def test_an_execution_without_a_report_stands_where_it_belongs(desk: Desk, client: ContractClient) -> None:
    """Given one that was cancelled after one of the same basket had ended, then it is in that series, and the older one is compared
    with no execution that has no number."""
    ended(desk, client, [NAMED] * 4)
    middle = submit(client)
    client.post(f"/api/executions/{middle}/cancel")
    newest = ended(desk, client, [NAMED] * 4)
    [series] = groups(client.get(f"/history?brand={BRAND}").text)
    assert middle in executions_in(series)
    assert f"/executions/{newest}/comparison?before={middle}" not in series
    assert f"/executions/{newest}/comparison?before=" in series


def test_without_a_brand_it_is_the_subject_that_was_measured_last(desk: Desk, client: ContractClient) -> None:
    """Given two subjects, when no brand is named, then the newest one is shown; all brands can be chosen, however they are spelled;
    one that nobody tracks says so."""
    ended(desk, client, [NAMED] * 4)
    ended(desk, client, [OTHER] * 4, brands=["Acme & <Co>", "竞品 1"])
    page = client.get("/history").text
    assert "<h1>Acme &amp; &lt;Co&gt;</h1>" in page
    chosen = [attributes["value"] for tag, attributes in tags_of(page) if tag == "option"]
    assert chosen[:3] == ["Acme & <Co>", "竞品 1", "趣车良品"]
    assert "<h1>Acme &amp; &lt;Co&gt;</h1>" in client.get(f"/history?brand={quote('ACME & <CO>')}").text
    assert "No ended execution tracks nobody." in client.get("/history?brand=nobody").text


def test_an_unusable_execution_has_its_reason_for_a_number(desk: Desk, client: ContractClient) -> None:
    """Given an execution whose answers are all refusals, then a dash and the reason stand there, and no 0 %."""
    ended(desk, client, [answered("很抱歉，我无法回答这个问题。")] * 4)
    [series] = groups(client.get(f"/history?brand={BRAND}").text)
    assert "no usable answer" in series
    assert "0%" not in series


def test_another_owners_brands_are_not_there(small_desk: Desk) -> None:
    """Given executions of two owners, then each sees the brands and the numbers of its own alone."""
    ann, bob = (ContractClient(small_desk, key=add_key(small_desk, name, "read", "run")) for name in ("ann", "bob"))
    hers = ended(small_desk, ann, [NAMED] * 4)
    ended(small_desk, bob, [NAMED] * 4, brands=["Bobs"])
    page = bob.get(f"/history?brand={BRAND}").text
    assert hers not in page
    assert "No ended execution tracks 趣车良品" in page
    assert not any(tag == "option" and attributes.get("value") == "趣车良品" for tag, attributes in tags_of(page))
    assert "Bobs" not in ann.get("/history").text
