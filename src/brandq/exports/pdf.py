"""The report on paper: the page for print, laid out by WeasyPrint, with the subject, the day and numbers on each sheet.

Laying out takes seconds, and memory that grows with the pages, all of it in this process: a service does it in another.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from brandq.errors import CannotMake
from brandq.exports import html
from brandq.exports.marks import marks
from brandq.words import Words

MEDIA_TYPE = "application/pdf"

#: whoever reads a report must be able to read names; an emoji in an answer may be a box
_HAN = ((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def made(document: Mapping[str, Any], *, words: Words) -> bytes:
    """The report as a PDF. CannotMake where this machine lacks what it takes."""
    page = html.render(document, words=words, medium="print")
    return drawn(page, _margins(document, words), created=document["times"]["built_at"], words=words)


def drawn(page: str, margins: str, *, created: str, words: Words) -> bytes:
    """A page of ours as a PDF. Nothing is loaded for it, from anywhere. CannotMake as above."""
    try:
        # it prints advice of its own before it raises
        with redirect_stdout(io.StringIO()):
            import weasyprint
    except OSError as error:
        raise CannotMake(
            words.say(
                "a PDF needs Pango, which is not on this machine: install it (Debian: apt-get install libpango-1.0-0 "
                "libpangoft2-1.0-0 fonts-noto-cjk), or take html and print it in a browser"
            )
        ) from error
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    logger, missing = logging.getLogger("weasyprint"), _Missing()
    logger.addFilter(missing)
    try:
        styles = [weasyprint.CSS(string=margins, url_fetcher=fetcher)]
        laid_out = weasyprint.HTML(string=page, url_fetcher=fetcher).render(stylesheets=styles)
        laid_out.metadata.created = laid_out.metadata.modified = created
        laid_out.metadata.generator = "brandq"
        written: bytes = laid_out.write_pdf()
    finally:
        logger.removeFilter(missing)
    if missing.han:
        raise CannotMake(
            words.say(
                "no font on this machine has the characters of this report, such as {examples}: install one (Debian: "
                "apt-get install fonts-noto-cjk), or take html and print it in a browser",
                examples="".join(sorted(missing.han)[:5]),
            )
        )
    return written


class _Missing(logging.Filter):
    """The Chinese characters for which no font was found: they would be boxes.

    Other warnings are about styles that are there for screens, and are dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.han: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(".notdef glyph") and isinstance(record.args, tuple):
            char = str(record.args[0])
            if any(first <= ord(char) <= last for first, last in _HAN):
                self.han.add(char)
        return record.levelno >= logging.ERROR


def _margins(document: Mapping[str, Any], words: Words) -> str:
    subject = document["plan"]["brands"][0]["name"]
    day = words.day(document["times"]["ended_at"] or document["times"]["built_at"])
    marked = _quoted(" · ".join(marks({kind: document[kind]["any"] for kind in ("simulated", "imported")}, words)))
    version = words.say("version {version}", version=document.get("version", 1))
    return f"""
@page {{
  font-family: "Noto Sans", "Noto Sans CJK SC", sans-serif; font-size: 7.5pt; color: #60646c;
  @top-left {{ content: {_quoted(subject)}; color: #1c2024; font-weight: 700; font-size: 7.5pt }}
  @top-center {{ content: {marked}; color: #8a4b00; font-weight: 700; font-size: 7.5pt }}
  @top-right {{ content: {_quoted(day)}; font-size: 7.5pt }}
  @bottom-left {{ content: {_quoted(f"brandq · {document['execution_id']} · {version}")}; font-size: 7.5pt }}
  @bottom-right {{ content: counter(page) " / " counter(pages); font-size: 7.5pt }}
}}
"""


def _quoted(text: str) -> str:
    """A CSS string: each character that could end it, or is none for a page's margin, as its number."""
    return (
        '"' + "".join(char if char.isalnum() or char in " .,-·" else f"\\{ord(char):x} " for char in text[:120]) + '"'
    )
