"""Strength: how far an answer recommends a brand, from top pick to advised against.

Every mention is judged in its own sentence. Words that recommend, offer, compare or advise against (cues) govern the
brands that they speak of: the nearest cue before a brand whose object it may be, else the nearest one behind it. A
sentence is cut into groups first, so that "首选A，B也不错" gives each brand its own cue, and brands that are merely
counted up ("推荐A、B和C") share one. A brand that another is measured against ("than X", 比X) is governed by nothing,
and a condition ("如果预算有限") makes a recommendation an option.

A place in a list of recommendations makes a brand recommended; the first place makes it a top pick only with words of
being best, a medal or 第一名. A brand is worth what its strongest mention says. Advice against it outweighs offers but
not a place in the list, for a list that advises against gives no places.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from brandq.analysis.brands import is_han
from brandq.analysis.cues import BEFORE, BEHIND, BEST_OF_ALL, EITHER, LEVELS, Cue, Says, find_cues
from brandq.analysis.findings import (
    ADVISED_AGAINST,
    NAMED,
    NEGATIVE,
    OPTION,
    RECOMMENDED,
    TOP_PICK,
    Opinion,
    Span,
)
from brandq.analysis.listing import LONGEST_LABEL, Sections, listed
from brandq.analysis.outline import AVOID, SOURCES, Item, Kind, Table
from brandq.analysis.ranks import ORDINAL, Rank
from brandq.analysis.sentences import BRAND, Sentence, Sentences
from brandq.analysis.triggers import Gate

_NAME = BRAND + "++"
#: words of being best that make a first place a top pick
_BEST_IN_ENTRY = re.compile(
    r"\bbest\b(?![- ](?:for|if|when|known|selling|suited|used|buy|budget|value|premium|cheap|affordable|"
    r"alternative|mid|under|practices?)\b)|"
    r"最(?:好|佳|强|优|棒|稳|出色|优秀|全面|舒适|值得|推荐)|首选|首推|\btop (?:pick|choice|rated)\b(?!s)|\b#1\b|"
    r"冠军|🏆|👑|第一名",
    re.IGNORECASE,
)
_FOIL = re.compile(
    r"(?:\bthan|\bover|\bversus|\bvs\.?|\bunlike|\binstead of|\brather than|\bcompared (?:to|with)|\bbeats|"
    r"\boutperforms|\bsimilar to|"
    r"\balternatives? to|\breplac(?:es?|ing)|\bagainst|\bahead of|\brivals?|比起?|相比(?:于)?|不如|胜过|优于|超过|"
    r"强于|逊于|而不是|而非|不像|对标|替代|媲美|类似)"
    r"\s*(?:the|an?|its|other)?\s*[“\"'「《(（]?$",
    re.IGNORECASE,
)
_JOINER = re.compile(r"\s*(?:,|，|和|与|及|以及|跟|or|and|或|或者|&|、|/|／|\+)\s*(?:the\s)?", re.IGNORECASE)
_CONDITION = re.compile(
    r"如果|假如|若(?!干)|要是|倘若|的话|除非|只要|当[你您]|预算(?:充足|有限|够|不够|允许|紧张|不足|充裕|多|少|"
    r"较?高|较?低)|追求|看重|注重|"
    r"\bif\b|\bunless\b|\bwhen you\b|\bas long as\b|\bprovided\b|\bshould you\b|\bdepending on\b",
    re.IGNORECASE,
)
#: conditions that leave nothing open
_NO_CONDITION = re.compile(
    r"(?:如果|要是|若)(?:真的|非)?(?:只能?|必须|要|让我|问我|一定要)[^，,。]{0,6}(?:选|推荐|说|买)[^，,。]{0,4}|"
    r"\bif (?:i|you|we) (?:\w+ ){0,4}(?:choose|pick|buy|get|recommend|name) (?:only |just )?(?:one|a single)\b|"
    r"\bif (?:i|you|we) (?:had|have) to (?:choose|pick|recommend|name)\b|\bif (?:you )?ask(?:ed)? me\b|"
    r"\bif in doubt\b|\bif (?:it|this|that) (?:was|were) (?:me|my|mine|up to|down to|our)\b|"
    r"\bif i (?:was|were) (?:you|buying|choosing|picking|shopping|starting|in your)\b|"
    r"\bif (?:pressed|pushed|forced|push comes to shove|i'm honest|we're honest)\b|"
    r"\bif (?:i|you|we) could (?:only )?(?:\w+ ){0,2}(?:one|a single)\b|"
    # what makes the reader leave is no condition of the choice
    r"\b(?:switch|change|upgrade|swap|step up|move (?:on|up)|return it)(?: \w+){0,3} (?:only )?if\b|"
    r"(?:如果|要是|若|假如)(?:是|换(?:成|作|做)?)(?:我自己|我|本人)(?=的话|来|选|买|掏钱|花钱|[，,])|"
    r"(?:只(?:够|能|许|可以)|二选一|三选一)[^，。]{0,6}(?:[买选留带]|一[个款台样双家])|(?:我自己|我个人|换我|"
    r"要我|^\W*我)的话",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"(?P<weak>\s*[、]\s*|[,，]\s*(?:and|or|和|以及)(?=\s)|\s(?:and|or|as well as)(?=\s)|(?:以及|或者|和|与|及|跟|"
    r"或)|\s?[/／&]\s?)|"
    r"[，,]\s*(?:but|while|whereas)(?=\s)|[，,]|\s(?:but|while|whereas|though|although)(?=\s)|(?:但是|但|不过|"
    r"然而|而(?!不是|非|且|言))",
    re.IGNORECASE,
)
_LETTER = re.compile(r"^\s*[A-Ha-h]\s?[.、．)）:：]\s*$")
_BUT_FOR = re.compile(
    rf"除了?{_NAME}[^，,。]{{0,6}}[，,]?(?:其他|其它|其余|别的)?[^，,。]{{0,4}}[都均](?=可以|推荐|行|值得|不错|"
    rf"还行|挺|能)"
)
_BESIDES = re.compile(rf"除了?{_NAME}[^，,。]{{0,12}}[，,]?[^，,。]{{0,8}}(?:都不|都别|均不|没有)")
#: how far from its brand a cue may stand, in characters
_REACH = 90
#: how many cues on either side of a brand are looked at
_NEAREST = 8
_GATE = Gate((_CONDITION, _FOIL, _BUT_FOR, _BESIDES))
_MAY_SET_CONDITION, _MAY_BE_FOIL, _MAY_BE_BUT_FOR, _MAY_BE_BESIDES = 1, 2, 4, 8
#: a first place that is printed so is a top pick: 🥇, 第一名, 并列第一
_FIRST_STYLES = frozenset({"medal", "ordinal"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one mention says of its brand. ``start`` is the mention's offset in characters of the answer's text.

    ``where``: the sentence that says so, None in a table.
    """

    brand: str
    start: int
    says: Says
    strength: int
    conditional: bool = False
    where: Span | None = None


