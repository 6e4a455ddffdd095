"""The report in six forms over HTTP: the same numbers, in either language, and nothing left behind."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import openpyxl
import pypdf
import pytest
from starlette.requests import ClientDisconnect

from brandq import store
from brandq.actors.desk import Desk
from brandq.errors import Conflict
from brandq.exports import csv
from brandq.studies import read_again
from brandq.web.making import PAGE, Made, samples_of
from tests.exports.at_hand import read_csv, table
from tests.exports.test_pdf import few_fonts
from tests.store.test_reports import FOUND
from tests.waiting import wait_until
from tests.web.site import ContractClient, answered, failed, finish, sample_ids, submit

#: a machine that is busy needs long for a PDF
pytestmark = pytest.mark.timeout(300)

#: by what the body of each form begins
BEGINS = {"pdf": b"%PDF-", "xlsx": b"PK", "csv": b"\xef\xbb\xbfexecution_id,"}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where files are made; whatever is left there after a test is a fault."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def ended(desk: Desk, client: ContractClient, **fields: Any) -> str:
    """An execution with two usable answers of four."""
    execution_id = submit(client, **fields)
    outcomes = [answered(), answered("竞品 1"), failed(), answered("", kind=answered().answer.kind.EMPTY)]  # type: ignore[union-attr]
    finish(desk, execution_id, outcomes)
    return execution_id


def url_of(execution_id: str, form: str, **more: str) -> str:
    given = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/api/executions/{execution_id}/report?format={form}{given}"


def test_all_forms_have_the_same_numbers(desk: Desk, client: ContractClient) -> None:
    """Given an ended execution, when its report is taken in every form, then the mention rate and the average rank of each
    brand are the same in all of them."""
    execution_id = ended(desk, client)
    document = client.get(url_of(execution_id, "json")).json()
    forms = ["md", "html", "xlsx", "csv"]
    if desk.database.is_sqlite:
        # paper is made of the document alone, whatever it is stored in
        forms.append("pdf")
    got = {form: client.get(url_of(execution_id, form)) for form in forms}
    assert {form: response.status_code for form, response in got.items()} == dict.fromkeys(got, 200)
    rows = read_csv(got["csv"].content)
    book = openpyxl.load_workbook(io.BytesIO(got["xlsx"].content))
    sheet = {(row["brand"], row["engine"]): row for row in table(book["Brands × engines"], "engine")}
    paper = ""
    if "pdf" in got:
        paper = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(got["pdf"].content)).pages)
    for brand in document["brands"]:
        rate, rank = brand["overall"]["mention_rate"], brand["overall"]["average_rank"]
        assert rate["n"] == 2
        mentioned = [row["mentioned"] for row in rows if row["brand"] == brand["name"] and row["usable"] == "1"]
        assert (mentioned.count("1"), len(mentioned)) == (rate["k"], rate["n"])
        of_sheet = sheet[brand["name"], "all engines"]
        assert [of_sheet[f"Mention rate {name}"] for name in ("value", "k", "n", "low", "high")] == [
            rate[name] for name in ("value", "k", "n", "low", "high")
        ]
        assert of_sheet["Average rank value"] == rank["value"]
        assert f"{rate['k']}/{rate['n']} {rate['value']:.0%}" in got["md"].text
        assert f"{rate['k']} of {rate['n']}" in got["html"].text
        assert "pdf" not in got or f"{rate['k']} of {rate['n']}" in " ".join(paper.split())


@pytest.mark.parametrize("form", ["pdf", "xlsx", "csv"])
def test_files_are_to_be_kept(form: str, small_desk: Desk, small: ContractClient) -> None:
    """Given a form that is a file, when it is got, then its name tells the brand and the day, for readers of ASCII as well;
    who has it already gets a 304, and a HEAD makes nothing."""
    execution_id = ended(small_desk, small)
    response = small.get(url_of(execution_id, form))
    assert response.content.startswith(BEGINS[form])
    name = response.headers["content-disposition"]
    plain, full = name.removeprefix("attachment; ").split("; ")
    assert plain.isascii()
    assert plain.startswith(f'filename="brandq-{execution_id[:8]}-20')
    assert unquote(full).startswith("filename*=UTF-8''brandq-趣车良品-20")
    assert full.endswith(f".{form}")
    assert plain.endswith(f'.{form}"')
    if form != "csv":
        assert int(response.headers["content-length"]) == len(response.content)
    again = small.get(url_of(execution_id, form), headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    looked = small.head(url_of(execution_id, form))
    assert (looked.status_code, looked.content) == (200, b"")
    assert looked.headers["content-disposition"] == name


def test_the_language_is_by_choice_then_by_the_browser(small_desk: Desk, small: ContractClient) -> None:
    """Given a browser that prefers Chinese, then a report is Chinese, unless English is asked for; json and csv are the same
    in both, and what depends on the browser says so."""
    execution_id = ended(small_desk, small)
    chinese = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
    for form, told in (("md", ("AI 助手怎么说", "what AI assistants say")), ("xlsx", ("概览", "Summary"))):
        for more, headers, language in (
            ({}, chinese, 0),
            ({}, {}, 1),
            ({"language": "en"}, chinese, 1),
            ({"language": "zh"}, {}, 0),
        ):
            response = small.get(url_of(execution_id, form, **more), headers=headers)
            shown = response.text if form == "md" else openpyxl.load_workbook(io.BytesIO(response.content)).sheetnames
            assert told[language] in shown
            assert told[1 - language] not in shown
            assert response.headers["content-language"] == ("zh-Hans", "en")[language]
            assert response.headers["vary"] == "Accept-Language"
    for form in ("json", "csv"):
        assert (
            small.get(url_of(execution_id, form), headers=chinese).content
            == small.get(url_of(execution_id, form)).content
        )
    refused = small.get(url_of(execution_id, "md", language="fr"))
    assert refused.json()["errors"] == [{"pointer": "?language", "detail": "expected one of en, zh"}]


@pytest.mark.parametrize("form", ["md", "pdf", "xlsx", "csv"])
def test_what_is_not_ready_is_told(form: str, small: ContractClient) -> None:
    """Given an execution that runs, then no form of its report is there yet, and the caller is told when to come back."""
    early = small.get(url_of(submit(small), form))
    assert early.status_code == 409
    assert early.json()["poll_after_ms"] > 0
    assert "content-disposition" not in early.headers


def test_no_form_mixes_two_methods(desk: Desk, client: ContractClient) -> None:
    """Given a report whose answers were read by another method since, then its csv and its workbook are refused, with the
    method and what to take instead, and its other forms stay as they were; a new version has all forms again."""
    execution_id = ended(desk, client)
    before = client.get(url_of(execution_id, "md")).content
    analyzed = sample_ids(desk, execution_id, "analyzed")
    with desk.database.begin() as db:
        store.replace_findings(db, {analyzed[0]: FOUND}, method_version="another")
    for form in ("csv", "xlsx"):
        refused = client.get(url_of(execution_id, form))
        assert refused.status_code == 409
        assert "were read by method another since" in refused.json()["detail"]
    assert client.get(url_of(execution_id, "md")).content == before
    read_again(desk, execution_id)
    assert {row["report_version"] for row in read_csv(client.get(url_of(execution_id, "csv")).content)} == {"2"}
    assert {
        row["report_version"] for row in read_csv(client.get(url_of(execution_id, "csv", version="1")).content)
    } == {"1"}


def test_a_form_that_cannot_be_made_here_says_why(
    small_desk: Desk, small: ContractClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a machine without a Chinese font, when a PDF is wanted, then it is a 501 that names the package to install."""
    execution_id = ended(small_desk, small)
    monkeypatch.setenv("FONTCONFIG_FILE", str(few_fonts(tmp_path)))
    refused = small.get(url_of(execution_id, "pdf"))
    assert refused.status_code == 501
    assert refused.json()["type"] == "urn:brandq:problem:cannot-make"
    assert "apt-get install fonts-noto-cjk" in refused.json()["detail"]


