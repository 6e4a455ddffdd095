"""What ``brandq`` and ``python -m brandq`` begin with."""

import sys
from collections.abc import Sequence

from brandq import heartbeat

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    wanted = heartbeat.asked(given)
    if wanted is not None:
        return heartbeat.probe(wanted)
    from brandq.cli import main as command

    return command(given)


if __name__ == "__main__":
    sys.exit(main())
