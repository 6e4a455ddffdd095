"""Analysis: what one answer says of the tracked brands, read off its text alone. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from brandq.analysis.answer_types import type_of
from brandq.analysis.brands import compiled
from brandq.analysis.candidates import find_candidates
from brandq.analysis.citations import IN_TEXT, find_citations
from brandq.analysis.findings import BrandFinding, Findings, Opinion
from brandq.analysis.graders import injection_suspected, to_graders
from brandq.analysis.knowing import unknown_brands
from brandq.analysis.mentions import by_brand, find_mentions, first_mentions
from brandq.analysis.outline import outline
from brandq.analysis.ranks import find_ranks
from brandq.analysis.reading import read
from brandq.analysis.sentences import Sentences
from brandq.analysis.sentiment import find_opinions
from brandq.analysis.strength import find_strengths, verdicts
from brandq.plan import Brand
from brandq.providers.dialect import Answer

_UNTOLD = Opinion()
#: where an answer repeats its question, in characters
_BEGINNING = 200


# an answer names few of the brands of a plan, and all others have the same finding
@lru_cache(maxsize=1 << 12)
def _not_named(brand: str) -> BrandFinding:
    return BrandFinding(brand, count=0)


def analyze(answer: Answer, brands: Sequence[Brand], prompt: str) -> Findings:
    """The findings of one answer: one per brand, in the order given, its sources, and names that nobody tracks.

    ``prompt`` is what was asked, so that its echo is not taken for a mention. Offsets count characters of the text. Any
    text is survived, in time in proportion to it.
    """
    names = compiled(tuple(brands))
    reading = read(answer.text, names.domains)
    structure = outline(reading.view)
    mentions = find_mentions(reading, structure, names, prompt)
    own = mentions.own
    positions = first_mentions(own)
    ranks = find_ranks(reading, structure, own)
    asked = {mention.brand for mention in mentions.elsewhere if mention.start < _BEGINNING}
    addressed = to_graders(reading)
    said = Sentences(reading, structure, own, addressed, asked)
    unknown = unknown_brands(said)
    found = verdicts(said, ranks)
    opinions = find_opinions(said, unknown, found)
    strengths = find_strengths(found, said, ranks, opinions, unknown)
    spans_of, elsewhere, doubtful = map(by_brand, (own, mentions.elsewhere, mentions.doubtful))
    spoken_of = {*spans_of, *elsewhere, *doubtful, *ranks, *opinions, *strengths, *unknown}
    findings = []
    for brand in brands:
        if brand.name not in spoken_of:
            findings.append(_not_named(brand.name))
            continue
        spans = spans_of.get(brand.name, ())
        rank = ranks.get(brand.name)
        opinion = opinions.get(brand.name, _UNTOLD)
        findings.append(
            BrandFinding(
                brand=brand.name,
                count=len(spans),
                first_at=spans[0][0] if spans else None,
                position=positions.get(brand.name),
                rank=rank.value if rank else None,
                rank_source=rank.source if rank else None,
                sentiment=opinion.sentiment,
                caveat=opinion.caveat,
                strength=strengths.get(brand.name),
                known=brand.name not in unknown,
                spans=spans,
                evidence=opinion.evidence,
                elsewhere=elsewhere.get(brand.name, ()),
                doubtful=doubtful.get(brand.name, ()),
            )
        )
    # what a provider's dialect read off the text is read again here, without what no reader sees
    reported = [citation for citation in answer.citations if citation.via != IN_TEXT]
    return Findings(
        brands=tuple(findings),
        citations=find_citations(reported, reading.links, brands),
        answer_type=type_of(answer.text, said, ranks, unknown, found),
        candidates=find_candidates(reading, structure, (*own, *mentions.elsewhere, *mentions.doubtful)),
        injection_suspected=injection_suspected(reading, addressed),
    )


def named_in(text: str, brands: Sequence[Brand]) -> tuple[str, ...]:
    """The brands that a text names, such as a prompt, in the order given."""
    names = compiled(tuple(brands))
    reading = read(text, names.domains)
    named = {mention.brand for mention in find_mentions(reading, outline(reading.view), names, "").own}
    return tuple(brand.name for brand in brands if brand.name in named)


__all__ = ["analyze", "named_in"]
