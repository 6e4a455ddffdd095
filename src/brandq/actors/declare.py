"""What an actor is called, which queue carries it and which limits hold for it, before any broker exists.

An actor is a plain function whose first parameter is the desk and whose other arguments are ids. The decorator only
records it, so importing an actor opens nothing and needs no settings; ``bind`` later builds dramatiq's actors on one
broker with one desk, and ``message`` builds a message without any broker. The same process may therefore bind the
same functions to RabbitMQ, to the embedded broker, or (in tests) to one after the other.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import dramatiq

from brandq.actors.middleware import MAX_DELAY_MS, LoopDesk, LoopResources, SafeAsyncIO

F = TypeVar("F", bound=Callable[..., Any])

#: every queue, and what its messages ask for; the order in which spare threads are given out (see ``shares``)
QUEUES: Mapping[str, str] = MappingProxyType(
    {
        "brandq.fetch": "ask one engine a batch of samples: slow, waits on the network, costs money",
        "brandq.analyze": "read the answers of a batch of samples: short, pure computing",
        "brandq.report": "freeze the report of a finished execution: short, one per execution",
        "brandq.notify": "tell a webhook that a report is ready: waits on somebody else's server",
        "brandq.upkeep": "the clock's tick and its sweeps: send again, release, expire, clean up",
    }
)

#: broker_priority runs from 0 to this; it is the queues' x-max-priority, and changing it means new queues (one that
#: is there is taken as it is, and never gets another number)
MAX_PRIORITY = 10
#: RabbitMQ closes the channel of a consumer that leaves a message unacknowledged for consumer_timeout (30 min), and
#: gives the message to somebody else while the first still works on it: every time limit stays five minutes below
MAX_TIME_LIMIT_MS = 25 * 60_000

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9._-]*")


@dataclass(frozen=True)
class Declared:
    """One function's standing orders. ``options`` are dramatiq's actor options, None values left out."""

    fn: Callable[..., Any]
    actor_name: str
    queue_name: str
    options: Mapping[str, Any]


#: every function that the decorator has seen in this process
DECLARED: dict[Callable[..., Any], Declared] = {}


def actor(
    *,
    queue_name: str,
    actor_name: str | None = None,
    max_retries: int = 3,
    min_backoff: int = 60_000,
    max_backoff: int = 600_000,
    time_limit: int = 600_000,
    periodic: Any = None,
    **dramatiq_options: Any,
) -> Callable[[F], F]:
    """Record a function as an actor and give it back unchanged, so that tests call it like any function.

    The defaults are the predecessor's limits: three more tries, the first after a minute or two, ten minutes at most.
    Times are milliseconds. ``periodic`` takes ``periodiq.cron("* * * * *")``; it is left out of the options when None,
    because periodiq's scheduler takes the mere presence of the key for a schedule.
    """
    if not _NAME.fullmatch(queue_name):
        raise ValueError(f"{queue_name!r} cannot be the name of a queue")
    if max_backoff > MAX_DELAY_MS:
        raise ValueError(f"max_backoff={max_backoff} is over {MAX_DELAY_MS} ms: keep longer waits in the table")
    if time_limit > MAX_TIME_LIMIT_MS:
        raise ValueError(f"time_limit={time_limit} is over {MAX_TIME_LIMIT_MS} ms: split the work into more messages")

    def record(fn: F) -> F:
        options = {
            "max_retries": max_retries,
            "min_backoff": min_backoff,
            "max_backoff": max_backoff,
            "time_limit": time_limit,
            "periodic": periodic,
            **dramatiq_options,
        }
        kept = MappingProxyType({name: value for name, value in options.items() if value is not None})
        DECLARED[fn] = Declared(fn, actor_name or fn.__name__, queue_name, kept)
        return fn

    return record


def declared(fn: Callable[..., Any]) -> Declared:
    """What the decorator recorded about this function. KeyError names a function that is not an actor."""
    return DECLARED[fn]


def bind(broker: dramatiq.Broker, desk: LoopDesk, functions: Iterable[Callable[..., Any]]) -> None:
    """Let a worker on this broker call these functions with this desk, and open the desk when that worker boots.

    Queues become known to the broker here, but nothing is sent to a server yet. Binding a name twice to one broker
    raises ValueError, and so does an option that no middleware of the broker understands.
    """
    has_loop = any(isinstance(middleware, SafeAsyncIO) for middleware in broker.middleware)
    has_desk = any(
        isinstance(middleware, LoopResources) and middleware.desk is desk for middleware in broker.middleware
    )
    if has_loop and not has_desk:
        broker.add_middleware(LoopResources(desk), after=SafeAsyncIO)
    for fn in functions:
        known = declared(fn)
        unknown = set(known.options) - broker.actor_options
        if unknown:
            raise ValueError(f"{known.actor_name}: no middleware of this broker knows {', '.join(sorted(unknown))}")
        dramatiq.Actor(
            # A partial hides its function's name and module, which dramatiq logs; and inspect sees through a partial
            # to a coroutine function, so dramatiq still puts async actors on the loop.
            functools.update_wrapper(functools.partial(fn, desk), fn),
            broker=broker,
            actor_name=known.actor_name,
            queue_name=known.queue_name,
            # dramatiq's own order (low first) sorts what waits inside a process; nothing does, see ``shares``
            priority=0,
            options=dict(known.options),
        )


def message(
    fn: Callable[..., Any], *args: Any, priority: int | None = None, about: Mapping[str, Any] | None = None
) -> dramatiq.Message[Any]:
    """A message for this actor, ready for ``Publisher.send``. High priorities go first; None counts as 0.

    ``about``: what it says of itself to whoever reads it in a queue, see the module of that name.
    Arguments are ids: what JSON cannot say raises TypeError here, at the caller, not later in the publishing thread.
    """
    if priority is not None and not 0 <= priority <= MAX_PRIORITY:
        raise ValueError(f"priority {priority} is not between 0 and {MAX_PRIORITY}")
    known = declared(fn)
    built: dramatiq.Message[Any] = dramatiq.Message(
        queue_name=known.queue_name,
        actor_name=known.actor_name,
        args=args,
        kwargs={},
        options={
            **({} if priority is None else {"broker_priority": priority}),
            **({} if about is None else {"about": dict(about)}),
        },
    )
    built.encode()
    return built
