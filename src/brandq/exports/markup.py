"""An answer's Markdown as HTML that is safe to show, with stretches of the answer's text marked in it.

Nothing of what an assistant wrote becomes markup. markdown-it reads the text, and of its tokens a fixed set of our own
elements is written, with every character between them escaped. Elements carry no attribute that comes from the text but
the addresses of links, which are http(s) or no links, and the number a list begins with. Images become their words and
their address; raw HTML stays what it is, text.

A stretch is marked where it stands: each piece of visible text knows the offsets that it was written at in the answer,
and is checked against them. What has no such place, such as a decoded entity, is marked when its source is touched.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

from brandq.analysis.reading import trimmed

#: a longer answer is shown as it came: reading its Markdown would take seconds
MOST_CHARS = 100_000
#: longer addresses are no links
_MOST_ADDRESS_CHARS = 2000
_MOST_LIST_NUMBER = 999_999_999

#: what changes the order of the characters around it, and control characters: shown by name
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BARE_ADDRESS = re.compile(
    r"https?://[^\s<>\"'`|\\^{}（）【】「」『』《》，。；：！？、“”‘’\u202a-\u202e\u2066-\u2069]+", re.IGNORECASE
)
_NOT_IN_ADDRESS = re.compile(
    "[\x00-\x20\x7f-\xa0\"'<>\\\\^`{|}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_SCHEME = re.compile(r"https?://(?=[^/?#])", re.IGNORECASE)
_PIPE = re.compile(r"(?<!\\)\|")
_BEFORE_ROW = re.compile(r"[\s>]*(?:(?:[-+*]|\d{1,9}[.)])[\s>]+)*")

_BLOCKS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "td": "td",
}
_INLINE = {"strong": "strong", "em": "em", "s": "s"}
_ALIGNED = {"text-align:right": "right", "text-align:center": "center"}


@dataclass(frozen=True)
class Highlight:
    """A stretch of the text, ``start`` to ``end`` in characters, and how it is marked.

    ``classes`` are ours. ``title`` says what it is; ``label`` is written behind it, and ``anchor`` is its id.
    """

    start: int
    end: int
    classes: str
    title: str = ""
    label: str = ""
    anchor: str = ""
    element: Literal["mark", "span"] = "mark"


@dataclass(frozen=True)
class Address:
    """A link that may be shown: where it leads, and the host as it is read, with its ASCII form where that differs."""

    href: str
    host: str


def address(url: str) -> Address | None:
    """The link of an http(s) address. None for any other, and for one that a browser may read in another way."""
    if len(url) > _MOST_ADDRESS_CHARS or not _SCHEME.match(url) or _NOT_IN_ADDRESS.search(url):
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    shown = _host(host) if 0 < len(host) <= 253 else None
    return None if shown is None else Address(url, shown)


def _host(host: str) -> str | None:
    """``example.com``, ``例子.中国 (xn--fsqu00a.xn--fiqs8s)``; None for what is no name of a host."""
    if ":" in host:
        return f"[{host}]" if re.fullmatch(r"[0-9a-f:.]+", host) else None
    try:
        ascii_form = host.encode("idna").decode()
    except UnicodeError:
        return None
    if not re.fullmatch(r"[a-z0-9_.-]+", ascii_form, re.IGNORECASE):
        return None
    if "xn--" not in ascii_form:
        return ascii_form
    try:
        return f"{ascii_form.encode().decode('idna')} ({ascii_form})"
    except UnicodeError:
        return ascii_form


# -- what is written: our markup, and visible text with its place


@dataclass(frozen=True)
class _Ours:
    """Markup of ours. ``breaks``: what stands before it and after it are not one line."""

    html: Markup
    breaks: bool = False


@dataclass(frozen=True)
class _Seen:
    """Visible text. ``start`` and ``end`` are where in the answer it stands; ``exact``: character by character.

    Both are 0 where that is not known: then nothing of it is marked.
    """

    text: str
    start: int = 0
    end: int = 0
    exact: bool = False


_Part = _Ours | _Seen


def rendered(text: str, highlights: Sequence[Highlight] = (), *, table: str = "Table") -> Markup:
    """The whole answer; ``table`` is what a table is called aloud. One longer than MOST_CHARS comes as from ``raw``."""
    return _marked(_parts(text, table), highlights) if len(text) <= MOST_CHARS else raw(text, highlights)


def raw(text: str, highlights: Sequence[Highlight] = ()) -> Markup:
    """The text as it came, character by character, to stand where white space is kept."""
    return _marked([_Seen(text, 0, len(text), True)], highlights)


def excerpt(text: str, highlights: Sequence[Highlight], focus: int, *, before: int = 60, after: int = 180) -> Markup:
    """About so many visible characters around the one at ``focus``, on one line, without labels and links."""
    low = max(0, focus - 6 * before)
    # from the beginning of a line, or its marks would be read as something else
    begin = text.find("\n", low, focus) + 1 or low if low else 0
    stretch = text[begin : focus + 6 * after]
    chars: list[tuple[str, int | None]] = [(" ", None)]
    for part in _parts(stretch):
        shown = " " if isinstance(part, _Ours) and part.breaks else part.text if isinstance(part, _Seen) else ""
        for n, char in enumerate(shown):
            seen = " " if char.isspace() else char
            if seen != " " or chars[-1][0] != " ":
                chars.append((seen, begin + part.start + n if isinstance(part, _Seen) and part.exact else None))
    at = next((n for n, (_, place) in enumerate(chars) if place is not None and place >= focus), 0)
    first, last = max(1, at - before), min(len(chars), max(1, at - before) + before + after)
    while last > first and chars[last - 1][0] == " ":
        last -= 1
    parts: list[_Part] = [_Seen("… ")] if begin or first > 1 else []
    parts += [_Seen(char) if at is None else _Seen(char, at, at + 1, True) for char, at in chars[first:last]]
    more = any(char != " " for char, _ in chars[last:]) or text[begin + len(stretch) :].strip()
    parts += [_Seen(" …")] if more else []
    return _marked(_joined(parts), [replace(each, label="", anchor="") for each in highlights])


def _joined(parts: Iterable[_Part]) -> Iterator[_Part]:
    """The same parts, those put together that follow each other in the answer as well."""
    texts: list[str] = []
    start = end = 0
    exact = False
    for part in parts:
        follows = isinstance(part, _Seen) and texts and part.exact == exact and part.start == end * exact
        if texts and not follows:
            yield _Seen("".join(texts), start, end, exact)
            texts = []
        if isinstance(part, _Ours):
            yield part
            continue
        if part.start == part.end or part.exact:
            if not texts:
                start, exact = part.start, part.exact
            texts.append(part.text)
            end = part.end
        else:
            yield part
    if texts:
        yield _Seen("".join(texts), start, end, exact)


class _Marks:
    """The highlights over each stretch of the text in which they are the same."""

    def __init__(self, highlights: Sequence[Highlight]) -> None:
        self.points = sorted({at for each in highlights for at in (each.start, each.end)})
        begins: dict[int, list[int]] = {}
        for number, each in enumerate(highlights):
            if each.start < each.end:
                begins.setdefault(each.start, []).append(number)
        self.over: list[tuple[int, ...]] = []
        active: list[int] = []
        for at in self.points:
            active = [number for number in active if highlights[number].end > at] + begins.get(at, [])
            self.over.append(tuple(active))

    def cut(self, part: _Seen) -> Iterator[tuple[str, Sequence[int]]]:
        """The part in pieces, each with the numbers of the highlights over it."""
        if part.start >= part.end or not self.points:
            yield part.text, ()
            return
        first = bisect_right(self.points, part.start) - 1
        if not part.exact:
            touched: dict[int, None] = {}
            for n in range(max(first, 0), len(self.points)):
                if self.points[n] >= part.end:
                    break
                touched |= dict.fromkeys(self.over[n])
            yield part.text, tuple(touched)
            return
        at, n = part.start, first
        while at < part.end:
            until = min(part.end, self.points[n + 1]) if n + 1 < len(self.points) else part.end
            yield part.text[at - part.start : until - part.start], self.over[n] if n >= 0 else ()
            at, n = until, n + 1


def _marked(parts: Iterable[_Part], highlights: Sequence[Highlight]) -> Markup:
    marks = _Marks(highlights)
    pieces: list[tuple[_Part, Sequence[int]]] = []
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for part in parts:
        if isinstance(part, _Ours):
            pieces.append((part, ()))
            continue
        for text, over in marks.cut(part):
            for number in over:
                first.setdefault(number, len(pieces))
                last[number] = len(pieces)
            pieces.append((_Seen(text), over))
    out: list[str] = []
    for place, (piece, over) in enumerate(pieces):
        if isinstance(piece, _Ours):
            out.append(piece.html)
            continue
        # what is underlined goes around what is marked
        around = sorted(over, key=lambda number: (highlights[number].element == "mark", highlights[number].start))
        out += [_opened(highlights[number], anchored=first[number] == place) for number in around]
        out.append(_shown(piece.text))
        out += [f"</{highlights[number].element}>" for number in reversed(around)]
        ended = [highlights[number].label for number in around if last[number] == place and highlights[number].label]
        out += [Markup('<small class="label">{}</small>').format(label) for label in ended]
    return Markup("".join(out))  # noqa: S704  # ours, with escaped text between


def _opened(highlight: Highlight, *, anchored: bool) -> Markup:
    anchor = Markup(' id="{}"').format(highlight.anchor) if highlight.anchor and anchored else ""
    title = Markup(' title="{}"').format(highlight.title) if highlight.title else ""
    return Markup('<{} class="{}"{}{}>').format(highlight.element, highlight.classes, anchor, title)


def _shown(text: str) -> str:
    return _UNSEEN.sub(lambda found: f'<span class="unseen">U+{ord(found[0]):04X}</span>', str(escape(text)))


# -- reading Markdown


class _Placing(StateInline):
    """Notes in each token's ``meta`` where in the source it begins."""

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        token = super().push(ttype, tag, nesting)
        before = self.tokens[-2] if len(self.tokens) > 1 else None
        # the marks of one run are pushed from one place
        run = before is not None and before.type == ttype == "text" and before.meta.get("from") == self.pos
        token.meta |= {"from": self.pos, "at": before.meta["at"] + len(before.content) if run and before else self.pos}
        return token

    def pushPending(self) -> Token:  # noqa: N802  # as markdown-it calls it
        token = super().pushPending()
        # between it and what comes now stand spaces at most, or the bracket of a link
        token.meta["at"] = self.src.rfind(token.content, 0, self.pos)
        return token


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = _Placing(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False})
    reader.inline = _Inline()
    reader.enable(["table", "strikethrough"])
    # what defines links is shown as it stands: it may be all that an answer says of its sources
    reader.disable(["html_block", "html_inline", "linkify", "reference"])
    # tokens that are put together lose their places
    reader.inline.ruler2.disable(["fragments_join"])
    reader.core.ruler.disable(["text_join"])
    return reader


