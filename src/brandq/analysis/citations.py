"""Citations: the sources of an answer, once per page, with their registrable domain, whose it is and who speaks there.

A URL is read as a browser reads it: its host in lower case and Punycode, without user and default port; relative parts
of the path resolved; parameters in one order. Then what does not name the page is dropped: the fragment, and parameters
that tell how somebody came here. A page that only forwards (google.com/url, link.zhihu.com, an AMP cache) is replaced
by the page it forwards to, as far as the address itself tells; short links (t.cn, bit.ly) stay what they are, for
nothing is fetched. Parameters that may choose a page are kept: two pages taken for one are worse than one for two.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

from publicsuffixlist import PublicSuffixList
from w3lib.url import canonicalize_url

from brandq.analysis.findings import CitationFinding, SourceClass
from brandq.analysis.reading import Link
from brandq.analysis.source_classes import source_class_of
from brandq.plan import Brand
from brandq.providers.dialect import Citation

#: longer ones are data: no browser or server takes them
MAX_URL_CHARS = 8000
#: the ``via`` of a source that stands in the answer's text and that the provider did not report
IN_TEXT = "text"

#: with the private section: foo.github.io belongs to foo
_SUFFIXES = PublicSuffixList(only_icann=False)
#: Gemini gives each source as an address here, which leads to the page for some weeks; the title is the page's site
_REDIRECTING = frozenset({"vertexaisearch.cloud.google.com"})
_SITE = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")

#: parameters that say how somebody came to a page, not which page it is: families, and single ones
_TRACKING = re.compile(
    r"(?:utm|mtm|pk|piwik|hsa|matomo|at|oly|vero|__hs|sc|itm|trk|guce|share|sharer|spm|tt|xsec|pd_rd|pf_rd|_branch|ns|"
    r"__cft_)_[\w.\[\]-]*|wt\.\w*|_hs\w*|"
    r"utm|spm|scm|share|shareuid|_?gsid|_ga|_gl|fbclid|gclid|gclsrc|gad_source|gad_campaignid|gbraid|wbraid|dclid|msclkid|"
    r"yclid|twclid|ttclid|igshid|igsh|li_fat_id|mc_cid|mc_eid|mkt_tok|srsltid|from_source|from_spmid|vd_source|ref_|"
    r"ref_src|ref_url|referrer|referer|xtor|s_kwcid|_openstat|rb_clickid|cmpid|ncid|ocid|icid|intcid|cjevent|irclickid|"
    r"irgwc|awc|zanpid|ranmid|raneaid|ransiteid|epik|_ke|_kx|dm_i|ef_id|elqtrackid|ck_subscriber_id|guccounter|tduid|"
    r"__twitter_impression|hsctatracking|trk|lipi|mibextid|sfnsn|__tn__|fref|hm(?:sr|pl|cu|kw|ci)|bd_vid|qhclickid|"
    r"tdsourcetag|adtag|isappinstalled|wfr|chksm|xhsshare|is_from_webapp|is_copy_url|sender_device|phpsessid|jsessionid",
    re.IGNORECASE,
)
#: and those that say so on these sites alone, for elsewhere they choose a page
_TRACKING_OF = {
    "amazon": r"ref|tag|qid|sr|crid|sprefix|dib|dib_tag|content-id|camp|creative|smid|ascsubtag|linkcode|linkid",
    "baidu.com": r"fr|for|frommodule|lemmafrom|fromtitle|fromid|from_aid|sfrom|fm",
    "weixin.qq.com": r"scene|srcid|sessionid|subscene|clicktime|enterid|ascene|devicetype|version|nettype|lang|"
    r"exportkey|pass_ticket|wx_header|poc_token|key|uin",
    "zhihu.com": r"s_r|hybrid_search_.*|search_source",
    "toutiao.com": r"app|timestamp|use_new_style|req_id|log_from|channel|source|in_ogs|in_tfs|upstream_biz|"
    r"original_source|wid|category_new|module_name",
    "xiaohongshu.com": r"app_platform|app_version|ignoreengage|author_share|type|source|appuid|apptime",
    "bilibili.com": r"plat_id|buvid|ts|mid|seid|is_story_h5|up_id|timestamp|broadcast_type|live_from|unique_k|bbid",
    "youtube.com": r"si|feature|pp|ab_channel|t|start",
    "youtu.be": r"si|feature|t",
    "x.com": r"s|t",
    "twitter.com": r"s|t",
    "tiktok.com": r"_t|_r|web_id|lang",
    "medium.com": r"source|sk",
    "linkedin.com": r"trackingid|refid|rcm|midtoken|trkinfo|trkemail",
    "nytimes.com": r"unlocked_article_code|smid|smtyp|region|pgtype|action|module|searchresultposition",
    "spotify.com": r"si",
}
_TRACKING_HERE = {site: re.compile(names, re.IGNORECASE) for site, names in _TRACKING_OF.items()}
#: where ``ref`` names a version of the page
_CODE_HOSTS = frozenset({"github.com", "gitlab.com", "gitee.com", "bitbucket.org"})
#: a word that is a departure where one of these stands beside it, and a way of coming here otherwise
_ARRIVALS = frozenset({"to", "till", "until", "dest", "destination", "date"})

#: pages that only forward: host, path, and the parameters that may hold the page meant; a path of None is any
_FORWARDING: dict[str, tuple[tuple[str | None, tuple[str, ...]], ...]] = {
    "l.facebook.com": (("/l.php", ("u",)),),
    "lm.facebook.com": (("/l.php", ("u",)),),
    "l.instagram.com": (("/", ("u",)),),
    "l.messenger.com": (("/l.php", ("u",)),),
    "l.threads.com": (("/", ("u",)),),
    "l.threads.net": (("/", ("u",)),),
    "youtube.com": (("/redirect", ("q",)),),
    "linkedin.com": (("/redir/redirect", ("url",)), ("/safety/go", ("url",))),
    "vk.com": (("/away.php", ("to",)),),
    "out.reddit.com": ((None, ("url",)),),
    "duckduckgo.com": (("/l/", ("uddg",)), ("/l", ("uddg",))),
    "steamcommunity.com": (("/linkfilter/", ("url", "u")), ("/linkfilter", ("url", "u"))),
    "slack-redir.net": (("/link", ("url",)),),
    "go.redirectingat.com": (("/", ("url",)),),
    "go.skimresources.com": (("/", ("url",)),),
    "click.linksynergy.com": (("/deeplink", ("murl",)),),
    "awin1.com": (("/cread.php", ("ued", "p")),),
    "link.zhihu.com": (("/", ("target",)),),
    "link.juejin.cn": (("/", ("target",)),),
    "link.csdn.net": (("/", ("target",)),),
    "link.segmentfault.com": (("/", ("url",)),),
    "gitee.com": (("/link", ("target",)),),
    "sspai.com": (("/link", ("target",)),),
    "afdian.com": (("/link", ("target",)),),
    "oschina.net": (("/action/GoToLink", ("url",)),),
    "jianshu.com": (("/go-wild", ("url",)),),
    "douban.com": (("/link2/", ("url",)), ("/link2", ("url",))),
    "c.pc.qq.com": ((None, ("pfurl", "url")),),
    "weibo.cn": (("/sinaurl", ("u", "toasturl")),),
    "weibo.com": (("/sinaurl", ("u",)),),
    "t.cn": (("/sinaurl", ("u",)),),
    "game.bilibili.com": (("/linkfilter/", ("url",)), ("/linkfilter", ("url",))),
    "tieba.baidu.com": (("/mo/q/checkurl", ("url",)),),
    "toutiao.com": (("/search/jump", ("url",)),),
    "link.wtturl.cn": (("/", ("target",)),),
    "so.com": (("/link", ("url",)),),
}
_GOOGLE = re.compile(r"google(?:\.com?)?(?:\.[a-z]{2,3})?")
_SAFE_LINKS = ".safelinks.protection.outlook.com"
_AMP_CACHE = ".cdn.ampproject.org"
#: forwarding pages that forward to one another
_MOST_FORWARDS = 8
_DEFAULT_PORTS = {"http": 80, "https": 443}

_SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^/\\;?#]*", re.IGNORECASE)
_AMP_FILE = re.compile(r"(?:\.amp)+(?=\.html?$)")
_AMP_PARAMETER = re.compile(r"amp(?:=(?:1|true)?)?|outputType=amp|output=amp|amp_js_v=.*|usqp=.*", re.IGNORECASE)
_AMAZON_REF = re.compile(r"(?:/ref=[^/]*)+/?$")
#: the article's number names the page, and its parameters do not
_AMAZON_PRODUCT = re.compile(r"/(?:dp|gp/product|gp/aw/d)/[A-Z0-9]{10}(?=/|$)")
_START_PAGE = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp|shtml)$", re.IGNORECASE)


@lru_cache(maxsize=2048)
def canonical_url(url: str) -> str | None:
    """The URL of the page in one spelling; None for what is no http(s) URL that a browser would open.

    A page that only forwards is replaced by the one it forwards to. Its own canonical URL is itself.
    """
    found = _parts(url)
    for _ in range(_MOST_FORWARDS):
        target = _forwarded_to(*found) if found else None
        further = _parts(target) if target else None
        if further is None:
            break
        found = further
    return urlunsplit(found[0]) if found else None


def _parts(url: str) -> tuple[SplitResult, str] | None:
    """The canonical URL in parts, and its host."""
    url = url.strip()
    if len(url) > MAX_URL_CHARS:
        return None
    try:
        # as HTML writes it, &amp; joins parameters
        parts = urlsplit(canonicalize_url(_SESSION.sub("", url.replace("&amp;", "&"))))
        host, port = ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return None
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        place += f":{port}"
    path, query = _AMP_FILE.sub("", _without_amp(parts.path)), _kept(parts.query, host)
    if _site_of(host) == "amazon":
        path = _AMAZON_REF.sub("", path) or "/"
        query = "" if _AMAZON_PRODUCT.search(path) else query
    return SplitResult(parts.scheme, place, path, query, ""), host


def _without_amp(path: str) -> str:
    """The path of the article of which this is the twin for phones.

    /guitars/amp is a page about amplifiers: what stands before must read like an article's address.
    """
    before = path.rstrip("/")
    while before.endswith("/amp"):
        before = before.removesuffix("/amp").rstrip("/")
    last = before.rpartition("/")[2]
    article = last.count("-") > 1 or last.endswith((".html", ".htm")) or bool(re.search(r"\d", before))
    return before if article and len(before) < len(path.rstrip("/")) else path


def ascii_host(host: str) -> str:
    """A host as it stands in DNS: decoded, lower case, Punycode, no dot at its end; empty for what can be no host."""
    if ":" in host:
        return host.lower()
    host = unquote(host).lower().removesuffix(".")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return ""
    return host if _HOST.fullmatch(host) and re.search(r"[a-z0-9]", host) else ""


def _site_of(host: str) -> str:
    """The key of this host in what is known of single sites: a domain, or the name of one that has many."""
    domain = registrable_domain(host)
    return "amazon" if domain.partition(".")[0] == "amazon" else domain


def _kept(query: str, host: str) -> str:
    """The parameters that may choose a page. Undecoded: one in another encoding must come out as it went in."""
    if not query:
        return ""
    pairs = [(unquote(pair.partition("=")[0]), pair) for pair in query.split("&") if pair]
    names = {name.lower() for name, _ in pairs}
    site = _site_of(host)
    here = _TRACKING_HERE.get("weixin.qq.com" if host.endswith("weixin.qq.com") else site)

    def tracks(name: str, pair: str) -> bool:
        if _TRACKING.fullmatch(name) or _AMP_PARAMETER.fullmatch(pair) or (here and here.fullmatch(name)):
            return True
        if name.lower() == "from":
            return names.isdisjoint(_ARRIVALS)
        return name.lower() == "ref" and site not in _CODE_HOSTS

    return "&".join(pair for name, pair in pairs if not tracks(name, pair))


def _forwarded_to(parts: SplitResult, host: str) -> str | None:
    """The page that this one forwards to, as its address tells; None for one that does not, or does not say where."""
    host = host.removeprefix("www.")
    path = parts.path
    names: tuple[str, ...] = ()
    if _GOOGLE.fullmatch(host):
        names = {"/url": ("q", "url"), "/imgres": ("imgrefurl",)}.get(path, ())
        if path.startswith("/amp/"):
            return _from_amp(path.removeprefix("/amp/"), parts.query)
    elif host.endswith(_AMP_CACHE):
        return _from_amp(re.sub(r"^/(?:wp|[a-z])/", "", path), parts.query)
    elif host in ("bing.com", "cn.bing.com") and path.startswith("/ck/a"):
        return _from_bing(parse_qs(parts.query).get("u", [""])[0])
    elif host.endswith("search.yahoo.com"):
        within = re.search(r"/RU=(https?(?::|%3a)[^/]+(?:/(?!RK=|RS=)[^/]*)*)", path, re.IGNORECASE)
        return unquote(within[1]) if within else None
    elif host.endswith(_SAFE_LINKS):
        names = ("url",)
    else:
        names = next((names for place, names in _FORWARDING.get(host, ()) if place in (None, path)), ())
    meant = parse_qs(parts.query) if names else {}
    return _web_address(next((meant[name][0] for name in names if name in meant), ""))


def _web_address(target: str) -> str | None:
    target = target.strip()
    if re.match(r"https?%3a", target, re.IGNORECASE):
        target = unquote(target)
    return target if re.match(r"https?://", target, re.IGNORECASE) else None


def _from_amp(rest: str, query: str) -> str | None:
    """s/example.com/a of a cache's path is https://example.com/a; without the s it is http."""
    secure = rest.startswith("s/")
    rest = rest.removeprefix("s/")
    page = f"http{'s' * secure}://{rest}" + ("?" + query if query else "")
    return page if re.match(r"[\w-]+(?:\.[\w-]+)+(?:/|$)", rest) else None


