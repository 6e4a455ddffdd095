"""A store on each database."""

from collections.abc import Iterator

import pytest

from brandq.store import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.dispose()
