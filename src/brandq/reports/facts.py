"""Facts: what a report is built from, as the tables hold it; and the publication that it ends in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from brandq.analysis.findings import AnswerType, BrandFinding, Candidate, CitationFinding
from brandq.plan import Plan


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """One sample and what became of it. ``kind`` is None where there is no answer; ``error_code`` where there is one.

    ``taken_over``: the answer was given in an earlier execution and not asked for again. No number is made of where
    in the text something stands, so ``brands`` may come without it: without ``first_at`` and all spans but doubtful.
    """

    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    state: str
    attempt: int
    error_code: str | None = None
    error_message: str | None = None
    kind: str | None = None
    simulated: bool = False
    imported: bool = False
    taken_over: bool = False
    served_model: str | None = None
    search_requested: bool | None = None
    search_executed: bool | None = None
    cost: Decimal | None = None
    currency: str | None = None
    cost_basis: str | None = None
    latency_ms: int | None = None
    answered_at: datetime | None = None
    brands: Sequence[BrandFinding] = ()
    citations: Sequence[CitationFinding] = ()
    #: by which rules the findings were made; None where it is not analyzed
    method_version: str | None = None
    answer_type: AnswerType | None = None
    injection_suspected: bool = False
    candidates: Sequence[Candidate] = ()


@dataclass(frozen=True, slots=True)
class SampleWithText:
    """One sample as it is exported: its facts, and beside them the answer's words and when it was asked for.

    ``text`` is None where there is no answer, ``asked_at`` where nobody knows.
    """

    facts: SampleFacts
    text: str | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """One ended execution. ``samples`` come in order of prompt, engine and repeat, and may be read anew each time that
    they are gone through, so that they need not be in memory together."""

    execution_id: str
    plan: Plan
    samples: Iterable[SampleFacts]
    cancelled: bool = False
    retry_of: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Publication:
    """A finished report document, with what it was made by."""

    document: Mapping[str, Any]
    method_version: str
    digest: str
    status: str
    version: int = 1
    error_code: str | None = None
    error_message: str | None = None
