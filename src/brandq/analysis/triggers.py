"""Patterns that are tried only where a word of theirs stands: many of them are looked for at once, in one pass.

Each alternative of a pattern has words without which it cannot be found. They are read off the pattern itself and put
into one automaton; a pattern with an alternative that has none is always tried. It is a matter of time alone: what is
found is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import ahocorasick

from brandq.analysis.brands import is_han

#: a word shorter than this tells nothing; a Han character counts for two letters
_LEAST = 2
_OPTIONAL = re.compile(r"[?*]|\{0?,|\{0\}")
_QUANTIFIER = re.compile(r"(?:[?*+]|\{\d*,?\d*\})[?+]?")
#: what is looked around for is no part of what is found, and may be what must not stand there
_LOOKS_AROUND = re.compile(r"\?(?:=|!|<=|<!)")
_OPENING = re.compile(r"\?(?::|P<\w+>)")


def alternatives(pattern: str) -> Iterator[str]:
    """The alternatives of a pattern on its outermost level."""
    start, at = 0, 0
    while at < len(pattern):
        if pattern[at] == "|":
            yield pattern[start:at]
            start = at + 1
        at = _after(pattern, at)
    yield pattern[start:]


def _after(pattern: str, at: int) -> int:
    """Where the character, set or group ends that begins at ``at``."""
    if pattern[at] == "\\":
        return at + 2
    if pattern[at] == "[":
        at += 2 if pattern[at + 1] != "^" else 3
        while pattern[at] != "]":
            at += 2 if pattern[at] == "\\" else 1
        return at + 1
    if pattern[at] == "(":
        at += 1
        while pattern[at] != ")":
            at = _after(pattern, at)
    return at + 1


def words_of(pattern: str) -> frozenset[str] | None:
    """Words, in small letters, of which any text that the pattern is found in holds one; None where there are none."""
    words: set[str] = set()
    for alternative in alternatives(pattern):
        best = max(_needed(alternative), key=_tells, default=None)
        if best is None or _tells(best) < _LEAST:
            return None
        words |= best
    return frozenset(words)


def _tells(words: frozenset[str]) -> int:
    """How much the least telling of some words tells."""
    return min(sum(2 if is_han(char) else 1 for char in word) for word in words)


def _needed(alternative: str) -> Iterator[frozenset[str]]:
    """Sets of words of each of which one must stand in what an alternative is found in."""
    run = ""
    at = 0
    while at < len(alternative):
        piece, at = alternative[at : _after(alternative, at)], _after(alternative, at)
        quantifier = _QUANTIFIER.match(alternative, at)
        at = quantifier.end() if quantifier else at
        optional = bool(quantifier and _OPTIONAL.match(quantifier[0]))
        plain = piece if len(piece) == 1 and piece not in ".^$" else ""
        if piece[0] == "\\" and not piece[1].isalnum():
            plain = piece[1]
        if plain and not optional:
            run += plain.lower()
        if run and (not plain or quantifier):
            yield frozenset((run,))
            run = ""
        if piece[0] == "(" and not optional and not _LOOKS_AROUND.match(piece, 1):
            opening = _OPENING.match(piece, 1)
            inner = words_of(piece[opening.end() if opening else 1 : -1])
            if inner:
                yield inner
    if run:
        yield frozenset((run,))


class Gate:
    """Tells which of some patterns may be found in a text in small letters."""

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        by_word: dict[str, int] = {}
        self._always = 0
        self._all = (1 << len(patterns)) - 1
        for number, pattern in enumerate(patterns):
            words = words_of(pattern.pattern)
            if words is None:
                self._always |= 1 << number
            for word in words or ():
                by_word[word] = by_word.get(word, 0) | 1 << number
        self._automaton: Any = ahocorasick.Automaton()
        for word, bits in by_word.items():
            self._automaton.add_word(word, bits)
        self._automaton.make_automaton()

    def possible(self, text: str) -> int:
        """The patterns that may be found, as bits by their place in the order that they were given in."""
        found = self._always
        if not self._automaton:
            return found
        for _, bits in self._automaton.iter(text):
            found |= bits
            if found == self._all:
                break
        return found

    def lines(self, text: str) -> Iterator[tuple[int, int, int]]:
        """The lines of a text in which patterns may be found: where each begins and ends, and the patterns as bits.

        For patterns each of which has words, and that are found within a line.
        """
        begins, ends, bits = 0, -1, 0
        for last, more in self._automaton.iter(text):
            if last >= ends:
                if bits:
                    yield begins, ends, bits
                begins, ends, bits = text.rfind("\n", 0, last) + 1, text.find("\n", last), 0
                ends = len(text) if ends < 0 else ends
            bits |= more
        if bits:
            yield begins, ends, bits
