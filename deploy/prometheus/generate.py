"""Writes rules.yaml, the rule files as one PrometheusRule; with --check only says whether it is out of date.

The plain files are the source: promtool reads and tests them, and a Prometheus without an operator takes them as they
are. Kustomize cannot put one file into another, so the object is written here; a test sees that nobody forgot to.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
SOURCES = ("recording.yaml", "alerts.yaml")
HEADER = "# Generated from recording.yaml and alerts.yaml by `python deploy/prometheus/generate.py`; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines stay as they were written, and lists are indented as in the sources."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Dumper.add_representer(str, _Dumper.represent_text)


def as_object(folder: Path = FOLDER) -> str:
    """The PrometheusRule as YAML. OSError where a source is missing."""
    groups = [group for name in SOURCES for group in yaml.safe_load((folder / name).read_text("utf-8"))["groups"]]
    document = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "brandq"},
        "spec": {"groups": groups},
    }
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=150)


def main() -> int:
    path, text = FOLDER / "rules.yaml", as_object()
    if path.is_file() and path.read_text("utf-8") == text:
        return 0
    if sys.argv[1:] == ["--check"]:
        sys.stderr.write("deploy/prometheus/rules.yaml is out of date: run `python deploy/prometheus/generate.py`\n")
        return 1
    path.write_text(text, "utf-8")
    sys.stdout.write("wrote deploy/prometheus/rules.yaml\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
