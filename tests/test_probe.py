"""One real call on request: what it says, what it records, and how the engines are shown on the command line."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from rich.cells import cell_len

from brandq import store
from brandq.plan import EngineRef, EngineWish
from brandq.probing import PROMPTS, Probe, make_probe, record, recording, told
from brandq.providers.dialect import Answer, AnswerKind, Citation, Outcome, Provider
from brandq.providers.registry import Registry, load
from brandq.simulator import Simulator

ROW = """
[engines.{name}]
title = "{title}"
dialect = "openai-chat"
base_url = "{url}/v1"
model = "{model}"
key_env = "PROBED_API_KEY"
search = {{ web_search_options = {{}} }}
search_default = true
total_s = 5
"""
KEY = "Probed/Key+with=signs&0123456789"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(port=0, latency_ms=10) as running:
        yield running


def engines_file(folder: Path, url: str, *, name: str = "probed", title: str = "Probed", model: str = "m1") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(ROW.format(name=name, title=title, url=url, model=model), encoding="utf-8")
    return path


def brandq(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "brandq", *command],
        env={**kept, "LANG": "C.UTF-8", "COLUMNS": "100", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def asked(folder: Path, simulator: Simulator, model: str, **row: str) -> Probe:
    """A probe of the simulator behind a row of a user's own, which is a real engine to brandq."""
    registry = Registry(load(engines_file(folder, simulator.url, model=model, **row)), {"PROBED_API_KEY": KEY})
    engine = registry.choose(EngineWish(row.get("name", "probed")))
    assert isinstance(engine, EngineRef), engine
    return make_probe(registry, engine, prompt=None, system=None)


def said(probe: Probe) -> dict[str, str]:
    """The named lines; those without a name stand under ``sources``, line by line."""
    lines: dict[str, str] = {}
    for name, words in told(probe):
        if name:
            lines[name] = words
        else:
            lines["sources"] += f"\n{words}"
    return lines


def test_a_probe_says_what_was_found_where(tmp_path: Path, simulator: Simulator) -> None:
    """Given an assistant behind a user's own row, when it is probed, then status, model, text, sources, tokens and cost are
    told, request and reply are recorded, and no database is made."""
    settings = {
        "BRANDQ_ENGINES_FILE": str(engines_file(tmp_path, simulator.url)),
        "PROBED_API_KEY": KEY,
    }
    shown = brandq(tmp_path, "probe", "probed", "--system", "Be brief.", "--prompt", "Which tea is best?", **settings)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for words in (
        "status 200",
        "1 request",
        "asked m1, served m1-simulated",
        "ok (finish: stop)",
        "requested yes, executed yes",
        "via annotations:",
        "cited, 0 only retrieved, 0 unknown",
        ".example https://",
        "unknown",
        "recorded",
    ):
        assert words in shown.stdout, words
    assert "SIMULATED" not in shown.stdout, "a user's own engine is not our simulator, whatever stands behind it"
    assert not (tmp_path / "data").exists()
    (path,) = (tmp_path / "probes").iterdir()
    found = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == f"probed-{datetime.fromisoformat(found['asked_at']):%Y%m%dT%H%M%SZ}.json"
    assert set(found) == {"engine", "asked_at", "url", "request", "status", "reply", "read"}
    assert (found["engine"]["provider"], found["engine"]["dialect"]) == ("probed", "openai-chat")
    assert (found["url"], found["status"]) == (f"{simulator.url}/v1/chat/completions", 200)
    assert found["request"]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Which tea is best?"},
    ]
    assert found["reply"]["choices"][0]["message"]["content"] == found["read"]["answer"]["text"]
    assert found["read"]["answer"]["kind"] == "ok"


@pytest.mark.parametrize(
    ("fault", "error", "wait", "consequence"),
    [
        ("401", "auth", "not told", "would pause the provider, with all its models"),
        ("402", "no_money", "not told", "would pause the provider, with all its models"),
        ("404-model", "model", "not told", "would pause this model"),
        ("429-retry-after:7", "rate_limit", "7000 ms", "would ask again, 4 times at most, and ask this provider more"),
        ("500", "overloaded", "not told", "several such calls in a row pause the provider"),
        ("400-context", "context", "not told", "would give up this one sample"),
    ],
)
def test_an_error_says_what_brandq_would_do(
    tmp_path: Path, simulator: Simulator, fault: str, error: str, wait: str, consequence: str
) -> None:
    """Given a provider that refuses, when it is probed, then the class, the wait and what a worker would do are told."""
    lines = said(asked(tmp_path, simulator, f"sim-fault-{fault}"))
    assert (lines["error"], lines["wait"]) == (error, wait)
    assert consequence in lines["brandq"]
    assert "probed" in lines["message"]


