"""What must hold of rules, alerts and the dashboard beyond their being correct: each check yields a sentence per fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import yaml

from brandq.actors import ACTORS
from brandq.actors.declare import DECLARED, QUEUES
from brandq.actors.meters import CUT_OFF, MESSAGE_OUTCOMES, REQUEST_BUCKETS
from brandq.actors.meters import NAMES as EXPORTED
from brandq.actors.upkeep import SWEEPS
from brandq.providers.dialect import AnswerKind, ErrorClass
from brandq.states import ExecutionState
from brandq.web.app import PAGES, ROUTES
from brandq.web.metrics import METHODS
from brandq.words.terms import EXPLANATIONS
from tests.deploy.promql import read, selected

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD = ROOT / "deploy/grafana/brandq.json"

#: what Prometheus attaches to whatever it scrapes; `namespace` and `pod` in Kubernetes alone
TARGET_LABELS = frozenset({"namespace", "pod", "job", "instance"})

#: metrics of others that we look at: their labels, and who tells them. Names as of the versions that docs/observing.md lists
FOREIGN: Mapping[str, tuple[Set[str], str]] = {
    "up": (frozenset(), "Prometheus itself, for each target"),
    "ALERTS": (frozenset({"alertname", "alertstate", "severity"}), "Prometheus itself, for each alert"),
    "process_start_time_seconds": (frozenset(), "prometheus_client in each process"),
    "process_cpu_seconds_total": (frozenset(), "prometheus_client in each process"),
    "process_resident_memory_bytes": (frozenset(), "prometheus_client in each process"),
    "rabbitmq_alarms_memory_used_watermark": (frozenset(), "RabbitMQ, /metrics; seen on 3.10.8"),
    "rabbitmq_alarms_free_disk_space_watermark": (frozenset(), "RabbitMQ, /metrics; seen on 3.10.8"),
    "rabbitmq_process_resident_memory_bytes": (frozenset(), "RabbitMQ, /metrics; seen on 3.10.8"),
    "rabbitmq_resident_memory_limit_bytes": (frozenset(), "RabbitMQ, /metrics; seen on 3.10.8"),
    "rabbitmq_disk_space_available_bytes": (frozenset(), "RabbitMQ, /metrics; seen on 3.10.8"),
    "rabbitmq_disk_space_available_limit_bytes": (frozenset(), "RabbitMQ, /metrics; seen on 3.10.8"),
    "rabbitmq_detailed_queue_messages_unacked": (
        frozenset({"vhost", "queue"}),
        "RabbitMQ, /metrics/detailed, family queue_coarse_metrics; seen on 3.10.8",
    ),
    "kube_horizontalpodautoscaler_status_current_replicas": (
        frozenset({"horizontalpodautoscaler"}),
        "kube-state-metrics",
    ),
    "kube_horizontalpodautoscaler_spec_max_replicas": (frozenset({"horizontalpodautoscaler"}), "kube-state-metrics"),
    "kube_horizontalpodautoscaler_spec_min_replicas": (frozenset({"horizontalpodautoscaler"}), "kube-state-metrics"),
    "kube_pod_container_status_restarts_total": (frozenset({"container"}), "kube-state-metrics"),
    "keda_scaler_detail_errors_total": (frozenset({"scaledObject"}), "KEDA's operator, 2.14 and later"),
}

#: the same in every web process, because each reads it from the tables or from the broker: added up it would count twice
SHARED = frozenset(
    {
        "brandq_executions",
        "brandq_samples_open",
        "brandq_oldest_waiting_seconds",
        "brandq_sweep_repaired_total",
        "brandq_sweep_age_seconds",
        "brandq_engine_open",
        "brandq_queue_messages",
        "brandq_dead_letters",
        "brandq_queue_consumers",
    }
)
_ONE_OF_ALL = re.compile(r"\b(max|min)(\s+by\s*\([^)]*\))?\s*\(\s*((increase|rate)\s*\(\s*)?$")


#: what a label of a metric can be; a value that never comes makes an alert silent for ever
VALUES: Mapping[tuple[str, str], Set[str]] = {
    ("brandq_http_requests_total", "path"): {path for _, path, _ in (*ROUTES, *PAGES)} | {"(none)"},
    ("brandq_http_requests_total", "method"): METHODS,
    ("brandq_http_requests_total", "status"): {"200", "404", "500", "501", "503"},
    ("brandq_http_request_seconds", "path"): {path for _, path, _ in (*ROUTES, *PAGES)} | {"(none)"},
    ("brandq_http_request_seconds", "method"): METHODS,
    ("brandq_http_request_seconds", "le"): {f"{float(bound)}" for bound in REQUEST_BUCKETS},
    ("brandq_executions", "status"): set(ExecutionState),
    ("brandq_answers_total", "kind"): set(AnswerKind),
    ("brandq_samples_failed_total", "code"): set(EXPLANATIONS),
    ("brandq_queue_messages", "state"): {"ready", "delayed"},
    ("brandq_queue_wait_seconds", "queue"): set(QUEUES),
    ("brandq_messages_total", "outcome"): set(MESSAGE_OUTCOMES),
    ("brandq_message_seconds", "actor"): {DECLARED[function].actor_name for function in ACTORS},
    ("brandq_calls_total", "outcome"): {*AnswerKind, *ErrorClass, CUT_OFF},
    ("brandq_sweep_repaired_total", "sweep"): {sweep.__name__ for sweep in SWEEPS},
    ("brandq_build_info", "role"): {"web", "serve", "clock"},
    ("brandq_threads", "kind"): {"worker", "consumer", "loop", "publisher", "exporter"},
}
#: labels whose values are an installation's own
ITS_OWN = TARGET_LABELS | {"engine"}


def groups(name: str) -> list[dict[str, Any]]:
    """The rule groups of a file in deploy/prometheus."""
    found: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / name).read_text("utf-8"))["groups"]
    return found


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in groups(name) for rule in group["rules"]]


def recorded() -> dict[str, set[str]]:
    """The metrics that recording.yaml makes, with every label that they may have."""
    made: dict[str, set[str]] = {}
    for rule in rules("recording.yaml"):
        asked = read(rule["expr"])
        labels = made.setdefault(rule["record"], set())
        labels |= (asked.grouped - {"le"}) | asked.made | set(rule.get("labels", {}))
        for name in asked.metrics:
            labels |= made.get(name, set())
    return made


def labels_of(name: str, made: Mapping[str, set[str]]) -> set[str] | None:
    """Which labels a metric may be asked for; None where nobody tells it."""
    if name in made:
        return set(made[name])
    if name in FOREIGN:
        return set(FOREIGN[name][0]) | TARGET_LABELS
    for suffix in ("_bucket", "_count", "_sum"):
        exported = EXPORTED.get(name.removesuffix(suffix)) if name.endswith(suffix) else None
        if exported is not None and exported.kind == "histogram":
            return set(exported.labels) | TARGET_LABELS | ({"le"} if suffix == "_bucket" else set())
    exported = EXPORTED.get(name)
    if exported is None or exported.kind == "histogram":
        return None
    return set(exported.labels) | TARGET_LABELS


def expression_faults(where: str, expression: str, made: Mapping[str, set[str]]) -> Iterator[str]:
    """Metrics that nobody tells, labels that they do not have, and counting the same thing once for each web process."""
    asked = read(expression)
    there: set[str] = set()
    for name, picked in asked.metrics.items():
        labels = labels_of(name, made)
        if labels is None:
            yield f"{where}: nobody tells {name}"
            continue
        there |= labels
        for label in sorted(picked - labels):
            yield f"{where}: {name} has no label {label}"
    for label in sorted(asked.grouped - there - asked.made):
        yield f"{where}: nothing in it has the label {label}"
    for name in sorted(SHARED & set(asked.metrics)):
        for found in re.finditer(rf"\b{name}\b", expression):
            if not _ONE_OF_ALL.search(expression[: found.start()]):
                yield f"{where}: every web process tells the same {name}; take max or min of it first"


def value_faults(where: str, expression: str) -> Iterator[str]:
    """Values that a label of ours never has, by the code that gives them."""
    for metric, label, value in selected(expression):
        name = re.sub(r"_(bucket|count|sum)$", "", metric)
        if name not in EXPORTED or label in ITS_OWN:
            continue
        known = VALUES.get((name, label))
        if known is None:
            yield f"{where}: which values {label} of {name} has is not written down"
        elif not any(re.fullmatch(value, each) for each in known):
            yield f"{where}: {label} of {name} is never {value}"


def alert_faults(alert: Mapping[str, Any], anchors: Set[str]) -> Iterator[str]:
    """What the one who is woken needs: how bad, what, with which figures, and where it says what to do."""
    name = alert["alert"]
    if not re.fullmatch(r"Brandq[A-Z][A-Za-z]+", name):
        yield f"{name}: its name does not begin with Brandq"
    if alert.get("labels", {}).get("severity") not in ("critical", "warning"):
        yield f"{name}: its severity is neither critical nor warning"
    annotations = alert.get("annotations", {})
    for key in ("summary", "description", "runbook_url"):
        if not annotations.get(key):
            yield f"{name}: it has no {key}"
    page, _, anchor = annotations.get("runbook_url", "").partition("#")
    if page != "docs/operating.md" or anchor not in anchors:
        yield f"{name}: {annotations.get('runbook_url')} does not exist"
    if "{{" not in annotations.get("description", ""):
        yield f"{name}: its description has no figure and no name"


def anchors_of(markdown: str) -> set[str]:
    """The anchors of a page's headings, as they are made wherever Markdown is shown."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


