"""What a migration does to those who still run the code before it, as far as its source tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator

#: what takes nothing away from anybody: something new, or an index, which only speed depends on
_EXPANDING = {"create_table", "create_index", "drop_index"}
#: migration -> why its SQL, which is not read here, only expands
EXPANDING_SQL: dict[str, str] = {}


def contractions(source: str) -> Iterator[str]:
    """Each call in ``upgrade`` by which code of the revision before may fail, as `line: what`."""
    for function in ast.parse(source).body:
        if not (isinstance(function, ast.FunctionDef) and function.name == "upgrade"):
            continue
        for node in ast.walk(function):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id in ("op", "batch")):
                continue
            fault = _fault(node, node.func.attr)
            if fault:
                yield f"{node.lineno}: {fault}"


def _fault(call: ast.Call, name: str) -> str | None:
    if name == "create_index" and _says(call, "unique", True):
        return "a unique index refuses rows that the old code may write"
    if name in _EXPANDING:
        return None
    if name == "add_column":
        column = next((one for one in call.args if isinstance(one, ast.Call)), None)
        if column is None or any(_called(one) in ("ForeignKey", "CheckConstraint") for one in column.args):
            return "a new column with a rule refuses rows"
        fills_itself = _says(column, "nullable", True) or any(one.arg == "server_default" for one in column.keywords)
        # a column is nullable unless it says otherwise
        told = any(one.arg == "nullable" for one in column.keywords)
        return None if fills_itself or not told else "the old code does not fill a new column that must not be null"
    return f"{name} changes what the old code relies on"


def _says(call: ast.Call, name: str, value: object) -> bool:
    return any(
        one.arg == name and isinstance(one.value, ast.Constant) and one.value.value is value for one in call.keywords
    )


def _called(node: ast.expr) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def silent(source: str) -> bool:
    """Whether the migration does not say what it breaks."""
    return not any(
        isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == "breaks" for one in node.targets)
        for node in ast.parse(source).body
    )


def says_it_only_expands(source: str) -> bool:
    """Whether it says ``breaks = None``."""
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == "breaks" for one in node.targets)
        and isinstance(node.value, ast.Constant)
        and node.value.value is None
        for node in ast.parse(source).body
    )
