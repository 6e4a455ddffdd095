"""The verdict: each sentence stands on a number of the document, and says no more than the answers carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from brandq.plan import Brand, Plan
from brandq.reports import build
from brandq.reports.verdict import Claim, is_few, rivals, verdict
from brandq.words import words_in
from tests.reports.test_reports import BRANDS, NOW, TEXTS, engine, facts, numbers

EN = words_in("en")


def reported(
    texts: Sequence[str | None], *, prompts: int = 6, brands: tuple[Brand, ...] = BRANDS, repeats: int = 2
) -> dict[str, Any]:
    """The report over so many prompts to one engine; the texts are dealt out in turn, and None is a failure."""
    asked = tuple(f"Which one for purpose {n}?" for n in range(1, prompts + 1))
    return build(facts(tuple(texts), plan=Plan(brands, asked, (engine("doubao"),), repeats=repeats)), built_at=NOW)


def told(document: dict[str, Any]) -> dict[str, Claim]:
    return {claim.about: claim for claim in verdict(document, EN)}


def test_three_sentences_of_which_each_rests_on_a_number_of_the_document() -> None:
    """Given answers that name, rank and recommend, then there are three sentences, and what they count stands in the
    document as it is."""
    document = reported(("推荐趣车良品。", "1. 车蚂蚁\n2. AT&T", "推荐车蚂蚁。"), prompts=12)
    claims = verdict(document, EN)
    assert [claim.about for claim in claims] == ["named", "against", "stands_out"]
    measured = [number for _, number in numbers(document)]
    for claim in claims:
        assert claim.number is not None
        assert claim.answers
        # a difference of two rates is worked out from the prompts' own rates, and stands nowhere else
        assert claim.about == "against" or claim.number in measured


def test_how_often_it_is_named_comes_with_its_interval() -> None:
    """Given 4 of 12 answers, then the sentence has both counts and the share, and says where the true rate may lie."""
    claim = told(reported(("趣车良品不错。", "没有推荐。", "没有推荐。")))["named"]
    number = claim.number
    assert number is not None
    assert claim.text == "趣车良品 is named in 4 of 12 usable answers (33%)."
    low, high = (EN.percent(number[end]) for end in ("low", "high"))
    assert claim.limits == (f"The true rate most likely lies between {low} and {high} (95% interval).",)
    assert (claim.headline, claim.firm) == ("33%", True)
    assert claim.answers == {"brand": "趣车良品", "finding": "named"}


def test_who_is_never_named_is_told_so() -> None:
    """Given answers that name others only, then none of them names it, and the true rate need not be 0."""
    claim = told(reported(("推荐车蚂蚁。",)))["named"]
    assert claim.text == "None of the 12 usable answers names 趣车良品."
    assert claim.limits[0].startswith("The true rate most likely lies between 0% and ")
    assert "and 0%" not in claim.limits[0]
    assert claim.answers["finding"] == "not_named"


def test_few_prompts_say_nothing_of_the_market() -> None:
    """Given two prompts, then the sentence says that they are too few, and it is not firm."""
    claim = told(build(facts(), built_at=NOW))["named"]
    assert claim.limits[-1] == "2 prompts are too few to speak of what people ask in general."
    assert not claim.firm


def test_one_prompt_speaks_of_itself() -> None:
    """Given one prompt to two engines, then its rate is of that prompt asked again; eight answers are few."""
    plan = Plan(BRANDS, ("哪家好？",), (engine("doubao"), engine("qwen")), repeats=2)
    claims = told(build(facts(plan=plan), built_at=NOW))
    assert claims["named"].limits[0].startswith("Were the same prompt asked again")
    assert claims["named"].limits[-1] == "4 answers are too few to say more."
    assert not any(claim.firm for claim in claims.values())


def test_without_a_usable_answer_there_is_no_number() -> None:
    """Given failures only, then nothing is said of the brand, and the commonest reason is told with its explanation."""
    claims = verdict(reported((None,)), EN)
    assert [(claim.about, claim.number, claim.headline) for claim in claims] == [
        ("named", None, "–"),
        ("stands_out", None, "–"),
    ]
    assert "no usable answer" in claims[0].limits[0]
    assert claims[1].text.startswith("12 of 12 samples failed for one reason")
    assert claims[1].limits == (EN.explained("rate_limit"),)


def test_when_all_decline_it_is_told() -> None:
    """Given refusals only, then the second sentence counts them."""
    document = build(facts(kind="refused"), built_at=NOW)
    assert [claim.text for claim in verdict(document, EN)][1].startswith("8 of 8 samples were refused")


def test_a_difference_is_claimed_where_the_answers_carry_it() -> None:
    """Given a competitor that nearly every prompt names and a subject that hardly one does, then it is clearly ahead."""
    texts = ["推荐车蚂蚁。"] * 11 + ["推荐趣车良品和车蚂蚁。", *["推荐车蚂蚁。"] * 11, "没有推荐。"]
    document = reported(texts, prompts=12)
    claim = told(document)["against"]
    assert claim.text == "车蚂蚁 is named clearly more often than 趣车良品 (96% against 4%)."
    assert claim.firm
    assert claim.number is not None
    assert claim.number["high"] < 0
    assert [rival.standing for rival in rivals(document)] == ["behind", "unclear"]


def test_a_difference_that_may_be_chance_is_not_claimed() -> None:
    """Given two brands of which each is named where the other is not, once more and once less, then the one with more
    answers is not called the leader."""
    texts = (
        ["推荐车蚂蚁。", "推荐趣车良品。"] * 3 + ["推荐车蚂蚁。", "推荐车蚂蚁。"] + ["推荐趣车良品。", "没有推荐。"] * 2
    )
    document = reported(texts)
    claim = told(document)["against"]
    assert claim.text.startswith("趣车良品 and 车蚂蚁 are named in equally many answers")
    more = told(reported([*texts[:-1], "推荐车蚂蚁。"]))["against"]
    assert "but not clearly so" in more.text
    assert "may be chance" in more.limits[0]
    assert not more.firm


def test_prompts_that_all_differ_alike_are_told_apart_by_their_intervals() -> None:
    """Given a competitor in every answer to twelve prompts and a subject in none, then there is no spread to test, and
    the two intervals, which do not touch, decide."""
    document = reported(("推荐车蚂蚁。",), prompts=12)
    first = rivals(document)[0]
    assert (first.difference["value"], first.standing) == (None, "behind")
    assert told(document)["against"].limits[0].startswith("Every prompt shows the same difference")


def test_few_prompts_tell_no_difference() -> None:
    """Given two prompts, then whoever is named more often is not clearly so, however often that is."""
    claim = told(reported(("推荐车蚂蚁。",), prompts=2, repeats=10))["against"]
    assert "but not clearly so" in claim.text
    assert claim.limits[0] == "There are too few prompts to tell a difference from chance."


def test_prompts_that_name_a_brand_do_not_decide() -> None:
    """Given a competitor that is named only where the prompt names it, then these prompts are left out, and it is not
    called ahead."""
    asked = (
        *(f"What of 车蚂蚁 for purpose {n}?" for n in range(8)),
        *(f"Which one for purpose {n}?" for n in range(8)),
    )
    plan = Plan(BRANDS, asked, (engine("doubao"),), repeats=1)
    texts = ("推荐车蚂蚁。",) * 8 + ("没有推荐。",) * 8
    document = build(facts(texts, plan=plan), built_at=NOW)
    claim = told(document)["against"]
    assert claim.limits[0] == ("8 prompts name 趣车良品 or 车蚂蚁 themselves, and are left out of the comparison.")
    assert rivals(document)[0].standing == "unclear"
    assert not claim.firm


def test_brands_that_nobody_names_have_no_order() -> None:
    """Given answers that name no tracked brand, then nobody is called first."""
    claim = told(reported(("没有推荐。",)))["against"]
    assert claim.text == "None of the 3 tracked brands is named in a usable answer, so there is no order among them."
    assert (claim.headline, claim.number) == ("–", None)


def test_one_brand_alone_is_not_compared() -> None:
    """Given a plan without competitors, then the sentence says so, and nobody is recommended instead."""
    document = reported(("推荐趣车良品。",), brands=BRANDS[:1])
    claims = told(document)
    assert claims["against"].text.startswith("No competitor is tracked")
    assert rivals(document) == []
    assert claims["stands_out"].measure == "Recommended"


@pytest.mark.parametrize(
    ("texts", "measure", "finding"),
    [
        (("推荐车蚂蚁。", "推荐车蚂蚁。", "没有推荐。"), "A competitor recommended instead", "instead"),
        (("趣车良品做工不错，但是价格偏高。", "没有推荐。"), "With a reservation", "caveat"),
        (("推荐趣车良品。", "没有推荐。"), "Recommended", "recommended"),
        (
            ("没有推荐。来源：https://zhihu.com/q/1",),
            "Own pages cited",
            "cited",
        ),
    ],
    ids=["instead", "caveat", "recommended", "sources"],
)
def test_what_stands_out_most(texts: tuple[str, ...], measure: str, finding: str) -> None:
    """Given answers of which one thing stands out, then it is the third sentence, with the answers behind it."""
    claim = told(reported(texts, prompts=60))["stands_out"]
    assert (claim.measure, claim.answers) == (measure, {"brand": "趣车良品", "finding": finding})
    assert claim.number is not None
    assert claim.firm


def test_who_is_recommended_instead_is_named() -> None:
    """Given two competitors, of which one is recommended more often, then the sentence names that one with its count."""
    document = reported(("推荐车蚂蚁。", "推荐车蚂蚁。", "推荐AT&T。"))
    assert told(document)["stands_out"].limits[0] == "Most often it is 车蚂蚁, in 8."
    # a document that was kept before competitors were told apart lacks it
    del document["brands"][0]["overall"]["intercepted_by"]
    assert "车蚂蚁" not in " ".join(told(document)["stands_out"].limits)


def test_a_name_that_nobody_tracks_stands_out_where_nothing_else_does() -> None:
    """Given answers that list a stranger first and no tracked brand, then it is named, and found by its name."""
    claim = told(reported(("1. 卡妙思\n2. 车享家",)))["stands_out"]
    assert claim.measure == "A name that is not tracked"
    assert set(claim.answers) == {"name"}


def test_nothing_stands_out_is_said_too() -> None:
    """Given answers that say nothing of any brand, then the third sentence has no number."""
    claim = told(reported(("没有推荐。",)))["stands_out"]
    assert (claim.number, claim.headline) == (None, "–")
    assert claim.text.startswith("Nothing else stands out")


def test_an_early_document_has_a_verdict() -> None:
    """Given a document from before opinions were read, then its three sentences are made of what it has."""
    document = reported(TEXTS)
    for name in ("disclosure", "competitors"):
        del document[name]
    for brand in document["brands"]:
        del brand["named_in_prompts"]
        for name in ("caveat_rate", "recommended_rate", "interception_rate", "intercepted_by", "sentiment"):
            del brand["overall"][name]
    assert len(verdict(document, EN)) == 3


def test_one_prompt_with_answers_out_of_many_has_no_interval() -> None:
    """Given six prompts of which one was answered, then the sentence says that nobody can tell how far it is off."""
    plan = Plan(BRANDS, tuple(f"Which {n}?" for n in range(6)), (engine("doubao"),), repeats=4)
    whole = facts(plan=plan)
    lost = [
        sample
        if sample.prompt_no == 1
        else replace(sample, state="failed", kind=None, error_code="auth", brands=(), citations=(), candidates=())
        for sample in whole.samples
    ]
    document = build(replace(whole, samples=lost), built_at=NOW)
    claim = told(document)["named"]
    assert claim.limits[0].startswith("How far this may be off cannot be told")
    assert claim.number is not None
    assert is_few(claim.number)


def test_it_reads_in_chinese() -> None:
    """Given the same document in Chinese, then no sentence keeps English words, and the numbers are the same."""
    document = reported(("推荐趣车良品。", "1. 车蚂蚁\n2. 趣车良品", "推荐车蚂蚁。"), prompts=12)
    english, chinese = verdict(document, EN), verdict(document, words_in("zh"))
    for one, other in zip(english, chinese, strict=True):
        assert (one.number, one.answers) == (other.number, other.answers)
        for text in (other.measure, other.text, *other.limits):
            assert not any(word in text for word in (" is ", " the ", " of ")), text
