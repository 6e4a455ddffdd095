"""The programs that look at deploy/: where each is found, and what to do where one is not."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: the Python ones have an environment of their own, the others are unpacked; both by `make check-deploy`
FOLDERS = (ROOT / "build/deploy-venv/bin", ROOT / "build/deploy-tools/usr/bin")

#: whether a missing tool fails a test instead of skipping it; conftest.py sets it from the option --require-servers
required = False


def found(name: str) -> Path | None:
    """Where this program is: in our own folders first, then wherever the machine has it; None where it is not."""
    for folder in FOLDERS:
        if (folder / name).is_file():
            return folder / name
    path = shutil.which(name)
    return Path(path) if path else None


def tool(name: str) -> Path:
    """The program of this name; without it, the test that asks is skipped, or fails where tools are required."""
    return found(name) or _missing(name)


@functools.cache
def kustomize() -> tuple[str, ...]:
    """The command that renders a folder given behind it: kubectl's where it is new enough, else kustomize's own."""
    kubectl = found("kubectl")
    if kubectl and "kustomizeVersion: v5" in run([kubectl, "version", "--client", "-o", "yaml"]).stdout:
        return (str(kubectl), "kustomize")
    return (str(found("kustomize") or _missing("kustomize")), "build")


def run(command: Sequence[str | Path], text: str | None = None) -> subprocess.CompletedProcess[str]:
    """What a tool says; its status is for the test to judge."""
    return subprocess.run(
        [str(part) for part in command], input=text, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )


def _missing(name: str) -> Path:
    sentence = f"{name} is not on this machine: `make check-deploy` fetches it"
    if required:
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
