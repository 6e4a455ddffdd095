"""Judging: one engine reads the stored answers of an ended execution, and says how they speak of its brands.

What was judged before is not asked again: the reply is kept under a digest of the request and of the judge, and read
anew. Calls are admitted like those of samples, so pace, pauses and money hold for them too, and each is made once. A
reply is kept whatever it is worth; asking until one fits would choose among verdicts. Only where no reply came will the
next time ask.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from brandq import store
from brandq.actors.admission import Admission, admit, note_outcomes
from brandq.actors.desk import Desk
from brandq.actors.lanes import Lane
from brandq.actors.reading import findings_in
from brandq.analysis.brands import compiled
from brandq.analysis.findings import UNUSABLE, Findings, Opinion
from brandq.analysis.judge import (
    PROMPT_VERSION,
    Agreement,
    Judged,
    JudgeRequest,
    agreement_with,
    read_verdict,
    request_for,
    verdict_key,
)
from brandq.analysis.outline import outline
from brandq.analysis.reading import Reading, read
from brandq.costs import CallCost, cost_of_call, estimate_cost
from brandq.errors import BadRequest, Fault
from brandq.plan import CostLimit, EngineRef, EngineWish, Plan
from brandq.providers import HttpSession, ask, open_session
from brandq.providers.dialect import OF_MODEL, OF_PROVIDER, AnswerKind, ErrorClass, Outcome, Provider, ProviderError
from brandq.providers.registry import MAX_ENGINE_CHARS

#: calls in flight at most, where the provider's row allows as many: nobody waits for a judge as for an answer
MOST_IN_FLIGHT = 8
#: how long one call waits for its starting time, or for money that others have set aside, seconds
MOST_WAIT_S = 120.0
#: samples of the pipeline are more urgent
PRIORITY = 0
#: model texts are cut to what their columns hold
_MODEL_CHARS = 200


@dataclass(frozen=True)
class JudgedExecution:
    """What a judge made of an execution.

    ``by_sample``: opinion and strength per brand, of those alone whose verdict holds. ``findings``: the deterministic
    ones beside them, of the same usable answers. ``wanted`` counts brands in answers that were to be judged, ``judged``
    those that have a verdict, ``dropped`` those that have none, by reason; ``failed`` counts answers without a reply of
    use, by reason. ``answers`` were to be judged, ``cached`` of them from the cache, ``asked`` by a call now; equal
    answers share one call. ``cost`` is the sum of the ``calls`` of now whose cost is known, ``cost_unknown`` of them
    are not in it.
    """

    engine: EngineRef
    by_sample: Mapping[int, Mapping[str, tuple[Opinion, int]]]
    findings: Mapping[int, Findings]
    answers: int
    wanted: int
    judged: int
    cached: int
    asked: int
    calls: int
    dropped: Counter[str]
    failed: Counter[str]
    unknown_ids: int
    cost: Decimal
    currency: str | None
    cost_unknown: int
    served_models: Counter[str]

    @property
    def method(self) -> str:
        """The instrument, for the method version of a report that is made with it."""
        return f"{judge_name(self.engine)}, model {self.engine.model}, prompt {PROMPT_VERSION}"

    def to_json(self) -> dict[str, Any]:
        """The instrument and what it left out, for the report that is made with it."""
        return {
            "method": self.method,
            "engine": self.engine.engine,
            "simulated": self.engine.simulated,
            "model": self.engine.model,
            "served_models": dict(sorted(self.served_models.items())),
            "prompt_version": PROMPT_VERSION,
            "brands_to_judge": self.wanted,
            "judged": self.judged,
            "dropped": dict(sorted(self.dropped.items())),
            "answers_to_judge": self.answers,
            "failed": dict(sorted(self.failed.items())),
        }

    @property
    def agreement(self) -> Agreement:
        """With the deterministic sentiment, over all brands that were to be judged."""
        rules = {
            (sample_id, finding.brand): finding.sentiment
            for sample_id, findings in self.findings.items()
            for finding in findings.brands
            if finding.named
        }
        judged = {
            (sample_id, brand): opinion.sentiment
            for sample_id, opinions in self.by_sample.items()
            for brand, (opinion, _) in opinions.items()
        }
        return agreement_with(rules, judged)


@dataclass(frozen=True)
class _Case:
    """One answer that is to be judged."""

    sample_id: int
    findings: Findings
    reading: Reading
    request: JudgeRequest
    key: str

    def judged(self, reply_text: str) -> Judged:
        parts = outline(self.reading.view)
        return read_verdict(reply_text, self.request, self.reading, parts, self.findings.brands)


@dataclass
class _Kept:
    """The replies by key: what kind of answer each is, its text, and the model that served it."""

    replies: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    #: why there is none
    failed: dict[str, str] = field(default_factory=dict)


def judge_of(desk: Desk, name: str) -> EngineRef:
    """The engine of this name as a judge, which never searches. BadRequest where nobody would answer."""
    engine = desk.registry.choose(EngineWish(name.strip(), search=False))
    if isinstance(engine, str):
        raise BadRequest([Fault(name, engine)], "There is no such judge")
    chosen = desk.provider(engine)
    if isinstance(chosen, ProviderError):
        raise BadRequest([Fault(name, chosen.message)], "There is no such judge")
    return engine


def judge_name(engine: EngineRef) -> str:
    """The judge's name in keys and rows: what the simulator says is never taken for a real one's word."""
    return f"{engine.engine}{' (simulated)' * engine.simulated}"[:MAX_ENGINE_CHARS]


def judge_execution(
    desk: Desk,
    execution_id: str,
    engine: EngineRef,
    cost_limit: CostLimit | None = None,
    *,
    tell: Callable[[str], None] = lambda line: None,
) -> JudgedExecution:
    """Have the usable answers of an ended execution judged that name a brand; what is known of it already is taken.

    ``cost_limit`` holds for all judging of this execution together, in its currency. ``tell`` gets the lines to be
    shown before anything is asked: a warning, and what it will cost. NotFound for no such execution; BadRequest where
    it has not ended, or where the limit cannot be kept. Trouble with the judge is counted, not raised.
    """
    with desk.database.read() as db:
        execution = store.execution(db, execution_id)
        placed = store.all_answers(db, execution_id)
    if not execution.ended:
        raise BadRequest([Fault(execution_id, f"is {execution.status}; it can be judged once it has ended")], "Not yet")
    provider = _provider(desk, engine)
    cases = list(_cases(execution.plan, placed, engine, provider))
    kept = _Kept()
    with desk.database.read() as db:
        for key, verdict in store.stored_verdicts(db, [case.key for case in cases]).items():
            kept.replies[key] = (verdict.verdict["kind"], verdict.verdict["text"], verdict.served_model)
    cached = frozenset(kept.replies)
    wanted = {case.key: case.request for case in cases if case.key not in cached}
    for answering in execution.plan.engines:
        if answering.provider == engine.provider:
            tell(f"warning: {engine.provider} judges answers of its own ({answering.engine}); models favour their like")
    calls = _Calls(desk, execution, engine, cost_limit, wanted)
    tell(calls.foretold(len(cases), sum(case.key in cached for case in cases)))
    if wanted:
        asyncio.run(calls.ask_all(kept))
    return _judged(engine, cases, kept, cached, calls)


def _provider(desk: Desk, engine: EngineRef) -> Provider:
    chosen = desk.provider(engine)
    if isinstance(chosen, ProviderError):
        raise BadRequest([Fault(engine.engine, chosen.message)], "There is no such judge")
    return chosen[0]


def _cases(plan: Plan, placed: Sequence[store.Placed], engine: EngineRef, provider: Provider) -> Iterator[_Case]:
    domains = compiled(plan.brands).domains
    answered = [one for one in placed if one.answer.kind == AnswerKind.OK]
    found = findings_in(plan, answered)
    for one in answered:
        findings = found[one.sample_id]
        if findings.answer_type in UNUSABLE or not any(finding.named for finding in findings.brands):
            continue
        reading = read(one.answer.text, domains)
        request = request_for(reading, findings.brands)
        key = verdict_key(judge_name(engine), engine.model, request, provider.body)
        yield _Case(one.sample_id, findings, reading, request, key)


def _judged(
    engine: EngineRef, cases: Sequence[_Case], kept: _Kept, cached: frozenset[str], calls: _Calls
) -> JudgedExecution:
    by_sample: dict[int, Mapping[str, tuple[Opinion, int]]] = {}
    dropped, failed, served = Counter[str](), Counter[str](), Counter[str]()
    unknown_ids = 0
    for case in cases:
        by_sample[case.sample_id] = {}
        reply = kept.replies.get(case.key)
        if reply is None:
            failed[kept.failed.get(case.key, "not asked")] += 1
            continue
        kind, text, served_model = reply
        served[served_model or "not told"] += 1
        if kind != AnswerKind.OK:
            failed[kind] += 1
            continue
        judged = case.judged(text)
        unknown_ids += judged.unknown_ids
        if judged.broken is not None:
            failed[judged.broken] += 1
            continue
        by_sample[case.sample_id] = judged.opinions
        dropped.update(str(reason) for reason in judged.dropped.values())
    return JudgedExecution(
        engine=engine,
        by_sample=by_sample,
        findings={case.sample_id: case.findings for case in cases},
        answers=len(cases),
        wanted=sum(len(case.request.brand_ids) for case in cases),
        judged=sum(len(opinions) for opinions in by_sample.values()),
        cached=sum(case.key in cached for case in cases),
        asked=sum(case.key in calls.asked for case in cases),
        calls=len(calls.asked),
        dropped=dropped,
        failed=failed,
        unknown_ids=unknown_ids,
        cost=calls.cost,
        currency=calls.currency,
        cost_unknown=calls.cost_unknown,
        served_models=served,
    )


# -- the calls


class _Calls:
    """The calls that one command makes to its judge."""

    def __init__(
        self,
        desk: Desk,
        execution: store.Execution,
        engine: EngineRef,
        cost_limit: CostLimit | None,
        wanted: Mapping[str, JudgeRequest],
    ) -> None:
        self._desk, self._engine, self._wanted = desk, engine, wanted
        # what decides about samples decides about these calls: to it, the requests are the prompts of a plan
        requests = list(wanted.values())
        self._plan = Plan(
            brands=execution.plan.brands,
            prompts=tuple(request.user for request in requests),
            engines=(engine,),
            system=requests[0].system if requests else None,
            cost_limit=cost_limit,
        )
        budget = f"judge {execution.execution_id} {cost_limit.currency if cost_limit else ''}".strip()
        self._due = store.Due(0, budget, 0, engine.engine, 0, execution.owner, PRIORITY, unstarted=False)
        self._price = self._call_cost()
        if wanted and not engine.simulated:
            self._refuse_limit(cost_limit)
        self.asked: set[str] = set()
        self.cost, self.cost_unknown, self.currency = Decimal(0), 0, self._price.currency
        self._stopped: str | None = None

    def _call_cost(self) -> CallCost:
        with self._desk.database.read() as db:
            known = store.experience(db, [self._engine.engine]).get(self._engine.engine)
        if not self._wanted:
            return CallCost(Decimal(0), Decimal(0), None, "no call is made")
        return cost_of_call(self._plan, self._engine, self._desk.registry.price(self._engine), known)

    def _refuse_limit(self, cost_limit: CostLimit | None) -> None:
        limit = cost_limit or self._desk.settings.daily_cost_limit
        if limit is None:
            return
        if self._price.high is None:
            why = f"{limit} cannot be kept for {self._engine.engine}: {self._price.basis}"
        elif self._price.currency != limit.currency:
            why = f"{self._engine.engine} is paid in {self._price.currency}; give the limit in that"
        else:
            return
        raise BadRequest([Fault("--cost-limit", why)], "The limit cannot be kept")

    def foretold(self, answers: int, cached: int) -> str:
        """What is about to be done and what it costs, in one line."""
        name = self._engine.engine
        calls = len(self._wanted)
        estimate = estimate_cost(self._plan, {name: self._price}, {name: calls})
        words = f"{answers} answers to be judged by {judge_name(self._engine)}: {cached} from the cache, {calls} calls"
        basis, low, high = self._price.basis, estimate["low"], estimate["high"]
        if low is None:
            return f"{words}; cost not known: {basis}"
        if estimate["currency"] is None:
            return f"{words}; cost nothing ({basis})"
        return f"{words}; cost {low} to {high} {estimate['currency']} ({basis})"

    async def ask_all(self, kept: _Kept) -> None:
        """Ask for all that is wanted, some side by side. What has landed stays when this is broken off."""
        provider, key = self._chosen()
        lane = Lane(provider)
        waiting = iter(self._wanted.items())
        side_by_side = min(MOST_IN_FLIGHT, provider.concurrency, len(self._wanted))
        async with open_session() as http:
            tasks = [
                asyncio.create_task(self._ask_in_turn(http, provider, key, lane, waiting, kept))
                for _ in range(side_by_side)
            ]
            try:
                await asyncio.gather(*tasks)
            finally:
                # one that fails takes the others along, and each settles what it has in flight
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    def _chosen(self) -> tuple[Provider, str | None]:
        return _provider(self._desk, self._engine), self._desk.registry.key(self._engine)

    async def _ask_in_turn(
        self,
        http: HttpSession,
        provider: Provider,
        api_key: str | None,
        lane: Lane,
        waiting: Iterator[tuple[str, JudgeRequest]],
        kept: _Kept,
    ) -> None:
        for key, request in waiting:
            admission = await self._admitted(lane)
            if admission is None:
                kept.failed[key] = f"not asked: {self._stopped or 'no starting time'}"
                continue
            outcome: Outcome | None = None
            self.asked.add(key)
            try:
                outcome = await ask(http, provider, self._engine, request.user, api_key, system=request.system)
            finally:
                said_no = lane.leave(self._engine.model, outcome)
                try:
                    await self._settle(key, admission, outcome, kept)
                finally:
                    if said_no is not None:
                        lane.noted(said_no)

    async def _admitted(self, lane: Lane) -> Admission | None:
        """Wait for the permission to make one call; None where there will be none, and ``_stopped`` may say why."""
        until = time.monotonic() + MOST_WAIT_S
        model = self._engine.model
        while self._stopped is None and time.monotonic() < until:
            admitted_at = time.monotonic()
            admission = await self._desk.in_thread(self._admit)
            if admission.granted:
                lane.hear(model, proven=admission.proven, troubled=admission.troubled)
                now = self._desk.now()
                start_at = time.monotonic() + (admission.first_at - now).total_seconds()
                if await lane.enter(model, admitted_at=admitted_at, start_at=start_at) and self._stopped is None:
                    return admission
                await self._give_back(admission)
            elif admission.refused is not None:
                words = admission.refused[1].removeprefix("not asked: ")
                self._stopped = words.replace("the plan's cost_limit of", "the cost limit of")
            elif self._stopped is None:
                await asyncio.sleep(min(admission.wait_s, max(0.0, until - time.monotonic())))
        return None

    def _admit(self) -> Admission:
        now = self._desk.now()
        with self._desk.database.begin() as db:
            admission = admit(self._desk, db, self._plan, self._engine, [self._due], now)
            if not admission.granted:
                # a sample would come back when the pause is over; who waits for a command would not
                for scope, state in store.engine_states(db, self._engine.scopes).items():
                    if state.open_until is not None and state.open_until > now:
                        self._stopped = f"{scope} is paused ({state.open_reason})"
        return admission

    async def _give_back(self, admission: Admission) -> None:
        kept = admission.set_aside
        if kept is not None:
            await self._desk.in_thread(lambda: self._pay(kept, Decimal(0)))

    def _pay(self, kept: store.SetAside, spent: Decimal) -> None:
        with self._desk.database.begin() as db:
            store.settle_cost(db, kept.budgets, reserved=kept.amount, spent=spent, now=self._desk.now())

    async def _settle(self, key: str, admission: Admission, outcome: Outcome | None, replies: _Kept) -> None:
        """Keep what came back and pay for it; ``outcome`` None: broken off, and perhaps billed all the same."""
        answer = None if outcome is None else outcome.answer
        if outcome is not None and outcome.error is not None:
            error_class = outcome.error.error_class
            replies.failed[key] = str(error_class)
            if error_class in OF_PROVIDER | OF_MODEL:
                self._stopped = f"{error_class}: {outcome.error.message}"
        if answer is not None:
            replies.replies[key] = (str(answer.kind), answer.text, answer.served_model)
        if answer is not None and answer.cost is not None:
            self.cost, self.currency = self.cost + answer.cost, answer.currency
        elif not self._engine.simulated and (answer is not None or _may_be_billed(outcome)):
            self.cost_unknown += 1
        await self._desk.in_thread(lambda: self._record(key, admission.set_aside, outcome))

    def _record(self, key: str, kept: store.SetAside | None, outcome: Outcome | None) -> None:
        now = self._desk.now()
        answer = None if outcome is None else outcome.answer
        with self._desk.database.begin() as db:
            if kept is not None:
                spent = kept.amount if _may_be_billed(outcome) else Decimal(0)
                if answer is not None and answer.cost is not None and answer.currency == kept.currency:
                    spent = answer.cost
                store.settle_cost(db, kept.budgets, reserved=kept.amount, spent=spent, now=now)
            if outcome is not None:
                note_outcomes(self._desk, db, self._engine, [outcome], now=now)
            if outcome is not None and answer is not None:
                verdict = store.Verdict(
                    verdict_key=key,
                    engine=judge_name(self._engine),
                    model=self._engine.model[:_MODEL_CHARS],
                    served_model=answer.served_model and answer.served_model[:_MODEL_CHARS],
                    prompt_version=PROMPT_VERSION,
                    verdict={"kind": str(answer.kind), "text": answer.text},
                    cost=answer.cost if answer.currency else None,
                    currency=answer.currency if answer.cost is not None else None,
                    judged_at=now,
                )
                store.keep_verdict(db, verdict, request=outcome.request, raw=outcome.raw)


def _may_be_billed(outcome: Outcome | None) -> bool:
    """Whether a call counts for what was set aside where its cost is not told: not where the provider declined it."""
    return outcome is None or outcome.error is None or outcome.error.error_class == ErrorClass.NETWORK


# -- in words


def told(found: JudgedExecution) -> Iterator[str]:
    """What came of it, line by line, for people."""
    served = ", ".join(f"{model} ({n})" for model, n in sorted(found.served_models.items())) or "nobody"
    yield f"judge: {judge_name(found.engine)}, model {found.engine.model}, served {served}, prompt {PROMPT_VERSION}"
    yield (
        f"answers: {found.answers} name a brand; {found.cached} from the cache, {found.asked} asked now, "
        f"{found.failed.total()} failed" + (f" ({_reasons(found.failed)})" if found.failed else "")
    )
    yield (
        f"verdicts: {found.judged} of {found.wanted} brands in answers; "
        f"{found.dropped.total()} dropped" + (f" ({_reasons(found.dropped)})" if found.dropped else "")
    )
    if found.unknown_ids:
        yield f"verdicts on brands that nobody named to it: {found.unknown_ids}"
    if found.engine.simulated:
        yield f"cost: {found.calls} calls, simulated: nobody is paid"
    else:
        cost = f"{found.cost:f} {found.currency or ''}".strip()
        yield f"cost: {cost} for {found.calls} calls" + (
            f", and {found.cost_unknown} of unknown cost" if found.cost_unknown else ""
        )
    yield from _agreed(found.agreement)


def _reasons(counted: Counter[str]) -> str:
    return ", ".join(f"{reason} × {n}" for reason, n in sorted(counted.items()))


def _agreed(agreement: Agreement) -> Iterator[str]:
    alone = (
        f"{agreement.only_deterministic} told by the rules alone, {agreement.only_judged} by the judge alone, "
        f"{agreement.neither} by neither"
    )
    if agreement.interval is None:
        yield f"agreement with the deterministic sentiment: no brand that both tell; {alone}"
        return
    low, high = agreement.interval
    kappa = "not defined (one label throughout)" if agreement.kappa is None else f"{agreement.kappa:.2f}"
    yield (
        f"agreement with the deterministic sentiment: {agreement.equal} of {agreement.n} "
        f"({agreement.equal / agreement.n:.0%}, 95 % from {low:.0%} to {high:.0%} if cases are independent), "
        f"kappa {kappa}; {alone}"
    )
    confused = ", ".join(f"{one} / {other} {n}" for (one, other), n in agreement.confusion.items() if one != other)
    if confused:
        yield f"they differ (rules / judge): {confused}"
