"""Source classes: who speaks on a page, read off its address alone; no page is ever opened.

In this order, the first that says something decides:

1. A tracked brand's own domain is ``owned`` (the plan's subject) or ``competitor``; ``citations`` tells whose it is.
2. The host itself, or a path on it, where ``source_domains`` lists it: mp.weixin.qq.com, nytimes.com/wirecutter.
3. A host that is called a forum: bbs.zol.com.cn is its users' and not its editors'.
4. The nearest domain above it that is listed: zhuanlan.zhihu.com is zhihu.com's. Private suffixes count as domains, so
   that foo.blogspot.com is what blogspot.com is, and hubspot.com.evil.io has nothing of hubspot.com.
5. What its suffix or its names say: governments and universities of all countries, shop.…, news.…, …store.com.

What is left is ``other``: companies that nobody tracks, small shops, unknown blogs. It is no judgement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from brandq.analysis.findings import SourceClass
from brandq.analysis.source_domains import COUNTRIES, LISTS

#: names of hosts that say who speaks there, whatever the domain
_FORUMS = frozenset(
    (
        *("answers", "bbs", "board", "boards", "communities", "community"),
        *("discuss", "discussion", "discussions", "forum", "forums"),
    )
)
_SHOP = SourceClass.ECOMMERCE
_NAMES = {
    "news": SourceClass.NEWS,
    "review": SourceClass.REVIEW,
    "reviews": SourceClass.REVIEW,
    "baike": SourceClass.REFERENCE,
    "wiki": SourceClass.REFERENCE,
    **dict.fromkeys(("shop", "store", "mall", "eshop", "estore", "webshop"), _SHOP),
}
#: suffixes that anybody may register, and hardly anybody does for something else
_SUFFIXES = {
    "news": SourceClass.NEWS,
    "shop": _SHOP,
    "store": _SHOP,
    # 商城
    "xn--czru2d": _SHOP,
    "wiki": SourceClass.REFERENCE,
    "review": SourceClass.REVIEW,
    "reviews": SourceClass.REVIEW,
    "forum": SourceClass.UGC,
    # 政务
    "xn--zfr164b": SourceClass.GOVERNMENT,
}
#: a name is wanted before the suffix: gov.xx itself, where it is no suffix, is anybody's
_GOVERNMENT = re.compile(r".+\.(?:gov|mil|(?:gov|gob|gouv|govt|gub|mil)\.[a-z]{2})|(?:.+\.)?state\.[a-z]{2}\.us")
_LEARNED = re.compile(r".+\.(?:edu|(?:edu|ac)\.[a-z]{2}|k12\.[a-z]{2}\.us)")
#: and what the registered name itself says: shopbestvac, mattressnowstore, midhudsonnews
_SPOKEN = (
    (
        re.compile(r"shop(?!if|ping$|per|tal).+|.+(?:(?<!re)store|(?<!work)(?<!bi)(?<!photo)shop|outlets?|warehouse)"),
        _SHOP,
    ),
    (re.compile(r".+news"), SourceClass.NEWS),
    (re.compile(r".+reviews"), SourceClass.REVIEW),
    (re.compile(r".+forums"), SourceClass.UGC),
)
_WWW = "www."


def _entries() -> Iterator[tuple[str, SourceClass]]:
    for source_class, entries in LISTS.items():
        for entry in entries.split():
            yield entry, source_class


#: a domain and all under it, one host alone, a name under any country's suffix, and paths on a domain, longest first
_DOMAINS = {entry: found for entry, found in _entries() if not re.search(r"[=/*]", entry)}
_HOSTS = {entry[1:]: found for entry, found in _entries() if entry.startswith("=")}
_WORLDWIDE = {entry[:-2]: found for entry, found in _entries() if entry.endswith(".*")}
_PATHS: dict[str, list[tuple[str, SourceClass]]] = {}
for _entry, _class in sorted(_entries(), key=lambda each: -len(each[0])):
    if "/" in _entry:
        _PATHS.setdefault(_entry.partition("/")[0], []).append(("/" + _entry.partition("/")[2], _class))


def source_class_of(host: str, domain: str, path: str = "") -> SourceClass:
    """Who speaks on the page ``path`` of ``host``, whose registrable domain is ``domain``; OTHER where nothing tells.

    All three as ``citations`` writes them: lower case, Punycode, the path with its first slash. Any text is survived.
    Brands are not looked at: OWNED and COMPETITOR are never given.
    """
    host = host.removeprefix(_WWW)
    for place in _upwards(host):
        for prefix, found in _PATHS.get(place, ()):
            if path == prefix or path.startswith(prefix + "/"):
                return found
    return _class_of_host(host, domain)


@lru_cache(maxsize=4096)
def _class_of_host(host: str, domain: str) -> SourceClass:
    if host in _HOSTS:
        return _HOSTS[host]
    if host in _DOMAINS:
        return _DOMAINS[host]
    names = host.removesuffix(domain).strip(".").split(".") if host.endswith("." + domain) else []
    if not _FORUMS.isdisjoint(names):
        return SourceClass.UGC
    listed = next((_DOMAINS[place] for place in _upwards(host) if place in _DOMAINS), None)
    name, _, suffix = domain.partition(".")
    if listed is None and suffix in COUNTRIES:
        listed = _WORLDWIDE.get(name)
    return listed or _by_rule(domain, names)


def _by_rule(domain: str, names: list[str]) -> SourceClass:
    if _GOVERNMENT.fullmatch(domain):
        return SourceClass.GOVERNMENT
    if _LEARNED.fullmatch(domain):
        return SourceClass.REFERENCE
    registered, _, suffix = domain.partition(".")
    by_name = next((_NAMES[name] for name in names if name in _NAMES), None)
    by_word = next((found for spoken, found in _SPOKEN if spoken.fullmatch(registered)), SourceClass.OTHER)
    return by_name or _SUFFIXES.get(suffix.rpartition(".")[2]) or by_word


def _upwards(host: str) -> Iterator[str]:
    """The host and each domain above it, the nearest first."""
    while host:
        yield host
        host = host.partition(".")[2]
