"""Answers as HTML: nothing of an answer becomes markup, and what is marked is exactly what stands at the offsets."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import pytest
import tinyhtml5
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brandq.exports.markup import MOST_CHARS, Highlight, address, excerpt, raw, rendered
from tests.web.hostile import ADDRESSES, PAYLOADS

HTML = "{http://www.w3.org/1999/xhtml}"
_OURS = """
    p h3 h4 h5 h6 ul ol li blockquote hr pre code strong em s br a small mark span div table thead tbody tr th td
"""
OURS = set(_OURS.split())
#: attribute -> what it may hold
VALUES = {
    "class": r"[a-z0-9 -]+",
    "dir": "auto",
    "scope": "col",
    "start": r"\d{1,9}",
    "href": r"https?://[^\s\"'<>]+",
    "rel": "noopener noreferrer nofollow ugc",
    "target": "_blank",
    "tabindex": "0",
    "role": "region",
    "aria-label": "Table",
    "title": "Acme <b>",
    "id": "there",
}

TEXT = """# 推荐 **趣车良品** 名单 ##

开头一段，`趣车` 与 ***趣车良品*的 服务**，&amp; 趣车 \\* 趣车
第二行 趣车良品\x20\x20
第三行

1. **趣车良品**：口碑好 ~~趣车~~
   - 子项 趣车 [官网 趣车](https://趣车.com/趣车?b=1&c=2)
2. 竞品 ![趣车 图](http://x.com/趣车.png)

> 引用 趣车
> > 更深 趣车\t良品

| 品牌 | 说明 |
|---|--:|
| 趣车 | [趣车](https://a.com) |
| 趣车良品 |

```python
趣车 = 1 # 趣车
```

    缩进 趣车

来源：https://www.example.com/趣车/a_b_c，趣车 <https://a.com/趣车>\r
[1]: https://a.com/趣车 "趣车"
"""


def spans(text: str, name: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(name, text)]


def parsed(html: str) -> Element:
    root: Element = tinyhtml5.parse(
        html.encode("utf-8", "replace"), transport_encoding="utf-8", namespace_html_elements=False
    )
    return root.find("body")  # type: ignore[return-value]


def seen(element: Element) -> str:
    return "".join(element.itertext())


def faults(html: str) -> list[str]:
    """Elements and attributes that are not ours, or hold what is not ours."""
    found = []
    for element in parsed(html).iter():
        if element.tag == "body":
            continue
        if element.tag not in OURS:
            found.append(str(element.tag))
        found += [
            f"{element.tag} {name}={value}"
            for name, value in element.attrib.items()
            if not re.fullmatch(VALUES.get(name, "(?!)"), value)
        ]
    return found


def test_every_mention_is_marked_where_it_stands() -> None:
    """Given mentions in headings, lists, tables, quotes, code, links and emphasis, then each is marked, and nothing
    else is."""
    marked = [Highlight(start, end, f"at-{start}") for start, end in spans(TEXT, "趣车良品|趣车")]
    by_class: dict[str, str] = {}
    for element in parsed(rendered(TEXT, marked)).iter("mark"):
        by_class[element.attrib["class"]] = by_class.get(element.attrib["class"], "") + seen(element)
    there = {each.classes: TEXT[each.start : each.end] for each in marked}
    assert by_class == {name: text for name, text in there.items() if name in by_class}
    hidden = [TEXT[each.start - 3 : each.end] for each in marked if each.classes not in by_class]
    assert hidden == ["://趣车", "om/趣车", "om/趣车"], (
        "the addresses behind words, which are not seen as they are written"
    )


def test_a_text_as_it_came_is_the_text() -> None:
    """Whatever is marked in it, the raw view reads as the text does, character by character."""
    marked = [Highlight(start, end, "brand") for start, end in spans(TEXT, "趣车")]
    body = parsed(f"<pre>{raw(TEXT, marked)}</pre>")
    assert seen(body) == TEXT.replace("\r\n", "\n")
    assert [seen(element) for element in body.iter("mark")] == ["趣车"] * len(marked)


def test_overlapping_stretches_are_nested() -> None:
    """A mention within a sentence that is underlined has both, and labels stand once, behind their stretch."""
    html = rendered(
        "Acme is **very good** today",
        [
            Highlight(0, 21, "evidence", "Acme <b>", "+", element="span"),
            Highlight(0, 4, "brand", anchor="there", label="rank 1"),
        ],
    )
    assert html.count('<small class="label">+</small>') == 1
    assert html.count('<small class="label">rank 1</small>') == 1
    assert html.startswith(
        '<p dir="auto"><span class="evidence" title="Acme &lt;b&gt;"><mark class="brand" id="there">Acme</mark>'
    )
    assert [seen(each) for each in parsed(html).iter("span")] == ["Acme", " is ", "very good"]
    assert not faults(html)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_answers_are_text(payload: str) -> None:
    """Given hostile text, when it is shown as an answer, an excerpt or raw, then all elements and attributes are ours,
    and nothing is loaded from anywhere."""
    marked = [Highlight(0, 3, "brand"), Highlight(2, len(payload) // 2, "evidence", element="span")]
    for html in (rendered(payload, marked), raw(payload, marked), excerpt(payload, marked, len(payload) // 2)):
        assert not faults(html)


@pytest.mark.parametrize("url", ADDRESSES)
def test_hostile_addresses_are_no_links(url: str) -> None:
    """An address is a link if it is http(s) and every browser reads it alike; the host it leads to is told."""
    for html in (rendered(f"[x]({url})"), rendered(f"<{url}>"), rendered(f"see {url} there")):
        assert not faults(html)
        for link in parsed(html).iter("a"):
            assert re.match(r"https?://", link.attrib["href"])
    link = address(url)
    assert link is None or re.fullmatch(r"https://[^\s\\\"<>]+", link.href)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.com/a?b#c", "www.example.com"),
        ("http://例子.中国/", "例子.中国 (xn--fsqu00a.xn--fiqs8s)"),
        ("https://аррӏе.com/", "аррӏе.com (xn--80ak6aa92e.com)"),
        ("https://xn--80ak6aa92e.com/", "аррӏе.com (xn--80ak6aa92e.com)"),
        ("https://good.example@evil.example/", "evil.example"),
        ("https://[2001:db8::1]:8080/x", "[2001:db8::1]"),
        ("https://a.example:99999/", None),
        ("https://a.example\\@b.example/", None),
        ("https://a.example/\u202egnp.exe", None),
        ("https:///a", None),
        ("ftp://a.example/", None),
        ("javascript:alert(1)", None),
        ("https://" + "a" * 300 + ".com", None),
        ("https://a.example/" + "a" * 3000, None),
    ],
)
def test_a_host_is_told_as_it_is(url: str, host: str | None) -> None:
    """With its ASCII form where it has other letters; addresses that may be read in two ways are no links."""
    link = address(url)
    assert (link.host if link else None) == host


def test_a_label_that_names_another_host_is_unmasked() -> None:
    """Behind the words of a link stands where it leads, unless they are just that."""
    for label in ("good.example", "https://good.example/", "https://good.example/?evil.example"):
        assert '<small class="host">evil.example</small>' in rendered(f"[{label}](https://evil.example/)")
    assert 'class="host"' not in rendered("[evil.example](https://evil.example/a) https://evil.example/a")
    assert '<small class="host">evil.example</small>' in rendered("https://good.example@evil.example/")


def test_what_a_reader_cannot_see_is_named() -> None:
    """Controls that turn text around or stand for nothing are shown by their code points."""
    for html in (rendered("a\u202eb\x08c"), raw("a\u202eb\x08c")):
        assert seen(parsed(html)) == "aU+202EbU+0008c"


def test_an_image_is_its_words_and_its_address() -> None:
    """Nothing is fetched from a site that an answer names."""
    html = rendered("![a chart](https://a.example/pixel.png)")
    assert seen(parsed(html)) == "a chart (https://a.example/pixel.png)"
    assert "<img" not in html


def test_headings_stand_below_the_pages_own() -> None:
    """From h3 on without a gap, whatever levels the answer begins with."""
    assert re.findall(r"<h(\d)", rendered("## a\n\n#### b\n\n###### c\n\n## d")) == ["3", "4", "5", "3"]


def test_an_excerpt_is_about_its_place() -> None:
    """It has the mention, on one line, with what stands around it, and says where it was cut."""
    text = (
        "\n\n".join(f"- Paragraph {n} with some more words in it" for n in range(100))
        + "\n\n**Acme** is there\n\n"
        + "x " * 500
    )
    at = text.index("Acme")
    html = excerpt(text, [Highlight(at, at + 4, "brand", label="rank 1", anchor="there")], at)
    assert seen(parsed(html)).startswith("… ")
    assert seen(parsed(html)).endswith(" …")
    assert 'Paragraph 99 with some more words in it <mark class="brand">Acme</mark> is there' in html
    assert len(seen(parsed(html))) < 260
    assert excerpt("**short**", (), 0) == "short"


def test_a_long_answer_is_shown_raw() -> None:
    """Reading its Markdown would keep everybody waiting."""
    assert "<strong>" in rendered("**x**")
    assert "<strong>" not in rendered("**x**" + " " * MOST_CHARS)


PIECES = st.sampled_from(
    [
        *(
            "趣车",
            "Acme",
            " ",
            "\n",
            "\n\n",
            "\t",
            "\r\n",
            "**",
            "*",
            "_",
            "__",
            "`",
            "``",
            "~~",
            "\\",
            "&amp;",
            "&#33;",
            "&",
        ),
        *(
            "[",
            "]",
            "(",
            ")",
            "](",
            "](https://a.com/x)",
            "<https://b.com>",
            "![",
            "> ",
            "- ",
            "1. ",
            "  ",
            "    ",
            "#",
            "## ",
        ),
        *("|", "\\|", "|---|---|\n", "```\n", "---\n", "<b>", "https://c.com/趣车_x ", "\u202e", "é", "🙂", "x:", "!"),
    ]
)


@example("> \t\t趣车")
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_marks_hold_what_stands_at_their_offsets(text: str) -> None:
    """Given any Markdown, when single characters are marked, then each mark holds the very character, no such character
    is shown without its mark, and all markup is ours."""
    marked = [Highlight(at, at + 1, f"at-{at}") for at in range(len(text)) if text[at] in "趣A"]
    html = rendered(text, marked)
    assert not faults(html)
    for element in parsed(html).iter("mark"):
        at = int(element.attrib["class"][3:])
        assert text[at] in seen(element)
    outside = re.sub(r"<mark.*?</mark>|<small class=\"host\">.*?</small>", "", html)
    assert "趣" not in seen(parsed(outside)), "nothing that is marked and seen is seen without its mark"
    source = f"<pre>{raw(text, marked)}</pre>"
    assert [seen(each) for each in parsed(source).iter("mark")] == [text[each.start] for each in marked]
