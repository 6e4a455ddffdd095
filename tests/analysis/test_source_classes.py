"""Source classes: who speaks on a page, told by its address."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.analysis.citations import canonical_url, find_citations, host_of, registrable_domain
from brandq.analysis.findings import SourceClass
from brandq.analysis.source_classes import source_class_of
from brandq.analysis.source_domains import LISTS
from brandq.plan import Brand
from brandq.providers.dialect import Citation

BYD = Brand("比亚迪", ("BYD",), ("byd.com", "比亚迪.中国"))
TESLA = Brand("特斯拉", ("Tesla",), ("tesla.com", "tesla.cn"))
ACER = Brand("Acer", (), ("ACER.com",))


def class_of(url: str) -> str:
    canonical = canonical_url(url)
    assert canonical is not None
    host = host_of(canonical)
    return str(source_class_of(host, registrable_domain(host), urlsplit(canonical).path))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        # the press
        ("http://paper.people.com.cn/rmrb/1.htm", "news"),
        ("https://www.xinhuanet.com/auto/2026/1.htm", "news"),
        ("https://www.thepaper.cn/newsDetail_forward_1", "news"),
        ("https://www.36kr.com/p/1", "news"),
        ("https://www.sohu.com/a/1_2", "news"),
        ("https://finance.sina.com.cn/roll/1.shtml", "news"),
        ("https://new.qq.com/rain/a/1", "news"),
        ("https://www.qq.com/", "news"),
        ("https://tech.ifeng.com/c/1", "news"),
        ("https://www.nytimes.com/2026/01/01/technology/a.html", "news"),
        ("https://www.bbc.co.uk/news/1", "news"),
        ("https://techcrunch.com/2026/01/01/a/", "news"),
        ("https://news.sina.cn/1", "news"),
        ("https://news.smalltown.example/1", "news"),
        ("https://www.springfieldnews.com/a", "news"),
        # tests, comparisons, ratings
        ("https://www.nytimes.com/wirecutter/reviews/best-tv/", "review"),
        ("https://www.forbes.com/vetted/article/best-tv/", "review"),
        ("https://www.rtings.com/tv", "review"),
        ("https://uk.pcmag.com/laptops", "review"),
        ("https://www.g2.com/categories/crm", "review"),
        ("https://de.trustpilot.com/review/x.de", "review"),
        ("https://www.tripadvisor.co.uk/Hotel_Review-1", "review"),
        ("https://www.autohome.com.cn/1/", "review"),
        ("https://k.autohome.com.cn/1/", "review"),
        ("https://detail.zol.com.cn/1.shtml", "review"),
        ("https://post.smzdm.com/p/1/", "review"),
        ("https://www.dianping.com/shop/1", "review"),
        ("https://reviews.example.org/tv", "review"),
        # where anybody may publish
        ("https://www.reddit.com/r/a/comments/1/", "ugc"),
        ("https://zhuanlan.zhihu.com/p/1", "ugc"),
        ("https://mp.weixin.qq.com/s/a", "ugc"),
        ("https://baijiahao.baidu.com/s?id=1", "ugc"),
        ("https://tieba.baidu.com/p/1", "ugc"),
        ("https://www.xiaohongshu.com/explore/1", "ugc"),
        ("https://www.bilibili.com/video/BV1", "ugc"),
        ("https://www.douyin.com/video/1", "ugc"),
        ("https://club.autohome.com.cn/bbs/1", "ugc"),
        ("https://bbs.zol.com.cn/1", "ugc"),
        ("https://guba.eastmoney.com/news,1.html", "ugc"),
        ("https://someone.medium.com/post", "ugc"),
        ("https://foo.blogspot.com/2026/01/a.html", "ugc"),
        ("https://community.hubspot.com/t5/a", "ugc"),
        ("https://forums.macrumors.com/threads/1", "ugc"),
        ("https://youtu.be/abc", "ugc"),
        # what is looked up
        ("https://zh.wikipedia.org/wiki/比亚迪", "reference"),
        ("https://baike.baidu.com/item/比亚迪/1", "reference"),
        ("https://arxiv.org/abs/2311.09735", "reference"),
        ("https://pubmed.ncbi.nlm.nih.gov/1/", "reference"),
        ("https://www.iso.org/standard/1.html", "reference"),
        ("https://www.tsinghua.edu.cn/a", "reference"),
        ("https://cs.ox.ac.uk/a", "reference"),
        ("https://ocw.mit.edu/a", "reference"),
        ("https://wiki.archlinux.org/title/a", "reference"),
        # where one buys
        ("https://item.jd.com/1.html", "ecommerce"),
        ("https://detail.tmall.com/item.htm?id=1", "ecommerce"),
        ("https://mobile.yangkeduo.com/goods.html?goods_id=1", "ecommerce"),
        ("https://www.amazon.co.jp/dp/B000000000", "ecommerce"),
        ("https://www.amazon.com.au/dp/B000000000", "ecommerce"),
        ("https://www.ebay.de/itm/1", "ecommerce"),
        ("https://apps.apple.com/cn/app/id1", "ecommerce"),
        ("https://play.google.com/store/apps/details?id=a", "ecommerce"),
        ("https://store.acme.example/p/1", "ecommerce"),
        ("https://acme.myshopify.com/products/a", "ecommerce"),
        ("https://www.mattressnowstore.com/a", "ecommerce"),
        # governments
        ("https://www.gov.cn/zhengce/1.htm", "gov"),
        ("https://gov.cn/zhengce/1.htm", "gov"),
        ("https://www.miit.gov.cn/a", "gov"),
        ("https://www.gov.uk/guidance/a", "gov"),
        ("https://www.ftc.gov/a", "gov"),
        ("https://www.meti.go.jp/a", "gov"),
        ("https://www.canada.ca/en.html", "gov"),
        ("https://laws.justice.gc.ca/a", "gov"),
        ("https://ec.europa.eu/a", "gov"),
        ("https://www.economie.gouv.fr/a", "gov"),
        ("https://www.sat.gob.mx/a", "gov"),
        ("https://dmv.ny.gov/a", "gov"),
        ("https://www.12315.cn/", "gov"),
        # nothing that one could tell
        ("https://example.com/a", "other"),
        ("https://foo.github.io/x", "other"),
        ("https://github.com/a/b/discussions/1", "other"),
        ("https://hubspot.com.evil.io/login", "other"),
        ("https://amazon.com.evil.io/dp/1", "other"),
        ("https://notamazon.com/", "other"),
        ("https://amazon.github.io/", "other"),
        ("https://aws.amazon.com/ec2/", "other"),
        ("https://www.gov.evil.io/", "other"),
        ("https://edu.example.com/", "other"),
        ("https://nytimes.com.example.net/wirecutter/", "other"),
        ("https://www.nytimes.com/wirecutterish", "news"),
        ("https://www.shopify.com/pricing", "other"),
        ("https://www.workshop.com/", "other"),
        ("https://map.baidu.com/a", "other"),
        ("https://docs.qq.com/doc/1", "other"),
        ("http://192.0.2.1/news", "other"),
        ("http://localhost/", "other"),
    ],
)
def test_the_class_of_a_page(url: str, expected: str) -> None:
    """Given a page, when its address is read, then the class is the one that a reader of that site would name."""
    assert class_of(url) == expected


@pytest.mark.parametrize(
    ("url", "expected", "owner"),
    [
        ("https://www.byd.com/cn", "owned", "比亚迪"),
        ("https://forum.byd.com/t/1", "owned", "比亚迪"),
        ("https://news.byd.com/1", "owned", "比亚迪"),
        ("https://www.比亚迪.中国/车型", "owned", "比亚迪"),
        ("https://shop.tesla.cn/product/1", "competitor", "特斯拉"),
        ("https://www.tesla.com/", "competitor", "特斯拉"),
        ("https://store.acer.com/en-us/", "competitor", "Acer"),
        ("https://tesla.com.evil.io/", "other", None),
        ("https://www.autohome.com.cn/tesla", "review", None),
    ],
)
def test_a_tracked_brand_speaks_for_itself(url: str, expected: str, owner: str | None) -> None:
    """Given brands with domains, when they are cited, then the first brand's pages are owned and the others' competitors'.

    Whatever the host is called, and in whatever script the domain was given.
    """
    (found,) = find_citations([Citation(url, cited=True, via="annotations")], [], [BYD, TESLA, ACER])
    assert (found.source_class, found.owner) == (expected, owner)


def test_who_is_the_subject_decides() -> None:
    """Given one page, when the brands change places, then what was owned is a competitor's."""
    page = [Citation("https://www.byd.com/", cited=True)]
    assert find_citations(page, [], [BYD, TESLA])[0].source_class == "owned"
    assert find_citations(page, [], [TESLA, BYD])[0].source_class == "competitor"
    assert find_citations(page, [], [TESLA])[0].source_class == find_citations(page, [], [])[0].source_class == "other"