@dataclass(slots=True)
class _Group:
    """Pieces of a sentence that the same cues govern. ``plain``: nothing but names that are counted up.

    ``runs_on``: it ends in a name that the next piece counts up with another.
    """

    start: int
    end: int
    mentions: list[int] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    plain: bool = True
    runs_on: bool = False


def find_strengths(
    found: Sequence[Verdict],
    said: Sentences,
    ranks: Mapping[str, Rank],
    opinions: Mapping[str, Opinion],
    unknown: frozenset[str],
) -> dict[str, int]:
    """The strength, of STRENGTHS, of every brand that is mentioned. ``unknown`` brands are merely named.

    ``found``: the verdicts on the same mentions. ``opinions`` may be empty: where it says that the answer speaks ill of
    a brand, a place in a list, praise or an offer recommends nothing.
    """
    by_brand: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in found:
        by_brand[verdict.brand].append(verdict)
    strengths: dict[str, int] = {}
    for brand in said.brands:
        opinion = opinions.get(brand)
        disliked = opinion is not None and opinion.sentiment == NEGATIVE
        strengths[brand] = NAMED if brand in unknown else _strength(by_brand[brand], ranks.get(brand), disliked)
    return strengths


def _strength(found: Sequence[Verdict], rank: Rank | None, disliked: bool) -> int:
    """What the mentions of one brand come to."""
    if rank and rank.source == ORDINAL and rank.value == 1:
        # "并列第一：A、B": the words themselves are the first place
        return TOP_PICK
    levels = {verdict.strength for verdict in found}
    best = max(levels, default=NAMED)
    in_steps = bool(found) and all(verdict.says in NO_PLACE for verdict in found)
    if found and levels == {ADVISED_AGAINST}:
        return ADVISED_AGAINST
    if rank and not disliked and not in_steps:
        # the entry itself says under which condition; only then is a place no recommendation
        entry = next((verdict for verdict in found if verdict.conditional), None)
        best = max(best, OPTION if entry and best <= OPTION else RECOMMENDED)
    if best >= RECOMMENDED and not (disliked and all(v.says not in _FIRM for v in found)):
        return best
    if ADVISED_AGAINST in levels:
        return ADVISED_AGAINST
    return NAMED if disliked else best


