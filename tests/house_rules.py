"""The laws of the house that can be read off the source: who may import what, which words and calls stand where.

Each rule takes a module's name and its syntax tree and yields sentences; ``test_house`` runs them over the source and
plants each kind of fault to see it found. An exception to a rule stands here, with its reason.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
MIGRATIONS = ROOT / "migrations"

#: libraries without I/O, clock or randomness
PURE = frozenset({"ahocorasick", "markdown_it", "mdurl", "opencc", "publicsuffixlist", "pydantic", "w3lib"})
#: parts of the standard library that reach outside, or give another answer each time
IMPURE = frozenset(
    {
        "asyncio",
        "concurrent",
        "http",
        "multiprocessing",
        "os",
        "random",
        "secrets",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
    }
)


@dataclass(frozen=True)
class Room:
    """What its modules may import: other rooms, packages from outside, the standard library but for some."""

    rooms: Set[str]
    outside: Set[str] = frozenset()
    no_stdlib: Set[str] = frozenset()


_CORE = frozenset({"core", "reports", "words"})
_KEEPERS = frozenset({"settings", "store", "providers", "webhooks", "observing"})

ROOMS = {
    "root": Room(frozenset()),
    "core": Room(_CORE, PURE, IMPURE),
    "reports": Room(_CORE, PURE, IMPURE),
    # numbers and dates as each language writes them
    "words": Room(_CORE, PURE | {"babel"}, IMPURE),
    # draws what the charts of the core describe, and gives out the bundle that draws them in a page
    "drawing": Room(_CORE, frozenset({"vl_convert"}), IMPURE),
    # one library for each form; a form that is large is written to a temporary file, and sent from there
    "exports": Room(
        _CORE | {"drawing", "exports"},
        PURE | {"jinja2", "markupsafe", "nh3", "weasyprint", "xlsxwriter"},
        IMPURE - {"tempfile"},
    ),
    # a dialect never imports another: what two of them share stands in a module of the core
    "dialect": Room(_CORE, PURE, IMPURE),
    # a keeper knows exactly one thing outside: the environment, the database, or HTTP
    "settings": Room(_CORE | {"environment"}),
    "environment": Room(frozenset()),
    # light: a probe imports it and nothing heavier
    "heartbeat": Room(frozenset({"environment"})),
    "tables": Room(_CORE, frozenset({"sqlalchemy"}), frozenset({"os"})),
    "store": Room(_CORE | {"tables", "store"}, frozenset({"sqlalchemy", "alembic"}), frozenset({"os"})),
    "providers": Room(_CORE | {"dialect", "providers"}, frozenset({"aiohttp"}), frozenset({"os"})),
    "webhooks": Room(_CORE, frozenset({"aiohttp"}), frozenset({"os"})),
    # counts what it is told; every room of the edge tells it
    "meters": Room(_CORE, frozenset({"prometheus_client"})),
    # what everybody who works tells those who watch: lines and spans
    "observing": Room(_CORE | {"settings", "observing"}, frozenset({"opentelemetry"}), frozenset({"os"})),
    "stages": Room(_CORE | _KEEPERS | {"meters", "stages", "sending"}, frozenset({"dramatiq", "pika", "periodiq"})),
    "sending": Room(_CORE | _KEEPERS | {"meters", "stages", "sending"}, frozenset({"dramatiq", "pika", "periodiq"})),
    # web sends; it never calls a stage
    "web": Room(
        _CORE | _KEEPERS | {"meters", "web", "sending", "exports", "drawing"},
        frozenset({"starlette", "anyio", "jinja2", "markupsafe", "nh3", "prometheus_client"}),
    ),
    "simulator": Room(_CORE | {"simulator"}, frozenset({"starlette", "uvicorn"})),
}

#: the longest name that a module begins with decides. The room ``cli`` is where the parts meet: it may import anything
_PLACES = {
    "brandq": "root",
    "brandq.__main__": "cli",
    "brandq.actors": "stages",
    "brandq.actors.about": "sending",
    "brandq.actors.accepting": "sending",
    "brandq.actors.broker": "sending",
    "brandq.actors.dead_letters": "sending",
    "brandq.actors.desk": "sending",
    "brandq.actors.meters": "meters",
    "brandq.actors.reading": "sending",
    "brandq.actors.sending": "sending",
    "brandq.actors.tls": "sending",
    "brandq.analysis": "core",
    "brandq.beating": "cli",
    "brandq.charts": "core",
    "brandq.charts.drawing": "drawing",
    "brandq.cli": "cli",
    "brandq.costs": "core",
    "brandq.doctor": "cli",
    "brandq.environment": "environment",
    "brandq.errors": "core",
    "brandq.exporter": "cli",
    "brandq.exports": "exports",
    "brandq.grading": "core",
    "brandq.heartbeat": "heartbeat",
    "brandq.importing": "core",
    "brandq.judging": "cli",
    "brandq.logs": "observing",
    "brandq.measures": "core",
    "brandq.plan": "core",
    "brandq.probing": "cli",
    "brandq.prompts": "core",
    "brandq.providers": "providers",
    "brandq.reports": "reports",
    "brandq.running": "cli",
    "brandq.settings": "settings",
    "brandq.simulator": "simulator",
    "brandq.states": "core",
    "brandq.store": "store",
    "brandq.studies": "cli",
    "brandq.recomputing": "cli",
    "brandq.tables": "tables",
    "brandq.terminal": "cli",
    "brandq.time_left": "core",
    "brandq.tracing": "observing",
    # doctor, upkeep and the web may want to know as well
    "brandq.verifying": "sending",
    "brandq.web": "web",
    "brandq.webhooks": "webhooks",
    "brandq.words": "words",
}
#: the modules of providers that know the dialects and choose among them
_ABOVE_DIALECTS = frozenset({"registry", "rows"})

#: (module, imported): why that import stands inside a function. Only an optional dependency has a reason.
IMPORTS_INSIDE: dict[tuple[str, str], str] = {
    ("brandq.__main__", "brandq.cli"): "a probe is made every few seconds, and this takes a second to import",
    ("brandq.exports.pdf", "weasyprint"): "Pango, which it loads when it is imported, is no Python package",
    **dict.fromkeys(
        (
            ("brandq.tracing", "opentelemetry"),
            ("brandq.tracing", "opentelemetry.exporter.otlp.proto.http.trace_exporter"),
            ("brandq.tracing", "opentelemetry.sdk.resources"),
            ("brandq.tracing", "opentelemetry.sdk.trace"),
            ("brandq.tracing", "opentelemetry.sdk.trace.export"),
            ("brandq.tracing", "opentelemetry.trace.propagation.tracecontext"),
        ),
        "traces are optional, and so is OpenTelemetry",
    ),
}


def room_of(module: str) -> str | None:
    """The room that a module stands in; None for one that the table does not know."""
    parts = module.split(".")
    if parts[:2] == ["brandq", "providers"] and len(parts) > 2 and parts[2] not in _ABOVE_DIALECTS:
        return "dialect" if _is_dialect(SRC / "brandq/providers" / f"{parts[2]}.py") else "core"
    for length in range(len(parts), 1, -1):
        if ".".join(parts[:length]) in _PLACES:
            return _PLACES[".".join(parts[:length])]
    return "root" if module == "brandq" else None


@cache
def _is_dialect(path: Path) -> bool:
    """Whether it has the two functions of one; of the others, what dialects share, each may use all."""
    if not path.is_file():
        return True
    functions = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    return {"call", "read"} <= functions


def _is_module(name: str) -> bool:
    path = SRC / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Full names of the modules that a line imports: ``from brandq import store`` is brandq.store."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    if node.level:
        yield "." * node.level + (node.module or "")
        return
    module = node.module or ""
    for alias in node.names:
        longer = f"{module}.{alias.name}"
        yield longer if (longer.startswith("brandq.") and _is_module(longer)) or longer in IMPURE else module


def imports(module: str, tree: ast.Module) -> Iterator[str]:
    """The import table: arrows point inward, the core is pure, each keeper knows one thing outside."""
    place = room_of(module)
    if place is None:
        yield f"{module} stands in no room of the import table"
        return
    if place == "cli":
        return
    room = ROOMS[place]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in sorted(set(imported(node))):
            where = f"{module}:{node.lineno}"
            package = name.split(".")[0]
            if name.startswith("."):
                yield f"{where} imports {name}; the import table is read from full names"
            elif package == "brandq":
                target = room_of(name)
                if target == "root" or target in room.rooms:
                    continue
                yield f"{where} ({place}) may not import {name} ({target})"
            elif package in sys.stdlib_module_names:
                if name in room.no_stdlib or package in room.no_stdlib:
                    yield f"{where} ({place}) may not import {name}: it reaches outside"
            elif package not in room.outside:
                yield f"{where} ({place}) may not import {package}"


def imports_inside(module: str, tree: ast.Module) -> Iterator[str]:
    """No import inside a function, unless it keeps an optional dependency optional."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in imported(node):
                    if (module, name) not in IMPORTS_INSIDE:
                        yield f"{module}:{node.lineno} imports {name} inside {function.name}"


