"""Which messages this process works on, since when, and until when they may take."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import dramatiq
from dramatiq.middleware import Middleware


@dataclass(frozen=True)
class Begun:
    """A message that an actor works on. ``began`` is an instant of CLOCK_MONOTONIC, in seconds."""

    actor: str
    message_id: str
    began: float
    time_limit_s: float


class InProgress(Middleware):
    """Notes each message from its begin to its end, whatever that is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[str, Begun] = {}

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        # as TimeLimit reads it: the message's own, then its actor's
        limit_ms = message.options.get("time_limit") or broker.get_actor(message.actor_name).options["time_limit"]
        begun = Begun(message.actor_name, message.message_id, time.monotonic(), limit_ms / 1000)
        with self._lock:
            self._begun[message.message_id] = begun

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        self._end(message)

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        self._end(message)

    def first_due(self) -> Begun | None:
        """The message whose time limit passes first; None where no message is worked on."""
        with self._lock:
            return min(self._begun.values(), key=lambda one: one.began + one.time_limit_s, default=None)

    def _end(self, message: dramatiq.MessageProxy) -> None:
        with self._lock:
            self._begun.pop(message.message_id, None)
