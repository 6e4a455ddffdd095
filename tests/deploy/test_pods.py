"""The pods of dev as processes: the same commands, settings and Secrets, beside private servers started with what theirs get."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.deploy import rendering, rules
from tests.deploy.brokers import private_conf
from tests.ports import free_port
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

#: what a pod would have of its own, and a process of this machine has not
SRC = rendering.tools.ROOT / "src"


@dataclass
class Cluster:
    """What stands in for a cluster: folders for mounts, ports for addresses, and a kubelet that starts what ended in an error."""

    folder: Path
    objects: rules.Objects
    #: what is written in the objects, and what it is here
    instead: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def start(self, pod: rules.Pod) -> None:
        """Begins with the first container of the pod; ``step`` goes on."""
        self._begin(pod, 0)

    def _begin(self, pod: rules.Pod, number: int) -> None:
        container = pod.containers(all=True)[number]
        here = self.folder / pod.component
        (here / "tmp").mkdir(parents=True, exist_ok=True)
        for path, source in rules.files(self.objects, pod, container).items():
            if source is not None:
                file = here / path.lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(self._here(rules.texts_of(self.objects, source[0])[source[1]], pod))
        environment = {
            name: self._here(value, pod) for name, value in rules.environment(self.objects, container).items()
        }
        environment |= {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SRC),
            "TMPDIR": str(here / "tmp"),
            "LANG": "C.UTF-8",
        }
        self.environments[pod.component] = environment
        command = [sys.executable, "-m", "brandq", *(self._here(each, pod) for each in container["args"])]
        with (here / "log").open("ab") as log:
            self.running[pod.component] = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=here)

    def _here(self, text: str, pod: rules.Pod) -> str:
        text = re.sub(r"^/(run/brandq|tmp)(?=/|$)", f"{self.folder}/{pod.component}/\\1", text)
        for written, here in self.instead.items():
            text = text.replace(written, here)
        return text.replace("0.0.0.0:9191", f"127.0.0.1:{self._port(pod)}").replace("0.0.0.0", "127.0.0.1")

    def _port(self, pod: rules.Pod) -> str:
        return self.instead.setdefault(f"metrics of {pod.component}", str(free_port()))

    def step(self, pod: rules.Pod, at: dict[str, int]) -> bool:
        """Starts the next container once one has done its work, or the same again where it failed; whether the last one runs."""
        containers = pod.containers(all=True)
        if at[pod.component] < len(containers) and (status := self.running[pod.component].poll()) is not None:
            at[pod.component] += status == 0
            if at[pod.component] < len(containers):
                self._begin(pod, at[pod.component])
        return at[pod.component] >= len(containers) - (pod.component != "migrate")

    def probe(self, pod: rules.Pod, *arguments: str) -> int:
        """What a probe of the pod's container ends with."""
        command = [sys.executable, "-m", "brandq", "probe", *arguments]
        return subprocess.run(
            command, env=self.environments[pod.component], capture_output=True, check=False
        ).returncode

    def log(self, component: str) -> str:
        return (self.folder / component / "log").read_text(errors="replace")[-3000:]


@pytest.fixture
def cluster(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """dev's objects, and the two servers, begun with what their Secrets hold."""
    objects = rendering.objects("dev")
    broker_start, database_start = (
        rules.texts_of(objects, f"brandq-{name}-start") for name in ("rabbitmq", "postgres")
    )
    with ExitStack() as stack:
        try:
            postgres, rabbitmq = PostgresServer(), RabbitmqServer()
        except ServerMissing as error:
            skip_or_fail(request.config, error)
        stack.callback(postgres.close)
        stack.callback(rabbitmq.close)
        definitions = tmp_path / "definitions.json"
        definitions.write_text(broker_start["definitions.json"])
        (rabbitmq.folder / "rabbitmq.conf").write_text(private_conf(rabbitmq, definitions))
        (rabbitmq.folder / "plugins").write_text(broker_start["enabled_plugins"])
        # not waited for: pods start while it does
        rabbitmq.start(wait=False)
        postgres.start()
        postgres.create_database("brandq")
        with psycopg.connect(postgres.url("brandq").replace("+psycopg", ""), autocommit=True) as db:
            for name in ("10-roles.sql", "20-passwords.sql"):
                db.execute(database_start[name].encode())
        instead = {
            "brandq-postgres:5432": f"127.0.0.1:{postgres.port}",
            "brandq-rabbitmq:5672": f"127.0.0.1:{rabbitmq.port}",
            "8000": str(free_port()),
        }
        made = Cluster(tmp_path / "pods", objects, instead)
        try:
            yield made
        finally:
            for process in made.running.values():
                process.kill()
                process.wait()


def _ask(url: str, key: str, body: object = None) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as reply:
        return json.load(reply)


@pytest.mark.timeout(480)  # nine processes of Python and two servers start, on two cores
def test_the_pods_of_dev_ask_answer_and_stop(cluster: Cluster) -> None:
    """Given dev's pods, all started at once, when a plan is posted with the first key, then its report comes, all are well, all stop."""
    pods = [pod for pod in rules.pods(cluster.objects) if pod.ours]
    at = {pod.component: 0 for pod in pods}
    for pod in pods:
        cluster.start(pod)

    def stepped() -> bool:
        # every one of them, not up to the first that is not there yet
        return False not in [cluster.step(pod, at) for pod in pods]

    wait_until(stepped, 180, "the last container of each pod", every_s=0.5)
    web = f"http://127.0.0.1:{cluster.instead['8000']}"
    key = rules.texts_of(cluster.objects, "brandq-first-key")["key"]
    workers = [pod for pod in pods if pod.component != "migrate"]
    for pod in workers:

        def ready(pod: rules.Pod = pod) -> bool:
            # whoever ended, because web had no key yet or the broker did not answer, is started again
            return stepped() and cluster.probe(pod, "--ready") == 0

        wait_until(ready, 120, f"{pod.owner} to be ready; its log is in {cluster.folder / pod.component}", every_s=0.5)
        assert cluster.probe(pod) == 0

    def answers() -> bool:
        try:
            return bool(_ask(f"{web}/readyz", key)["status"] == "ready")
        except urllib.error.URLError:
            return False

    wait_until(answers, 30, "web")
    plan = {
        "brands": [{"name": "Apple"}, {"name": "Samsung"}],
        "prompts": ["Which phone?"],
        "engines": ["openai"],
        "repeats": 3,
    }
    execution = f"{web}/api/executions/{_ask(f'{web}/api/executions', key, plan)['execution_id']}"
    wait_until(
        lambda: _ask(execution, key)["status"] == "completed",
        60,
        f"the execution; fetch said {cluster.log('fetch')}",
        every_s=0.3,
    )
    assert _ask(f"{execution}/report", key)
    for pod in workers:
        address = f"http://127.0.0.1:{cluster.instead[f'metrics of {pod.component}']}/metrics"
        with urllib.request.urlopen(address, timeout=10) as reply:
            assert b"brandq_build_info" in reply.read()

    began = time.monotonic()
    for pod in workers:
        cluster.running[pod.component].send_signal(signal.SIGTERM)
    for pod in workers:
        left = pod.spec["terminationGracePeriodSeconds"] - (time.monotonic() - began)
        status = cluster.running[pod.component].wait(min(left, 45))
        assert status == 0, f"{pod.owner} ended with {status}; it said {cluster.log(pod.component)}"
