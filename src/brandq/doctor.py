"""The doctor: what is right with this installation and what is not, in words, without a paid call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from brandq import __version__, store
from brandq.actors.broker import BrokerUnreachable, open_broker, queue_depths
from brandq.actors.dead_letters import MOST_LISTED, DeadLetter, dead_letters, explain, ids_of
from brandq.actors.declare import QUEUES
from brandq.actors.desk import open_registry
from brandq.errors import BadSettings, DatabaseNotReady
from brandq.settings import Settings, read_settings


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``note`` is for knowing, ``bad`` keeps something from working."""

    verdict: Literal["ok", "note", "bad"]
    words: str
    #: how many steps to the right of the finding above that it belongs to
    depth: int = 0


def examine() -> Iterator[Finding]:
    """Look at settings, database, broker, queues and engines, in this order: what may be stuck before what is many."""
    yield Finding("ok", f"brandq {__version__}")
    try:
        settings = read_settings()
    except BadSettings as error:
        yield from (Finding("bad", fault) for fault in error.faults)
        return
    for known, shown, was_set in settings.shown():
        yield Finding("ok", f"{known.variable} = {shown or '(empty)'}" + ("" if was_set else "   (default)"))
    yield from _database(settings)
    yield from _broker(settings)
    yield from _engines(settings)


def _engines(settings: Settings) -> Iterator[Finding]:
    try:
        listing = open_registry(settings).listing()
    except BadSettings as error:
        yield from (Finding("bad", fault) for fault in error.faults)
        return
    if not any(listed.configured or listed.simulated for listed in listing):
        yield Finding("bad", "no engine can be asked: set a key, or BRANDQ_SIMULATE=missing to try things out")
    simulated = [listed.name for listed in listing if listed.simulated]
    askable = [listed for listed in listing if listed.configured and not listed.simulated]
    without_key = [listed.name for listed in listing if not listed.configured and not listed.simulated]
    for listed in askable:
        yield Finding("ok", f"engine {listed.name}: {'key present' if listed.key_env else 'needs no key'}")
    if simulated:
        yield Finding("note", f"engines answered by the SIMULATOR, marked so everywhere: {', '.join(simulated)}")
    absent = [
        f"{variable}_FILE" for listed in listing for variable in listed.key_env if settings.lacks_key_file(variable)
    ]
    if absent:
        yield Finding("note", f"files of keys that are not there: {', '.join(absent)}")
    if without_key:
        yield Finding("note", f"engines without a key (`brandq engines` says which to set): {', '.join(without_key)}")


def _database(settings: Settings) -> Iterator[Finding]:
    if not store.exists(settings.database_url.reveal()):
        yield Finding("note", "database: the SQLite file is not there yet; `brandq serve` or `brandq migrate` makes it")
        return
    if settings.database_unchecked:
        yield Finding(
            "note",
            "database: nothing checks over a network that it is the right one: add "
            "`sslmode=verify-full&sslrootcert=…` to BRANDQ_DATABASE_URL, see docs/tls.md",
        )
    database = store.Database(settings.database_url.reveal(), pool_size=1, name="brandq doctor")
    now = datetime.now(UTC)
    try:
        store.require_served(database)
        yield Finding("ok", f"database: reachable, at revision {store.current_revision(database)}")
        with database.read() as db:
            broken = store.broken_truths(db, now=now, slack=store.SLACK)
            swept = store.swept(db)
            keys = store.any_keys(db)
            open_samples = store.open_samples(db)
            known = store.engine_states(db)
    except DatabaseNotReady as error:
        yield Finding("bad", f"database: {error}")
        return
    finally:
        database.dispose()
    states = ", ".join(f"{n} {state}" for state, n in sorted(open_samples.items()))
    yield Finding("ok", f"open samples: {states or 'none'}")
    for words, rows in broken.items():
        if rows:
            yield Finding("bad", f"not as it must be: {rows} {words}")
    if not any(broken.values()):
        yield Finding("ok", "nothing is stuck: leases, deadlines, sample counts and reports are as they must be")
    for scope, state in sorted(known.items()):
        if state.open_until is not None:
            yield Finding(
                "note",
                f"engine {scope}: paused ({state.open_reason}) until {state.open_until:%Y-%m-%d %H:%M} UTC, "
                f"then one call finds out; {state.open_message or 'no words came with it'}",
            )
    if keys:
        yield Finding("ok", "API keys: in force, every caller needs one")
    else:
        yield Finding("note", "API keys: none, so only this machine is answered (`brandq keys add NAME`)")
    last = max((swept_at for swept_at, _ in swept.values()), default=None)
    silent = last is None or now - last > store.CLOCK_SILENT
    when = "never" if last is None else f"{(now - last).total_seconds():.0f} s ago"
    yield Finding(
        "note" if silent else "ok",
        f"clock: the last sweep was {when}"
        + ("; start `brandq clock` and a worker on upkeep" if silent and not settings.embedded else ""),
    )
    for name, (_, repaired) in swept.items():
        if repaired:
            yield Finding("note", f"sweep {name}: repaired {repaired} in all")


