"""Streaming: a report is made while its samples go by, once, and what it keeps does not grow with them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakSet

from brandq.analysis.findings import BrandFinding
from brandq.reports import build, digest, outcome, publication
from brandq.reports.facts import Facts, SampleFacts
from brandq.reports.tallies import Tallies
from tests.reports.test_reports import NOW, TEXTS, facts


def test_samples_are_gone_through_once() -> None:
    """Given samples that can be gone through once only, when they are published, then the report is that of the list."""
    given = facts((*TEXTS, None))
    made = publication(replace(given, samples=iter(given.samples)), built_at=NOW)
    assert made == publication(given, built_at=NOW)
    assert made.document == build(given, built_at=NOW)
    assert (made.digest, made.status) == (digest(made.document), outcome(given))


def test_an_execution_that_failed_is_gone_through_once_too() -> None:
    """Given samples that all failed, when they pass by once, then the reasons are told all the same."""
    given = facts((None,))
    made = publication(replace(given, samples=iter(given.samples)), built_at=NOW)
    assert (made.status, made.error_code) == ("failed", "rate_limit")
    assert made.error_message == "no usable answer: rate_limit × 8; for example: 429 slow down"


class Watched(BrandFinding):
    """A finding of which it can be told whether it is still there: each is itself, whatever it says."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def passing(given: Facts, times: int, alive: WeakSet[Watched], most: list[int]) -> Iterator[SampleFacts]:
    """The samples again and again, as so many more repeats; each has findings of its own, which nobody else holds."""
    for number in range(times):
        for sample in given.samples:
            brands = []
            for finding in sample.brands:
                brands.append(Watched(**vars(finding)))
                alive.add(brands[-1])
            most[0] = max(most[0], len(alive))
            yield replace(sample, repeat_no=sample.repeat_no + 1000 * number, brands=brands)
            del brands


def test_no_sample_is_kept() -> None:
    """Given 1,600 samples with three findings each that go by, when they are counted, then those of two samples at most
    are in memory together."""
    given, alive, most = facts(), WeakSet[Watched](), [0]
    tallies = Tallies(given.plan, passing(given, 200, alive, most))
    assert tallies.outcomes == {"ok": 1600}
    assert 3 <= most[0] <= 6
    assert not alive


def test_memory_does_not_grow_with_the_answers() -> None:
    """Given 800 and 8,000 samples of one plan that go by, when a report is made of each, then both take the memory that
    the plan takes, and less than 128 bytes more for each answer more."""

    def peak(times: int) -> int:
        given = facts()
        samples = passing(given, times, WeakSet[Watched](), [0])
        tracemalloc.start()
        try:
            publication(replace(given, samples=samples), built_at=NOW)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    few, many = peak(100), peak(1000)
    assert many - few < 128 * 7200
