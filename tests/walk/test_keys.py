"""A key goes into one header of the request to its provider, and nowhere else, whatever goes wrong.

Given keys that no text holds by chance, everything that brandq keeps, says, serves or records is searched for them
afterwards. Messages to the broker are not read: they carry ids only. Nor is PostgreSQL: the statements that write there
are those that write to SQLite.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from brandq.plan import MAX_ENGINES
from brandq.simulator import FAULTS
from tests.actors.installed import Installed, installed
from tests.web.site import ContractClient, add_key

#: no pattern for keys knows such a one, so that only the cutting out of the very key is seen at work
KEY = "Kanarienvogel-9c1f/Mittelstueck+77/Schwanzfeder"
#: any part of it is too much: a message may have been cut in the middle of it
TRACES = (b"kanarienvogel", b"mittelstueck", b"schwanzfeder", base64.b64encode(KEY.encode()[:15]).lower())

PROMPT = "深圳新能源汽车改装门店哪家好？"
SAID = "1. **趣车良品**：口碑好\n2. 竞品 1"
#: dialect -> the header that its key goes into, and a whole answer
DIALECTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "openai-chat": (
        "authorization",
        {"model": "m1", "choices": [{"message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}]},
    ),
    "openai-responses": (
        "authorization",
        {
            "model": "m1",
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": SAID, "annotations": []}]}],
        },
    ),
    "anthropic": (
        "x-api-key",
        {"model": "m1", "content": [{"type": "text", "text": SAID}], "stop_reason": "end_turn"},
    ),
    "gemini": (
        "x-goog-api-key",
        {
            "modelVersion": "m1",
            "candidates": [{"content": {"role": "model", "parts": [{"text": SAID}]}, "finishReason": "STOP"}],
        },
    ),
    "dashscope": (
        "authorization",
        {"output": {"choices": [{"message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}]}},
    ),
}
ROW = """
[engines.{name}]
title = "{name}"
dialect = "{dialect}"
base_url = "{url}"
model = "{model}"
key_env = "{key_env}"
key_header = "{key_header}"
total_s = 2
"""


@dataclass(frozen=True)
class Received:
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Recorder:
    """A server that notes each request. /v1 is the simulator's; under a dialect's name it answers whole, and a model
    called ``echo`` is refused with all that was sent."""

    url: str = ""
    simulator_url: str = ""
    received: list[Received] = field(default_factory=list)


@contextmanager
def recorder() -> Iterator[Recorder]:
    notes = Recorder()

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            notes.received.append(Received(self.path, tuple(self.headers.items()), body))
            try:
                if self.path.startswith("/v1/"):
                    self._forward(body)
                else:
                    self._answer(body)
            except (OSError, http.client.HTTPException):
                # whoever was answered has left, or the simulator broke off, which is passed on
                self.close_connection = True

        def _forward(self, body: bytes) -> None:
            connection = http.client.HTTPConnection(urlsplit(notes.simulator_url).netloc, timeout=10)
            with closing(connection):
                connection.request("POST", self.path, body, dict(self.headers.items()))
                found = connection.getresponse()
                headers = {"content-type": found.headers.get("content-type", ""), **self._kept(found)}
                self._reply(found.status, found.read(), headers)

        @staticmethod
        def _kept(found: http.client.HTTPResponse) -> dict[str, str]:
            return {name: found.headers[name] for name in ("location", "retry-after") if name in found.headers}

        def _answer(self, body: bytes) -> None:
            whole = DIALECTS[self.path.split("/")[1]][1]
            status = 200
            if b"echo" in body or "echo" in self.path:
                words = f"not a key: {', '.join(self.headers.values())}"
                status, whole = 401, {"code": "InvalidApiKey", "message": words, "error": {"message": words}}
            # as some servers write it, so that the key does not stand in the body as it was sent
            self._reply(status, json.dumps(whole).replace("/", "\\/").encode(), {"content-type": "application/json"})

        def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet: what this server would say is not brandq's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    server.block_on_close = False
    notes.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield notes
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def rows(url: str) -> dict[str, str]:
    """A provider of its own for every fault and, per dialect, one that answers and one that refuses; by name."""
    made = {}

    def add(name: str, dialect: str, place: str, model: str, key_env: str = "CANARY_API_KEY") -> None:
        fields = {"dialect": dialect, "url": place, "model": model, "key_env": key_env}
        made[name] = ROW.format(name=name, key_header=DIALECTS[dialect][0], **fields)

    for fault in FAULTS:
        add(f"broken-{fault}", "openai-chat", f"{url}/v1", f"sim-fault-{fault}")
    add("whole", "openai-chat", f"{url}/v1", "m1")
    add("filed", "openai-chat", f"{url}/v1", "m1", "FILED_API_KEY")
    add("filed-echo", "openai-chat", f"{url}/v1", "sim-fault-401-echo-key", "FILED_API_KEY")
    for dialect in DIALECTS:
        add(f"{dialect}-whole", dialect, f"{url}/{dialect}", "m1")
        add(f"{dialect}-echo", dialect, f"{url}/{dialect}", "echo")
    return made


def traces(found: bytes | str) -> list[bytes]:
    """The parts of the key that stand there."""
    lowered = (found.encode("utf-8", "surrogatepass") if isinstance(found, str) else found).lower()
    return [trace for trace in TRACES if trace in lowered]


class Searched:
    """What was searched, place by place, so that a place where nothing was looked at is noticed."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def __call__(self, place: str, found: bytes | str) -> None:
        assert not traces(found), f"{place} holds {traces(found)}"
        self.sizes[place] = self.sizes.get(place, 0) + len(found)


