"""What an image is made of: the Dockerfile and .dockerignore read as rules, each of which yields sentences.

``test_image`` runs them over the files, and plants each kind of fault to see it found.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath

from brandq import cli

BASE = "${PYTHON_IMAGE}"
#: the user of the image, a number, so that a cluster can see that it is not root
USER = "10001:10001"


@dataclass
class Stage:
    """One FROM and what follows it. An instruction is its keyword and its arguments, flags among them, in one line."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [arguments for found, arguments in self.instructions if found == keyword]

    def last(self, keyword: str) -> str:
        return (self.all(keyword) or [""])[-1]


def read(text: str) -> tuple[dict[str, str], list[Stage]]:
    """The arguments declared before the first stage, with their defaults, and the stages."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in re.sub(r"\\\n", " ", lines).splitlines():
        keyword, _, rest = " ".join(line.split()).partition(" ")
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        elif keyword == "ARG" and not stages:
            name, _, default = rest.partition("=")
            arguments[name] = default
        elif keyword:
            stages[-1].instructions.append((keyword, rest))
    return arguments, stages


def packages_of_the_distribution(stage: Stage) -> set[str]:
    """What the stage installs with apt-get."""
    return {
        word
        for line in stage.all("RUN")
        for command in line.split(";")
        if "apt-get install" in command
        for word in command.split(">")[0].partition("install")[2].split()
        if not word.startswith("-")
    }


def sources(stage: Stage) -> Iterator[str]:
    """What the stage copies out of the build's context."""
    for arguments in stage.all("COPY"):
        words = [word for word in arguments.split() if not word.startswith("--")]
        if "--from=" not in arguments:
            yield from words[:-1]


def faults(text: str, ignored: str, *, ports: Sequence[int]) -> Iterator[str]:
    """Everything about this Dockerfile that must not be so; ``ignored`` is the .dockerignore beside its context."""
    arguments, stages = read(text)
    pinned = arguments.get("PYTHON_IMAGE", "")
    if not re.fullmatch(r"[\w./-]+:3\.\d+-[\w.-]+(@sha256:[0-9a-f]{64})?", pinned):
        yield f"PYTHON_IMAGE={pinned} names no version of Python and of its distribution"
    for stage in stages:
        if stage.base != BASE:
            yield f"{stage.name or 'a stage'} stands on {stage.base}, and a virtual environment belongs to {BASE}"
        if stage.all("ADD"):
            yield f"{stage.name}: ADD unpacks and downloads; COPY says what it does"
        for line in stage.all("RUN"):
            yield from _installed_by_hash(line)
            if re.search(r"\b(curl|wget)\b", line):
                yield f"{stage.name}: what is fetched by curl or wget is pinned by nothing"
    yield from _run_by_nobody(stages[-1])
    yield from _what_it_is_asked_to_do(stages[-1], ports)
    copied = {source for stage in stages for source in sources(stage)}
    for source in sorted(copied):
        if not allowed(source, ignored):
            yield f".dockerignore keeps {source} from the build, which copies it"
    for line in ignored.splitlines():
        if line.startswith("!") and line[1:] not in copied:
            yield f".dockerignore lets {line[1:]} in, which no stage copies"


def _installed_by_hash(line: str) -> Iterator[str]:
    for command in re.split(r"[;&]+", line):
        if re.search(r"(\bpip|\$locked)\b.* install\b", command):
            from_locks = "--require-hashes" in command and "--only-binary :all:" in command and ".lock" in command
            if not from_locks and not ("--no-index" in command and "--no-deps" in command):
                yield f"installs what no lock pins: {command.strip()}"


def _run_by_nobody(last: Stage) -> Iterator[str]:
    if last.last("USER") != USER:
        yield f"runs as {last.last('USER') or 'root'} instead of {USER}"
    keywords = [keyword for keyword, _ in last.instructions]
    if "USER" in keywords and {"RUN", "COPY"} & set(keywords[keywords.index("USER") :]):
        yield "something is made after USER, which then owns it"
    for arguments in last.all("COPY"):
        owner = re.search(r"--chown=(\S+)", arguments)
        if owner and owner[1] not in ("root", "root:root", "0", "0:0"):
            yield f"what it runs belongs to {owner[1]}, who could change it"


def _what_it_is_asked_to_do(last: Stage, ports: Sequence[int]) -> Iterator[str]:
    said = {keyword: _words(last.last(keyword)) for keyword in ("ENTRYPOINT", "CMD")}
    said["HEALTHCHECK"] = _words(last.last("HEALTHCHECK").partition("CMD ")[2])
    for keyword, words in said.items():
        if words is None:
            yield f"{keyword} goes through a shell, which keeps signals for itself: write it as a list"
    if said["ENTRYPOINT"] not in (None, ["brandq"]):
        yield f"ENTRYPOINT is {said['ENTRYPOINT']}, and every manifest counts on brandq"
    if said["CMD"] and not understood(said["CMD"]):
        yield f"CMD: brandq does not understand {' '.join(said['CMD'])}"
    if said["HEALTHCHECK"] not in (None, ["brandq", "probe"]):
        yield f"HEALTHCHECK is {said['HEALTHCHECK']} instead of brandq probe"
    exposed = set(" ".join(last.all("EXPOSE")).split())
    for port in ports:
        if str(port) not in exposed:
            yield f"EXPOSE lacks {port}"


def understood(words: Sequence[str]) -> bool:
    """Whether the command line takes these words; nothing is done."""
    return _understood(tuple(words))


@cache
def _understood(words: tuple[str, ...]) -> bool:
    with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
        try:
            cli._parser().parse_args(words)
        except SystemExit:
            return False
    return True


def _words(text: str) -> list[str] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) and found else None


def allowed(path: str, ignored: str) -> bool:
    """Whether a build sees this path of its context: as Docker reads the file, the last line that fits decides."""
    parents = [path, *(str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")]
    let = True
    for line in ignored.splitlines():
        pattern = line.strip().rstrip("/")
        if not pattern or pattern.startswith("#"):
            continue
        if any(_pattern(pattern.removeprefix("!")).fullmatch(one) for one in parents):
            let = pattern.startswith("!")
    return let


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(re.sub(r"\*\*/|\*\*|\*|\?|.", lambda found: parts.get(found[0], re.escape(found[0])), pattern))


def pins(lock: str) -> dict[str, str]:
    """The version that a lock pins each package to."""
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)", lock, re.MULTILINE))
