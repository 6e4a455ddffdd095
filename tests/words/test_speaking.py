"""Errors over HTTP and everything that the command line says come in the language of whoever reads them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from brandq.actors.desk import Desk
from brandq.settings import language
from brandq.words import Language, language_of
from tests.house_rules import SRC
from tests.web.site import PLAN, ContractClient, open_desk, submit

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
HAN = re.compile("[㐀-鿿]")


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    opened = open_desk(sqlite_url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: Desk) -> ContractClient:
    return ContractClient(desk)


# -- over HTTP


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh;q=0.1", "zh"),
        ("de,fr", "en"),
        ("zh;q=0", "en"),
        ("zh;q=nonsense", "zh"),
        ("*", "en"),
        ("," * 5000, "en"),
    ],
)
def test_the_preferred_language_is_read_off_accept_language(accepted: str, chosen: Language) -> None:
    """Of our languages the one that is preferred most is taken, English where none is named."""
    assert language_of(accepted) == chosen


def test_faults_of_a_plan_are_told_in_chinese(client: ContractClient) -> None:
    """Given a plan with faults and a reader of Chinese, then title, detail and each fault are Chinese, pointers stay,
    and caches are told what decided; given another reader, then English."""
    plan = {**PLAN, "brands": [{"name": "趣车良品"}, "趣车良品"], "repeats": 99, "nonsense": 1}
    refused = client.post("/api/executions", json=plan, headers=CHINESE)
    body = refused.json()
    assert (refused.status_code, body["title"]) == (422, "方案有误")
    assert [(fault["pointer"], fault["detail"]) for fault in body["errors"]] == [
        (
            "/nonsense",
            "未知字段；方案的字段有 brands、prompts、engines、repeats、priority、label、system、cost_limit、"
            "reuse_within_hours",
        ),
        ("/brands/1/name", "“趣车良品”已经是目标品牌；每个品牌只能出现一次"),
        ("/repeats", "应为 1 到 20 之间的整数"),
    ]
    assert body["detail"] == "；".join(f"{fault['pointer']} {fault['detail']}" for fault in body["errors"])
    assert (refused.headers["content-language"], refused.headers["vary"]) == ("zh-Hans", "Accept-Language")
    english = client.post("/api/executions", json=plan)
    assert english.json()["title"] == "The plan is not valid"
    assert (english.headers["content-language"], english.headers["vary"]) == ("en", "Accept-Language")


def test_the_predecessors_endpoints_speak_as_well(client: ContractClient) -> None:
    """Given the predecessor's endpoint and a reader of Chinese, then the members that its clients show are Chinese."""
    body = client.post("/api/perform-brand-test-async", json={"brand_list": ["趣车良品"]}, headers=CHINESE).json()
    assert body["status"] == "error"
    assert body["error"] == body["detail"]
    details = {fault["pointer"]: fault["detail"] for fault in body["errors"]}
    assert details["/customQuestions"] == "请至少提供一个提问；系统不会代为编造"
    assert not [detail for detail in details.values() if not HAN.search(detail)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/executions/nope", 404),
        ("GET", "/api/nowhere", 404),
        ("DELETE", "/api/executions", 405),
        ("GET", "/api/executions?limit=many&limit=few", 422),
        ("GET", "/api/executions?status=lost", 422),
        ("GET", "/api/executions?since=yesterday&nonsense=1", 422),
        ("GET", "/api/executions?cursor=x", 422),
        ("POST", "/api/executions", 415),
        ("GET", "/api/diagnosis/status/nope", 404),
        ("GET", "/api/diagnosis/statistics?days=0", 422),
    ],
)
def test_every_refusal_is_told(client: ContractClient, method: str, path: str, status: int) -> None:
    """Whatever is refused is refused in Chinese: title, detail and faults."""
    refused = client.request(method, path, headers=CHINESE)
    body = refused.json()
    assert refused.status_code == status
    told = [body["title"], body["detail"], *(fault["detail"] for fault in body["errors"])]
    assert not [text for text in told if not HAN.search(text)]


def test_states_and_keys_are_told(client: ContractClient, desk: Desk) -> None:
    """Given an execution that is not ready, ended, or another's, then each conflict is told with its state's Chinese name;
    a wrong key is told as well."""
    execution_id = submit(client)
    waiting = client.get(f"/api/executions/{execution_id}/report", headers=CHINESE).json()
    assert waiting["title"] == "报告尚未就绪"
    assert waiting["detail"].startswith(f"诊断 {execution_id} 当前为排队中，4 个样本中已有 0 个结束；")
    client.post(f"/api/executions/{execution_id}/cancel")
    ended = client.post(f"/api/executions/{execution_id}/cancel", headers=CHINESE).json()
    assert ended["detail"] == f"诊断 {execution_id} 当前为已取消；只有排队中或进行中的诊断才能取消"
    stranger = ContractClient(desk, local=False).get("/api/executions", headers=CHINESE)
    assert (stranger.status_code, stranger.json()["title"]) == (401, "需要 API 密钥")


# -- at the command line


