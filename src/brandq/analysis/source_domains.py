"""The sites that are known by name, by who speaks there; ``source_classes`` reads them.

Written for this project, from what a reader in China or an English-speaking country would expect a source to be called.
An entry is a domain with all that lies under it; ``=qq.com`` that host alone, and its www; ``nytimes.com/wirecutter``
the pages under that path; ``amazon.*`` the name under the suffix of any country. The most specific entry decides.

News is the press in the wide sense, magazines included. Review is who tests, compares or ranks for a living, and where
customers rate. Ugc is where anybody may publish, also under a publisher's roof (百家号, 公众号). Reference is what is
looked up: encyclopedias, standards, research, registers, medical and financial explainers. Ecommerce is where one buys,
books or installs. A site that fits none of these is in no list.
"""

from __future__ import annotations

from brandq.analysis.findings import SourceClass

NEWS = """
people.com.cn people.cn xinhuanet.com news.cn cctv.com cctv.cn chinanews.com chinanews.com.cn china.com.cn gmw.cn
ce.cn youth.cn cri.cn cnr.cn chinadaily.com.cn cgtn.com globaltimes.cn huanqiu.com qstheory.cn china.com cyol.com
workercn.cn stdaily.com legaldaily.com.cn jjckb.cn economicdaily.com.cn banyuetan.org haiwainet.cn thepaper.cn
jiemian.com yicai.com caixin.com 21jingji.com nbd.com.cn bjnews.com.cn cls.cn stcn.com cs.com.cn cnstock.com
eeo.com.cn wallstreetcn.com eastmoney.com 10jqka.com.cn hexun.com jrj.com.cn cnfol.com caijing.com.cn ftchinese.com
time-weekly.com infzm.com chinatimes.net.cn lanjinger.com latepost.com iceo.com.cn 36kr.com huxiu.com tmtpost.com
ifanr.com geekpark.net leiphone.com ithome.com mydrivers.com donews.com techweb.com.cn pingwest.com jiqizhixin.com
qbitai.com iyiou.com cyzone.cn ebrun.com lieyunwang.com chinaz.com cnbeta.com cnbeta.com.tw dsb.cn linkshop.com
gamersky.com 17173.com 3dmgame.com woshipm.com socialbeta.com digitaling.com sohu.com 163.com sina.com.cn sina.cn
sina.com ifeng.com news.qq.com new.qq.com inews.qq.com xw.qq.com finance.qq.com tech.qq.com auto.qq.com ent.qq.com
sports.qq.com =qq.com news.baidu.com yidianzixun.com uc.cn guancha.cn eastday.com kankanews.com jfdaily.com
shobserver.com whb.cn xinmin.cn dzwww.com southcn.com nfnews.com dayoo.com ycwb.com oeeee.com sznews.com
hangzhou.com.cn zjol.com.cn cnnb.com.cn jschina.com.cn xhby.net cqnews.net sctv.com scol.com.cn cdsb.com hsw.cn
hebnews.cn dahe.cn cnhubei.com rednet.cn voc.com.cn gxnews.com.cn fjsen.com qianlong.com bjd.com.cn ynet.com
enorth.com.cn lnd.com.cn gasgoo.com d1ev.com cnev.cn cnautonews.com cheaa.com ea-china.com zaobao.com zaobao.com.sg
scmp.com hk01.com mingpao.com on.cc stheadline.com takungpao.com wenweipo.com udn.com ltn.com.tw chinatimes.com
cna.com.tw setn.com ettoday.net tvbs.com.tw bnext.com.tw storm.mg nikkei.com asahi.com japantimes.co.jp yomiuri.co.jp
mainichi.jp nhk.or.jp koreaherald.com koreatimes.co.kr chosun.com joongang.co.kr yna.co.kr straitstimes.com
channelnewsasia.com thehindu.com indiatimes.com hindustantimes.com indianexpress.com ndtv.com livemint.com
business-standard.com news18.com indiatoday.in moneycontrol.com nytimes.com washingtonpost.com wsj.com usatoday.com
latimes.com bostonglobe.com chicagotribune.com sfchronicle.com nypost.com nydailynews.com newsweek.com time.com
theatlantic.com newyorker.com politico.com politico.eu axios.com thehill.com vox.com slate.com salon.com huffpost.com
buzzfeednews.com buzzfeed.com npr.org pbs.org apnews.com reuters.com bloomberg.com cnbc.com cnn.com foxnews.com
foxbusiness.com nbcnews.com abcnews.com abcnews.go.com cbsnews.com msnbc.com today.com usnews.com businessinsider.com
insider.com fortune.com forbes.com inc.com fastcompany.com entrepreneur.com marketwatch.com barrons.com investors.com
kiplinger.com thestreet.com yahoo.com msn.com aol.com =news.google.com economist.com ft.com bbc.com bbc.co.uk
theguardian.com telegraph.co.uk independent.co.uk the-independent.com thetimes.co.uk thetimes.com dailymail.co.uk
mirror.co.uk express.co.uk thesun.co.uk the-sun.com thesun.ie thescottishsun.co.uk standard.co.uk metro.co.uk
news.sky.com skynews.com itv.com inews.co.uk cityam.com talksport.com irishtimes.com independent.ie rte.ie cbc.ca
ctvnews.ca globalnews.ca theglobeandmail.com thestar.com nationalpost.com abc.net.au smh.com.au theage.com.au
news.com.au afr.com 9news.com.au theaustralian.com.au nzherald.co.nz stuff.co.nz rnz.co.nz dw.com france24.com
lemonde.fr lefigaro.fr euronews.com spiegel.de zeit.de faz.net sueddeutsche.de welt.de handelsblatt.com heise.de
elpais.com elmundo.es corriere.it repubblica.it nos.nl svt.se aljazeera.com arabnews.com haaretz.com timesofisrael.com
africanews.com themoscowtimes.com kyivindependent.com theverge.com techcrunch.com wired.com arstechnica.com
engadget.com venturebeat.com gizmodo.com mashable.com zdnet.com thenextweb.com theregister.com technologyreview.com
9to5mac.com 9to5google.com macrumors.com appleinsider.com androidpolice.com androidauthority.com androidcentral.com
phandroid.com gizchina.com gizmochina.com xda-developers.com slashdot.org siliconangle.com theinformation.com
semafor.com bleepingcomputer.com computerworld.com infoworld.com techspot.com windowscentral.com neowin.net
electrek.co insideevs.com cnevpost.com carnewschina.com autonews.com polygon.com ign.com kotaku.com gamespot.com
eurogamer.net pcgamer.com variety.com hollywoodreporter.com deadline.com vulture.com rollingstone.com billboard.com
pitchfork.com people.com eonline.com tmz.com pagesix.com ew.com decider.com espn.com si.com theathletic.com
skysports.com cbssports.com bleacherreport.com adweek.com adage.com marketingweek.com thedrum.com digiday.com
martech.org searchengineland.com searchenginejournal.com marketingdive.com retaildive.com modernretail.co
techtarget.com prnewswire.com businesswire.com globenewswire.com gq.com gq-magazine.co.uk esquire.com vogue.com
vogue.co.uk elle.com cosmopolitan.com glamour.com harpersbazaar.com vanityfair.com instyle.com allure.com
marieclaire.com bustle.com refinery29.com whowhatwear.com thecut.com nymag.com menshealth.com womenshealthmag.com
womansworld.com shape.com self.com health.com prevention.com byrdie.com foodandwine.com bonappetit.com epicurious.com
delish.com eatingwell.com saveur.com foodnetwork.com southernliving.com bhg.com realsimple.com marthastewart.com
countryliving.com housebeautiful.com architecturaldigest.com dwell.com idealhome.co.uk homesandgardens.com
livingetc.com apartmenttherapy.com housedigest.com hgtv.com travelandleisure.com cntraveler.com lonelyplanet.com
afar.com nationalgeographic.com smithsonianmag.com popsci.com popularmechanics.com scientificamerican.com
newscientist.com livescience.com space.com discovermagazine.com runnersworld.com outsideonline.com bicycling.com
skimag.com golfdigest.com guitarworld.com musicradar.com hbr.org foreignpolicy.com foreignaffairs.com nextshark.com
dnyuz.com vegoutmag.com scoopempire.com news.naver.com allrecipes.com fool.com wvtm13.com wghn.com dailydot.com
technewsworld.com elledecor.com nbcbayarea.com inquirer.net kyivpost.com democracynow.org financialcontent.com
techstartups.com finsmes.com simplyrecipes.com bottomlineinc.com fashionbeans.com industrywired.com
thecapitalinsights.com toxigon.com socialmoms.com vogue.com.cn gq.com.cn trends.com.cn yoka.com rayli.com.cn
"""