def _from_bing(told: str) -> str | None:
    """a1 and the target in base64, without the padding."""
    if not told.startswith("a1"):
        return None
    coded = told[2:].rstrip("=")
    try:
        return _web_address(urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode())
    except (NotBase64, UnicodeDecodeError):
        return None


def page_key(canonical: str) -> str:
    """What the URLs of one page share: no scheme, no www or amp in front, no start page's name, no slash at the end."""
    parts = urlsplit(canonical)
    place = re.sub(r"^(?:www|amp)\.(?=[^.]+\.)", "", parts.netloc)
    path = _START_PAGE.sub("", parts.path).rstrip("/")
    return place + path + ("?" + parts.query if parts.query else "")


def best_spelling(canonical: Iterable[str]) -> str:
    """Of the canonical URLs of one page the shortest, https before http. ValueError for none."""
    return min(canonical, key=_longwinded)


def _longwinded(canonical: str) -> tuple[bool, int, bool, str]:
    rest = canonical.partition("://")[2]
    return rest.startswith("amp."), len(rest), canonical.startswith("http:"), canonical


def host_of(canonical: str) -> str:
    return urlsplit(canonical).hostname or ""


def _site(host: str, title: str | None) -> str:
    """The host of the page itself, where the URL is only a redirect that expires and its title names the site."""
    named = (title or "").lower().removeprefix("www.")
    return (ascii_host(named) or host) if host in _REDIRECTING and _SITE.fullmatch(named) else host


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The domain that somebody registered, private suffixes counted; the host itself where there is none."""
    if re.fullmatch(r"[\d.]+|.*:.*", host):
        return host
    return _SUFFIXES.privatesuffix(host) or host


def _owner(host: str, owners: Mapping[str, str]) -> str | None:
    """The brand whose domain this host is or lies under; the longest such domain decides."""
    while host:
        if host in owners:
            return owners[host]
        host = host.partition(".")[2]
    return None


def _owners(brands: Iterable[Brand]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for brand in brands:
        for place in filter(None, map(_written_out, brand.domains)):
            owners[place] = max(brand.name, owners.get(place, ""))
    return owners


@lru_cache(maxsize=4096)
def _written_out(domain: str) -> str:
    """A brand's domain as hosts are written, whether it was given in Chinese characters or in capitals."""
    return ascii_host(domain.strip()).removeprefix("www.")


