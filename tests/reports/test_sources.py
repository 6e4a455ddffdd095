"""The report's sources: shares that sum to 1, four integers that sum to n, and who said that a page is a source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.analysis.findings import BrandFinding, CitationFinding, SourceClass
from brandq.plan import Brand, EngineRef, Plan
from brandq.reports.facts import SampleFacts
from brandq.reports.sources import MOST_DOMAINS, MOST_PAGES, sources_section
from brandq.reports.tallies import Groups, Tallies

BYD = Brand("比亚迪", ("BYD",), ("byd.com",))
TESLA = Brand("特斯拉", (), ("tesla.com",))
NIO = Brand("蔚来")
PLAN = Plan(
    (BYD, TESLA, NIO), tuple(f"问题{n}？" for n in range(1, 7)), (EngineRef("a", "p", "m"), EngineRef("b", "p", "m"))
)


def page(
    url: str,
    source_class: str | None = "other",
    *,
    cited: bool | None = True,
    owner: str | None = None,
    via: str = "annotations",
) -> CitationFinding:
    domain = url.split("/")[2].removeprefix("www.")
    return CitationFinding(url, url, domain, None, cited, owner, source_class, via)


OWN = page("https://www.byd.com/cn", "owned", owner="比亚迪")
RIVAL = page("https://tesla.com/a", "competitor", owner="特斯拉")
NEWS = page("https://36kr.com/p/1", "news")
POST = page("https://zhihu.com/q/1", "ugc", via="text")
SEEN = page("https://rtings.com/tv", "review", cited=False, via="search_results")


def sample(number: int, citations: Sequence[CitationFinding], named: Sequence[str] = ()) -> SampleFacts:
    """An analyzed answer; every second is engine b's, and every fourth begins another prompt."""
    brands = tuple(BrandFinding(brand.name, int(brand.name in named)) for brand in PLAN.brands)
    return SampleFacts(
        number,
        number // 4 % 6 + 1,
        "ab"[number % 2],
        number % 4 // 2 + 1,
        "analyzed",
        1,
        kind="ok",
        brands=brands,
        citations=tuple(citations),
    )


def section(
    *answers: Sequence[CitationFinding], named: Sequence[Sequence[str]] = (), plan: Plan = PLAN
) -> dict[str, Any]:
    names = [*named, *[()] * len(answers)]
    return counted([sample(n, pages, names[n]) for n, pages in enumerate(answers)], plan)


def counted(samples: Sequence[SampleFacts], plan: Plan) -> dict[str, Any]:
    tallies = Tallies(plan, samples)
    return sources_section(plan, tallies, Groups(tallies.strata).at(None, None))


def test_shares_and_rates_of_classes_count_given_pages() -> None:
    """Given answers with own, rival, press and only retrieved pages, when counted, then the last enter no share and no rate."""
    found = section([OWN, NEWS, POST], [NEWS, SEEN], [RIVAL], [SEEN], [])
    by_class = found["by_class"]
    assert {name: (numbers["share"]["k"], numbers["answers"]["k"]) for name, numbers in by_class.items()} == {
        **dict.fromkeys(map(str, SourceClass), (0, 0)),
        "owned": (1, 1),
        "competitor": (1, 1),
        "news": (2, 2),
        "ugc": (1, 1),
    }
    assert {numbers["share"]["n"] for numbers in by_class.values()} == {5}
    assert {numbers["answers"]["n"] for numbers in by_class.values()} == {5}
    assert (found["with_sources"]["k"], found["with_sources"]["n"]) == (3, 5)
    assert (
        found["subject"]["brand"],
        found["subject"]["citation_rate"]["k"],
        found["subject"]["citation_share"]["value"],
    ) == ("比亚迪", 1, 0.2)


def test_numbers_over_prompts_speak_of_the_market() -> None:
    """Given a plan of several prompts, when its sources are counted, then each number's interval is the market's."""
    found = section(*[[OWN, NEWS], [NEWS], []] * 8)
    numbers = [
        found["with_sources"],
        found["text_only_share"],
        found["subject"]["citation_share"],
        found["by_class"]["news"]["share"],
    ]
    numbers += [found["domains"][0]["answers"], found["named_and_cited"][0]["cited_not_named_rate"]]
    assert {number["estimand"] for number in numbers} == {"market"}
    assert {number["prompts"] for number in numbers} == {6}
    single = replace(PLAN, prompts=PLAN.prompts[:1])
    alone = section([OWN], [NEWS], plan=single)
    assert {alone["with_sources"]["estimand"], alone["by_class"]["news"]["share"]["estimand"]} == {"panel"}


