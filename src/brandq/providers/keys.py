"""A key in whatever way a reply may spell it, found and cut out: providers repeat it in errors, and servers echo."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "***"
#: a shorter key (local servers take any word) may stand in a text by chance; cutting it out would spoil the words
MIN_KEY_CHARS = 8


def without_key(body: bytes, key: str | None) -> bytes:
    """The body with the key replaced in every spelling that JSON, addresses, pages and headers have for it."""
    if key is None or len(key) < MIN_KEY_CHARS:
        return body
    return _spelled(key).sub(HIDDEN.encode(), body)


def hidden_in(text: str, key: str | None) -> str:
    """The text without the key; half a character in it stays what it is."""
    return without_key(text.encode("utf-8", "surrogatepass"), key).decode("utf-8", "surrogatepass")


@lru_cache(maxsize=64)
def _spelled(key: str) -> re.Pattern[bytes]:
    longest_first = sorted(set(_spellings(key)), key=lambda one: (-len(one), one))
    return re.compile("|".join(longest_first).encode(), re.IGNORECASE)


def _spellings(key: str) -> Iterator[str]:
    plain = (
        key,
        json.dumps(key)[1:-1],
        key.replace("/", "\\/"),
        quote(key),
        quote(key, safe=""),
        quote_plus(key),
        html.escape(key),
    )
    yield from map(re.escape, plain)
    whole = key.encode()
    # three bytes are four characters; how the rest is spelled depends on what follows the key
    whole = whole[: len(whole) // 3 * 3]
    yield re.escape(base64.b64encode(whole).decode()) + "[a-z0-9+/]{0,4}={0,2}"
