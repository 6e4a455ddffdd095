"""Whether a few words read as a name: something in them is no ordinary word, and they are no sentence and no amount.

No list of brands is asked. What is known is the other side: ordinary words, how sentences begin, how properties end,
what stands in for a name (``ordinary`` has the lists). So a name never heard of is found, and one that is made of
ordinary words alone (Four Seasons) only where its company vouches for it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from brandq.analysis import ordinary
from brandq.analysis.brands import folded, is_han
from brandq.analysis.ordinary import alternatives, is_ordinary, names_a_kind, strangeness

#: a name is not longer than this, in words and in Han characters; and one that stands among sentences than this
_MOST_WORDS, _MOST_HAN = 12, 20
_MOST_WORDS_STRICT, _MOST_HAN_STRICT = 6, 10
_MOST_CHARS = 160
#: a sentence in Han is longer than this
_SHORT_HAN = 6

_HAN_BEGINNING = re.compile(alternatives(ordinary.HAN_BEGINNINGS))
_HAN_BEGINNING_OF_LONG = re.compile(alternatives(ordinary.HAN_BEGINNINGS_OF_LONG))
_HAN_IN_SENTENCE = re.compile(alternatives(ordinary.HAN_IN_SENTENCES))
_HAN_ENDING = re.compile(f"(?:{alternatives(ordinary.HAN_ENDINGS)})$")
_HAN_ENDING_OF_NAMES_TOO = re.compile(f"(?:{alternatives(ordinary.HAN_ENDINGS_OF_NAMES_TOO)})$")
_ENGLISH_BEGINNING = re.compile(
    rf"(?:{alternatives(ordinary.ENGLISH_BEGINNINGS)}|ipx?\d|\d+-in-\d)(?![\w'’-])", re.IGNORECASE
)
_BEGINS_LIKE_A_SENTENCE = re.compile(rf"(?:{alternatives(ordinary.BEGIN_LIKE_SENTENCES)})(?![\w])")
_ENGLISH_IN_SENTENCE = re.compile(rf"(?<![\w'’-])(?:{alternatives(ordinary.ENGLISH_IN_SENTENCES)})(?![\w-])")
_AMOUNT = re.compile(
    r"[~≈<>≤≥±$¥€£￥]|\d[\d,.]{0,12}\s?(?:[-–~—至到]\s?\d[\d,.]{0,12})?\s?[\"”'’]?\s?-?"
    rf"(?:{alternatives(ordinary.UNITS)})(?![a-z])|\d+(?:[./,:]\d+)*\s*$",
    re.IGNORECASE,
)
#: "7 cups", but not "7 Eleven"
_COUNT = re.compile(r"\d[\d./,]*\s+[a-z]{2,}")
#: 3M and its like are no amounts
_DIGIT_AND_CAPITAL = re.compile(r"\d[A-Z]")
_KINDS = alternatives(ordinary.PLACEHOLDER_KINDS)
_PLACEHOLDER = re.compile(
    r"(?<![a-z0-9])[x×]{2,}(?![a-z0-9])|某|[○〇●□＊*_]{2,}|\.{3}|…|甲公司|乙公司|丙公司|占位|替换|店名|测试品牌|示例|"
    rf"^(?:{_KINDS})\s?(?:[a-h]|[一二三四五]|\d|name|x)(?![a-z0-9])|(?:{_KINDS})[a-h](?![a-z0-9])|"
    r"(?:^|[\u3400-\u9fff])[a-hx](?:公司|品牌|店|门店|企业|厂|款|产品|方案)|"
    r"\b(?:your|insert|placeholder|example|sample|generic|unnamed|tbd|n/?a)\b|"
    r"^(?:无|暂无|不详|未知|待定|待补充|none|unknown)$",
    re.IGNORECASE,
)
_AND_SO_ON = re.compile(r"(?<![高平同初中])等[\u3400-\u9fff]")
#: a label before a winner, as one begins and ends
_CHOICE = re.compile(
    r"(?:the )?(?:best|top|most|overall|our|editor'?s|budget|premium|value|runner|also|upgrade|winner|pick|great|good|"
    r"honou?rable|cheapest|fastest|ideal|alternative|favou?rite|for |if |(?:option|choice) [a-f\d]$)|"
    r"首选|次选|备选|优选|最|推荐|性价比|高端|中端|低端|入门|旗舰|综合|国产|进口|国际|国内|追求|预算|适合|偏|冠军|亚军|季军|"
    r"第[一二三四五六七八九十\d]+(?:名|梯队|位|选择)",
    re.IGNORECASE,
)
_CHOICE_ENDING = re.compile(r"(?:之选|首选|推荐|梯队|品牌|\b(?:option|pick|choice|winner|high-end))$", re.IGNORECASE)
_PUNCTUATION = ".,'\"&()!?:;®™"
_SMALL_WORDS = "of the and for with by in to a an on de la le et du or at from &"
_SMALL = frozenset(_SMALL_WORDS.split())


@lru_cache(maxsize=1 << 15)
def is_name(text: str, *, strict: bool = False) -> bool:
    """Whether a head reads as a name. ``strict``: it stands where sentences stand as well, so it must be short."""
    if not text or len(text) > _MOST_CHARS or _PLACEHOLDER.search(text) or _AND_SO_ON.search(text):
        return False
    words = folded(text).text.strip()
    if words in ordinary.PLACES or not any(char.isalpha() for char in words):
        return False
    return _is_han_name(text, words, strict) if any(map(is_han, words)) else _is_latin_name(text, words, strict)


def _is_han_name(text: str, words: str, strict: bool) -> bool:
    han = "".join(char for char in words if is_han(char))
    latin = "".join(" " if is_han(char) else char for char in words).split()
    if len(han) > (_MOST_HAN_STRICT if strict else _MOST_HAN) or len(latin) > _MOST_WORDS_STRICT:
        return False
    if _HAN_BEGINNING.match(words) or _AMOUNT.match(words):
        return False
    if len(han) >= _SHORT_HAN and _HAN_BEGINNING_OF_LONG.match(words):
        return False
    if len(han) > _SHORT_HAN and ("的" in han or _HAN_IN_SENTENCE.search(words)):
        return False
    strange_latin = any(len(word) > 1 and not is_ordinary(word.strip(_PUNCTUATION)) for word in latin)
    strange = strangeness(han)
    # three strange characters outweigh an ending: 吾间凡木设计
    if _HAN_ENDING.search(words) and (strange_latin or strange < 6):
        return False
    if strange_latin and any(char.isupper() for char in text):
        return True
    return strange >= (2 if len(han) == 2 else 4 if _HAN_ENDING_OF_NAMES_TOO.search(words) else 3)


def _is_latin_name(text: str, words: str, strict: bool) -> bool:
    several = words.split()
    if len(several) > (_MOST_WORDS_STRICT if strict else _MOST_WORDS) or len(words) < 2:
        return False
    if _BEGINS_LIKE_A_SENTENCE.match(words) or _DIGIT_AND_CAPITAL.fullmatch(text):
        return True
    if _AMOUNT.match(words) or _COUNT.match(text) or (len(several) > 1 and _ENGLISH_BEGINNING.match(words)):
        return False
    if len(several) > 2 and _ENGLISH_IN_SENTENCE.search(text):
        return False
    bare = [word for word in (word.strip(_PUNCTUATION) for word in text.split()) if word]
    if all(map(_is_ordinary, bare)):
        return False
    weighed = [word for word in bare if word.lower() not in _SMALL]
    if len(weighed) == 1 and not strict and weighed[0].isalpha() and len(weighed[0]) > 2:
        return True
    capital = sum(any(char.isupper() or char.isdigit() for char in word) for word in weighed)
    return bool(weighed) and capital >= 0.6 * len(weighed)


# names are many, and made of few words
@lru_cache(maxsize=1 << 14)
def _is_ordinary(word: str) -> bool:
    return is_ordinary(folded(word).text)


def may_be_a_title(text: str) -> bool:
    """Whether English words that are all ordinary may be a name: each with a capital, and none a kind of thing."""
    words = text.split()
    return (
        1 <= len(words) <= 5
        and text.isascii()
        and all(word[0].isupper() or word in _SMALL for word in words)
        and not text.endswith((":", "?"))
        and not _ENGLISH_BEGINNING.match(text)
        and not is_choice(text)
        and not _PLACEHOLDER.search(text)
        and not any(names_a_kind(folded(word).text.strip(_PUNCTUATION)) for word in words)
    )


def is_name_of_ordinary_words(text: str) -> bool:
    """Whether a well-known brand is called so, though the words are ordinary: Target, 大众."""
    return text in ordinary.NAMES_OF_ORDINARY_WORDS


def is_choice(text: str) -> bool:
    """Whether it is a label that a winner follows: "Best overall", 性价比首选."""
    return bool(_CHOICE.match(text) or _CHOICE_ENDING.search(text))


def is_kind(text: str) -> bool:
    """Whether a head is made of ordinary words: 四大会计师事务所, Budget brands."""
    words = folded(text).text.strip()
    if any(map(is_han, words)):
        return strangeness("".join(char for char in words if is_han(char))) < 3
    return all(is_ordinary(word.strip(_PUNCTUATION)) for word in words.split())


@lru_cache(maxsize=1 << 15)
def _place_name(name: str) -> str:
    return folded(name).text.strip()


def has_opinions(name: str) -> bool:
    """Whether it is a place where opinions are read: 小红书, Reddit."""
    return _place_name(name) in ordinary.OPINION_PLACES


def is_place_of_all(name: str) -> bool:
    """Whether it is a place where opinions are read or everything is sold or said: Reddit, Amazon, 抖音."""
    return has_opinions(name) or _place_name(name) in ordinary.PLACES_OF_ALL
