"""Dead letters: what lies in the ``.XQ`` queues, why, and what the tables say of it now.

Nothing needs to be put back from there. A message is a hint; what it asked for stands in the tables, and the sweeps
send it again for as long as it is open. So a dead letter is read to learn what went wrong; purging them loses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dramatiq

from brandq.actors.about import read_about
from brandq.actors.broker import dead_bodies
from brandq.actors.declare import DECLARED
from brandq.actors.embedded import EmbeddedBroker
from brandq.actors.fitting import Unfit, functions_of, read_message, require_fit, safe_name
from brandq.actors.upkeep import BUSY_FACTOR
from brandq.states import EXECUTION_FINAL, SAMPLE_FINAL, ExecutionState, SampleState
from brandq.store import ExecutionFound, Found, SampleFound

#: listed per queue; whoever needs to see more has the management UI
MOST_LISTED = 20
#: of the error that ended it
ERROR_CHARS = 200
#: a sweep comes with the clock's tick, once a minute
TICK_S = 60
#: ids of one kind that are named; of more, the number stands there
MOST_NAMED = 8
#: ids of one message that are looked up; ours carry 32, and what else lies there may carry anything
MOST_IDS = 100

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: where a traceback names its exception: at the start of a line, which the words of one may not do
_EXCEPTION = re.compile(r"^(?!DETAIL|HINT|CONTEXT)[A-Za-z_][\w.]*(?:: .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class DeadLetter:
    """One message that nobody will work on any more. Of one that cannot be read, only its size is known."""

    queue_name: str
    reason: str
    size: int
    message_id: str | None = None
    actor_name: str | None = None
    sample_ids: tuple[int, ...] = ()
    execution_ids: tuple[str, ...] = ()
    sent_at: datetime | None = None
    died_at: datetime | None = None
    tries: int | None = None
    #: the exception of the last try but one on RabbitMQ, which keeps a message as it came; of the last one otherwise
    error: str | None = None
    #: what it says of itself: who sent it, of which version, for which engine; empty where it says nothing
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sender(self) -> str | None:
        """Who sent it, with the version, if it says so."""
        sent_by, version = self.about.get("sent_by"), self.about.get("version")
        return None if sent_by is None else f"{sent_by} ({version or '?'})"


def dead_letters(broker: dramatiq.Broker, queue_name: str, most: int = MOST_LISTED) -> list[DeadLetter]:
    """The oldest dead letters of a queue, which stay where they are. BrokerUnreachable within seconds."""
    functions = functions_of(broker) or {known.actor_name: known.fn for known in DECLARED.values()}
    if isinstance(broker, EmbeddedBroker):
        return [
            _letter(queue_name, dead.message, dead.size, dead.died_at, unfit=dead.unfit, ran=True)
            for dead in broker.dead(queue_name)[:most]
        ]
    letters = []
    for body, deaths in dead_bodies(broker, queue_name, most):
        death = deaths[0] if deaths else {}
        died_at = death.get("time")
        died_at = died_at.replace(tzinfo=UTC) if isinstance(died_at, datetime) else None
        message = None
        unfit = "expired: nobody took it in time" if death.get("reason") == "expired" else None
        try:
            message = read_message(body)
            if unfit is None:
                require_fit(message, queue_name, functions)
        except Unfit as error:
            unfit = str(error)
        ran = message is not None and _tries_used_up(message, functions)
        letters.append(_letter(queue_name, message, len(body), died_at, unfit=unfit, ran=ran, uncounted=1))
    return letters


def _letter(
    queue_name: str,
    message: dramatiq.Message[Any] | None,
    size: int,
    died_at: datetime | None,
    *,
    unfit: str | None,
    ran: bool,
    uncounted: int = 0,
) -> DeadLetter:
    if message is None:
        return DeadLetter(queue_name, unfit or "not a message", size, died_at=died_at)
    tries = int(message.options.get("retries") or 0) + uncounted
    error = _last_words(message.options.get("traceback"))
    reason = unfit
    if reason is None and ran:
        reason = f"failed {tries} time{'' if tries == 1 else 's'}: {error or 'the log of its worker says why'}"
    elif reason is None:
        reason = "given up before its last try: it could not be sent again, or a worker of another version refused it"
    sample_ids, execution_ids = _ids(message.args)
    return DeadLetter(
        queue_name,
        reason,
        size,
        message_id=safe_name(message.message_id),
        actor_name=safe_name(message.actor_name),
        sample_ids=sample_ids,
        execution_ids=execution_ids,
        sent_at=_instant(message.message_timestamp),
        died_at=died_at,
        tries=tries if unfit is None else None,
        error=error,
        about=read_about(message.options),
    )


def _tries_used_up(message: dramatiq.Message[Any], functions: Mapping[str, Callable[..., Any]]) -> bool:
    function = functions.get(message.actor_name)
    declared = None if function is None else DECLARED.get(function)
    return declared is not None and (message.options.get("retries") or 0) >= declared.options.get("max_retries", 0)


def _ids(args: Iterable[Any]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Sample and execution ids among the arguments, and nothing else of what may stand there."""
    flat = [one for arg in args for one in (arg if isinstance(arg, list) else [arg])]
    sample_ids = dict.fromkeys(one for one in flat if type(one) is int and 0 < one < 2**63)
    execution_ids = dict.fromkeys(one for one in flat if isinstance(one, str) and _UUID.fullmatch(one))
    return tuple(sample_ids)[:MOST_IDS], tuple(execution_ids)[:MOST_IDS]


