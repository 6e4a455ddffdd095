"""Ranks: the place of a brand in an explicit recommendation list of the answer.

An answer is cut into lines; one that opens an item (a number, a bullet, a row, a label such as "Best overall:") is an
entry, and the brand that its head names holds the entry's place. Entries of one kind and depth form a layer, and one
layer ranks the whole answer:

1. printed numbers and tables with a rank column, 2. bullets, labels and tables in row order, 3. ordinals in prose.

Printed numbers win; brands that share an entry share its rank; a list that begins again continues the one before it;
what stands under "avoid", "how to choose" or "sources" gives no rank. Without such a list there is none.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from brandq.analysis.brands import DROPPED, HIDDEN
from brandq.analysis.mentions import Mention
from brandq.analysis.reading import Reading

NUMBER, RANK_COLUMN, LIST_ORDER, TABLE_ORDER, ORDINAL = "number", "rank_column", "list_order", "table_order", "ordinal"
_STRENGTH = {NUMBER: 0, RANK_COLUMN: 0, LIST_ORDER: 1, TABLE_ORDER: 1}

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
            r"第\s?([一二三四五六七八九十]{1,3}|\d{1,3})(?:名|位|款|家|推荐)?\s?[:：、,，.]?\s*(?![梯档类阶步])"
        ),
    ),
    ("top", re.compile(r"(?:top|no\.?|rank|number|#)\s?(\d{1,3})(?![\d.])\s*[:：.、)\-–—|]?\s*", re.IGNORECASE)),
)
_HEADING = re.compile(r"(#{1,6})\s+")
_QUOTE = re.compile(r"(?:\s*>)+\s?")
_BULLET = re.compile(r"[-+•·●▪◦‣*–]\s+")
#: ends the head of an item: what follows describes it
_HEAD_END = re.compile(r"[:：。！!？?；;]|——|—|\s[-–|]\s|–|\.\s")
_JOINER = re.compile(r"\s*(?:,|，|和|与|及|跟|or|and|或|&|、|/|／|\+)\s*", re.IGNORECASE)
_LOOSE_JOINER = re.compile(r"[^,，.。;；:：()（）]{0,40}(?:\s?[/／、]\s?|\s&\s)", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"(?:如|例如|比如|诸如|像|包括|e\.g\.,?|such as|like|including|unlike|than|vs\.?|不如|比)\s*[“\"'「]?$",
    re.IGNORECASE,
)

_AVOID = re.compile(
    r"不推荐|不太推荐|不建议|避雷|避坑|避开|慎选|慎买|踩雷|黑名单|不值得|别买|警惕|谨慎|"
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
    r"参考(?:资料|来源|链接|文献)|信息来源|数据来源|^来源|引用|\bsources?\b|\breferences?\b|\bcitations?\b|"
    r"further reading",
    re.IGNORECASE,
)
_COMPARED = re.compile(r"对比|比较|区别|差异|\bvs\b|\bcompar|\bdifferences?\b", re.IGNORECASE)
_RECOMMENDED = re.compile(
    r"推荐(?!理由|思路|标准)|榜|排行|排名|首选|名单|品牌有|门店有|\btop\b|\bbest\b|\bpicks?\b|"
    r"\brecommend(?:ed|ations?)\b|\boptions?\b",
    re.IGNORECASE,
)
_STRONG_ADVICE = re.compile(r"如何|怎么|怎样|注意|贴士|提醒|\bhow to\b|\btips?\b", re.IGNORECASE)
#: a label before the brand itself: "Best overall: Sony"
_CATEGORY = re.compile(
    r"best|top|most|overall|budget|premium|value|runner|pick|choice|upgrade|alternative|favou?rite|great for|"
    r"good for|winner|"
    r"最|首选|次选|推荐|性价比|高端|中端|低端|入门|旗舰|预算|适合|综合|国产|进口|国际|国内|之选|梯队|备选|冠军|亚军|季军",
    re.IGNORECASE,
)
#: heads of steps, criteria and properties: a list of these ranks nothing
_PROPERTY = re.compile(
    r"(?:看|查|选|问|确认|确定|了解|明确|考虑|考察|注意|比较|对比|实地|签|索要|预算|价格|价位|环保|设计|服务|质量|品质|板材|材质|材料|五金|售后|"
    r"安装|资质|口碑|合同|优势|特点|缺点|亮点|不足|适合|适用|性能|外观|功能|技术|规模|案例|经验|地址|电话|营业|安全|续航|产品|定位|品牌)"
    r"|(?:check|look|consider|compare|read|ask|set|choose|know|determine|decide|pric(?:e|ing)|cost|budget|battery|design|"
    r"features?|warranty|pros|cons|why|how|what|when|where|make|try|visit|ensure|avoid|specs?|ideal|highlights?|performance|"
    r"quality|sound|comfort|size|weight|materials?|support|ease|safety|availability|discounts?|network|plan|key)\b",
    re.IGNORECASE,
)
_RANK_HEADER = re.compile(r"\s*(?:排名|名次|排行|序号|顺序|rank(?:ing)?|#|no\.?|position|place|№)\s*", re.IGNORECASE)
_NAME_HEADER = re.compile(
    r"品牌|名称|店|公司|机构|产品|型号|车型|商家|厂商|工具|brand|name|product|tool|model|service|provider|company|option|app\b|"
    r"platform|software|phone|laptop|shop|store|pick",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"第\s?([一二三四五六七八九十]|\d{1,2})(?:名|位)?\s?(?:[:：]|是|为)\s*[“\"「]?")


@dataclass(frozen=True)
class Rank:
    """A place from 1, and what it was read off."""

    value: int
    source: str


@dataclass(frozen=True)
class _Line:
    """A line as it is seen, without its marks of emphasis; ``at`` gives each character's offset in the text."""

    seen: str
    at: Sequence[int]
    #: it begins with emphasis, and it is emphasised as a whole
    emphasised: bool
    bold: bool


