"""Ordinary words: what heads and labels are made of when they name no brand.

A head in which every word is ordinary (售后服务, Battery Life, 深圳本地改装店) is a property, a section, a kind of shop
or a place. One that holds something else (深圳卡妙思动力科技) is a name. Other lists hold how sentences begin, how
properties end, and where opinions are read. All lists are our own, grouped by what the words are about: a word that
made a wrong candidate joins the group it belongs to, unless a well-known brand is made of it.

English words stand in small letters and in the singular; the parts of a word with a hyphen are words of their own.
"""

from __future__ import annotations

import re

from brandq.analysis.brands import folded

_ENGLISH_GROUPS = {
    "small words": """
        a about after all also although always an and any are as at back be because been before being below between
        both but by can cannot could did do does don't each either else even ever every everyone everything few for
        from get had has have here how i if in into is isn't it it's its just less let like lot make many may maybe me
        might more most much must my need never no none nor not nothing now of off on once one only or other our out
        over own per please rather really right same several shall should since so some something still such than that
        that's the their them then there these they thing this those though through to too under until up upon us very
        via vs was we well were what what's whatever when where whether which while who who's whom whose why will with
        within without worth would yes yet you you'll you're your yours two three four five six seven eight nine ten
        first second third fourth fifth last another across around along among despite during toward towards versus
        again already almost especially mainly mostly often usually sometimes away down together i.e e.g etc
    """,
    "headings": """
        summary conclusion conclusions overview introduction intro background recap takeaway takeaways verdict final
        thought thoughts note notes tip tips advice faq faqs q&a question answer disclaimer update updated additional
        additionally resource source reference link more info information detail details description explanation
        explained breakdown comparison compare compared comparing chart table list listing guide guideline checklist
        quick short shortlist full complete review rating rated score ranking ranked rank criteria consideration
        considerations consider factor factors key feature features highlight highlights spec specs specification
        specifications benefit benefits advantage advantages disadvantage disadvantages pro pros con cons strength
        strengths weakness weaknesses drawback drawbacks downside downsides limitation limitations upside perk perks
        bonus extra extras plus minus caveat caveats warning important reminder step steps stage phase part section
        chapter category categories type types kind kinds class tier tiers level group topic example examples sample
        scenario scenarios case cases use uses user users usage based basis need needs want wants recommendation
        recommendations recommended recommend suggestion suggestions suggested alternative alternatives option options
        choice choices pick picks selection selections selected favorite favorites favourite favourites mention
        mentions honorable honourable notable popular runner runners winner winners contender contenders contestant
        budget premium value overall mid-range mid midrange high low entry top best better good great excellent
        outstanding ideal perfect suitable decent solid right wrong worst bad okay fine nice awesome amazing rocks
        rock stand stands standout love loves loved choose choosing chosen buy buying bought purchase purchasing look
        looking find finding found know known think thinking decide decision avoid skip beware try trying test tested
        testing read reading learn see watch watching check contact visit call ask asking get getting start starting
        started next finally lastly meanwhile however instead bottom line point points opinion personal question's
        winner's disclosure methodology scope objective goal goals purpose result results research survey context
        current currently today year years month months week weeks day days hour hours minute minutes second seconds
        date time times timeline new newest latest recent old older upcoming future past model models version versions
        variant variants edition editions series lines lineup product products item items brand brands name names
        company companies manufacturer manufacturers maker makers provider providers store stores shop shops retailer
        retailers seller sellers vendor vendors dealer dealers platform platforms site sites website websites webpage
        page pages online offline local nearby regional national international global domestic imported foreign
        country countries city cities area areas region regions location locations neighborhood neighbourhood district
        downtown address phone email chain chains franchise independent family-owned small large big medium huge tiny
        mini compact little long tall wide narrow thin thick slim
    """,
    "money": """
        price prices priced pricing cost costs costly cheap cheaper cheapest affordable affordability expensive
        inexpensive economical economy budget-friendly value-for-money money dollar dollars euro cash savings save
        saving deal deals discount discounts sale sales offer offers offering promo promotion promotional promotions
        coupon coupons fee fees charge charges rate rates apr annual monthly yearly weekly daily quarterly
        subscription subscriptions plan plans trial trials free freemium paid payment payments billing refund refunds
        return returns policy policies warranty warranties guarantee guarantees guaranteed insurance insured financing
        finance credit debit card cards reward rewards points mile miles cashback welcome sign-up signup intro
        introductory balance transfer transfers transaction transactions interest spend spending spender spenders
        earning earn earned redemption redeem tax taxes income investment fund funds loan loans mortgage average
        approximate approximately available availability unavailable listed varies vary range ranges starts from msrp
        retail total included include includes including eligibility eligible requirement requirements required limit
        limited unlimited
    """,
    "qualities": """
        quality build built durability durable reliability reliable reliably longevity lifespan lifetime robust sturdy
        rugged tough strong stronger strongest stability stable safety safe safer secure security privacy private
        comfort comfortable comfortably ergonomic ergonomics fit fits fitting size sizes sizing dimension dimensions
        weight weights lightweight light lighter heavy heavy-duty capacity capacities volume length width height depth
        portability portable travel-friendly foldable folding collapsible stackable adjustable adjustability flexible
        flexibility versatile versatility multifunctional multi-functional multipurpose multi-purpose all-in-one
        all-around customization customizable customized custom personalized personalization performance performing
        performer speed speeds fast faster fastest quick quicker quickly slow slower efficient efficiency effective
        effectiveness power powerful powered energy energy-efficient eco eco-friendly sustainable sustainability
        environment environmental environmentally green organic natural naturally healthy health healthier healthiest
        gentle soft softer smooth smoothly hard firm firmness plush quiet quieter quietest noise noiseless silent loud
        clean cleaning cleaner cleanable clear clarity bright brightness accurate accuracy precise precision simple
        simplicity simplified easy easier easily ease convenient convenience intuitive beginner beginners
        beginner-friendly user-friendly family-friendly kid-friendly pet-friendly friendly pro-grade professional
        professionals professional-grade grade commercial industrial advanced basic standard classic traditional
        modern contemporary stylish style styles styling elegant elegance sleek aesthetic aesthetics beautiful beauty
        look looks design designs designed designer appearance color colors colour colours finish texture pattern
        innovative innovation unique special specialty specialized exclusive luxury luxurious high-end high-quality
        high-performance upscale minimalist minimal cozy casual formal fun funny exciting engaging interactive
        immersive entertaining entertainment creative creativity artistic authentic original trusted trust reputable
        reputation popular popularity experienced experience experiences expertise expert experts knowledgeable
        skilled transparent transparency honest consistent consistency responsive responsiveness service services
        support customer customers client clients care maintenance repair repairs installation install setup set-up
        setting settings assembly delivery shipping scalable scalability compatible compatibility integration
        integrations integrated connectivity connection connections connected wireless wired bluetooth wi-fi wifi nfc
        usb usb-c hdmi lte 5g 4g network networks coverage signal roaming hotspot data talk text unlimited app apps
        application applications software hardware firmware operating system systems interface ui ux control controls
        controller remote voice assistant assistants smart ai automation automated automatic automatically manual
        manually semi digital analog electric electrical electronic electronics battery batteries life charging
        charger charge rechargeable corded cordless runtime usb-rechargeable adapter cable cables port ports hub
        button buttons touch touchscreen screen screens display displays panel panels resolution refresh hdr oled qled
        lcd led amoled ips 4k 8k uhd fhd qhd hd pixels viewing angle angles contrast picture image images imaging
        photo photos photography photographer photographers video videos camera cameras lens zoom night vision audio
        sound sounds bass treble music speaker speakers microphone mic calls noise-canceling noise-cancelling anc
        cancellation canceling cancelling isolation codec cpu gpu ram ssd hdd processor processors chip chipset core
        cores graphics graphic memory storage expandable cooling heat heated heating heat-resistant temperature
        thermal motor engine horsepower torque acceleration drive drivetrain driving handling suspension braking brake
        brakes mileage fuel range-extender charging-speed range motion tracking tracker sensor sensors monitoring
        monitor detection alert alerts gps heart water waterproof water-resistant waterproofing weatherproof weather
        resistance resistant windproof breathable breathability insulation insulated warmth warm cool dry dust
        dishwasher dishwasher-safe oven oven-safe microwave induction induction-compatible scratch scratch-resistant
        stain non-stick nonstick non-toxic nontoxic toxic bpa-free ptfe pfoa ceramic stainless steel aluminum
        aluminium titanium cast iron carbon fiber fibre plastic rubber leather wood wooden bamboo glass cotton wool
        polyester nylon fabric foam latex hybrid innerspring gel spring coil material materials construction frame
        base handle handles lid lids coating coatings layer layers surface body top side back neck strings grip
        cushioning cushion traction outsole midsole upper plate propulsion stack drop drainage pump tank filter
        filters filtration hepa suction brush brushes head heads attachment attachments accessory accessories mode
        modes preset presets program programs function functions functionality timer pressure amplitude percussion
        massage therapy nozzle blade blades basket baskets pitcher jar container cup cups bowl grinder frother steam
        brewing brew boiler espresso milk ingredient ingredients formula scent fragrance fragrance-free hydration
        hydrating moisturizing spf oil oil-free oil-control skin skincare dermatologist dermatologist-recommended
        sensitive acne hypoallergenic nutrition nutritional taste flavor flavors flavour flavours calories protein
        sugar gluten vegan scheduling reporting analytics workflow workflows collaboration template templates
        dashboard api pipeline pipelines crm erp seo email-marketing marketing advertising campaign campaigns lead
        leads content social media management manage manager project projects task tasks team teams productivity tool
        tools toolkit training onboarding learning curve education educational certification certifications certified
        license licensed licensing compliance legal regulatory ethics credential credentials accreditation ambiance
        ambience atmosphere vibe vibes menu cuisine food foods drink drinks dish dishes dining wine coffee tea
        location-based parking accessibility amenities amenity room rooms bed beds spa pool gym wheel wheels spinner
        zipper compartment compartments organization pocket pockets hood hooded packable storage-friendly space-saving
        space spacious spaciousness cargo seating seat seats interior exterior comfort-focused mechanism gameplay
        mechanic mechanics player players theme complexity replayability replay strategy duration difficulty age ages
        rating-based graphics-heavy frame-rate planning consulting consultation approach implementation
        delivery-focused process processes procedure community communication feedback testimonial testimonials
        portfolio turnaround quote quotes estimate estimates inclusive inclusivity diversity diverse variety
        wide-range extensive comprehensive thorough in-depth optional upgrade upgrades upgraded upgradable ready proof
        tech technology technologies technical dual triple single multiple multi quad built-in rating improved
        improvement enhanced optimized dedicated exceptional superior ultimate ultra super max maximum minimum lowest
        highest longest shortest largest biggest smallest lightest thinnest richest deep deeper deepest balanced
        versatile-use discreet discrete hidden visible subscription-free hands-free risk-free cruelty-free tax-free
        fee-free contract contract-free no-contract ad-free worry-free low-cost low-maintenance high-speed
        high-capacity high-heat high-resolution long-term long-lasting short-term full-size full-featured feature-rich
        feature-packed cost-effective cost-efficient cost-conscious budget-conscious health-conscious eco-conscious
        fashion-forward tech-savvy trendy chic bold vintage retro sporty active athletic outdoor outdoors indoor
        indoors home household kitchen bathroom bedroom living office work working workplace business businesses
        enterprise enterprises startup startups freelancer freelancers student students senior seniors kid kids child
        children baby babies adult adults teen teens family families man men men's woman women women's couple couples
        parent parents pet pets dog cat traveler travelers traveller travellers travel traveling commuter commuters
        commuting gamer gamers gaming game games creator creators runner's athlete athletes athlete's hiker hikers
        camper campers cyclist cyclists musician musicians chef chefs chef's cook cooks cooking baker bakers reader
        readers writer writers developer developers designer's engineer engineers enthusiast enthusiasts audiophile
        audiophiles homeowner homeowners renter renters apartment apartments house houses sleeper sleepers
        side-sleepers stomach someone people person audience audiences demographic target everyday day-to-day routine
        frequent occasional regular heavy-use weekend holiday summer winter fall autumn rain rainy snow cold hot crowd
        favorite favourite crowd-pleasing versatile-pick pleaser editor editor's choice's staff people's tier-one mass
        mainstream niche boutique indie age-appropriate safe-driving feature-wise rating-wise made usa american
        european german japanese italian chinese korean french mixed neutral positive negative overall-best trade-off
        trade-offs tradeoff compact-size lightweight-choice stylish-choice recommended-for highly pleasant painless
        noise-free clutter-free vegan-friendly protective protection protected protect reinforced seamless hassle
        hassle-free worry hands free limited-edition colorblock unisex supportive support-level unlimited-data
        reliable-coverage approval approved limited-time versatility-focused sharing share shared powerhouse
        all-rounder workhorse gem hidden-gem bang buck steal splurge worthy specific general generic typical common
        various different similar intended designed-for perfect-for warm-tone tone tones tonal sensitivity treatment
        prevention relief pain tissue muscle muscles recovery tension sleep sleeping back-pain hip hips spine lumbar
        posture accent accents minimal-look wear wearable wearing attractive appeal appealing gorgeous rewarding
        travel-rewards rotating categories category-bonus lounge access companion operation operations operate
        operated running run runs walk walking race racing racer marathon trail track road distance pace workout
        workouts exercise exercises fitness sport sports cycling swimming swim hiking climbing yoga stretch strength
        conditioning season seasonal caution terrain teflon tummy snapshot memorial detailed placement draining
        moisture continuous auto-restart restart competitive data-driven resident residents release releases
        noteworthy inch inches star party parties deduction cooperative team-based word bluffing
    """,
    "kinds of things": """
        laptop laptops computer computers pc pcs desktop desktops notebook notebooks tablet tablets smartphone
        smartphones phone phones smartwatch smartwatches watch watches headphone headphones earbud earbuds earphone
        earphones headset headsets tv tvs television televisions soundbar soundbars projector projectors printer
        printers inkjet laser scanner router routers mesh modem camera-system drone drones vacuum vacuums mop robot
        robots dehumidifier humidifier purifier purifiers fryer fryers blender blenders mixer mixers toaster kettle
        machine machines maker appliance appliances refrigerator fridge washer dryer mattress mattresses pillow
        pillows sofa chair chairs desk desks furniture lamp lighting cookware pan pans pot pots skillet skillets knife
        knives set sets toothbrush toothbrushes shaver razor hairdryer moisturizer moisturizers cleanser serum
        sunscreen lotion cream shampoo makeup cosmetics shoe shoes sneaker sneakers boot boots jacket jackets coat
        coats shirt shirts pants jeans dress dresses swimsuit swimsuits swimwear bikini bikinis clothing apparel
        clothes bag bags backpack backpacks luggage suitcase suitcases carry-on carry carryon guitar guitars acoustic
        turntable turntables piano keyboard keyboards mouse basketball basketballs ball balls bike bikes bicycle
        bicycles scooter scooters car cars suv suvs sedan sedans truck trucks vehicle vehicles ev evs hybrid-car tire
        tires gun guns massager massagers book books movie movies film films show shows streaming channel channels
        playlist restaurant restaurants cafe cafes bakery bakeries bar bars hotel hotels resort resorts hostel airline
        airlines airport bank banks broker brokers insurer insurers hospital clinic clinics doctor doctors dentist
        dentists lawyer lawyers attorney attorneys agency agencies agent agents firm firms contractor contractors
        builder builders consultant consultants freelancers freelance studio studios salon salons school schools
        university college course courses class classes tutor tutors mover movers moving plumber plumbers electrician
        electricians garage garages mechanic dealership dealerships service-center center centers centre centres
        workshop workshops factory factories supplier suppliers wholesaler wholesalers marketplace marketplaces
        supermarket supermarkets mall malls pharmacy pharmacies outlet outlets department market markets industry
        browser browsers vpn vpns antivirus password passwords chatbot chatbots llm llms search engine engines bulb
        bulbs plug plugs thermostat doorbell lock locks alarm alarms turntable's cartridge preamp phono smoothie
        smoothies recipe recipes banana apple-slices ice almond spinach berries yogurt organization organizations
        government association community-college authority
    """,
}

