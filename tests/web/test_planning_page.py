"""The form that plans a diagnosis: what is typed is asked, what is wrong stands at its field, and nothing is lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from brandq import store
from brandq.actors.desk import Desk
from brandq.measures.sampling import foretell_precision
from brandq.plan import CostLimit, EngineRef, Plan
from brandq.web.pages.planning import TOLD_PROMPTS, TOLD_REPEATS
from tests.waiting import wait_until
from tests.web.site import ContractClient, add_key, finish, open_desk, submit

#: in the order in which the form has its engines
PLAN = {
    "brands": [{"name": "趣车良品", "aliases": ["趣车"], "domains": ["example.com"]}, "竞品 1"],
    "prompts": ["深圳新能源汽车改装门店哪家好？"],
    "engines": ["qwen", "doubao"],
    "repeats": 2,
}
#: what a browser sends of it
TYPED = {
    "brand-0-name": "趣车良品",
    "brand-0-aliases": "趣车",
    "brand-0-domains": "example.com",
    "brand-1-name": "竞品 1",
    "prompts": "深圳新能源汽车改装门店哪家好？",
    "repeats": "2",
}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Fields(HTMLParser):
    """The form of a page as a browser reads it: what it would send, and what its buttons are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self.tags: dict[str, dict[str, str | None]] = {}
        self._open: dict[str, str | None] | None = None
        self._text = ""
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.tags[str(given["id"])] = given
        if tag == "input" and given.get("name") and "disabled" not in given:
            if given.get("type") != "checkbox" or "checked" in given:
                self.sent.append((str(given["name"]), given.get("value", "on") or ""))
        elif tag == "textarea":
            self._open, self._text = given, ""
        elif tag == "select":
            self._select, self._options = given.get("name"), []
        elif tag == "option" and self._select:
            self._open, self._text = given, ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._open:
            # a browser leaves out the line end that the tag is followed by, and sends others as CR LF
            self.sent.append((str(self._open["name"]), self._text.removeprefix("\n").replace("\n", "\r\n")))
        elif tag == "option" and self._open is not None and self._select:
            self._options.append((str(self._open.get("value", self._text)), "selected" in self._open))
        elif tag == "select" and self._select:
            chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
            self.sent.append((self._select, chosen[-1]))
            self._select = None

    def body(self, **changed: str | None) -> dict[str, str | list[str]]:
        """All of it with these changes; None takes a field away."""
        fields: dict[str, str | list[str]] = {}
        for name, value in self.sent:
            before = fields.get(name)
            if before is not None:
                fields[name] = [*(before if isinstance(before, list) else [before]), value]
            else:
                fields[name] = value
        for name, value in changed.items():
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = value
        return fields


def opened(client: ContractClient, path: str = "/executions/new") -> Fields:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return Fields(response.text)


def engine_box(form: Fields, name: str) -> str:
    """The name of the box that chooses this engine."""
    rows = [
        field.split("-")[1] for field, value in form.sent if re.fullmatch(r"engine-\d+-name", field) and value == name
    ]
    return f"engine-{rows[0]}-chosen"


def written(client: ContractClient, **changed: str | None) -> dict[str, Any]:
    """What a browser sends once TYPED and these are typed and doubao and qwen are ticked."""
    form = opened(client)
    boxes = {engine_box(form, name): "on" for name in PLAN["engines"]}
    return form.body(**{**TYPED, **boxes, **{name.replace("__", "-"): value for name, value in changed.items()}})


def post(client: ContractClient, path: str, body: dict[str, Any], status: int) -> Any:
    response = client.post(path, data=body)
    assert response.status_code == status, response.text
    return response


def start(client: ContractClient, body: dict[str, Any]) -> str:
    return str(post(client, "/executions", body, 303).headers["location"]).removeprefix("/executions/")


def plan_of(client: ContractClient, execution_id: str) -> dict[str, Any]:
    return dict(client.get(f"/api/executions/{execution_id}").json()["plan"])


def executions(desk: Desk) -> int:
    with desk.database.read() as db:
        return len(store.list_executions(db, "local", store.Filter(), 1000))


# -- starting


