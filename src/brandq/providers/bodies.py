"""Bodies of unknown make: bytes to JSON, and from JSON only what has the expected type and can be stored.

Shared by the dialects. Nothing here raises, whatever the bytes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from brandq.providers import streams
from brandq.providers.trouble import storable

Json = Mapping[str, Any]

#: what a count's column takes
_MAX_COUNT = 2**31 - 1
_MAX_COST = Decimal(1_000_000)
#: as many decimal places as are stored
PLACES = Decimal("0.000000001")
#: blank lines and comments that keep a slow connection alive before the body begins
_PREAMBLE = re.compile(r"\A(?:\s++|:[^\n]*+)++")
#: the same with the mark of the encoding before it, in bytes
_RAW_PREAMBLE = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:\s++|:[^\n]*+)*+")
#: a wait in words, "Please try again in 6m0s" or "retry after 26 seconds"
_WAIT = re.compile(
    r"\b(?:try again|retry) (?:in|after) "
    r"(?:((?:\d{1,6}(?:\.\d{1,9})?(?:ms|h|m|s)){1,4})\b|(\d{1,6}(?:\.\d{1,9})?) seconds?\b)",
    re.IGNORECASE,
)
#: deeper ones come from no assistant
_MAX_LEVELS = 50


class Garbled(str):
    """Why a body is not JSON, in words."""


def parsed(body: bytes) -> Any:
    """The JSON in the body, or why there is none. Numbers with a point stay exact."""
    try:
        # Strictly UTF-8, as JSON on the wire must be. Repairing it would lose exactly the brand names that are counted,
        # and an answer that silently lacks them reads as "not mentioned"; so it is no answer, and is asked for again.
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Garbled("a body that is not UTF-8")
    text = _PREAMBLE.sub("", text, count=1)
    if not text:
        return Garbled("an empty body")
    try:
        return _json(text)
    except (ValueError, RecursionError):
        if text.startswith("<"):
            return Garbled(f"HTML instead of JSON{_html_title(text)}")
        return _streamed(text)


def _json(text: str) -> Any:
    return json.loads(text, parse_float=_exact, parse_constant=lambda _: None)


def _streamed(text: str) -> Any:
    """The reply that an event stream makes, or a JSON on each line: nobody asked for it, but it is paid for."""
    events = text.startswith(streams.BEGINNINGS)
    try:
        pieces, ended = streams.pieces_of(text, _json) if events else (streams.lines_of(text, _json), False)
        whole = streams.joined(pieces, ended=ended)
    except (ValueError, RecursionError):
        whole = None
    if whole is None:
        return Garbled("an event stream that breaks off" if events else "cut or broken JSON")
    return whole


def in_one(bodies: Iterable[bytes]) -> bytes:
    """A JSON array of these bodies, each as it came but for what may stand before JSON and nowhere inside of it.

    One that came as an event stream is there as the reply that it makes.
    """
    return b"[" + b",".join(map(_array_item, bodies)) + b"]"


def _array_item(body: bytes) -> bytes:
    body = _RAW_PREAMBLE.sub(b"", body, count=1)
    if not body.startswith(tuple(beginning.encode() for beginning in streams.BEGINNINGS)):
        return body
    try:
        return json.dumps(sendable(parsed(body)), ensure_ascii=False).encode("utf-8", "backslashreplace")
    except ValueError:
        return body


def sendable(found: object, levels: int = _MAX_LEVELS) -> Any:
    """What ``parsed`` gave, in a form that JSON can be written from: exact numbers are floats again.

    ValueError for what cannot be sent back as it came: a number beyond all floats, or things inside of things without
    end.
    """
    if isinstance(found, Decimal):
        number = float(found)
        if not math.isfinite(number):
            raise ValueError("a number that JSON has no form for")
        return number
    if isinstance(found, dict | list) and not levels:
        raise ValueError("too many levels")
    if isinstance(found, dict):
        return {name: sendable(value, levels - 1) for name, value in found.items()}
    if isinstance(found, list):
        return [sendable(item, levels - 1) for item in found]
    return found


def _exact(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent beyond what decimal holds
        return Decimal("NaN")


def _html_title(text: str) -> str:
    title = re.search(r"<title[^>]{0,200}>([^<]{1,200})", text[:20_000], re.IGNORECASE)
    return f" ({' '.join(title[1].split())})" if title else ""


def dicts(found: object) -> list[Json]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def count(found: object) -> int | None:
    """A count as it may be stored; None for anything else."""
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= _MAX_COUNT:
        return None
    return found


def added(counts: Iterable[int | None]) -> int | None:
    """The sum as it may be stored; None where one of them is not known, for the rest would understate it."""
    known = 0
    for number in counts:
        if number is None:
            return None
        known += number
    return count(known)


def amount(found: object, parts: Decimal = Decimal(1)) -> Decimal | None:
    """An amount of money as it may be stored, counted in so many parts of one; None for anything else."""
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        return None
    amount = Decimal(found)
    if not amount.is_finite() or not 0 <= amount < _MAX_COST * parts:
        return None
    return (amount / parts).quantize(PLACES)


def codes_in(error: object, around: Json) -> list[str]:
    codes: list[object] = []
    for place in (error, around):
        if isinstance(place, dict):
            details = place.get("details")
            if isinstance(details, dict):  # more telling than the type, which stays the broad one
                codes.append(details.get("error_code"))
            for detail in dicts(details):  # Google's: its reason and its quotas say more than its status
                quotas = [violation.get("quotaId") for violation in dicts(detail.get("violations"))]
                codes += [detail.get("reason"), *quotas]
            codes += [place.get(name) for name in ("code", "error_code", "type", "status", "reason")]
            metadata = place.get("metadata")
            if isinstance(metadata, dict):
                codes += metadata.values()
    if isinstance(error, str):
        codes.append(error)
    kept = [str(code) for code in codes if isinstance(code, str | int) and not isinstance(code, bool)]
    return [storable(code) for code in kept if 0 < len(code) <= 80]


def words_in(error: object) -> str:
    """What the error says in words, with what lies behind a gateway's own."""
    if isinstance(error, str):
        return error
    if isinstance(error, list):
        return "; ".join(filter(None, (words_in(item) for item in error[:3] if not isinstance(item, list))))
    if not isinstance(error, dict):
        return ""
    said = [error.get(name) for name in ("message", "msg", "error_msg", "status_msg", "detail")]
    metadata = error.get("metadata")
    if isinstance(metadata, dict):
        said.append(metadata.get("raw"))
    words = [text for text in said if isinstance(text, str) and text]
    if not words and isinstance(error.get("detail"), list):
        words = [item["msg"] for item in dicts(error["detail"])[:3] if isinstance(item.get("msg"), str)]
    return "; ".join(text[:1000] for text in words)


def wait_in(error: object, words: str) -> dict[str, str]:
    """How long the error asks to wait, as headers: Google has none for it, and gateways hand on those of others inside.

    What only the words say counts where nothing else does.
    """
    found: dict[str, str] = {}
    said = _WAIT.search(words[:2000])
    if said:
        found["retry-after"] = said[1] or said[2]
    if isinstance(error, dict):
        metadata = error.get("metadata")
        inside = metadata.get("headers") if isinstance(metadata, dict) else None
        for name, value in inside.items() if isinstance(inside, dict) else []:
            if name.lower().startswith(("retry-after", "x-ratelimit-")) and isinstance(value, str | int):
                found[name.lower()] = str(value)[:100]
        delays = [detail.get("retryDelay") for detail in dicts(error.get("details"))]
        delay = next((delay for delay in delays if isinstance(delay, str)), None)
        if delay is not None:
            found["retry-after"] = delay
    return found
