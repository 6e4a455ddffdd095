"""The outline of an answer: its lines as headings, list items, paragraphs and table rows, and what stands under what.

Read once from what the reader sees; ranks, sentiment and candidates are read off it. A heading, a bold line, a line
that ends in a colon and an item each may rule out what stands under them: a list under "avoid" recommends nothing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from brandq.analysis.brands import DROPPED, HIDDEN
from brandq.analysis.triggers import Gate

_HAN_DIGITS = "零一二三四五六七八九十"
_MEDALS = "🥇🥈🥉"
#: how a number is printed before an item: the style, and the pattern whose first group is the number
_MARKERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("digit", re.compile(r"(\d{1,3})\s?[.．、)）:：](?!\d)\s*")),
    ("bracket", re.compile(r"[（(\[【]\s?(\d{1,3})\s?[)）\]】]\s*")),
    ("keycap", re.compile("(\\d|🔟)\ufe0f?\u20e3?(?<![0-9])\\s*")),
    ("circled", re.compile(r"([①-⑳❶-❿➀-➓⓵-⓾㊀-㊉])\s*[、.．:：]?\s*")),
    ("medal", re.compile(f"([{_MEDALS}])\\s*")),
    ("han", re.compile(r"([一二三四五六七八九十]{1,3})\s?[、.．:：]\s*")),
    ("han-bracket", re.compile(r"[（(]\s?([一二三四五六七八九十]{1,3})\s?[)）]\s*")),
    (
        "ordinal",
        re.compile(
            r"(?:并列)?第\s?([一二三四五六七八九十]{1,3}|\d{1,3})(?:名|位|款|家|推荐)?\s?[:：、,，.]?\s*(?![梯档类阶步])"
        ),
    ),
    ("top", re.compile(r"(?:top|no\.?|rank|number|#)\s?(\d{1,3})(?![\d.])\s*[:：.、)\-–—|]?\s*", re.IGNORECASE)),
)
#: what every one of them begins with: most lines begin with something else
_MAY_NUMBER = re.compile(
    rf"[\d🔟（(\[【①-⑳❶-❿➀-➓⓵-⓾㊀-㊉{_MEDALS}一二三四五六七八九十第#]|并列第|top|no|rank|number", re.IGNORECASE
)
#: what may stand before a number: a symbol
_SYMBOL = re.compile(r"[^\w\s#（(\[【]{1,3}\ufe0f?\s+")
_HEADING = re.compile(r"(#{1,6})\s+")
_QUOTE = re.compile(r"(?:\s*>)+\s?")
_BULLET = re.compile("(?:[-+•·●▪◦‣*–]|[✅✔☑👉🔹🔸▶➤➡👍]\ufe0f?)\\s+")
_DIVIDER = re.compile(r"(?=[\s|:]*+-)[\s|:\-]*+")
#: what is no character of a line as it is seen
NOT_SEEN = re.compile(f"[{DROPPED}\u200b\ufeff\r]+")
#: the offsets of all answers but the longest ones, to be copied from: to make them anew takes longer
_OFFSETS = list(range(1 << 15))
#: ends the head of an item, where it is found: what follows describes it
HEAD_END = re.compile(r"[:：。！!？?；;—–]|\s[-–|]\s|\.\s")
_LONGEST_HEAD_END = 3
#: an item whose head is longer than this is a sentence, and names no section
_LONGEST_SECTION_HEAD = 40

#: what a line says of what stands under it: it is advised against, it is no recommendation, it is compared
AVOID, ADVICE, SOURCES, COMPARED = "avoid", "advice", "sources", "compared"
ADVISED_AGAINST = re.compile(
    r"不推荐|不太推荐|不建议|避雷|避坑|避开|绕开|绕道|慎选|慎买|慎入|别碰|劝退|踩雷|黑名单|不值得|别买|警惕|谨慎|"
    r"\bavoid\b|not recommend|n[o']t buy|steer clear|stay away|\bskip\b|\bworst\b|\bbeware\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"注意事项|注意[:：]|如何|怎么|怎样|选购|挑选|选择时|小贴士|贴士|提示|提醒|建议[:：]?$|要点|步骤|流程|标准|"
    r"维度|考量|指南|技巧|核心需求|常见问题|considerations?\b|\bhow to\b|\bhow i\b|look for|"
    r"buying (?:guide|advice)|\btips?\b|\bfaqs?\b|\bfactors?\b|\bchecklist\b|next steps|before you|\bquestions?\b|"
    r"\bkey features\b",
    re.IGNORECASE,
)
_SOURCES = re.compile(
    r"参考(?:资料|来源|链接|文献)|信息来源|数据来源|^来源|引用|(?<!open )(?<!open-)\bsources?\b|\breferences?\b|"
    r"\bcitations?\b|further reading",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[，,。.；;！!？?]\s*")
_OFFERS = re.compile(
    r"以下|下面|这些|这几|几(?:家|个|款|种|位)|品牌|机构|门店|公司|商家|厂家|产品|推荐|口碑|值得|"
    r"\b(?:here (?:are|is)|following|these|options?|picks?|brands?|choices|recommend(?:ed|ations?)?)\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(r"对比|比较|相比|区别|差异|\bvs\b|\bcompar|\bdifferences?\b", re.IGNORECASE)
_RECOMMENDED = re.compile(
    r"推荐(?!理由|思路|标准)|榜|排行|排名|首选|名单|品牌有|门店有|\btop\b|\bbest\b|\bpicks?\b|"
    r"\brecommend(?:ed|ations?)\b|\boptions?\b",
    re.IGNORECASE,
)
_ROLES = Gate((ADVISED_AGAINST, _SOURCES, _ADVICE, _COMPARED))
_STRONG_ADVICE = re.compile(r"如何|怎么|怎样|注意|贴士|提醒|\bhow to\b|\btips?\b", re.IGNORECASE)


class Kind(StrEnum):
    """What a line is. UNDER: an indented line that goes on with the item before it."""

    HEADING = "heading"
    ITEM = "item"
    LINE = "line"
    UNDER = "under"


class Line(NamedTuple):
    """A line as it is seen, without its marks of emphasis; ``at`` gives each character's offset in the text."""

    seen: str
    at: Sequence[int]
    #: it begins with emphasis, and it is emphasised as a whole
    emphasised: bool
    bold: bool


