"""One sheet of a workbook, row by row: headings, texts, numbers and links, within what Excel holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from brandq.exports.spreadsheets import harmless
from brandq.words import Words

#: what Excel holds: UTF-16 units of one text, rows and links of one sheet, characters of one link
MOST_CHARS = 32_767
MOST_ROWS = 1_048_576
MOST_LINKS = 65_530
MOST_LINK_CHARS = 2_079

#: points of a row with one line, and of one that shows the beginning of a long text
LINE_HEIGHT, TEXT_HEIGHT = 15, 60
#: what XML cannot hold, and half surrogate pairs, which UTF-8 cannot
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WEB = re.compile(r"https?://", re.IGNORECASE)

Value = str | bool | int | float | Decimal | datetime | None


@dataclass(frozen=True)
class Column:
    """One column of a table. ``form`` is one of ``formats``; ``width`` is in characters, None as it was set before.

    ``group`` stands above the headings, over all columns of one group.
    """

    heading: str
    width: float | None = None
    form: str = "text"
    group: str = ""


def formats(book: Workbook) -> dict[str, Format]:
    """How things look, by name."""
    top = {"valign": "top"}
    wrapped = {**top, "text_wrap": True}
    looks: dict[str, dict[str, object]] = {
        "plain": {},
        "title": {"bold": True, "font_size": 14},
        "section": {"bold": True, "font_size": 12},
        "banner": {"bold": True, "bg_color": "#FFE08A", "font_color": "#4A3000"},
        "group": {"bold": True, "bg_color": "#DDE3EC"},
        "heading": {**wrapped, "bold": True, "bg_color": "#EEF1F5", "bottom": 1},
        "text": wrapped,
        "link": {**top, "font_color": "#2855C5", "underline": 1},
        "share": {**top, "num_format": "0.0%"},
        "place": {**top, "num_format": "0.00"},
        "count": {**top, "num_format": "#,##0"},
        "number": {**top, "num_format": "0"},
        "money": {**top, "num_format": "0.00####"},
        "instant": {**top, "num_format": "yyyy-mm-dd hh:mm:ss"},
    }
    return {name: book.add_format(look) for name, look in looks.items()}


def written(text: str, words: Words) -> str:
    """A text as a sheet holds it: harmless, with nothing that XML cannot hold, and cut where Excel would refuse it."""
    text = _UNWRITABLE.sub("\ufffd", harmless(text))
    # the writer takes such a text for formatted XML of its caller's, and would put it into the sheet as it is
    if text.startswith("<r>") and text.endswith("</r>"):
        text += " "
    if _units(text) <= MOST_CHARS:
        return text
    said = " … " + words.say("[cut: Excel holds {n} characters; the csv export has all]", n=words.number(MOST_CHARS))
    room = MOST_CHARS - _units(said)
    return text.encode("utf-16-le")[: 2 * room].decode("utf-16-le", "ignore") + said


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


class Sheet:
    """One sheet, written from its first row to its last; ``head`` is its first line, ``banners`` stand below it."""

    def __init__(
        self, sheet: Worksheet, looks: Mapping[str, Format], words: Words, head: str, banners: Sequence[str]
    ) -> None:
        self._sheet = sheet
        self._looks = looks
        self._words = words
        self._row = self._links = 0
        self._headings = 0
        self.line(head, "title")
        for banner in banners:
            self.line(banner, "banner")

    @property
    def full(self) -> bool:
        """Whether but one row is left, in which the sheet says that it was cut."""
        return self._row >= MOST_ROWS - 1

    def line(self, text: str, look: str = "plain") -> None:
        """A text that stands alone in its row, and runs over the columns beside it."""
        self._text(0, text, look)
        self._row += 1

    def paragraph(self, text: str, columns: int, width: float) -> None:
        """A text over so many columns, ``width`` characters wide together, as high as it needs."""
        lines = -(-_wide(text) // max(1, int(width)))
        self._sheet.set_row(self._row, LINE_HEIGHT * lines)
        self._sheet.merge_range(self._row, 0, self._row, columns - 1, "", self._looks["text"])
        self.line(text, "text")

    def gap(self) -> None:
        self._row += 1

    def headings(self, columns: Sequence[Column]) -> None:
        """The heading of a table."""
        for number, column in enumerate(columns):
            if column.width is not None:
                self._sheet.set_column(number, number, column.width)
        if any(column.group for column in columns):
            for number, column in enumerate(columns):
                if column.group:
                    begins = number == 0 or columns[number - 1].group != column.group
                    self._text(number, column.group if begins else "", "group")
            self._row += 1
        for number, column in enumerate(columns):
            self._text(number, column.heading, "heading")
        self._headings = self._row
        self._row += 1

    def row(self, columns: Sequence[Column], values: Sequence[Value], *, height: float | None = None) -> None:
        """One row of a table; None is a blank. Without a ``height`` it is as high as its texts need."""
        if height is not None:
            self._sheet.set_row(self._row, height)
        for number, (column, value) in enumerate(zip(columns, values, strict=True)):
            self._value(number, value, column.form)
        self._row += 1

    def keep_head(self) -> None:
        """Keep in sight what was written until now."""
        self._sheet.freeze_panes(self._row, 0)

    def filtered(self, columns: Sequence[Column], beside: int) -> None:
        """Keep the headings of the last table and ``beside`` columns in sight, and lay a filter over its rows."""
        self._sheet.freeze_panes(self._headings + 1, beside)
        self._sheet.repeat_rows(self._headings)
        self._sheet.autofilter(self._headings, 0, max(self._row - 1, self._headings), len(columns) - 1)

    def _value(self, number: int, value: Value, form: str) -> None:
        look = self._looks[form]
        if value is None:
            return
        if isinstance(value, str):
            if form == "link":
                self._link(number, value)
            else:
                self._text(number, value, form)
        elif isinstance(value, datetime):
            self._sheet.write_datetime(self._row, number, value.astimezone(UTC).replace(tzinfo=None), look)
        else:
            self._sheet.write_number(self._row, number, int(value) if isinstance(value, bool) else value, look)

    def _text(self, number: int, text: str, look: str) -> None:
        self._sheet.write_string(self._row, number, written(text, self._words), self._looks[look])

    def _link(self, number: int, url: str) -> None:
        """A link that can be clicked, where it leads to the web and Excel can hold one more; else its text."""
        short = len(url) <= MOST_LINK_CHARS and self._links < MOST_LINKS
        if short and _WEB.match(url) and url.isprintable() and " " not in url:
            self._links += 1
            self._sheet.write_url(self._row, number, url, self._looks["link"], written(url, self._words))
        else:
            self._text(number, url, "text")


def _wide(text: str) -> int:
    """Its width in columns of a character: Chinese takes two."""
    return sum(1 if ord(char) < 0x2E80 else 2 for char in text)
