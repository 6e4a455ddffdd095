"""Waiting for something to become true, and saying in words what did not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float, what: str, every_s: float = 0.05) -> T:
    """The first true thing that ``condition`` gives; AssertionError names ``what`` when none came in time."""
    ends_at = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= ends_at:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}; the last look gave {found!r}")
        time.sleep(every_s)