@dataclass(frozen=True)
class _Entry:
    """An item of a list: where it starts in the text, its head, the number printed before it, who holds its place.

    ``named``: its head looks like a name, emphasised or short and by itself.
    """

    start: int
    head: str
    number: int | None
    named: bool
    holders: tuple[str, ...]


@dataclass
class _Layer:
    source: str
    entries: list[tuple[int, _Entry]] = field(default_factory=list)


@dataclass
class _Sections:
    """The headings, lead-in lines and items that the present line stands under: one may rule a rank out."""

    open: list[tuple[int, str | None]] = field(default_factory=list)
    count: int = 0

    def begin(self, level: int, role: str | None) -> None:
        self.end(level)
        self.open.append((level, role))
        self.count += level <= _LEAD_IN

    def end(self, level: int) -> None:
        while self.open and self.open[-1][0] >= level:
            self.open.pop()

    @property
    def role(self) -> str | None:
        roles = [role for _, role in self.open if role]
        return next((role for role in roles if role != "compared"), roles[0] if roles else None)


_BOLD_LINE, _LEAD_IN, _ITEM = 7, 8, 10


def find_ranks(reading: Reading, mentions: Sequence[Mention]) -> dict[str, Rank]:
    """The rank of each brand that has one."""
    if not mentions:
        return {}
    text = _Text(reading.view, mentions)
    best: tuple[tuple[int, int, int], dict[str, Rank]] | None = None
    for layer in _Outline(text).walk():
        ranks = _ranked(layer)
        if ranks:
            order = (_STRENGTH[layer.source], -len(ranks), layer.entries[0][1].start)
            if best is None or order < best[0]:
                best = order, ranks
    return best[1] if best else _ordinals(text)


def _lines(view: str) -> Iterator[_Line]:
    start = 0
    for line in view.split("\n"):
        at = [start + n for n, char in enumerate(line) if char not in (DROPPED, "\u200b", "\ufeff", "\r")]
        seen = "".join(view[n] for n in at).replace(HIDDEN, " ")
        bare = line.strip()
        emphasised = bare.startswith(DROPPED)
        yield _Line(seen, [*at, start + len(line)], emphasised, emphasised and bare.endswith(DROPPED))
        start += len(line) + 1


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


def _marker(text: str) -> tuple[str, int, int] | None:
    """Style, number and length of the number printed at the start of ``text``."""
    skipped = re.match(r"[^\w\s#（(\[【]{1,3}\ufe0f?\s+", text)
    for at in (0, skipped.end() if skipped else 0):
        for style, pattern in _MARKERS:
            found = pattern.match(text, at)
            number = numeral(found[1]) if found else None
            if found and number:
                return style, number, found.end()
    return None


def _role(text: str) -> str | None:
    """Why a list under these words is no ranking; None when it may be one."""
    if _AVOID.search(text):
        return "avoid"
    if _SOURCES.search(text):
        return "sources"
    if _ADVICE.search(text) and (_STRONG_ADVICE.search(text) or not _RECOMMENDED.search(text)):
        return "advice"
    if _COMPARED.search(text):
        return "compared"
    return None


