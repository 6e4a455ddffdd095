"""Secrets that stand in files, several hosts, and what of them is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from brandq import doctor
from brandq.actors.desk import open_registry
from brandq.errors import BadSettings
from brandq.settings import KNOWN, read_settings

SECRET = "hidden-word"
DISTRIBUTED = {"BRANDQ_DATABASE_URL": "postgresql://u:p@db/n", "BRANDQ_BROKER_URL": "amqps://u:p@mq/v"}
#: what is secret, and a value of it
VALUES = {
    "BRANDQ_DATABASE_URL": f"postgresql://me:{SECRET}@db/n",
    "BRANDQ_BROKER_URL": f"amqps://me:{SECRET}@mq/v",
    "BRANDQ_BROKER_CA": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
    "BRANDQ_WEBHOOK_SECRET": SECRET,
}


def test_whatever_is_secret_is_tried_here() -> None:
    """Given a setting that is secret, then the tests of this file know a value of it."""
    assert {known.variable for known in KNOWN if known.secret} <= set(VALUES)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.parametrize("variable", VALUES)
def test_a_secret_may_stand_in_a_file(tmp_path: Path, variable: str, ending: str) -> None:
    """Given a secret in a file, as editors and Kubernetes end one, then it is read without its last line's end, it is as good
    as in the environment, and it is not shown."""
    path = tmp_path / "secret"
    path.write_bytes((VALUES[variable] + ending).encode())
    given = {name: value for name, value in DISTRIBUTED.items() if name != variable}
    by_file = read_settings({**given, f"{variable}_FILE": str(path)})
    by_value = read_settings({**given, variable: VALUES[variable]})
    assert by_file == by_value
    shown = {known.variable: text for known, text, was_set in by_file.shown() if was_set}
    assert variable in shown
    assert SECRET not in str(shown)
    assert "\n" not in shown[variable]
    assert SECRET not in repr(by_file)


def test_a_providers_key_may_stand_in_a_file(tmp_path: Path) -> None:
    """Given OPENAI_API_KEY_FILE, then that engine can be asked."""
    path = tmp_path / "key"
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    settings = read_settings({"OPENAI_API_KEY_FILE": str(path)})
    assert settings.key("OPENAI_API_KEY") == SECRET
    (engine,) = [one for one in open_registry(settings).listing() if "OPENAI_API_KEY" in one.key_env]
    assert engine.configured


def test_a_folder_of_keys_need_not_hold_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Given OPENAI_API_KEY_FILE and no such file, then that engine cannot be asked, all else starts, and the log and the doctor
    name the variable."""
    settings = read_settings({"OPENAI_API_KEY_FILE": str(tmp_path / "absent")})
    with caplog.at_level("INFO"):
        (engine,) = [one for one in open_registry(settings).listing() if "OPENAI_API_KEY" in one.key_env]
    assert not engine.configured
    assert "OPENAI_API_KEY_FILE" in caplog.text
    assert any("OPENAI_API_KEY_FILE" in finding.words for finding in doctor._engines(settings))


