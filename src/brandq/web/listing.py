"""Which samples are listed: the parameters that the API and the pages share, and the filter that they make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brandq import store
from brandq.analysis.findings import AnswerType, SourceClass
from brandq.errors import BadRequest, Fault
from brandq.plan import name_key
from brandq.reports.candidates import Names, answers_with
from brandq.states import SampleState
from brandq.store import Execution, SampleFilter, Transaction
from brandq.web import wire
from brandq.web.openapi import Parameter
from brandq.web.schemas import COUNT, FLAG, STATE, TEXT, words

#: an imported file may have more prompts and repeats than a plan, which its column holds up to this number
_MOST_PROMPTS, _MOST_REPEATS = 32_767, 100_000
#: findings that speak of no brand
_OF_NOBODY = frozenset({"sourced"})


def _findings(text: str) -> tuple[str, ...]:
    known = wire.one_of(store.FINDINGS)
    return tuple(dict.fromkeys(known(part.strip()) for part in text.split(",")))


def _outcome(text: str) -> str:
    # in a report the usable ones are called by the kind of their answers
    return "usable" if text == "ok" else wire.one_of(store.OUTCOMES)(text)


def _ranks(text: str) -> tuple[int, int | None]:
    found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4})|(\+))?", text, re.ASCII)
    if found is None or int(found[1]) < 1 or (found[2] and int(found[2]) < int(found[1])):
        raise ValueError("expected a rank such as 2, ranks such as 4-5, or 11+ for the 11th and beyond")
    return int(found[1]), None if found[3] else int(found[2] or found[1])


LISTING: tuple[Parameter, ...] = (
    Parameter("engine", TEXT, "only those of this engine of the plan", wire.words(200)),
    Parameter("prompt_no", COUNT, "only those of the prompt with this number", wire.whole(1, _MOST_PROMPTS)),
    Parameter("repeat_no", COUNT, "only those of the repeat with this number", wire.whole(1, _MOST_REPEATS)),
    Parameter("state", STATE, "only those in this state", wire.one_of(SampleState)),
    Parameter(
        "outcome",
        words(*store.OUTCOMES),
        "only those that came to this, as the report counts them; usable is its `ok`, open what has not ended",
        _outcome,
    ),
    Parameter("error", TEXT, "only those whose last error has this code", wire.words(40)),
    Parameter("model", TEXT, "only those whose answer reported this model", wire.words(200)),
    Parameter("answer_type", words(*AnswerType), "only those whose answer is of this type", wire.one_of(AnswerType)),
    Parameter(
        "brand",
        TEXT,
        "whom `finding` and `rank` are about, the plan's subject where it is left out; without any of them: only those "
        "whose usable answer mentions it",
        wire.words(200),
    ),
    Parameter(
        "finding",
        {"type": "string", "examples": ["named", "cited,not_named"]},
        f"only those whose usable answer says this of the brand; several by commas, all of which hold: "
        f"{', '.join(store.FINDINGS)}",
        _findings,
        default=(),
    ),
    Parameter("rival", TEXT, "only those that recommend this brand and not the other", wire.words(200)),
    Parameter("rank", TEXT, "only those that give the brand this rank: 2, 4-5, 11+", _ranks),
    Parameter("domain", TEXT, "only those whose usable answer gives a page of this domain", wire.words(260)),
    Parameter(
        "source_class",
        words(*SourceClass),
        "only those whose usable answer gives a page of this class",
        wire.one_of(SourceClass),
    ),
    Parameter("unowned", FLAG, "the page is no tracked brand's", wire.yes_or_no, default=False),
    Parameter(
        "retrieved", FLAG, "the page was only retrieved, and no such page is given", wire.yes_or_no, default=False
    ),
    Parameter(
        "name",
        TEXT,
        "only those whose usable answer has this untracked name among its candidates, in any of the spellings that the "
        "report puts together",
        wire.words(500),
    ),
)
AFTER = Parameter("after", COUNT, "the last sample_id of the page before", wire.whole(0, wire.MAX_ROW), default=0)


def _blank_is_none(parameter: Parameter) -> Parameter:
    read = parameter.read
    return replace(parameter, read=lambda text: read(text) if text.strip() else parameter.default)


#: the same for pages, whose forms send what was not chosen as nothing
FORM_LISTING: tuple[Parameter, ...] = tuple(map(_blank_is_none, LISTING))


def read_listing(db: Transaction, found: Execution, given: Mapping[str, Any]) -> SampleFilter:
    """The filter that these parameters make for an execution.

    BadRequest for an engine or a brand that its plan does not have.
    """
    spelled = {name_key(brand.name): brand.name for brand in found.plan.brands}
    faults: list[Fault] = []

    def brand(parameter: str) -> str | None:
        name = given[parameter]
        if name is not None and name_key(name) not in spelled:
            faults.append(Fault(f"?{parameter}", f"is not in this plan; it has {', '.join(spelled.values())}"))
        return None if name is None else spelled.get(name_key(name))

    engines = [engine.engine for engine in found.plan.engines]
    if given["engine"] is not None and given["engine"] not in engines:
        faults.append(Fault("?engine", f"is not in this plan; it has {', '.join(engines)}"))
    about, rival = brand("brand"), brand("rival")
    if faults:
        raise BadRequest(faults, "The parameters are not valid")
    of_somebody = set(given["finding"]) - _OF_NOBODY
    if about is None and (of_somebody or rival or given["rank"]):
        about = found.plan.subject.name
    return SampleFilter(
        engine=given["engine"],
        state=given["state"],
        prompt_no=given["prompt_no"],
        repeat_no=given["repeat_no"],
        outcome=given["outcome"],
        error_code=given["error"],
        served_model=given["model"],
        answer_type=given["answer_type"],
        brand=about,
        findings=given["finding"],
        rival=rival,
        rank=given["rank"],
        domain=given["domain"],
        source_class=given["source_class"],
        unowned=given["unowned"],
        retrieved=given["retrieved"],
        sample_ids=None if given["name"] is None else _answers_with(db, found, given["name"]),
    )


def _answers_with(db: Transaction, found: Execution, name: str) -> list[int]:
    """The samples of the answers that have this name, as the report puts spellings together: it takes all of them."""
    seen = store.usable_candidates(db, found.execution_id)
    numbers = answers_with(Names(place for _, place in seen), name)
    return [seen[number][0] for number in sorted(numbers)]
