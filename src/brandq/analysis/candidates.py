"""Candidates: names that an answer puts where it puts brands, and that nobody tracks.

Looked at are heads alone, never running prose: of list items, numbered and emphasised lines and headings, the name
column of a table (or its header, where brands are columns), and what follows a label such as "Best overall:" or
代表品牌：. Three things then tell a name from the rest:

1. *Words.* Something in it is no ordinary word, and it is no sentence, step, amount or placeholder (``naming``).
2. *Company.* The lines under a name are its properties; only under one that stands alone may they be names, if most
   look like it. A label that comes back under several lines is a property however strange its words. And a title made
   of ordinary words is a name where it is numbered among names: Codenames, Telestrations, Just One.
3. *Section.* Lists of advice and of sources name nobody. What stands under "avoid" is a candidate advised against.

It is a list for review and no finding: an answer may have made a name up. What recurs over repeats and prompts is worth
a look (``reports.candidates``).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from brandq.analysis.brands import DROPPED, HIDDEN, folded, is_han
from brandq.analysis.findings import Candidate
from brandq.analysis.mentions import Mention
from brandq.analysis.naming import (
    has_opinions,
    is_choice,
    is_kind,
    is_name,
    is_name_of_ordinary_words,
    is_place_of_all,
    may_be_a_title,
)
from brandq.analysis.outline import ADVICE, AVOID, NOT_SEEN, SOURCES, Item, Kind, Outline, Table
from brandq.analysis.reading import Reading

#: a head is looked at no farther than this, in characters
_MOST_HEAD = 160
#: this share of the lines under a name must look like names for them to be any
_COMPANY = 0.6
#: and this share of a list's items, for it to list names at all: numbered ones or those of a section, and others
_LEAST_COMPANY, _LEAST_COMPANY_OF_BULLETS = 0.2, 0.35
#: so many names vouch for a title that is numbered among them
_VOUCHING = 3
#: a label that stands under so many lines is a property of them
_COMES_BACK = 2

_HAN = "\u3400-\u9fff"
#: ends a head, where it is found: what follows describes it
_HEAD_END = re.compile(r"[:：。！!？?；;，—–→➜]|\s(?:[-–|~]\s|\s\s)|,\s|\.\s(?=[A-Z][a-z]+ [a-z])|=>")
_SENTENCE_END = re.compile(r"[。！!；;]|\.\s|\s[–—-]\s|——")
#: stands between equals in a head; "Tuft & Needle" is one name
_JOINER = re.compile(
    rf"\s*[、|]\s*|\s+/\s+|(?<=[{_HAN}）)])/|/(?=[{_HAN}])|(?<=[a-z]{{3}})/(?=[a-z]{{3}})|／|\s+vs\.?\s+|\s+\+\s+|\s*[>＞]\s*|"
    rf"(?<=[{_HAN}])\s*&\s*(?=[{_HAN}])|(?<=[a-z{_HAN}])\s*或\s*(?=[a-z{_HAN}])",
    re.IGNORECASE,
)
#: a character of any of these, which few heads have
_MAY_JOIN = re.compile(r"[、|/／vV+>＞&或](?:(?<![vV])|[sSſ])")
#: and in an enumeration that a label leads in
_COMMA = re.compile(rf"\s*[、，,/／；;>＞]\s*|\s+(?:and|or)\s+|(?<=[{_HAN}])[和或及与](?=[{_HAN}A-Z])")
_SLASH = re.compile(r"\s*[、/／]\s*")
_BRACKET = re.compile(r"[(（\[【]")
_CLOSING = {"(": ")）", "（": ")）", "[": "]】", "【": "]】"}
_OPENS = '(（[【〔「『“"«<〈'
_EDGES = " \t\u00a0*_~`\"'“”‘’「」『』《》〈〉«»·•.,，。、:：;；!！?？-–—|/™®©✓✔✅⭐★☆👍🔥"
_EXAMPLES = re.compile(
    r"\s*(?:如|例如|比如|包括|包含|含|例[:：]|e\.g\.|such as|like|including)[:：,，]?\s*", re.IGNORECASE
)
#: what leads in a name inside a head: 首选欧派, 如欧派; 如家 begins with it
_CHOSEN = re.compile(r"(?:首选|次选|备选|推荐|例如|比如|如(?!家|新|祺|意))[:：]?\s*[“「『]?")
_QUOTED = re.compile("[“「『]")
_AND_SO_ON = re.compile(r"(?:等(?:品牌|公司|平台|门店|企业|机构)?|系列)$")
_NAME_LABEL = re.compile(
    r"(?:推荐|代表|代表性|知名|热门|主流|其他|常见|国产|国际|国内|进口|可选|备选|参考|典型|具体)?的?"
    r"(?:品牌|门店|公司|机构|企业|店铺|商家|服务商|车企|厂商|厂家|示例|平台|工具|推荐)(?:有|包括|推荐|示例|举例|参考|名单)?|"
    r"(?:(?:popular|top|recommended|notable|other|example|leading|good) )?"
    r"(?:brands?|examples?|companies|providers?|options?|picks?|products?|recommendations?)(?: to consider| include)?",
    re.IGNORECASE,
)
_DOMAIN = re.compile(r"(?!www\.)[A-Za-z0-9][A-Za-z0-9-]{1,30}\.(?:com|ai|io|net|org|app|co|dev|cn)(?![\w/.@-])")
_LONGEST_MARK = 16
_LIST_MARK = re.compile(rf"[\s>*+\-–•·●▪#\d.、)）]{{0,{_LONGEST_MARK}}}")
_COUNTED = re.compile(r"\d-?$")
_LETTER = re.compile(r"[A-Ha-h][.、)）]\s+")
_LABEL = re.compile(r"([^:：\n]{2,30})[:：]")

#: sections and uses where a place of sales or opinions is no rival, but where one is to look
_LOOK_THERE = re.compile(
    r"平台|渠道|途径|口碑|查询|搜索|哪里买|购买|信息来源|where to|retailer|resource|online|search|review|website|find ",
    re.IGNORECASE,
)
_LOOK = re.compile(
    r"(?:可以?|通过|在)?(?:查|看|搜|浏览|参考|读|check|read|search|browse|look|see|use|find|(?:user )?reviews|ratings)",
    re.IGNORECASE,
)
#: warnings of what is done, not of whom
_WARNS_OF_DEEDS = re.compile(
    r"避坑|警惕|谨慎|陷阱|误区|坑|红线|指南|要点|提醒|提示|技巧|注意|行为|套路|"
    r"pitfall|mistake|tips?\b|how to|\bwhen\b|things|what to|red flag|scam",
    re.IGNORECASE,
)

_NAME_HEADER = re.compile(
    r"品牌|名称|店铺|门店|店名|公司|机构|产品|型号|车型|机型|商家|厂商|服务商|工具|平台|软件|银行|酒店|餐厅|学校|首选|推荐|"
    r"brand|name|product|tool|model|service|provider|company|option|\bapp\b|platform|software|phone|laptop|shop|store|"
    r"pick|card|shoe|recommend|winner|mattress|watch|headphone|earbud|\btv|camera|game|printer|blender|jacket|hotel|"
    r"restaurant|bank|carrier",
    re.IGNORECASE,
)
_NO_NAME_HEADER = re.compile(
    r"类型|场景|需求|人群|维度|用途|特点|理由|用户|type|best for|category|use case|feature|need|why|price|criteri",
    re.IGNORECASE,
)
_ASPECT_HEADER = re.compile(
    r"(?:评估|对比|比较)?(?:维度|项目?|内容|指标|参数|特性|特征|方面|属性)?|对照项|对比|比较|"
    r"features?|aspects?|criteria|criterion|category|attributes?|specs?|specifications?|factors?|metrics?",
    re.IGNORECASE,
)
_NUMBERS_HEADER = re.compile(r"排名|名次|排行|序号|顺序|编号|rank(?:ing)?|#|no\.?|position|place|№", re.IGNORECASE)

_LEGAL = re.compile(
    r"(?:(?:股份)?有限(?:责任)?公司|集团|公司)$|"
    r"(?:\s|^)(?:inc|ltd|llc|llp|co|corp|corporation|company|gmbh|plc|ag|limited|group)$"
)


def find_candidates(reading: Reading, outline: Outline, mentions: Sequence[Mention]) -> tuple[Candidate, ...]:
    """The candidates of one answer in order of the text, each key once. ``mentions`` are those of the tracked brands.

    Spans are offsets in characters of the answer's text. Any text is survived; it takes time in proportion to the text.
    """
    tracked = _Tracked(mentions)
    found: list[tuple[_Name, bool]] = []
    for name, against in _Walk(reading, outline).names():
        if not tracked.holds(name.start, name.whole):
            found.append((name, against))
    found.sort(key=lambda one: one[0].start)
    candidates: dict[str, Candidate] = {}
    end = 0
    for name, against in found:
        own = key_of(name.text)
        if not own or name.start < end:
            continue
        if own not in candidates:
            key = "/".join(dict.fromkeys((own, *(key_of(gloss) for gloss in name.glosses)))).strip("/")
            candidates[own] = Candidate(name.text, key, name.start, name.end, against)
            end = name.end
        elif against:
            candidates[own] = replace(candidates[own], advised_against=True)
    return tuple(candidates.values())


def key_of(name: str) -> str:
    """What spellings of one name share: folded, letters and digits only, without legal suffixes. Empty for none.

    In a candidate's key the keys of the glosses that the answer gave follow it, behind a slash each: 麦肯锡/mckinsey.
    """
    words = folded(name).text.strip(" .,")
    shorter = _LEGAL.sub("", words).rstrip(" .,&")
    return "".join(char for char in (shorter or words) if char.isalnum())


class _Tracked:
    """Where tracked brands stand."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        spans = sorted((mention.start, mention.end) for mention in mentions)
        self.starts = [start for start, _ in spans]
        self.ends: list[int] = []
        for _, end in spans:
            self.ends.append(max(end, self.ends[-1] if self.ends else 0))

    def holds(self, start: int, end: int) -> bool:
        before = bisect_left(self.starts, end)
        return before > 0 and self.ends[before - 1] > start


