"""What a scrape says, read by Prometheus' own reader."""

from __future__ import annotations

import math
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

#: a series: its name, and its labels as `name="value"` in order
Series = str


def series(text: str | bytes) -> dict[Series, float]:
    """Every series of a scrape but the buckets of histograms: `name{label="value"}` and its value."""
    text = text.decode() if isinstance(text, bytes) else text
    found: dict[Series, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "le" not in sample.labels:
                found[named(sample.name, sample.labels)] = sample.value
    return found


def named(name: str, labels: Mapping[str, str]) -> Series:
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


def changes(before: Mapping[Series, float], after: Mapping[Series, float]) -> dict[Series, float]:
    """What grew or shrank between two scrapes, and by how much."""
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return {name: value for name, value in grown.items() if not math.isclose(value, 0.0)}
