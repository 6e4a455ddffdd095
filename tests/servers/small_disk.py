"""A disk that can be filled: a file system in memory, of a few megabytes. Mounting one needs root."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """What is in ``folder`` shares its few bytes with what fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leaves no byte free."""
        with self._filler.open("ab") as filler:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        os.write(filler.fileno(), b"x" * size)
                except OSError:
                    continue

    def free(self) -> None:
        self._filler.unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """Mounted while the block runs; the test is skipped where that is not allowed."""
    # in /tmp itself: the user of a private server comes into no other test's folder
    folder = Path(tempfile.mkdtemp(prefix="brandq-disk-", dir="/tmp"))
    folder.chmod(0o755)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("filling a disk needs one that may be mounted, as root")
    try:
        yield SmallDisk(folder)
    finally:
        # what is open there stays readable for whoever has it open, and is gone with that
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()
