"""The laws of the house hold, and the check that says so finds each kind of fault when one is planted."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from brandq import settings, states
from tests import house_rules
from tests.house_rules import ROOT, faults

MODULES = list(house_rules.modules())

#: read by tests/conftest.py, never by brandq
TEST_SETTINGS = {"BRANDQ_REQUIRE_SERVERS"}


def _files() -> Iterator[tuple[str, str]]:
    """The text files that git tracks or is about to, by path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in sorted(set(listed.stdout.split("\0")) - {""}):
        path = ROOT / name
        if path.is_file():
            try:
                yield name, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[module for module, _ in MODULES])
def test_a_module_keeps_the_laws(module: str, path: Path) -> None:
    """Given a module of brandq, when its source is read, then no law of the house is broken in it."""
    assert faults(module, path.read_text(encoding="utf-8")) == []


def test_no_module_is_called_by_a_word_that_says_nothing() -> None:
    """Given every Python file, when its path is read, then no part of it is utils, common, helpers and the like."""
    found = [fault for path, _ in _files() if path.endswith(".py") for fault in house_rules.module_names(path)]
    assert found == []


def test_every_exception_to_a_law_is_still_needed() -> None:
    """Given the listed exceptions, when the source is read, then each names a place that exists and has a reason."""
    catching: set[tuple[str, str]] = set()
    importing: set[tuple[str, str]] = set()
    naming: set[tuple[str, str]] = set()
    for module, path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        catching |= {(module, function) for function, _ in house_rules.handlers(tree)}
        naming |= {(module, name) for name, _ in house_rules.defined(tree)}
        importing |= {
            (module, name)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in house_rules.imported(node)
        }
    for listed, found in (
        (house_rules.CATCHES_ALL, catching),
        (house_rules.IMPORTS_INSIDE, importing),
        (house_rules.OTHER_MEANINGS, naming),
    ):
        assert set(listed) - found == set()
        assert all(listed.values())


def test_the_generated_pages_are_up_to_date() -> None:
    """Given the pages of docs that are made from code, when they are made again, then not a letter changes."""
    assert (ROOT / "docs/states.md").read_text(encoding="utf-8") == states.as_markdown()
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == settings.as_markdown()


def test_every_setting_is_documented() -> None:
    """Given every setting that brandq knows, when docs/settings.md is read, then it is there with its meaning."""
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert [known.variable for known in settings.KNOWN if f"`{known.variable}`" not in page or not known.meaning] == []


def test_every_setting_that_a_file_names_exists() -> None:
    """Given every file outside tests, when it names a setting, then brandq knows that setting."""
    known = {known.variable for known in settings.KNOWN} | TEST_SETTINGS
    found = [
        fault
        for path, text in _files()
        if not path.startswith("tests/")
        for fault in house_rules.unknown_settings(path, text, known)
    ]
    assert found == []


def test_no_file_says_where_packages_come_from() -> None:
    """Given every file of the repository, when it is read, then it names no package registry and no index."""
    assert [fault for path, text in _files() for fault in house_rules.registry_addresses(path, text)] == []


