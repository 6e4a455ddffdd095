"""Judging stored answers by another engine, over real HTTP: what is asked, kept, paid, counted and refused."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brandq import importing, store
from brandq.analysis.findings import AnswerType, Findings
from brandq.analysis.judge import PROMPT_VERSION
from brandq.errors import BadRequest, NotFound
from brandq.judging import JudgedExecution, judge_execution, judge_of, told
from brandq.plan import CostLimit, parse_brands
from brandq.reports.facts import Publication
from brandq.studies import publish_judged
from tests.actors.installed import Installed, installed

#: answers to one prompt, in the order of their repeats; the last but one names no brand, the last is a refusal
TEXTS = (
    "1. 趣车良品：口碑稳定，报价透明。\n2. 竞品 1：价格偏贵。",
    "1. 竞品 1：服务细致，但需要提前预约。\n2. 趣车良品：经验丰富。",
    "可以看看趣车良品，性价比高。",
    "可以多比较几家再决定。",
    "抱歉，我不能推荐具体的商家。",
)
BRANDS = ("趣车良品", "竞品 1")
#: brands named in the usable answers
WANTED = 5

#: a judge that is paid: a token is a character, so that a call costs about one unit
PAID = """
[engines.paid]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "judge-paid"
total_s = 2
[engines.paid.prices."judge-paid"]
tokens_in = "250"
tokens_out = "250"
currency = "USD"
dated = "2026-11-24"

