"""What each number of a report counts, in what unit, and what it does not say. docs/metrics.md works them out."""

from __future__ import annotations

from typing import Any


def _definition(name: str, numerator: str, denominator: str, unit: str, *caveats: str) -> dict[str, Any]:
    return {"name": name, "numerator": numerator, "denominator": denominator, "unit": unit, "caveats": list(caveats)}


DEFINITIONS: dict[str, dict[str, Any]] = {
    "coverage": _definition(
        "Coverage",
        "samples whose answer is usable: kind ok, and analyzed",
        "samples planned: prompts × engines × repeats",
        "proportion",
        "What is missing is not missing at random: a refusal or an outage may concern certain prompts.",
    ),
    "mention_rate": _definition(
        "Mention rate",
        "usable answers that mention the brand at least once in their own words",
        "usable answers",
        "proportion",
        "A mention is no recommendation: praise and warning count alike.",
        "An answer that says it does not know the brand names it, and counts.",
    ),
    "share_of_voice": _definition(
        "Share of voice",
        "usable answers that mention the brand: one mention for each, however often the answer repeats the name",
        "the same, added over all tracked brands; the shares of the tracked brands sum to 1",
        "proportion",
        "It compares tracked brands only: adding a competitor to the plan lowers it, whatever the answers say.",
        "A prompt in whose answers no tracked brand is named has no share and is left out.",
    ),
    "average_rank": _definition(
        "Average rank",
        "the brand's places in explicit recommendation lists, added; 1 is the first",
        "usable answers that give it a place",
        "place",
        "Answers without such a list, and lists without the brand, are left out: read it beside its n.",
        "Lists that follow one another are counted on; a list under bullets or in rows is taken in its order.",
    ),
    "first_place_rate": _definition(
        "First place rate",
        "usable answers that give the brand rank 1",
        "usable answers",
        "proportion",
        "Answers without an explicit list count against every brand.",
    ),
    "average_position": _definition(
        "Average position",
        "the order of the brand's first mention among the tracked brands of an answer, added; 1 is the first",
        "usable answers that mention the brand",
        "place",
        "The order of naming is no recommendation, and depends on which brands are tracked.",
    ),
    "owned_citation_rate": _definition(
        "Own domain cited",
        "usable answers that give a page on one of the brand's domains as a source",
        "usable answers",
        "proportion",
        "Engines report sources in different ways; one that reports none counts against every brand.",
    ),
    "sourced_rate": _definition(
        "Answers with sources",
        "usable answers that give at least one source, as a citation or as a link in the text",
        "usable answers",
        "proportion",
    ),
    "citation_rate": _definition(
        "Cited in",
        "usable answers that give a page of the domain as a source, or where it cannot be told whether they do",
        "usable answers",
        "proportion",
        "Once per answer, however many of its pages are given.",
    ),
    "retrieval_rate": _definition(
        "Only retrieved in",
        "usable answers whose engine retrieved a page of the domain and did not cite it",
        "usable answers",
        "proportion",
        "Few engines report what they retrieved.",
    ),
}

NOTES: list[str] = [
    "Intervals are 95 %. A number over several prompts speaks of the market: the prompts are taken for a sample of "
    "what people ask, and how they differ from one another makes the interval (Wilson's with the effective number of "
    "answers for rates, a jackknife over prompts for shares and means). More repeats cannot make up for few prompts; "
    "with fewer than five it is not to be read as the market.",
    "A number of one prompt over its engines speaks of that prompt alone (panel); one "
    "prompt on one engine is a cell, with Wilson's interval. The three are never compared with one another.",
    "How many answers give a domain as a source is counted over all prompts as if answers were independent: the "
    "intervals of the sources are too narrow.",
    "Only answers of kind ok are usable. Refused, empty and truncated answers and failed or cancelled samples enter no "
    "denominator; coverage counts them.",
    "Brands are found by name and alias in the words of the answer; URLs, code and the echo of the question do not "
    "count.",
    "Sentiment is not measured by this method.",
]
