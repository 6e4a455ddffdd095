"""An answer cut into clauses, and what each holds: the brands that it names, what it praises and what it blames.

A clause ends at a mark of punctuation, at a word of contrast (但, but) and before the next brand, unless the two are
named as equals. Within it, after the usual method of lexicons with valence shifters (Polanyi and Zaenen, 2006):

- a denial turns the opinion that follows within four words or four Han characters; two denials cancel each other;
- an adverb of degree before a word of opinion weighs it;
- words about the reader ("for those who want a reliable …", 适合追求品质的用户) and questions hold no opinion.

All offsets here are offsets in the folded text.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from brandq.analysis.brands import Folded, is_han
from brandq.analysis.findings import Span
from brandq.analysis.lexicon import Kind, Word
from brandq.analysis.mentions import Mention
from brandq.analysis.triggers import Gate

#: how far a denial reaches, in words and in Han characters
_REACH = 4
#: a denial farther away than this many characters is not looked at
_REACH_CHARS = 48
#: what is left of an opinion that is denied: "not good" says more than "not bad", and "not the best" less than its word
_DENIED_PRAISE, _DENIED_BLAME, _DENIED_SUPERLATIVE = 0.8, 0.6, 0.5
_SUPERLATIVE = 2.0
#: what is left of praise that is the brand's own or of the past
_CLAIMED = 0.3

_LETTER = re.compile(r"[^\W_]")
#: its group ends a sentence, all else a clause
_BREAK = re.compile(
    r"([。!?;…|]+|\.(?=[\s\"')\]]|$|[a-z\u2e80-\u9fff]))|,(?!\d{3})|[:()\[\]【】「」“”]|-{2,}|(?<=\s)-(?=\s)"
)
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:vs|e\.g|i\.e|inc|no|st|mr|mrs|ms|dr|ltd|co|approx|jr|u\.s|[a-z])$")
_LONGEST_JOINER = 12
#: a clause of so few words goes on with the one before it
_ADDED_WORDS = 3
#: between two names that are named as equals
_JOINER = re.compile(
    r"[\s\"'()]*(?:[,、/&+]|和|与|及|以及|或|或者|跟|还有|、以及|and|or|as well as)?[\s\"'()]*(?:the )?(?:and |or )?"
)

#: most words of a product's name after the brand's
_LONGEST_PRODUCT = 6
_PRODUCT_WORD = re.compile(r"[ \-]([a-z0-9][a-z0-9+.']*)")
_NO_PRODUCT = frozenset(
    (
        *("a", "an", "and", "are", "as", "best", "can", "for", "great", "has", "have", "in", "is", "it", "its", "not"),
        *("of", "offers", "on", "or", "outperforms", "the", "to", "vs", "was", "were", "which", "will", "with"),
    )
)
#: words about whoever reads; the stretch that they cover holds no opinion of a brand
_OF_READERS = re.compile(
    r"^\W*(?:要?论|论起|说到|谈到|要说)[^,。]{1,12}$|^\W*(?:追求|(?:更|最)?看重|预算|想要|偏好|在意).+|"
    r"(?<=针对).+|(?<=适合).+|(?<=适用).+|(?<=适配).+|(?<=满足).{0,24}?(?:需求|要求)|"
    r"(?:如果|若是|若|假如|要是|(?<![相针面比反绝应])对于?|当)(?:您|你|用户|消费者|预算|追求|偏好|侧重|倾向|"
    r"看中|更|比较|最|想|需要|注重|看重|重视|在意|只|仅|特别|不介意|那些|有).*?"
    r"(?=可以|可选|建议|推荐|就|那么|则|来说|而言|的话|$)|"
    r"(?:追求|看重|注重|偏好|重视|关注|在意|需要|希望|想要|喜欢|倾向).{0,24}?"
    r"(?:用户|消费者|人群|家庭|业主|客户|爱好者|人士|朋友|女性|女生|年轻人|车主|企业|学生|群体|买家|玩家|者(?!众))|"
    r"(?<=\bfor )(?:those|people|users|anyone|someone|shoppers|buyers|folks|customers|families|consumers)\b.*|"
    r"\bif (?:you|your)\b.*|\b(?:when|while|before) you\b.*|"
    r"\b(?:you|users|people|buyers|who|they)(?:'re| are|'d| may| might| also)* "
    r"(?:want|wants|need|needs|prefer|prefers|prioriti[sz]e|value|values|looking|look for|seek|seeking|care|"
    r"require)\b.*|"
    r"\byou (?:like|love|enjoy|hate)\b.*"
)
#: one of these stands in all of them that are English
_READERS = re.compile("you|users|people|buyers|who|they|for ")
#: what the reader is told to do; such a clause is about no brand unless it says which to take or to leave
_TO_READERS = re.compile(
    r"\s*(?:建议|请|务必|记得|最好|注意|需要?(?:注意|确认|了解|考察|核对|明确|留意)|确认|确保|避免|可通过|"
    r"签(?:订|合同|约)|购买前|选购时|下单前|付款前|签约前|"
    r"都?要?(?:提防|谨防|警惕|小心|当心|留意|核对)|"
    r"(?:and |but |so )?(?:be (?:sure|careful|aware)|make sure|remember|please|always|consider|check|ensure|"
    r"keep in mind|note that|"
    r"watch (?:out|for)|look out|beware of|verify|confirm|ask|read|compare|inspect|measure|test)\b)"
)
#: examples in brackets: (如气血不足、湿气偏重)
_EXAMPLES = re.compile(r"\s*(?:如(?!此|今)|例如|比如|e\.g\.)")
#: a question within a sentence, an offer to say more, and how little is known
_SAYS_NOTHING = re.compile(
    r"是否|有无|有没有|\bwhether\b|"
    r"\bi(?:'ll| can| could)(?!['\w])|\blet me know\b|\bwould you like\b|我(?:可以|会|将|能)|需要的话|告诉我|"
    r"(?:抱歉|对不起|\bsorry\b|\bas an ai\b).*|(?:不能|无法|不便|不会)(?:直接)?推荐.{0,12}(?:具体|任何|某)|"
    r"\b(?:can't|cannot|not able to|unable to) recommend (?:a |any |one )?(?:specific|particular|single)\b|"
    r"(?:信息|资料|数据|报道|记录|反馈|讨论)[^,。]{0,10}(?:有限|较少|不足|不多|稀少|缺乏)|难以找到|"
    r"(?:缺乏|缺少|有限)[^,。]{0,20}(?:信息|资料|数据|报道)|"
    r"\b(?:limited|little|no|not enough|lack of)(?: \w+){0,2} information\b"
)
_TAKE_OR_LEAVE = re.compile(
    r"建议(?:优先)?(?:选|购|考虑|入手)|推荐|首选|不|别|绕|避开|避雷|远离|慎|劝退|拉黑|换|avoid|skip|recommend|"
    r"choose|buy|consider"
)
_WISH = re.compile(r"追求|看重|注重|偏好|重视|预算|需求|需要|想要|适合|\bif you|\bfor\b")
_CLAIM = re.compile(
    r"号称|自称|宣称|标榜|自诩|"
    r"\bused to be\b|claims? to|claiming|self-proclaimed|markets itself|bills itself|advertised as"
)


@dataclass(slots=True)
class Named:
    """A mention in the folded text; ``role`` is the part that it has in its clause, once it was looked for."""

    brand: str
    start: int
    end: int
    role: str = ""


@dataclass(slots=True)
class Clause:
    """``praise`` and ``blame`` are weights from 0; ``named`` its mentions; ``contrast``: it begins with such a word.

    ``label``: a colon follows it; ``silent``: it speaks to the reader or the grader, or asks; ``advice``: tells the
    reader what to do; ``wish``: it ends in what the reader wants;
    ``turns``: it is set against what stands before it; ``weight``: how much what it says counts.
    """

    start: int
    end: int
    named: list[Named] = field(default_factory=list)
    praise: float = 0.0
    blame: float = 0.0
    contrast: bool = False
    label: bool = False
    silent: bool = False
    advice: bool = False
    wish: bool = False
    turns: bool = False
    weight: float = 1.0


@dataclass(slots=True)
class Sentence:
    """Its clauses in order; ``begins_line``: it is the first of its line."""

    clauses: list[Clause]
    begins_line: bool


def opine(words: Sequence[Word]) -> bool:
    """Whether one of these praises or blames."""
    for word in words:  # noqa: SIM110
        if word.kind is Kind.OPINION or word.kind is Kind.LACK:
            return True
    return False


class Cutter:
    """Cuts lines of a folded text into sentences and clauses, when they are asked for.

    ``raw`` is the text that was folded.
    """

    def __init__(self, text: Folded, raw: str, mentions: Sequence[Mention]) -> None:
        self.text = text
        self.raw = raw
        self.named = [
            Named(mention.brand, bisect_left(text.starts, mention.start), bisect_left(text.starts, mention.end))
            for mention in mentions
        ]
        self.starts = [name.start for name in self.named]

    def sentences(self, start: int, end: int, words: list[Word]) -> list[Sentence]:
        """The sentences of the line at ``start`` to ``end`` in order, in time in proportion to it.

        ``words``: those of the lists in it.
        """
        whole = self.text.text
        first, last = bisect_left(self.starts, start), bisect_left(self.starts, end)
        named = self.named[first:last]
        if named:
            words = _beside(words, [(name.start, _product_end(self.text, self.raw, name.end)) for name in named])
        found: list[Sentence] = []
        next_word, next_named = 0, 0
        begins_line = True
        for pieces, ending in _cut(self.text, self.raw, start, end):
            clauses: list[Clause] = []
            for begins, ends, colon in pieces:
                first_word, first_named = next_word, next_named
                while next_word < len(words) and words[next_word].start < ends:
                    next_word += 1
                while next_named < len(named) and named[next_named].start < ends:
                    next_named += 1
                if next_word > first_word or next_named > first_named:
                    clauses += _clauses(
                        whole, (begins, ends), words[first_word:next_word], named[first_named:next_named]
                    )
                elif _LETTER.search(whole, begins, ends):
                    clauses.append(_plain(whole, begins, ends))
                if colon and clauses:
                    clauses[-1].label = True
                    _silence_wish(whole, clauses[-1])
            if "?" in ending:
                for clause in clauses:
                    clause.silent, clause.praise, clause.blame = True, 0.0, 0.0
            _silence_advice(whole, clauses)
            if clauses:
                found.append(Sentence(clauses, begins_line))
                begins_line = False
        return found


def _silence_wish(text: str, clause: Clause) -> None:
    """A label that says what the reader wants: 预算有限且注重性价比: 小米."""
    if not clause.named and _WISH.search(text, clause.start, clause.end):
        clause.silent, clause.praise, clause.blame = True, 0.0, 0.0


def _silence_advice(text: str, clauses: Sequence[Clause]) -> None:
    """What goes on with advice or with a wish is one: 签合同前确认板材, 以规避风险."""
    if not any(clause.advice or clause.wish for clause in clauses):
        return
    advises = wishes = False
    for clause in clauses:
        own = bool(clause.named) or clause.contrast
        advises = clause.advice or (advises and not own)
        few_words = (
            text[clause.start : clause.end].isascii() and len(text[clause.start : clause.end].split()) <= _ADDED_WORDS
        )
        wishes = clause.wish or (wishes and not own and few_words)
        if advises or (wishes and not clause.wish):
            clause.silent, clause.praise, clause.blame = True, 0.0, 0.0


def _beside(words: Sequence[Word], names: Sequence[tuple[int, int]]) -> list[Word]:
    """The words that are no part of a name: 完美日记 is not perfect, and Apple Beats beats nobody."""
    ends = [end for _, end in names]
    kept = []
    for word in words:
        n = bisect_right(ends, word.start)
        if n == len(names) or names[n][0] >= word.end:
            kept.append(word)
    return kept


def _product_end(text: Folded, raw: str, end: int) -> int:
    """Where the name of a product ends that begins with a brand's at ``end``: words with a capital, and numbers."""
    for _ in range(_LONGEST_PRODUCT):
        found = _PRODUCT_WORD.match(text.text, end)
        if not found or found[1] in _NO_PRODUCT:
            break
        first = raw[text.starts[found.start(1)]]
        if not (first.isupper() or first.isdigit()):
            break
        end = found.end()
    return end


