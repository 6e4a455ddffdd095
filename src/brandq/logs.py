"""The log: what each line is about, what it must not repeat, and how it looks to people or to programs.

``with about(execution_id=…)`` says what the lines of a block are about. That goes with the work wherever it goes on:
from a worker's thread to the loop, into the tasks that are made there, and back into the store's threads. Lines for
people do not show it, lines of JSON do.

Everything that is logged here, by libraries too, passes one handler, and what looks like a secret is cut out there.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from brandq import __version__
from brandq.settings import Settings

logger = logging.getLogger(__name__)

#: what a line may be about, in the order in which a line says it. Ids and names of ours: never an owner, a prompt, an
#: answer or a key
FIELDS = (
    "execution_id",
    "sample_id",
    "attempt",
    "engine",
    "actor",
    "queue",
    "message_id",
    "sweep",
    "method",
    "route",
    "request_id",
    "trace_id",
)
#: container runtimes keep a line of 16 KiB in one piece, and no longer one
MESSAGE_CHARS, TRACEBACK_CHARS = 4_000, 8_000
#: a secret that is shorter is not looked for as it stands: it may be any word, such as the password `guest`
SHORTEST_SECRET = 8
#: they tell every look at the revision in two lines, and every connection to the broker in thirty
CHATTY = ("alembic", "pika")
LINE_FOR_PEOPLE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MARK = "…"

_NOTHING: Mapping[str, str | int] = {}
_about: ContextVar[Mapping[str, str | int]] = ContextVar("brandq_about", default=_NOTHING)


@dataclass
class _Process:
    #: replaced, never changed: other threads read it meanwhile
    secrets: tuple[str, ...] = ()
    role: str = "?"


_process = _Process()


# -- what a line is about


@contextmanager
def about(**known: str | int | None) -> Iterator[None]:
    """The lines of this block are about this as well, by the names of FIELDS; None is not known."""
    token = _about.set(_and(_about.get(), known))
    try:
        yield
    finally:
        _about.reset(token)


def turn_to(**known: str | int | None) -> None:
    """From now on the lines of this thread or task are about this and nothing else; without arguments about nothing."""
    _about.set(_and(_NOTHING, known))


def known() -> Mapping[str, str | int]:
    """What a line that was written here and now would be about."""
    return _about.get()


def _and(before: Mapping[str, str | int], more: Mapping[str, str | int | None]) -> Mapping[str, str | int]:
    found = dict(before)
    for name, value in more.items():
        if value is not None:
            found[name] = value
    return found


# -- what no line repeats


def keep_secret(texts: Iterable[str | None]) -> None:
    """Never let one of these stand in a line, as it is or as it stands in a URL."""
    more = {text for text in texts if text and len(text) >= SHORTEST_SECRET}
    # the longest first, so that one which is part of another leaves no rest of it
    _process.secrets = tuple(sorted({*_process.secrets, *more}, key=len, reverse=True))


#: if none of these is in a line in lower case, no pattern below fits anywhere in it
_SUSPICIOUS = ("@", "bearer", "basic", "key", "auth", "passw", "pwd", "secret", "token", "sk-", "bq_", "failing row")
_PATTERNS = (
    # user and password of a URL
    (re.compile(r"://[^\s/?#\"'<>]+@"), f"://{MARK}@"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MARK}"),
    # a header with a key
    (
        re.compile(
            r"((?:authorization|(?:x-)?(?:goog-)?api-key)[\"']?\s*[:=]\s*[\"']?)(?!bearer|basic|…)[^\s\"',;]+",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    # a parameter of a URL or of a connection string
    (
        re.compile(
            r"((?<![\w-])(?:\w*passw(?:or)?d|pwd|\w*secret|api_?key|key|\w*token)=)[^\s&;,\"')]+",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    # keys as providers and brandq make them
    (re.compile(r"\b(sk-)[\w-]{6,}"), rf"\1{MARK}"),
    (re.compile(r"\b(bq_[A-Za-z0-9-]{1,16}_)[\x21-\x7e]{6,}"), rf"\1{MARK}"),
    # Postgres repeats a row that breaks a constraint, and an answer may stand in it
    (re.compile(r"(Failing row contains \().*", re.DOTALL), rf"\1{MARK})"),
)


def hidden(text: str) -> str:
    """The text without what is secret in it, or looks so."""
    for secret in _process.secrets:
        if secret in text:
            text = text.replace(secret, MARK)
    low = text.lower()
    if any(word in low for word in _SUSPICIOUS):
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
    return text


def _passwords(url: str) -> Iterator[str]:
    """The passwords of a URL, or of several with ``;`` between them, as they are and as they stand there."""
    for part in re.split(r";(?=\w+://)", url):
        with suppress(ValueError):
            password = urlsplit(part).password
            if password:
                yield from (password, unquote(password))


# -- how a line looks


class ForPeople(logging.Formatter):
    """A line as people read it, and a traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


class ForPrograms(logging.Formatter):
    """One JSON object in one line, of ASCII only, so that it stays one line and JSON in every locale."""

    def __init__(self, *, worker: str) -> None:
        super().__init__()
        self._worker = worker
        self._encode = json.JSONEncoder(separators=(",", ":"), default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        said = hidden(record.getMessage())
        line: dict[str, Any] = {
            "at": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": said if len(said) <= MESSAGE_CHARS else said[: MESSAGE_CHARS - 1] + MARK,
            "role": _process.role,
            "worker": self._worker,
            "version": __version__,
        }
        found = _about.get()
        if found:
            line.update((name, found[name]) for name in FIELDS if name in found)
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            # the last lines name the error
            line["traceback"] = hidden(self.formatException(record.exc_info))[-TRACEBACK_CHARS:]
        elif record.stack_info:
            line["traceback"] = hidden(record.stack_info)[-TRACEBACK_CHARS:]
        return self._encode(line)


def play(role: str) -> None:
    """What this process is, from now on: web, clock, work fetch+analyze …; a command, by its name."""
    _process.role = role


def set_up(settings: Settings) -> None:
    """Send all of this process's log to stderr as the settings ask for it. A second call replaces the first."""
    database, broker, webhook = (settings.database_url, settings.broker_url, settings.webhook_secret)
    keep_secret([*_passwords(database.reveal()), *_passwords(broker.reveal()), *_passwords(settings.webhook_url or "")])
    keep_secret([webhook.reveal() if webhook is not None else None])
    programs = settings.log_format == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ForPrograms(worker=settings.worker) if programs else ForPeople(LINE_FOR_PEOPLE))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # what Python itself writes to stderr, of several lines each, is for people
    logging.captureWarnings(programs)
    sys.excepthook = _uncaught if programs else sys.__excepthook__
    threading.excepthook = _uncaught_in_thread if programs else threading.__excepthook__


def for_programs() -> bool:
    """Whether what this process has to say goes to a program, and is to be logged rather than printed."""
    return any(isinstance(handler.formatter, ForPrograms) for handler in logging.getLogger().handlers)


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logger.critical("an error that nobody expected ends the process", exc_info=(kind, error, traceback))


def _uncaught_in_thread(died: threading.ExceptHookArgs) -> None:
    if died.exc_type is SystemExit:
        return
    name = died.thread.name if died.thread is not None else "?"
    error = died.exc_value if died.exc_value is not None else died.exc_type()
    logger.critical("an error that nobody expected ends the thread %s", name, exc_info=error)
