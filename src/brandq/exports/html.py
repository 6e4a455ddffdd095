"""The report as one HTML file: no script, nothing loaded from anywhere, light and dark, readable on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from brandq.reports.summary import disclosure_words, percent, place, sentiments, threshold_words, to_seconds

_TEMPLATES = Environment(
    loader=PackageLoader("brandq.exports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(
    percent=percent,
    place=place,
    sentiments=sentiments,
    threshold_words=threshold_words,
    to_seconds=to_seconds,
    disclosure_words=disclosure_words,
)


def render(document: Mapping[str, Any], *, beside: str | None = None) -> str:
    """The document as a page. Every text in it is escaped, whoever wrote it.

    Its numbers link to their answers at the service. A page that is kept as a file has no service around it: ``beside``
    names the file next to it that holds the answers instead.
    """
    return _TEMPLATES.get_template("report.html").render(report=document, beside=beside)