def test_a_probe_that_gets_no_answer_fails(tmp_path: Path, simulator: Simulator) -> None:
    """Given a refused key, when it is probed with nothing to be recorded, then the exit code is 1 and no file is made."""
    file = engines_file(tmp_path, simulator.url, model="sim-fault-401-echo-key")
    shown = brandq(tmp_path, "probe", "probed", "--out", "-", BRANDQ_ENGINES_FILE=str(file), PROBED_API_KEY=KEY)
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert "check PROBED_API_KEY" in shown.stdout
    assert KEY not in shown.stdout + shown.stderr
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_nobody_is_probed_in_place_of_a_real_engine(tmp_path: Path) -> None:
    """Given no key, when an engine is probed, then it is refused in words, though others may be simulated; where all are,
    the simulator answers and says so."""
    for simulate, words in (("off", "set ARK_API_KEY"), ("missing", "a probe is a real call: set ARK_API_KEY")):
        refused = brandq(tmp_path, "probe", "doubao", BRANDQ_SIMULATE=simulate)
        assert refused.returncode == 2
        assert words in " ".join(refused.stderr.split())
    simulated = brandq(tmp_path, "probe", "豆包", BRANDQ_SIMULATE="all")
    assert simulated.returncode == 0, simulated.stderr
    assert "SIMULATED" in simulated.stdout
    assert json.loads(next((tmp_path / "probes").iterdir()).read_text(encoding="utf-8"))["engine"]["simulated"] is True


@pytest.mark.parametrize(("title", "language"), [("Probed 试探", "zh"), ("Probed", "en")])
def test_without_a_prompt_a_buyers_question_is_asked(
    tmp_path: Path, simulator: Simulator, title: str, language: str
) -> None:
    """Given a row with a Chinese title, or none, when it is probed without words, then it is asked in that language."""
    probe = asked(tmp_path, simulator, "m1", title=title)
    assert probe.outcome.request["messages"] == [{"role": "user", "content": PROMPTS[language]}]


def test_an_engine_that_answers_is_asked_again(database_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """Given a paused provider and a paused model of it, when a probe fails, then both stay paused; when one succeeds, then
    they are asked again, and another provider's pause is left alone."""
    database = store.Database(database_url, pool_size=1)
    scopes = ("probed", "probed/m1", "another")

    def paused() -> list[str]:
        with database.read() as db:
            return sorted(scope for scope, state in store.engine_states(db).items() if state.open_until)

    now = datetime.now(UTC)
    for scope in scopes:
        with database.begin() as db:
            store.open_engine(db, scope, reason="auth", message="no", wait=None, settings="s", now=now)
    settings = {
        "BRANDQ_DATABASE_URL": database_url,
        "BRANDQ_ENGINES_FILE": str(engines_file(tmp_path, simulator.url)),
        "PROBED_API_KEY": KEY,
    }
    assert brandq(tmp_path, "probe", "probed/sim-fault-401", **settings).returncode == 1
    assert paused() == sorted(scopes)
    shown = brandq(tmp_path, "probe", "probed", **settings)
    assert shown.returncode == 0, shown.stderr
    assert "was paused, is asked again" in shown.stdout
    assert paused() == ["another"]
    again = brandq(tmp_path, "probe", "probed", **settings)
    assert "was paused" not in again.stdout
    database.dispose()


def recorded(reply: Any, *, key: str = KEY, request: dict[str, Any] | None = None) -> str:
    """A recording, as text, of an answer whose body was this."""
    raw = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    answer = Answer(
        f"Text {key}", AnswerKind.OK, citations=(Citation(f"https://a.example/?k={key}"),), cost=Decimal("1E-7")
    )
    provider = Provider("probed", "Probed", "openai-chat", "https://api.example/v1", "m1", ("PROBED_API_KEY",))
    outcome = Outcome(answer, None, 12, request or {"model": "m1"}, raw, 200)
    probe = Probe(EngineRef("probed", "probed", "m1"), provider, "p", None, datetime.now(UTC), outcome, key)
    if key == KEY:
        assert not any(KEY in words for _, words in told(probe))
    return json.dumps(recording(probe), ensure_ascii=False)


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        KEY.lower(),
        KEY.replace("/", "\\/"),
        quote(KEY),
        quote(KEY, safe=""),
        quote_plus(KEY),
        KEY.replace("&", "&amp;"),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(f"{KEY}:".encode()).decode(),
    ],
)
def test_no_recording_holds_the_key(spelled: str) -> None:
    """Given a reply that repeats the key in some spelling, as a value, inside words and as a member's name, or that is no
    JSON at all, when it is recorded, then nothing of it is left, and what stood around it is."""
    kept = recorded({"a": spelled, "b": f"before {spelled} after", spelled: 1})
    assert spelled not in kept
    assert KEY not in kept
    assert "before *** after" in kept
    broken = recorded(f"<p>you sent {spelled}</p>".encode())
    assert spelled not in broken
    assert "you sent" in broken


@pytest.mark.parametrize(
    "like",
    [
        "sk-proj-0123456789",
        "Bearer abc.def.ghi",
        "AIzaSyA0123456789012345678",
        "0123456789abcdef" * 2 + ".abcdefghijklmn",
    ],
)
def test_no_recording_holds_what_looks_like_a_key(like: str) -> None:
    """Given somebody else's key in the reply, however long the words around it, when it is recorded, then it is gone."""
    kept = recorded({"a": f"用{'字' * 3000}。 {like} x"})
    assert like not in kept
    assert like.rpartition(" ")[2] not in kept


