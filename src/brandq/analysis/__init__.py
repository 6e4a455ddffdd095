"""Analysis: what one answer says of the tracked brands, read off its text alone. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Sequence

from brandq.analysis.brands import compiled
from brandq.analysis.citations import find_citations
from brandq.analysis.findings import BrandFinding, Findings
from brandq.analysis.mentions import find_mentions, first_mentions
from brandq.analysis.ranks import find_ranks
from brandq.analysis.reading import read
from brandq.plan import Brand
from brandq.providers.dialect import Answer

#: which rules the findings were made by; numbers of different versions are never compared
METHOD_VERSION = "2026.11-2"


def analyze(answer: Answer, brands: Sequence[Brand], prompt: str) -> Findings:
    """The findings of one answer: one per brand, in the order given, and its sources. Any text is survived.

    ``prompt`` is what was asked, so that its echo is not taken for a mention. Offsets count characters of the text.
    Sentiment and recommendation stay None: this method does not tell them.
    """
    names = compiled(tuple(brands))
    reading = read(answer.text, names.domains)
    mentions = find_mentions(reading, names, prompt)
    positions = first_mentions(mentions)
    ranks = find_ranks(reading, mentions)
    spans: dict[str, list[tuple[int, int]]] = {}
    for mention in mentions:
        spans.setdefault(mention.brand, []).append((mention.start, mention.end))
    findings = []
    for brand in brands:
        found = spans.get(brand.name, [])
        rank = ranks.get(brand.name)
        findings.append(
            BrandFinding(
                brand=brand.name,
                count=len(found),
                first_at=found[0][0] if found else None,
                position=positions.get(brand.name),
                rank=rank.value if rank else None,
                rank_source=rank.source if rank else None,
                spans=tuple(found),
            )
        )
    return Findings(tuple(findings), find_citations(answer.citations, reading.links, brands))


__all__ = ["METHOD_VERSION", "analyze"]