_HAN_GROUPS = {
    "small words": """
        的 了 和 与 及 或 或者 以及 还 也 都 等 等等 之 其 其他 其它 其余 另 另外 此外 这 这些 那些 各 各大 每 某 所有
        全部 部分 一些 一家 一个 一种 一款 两款 几款 几家 多家 多个 多种 两大 三大 四大 五大 六大 七大 八大 十大 十款
        三款 四款 五款 第一 第二 第三 第四 一类 二类 三类 类型一 类型二 类型三 上 下 中 内 外 前 后 里 在 对 于 从 向
        由 按 以 为 是 有 无 不 非 没有 不是 更 最 很 较 太 比 把 被 让 给 到 用 可 能 会 要 想 请 您 你 我们 他们
        自己 大家 如何 怎么 怎样 什么 为什么 哪些 哪个 哪家 哪种 是否 如果 若 但 但是 而 而且 并 并且 因为 所以 因此
        由于 虽然 不过 只有 只要 可以 需要 能够 应该 必须 可能 一定 非常 比较 相对 尤其 特别 通常 一般 目前 现在 当前
        当前市场 如 例如 比如 包括 以下 以上 如下 上述 之间 之一 以内 以外 左右 附近 周边 周边的 本身 同时 已经 主要
        整体 总体 综合 全面
    """,
    "headings": """
        总结 小结 概述 概况 概览 简介 介绍 背景 前言 引言 结论 结语 说明 备注 附 附录 提示 提醒 温馨提示 小贴士 贴士
        注意 注意事项 须知 建议 意见 核心 核心观点 观点 要点 重点 关键 关键点 要素 因素 维度 标准 指标 依据 原则 方法
        方式 技巧 攻略 指南 思路 步骤 流程 第一步 第二步 第三步 第四步 第五步 清单 列表 名单 榜单 排行 排行榜 排名 榜
        推荐 推荐理由 理由 原因 选择 选购 购买 购买建议 挑选 首选 次选 备选 优选 之选 精选 入选 候选 优先 优先考虑
        考虑 值得 值得考虑 值得关注 关注 参考 参考价 示例 例子 举例 案例 经典案例 常见 常见问题 问题 解答 问答 答疑
        疑问 回答 更多 补充 信息 资料 数据 详情 详细 具体 分析 对比 比较 横向 评测 测评 评价 评估 点评 口碑 反馈 声誉
        名气 用户 用户评价 消费者 客户 人群 人士 家庭 适合 适合人群 适用 适用人群 适用场景 场景 目标 目的 需求
        核心需求 预算 分类 类型 类别 种类 类 型 款 级 档 档次 梯队 第一梯队 第二梯队 第三梯队 一线 二线 三线 高端 中端
        中高端 中低端 低端 入门 入门级 旗舰 旗舰级 顶级 顶尖 头部 轻奢 奢华 豪华 平价 大众 主流 小众 热门 知名 著名
        优秀 优质 靠谱 可靠 正规 专业 权威 传统 新兴 新锐 老牌 老字号 国产 国内 国外 国际 海外 进口 本土 本地 全国
        全球 区域 地区 区域性 地域 综合型 综合性 综合类 垂直 细分 领域 行业 市场 品类 赛道 方向 定位 特色 特点 特性
        特征 亮点 优势 劣势 优点 缺点 优缺点 不足 不足之处 短板 局限 局限性 争议 风险 隐患 误区 陷阱 坑 避坑 避雷 雷区
        红线 忌 禁忌 警惕 谨慎 慎选 不推荐 现状 趋势 前景 历史 发展 现况 地位 影响力 知名度 认知度 规模 实力 能力 水平
        程度 品质 质量 质量保证 品控 表现 体验 感受 效果 功效 功能 作用 用途 性能 性价比 价值 价格 价位 价位段
        价格区间 区间 价 单价 均价 报价 费用 成本 收费 花费 元 万元 万 千元 百元 起 优惠 活动 折扣 促销 低价 高价 便宜
        贵 元左右 售价 官方价 到手价 定价 预算充足 预算有限 时间 日期 年份 年 月 日 天 小时 分钟 周期 期限 工期 时长
        时效 营业 营业时间 开放时间 预约 预约方式 地址 地点 位置 电话 联系 联系方式 联系电话 网址 网站 官网 官方
        官方网站 渠道 途径 入口 平台 线上 线下 网络 网上 门店位置 交通 停车 品牌 牌子 品牌方 名称 名字 企业 公司 机构
        单位 组织 团队 商家 商户 厂家 厂商 工厂 制造商 生产商 供应商 经销商 代理商 服务商 提供商 运营商 开发商 渠道商
        加盟商 承包商 集团 总部 分公司 分店 旗下 子品牌 门店 店铺 店 小店 连锁 连锁店 旗舰店 专卖店 专营店 体验店
        直营店 实体店 直营 加盟 授权 授权店 官方授权 授权服务商 代理 服务中心 中心 基地 园 站 点 服务站 维修站 维修店
        维修厂 修理厂 汽修店 4s店 工作室 俱乐部 联盟 协会 商会 社群 社区 论坛 圈子 车友 车友会 群 小组 个人 独立 自由
        夫妻店 街边店 路边店 便利店 超市 商场 卖场 百货 市集 集市 药店 医院 诊所 学校 学院 大学 研究院 研究所 设计院
        事务所 银行 酒店 民宿 餐厅 餐馆 饭店 咖啡馆 咖啡店 奶茶店 面包店 茶馆 茶楼 健身房 会所 影院 律所 装修队 施工队
        游击队 工长 师傅 设计师 顾问 教练 老师 专家 博主 达人 主播 产品 商品 系列 产品线 产品系列 代表 代表产品
        代表品牌 代表机型 主打 主推 主营 主要产品 明星 爆款 新品 新款 机型 车型 型号 款式 单品 套餐 套装 组合 方案
        解决方案 项目 业务 业务范围 范围 内容 主题 模式 体系 系统 服务 售前 售后 售后服务 售后保障 保障 质保 保修 承诺
        合同 协议 合约 条款 发票 票据 资质 证书 认证 执照 营业执照 许可 备案 合规 合法 法规 政策 规定 检测 检测报告
        报告 安全 安全性 稳定 稳定性 可靠性 耐用 耐用性 环保 环保性 绿色 健康 卫生 舒适 舒适性 舒适度 便捷 便利 方便
        灵活 灵活性 实用 实用性 个性化 个性 定制 定制化 标准化 一站式 全流程 全屋 整体式 全案 整装 半包 全包 创新
        创新性 原创 独特 先进 领先 成熟 成熟度 完善 丰富 齐全 多样 多样性 均衡 强 弱 高 低 大 小 多 少 快 慢 好 差 新
        旧 长 短 轻 重 厚 薄 度 性 力 率 化 者 感 值 量 面 数 层 区 线 层面 方面 角度 视角 超 极致 出色 突出 明显 强劲
        强大 优异 卓越 一流 首屈一指 行业领先 良好 不错 较好 较高 较低 较强 极高 极强 充足 有限 不限 不足够 亲民
        接地气 有保障 无忧 放心 安心 省心 省钱 省时 贴心 用心 认真 细致 精细 精准 精致 高效 高质量 高品质 高性能
        高性价比 低成本 长期 短期 鲜明 地方性 溯源 积淀 背书 严谨 信誉 信誉度 信赖 信赖度 底蕴 深厚 严苛 标杆 巨头
        国民 形象 声量 素质 悠久 公开 差异化 竞争 对手 竞争对手 概念 澄清 分散 负面 正面 集中 顺序 相关 相关企业 众多
        拉满 扎实 过硬 时尚 传承 科学 匠心 初心 温和 天然 有机 纯正 经典 国潮 潮流 复古 简约 极简 大气 美观 新颖 独家
        信息获取 获取 限制 缺乏 不透明 参差不齐 早期 阶段 普惠 普及 下沉 高奢 平民 亲和 私密 安静 温馨 优雅 氛围 环境
        态度 热情 响应 及时 速度 快速 迅速 分支 大型平台 大型 中型 小型 中小 微型 独栋 单体 新势力 传统车企 合资
        自主品牌 子公司 母公司 合作 合作店 合作商 合作伙伴 伙伴 第三方 官方渠道 官方售后
    """,
    "what one does": """
        看 查 查看 选 问 找 寻找 搜 搜索 确认 确定 核实 核对 验证 了解 明确 考察 实地 实地考察 对比报价 比价 签 签订
        索要 要求 拒绝 避免 禁止 不要 别 咨询 沟通 交流 询问 预定 下单 安装 施工 使用 操作 维护 保养 维修 更换 升级
        优化 改进 改善 提升 提高 增强 降低 减少 控制 管理 监控 监督 测量 量房 验收 交付 配送 物流 上门 到店 试驾 试用
        试穿 体验感 学习 培训 教学 训练 指导 陪练 运动 健身 减肥 养生 调理 护理 治疗 康复 理疗 设计 设计感 规划 布局
        策划 运营 推广 营销 投放 引流 获客 转化 变现 销售 生产 制造 研发 开发 投入 加工 创作 制作 写作 拍摄 拍照 摄影
        录像 修图 剪辑 编辑 翻译 办公 娱乐 游戏 社交 出行 通勤 旅行 旅游 居家 日常 送礼 礼品 自用 商用 家用 商务 休闲
        户外 室内 学生 学生党 上班族 白领 职场 女性 女生 男性 男生 老人 长辈 儿童 孩子 宝宝 孕妇 年轻人 年轻 新手 小白
        初学者 发烧友 玩家 车主 业主 租客 中小企业 大型企业 小型企业 大企业 创业者 初创 个人用户 开发者 追求 注重 看重
        侧重 偏好 偏爱 喜欢 在意 倾向 擅长 专注 专精 深耕 主攻 涵盖 覆盖 提供 支持 拥有 具备 具有 采用 搭配 搭载 配备
        兼顾 打造 满足 根据 结合 通过 利用 针对 关于 对于 至于 涉及 进行 完成 实现 建立 保证 确保 帮助 推动 引领 引进
    """,
    "technology and goods": """
        技术 科技 工艺 材料 材质 板材 五金 五金件 配件 零件 部件 辅料 封边 饰面 柜体 柜门 台面 柜 衣柜 橱柜 厨柜 木门
        门窗 地板 瓷砖 墙面 涂料 油漆 卫浴 家具 家居 家装 公装 软装 硬装 家电 装修 装饰 装潢 建材 建筑 空间 风格 户型
        面积 收纳 甲醛 颗粒板 多层板 实木 生态板 参数 配置 规格 尺寸 重量 容量 颜色 颜值 外观 外形 内饰 造型 机身 屏幕
        屏 显示 分辨率 刷新率 亮度 处理器 芯片 内存 存储 电池 续航 充电 快充 快充电 充电器 充电桩 信号 通信 通讯
        系统流畅度 流畅度 软件 硬件 生态 互联 智能 智能化 智能家居 智慧 数字 数字化 信息化 自动化 人工智能 算法 模型
        大数据 云 云计算 云服务 互联网 物联网 工业 工业互联网 电商 社交媒体 小程序 公众号 视频号 app 应用 工具 插件
        接口 影像 相机 镜头 像素 夜景 人像 美颜 自拍 长焦 防抖 折叠 折叠屏 横向 竖向 铰链 折痕 悬停 手机 电脑 笔记本
        平板 耳机 手表 电视 音响 音箱 相机包 路由器 汽车 新能源 新能源汽车 新能源车 电动车 电动 混动 燃油车 轿车 车
        车身 车衣 贴膜 改色 改色膜 隐形车衣 轮毂 轮胎 刹车 底盘 避震 悬挂 动力 三电 电控 电机 发动机 空气动力学 包围
        套件 灯光 座椅 方向盘 隔音 座舱 驾驶 智能座舱 智能驾驶 辅助驾驶 自动驾驶 操控 加速 油耗 电耗 改装 改装件
        改装店 改装厂 改装门店 原厂 改造 加装 选装 钣喷 喷漆 美容 洗车 轻改 性能改装 外观改装 茶 茶饮 养生茶 花茶 草本
        中药 中医 药企 药食同源 原料 成分 配料 配料表 配方 添加 添加剂 无添加 零添加 防腐剂 口味 口感 味道 包装 袋泡茶
        三角包 冲泡 即饮 代餐 保健品 保健 滋补 食品 饮料 饮品 咖啡 奶茶 酒 水果 蔬菜 零食 体质 气血 湿气 祛湿 补气
        养颜 美容养颜 护肝 润喉 清火 安神 助眠 化妆品 护肤品 护肤 彩妆 洗发水 面膜 服装 服饰 鞋 鞋子 包 箱包 首饰 珠宝
        眼镜 母婴 玩具 宠物 图书 文具 厨具 厨房 餐具 床垫 沙发 灯具 窗帘 空调 冰箱 洗衣机 热水器 净水器 扫地机器人
        吸尘器 教育 培训机构 课程 金融 理财 保险 贷款 法律 律师 会计 审计 税务 咨询公司 战略 管理 转型 人力资源 招聘
        医疗 医美 体检 牙科 搬家 保洁 家政 物业 房产 中介 婚庆 婚礼 摄影店 旅行社 体育 球类 篮球 足球 羽毛球 乒乓球
        网球 游泳 瑜伽 普拉提 舞蹈 拳击 格斗 跑步 徒步 登山 骑行 力量 体能 塑形 体态 矫正 产后 私教 seo geo sem cdn ai
        erp saas b2b ui ip pc diy vip ktv 5g enf e1 e0 pur 4s 搜索引擎 搜索引擎优化 关键词 外链 内链 排名优化 本地化
        流量 曝光 转化率 地图 地理 地理位置 定位服务 广告 媒体 内容营销 数字营销 整合营销 传播 公关 策略 创意 文案
        短视频 直播 医药 制药 生物 环境 电子 电器 电气 机械 机电 贸易 商贸 实业 工程 建设 景观 园林 文化 传媒 网络科技
        信息技术 信息科技 科技公司 动力科技 供应链 物流业 零售 餐饮 制造业 离散制造 消费 政务 能源 农业 交通业 堆料
        水桶 交互 人机 人机交互 设备 充电设备 卫星 卫星通信 案例研究 研究 调研 市场调研 适配 移动端 端 内部 代号 泛化
        泛指 指代 匹配 扩展 扩展性 导航 渲染 高精度 定位 超聚光 主摄 副摄 摄像头 传感器 音质 画质 降噪 蓝牙 无线 有线
        玻璃 金属 陶瓷 塑料 皮革 碳纤维 高压 线路 车身结构 结构 铰链与可靠性 专项 技能 启蒙 挑战 趣味 团建 派对 聚会
        解压 器械 哑铃 弹力带 跳绳 瑜伽垫 跑步机 推拿 按摩 恢复师 理疗师 康复师 月嫂 育儿 早教 启蒙班 竞技 赛事 马拉松
        水上乐园 公园 景区 博物馆 剧院 文化馆 体育馆 游泳馆 球馆 枸杞 菊花 玫瑰 玫瑰花 红枣 桂圆 决明子 人参 陈皮 普洱
        当归 山楂 酸枣仁 蒲公英 生姜 姜枣 姜 蜂蜜 柠檬 薄荷 茉莉 茉莉花 金银花 罗汉果 胖大海 黄芪 党参 茯苓 薏米 红豆
        大麦 荷叶 绿茶 红茶 白茶 黑茶 乌龙 乌龙茶 龙井 西湖龙井 碧螺春 铁观音 安溪铁观音 普洱茶 八宝茶 果茶 花草茶
        花果茶 凉茶 原浆 膏方 阿胶 燕窝 益生菌 维生素 蛋白 膳食纤维 形态 全能 无短板 实用主义 轻薄 小折 大折 小折叠
        大折叠 整合 产业链 双 在线 集成 系统集成 云厂商 厂商 内置 位置服务 基础 gis lbs paas iaas hiit vr ar 级 科创
        不动产 登记 国土 国土规划 自然资源 遥感 无人机 测绘 智慧城市 时空 大模型 算力 数据库 服务器 低代码 工单 报表
        看板 客服 呼叫中心 美妆 出海 外贸 跨境 跨境电商 独立站 本地生活 私域 社区团购
    """,
    "shops of a kind": """
        有限公司 有限责任公司 股份有限公司 股份 责任 汽车服务 汽车科技 汽车改装 汽车用品 汽车音响 汽车美容 汽车维修
        学会 基金会 委员会 管理局 服务平台 登记平台 装饰公司 装修公司 设计公司 建筑设计 室内设计 设计事务所 管理咨询
        咨询 咨询服务 信息咨询 会计师事务所 律师事务所 四大会计师事务所 搬家公司 家政公司 物流公司 科技有限公司
        上市公司 外企 国企 民企 央企 大厂 小厂 大牌 大品牌 小品牌 杂牌 白牌 山寨 三无 网红 同城
    """,
}

