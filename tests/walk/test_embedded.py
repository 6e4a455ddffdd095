"""One process without servers: the demo, the service, the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from brandq.simulator import Simulator
from tests.ports import free_port
from tests.waiting import wait_until
from tests.walk.site import call, plan

START_S = 40


def brandq(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "brandq", *command],
        env=_environment(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "COLUMNS": "160", **more}


def serve(folder: Path, port: int, **environment: str) -> subprocess.Popen[bytes]:
    with (folder / "serve.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "brandq", "serve", "--port", str(port)],
            env=_environment({"BRANDQ_SIMULATE": "missing", "BRANDQ_LEASE_SECONDS": "4", **environment}),
            cwd=folder,
            stdout=log,
            stderr=log,
        )

    def answers() -> bool:
        assert started.poll() is None, (folder / "serve.log").read_text()
        try:
            return call("GET", f"http://127.0.0.1:{port}/readyz").status == 200
        except OSError:
            return False

    wait_until(answers, START_S, "brandq serve to be ready")
    return started


def test_the_demo_ends_with_a_report_that_says_simulated(tmp_path: Path) -> None:
    """Given an empty folder, when the demo runs, then ten samples are answered and every output says they are simulated."""
    shown = brandq(tmp_path, "demo", BRANDQ_SIMULATE="missing")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    document = json.loads((tmp_path / "out/demo/report.json").read_text(encoding="utf-8"))
    page = (tmp_path / "out/demo/report.html").read_text(encoding="utf-8")
    assert "SIMULATED" in shown.stdout
    assert "report.json" in shown.stdout
    assert "report.html" in shown.stdout
    assert document["simulated"]["any"] is True
    assert document["coverage"]["planned"] == 10
    assert "simulated" in page.lower()
    assert "/api/executions" not in page, "a file has no service to link to"
    lines = (tmp_path / "out/demo/answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 10
    assert all(json.loads(line)["simulated"] for line in lines)
    again = brandq(
        tmp_path, "import", "out/demo/answers.jsonl", "--brand", "趣车良品", "--brand", "竞品 1", "--out", "b"
    )
    assert again.returncode == 0, again.stderr
    imported = json.loads((tmp_path / "b/report.json").read_text(encoding="utf-8"))
    first, second = (one["brands"][0]["overall"]["mention_rate"] for one in (document, imported))
    assert (first["k"], first["n"]) == (second["k"], second["n"]), "what was written is read back as it was"
    assert imported["simulated"]["any"] is True
    assert [brand["name"] for brand in document["brands"]] == ["趣车良品", "竞品 1", "竞品 2"]


def test_a_served_execution_survives_a_kill(tmp_path: Path) -> None:
    """Given `brandq serve` killed in the middle of an execution, when it starts again, then the execution ends complete."""
    with Simulator(port=0, latency_ms=600) as simulator:
        port, environment = free_port(), {"BRANDQ_SIMULATOR_URL": simulator.url}
        url = f"http://127.0.0.1:{port}/api/executions"
        first = serve(tmp_path, port, **environment)
        created = call("POST", url, plan(repeats=20))
        assert created.status == 202, created.body
        mine = f"{url}/{created.body['execution_id']}"
        wait_until(lambda: call("GET", mine).body["progress"]["settled"] > 5, 30, "some answers")
        first.kill()
        first.wait()
        second = serve(tmp_path, port, **environment)
        try:
            ended = wait_until(
                lambda: (status := call("GET", mine).body)["terminal"] and status, 90, "it to end", every_s=0.5
            )
            assert ended["status"] == "completed"
            assert call("GET", f"{mine}/report").body["coverage"]["planned"] == 80
            assert 80 <= call("GET", f"{simulator.url}/calls").body["total"] <= 80 + lost_attempts(tmp_path)
        finally:
            second.send_signal(signal.SIGTERM)
            assert second.wait(30) == 0


def lost_attempts(folder: Path) -> int:
    """Calls that the killed process had made, or was about to make, and whose answers it had not kept."""
    with closing(sqlite3.connect(folder / "data" / "brandq.db")) as db:
        return int(db.execute("SELECT COUNT(*) FROM attempts WHERE outcome = 'lost'").fetchone()[0])


def test_without_a_key_it_does_not_listen_to_others(tmp_path: Path) -> None:
    """Given no API key, when it is to serve on every address, then it refuses in one sentence; with a key it would not."""
    refused = brandq(tmp_path, "serve", "--host", "0.0.0.0", "--port", str(free_port()), BRANDQ_SIMULATE="missing")
    assert refused.returncode == 2
    assert "brandq keys add" in refused.stderr
    added = brandq(tmp_path, "keys", "add", "ann")
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("bq_")
    assert added.stdout.strip() not in brandq(tmp_path, "keys", "list").stdout


def test_answers_from_a_file_become_a_report(tmp_path: Path) -> None:
    """Given answers in a JSONL file, when they are imported, then a report stands over them and nobody was asked."""
    rows: Sequence[dict[str, object]] = [
        {"question": "Best phone?", "platform": "豆包", "response": "1. **Apple**\n2. Samsung", "run": 1},
        {"question": "Best phone?", "platform": "豆包", "response": "1. Samsung\n2. Nokia", "run": 2},
        {"question": "Best phone?", "platform": "ChatGPT", "response": "", "run": 1},
        {"question": "Cheap phone?", "platform": "ChatGPT", "response": "Pineapples are no phones.", "run": 1},
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    shown = brandq(tmp_path, "import", str(path), "--brand", "Apple", "--brand", "Samsung", "--out", "made")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    document = json.loads((tmp_path / "made/report.json").read_text(encoding="utf-8"))
    apple = document["brands"][0]["overall"]["mention_rate"]
    assert (apple["k"], apple["n"]) == (1, 3)
    assert document["coverage"]["planned"] == 4
    assert document["imported"]["any"] is True
    assert document["simulated"]["any"] is False


def test_a_file_with_faults_is_refused_whole(tmp_path: Path) -> None:
    """Given a file with broken lines, when it is imported, then each is named and nothing is stored."""
    path = tmp_path / "answers.jsonl"
    path.write_text('{"question": "a", "response": "b"}\nnot json\n[1]\n', encoding="utf-8")
    refused = brandq(tmp_path, "import", str(path), "--brand", "Apple")
    assert refused.returncode == 2
    assert "line 2" in refused.stderr
    assert "line 3" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_plan_with_faults_is_refused_whole(tmp_path: Path) -> None:
    """Given a run with an unknown engine and too many repeats, when it starts, then both are named and nothing is stored."""
    refused = brandq(
        tmp_path,
        "run",
        "--brand",
        "A",
        "--prompt",
        "p {city}",
        "--engine",
        "nobody",
        "--repeats",
        "99",
        BRANDQ_SIMULATE="all",
    )
    assert refused.returncode == 2
    for pointer in ("/prompts/0", "/engines/0", "/repeats"):
        assert pointer in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_run_asks_and_reports(tmp_path: Path) -> None:
    """Given an assistant behind a user's own engines file, when a plan is run, then the report shows its answers."""
    with Simulator(port=0, latency_ms=20) as simulator:
        (tmp_path / "engines.toml").write_text(
            f'[engines.mine]\ndialect = "openai-chat"\nbase_url = "{simulator.url}/v1"\nmodel = "m1"\n',
            encoding="utf-8",
        )
        shown = brandq(
            tmp_path,
            "run",
            "--brand",
            "趣车良品",
            "--brand",
            "竞品 1",
            "--prompt",
            "深圳新能源汽车改装门店哪家好？",
            "--engine",
            "mine",
            "--repeats",
            "3",
            "--out",
            "made",
            BRANDQ_ENGINES_FILE="engines.toml",
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert call("GET", f"{simulator.url}/calls").body["total"] == 3
    document = json.loads((tmp_path / "made/report.json").read_text(encoding="utf-8"))
    assert document["coverage"]["planned"] == 3
    assert document["simulated"]["any"] is False, "a user's own engine is not our simulator, whatever stands behind it"


def test_the_doctor_names_what_is_wrong(tmp_path: Path) -> None:
    """Given a misspelt setting and an impossible port, when the doctor is asked, then it names both and fails."""
    ill = brandq(tmp_path, "doctor", BRANDQ_PROT="1", BRANDQ_PORT="99999")
    assert ill.returncode == 1
    assert "BRANDQ_PROT" in ill.stdout
    assert "BRANDQ_PORT" in ill.stdout
    well = brandq(tmp_path, "doctor", BRANDQ_SIMULATE="missing")
    assert "BRANDQ_DATABASE_URL" in well.stdout
    assert "SIMULATOR" in well.stdout
    assert not (tmp_path / "data").exists(), "looking changes nothing"


def test_a_bad_start_ends_with_a_clear_exit_code(tmp_path: Path) -> None:
    """Given settings that are wrong, or a database that is not there, when a process starts, then it ends at once, says what
    to do, and its exit code tells the two apart."""
    misspelt = brandq(tmp_path, "serve", BRANDQ_BROKER="amqp://x", BRANDQ_SIMULATE="perhaps")
    assert misspelt.returncode == 2
    assert "BRANDQ_BROKER:" in misspelt.stderr
    assert "BRANDQ_SIMULATE:" in misspelt.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        second = brandq(tmp_path, "serve", "--port", port, BRANDQ_SIMULATE="all")
    assert second.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
    assert "Try this" not in second.stdout
    shared = brandq(tmp_path, "work", BRANDQ_BROKER_URL="amqp://127.0.0.1:1/")
    assert shared.returncode == 2
    assert "BRANDQ_DATABASE_URL" in shared.stderr
    servers = {
        "BRANDQ_BROKER_URL": "amqp://127.0.0.1:1/",
        "BRANDQ_DATABASE_URL": "postgresql://brandq:s3cret@127.0.0.1:1/brandq",
    }
    for command in (("work",), ("web",), ("clock",), ("migrate",)):
        gone = brandq(tmp_path, *command, **servers)
        assert gone.returncode == 3, gone.stderr
        assert "the database does not answer" in gone.stderr
        assert "s3cret" not in gone.stdout + gone.stderr
