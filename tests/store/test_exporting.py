"""Samples with their texts, page by page, as exports read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brandq import store
from brandq.errors import Conflict
from brandq.plan import EngineRef
from brandq.store import FIRST_PLACE, Database
from tests.store.samples_at_hand import METHOD, PLAN, analyze, answered, claim, ids, plan, refused, settle
from tests.store.test_reports import FOUND


def read_all(database: Database, execution_id: str, limit: int, method: str = METHOD) -> list[list[int]]:
    """The ids of each page, until one is not full."""
    pages: list[list[int]] = []
    after = FIRST_PLACE
    while not pages or len(pages[-1]) == limit:
        with database.read() as db:
            page = store.samples_with_text(db, execution_id, after, limit, method_version=method)
        pages.append([one.facts.sample_id for one in page])
        if page:
            last = page[-1].facts
            after = (last.prompt_no, last.engine, last.repeat_no)
    return pages


def test_pages_follow_each_other_without_gaps(database: Database) -> None:
    """Given two executions, engines whose names sort apart from the plan's order, and pages of any size, then each sample of
    the one comes once, in the order of prompt, engine and repeat."""
    engines = (
        EngineRef("qwen", "p", "m"),
        EngineRef("Doubao", "p", "m"),
        EngineRef("a-1", "p", "m"),
        EngineRef("é", "p", "m"),
    )
    wanted = plan(database, plan=replace(PLAN, engines=engines, repeats=3))
    plan(database, plan=replace(PLAN, engines=engines, repeats=3))
    with database.read() as db:
        rows = store.list_samples(db, wanted, store.SampleFilter(), 1000)
    place = {row.sample_id: (row.prompt_no, row.engine, row.repeat_no) for row in rows}
    for limit in (1, 5, 24, 100):
        found = [sample_id for page in read_all(database, wanted, limit) for sample_id in page]
        assert sorted(found) == sorted(place)
        assert [place[one][0] for one in found] == [1] * 12 + [2] * 12
        by_engine = [place[one][1] for one in found[:12]]
        assert [by_engine[n] for n in range(0, 12, 3)] == list(dict.fromkeys(by_engine))
        assert [place[one][2] for one in found] == [1, 2, 3] * 8


def test_a_sample_comes_with_what_is_known_of_it(database: Database) -> None:
    """Given an analyzed answer, one that is not read yet and a failed sample, then the first has its text, findings and
    sources, the second its text, and the third its error."""
    execution_id = plan(database)
    all_ids = ids(database, execution_id)
    settle(database, claim(database, all_ids[:2]), answered("趣车良品 is good"))
    settle(database, claim(database, all_ids[2:3]), refused())
    analyze(database, all_ids[:1])
    with database.begin() as db:
        store.replace_findings(db, {all_ids[0]: FOUND}, method_version=METHOD)
    with database.read() as db:
        page = store.samples_with_text(db, execution_id, FIRST_PLACE, 10, method_version=METHOD)
    by_id = {one.facts.sample_id: one for one in page}
    read, unread, failed = (by_id[one] for one in all_ids[:3])
    assert (read.text, unread.text, failed.text) == ("趣车良品 is good", "趣车良品 is good", None)
    assert read.asked_at is not None
    assert (read.facts.state, unread.facts.state, failed.facts.state) == ("analyzed", "answered", "failed")
    assert read.facts.brands[0].sentiment == "mixed"
    assert read.facts.citations == list(FOUND.citations)
    assert unread.facts.brands == ()
    assert (failed.facts.error_code, failed.facts.error_message) == ("auth", "no")


def test_answers_that_were_read_otherwise_are_refused(database: Database) -> None:
    """Given a report by one method, when an answer was read by another one since, then the page that holds it is refused, and
    the error says by which and what to take instead; a page without it is not."""
    execution_id = plan(database)
    all_ids = ids(database, execution_id)
    settle(database, claim(database, all_ids), answered())
    analyze(database, all_ids)
    assert sum(map(len, read_all(database, execution_id, 3))) == 8
    with database.read() as db:
        last = store.samples_with_text(db, execution_id, FIRST_PLACE, 8, method_version=METHOD)[-1].facts.sample_id
    with database.begin() as db:
        store.replace_findings(db, {last: FOUND}, method_version="method-2")
    with database.read() as db:
        assert len(store.samples_with_text(db, execution_id, FIRST_PLACE, 7, method_version=METHOD)) == 7
        with pytest.raises(Conflict, match=r"read by method method-2 since .* made by method-1: take the version"):
            store.samples_with_text(db, execution_id, FIRST_PLACE, 8, method_version=METHOD)