#: what is said where a place in a list is none: the list is of steps, or of one brand's good and bad sides
NO_PLACE = frozenset((Says.IN_A_STEP, Says.IN_A_PROPERTY))
#: what recommends also where the answer speaks ill of the brand
_FIRM = frozenset((Says.BEST, Says.RECOMMENDS))


def verdicts(said: Sentences, ranks: Mapping[str, Rank]) -> list[Verdict]:
    """What each mention says of its brand, in order of the text."""
    if not said.mentions:
        return []
    sections = Sections(said.outline)
    entries = listed(said, sections)
    found: list[Verdict] = []
    for sentence in said.named:
        if sentence.item is None:
            table = said.outline.part_at(sentence.named[0].start)
            found += _in_table(sentence, table if isinstance(table, Table) else None, entries)
            continue
        says = judge(sentence)
        for n, mention in enumerate(sentence.named):
            verdict = _in_line(sentence, sentence.item, n, says[n], ranks.get(mention.brand), sections)
            if mention.start in entries and verdict[1] in {NAMED, OPTION} and not verdict[2]:
                verdict = Says.LISTS, RECOMMENDED, False
            found.append(Verdict(mention.brand, mention.start, *verdict, _span(sentence, sentence.item)))
        found += _said_after(sentence, said.after(sentence))
    return found


#: words for a brand that the sentence before named
_REFERS = re.compile(
    r"\b(?:it|it's|them|those|these|this one|that one|they|they're|nothing else)\b|这款|这家|这个牌子|这牌子|它|"
    r"该(?:品牌|款|家)|别的",
    re.IGNORECASE,
)
#: answers to whether it is worth it
_YES = re.compile(
    r"\b(?:it's|is|makes it|that's|be) (?:still )?an? (?:\w+ )?yes\b|^\W*(?:honestly, |in short, |"
    r"for most(?: people)?, )?"
    r"(?:yes|absolutely|definitely|without a doubt)\b|\bshort answer: yes\b|答案是肯定的|^\W*(?:当然|非常|绝对|"
    r"很)?值得?(?:[。！!，,]|$)",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\b(?:it's|is|makes it|that's|be) (?:still )?a (?:\w+ )?no\b|^\W*(?:honestly, |in short, |for most(?: people)?, )?"
    r"(?:no|not really|absolutely not|definitely not)\b(?! (?:doubt|question|contest))|答案是否定的|^\W*(?:真|"
    r"完全|根本)?不值得?(?:[。！!，,]|$)",
    re.IGNORECASE,
)
#: nothing but a name and a question mark
_ASKED = re.compile(rf"\W*(?:and |the )?{_NAME}\s*[?？]\W*", re.IGNORECASE)
#: what is only to be done later, or first
_NOT_YET = re.compile(r"\b(?:without|unless|before|until|first|if)\b|之前|除非|先|如果", re.IGNORECASE)


def _said_after(sentence: Sentence, after: str) -> Iterator[Verdict]:
    """What the next sentence says of the one brand that a sentence names: "I would avoid those."."""
    brands = {brand for _, _, brand in sentence.mentions}
    if after and len(brands) == 1 and sentence.text.rstrip().endswith(("?", "？")) and not _NOT_YET.search(after):
        for answer, says in ((_YES, Says.RECOMMENDS), (_NO, Says.ADVISES_AGAINST)):
            if answer.search(after):
                yield Verdict(sentence.named[-1].brand, sentence.named[-1].start, says, LEVELS[says])
                return
    if (
        not after
        or len(brands) > 1
        or not (_REFERS.search(after) or _ASKED.fullmatch(sentence.text))
        or _NOT_YET.search(after)
    ):
        return
    for cue in find_cues(after):
        if cue.says in {Says.BEST, Says.ADVISES_AGAINST}:
            yield Verdict(sentence.named[-1].brand, sentence.named[-1].start, cue.says, LEVELS[cue.says])
            return


