"""The image is what it says: nobody's but root's, of locked packages, seeing nothing of a checkout that it does not need."""

from __future__ import annotations

import subprocess

import pytest

from tests.deploy.images import allowed, faults, packages_of_the_distribution, pins, read
from tests.deploy.tools import run, tool
from tests.house_rules import ROOT

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8")
#: what the metrics and the pages are asked on in every manifest
PORTS = (8000, 9191)
SCRIPTS = (
    "deploy/image/build",
    "deploy/image/try",
    "deploy/image/engine.sh",
    "deploy/compose-secrets",
    "deploy/postgres/compose-roles.sh",
)


def _found(text: str = DOCKERFILE, ignored: str = IGNORED) -> list[str]:
    return list(faults(text, ignored, ports=PORTS))


def test_the_dockerfile_keeps_the_rules() -> None:
    """Given the Dockerfile and what its build may see, when the rules read them, then nothing is wrong."""
    assert _found() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("PYTHON_IMAGE=python:3.13-slim-trixie", "PYTHON_IMAGE=python:latest", "names no version"),
        ("PYTHON_IMAGE=python:3.13-slim-trixie", "PYTHON_IMAGE=python:3.13-slim@sha256:beef", "names no version"),
        ("FROM ${PYTHON_IMAGE} AS runtime", "FROM debian:trixie-slim AS runtime", "a virtual environment belongs to"),
        ("USER 10001:10001", "USER brandq", "runs as brandq"),
        ("USER 10001:10001\n", "", "runs as root"),
        ("EXPOSE 8000 9191", "RUN touch /opt/brandq/mine\nEXPOSE 8000 9191", "made after USER"),
        ("COPY --from=build /opt/own", "COPY --from=build --chown=10001 /opt/own", "belongs to 10001"),
        (" --require-hashes", "", "no lock pins"),
        (" --only-binary :all:", "", "no lock pins"),
        ("--no-index --no-deps", "--no-deps", "no lock pins"),
        ("apt-get clean", "curl https://example.com/x | sh", "pinned by nothing"),
        ("COPY src src", "ADD src src", "ADD unpacks"),
        ('ENTRYPOINT ["brandq"]', "ENTRYPOINT brandq", "ENTRYPOINT goes through a shell"),
        ('ENTRYPOINT ["brandq"]', 'ENTRYPOINT ["python"]', "every manifest counts on brandq"),
        ('CMD ["serve"]', 'CMD ["server"]', "does not understand server"),
        ('CMD ["brandq", "probe"]', 'CMD ["true"]', "instead of brandq probe"),
        ("EXPOSE 8000 9191", "EXPOSE 8000", "EXPOSE lacks 9191"),
        ("COPY src src", "COPY src src\nCOPY tests tests", "keeps tests from the build"),
        ("COPY migrations migrations\n", "", "lets migrations in, which no stage copies"),
    ],
)  # fmt: skip
def test_a_fault_planted_in_the_dockerfile_is_found(old: str, new: str, said: str) -> None:
    """Given a Dockerfile with one fault, when the rules read it, then a sentence names it."""
    assert old in DOCKERFILE
    assert any(said in sentence for sentence in _found(DOCKERFILE.replace(old, new)))


NEVER = (
    ".env",
    ".git/config",
    ".venv/bin/python",
    "Makefile",
    "build/image/packages.txt",
    "data/brandq.db",
    "deploy/Dockerfile",
    "deploy/secrets/api-key",
    "docs/image.md",
    "out/demo/report.html",
    "requirements-dev.lock",
    "src/brandq/__pycache__/cli.cpython-311.pyc",
    "migrations/versions/__pycache__/x.pyc",
    "tests/conftest.py",
)


def _seen(ignored: str) -> set[str]:
    """What a build sees of this checkout, and of files that may lie about in one."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    return {path for path in {*tracked.stdout.split("\0"), *NEVER} - {""} if allowed(path, ignored)}


def test_a_build_sees_what_it_needs_and_nothing_else() -> None:
    """Given this checkout and what may lie about in one, when .dockerignore is applied, then source, migrations, two locks,
    a list of fonts and three files about the project are seen, and no test, key, database, history or bytecode."""
    seen = _seen(IGNORED)
    assert not seen & set(NEVER)
    single = {path for path in seen if not path.startswith(("src/brandq/", "migrations/"))}
    locks = {"requirements-build.lock", "requirements-traces.lock"}
    assert single == {"LICENSE", "README.md", "deploy/image/fonts.conf", "pyproject.toml"} | locks
    assert {"src/brandq/cli.py", "src/brandq/providers/registry.toml", "migrations/env.py"} <= seen


@pytest.mark.parametrize("planted", ["!.env", "!deploy", "!tests", "!**/*.db", "!build", "!src/**/__pycache__"])
def test_an_opening_planted_in_dockerignore_is_found(planted: str) -> None:
    """Given a .dockerignore that lets something else in, when it is applied, then what must never be seen is seen."""
    assert _seen(f"{IGNORED}{planted}\n") & set(NEVER)


def test_what_draws_pdf_is_in_the_image() -> None:
    """Given what the tests install, and what the error tells people to install, for pdf, when the image's packages are
    read, then they are the same, with nothing else beside."""
    _, stages = read(DOCKERFILE)
    found = packages_of_the_distribution(stages[-1])
    assert found == {"fonts-noto-cjk", "libharfbuzz-subset0", "libpango-1.0-0", "libpangoft2-1.0-0"}
    installed = (ROOT / "tests/servers/install").read_text(encoding="utf-8")
    advised = (ROOT / "src/brandq/exports/pdf.py").read_text(encoding="utf-8")
    # the first is what the others depend on, and brings it
    assert {name for name in found if name in installed} == found - {"libpango-1.0-0"}
    assert all(name in advised for name in found - {"libharfbuzz-subset0"})


def _drifts(image: dict[str, str], *tested: dict[str, str]) -> list[str]:
    return [
        f"{name} {version}" for lock in tested for name, version in image.items() if lock.get(name, version) != version
    ]


def test_the_image_runs_what_the_tests_run() -> None:
    """Given the lock of the image, when it is laid beside those of a checkout and of the tests, then it has every package
    that brandq needs, and no version differs."""
    image, runtime, dev = (
        pins((ROOT / f"requirements{name}.lock").read_text(encoding="utf-8")) for name in ("-traces", "", "-dev")
    )
    assert len(runtime) > 40
    assert set(runtime) <= set(image)
    assert _drifts(image, runtime, dev) == []
    assert _drifts({**image, "aiohttp": "0.1"}, runtime, dev) == ["aiohttp 0.1"] * 2


def test_hadolint_finds_nothing() -> None:
    """Given the Dockerfile, when hadolint reads it, then it has no finding."""
    said = run([tool("hadolint"), "deploy/Dockerfile"])
    assert (said.returncode, said.stdout) == (0, "")


def test_hadolint_finds_a_planted_fault() -> None:
    """Given a Dockerfile that installs without pinning and changes folders by cd, when hadolint reads it, then it says so."""
    planted = DOCKERFILE.replace("COPY src src", "COPY src src\nRUN cd /tmp && pip install dramatiq")
    said = run([tool("hadolint"), "-"], planted)
    assert said.returncode != 0
    assert "DL3013" in said.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_of_deploy_can_be_read_by_any_shell(script: str) -> None:
    """Given a script of deploy, when sh reads it without running it, then it has no fault, and it may be executed."""
    path = ROOT / script
    assert subprocess.run(["sh", "-n", str(path)], capture_output=True, check=False).returncode == 0
    assert script.endswith("engine.sh") or path.stat().st_mode & 0o111