def _instant(ms: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _last_words(traceback: str | None) -> str | None:
    """The exception that a traceback ends in, cut."""
    found = _EXCEPTION.findall(traceback or "")
    if not found:
        return None
    words = str(found[-1])
    return words if len(words) <= ERROR_CHARS else words[: ERROR_CHARS - 1] + "…"


def ids_of(letters: Iterable[DeadLetter]) -> tuple[set[int], set[str]]:
    """All sample and execution ids of these letters, to be looked up together."""
    everything = list(letters)
    return {one for letter in everything for one in letter.sample_ids}, {
        one for letter in everything for one in letter.execution_ids
    }


def explain(letter: DeadLetter, found: Found, *, lost_after_s: int, now: datetime) -> str:
    """What the tables say of a letter's ids now, and hence what is to be done."""
    if letter.sample_ids:
        return "; ".join(_of_samples(letter.sample_ids, found, lost_after_s, now))
    if letter.execution_ids:
        return "; ".join(
            _of_execution(one, letter.actor_name, found, lost_after_s, now) for one in letter.execution_ids
        )
    if letter.actor_name == "tick":
        return "the clock sends one every minute; nothing to do"
    return "it names no id; whatever it asked for stands in the tables and is sent again from there"


def _of_samples(ids: Sequence[int], found: Found, lost_after_s: int, now: datetime) -> list[str]:
    groups: dict[str, list[int]] = {}
    for sample_id in ids:
        groups.setdefault(_of_sample(found.samples.get(sample_id), lost_after_s, now), []).append(sample_id)
    return [f"{_named(theirs)}: {words}" for words, theirs in groups.items()]


def _of_sample(sample: SampleFound | None, lost_after_s: int, now: datetime) -> str:
    if sample is None:
        return "not known any more; nothing to do"
    if sample.state in SAMPLE_FINAL:
        return f"{sample.state}; nothing to do"
    if sample.status in EXECUTION_FINAL:
        return f"{sample.state}, but its execution ended as {sample.status}; nothing to do"
    if sample.state == SampleState.ASKING:
        return "being asked by a worker; nothing to do"
    if sample.state == SampleState.WAITING and sample.next_attempt_at is not None and sample.next_attempt_at > now:
        return f"waits until {sample.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC, and its sweep sends it again after that"
    again = _again(sample.sent_at, lost_after_s, now)
    if sample.state == SampleState.ANSWERED:
        return f"answered, not read yet; its sweep sends it again {again}"
    return f"waits; its sweep sends it again {again}"


def _of_execution(execution_id: str, actor_name: str | None, found: Found, lost_after_s: int, now: datetime) -> str:
    its: ExecutionFound | None = found.executions.get(execution_id)
    named = f"execution {execution_id}"
    if its is None:
        return f"{named} is not known any more; nothing to do"
    if actor_name == "notify":
        if its.told_at is not None:
            return f"{named}: its webhook was told; nothing to do"
        if its.next_telling_at is None:
            return f"{named}: its webhook is told no more; nothing to do"
        return f"{named}: its webhook is told again after {its.next_telling_at:%Y-%m-%d %H:%M:%S} UTC"
    if its.status in EXECUTION_FINAL:
        return f"{named} ended as {its.status}; nothing to do"
    if its.status == ExecutionState.REPORTING:
        soon_s = _left_s(its.updated_at, lost_after_s, now)
        return f"{named} waits for its report; its sweep sends it again within {soon_s} s"
    return f"{named} is {its.status}; its sweeps send what is open again"


def _again(sent_at: datetime | None, lost_after_s: int, now: datetime) -> str:
    """When a sweep takes the message that was last sent then for lost: soon in an empty queue, later in a full one."""
    soon_s, late_s = (_left_s(sent_at, lost_after_s * factor, now) for factor in (1, BUSY_FACTOR))
    return f"within {soon_s} s, or {late_s} s while its queue is not empty"


def _left_s(sent_at: datetime | None, patience_s: int, now: datetime) -> int:
    gone_s = patience_s if sent_at is None else round((now - sent_at).total_seconds())
    return max(0, patience_s - gone_s) + TICK_S


def _named(ids: Sequence[int]) -> str:
    if len(ids) > MOST_NAMED:
        return f"{len(ids)} samples from {ids[0]} on"
    return f"sample{'s' if len(ids) > 1 else ''} {', '.join(str(one) for one in ids)}"
