"""What ``brandq`` and ``python -m brandq`` begin with."""

import os
import signal
import sys
from collections.abc import Sequence

from brandq import heartbeat

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    if os.getpid() == 1:
        # The kernel gives the first process of a container only the signals that it handles. Until the role listens
        # itself, a pod that is deleted while it starts would stay for all of its grace
        signal.signal(signal.SIGTERM, lambda signum, _: os._exit(128 + signum))
    given = sys.argv[1:] if argv is None else argv
    wanted = heartbeat.asked(given)
    if wanted is not None:
        return heartbeat.probe(wanted)
    from brandq.cli import main as command

    return command(given)


if __name__ == "__main__":
    sys.exit(main())
