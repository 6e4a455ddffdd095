"""The evidence behind the numbers, and the report that is made of it: samples, answers, the document in its forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, TypeVar

from starlette.responses import Response

from brandq import reports, store
from brandq.actors.desk import Desk
from brandq.actors.reading import facts_by_this_method
from brandq.analysis.findings import UNUSABLE
from brandq.errors import NotFound
from brandq.providers.dialect import AnswerKind
from brandq.states import SampleState
from brandq.store import Execution, Progress
from brandq.web import wire
from brandq.web.api import EXECUTION_ID, LIMIT, POLL_MS, execution_id_of, next_page, own_execution, poll_after_ms, urls
from brandq.web.exporting import FORMS, MEDIA_TYPES, exported
from brandq.web.listing import AFTER, LISTING, read_listing
from brandq.web.openapi import JSON, Operation, Parameter, Returns, Visit, operation
from brandq.web.schemas import COUNT, FLAG, ref, words
from brandq.words import LANGUAGES

#: what is read of a stored report
Stored = TypeVar("Stored")

SAMPLE_ID = Parameter("sample_id", COUNT, "as /samples lists it", str, place="path")


@operation(
    Operation(
        "List samples",
        "evidence",
        "read",
        {200: Returns("One page, in the order of their ids", {JSON: ref("Samples")})},
        parameters=(
            EXECUTION_ID,
            LIMIT,
            AFTER,
            *LISTING,
        ),
    )
)
def list_samples(visit: Visit) -> Response:
    """Every sample of the plan has its row, whatever became of it. All filters hold together.

    Each is defined as the report's number of that name: with the brand, the engine and the finding of a number, the
    list has as many samples as the number's `k`.
    """
    given = visit.given
    with visit.desk.database.read() as db:
        found = store.execution(db, execution_id_of(visit), owner=visit.caller.owner)
        wanted = replace(read_listing(db, found, given), after=given["after"])
        rows = store.list_samples(db, found.execution_id, wanted, given["limit"] + 1)
    page = rows[: given["limit"]]
    following = page[-1].sample_id if len(rows) > len(page) else None
    shown = [_sample(found.execution_id, row) for row in page]
    return wire.Json({"samples": shown, "next": next_page(visit.request, "after", following)})


def _sample(execution_id: str, row: store.SampleRow) -> dict[str, Any]:
    error = None
    if row.error_code is not None:
        error = {"code": row.error_code, "message": row.error_message, "http_status": row.http_status}
    answer = None
    if row.kind is not None:
        answer = {
            "kind": row.kind,
            "served_model": row.served_model,
            "simulated": bool(row.simulated),
            "excerpt": row.excerpt or "",
            "brands": list(row.brands),
            "link": _answer_url(execution_id, row.sample_id),
        }
    return {
        "sample_id": row.sample_id,
        "prompt_no": row.prompt_no,
        "engine": row.engine,
        "repeat_no": row.repeat_no,
        "state": row.state,
        "attempt": row.attempt,
        "error": error,
        "next_attempt_at": wire.instant(row.next_attempt_at),
        "settled_at": wire.instant(row.settled_at),
        "answer": answer,
    }


def _answer_url(execution_id: str, sample_id: int) -> str:
    return f"/api/executions/{execution_id}/answers/{sample_id}"


@operation(
    Operation(
        "Show an answer",
        "evidence",
        "read",
        {
            200: Returns(
                "The answer with what was found in it; with raw=true the reply's body as it came",
                {JSON: ref("Answer"), "application/octet-stream": None},
            )
        },
        parameters=(
            EXECUTION_ID,
            SAMPLE_ID,
            Parameter("raw", FLAG, "the provider's body instead", wire.yes_or_no, default=False),
        ),
    )
)
def show_answer(visit: Visit) -> Response:
    """The evidence behind the numbers: text, spans of each brand in characters, sources, and how it was asked."""
    sample_id = sample_id_of(visit)
    with visit.desk.database.read() as db:
        found = store.execution(db, execution_id_of(visit), owner=visit.caller.owner)
        if visit.given["raw"]:
            name = f"brandq-{found.execution_id}-{sample_id}.bin"
            # never as what the provider called it: a browser must not render it in our name
            return Response(
                store.raw_body(db, found.execution_id, sample_id),
                media_type="application/octet-stream",
                headers={"Content-Disposition": f'attachment; filename="{name}"'},
            )
        evidence = store.evidence(db, found.execution_id, sample_id)
    return wire.Json(_answer(found, evidence))


def sample_id_of(visit: Visit) -> int:
    given = visit.request.path_params["sample_id"]
    try:
        return wire.whole(1, wire.MAX_ROW)(given)
    except ValueError:
        raise NotFound(f"there is no sample {given[:60]!r}") from None


def _answer(found: Execution, evidence: store.Evidence) -> dict[str, Any]:
    answer, findings = evidence.answer, evidence.findings
    declined = findings is not None and findings.answer_type in UNUSABLE
    own = _answer_url(found.execution_id, evidence.sample_id)
    return {
        "sample_id": evidence.sample_id,
        "execution_id": found.execution_id,
        "prompt_no": evidence.prompt_no,
        "prompt": found.plan.prompts[evidence.prompt_no - 1],
        "engine": asdict(next(engine for engine in found.plan.engines if engine.engine == evidence.engine)),
        "repeat_no": evidence.repeat_no,
        "state": evidence.state,
        "attempt": evidence.attempt,
        "text": answer.text,
        "kind": answer.kind,
        "usable": answer.kind == AnswerKind.OK and not declined,
        "answer_type": findings.answer_type if findings else None,
        "injection_suspected": findings.injection_suspected if findings else None,
        "method_version": evidence.method_version,
        "finish": answer.finish,
        "served_model": answer.served_model,
        "search_requested": answer.search_requested,
        "search_executed": answer.search_executed,
        "mentions": [
            _members(brand, leave_out=("first_at",))
            for brand in (findings.brands if findings else ())
            if brand.spans or brand.elsewhere or brand.doubtful
        ],
        "citations": [_members(citation) for citation in (findings.citations if findings else ())],
        "candidates": [
            _members(candidate, leave_out=("key",)) for candidate in (findings.candidates if findings else ())
        ],
        "tokens": {"in": answer.tokens_in, "out": answer.tokens_out},
        "cost": {
            "amount": None if answer.cost is None else str(answer.cost),
            "currency": answer.currency,
            "basis": answer.cost_basis,
        },
        "simulated": evidence.simulated,
        "imported": evidence.imported,
        "taken_from": evidence.taken_from,
        "request": evidence.request,
        "http_status": evidence.http_status,
        "latency_ms": evidence.latency_ms,
        "asked_at": wire.instant(evidence.asked_at),
        "answered_at": wire.instant(evidence.answered_at),
        "content_digest": evidence.content_digest,
        "chain_no": evidence.chain_no,
        "digest": evidence.digest,
        "links": {"self": own, "raw": f"{own}?raw=true", "execution": urls(found.execution_id)["self"]},
    }


def _members(finding: Any, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: value for name, value in asdict(finding).items() if name not in leave_out}


# -- reports


@operation(
    Operation(
        "Read the report",
        "reports",
        "read",
        {
            200: Returns("The frozen report", {JSON: ref("Report"), **dict(MEDIA_TYPES.values())}),
            304: Returns("As the ETag that was sent"),
        },
        parameters=(
            EXECUTION_ID,
            Parameter("format", words(*FORMS), "how it is written", wire.one_of(FORMS), "json"),
            Parameter(
                "language",
                words(*LANGUAGES),
                "of what is written around the answers; default: by Accept-Language. json and csv have none",
                wire.one_of(LANGUAGES),
            ),
            Parameter("version", COUNT, "an earlier one than the one that stands", wire.whole(1, wire.MAX_ROW)),
        ),
        errors={
            409: "It is not ready yet; come back after `poll_after_ms`. Or xlsx or csv of a version whose answers were "
            "read by another method since",
            501: "This form cannot be made here; the detail says what to install, or which form to take",
        },
    )
)
def show_report(visit: Visit) -> Response:
    """Built once, when the execution ends, and served unchanged. A cancelled execution's is built at the first call.

    It covers what was answered until then, and says so. When the answers are read again by another method, that makes a
    new version; the earlier ones stay as they were. xlsx, pdf and csv are files to be kept: xlsx and csv have every
    answer, csv with a row for each tracked brand.
    """
    found, counted = own_execution(visit)
    version, form = visit.given["version"], visit.given["format"]
    if form == "json":
        # it goes out as it is stored, for reading it takes longer than sending it
        text = standing_report(visit.desk, found, counted, version, store.report_text)
        if text is None:
            return _not_ready(visit, found, counted)
        return wire.with_etag(visit.request, Response(text, media_type=wire.Json.media_type))
    kept = standing_report(visit.desk, found, counted, version, store.find_report)
    if kept is None:
        return _not_ready(visit, found, counted)
    language = visit.given["language"] or wire.words_of(visit.request).language
    return exported(visit.desk, visit.request, kept, form, language)


def standing_report(
    desk: Desk,
    found: Execution,
    counted: Progress,
    version: int | None,
    read: Callable[[store.Transaction, str, int | None], Stored | None],
) -> Stored | None:
    """What ``read`` gives of the report that stands, or of an earlier version; None while there is none yet.

    A cancelled execution's report is built at the first call. NotFound for a version that there is not.
    """
    with desk.database.read() as db:
        stored = read(db, found.execution_id, version)
        standing = store.report_versions(db, found.execution_id) if stored is None and version else []
    if standing:
        numbers = ", ".join(str(each.version) for each in standing)
        raise NotFound(f"execution {found.execution_id} has no report version {version}; it has {numbers}")
    if stored is not None:
        return stored
    if not found.ended or counted.by_state[SampleState.ANSWERED]:
        return None
    _build_report(desk, found.execution_id)
    with desk.database.read() as db:
        stored = read(db, found.execution_id, None)
    if stored is None:
        raise NotFound(f"execution {found.execution_id} was removed meanwhile")
    return stored


def _not_ready(visit: Visit, found: Execution, counted: Progress) -> Response:
    wait_ms = poll_after_ms(found) or POLL_MS
    detail = (
        f"execution {found.execution_id} is {found.status}, with {counted.settled} of {found.planned} samples settled; "
        f"ask again in {wait_ms} ms"
    )
    headers = {"Retry-After": str(-(-wait_ms // 1000))}
    words = wire.words_of(visit.request)
    return wire.problem(
        words, 409, "The report is not ready", detail, slug="not-ready", headers=headers, poll_after_ms=wait_ms
    )


def _build_report(desk: Desk, execution_id: str) -> None:
    """The report over what an execution was answered before it was cancelled, kept from now on."""
    now = desk.now()
    made = reports.publication(facts_by_this_method(desk, execution_id), built_at=now)
    with desk.database.begin() as db:
        # of two callers at once the first one's is kept, and both are shown that one
        store.keep_report(db, execution_id, made, now=now)
