"""Names compiled into one matcher: which tracked brand is written where, in any script and with any symbol.

Names and text are folded the same way, one character at a time with a map back to the text: NFKC, casefold, accents
off Latin letters, traditional Han as simplified, one dash, one apostrophe, nothing of zero width. A name then counts
where it stands alone:

- a Latin letter or digit at its edge wants another neighbour ("Arc" is not in "search"), a Han one does not (小米手机);
- a neighbour that makes it another token cancels it: C before ++ or #, ASP before .NET, meta before -analysis;
- the longest name wins over ALL brands and over a short list of longer words that are no brand at all (大众点评).

What these rules cannot tell, 苹果 the fruit from 苹果 the maker, is told by what stands around it: see ``senses``.
"""

from __future__ import annotations

import html
import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import ahocorasick
import opencc

from brandq.analysis.senses import CAPITALISED, KNOWN
from brandq.plan import Brand, name_key

#: stands in a view for a character that is not there at all: its neighbours touch
DROPPED = "\x00"
#: stands in a view for a character that no reader sees: nothing reads across it
HIDDEN = "\x01"

_NEWLINES = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u30a0\ufe58\ufe63\uff0d")
_APOSTROPHES = frozenset("\u2018\u2019\u201a\u201b\u2032\u02bc\u02b9\u00b4\u0060\uff07")
_QUOTES = frozenset("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02")
_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"}
#: ① must not become 1 nor ™ become tm: a name beside it would get a Latin neighbour
_KEPT = ("<circle>", "<super>", "<sub>")
_COMBINING = re.compile("[\u0300-\u036f]")
#: ASCII, and more, that folds to one character each and is no space; & begins a character reference
_ASCII = r"!-%'-_a-~"
_EVEN = rf"{_ASCII}\u3400-\u9fff，。、；：！？（）"
#: characters that fold to one each, with no blank but single ones within; or blanks; or such a reference; or any
_PIECE = re.compile(
    rf"([{_EVEN}]+(?:(?:(?<=[{_ASCII}]) [{_ASCII}]|\n[{_EVEN}])[{_EVEN}]*)*)"
    r"|([ \n\x01]+)"
    r"|(&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)"
    r"|.",
    re.DOTALL,
)
_FOLDS_EVENLY, _BLANK = 1, 2
#: where each character of all answers but the longest ones begins and ends, to be copied from
_BEGINS, _ENDS = array("q", range(1 << 15)), array("q", range(1, (1 << 15) + 1))

#: letters and digits of the scripts that part words with spaces, after folding
_WORD = re.compile("[0-9a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u058f\u10a0-\u10ff\u1e00-\u1fff]")
_HAN = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def _words(listed: str) -> tuple[str, ...]:
    return tuple(listed.split())


#: longer words in which a brand's name is no brand; a brand with one of these as its name still counts
_NOT_BRANDS = _words(
    "大众点评 大众化 大众传媒 广大众多 庞大众多 大众筹 不理想 管理想 心理想 处理想 办理想 整理想 护理想 "
    "物理想 清理想 苹果醋 苹果汁 苹果酸 苹果派 苹果树 苹果园 小米粥 小米椒 小米辣 小米糕 小米汤 三星堆 三星期 "
    "王者荣耀 完美的 优美的 精美的 健美的 唯美的 审美的 凄美的 甜美的 鲜美的 柔美的 俊美的 秀美的 壮美的 "
    "华美的 绝美的 爱美的 变美的 臭美的 媲美的 赞美的 欧美的 南美的 北美的 肥美的 之美的 成长城 增长城 上海信 "
    "地方太 对方太 官方太 双方太 甲方太 乙方太 多方太 才华为 年华为 中华为 精华为 繁华为 豪华为 奢华为 独立白 "
    "成立白 建立白 模特步 奥林匹克 伊利诺伊 东京东 北京东 南京东 京东方 赴美团 欧美团 其中信 集中信 心中信 "
    "从中信 手中信 价格力 性格力 风格力 人格力 资格力"
)