def test_what_is_typed_is_the_plan_that_the_api_takes(desk: Desk, client: ContractClient) -> None:
    """Given the fields of a plan, when the form is started, then its execution has the plan that the API would make."""
    started = start(client, written(client))
    assert plan_of(client, started) == plan_of(client, submit(client, **PLAN))


def test_everything_that_a_plan_has_can_be_typed(small_desk: Desk, small: ContractClient) -> None:
    """Given every field filled, then each arrives in the plan under its own name."""
    body = written(
        small,
        brand__1__ambiguous="on",
        brand__1__context="汽车\r\n\r\n 改装 ",
        brand__1__block="竞品 100",
        brand__2__name="Sub",
        brand__2__parent="趣车良品",
        brand__2__case_sensitive="on",
        prompts="first line\r\nsecond line\r\n---\r\nthe other",
        parted="on",
        priority="9",
        cost_amount="2.50",
        cost_currency="CNY",
        reuse_within_hours="24",
        label=" march ",
        system="Answer in English.",
    )
    qwen = engine_box(opened(small), "qwen").removesuffix("chosen")
    body[f"{qwen}model"] = "qwen3.8-max"
    body.pop(f"{qwen}search")
    plan = plan_of(small, start(small, body))
    assert plan["prompts"] == ["first line\nsecond line", "the other"]
    assert [engine["engine"] for engine in plan["engines"]] == ["qwen/qwen3.8-max?search=off", "doubao"]
    own, rival, part = plan["brands"]
    assert (own["aliases"], own["domains"]) == (["趣车"], ["example.com"])
    assert (rival["ambiguous"], rival["context"], rival["block"]) == (True, ["汽车", "改装"], ["竞品 100"])
    assert (part["parent"], part["case_sensitive"]) == ("趣车良品", True)
    assert (plan["priority"], plan["repeats"], plan["reuse_within_hours"]) == (9, 2, 24)
    assert (plan["label"], plan["system"]) == ("march", "Answer in English.")
    assert plan["cost_limit"] == {"amount": "2.5", "currency": "CNY"}


def test_a_double_click_is_one_execution(desk: Desk, client: ContractClient) -> None:
    """Given a form sent twice, then there is one execution; changed and sent from the same opening it is another; and
    opened again and sent as it is, one more."""
    body = written(client)
    first, second = start(client, body), start(client, body)
    assert first == second
    assert executions(desk) == 1
    assert start(client, {**body, "repeats": "1"}) != first
    assert start(client, written(client)) != first
    assert executions(desk) == 3


def test_what_was_started_is_sent_after_the_reply(desk: Desk, client: ContractClient) -> None:
    """One message per engine's batch, as if the API had been asked."""
    start(client, written(client))
    queue = desk.broker.queues["brandq.fetch"]  # type: ignore[attr-defined]
    wait_until(lambda: len(queue.ready) == 2, 5, "two batches in the queue")


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        (
            {"brand-0-name": "", "brand-0-aliases": "", "brand-0-domains": "", "brand-1-name": ""},
            "brand-0-name",
            "your own",
        ),
        ({"brand-0-name": " "}, "brand-0-name", "must not be blank"),
        ({"brand-1-name": "趣 车良品".replace(" ", "")}, "brand-1-name", "each brand stands once"),
        ({"brand-1-aliases": "ok\n趣车"}, "brand-1-aliases", "Line 2: "),
        ({"brand-0-domains": "nowhere"}, "brand-0-domains", "expected a domain"),
        ({"brand-2-parent": "x"}, "brand-2-name", "must not be blank"),
        ({"brand-0-context": "word"}, "brand-0-context", "ambiguous"),
        ({"prompts": " \n "}, "prompts", "Write at least one prompt"),
        ({"prompts": "a?\nwhat about {city}?"}, "prompts", "Prompt 2: cannot fill {city}"),
        ({"prompts": "\n".join(f"prompt {number}" for number in range(21))}, "prompts", "at most 20"),
        ({"repeats": "abc"}, "repeats", "from 1 to 20"),
        ({"repeats": "0"}, "repeats", "from 1 to 20"),
        ({"priority": "11"}, "priority", "from 0 to 10"),
        ({"reuse_within_hours": "-1"}, "reuse_within_hours", "from 0 to"),
        ({"cost_amount": "free"}, "cost_amount", "expected a number above 0"),
        ({"label": "x" * 101}, "label", "at most 100"),
        ({"system": "x" * 2001}, "system", "at most 2000"),
    ],
)
def test_a_fault_stands_at_its_field(
    small_desk: Desk, small: ContractClient, changed: dict[str, str], field: str, words: str
) -> None:
    """Given one thing that is wrong, when the form is started, then the field says so and is led to from the top, all
    else is as it was typed, and nothing is stored."""
    body = {**written(small), **changed}
    response = post(small, "/executions", body, 422)
    form = Fields(response.text)
    tag = form.tags[field]
    assert tag["aria-invalid"] == "true"
    wrong = str(tag["aria-describedby"]).split()[-1]
    assert wrong.startswith(f"{field}-wrong")
    said = re.search(rf'<p class="wrong" id="{wrong}">(.*?)</p>', response.text)
    assert said is not None
    assert words in said[1]
    summary = re.search(
        r'<div[^>]* role="alert" id="faults" tabindex="-1" autofocus>(.*?)</div>', response.text, re.DOTALL
    )
    assert summary is not None
    assert f'href="#{field}"' in summary[1]
    sent = form.body()
    for name, value in body.items():
        if name not in ("csrf", "do"):
            assert sent.get(name, "").replace("\r", "") == value.replace("\r", "")  # type: ignore[union-attr]
    assert executions(small_desk) == 0


