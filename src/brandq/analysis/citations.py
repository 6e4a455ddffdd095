"""Citations: the sources of an answer, once per page, with their registrable domain and the brand that owns it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from publicsuffixlist import PublicSuffixList
from w3lib.url import canonicalize_url

from brandq.analysis.findings import CitationFinding
from brandq.analysis.reading import Link
from brandq.plan import Brand
from brandq.providers.dialect import Citation

#: with the private section: foo.github.io belongs to foo
_SUFFIXES = PublicSuffixList(only_icann=False)
#: Gemini gives each source as an address here, which leads to the page for some weeks; the title is the page's site
_REDIRECTING = frozenset({"vertexaisearch.cloud.google.com"})
_SITE = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")

#: parameters that say how somebody came to a page, not which page it is
_TRACKING = re.compile(
    r"(?:utm_|mtm_|pk_|piwik_|hsa_|matomo_|at_|oly_|vero_|__hs|_hs|sc_)\w*|_?gsid|_ga|_gl|fbclid|gclid|gclsrc|gbraid|wbraid|"
    r"dclid|msclkid|yclid|twclid|ttclid|igshid|igsh|li_fat_id|mc_cid|mc_eid|mkt_tok|srsltid|spm|scm|share_token|"
    r"share_source|share_medium|share_from|from_source|vd_source|wt\.mc_id|ref_src|ref_url|xtor|s_kwcid|_openstat|rb_clickid",
    re.IGNORECASE,
)
#: pages that only forward, and the parameter that holds the page meant
_FORWARDING = {
    ("google.com", "/url"): ("q", "url"),
    ("l.facebook.com", "/l.php"): ("u",),
    ("link.zhihu.com", "/"): ("target",),
    ("link.juejin.cn", "/"): ("target",),
    ("duckduckgo.com", "/l/"): ("uddg",),
    ("out.reddit.com", "/"): ("url",),
    ("steamcommunity.com", "/linkfilter/"): ("url", "u"),
}
#: forwarding pages that forward to one another
_MOST_FORWARDS = 3
_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_url(url: str) -> str | None:
    """The URL without fragment and tracking, in one spelling; None for what is no http(s) URL.

    A page that only forwards is replaced by the one it forwards to. The same URL always gives the same answer.
    """
    found = None
    for _ in range(_MOST_FORWARDS):
        found = _parts(url)
        if found is None:
            return None
        target = _forwarded_to(*found)
        if target is None:
            break
        url = target
    return urlunsplit(found[0]) if found else None


def _parts(url: str) -> tuple[SplitResult, str] | None:
    """The canonical URL in parts, and its host."""
    try:
        parts = urlsplit(canonicalize_url(url.strip()))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or not re.search(r"\w", host):
        return None
    # undecoded: a parameter in another encoding must come out as it went in
    kept = "&".join(pair for pair in parts.query.split("&") if not _TRACKING.fullmatch(pair.partition("=")[0]))
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        place += f":{port}"
    return parts._replace(netloc=place, query=kept, fragment=""), host


def _forwarded_to(parts: SplitResult, host: str) -> str | None:
    names = _FORWARDING.get((host.removeprefix("www."), parts.path), ())
    meant = parse_qs(parts.query) if names else {}
    target = next((meant[name][0] for name in names if name in meant), "")
    return target if re.match(r"https?://", target, re.IGNORECASE) else None


def page_key(canonical: str) -> str:
    """What two URLs of one page share: no scheme, no www, no slash at the end."""
    return re.sub(r"^https?://(?:www\.)?", "", canonical).replace("/?", "?").rstrip("/")


def host_of(canonical: str) -> str:
    return urlsplit(canonical).hostname or ""


def _site(host: str, title: str | None) -> str:
    """The host of the page itself, where the URL is only a redirect that expires and its title names the site."""
    named = (title or "").lower().removeprefix("www.")
    return named if host in _REDIRECTING and _SITE.fullmatch(named) else host


def registrable_domain(host: str) -> str:
    """The domain that somebody registered, private suffixes counted; the host itself where there is none."""
    if re.fullmatch(r"[\d.]+|.*:.*", host):
        return host
    return _SUFFIXES.privatesuffix(host) or host


def owner_of(host: str, brands: Iterable[Brand]) -> str | None:
    """The brand whose domain this host is or lies under; the longest such domain decides."""
    owned = [
        (len(domain), brand.name)
        for brand in brands
        for domain in brand.domains
        if host == domain or host.endswith("." + domain)
    ]
    return max(owned)[1] if owned else None


def find_citations(
    given: Sequence[Citation], links: Sequence[Link], brands: Sequence[Brand]
) -> tuple[CitationFinding, ...]:
    """What the provider reported, in its order, then the links of the text; each page once.

    Of one page's spellings the shortest is kept. A page is cited when it is cited anywhere; a link in the text is.
    """
    pages: dict[str, CitationFinding] = {}
    every = (*given, *(Citation(link.url, link.title, cited=True) for link in links))
    for citation in every:
        canonical = canonical_url(citation.url)
        if canonical is None:
            continue
        title = " ".join((citation.title or "").split()) or None
        host = _site(host_of(canonical), title)
        key = page_key(canonical)
        before = pages.get(key)
        if before is None:
            pages[key] = CitationFinding(
                url=citation.url,
                canonical_url=canonical,
                domain=registrable_domain(host),
                title=title,
                cited=citation.cited,
                owner=owner_of(host, brands),
                via=citation.via,
            )
            continue
        verdicts = {before.cited, citation.cited}
        pages[key] = replace(
            before,
            canonical_url=min(before.canonical_url, canonical, key=lambda url: (len(url), url)),
            title=before.title or title,
            cited=True if True in verdicts else None if None in verdicts else False,
        )
    return tuple(pages.values())
