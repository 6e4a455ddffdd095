"""Finished English sentences are told again: as their own template, with the values that they had."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brandq.words import Words, catalogue, merged, words_in
from brandq.words.telling import NUMBER, Clause, Recogniser, Shape, parts_of

ZH, EN = words_in("zh"), words_in("en")
TEMPLATES = sorted(catalogue("zh"))
WITH_GAPS = [template for template in TEMPLATES if Shape.of(template).gaps and Shape.of(template).tells]
#: what people call their brands when they mean no good
HOSTILE = (
    "趣车良品", "{brand}", "}{", "it's", 'a "b" c', "x: y; z", "must not be blank", "a\nb", "C:\\new", "", "’", "\\'",
    "'趣车' is already the subject; each brand stands once", "expected a text", "there is no engine 'x'; there are y",
    "🚗", "$(id)", "%s", "{0}", "; nothing to do", "' is not the name of another brand of this plan",
)  # fmt: skip


@cache
def recogniser() -> Recogniser:
    return Recogniser(catalogue("zh"))


def unexplained(template: str, values: dict[str, str]) -> int:
    """The characters of a sentence that its template leaves to plain gaps."""
    return sum(len(values[gap.gap or ""]) for gap in Shape.of(template).gaps if not gap.quoted)


def filled(template: str, values: dict[str, str]) -> str:
    """The sentence as the code makes it: a quoted gap as Python writes the text."""
    return "".join(
        part.text if part.gap is None else part.text + (repr(values[part.gap]) if part.quoted else values[part.gap])
        for part in parts_of(template)
    )


@st.composite
def sentences(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A template and values for its gaps: anything between quotes; elsewhere words that hold nothing of what comes
    after, as ids, numbers and names of engines do; in the last gap, where nothing comes after, anything again."""
    template = draw(st.sampled_from(WITH_GAPS))
    parts = parts_of(template)
    anything = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40), st.sampled_from(TEMPLATES))
    plain = st.text("abzäé中文0189-_/?=%", min_size=1, max_size=12)
    values: dict[str, str] = {}
    for part in parts:
        if part.gap is None:
            continue
        # the same name twice is the same value, and twice plain it must not hold what stands between
        number = st.integers(0, 10**6).map("{:,}".format)
        values.setdefault(part.gap, draw(number if part.gap == NUMBER else anything if part.quoted else plain))
    return template, values


@given(sentences())
@settings(max_examples=2000, deadline=None)
def test_a_sentence_is_told_by_its_own_template(sentence: tuple[str, dict[str, str]]) -> None:
    """Given any template and values, whatever stands between its quotes, then the sentence is recognised as its own
    template or one that explains as much of it, and every value arrives as it was."""
    template, values = sentence
    message = filled(template, values)
    found = recogniser().recognise(message)
    assert found is not None
    assert found.plain <= unexplained(template, values)
    if found.template == template:
        assert {name: shown(value) for name, value in values.items()} == {
            name: shown(value) for name, value in found.values.items()
        }
    else:
        rebuilt = {part.gap for part in parts_of(found.template or "")} - {None}
        assert rebuilt == set(found.values)