def test_no_engine_chosen_is_told_at_the_engines(small: ContractClient) -> None:
    """Given none ticked, then the list says so, and it can be led to."""
    response = post(small, "/executions", opened(small).body(**TYPED), 422)
    assert 'href="#engines"' in response.text
    assert "Choose at least one engine." in response.text
    assert Fields(response.text).tags["engines"]["tabindex"] == "-1"


def test_an_engine_without_a_model_says_so_in_its_row(small: ContractClient) -> None:
    """Given an engine that has no model of its own, when none is named, then its own row says what to do."""
    form = opened(small)
    box = engine_box(form, "openrouter")
    response = post(small, "/executions", form.body(**TYPED, **{box: "on"}), 422)
    assert Fields(response.text).tags[box]["aria-invalid"] == "true"
    assert "name one, as in openrouter/MODEL" in response.text


def test_a_limit_that_cannot_be_kept_is_told_at_the_limit(sqlite_url: str, tmp_path: Path) -> None:
    """Given an engine whose price is not known, when a limit is set, then the field of the limit says why not."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_SIMULATE="off", DOUBAO_API_KEY="", ARK_API_KEY="k" * 20)
    client = ContractClient(desk)
    form = opened(client)
    box = engine_box(form, "doubao")
    typed = {
        **TYPED,
        box: "on",
        box.replace("chosen", "model"): "doubao-unheard-of",
        "cost_amount": "5",
        "cost_currency": "CNY",
    }
    response = post(client, "/executions", form.body(**typed), 422)
    assert "cannot be kept for doubao/doubao-unheard-of" in response.text
    assert Fields(response.text).tags["cost_amount"]["aria-invalid"] == "true"
    desk.close()


def test_where_too_much_is_open_the_form_waits_with_its_plan(sqlite_url: str, tmp_path: Path) -> None:
    """Given a full house, then the preview says so, and a start is refused with 429, the time to wait, and all fields."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_MAX_OPEN_SAMPLES="6")
    client = ContractClient(desk)
    submit(client)
    body = written(client)
    assert "4 samples of all owners are open" in post(client, "/executions/preview", body, 200).text
    refused = post(client, "/executions", body, 429)
    assert int(refused.headers["retry-after"]) > 0
    assert 'id="trouble"' in refused.text
    assert Fields(refused.text).body()["prompts"] == TYPED["prompts"]
    assert executions(desk) == 1
    desk.close()


def test_the_address_of_a_refused_form_leads_back_to_one(small: ContractClient) -> None:
    """Given the address that a form is started at, when it is opened, then it leads to the form."""
    assert small.get("/executions").headers["location"] == "/executions/new"


# -- the preview