REVIEW = """
autohome.com.cn che168.com pcauto.com.cn pconline.com.cn pchouse.com.cn pclady.com.cn pcbaby.com.cn zol.com.cn zol.com
smzdm.com dianping.com dongchedi.com yiche.com bitauto.com xcar.com.cn 12365auto.com cheshi.com expreview.com
it168.com cnmo.com sspai.com dgtle.com antutu.com ludashi.com maigoo.com china-10.com cnpp.cn phb123.com
paihang360.com to8to.com jia.com tousu.sina.com.cn heimaotousu.com 315che.com kanzhun.com meishichina.com zealer.com
openrice.com tabelog.com kakaku.com price.com.hk mybest.com my-best.com gurunavi.com nytimes.com/wirecutter
forbes.com/vetted forbes.com/advisor forbes.com/sites/forbes-personal-shopper cnn.com/cnn-underscored
nymag.com/strategist businessinsider.com/guides nbcnews.com/select cnbc.com/select reviewed.usatoday.com
usnews.com/360-reviews wired.com/review wired.com/gallery time.com/stamped telegraph.co.uk/recommended
independent.co.uk/extras theguardian.com/thefilter today.com/shop gartner.com/reviews fortune.com/recommends
rtings.com consumerreports.org which.co.uk choice.com.au test.de stiftung-warentest.de quechoisir.org consumer.org.nz
consumerlab.com goodhousekeeping.com bestproducts.com reviewed.com tomsguide.com tomshardware.com techradar.com
cnet.com pcmag.com pcworld.com macworld.com digitaltrends.com trustedreviews.com techadvisor.com expertreviews.co.uk
t3.com stuff.tv whathifi.com soundguys.com headphonesaddict.com audiosciencereview.com notebookcheck.net laptopmag.com
anandtech.com techpowerup.com gamersnexus.net gsmarena.com nanoreview.net versus.com dxomark.com dpreview.com
digitalcameraworld.com imaging-resource.com photographylife.com kitguru.net guru3d.com phonearena.com nextpit.com
techgearlab.com outdoorgearlab.com gearlab.com babygearlab.com switchbacktravel.com gearjunkie.com gearpatrol.com
runrepeat.com believeintherun.com doctorsofrunning.com roadtrailrun.com irunfar.com bikeradar.com cyclingweekly.com
advnture.com treelinereview.com garagegymreviews.com barbend.com breakingmuscle.com sleepfoundation.org
sleepopolis.com mattressclarity.com mattressnerd.com naplab.com eachnight.com themattressblog.com tuck.com
sleepadvisor.org sleepare.com vacuumwars.com modern-castle.com homegrounds.co coffeegeek.com majestycoffee.com
thespruce.com thespruceeats.com thesprucepets.com seriouseats.com americastestkitchen.com bbcgoodfood.com lifewire.com
verywellfit.com verywellfamily.com bobvila.com thisoldhouse.com familyhandyman.com toptenreviews.com top10.com
toptenreviewed.com bestreviews.com consumeraffairs.com consumersadvocate.org buyersguide.org bestreviews.guide
thetechedvocate.org bestguitarunder.com wepc.com vidcastive.com massagegunadvice.com kbb.com edmunds.com
caranddriver.com motortrend.com roadandtrack.com autoblog.com cars.com carbuzz.com topspeed.com jalopnik.com
autocar.co.uk autoexpress.co.uk topgear.com whatcar.com carwow.co.uk parkers.co.uk carsguide.com.au drive.com.au
motor1.com iihs.org euroncap.com jdpower.com truecar.com nerdwallet.com bankrate.com wallethub.com creditkarma.com
lendingtree.com moneysupermarket.com comparethemarket.com gocompare.com uswitch.com moneysavingexpert.com
canstar.com.au finder.com finder.com.au ratecity.com.au money.com financebuzz.com thepointsguy.com upgradedpoints.com
onemileatatime.com fool.com/the-ascent valuepenguin.com thezebra.com policygenius.com highspeedinternet.com
broadbandnow.com cabletv.com whistleout.com allconnect.com security.org safewise.com safehome.org cybernews.com
comparitech.com vpnmentor.com top10vpn.com av-comparatives.org privacyguides.org websiteplanet.com wpbeginner.com
caring.com seniorliving.org theseniorlist.com retirementliving.com aplaceformom.com ncoa.org innerbody.com g2.com
capterra.com trustradius.com getapp.com softwareadvice.com peerspot.com sourceforge.net/software producthunt.com
saasworthy.com crozdesk.com financesonline.com goodfirms.co clutch.co designrush.com slashdot.org/software
alternativeto.net toolify.ai futurepedia.io theresanaiforthat.com saashub.com featuredcustomers.com trustpilot.*
sitejabber.com reviews.io feefo.com bbb.org glassdoor.* indeed.com/cmp comparably.com resellerratings.com yelp.*
tripadvisor.* zomato.com opentable.* michelin.com guide.michelin.com timeout.com theinfatuation.com eater.com
oyster.com zagat.com rottentomatoes.com metacritic.com opencritic.com letterboxd.com healthgrades.com zocdoc.com
niche.com ratemyprofessors.com topuniversities.com timeshighereducation.com edurank.org coursereport.com switchup.org
angi.com thumbtack.com houzz.com checkatrade.com shopsavvy.com pricespy.co.uk idealo.* pricerunner.* skinflint.co.uk
camelcamelcamel.com slickdeals.net makeupalley.com incidecoder.com paulaschoice.com/ingredient-dictionary vivino.com
winespectator.com decanter.com ratebeer.com beeradvocate.com dogfoodadvisor.com kateminimalist.com bestoutdor.com
techtotime.com headsetblog.com espressomachinepicks.com thespotreview.com cardratings.com bestcabletv.com
cardrewards.net coffeechronicler.com techbloat.com homecoffeesolutions.com housekeepingmaster.com consumeradvised.com
techaxil.com strideseekersrunning.com cappuccinooracle.com bestlaptopunder1000.com techgadgetradar.com
techreviewplus.com airfryerhub.com findthisbest.com tophomegadgets.com audioinspects.com cleverskier.com
coffeebattle.com ustechrecorder.com travelcardinsider.com sweattrekker.com homesecurityweaver.com kayakhelp.com
gadfever.com nextluxury.com
"""