#: what somebody needs who is then told a brand: "If you want flexibility, X has no contract"
_FOR_WHOM = re.compile(
    r"^\W*(?:\d+\W+)?(?:(?:but |and )?if\b[^,]{3,80},|(?:如果|若是?|要是|假如|想要?|追求|看重|注重|"
    r"在意)[^，,。]{2,30}[，,])"
    r"\s*(?:then |the )?[“\"]?$",
    re.IGNORECASE,
)
#: a need as a question before a brand: "Tight budget? X gets you there", "想省心？X"
_NEED_ASKED = re.compile(
    r"(?:^|[.!?。！？:：\n])[^\w\n]*(?!what|which|how|why|who|where|when|is\b|are\b|does|do\b|did|can|could|should|"
    r"will|would|has\b|have you heard)"
    r"(?:[^\W\d_](?:(?!什么|怎么|怎样|如何|哪|吗|呢|为何|是否|值不值|好不好|多少|谁)[^.?!。？！\n]){2,60})[?？]\W*$",
    re.IGNORECASE,
)
#: for which people: "For side sleepers, X"
_FOR_PEOPLE = re.compile(
    r"^\W*(?:but |and )?for (?:[\w'-]+ ){0,4}(?:families|kids|parents|students|people|anyone|anybody|those|folks|teams|"
    r"couples|seniors|toddlers|newbies|pros|(?!others|orders|numbers|papers|matters|customers|transfers|"
    r"quarters)\w{3,}ers)"
    r"\b[^,.]{0,40}, *(?:the )?$",
    re.IGNORECASE,
)
#: a mark before a name and what goes on with it
_FOR_IT = re.compile(r"^\W*[✅✔☑👍💚🟢]\W*$")
_AGAINST_IT = re.compile(r"^\W*[🚫❌⛔👎🔴✖🛑]\W*$")
_GOES_ON_WITH = re.compile(r"[^\W\ue000]{0,2}[\w .'’+-]{0,24}?(?:\s?[–—]|\s-\s|[:：])")
_NO_SUBJECT = re.compile(r"^[”\"]?\s?(?:['’]s\b|的|官网|客服|也?不|doesn|isn|won't|can't|cannot|is not)", re.IGNORECASE)
#: what the reader does, step by step
_STEP = re.compile(
    r"^\W*(?:\*\*)?(?:export|import|open|click|go to|sign|log|download|install|connect|create|set|run|select|"
    r"enter|type|add|upload|"
    r"turn|press|tap|check|look|ask|read|measure|compare|visit|call|make|write|send|save|copy|paste|search|scan|"
    r"pair|plug|link|"
    r"register|verify|collect|pick|tell|use|try on|take|keep|clean|wash|fill|mix|follow|start|finish|test|"
    r"review|invite|load|unload|place|put|drop|drag|sync|share|move|remove|delete|change|switch|schedule|plan|"
    r"list|log in|find|get|give|bring|cut|boil|heat|pour|stir|bake|print|label|record|back up|update|"
    r"打开|点击|进入|下载|安装|注册|登录|搜索|上传|导入|导出|连接|填写|提交|用|把|将|先|再|看|查|在|到|去|检查|"
    r"确认|核对|对比|咨询|"
    r"联系|查看|测|量|拍|剪|选好|准备)",
    re.IGNORECASE,
)


def _span(sentence: Sentence, item: Item) -> Span:
    """Where a sentence stands in the answer's text."""
    end = sentence.start + len(sentence.text)
    return item.line.at[sentence.start], item.line.at[min(end, len(item.line.at) - 1)]


