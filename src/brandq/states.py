"""The two state machines as tables: states, events, and who moves it on.

Both machines are data. ``store`` turns an event into one UPDATE guarded by the old state, ``tables`` builds the CHECK
constraints from here, and ``docs/states.md`` is this module printed. Final states have no exits and a non-null end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from brandq.errors import IllegalTransition


class SampleState(StrEnum):
    """Where one draw (one prompt, one engine, one repeat) stands."""

    #: to be asked; fetch claims it, upkeep sends fetch again
    WAITING = "waiting"
    #: claimed: an attempt is counted and a lease runs; fetch settles it, upkeep releases it when the lease passes
    ASKING = "asking"
    #: an answer is stored; analyze reads it, upkeep sends analyze again
    ANSWERED = "answered"
    #: findings are recorded
    ANALYZED = "analyzed"
    #: no answer will come, or one came that could not be read; the error code says why
    FAILED = "failed"
    #: the execution was cancelled before an answer came
    CANCELLED = "cancelled"


class ExecutionState(StrEnum):
    """Where one pass over a plan stands."""

    #: accepted, nothing asked yet; the first claim starts it
    QUEUED = "queued"
    #: at least one sample was claimed; whoever settles the last one closes it
    RUNNING = "running"
    #: no sample is open; report publishes it, upkeep sends report again
    REPORTING = "reporting"
    #: every sample has a usable answer
    COMPLETED = "completed"
    #: some samples have a usable answer
    PARTIAL = "partial"
    #: no sample has a usable answer
    FAILED = "failed"
    #: stopped by its owner
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Event:
    """One arrow: its name, where it may start and lead, who fires it, and what follows if that one dies first."""

    name: str
    sources: frozenset[str]
    targets: tuple[str, ...]
    fired_by: str
    if_that_dies: str


def _events(*events: Event) -> Mapping[str, Event]:
    return MappingProxyType({event.name: event for event in events})


S, E = SampleState, ExecutionState

SAMPLE_EVENTS: Mapping[str, Event] = _events(
    Event("claim", frozenset({S.WAITING}), (S.ASKING,), "fetch", "nothing happened; the sweep sends fetch again"),
    Event(
        "answer",
        frozenset({S.ASKING}),
        (S.ANSWERED,),
        "fetch, holding that attempt",
        "the lease passes; `release_expired` fires release, or give_up at the cap",
    ),
    Event(
        "release",
        frozenset({S.ASKING}),
        (S.WAITING,),
        "fetch, holding that attempt; upkeep, once the lease has passed",
        "the lease passes; `release_expired` fires it again",
    ),
    Event(
        "give_up",
        frozenset({S.ASKING, S.WAITING}),
        (S.FAILED,),
        "fetch, holding that attempt; upkeep",
        "the lease passes; `release_expired` or `expire_overdue` fires it again",
    ),
    Event("analyze", frozenset({S.ANSWERED}), (S.ANALYZED,), "analyze", "the sweep sends analyze again"),
    Event(
        "abandon",
        frozenset({S.ANSWERED}),
        (S.FAILED,),
        "analyze, for an answer that cannot be read; upkeep, past the deadline",
        "the sweep sends analyze again",
    ),
    Event("cancel", frozenset({S.WAITING, S.ASKING}), (S.CANCELLED,), "web", "the caller repeats it"),
)

EXECUTION_EVENTS: Mapping[str, Event] = _events(
    Event("start", frozenset({E.QUEUED}), (E.RUNNING,), "fetch, at the first claim", "the next claim fires it"),
    Event(
        "close",
        frozenset({E.QUEUED, E.RUNNING}),
        (E.REPORTING,),
        "whoever settled the last sample, in a second short transaction",
        "the sweep closes it",
    ),
    Event(
        "expire",
        frozenset({E.QUEUED, E.RUNNING}),
        (E.REPORTING,),
        "upkeep, at deadline_at; open samples become failed(deadline)",
        "the next tick fires it again",
    ),
    Event(
        "publish",
        frozenset({E.REPORTING}),
        (E.COMPLETED, E.PARTIAL, E.FAILED),
        "report",
        "the sweep sends report again",
    ),
    Event("cancel", frozenset({E.QUEUED, E.RUNNING}), (E.CANCELLED,), "web", "the caller repeats it"),
)

#: where a sample may begin: asked for, or with an answer that was imported or taken over from an earlier execution
SAMPLE_INITIAL: frozenset[str] = frozenset({S.WAITING, S.ANSWERED})
EXECUTION_INITIAL: frozenset[str] = frozenset({E.QUEUED})


def exits(events: Mapping[str, Event], state: str) -> frozenset[str]:
    """The names of the events that may leave this state."""
    return frozenset(name for name, event in events.items() if state in event.sources)


def final(states: Iterable[str], events: Mapping[str, Event]) -> frozenset[str]:
    """The states that nothing leaves."""
    return frozenset(str(state) for state in states if not exits(events, state))


#: a sample in one of these keeps its execution open
SAMPLE_OPEN: frozenset[str] = frozenset({S.WAITING, S.ASKING, S.ANSWERED})
SAMPLE_FINAL: frozenset[str] = final(SampleState, SAMPLE_EVENTS)
#: an execution in one of these may still ask and be asked for
EXECUTION_OPEN: frozenset[str] = frozenset({E.QUEUED, E.RUNNING})
EXECUTION_FINAL: frozenset[str] = final(ExecutionState, EXECUTION_EVENTS)


def arrow(events: Mapping[str, Event], name: str, target: str | None = None) -> tuple[frozenset[str], str]:
    """The states an event may start from and the one it leads to.

    ``target`` chooses where there are several. IllegalTransition for an event or a target that the table does not list.
    """
    event = events.get(name)
    if event is None:
        raise IllegalTransition(f"no event {name!r}; there are {', '.join(sorted(events))}")
    if target is None:
        if len(event.targets) != 1:
            raise IllegalTransition(f"{name!r} leads to one of {', '.join(event.targets)}; say which")
        target = event.targets[0]
    if target not in event.targets:
        raise IllegalTransition(f"{name!r} does not lead to {target!r}, only to {', '.join(event.targets)}")
    return event.sources, str(target)


def as_markdown() -> str:
    """The text of docs/states.md."""
    lines = ["# The two state machines", "", "Generated from `src/brandq/states.py` by `make docs`; do not edit.", ""]
    for title, states, events, initial in (
        ("Sample", SampleState, SAMPLE_EVENTS, SAMPLE_INITIAL),
        ("Execution", ExecutionState, EXECUTION_EVENTS, EXECUTION_INITIAL),
    ):
        ends = final(states, events)
        begins = [str(state) for state in states if state in initial]
        lines += [
            f"## {title}",
            "",
            f"Begins: {', '.join(begins)}. Final: {', '.join(str(state) for state in states if state in ends)}.",
            "",
        ]
        lines += ["| event | from → to | fired by | if that dies first |", "|---|---|---|---|"]
        for event in events.values():
            sources = ", ".join(str(state) for state in states if state in event.sources)
            lines.append(
                f"| {event.name} | {sources} → {', '.join(event.targets)} | {event.fired_by} | {event.if_that_dies} |"
            )
        lines.append("")
    return "\n".join(lines)