def test_a_brand_can_be_cited_and_not_named() -> None:
    """Given answers that name a brand, cite it, do both, or neither, when counted, then each stands in its own place."""
    found = section(
        [OWN], [OWN], [NEWS], [], [replace(OWN, cited=False)], named=[["比亚迪"], [], ["比亚迪"], ["比亚迪"], []]
    )
    ours, rival = found["named_and_cited"]
    assert ours["brand"] == "比亚迪"
    assert [ours[key] for key in ("usable", "named_and_cited", "named_not_cited", "cited_not_named", "neither")] == [
        5,
        1,
        2,
        1,
        1,
    ]
    assert (ours["cited_not_named_rate"]["k"], ours["cited_not_named_rate"]["n"]) == (1, 5)
    assert ours["cited_not_named_pages"] == ["https://www.byd.com/cn"]
    assert (rival["brand"], rival["neither"], rival["cited_not_named_pages"]) == ("特斯拉", 5, [])


def test_what_only_the_text_says_is_counted_apart() -> None:
    """Given sources of the provider and of the text alone, when counted, then both are given, and the second are told."""
    both = page("https://zhihu.com/q/2", "ugc")
    found = section([POST, NEWS], [POST], [both])
    assert (found["text_only_share"]["k"], found["text_only_share"]["n"]) == (2, 4)
    assert found["counts"]["only_in_text"] == 2
    assert {row["domain"]: row["only_in_text"] for row in found["domains"]} == {"zhihu.com": False, "36kr.com": False}
    assert section([POST])["domains"][0]["only_in_text"]


def test_a_page_is_counted_once_however_it_is_spelled() -> None:
    """Given one page in three spellings over answers, when pages are counted, then it is one, in its plainest spelling."""
    spellings = ["https://www.36kr.com/p/1", "https://36kr.com/p/1/", "https://36kr.com/p/1"]
    found = section(
        *[[replace(NEWS, canonical_url=url)] for url in spellings], [SEEN], [page("https://36kr.com/p/2", "news")]
    )
    row = found["domains"][0]
    assert (row["domain"], row["pages"], row["most_given_pages"]) == (
        "36kr.com",
        2,
        ["https://36kr.com/p/1", "https://36kr.com/p/2"],
    )
    assert found["counts"] == {
        "citations": 4,
        "only_in_text": 0,
        "unclassified": 0,
        "pages": 2,
        "pages_only_retrieved": 1,
        "domains": 1,
        "domains_only_retrieved": 1,
    }


def test_a_domain_with_several_voices_shows_them() -> None:
    """Given a site of press and users, when its row is read, then the commonest class is its own and the others stand beside."""
    found = section(
        [page("https://qq.com/1", "ugc"), page("https://qq.com/2", "news")], [page("https://qq.com/3", "ugc")]
    )
    (row,) = found["domains"]
    assert (row["source_class"], row["classes"], row["cited"]) == ("ugc", {"ugc": 2, "news": 1}, "cited")


def test_a_long_tail_is_cut_and_counted() -> None:
    """Given more domains and pages than a report holds, when it is made, then the commonest stay and the rest is counted."""
    many = [page(f"https://site{n:03}.com/", "other") for n in range(MOST_DOMAINS + 7)]
    pages = [page(f"https://site000.com/{n}", "other") for n in range(MOST_PAGES + 3)]
    found = section(many, [*pages, many[5]])
    assert (len(found["domains"]), found["domains_left_out"]) == (MOST_DOMAINS, 7)
    assert [row["domain"] for row in found["domains"][:3]] == ["site000.com", "site005.com", "site001.com"]
    assert len(found["domains"][0]["most_given_pages"]) == MOST_PAGES


def test_what_could_not_be_found_is_null() -> None:
    """Given brands without domains, when sources are counted, then own and competitors' shares are null with a reason."""
    plan = replace(PLAN, brands=(NIO, Brand("小鹏")))
    found = section([NEWS], plan=plan)
    for name in ("owned", "competitor"):
        for number in found["by_class"][name].values():
            assert (number["value"], number["n"]) == (None, 0)
            assert "domain" in number["reason"]
    assert found["subject"]["citation_rate"]["value"] is found["subject"]["citation_share"]["value"] is None
    assert found["named_and_cited"] == []
    assert found["by_class"]["news"]["share"]["value"] == 1


