"""A diagnosis from the form to the exported report, as somebody does it who never read a line of documentation."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.browser.site import Served, Watch


def _fill(
    page: Page, *engines: str, prompts: str = "深圳新能源汽车改装门店哪家好？\nWhere can I have my car wrapped?"
) -> None:
    """The form, with what a diagnosis needs."""
    page.goto("/executions/new")
    page.locator("#brand-0-name").fill("趣车良品")
    page.locator("#brand-0-aliases").fill("趣车")
    page.locator("#brand-1-name").fill("竞品 1")
    page.locator("#prompts").fill(prompts)
    for engine in engines:
        page.locator(f"[data-engine='{engine}'] input[type=checkbox]").first.check()


def _start(page: Page) -> str:
    """Start what the form has; the id of the execution whose page comes."""
    page.get_by_role("button", name="Start the diagnosis").click()
    page.wait_for_url(re.compile(r"/executions/[0-9a-f-]{36}$"))
    return page.url.rsplit("/", 1)[1]


def test_from_the_form_to_the_sentences(page: Page, served: Served) -> None:
    """Given the form filled in, when it is started, then it goes on by itself to the report, whose number opens answers."""
    _fill(page, "doubao", "steady")
    # what it will be is told before anything is asked
    expect(page.locator("#foreseen")).to_contain_text("12")
    execution_id = _start(page)
    # it goes on without anybody touching the page, which is loaded again at its end
    expect(page.locator("#report")).to_be_visible(timeout=60_000)
    assert served.status(execution_id)["status"] == "completed"
    page.locator("#report").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("趣车良品")
    number = page.locator("main a.number[href^='answers']").first
    told = number.inner_text()
    number.click()
    page.wait_for_url(re.compile(r"/answers\?"))
    assert told
    page.locator("a[href*='/answers/']").first.click()
    page.wait_for_url(re.compile(r"/answers/\d+"))
    expect(page.locator("mark").first).to_be_visible()


def test_what_lands_is_seen_as_it_lands(page: Page, served: Served) -> None:
    """Given a slow engine, when its page is looked at, then answers appear one by one; who comes back finds them all."""
    execution_id = served.submit(engines=["steady"], prompts=["Wer baut Autos um?"], repeats=20)
    page.goto(f"/executions/{execution_id}")
    expect(page.locator("[data-live='answers'] > li").first).to_be_visible()
    seen = int(page.locator("#progress [data-live='settled']").inner_text())
    expect(page.locator("#progress [data-live='settled']")).not_to_have_text(str(seen))
    page.goto("about:blank")
    served.ended(execution_id)
    page.goto(f"/executions/{execution_id}")
    expect(page.locator("#progress")).to_contain_text("20")
    expect(page.locator("#report")).to_be_visible()


def test_it_can_be_cancelled(page: Page, served: Served, watch: Watch) -> None:
    """Given an engine that never answers, when the page's button is pressed and confirmed, then it is cancelled."""
    watch.expected = ["Cancel this execution?"]
    execution_id = served.submit(engines=["silent"], prompts=["Niemand antwortet?"], repeats=1)
    page.goto(f"/executions/{execution_id}")
    page.locator("#cancel").click()
    expect(page.locator(".status.cancelled").first).to_be_visible()
    assert served.status(execution_id)["status"] == "cancelled"


def test_a_failed_engine_is_explained(page: Page, served: Served) -> None:
    """Given an engine whose key is wrong, then the page says so in words, in the reader's language, and what can be done."""
    execution_id = served.finished(engines=["doubao", "broken"], prompts=["Wer bricht?"], repeats=1)
    assert served.status(execution_id)["status"] == "partial"
    page.goto(f"/executions/{execution_id}")
    row = page.locator("tr[data-engine='broken']")
    expect(row).to_contain_text("does not accept the API key")
    expect(page.locator("#retry")).to_contain_text("Ask the 1 missing one again")
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("tr[data-engine='broken']")).to_contain_text("密钥")
    page.locator("#retry").click()
    page.wait_for_url(lambda url: execution_id not in url)


def test_a_fault_stands_at_its_field(page: Page, watch: Watch) -> None:
    """Given a form without prompts and engines, when it is sent, then each fault is at its field and nothing is lost."""
    watch.expected = ["status of 422"]
    page.goto("/executions/new")
    page.locator("#brand-0-name").fill("趣车良品")
    page.get_by_role("button", name="Start the diagnosis").click()
    expect(page.locator("#faults")).to_be_visible()
    assert page.locator("[aria-invalid='true']").count() >= 1
    expect(page.locator("#brand-0-name")).to_have_value("趣车良品")


def test_a_plan_is_kept_and_taken_again(page: Page, served: Served) -> None:
    """Given a plan saved under a name, and an execution that ended, then either fills the form again."""
    _fill(page, "qwen")
    page.locator("#saving input").first.fill("monthly")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#starts")).to_contain_text("monthly")
    page.goto("/executions/new")
    page.get_by_role("link", name="monthly").click()
    expect(page.locator("#brand-0-name")).to_have_value("趣车良品")
    execution_id = served.finished(engines=["qwen"], repeats=1)
    page.goto(f"/executions/{execution_id}")
    page.get_by_role("link", name="Same plan again").click()
    expect(page.locator("#brand-2-name")).to_have_value("竞品 2")
    assert page.locator("[data-engine='qwen'] input[type=checkbox]").first.is_checked()


@pytest.fixture(scope="module")
def exported_one(served: Served) -> str:
    return served.finished(label="to export")


@pytest.mark.parametrize("form", ["PDF", "Excel", "CSV", "HTML", "Markdown", "JSON"])
def test_every_format_is_exported(page: Page, served: Served, exported_one: str, form: str) -> None:
    """Given a report, when each of its downloads is followed, then a file of that format comes, about this brand."""
    page.goto(f"/executions/{exported_one}/report")
    address = page.get_by_role("link", name=form, exact=True).get_attribute("href")
    assert address is not None
    reply = page.request.get(address, timeout=60_000)
    assert reply.status == 200
    body = reply.body()
    told = {
        "PDF": lambda: "".join(one.extract_text() for one in PdfReader(io.BytesIO(body)).pages),
        "Excel": lambda: (
            zipfile.ZipFile(io.BytesIO(body)).read("xl/sharedStrings.xml").decode()
            if "xl/sharedStrings.xml" in zipfile.ZipFile(io.BytesIO(body)).namelist()
            else zipfile.ZipFile(io.BytesIO(body)).read("xl/worksheets/sheet1.xml").decode()
        ),
        "CSV": lambda: " ".join(next(csv.reader(io.StringIO(body.decode("utf-8-sig"))))) + body.decode("utf-8-sig"),
        "HTML": body.decode,
        "Markdown": body.decode,
        "JSON": lambda: json.dumps(json.loads(body), ensure_ascii=False),
    }[form]()
    assert "趣车良品" in told.replace("\n", "")


def test_a_key_that_is_none_is_told_so(page: Page, watch: Watch) -> None:
    """Given the form that takes a key, when what is no key is given, then it says so at the field."""
    watch.expected = ["status of 401"]
    page.goto("/sign-in")
    page.locator("#key").fill("bq_nobody_nothing")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#key-wrong")).to_be_visible()
