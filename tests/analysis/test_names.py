"""Names that are also words, names written otherwise, and names in words that are not the answer's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.analysis import analyze
from brandq.analysis.brands import DROPPED, compiled, fold, folded, spellings
from brandq.analysis.mentions import find_mentions
from brandq.analysis.outline import outline
from brandq.analysis.reading import read
from brandq.analysis.senses import KNOWN
from brandq.errors import BadRequest
from brandq.plan import Brand, Plan, parse_brands
from brandq.providers.dialect import Answer, AnswerKind

APPLE = Brand("苹果", ("Apple",), ambiguous=True, context=("手机", "iPhone", "Mac", "系统"))
LI = Brand("理想汽车", ("理想",), ambiguous=True, context=("L6", "L7", "增程", "车主"))
VOLKSWAGEN = Brand("大众汽车", ("大众",), ambiguous=True, context=("途观", "德系"), block=("大众健身", "大众书局"))
MIDEA = Brand("美的", ("Midea",), ambiguous=True, context=("空调", "冰箱"))
XIAOMI = Brand("小米", ("Xiaomi",), ambiguous=True)
META = Brand("Meta", ambiguous=True, case_sensitive=True)
MONDAY = Brand("Monday", ("monday.com",), ambiguous=True, context=("board", "workflow"))
NOTION = Brand("Notion", ambiguous=True, context=("workspace", "wiki"))
IPHONE = Brand("iPhone", case_sensitive=True)
BYD = Brand("比亚迪", ("BYD",))


@dataclass(frozen=True)
class Case:
    """``counted``, ``elsewhere`` and ``doubtful`` are what stands at the spans of all brands, in the brands' order."""

    trap: str
    brands: tuple[str | Brand, ...]
    text: str
    counted: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    prompt: str = "哪个牌子好？"


