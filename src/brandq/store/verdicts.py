"""Verdicts: what a judge replied, kept under a digest of what was asked and of who was asked, so it is asked once."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.store.moving import insert_or_ignore
from brandq.tables import verdicts

#: ids bound in one statement; SQLite takes 32,766 at most
_MOST_IDS = 5000


@dataclass(frozen=True)
class Verdict:
    """A judge's reply as it is kept. ``cost`` is None where it is not known; ``verdict`` holds the reply's text."""

    verdict_key: str
    engine: str
    model: str
    served_model: str | None
    prompt_version: str
    verdict: Mapping[str, Any]
    cost: Decimal | None
    currency: str | None
    judged_at: datetime


_KEPT = [verdicts.c[name] for name in Verdict.__dataclass_fields__]


def stored_verdicts(db: Connection, keys: Iterable[str]) -> dict[str, Verdict]:
    """Those of the keys that have a verdict, and which."""
    wanted = sorted(set(keys))
    found: dict[str, Verdict] = {}
    for start in range(0, len(wanted), _MOST_IDS):
        chosen = sa.select(*_KEPT).where(verdicts.c.verdict_key.in_(wanted[start : start + _MOST_IDS]))
        found |= {row.verdict_key: Verdict(**row._mapping) for row in db.execute(chosen)}
    return found


def keep_verdict(db: Connection, verdict: Verdict, *, request: Mapping[str, Any], raw: bytes | None) -> bool:
    """Keep a verdict with what was sent and what came back; False where another one stands, which stays.

    Whoever came first decides, for numbers may have been made from it.
    """
    row = {
        **vars(verdict),
        "verdict": dict(verdict.verdict),
        "request": dict(request),
        "raw": None if raw is None else zlib.compress(raw),
    }
    return insert_or_ignore(db, verdicts, [row]) > 0


def forget_verdicts(db: Connection, *, before: datetime) -> int:
    """Forget verdicts given before then; how many. They hold the answers that were judged and go with no execution."""
    return db.execute(sa.delete(verdicts).where(verdicts.c.judged_at < before)).rowcount
