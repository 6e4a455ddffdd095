"""Labels: names that anybody may have written, as they fit into a figure.

Widths are estimates in ems: nobody knows what font a reader has. They are good to about a tenth, and the limits that
axes have besides keep a label from running into the figure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_ELLIPSIS = "…"
_JOINER = "\u200d"
#: joiners make one sign of several; every other format character only turns or hides text
_KEPT = frozenset((_JOINER, "\u200c", "\ufe0f"))
#: a line may end after these
_BREAKS = frozenset(" -·、，。：；")
_NARROW = frozenset("iIjlft.,:;'|!()[] ")
_BROAD = frozenset("mwMW@%&")


def clean(text: str) -> str:
    """The text on one line, without what turns its direction, hides, or cannot be written as XML in UTF-8."""
    signs = []
    for sign in text:
        kind = unicodedata.category(sign)
        if kind == "Cs" or ord(sign) & 0xFFFE == 0xFFFE:
            signs.append("\ufffd")
        elif kind in ("Cc", "Zl", "Zp"):
            signs.append(" ")
        elif kind != "Cf" or sign in _KEPT:
            signs.append(sign)
    return " ".join("".join(signs).split())


def ems(text: str) -> float:
    """About how wide the text is, in ems."""
    return sum(map(_em, text))


def _em(sign: str) -> float:
    if unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.0
    if sign in _NARROW:
        return 0.32
    return 0.86 if sign in _BROAD else 0.68 if sign.isupper() else 0.56


def wrapped(text: str, width: float, lines: int = 1) -> list[str]:
    """The cleaned text in at most so many lines of ``width`` ems, with an ellipsis where it had to end before its end.

    A line ends after a space, a hyphen or a Chinese character where it can, and inside a word only where that is wider.
    """
    line = clean(text)
    if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in line):
        # what draws to a file puts the lines of such a label over one another
        lines = 1
    if lines == 2 and width < ems(line) < 1.7 * width:
        # two lines of about one length read better than one with a word under it
        found = _broken(line, max(width / 2, ems(line) / 2 + 1.5), lines)
        if not found[-1].endswith(_ELLIPSIS):
            return found
    return _broken(line, width, lines)


def _broken(rest: str, width: float, lines: int) -> list[str]:
    found: list[str] = []
    while ems(rest) > width and len(found) < lines - 1:
        line = _line(rest, width)
        found.append(line.strip())
        rest = rest[len(line) :].lstrip()
    if ems(rest) > width:
        rest = _fitting(rest, width - 1.0).rstrip() + _ELLIPSIS
    return [*found, rest] if rest or not found else found


def shortened(text: str, width: float) -> str:
    return wrapped(text, width)[0]


def fits(text: str, width: float, lines: int) -> bool:
    """Whether the whole text stands in so many lines of ``width`` ems, and no line ends inside a word."""
    rest = clean(text)
    if "".join(wrapped(rest, width, lines)).replace(" ", "") != rest.replace(" ", ""):
        return False
    while ems(rest) > width:
        line = _line(rest, width)
        if not _breaks(line[-1], rest[len(line) : len(line) + 1]):
            return False
        rest = rest[len(line) :].lstrip()
    return True


def _fitting(text: str, width: float) -> str:
    """The longest beginning that is no wider; at least one sign, and none is cut in its middle."""
    taken, used = "", 0.0
    for sign in _signs(text):
        used += ems(sign)
        if taken and used > width:
            break
        taken += sign
    return taken


def _line(text: str, width: float) -> str:
    """The beginning that makes a line: up to its last break, or all that there is room for."""
    longest = _fitting(text, width)
    ends = (end for end in range(len(longest), 0, -1) if _breaks(text[end - 1], text[end : end + 1]))
    return longest[: next(ends, len(longest))]


def _breaks(before: str, after: str) -> bool:
    """Whether a line may end between these two: not before a mark that belongs to what stands before it."""
    if before in _BREAKS or after == " ":
        return True
    wide = unicodedata.east_asian_width(before) in "WF" or unicodedata.east_asian_width(after or " ") in "WF"
    return wide and not (after and unicodedata.category(after) in ("Po", "Pe", "Pf", "Mn", "Me", "Cf"))


def _signs(text: str) -> Iterator[str]:
    """What is read as one sign: a character with what is joined or set over it."""
    sign = ""
    for char in text:
        joined = sign.endswith(_JOINER) or char == _JOINER or unicodedata.category(char) in ("Mn", "Me", "Sk", "Cf")
        if sign and not joined:
            yield sign
            sign = ""
        sign += char
    if sign:
        yield sign
