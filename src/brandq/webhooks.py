"""One webhook call over HTTP: signed, bounded, never redirected."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

#: the whole call; below the notify actor's time limit, 60 s
TOTAL_S = 20.0


async def tell(session: aiohttp.ClientSession, url: str, secret: str | None, document: Mapping[str, Any]) -> str | None:
    """POST the document as JSON; None when the receiver took it (2xx), else what went wrong, in words.

    With a secret, ``X-Brandq-Signature: sha256=…`` is the HMAC-SHA256 of the body as sent.
    """
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        headers["X-Brandq-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    try:
        async with asyncio.timeout(TOTAL_S):
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as reply:
                return None if reply.status // 100 == 2 else f"the receiver answered HTTP {reply.status}"
    except TimeoutError:
        return f"the receiver did not answer within {TOTAL_S:g} s"
    except aiohttp.ClientError as error:
        return f"{type(error).__name__}: {error}"[:200]
