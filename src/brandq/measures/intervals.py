"""Intervals: 95 %, from counts alone, without chance. Every function returns (low, high) around the pooled value.

Two kinds that answer two questions. ``cluster_wilson`` and ``jackknife`` take the prompts for a sample of what people
ask: prompts differ, and more repeats cannot make up for few prompts. ``panel_wilson`` and ``stratified`` take the
prompts as they are: only the repeats vary. Which is meant is said by whoever calls; see ``rates``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import atan, cos, erfc, exp, log, pi, sin, sqrt
from statistics import NormalDist

Interval = tuple[float, float]

#: two-sided 95 %
Z = NormalDist().inv_cdf(0.975)
#: Student's t, two-sided 95 %, for 1 to 30 degrees of freedom (any table of the distribution)
_T = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)
#: beyond it exp() overflows, and the curve is 0 or 1 to the last digit
_STEEPEST = 700.0


def wilson(k: float, n: float) -> Interval:
    """The Wilson score interval of k of n (Wilson 1927; Brown, Cai and DasGupta 2001 recommend it for small n).

    ``n`` may be an effective number of answers, which is no whole one. It takes the n answers for independent draws.
    ValueError unless 0 <= k <= n and n > 0.
    """
    if not 0 <= k <= n or n <= 0:
        raise ValueError(f"{k} of {n} is no proportion")
    share = k / n
    scale = 1 + Z * Z / n
    centre = (share + Z * Z / (2 * n)) / scale
    half = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / scale
    # in exact arithmetic the interval reaches 0 and 1 there and always holds k/n
    low = 0.0 if k == 0 else min(max(0.0, centre - half), share)
    high = 1.0 if k == n else max(min(1.0, centre + half), share)
    return low, high


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t for 1 and more degrees of freedom; beyond 30 by Hill's expansion."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    return Z + first / freedom + second / freedom**2


def t_p(t: float, freedom: int) -> float:
    """The two-sided p of Student's t with a whole number of degrees of freedom.

    The finite series of Abramowitz and Stegun 1964, 26.7.3 and 26.7.4, which is exact.
    """
    angle = atan(abs(t) / sqrt(freedom))
    term = cos(angle) if freedom % 2 else 1.0
    total = term if freedom > 1 else 0.0
    for step in range(3 if freedom % 2 else 2, freedom, 2):
        term *= cos(angle) ** 2 * (step - 1) / step
        total += term
    inside = 2 / pi * (angle + sin(angle) * total) if freedom % 2 else sin(angle) * total
    return min(1.0, max(0.0, 1 - inside))


def normal_p(z: float) -> float:
    """The two-sided p of a standard normal z."""
    return erfc(abs(z) / sqrt(2))


def effective_n(share: float, variance: float, prompts: int) -> float:
    """How many independent answers would know the share as well as these prompts do, told in the normal's terms.

    p(1 − p) / variance, times (z/t)² with prompts − 1 degrees of freedom (Korn and Graubard 1998, there for Clopper and
    Pearson's interval). At least 1. ValueError under 2 prompts.
    """
    if prompts < 2:
        raise ValueError("one prompt tells nothing about others")
    return max(1.0, share * (1 - share) / variance * (Z / t_quantile(prompts - 1)) ** 2)


def cluster_wilson(counts: Sequence[tuple[int, int]]) -> Interval:
    """The market interval of a rate, from (k, n) of each prompt, n > 0: Wilson's with the effective number of answers.

    The variance is that of a ratio between prompts, Q/(Q−1)·Σ(k − n·p)²/N², so prompts may have different n. Where the
    prompts happen to agree better than chance, the effective number is N at most; at 0 % and at 100 % nothing can be
    said of how prompts differ, and it is the number of prompts. It does not know prompts that nobody thought of.
    ValueError under 2 prompts.
    """
    prompts, named, answers = len(counts), sum(k for k, _ in counts), sum(n for _, n in counts)
    share = named / answers
    if prompts < 2:
        raise ValueError("one prompt tells nothing about others")
    if named in (0, answers):
        return wilson(share * prompts, prompts)
    squares = sum((k - n * share) ** 2 for k, n in counts)
    # equal prompts leave nothing, or the last digits of a rounding
    least = share * (1 - share) / answers * (Z / t_quantile(prompts - 1)) ** 2
    variance = max(least, prompts / (prompts - 1) * squares / answers**2)
    n = effective_n(share, variance, prompts)
    return wilson(min(share * n, n), n)


def jackknife(totals: Sequence[tuple[float, float]], least: float = 0.0, most: float | None = 1.0) -> Interval | None:
    """The market interval of a ratio, from (numerator, denominator > 0) of each prompt, between ``least`` and ``most``.

    Leaving out one prompt at a time on the logit scale, with t and one degree of freedom less than prompts (Efron and
    Tibshirani 1993, chapter 11; the logit keeps it between its ends). Without a ``most`` the scale is the ratio's own.
    Where every prompt lies at the same end nothing varies: then it is Wilson's with the number of prompts, as if each
    had said yes or no. None where nothing varies and there is no end. ValueError under 2 prompts.
    """
    prompts = len(totals)
    if prompts < 2:
        raise ValueError("one prompt tells nothing about others")
    above, below = sum(numerator for numerator, _ in totals), sum(denominator for _, denominator in totals)
    value = above / below
    if most is None:
        half = t_quantile(prompts - 1) * _spread([(above - a) / (below - b) for a, b in totals])
        return (max(least, value - half), value + half) if half > 0 else None
    share = (value - least) / (most - least)
    if not 0 < share < 1:
        low, high = wilson(min(1.0, max(0.0, share)) * prompts, prompts)
    else:
        # a prompt may hold all there is: without it the ratio stands at an end, which has no logit
        edge = min(0.5 / (below + 1), share, 1 - share)
        left = [((above - a) / (below - b) - least) / (most - least) for a, b in totals]
        half = t_quantile(prompts - 1) * _spread([_logit(min(max(each, edge), 1 - edge)) for each in left])
        low, high = min(share, _curve(_logit(share) - half)), max(share, _curve(_logit(share) + half))
    return least + low * (most - least), least + high * (most - least)


#: where repeats tell little of how alike they are, they are taken to correlate by so much ...
PRIOR_CORRELATION = 0.1
#: ... as if so many strata had said so. Both chosen by simulation (bench/coverage.py): least often too narrow or wide
PRIOR_STRATA = 3


def panel_wilson(counts: Sequence[tuple[int, int]]) -> Interval:
    """The panel interval of a rate, from (k, n) of each stratum (one prompt on one engine), n > 0.

    Only repeats vary: v = Σ nₛ·E[pₛ(1 − pₛ)]/N², each stratum's rate having a beta distribution around the pooled one
    that is as wide as repeats are alike (an empirical Bayes estimate; Agresti and Hitchcock 2005 survey such). With the
    prior's a and b, E[p(1 − p) | k of n] = (k + a)(n − k + b)/((n + a + b)(n + a + b + 1)). Then Wilson's with
    p(1 − p)/v answers. Repeats that always agree leave it narrow, and never without width. It says nothing of other
    prompts.
    """
    strata, named, answers = len(counts), sum(k for k, _ in counts), sum(n for _, n in counts)
    # half a brand and half an answer keep 0 % and 100 % from being certain
    share = (named + 0.5) / (answers + 1)
    alike = (correlation(counts) * strata + PRIOR_CORRELATION * PRIOR_STRATA) / (strata + PRIOR_STRATA)
    size = 1 / alike - 1
    a, b = size * share, size * (1 - share)
    variance = sum(n * (k + a) * (n - k + b) / ((n + size) * (n + size + 1)) for k, n in counts) / answers**2
    n = share * (1 - share) / variance
    return wilson(named / answers * n, n)


def correlation(counts: Sequence[tuple[int, int]]) -> float:
    """How alike the answers of one stratum are, 0 to 1, by the analysis of variance (Ridout, Demétrio and Firth 1999).

    The prior's value where the counts cannot tell.
    """
    strata, named, answers = len(counts), sum(k for k, _ in counts), sum(n for _, n in counts)
    if strata < 2 or answers <= strata or named in (0, answers):
        return PRIOR_CORRELATION
    share = named / answers
    between = sum(n * (k / n - share) ** 2 for k, n in counts) / (strata - 1)
    within = sum(k * (n - k) / n for k, n in counts) / (answers - strata)
    size = (answers - sum(n * n for _, n in counts) / answers) / (strata - 1)
    spread = between + (size - 1) * within
    return min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else PRIOR_CORRELATION


def stratified(strata: Sequence[Sequence[tuple[float, float]]], least: float = 0.0, most: float = 1.0) -> Interval:
    """The panel interval of a ratio, from the (numerator, denominator) of each answer in each stratum.

    A stratum is one prompt on one engine. Only what varies inside strata counts: v = Σ nₛ·sₛ²/D², with sₛ² the variance
    of numerator − value·denominator in a stratum (Cochran 1977, chapters 5 and 6). To each stratum two half answers
    are added, one at ``least`` and one at ``most``, as Agresti and Coull 1998 do for one proportion, because three
    answers that agree do not mean that a fourth must. It says nothing of other prompts, and it takes repeats of one
    prompt for independent draws of one day. ValueError where all denominators are 0.
    """
    below = sum(denominator for pairs in strata for _, denominator in pairs)
    if below <= 0:
        raise ValueError("the denominators add up to 0")
    value = sum(numerator for pairs in strata for numerator, _ in pairs) / below
    variance = 0.0
    for pairs in strata:
        n = len(pairs)
        size = sum(denominator for _, denominator in pairs) / n
        ends = [(most - value) * size, (least - value) * size]
        weighted = [(numerator - value * denominator, 1.0) for numerator, denominator in pairs]
        weighted += [(end, 0.5) for end in ends]
        centre = sum(each * weight for each, weight in weighted) / (n + 1)
        variance += n * sum(weight * (each - centre) ** 2 for each, weight in weighted) / (n + 1)
    half = Z * sqrt(variance) / below
    return max(least, value - half), min(most, value + half)


def _spread(left_out: Sequence[float]) -> float:
    """The jackknife's standard error from the values with one prompt left out each."""
    prompts = len(left_out)
    centre = sum(left_out) / prompts
    return sqrt((prompts - 1) / prompts * sum((each - centre) ** 2 for each in left_out))


def _logit(share: float) -> float:
    return log(share / (1 - share))


def _curve(logit: float) -> float:
    return 1 / (1 + exp(-min(_STEEPEST, max(-_STEEPEST, logit))))
