"""What a reader of an answer sees: the same text with everything else blanked out, character for character.

Blanked are the targets of links, URLs, bare domains, e-mail addresses, fenced code, comments, tags and hidden elements
of HTML, marks of footnotes and a machine's JSON at the end; dropped are marks of emphasis and escapes, so that
**Ap**ple reads Apple. Every pattern here takes time in proportion to the text: a part that repeats never contains the
character it starts with, and a search for an end that failed is not repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from brandq.analysis.brands import DROPPED, HIDDEN, Folded, folded

_INLINE = "a|abbr|b|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|u|var|wbr"
_BLOCK = (
    "address|article|aside|audio|blockquote|body|br|button|caption|center|col|colgroup|dd|details|div|dl|dt|fieldset|"
    "figcaption|figure|footer|form|h1|h2|h3|h4|h5|h6|head|header|hr|html|iframe|img|input|label|li|link|main|meta|nav|"
    "noscript|object|ol|option|p|picture|pre|script|section|select|source|style|summary|svg|table|tbody|td|template|"
    "textarea|tfoot|th|thead|title|tr|ul|video"
)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?=[\s/>])[^<>]*>|</?think>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?=[\s/>])[^<>]*>", re.IGNORECASE)
_OPENING_TAG = re.compile(r"<([A-Za-z][A-Za-z0-9]{0,15})(?=[\s/>])([^<>]*)>")
_NEVER_SHOWN = frozenset(("script", "style", "template", "noscript", "head", "title"))
_ELEMENTS = frozenset(f"{_INLINE}|{_BLOCK}".split("|"))
_NOT_SHOWN_HERE = re.compile(
    r"display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden|(?:opacity|font-size)\s{0,9}:\s{0,9}0(?![.\d])|"
    r"\shidden(?![\w-])|aria-hidden\s{0,9}=\s{0,9}[\"']?true",
    re.IGNORECASE,
)

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*$")
#: a fence around prose: models wrap a whole answer in one
_PROSE_FENCE = frozenset(("markdown", "md"))
_PLAIN_FENCE = frozenset(("", "text", "txt", "plaintext", "markdown", "md"))

_TARGET = r"\(\s*(?:<([^<>\n]*)>|((?:[^\s()<>]|\([^\s()]*\))*+))(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)"
_LABEL = r"\[((?:[^\[\]\n]|\[[^\[\]\n]*\])*+)\]"
_IMAGE = re.compile("!" + _LABEL + _TARGET)
_LINK = re.compile(_LABEL + _TARGET)
_DEFINITION = re.compile(
    r"^[ \t]{0,3}\[\^?[^\[\]\n]{1,200}\]:[ \t]*<?((?:https?:)?//[^\s<>]+|www\.[^\s<>]+)>?"
    r"(?:[ \t]+[\"'(]([^\n]*?)[\"')])?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_SOURCES = re.compile(r"\((?:\[[^\[\]\n]*\]\[\d{1,3}\][,;\s]{0,3})+\)")
_MARKS = re.compile(r"【\d[^【】\n]{0,200}】|\[\^?\d{1,3}(?:[,\-–]\d{1,3})*\]|\[\^[^\[\]\s]{1,60}\]")

_URL_CHARS = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]"
#: a path may go on in Han right after a slash (/wiki/比亚迪); elsewhere Han begins the sentence after the URL
_URL = re.compile(
    rf"(?<![A-Za-z0-9])(?:https?://|www\.){_URL_CHARS}+(?:(?<=[/=_-])[\u3400-\u9fff]+{_URL_CHARS}*)*", re.IGNORECASE
)
_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_SUFFIX = (
    r"\.(?:com|cn|net|org|io|ai|co|app|dev|shop|store|info|biz|edu|gov|me|tv|cc|top|vip|de|fr|it|es|nl|ch|at|eu|se|pl|"
    r"ru|jp|kr|hk|tw|sg|in|uk|us|ca|au|br|mx)(?![A-Za-z0-9-])"
)
#: begins with a dot, so that it is looked for many times faster than a domain
_MAY_BE_DOMAIN = re.compile(_SUFFIX, re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?<![A-Za-z0-9@._/-])[A-Za-z0-9][A-Za-z0-9-]{0,62}+(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62}+)*"
    rf"{_SUFFIX}(?:/{_URL_CHARS}*)?",
    re.IGNORECASE,
)

_ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
#: but for one that is a bullet; with the line's end before it, which is looked for faster than a line's beginning
_STARS = re.compile(r"\n([ \t>]*\*)(?=[ \t])|\*+")
_UNDERLINES = re.compile(r"(?<![A-Za-z0-9_])_{1,3}(?=[^\s_])|(?<=[^\s_])_{1,3}(?![A-Za-z0-9_])")
_TICKS, _TILDES = re.compile(r"`+"), re.compile(r"~~+")
_MARKUP = (("\\", _ESCAPE), ("_", _UNDERLINES), ("`", _TICKS), ("~~", _TILDES))


@dataclass(frozen=True)
class Link:
    """A URL that stands in the answer's text, with the words it stands under, and where."""

    url: str
    title: str | None
    start: int


