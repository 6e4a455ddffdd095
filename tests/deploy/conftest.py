"""What looks at deploy/ needs tools; where they are required, a missing one fails a test."""

from __future__ import annotations

import pytest

from tests.deploy import tools


def pytest_configure(config: pytest.Config) -> None:
    tools.required = bool(config.getoption("require_servers"))