#: where a stretch of a block's content stands in the answer, None where that is not known
_Place = Callable[[int, int], tuple[int, int] | None]


def _parts(text: str, table: str = "Table") -> Iterator[_Part]:
    # of the same length, so that offsets stay what they are
    source = text.replace("\r\n", " \n").replace("\r", "\n").replace("\0", "\ufffd")
    return _joined(_Document(source, table).parts())


class _Document:
    """One answer, gone through token by token."""

    def __init__(self, source: str, table: str) -> None:
        self.source = source
        self.table = table
        self.lines = source.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.tokens: Sequence[Token] = _reader().parse(source)
        levels = sorted({token.tag for token in self.tokens if token.type == "heading_open"})
        #: below the page's own headings, and without a gap
        self.headings: Mapping[str, str] = {tag: f"h{min(6, 3 + n)}" for n, tag in enumerate(levels)}
        #: whether a row of a table is gone through, its line, and how far
        self.in_row = False
        self.row = self.column = 0

    def parts(self) -> Iterator[_Part]:
        for token in self.tokens:
            if token.type == "inline":
                yield from _InText(self, token).parts()
            elif token.type in ("fence", "code_block"):
                yield from self._code(token)
            elif token.type == "hr":
                yield _Ours(Markup("<hr>"), breaks=True)
            else:
                yield _Ours(self._element(token), breaks=True)

    def _element(self, token: Token) -> Markup:
        name, opens = token.type.removesuffix("_open").removesuffix("_close"), token.nesting > 0
        if token.hidden:
            return Markup()
        if name == "heading":
            tag = self.headings[token.tag]
            return _opened_block(tag) if opens else _closed(tag)
        if name == "table":
            if not opens:
                return Markup("</table></div>")
            return Markup('<div class="wide" tabindex="0" role="region" aria-label="{}"><table>').format(self.table)
        if name == "tr":
            self.in_row = opens
        if name == "tr" and token.map:
            self.row, line = token.map[0], self.lines[token.map[0]]
            before = _BEFORE_ROW.match(line)
            self.column = before.end() if before else 0
            self.column += line[self.column : self.column + 1] == "|"
        if name in ("th", "td"):
            aligned = _ALIGNED.get(str(token.attrs.get("style")), "left")
            scope = Markup(' scope="col"') if name == "th" else ""
            return Markup('<{}{} class="{}" dir="auto">').format(name, scope, aligned) if opens else _closed(name)
        tag = _BLOCKS[name]
        if not opens:
            return _closed(tag)
        number = token.attrs.get("start")
        if tag == "ol" and isinstance(number, int) and 0 <= number <= _MOST_LIST_NUMBER:
            return Markup('<ol start="{}">').format(number)
        return _opened_block(tag) if tag in ("p", "li", "blockquote") else Markup("<{}>").format(tag)

    def _code(self, token: Token) -> Iterator[_Part]:
        first = (token.map or [0])[0] + (token.type == "fence")
        yield _Ours(Markup('<pre dir="auto"><code>'), breaks=True)
        for n, line in enumerate(token.content.removesuffix("\n").split("\n")):
            if n:
                yield _Ours(Markup("\n"), breaks=True)
            whole = self.lines[first + n] if first + n < len(self.lines) else ""
            # tabs of the indent may have become spaces
            bare = line if whole.endswith(line) else line.lstrip(" ")
            if bare != line:
                yield _Seen(line[: len(line) - len(bare)])
            start = self.starts[min(first + n, len(self.lines))] + len(whole) - len(bare)
            there = whole.endswith(bare)
            yield _Seen(bare, start, start + len(bare), True) if there and bare else _Seen(bare)
        yield _Ours(Markup("</code></pre>"), breaks=True)

    def place_of(self, token: Token) -> _Place:
        """Where the content of a block stands: its lines are the answer's, without what makes them a block."""
        if self.in_row:
            return self._place_in_row(token.content)
        first = (token.map or [0])[0]
        begins: list[int] = []
        places: list[int | None] = []
        at = 0
        for n, line in enumerate(token.content.split("\n")):
            begins.append(at)
            places.append(self._place_of_line(line, first + n))
            at += len(line) + 1

        def place(start: int, end: int) -> tuple[int, int] | None:
            number = bisect_right(begins, start) - 1
            found = places[number]
            if found is None:
                return None
            moved = found + start - begins[number]
            return moved, moved + end - start

        return place

    def _place_of_line(self, line: str, number: int) -> int | None:
        """Where a line of a block's content begins: it ends as the answer's line does, but for a heading's marks."""
        there = self.lines[number].rstrip(" \t") if number < len(self.lines) else ""
        bare = line.strip(" \t")
        for ending in (there, there.rstrip("#").rstrip(" \t")):
            if bare and ending.endswith(bare):
                return self.starts[number] + len(ending) - len(bare) - (len(line) - len(line.lstrip(" \t")))
        return None

    def _place_in_row(self, content: str) -> _Place:
        """Between two bars of the row; without exact places where its text has bars of its own, which were escaped."""
        line, start = self.lines[self.row], self.column
        bar = _PIPE.search(line, start)
        end = bar.start() if bar else len(line)
        self.column = min(end + 1, len(line))
        found = line[start:end]
        begins = self.starts[self.row] + start + len(found) - len(found.lstrip(" \t"))
        if found.strip(" \t") == content.strip(" \t"):
            return lambda first, last: (begins + first, begins + last)
        whole = self.starts[self.row] + start, self.starts[self.row] + end
        return lambda first, last: whole


