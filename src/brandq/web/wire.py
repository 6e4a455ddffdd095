"""What stands on the wire: JSON in, JSON and problem+json out, and how parameters, cursors and instants are spelled."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from brandq.errors import BadRequest, Fault
from brandq.words import Words, language_of, words_in

#: a plan with 20 prompts of 500 characters and 25 engines has 60 kB at most; whatever needs more than this is no plan
MAX_BODY = 1_000_000
#: seconds for a whole body; a caller that drips it holds a connection, not a thread
BODY_S = 30.0
#: faults listed in one reply; a megabyte of nonsense must not come back as twenty
MAX_FAULTS = 100
#: of these, how many stand in the detail as well
MAX_IN_DETAIL = 3
#: the largest row number that the database can hold
MAX_ROW = 2**63 - 1


class Json(Response):
    """A JSON body in UTF-8. The charset is said although it is the only one: some shells read Latin-1 without it."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        # half a surrogate pair, which JSON can spell and UTF-8 cannot, goes out as the escape that it came in with
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "backslashreplace"
        )


class Problem(Json):
    """An error's body, RFC 9457."""

    media_type = "application/problem+json; charset=utf-8"


def words_of(request: Request) -> Words:
    """The language that the caller asks for by Accept-Language; English without it."""
    return words_in(language_of(request.headers.get("accept-language", "")))


def problem(
    words: Words,
    status: int,
    title: str,
    detail: str = "",
    *,
    slug: str,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
    predecessor: bool = False,
    **extra: Any,
) -> Problem:
    """One error as a caller reads it, in the caller's language; ``title``, ``detail`` and the faults are English.

    ``predecessor``: with the three members that its clients look for. There the member ``status`` is the word "error",
    which is what they compare with, and ``code`` has the number.
    """
    errors = [{"pointer": fault.pointer, "detail": words.told(fault.detail)} for fault in faults[:MAX_FAULTS]]
    if len(faults) > MAX_FAULTS:
        errors.append({"pointer": "", "detail": words.say("and {n} more", n=len(faults) - MAX_FAULTS)})
    detail = words.told(detail) if detail else _first_of(words, faults)
    body = {
        "type": f"urn:brandq:problem:{slug}",
        "title": words.told(title),
        "status": status,
        "detail": detail,
        "errors": errors,
        **extra,
    }
    if predecessor:
        body |= {"status": "error", "error": detail, "code": status}
    return Problem(body, status, {**(headers or {}), "Content-Language": words.tag, "Vary": "Accept-Language"})


def _first_of(words: Words, faults: Sequence[Fault]) -> str:
    """The first faults in one text."""
    told = [f"{fault.pointer} {words.told(fault.detail)}".strip() for fault in faults[:MAX_IN_DETAIL]]
    if len(faults) > MAX_IN_DETAIL:
        told.append(words.say("and {n} more, see errors", n=len(faults) - MAX_IN_DETAIL))
    return words.clauses(told)


def with_etag(request: Request, response: Response) -> Response:
    """The response under the digest of its body; 304 without a body when the caller has just that."""
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if held(request, etag):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def held(request: Request, etag: str) -> bool:
    """Whether the caller has what this ETag names; a weak one names it as well."""
    told = request.headers.get("if-none-match", "")
    return told.strip() == "*" or etag.removeprefix("W/") in {
        part.strip().removeprefix("W/") for part in told.split(",")
    }


def instant(at: datetime | None) -> str | None:
    """An instant as RFC 3339 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- a body


async def read_body(request: Request, within_s: float = BODY_S) -> bytes:
    """The request's body, at most MAX_BODY bytes. BadRequest when it is larger or slower than may be."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 9 or int(declared) > MAX_BODY):
        _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    _too_large()
    except TimeoutError as error:
        fault = Fault("", f"the body did not arrive within {within_s:g} seconds; send it again")
        raise BadRequest([fault], "The body did not arrive", 408) from error
    return bytes(body)


def _too_large() -> NoReturn:
    raise BadRequest([Fault("", f"the body has more than {MAX_BODY} bytes")], "The body is too large", 413)