@pytest.mark.parametrize("answers", [[], [[]], [[SEEN]]])
def test_without_a_given_page_no_share_is_made_up(answers: list[list[CitationFinding]]) -> None:
    """Given no usable answer, or none with a source, when counted, then shares are null with a reason and never 0."""
    found = section(*answers)
    shares = [
        found["text_only_share"],
        found["subject"]["citation_share"],
        *(each["share"] for each in found["by_class"].values()),
    ]
    for number in shares:
        assert (number["value"], number["n"]) == (None, 0)
        assert number["reason"]
    assert (found["with_sources"]["value"] is None) is (not answers)


def test_a_page_of_an_older_method_has_no_class() -> None:
    """Given a citation that was never classified, when shares are made, then it enters none and is counted beside them."""
    found = section([page("https://a.cn/1", None), NEWS])
    assert (found["by_class"]["news"]["share"]["value"], found["by_class"]["other"]["share"]["value"]) == (1, 0)
    assert found["counts"]["unclassified"] == 1
    assert {row["domain"]: row["source_class"] for row in found["domains"]} == {"36kr.com": "news", "a.cn": None}


def _cited(number: int, source_class: SourceClass, cited: bool | None, via: str) -> CitationFinding:
    owner = {SourceClass.OWNED: "比亚迪", SourceClass.COMPETITOR: "特斯拉"}.get(source_class)
    return page(f"https://{source_class}{number}.com/a", str(source_class), cited=cited, owner=owner, via=via)


PAGES = st.builds(
    _cited,
    st.integers(0, 3),
    st.sampled_from(SourceClass),
    st.sampled_from([True, None, False]),
    st.sampled_from(["text", "annotations"]),
)
ANSWERS = st.lists(st.lists(PAGES, max_size=5, unique_by=lambda citation: citation.url), max_size=12)
NAMED = st.lists(st.lists(st.sampled_from(["比亚迪", "特斯拉", "蔚来"]), max_size=3), min_size=12, max_size=12)


@given(ANSWERS, NAMED)
def test_shares_sum_to_one_and_counts_to_n(answers: list[list[CitationFinding]], named: list[list[str]]) -> None:
    """Given any answers, when counted, then the classes' shares sum to 1 and each 2 × 2 table to the usable answers."""
    found = section(*answers, named=named)
    shares = [numbers["share"] for numbers in found["by_class"].values()]
    if any(citation.cited is not False for pages in answers for citation in pages):
        assert sum(number["value"] for number in shares) == pytest.approx(1, abs=1e-5)
        assert sum(number["k"] for number in shares) == shares[0]["n"] == found["counts"]["citations"]
    for table in found["named_and_cited"]:
        four = [table[key] for key in ("named_and_cited", "named_not_cited", "cited_not_named", "neither")]
        assert sum(four) == table["usable"] == len(answers)
        assert table["cited_not_named_rate"].get("k", 0) == table["cited_not_named"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@given(ANSWERS.filter(len), st.data())
def test_an_unrelated_page_raises_no_other_share(answers: list[list[CitationFinding]], data: st.DataObject) -> None:
    """Given any answers, when one of them cites one page more of no class, then no other class's share or rate rises."""
    number = data.draw(st.integers(0, len(answers) - 1))
    more = [[*pages, page("https://unrelated.example/a")] if n == number else pages for n, pages in enumerate(answers)]
    before, after = section(*answers), section(*more)
    for name in set(before["by_class"]) - {"other"}:
        for kind in ("share", "answers"):
            old, new = before["by_class"][name][kind]["value"], after["by_class"][name][kind]["value"]
            assert new <= old if old is not None else new == 0
    share = before["subject"]["citation_share"]["value"]
    assert share is None or after["subject"]["citation_share"]["value"] <= share


@given(ANSWERS)
def test_asking_everything_twice_changes_no_value(answers: list[list[CitationFinding]]) -> None:
    """Given any answers, when each is there twice, then every share and rate has the value that it had."""

    def twice(plan_answers: list[list[CitationFinding]], times: int) -> dict[str, Any]:
        samples = [sample(n, pages) for n, pages in enumerate(plan_answers)]
        return counted(samples * times, PLAN)

    once, both = twice(answers, 1), twice(answers, 2)
    for name, numbers in once["by_class"].items():
        assert {kind: number["value"] for kind, number in numbers.items()} == {
            kind: number["value"] for kind, number in both["by_class"][name].items()
        }
    assert [row["domain"] for row in once["domains"]] == [row["domain"] for row in both["domains"]]