def search_database(path: Path, searched: Searched) -> None:
    """Every column of every table, stored bodies unpacked, and the files as they lie there."""
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    searched(f"table {table}", value if isinstance(value, bytes) else str(value))
                    if isinstance(value, bytes):
                        searched("stored bodies", zlib.decompress(value))
    for file in path.parent.glob(f"{path.name}*"):
        searched("database files", file.read_bytes())


def search_service(place: Installed, execution_ids: list[str], searched: Searched) -> None:
    """Everything that can be got over HTTP about these executions, and about the service."""
    client = ContractClient(place.desk, key=add_key(place.desk, "ann"))

    def got(path: str) -> Any:
        response = client.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        searched("service", response.content)
        searched("service", str(response.headers))
        return response

    for path in ("/", "/metrics", "/openapi.json", "/api/engines", "/api/executions", "/api/statistics"):
        got(path)
    for execution_id in execution_ids:
        own = f"/api/executions/{execution_id}"
        for path in (own, f"/executions/{execution_id}", f"/api/diagnosis/status/{execution_id}"):
            got(path)
        for form in ("json", "md", "html"):
            searched(f"report as {form}", got(f"{own}/report?format={form}").content)
        for sample in got(f"{own}/samples?limit=100").json()["samples"]:
            if sample["answer"] is not None:
                searched("evidence", got(f"{own}/answers/{sample['sample_id']}").content)
                searched("raw evidence", got(f"{own}/answers/{sample['sample_id']}?raw=true").content)


def search_commands(folder: Path, environment: Mapping[str, str], execution_id: str, searched: Searched) -> None:
    """What the commands print at DEBUG, and what a probe records."""

    def told(*command: str, code: int) -> None:
        shown = subprocess.run(
            [sys.executable, "-m", "brandq", *command],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "LANG": "C.UTF-8",
                "BRANDQ_LOG_LEVEL": "DEBUG",
                **environment,
            },
            cwd=folder,
            capture_output=True,
            timeout=100,
            check=False,
        )
        searched(f"brandq {command[0]}", shown.stdout + shown.stderr)
        assert shown.returncode == code, shown.stdout.decode() + shown.stderr.decode()

    told("doctor", code=0)
    told("engines", code=0)
    told("report", execution_id, code=0)
    told("probe", "whole", code=0)
    told("probe", "filed-echo", code=1)
    for dialect in DIALECTS:
        told("probe", f"{dialect}-echo", code=1)
    for file in (folder / "probes").iterdir():
        searched("recordings", file.read_bytes())


def test_a_key_is_in_one_header_and_nowhere_else(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Given a key in the environment and one in a file, and providers that fail in every way that the simulator knows,
    repeat the key, or answer, in all five dialects, when all of them have been asked and probed, then the key stands in
    no table, no log, no output, no report, no response of the service and no recording, and every request that carried it
    carried it in one header alone."""
    with recorder() as notes:
        made = rows(notes.url)
        (tmp_path / "own.toml").write_text("".join(made.values()), encoding="utf-8")
        (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8")
        environment = {
            "BRANDQ_ENGINES_FILE": str(tmp_path / "own.toml"),
            "BRANDQ_DATABASE_URL": sqlite_url,
            "CANARY_API_KEY": KEY,
            "FILED_API_KEY_FILE": str(tmp_path / "key"),
        }
        searched = Searched()
        with caplog.at_level(logging.DEBUG), installed(tmp_path, sqlite_url, "embedded", **environment) as place:
            notes.simulator_url = place.simulator.url
            names = list(made)
            executions = [
                place.submit(engines=names[start : start + MAX_ENGINES], prompts=[PROMPT])
                for start in range(0, len(names), MAX_ENGINES)
            ]
            for execution_id in executions:
                place.ended(execution_id, 90, sweeping=True)
            settled = {row.engine: row for execution_id in executions for row in place.rows(execution_id)}
            search_service(place, executions, searched)
            search_commands(tmp_path, environment, executions[-1], searched)
        search_database(Path(sqlite_url.removeprefix("sqlite:///")), searched)
        for record in caplog.records:
            searched("log", f"{record.getMessage()} {record.args!r} {record.exc_text or ''}")
        searched("output", "".join(capfd.readouterr()) + "-")

    assert set(settled) == set(made)
    assert {settled[f"{dialect}-whole"].state for dialect in DIALECTS} == {"analyzed"}
    for name in ("broken-401-echo-key", "filed-echo", *(f"{dialect}-echo" for dialect in DIALECTS)):
        assert "***" in str(settled[name].error_message), f"{name} did not repeat the key"
    for where in (
        "table samples",
        "table answers",
        "stored bodies",
        "log",
        "raw evidence",
        "brandq probe",
        "recordings",
    ):
        assert searched.sizes[where] > 0, where

    sent = set()
    for request in notes.received:
        carrying = [name.lower() for name, value in request.headers if traces(value)]
        assert len(carrying) == 1, f"{request.path} carried it in {carrying}"
        assert not traces(request.path)
        assert not traces(request.body)
        sent.add((request.path.split("/")[1], carrying[0]))
    assert sent == {("v1", "authorization"), *((dialect, header) for dialect, (header, _) in DIALECTS.items())}
