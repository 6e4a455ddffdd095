"""Mentions: where an answer names a tracked brand, in the words that its reader sees.

Told apart are the answer's own words and those that are not: the echo of the question (a line or heading that repeats
the prompt, or the prompt in quotation marks) and a list of sources. The second name in 比亚迪（BYD） belongs to the
mention before it. A name that is also an ordinary word counts where something shows that the brand is meant; where
nothing does it is doubtful: shown for review and not counted.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from brandq.analysis.brands import DROPPED, HIDDEN, Folded, Found, Names, Stretches, folded, is_han
from brandq.analysis.outline import Item, Kind, Outline, Table
from brandq.analysis.reading import Reading
from brandq.analysis.senses import KNOWN, Sense, sense, speaks_of_the_word

#: a line this much of which is the prompt repeats it
_ECHO_SHARE = 0.8
#: letters that a line may add to a prompt that it repeats: "Question:", "您问的是"
_ECHO_EXTRA = 6
#: a prompt must ask this much besides the names in it: "Tesla" alone, as a heading, is no echo
_ECHO_LEAST = 3
#: lines compared with the prompt letter by letter; only those that end in a question mark are
_ECHO_LINES = 20

_NO_LETTERS = re.compile(r"[\W_]+")
#: a sentence that only says what was asked about, where an answer opens with one: "You asked about Tesla."
_ASKED_ABOUT = re.compile(
    r"(?:(?<=\n)|(?<=[.。!?] )|(?<=[。!?])|\A)"
    r"(?:(?:so,? )?(?:you(?:'re| are)? ask(?:ed|ing)(?: me)? (?:about|for|whether|if)|you wanted to know (?:about|if))|"
    r"[您你](?:问|询问|提到|咨询)的(?:是|问题是))"
    r"[^\n.。!?,]{1,80}(?:[。!?\n]|\.(?=\s|\Z)|\Z)"
)
_OPENS_WITHIN = 600

_OPENING = re.compile(r"[\"'「『《〈【\[(]")
_CLOSING = re.compile(r"[\"'」』》〉】\])]")
_QUOTE_MARKS = r"[\s\"'“”‘’「」『』《》]{0,3}"
_GLOSS = re.compile(
    rf"{_QUOTE_MARKS}[(（/／\[【|｜·]\s*(?:(?:简称|又称|又名|也叫|即|原名|英文名?|品牌名?|aka|formerly)\s?[:：]?)?{_QUOTE_MARKS}",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[\s\-]?")

_WORDS = re.compile(r"(?<![a-z0-9'])[a-z]+")
#: how far from an ambiguous name, in folded characters, a word still shows what is meant by it
_NEAR = 40
#: brands that stand side by side: 华为、小米和荣耀
_LISTED = re.compile(r"\s?(?:[、,/&+|]|和|与|及|跟|或|以及|还有|and|or|vs\.?)\s?(?:and\s|or\s)?", re.IGNORECASE)
#: what may follow the name that is the whole head of an item
_HEAD_ENDS = re.compile(rf"[\s{DROPPED}]{{0,4}}(?:$|\n|[{HIDDEN}:：,，。;；(（\[【|｜/、—–!！-])")
_SOURCES = re.compile(
    r"[^\w\n]{0,9}(?:[\d一二三四五六七八九十]{1,3}\s?[.．、)）]\s?)?[^\w\n]{0,5}"
    r"(?:(?:主要|以上|相关|相關|部分)?(?:[参參]考|引用|信息|[数數][据據]|[资資]料|[内內]容){1,2}"
    r"(?:[资資]料|[来來]源|[链鏈]接|[连連][结結]|文[献獻]|出[处處]|[网網]站|[网網]址)|[来來]源|出[处處]|[参參]考|引用|"
    r"(?:sources?|references?|citations?|further reading|bibliography)(?: (?:used|cited|consulted))?)"
    r"[\s*_】\])）]{0,6}(?:[:：]\s*|$)",
    re.IGNORECASE,
)
_SOURCE_NOTE = re.compile(
    r"[(（]\s?(?:(?:[资資]料|信息|[数數][据據]|[图圖]片|[参參]考)?[来來]源|sources?)\s?[:：][^()（）\n]{0,200}[)）]",
    re.IGNORECASE,
)


class Mention(NamedTuple):
    """A brand named in the text, as offsets in characters of the answer's text."""

    brand: str
    start: int
    end: int