@dataclass(frozen=True)
class Reading:
    """``view`` is as long as the text: what is not seen is HIDDEN, what is not there is DROPPED, lines are kept."""

    text: str
    view: str
    links: tuple[Link, ...]

    @cached_property
    def folded(self) -> Folded:
        """The view as names are looked for in it."""
        return folded(self.view)


def read(text: str, domain_names: Collection[str] = ()) -> Reading:
    """The view of ``text``, and its links in order. ``domain_names`` are folded brand names to be left as words."""
    links: list[Link] = []
    view = _without_fences(text)
    view = _without_unseen(view)
    view = _without_machine_tail(view)
    # most answers have few of these, and to look for a character or two takes far less time than a pattern
    if "]:" in view:
        view = _DEFINITION.sub(lambda found: _definition(found, links), view)
    if "](" in view:
        view = _IMAGE.sub(_hide, view)
        view = _LINK.sub(lambda found: _link(found, links), view)
    if "://" in view or "www." in view.lower():
        view = _URL.sub(lambda found: _bare_url(found, links), view)
    if "@" in view:
        view = _EMAIL.sub(_hide, view)
    if _MAY_BE_DOMAIN.search(view):
        view = _DOMAIN.sub(lambda found: _bare_domain(found, domain_names, links), view)
    if "([" in view:
        view = _SOURCES.sub(_hide, view)
    if "[" in view or "【" in view:
        view = _MARKS.sub(_hide, view)
    if "<" in view:
        view = _INLINE_TAG.sub(_drop, _BLOCK_TAG.sub(_hide, view))
    for char, pattern in _MARKUP:
        if char in view:
            view = pattern.sub(_drop, view)
    if "*" in view:
        view = _STARS.sub(lambda found: found[0] if found[1] else _drop(found), "\n" + view)[1:]
    return Reading(text, view, tuple(sorted(links, key=lambda link: link.start)))


def _blank(text: str, char: str) -> str:
    return "\n".join([char * len(line) for line in text.split("\n")]) if "\n" in text else char * len(text)


def _hide(found: re.Match[str]) -> str:
    return _blank(found[0], HIDDEN)


def _drop(found: re.Match[str]) -> str:
    return _blank(found[0], DROPPED)


def _without_fences(text: str) -> str:
    if "```" not in text and "~~~" not in text:
        return text
    view = _fences(text, lambda info: info in _PROSE_FENCE)
    if not any(char.isalnum() for char in view):
        # nothing stands outside: the fence is the wrapping of the answer, unless it names a language
        view = _fences(text, lambda info: info in _PLAIN_FENCE)
    return view


def _fences(text: str, shown: Callable[[str], bool]) -> str:
    """Fenced blocks hidden but for those whose info word is ``shown``; one left open runs to the end (CommonMark)."""
    lines = text.split("\n")
    fence, wrapped = "", False
    for number, line in enumerate(lines):
        found = _FENCE.match(line) if "`" in line or "~" in line else None
        if fence:
            closes = found is not None and found[1].startswith(fence) and not found[2]
            lines[number] = HIDDEN * len(line)
            if closes:
                fence = ""
        elif found:
            lines[number] = HIDDEN * len(line)
            if wrapped and not found[2]:
                wrapped = False
            elif shown(found[2].lower()):
                wrapped = True
            else:
                fence = found[1]
    return "\n".join(lines)