class _Name(NamedTuple):
    """A name in the text from ``start`` to ``end``; what belongs to it, such as a gloss, ends at ``whole``."""

    text: str
    start: int
    end: int
    whole: int
    glosses: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class _Head:
    """A line that may name somebody. ``label``: its head in small letters, when a colon and words follow it."""

    item: Item
    order: tuple[int, int]
    parent: _Head | None
    words: str
    label: str | None
    rest: str
    names: list[_Name]
    #: the head as it stands, where it is made of ordinary words
    alone: _Name | None = None
    #: the head is a link, by itself
    linked: bool = False
    children: dict[tuple[int, int], list[_Head]] = field(default_factory=dict)

    @property
    def looks_like_a_name(self) -> bool:
        return bool(self.names)


#: how far out a line stands: within one level Han numerals hold digits, and these hold bullets
_STYLES = {"han": 0, "han-bracket": 1, "ordinal": 1, "top": 1, "bracket": 3, "circled": 3}
_NUMBER, _BULLET = 2, 4
#: emphasised and numbered lines, a line that leads in a list, a plain one that begins with a label, items from 10
_BOLD, _LEAD_IN, _LABELLED, _ITEM = 7, 8, 9, 10


def _order(item: Item) -> tuple[int, int] | None:
    style = _STYLES.get(item.marker.style, _NUMBER) if item.marker else _BULLET
    if item.kind == Kind.HEADING:
        return item.level, 0
    if item.kind == Kind.ITEM:
        return _ITEM + item.level, style
    if item.kind == Kind.LINE and (item.marker or item.line.emphasised):
        return _BOLD, style
    if item.kind == Kind.LINE and item.body.endswith((":", "：")):
        return _LEAD_IN, 0
    if item.kind == Kind.LINE and _LETTER.match(item.body):
        return _ITEM, _BULLET
    if item.kind == Kind.LINE and (found := _LABEL.match(item.body)):
        label = found[1].strip(_EDGES)
        return (_LABELLED, 0) if is_choice(label) or _NAME_LABEL.fullmatch(label) else None
    return None


