"""How long a provider asks to wait, however it says so."""

from __future__ import annotations

import pytest

from brandq.providers.dialect import ErrorClass, Provider
from brandq.providers.trouble import MAX_WAIT_MS, class_of, safe, wait_ms

NOW = "Mon, 23 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2000),
        ({"retry-after": " 1.5 "}, 1500),
        ({"retry-after-ms": "250", "retry-after": "9"}, 250),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT", "date": NOW}, 30_000),
        ({"retry-after": "Mon, 23 Nov 2026 09:59:00 GMT", "date": NOW}, 0),
        # no clock of our own: without the provider's date an instant says nothing
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "Mon, 99 Nov 2026 10:00:30 GMT", "date": NOW}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "9" * 17}, None),
        ({"retry-after": "9999999"}, MAX_WAIT_MS),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-reset-requests": "1s"}, 1000),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360_000),
        ({"x-ratelimit-reset-tokens": "120ms"}, 120),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3_723_500),
        (
            {
                "x-ratelimit-remaining-requests": "12",
                "x-ratelimit-reset-requests": "6m0s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "7s",
            },
            7000,
        ),
        ({"x-ratelimit-reset": "1795428005", "date": NOW}, 5000),
        ({"x-ratelimit-reset": "1795428005000", "date": NOW}, 5000),
        ({"x-ratelimit-reset": "1795428005"}, None),
        ({"retry-after": "3", "x-ratelimit-reset-requests": "60s"}, 3000),
    ],
)
def test_the_wait_is_read_in_every_spelling(headers: dict[str, str], expected: int | None) -> None:
    """Given the headers of a reply, when the wait is read, then it is in milliseconds, bounded, or unknown."""
    assert wait_ms(headers) == expected


@pytest.mark.parametrize(
    "key",
    [
        "sk-abcdefgh12345678",
        "sk-proj-AB_cd-EF12345678",
        "bce-v3/ALTAK-abcdef/0123456789",
        "pplx-0123456789abcdef",
        "Bearer abc.def.ghi",
        "AIzaSyA-0123456789_abcdefghijklmnopqrst",
    ],
)
def test_words_are_safe_to_keep(key: str) -> None:
    """Given words with something like a key, when kept, then the key is gone and the words are one line."""
    assert key not in safe(f"Wrong\nkey {key}!\0 Try again")
    assert safe("Wrong\n key ") == "Wrong key"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("RequestsPerDayPerModel", ErrorClass.DAILY_QUOTA),
        ("perday", ErrorClass.DAILY_QUOTA),
        ("RequestsPerMinute", ErrorClass.RATE_LIMIT),
        ("Busy.Now", ErrorClass.OVERLOADED),
        ("NotBusy", ErrorClass.RATE_LIMIT),
        ("Exact", ErrorClass.AUTH),
        ("Exactly", ErrorClass.RATE_LIMIT),
    ],
)
def test_a_rows_code_may_leave_its_ends_open(code: str, expected: ErrorClass) -> None:
    """Given a row's codes, some with a * at one end or both, when a code is looked up, then only what fits is meant."""
    codes = {"*PerDay*": ErrorClass.DAILY_QUOTA, "Busy*": ErrorClass.OVERLOADED, "Exact": ErrorClass.AUTH}
    row = Provider("any", "Any", "any", "https://any.example", "m", error_codes=codes)
    assert class_of(row, 429, [code], "words") is expected
