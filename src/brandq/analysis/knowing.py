"""Knowing nothing: of which brands an answer says that it knows nothing, and whether it says so of what was asked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from brandq.analysis.outline import Kind
from brandq.analysis.sentences import BRAND, Sentence, Sentences
from brandq.analysis.triggers import Gate

_NAME = BRAND + "++"
#: stands for what is asked about where the name is not repeated
_ASKED = (
    r"(?:该|这个?|此|上述|您(?:所)?(?:说|问|提到?|询问)的)(?:个|款|家)?(?:品牌|公司|店铺?|门店|企业|产品|商家|名称)|"
    r"(?:this|that|such an?|the) (?:brand|company|product|business|shop|store|name)"
)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_KINDS = r"(?:信息|资料|资讯|介绍|记录|内容|数据|报道|结果|条目|线索|细节|品牌|公司|企业|产品|实体|门店|商家|店铺)"
_NOT_THAT = (
    r"(?:价格|报价|售价|定价|售后|负面|投诉|违规|处罚|召回|销量|评测|参数|优惠|折扣|门店地址|财务|财报|最新|近期|"
    r"实时|问题|缺点|质量问题|具体型号|"
    r"成分|配料|上市|发布|库存|证据|对比|加盟|竞争对手|名单)"
)
_UNKNOWN_ZH = _words(
    rf"(?:(?:没有?|没能|未能?|未曾|无法|暂未|尚未|均未|并未|查不到|找不到|搜不到|检索不到)(?:够)?(?:直接|"
    rf"在[^，。]{{0,12}}中?)?(?:找到|查到|查询到|搜索到|搜到|检索到|获取到?|收录|发现|核实到?|查找到|看到|掌握|"
    rf"了解到)?"
    rf"(?:任何|太多|足够的?|明确的?|有关|关于|与|名为|叫做?|一家|对应的?|[“\"「『《（(【]|"
    rf"[\s的]){{0,6}}(?:{_NAME}|{_ASKED})(?:[^，。！!；;\n]{{0,24}}))"
)
_UNKNOWN_OBJECT = _words(rf"{_KINDS}")
_INFORMATION = r"(?:信息|资料|资讯|介绍|记录|数据|报道|细节|内容)"
_LACKS = r"(?:没有|没能|没(?!有)|未能?|未曾|无法|暂未|尚未|均未|并未|查不到|找不到|搜不到|暂无|缺乏|缺少|不具备|查无)"
_UNKNOWN_BEHIND = _words(
    # what a maker does not publish or build is known of it: 没有公布价格信息, 尚未推出整车
    rf"{_LACKS}够?(?![^，。；;\n]{{0,6}}(?:公布|公开过|对外|披露|发布|标注|说明|透露|推出|提到|列入|"
    rf"纳入))(?!提供)[^，。；;\n{BRAND}]{{0,32}}{_INFORMATION}|"
    rf"{_LACKS}[^，。；;\n{BRAND}]{{0,8}}(?:找到|查到|查询到|搜索到|搜到|检索到|收录)|不在我的(?:知识|数据|训练)|"
    r"并?(?:不是|非)一个?[^，。]{0,30}(?:真实|实际|知名|公开)[^，。]{0,20}(?:品牌|实体|公司|企业)|占位(?:符|名)|"
    r"虚构的?(?:品牌|名称)|"
    rf"[^，。；;\n{BRAND}]{{0,14}}{_INFORMATION}(?:实在|也|都|还)?(?:很少|非常少|极少|太少|较少|比较少|相当少|"
    rf"十分有限|非常有限|很有限|有限|"
    rf"不多|寥寥|稀少|匮乏|几乎没有|几乎为零|一片空白)(?=[，,。；;！!\s]|$)|"
    rf"(?:没有?|毫无|没什么|没啥)(?:任何)?印象|(?:几乎)?(?:是|为)?一片空白"
)
_DOES_NOT_KNOW = _words(
    rf"(?<![你您])(?:我|本人|目前|暂时|对|于|并|还|确实|^|"
    rf"[，,。：:\s])[{BRAND}“”\"「」]*(?:{_ASKED})?(?:我)?(?:并|还|确实|目前|暂)?(?:不太?(?:了解|熟悉|认识|清楚|"
    rf"知道)|没(?:有)?听说过?|没(?:有)?(?:接触|见)过|没听过|未听说过?|一无所知|没有(?:任何)?了解)"
)
_NOT_MINE = _words(
    r"[你您]|消费者|用户|很多人|大家|有些人|不少人|如果|若|(?:if|in case|when|unless) (?:you|they)|you(?:'re|"
    r" are)|people|many"
)
_UNKNOWN_EN = _words(
    r"\b(?:not|n't|never) (?:\w+ )?(?:familiar with|heard of|aware of|recogni[sz]e|know (?:of|about|"
    r"anything about|what))\b|\bunfamiliar with\b|"
    r"\b(?:could(?: not|n't)|can(?:not|'t| not)|did(?: not|n't)|do(?: not|n't)|was(?: not|n't) able to|unable to|"
    r"was unable to|failed to|not able to|have(?: not|n't)|haven't)(?: been able to)? "
    r"(?:\w+ )?(?:find|found|locate|have|verify|access|see|identify|confirm)(?: \w+)? ?(?:any|much|enough|"
    r"sufficient|specific|reliable|public|publicly available|verifiable|detailed|credible|official|"
    r"solid|trustworthy|anything|or|,|\s)*(?:information|info|details|data|records?|sources?|results?|reviews|"
    r"mentions?|knowledge|references?|anything|company|brand|product|evidence that)?\b|"
    r"\b(?:there(?:'s| is| are| isn't| appears to be| seems to be)|i have|i've|i found|found|"
    r"with) (?:currently )?(?:no|little|not enough|limited|not any|any)\b[\w ,]{0,40}(?:information|info|details|"
    r"data|records?|results|knowledge|mention)\b|"
    r"\bno (?:reliable|public|verifiable|specific|credible|known|available|publicly available|"
    r"official)[\w ,]{0,30}(?:information|info|details|data|records?|results|mention)\b|"
    r"\b(?:doesn't|does not|didn't|did not|isn't|is not|don't|hasn't|wasn't)(?: \w+)? (?:show up|appear|turn up|"
    r"come up|"
    r"pop up|feature|listed|covered|mentioned|part of|included|found|in)(?: in| on| among| anywhere)*\b[\w ]{0,24}?"
    r"\b(?:sources?|databases?|data|records?|knowledge|index|registr\w+|training|results|materials?|anything i|"
    r"i know)\b|"
    r"\b(?:find|found|have|know|see) (?:very |only |too |next to )?(?:little|nothing|not much) (?:on|about)\b|"
    r"\bdr(?:ew|aws?|awing|awn) a (?:complete )?blank\b|\b(?:came|come|coming) up (?:empty|with nothing|blank)\b|"
    r"\bnothing (?:about|on|turned up|turns up|comes up|came up)\b|\b(?:no|not any) (?:trace|sign|record) of\b|"
    r"\b(?:is|are|'s) (?:completely |entirely )?new to me\b|\b(?:never|haven't|have not) come across\b|"
    r"\b(?:cannot|can't|can not|couldn't) (?:vouch for|speak to|place)\b|"
    r"\bnot a (?:name|brand|company|product) (?:that )?i(?:'m| am| know| recogni|'ve)|"
    r"\b(?:doesn't|does not|isn't|is not|don't)(?: \w+)? (?:(?:appear|seem) to (?:be|exist|have)|ring a bell|"
    r"a (?:well[- ]known|widely|recogni[sz]ed|brand i|company i|known|real|name i))"
)
_UNKNOWN_EN_NOT = _words(
    r"\b(?:pric(?:e|es|ing)|negative|complaints?|recent|latest|current|recalls?|problems?|issues?|fault|reason|"
    r"evidence|discounts?|stock|availability|lawsuits?|scandals?|difference|better|warranty|"
    r"specs?|release|benchmarks?)\b"
)
#: what is said of a brand in passing by who knows nothing of it: advice where to look, a guess, a request
_PASSING = _words(
    r"建议|请|如果|若|可以通过|欢迎|提供|更多|确认|核实|查询|可能|或许|也许|是否|[?？]|由于|因此|无法|"
    r"\bif\b|\bplease\b|could you|can you|let me know|\bcheck\b|verify|\bmay\b|\bmight\b|perhaps|could be|possibl|"
    r"provide|recommend (?:that|check|visit|look)|suggest|try (?:search|visit|contact)|"
    r"\bsorry\b|unfortunately|more (?:context|details|information)|you (?:asked|mention)|您问|问的是|关于"
)

#: leads in what to do instead; it says nothing of the brand
_ADVISES = _words(r"建议|不妨|\bsuggest|\brecommend|\bif you\b|\byou (?:can|could|may)\b|tips")


def unknown_brands(said: Sentences) -> frozenset[str]:
    """The brands of which the answer says that it knows nothing, in every sentence that says anything of them.

    A brand that is described elsewhere in the answer is known, and so is one of which only a price is unknown.
    """
    denied: set[tuple[int, int]] = set()
    brands: set[str] = set()
    for number, sentence in enumerate(said.named):
        for denial in _denials(sentence.text):
            for n, (start, end, brand) in enumerate(sentence.mentions):
                if _denies(sentence.text, start, end, denial):
                    denied.add((number, n))
                    brands.add(brand)
    if not brands:
        return frozenset()
    advice = _advice(said)
    for number, sentence in enumerate(said.named):
        if brands.isdisjoint(brand for _, _, brand in sentence.mentions) or not _says_something(sentence):
            continue
        for n, mention in enumerate(sentence.named):
            if (number, n) not in denied and not _within(advice, mention.start):
                brands.discard(mention.brand)
    return frozenset(brands)


def _advice(said: Sentences) -> list[tuple[int, int]]:
    """The stretches that tell the reader what to do instead."""
    return [
        (item.start, item.until)
        for item in said.outline.items
        if item.body.endswith((":", "：")) and _ADVISES.search(item.body)
    ]


def _within(stretches: list[tuple[int, int]], at: int) -> bool:
    return any(start <= at < end for start, end in stretches)


def _says_something(sentence: Sentence) -> bool:
    """Whether a sentence says anything of the brands in it: a heading, a guess or a request does not."""
    if sentence.item is not None and sentence.item.kind == Kind.HEADING:
        return False
    rest = sentence.text.replace(BRAND, "")
    return sum(char.isalnum() for char in rest) >= 4 and not _PASSING.search(rest)


#: words of a sentence that deny knowledge, of the pattern at this place of _DENIALS
_Denial = tuple[int, re.Match[str]]


def _denials(text: str) -> list[_Denial]:
    """Where a sentence says that something is not known, in the answer's own name."""
    may = _GATE.possible(text.lower())
    return [
        (kind, found)
        for kind, pattern in enumerate(_DENIALS)
        if may >> kind & 1
        for found in pattern.finditer(text)
        if kind == _BEHIND or _mine(text, found.start())
    ][:_MOST_DENIALS]


