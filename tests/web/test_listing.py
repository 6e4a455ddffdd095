"""What stands behind a number: every count of a report is the length of the list that the same words ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from brandq import store
from brandq.actors.desk import Desk
from brandq.providers.dialect import Answer, AnswerKind, Citation, ErrorClass, Outcome
from tests.web.site import ContractClient, failed, finish, submit

PLAN: dict[str, Any] = {
    "brands": [
        {"name": "趣车良品", "aliases": ["趣车"], "domains": ["quche.example.com"]},
        {"name": "车享家", "domains": ["chexiang.com"]},
        {"name": "途虎", "ambiguous": True, "context": ["养车"]},
        "Nobody Ever",
    ],
    "prompts": ["深圳改装门店哪家好？", "趣车怎么样？"],
    "engines": ["doubao", "qwen"],
    "repeats": 6,
}


def said(text: str, *citations: Citation, kind: AnswerKind = AnswerKind.OK, model: str = "m-1") -> Outcome:
    answer = Answer(text, kind, served_model=model, citations=citations)
    return Outcome(answer, None, 900, {"model": "m"}, b"{}", 200)


OWN = Citation("https://quche.example.com/a", "A", cited=True, via="annotations")
#: the same registrable domain, and nobody's
OTHER = Citation("https://www.example.com/b", "B", cited=None, via="annotations")
NEWS = Citation("https://news.sina.com.cn/c", "C", cited=True, via="annotations")
READ = Citation("https://www.zhihu.com/d", "D", cited=False, via="annotations")

OUTCOMES = [
    said("推荐如下：\n\n1. **趣车良品**：口碑很好，强烈推荐\n2. **车享家**：价格便宜\n3. **车蚂蚁**：一般", OWN, NEWS),
    said("推荐如下：\n\n1. **车享家**：口碑很好，强烈推荐\n2. **车蚂蚁**：不错\n3. 玄武改装：专业", OTHER),
    said("首选车享家，服务专业，口碑很好。趣车良品不推荐，投诉多，质量差。", READ),
    said("趣车良品是一家改装门店，位于深圳。"),
    said("趣车良品服务不错，但是价格偏高，需要注意。", OWN, OTHER),
    said("没有具体的品牌可以推荐，请到门店看看。", OWN),
    said("途虎在路边。趣车良品和车享家都可以考虑。"),
    said("抱歉，我不了解趣车良品这个品牌，没有找到相关信息。"),
    said("很抱歉，我无法回答这个问题。"),
    said("", kind=AnswerKind.EMPTY),
    said("1. 趣车良品：好", kind=AnswerKind.TRUNCATED),
    failed(),
    said("1. 车享家\n2. 途虎养车\n3. 车蚂蚁\n4. 趣车良品\n5. 玄武改装", NEWS, READ, model="m-2"),
    said("1. 车蚂蚁：专业\n2. 玄武改装：便宜\n3. 趣车良品：口碑好"),
    said("抱歉，这个话题我不能讨论。", kind=AnswerKind.REFUSED),
    failed(ErrorClass.BAD_REQUEST, "too odd"),
    said("趣车良品很好，值得信赖。\n\n来源：https://quche.example.com/about"),
    said('{"error": {"code": 500, "message": "internal error"}}'),
    said("车享家口碑好，专业可靠。", Citation("https://www.chexiang.com/x", "X", cited=True, via="annotations")),
    said("1. 趣车良品\n2. 车享家\n\n两家都值得推荐，但趣车良品的售后投诉较多。", OWN),
    said("深圳的改装店有：趣车良品、车享家、途虎养车。"),
    said("不建议选择车享家，服务差。可以看看趣车良品。"),
    said("1. 玄武改装\n2. 车蚂蚁\n"),
    said("趣车良品。"),
]


def varied(client: ContractClient, desk: Desk) -> str:
    """An execution with answers of every kind; its report stands."""
    execution_id = submit(client, **PLAN)
    finish(desk, execution_id, OUTCOMES)
    return execution_id


def blocks(document: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Every block of numbers about a brand, and the parameters that name it."""
    for brand in document["brands"]:
        name = {"brand": brand["name"]}
        yield name, brand["overall"]
        for block in brand["engines"]:
            yield {**name, "engine": block["engine"]}, block
        for block in brand["prompts"]:
            place = {**name, "prompt_no": block["prompt_no"]}
            yield place, block
            for inner in block["engines"]:
                yield {**place, "engine": inner["engine"]}, inner


#: a number of a brand's block -> the findings that its k counts
OF_BRANDS = {
    "mention_rate": "named",
    "mention_rate_of_panel": "named",
    "first_place_rate": "first",
    "top_3_rate": "top_3",
    "caveat_rate": "caveat",
    "recommended_rate": "recommended",
    "interception_rate": "instead",
    "owned_citation_rate": "cited",
}


