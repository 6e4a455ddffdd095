"""Keys are kept as hashes; a limit holds over every caller that shares the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.errors import Conflict, NotAuthenticated, NotFound, TooManyRequests
from brandq.store import Database
from tests.store.samples_at_hand import NOW


def test_a_key_opens_until_it_is_revoked(database: Database) -> None:
    """Given a key, when it is shown with its secret, then it is known; wrong, unknown or revoked it is not."""
    with database.begin() as db:
        assert not store.any_keys(db)
        fields = {"name": "Ann", "owner": "ann", "scopes": ["run"], "now": NOW}
        store.add_key(db, key_id="k1", secret="s3cret", **fields)
        assert store.any_keys(db)
        assert store.authenticate(db, "k1", "s3cret").owner == "ann"
        for key_id, secret in (("k1", "wrong"), ("k2", "s3cret"), ("k1", "")):
            with pytest.raises(NotAuthenticated):
                store.authenticate(db, key_id, secret)
        assert "s3cret" not in str(db.execute(sa.text("SELECT * FROM api_keys")).all())
        store.revoke_key(db, "k1", now=NOW)
        with pytest.raises(NotAuthenticated):
            store.authenticate(db, "k1", "s3cret")
        with pytest.raises(NotFound):
            store.revoke_key(db, "k1", now=NOW)


def test_a_key_is_added_once(database: Database) -> None:
    """Given a key, when it is added again, then nothing changes and that is told; another secret under its id, another owner,
    other scopes, or a key that was revoked are refused."""
    fields = {"key_id": "k1", "secret": "s3cret", "name": "Ann", "owner": "ann", "scopes": ["run"], "now": NOW}
    with database.begin() as db:
        assert store.add_key(db, **fields)
        assert not store.add_key(db, **fields)
        for change, words in (
            ({"secret": "another"}, "draw another id"),
            ({"owner": "bob"}, "ann's with the scopes run"),
            ({"scopes": ["admin"]}, "ann's with the scopes run"),
        ):
            with pytest.raises(Conflict, match=words):
                store.add_key(db, **{**fields, **change})
        assert len(store.list_keys(db)) == 1
        assert store.authenticate(db, "k1", "s3cret").scopes == ("run",)
        store.revoke_key(db, "k1", now=NOW)
        with pytest.raises(Conflict, match="was revoked, which is for good"):
            store.add_key(db, **fields)


def test_a_limit_holds_in_any_window(database: Database) -> None:
    """Given three calls a minute, when a fourth comes, then it waits until the first is a minute old."""

    def call(seconds: float) -> int:
        with database.begin() as db:
            return store.count_call(db, "ann", most=3, per_s=60, now=NOW + timedelta(seconds=seconds))

    assert [call(0), call(30), call(59)] == [2, 1, 0]
    with pytest.raises(TooManyRequests) as refused:
        call(59.5)
    assert refused.value.wait_s == 1
    assert call(60.1) == 0, "the first call has left the window"
    with pytest.raises(TooManyRequests):
        call(61)


def test_a_limit_holds_for_callers_at_the_same_moment(database_url: str) -> None:
    """Given two processes' pools, when twelve calls come at once, then exactly the limit passes."""
    pools = [Database(database_url), Database(database_url)]

    def call(number: int) -> bool:
        try:
            with pools[number % 2].begin() as db:
                store.count_call(db, "ann", most=5, per_s=60, now=NOW)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(call, range(12))) == 5
    for pool in pools:
        pool.dispose()