_DENIALS = (_UNKNOWN_ZH, _UNKNOWN_BEHIND, _DOES_NOT_KNOW, _UNKNOWN_EN)
_GATE = Gate(_DENIALS)
_AHEAD, _BEHIND, _PLAIN, _ENGLISH = range(4)
#: of one sentence, so that one that only denies is read in proportion to its length
_MOST_DENIALS = 20


def _denies(text: str, start: int, end: int, denial: _Denial) -> bool:
    """Whether words that deny knowledge speak of the brand at ``start`` to ``end``."""
    kind, found = denial
    gap = text[found.end() : start] if start >= found.end() else text[end : found.start()]
    if kind == _AHEAD:
        inside = found.start() < start < found.end() and not re.search(_NOT_THAT, found[0])
        named = _UNKNOWN_OBJECT.search(text[end : end + 30]) or re.search("找到|查到|搜到|检索到|收录", found[0])
        alone = _NOT_THERE.search(text[max(0, found.start() - 8) : start]) and _NAME_ENDS.match(text, end)
        return inside and bool(named or alone)
    if kind == _BEHIND:
        # 官网没有公布: something of the brand's says nothing, not the answer
        near = end <= found.start() <= end + 120 and BRAND not in gap and not re.search(_NOT_THAT, found[0])
        described = _LITTLE.search(found[0]) and _DESCRIBES.search(gap)
        return near and not described and not _ITS_OWN.match(gap)
    if BRAND in gap and not _AND.fullmatch(gap.rsplit(BRAND, 1)[-1]):
        return False
    if kind == _PLAIN:
        return found.start() <= start < found.end() or len(gap) <= 40
    about = text[end : end + 25] if start >= found.end() else ""
    if len(gap) > 60 or any(_UNKNOWN_EN_NOT.search(words) for words in (found[0], gap, about)):
        return False
    return start >= found.end() or not re.search(r"'s\b|’s\b|\b(?:site|website|page)\b", gap)