#: cities, provinces, states and districts, which a list may stand under
_PLACE_WORDS = """
    中国 大陆 香港 澳门 台湾 北京 上海 天津 重庆 广东 广州 深圳 珠海 东莞 佛山 中山 惠州 江门 汕头 湛江 江苏 南京 苏州
    无锡 常州 南通 徐州 扬州 浙江 杭州 宁波 温州 嘉兴 绍兴 金华 义乌 台州 福建 福州 厦门 泉州 山东 济南 青岛 烟台 潍坊
    临沂 河南 郑州 洛阳 河北 石家庄 唐山 保定 廊坊 山西 太原 陕西 西安 四川 成都 绵阳 贵州 贵阳 云南 昆明 大理 湖北
    武汉 宜昌 襄阳 湖南 长沙 株洲 江西 南昌 赣州 安徽 合肥 芜湖 广西 南宁 桂林 柳州 海南 海口 三亚 辽宁 沈阳 大连 吉林
    长春 黑龙江 哈尔滨 内蒙古 呼和浩特 包头 甘肃 兰州 宁夏 银川 青海 西宁 新疆 乌鲁木齐 西藏 拉萨 长三角 珠三角 大湾区
    粤港澳 京津冀 华东 华南 华北 华中 西南 西北 东北 江浙沪 北上广深 南山 福田 罗湖 宝安 龙岗 龙华 坪山 光明 盐田 大鹏
    前海 海淀 东城 西城 丰台 石景山 通州 大兴 浦东 徐汇 静安 黄浦 长宁 普陀 虹口 杨浦 闵行 天河 越秀 海珠 番禺 白云
    香洲 金湾 斗门 横琴 武侯 锦江 青羊 金牛 成华 高新区 市区 郊区 城区 市中心 开发区 街道 市 省 县 镇 区 路 街 日本
    韩国 美国 德国 法国 英国 意大利 瑞士 瑞典 欧洲 北美 欧美 日韩 东南亚 亚洲 非洲 新加坡 澳洲 澳大利亚 加拿大 俄罗斯
    印度 泰国 日系 德系 美系 韩系 欧系 法系 国系 自主
"""
_PLACES_ENGLISH = """
    new york, new york city, nyc, manhattan, brooklyn, queens, bronx, los angeles, la, san francisco, sf, bay area,
    san francisco bay area, east bay, south bay, north bay, peninsula, silicon valley, oakland, berkeley, san jose,
    palo alto, mountain view, sunnyvale, santa clara, san mateo, san diego, sacramento, santa monica, seattle,
    portland, chicago, boston, cambridge, austin, dallas, houston, san antonio, denver, boulder, phoenix, las vegas,
    miami, orlando, tampa, atlanta, philadelphia, pittsburgh, washington, washington dc, detroit, minneapolis,
    nashville, new orleans, salt lake city, honolulu, california, texas, florida, oregon, colorado, hawaii,
    massachusetts, illinois, arizona, nevada, georgia, virginia, maryland, new jersey, ohio, michigan, north carolina,
    south carolina, pennsylvania, tennessee, utah, london, manchester, birmingham, edinburgh, dublin, paris, lyon,
    berlin, munich, hamburg, frankfurt, vienna, zurich, geneva, amsterdam, rotterdam, brussels, madrid, barcelona,
    lisbon, rome, milan, florence, venice, athens, istanbul, prague, warsaw, budapest, stockholm, copenhagen, oslo,
    helsinki, moscow, dubai, abu dhabi, tel aviv, mumbai, delhi, bangalore, singapore, hong kong, macau, taipei, tokyo,
    osaka, kyoto, seoul, busan, bangkok, kuala lumpur, jakarta, manila, hanoi, ho chi minh city, beijing, shanghai,
    shenzhen, guangzhou, hangzhou, chengdu, sydney, melbourne, brisbane, auckland, toronto, vancouver, montreal,
    calgary, ottawa, mexico city, sao paulo, buenos aires, cape town, johannesburg, cairo, lagos, nairobi, usa, us,
    u.s, united states, america, uk, u.k, united kingdom, england, scotland, wales, ireland, europe, eu, asia, africa,
    north america, south america, latin america, middle east, canada, mexico, brazil, germany, france, italy, spain,
    portugal, netherlands, switzerland, austria, sweden, norway, denmark, finland, poland, japan, china, south korea,
    korea, taiwan, india, thailand, vietnam, indonesia, malaysia, australia, new zealand, mission district, soma,
    downtown, uptown, midtown, north beach, hayes valley, marina district, financial district, chinatown, west side,
    east side
"""

