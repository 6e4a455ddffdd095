"""Charts drawn: to SVG and PNG for what is passed on, and the bundle of Vega that draws them in a page.

Drawing one chart takes a tenth of a second to one second, mostly to measure texts, and some 100 MB once in a process.
It holds the interpreter's lock all the while, and a fault in it ends the process: a server draws in another process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import vl_convert

#: the version of Vega-Lite that pages and exports draw with
VEGA_LITE = "6.4"

#: the package that brings it, as another of which the bundle is another one
MADE_BY = f"vl-convert-python {version('vl-convert-python')}"

#: what a page's own script calls; everything else of the bundle stays inside it
_ENTRY = "window.brandqVega = {vega, vegaLite, vegaEmbed};"


@cache
def bundle() -> bytes:
    """Vega, Vega-Lite and Vega-Embed as one script of about a megabyte, out of the installed package.

    It takes a second to make, once in a process.
    """
    return str(vl_convert.javascript_bundle(_ENTRY, vl_version=VEGA_LITE)).encode()


def svg(spec: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The chart as SVG, in the colours and fonts of this Vega config. Nothing is loaded for it."""
    return str(
        vl_convert.vegalite_to_svg(_drawable(spec), vl_version=VEGA_LITE, config=dict(config), allowed_base_urls=[])
    )


def png(spec: Mapping[str, Any], config: Mapping[str, Any], *, scale: float = 2.0) -> bytes:
    """The chart as PNG, ``scale`` device pixels to each of its own."""
    return bytes(
        vl_convert.vegalite_to_png(
            _drawable(spec), vl_version=VEGA_LITE, config=dict(config), scale=scale, allowed_base_urls=[]
        )
    )


#: what XML cannot hold; one such character in a text ends the whole process inside vl-convert
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _drawable(value: Any) -> Any:
    """The same specification with every text fit for XML."""
    if isinstance(value, str):
        return _NO_XML.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_drawable(name): _drawable(each) for name, each in value.items()}
    return [_drawable(each) for each in value] if isinstance(value, list | tuple) else value