class _Text:
    """The view with its mentions: who is named where, and what stands between."""

    def __init__(self, view: str, mentions: Sequence[Mention]) -> None:
        self.view = view
        self.mentions = mentions
        self.starts = [mention.start for mention in mentions]

    def named(self, start: int, end: int) -> Sequence[Mention]:
        return self.mentions[bisect_left(self.starts, start) : bisect_left(self.starts, end)]

    def seen(self, start: int, end: int) -> str:
        return self.view[start:end].replace(DROPPED, "").replace(HIDDEN, " ")

    def emphasised(self, offset: int) -> bool:
        return self.view[max(0, offset - 1) : offset] == DROPPED

    def equals(self, mentions: Sequence[Mention]) -> tuple[str, ...]:
        """The first brand, and those that stand beside it as equals: Rocket / Lelit, 库迪、星巴克."""
        equals = [mentions[0]]
        for mention in mentions[1:]:
            between = self.seen(equals[-1].end, mention.start)
            if len(between) > 60 or not (_JOINER.fullmatch(between) or _LOOSE_JOINER.fullmatch(between)):
                break
            equals.append(mention)
        return tuple(dict.fromkeys(mention.brand for mention in equals))

    def holders(self, head: str, span: tuple[int, int, int], *, first: bool, label: bool) -> tuple[str, ...]:
        """The brands that hold the place of an entry with this head; ``span`` is where head, rest and line end.

        ``first``: only a brand that the head begins with. ``label``: only one that the rest begins with.
        """
        start, head_end, end = span
        if _AVOID.search(head):
            return ()
        in_head = self.named(start, head_end)
        if in_head and not label:
            before = self.seen(start, in_head[0].start)
            if _EXAMPLE.search(before) or (first and _has_words(before)):
                return ()
            return self.equals(in_head)
        if in_head or not _CATEGORY.search(head):
            return ()
        after = self.named(head_end, end)
        if not after or _has_words(self.seen(head_end, after[0].start)):
            return ()
        return self.equals(after)


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in re.sub(r"\bthe\b", "", text, flags=re.IGNORECASE))