def read_document(content_type: str, body: bytes) -> Any:
    """The JSON document in a body. BadRequest when it is something else, or is read in two ways by two readers."""
    media, *options = (part.strip().lower() for part in content_type.split(";"))
    charset = next((option[8:].strip('"') for option in options if option.startswith("charset=")), "utf-8")
    if media != "application/json" or charset not in ("utf-8", "utf8"):
        said = content_type[:100] or "none"
        fault = Fault("", f"expected Content-Type: application/json in UTF-8, got {said}")
        raise BadRequest([fault], "The body is not JSON", 415)
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite)
    except UnicodeDecodeError as error:
        fault = Fault("", f"byte {error.start} is not UTF-8; send the document in UTF-8")
        raise BadRequest([fault], "The body is not UTF-8", 400) from error
    except RecursionError as error:
        raise BadRequest([Fault("", "is nested too deeply")], "The body is not JSON", 400) from error
    except json.JSONDecodeError as error:
        fault = Fault("", f"is not JSON from line {error.lineno}, column {error.colno} on: {error.msg}")
        raise BadRequest([fault], "The body is not JSON", 400) from error
    except ValueError as error:
        raise BadRequest([Fault("", str(error)[:200])], "The body is not JSON", 400) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in pairs:
        if name in document:
            raise ValueError(f"the name {name[:60]!r} stands twice in one object")
        document[name] = value
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:30]} is not a number that JSON knows")
    return number


#: fields of one form; a plan of 20 prompts and 25 engines with ten brands has about a hundred
MAX_FIELDS = 1000


class Form(Mapping[str, str]):
    """A form as a page sends it: the last value under each name, and all of them in their order."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._last = dict(pairs)

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def all(self, name: str) -> list[str]:
        return [value for held, value in self._pairs if held == name]


def read_form(content_type: str, body: bytes) -> Form:
    """The fields of a form, urlencoded in UTF-8. BadRequest when the body is something else."""
    media = content_type.partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise BadRequest([Fault("", "expected a form as the pages here send it")], "The body is not a form", 415)
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except UnicodeDecodeError as error:
        raise BadRequest([Fault("", "the form is not in UTF-8")], "The body is not UTF-8", 400) from error
    except ValueError as error:
        raise BadRequest(
            [Fault("", f"the form has more than {MAX_FIELDS} fields")], "The form is too long", 413
        ) from error


# -- what a parameter's text means: each gives the value, or raises ValueError with words for the caller


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(text)

    return read


def one_of(words: Iterable[str]) -> Callable[[str], str]:
    known = [str(word) for word in words]

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"expected one of {', '.join(known)}")
        return text

    return read


def yes_or_no(text: str) -> bool:
    if text.lower() not in ("true", "1", "false", "0"):
        raise ValueError("expected true or false")
    return text.lower() in ("true", "1")


def words(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip() or len(text) > most:
            raise ValueError(f"expected 1 to {most} characters")
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
            raise ValueError("must not contain control characters")
        return text

    return read


def printable(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not 1 <= len(text) <= most or not (text.isascii() and text.isprintable()):
            raise ValueError(f"expected 1 to {most} printable ASCII characters")
        return text

    return read


def moment(text: str) -> datetime:
    """An ISO 8601 instant, or a date, which is its midnight in UTC."""
    # a + that was not escaped arrives as a space; nothing else in an instant can be one after the T
    day, mark, rest = text.strip().partition("T")
    try:
        at = datetime.fromisoformat(day + mark + rest.replace(" ", "+"))
        if at.tzinfo is None and mark:
            raise ValueError
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "expected a date such as 2026-11-01, or an instant with its zone such as 2026-11-01T08:00:00Z"
        ) from error


def cursor(created_at: datetime, execution_id: str) -> str:
    """Where the next page begins, as one opaque word."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {execution_id}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[datetime, str]:
    try:
        created_at, execution_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")
        at = datetime.fromisoformat(created_at)
        if at.tzinfo is None or not execution_id.isprintable():
            raise ValueError
        return at.astimezone(UTC), execution_id
    except (ValueError, OverflowError, binascii.Error) as error:
        raise ValueError("is not a cursor of this service; follow `next` of the page before") from error


# -- files that are shown in a browser


def page_policy(page: str) -> str:
    """The Content-Security-Policy of a file of ours: nothing is loaded, nothing runs, and only its own styles apply."""
    styles = re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in styles]
    return (
        f"default-src 'none'; style-src {' '.join(hashes) or chr(39) + 'none' + chr(39)}; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