def _in_line(
    sentence: Sentence,
    item: Item,
    n: int,
    judged: tuple[Cue | None, bool],
    rank: Rank | None,
    sections: Sections,
) -> tuple[Says, int, bool]:
    """What a sentence says of its n-th mention, how strongly, and whether an entry of a list sets a condition."""
    cue, conditional = judged
    said = cue.says if cue else Says.NOTHING
    before = sentence.text[: sentence.mentions[n][0]]
    opens = sentence.start == item.at
    numbered = item.marker.length if item.marker and opens else 0
    begins = opens and not any(map(str.isalnum, before[numbered:].replace(BRAND, " ")))
    first = opens and BRAND not in before.rstrip(BRAND + " /／、&") and len(before) <= LONGEST_LABEL
    heading = sections.above(item, begins and n == 0) if begins or first else None
    if item.role == SOURCES:
        return Says.NOTHING, NAMED, False
    if item.kind == Kind.ITEM and not begins and said not in _FIRM and _STEP.match(before[numbered:]):
        return Says.IN_A_STEP, NAMED, False
    if said not in _FIRM and said != Says.ADVISES_AGAINST and sections.weighs(item):
        return Says.IN_A_PROPERTY, NAMED, False
    if heading == Says.ADVISES_AGAINST:
        if said not in _FIRM and not _FOIL.search(before):
            return Says.ADVISES_AGAINST, ADVISED_AGAINST, False
        heading = None
    elif not begins:
        heading = None
    if rank and first and (item.marker or item.kind != Kind.LINE or before.rstrip().endswith((":", "："))):
        return _entry(sentence, n, cue, conditional, rank, heading)
    if heading and said in {Says.NOTHING, Says.OFFERS, Says.APPROVES} and not _FOIL.search(before):
        said, conditional = max(heading, said, key=lambda one: LEVELS[one]), False
    if said == Says.NOTHING and first and _LETTER.match(before):
        said = Says.LISTS
    if begins and n == 0 and not before.isascii() and _GOES_ON_WITH.match(sentence.text, sentence.mentions[n][1]):
        if said not in _FIRM and _AGAINST_IT.match(before):
            return Says.ADVISES_AGAINST, ADVISED_AGAINST, False
        if said in {Says.NOTHING, Says.OFFERS, Says.APPROVES} and _FOR_IT.match(before):
            said = Says.LISTS
    if said == Says.NOTHING and not _NO_SUBJECT.match(sentence.text, sentence.mentions[n][1]):
        asked = not any(map(str.isalnum, before)) and sentence.start > item.at and n == 0
        if (
            _FOR_WHOM.match(before)
            or _FOR_PEOPLE.match(before)
            or (asked and _NEED_ASKED.search(item.line.seen[max(item.at, sentence.start - 80) : sentence.start]))
        ):
            return Says.OFFERS, OPTION, False
    return said, min(LEVELS[said], OPTION) if conditional else LEVELS[said], False


#: first places that several share
_TIED = re.compile(r"并列|\b(?:joint|shared|equal|co-|tied?|dual)\b", re.IGNORECASE)


def _entry(
    sentence: Sentence, n: int, cue: Cue | None, conditional: bool, rank: Rank, heading: Says | None
) -> tuple[Says, int, bool]:
    """What an entry of a list says of the brand that holds its place."""
    item = sentence.item
    start, end, _ = sentence.mentions[n]
    before = sentence.text[:start]
    said = cue.says if cue else Says.NOTHING
    if said == Says.ADVISES_AGAINST:
        return said, ADVISED_AGAINST, False
    if conditional and _CONDITION.search(before):
        return (
            Says.OFFERS,
            OPTION,
            said != Says.RECOMMENDS or bool(re.search("如果|若|\\bif\\b", before, re.IGNORECASE)),
        )
    medal = (
        item is not None and item.marker is not None and item.marker.style in _FIRST_STYLES and item.marker.number == 1
    )
    upto = re.compile(r"[，,。；;]|\.\s").search(sentence.text, min(end + 1, len(sentence.text)))
    around = sentence.text[: upto.start() if upto else len(sentence.text)][: end + _REACH]
    own = BEST_OF_ALL.search(around[:start]) or BEST_OF_ALL.search(around, end)
    tied = cue is not None and said == Says.BEST and rank.value == 1 and _TIED.match(sentence.text, cue.start)
    if own or tied or heading == Says.BEST or (rank.value == 1 and medal):
        return Says.BEST, TOP_PICK, False
    others = len({brand for a, _, brand in sentence.mentions if a < len(around)}) > 1
    if rank.value == 1 and not others and _BEST_IN_ENTRY.search(around) and (not cue or said != Says.NOTHING):
        return Says.BEST, TOP_PICK, False
    return (Says.RECOMMENDS if said == Says.RECOMMENDS else Says.LISTS), RECOMMENDED, False


