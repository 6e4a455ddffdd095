"""Findings: everything that analysis says about one answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: (start, end) in characters of the answer's text
Span = tuple[int, int]

#: how an answer speaks of a brand
POSITIVE, NEUTRAL, MIXED, NEGATIVE = "pos", "neu", "mixed", "neg"
SENTIMENTS = (POSITIVE, NEUTRAL, MIXED, NEGATIVE)

#: how far an answer recommends a brand
TOP_PICK, RECOMMENDED, OPTION, NAMED, ADVISED_AGAINST = 3, 2, 1, 0, -1
STRENGTHS = (TOP_PICK, RECOMMENDED, OPTION, NAMED, ADVISED_AGAINST)


class AnswerType(StrEnum):
    """What an answer does, read off its text.

    REFUSAL: it declines to answer; UNKNOWN_BRAND: it knows nothing of what it was asked about, and says nothing else;
    ERROR: a program's error message in place of an answer. REFUSAL and ERROR are not usable.
    """

    RECOMMENDATION = "recommendation"
    COMPARISON = "comparison"
    INFO = "info"
    REFUSAL = "refusal"
    UNKNOWN_BRAND = "unknown_brand"
    ERROR = "error"


#: an answer of these types says nothing of any brand, whatever its provider called it
UNUSABLE = frozenset({AnswerType.REFUSAL, AnswerType.ERROR})


class SourceClass(StrEnum):
    """Who speaks on a page that is given as a source."""

    OWNED = "owned"
    COMPETITOR = "competitor"
    NEWS = "news"
    REVIEW = "review"
    UGC = "ugc"
    REFERENCE = "reference"
    ECOMMERCE = "ecommerce"
    GOVERNMENT = "gov"
    OTHER = "other"


@dataclass(frozen=True)
class Opinion:
    """How an answer speaks of one brand: ``sentiment`` of SENTIMENTS, None where it cannot be told.

    ``caveat``: whether something is held against the brand, None where it cannot be told. ``evidence``: the stretches
    of the text that say so, none of them where nothing was told.
    """

    sentiment: str | None = None
    caveat: bool | None = None
    evidence: tuple[Span, ...] = ()


@dataclass(frozen=True)
class BrandFinding:
    """What one answer says of one tracked brand.

    ``count`` mentions in the answer's own words, at ``spans``; ``first_at`` the first one's offset in characters of the
    answer's text; ``position`` the order of the first mention among the brands of this answer, from 1. ``elsewhere``:
    where it is named in words that are not the answer's own, the echo of the question or a list of sources.
    ``doubtful``: where a name stands that may be the brand and may be an ordinary word; not counted, to be looked at.
    ``known``: False where the answer says that it knows nothing of the brand.

    ``rank`` the place in an explicit recommendation list, None where there is none, and ``rank_source`` what it was
    read off. ``sentiment``, ``caveat`` and ``evidence`` as in ``Opinion``. ``strength`` of STRENGTHS: 3 top pick, 2
    recommended, 1 an option or recommended under a condition, 0 merely named, -1 advised against; None where the brand
    is not named.
    """

    brand: str
    count: int
    first_at: int | None = None
    position: int | None = None
    rank: int | None = None
    rank_source: str | None = None
    sentiment: str | None = None
    caveat: bool | None = None
    strength: int | None = None
    known: bool = True
    spans: tuple[Span, ...] = ()
    evidence: tuple[Span, ...] = ()
    elsewhere: tuple[Span, ...] = ()
    doubtful: tuple[Span, ...] = ()

    @property
    def named(self) -> bool:
        """Whether the answer names it and knows it: what a mention rate counts."""
        return self.count > 0 and self.known


@dataclass(frozen=True)
class CitationFinding:
    """One source of an answer, once per canonical URL, in order of appearance.

    ``domain`` is the registrable domain; ``owner`` the tracked brand whose domain it is; ``cited`` as in the answer;
    ``source_class`` one of SourceClass, as seen by the plan's subject.
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
class Candidate:
    """A name that nobody tracks and that an answer puts where it puts brands: an item's head, a table's first cell.

    ``name`` as it is written, at ``start`` to ``end``; ``key`` is what spellings of one name share, with its glosses
    after slashes; ``advised_against``: it stands in a list of what to avoid.
    """

    name: str
    key: str
    start: int
    end: int
    advised_against: bool = False


@dataclass(frozen=True)
class Findings:
    """One BrandFinding per brand of the plan, in the plan's order, the answer's sources, and names nobody tracks.

    ``injection_suspected``: the answer holds words that are addressed to whoever grades it.
    """

    brands: tuple[BrandFinding, ...]
    citations: tuple[CitationFinding, ...] = ()
    answer_type: AnswerType = AnswerType.INFO
    candidates: tuple[Candidate, ...] = ()
    injection_suspected: bool = False
