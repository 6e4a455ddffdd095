"""Report documents of many shapes, built by the report's own code from findings that are drawn by chance, from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from brandq.analysis.findings import AnswerType, BrandFinding, CitationFinding, SourceClass
from brandq.plan import Brand, EngineRef, Plan
from brandq.reports import build
from brandq.reports.facts import Facts, SampleFacts

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

BRANDS = (
    "比亚迪",
    "Tesla",
    "Mercedes-Benz Group Aktiengesellschaft",
    "理想汽车",
    "上海汽车集团股份有限公司荣威品牌",
    "Volkswagen",
    "小鹏",
    "Hyundai Motor Company",
    "蔚来",
    "Polestar",
)
ENGINES = ("openai", "anthropic", "gemini", "perplexity", "deepseek", "qwen", "doubao", "kimi@search")
PROMPTS = (
    "哪款新能源汽车最适合家庭？",
    "What is the best electric car for a family of five with two dogs and a caravan to tow in winter?",
    "预算 20 万以内买什么车好？",
    "Which EV has the longest range?",
    "新手司机第一辆车买什么好，主要在市区通勤，偶尔周末带家人自驾游，预算大概十五万到二十万之间？",
)
#: what somebody may call a brand, to see what it does
HOSTILE = (
    '"+alert(1)+"',
    "datum.x",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "line one\nline two\u2028line three",
    "👩‍👩‍👧‍👦 Family & Söhne 🚗🚙",
    "مؤسسة السيارات الكهربائية",
    "\u202egnp.exe\u202c 'quoted' \\ back\\slash",
    "W" * 100,
    "{{ 7*7 }} ${alert(1)} #{x} \ufffe",
)
_DOMAINS = (
    *("zhihu.com", "autohome.com.cn", "tesla.com", "wikipedia.org", "caranddriver.com", "reddit.com", "jd.com"),
    *("example.org", "gov.cn", "edmunds.com", "36kr.com", "a-very-long-name-of-a-domain-that-goes-on-and-on.example"),
)
_CLASSES = (SourceClass.UGC, SourceClass.REVIEW, SourceClass.NEWS, SourceClass.REFERENCE, SourceClass.OTHER)
_OUTCOMES = ("ok",) * 16 + ("refused", "failed", "truncated", "empty")


def made(
    brands: Sequence[str] = BRANDS[:3],
    engines: Sequence[str] = ENGINES[:2],
    prompts: Sequence[str] = PROMPTS,
    *,
    repeats: int = 3,
    seed: int = 1,
    usable: bool = True,
) -> dict[str, Any]:
    """The document of one execution. The first two brands have a domain; without ``usable`` every sample failed."""
    drawn = Random(seed)
    plan = Plan(
        tuple(Brand(name, domains=(f"brand-{n}.example",) if n < 2 else ()) for n, name in enumerate(brands)),
        tuple(prompts),
        tuple(EngineRef(name, "provider", "model-1") for name in engines),
        repeats=repeats,
    )
    liked = [drawn.uniform(0.1, 0.9) for _ in brands]
    samples = []
    for prompt_no in range(1, len(prompts) + 1):
        of_prompt = [each * drawn.choice((0.0, 0.4, 0.9, 1.1)) for each in liked]
        for engine in engines:
            for repeat_no in range(1, repeats + 1):
                kind = drawn.choice(_OUTCOMES) if usable else "failed"
                place = (len(samples), prompt_no, engine, repeat_no)
                if kind == "failed":
                    samples.append(SampleFacts(*place, "failed", 3, "rate_limit", "429 slow down"))
                    continue
                samples.append(
                    SampleFacts(
                        *place,
                        "analyzed",
                        1,
                        kind=kind,
                        served_model="model-1-0612",
                        answered_at=NOW + timedelta(seconds=len(samples)),
                        answer_type=AnswerType.INFO,
                        brands=_findings(plan, of_prompt, drawn) if kind == "ok" else (),
                        citations=_citations(plan, drawn) if kind == "ok" else (),
                    )
                )
    return build(Facts("7b1e", plan, samples, created_at=NOW, started_at=NOW, ended_at=NOW), built_at=NOW)


def _findings(plan: Plan, liked: Sequence[float], drawn: Random) -> list[BrandFinding]:
    named = [brand.name for brand, rate in zip(plan.brands, liked, strict=True) if drawn.random() < rate]
    drawn.shuffle(named)
    ranked = drawn.random() < 0.8
    return [
        BrandFinding(
            brand.name,
            count=1,
            position=named.index(brand.name) + 1,
            rank=named.index(brand.name) + 1 if ranked else None,
            sentiment=drawn.choice(("pos", "pos", "pos", "neu", "mixed", "neg", None)),
            strength=drawn.choice((-1, 0, 1, 2, 2, 3)),
        )
        if brand.name in named
        else BrandFinding(brand.name, count=0)
        for brand in plan.brands
    ]


def _citations(plan: Plan, drawn: Random) -> list[CitationFinding]:
    own = {domain: brand.name for brand in plan.brands for domain in brand.domains}
    found = []
    for domain in drawn.sample((*_DOMAINS, *own), k=3):
        owner = own.get(domain)
        spoken = SourceClass.OWNED if owner == plan.subject.name else SourceClass.COMPETITOR
        source_class = spoken if owner else _CLASSES[len(domain) % len(_CLASSES)]
        url = f"https://{domain}/{drawn.randrange(4)}"
        found.append(CitationFinding(url, url, domain, cited=True, owner=owner, source_class=str(source_class)))
    return found