class Marker(NamedTuple):
    """The number printed before an item: its style, its value, and how many characters it takes with what follows."""

    style: str
    number: int
    length: int


class Item(NamedTuple):
    """One line and its place. ``body`` is ``line.seen[at:]`` without the marks of heading and bullet, with its number.

    ``level``: of a heading 1 to 6, of a list item its depth from 0. ``role``: what the sections that it stands in say
    of it; ``own_role``: what it says of all that stands under it. ``section`` counts headings, bold lines and lead-ins.
    ``start`` and ``end`` are the line's offsets in the text, ``until`` is where what belongs to it ends.
    """

    kind: Kind
    line: Line
    at: int
    body: str
    marker: Marker | None
    level: int
    role: str | None
    own_role: str | None
    section: int
    start: int
    end: int
    until: int

    @property
    def is_bullet(self) -> bool:
        return self.kind is Kind.ITEM and self.marker is None


@dataclass(frozen=True)
class Table:
    """A table with a divider, its first row the header; ``cells`` are (start, end) in the row as it is seen."""

    rows: tuple[Line, ...]
    cells: tuple[tuple[tuple[int, int], ...], ...]
    role: str | None
    start: int
    end: int

    @property
    def headers(self) -> list[str]:
        return [self.rows[0].seen[start:end].strip() for start, end in self.cells[0]]

    def cell(self, row: int, column: int) -> tuple[int, int] | None:
        """A cell's offsets in the text; None where the row is too short."""
        if column >= len(self.cells[row]):
            return None
        start, end = self.cells[row][column]
        return self.rows[row].at[start], self.rows[row].at[end]


@dataclass(frozen=True)
class Outline:
    """The lines of an answer in order, blank ones left out."""

    parts: tuple[Item | Table, ...]

    @cached_property
    def items(self) -> tuple[Item, ...]:
        return tuple(part for part in self.parts if isinstance(part, Item))

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        return tuple(part for part in self.parts if isinstance(part, Table))

    @cached_property
    def _starts(self) -> list[int]:
        return [part.start for part in self.parts]

    def part_at(self, offset: int) -> Item | Table | None:
        """The line or table in which an offset of the text lies."""
        found = bisect_right(self._starts, offset) - 1
        return self.parts[found] if found >= 0 and offset < max(self.parts[found].end, 1) else None


def numeral(text: str) -> int | None:
    """The number that digits, Han numerals up to 99, circled digits, keycaps or medals mean; None for anything else."""
    if text in _MEDALS and text:
        return _MEDALS.index(text) + 1
    if text == "🔟":
        return 10
    if text.isdecimal():
        return int(text)
    if text and all(char in _HAN_DIGITS for char in text):
        tens, ten, ones = text.rpartition("十")
        if len(tens) > 1 or len(ones) > 1 or (not ten and len(text) > 1):
            return None
        return (_HAN_DIGITS.index(tens) if tens else 1) * 10 * bool(ten) + (_HAN_DIGITS.index(ones) if ones else 0)
    if len(text) == 1:
        value = unicodedata.numeric(text, None)
        return int(value) if value is not None and value >= 1 else None
    return None