def _cut(text: Folded, raw: str, start: int, end: int) -> Iterator[tuple[list[tuple[int, int, bool]], str]]:
    """Sentences of a line: the clauses' start, end and whether a colon follows; and what ends the sentence."""
    pieces: list[tuple[int, int, bool]] = []
    at = start
    for found in _BREAK.finditer(text.text, start, end):
        mark, begins = found[0], found.start()
        if mark == "." and not _is_full_stop(text, raw, begins):
            continue
        if begins > at:
            pieces.append((at, begins, mark == ":"))
        at = found.end()
        if found.lastindex == 1:
            yield pieces, mark
            pieces = []
    if at < end:
        pieces.append((at, end, False))
    yield pieces, ""


def _is_full_stop(text: Folded, raw: str, at: int) -> bool:
    whole = text.text
    after = whole[at + 1 : at + 2]
    if after and after.isalpha():
        # "setup.Baden": a sentence begun without a space, not Node.js
        before = whole[max(0, at - 1) : at]
        return is_han(after) or (raw[text.starts[at + 1]].isupper() and (before.isalpha() or before in "%)"))
    return not _ABBREVIATION.search(whole, max(0, at - 8), at)


def _clauses(text: str, span: tuple[int, int], words: Sequence[Word], named: Sequence[Named]) -> Iterator[Clause]:
    """A stretch between two marks, cut at words of contrast and before names that are not named as equals."""
    cuts: dict[int, bool] = {span[0]: False}
    for word in words:
        if word.kind == Kind.CONTRAST:
            cuts[word.start if _LETTER.search(text, span[0], word.start) else span[0]] = True
    opinions = [word.start for word in words if word.kind == Kind.OPINION] if len(named) > 1 else []
    for before, name in itertools.pairwise(named):
        between = bisect_left(opinions, name.start) - bisect_left(opinions, before.end)
        if name.brand == before.brand or _is_standard(text, name):
            continue
        if between or _TURNS.search(text, before.end, min(name.start, before.end + _LOOK_BACK)):
            cuts.setdefault(name.start, False)
    if len(cuts) == 1:
        # most stretches are one clause
        if _LETTER.search(text, *span):
            clause = Clause(*span, list(named), contrast=cuts[span[0]])
            _weigh(text, clause, words)
            yield clause
        return
    starts = sorted(cuts)
    n_word = n_name = 0
    for start, end in zip(starts, [*starts[1:], span[1]], strict=True):
        clause = Clause(start, end, contrast=cuts[start])
        first_word = n_word
        while n_word < len(words) and words[n_word].start < end:
            n_word += 1
        while n_name < len(named) and named[n_name].start < end:
            clause.named.append(named[n_name])
            n_name += 1
        if _LETTER.search(text, start, end):
            _weigh(text, clause, words[first_word:n_word])
            yield clause


