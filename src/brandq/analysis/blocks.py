"""Blocks: which brand each line, heading and table cell of an answer is about, before any word in it is weighed."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from brandq.analysis.clauses import SUBJECT, Named, are_equals, role_of
from brandq.analysis.mentions import Mention, View
from brandq.analysis.outline import HEAD_END, Item, Kind, Table
from brandq.analysis.reading import Reading
from brandq.analysis.sections import label_of

#: a name farther in is no head: the item is a sentence
_LONGEST_HEAD = 60
#: what stands before a name that is an example, or one of many in brackets
_EXAMPLE = re.compile(r"(?:例如|比如|诸如|譬如|如|像|包括|such as|including|e\.g\.,?|[(\[])\s?[“\"']?$")


@dataclass(slots=True)
class Place:
    """Where a sentence stands: whom it is about unless it names others, what labels it."""

    owners: tuple[str, ...] = ()
    label: str | None = None


#: stands on no line that is about anybody
NOWHERE = Place()


class Blocks(View):
    """Tells of an answer's lines and cells whom they are about. ``mentions`` in order of the text."""

    def __init__(self, reading: Reading, mentions: Sequence[Mention]) -> None:
        super().__init__(reading.view, mentions)
        self.text = reading.folded

    def heads(self, item: Item) -> tuple[str, ...]:
        """The brands that a line is about, with what stands under it.

        Those that its head names, or that a label before them gives a place: "Best overall: Sony".
        """
        if not self.named(item.start, item.end):
            return ()
        opens = (
            item.kind in (Kind.HEADING, Kind.ITEM)
            or item.line.emphasised
            or item.marker
            or item.body.endswith((":", "："))
        )
        begins = item.line.at[item.at]
        found = self.named(begins, item.end)
        if not opens or not found:
            return ()
        skipped = item.marker.length if item.marker else 0
        end = HEAD_END.search(item.body, skipped + 1)
        head_end = item.line.at[item.at + end.start()] if end else item.end
        first = found[0]
        if first.start >= head_end:
            # "Best overall: Sony": the rest begins with the name
            if any(char.isalnum() for char in self.seen(head_end, first.start)):
                return ()
        elif first.start - begins > _LONGEST_HEAD:
            return ()
        before = self.seen(begins, first.start).lower()
        if before and _EXAMPLE.search(before.replace("（", "(").replace("【", "[")):
            return ()
        names = [Named(m.brand, *self._folded(m)) for m in found[:8]]
        if role_of(self.text.text, names[0]) != SUBJECT:
            return ()
        equals = [names[0]]
        for name in names[1:]:
            if not are_equals(self.text.text, equals[-1], name):
                break
            equals.append(name)
        brands = tuple(dict.fromkeys(name.brand for name in equals))
        if item.kind == Kind.HEADING and len(brands) > 1:
            return ()
        return brands

    def _folded(self, mention: Mention) -> tuple[int, int]:
        return bisect_left(self.text.starts, mention.start), bisect_left(self.text.starts, mention.end)

    def columns(self, table: Table) -> list[Place]:
        """What stands in each column of a table: about whom it is, and what its header says of it."""
        columns: list[Place] = []
        for n, header in enumerate(table.headers):
            span = table.cell(0, n)
            owners = tuple(dict.fromkeys(m.brand for m in self.named(*span))) if span else ()
            columns.append(Place(owners, label_of(header.lower())))
        return columns

    def boxes(self, table: Table, columns: Sequence[Place], at: int) -> list[tuple[int, int, Place]]:
        """The cells of the row at this offset, as offsets in the text, with whom each is about."""
        row = bisect_right(table.rows, at, key=lambda row: row.at[0]) - 1
        if row < 1:
            return []
        spans = [span for n in range(len(table.cells[row])) if (span := table.cell(row, n))]
        if not any(column.owners for column in columns):
            first = next((named for span in spans if (named := self.named(*span))), ())
            owners = tuple(dict.fromkeys(mention.brand for mention in first))
            return [
                (start, end, Place(owners, columns[n].label if n < len(columns) else None))
                for n, (start, end) in enumerate(spans)
            ]
        label = label_of(self.seen(*spans[0]).lower().strip()) if spans else None
        return [
            (start, end, Place(columns[n].owners if n < len(columns) else (), label))
            for n, (start, end) in enumerate(spans)
        ]


def box_at(boxes: Sequence[tuple[int, int, Place]], at: int) -> Place:
    """The place that an offset of the text has in a table."""
    n = bisect_right(boxes, at, key=lambda box: box[0]) - 1
    return boxes[n][2] if n >= 0 and at < boxes[n][1] else NOWHERE


def head_of(item: Item) -> str:
    """What a line begins with, in small letters, up to what ends the head of an item."""
    body = item.body[item.marker.length if item.marker else 0 :].lower()
    end = HEAD_END.search(body)
    return (body[: end.start()] if end else body).strip(" *_“”\"'")
