"""The lines of the log of this process, as programs read them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brandq import logs


class Lines(logging.Handler):
    """Keeps each record as the line of JSON that it is written as."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logs.ForPrograms(worker="here:1"))
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def saying(self, words: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if words in line["message"]]


@contextmanager
def keeping_lines() -> Iterator[Lines]:
    """The lines of brandq and of what it stands on, from DEBUG on."""
    root, handler = logging.getLogger(), Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