#: where others' opinions are read: no rival of anybody that is asked about, unless a list is one of such places
_OPINION_PLACES = """
    大众点评, 点评, 小红书, 知乎, 微博, 豆瓣, 贴吧, 百度贴吧, 百度知道, 百度口碑, 黑猫投诉, 虎扑, 什么值得买,
    汽车之家, 懂车帝, 易车, 车质网, 好好住, 一兜糖, 土巴兔, 齐家网, 太平洋汽车, 马蜂窝, 微信公众号, 微信群, 朋友圈,
    qq群, 美团点评, 口碑网, 天眼查, 企查查, 启信宝, 爱企查, 国家企业信用信息公示系统, 12315, 赶集网, yelp, reddit,
    trustpilot, tripadvisor, trip advisor, google maps, google reviews, facebook groups, facebook marketplace, quora,
    nextdoor, angi, angie's list, thumbtack, houzz, g2, capterra, getapp, software advice, glassdoor,
    better business bureau, bbb, consumer reports, wirecutter, cnet, pcmag, techradar, the verge, tom's guide, rtings,
    rtings.com, good housekeeping, the new york times, nerdwallet, the infatuation, eater, time out, michelin guide,
    opentable, craigslist, product hunt, wikipedia
"""
#: names that well-known brands have of ordinary words; each counts among other names only
_NAMES_OF_ORDINARY_WORDS = """
    Target, Gap, Next, Nothing, Signal, Slack, Zoom, Wave, Notion, Linear, Height, Monday, Close, Square, Stripe,
    Toast, Gusto, Bench, Harvest, Match, Hinge, Uber, Visa, Chase, Discover, Progressive, Liberty, Apple, Oracle,
    Sage, Box, Make, Keep, Calm, Purple, General Electric, General Motors, General Mills, American Express, Best Buy,
    Home Depot, Two Men and a Truck, Whole Foods, Max, Canvas, Philips, Dove, Tide, Shell, Puma, Boss, Focus, Ring,
    Blink, Nest, Away, On, Hers, Hims, Who Gives A Crap, 大众, 理想, 统一, 康师傅, 老板, 建设银行, 农业银行, 交通银行,
    北京大学, 北京银行, 上海银行, 北京现代, 上海大众, 自如, 金牌, 公牛, 好孩子, 小天才, 美的, 好视力
"""
#: where all kinds of things are sold or said: rivals of those who do the same, and else where one is to look
_PLACES_OF_ALL = """
    京东, 淘宝, 天猫, 拼多多, 苏宁, 苏宁易购, 唯品会, 京东自营, 天猫旗舰店, 官方旗舰店, 1688, 阿里巴巴, 得物, amazon,
    amazon.com, ebay, walmart, target, best buy, costco, newegg, b&h, b&h photo, home depot, the home depot, lowe's,
    macy's, nordstrom, wayfair, etsy, aliexpress, rei, dick's sporting goods, zappos, sephora, ulta, 百度, 抖音, 快手,
    b站, 哔哩哔哩, bilibili, 微信, qq, 高德, 高德地图, 百度地图, 腾讯地图, 美团, 携程, 飞猪, 闲鱼, 58同城, google,
    facebook, instagram, youtube, tiktok, twitter, x, gartner, forbes, app store, google play, linkedin
"""


