"""The registry: rows as data, the user's file over them, and which engine a wish means."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandq.errors import BadSettings
from brandq.plan import EngineRef, EngineWish, name_key
from brandq.providers import DIALECTS
from brandq.providers.dialect import ErrorClass, Price
from brandq.providers.registry import MAX_ENGINE_CHARS, Registry, key_names, load

ROWS = load()
KEYS = dict.fromkeys(key_names(ROWS), "sk-test-0123456789")


def write(folder: Path, text: str) -> Path:
    path = folder / "engines.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        load(write(folder, text))
    return caught.value.faults


# -- the rows that ship


def test_the_shipped_rows_are_those_that_the_dialects_can_serve() -> None:
    """Given the package alone, when its rows are loaded, then every provider is there and well-formed."""
    expected = (
        "openai anthropic gemini perplexity xai mistral deepseek qwen doubao "
        "kimi zhipu ernie hunyuan spark minimax openrouter local"
    )
    assert list(ROWS) == expected.split()
    for row in ROWS.values():
        assert row.dialect in DIALECTS
        assert row.base_url.startswith("https://") or row.name == "local"
        assert set(row.citations) <= set(getattr(DIALECTS[row.dialect], "EXTRACTORS", ()))
        assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", variable) for variable in row.key_env)
        assert 1 <= row.concurrency <= 64
        assert 30 <= row.total_s <= 570
        assert row.title
        assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", price.dated) for price in row.prices.values())


def test_search_is_on_by_default_only_where_its_sources_come_back() -> None:
    """Given the rows, when search is left to them, then it is on where this dialect returns sources, else off."""
    searching = {
        "openai",
        "perplexity",
        "xai",
        "doubao",
        "anthropic",
        "gemini",
        "deepseek",
        "qwen",
        "zhipu",
        "ernie",
        "hunyuan",
        "openrouter",
        "kimi",
    }
    assert {row.name for row in ROWS.values() if row.search_default} == searching
    assert {row.name for row in ROWS.values() if row.search} - searching == {"spark"}


def test_the_shipped_rows_say_how_many_rounds_and_what_pace() -> None:
    """Given the rows, when loaded, then those that pause have rounds, and those with one limit for all have a pace."""
    assert {row.name: row.rounds for row in ROWS.values() if row.rounds} == {"anthropic": 3, "deepseek": 3, "kimi": 3}
    paced = {row.name: row.requests_per_minute for row in ROWS.values() if row.requests_per_minute}
    assert paced == {"perplexity": 50, "hunyuan": 300}
    assert {(row.proxy, row.first_byte_s) for row in ROWS.values()} == {(None, None)}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("豆包", "doubao"),
        ("Doubao", "doubao"),
        ("ＤＯＵＢＡＯ", "doubao"),
        ("通义千问", "qwen"),
        ("千问", "qwen"),
        ("谷歌", "gemini"),
        ("Google", "gemini"),
        ("bard", "gemini"),
        ("文心一言", "ernie"),
        ("百度", "ernie"),
        ("ChatGPT", "openai"),
        ("gpt", "openai"),
        ("智谱清言", "zhipu"),
        ("腾讯元宝", "hunyuan"),
        ("讯飞星火", "spark"),
        ("月之暗面 Kimi", "kimi"),
        ("深度求索", "deepseek"),
        ("Claude", "anthropic"),
        ("克劳德", "anthropic"),
        ("Le  Chat", "mistral"),
        ("grok", "xai"),
        ("Sonar", "perplexity"),
        ("PPLX", "perplexity"),
        ("海螺", "minimax"),
        (" ollama ", "local"),
    ],
)
def test_an_alias_is_found_whatever_its_case_and_width(said: str, name: str) -> None:
    """Given a name as people write it, when it is wished for, then its provider is meant."""
    engine = Registry(ROWS, KEYS).choose(EngineWish(said, model="m"))
    assert isinstance(engine, EngineRef)
    assert engine.provider == name


@pytest.mark.parametrize("said", ["doubaoo", "豆", "豆包豆包", "gpt-4", "open", "", "claude 5", "doubao seed"])
def test_likeness_is_no_name(said: str) -> None:
    """Given something like a name, when it is wished for, then nothing is chosen, and the known ones are listed."""
    words = Registry(ROWS, KEYS).choose(EngineWish(said))
    assert isinstance(words, str)
    assert repr(said) in words
    assert "doubao, kimi, zhipu" in words


def test_no_two_rows_share_a_name() -> None:
    """Given the shipped rows, when all their names are folded, then each means one provider."""
    names = [name_key(name) for row in ROWS.values() for name in {name_key(n) for n in (row.name, *row.aliases)}]
    assert len(names) == len(set(names))


# -- wishes


def test_the_rows_defaults_make_the_short_key() -> None:
    """Given a wish for a name alone, when chosen, then model and search are the row's and the key is the name."""
    engine = Registry(ROWS, KEYS).choose(EngineWish("智谱"))
    assert engine == EngineRef("zhipu", "zhipu", "glm-5.3-flash", search=True)


