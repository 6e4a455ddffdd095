"""The library has prompts that a buyer would type, enough of them in each language, and none that names a brand."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pytest

from brandq.analysis import named_in
from brandq.plan import MAX_PROMPT_CHARS, Brand
from brandq.prompts import GAPS, INDUSTRIES, KINDS, LANGUAGES, LibraryPrompt, library
from brandq.providers.registry import load

#: names that a buyer's prompt might be tempted to have, of every industry here
KNOWN_NAMES = (
    *("Apple", "iPhone", "Samsung", "Sony", "Bose", "Huawei", "Xiaomi", "Dyson", "Roomba", "Philips", "IKEA", "Tesla"),
    *("Toyota", "BMW", "BYD", "Volkswagen", "Salesforce", "HubSpot", "Microsoft", "Google", "Notion", "Slack", "SAP"),
    *("L'Oréal", "Nivea", "CeraVe", "Nestlé", "Coca-Cola", "Starbucks", "Airbnb", "Booking.com", "Hilton", "Marriott"),
    *("Visa", "PayPal", "Coursera", "Udemy", "Bayer", "Nike", "Adidas", "Zara", "Nintendo", "PlayStation", "Steam"),
    *(
        "苹果",
        "小米",
        "华为",
        "索尼",
        "戴森",
        "科沃斯",
        "石头科技",
        "特斯拉",
        "比亚迪",
        "蔚来",
        "用友",
        "金蝶",
        "钉钉",
        "飞书",
    ),
    *(
        "企业微信",
        "欧莱雅",
        "兰蔻",
        "雅诗兰黛",
        "珀莱雅",
        "蒙牛",
        "伊利",
        "农夫山泉",
        "携程",
        "美团",
        "飞猪",
        "小红书",
        "淘宝",
    ),
    *(
        "京东",
        "拼多多",
        "抖音",
        "平安",
        "众安",
        "招商银行",
        "新东方",
        "学而思",
        "同仁堂",
        "汤臣倍健",
        "安踏",
        "李宁",
        "腾讯",
    ),
    *(
        "网易",
        "米哈游",
        "贝壳",
        "58同城",
        "链家",
        "百度",
        "知乎",
        "ChatGPT",
        "豆包",
        "Kimi",
        "Amazon",
        "eBay",
        "Walmart",
    ),
)


def everything() -> list[LibraryPrompt]:
    return [prompt for language in LANGUAGES for prompt in library(language).prompts]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_industry_has_enough_of_many_kinds(language: str) -> None:
    """At least eight prompts of at least six kinds for every industry, and no industry or kind that nobody knows."""
    here = library(language)
    assert {prompt.industry for prompt in here.prompts} == set(here.examples) == set(INDUSTRIES)
    assert {prompt.kind for prompt in here.prompts} == set(KINDS)
    for industry in INDUSTRIES:
        chosen = here.choose(industry)
        assert len(chosen) >= 8, industry
        assert len({prompt.kind for prompt in chosen}) >= 6, industry


def test_no_prompt_stands_twice() -> None:
    """Two prompts of one industry differ in more than their spaces and marks."""
    spelled = Counter(
        (prompt.language, prompt.industry, re.sub(r"[\W_]", "", prompt.text.casefold())) for prompt in everything()
    )
    assert [found for found, times in spelled.items() if times > 1] == []


def test_every_gap_can_be_filled() -> None:
    """Each gap is one that the form asks for, and every industry shows in which form it is filled."""
    for prompt in everything():
        assert set(prompt.gaps) <= set(GAPS), prompt.text
        example = {**library(prompt.language).examples[prompt.industry], "year": "2026"}
        text, missing = prompt.filled(example)
        assert missing == ()
        assert "{" not in text
        assert "}" not in text
        assert len(text) <= MAX_PROMPT_CHARS


def test_no_prompt_names_a_brand_or_an_engine() -> None:
    """Neither a well-known brand nor an assistant stands in a prompt, open or filled with its example."""
    names = {*KNOWN_NAMES, *(row.title for row in load().values())}
    brands = [Brand(name, case_sensitive=name.isascii()) for name in sorted(names)]
    for prompt in everything():
        filled, _ = prompt.filled({**library(prompt.language).examples[prompt.industry], "year": "2026"})
        assert named_in(filled, brands) == (), prompt.text


def test_prompts_are_typed_as_people_type() -> None:
    """One line, no blanks at its ends or doubled, one language, and it asks for something."""
    for prompt in everything():
        text = prompt.text
        assert text == " ".join(text.split())
        assert not any(unicodedata.category(char) == "Cc" for char in text)
        plain = re.sub(r"\{\w+\}", "", text)
        if prompt.language == "zh":
            assert re.search("[一-鿿]", plain)
            assert not re.search(r"[?!,;:]", plain), text
            assert text.endswith(("？", "。"))
        else:
            assert text.isascii()
            assert text.endswith(("?", "."))


def test_a_prompt_is_filled_and_else_left_alone() -> None:
    """Given values for some gaps, when it is filled, then these stand in it, the others are named, and no brace is read twice."""
    prompt = LibraryPrompt("cars", "price", "en", "Which {category} under {budget} in {city}, {budget}?")
    assert prompt.gaps == ("category", "budget", "city")
    text, missing = prompt.filled({"category": " {city} \n cars ", "budget": "$5", "city": "  "})
    assert text == "Which {city} cars under $5 in {city}, $5?"
    assert missing == ("city",)


def test_a_kind_narrows_the_choice() -> None:
    """Given an industry, when a kind is chosen, then only its prompts come; all kinds come in the order of KINDS."""
    here = library("zh")
    assert {prompt.kind for prompt in here.choose("beauty", "price")} == {"price"}
    kinds = [prompt.kind for prompt in here.choose("beauty")]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert here.choose("nothing") == ()
