"""Ranks: the place of a brand in an explicit recommendation list of the answer.

Lines of the outline that open an item (a number, a bullet, a row, a label such as "Best overall:") are entries, and the
brand that its head names holds the entry's place. Entries of one kind and depth form a layer, and one layer ranks the
whole answer:

1. printed numbers and tables with a rank column, 2. bullets, labels and tables in row order, 3. ordinals in prose.

Printed numbers win; brands that share an entry share its rank; a list that begins again continues the one before it;
what stands under "avoid", "how to choose" or "sources" gives no rank. Without such a list there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from brandq.analysis.brands import DROPPED
from brandq.analysis.mentions import Mention, View
from brandq.analysis.outline import (
    ADVISED_AGAINST,
    COMPARED,
    HEAD_END,
    Item,
    Kind,
    Marker,
    Outline,
    Table,
    lines,
    marker,
    numeral,
    role_of,
)
from brandq.analysis.reading import Reading

NUMBER, RANK_COLUMN, LIST_ORDER, TABLE_ORDER, ORDINAL = "number", "rank_column", "list_order", "table_order", "ordinal"
_STRENGTH = {NUMBER: 0, RANK_COLUMN: 0, LIST_ORDER: 1, TABLE_ORDER: 1}

_JOINER = re.compile(r"\s*(?:,|，|和|与|及|跟|or|and|或|&|、|/|／|\+)\s*", re.IGNORECASE)
_LOOSE_JOINER = re.compile(r"[^,，.。;；:：()（）]{0,40}(?:\s?[/／、]\s?|\s&\s)", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"(?:如|例如|比如|诸如|像|包括|e\.g\.,?|such as|like|including|unlike|than|vs\.?|不如|比)\s*[“\"'「]?$",
    re.IGNORECASE,
)

#: a label before the brand itself: "Best overall: Sony"
_CATEGORY = re.compile(
    r"best|top|most|overall|budget|premium|value|runner|pick|choice|upgrade|alternative|favou?rite|great for|"
    r"good for|winner|^\W*for\b|"
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
#: what somebody does with a thing: numbered heads that begin so are steps, whatever they name
_STEP = re.compile(
    r"(?:打开|下载|注册|登录|点击|进入|导出|导入|上传|输入|新建|连接|安装|绑定|设置)|"
    r"(?:open|click|download|sign (?:up|in)|log in|export|import|upload|connect|install|create|enter|select|go to|run|"
    r"configure|enable|copy|paste|save|start|set up|link)\b",
    re.IGNORECASE,
)
_RANK_HEADER = re.compile(r"\s*(?:排名|名次|排行|序号|顺序|rank(?:ing)?|#|no\.?|position|place|№)\s*", re.IGNORECASE)
_NAME_HEADER = re.compile(
    r"品牌|名称|店|公司|机构|产品|型号|车型|商家|厂商|工具|brand|name|product|tool|model|service|provider|company|option|app\b|"
    r"platform|software|phone|laptop|shop|store|pick",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"第\s?([一二三四五六七八九十]|\d{1,2})(?:名|位)?\s?(?:[:：]|的?是|为)\s*[“\"「]?|"
    r"\b(first|second|third|fourth|fifth|[1-9](?:st|nd|rd|th)) place\s?(?::|goes to|is|are)\s*(?:the )?[“\"]?",
    re.IGNORECASE,
)
#: 1st, 2nd
_SUFFIX = re.compile(r"(?<=\d)(?:st|nd|rd|th)$", re.IGNORECASE)
#: numbers inside a line: ①飞书 ②钉钉, or 1) Sony 2) Bose
_INLINE = re.compile(r"([①-⑳])\s*|(?<![\w.])(\d{1,2})[)）]\s*")
_PLACES = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class Rank:
    """A place from 1, and what it was read off."""

    value: int
    source: str


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
    #: its numbers are words, 第一 or 并列第二, of which others may stand inside the lines
    in_words: bool = False


def find_ranks(reading: Reading, outline: Outline, mentions: Sequence[Mention]) -> dict[str, Rank]:
    """The rank of each brand that has one."""
    if not mentions:
        return {}
    text = _Text(reading.view, mentions)
    best: tuple[tuple[int, int, int], dict[str, Rank]] | None = None
    for layer in _Layers(text, outline).gather():
        ranks = _ranked(layer)
        if ranks and layer.in_words:
            ranks = _ordinals(text) | ranks
        if ranks:
            order = (_STRENGTH[layer.source], -len(ranks), layer.entries[0][1].start)
            if best is None or order < best[0]:
                best = order, ranks
    return best[1] if best else _inline(text) or _ordinals(text)


class _Text(View):
    """The view with its mentions, and who stands beside whom as an equal."""

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
        # most lines name nobody
        if not self.named(start, end) or ADVISED_AGAINST.search(head):
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


class _Layers:
    """Goes through the outline once and gathers entries into layers."""

    def __init__(self, text: _Text, outline: Outline) -> None:
        self.text = text
        self.outline = outline
        self.layers: dict[tuple[object, ...], _Layer] = {}
        self.tables = 0
        #: the entry just added, when it is a category that stands alone in its line
        self.category: tuple[_Layer, _Entry] | None = None

    def gather(self) -> list[_Layer]:
        for part in self.outline.parts:
            if isinstance(part, Table):
                self._table(part)
            else:
                self._item(part)
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

    def _item(self, item: Item) -> None:
        category, self.category = self.category, None
        if item.kind == Kind.HEADING:
            self._numbered_or_labelled(item, ("heading", item.level))
        elif item.is_bullet:
            self._add(("bullet", item.level), LIST_ORDER, item, None)
        elif item.kind == Kind.ITEM and item.marker:
            self._add(("item", item.level, item.marker.style), NUMBER, item, item.marker)
        else:
            if category and not item.marker:
                self._winner(*category, item)
            if item.kind == Kind.LINE:
                self._numbered_or_labelled(item, ("line",))

    def _winner(self, layer: _Layer, category: _Entry, item: Item) -> None:
        """The brand that the line after a category begins with holds its place: "1. Best overall", then "Sony XM5"."""
        begins = item.line.at[item.at]
        found = self.text.named(begins, item.end)
        if found and not _has_words(self.text.seen(begins, found[0].start)):
            section, _ = layer.entries[-1]
            layer.entries[-1] = section, replace(category, holders=self.text.equals(found))

    def _numbered_or_labelled(self, item: Item, layer: tuple[object, ...]) -> None:
        if item.marker:
            self._add((*layer, item.marker.style), NUMBER, item, item.marker)
            return
        end = HEAD_END.search(item.body)
        if end and item.body[: end.start()].strip() and _CATEGORY.search(item.body[: end.start()]):
            self._add((*layer, "label"), LIST_ORDER, item, None)

    def _add(self, key: tuple[object, ...], source: str, item: Item, printed: Marker | None) -> None:
        if item.role and (item.role != COMPARED or source != NUMBER):
            return
        skipped = printed.length if printed else 0
        at, body = item.at + skipped, item.body[skipped:]
        found = HEAD_END.search(body, 1)
        head = body[: found.start()] if found else body
        span = item.line.at[at], item.line.at[at + len(head)], item.end
        entry = _Entry(
            start=span[0],
            head=head,
            number=printed.number if printed else None,
            named=self.text.emphasised(span[0]) or (len(head.strip()) <= 24 and not found),
            holders=self.text.holders(head, span, first=source != NUMBER, label="label" in key),
        )
        layer = self.layers.setdefault(key, _Layer(source, in_words=key[-1] == "ordinal"))
        layer.entries.append((item.section, entry))
        if not entry.holders and not body[len(head) :].strip(":： ") and _CATEGORY.search(head):
            self.category = layer, entry

    def _table(self, table: Table) -> None:
        """The rows as a layer of their own: one with a rank column, else in row order."""
        headers = table.headers
        ranked = next((n for n, header in enumerate(headers) if _RANK_HEADER.fullmatch(header)), None)
        if table.role and (table.role != COMPARED or ranked is None):
            return
        if ranked is None and not (headers and _NAME_HEADER.search(headers[0]) and role_of(headers[0]) != COMPARED):
            return
        self.tables += 1
        layer = self.layers.setdefault(("table", self.tables), _Layer(TABLE_ORDER if ranked is None else RANK_COLUMN))
        for row in range(1, len(table.rows)):
            number = None
            if ranked is not None:
                span = table.cell(row, ranked)
                marked = self.text.seen(*span).strip() if span else ""
                printed = marker(marked)
                number = numeral(_SUFFIX.sub("", marked)) or (printed.number if printed else None)
                if number is None:
                    continue
            holders: tuple[str, ...] = ()
            for n in range(1 if ranked is None else len(table.cells[row])):
                span = table.cell(row, n)
                found = self.text.named(*span) if span else ()
                if n != ranked and found:
                    holders = self.text.equals(found)
                    break
            layer.entries.append((0, _Entry(table.rows[row].at[0], "", number, True, holders)))


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
        if len(entries) > 1 and 2 * sum(bool(_STEP.match(entry.head.strip())) for entry in entries) > len(entries):
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


def _inline(text: _Text) -> dict[str, Rank]:
    """The numbers of a list that stands in one line, where each is followed by what it numbers, from 1 on."""
    found: list[tuple[str, int, str]] = []
    for line in lines(text.view):
        markers = list(_INLINE.finditer(line.seen))
        numbers = [numeral(each[1] or each[2]) for each in markers]
        if len(markers) < 2 or numbers != list(range(1, len(markers) + 1)) or ADVISED_AGAINST.search(line.seen):
            continue
        ends = [*(each.start() for each in markers[1:]), len(line.seen)]
        if not all(_short(line.seen[each.end() : end]) for each, end in zip(markers, ends, strict=True)):
            continue
        for each, number in zip(markers, numbers, strict=True):
            begins = line.at[each.end()]
            after = text.named(begins, line.at[-1])
            if number and after and not text.seen(begins, after[0].start).strip(' “"「'):
                found += [(brand, number, NUMBER) for brand in text.equals(after[:1])]
    return _best(iter(found))


def _short(text: str) -> bool:
    """Whether it may be a name, and is no sentence."""
    return len(text.split()) <= 2 and len(text.strip()) <= 24


def _place(word: str) -> int:
    return _PLACES.index(word) + 1 if word in _PLACES else int(word[0])


def _ordinals(text: _Text) -> dict[str, Rank]:
    """Places given in words, where no list gives any: 第一名是瑞幸；并列第二：库迪、星巴克; Third place: Beko."""
    found: list[tuple[str, int, str]] = []
    view = text.view.lower()
    for line in lines(text.view) if "第" in view or " place" in view else ():
        if not ("第" in line.seen or " place" in line.seen.lower()) or ADVISED_AGAINST.search(line.seen):
            continue
        for words in _ORDINAL.finditer(line.seen):
            after = text.named(line.at[words.end()], min(line.at[-1], line.at[words.end()] + 300))
            number = numeral(words[1]) if words[1] else _place(words[2].lower())
            if number and after and not text.seen(line.at[words.end()], after[0].start).strip():
                found += [(brand, number, ORDINAL) for brand in text.equals(after)]
    return _best(iter(found))