def _opened_block(tag: str) -> Markup:
    # each block finds out by itself in which direction it is read
    return Markup('<{} dir="auto">').format(tag)


def _closed(tag: str) -> Markup:
    return Markup("</{}>").format(tag)


class _InText:
    """The text of one block: its tokens, and where they stand."""

    def __init__(self, document: _Document, token: Token) -> None:
        self.source = document.source
        self.content = token.content
        self.tokens = token.children or []
        self.place = document.place_of(token)
        #: the link that was opened last, and the words under it
        self.link: Address | None = None
        self.href = self.label = ""

    def parts(self) -> Iterator[_Part]:
        inside = 0
        for part in _joined(self._tokens()):
            if isinstance(part, _Ours):
                inside += part.html.startswith(("<a ", "<code>")) - part.html.startswith(("</a>", "</code>"))
                yield part
            elif part.exact and not inside:
                yield from _linked(part)
            else:
                yield part

    def _tokens(self) -> Iterator[_Part]:
        address_follows = False
        for token in self.tokens:
            at = token.meta.get("at", 0)
            name, opens = token.type.removesuffix("_open").removesuffix("_close"), token.nesting > 0
            if name in _INLINE:
                tag = _INLINE[name]
                yield _Ours(Markup("<{}>").format(tag) if opens else _closed(tag))
            elif name == "link":
                yield from self._open(token) if opens else self._close()
                address_follows = opens and token.info == "auto"
            elif name in ("softbreak", "hardbreak"):
                yield _Ours(Markup("<br>"), breaks=True)
            elif name == "code_inline":
                yield _Ours(Markup("<code>"))
                yield self._seen(token.content, *self._span_of_code(token, at))
                yield _Ours(Markup("</code>"))
            elif name == "image":
                yield self._seen(token.content, at + 2, at + 2 + len(token.content))
                yield _Ours(_address_as_text(str(token.attrs.get("src", ""))))
            elif token.content:
                yield self._seen(token.content, *self._span_of_text(token, at + address_follows))
                address_follows = False

    def _span_of_text(self, token: Token, at: int) -> tuple[int, int]:
        if token.type == "text_special":
            escaped = token.info == "escape" and token.content != token.markup
            return at + escaped, at + len(token.markup)
        return at, at + len(token.content)

    def _span_of_code(self, token: Token, at: int) -> tuple[int, int]:
        start = at + len(token.markup)
        # one space on each side belongs to the marks
        start += self.content[start : start + len(token.content)].replace("\n", " ") != token.content
        return start, start + len(token.content)

    def _seen(self, text: str, start: int, end: int) -> _Seen:
        self.label += text
        found = self.place(start, end) if start >= 0 else None
        if found is None:
            return _Seen(text)
        if found[1] - found[0] != len(text):
            # what was written in another way than it is shown
            return _Seen(text, *found)
        there = self.source[found[0] : found[1]].replace("\n", " ") == text.replace("\n", " ")
        return _Seen(text, *found, exact=True) if there else _Seen(text)

    def _open(self, token: Token) -> Iterator[_Part]:
        self.href, self.label = str(token.attrs.get("href", "")), ""
        self.link = address(self.href)
        if self.link:
            yield _Ours(_link_opened(self.link))

    def _close(self) -> Iterator[_Part]:
        yield _Ours(_link_closed(self.link, self.label) if self.link else _address_as_text(self.href))