def test_a_slow_reader_holds_no_connection(desk: Desk, client: ContractClient) -> None:
    """Given an execution with more answers than one page, when its csv is read piece by piece, then no transaction is open
    between two pieces, and when the answers are read by another method meanwhile, the file breaks off."""
    execution_id = submit(client, prompts=["a?", "b?", "c?"], repeats=20)
    ids = finish(desk, execution_id, [answered("趣车良品" * 500)] * 120)
    assert len(ids) > PAGE
    with desk.database.read() as db:
        document = store.kept_report(db, execution_id).document
    pieces = csv.render(document, samples_of(desk.database, document))
    seen = [next(pieces)]
    assert desk.database.in_use == 0
    with desk.database.begin() as db:
        store.replace_findings(db, dict.fromkeys(ids[PAGE:], FOUND), method_version="another")

    def rest() -> None:
        for piece in pieces:
            seen.append(piece)
            assert desk.database.in_use == 0

    with pytest.raises(Conflict):
        rest()
    assert len(seen) > 1
    assert len(read_csv(b"".join(seen))) < 240


def children() -> list[str]:
    """The processes that this one has started and that still run."""
    return " ".join(each.read_text() for each in Path("/proc/self/task").glob("*/children")).split()


def test_nothing_is_made_for_a_caller_who_left(small_desk: Desk, small: ContractClient) -> None:
    """Given a caller who leaves while a PDF is made, then the process that makes it is killed, and nothing is sent."""
    execution_id = ended(small_desk, small)
    with small_desk.database.read() as db:
        document = store.kept_report(db, execution_id).document
    before, sent, started = children(), [], []

    async def receive() -> dict[str, Any]:
        await asyncio.to_thread(wait_until, lambda: children() != before, 60, "the process to start")
        started.append(True)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def leave() -> None:
        order = {"form": "pdf", "document": document, "language": "en", "database_url": ""}
        made = Made(order, headers={}, media_type="application/pdf")
        with pytest.raises(ClientDisconnect):
            await made({"type": "http", "method": "GET"}, receive, send)
        # looked at here, because what still runs when the loop ends is killed by it
        assert children() == before

    asyncio.run(leave())
    assert (sent, started) == ([], [True])