def _class_of(canonical: str, host: str, domain: str, owner: str | None, brands: Sequence[Brand]) -> SourceClass:
    """Who speaks there. The plan's subject is its first brand: its pages are its own, other brands' a competitor's."""
    if owner is not None:
        return SourceClass.OWNED if owner == brands[0].name else SourceClass.COMPETITOR
    path = urlsplit(canonical).path if host == host_of(canonical) else ""
    return source_class_of(host, domain, path)


def find_citations(
    given: Sequence[Citation], links: Sequence[Link], brands: Sequence[Brand]
) -> tuple[CitationFinding, ...]:
    """What the provider reported, in its order, then the links of the text; each page once.

    Of one page's spellings the best is kept. A page is cited when it is cited anywhere; a link in the text is. Its
    ``via`` is IN_TEXT only where the provider did not report it: then the answer alone says that it is a source.
    """
    if not given and not links:
        return ()
    owners = _owners(brands)
    pages: dict[str, CitationFinding] = {}
    every = (*given, *(Citation(link.url, link.title, cited=True, via=IN_TEXT) for link in links))
    for citation in every:
        canonical = canonical_url(citation.url)
        if canonical is None:
            continue
        title = " ".join((citation.title or "").split()) or None
        host = _site(host_of(canonical), title)
        key = page_key(canonical)
        before = pages.get(key)
        if before is None:
            domain = registrable_domain(host)
            owner = _owner(host, owners)
            pages[key] = CitationFinding(
                url=citation.url,
                canonical_url=canonical,
                domain=domain,
                title=title,
                cited=citation.cited,
                owner=owner,
                source_class=str(_class_of(canonical, host, domain, owner, brands)),
                via=citation.via,
            )
            continue
        verdicts = {before.cited, citation.cited}
        pages[key] = replace(
            before,
            canonical_url=best_spelling((before.canonical_url, canonical)),
            title=before.title or title,
            cited=True if True in verdicts else None if None in verdicts else False,
            via=citation.via if before.via == IN_TEXT else before.via,
        )
    return tuple(pages.values())
