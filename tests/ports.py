"""Ports that nobody listens on."""

from __future__ import annotations

import random
import socket

#: below the range from which Linux takes the near end of outgoing connections (32768 and up), so that a server which
#: was killed finds its port free when it starts again
LOW, HIGH = 15_000, 32_000

_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and which this process has not given out before."""
    for _ in range(1000):
        port = random.randrange(LOW, HIGH)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError(f"no free port between {LOW} and {HIGH}")