#: it is not there itself: "搜不到X。", "资料库里没有X。"
_NOT_THERE = re.compile(r"[查找搜]不到|检索不到|(?:资料|数据|知识)库[^，。]{0,4}没有")
_NAME_ENDS = re.compile(r"[”\"」』》]?(?:这个(?:品牌|牌子|名字))?\s*(?:[。，,！!；;]|$)")
#: little is known of it, which is nothing only where the sentence says nothing else of it
_LITTLE = re.compile(r"(?:少|有限|不多|寥寥|稀少|匮乏)$")
_DESCRIBES = re.compile(r"是一[家个款]|[做主]营|成立|创立|总部|专注|位于|主打|来自|推出")
_AND = re.compile(r"\s*(?:,|、|/|和|或|与|及|and|or|nor)?\s*(?:or|and)?\s*", re.IGNORECASE)
_ITS_OWN = re.compile(r"[”\"」』》]?(?:的[^，,。]{1,8}|官网|官方|客服|网站|页面|门店|产品|包装)[^，,。]{0,6}$")


def _mine(text: str, at: int) -> bool:
    """Whether it is the answer that does not know, not its reader or the public."""
    return not _NOT_MINE.search(text[max(0, at - 14) : at + 1])


_QUOTED = r"[“\"「『《][^”\"」』》\n]{1,30}[”\"」』》]"
_NOTHING_OF_IT = _words(
    rf"(?:没有|没能|未能?|暂未|尚未|无法|查不到|找不到|搜不到|暂无)[^，。\n]{{0,12}}(?:找到|查到|查询到|搜索到|"
    rf"检索到|获取|收录|了解到|关于|有关|提供)?[^，。\n]{{0,6}}(?:{_ASKED}|{_QUOTED})[^，。\n]{{0,20}}{_KINDS}|"
    rf"(?:{_ASKED}|{_QUOTED})[^。\n]{{0,40}}?(?:没有|暂无|缺乏|未找到|查无|未能找到)[^，。\n]{{0,16}}(?:信息|资料|"
    rf"记录)|不(?:太)?(?:了解|熟悉)(?:{_ASKED}|{_QUOTED})|没有听说过(?:{_ASKED}|{_QUOTED})|"
    rf"{_QUOTED}[^。\n]{{0,20}}(?:占位|通用(?:化)?的?(?:名称|占位)|示例|并非一个)|"
    r"\b(?:not familiar with|never heard of|don't recogni[sz]e|no (?:reliable |public |"
    r"specific )?information (?:about|on)|(?:couldn't|could not|can't|cannot|don't|do not|unable to) (?:find|have|"
    r"locate)"
    r" (?:any |much |enough |specific |reliable |public )*(?:information|info|details|data) (?:about|on|for|"
    r"regarding)) (?:this|that|the|a|any|[\"“])"
)


def knows_nothing(parts: Iterable[Sentence]) -> bool:
    """Whether one of these sentences, without a brand in it, says that nothing is known of the one asked about."""
    for sentence in parts:
        if sentence.mentions:
            continue
        if any(_mine(sentence.text, found.start()) for found in _NOTHING_OF_IT.finditer(sentence.text)):
            return True
    return False
