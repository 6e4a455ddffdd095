"""An independent judge: llmock plays four providers, breaks on demand, and passes a verdict on how brandq took it.

llmock (MIT) knows nothing of brandq. It takes requests with the same body for tries at one call, and finds fault with
those that come before ``Retry-After`` has passed, that repeat what can never succeed, that never end, or that never
come. Each case here is a row of its own with a model of its own, by which llmock knows which faults are meant for it,
so all cases are played side by side and none is slowed down by the trouble of another.

What llmock offers and brandq has no use for: its stream faults (disconnect, truncate, stall, malformed) and its slow
first token break event streams, and brandq asks for none, which the case ``stream-faults`` shows; cut connections and
bodies of plain replies are the simulator's faults. Its tool faults need a tool of the caller's, and brandq brings none;
a tool that was never offered is called in ``stray-tool``. Errors by chance (``--error-rate``) are the scripted ones in
another order, and its context window answers as in ``context``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from brandq.providers import registry
from brandq.store import MAX_ATTEMPTS, SampleRow
from tests.actors.installed import Installed, installed
from tests.ports import free_port
from tests.waiting import wait_until
from tests.walk.site import call

START_S = 30
#: the longest case takes four calls of a second and waits 10.5 s in between, and all cases have to pass one process
ALL_S = 80

#: dialect -> where llmock speaks it, and the built-in row whose error codes are borrowed
DIALECTS: Mapping[str, tuple[str, str]] = {
    "openai-chat": ("/v1", "mistral"),
    "openai-responses": ("/v1", "openai"),
    "anthropic": ("/anthropic", "anthropic"),
    "gemini": ("/gemini", "gemini"),
}

Fault = dict[str, Any]


def fail(status: int, times: int | None = 1, **more: Any) -> Fault:
    """llmock sends Retry-After with 429, 503, 504 and 529 even where no ``retry_after`` is given: one second."""
    return {"type": "fail", "status": status, "times": times, **more}


def delay(seconds: float, times: int | None = 1) -> Fault:
    return {"type": "delay", "seconds": seconds, "times": times}


def reply(**said: Any) -> Fault:
    return {"type": "reply", "times": None, **said}


def stream_fault(kind: str) -> Fault:
    return {"type": "stream_fault", "kind": kind, "after_chunks": 0, "match": {}}


@dataclass(frozen=True)
class Case:
    """Faults, and what is to come of them.

    ``ends`` is the kind of every sample's answer or the class of its error, by dialect where llmock's replies differ;
    ``asked`` is how often llmock answered with which status, and so the number of attempts. A call that brandq broke
    off counts for llmock as answered with 200. ``warns``: what llmock may warn of, with the reason beside it.
    """

    faults: tuple[Fault, ...]
    ends: str
    asked: Mapping[int, int]
    prompts: int = 1
    repeats: int = 1
    concurrency: int = 1
    total_s: float = 10
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    warns: frozenset[str] = frozenset()

    def ends_in(self, dialect: str) -> str:
        return self.elsewhere.get(dialect, self.ends)


#: brandq knows the provider's word for an empty account and does not ask again; llmock sees a 429 that nobody retried
KNOWS_BETTER = frozenset({"gave_up"})

CASES: dict[str, Case] = {
    "well": Case((), "ok", {200: 3}, prompts=3),
    "slow": Case((delay(0.5, None),), "ok", {200: 2}, prompts=2),
    # asked again, after as long as it was told
    "429-once": Case((fail(429, retry_after=1),), "ok", {429: 1, 200: 3}, prompts=3),
    "429-short": Case((fail(429, retry_after=0.3),), "ok", {429: 1, 200: 3}, prompts=3),
    "429-long": Case((fail(429, retry_after=4),), "ok", {429: 1, 200: 2}, prompts=2),
    "429-repeats": Case((fail(429, retry_after=1),), "ok", {429: 1, 200: 4}, repeats=4),
    "429-wide": Case((fail(429, 1, retry_after=2),), "ok", {429: 1, 200: 8}, prompts=8, concurrency=8),
    "429-storm": Case((fail(429, None, retry_after=0.5),), "rate_limit", {429: MAX_ATTEMPTS}),
    "503-once": Case((fail(503),), "ok", {503: 1, 200: 2}, prompts=2),
    "504-once": Case((fail(504),), "ok", {504: 1, 200: 2}, prompts=2),
    "529-once": Case((fail(529),), "ok", {529: 1, 200: 2}, prompts=2),
    "529-storm": Case((fail(529, None),), "overloaded", {529: MAX_ATTEMPTS}),
    # asked again, and nobody said when
    "408-once": Case((fail(408),), "ok", {408: 1, 200: 2}, prompts=2),
    "409-once": Case((fail(409),), "ok", {409: 1, 200: 2}, prompts=2),
    "500-once": Case((fail(500),), "ok", {500: 1, 200: 2}, prompts=2),
    "502-once": Case((fail(502),), "ok", {502: 1, 200: 2}, prompts=2),
    "500-repeats": Case((fail(500),), "ok", {500: 1, 200: 4}, repeats=4),
    "500-storm": Case((fail(500, None),), "overloaded", {500: MAX_ATTEMPTS}),
    "mixed": Case((fail(500), fail(429, retry_after=1), fail(503)), "ok", {500: 1, 429: 1, 503: 1, 200: 1}),
    # not waited for any longer
    "stall-once": Case((delay(2.5),), "ok", {200: 3}, prompts=2, total_s=1),
    "stalls": Case((delay(2.5, None),), "network", {200: MAX_ATTEMPTS}, total_s=1),
    # never asked again
    "400": Case((fail(400, None),), "bad_request", {400: 2}, prompts=2),
    "401": Case((fail(401, None),), "auth", {401: 1}),
    "403": Case((fail(403, None),), "permission", {403: 1}),
    "404": Case((fail(404, None),), "bad_request", {404: 2}, prompts=2),
    # llmock's Gemini says FAILED_PRECONDITION, which is the region or the billing
    "422": Case((fail(422, None),), "bad_request", {422: 1}, elsewhere={"gemini": "permission"}),
    "context": Case(
        (fail(400, None, code="context_length_exceeded", message="This model's maximum context length was exceeded."),),
        "context",
        {400: 2},
        prompts=2,
    ),
    "no-money": Case(
        (fail(429, None, code="billing_error", message="Your prepayment credits are depleted."),),
        "no_money",
        {429: 1},
        warns=KNOWS_BETTER,
    ),
    # answers of every kind
    "refused": Case(
        (reply(finish_reason="content_filter"),), "refused", {200: 1}, elsewhere={"openai-responses": "ok"}
    ),
    "cut-off": Case((reply(finish_reason="length"),), "truncated", {200: 1}),
    "empty": Case((reply(text=""),), "empty", {200: 1}),
    "stray-tool": Case((reply(tool_calls=[{"name": "look_up", "arguments": {}}]),), "empty", {200: 1}),
    "stream-faults": Case(
        (
            *(stream_fault(kind) for kind in ("disconnect", "truncate", "stall", "malformed")),
            {"type": "slow_first_token", "seconds": 30, "match": {}},
        ),
        "ok",
        {200: 5},
        prompts=5,
    ),
}

PLAYED = [(dialect, name) for dialect in DIALECTS for name in CASES]


@contextmanager
def llmock(folder: Path, *options: str) -> Iterator[str]:
    """A server that is ended by its own handle; its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(Path(sys.executable).with_name("llmock")), "serve", "--port", str(port), "--log-level", "warning"]
    log = folder / "llmock.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--tool-mode", "off", *options],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )

    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            return call("GET", f"{url}/health").status == 200
        except OSError:
            return False

    try:
        wait_until(answers, START_S, "llmock to answer")
        yield url
    finally:
        server.kill()
        server.wait()


