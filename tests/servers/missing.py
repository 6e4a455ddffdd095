"""A server that is not installed: its tests are skipped on a laptop, and fail where servers are required."""

from __future__ import annotations

from typing import NoReturn

import pytest


class ServerMissing(Exception):
    """The program is not on this machine; the message says in one sentence what to install."""


def skip_or_fail(config: pytest.Config, error: ServerMissing) -> NoReturn:
    if config.getoption("require_servers"):
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))
