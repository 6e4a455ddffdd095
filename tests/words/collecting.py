"""Collects from the source every English text that can reach a reader, as the template that a catalogue has it under.

Two kinds. What is *said* stands in ``words.say("…")``, ``words.count(n, "…", "…")`` or, in a page's template, ``t("…")``
and ``count(n, "…", "…")``: it is collected wherever it stands. What is *told* is every other English sentence of the
source: any text with two words in it counts, but for docstrings, the log, patterns, SQL and what ``SILENT`` names with
the reason why nobody reads it. An f-string becomes a template by these rules:

- a gap is named after what it holds: ``{found.planned}`` is ``{planned}``, ``{', '.join(names)}`` is ``{names}``,
  ``{row["k"]}`` is ``{k}``, ``{MOST}`` is ``{most}``, ``{len(rows)}`` is ``{rows}``; formats are left out, ``!r`` stays;
- a second gap of the same name that holds something else is ``{name_2}``;
- a choice between texts (``"" if n == 1 else "s"``, ``name or "nobody"``) makes one template for each;
- braces of a text without gaps are doubled.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from tests.house_rules import SRC

#: a text for readers has two words, or a word beside a gap
_PROSE = re.compile(r"(?:[A-Za-z]{2,}|\})[,;:.)'`]{0,2} [(`'\"]?(?:[A-Za-z]|\{)|[a-z]{2,} \{|\} +\(?[a-z]{2,}")
#: markup, headers, styles, scripts, and lists of words over several lines
_FOR_PROGRAMS = re.compile(
    r"""^\n|^\s*</?[a-z{]|="|^default-src |^[a-z]+/[\w.+-]+; charset=|; filename=|^public, |sans-serif$|^import |^window\."""
)
_WORD = re.compile("[A-Za-z]{2}")
_GAP = re.compile(r"\{[^{}]*\}")
_HAN = re.compile(r"[㐀-鿿]")
#: more alternatives than these in one text, and nobody can translate it
MOST_CHOICES = 8

