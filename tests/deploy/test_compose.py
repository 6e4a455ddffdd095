"""deploy/compose.yaml is valid, confined, ordered and complete; each rule sees the fault that is planted for it."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from brandq.providers import registry
from tests.deploy.composed import faults
from tests.deploy.tools import run, tool
from tests.house_rules import ROOT

PATH = ROOT / "deploy/compose.yaml"
COMPOSE = yaml.safe_load(PATH.read_text(encoding="utf-8"))
BROKER = (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text(encoding="utf-8")
CONSUMER_TIMEOUT_S = int(re.findall(r"^consumer_timeout = (\d+)", BROKER, re.MULTILINE)[0]) // 1000


def _found(compose: Any) -> list[str]:
    return list(faults(compose, consumer_timeout_s=CONSUMER_TIMEOUT_S))


def test_the_file_keeps_the_rules() -> None:
    """Given compose.yaml, when the rules read it, then nothing is wrong."""
    assert _found(COMPOSE) == []


Plant = Callable[[dict[str, Any]], Any]


def _set(service: str, key: str, value: Any) -> Plant:
    return lambda compose: compose["services"][service].__setitem__(key, value)


def _env(service: str, variable: str, value: str) -> Plant:
    return lambda compose: compose["services"][service].setdefault("environment", {}).__setitem__(variable, value)


def _give(service: str, source: str) -> Plant:
    return lambda compose: compose["services"][service]["secrets"].append(source)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (_set("web", "read_only", False), "web: read_only"),
        (_set("postgres", "cap_drop", []), "postgres: cap_drop"),
        (_set("fetch", "security_opt", []), "fetch: security_opt"),
        (_set("fetch", "cap_add", ["NET_ADMIN"]), "cap_add gives it more"),
        (_set("fetch", "privileged", True), "privileged gives it more"),
        (_set("rabbitmq", "user", "root"), "rabbitmq runs as root"),
        (_set("clock", "user", "1000"), "clock runs as 1000"),
        (_set("clock", "tmpfs", []), "no /tmp"),
        (_set("clock", "pids_limit", None), "processes without end"),
        (_set("report", "mem_limit", None), "memory without end"),
        (_set("fetch", "volumes", ["./secrets/keys:/run/brandq/keys"]), "may write to ./secrets/keys"),
        (_set("web", "volumes", ["/var/run/docker.sock:/var/run/docker.sock:ro"]), "the engine itself"),
        (_set("postgres", "image", "postgres:17"), "cannot be pinned"),
        (_set("postgres", "image", "${POSTGRES_IMAGE:-postgres:latest}"), "of no version"),
        (_set("web", "ports", ["8000:8000"]), "open to others"),
        (_set("rabbitmq", "ports", ["0.0.0.0:15672:15672"]), "open to others"),
        (_set("analyze", "networks", ["inside", "outside"]), "analyze is on"),
        (lambda compose: compose["networks"].__setitem__("inside", {}), "leads outside"),
        (_set("upkeep", "command", ["work", "--queues", "upkeep", "--fast"]), "does not understand"),
        (_env("web", "BRANDQ_THREDS", "4"), "no setting BRANDQ_THREDS"),
        (_env("web", "BRANDQ_THREADS", "many"), "BRANDQ_THREADS"),
        (_set("analyze", "command", ["work", "--queues", "report"]), "brandq.analyze is served by 0"),
        (_set("analyze", "command", ["work", "--queues", "analyse"]), "no queue brandq.analyse"),
        (_env("fetch", "BRANDQ_GRACE_SECONDS", "25"), "its longest message may take 600 s"),
        (_set("fetch", "stop_grace_period", "10m"), "stop_grace_period 600 s is less than 620 s"),
        (_set("fetch", "stop_grace_period", "31m"), "not below RabbitMQ's consumer_timeout"),
        (_set("web", "stop_grace_period", "10s"), "web: stop_grace_period"),
        (_set("clock", "stop_grace_period", "10s"), "clock: stop_grace_period"),
        (_env("web", "OPENAI_API_KEY", "sk-1"), "in clear"),
        (_env("web", "BRANDQ_SIMULATOR_URL", "http://me:secret@example.com"), "in clear"),
        (_env("web", "BRANDQ_DATABASE_URL_FILE", "/run/secrets/database"), "not mounted"),
        (_give("web", "database-url-owner"), "web is given database-url-owner"),
        (_give("web", "webhook-secret"), "web is given webhook-secret"),
        (_give("clock", "password"), "no secret password"),
        (_set("web", "volumes", ["./secrets/keys:/run/brandq/keys:ro"]), "keys of the providers"),
        (lambda compose: compose["secrets"].__setitem__("more", {"file": "secrets/more"}), "nobody is given the secret more"),
        (lambda compose: compose["secrets"].__setitem__("api-key", {"environment": "API_KEY"}), "no file below"),
        (_set("web", "depends_on", {}), "web waits for"),
        (_set("fetch", "depends_on", {"rabbitmq": {"condition": "service_started"}}), "fetch waits for"),
        (_set("postgres", "healthcheck", {}), "which nobody asks"),
        (_set("migrate", "restart", "always"), "which never ends"),
        (_set("fetch", "healthcheck", {"disable": True}), "only what ends has no healthcheck"),
        (_env("fetch", "BRANDQ_THREADS", "64"), "connections may be open"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_planted_fault_is_found(plant: Plant, said: str) -> None:
    """Given a compose.yaml with one fault, when the rules read it, then a sentence names it."""
    planted = copy.deepcopy(COMPOSE)
    plant(planted)
    assert any(said in sentence for sentence in _found(planted)), _found(planted)


def test_the_schema_of_compose_is_kept(tmp_path: Path) -> None:
    """Given compose.yaml, when it is checked against the Compose Specification, then it is valid, and with a misspelt key
    it is not."""
    check = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    said = run([*check, PATH])
    assert said.returncode == 0, said.stdout + said.stderr
    planted = tmp_path / "compose.yaml"
    planted.write_text(
        PATH.read_text(encoding="utf-8").replace("stop_grace_period:", "stop_grace_time:"), encoding="utf-8"
    )
    assert run([*check, planted]).returncode != 0


def _draw(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "deploy/compose-secrets", folder], capture_output=True, text=True, check=False)


def _contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()
    }


def test_every_secret_of_the_file_is_drawn(tmp_path: Path) -> None:
    """Given an empty folder, when compose-secrets has run, then every file that compose.yaml names is there, no two passwords
    are the same, the URLs carry them, RabbitMQ gets hashes alone, and the folder is its owner's."""
    folder = tmp_path / "secrets"
    drawn = _draw(folder)
    assert drawn.returncode == 0, drawn.stderr
    named = {where["file"].removeprefix("secrets/") for where in COMPOSE["secrets"].values()}
    named |= {
        path.removeprefix("secrets/")
        for service in COMPOSE["services"].values()
        for path in service.get("env_file", [])
    }
    found = _contents(folder)
    assert named <= set(found)
    assert folder.stat().st_mode & 0o777 == 0o700
    passwords = [text.strip() for path, text in found.items() if path.startswith(("postgres/", "rabbitmq/"))]
    assert len(set(passwords)) == len(passwords) == 7
    assert f":{found['postgres/brandq_app'].strip()}@postgres:5432/brandq" in found["database-url-app"]
    assert f":{found['rabbitmq/brandq-worker'].strip()}@rabbitmq:5672/brandq" in found["broker-url-worker"]
    definitions = found["definitions.json"]
    assert all(user["password_hash"] for user in json.loads(definitions)["users"])
    assert not any(password in definitions + drawn.stdout + drawn.stderr for password in passwords)
    # whoever runs in a container is somebody else, and a mounted file keeps its mode
    for path in named - {"web.env", "fetch.env"}:
        assert (folder / path).stat().st_mode & 0o777 == 0o444, path