def brandq(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "brandq", *command],
        env={"PYTHONPATH": str(SRC), **kept, "COLUMNS": "200", "BRANDQ_SIMULATE": "all", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "BRANDQ_LANGUAGE": "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "BRANDQ_LANGUAGE": "en"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "BRANDQ_LANGUAGE": "auto"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "BRANDQ_LANGUAGE": "fr"}, "en"),
    ],
)
def test_the_terminal_speaks_as_its_locale_says(environment: dict[str, str], chosen: Language) -> None:
    """BRANDQ_LANGUAGE decides; auto, or nothing, asks LC_ALL, LC_MESSAGES and LANG, in this order."""
    assert language(environment) == chosen


def test_an_execution_is_run_and_shown_in_chinese(tmp_path: Path) -> None:
    """Given a Chinese terminal, when an execution is run, verified and shown again, then no line of what brandq says has
    no Chinese in it but paths, and the brand stands as it was given."""
    speaking = {"BRANDQ_LANGUAGE": "zh"}
    plan = ("--brand", "A{b}'s: c", "--prompt", "买什么手机好？", "--engine", "kimi", "--repeats", "2")
    run = brandq(tmp_path, "run", *plan, **speaking)
    assert run.returncode == 0, run.stderr
    assert "2 次调用，没有费用（模拟：不产生费用），约" in run.stdout
    assert "A{b}'s: c" in run.stdout
    found = re.search(r"诊断 ([0-9a-f-]{36})", run.stdout)
    assert found is not None
    for command in ("verify", "recompute", "doctor"):
        shown = brandq(tmp_path, command, *(() if command == "doctor" else (found[1],)), **speaking)
        assert shown.returncode == 0, shown.stdout + shown.stderr
        lines = [line for line in shown.stdout.splitlines() if not re.search(r"BRANDQ_\w+ = \S+$|brandq \d", line)]
        assert not [line for line in lines if not HAN.search(line)]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("run", "--help"), "品牌 B 的域名"),
        ((), "缺少参数：COMMAND"),
        (("nonsense",), "“nonsense”无效（可选："),
        (("run", "--engine", "kimi", "--prompt", "x", "--repeats", "a"), "“a”不是 int 类型的值"),
        (("run", "--engine"), "参数 --engine：需要一个值"),
        (("engines", "--really"), "无法识别的参数：--really"),
        (("report", "--format", "doc", "x"), "“doc”无效（可选：'json'"),
        (("run", "--p", "x"), "选项 --p 不明确，可能是 --prompt、--priority"),
        (("doctor", "-hx"), "参数 -h/--help：不接受值“x”"),
        (("run", "--engine", "kimi", "--prompt", "x"), "品牌有误：\n  --brand：没有指定品牌"),
        (("import", "none.csv", "--brand", "A"), "文件或目录不存在"),
        (("work", "--queues", "x"), "“x”不在可选范围内：fetch"),
        (("clock",), "brandq 无法启动：\n  - BRANDQ_BROKER_URL 为 `embedded`：`brandq serve` 自带时钟"),
        (("report", "none"), "请运行 `brandq migrate`"),
    ],
    ids=" ".join,
)
def test_commands_are_refused_in_chinese(tmp_path: Path, command: tuple[str, ...], told: str) -> None:
    """Given a Chinese terminal, then help and every refusal are Chinese, those of Python's argparse too."""
    shown = brandq(tmp_path, *command, BRANDQ_LANGUAGE="zh")
    assert told in shown.stdout + shown.stderr
    for english in ("usage", "error", "invalid", "expected", "required", "argument ", "options"):
        assert english not in shown.stdout + shown.stderr


def test_bad_settings_are_told_line_by_line(tmp_path: Path) -> None:
    """Given several wrong settings, then each of them is told on its line."""
    shown = brandq(tmp_path, "doctor", BRANDQ_LANGUAGE="zh", BRANDQ_PORT="x", BRANDQ_FOO="1")
    assert "异常 BRANDQ_FOO：没有此设置；可用 `brandq doctor` 列出全部" in shown.stdout
    shown = brandq(tmp_path, "engines", BRANDQ_LANGUAGE="zh", BRANDQ_PORT="x", BRANDQ_FOO="1")
    assert shown.stderr.splitlines() == [
        "brandq 无法启动：",
        "  - BRANDQ_FOO：没有此设置；可用 `brandq doctor` 列出全部",
        "  - BRANDQ_PORT：“x”不是 0 到 65535 之间的整数",
    ]


# -- what Python says


def python_says() -> Iterator[str]:
    for text in ("", "{", '{"a" 1}', "[1 2]", '{"a": 1} 2', '"abc', '"\t"', '"\\x"', '"\\u12"', "{1: 2}"):
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            yield error.msg
    for number in (2, 13, 20, 21, 28, 30, 98, 99):
        yield os.strerror(number)


def test_what_python_says_is_what_we_translate() -> None:
    """The texts of Python and of the system that a catalogue translates are those that they say, as they say them."""
    entries = {
        str(message.id)
        for message in read_po(BytesIO(SRC.joinpath("brandq/words/zh/python.po").read_bytes()))
        if message.id and "{" not in str(message.id)
    }
    # said by later Pythons than the oldest that is supported, or by argparse, whose words the commands above provoke
    elsewhere = {text for text in entries if text.startswith(("Illegal trailing comma", "expected "))}
    assert entries - elsewhere <= set(python_says())