#: how heads begin that are a step, a condition or a sentence, whatever follows; and one of more than five characters
HAN_BEGINNINGS = """
    在许多 在一些 可重点 可优先
    如何 怎么 怎样 为什么 什么 哪家 哪个 哪些 哪种 是否 有没有 有无 如果 对于 关于 针对 至于 根据 按照 通过 由于 因为
    所以 但是 而是 虽然 不要 不是 不建议 不推荐 不支持 不适合 避免 警惕 谨慎 拒绝 禁止 切勿 务必 确认 确保 了解 明确
    考虑 考察 检查 查看 查询 核实 关注 注意 选择 优先 比较 对比 建议 需要 可以 可通过 必须 追求 注重 看重 侧重 偏好
    偏爱 喜欢 想要 适合 适用 擅长 专注 主打 主营 提供 支持 拥有 具有 具备 采用 搭载 配备 兼顾 满足 覆盖 涵盖 价格 预算
    以下 以上 其他 其它 更多 一些 部分 各大 各类 各种 这些 那些 这类 您 你 我们 作为 尽管 目前 当前 综合 整体 更 较
    非常 十分 相对 提升 提高 增强 降低 加强 改善 积累 索取 私自 首推 众多 没有 无法 同时 另外 此外 例如 比如 某
"""
HAN_BEGINNINGS_OF_LONG = """
    别 若 但 而 应 要 请 各 这 那 此 该 它 他 她 在 从 与 和 及 或 总 最 曾 无 有 被 把 让 给 使 用 去 到 先 再 如 能
    会 均 都 也 还 仅 只 就 可 不 是 哪
"""
#: what a sentence holds and a name of more than six characters does not
HAN_IN_SENTENCES = """
    是否 可以 如果 有一批 有许多 有很多 有不少 曾为 则以 而异 需要 建议 提供 适合 专注 拥有 具有 对于 针对 以及 进行
    注重 追求 避免 优先 支持 根据 没有 就是 属于 成为 作为 带来 受到 备受 通常 往往 不仅 而且 并且 能够 应该 可能 尤其
    特别 相比 相对 较为 更加 非常 因此 所以 其中 之一 位于 来自 以其 凭借 由于 推荐 您 你 我们 他们 了 着 吗 呢 吧 被
    把
"""
#: how properties and kinds end, however strange their first words; and how they end where names may end as well
HAN_ENDINGS = """
    类型 类 型 方向 场景 人群 用户 玩家 家庭 需求 领域 环节 阶段 要求 方面 层面 思路 原则 标准 问题 情况 现状 差异
    区别 对比 分析 总结 建议 推荐 说明 介绍 特点 特色 优势 不足 缺点 优点 亮点 能力 水平 程度 效果 风格 价格 预算 成本
    费用 口碑 评价 资质 证书 案例 经验 流程 步骤 方法 技巧 途径 方式 时间 周期 地址 位置 度 性 率 感 之选 首选 优先
    均衡 出色 突出 丰富 完善 成熟 领先 强大 强劲 稳定 可靠 齐全 透明 良好 较高 较低 偏高 偏低 有限 不高 不低 单一 明显
    合理 实惠 亲民 悠久 流畅 保守 优秀 深厚 严谨 严苛 级别 梯队 系 从业者 爱好者 人士 行业 产业 市场 赛道 品类 维度
    因素 指标 要点 事项 细节 信息 数据 资料 报告 榜单 排名 排行 名单 清单 指南 攻略 合同 协议 售后 保障 质保 认证 检测
    项目 周边 附近 品牌 牌子 官方 第三方 路线 套餐 对手 选择 目标 理念 印象
"""
HAN_ENDINGS_OF_NAMES_TOO = """
    服务 功能 性能 技术 工艺 材质 材料 配置 设计 体验 渠道 平台 组合 搭配 方案 力 茶 设备 训练 系统 生态 形态 门店
    中心 店 工厂 企业 公司 机构 服务商 商
"""
#: how an English head of several words begins that is a step, a property or a sentence; an underscore is a space
ENGLISH_BEGINNINGS = """
    best top most why how what when where which who is are do does don't can if for with without it's its here there
    these this those your you my our no not more less great good very up_to over under from between around
    approximately about only all choose consider check look compare read ask set know determine decide make try visit
    ensure avoid get buy use uses has have offer offers provide provides include includes feature features comes works
    support supports require requires excellent exceptional ideal perfect long high low fast easy key additional other
    final another and or but also while although known designed available starting starts price pros cons type step
    option tip note ranked rated list because since as in at to by of add blend mix keep start stop need want would
    let see find go give take research verify contact call search browse explore review test unlimited free several
    many some any every each multiple various built-in intel_core amd_ryzen nvidia qualcomm snapdragon wi-fi bluetooth
    usb dolby hdmi measure sign schedule order install
    download create build join follow prepare request confirm negotiate choosing finding understanding comparing
"""
#: names that begin that way nevertheless
BEGIN_LIKE_SENTENCES = """
    best_buy best_western all-clad good_good good_housekeeping good_american great_jones on_running on_cloud top_glove
    free_people call_of_duty
"""
#: what an English sentence holds in small letters
ENGLISH_IN_SENTENCES = """
    is are was were has have can will should would may might offers provides includes comes your you you're it's they
    that which this these because than but if when while their its not don't isn't without depending according between
    through using based i we
"""
#: what stands behind a number that is an amount
UNITS = """
    gb tb mb mp kg lb lbs oz ounce ounces g mg ml l liter liters quart quarts qt cup cups pint pints hz khz w watt
    watts kw kwh v mah hour hours hr hrs h min mins minute minutes second seconds s day days week weeks month months
    year years yr yrs mm cm m km mile miles mph ft feet inch inches in sq nit nits fps dpi ppi p k rpm psi db percent
    % x × + star stars player players people user users piece pieces pack packs mode modes speed speeds setting
    settings brushing cooking preset channel channels core cores band bands driver drivers point points 元 万元 万 千
    百 年 月 日 天 小时 分钟 秒 个 家 款 种 名 位 人 次 倍 米 公里 千米 寸 英寸 克 毫升 升 层 级 大 步 条 点 折 星 岁
    平 平米 平方
"""
#: what a made-up name is made of: "Brand A", 品牌B, "Company X"
PLACEHOLDER_KINDS = """
    brand company product option store shop name model tool provider item vendor agency plan 品牌 公司 门店 产品 选项
    方案 店铺 企业 商家 型号 竞品 机构
"""