#: between one brand that is left and one that is taken
_TURNS = re.compile(r"\band (?:get|buy|choose|go|try|pick|use|take|consider)\b|改(?:选|买|用)|转(?:而|投|向)|换成")
#: praise in the form of a denial: "can't recommend it enough"
_CANNOT_ENOUGH = re.compile(r"\b(?:can't|cannot|couldn't) \w+ [^,]{0,40}\benough\b")
_GATE = Gate((_CLAIM, _CANNOT_ENOUGH, _SAYS_NOTHING))
#: how the clauses below begin
_SET_APART = re.compile(
    r"\W*(?:[但虽却偏]|好在|胜在|幸好|不过|可[是惜]|[只就]是|唯|美中|主要|问题|缺点|短板|槽点|遗憾|尽管|即便|哪怕|然而|"
    r"but|though|although|even though|however|yet|except|the |despite|in spite|granted)"
)
#: what is conceded counts less than what it is conceded to, and what follows "but" counts more than what stands before
_CONCEDES = re.compile(r"\W*(?:虽然?|虽说|尽管|即便|哪怕|(?:al|even )?though|despite|in spite of|granted)(?![a-z])")
_OPPOSES = re.compile(r"\W*(?:但是|但|然而|可是|but|however)(?![a-z])")
_CONCEDED, _OPPOSED = 0.75, 1.5
#: what stands against what was said before
_TURN = re.compile(
    r"\W*(?:不过|但是|但|却|可是|只是|就是|可惜|偏偏|好在|胜在|幸好|唯一|唯独|美中不足|(?:主要|唯一)?(?:问题|缺点|短板|槽点|"
    r"遗憾)(?:的?是|在于)|"
    r"(?:but|though|although|however|yet|except that|the (?:only )?(?:catch|downside|drawback|trade-off|"
    r"snag) (?:is|being))\b)"
)
#: what stands after such words and is nothing against anybody: advice, a condition, one thing more
_NO_CAVEAT = re.compile(
    r"建议|取决|您|你|如果|可以|依然|仍|同样|也|还|具体|无论|不影响|总体|整体|\b(?:you|still|also|depends?|for|"
    r"it|it's)\b"
)
#: letters that such words must be followed by, a Han character being worth two
_LEAST_CAVEAT = 6