def test_every_dependency_is_locked_with_its_hashes() -> None:
    """Given pyproject.toml, when the locks are read, then each dependency is pinned there and each pin has a hash."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-build.lock": groups["build"],
        "requirements-bench.lock": groups["bench"],
        "requirements-deploy.lock": groups["deploy"],
        "requirements-traces.lock": [
            *project["project"]["dependencies"],
            *project["project"]["optional-dependencies"]["traces"],
        ],
        "requirements-dev.lock": [*project["project"]["dependencies"], *groups["build"], *groups["dev"]],
    }
    for name, requirements in wanted.items():
        pins = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8"))[1:]
        pinned = {pin.split("==")[0] for pin in pins}
        names = {re.split(r"[\[<>=]", text)[0] for text in requirements if isinstance(text, str)}
        assert names - pinned == set(), f"{name}: run `make lock`"
        assert [pin.splitlines()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_the_locks_agree() -> None:
    """Given the locks of .venv and of the image, when a package stands in two of them, then at the same version."""
    versions: dict[str, set[str]] = {}
    # the rival of the benches and what looks at deploy/ have environments of their own, and pins that ours need not follow
    apart = {ROOT / "requirements-bench.lock", ROOT / "requirements-deploy.lock"}
    for lock in sorted(set(ROOT.glob("requirements*.lock")) - apart):
        for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


PLANTED = [
    ("brandq.analysis.mentions", "import os", "may not import os"),
    ("brandq.analysis.mentions", "from time import monotonic", "may not import time"),
    ("brandq.analysis.mentions", "import urllib.request", "may not import urllib.request"),
    ("brandq.analysis.mentions", "from urllib import request", "may not import urllib.request"),
    ("brandq.analysis.mentions", "import sqlalchemy", "may not import sqlalchemy"),
    ("brandq.analysis.mentions", "from brandq import store", "may not import brandq.store"),
    ("brandq.analysis.mentions", "from brandq.settings import Settings", "may not import brandq.settings"),
    ("brandq.analysis.mentions", "from . import ranks", "read from full names"),
    ("brandq.plan", "import jinja2", "may not import jinja2"),
    ("brandq.plan", "from datetime import datetime\nstart = datetime.now()", "calls now()"),
    ("brandq.reports", "text = open('x').read()", "calls open()"),
    (
        "brandq.providers.gemini",
        "from brandq.providers import openai_chat",
        "may not import brandq.providers.openai_chat",
    ),
    ("brandq.providers.gemini", "import aiohttp", "may not import aiohttp"),
    ("brandq.providers.gemini", "from brandq.providers import ask", "may not import brandq.providers"),
    ("brandq.providers", "import sqlalchemy", "may not import sqlalchemy"),
    ("brandq.providers", "import os", "may not import os"),
    ("brandq.settings", "import dramatiq", "may not import dramatiq"),
    ("brandq.tables", "from brandq import store", "may not import brandq.store"),
    ("brandq.store.samples", "import aiohttp", "may not import aiohttp"),
    ("brandq.store.samples", "from brandq.actors import fetch", "may not import brandq.actors"),
    ("brandq.actors.fetch", "import sqlalchemy", "may not import sqlalchemy"),
    ("brandq.actors.fetch", "from brandq.web import wire", "may not import brandq.web"),
    ("brandq.actors.fetch", "import brandq.cli", "may not import brandq.cli"),
    ("brandq.web.api", "import aiohttp", "may not import aiohttp"),
    ("brandq.web.api", "from brandq.actors.fetch import fetch", "may not import brandq.actors.fetch"),
    ("brandq.web.api", "from brandq.cli import main", "may not import brandq.cli"),
    ("brandq.simulator", "from brandq import store", "may not import brandq.store"),
    ("brandq.elsewhere", "", "stands in no room"),
    ("brandq.store.samples", "def late():\n    import json", "imports json inside late"),
    ("brandq.plan", "def f(vendor): ...", "'vendor'"),
    ("brandq.plan", "class Entity: ...", "'Entity'"),
    ("brandq.plan", "class Brand:\n    sov: float = 0.0", "'sov'"),
    ("brandq.plan", "for cell in (): ...", "'cell'"),
    ("brandq.plan", "class A:\n    def f(self):\n        self.score = 1", "'score'"),
    ("migrations.versions.x", "janitor = 1", "'janitor'"),
    ("brandq.actors.fetch", "def process_sample(sample_id): ...", "'process_sample'"),
    ("brandq.actors.fetch", "class Desk:\n    def handle(self): ...", "'handle'"),
    ("brandq.web.api", "import sqlalchemy as sa\nq = sa.select(1)", "calls select()"),
    ("brandq.actors.fetch", "def f(db): db.execute('x')", "calls execute()"),
    ("brandq.cli", "def f(db): db.commit()", "calls commit()"),
    ("brandq.cli", "import os\nhome = os.environ['HOME']", "uses os.environ"),
    ("brandq.cli", "import os\nhome = os.getenv('HOME')", "uses os.getenv"),
    ("brandq.cli", "from os import environ", "imports os.environ"),
    ("brandq.cli", "try: pass\nexcept: pass", "bare except"),
    ("brandq.cli", "try: pass\nexcept Exception: pass", "catches everything in the module"),
    ("brandq.cli", "def f():\n    try: pass\n    except (OSError, BaseException): pass", "catches everything in f"),
    ("brandq.actors.fetch", "@actor()\ndef fetch(): ...", "does not say 'Safe to repeat:'"),
    (
        "brandq.actors.fetch",
        "@declare.actor\nasync def fetch():\n    'Safe to repeat: x'" + "\n    x = 1" * 40,
        "has 42 lines",
    ),
]


@pytest.mark.parametrize(
    ("module", "source", "fault"), PLANTED, ids=[f"{module}:{fault}" for module, _, fault in PLANTED]
)
def test_a_planted_fault_is_found(module: str, source: str, fault: str) -> None:
    """Given a module with one fault, when it is checked, then that fault is named."""
    assert any(fault in found for found in faults(module, source)), faults(module, source)


SOUND = [
    (
        "brandq.analysis.mentions",
        "import re\nimport ahocorasick\nfrom brandq.plan import Brand\nfrom brandq import errors",
    ),
    ("brandq.providers.gemini", "from urllib.parse import urlsplit\nfrom brandq.providers.dialect import Call"),
    ("brandq.providers", "import asyncio\nimport time\nimport aiohttp\nfrom brandq.providers import openai_chat"),
    ("brandq.store.samples", "import sqlalchemy as sa\nfrom brandq import tables\nfrom brandq.store import executions"),
    ("brandq.store.samples", "def f(db): db.execute('x'); db.commit()"),
    (
        "brandq.actors.fetch",
        "import dramatiq\nfrom brandq import providers, store\nfrom brandq.actors.desk import Desk",
    ),
    ("brandq.actors.fetch", "@actor()\ndef fetch():\n    'Safe to repeat: nothing happens.'"),
    ("brandq.web.api", "import starlette\nfrom brandq.actors import sending\nfrom brandq import __version__, store"),
    ("brandq.web.compat", "def read(question, platform): ..."),
    ("brandq.cli", "import anything\nfrom brandq.web import app"),
    ("brandq.__main__", "from brandq.cli import main"),
    ("brandq.tables", "class Utc(TypeDecorator):\n    def process_bind_param(self, value): ..."),
    ("brandq.plan", "class A:\n    def f(self, x): return x.platform, x.score, x.cell"),
]


@pytest.mark.parametrize(("module", "source"), SOUND, ids=[f"{n}:{module}" for n, (module, _) in enumerate(SOUND)])
def test_what_the_laws_allow_is_not_a_fault(module: str, source: str) -> None:
    """Given a module that keeps the laws, when it is checked, then nothing is found."""
    assert faults(module, source) == []


@pytest.mark.parametrize(
    "path", ["src/brandq/utils.py", "src/brandq/common/x.py", "tests/helpers.py", "src/brandq/base.py"]
)
def test_a_planted_module_name_is_found(path: str) -> None:
    """Given a module called by a word that says nothing, when its path is checked, then it is named."""
    assert list(house_rules.module_names(path))


def test_a_planted_registry_is_found() -> None:
    """Given a file that names a package registry or an index, when it is checked, then it is named."""
    host = house_rules.REGISTRY_HOSTS[0]
    assert list(house_rules.registry_addresses("README.md", f"see https://{host.upper()}/x"))
    assert list(house_rules.registry_addresses("requirements.lock", "--index-url https://example.com/simple"))
    assert not list(house_rules.registry_addresses("README.md", "pip install brandq"))


def test_a_planted_setting_is_found() -> None:
    """Given a misspelt setting in a file, when it is checked, then it is named; NAME_FILE of a known one is not."""
    known = {"BRANDQ_PORT"}
    assert list(house_rules.unknown_settings("deploy/x.yaml", "BRANDQ_PROT=1", known))
    assert not list(house_rules.unknown_settings("deploy/x.yaml", "BRANDQ_PORT, BRANDQ_PORT_FILE, BRANDQ_*", known))


def test_every_test_that_the_docs_name_exists() -> None:
    """Given docs/failures.md, when its tests are looked up, then each file and each function is there."""
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/failures.md").read_text(encoding="utf-8"))
    assert len(named) > 50
    for path, function in named:
        source = (ROOT / "tests" / path).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in source, f"{path} has no {function}"
