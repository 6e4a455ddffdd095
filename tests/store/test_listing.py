"""Listings in the store: what belongs to a filter, its pages, and who stands beside whom, on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from brandq import store
from brandq.analysis.findings import AnswerType, BrandFinding, Candidate, CitationFinding, Findings
from brandq.store import Database, SampleFilter
from tests.store.samples_at_hand import METHOD, answered, claim, ids, plan, settle

SUBJECT, OTHER = "趣车良品", "L'Oréal"
OWN = CitationFinding("https://example.com/a", "https://example.com/a", "example.com", cited=True, owner=SUBJECT)
NEWS = CitationFinding("https://n.com/a", "https://n.com/a", "n.com", cited=None, source_class="news")
ONLY_READ = CitationFinding("https://n.com/b", "https://n.com/b", "n.com", cited=False, source_class="news")


def said(brand: str = SUBJECT, **fields: Any) -> BrandFinding:
    """A brand that is named, unless it is said otherwise."""
    return BrandFinding(**{"brand": brand, "count": 1, "first_at": 0, "position": 1, "spans": ((0, 4),), **fields})


def silent(brand: str = OTHER) -> BrandFinding:
    return BrandFinding(brand, 0)


@dataclass(frozen=True)
class Listed:
    """An execution whose answers say what a test gave; lists come as numbers from 0."""

    database: Database
    execution_id: str
    sample_ids: list[int]

    def __call__(self, limit: int = 100, **fields: Any) -> list[int]:
        with self.database.read() as db:
            rows = store.list_samples(db, self.execution_id, SampleFilter(**fields), limit)
        return [self.sample_ids.index(row.sample_id) for row in rows]

    def count(self, **fields: Any) -> int:
        with self.database.read() as db:
            return store.count_samples(db, self.execution_id, SampleFilter(**fields))

    def beside(self, number: int, **fields: Any) -> tuple[int | None, int, int | None, int | None]:
        with self.database.read() as db:
            found = store.neighbours(db, self.execution_id, SampleFilter(**fields), self.sample_ids[number])
        ids = (None if each is None else self.sample_ids.index(each) for each in (found.previous, found.following))
        return (found.number, found.answers, *ids)


def read(database: Database, *found: Findings) -> Listed:
    """An execution of eight samples, of which the first say this and the rest waits."""
    execution_id = plan(database)
    every = ids(database, execution_id)
    settle(database, claim(database, every[: len(found)]), answered())
    with database.begin() as db:
        store.record_findings(db, dict(zip(every, found, strict=False)), method_version=METHOD)
    return Listed(database, execution_id, every)


@pytest.mark.parametrize(
    ("finding", "has", "has_not"),
    [
        ("named", said(), silent(SUBJECT)),
        ("not_named", said(known=False), said()),
        ("first", said(rank=1), said(rank=2)),
        ("top_3", said(rank=3), said(rank=4)),
        ("ranked", said(rank=9), said()),
        ("unranked", said(), said(rank=9)),
        ("recommended", said(strength=2), said(strength=1)),
        ("pos", said(sentiment="pos"), said(sentiment="neu")),
        ("unknown", said(), said(sentiment="neu")),
        ("caveat", said(caveat=True), said(caveat=False)),
        ("doubtful", BrandFinding(SUBJECT, 0, doubtful=((1, 2),)), said()),
        ("unknown_brand", said(known=False), said()),
    ],
)
def test_a_finding_is_what_the_report_counts(
    database: Database, finding: str, has: BrandFinding, has_not: BrandFinding
) -> None:
    """Given an answer that has a finding, one that has not, and one that has it and is a refusal in its words, then the
    first alone is listed."""
    listed = read(
        database,
        Findings((has_not, silent())),
        Findings((has, silent())),
        Findings((has, silent()), answer_type=AnswerType.REFUSAL),
    )
    assert listed(brand=SUBJECT, findings=(finding,)) == [1]
    assert listed.count(brand=SUBJECT, findings=(finding,)) == 1
    assert listed(brand=SUBJECT, findings=(finding,), outcome="refused") == []


def test_a_brand_alone_asks_for_those_that_name_it(database: Database) -> None:
    """What every report before links to, goes on meaning the same."""
    listed = read(database, Findings((silent(SUBJECT), said(OTHER))), Findings((said(), silent())))
    assert (listed(brand=SUBJECT), listed(brand=OTHER), listed(brand="nobody")) == ([1], [0], [])


def test_who_is_recommended_instead(database: Database) -> None:
    """Another brand is, and this one is not, however it is named; with a rival only that one counts."""
    instead = read(
        database,
        Findings((said(strength=1), said(OTHER, strength=2))),
        Findings((said(strength=2), said(OTHER, strength=3))),
        Findings((silent(SUBJECT), said(OTHER, strength=3, known=False))),
        Findings((said(strength=3), silent())),
    )
    assert instead(brand=SUBJECT, findings=("instead",)) == [0]
    assert instead(brand=SUBJECT, rival=OTHER) == [0]
    assert instead(brand=OTHER, findings=("instead",), rival=SUBJECT) == [3]
    assert instead(brand=SUBJECT, findings=("instead", "named")) == [0]


def test_ranks_are_asked_for_by_their_ends(database: Database) -> None:
    """From the least to the greatest; from the least on where there is no greatest."""
    listed = read(database, *(Findings((said(rank=rank), silent())) for rank in (1, 4, 5, 11)))
    assert listed(brand=SUBJECT, rank=(1, 1)) == [0]
    assert listed(brand=SUBJECT, rank=(4, 5)) == [1, 2]
    assert listed(brand=SUBJECT, rank=(5, None)) == [2, 3]


def test_sources_are_one_and_the_same_source(database: Database) -> None:
    """What is asked of a source must be true of one of them; what was only retrieved is not given."""
    listed = read(
        database,
        Findings((said(), silent()), citations=(OWN, NEWS)),
        Findings((silent(SUBJECT), silent()), citations=(OWN, ONLY_READ)),
        Findings((said(), silent())),
    )
    assert listed(domain="n.com") == [0]
    assert listed(domain="n.com", retrieved=True) == [1]
    assert listed(domain="n.com", source_class="news") == [0]
    assert listed(domain="example.com", source_class="news") == []
    assert listed(brand=SUBJECT, findings=("cited",)) == [0, 1]
    assert listed(brand=SUBJECT, findings=("cited", "not_named")) == [1]
    assert listed(brand=SUBJECT, findings=("not_cited",)) == [2]
    assert listed(brand=SUBJECT, findings=("cited",), domain="n.com") == []
    assert listed(domain="example.com", unowned=True) == []
    assert listed(domain="n.com", unowned=True) == [0]
    assert listed(findings=("sourced",)) == [0, 1]


def test_outcomes_are_kept_apart(database: Database) -> None:
    """Usable, declined in its words, an error's text, and what has not ended."""
    listed = read(
        database,
        Findings((said(), silent())),
        Findings((said(), silent()), answer_type=AnswerType.REFUSAL),
        Findings((said(), silent()), answer_type=AnswerType.ERROR),
    )
    assert listed(outcome="usable") == [0]
    assert listed(outcome="refused") == [1]
    assert listed(outcome="failed") == [2]
    assert listed(outcome="open") == [3, 4, 5, 6, 7]
    assert listed(outcome="cancelled") == listed(outcome="empty") == []
    assert listed(answer_type="refusal") == [1]
    assert sorted(number for each in store.OUTCOMES for number in listed(outcome=each)) == list(range(8))