def row(url: str, dialect: str, name: str, case: Case, *, key_env: Sequence[str] = ()) -> str:
    """The case's engine as a user would write it, with the error codes of a built-in row of its dialect."""
    path, borrowed = DIALECTS[dialect]
    built_in = registry.load()[borrowed]
    codes = "\n".join(f'"{code}" = "{meant}"' for code, meant in built_in.error_codes.items())
    return f"""
[engines."{dialect}.{name}"]
dialect = "{dialect}"
base_url = "{url}{path}"
model = "{name}.{dialect}"
key_env = {list(key_env)}
concurrency = {case.concurrency}
total_s = {case.total_s}
[engines."{dialect}.{name}".error_codes]
{codes}
"""


@contextmanager
def asking(folder: Path, sqlite_template: Path, engines: str, **environment: str) -> Iterator[Installed]:
    """An installation in one process that knows these engines."""
    path = folder / "judged.toml"
    path.write_text(engines, encoding="utf-8")
    database = shutil.copy(sqlite_template, folder / "brandq.db")
    with installed(folder, f"sqlite:///{database}", "embedded", BRANDQ_ENGINES_FILE=str(path), **environment) as site:
        yield site


def prompts(case: Case) -> list[str]:
    return [f"第 {number} 家改装门店怎么样？" for number in range(1, case.prompts + 1)]


