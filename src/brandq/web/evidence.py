"""The evidence behind the numbers, and the report that is made of it: samples, answers, the document in its forms."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from brandq import reports, store
from brandq.actors.desk import Desk
from brandq.actors.reading import facts_by_this_method
from brandq.analysis.findings import UNUSABLE
from brandq.errors import BadRequest, Fault, NotFound
from brandq.plan import MAX_PROMPTS, Plan, name_key
from brandq.providers.dialect import AnswerKind
from brandq.states import SampleState
from brandq.store import Execution, Progress
from brandq.web import wire
from brandq.web.api import EXECUTION_ID, LIMIT, POLL_MS, execution_id_of, next_page, own_execution, poll_after_ms, urls
from brandq.web.exporting import FORMS, MEDIA_TYPES, exported
from brandq.web.openapi import JSON, Operation, Parameter, Returns, Visit, operation
from brandq.web.schemas import COUNT, FLAG, STATE, TEXT, ref, words
from brandq.words import LANGUAGES

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
            Parameter("after", COUNT, "the last sample_id of the page before", wire.whole(0, wire.MAX_ROW), default=0),
            Parameter("engine", TEXT, "only those of this engine of the plan", wire.words(200)),
            Parameter("state", STATE, "only those in this state", wire.one_of(SampleState)),
            Parameter("prompt_no", COUNT, "only those of the prompt with this number", wire.whole(1, MAX_PROMPTS)),
            Parameter("brand", TEXT, "only those whose usable answer mentions it", wire.words(200)),
        ),
    )
)
def list_samples(visit: Visit) -> Response:
    """Every sample of the plan has its row, whatever became of it."""
    given = visit.given
    with visit.desk.database.read() as db:
        found = store.execution(db, execution_id_of(visit), owner=visit.caller.owner)
        wanted = store.SampleFilter(
            engine=given["engine"],
            state=given["state"],
            prompt_no=given["prompt_no"],
            brand=_in_plan(found.plan, given["engine"], given["brand"]),
            after=given["after"],
        )
        rows = store.list_samples(db, found.execution_id, wanted, given["limit"] + 1)
    page = rows[: given["limit"]]
    following = page[-1].sample_id if len(rows) > len(page) else None
    shown = [_sample(found.execution_id, row) for row in page]
    return wire.Json({"samples": shown, "next": next_page(visit.request, "after", following)})


def _in_plan(plan: Plan, engine: str | None, brand: str | None) -> str | None:
    """The brand as the plan spells it. BadRequest for an engine or a brand that the plan does not have."""
    faults = []
    engines = [known.engine for known in plan.engines]
    if engine is not None and engine not in engines:
        faults.append(Fault("?engine", f"is not in this plan; it has {', '.join(engines)}"))
    spelled = {name_key(known.name): known.name for known in plan.brands}
    if brand is not None and name_key(brand) not in spelled:
        faults.append(Fault("?brand", f"is not in this plan; it has {', '.join(spelled.values())}"))
    if faults:
        raise BadRequest(faults, "The parameters are not valid")
    return None if brand is None else spelled[name_key(brand)]


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
    sample_id = _sample_id_of(visit)
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


def _sample_id_of(visit: Visit) -> int:
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
    with visit.desk.database.read() as db:
        stored = _stored(db, found.execution_id, form, version)
        standing = store.report_versions(db, found.execution_id) if stored is None and version else []
    if standing:
        numbers = ", ".join(str(each.version) for each in standing)
        raise NotFound(f"execution {found.execution_id} has no report version {version}; it has {numbers}")
    if stored is None:
        if not found.ended or counted.by_state[SampleState.ANSWERED]:
            return _not_ready(visit, found, counted)
        _build_report(visit.desk, found.execution_id)
        with visit.desk.database.read() as db:
            stored = _stored(db, found.execution_id, form)
    if stored is None:
        raise NotFound(f"execution {found.execution_id} was removed meanwhile")
    if isinstance(stored, str):
        return wire.with_etag(visit.request, Response(stored, media_type=wire.Json.media_type))
    language = visit.given["language"] or wire.words_of(visit.request).language
    return exported(visit.desk, visit.request, stored, form, language)


def _stored(
    db: store.Transaction, execution_id: str, form: str, version: int | None = None
) -> store.KeptReport | str | None:
    """What a form is made from: as JSON it goes out as it is stored, for reading it takes longer than sending it."""
    if form == "json":
        return store.report_text(db, execution_id, version)
    return store.find_report(db, execution_id, version)


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
