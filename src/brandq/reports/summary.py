"""The report in a few rows, for a terminal: brand by engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    """``3/5 60% [23–88]``, or a dash where there is no number."""
    if number["value"] is None:
        return "–"
    return f"{number['k']}/{number['n']} {number['value']:.0%} [{number['low'] * 100:.0f}–{number['high'] * 100:.0f}]"


def place(number: Mapping[str, Any]) -> str:
    """``1.8 (n=5) [1.0–2.6]``, without brackets where there is no interval."""
    if number["value"] is None:
        return "–"
    written = f"{number['value']:.1f} (n={number['n']})"
    return written if number["low"] is None else f"{written} [{number['low']:.1f}–{number['high']:.1f}]"


def summary_rows(document: Mapping[str, Any]) -> list[SummaryRow]:
    """One row per brand and engine in the plan's order; with several engines, each brand's overall row comes first."""
    engines = {engine["engine"]: engine for engine in document["coverage"]["engines"]}
    rows = []
    for brand in document["brands"]:
        blocks: list[tuple[str | None, Any]] = [(None, brand["overall"])] if len(engines) > 1 else []
        blocks += [(block["engine"], block) for block in brand["engines"]]
        for name, block in blocks:
            where = engines[name] if name is not None else None
            coverage = where["usable"] if where else document["coverage"]["usable"]
            rows.append(
                SummaryRow(
                    brand=brand["name"],
                    subject=brand["subject"],
                    engine=name,
                    simulated=where["simulated"] if where else document["simulated"]["any"],
                    imported=where["imported"] if where else document["imported"]["any"],
                    coverage=f"{coverage['k']}/{coverage['n']}" if coverage["value"] is not None else "–",
                    mention_rate=percent(block["mention_rate"]),
                    share_of_voice=percent(block["share_of_voice"]),
                    average_rank=place(block["average_rank"]),
                )
            )
    return rows