def _broker(settings: Settings) -> Iterator[Finding]:
    if settings.embedded:
        yield Finding("ok", "broker: embedded, messages stay inside `brandq serve`")
        return
    try:
        broker = open_broker(settings.broker_url.reveal(), role="doctor", threads=1, grace_s=0, ca=settings.broker_ca)
    except BadSettings as error:
        yield from (Finding("bad", fault) for fault in error.faults)
        return
    if settings.broker_in_plain:
        yield Finding(
            "note",
            "broker: spoken to without TLS over a network, password included: use amqps://, see docs/tls.md",
        )
    for name in QUEUES:
        # only named here: nothing is made on the server, and a queue that is not there yet reads as empty
        broker.declare_queue(name)
    try:
        depths = queue_depths(broker)
        letters = {name: dead_letters(broker, name) for name, depth in depths.items() if depth.dead}
    except BrokerUnreachable as error:
        yield Finding("bad", f"broker: {error}")
        return
    finally:
        broker.close()
    yield Finding("ok", "broker: reachable")
    for name, depth in depths.items():
        counts = f"{depth.ready} ready, {depth.delayed} delayed, {depth.dead} dead letters"
        if depth.consumers:
            yield Finding("ok", f"queue {name}: {counts}, {depth.consumers} consumers")
        else:
            queue = name.removeprefix("brandq.")
            yield Finding("bad", f"queue {name}: {counts}, NO consumer: start `brandq work --queues {queue}`")
    yield from _dead_letters(settings, letters, {name: depth.dead for name, depth in depths.items()})


def _dead_letters(
    settings: Settings, letters: Mapping[str, Sequence[DeadLetter]], counts: Mapping[str, int]
) -> Iterator[Finding]:
    found = _looked_up(settings, [letter for theirs in letters.values() for letter in theirs])
    for name, theirs in letters.items():
        yield Finding(
            "note",
            f"queue {name}.XQ: {counts[name]} dead letters. Purging it loses nothing: what they asked for is sent "
            "again from the tables for as long as it is open"
            + (f"; the {MOST_LISTED} oldest of them:" if counts[name] > MOST_LISTED else ":"),
        )
        for letter in theirs:
            yield Finding("note", _told(letter), 1)
            if letter.sender is not None:
                yield Finding("note", f"it was sent by {letter.sender}", 2)
            if found is not None:
                words = explain(letter, found, lost_after_s=settings.lost_after_s, now=datetime.now(UTC))
                yield Finding("note", f"now: {words}", 2)


def _looked_up(settings: Settings, letters: Sequence[DeadLetter]) -> store.Found | None:
    """What the tables say of their ids; None where the tables cannot be read, which is a finding already."""
    sample_ids, execution_ids = ids_of(letters)
    database = store.Database(settings.database_url.reveal(), pool_size=1, name="brandq doctor")
    try:
        with database.read() as db:
            return store.look_up(db, sample_ids=sample_ids, execution_ids=execution_ids)
    except DatabaseNotReady:
        return None
    finally:
        database.dispose()


def _told(letter: DeadLetter) -> str:
    """One letter in one line."""
    if letter.message_id is None and letter.actor_name is None:
        return f"{letter.size} bytes: {letter.reason}"
    ids = ", ".join([*letter.execution_ids, *(str(one) for one in letter.sample_ids)])
    sent = "at an unknown time" if letter.sent_at is None else f"{letter.sent_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{letter.actor_name or '?'}({ids}), sent {sent} ({letter.message_id or 'no id'}): {letter.reason}"
