"""Senses: names that are also ordinary words, and what the words beside them say of which one is meant.

苹果 is a fruit in 多吃苹果 and a maker in 苹果手机; "Target users" are no shop. Read are folded texts only, and the
lists are our own. Where the neighbours say nothing, nothing is said here: who asks decides what that means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Sense(StrEnum):
    """BRAND: a product or the like follows. WORD: it is the ordinary word. OPEN: a capital that every first word of a
    sentence has, or a neighbour that either may have. NOTHING: the neighbours say nothing."""

    BRAND = "brand"
    WORD = "word"
    OPEN = "open"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Homograph:
    """What gives away each sense of one name. ``before`` ends at the name, ``after`` begins behind it.

    ``product`` behind it makes it the brand; ``leaning`` behind it may be either; ``topic`` within some forty
    characters is what texts about the ordinary word speak of, and ``trade`` what texts about the brand do.
    """

    before: re.Pattern[str] | None = None
    after: re.Pattern[str] | None = None
    product: re.Pattern[str] | None = None
    leaning: re.Pattern[str] | None = None
    topic: re.Pattern[str] | None = None
    trade: re.Pattern[str] | None = None


def _before(pattern: str) -> re.Pattern[str] | None:
    return re.compile(rf"(?:{pattern})$") if pattern else None


def _after(pattern: str) -> re.Pattern[str] | None:
    return re.compile(rf"(?:{pattern})") if pattern else None


#: a model: Latin letters, or a number that counts nothing
_MODEL = (
    r"(?!vs|and|or|of|kg|km|g(?![a-z])|app(?![a-z]))[a-z]|"
    r"\d{1,4}(?:pro|max|ultra|plus|mini|air|se|[a-z](?![a-z])|系列|代|英?寸|手机|以|搭载|采用|支持|[、,。)/（(\s]|$)"
)
_DEVICES = (
    "手机|手环|手表|平板|电脑|笔记本|汽车|空调|冰箱|洗衣机|热水器|油烟机|烟机|灶具|燃气灶|电器|电视|耳机|音箱|音响|"
    "路由器|充电|电饭煲|净化器|净水器|洗碗机|微波炉|扫地|智能|生态链|商城|之家|门店|专卖店|官网|官方|旗舰|集团|"
    "公司|科技|"
    "系统|账号|芯片|显示器|显示屏|家电|厨电|厨房|小家电|旗下|投影|摄像|门锁|发布会|创始人|总裁|董事长|售后|有品|"
    "投资|概念股"
)
_TRADE = re.compile(
    "品牌|手机|手表|电脑|平板|耳机|汽车|电器|家电|电饭煲|智能|型号|系列|旗舰|官网|门店|厂商|车型|续航|芯片|系统|"
    "生态|参数|发布"
)
_FRUIT = "香蕉|梨|橙|橘|柑|桃|葡萄|草莓|蓝莓|猕猴桃|西瓜|火龙果|芒果|樱桃|柚|番茄|西红柿|胡萝卜|黄瓜|菠萝|木瓜|牛油果"
_GRAIN = "燕麦|糙米|玉米|红豆|绿豆|薏米|薏仁|藜麦|黑米|高粱|小麦|大米|红枣|南瓜|杂粮|红薯|山药|荞麦|百合|花生|黄豆"
_AND = r"[、,，和与及或/]|以及|还有"
_SOME = r"[一二两三四五六七八九十几半每\d]"


def _han(
    *, before: str = "", after: str = "", leaning: str = "", topic: str = "", product: str | None = None
) -> Homograph:
    return Homograph(
        _before(before),
        _after(after),
        _after(rf"{_MODEL}|{_DEVICES if product is None else product}"),
        _after(leaning),
        re.compile(topic) if topic else None,
        _TRADE,
    )


_HAN = {
    "苹果": _han(
        before=rf"吃|啃|削|榨|摘|蒸|烤|青|红|烂|鲜|脆|{_SOME}(?:个|颗|斤|片|块|箱|只)|(?:{_FRUIT})(?:{_AND})",
        after=rf"(?:{_AND})?(?:{_FRUIT})|等?水果|果|核|皮|泥|丁|脆|种植|采摘|削|富含|含有|中的(?:果胶|维|膳食)|片(?!段)|块",
        topic="水果|果胶|膳食纤维|榨汁|果蔬|香蕉|鸡胸肉|果园|果农|维生素c",
    ),
    "小米": _han(
        before=rf"吃|喝|煮|熬|泡|淘|黄|{_SOME}(?:克|斤|碗|把|两|勺|杯|g|kg)|(?:{_GRAIN})(?:{_AND})",
        after=rf"(?:{_AND})?(?:{_GRAIN})|粥|饭|汤|糊|糕|酒|锅巴|辣|椒|面(?![向对临板积世市])|等?(?:杂|粗)粮",
        topic="杂粮|粗粮|五谷|谷物|养胃|糙米|藜麦|薏米|膳食纤维|胃肠",
    ),
    "理想": _han(
        before="最|很|较|更|太|够|非常|十分|相当|远大|崇高|追求|实现|人生|职业|心目中|想象中|越来越",
        after="(?:的|之)?(?:选择|状态|情况|方案|效果|搭档|伴侣|选|解决|目标|条件|场所|地方|地点|去处|位置|时间|时机|价格|价位|"
        "范围|温度|结果|人选|对象|身材|体重|生活|职业|工作|办法|方式|工具|材料|答案|居所|家园|平台|品牌|产品|合作|"
        "环境)|"
        "主义|化|型|中的|地|模型|气体|国|很|车型|车辆|空间|家园|信念|抱负|与现实|和现实|是丰满",
        leaning="的",
        product="汽车|one(?![a-z])|同学|车主|增程|超充|门店|零售中心|官网|旗下|智驾|纯电|智能",
    ),
    "大众": _han(
        before="社会|普通|广大|面向|适合|对|被|为|受|向|贴近|走进|深入|普罗|面对|符合|满足|吸引|迎合|针对|服务|让",
        after="的?(?:口味|审美|需求|消费|市场|认知|喜爱|欢迎|视野|印象|价位|预算|眼光|生活|健康|运动|传播|传媒|媒体|文化|"
        "娱乐|群体|用户|人群|出行|心理|接受|选择|评价|口碑|脸|旅游|健身|餐饮|美食|产品|品牌|级|价格|日常|护肤|认可|"
        "家庭|首选|体质|主流|读者|游客|智慧)|"
        "化|款|知名|普遍|都|所|熟",
        leaning="的",
        product="汽车|途观|帕萨特|迈腾|速腾|朗逸|高尔夫|探岳|揽|宝来|凌渡|途昂|途岳|集团|旗下|系|安徽|中国|4s|车主|甲壳虫",
    ),
    "三星": _han(
        before=r"米其林|准|挂牌|[一二四五]星(?:[、,至到\-/]|级[、,至到]?)?",
        after=r"级|酒店|宾馆|饭店|堆|餐厅|以上|好评|半(?!导)|[、,，至到\-~/]?[四五二]星",
    ),
    "荣耀": _han(
        before="王者|无上|至高|巅峰|民族|国家|集体|家族|过往|最高|一份|这份|种|赢得|带来|无限|昔日",
        after="版|时刻|感|之战|之路|之巅|称号|勋章|王者|加冕|归于|殿堂|榜|墙|与(?:梦想|使命|责任)|和(?:梦想|使命|责任)",
    ),
    "美的": _han(
        before="最|很|更|太|极",
        after="享受|感受|事物|风景|景色|时光|瞬间|东西|画面|追求|姑娘|人(?!工)|体验感",
    ),
    "长城": _han(
        before="万里|八达岭|慕田峪|居庸关|司马台|金山岭|嘉峪关|古北水镇|爬|登上|游览|参观|攀登|钢铁|和故宫|故宫[、,和]",
        after="脚下|内外|景区|遗址|一日游|旅游|徒步|烽火台|故宫|、故宫|精神",
        leaning="上",
        topic="八达岭|故宫|景点|游客|旅游|徒步|烽火台",
        product="汽车|炮|旗下|皮卡|魏牌|哈弗|坦克|润滑油|葡萄酒|干红|集团|公司|欧拉",
    ),
    "联想": _han(
        before="让人|使人|令人|容易|不禁|引发|产生|引起|浮想|自由|丰富的|词语|产生的",
        after="到|起|一下|能力|记忆|空间(?!站)|丰富|词|输入|翩翩|法|测试",
    ),
    "老板": _han(
        before="找|问|女|包工头|店|小|前|当|个|位|[这那]家|各位|众多",
        after="娘|们|说|人(?!性)|态度|亲自|本人|自己|你|您",
        leaning="很|会|是|也|都|不|在|给|跟|推荐|介绍|手艺|比较|服务|电话|的",
        product="电器|油烟机|烟机|灶|蒸烤|洗碗机|厨电|厨房|集成|净水|燃气|热水器|牌",
    ),
    "清扬": _han(after="婉兮|婉", product="洗发|男士|去屑|控油|头皮|护发"),
    "得力": _han(
        after="于|助手|干将|的?(?:助手|帮手|工具|伙伴)", before="不", product="文具|集团|打印|办公|工具箱|中性笔"
    ),
    "自如": _han(
        before="运用|收放|应对|操作|切换|驾驶|行动|进退|伸缩|挥洒",
        after="地|应对|切换",
        product="公寓|租房|友家|整租|合租|app",
    ),
    "光明": _han(
        before="前途|一片|带来|走向|重见|追求",
        after="的|前景|未来|前途|正大|磊落",
        product="乳业|牛奶|酸奶|鲜奶|优倍|冷饮",
    ),
    "贝壳": _han(before=r"个|枚|片|捡|海", after="类|粉|画|饰品|里", product="找房|平台|新房|租房|app|网"),
    "豆包": _han(before="吃|蒸|粘|黏|红|个|黄米", after="子|馅", product="app|ai|大模型|模型|助手|电脑版"),
    "石头": _han(before="块|颗|大|小|捡|搬", after="子|剪刀|纸", product="科技|扫地|洗地|自清洁|[a-z]"),
    "公牛": _han(before="头|只|芝加哥", after="队|血|市场", product="插座|开关|插排|排插|集团|充电"),
    "平安": _han(
        before="祝|祈|保|报|一路|出入|岁岁",
        after="到家|无事|健康|喜乐|夜|符|归来|果",
        product="保险|银行|集团|健康险|好医生|车险|寿险|普惠|证券",
    ),
    "阳光": _han(
        before="灿烂的|晒|受|见|缺少|充足的|有",
        after="充足|明媚|下|照|房|灿烂|直射|普照|板|透|男孩",
        product="保险|电源|车险|财险|人寿",
    ),
    "红旗": _han(before="面|举起|流动|五星", after="飘|手|渠|招展", product="h|汽车|轿车|hs|国悦|旗下"),
    "坦克": _han(before="辆|主战|玩|架", after="大战|世界|兵|手", product=r"\d{3}|suv|品牌"),
    "银河": _han(after="系(?!列)|护卫|之外|外星|般", product="[a-z]|证券|系列|e8|l7"),
    "深蓝": _han(after="色|的", product="汽车|s|g|l|sl|旗下"),
    "松鼠": _han(before="只|小|像", product="ai|app"),
    "完美": _han(
        before="很|更|太|不|最|近乎|接近|追求|十分|非常|比较|堪称|都",
        after="的|地|适|匹配|契合|融|解决|体验|选择|搭|替代|平衡|收官|呈现|结合|主义|符合|贴合|诠释|支持|无|避|还原",
        product="日记|中国|世界",
    ),
}

_WEEKDAY_PART = (
    "morning|afternoon|evening|night|noon|is|was|will|through|thru|to|and|or|at|we|i|you|blues|january|february|"
    "march|april|"
    "may|june|july|august|september|october|november|december"
)
_ENGLISH_WORDS: dict[str, tuple[str, str, str]] = {
    # the name: what stands before the ordinary word, what stands after it, what texts about it speak of
    "amazon": (
        "brazilian|peruvian|upper|lower|lungs of the",
        "river|rainforest|rain forest|basin|jungle|forest|delta|tributar|region|biome|deforestation|tribe|wildlife",
        r"rainforest|deforestation|jungle|tributar",
    ),
    "apple": (
        "eat|eating|ate|green|fresh|sliced|baked|raw|dried|chopped|caramel|granny smith|fuji|gala|honeycrisp",
        "pie|juice|cider|sauce|tree|orchard|slice|core|crisp|butter|vinegar|fritter|turnover|picking|blossom|"
        "crumble|cake|tart|"
        "seed|peel|skin|strudel|cobbler|a day",
        r"\b(?:bananas?|pears?|grapes|berries|orchards?|cinnamon|oatmeal|fiber|fibre|fruits?)\b",
    ),
    "arc": (
        "story|character|narrative|electric|plasma|dramatic",
        "of|length|weld|lamp|flash|reactor|fault|minute|second|tangent",
        r"\bweld",
    ),
    "boss": ("my|your|the|a|her|his|their", "fight|battle|level", ""),
    "brave": ("", "enough|new world|the|face", ""),
    "calm": ("", "down|and|your|the|mind|environment|colors?", ""),
    "chase": ("", "the|down|after|your|away", ""),
    "close": ("", "the|your|all|to|by|up|attention|proximity|second|behind|friends?|look|call", ""),
    "copilot": ("", "seat", ""),
    "discover": ("", "how|the|new|what|your|why|more|if|which|hidden|a|our", ""),
    "edge": ("cutting|leading|the|competitive|extra|outer", "of|over|cases?|computing", ""),
    "express": ("", "your|shipping|delivery|lanes?|yourself|checkout|train", ""),
    "focus": ("main|your|key|primary", "on|groups?|areas?|your|:", ""),
    "ford": ("", "the|a", ""),
    "fossil": ("", "fuels?|records?", ""),
    "gap": (
        "skills?|gender|pay|performance|price|wage|knowledge|market|big|huge|small|wide|narrow|coverage|funding",
        "between|in|of|year|analysis|insurance|filler|exists|remains|coverage",
        "",
    ),
    "jaguar": ("", "cub|habitat|population", r"\brainforest|\bprey\b|\bhabitat"),
    "linear": ("", "regression|algebra|equation|model|motor|scale|progression|feet", ""),
    "mars": ("", "rover|mission|orbit|colony|landing", r"\bplanet"),
    "match": ("perfect|best|right|good", "your|the|with|up|made|day|point|any|ball", ""),
    "medium": ("", "size|sized|heat|roast|term|firm|firmness|duty|to|level|range|and|or|soft|:|,", ""),
    "mercury": ("", "levels?|poisoning|retrograde|thermometer|content", r"\bfish\b|\bplanet"),
    "meta": (
        "",
        "tags?|descriptions?|titles?|data|keywords?|analys[ei]s|robots|information|fields?|elements?|attributes?|"
        "box|boxes|"
        "question|learning|prompt",
        "",
    ),
    "mini": ("", "fridge|split|golf|bar|pc|version|led", ""),
    "mint": ("", "condition|leaves|tea|flavou?r|green|chocolate|chip|extract|sauce", ""),
    "monday": (
        "on|next|last|every|by|this|until|till|since|each|from|before|after|cyber|easter|late|early|following|of|"
        "starting",
        _WEEKDAY_PART,
        r"\b(?:tues|wednes|thurs|fri|satur|sun)day\b",
    ),
    "next": ("", "step|up|day|to|time|is|you|week|month|year|level|generation|gen|we|comes?|,", ""),
    "nothing": (
        "",
        "beats|is|but|more|else|compares|wrong|in|can|about|to|too|fancy|on|comes|special|less|matches|was|will|"
        "would|like|here|"
        "has|the|quite|really|says|short|against|happens|you|i|we|could|does|that",
        "",
    ),
    "notion": ("the|a|this|that|any|vague|common|whole|popular", "that|of", ""),
    "oracle": ("", "of|bone", ""),
    "orange": (
        "blood|navel|bright|burnt|mandarin|dark|neon|safety|agent|deep|an",
        "juice|peel|zest|slices?|blossom|county|light|colou?r|trees?|soda|chicken|flavou?r|marmalade|and",
        r"\b(?:bananas?|lemons?|citrus|grapefruits?|fruits?|peel|vitamin c)\b",
    ),
    "pages": ("", "per|of|:|\\d", ""),
    "quest": ("", "for|to", ""),
    "reach": ("", "out|for|the|your|a|of|more", ""),
    "ring": ("", "size|tone|light|finger|road|the", ""),
    "shell": (
        "outer|hard|soft|inner|sea|nut|egg|unix|linux|command|secure|power|waterproof|polycarbonate|abs|bash|z",
        "scripts?|commands?|compan(?:y|ies)|access|prompt|jackets?|layers?|materials?|fabric|midsole|is made|"
        "corporations?",
        r"\b(?:bash|zsh|terminal|linux|unix)\b",
    ),
    "signal": ("traffic|strong|weak|clear|wi-?fi|cell", "strength|processing|to|quality|loss|path|noise", ""),
    "slack": ("some|cut|no|more|enough|pick up the", "time|off|in the|tide|water|variable", ""),
    "sprint": ("", "planning|review|backlog|retrospective|intervals?|goals?", ""),
    "square": (
        "times|town|union|red|trafalgar|the",
        "feet|foot|meters?|metres?|inch|inches|root|miles?|footage|neck|shape",
        "",
    ),
    "subway": ("", "station|line|map|train|stop|ride|tile", r"\bmetro\b|\btrain"),
    "target": (
        "sales|revenue|price|key|primary|main|ideal|clear|specific",
        "users?|audiences?|customers?|markets?|groups?|prices?|dates?|areas?|languages?|demographics?|segments?|"
        "keywords?|"
        "temperatures?|heart rate|weight|goals?|zones?|roas|cpa|compan(?:y|ies)|organi[sz]ations?|personas?|pages?|"
        "numbers?|muscles?|"
        "budgets?|platforms?|url|accounts?|values?|returns?|specific|is to|the|your|a|those|these|high|low|long|"
        "buyers?|readers?",
        "",
    ),
    "threads": ("", "per inch|of|count", ""),
    "time": ("", "to|is|of|for|management|frame|zones?|saving|spent|limits?|:|\\d|required|commitment", ""),
    "toast": ("", "with|the|bread|and", ""),
    "visa": (
        "travel|tourist|student|work|entry|transit|business|schengen|e|h-?1b|f-?1|immigrant|nomad|valid|for a|"
        "need a|apply for a",
        "applications?|requirements?|fees?|on arrival|process|processing|interviews?|sponsorships?|holders?|"
        "waivers?|status|"
        "categor(?:y|ies)|stamps?|extensions?|polic(?:y|ies)|runs?|types?|is (?:required|needed|valid|issued|"
        "granted)|free",
        r"\b(?:passports?|embass(?:y|ies)|consulates?|schengen|immigration)\b",
    ),
    "wave": ("", "of|after", ""),
    "word": ("", "of|for|count|by|to|games?", ""),
}
#: what a thing of the maker is called behind its name, in small letters
_PRODUCT = re.compile(
    r" (?:devices?|products?|ecosystem|stores?|apps?|browser|workspaces?|cards?|phones?|laptops?|headsets?|debit|"
    r"credit|"
    r"gift|tablets?|shop|inc|corp|llc|ltd|co)(?![a-z])| ?[a-z]{1,6}\d"
)
#: products in small letters that only one maker has
_ENGLISH_PRODUCTS = {"amazon": "eero", "discover": "it(?:®| (?:miles|cash|card|chrome|student|secured|balance))"}
_ENGLISH_TRADE = re.compile(
    r"\b(?:brands?|compan(?:y|ies)|retailers?|stores?|apps?|devices?|phones?|software|ship(?:s|ping)|sells?|"
    r"deliver|prime|carrier|laptops?|cards?|iphone|"
    r"products?|sellers?|reviews?|buy|price|\$)"
)
_ENGLISH = {
    name: Homograph(
        _before(rf"(?<![a-z])(?:{before})[ \-]" if before else ""),
        _after(rf"[ \-]?(?:{after})(?![a-z])"),
        _after(rf" (?:{_ENGLISH_PRODUCTS[name]})") if name in _ENGLISH_PRODUCTS else None,
        topic=re.compile(topic) if topic else None,
        trade=_ENGLISH_TRADE,
    )
    for name, (before, after, topic) in _ENGLISH_WORDS.items()
}

#: English words that are also brands: with a capital in the name, they count only when the text has one too
CAPITALISED = frozenset(
    re.findall(
        r"\w+",
        "amazon apple arc axe bench bird bolt boss box brave calm canvas chase close copilot crest dash "
        "discover dove edge express focus ford fossil gap glide grammar gusto harvest hinge jaguar linear "
        "lyft mars match medium mercury meta mini mint monday mustang next nothing notion orange oracle otter "
        "pages patagonia perplexity puma quest reach ring rode sage shell signal slack sprint square stripe "
        "subway target threads tide time toast uber vans visa wave wish word wrangler zoom",
    )
)
#: of these no other thing is known that a text would begin a sentence with
_ONLY_BRANDS = frozenset(
    ("gusto", "lyft", "patagonia", "perplexity", "puma", "uber", "vans", "wrangler", "zoom", "copilot")
)

#: a capital after the end of a sentence, a heading's or bullet's mark, or at the very beginning, is what any word has
_BEGINS = re.compile(r"(?:^|[\n.!?:;|*#>)。！？：；•·●▪◦–\-]|[\u2600-\u27bf\U0001f000-\U0001faff])[\s\"'\[*_]*$")
#: an ordinary noun in the singular would want an article before such a word
_PREDICATE = re.compile(
    r" (?:also |still |now |recently |currently |generally |typically |usually |often |already |really |just |"
    r"even |only )?"
    r"(?:is|was|has|had|does|did|isn't|hasn't|doesn't|can|can't|cannot|could|will|won't|would|should|may|might|must|"
    r"offers?|provides|makes|made|sells|gives|lets|allows|supports|uses|works|remains|stands|leads|comes|includes|"
    r"integrates|announced|launched|released|introduced|bought|acquired|owns|ships|charges|accepts|delivers|excels|"
    r"shines|"
    r"wins|matches|covers|costs|requires|runs|takes|feels|keeps|tends|seems|looks|fits|suits|started|began|became|"
    r"recently|vs|versus|"
    r"for|from|by|with)(?![a-z])"
)
#: the next word, unless it is the speaker; with a capital it may be a product's name
_NEXT_WORD = re.compile(" (?!i(?![a-z]))[a-z]")
_JOINED_NAME = re.compile(r" (?:and|or|&|vs\.?|versus) ")

#: names with another sense that is known here
KNOWN = frozenset((*_HAN, *CAPITALISED))


def sense(name: str, before: str, after: str, capitals: tuple[bool, ...] = ()) -> Sense:
    """Which sense the neighbours of ``name`` tell, of the folded text before and after it.

    ``capitals``: for the first words behind it, whether each has a capital in the text; none for a Han name.
    """
    known = _HAN.get(name)
    if known:
        if known.product and known.product.match(after):
            return Sense.BRAND
        if (known.after and known.after.match(after)) or (known.before and known.before.search(before)):
            return Sense.WORD
        return Sense.OPEN if known.leaning and known.leaning.match(after) else Sense.NOTHING
    known = _ENGLISH.get(name)
    if known and known.after and known.after.match(after):
        return Sense.WORD
    if known and known.product and known.product.match(after):
        return Sense.BRAND
    if _PRODUCT.match(after) or (capitals[:1] == (True,) and _NEXT_WORD.match(after)):
        return Sense.BRAND
    if known and known.before and known.before.search(before):
        return Sense.WORD
    if name in _ONLY_BRANDS or not _BEGINS.search(before) or not re.match(" [a-z]", after):
        return Sense.NOTHING
    told = capitals[1:2] == (True,) if _JOINED_NAME.match(after) else _PREDICATE.match(after)
    return Sense.NOTHING if told else Sense.OPEN


def speaks_of_the_word(name: str, around: str) -> bool:
    """Whether the text around ``name`` is about the ordinary word, and not about what the brand sells."""
    known = _HAN.get(name) or _ENGLISH.get(name)
    return bool(known and known.topic and known.topic.search(around) and known.trade and not known.trade.search(around))