def _in_table(sentence: Sentence, table: Table | None, entries: frozenset[int]) -> Iterator[Verdict]:
    """A row of a table of brands recommends; another says what its cells say in so many words."""
    named = sentence.named
    for n, (mention, (cue, _)) in enumerate(zip(named, judge(sentence), strict=True)):
        if table is not None and table.role == AVOID and n == 0:
            yield Verdict(mention.brand, mention.start, Says.ADVISES_AGAINST, ADVISED_AGAINST)
        elif cue and cue.says in {Says.BEST, Says.ADVISES_AGAINST} and len({one.brand for one in named}) == 1:
            yield Verdict(mention.brand, mention.start, cue.says, LEVELS[cue.says])
        else:
            says = Says.LISTS if mention.start in entries else Says.NOTHING
            yield Verdict(mention.brand, mention.start, says, LEVELS[says])


def judge(sentence: Sentence) -> list[tuple[Cue | None, bool]]:
    """For each mention the cue that governs it, if any, and whether a condition is set."""
    text = sentence.text
    cues = find_cues(text)
    may = _GATE.possible(text.lower())
    verdict: list[tuple[Cue | None, bool]] = [(None, False)] * len(sentence.mentions)
    may_set_condition = bool(may & _MAY_SET_CONDITION) and not _NO_CONDITION.search(text)
    if cues or may_set_condition:
        foils = _foils(sentence, cues) if may & _MAY_BE_FOIL else frozenset()
        before: list[Cue] = []
        for group in _groups(sentence, cues):
            if not group.cues and before and _GOES_ON.match(text[group.start : group.end]):
                # "choose A if …, and B if …"
                for n in group.mentions:
                    verdict[n] = before[-1], may_set_condition
                continue
            before = [cue for cue in group.cues if cue.side == BEFORE] or before
            condition = may_set_condition and bool(_CONDITION.search(text[group.start : group.end]))
            for n in group.mentions:
                if n not in foils:
                    verdict[n] = _governing(sentence, n, group.cues), condition
    if may & _MAY_BE_BESIDES and sentence.mentions and (besides := _BESIDES.search(text)):
        first = next(
            (n for n, (start, _, _) in enumerate(sentence.mentions) if besides.start() <= start < besides.end()), 0
        )
        verdict[first] = Cue(Says.RECOMMENDS, EITHER, besides.start(), besides.end()), False
    if may & _MAY_BE_BUT_FOR and sentence.mentions and (all_but := _BUT_FOR.search(text)):
        for n, (start, _, _) in enumerate(sentence.mentions):
            if all_but.start() <= start < all_but.end():
                verdict[n] = Cue(Says.ADVISES_AGAINST, EITHER, all_but.start(), all_but.end()), False
    return verdict


_GOES_ON = re.compile(
    rf"[\s,，;；]*(?:and|or|or else|而|和)?\s*(?:the )?{_NAME}[\w' -]{{0,24}}\s(?:if|for|when)\b", re.IGNORECASE
)


def _foils(sentence: Sentence, cues: Sequence[Cue]) -> frozenset[int]:
    """The mentions that another brand is measured against."""
    text = sentence.text
    foils: set[int] = set()
    for n, (start, _, _) in enumerate(sentence.mentions):
        foil = _FOIL.search(text, max(0, start - 30), start)
        # "nothing beats X": the word is part of a cue
        covered = foil is not None and any(cue.start <= foil.start() < cue.end for cue in cues)
        between = text[sentence.mentions[n - 1][1] : start] if n else ""
        if (foil and not covered) or (n - 1 in foils and n and _JOINER.fullmatch(between)):
            foils.add(n)
    return frozenset(foils)