class View:
    """The view with its mentions, in order of the text: who is named where, and what a reader sees between them."""

    def __init__(self, view: str, mentions: Sequence[Mention]) -> None:
        self.view = view
        self.mentions = mentions
        self.starts = [mention.start for mention in mentions]

    def named(self, start: int, end: int) -> Sequence[Mention]:
        """The mentions that begin from ``start`` to before ``end``."""
        return self.mentions[bisect_left(self.starts, start) : bisect_left(self.starts, end)]

    def seen(self, start: int, end: int) -> str:
        return self.view[start:end].replace(DROPPED, "").replace(HIDDEN, " ")


@dataclass(frozen=True)
class Mentions:
    """The mentions of one answer, each tuple in order of the text.

    ``own`` in the answer's own words; ``elsewhere`` in the echo of the question or in a list of sources; ``doubtful``
    where a name stands in its own words that may be the brand and may be an ordinary word.
    """

    own: tuple[Mention, ...] = ()
    elsewhere: tuple[Mention, ...] = ()
    doubtful: tuple[Mention, ...] = ()


def find_mentions(reading: Reading, outline: Outline, names: Names, prompt: str) -> Mentions:
    """The mentions of an answer that was asked for with ``prompt``. Any text has them, if only none."""
    text = reading.folded
    found = names.find(text, reading.view)
    if not found:
        return Mentions()
    echoes = Stretches(_echoes(text, names, prompt))
    sources = Stretches(_sources(reading.view, outline))
    own: list[Mention] = []
    elsewhere: list[Mention] = []
    doubtful: list[Mention] = []
    previous: tuple[Mention, str] | None = None
    for one, meant in zip(found, _Meaning(reading, outline, text, names).meant(found), strict=True):
        start, end = text.span(one.start, one.end)
        mention, form = Mention(one.brand, start, end), text.text[one.start : one.end]
        away = echoes.holds(one.start, one.start + 1) or sources.holds(start, end)
        if meant is not _Meant.YES:
            if meant is _Meant.DOUBTFUL and not away:
                doubtful.append(mention)
            previous = None
            continue
        if not (previous and previous[0].brand == one.brand and _is_gloss(reading, previous, mention, form)):
            (elsewhere if away else own).append(mention)
        previous = mention, form
    return Mentions(tuple(own), tuple(elsewhere), tuple(doubtful))


class _Meant(Enum):
    """Whether the brand is meant. UNTOLD: by no sign of its own; others of the answer may tell."""

    YES = auto()
    UNTOLD = auto()
    DOUBTFUL = auto()
    NO = auto()


