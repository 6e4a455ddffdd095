"""Findings: everything that analysis says about one answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BrandFinding:
    """What one answer says of one tracked brand.

    ``count`` mentions; ``first_at`` the first one's offset in characters of the answer's text; ``position`` the order
    of the first mention among the brands of this answer, from 1; ``rank`` the place in an explicit recommendation list,
    None where there is none, and ``rank_source`` what it was read off; ``sentiment`` and ``recommended`` None where
    they cannot be told. ``spans`` are the mentions as (start, end) in characters: the evidence.
    """

    brand: str
    count: int
    first_at: int | None = None
    position: int | None = None
    rank: int | None = None
    rank_source: str | None = None
    sentiment: str | None = None
    recommended: bool | None = None
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class CitationFinding:
    """One source of an answer, once per canonical URL, in order of appearance.

    ``domain`` is the registrable domain; ``owner`` the tracked brand whose domain it is; ``cited`` as in the answer.
    """

    url: str
    canonical_url: str
    domain: str
    title: str | None = None
    cited: bool | None = None
    owner: str | None = None
    source_class: str | None = None
    via: str = "text"


@dataclass(frozen=True)
class Findings:
    """One BrandFinding per brand of the plan, in the plan's order, and the answer's sources."""

    brands: tuple[BrandFinding, ...]
    citations: tuple[CitationFinding, ...] = ()