def test_the_preview_says_what_the_dry_run_says(desk: Desk, client: ContractClient) -> None:
    """Given a plan, then the preview has its samples, cost, time and precision with what each rests on; nothing is stored."""
    told = client.post("/api/executions?dry_run=true", json=PLAN).json()
    fragment = post(client, "/executions/preview", written(client), 200).text
    assert f'data-planned="{told["planned"]}"' in fragment
    estimate = told["estimate"]
    for words in (
        estimate["basis"],
        estimate["cost"]["basis"],
        estimate["precision"]["words"],
        "free of charge",
        "SIMULATED",
    ):
        assert words in fragment
    assert "<html" not in fragment
    assert {"foreseen", "prompt-list"} <= set(Fields(fragment).tags)
    assert executions(desk) == 0


def test_the_preview_says_what_is_reused(desk: Desk, client: ContractClient) -> None:
    """Given answers that are there, when the plan may reuse them, then the preview counts those that nobody is asked for."""
    from_before = submit(client)
    with desk.database.read() as db:
        assert store.execution(db, from_before, owner="local")
    body = written(client, reuse_within_hours="24")
    assert "nobody is asked for" not in post(client, "/executions/preview", body, 200).text
    finish(desk, from_before)
    assert "4 answers are there already" in post(client, "/executions/preview", body, 200).text


def test_an_unfinished_plan_is_told_what_it_lacks(small: ContractClient) -> None:
    """Given half a plan, then the preview lists what is missing with the way there, and scolds nobody."""
    fragment = post(small, "/executions/preview", opened(small).body(**{"brand-0-name": "Acme"}), 200).text
    assert 'href="#prompts"' in fragment
    assert 'href="#engines"' in fragment
    assert 'role="alert"' not in fragment
    empty = post(small, "/executions/preview", opened(small).body(), 200).text
    assert "href" not in empty


def test_the_preview_button_keeps_everything(small: ContractClient) -> None:
    """Given a browser without a script, when Preview is pressed, then the page has the preview and all that was typed."""
    body = {**written(small), "do": "preview"}
    response = post(small, "/executions/new", body, 200)
    assert 'data-planned="4"' in response.text
    again = Fields(response.text).body()
    assert {name: again[name] for name in TYPED} == TYPED
    assert plan_of(small, start(small, dict(again))) == plan_of(small, submit(small, **PLAN))


# -- prompts


def test_prompts_are_counted_and_asked_once(small: ContractClient) -> None:
    """Given pasted lines, some blank, one twice, then they are numbered, the double is struck out, and the plan has each once."""
    body = written(small, prompts="\r\n b? \r\na?\r\n\r\nb?\r\n")
    fragment = post(small, "/executions/preview", body, 200).text
    assert "<b>2 prompts</b>" in fragment
    assert "1 that stood twice was left out" in fragment
    assert re.findall(r'<li value="(\d)"', fragment) == ["1", "2", "1"]
    assert plan_of(small, start(small, body))["prompts"] == ["b?", "a?"]


def test_a_prompt_that_names_a_brand_is_warned_of(small: ContractClient) -> None:
    """Given prompts that name tracked brands by name, alias or gap, then each is marked with the brand; one that merely has
    its letters is not."""
    body = written(
        small,
        brand__0__name="Ace",
        brand__0__aliases="趣车",
        prompts="place to eat?\nIs Ace good?\n趣车好吗？\nwhy {competitor}?",
    )
    fragment = post(small, "/executions/preview", body, 200).text
    assert re.findall(
        r'<li value="(\d)"><span>[^<]*</span> <span class="chip warned">names ([^<]+)</span>', fragment
    ) == [
        ("2", "Ace"),
        ("3", "Ace"),
        ("4", "竞品 1"),
    ]
    assert "3 prompts name a tracked brand" in fragment
    assert "data-naming" not in post(small, "/executions/preview", written(small), 200).text


def test_the_numbers_of_a_pasted_list_can_be_taken_away(small: ContractClient) -> None:
    """Given a numbered list, then the page offers to take its numbers away, and does; years and sizes stay."""
    body = written(small, prompts="1. best car?\n2) 2026年买什么车？\n3、4K 电视推荐？\n- 3.5 英寸硬盘？")
    assert "would be asked with them" in post(small, "/executions/preview", body, 200).text
    response = post(small, "/executions/new", {**body, "do": "bare"}, 200)
    kept = Fields(response.text).body()["prompts"]
    assert kept == "best car?\r\n2026年买什么车？\r\n4K 电视推荐？\r\n3.5 英寸硬盘？"
    plain = written(small, prompts="4K 电视推荐？\n2026年买什么车？")
    assert "would be asked with them" not in post(small, "/executions/preview", plain, 200).text


