"""Citations: one spelling per page, the registrable domain, and whose it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brandq.analysis import analyze
from brandq.analysis.citations import (
    best_spelling,
    canonical_url,
    find_citations,
    page_key,
    registrable_domain,
)
from brandq.analysis.findings import CitationFinding, SourceClass
from brandq.plan import Brand
from brandq.providers.dialect import Answer, AnswerKind, Citation

HUBSPOT = Brand("HubSpot", (), ("hubspot.com",))


def cited(text: str, *reported: Citation) -> tuple[CitationFinding, ...]:
    return analyze(Answer(text, AnswerKind.OK, citations=reported), [HUBSPOT], "").citations


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.com:443/a/../b?utm_source=x&id=3#top", "https://example.com/b?id=3"),
        ("https://example.com/a?b=2&a=1&gclid=x&_gsid=y", "https://example.com/a?a=1&b=2"),
        ("http://example.com:8080/", "http://example.com:8080/"),
        ("http://example.com:80", "http://example.com/"),
        ("https://example.com/a#:~:text=foo", "https://example.com/a"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://user:secret@example.com/a", "https://example.com/a"),
        ("https://hubspot.com@evil.io/a", "https://evil.io/a"),
        ("https://evil.io\\@hubspot.com/", "https://evil.io/@hubspot.com/"),
        ("https://%65xample.com/a", "https://example.com/a"),
        ("https://zh.wikipedia.org/wiki/比亚迪", "https://zh.wikipedia.org/wiki/%E6%AF%94%E4%BA%9A%E8%BF%AA"),
        ("https://例子.中国/页", "https://xn--fsqu00a.xn--fiqs8s/%E9%A1%B5"),
        ("https://ｅｘａｍｐｌｅ。com/a", "https://example.com/a"),
        ("https://example.com/?q=%C4%E3", "https://example.com/?q=%C4%E3"),
        ("http://192.0.2.1:8080/a", "http://192.0.2.1:8080/a"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        # what somebody came by goes
        ("https://example.com/a?id=3&amp;utm_source=x&amp;v=1", "https://example.com/a?id=3&v=1"),
        ("https://example.com/a?fbclid=x&mc_cid=y&share_token=z&ref=nav&from=timeline", "https://example.com/a"),
        ("https://example.com/a?hsCtaTracking=1&_hsenc=2&mtm_campaign=3", "https://example.com/a"),
        ("https://www.smzdm.com/p/1/?spm=a.b&scm=1&utm%5Fmedium=app", "https://www.smzdm.com/p/1/"),
        ("https://example.com/a;jsessionid=1A?p=2", "https://example.com/a?p=2"),
        ("https://www.zhihu.com/question/1/answer/2?utm_psn=3&s_r=0", "https://www.zhihu.com/question/1/answer/2"),
        (
            "https://mp.weixin.qq.com/s?__biz=M&mid=2&idx=1&sn=a&chksm=b&scene=27#rd",
            "https://mp.weixin.qq.com/s?__biz=M&idx=1&mid=2&sn=a",
        ),
        ("https://baijiahao.baidu.com/s?id=17&wfr=spider&for=pc", "https://baijiahao.baidu.com/s?id=17"),
        ("https://baike.baidu.com/item/a/1?fr=aladdin&fromModule=b", "https://baike.baidu.com/item/a/1"),
        (
            "https://www.bilibili.com/video/BV1?vd_source=a&spm_id_from=333&p=2",
            "https://www.bilibili.com/video/BV1?p=2",
        ),
        ("https://www.xiaohongshu.com/explore/1?xsec_token=A&xsec_source=pc", "https://www.xiaohongshu.com/explore/1"),
        ("https://www.youtube.com/watch?v=abc&t=30s&si=x&feature=shared", "https://www.youtube.com/watch?v=abc"),
        (
            "https://www.amazon.com/A-B/dp/B0ABCDEF12/ref=sr_1_1?keywords=tv&qid=1&th=1",
            "https://www.amazon.com/A-B/dp/B0ABCDEF12",
        ),
        # and what chooses a page stays
        (
            "https://example.com/a?id=3&p=2&v=x&page=4&lang=en&t=5&s=6",
            "https://example.com/a?id=3&lang=en&p=2&page=4&s=6&t=5&v=x",
        ),
        ("https://fly.example.com/search?from=PEK&to=SHA", "https://fly.example.com/search?from=PEK&to=SHA"),
        ("https://github.com/a/b/blob/main/c?ref=v2", "https://github.com/a/b/blob/main/c?ref=v2"),
        ("https://pan.baidu.com/share/link?shareid=1&uk=2", "https://pan.baidu.com/share/link?shareid=1&uk=2"),
        ("https://go.microsoft.com/fwlink/?linkid=2124701", "https://go.microsoft.com/fwlink/?linkid=2124701"),
        ("https://example.com/a?utmost=1&sharepoint=2&scmid=3", "https://example.com/a?scmid=3&sharepoint=2&utmost=1"),
        ("https://www.amazon.com/s?k=tv", "https://www.amazon.com/s?k=tv"),
        # pages that only forward
        ("https://www.google.com/url?q=https://example.com/a&sa=U", "https://example.com/a"),
        (
            "https://www.google.com.hk/url?sa=t&url=https%3A%2F%2Fexample.com%2Fa%3Fid%3D1%26utm_source%3Dx",
            "https://example.com/a?id=1",
        ),
        (
            "https://www.bing.com/ck/a?!&&p=1&u=a1aHR0cHM6Ly93d3cucnRpbmdzLmNvbS9oZWFkcGhvbmVz&ntb=1",
            "https://www.rtings.com/headphones",
        ),
        ("https://www.bing.com/ck/a?u=a1!!!!", "https://www.bing.com/ck/a?u=a1%21%21%21%21"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.com%2Fa%3Ffbclid%3Dx&h=AT", "https://example.com/a"),
        ("https://link.zhihu.com/?target=https%3A//www.byd.com/cn", "https://www.byd.com/cn"),
        ("https://link.juejin.cn/?target=https%3A%2F%2Fexample.com%2F", "https://example.com/"),
        ("https://c.pc.qq.com/middlem.html?pfurl=https%3A%2F%2Fexample.cn%2Fa&pfuin=1", "https://example.cn/a"),
        ("https://weibo.cn/sinaurl?u=https%3A%2F%2Fexample.cn%2Fa", "https://example.cn/a"),
        ("https://t.cn/A6abc", "https://t.cn/A6abc"),
        ("https://duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.com%2Fa&rut=1", "https://example.com/a"),
        (
            "https://r.search.yahoo.com/_ylt=A/RV=2/RE=1/RO=10/RU=https%3a%2f%2fexample.com%2fa%2fb/RK=2/RS=c-",
            "https://example.com/a/b",
        ),
        (
            "https://nam01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2Fa&data=1",
            "https://example.com/a",
        ),
        (
            "https://www.google.com/url?q=https%3A%2F%2Flink.zhihu.com%2F%3Ftarget%3Dhttps%253A%2F%2Fexample.com%2Fa",
            "https://example.com/a",
        ),
        ("https://www.google.com/url?q=javascript:alert(1)", "https://www.google.com/url?q=javascript%3Aalert%281%29"),
        ("https://www.google.com/url?q=http://[::1", "https://www.google.com/url?q=http%3A%2F%2F%5B%3A%3A1"),
        (
            "https://google.com.evil.io/url?q=https://example.com/",
            "https://google.com.evil.io/url?q=https%3A%2F%2Fexample.com%2F",
        ),
        # the twin of a page for phones
        ("https://www.google.com/amp/s/www.example.com/a?id=1", "https://www.example.com/a?id=1"),
        ("https://www-example-com.cdn.ampproject.org/c/s/www.example.com/a", "https://www.example.com/a"),
        ("https://example.com/2026/05/best-tv/amp/", "https://example.com/2026/05/best-tv"),
        ("https://example.com/best-tv-sets.amp.html?amp=1", "https://example.com/best-tv-sets.html"),
        ("https://example.com/guitars/amp", "https://example.com/guitars/amp"),
        # no page
        ("mailto:a@example.com", None),
        ("javascript:alert(1)", None),
        ("ftp://example.com/a", None),
        ("http://[::1", None),
        ("http://example.com:99999/", None),
        ("https://a..b.com/", None),
        ("https://exa mple.com/", None),
        ("https://" + "a" * 64 + ".com/", None),
        ("https://example.com/" + "a" * 9000, None),
        ("https://", None),
        ("not a url", None),
        ("", None),
    ],
)
def test_canonical_url(url: str, canonical: str | None) -> None:
    """Given a URL as answers give it, when it is made canonical, then what names the page is left and nothing else.

    What is no page gives None, and a canonical URL is its own.
    """
    assert canonical_url(url) == canonical
    if canonical:
        assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.co.uk", "example.co.uk"),
        ("foo.github.io", "foo.github.io"),
        ("mp.weixin.qq.com", "qq.com"),
        ("hubspot.com.evil.io", "evil.io"),
        ("192.0.2.1", "192.0.2.1"),
        ("localhost", "localhost"),
        ("www.gov.cn", "www.gov.cn"),
        ("news.example.com.cn", "example.com.cn"),
        ("foo.blogspot.com", "foo.blogspot.com"),
        ("www.xn--fsqu00a.xn--fiqs8s", "xn--fsqu00a.xn--fiqs8s"),
        ("::1", "::1"),
    ],
)
def test_registrable_domain(host: str, domain: str) -> None:
    """Given a host, when its domain is asked for, then public and private suffixes are known; one without stands for itself."""
    assert registrable_domain(host) == domain


def test_an_owner_is_a_host_or_its_subdomain() -> None:
    """Given look-alike hosts and domains inside domains, when asked, then the first are nobody's and the longer decides."""
    store = Brand("Store", (), ("shop.hubspot.com",))
    written = Brand("Written", (), ("WWW.Example.中国",))

    def owner(host: str, *brands: Brand) -> str | None:
        (found,) = find_citations([Citation(f"https://{host}/a")], [], brands)
        return found.owner

    assert owner("hubspot.com", HUBSPOT) == owner("www.hubspot.com", HUBSPOT) == "HubSpot"
    assert owner("hubspot.com.evil.io", HUBSPOT) is owner("nothubspot.com", HUBSPOT) is None
    assert owner("eu.shop.hubspot.com", HUBSPOT, store) == "Store"
    assert owner("shop.example.xn--fiqs8s", written) == "Written"


