"""Recomputing: a report built a second time from the stored answers, and compared with the one that was published.

The answers are read again in memory; what is stored of their findings is not looked at, and nothing is written. Same
answers, same method, same times: the document must be the same to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from brandq import reports, store
from brandq.actors.reading import findings_in
from brandq.analysis.findings import Findings
from brandq.analysis.method import method_version
from brandq.errors import BadRequest, Fault, NotFound
from brandq.plan import Plan
from brandq.reports.facts import SampleFacts
from brandq.states import SampleState

#: differing places that are told
MOST_DIFFERENCES = 10
#: characters of a value that are told
_MOST_CHARS = 100
_ABSENT = object()
#: samples, and their answers, in memory at once
_PAGE = 200


@dataclass(frozen=True)
class Recomputed:
    """What came of it. ``document`` is the recomputed one, None where there can be none.

    ``faults``: why it is not the published one, in words; none where both are the same to the byte.
    """

    version: int
    answers: int
    document: Mapping[str, Any] | None
    digest: str
    faults: tuple[str, ...]

    @property
    def words(self) -> str:
        """The outcome in one line."""
        if self.document is None:
            return f"report v{self.version} cannot be recomputed"
        if self.faults:
            return f"report v{self.version} recomputed from {self.answers} stored answers: another document"
        return f"report v{self.version} recomputed from {self.answers} stored answers: identical, digest {self.digest}"


def recompute(database: store.Database, execution_id: str, version: int | None = None) -> Recomputed:
    """Build a report version again, or the one that stands. NotFound for no execution, BadRequest for no report."""
    with database.read() as db:
        store.hold_still(db)
        execution = store.execution(db, execution_id)
        try:
            kept = store.kept_report(db, execution_id, version)
        except NotFound as error:
            raise BadRequest([Fault(execution_id, f"execution is {execution.status}; {error}")], "No report") from error
        why = _why_not(kept, execution.plan)
        if why is not None:
            return Recomputed(kept.version, 0, None, kept.digest, (why,))
        facts = store.stream_facts(db, execution_id)
        anew = _ReadAnew(db, facts.samples, execution.plan, execution_id, kept.method_version)
        try:
            made = reports.publication(replace(facts, samples=anew), built_at=kept.built_at, version=kept.version)
        except (ValueError, TypeError, ArithmeticError) as error:
            why = f"a stored answer cannot be read ({error}): `brandq verify {execution_id}` names it"
            return Recomputed(kept.version, 0, None, kept.digest, (why,))
    faults = []
    if made.digest != reports.digest(kept.document):
        faults += _differences(kept.document, made.document)
    elif made.digest != kept.digest:
        faults.append(f"the documents are the same, but the digest stored with the report is {kept.digest}")
    return Recomputed(kept.version, anew.answers, made.document, made.digest, tuple(faults))


def _why_not(kept: store.KeptReport, plan: Plan) -> str | None:
    """Why this version cannot be built here; None where it can."""
    judge = kept.document.get("judge")
    if judge is not None:
        who = judge.get("engine") if isinstance(judge, dict) else judge
        return (
            f"it was judged by {who}: a judge's words are not made by rules, and why some of its calls brought none is "
            "not kept; recompute the version before it with --version"
        )
    present = method_version(plan.brands)
    if kept.method_version != present:
        return (
            f"it was made by method {kept.method_version}, and this brandq reads by {present}: recompute it with the "
            "brandq that made it, or make a new version with `brandq analyze`"
        )
    made_as = kept.document.get("report_version")
    if made_as != reports.REPORT_VERSION:
        return (
            f"its document has the shape {made_as}, and this brandq writes {reports.REPORT_VERSION}: recompute it with "
            "the brandq that made it"
        )
    return None


class _ReadAnew:
    """The samples of an execution, each with what its stored answer says now; a page of answers in memory at once."""

    def __init__(
        self, db: store.Transaction, samples: Iterable[SampleFacts], plan: Plan, execution_id: str, method: str
    ) -> None:
        self._db, self._samples, self._plan = db, samples, plan
        self._execution_id, self._method = execution_id, method
        self._order = {brand.name: number for number, brand in enumerate(plan.brands)}
        self.answers = 0

    def __iter__(self) -> Iterator[SampleFacts]:
        self.answers = 0
        going_by = iter(self._samples)
        while page := list(islice(going_by, _PAGE)):
            placed = store.answers_of(self._db, self._execution_id, [sample.sample_id for sample in page])
            found = findings_in(self._plan, placed)
            self.answers += len(found)
            for sample in page:
                yield self._read_again(sample, found.get(sample.sample_id))

    def _read_again(self, sample: SampleFacts, findings: Findings | None) -> SampleFacts:
        # one that was never analyzed has none
        if sample.state != SampleState.ANALYZED or findings is None:
            return sample
        return replace(
            sample,
            brands=sorted(findings.brands, key=lambda brand: self._order[brand.brand]),
            citations=findings.citations,
            method_version=self._method,
            answer_type=findings.answer_type,
            injection_suspected=findings.injection_suspected,
            candidates=findings.candidates,
        )


def _differences(published: Mapping[str, Any], recomputed: Mapping[str, Any]) -> list[str]:
    """The first differing places in words, and how many there are."""
    # as it comes back from a database: tuples are lists there
    found = list(_compared("", published, json.loads(json.dumps(recomputed))))
    told = found[:MOST_DIFFERENCES]
    if len(found) > len(told):
        told.append(f"and {len(found) - len(told)} more places")
    return told


def _compared(path: str, published: object, recomputed: object) -> Iterator[str]:
    if isinstance(published, dict) and isinstance(recomputed, dict):
        for name in sorted({*published, *recomputed}):
            step = name.replace("~", "~0").replace("/", "~1")
            yield from _compared(f"{path}/{step}", published.get(name, _ABSENT), recomputed.get(name, _ABSENT))
    elif isinstance(published, list) and isinstance(recomputed, list):
        for number in range(max(len(published), len(recomputed))):
            ours, theirs = (side[number] if number < len(side) else _ABSENT for side in (published, recomputed))
            yield from _compared(f"{path}/{number}", ours, theirs)
    elif published is _ABSENT or recomputed is _ABSENT or json.dumps(published) != json.dumps(recomputed):
        yield f"{path or '/'}: published {_shown(published)}, recomputed {_shown(recomputed)}"


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"