def test_the_library_is_filled_in_and_taken_over(small: ContractClient) -> None:
    """Given an industry and a product, then its prompts are offered filled in; those with an open gap cannot be taken; the
    ticked ones stand behind what was typed, each once."""
    body = written(small, library__industry="cars", library__language="zh", library__category="新能源 SUV")
    page = post(small, "/executions/new", {**body, "do": "library"}, 200).text
    offered = re.findall(r'name="pick" id="[^"]+" value="([^"]+)"( disabled)?', page)
    free = [text for text, disabled in offered if not disabled]
    assert len(offered) >= 8
    assert all("{" not in text for text in free)
    assert all("{" in text for text, disabled in offered if disabled)
    assert any("新能源 SUV" in text for text in free)
    picked = {**body, "do": "pick", "pick": [free[0], free[1], TYPED["prompts"]]}
    response = post(small, "/executions/new", picked, 200)
    assert "2 prompts were added." in response.text
    assert Fields(response.text).body()["prompts"] == "\r\n".join([TYPED["prompts"], free[0], free[1]])
    assert f'value="{free[0]}" disabled' in response.text


def test_what_is_ticked_stays_ticked_while_gaps_are_filled(small: ContractClient) -> None:
    """Given a ticked prompt, when another gap is filled in, then it is ticked still."""
    body = written(small, library__industry="food", library__category="tea")
    page = post(small, "/executions/new", {**body, "do": "library"}, 200).text
    text = re.findall(r'name="pick" id="[^"]+" value="([^"]+)">', page)[0]
    again = post(small, "/executions/new", {**body, "do": "library", "pick": text, "library-city": "York"}, 200).text
    assert f'value="{text}" checked' in again


def test_the_guidance_tells_the_precision_that_is_measured_with(small: ContractClient) -> None:
    """The table beside the prompts has the half widths that sampling foretells."""
    page = small.get("/executions/new").text
    table = re.search(r"How exact a mention rate near.*?</table>", page, re.DOTALL)
    assert table is not None
    told = [foretell_precision(prompts, repeats)["half_width"] for repeats in TOLD_REPEATS for prompts in TOLD_PROMPTS]
    assert re.findall(r"± (\d+)", table[0]) == [f"{100 * half_width:.0f}" for half_width in told]


# -- engines


def test_engines_stand_in_groups_and_say_why_they_cannot_be_asked(sqlite_url: str, tmp_path: Path) -> None:
    """Given one key, then its engine can be chosen, and the others stand apart with the variable that they need."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_SIMULATE="off", DEEPSEEK_API_KEY="k" * 20)
    page = ContractClient(desk).get("/executions/new").text
    form = Fields(page)
    names = {value for field, value in form.sent if re.fullmatch(r"engine-\d+-name", field)}
    assert names == {"deepseek", "local"}
    assert "disabled" in form.tags["without-openai"]
    assert "set OPENAI_API_KEY" in page
    assert "16 engines" not in page
    for group in ("group-international", "group-chinese", "group-own"):
        assert group in form.tags
    assert "SIMULATED" not in page
    desk.close()


def test_a_paused_engine_says_why(desk: Desk, client: ContractClient) -> None:
    """Given a provider that refused its key, then its engine is marked with the reason, and can be chosen all the same."""
    with desk.database.begin() as db:
        store.open_engine(
            db,
            "doubao?simulated",
            reason="auth",
            message="check ARK_API_KEY",
            wait=None,
            settings="simulated",
            now=desk.now(),
        )
    page = client.get("/executions/new").text
    assert page.count("PAUSED") == 1
    assert "Paused: check ARK_API_KEY." in page
    start(client, written(client))


def test_one_provider_can_be_asked_in_two_ways(small: ContractClient) -> None:
    """Given an engine, when another setting of it is added, then it searches the other way, and both are asked."""
    body = written(small)
    form = Fields(post(small, "/executions/new", {**body, "do": "more-engine:qwen"}, 200).text)
    plan = plan_of(small, start(small, form.body()))
    assert [engine["engine"] for engine in plan["engines"]] == ["qwen", "qwen?search=off", "doubao"]
    row = next(field for field, value in reversed(form.sent) if field.startswith("engine-") and value == "qwen").split(
        "-"
    )[1]
    fewer = Fields(post(small, "/executions/new", form.body(do=f"drop-engine:{row}"), 200).text)
    assert plan_of(small, start(small, fewer.body())) == plan_of(small, submit(small, **PLAN))


def test_all_of_a_group_can_be_chosen(small: ContractClient) -> None:
    """Given a group, when all are chosen, then each that has a model of its own is ticked, and no other group's."""
    form = Fields(post(small, "/executions/new", opened(small).body(**TYPED, do="all-engines:chinese"), 200).text)
    plan = plan_of(small, start(small, form.body()))
    names = {engine["engine"] for engine in plan["engines"]}
    assert {"deepseek", "doubao", "qwen", "kimi"} <= names
    assert not names & {"openai", "local", "openrouter"}


