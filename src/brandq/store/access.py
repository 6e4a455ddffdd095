"""Who may call, and how often: API keys and the limits that all API processes share."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.errors import Conflict, NotAuthenticated, NotFound, TooManyRequests
from brandq.store.moving import insert_or_ignore
from brandq.tables import api_keys, limits

SCOPES = ("read", "run", "admin")


@dataclass(frozen=True)
class ApiKey:
    """One key without its secret."""

    key_id: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def add_key(
    db: Connection, *, key_id: str, secret: str, name: str, owner: str, scopes: Sequence[str], now: datetime
) -> bool:
    """Keep a key; of its secret half only the hash. False when this very key is in force already.

    Conflict when its id is that of another key, of one that was revoked, or of the same one for somebody else.
    """
    row = {
        "key_id": key_id,
        "name": name,
        "owner": owner,
        "hashed": _hashed(secret),
        "scopes": list(scopes),
        "created_at": now,
    }
    if insert_or_ignore(db, api_keys, [row]):
        return True
    there = db.execute(sa.select(api_keys).where(api_keys.c.key_id == key_id)).one()
    if not hmac.compare_digest(there.hashed, row["hashed"]):
        raise Conflict(f"there is a key {key_id} already; draw another id")
    if there.revoked_at is not None:
        raise Conflict(f"key {key_id} was revoked, which is for good; make another one")
    if (there.owner, set(there.scopes)) != (owner, set(scopes)):
        held = ", ".join(there.scopes)
        raise Conflict(f"key {key_id} is {there.owner}'s with the scopes {held}; revoke it and make another one")
    return False


def any_keys(db: Connection) -> bool:
    """Whether a key is in force; without one, brandq answers only to this machine."""
    return db.execute(sa.select(api_keys.c.key_id).where(api_keys.c.revoked_at.is_(None)).limit(1)).first() is not None


def authenticate(db: Connection, key_id: str, secret: str) -> ApiKey:
    """The key that was shown. NotAuthenticated when it is unknown, revoked or wrong, without saying which."""
    row = db.execute(sa.select(api_keys).where(api_keys.c.key_id == key_id)).one_or_none()
    # the comparison takes place for an unknown id as well, so that time does not tell which ids exist
    right = hmac.compare_digest(_hashed(secret), row.hashed if row else _hashed(""))
    if row is None or not right or row.revoked_at is not None:
        raise NotAuthenticated("this API key is not valid; `brandq keys list` shows the ones that are")
    return ApiKey(row.key_id, row.name, row.owner, tuple(row.scopes), row.created_at, row.revoked_at)


def list_keys(db: Connection) -> list[ApiKey]:
    rows = db.execute(sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id))
    return [ApiKey(row.key_id, row.name, row.owner, tuple(row.scopes), row.created_at, row.revoked_at) for row in rows]


def revoke_key(db: Connection, key_id: str, *, now: datetime) -> None:
    """End a key. NotFound when there is none in force under this id."""
    ended = db.execute(
        sa.update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    if not ended.rowcount:
        raise NotFound(f"there is no key {key_id} in force")


def count_call(db: Connection, limit_key: str, *, most: int, per_s: int, now: datetime) -> int:
    """Count one call against a limit of ``most`` in any ``per_s`` seconds; how many more are free.

    TooManyRequests, with the seconds until a place is free, when the limit is used up; such a call is not counted.
    The row is locked meanwhile, so the limit holds over all API processes.
    """
    insert_or_ignore(db, limits, [{"limit_key": limit_key, "calls_ms": [], "updated_at": now}])
    held = db.execute(
        sa.select(limits.c.calls_ms).where(limits.c.limit_key == limit_key).with_for_update()
    ).scalar_one()
    now_ms = int(now.timestamp() * 1000)
    recent = [call_ms for call_ms in held if call_ms > now_ms - per_s * 1000]
    if len(recent) >= most:
        wait_s = max(1, -(-(recent[-most] + per_s * 1000 - now_ms) // 1000))
        raise TooManyRequests(f"at most {most} calls in {per_s} seconds; come back in {wait_s} s", wait_s)
    db.execute(
        sa.update(limits).where(limits.c.limit_key == limit_key).values(calls_ms=[*recent, now_ms], updated_at=now)
    )
    return most - len(recent) - 1