def test_no_recording_tells_whose_account_it_was() -> None:
    """Given a reply that names the account, and holds what only its provider can open, when it is recorded, then the names
    are hidden, sealed texts are cut, and the reply's own id and all else stay as they were."""
    found = json.loads(
        recorded(
            {
                "id": "resp_1",
                "user_id": "u-1",
                "organization": "o-1",
                "org_id": "o-2",
                "project": {"name": "p-1"},
                "accountId": 4711,
                "request_id": "r-1",
                "error": {"email": "ann@example.com", "requestId": None},
                "output": [{"encrypted_content": "e" * 500, "thoughtSignature": "t" * 500, "text": "x" * 500}],
                "usage": {"input_tokens": 3},
            },
            request={"model": "m1", "user_id": "u-2"},
        )
    )
    assert found["reply"] == {
        "id": "resp_1",
        **dict.fromkeys(("user_id", "organization", "org_id", "project", "accountId", "request_id"), "***"),
        "error": {"email": "***", "requestId": None},
        "output": [{"encrypted_content": "e" * 40, "thoughtSignature": "t" * 40, "text": "x" * 500}],
        "usage": {"input_tokens": 3},
    }
    assert found["request"] == {"model": "m1", "user_id": "***"}
    assert found["read"]["answer"]["cost"] == "0.0000001"


def test_a_short_key_spoils_no_recording() -> None:
    """Given a local server's key that is a common word, when a reply holds the word, then it stays."""
    assert "the local one" in recorded({"text": "the local one"}, key="local")


def test_a_recording_can_be_named_after_any_engine(tmp_path: Path, simulator: Simulator) -> None:
    """Given an engine whose key holds characters that part a path, when it is recorded, then it is one file in the folder."""
    probe = asked(tmp_path, simulator, "a/b?c=d")
    path = record(probe, tmp_path / "made")
    assert list((tmp_path / "made").iterdir()) == [path]
    assert json.loads(path.read_text(encoding="utf-8"))["request"]["model"] == "a/b?c=d"


def test_engines_are_shown_without_a_database(tmp_path: Path) -> None:
    """Given an empty folder, when the engines are listed 100 columns wide, then no line is wider, each missing variable can
    be copied whole, and no database is made."""
    shown = brandq(tmp_path, "engines", ARK_API_KEY=KEY)
    assert shown.returncode == 0, shown.stderr
    assert max(map(cell_len, shown.stdout.splitlines())) <= 100
    for listed in Registry(load(), {"ARK_API_KEY": KEY}).listing():
        assert listed.name in shown.stdout
        assert listed.configured or all(variable in shown.stdout for variable in listed.key_env)
    assert "key present, asked" in shown.stdout
    assert "needs no key, asked" in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_engines_are_shown_as_they_fare(database_url: str, tmp_path: Path) -> None:
    """Given a provider that is paused, one of whose time has passed, a model that is, and one that was slowed, when the
    engines are listed, then each says so, and the last answer stands with its time."""
    database = store.Database(database_url, pool_size=1)
    now = datetime.now(UTC)
    with database.begin() as db:
        store.open_engine(db, "doubao?simulated", reason="auth", message="no", wait=None, settings="s", now=now)
        store.open_engine(db, "kimi?simulated", reason="no_money", message="no", wait=now - now, settings="s", now=now)
        store.open_engine(db, "qwen/qwen9?simulated", reason="model", message="no", wait=None, settings="s", now=now)
        store.slow_engine(db, "zhipu?simulated", gap_us=0, wait=None, now=now)
        store.note_success(db, "zhipu?simulated", latency_ms=1234, gap_us=0, settings="s", now=now)
    database.dispose()
    settings = {"BRANDQ_DATABASE_URL": database_url, "BRANDQ_SIMULATE": "all"}
    shown = brandq(tmp_path, "engines", **{**settings, "COLUMNS": "200"})
    assert shown.returncode == 0, shown.stderr
    for words in (
        "paused: auth until ",
        "paused: no_money until",
        "qwen9 paused: model until ",
        "slowed to 240 per minute",
    ):
        assert words in shown.stdout, words
    assert "1.2 s, " in shown.stdout
    assert f"{now:%H:%M}" in shown.stdout
    ill = brandq(tmp_path, "doctor", **settings)
    assert "engine doubao?simulated: paused (auth) until " in ill.stdout


def test_engines_are_shown_though_the_database_is_gone(tmp_path: Path) -> None:
    """Given a database that does not answer, when the engines are listed, then they are, and one line says what is missing."""
    shown = brandq(
        tmp_path, "engines", BRANDQ_DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/x", BRANDQ_SIMULATE="all"
    )
    assert shown.returncode == 0
    assert "doubao" in shown.stdout
    assert "who is paused is not known" in shown.stderr
    assert "s3cret" not in shown.stdout + shown.stderr