class _Walk:
    """Goes through the outline once and gathers the names."""

    def __init__(self, reading: Reading, outline: Outline) -> None:
        self.reading = reading
        self.outline = outline
        self.heads: list[_Head] = []
        self.top = dict[tuple[int, int], list[_Head]]()
        self.tables: list[tuple[Table, _Head | None]] = []
        #: the heads that stand in a list of names
        self.listed: set[int] = set()

    def names(self) -> Iterator[tuple[_Name, bool]]:
        self._build()
        properties = self._properties()
        groups: list[tuple[_Head | None, list[_Head]]] = [(None, group) for group in self.top.values()]
        groups += [(head, group) for head in self.heads for group in head.children.values()]
        for _, group in groups:
            self._admit(group)
        for parent, group in groups:
            yield from self._of_group(parent, group, properties)
        for table, over in self.tables:
            if table.role not in (ADVICE, SOURCES):
                names = list(self._of_table(table))
                over_words = " ".join(head.words for head in (over, *_above(over))) if over else ""
                places = sum(is_place_of_all(name.text) for name in names)
                if not (2 * places >= len(names) and _LOOK_THERE.search(" ".join((over_words, *table.headers)))):
                    yield from ((name, table.role == AVOID) for name in names)

    def _build(self) -> None:
        open_: list[_Head] = []
        for part in self.outline.parts:
            if isinstance(part, Table):
                self.tables.append((part, open_[-1] if open_ else None))
                continue
            order = _order(part)
            if order is None:
                continue
            while open_ and open_[-1].order >= order:
                open_.pop()
            head = self._head(part, order, open_[-1] if open_ else None)
            siblings = open_[-1].children if open_ else self.top
            siblings.setdefault(order, []).append(head)
            self.heads.append(head)
            open_.append(head)

    def _admit(self, group: Sequence[_Head]) -> None:
        """Notes lists of names, and takes what is numbered among them for a name as well: Codenames, Just One."""
        alike = [head for head in group if head.looks_like_a_name]
        linked = any(head.linked for head in group)
        if len(alike) < (1 if linked else 2) or (len(alike) < _COMPANY * len(group) and not linked):
            return
        for head in group:
            if head.names or head.alone is None:
                continue
            if is_name_of_ordinary_words(head.alone.text):
                head.names = [head.alone]
                continue
            if not may_be_a_title(head.alone.text):
                continue
            several = len(head.alone.text.split()) > 1
            if head.linked or (several and head.item.marker and len(alike) >= _VOUCHING):
                head.names = [head.alone]
        alike = [head for head in group if head.looks_like_a_name]
        if len(alike) >= max(2, _COMPANY * len(group)):
            self.listed.update(id(head) for head in alike)

    def _properties(self) -> set[str]:
        """Labels that stand under several lines with other heads."""
        under: dict[str, set[int]] = {}
        for head in self.heads:
            if head.label and head.parent:
                under.setdefault(head.label, set()).add(id(head.parent))
        return {label for label, parents in under.items() if len(parents) >= _COMES_BACK}

    def _of_group(
        self, parent: _Head | None, group: Sequence[_Head], properties: set[str]
    ) -> Iterator[tuple[_Name, bool]]:
        alike = [head for head in group if head.looks_like_a_name and not (parent and head.label in properties)]
        if not alike:
            return
        under_a_name = parent is not None and parent.looks_like_a_name
        if under_a_name and len(alike) < _COMPANY * len(group):
            return
        if any(id(above) in self.listed for above in _above(group[0])):
            return
        section = parent is None or parent.order[0] < _BOLD
        least = _LEAST_COMPANY if group[0].item.marker or section else _LEAST_COMPANY_OF_BULLETS
        if group[0].order[0] > _LEAD_IN and len(group) > 2 and len(alike) < least * len(group):
            return
        places = sum(is_place_of_all(head.names[0].text) for head in alike)
        if 2 * places >= len(alike) and any(map(_LOOK_THERE.search, (above.words for above in _above(alike[0])))):
            return
        for head in alike:
            role = head.item.role
            if role in (ADVICE, SOURCES) or (role == AVOID and _is_advice(head)):
                continue
            for name in head.names:
                if is_place_of_all(name.text) and self._is_source(head, name, 2 * places >= len(alike), group):
                    continue
                yield name, role == AVOID

    def _is_source(self, head: _Head, name: _Name, mostly: bool, group: Sequence[_Head]) -> bool:
        """Whether a place of opinions or sales is meant as one, and not as one of the things that were asked for."""
        over = " ".join(above.words for above in (head, *_above(head)) if above.words != name.text)
        if _LOOK_THERE.search(over) or _LOOK.match(head.rest.lstrip(" :：—–-")):
            return True
        numbered = head.item.marker is not None and len(group) > 1
        if has_opinions(name.text):
            return not (mostly and numbered)
        return mostly and not numbered

    def _head(self, item: Item, order: tuple[int, int], parent: _Head | None) -> _Head:
        seen, skipped = item.line.seen, item.marker.length if item.marker else 0
        start = min(item.at + skipped, len(seen))
        if item.marker and item.marker.style == "top" and _COUNTED.search(seen, item.at, start):
            # "Top 27-inch monitors", "Top 5K shoes": the number counts no place
            start = item.at
        elif letter := _LETTER.match(seen, start):
            start = letter.end()
        end = len(seen.rstrip(" #"))
        if domain := self._domain(item):
            return _Head(item, order, parent, domain.text, None, "", [domain])
        while start < end and not (seen[start].isalnum() or seen[start] in _OPENS):
            start += 1
        limit = min(end, start + _MOST_HEAD)
        run = self._run(item, start, limit)
        found = _find_end(seen, start, run or limit)
        stop = found if found is not None else run or limit
        words = seen[start:stop]
        after = seen[stop : min(end, stop + 200)]
        mark = after.lstrip()[:1]
        labelled = mark in {":", "："} and after.strip(" :：")
        dashed = mark in {"–", "—", "-"}
        label = words.strip().casefold() if labelled else None
        head = _Head(item, order, parent, words, label, after.lstrip(" :：–—-|"), [])
        if item.own_role in (ADVICE, SOURCES, AVOID) or order[0] == _LEAD_IN:
            return head
        first, bare = stop, ""
        if label or dashed:
            first += len(after) - len(after.lstrip(" :：–—-"))
            bare = words.strip(_EDGES)
        if label and _NAME_LABEL.fullmatch(bare):
            parts = _split(seen, first, _sentence_end(seen, first, end), _COMMA)
            head.names = [name for at, to in parts for name in self._name(item, at, to, strict=True)]
        elif (label or dashed) and is_choice(bare) and not self._name(item, start, stop):
            head.names = self._winner(item, first, end)
        elif order[0] != _LABELLED and (found is not None or run is not None or limit == end):
            head.names = self._parts(item, start, stop)
            first, last = _trimmed(seen, start, stop)
            if not head.names and first < last:
                at = item.line.at
                until = at[last - 1] + 1
                head.alone = _Name(" ".join(seen[first:last].split()), at[first], until, until)
            head.linked = run is not None and self.reading.text[item.line.at[start] - 1] == "["
        return head

    def _winner(self, item: Item, start: int, end: int) -> list[_Name]:
        """Who a label such as "Best overall:" is followed by."""
        limit = min(end, start + _MOST_HEAD)
        run = self._run(item, start, limit)
        found = _find_end(item.line.seen, start, run or limit)
        if found is None and run is None and limit < end:
            return []
        return self._parts(item, start, found if found is not None else run or end, strict=not run)

    def _run(self, item: Item, start: int, end: int) -> int | None:
        """Where the emphasis or the link that the head begins with ends, as an offset in the line."""
        line, text, view = item.line, self.reading.text, self.reading.view
        before = line.at[start]
        if before == 0 or view[before - 1] != DROPPED or text[before - 1] == "\\":
            return None
        if start + 1 >= end:
            return None
        at, last = line.at, line.at[end - 1]
        if text[before - 1] == "[":
            hidden = view.find(HIDDEN, at[start + 1], last + 1)
            return bisect_left(at, hidden) if hidden >= 0 else None
        for gone in NOT_SEEN.finditer(view, before, last):
            n = bisect_left(at, gone.end())
            joined = _is_latin(line.seen[n]) and _is_latin(line.seen[n - 1])
            if text[at[n] - 1] in "*_`>" and not joined:
                return n
        return None

    def _domain(self, item: Item) -> _Name | None:
        """The web domain that a head is, as makers write their names: Booking.com. Its reader does see it."""
        # the mark of a list is no longer than this, and few lines have anything hidden behind it
        if self.reading.view.find(HIDDEN, item.start, item.start + _LONGEST_MARK + 1) < 0:
            return None
        mark = _LIST_MARK.match(self.reading.text, item.start, item.end)
        at = mark.end() if mark else item.start
        if at >= item.end or self.reading.view[at] != HIDDEN:
            return None
        found = _DOMAIN.match(self.reading.text, at, item.end)
        return _Name(found[0], at, found.end(), found.end()) if found else None

    def _parts(self, item: Item, start: int, end: int, *, strict: bool = False) -> list[_Name]:
        """The names in a stretch of a line: the one that it is, or several equals."""
        seen = item.line.seen
        names: list[_Name] = []
        parts = list(_split(seen, start, end, _JOINER)) if _MAY_JOIN.search(seen, start, end) else [(start, end)]
        for at, to in parts:
            named = self._name(item, at, to, strict=strict or len(parts) > 1)
            # of a sentence that enumerates something, some parts read like names
            if not named and len(parts) > 1 and not is_place_of_all(item.line.seen[at:to].strip(_EDGES)):
                return []
            names += named
        return names

    def _name(self, item: Item, start: int, end: int, *, strict: bool = False) -> list[_Name]:
        """The name that a stretch of a line is, without its gloss; or those that its brackets give examples of."""
        seen = item.line.seen
        start, end = _trimmed(seen, start, end)
        if start >= end:
            return []
        opening = _BRACKET.search(seen, start, end)
        if opening and opening.start() == start:
            closing = _closing(seen, start, end)
            if closing is None or _trimmed(seen, closing + 1, end)[0] >= end:
                return (
                    self._name(item, start + 1, closing or end, strict=strict) if start + 1 < (closing or end) else []
                )
            return self._name(item, closing + 1, end, strict=strict)
        stop = opening.start() if opening else end
        inside: tuple[int, int] | None = None
        if opening:
            closing = _closing(seen, stop, min(len(seen), end + _MOST_HEAD))
            inside = stop + 1, closing if closing is not None else end
        first, last = _trimmed(seen, start, stop)
        if first >= last:
            return []
        # each of these has a Han character or mark
        if not seen[first:last].isascii():
            tail = _AND_SO_ON.search(seen[first:last])
            if tail and tail.start() >= 2:
                first, last = _trimmed(seen, first, first + tail.start())
            if choice := _CHOSEN.match(seen, first, last - 1):
                first, last = _trimmed(seen, choice.end(), last)
            if quoted := _QUOTED.search(seen, first, last):
                first, last = _trimmed(seen, first, quoted.start())
        text = " ".join(seen[first:last].split())
        whole = max(end, inside[1] if inside else 0)
        at = item.line.at
        if is_name(text, strict=strict):
            gloss = self._glosses(seen, text, inside)
            return [_Name(text, at[first], at[last - 1] + 1, at[min(whole, len(at) - 1)], gloss)]
        if inside is None:
            return []
        examples = _EXAMPLES.match(seen, inside[0])
        begin = examples.end() if examples else inside[0]
        several = list(_split(seen, begin, inside[1], _COMMA if examples else _SLASH))
        if not examples and (len(several) < 2 or not is_kind(text)):
            return []
        names = [name for one, other in several for name in self._name(item, one, other, strict=True)]
        return names if len(names) * 2 > len(several) else []

    def _glosses(self, seen: str, text: str, inside: tuple[int, int] | None) -> tuple[str, ...]:
        """What the brackets call it in another script, or in short."""
        if inside is None:
            return ()
        gloss = " ".join(seen[inside[0] : inside[1]].split()).strip(_EDGES)
        if not gloss or len(gloss) > 40 or any(char.isdigit() for char in gloss) or not is_name(gloss, strict=True):
            return ()
        other_script = any(map(is_han, gloss)) != any(map(is_han, text))
        return (gloss,) if other_script or (gloss.isupper() and len(gloss) <= 6) else ()

    def _of_table(self, table: Table) -> Iterator[_Name]:
        headers = table.headers
        if not headers:
            return
        columns = range(len(headers))
        aspects = bool(_ASPECT_HEADER.fullmatch(headers[0]))
        if aspects and len(headers) > 2:
            across = [name for n in columns if n > 0 for name in self._of_cell(table, 0, n)]
            if len(across) * 2 > len(headers) - 1:
                yield from across
                return
        ranks = [n for n in columns if _NUMBERS_HEADER.fullmatch(headers[n])]
        named = [n for n in columns if _NAME_HEADER.search(headers[n]) and not _NO_NAME_HEADER.search(headers[n])]
        named = [n for n in named if n not in ranks]
        first = next((n for n in columns if n not in ranks), 0)
        column = named[0] if named else first
        rows = [self._of_cell(table, row, column) for row in range(1, len(table.rows))]
        if aspects and column == first and not named and 2 * sum(map(bool, rows)) < len(rows):
            return
        if 2 * sum(map(bool, rows)) >= len(rows) or column in named:
            for names in rows:
                yield from names

    def _of_cell(self, table: Table, row: int, column: int) -> list[_Name]:
        if column >= len(table.cells[row]):
            return []
        line = table.rows[row]
        start, end = table.cells[row][column]
        start, end = _trimmed(line.seen, start, end)
        if start >= end or end - start > _MOST_HEAD:
            return []
        held = Item(Kind.ITEM, line, start, "", None, 0, None, None, 0, line.at[0], line.at[-1], line.at[-1])
        found = _find_end(line.seen, start, end)
        return self._parts(held, start, found if found is not None else end)


