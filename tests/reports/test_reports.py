"""The report: what stands in it, what never does, and what changes nothing in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from brandq.analysis import analyze
from brandq.analysis.method import method_version
from brandq.exports import html, markdown
from brandq.plan import Brand, EngineRef, Plan
from brandq.providers.dialect import Answer, AnswerKind
from brandq.reports import build, digest, outcome
from brandq.reports.facts import Facts, SampleFacts
from brandq.reports.summary import summary_rows
from brandq.words import words_in

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>|`*_[x](javascript:alert(1))\"'&{{ 7*7 }}\n# Heading"
BRANDS = (Brand("趣车良品", ("趣车",), ("example.com",)), Brand("AT&T"), Brand("车蚂蚁"))
TEXTS = (
    "1. 趣车良品\n2. 车蚂蚁\n来源：https://www.example.com/a?utm_source=x",
    "1. 车蚂蚁\n2. AT&T",
    "没有推荐。",
    "趣车和车蚂蚁都可以。见 https://zhihu.com/q/1",
)


def engine(name: str, *, simulated: bool = False, imported: bool = False) -> EngineRef:
    return EngineRef(name, "provider", "model-1", simulated=simulated, imported=imported)


def facts(
    texts: tuple[str | None, ...] = TEXTS,
    *,
    plan: Plan | None = None,
    kind: str = "ok",
    simulated: bool = False,
) -> Facts:
    """One sample per place of the plan; texts are dealt out in turn, and None is a failed sample."""
    plan = plan or Plan(
        BRANDS, ("哪家好？", "Which one?"), (engine("doubao"), engine("qwen")), repeats=2, label="march"
    )
    samples: list[SampleFacts] = []
    for prompt_no, prompt in enumerate(plan.prompts, start=1):
        for asked in plan.engines:
            for repeat_no in range(1, plan.repeats + 1):
                number = len(samples)
                text = texts[number % len(texts)]
                sample = SampleFacts(
                    number, prompt_no, asked.engine, repeat_no, "failed", 3, "rate_limit", "429 slow down"
                )
                if text is not None:
                    findings = analyze(Answer(text, AnswerKind(kind)), plan.brands, prompt)
                    sample = replace(
                        sample,
                        state="analyzed",
                        error_code=None,
                        error_message=None,
                        kind=kind,
                        simulated=simulated,
                        served_model="model-1-0612",
                        cost=Decimal("0.0010") if number % 2 else None,
                        currency="USD" if number % 2 else None,
                        cost_basis="table" if number % 2 else "unknown",
                        brands=findings.brands,
                        citations=findings.citations,
                        method_version=method_version(plan.brands),
                        answer_type=findings.answer_type,
                        injection_suspected=findings.injection_suspected,
                        candidates=findings.candidates,
                        answered_at=NOW + timedelta(seconds=number),
                    )
                samples.append(sample)
    return Facts("7b1e", plan, samples, created_at=NOW, started_at=NOW, ended_at=NOW)


def _html(document: Mapping[str, Any]) -> str:
    """The report as a file, without its figures: their drawings have tests of their own."""
    return html.render(document, words=words_in("en"), figures=False)


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every number object of a document, and where it stands."""
    if isinstance(value, dict):
        if "value" in value and "n" in value and "currency" not in value:
            yield path, value
        else:
            for key, item in value.items():
                yield from numbers(item, f"{path}/{key}")
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from numbers(item, f"{path}/{n}")


