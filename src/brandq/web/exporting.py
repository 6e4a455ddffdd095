"""The report in each of its forms over HTTP: texts at once, answers as they are read, files once they are made."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from itertools import chain

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from brandq import __version__
from brandq.actors.desk import Desk
from brandq.exports import csv, html, markdown, pdf, xlsx
from brandq.exports.naming import disposition
from brandq.store import KeptReport
from brandq.web import wire
from brandq.web.making import Made, samples_of
from brandq.web.openapi import Schema
from brandq.words import Language, Words, words_in

TEXT: Schema = {"type": "string"}
#: each form but json, which goes out as it is stored: its media type, and what /openapi.json says of its body
MEDIA_TYPES: Mapping[str, tuple[str, Schema | None]] = {
    "html": ("text/html", TEXT),
    "md": ("text/markdown", TEXT),
    "pdf": (pdf.MEDIA_TYPE, None),
    "xlsx": (xlsx.MEDIA_TYPE, None),
    "csv": (csv.MEDIA_TYPE, TEXT),
}
FORMS = ("json", *MEDIA_TYPES)


def exported(desk: Desk, request: Request, kept: KeptReport, form: str, language: Language) -> Response:
    """A stored report in one of MEDIA_TYPES; 304 without a body where the caller has it already."""
    words, document = words_in(language), kept.document
    if form == "md":
        made = Response(markdown.render(document, words=words), media_type="text/markdown")
        return _in_language(wire.with_etag(request, made), words)
    # names of columns are the same in every language
    told = None if form == "csv" else language
    headers = {"ETag": _etag(kept, form, told), "Cache-Control": "private, no-cache"}
    if wire.held(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if form == "html":
        # it is read where it stands, so it says what may be done in it
        headers["Content-Security-Policy"] = wire.page_policy(html.styled())
    else:
        headers["Content-Disposition"] = disposition(document, form, told)
    media_type = MEDIA_TYPES[form][0]
    if request.method == "HEAD":
        # a stream says nothing of its length, and nothing is made for it
        return _in_language(StreamingResponse((), headers=headers, media_type=media_type), words)
    if form == "csv":
        pieces = csv.render(document, samples_of(desk.database, document))
        # what is wrong with the first answers can still be told as an error
        first = next(pieces)
        return StreamingResponse(chain((first,), pieces), headers=headers, media_type=media_type)
    url = desk.settings.database_url.reveal()
    order = {"form": form, "document": document, "language": language, "database_url": url}
    return _in_language(Made(order, headers=headers, media_type=media_type), words)


def _in_language(response: Response, words: Words) -> Response:
    response.headers.update({"Content-Language": words.tag, "Vary": "Accept-Language"})
    return response


def _etag(kept: KeptReport, form: str, language: str | None) -> str:
    """Weak: the same report in the same form says the same, though not always in the same bytes."""
    made_of = f"{kept.digest} {kept.version} {form} {language} {__version__}"
    return f'W/"{sha256(made_of.encode()).hexdigest()[:32]}"'
