"""One variable of the environment, or of the file that NAME_FILE names.

Apart from ``settings``, which checks and explains all of them, because a probe that is made every few seconds must not
take the time to import that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def own() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def read_variable(environment: Mapping[str, str], variable: str, faults: list[str]) -> str | None:
    """The variable's text, or that of the file which NAME_FILE names; None where both are absent or empty.

    A file that cannot be read, or is empty, is added to ``faults``.
    """
    text = environment.get(variable, "").strip()
    path = environment.get(f"{variable}_FILE", "").strip()
    if text:
        return text
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            found = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{variable}_FILE: cannot read {path}: {error.__class__.__name__}")
        return None
    if not found:
        # what stands for it otherwise may be another database, or no password at all
        faults.append(f"{variable}_FILE: {path} is empty")
    return found or None
