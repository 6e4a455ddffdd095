"""Sources in an answer: the URLs that its text gives, which numbered source it points at, and one row for each URL.

Shared by the dialects. What a URL is worth as evidence (its domain, whose it is) is analysis's to say, not ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from brandq.providers.dialect import Citation
from brandq.providers.trouble import storable

#: longer ones are data: URLs in disguise or broken, and no browser opens them
MAX_URL_CHARS = 2000
MAX_TITLE_CHARS = 500

# Repetitions are possessive, so that an answer of any make is read in linear time.
_MARKDOWN = re.compile(
    r"(?P<image>!?)\[(?P<title>[^\[\]\n]{0,300}+)\]"
    r"\(\s{0,3}+<?(?P<url>https?://[^\s<>()]{1,2000}+(?:\([^\s<>()]{0,500}+\)[^\s<>()]{0,500}+){0,4}+)>?"
    r"(?:\s{1,3}+[\"'(][^\n\"')]{0,300}+[\"')])?\s{0,3}+\)",
    re.IGNORECASE,
)
# Chinese text has no space after a URL, so a bare one ends at the first character that is not ASCII
_BARE = re.compile(r"https?://[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]{1,2000}+", re.IGNORECASE)
_NUMBER = r"(?:ref_|web:|citation:|\^)?\d{1,3}\^?"
_MARKER = re.compile(
    rf"\[({_NUMBER}(?:\s?[,，、]\s?{_NUMBER}){{0,9}})\]|【({_NUMBER})(?:†[^】\n]{{0,80}})?】", re.IGNORECASE
)


def text_citations(text: str) -> list[Citation]:
    """The markdown links and bare URLs of the text, in order. The answer itself names them, so they are cited."""
    found: list[Citation] = []
    taken: list[tuple[int, int]] = []
    for markdown in _MARKDOWN.finditer(text):
        taken.append(markdown.span())
        if not markdown["image"]:  # a picture is shown, not given as a source
            title = markdown["title"].strip() or None
            found.append(Citation(markdown["url"], title, True, "text", *markdown.span()))
    holes = iter([*taken, (len(text) + 1, len(text) + 1)])
    hole = next(holes)
    for bare in _BARE.finditer(text):
        while hole[1] <= bare.start():
            hole = next(holes)
        if hole[0] <= bare.start():
            continue
        url = _without_tail(bare[0])
        if len(url) > len("https://"):
            found.append(Citation(url, None, True, "text", bare.start(), bare.start() + len(url)))
    return sorted(found, key=lambda citation: citation.start or 0)


def _without_tail(url: str) -> str:
    """The URL without the punctuation that ends its sentence and the bracket that was opened before it."""
    while url:
        last = url[-1]
        unopened = last == ")" and url.count(")") > url.count("(")
        if not unopened and last not in ".,;:!?'*_~":
            return url
        url = url[:-1]
    return url


def numbers_in(text: str) -> set[int]:
    """The numbers of the sources that the text points at: [2], [2, 3], [ref_2], ^[2]^, [^2^], [web:2], 【2†source】."""
    return {
        int(number) for marker in _MARKER.finditer(text) for number in re.findall(r"\d{1,3}", marker[1] or marker[2])
    }


def web_address(found: object) -> str | None:
    """The URL in a field of a reply, or None where it holds none that could be a source."""
    if not isinstance(found, str):
        return None
    url = storable(found.strip())
    good = url[:8].lower().startswith(("http://", "https://")) and len(url) <= MAX_URL_CHARS
    return url if good and len(url.split(maxsplit=1)) == 1 else None


def title_of(found: object) -> str | None:
    return storable(found).strip()[:MAX_TITLE_CHARS] or None if isinstance(found, str) else None


def merged(citations: Iterable[Citation]) -> tuple[Citation, ...]:
    """One citation for each URL, the first to name it; what later ones know in addition is kept.

    The URL stays as it came, and only a final slash is overlooked: which addresses are one page is analysis's to say.
    """
    kept: dict[str, Citation] = {}
    for citation in citations:
        known = kept.setdefault(citation.url.rstrip("/"), citation)
        if known is citation:
            continue
        spans = known if known.start is not None else citation
        kept[citation.url.rstrip("/")] = replace(
            known,
            title=known.title or citation.title,
            cited=True if citation.cited else known.cited,
            start=spans.start,
            end=spans.end,
        )
    return tuple(kept.values())
