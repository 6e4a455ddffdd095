"""Answer types: what an answer does as a whole.

The first of these that holds is the type: a program's error message; words or a list that recommend, also brands that
nobody tracks; an answer that says it knows nothing of what was asked; one that declines; one that weighs brands against
each other; anything else informs. Faint praise recommends only where it is all that the answer says.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from brandq.analysis.brands import DROPPED
from brandq.analysis.cues import Says
from brandq.analysis.findings import AnswerType
from brandq.analysis.knowing import knows_nothing
from brandq.analysis.listing import PROS_AND_CONS
from brandq.analysis.mentions import Mention
from brandq.analysis.outline import ADVICE, HEAD_END, SOURCES, Item, Kind, Outline
from brandq.analysis.ranks import Rank
from brandq.analysis.reading import Reading
from brandq.analysis.sentences import BRAND, Sentence, Sentences
from brandq.analysis.strength import NO_PLACE, Verdict
from brandq.analysis.triggers import Gate


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# ---- a program's error in place of an answer

_ERROR = _words(
    r"\W{0,4}(?:\w{1,20}\s?)?(?:error|exception|failure)\b\W{0,3}(?::|\]|\d{3}|code)|\W{0,4}\[?error\]?\s*[:\]]|"
    r"traceback \(most recent|"
    r"\W{0,4}(?:http\S{0,5}\s)?(?:error\s)?[45]\d\d\b[ :\-]{1,3}(?:bad gateway|too many|internal|service|gateway|"
    r"unauthori|forbidden|not found|rate|error|server|request|payment)|"
    r"\W{0,4}(?:internal server error|bad gateway|gateway time-?out|service (?:is )?(?:temporarily )?unavailable|"
    r"too many requests|rate limit(?: is| was|s)?(?: exceeded| reached)|"
    r"network error|connection (?:error|refused|reset|timed out)|(?:the )?request (?:timed out|failed|"
    r"was aborted)|upstream (?:connect|request)|invalid api key|"
    r"unauthori[sz]ed\b|insufficient (?:quota|balance|credits)|you exceeded your current quota|"
    r"something went wrong|an? (?:\w+ )?error (?:has )?occurred|"
    r"there was an error|context length exceeded|the (?:server|model|engine) (?:had an error|"
    r"is (?:currently )?overloaded))|"
    r"\W{0,4}(?:错误|报错|异常|出错了|出错啦|系统(?:异常|错误|繁忙|维护|出错|开小差)|服务(?:器)?(?:繁忙|异常|错误|"
    r"不可用|超时|忙|内部错误|暂时不可用|器繁忙)|"
    r"请求(?:超时|失败|过于频繁|频率|错误|异常|被拒)|网络(?:错误|异常|超时|连接|不给力|繁忙)|接口(?:调用)?(?:失败|"
    r"异常|错误|超时)|(?:模型)?调用(?:失败|超时|异常)|"
    r"(?:当前|目前)?(?:使用|访问|请求)?(?:人数|用户|流量)(?:过多|较多|太多|过大)|访问(?:过于)?频繁|"
    r"操作(?:过于)?频繁|(?:您的)?账户?(?:余额不足|欠费)|余额不足|"
    r"(?:抱歉|对不起|很抱歉|非常抱歉)[，,]?\s*(?:当前|目前|系统|服务器?|网络|请求)[^。]{0,12}(?:繁忙|异常|出错|"
    r"超时|失败|错误))"
)
#: who writes about an error explains it
_ABOUT_ERRORS = _words(
    r"\b(?:error|exception|\d{3})\b[^.\n]{0,40}\b(?:means?|is an?|indicates?|occurs?|happens?|refers|appears|"
    r"stands for)\b|"
    r"(?:表示|是指|意味着|指的是|通常是|一般是|是由|解决方法|如何解决|的原因)"
)
#: an error message is short, in characters
_LONGEST_ERROR = 500

# ---- declining

_DECLINES = _words(
    r"(?:抱歉|对不起|很遗憾|不好意思|非常遗憾)[^。！!\n]{0,40}?(?:不能|无法|不便|没法|不可以|不提供|没有办法|不会|"
    r"难以|不适合)|"
    r"(?:作为|身为)(?:一个|一名|一款)?[^，。]{0,12}(?:AI|人工智能|语言模型|助手|助理|智能)[^。\n]{0,30}?(?:不能|"
    r"无法|不便|不会|没有|不提供)|"
    r"(?:^|[，,。！!\s])(?:但|因此|所以|目前|虽然|故)?我(?:暂时|目前|也|们)?(?:不能|无法|不便|不会|没法|"
    r"没有办法)(?:直接|为[您你]|给[您你]|向[您你]|再|继续|对[^，。]{0,16}|就[^，。]{0,16})*(?:推荐|提供|回答|协助|"
    r"满足|评价|给出|讨论|帮助|回应|完成|执行|列出|处理)|"
    r"(?:这个|该)(?:问题|话题|请求)我?(?:无法|不能|不便|不方便)(?:回答|讨论|提供|评价|处理)|无法(?:回答|满足|协助|"
    r"处理)(?:您|你)?的?(?:这个|该|此)?(?:问题|请求)|"
    r"\b(?:i'?m |i am |we'?re |we are )?(?:sorry|afraid|apologi[sz]e)\b[^.\n]{0,60}?\b(?:can(?:not|'t| not)|"
    r"unable|not able|won't|don't|do not|must decline|not comfortable|not allowed)\b|"
    r"\b(?:i|we) (?:can(?:not|'t| not)|am (?:unable|not able) to|'m (?:unable|not able) to|won't|will not|"
    r"must decline|have to decline|am not (?:permitted|allowed) to|don't|do not)(?: \w+)? "
    r"(?:be able to )?(?:recommend|help|assist|provide|answer|discuss|fulfil|fulfill|comply|share|give|endorse|"
    r"name|comment|engage|create|offer|make (?:specific|personal|product|brand)|respond|continue|rank|"
    r"have personal|have opinions|express)|"
    r"\bi'?m (?:unable|not able) to (?:recommend|help|assist|provide|answer|discuss|comply|share|give|endorse|"
    r"name|rank)|"
    r"\bas an? (?:ai|artificial|language|large language)\b[^.\n]{0,60}?\b(?:can(?:not|'t| not)|unable|not able|"
    r"don't|do not|won't)\b|\bi(?:'d| would) (?:rather|prefer) not\b|\bagainst my (?:guidelines|policy|policies)\b|"
    r"\bmust (?:respectfully )?decline\b|"
    r"(?:^|[，,。！!：:\s]|我们?|这里|这边|实在|恐怕|恕)(?:也|还是|确实|目前|暂时)?(?:没(?:有)?办法|没法|无法|"
    r"不能|不便|不太?方便|不好|"
    r"不适合|不宜|难以|恕不|不予|无权|不打算|不会)(?:在这里)?(?:直接|具体|随便|贸然|轻易|擅自|公开)?[^，。\n]{0,14}?"
    r"(?:做决定|做出决定|做主|拿主意|拍板|下结论|做判断|作判断|作出判断|做选择|作选择|评价|评判|评论|表态|"
    r"发表(?:意见|看法|评论|观点)|置评|点评|站队|背书|"
    r"给(?:出|你|您)?[^，。\n]{0,6}(?:建议|意见|答案|结论|诊断|评分)|提供[^，。\n]{0,8}(?:建议|意见|诊断|评价))|"
    r"超出了?我的?[^，。]{0,8}(?:范围|能力)|不在我的?[^，。]{0,6}(?:服务|职责|回答|能力)范围|"
    r"\bi(?:'m| am) not (?:in a position|qualified|permitted|allowed|comfortable|willing|going|"
    r"able)(?: \w+)? (?:to|with|"
    r"giving|sharing|recommending|naming|ranking|commenting|picking|endorsing|judging|offering)\b|"
    r"\b(?:i|we) (?:can(?:not|'t)|won't|shouldn't|should not|would not|wouldn't)(?: \w+)? (?:weigh in|take sides|"
    r"pick sides|tell you (?:which|what|whether|who)|decide for you|judge|speak to|advise|say (?:which|whether|who))\b|"
    r"\b(?:stay|remain|be) neutral\b|\bnot my place to\b|\b(?:outside|beyond) (?:the scope of )?(?:what i can|"
    r"my (?:scope|remit|role|abilities))\b|\bnot something (?:that )?i (?:can|am able to|could)\b|"
    r"\bi have to pass on\b|\bi have no (?:\w+ )?(?:opinions?|views?|preferences?)\b|\bi (?:don't|"
    r"do not) (?:have|hold|offer|give|form) (?:\w+ )?(?:opinions?|views?|preferences?)\b|"
    r"\bnot appropriate for me\b|\bwouldn't be (?:right|appropriate|fair) (?:for|of) me\b"
)
#: an answer declines at its beginning, in characters
_DECLINES_BY = 320

# ---- lists and words that recommend brands nobody tracks

_RECOMMENDS = _words(
    r"推荐(?!理由|指数|标准|算法|系统)|首选|榜|排行|排名|口碑|靠谱|知名|品牌|门店|公司|商家|机构|店铺|选择|名单|"
    r"候选|备选|"
    r"\btop\b|\bbest\b|\bpicks?\b|\brecommend|\boptions?\b|\bchoices\b|\bhere are\b|\bbrands?\b|\balternatives?\b|"
    r"\bfavou?rites?\b|\bgreat\b|\bpopular\b|\bworth\b|\bmodels\b"
)
_STEPS = _words(
    r"^\W*(?:看|查|选|问|确认|确定|了解|明确|考虑|考察|注意|比较|对比|实地|签|索要|预算|价格|价位|环保|设计|服务|"
    r"质量|品质|板材|材质|材料|五金|售后|安装|资质|口碑|"
    r"合同|优势|优点|特点|缺点|亮点|不足|适合|适用|性能|外观|功能|技术|规模|案例|经验|地址|电话|营业|安全|续航|"
    r"产品|定位|品牌(?:知名度|定位|信息|历史|实力|背景|名称|官方|故事)|打开|点击|进入|输入|下载|登录|注册|选择|"
    r"检查|核实|查看|咨询|联系|避免|不要|警惕|保留|参考|搜索|关注|通过|利用|根据|结合|提供|建议|要求|测量|沟通|"
    r"施工|验收|付款|保养|清洁|更换|使用|信息|名称|通用|来源|市场|核心|专业|"
    r"合法|价格透明|透明|用户|客户|本地|行业|成本|效果|数据|团队|交付|效率|需求|目标|时间|步骤|方法|原因|"
    r"第[一二三四]步|为什么|如何|怎么|什么|哪些|是否|官方|电商|线下|线上|社交|综合|风格|"
    r"check|look|consider|compare|read|ask|set|choose|know|determine|decide|pric(?:e|ing)|cost|budget|battery|"
    r"design|features?|warranty|pros|cons|why|how|what|when|where|make|visit|ensure|avoid|"
    r"specs?|ideal|highlights?|performance|quality|sound|comfort|size|weight|materials?|support|ease|safety|"
    r"availability|discounts?|network|plan|key|do|does|is|are|will|would|any|which|who|use|open|click|"
    r"go to|type|capacity|note|tip|step|first|then|finally|download|install|add|mix|blend|pour|heat|cook|bake|"
    r"prep|serve|ingredients?|instructions?|directions?|great for|best for|good for|great if|"
    r"location|address|phone|hours|connectivity|display|storage|memory|processor|camera|durability|portability|"
    r"brand|color|power|speed|noise|fit|style|season|time|mostly|need|prefer|home|are you)"
)
_TITLE = re.compile(r"[A-Z][\w'’&.+-]*|\d[\w.\"-]*")
_MAKER = re.compile(
    r"店|公司|品牌|连锁|集团|科技|改装|家居|系列|馆|平台|机构|中心|工作室|汽车|装饰|咨询|手机|软件|智能|学院|"
    r"俱乐部|商城|基地|厨柜|橱柜|家具|堂|坊|茶|云|宅|俱乐部|"
    r"事务所|银行|保险|酒店|某|XX|xx"
)
_OFFERED_NAMES = _words(
    r"(?:推荐|首选|首推|知名的?有|靠谱的?有|有名的?有|选择有|重点了解|可以考虑|可以选择?|"
    r"建议选择?)[：:\s]*[“\"「『]?[\w·&＋+\-]{2,16}(?:[“”\"」』、]|和|与|或)[\w·&+\-“「\"]{2,}|"
    r"(?:推荐|首选|首推)[：:\s]*[“\"「『][^”\"」』\n]{2,20}[”\"」』]"
)
_OFFERED_TITLES = re.compile(
    r"(?:[Rr]ecommend(?:ed)?|[Gg]o with|[Cc]hoose|[Oo]pt for|[Cc]onsider|[Oo]ptions?(?: are| include)?:?|"
    r"[Pp]icks?(?: is| are)?:?|[Cc]hoices(?: are| include)?:?|[Tt]ry|"
    r"[Ss]uch as|[Bb]rands like)(?: either| the| both)? (?:[A-Z][\w'&.+-]{1,30})|"
    r"(?:[A-Z][\w'&.+-]{1,30}) (?:is|are) (?:the|a|an|my|our) (?:\w+ )?(?:best|top|great|good|safe|solid|"
    r"excellent) (?:choice|pick|option|bet)"
)
_OFFERS = Gate((_OFFERED_NAMES, _OFFERED_TITLES))
#: pronouns and such that begin with a capital and are no names
_NO_NAME = re.compile(
    r"\b(?:I|The|A|An|It|This|That|If|You|Your|They|These|Those|Checking|Consulting|Reading|Visiting|Looking|"
    r"Reviews?|Consumer)$"
)

# ---- comparing

_DIMENSION = _words(
    r"\s*(?:维度|项目|对比项?|对比维度|比较项?目?|指标|方面|参数|特性|特点|功能|对照项|类别|属性|features?|"
    r"aspects?|criteri(?:a|on)|category|specs?|specifications?|attributes?|factors?|metric|dimension|"
    r"comparison|)\s*"
)
_WEIGHS = _words(
    r"对比|(?:作|做|相|相互|来|横向|一般会?|经常|拿来)比较|比较(?:一下|起来|而言|来看|表|[，。：:；]|$|"
    r"[和与两这]|\ue000)|区别|差异|各有(?:优势|千秋|所长|特色|侧重|优劣)|[^\W]\s?(?:vs\.?|versus)\s|"
    r"\bcompar(?:e[sd]?|ing|"
    r"ison|ed)\b|\bdifferences?\b|\bwhereas\b|\bwhile\b|\bthan\b|相比|比起|更|不如|比(?![如例赛较])|"
    r"不相上下|旗鼓相当|差不多|相近|类似|一样|半斤八两|难分|平手|伯仲|大同小异|领先|落后|略胜|稍逊|略逊|胜过|"
    r"输给|前者|后者|"
    r"\b(?:the same|similar|similarly|alike|equally|identical|interchangeable|neck and neck|on (?:a )?par|outperforms?|"
    r"beaten|beats|lags?|edges? out|edged out|left (?:behind|in the dust)|falls? (?:short|behind)|trails|trailed|"
    r"ahead of|evenly matched|toss-?up|comparable)\b|"
    r"\bon the other hand\b|\bbut\b|而"
)
_VERSUS = re.compile(
    r"(?:[A-Z0-9][\w.-]{0,30}|[\u3400-\u9fff])\s?(?:[Vv][Ss]\.?|versus)\s?(?:[A-Z0-9]|[\u3400-\u9fff])"
)
#: so many sentences at most have faint praise for their only message
_FEW = 3


def type_of(
    answer_text: str, said: Sentences, ranks: Mapping[str, Rank], unknown: frozenset[str], found: Sequence[Verdict]
) -> AnswerType:
    """What the answer does. Any text has a type; one without a letter is an error.

    ``found``: the verdicts on its mentions.
    """
    if _is_error(answer_text, said.mentions):
        return AnswerType.ERROR
    known = [one for one in found if one.brand not in unknown]
    says = {one.says for one in known}
    steps = {one.brand for one in known if one.says in NO_PLACE}
    listed = Says.LISTS in says or any(brand not in unknown and brand not in steps for brand in ranks)
    if listed or says & _FIRM or _lists_names(said.reading, said.outline):
        return AnswerType.RECOMMENDATION
    if Says.OFFERS in says and not _compares(said, says):
        return AnswerType.RECOMMENDATION
    if not known and (unknown or knows_nothing(_first(said))):
        return AnswerType.UNKNOWN_BRAND
    declines = any(_declines(part) for part in _first(said))
    if not declines and (_offers_names(said) or (says & _FAINT and len(list(islice(said, _FEW + 1))) <= _FEW)):
        return AnswerType.RECOMMENDATION
    if declines:
        return AnswerType.REFUSAL
    return AnswerType.COMPARISON if _compares(said, says) or _side_by_side(said) else AnswerType.INFO


#: what recommends only where it is all that the answer says
_FAINT = frozenset((Says.PRAISES, Says.APPROVES))
#: what recommends, or advises against, in so many words
_FIRM = frozenset((Says.BEST, Says.RECOMMENDS, Says.ADVISES_AGAINST))


def _is_error(text: str, mentions: Sequence[Mention]) -> bool:
    text = text.strip()
    if not any(char.isalnum() for char in text):
        return True
    if text[0] in "{[" and len(text) <= 20 * _LONGEST_ERROR:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict) and (
            {"error", "errors", "error_code", "error_msg", "errcode", "errmsg", "exception"} & document.keys()
            or (
                {"message", "msg", "detail", "error_message"} & document.keys()
                and {"code", "status", "status_code", "statusCode", "ret", "retcode"} & document.keys()
            )
        ):
            return True
    if text[0] == "<" and len(text) <= 20 * _LONGEST_ERROR:
        title = re.search(r"<(?:title|h1)>([^<>]{1,200})</", text, re.IGNORECASE)
        return bool(
            title and re.match(r"\W*(?:[45]\d\d\b|error|bad gateway|service unavailable)", title[1], re.IGNORECASE)
        )
    if len(text) > _LONGEST_ERROR or mentions:
        return False
    return bool(_ERROR.match(text)) and not _ABOUT_ERRORS.search(text)


def _first(parts: Iterable[Sentence]) -> Iterator[Sentence]:
    """The sentences with which an answer begins."""
    read = 0
    for part in parts:
        if read > _DECLINES_BY:
            return
        read += len(part.text)
        yield part


def _declines(sentence: Sentence) -> bool:
    return bool(_DECLINES.search(sentence.text)) and not re.search(
        r"enough|go wrong|n't hesitate|不得不|没有理由|find|找到|查到|stress|"
        r"emphasi[sz]e",
        sentence.text,
        re.IGNORECASE,
    )


def _lists_names(reading: Reading, outline: Outline) -> bool:
    """Whether a list or a table puts names, tracked or not, where an answer puts what it recommends."""
    runs: dict[tuple[object, ...], list[tuple[Item, str]]] = defaultdict(list)
    lead: dict[tuple[object, ...], str] = {}
    above = opening = last = ""
    for item in outline.items:
        opening = opening or item.body[:160]
        listed = item.marker is not None or (item.kind == Kind.ITEM)
        if not listed:
            if item.kind in {Kind.HEADING, Kind.LINE}:
                above = f"{above[-160:]} {item.body[:160]}"
                last = item.body
            continue
        if PROS_AND_CONS.fullmatch(last[:60]):
            continue
        if item.role in {ADVICE, SOURCES} or item.own_role in {ADVICE, SOURCES}:
            continue
        style = item.marker.style if item.marker else "bullet"
        key = (item.kind, item.level, style, item.section if item.kind == Kind.ITEM else 0)
        lead.setdefault(key, above)
        body = item.body[item.marker.length if item.marker else 0 :]
        runs[key].append((item, body))
        if item.kind == Kind.HEADING:
            above = f"{above[-160:]} {item.body[:160]}"
            last = body
    for run, entries in runs.items():
        numbered = run[2] != "bullet"
        offered = _RECOMMENDS.search(f"{opening} {lead[run]}")
        names = [_looks_named(reading, item, body, bool(offered)) for item, body in entries]
        if 2 * sum(names) < len(names) or sum(names) < (1 if offered and numbered else 2):
            continue
        if numbered or offered:
            return True
    return False


def _looks_named(reading: Reading, item: Item, body: str, offered: bool) -> bool:
    """Whether an item is headed by what may be a name: short, no step, no property, no question."""
    end = HEAD_END.search(body, 1)
    head = (body[: end.start()] if end else body).strip(" *_“”\"'[]【】()（）")
    if not head or _STEPS.search(head) or body.rstrip().endswith(("?", "？")):
        return False
    latin = re.findall(r"[A-Za-z][\w'’&.+-]*", head)
    han = len(re.findall(r"[\u3400-\u9fff]", head))
    if han:
        at = item.line.at[item.at + (item.marker.length if item.marker else 0)]
        bold = offered and reading.view[max(0, at - 1) : at] == DROPPED
        short = han <= 16 and not re.search(r"[，,]", head)
        named = bold or bool(_MAKER.search(head)) or bool(latin)
        return short and (named or (offered and han <= 5))
    return 0 < len(latin) <= 8 and 2 * len(_TITLE.findall(head)) > len(latin)


def _offers_names(said: Sentences) -> bool:
    """Whether a sentence offers names that nobody tracks."""
    if not _OFFERS.possible(said.reading.text.lower()):
        return False
    for part in said:
        if part.item is not None and part.item.role in {ADVICE, SOURCES}:
            continue
        may = _OFFERS.possible(part.words.lower())
        if may & 1 and _OFFERED_NAMES.search(part.words):
            return True
        if may & 2 and any(not _NO_NAME.search(found[0]) for found in _OFFERED_TITLES.finditer(part.words)):
            return True
    return False


#: a brand, then what holds of it alone, or its score
_HOLDS = re.compile(
    rf"\W*{BRAND}++[\w .'-]{{0,24}}?(?:[:：]?\s*\d+(?:\.\d+)?\s?(?:/|%|分|\b(?!年|月|[:：]))|\s*[:：]\s*\d)"
)
_CLAUSE = re.compile(rf"(?:^|[,，;；]|\bwhile|\bbut|而)\s*(?:the )?(?={BRAND})")
_PREDICATE = re.compile(
    rf"{BRAND}++\s?(?![、,，和与及跟/&的]|自己|and\b|or\b)(?:[a-z][^,，;；.]{{5,}}|[\u3400-\u9fff][^,，;；。]{{1,}})"
)
#: two names, each with its clause: "Lowa runs narrow; Keen fits wide feet."
_TWO_CLAUSES = re.compile(
    r"^\W*([A-Z][\w'&-]{1,30})(?: [A-Z]\w{1,20}){0,2} [a-z][^.;,]{3,80};\s*(?:while |but )?"
    r"(?!It|They|He|She|This|That|The|You|We|I|There|Its|Their|These|Those|If|And|But|However|Also|Then|So)"
    r"(?!\1\b)[A-Z][\w'&-]{1,30}(?: [A-Z]\w{1,20}){0,2} [a-z][^.;]{3,80}\.?\s*$"
)


#: years and places set nothing side by side
_FACTS = re.compile(
    r"成立|创立|创办|总部|位于|上市|收购|\b(?:founded|based in|headquartered|moved|born|established|acquired|"
    r"owned by|filed|"
    r"launched|began|started)\b",
    re.IGNORECASE,
)
_SCORED = re.compile(rf"{BRAND}++[^，,;；{BRAND}]{{0,16}}?(?<![\d.])(?!(?:1[89]|20)\d\d\b)\d+(?:\.\d+)?(?![\d年月])")


def _side_by_side(said: Sentences) -> bool:
    """Whether two brands stand side by side, each with its score or its clause, in half of the answer or more."""
    scored: set[str] = set()
    for part in said.named:
        if _HOLDS.match(part.text):
            scored.add(part.mentions[0][2])
    if len(scored) >= 2:
        return True
    clauses = 0
    before: Sentence | None = None
    for part in said.named:
        if _FACTS.search(part.text):
            before = None
            continue
        if len(part.mentions) >= 2:
            at = {found.start() for found in _SCORED.finditer(part.text)}
            clauses += len({brand for start, _, brand in part.mentions if start in at}) >= 2
        starts = {found.end() for found in _CLAUSE.finditer(part.text)}
        brands = {b for a, _, b in part.mentions if a in starts and _PREDICATE.match(part.text, a)}
        if len(brands) >= 2:
            clauses += 1
        elif (
            brands
            and before is not None
            and before.text.rstrip().endswith((";", "；"))
            and (before.item is part.item and before.start + len(before.text) == part.start)
        ):
            opens = [
                (a, b)
                for a, _, b in before.mentions[:1]
                if not any(map(str.isalnum, before.text[:a].replace(BRAND, "")))
            ]
            first = {b for a, b in opens if _PREDICATE.match(before.text, a)}
            clauses += 2 if first and not first & brands else 0
        before = part
    if clauses and 2 * clauses >= len(said.all):
        return True
    lines = [item for item in said.outline.items if item.kind == Kind.LINE]
    return (
        bool(said.named)
        and len(lines) <= 2
        and any(_TWO_CLAUSES.match(item.line.seen[item.at :]) and not _FACTS.search(item.body) for item in lines)
    )


def _weighs(sentence: Sentence) -> bool:
    """Whether a sentence of two brands weighs them; a "but" only between them."""
    for found in _WEIGHS.finditer(sentence.text):
        if found[0].lower() not in _BETWEEN:
            return True
        at = found.start()
        before = {brand for start, _, brand in sentence.mentions if start < at}
        if before and any(
            brand not in before or len(before) > 1 for start, _, brand in sentence.mentions if start > at
        ):
            return True
    return False


_BETWEEN = frozenset(("but", "while", "whereas", "on the other hand"))


def _compares(said: Sentences, says: Collection[Says]) -> bool:
    """Whether the answer weighs two brands or more: in columns, under "A vs B", or in what most of it says."""
    if Says.COMPARES in says:
        return True
    for table in said.outline.tables:
        headers = table.headers
        if len(headers) >= 3 and _DIMENSION.fullmatch(headers[0]):
            return True
    if any(_VERSUS.search(item.body[:200]) for item in said.outline.items):
        return True
    weigh = [part for part in said.named if len({brand for _, _, brand in part.mentions}) >= 2 and _weighs(part)]
    return bool(weigh) and (weigh[0] == next(iter(said)) or 3 * len(weigh) >= len(said.all))
