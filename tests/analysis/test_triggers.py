"""Patterns that are tried only where a word of theirs stands find what they would find anyway."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from brandq.analysis import answer_types, clauses, cues, graders, knowing, sections, strength
from brandq.analysis.triggers import Gate, alternatives, words_of
from brandq.grading import read_cases

FILES = sorted((Path(__file__).parent / "cases").glob("*.jsonl"))
TEXTS = [case["text"].lower() for path in FILES for case in read_cases(path.read_text(encoding="utf-8"))]
PATTERNS = {
    f"{module.__name__.rsplit('.', 1)[-1]} {name}": pattern
    for module in (answer_types, clauses, cues, graders, knowing, sections, strength)
    for name, pattern in vars(module).items()
    if isinstance(pattern, re.Pattern)
}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("abc", {"abc"}),
        ("abc|xyz", {"abc", "xyz"}),
        (r"\bab?cd\b", {"cd"}),
        ("ab+cd", {"ab", "cd"}),
        ("x(?:abc|defg)y?z", {"abc", "defg"}),
        ("(?!abc)xyz", {"xyz"}),
        ("推荐|首", {"推荐", "首"}),
        (r"\d{3}", None),
        ("abc|[xyz]", None),
        ("abc|x", None),
        (r"A\.B", {"a.b"}),
    ],
)
def test_the_words_of_a_pattern_stand_in_whatever_it_finds(pattern: str, words: set[str] | None) -> None:
    """Given a pattern, when its words are read off it, then one of them is in all that it can find; or there are none."""
    found = words_of(pattern)
    if words is None:
        assert found is None
    else:
        assert found is not None
        # of words that tell as much, either will do
        assert found <= words
        assert len(list(alternatives(pattern))) <= len(words) or found == words


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_nothing_is_lost_by_looking_for_words_first(pattern: re.Pattern[str]) -> None:
    """Given a pattern of the analysis, when it is found in a labelled answer, then its gate had let it through."""
    gate = Gate((pattern,))
    assert all(gate.possible(text) for text in TEXTS if pattern.search(text))


def test_lines_are_told_with_what_may_be_found_in_them() -> None:
    """Given a text of several lines, when they are gone through, then those with a word of a pattern come, each once."""
    gate = Gate((re.compile("abc"), re.compile("xyz")))
    text = "abc abc\n\nnothing\nxyz abc"
    assert [(text[start:end], bits) for start, end, bits in gate.lines(text)] == [("abc abc", 1), ("xyz abc", 3)]
