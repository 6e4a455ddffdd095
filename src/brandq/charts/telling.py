"""Numbers of a report as figures write them: a value, what it was made of, and its interval, as the reader does."""

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


def term(code: str, words: Words) -> str:
    """What a code is called, as a label begins."""
    name = words.term(code)
    return name[:1].upper() + name[1:]


def counts(number: Number, words: Words) -> str:
    """``8/12``, or a dash where there is nothing to count."""
    return f"{words.number(number['k'])}/{words.number(number['n'])}" if "k" in number else ABSENT


def out_of(k: int, n: int, words: Words) -> str:
    """``8/12 (67%)``."""
    return f"{words.number(k)}/{words.number(n)} ({percent(k / n, words)})"


def n_of(n: int, words: Words) -> str:
    """How many answers a number is over: ``n = 1,204``."""
    return f"n = {words.number(n)}"


def has_interval(number: Number) -> bool:
    return number.get("low") is not None


def sentences(words: Words, *told: str) -> str:
    """Sentences one after the other, as the language sets them."""
    return ("" if words.language == "zh" else " ").join(told)


def signed(value: float, words: Words) -> str:
    """A mean with one decimal, and with the minus that is as wide as a plus."""
    return words.number(value, 1).replace("-", "−")


def points_of(difference: float, words: Words) -> str:
    """A difference of proportions as ``+3.0 points``."""
    sign = "+" if difference > 0 else "−" if difference < 0 else ""
    return f"{sign}{words.number(abs(difference) * 100, 1)} {words.say('points')}"


def interval(number: Number, words: Words, *, mean: bool = False, differ: bool = False) -> str:
    """``23%–88%``, for a mean ``1.2 … 1.9``, and where two ``differ`` in points; where there is none, why."""
    if not has_interval(number):
        return words.told(number.get("interval_reason") or number.get("reason")) or words.say("without an interval")
    low, high = number["low"], number["high"]
    if mean or differ:
        return " … ".join(points_of(end, words) if differ else signed(end, words) for end in (low, high))
    return f"{percent(low, words)}–{percent(high, words)}"


def spread(number: Number, words: Words, *, mean: bool = False) -> str:
    """``interval 23%–88%`` or ``without an interval``, inside a sentence."""
    if not has_interval(number):
        return words.say("without an interval")
    return words.say("interval {interval}", interval=interval(number, words, mean=mean))