@dataclass(frozen=True)
class Played:
    """What became of all cases: brandq's samples and llmock's requests by (dialect, case), and the verdict on all."""

    rows: Mapping[tuple[str, str], list[SampleRow]]
    requests: Mapping[tuple[str, str], list[Any]]
    verdict: Any

    def findings(self, dialect: str, name: str) -> list[Any]:
        mine = {request["seq"] for request in self.requests[dialect, name]}
        return [finding for finding in self.verdict["findings"] if mine & set(finding["requests"])]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a llmock; whoever takes it resets it."""
    with llmock(tmp_path_factory.mktemp("llmock")) as url:
        yield url


@pytest.fixture(scope="module")
def played(judge: str, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Played:
    """All cases in all dialects, each an execution of its own, side by side."""
    call("POST", f"{judge}/_llmock/reset")
    for dialect, name in PLAYED:
        faults = [
            {**fault, "match": {**fault.get("match", {}), "model": f"{name}.{dialect}"}} for fault in CASES[name].faults
        ]
        if faults:
            assert call("POST", f"{judge}/_llmock/scenario", {"behaviors": faults}).status == 201
    engines = "".join(row(judge, dialect, name, CASES[name]) for dialect, name in PLAYED)
    with asking(tmp_path_factory.mktemp("judged"), sqlite_template, engines) as site:
        executions = {
            (dialect, name): site.submit(
                prompts=prompts(CASES[name]), engines=[f"{dialect}.{name}"], repeats=CASES[name].repeats
            )
            for dialect, name in PLAYED
        }
        for execution_id in executions.values():
            site.ended(execution_id, ALL_S)
        rows = {key: site.rows(execution_id) for key, execution_id in executions.items()}
    heard = call("GET", f"{judge}/_llmock/requests").body["requests"]
    verdict = call("GET", f"{judge}/_llmock/verdict").body
    requests = {
        (dialect, name): [one for one in heard if one["model"] == f"{name}.{dialect}"] for dialect, name in PLAYED
    }
    return Played(rows, requests, verdict)


@pytest.mark.parametrize(("dialect", "name"), PLAYED)
def test_every_sample_ends_as_it_should(played: Played, dialect: str, name: str) -> None:
    """Given a provider that breaks in one way, when brandq asks it, then each sample ends as its case says, and llmock
    was asked exactly as often as brandq counts attempts."""
    case, rows = CASES[name], played.rows[dialect, name]
    ends = Counter(one.kind or one.error_code for one in rows)
    assert ends == {case.ends_in(dialect): case.prompts * case.repeats}
    assert Counter(request["status"] for request in played.requests[dialect, name]) == case.asked
    assert sum(one.attempt for one in rows) == sum(case.asked.values())


@pytest.mark.parametrize(("dialect", "name"), PLAYED)
def test_the_judge_finds_no_fault(played: Played, dialect: str, name: str) -> None:
    """Given the same, when llmock judges how brandq took it, then it finds no fault, and warns of nothing unexpected."""
    found = played.findings(dialect, name)
    assert [finding for finding in found if finding["severity"] == "error"] == []
    assert {finding["code"] for finding in found} == CASES[name].warns, found


def test_the_verdict_on_everything_is_a_pass(played: Played) -> None:
    """Given all cases together, when llmock is asked, then the verdict is a pass, over all calls that were broken."""
    broken = sum(n for _, name in PLAYED for status, n in CASES[name].asked.items() if status >= 400)
    assert played.verdict["passed"] is True
    assert (played.verdict["errors"], played.verdict["faults_injected"]) == (0, broken)
    assert played.verdict["attempts"] == sum(len(requests) for requests in played.requests.values())


def test_the_judge_is_awake(judge: str) -> None:
    """Given a client that neither waits nor gives up, when it is judged, then it fails for both."""
    call("POST", f"{judge}/_llmock/reset")
    call("POST", f"{judge}/_llmock/scenario", {"behaviors": [fail(429, retry_after=5), fail(400)]})
    for _ in range(3):
        call("POST", f"{judge}/v1/responses", {"model": "m", "input": "p"})
    verdict = call("GET", f"{judge}/_llmock/verdict").body
    assert verdict["passed"] is False
    assert {finding["code"] for finding in verdict["findings"]} == {"retry_after_ignored", "retried_non_retryable"}
    call("POST", f"{judge}/_llmock/reset")


@dataclass(frozen=True)
class Rationed:
    """What became of more prompts than a quota lets through at once: samples by engine and end, and the verdict."""

    ends: Mapping[tuple[str, str | None], int]
    verdict: Any


@pytest.fixture(scope="module")
def rationed(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Rationed:
    """Four executions with 64 prompts for each of four providers, of which each lets 60 through, then one a second."""
    case = Case((), "ok", {}, prompts=64, concurrency=8)
    keys = {dialect: f"JUDGED_{number}_API_KEY" for number, dialect in enumerate(DIALECTS)}
    folder = tmp_path_factory.mktemp("rationed")
    with llmock(folder, "--rpm", "60") as url:
        engines = "".join(row(url, dialect, "quota", case, key_env=[keys[dialect]]) for dialect in DIALECTS)
        environment = {variable: f"key-of-{dialect}" for dialect, variable in keys.items()}
        with asking(folder, sqlite_template, engines, **environment) as site:
            names = [f"{dialect}.quota" for dialect in DIALECTS]
            executions = [
                site.submit(prompts=prompts(case)[first : first + 16], engines=names) for first in range(0, 64, 16)
            ]
            for execution_id in executions:
                site.ended(execution_id, ALL_S)
            rows = [one for execution_id in executions for one in site.rows(execution_id)]
        verdict = call("GET", f"{url}/_llmock/verdict").body
    return Rationed(Counter((one.engine, one.kind or one.error_code) for one in rows), verdict)


def test_a_quota_that_refills_is_waited_for(rationed: Rationed) -> None:
    """Given more prompts than a quota lets through, when brandq has asked them all, then the judge finds no fault."""
    assert rationed.verdict["faults_injected"] > 0
    assert rationed.verdict["findings"] == []


def test_a_quota_that_refills_costs_no_sample(rationed: Rationed) -> None:
    """Given the same, when all is over, then every prompt was answered: each needed no more than to wait its turn."""
    assert rationed.ends == {(f"{dialect}.quota", "ok"): 64 for dialect in DIALECTS}
