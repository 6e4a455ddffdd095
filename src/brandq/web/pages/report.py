"""The report of an execution that has ended: the verdict first, every number with the answers behind it."""

from __future__ import annotations

from starlette.responses import Response

from brandq import store
from brandq.exports import html
from brandq.exports.templating import with_query
from brandq.store import Execution
from brandq.web import wire
from brandq.web.api import EXECUTION_ID, own_execution, urls
from brandq.web.evidence import standing_report
from brandq.web.openapi import Operation, Parameter, Returns, Visit, operation
from brandq.web.pages.execution import may_retry
from brandq.web.pages.rendering import PAGE, page, see, words_for
from brandq.web.schemas import COUNT
from brandq.words import Language

#: the forms that a report can be kept in, as people call them, and whether they are told in a language
DOWNLOADS = (
    ("pdf", "PDF", True),
    ("xlsx", "Excel", True),
    ("csv", "CSV", False),
    ("html", "HTML", True),
    ("md", "Markdown", True),
    ("json", "JSON", False),
)


@operation(
    Operation(
        "Read the report",
        "pages",
        "read",
        {200: PAGE, 303: Returns("To the page of the execution, which goes on")},
        parameters=(
            EXECUTION_ID,
            Parameter("version", COUNT, "an earlier one than the one that stands", wire.whole(1, wire.MAX_ROW)),
        ),
    )
)
def show_report(visit: Visit) -> Response:
    """The report that stands, or an earlier version. While there is none, the execution's own page tells why."""
    found, counted = own_execution(visit)
    version = visit.given["version"]
    kept = standing_report(visit.desk, found, counted, version, store.find_report)
    if kept is None:
        return see(f"/executions/{found.execution_id}")
    with visit.desk.database.read() as db:
        versions = [each.version for each in store.report_versions(db, found.execution_id)]
    words = words_for(visit.request)
    shown = html.body(
        kept.document,
        words,
        medium="page",
        # relative to this page's own address, for there are hundreds of them
        answers=lambda **wanted: with_query("answers", **wanted),
        figures=html.live_figures(kept.document, words),
        digest_of_report=kept.digest,
        chain=counted.chain,
    )
    del shown["words"]
    return page(
        visit,
        "report.html",
        **shown,
        figure_configs=html.figure_configs(),
        found=found,
        standing=kept.version,
        versions=versions,
        downloads=_downloads(found, version, words.language),
        may_retry=may_retry(found, counted),
    )


def _downloads(found: Execution, version: int | None, language: Language) -> list[tuple[str, str, str]]:
    """Each form with its name and its address, in the language of the page where the form has one."""
    report = urls(found.execution_id)["report"]
    return [
        (form, name, with_query(report, format=form, version=version, language=language if told else None))
        for form, name, told in DOWNLOADS
    ]