@pytest.mark.parametrize(
    ("wish", "key"),
    [
        (EngineWish("zhipu", model="glm-5.3"), "zhipu/glm-5.3"),
        (EngineWish("zhipu", search=False), "zhipu?search=off"),
        (EngineWish("zhipu", "glm-5.3", False), "zhipu/glm-5.3?search=off"),
        (EngineWish("zhipu", "glm-5.3-flash", True), "zhipu"),
        (EngineWish("spark", search=True), "spark?search=on"),
        (EngineWish("local", "qwen3:0.6b"), "local/qwen3:0.6b"),
        (EngineWish("openrouter", "openai/gpt-5.6"), "openrouter/openai/gpt-5.6"),
        (EngineWish("local", "a b?c&d%"), "local/a%20b%3Fc%26d%25"),
    ],
)
def test_a_key_names_what_differs_and_means_the_same_engine_again(wish: EngineWish, key: str) -> None:
    """Given a wish, when chosen, then its key says what differs from the row, and is a wish for the same."""
    chooser = Registry(ROWS, KEYS)
    engine = chooser.choose(wish)
    assert isinstance(engine, EngineRef), engine
    assert engine.engine == key
    assert chooser.choose(EngineWish(key)) == engine


@given(
    name=st.sampled_from([name for name, row in ROWS.items() if row.search]),
    model=st.text(
        alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=15
    ).filter(lambda model: model.strip() == model),
    search=st.booleans(),
)
def test_any_model_survives_its_key(name: str, model: str, search: bool) -> None:
    """Given any model's name, when its engine's key is wished for, then it is the same engine."""
    chooser = Registry(ROWS, KEYS)
    engine = chooser.choose(EngineWish(name, model, search))
    assert isinstance(engine, EngineRef), engine
    assert chooser.choose(EngineWish(engine.engine)) == engine


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (EngineWish("openrouter"), "openrouter has no model of its own; name one, as in openrouter/MODEL"),
        (
            EngineWish("minimax", search=True),
            "minimax has no search in the dialect openai-chat; leave search out, or give false",
        ),
        (
            EngineWish("zhipu", locale="zh-CN"),
            "zhipu cannot be told a locale; leave it out, or name the place in the prompt",
        ),
        (EngineWish("zhipu", model="m" * 200), f"at most {MAX_ENGINE_CHARS} characters fit"),
        (EngineWish("zhipu?search=maybe"), "after the ? only search=on, search=off and locale=… are known"),
        (EngineWish("zhipu?serch=on"), "after the ? only search=on, search=off and locale=… are known"),
        (EngineWish("zhipu/glm-5.3", model="glm-4"), "give each in one place"),
        (EngineWish("zhipu?search=off", search=True), "give each in one place"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(wish: EngineWish, said: str) -> None:
    """Given a wish that a row cannot fulfil, when chosen, then the words say what to change."""
    words = Registry(ROWS, KEYS).choose(wish)
    assert isinstance(words, str)
    assert said in words


def test_a_row_that_says_where_a_locale_goes_takes_one(tmp_path: Path) -> None:
    """Given a row with {locale} in its search, when one is wished for, then it is in the key; the row may have one."""
    rows = load(
        write(
            tmp_path,
            '[engines.here]\ndialect = "openai-chat"\nbase_url = "http://h.example"\nmodel = "m"\nlocale = "en-GB"\n'
            'search = { user_location = { region = "{locale}" } }\n',
        )
    )
    chooser = Registry(rows, {})
    assert chooser.choose(EngineWish("here")) == EngineRef("here", "here", "m", locale="en-GB")
    german = chooser.choose(EngineWish("here", locale="de-DE", search=True))
    assert german == EngineRef("here?search=on&locale=de-DE", "here", "m", search=True, locale="de-DE")
    assert chooser.choose(EngineWish("here?search=on&locale=de-DE")) == german


# -- keys and simulation


def test_a_provider_without_a_key_names_the_variable_to_set() -> None:
    """Given no keys, when a known engine is wished for, then the words name the variable."""
    chooser = Registry(ROWS, {})
    assert chooser.choose(EngineWish("豆包")) == "doubao has no key here: set ARK_API_KEY"
    assert (
        chooser.choose(EngineWish("元宝")) == "hunyuan has no key here: set TENCENT_TOKENHUB_API_KEY or TENCENT_API_KEY"
    )
    assert "those that can be asked here are local; without a key: openai, anthropic" in str(
        chooser.choose(EngineWish("x"))
    )
    assert isinstance(chooser.choose(EngineWish("local", "m")), EngineRef), "it needs none"


def test_the_first_variable_that_is_set_gives_the_key() -> None:
    """Given two variables, when only the second is set, then it is used; when both are, the first."""
    hy = EngineRef("hunyuan", "hunyuan", "hy3")
    assert Registry(ROWS, {"TENCENT_API_KEY": "second", "TENCENT_TOKENHUB_API_KEY": " "}).key(hy) == "second"
    assert Registry(ROWS, {"TENCENT_API_KEY": "second", "TENCENT_TOKENHUB_API_KEY": "first\n"}).key(hy) == "first"
    assert Registry(ROWS, {}).key(hy) is None


def test_missing_simulates_what_has_no_key_and_all_simulates_everything() -> None:
    """Given each mode, when engines are chosen, then exactly those say that they are simulated."""

    def simulated(mode: str) -> set[str]:
        chooser = Registry(ROWS, {"ARK_API_KEY": "k-0123456789"}, mode, "http://s.example/")  # type: ignore[arg-type]
        return {name for name in ROWS if getattr(chooser.choose(EngineWish(name, model="m")), "simulated", False)}

    assert simulated("off") == set()
    assert simulated("missing") == set(ROWS) - {"doubao", "local"}
    assert simulated("all") == set(ROWS)


def test_a_simulated_engine_is_asked_at_the_simulator_without_a_key_or_a_price() -> None:
    """Given a simulated engine, when its provider is looked up, then the simulator is asked, and nobody is paid."""
    chooser = Registry(ROWS, KEYS, "all", "http://127.0.0.1:9/")
    engine = chooser.choose(EngineWish("zhipu"))
    assert isinstance(engine, EngineRef)
    provider = chooser.provider(engine)
    assert (provider.name, provider.base_url, provider.dialect) == ("zhipu", "http://127.0.0.1:9/v1", "openai-chat")
    assert (provider.key_env, provider.prices, provider.path) == ((), {}, None)
    paused = chooser.choose(EngineWish("kimi"))
    assert isinstance(paused, EngineRef)
    assert chooser.provider(paused).rounds == 0
    paced = chooser.choose(EngineWish("perplexity"))
    assert isinstance(paced, EngineRef)
    assert chooser.provider(paced).requests_per_minute is None
    assert chooser.key(engine) is None


def test_the_simulator_is_not_asked_by_way_of_a_providers_proxy(tmp_path: Path) -> None:
    """Given a row with a proxy, when the simulator answers in its place, then it is reached as any server is."""
    rows = load(write(tmp_path, '[engines.zhipu]\nproxy = "http://p.example:3128"\n'))
    engine = Registry(rows, {}, "all", "http://127.0.0.1:9").choose(EngineWish("zhipu"))
    assert isinstance(engine, EngineRef)
    assert rows["zhipu"].proxy is not None
    assert Registry(rows, {}, "all", "http://127.0.0.1:9").provider(engine).proxy is None


def test_an_engine_that_this_process_cannot_ask_is_bad_settings() -> None:
    """Given an engine without a row, without a simulator or from a file, when looked up, then the words say so."""
    chooser = Registry(ROWS, KEYS)
    for engine, said in (
        (EngineRef("gone", "gone", "m"), "engines file"),
        (EngineRef("zhipu", "zhipu", "m", simulated=True), "simulator's address"),
        (EngineRef("zhipu", "zhipu", "m", imported=True), "imported"),
    ):
        with pytest.raises(BadSettings, match=said):
            chooser.provider(engine)


def test_the_registry_never_shows_a_key() -> None:
    """Given keys, when the registry is printed, listed or finds a broken key, then no key is in the words."""
    chooser = Registry(ROWS, KEYS)
    assert "sk-test" not in repr(chooser) + repr(chooser.listing())
    with pytest.raises(BadSettings) as caught:
        Registry(ROWS, {"ARK_API_KEY": "sk-test-one\nsk-test-two"})
    assert "ARK_API_KEY" in str(caught.value)
    assert "sk-test" not in str(caught.value)


def test_the_listing_is_json() -> None:
    """Given the registry, when listed, then each row is one JSON object with its price as text."""
    rows = {
        listing.name: listing.to_json()
        for listing in Registry(ROWS, {"ARK_API_KEY": "k-0123456789"}, "missing").listing()
    }
    assert json.loads(json.dumps(rows))["doubao"] == {
        "name": "doubao",
        "title": "ByteDance Doubao 豆包",
        "aliases": ["豆包", "火山方舟", "ark"],
        "dialect": "openai-responses",
        "model": "doubao-seed-2-1-turbo-260628",
        "configured": True,
        "simulated": False,
        "search": True,
        "verified": False,
        "key_env": ["ARK_API_KEY"],
        "locale": None,
        "requests_per_minute": None,
        "price": {"tokens_in": "0.43", "tokens_out": "2.16", "currency": "USD", "dated": "2026-11-23", "search": None},
    }
    assert rows["zhipu"]["search"] is True
    assert (rows["zhipu"]["configured"], rows["zhipu"]["simulated"]) == (False, True)
    assert rows["local"]["configured"] is True


# -- the user's file


def test_a_users_table_overrides_a_row_field_by_field(tmp_path: Path) -> None:
    """Given a table with a row's name, when loaded, then its fields replace the row's; codes and prices add up."""
    rows = load(
        write(
            tmp_path,
            """
[engines.zhipu]
base_url = "https://gateway.example/v4/"
key_env = ["MY_KEY", "ZHIPUAI_API_KEY"]
model = "glm-5.3"
search = {}
search_default = false
total_s = 60.5
error_codes = { 1113 = "rate_limit", 9999 = "refused" }
[engines.zhipu.prices."glm-5.3"]
tokens_in = "1"
tokens_out = "2"
currency = "CNY"
dated = 2026-12-01
search = "0.03"
""",
        )
    )
    row, below = rows["zhipu"], ROWS["zhipu"]
    assert (row.base_url, row.key_env, row.model) == (
        "https://gateway.example/v4",
        ("MY_KEY", "ZHIPUAI_API_KEY"),
        "glm-5.3",
    )
    assert (row.search, row.total_s, row.aliases, row.title) == (None, 60.5, below.aliases, below.title)
    assert row.error_codes["1113"] is ErrorClass.RATE_LIMIT
    assert row.error_codes["1302"] is ErrorClass.RATE_LIMIT
    assert set(row.refusal_codes) == {"1301", "9999"}
    assert row.prices["glm-5.3"] == Price(Decimal(1), Decimal(2), "CNY", "2026-12-01", Decimal("0.03"))
    assert row.prices["glm-5.3-flash"] == below.prices["glm-5.3-flash"]
    assert rows["doubao"] == ROWS["doubao"]


def test_a_users_table_adds_a_row(tmp_path: Path) -> None:
    """Given a table with a new name, when loaded, then it is a provider like any other."""
    rows = load(
        write(
            tmp_path,
            '[engines.mine]\ndialect = "openai-chat"\nbase_url = "http://h.example"\nmodel = "m"\naliases = ["我的"]\n',
        )
    )
    assert Registry(rows, {}).choose(EngineWish("我的")) == EngineRef("mine", "mine", "m")
    assert (rows["mine"].title, rows["mine"].key_env, rows["mine"].verified) == ("mine", (), False)


MINE = '[engines.mine]\ndialect = "openai-chat"\nbase_url = "http://h.example"\ntotal_s = 60\n'


def test_a_row_says_its_rounds_its_pace_its_proxy_and_its_first_byte(tmp_path: Path) -> None:
    """Given a row with all four, when loaded, then the provider has them; without them, it has no word of any."""
    more = 'rounds = 10\nrequests_per_minute = 100000\nproxy = "https://p.example:3128/"\nfirst_byte_s = 59.5\n'
    row = load(write(tmp_path, MINE + more))["mine"]
    assert (row.rounds, row.requests_per_minute, row.proxy, row.first_byte_s) == (
        10,
        100_000,
        "https://p.example:3128",
        59.5,
    )
    assert isinstance(row.requests_per_minute, int)
    bare = load(write(tmp_path, MINE))["mine"]
    assert (bare.rounds, bare.requests_per_minute, bare.proxy, bare.first_byte_s) == (0, None, None, None)
    assert load(write(tmp_path, MINE + 'rounds = 0\nproxy = "direct"\n'))["mine"].proxy == "direct"
    assert load(write(tmp_path, MINE + 'proxy = "http://[::1]:8080"\n'))["mine"].proxy == "http://[::1]:8080"


PROXY = 'expected "direct", http://host:port or https://host:port'
WITH_A_USER = "must hold no user or password; a proxy with one goes into HTTPS_PROXY of the process"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rounds = 11", "expected a whole number from 0, at most 10"),
        ("rounds = -1", "expected a whole number from 0, at most 10"),
        ("rounds = 1.5", "expected a whole number from 0, at most 10"),
        ("rounds = true", "expected a whole number from 0, at most 10"),
        ("requests_per_minute = 0", "expected a whole number above 0, at most 100,000"),
        ("requests_per_minute = 100001", "expected a whole number above 0, at most 100,000"),
        ("requests_per_minute = 0.5", "expected a whole number above 0, at most 100,000"),
        ("first_byte_s = 0", "expected a number above 0"),
        ("first_byte_s = 60", "expected less than total_s, which is 60"),
        ("first_byte_s = nan", "expected a number above 0"),
        ('proxy = "socks5://p.example:1080"', PROXY),
        ('proxy = "http://p.example"', PROXY),
        ('proxy = "http://p.example:0"', PROXY),
        ('proxy = "http://p.example:port"', PROXY),
        ('proxy = "http://:3128"', PROXY),
        ('proxy = "http://p.example:3128/path"', PROXY),
        ('proxy = "http://p.example:3128?x=1"', PROXY),
        ('proxy = "http://[p.example:3128"', PROXY),
        ('proxy = "p.example:3128"', PROXY),
        ('proxy = "none"', PROXY),
        ("proxy = true", "expected a text"),
        ('proxy = "http://me:hush-hush@p.example:3128"', WITH_A_USER),
        ('proxy = "http://hush-hush@p.example:3128"', WITH_A_USER),
        ('body = { system = "x" }', "system: is brandq's to fill"),
        ('search = { instructions = "x" }', "instructions: is brandq's to fill"),
        ("body = { systemInstruction = {} }", "systemInstruction: is brandq's to fill"),
        ("body = { system_instruction = {} }", "system_instruction: is brandq's to fill"),
    ],
)
def test_a_field_that_a_row_cannot_have_so_is_said_in_words(tmp_path: Path, line: str, said: str) -> None:
    """Given a row with one bad field, when loaded, then the one fault names the field and what it may hold."""
    (fault,) = faults_of(tmp_path, f"{MINE}{line}\n")
    assert f"[engines.mine] {line.split()[0]}: " in fault
    assert said in fault
    assert "hush-hush" not in fault


