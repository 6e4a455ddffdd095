"""Reports in the store: one stands, those before it are kept, and findings of two methods are told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from brandq import reports, store
from brandq.analysis.findings import AnswerType, BrandFinding, Candidate, CitationFinding, Findings
from brandq.errors import Conflict
from brandq.reports.facts import Publication
from brandq.store import Database
from tests.store.samples_at_hand import METHOD, NOW, PLAN, analyze, answered, claim, plan, refused, settle
from tests.store.samples_at_hand import ids as ids_of

FOUND = Findings(
    brands=(
        BrandFinding(
            "趣车良品",
            1,
            0,
            1,
            sentiment="mixed",
            caveat=True,
            strength=2,
            known=False,
            spans=((0, 4),),
            evidence=((5, 9), (10, 12)),
            elsewhere=((20, 24),),
            doubtful=((30, 32),),
        ),
    ),
    citations=(CitationFinding("https://a.b/c", "https://a.b/c", "a.b", source_class="news"),),
    answer_type=AnswerType.COMPARISON,
    candidates=(Candidate("车蚂蚁", "车蚂蚁", 40, 43, advised_against=True),),
    injection_suspected=True,
)


def analyzed(database: Database) -> tuple[str, list[int]]:
    execution_id = plan(database)
    with database.read() as db:
        ids = [row.sample_id for row in store.list_samples(db, execution_id, store.SampleFilter(), 100)]
    settle(database, claim(database, ids), answered())
    analyze(database, ids)
    return execution_id, ids


def made(version: int, method: str = METHOD) -> Publication:
    return Publication({"version": version}, method, "d" * 64, "completed", version)


def test_findings_come_back_as_they_went_in(database: Database) -> None:
    """Given findings with every field filled, when they are stored and read, then as evidence none differs, and as facts
    they lack but where in the text a brand stands."""
    execution_id, ids = analyzed(database)
    with database.begin() as db:
        store.replace_findings(db, {ids[0]: FOUND}, method_version="method-2")
    with database.read() as db:
        evidence = store.evidence(db, execution_id, ids[0])
        sample = next(one for one in store.facts(db, execution_id).samples if one.sample_id == ids[0])
    assert (evidence.findings, evidence.method_version) == (FOUND, "method-2")
    nowhere = {"first_at": None, "spans": (), "evidence": (), "elsewhere": ()}
    assert tuple(sample.brands) == tuple(replace(brand, **nowhere) for brand in FOUND.brands)
    assert (tuple(sample.candidates), tuple(sample.citations)) == (FOUND.candidates, FOUND.citations)
    assert (sample.answer_type, sample.injection_suspected) == (AnswerType.COMPARISON, True)
    assert sample.method_version == "method-2"


def test_facts_that_go_by_are_the_same_facts(database: Database) -> None:
    """Given answers that are analyzed, one without findings, one with sources, and one that failed, when the facts go by,
    twice, then they are those that come all at once, in order of prompt, engine and repeat."""
    execution_id = plan(database)
    with database.read() as db:
        ids = [row.sample_id for row in store.list_samples(db, execution_id, store.SampleFilter(), 100)]
    settle(database, claim(database, ids[1:]), answered())
    settle(database, claim(database, ids[:1]), refused())
    analyze(database, ids[2:])
    with database.begin() as db:
        store.replace_findings(db, {ids[2]: FOUND}, method_version=METHOD)
    with database.read() as db:
        whole = store.facts(db, execution_id)
        passing = store.stream_facts(db, execution_id)
        assert list(passing.samples) == whole.samples == list(passing.samples)
    assert replace(passing, samples=()) == replace(whole, samples=())
    by_id = {sample.sample_id: sample for sample in whole.samples}
    places = [(sample.prompt_no, sample.engine, sample.repeat_no) for sample in whole.samples]
    assert places == sorted(places)
    assert by_id.keys() == set(ids)
    assert (by_id[ids[0]].error_code, by_id[ids[0]].brands, by_id[ids[0]].kind) == ("auth", [], None)
    assert (by_id[ids[1]].state, by_id[ids[1]].brands) == ("answered", [])
    assert [len(by_id[each].citations) for each in ids[2:4]] == [1, 0]


@pytest.mark.parametrize("repeats", [1, 20])
def test_facts_take_as_many_statements_however_many_answers(database: Database, repeats: int) -> None:
    """Given four answers, or eighty, when their report is made out of facts that go by, then that takes four statements:
    the execution, and its samples, findings and sources side by side."""
    execution_id = plan(database, plan=replace(PLAN, repeats=repeats))
    sample_ids = ids_of(database, execution_id)
    settle(database, claim(database, sample_ids), answered())
    analyze(database, sample_ids)
    statements: list[str] = []
    with database.read() as db:

        @sa.event.listens_for(db, "before_cursor_execute")
        def note(_db: object, _cursor: object, statement: str, *_: object) -> None:
            statements.append(statement)

        made = reports.publication(store.stream_facts(db, execution_id), built_at=NOW)
    assert made.document["coverage"]["usable"]["n"] == 4 * repeats == len(sample_ids)
    assert len(statements) == 4, statements


def test_a_report_is_served_as_it_is_stored(database: Database) -> None:
    """Given two versions of a report, when their text is read, then it is the JSON of each, which
    UTF-8 can spell; without one there is none."""
    execution_id, _ = analyzed(database)
    with database.begin() as db:
        assert store.report_text(db, execution_id) is None
        store.keep_report(
            db, execution_id, Publication({"名": [1, None, "\ud83d"]}, METHOD, "d" * 64, "completed"), now=NOW
        )
        store.supersede_report(db, execution_id, made(2), now=NOW)
        texts = [store.report_text(db, execution_id, version) for version in (None, 1, 2, 3)]
    assert texts == ['{"version":2}', '{"名":[1,null,"\\ud83d"]}', '{"version":2}', None]


def test_what_another_method_read_is_found(database: Database) -> None:
    """Given readings of two methods, then those that are not of the wanted one are listed, and no others."""
    execution_id, ids = analyzed(database)
    with database.begin() as db:
        store.replace_findings(db, {ids[0]: FOUND}, method_version="method-2")
    with database.read() as db:
        assert store.stale_readings(db, execution_id, METHOD) == [ids[0]]
        assert store.stale_readings(db, execution_id, "method-2") == ids[1:]


def test_what_turned_out_to_decline_is_no_mention(database: Database) -> None:
    """Given an answer that names the brand and declines, or knows nothing of it, then it is not among the brand's."""
    execution_id, ids = analyzed(database)
    declined = replace(FOUND, answer_type=AnswerType.REFUSAL, brands=(replace(FOUND.brands[0], known=True),))
    with database.begin() as db:
        store.replace_findings(db, {ids[0]: declined, ids[1]: FOUND}, method_version=METHOD)
    with database.read() as db:
        rows = store.list_samples(db, execution_id, store.SampleFilter(brand="趣车良品"), 100)
    assert [row.sample_id for row in rows] == ids[2:]