#: what begins with one of these names, or is one of these functions -> why nobody reads its texts
SILENT: dict[str, str] = {
    "brandq.__main__": "says nothing",
    "brandq.actors.calls.Calls": "errors of ours",
    "brandq.actors.calls._span": "the name of a span",
    "brandq.actors.declare": "errors of ours, and docs",
    "brandq.actors.desk": "errors of ours",
    "brandq.actors.embedded": "errors between dramatiq and its broker",
    "brandq.actors.meters": "the help texts of Prometheus",
    "brandq.actors.middleware": "the log, and names of threads",
    "brandq.actors.publisher": "errors of ours, and the log",
    "brandq.actors.upkeep": "the log",
    "brandq.analysis": "patterns and lists of words; its verdicts are terms",
    "brandq.heartbeat": "for the events of whoever probes; no catalogue is read in its 30 ms",
    "brandq.exporter.Exporter": "for Prometheus",
    "brandq.exporter._reply": "for Prometheus",
    "brandq.logs": "the log",
    "brandq.measures.counting": "errors of ours",
    "brandq.providers.bodies.sendable": "an error of ours",
    "brandq.providers.rows._amount": "caught where it is read",
    "brandq.simulator": "invented answers and the wires of others",
    "brandq.states": "docs/states.md",
    "brandq.store.chains": "what is hashed",
    "brandq.store.moving": "errors of ours",
    "brandq.store.settling._keep_answers": "an error of ours",
    "brandq.store.settling._keep_errors": "an error of ours",
    "brandq.tables": "constraints and errors of ours",
    "brandq.tracing._Exporter": "the log",
    "brandq.tracing.sending": "the name of a span",
    "brandq.web.events.following": "openapi.json",
    "brandq.web.listing": "openapi.json",
    "brandq.web.metrics": "the help texts of Prometheus",
    "brandq.web.openapi._all_returns": "openapi.json",
    "brandq.web.openapi._operation_object": "openapi.json",
    "brandq.web.openapi.document": "openapi.json",
    "brandq.web.schemas": "openapi.json",
    "brandq.web.wire.page_policy": "a header",
    "brandq.words": "says its texts",
}
#: what begins with one of these writes for readers: its sentences are templates before they are said
SAYING = ("brandq.charts", "brandq.exports", "brandq.web.pages")
#: as what ``Words.say`` and ``Words.count`` go where they are used often
_SAY, _COUNT = {"say", "_say", "t"}, {"count", "_count"}
#: a text as its template -> why nobody reads it
SILENT_TEXTS: dict[str, str] = {
    "Ahrefs Brand Radar": "a name",
    "All are environment variables, read once at the start; `brandq doctor` shows the values in force.": "docs/settings.md",
    "Any of them may stand in a file instead: `NAME_FILE` holds its path; it is read at the start as well.": "docs/settings.md",
    "Generated from `src/brandq/settings.py` by `make docs`; do not edit.": "docs/settings.md",
    "Provider keys are read by the names that `brandq engines` prints.": "docs/settings.md",
    "Which noise-cancelling headphones under $200 are worth buying for commuting?": "a prompt",
    "a consumer of {name}": "what a probe says",
    "its own start": "what a probe says",
    "the actors' loop": "what a probe says",
    "the clock": "what a probe says",
    "the web server's loop": "what a probe says",
    "migration {revision} has several before it; brandq's migrations stand in one line": "an error of ours",
    "bold green": "a style",
    "bold red": "a style",
    "bold yellow": "a style",
    "brandq doctor": "named in the database's list of connections",
    "brandq export": "named in the database's list of connections",
    "import sys; sys.path[:] = {path!r}; from {name} import main; main()": "a program",
    "brandq probe": "named in the database's list of connections",
    "brandq {version}": "a name",
    "judge {execution_id} ": "the name of a budget",
    "judge {execution_id} {currency}": "the name of a budget",
    "not asked: ": "cut off a message",
    "the cost limit of": "becomes a term",
    "the plan's cost_limit of": "cut off a message",
    "work {wanted}": "named in the database's list of connections",
    "  curl -s {url}/api/executions -H 'Content-Type: application/json' -d '{body}'": "to be typed",
    "{judge_name}, model {model}, prompt {prompt_version}": "hashed, and a name",
    "--brands {path}": "a place",
    "--from-file {path}": "a place",
    "{wait_ms} ms": "reads the same in every language",
    "{sent_at} UTC": "reads the same in every language",
    "BEGIN IMMEDIATE": "SQL",
    "Brand Coverage": "a name that another product gives",
    "Peec AI": "a name",
    "Share of Voice": "a name that another product gives",
    "Visibility Score": "a name that another product gives",
    "a share's numerators lie between 0 and their denominators": "an error of ours",
    "a value lies outside {least} to {most}": "an error of ours",
    "cited_not_named {name}": "a name within the report's making",
    "mentions / all mentions": "a name that another product gives",
    "rate and icc lie between 0 and 1": "an error of ours",
    "the denominators add up to 0": "an error of ours",
    "there is no prompt or no repeat": "an error of ours",
    "there is no stratum to compare": "an error of ours",
    "{k} of {n} is no proportion": "an error of ours",
    "Bearer {key}": "a header",
    "HTTP {status}": "reads the same in every language",
    "HTTP {status} {code}": "reads the same in every language",
    'Bearer realm="brandq"': "a header",
    "So many samples are open already that the plan is not taken now; Retry-After says when to send it again": "openapi.json",
    "brandq {role} {whereabouts}": "named in RabbitMQ's management",
    "brandq migrate": "named in the database's list of connections",
    "connection slots are reserved": "what Postgres says",
    "-----BEGIN CERTIFICATE-----": "what stands in a file",
    "Multiple connection attempts failed.": "what the driver says",
    "certificate verify failed": "what the driver says",
    "connection failed: ": "what the driver says",
    "does not match host name": "what the driver says",
    "does not support SSL": "what the driver says",
    "invalid connection option": "what the driver says",
    "must be owner": "what Postgres says",
    "no encryption": "what Postgres says",
    "permission denied": "what Postgres says",
    "requires a valid client certificate": "what Postgres says",
    "root certificate file": "what the driver says",
    "session is read-only": "what the driver says",
    "does not exist": "what Postgres says",
    "incorrect api key": "what providers say",
    "insufficient balance": "what providers say",
    "key {key_id}": "counted under",
    "maximum context length": "what providers say",
    "model not exist": "what providers say",
    "no actor of this process uses the queues {unknown}": "an error of ours",
    "no such table": "what SQLite says",
    "peer {address}": "counted under",
    "peer {client_address}": "counted under",
    ".notdef glyph": "what a font has for what it does not have",
    "noopener noreferrer nofollow ugc": "what a link is",
    "vl-convert-python {version}": "a name",
    "yyyy-mm-dd hh:mm:ss": "a format",
    "form {opening} {digest}": "an idempotency key",
    "brand brand-{number}": "a class of styles",
    "{name} aside": "a class of styles",
    "{name} doubtful": "a class of styles",
    "evidence {sentiment}": "a class of styles",
    "Accept-Encoding, Accept-Language, Cookie": "a header",
    "the first sample_id of the page after": "the meaning of a page's parameter",
    "show the body of the provider's reply": "the meaning of a page's parameter",
    "where to go then": "the meaning of a page's parameter",
    "private, no-cache": "a header",
    "public, max-age=31536000, immutable": "a header",
    "text/css; charset=utf-8": "a header",
    "text/javascript; charset=utf-8": "a header",
    "event: {name}\n{numbered}data: {body}\n\n": "the wire",
    "id: {cursor}\n": "the wire",
    "watch {execution_id}": "the name of a thread",
    "retry of {execution_id}": "an idempotency key",
    "table {dated}": "a term of the basis",
    "the server did not take the message in time": "the log",
    "too many clients already": "what Postgres says",
    "too many connections for": "what Postgres says",
}
#: what is given to these is for programs, the log or the API's document
_SILENT_CALLS = {
    "compile", "fullmatch", "match", "search", "sub", "finditer", "split", "text", "execute", "DDL",
    "TypeError", "RuntimeError", "IllegalTransition", "AssertionError", "AttributeError", "KeyError", "SystemExit",
    "operation", "Returns", "Known", "Event", "getLogger", "basicConfig", "ZoneInfo",
}  # fmt: skip
#: every text that is given to these is read, be it one word
_ALL_TEXTS = {"_definition"}


