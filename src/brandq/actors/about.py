"""What a message says of itself, to whoever reads it in a queue: the option ``about``.

Nothing is decided by it. A message without it, of another version or with nonsense in its place is worked on all the
same. It names ids and never what a prompt or an answer says, and stays small, because it travels with every try.
"""

from __future__ import annotations

import inspect
import json
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
#: its fields, each a text but for the number of samples
FIELDS: Mapping[str, type] = {"execution_id": str, "engine": str, "samples": int, "sent_by": str, "version": str}

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
    """What these options of a message say of it: the fields that are there in their right shape, none too long."""
    said = options.get("about")
    if not isinstance(said, dict):
        return {}
    return {
        name: said[name][:MOST_CHARS] if isinstance(said[name], str) else said[name]
        for name, kind in FIELDS.items()
        if type(said.get(name)) is kind and (kind is str or 0 <= said[name] < 2**31)
    }
