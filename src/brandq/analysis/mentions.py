"""Mentions: where an answer names a tracked brand, in the words that its reader sees and that are the answer's own.

Not the answer's own are the echo of the question (a line or heading that repeats the prompt, or the prompt in quotation
marks) and the second name in 比亚迪（BYD）, which belongs to the mention before it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from brandq.analysis.brands import DROPPED, Folded, Names, folded, is_han
from brandq.analysis.reading import Reading

#: a line this much of which is the prompt repeats it
_ECHO_SHARE = 0.8
#: letters that a line may add to a prompt that it repeats: "Question:", "您问的是"
_ECHO_EXTRA = 6
#: a prompt must ask this much besides the names in it: "Tesla" alone, as a heading, is no echo
_ECHO_LEAST = 3
#: lines compared with the prompt letter by letter; only those that end in a question mark are
_ECHO_LINES = 20

_OPENING = re.compile(r"[\"'「『《〈【\[(]")
_CLOSING = re.compile(r"[\"'」』》〉】\])]")
_GLOSS = re.compile(r"\s*[(（/／\[【|｜·]\s*")
_JOINED = re.compile(r"[\s\-]?")


@dataclass(frozen=True)
class Mention:
    """A brand named in the text, as offsets in characters of the answer's text."""

    brand: str
    start: int
    end: int


def find_mentions(reading: Reading, names: Names, prompt: str) -> list[Mention]:
    """The mentions in order of the text."""
    text = folded(reading.view)
    echoes = _echoes(text, names, prompt)
    begins = [start for start, _ in echoes]
    mentions: list[Mention] = []
    previous: tuple[Mention, str] | None = None
    for found in names.find(text, reading.text):
        nearest = bisect_right(begins, found.start) - 1
        if nearest >= 0 and found.start < echoes[nearest][1]:
            continue
        start, end = text.span(found.start, found.end)
        mention, form = Mention(found.brand, start, end), text.text[found.start : found.end]
        if not (previous and previous[0].brand == found.brand and _is_gloss(reading, previous, mention, form)):
            mentions.append(mention)
        previous = mention, form
    return mentions


def _is_gloss(reading: Reading, previous: tuple[Mention, str], mention: Mention, form: str) -> bool:
    """Whether this says the mention before it once more: in brackets, after a slash, in another script."""
    between = reading.view[previous[0].end : mention.start].replace(DROPPED, "")
    if len(between) > 8:
        return False
    if _GLOSS.fullmatch(between):
        return True
    other_script = is_han(previous[1][0]) != is_han(form[0])
    return form != previous[1] and bool(_JOINED.fullmatch(between)) and (other_script or between == "-")


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits only, and where each stood."""
    at = [n for n, char in enumerate(text) if char.isalnum()]
    return "".join(text[n] for n in at), at


def _echoes(text: Folded, names: Names, prompt: str) -> list[tuple[int, int]]:
    """The stretches of the folded text that repeat the prompt, in order."""
    asked_text = folded(prompt).text
    asked, _ = _letters(asked_text)
    rest = asked_text
    for form in sorted(names.forms, key=lambda form: (-len(form), form)):
        rest = rest.replace(form, "")
    if len(_letters(rest)[0]) < _ECHO_LEAST:
        return []
    letters, at = _letters(text.text)
    echoes: list[tuple[int, int]] = []
    start = letters.find(asked)
    while start >= 0:
        first, last = at[start], at[start + len(asked) - 1]
        if _repeats(text.text, first, last, len(asked), "?" in asked_text):
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
            line, _ = _letters(text[start:end])
            if SequenceMatcher(None, asked, line, autojunk=False).ratio() >= _ECHO_SHARE:
                echoes.append((start, end))
        start = end + 1
    return echoes


def first_mentions(mentions: Sequence[Mention]) -> dict[str, int]:
    """The position of each brand that is named: order of its first mention among the brands, from 1."""
    order = dict.fromkeys(mention.brand for mention in mentions)
    return {brand: position for position, brand in enumerate(order, start=1)}
