"""What a message says of itself, to whoever reads it in a queue: the option ``about``.

Nothing is decided by it. A message without it, of another version or with nonsense in its place is worked on all the
same. It names ids and never what a prompt or an answer says, and stays small, because it travels with every try.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from brandq import __version__

#: of the whole, as JSON in ASCII
MOST_BYTES = 300
#: of a name in it; an engine's may be 200 characters long, a host's 64
MOST_CHARS = 64
#: its fields, and how each of those that are texts is written; an engine is named as its plan's author likes
FIELDS: Mapping[str, re.Pattern[str] | None] = {
    "execution_id": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "engine": re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+"),
    "samples": None,
    "sent_by": re.compile(r"[A-Za-z0-9_.+: -]+"),
    "version": re.compile(r"[A-Za-z0-9_.+-]+"),
}

#: who sends, where that is not simply the process: the sweep
_sender: ContextVar[str | None] = ContextVar("_sender", default=None)


@contextmanager
def sending_as(name: str) -> Iterator[None]:
    """Whatever this thread sends meanwhile says that it was sent by this."""
    token = _sender.set(name)
    try:
        yield
    finally:
        _sender.reset(token)


def about(
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    *,
    role: str,
    worker: str,
    execution_id: str | None = None,
    engine: str | None = None,
) -> dict[str, Any]:
    """What a message with these arguments says of itself, in the order in which it is read; at most MOST_BYTES.

    The execution and the number of samples are found among the arguments where the actor's parameters name them.
    """
    named = dict(zip(_parameters(fn), args, strict=False))
    samples = named.get("sample_ids")
    texts = {
        "execution_id": named.get("execution_id") or execution_id,
        "engine": engine,
        "sent_by": f"{_sender.get() or role} {worker}",
        "version": __version__,
    }
    kept = {name: text[:MOST_CHARS] for name, text in texts.items() if text is not None}
    counted = {} if samples is None else {"samples": len(samples)}
    while len(json.dumps({**kept, **counted})) > MOST_BYTES:
        # only a name in another script is as long as that: six characters for each of its own
        longest = max(kept, key=lambda name: len(json.dumps(kept[name])))
        kept[longest] = kept[longest][:-8]
    return {**kept, **counted}


@cache
def _parameters(fn: Callable[..., Any]) -> tuple[str, ...]:
    """The names of what stands behind the desk."""
    return tuple(inspect.signature(fn).parameters)[1:]


def read_about(options: Mapping[str, Any]) -> dict[str, Any]:
    """What these options of a message say of it: the fields that are there as brandq writes them, none too long.

    Anything may stand there, and what is read here is shown to people.
    """
    said = options.get("about")
    if not isinstance(said, dict):
        return {}
    read: dict[str, Any] = {}
    for name, pattern in FIELDS.items():
        value = said.get(name)
        if pattern is None:
            if type(value) is int and 0 <= value < 2**31:
                read[name] = value
        elif isinstance(value, str) and pattern.fullmatch(value[:MOST_CHARS]):
            read[name] = value[:MOST_CHARS]
    return read
