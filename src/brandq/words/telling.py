"""Finished English sentences, recognised by the template that they were made from, so that they can be told again.

A template is text with named gaps; ``{name!r}`` is a gap whose value stands there as Python writes it, in quotes. What
lies between quotes is found by their rules, whatever it says; every other gap ends where the text after it first
occurs. Of several templates that fit, the one that leaves the fewest characters to its plain gaps is meant. Nothing
here backtracks: a sentence is read once for each template that may fit it.
"""

from __future__ import annotations

import ast
import re
import string
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

#: characters of a template's beginning by which it is looked up
_HEAD = 5
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
    found = string.Formatter().parse(template)
    return tuple(Part(text, gap, spec or "", conversion == "r") for text, gap, spec, conversion in found)


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
                plain += len(value)
            name = gap.gap or ""
            if values.setdefault(name, value) != value:
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


class Recogniser:
    """The templates of a catalogue: which of them a finished sentence was made from."""

    def __init__(self, templates: Sequence[str]) -> None:
        #: what has no gaps, as it reads -> its template
        self._whole: dict[str, str] = {}
        self._by_head: defaultdict[str, list[Shape]] = defaultdict(list)
        self._others: list[Shape] = []
        for template in templates:
            shape = Shape.of(template)
            start = shape.literals[0]
            if not shape.gaps:
                self._whole[start] = template
            elif len(start) >= _HEAD:
                self._by_head[start[:_HEAD]].append(shape)
            else:
                self._others.append(shape)

    def recognise(self, message: str) -> tuple[str, dict[str, str]] | None:
        """The template and the values in its gaps; None for a sentence of no template here."""
        whole = self._whole.get(message)
        if whole is not None:
            return whole, {}
        best: tuple[int, str, dict[str, str]] | None = None
        for shapes in (self._by_head.get(message[:_HEAD], ()), self._others):
            for shape in shapes:
                found = shape.read(message)
                if found is not None and (best is None or found[0] < best[0]):
                    best = (found[0], shape.template, found[1])
        return None if best is None else best[1:]


def fill(template: str, values: Mapping[str, object], write: Callable[[object, str], str]) -> str:
    """The template with its gaps filled; ``write`` gives a value as its gap's format asks. KeyError: a gap has none."""
    return "".join(
        part.text if part.gap is None else part.text + write(values[part.gap], part.spec) for part in parts_of(template)
    )
