"""Counting: what numbers are made from, kept by prompt and engine, because answers to one prompt resemble one another.

Each record belongs to one prompt on one engine: a stratum. Records that share a ``prompt_no`` belong to one prompt,
whatever their engines. Only usable answers are counted; what else became of a sample is coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """``k`` of the ``n`` usable answers to one prompt on one engine. ValueError unless 0 <= k <= n."""

    prompt_no: int
    k: int
    n: int
    engine: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.n:
            raise ValueError(f"prompt {self.prompt_no}: {self.k} of {self.n} is no proportion")


@dataclass(frozen=True)
class Parts:
    """(numerator, denominator) of each usable answer to one prompt on one engine.

    For a share of voice (the brand's mentions, all tracked brands' mentions); for a mean of values (value, 1).
    ValueError for a negative denominator.
    """

    prompt_no: int
    pairs: tuple[tuple[float, float], ...]
    engine: str = ""

    def __post_init__(self) -> None:
        if any(denominator < 0 for _, denominator in self.pairs):
            raise ValueError(f"prompt {self.prompt_no}: a denominator is negative")


@dataclass(frozen=True)
class Places:
    """The brand's rank in each usable answer to one prompt on one engine, None where it has none. 1 is the first."""

    prompt_no: int
    ranks: tuple[int | None, ...]
    engine: str = ""

    def __post_init__(self) -> None:
        if any(rank is not None and rank < 1 for rank in self.ranks):
            raise ValueError(f"prompt {self.prompt_no}: a rank is below 1")


@dataclass(frozen=True)
class Named:
    """The brands that each repeat of one prompt on one engine names, over its usable answers."""

    prompt_no: int
    repeats: tuple[frozenset[str], ...]
    engine: str = ""


def tally(answers: Iterable[tuple[int, str, bool]]) -> tuple[Cluster, ...]:
    """Clusters from (prompt_no, engine, whether it counts) of each usable answer, ordered by prompt and engine."""
    counted: dict[tuple[int, str], list[int]] = {}
    for prompt_no, engine, counts in answers:
        k_n = counted.setdefault((prompt_no, engine), [0, 0])
        k_n[0] += counts
        k_n[1] += 1
    return tuple(Cluster(no, k, n, engine) for (no, engine), (k, n) in sorted(counted.items()))


def gather(answers: Iterable[tuple[int, str, float, float]]) -> tuple[Parts, ...]:
    """Parts from (prompt_no, engine, numerator, denominator) of each usable answer, ordered by prompt and engine."""
    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for prompt_no, engine, numerator, denominator in answers:
        found.setdefault((prompt_no, engine), []).append((numerator, denominator))
    return tuple(Parts(no, tuple(pairs), engine) for (no, engine), pairs in sorted(found.items()))


def by_stratum(clusters: Iterable[Cluster]) -> dict[tuple[int, str], Cluster]:
    """One cluster per prompt and engine that has usable answers; several of one stratum are added."""
    found: dict[tuple[int, str], Cluster] = {}
    for cluster in clusters:
        key = (cluster.prompt_no, cluster.engine)
        before = found.get(key, Cluster(cluster.prompt_no, 0, 0, cluster.engine))
        found[key] = Cluster(cluster.prompt_no, before.k + cluster.k, before.n + cluster.n, cluster.engine)
    return {key: found[key] for key in sorted(found) if found[key].n > 0}


def by_prompt(clusters: Iterable[Cluster]) -> dict[int, Cluster]:
    """One cluster per prompt that has usable answers: those of its engines added."""
    merged = by_stratum(Cluster(cluster.prompt_no, cluster.k, cluster.n) for cluster in clusters)
    return {prompt_no: cluster for (prompt_no, _), cluster in merged.items()}


def pairs_by_stratum(parts: Iterable[Parts]) -> dict[tuple[int, str], list[tuple[float, float]]]:
    """The pairs of each prompt and engine whose denominators do not add up to 0, in one order whatever theirs was."""
    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for part in parts:
        found.setdefault((part.prompt_no, part.engine), []).extend(part.pairs)
    return {key: sorted(found[key]) for key in sorted(found) if _denominator(found[key]) > 0}


def totals_by_prompt(parts: Iterable[Parts]) -> dict[int, tuple[float, float]]:
    """(numerator, denominator) of each prompt, its engines added, where the denominator is not 0."""
    merged = pairs_by_stratum(Parts(part.prompt_no, part.pairs) for part in parts)
    return {no: (sum(numerator for numerator, _ in pairs), _denominator(pairs)) for (no, _), pairs in merged.items()}


def _denominator(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(denominator for _, denominator in pairs)
