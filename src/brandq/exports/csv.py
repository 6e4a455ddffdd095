"""The answers as CSV in long form: a row for each sample and tracked brand, for Excel, pandas and everything else.

UTF-8 with a byte order mark, without which Excel takes Chinese for something else; RFC 4180 quoting; CRLF. The names of
the columns are the same in every language, because programs read them. Flags are 1 and 0, so that they can be added up
and averaged; blank is "there is none" or "cannot be told", and never 0.

A sample's rows follow one another, the subject's first. What belongs to the sample and is added up or long (``cost``
with ``currency``, ``cited_domains``, ``answer``) stands in that first row only, where ``first_row`` is 1. So a sum over
all rows counts each cost once, a file of ten brands is not ten times as large, and who filters for the subject, or for
``first_row``, has every answer just once, with its text. A sample without an answer has one row without a brand. The
columns about a brand are filled for usable answers alone: their averages are the report's rates.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from brandq.exports.spreadsheets import Said, cited_domains, harmless, is_judged, said_of
from brandq.reports.facts import SampleWithText
from brandq.reports.usable import is_usable

MEDIA_TYPE = "text/csv"
#: characters that are gathered before they go out
_CHUNK_CHARS = 64_000

COLUMNS = (
    *("execution_id", "report_version", "method_version", "sample_id", "first_row"),
    *("prompt_no", "prompt", "engine", "provider", "model", "served_model", "search_requested", "search_executed"),
    *("repeat_no", "state", "kind", "answer_type", "usable", "simulated", "imported"),
    *("brand", "subject", "mentioned", "count", "position", "rank"),
    *("sentiment", "caveat", "strength", "recommended"),
    *("cost", "currency", "latency_ms", "asked_at", "answered_at", "error_code", "error_message"),
    *("cited_domains", "answer"),
)

_Row = dict[str, object]


def render(document: Mapping[str, Any], samples: Iterable[SampleWithText]) -> Iterator[bytes]:
    """The file in pieces. Of the samples, one is in memory at a time; ``document`` is the report that they made."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow(COLUMNS)
    rows = _Rows(document)
    for sample in samples:
        for row in rows.of(sample):
            writer.writerow([_written(row.get(name)) for name in COLUMNS])
        if buffer.tell() >= _CHUNK_CHARS:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: StringIO) -> bytes:
    # half a surrogate pair, which JSON can spell and UTF-8 cannot, goes out as a question mark
    piece = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return piece


def _written(value: object) -> object:
    if isinstance(value, str):
        # nothing else in a text ends what reads it
        return harmless(value.replace("\0", ""))
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else value


class _Rows:
    """What all rows take from the report's document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._brands = [brand["name"] for brand in document["plan"]["brands"]]
        self._prompts = {each["prompt_no"]: each["text"] for each in document["plan"]["prompts"]}
        self._engines = {each["engine"]: each for each in document["coverage"]["engines"]}
        self._judged = is_judged(document)
        self._report: _Row = {
            "execution_id": document["execution_id"],
            "report_version": document.get("version", 1),
            "method_version": document["method_version"],
        }

    def of(self, sample: SampleWithText) -> Iterator[_Row]:
        facts = sample.facts
        known = self._report | self._sample(sample)
        once = known | {"first_row": True} | _once(sample)
        if facts.kind is None:
            yield once
            return
        for number, brand in enumerate(self._brands):
            row = dict(once) if number == 0 else known | {"first_row": False}
            row |= {"brand": brand, "subject": number == 0}
            if is_usable(facts):
                row |= _said(said_of(brand, facts, judged=self._judged))
            yield row

    def _sample(self, sample: SampleWithText) -> _Row:
        facts = sample.facts
        engine = self._engines.get(facts.engine, {})
        # who copied an answer from a page knows whether it searched; the file does not say
        searched = facts.kind is not None and not facts.imported
        return {
            "sample_id": facts.sample_id,
            "prompt_no": facts.prompt_no,
            "prompt": self._prompts.get(facts.prompt_no),
            "engine": facts.engine,
            "provider": engine.get("provider"),
            "model": engine.get("model"),
            "served_model": facts.served_model,
            "search_requested": facts.search_requested if searched else None,
            "search_executed": facts.search_executed if searched else None,
            "repeat_no": facts.repeat_no,
            "state": facts.state,
            "kind": facts.kind,
            "answer_type": str(facts.answer_type) if facts.answer_type else None,
            "usable": is_usable(facts),
            "simulated": facts.simulated,
            "imported": facts.imported,
            "latency_ms": facts.latency_ms,
            "asked_at": sample.asked_at,
            "answered_at": facts.answered_at,
            "error_code": facts.error_code,
            "error_message": facts.error_message,
        }


def _once(sample: SampleWithText) -> _Row:
    facts = sample.facts
    return {
        "cost": None if facts.cost is None else f"{facts.cost:f}",
        "currency": facts.currency,
        "cited_domains": " ".join(cited_domains(facts)),
        "answer": sample.text,
    }


def _said(said: Said) -> _Row:
    return {name: getattr(said, name) for name in Said.__dataclass_fields__}
