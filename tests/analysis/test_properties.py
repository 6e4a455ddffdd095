"""What holds for any answer, not only for those somebody thought of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brandq.analysis import analyze
from brandq.analysis.brands import DROPPED, compiled, folded, spellings
from brandq.analysis.ranks import numeral
from brandq.analysis.reading import read
from brandq.plan import Brand, EngineRef, Plan
from brandq.providers.dialect import Answer, AnswerKind, Citation
from brandq.reports import build
from brandq.reports.facts import Facts, SampleFacts

BRANDS = (
    Brand("小米", ("Xiaomi",), ("mi.com",)),
    Brand("小米有品"),
    Brand("L'Oréal", ("欧莱雅",)),
    Brand("AT&T"),
    Brand("C++"),
    Brand("C"),
    Brand("Booking.com", ("Booking",)),
    Brand("7-Eleven"),
)
_PIECES = [
    *(name for brand in BRANDS for name in brand.names),
    *("1. ", "2. ", "### ", "**", "*", "- ", "\n", "\n\n", " ", "，", "（", "）", "：", "/", "|", "|---|---|\n", "一、", "①", "1️⃣", "🥇"),
    *("https://mi.com/小米", "[", "](", ")", "<!--", "-->", "<b>", "</b>", "```", "{", "}", '"', "不推荐", "第一：", "&amp;", "\\", "\u200b"),
    *("小米手机怎么样？", "s", "'s", "+", "#", "é", "Ａ", "\x00", "\x01", "İ", "ﬁ", "\ud800"),
]  # fmt: skip
texts = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=60).map("".join)


@given(texts, st.sampled_from(["", "小米手机怎么样？", "C", "1. **"]))
@example("小米有品" * 3, "小米")
def test_spans_lie_in_the_text_and_read_as_the_brand(text: str, prompt: str) -> None:
    """Each span, read as its reader sees it, is a spelling of a name of that brand, and spans do not overlap."""
    findings = analyze(Answer(text, AnswerKind.OK), BRANDS, prompt)
    view = read(text, compiled(BRANDS).domains).view
    taken: list[tuple[int, int]] = []
    for brand, finding in zip(BRANDS, findings.brands, strict=True):
        assert finding.brand == brand.name
        assert finding.count == len(finding.spans)
        forms = {form for name in brand.names for form in spellings(name)}
        for start, end in finding.spans:
            assert 0 <= start < end <= len(text)
            assert folded(view[start:end].replace(DROPPED, "")).text in forms
            taken.append((start, end))
        for start, end in (*finding.elsewhere, *finding.doubtful, *finding.evidence):
            assert 0 <= start < end <= len(text)
        assert (finding.count > 0) == (finding.position is not None) == (finding.first_at is not None)
        assert finding.rank is None or finding.rank >= 1
    for candidate in findings.candidates:
        assert 0 <= candidate.start < candidate.end <= len(text)
    taken.sort()
    assert all(before[1] <= after[0] for before, after in pairwise(taken))


@given(texts, st.permutations(BRANDS))
def test_the_order_of_brands_changes_nothing_but_the_order(text: str, shuffled: list[Brand]) -> None:
    """Each brand's finding is the same wherever the brand stands in the plan."""
    answer = Answer(text, AnswerKind.OK)
    one, other = analyze(answer, BRANDS, "小米手机怎么样？"), analyze(answer, shuffled, "小米手机怎么样？")
    assert {finding.brand: finding for finding in one.brands} == {finding.brand: finding for finding in other.brands}
    assert (one.answer_type, one.candidates) == (other.answer_type, other.candidates)
    # the subject's own page is a competitor's page where another brand is the subject
    assert [replace(citation, source_class=None) for citation in one.citations] == [
        replace(citation, source_class=None) for citation in other.citations
    ]


@given(st.text(), st.text(), st.text(min_size=1, max_size=20))
def test_any_text_is_survived(text: str, prompt: str, url: str) -> None:
    """No answer, prompt or reported URL raises, and reading twice reads the same."""
    answer = Answer(text, AnswerKind.OK, citations=(Citation(url), Citation("http://" + url), Citation("")))
    assert analyze(answer, BRANDS, prompt) == analyze(answer, BRANDS, prompt)
    assert len(read(text).view) == len(text)