def test_one_page_is_one_citation() -> None:
    """Given spellings of two pages, when read, then each is one citation, in the order of the first."""
    found = cited(
        "https://www.example.com/a https://b.cn/x https://example.com/a/ https://example.com/a#top http://example.com/a"
    )
    assert [citation.canonical_url for citation in found] == ["https://example.com/a", "https://b.cn/x"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.example.com/a", "http://example.com/a/", True),
        ("https://example.com", "https://www.example.com/index.html", True),
        ("https://amp.example.com/a", "https://www.example.com/a", True),
        ("https://example.com/a?utm_source=x&id=3", "https://example.com/a?id=3#b", True),
        ("https://example.com/a?b=1&c=2", "https://example.com/a?c=2&b=1", True),
        ("https://EXAMPLE.com/%7Ea", "https://example.com/~a", True),
        ("https://例子.中国/a", "https://xn--fsqu00a.xn--fiqs8s/a", True),
        ("https://example.com/a?id=3", "https://example.com/a?id=4", False),
        ("https://example.com/a", "https://example.com/A", False),
        ("https://example.com/a", "https://example.com:8443/a", False),
        ("https://www.com/a", "https://com/a", False),
        ("https://example.com/?u=x/?y", "https://example.com/?u=x?y", False),
    ],
)
def test_two_spellings_of_a_page_share_a_key(one: str, other: str, same: bool) -> None:
    """Given two URLs, when their keys are compared, then they agree where a reader would land on one page."""
    keys = [page_key(canonical_url(url) or "") for url in (one, other)]
    assert (keys[0] == keys[1]) is same