UGC = """
zhihu.com weibo.com weibo.cn t.cn xiaohongshu.com xhslink.com rednote.com douyin.com iesdouyin.com kuaishou.com
bilibili.com b23.tv acfun.cn ixigua.com toutiao.com toutiaocdn.com youku.com tudou.com v.qq.com mp.weixin.qq.com
channels.weixin.qq.com qzone.qq.com om.qq.com kuaibao.qq.com guba.eastmoney.com caifuhao.eastmoney.com
mguba.eastmoney.com xueqiu.com baijiahao.baidu.com tieba.baidu.com zhidao.baidu.com jingyan.baidu.com wenku.baidu.com
mbd.baidu.com haokan.baidu.com quanmin.baidu.com wk.baidu.com dy.163.com blog.163.com k.sina.com.cn k.sina.cn
blog.sina.com.cn mp.sohu.com club.autohome.com.cn chejiahao.autohome.com.cn douban.com jianshu.com csdn.net
cnblogs.com juejin.cn segmentfault.com oschina.net 51cto.com v2ex.com nowcoder.com learnku.com cnodejs.org
ruanyifeng.com tianya.cn mop.com hupu.com nga.cn ngabbs.com chiphell.com kdslife.com 19lou.com mafengwo.cn
mafengwo.com qyer.com douguo.com xiachufang.com okjike.com coolapk.com taptap.cn 360doc.com docin.com doc88.com
book118.com wukong.com guokr.com/group lofter.com dcard.tw ptt.cc mobile01.com gamer.com.tw pixnet.net lihkg.com
discuss.com.hk baby-kingdom.com plurk.com vocus.cc matters.town babytree.com mama.cn yaolan.com ci123.com
iask.sina.com.cn 39ask.net wenwen.sogou.com wenda.so.com meipian.cn meipian.me yuque.com reddit.com redd.it quora.com
youtube.com youtu.be tiktok.com instagram.com facebook.com fb.com fb.watch twitter.com x.com t.co threads.net
threads.com bsky.app mastodon.social pinterest.* pin.it snapchat.com discord.com discord.gg telegram.org t.me
whatsapp.com linkedin.com tumblr.com medium.com substack.com wordpress.com blogspot.com blogger.com ghost.io
hashnode.dev hashnode.com dev.to hackernoon.com news.ycombinator.com stackoverflow.com stackexchange.com superuser.com
serverfault.com askubuntu.com mathoverflow.net lobste.rs indiehackers.com vimeo.com dailymotion.com twitch.tv
rumble.com soundcloud.com flickr.com imgur.com 9gag.com deviantart.com behance.net dribbble.com patreon.com ko-fi.com
goodreads.com librarything.com fandom.com ask.com answers.com fluther.com city-data.com avvo.com/legal-answers
xdaforums.com head-fi.org avsforum.com audiokarma.org rennlist.com bimmerpost.com bogleheads.org resetera.com
neogaf.com overclock.net hardforum.com badcaps.net diychatroom.com doityourself.com mumsnet.com netmums.com
babycenter.com whattoexpect.com thestudentroom.co.uk pistonheads.com flyertalk.com hotukdeals.com ozbargain.com.au
whirlpool.net.au redflagdeals.com nextdoor.com meetup.com answers.microsoft.com discussions.apple.com slideshare.net
scribd.com issuu.com steamcommunity.com naver.com blog.naver.com cafe.naver.com ameblo.jp note.com qiita.com zenn.dev
hatena.ne.jp hatenablog.com 5ch.net chiebukuro.yahoo.co.jp detail.chiebukuro.yahoo.co.jp vk.com ok.ru habr.com
livejournal.com podcasts.apple.com xiaoyuzhoufm.com ximalaya.com lizhi.fm taptap.io post.naver.com
"""

