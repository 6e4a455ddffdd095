"""The report in a few rows and sentences: how numbers are written out, wherever a report is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brandq.reports.disclosure import counted


@dataclass(frozen=True)
class SummaryRow:
    """One brand on one engine, or over all of them (``engine`` is None). The numbers are written out, with their n."""

    brand: str
    subject: bool
    engine: str | None
    simulated: bool
    imported: bool
    coverage: str
    mention_rate: str
    share_of_voice: str
    average_rank: str


def percent(number: Mapping[str, Any]) -> str:
    """``3/5 60% [23–88]``, without brackets where there is no interval, or a dash where there is no number."""
    if number["value"] is None:
        return "–"
    written = f"{number['k']}/{number['n']} {number['value']:.0%}"
    return written if number["low"] is None else f"{written} [{number['low'] * 100:.0f}–{number['high'] * 100:.0f}]"


def place(number: Mapping[str, Any]) -> str:
    """``1.8 (n=5) [1.0–2.6]``, without brackets where there is no interval."""
    if number["value"] is None:
        return "–"
    written = f"{number['value']:.1f} (n={number['n']})"
    return written if number["low"] is None else f"{written} [{number['low']:.1f}–{number['high']:.1f}]"


def sentiments(split: Mapping[str, Mapping[str, Any]]) -> str:
    """``pos 5 · neu 1 · unknown 2``: those that occur, counted; a dash where the brand is not named."""
    told = [f"{label} {number['k']}" for label, number in split.items() if number["value"]]
    return " · ".join(told) or "–"


def to_seconds(moment: str | None) -> str:
    """``2026-11-23T12:00:00Z``, whatever parts of a second the document has, or a dash."""
    return re.sub(r"\.\d+", "", moment) if moment else "–"


def threshold_words(found: Mapping[str, Any]) -> list[str]:
    """What a name had to show to stand in the list, and how many did not."""
    threshold = found["threshold"]
    words = [
        f"shown: names in answers to at least {counted(threshold['prompts'], 'prompt')} and in at least "
        f"{counted(threshold['repeats'], 'repeat')}; {counted(found['left_out'], 'name')} left out"
    ]
    return [*words, threshold["why"]] if threshold["why"] else words


def disclosure_words(document: Mapping[str, Any]) -> list[str]:
    """What was asked of whom, when, and how firm it is, in sentences."""
    told = document["disclosure"]
    engines = "; ".join(_engine_words(one) for one in told["engines"])
    first, last = (to_seconds(told["asked"][f"{which}_answer_at"]) for which in ("first", "last"))
    naming = told["prompts_naming_a_tracked_brand"]
    return [
        f"{told['grade']}: {told['grade_because']}",
        f"{counted(told['prompts'], 'prompt')} × {counted(len(told['engines']), 'engine')} × "
        f"{counted(told['repeats'], 'repeat')}: {counted(told['samples'], 'sample')}, {told['usable']} usable",
        f"{len(naming)} of the prompts name a tracked brand" + (f": {', '.join(map(str, naming))}" if naming else ""),
        f"engines: {engines}",
        f"answered from {first} to {last}; {told['cadence']}",
        f"read by method {document['method_version']}",
    ]


def _engine_words(engine: Mapping[str, Any]) -> str:
    search = "not known" if engine["search"] is None else "on" if engine["search"] else "off"
    if engine["locale"]:
        return f"{engine['engine']} ({engine['model']}, search {search}, {engine['locale']})"
    return f"{engine['engine']} ({engine['model']}, search {search})"


def summary_rows(document: Mapping[str, Any]) -> list[SummaryRow]:
    """One row per brand and engine in the plan's order; with several engines, each brand's overall row comes first."""
    several = len(document["coverage"]["engines"]) > 1
    rows = []
    for brand in document["brands"]:
        blocks: list[tuple[str | None, Any]] = [(None, brand["overall"])] if several else []
        blocks += [(block["engine"], block) for block in brand["engines"]]
        for name, block in blocks:
            rows.append(
                SummaryRow(
                    brand=brand["name"],
                    subject=brand["subject"],
                    engine=name,
                    simulated=block["simulated"],
                    imported=block["imported"],
                    coverage=f"{block['coverage'].get('k', 0)}/{block['coverage']['n']}",
                    mention_rate=percent(block["mention_rate"]),
                    share_of_voice=percent(block["share_of_voice"]),
                    average_rank=place(block["average_rank"]),
                )
            )
    return rows
