"""Chains of answers: one per execution whoever stores, kept through copies, and read back as it was sealed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brandq import store
from brandq.errors import Conflict
from brandq.providers.dialect import Answer, AnswerKind, Citation, Outcome
from brandq.store import Database, Transaction
from brandq.store.chains import answer_row, seal
from brandq.tables import answers, samples
from brandq.verifying import verify
from tests.store.samples_at_hand import NOW, PLAN, answered, claim, end, ids, plan, settle


def links(database: Database, execution_id: str) -> list[store.Link]:
    with database.read() as db:
        return list(store.links_of(db, execution_id))


def whole(database: Database, execution_id: str) -> bool:
    """Whether every answer is sealed, as it was stored, and each follows the one before up to the head."""
    with database.read() as db:
        chain = store.chain_of(db, execution_id)
        contents = list(store.contents_of(db, execution_id))
    assert chain is not None
    digest = chain.genesis
    for number, link in enumerate(links(database, execution_id), 1):
        if link.chain_no != number or not link.follows(digest):
            return False
        digest = link.digest
    answered = [content for content in contents if content.answered]
    sealed = all(content.sealed and content.as_sealed for content in answered)
    return sealed and (chain.length or 0, chain.head or chain.genesis) == (len(answered), digest)


def head_of(db: store.Transaction, execution_id: str) -> tuple[int, str] | None:
    """Length and head of an execution's chain."""
    chain = store.chain_of(db, execution_id)
    return (chain.length, chain.head) if chain and chain.length is not None and chain.head is not None else None


def test_answers_are_chained_as_they_are_stored(database: Database) -> None:
    """Given answers that are settled one after the other, then each has the next number and follows the one before."""
    execution_id = plan(database)
    with database.read() as db:
        assert head_of(db, execution_id) is None
    for one in claim(database, ids(database, execution_id)):
        settle(database, [one], answered(f"answer {one.sample_id}"))
        assert whole(database, execution_id)
    chained = links(database, execution_id)
    assert [link.chain_no for link in chained] == list(range(1, PLAN.planned + 1))
    with database.read() as db:
        assert head_of(db, execution_id) == (PLAN.planned, chained[-1].digest)


def rows_of(database: Database, execution_id: str) -> list[dict[str, Any]]:
    """An answer for each sample of an execution, as it goes to be sealed."""
    with database.read() as db:
        places = db.execute(sa.select(samples).where(samples.c.execution_id == execution_id)).all()
    return [
        answer_row(
            row.sample_id,
            Answer(f"answer {row.sample_id}", AnswerKind.OK),
            raw=b"{}",
            request={"model": "m1"},
            asked_at=NOW,
            answered_at=NOW,
            latency_ms=1,
            http_status=200,
            simulated=True,
        )
        | {name: getattr(row, name) for name in ("execution_id", "prompt_no", "engine", "repeat_no")}
        for row in places
    ]


@contextmanager
def statements(db: Transaction) -> Iterator[list[str]]:
    """What is executed inside."""
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sa.event.listen(db, "before_cursor_execute", note)
    yield seen
    sa.event.remove(db, "before_cursor_execute", note)


def test_two_who_store_at_once_make_one_chain(database: Database) -> None:
    """Given two connections that store answers of the same two executions at once, in groups of opposite order, then each
    execution has one chain without gaps, and neither waits for ever."""
    large = replace(PLAN, repeats=12)
    pair = [plan(database, plan=large) for _ in range(2)]
    rows = [row for both in zip(*(rows_of(database, one) for one in pair), strict=True) for row in both]
    start = threading.Barrier(2)

    def store_half(number: int) -> None:
        groups = [rows[n : n + 4] for n in range(4 * number, len(rows), 8)]
        start.wait()
        for group in groups:
            with database.begin() as db:
                db.execute(sa.insert(answers), seal(db, group[::-1] if number else group))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(store_half, range(2)))
    for execution_id in pair:
        assert whole(database, execution_id)
        assert len(links(database, execution_id)) == large.planned


def test_a_group_of_any_size_takes_as_many_statements(database: Database) -> None:
    """Given groups of few and of many answers of two executions, then sealing them takes the same statements: five where
    their chains begin, two from then on."""
    for repeats in (1, 50):
        pair = [plan(database, plan=replace(PLAN, repeats=repeats)) for _ in range(2)]
        rows = [row for execution_id in pair for row in rows_of(database, execution_id)]
        for group, most in ((rows[::2], 5), (rows[1::2], 2)):
            with database.begin() as db:
                with statements(db) as seen:
                    sealed = seal(db, group)
                db.execute(sa.insert(answers), sealed)
            assert len(seen) == most, seen
        assert all(whole(database, execution_id) for execution_id in pair)


def test_nothing_sealed_is_nothing_done(database: Database) -> None:
    """Given no answers, when they are sealed, then there is no chain and no row."""
    with database.begin() as db:
        assert seal(db, []) == []


