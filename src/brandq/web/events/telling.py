"""What stands in an event stream: its events as text/event-stream spells them, and the cursors that resume it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from brandq import store
from brandq.store import Execution, following
from brandq.store.following import FailedSample, Landed
from brandq.time_left import TimeLeft
from brandq.web.api import urls
from brandq.web.forecast import in_words
from brandq.words import Words

#: a comment, which keeps proxies from closing a stream that has nothing to tell
KEEP_ALIVE = b": keep-alive\n\n"
#: the same while the tables cannot be read
NOT_NOW = b": the database does not answer just now; this goes on once it does\n\n"
#: milliseconds after which a client whose stream broke off comes back
RETRY = b"retry: 2000\n\n"

_CURSOR = re.compile(r"a(\d{1,10})\.r(\d{1,10})\.f(\d{1,10})\.k(\d{1,18})(\.end)?")


@dataclass(frozen=True)
class Cursor:
    """How much one listener was told: ``a12.r10.f3.k981`` on the wire.

    All answers up to number ``answers`` of the chain, and what was read in all of them up to number ``read``; so many
    failed samples, of which ``last_failure`` is the one that was settled last. ``ended``: its end, too.
    """

    answers: int = 0
    read: int = 0
    failures: int = 0
    last_failure: int = 0
    ended: bool = False

    def __str__(self) -> str:
        return f"a{self.answers}.r{self.read}.f{self.failures}.k{self.last_failure}{'.end' if self.ended else ''}"


def read_cursor(text: str) -> Cursor:
    """The cursor that an event had as its id. ValueError with words for what is none."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise ValueError("is not the id of an event of this service; leave it out to be told everything")
    answers, read, failed, last = (int(number) for number in found.groups()[:4])
    return Cursor(answers, min(read, answers), failed, last, found[5] is not None)


@dataclass
class Told:
    """How much was told so far, and which of the told answers were not read then: by sample, their chain_no."""

    answers: int = 0
    unread: dict[int, int] = field(default_factory=dict)
    failures: int = 0
    last_failure: tuple[datetime, int] | None = None
    #: the least chain_no of the unread, None where it is not known; there may be thousands, and each event asks for it
    _least: int | None = None

    @property
    def cursor(self) -> Cursor:
        read = self.answers
        if self.unread:
            if self._least is None:
                self._least = min(self.unread.values())
            read = max(0, self._least - 1)
        return Cursor(self.answers, read, self.failures, self.last_failure[1] if self.last_failure else 0)

    def tell_answer(self, answer: Landed) -> None:
        self.answers = max(self.answers, answer.chain_no)
        if answer.brands is None:
            self.unread[answer.sample_id] = answer.chain_no
            self._least = None if self._least is None else min(self._least, answer.chain_no)

    def tell_reading(self, sample_id: int) -> None:
        if self.unread.pop(sample_id) == self._least:
            self._least = None

    def tell_failure(self, failure: tuple[datetime, int]) -> None:
        self.failures += 1
        self.last_failure = failure if self.last_failure is None else max(self.last_failure, failure)


@dataclass
class Event:
    """One event, written once for each language, however many listen. ``cursor`` None: it resumes nothing."""

    name: str
    data: Callable[[Words], Mapping[str, Any]]
    cursor: Cursor | None = None
    _written: dict[str, bytes] = field(default_factory=dict)

    def written(self, words: Words) -> bytes:
        if words.language not in self._written:
            # half a surrogate pair, which JSON can spell and UTF-8 cannot, goes out as the escape that it came in with
            body = json.dumps(self.data(words), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            numbered = "" if self.cursor is None else f"id: {self.cursor}\n"
            text = f"event: {self.name}\n{numbered}data: {body}\n\n"
            self._written[words.language] = text.encode("utf-8", "backslashreplace")
        return self._written[words.language]


def answer_event(execution_id: str, answer: Landed, cursor: Cursor | None) -> Event:
    data = {
        **_place(answer),
        "kind": answer.kind,
        "served_model": answer.served_model,
        "simulated": answer.simulated,
        "imported": answer.imported,
        "taken_from": answer.taken_from,
        "excerpt": answer.excerpt,
        "latency_ms": answer.latency_ms,
        "cost": {
            "amount": None if answer.cost is None else str(answer.cost),
            "currency": answer.currency,
            "basis": answer.cost_basis,
        },
        "brands": None if answer.brands is None else list(answer.brands),
        "links": {"answer": f"{urls(execution_id)['self']}/answers/{answer.sample_id}"},
    }
    return Event("answer", lambda _: data, cursor)


def _place(sample: Landed | FailedSample) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in ("sample_id", "prompt_no", "engine", "repeat_no")}


def read_event(sample_id: int, brands: tuple[str, ...], cursor: Cursor) -> Event:
    return Event("read", lambda _: {"sample_id": sample_id, "brands": list(brands)}, cursor)


def _failed_event(failed: FailedSample, cursor: Cursor) -> Event:
    def data(words: Words) -> dict[str, Any]:
        message = None if failed.error_message is None else words.told(failed.error_message)
        return {**_place(failed), "error": {"code": failed.error_code, "message": message}}

    return Event("failed", data, cursor)


def failed_events(db: store.Transaction, new: Sequence[tuple[datetime, int]], told: Told) -> list[Event]:
    """The events of these failed samples, each with its cursor; ``told`` counts them from then on."""
    found = {one.sample_id: one for one in following.failed_samples(db, [sample_id for _, sample_id in new])}
    events = []
    for failure in new:
        told.tell_failure(failure)
        if failure[1] in found:
            events.append(_failed_event(found[failure[1]], told.cursor))
    return events


def progress_event(going: Mapping[str, Any], left: TimeLeft | None) -> Event:
    """``going``: what of the shown execution changes. ``left`` None: it has ended."""

    def data(words: Words) -> dict[str, Any]:
        settled, planned = (words.number(going["progress"][name]) for name in ("settled", "planned"))
        sentence = words.say("{settled} of {planned} samples settled", settled=settled, planned=planned)
        told = None if left is None else in_words(left, words)
        if told is not None and told["words"] is not None:
            sentence = words.say("{settled}; {left}", settled=sentence, left=told["words"])
        return {**going, "engines": [_engine(one, words) for one in going["engines"]], "left": told, "words": sentence}

    return Event("progress", data)


def _engine(shown: Mapping[str, Any], words: Words) -> dict[str, Any]:
    paused = shown["paused"]
    if paused is None or paused["message"] is None:
        return {**shown}
    return {**shown, "paused": {**paused, "message": words.told(paused["message"])}}


def end_event(found: Execution, cursor: Cursor) -> Event:
    links = {name: urls(found.execution_id)[name] for name in ("self", "report")}
    data = {"status": found.status, "links": links}
    ended = Cursor(cursor.answers, cursor.read, cursor.failures, cursor.last_failure, True)
    return Event("end", lambda _: data, ended)
