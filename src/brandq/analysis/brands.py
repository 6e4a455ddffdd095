"""Names compiled into one matcher: which tracked brand is written where, in any script and with any symbol.

Names and text are folded the same way, one character at a time with a map back to the text: NFKC, casefold, accents
off Latin letters, one dash, one apostrophe, nothing of zero width. A name then counts where it stands alone:

- a Latin letter or digit at its edge wants another neighbour ("Arc" is not in "search"), a Han one does not (小米手机);
- a neighbour that makes it another token cancels it: C before ++ or #, ASP before .NET, meta before -analysis;
- the longest name wins over ALL brands and over a short list of longer words that are no brand at all (大众点评).

What these rules cannot tell, such as 苹果 the fruit from 苹果 the maker, needs context that a plan does not give yet.
"""

from __future__ import annotations

import html
import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ahocorasick

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
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")

#: letters and digits of the scripts that part words with spaces, after folding
_WORD = re.compile("[0-9a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u058f\u10a0-\u10ff\u1e00-\u1fff]")
_HAN = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def _words(listed: str) -> tuple[str, ...]:
    return tuple(listed.split())


#: English words that are also brands: with a capital in the name, they count only when the text has one too
_ORDINARY = frozenset(
    _words(
        "amazon apple arc axe bench bird bolt boss box brave calm canvas chase close copilot crest dash "
        "discover dove edge express focus ford fossil gap glide grammar gusto harvest hinge jaguar linear "
        "lyft mars match medium mercury meta mini monday mustang next nothing notion orange oracle otter "
        "pages patagonia perplexity puma quest reach ring rode sage shell signal slack sprint square stripe "
        "subway target threads tide time toast uber vans visa wave wish word wrangler zoom"
    )
)

#: longer words in which a brand's name is no brand; a brand with one of these as its name still counts
_NOT_BRANDS = _words(
    "大众点评 大众化 大众传媒 社会大众 普罗大众 广大大众 理想状态 理想情况 理想选择 理想的选择 不理想 不太理想 "
    "苹果醋 苹果汁 苹果酸 苹果派 苹果树 苹果园 小米粥 小米椒 小米辣 小米糕 小米汤 三星级 三星酒店 长城脚下 "
    "美的享受 美的感受 完美的 优美的 精美的 健美的 唯美的"
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
    return "".join(_LETTERS.get(letter, letter) for letter in unicodedata.normalize("NFKC", bare).casefold())


@dataclass(frozen=True)
class Folded:
    """A text as names are looked for in it, and for each character where it began and ended in the text."""

    text: str
    starts: array[int]
    ends: array[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the text behind ``text[start:end]``, which is not empty."""
        return self.starts[start], self.ends[end - 1]


def _pieces(text: str) -> Iterator[tuple[str, int, int]]:
    """Characters, with a character reference such as &amp; as one, and where each stood."""
    at = 0
    for found in _ENTITY.finditer(text):
        meant = html.unescape(found[0])
        if meant == found[0]:
            continue
        yield from ((char, at + n, at + n + 1) for n, char in enumerate(text[at : found.start()]))
        yield from ((char, found.start(), found.end()) for char in meant)
        at = found.end()
    yield from ((char, at + n, at + n + 1) for n, char in enumerate(text[at:]))


def folded(text: str) -> Folded:
    """``text`` folded. Runs of spaces become one, and none stays between Han and a Latin letter: CHALI 茶里."""
    out: list[str] = []
    starts, ends = array("q"), array("q")
    for piece, start, end in _pieces(text):
        for char in fold(piece):
            if char in " \n" and out and out[-1] in " \n":
                if char == "\n":
                    out[-1] = "\n"
                continue
            if len(out) > 1 and out[-1] == " " and char != "\n" and _spaced_for_looks(out[-2], char):
                out.pop(), starts.pop(), ends.pop()
            out.append(char)
            starts.append(start)
            ends.append(end)
    return Folded("".join(out), starts, ends)


def _spaced_for_looks(before: str, after: str) -> bool:
    return bool((_HAN.match(before) and _WORD.match(after)) or (_WORD.match(before) and _HAN.match(after)))


def is_han(char: str) -> bool:
    return bool(_HAN.match(char))


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
    """One name of one brand as it was written in the plan."""

    brand: str
    written: str
    key: str
    ordinary: bool


@dataclass(frozen=True)
class Found:
    """A name that stands alone, as offsets in the folded text."""

    start: int
    end: int
    brand: str


class Names:
    """Every name of every brand of a plan, looked for in one pass."""

    def __init__(self, brands: Sequence[Brand]) -> None:
        forms: dict[str, list[tuple[int, Name]]] = {}
        for brand in brands:
            for written in brand.names:
                key = name_key(written)
                name = Name(brand.name, written, key, key in _ORDINARY and written != written.lower())
                for order, form in enumerate(spellings(written)):
                    forms.setdefault(form, []).append((min(order, 1), name))
        self.forms: dict[str, tuple[Name, ...]] = {}
        for form, names in forms.items():
            best = min(order for order, _ in names)
            # sorted by the name, so that the order of brands in a plan decides nothing
            chosen = sorted(
                (name for order, name in names if order == best), key=lambda name: (name.brand, name.written)
            )
            self.forms[form] = tuple(chosen)
        #: names that are domains count where they are written as a word: Booking.com
        self.domains = frozenset(form for form in self.forms if "." in form)
        self._automaton: Any = ahocorasick.Automaton()
        for form in (*self.forms, *(folded(word).text for word in _NOT_BRANDS)):
            self._automaton.add_word(form, form)
        self._automaton.make_automaton()

    def find(self, text: Folded, raw: str) -> list[Found]:
        """Where names stand alone, in order and without overlap: leftmost first, then longest."""
        standing: list[tuple[int, int, str]] = []
        for last, form in self._automaton.iter(text.text):
            start, end = last + 1 - len(form), last + 1
            if form not in self.forms or self._stands_alone(text, start, end, raw):
                standing.append((start, -end, form))
        standing.sort()
        found: list[Found] = []
        free_from = 0
        for start, minus_end, form in standing:
            if start < free_from:
                continue
            free_from = -minus_end
            if form in self.forms:
                found.append(Found(start, free_from, self._owner(form, text, start, free_from, raw)))
        return found

    def _owner(self, form: str, text: Folded, start: int, end: int, raw: str) -> str:
        names = self.forms[form]
        if len(names) > 1:
            first, last = text.span(start, end)
            surface = name_key(raw[first:last])
            names = tuple(name for name in names if name.key == surface) or names
        return names[0].brand

    def _stands_alone(self, text: Folded, start: int, end: int, raw: str) -> bool:
        """Whether the neighbours leave it the word that was looked for."""
        whole, form = text.text, text.text[start:end]
        before, after = whole[max(0, start - 12) : start], whole[end : end + 16]
        first, last = text.span(start, end)
        surface = raw[first:last]
        names = self.forms[form]
        if all(name.ordinary for name in names) and surface == surface.lower():
            return False
        # written small where the plan has a capital: then a hyphen beside it makes an ordinary word
        small = surface[:1].islower() and all(name.written[:1].isupper() for name in names)
        capital = end + 1 < len(whole) and raw[text.starts[end + 1]].isupper()
        return (not _WORD.match(form[-1]) or _free_after(form, after, small=small, capital=capital)) and (
            not _WORD.match(form[0]) or _free_before(form, before, surface, small=small)
        )


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
