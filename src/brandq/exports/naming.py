"""What an exported file is called: by the brand it is about and the day, so that it is found again among others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

#: what some file system refuses, or a shell or a header reads as something else
_FORBIDDEN = re.compile(r"[\\/:*?\"<>|;%'\s]+")
_MOST_CHARS = 60


def file_name(document: Mapping[str, Any], form: str, language: str | None = None) -> str:
    """``brandq-趣车良品-2026-11-23.xlsx``; ``language`` stands in it where the form has one."""
    brand = document["plan"]["brands"][0]["name"]
    named = "".join(char for char in brand if not unicodedata.category(char).startswith("C"))
    named = _FORBIDDEN.sub("-", named)[:_MOST_CHARS].strip("-. ")
    parts = ["brandq", named, _day(document), language]
    return "-".join(filter(None, parts)) + f".{form}"


def ascii_file_name(document: Mapping[str, Any], form: str, language: str | None = None) -> str:
    """The same for those who read nothing but ASCII: with the beginning of the execution's id, where the name goes."""
    brand = document["plan"]["brands"][0]["name"]
    named = re.sub(r"[^A-Za-z0-9]+", "-", brand.encode("ascii", "ignore").decode())[:_MOST_CHARS].strip("-")
    known = document["execution_id"][:8]
    parts = ["brandq", named or known, _day(document), language]
    return "-".join(filter(None, parts)) + f".{form}"


def disposition(document: Mapping[str, Any], form: str, language: str | None = None) -> str:
    """The Content-Disposition of a file to be kept: RFC 6266, with the name in both spellings."""
    plain, full = ascii_file_name(document, form, language), file_name(document, form, language)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"


def _day(document: Mapping[str, Any]) -> str:
    times = document["times"]
    return str(times["ended_at"] or times["built_at"])[:10]
