"""A private RabbitMQ that loads what deploy/rabbitmq ships: its conf, its plugins, and its definitions with passwords."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.servers.rabbitmq import RabbitmqServer

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "deploy" / "rabbitmq"
USERS = ("brandq-web", "brandq-worker", "brandq-monitoring", "brandq-admin")
#: with what a URL must escape
PASSWORDS = {user: f"{user}: 100 % secret/@" for user in USERS}


def hash_passwords(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """What deploy/rabbitmq/passwords.py does with this folder."""
    command = [sys.executable, "-I", str(SHIPPED / "passwords.py"), str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def shipped_broker(folder: Path) -> Iterator[RabbitmqServer]:
    """It runs, and speaks to whoever asks as brandq-admin. Only ports, addresses and the file's place are the test's."""
    secrets = folder / "secrets"
    secrets.mkdir()
    for user, password in PASSWORDS.items():
        (secrets / user).write_text(password + "\n", encoding="utf-8")
    done = hash_passwords(secrets, "--require-all", "-o", str(folder / "definitions.json"))
    assert done.returncode == 0, done.stderr
    server = RabbitmqServer(user="brandq-admin", password=PASSWORDS["brandq-admin"])
    try:
        (server.folder / "rabbitmq.conf").write_text(private_conf(server, folder / "definitions.json"))
        (server.folder / "plugins").write_text((SHIPPED / "enabled_plugins").read_text())
        server.start()
        yield server
    finally:
        server.close()


def private_conf(server: RabbitmqServer, definitions: Path) -> str:
    """The shipped conf, listening on the server's own ports of this machine alone."""
    conf = (SHIPPED / "rabbitmq.conf").read_text(encoding="utf-8")
    for written, instead in {
        r"load_definitions = .*": f"load_definitions = {definitions}",
        r"listeners\.tcp\.default = 5672": f"listeners.tcp.1 = 127.0.0.1:{server.port}",
        r"management\.tcp\.port = 15672": (
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {server.management_port}\n"
            "collect_statistics_interval = 1000"
        ),
        r"prometheus\.tcp\.port = 15692": f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {free_port()}",
    }.items():
        conf, found = re.subn(f"^{written}$", instead, conf, flags=re.MULTILINE)
        assert found == 1, f"rabbitmq.conf has no line like {written}"
    return conf