def _stands_against(seen: str) -> bool:
    """Whether a clause is set against what stands before it, also without a word of opinion: 但要看站点密度."""
    turn = _TURN.match(seen)
    if not turn or _NO_CAVEAT.search(seen, turn.end()):
        return False
    return sum(2 if is_han(char) else 1 for char in seen[turn.end() :] if char.isalnum()) >= _LEAST_CAVEAT


def _plain(text: str, start: int, end: int) -> Clause:
    """A clause without a word of the lists and without a name."""
    clause = Clause(start, end)
    seen = text[start:end]
    if _SET_APART.match(seen):
        clause.turns = _stands_against(seen)
    clause.advice = bool(_TO_READERS.match(seen)) and not _TAKE_OR_LEAVE.search(seen)
    clause.silent = clause.advice or (text[start - 1 : start] == "(" and bool(_EXAMPLES.match(seen)))
    if " who " in seen:
        clause.wish = _ends_in_a_wish(seen)
    return clause


def _ends_in_a_wish(seen: str) -> bool:
    return any(found.end() == len(seen) for found in _OF_READERS.finditer(seen))


def _weigh(text: str, clause: Clause, words: Sequence[Word]) -> None:
    """What the clause praises and blames."""
    seen = text[clause.start : clause.end]
    if _SET_APART.match(seen):
        clause.turns = _stands_against(seen)
        clause.weight = _CONCEDED if _CONCEDES.match(seen) else _OPPOSED if _OPPOSES.match(seen) else 1.0
    clause.advice = bool(_TO_READERS.match(seen)) and not clause.named and not _TAKE_OR_LEAVE.search(seen)
    opines = opine(words)
    may = _GATE.possible(seen) if opines or " who " in seen else 0
    in_brackets = text[clause.start - 1 : clause.start] == "(" and bool(_EXAMPLES.match(seen))
    clause.silent = clause.advice or in_brackets or (opines and may & 4 > 0 and bool(_SAYS_NOTHING.search(seen)))
    if clause.silent or not (opines or " who " in seen):
        return
    silent: list[Span] = []
    if not seen.isascii() or _READERS.search(seen):
        silent = [(clause.start + found.start(), clause.start + found.end()) for found in _OF_READERS.finditer(seen)]
    clause.wish = bool(silent) and silent[-1][1] == clause.end
    claim = _CLAIM.search(seen) if may & 1 else None
    claimed_from = clause.start + claim.end() if claim else clause.end
    if may & 2 and _CANNOT_ENOUGH.search(seen):
        clause.praise = _SUPERLATIVE
        return
    denials: list[Word] = []
    lack: Word | None = None
    degree: Word | None = None
    for word in words:
        # one that is too far back reaches nothing that follows
        while denials and word.start - denials[0].end > _REACH_CHARS:
            del denials[0]
        if word.kind == Kind.NEGATION:
            # "neither A nor B" denies once
            if not denials or text[word.start : word.end] != "nor":
                denials.append(word)
        elif word.kind == Kind.DEGREE:
            degree = word
        elif word.kind == Kind.LACK:
            if any(start <= word.start < end for start, end in silent):
                continue
            # "doesn't lack anything": two denials
            if not any(_reaches(text, denial, word, clause.named) for denial in denials):
                clause.blame -= word.weight
                lack = word
        elif word.kind == Kind.OPINION:
            if any(start <= word.start < end for start, end in silent):
                continue
            weight = word.weight * (_CLAIMED if word.start >= claimed_from else 1.0)
            if degree and word.start - degree.end <= 1:
                weight *= degree.weight
            if lack and weight > 0 and _reaches(text, lack, word, clause.named):
                continue
            reaching = [denial for denial in denials if _reaches(text, denial, word, clause.named)]
            if len(reaching) % 2 or (weight < 0 and _HARDLY_ANY.match(text, word.end, word.end + 16)):
                weight = _denied(weight, word.weight)
            if weight > 0:
                clause.praise += weight
            else:
                clause.blame -= weight
            # "not fast or cheap" denies both, "not cheap and reliable" does not
            if not re.match(r"\s?(?:or|nor|或|、)", text[word.end : word.end + 4]):
                denials = []