def test_a_new_version_keeps_the_earlier_ones(database: Database) -> None:
    """Given a report that is superseded twice, then the newest stands and each can be read; a version that was already
    put there is a conflict."""
    execution_id, _ = analyzed(database)
    with database.begin() as db:
        assert store.next_report_version(db, execution_id) == 1
        store.keep_report(db, execution_id, made(1), now=NOW)
        store.keep_report(db, execution_id, made(1, "too late"), now=NOW)
    for version in (2, 3):
        with database.begin() as db:
            assert store.next_report_version(db, execution_id) == version
            store.supersede_report(
                db, execution_id, made(version, f"method-{version}"), now=NOW + timedelta(days=version)
            )
    with database.read() as db:
        assert store.report_document(db, execution_id) == {"version": 3}
        assert [store.report_document(db, execution_id, version) for version in (1, 2, 3, 4)] == [
            {"version": 1},
            {"version": 2},
            {"version": 3},
            None,
        ]
        assert [(one.version, one.method_version) for one in store.report_versions(db, execution_id)] == [
            (1, METHOD),
            (2, "method-2"),
            (3, "method-3"),
        ]
    with database.begin() as db, pytest.raises(Conflict, match="version 3 already"):
        store.supersede_report(db, execution_id, made(3), now=NOW)
