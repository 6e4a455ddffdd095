"""What holds for any answer, not only for those somebody thought of."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brandq.analysis import analyze
from brandq.analysis.brands import DROPPED, compiled, folded, spellings
from brandq.analysis.ranks import numeral
from brandq.analysis.reading import read
from brandq.plan import Brand
from brandq.providers.dialect import Answer, AnswerKind, Citation

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
        assert (finding.count > 0) == (finding.position is not None) == (finding.first_at is not None)
        assert finding.rank is None or finding.rank >= 1
    taken.sort()
    assert all(before[1] <= after[0] for before, after in pairwise(taken))


@given(texts, st.permutations(BRANDS))
def test_the_order_of_brands_changes_nothing_but_the_order(text: str, shuffled: list[Brand]) -> None:
    """Each brand's finding is the same wherever the brand stands in the plan."""
    answer = Answer(text, AnswerKind.OK)
    one, other = analyze(answer, BRANDS, "小米手机怎么样？"), analyze(answer, shuffled, "小米手机怎么样？")
    assert {finding.brand: finding for finding in one.brands} == {finding.brand: finding for finding in other.brands}
    assert one.citations == other.citations


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
