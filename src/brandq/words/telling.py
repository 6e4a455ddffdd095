"""Finished English sentences, recognised by the template that they were made from, so that they can be told again.

A template is text with named gaps; ``{name!r}`` is a gap whose value stands there as Python writes it, in quotes. What
lies between quotes is found by their rules, whatever it says; every other gap ends where the text after it first
occurs, holds one line, and where it is named ``n``, a number. Of several templates that fit, the one that leaves the
fewest characters to its plain gaps is meant. Nothing here backtracks: a sentence is read once for each template that
may fit it.

Sentences of one line are also joined, ``one; another``, or stand after a name, ``kimi: it has no key``, or before what
somebody else said, ``cannot connect: [Errno 111]``. Such a message is read where each of its other parts is of some
template, and not at all where one is of none.
"""

from __future__ import annotations

import ast
import re
import string
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice

#: how deep a message may hold another one
MOST_DEPTH = 4
#: characters of a template's beginning by which it is looked up
_HEAD = 5
#: a gap of this name holds a number
NUMBER = "n"
_NUMBER = re.compile(r"\d[\d.,\u00a0 ]*")
#: a template with fewer letters of its own would take any sentence for its own
_FEWEST_LETTERS = 3
_QUOTED = re.compile(r"""'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+\"""")


@dataclass(frozen=True)
class Part:
    """Literal text, and the gap that follows it: None after the last."""

    text: str
    gap: str | None = None
    spec: str = ""
    quoted: bool = False


@lru_cache(maxsize=8192)
def parts_of(template: str) -> tuple[Part, ...]:
    """The template taken apart. ValueError where it is none."""
    parts: list[Part] = []
    before = ""
    for text, gap, spec, conversion in string.Formatter().parse(template):
        # doubled braces end a part without a gap
        before += text
        if gap is not None:
            parts.append(Part(before, gap, spec or "", conversion == "r"))
            before = ""
    if before or not parts:
        parts.append(Part(before))
    return tuple(parts)


def gaps(template: str) -> list[str]:
    """The names of a template's gaps, without their formats."""
    return [part.gap for part in parts_of(template) if part.gap is not None]


@dataclass(frozen=True)
class Shape:
    """A template with gaps, as sentences are recognised by it. ``literals``: one more than there are gaps."""

    template: str
    literals: tuple[str, ...]
    gaps: tuple[Part, ...]

    @classmethod
    def of(cls, template: str) -> Shape:
        parts = parts_of(template)
        literals = [part.text for part in parts]
        if parts[-1].gap is not None:
            literals.append("")
        return cls(template, tuple(literals), tuple(part for part in parts if part.gap is not None))

    @property
    def tells(self) -> bool:
        """Whether it says enough of its own that a sentence can be known by it."""
        letters = sum(char.isalpha() for literal in self.literals for char in literal)
        return letters >= _FEWEST_LETTERS or any(gap.gap == NUMBER for gap in self.gaps)

    def read(self, message: str) -> tuple[int, dict[str, str]] | None:
        """How many characters its plain gaps hold, and the value of each gap; None where the message is not of it."""
        start, end = self.literals[0], self.literals[-1]
        at, stop = len(start), len(message) - len(end)
        if at > stop or not message.startswith(start) or not message.endswith(end):
            return None
        values: dict[str, str] = {}
        plain = 0
        for number, gap in enumerate(self.gaps):
            last = number == len(self.gaps) - 1
            following = self.literals[number + 1]
            ends = _end_of_quoted(message, at, stop) if gap.quoted else None
            if ends is not None and (ends == stop if last else message.startswith(following, ends)):
                value = _unquoted(message[at:ends])
            else:
                before_quoted = not last and self.gaps[number + 1].quoted
                ends = stop if last else _first(message, following, at, stop, before_quoted=before_quoted)
                if ends < 0:
                    return None
                value = message[at:ends]
                if "\n" in value and "\n" not in self.template:
                    return None
                plain += len(value)
            name = gap.gap or ""
            if values.setdefault(name, value) != value or (name == NUMBER and not _NUMBER.fullmatch(value)):
                return None
            at = ends + len(following)
        return plain, values


def _first(message: str, text: str, at: int, stop: int, *, before_quoted: bool) -> int:
    """Where the text first occurs; before a quoted gap, where a quote follows it, if it does anywhere. -1: nowhere."""
    first = message.find(text, at, stop)
    if before_quoted:
        quotes = [found for mark in "'\"" if (found := message.find(text + mark, at, stop)) >= 0]
        return min(quotes, default=first)
    return first


def _end_of_quoted(message: str, at: int, stop: int) -> int | None:
    found = _QUOTED.match(message, at, stop)
    return None if found is None else found.end()


def _unquoted(literal: str) -> str:
    """The text that was quoted, where it can be shown as it is; else as it stands between the quotes."""
    try:
        text = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return literal[1:-1]
    return text if isinstance(text, str) and text.isprintable() else literal[1:-1]


@dataclass(frozen=True)
class Clause:
    """A piece of a message: one that a template makes, with its values, or (without one) a name or a mark between."""

    text: str
    template: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    #: characters that no template accounts for
    plain: int = 0