#: what may follow a name and a hyphen without making it another word
_AFTER_HYPHEN = re.compile(
    r"-(?:[a-z]+(?:ed|ing)|based|made|built|like|style|grade|only|free|first|ready|level|specific|related|compatible|"
    r"exclusive|friendly|quality|native|approved|own|centric|level|style)(?![a-z])"
)
_BEFORE_HYPHEN = re.compile(r"(?<![a-z])(?:non|ex|pro|anti|pre|post|mid|all|near|semi|co)-$")


@lru_cache(maxsize=65536)
def fold(char: str) -> str:
    """The folded form of one character: none, one or several characters."""
    if char in _NEWLINES or char == HIDDEN:
        return "\n"
    category = unicodedata.category(char)
    if char == DROPPED or category == "Cf" or "\ufe00" <= char <= "\ufe0f" or _COMBINING.match(char):
        return ""
    if category in {"Zs", "Cc"}:
        return " "
    if char in _DASHES:
        return "-"
    if char in _APOSTROPHES:
        return "'"
    if char in _QUOTES:
        return '"'
    if unicodedata.decomposition(char).startswith(_KEPT):
        return char
    # off the decomposed form and composed again: kana and Hangul keep their marks, which stand in other blocks
    bare = _COMBINING.sub("", unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", char).casefold()))
    plain = "".join(_LETTERS.get(letter, letter) for letter in unicodedata.normalize("NFKC", bare).casefold())
    # a mark by itself decomposes into a space and the mark
    return plain.translate(_simplified()) if len(plain) < 2 else plain.replace(" ", "")


@cache
def _simplified() -> dict[int, str]:
    """The simplified character of each traditional one.

    One at a time, without the words around it, 乾 is 干 also where it should stay: names and text fold alike, so they
    still meet. No character becomes two.
    """
    blocks = ((0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))
    traditional = [chr(code) for first, end in blocks for code in range(first, end)]
    simplified = opencc.OpenCC("t2s").convert("\n".join(traditional)).split("\n")
    return {ord(old): new for old, new in zip(traditional, simplified, strict=True) if old != new and len(new) == 1}


@dataclass(frozen=True)
class Folded:
    """A text as names are looked for in it, and for each character where it began and ended in the text."""

    text: str
    starts: array[int]
    ends: array[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the text behind ``text[start:end]``, which is not empty."""
        return self.starts[start], self.ends[end - 1]


class _Folds(dict[int, str]):
    """What each character folds to, for ``str.translate``."""

    def __missing__(self, code: int) -> str:
        self[code] = fold(chr(code))
        return self[code]


_FOLDS = _Folds()


def _one_by_one(found: re.Match[str], begins: array[int]) -> Sequence[tuple[str, int, int]]:
    """The characters of a piece that does not fold evenly, with where each stood.

    A character reference such as &amp; is one character, though it takes several; but none where ``begins``, the place
    of each character in the answer, shows that something was dropped within it.
    """
    piece, (start, end) = found[0], found.span()
    if not found.lastindex:
        return ((piece, start, end),)
    whole = begins[end - 1] - begins[start] == end - 1 - start
    meant = html.unescape(piece) if whole else piece
    if meant != piece:
        return [(char, start, end) for char in meant]
    return [(char, start + n, start + n + 1) for n, char in enumerate(piece)]


def folded(text: str) -> Folded:
    """``text`` folded. Runs of spaces become one, and none stays between Han and a Latin letter: CHALI 茶里."""
    out: list[str] = []
    # the last character of what is folded, and where that is a space the one before it
    last, before = "", ""
    starts, ends = array("q"), array("q")
    begins, closes = _BEGINS, _ENDS
    if len(text) > len(begins):
        begins, closes = array("q", range(len(text))), array("q", range(1, len(text) + 1))
    if DROPPED in text:
        text, begins, closes = _without_dropped(text, begins, closes)
    for found in _PIECE.finditer(text):
        kind = found.lastindex
        if kind == _FOLDS_EVENLY:
            # nearly all of any text: whatever is done here is done once for many characters
            chars = found[0]
            # the ASCII that folds evenly only has its capitals to lose, and to lower it takes far less time
            chars = chars.lower() if chars.isascii() else chars.translate(_FOLDS)
            if last == " " and _spaced_for_looks(before, chars[0]):
                out.pop(), starts.pop(), ends.pop()
            start, end = found.span()
            out.append(chars)
            last = chars[-1]
            starts += begins[start:end]
            ends += closes[start:end]
        elif kind == _BLANK:
            # blanks are one: the first stands for all
            piece, start = found[0], found.start()
            chars = " " if piece.isspace() and "\n" not in piece else "\n"
            if last not in {" ", "\n"}:
                out.append(chars)
                last, before = chars, last
                starts.append(begins[start])
                ends.append(closes[start])
            elif chars == "\n":
                out[-1] = last = "\n"
        else:
            for char, start, end in _one_by_one(found, begins):
                chars = _FOLDS[ord(char)]
                if chars in {" ", "\n"} and last in {" ", "\n"}:
                    if chars == "\n":
                        out[-1] = last = "\n"
                elif chars:
                    if last == " " and _spaced_for_looks(before, chars[0]):
                        out.pop(), starts.pop(), ends.pop()
                    out.append(chars)
                    last, before = chars[-1], last
                    starts.extend((begins[start],) * len(chars))
                    ends.extend((closes[end - 1],) * len(chars))
    return Folded("".join(out), starts, ends)


def _without_dropped(text: str, begins: array[int], closes: array[int]) -> tuple[str, array[int], array[int]]:
    """A text without what is dropped, which would cut it into many more pieces; and where what is left stood in it."""
    kept_begins, kept_closes = array("q"), array("q")
    at = 0
    for piece in text.split(DROPPED):
        if piece:
            end = at + len(piece)
            kept_begins += begins[at:end]
            kept_closes += closes[at:end]
            at = end
        at += 1
    return text.replace(DROPPED, ""), kept_begins, kept_closes


def _spaced_for_looks(before: str, after: str) -> bool:
    if before.isascii() and after.isascii():
        return False
    return bool((_HAN.match(before) and _WORD.match(after)) or (_WORD.match(before) and _HAN.match(after)))


def is_han(char: str) -> bool:
    # nearly all that is asked about is ASCII
    return not char.isascii() and bool(_HAN.match(char))


def spellings(name: str) -> tuple[str, ...]:
    """The folded forms under which a name is looked for, the one as written first.

    Others are what writers do to any name: a space for the dash (7 Eleven), no apostrophe (Wendys), spaces around &.
    """
    written = folded(name).text.strip()
    forms = [written]
    if "-" in written.strip("-"):
        forms.append(written.replace("-", " "))
    if "&" in written:
        forms += [re.sub(r" *& *", "&", written), re.sub(r" *& *", " & ", written)]
    # emphasis marks are taken out of the text, so E*TRADE is looked for without its star as well
    forms.append(re.sub(r"[*~\\]", "", written))
    without = written.replace("'", "")
    if without != written and len(without) >= 5:
        forms.append(without)
    return tuple(dict.fromkeys(form for form in forms if any(char.isalnum() for char in form)))


@dataclass(frozen=True)
class Name:
    """One name of one brand as it was written in the plan.

    ``capitalised``: it counts only where the text has a capital too. ``exact``: only as written, or all in capitals.
    ``ambiguous``: the plan says that it may be something else, and no longer name of the brand than this is meant.
    """

    brand: str
    written: str
    key: str
    capitalised: bool
    exact: bool
    ambiguous: bool


class Found(NamedTuple):
    """A name that stands alone, as offsets in the folded text. ``small``: without the capitals that it should have."""

    start: int
    end: int
    name: Name
    small: bool

    @property
    def brand(self) -> str:
        return self.name.brand


def _names(brand: Brand) -> Iterator[Name]:
    """The names of a brand, each with what it needs to count.

    Of an ambiguous brand, a name is sure that holds another of its names (理想汽车, where 理想 is one as well), that is
    a domain, or that no one takes for a word where another is known as one (Midea beside 美的).
    """
    forms = {written: folded(written).text.strip() for written in brand.names}
    known = any(form in KNOWN for form in forms.values())
    for written, form in forms.items():
        longer = any(other != form and other in form for other in forms.values())
        sure = longer or "." in form or (known and form not in KNOWN)
        ambiguous = brand.ambiguous and not sure
        ordinary = form in CAPITALISED or (ambiguous and not brand.context)
        has_capital = _cased(written) != _cased(written).lower()
        yield Name(brand.name, written, name_key(written), ordinary and has_capital, brand.case_sensitive, ambiguous)


def _cased(text: str) -> str:
    """The letters of ``text`` that have a capital form, as they stand there, without accents."""
    plain = unicodedata.normalize("NFKD", html.unescape(text))
    return "".join(char for char in plain if char.lower() != char.upper())


class Names:
    """Every name of every brand of a plan, looked for in one pass."""

    def __init__(self, brands: Sequence[Brand]) -> None:
        forms: dict[str, list[tuple[int, Name]]] = {}
        blocks: dict[str, set[str]] = {}
        for brand in brands:
            for name in _names(brand):
                for order, form in enumerate(spellings(name.written)):
                    forms.setdefault(form, []).append((min(order, 1), name))
            for string in brand.block:
                blocks.setdefault(folded(string).text.strip(), set()).add(brand.name)
        self.forms: dict[str, tuple[Name, ...]] = {}
        for form, names in forms.items():
            best = min(order for order, _ in names)
            # sorted by the name, so that the order of brands in a plan decides nothing
            chosen = sorted(
                (name for order, name in names if order == best), key=lambda name: (name.brand, name.written)
            )
            self.forms[form] = tuple(chosen)
        self.longest_first = tuple(sorted(self.forms, key=lambda form: (-len(form), form)))
        #: names that are domains count where they are written as a word: Booking.com
        self.domains = frozenset(form for form in self.forms if "." in form)
        #: by brand, what shows near an ambiguous name that the brand is meant
        self.context = {brand.name: _any_of(brand.context) for brand in brands if brand.ambiguous and brand.context}
        self._blocks = blocks
        self._not_brands = frozenset(folded(word).text for word in _NOT_BRANDS) - set(self.forms)
        #: those whose edges ask for nothing and whose letters have no capitals
        self._plain = frozenset(
            form
            for form, names in self.forms.items()
            if len(names) == 1 and not _WORD.match(form[0]) and not _WORD.match(form[-1]) and not _cased(form)
        )
        self._automaton: Any = ahocorasick.Automaton()
        for form in (*self.forms, *self._not_brands, *blocks):
            self._automaton.add_word(form, form)
        self._automaton.make_automaton()

    def find(self, text: Folded, view: str) -> list[Found]:
        """Where names stand alone, in order and without overlap: leftmost first, then longest."""
        standing: list[tuple[int, int, str, Found | None]] = []
        blocked: dict[str, list[tuple[int, int]]] = {}
        for last, form in self._automaton.iter(text.text):
            start, end = last + 1 - len(form), last + 1
            for brand in self._blocks.get(form, ()):
                blocked.setdefault(brand, []).append((start, end))
            if form in self._plain:
                standing.append((start, -end, form, Found(start, end, self.forms[form][0], False)))
            elif form in self.forms:
                found = self._alone(form, text, start, end, view)
                if found:
                    standing.append((start, -end, form, found))
            elif form in self._not_brands:
                standing.append((start, -end, form, None))
        covered = {brand: Stretches(spans) for brand, spans in blocked.items()}
        # no two have the same place and form, so that what was found is never compared
        standing.sort()
        chosen: list[Found] = []
        free_from = 0
        for start, minus_end, _, found in standing:
            if start < free_from or (
                covered and found and found.brand in covered and covered[found.brand].holds(start, -minus_end)
            ):
                continue
            free_from = -minus_end
            if found:
                chosen.append(found)
        return chosen

    def _alone(self, form: str, text: Folded, start: int, end: int, view: str) -> Found | None:
        """The name that is meant, if the neighbours and the capitals leave it the word that was looked for."""
        first, last = text.span(start, end)
        surface = view[first:last].replace(DROPPED, "")
        cased = _cased(surface)
        names = [
            name
            for name in self.forms[form]
            if (not name.exact or cased in (_cased(name.written), _cased(name.written).upper()))
            and not (name.capitalised and cased == cased.lower() and name.brand not in self.context)
        ]
        if not names or not self._stands_alone(names, text, start, end, surface, view):
            return None
        key = name_key(surface)
        name = next((name for name in names if name.key == key), names[0])
        return Found(start, end, name, small=name.capitalised and cased == cased.lower())

    def _stands_alone(self, names: Sequence[Name], text: Folded, start: int, end: int, surface: str, view: str) -> bool:
        """Whether the neighbours leave it the word that was looked for."""
        whole, form = text.text, text.text[start:end]
        before, after = whole[max(0, start - 12) : start], whole[end : end + 16]
        # written small where the plan has a capital: then a hyphen beside it makes an ordinary word
        small = surface[:1].islower() and all(name.written[:1].isupper() for name in names)
        capital = end + 1 < len(whole) and view[text.starts[end + 1]].isupper()
        return (not _WORD.match(form[-1]) or _free_after(form, after, small=small, capital=capital)) and (
            not _WORD.match(form[0]) or _free_before(form, before, surface, small=small)
        )


def _any_of(words: Sequence[str]) -> re.Pattern[str]:
    """Any of these words in a folded text, Latin ones as whole words."""
    forms = sorted({folded(word).text.strip() for word in words}, key=lambda form: (-len(form), form))
    return re.compile(
        "|".join(
            (r"(?<![a-z0-9])" if _WORD.match(form[0]) else "")
            + re.escape(form)
            + (r"(?:e?s)?(?![a-z0-9])" if _WORD.match(form[-1]) else "")
            for form in forms
            if form
        )
    )


class Stretches:
    """Stretches, and whether one of them holds another."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._ends = list(accumulate((end for _, end in ordered), max))

    def holds(self, start: int, end: int) -> bool:
        nearest = bisect_right(self._starts, start) - 1
        return nearest >= 0 and self._ends[nearest] >= end


def _free_after(form: str, after: str, *, small: bool, capital: bool) -> bool:
    """Whether what follows leaves the name alone. ``capital``: the character after next is a capital in the text."""
    following, beyond = after[:1], after[1:2]
    if not following:
        return True
    if _WORD.match(following) or following == "#":
        return False
    joined = bool(beyond) and bool(_WORD.match(beyond))
    if following == "+":
        return joined and len(form) > 1
    if not joined:
        return True
    if following == "'":
        return bool(re.match(r"'(?:s|re|ll|d|ve|m)(?![a-z0-9])", after))
    if following == ".":
        # a sentence begun without a space, not Node.js
        return capital
    if following == "&":
        return len(form) > 2 and bool(re.match(r"&[a-z0-9]{3}", after))
    if following == "-":
        return not small and (capital or beyond.isdigit() or bool(_AFTER_HYPHEN.match(after)))
    return following != "_"


def _free_before(form: str, before: str, surface: str, *, small: bool) -> bool:
    """Whether what stands before leaves the name alone."""
    if not before:
        return True
    preceding, farther = before[-1], before[-2:-1]
    if _WORD.match(preceding):
        return False
    joined = bool(farther) and bool(_WORD.match(farther))
    if preceding == ".":
        # ".NET" and "ASP.NET" are other names than "NET"; "1.Sony" and "good.Sony" lack a space
        sentence = surface[:1].isupper() and not surface.isupper()
        return bool(farther) and (farther.isdigit() or is_han(farther) or (joined and sentence))
    if not joined:
        return True
    if preceding == "'":
        # l'Oréal and d'Apple are elisions; in O'Reilly the letter belongs to the name
        return bool(re.search(r"(?<![a-z0-9])(?:d|l|qu)'$", before))
    if preceding == "&":
        return len(form) > 2 and bool(re.search(r"[a-z0-9]{3}&$", before))
    if preceding == "-":
        return bool(_BEFORE_HYPHEN.search(before)) or not small
    return preceding != "_"


@lru_cache(maxsize=64)
def compiled(brands: tuple[Brand, ...]) -> Names:
    """The matcher of these brands; kept, since all answers of an execution are read with the same one."""
    return Names(brands)
