"""What kustomize makes of an overlay, and what the tools from outside say against objects."""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import yaml

from tests.deploy import custom_resources, tools
from tests.deploy.rules import Objects, title

DEPLOY = tools.ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("dev", "staging", "production")
#: the oldest that has all we use (the sleep before a stop is there from 1.30 on), and the newest that the tool knows
OLDEST = "1.30"


@functools.cache
def newest() -> str:
    """The newest version of Kubernetes whose schemas kubernetes-validate brings, such as 1.37."""
    said = tools.run([tools.tool("kubernetes-validate"), "--help"]).stdout
    return re.search(r"Defaults to (\d+\.\d+)", " ".join(said.split()))[1]  # type: ignore[index]


@functools.cache
def rendered(overlay: str) -> str:
    """The YAML of an overlay; an error of kustomize's fails the test with its words."""
    made = tools.run([*tools.kustomize(), KUBERNETES / "overlays" / overlay])
    assert made.returncode == 0, made.stderr
    return made.stdout


@functools.cache
def _objects(overlay: str) -> Objects:
    loaded = [one for one in yaml.load_all(rendered(overlay), yaml.CSafeLoader) if one]
    return loaded + (first_secrets("plain") if overlay == "dev" else [])


def objects(overlay: str) -> Objects:
    """The objects of an overlay, new ones at each call; of the plain one with the Secrets that are made by hand."""
    return copy.deepcopy(_objects(overlay))


def first_secrets(servers: str, **given: Any) -> Objects:
    """The Secrets that deploy/kubernetes/first_secrets.py prints."""
    module = first_secrets_module()
    made = module.as_list(module.made_secrets(servers, {"OPENAI_API_KEY": "key"}, "https://hook.example/", **given))
    return json.loads(json.dumps(made["items"]))  # type: ignore[no-any-return]


@functools.cache
def first_secrets_module() -> ModuleType:
    return _module(KUBERNETES / "first_secrets.py")


def _module(path: Path) -> ModuleType:
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = before
    return module


def validated(path: Path, version: str) -> list[str]:
    """What kubernetes-validate says against a file; a kind that neither it nor we have a schema for is a fault too."""
    said = tools.run([tools.tool("kubernetes-validate"), "-k", version, "--strict", path])
    lines = [*said.stdout.splitlines(), *said.stderr.splitlines()]
    faults = []
    for line in lines:
        unknown = re.search(r"find schema for kind (\S+) with api version (\S+)", line)
        if (unknown and (unknown[2], unknown[1]) not in custom_resources.SPECS) or "ERROR" in line:
            faults.append(line)
    assert said.returncode == 0 or faults, lines
    return faults


def custom_faults(found: Objects) -> Iterator[str]:
    """What our own schemas say against the objects of operators."""
    for one in found:
        schema = custom_resources.schema(one["apiVersion"], one["kind"])
        if schema is not None:
            for error in jsonschema.Draft202012Validator(schema).iter_errors(one):
                yield f"{title(one)}: {'.'.join(map(str, error.path))}: {error.message}"


def checkov(paths: Sequence[Path]) -> dict[str, dict[str, set[str]]]:
    """The checks of checkov that failed, objects by check, for each file by its name. One call: it takes seconds to start."""
    named = [part for path in paths for part in ("-f", path)]
    said = tools.run(
        [tools.tool("checkov"), *named, "--framework", "kubernetes", "-o", "json", "--quiet", "--skip-download"]
    )
    failed: dict[str, dict[str, set[str]]] = {path.name: {} for path in paths}
    for check in json.loads(said.stdout).get("results", {}).get("failed_checks", []):
        failed[Path(check["file_path"]).name].setdefault(check["check_id"], set()).add(check["resource"])
    return failed
