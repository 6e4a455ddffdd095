"""A private RabbitMQ with its management plugin, which a test may kill and start again on the same folder."""

from __future__ import annotations

import base64
import contextlib
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.ports import free_port
from tests.servers.guard import Guard
from tests.servers.missing import ServerMissing
from tests.waiting import wait_until

# the server program itself: what Debian puts into /usr/sbin is a wrapper that changes the user
_PROGRAMS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server",
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
)
_EPMDS = ("/usr/bin/epmd", "/usr/lib/erlang/bin/epmd", "/opt/homebrew/bin/epmd", "/usr/local/bin/epmd")
_CTLS = (
    "/usr/lib/rabbitmq/bin/rabbitmqctl",
    "/usr/lib/rabbitmq/lib/*/sbin/rabbitmqctl",
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmqctl",
    "/usr/local/opt/rabbitmq/sbin/rabbitmqctl",
)
_CONF = """\
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
loopback_users = none
# the management API counts messages once in so many milliseconds
collect_statistics_interval = 1000
"""
#: a start takes about seven seconds on an idle machine with two cores
START_TIMEOUT_S = 90


def _first(patterns: tuple[str, ...]) -> str | None:
    return next((path for pattern in patterns for path in sorted(glob.glob(pattern)) if os.access(path, os.X_OK)), None)


class RabbitmqServer:
    """One broker. Nothing runs before ``start``; ``close`` removes every trace of it. ``conf``: further lines of its
    configuration."""

    def __init__(self, *, conf: str = "", user: str = "guest", password: str = "guest") -> None:
        """``user`` is whom ``api`` and ``url`` speak as: an administrator that its definitions make."""
        program, epmd = _first(_PROGRAMS), _first(_EPMDS)
        if program is None or epmd is None:
            raise ServerMissing("this test starts a private RabbitMQ: install the package rabbitmq-server")
        self._program, self._epmd_program = program, epmd
        self.user, self.password = user, password
        self.port, self.management_port = free_port(), free_port()
        self._dist_port, self._epmd_port = free_port(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="brandq-rabbitmq-"))
        (self.folder / "rabbitmq.conf").write_text(_CONF.format(management_port=self.management_port) + conf)
        (self.folder / "plugins").write_text("[rabbitmq_management].\n")
        self._server: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._guard = Guard(self.folder, self.folder / "server.group", self.folder / "epmd.group")

    @property
    def log(self) -> Path:
        return self.folder / "server.out"

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def url(self, vhost: str = "/", *, user: str | None = None, password: str | None = None) -> str:
        name = f"{quote(user or self.user, safe='')}:{quote(password or self.password, safe='')}"
        return f"amqp://{name}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def start(self, *, wait: bool = True) -> None:
        """Starts it, or starts it again: durable queues and persistent messages are those it had."""
        if not self.running:
            self._start()
        if wait:
            self.wait_ready()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),  # holds the cookie
            # a port mapper of its own: the usual one would outlive the tests
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"t{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            # the default is the node's port + 20000, which another broker may have taken
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # two schedulers that sleep when idle, instead of one busy scheduler per core
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def _start(self) -> None:
        environment = self._environment()
        (self.folder / "pid").unlink(missing_ok=True)
        if self._epmd is None:
            mapper = [self._epmd_program, "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = self._spawn(mapper, environment, "epmd")
        self._server = self._spawn([self._program], environment, "server")

    def _spawn(self, command: list[str], environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.out").open("ab") as out:
            # a session of its own: Ctrl-C reaches the tests, which then stop it in order
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        (self.folder / f"{name}.group").write_text(f"-{process.pid}\n")
        return process

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Returns once it takes AMQP connections and its management API answers."""
        wait_until(self._ready, timeout_s, f"RabbitMQ on port {self.port} (what it said is in {self.log})", every_s=0.2)

    def _ready(self) -> bool:
        if not self.running:
            raise AssertionError(f"RabbitMQ ended while starting; it said:\n{self.log.read_text()[-3000:]}")
        try:
            self.api("GET", "/overview")
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """kill -9: what was not on disk is lost, as on a machine that loses power."""
        if self._server is not None:
            _kill_group(self._server)

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and says nothing, until ``resume``."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on where it was paused; what was sent to it meanwhile it reads now."""
        self._signal(signal.SIGCONT)

    def _signal(self, signum: signal.Signals) -> None:
        if self._server is None or not self.running:
            raise AssertionError(f"RabbitMQ on port {self.port} does not run")
        os.killpg(self._server.pid, signum)

    def stop(self, timeout_s: float = 60) -> None:
        """Stops it in order, as an operator would."""
        if self._server is None or not self.running:
            return
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGTERM)
        try:
            self._server.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    @contextlib.contextmanager
    def alarm(self, kind: str = "memory") -> Iterator[None]:
        """A server whose memory (or ``disk``) is full: it takes no message, and blocks every connection that sends one,
        until this ends. What it has not answered by then goes on."""
        sets, full, enough = {
            "memory": ("set_vm_memory_high_watermark", "0", "0.4"),
            "disk": ("set_disk_free_limit", "1000000000000000", "50000000"),
        }[kind]
        self._ctl(sets, full)
        try:
            wait_until(self._alarmed, 20, "the alarm")
            yield
        finally:
            if self.running:
                self._ctl(sets, enough)
                wait_until(lambda: not self._alarmed(), 20, "the end of the alarm")

    def _alarmed(self) -> bool:
        # a node that has just started does not tell yet
        return any(node.get("mem_alarm") or node.get("disk_free_alarm") for node in self.api("GET", "/nodes"))

    def _ctl(self, *command: str) -> None:
        program = _first(_CTLS)
        if program is None:
            raise ServerMissing("this test commands its RabbitMQ: install the package rabbitmq-server")
        subprocess.run(
            [program, *command],
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    def close(self) -> None:
        """Ends it at once and removes its folder."""
        self.kill()
        if self._epmd is not None:
            _kill_group(self._epmd)
        self._guard.dismiss()
        shutil.rmtree(self.folder, ignore_errors=True)

    def api(self, method: str, path: str, body: object = None, *, name: tuple[str, str] | None = None) -> Any:
        """What the management API gives: ``api("GET", "/queues/%2F")``. ``name``: whom to ask as, and its password."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.management_port}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": "Basic "
                + base64.b64encode(":".join(name or (self.user, self.password)).encode()).decode(),
                "Content-Type": "application/json",
            },
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None

    def create_vhost(self, name: str) -> str:
        """Makes an empty virtual host and gives its URL."""
        self.api("PUT", f"/vhosts/{quote(name, safe='')}", {})
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        self.api("PUT", f"/permissions/{quote(name, safe='')}/{self.user}", rights)
        return self.url(name)

    def delete_vhost(self, name: str) -> None:
        self.api("DELETE", f"/vhosts/{quote(name, safe='')}")

    def trace(self, vhost: str, *, on: bool) -> None:
        """Have a copy of whatever is published in this virtual host go to its exchange ``amq.rabbitmq.trace``."""
        self.api("PUT", f"/vhosts/{quote(vhost, safe='')}", {"tracing": on})

    def purge_all(self, vhost: str) -> None:
        """Throws away every ready message of every queue in this virtual host."""
        for queue in self.api("GET", f"/queues/{quote(vhost, safe='')}"):
            self.api("DELETE", f"/queues/{quote(vhost, safe='')}/{quote(queue['name'], safe='')}/contents")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # once its first process is collected the group's number may be somebody else's
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
