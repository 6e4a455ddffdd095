"""What people read, in their language: texts, numbers, dates and amounts, in English and in simplified Chinese.

A text is written once, in English, where it arises, and is its own key in the catalogues beside this module
(gettext's .po files, one for each part of the product). Pages say their texts as templates with named gaps. Messages
of errors, reasons in reports and what stands in the database arrive as finished sentences: ``told`` recognises them by
the shape of their template, so that what was stored in English can be read in Chinese, whoever stored it and when.

In a catalogue an f-string stands as its template. A gap is named after what it holds: ``{found.planned}`` is
``{planned}``, ``{', '.join(names)}`` is ``{names}``, ``{row["k"]}`` is ``{k}``, ``{MOST}`` is ``{most}``; a second one
of the same name that holds something else is ``{name_2}``. Formats are left out, ``!r`` stays, and literal braces are
doubled. A choice between two texts within an f-string makes two templates. The tests collect the templates of the
whole source by these rules and say which of them has no Chinese.

A translation may say what a gap holds: ``{reason:told}`` a sentence of ours, ``{status:term}`` a code,
``{names:list}`` and ``{parts:told_list}`` entries between commas, ``{key:either}`` entries between "or",
``{faults:told_lines}`` a list of lines. Without that its text stands as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Literal, get_args

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

from brandq.words.telling import MOST_DEPTH, Clause, Recogniser, fill, gaps
from brandq.words.terms import EXPLANATIONS, NAMES

__all__ = [
    "LANGUAGES",
    "OWN_NAMES",
    "TAGS",
    "Language",
    "Words",
    "catalogue",
    "gaps",
    "language_of",
    "merged",
    "words_in",
]

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

#: each language in its own name, as a switch shows it
OWN_NAMES: Mapping[Language, str] = {"en": "English", "zh": "简体中文"}
#: as HTML and HTTP name it
TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-Hans"}

_LOCALES: Mapping[Language, Locale] = {"en": Locale("en", "US"), "zh": Locale("zh", "CN", script="Hans")}
#: between the entries of a list, and between sentences that were joined into one
_AND_SO_ON: Mapping[Language, str] = {"en": ", ", "zh": "、"}
_EITHER: Mapping[Language, str] = {"en": " or ", "zh": " 或 "}
_MARKS: Mapping[Language, Mapping[str, str]] = {"en": {}, "zh": {"; ": "；", ": ": "："}}
_CLAUSES: Mapping[Language, str] = {"en": "; ", "zh": "；"}


def language_of(accepted: str) -> Language:
    """The language that an Accept-Language header prefers; English where it names none of ours."""
    wishes: list[tuple[float, int, Language]] = []
    for place, part in enumerate(accepted.split(",")[:20]):
        tag, _, rest = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{1,3})?)\s*", rest)
        quality = float(weight[1]) if weight else 1.0
        name = tag.strip().split("-")[0].lower()
        if name in LANGUAGES and quality > 0:
            wishes.append((-quality, place, name))
    return min(wishes)[2] if wishes else "en"


class Words:
    """One language. ``say`` and ``count`` write texts of ours; ``told`` reads finished English sentences."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.tag = TAGS[language]
        self.locale = _LOCALES[language]
        self._told = lru_cache(maxsize=8192)(self._tell)

    # -- texts

    def say(self, text: str, /, **values: object) -> str:
        """This template in this language, its gaps filled."""
        template = self.template(text)
        return fill(template, values, self._write) if values else template

    def count(self, n: int, one: str, many: str, /, **values: object) -> str:
        """The template for one or for any other number; ``{n}`` in it is the number as it is written here."""
        return self.say(one if n == 1 else many, n=self.number(n), **values)

    def template(self, text: str) -> str:
        return self._catalogue.get(text) or text

    def told(self, message: str | None) -> str:
        """A finished English sentence in this language: as it is where no catalogue has its template."""
        return "" if message is None else self._told(message, 0)

    def _tell(self, message: str, depth: int) -> str:
        if self.language == "en" or depth > MOST_DEPTH:
            return message
        clauses = self._recogniser.read(message)
        if clauses is None:
            return message
        return "".join(self._clause(clause, depth) for clause in clauses)

    def _clause(self, clause: Clause, depth: int) -> str:
        if clause.template is None:
            return _MARKS[self.language].get(clause.text, clause.text)
        translated = self._catalogue[clause.template]
        return fill(translated, clause.values, lambda value, spec: self._write(value, spec, depth + 1))

    def _write(self, value: object, spec: str, depth: int = 0) -> str:
        if spec == "told":
            return self._told(str(value), depth)
        if spec == "term":
            return self.term(str(value)) if value in NAMES else self._told(str(value), depth)
        if spec == "list":
            return _AND_SO_ON[self.language].join(str(value).split(", "))
        if spec == "either":
            return _EITHER[self.language].join(str(value).split(" or "))
        if spec == "told_lines":
            return "\n".join(f"  - {self._told(line[4:], depth)}" for line in str(value).split("\n"))
        if spec == "told_list":
            return _AND_SO_ON[self.language].join(self._told(part, depth) for part in re.split(", | and ", str(value)))
        return format(value, spec)

    def clauses(self, parts: Iterable[str]) -> str:
        """Sentences of this language as one: ``a; b``."""
        return _CLAUSES[self.language].join(parts)

    def term(self, code: str) -> str:
        """What a code is called: ``rate limit`` for rate_limit; the code itself where it has no name."""
        return self.template(NAMES.get(code, code))

    def explained(self, code: str) -> str | None:
        """What the code of an error or an outcome means, in a sentence; None for a code without one."""
        return self.template(EXPLANATIONS[code]) if code in EXPLANATIONS else None

    def list(self, parts: Iterable[str]) -> str:
        """``a, b and c``."""
        return str(format_list([str(part) for part in parts], locale=self.locale))

    @cached_property
    def _catalogue(self) -> Mapping[str, str]:
        return {} if self.language == "en" else catalogue(self.language)

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser(self._catalogue)

    # -- numbers, dates, amounts

    def number(self, value: float | Decimal, digits: int = 0) -> str:
        return str(format_decimal(value, f"#,##0.{'0' * digits}" if digits else "#,##0", locale=self.locale))

    def short(self, value: float) -> str:
        """``12K``, ``1.2万``."""
        return str(format_compact_decimal(value, fraction_digits=1, locale=self.locale))

    def percent(self, value: float, digits: int = 0) -> str:
        """A proportion from 0 to 1 as per cent."""
        return str(format_percent(value, f"#,##0{'.' + '0' * digits if digits else ''}%", locale=self.locale))

    def money(self, amount: Decimal | str, currency: str) -> str:
        """An amount with its currency: two decimals, or as many as the first two digits that count need."""
        exact = Decimal(amount)
        digits = 2 if not exact or abs(exact) >= 1 else min(6, max(2, 1 - exact.adjusted()))
        return str(
            format_currency(exact, currency, f"¤#,##0.{'0' * digits}", locale=self.locale, currency_digits=False)
        )

    def instant(self, at: datetime | str | None, *, seconds: bool = False) -> str:
        """A moment in UTC, and says so; a dash for None. Text is read as ISO 8601."""
        moment = _moment(at)
        if moment is None:
            return "–"
        shape = "MMM d, yyyy, HH:mm" if self.language == "en" else "y年M月d日 HH:mm"
        return f"{format_datetime(moment, shape + (':ss' if seconds else ''), locale=self.locale)} UTC"

    def day(self, at: datetime | date | str | None) -> str:
        moment = _moment(at) if isinstance(at, datetime | str) else at
        return "–" if moment is None else str(format_date(moment, "medium", locale=self.locale))

    def duration(self, seconds: float | timedelta) -> str:
        """``40 s``, ``12 min``, ``3 h 20 min``, ``4 days``."""
        whole = max(0, round(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds))
        if whole < 90:
            return self.say("{n} s", n=self.number(whole))
        minutes = round(whole / 60)
        if minutes < 90:
            return self.say("{n} min", n=self.number(minutes))
        hours, rest = divmod(minutes, 60)
        if hours < 48:
            return self.say("{h} h {m} min", h=self.number(hours), m=rest) if rest else self.say("{h} h", h=hours)
        return self.say("{n} days", n=self.number(round(hours / 24)))


@cache
def words_in(language: Language) -> Words:
    return Words(language)


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Every English text that has a translation, with it."""
    found = sorted(files("brandq.words").joinpath(language).iterdir(), key=lambda file: file.name)
    return merged((file.name, file.read_bytes()) for file in found if file.name.endswith(".po"))


def merged(catalogues: Iterable[tuple[str, bytes]]) -> Mapping[str, str]:
    """The texts of .po files, by name, as one. ValueError where two of them translate one text differently."""
    texts: dict[str, str] = {}
    for name, content in catalogues:
        for message in read_po(BytesIO(content)):
            text, translated = str(message.id), str(message.string or "")
            if text and translated and texts.setdefault(text, translated) != translated:
                raise ValueError(f"{name} translates {text!r} otherwise than the files before it")
    return texts


def _moment(at: datetime | str | None) -> datetime | None:
    if at is None or at == "":
        return None
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(UTC)