def test_answers_that_are_taken_over_are_chained_anew(database: Database) -> None:
    """Given answers with a cost, when another execution takes them over, then they are in its chain under the same content
    digests, without the cost, and a copy of a copy as well; their texts and bodies were never fetched."""
    source = plan(database)
    outcome = answered("趣车良品 is good", cost=Decimal("0.0123"), currency="USD", cost_basis="reported")
    settle(database, claim(database, ids(database, source)), outcome)
    for target in ("a" * 36, "b" * 36):
        with database.begin() as db:
            given = store.places_with_answer(db, source)
            order = store.Order(target, "ann", PLAN, NOW + timedelta(hours=1), answered=frozenset(given))
            store.plan_execution(db, order, now=NOW)
            with statements(db) as seen:
                store.take_over(db, target, given)
        assert len(seen) == 9, seen
        assert not [one for one in seen if "answers.raw" in one and "INSERT" not in one]
        assert whole(database, target)
        by_place = [
            {(one.prompt_no, one.engine, one.repeat_no): one.content_digest for one in links(database, execution_id)}
            for execution_id in (source, target)
        ]
        assert by_place[0] == by_place[1]
        assert {one.cost for one in links(database, target)} == {None}
        assert {one.digest for one in links(database, target)}.isdisjoint(
            {one.digest for one in links(database, source)}
        )
        source = target


def test_what_was_stored_before_chains_stays_outside(database: Database) -> None:
    """Given an answer that was stored before there were chains, then it is told as not covered, its copy too, and what
    comes after is chained."""
    source = plan(database)
    sample_ids = ids(database, source)
    settle(database, claim(database, sample_ids), answered())
    with database.begin() as db:
        old = sa.update(answers).values(content_digest=None, chain_no=None, digest="0" * 64)
        db.execute(old.where(answers.c.sample_id == sample_ids[0]))
        given = store.places_with_answer(db, source)
        order = store.Order("c" * 36, "ann", PLAN, NOW + timedelta(hours=1), answered=frozenset(given))
        store.plan_execution(db, order, now=NOW)
        store.take_over(db, order.execution_id, given)
    found = verify(database, order.execution_id)
    assert len(found.uncovered) == 1
    assert found.faults == ()
    assert not found.holds
    assert found.answers == PLAN.planned - 1


def test_what_vanished_is_not_taken_over(database: Database) -> None:
    """Given a sample that has no answer, when it is to be taken over, then that is a conflict."""
    source = plan(database)
    sample_ids = ids(database, source)
    with database.begin() as db:
        place = (1, "doubao", 1)
        order = store.Order("d" * 36, "ann", PLAN, NOW + timedelta(hours=1), answered=frozenset([place]))
        store.plan_execution(db, order, now=NOW)
        with pytest.raises(Conflict, match="removed meanwhile"):
            store.take_over(db, order.execution_id, {place: sample_ids[0]})


def test_imported_answers_are_chained(database: Database) -> None:
    """Given answers that somebody already had, when they are imported, then they are in the chain."""
    given = {(no, engine, 1): Answer(f"{no} {engine}", AnswerKind.OK) for no in (1, 2) for engine in ("doubao", "qwen")}
    places = frozenset(given)
    order = store.Order("e" * 36, "ann", PLAN, NOW + timedelta(hours=1), "import", answered=places, only=places)
    with database.begin() as db:
        store.plan_execution(db, order, now=NOW)
        assert store.import_answers(db, order.execution_id, given, answered_at=NOW) == 4
    assert whole(database, order.execution_id)
    assert verify(database, order.execution_id).answers == 4


def test_a_chain_goes_with_its_execution(database: Database) -> None:
    """Given an ended execution, when it is removed after its time, then its chain is gone as well."""
    execution_id = plan(database)
    end(database, execution_id)
    with database.begin() as db:
        store.remove_ended(db, ended_before=NOW + timedelta(days=1), most_samples=1000)
        assert head_of(db, execution_id) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
#: what both databases take: the dialects keep NUL and half surrogates out of texts
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00") | st.sampled_from("趣车良品小米🚗👨‍👩‍👧é")
)
ANSWERS = st.builds(
    Answer,
    text=TEXT,
    kind=st.sampled_from(AnswerKind),
    finish=st.none() | TEXT.map(lambda text: text[:90]),
    served_model=st.none() | TEXT.map(lambda text: text[:90]),
    citations=st.lists(
        st.builds(
            Citation,
            url=st.text(),
            title=st.none() | st.text(),
            cited=st.none() | st.booleans(),
            start=st.none() | st.integers(0, 9),
        ),
        max_size=3,
    ).map(tuple),
    search_requested=st.booleans(),
    search_executed=st.none() | st.booleans(),
    tokens_in=st.none() | st.integers(0, 2**31 - 1),
    tokens_out=st.none() | st.integers(0, 2**31 - 1),
    cost=st.none()
    | st.decimals(0, 10**8, allow_nan=False, allow_infinity=False)
    | st.sampled_from([Decimal("0E-20"), Decimal("1.5E-10"), Decimal("5E-10"), Decimal("-0.0"), Decimal("1E+3")]),
    cost_basis=st.sampled_from(["reported", "table"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=ANSWERS,
    request=st.dictionaries(st.text(max_size=8), JSON, max_size=4),
    raw=st.none() | st.binary(max_size=200),
    microseconds=st.integers(0, 10**12),
)
def test_whatever_an_answer_holds_is_read_back_as_it_was_sealed(
    database: Database, answer: Answer, request: dict[str, Any], raw: bytes | None, microseconds: int
) -> None:
    """Given any answer, request and body, when they are stored and read, then their digests are those they were sealed
    under."""
    execution_id = plan(database, plan=replace(PLAN, engines=PLAN.engines[:1], prompts=PLAN.prompts[:1], repeats=1))
    given = replace(answer, currency=None if answer.cost is None else "USD")
    outcome = Outcome(given, None, 7, request, raw, 200)
    at = NOW + timedelta(microseconds=microseconds)
    settle(database, claim(database, ids(database, execution_id)), outcome, now=at)
    found = verify(database, execution_id)
    assert (found.answers, found.uncovered, found.faults) == (1, (), ())
