"""The sentences of an answer: each line cut at its full stops, once for all who read it, and only where they look.

A sentence shows its brands' names blanked, so that no word is found inside a name.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from brandq.analysis.brands import HIDDEN
from brandq.analysis.findings import Span
from brandq.analysis.mentions import Mention
from brandq.analysis.outline import Item, Line, Outline, Table
from brandq.analysis.reading import Reading

#: stands in a sentence for each character of a brand's name
BRAND = "\ue000"
#: so many mentions of an answer are judged, the first ones
MOST_JUDGED = 4000
_SENTENCE_END = re.compile(r"[。！!？?；;]|(?<=[^\s.])\.(?=\s|$)")
#: a sentence that is longer than this is judged in pieces of this length
_LONGEST_SENTENCE = 600


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of one line between full stops, as it is seen, with names blanked to BRAND.

    ``words`` the same with the names; ``named`` its mentions, and ``mentions`` where they stand in it, with the brand's
    name; ``start``: where it begins in the line. ``item``: the line, None in a table.
    """

    text: str
    words: str
    start: int
    named: tuple[Mention, ...]
    mentions: tuple[tuple[int, int, str], ...]
    item: Item | None


class Sentences:
    """The sentences of one answer. ``reading``, ``outline`` and ``mentions`` are what they were cut from.

    ``brands`` are all that it mentions, in order; ``mentions`` no more than the first MOST_JUDGED: an answer that names
    brands more often is a dump of a megabyte, and what it thinks of them stands before that.
    ``asked``: the brands that it was asked about. ``ignored``: stretches of the text that say nothing; a sentence that
    reaches into one is none.
    """

    def __init__(
        self,
        reading: Reading,
        outline: Outline,
        mentions: Sequence[Mention],
        ignored: Sequence[Span] = (),
        asked: Collection[str] = (),
    ) -> None:
        self.reading = reading
        self.outline = outline
        self.brands = tuple(dict.fromkeys(mention.brand for mention in mentions))
        self.mentions = mentions = mentions[:MOST_JUDGED]
        self.ignored = ignored
        self.asked = asked
        self._after: dict[int, str] = {}
        self.starts = [mention.start for mention in mentions]

    def __iter__(self) -> Iterator[Sentence]:
        for part in self.outline.parts:
            for line, at, item in _lines(part):
                yield from self._heard(line, at, item, self._inside(line.at[0], line))

    @cached_property
    def all(self) -> tuple[Sentence, ...]:
        """All sentences in order."""
        return tuple(self)

    @cached_property
    def named(self) -> tuple[Sentence, ...]:
        """The sentences that name a brand, in order."""
        return tuple(self._named())

    def _named(self) -> Iterator[Sentence]:
        n = 0
        while n < len(self.mentions):
            start = self.mentions[n].start
            part = self.outline.part_at(start)
            inside: Sequence[Mention] = ()
            if isinstance(part, Table):
                row = bisect_right(part.rows, start, key=lambda row: row.at[0]) - 1
                line = part.rows[max(row, 0)]
                inside = self._inside(start, line)
                yield from (sentence for sentence in self._heard(line, 0, None, inside) if sentence.named)
            elif part is not None:
                inside = self._inside(start, part.line)
                yield from self._with_what_follows(part.line, part.at, part, inside)
            n += max(len(inside), 1)

    def _with_what_follows(self, line: Line, at: int, item: Item, mentions: Sequence[Mention]) -> Iterator[Sentence]:
        """The sentences of a line that name a brand; what follows one of them without a name is noted."""
        before: Sentence | None = None
        for sentence in self._heard(line, at, item, mentions):
            if sentence.named:
                yield sentence
            elif before is not None and before.named:
                self._after[before.named[0].start] = sentence.text
            before = sentence

    def after(self, sentence: Sentence) -> str:
        """The sentence that follows one of ``named`` in its line, where it names nobody itself; else nothing."""
        return self._after.get(sentence.named[0].start, "")

    def _inside(self, start: int, line: Line) -> Sequence[Mention]:
        return self.mentions[bisect_left(self.starts, start) : bisect_left(self.starts, line.at[-1])]

    def _heard(self, line: Line, at: int, item: Item | None, mentions: Sequence[Mention]) -> Iterator[Sentence]:
        for sentence in _split(line, at, item, mentions):
            if self.ignored:
                first, last = line.at[sentence.start], line.at[min(sentence.start + len(sentence.text), len(line.seen))]
                if shared(self.ignored, first, last):
                    continue
            yield sentence


def shared(stretches: Sequence[Span], start: int, end: int) -> bool:
    """Whether one of these stretches, which are in order and apart, has a character of ``start`` to ``end``."""
    n = bisect_right(stretches, start, key=lambda span: span[0])
    return any(first < end and start < last for first, last in stretches[max(0, n - 1) : n + 1])


def _lines(part: Item | Table) -> Iterator[tuple[Line, int, Item | None]]:
    if isinstance(part, Item):
        yield part.line, part.at, part
    else:
        yield from ((row, 0, None) for row in part.rows)


def _split(line: Line, begin: int, item: Item | None, mentions: Sequence[Mention]) -> Iterator[Sentence]:
    placed = [(bisect_left(line.at, mention.start), bisect_left(line.at, mention.end), mention) for mention in mentions]
    text = line.seen
    if placed:
        pieces: list[str] = []
        at = 0
        for start, end, _ in placed:
            pieces += [text[at:start], BRAND * (max(end, at) - max(start, at))]
            at = max(at, end)
        blanked = "".join((*pieces, text[at:])).replace(HIDDEN, " ")
    else:
        blanked = text.replace(HIDDEN, " ")
    last = bisect_left(placed, begin, key=lambda one: one[0])
    for start, end in _bounds(blanked, begin):
        first = last
        while last < len(placed) and placed[last][0] < end:
            last += 1
        inside = placed[first:last]
        if not blanked[start:end].strip():
            continue
        yield Sentence(
            blanked[start:end],
            text[start:end],
            start,
            tuple(mention for _, _, mention in inside),
            tuple((a - start, min(b, end) - start, mention.brand) for a, b, mention in inside),
            item,
        )


def _bounds(text: str, begin: int) -> Iterator[tuple[int, int]]:
    start = begin
    for found in _SENTENCE_END.finditer(text, begin):
        # "1. " and "e.g. " end no sentence
        if found[0] == "." and (found.start() - start <= 2 or text[found.start() - 2 : found.start() - 1] in ". "):
            continue
        yield from _pieces(start, found.end())
        start = found.end()
    yield from _pieces(start, len(text))


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _LONGEST_SENTENCE:
        yield start, start + _LONGEST_SENTENCE
        start += _LONGEST_SENTENCE
    if end > start:
        yield start, end