def test_an_expiring_redirect_has_the_class_of_the_site_that_its_title_names() -> None:
    """Given sources as Gemini gives them, when classified, then the title's site counts and the redirect's path does not."""
    redirect = "https://vertexaisearch.cloud.google.com/grounding-api-redirect/"
    titles = {"a": "zhihu.com", "b": "nytimes.com", "c": "比亚迪.中国", "d": "The best cars"}
    found = find_citations([Citation(redirect + key, title, True) for key, title in titles.items()], [], [BYD])
    assert [one.source_class for one in found] == ["ugc", "news", "owned", "other"]


def test_no_site_is_listed_twice() -> None:
    """Given the lists, when they are read together, then each entry stands once, and looks like a host."""
    entries = Counter(entry for listed in LISTS.values() for entry in listed.split())
    assert {entry: n for entry, n in entries.items() if n > 1} == {}
    for entry in entries:
        host = entry.removeprefix("=").partition("/")[0].removesuffix(".*")
        assert entry == entry.lower(), entry
        assert canonical_url(f"https://{host}/") == f"https://{host}/", entry


@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_any_text_has_a_class(host: str, domain: str, path: str) -> None:
    """Given any text for host, domain and path, when classified, then it is a class, and never a brand's."""
    found = source_class_of(host, domain, path)
    assert found in set(SourceClass) - {SourceClass.OWNED, SourceClass.COMPETITOR}


REGISTERED = sorted(
    entry
    for listed in LISTS.values()
    for entry in listed.split()
    if entry.count(".") == 1 and entry.isascii() and entry.replace(".", "").isalpha()
)
#: names that speak for themselves in front of any domain
SPEAKING = {"news.cn", "ask.com", "answers.com", "baike.com"}


@given(st.sampled_from(REGISTERED).filter(lambda domain: domain not in SPEAKING))
def test_a_look_alike_of_a_listed_site_gets_nothing_from_it(domain: str) -> None:
    """Given a listed site, when its whole name stands in front of another domain, then the class is the other domain's."""
    assert source_class_of(f"{domain}.evil.io", "evil.io") == SourceClass.OTHER
    assert source_class_of(f"not{domain}x.evil.io", "evil.io") == SourceClass.OTHER
