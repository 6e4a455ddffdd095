"""What watches brandq: rules and alerts that promtool accepts and tests, a dashboard, and the page that explains them."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from brandq.actors.meters import NAMES
from tests.deploy.promql import Asked, read
from tests.deploy.tools import kustomize, run, tool
from tests.deploy.watched import (
    DASHBOARD,
    FOREIGN,
    PROMETHEUS,
    ROOT,
    SHARED,
    alert_faults,
    anchors_of,
    dashboard_faults,
    expression_faults,
    groups,
    name_faults,
    page_faults,
    panels,
    recorded,
    rules,
    scrape_faults,
    unwatched,
    value_faults,
    without_variables,
)

PAGE = ROOT / "docs/observing.md"
RUNBOOK = ROOT / "docs/operating.md"
SOURCES = ("recording.yaml", "alerts.yaml")


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return loaded


def cases(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROMETHEUS / name).read_text("utf-8"))
    return loaded


def told(*arguments: str | Path) -> tuple[int, str]:
    """What promtool says, and its status."""
    done = run([tool("promtool"), *arguments])
    return done.returncode, done.stdout + done.stderr


# -- promtool


def test_the_rules_are_correct() -> None:
    """Given the rule files, when promtool reads them with everything it can find fault with, then it finds none."""
    status, said = told("check", "rules", "--lint=all", "--lint-fatal", *(PROMETHEUS / name for name in SOURCES))
    assert status == 0, said


def test_a_fault_in_a_rule_is_found(tmp_path: Path) -> None:
    """Given a rule whose expression has a bracket too few, when promtool reads it, then it refuses the file."""
    rule = (PROMETHEUS / "alerts.yaml").read_text("utf-8").replace("(brandq_database_up == 0)", "(((")
    (tmp_path / "alerts.yaml").write_text(rule, "utf-8")
    status, said = told("check", "rules", tmp_path / "alerts.yaml")
    assert status != 0
    assert "BrandqDatabaseDown" in said


def test_prometheus_takes_the_example() -> None:
    """Given prometheus.yaml, when promtool reads it with the rules that it names, then it is a configuration."""
    status, said = told("check", "config", PROMETHEUS / "prometheus.yaml")
    assert status == 0, said


@pytest.mark.parametrize("name", ["recording_test.yaml", "alerts_test.yaml"])
def test_the_rules_do_what_their_cases_say(name: str) -> None:
    """Given the cases of a rule file, when promtool plays them, then every value and every alert is as they say."""
    status, said = told("test", "rules", PROMETHEUS / name)
    assert status == 0, said


def test_every_recording_rule_has_a_case() -> None:
    """Given the recording rules, when their cases are listed, then each is asked for, and gives something."""
    asked = {
        name: case["exp_samples"]
        for test in cases("recording_test.yaml")["tests"]
        for case in test["promql_expr_test"]
        for name in read(case["expr"]).metrics
    }
    assert set(asked) == {rule["record"] for rule in rules("recording.yaml")}
    assert [name for name, samples in asked.items() if not samples] == []


def test_every_alert_has_a_case_of_each_kind() -> None:
    """Given the alerts, when their cases are listed, then each is told in one, and silent on the day that all is well."""
    tests = cases("alerts_test.yaml")["tests"]
    fires = {look["alertname"] for test in tests for look in test["alert_rule_test"] if look["exp_alerts"]}
    silent = {look["alertname"] for look in tests[0]["alert_rule_test"] if not look["exp_alerts"]}
    names = {rule["alert"] for rule in rules("alerts.yaml")}
    assert fires == names
    assert silent == names
    assert not any(look["exp_alerts"] for look in tests[0]["alert_rule_test"])


def _altered(folder: Path, name: str, alter: Callable[[dict[str, Any]], None], keep: slice = slice(None)) -> str:
    """What promtool says of the cases of a rule file when each of its rules was altered."""
    altered = groups(name)
    for group in altered:
        for rule in group["rules"]:
            alter(rule)
    (folder / name).write_text(yaml.safe_dump({"groups": altered}), "utf-8")
    played = cases(name.replace(".yaml", "_test.yaml"))
    played["tests"] = played["tests"][keep]
    played["rule_files"] = [name]
    (folder / "cases.yaml").write_text(yaml.safe_dump(played), "utf-8")
    status, said = told("test", "rules", folder / "cases.yaml")
    assert status != 0
    return said


def test_an_alert_that_never_fires_is_found(tmp_path: Path) -> None:
    """Given every alert with a condition that is never true, when its cases are played, then each of them is named."""

    def never(rule: dict[str, Any]) -> None:
        rule["expr"] = "vector(0) > 1"

    said = _altered(tmp_path, "alerts.yaml", never)
    assert {rule["alert"] for rule in rules("alerts.yaml")} - set(re.findall(r"alertname: (\w+)", said)) == set()


def test_an_alert_that_always_fires_is_found(tmp_path: Path) -> None:
    """Given every alert with a condition that is always true, when all is well, then each of them is named."""

    def always(rule: dict[str, Any]) -> None:
        rule["expr"] = "vector(1)"

    said = _altered(tmp_path, "alerts.yaml", always, keep=slice(1))
    assert {rule["alert"] for rule in rules("alerts.yaml")} - set(re.findall(r"alertname: (\w+)", said)) == set()


def test_a_recording_rule_that_counts_wrongly_is_found(tmp_path: Path) -> None:
    """Given every recording rule giving a little more, when its cases are played, then each of them is named."""

    def more(rule: dict[str, Any]) -> None:
        rule["expr"] = f"({rule['expr']}) + 1"

    said = _altered(tmp_path, "recording.yaml", more)
    assert {rule["record"] for rule in rules("recording.yaml")} - set(re.findall(r"round\(([\w:]+),", said)) == set()


# -- the object for the operator


def _generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, PROMETHEUS / "generate.py", *arguments])


def test_the_object_is_up_to_date() -> None:
    """Given rules.yaml, when it is made again, then not a letter changes."""
    done = _generate("--check")
    assert done.returncode == 0, done.stderr


def test_a_forgotten_object_is_found_and_written(tmp_path: Path) -> None:
    """Given a rule that was changed and an object that was not, when it is checked, then that is said; then it is written."""
    for name in (*SOURCES, "rules.yaml", "generate.py"):
        (tmp_path / name).write_bytes((PROMETHEUS / name).read_bytes())
    source = (tmp_path / "alerts.yaml").read_text("utf-8")
    (tmp_path / "alerts.yaml").write_text(source.replace("for: 30m", "for: 31m"), "utf-8")
    stale = run([sys.executable, tmp_path / "generate.py", "--check"])
    assert stale.returncode == 1
    assert "out of date" in stale.stderr
    assert run([sys.executable, tmp_path / "generate.py"]).returncode == 0
    assert "for: 31m" in (tmp_path / "rules.yaml").read_text("utf-8")
    assert run([sys.executable, tmp_path / "generate.py", "--check"]).returncode == 0


def test_kustomize_gives_the_rules_as_they_were_tested() -> None:
    """Given deploy/prometheus, when kustomize renders it, then the object holds the groups that promtool tested."""
    done = run([*kustomize(), PROMETHEUS])
    assert done.returncode == 0, done.stderr
    (rendered,) = yaml.safe_load_all(done.stdout)
    assert (rendered["apiVersion"], rendered["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert rendered["spec"]["groups"] == [group for name in SOURCES for group in groups(name)]


#: kubectl keeps the whole object a second time, in an annotation that may have 262,144 bytes
LARGEST = 200_000


def test_kustomize_gives_the_dashboard_as_it_is() -> None:
    """Given deploy/grafana, when kustomize renders it, then the ConfigMap has the label, no hash, and fits."""
    done = run([*kustomize(), DASHBOARD.parent])
    assert done.returncode == 0, done.stderr
    (rendered,) = yaml.safe_load_all(done.stdout)
    assert rendered["metadata"] == {"name": "brandq-dashboard", "labels": {"grafana_dashboard": "1"}}
    assert json.loads(rendered["data"]["brandq.json"]) == dashboard()
    assert len(rendered["data"]["brandq.json"].encode()) < LARGEST


# -- names


def expressions() -> Iterator[tuple[str, str]]:
    """Everything that Prometheus is asked, and where."""
    for name in SOURCES:
        for rule in rules(name):
            yield rule.get("record") or rule["alert"], rule["expr"]
    for panel in panels(dashboard()):
        for target in panel["targets"]:
            yield f"panel {panel['title']}", without_variables(target["expr"])
    for annotation in dashboard()["annotations"]["list"]:
        if "expr" in annotation:
            yield f"annotation {annotation['name']}", without_variables(annotation["expr"])


def test_only_what_somebody_tells_is_asked_for() -> None:
    """Given every expression, when its names are looked up, then each metric is told by somebody, with these labels."""
    made = recorded()
    assert [fault for where, expression in expressions() for fault in expression_faults(where, expression, made)] == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(brandq_requests_total[5m])", "nobody tells brandq_requests_total"),
        ("brandq:http_requests:rate1m > 3", "nobody tells brandq:http_requests:rate1m"),
        ("rate(brandq_call_seconds[5m])", "nobody tells brandq_call_seconds"),
        ("rate(brandq_calls_total_bucket[5m])", "nobody tells brandq_calls_total_bucket"),
        ('rate(brandq_calls_total{provider="x"}[5m])', "brandq_calls_total has no label provider"),
        ('brandq:queue_ready{state="ready"}', "brandq:queue_ready has no label state"),
        ("sum by (model) (rate(brandq_calls_total[5m]))", "nothing in it has the label model"),
        ("up * on (pods) group_left () brandq_build_info", "nothing in it has the label pods"),
        ("sum by (queue) (brandq_queue_messages)", "take max or min of it first"),
        ("sum(increase(brandq_sweep_repaired_total[1h]))", "take max or min of it first"),
        ("brandq_dead_letters > 0", "take max or min of it first"),
    ],
)
def test_a_wrong_name_is_found(expression: str, fault: str) -> None:
    """Given an expression with one wrong name, when it is checked, then that name is told."""
    found = list(expression_faults("here", expression, recorded()))
    assert any(fault in each for each in found), found


def test_only_values_that_come_are_asked_for() -> None:
    """Given every expression, when the values of its selectors are looked up in the code, then each can come."""
    assert [fault for where, expression in expressions() for fault in value_faults(where, expression)] == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ('rate(brandq_messages_total{outcome=~"done|failed"}[5m])', "outcome of brandq_messages_total is never failed"),
        ('rate(brandq_calls_total{outcome="timeout"}[5m])', "outcome of brandq_calls_total is never timeout"),
        (
            'rate(brandq_samples_failed_total{code!~"budget|cost"}[5m])',
            "code of brandq_samples_failed_total is never cost",
        ),
        ('rate(brandq_http_request_seconds_bucket{le="0.4"}[5m])', "le of brandq_http_request_seconds is never 0"),
        (
            'rate(brandq_http_requests_total{path!~"/health"}[5m])',
            "path of brandq_http_requests_total is never /health",
        ),
        ('brandq_executions{status="open"}', "status of brandq_executions is never open"),
        (
            'increase(brandq_sweep_repaired_total{sweep="resend"}[1h])',
            "sweep of brandq_sweep_repaired_total is never resend",
        ),
        ('brandq_samples_open{state="waiting"}', "which values state of brandq_samples_open has is not written down"),
    ],
)
def test_a_value_that_never_comes_is_found(expression: str, fault: str) -> None:
    """Given a selector with a value that the code never gives, when it is checked, then it is told."""
    assert any(fault in each for each in value_faults("here", expression))


def test_an_expression_is_read_for_its_names() -> None:
    """Given an expression with everything in it, when it is read, then its metrics and labels are found and no other word."""
    asked = read(
        'label_replace(max by (a, b) (x:y:z{c="} sum(", d=~".+"} offset 5m) > bool 1e3, "e", "$1", "a", "(.*)")\n'
        "# sum(comment)\n and on (f) group_left () rate(plain[5m:1m]) unless topk(3, Other) or +Inf"
    )
    assert asked == Asked({"x:y:z": {"c", "d"}, "plain": set(), "Other": set()}, {"a", "b", "f"}, {"e"})


def test_everything_that_is_told_is_looked_at() -> None:
    """Given every metric that brandq tells, when rules and panels are read, then each is asked for somewhere."""
    asked = [expression for _, expression in expressions()]
    assert unwatched(asked, NAMES) == set()
    assert unwatched(asked, FOREIGN) == set(), "listed and not asked for"
    assert unwatched(asked, recorded()) == set(), "recorded and not asked for"
    assert set(NAMES) >= SHARED


def test_what_nobody_looks_at_is_found() -> None:
    """Given three metrics and expressions that ask for two, one by its buckets, when they are compared, then the third is told."""
    assert unwatched(["rate(a_bucket[5m])", "max by (d) (b)"], {"a", "b", "d"}) == {"d"}


# -- alerts


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    """Given the alerts, when they are read, then each has a severity, figures, and a place in docs/operating.md."""
    anchors = anchors_of(RUNBOOK.read_text("utf-8"))
    assert [fault for rule in rules("alerts.yaml") for fault in alert_faults(rule, anchors)] == []


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("alert", "brandq_down", "does not begin with Brandq"),
        ("labels", {"severity": "page"}, "neither critical nor warning"),
        ("labels", {}, "neither critical nor warning"),
        ("annotations", {"summary": ""}, "has no summary"),
        ("annotations", {"description": "It is bad."}, "no figure and no name"),
        ("annotations", {"runbook_url": "docs/operating.md#nowhere"}, "does not exist"),
        ("annotations", {"runbook_url": "docs/observing.md#a-queue-grows"}, "does not exist"),
    ],
)
def test_an_alert_that_does_not_help_is_found(key: str, value: Any, fault: str) -> None:
    """Given an alert with one thing missing, when it is checked, then that is told; and nothing is told of the sound one."""
    sound = {
        "alert": "BrandqQueueGrows",
        "labels": {"severity": "warning"},
        "annotations": {
            "summary": "x",
            "description": "{{ $value }}",
            "runbook_url": "docs/operating.md#a-queue-grows",
        },
    }
    anchors = {"a-queue-grows"}
    assert list(alert_faults(sound, anchors)) == []
    broken = copy.deepcopy(sound)
    broken[key] = {**broken[key], **value} if key == "annotations" else value
    assert any(fault in each for each in alert_faults(broken, anchors))


def test_the_operators_page_names_only_what_exists() -> None:
    """Given docs/operating.md, when the metrics and alerts that it names are looked up, then each exists."""
    assert list(name_faults(RUNBOOK.read_text("utf-8"))) == []
    assert list(name_faults("`brandq_queue_length` and `BrandqGone`")) == [
        "BrandqGone does not exist",
        "brandq_queue_length does not exist",
    ]


# -- the dashboard


def test_the_dashboard_can_be_imported_and_read() -> None:
    """Given the dashboard, when its shape is checked, then each panel is whole and none lies over another."""
    assert list(dashboard_faults(dashboard())) == []


def _first(shape: dict[str, Any]) -> dict[str, Any]:
    return panels(shape)[0]


BROKEN: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("id of some installation", lambda shape: shape.update(id=7)),
    ("has no uid", lambda shape: shape.pop("uid")),
    ("choose the data source", lambda shape: shape["templating"]["list"].pop(0)),
    (
        "its data source is fixed",
        lambda shape: shape["templating"]["list"][1]["datasource"].update(uid="P1809F7CD0C75ACF3"),
    ),
    ("has no title", lambda shape: _first(shape).update(title="")),
    ("its id is another panel's", lambda shape: _first(shape).update(id=panels(shape)[1]["id"])),
    ("lies over", lambda shape: _first(shape)["gridPos"].update(panels(shape)[1]["gridPos"])),
    ("stands out to the right", lambda shape: _first(shape)["gridPos"].update(x=22)),
    ("its type is graph", lambda shape: _first(shape).update(type="graph")),
    ("does not say what it shows", lambda shape: _first(shape).pop("description")),
    ("has no unit", lambda shape: _first(shape)["fieldConfig"]["defaults"].pop("unit")),
    ("its data source is fixed", lambda shape: _first(shape).update(datasource={"type": "prometheus", "uid": "abc"})),
    ("data source of a target is fixed", lambda shape: _first(shape)["targets"][0].update(datasource="abc")),
    ("asks for nothing", lambda shape: _first(shape).update(targets=[])),
    ("the same letter", lambda shape: _first(shape)["targets"].append(_first(shape)["targets"][0])),
    ("has no legend", lambda shape: _first(shape)["targets"][0].pop("legendFormat")),
    ("no variable cluster", lambda shape: _first(shape)["targets"][0].update(expr='up{job="$cluster"}')),
]


@pytest.mark.parametrize(("fault", "breaks"), BROKEN, ids=[f"{n}:{fault}" for n, (fault, _) in enumerate(BROKEN)])
def test_a_broken_dashboard_is_found(fault: str, breaks: Callable[[dict[str, Any]], Any]) -> None:
    """Given the dashboard with one thing broken, when its shape is checked, then that is told."""
    shape = dashboard()
    breaks(shape)
    assert any(fault in each for each in dashboard_faults(shape))


def _as_rules(shape: dict[str, Any]) -> str:
    asked = [
        {"record": f"panel:{panel['id']}:{target['refId']}", "expr": without_variables(target["expr"])}
        for panel in panels(shape)
        for target in panel["targets"]
    ]
    asked += [
        {"record": f"annotation:{n}", "expr": without_variables(annotation["expr"])}
        for n, annotation in enumerate(shape["annotations"]["list"])
        if "expr" in annotation
    ]
    return yaml.safe_dump({"groups": [{"name": "dashboard", "rules": asked}]})


def test_prometheus_can_answer_every_panel(tmp_path: Path) -> None:
    """Given the panels' expressions, when promtool reads them as rules, then all are correct; a planted fault is not."""
    shape = dashboard()
    (tmp_path / "panels.yaml").write_text(_as_rules(shape), "utf-8")
    status, said = told("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "panels.yaml")
    assert status == 0, said
    _first(shape)["targets"][0]["expr"] = "sum by (namespace (up)"
    (tmp_path / "panels.yaml").write_text(_as_rules(shape), "utf-8")
    status, said = told("check", "rules", tmp_path / "panels.yaml")
    assert status != 0


# -- the page


def test_every_metric_and_every_alert_is_explained() -> None:
    """Given what brandq tells and the alerts, when the page is read, then it has each as it is, and names nothing else."""
    assert list(page_faults(PAGE.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("| `brandq_call_seconds` | histogram", "| `brandq_call_seconds` | counter", "brandq_call_seconds is told as"),
        ("| `engine`, `outcome` | work |", "| `engine` | work |", "brandq_calls_total is told as"),
        ("| `brandq_database_up` |", "| `brandq_database_there` |", "brandq_database_up is not explained"),
        ("| `brandq_database_up` |", "| `brandq_database_there` |", "brandq_database_there does not exist"),
        ("| `BrandqRestarts` | warning |", "| `BrandqRestarts` | critical |", "BrandqRestarts is told as"),
        ("| `BrandqLoopLag` |", "| `BrandqLoopLate` |", "BrandqLoopLag is not explained"),
        ("(operating.md#an-engine-is-paused)", "(operating.md#elsewhere)", "BrandqEnginePaused is told as"),
        (
            "`brandq:execution_seconds:p95`",
            "`brandq:execution_seconds:p99`",
            "brandq:execution_seconds:p99 does not exist",
        ),
    ],
)
def test_a_page_that_is_out_of_date_is_found(old: str, new: str, fault: str) -> None:
    """Given the page with one thing changed, when it is compared with the code, then that is told."""
    page = PAGE.read_text("utf-8")
    assert old in page
    found = list(page_faults(page.replace(old, new)))
    assert any(fault in each for each in found), found


# -- what is scraped


def _compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
    return loaded


def test_what_is_scraped_is_what_compose_starts() -> None:
    """Given prometheus.yaml and deploy/compose.yaml, when they are compared, then every process is scraped, where it listens."""
    assert list(scrape_faults(cases("prometheus.yaml"), _compose())) == []


def test_a_process_that_is_not_scraped_is_found() -> None:
    """Given a service that was renamed, and one that listens elsewhere, when the files are compared, then both are told."""
    compose = _compose()
    services = compose["services"]
    services["asking"] = services.pop("fetch")
    services["clock"]["environment"] = {**services["clock"]["environment"], "BRANDQ_METRICS_ADDRESS": "0.0.0.0:9192"}
    found = list(scrape_faults(cases("prometheus.yaml"), compose))
    assert [fault.split()[0] for fault in found] == ["asking", "clock", "fetch"], found
