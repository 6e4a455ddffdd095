"""``python -m brandq`` is ``brandq``."""

import sys

from brandq.cli import main

if __name__ == "__main__":
    sys.exit(main())