def core_is_pure(module: str, tree: ast.Module) -> Iterator[str]:
    """The core asks no clock and opens no file: ``now`` and the text are arguments."""
    if room_of(module) not in ("core", "reports", "words", "dialect"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _called(node)
            if called in ("now", "utcnow", "today", "open", "print", "input"):
                yield f"{module}:{node.lineno} calls {called}(); the core is pure"


MODULE_NAMES = frozenset(
    {
        "base",
        "common",
        "core",
        "helper",
        "helpers",
        "kit",
        "manager",
        "managers",
        "misc",
        "service",
        "services",
        "util",
        "utils",
    }
)

#: the glossary's right column. Left out is what the libraries and formats that we speak call their own things:
#: query, config, params, version, result, response, output, match, link, channel, run, task, scan
WORDS = {
    "adapter": "dialect",
    "cell": "sample",
    "completion": "answer",
    "cron": "schedule",
    "dashboard": "report",
    "entity": "brand",
    "hit": "mention",
    "insight": "findings",
    "janitor": "upkeep",
    "job": "execution",
    "keyword": "prompt",
    "llm": "engine",
    "market_share": "share_of_voice",
    "platform": "engine",
    "question": "prompt",
    "reference": "citation",
    "score": "rank, or the measure's own name",
    "sov": "share_of_voice",
    "tone": "sentiment",
    "vendor": "provider",
    "visibility": "mention_rate",
    "visibility_score": "mention_rate",
}
_FORBIDDEN = WORDS | {("entities" if word == "entity" else f"{word}s"): use for word, use in WORDS.items()}
#: (module, name): what it means there, which is none of our things
OTHER_MEANINGS: dict[tuple[str, str], str] = {
    ("brandq.analysis.findings", "REFERENCE"): "works of reference: encyclopedias, standards, papers",
    ("brandq.analysis.mentions", "question"): "whether the prompt asks with a question mark",
    ("brandq.analysis.outline", "cell"): "that of a table in the answer",
    ("brandq.analysis.outline", "cells"): "those of a table in the answer",
    ("brandq.analysis.outline", "_cells"): "those of a table in the answer",
}
_VERBS = re.compile(r"_*(process|handle|manage)(_|$)")
#: they speak the words of somebody else's wire: the predecessor's clients send them, and providers call things so
_FOREIGN_WIRES = ("brandq.web.compat", "brandq.simulator")


def module_names(path: str) -> Iterator[str]:
    """No module is called by a word that says nothing."""
    for part in Path(path).with_suffix("").parts:
        if part in MODULE_NAMES:
            yield f"{path}: {part!r} says nothing about what the module knows"


def defined(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that the module gives to something of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def words(module: str, tree: ast.Module) -> Iterator[str]:
    """One word per thing: a name from the glossary's right column is not given to anything of ours."""
    if module.startswith(_FOREIGN_WIRES):
        return
    for name, line in sorted(set(defined(tree)), key=lambda found: found[::-1]):
        use = _FORBIDDEN.get(name.strip("_").lower())
        if use and (module, name) not in OTHER_MEANINGS:
            yield f"{module}:{line} names something {name!r}; the word here is {use}"


def verbs(module: str, tree: ast.Module) -> Iterator[str]:
    """The pipeline's verbs have one meaning each; process, handle and manage have none."""
    bodies = [tree.body]
    # a method of a class with bases may be the library's name for it
    bodies += [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and not node.bases]
    for body in bodies:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _VERBS.match(node.name):
                yield f"{module}:{node.lineno} {node.name!r}: say what it does (claim, ask, settle, send, close …)"


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def sql_in_store(module: str, tree: ast.Module) -> Iterator[str]:
    """Every statement is built and executed in store or in a migration."""
    if room_of(module) == "store" or module.split(".")[0] == "migrations":
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = _called(node)
        if called == "select" or (
            called in ("execute", "executemany", "commit") and isinstance(node.func, ast.Attribute)
        ):
            yield f"{module}:{node.lineno} calls {called}(); SQL lives in store and migrations"


def environment_read_once(module: str, tree: ast.Module) -> Iterator[str]:
    """The environment is read in settings alone, which has it from environment."""
    if module == "brandq.environment":
        return
    names = ("environ", "environb", "getenv", "putenv")
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in names
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        ):
            yield f"{module}:{node.lineno} uses os.{node.attr}; only settings reads the environment"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            for alias in node.names:
                if alias.name in names:
                    yield f"{module}:{node.lineno} imports os.{alias.name}; only settings reads the environment"


#: (module, function): why it may catch everything there
CATCHES_ALL: dict[tuple[str, str], str] = {
    ("brandq.actors.analyze", "_read"): "one answer that cannot be read must not keep the others from being read",
    ("brandq.actors.calls", "Calls._commit_group"): "one answer that cannot be stored must not take the others with it",
    (
        "brandq.actors.middleware",
        "LoopResources.before_worker_boot",
    ): "dramatiq would log it and run actors without a desk",
    (
        "brandq.actors.middleware",
        "SafeRetries.after_process_message",
    ): "dramatiq would acknowledge, so lose, the message",
    (
        "brandq.actors.publisher",
        "Publisher._publish_all",
    ): "one message that cannot be sent must not stop those behind it",
    (
        "brandq.actors.upkeep",
        "sweep_all",
    ): "one sweep that fails must not stop the others; the message fails with all of them",
    ("brandq.tracing", "span"): "noted by its class, and raised again",
    ("brandq.web.app", "Outermost.__call__"): "the one 500: logged under an incident number, nothing told",
}


def handlers(tree: ast.AST, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.ExceptHandler]]:
    """Every handler with the dotted name of the function around it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from handlers(node, (*names, node.name))
        else:
            if isinstance(node, ast.ExceptHandler):
                yield ".".join(names), node
            yield from handlers(node, names)


def catches_by_name(module: str, tree: ast.Module) -> Iterator[str]:
    """No bare except, and no ``except Exception`` but where its reason is listed."""
    for function, handler in handlers(tree):
        if handler.type is None:
            yield f"{module}:{handler.lineno} has a bare except"
            continue
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        names = {name.id for name in caught if isinstance(name, ast.Name)}
        if names & {"Exception", "BaseException"} and (module, function) not in CATCHES_ALL:
            yield f"{module}:{handler.lineno} catches everything in {function or 'the module'} without a listed reason"


ACTOR_LINES = 40


def actors_are_short(module: str, tree: ast.Module) -> Iterator[str]:
    """An actor is claim, work, settle, send, and says why it may be repeated."""
    if not module.startswith("brandq.actors."):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        decorators = [
            decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list
        ]
        names = {
            decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
            for decorator in decorators
        }
        if "actor" not in names:
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > ACTOR_LINES:
            yield f"{module}:{node.lineno} the actor {node.name} has {lines} lines; {ACTOR_LINES} is the most"
        if "Safe to repeat:" not in (ast.get_docstring(node) or ""):
            yield f"{module}:{node.lineno} the actor {node.name} does not say 'Safe to repeat:' in its docstring"


RULES = (
    imports,
    imports_inside,
    core_is_pure,
    words,
    verbs,
    sql_in_store,
    environment_read_once,
    catches_by_name,
    actors_are_short,
)
#: a revision imports sqlalchemy and alembic and stands in no room
MIGRATION_RULES = (words, verbs, environment_read_once, catches_by_name)


def faults(module: str, source: str) -> list[str]:
    """Everything that is wrong with a module of this name and text."""
    tree = ast.parse(source)
    rules = MIGRATION_RULES if module.split(".")[0] == "migrations" else RULES
    return [fault for rule in rules for fault in rule(module, tree)]


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of brandq and of its migrations."""
    for folder in (SRC, MIGRATIONS):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(SRC if folder is SRC else ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


#: spelled apart so that this file does not name them
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("proxy", "golang", "org"),
        ("repo1", "maven", "org"),
    )
)
_INDEX_OPTION = re.compile(r"--(extra-)?index-url|--find-links|^-[if] ", re.MULTILINE)


def registry_addresses(path: str, text: str) -> Iterator[str]:
    """Where packages come from is the reader's own configuration; no file says it."""
    for host in REGISTRY_HOSTS:
        if host in text.lower():
            yield f"{path} names the package registry {host}"
    if path.endswith(".lock") and _INDEX_OPTION.search(text):
        yield f"{path} names a package index"


_SETTING = re.compile(r"\bBRANDQ_[A-Z][A-Z_]*\b")


def unknown_settings(path: str, text: str, known: Set[str]) -> Iterator[str]:
    """A setting that some file names exists, so that no manifest and no page carries a misspelt one."""
    for name in sorted(set(_SETTING.findall(text))):
        if name.removesuffix("_FILE") not in known and name not in known:
            yield f"{path} names the setting {name}, which does not exist"