class _Outline:
    """Walks the lines once and gathers entries into layers."""

    def __init__(self, text: _Text) -> None:
        self.text = text
        self.layers: dict[tuple[object, ...], _Layer] = {}
        self.sections = _Sections()
        self.indents: list[int] = []
        self.rows: list[_Line] = []
        self.tables = 0
        #: the entry just added, when it is a category that stands alone in its line
        self.category: tuple[_Layer, _Entry] | None = None

    def walk(self) -> list[_Layer]:
        for line in _lines(self.text.view):
            if line.seen.count("|") >= 2 and line.seen.lstrip(" >").startswith("|"):
                self.rows.append(line)
                continue
            self._table()
            if line.seen.strip():
                self._line(line)
        self._table()
        self._join_medals()
        return [layer for layer in self.layers.values() if layer.entries]

    def _join_medals(self) -> None:
        """Labels and medals on one level are one list: "🏆 Top pick: A", "🥈 B", "🥉 C"."""
        for key, layer in list(self.layers.items()):
            medals = self.layers.get((*key[:-1], "medal")) if key[-1] == "label" else None
            if medals:
                layer.entries += [(section, replace(entry, number=None)) for section, entry in medals.entries]
                layer.entries.sort(key=lambda found: found[1].start)
                medals.entries = []

    def _line(self, line: _Line) -> None:
        category, self.category = self.category, None
        seen, at = line.seen, 0
        if quote := _QUOTE.match(seen):
            at = quote.end()
        indent = at
        while at < len(seen) and seen[at].isspace():
            indent += 4 if seen[at] == "\t" else 1
            at += 1
        heading = _HEADING.match(seen, at)
        bullet = None if heading else _BULLET.match(seen, at)
        at = heading.end() if heading else bullet.end() if bullet else at
        body = seen[at:].rstrip(" #") if heading else seen[at:].rstrip()
        emphasised = line.emphasised or self.text.emphasised(line.at[at])
        marker = _marker(body)
        if heading:
            self.indents.clear()
            self.sections.begin(len(heading[1]), _role(body))
            self._numbered_or_labelled(line, at, body, marker, ("heading", len(heading[1])))
        elif bullet or (marker and not emphasised):
            depth = self._depth(indent)
            self.sections.end(_ITEM + depth)
            if marker:
                self._add(("item", depth, marker[0]), NUMBER, line, at + marker[2], body[marker[2] :], marker[1])
            else:
                self._add(("bullet", depth), LIST_ORDER, line, at, body, None)
            head = _HEAD_END.split(body, maxsplit=1)[0]
            self.sections.begin(_ITEM + depth, _role(head) if len(head) <= 40 else None)
        else:
            if category and not marker:
                self._winner(*category, line, at)
            self._paragraph(line, at, body, marker, indent)

    def _winner(self, layer: _Layer, category: _Entry, line: _Line, at: int) -> None:
        """The brand that the line after a category begins with holds its place: "1. Best overall", then "Sony XM5"."""
        found = self.text.named(line.at[at], line.at[-1])
        if found and not _has_words(self.text.seen(line.at[at], found[0].start)):
            section, _ = layer.entries[-1]
            layer.entries[-1] = section, replace(category, holders=self.text.equals(found))

    def _paragraph(self, line: _Line, at: int, body: str, marker: tuple[str, int, int] | None, indent: int) -> None:
        if indent >= 2 and self.indents:
            return
        self.indents.clear()
        self.sections.end(_ITEM)
        if marker or line.bold:
            self.sections.begin(_BOLD_LINE, _role(body))
        elif body.endswith((":", "：")):
            self.sections.begin(_LEAD_IN, _role(body))
        else:
            self.sections.end(_LEAD_IN)
        self._numbered_or_labelled(line, at, body, marker, ("line",))

    def _numbered_or_labelled(
        self, line: _Line, at: int, body: str, marker: tuple[str, int, int] | None, layer: tuple[object, ...]
    ) -> None:
        if marker:
            self._add((*layer, marker[0]), NUMBER, line, at + marker[2], body[marker[2] :], marker[1])
            return
        end = _HEAD_END.search(body)
        if end and body[: end.start()].strip() and _CATEGORY.search(body[: end.start()]):
            self._add((*layer, "label"), LIST_ORDER, line, at, body, None)

    def _depth(self, indent: int) -> int:
        while self.indents and indent < self.indents[-1] + 2:
            self.indents.pop()
        self.indents.append(indent)
        return len(self.indents) - 1

    def _add(self, key: tuple[object, ...], source: str, line: _Line, at: int, body: str, number: int | None) -> None:
        role = self.sections.role
        if role and (role != "compared" or source != NUMBER):
            return
        found = _HEAD_END.search(body, 1)
        head = body[: found.start()] if found else body
        span = line.at[at], line.at[at + len(head)], line.at[-1]
        entry = _Entry(
            start=span[0],
            head=head,
            number=number,
            named=self.text.emphasised(span[0]) or (len(head.strip()) <= 24 and not found),
            holders=self.text.holders(head, span, first=source != NUMBER, label="label" in key),
        )
        layer = self.layers.setdefault(key, _Layer(source))
        layer.entries.append((self.sections.count, entry))
        if not entry.holders and _CATEGORY.search(head) and not body[len(head) :].strip(":： "):
            self.category = layer, entry

    def _table(self) -> None:
        """The rows gathered so far, as a layer of their own: one with a rank column, else in row order."""
        rows, self.rows = self.rows, []
        if len(rows) < 3 or not re.fullmatch(r"[\s|:\-]*-[\s|:\-]*", rows[1].seen):
            return
        cells = [_cells(row) for row in rows]
        headers = [rows[0].seen[start:end].strip() for start, end in cells[0]]
        ranked = next((n for n, header in enumerate(headers) if _RANK_HEADER.fullmatch(header)), None)
        role = self.sections.role
        if role and (role != "compared" or ranked is None):
            return
        if ranked is None and not (headers and _NAME_HEADER.search(headers[0]) and not _COMPARED.search(headers[0])):
            return
        self.tables += 1
        layer = self.layers.setdefault(("table", self.tables), _Layer(TABLE_ORDER if ranked is None else RANK_COLUMN))
        for row, spans in zip(rows[2:], cells[2:], strict=True):
            number = None
            if ranked is not None:
                marked = row.seen[spans[ranked][0] : spans[ranked][1]].strip() if ranked < len(spans) else ""
                marker = _marker(marked)
                number = numeral(marked) or (marker[1] if marker else None)
                if number is None:
                    continue
            holders: tuple[str, ...] = ()
            for n, (start, end) in enumerate(spans[: 1 if ranked is None else len(spans)]):
                found = self.text.named(row.at[start], row.at[end])
                if n != ranked and found:
                    holders = self.text.equals(found)
                    break
            layer.entries.append((0, _Entry(row.at[0], "", number, True, holders)))


