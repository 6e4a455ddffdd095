"""What ``brandq`` and ``python -m brandq`` begin with."""

import sys

from brandq.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