#: what stands between two clauses, and between a name and what is said of it
JOINS = ("; ", ": ")
#: a longer message is read without regard to what stands in its sentences
_MOST_NESTED = 2000
#: at so many places, at most, a message is taken apart
_MOST_JOINS = 16
#: a name before a colon: of an engine, a setting, an option, a place in a file, or several of these
_NAME = re.compile(r"(?:\[\S+\] )?\S+(?:, \S+)*")


class Recogniser:
    """The templates of a catalogue: which of them a finished sentence was made from."""

    def __init__(self, catalogue: Mapping[str, str]) -> None:
        """``catalogue``: templates with their translations, whose gaps say in which of them sentences are told."""
        self._told = {
            template: {
                part.gap for part in parts_of(translated) if part.gap is not None and part.spec.startswith("told")
            }
            for template, translated in catalogue.items()
        }
        self._read = lru_cache(maxsize=4096)(self._read_once)
        #: what has no gaps, as it reads -> its template
        self._whole: dict[str, str] = {}
        self._by_head: defaultdict[str, list[Shape]] = defaultdict(list)
        self._others: list[Shape] = []
        for template in catalogue:
            shape = Shape.of(template)
            start = shape.literals[0]
            if not shape.gaps:
                self._whole[start] = template
            elif not shape.tells:
                continue
            elif len(start) >= _HEAD:
                self._by_head[start[:_HEAD]].append(shape)
            else:
                self._others.append(shape)

    def recognise(self, message: str) -> Clause | None:
        """The template that made the message; None where none here did."""
        whole = self._whole.get(message)
        if whole is not None:
            return Clause(message, whole)
        best: Clause | None = None
        for shapes in (self._by_head.get(message[:_HEAD], ()), self._others):
            for shape in shapes:
                found = shape.read(message)
                if found is not None and (best is None or found[0] < best.plain):
                    best = Clause(message, shape.template, found[1], found[0])
        return best

    def read(self, message: str, depth: int = 0) -> Sequence[Clause] | None:
        """The message as one clause or as several that were joined; None where a part of it is of no template.

        Of both readings the one that leaves less unexplained is meant, sentences within it included.
        """
        return self._read(message, MOST_DEPTH if len(message) > _MOST_NESTED else depth)

    def _read_once(self, message: str, depth: int) -> Sequence[Clause] | None:
        return _Reading(self, message, depth).best(0)

    def unexplained(self, clause: Clause, depth: int) -> int:
        """The characters of a clause that no template accounts for, in the sentences in its gaps neither."""
        plain = clause.plain
        for gap in self._told[clause.template or ""] if depth < MOST_DEPTH else ():
            inside = self.read(clause.values[gap], depth + 1) if gap in clause.values else None
            if inside is not None:
                plain -= max(0, len(clause.values[gap]) - _plain(inside))
        return plain


class _Reading:
    """One message, each of its ends read once."""

    def __init__(self, recogniser: Recogniser, message: str, depth: int) -> None:
        self._recogniser = recogniser
        self._message = message
        self._depth = depth
        joins = () if "\n" in message else _JOIN.finditer(message)
        self._joins = [found.span() for found in islice(joins, _MOST_JOINS)]
        self._read: dict[int, Sequence[Clause] | None] = {}

    def best(self, start: int) -> Sequence[Clause] | None:
        if start not in self._read:
            self._read[start] = self._best(start)
        return self._read[start]

    def _best(self, start: int) -> Sequence[Clause] | None:
        text = self._message[start:]
        # a word alone says too little to be taken for a sentence after another: it may be anybody's
        whole = self._recogniser.recognise(text) if not start or " " in text else None
        if whole is None:
            best = None
        elif any(join in value for value in whole.values.values() for join in JOINS):
            best = [replace(whole, plain=self._recogniser.unexplained(whole, self._depth))]
        else:
            return [whole]
        for ends, begins in self._joins:
            if ends <= start:
                continue
            join = self._message[ends:begins]
            head = self._head(self._message[start:ends], join)
            rest = None if head is None else self.best(begins)
            if head is not None and rest is None and join == ": " and head.template and " " in head.text:
                # whatever the other side said, after a sentence of ours
                detail = self._message[begins:]
                rest = [Clause(detail, plain=len(detail))]
            if head is not None and rest is not None:
                read = [head, Clause(join), *rest]
                if best is None or _plain(read) < _plain(best):
                    best = read
        return best

    def _head(self, text: str, join: str) -> Clause | None:
        found = self._recogniser.recognise(text)
        if found is not None and found.plain:
            return replace(found, plain=self._recogniser.unexplained(found, self._depth))
        if found is None and join == ": " and _NAME.fullmatch(text):
            return Clause(text, plain=len(text))
        return found


_JOIN = re.compile("|".join(JOINS))


def _plain(clauses: Sequence[Clause]) -> int:
    return sum(clause.plain for clause in clauses)


def fill(template: str, values: Mapping[str, object], write: Callable[[object, str], str]) -> str:
    """The template with its gaps filled; ``write`` gives a value as its gap's format asks. KeyError: a gap has none."""
    return "".join(
        part.text if part.gap is None else part.text + write(values[part.gap], part.spec) for part in parts_of(template)
    )
