"""What stands in answers, names, prompts and errors is text: on every page, nothing of it runs, loads or leads away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.site import Served, look, serve
from tests.walk.site import call
from tests.walk.test_embedded import brandq
from tests.web.hostile import ADDRESSES, PAYLOADS, PROMPTS, plans, storable

#: an image, a frame or a link that runs something would be there although the policy keeps it from working
_STRANGE = """() => [...document.querySelectorAll("main img, iframe, object, embed, base, form[action^='http']")]
  .map((element) => element.outerHTML.slice(0, 200))"""
_LEADS = """() => [...document.querySelectorAll("a[href]")].map((link) => [link.protocol, link.getAttribute("rel") || "",
  link.origin === location.origin]).filter(([protocol, rel, own]) => !own && !(/^https?:$/.test(protocol) && rel.includes("nofollow")))"""


def _import(folder: Path) -> None:
    """Answers that are hostile from beginning to end, each with hostile sources, as a file of somebody else."""
    rows = [
        {
            "prompt": PROMPTS[number % len(PROMPTS)],
            "answer": storable(f"1. Acme: good. {payload}\n\n2. Other\n\n{payload}"),
            "engine": "hostile",
            "model": storable(payload)[:100].replace("\n", " "),
            "sources": list(ADDRESSES),
        }
        for number, payload in enumerate(PAYLOADS)
    ]
    (folder / "hostile.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def _places(served: Served, execution_id: str) -> list[str]:
    own = f"/executions/{execution_id}"
    samples = call("GET", f"{served.url}/api{own}/samples?limit=6").body["samples"]
    answers = [f"{own}/answers/{sample['sample_id']}" for sample in samples if sample["answer"]]
    return [
        own,
        f"{own}/report",
        f"{own}/answers",
        f"{own}/comparison",
        f"/executions/new?again={execution_id}",
        *answers,
    ]


@pytest.mark.timeout(300)
def test_nothing_hostile_runs(chromium: Browser, served: Served) -> None:
    """Given hostile names and prompts, and assistants that repeat them, when each page is looked at, then all is text."""
    ids = [served.submit(**{**plan, "repeats": 1}) for plan in plans(["doubao", "broken"])]
    for execution_id in ids:
        served.ended(execution_id)
    context, watch = look(chromium, served, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    strange = []
    for path in ["/", "/history", *(path for execution_id in ids for path in _places(served, execution_id))]:
        page.goto(path)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        strange += [f"{path}: {found}" for found in (*page.evaluate(_STRANGE), *page.evaluate(_LEADS))]
    context.close()
    assert strange == []
    assert watch.amiss() == []


@pytest.mark.timeout(300)
def test_no_hostile_answer_runs(chromium: Browser, tmp_path: Path) -> None:
    """Given answers of others that are hostile in every line, when they are read one by one, then all is text."""
    _import(tmp_path)
    done = brandq(tmp_path, "import", "hostile.jsonl", "--brand", "Acme", "--brand", "Other")
    assert done.returncode == 0, done.stdout + done.stderr
    with serve(tmp_path) as served:
        [found] = call("GET", f"{served.url}/api/executions").body["executions"]
        own = f"/executions/{found['execution_id']}"
        ids: list[int] = []
        url: str | None = f"/api{own}/samples?limit=100"
        while url:
            page_of = call("GET", f"{served.url}{url}").body
            ids += [sample["sample_id"] for sample in page_of["samples"]]
            url = page_of["next"]
        assert len(ids) == len(PAYLOADS)
        context, watch = look(chromium, served, viewport={"width": 390, "height": 844})
        page = context.new_page()
        strange = []
        for path in [f"{own}/report", f"{own}/answers", *(f"{own}/answers/{sample_id}" for sample_id in ids)]:
            page.goto(path)
            strange += [f"{path}: {told}" for told in (*page.evaluate(_STRANGE), *page.evaluate(_LEADS))]
        context.close()
        assert strange == []
        assert watch.amiss() == []
