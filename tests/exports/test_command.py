"""``brandq report``: every form into a file or a pipe, in the language that is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from brandq.actors.desk import Desk
from tests.exports.at_hand import read_csv
from tests.house_rules import ROOT
from tests.web.site import ContractClient, finish, open_desk, submit


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    opened = open_desk(sqlite_url, tmp_path)
    yield opened
    opened.close()


def brandq(desk: Desk, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The command, as its caller runs it."""
    environment = {
        "BRANDQ_DATABASE_URL": desk.settings.database_url.reveal(),
        "BRANDQ_DATA_DIR": str(desk.settings.data_dir),
        "PYTHONPATH": str(ROOT / "src"),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
    }
    command = [sys.executable, "-m", "brandq", "report", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=200)


@pytest.mark.timeout(300)
def test_every_form_goes_into_a_file(desk: Desk, tmp_path: Path) -> None:
    """Given an ended execution, when its report is written in each form, then each file is of its form, and nothing else is left
    beside it."""
    client = ContractClient(desk)
    execution_id = submit(client)
    finish(desk, execution_id)
    folder = tmp_path / "files"
    folder.mkdir()
    begins = {
        "json": b"{",
        "md": b"# ",
        "html": b"<!doctype html>",
        "pdf": b"%PDF-",
        "xlsx": b"PK",
        "csv": b"\xef\xbb\xbf",
    }
    for form, first in begins.items():
        ran = brandq(desk, execution_id, "--format", form, "--out", str(folder / f"report.{form}"))
        assert ran.returncode == 0, ran.stderr.decode()
        assert (folder / f"report.{form}").read_bytes().lstrip(b"\n").startswith(first), form
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"report.{form}" for form in begins)


def test_it_goes_into_a_pipe_too(desk: Desk) -> None:
    """Given no file, then a table goes to whoever reads the pipe, byte for byte as over HTTP, and Markdown in the language that
    is asked for."""
    client = ContractClient(desk)
    execution_id = submit(client)
    finish(desk, execution_id)
    piped = brandq(desk, execution_id, "--format", "csv")
    assert piped.stdout == client.get(f"/api/executions/{execution_id}/report?format=csv").content
    assert len(read_csv(piped.stdout)) == 8
    assert "AI 助手怎么说" in brandq(desk, execution_id, "--language", "zh").stdout.decode()
    assert "what AI assistants say" in brandq(desk, execution_id).stdout.decode()


def test_what_cannot_be_written_is_told(desk: Desk, tmp_path: Path) -> None:
    """Given a folder that is not there, or a report that is not, then the command ends with 2 and says which."""
    client = ContractClient(desk)
    execution_id = submit(client)
    early = brandq(desk, execution_id, "--format", "csv")
    assert (early.returncode, early.stdout) == (2, b"")
    assert b"has no report" in early.stderr
    finish(desk, execution_id)
    nowhere = brandq(desk, execution_id, "--format", "csv", "--out", str(tmp_path / "no" / "x.csv"))
    assert nowhere.returncode == 2
    assert b"No such file or directory" in nowhere.stderr