def _without_unseen(view: str) -> str:
    """Comments and elements that a page does not show. One that is never closed is left as it is."""
    out: list[str] = []
    at = 0
    while (start := view.find("<!--", at)) >= 0 and (end := view.find("-->", start + 4)) >= 0:
        out += [view[at:start], _blank(view[start : end + 3], HIDDEN)]
        at = end + 3
    view = "".join((*out, view[at:]))
    out, at = [], 0
    never_closed: set[str] = set()
    for found in _OPENING_TAG.finditer(view):
        name = found[1].lower()
        if found.start() < at or name not in _ELEMENTS or name in never_closed:
            continue
        if name not in _NEVER_SHOWN and not _NOT_SHOWN_HERE.search(found[2]):
            continue
        closing = re.compile(rf"</{name}\s{{0,9}}>", re.IGNORECASE).search(view, found.end())
        if closing is None:
            never_closed.add(name)
            continue
        out += [view[at : found.start()], _blank(view[found.start() : closing.end()], HIDDEN)]
        at = closing.end()
    return "".join((*out, view[at:]))


def _without_machine_tail(view: str) -> str:
    """A JSON object that ends the answer is addressed to a program. An answer that is nothing else stays."""
    end = len(view.rstrip(" \t\r\n" + HIDDEN))
    if not end or view[end - 1] not in "}]":
        return view
    starts = [_balanced_from(view, end)]
    starts += [
        found.end() - 1 for found, _ in zip(re.finditer(r"^[ \t]*[\[{]", view, re.MULTILINE), range(3), strict=False)
    ]
    for start in starts:
        if start is None or not any(char.isalnum() for char in view[:start]):
            continue
        try:
            document = json.loads(view[start:end].replace(HIDDEN, " "))
        except (ValueError, RecursionError):
            continue
        if (document and isinstance(document, dict)) or (
            isinstance(document, list) and any(isinstance(item, dict) for item in document)
        ):
            return view[:start] + _blank(view[start:end], HIDDEN) + view[end:]
    return view


def _balanced_from(view: str, end: int) -> int | None:
    depth = 0
    for found in re.finditer(r"[{}\[\]]", view[:end][::-1]):
        depth += 1 if found[0] in "}]" else -1
        if depth == 0:
            return end - found.end()
    return None


def _add_link(links: list[Link], url: str, title: str | None, start: int) -> None:
    words = " ".join((title or "").replace(DROPPED, "").replace(HIDDEN, " ").split()) or None
    if re.match(r"www\.", url, re.IGNORECASE):
        url = "http://" + url
    elif url.startswith("//"):
        url = "https:" + url
    if re.match(r"https?://", url, re.IGNORECASE):
        links.append(Link(url, words, start))


def _definition(found: re.Match[str], links: list[Link]) -> str:
    _add_link(links, trimmed(found[1]), found[2], found.start(1))
    return _hide(found)


def _link(found: re.Match[str], links: list[Link]) -> str:
    url = found[2] if found[2] is not None else found[3]
    _add_link(links, url, found[1].strip("*_` "), found.start())
    return DROPPED + found[1] + _blank(found[0][len(found[1]) + 1 :], HIDDEN)


def trimmed(url: str) -> str:
    """A URL out of running text without the punctuation that belongs to the sentence."""
    spare = {closing: url.count(closing) - url.count(opening) for opening, closing in ("()", "[]")}
    end = len(url)
    while end and (url[end - 1] in ".,;:!?'\"*_~" or spare.get(url[end - 1], 0) > 0):
        if url[end - 1] in spare:
            spare[url[end - 1]] -= 1
        end -= 1
    return url[:end]


def _bare_url(found: re.Match[str], links: list[Link]) -> str:
    url = trimmed(found[0])
    if len(url) > len("https://"):
        _add_link(links, url, None, found.start())
    return HIDDEN * len(url) + found[0][len(url) :]


def _bare_domain(found: re.Match[str], domain_names: Collection[str], links: list[Link]) -> str:
    domain = trimmed(found[0])
    if folded(domain).text in domain_names:
        return found[0]
    if "/" in domain:
        _add_link(links, "http://" + domain, None, found.start())
    return HIDDEN * len(domain) + found[0][len(domain) :]