def _cells(row: _Line) -> list[tuple[int, int]]:
    """Where the cells of a row begin and end, in the line as it is seen."""
    bars = [n for n, char in enumerate(row.seen) if char == "|"]
    ends = bars[1:] if not row.seen[bars[-1] + 1 :].strip() else [*bars[1:], len(row.seen)]
    return [(bar + 1, end) for bar, end in zip(bars, ends, strict=False)]


def _ranked(layer: _Layer) -> dict[str, Rank]:
    """The ranks that the lists of one layer give; a list that begins again continues the one before it."""
    if layer.source == RANK_COLUMN:
        return _best((brand, entry.number or 1, RANK_COLUMN) for _, entry in layer.entries for brand in entry.holders)
    if layer.source == LIST_ORDER and len(layer.entries) < 2:
        return {}
    ranks: list[tuple[str, int, str]] = []
    before = 0
    for entries in _lists(layer):
        held = any(entry.holders for entry in entries)
        if (not held and not _names_things(entries)) or (layer.source == LIST_ORDER and _mostly_properties(entries)):
            continue
        numbers = [entry.number if entry.number is not None else n for n, entry in enumerate(entries, start=1)]
        for number, entry in zip(numbers, entries, strict=True):
            ranks += [(brand, before + number, layer.source) for brand in entry.holders]
        before += max(numbers)
    return _best(iter(ranks))


def _best(found: Iterator[tuple[str, int, str]]) -> dict[str, Rank]:
    ranks: dict[str, Rank] = {}
    for brand, value, source in found:
        if brand not in ranks or value < ranks[brand].value:
            ranks[brand] = Rank(value, source)
    return ranks


def _names_things(entries: Sequence[_Entry]) -> bool:
    """Whether a list without a tracked brand may rank brands that nobody tracks; steps and properties do not."""
    return not _mostly_properties(entries) and 2 * sum(entry.named for entry in entries) >= len(entries)


def _mostly_properties(entries: Sequence[_Entry]) -> bool:
    return 2 * sum(bool(_PROPERTY.match(entry.head.strip(" *_“\"'"))) for entry in entries) >= len(entries)


def _lists(layer: _Layer) -> Iterator[list[_Entry]]:
    """The layer's entries cut where a list ends: bullets at a new section, numbers where they begin again."""
    entries = [entry for _, entry in layer.entries]
    if layer.source != NUMBER:
        sections = [section for section, _ in layer.entries]
        if len(set(sections)) == len(sections):
            # labels of one kind stand one to a section
            yield entries
            return
        cut = [n for n in range(1, len(entries)) if sections[n] != sections[n - 1]]
        for start, end in zip([0, *cut], [*cut, len(entries)], strict=True):
            yield entries[start:end]
        return
    for start, end in _runs([entry.number or 1 for entry in entries]):
        yield entries[start:end]


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where each list begins and ends: a countdown 3, 2, 1; tied 1, 1, 3; else ascending numbers."""
    start = 0
    while start < len(numbers):
        end = start + 1
        while end < len(numbers) and numbers[end] == numbers[end - 1] - 1:
            end += 1
        if end - start == 1 or numbers[end - 1] != 1:
            end = start + 1
            while end < len(numbers) and numbers[end] == numbers[start]:
                end += 1
            tied = end - start
            if tied > 1 and numbers[start] == 1 and not (end < len(numbers) and numbers[end] == 1 + tied):
                # "1. 1. 1." is lazy numbering: each is a list of its own, and so they count on
                yield from ((n, n + 1) for n in range(start, end - 1))
                start = end - 1
            while end < len(numbers) and (numbers[end] > numbers[end - 1] or numbers[end] == numbers[end - 1] > 1):
                end += 1
        yield start, end
        start = end


def _ordinals(text: _Text) -> dict[str, Rank]:
    """Places given in words, where no list gives any: 第一名是瑞幸；并列第二：库迪、星巴克."""
    found: list[tuple[str, int, str]] = []
    for line in _lines(text.view):
        if _AVOID.search(line.seen):
            continue
        for words in _ORDINAL.finditer(line.seen):
            after = text.named(line.at[words.end()], min(line.at[-1], line.at[words.end()] + 300))
            number = numeral(words[1])
            if number and after and not text.seen(line.at[words.end()], after[0].start).strip():
                found += [(brand, number, ORDINAL) for brand in text.equals(after)]
    return _best(iter(found))