class _Meaning:
    """Tells for each name that stands alone in one answer whether the brand is meant by it."""

    def __init__(self, reading: Reading, outline: Outline, text: Folded, names: Names) -> None:
        self._reading = reading
        self._outline = outline
        self._text = text
        self._names = names

    def meant(self, found: Sequence[Found]) -> list[_Meant]:
        """One for each. What is untold is meant where a brand's other mention is, or where it stands beside one."""
        told = [self._alone(one) for one in found]
        if _Meant.UNTOLD not in told:
            return told
        sure = {one.brand for one, meant in zip(found, told, strict=True) if meant is _Meant.YES}
        told = [
            _Meant.YES if meant is _Meant.UNTOLD and one.brand in sure else meant
            for one, meant in zip(found, told, strict=True)
        ]
        for order in (range(1, len(found)), range(len(found) - 2, -1, -1)):
            for n in order:
                beside = n - order.step
                if told[n] is _Meant.UNTOLD and told[beside] is _Meant.YES and self._listed(found[n], found[beside]):
                    told[n] = _Meant.YES
        return [_Meant.DOUBTFUL if meant is _Meant.UNTOLD else meant for meant in told]

    def _listed(self, one: Found, other: Found) -> bool:
        first, second = sorted((one, other), key=lambda found: found.start)
        between = self._text.text[first.end : min(second.start, first.end + 9)]
        return one.brand != other.brand and first.end <= second.start and bool(_LISTED.fullmatch(between))

    def _alone(self, one: Found) -> _Meant:
        form = self._text.text[one.start : one.end]
        if not one.name.ambiguous and form not in KNOWN:
            return _Meant.YES
        told = self._sense(form, one)
        if one.name.ambiguous:
            return self._of_ambiguous(form, one, told)
        if told is Sense.BRAND:
            return _Meant.YES
        if told is Sense.WORD or speaks_of_the_word(form, self._around(one)):
            return _Meant.DOUBTFUL
        return _Meant.UNTOLD if told is Sense.OPEN and not self._placed(one) else _Meant.YES

    def _of_ambiguous(self, form: str, one: Found, told: Sense) -> _Meant:
        """A name that the plan calls ambiguous, which counts by a sign alone."""
        context = self._names.context.get(one.brand)
        if told is Sense.BRAND and not one.small:
            return _Meant.YES
        if told is not Sense.WORD and context and self._context_near(context, one):
            return _Meant.YES
        if one.small:
            return _Meant.NO
        if told is Sense.WORD or speaks_of_the_word(form, self._around(one)):
            return _Meant.DOUBTFUL
        if self._placed(one):
            return _Meant.YES
        # a capital tells where nothing else was asked for, and within Han no word but a name is written in Latin
        capital = not context and one.name.capitalised and told is not Sense.OPEN
        latin = not is_han(form[0]) and self._among_han(one)
        return _Meant.YES if capital or latin else _Meant.UNTOLD

    def _sense(self, form: str, one: Found) -> Sense:
        """What the neighbours say; a name in capitals throughout begins no ordinary sentence."""
        whole, view = self._text.text, self._reading.view
        before, after = whole[max(0, one.start - 24) : one.start], whole[one.end : one.end + 32]
        if is_han(form[0]):
            return sense(form, before, after)
        told = sense(form, before, after, self._capitals(one.end, after))
        first, last = self._text.span(one.start, one.end)
        letters = [char for char in view[first:last] if char.isalpha()] if told is Sense.OPEN else []
        return Sense.NOTHING if len(letters) > 1 and all(map(str.isupper, letters)) else told

    def _capitals(self, end: int, after: str) -> tuple[bool, ...]:
        """For the next two words of the folded text, whether each has a capital in the answer: iPhone has one."""
        starts, view = self._text.starts, self._reading.view
        return tuple(
            any(char.isupper() for char in view[starts[end + word.start()] : starts[end + word.end() - 1] + 1])
            for word, _ in zip(_WORDS.finditer(after), range(2), strict=False)
        )

    def _around(self, one: Found) -> str:
        whole = self._text.text
        return f"{whole[max(0, one.start - _NEAR) : one.start]}\n{whole[one.end : one.end + _NEAR]}"

    def _context_near(self, context: re.Pattern[str], one: Found) -> bool:
        near = context.finditer(self._text.text, max(0, one.start - _NEAR), one.end + _NEAR)
        return any(word.start() < one.start or word.end() > one.end for word in near)

    def _among_han(self, one: Found) -> bool:
        whole = self._text.text
        return any(is_han(char) for char in (*whole[max(0, one.start - 1) : one.start], *whole[one.end : one.end + 1]))

    def _placed(self, one: Found) -> bool:
        """Whether it stands where brands stand: the whole head of an item, a cell of a table, all of what is bold."""
        text, view = self._reading.text, self._reading.view
        start, end = self._text.span(one.start, one.end)
        if text[max(0, start - 1) : start] in {"*", "_"} and text[end : end + 1] in {"*", "_"}:
            return True
        part = self._outline.part_at(start)
        if isinstance(part, Table):
            before, after = view[max(0, start - 9) : start], view[end : end + 9]
            return bool(re.search(rf"\|[\s{DROPPED}]*$", before) and re.match(rf"[\s{DROPPED}{HIDDEN}]*\|", after))
        if part is None or not (part.kind in {Kind.ITEM, Kind.HEADING} or part.marker or part.line.bold):
            return False
        begins = part.line.at[part.at + (part.marker.length if part.marker else 0)]
        return (
            begins <= start <= begins + 9
            and not any(char.isalnum() for char in view[begins:start])
            and bool(_HEAD_ENDS.match(view, end))
        )


def _sources(view: str, outline: Outline) -> list[tuple[int, int]]:
    """The stretches of the text that give sources: what stands under such a heading or behind such a label."""

    def stretches() -> Iterator[tuple[int, int]]:
        for item in outline.items:
            label = _SOURCES.match(item.body)
            if label:
                yield item.start, _end_of_sources(item, label.end())
        for note in _SOURCE_NOTE.finditer(view):
            yield note.span()

    return list(stretches())