def _han(groups: dict[str, str]) -> frozenset[str]:
    return frozenset(folded(word).text for group in groups.values() for word in group.split())


def _listed(names: str) -> frozenset[str]:
    return frozenset(" ".join(folded(name).text.split()) for name in names.split(",") if name.strip())


def alternatives(listed: str) -> str:
    """The words of a list as the alternatives of a pattern, the longest first."""
    words = {word.replace("_", " ") for word in listed.split()}
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


ENGLISH = frozenset(word for group in _ENGLISH_GROUPS.values() for word in group.split())
_KINDS = frozenset((*_ENGLISH_GROUPS["kinds of things"].split(), *_ENGLISH_GROUPS["headings"].split()))
PLACES = _listed(_PLACES_ENGLISH)
NAMES_OF_ORDINARY_WORDS = frozenset(
    " ".join(name.split()) for name in _NAMES_OF_ORDINARY_WORDS.split(",") if name.strip()
)
OPINION_PLACES = _listed(_OPINION_PLACES)
PLACES_OF_ALL = _listed(_PLACES_OF_ALL)
_HAN_PLACES = _han({"places": _PLACE_WORDS})
_HAN_WORDS = _han(_HAN_GROUPS) | _HAN_PLACES
_LONGEST = max(len(word) for word in _HAN_WORDS)
_ENGLISH_PART = re.compile(r"[a-z0-9à-ÿ]+(?:['’][a-z]+)?")


