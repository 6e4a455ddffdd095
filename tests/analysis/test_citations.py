"""Citations: one spelling per page, the registrable domain, and whose it is."""

from __future__ import annotations

import pytest

from brandq.analysis import analyze
from brandq.analysis.citations import canonical_url, find_citations, owner_of, page_key, registrable_domain
from brandq.analysis.findings import CitationFinding
from brandq.plan import Brand
from brandq.providers.dialect import Answer, AnswerKind, Citation

HUBSPOT = Brand("HubSpot", (), ("hubspot.com",))


def cited(text: str, *given: Citation) -> tuple[CitationFinding, ...]:
    return analyze(Answer(text, AnswerKind.OK, citations=given), [HUBSPOT], "").citations


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.com:443/a/../b?utm_source=x&id=3#top", "https://example.com/b?id=3"),
        ("https://example.com/a?b=2&a=1&gclid=x&_gsid=y", "https://example.com/a?a=1&b=2"),
        ("http://example.com:8080/", "http://example.com:8080/"),
        ("https://example.com/a#:~:text=foo", "https://example.com/a"),
        ("https://www.google.com/url?q=https://example.com/a&sa=U", "https://example.com/a"),
        ("https://zh.wikipedia.org/wiki/比亚迪", "https://zh.wikipedia.org/wiki/%E6%AF%94%E4%BA%9A%E8%BF%AA"),
        ("https://example.com/?q=%C4%E3", "https://example.com/?q=%C4%E3"),
        ("mailto:a@example.com", None),
        ("javascript:alert(1)", None),
        ("http://[::1", None),
        ("http://example.com:99999/", None),
        ("not a url", None),
        ("", None),
    ],
)
def test_canonical_url(url: str, canonical: str | None) -> None:
    """Tracking, fragments and spelling go; what names the page stays; what is no page gives None."""
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
    ],
)
def test_registrable_domain(host: str, domain: str) -> None:
    """Public and private suffixes are known; a host without one stands for itself."""
    assert registrable_domain(host) == domain


def test_an_owner_is_a_host_or_its_subdomain() -> None:
    """A look-alike host belongs to nobody, and the longer domain decides."""
    store = Brand("Store", (), ("shop.hubspot.com",))
    assert owner_of("hubspot.com", [HUBSPOT]) == owner_of("www.hubspot.com", [HUBSPOT]) == "HubSpot"
    assert owner_of("hubspot.com.evil.io", [HUBSPOT]) is owner_of("nothubspot.com", [HUBSPOT]) is None
    assert owner_of("eu.shop.hubspot.com", [HUBSPOT, store]) == "Store"


def test_one_page_is_one_citation() -> None:
    """Three spellings of a page are one, in the order of the first."""
    found = cited("https://www.example.com/a https://b.cn/x https://example.com/a/ https://example.com/a#top")
    assert [page_key(citation.canonical_url) for citation in found] == ["example.com/a", "b.cn/x"]


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
    given = [
        Citation(redirect + "a", "www.example.com", True),
        Citation(redirect + "b", "apple.co.uk", True),
        Citation(redirect + "c", "The best shops", True),
        Citation("https://other.org/x", "example.com", True),
    ]
    found = find_citations(given, [], [Brand("A", domains=("example.com",))])
    assert [(one.domain, one.owner) for one in found] == [
        ("example.com", "A"),
        ("apple.co.uk", None),
        ("google.com", None),
        ("other.org", None),
    ]
    assert found[0].canonical_url == redirect + "a"
