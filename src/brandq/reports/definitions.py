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
        "usable answers that mention the brand at least once in their own words, and know it",
        "usable answers",
        "proportion",
        "A mention is no recommendation: praise and warning count alike.",
        "An answer that says it knows nothing of the brand does not count.",
        "A prompt that names the brand makes the mentions that are counted here.",
    ),
    "unprompted_mention_rate": _definition(
        "Unprompted mention rate",
        "usable answers that mention the brand, to prompts that do not name it",
        "usable answers to prompts that do not name it",
        "proportion",
        "Only where some prompts of the plan name the brand.",
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
    "top_3_rate": _definition(
        "Top 3 rate",
        "usable answers that give the brand rank 1, 2 or 3",
        "usable answers",
        "proportion",
        "Answers without an explicit list count against every brand.",
    ),
    "mean_reciprocal_rank": _definition(
        "Mean reciprocal rank",
        "1/rank of the brand, 0 where it has no rank, added",
        "usable answers",
        "0 to 1, 1 is always first",
        "It does not tell rare first places from frequent fourth ones.",
    ),
    "recommended_rate": _definition(
        "Recommended in",
        "usable answers that recommend the brand (strength 2 or 3)",
        "usable answers",
        "proportion",
        "Read off lists and words of recommendation; a judge, where one was asked, may say otherwise.",
    ),
    "interception_rate": _definition(
        "Interception",
        "usable answers that recommend another tracked brand and not this one (strength 2 or 3)",
        "usable answers",
        "proportion",
        "Only tracked brands intercept: it grows with every competitor in the plan.",
        "By competitor: an answer that recommends two of them counts for both.",
    ),
    "recommendation_strength": _definition(
        "Recommendation strength",
        "3 for a top pick, 2 recommended, 1 an option or under a condition, 0 merely named, -1 advised against, added",
        "usable answers that mention the brand",
        "-1 to 3",
        "The steps are an order, not a distance: read the rates beside it.",
    ),
    "sentiment": _definition(
        "Sentiment",
        "usable answers that mention the brand and speak of it so: pos, neu, mixed, neg, or unknown: it cannot be told",
        "usable answers that mention the brand",
        "proportion; the five sum to 1",
        "Assistants hardly ever speak badly of what they recommend.",
        "Told by words and their place, which abstains rather than guesses.",
    ),
    "net_sentiment": _definition(
        "Net sentiment",
        "answers that speak well of the brand, less those that speak badly of it",
        "usable answers whose sentiment was told",
        "-1 to 1",
        "It is near 1 for most brands; the caveat rate tells more.",
    ),
    "caveat_rate": _definition(
        "Caveat rate",
        "usable answers that hold something against the brand",
        "usable answers that mention the brand and say anything of it that can be weighed",
        "proportion",
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
    "refusal_rate": _definition(
        "Refused",
        "samples whose answer declines, by its provider's word or by its own",
        "samples planned",
        "proportion",
    ),
    "failure_rate": _definition(
        "Failed",
        "samples without an answer, or with an error's text in place of one",
        "samples planned",
        "proportion",
    ),
    "stability": _definition(
        "Stability",
        "likeness of the brands that two repeats of one prompt on one engine name (brands in both / brands in either)",
        "pairs of repeats, prompts weighing alike",
        "0 to 1, 1 is always the same brands",
        "Tracked brands only; fewer tracked brands look more alike.",
    ),
    "agreement": _definition(
        "Agreement",
        "likeness of the brands that two engines name for one prompt (brands in both / brands in either)",
        "pairs of answers of two engines, prompts weighing alike",
        "0 to 1",
        "Engines cannot agree with each other more than each does with itself: read it beside stability.",
    ),
    "candidate_rate": _definition(
        "Named in",
        "usable answers that put the name where they put brands: the head of an item, a table's first cell",
        "usable answers",
        "proportion",
        "A candidate is a name to be looked at. Nobody checked that it is a brand, or that it exists.",
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
    "text_only_share": _definition(
        "Only in the text",
        "pages given as sources that stand only in the answer's text",
        "pages given as sources, one per page and answer",
        "proportion",
        "The provider did not report them: nobody saw the engine read them.",
    ),
    "class_share": _definition(
        "Share of sources",
        "pages of the class that are given as sources",
        "pages with a class that are given as sources, one per page and answer",
        "proportion; the classes sum to 1",
        "Read off the address; other is no judgement.",
    ),
    "class_rate": _definition(
        "Answers with one",
        "usable answers that give at least one page of the class as a source",
        "usable answers",
        "proportion",
        "Engines report sources in different ways.",
    ),
    "owned_citation_share": _definition(
        "Own share of sources",
        "pages on the brand's domains that are given as sources",
        "pages given as sources, one per page and answer",
        "proportion",
        "Answers with many sources weigh more.",
    ),
    "cited_not_named_rate": _definition(
        "Cited, not named",
        "usable answers that give a page of the brand's own as a source and do not name it",
        "usable answers",
        "proportion",
        "The brand's page helped, and its reader was not told.",
    ),
}

NOTES: list[str] = [
    "Intervals are 95 %. A number over several prompts speaks of the market: the prompts are taken for a sample of "
    "what people ask, and how they differ from one another makes the interval (Wilson's with the effective number of "
    "answers for rates, a jackknife over prompts for shares and means). More repeats cannot make up for few prompts; "
    "with fewer than five it is not to be read as the market.",
    "A number of one prompt over its engines speaks of that prompt alone (panel); one "
    "prompt on one engine is a cell, with Wilson's interval. The three are never compared with one another.",
    "Only answers of kind ok are usable. Refused, empty and truncated answers and failed or cancelled samples enter no "
    "denominator; coverage counts them.",
    "Brands are found by name and alias in the words of the answer; URLs, code and the echo of the question do not "
    "count.",
    "Sentiment, caveats and recommendation strength are read off words and their place. What cannot be told is "
    "unknown, never neutral.",
    "An answer that declines in its words is refused, one that is an error's text failed, whatever its provider said.",
    "Names that nobody tracks are candidates: shown when at least two repeats and two prompts name them.",
    "Numbers made by different methods (method_version) are never compared.",
]
