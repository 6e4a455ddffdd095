"""The words of the product that stand alone: names of states, kinds and classes, and what each code means to a reader.

Documents and tables hold codes (``rate_limit``, ``ugc``); readers get ``Words.term`` and ``Words.explained`` of them.
Within the translation of a sentence ``{reason:term}`` holds a code.
"""

from __future__ import annotations

from collections.abc import Mapping

#: a code -> how it is named to a reader, in a few words
NAMES: Mapping[str, str] = {
    # states of executions and samples
    "queued": "queued",
    "running": "running",
    "reporting": "writing the report",
    "completed": "completed",
    "partial": "partly completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "waiting": "waiting",
    "asking": "asking",
    "answered": "answered",
    "analyzed": "read",
    # outcomes of samples
    "ok": "usable",
    "refused": "refused",
    "empty": "empty",
    "truncated": "cut off",
    "open": "open",
    # types of answers
    "recommendation": "recommendation",
    "comparison": "comparison",
    "info": "information",
    "refusal": "refusal",
    "unknown_brand": "does not know the brand",
    "error": "error message",
    # how an answer speaks of a brand
    "pos": "positive",
    "neu": "neutral",
    "mixed": "mixed",
    "neg": "negative",
    "unknown": "cannot be told",
    # whose page a source is
    "owned": "own site",
    "competitor": "competitor's site",
    "news": "news",
    "review": "reviews",
    "ugc": "social media and forums",
    "reference": "reference work",
    "ecommerce": "shop",
    "gov": "government",
    "other": "other",
    "cited": "cited",
    "only retrieved": "only retrieved",
    # how firm the numbers are, and what they speak of
    "exploratory": "exploratory",
    "directional": "directional",
    "decision-grade": "decision-grade",
    "market": "all prompts of this kind",
    "panel": "just these prompts",
    "cell": "one prompt on one engine",
    # changes
    "up": "up",
    "down": "down",
    # where a cost is from
    "reported": "reported by the provider",
    "table": "list price",
    "taken over": "taken over",
    "imported": "imported",
    "simulated": "simulated",
    # why there is no answer
    "rate_limit": "rate limit",
    "overloaded": "overloaded",
    "network": "network",
    "auth": "key not accepted",
    "no_money": "no balance",
    "daily_quota": "daily quota",
    "permission": "no permission",
    "model": "no such model",
    "context": "too long",
    "bad_request": "request not accepted",
    "lost": "lost",
    "deadline": "deadline",
    "budget": "cost limit",
    "unread": "not readable",
    "report": "no report",
}

#: a code of an error -> what happened, in a sentence
EXPLANATIONS: Mapping[str, str] = {
    "rate_limit": "The provider said that it was asked too often, also when it was asked again later.",
    "overloaded": "The provider had too much to do, or broke off, each time it was asked.",
    "network": "No connection, or no whole reply in time, each time it was asked.",
    "auth": "The provider does not accept the API key.",
    "no_money": "The account at the provider has no balance left.",
    "daily_quota": "The account's quota at the provider is used up for now.",
    "permission": "The API key may not do this at the provider.",
    "model": "The provider does not know this model, or does not offer it to this account.",
    "context": "The prompt is longer than the model takes.",
    "bad_request": "The provider did not accept the request, or something else answers at its address.",
    "lost": "The process that asked ended before an answer was stored, several times.",
    "deadline": "The execution's deadline passed before there was an answer.",
    "budget": "The cost limit was used up, or could not be kept.",
    "unread": "An answer is stored, but it could not be read.",
    "report": "The answers are stored, but their report could not be made.",
    "refused": "The assistant declined to answer.",
    "empty": "The assistant answered with nothing.",
    "truncated": "The answer was cut off before its end.",
    "error": "A program's error message stands in place of an answer.",
    "cancelled": "The execution was cancelled before there was an answer.",
}

#: words and small sentences that stand in the gaps of others
IN_GAPS: tuple[str, ...] = (
    "none", "never", "on", "off", "not known", "not reported", "engines", "prompt", "engine",
    "note", "bad", "yes", "no", "data", "title", "model", "search", "seen", "SIMULATED", "brand", "measure", "answers",
    "difference", "p", "verdict", "all", "field", "right", "of", "share", "for", "owner", "scopes", "since", "key",
    "address", "system", "http", "kind", "text", "sources", "tokens", "cost", "message", "wait", "recorded", "before",
    "after", "nobody", "error", "paused",
    "brands", "prompts", "aliases", "domains", "words", "strings", "a variable",
    "{n} prompt", "{n} prompts", "{n} engine", "{n} engines", "{n} repeat", "{n} repeats",
    "{n} sample", "{n} samples", "{n} name", "{n} names",
    "{n} ok", "{n} refused", "{n} empty", "{n} truncated", "{n} failed", "{n} cancelled", "{n} open",
    "{n} waiting", "{n} asking", "{n} answered",
    "{reason} × {n}", "the cost limit of {limit}",
    # what judging.Dropped names
    "reply is not JSON", "reply has no list of verdicts", "no verdict on it", "several verdicts on it",
    "a field is missing", "a label that is none", "quote is not in the answer",
    "quote is not from where the answer speaks of it", "quote is addressed to whoever grades",
    "quote holds nothing but names",
)  # fmt: skip

#: everything that is read of the above: each has its entry in a catalogue
TERMS: tuple[str, ...] = tuple(dict.fromkeys((*NAMES.values(), *EXPLANATIONS.values(), *IN_GAPS)))