def _denied(weight: float, plain: float) -> float:
    if plain < 0:
        return -weight * _DENIED_BLAME
    return -weight * (_DENIED_SUPERLATIVE if plain >= _SUPERLATIVE else _DENIED_PRAISE)


def _reaches(text: str, denial: Word, word: Word, named: Sequence[Named]) -> bool:
    """Whether a denial is close enough to a word of opinion to turn it; names and adverbs between them do not count."""
    if word.start - denial.end > _REACH_CHARS:
        return False
    between = text[denial.end : word.start]
    for n in range(bisect_left(named, denial.end, key=lambda name: name.start), len(named)):
        if named[n].end > word.start:
            break
        between = between.replace(text[named[n].start : named[n].end], "", 1)
    if is_han(text[word.start]):
        for adverb in _ADVERBS:
            between = between.replace(adverb, "")
        return len(between.strip()) <= _REACH
    return len(between.split()) <= _REACH


#: after a word of blame: 投诉率很低, problems are rare
_HARDLY_ANY = re.compile(
    r"[率量]?(?:也|都|并|相对|非常|极|很|更|较|比较)*(?:不(?:高|大|多|明显|严重)|低|小|少)|"
    r"\s(?:is|are) (?:rare|minimal|few|low)\b"
)
_ADVERBS = (
    "那么",
    "这么",
    "非常",
    "特别",
    "十分",
    "明显",
    "太大",
    "太多",
    "任何",
    "什么",
    "想象中",
    "很",
    "太",
    "更",
    "的",
    "地",
    "有",
    "比",
)

