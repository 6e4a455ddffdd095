"""Measures: counts become numbers, each with its n, its interval and the id of its definition.

A number is a mapping ready for JSON. A proportion has ``value``, ``k``, ``n``, ``low``, ``high``, ``interval`` and
``definition``; a mean has no ``k``. What cannot be told is ``{"value": None, "n": 0, "reason": …}`` and never 0. Values
are fractions from 0 to 1, or places for ranks, rounded to six digits, so that a document reads the same anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist, fmean, stdev
from typing import Any

Number = dict[str, Any]

#: two-sided 95 %
_Z = NormalDist().inv_cdf(0.975)
#: Student's t, two-sided 95 %, for 1 to 30 degrees of freedom (any table of the distribution)
_T = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)
_DIGITS = 6


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of k of n (Wilson 1927; Brown, Cai and DasGupta 2001 recommend it for small n).

    ValueError unless 0 <= k <= n and n > 0.
    """
    if not 0 <= k <= n or n <= 0:
        raise ValueError(f"{k} of {n} is no proportion")
    share = k / n
    scale = 1 + _Z * _Z / n
    centre = (share + _Z * _Z / (2 * n)) / scale
    half = _Z * sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n)) / scale
    # in exact arithmetic the interval reaches 0 and 1 there and always holds k/n
    low = 0.0 if k == 0 else min(max(0.0, centre - half), share)
    high = 1.0 if k == n else max(min(1.0, centre + half), share)
    return low, high


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t for 1 and more degrees of freedom; beyond 30 by Hill's expansion."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    first = (_Z**3 + _Z) / 4
    second = (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96
    return _Z + first / freedom + second / freedom**2


def absent(reason: str) -> Number:
    """No number, and why."""
    return {"value": None, "n": 0, "reason": reason}


def rate(k: int, n: int, definition: str, reason: str = "there is nothing to count") -> Number:
    """k of n as a proportion with its Wilson interval; absent for the ``reason`` when n is 0."""
    if n == 0:
        return absent(reason)
    low, high = wilson(k, n)
    return {
        "value": round(k / n, _DIGITS),
        "k": k,
        "n": n,
        "low": round(low, _DIGITS),
        "high": round(high, _DIGITS),
        "interval": "wilson",
        "definition": definition,
    }


def mean(
    values: Sequence[float], definition: str, reason: str = "there is nothing to average", *, least: float | None = None
) -> Number:
    """The mean with its t interval, whose low end is not below ``least``; absent for the ``reason`` without values.

    One value, or several that are all the same, have no spread to build an interval from: then it is None, and
    ``interval_reason`` says so.
    """
    n = len(values)
    if n == 0:
        return absent(reason)
    centre = fmean(values)
    number: Number = {"value": round(centre, _DIGITS), "n": n, "low": None, "high": None, "interval": None}
    if n > 1 and min(values) != max(values):
        half = t_quantile(n - 1) * stdev(values) / sqrt(n)
        low = centre - half
        number["low"] = round(low if least is None else max(least, low), _DIGITS)
        number["high"] = round(centre + half, _DIGITS)
        number["interval"] = "t"
    else:
        number["interval_reason"] = "a single value has no spread" if n == 1 else "all values are the same: no spread"
    return {**number, "definition": definition}
