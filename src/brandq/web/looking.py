"""One look at the broker that serves everybody who asks within some seconds."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import Any

from brandq.actors.broker import QueueDepth, queue_depths
from brandq.actors.dead_letters import DeadLetter, dead_letters
from brandq.actors.desk import Desk
from brandq.errors import BrandqError

#: seconds that one look at the broker serves; a probe every second must not open a connection every second
BROKER_S = 5.0


class BrokerLook:
    """The queues as of at most BROKER_S seconds ago. One caller looks, the others wait for what it sees."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._lock = threading.Lock()
        self._looked_at = self._listed_at = -BROKER_S
        self._depths: dict[str, QueueDepth] = {}
        self._letters: list[DeadLetter] = []
        self._error: str | None = None

    def depths(self) -> dict[str, QueueDepth] | None:
        """Each queue's depth; None where the broker cannot be reached."""
        with self._lock:
            self._look()
            return None if self._error else self._depths

    def see(self) -> dict[str, Any]:
        """The same for the wire, with words for what is wrong."""
        with self._lock:
            self._look()
            if self._error:
                return {"reachable": False, "error": self._error, "queues": {}}
            queues = {name: asdict(depth) for name, depth in self._depths.items()}
            return {"reachable": True, "error": None, "queues": queues}

    def letters(self) -> list[DeadLetter] | None:
        """The oldest dead letters of every queue; None where the broker cannot be reached."""
        with self._lock:
            self._look()
            if self._error is None and time.monotonic() - self._listed_at >= BROKER_S:
                try:
                    dead = [name for name, depth in self._depths.items() if depth.dead]
                    self._letters = [letter for name in dead for letter in dead_letters(self.desk.broker, name)]
                except BrandqError as error:
                    self._error = str(error)
                self._listed_at = time.monotonic()
            return None if self._error else self._letters

    def _look(self) -> None:
        if time.monotonic() - self._looked_at >= BROKER_S:
            try:
                self._depths, self._error = queue_depths(self.desk.broker), None
            except BrandqError as error:
                self._error = str(error)
            self._looked_at = time.monotonic()
