"""The report as one HTML file: no script, nothing loaded from anywhere, light and dark, readable on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from brandq.reports.summary import disclosure_words, percent, place, sentiments, threshold_words, to_seconds
from brandq.words import Words, words_in

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


def render(
    document: Mapping[str, Any],
    *,
    beside: str | None = None,
    words: Words | None = None,
    medium: Literal["screen", "print"] = "screen",
) -> str:
    """The document as a page. Every text in it is escaped, whoever wrote it.

    Its numbers link to their answers at the service. A page that is kept as a file has no service around it: ``beside``
    names the file next to it that holds the answers instead. A page for ``print`` has no links to them, and leaves out
    what is too long for paper, and says so: the numbers of each prompt by engine where they are many, and rare domains.
    """
    words = words or words_in("en")
    printed = medium == "print"
    return _TEMPLATES.get_template("report.html").render(
        report=document,
        beside=beside,
        tag=words.tag,
        t=words.say,
        linked=beside is None and not printed,
        most_domains=MOST_PRINTED_DOMAINS if printed else len(document["citations"]["domains"]),
        by_engine=not printed or _by_engine_numbers(document) <= MOST_PRINTED,
    )


#: numbers of single prompts by engine that are printed; more are a book, and take minutes to be laid out
MOST_PRINTED = 300
#: the rest is in the other forms
MOST_PRINTED_DOMAINS = 50


def _by_engine_numbers(document: Mapping[str, Any]) -> int:
    plan = document["plan"]
    return len(plan["brands"]) * len(plan["prompts"]) * len(plan["engines"])
