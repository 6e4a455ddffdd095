"""Names nobody tracks, labelled by hand: what stands where brands stand and is one, and what only stands there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.analysis.brands import DROPPED, HIDDEN
from brandq.analysis.candidates import find_candidates, key_of
from brandq.analysis.findings import Candidate
from brandq.analysis.mentions import Mention
from brandq.analysis.outline import outline
from brandq.analysis.reading import read


@dataclass(frozen=True)
class Case:
    """``names`` in order of the text; ``tracked`` are names that are no candidates, ``against`` those advised against."""

    trap: str
    text: str
    names: tuple[str, ...]
    tracked: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


CASES = [
    # where brands stand
    Case("numbers", "1. 莱克\n2. 追觅\n3. 石头科技", ("莱克", "追觅", "石头科技")),
    Case("bullets with descriptions", "- Miele – quiet\n- Bosch: solid\n- Gaggenau (luxury)", ("Miele", "Bosch", "Gaggenau")),
    Case("medals and keycaps", "🥇 Anker\n🥈 Baseus\n\n1️⃣ 绿联：稳\n2️⃣ 倍思：便宜", ("Anker", "Baseus", "绿联", "倍思")),
    Case("numbered headings", "### 1. 尚层装饰\n- 设计：原创\n\n### 2. 龙发装饰\n- 设计：稳重", ("尚层装饰", "龙发装饰")),
    Case("bold lines with properties below", "**Bosch 500 Series** – quiet\n* **Noise:** 44 dB\n* **Price:** $900\n\n**Miele G5000** – solid\n* **Noise:** 42 dB\n* **Price:** $1,200", ("Bosch 500 Series", "Miele G5000")),
    Case("a paragraph that begins with emphasis", "**Kagi** is an engine without ads.\n\n**Mojeek** crawls by itself.", ("Kagi", "Mojeek")),
    Case("letters before items", "A. 皮阿诺\nB. 玛格", ("皮阿诺", "玛格")),
    Case("a name column", "| 品牌 | 价格 |\n|---|---|\n| 皮阿诺 | 中 |\n| 玛格 | 高 |", ("皮阿诺", "玛格")),
    Case("a rank column first", "| # | Tool |\n|---|---|\n| 1 | Pipedrive |\n| 2 | Close |", ("Pipedrive", "Close")),
    Case("a name column behind needs", "| 需求 | 推荐 |\n|---|---|\n| 预算有限 | 诗尼曼 |\n| 追求设计 | 图森 |", ("诗尼曼", "图森")),
    Case("brands as columns", "| Feature | Asana | Trello |\n|---|---|---|\n| Price | low | free |\n| Views | many | few |", ("Asana", "Trello")),
    Case("winners of categories", "**Best overall:** Breville Bambino\n\n**Best budget:** De'Longhi Stilosa", ("Breville Bambino", "De'Longhi Stilosa")),
    Case("winners in plain lines", "首选：好莱客\n次选：玛格", ("好莱客", "玛格")),
    Case("a choice before the name in a head", "1. 首选好莱客：均衡\n2. 备选玛格：贵", ("好莱客", "玛格")),
    Case("a label that leads in names", "代表品牌：好莱客、玛格、诗尼曼。", ("好莱客", "玛格", "诗尼曼")),
    Case("the same in English", "Recommended brands: Rocket, Lelit and Gaggia.", ("Rocket", "Lelit", "Gaggia")),
    Case("equals behind slashes", "1. Rocket / Lelit: solid\n2. Gaggia", ("Rocket", "Lelit", "Gaggia")),
    Case("equals behind commas of Han", "1. 幸运咖、挪瓦：便宜\n2. Tims天好", ("幸运咖", "挪瓦", "Tims天好")),
    Case("an ampersand inside a name", "1. Tuft & Needle\n2. Briggs & Riley", ("Tuft & Needle", "Briggs & Riley")),
    Case("versus", "## Obsidian vs Logseq", ("Obsidian", "Logseq")),
    Case("examples in brackets", "1. 四大会计师事务所（德勤/普华永道/毕马威/安永）\n2. 本土公司（如：和君、正略钧策等）", ("德勤", "普华永道", "毕马威", "安永", "和君", "正略钧策")),
    Case("under categories", "1. Under 2000\n   * Rocket\n   * Lelit\n2. Under 500\n   * Gaggia", ("Rocket", "Lelit", "Gaggia")),
    Case("under districts", "**南山区**\n- 锐风改装\n- 车匠工坊\n\n**福田区**\n- 车仆", ("锐风改装", "车匠工坊", "车仆")),
    Case("a domain that is a name", "* Monday.com\n* Wrike", ("Monday.com", "Wrike")),
    Case("a title of ordinary words, numbered among names", "1. Hyatt\n2. Hilton\n3. Marriott\n4. Four Seasons", ("Hyatt", "Hilton", "Marriott", "Four Seasons")),
    Case("a linked ordinary word among names", "- [Linear](https://linear.app) – fast\n- [Height](https://height.app) – closed", ("Linear", "Height")),
    # what the name is
    Case("glosses stay outside", "1. **麦肯锡（McKinsey & Company）**：战略\n2. 波士顿咨询（BCG）", ("麦肯锡", "波士顿咨询")),
    Case("prices and notes in brackets", "1. **Sony WH-1000XM5** ($349) — quiet", ("Sony WH-1000XM5",)),
    Case("brackets around the name", "- 【好莱客】：环保\n- 《玛格》：高端", ("好莱客", "玛格")),
    Case("and so on", "1. 蔚来、小鹏、零跑等\n2. 问界", ("蔚来", "小鹏", "零跑", "问界")),
    Case("a product stays as it is written", "1. Dyson V15 Detect – strong\n2. Shark Stratos – cheaper", ("Dyson V15 Detect", "Shark Stratos")),
    Case("emphasis and escapes", "1. **Ch**ewy\n2. *Petco*", ("Chewy", "Petco")),
    Case("a digit that begins a name", "1. 3M\n2. 7-Eleven\n3. 1Password\n4. 23andMe", ("3M", "7-Eleven", "1Password", "23andMe")),
    Case("a number before the kind", "### Top 27-Inch Monitors\n### Top 5K Racing Shoes", ()),
    Case("each once", "1. Kagi\n2. Mojeek\n\n**Best overall:** Kagi", ("Kagi", "Mojeek")),
    Case("a short name that begins like a sentence", "1. 和路雪\n2. 哪吒汽车\n3. 别克\n4. 去哪儿", ("和路雪", "哪吒汽车", "别克", "去哪儿")),
    # tracked brands
    Case("a tracked brand is none", "1. HubSpot\n2. Pipedrive", ("Pipedrive",), tracked=("HubSpot",)),
    Case("nor what it is part of", "- **比亚迪4S店**：原厂\n- **车匠工坊**：专业", ("车匠工坊",), tracked=("比亚迪",)),
    Case("nor what it is the gloss of", "1. 麦肯锡（McKinsey）\n2. 埃森哲", ("埃森哲",), tracked=("McKinsey",)),
    Case("an equal of a tracked brand is", "1. Rocket / Lelit", ("Rocket",), tracked=("Lelit",)),
    Case("properties of a tracked brand are none", "1. **HubSpot**\n   - **Breeze AI:** drafts\n   - **Canvas:** boards\n2. **Zoho**", ("Zoho",), tracked=("HubSpot",)),
    # what only stands there
    Case("labels of properties", "1. **Wrike**\n   - **Pricing:** free tier\n   - **Best for:** teams\n   - **Key Features:** boards", ("Wrike",)),
    Case("the same in Chinese", "1. **诗尼曼**\n   - 优势：网点多\n   - 特点：新潮\n   - 适合人群：年轻家庭\n   - 价格：中等", ("诗尼曼",)),
    Case("properties without a name above", "- **售后保障**：五年\n- **板材等级**：ENF\n- **设计能力**：强", ()),
    Case("strange labels that come back", "### Zoho\n- **Zia:** drafts\n### Wrike\n- **Zia:** none", ("Zoho", "Wrike")),
    Case("kinds of shops", "1. 官方授权店\n2. 4S店\n3. 个人工作室\n4. 卡妙思改装", ("卡妙思改装",)),
    Case("kinds of shops in English", "1. Local stores\n2. Online retailers\n3. Independent Shops", ()),
    Case("factories and friends", "1. 本地工厂\n2. 街边小店\n3. 连锁品牌", ()),
    Case("places", "1. **深圳**\n2. **San Francisco**\n3. **Bay Area**\n4. **南山区**", ()),
    Case("where opinions are read", "可以去这些平台看看：\n- 大众点评：看评价\n- 小红书：看笔记", ()),
    Case("the same in English", "Where to check reviews:\n- Yelp\n- Reddit\n- Google Maps", ()),
    Case("where to buy", "**Where to buy**\n- Amazon\n- Best Buy\n- Walmart", ()),
    Case("shops that were asked for", "1. **Amazon** – huge range\n2. **Wayfair** – furniture\n3. **Article** – modern", ("Amazon", "Wayfair", "Article")),
    Case("placeholders", "- **XX装饰公司**：口碑好\n- **某知名连锁店**：可靠\n- **[品牌名称]**：示例\n- **A公司**：大", ()),
    Case("placeholders in English", "1. [Brand Name]\n2. Option A\n3. Company X\n4. Your Brand", ()),
    Case("two letters of a name are no placeholder", "1. Philips Airfryer XXL\n2. Tesla Model 3", ("Philips Airfryer XXL", "Tesla Model 3")),
    Case("headings", "## Summary\n### FAQ\n### Final Thoughts\n## International Brands\n## 国际品牌\n### 高端", ()),
    Case("steps", "1. Check the warranty\n2. Compare prices online\n3. **Measure the Zen corner**", ()),
    Case("steps in Chinese", "1. 确认板材等级\n2. 到店体验\n3. 签订合同", ()),
    Case("sentences", "1. 预算充足就选诗尼曼\n2. 如果预算有限，可以看玛格\n- Zoho is the cheapest of them all and comes with support", ()),
    Case("amounts and dates", "- $199.99\n- 30 hours of battery life\n- 2024年5月\n- 16GB RAM\n- 14-inch FHD display", ()),
    Case("advice", "### 选购技巧\n- 诗尼曼\n### Tips\n- Use Honey", ()),
    Case("sources", "参考资料：\n1. 中国家居网\n\nSources:\n- Wirecutter\n- RTINGS", ()),
    Case("prose", "除了诗尼曼，Zoho也不错。Try Wrike as well.", ()),
    Case("parts of a sentence with an enumeration", "- 在长三角、珠三角等地有较多成功案例\n- 支持多语言、多地区适配", ()),
    Case("code", "Run:\n```\n1. Zoho\n```", ()),
    # advised against
    Case("avoid", "**Good options**\n- Anker\n- Ugreen\n\n**Avoid**\n- NoName", ("Anker", "Ugreen", "NoName"), against=("NoName",)),
    Case("named before, and under avoid", "1. Anker\n2. Ugreen\n\n**Avoid**\n- Ugreen", ("Anker", "Ugreen"), against=("Ugreen",)),
    Case("不推荐", "### 不推荐\n- 鸿运搬家\n- 速达搬家", ("鸿运搬家", "速达搬家"), against=("鸿运搬家", "速达搬家")),
    Case("warnings of deeds", "### 避坑指南\n- 低价陷阱\n- 口头承诺\n- 鸿运套路", ()),
]  # fmt: skip


def candidates(text: str, tracked: Sequence[str] = ()) -> tuple[Candidate, ...]:
    mentions = [Mention(name, at.start(), at.end()) for name in tracked for at in re.finditer(re.escape(name), text)]
    reading = read(text)
    return find_candidates(reading, outline(reading.view), mentions)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.trap)
def test_candidates_of_labelled_answers(case: Case) -> None:
    """Given an answer and what is tracked, when candidates are looked for, then they are the names that a reader sees."""
    found = candidates(case.text, case.tracked)
    assert tuple(one.name for one in found) == case.names
    assert tuple(one.name for one in found if one.advised_against) == case.against


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HubSpot Inc.", "hubspot"),
        ("华为技术有限公司", "华为技术"),
        ("ＳＯＮＹ", "Sony"),
        ("Coca-Cola", "coca cola"),
        ("L’Oréal", "L'Oreal"),
    ],
)
def test_spellings_share_a_key(one: str, other: str) -> None:
    """Given two spellings of a name, when their keys are made, then they are the same."""
    assert key_of(one) == key_of(other)


def test_a_gloss_stands_behind_the_key() -> None:
    """Given a name with its other name in brackets, when it is found, then its key has both."""
    found = candidates("1. 麦肯锡（McKinsey）\n2. 埃森哲（全球咨询）\n3. Eero 6 (by Amazon)")
    assert [one.key for one in found] == ["麦肯锡/mckinsey", "埃森哲", "eero6"]


_PIECES = ["莱克", "Sony WH-1000XM5", "Zoho", "HubSpot", "优势", "Pricing", "Best overall", "不推荐", "推荐品牌", "如", "等", "的", "4S店", "XX", "Monday.com",
           "1. ", "2. ", "- ", "### ", "**", "*", "\n", "\n\n", "  ", " – ", "：", ": ", "（", "）", "(", ")", "【", "]", "、", "/", "，", "|", "|---|---|\n", "| 品牌 | a |\n",
           "[Zoho](https://zoho.com)", "A. ", "一、", "🥇", "“", "”", "&", "$9", "\u200b", "\\", "`", "Ａ", "\x00", "\x01", "\ud800"]  # fmt: skip
#: characters of no width, which the outline leaves out of its lines
_UNSEEN = dict.fromkeys(map(ord, "\u200b\ufeff"))
texts = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=60).map("".join)


@given(texts, st.sampled_from([(), ("Zoho",), ("HubSpot", "莱克")]))
def test_names_lie_in_the_text_and_hold_no_tracked_brand(text: str, tracked: tuple[str, ...]) -> None:
    """Given any text, when candidates are looked for, then each reads as its name at its span, and none overlaps."""
    reading = read(text)
    mentions = [Mention(name, at.start(), at.end()) for name in tracked for at in re.finditer(re.escape(name), text)]
    found = find_candidates(reading, outline(reading.view), mentions)
    for one in found:
        # a web domain is hidden in the view, as no word of the answer, and yet it is what a reader sees
        seen = reading.view[one.start : one.end].replace(DROPPED, "").replace(HIDDEN, " ")
        spellings = {"".join(each.split()) for each in (seen, text[one.start : one.end])}
        assert "".join(one.name.split()) in {each.translate(_UNSEEN) for each in spellings}
        assert one.key
        assert all(one.end <= mention.start or mention.end <= one.start for mention in mentions)
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert len({one.key.split("/")[0] for one in found}) == len(found)
    assert found == find_candidates(reading, outline(reading.view), mentions[::-1])


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    """Given any text, when candidates are looked for, then there is an answer."""
    assert isinstance(candidates(text), tuple)


@pytest.mark.parametrize(
    "piece",
    ["1. Zoho\n", "- **莱克**：好\n", "- a\n  - b\n", "### Zoho\n- **Zia:** x\n", "（", "(", "1. （", "- [", "Zoho、", "1. Zoho / ", "| Zoho |", "| 品牌 | a |\n", "A. ", "**",
     "- 如", "推荐品牌：", "Best overall: ", "1. Monday.com\n", " ", "- ", "“", "等"],
)  # fmt: skip
def test_a_long_text_of_one_piece_comes_to_an_end(piece: str) -> None:
    """Given half a megabyte of one piece, when candidates are looked for, then each key is found once and it ends."""
    reading = read(piece * (500_000 // len(piece)))
    # linear takes a second or two; quadratic would take an hour, and the limit for one test end it
    found = find_candidates(reading, outline(reading.view), ())
    assert len({one.key.split("/")[0] for one in found}) == len(found)