CASES = [
    # ambiguous, says the plan: something must show that the brand is meant
    Case("a fruit", (APPLE,), "加餐多吃苹果、香蕉。", doubtful=("苹果",)),
    Case("nothing says which", (APPLE,), "后来我还是买了苹果。", doubtful=("苹果",)),
    Case("a word of the context near it", (APPLE,), "苹果新推送的系统很省电。", ("苹果",)),
    Case("the context too far away", (APPLE,), f"系统很省电。{'今天天气不错。' * 7}后来买了苹果。", doubtful=("苹果",)),
    Case("the name is no context of itself", (Brand("苹果", ambiguous=True, context=("苹果",)),), "后来买了苹果。", doubtful=("苹果",)),
    Case("context in Latin is a whole word", (APPLE,), "苹果和Macro镜头。", doubtful=("苹果",)),
    Case("a product right behind it", (LI,), "家里人多,理想L9坐得下。", ("理想",)),
    Case("an adjective before the context", (LI,), "对车主来说，理想的选择是蔚来。", doubtful=("理想",)),
    Case("a sure name elsewhere in the answer", (LI,), "理想汽车去年上市。后来，理想又开了店。", ("理想汽车", "理想")),
    Case("a domain is a sure name", (MONDAY,), "See monday.com. On Monday we rest.", ("monday.com",), ("Monday",)),
    Case("a name nobody takes for a word is sure", (MIDEA,), "Midea 和美的是一家。", ("Midea", "美的")),
    Case("the head of an item", (APPLE, "华为"), "1. 苹果：流畅\n2. 华为：信号好", ("苹果", "华为")),
    Case("the head of an item in a list of fruit", (APPLE,), "1. 苹果：含果胶\n2. 香蕉：含钾", doubtful=("苹果",)),
    Case("bold by itself", (LI,), "可以看看**理想**，坐着舒服。", ("理想",)),
    Case("a table's cell", (NOTION,), "| Tool | Free |\n|---|---|\n| Notion | yes |", ("Notion",)),
    Case("beside a sure brand", (APPLE, "华为"), "预算够就选华为、苹果。", ("苹果", "华为")),
    Case("a gloss", (Brand("荣耀", ("Honor",), ambiguous=True),), "荣耀（Honor）独立了。", ("荣耀",)),
    Case("an alias in Latin is sure beside one that is a word", (XIAOMI,), "Xiaomi 便宜，小米也耐用。", ("Xiaomi", "小米")),
    Case("Latin within Han", (META,), "卖家用Meta投广告。", ("Meta",)),
    Case("case decides where no context is given", (META,), "We use meta tags; ads run on Meta.", ("Meta",)),
    Case("context is asked for also of a capital", (NOTION,), "I moved to Notion last year.", doubtful=("Notion",)),
    Case("context near a capital", (NOTION,), "I moved my wiki to Notion last year.", ("Notion",)),
    Case("small letters near the context", (NOTION,), "my notion workspace, and a vague notion of it all", ("notion",)),
    Case("a possessive at the beginning", (META,), "Meta's models are open.", ("Meta",)),
    # what the plan does not say: known words count unless their neighbours say otherwise
    Case("millet", ("小米",), "小米和燕麦一起煮。", doubtful=("小米",)),
    Case("millet porridge is a longer word", ("小米",), "早上喝小米粥。"),
    Case("the maker among makers", ("华为", "小米", "荣耀"), "华为、小米、荣耀都行。", ("华为", "小米", "荣耀")),
    Case("the maker's product", ("小米",), "戴着小米手环煮小米粥。", ("小米",)),
    Case("apples among fruit", ("苹果",), "超市里有苹果、葡萄和梨。", doubtful=("苹果",)),
    Case("an ideal choice", ("理想",), "这是理想的选择，也是最理想的。", doubtful=("理想", "理想")),
    Case("the public's taste", ("大众",), "大众的口味，面向大众。", doubtful=("大众", "大众")),
    Case("glory", ("荣耀",), "荣耀时刻；荣耀手机；王者荣耀。", ("荣耀",), ("荣耀",)),
    Case("three stars", ("三星",), "住三星级酒店，用三星电视。", ("三星",), ("三星",)),
    Case("beauty", ("美的",), "完美的一天，是美的享受；美的风扇。", ("美的",), ("美的",)),
    Case("the wall", ("长城",), "爬长城，开长城汽车去。", ("长城",), ("长城",)),
    Case("to associate", ("联想",), "让人联想到海；联想电脑。", ("联想",), ("联想",)),
    Case("the boss", ("老板", "方太"), "老板娘说，油烟机看方太、老板。", ("老板", "方太"), ("老板",)),
    Case("a name across two words", ("海信", "方太", "华为", "京东", "长城"), "上海信息港地方太小，以豪华为卖点，北京东城，成长城市。"),
    Case("users at the beginning", ("Target",), "Target users are young. I shop at Target.", ("Target",), ("Target",)),
    Case("a capital that every first word has", ("Target",), "Target only what matters.", doubtful=("Target",)),
    Case("a name needs no article before its verb", ("Target",), "Target offers free shipping.", ("Target",)),
    Case("beside another name at the beginning", ("Target",), "Target and Walmart sell it.", ("Target",)),
    Case("the weekday", ("Monday",), "Monday is busy, and so is every Monday.", doubtful=("Monday", "Monday")),
    Case("tags", ("Meta",), "Meta tags matter.", doubtful=("Meta",)),
    Case("pie", ("Apple",), "Apple pie, and an Apple Watch.", ("Apple",), ("Apple",)),
    Case("a product with its own capitals", ("Apple",), "### **Apple iPhone SE**", ("Apple",)),
    Case("the river", ("Amazon",), "The Amazon rainforest shrinks.", doubtful=("Amazon",)),
    Case("a travel document", ("Visa",), "A tourist Visa costs more. Pay by Visa card.", ("Visa",), ("Visa",)),
    Case("a difference", ("Gap",), "Gap between rich and poor; jeans from Gap.", ("Gap",), ("Gap",)),
    Case("an idea", ("Notion",), "Notion that it works. Notion is a tool.", ("Notion",), ("Notion",)),
    Case("spare time", ("Slack",), "Slack time is short, says Slack.", ("Slack",), ("Slack",)),
    Case("a hull", ("Shell",), "Shell jackets, and fuel from Shell.", ("Shell",), ("Shell",)),
    Case("a fruit and a carrier", ("Orange",), "Orange juice; a plan from Orange.", ("Orange",), ("Orange",)),
    Case("a curve", ("Arc",), "Arc of a story. Browsers: Arc, Zen.", ("Arc",), ("Arc",)),
    Case("capitals throughout begin no sentence", ("Target",), "TARGET cut its staff.", ("TARGET",)),
    # case_sensitive and block
    Case("as written, or in capitals", (IPHONE,), "iPhone, IPHONE, Iphone, iphone", ("iPhone", "IPHONE")),
    Case("as written in full width and with a mark inside", (IPHONE,), "ｉＰｈｏｎｅ, i**Phone**, ｉｐｈｏｎｅ", ("ｉＰｈｏｎｅ", "i**Phone")),
    Case("a longer string cancels", (VOLKSWAGEN,), "大众健身房对面是大众途观的店。", ("大众",)),
    Case("a longer string cancels in traditional characters", (VOLKSWAGEN,), "大眾書局"),
    Case("a string cancels its own brand alone", (Brand("Ace", block=("Ace Hotel",)), "Hotel"), "the Ace Hotel and an Ace", ("Ace", "Hotel")),
    Case("somebody else's longer name", ("大众",), "大众点评上看看"),
    Case("a parent is not credited", (Brand("华为"), Brand("华为云", parent="华为")), "华为云很稳", ("华为云",)),
    # scripts
    Case("traditional for simplified", ("蔚来", "联想"), "蔚來和聯想", ("蔚來", "聯想")),
    Case("simplified for traditional", (Brand("蔚來"),), "蔚来", ("蔚来",)),
    Case("a character with two simplified forms", ("千里马后装",), "千里馬後裝", ("千里馬後裝",)),
    Case("traditional words around it", ("理想",), "理想的選擇", doubtful=("理想",)),
    # glosses
    Case("a gloss in quotation marks", (BYD,), "“比亚迪”（“BYD”）", ("比亚迪",)),
    Case("a gloss that says what it is", (BYD,), "比亚迪（英文名：BYD），比亚迪(简称BYD)", ("比亚迪", "比亚迪")),
    Case("a gloss in bold", (BYD,), "**比亚迪**（**BYD**）", ("比亚迪",)),
    Case("a sentence in brackets is no gloss", (BYD,), "比亚迪（它的英文名字写作 BYD）", ("比亚迪", "BYD")),
    # words that are not the answer's own
    Case("the echo of the question", ("小米",), "## 小米手机怎么样？\n\n小米手机不错。", ("小米",), elsewhere=("小米",), prompt="小米手机怎么样？"),
    Case("an echo alone", ("Kia",), "Is Kia any good?\n\nI cannot say.", elsewhere=("Kia",), prompt="Is Kia any good?"),
    Case("a sentence about the question says nothing", ("Tesla",), "You asked about Tesla. Tesla leads.", ("Tesla",), elsewhere=("Tesla",), prompt="What about Tesla?"),
    Case("a list of sources", ("欧派",), "衣柜看板材。\n\n参考资料：\n1. 欧派官网\n2. 知乎", elsewhere=("欧派",)),
    Case("a list of sources in traditional characters", ("欧派",), "參考來源：\n- 歐派官網", elsewhere=("歐派",)),
    Case("sources that end", ("HubSpot",), "## Sources\n- HubSpot blog\n\n## Pick\nHubSpot", ("HubSpot",), elsewhere=("HubSpot",)),
    Case("sources in one line", ("欧派",), "来源：欧派官网、知乎\n\n欧派不错", ("欧派",), elsewhere=("欧派",)),
    Case("a source in brackets", ("欧派",), "门店七千家（来源：欧派官网）。", elsewhere=("欧派",)),
    Case("open source is no source", ("HubSpot",), "Best open source tools:\n- HubSpot", ("HubSpot",)),
    Case("a doubtful name in an echo is none", ("理想",), "理想的选择是什么？", prompt="理想的选择是什么？"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.trap)
def test_a_name_counts_where_the_brand_is_meant(case: Case) -> None:
    """Given a trap, when the answer is read, then its names are counted, doubtful, or somebody else's words."""
    brands = [Brand(brand) if isinstance(brand, str) else brand for brand in case.brands]
    findings = analyze(Answer(case.text, AnswerKind.OK), brands, case.prompt).brands
    found = tuple(
        tuple(case.text[start:end] for finding in findings for start, end in spans(finding))
        for spans in (lambda one: one.spans, lambda one: one.doubtful, lambda one: one.elsewhere)
    )
    assert found == (case.counted, case.doubtful, case.elsewhere)


_BRANDS = (APPLE, LI, VOLKSWAGEN, MIDEA, XIAOMI, META, MONDAY, NOTION, IPHONE, BYD, Brand("Target"), Brand("荣耀"))
_PIECES = [
    *(name for brand in _BRANDS for name in (*brand.names, *brand.context, *brand.block)),
    *("1. ", "- ", "## ", "**", "\n", "\n\n", " ", "、", "（", "）", "：", "|", "|---|---|\n", "的选择", "多吃", " users", " is", "On "),
    *("参考资料：\n", "来源：", "哪个牌子好？", "蘋果", "大眾", "\u200b", "&amp;", "\x00", "\x01", "ﱞ", "\ud800", "ＡＰＰＬＥ"),
]  # fmt: skip
_texts = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=60).map("".join)


