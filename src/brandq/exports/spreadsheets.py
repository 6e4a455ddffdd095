"""What both forms for spreadsheet programs share: text that no program takes for a formula, and what a row says."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brandq.analysis.findings import RECOMMENDED, BrandFinding
from brandq.reports.facts import SampleFacts

#: a text that begins so is a formula to Excel, and the full-width ones are to its East Asian versions
_FORMULA = frozenset("=+-@＝＋－＠")
#: spaces, controls, and what has no width: programs trim some of them away before they look at the first character
_SKIPPED = ("Z", "C")


def harmless(text: str) -> str:
    """The text with an apostrophe before it, where a spreadsheet program would take it for a formula.

    Only texts pass through here: a number of ours that begins with a minus is written as a number.
    """
    for char in text:
        if char in _FORMULA:
            return "'" + text
        if not unicodedata.category(char).startswith(_SKIPPED):
            return text
    return text


@dataclass(frozen=True)
class Said:
    """What one usable answer says of one brand, as the report counts it: blank (None) is not 0.

    ``mentioned``: named, and known; the rest but ``count`` is of mentions alone. ``recommended`` is False in every
    usable answer that does not recommend the brand, as its rate counts it.
    """

    mentioned: bool
    count: int
    position: int | None = None
    rank: int | None = None
    sentiment: str | None = None
    caveat: bool | None = None
    strength: int | None = None
    recommended: bool | None = False


def said_of(brand: str, sample: SampleFacts, *, judged: bool) -> Said:
    """What a usable sample's answer says of this brand.

    ``judged``: a judge said how this report's brands are spoken of. What the rules said of that stays out then, or two
    instruments would be mixed.
    """
    found = next((each for each in sample.brands if each.brand == brand), BrandFinding(brand, 0))
    if not found.named:
        return Said(False, found.count, recommended=None if judged else False)
    if judged:
        return Said(True, found.count, found.position, found.rank, recommended=None)
    return Said(
        True,
        found.count,
        found.position,
        found.rank,
        found.sentiment,
        found.caveat,
        found.strength,
        (found.strength or 0) >= RECOMMENDED,
    )


def cited_domains(sample: SampleFacts) -> list[str]:
    """The domains that the answer gives as sources, in order of appearance; not those that were only retrieved."""
    return list(dict.fromkeys(each.domain for each in sample.citations if each.cited is not False))


def is_judged(document: Mapping[str, Any]) -> bool:
    return bool(document.get("judge"))


def read_by(document: Mapping[str, Any]) -> str:
    """The method version of the findings that this report was made of, which is its own but for a judge's part."""
    return str(document["method_version"]).partition("+judge.")[0]