def _groups(sentence: Sentence, cues: Sequence[Cue]) -> list[_Group]:
    """The sentence in groups: a clause with a cue and a brand, the brands counted up with it, and clauses without."""
    pieces = list(_clauses(sentence, cues))
    groups: list[_Group] = []
    waiting: int | None = None
    for number, (piece, weak) in enumerate(pieces):
        clause = sentence.text[piece.start : piece.end]
        if not piece.mentions:
            opens = bool(re.match(r"\s*(?:and |or )?(?:如果|若|假如|要是|\bif\b)", clause, re.IGNORECASE))
            later = any(other.mentions for other, _ in pieces[number + 1 :][:3])
            if groups and not (opens and later):
                groups[-1].end = piece.end
                groups[-1].cues += piece.cues
            elif waiting is None:
                waiting = piece.start
                if piece.cues:
                    piece.plain = False
                    groups.append(piece)
                    waiting = None
            continue
        if waiting is not None:
            piece.start, waiting = waiting, None
            piece.plain = False
        following = pieces[number + 1] if number + 1 < len(pieces) else None
        goes_on = bool(following and not weak and following[1] and following[0].cues and following[0].mentions)
        lead_in = bool(groups and not groups[-1].mentions)
        if lead_in or (groups and not piece.cues and piece.plain and not goes_on):
            groups[-1].end = piece.end
            groups[-1].mentions += piece.mentions
            groups[-1].cues += piece.cues
            continue
        groups.append(piece)
    merged: list[_Group] = []
    for group in reversed(groups):
        if merged and not group.cues and (group.plain or group.runs_on):
            merged[-1].start = group.start
            merged[-1].mentions = group.mentions + merged[-1].mentions
        else:
            merged.append(group)
    return merged[::-1]


def _clauses(sentence: Sentence, cues: Sequence[Cue]) -> Iterator[tuple[_Group, bool]]:
    """The sentence cut at commas and conjunctions that stand in no cue, and whether the cut before is a weak one."""
    text = sentence.text
    cuts: list[tuple[int, int, bool]] = []
    for found in _CUT.finditer(text):
        if not any(
            cue.start < found.end() and found.start() < cue.end and cue.end - cue.start > 2 for cue in cues[:64]
        ):
            cuts.append((found.start(), found.end(), found["weak"] is not None))
    edges = [(0, 0, False), *cuts]
    at_mention = at_cue = 0
    for n, (_, start, weak) in enumerate(edges):
        end = edges[n + 1][0] if n + 1 < len(edges) else len(text)
        group = _Group(start, end)
        while at_mention < len(sentence.mentions) and sentence.mentions[at_mention][0] < end:
            group.mentions.append(at_mention)
            at_mention += 1
        while at_cue < len(cues) and cues[at_cue].start < max(end, start):
            group.cues.append(cues[at_cue])
            at_cue += 1
        rest = [char for char in text[start:end] if char.isalnum() and char != BRAND]
        han = sum(map(is_han, rest))
        group.plain = han <= (6 if weak else 3) and len(rest) - han <= (20 if weak else 14)
        goes_on = n + 1 < len(edges) and edges[n + 1][2] and text.startswith(BRAND, edges[n + 1][1])
        group.runs_on = goes_on and text[start:end].endswith(BRAND)
        yield group, weak


def _in_brackets(text: str) -> bool:
    """Whether a bracket is opened in these words and not closed."""
    return max(text.rfind("("), text.rfind("（")) > max(text.rfind(")"), text.rfind("）"))


def _governing(sentence: Sentence, n: int, cues: Sequence[Cue]) -> Cue | None:
    """The cue that speaks of the n-th mention: the nearest before it, else the nearest behind it."""
    start, end, brand = sentence.mentions[n]
    here = bisect_left(cues, start, key=lambda cue: cue.start)
    before = [
        cue
        for cue in cues[max(0, here - _NEAREST) : here]
        if cue.side != BEHIND and 0 <= start - cue.end <= _REACH and not _in_brackets(sentence.text[cue.end : start])
    ]
    # one that begins before the name and ends behind it has the name in it: "no better choice than X"
    behind = [
        cue
        for cue in cues[max(0, here - 1) : here + _NEAREST]
        if (cue.start >= end or cue.start < start < cue.end) and cue.side != BEFORE and cue.start - end <= _REACH
    ]
    last = before[-1] if before else None
    if last and last.says == Says.ADVISES_AGAINST:
        return last
    following = next(iter(behind), None)
    if last and following:
        others = any(end <= a < following.start and other != brand for a, _, other in sentence.mentions)
        if others or LEVELS[following.says] <= LEVELS[last.says]:
            return last
    if following:
        stronger = [cue for cue in behind if LEVELS[cue.says] > LEVELS[following.says] > NAMED]
        return stronger[0] if stronger else following
    return last
