"""Words of opinion, Chinese and English, with what each does; found in folded text in one pass.

The lists stand in ``zh`` and ``en`` and are brandq's own. They are grouped by what they are about: a new word goes into
the group that says what it says, at the weight that it has there. Words are written as ``brands.folded`` leaves them:
small letters, simplified characters, straight apostrophes. The longest word wins where two begin at one place, and a
word already read is not read again, so a longer word of kind PLAIN takes an accidental one out: 别墅 is no denial.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import ahocorasick

from brandq.analysis.brands import is_han
from brandq.analysis.lexicon.en import GROUPS as ENGLISH
from brandq.analysis.lexicon.groups import Kind
from brandq.analysis.lexicon.zh import GROUPS as CHINESE

#: in phrases longer than this the gaps are spaces: there is no need to try every mix of spaces and hyphens
_MOST_GAPS = 2
#: characters that may follow a predicate of one character, and the adverbs of one character that stand before it
_ENDS_WORD = frozenset("、的了且而又也但啊吧呢吗和得")
_DEGREES = frozenset("很更最较太挺蛮超极偏特真够略稍还")
#: what is said of a thing at the end of a clause, and is an adverb before a verb
_ADVERBS_TOO = frozenset(("一般", "普通"))
#: 门店多 is praise, 门店多开在城区 is none
_ADVERBS_BY_LAST = frozenset("多少")
#: characters that make a quality of a predicate
_MAKES_NOUN = frozenset("性度")


class Word(NamedTuple):
    """A word of the lists as offsets in the folded text."""

    start: int
    end: int
    kind: Kind
    weight: float


def spelled(entry: str) -> list[str]:
    """The ways in which an entry of the lists is written in a text."""
    parts = entry.split("_")
    if len(parts) == 1 or len(parts) > _MOST_GAPS + 1:
        return [" ".join(parts)]
    gaps = itertools.product(" -", repeat=len(parts) - 1)
    return ["".join(itertools.chain.from_iterable(zip(parts, (*gap, ""), strict=True))) for gap in gaps]


def _automaton() -> Any:
    found: dict[str, tuple[Kind, float]] = {}
    for group in (*ENGLISH, *CHINESE):
        for entry in group.words.split():
            for form in spelled(entry):
                # a word that turns others and says something itself ("lacks") is first of all what it turns
                found.setdefault(form, (group.kind, group.weight))
    automaton = ahocorasick.Automaton()
    for form, (kind, weight) in found.items():
        automaton.add_word(form, (len(form), kind, weight, form[0].isascii(), form[-1].isascii()))
    automaton.make_automaton()
    return automaton


_AUTOMATON = _automaton()


def words_in(text: str, begin: int = 0, until: int | None = None) -> list[Word]:
    """The words of the lists in ``text[begin:until]``, which is folded, in order and without overlap.

    Leftmost first, then longest.
    """
    found: list[tuple[int, int, Kind, float]] = []
    until = len(text) if until is None else until
    # of a slice: the automaton takes a copy of the whole of what it is given, wherever it begins in it
    for last, (length, kind, weight, starts_latin, ends_latin) in _AUTOMATON.iter(text[begin:until]):
        start, end = begin + last + 1 - length, begin + last + 1
        # a blank is the neighbour of most, and to see that takes less time than a call
        if starts_latin and start and text[start - 1] != " " and _joins(text[start - 1]):
            continue
        if ends_latin and end < len(text) and text[end] != " " and _joins(text[end]):
            continue
        if kind == Kind.OPINION and not ends_latin and text[end : end + 1] in _MAKES_NOUN:
            # 耐用性 is what is judged, not how: 铰链耐用性稍逊
            kind, weight = Kind.PLAIN, 0.0
        elif kind == Kind.OPINION and not _is_said(text, start, end):
            continue
        found.append((start, -end, kind, weight))
    found.sort()
    words: list[Word] = []
    free_from = 0
    for start, minus_end, kind, weight in found:
        if start >= free_from:
            free_from = -minus_end
            words.append(Word(start, free_from, kind, weight))
    return words


def _is_said(text: str, start: int, end: int) -> bool:
    """Whether a word is said of something.

    A single character is one by itself, as in 质量好, 很贵, and no part of another, as in 好友; so is 一般 in
    效果一般, and not in 一般每月一次.
    """
    if text[end - 1] not in _ADVERBS_BY_LAST and (
        end - start > 2 or (end - start == 2 and text[start:end] not in _ADVERBS_TOO)
    ):
        return True
    after = text[end : end + 1]
    if not after or not is_han(after) or after in _ENDS_WORD:
        return True
    return end - start == 1 and text[max(0, start - 1) : start] in _DEGREES


def _joins(char: str) -> bool:
    """Whether a Latin word goes on in this neighbour."""
    return char.isalnum() and (char.isascii() or not is_han(char))


__all__ = ["Kind", "Word", "spelled", "words_in"]
