"""Writes the pages of docs that are made from code; with --check only names those out of date."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from brandq import settings, states

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.as_markdown,
    "states.md": states.as_markdown,
}


def stale(folder: Path) -> list[str]:
    """The names of the pages in this folder whose text is not what the code says now."""
    return [
        name
        for name, text in PAGES.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text()
    ]


def main() -> int:
    folder = Path(__file__).parent
    names = stale(folder)
    if sys.argv[1:] == ["--check"]:
        for name in names:
            print(f"docs/{name} is out of date: run `make docs` and commit it", file=sys.stderr)
        return 1 if names else 0
    for name in names:
        (folder / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
