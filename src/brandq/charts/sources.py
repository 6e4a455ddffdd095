"""Figures about sources: which domains answers cite, and who speaks there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brandq.charts.brands import interval_note
from brandq.charts.chart import Chart
from brandq.charts.labels import clean
from brandq.charts.rows import Row, interval_rows, rate_scale
from brandq.charts.telling import ABSENT, counts, rate, sentences, spread, term
from brandq.words import Words

Document = Mapping[str, Any]

MOST_DOMAINS = 15
#: in the order of their colours
_CLASSES = ("owned", "competitor", "news", "review", "ugc", "reference", "ecommerce", "gov", "other")


def _classes(words: Words) -> dict[str, str]:
    """The classes by their names; the last is for a domain whose pages have none."""
    return {name: term(name, words) for name in _CLASSES} | {"": words.say("Without a class")}


def sources(document: Document, words: Words) -> Chart | None:
    """The domains that most usable answers cite, in the colour of their class."""
    rows = [row for row in document["citations"]["domains"] if row["answers"].get("k")]
    if not rows:
        return None
    shown = rows[:MOST_DOMAINS]
    kinds = _classes(words)
    told = [
        Row(
            row["domain"],
            row["answers"],
            f"{rate(row['answers'], words)} ({counts(row['answers'], words)}) {kinds[row['source_class'] or '']}",
            kind=row["source_class"] or "",
            more={
                words.say("Class"): kinds[row["source_class"] or ""],
                words.say("Owner"): row["owner"] or ABSENT,
                words.say("Pages given"): words.number(row["pages"]),
            },
        )
        for row in shown
    ]
    first = shown[0]
    domains = document["citations"]["counts"]["domains"]
    said = words.say(
        "Of {n} cited domains, {domain} is cited most: in {value} of the usable answers ({counts}, {interval}).",
        n=words.number(domains),
        domain=clean(first["domain"]),
        value=rate(first["answers"], words),
        counts=counts(first["answers"], words),
        interval=spread(first["answers"], words),
    )
    scale = rate_scale(words.say("Answers that cite the domain"), [row.number for row in told])
    titles = words.say("Domain"), words.say("Answers citing it")
    spec = interval_rows(told, scale, words, said=said, titles=titles, kinds=kinds, colours="classes", bars=True)
    note = interval_note([row.number for row in told], words, bars=True)
    if domains > len(shown):
        left_out = words.count(domains - len(shown), "{n} more domain is not shown.", "{n} more domains are not shown.")
        note = sentences(words, note, left_out)
    return Chart("sources", words.say("Cited domains"), said, note, spec)


def source_classes(document: Document, words: Words) -> Chart | None:
    """What part of all given pages each class of sources has."""
    found = document["citations"].get("by_class") or {}
    kinds = _classes(words)
    rows = [
        Row(kinds[name], share, f"{rate(share, words)} ({counts(share, words)})", kind=name)
        for name, numbers in found.items()
        if name in kinds and (share := numbers["share"])["value"] is not None
    ]
    # whose own pages are never given is told; what else is never given is not there
    rows = [row for row in rows if row.number["k"] or row.kind == "owned"]
    rows.sort(key=lambda row: -row.number["value"])
    if not rows or not rows[0].number["k"]:
        return None
    first = rows[0]
    said = words.say(
        "Most of the cited pages are of the class “{name}”: {value} ({counts}, {interval}).",
        name=first.name,
        value=rate(first.number, words),
        counts=counts(first.number, words),
        interval=spread(first.number, words),
    )
    scale = rate_scale(words.say("Part of the cited pages"), [row.number for row in rows])
    titles = words.say("Class"), words.say("Share of sources")
    spec = interval_rows(rows, scale, words, said=said, titles=titles, kinds=kinds, colours="classes", bars=True)
    note = interval_note([row.number for row in rows], words, bars=True)
    return Chart("source_classes", words.say("Classes of sources"), said, note, spec)
