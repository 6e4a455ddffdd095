"""Sessions of the pages: each stands for an API key, can do what the key can, and ends with it."""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.store.access import ApiKey
from brandq.tables import api_keys, sessions


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(db: Connection, token: str, *, key_id: str, now: datetime, expires_at: datetime) -> None:
    """Keep a session; of its token only the hash. Those of this key that have passed are forgotten."""
    db.execute(sa.delete(sessions).where(sessions.c.key_id == key_id, sessions.c.expires_at <= now))
    row = {"hashed": _hashed(token), "key_id": key_id, "created_at": now, "expires_at": expires_at}
    db.execute(sa.insert(sessions), row)


def session_key(db: Connection, token: str, *, now: datetime) -> ApiKey | None:
    """The key that a session stands for; None when there is no such session, or it or its key has ended."""
    row = db.execute(
        sa.select(api_keys)
        .join(sessions, sessions.c.key_id == api_keys.c.key_id)
        .where(sessions.c.hashed == _hashed(token), sessions.c.expires_at > now, api_keys.c.revoked_at.is_(None))
    ).one_or_none()
    return ApiKey(row.key_id, row.name, row.owner, tuple(row.scopes), row.created_at, None) if row else None


def close_session(db: Connection, token: str) -> None:
    db.execute(sa.delete(sessions).where(sessions.c.hashed == _hashed(token)))