LOOKED_UP = """
baike.baidu.com baike.com baike.so.com baike.sogou.com moegirl.org.cn xueshu.baidu.com aiqicha.baidu.com
jiankang.baidu.com dict.baidu.com hanyu.baidu.com wiki.mbalib.com mbalib.com zgbk.com zdic.net cnki.net
wanfangdata.com.cn cqvip.com sciencenet.cn cas.cn cae.cn nlc.cn ncpssd.cn ncpssd.org tianyancha.com qcc.com
qichacha.com qixin.com patenthub.cn soopat.com incopat.com iresearch.cn iresearch.com.cn iimedia.cn iimedia.com
qianzhan.com chyxx.com askci.com leadleo.com 199it.com analysys.cn questmobile.com.cn aliresearch.com cbndata.com
dxy.cn dxy.com haodf.com youlai.cn 39.net familydoctor.com.cn chunyuyisheng.com miaoshou.net pharmnet.com.cn
runoob.com w3school.com.cn liaoxuefeng.com cnipa.org.cn spc.org.cn caam.org.cn cpcaauto.com cpca1.org ccfa.org.cn
cca.org.cn wikipedia.org wikimedia.org wikidata.org wiktionary.org wikivoyage.org wikisource.org wikibooks.org
wikiquote.org dbpedia.org britannica.com encyclopedia.com newworldencyclopedia.org citizendium.org scholarpedia.org
merriam-webster.com dictionary.com cambridge.org collinsdictionary.com oxforddictionaries.com oed.com
thefreedictionary.com etymonline.com vocabulary.com wolframalpha.com archive.org gutenberg.org openlibrary.org
worldcat.org imdb.com musicbrainz.org discogs.com openstreetmap.org geonames.org worldometers.info arxiv.org
biorxiv.org medrxiv.org ssrn.com osf.io zenodo.org figshare.com doi.org crossref.org orcid.org jstor.org
scholar.google.com semanticscholar.org researchgate.net openalex.org dblp.org ncbi.nlm.nih.gov europepmc.org
nature.com science.org sciencedirect.com springer.com springeropen.com biomedcentral.com wiley.com tandfonline.com
sagepub.com oup.com academic.oup.com plos.org frontiersin.org mdpi.com hindawi.com cell.com thelancet.com nejm.org
bmj.com jamanetwork.com acs.org rsc.org iop.org aps.org aip.org acm.org ieee.org usenix.org elsevier.com
elifesciences.org pnas.org cochranelibrary.com cochrane.org ahajournals.org karger.com iso.org iec.ch itu.int ietf.org
rfc-editor.org w3.org whatwg.org ansi.org astm.org bsigroup.com din.de cen.eu etsi.org ecma-international.org
unicode.org iana.org icann.org oasis-open.org opengroup.org usb.org bluetooth.com wi-fi.org 3gpp.org jedec.org
khronos.org pcisig.com sae.org ul.com owasp.org cisecurity.org mitre.org cve.org who.int un.org unesco.org unicef.org
worldbank.org imf.org oecd.org wto.org wipo.int iea.org ilo.org fao.org iaea.org weforum.org pewresearch.org
gallup.com statista.com ourworldindata.org tradingeconomics.com rand.org gartner.com forrester.com idc.com
mckinsey.com canalys.com counterpointresearch.com nielsen.com kantar.com ipsos.com mintel.com euromonitor.com
grandviewresearch.com marketsandmarkets.com mordorintelligence.com fortunebusinessinsights.com similarweb.com
crunchbase.com pitchbook.com dnb.com opencorporates.com owler.com zoominfo.com investopedia.com
corporatefinanceinstitute.com morningstar.com mayoclinic.org clevelandclinic.org hopkinsmedicine.org webmd.com
healthline.com medicalnewstoday.com verywellhealth.com verywellmind.com drugs.com medscape.com msdmanuals.com
merckmanuals.com uptodate.com patient.info aad.org ada.org aap.org heart.org cancer.org diabetes.org apa.org
psychologytoday.com everydayhealth.com kidshealth.org examine.com ewg.org eatright.org acog.org mozilla.org
developer.mozilla.org w3schools.com geeksforgeeks.org tutorialspoint.com python.org readthedocs.io readthedocs.org
learn.microsoft.com khanacademy.org coursera.org edx.org howstuffworks.com sciencedaily.com phys.org
nationalacademies.org royalsociety.org si.edu avma.org akc.org aspca.org law.cornell.edu justia.com findlaw.com
nolo.com oyez.org wikihow.com pubmed.ncbi.nlm.nih.gov medlineplus.gov academia.edu weather.com weather.com.cn
wunderground.com accuweather.com theweathernetwork.com worldpopulationreview.com stlouisfed.org dentaly.org
scholaroo.com california-demographics.com populationstat.com coincodex.com coinmarketcap.com
"""

