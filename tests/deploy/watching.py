"""A rehearsal with a real Prometheus: what it finds of real processes, and what it tells when two things break.

    python -m tests.deploy.watching

It starts PostgreSQL, RabbitMQ, web, two workers, the clock, and a Prometheus with deploy/prometheus on loopback; posts
executions; asks every panel of the dashboard; then stops the worker of brandq.fetch, gives RabbitMQ a memory alarm, and
waits for what is told. Exit 1 when a target, a rule, a panel or an alert is not as it should be. It takes two minutes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from brandq.store.migrating import migrate
from tests.deploy.watched import DASHBOARD, PROMETHEUS, panels, recorded
from tests.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import START_S, Site, call, plan, site

#: seconds between two looks, instead of the example's 15
EVERY_S = 2
#: what has nothing to show here: no cluster, no scaling, no price of what is simulated, nothing broken
EMPTY = {
    "Cost of the last hour",
    "Cost of the last 24 hours",
    "Cost an hour, by engine",
    "Engines that are paused",
    "Errors a second, by route",
    "KEDA: errors, 15 minutes",
    "Replicas and their limits",
    "Samples given up a minute, by code",
    "Threads missing",
}
#: recorded, and absent for the same reasons: nothing costs here, and no request has failed
UNRECORDED = {"brandq:cost:increase1h", "brandq:http_errors:increase1h", "brandq:http_errors:increase1d"}
#: what must be told while the worker is away and RabbitMQ takes nothing
TOLD = {"BrandqBrokerAlarm": "firing", "BrandqQueueWithoutWorkers": "pending", "BrandqTargetDown": "pending"}


class Watching:
    """A Prometheus that looks at the given addresses."""

    def __init__(self, folder: Path, targets: list[str], rabbitmq: str) -> None:
        for name in ("recording.yaml", "alerts.yaml"):
            shutil.copy(PROMETHEUS / name, folder)
        settings = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text("utf-8"))
        settings["global"] = {"scrape_interval": f"{EVERY_S}s", "evaluation_interval": f"{EVERY_S}s"}
        for each in settings["scrape_configs"]:
            each.pop("dns_sd_configs", None)
            each["static_configs"] = [{"targets": targets if each["job_name"] == "brandq" else [rabbitmq]}]
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings), "utf-8")
        self.url = f"http://127.0.0.1:{(port := free_port())}/api/v1"
        with (folder / "prometheus.log").open("wb") as out:
            self.popen = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={folder / 'tsdb'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def get(self, path: str, **parameters: str) -> Any:
        reply = call("GET", f"{self.url}/{path}?{urlencode(parameters)}")
        return reply.body["data"] if reply.status == 200 else None

    def ask(self, expression: str) -> list[tuple[dict[str, str], str]]:
        """The series that an expression gives now, each with its value."""
        return [(each["metric"], each["value"][1]) for each in self.get("query", query=expression)["result"]]

    def alerts(self) -> dict[str, tuple[str, str]]:
        """State and description of each alert that is not silent."""
        return {
            each["labels"]["alertname"]: (each["state"], each["annotations"]["description"])
            for each in self.get("alerts")["alerts"]
        }

    def targets(self) -> dict[str, str]:
        """What is scraped, and how it is."""
        try:
            found = self.get("targets")["activeTargets"]
        except OSError:
            return {}
        return {each["scrapeUrl"]: each["health"] for each in found}


@contextmanager
def servers() -> Iterator[tuple[str, str, RabbitmqServer, str]]:
    """A migrated database, a virtual host, its broker, and the address at which that tells its metrics."""
    rabbitmq, postgres = RabbitmqServer(), PostgresServer()
    told = f"127.0.0.1:{(port := free_port())}"
    try:
        (rabbitmq.folder / "plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        with (rabbitmq.folder / "rabbitmq.conf").open("a") as settings:
            settings.write(f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {port}\n")
        rabbitmq.start()
        postgres.start()
        database_url = postgres.create_database("brandq")
        migrate(database_url)
        yield database_url, rabbitmq.create_vhost("brandq"), rabbitmq, told
    finally:
        rabbitmq.close()
        postgres.close()


def _metrics() -> Mapping[str, str]:
    return {"BRANDQ_METRICS_ADDRESS": f"127.0.0.1:{free_port()}"}


def rehearse(running: Site, rabbitmq: RabbitmqServer, told: str) -> list[str]:
    """Every sentence about what was not as it should be; what was seen is printed as it is seen."""
    faults: list[str] = []
    places = [_metrics() for _ in range(4)]
    web = running.web(**places[0])
    fetching = running.worker("brandq.fetch", **places[1])
    running.worker("brandq.analyze", "brandq.report", "brandq.notify", "brandq.upkeep", **places[2])
    running.start("clock", **places[3])
    watching = Watching(running.folder, [place["BRANDQ_METRICS_ADDRESS"] for place in places], told)
    try:
        wait_until(lambda: set(watching.targets().values()) == {"up"}, START_S, "every target to answer", every_s=0.5)
        print(json.dumps(watching.targets(), indent=1))

        def post() -> str:
            accepted: str = call("POST", f"{web}/api/executions", plan(repeats=10)).body["execution_id"]
            return accepted

        # the second one shows as growth: a counter with labels begins with its first event
        for _ in range(2):
            running.ended([post()], 60, ticking=False)
            call("GET", f"{web}/api/executions")
            time.sleep(3 * EVERY_S)
        wait_until(lambda: watching.ask("brandq_sweep_age_seconds"), 90, "the first tick", every_s=1)
        time.sleep(2 * EVERY_S)
        for name in recorded():
            values = watching.ask(name)
            print(name, *(f"{value} {_short(labels)}" for labels, value in values[:6]))
            if bool(values) == (name in UNRECORDED):
                faults.append(f"{name} has {'a' if values else 'no'} value")
        for group in watching.get("rules")["groups"]:
            faults += [f"{rule['name']}: {rule['lastError']}" for rule in group["rules"] if rule["health"] != "ok"]
        chosen = {"$__rate_interval": "1m", "$namespace": ".*", "$engine": ".*"}
        for panel in panels(json.loads(DASHBOARD.read_text("utf-8"))):
            for target in panel["targets"]:
                expression = target["expr"]
                for variable, value in chosen.items():
                    expression = expression.replace(variable, value)
                if not watching.ask(expression) and panel["title"] not in EMPTY:
                    faults.append(f"the panel {panel['title']!r} shows nothing: {expression}")
        if watching.alerts():
            faults.append(f"told though all is well: {watching.alerts()}")

        fetching.stop()
        with rabbitmq.alarm():
            late = post()

            def all_told() -> bool:
                return all(watching.alerts().get(name, ("",))[0] == state for name, state in TOLD.items())

            wait_until(all_told, 120, f"what is told to be {TOLD}", every_s=1)
            for name, (state, words) in watching.alerts().items():
                print(f"{state}: {name}: {words}")
        running.worker("brandq.fetch", **places[1])
        running.ended([late], 120)
        wait_until(lambda: not set(TOLD) & set(watching.alerts()), 60, "silence about what is mended", every_s=1)
        print("mended; still told:", {name: state for name, (state, _) in watching.alerts().items()})
    finally:
        watching.popen.terminate()
        watching.popen.wait(30)
    return faults


def _short(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in labels.items() if name not in ("__name__", "job", "instance"))


def main() -> int:
    if shutil.which("prometheus") is None:
        print("this rehearsal starts a Prometheus: install the package prometheus", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="brandq-watching-") as folder,
        servers() as (database, broker, rabbitmq, told),
        site(Path(folder), database, broker) as running,
    ):
        faults = rehearse(running, rabbitmq, told)
    print(*faults or ["all is as it should be"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