@pytest.mark.parametrize(
    ("variable", "content"),
    [
        *((variable, content) for variable in VALUES for content in (None, b"", b"\n", b"\xff\xfe")),
        *(("OPENAI_API_KEY", content) for content in (b"", b"\n", b"\xff\xfe")),
    ],
)
def test_a_file_that_holds_no_secret_is_a_fault(tmp_path: Path, variable: str, content: bytes | None) -> None:
    """Given a file that is missing, empty or no text, then nothing starts on what stands for it otherwise, and the fault names
    variable and file."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    given = {name: value for name, value in DISTRIBUTED.items() if name != variable}
    with pytest.raises(BadSettings) as caught:
        open_registry(read_settings({**given, f"{variable}_FILE": str(path)}))
    assert f"{variable}_FILE: " in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """Given a process that has read its secret, when the file is rotated, then the process keeps what it read, and the next
    one has the new one."""
    path = tmp_path / "secret"
    given = {**DISTRIBUTED, "BRANDQ_WEBHOOK_SECRET_FILE": str(path)}
    path.write_text("old", encoding="utf-8")
    before = read_settings(given)
    path.write_text("new", encoding="utf-8")
    after = read_settings(given)
    assert before.webhook_secret
    assert before.webhook_secret.reveal() == "old"
    assert after.webhook_secret
    assert after.webhook_secret.reveal() == "new"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgres://u:p@a/n", "postgresql+psycopg://u:p@a/n"),
        (
            "postgresql://u:p@a:5432,b:5433/n?target_session_attrs=read-write",
            "postgresql+psycopg://u:p@/n?host=a:5432&host=b:5433&target_session_attrs=read-write",
        ),
        ("postgresql://u:p@a,b/n", "postgresql+psycopg://u:p@/n?host=a&host=b"),
        ("postgresql://a:1,b:2/n", "postgresql+psycopg:///n?host=a:1&host=b:2"),
        ("postgresql://u:p%2Cq@a/n", "postgresql+psycopg://u:p%2Cq@a/n"),
        ("postgresql://u:p,q@a/n", "postgresql+psycopg://u:p,q@a/n"),
        ("postgresql://u:p@/n?host=a:1&host=b:2", "postgresql+psycopg://u:p@/n?host=a:1&host=b:2"),
        (
            "postgresql://u:p@a/n?sslmode=verify-full&sslrootcert=/c.pem",
            "postgresql+psycopg://u:p@a/n?sslmode=verify-full&sslrootcert=/c.pem",
        ),
    ],
)
def test_several_hosts_may_be_written_as_libpq_does(given: str, read: str) -> None:
    """Given a database URL, then what the driver gets names each host, and all that stands behind `?`."""
    assert read_settings({"BRANDQ_DATABASE_URL": given}).database_url.reveal() == read


@pytest.mark.parametrize(
    ("variable", "given", "shown"),
    [
        ("BRANDQ_DATABASE_URL", "postgresql://me:hidden-word@db:5432/n", "postgresql://me:…@db:5432/n"),
        (
            "BRANDQ_DATABASE_URL",
            "postgresql://me:hidden-word@a:1,b:2/n?target_session_attrs=read-write&sslpassword=hidden-word&sslmode=require",
            "postgresql://me:…@a:1,b:2/n?target_session_attrs=read-write&sslmode=require",
        ),
        ("BRANDQ_DATABASE_URL", "postgresql://db/n?user=me&password=hidden-word&host=b", "postgresql://db/n?host=b"),
        ("BRANDQ_BROKER_URL", "amqp://me:hidden/-word@mq/v", "amqp://…"),
        ("BRANDQ_BROKER_URL", "amqp://me:hidden?-word@mq/v", "amqp://…"),
        ("BRANDQ_BROKER_URL", "amqp://me:hidden#-word@mq/v", "amqp://…"),
        ("BRANDQ_BROKER_URL", "amqp://me:hidden-word@a/v;amqp://me:hidden-word@b/v", "amqp://me:…@a/v;amqp://me:…@b/v"),
        ("BRANDQ_BROKER_URL", "amqps://me:hid;den-word@a/v?certfile=/c.pem", "amqps://me:…@a/v?certfile=/c.pem"),
    ],
)
def test_a_shown_url_has_no_password(variable: str, given: str, shown: str) -> None:
    """Given URLs with passwords in every place, then what the doctor shows has none of them, of no server."""
    settings = read_settings({**DISTRIBUTED, variable: given})
    assert {known.variable: text for known, text, _ in settings.shown()}[variable] == shown


@pytest.mark.parametrize("given", ["me:hidden/word@db/n", "me:hidden?word@db/n", "me:hidden#word@db/n", "u@db:port/n"])
def test_a_database_url_that_cannot_be_read_is_a_fault(given: str) -> None:
    """Given a password with a sign that ends it, or a port that is none, then the fault says how it is written, without it."""
    with pytest.raises(BadSettings, match="its port is no number") as caught:
        read_settings({"BRANDQ_DATABASE_URL": f"postgresql://{given}"})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "given", "far"),
    [
        ("BRANDQ_DATABASE_URL", "postgresql://u@127.0.0.1/n", False),
        ("BRANDQ_DATABASE_URL", "postgresql:///n?host=/var/run/postgresql", False),
        ("BRANDQ_DATABASE_URL", "postgresql://u@db/n", True),
        ("BRANDQ_DATABASE_URL", "postgresql://u@localhost:1,db:2/n", True),
        ("BRANDQ_DATABASE_URL", "postgresql://u@db/n?sslmode=require", True),
        ("BRANDQ_DATABASE_URL", "postgresql://u@db/n?sslmode=verify-full", False),
        ("BRANDQ_BROKER_URL", "amqp://localhost/v", False),
        ("BRANDQ_BROKER_URL", "amqp://mq/v", True),
        ("BRANDQ_BROKER_URL", "amqps://mq/v", False),
        ("BRANDQ_BROKER_URL", "amqps://mq/v;amqp://mq2/v", True),
    ],
)
def test_what_goes_over_a_network_unchecked_is_known(variable: str, given: str, far: bool) -> None:
    """Given a server that may be another machine, when nothing checks who answers there, then the doctor has that to note."""
    settings = read_settings({**DISTRIBUTED, "BRANDQ_BROKER_URL": "amqp://localhost/v", variable: given})
    found = settings.database_unchecked if variable == "BRANDQ_DATABASE_URL" else settings.broker_in_plain
    assert found is far