def test_drawing_again_changes_no_secret_and_takes_new_keys(tmp_path: Path) -> None:
    """Given secrets that were drawn, and a provider's key beside them, when compose-secrets runs again, then no secret is
    another, fetch is told where the key is, web only that there is one, and a file with no variable's name is left out."""
    _draw(tmp_path)
    before = _contents(tmp_path)
    (tmp_path / "keys/OPENAI_API_KEY").write_text("sk-secret\n")
    (tmp_path / "keys/notes.txt").write_text("sk-other\n")
    os.chmod(tmp_path / "keys/OPENAI_API_KEY", 0o600)
    drawn = _draw(tmp_path)
    assert drawn.returncode == 0
    assert "notes.txt is not named like a variable" in drawn.stderr
    after = _contents(tmp_path)
    # a salt is new each time, and the same password has another hash
    changed = {path for path in before if before[path] != after[path]} - {"definitions.json"}
    assert changed == {"fetch.env", "web.env"}
    assert after["fetch.env"] == "OPENAI_API_KEY_FILE=/run/brandq/keys/OPENAI_API_KEY\n"
    assert after["web.env"] == "OPENAI_API_KEY=fetch-has-it\n"
    assert (tmp_path / "keys/OPENAI_API_KEY").stat().st_mode & 0o444 == 0o444
    assert "OPENAI_API_KEY" in registry.key_names(registry.load(None))


def test_secrets_stay_out_of_the_repository() -> None:
    """Given the folder that compose-secrets writes to, when git is asked, then it takes nothing from there."""
    asked = subprocess.run(
        ["git", "check-ignore", "-q", "deploy/secrets/api-key"], cwd=ROOT, capture_output=True, check=False
    )
    if asked.returncode == 128:
        pytest.skip("not a git checkout")
    assert asked.returncode == 0
