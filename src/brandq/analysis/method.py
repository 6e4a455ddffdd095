"""The method version: which rules numbers were made by. Numbers of two versions are never compared or mixed.

Everything that decides goes into it: the code and word lists of this package, the code of the measures, the list
of public suffixes, the tables of Unicode and of traditional characters, and how the brands of the plan are spelled. One
letter changed in any of them is another method; whether a number changes with it is not asked.
"""

from __future__ import annotations

import json
import pkgutil
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from pathlib import PurePosixPath

from brandq.plan import Brand

#: for people: the month, and a number within it, of the last change that was meant to change numbers
RELEASE = "2026.11-3"
#: packages whose data decide what is found
_DATA = ("opencc", "pyahocorasick", "publicsuffixlist", "w3lib")
#: how an answer is read, and how numbers are made of what was read
_PACKAGES = ("brandq.analysis", "brandq.measures")
_HASH_CHARS = 12


@cache
def code_digest() -> str:
    """SHA-256, in hex, of what the analysis and the measures are made of, but for the brands."""
    digest = sha256()
    for package in _PACKAGES:
        for name in sorted(_modules(package)):
            source = pkgutil.get_data(package, name)
            digest.update(f"{package} {name}\0".encode() + (source or b"") + b"\0")
    for library in _DATA:
        digest.update(f"{library} {version(library)}\0".encode())
    digest.update(unicodedata.unidata_version.encode())
    return digest.hexdigest()


def _modules(package: str) -> list[str]:
    """The files of a package that hold its code and its word lists, relative to it."""
    found = []
    for module in pkgutil.walk_packages(import_module(package).__path__, prefix=f"{package}."):
        path = PurePosixPath(*module.name.removeprefix(f"{package}.").split("."))
        found.append(str(path / "__init__.py" if module.ispkg else path.with_suffix(".py")))
    return ["__init__.py", *found]


def method_version(brands: Sequence[Brand]) -> str:
    """The version under which findings of these brands are made: the release, and a digest of all that decides."""
    # the subject's own pages are not a competitor's; apart from that the order of the brands decides nothing
    subject = brands[0].name if brands else None
    spelled = sorted(json.dumps(asdict(brand), sort_keys=True, ensure_ascii=False) for brand in brands)
    made_of = json.dumps([code_digest(), subject, spelled], ensure_ascii=False)
    digest = sha256(made_of.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{RELEASE}+{digest[:_HASH_CHARS]}"
