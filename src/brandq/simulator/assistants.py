"""What the simulator's assistants know and how they put it: lists of invented names, in the language of the prompt.

What a search finds for them are invented pages, one for each name. An answer links to those that it rests on; endpoints
whose provider points at its sources by number put a marker in the link's place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from random import Random

_CJK = re.compile(r"[\u3400-\u9fff]")
#: a source in an answer's text: title, URL
INLINE = re.compile(r"\[([^\]]+)\]\((https://[^)]+)\)")


@dataclass(frozen=True)
class _Topic:
    """Names that are told to who asks about it. ``about``: words of a prompt that mean this topic."""

    about: tuple[str, ...]
    zh: tuple[str, ...]
    en: tuple[str, ...]


_TOPICS = (
    _Topic(
        ("改装", "贴膜", "车衣", "car mod", "modification", "tuning", "detailing", "wrap shop"),
        ("趣车良品", "车尚艺", "竞品 1", "竞品 2", "御风车改", "驰界工坊", "鹏城车匠", "漆彩贴膜馆", "南澳电驱改装"),
        (
            "Quche Select",
            "Competitor 1",
            "Competitor 2",
            "Northbay Tuning",
            "Amber Garage",
            "Voltcraft Customs",
            "Wrapline",
        ),
    ),
    _Topic(
        ("新能源汽车", "电动车", "汽车", "electric car", "suv", "sedan", "vehicle"),
        ("云驰", "青原汽车", "澜图", "极曜", "朗骐", "星岸"),
        ("Aurelia", "Veldt Motors", "Kairn", "Lumeno", "Ostra EV", "Halden"),
    ),
    _Topic(
        ("手机", "笔记本", "电脑", "耳机", "平板", "phone", "laptop", "headphone", "earbud", "tablet", "monitor"),
        ("鸣石", "沐光数码", "天枢电子", "橙核", "砚台科技", "微澜"),
        ("Lumora", "Kestrel", "Novabyte", "Tessera", "Orchard Nine", "Pallas Audio"),
    ),
    _Topic(
        ("护肤", "面霜", "精华", "洗面奶", "化妆", "skincare", "moistur", "serum", "sunscreen", "cosmetic"),
        ("素原", "芷兰", "肌秘", "白露研", "山茶纪", "水木颜"),
        ("Claribel", "Derma Fen", "Petal & Ash", "Solenne", "Harrow Lab", "Mirelle"),
    ),
    _Topic(
        ("咖啡", "餐厅", "奶茶", "酒店", "coffee", "restaurant", "tea shop", "hotel"),
        ("拾光咖啡", "半亩茶田", "鲸落小馆", "云间驿", "麦垛", "南巷"),
        ("Ember & Oat", "Slow Harbour", "The Copper Kettle", "Juniper House", "Field Notes", "Low Tide"),
    ),
    _Topic(
        ("crm", "项目管理", "软件", "saas", "工具", "software", "project management", "app", "tool"),
        ("织流", "简道云图", "纸鸢协作", "数舟", "灯塔 CRM", "一格"),
        ("Loomdesk", "Pipeward", "Kanto", "Basalt CRM", "Fernline", "Tracklet"),
    ),
)
_TRAITS = {
    "zh": (
        "口碑稳定，报价透明",
        "经验丰富，质保写进合同",
        "性价比高，适合预算有限的人",
        "服务细致，但需要提前预约",
        "规模较大，门店多",
    ),
    "en": (
        "steady reviews and clear prices",
        "long experience and a written warranty",
        "good value on a tight budget",
        "attentive service, but book ahead",
        "the widest choice of the group",
    ),
}
_NOTE = {
    "zh": "【模拟回答：由 brandq 模拟器生成，并非任何真实助手所说】",
    "en": "[Simulated answer: made by brandq's simulator, no real assistant said this]",
}
_WORDS = {
    "zh": {
        "opening": "下面几家可以优先了解：",
        "closing": "建议先比较报价与质保，再实地看一看。",
        "sources": "参考来源：",
        "page": "介绍页",
        "overview": "综述",
        "said": "模拟页面",
        "refusal": "抱歉，我不能推荐具体的商家。",
        "careful": "没有唯一的答案，要看预算和需求。常被提到的有",
        "then": "；其次是",
        "sep": "、",
        "colon": "：",
        "end": "。",
    },
    "en": {
        "opening": "These are worth a look first:",
        "closing": "Compare quotes and warranties, then see for yourself.",
        "sources": "Sources:",
        "page": "page",
        "overview": "Overview",
        "said": "A simulated page",
        "refusal": "I'm sorry, but I can't recommend particular businesses.",
        "careful": "There is no single answer; it depends on budget and needs. Often named are ",
        "then": "; after them, ",
        "sep": ", ",
        "colon": ": ",
        "end": ".",
    },
}


def seed(*parts: object) -> int:
    return int.from_bytes(sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).digest()[:8], "big")


def _names(prompt: str, language: str) -> tuple[str, ...]:
    """The names that all assistants know for a prompt; where its topic is in no catalogue, names made up for it."""
    said = prompt.casefold()
    for topic in _TOPICS:
        if any(re.search(rf"\b{re.escape(word)}", said) if word.isascii() else word in said for word in topic.about):
            return topic.zh if language == "zh" else topic.en
    dice = Random(seed("names", prompt))
    if language == "zh":
        fronts, ends = "云青明安禾北星木川南", ("禾", "舟", "野", "里", "和", "川")
        made = [front + end for front in fronts for end in ends if front != end]
    else:
        made = [
            front + end
            for front in ("Al", "Bro", "Cal", "Den", "Fen", "Mar")
            for end in ("dora", "wick", "veth", "mont")
        ]
    return tuple(dice.sample(made, 7))


@dataclass(frozen=True)
class Told:
    """What an assistant says to one call."""

    text: str
    refused: bool = False


@dataclass(frozen=True)
class Page:
    """What a search finds. ``number`` is from 1, in the order of the results."""

    number: int
    title: str
    url: str
    site: str
    summary: str


def pages(prompt: str) -> tuple[Page, ...]:
    """What any search for this prompt finds: first a page that no answer rests on, then one for each known name."""
    language = _language(prompt)
    words = _WORDS[language]
    found = [(words["overview"], f"https://www.overview.example/topics/{seed(prompt) % 10_000:04}", "overview.example")]
    for name in _names(prompt, language):
        url = _url(name)
        found.append((_title(name, words), url, url.split("/")[2]))
    return tuple(Page(number, *page, words["said"]) for number, page in enumerate(found, start=1))


def marked(text: str, found: Iterable[Page], mark: Callable[[int], str]) -> str:
    """The text with every link to a page that was found replaced by the page's title and ``mark(number)``."""
    numbers = {page.url: page.number for page in found}

    def replaced(link: re.Match[str]) -> str:
        return link[1] + mark(numbers[link[2]]) if link[2] in numbers else link[0]

    return INLINE.sub(replaced, text)