_STANDARD_ZH = (
    r"(?:(?<![相对类不])比|较之|不如|不及|比不[上过]|不敌|赶不上|完胜|不像|没有|没|胜过|超过|超越|碾压|吊打|"
    r"落后于?|(?<!不)输[给于]|领先于?|(?<!不)(?:逊|优|强|好|弱|差|低|高|快|慢|次)于)"
)
_STANDARD_EN = (
    r"\b(?:than|over|beats?|beating|outperform(?:s|ed|ing)?|outclass(?:es)?|surpass(?:es)?|outshines?|trumps?|"
    r"tops|behind|"
    r"inferior to|superior to|ahead of|edges out|rather than|instead of|"
    r"(?:beaten|outperformed|surpassed|outclassed) by|"
    r"prefer(?:red|s)? [^,]{1,40} to|"
    r"(?:not |n't |nearly |quite )(?:quite |nearly )?as [a-z]+ as|"
    r"\b(?:few|no|none|nothing|nobody)\b[^,]{0,40} as [a-z]+ as)"
)
#: after these stands what the subject is measured by: what it gains, this loses
_STANDARD = re.compile(rf"(?:{_STANDARD_ZH}\s?[“\"']?|{_STANDARD_EN}\s(?:the |both |most |its |rival )?[“\"']?)$")
#: after these stands what the subject is set beside, and nothing is said of it
_BESIDE = re.compile(
    r"(?:(?:不比|相比于?|相较于?|相比较|比起|对比|对标|媲美|不输给?|不逊于|不亚于|类似|类似于|不同于|替代|较|vs\.?)\s?|"
    r"\b(?:unlike|compared (?:to|with)|versus|vs\.?|rivals?|similar to|alternatives? to|"
    r"as [a-z]+ as|matches|like)\s(?:the )?)$"
)
_COMPARED_WITH = re.compile(r"[^,。]{0,16}?(?:相比|比起来|比较|对比|之下)")
_WITH = re.compile(r"(?:与|和|跟|同|相对|相对于)$")
#: after these stands what is left out of what the rest of the sentence says of all
_EXCEPTED = re.compile(r"(?:除了?|除开|except(?: for)?|apart from|aside from|other than|with the exception of)\s?$")


