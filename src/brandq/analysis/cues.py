"""Cues: the words that recommend a brand, offer it, praise it, compare it or advise against it, found in a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from brandq.analysis.brands import is_han
from brandq.analysis.findings import ADVISED_AGAINST, NAMED, OPTION, RECOMMENDED, TOP_PICK
from brandq.analysis.sentences import BRAND
from brandq.analysis.triggers import Gate, alternatives

_NAME = BRAND + "++"


class Says(StrEnum):
    """What a sentence says of a brand."""

    BEST = "best"
    RECOMMENDS = "recommends"
    LISTS = "lists"
    PRAISES = "praises"
    OFFERS = "offers"
    IN_A_STEP = "in a step"
    IN_A_PROPERTY = "in a property"
    APPROVES = "approves"
    COMPARES = "compares"
    ADVISES_AGAINST = "advises against"
    NOTHING = "nothing"


LEVELS = {
    Says.BEST: TOP_PICK,
    Says.RECOMMENDS: RECOMMENDED,
    Says.LISTS: RECOMMENDED,
    Says.PRAISES: RECOMMENDED,
    Says.OFFERS: OPTION,
    Says.APPROVES: OPTION,
    Says.COMPARES: OPTION,
    Says.ADVISES_AGAINST: ADVISED_AGAINST,
    Says.IN_A_STEP: NAMED,
    Says.IN_A_PROPERTY: NAMED,
    Says.NOTHING: NAMED,
}

#: on which side of a brand a cue may stand
BEFORE, BEHIND, EITHER = "before", "behind", "either"
#: of words that look like a cue and say nothing of any brand
NOWHERE = "nowhere"


def _cue(pattern: str) -> re.Pattern[str]:
    # the character itself, for the gate reads the words of a pattern as they stand
    return re.compile(pattern.replace(r"\ue000", BRAND), re.IGNORECASE)


#: what is best of all, not only of its kind
BEST_OF_ALL = _cue(
    r"\bbest overall\b|\boverall (?:best|winner)\b|\b(?:top|first|number one|#1|no\. ?1) (?:pick|choice|"
    r"recommendation)\b(?!s)|"
    r"\b(?:our|my) favou?rite\b|\beditor'?s choice\b|\bbest of the bunch\b|"
    r"(?:综合|总体|整体|总)(?:首选|最佳|最优)|最(?:推荐|值得推荐|值得入手|值得选|值得买)|头号推荐|第一推荐"
)
#: the cues in the order in which they are looked for; one that overlaps an earlier one does not count
_CUES: tuple[tuple[Says, str, re.Pattern[str]], ...] = (
    (
        # who asks whether advises neither for nor against
        Says.NOTHING,
        NOWHERE,
        _cue(
            r"值不值得?(?:购买|入手|推荐|[买选去])?|(?:该不该|要不要|应不应该|能不能|可不可以|需不需要|用不用)(?:再|去|"
            r"直接)?(?:购买|入手|选择|考虑|[买选上换])?|好不好(?=用|吃|喝|[，,。？?、\s]|$)|行不行|买不买|选不选|"
            r"靠不靠谱|可不可靠|适不适合|合不合适|推不推荐|有(?:没有|无)必要(?:购买|入手|[买选去上])?|"
            r"是否(?:真的)?(?:值得|推荐|适合|合适|应该|有必要|可以)(?:推荐|购买|入手|选择|考虑|[买选去])?|"
            r"(?:值得(?:推荐|购买|入手|[买选去])?|推荐|可以[买选入]|靠谱)吗|"
            r"\bwhether (?:or not )?(?:to|you should|it makes sense to) (?:buy|get|choose|pick|avoid|skip|"
            r"go (?:with|for)|try)\b|"
            r"\bwhether (?:or not )?[\w\ue000' -]{1,40}?(?:is|are) (?:\w+ )?(?:worth (?:it|buying|the money|"
            r"considering)|the (?:right|best) (?:choice|fit|pick))\b|"
            r"\b(?:is|are) (?:the )?\ue000++[\w ]{0,20}? worth (?:it|buying|the (?:money|price|hype))\b(?=[^.]*\?)|"
            r"\bshould (?:you|i|we) (?:buy|get|choose|avoid|skip|pick|go (?:with|for)|try)\b"
        ),
    ),
    (
        Says.BEST,
        EITHER,
        _cue(
            rf"没有比{_NAME}[^，。]{{0,12}}更|\bnothing (?:beats|comes close to)\b|\bno better (?:choice|option|"
            rf"pick|brand)(?: [\w ]{{1,20}})? than\b|"
            r"\b(?:hard|tough|difficult) to beat\b|\bsecond to none\b|\bunbeatable\b|\bunrivall?ed\b|无可替代|"
            r"无出其右|闭眼[入买选]|无脑[入买选]"
        ),
    ),
    (
        Says.RECOMMENDS,
        EITHER,
        _cue(
            r"n[o']t hesitate to \w+(?: with)?|(?:cannot|can'?t|"
            r"can not) recommend (?=[^.,]{1,40} (?:highly )?enough)|"
            r"(?:cannot|can'?t|hard to) go wrong(?: with)?|no reason (?:not to|to avoid)|"
            r"(?:hardly|scarcely|barely|little) (?:a |any )?reason (?:not to|to avoid)|"
            r"(?:很难|难以|没法|不能|无法|忍不住|怎能)不(?:喜欢|爱上?|推荐|夸|心动|安利|点赞|选|买)|"
            r"(?:won't|will not|wouldn't|never|don't) regret \w*|"
            r"没有理由不\w{1,2}|不得不推荐|不会后悔|不会出错|不容错过|错不了|不会踩[雷坑]"
        ),
    ),
    (Says.NOTHING, EITHER, _cue(r"(?:不能|无法|不便|没法|难以)(?:直接|具体)?(?:[为给向][您你])?推荐")),
    (
        Says.NOTHING,
        EITHER,
        _cue(r"(?:without|not|never) (?:having to )?(?:avoid|skip)\w*|不是不推荐|不用避开|无需避开"),
    ),
    (
        Says.ADVISES_AGAINST,
        EITHER,
        _cue(
            r"\bneither (?:of (?:them|these|those|the two)|(?:the )?\ue000++[^.,;]{0,40}? nor [^.,;]{0,40}?) "
            r"(?:is|are|was|were|would be|seems?|looks?)\b(?: \w+)? (?:worth|recommend|something|anything|one i|"
            r"a brand|"
            r"a company|a (?:\w+ )?(?:choice|option|pick|buy|bet))[\w' ]{0,40}|"
            r"(?:\bnot|n't|\bnever|\bhardly) (?:really )?(?:something|anything|one|a (?:brand|place|company|"
            r"shop|product)|"
            r"somewhere) (?:that )?(?:i|we|you)\b[\w' ]{0,20}?\b"
            r"(?:again|recommend|buy|touch|pay|use|pick|choose|get|trust|order|book|spend|sign|go)\b(?: [a-z]+){0,3}|"
            r"\b(?:wouldn't|won't|would not|will not|would never|will never|never) (?:be )?(?:buy|book|use|order|stay|"
            r"fly|shop|sign up|return|come back|go back|hire|choos|us)(?:e|ing)?(?: [\w'\ue000]+){0,4} again\b|"
            r"\blook elsewhere\b|\bhard pass\b|\brun a mile\b|\bsave your money\b|\bthink twice (?:about|before)\b|"
            r"\bleave \S{1,30} (?:alone|on the shelf)\b"
        ),
    ),
    (
        Says.ADVISES_AGAINST,
        EITHER,
        _cue(
            r"(?:不太?|不怎么|并不|(?<![特分个各类性级辨识区])别|不会|不敢|不|难|不再)(?:推荐|"
            r"建议)(?:[您你大家])*(?:选择|选购|购买|考虑|入手|买|选|用)?|"
            r"(?:尽量|最好|建议|务必|早点|赶紧|请|都|要|得|应该?)(?:绕开|绕过|躲开|避开)|绕开(?!高峰|拥堵|周末|"
            r"节假)|敬而远之|"
            r"(?:不会|绝不|不想|不敢)再(?:购买|回购|光顾|[买去选来用碰])|再也不(?:会|想|敢)?(?:买|去|选|来|用|"
            r"碰)|不会回购|"
            r"还是算了|(?:赶紧|赶快|趁早)(?:跑|撤|溜|退)|\bgive (?:the )?\S{1,30} a (?:wide berth|pass)\b|"
            r"\bregret(?:ted|s)? (?:buying|choosing|getting|booking|ordering|picking|going with)\b|"
            r"\bwouldn't (?:go near|trust|bother with|wish)\b|\bbest left (?:on the shelf|alone)\b|"
            r"\b(?:can't|cannot|couldn't) (?:\w+ ){1,4}(?:suggest|recommend|endorse)\b|"
            r"\bneither (?:of (?:them|these|those|the two)|(?:the )?\ue000++[^.,;]{0,40}? nor [^.,;]{0,40}?) "
            r"(?:deserves?|earns?|merits?)\b|"
            r"不(?:要|想|敢|建议)碰|(?<![特分个各类性级辨识区])别(?:再)?(?:踩|花这)|"
            r"(?<!不是)(?<!不算)(?<!并非)(?<!算不上)智商税|"
            r"不(?:是很|是太|值得|宜|可)(?:推荐|考虑|购买|入手|买|选|信赖)|不值得?|"
            r"(?<![特分个各类性级辨识区])别(?:买|选|碰|入手?|考虑|去)|"
            r"(?:(?<!要)不要|千万别|切勿|最好别|尽量别|绝对别|勿)(?:购买|入手|选择|考虑|轻信|[买选碰入去])|避雷|"
            r"(?:建议|尽量|最好|应该?|要|请|务必)避开|避开(?!高峰|拥堵|周末|节假)|[慎勿](?:选|买|入)|踩雷|拉黑|"
            r"劝退|绕道|绕行|绕着走|远离|黑名单|(?:没有?|没啥|不太?有)必要(?!的)|用不着(?=买|选|报|上|入|考虑)|"
            r"犯不着|不必(?:特意|专门|非要)?(?=买|选|报|上|入|考虑)|"
            r"\b(?:steer|stay|keep) (?:clear|away)(?: of| from)?|\bavoid(?:ing|ed)?\b|\bskip(?:ping)?\b|"
            r"\bbeware(?: of)?\b|\bpass on\b|"
            r"\bdon'?t (?:buy|get|choose|pick|recommend|bother|go (?:with|for)|waste)|\bdo not (?:buy|get|choose|"
            r"pick|recommend|go (?:with|for))|"
            r"(?:\bnot|\bnever|n't|\bcannot|\bhesitant to|hesitate to|hard to|can't) (?:really |personally |"
            r"currently |generally |be )?"
            r"(?:recommend(?:ed)?|buy|choose|pick|go with|go for|suggest)\b|(?:\bnot|n't) worth\b|"
            r"\bgive \S{1,30} a miss\b|\badvise against\b|"
            r"\brecommend against\b|\bwouldn't touch\b|\bwarn against\b|\bleast recommended\b"
        ),
    ),
    (
        Says.NOTHING,
        EITHER,
        _cue(
            r"(?:不是|并非|未必是|算不上|谈不上|称不上|不算|不一定是|不能算)[^，。]{0,4}(?:首选|最[佳好优强]|"
            r"第一选择|最佳选择|好选择|理想)[^，。]{0,2}(?:选择)?|"
            r"(?:not|n't|never|hardly|no longer|wouldn't be)(?: necessarily| always| really|"
            r" quite)? (?:be )?(?:the|a|my|our|an) "
            r"(?:\w+ )?(?:best|first|top|good|great|ideal|right|safe)(?: (?:choice|pick|option|fit|bet))?|不(?:太|"
            r"是很|怎么|那么|一定)?适合"
        ),
    ),
    (
        Says.COMPARES,
        EITHER,
        _cue(r"\b(?:little|nothing|not much|hard|tough) to choose between\b|\btoss-?up between\b"),
    ),
    (
        # what others do is an option
        Says.OFFERS,
        BEFORE,
        _cue(
            r"(?:提到|提及|讨论|说起|聊到|问到|提|聊|问|用|选|买)得?(?:较|比较|最|更)(?:多|"
            r"频繁)的[^，。\ue000]{0,8}?(?:有|是|包括|"
            r"如|[：:])|(?:常|经常|频繁|反复)被?(?:提到|提及|说起|问到)的?[^，。\ue000]{0,8}?(?:有|是|包括|如|[：:])|"
            r"(?:大家|网友|业内|用户|家长|很多人|不少人|同行|朋友)(?:们)?(?:常常?|经常|普遍|一般|往往|"
            r"多)会?(?:提到|提及|说起|聊到|"
            r"找|问|去)|"
            r"(?<!\bi )(?<!\bwe )\b(?:often|usually|commonly|typically|frequently|generally|regularly|tends? to) "
            r"(?:\w+ ){0,2}?(?:get|gets|buy|buys|pick|picks|choose|chooses|try|tries|request|requests|start with|"
            r"mentioned|mention|named|name|hear|see|bring up|brought up|cited|cite|discussed|discuss|shop|"
            r"go (?:with|to|for))(?: (?!and\b|or\b)[a-z]+){0,2}?(?: from| at| with| about| of| for)?\b"
        ),
    ),
    (
        Says.OFFERS,
        BEFORE,
        _cue(r"[想图求嫌怕][^，。\ue000]{1,8}(?:就|便|直接)(?:[选买上看去用])?(?=\ue000)|退而求其次"),
    ),
    (
        Says.OFFERS,
        EITHER,
        _cue(
            r"\b(?:come|comes|came|pop|pops) up (?:a lot|often|most|frequently|repeatedly|again and again|again)\b|"
            r"\bget(?:s)? (?:mentioned|talked about|named|brought up)\b"
        ),
    ),
    (Says.BEST, EITHER, BEST_OF_ALL),
    (
        Says.BEST,
        BEFORE,
        _cue(
            r"我(?:个人|自己)?(?:还是)?(?:会|就|肯定|一定|多半|大概率|绝对)会?(?:直接|毫不犹豫地?)?(?:购买|入手|"
            r"挑|拿下?|投|押|"
            r"买|选择?|入)(?=[“\"「]?\ue000)|"
            r"(?:是我|换我|换成我|换作我|让我选|要我选|让我挑|要我说|我自己)(?:的话|来选|来挑|掏钱|"
            r"花钱)?[，,]?(?:我)?(?:就|会|"
            r"肯定|还是|一定)?会?(?:直接)?(?:购买|入手|挑|拿下?|推荐?|买|选择?|上)(?=[“\"「]?\ue000)|"
            r"(?:要我|让我|换我|是我)来?[选说挑买推][^，。\ue000]{0,2}[，,]?(?:肯定|一定|绝对|那?就|"
            r"当然)?还?(?:是|选|买)(?=[“\"「]?\ue000)|"
            r"我的(?:答案|选择|最终选择|结论|回答)(?:还是|就是|是|[：:])\s?(?=[“\"「]?\ue000)|"
            r"\b(?:for me|for my money|i say|i'd say),? (?:it's|it is) (?=(?:the )?\ue000)|"
            r"\bit(?:'d| would| has to| had to|'s got to| must) be (?=(?:the |an? )?\ue000)|"
            r"\bnumber one (?:is|goes to|has to be)\b|"
            r"\bput (?:the|my|your|our|that|all my) (?:money|cash|budget|savings) (?:on|toward|towards|into|"
            r"behind|down on)\b|"
            r"\bmy (?:money|vote|cash)(?: is|'s| goes| would go| would be)(?: to| on| for| with)\b|"
            r"\bmy (?:own )?(?:pick|choice|vote|verdict|call|answer|recommendation)(?: is| would be| goes to|'s|:)"
            r"(?= ?(?:an? |the )?\ue000)"
        ),
    ),
    (
        Says.BEST,
        EITHER,
        _cue(
            r"(?<!销量)并列(?:第一|冠军|首位|榜首|首选|最佳)(?:名|位)?(?:的?[是为有])?|"
            r"没有?(?:哪[家个款台]|谁家?|任何)[^，。\ue000]{0,12}(?:比得[过上]|赶得上|(?:能|可以)?(?:超过|胜过|"
            r"赢过|赶上|打败))|"
            r"\b(?:joint|shared|equal|co-|dual) ?(?:winners?|champions?|favou?rites|top picks)\b"
        ),
    ),
    (
        Says.RECOMMENDS,
        EITHER,
        _cue(
            r"\b(?:my|our|a|the) (?:close |strong |clear )?(?:second|third|2nd|3rd|next|backup|back-up|"
            r"fallback) (?:choice|"
            r"pick|favou?rite|recommendation)\b|\b(?:close|strong|solid) second\b|"
            r"(?:购买|入手|[买选用上冲])(?:它|这款|这个|这台|这家|\ue000++[^，。\ue000]{0,8})(?:就|便|已经?|"
            r"足)(?:足?够|行|好|对|"
            r"可以|成|完事)了?(?![的吗])|"
            r"还是\ue000++[^，。\ue000]{0,8}(?:最|更)(?!贵|差|慢|[^，。]{0,4}(?:坑|糟|烂))[^，。]{1,3}|"
            r"\bnot only (?:is|are) (?:the |an? )?\ue000++[\w' -]{0,24}? the (?!weak|pric|slow|loud|poor|ugl|"
            r"dull|heavi)"
            r"(?:\w+est|most \w+)\b"
        ),
    ),
    (
        Says.RECOMMENDS,
        BEHIND,
        _cue(
            r"\b(?:is|are|would be|might be) (?:the ones?|the way to go|the move)\b(?! (?:that|which|who|with|"
            r"of|thing|to "
            r"(?:avoid|skip)|i|we|you|most))|"
            r"\b(?:gets|has|earns|wins) (?:my|our) (?:vote|money|nod|pick)\b|\b(?:gets|takes) the nod\b|"
            r"\bwins (?:this one|hands down|for me|out|it|here|easily|overall)\b|"
            r"(?<!销量)(?<!份额)(?<!全国)(?<!全球)(?<!营收)(?:排|位列|位居|排在)第[二三四五](?:名|位)?|"
            r"\bis where (?:most|many|everyone|people|teams|they|we|i)\b[\w ]{0,20}?\b(?:lands?|ends? up|"
            r"settles?|goes|go|"
            r"heads?|winds? up|switch)\b"
        ),
    ),
    (
        Says.RECOMMENDS,
        BEFORE,
        _cue(
            r"(?:更|比较|个人|我会?|我还是|还是|稍微|略微|明显)(?:更|会|比较)?(?:倾向|偏向|偏爱|看好|中意|钟意|"
            r"青睐|愿意选|愿意买)于?(?:选择?|"
            r"购买|买|入手)?|我(?:个人)?(?:还是)?更喜欢|我(?:会|就|还是)?(?:投|站|挺|押|推)(?=[“\"「]?\ue000)|"
            r"第[二三四五](?:名|位)?(?=\ue000)|"
            r"\b(?:i|i'd|i'm|we|we'd|we're) (?:\w+ )?(?:lean|leaning|gravitate|veer|tilt) (?:\w+ )?(?:to|towards?)\b|"
            r"\bkeep (?:coming|going) back to\b|\b(?:you'll|you will|you'd) be (?:\w+ )?(?:happy|fine|pleased|"
            r"glad|well served|"
            r"in good hands)(?: with| by| at)?\b|\bgrab (?=(?:the |an? )?\ue000)|"
            r"(?<!don't )(?<!not )(?<!never )\b(?:spend|invest) (?:my|your|the|our) money (?:on|in)\b|"
            r"\bfollowed (?:closely )?by (?=(?:the )?\ue000)|"
            r"不如(?:直接|干脆|去|来|多)?(?:看看?|试试|考虑|选择?|买|入手|换成?|上|用)|"
            r"(?:首先|首位|头一个|再次|再其次|接着|接下来|然后|最后|再往后|第[一二三四五]个|其一|其二|"
            r"其三)(?:就|则|当)?(?:是|推|轮到|"
            r"要数|数|为)(?=[“\"「]?\ue000++(?!的))|第[二三四五](?:名|位)?[：:]\s?(?=[“\"「]?\ue000)|"
            r"(?:大多|多数人?|很多人|不少人|最后|最终|兜兜转转)(?:大家|我们?|他们)?(?:都|基本|几乎|还是|会|又|"
            r"就)*(?:选择?|买|换成|换到|转投|转向|回到|落到|落在|"
            r"留在)了?(?=[“\"「]?\ue000)|"
            r"\b(?:end|ends|ended|wind|winds|wound) up (?:with|at|on|buying|choosing|picking|getting|going with)\b"
            r"(?= (?:the |an? )?\ue000)|"
            r"\b(?:land|lands|landed|settle|settles|settled|converge|converged) on (?=(?:the |an? )?\ue000)|"
            r"\bmy (?:take|advice|suggestion|tip|two cents|verdict)(?: is|:|,) ?(?:to )?(?:just |start with |"
            r"go with |get |"
            r"buy |choose |pick |try )?(?=(?:the |an? )?\ue000)|"
            r"(?:^|[,;:]|\band|\bthen)\s*(?:first|second|third|fourth|fifth|next|last)(?:ly)? (?:comes|is|up is|"
            r"up:|up,|"
            r"on (?:the|my) list is|would be|there's|goes to|we have) ?(?=(?:the |an? )?\ue000)|"
            r"(?:^|[,;:]|\band|\bthen)\s*(?:first|second|third|fourth|"
            r"fifth)(?:ly)?[,:] (?=(?:the )?\ue000++[\w' ]{0,24}[:,–—-])"
        ),
    ),
    (
        Says.BEST,
        BEFORE,
        _cue(
            r"我(?:个人)?(?:会|就|一定会?)?选择?(?=[“\"「]?\ue000)|最(?:好|佳|值得)[^，。]{0,10}(?:当属|是|非)|"
            r"\bthe (?:\w+ )?best [\w-]{1,20}(?: [\w'-]{1,20}){0,7} (?:is|are|would be|remains)\b|"
            r"(?:理想|合适|稳妥|划算|省心|省事|保险|好|优|佳)的(?:方案|选择|答案|搭配|车型|去处|选项|解法|"
            r"办法)(?:就|还|应该|应)?(?:是|当属|非)|"
            r"\b(?:tied? for|joint|equal) first(?: place)?\b|(?:并列|排名?|位列|位居|稳居|名列)?第一(?:名|"
            r"位)?的?(?:是|为)|"
            r"\b(?:first|1st|top) place(?: goes to| is|:)"
        ),
    ),
    (
        Says.BEST,
        EITHER,
        _cue(
            # "so that you make the best choice" speaks of no brand
            r"(?<!做出)(?<!作出)(?:首选|首推|强烈推荐|强推|力荐|不二之选|第一选择|头号选择|第一名|冠军|认准|"
            r"最佳选择|最优选择|最优解|最好的选择|最佳之选|最理想的选择|理想(?:的)?选择|"
            r"是[^，。]{0,4}最适合的选择)(?!题)|"
            r"\b(?:best|ideal|perfect|obvious|clear|strongest|smartest|safest|#1|number one) (?:\w+ )?(?:choice|"
            r"option|pick|bet|buy|winner|recommendation)\b(?!s)|"
            r"\b(?:clear|overall) winner\b|\bstrongly recommend\b|\bhighly recommend\b|\bthe one to (?:get|buy|"
            r"beat|pick|go for|choose|have)\b|\bthe (?:one|\w+) (?:that )?(?:i|we)(?:'d| would) (?:still |"
            r"actually |always )?(?:buy|get|pick|choose|take|"
            r"recommend|go (?:with|for))\b|\b(?:is|was|remains) (?:my|our) (?:top |first |number one |go-to |"
            r"default )?(?:pick|choice|go-to|favou?rite|recommendation)\b|"
            r"\b(?:nobody|no one) (?:makes|does|builds|offers|sells) (?:an? |any )?(?:\w+ )?better\b|"
            r"\bnothing else (?:comes|gets|is even) close\b|\bthe winner\b|"
            r"\b(?:top|first) (?:pick|choice)\b(?!s)|\bcomes out on top\b|\btakes the crown\b|\bgold standard\b"
        ),
    ),
    (
        Says.BEST,
        BEFORE,
        _cue(
            r"(?<!could )(?<!can )(?<!might )(?<!may )\b(?:just |simply |i'?d )?(?:go (?:with|for)|"
            r"(?:(?<=i'd )|(?<=i would ))(?:pick|choose|buy|get|take|grab|opt for))\b"
        ),
    ),
    (
        Says.OFFERS,
        EITHER,
        _cue(
            r"\bworth (?:a (?:closer |second )?look|considering|a try|a shot|checking out|exploring|"
            r"looking (?:at|into)|trying)|"
            r"\b(?:an?|another|one) (?:\w+ ){0,2}alternative\b|(?:等|均|都|也)可(?:供)?选(?!择)|可供选择"
        ),
    ),
    (
        Says.OFFERS,
        BEFORE,
        _cue(
            r"\b(?:could|might|may|can)(?: want to)?(?: also)? (?:like|enjoy|try(?:ing)?|consider(?:ing)?|"
            r"look(?:ing)? (?:at|into)|check(?:ing)?(?: out)?|go with|choose|pick|opt for|get|buy)\b|"
            r"\bconsider(?:ing)?\b|\b(?:choices|options|alternatives|candidates|brands|contenders|players|"
            r"names)\b[\w ]{0,40}(?:include|are|:|：|like|such as)|"
            r"\b(?:two|three|four|five|several|some|few|other|many) (?:\w+ ){0,2}(?:options|alternatives|choices|"
            r"candidates)\b|\balternatives?\b|"
            r"可以?(?:适当|酌情|顺便|再|也)?(?:考虑|选择?|看看|看|试试|尝试|关注|了解|参考|留意|对比看看)(?!到|"
            r"[。！；]|$)|"
            r"不妨(?:考虑|试试|看看|选择?|了解|关注)?|备选|次选|"
            r"(?:知名|常见|有名|主流|热门|口碑[较好不错]{1,2}|靠谱|代表|好评)的?[^，。有是如]{0,6}?(?:品牌|店|"
            r"公司|门店|商家|"
            r"选择|机构|产品|厂商)?(?:主要)?(?:有|包括|如|是)|"
            r"选择有|\b(?:well[- ]known|well[- ]regarded|well[- ]reviewed|popular|reputable|trusted|established|"
            r"notable|common|other|local) "
            r"[\w' -]{1,40}? (?:are|include|is|would be)\b|"
            r"可选(?:的)?(?:品牌|方案|项|择)?(?:有|包括)|候选(?:品牌)?"
        ),
    ),
    (
        Says.OFFERS,
        BEHIND,
        _cue(
            r"\b(?:is|are|be|as|also|remains?) (?:(?:an?|the|one|another|also|two|both|all|possible|viable|"
            r"popular|common|other) ){0,3}"
            r"(?:options?|alternatives?|possibilit(?:y|ies)|candidates?|choices|contenders?|runner-up)\b|"
            r"\b(?:could|might|may)(?: also)? (?:work|suit|fit|be (?:a|an|worth))|\bwill do\b|不错的(?:选择|选项)|"
            r"也?(?:可以|可|值得)(?:一试|考虑|看看|试试|选择?|关注|作为备选)|也(?:行|可以|不错|还行|不差|不赖)|备选|"
            r""
            # 适合自己的: what suits the reader is no brand
            r"(?<!不)(?<!不太)适合(?![自您你]|自身)|\bsuits?\b|\b(?:is|are) (?:well )?suited\b|\bis for\b"
        ),
    ),
    (
        Says.APPROVES,
        BEHIND,
        _cue(
            r"(?:\bnot|n't)(?: too| so| at all| half)? bad\b|[还挺很都较真](?:不错|行|可以(?!看)|好用)|不错|"
            r"(?<!不)不差|还行|尚可"
        ),
    ),
    (
        Says.RECOMMENDS,
        EITHER,
        _cue(
            r"(?:特别|重点|优先|更|最|很|非常|比较|诚意|值得|同样|都|也|个人|一致|主要)推荐|值得(?:推荐|入手|"
            r"购买|去|一去|试试|一试|体验|尝试|"
            r"信赖|信任|拥有|选择?|买|优先考虑)|"
            r"优先(?:考虑|选择?|看|了解|关注)|重点(?:了解|关注|考虑|考察|看)|可以放心(?:选择?|买|入)?|"
            r"放心(?:选择?|买|入)|性价比之[王选]|更(?:值得|优|合适|稳妥)|好选择|"
            r"\b(?:safe|solid|decent|reasonable|viable|great|good|excellent|strong|smart|fine|reliable|"
            r"wonderful|fantastic|nice|sensible|"
            r"popular|better|right|worthy|favou?rite)"
            r"(?:,? \w+)? (?:choices?|options?|picks?|bets?|buys?|alternatives?|fit)\b|\bworth (?:buying|it|"
            r"the (?:money|price)|every penny)\b|"
            r"\brecommend(?:ed|ing|ation)?\b(?! (?:that|checking|you (?:check|compare|read|consult|look)))|"
            r"\b(?:safer|smarter|wiser|stronger|easier|sounder) (?:choice|option|pick|bet|buy|alternative)\b|"
            r"\b(?:is|are|comes?|came|ranks?|ranked|takes?|sits?|finish(?:es|ed)?|placed?) (?:in )?(?:first|"
            r"second|third|1st|2nd|3rd|top|number one)"
            r"(?: place| spot)?\b(?! (?:pick|choice|time|glance|generation))|\bsettles? it for\b|"
            r"\bbest (?:for |of )?[\w' -]{2,30}:\s*(?=(?:the )?\ue000)|\b(?:the|my|"
            r"our) answer is(?: \w+)?:?\s*(?=(?:the )?\ue000)|"
            r"(?:最后|最终|结果|还是)(?:选|买|定|入手?)了|(?<=\ue000)[^，。\ue000]{0,6}(?:就行|就够了|"
            r"就对了)(?![的吗])|准没错|错不了|没跑了|"
            r"\b(?:does|do) everything [\w ]{1,24} and more\b|"
            r"\bmust-have\b|\bruns? a close second\b|\brunner-up\b"
        ),
    ),
    (
        Says.RECOMMENDS,
        BEFORE,
        _cue(
            rf"推荐(?!理由|指数|人群|语|官|系统|算法|位|标准|结果|榜)(?:您|你|大家)?(?:考虑|选择|选购|购买|关注|"
            rf"了解|尝试|使用|以下)?|建议(?:您|你|大家|直接)?(?:优先)?(?:考虑|选择?|购买|入手|关注|了解|试试)|"
            rf"(?:直接|就|闭眼|果断|不如|还是)[选买入上冲](?!购|择时)择?|(?:^|[:：→，,\s]|(?<=充足|有限|不足|不够|"
            rf"充裕|紧张|允许|的话)(?:就|可)?)(?:选择?|入手)(?!购|时|"
            rf"择)(?!{_NAME}[^，。]{{0,8}}?(?:要|需|时|前|应|得|务必|一定|记得|[，,]?意味))|其次是?|第二(?:名|"
            rf"选择)(?:是)?|第[二三四五](?:名|位)?的?(?:是|为)|"
            rf"(?:出色|优秀|不错|较好|好用|靠谱|突出|值得一提|值得关注|有代表性|口碑好|实力强|做得好|性价比高|"
            rf"领先)的[^，。有是]{{0,6}}?(?:主要)?(?:有|是|包括|如|当属)|"
            rf"\b(?:second|third|fourth|fifth|2nd|3rd|4th|5th) place(?: goes to| is|:)|"
            rf"(?:^|[,;:]\s*|\bthen )(?:fill up|shop|stay|eat|order|book|head|go|switch|move) (?:at|from|with|to|in)\b|"
            r"\b(?:choose|opt for|pick|buy|get|try|start with|turn to|look at|look for|check out|stick with|"
            r"suggest|i like)\b|"
            r"\btop \d{1,2}\b|\b(?:top|best|leading|recommended|favou?rite) (?:\w+ )?(?:brands|picks|choices|"
            r"options|products|names|models|companies|tools)\b"
        ),
    ),
    (
        Says.PRAISES,
        BEHIND,
        _cue(
            r"\b(?:is|are|has|have|offers?|with|delivers?|makes?|provides?|one of)(?: \w+)? (?:the|"
            r"our) (?:(?:single|very) )?(?:best|finest|most (?!popular|widely|common|famous|well-known|searched|"
            r"expensive|recent)\w+)\b(?!-| known| selling)|"
            r"性价比(?:最高|拉满|无敌)|"
            r"\b(?:is|are) best\b(?! known)|\bbest[- ]in[- ]class\b|\bstands? out\b|\bexcels?\b|"
            r"(?<!号称)(?<!自称)(?<!宣称)(?<!据称)(?<!做出)(?<!作出)最(?:好|佳|强|优|棒|稳|出色|优秀|全面|舒适|"
            r"舒服|安静|实用|耐用|靠谱|省心|省事|顺手|好用|好吃|好喝|地道|稳妥|合算|划算|合适|均衡|突出|齐全|"
            r"丰富|轻薄|流畅|"
            r"(?<!规模)(?<!份额)(?<!体量)(?<!销量)(?<!产能)大(?!的|规模|[^，。]{0,6}(?:公司|品牌|厂商|企业|车企|"
            r"集团|之一)))"
        ),
    ),
    (
        Says.COMPARES,
        EITHER,
        _cue(
            r"(?:一般|通常|经常|往往|多数人|主要|常常?|大多|多)会?(?:拿来|在)?(?:比较|对比|考虑|纠结)|"
            r"\b(?:usually|often|typically|commonly) (?:compare|weigh|consider|choose between|look at)\w*|"
            r"\b(?:choice|choose|decid\w+|torn) (?:is )?between\b"
        ),
    ),
)


def _of_script(pattern: re.Pattern[str], *, han: bool) -> re.Pattern[str] | None:
    """The alternatives of a pattern that have Han in them, or the others: each is tried where its words stand."""
    chosen = [part for part in alternatives(pattern.pattern) if any(map(is_han, part)) == han]
    return re.compile("|".join(chosen)) if chosen else None


_BY_SCRIPT = tuple(
    (says, side, of_script)
    for says, side, pattern in _CUES
    for han in (True, False)
    if (of_script := _of_script(pattern, han=han)) is not None
)
_GATE = Gate([pattern for _, _, pattern in _BY_SCRIPT])


@dataclass(frozen=True, slots=True)
class Cue:
    """What a cue says of a brand that stands on this side of it, and where it stands in its sentence."""

    says: Says
    side: str
    start: int
    end: int


def find_cues(text: str) -> tuple[Cue, ...]:
    """The cues of a sentence in order; none overlaps another."""
    small = text.lower()
    may = _GATE.possible(small)
    if not may:
        return ()
    found: list[Cue] = []
    taken = bytearray(len(text))
    folded = small if len(small) == len(text) else text
    for number, (says, side, pattern) in enumerate(_BY_SCRIPT):
        if not may >> number & 1:
            continue
        for match in pattern.finditer(folded):
            start, end = match.span()
            if start < end and not any(taken[start:end]):
                taken[start:end] = b"\x01" * (end - start)
                if side != NOWHERE:
                    found.append(Cue(says, side, start, end))
    return tuple(sorted(found, key=lambda cue: cue.start))