def _end_of_sources(item: Item, label: int) -> int:
    return item.end if item.body[label:].strip(" *_") else item.until


def _is_gloss(reading: Reading, previous: tuple[Mention, str], mention: Mention, form: str) -> bool:
    """Whether this says the mention before it once more: in brackets, after a slash, in another script."""
    between = reading.view[previous[0].end : mention.start].replace(DROPPED, "")
    if len(between) > 12:
        return False
    if _GLOSS.fullmatch(between):
        return True
    other_script = is_han(previous[1][0]) != is_han(form[0])
    return form != previous[1] and bool(_JOINED.fullmatch(between)) and (other_script or between == "-")


def _letters(text: str) -> str:
    """Letters and digits only."""
    return _NO_LETTERS.sub("", text)


# one prompt is asked many times
@lru_cache(maxsize=1 << 10)
def _asked(names: Names, prompt: str) -> tuple[str, bool]:
    """The letters of a prompt, none where it asks for nothing but names, and whether it is a question."""
    text = folded(prompt).text
    rest = text
    for form in names.longest_first:
        rest = rest.replace(form, "")
    return _letters(text) if len(_letters(rest)) >= _ECHO_LEAST else "", "?" in text


def _echoes(text: Folded, names: Names, prompt: str) -> list[tuple[int, int]]:
    """The stretches of the folded text that repeat the prompt, in order."""
    asked, question = _asked(names, prompt)
    echoes = [found.span() for found in _ASKED_ABOUT.finditer(text.text, 0, _OPENS_WITHIN)]
    if not asked:
        return echoes
    letters = _letters(text.text)
    start = letters.find(asked)
    at = [n for n, char in enumerate(text.text) if char.isalnum()] if start >= 0 else []
    while start >= 0:
        first, last = at[start], at[start + len(asked) - 1]
        if _repeats(text.text, first, last, len(asked), question):
            echoes.append((first, last + 1))
        start = letters.find(asked, start + len(asked))
    return sorted({*echoes, *_similar_lines(text.text, asked)})


def _repeats(text: str, first: int, last: int, asked: int, question: bool) -> bool:
    """Whether the prompt's words at ``first`` to ``last`` are an echo: alone in their line, quoted, or asked again."""
    before, after = text[max(0, first - 3) : first], text[last + 1 : last + 4]
    if _OPENING.search(before) and _CLOSING.search(after):
        return True
    if question and after.lstrip(" '\")").startswith("?"):
        return True
    # no farther than matters, or a long line with many repeats would be walked once for each
    reach = 2 * asked + 100
    line_start = text.rfind("\n", max(0, first - reach), first)
    if line_start < 0 and first > reach:
        return False
    line_end = text.find("\n", last, last + reach)
    if line_end < 0:
        if len(text) > last + reach:
            return False
        line_end = len(text)
    added = sum(char.isalnum() for char in text[line_start + 1 : first] + text[last + 1 : line_end])
    return asked >= _ECHO_SHARE * (asked + added) or added <= _ECHO_EXTRA


def _similar_lines(text: str, asked: str) -> list[tuple[int, int]]:
    """Questions among the lines that differ from the prompt in a few letters."""
    echoes: list[tuple[int, int]] = []
    start, compared = 0, 0
    while start < len(text) and compared < _ECHO_LINES:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start <= 3 * len(asked) + 20 and text[start:end].rstrip(" \"')」』#").endswith("?"):
            compared += 1
            if SequenceMatcher(None, asked, _letters(text[start:end]), autojunk=False).ratio() >= _ECHO_SHARE:
                echoes.append((start, end))
        start = end + 1
    return echoes


def first_mentions(mentions: Sequence[Mention]) -> dict[str, int]:
    """The position of each brand that is named: order of its first mention among the brands, from 1."""
    order = dict.fromkeys(mention.brand for mention in mentions)
    return {brand: position for position, brand in enumerate(order, start=1)}


def by_brand(mentions: Sequence[Mention]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Where each brand that is named stands, as (start, end) in characters of the text."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for mention in mentions:
        spans.setdefault(mention.brand, []).append((mention.start, mention.end))
    return {brand: tuple(found) for brand, found in spans.items()}