def bare(value: Any, path: str = "") -> Iterator[tuple[str, int | float]]:
    """Every plain number outside number objects."""
    if isinstance(value, dict):
        if not ("value" in value and "n" in value):
            for key, item in value.items():
                yield from bare(item, f"{path}/{key}")
    elif isinstance(value, list):
        for item in value:
            yield from bare(item, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def test_the_numbers_are_right() -> None:
    """Eight usable answers, each text twice: rates, shares and ranks as counted by hand."""
    document = build(facts(), built_at=NOW)
    subject, att, ant = document["brands"]
    assert (subject["subject"], att["subject"]) == (True, False)
    mention = subject["overall"]["mention_rate"]
    assert (mention["value"], mention["k"], mention["n"], mention["interval"]) == (0.5, 4, 8, "cluster_wilson")
    assert (mention["estimand"], mention["prompts"]) == ("market", 2)
    assert [subject["engines"][0]["mention_rate"]["estimand"], subject["prompts"][0]["mention_rate"]["estimand"]] == [
        "market",
        "panel",
    ]
    assert [brand["overall"]["share_of_voice"]["k"] for brand in document["brands"]] == [4, 2, 6]
    assert {brand["overall"]["share_of_voice"]["n"] for brand in document["brands"]} == {12}
    assert (subject["overall"]["average_rank"]["value"], subject["overall"]["average_rank"]["n"]) == (1.0, 2)
    assert ant["overall"]["average_rank"]["value"] == 1.5
    assert ant["overall"]["first_place_rate"]["k"] == 2
    assert subject["overall"]["owned_citation_rate"]["k"] == 2
    assert att["overall"]["owned_citation_rate"]["value"] is None
    assert [row["domain"] for row in document["citations"]["domains"]] == ["example.com", "zhihu.com"]
    assert document["citations"]["domains"][0]["owner"] == "趣车良品"
    assert document["citations"]["with_sources"]["k"] == 4
    assert document["cost"]["totals"] == [{"currency": "USD", "basis": "table", "value": "0.004", "n": 4}]
    assert document["cost"]["unknown_cost_answers"] == 4
    assert document["method_version"] == method_version(BRANDS)
    cell = subject["prompts"][1]["engines"][1]
    assert (cell["engine"], cell["mention_rate"]["n"]) == ("qwen", 2)
    assert {cell[name]["estimand"] for name in ("mention_rate", "share_of_voice")} == {"cell"}
    assert cell["mention_rate"]["interval"] == "wilson"
    assert cell["evidence"].endswith("/samples?brand=%E8%B6%A3%E8%BD%A6%E8%89%AF%E5%93%81&engine=qwen&prompt_no=2")
    assert att["overall"]["evidence"] == "/api/executions/7b1e/samples?brand=AT%26T"


def test_the_document_is_json_and_the_same_every_time() -> None:
    """It survives JSON unchanged, times are UTC, and the digest does not depend on the order of keys."""
    document = build(facts(), built_at=NOW.astimezone(timezone(timedelta(hours=8))))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["times"]["built_at"] == "2026-11-23T12:00:00Z"
    assert digest(document) == digest(dict(reversed(document.items()))) == digest(build(facts(), built_at=NOW))
    assert digest(document) != digest(build(facts(), built_at=NOW + timedelta(seconds=1)))


def test_every_measured_number_is_an_object_with_a_definition() -> None:
    """Outside number objects stand only counts and the plan's own integers, and no fraction anywhere."""
    document = build(facts((*TEXTS, None)), built_at=NOW)
    for path, number in numbers(document):
        if number["value"] is None:
            assert (set(number), number["n"]) == ({"value", "n", "reason"}, 0), path
            assert number["reason"], path
        else:
            assert number["definition"] in document["definitions"], path
            assert {"value", "n", "low", "high", "interval"} <= set(number), path
            if "k" in number:
                assert 0 <= number["k"] <= number["n"], path
                if number["low"] is None:
                    assert number["interval_reason"], path
                else:
                    assert number["low"] <= number["value"] <= number["high"], path
    counts = (
        r"/(report_version|version|plan/.*|simulated/samples|imported/samples|coverage/.*|brands/prompts/prompt_no|"
        r"brands/(engines/|prompts/|prompts/engines/|overall/)?(doubtful_answers|unknown_to_answers)|"
        r"brands/(engines|overall)/rank_distribution/(1|2|3|4-5|6-10|11\+|unranked|not_named|n)|"
        r"brands/named_in_prompts|disclosure/.*|competitors/.*|"
        r"citations/counts/\w+|citations/domains/classes/\w+|"
        r"citations/named_and_cited/(usable|named_and_cited|named_not_cited|cited_not_named|neither)|"
        r"citations/domains/pages|citations/domains_left_out|cost/\w+)"
    )
    for path, value in bare({name: part for name, part in document.items() if name != "formulas"}):
        assert type(value) is int, path
        assert re.fullmatch(counts, path), path


def test_a_run_without_a_usable_answer_has_no_number() -> None:
    """Every figure is null with a reason; nothing reads 0 % or 50 (T8)."""
    for nothing in (facts((None,)), facts(kind="refused"), facts(("",), kind="empty"), replace(facts(), samples=[])):
        document = build(nothing, built_at=NOW)
        found = [(path, number) for path, number in numbers(document) if "/coverage" not in path]
        assert len(found) > 50
        for path, number in found:
            assert number["value"] is None, path
            assert number["n"] == 0, path
            assert number["reason"], path
        assert not document["coverage"]["usable"].get("k")
        assert document["citations"]["domains"] == []
        assert document["status"] == "failed"
        page, text = _html(document), markdown.render(document)
        # 0 of 8 planned is a fact about coverage; about brands there is nothing
        brands = page.split("<main>")[1].split('<section id="coverage">')[0]
        for written in (brands, text.split("## Brands")[1].split("## Coverage")[0]):
            assert "no usable answer" in written
            assert not re.search(r"\b(?:0|50|75|85)\b(?:\.0+)? ?%", written)


def test_unknown_cost_is_never_nothing() -> None:
    """Without a known cost there is no total, and the reason says so."""
    free = facts()
    document = build(replace(free, samples=[replace(sample, cost=None) for sample in free.samples]), built_at=NOW)
    assert document["cost"]["totals"] == []
    assert document["cost"]["unknown_cost_answers"] == 8
    assert document["cost"]["reason"]
    assert "unknown" in markdown.render(document).split("## Cost")[1]
    taken = build(replace(free, samples=[replace(sample, taken_over=True) for sample in free.samples]), built_at=NOW)
    assert (taken["cost"]["totals"], taken["cost"]["not_paid_here"]) == ([], 8)


def test_outcomes_are_kept_apart() -> None:
    """Each kind and state is counted once, per engine and in all, and only ok answers are usable."""
    given_facts = facts()
    states: list[tuple[str, str | None]] = [("analyzed", kind) for kind in ("ok", "refused", "empty", "truncated")]
    states += [("failed", None), ("cancelled", None), ("answered", "ok"), ("waiting", None)]
    samples = [
        replace(sample, state=state, kind=kind)
        for sample, (state, kind) in zip(given_facts.samples, states, strict=True)
    ]
    document = build(replace(given_facts, samples=samples), built_at=NOW)
    expected = {"ok": 1, "refused": 1, "empty": 1, "truncated": 1, "failed": 1, "cancelled": 1, "open": 2}
    assert document["coverage"]["outcomes"] == expected
    assert document["coverage"]["usable"]["k"] == 1
    assert document["brands"][0]["overall"]["mention_rate"]["n"] == 1
    engines = document["coverage"]["engines"]
    assert {name: sum(each["outcomes"][name] for each in engines) for name in expected} == expected


@pytest.mark.parametrize(
    ("texts", "cancelled", "state"),
    [
        (TEXTS, False, "completed"),
        ((*TEXTS, None), False, "partial"),
        ((None,), False, "failed"),
        (TEXTS, True, "cancelled"),
    ],
)
def test_outcome(texts: tuple[str | None, ...], cancelled: bool, state: str) -> None:
    """All usable, some, none; and what was cancelled stays cancelled."""
    assert outcome(replace(facts(texts), cancelled=cancelled)) == state


def test_an_answer_that_declines_in_its_words_is_refused() -> None:
    """Given answers of kind ok of which one declines and one is an error's text, then neither is usable: the first is
    refused, the second failed, and rates rest on the others."""
    texts = (
        "抱歉，我不能推荐具体的商家。",
        "[ERROR] 429 rate limit exceeded, please retry",
        "推荐趣车良品。",
        "推荐车蚂蚁。",
    )
    document = build(facts(texts), built_at=NOW)
    coverage = document["coverage"]
    assert (coverage["outcomes"]["ok"], coverage["outcomes"]["refused"], coverage["outcomes"]["failed"]) == (4, 2, 2)
    assert (coverage["refusal_rate"]["k"], coverage["failure_rate"]["k"]) == (2, 2)
    assert (coverage["answer_types"]["refusal"], coverage["answer_types"]["error"]) == (2, 2)
    mention = document["brands"][0]["overall"]["mention_rate"]
    assert (mention["k"], mention["n"]) == (2, 4)
    assert document["status"] == "partial"


def test_a_brand_that_is_not_known_is_not_named() -> None:
    """Given answers that know nothing of the subject, then they name it and do not count, and are told apart."""
    document = build(facts(("我没有查到趣车良品的公开资料。深圳比较知名的有车蚂蚁。",)), built_at=NOW)
    subject, _, ant = document["brands"]
    assert (subject["overall"]["mention_rate"]["k"], subject["overall"]["unknown_to_answers"]) == (0, 8)
    assert ant["overall"]["mention_rate"]["k"] == 8


def test_how_brands_are_spoken_of() -> None:
    """Given praise, praise with a caveat, a warning and no mention, then each is counted; the five rates sum to 1."""
    texts = (
        "推荐趣车良品，口碑很好。",
        "趣车良品做工不错，但是价格偏高。",
        "不推荐趣车良品，投诉很多。",
        "推荐车蚂蚁。",
    )
    overall = build(facts(texts), built_at=NOW)["brands"][0]["overall"]
    split = overall["sentiment"]
    assert {label: number["k"] for label, number in split.items()} == {
        "pos": 2,
        "neu": 0,
        "mixed": 2,
        "neg": 2,
        "unknown": 0,
    }
    assert sum(number["value"] for number in split.values()) == pytest.approx(1, abs=1e-5)
    assert (overall["net_sentiment"]["value"], overall["net_sentiment"]["n"]) == (0.0, 6)
    assert (overall["caveat_rate"]["k"], overall["caveat_rate"]["n"]) == (4, 6)
    assert (overall["recommended_rate"]["k"], overall["recommended_rate"]["n"]) == (2, 8)
    assert overall["recommendation_strength"]["n"] == 6
    assert (overall["interception_rate"]["k"], overall["interception_rate"]["n"]) == (2, 8), (
        "only 车蚂蚁 is recommended"
    )
    assert [(row["brand"], row["rate"]["k"], row["rate"]["n"]) for row in overall["intercepted_by"]] == [
        ("车蚂蚁", 2, 8),
        ("AT&T", 0, 8),
    ]
    assert overall["mention_rate_of_panel"]["estimand"] == "panel"
    assert overall["mention_rate"]["value"] == overall["mention_rate_of_panel"]["value"]


def test_who_is_recommended_instead() -> None:
    """Given answers that recommend one brand, two, and the subject with another, then each rival has the answers that
    recommend it and not the subject, by itself and with its interval, the commonest first; a rival called like a count
    is counted like any other."""
    brands = (*BRANDS, Brand("usable"))
    plan = Plan(brands, ("哪家好？", "Which one?"), (engine("doubao"), engine("qwen")), repeats=2)
    texts = ("推荐车蚂蚁。", "推荐车蚂蚁和 AT&T。", "推荐趣车良品和车蚂蚁。", "I recommend usable. 强烈推荐车蚂蚁。")
    document = build(facts(texts, plan=plan), built_at=NOW)
    told = {
        brand["name"]: {
            row["brand"]: (row["rate"]["k"], row["rate"]["n"]) for row in brand["overall"]["intercepted_by"]
        }
        for brand in document["brands"]
    }
    assert list(told["趣车良品"].items()) == [("车蚂蚁", (6, 8)), ("AT&T", (2, 8)), ("usable", (2, 8))]
    assert told["车蚂蚁"] == {"趣车良品": (0, 8), "AT&T": (0, 8), "usable": (0, 8)}
    assert told["AT&T"] == {"车蚂蚁": (6, 8), "趣车良品": (2, 8), "usable": (2, 8)}
    first = document["brands"][0]["overall"]["intercepted_by"][0]["rate"]
    assert (first["definition"], first["estimand"], first["interval"]) == (
        "interception_rate",
        "market",
        "cluster_wilson",
    )
    assert first["low"] < first["value"] < first["high"]
    assert "intercepted_by" not in document["brands"][0]["engines"][0]


def test_ranks_are_counted() -> None:
    """Given a list of thirteen brands, one of its last and its first, a mention without a list, and no mention, then
    each rank is counted where it belongs, and what was counted sums to the usable answers, overall and by engine."""
    brands = tuple(Brand(f"Brand{letter}") for letter in "ABCDEFGHIJKLM")
    plan = Plan(brands, ("Which?", "哪家好？"), (engine("doubao"), engine("qwen")), repeats=2)
    names = [brand.name for brand in brands]
    whole = "\n".join(f"{n}. {name}" for n, name in enumerate(names, 1))
    texts = (whole, f"1. {names[12]}\n2. {names[0]}", f"{names[0]} is a brand.", "Nobody.")
    found = build(facts(texts, plan=plan), built_at=NOW)["brands"]
    expected = {"1": 2, "2": 2, "3": 0, "4-5": 0, "6-10": 0, "11+": 0, "unranked": 2, "not_named": 2, "n": 8}
    assert found[0]["overall"]["rank_distribution"] == expected
    assert [found[n]["overall"]["rank_distribution"]["4-5"] for n in range(2, 6)] == [0, 2, 2, 0]
    assert [found[n]["overall"]["rank_distribution"]["6-10"] for n in range(4, 11)] == [0, 2, 2, 2, 2, 2, 0]
    last = {**dict.fromkeys(expected, 0), "1": 2, "11+": 2, "not_named": 4, "n": 8}
    assert found[12]["overall"]["rank_distribution"] == last
    for brand in found:
        for block in (brand["overall"], *brand["engines"]):
            counted = dict(block["rank_distribution"])
            assert counted.pop("n") == block["coverage"]["k"] == sum(counted.values())
        assert "rank_distribution" not in brand["prompts"][0]


def test_a_prompt_that_names_the_brand_is_told_apart() -> None:
    """Given one prompt of two that names the subject, then the report says so, and gives the rate over the other."""
    plan = Plan(BRANDS, ("趣车良品怎么样？", "哪家好？"), (engine("doubao"),), repeats=2)
    document = build(
        facts(("趣车良品不错。", "趣车良品不错。", "推荐车蚂蚁。", "推荐车蚂蚁。"), plan=plan), built_at=NOW
    )
    subject = document["brands"][0]
    assert subject["named_in_prompts"] == [1]
    assert (subject["overall"]["mention_rate"]["k"], subject["overall"]["mention_rate"]["n"]) == (2, 4)
    assert (subject["unprompted"]["k"], subject["unprompted"]["n"]) == (0, 2)
    assert document["disclosure"]["prompts_naming_a_tracked_brand"] == [1]
    assert "unprompted" not in document["brands"][2]
    assert "is named in prompt 1" in _html(document)
    assert "is named in prompt 1" in markdown.render(document)


def test_what_must_be_known_before_a_number_is_quoted() -> None:
    """Given a small plan, then its numbers are exploratory, and prompts, samples, engines and dates stand beside."""
    told = build(facts(), built_at=NOW)["disclosure"]
    assert (told["grade"], told["prompts"], told["samples"], told["usable"]) == ("exploratory", 2, 8, 8)
    assert told["asked"] == {"first_answer_at": "2026-11-23T12:00:00Z", "last_answer_at": "2026-11-23T12:00:07Z"}
    assert [one["engine"] for one in told["engines"]] == ["doubao", "qwen"]
    assert "2 prompts with usable answers, 2 usable repeats" in told["grade_because"]


def test_names_that_nobody_tracks_need_to_recur() -> None:
    """Given a name in two repeats and two prompts, and one in a single repeat, then the first is shown, the other counted."""
    texts = ("1. 卡妙思\n2. 车蚂蚁", "1. 卡妙思\n2. 趣车良品", "1. 车蚂蚁\n2. 孤零零改装", "1. 卡妙思\n2. 车蚂蚁")
    found = build(facts(texts), built_at=NOW)["competitors"]
    assert [(row["name"], row["answers"]["k"], row["answers"]["n"]) for row in found["candidates"]] == [
        ("卡妙思", 6, 8)
    ]
    assert found["left_out"] == 1
    once = facts(texts)
    alone = [replace(sample, candidates=sample.candidates if sample.prompt_no == 1 else ()) for sample in once.samples]
    found = build(replace(once, samples=alone), built_at=NOW)["competitors"]
    assert (found["candidates"], found["left_out"]) == ([], 2)


def test_a_report_of_the_first_shape_can_still_be_read() -> None:
    """Given a document that was kept before opinions existed, then both forms are made of what it has."""
    document = build(facts(), built_at=NOW)
    for name in ("disclosure", "competitors", "formulas", "agreement", "stability", "version", "judge"):
        del document[name]
    del document["citations"]["by_class"], document["citations"]["named_and_cited"]
    for brand in document["brands"]:
        del brand["named_in_prompts"]
        for block in (brand["overall"], *brand["engines"], *brand["prompts"]):
            for name in ("sentiment", "caveat_rate", "top_3_rate", "doubtful_answers"):
                del block[name]
    assert "趣车良品" in _html(document)
    assert "趣车良品" in markdown.render(document)


def test_errors_are_counted_with_an_example() -> None:
    """Per engine and code, one message is enough."""
    document = build(facts((None, TEXTS[0])), built_at=NOW)
    assert document["coverage"]["engines"][0]["errors"] == [
        {"code": "rate_limit", "samples": 2, "example": "429 slow down"}
    ]
    assert document["coverage"]["engines"][0]["served_models"] == [{"model": "model-1-0612", "answers": 2}]


def test_a_plan_of_one_prompt_is_no_sample() -> None:
    """Given one prompt, then its numbers speak of that prompt, and on one engine they are independent draws."""
    plan = Plan(BRANDS, ("哪家好？",), (engine("doubao"), engine("qwen")), repeats=2)
    subject = build(facts(plan=plan), built_at=NOW)["brands"][0]
    assert subject["overall"]["mention_rate"]["estimand"] == "panel"
    alone = subject["engines"][0]
    assert (alone["mention_rate"]["estimand"], alone["mention_rate"]["interval"]) == ("cell", "wilson")
    assert "first_place_rate" in alone


def test_one_prompt_with_answers_has_a_value_without_an_interval() -> None:
    """Given two prompts of which one got usable answers, then the market's numbers have no interval, and every form of
    the report can be made."""
    whole = facts()
    lost = [
        sample if sample.prompt_no == 1 else replace(sample, state="failed", kind=None, error_code="auth", brands=())
        for sample in whole.samples
    ]
    document = build(replace(whole, samples=lost), built_at=NOW)
    mention = document["brands"][0]["overall"]["mention_rate"]
    assert (mention["value"], mention["low"], mention["high"], mention["estimand"]) == (0.5, None, None, "market")
    assert "no sample" in mention["interval_reason"]
    assert "2/4 50%" in [row.mention_rate for row in summary_rows(document)]
    assert "2/4" in _html(document)
    assert "2/4 50%" in markdown.render(document)


def test_a_system_text_is_told() -> None:
    """Given a plan whose prompts go out after a system text, then every form of its report says so; others say nothing."""
    plan = Plan(BRANDS, ("哪家好？",), (engine("doubao"),), system="You are <b>terse</b>.")
    told, silent = (build(facts(plan=one), built_at=NOW) for one in (plan, replace(plan, system=None)))
    assert told["plan"]["system"] == plan.system
    assert silent["plan"]["system"] is None
    assert "after this system text: You are &lt;b&gt;terse" in _html(told)
    assert "after this system text: You are" in markdown.render(told)
    assert "system text" not in _html(silent) + markdown.render(silent)


def test_what_is_simulated_or_imported_says_so_everywhere() -> None:
    """A banner, a mark at each engine, the title; and nothing of it when nothing was."""
    plan = Plan(BRANDS, ("哪家好？",), (engine("doubao", simulated=True), engine("qwen", imported=True)), repeats=2)
    document = build(facts(plan=plan, simulated=True), built_at=NOW)
    assert document["simulated"] == {"any": True, "engines": ["doubao", "qwen"], "samples": 4}
    assert document["imported"] == {"any": True, "engines": ["qwen"], "samples": 0}
    assert [row.simulated for row in summary_rows(document)] == [True] * 9
    page, text = _html(document), markdown.render(document)
    # beside the title: both engines wherever they head a column or a row
    assert page.count("SIMULATED") >= 2 + 2 * 6
    assert "<title>SIMULATED" in page
    assert text.count("SIMULATED") >= 1 + 2 * 3
    assert "IMPORTED" in page
    assert "IMPORTED" in text
    real = build(facts(), built_at=NOW)
    assert real["simulated"] == {"any": False, "engines": [], "samples": 0}
    assert "SIMULATED" not in _html(real) + markdown.render(real)


class _Page(HTMLParser):
    """The tags of a page, and where its attributes point."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def hostile_facts() -> Facts:
    plan = Plan(
        (Brand(HOSTILE), Brand("B | C"), Brand("=1+1")),
        (HOSTILE, "1. x"),
        (engine("a|<b>"), engine("`b`")),
        label=HOSTILE,
    )
    found = facts((f"1. B | C\n[{HOSTILE}](https://evil.example/<x>|y) https://a.b/|c", None), plan=plan)
    samples = [replace(sample, error_message=HOSTILE if sample.error_code else None) for sample in found.samples]
    return replace(found, samples=[replace(sample, served_model=HOSTILE) for sample in samples])


def test_hostile_text_stays_text_in_html() -> None:
    """No name, prompt, message or URL becomes an element, a script or a template, and nothing is loaded."""
    page = _html(build(hostile_facts(), built_at=NOW))
    parsed = _Page()
    parsed.feed(page)
    assert parsed.tags.isdisjoint({"script", "b_", "img", "iframe", "link", "object", "x"})
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page
    for name, value in parsed.attributes:
        assert not name.startswith("on")
        if name in {"href", "src"}:
            # to a section of the file, or to a source, which opens only when it is clicked
            assert value.startswith(("#", "https://a.b/", "https://evil.example/")), value
    assert not re.search(r"url\(|@import", page)


def test_hostile_text_stays_text_in_markdown() -> None:
    """Rendered as Markdown with HTML allowed, it gives no element of its own, and no row gets another cell."""
    text = markdown.render(build(hostile_facts(), built_at=NOW))
    parsed = _Page()
    parsed.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert parsed.tags <= {
        "h1",
        "h2",
        "h3",
        "ul",
        "li",
        "p",
        "strong",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "blockquote",
    }
    assert text.count("\n# ") == 0
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) >= 4
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


@given(st.text(max_size=60))
def test_any_text_is_escaped_on_one_line(text: str) -> None:
    """What Markdown makes of an escaped text is the text."""
    escaped = markdown.escaped(text)
    assert "\n" not in escaped
    tokens = MarkdownIt("commonmark", {"html": True}).parse(escaped)
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    children = tokens[1].children or [] if tokens else []
    assert {token.type for token in children} <= {"text", "text_special"}


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(8)), st.permutations(range(3)), st.permutations(range(2)))
def test_order_changes_no_number(samples: list[int], brands: list[int], engines: list[int]) -> None:
    """Samples, brands and engines in any order give the same numbers (T7)."""
    one = facts()
    plan = replace(
        one.plan,
        brands=tuple(one.plan.brands[n] for n in brands),
        engines=tuple(one.plan.engines[n] for n in engines),
    )
    other = replace(one, plan=plan, samples=[one.samples[n] for n in samples])
    assert _by_name(build(one, built_at=NOW)) == _by_name(build(other, built_at=NOW))
    assert digest(build(one, built_at=NOW)) == digest(build(replace(one, samples=other.samples), built_at=NOW))


def _by_name(document: Mapping[str, Any]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """The numbers of each brand, overall, by engine, by prompt and by both."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for brand in document["brands"]:
        found[brand["name"],] = brand["overall"]
        for block in brand["engines"]:
            found[brand["name"], block["engine"]] = block
        for prompt in brand["prompts"]:
            for block in prompt["engines"]:
                found[brand["name"], str(prompt["prompt_no"]), block["engine"]] = block
    return found


@given(st.lists(st.sampled_from([*TEXTS, None]), min_size=1, max_size=8))
def test_doubling_all_answers_changes_no_rate(texts: list[str | None]) -> None:
    """Values stay, intervals shrink or stay, and shares of voice sum to 1 or do not exist (T7)."""
    once = facts(tuple(texts))
    twice_plan = replace(once.plan, repeats=4)
    samples = [*once.samples, *(replace(sample, repeat_no=sample.repeat_no + 2) for sample in once.samples)]
    one, two = build(once, built_at=NOW), build(replace(once, plan=twice_plan, samples=samples), built_at=NOW)
    doubled = dict(numbers(two["brands"]))
    for path, number in numbers(one["brands"]):
        if number["value"] is None:
            assert doubled[path] == {**number, "reason": doubled[path]["reason"]}, path
            continue
        assert number["value"] == doubled[path]["value"], path
        assert 2 * number["n"] == doubled[path]["n"], path
    shares = [brand["overall"]["share_of_voice"] for brand in one["brands"]]
    if shares[0]["value"] is None:
        assert {share["value"] for share in shares} == {None}
    else:
        assert sum(share["k"] for share in shares) == shares[0]["n"]
        assert sum(share["value"] for share in shares) == pytest.approx(1, abs=1e-5)


def test_an_unrelated_brand_raises_no_share() -> None:
    """A brand that nobody mentions leaves every share as it was; one that is mentioned lowers the others (T7)."""
    before = build(facts(), built_at=NOW)
    for name, same in (("无人提及", True), ("推荐", False)):
        plan = replace(facts().plan, brands=(*BRANDS, Brand(name)))
        after = build(facts(plan=plan), built_at=NOW)
        for old, new in zip(before["brands"], after["brands"], strict=False):
            old_share, new_share = old["overall"]["share_of_voice"]["value"], new["overall"]["share_of_voice"]["value"]
            assert (new_share == old_share) if same else (new_share < old_share)


def test_times_are_told_to_the_second() -> None:
    """Given times with parts of a second, when a report is written, then the document has them, and no page or text has."""
    one = replace(facts(), ended_at=NOW + timedelta(microseconds=123456))
    one = replace(one, samples=[replace(each, answered_at=one.ended_at) for each in one.samples])
    document = build(one, built_at=NOW + timedelta(microseconds=7))
    assert document["times"]["ended_at"] == "2026-11-23T12:00:00.123456Z"
    text, page = markdown.render(document), _html(document)
    assert text.count("2026-11-23T12:00:00Z") == 4
    assert page.count("12:00:00 UTC") == 2
    assert page.count("12:00 UTC") == 2
    for written in (text, page):
        assert "00.123456" not in written


def test_the_rows_of_the_terminal() -> None:
    """Brand by engine, each with its n; a dash where there is no number."""
    rows = summary_rows(build(facts(), built_at=NOW))
    assert [(row.brand, row.engine) for row in rows][:3] == [
        ("趣车良品", None),
        ("趣车良品", "doubao"),
        ("趣车良品", "qwen"),
    ]
    assert rows[0].mention_rate == "4/8 50% [22–78]"
    assert rows[0].average_rank == "1.0 (n=2)"
    assert rows[0].coverage == "8/8"
    assert summary_rows(build(facts((None,)), built_at=NOW))[0].mention_rate == "–"
