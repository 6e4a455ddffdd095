"""Kills a private server when the process that started it ends without stopping it, by kill -9 or os._exit."""

from __future__ import annotations

import subprocess
from pathlib import Path

# reads one line: "done" from a live owner, or the end of the pipe from a dead one. A pid below zero is a process group.
_SCRIPT = """
read -r word
[ "$word" = done ] && exit 0
folder=$1; shift
for file in "$@"; do
  if [ -r "$file" ]; then read -r pid <"$file"; kill -9 "$pid" 2>/dev/null; fi
done
sleep 1
rm -rf -- "$folder"
"""


class Guard:
    """A shell that waits at the other end of a pipe. ``pid_files`` are read when the owner has died, not before."""

    def __init__(self, folder: Path, *pid_files: Path) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "guard", str(folder), *map(str, pid_files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def dismiss(self) -> None:
        """The server has been stopped in order; nothing is left to kill."""
        self._shell.communicate("done\n", timeout=10)
