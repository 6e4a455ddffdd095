"""The answers behind a number, and one answer: what is said of them, and the way to and fro."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from brandq.actors.desk import Desk
from brandq.providers.dialect import Answer, AnswerKind, Citation, Outcome
from tests.web.site import ContractClient, add_key, answered, failed, finish, settle, submit, tags_of
from tests.web.test_listing import counted, said, varied

CHINESE = {"Accept-Language": "zh-CN"}


def text_of(page: str) -> str:
    """What a reader reads, on one line."""
    body = re.sub(r"<(script|style|title)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", body).replace("&#39;", "'").split())


def cards(page: str) -> list[int]:
    """The samples that the page lists."""
    return [int(found) for found in re.findall(r'data-sample="(\d+)"', page)]


def test_the_page_lists_what_a_number_counts(small_desk: Desk, small: ContractClient) -> None:
    """Given a report, when the page behind any of its counts of brands is opened, then it says that count and lists as
    many answers."""
    execution_id = varied(small, small_desk)
    document = small.get(f"/api/executions/{execution_id}/report").json()
    several = [(asked, k) for asked, k in counted(document) if "prompt_no" not in asked and "engine" not in asked]
    assert len(several) > 60
    for asked, k in several:
        query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in asked.items())
        page = small.get(f"/executions/{execution_id}/answers?{query}").text
        heading = re.search(r'<h1 id="shown">(.*?)</h1>', page, re.DOTALL)
        assert heading is not None
        assert text_of(heading[1]).startswith(f"{k} "), (asked, k, heading[1])
        assert len(cards(page)) == min(k, 20), asked


def test_it_says_in_words_what_is_shown(small_desk: Desk, small: ContractClient) -> None:
    """How many, of how many, of whom; each filter can be taken away by itself; also in Chinese."""
    execution_id = varied(small, small_desk)
    own = f"/executions/{execution_id}/answers"
    page = small.get(f"{own}?brand=趣车良品&engine=doubao&prompt_no=1&finding=recommended").text
    text = text_of(page)
    assert re.search(r"\d answers? recommending 趣车良品", text)
    assert re.search(r"of \d usable answers · engine doubao · prompt 1", text)
    chips = [attributes for tag, attributes in tags_of(page) if tag == "a" and attributes.get("class") == "chip"]
    without = {str(each["href"]).partition("?")[2] for each in chips}
    named = f"brand={quote('趣车良品')}"
    assert {
        "engine=doubao&prompt_no=1",
        f"{named}&prompt_no=1&finding=recommended",
        f"{named}&engine=doubao&finding=recommended",
    } <= without
    chinese = text_of(small.get(f"{own}?rival=车享家", headers=CHINESE).text)
    assert re.search(r"推荐车享家而未推荐趣车良品的回答：\d 条 共 \d+ 条有效回答", chinese)


def test_forms_send_what_was_not_chosen_as_nothing(small_desk: Desk, small: ContractClient) -> None:
    """Empty fields ask for nothing, unknown ones are told; what the form does not show it keeps."""
    execution_id = varied(small, small_desk)
    own = f"/executions/{execution_id}/answers"
    everything = small.get(f"{own}?brand=&finding=&engine=&prompt_no=&outcome=")
    assert '<h1 id="shown"><bdi>24 samples</bdi></h1>' in everything.text
    assert small.get(f"{own}?engine=nobody").status_code == 422
    assert small.get(f"{own}?finding=nothing").status_code == 422
    kept = small.get(f"{own}?domain=example.com&rank=1").text
    hidden = {str(each["name"]): each["value"] for tag, each in tags_of(kept) if each.get("type") == "hidden"}
    assert hidden == {"domain": "example.com", "rank": "1"}


def test_a_card_shows_the_mention_and_what_is_said(small_desk: Desk, small: ContractClient) -> None:
    """The words around the first mention, which is marked; rank, strength, and the words that show the sentiment."""
    execution_id = submit(small, repeats=1, engines=["doubao"])
    text = "很长的开头。" * 60 + "\n\n1. **竞品 1**：一般\n2. **趣车良品**：口碑很好，强烈推荐\n" + "结尾。" * 100
    finish(small_desk, execution_id, [said(text)])
    page = small.get(f"/executions/{execution_id}/answers?brand=趣车良品").text
    [card] = re.findall(r'<li class="card answer-card".*?</ol>', page, re.DOTALL)
    assert '<mark class="brand brand-1" title="趣车良品">趣车良品</mark>：口碑很好' in card
    assert "**" not in card
    words = text_of(card)
    assert "rank 2" in words
    assert "recommended" in words
    assert "positive 口碑很好" in words
    assert "SIMULATED" in words
    assert "m-1" in words


def test_what_failed_says_why(small_desk: Desk, small: ContractClient) -> None:
    """A sample without an answer has no page; its card explains the error, and may be asked for by its code."""
    execution_id = submit(small, repeats=1)
    ids = finish(small_desk, execution_id, [failed(message="the key is wrong <b>"), answered()])
    page = small.get(f"/executions/{execution_id}/answers?error=auth").text
    assert cards(page) == [ids[0]]
    assert "the key is wrong &lt;b&gt;" in page
    assert f"/answers/{ids[0]}" not in page
    assert small.get(f"/executions/{execution_id}/answers/{ids[0]}").status_code == 404
    assert cards(small.get(f"/executions/{execution_id}/answers?outcome=failed").text) == [ids[0]]


def test_pages_go_on_and_back(small_desk: Desk, small: ContractClient) -> None:
    """Given more answers than a page shows, then its links lead through all of them, there and back."""
    execution_id = submit(small, repeats=20, prompts=["a?", "b?"], engines=["doubao"])
    ids = finish(small_desk, execution_id, [said("趣车良品 is fine")] * 40)
    url, seen = f"/executions/{execution_id}/answers?brand=趣车良品", []
    for _ in range(2):
        page = small.get(url).text
        seen.append(cards(page))
        links = {
            str(each.get("rel")): str(each["href"]) for tag, each in tags_of(page) if tag == "a" and each.get("rel")
        }
        url = links.get("next", "")
    assert seen == [ids[:20], ids[20:]]
    assert "next" not in links
    back = small.get(links["prev"]).text
    assert cards(back) == ids[:20]
    assert 'rel="prev"' not in back
    assert "nothing beyond" in small.get(f"/executions/{execution_id}/answers?after={ids[-1]}").text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("brand=Nobody Ever", "None of them does."),
        ("brand=趣车良品&outcome=failed", "read off usable answers alone"),
    ],
)
def test_an_empty_list_says_why(small_desk: Desk, small: ContractClient, query: str, told: str) -> None:
    """And offers to take each filter away."""
    execution_id = varied(small, small_desk)
    page = small.get(f"/executions/{execution_id}/answers?{query}").text
    assert told in text_of(page)
    assert not cards(page)
    assert "Without: " in page


def test_while_it_runs_the_list_says_so(small_desk: Desk, small: ContractClient) -> None:
    """Nothing answered yet is another thing than nothing found."""
    execution_id = submit(small)
    assert "Nothing has been answered here yet." in small.get(f"/executions/{execution_id}/answers?brand=趣车良品").text
    assert len(cards(small.get(f"/executions/{execution_id}/answers?outcome=open").text)) == 4


ANSWER = (
    "根据网上的信息，推荐如下：\n\n"
    "1. **竞品 1**：价格便宜，但售后差\n"
    "2. **趣车良品**：口碑很好，[官网](https://www.example.com/shop)\n\n"
    "| 店 | 分 |\n|---|---|\n| 趣车 | 9 |\n\n"
    "<script>alert(1)</script> ![x](https://hostile.invalid/p.png) [y](javascript:alert(2))"
)
SOURCES = (
    Citation("https://www.example.com/shop", "Shop", cited=True, via="annotations"),
    Citation("https://zh.wikipedia.org/wiki/X", None, cited=False, via="annotations"),
)


def one(client: ContractClient, desk: Desk, **fields: Any) -> tuple[str, int]:
    """An execution of one answer; its address, and the sample."""
    execution_id = submit(client, repeats=1, engines=["doubao"], **fields)
    answer = Answer(
        ANSWER, AnswerKind.OK, finish="stop", served_model="m-2026", citations=SOURCES,
        search_requested=True, search_executed=None, tokens_in=12, tokens_out=3456,
    )  # fmt: skip
    raw = json.dumps({"choices": [{"text": "<b>" + "文" * 10}]}, ensure_ascii=False).encode()
    [sample_id] = finish(desk, execution_id, [Outcome(answer, None, 1200, {"model": "m"}, raw, 200)])
    return f"/executions/{execution_id}/answers/{sample_id}", sample_id


def test_an_answer_shows_all_that_was_found(small_desk: Desk, small: ContractClient) -> None:
    """Mentions marked by brand, ranks beside them, sentences underlined, sources with their class and owner, and the
    facts of the call."""
    own, sample_id = one(small, small_desk)
    page = small.get(own).text
    rendered = page[page.index('id="answer"') : page.index('id="raw-text"')]
    assert re.search(
        r'<mark class="brand brand-1" id="mention-1" title="趣车良品">趣车良品</mark>'
        r'<small class="label">rank 2</small>',
        rendered,
    )
    assert re.search(r'<mark class="brand brand-2"[^>]*>竞品 1</mark><small class="label">rank 1</small>', rendered)
    assert re.search(r'<td[^>]*><mark class="brand brand-1" title="趣车良品">趣车</mark></td>', rendered)
    assert '<span class="evidence pos" title="How it speaks of 趣车良品: positive">口碑很好</span>' in rendered
    assert '<a href="https://www.example.com/shop" rel="noopener noreferrer nofollow ugc" target="_blank">' in rendered
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in rendered
    assert "[y](javascript:alert(2))" in rendered
    text = text_of(page)
    for words in (
        "深圳新能源汽车改装门店哪家好？",
        "Asked model",
        "m-2026",
        "asked for; the reply does not say whether it searched",
        "12 in, 3,456 out",
        "1.2 s",
        "page of 趣车良品",
        "only retrieved",
        "reference work",
        "example.com",
        "brandq verify",
        "number 1 of the execution",
        "1 of 1",
    ):
        assert words in text, words
    raw = page[page.index('id="raw-text"') :]
    raw = raw[raw.index("<pre") : raw.index("</pre>")]
    plain = re.sub(r'<small class="label">.*?</small>|<[^>]+>', "", raw)
    assert plain.replace("&lt;", "<").replace("&gt;", ">") == ANSWER
    answer = small.get(f"/api{own}").json()
    assert [re.sub("<.*?>", "", each) for each in re.findall(r'<mark class="brand brand-1".*?</mark>', raw)] == [
        ANSWER[start:end]
        for mention in answer["mentions"]
        if mention["brand"] == "趣车良品"
        for start, end in mention["spans"]
    ]
    assert sample_id == answer["sample_id"]


def test_the_body_is_shown_when_asked_for(small_desk: Desk, small: ContractClient) -> None:
    """As it came by download, and here as text: JSON indented, long ones cut, with a word about it."""
    own, _ = one(small, small_desk)
    assert 'id="body-text"' not in small.get(own).text
    assert f'href="/api{own}?raw=true" download' in small.get(own).text
    shown = small.get(f"{own}?body=true").text
    assert "&#34;text&#34;: &#34;&lt;b&gt;文文" in shown
    execution_id = submit(small, repeats=1, engines=["doubao"])
    [sample_id] = finish(small_desk, execution_id, [answered(raw=b"\xff" + b"data: x\n" * 50_000)])
    long = small.get(f"/executions/{execution_id}/answers/{sample_id}?body=true").text
    assert "data: x" in long
    assert "Only its beginning is shown" in long
    assert len(long) < 400_000


def test_answers_lead_to_those_beside_them(small_desk: Desk, small: ContractClient) -> None:
    """Given an answer that was opened from a list, then previous and next stay within that list."""
    execution_id = submit(small, repeats=3, engines=["doubao"])
    texts = ["趣车良品 a", "nobody", "趣车良品 b"]
    ids = finish(small_desk, execution_id, [said(text) for text in texts])
    own = f"/executions/{execution_id}/answers"
    query = f"brand={quote('趣车良品')}"
    page = small.get(f"{own}/{ids[0]}?{query}").text
    assert f'rel="next" href="{own}/{ids[2]}?{query}"' in page
    assert 'rel="prev"' not in page
    assert "1 of 2" in text_of(page)
    assert f'href="{own}?{query}"' in page
    everything = small.get(f"{own}/{ids[1]}").text
    assert f'rel="prev" href="{own}/{ids[0]}"' in everything
    assert f'rel="next" href="{own}/{ids[2]}"' in everything


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (said("", kind=AnswerKind.EMPTY), "The assistant answered with nothing."),
        (said("1. 趣车良品", kind=AnswerKind.TRUNCATED), "The answer was cut off before its end."),
        (said("抱歉，我不能讨论。", kind=AnswerKind.REFUSED), "The assistant declined to answer."),
        (said("很抱歉，我无法回答这个问题。"), "The assistant declined to answer."),
        (said('{"error": {"code": 500, "message": "internal error"}}'), "A program's error message stands in place"),
    ],
)
def test_what_is_not_usable_says_so(small_desk: Desk, small: ContractClient, outcome: Outcome, told: str) -> None:
    """And that it enters no number."""
    execution_id = submit(small, repeats=1, engines=["doubao"])
    [sample_id] = finish(small_desk, execution_id, [outcome])
    text = text_of(small.get(f"/executions/{execution_id}/answers/{sample_id}").text)
    assert told in text
    assert "It is not usable" in text


def test_an_answer_that_nobody_read_is_shown_as_it_came(small_desk: Desk, small: ContractClient) -> None:
    """Between the answer and its findings there is the text."""
    execution_id = submit(small, repeats=1, engines=["doubao"])
    [sample_id] = settle(small_desk, execution_id, [said("**趣车良品**", *SOURCES)])
    page = small.get(f"/executions/{execution_id}/answers/{sample_id}").text
    assert "<strong>趣车良品</strong>" in page
    assert "has not been read yet" in page
    assert "https://www.example.com/shop" in page


def test_doubtful_mentions_say_why(small_desk: Desk, small: ContractClient) -> None:
    """They are dashed, and counted nowhere."""
    execution_id = submit(
        small, brands=[{"name": "Apple", "ambiguous": True, "context": ["iPhone"]}], repeats=1, engines=["doubao"]
    )
    [sample_id] = finish(small_desk, execution_id, [said("An apple a day. Apple pie is nice.")])
    page = small.get(f"/executions/{execution_id}/answers/{sample_id}").text
    assert (
        'class="brand brand-1 doubtful" id="doubtful-1" title="May be Apple, or an ordinary word: not counted"' in page
    )
    assert cards(small.get(f"/executions/{execution_id}/answers?finding=doubtful").text) == [sample_id]
    assert not cards(small.get(f"/executions/{execution_id}/answers?finding=named").text)


def test_what_another_owner_has_is_not_there(small_desk: Desk) -> None:
    """Neither the list nor an answer, and not by the number of the sample under an execution of one's own."""
    ann = ContractClient(small_desk, key=add_key(small_desk, "ann"))
    ben = ContractClient(small_desk, key=add_key(small_desk, "ben"))
    theirs, _ = one(ann, small_desk)
    own = submit(ben)
    assert ann.get(theirs).status_code == 200
    assert ben.get(theirs).status_code == 404
    assert ben.get(theirs.rpartition("/")[0]).status_code == 404
    assert ben.get(f"/executions/{own}/answers/{theirs.rpartition('/')[2]}").status_code == 404
    assert ben.get(f"/executions/{own}/answers").status_code == 200
    assert ContractClient(small_desk).get(theirs).status_code == 303, "who is not signed in is asked to"


def test_long_and_odd_names_keep_their_form(small_desk: Desk, small: ContractClient) -> None:
    """A hundred characters without a space, emoji and right-to-left names are shown whole."""
    names = ["超" * 100, "x" * 100, "مرحبا", "👩‍👩‍👧‍👦 & <b>"]
    execution_id = submit(small, brands=names, repeats=1, engines=["doubao"])
    [sample_id] = finish(small_desk, execution_id, [said(f"1. {names[0]}\n2. {names[1]}\n3. {names[2]}")])
    for page in (
        small.get(f"/executions/{execution_id}/answers?brand={quote(names[0])}").text,
        small.get(f"/executions/{execution_id}/answers/{sample_id}").text,
    ):
        assert names[0] in page
        assert "👩‍👩‍👧‍👦 &amp; &lt;b&gt;" in page or names[2] in page
