"""What pages load from here: styles and scripts of ours, and the charts' bundle out of its installed package.

Each address has a digest of what it gives, so that a browser may keep it for ever, and an update is seen at once.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from starlette.responses import Response

from brandq import __version__
from brandq.charts import drawing
from brandq.errors import NotFound
from brandq.web.openapi import Operation, Parameter, Returns, Visit, operation

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"
_VEGA = "vega.js"


@cache
def _own() -> Mapping[str, Callable[[], bytes]]:
    folders = (files("brandq.web").joinpath("static"), files("brandq.exports").joinpath("static"))
    return {file.name: file.read_bytes for folder in folders for file in folder.iterdir() if "." in file.name}


@cache
def _body(name: str) -> bytes:
    return drawing.bundle() if name == _VEGA else _own()[name]()


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_body(name), 9)


@cache
def url(name: str) -> str:
    """The address of one of them. KeyError for a name that there is not."""
    # making the bundle takes a second, which is left to the first page that draws something
    made_of = f"{drawing.MADE_BY} {drawing.VEGA_LITE} {__version__}".encode() if name == _VEGA else _own()[name]()
    return f"/assets/{hashlib.sha256(made_of).hexdigest()[:16]}/{name}"


_TEXT = {"type": "string"}


@operation(
    Operation(
        "A style or a script",
        "pages",
        None,
        {200: Returns("It")},
        parameters=(
            Parameter("digest", _TEXT, "of what it gives", str, place="path"),
            Parameter("name", _TEXT, "of the file", str, place="path"),
        ),
    )
)
def show_asset(visit: Visit) -> Response:
    """One of the files that pages load. An older address gives what there is now, and is not kept."""
    name = visit.request.path_params["name"]
    if name != _VEGA and name not in _own():
        raise NotFound(f"there is no asset {name[:60]!r}")
    current = visit.request.url.path == url(name)
    headers = {"Cache-Control": _FOREVER if current else "no-cache", "Vary": "Accept-Encoding"}
    packed = "gzip" in visit.request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    media = _TYPES[name.rpartition(".")[2]]
    return Response(_packed(name) if packed else _body(name), media_type=media, headers=headers)