PANELS = frozenset({"stat", "timeseries", "heatmap", "table"})
#: what the panels use; Grafana has many more
UNITS = frozenset({"short", "s", "percentunit", "bytes", "reqps"})
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def dashboard_faults(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """What makes a dashboard that can be imported anywhere, and read by somebody who did not make it."""
    if "id" in dashboard:
        yield "the dashboard has an id of some installation"
    if not dashboard.get("uid"):
        yield "the dashboard has no uid, so each import is another one"
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource":
        yield "the dashboard does not let one choose the data source"
    for name, variable in variables.items():
        if variable["type"] == "query" and variable["datasource"] != DATASOURCE:
            yield f"variable {name}: its data source is fixed"
    taken: dict[tuple[int, int], str] = {}
    ids: set[int] = set()
    for panel in dashboard["panels"]:
        title = panel.get("title") or f"panel {panel.get('id')}"
        if not panel.get("title"):
            yield f"{title} has no title"
        if panel["id"] in ids:
            yield f"{title}: its id is another panel's"
        ids.add(panel["id"])
        place = panel["gridPos"]
        if place["x"] + place["w"] > WIDTH:
            yield f"{title} stands out to the right"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    yield f"{title} lies over {taken[x, y]}"
                    break
                taken[x, y] = title
        if panel["type"] != "row":
            yield from _panel_faults(title, panel, set(variables))


def _panel_faults(title: str, panel: Mapping[str, Any], variables: Set[str]) -> Iterator[str]:
    if panel["type"] not in PANELS:
        yield f"{title}: its type is {panel['type']}"
    if len(panel.get("description", "")) < 10:
        yield f"{title}: it does not say what it shows"
    if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
        yield f"{title}: it has no unit"
    if panel.get("datasource") != DATASOURCE:
        yield f"{title}: its data source is fixed"
    if not panel.get("targets"):
        yield f"{title}: it asks for nothing"
    letters = [target["refId"] for target in panel.get("targets", ())]
    if len(set(letters)) != len(letters):
        yield f"{title}: two of its targets have the same letter"
    for target in panel.get("targets", ()):
        if target.get("datasource") != DATASOURCE:
            yield f"{title}: the data source of a target is fixed"
        if "legendFormat" not in target:
            yield f"{title}: a target has no legend"
        for name in re.findall(r"\$\{?(\w+)", target["expr"]):
            if name not in variables and not name.startswith("__"):
                yield f"{title}: there is no variable {name}"


def without_variables(expression: str) -> str:
    """A panel's expression as Prometheus gets it when everything is chosen."""
    return re.sub(r"\$\{?\w+\}?", ".*", expression.replace("$__rate_interval", "5m"))


def unwatched(expressions: Iterable[str], names: Iterable[str]) -> set[str]:
    """Those of the metrics that no expression asks for; a histogram by its buckets, its count or its sum."""
    asked = {name for expression in expressions for name in read(expression).metrics}
    asked |= {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    return set(names) - asked


def _rows(page: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading: what stands in backticks in the first column, with the other columns."""
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    fields = [[field.strip() for field in line.strip("|").split(" | ")] for line in lines]
    return {first.strip("`"): rest for first, *rest in fields}


_IN_BACKTICKS = re.compile(r"`(\w+)`")
_LINK_AT_THE_END = re.compile(r"[(]([^()]*)[)]$")
_OURS = re.compile(r"\bbrandq(?:_[a-z0-9_]+|:[a-z0-9_:]+)|\bBrandq[A-Z]\w+")


def _described(kind: str, labels: Iterable[str], of: str) -> str:
    return f"{kind}, {', '.join(labels) or 'no label'}, on {of}"


def page_faults(page: str) -> Iterator[str]:
    """Where docs/observing.md says something else than the code and the rules, or nothing, or more."""
    alerts = {rule["alert"]: rule for rule in rules("alerts.yaml")}
    shown = {
        name: _described(kind, _IN_BACKTICKS.findall(labels), of)
        for name, (kind, labels, of, _) in _rows(page, "What is told").items()
    }
    true = {name: _described(known.kind, known.labels, known.of) for name, known in EXPORTED.items()}
    for name, (severity, _, step) in _rows(page, "Alerts").items():
        shown[name] = f"{severity}, {''.join(_LINK_AT_THE_END.findall(step))}"
    for name, rule in alerts.items():
        true[name] = f"{rule['labels']['severity']}, {rule['annotations']['runbook_url'].removeprefix('docs/')}"
    for name in sorted(set(true) - set(shown)):
        yield f"{name} is not explained"
    for name in sorted(set(true) & set(shown)):
        if shown[name] != true[name]:
            yield f"{name} is told as {shown[name]!r}, and is {true[name]!r}"
    yield from name_faults(page)


def name_faults(page: str) -> Iterator[str]:
    """Metrics, rules and alerts that a page names and that do not exist."""
    made, alerts = recorded(), {rule["alert"] for rule in rules("alerts.yaml")}
    for name in sorted(set(_OURS.findall(page)) - alerts - set(EXPORTED)):
        if labels_of(name, made) is None:
            yield f"{name} does not exist"


#: services of deploy/compose.yaml that are servers of others, or end when they have done their work
NOT_SCRAPED = frozenset({"rabbitmq", "postgres", "migrate", "first-key"})


def scrape_faults(prometheus: Mapping[str, Any], compose: Mapping[str, Any]) -> Iterator[str]:
    """Processes of deploy/compose.yaml that prometheus.yaml does not look at, or not where they listen."""
    (ours,) = (each["dns_sd_configs"][0] for each in prometheus["scrape_configs"] if each["job_name"] == "brandq")
    services = {name: service for name, service in compose["services"].items() if name not in NOT_SCRAPED}
    for name in sorted(set(services) | set(ours["names"])):
        if name not in services:
            yield f"{name} is scraped, and no service"
        elif name not in ours["names"]:
            yield f"{name} is a service, and not scraped"
        elif not services[name]["environment"].get("BRANDQ_METRICS_ADDRESS", "").endswith(f":{ours['port']}"):
            yield f"{name} does not listen on port {ours['port']}"