def test_rounds_are_for_dialects_that_have_them(tmp_path: Path) -> None:
    """Given rounds for a dialect in which nobody pauses, when loaded, then the fault says so."""
    (fault,) = faults_of(tmp_path, MINE.replace("openai-chat", "gemini") + "rounds = 1\n")
    assert fault.endswith("rounds: the dialect gemini has none; leave it out, or give 0")


def test_every_fault_of_the_file_is_named_at_once(tmp_path: Path) -> None:
    """Given a file with a fault in every field, when loaded, then one error names each of them and where it stands."""
    faults = faults_of(
        tmp_path,
        """
other = 1
[engines]
plain = 3
[engines."a/b"]
dialect = "openai-chat"
base_url = "http://x.example"
[engines.bad]
dialect = "smoke"
base_url = "ftp://x"
model = 4
key_env = ["A B"]
aliases = ["豆包", ""]
path = "chat"
headers = { Authorization = "Bearer x", x = 1 }
body = { stream = true, day = 2026-01-01 }
search_default = true
citations = ["guess"]
error_codes = { 1 = "weather" }
concurrency = 0
total_s = "long"
verified = "yes"
colour = "red"
locale = "zh"
[engines.bad.prices.m]
tokens_in = 0.5
tokens_out = "1"
currency = "USD"
dated = "2026-01-01"
[engines.keyed]
dialect = "openai-chat"
base_url = "https://user:secret@x.example/?key=1"
""",
    )
    text = "\n".join(faults)
    for field in [
        "dialect",
        "base_url",
        "model",
        "key_env",
        "aliases",
        "path",
        "headers",
        "body",
        "search_default",
        "citations",
        "error_codes",
        "concurrency",
        "total_s",
        "verified",
        "colour",
        "locale",
        "prices",
    ]:
        assert f"[engines.bad] {field}: " in text, field
    assert "only [engines.NAME] tables are known, not other" in text
    assert "[engines.plain]: expected a table" in text
    assert "[engines.a/b]: a name holds no white space" in text
    assert "'豆包' names both [engines.doubao] and [engines.bad]" in text
    assert "[engines.keyed] base_url: must hold no user, ? or #" in text
    assert "secret" not in text
    assert all(str(tmp_path / "engines.toml") in fault for fault in faults)


def test_a_new_row_needs_an_address_and_a_dialect(tmp_path: Path) -> None:
    """Given a table with neither, when loaded, then both are asked for."""
    assert [fault.split("] ")[1].split(":")[0] for fault in faults_of(tmp_path, "[engines.mine]\n")] == [
        "dialect",
        "base_url",
    ]


@pytest.mark.parametrize("text", ["[engines", "\x00", 'engines = "x"', "[[engines]]"])
def test_what_is_no_such_file_is_one_clear_fault(tmp_path: Path, text: str) -> None:
    """Given bad TOML or another shape, when loaded, then it is bad settings that name the file."""
    assert all("engines.toml" in fault for fault in faults_of(tmp_path, text))


def test_a_file_that_cannot_be_read_is_bad_settings(tmp_path: Path) -> None:
    """Given a path to nothing, and bytes that are no text, when loaded, then it is bad settings."""
    with pytest.raises(BadSettings, match="cannot be read"):
        load(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b'[engines.x]\ntitle = "\xe9"\n')
    with pytest.raises(BadSettings, match="is not TOML"):
        load(tmp_path / "latin.toml")
