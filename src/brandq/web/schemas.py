"""The shape of every body on the wire, as JSON Schema: what /openapi.json prints and the contract tests check.

Bodies that go out list all their members and no others, so that a field cannot appear or vanish unnoticed.
"""

from __future__ import annotations

from typing import Any

from brandq import plan
from brandq.analysis.findings import SENTIMENTS, AnswerType
from brandq.providers.dialect import AnswerKind
from brandq.reports.brands import RANKS
from brandq.states import ExecutionState, SampleState

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
AMOUNT: Schema = {"type": "string", "pattern": r"^\d+(\.\d+)?$"}
UUID: Schema = {"type": "string", "format": "uuid"}
OBJECT: Schema = {"type": "object"}
PATH: Schema = {"type": "string", "format": "uri-reference"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def mapped(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def words(*known: object) -> Schema:
    return {"type": "string", "enum": [str(word) for word in known]}


def closed(**properties: Schema) -> Schema:
    """An object with exactly these members."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


STATUS = words(*ExecutionState)
STATE = words(*SampleState)
PREDECESSOR_STATUS = words("pending", "queued", "running", "success", "failed", "timeout", "cancelled")

_FAULT = closed(
    pointer={
        "type": "string",
        "description": "where: a JSON pointer into the body, `?name` for a query parameter, `Name:` for a header",
    },
    detail=TEXT,
)
_PROBLEM = {
    "type": TEXT,
    "title": TEXT,
    "status": {"type": "integer"},
    "detail": TEXT,
    "errors": listed(_FAULT),
    #: 409 for a report that is not ready yet
    "poll_after_ms": COUNT,
}
_PROBLEM_REQUIRED = ["type", "title", "status", "detail", "errors"]

_BRAND = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": plan.MAX_BRAND_CHARS},
        "aliases": {"type": "array", "items": TEXT, "maxItems": plan.MAX_ALIASES},
        "domains": {"type": "array", "items": TEXT, "maxItems": plan.MAX_DOMAINS},
        "ambiguous": {
            **nullable(FLAG),
            "default": False,
            "description": "the name is also an ordinary word or somebody else's: it counts only where something shows "
            "that the brand is meant",
        },
        "case_sensitive": {
            **nullable(FLAG),
            "default": False,
            "description": "only as written here, or in capitals throughout",
        },
        "context": {
            **nullable({"type": "array", "items": TEXT, "maxItems": plan.MAX_CONTEXT}),
            "description": "words of which one, within about 40 characters, shows that the brand is meant by an "
            "ambiguous name",
        },
        "block": {
            **nullable({"type": "array", "items": TEXT, "maxItems": plan.MAX_BLOCK}),
            "description": "longer strings in which the name is not this brand",
        },
        "parent": {
            **nullable(TEXT),
            "description": "the name of the brand of this plan that it is a part of; a mention of the part is none of "
            "the parent",
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}
_ENGINE_WISH = {
    "type": "object",
    "properties": {"engine": TEXT, "model": nullable(TEXT), "search": nullable(FLAG), "locale": nullable(TEXT)},
    "required": ["engine"],
    "additionalProperties": False,
}
_COST_LIMIT = {
    "anyOf": [
        closed(amount={"type": ["string", "number"], "description": "up to 6 decimals"}, currency=TEXT),
        {"type": "string", "description": "`5.00 USD`"},
    ],
    "description": "never exceeded by more than the calls in flight; what it cannot pay for fails as `budget`",
    "examples": [{"amount": "5.00", "currency": "USD"}],
}
_PLAN_DOCUMENT = {
    "type": "object",
    "properties": {
        "brands": {
            "type": "array",
            "minItems": 1,
            "maxItems": plan.MAX_BRANDS,
            "items": {"anyOf": [TEXT, _BRAND]},
            "description": "the first is the subject, the others are its competitors",
        },
        "prompts": {
            "type": "array",
            "minItems": 1,
            "maxItems": plan.MAX_PROMPTS,
            "items": {"type": "string", "minLength": 1, "maxLength": plan.MAX_PROMPT_CHARS},
            "description": "asked word for word; {brand} and {competitor} are filled in",
        },
        "engines": {
            "type": "array",
            "minItems": 1,
            "maxItems": plan.MAX_ENGINES,
            "items": {"anyOf": [TEXT, _ENGINE_WISH]},
            "description": "names or aliases; GET /api/engines lists them",
        },
        "repeats": {"type": "integer", "minimum": 1, "maximum": plan.MAX_REPEATS, "default": 1},
        "priority": {
            "type": "integer",
            "minimum": 0,
            "maximum": plan.MAX_PRIORITY,
            "default": plan.DEFAULT_PRIORITY,
        },
        "label": nullable({"type": "string", "maxLength": plan.MAX_LABEL_CHARS}),
        "system": {
            **nullable({"type": "string", "minLength": 1, "maxLength": plan.MAX_SYSTEM_CHARS}),
            "description": "goes before every prompt; a buyer sends none",
        },
        "cost_limit": nullable(_COST_LIMIT),
        "reuse_within_hours": {
            **nullable({"type": "integer", "minimum": 0, "maximum": plan.MAX_REUSE_HOURS}),
            "default": 0,
            "description": "an answer that is no older, to the same engine, system, prompt and repeat, is taken "
            "instead of paying again; 0: none is",
        },
    },
    "required": ["brands", "prompts", "engines"],
    "additionalProperties": False,
    "examples": [
        {
            "brands": [{"name": "趣车良品", "aliases": ["趣车"]}, "竞品 1"],
            "prompts": ["深圳新能源汽车改装门店哪家好？"],
            "engines": ["doubao", "qwen"],
            "repeats": 3,
        }
    ],
}
_ENGINE_REF = closed(
    engine=TEXT, provider=TEXT, model=TEXT, search=FLAG, locale=nullable(TEXT), simulated=FLAG, imported=FLAG
)
_PLAN = closed(
    brands=listed(
        closed(
            name=TEXT,
            aliases=listed(TEXT),
            domains=listed(TEXT),
            ambiguous=FLAG,
            case_sensitive=FLAG,
            context=listed(TEXT),
            block=listed(TEXT),
            parent=nullable(TEXT),
        )
    ),
    prompts=listed(TEXT),
    engines=listed(ref("EngineRef")),
    repeats=COUNT,
    priority=COUNT,
    label=nullable(TEXT),
    system=nullable(TEXT),
    cost_limit=nullable(closed(amount=AMOUNT, currency=TEXT)),
    reuse_within_hours=COUNT,
)
_RANGE: dict[str, Schema] = {
    "low": nullable(AMOUNT),
    "high": nullable(AMOUNT),
    "currency": {**nullable(TEXT), "description": "null with a range of 0 to 0: nobody is paid"},
    "basis": TEXT,
}
_ESTIMATE = closed(
    seconds=COUNT,
    basis=TEXT,
    cost=closed(
        **_RANGE,
        reason={**nullable(TEXT), "description": "why there is no sum; null where there is one"},
        engines=listed(closed(engine=TEXT, calls=COUNT, **_RANGE)),
    ),
    precision=closed(
        half_width={"type": "number", "minimum": 0, "maximum": 1, "description": "of the 95 % interval, as a fraction"},
        rate={"type": "number", "description": "the mention rate that it is told for"},
        estimand=words("market", "cell"),
        words=TEXT,
    ),
)
_REUSED = {**COUNT, "description": "samples that take a stored answer; nobody is asked for them"}
_LINKS = closed(self=PATH, samples=PATH, report=PATH, events=PATH, cancel=PATH, retry=PATH)
_TIMES = {
    "created_at": INSTANT,
    "started_at": nullable(INSTANT),
    "ended_at": nullable(INSTANT),
    "deadline_at": INSTANT,
}
_PAUSED: dict[str, Schema] = {
    "reason": {"type": "string", "description": "the error class that paused it"},
    "message": nullable(TEXT),
    "since": nullable(INSTANT),
    "until": {
        "type": "string",
        "format": "date-time",
        "description": "not asked before; from then on one call at a time finds out whether it is better",
    },
}
_ENGINE_PROGRESS = closed(
    engine=TEXT,
    simulated=FLAG,
    paused=nullable(closed(**_PAUSED)),
    counts=mapped(COUNT),
    errors=mapped(COUNT),
)
_COST_SO_FAR = {
    **nullable(closed(limit=AMOUNT, spent=AMOUNT, reserved=AMOUNT, currency=TEXT)),
    "description": "under the plan's cost_limit; null where it has none",
}
_GOING: dict[str, Schema] = {
    "status": STATUS,
    "stage": words("queued", "asking", "analyzing", "reporting", "ended"),
    "terminal": FLAG,
    "progress": closed(settled=COUNT, planned=COUNT, percent={"type": "integer", "minimum": 0, "maximum": 100}),
    "counts": closed(**{str(state): COUNT for state in SampleState}),
    "engines": listed(_ENGINE_PROGRESS),
    "waits_until": nullable(INSTANT),
    "cost": _COST_SO_FAR,
}
_EXECUTION = closed(
    execution_id=UUID,
    task_type=TEXT,
    **_GOING,
    simulated=listed(TEXT),
    evidence={
        **nullable(closed(answers=COUNT, head=TEXT)),
        "description": "length and head of the chain of its answers; null before the first. Keep the head elsewhere",
    },
    poll_after_ms=nullable(COUNT),
    error=nullable(closed(code=nullable(TEXT), message=nullable(TEXT))),
    plan=ref("Plan"),
    retry_of=nullable(UUID),
    **_TIMES,
    links=_LINKS,
)
_LEFT = {
    **nullable(
        closed(
            seconds=nullable(COUNT),
            basis={**nullable(TEXT), "description": "what the seconds rest on; null where there are none"},
            reason={**nullable(TEXT), "description": "why there are no seconds; null where there are"},
            words={**nullable(TEXT), "description": "the same for people: `about 3 min left`"},
        )
    ),
    "description": "time until everything was asked, told from this execution's own last minutes; null once it ended",
}
_PLACE: dict[str, Schema] = {"sample_id": COUNT, "prompt_no": COUNT, "engine": TEXT, "repeat_no": COUNT}
_BRANDS_READ = {**nullable(listed(TEXT)), "description": "tracked brands that the answer names; null: not read yet"}
#: the data of each event of a stream, by its name
EVENTS: dict[str, Schema] = {
    "progress": closed(**_GOING, left=_LEFT, words={**TEXT, "description": "one sentence, to be said aloud"}),
    "answer": closed(
        **_PLACE,
        kind=words(*AnswerKind),
        served_model=nullable(TEXT),
        simulated=FLAG,
        imported=FLAG,
        taken_from=nullable(COUNT),
        excerpt=TEXT,
        latency_ms=nullable(COUNT),
        cost=closed(amount=nullable(TEXT), currency=nullable(TEXT), basis=TEXT),
        brands=_BRANDS_READ,
        links=closed(answer=PATH),
    ),
    "read": closed(sample_id=COUNT, brands=listed(TEXT)),
    "failed": closed(**_PLACE, error=closed(code=TEXT, message=nullable(TEXT))),
    "end": closed(status=STATUS, links=closed(self=PATH, report=PATH)),
}
_EXECUTION_ROW = closed(
    execution_id=UUID,
    status=STATUS,
    terminal=FLAG,
    task_type=TEXT,
    label=nullable(TEXT),
    priority=COUNT,
    planned=COUNT,
    brands=listed(TEXT),
    engines=listed(TEXT),
    simulated=listed(TEXT),
    error=nullable(closed(code=nullable(TEXT), message=nullable(TEXT))),
    retry_of=nullable(UUID),
    **_TIMES,
    links=_LINKS,
)
_SAMPLE = closed(
    sample_id=COUNT,
    prompt_no=COUNT,
    engine=TEXT,
    repeat_no=COUNT,
    state=STATE,
    attempt=COUNT,
    error=nullable(closed(code=TEXT, message=nullable(TEXT), http_status=nullable(COUNT))),
    next_attempt_at=nullable(INSTANT),
    settled_at=nullable(INSTANT),
    answer=nullable(
        closed(
            kind=words(*AnswerKind),
            served_model=nullable(TEXT),
            simulated=FLAG,
            excerpt=TEXT,
            brands=listed(TEXT),
            link=PATH,
        )
    ),
)
_SPAN = {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2}
_ANSWER = closed(
    sample_id=COUNT,
    execution_id=UUID,
    prompt_no=COUNT,
    prompt=TEXT,
    engine=ref("EngineRef"),
    repeat_no=COUNT,
    state=STATE,
    attempt=COUNT,
    text=TEXT,
    kind=words(*AnswerKind),
    usable=FLAG,
    answer_type=nullable(words(*AnswerType)),
    injection_suspected=nullable(FLAG),
    method_version=nullable(TEXT),
    finish=nullable(TEXT),
    served_model=nullable(TEXT),
    search_requested=FLAG,
    search_executed=nullable(FLAG),
    mentions=listed(
        closed(
            brand=TEXT,
            count=COUNT,
            position=nullable(COUNT),
            rank=nullable(COUNT),
            rank_source=nullable(TEXT),
            sentiment=nullable(words(*SENTIMENTS)),
            caveat=nullable(FLAG),
            strength=nullable({"type": "integer", "minimum": -1, "maximum": 3}),
            known=FLAG,
            spans=listed(_SPAN),
            evidence=listed(_SPAN),
            elsewhere=listed(_SPAN),
            doubtful=listed(_SPAN),
        )
    ),
    citations=listed(
        closed(
            url=TEXT,
            canonical_url=TEXT,
            domain=TEXT,
            title=nullable(TEXT),
            cited=nullable(FLAG),
            owner=nullable(TEXT),
            source_class=nullable(TEXT),
            via=TEXT,
        )
    ),
    candidates=listed(closed(name=TEXT, start=COUNT, end=COUNT, advised_against=FLAG)),
    tokens=closed(**{"in": nullable(COUNT), "out": nullable(COUNT)}),
    cost=closed(amount=nullable(TEXT), currency=nullable(TEXT), basis=TEXT),
    simulated=FLAG,
    imported=FLAG,
    taken_from=nullable(COUNT),
    request=nullable(OBJECT),
    http_status=nullable(COUNT),
    latency_ms=nullable(COUNT),
    asked_at=nullable(INSTANT),
    answered_at=INSTANT,
    content_digest={**nullable(TEXT), "description": "null where it was stored before answers were chained"},
    chain_no={**nullable(COUNT), "description": "its place in the chain of its execution, from 1"},
    digest={**TEXT, "description": "over content_digest, the place in the plan, the cost, and the digest before it"},
    links=closed(self=PATH, raw=PATH, execution=PATH),
)
_MEASURED = {
    "anyOf": [
        closed(value={"type": "number"}, k=COUNT, n={"type": "integer", "minimum": 1}, definition=TEXT),
        closed(value={"type": "null"}, k=COUNT, n=COUNT, reason=TEXT),
    ]
}
_RANK_DISTRIBUTION = {
    **closed(**dict.fromkeys((*RANKS, "unranked", "not_named", "n"), COUNT)),
    "description": "usable answers by the rank that they give the brand; the others sum to n. Since report_version 3",
}
_REPORT = {
    "type": "object",
    "description": "the frozen report document; see docs/metrics.md for each number",
    "properties": {
        "report_version": COUNT,
        "brands": listed(
            {
                "type": "object",
                "properties": {
                    "name": TEXT,
                    "subject": FLAG,
                    "overall": {
                        "type": "object",
                        "properties": {
                            "rank_distribution": _RANK_DISTRIBUTION,
                            "intercepted_by": {
                                **listed(closed(brand=TEXT, rate=OBJECT)),
                                "description": "for each other tracked brand the rate of usable answers that recommend "
                                "it and not this one, the commonest first. Since report_version 3",
                            },
                        },
                    },
                    "engines": listed({"type": "object", "properties": {"rank_distribution": _RANK_DISTRIBUTION}}),
                },
            }
        ),
    },
}
_QUEUES = mapped(closed(ready=COUNT, delayed=COUNT, dead=COUNT, consumers=nullable(COUNT)))
_BROKER = closed(reachable=FLAG, error=nullable(TEXT), queues=_QUEUES)
_DEAD_LETTER = closed(
    queue=TEXT,
    reason=TEXT,
    actor=nullable(TEXT),
    message_id=nullable(TEXT),
    sample_ids=listed(COUNT),
    execution_ids=listed(UUID),
    sent_at=nullable(INSTANT),
    died_at=nullable(INSTANT),
    tries=nullable(COUNT),
    error=nullable(TEXT),
    about={
        **closed(
            execution_id=nullable(TEXT),
            engine=nullable(TEXT),
            samples=nullable(COUNT),
            sent_by=nullable(TEXT),
            version=nullable(TEXT),
        ),
        "description": "what the message says of itself; null where it says nothing",
    },
    size={**COUNT, "description": "bytes"},
    now={"type": "string", "description": "what the tables say of its ids, and hence what is to be done"},
)
_STATISTICS = closed(
    days=COUNT,
    since=INSTANT,
    total=COUNT,
    ended=COUNT,
    by_status=mapped(COUNT),
    by_type=mapped(COUNT),
    usable_rate=_MEASURED,
    average_duration_s=closed(
        value=nullable({"type": "number", "minimum": 0}), n={"type": "integer", "minimum": 0}, definition=TEXT
    ),
    broker=_BROKER,
    dead_letters={
        **nullable(listed(_DEAD_LETTER)),
        "description": "the oldest 20 of each queue, of all owners; null without the scope admin or without the broker",
    },
)

_MODEL = {
    "type": "object",
    "properties": {
        "name": nullable(TEXT),
        "id": nullable(TEXT),
        "value": nullable(TEXT),
        "label": nullable(TEXT),
        "checked": {"type": "boolean", "description": "false: left out"},
    },
}
_MODELS = listed({"anyOf": [TEXT, _MODEL]})
_ONE_TEXT_OR_MORE = {
    "anyOf": [listed(TEXT), TEXT, {"type": "null"}],
    "description": "a string is one question, never split",
}

SCHEMAS: dict[str, Schema] = {
    "Problem": {
        "type": "object",
        "properties": _PROBLEM,
        "required": _PROBLEM_REQUIRED,
        "additionalProperties": False,
    },
    "PredecessorProblem": {
        "type": "object",
        "description": "a problem whose `status` is the word that the predecessor's clients compare with",
        "properties": {**_PROBLEM, "status": {"const": "error"}, "error": TEXT, "code": {"type": "integer"}},
        "required": [*_PROBLEM_REQUIRED, "error", "code"],
        "additionalProperties": False,
    },
    "PlanDocument": _PLAN_DOCUMENT,
    "Plan": _PLAN,
    "EngineRef": _ENGINE_REF,
    "Estimate": _ESTIMATE,
    "Accepted": closed(
        execution_id=UUID,
        status=STATUS,
        planned=COUNT,
        counted_as={"type": "string", "description": "the multiplication behind `planned`"},
        reused=_REUSED,
        estimate=ref("Estimate"),
        simulated=listed(TEXT),
        retry_of=nullable(UUID),
        deadline_at=INSTANT,
        links=_LINKS,
    ),
    "DryRun": closed(
        dry_run={"const": True},
        planned=COUNT,
        counted_as=TEXT,
        reused=_REUSED,
        refused_now={
            **nullable(closed(detail=TEXT, retry_after_s=COUNT)),
            "description": "why it would be a 429 at this moment, because so much is open already",
        },
        estimate=ref("Estimate"),
        simulated=listed(TEXT),
        plan=ref("Plan"),
    ),
    "Execution": _EXECUTION,
    **{f"Event{name.capitalize()}": data for name, data in EVENTS.items()},
    "ExecutionRow": _EXECUTION_ROW,
    "Executions": closed(executions=listed(ref("ExecutionRow")), next=nullable(PATH)),
    "Sample": _SAMPLE,
    "Samples": closed(samples=listed(ref("Sample")), next=nullable(PATH)),
    "Answer": _ANSWER,
    "Comparison": {
        "type": "object",
        "description": "differences after − before, on what both executions asked; see docs/metrics.md",
        "required": ["before", "after", "prompts", "engines", "left_out", "breaks", "primary", "others"],
    },
    "Report": _REPORT,
    "Engines": closed(
        engines=listed(
            closed(
                name=TEXT,
                title=TEXT,
                aliases=listed(TEXT),
                dialect=TEXT,
                model=nullable(TEXT),
                configured=FLAG,
                simulated=FLAG,
                available={"type": "boolean", "description": "it can be asked: with its key, or simulated"},
                search={
                    "type": ["boolean", "null"],
                    "description": "null: it has none; else whether it is the default",
                },
                locale=nullable(TEXT),
                verified=FLAG,
                key_env=listed(TEXT),
                requests_per_minute=nullable(COUNT),
                price=nullable(mapped(nullable(TEXT))),
                state=closed(
                    paused=nullable(closed(scope=TEXT, **_PAUSED)),
                    models={
                        **listed(closed(model=TEXT, scope=TEXT, **_PAUSED)),
                        "description": "its models that are paused, while the others are asked",
                    },
                    slowed_to_per_minute=nullable({"type": "number", "exclusiveMinimum": 0}),
                    answered_at=nullable(INSTANT),
                    latency_ms=nullable(COUNT),
                ),
            )
        )
    ),
    "Statistics": _STATISTICS,
    "Health": closed(status={"const": "ok"}, version=TEXT),
    "Readiness": closed(
        status={"const": "ready"},
        version=TEXT,
        broker=_BROKER,
    ),
    "OpenApi": OBJECT,
    "PredecessorSubmission": {
        "type": "object",
        "description": "lists may be spelled either way; members not named here are ignored, as they always were",
        "properties": {
            "brand_list": {"type": "array", "items": {"anyOf": [TEXT, _BRAND]}, "minItems": 1},
            "selectedModels": _MODELS,
            "selected_models": _MODELS,
            "customQuestions": _ONE_TEXT_OR_MORE,
            "custom_questions": _ONE_TEXT_OR_MORE,
            "custom_question": nullable(TEXT),
            "priority": {"type": ["number", "string", "null"], "description": "clamped to 0–10"},
        },
        "required": ["brand_list"],
    },
    "PredecessorAccepted": closed(
        status={"const": "queued"}, execution_id=UUID, message=TEXT, estimated_time={**COUNT, "description": "seconds"}
    ),
    "PredecessorStatus": closed(
        execution_id=UUID,
        status=PREDECESSOR_STATUS,
        progress={"type": "integer", "minimum": 0, "maximum": 100},
        task_type=TEXT,
        priority=COUNT,
        retry_count=COUNT,
        created_at=INSTANT,
        started_at=nullable(INSTANT),
        completed_at=nullable(INSTANT),
        result=nullable(OBJECT),
        error_message=nullable(TEXT),
    ),
    "PredecessorCancelled": closed(status={"const": "success"}, message=TEXT),
    "PredecessorStatistics": closed(
        total_tasks=COUNT,
        by_status=mapped(COUNT),
        by_type=mapped(COUNT),
        avg_duration_seconds=nullable({"type": "number", "minimum": 0}),
        success_rate=nullable({"type": "number", "minimum": 0, "maximum": 100}),
    ),
}
