"""Chains: answers as rows, each bound to the one before it in its execution."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from brandq.providers.dialect import Answer


def answer_row(
    sample_id: int, answer: Answer, *, raw: bytes | None, request: Mapping[str, Any] | None, answered_at: datetime
) -> dict[str, Any]:
    """A row of answers. Its digest covers what was sent and what came back, or the text where nothing was sent."""
    covered = hashlib.sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode())
    covered.update(answer.text.encode() if raw is None else raw)
    return {
        "sample_id": sample_id,
        "text": answer.text,
        "kind": str(answer.kind),
        "finish": answer.finish,
        "served_model": answer.served_model,
        "search_requested": answer.search_requested,
        "search_executed": answer.search_executed,
        "sources": [
            {
                "url": citation.url,
                "title": citation.title,
                "cited": citation.cited,
                "via": citation.via,
                "start": citation.start,
                "end": citation.end,
            }
            for citation in answer.citations
        ],
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "cost": answer.cost,
        "currency": answer.currency,
        "cost_basis": answer.cost_basis,
        "latency_ms": None,
        "asked_at": None,
        "answered_at": answered_at,
        "http_status": None,
        "request": None if request is None else dict(request),
        "raw": None if raw is None else zlib.compress(raw),
        "digest": covered.hexdigest(),
        "simulated": False,
        "imported": False,
        "taken_from": None,
    }


def seal(db: Connection, rows: Sequence[Mapping[str, Any]], places: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]