# -- rows


def test_rows_of_brands_come_and_go(small: ContractClient) -> None:
    """Given three rows, when one is added and one taken away, then the others keep what is typed, and ten are the most."""
    form = opened(small)
    assert "brand-2-name" in form.tags
    more = Fields(post(small, "/executions/new", form.body(**TYPED, do="add-brand"), 200).text)
    assert "data-focus" in more.tags["brand-3-name"]
    fewer = Fields(post(small, "/executions/new", more.body(**{"brand-3-name": "Last"}, do="drop-brand:1"), 200).text)
    names = [fewer.body()[f"brand-{row}-name"] for row in range(3)]
    assert names == ["趣车良品", "", "Last"]
    page = ""
    for _ in range(9):
        page = post(small, "/executions/new", fewer.body(do="add-brand"), 200).text
        fewer = Fields(page)
    assert "brand-9-name" in fewer.tags
    assert "brand-10-name" not in fewer.tags
    assert "at most 10 brands" in page


@pytest.mark.parametrize(
    "doing", ["", "nonsense", "drop-brand:99", "drop-brand:x", "drop-engine:9", "more-engine:x", "forget:x"]
)
def test_a_button_that_means_nothing_does_nothing(small: ContractClient, doing: str) -> None:
    """Given a form with a button of ours misspelt, then it comes back as it was."""
    body = written(small)
    form = Fields(post(small, "/executions/new", {**body, "do": doing}, 200).text)
    assert plan_of(small, start(small, form.body())) == plan_of(small, submit(small, **PLAN))


# -- saved plans, and again


def test_a_saved_plan_comes_back_with_everything(desk: Desk, client: ContractClient) -> None:
    """Given a plan saved under a name, when it is opened again, then the form sends the very same plan."""
    body = written(client, label="march", priority="7", cost_amount="3", prompts="a?\nb?", brand__1__ambiguous="on")
    response = post(client, "/executions/new", {**body, "do": "save", "plan-name": "  My \t plan "}, 200)
    assert "Saved as “My plan”." in response.text
    address = re.search(r"/executions/new\?saved=\d+", client.get("/executions/new").text)
    assert address is not None
    form = opened(client, address[0])
    assert dict(form.sent)["plan-name"] == "My plan"
    assert plan_of(client, start(client, form.body())) == plan_of(client, start(client, body))


def test_an_unfinished_plan_can_be_saved(small: ContractClient) -> None:
    """Given half a plan with something wrong in it, when it is saved and opened, then it stands there as it was typed."""
    body = opened(small).body(**{"brand-0-name": "Acme", "repeats": "often"}, do="save", **{"plan-name": "half"})
    post(small, "/executions/new", body, 200)
    sent = opened(small, "/executions/new?saved=1").body()
    assert (sent["brand-0-name"], sent["repeats"], sent["prompts"]) == ("Acme", "often", "")


