"""Labels: any text on a line or two, whole where it fits, and never with what turns or hides it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.charts.labels import clean, ems, fits, shortened, wrapped

ANY = st.text(st.characters(), max_size=80)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("比亚迪", ["比亚迪"]),
        ("Mercedes-Benz Group Aktiengesellschaft", ["Mercedes-Benz Group", "Aktiengesellschaft"]),
        ("上海汽车集团股份有限公司荣威品牌", ["上海汽车集团股份有", "限公司荣威品牌"]),
        ("W" * 40, ["W" * 15, "W" * 13 + "…"]),
        ("مؤسسة السيارات الكهربائية للنقل العام", ["مؤسسة السيارات الكهربا…"]),
        ("", [""]),
    ],
)
def test_long_names_are_set_in_two_lines(text: str, lines: list[str]) -> None:
    """Given a name, then it stands on one line where it fits, else on two that end after words, and beyond that it ends
    with an ellipsis; a name that runs to the left stays on one line."""
    assert wrapped(text, 13, 2) == lines


def test_a_mark_does_not_begin_a_line() -> None:
    """Given Chinese with a comma where the line would end, then the comma stays with the character before it."""
    assert wrapped("新手司机第一辆车买什么好，主要在市区通勤", 11, 3)[1][0] not in "，。"


def test_a_sign_of_several_characters_is_not_cut() -> None:
    """Given a family of joined emoji, when there is room for less than all of it, then it is there, or is not."""
    family = "👩‍👩‍👧‍👦"
    for width in range(1, 12):
        assert shortened(family * 3, width).replace(family, "") in ("", "…")


@given(ANY)
def test_any_text_becomes_one_plain_line(text: str) -> None:
    """Given any text, then what is left can be written as XML in UTF-8, is one line, and turns and hides nothing."""
    line = clean(text)
    line.encode()
    assert line == clean(line)
    for sign in line:
        assert unicodedata.category(sign) not in ("Cc", "Cs", "Zl", "Zp")
        assert sign not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffe\uffff"


@given(ANY, st.floats(3, 30), st.integers(1, 3))
def test_no_line_is_wider_than_there_is_room_for(text: str, width: float, lines: int) -> None:
    """Given any text and room, then there are at most so many lines, each but one of a single sign within the width, and
    together they are the text, or its beginning with an ellipsis."""
    found = wrapped(text, width, lines)
    assert 1 <= len(found) <= lines
    assert all(ems(line) <= width + 1 or len(line) <= 12 for line in found)
    whole, together = clean(text).replace(" ", ""), "".join(found).replace(" ", "")
    assert together == whole or whole.startswith(together.removesuffix("…"))


@given(ANY, st.floats(3, 30), st.integers(1, 3))
def test_what_fits_is_whole(text: str, width: float, lines: int) -> None:
    """Given a text of which it is said that it fits, then nothing of it is left out."""
    if fits(text, width, lines):
        assert "".join(wrapped(text, width, lines)).replace(" ", "") == clean(text).replace(" ", "")


def test_words_that_are_too_long_do_not_fit() -> None:
    """Given a word that is wider than the line, then it does not fit, however many lines there are."""
    assert fits("Own domain cited", 8, 3)
    assert not fits("Aktiengesellschaft", 4, 3)