@dataclass(frozen=True)
class Found:
    """One text: its template, where it stands, and whether it is said or told."""

    template: str
    place: str
    said: bool


def collected() -> list[Found]:
    """Every text of the source, in the order of its files."""
    found: list[Found] = []
    for path in sorted(SRC.rglob("*.py")):
        found += texts_of(path.relative_to(SRC).as_posix(), path.read_text())
    for path in sorted(SRC.rglob("templates/**/*.html")):
        found += texts_of_page(path.relative_to(SRC).as_posix(), path.read_text())
    return found


def mentioned() -> set[str]:
    """Every text that stands anywhere in the source, whoever reads it: what is said later stands somewhere first."""
    texts: set[str] = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.JoinedStr | ast.BinOp) and _is_text(node):
                texts.update(templates_of(node))
    for path in SRC.rglob("templates/**/*.html"):
        texts.update(text[1:-1] for text in re.findall(r"\"[^\"\n]*\"|'[^'\n]*'", path.read_text()))
    return texts


# -- Python


def texts_of(place: str, source: str) -> Iterator[Found]:
    """The texts of one module."""
    module = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    walker = _Walker(module, place)
    walker.visit(ast.parse(source))
    yield from walker.found


class _Walker(ast.NodeVisitor):
    def __init__(self, module: str, place: str) -> None:
        self.scope = [module]
        self.place = place
        self.found: list[Found] = []

    @property
    def silent(self) -> bool:
        name = ".".join(self.scope)
        return any(name == one or name.startswith(f"{one}.") for one in SILENT)

    def _add(self, template: str, line: int, *, said: bool) -> None:
        self.found.append(Found(template, f"{self.place}:{line}", said))

    def visit_Module(self, node: ast.Module) -> None:
        self._body(node)

    def _scoped(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name == "__repr__":
            return
        self.scope.append(node.name)
        for decorator in node.decorator_list:
            self.visit(decorator)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.visit(node.args)
        self._body(node)
        self.scope.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scoped(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scoped(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._scoped(node)

    def _body(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for statement in node.body:
            # a docstring, or a text that stands for itself
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """An annotation is no text."""

    def visit_Call(self, node: ast.Call) -> None:
        name = called(node)
        of = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(of, ast.Name) and of.id in ("logger", "logging"):
            return
        if said_texts(node):
            for text in said_texts(node):
                self._add(text, node.lineno, said=True)
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if not _constants(argument):
                    self.visit(argument)
            return
        if name in _SILENT_CALLS:
            return
        if name in _ALL_TEXTS:
            for argument in node.args:
                for text in _constants(argument):
                    self._add(text, argument.lineno, said=False)
            return
        self.generic_visit(node)

    def _told(self, node: ast.expr) -> None:
        if self.silent:
            return
        templates = templates_of(node)
        if not any(map(is_prose, templates)):
            return
        for template in filter(has_word, templates):
            if template not in SILENT_TEXTS:
                self._add(template, node.lineno, said=False)

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str):
            return
        if self.scope[0].startswith(SAYING):
            if is_prose(node.value) and not self.silent and node.value not in SILENT_TEXTS:
                self._add(node.value, node.lineno, said=True)
        else:
            self._told(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._told(node)
        self._inside(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if _is_text(node):
            self._told(node)
            self._inside(node)
        else:
            self.generic_visit(node)

    def _inside(self, node: ast.expr) -> None:
        """The texts inside the gaps, which are told on their own; what became part of the template is done."""
        for gap in _gaps_of(node):
            self.visit(gap)


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def said_texts(node: ast.Call) -> list[str]:
    """The texts of a call of say or count; none where it is a call of something else."""
    name = called(node)
    given = node.args[:1] if name in _SAY else node.args[1:3] if name in _COUNT else []
    found = [_constants(one) for one in given]
    # str.count has no two texts
    return [text for texts in found for text in texts] if all(found) and (name in _SAY or len(found) == 2) else []


def _constants(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_constants(node.body), *_constants(node.orelse)]
    return []


def is_prose(template: str) -> bool:
    """Whether it has two words in it, or a word beside a gap."""
    if _FOR_PROGRAMS.search(template):
        return False
    return bool(_PROSE.search(template)) and has_word(template) and not _HAN.search(template)


def has_word(template: str) -> bool:
    """Whether a word of its own stands in it."""
    return bool(_WORD.search(_GAP.sub("", template)))


# -- f-strings and what they become


def _is_text(node: ast.expr) -> bool:
    """Whether it can only be a text: a constant, an f-string, a sum or a choice of them."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    return False


#: a piece of a template: literal text, or the expression and conversion of a gap
_Piece = str | tuple[ast.expr, bool]


def _alternatives(node: ast.expr, *, quoted: bool = False) -> list[list[_Piece]]:
    """The ways in which the expression can read."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [[node.value]]
    if isinstance(node, ast.JoinedStr):
        ways = [
            _alternatives(part.value, quoted=part.conversion == ord("r"))
            if isinstance(part, ast.FormattedValue)
            else _alternatives(part)
            for part in node.values
        ]
        return [[piece for way in chosen for piece in way] for chosen in product(*ways)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_text(node):
        pairs = product(_alternatives(node.left), _alternatives(node.right))
        return [[*left, *right] for left, right in pairs]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and _is_text(node.left):
        return [[""], *_alternatives(node.left)]
    if isinstance(node, ast.IfExp) and (_reads(node.body) or _reads(node.orelse)):
        return [*_alternatives(node.body), *_alternatives(node.orelse)]
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and _reads(node.values[-1]):
        return [[(node.values[0], quoted)], *_alternatives(node.values[-1])]
    return [[(node, quoted)]]


def _reads(node: ast.expr) -> bool:
    return _is_text(node) or (isinstance(node, ast.IfExp) and (_reads(node.body) or _reads(node.orelse)))


def _gaps_of(node: ast.expr) -> list[ast.expr]:
    gaps = {id(piece[0]): piece[0] for way in _alternatives(node) for piece in way if not isinstance(piece, str)}
    return list(gaps.values())


def templates_of(node: ast.expr) -> list[str]:
    """The templates that the expression can make, each once."""
    ways = _alternatives(node)
    if len(ways) > MOST_CHOICES:
        raise ValueError(f"line {node.lineno}: {len(ways)} ways to read one text; make it several")
    return list(dict.fromkeys(_template(way) for way in ways))


def _template(pieces: list[_Piece]) -> str:
    named: dict[str, str] = {}
    used: set[str] = set()
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece.replace("{", "{{").replace("}", "}}")
            continue
        expression, quoted = piece
        source = ast.unparse(expression)
        if source not in named:
            name = wanted = gap_name(expression)
            number = 2
            while name in used:
                name, number = f"{wanted}_{number}", number + 1
            used.add(name)
            named[source] = name
        text += f"{{{named[source]}{'!r' if quoted else ''}}}"
    return text


#: calls that give their argument, or the object that they are a method of, in another form
_FORMS = {"str", "len", "repr", "int", "float", "round", "sorted", "list", "tuple", "set", "escaped", "min", "max", "map", "abs"}  # fmt: skip


def gap_name(node: ast.expr) -> str:
    """What a gap is called that holds this expression."""
    match node:
        case ast.Name():
            return node.id.strip("_").lower()
        case ast.Attribute():
            return node.attr.strip("_").lower()
        case ast.Subscript(slice=ast.Constant(value=str(key))) if key.isidentifier():
            return key
        case ast.Subscript() | ast.Starred() | ast.Await():
            return gap_name(node.value)
        case ast.Call(func=ast.Attribute(attr="join"), args=[joined]):
            return gap_name(joined)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]) if key.isidentifier():
            return key
        case ast.Call(func=ast.Name(id="counted"), args=[first, _]):
            return gap_name(first)
        case ast.Call(func=ast.Name(id=name), args=[*_, last]) if name in _FORMS:
            return gap_name(last)
        case ast.Call(func=ast.Name(id=name)):
            return name.strip("_").lower()
        case ast.Call(func=ast.Attribute(attr=name, value=of)):
            return gap_name(of) if hasattr(str, name) else name.strip("_").lower()
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
            return gap_name(node.generators[0].iter)
        case ast.BoolOp():
            return gap_name(node.values[0])
        case ast.IfExp():
            return gap_name(node.orelse if isinstance(node.body, ast.Constant) else node.body)
        case ast.BinOp():
            return gap_name(node.right if isinstance(node.left, ast.Constant) else node.left)
        case ast.UnaryOp():
            return gap_name(node.operand)
        case ast.Compare():
            return gap_name(node.left)
    return "value"


def constants() -> set[str]:
    """Every text that stands anywhere in the source or in a page, whatever it is there for."""
    found = set[str]()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    for path in SRC.rglob("templates/**/*.html"):
        found |= {ast.literal_eval(text) for text in re.findall(_TEXT, path.read_text())}
    return found


# -- pages

_TEXT = r"""\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*"""
_SAID_IN_PAGE = re.compile(rf"\b(?:t|say|words\.say)\({_TEXT}[,)]")
_COUNTED_IN_PAGE = re.compile(rf"\b(?:count|words\.count)\((?:[^,()]|\([^()]*\))+,{_TEXT},{_TEXT}[,)]")


def texts_of_page(place: str, page: str) -> Iterator[Found]:
    """The texts of one template of a page."""
    for pattern in (_SAID_IN_PAGE, _COUNTED_IN_PAGE):
        for found in pattern.finditer(page):
            line = page.count("\n", 0, found.start()) + 1
            for text in found.groups():
                yield Found(ast.literal_eval(text), f"{place}:{line}", True)