def test_saving_under_the_same_name_replaces(small_desk: Desk, small: ContractClient) -> None:
    """Given a saved plan, when another is saved under its name, then there is one, the later; removed, there is none."""
    for name in ("Acme", "Bolt"):
        post(small, "/executions/new", opened(small).body(**{"brand-0-name": name, "plan-name": "p"}, do="save"), 200)
    with small_desk.database.read() as db:
        [saved] = store.list_saved_plans(db, "local")
    assert saved.document["brands"] == [{"name": "Bolt"}]
    response = post(small, "/executions/new", opened(small).body(do=f"forget:{saved.plan_id}"), 200)
    assert "The saved plan was removed." in response.text
    assert f"saved={saved.plan_id}" not in response.text
    again = post(small, "/executions/new", opened(small).body(do=f"forget:{saved.plan_id}"), 200)
    assert "gone already" in again.text


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b"])
def test_a_plan_needs_a_name_to_be_saved(small_desk: Desk, small: ContractClient, name: str) -> None:
    """Given no name, or one that cannot be kept, when it is saved, then the field says so, and what was typed stands."""
    response = post(small, "/executions/new", {**written(small), "do": "save", "plan-name": name}, 422)
    form = Fields(response.text)
    assert form.tags["plan-name"]["aria-invalid"] == "true"
    assert form.body()["prompts"] == TYPED["prompts"]
    with small_desk.database.read() as db:
        assert store.list_saved_plans(db, "local") == []


def test_again_sends_the_very_same_plan(desk: Desk, client: ContractClient) -> None:
    """Given an execution of everything that a plan has, when its form is opened again and started, then its plan is the same."""
    before = submit(
        client,
        brands=[
            {
                "name": "Visa",
                "aliases": ["维萨"],
                "domains": ["visa.com"],
                "ambiguous": True,
                "context": ["card", "pay"],
            },
            {"name": "Visa Electron", "parent": "Visa", "case_sensitive": True, "block": ["Visa Electronics"]},
            "竞品 1",
        ],
        prompts=["two\nlines?", "one line?", "Is {brand} good?"],
        engines=["doubao", {"engine": "qwen", "search": False}, {"engine": "qwen", "model": "qwen3.8-max"}, "spark"],
        repeats=1,
        priority=2,
        label="march",
        system="two\nlines",
        cost_limit="7.5 CNY",
        reuse_within_hours=0,
    )
    form = opened(client, f"/executions/new?again={before}")
    after = plan_of(client, start(client, form.body()))
    expected = plan_of(client, before)
    for plan in (after, expected):
        plan["engines"] = sorted(plan["engines"], key=lambda engine: str(engine["engine"]))
    assert after == expected


def test_what_cannot_be_asked_again_is_said(sqlite_url: str, tmp_path: Path) -> None:
    """Given a plan with an imported engine and one that has no key any more, then the form goes without them and says so."""
    desk = open_desk(sqlite_url, tmp_path)
    client = ContractClient(desk)
    engines = (EngineRef("豆包", "豆包", "imported", imported=True), EngineRef("gone", "gone", "m", simulated=True))
    document = {**plan_of(client, submit(client)), "engines": [dict(vars(engine)) for engine in engines]}
    plan = Plan.from_json(
        {**document, "cost_limit": CostLimit.to_json(document["cost_limit"]) if document["cost_limit"] else None}
    )
    with desk.database.begin() as db:
        order = store.Order("00000000-0000-4000-8000-000000000001", "local", plan, desk.now())
        store.plan_execution(db, order, now=desk.now())
    response = client.get("/executions/new?again=00000000-0000-4000-8000-000000000001")
    assert "Answers of 豆包 were imported" in response.text
    assert "gone cannot be asked here" in response.text
    assert not [name for name, _ in Fields(response.text).sent if name.endswith("-chosen")]
    desk.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/executions/new?again=00000000-0000-4000-8000-000000000009", 404),
        ("/executions/new?again=nonsense", 404),
        ("/executions/new?saved=999", 404),
        ("/executions/new?saved=x", 422),
        ("/executions/new?unknown=1", 422),
    ],
)
def test_what_is_not_there_is_told(small: ContractClient, path: str, status: int) -> None:
    """Given an address of nothing, then a page says so."""
    response = small.get(path)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")