[engines.hot]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "judge-1"
body = { temperature = 1 }
"""


@dataclass
class Site:
    """An installation, and the lines that a judge told before it began."""

    place: Installed
    lines: list[str] = field(default_factory=list)

    def answers(self, texts: Sequence[str] = TEXTS, brands: Sequence[str] = BRANDS) -> str:
        """An execution with just these answers, ended without a worker; its id."""
        desk = self.place.desk
        rows = [{"prompt": "深圳改装门店哪家好？", "answer": text, "engine": "some"} for text in texts]
        tracked = parse_brands([{"name": name} for name in brands])
        given = importing.import_rows(
            rows, tracked, mapping={}, meant=desk.registry.canonical, label=None, max_samples=100
        )
        places, now = frozenset(given.answers), desk.now()
        order = store.Order(
            str(uuid.uuid4()), "ann", given.plan, now + timedelta(hours=1), "import", answered=places, only=places
        )
        with desk.database.begin() as db:
            store.plan_execution(db, order, now=now)
            store.import_answers(db, order.execution_id, given.answers, answered_at=now)
        with desk.database.begin() as db:
            ids = [one.sample_id for one in store.all_answers(db, order.execution_id)]
            store.record_findings(db, dict.fromkeys(ids, Findings(())), method_version="none")
            store.close_execution(db, order.execution_id, now=now)
            report = Publication({}, "none", "0" * 64, "completed")
            assert store.publish_report(db, order.execution_id, report, tell=False, now=now)
        return order.execution_id

    def judge(self, execution_id: str, name: str = "sim/judge-1", limit: str | None = None) -> JudgedExecution:
        amount, _, currency = (limit or "").partition(" ")
        cost_limit = CostLimit(Decimal(amount), currency) if limit else None
        desk = self.place.desk
        self.lines.clear()
        return judge_execution(desk, execution_id, judge_of(desk, name), cost_limit, tell=self.lines.append)

    def calls(self) -> int:
        return sum(self.place.calls().values())


@pytest.fixture
def site(tmp_path: Path, sqlite_url: str) -> Iterator[Site]:
    with installed(tmp_path, sqlite_url, "embedded", rows=PAID, working=False) as place:
        yield Site(place)


def sentiments(found: JudgedExecution) -> list[dict[str, tuple[str | None, int]]]:
    return [
        {brand: (opinion.sentiment, strength) for brand, (opinion, strength) in opinions.items()}
        for _, opinions in sorted(found.by_sample.items())
    ]


def words(found: JudgedExecution) -> str:
    return "\n".join(told(found))


def test_answers_are_judged_once(site: Site) -> None:
    """Given an ended execution, when it is judged, then each usable answer that names a brand is asked about once, each
    verdict's evidence is in its answer, and the deterministic findings stay beside it; when it is judged again, then
    nobody is asked and the same comes back."""
    execution_id = site.answers()
    found = site.judge(execution_id)
    assert sentiments(found) == [
        {"趣车良品": ("pos", 2), "竞品 1": ("neg", -1)},
        {"竞品 1": ("mixed", 1), "趣车良品": ("pos", 2)},
        {"趣车良品": ("pos", 2)},
    ]
    assert (found.answers, found.asked, found.cached, found.calls) == (3, 3, 0, 3)
    assert (found.wanted, found.judged, found.dropped, found.failed) == (WANTED, WANTED, Counter(), Counter())
    assert found.served_models == {"judge-1-simulated": 3}
    assert set(found.findings) == set(found.by_sample)
    with site.place.desk.database.read() as db:
        texts = {one.sample_id: one.answer.text for one in store.all_answers(db, execution_id)}
    for sample_id, opinions in found.by_sample.items():
        for opinion, _ in opinions.values():
            assert all(0 <= start < end <= len(texts[sample_id]) for start, end in opinion.evidence)
    assert site.calls() == 3
    again = site.judge(execution_id)
    assert site.calls() == 3
    assert again.by_sample == found.by_sample
    assert (again.asked, again.cached, again.calls) == (0, 3, 0)
    assert "3 from the cache, 0 calls" in site.lines[-1]


def test_what_is_kept_says_what_it_was(site: Site) -> None:
    """Given judged answers, when the table is read, then each verdict has its engine, both models, the prompt's version,
    the reply and its text, and is found by no other key."""
    site.judge(site.answers())
    with site.place.desk.database.read() as db:
        rows = db.exec_driver_sql("SELECT verdict_key FROM verdicts").scalars().all()
        kept = store.stored_verdicts(db, [*rows, "0" * 64])
    assert len(kept) == 3
    for verdict in kept.values():
        assert (verdict.engine, verdict.model) == ("sim/judge-1", "judge-1")
        assert verdict.served_model == "judge-1-simulated"
        assert verdict.prompt_version == PROMPT_VERSION
        assert verdict.verdict["kind"] == "ok"
        assert "evidence_quote" in verdict.verdict["text"]
    with site.place.desk.database.begin() as db:
        assert store.forget_verdicts(db, before=site.place.desk.now()) == 3
        assert store.stored_verdicts(db, rows) == {}


def test_content_decides_what_is_asked(site: Site) -> None:
    """Given the same answers in two executions whose plans have their brands in another order, and one answer twice, when
    both are judged, then each content is asked about once; another model, or another temperature, is asked anew."""
    first = site.judge(site.answers((*TEXTS, TEXTS[0])))
    assert (first.answers, first.asked, first.calls) == (4, 4, 3)
    second = site.judge(site.answers(TEXTS, BRANDS[::-1]))
    assert (second.cached, second.calls) == (3, 0)
    assert sentiments(second) == sentiments(first)[:3]
    execution_id = site.answers()
    assert site.judge(execution_id, "sim/judge-2").calls == 3
    assert site.judge(execution_id, "hot").calls == 3


@pytest.mark.parametrize(
    ("manner", "failed", "dropped"),
    [
        ("fenced", {}, {}),
        ("prose", {"reply is not JSON": 3}, {}),
        ("not-json", {"reply is not JSON": 3}, {}),
        ("wrong-quote", {}, {"quote is not in the answer": WANTED}),
        ("unknown-id", {}, {"no verdict on it": WANTED}),
        ("wrong-label", {}, {"a label that is none": WANTED}),
        ("no-quote", {}, {"a field is missing": WANTED}),
    ],
)
def test_a_bad_judge_lowers_coverage(site: Site, manner: str, failed: dict[str, int], dropped: dict[str, int]) -> None:
    """Given a judge that talks around its JSON, quotes what is not there, or uses labels of its own, when it judges, then
    its verdicts are dropped and counted by reason, no brand gets a sentiment instead, and it is not asked a second time
    in the hope of a better one."""
    execution_id = site.answers()
    found = site.judge(execution_id, f"sim/judge-{manner}")
    assert (found.failed, found.dropped) == (failed, dropped)
    whole = not failed and not dropped
    assert found.judged == (WANTED if whole else 0)
    assert all(bool(opinions) is whole for opinions in found.by_sample.values())
    assert found.unknown_ids == (WANTED if manner == "unknown-id" else 0)
    for reason in (*failed, *dropped):
        assert reason in words(found)
    assert site.judge(execution_id, f"sim/judge-{manner}").calls == 0
    assert site.calls() == 3


@pytest.mark.parametrize(("fault", "kind"), [("refusal", "refused"), ("truncated", "truncated"), ("empty", "empty")])
def test_a_judge_that_declines_leaves_a_gap(site: Site, fault: str, kind: str) -> None:
    """Given a judge that refuses, is cut off or says nothing, when it judges, then these answers failed for that reason,
    which is kept like any other reply."""
    execution_id = site.answers()
    found = site.judge(execution_id, f"sim/judge-sim-fault-{fault}")
    assert found.failed == {kind: 3}
    assert found.judged == 0
    assert site.judge(execution_id, f"sim/judge-sim-fault-{fault}").calls == 0


def test_where_no_reply_came_the_next_time_asks(site: Site) -> None:
    """Given a judge whose first call of each prompt fails, when it judges, then each call is made once and these answers
    failed; when it judges again, then they are asked about and judged."""
    execution_id = site.answers()
    found = site.judge(execution_id, "sim/judge-sim-fault-500-once")
    assert found.failed == {"overloaded": 3}
    assert site.calls() == 3
    again = site.judge(execution_id, "sim/judge-sim-fault-500-once")
    assert (again.calls, again.judged, again.failed) == (3, WANTED, Counter())


def test_a_judge_that_says_no_is_asked_once(site: Site) -> None:
    """Given a judge whose key is wrong, when many answers are to be judged, then one call is made, the others failed for
    its reason, and all workers know."""
    execution_id = site.answers([f"{TEXTS[0]} {n}" for n in range(12)])
    found = site.judge(execution_id, "broken-401/judge-sim-fault-401")
    assert site.calls() == found.calls == 1
    assert found.failed.total() == 12
    assert found.failed["auth"] == 1
    assert all("auth" in reason for reason in found.failed)
    with site.place.desk.database.read() as db:
        assert store.engine_states(db)["broken-401"].open_reason == "auth"
    again = site.judge(execution_id, "broken-401/judge-sim-fault-401")
    assert again.calls == 0
    assert again.failed == {"not asked: broken-401 is paused (auth)": 12}


def test_money_is_told_before_and_after(site: Site) -> None:
    """Given a judge with a list price, when it judges, then a range is told before, and after it the sum of what the calls
    cost, which lies in it."""
    found = site.judge(site.answers(), "paid")
    assert "USD (list price of 2026-11-24" in site.lines[-1]
    assert found.currency == "USD"
    assert found.cost > 0
    assert found.cost_unknown == 0
    assert f"{found.cost:f} USD for 3 calls" in words(found)


def test_a_cost_limit_ends_the_judging(site: Site) -> None:
    """Given a limit of a few calls, when twenty answers are to be judged, then a few are, the rest failed because the
    limit is used up, and no more is spent when it is tried again; a higher limit goes on from there."""
    execution_id = site.answers([f"{TEXTS[0]} {n}" for n in range(20)])
    found = site.judge(execution_id, "paid", "0.5 USD")
    assert 2 <= found.calls < 10
    assert found.judged == 2 * found.calls
    [(reason, n)] = found.failed.items()
    assert n == 20 - found.calls
    assert reason == "not asked: the cost limit of 0.5 USD is used up"
    again = site.judge(execution_id, "paid", "0.5 USD")
    assert (again.calls, again.cached) == (0, found.calls)
    more = site.judge(execution_id, "paid", "100 USD")
    assert (more.judged, more.failed) == (40, Counter())


@pytest.mark.parametrize(
    ("name", "limit", "said"),
    [
        ("paid", "2 EUR", "is paid in USD"),
        ("sim/judge-1", "2 USD", "no price for sim/judge-1"),
        ("nobody", None, "there is no engine"),
        ("sim/judge-1?search=on", None, "search"),
    ],
)
def test_what_cannot_be_kept_is_refused(site: Site, name: str, limit: str | None, said: str) -> None:
    """Given a limit that nobody can count against, an unknown judge, or one that would search, when it is to judge, then
    that is refused in words and nobody is asked."""
    execution_id = site.answers(TEXTS[:1])
    with pytest.raises(BadRequest) as refused:
        site.judge(execution_id, name, limit)
    assert said in str(refused.value)
    assert site.calls() == 0


def test_only_ended_executions_are_judged(site: Site) -> None:
    """Given an execution that waits, and none, when they are to be judged, then that is refused."""
    with pytest.raises(BadRequest, match="it can be judged once it has ended"):
        site.judge(site.place.accept(site.place.plan()))
    with pytest.raises(NotFound):
        site.judge(str(uuid.uuid4()))


def test_answers_of_the_same_provider_are_judged_with_a_warning(tmp_path: Path, sqlite_url: str) -> None:
    """Given answers that a provider gave to a worker, when another model of it judges them, then it does, and says what
    that means."""
    with installed(tmp_path, sqlite_url, "embedded") as place:
        site = Site(place)
        execution_id = place.submit(engines=["sim"], repeats=3)
        place.ended(execution_id)
        found = site.judge(execution_id)
    assert site.lines[0].startswith("warning: sim judges answers of its own")
    assert found.judged + found.dropped.total() == found.wanted > 0
    assert "agreement with the deterministic sentiment" in words(found)


def test_answers_without_a_brand_leave_nothing_to_judge(site: Site) -> None:
    """Given answers that name no brand, when they are judged, then nobody is asked, and that is said."""
    nothing = site.judge(site.answers(TEXTS[3:]))
    assert (nothing.answers, nothing.calls, nothing.agreement.n) == (0, 0, 0)
    assert "nobody" in words(nothing)


def test_a_judged_report_mixes_no_methods(site: Site) -> None:
    """Given answers that another method read, when a judge's verdicts on some are published, then all of them were read
    again by this method, also those that nobody judged, and the report counts the refusal."""
    execution_id = site.answers()
    made = publish_judged(site.place.desk, execution_id, site.judge(execution_id))
    with site.place.desk.database.read() as db:
        samples = store.facts(db, execution_id).samples
    assert {sample.method_version for sample in samples} == {made.method_version.partition("+judge.")[0]}
    assert [sample.answer_type for sample in samples][-1] == AnswerType.REFUSAL
    assert len(samples) == len(TEXTS)


def test_the_method_names_the_instrument(site: Site) -> None:
    """Given a judge, when it has judged, then the method that it adds to a report's names engine, model and prompt, and
    what is told of it is JSON with every count."""
    found = site.judge(site.answers(TEXTS[:1]))
    assert found.method == f"sim/judge-1, model judge-1, prompt {PROMPT_VERSION}"
    assert json.loads(json.dumps(found.to_json())) == {
        "method": found.method,
        "engine": "sim/judge-1",
        "simulated": False,
        "model": "judge-1",
        "served_models": {"judge-1-simulated": 1},
        "prompt_version": PROMPT_VERSION,
        "brands_to_judge": 2,
        "judged": 2,
        "dropped": {},
        "answers_to_judge": 1,
        "failed": {},
    }


def test_verdicts_are_kept_on_either_database(database_url: str) -> None:
    """Given a verdict with what JSON cannot always hold, when it is kept twice, then the first one stays and comes back as
    it was, its cost as a decimal."""
    database = store.Database(database_url, pool_size=1)
    try:
        with database.begin() as db:
            verdict = _verdict(text="zero \x00 half \ud800 汉", cost=Decimal("0.000001"))
            assert store.keep_verdict(db, verdict, request={"user": "x\x00"}, raw=b"raw")
            assert not store.keep_verdict(db, _verdict(text="other"), request={}, raw=None)
            assert store.stored_verdicts(db, [verdict.verdict_key]) == {verdict.verdict_key: verdict}
            assert store.forget_verdicts(db, before=verdict.judged_at) == 0
    finally:
        database.dispose()


def _verdict(text: str, cost: Decimal | None = None) -> store.Verdict:
    fields: dict[str, Any] = {"verdict": {"kind": "ok", "text": text}, "cost": cost}
    return store.Verdict(
        verdict_key="k" * 64,
        engine="e",
        model="m",
        served_model=None,
        prompt_version=PROMPT_VERSION,
        currency=None if cost is None else "USD",
        judged_at=datetime(2026, 11, 24, tzinfo=UTC),
        **fields,
    )
