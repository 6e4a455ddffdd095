"""What the words over a list say of what stands under it: labels such as "Cons", and sections that call it good.

All words are looked for in small letters, the label of a line without its number and its marks of emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from brandq.analysis.triggers import Gate

#: what a label says of what follows it: it is for the brand, against it, or about whom it suits
PROS, CONS, READERS = "pros", "cons", "readers"
#: a label is no longer than this many characters
LONGEST_LABEL = 32

_LABELS = {
    PROS: re.compile(
        r"[^,。]{0,8}(?:优势|优点|亮点|强项|长处|好处|加分项|推荐理由|(?<!不)好的方面|(?<!不)好的一面|做得好的|"
        r"(?<!不)满意的|喜欢的)"
        r"[^,。]{0,5}|正面(?:评价|反馈|口碑)?|好评(?:点|集中在)?|值得肯定.{0,4}|"
        r"(?:\w+ )?(?:pros?|strengths?|advantages?|highlights?|benefits?|positives?|upsides?|pluses|likes|the good)|"
        r"(?:good|great|strong|best|excels) at|what (?:\w+ )?\w+ (?:like|love|praise|enjoy|"
        r"appreciate)(?: about it| most)?|"
        r"what (?:works|stands out)|why (?:it|they|we|you|i|this)[\w' ]{0,24}"
    ),
    CONS: re.compile(
        r"[^,。]{0,8}(?:不足|缺点|劣势|短板|弱点|槽点|差评|争议|局限|不好的方面|不好的一面|不满|吐槽|扣分项|"
        r"待改进|需改进|需要改进)"
        r"[^,。]{0,5}|负面(?:评价|反馈|口碑)?|遗憾.{0,3}|"
        r"(?:\w+ )?(?:cons?|weakness(?:es)?|drawbacks?|disadvantages?|downsides?|limitations?|negatives?|"
        r"minuses|dislikes|"
        r"complaints|caveats|the bad|the catch)|(?:weak|bad|poor) at|"
        r"what (?:\w+ )?\w+ (?:dislike|hate|don't like|complain about|criticis|criticiz|warn about)\w*|"
        r"what doesn't work|what could be better|where it falls short"
    ),
    READERS: re.compile(
        r"最?适合.{0,6}|适用.{0,6}|推荐人群|目标(?:用户|人群|客户)|适配.{0,4}|"
        r"(?:best|ideal|good|great|perfect|recommended) (?:for|if)|who (?:it's|it is|should)[\w' ]{0,20}|"
        r"(?:consider|choose|buy) (?:it )?if"
    ),
}
_GATE = Gate(tuple(_LABELS.values()))
_GOOD = re.compile(
    r"(?<!不)推荐(?!理由|思路|标准|指数|人群|方向)|首选|优选|值得(?!注意)|优质|靠谱|口碑(?:好|较好|不错|良好)|"
    r"十大|顶级|领先|"
    r"龙头|第一梯队|排行榜|榜单|热门品牌|"
    r"\b(?:top|best|great|good|excellent|recommended|recommendations?|leading|popular|favou?rites?|standouts?|picks?|"
    r"reliable|highly[- ]rated|well[- ]regarded|reputable|must-haves?)\b"
)
#: where and how to look for something good
_SEARCH = re.compile(r"寻找|查找|筛选|方向|渠道|方法|途径|如何|怎么|best (?:practices?|way)|how to|where to")
#: how not to be cheated; advises against no brand unless it says so
_CAUTION = re.compile(
    r"避坑|防坑|避雷指南|谨防|警惕|谨慎(?!选|购|考虑)|beware|how to avoid|tips|mistakes|things to avoid"
)
_AGAINST = re.compile(
    r"不(?:太)?推荐|不建议|不值得|黑名单|慎选|慎买|别买|not recommend|n't buy|steer clear|stay away|worst"
)
#: what something has, though it is called by words of advice
_FEATURES = re.compile(r"特点|要点|核心|卖点|特色|features")


def label_of(head: str) -> str | None:
    """What a label such as "Cons" says of what follows it: one of PROS, CONS, READERS; None where it is none."""
    if not head or len(head) > LONGEST_LABEL or not (may := _GATE.possible(head)):
        return None
    names = [name for n, (name, pattern) in enumerate(_LABELS.items()) if may >> n & 1 and pattern.fullmatch(head)]
    # "pros and cons" says neither
    return names[0] if len(names) == 1 else None


def calls_good(text: str, start: int = 0, end: int | None = None) -> int | None:
    """Where words that call something good begin within ``text[start:end]``; None where there are none."""
    found = _GOOD.search(text, start, len(text) if end is None else end)
    return found.start() if found else None


def all_good(text: str, start: int, end: int) -> Iterator[int]:
    """Where each of the words begins within ``text[start:end]`` that call something good."""
    return (found.start() for found in _GOOD.finditer(text, start, end))


def last_sentence(head: str) -> str:
    """The sentence of a long lead-in that is about what it heads."""
    return re.split(r"[。！!]|\.\s", head.rstrip("。！!. "))[-1]


def says_good(head: str) -> bool:
    """Whether the words over a list call what it lists good, in their last sentence."""
    last = last_sentence(head)
    return bool(_GOOD.search(last)) and not _SEARCH.search(last)


def only_cautions(head: str) -> bool:
    """Whether words that sound like advice against what they head are about how not to be cheated."""
    return bool(_CAUTION.search(head)) and not _AGAINST.search(head)


def lists_features(head: str) -> bool:
    """Whether words that sound like advice to a buyer head a list of what something has."""
    return bool(_FEATURES.search(head))
