"""Answers from a file: columns are found or named, nothing is invented, and every fault is named at once."""

from __future__ import annotations

from typing import Any

import pytest

from brandq import importing
from brandq.errors import BadRequest
from brandq.plan import Brand

BRANDS = [Brand("Apple"), Brand("小米")]


def load(rows: list[dict[str, Any]], mapping: dict[str, str] | None = None, **limits: int) -> importing.Imported:
    meant = {"豆包": "doubao"}
    return importing.import_rows(
        rows,
        BRANDS,
        mapping=mapping or {},
        meant=lambda name: meant.get(name, name),
        label=None,
        max_samples=limits.get("max_samples", 100),
    )


def test_repeats_are_numbered_and_clashes_give_way() -> None:
    """Given rows of one prompt, some with a number, when two clash, then the second takes the next free one."""
    given = load(
        [
            {"prompt": "a", "answer": "1", "engine": "x", "run": 1},
            {"prompt": "a", "answer": "2", "engine": "x", "run": "chatgpt_run_1"},
            {"prompt": "a", "answer": "3", "engine": "x"},
            {"prompt": "b", "answer": "4", "engine": "x", "run": 3},
        ]
    )
    assert {place: answer.text for place, answer in given.answers.items()} == {
        (1, "x", 1): "1",
        (1, "x", 2): "2",
        (1, "x", 3): "3",
        (2, "x", 3): "4",
    }
    assert given.plan.repeats == 3
    assert given.plan.prompts == ("a", "b")


def test_two_spellings_of_an_engine_are_one() -> None:
    """Given 豆包 and doubao in one file, when it is imported, then they are one engine under the name that came first."""
    given = load(
        [{"prompt": "a", "answer": "1", "platform": "豆包"}, {"prompt": "a", "answer": "2", "platform": "doubao"}]
    )
    assert [engine.engine for engine in given.plan.engines] == ["豆包"]
    assert all(engine.imported for engine in given.plan.engines)


def test_texts_are_kept_word_for_word() -> None:
    """Given a prompt with blanks at its edges and an empty answer, when imported, then both stay as they are."""
    given = load([{"question": "  a? b. ", "response": ""}, {"question": "c", "response": None}])
    assert given.plan.prompts == ("  a? b. ", "c")
    assert [str(answer.kind) for answer in given.answers.values()] == ["empty", "empty"]


def test_sources_become_citations() -> None:
    """Given sources as URLs, objects or lines of text, when imported, then each http URL is a citation of unknown standing."""
    for sources in (
        ["https://a.cn/x", {"url": "https://b.cn", "title": "B"}, 5, "ftp://c"],
        "https://a.cn/x\nhttps://b.cn",
    ):
        (answer,) = load([{"prompt": "a", "answer": "b", "sources": sources}]).answers.values()
        assert [citation.url for citation in answer.citations] == ["https://a.cn/x", "https://b.cn"]
        assert {citation.cited for citation in answer.citations} == {None}


def test_chinese_spreadsheets_are_read() -> None:
    """Given a CSV in GB18030 with a quoted line break, when it is read, then its rows are whole."""
    text, encoding = importing.decode('问题,回答\n"哪家好？","小米\n很好"\n'.encode("gb18030"))
    rows = importing.read_rows(text, is_csv=True)
    assert encoding == "gb18030"
    assert rows == [{"问题": "哪家好？", "回答": "小米\n很好"}]
    given = load(rows, {"prompt": "问题", "answer": "回答"})
    assert given.plan.prompts == ("哪家好？",)
    (row,) = importing.read_rows(f"a,b\n1,{'x' * 200_000}\n", is_csv=True)
    assert len(row["b"]) == 200_000
    with pytest.raises(BadRequest, match="is not CSV"):
        importing.read_rows('a,b\n1,"open', is_csv=True)


@pytest.mark.parametrize(
    ("rows", "mapping", "words"),
    [
        ([], {}, "no rows"),
        ([{"a": 1}], {}, "--map prompt="),
        ([{"prompt": "a", "answer": "b"}], {"engine": "nope"}, "no column 'nope'"),
        ([{"prompt": "a", "answer": "b"}], {"colour": "a"}, "none of prompt"),
        ([{"prompt": "", "answer": "b"}], {}, "row 1"),
        ([{"prompt": "a", "answer": 3}], {}, "row 1"),
        ([{"prompt": "a", "answer": "b"}] * 101, {}, "101 rows"),
        ([{"prompt": "a", "answer": "b", "engine": "x" * 201}], {}, "200 characters"),
    ],
)
def test_what_cannot_be_imported_says_why(rows: list[dict[str, Any]], mapping: dict[str, str], words: str) -> None:
    """Given a file that is wrong in one way, when it is imported, then the error names it."""
    with pytest.raises(BadRequest, match=words):
        load(rows, mapping)


def test_a_file_wrong_in_every_line_is_described_by_its_first() -> None:
    """Given a hundred broken lines, when they are read, then twenty are named and the rest is counted."""
    with pytest.raises(BadRequest) as refused:
        importing.read_rows("no\n" * 100, is_csv=False)
    assert len(refused.value.faults) == 21
    assert refused.value.faults[-1].detail == "and 80 more"
    with pytest.raises(BadRequest, match="neither UTF-8"):
        importing.decode(b"\xff\xff\xff")


def test_what_brandq_wrote_is_read_back_with_its_marks() -> None:
    """Given lines of an answers.jsonl, when imported, then a refusal stays one, and what was simulated stays marked so."""
    given = load(
        [
            {"prompt": "a", "answer": "no", "engine": "x", "kind": "refused", "simulated": False},
            {"prompt": "a", "answer": "yes", "engine": "x", "kind": "ok", "simulated": True},
            {"prompt": "a", "answer": "yes", "engine": "y", "kind": "interview", "simulated": "false"},
        ]
    )
    assert [str(answer.kind) for answer in given.answers.values()] == ["refused", "ok", "ok"]
    assert [(engine.engine, engine.simulated) for engine in given.plan.engines] == [("x", True), ("y", False)]
