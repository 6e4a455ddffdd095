"""The wheel carries everything that an installed brandq needs, and works without its checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.house_rules import ROOT


def test_an_installed_wheel_migrates_and_asks(tmp_path: Path) -> None:
    """Given the wheel unpacked into an empty folder, when the demo runs there, then migrations, registry and templates are
    found in it, and nothing in the checkout."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path / "site")
    assert any(name.startswith("brandq/migrations/versions/") for name in names)
    assert "brandq/providers/registry.toml" in names
    assert any(name.startswith("brandq/web/templates/") for name in names)
    assert any(name.startswith("brandq/exports/templates/") for name in names)
    assert not any(name.startswith(("tests/", "src/")) for name in names)
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "import brandq.cli, brandq.store, sys; print(brandq.store.migrations_folder()); sys.exit(brandq.cli.main(['demo']))",
        ],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(tmp_path / "site"),
            "BRANDQ_SIMULATE": "all",
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.startswith(str(tmp_path / "site"))
    assert (tmp_path / "out/demo/report.html").is_file()