def counted(document: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """Every count of answers in a report, and the parameters that ask for these answers."""
    for place, block in blocks(document):
        n = block["mention_rate"]["n"]
        named = block["mention_rate"].get("k", 0)
        # the page is shown with all that is usable, whoever it is about
        others = {name: value for name, value in place.items() if name != "brand"}
        yield {**others, "outcome": "usable"}, n
        yield {**place, "finding": "not_named"}, n - named
        for name, finding in OF_BRANDS.items():
            if name in block and block[name]["value"] is not None:
                yield {**place, "finding": finding}, block[name]["k"]
        for label, number in block.get("sentiment", {}).items():
            yield {**place, "finding": label}, number.get("k", 0)
        if "doubtful_answers" in block:
            yield {**place, "finding": "doubtful"}, block["doubtful_answers"]
            yield {**place, "finding": "unknown_brand"}, block["unknown_to_answers"]
            yield {**place, "finding": "ranked"}, block["average_rank"]["n"] if block["average_rank"]["value"] else 0
        for row in block.get("intercepted_by", ()):
            yield {**place, "finding": "instead", "rival": row["brand"]}, row["rate"].get("k", 0)
        for rank, answers in block.get("rank_distribution", {}).items():
            if rank == "n":
                continue
            asked = {"finding": rank} if rank in ("unranked", "not_named") else {"rank": rank}
            yield {**place, **asked}, answers
    for engine in (None, *document["coverage"]["engines"]):
        section = document["coverage"] if engine is None else engine
        place = {} if engine is None else {"engine": engine["engine"]}
        for outcome, samples in section["outcomes"].items():
            yield {**place, "outcome": outcome}, samples
        for error in section.get("errors", ()):
            yield {**place, "error": error["code"]}, error["samples"]
        for served in section.get("served_models", ()):
            if served["model"] is not None:
                yield {**place, "model": served["model"]}, served["answers"]
    for answer_type, answers in document["coverage"]["answer_types"].items():
        yield {"answer_type": answer_type}, answers
    sources = document["citations"]
    yield {"finding": "sourced"}, sources["with_sources"]["k"]
    for source_class, numbers in sources["by_class"].items():
        if numbers["answers"]["value"] is not None:
            yield {"source_class": source_class}, numbers["answers"]["k"]
    for row in sources["named_and_cited"]:
        brand = {"brand": row["brand"]}
        yield {**brand, "finding": "named,cited"}, row["named_and_cited"]
        yield {**brand, "finding": "named,not_cited"}, row["named_not_cited"]
        yield {**brand, "finding": "cited,not_named"}, row["cited_not_named"]
        yield {**brand, "finding": "not_named,not_cited"}, row["neither"]
    for row in sources["domains"]:
        owned = {"brand": row["owner"], "finding": "cited"} if row["owner"] else {"unowned": "true"}
        yield {**owned, "domain": row["domain"]}, row["answers"]["k"]
        yield {**owned, "domain": row["domain"], "retrieved": "true"}, row["only_retrieved"]["k"]
    for row in document["competitors"]["candidates"]:
        yield {"name": row["name"]}, row["answers"]["k"]
        for spelling in row["spellings"]:
            yield {"name": spelling}, row["answers"]["k"]


def test_every_number_has_as_many_answers(desk: Desk, client: ContractClient) -> None:
    """Given a report over answers of every kind, when the answers behind any of its counts are listed, then there are
    just as many, and no kind of number is without an example."""
    execution_id = varied(client, desk)
    document = client.get(f"/api/executions/{execution_id}/report").json()
    own = f"/api/executions/{execution_id}/samples"
    seen: dict[str, int] = {}
    for asked, k in counted(document):
        listed = client.get(f"{own}?limit=100&{urlencode(asked)}").json()["samples"]
        assert len(listed) == k, (asked, k, [row["sample_id"] for row in listed])
        for name, value in asked.items():
            kind = f"{name}={value}" if name in ("finding", "outcome", "rank") else name
            seen[kind] = seen.get(kind, 0) + k
    # words abstain from no sentiment here, and what has ended has nothing open
    assert {kind for kind, k in seen.items() if k == 0} <= {
        "rank=6-10",
        "rank=11+",
        "finding=unknown",
        "outcome=cancelled",
        "outcome=open",
    }
    found = {finding for kind in seen if kind.startswith("finding=") for finding in kind[8:].split(",")}
    assert found >= set(store.FINDINGS) - {"unranked"}
    assert len(document["competitors"]["candidates"]) > 0
    assert any(row["owner"] is None for row in sources_of(document, "example.com"))
    assert any(row["owner"] is not None for row in sources_of(document, "example.com"))


def sources_of(document: Mapping[str, Any], domain: str) -> list[Mapping[str, Any]]:
    return [row for row in document["citations"]["domains"] if row["domain"] == domain]
