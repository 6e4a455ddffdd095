"""What is done with executions that have ended, on the command line: read again, compared, split, judged, graded."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.walk.test_embedded import brandq

PROMPTS = (
    "厨柜哪家好？",
    "全屋定制选哪个牌子？",
    "深圳定制衣柜推荐",
    "衣柜品牌有哪些？",
    "预算三万的厨柜？",
    "板材环保的品牌？",
)
GOOD, OTHER = "1. 欧派：品类齐全，口碑好\n2. 志邦：性价比高", "1. 志邦：性价比高\n2. 索菲亚：柜类专业"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies")


def imported(folder: Path, name: str, texts: list[str], *brands: str) -> str:
    """An execution over these answers, four to each prompt in turn; its id."""
    lines = [
        json.dumps(
            {"prompt": PROMPTS[n // 4], "engine": "doubao", "repeat": n % 4 + 1, "answer": text}, ensure_ascii=False
        )
        for n, text in enumerate(texts)
    ]
    (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    given = [word for brand in brands or ("欧派", "志邦") for word in ("--brand", brand)]
    shown = brandq(folder, "import", f"{name}.jsonl", *given)
    assert shown.returncode == 0, shown.stderr
    found = re.search(r"execution ([0-9a-f-]{36})", shown.stdout)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def pair(folder: Path) -> tuple[str, str]:
    """Two executions of six prompts with four answers each: the subject is named in 6 of 24, and then in 18."""
    return imported(folder, "march", ([GOOD] + [OTHER] * 3) * 6), imported(folder, "april", ([GOOD] * 3 + [OTHER]) * 6)


def as_json(folder: Path, *command: str) -> Any:
    shown = brandq(folder, *command, "--json")
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def test_a_change_is_told_with_its_interval(folder: Path, pair: tuple[str, str]) -> None:
    """Given a rate that rises from 6 to 18 of 24 on the same prompts, then it is up by 50 points, and a rival that was in
    every answer before and after has no clear change."""
    document = as_json(folder, "compare", *pair)
    primary = document["primary"]
    assert (primary["brand"], primary["measure"], primary["verdict"]) == ("欧派", "mention_rate", "up")
    assert (primary["difference"], primary["n_before"], primary["n_after"]) == (0.5, 24, 24)
    assert primary["low"] < 0.5 < primary["high"]
    rival = next(row for row in document["others"] if (row["brand"], row["measure"]) == ("志邦", "mention_rate"))
    assert (rival["difference"], rival["verdict"][:15]) == (0.0, "no clear change")
    shown = brandq(folder, "compare", *pair)
    assert "in common: 6 prompts, 1 engine" in shown.stdout
    assert "+50" in shown.stdout


def test_what_tracks_other_brands_is_not_compared(folder: Path, pair: tuple[str, str]) -> None:
    """Given executions that track different brands, then the comparison is refused in words that say what to do."""
    other = imported(folder, "others", [GOOD] * 4, "欧派", "索菲亚")
    shown = brandq(folder, "compare", pair[0], other)
    assert shown.returncode == 2
    assert "track different brands" in shown.stderr
    assert "brandq import" in " ".join(shown.stderr.split())


def test_chance_alone_is_shown(folder: Path, pair: tuple[str, str]) -> None:
    """Given one execution, when it is split by chance in two, then the halves hold all its answers, hardly any comparison
    is called a change, and the same seed gives the same split."""
    document = as_json(folder, "aa", pair[0])
    assert document["answers"] == 24
    assert document["split"]["primary"]["n_before"] + document["split"]["primary"]["n_after"] == 24
    assert document["called"]["changes"] <= 0.05 * document["called"]["comparisons"]
    assert {one["measure"] for one in document["noise"]} >= {"mention_rate", "first_place_rate"}
    assert as_json(folder, "aa", pair[0]) == document
    assert as_json(folder, "aa", pair[0], "--seed", "9")["split"] != document["split"]
    alone = imported(folder, "alone", [GOOD])
    shown = brandq(folder, "aa", alone)
    assert shown.returncode == 2
    assert "repeats of 2" in " ".join(shown.stderr.split())


def test_answers_are_read_again_into_a_version_of_its_own(folder: Path, pair: tuple[str, str]) -> None:
    """Given findings that another method made, then they are not compared; when they are read again, then there is a
    second version of the report, the first stays as it was, and the two can be compared."""
    execution_id = imported(folder, "old", ([GOOD] + [OTHER] * 3) * 6)
    with sqlite3.connect(folder / "data/brandq.db") as database:
        database.execute(
            "UPDATE readings SET method_version = 'an older one' WHERE sample_id IN (SELECT sample_id FROM "
            "samples WHERE execution_id = ?)",
            (execution_id,),
        )
    refused = brandq(folder, "compare", execution_id, pair[1])
    assert refused.returncode == 2
    assert "read by different methods" in " ".join(refused.stderr.split())
    again = brandq(folder, "analyze", execution_id)
    assert again.returncode == 0, again.stderr
    assert "24 answers read by method" in again.stdout
    assert "report version 2" in again.stdout
    first, second = (
        json.loads(brandq(folder, "report", execution_id, "--format", "json", *version).stdout)
        for version in (("--version", "1"), ())
    )
    assert (first["version"], second["version"]) == (1, 2)
    assert first["brands"] == second["brands"]
    assert brandq(folder, "compare", execution_id, pair[1]).returncode == 0
    missing = brandq(folder, "report", execution_id, "--version", "3")
    assert missing.returncode == 2
    assert "there are 1 of" in " ".join(missing.stderr.split())


def test_a_judge_makes_a_version_of_its_own(folder: Path, pair: tuple[str, str]) -> None:
    """Given an ended execution, when a simulated judge is asked, then a new report version says who judged, by a method of
    its own; asked again, nobody is called; and the findings by rules are what they were."""
    (folder / "engines.toml").write_text(
        '[engines.referee]\ndialect = "openai-chat"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "judge-1"\n'
        'key_env = "REFEREE_API_KEY"\n',
        encoding="utf-8",
    )
    environment = {"BRANDQ_SIMULATE": "missing", "BRANDQ_ENGINES_FILE": "engines.toml"}
    execution_id = imported(folder, "judged", [GOOD, OTHER] * 2)
    shown = brandq(folder, "judge", execution_id, "--engine", "referee", **environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    document = json.loads(brandq(folder, "report", execution_id, "--format", "json").stdout)
    assert document["version"] == 2
    assert document["judge"]["model"] == "judge-1"
    assert document["judge"]["simulated"] is True
    assert document["judge"]["judged"] > 0
    assert "+judge." in document["method_version"]
    again = brandq(folder, "judge", execution_id, "--engine", "referee", **environment)
    assert again.returncode == 0, again.stdout + again.stderr
    # the second time everything is there already
    with sqlite3.connect(folder / "data/brandq.db") as database:
        stored = database.execute("SELECT count(*) FROM verdicts").fetchone()[0]
    assert stored == 2, "the same text is judged once"
    by_rules = json.loads(brandq(folder, "report", execution_id, "--format", "json", "--version", "1").stdout)
    assert by_rules["judge"] is None
    assert by_rules["brands"][0]["overall"]["mention_rate"] == document["brands"][0]["overall"]["mention_rate"]


def test_brands_may_come_out_of_a_file(folder: Path) -> None:
    """Given brands with all that a plan's may have in a file, then a word that is none of them is left open and told; a
    file that holds no brands is a fault with its place."""
    brands = [{"name": "理想", "aliases": ["理想汽车"], "ambiguous": True, "context": ["增程", "L7"]}]
    (folder / "brands.json").write_text(json.dumps(brands, ensure_ascii=False), encoding="utf-8")
    texts = ["家用增程里，理想L7空间最大。", "理想的选择是蔚来。", "可以看看理想。"]
    lines = [
        json.dumps({"prompt": PROMPTS[0], "engine": "doubao", "repeat": n, "answer": text})
        for n, text in enumerate(texts)
    ]
    (folder / "li.jsonl").write_text("\n".join(lines), encoding="utf-8")
    shown = brandq(folder, "import", "li.jsonl", "--brands", "brands.json", "--out", "li")
    assert shown.returncode == 0, shown.stderr
    overall = json.loads((folder / "li/report.json").read_text(encoding="utf-8"))["brands"][0]["overall"]
    assert (overall["mention_rate"]["k"], overall["mention_rate"]["n"]) == (1, 3)
    assert overall["doubtful_answers"] >= 1
    (folder / "brands.json").write_text('[{"name": "理想", "colour": "red"}]', encoding="utf-8")
    refused = brandq(folder, "import", "li.jsonl", "--brands", "brands.json")
    assert refused.returncode == 2
    assert "colour" in refused.stderr


CASES = (
    '{"id": "right", "brands": [{"id": "op", "aliases": ["欧派"]}], "text": "1. 欧派：口碑好\\n2. 志邦", "answer_type": '
    '"recommendation", "expect": {"op": {"mentioned": true, "count": 1, "first": 3, "rank": 1, "sentiment": "pos"}}, '
    '"competitors": ["志邦"]}\n'
    '{"id": "wrong", "trap": "a label nobody meets", "brands": [{"id": "op", "aliases": ["欧派"]}], "text": "没有品牌。", '
    '"expect": {"op": {"mentioned": true, "count": 2}}}\n'
)


def test_labelled_cases_are_graded(folder: Path) -> None:
    """Given one case that the analysis meets and one that it does not, then each miss is printed, and the last line counts
    right labels by field."""
    (folder / "cases.jsonl").write_text(CASES, encoding="utf-8")
    shown = brandq(folder, "grade", "cases.jsonl")
    assert shown.returncode == 0, shown.stderr
    counted = json.loads(shown.stdout.splitlines()[-1])
    assert counted["mentioned"] == {"right": 1, "of": 2}
    assert counted["rank"] == {"right": 1, "of": 1}
    assert counted["sentiment"] == {"right": 1, "of": 1}
    assert (counted["answer_type"], counted["competitors"]) == ({"right": 1, "of": 1}, {"right": 1, "of": 1})
    assert counted["citations"] == {"right": 0, "of": 0}
    assert "wrong (a label nobody meets): count of op: expected 2, found 0" in shown.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1: is no JSON"),
        ("[1]", "line 1: expected a JSON object"),
        ("", "there is no case in it"),
        ('{"id": "a", "brands": [{"id": "x"}], "text": "t", "expect": {}}', "a: brands: expected a list of objects"),
        (
            '{"id": "a", "brands": [{"id": "x", "aliases": ["X"]}], "text": "t", "expect": {"y": {}}}',
            "y is no id of its brands",
        ),
        ('{"id": "a", "brands": [{"id": "x", "aliases": ["X"]}], "expect": {}}', "a: text: expected a text"),
        (
            '{"id": "a", "brands": [{"id": "x", "aliases": ["X"]}], "text": "t", "expect": {"x": 5}, "citations": 7}',
            "a: expect: expected an object of labels by brand id a: citations: expected a list of objects",
        ),
    ],
)
def test_cases_that_cannot_be_read_are_told(folder: Path, text: str, words: str) -> None:
    """Given a file that holds no readable case, then the command ends with 2 and names the line or the case."""
    (folder / "bad.jsonl").write_text(text, encoding="utf-8")
    shown = brandq(folder, "grade", "bad.jsonl")
    assert shown.returncode == 2
    assert words in " ".join(shown.stderr.split())
