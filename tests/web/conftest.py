"""Applications over a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from brandq.actors.desk import Desk
from tests.web.site import ContractClient, open_desk


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk over each database in turn."""
    opened = open_desk(database_url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: Desk) -> ContractClient:
    """This machine, without a key."""
    return ContractClient(desk)


@pytest.fixture
def small_desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk over SQLite alone, for what does not depend on the database."""
    opened = open_desk(sqlite_url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def small(small_desk: Desk) -> ContractClient:
    return ContractClient(small_desk)
