"""Numbers of a report as figures write them: a value, what it was made of, and its interval, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brandq.words import Words

Number = Mapping[str, Any]
ABSENT = "–"


def percent(value: float, words: Words) -> str:
    """Per cent without decimals; with one where it would read as none or as all of them and is not."""
    return words.percent(value, 1 if 0 < value < 0.005 or 0.995 <= value < 1 else 0)


def rate(number: Number, words: Words) -> str:
    """``67%``, or a dash."""
    return ABSENT if number["value"] is None else percent(number["value"], words)


def counts(number: Number, words: Words) -> str:
    """``8/12``, or a dash where there is nothing to count."""
    return f"{words.number(number['k'])}/{words.number(number['n'])}" if "k" in number else ABSENT


def has_interval(number: Number) -> bool:
    return number.get("low") is not None


def signed(value: float, words: Words) -> str:
    """A mean with one decimal, and with the minus that is as wide as a plus."""
    return words.number(value, 1).replace("-", "−")


def points_of(difference: float, words: Words) -> str:
    """A difference of proportions as ``+3.0 points``."""
    sign = "+" if difference > 0 else "−" if difference < 0 else ""
    return words.say("{value} points", value=sign + words.number(abs(difference) * 100, 1))


def interval(number: Number, words: Words, *, mean: bool = False, differ: bool = False) -> str:
    """``23%–88%``, for a mean ``1.2 to 1.9``, and where two ``differ`` in points; why there is none, where there is none."""
    if not has_interval(number):
        return words.told(number.get("interval_reason") or number.get("reason")) or words.say("no interval")
    low, high = number["low"], number["high"]
    if mean or differ:
        written = [points_of(end, words) if differ else signed(end, words) for end in (low, high)]
        return words.say("{low} to {high}", low=written[0], high=written[1])
    return f"{percent(low, words)}–{percent(high, words)}"


def spread(number: Number, words: Words, *, mean: bool = False) -> str:
    """``interval 23%–88%`` or ``no interval``, inside a sentence."""
    if not has_interval(number):
        return words.say("no interval")
    return words.say("interval {interval}", interval=interval(number, words, mean=mean))