def marker(text: str) -> Marker | None:
    """The number printed at the start of ``text``, if there is one."""
    skipped = _SYMBOL.match(text)
    for at in (0, skipped.end()) if skipped else (0,):
        if not _MAY_NUMBER.match(text, at):
            continue
        for style, pattern in _MARKERS:
            found = pattern.match(text, at)
            number = numeral(found[1]) if found else None
            if found and number:
                return Marker(style, number, found.end())
    return None


def role_of(text: str) -> str | None:
    """What these words say of a list under them; None when it may be a recommendation."""
    # hardly a head has a word of any of them
    if not _ROLES.possible(text.lower()):
        return None
    if ADVISED_AGAINST.search(text):
        return AVOID
    if _SOURCES.search(text):
        return SOURCES
    if _ADVICE.search(text) and (_STRONG_ADVICE.search(text) or not _RECOMMENDED.search(text)):
        return ADVICE
    if _COMPARED.search(text):
        return COMPARED
    return None


def _role_of_lead_in(body: str) -> str | None:
    """What a lead-in says; only its last clause, where that offers something: 需要谨慎选择，以下几家口碑较好："""
    last = _CLAUSE_END.split(body[:-1])[-1]
    return role_of(last if len(last) < len(body) - 1 and _OFFERS.search(last) else body)


def lines(view: str) -> Iterator[Line]:
    """The lines of a view as they are seen."""
    start = 0
    offsets = _OFFSETS if len(view) < len(_OFFSETS) else list(range(len(view) + 1))
    for line in view.split("\n"):
        end = start + len(line)
        if DROPPED in line or "\u200b" in line or "\ufeff" in line or "\r" in line:
            # hardly a line has anything else that is not seen, and to split it takes less time than a pattern
            marked = line
            if "\u200b" in line or "\ufeff" in line or "\r" in line:
                marked = NOT_SEEN.sub(lambda gone: DROPPED * len(gone[0]), line)
            at: list[int] = []
            begin = start
            for piece in marked.split(DROPPED):
                at += offsets[begin : begin + len(piece)]
                begin += len(piece) + 1
            at.append(end)
            seen = marked.replace(DROPPED, "").replace(HIDDEN, " ")
            bare = line.strip()
            emphasised = bare.startswith(DROPPED)
            yield Line(seen, at, emphasised, emphasised and bare.endswith(DROPPED))
        else:
            # nothing is left out: no offset needs to be written down
            yield Line(line.replace(HIDDEN, " "), range(start, end + 1), False, False)
        start = end + 1


def outline(view: str) -> Outline:
    """The outline of a reading's view. Any text has one; it takes time in proportion to the text."""
    walk = _Walk(view)
    walk.walk()
    return Outline(tuple(_with_ends(walk.parts, walk.gaps, len(view))))


@dataclass
class _Sections:
    """The headings, lead-in lines and items that the present line stands under.

    ``open`` has for each its level, and what it and those around it say of all that stands under it: the outermost
    decides, unless it only compares.
    """

    open: list[tuple[int, str | None]] = field(default_factory=list)
    count: int = 0

    def begin(self, level: int, role: str | None) -> None:
        self.end(level)
        around = self.role
        self.open.append((level, around if around and (around != COMPARED or not role) else role))
        self.count += level <= _LEAD_IN

    def end(self, level: int) -> None:
        while self.open and self.open[-1][0] >= level:
            self.open.pop()

    @property
    def role(self) -> str | None:
        return self.open[-1][1] if self.open else None


#: how deep in the order of sections a bold line, a lead-in and an item open one; headings are 1 to 6
_BOLD_LINE, _LEAD_IN, _ITEM = 7, 8, 10


