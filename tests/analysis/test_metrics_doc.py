"""The worked examples of docs/metrics.md are true."""

from __future__ import annotations

import doctest
from pathlib import Path

from brandq.reports.definitions import DEFINITIONS

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_every_example_holds() -> None:
    """The examples run as they stand."""
    outcome = doctest.testfile(str(DOCUMENT), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 10
    assert outcome.failed == 0


def test_every_definition_is_explained() -> None:
    """Each id that a number can carry has its section."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in DEFINITIONS if f"`{name}`" not in text] == []
