"""Which messages this process can work on; any other goes to the dead letters before dramatiq sees it.

Dramatiq takes what a message says about itself on trust. Of what does not fit it makes, by kind: a consumer that is
started again and again on the same message (options that are none, an actor's name that is none), a worker thread that
dies (keyword arguments that are none, another queue's name), a message that is held until RabbitMQ takes it away (due
in a year), or three more tries, minutes apart, of a call that cannot succeed (arguments of an older version). So a
message is read here first, where it is delivered. No words about it repeat what it says: that may be anything.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import dramatiq
from dramatiq.common import q_name
from dramatiq.errors import DecodeError

from brandq.actors.middleware import MAX_DELAY_MS
from brandq.errors import BrandqError

#: clocks of two machines may differ by so much before a delayed message looks as if it were held for too long
CLOCKS_APART_MS = 5 * 60_000
#: ids are numbers of a database column
_MAX_ID = 2**63
#: options that dramatiq computes with
_NUMBERS = ("eta", "due_at", "retries", "max_retries", "min_backoff", "max_backoff", "time_limit", "broker_priority")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Unfit(BrandqError):
    """A message that nobody here can work on; the words say why. Its sender's sweep sends what is still open again."""


def read_message(body: bytes) -> dramatiq.Message[Any]:
    """The message in these bytes. Unfit where they are none, or one that would break what carries it."""
    try:
        message: dramatiq.Message[Any] = dramatiq.Message.decode(body)
    except DecodeError:
        # not even as a cause: its words repeat the body
        raise Unfit("not a message") from None
    head: tuple[object, ...] = (message.queue_name, message.actor_name, message.message_id)
    if not all(isinstance(text, str) for text in head) or not _is_whole(message.message_timestamp):
        raise Unfit("not a message: its head is of another shape")
    tail: tuple[object, ...] = (message.kwargs, message.options)
    if not all(isinstance(named, dict) for named in tail):
        raise Unfit("not a message: its arguments or options are of another shape")
    wrong = [name for name in _NUMBERS if not _is_number_or_none(message.options.get(name))]
    if wrong or not isinstance(message.options.get("traceback", ""), str):
        raise Unfit(f"not a message: its options are of another shape ({', '.join(wrong) or 'traceback'})")
    return message


def require_fit(message: dramatiq.Message[Any], queue_name: str, functions: Mapping[str, Callable[..., Any]]) -> None:
    """Unfit unless one of these actors takes this message, delivered by this queue, now or within 15 minutes."""
    if q_name(message.queue_name) != q_name(queue_name):
        raise Unfit("addressed to another queue")
    function = functions.get(message.actor_name)
    if function is None:
        raise Unfit("no such actor here")
    fault = _misfit(function, message.args, message.kwargs)
    if fault is not None:
        raise Unfit(f"arguments do not fit: {fault}")
    due_at = message.options.get("eta") or 0
    if not due_at <= time.time() * 1000 + MAX_DELAY_MS + CLOCKS_APART_MS:
        raise Unfit("due too far ahead for a message")


def functions_of(broker: dramatiq.Broker) -> dict[str, Callable[..., Any]]:
    """The functions that were bound to this broker, by the names of their actors."""
    return {name: inspect.unwrap(actor.fn) for name, actor in broker.actors.items()}


def safe_name(name: object) -> str | None:
    """A message's id or its actor's name, if it reads like one; None for anything else that stands in its place."""
    return name if isinstance(name, str) and _SAFE_NAME.fullmatch(name) else None


def _misfit(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """What is wrong with these arguments behind the desk; None where nothing is."""
    signature = _signature(function)
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:
        return f"{len(args) + len(kwargs)} of them, {len(signature.parameters) - 1} are wanted"
    for (name, value), kind in zip(bound.arguments.items(), _kinds(function), strict=False):
        if kind in KINDS and not KINDS[kind](value):
            return f"{name} is no {kind}"
    return None


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


@functools.cache
def _kinds(function: Callable[..., Any]) -> tuple[str, ...]:
    """The annotation of each parameter, the desk's first, as it is written."""
    written = (parameter.annotation for parameter in _signature(function).parameters.values())
    return tuple(kind if isinstance(kind, str) else inspect.formatannotation(kind) for kind in written)


def _is_whole(value: object) -> bool:
    return type(value) is int and -_MAX_ID < value < _MAX_ID


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_whole(value) or (type(value) is float and math.isfinite(value))


#: what is checked of an argument, by its annotation; one that does not stand here takes anything
KINDS: Mapping[str, Callable[[Any], bool]] = {
    "int": _is_whole,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "list[int]": lambda value: isinstance(value, list) and all(_is_whole(one) for one in value),
}