class _Walk:
    """Goes through the lines once. ``gaps``: for each part, whether a blank line stands before it."""

    def __init__(self, view: str) -> None:
        self.view = view
        self.parts: list[Item | Table] = []
        self.gaps: list[bool] = []
        self._sections = _Sections()
        self._indents: list[int] = []
        self._rows: list[Line] = []
        self._gap = False

    def walk(self) -> None:
        for line in lines(self.view):
            seen = line.seen
            if "|" in seen and seen.count("|") >= 2 and seen.lstrip(" >").startswith("|"):
                self._rows.append(line)
                continue
            if self._rows:
                self._table()
            if seen and not seen.isspace():
                self._line(line)
                self._gap = False
            else:
                self._gap = True
        self._table()

    def _line(self, line: Line) -> None:
        seen, at = line.seen, 0
        if ">" in seen and (quote := _QUOTE.match(seen)):
            at = quote.end()
        begin, at = at, len(seen) - len(seen[at:].lstrip())
        indent = at + 3 * seen.count("\t", begin, at)
        heading = _HEADING.match(seen, at) if seen.startswith("#", at) else None
        bullet = None if heading else _BULLET.match(seen, at)
        at = heading.end() if heading else bullet.end() if bullet else at
        body = seen[at:].rstrip(" #") if heading else seen[at:].rstrip()
        emphasised = line.emphasised or self.view[max(0, line.at[at] - 1) : line.at[at]] == DROPPED
        found = marker(body)
        if heading:
            self._indents.clear()
            own = role_of(body)
            self._sections.begin(len(heading[1]), own)
            self._add(Kind.HEADING, line, at, body, found, len(heading[1]), own)
        elif bullet or (found and not emphasised):
            depth = self._depth(indent)
            self._sections.end(_ITEM + depth)
            ends = HEAD_END.search(body, 0, _LONGEST_SECTION_HEAD + _LONGEST_HEAD_END)
            head = body[: ends.start()] if ends else body
            own = role_of(head) if len(head) <= _LONGEST_SECTION_HEAD else None
            self._add(Kind.ITEM, line, at, body, found, depth, own)
            self._sections.begin(_ITEM + depth, own)
        elif indent >= 2 and self._indents:
            self._add(Kind.UNDER, line, at, body, found, len(self._indents), None)
        else:
            self._paragraph(line, at, body, found)

    def _paragraph(self, line: Line, at: int, body: str, found: Marker | None) -> None:
        self._indents.clear()
        self._sections.end(_ITEM)
        own = None
        if found or line.bold:
            own = role_of(body)
            self._sections.begin(_BOLD_LINE, own)
        elif body.endswith((":", "：")):
            own = _role_of_lead_in(body)
            self._sections.begin(_LEAD_IN, own)
        else:
            self._sections.end(_LEAD_IN)
        self._add(Kind.LINE, line, at, body, found, 0, own)

    def _depth(self, indent: int) -> int:
        while self._indents and indent < self._indents[-1] + 2:
            self._indents.pop()
        self._indents.append(indent)
        return len(self._indents) - 1

    def _add(
        self, kind: Kind, line: Line, at: int, body: str, found: Marker | None, level: int, own: str | None
    ) -> None:
        start, end = line.at[0], line.at[-1]
        role, section = self._sections.role, self._sections.count
        self.parts.append(Item(kind, line, at, body, found, level, role, own, section, start, end, end))
        self.gaps.append(self._gap)

    def _table(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        self._gap = False
        if len(rows) < 3 or not _DIVIDER.fullmatch(rows[1].seen):
            return
        body = (rows[0], *rows[2:])
        cells = tuple(tuple(_cells(row)) for row in body)
        self.gaps.append(False)
        self.parts.append(Table(body, cells, self._sections.role, rows[0].at[0], rows[-1].at[-1]))


def _cells(row: Line) -> list[tuple[int, int]]:
    """Where the cells of a row begin and end, in the line as it is seen."""
    bars = [bar.start() for bar in re.finditer(r"\|", row.seen)]
    ends = bars[1:] if not row.seen[bars[-1] + 1 :].strip() else [*bars[1:], len(row.seen)]
    return [(bar + 1, end) for bar, end in zip(bars, ends, strict=False)]


def _with_ends(parts: Sequence[Item | Table], gaps: Sequence[bool], length: int) -> Iterator[Item | Table]:
    """The parts with where each ends: at what stands beside or above it.

    A plain paragraph after a blank line goes on with the list item before it only where the list goes on after it:
    "1. Sony", a blank line, a paragraph, "2. Bose". A numbered bold line holds all up to the next one like it.
    """
    nearest: dict[int, int] = {}
    ends: list[int] = [0] * len(parts)
    list_goes_on = False
    # from the end of the text back: ``nearest`` has where the next line of each order starts
    for n in range(len(parts) - 1, -1, -1):
        item = parts[n]
        if isinstance(item, Table):
            ends[n] = item.end
            continue
        order = _order(item)
        plain = item.kind is Kind.LINE and order == _PLAIN and not item.body.endswith((":", "："))
        if item.kind is Kind.UNDER or (plain and (not gaps[n] or list_goes_on)):
            ends[n] = item.end
            continue
        ends[n] = min([start for other, start in nearest.items() if other <= order], default=length)
        nearest[order] = item.start
        list_goes_on = item.kind is Kind.ITEM and (item.marker is None or item.marker.number > 1)
    for part, end in zip(parts, ends, strict=True):
        yield Item(*part[:-1], end) if end > part.end and isinstance(part, Item) else part


#: a plain paragraph; it stands between bold lines and items, and closes items only
_PLAIN = 9


def _order(item: Item) -> int:
    """How far out a line stands: headings 1 to 6, bold and numbered lines 7, plain ones 9, items from 10."""
    if item.kind is Kind.HEADING:
        return item.level
    if item.kind is Kind.ITEM:
        return _ITEM + item.level
    return _BOLD_LINE if item.marker or item.line.bold else _PLAIN