def test_of_one_page_the_plainest_spelling_is_kept() -> None:
    """Given spellings of a page, when one is kept, then it is no twin for phones, short, and https."""
    spellings = [
        "http://example.com/a",
        "https://amp.example.com/a",
        "https://example.com/a",
        "https://www.example.com/a/",
    ]
    assert best_spelling(spellings) == best_spelling(reversed(spellings)) == "https://example.com/a"


def test_a_source_that_only_the_text_names_stays_marked() -> None:
    """Given sources that the answer lists and the provider did not report, when read, then their via is text, and only theirs."""
    found = cited(
        "参考来源：\n1. https://a.cn/x\n2. https://www.b.cn/y/",
        Citation("https://b.cn/y?utm_source=z", cited=None, via="annotations"),
        Citation("https://a.cn/x", cited=True, via="text"),
    )
    assert [(one.domain, one.via, one.cited) for one in found] == [
        ("b.cn", "annotations", True),
        ("a.cn", "text", True),
    ]
    late = find_citations(
        [Citation("https://c.cn", cited=True), Citation("https://c.cn/", cited=False, via="search_results")], [], []
    )
    assert [(one.via, one.cited) for one in late] == [("search_results", True)]


URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(
        [
            "example.com",
            "www.google.com",
            "amazon.de",
            "link.zhihu.com",
            "例子.中国",
            "a@b.cn:80",
            "[::1]",
            "mp.weixin.qq.com",
        ]
    ),
    st.text(alphabet="/ab.-_%;=#?\\\u200b比" + "19", max_size=30)
    | st.sampled_from(["/url", "/amp", "/a-1/amp/amp", "/a.amp.amp.html", "/ref=1/ref=2", "/"]),
    st.sampled_from(
        [
            "",
            "?q=https://example.com/a",
            "?target=https%3A//b.cn",
            "?&amp;a",
            "?from=a&to=b",
            "?a=1&amp=1&utm_x",
            "?é=%ff",
        ]
    ),
)


