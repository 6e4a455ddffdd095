"""The figure of coverage: what became of the samples of each engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brandq.charts.chart import Chart
from brandq.charts.stacks import Stack, stacked
from brandq.charts.telling import counts, rate, sentences, term
from brandq.words import Words

Document = Mapping[str, Any]

#: in the order of their colours
_OUTCOMES = ("ok", "refused", "empty", "truncated", "failed", "cancelled", "open")


def coverage(document: Document, words: Words) -> Chart | None:
    """The outcomes of the samples, by engine, in the plan's order."""
    engines = [engine for engine in document["coverage"]["engines"] if engine["planned"]]
    if not engines:
        return None
    kinds = {outcome: term(outcome, words) for outcome in _OUTCOMES}
    stacks = [
        Stack(
            engine["engine"],
            engine["outcomes"],
            f"{rate(engine['usable'], words)} ({counts(engine['usable'], words)})",
        )
        for engine in engines
    ]
    whole = document["coverage"]["usable"]
    said = words.say(
        "{k} of {n} samples came to a usable answer ({value}).",
        k=words.number(whole["k"]),
        n=words.number(whole["n"]),
        value=rate(whole, words),
    )
    others = [
        f"{words.term(outcome)} {words.number(count)}"
        for outcome, count in document["coverage"]["outcomes"].items()
        if count and outcome != "ok" and outcome in kinds
    ]
    if others:
        said = sentences(words, said, words.say("The others: {outcomes}.", outcomes=words.list(others)))
    titles = words.say("Engine"), words.say("Outcome")
    spec = stacked(stacks, kinds, "outcomes", words, said=said, titles=titles)
    note = words.say(
        "Only usable answers enter the other numbers. In the bars stand samples, at the right the usable ones."
    )
    return Chart("coverage", words.say("What became of the samples"), said, note, spec)
