"""``brandq keys add``: a key that is made here is shown once; one out of a file is registered, and never shown."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from brandq import store
from brandq.cli import read_key
from brandq.errors import BadRequest
from brandq.store import Database

KEY_ID, SECRET = "0123456789ab", "Zx9-" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789_-A"
KEY = f"bq_{KEY_ID}_{SECRET}"


def brandq(url: str, *arguments: str) -> tuple[int, str]:
    """The command's status, and all that it says."""
    done = subprocess.run(
        [sys.executable, "-m", "brandq", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "BRANDQ_DATABASE_URL": url,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    return path


def test_a_key_out_of_a_file_is_registered_once(sqlite_url: str, file: Path) -> None:
    """Given a file with a key, when it is registered twice, then it opens, its secret is nowhere, and the second time says so
    and ends well; with other scopes it is refused. A key that was made here is a key out of a file elsewhere."""
    add = ("keys", "add", "ops", "--scope", "admin", "--from-file", str(file))
    first, second = brandq(sqlite_url, *add), brandq(sqlite_url, *add)
    assert (first[0], "is registered" in first[1]) == (0, True), first
    assert (second[0], "was registered already" in second[1]) == (0, True), second
    other = brandq(sqlite_url, "keys", "add", "ops", "--from-file", str(file))
    assert (other[0], "ops's with the scopes admin" in other[1]) == (2, True), other
    assert SECRET not in first[1] + second[1] + other[1]
    made = brandq(sqlite_url, "keys", "add", "ann")[1]
    file.write_text(key := next(line for line in made.splitlines() if line.startswith("bq_")))
    assert "_".join(("bq", *read_key(file))) == key
    database = Database(sqlite_url)
    with database.read() as db:
        assert store.authenticate(db, KEY_ID, SECRET).scopes == ("admin",)
    database.dispose()
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as db:
        assert SECRET not in "\n".join(db.iterdump())


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        SECRET,
        f"bq_{KEY_ID}_{SECRET[:-1]}",
        f"bq_XYZ_{SECRET}",
        f"bq_{KEY_ID}_{SECRET[:-1]}!",
        f"bq_{KEY_ID}_{'ab' * 30}",
        f"{KEY}\n{KEY}",
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(file: Path, wrong: str) -> None:
    """Given a file that holds no key like those made here, when it is read, then that is said without its contents."""
    file.write_text(wrong)
    with pytest.raises(BadRequest, match="expected one key") as refused:
        read_key(file)
    assert SECRET[:20] not in str(refused.value)
    assert "abab" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(file: Path, tmp_path: Path) -> None:
    """Given no file, or one that is no text, when a key is to be read from it, then its path is named."""
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadRequest, match="key: is not text"):
        read_key(file)
    with pytest.raises(BadRequest, match="none: No such file"):
        read_key(tmp_path / "none")


def test_a_web_that_others_can_reach_needs_a_key(postgres_url: str) -> None:
    """Given a database without a key, when the web is to listen where others can reach it, then it does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "brandq", "web", "--host", "0.0.0.0", "--port", "0"],
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "BRANDQ_DATABASE_URL": postgres_url,
            "BRANDQ_BROKER_URL": "amqp://127.0.0.1:1/none",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no API key" in " ".join(done.stderr.split())