@given(URLS)
def test_a_canonical_url_is_its_own(url: str) -> None:
    """Given any URL, when it is made canonical twice, then the second time changes nothing, and its key neither."""
    canonical = canonical_url(url)
    if canonical is not None:
        assert canonical_url(canonical) == canonical
        assert page_key(canonical)


@given(st.text(max_size=200) | st.text(max_size=100).map("https://".__add__))
@example("https://www.google.com/url?q=" * 400 + "https://example.com")
@example("https://www.bing.com/ck/a?u=a1" + "_" * 1000)
@example("https://example.com/" + "-" * 7900 + "/amp")
@example("https://r.search.yahoo.com/RU=https:" + "/RK" * 2000)
@example("https://\ud800.com/\udfff")
def test_any_text_of_a_source_is_survived(url: str) -> None:
    """Given any text where a URL should be, when read, then there is at most one citation, and it has a domain and a class."""
    for found in find_citations([Citation(url, url, cited=None, via="import")], [], [HUBSPOT]):
        assert found.domain
        assert found.source_class in set(SourceClass)


def test_links_of_every_kind_are_found() -> None:
    """Words with a target, definitions, angle brackets and bare URLs, each with its title and without the sentence's dots."""
    found = cited(
        "[Guide](https://a.com/g_(x)) and <https://b.com/> and https://c.cn/x，官网 (https://d.com/y).\n\n"
        '[1]: https://e.com/z?utm_source=chatgpt.com "E page"\n![logo](https://f.com/logo.png)'
    )
    assert [(citation.canonical_url, citation.title) for citation in found] == [
        ("https://a.com/g_(x)", "Guide"),
        ("https://b.com/", None),
        ("https://c.cn/x", None),
        ("https://d.com/y", None),
        ("https://e.com/z", "E page"),
    ]


def test_what_the_provider_reports_comes_first() -> None:
    """A page that was only retrieved becomes cited when the text links to it; what is unknown stays unknown."""
    found = cited(
        "See https://a.com/x",
        Citation("https://b.com", "B", cited=None, via="annotations"),
        Citation("https://a.com/x?utm_medium=y", "A", cited=False, via="search_results"),
        Citation("https://c.com", cited=False, via="search_results"),
        Citation("https://app.hubspot.com/p", cited=True, via="annotations"),
    )
    assert [(citation.domain, citation.cited, citation.via, citation.owner) for citation in found] == [
        ("b.com", None, "annotations", None),
        ("a.com", True, "search_results", None),
        ("c.com", False, "search_results", None),
        ("hubspot.com", True, "annotations", "HubSpot"),
    ]


def test_a_redirect_that_expires_belongs_to_the_site_that_its_title_names() -> None:
    """Given sources as Gemini gives them, when read, then domain and owner are the site's, and a plain title changes nothing."""
    redirect = "https://vertexaisearch.cloud.google.com/grounding-api-redirect/"
    reported = [
        Citation(redirect + "a", "www.example.com", True),
        Citation(redirect + "b", "apple.co.uk", True),
        Citation(redirect + "c", "The best shops", True),
        Citation("https://other.org/x", "example.com", True),
    ]
    found = find_citations(reported, [], [Brand("A", domains=("example.com",))])
    assert [(one.domain, one.owner) for one in found] == [
        ("example.com", "A"),
        ("apple.co.uk", None),
        ("google.com", None),
        ("other.org", None),
    ]
    assert found[0].canonical_url == redirect + "a"