_LOOK_BACK = 64


def _is_standard(text: str, name: Named) -> bool:
    return role_of(text, name) != SUBJECT


#: what part a brand has in its clause
SUBJECT, STANDARD, BESIDE, EXCEPTED = "subject", "standard", "beside", "excepted"


#: the last character of a Han marker, and the last word of a Latin one: nothing else is looked at more closely
_MARK_CHARS = frozenset("比之如及像有没过越压打后给于先敌上胜较起标美替代似同了除开与和跟对“\"'")
_MARK_WORDS = frozenset(
    (
        *("alternative", "alternatives", "as", "beat", "beating", "beats", "behind", "by", "except", "for", "from"),
        *("like", "matches", "of", "out", "outclass", "outclasses", "outperform", "outperformed", "outperforming"),
        *("outperforms", "outshine", "outshines", "over", "rival", "rivals", "surpass", "surpasses", "than", "to"),
        *("tops", "trump", "trumps", "unlike", "versus", "vs", "vs.", "with"),
    )
)
_ARTICLE = re.compile(r"\s(?:the|both|most|its|rival)\s$")


def role_of(text: str, name: Named) -> str:
    """The part of a name in its clause, off the words before it."""
    if not name.role:
        name.role = _role(text, name)
    return name.role


def _role(text: str, name: Named) -> str:
    before = text[max(0, name.start - _LOOK_BACK) : name.start]
    near = _ARTICLE.sub(" ", before[-24:]).rstrip(" \"'“")
    if not near or (near[-1] not in _MARK_CHARS and near.rsplit(" ", 1)[-1].lstrip("(,-") not in _MARK_WORDS):
        return SUBJECT
    if _EXCEPTED.search(before):
        return EXCEPTED
    if _STANDARD.search(before):
        return STANDARD
    if _BESIDE.search(before) or (_WITH.search(before) and _COMPARED_WITH.match(text, name.end, name.end + 24)):
        return BESIDE
    return SUBJECT


def are_equals(text: str, first: Named, second: Named) -> bool:
    """Whether two names that follow each other are named as equals: A、B和C; Sony / Bose."""
    between = text[first.end : second.start]
    # "Eero Max" is one name
    return len(between) <= _LONGEST_JOINER and bool(between.strip()) and bool(_JOINER.fullmatch(between))
