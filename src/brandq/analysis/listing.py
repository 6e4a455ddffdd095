"""What the headings and lists of an answer say of the brands in them, without the words of an entry itself."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from brandq.analysis.cues import BEST_OF_ALL, Says
from brandq.analysis.mentions import Mention
from brandq.analysis.outline import AVOID, COMPARED, SOURCES, Item, Kind, Line, Outline, Table
from brandq.analysis.sentences import Sentences

#: what may stand before the brand that an entry is about, in characters: its number, "Best overall:"
LONGEST_LABEL = 40
_AVOID_HEADING = re.compile(
    r"不推荐|不太推荐|不建议|避雷|避开|绕开|绕行|绕道|绕着走|别碰|别去|不要碰|不要买|劝退|拉黑|远离|敬而远之|"
    r"stay clear|keep away|don't bother|not worth|pass on|look elsewhere|never again|"
    r"慎选|慎买|慎入|踩雷|黑名单|不值得|别买|\bavoid\b|not recommend|n[o']t buy|"
    r"steer clear|stay away|\bskip\b|\bworst\b",
    re.IGNORECASE,
)
_NO_LIST_HEADING = re.compile(
    r"指南|避坑|如何|怎么|注意|提示|提醒|技巧|误区|陷阱|常见|mistakes?|pitfalls?|scams?|how to|\btips?\b|"
    r"things to|what to",
    re.IGNORECASE,
)
_BEST_HEADING = re.compile(r"首选|\btop (?:pick|choice)\b(?!s)|\bwinner\b", re.IGNORECASE)
_GOOD_HEADING = re.compile(
    r"推荐(?!理由|思路|标准)|\brecommend(?:ed|ations?)\b|\b(?:top|best|great|good) (?:\w+ )?(?:options?|picks?|"
    r"choices)\b|worth buying|口碑好|值得(?:关注|考虑|选择|信赖)|^\W*(?:best|top)\b",
    re.IGNORECASE,
)
_OFFER_HEADING = re.compile(
    r"备选|其他选择|可选|可以?考虑|不妨|候选|honou?rable mentions?|alternatives?|also (?:consider|good|great)|"
    r"other options|runner",
    re.IGNORECASE,
)


#: above what speaks for one brand, or against it
PROS_AND_CONS = re.compile(
    r"\W*(?:\w{0,3}的)?(?:主要|核心|突出|明显)?(?:优点|缺点|优势|劣势|不足|亮点|槽点|长处|短处|好处|坏处|优缺点|"
    r"利弊|加分项|减分项|"
    r"满意的(?:地方|点)|不满意的(?:地方|点)|值得夸的(?:地方)?|吐槽(?:点)?|短板|遗憾|"
    r"(?:the |main |key )?(?:pros?|cons?|strengths?|weaknesses|upsides?|downsides?|drawbacks?|advantages?|"
    r"disadvantages?|"
    r"good|bad|positives?|negatives?|likes|dislikes|highs|lows|perks|gripes|plus points|minus points|caveats?|"
    r"what(?:'s| is)? (?:(?:i|we) )?(?:good|bad|like|liked|love|loved|works|doesn't work|don't like|didn't like|"
    r"to like|not to like)|where it (?:shines|falls short|struggles)))\W*(?:[（(][^）)]{0,20}[）)])?\W*",
    re.IGNORECASE,
)


class Sections:
    """What the headings, bold lines, lead-ins and items above a line say of the brands under them."""

    def __init__(self, outline: Outline) -> None:
        self._said: dict[int, Says | None] = {}
        self._won: set[int] = set()
        self._above: dict[int, Item] = {}
        self._label: dict[int, Item] = {}
        open_parts: list[Item] = []
        label: Item | None = None
        for item in outline.items:
            while open_parts and open_parts[-1].until <= item.start:
                open_parts.pop()
            if open_parts:
                self._above[item.start] = open_parts[-1]
            # a heading that the next heading follows at once may be its label: "### Best overall", "### Sony"
            if label and item.kind == Kind.HEADING:
                self._label[item.start] = label
            label = item if item.kind == Kind.HEADING and label is None else None
            if item.until > item.end:
                open_parts.append(item)

    def _says(self, item: Item) -> Says | None:
        """What a section says of the brands under it; an entry of a list to avoid says so too."""
        if item.start not in self._said:
            own = self._of(item)
            above = self._above.get(item.start)
            if own is None and item.kind == Kind.ITEM and above is not None and above.kind != Kind.ITEM:
                own = Says.ADVISES_AGAINST if self._of(above) == Says.ADVISES_AGAINST else None
            self._said[item.start] = own
        return self._said[item.start]

    @staticmethod
    def _of(item: Item) -> Says | None:
        body = item.body
        if body.endswith((":", "：")):
            # of a sentence that leads in, its last clause: "可从口碑等维度筛选，以下机构值得关注："
            body = re.split(r"[，,。；;]|\.\s", body)[-1]
        if len(body) > 2 * LONGEST_LABEL or _NO_LIST_HEADING.search(body):
            return None
        if _AVOID_HEADING.search(body):
            return Says.ADVISES_AGAINST
        if BEST_OF_ALL.search(body) or _BEST_HEADING.search(body):
            return Says.BEST
        if _OFFER_HEADING.search(body):
            return Says.OFFERS
        return Says.RECOMMENDS if _GOOD_HEADING.search(body) else None

    def says(self, item: Item) -> Says | None:
        """What the section in which a line stands says of what is under it."""
        above = self._above.get(item.start)
        return self._says(above) if above else None

    def weighs(self, item: Item) -> bool:
        """Whether an item stands under what speaks for one brand, or against it: "优点", "Cons"."""
        above = self._above.get(item.start)
        return item.kind == Kind.ITEM and above is not None and bool(PROS_AND_CONS.fullmatch(above.body[:60]))

    def above(self, item: Item, first: bool) -> Says | None:
        """What the nearest section says of a brand in ``item``; only the first brand under it is its winner."""
        for section in (self._label.get(item.start), self._above.get(item.start)):
            said = self._says(section) if section else None
            if not section or said is None:
                continue
            if said == Says.BEST and (not first or section.start in self._won):
                return Says.LISTS
            if said == Says.BEST:
                self._won.add(section.start)
            return Says.LISTS if said == Says.RECOMMENDS else said
        return None


#: between a name that begins a paragraph and what is said of it
_GOES_ON_WITH = re.compile(r"[\w .'’+-]{0,24}?(?:\s[–—-]\s|[:：])")


def listed(said: Sentences, sections: Sections) -> frozenset[int]:
    """Where mentions start that head the entries of a list, a row of headings or a table of brands.

    At least two entries and half of all are headed by a tracked brand: a list of steps or of properties is not.
    """
    starts, mentions = said.starts, said.mentions
    heads: dict[tuple[object, ...], list[Mention | None]] = defaultdict(list)
    n = 0
    for number, part in enumerate(said.outline.parts):
        while n < len(starts) and starts[n] < part.start:
            n += 1
        named = n < len(starts) and starts[n] < part.end
        if part.role == SOURCES:
            continue
        if isinstance(part, Table):
            if named and part.role not in {AVOID, COMPARED}:
                heads["table", number] = [
                    _heads(row, fields[0][0], starts, mentions) if fields else None
                    for row, fields in zip(part.rows[1:], part.cells[1:], strict=True)
                ]
            continue
        if part.role == AVOID and sections.says(part) == Says.ADVISES_AGAINST:
            continue
        numbered = part.marker.length if part.marker else 0
        if part.kind == Kind.LINE and part.line.emphasised and not part.line.bold and not numbered:
            # paragraphs that begin with a name in bold and go on with what it is
            head = _heads(part.line, part.at, starts, mentions) if named else None
            if head and _GOES_ON_WITH.match(part.line.seen, bisect_left(part.line.at, head.end)):
                heads["led by a name", part.section].append(head)
        elif part.kind == Kind.HEADING or part.kind == Kind.ITEM or numbered:
            level = part.level if part.kind == Kind.HEADING else (part.level, part.section)
            head = _heads(part.line, part.at + numbered, starts, mentions) if named else None
            heads[part.kind, level, numbered > 0].append(head)
    found = (entries for entries in heads.values() if 2 * sum(map(bool, entries)) >= max(len(entries), 4))
    return frozenset(mention.start for entries in found for mention in entries if mention)


def _heads(line: Line, at: int, starts: Sequence[int], mentions: Sequence[Mention]) -> Mention | None:
    """The mention with which a line begins from ``at`` on."""
    begin = line.at[at]
    n = bisect_left(starts, begin)
    if n == len(mentions) or mentions[n].start >= line.at[-1]:
        return None
    before = line.seen[at : bisect_left(line.at, mentions[n].start)]
    if len(before) > LONGEST_LABEL or (any(map(str.isalnum, before)) and not before.rstrip().endswith((":", "："))):
        return None
    return mentions[n]