ECOMMERCE = """
jd.com jd.hk jingxi.com tmall.com tmall.hk taobao.com 1688.com pinduoduo.com yangkeduo.com vip.com suning.com
gome.com.cn dangdang.com kaola.com you.163.com yanxuan.com youpin.mi.com xiaomiyoupin.com mogujie.com jumei.com
yhd.com dewu.com poizon.com xianyu.com goofish.com zhuanzhuan.com ele.me meituan.com freshippo.com dingdongmaicai.com
fliggy.com ctrip.com trip.com qunar.com tuniu.com ly.com elong.com 58.com ganji.com anjuke.com ke.com lianjia.com
fang.com guazi.com renrenche.com uxin.com kongfz.com made-in-china.com dhgate.com hc360.com alibaba.com aliexpress.*
shein.* temu.com lazada.* shopee.* weidian.com youzan.com koudaitong.com momoshop.com.tw pchome.com.tw books.com.tw
ruten.com.tw hktvmall.com sj.qq.com app.mi.com appstore.huawei.com appgallery.huawei.com wandoujia.com app.qq.com
apps.apple.com itunes.apple.com play.google.com apps.microsoft.com marketplace.atlassian.com chromewebstore.google.com
chrome.google.com/webstore addons.mozilla.org appexchange.salesforce.com apps.shopify.com shopping.google.com
google.com/shopping store.steampowered.com gog.com epicgames.com itch.io f-droid.org apkpure.com amazon.* ebay.*
etsy.com walmart.* target.com bestbuy.com bestbuy.ca costco.* samsclub.com kohls.com macys.com nordstrom.com
nordstromrack.com bloomingdales.com saksfifthavenue.com neimanmarcus.com jcpenney.com dillards.com sears.com kmart.com
homedepot.com homedepot.ca lowes.com lowes.ca acehardware.com harborfreight.com menards.com wayfair.* overstock.com
ikea.* crateandbarrel.com potterybarn.com westelm.com williams-sonoma.com surlatable.com rei.com backcountry.com
moosejaw.com dickssportinggoods.com academy.com decathlon.* evo.com competitivecyclist.com steepandcheap.com
campsaver.com basspro.com cabelas.com sierra.com roadrunnersports.com zappos.com dsw.com footlocker.* finishline.com
asos.com zalando.* farfetch.com net-a-porter.com ssense.com mrporter.com revolve.com shopbop.com poshmark.com
mercari.com depop.com thredup.com vinted.* stockx.com goat.com grailed.com therealreal.com kickscrew.com sephora.*
ulta.com lookfantastic.com beautylish.com dermstore.com iherb.com vitacost.com cvs.com walgreens.com riteaid.com
boots.com superdrug.com chemistwarehouse.com.au buyfsa.com newegg.* bhphotovideo.com adorama.com microcenter.com
tigerdirect.com cdw.com monoprice.com crutchfield.com worldwidestereo.com turntablelab.com sweetwater.com
guitarcenter.com musiciansfriend.com reverb.com thomann.de elderly.com gamestop.com backmarket.* reebelo.* swappa.com
gazelle.com wellbots.com playbetter.com vminnovations.com chewy.com petsmart.com petco.com buybuybaby.com
bedbathandbeyond.com staples.com officedepot.com quill.com barnesandnoble.com bookshop.org waterstones.com
thriftbooks.com abebooks.com audible.com kroger.com instacart.com doordash.com ubereats.com grubhub.com deliveroo.*
hellofresh.* wholefoodsmarket.com carvana.com carmax.com carfax.com autotrader.com autotrader.co.uk cargurus.com
vroom.com rockauto.com autozone.com argos.co.uk johnlewis.com currys.co.uk ao.com tesco.com sainsburys.co.uk asda.com
marksandspencer.com very.co.uk next.co.uk screwfix.com diy.com richersounds.com halfords.com canadiantire.ca
thebay.com harveynorman.com.au jbhifi.com.au thegoodguys.com.au officeworks.com.au bunnings.com.au kogan.com
catch.com.au myer.com.au mightyape.co.nz noelleeming.co.nz pbtech.co.nz mediamarkt.* saturn.de otto.de fnac.com
darty.com cdiscount.com boulanger.com bol.com coolblue.nl coolblue.be allegro.pl ozon.ru wildberries.ru rakuten.co.jp
yodobashi.com biccamera.com qoo10.* coupang.com gmarket.co.kr 11st.co.kr flipkart.com myntra.com snapdeal.com ajio.com
croma.com mercadolibre.* mercadolivre.com.br jumia.* noon.com takealot.com booking.com expedia.* hotels.com airbnb.*
vrbo.com agoda.com kayak.* skyscanner.* priceline.com orbitz.com travelocity.com hostelworld.com viator.com
getyourguide.com klook.com ticketmaster.* stubhub.com eventbrite.* luggagepros.com cutleryandmore.com
kitchenkapers.com swimoutlet.com geartrade.com mattresswarehouse.com applianceguys.com luggageonlineoutlet.com
factorypure.com abt.com ajmadison.com bergmanluggage.com americantv.com myshopify.com bigcartel.com gumroad.com
lemonsqueezy.com sellfy.com udemy.com humblebundle.com redbubble.com society6.com onestopplus.com onestopplus.co.uk
quince.com thefeed.com 6ave.com vipoutlet.com retrosmarket.com homeoutletdirect.com merlinstv.com directbed.ca
wtoutlets.com foscammall.com pilotmall.com divecatalog.com systemsdirect.com directcomputers.co.uk sewandvac.com
rusticfurnituredepot.com altomusic.com mountainsports.com swim2000.com riverbendhome.com digitnow.com
totalliquidators.net heartlandpc.com dockuniverse.com winecoolercity.com
"""

