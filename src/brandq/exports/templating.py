"""What templates may call, in pages and in exported reports alike: texts, numbers, moments and amounts.

Each template is rendered with ``words``, the language that it is read in.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote, urlencode

from jinja2 import BaseLoader, Environment, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from brandq.reports.verdict import points, share
from brandq.words import Words


def environment(loader: BaseLoader) -> Environment:
    """Templates from there: escaped, strict about names, and with everything of this module."""
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals.update(t=_say, count=_count, with_query=with_query)
    made.filters.update(
        told=_told,
        reason=_reason,
        term=_term,
        number=_number,
        percent=_percent,
        share=_share,
        points=_points,
        shortened=_shortened,
        money=_money,
        instant=_instant,
        day=_day,
        duration=_duration,
        listed=_listed,
        iso=_iso,
    )
    return made


def with_query(path: str, **values: object) -> str:
    """An address with these parameters; those that are None are left out."""
    given = {name: str(value) for name, value in values.items() if value is not None}
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path


@pass_context
def _say(context: Context, text: str, /, **values: object) -> Markup:
    """A text of ours with its gaps; what fills them is escaped."""
    return Markup(_words(context).template(text)).format(**values)  # noqa: S704  # the texts are ours


@pass_context
def _count(context: Context, n: int, one: str, many: str, /, **values: object) -> Markup:
    words = _words(context)
    return _say(context, one if n == 1 else many, n=words.number(n), **values)


def _words(context: Context) -> Words:
    return cast(Words, context["words"])


@pass_context
def _told(context: Context, message: str | None) -> str:
    return _words(context).told(message)


@pass_context
def _reason(context: Context, code: str) -> str:
    """What the code of an error means, in a sentence; its name where it has none."""
    words = _words(context)
    return words.explained(code) or words.term(code)


@pass_context
def _term(context: Context, code: str) -> str:
    return _words(context).term(code)


@pass_context
def _number(context: Context, value: float, digits: int = 0) -> str:
    return _words(context).number(value, digits)


@pass_context
def _percent(context: Context, value: float, digits: int = 0) -> str:
    return _words(context).percent(value, digits)


@pass_context
def _share(context: Context, value: float) -> str:
    return share(value, _words(context))


@pass_context
def _points(context: Context, difference: float) -> str:
    """A difference of proportions in percentage points, with its sign."""
    return points(difference, _words(context))


def _shortened(text: str, most: int = 60) -> str:
    """At most so many characters: its beginning and its end."""
    return text if len(text) <= most else f"{text[: most - 16]}…{text[-15:]}"


@pass_context
def _money(context: Context, amount: Any, currency: str) -> str:
    return _words(context).money(amount, currency)


@pass_context
def _instant(context: Context, at: Any, *, seconds: bool = False) -> str:
    return _words(context).instant(at, seconds=seconds)


@pass_context
def _day(context: Context, at: Any) -> str:
    return _words(context).day(at)


@pass_context
def _duration(context: Context, seconds: Any) -> str:
    return _words(context).duration(seconds)


@pass_context
def _listed(context: Context, parts: Any) -> str:
    return _words(context).list(parts)


def _iso(at: Any) -> str:
    return at if isinstance(at, str) else str(at.isoformat())
