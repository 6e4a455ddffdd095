"""Answers labelled by hand, one trap each: what is a mention, how many, and which rank."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from brandq.analysis import analyze
from brandq.plan import Brand
from brandq.providers.dialect import Answer, AnswerKind


@dataclass(frozen=True)
class Case:
    """``expected`` gives per brand: mentions, the surface of the first (None where there is none), and the rank."""

    trap: str
    brands: tuple[str | Brand, ...]
    text: str
    expected: dict[str, tuple[int, str | None, int | None]]
    prompt: str = "哪个牌子好？"


NONE = (0, None, None)
CPP, CSHARP, C = Brand("C++"), Brand("C#"), Brand("C")
LOREAL = Brand("L'Oréal", ("欧莱雅",))
BYD = Brand("比亚迪", ("BYD",), ("byd.com",))
XIAOMI, YOUPIN = Brand("小米", ("Xiaomi",)), Brand("小米有品")
CHERY, EXEED = Brand("奇瑞"), Brand("奇瑞星途", ("星途",))

CASES = [
    # names inside names and words
    Case("the longer tracked name wins", (XIAOMI, YOUPIN), "小米有品上的小米手环便宜。", {"小米": (1, "小米", None), "小米有品": (1, "小米有品", None)}),
    Case("a model line inside a maker", (CHERY, EXEED), "奇瑞星途揽月比奇瑞瑞虎贵。", {"奇瑞": (1, "奇瑞", None), "奇瑞星途": (1, "奇瑞星途", None)}),
    Case("the shorter name is not credited", (CHERY, EXEED), "星途揽月不错。", {"奇瑞": NONE, "奇瑞星途": (1, "星途", None)}),
    Case("a name within an English word", ("Arc",), "I used the search bar of the archive.", {"Arc": NONE}),
    Case("a name that begins another word", ("Arc",), "The Arc-en-Ciel hotel and the arc-shaped lamp.", {"Arc": NONE}),
    Case("a name by itself", ("Arc",), "Arc, the browser, beats Arc's rivals.", {"Arc": (2, "Arc", None)}),
    Case("metadata is not Meta", ("Meta",), "Metadata and a meta-analysis; Meta announced it.", {"Meta": (1, "Meta", None)}),
    Case("a plural-looking neighbour is another word", ("Bose",), "Bosede is a name; Bose is a brand.", {"Bose": (1, "Bose", None)}),
    Case("an ordinary word in small letters", ("Target",), "The target group shops at Target.", {"Target": (1, "Target", None)}),
    Case("an ordinary word in capitals", ("Apple",), "APPLE leads, an apple a day does not.", {"Apple": (1, "APPLE", None)}),
    Case("a compound that is no brand", ("大众", "小米"), "大众点评上有人推荐小米粥。", {"大众": NONE, "小米": NONE}),
    Case("an adjective with the name in it", ("美的",), "完美的设计,美的空调。", {"美的": (1, "美的", None)}),
    Case("a longer form that does not stand alone", ("Arc", "Arc Search"), "Arc Searches are new.", {"Arc": (1, "Arc", None), "Arc Search": NONE}),
    # symbols
    Case("C beside C++ and C#", (CPP, CSHARP, C), "C++ is faster than C#, and C is older; C/C++ both.", {"C++": (2, "C++", None), "C#": (1, "C#", None), "C": (2, "C", None)}),
    Case("C alone does not match C++", (C,), "Learn C++ and C# first.", {"C": NONE}),
    Case("a framework behind a dot", (".NET", "ASP", "NET"), "Use .NET or ASP.NET for it.", {".NET": (1, ".NET", None), "ASP": NONE, "NET": NONE}),
    Case("a dot inside a name", ("Node.js", "Node"), "Node.js runs it.", {"Node.js": (1, "Node.js", None), "Node": NONE}),
    Case("an ampersand, escaped and as an entity", ("AT&T",), "AT&T, AT\\&T and AT&amp;T.", {"AT&T": (3, "AT&T", None)}),
    Case("a part of AT&T is nothing", ("AT", "T"), "AT&T covers it.", {"AT": NONE, "T": NONE}),
    Case("a plus makes another product", ("Disney", "Canal+"), "Disney+ and Canal+ stream.", {"Disney": NONE, "Canal+": (1, "Canal+", None)}),
    Case("accents may be missing", (LOREAL,), "L'Oreal, L’ORÉAL and Loreal.", {"L'Oréal": (3, "L'Oreal", None)}),
    Case("an accent in two characters", (LOREAL,), "L'Ore\u0301al is one.", {"L'Oréal": (1, "L'Ore\u0301al", None)}),
    Case("a hyphen that is another character", ("7-Eleven",), "A 7\u2011Eleven, or 7 Eleven.", {"7-Eleven": (2, "7\u2011Eleven", None)}),
    Case("both possessives", ("Nike",), "Nike's and Nike’s shoes.", {"Nike": (2, "Nike", None)}),
    Case("a hyphen that keeps the name", ("Sony",), "Sony-owned, and non-Sony parts.", {"Sony": (2, "Sony", None)}),
    Case("emoji as neighbours", ("趣车良品", "Anker"), "🔥趣车良品🔥 and ⚡Anker⚡", {"趣车良品": (1, "趣车良品", None), "Anker": (1, "Anker", None)}),
    Case("a circled number and a trademark as neighbours", ("Sony",), "①Sony和Sony™", {"Sony": (2, "Sony", 1)}),
    # scripts and characters
    Case("Latin between Han", ("Kimi",), "写周报时我常用Kimi整理思路。", {"Kimi": (1, "Kimi", None)}),
    Case("full width", (BYD,), "入门可看ＢＹＤ元。", {"比亚迪": (1, "ＢＹＤ", None)}),
    Case("zero width inside a name", ("小米",), "小\u200b米手机", {"小米": (1, "小\u200b米", None)}),
    Case("a space for looks", ("CHALI茶里",), "CHALI 茶里和CHALI茶里", {"CHALI茶里": (2, "CHALI 茶里", None)}),
    Case("the same name twice without a space", ("比亚迪",), "比亚迪比亚迪", {"比亚迪": (2, "比亚迪", None)}),
    # markup
    Case("emphasis inside a name", ("Apple",), "**Ap**ple 和 *Apple*", {"Apple": (2, "Ap**ple", None)}),
    Case("a tag inside a name", ("Apple",), "<b>Ap</b>ple", {"Apple": (1, "Ap</b>ple", None)}),
    Case("emphasis next to Chinese quotes", ("比亚迪",), "**“比亚迪”**汽车", {"比亚迪": (1, "比亚迪", None)}),
    Case("only in a URL", ("Brevo",), "Prices: https://www.brevo.com/brevo or www.brevo.com", {"Brevo": NONE}),
    Case("a Han path in a URL", (BYD,), "见 https://zh.wikipedia.org/wiki/比亚迪 。", {"比亚迪": NONE}),
    Case("Han right after a URL", (BYD,), "https://a.cn/x，比亚迪官网", {"比亚迪": (1, "比亚迪", None)}),
    Case("link words count, targets do not", ("Brevo",), "Try [Brevo](https://brevo.com/brevo \"Brevo\").", {"Brevo": (1, "Brevo", None)}),
    Case("an e-mail address and a bare domain", ("Acme",), "Write to acme@acme.com or visit acme.com.", {"Acme": NONE}),
    Case("a domain that is the name", (Brand("Booking.com"),), "Booking.com is cheap; secure.booking.com too.", {"Booking.com": (1, "Booking.com", None)}),
    Case("code", ("Acme",), "Run:\n```\nimport Acme\n```\nDone.", {"Acme": NONE}),
    Case("an answer wrapped in a fence", ("Acme",), "```markdown\n1. Acme\n```", {"Acme": (1, "Acme", 1)}),
    Case("comments and hidden elements", ("Acme",), "Hello<!-- Acme is best --><span style='display: none'>Acme</span> <div hidden>Acme</div>", {"Acme": NONE}),
    Case("elements too small or too pale to see", ("Acme",), "<span style='font-size:0'>Acme</span><p style=\"opacity: 0\">Acme</p><b style='opacity:0.9'>Acme</b>", {"Acme": (1, "Acme", None)}),
    Case("a machine's JSON at the end", ("Acme",), "Acme is fine.\n\n{\"brand\": \"Acme\", \"list\": [\"Acme {x}\"]}", {"Acme": (1, "Acme", None)}),
    Case("labels of sources", ("Best Buy",), "A good laptop.([Best Buy][3], [The Verge][1])", {"Best Buy": NONE}),
    # the question's echo, and glosses
    Case("the question as a heading", ("小米",), "## 小米手机怎么样？\n\n小米手机不错。", {"小米": (1, "小米", None)}, "小米手机怎么样？"),
    Case("the question in quotation marks", ("小米",), "您问“小米手机怎么样”，我的看法：一般。", {"小米": NONE}, "小米手机怎么样？"),
    Case("the question asked again in the line", ("Kia",), "Is Kia any good? Yes: Kia offers a long warranty.", {"Kia": (1, "Kia", None)}, "Is Kia any good?"),
    Case("a heading that is only the name", ("Tesla",), "# Tesla\nA car maker.", {"Tesla": (1, "Tesla", None)}, "Tesla"),
    Case("an alias in brackets", (BYD,), "比亚迪（BYD）是车企，BYD很大。", {"比亚迪": (2, "比亚迪", None)}),
    Case("an alias after a slash", (BYD,), "车企里，BYD/比亚迪销量领先", {"比亚迪": (1, "BYD", None)}),
    Case("another brand in brackets", (BYD, "腾势"), "比亚迪（腾势）", {"比亚迪": (1, "比亚迪", None), "腾势": (1, "腾势", None)}),
    # ranks
    Case("numbers", ("瑞幸", "Manner"), "咖啡连锁可以看：\n1. 瑞幸：门店多\n2. 库迪\n3. Manner：豆子新鲜", {"瑞幸": (1, "瑞幸", 1), "Manner": (1, "Manner", 3)}),
    Case("numbers inside bold", ("韶音", "漫步者"), "**1. 韶音** 骨传导，跑步不掉\n\n**2. 漫步者** 便宜耐用", {"韶音": (1, "韶音", 1), "漫步者": (1, "漫步者", 2)}),
    Case("headings", ("牧高笛", "凯乐石"), "### 1. 牧高笛\n- 帐篷轻\n\n### 2. **凯乐石**\n- 攀登线比牧高笛全", {"牧高笛": (2, "牧高笛", 1), "凯乐石": (1, "凯乐石", 2)}),
    Case("a heading that is a step", ("欧派",), "### 1. **提前沟通**\n到欧派门店先量尺。\n### 2. **签合同**", {"欧派": (1, "欧派", None)}),
    Case("numbers inside one line", ("飞书", "钉钉", "企业微信"), "可以看：①飞书 ②钉钉 ③企业微信。", {"飞书": (1, "飞书", 1), "钉钉": (1, "钉钉", 2), "企业微信": (1, "企业微信", 3)}),
    Case("numbers inside one English line", ("Sony", "Bose"), "My order: 1) Sony, 2) Bose, 3) nobody else.", {"Sony": (1, "Sony", 1), "Bose": (1, "Bose", 2)}),
    Case("numbered reasons are no ranking", ("Sony",), "Two reasons: 1) it is light, 2) Sony repairs it.", {"Sony": (1, "Sony", None)}),
    Case("a column of places", ("Miele", "Bosch"), "| Brand | Place |\n|---|---|\n| Miele | 2nd |\n| Bosch | 1st |", {"Miele": (1, "Miele", 2), "Bosch": (1, "Bosch", 1)}),
    Case("a tie that opens a line", ("小鹏", "极氪", "智己"), "并列第一：小鹏G6、极氪7X\n第三：智己LS6", {"小鹏": (1, "小鹏", 1), "极氪": (1, "极氪", 1), "智己": (1, "智己", 3)}),
    Case("ticks as bullets", ("Stumptown", "Coava"), "Two I like:\n✅ Stumptown\n✅ Coava", {"Stumptown": (1, "Stumptown", 1), "Coava": (1, "Coava", 2)}),
    Case("an avoid list in other words", ("甲牌", "乙牌"), "这几家尽量绕开：\n1. 甲牌\n2. 乙牌", {"甲牌": (1, "甲牌", None), "乙牌": (1, "乙牌", None)}),
    Case("beside its like, no ranking", ("腾讯云", "酷盾"), "**与同类相比**\n- 腾讯云：可靠\n- 酷盾：便宜", {"腾讯云": (1, "腾讯云", None), "酷盾": (1, "酷盾", None)}),
    Case("what was asked about, as a sentence", ("Roomba",), "You asked about Roomba. Robot vacuums rarely map the rooms.", {"Roomba": NONE}),
    Case("what was asked about, in Chinese", ("科沃斯",), "您问的是科沃斯。扫地机的价格主要取决于避障。", {"科沃斯": NONE}),
    Case("what was asked about and then told", ("Tesla",), "You asked about Tesla. Tesla has the larger network.", {"Tesla": (1, "Tesla", None)}),
    Case("steps are no ranking", ("QuickBooks", "Gusto"), "1. Export the staff list from QuickBooks.\n2. Import it into Gusto.\n3. Check a payroll.", {"QuickBooks": (1, "QuickBooks", None), "Gusto": (1, "Gusto", None)}),
    Case("places in English words", ("AEG", "Siemens", "Beko"), "Tied for first place: AEG and Siemens. Third place goes to Beko.", {"AEG": (1, "AEG", 1), "Siemens": (1, "Siemens", 1), "Beko": (1, "Beko", 3)}),
    Case("places with 的是", ("亚朵", "全季", "汉庭"), "并列第一的是亚朵和全季，第三是汉庭。", {"亚朵": (1, "亚朵", 1), "全季": (1, "全季", 1), "汉庭": (1, "汉庭", 3)}),
    Case("whom it is for, before the brand", ("Saatva", "Nectar"), "1. **For back sleepers: Saatva Classic**\n   Firm.\n2. **For side sleepers: Nectar**\n   Soft.", {"Saatva": (1, "Saatva", 1), "Nectar": (1, "Nectar", 2)}),
    Case("open source is no list of sources", ("GitLab", "Gitea"), "Best open source tools:\n1. GitLab\n2. Gitea", {"GitLab": (1, "GitLab", 1), "Gitea": (1, "Gitea", 2)}),
    Case("a caution before an offer", ("欧派", "志邦"), "选购时需要谨慎，以下几家口碑较好：\n1. 欧派\n2. 志邦", {"欧派": (1, "欧派", 1), "志邦": (1, "志邦", 2)}),
    Case("sources are no ranking", ("欧派", "志邦"), "欧派不错。\n\nSources:\n1. 志邦官网", {"欧派": (1, "欧派", None), "志邦": NONE}),
    Case("Chinese numerals", ("韶音", "森海塞尔"), "一、韶音\n二、漫步者\n十二、森海塞尔", {"韶音": (1, "韶音", 1), "森海塞尔": (1, "森海塞尔", 12)}),
    Case("circled numbers", ("瑞幸", "库迪"), "①瑞幸\n②库迪", {"瑞幸": (1, "瑞幸", 1), "库迪": (1, "库迪", 2)}),
    Case("keycaps", ("Sony", "Bose"), "1️⃣ Sony – quiet\n2️⃣ Bose – soft", {"Sony": (1, "Sony", 1), "Bose": (1, "Bose", 2)}),
    Case("medals", ("Sony", "Bose"), "🥇 **Sony**\n🥈 **Bose**", {"Sony": (1, "Sony", 1), "Bose": (1, "Bose", 2)}),
    Case("a tie", ("Breville", "Rancilio", "Gaggia"), "1. Breville / Rancilio: solid machines\n2. Gaggia: a classic", {"Breville": (1, "Breville", 1), "Rancilio": (1, "Rancilio", 1), "Gaggia": (1, "Gaggia", 2)}),
    Case("a foil has no place", ("Breville", "Gaggia"), "1. Breville – steams faster than Gaggia\n2. Lelit", {"Breville": (1, "Breville", 1), "Gaggia": (1, "Gaggia", None)}),
    Case("lazy numbers", ("Obsidian",), "1. Bear\n1. Obsidian\n1. Craft", {"Obsidian": (1, "Obsidian", 2)}),
    Case("a countdown", ("Fidelity", "Schwab"), "4. E*TRADE\n3. Robinhood\n2. Fidelity\n1. Schwab", {"Fidelity": (1, "Fidelity", 2), "Schwab": (1, "Schwab", 1)}),
    Case("lists that begin again count on", ("Oatly",), "## In cafés\n1. Minor Figures\n2. Califia\n3. Alpro\n\n## At home\n1. Oatly", {"Oatly": (1, "Oatly", 4)}),
    Case("criteria before the list do not count", ("欧派",), "### 一、如何选择\n1. 看板材\n2. 看五金\n\n### 二、推荐\n1. 欧派", {"欧派": (1, "欧派", 1)}),
    Case("nested under categories", ("Lelit", "Gaggia"), "1. Under 2000\n   * Rocket\n   * Lelit\n2. Under 500\n   * Gaggia", {"Lelit": (1, "Lelit", 2), "Gaggia": (1, "Gaggia", 3)}),
    Case("advised against", ("速达搬家", "蚂蚁搬家"), "慎选的公司：\n1. 速达搬家\n\n可以放心的公司：\n1. 蚂蚁搬家\n2. 公兴搬家", {"速达搬家": (1, "速达搬家", None), "蚂蚁搬家": (1, "蚂蚁搬家", 1)}),
    Case("avoid as a bold line", ("Lodge", "CheapPan"), "**Worth buying**\n* Staub\n* Lodge\n\n**Stay away from**\n* CheapPan\n* FlakeCo", {"Lodge": (1, "Lodge", 2), "CheapPan": (1, "CheapPan", None)}),
    Case("tips are no ranking", ("德力西",), "装修电路怎么验收：\n1. 查开关（例如德力西）是否松动\n2. 测漏电", {"德力西": (1, "德力西", None)}),
    Case("a rank column", ("Zotero",), "| App | Rank | Price |\n|:--|--:|---|\n| Mendeley | 2 | free |\n| Zotero | 1 | free |", {"Zotero": (1, "Zotero", 1)}),
    Case("a table in row order", ("Lelit",), "| Model | Boiler |\n| --- | --- |\n| Rocket R58 | two |\n| [Lelit Bianca](https://x.example) | two |", {"Lelit": (1, "Lelit", 2)}),
    Case("brands as columns", ("瑞幸",), "| 对照项 | 瑞幸 | 库迪 |\n|:-:|:-:|:-:|\n| 门店数 | 两万 | 一万 |", {"瑞幸": (1, "瑞幸", None)}),
    Case("decimals and dates", ("瑞幸",), "2026.11 整理\n9.9元：瑞幸活动价\n1.5公里内有两家瑞幸", {"瑞幸": (2, "瑞幸", None)}),
    Case("ties in words", ("瑞幸", "库迪", "星巴克"), "按销量，第一名是瑞幸；并列第二：库迪、星巴克。", {"瑞幸": (1, "瑞幸", 1), "库迪": (1, "库迪", 2), "星巴克": (1, "星巴克", 2)}),
    Case("winners of categories", ("Zwift", "Rouvy"), "**Most popular:** Zwift\n\n**Top value pick:** Rouvy Basic", {"Zwift": (1, "Zwift", 1), "Rouvy": (1, "Rouvy", 2)}),
    Case("categories with the brand below", ("Dell", "Asus"), "### **1. Best Overall:**\n\n**Dell XPS** is fine.\n\n### **2. Best for Gaming:**\n\n**Asus TUF**", {"Dell": (1, "Dell", 1), "Asus": (1, "Asus", 2)}),
    Case("labels and medals are one list", ("Arlo", "Wyze"), "## 🔝 **Best Overall: Arlo Pro**\n* **Price**: 1\n\n## 🥈 **Best Budget: Wyze**\n* **Price**: 2", {"Arlo": (1, "Arlo", 1), "Wyze": (1, "Wyze", 2)}),
    Case("properties in bullets rank nothing", ("Intel", "Dell"), "Dell XPS:\n* **Price**: 999\n* **Intel** Core\n* **Battery**: good", {"Dell": (1, "Dell", None), "Intel": (1, "Intel", None)}),
    Case("prose without a list", ("瑞幸",), "赶时间的话，瑞幸取餐最快。", {"瑞幸": (1, "瑞幸", None)}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.trap)
def test_case(case: Case) -> None:
    """The trap is not fallen into."""
    brands = [Brand(brand) if isinstance(brand, str) else brand for brand in case.brands]
    findings = analyze(Answer(case.text, AnswerKind.OK), brands, case.prompt)
    found = {
        finding.brand: (
            finding.count,
            case.text[slice(*finding.spans[0])] if finding.spans else None,
            finding.rank,
        )
        for finding in findings.brands
    }
    assert found == case.expected


def test_positions_and_offsets_follow_the_text() -> None:
    """Position is the order of first mentions among the brands; an unmentioned brand has none."""
    brands = [Brand("欧派"), Brand("志邦"), Brand("索菲亚")]
    first, second, third = analyze(Answer("志邦和欧派,志邦。", AnswerKind.OK), brands, "").brands
    assert (first.position, first.first_at, first.count) == (2, 3, 1)
    assert (second.position, second.first_at, second.count) == (1, 0, 2)
    assert (third.position, third.first_at, third.count, third.spans) == (None, None, 0, ())


def test_a_list_says_what_its_ranks_were_read_off() -> None:
    """Printed numbers, bullets and rows are told apart."""
    texts = {"1. Sony\n2. Bose": "number", "- Sony\n- Bose": "list_order", "": None,
             "| Brand | x |\n|--|--|\n| Sony | 1 |": "table_order", "| # | Brand |\n|--|--|\n| 1 | Sony |": "rank_column"}  # fmt: skip
    for text, source in texts.items():
        assert analyze(Answer(text, AnswerKind.OK), [Brand("Sony")], "").brands[0].rank_source == source