def is_ordinary(word: str) -> bool:
    """Whether an English word, folded, is one that heads are made of; its plural and its parts count as it does."""
    if word in ENGLISH or word in _HAN_WORDS or not any(char.isalpha() for char in word):
        return True
    if word.endswith("s") and word[:-1] in ENGLISH:
        return True
    parts = _ENGLISH_PART.findall(word)
    return len(parts) > 1 and all(is_ordinary(part) for part in parts)


def names_a_kind(word: str) -> bool:
    """Whether an English word, folded, is what a whole kind of things or shops is called."""
    return word in _KINDS or (word.endswith("s") and word[:-1] in _KINDS)


def begins_with_place(text: str) -> int:
    """How many characters at the beginning of a folded text are a place's name, with 市 or 省; 0 for none."""
    length = next((n for n in range(4, 1, -1) if text[:n] in _HAN_PLACES), 0)
    return length + (length > 0 and text[length : length + 1] in ("市", "省"))


def strangeness(text: str) -> int:
    """How far a folded text of Han characters is from a chain of ordinary words: 0 when it is one.

    Each character outside the best chain counts 2, each that is ordinary only by itself 1. One step for each character
    and word length: the time is in proportion to the text.
    """
    least = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        least[end] = least[end - 1] + (1 if text[end - 1] in _HAN_WORDS else 2)
        for length in range(2, min(_LONGEST, end) + 1):
            if least[end - length] < least[end] and text[end - length : end] in _HAN_WORDS:
                least[end] = least[end - length]
    return least[-1]