@given(_texts, st.sampled_from(["", "哪个牌子好？", "理想的选择"]))
def test_every_span_reads_as_its_brand(text: str, prompt: str) -> None:
    """Given any text, when it is read, then counted, doubtful and foreign spans read as the brand and never overlap."""
    view = read(text, compiled(_BRANDS).domains).view
    taken: list[tuple[int, int]] = []
    for brand, finding in zip(_BRANDS, analyze(Answer(text, AnswerKind.OK), _BRANDS, prompt).brands, strict=True):
        forms = {form for name in brand.names for form in spellings(name)}
        for start, end in (*finding.spans, *finding.doubtful, *finding.elsewhere):
            assert 0 <= start < end <= len(text)
            assert folded(view[start:end].replace(DROPPED, "")).text in forms
            taken.append((start, end))
    taken.sort()
    assert all(before[1] <= after[0] for before, after in pairwise(taken))


@given(st.text(st.sampled_from("小米蔚來Aﬁ½ﱞ\u0301\u200b \n\t—’&amp;#65;\x00\x01é") | st.characters(), max_size=40))
def test_folding_keeps_every_place(text: str) -> None:
    """Given any text, when it is folded, then each character of it comes from the stretch that it is said to."""
    found = folded(text)
    assert len(found.text) == len(found.starts) == len(found.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(found.starts, found.ends, strict=True))
    assert list(found.starts) == sorted(found.starts)
    for char, start, end in zip(found.text, found.starts, found.ends, strict=True):
        if end - start == 1:
            assert char in fold(text[start]) or char in " \n"