def _is_latin(char: str) -> bool:
    return char.isalnum() and not is_han(char)


def _above(head: _Head) -> Iterator[_Head]:
    over = head.parent
    for _ in range(8):
        if over is None:
            return
        yield over
        over = over.parent


def _is_advice(head: _Head) -> bool:
    """Whether the section that it stands in warns of what is done, and not of whom."""
    return any(_WARNS_OF_DEEDS.search(over.words) for over in _above(head))


def _find_end(seen: str, start: int, end: int) -> int | None:
    """Where the head ends before ``end``: at what separates it from its description, outside of brackets."""
    at = start
    while found := _HEAD_END.search(seen, at, end):
        opening = _BRACKET.search(seen, at, found.start())
        closing = _closing(seen, opening.start(), end) if opening else None
        if closing is None:
            return found.start() if found.start() > start else None
        at = closing + 1
    return None


def _sentence_end(seen: str, start: int, end: int) -> int:
    found = _SENTENCE_END.search(seen, start, min(end, start + _MOST_HEAD))
    return found.start() if found else min(end, start + _MOST_HEAD)


def _closing(seen: str, opening: int, end: int) -> int | None:
    wanted = _CLOSING[seen[opening]]
    return next((n for n in range(opening + 1, min(end, opening + _MOST_HEAD)) if seen[n] in wanted), None)


def _split(seen: str, start: int, end: int, joiner: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The stretches between joiners that stand outside of brackets."""
    at, begin = start, start
    while found := joiner.search(seen, at, end):
        opening = _BRACKET.search(seen, at, found.start())
        closing = _closing(seen, opening.start(), end) if opening else None
        if closing is not None:
            at = closing + 1
            continue
        yield begin, found.start()
        begin = at = max(found.end(), at + 1)
    yield begin, end


def _trimmed(seen: str, start: int, end: int) -> tuple[int, int]:
    while start < end and seen[start] in _EDGES:
        start += 1
    while end > start and seen[end - 1] in _EDGES:
        end -= 1
    return start, end
