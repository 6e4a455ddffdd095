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