def test_each_known_word_is_written_as_texts_are_folded() -> None:
    """Given the names that are words, when they are folded, then they stay as they are, or no text would hold them."""
    assert [name for name in KNOWN if folded(name).text != name] == []


@pytest.mark.parametrize(
    "piece",
    ["理想", "Target is ", "- 苹果\n", "小米、", "来源：", "（来源：", "大众健身", "**理想**", "meta ", "| 苹果 |"],
)
def test_long_answers_of_names_are_read_in_one_pass(piece: str) -> None:
    """Given 200,000 characters of names that must be looked at closely, when they are found, then it ends in seconds."""
    names = compiled(_BRANDS)
    reading = read(piece * (200_000 // len(piece)), names.domains)
    find_mentions(reading, outline(reading.view), names, "哪个牌子好？")


def _faults(*documents: object) -> dict[str, str]:
    with pytest.raises(BadRequest) as refused:
        parse_brands(list(documents))
    return {fault.pointer: fault.detail for fault in refused.value.faults}


def test_a_plan_says_how_its_names_are_to_be_taken() -> None:
    """Given a brand with every field, when it is read, then it has them, each string once and with single spaces."""
    given_brand = {
        "name": "理想汽车", "aliases": ["理想"], "domains": [], "ambiguous": True, "case_sensitive": True,
        "context": ["增程", " 车主  群 ", "增程"], "block": ["理想国"], "parent": "理想",
    }  # fmt: skip
    with pytest.raises(BadRequest):
        parse_brands([given_brand])
    brand, _ = parse_brands([{**given_brand, "aliases": []}, "理想"])
    assert brand == Brand("理想汽车", (), (), True, True, ("增程", "车主 群"), ("理想国",), "理想")
    assert parse_brands([{"name": "A", "ambiguous": None, "context": None, "block": [], "parent": None}]) == (
        Brand("A"),
    )
    assert hash(brand) != hash(Brand("理想汽车"))


def test_each_fault_of_a_brand_is_named_with_its_place() -> None:
    """Given brands with faults in every new field, when they are read, then each is told with its pointer."""
    faults = _faults(
        {"name": "A", "ambiguous": "yes", "case_sensitive": 1, "block": [""], "parent": "A", "contexts": []},
        {"name": "B", "ambiguous": True, "context": ["x"] * 51, "parent": "C"},
        {"name": "D", "context": ["x"], "block": "x", "parent": 4},
    )
    assert faults == {
        "/brands/0/contexts": "unknown field; a brand has name, aliases, domains, ambiguous, case_sensitive, context, block, parent",
        "/brands/0/ambiguous": "expected true or false",
        "/brands/0/case_sensitive": "expected true or false",
        "/brands/0/block/0": "must not be blank",
        "/brands/0/parent": "'A' is not the name of another brand of this plan",
        "/brands/1/context": "has 51 words; at most 50 are taken",
        "/brands/1/parent": "'C' is not the name of another brand of this plan",
        "/brands/2/context": "is read only beside an ambiguous name; set ambiguous to true",
        "/brands/2/block": "expected a list of 1 to 50 strings",
        "/brands/2/parent": "expected a text",
    }


def test_a_plan_stored_before_these_fields_is_read() -> None:
    """Given a stored plan whose brands lack the new fields, when it is read, then they are as if nobody had asked."""
    plan = Plan((Brand("A", ("a",), ("a.com",)), LI), ("p",), ())
    stored = json.loads(json.dumps(plan.to_json()))
    assert Plan.from_json(stored) == plan
    for field in ("ambiguous", "case_sensitive", "context", "block", "parent"):
        del stored["brands"][0][field]
    assert Plan.from_json(stored) == plan