GOVERNMENT = """
=gov.cn =gov.uk =gov.hk =gov.mo =gov.sg =gov.pl =gov.ie =gov.br =gov.il =gov.za europa.eu canada.ca gc.ca quebec.ca
ontario.ca nhs.uk parliament.uk police.uk mod.uk bund.de bundesregierung.de bundestag.de bafin.de admin.ch ch.ch
overheid.nl rijksoverheid.nl government.nl belastingdienst.nl belgium.be service-public.fr vie-publique.fr
regjeringen.no regeringen.se konsumentverket.se borger.dk suomi.fi government.se governo.it agenziaentrate.it boe.es
riksdagen.se kremlin.ru government.ru go.jp lg.jp go.kr go.th go.id go.ke go.tz go.ug go.cr gv.at fed.us 12315.cn
12377.cn 12321.cn 12348.cn
"""

#: what lies under a listed domain and is something else: a company's own pages for developers and advertisers
OTHER = """
aws.amazon.com developer.amazon.com advertising.amazon.com sell.amazon.com developers.facebook.com
business.facebook.com about.instagram.com ads.tiktok.com seller.tiktok.com open.weibo.com open.taobao.com
open.douyin.com developer.linkedin.com business.linkedin.com business.trustpilot.com business.yelp.com
marketing.dianping.com cloud.jd.com developers.google.com sell.g2.com business.adobe.com creator.douyin.com
developer.ebay.com shopify.com shopify.dev shopware.com shopline.com shoplazza.com photoshop.com shoptalk.com
"""

LISTS = {
    SourceClass.NEWS: NEWS,
    SourceClass.REVIEW: REVIEW,
    SourceClass.UGC: UGC,
    SourceClass.REFERENCE: LOOKED_UP,
    SourceClass.ECOMMERCE: ECOMMERCE,
    SourceClass.GOVERNMENT: GOVERNMENT,
    SourceClass.OTHER: OTHER,
}

#: the suffixes that ``name.*`` stands for
_COUNTRIES = """
com net org cn com.cn hk com.hk tw com.tw sg com.sg my com.my co.jp jp co.kr kr in co.in co.id id co.th vn com.vn ph
com.ph au com.au co.nz nz ca us com.mx mx com.br br com.ar com.co cl com.pe uk co.uk ie de at ch fr be nl lu es it pt
pl com.pl cz sk hu ro bg gr dk se no fi ee lv lt com.tr ae com.sa sa eg com.eg co.za com.ng ng ke co.ke il co.il ru
com.ua ua com.pk eu
"""
COUNTRIES = frozenset(_COUNTRIES.split())