def _linked(part: _Seen) -> Iterator[_Part]:
    """Text with the addresses in it as links."""
    at = 0
    for found in _BARE_ADDRESS.finditer(part.text):
        url = trimmed(found[0])
        link = address(url)
        if link is None:
            continue
        start, end = found.start(), found.start() + len(url)
        if start > at:
            yield _Seen(part.text[at:start], part.start + at, part.start + start, True)
        yield _Ours(_link_opened(link))
        yield _Seen(url, part.start + start, part.start + end, True)
        yield _Ours(_link_closed(link, url))
        at = end
    if at < len(part.text):
        yield _Seen(part.text[at:], part.start + at, part.end, True)


#: nothing of where the link stood goes with it, and nobody vouches for it
REL = "noopener noreferrer nofollow ugc"


def _link_opened(link: Address) -> Markup:
    return Markup('<a href="{}" rel="{}" target="_blank">').format(link.href, REL)


def _link_closed(link: Address, label: str) -> Markup:
    """Behind the words the host that the link leads to, unless they are its address."""
    said = address(label.strip())
    alike = said is not None and said.host == link.host and "@" not in label
    host = "" if alike or label.strip().lower() == link.host else Markup(' <small class="host">{}</small>')
    return Markup("</a>") + (host.format(_Escaped(link.host)) if host else "")


def _address_as_text(url: str) -> Markup:
    return Markup(' <small class="host">({})</small>').format(_Escaped(url))


class _Escaped:
    """Text for a template of ours, escaped as visible text is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __html__(self) -> str:
        return _shown(self.text)