def test_pages_follow_each_other_both_ways(database: Database) -> None:
    """After one sample, and before one, in the same order; the count is of all pages."""
    listed = read(database, Findings((said(), silent())))
    assert listed(3) == [0, 1, 2]
    assert listed(3, after=listed.sample_ids[2]) == [3, 4, 5]
    assert listed(3, before=listed.sample_ids[3]) == [0, 1, 2]
    assert listed(2, before=listed.sample_ids[5]) == [3, 4]
    assert listed(2, before=listed.sample_ids[1]) == [0]
    assert listed.count(after=listed.sample_ids[5]) == 8
    assert listed(sample_ids=listed.sample_ids[:3]) == [0]
    assert listed(sample_ids=()) == []


def test_neighbours_are_answers_of_the_same_list(database: Database) -> None:
    """Previous and next pass over what is not in the list and what has no answer."""
    named, other = Findings((said(), silent())), Findings((silent(SUBJECT), said(OTHER)))
    listed = read(database, named, other, named, named)
    assert listed.beside(2, brand=SUBJECT) == (2, 3, 0, 3)
    assert listed.beside(0, brand=SUBJECT) == (1, 3, None, 2)
    assert listed.beside(3, brand=SUBJECT) == (3, 3, 2, None)
    assert listed.beside(1, brand=SUBJECT) == (None, 3, 0, 2)
    assert listed.beside(3) == (4, 4, 2, None)
    assert listed.beside(2, brand=OTHER) == (None, 1, 1, None)


def test_names_that_nobody_tracks_come_with_their_places(database: Database) -> None:
    """Of usable answers alone, with the sample that has them."""
    names = (Candidate("车蚂蚁", "车蚂蚁", 0, 3),)
    listed = read(
        database,
        Findings((said(), silent()), candidates=names),
        Findings((said(), silent()), candidates=names, answer_type=AnswerType.ERROR),
        Findings((said(), silent())),
    )
    with database.read() as db:
        found = store.usable_candidates(db, listed.execution_id)
    assert {listed.sample_ids.index(sample_id): seen[3] for sample_id, seen in found} == {0: names, 2: ()}


def test_findings_of_many_answers_come_at_once(database: Database) -> None:
    """The brands that an answer names first, in the order in which it names them."""
    listed = read(
        database, Findings((said(position=2), said(OTHER, position=1))), Findings((silent(SUBJECT), silent()))
    )
    with database.read() as db:
        found = store.brand_findings(db, listed.sample_ids)
    assert [each.brand for each in found[listed.sample_ids[0]]] == [OTHER, SUBJECT]
    assert [each.count for each in found[listed.sample_ids[1]]] == [0, 0]
    assert listed.sample_ids[2] not in found
