"""Mentions for tests of what is made of them, found without the rules that find mentions."""

from __future__ import annotations

import re

from brandq.analysis.mentions import Mention
from brandq.analysis.reading import Reading


def named(reading: Reading, brands: tuple[str, ...]) -> list[Mention]:
    """Every place where a name stands in what is seen."""
    found = [
        Mention(brand, match.start(), match.end())
        for brand in brands
        for match in re.finditer(re.escape(brand), reading.view)
    ]
    return sorted(found, key=lambda mention: mention.start)