@pytest.mark.parametrize(
    "piece",
    ["1. 小米\n", "9. 小米\n", "- 小米\n", "[", "](", "[a](", "![", "<a display:none ", "<!--", "<div hidden>", "a.", "a@", "a_", "*",
     "```\n", "小米手机怎么样 ", "小米手机怎么样？", "{[", "| 小米 |", "http://)", ")", "第一：小米、", "([a][1]", "&amp", "C++", "小米/"],
)  # fmt: skip
def test_long_answers_are_read_in_one_pass(piece: str) -> None:
    """Texts made to be walked again and again are walked once: a quadratic pattern would hang here for minutes."""
    text = piece * (200_000 // len(piece))
    analyze(Answer(text, AnswerKind.OK), BRANDS, "小米手机怎么样？")


@given(st.integers(1, 99))
def test_han_numerals_read_as_they_are_written(number: int) -> None:
    """一 to 九十九."""
    tens, ones = divmod(number, 10)
    digits = "零一二三四五六七八九"
    written = ("" if tens < 2 else digits[tens]) + ("十" if tens else "") + (digits[ones] if ones else "")
    assert numeral(written) == number
    assert numeral(str(number)) == number


#: what nobody's text can hold by accident
ABSENT = Brand("趵突泉牌", ("Zyxwvut",), ("zyxwvut.example",))
ANSWERS = (
    "1. 小米\n2. C++\n3. Booking.com\n来源：https://mi.com/a",
    "1. 7-Eleven：便宜\n2. 小米：价格高\n3. 欧莱雅：不推荐",
    "推荐小米有品，不推荐AT&T。",
    "AT&T is better than C++; see https://www.booking.com/x and https://zhihu.com/q/1",
    "| 排名 | 品牌 |\n|---|---|\n| 1 | 小米 |\n| 2 | AT&T |",
    "抱歉，我无法推荐具体的品牌。",
    "我不了解小米有品。",
    "",
)
PROMPTS = ("哪个牌子好？", "Which one?")
ENGINES = (EngineRef("a", "p", "m1"), EngineRef("b", "p", "m2"))
#: numbers of a report have six digits
_ROUNDED = 1e-6
#: one answer, or none, for each place of the panel: prompts × engines × 2 repeats
panels = st.lists(st.sampled_from(ANSWERS) | texts | st.none(), min_size=8, max_size=8)


def _facts(
    panel: Sequence[str | None],
    brands: Sequence[Brand] = BRANDS,
    engines: Sequence[EngineRef] = ENGINES,
    *,
    times: int = 1,
) -> Facts:
    """The panel's samples, each ``times`` over, as further repeats."""
    samples = []
    for place, (prompt_no, engine, repeat_no) in enumerate(product((1, 2), ENGINES, (1, 2))):
        for again in range(times):
            text, repeat = panel[place], repeat_no + 2 * again
            if text is None:
                samples.append(
                    SampleFacts(len(samples), prompt_no, engine.engine, repeat, "failed", 3, "rate_limit", "slow down")
                )
                continue
            findings = analyze(Answer(text, AnswerKind.OK), brands, PROMPTS[prompt_no - 1])
            samples.append(
                SampleFacts(
                    len(samples), prompt_no, engine.engine, repeat, "analyzed", 1, kind="ok",
                    brands=findings.brands, citations=findings.citations,
                )
            )  # fmt: skip
    plan = Plan(tuple(brands), PROMPTS, tuple(engines), repeats=2 * times)
    return Facts("x", plan, samples)


def _numbers(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """Every number object of a document, by a path that names what it speaks of and not its place in a list."""
    if isinstance(value, dict):
        if "value" in value and "n" in value and "currency" not in value:
            yield path, value
        else:
            for key, item in value.items():
                if key != "definitions":
                    yield from _numbers(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            named = item if isinstance(item, dict) else {}
            keys = tuple(
                (key, str(named[key]))
                for key in ("name", "engine", "prompt_no", "domain", "owner", "code", "model", "brand", "with")
                if key in named
            )
            yield from _numbers(item, (*path, keys or place))


def _measured(facts: Facts) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    document = build(facts, built_at=datetime(2026, 11, 23, tzinfo=UTC))
    return {path: number for path, number in _numbers(document) if path[0] != "coverage"}


def _of_brands(numbers: Mapping[tuple[Any, ...], Mapping[str, Any]]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """The numbers that speak of one brand: those of the whole execution follow from which brands are tracked."""
    return {path: number for path, number in numbers.items() if path[0] == "brands"}


@settings(max_examples=30, deadline=None)
@given(panels)
def test_doubling_all_answers_changes_no_value(panel: list[str | None]) -> None:
    """Given each answer twice, when the report is built, then each rate, share and mean is what it was; n is doubled."""
    one, two = _measured(_facts(panel)), _measured(_facts(panel, times=2))
    # how alike two repeats are is a fact about pairs, and a copy is like its original
    spoken = [path for path in one if not any(word in str(path) for word in ("stability", "agreement", "jaccard"))]
    assert spoken
    for path in spoken:
        assert two[path]["value"] == pytest.approx(one[path]["value"], nan_ok=True), path
        if path[0] == "brands" and isinstance(one[path]["n"], int) and path[-1] == "mention_rate":
            assert two[path]["n"] == 2 * one[path]["n"]


@settings(max_examples=30, deadline=None)
@given(panels, st.randoms(use_true_random=False))
def test_the_order_of_answers_engines_and_brands_changes_no_number(panel: list[str | None], rng: Any) -> None:
    """Given the same samples, when they, the engines or the rivals come in another order, then no number moves."""
    facts = _facts(panel)
    plain = _measured(facts)
    samples = list(facts.samples)
    rng.shuffle(samples)
    assert _measured(Facts("x", facts.plan, samples)) == plain
    assert _measured(_facts(panel, engines=ENGINES[::-1])) == plain
    rivals = list(BRANDS[1:])
    rng.shuffle(rivals)
    assert _measured(_facts(panel, brands=(BRANDS[0], *rivals))) == plain


@settings(max_examples=30, deadline=None)
@given(panels)
def test_the_shares_of_voice_sum_to_one(panel: list[str | None]) -> None:
    """Given any answers, when a tracked brand is named in one of them, then the shares sum to 1; else there is none."""
    shares = [
        number["value"]
        for path, number in _measured(_facts(panel)).items()
        if path[0] == "brands" and path[2:] == ("overall", "share_of_voice")
    ]
    assert len(shares) == len(BRANDS)
    assert shares == [None] * len(BRANDS) or sum(shares) == pytest.approx(1, abs=_ROUNDED * len(BRANDS))


@settings(max_examples=30, deadline=None)
@given(panels)
def test_a_brand_that_no_answer_names_changes_no_number_of_the_others(panel: list[str | None]) -> None:
    """Given a further brand that occurs nowhere, when the report is built, then the others' numbers stay as they were."""
    plain, wider = _measured(_facts(panel)), _measured(_facts(panel, brands=(*BRANDS, ABSENT)))
    assert _of_brands(plain).items() <= _of_brands(wider).items()
    added = {path: one["value"] for path, one in _of_brands(wider).items() if ("name", ABSENT.name) in path[1]}
    assert added
    assert not any(value for path, value in added.items() if path[-1] in {"mention_rate", "share_of_voice"})


@settings(max_examples=30, deadline=None)
@given(panels, st.sampled_from(["小", "推荐", "see", "AT", "便宜"]))
def test_a_further_brand_never_raises_anothers_share(panel: list[str | None], name: str) -> None:
    """Given a further brand, named or not, when the report is built, then no other brand's share of voice is higher."""
    tracked = BRANDS[3:6]
    plain, wider = (_measured(_facts(panel, brands=brands)) for brands in (tracked, (*tracked, Brand(name))))
    for path, number in plain.items():
        if path[-1] == "share_of_voice" and number["value"] is not None:
            assert wider[path]["value"] is not None
            assert wider[path]["value"] <= number["value"] + _ROUNDED


@given(texts)
def test_a_brand_that_is_named_nowhere_changes_no_finding(text: str) -> None:
    """Given any text, when a brand that it does not hold is tracked too, then the others' findings are the same."""
    answer = Answer(text, AnswerKind.OK)
    plain, wider = analyze(answer, BRANDS, "C"), analyze(answer, (*BRANDS, ABSENT), "C")
    assert wider.brands[:-1] == plain.brands
    assert (wider.brands[-1].count, wider.brands[-1].rank, wider.brands[-1].named) == (0, None, False)
    assert (wider.citations, wider.answer_type, wider.candidates) == (
        plain.citations,
        plain.answer_type,
        plain.candidates,
    )


#: shapes of a megabyte that invite walking again and again: a piece that is repeated, or how the lines deepen
_NASTY = {
    "brackets": "[(【（",
    "pipes": "| 小米 | C++ |\n",
    "list markers": "1. 小米：好用，但贵\n",
    "bullets that deepen": "  ",
    "quotes that deepen": ">",
    "one line": "小米和C++都不错，不推荐",
    "a sentence without an end": "not better than 小米 ",
    "mentions": "小米有品小米",
    "addresses": "https://mi.com/a?utm_source=x#y [小米](https://mi.com/小米) ",
    "headings": "## 1. 小米\n",
    "hidden elements and braces": '<span hidden>小米{"brand": [',
}


def _megabyte(shape: str) -> str:
    piece = _NASTY[shape]
    if shape.endswith("that deepen"):
        return "".join(piece * depth + "- 小米\n" for depth in range(int((2_000_000 / len(piece)) ** 0.5)))
    return piece * (1_000_000 // len(piece))


@pytest.mark.parametrize("shape", _NASTY)
def test_a_megabyte_of_any_shape_comes_to_an_end(shape: str) -> None:
    """Given a megabyte made to be walked again and again, when it is analysed, then it ends within the test's limit."""
    findings = analyze(Answer(_megabyte(shape), AnswerKind.OK), BRANDS, "小米手机怎么样？")
    assert len(findings.brands) == len(BRANDS)
