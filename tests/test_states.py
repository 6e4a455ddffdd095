"""The two state machines: what the table says, what it refuses, and that the database refuses the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from brandq import tables
from brandq.errors import IllegalTransition
from brandq.states import (
    EXECUTION_EVENTS,
    EXECUTION_FINAL,
    EXECUTION_INITIAL,
    SAMPLE_EVENTS,
    SAMPLE_FINAL,
    SAMPLE_INITIAL,
    SAMPLE_OPEN,
    Event,
    ExecutionState,
    SampleState,
    arrow,
    as_markdown,
    exits,
    final,
)

Machine = tuple[type[StrEnum], Mapping[str, Event], frozenset[str]]

MACHINES: dict[str, Machine] = {
    "sample": (SampleState, SAMPLE_EVENTS, SAMPLE_INITIAL),
    "execution": (ExecutionState, EXECUTION_EVENTS, EXECUTION_INITIAL),
}
both = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
#: the same arrows as in states.py, written out once more so that a slip there is seen here
ARROWS = {
    "sample": {
        ("claim", "waiting", "asking"),
        ("answer", "asking", "answered"),
        ("release", "asking", "waiting"),
        ("give_up", "asking", "failed"),
        ("give_up", "waiting", "failed"),
        ("analyze", "answered", "analyzed"),
        ("abandon", "answered", "failed"),
        ("cancel", "waiting", "cancelled"),
        ("cancel", "asking", "cancelled"),
    },
    "execution": {
        ("start", "queued", "running"),
        ("close", "queued", "reporting"),
        ("close", "running", "reporting"),
        ("expire", "queued", "reporting"),
        ("expire", "running", "reporting"),
        ("publish", "reporting", "completed"),
        ("publish", "reporting", "partial"),
        ("publish", "reporting", "failed"),
        ("cancel", "queued", "cancelled"),
        ("cancel", "running", "cancelled"),
    },
}


def _reached(begins: frozenset[str], events: Mapping[str, Event]) -> set[str]:
    found = set(begins)
    while True:
        more = {target for event in events.values() if event.sources & found for target in event.targets} - found
        if not more:
            return {str(state) for state in found}
        found |= more


@pytest.mark.parametrize("name", MACHINES)
def test_the_table_holds_these_arrows_and_no_other(name: str) -> None:
    """Given a machine, when its events are spelled out as arrows, then they are the arrows of the design."""
    _, events, _ = MACHINES[name]
    found = {(event.name, str(a), str(b)) for event in events.values() for a in event.sources for b in event.targets}
    assert found == ARROWS[name]


@both
def test_every_state_is_reachable(machine: Machine) -> None:
    """Given the states in which things begin, when events fire, then every state can be reached."""
    states, events, begins = machine
    assert _reached(begins, events) == {str(state) for state in states}


@both
def test_from_every_state_an_end_can_be_reached(machine: Machine) -> None:
    """Given any state, when events fire, then a final state can be reached: nothing is open for ever by design."""
    states, events, _ = machine
    for state in states:
        assert _reached(frozenset({state}), events) & final(states, events), state


@both
def test_final_states_are_closed(machine: Machine) -> None:
    """Given a final state, then no event leaves it; given another one, then some event does."""
    states, events, _ = machine
    for state in states:
        assert bool(exits(events, state)) == (state not in final(states, events))


def test_the_final_states_are_these() -> None:
    """Given both machines, then these are the states that end a thing, and an open sample is in none of them."""
    assert SAMPLE_FINAL == {"analyzed", "failed", "cancelled"}
    assert EXECUTION_FINAL == {"completed", "partial", "failed", "cancelled"}
    assert SAMPLE_OPEN | SAMPLE_FINAL == {str(state) for state in SampleState}
    assert SAMPLE_OPEN & SAMPLE_FINAL == set()


@both
def test_every_event_says_who_fires_it_and_what_follows_if_that_one_dies(machine: Machine) -> None:
    """Given an event, then the table names who fires it and what happens when that one dies first."""
    _, events, _ = machine
    assert [event.name for event in events.values() if not event.fired_by or not event.if_that_dies] == []


@both
@given(name=st.text())
def test_an_unlisted_event_is_illegal(machine: Machine, name: str) -> None:
    """Given a name that the table does not list, when it is fired, then IllegalTransition rises."""
    _, events, _ = machine
    if name not in events:
        with pytest.raises(IllegalTransition, match="no event"):
            arrow(events, name)


@both
def test_an_unlisted_target_is_illegal(machine: Machine) -> None:
    """Given an event, when it is fired towards a state that it does not lead to, then IllegalTransition rises."""
    states, events, _ = machine
    for event in events.values():
        for state in states:
            if state in event.targets:
                assert arrow(events, event.name, state) == (event.sources, state)
            else:
                with pytest.raises(IllegalTransition, match="does not lead to"):
                    arrow(events, event.name, state)


def test_an_event_with_several_targets_wants_one_named() -> None:
    """Given publish, which leads to three states, when none is named, then IllegalTransition rises."""
    with pytest.raises(IllegalTransition, match="say which"):
        arrow(EXECUTION_EVENTS, "publish")


@both
def test_nobody_adds_an_event_while_it_runs(machine: Machine) -> None:
    """Given the table, when somebody writes to it, then that is refused and it is as it was."""
    _, events, _ = machine
    before = dict(events)
    with pytest.raises(TypeError):
        events["resurrect"] = next(iter(events.values()))  # type: ignore[index]
    assert dict(events) == before


@both
def test_every_state_and_event_stands_on_the_page(machine: Machine) -> None:
    """Given the page made from the table, then every state and every event is on it."""
    states, events, _ = machine
    page = as_markdown()
    assert [str(state) for state in states if str(state) not in page] == []
    assert [name for name in events if f"| {name} |" not in page] == []


NOW = datetime(2026, 1, 1, tzinfo=UTC).isoformat()


def _refusals(table: sa.Table, **row: Any) -> set[str]:
    """The names of the CHECKs that refuse such a row, as SQLite evaluates them; columns not given are null."""
    values = {column.name: row.get(column.name) for column in table.columns}
    columns = ", ".join(f':{name} AS "{name}"' for name in values)
    refused = set()
    with sqlite3.connect(":memory:") as db:
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                check = f"SELECT ({constraint.sqltext}) IS NOT FALSE FROM (SELECT {columns})"
                if not db.execute(check, values).fetchone()[0]:
                    refused.add(str(constraint.name))
    db.close()
    return refused


def _sample(state: str, *, ended: bool) -> set[str]:
    return _refusals(
        tables.samples,
        state=state,
        attempt=0,
        lease_until=NOW if state == "asking" else None,
        error_code="auth" if state == "failed" else None,
        settled_at=NOW if ended else None,
    )


def _execution(status: str, *, ended: bool) -> set[str]:
    return _refusals(tables.executions, status=status, priority=5, planned=1, ended_at=NOW if ended else None)


@pytest.mark.parametrize("state", SampleState)
def test_the_database_takes_every_sample_state_and_wants_an_end_for_the_final_ones(state: SampleState) -> None:
    """Given a sample in a state of the table, when it is written, then it is taken; a final one only with its end."""
    assert _sample(state, ended=True) == set()
    assert bool(_sample(state, ended=False)) == (state in SAMPLE_FINAL)


@pytest.mark.parametrize("status", ExecutionState)
def test_the_database_takes_every_execution_state_and_an_end_exactly_for_the_final_ones(status: ExecutionState) -> None:
    """Given an execution in a state, when it is written, then it has an end if that is final, and else none."""
    assert bool(_execution(status, ended=True)) == (status not in EXECUTION_FINAL)
    assert bool(_execution(status, ended=False)) == (status in EXECUTION_FINAL)


@given(word=st.text(max_size=20))
def test_the_database_refuses_any_other_state(word: str) -> None:
    """Given a word that is no state, when a row is written with it, then a CHECK refuses it."""
    if word not in set(SampleState):
        assert _sample(word, ended=False)
        assert _sample(word, ended=True)
    if word not in set(ExecutionState):
        assert _execution(word, ended=False)
        assert _execution(word, ended=True)


def test_only_an_asked_sample_has_a_lease_and_only_a_failed_one_an_error() -> None:
    """Given a sample, when its lease or its error does not fit its state, then a CHECK refuses it."""
    assert _refusals(tables.samples, state="waiting", attempt=0, lease_until=NOW)
    assert _refusals(tables.samples, state="asking", attempt=1)
    assert _refusals(tables.samples, state="failed", attempt=1, settled_at=NOW)
    assert _refusals(tables.samples, state="waiting", attempt=-1)