def shown(value: str) -> str:
    """A value that cannot be shown as it is stands there with its escapes."""
    return value if value.isprintable() else repr(value)[1:-1]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    """Given a brand name that looks like a template, a quote or one of our sentences, then it stands in the Chinese
    sentence as it is."""
    english = f"{name!r} is already the subject; each brand stands once"
    assert ZH.told(english) == f"“{shown(name)}”已经是目标品牌；每个品牌只能出现一次"


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("must not be blank", "不能为空"),
        ('expected {"amount": "5.00", "currency": "USD"}', '应为 {"amount": "5.00", "currency": "USD"}'),
        ("expected a list of 1 to 20 prompts", "应为 1 到 20 个提问的列表"),
        ("no usable answer (3 refused, 2 failed)", "没有有效回答（3 个拒答、2 个失败）"),
        ("no usable answer: rate_limit × 3, auth × 1", "没有有效回答：频率限制 × 3、密钥无效 × 1"),
        ("not known for kimi, qwen", "kimi、qwen 的费用未知"),
        (
            "kimi: HTTP 401 invalid_key: Incorrect key; check MOONSHOT_API_KEY or KIMI_API_KEY",
            "kimi：HTTP 401 invalid_key: Incorrect key；请检查 MOONSHOT_API_KEY 或 KIMI_API_KEY",
        ),
        (
            "kimi: cannot connect (asked https://x.example): [Errno 111] refused",
            "kimi：无法连接（https://x.example）：[Errno 111] refused",
        ),
        (
            "sample 3: waits; its sweep sends it again within 30 s, or 300 s while its queue is not empty",
            "样本 3：等待中；巡检会再次发送：30 秒内；队列非空时为 300 秒内",
        ),
        (
            "samples 3, 4: failed; nothing to do; sample 5: being asked by a worker; nothing to do",
            "样本 3、4：失败；无需处理；样本 5：正由处理进程提问；无需处理",
        ),
        (
            "median latency of the last 50 answers per engine; 20 s assumed for kimi, which never answered here",
            "按每个 AI 引擎最近 50 个回答的延迟中位数；kimi 在这里还没有回答过，假定为 20 秒",
        ),
        (
            "exploratory: 3 prompts with usable answers, 2 usable repeats of each on an engine, ± 21 points; "
            "directional asks for 50, 3 and ± 15, decision-grade for 100, 5 and ± 10",
            "探索性：3 条提问有有效回答，每个提问在每个 AI 引擎上有 2 次有效重复，± 21 个百分点；"
            "“方向性”要求 50 个提问、3 次重复和 ± 15，“可供决策”要求 100、5 和 ± 10",
        ),
        (
            "engines: kimi (k2, search on); qwen (max, search not known)",
            "AI 引擎：kimi（k2，搜索开启）；qwen（max，搜索未知）",
        ),
        ("Nobody ever wrote this sentence; must not be blank", "Nobody ever wrote this sentence; must not be blank"),
        ("", ""),
    ],
)
def test_sentences_are_told_with_what_they_hold(english: str, chinese: str) -> None:
    """Sentences are told together with the sentences, lists and codes inside of them; names before a colon and joined
    sentences are read as such; what is not known stays as it is, whole."""
    assert ZH.told(english) == chinese
    assert EN.told(english) == english


def test_nothing_is_told_of_nothing() -> None:
    """None, where there is no message, is an empty text in every language."""
    assert (ZH.told(None), EN.told(None)) == ("", "")


def test_terms_and_codes_have_names() -> None:
    """A code is named and explained in either language; an unknown one is itself."""
    assert (EN.term("rate_limit"), ZH.term("rate_limit"), ZH.term("strange")) == ("rate limit", "频率限制", "strange")
    assert EN.explained("no_money") == "The account at the provider has no balance left."
    assert ZH.explained("no_money") == "在该服务商的账户余额不足。"
    assert ZH.explained("strange") is None


def test_the_better_explanation_wins() -> None:
    """Given two templates that fit, then the one is meant that leaves fewer characters to its gaps, in either order."""
    for templates in (["{a} of {b}", "one of {b}"], ["one of {b}", "{a} of {b}"]):
        assert Recogniser(dict.fromkeys(templates, "")).recognise("one of two") == Clause(
            "one of two", "one of {b}", {"b": "two"}, 3
        )


def test_quotes_end_where_python_ends_them() -> None:
    """Given a quoted gap whose text holds the words after it, then it ends at its own quote; one that is no text, such
    as a number, is read like any other."""
    read = Recogniser({"{name!r} is {which} there": ""}).recognise
    assert read("\"it's 'a' is b\" is c there") == Clause(
        "\"it's 'a' is b\" is c there", "{name!r} is {which} there", {"name": "it's 'a' is b", "which": "c"}, 1
    )
    found = read("42 is c there")
    assert found is not None
    assert found.values == {"name": "42", "which": "c"}


@pytest.mark.parametrize(
    "message",
    [
        "; ".join(["must not be blank"] * 600),
        ": ".join(["a"] * 5000),
        "'" + "\\'" * 5000,
        "expected one of " + "a, " * 4000,
        "execution " * 1000 + "is running",
        "no usable answer: " + "no usable answer: " * 500,
        "{" * 10_000,
        "'a' is already " * 700,
    ],
    ids=lambda message: message[:20],
)
@pytest.mark.timeout(20)
def test_long_hostile_messages_come_to_an_end(message: str) -> None:
    """Given ten thousand characters that invite to try everything, then they are told in bounded work."""
    assert isinstance(Words("zh").told(message), str)


def test_a_catalogue_that_contradicts_itself_is_refused() -> None:
    """Given two files that translate one text differently, then they are no catalogue; the same translation twice is."""
    entry = 'msgid "{n} prompt"\nmsgstr "%s"\n'
    one, same, other = ((entry % chinese).encode() for chinese in ("{n} 个提问", "{n} 个提问", "{n} 个问题"))
    assert merged([("a.po", one), ("b.po", same)]) == {"{n} prompt": "{n} 个提问"}
    with pytest.raises(ValueError, match=r"b\.po translates '\{n\} prompt' otherwise"):
        merged([("a.po", one), ("b.po", other)])