def test_owners_do_not_see_each_other(desk: Desk) -> None:
    """Given what Ann saved and asked, then Bob's form lists none of it, opens none of it, and removes none of it."""
    ann = ContractClient(desk, key=add_key(desk, "ann"))
    bob = ContractClient(desk, key=add_key(desk, "bob"))
    execution_id = submit(ann, label="secret label")
    post(ann, "/executions/new", {**written(ann), "do": "save", "plan-name": "secret plan"}, 200)
    with desk.database.read() as db:
        [saved] = store.list_saved_plans(db, "ann")
    page = bob.get("/executions/new").text
    assert "secret" not in page
    assert execution_id not in page
    assert bob.get(f"/executions/new?again={execution_id}").status_code == 404
    assert bob.get(f"/executions/new?saved={saved.plan_id}").status_code == 404
    post(bob, "/executions/new", opened(bob).body(do=f"forget:{saved.plan_id}"), 200)
    assert "secret plan" in ann.get("/executions/new").text


# -- who may


def test_a_key_that_only_reads_is_told_so(desk: Desk) -> None:
    """Given a key without the scope run, then no page of the form opens, and the page says which scope is needed."""
    reader = ContractClient(desk, key=add_key(desk, "ann", "read"))
    response = reader.get("/executions/new")
    assert response.status_code == 403
    assert "this needs run" in response.text
    for path in ("/executions", "/executions/new", "/executions/preview"):
        assert reader.post(path, data=TYPED).status_code == 403
    assert executions(desk) == 0


def test_a_form_from_elsewhere_is_refused(small_desk: Desk, small: ContractClient) -> None:
    """Given a form without our token, then nothing is started, previewed or saved."""
    body = {**written(small), "csrf": "made up", "do": "save", "plan-name": "x"}
    for path in ("/executions", "/executions/new", "/executions/preview"):
        assert small.post(path, data=body).status_code == 403
    assert executions(small_desk) == 0
    with small_desk.database.read() as db:
        assert store.list_saved_plans(db, "local") == []


def test_what_is_typed_is_text(small: ContractClient) -> None:
    """Given markup in every field, then it comes back as text, in the form, its preview and its list of saved plans."""
    fields = [name for name, _ in opened(small).sent if name not in ("csrf", "opening") and not name.endswith("-name")]
    typed = {**dict.fromkeys(fields, HOSTILE), "brand-0-name": HOSTILE, "brand-1-name": HOSTILE, "plan-name": HOSTILE}
    body = opened(small).body(**typed, do="save")
    for response in (
        post(small, "/executions/new", body, 200),
        post(small, "/executions", body, 422),
        post(small, "/executions/preview", body, 200),
        small.get("/executions/new?saved=1"),
    ):
        assert "alert(1)" in response.text
        assert "<script>alert" not in response.text
        assert "<img" not in response.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_form_speaks_the_readers_language(small: ContractClient, language: str) -> None:
    """Given a browser's language, then headings, faults and notes are in it, and the library opens in it."""
    small.headers["Accept-Language"] = language
    page = small.get("/executions/new").text
    heading = {"en": "Prompts", "zh": "提问"}[language]
    assert f'<h2 id="prompts-title">{heading}</h2>' in page
    assert dict(Fields(page).sent)["library-language"] == language
    refused = post(small, "/executions", opened(small).body(**TYPED), 422).text
    assert {"en": "Choose at least one engine.", "zh": "请至少选择一个 AI 引擎。"}[language] in refused


def test_the_form_says_the_same_year_as_the_clock(small_desk: Desk, small: ContractClient) -> None:
    """The library's year is this one until it is changed."""
    assert dict(opened(small).sent)["library-year"] == str(small_desk.now().year)


def test_ids_are_unique_and_every_input_has_a_label(small: ContractClient) -> None:
    """Given the form in its fullest state, then each id stands once, and every input that is seen has a label."""
    body = written(small, library__industry="cars", priority="x", brand__0__domains="x")
    for page in (small.get("/executions/new").text, post(small, "/executions", body, 422).text):
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        labelled = set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page))
        seen = re.findall(r'<(?:input(?! type="hidden")|select|textarea)\b[^>]*\sid="([^"]+)"', page)
        assert set(seen) <= labelled
        for described in re.findall(r'aria-describedby="([^"]+)"', page):
            assert set(described.split()) <= set(ids)
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