def _language(prompt: str) -> str:
    return "zh" if _CJK.search(prompt) else "en"


def tell(model: str, prompt: str, number: int, *, search: bool) -> Told:
    """The answer to the ``number``-th call of this prompt. Each model keeps to its manner and its favourites."""
    language = _language(prompt)
    words = _WORDS[language]
    dice = Random(seed(model, prompt, number))
    names = _names(prompt, language)
    liking = {name: seed("liking", model, name) % 1000 / 1000 + dice.random() for name in names}
    chosen = sorted(names, key=lambda name: -liking[name])[: dice.choice((3, 4, 5, 5, 6))]
    manner = _manner(model)
    if manner is _carefully and dice.random() < 0.15:
        return Told(f"{_NOTE[language]}\n{words['refusal']}", refused=True)
    lines = manner(chosen, words, dice, _TRAITS[language])
    if search and not any(INLINE.search(line) for line in lines):
        lines += ["", words["sources"], *(f"- {_cited(name, words)}" for name in chosen[:3])]
    return Told("\n".join([_NOTE[language], "", *lines]))


def _numbered(names: list[str], words: Mapping[str, str], dice: Random, traits: tuple[str, ...]) -> list[str]:
    rows = [
        f"{n}. **{name}**{words['colon']}{dice.choice(traits)}{words['end']}" for n, name in enumerate(names, start=1)
    ]
    return [words["opening"], "", *rows, "", words["closing"]]


def _sourced(names: list[str], words: Mapping[str, str], dice: Random, traits: tuple[str, ...]) -> list[str]:
    rows = [
        f"{n}. **{name}**{words['colon']}{dice.choice(traits)}{words['end']} {_cited(name, words)}"
        for n, name in enumerate(names, start=1)
    ]
    return [words["opening"], "", *rows]


def _listed(names: list[str], words: Mapping[str, str], dice: Random, traits: tuple[str, ...]) -> list[str]:
    return [words["opening"], "", *(f"- **{name}** - {dice.choice(traits)}" for name in names), "", words["closing"]]


def _carefully(names: list[str], words: Mapping[str, str], dice: Random, traits: tuple[str, ...]) -> list[str]:
    first, others = names[: max(1, len(names) - 2)], names[max(1, len(names) - 2) :]
    told = words["careful"] + words["sep"].join(first)
    return [told + (words["then"] + words["sep"].join(others) if others else "") + words["end"], "", words["closing"]]


_Manner = Callable[[list[str], Mapping[str, str], Random, tuple[str, ...]], list[str]]
_MANNERS: tuple[_Manner, ...] = (_numbered, _sourced, _listed, _carefully)
#: by the beginning of the model; every other model gets one of the four by lot, and keeps it
_MANNER_OF: tuple[tuple[str, _Manner], ...] = (
    ("doubao", _numbered),
    ("gpt", _numbered),
    ("qwen", _sourced),
    ("glm", _sourced),
    ("deepseek", _listed),
    ("kimi", _carefully),
)


def _manner(model: str) -> _Manner:
    known = (manner for beginning, manner in _MANNER_OF if model.startswith(beginning))
    return next(known, _MANNERS[seed("manner", model) % len(_MANNERS)])


def _cited(name: str, words: Mapping[str, str]) -> str:
    return f"[{_title(name, words)}]({_url(name)})"


def _title(name: str, words: Mapping[str, str]) -> str:
    return f"{name} {words['page']}"


def _url(name: str) -> str:
    slug = (
        re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") if name.isascii() else f"site-{seed(name) % 10_000:04}"
    )
    return f"https://www.{slug}.example/about"
