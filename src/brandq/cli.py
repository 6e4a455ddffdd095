"""The command line: ``brandq COMMAND``. Each is one function; it prints for people, its exit code is for scripts.

Exit codes: 0 done; 1 it ended, but without a usable answer, or what was checked does not hold; 2 the command or the
settings are wrong; 3 the database or the broker does not answer.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import secrets
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.cells import set_cell_size
from rich.table import Table

from brandq import __version__, doctor, heartbeat, importing, judging, logs, store
from brandq.actors.accepting import Accepted, accept
from brandq.actors.broker import BrokerUnreachable
from brandq.actors.clock import keep_time
from brandq.actors.declare import QUEUES
from brandq.actors.desk import Desk, open_registry
from brandq.actors.sending import send_execution
from brandq.beating import beating, watch_publisher
from brandq.errors import BadRequest, BadSettings, BrandqError, DatabaseNotReady, Fault
from brandq.exporter import telling
from brandq.judging import judge_execution, judge_of
from brandq.plan import Plan, parse, parse_brands, read_cost_limit
from brandq.probing import make_probe, record, reopened, to_be_probed, told
from brandq.recomputing import recompute
from brandq.running import pipeline, reaching, simulated, web, with_database, work
from brandq.settings import Settings, read_settings
from brandq.studies import (
    change_words,
    changes_table,
    compared,
    graded,
    grades_table,
    noise_words,
    publish_judged,
    read_again,
    split,
)
from brandq.terminal import (
    TEXTS,
    Parser,
    console,
    engines_table,
    errors,
    exported,
    foretold,
    keep,
    print_summary,
    rendered,
    say,
    see_through,
    welcome,
    words,
)
from brandq.verifying import verify
from brandq.web.exporting import FORMS
from brandq.words import LANGUAGES, words_in

logger = logging.getLogger(__name__)

OWNER = "local"

DEMO: Mapping[str, Any] = {
    "brands": [{"name": "趣车良品", "aliases": ["趣车"]}, "竞品 1", "竞品 2"],
    "prompts": ["深圳新能源汽车改装门店哪家好？"],
    "engines": ["doubao", "qwen"],
    "repeats": 5,
    "label": "demo",
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    logs.play(command.__name__.strip("_"))
    try:
        return command(arguments)
    except BadRequest as error:
        spoken = words()
        errors.print(spoken.say("{title}:", title=spoken.told(error.title)), style="bold red", markup=False)
        for fault in error.faults:
            told = spoken.say("{place}: {fault}", place=fault.pointer or "/", fault=spoken.told(fault.detail))
            errors.print(f"  {told}", markup=False, soft_wrap=True)
        return 2
    except (DatabaseNotReady, BrokerUnreachable) as error:
        _give_up(error)
        return 3
    except BrandqError as error:
        _give_up(error)
        return 2
    except KeyboardInterrupt:
        errors.print(words().say("stopped"))
        return 130


def _give_up(error: BrandqError) -> None:
    if logs.for_programs():
        logger.critical("%s", error)
    else:
        say(str(error), style="red", to=errors)


def _parser() -> Parser:
    parser = Parser(
        prog="brandq",
        description="Measures what AI assistants say about brands.",
        epilog="Settings are environment variables: `brandq doctor` shows them all.",
    )
    parser.add_argument("--version", action="version", version=f"brandq {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Parser:
        added = commands.add_parser(name, help=words().told(text), description=text)
        added.set_defaults(command=run)
        return added

    demo = command("demo", _demo, "run a small plan against simulated assistants and show the report")
    _out(demo, "out/demo")
    serve = command("serve", _serve, "API, worker and clock in one process, with a SQLite file: no servers needed")
    _address(serve)
    _address(command("web", _web, "the API alone; workers and the clock run elsewhere"))
    worker = command("work", _work, "work on queues of the broker")
    worker.add_argument(
        "--queues",
        default="",
        metavar="NAMES",
        help=f"comma separated, of {', '.join(name.removeprefix('brandq.') for name in QUEUES)}; default: all",
    )
    worker.add_argument("--threads", type=int, help="worker threads (BRANDQ_THREADS)")
    command("clock", _clock, "send the tick of every minute; one such process is enough")
    migrate = command("migrate", _migrate, "bring the database to the revision that this version needs")
    migrate.add_argument("--revision", default="head", help="another revision than the newest")
    migrate.add_argument(
        "--wait",
        type=_seconds,
        metavar="SECONDS",
        help="change nothing; wait so long until the database serves this version, then go on or end with 3",
    )

    run = command("run", _run, "ask assistants, wait, and write the report")
    _brands(run)
    run.add_argument(
        "--prompt", action="append", required=True, metavar="P", help="a question, word for word; repeatable"
    )
    run.add_argument("--engine", action="append", required=True, metavar="E", help="see `brandq engines`; repeatable")
    run.add_argument("--repeats", type=int, default=1, metavar="R", help="times each prompt is put to each engine (1)")
    run.add_argument("--priority", type=int, default=5, metavar="0-10")
    run.add_argument("--system", metavar="TEXT", help="a text that goes before every prompt; a buyer sends none")
    run.add_argument(
        "--cost-limit", metavar="AMOUNT", help="the most that it may cost, such as '5 USD'; default: no limit"
    )
    run.add_argument(
        "--reuse",
        type=int,
        default=0,
        metavar="HOURS",
        help="take stored answers that are no older, instead of paying (0)",
    )
    _out(run, None)

    load = command("import", _import, "make a report over answers that you already have, from a JSONL or CSV file")
    load.add_argument("file", type=Path)
    _brands(load)
    load.add_argument(
        "--map",
        default="",
        metavar="FIELD=COLUMN,…",
        help=f"where the file has {', '.join(importing.KNOWN_COLUMNS)}; usual names are found without it",
    )
    _out(load, None)

    again = command("analyze", _analyze, "read the stored answers of an execution again and rebuild its report")
    again.add_argument("execution_id")
    judge = command(
        "judge", _judge, "have another engine say how stored answers speak of each brand: a new report version"
    )
    judge.add_argument("execution_id")
    judge.add_argument("--engine", required=True, metavar="E", help="who judges, as in a plan; its search is off")
    judge.add_argument("--cost-limit", metavar="AMOUNT", help="the most that it may cost, such as '1 USD'")
    changes = command("compare", _compare, "what changed from one execution to another, on what both asked")
    changes.add_argument("before", metavar="BEFORE", help="the id of the earlier one")
    changes.add_argument("after", metavar="AFTER", help="the id of the later one")
    noise = command("aa", _aa, "split an execution by chance in two and compare the halves: what chance alone does")
    noise.add_argument("execution_id")
    noise.add_argument("--seed", type=int, default=1, help="decides the split that is shown (1)")
    for study in (changes, noise):
        study.add_argument("--json", action="store_true", help="print the whole of it as JSON")
    cases = command("grade", _grade, "how well the analysis reads labelled cases: each miss, and JSON on the last line")
    cases.add_argument("file", type=Path, metavar="CASES.jsonl", help="docs/grading.md has the format")
    shown = command("report", _report, "print or write the report of an execution")
    shown.add_argument("execution_id")
    shown.add_argument("--format", choices=FORMS, default="md", help="csv and xlsx have every answer (md)")
    shown.add_argument(
        "--language", choices=LANGUAGES, help="of what is written around the answers (as here); json and csv have none"
    )
    shown.add_argument("--version", type=int, metavar="N", help="an earlier version than the one that stands")
    shown.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of printing it")

    checked = command("verify", _verify, "whether stored answers and reports are what they were when they were stored")
    checked.add_argument("execution_id")
    rebuilt = command(
        "recompute", _recompute, "build a report again from the stored answers and compare it with the published one"
    )
    rebuilt.add_argument("execution_id")
    rebuilt.add_argument("--version", type=int, metavar="N", help="an earlier version than the one that stands")
    rebuilt.add_argument("--out", type=Path, metavar="FILE", help="write the recomputed document there, as JSON")

    command("engines", _engines, "which assistants can be asked here, and what is missing for the others")
    probe = command(
        "probe",
        _probe,
        "how the process of this container is; or, with ENGINE, ask that engine one real question, say what came back, "
        "and ask it again where it was paused",
    )
    probe.add_argument(
        "engine",
        metavar="ENGINE",
        nargs="?",
        help="as in a plan: kimi, kimi/MODEL, kimi?search=off; without one, BRANDQ_HEARTBEAT_FILE is read: "
        "0 well, 1 not, 2 cannot be told; neither broker nor database is asked",
    )
    probe.add_argument(
        "--ready", action="store_true", help="without ENGINE: also 1 while it does not consume or listen yet"
    )
    probe.add_argument(
        "--stale-after",
        type=_seconds,
        metavar="SECONDS",
        help="without ENGINE: how old the heartbeat may be (30)",
    )
    probe.add_argument("--prompt", metavar="TEXT", help="the question; default: a buyer's, in the engine's language")
    probe.add_argument("--system", metavar="TEXT", help="a text that goes before it; default: none")
    probe.add_argument(
        "--out",
        type=Path,
        default="probes",
        metavar="DIR",
        help="where request and reply are recorded, without keys and account ids; - records nothing (probes)",
    )
    verbs = command("keys", _keys_list, "API keys: add, list, revoke").add_subparsers(required=True, metavar="VERB")
    add = verbs.add_parser("add", help=words().told("make a key; it is shown once"))
    add.add_argument("name", help="whom it is for")
    add.add_argument("--owner", help="whose executions it sees; default: the name")
    add.add_argument("--scope", action="append", choices=store.SCOPES, help="default: run, which includes read")
    add.add_argument(
        "--from-file",
        type=Path,
        metavar="FILE",
        help="register the key that stands there instead of making one; said again, it changes nothing",
    )
    add.set_defaults(command=_keys_add)
    verbs.add_parser("list", help=words().told("the keys, without their secrets")).set_defaults(command=_keys_list)
    revoke = verbs.add_parser("revoke", help=words().told("end a key"))
    revoke.add_argument("key_id")
    revoke.set_defaults(command=_keys_revoke)
    command("doctor", _doctor, "settings, database, broker, queues, engines: what is right and what is not")
    return parser


def _out(parser: Parser, default: str | None) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=default,
        metavar="DIR",
        help=f"write report.json, .md and .html there ({default})"
        if default
        else "write report.json, .md and .html there",
    )


def _seconds(given: str) -> int:
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(words().say("{given} is not a whole number of seconds", given=repr(given)))
    return int(given)


def _address(parser: Parser) -> None:
    parser.add_argument("--host", help="BRANDQ_HOST")
    parser.add_argument("--port", type=int, help="BRANDQ_PORT")


def _brands(parser: Parser) -> None:
    parser.add_argument(
        "--brand", action="append", default=[], metavar="B", help="the first is the subject; repeatable"
    )
    parser.add_argument(
        "--brands", type=Path, metavar="FILE", help="JSON: the list of brands of a plan; they stand before each --brand"
    )
    parser.add_argument("--alias", action="append", default=[], metavar="B=A", help="another spelling of brand B")
    parser.add_argument("--domain", action="append", default=[], metavar="B=D", help="a web domain of brand B")
    parser.add_argument("--label", help="a name for this execution")


def _settings(given: Mapping[str, object] | None = None) -> Settings:
    """The settings, with what the command line gave in place of the environment; and the log that they ask for."""
    over = {variable: str(value) for variable, value in (given or {}).items() if value is not None}
    settings = read_settings(over=over)
    logs.set_up(settings)
    return settings


def _quietly() -> Settings:
    """The settings of a command that shows its progress itself: what goes wrong is still logged."""
    settings = _settings()
    if settings.log_level in ("DEBUG", "INFO"):
        logging.getLogger().setLevel(logging.WARNING)
        # a message that fails is tried again; what it means for the execution stands in the report
        logging.getLogger("dramatiq").setLevel(logging.ERROR)
    return settings


# -- services


def _serve(arguments: argparse.Namespace) -> int:
    settings = _settings({"BRANDQ_HOST": arguments.host, "BRANDQ_PORT": arguments.port})
    with (
        beating(settings.heartbeat_file, "serve") as heart,
        pipeline(settings, role="serve", heart=heart) as desk,
    ):
        web(desk, heart=heart, on_start=lambda url: welcome(desk, url))
    return 0


def _web(arguments: argparse.Namespace) -> int:
    settings = _settings({"BRANDQ_HOST": arguments.host, "BRANDQ_PORT": arguments.port})
    if settings.embedded:
        raise BadSettings(["BRANDQ_BROKER_URL is `embedded`, which reaches no worker: use `brandq serve`"])
    with beating(settings.heartbeat_file, "web") as heart, reaching(settings, role="web") as desk:
        watch_publisher(heart, desk.publisher)
        web(desk, heart=heart)
    return 0


def _work(arguments: argparse.Namespace) -> int:
    queues = [queue.strip().removeprefix("brandq.") for queue in arguments.queues.split(",") if queue.strip()]
    unknown = [queue for queue in queues if f"brandq.{queue}" not in QUEUES]
    if unknown:
        known = ", ".join(name.removeprefix("brandq.") for name in QUEUES)
        raise BadRequest([Fault("--queues", f"{queue!r} is none of {known}") for queue in unknown], "Unknown queue")
    work(_settings({"BRANDQ_THREADS": arguments.threads}), queues)
    return 0


def _clock(_: argparse.Namespace) -> int:
    settings = _settings()
    if settings.embedded:
        raise BadSettings(["BRANDQ_BROKER_URL is `embedded`: `brandq serve` has a clock of its own"])
    with (
        beating(settings.heartbeat_file, "clock") as heart,
        reaching(settings, role="clock") as desk,
        closing(telling(desk)) as exporter,
    ):
        watch_publisher(heart, desk.publisher)
        heart.watch_threads("exporter", exporter.threads)
        heart.up()
        keep_time(desk, heart.came_round)
    return 0


def _migrate(arguments: argparse.Namespace) -> int:
    if arguments.wait is not None and arguments.revision != "head":
        raise BadRequest([Fault("--wait", "waits for the revision of this version, not for --revision")], "Unclear")
    settings = _settings()
    if arguments.wait is None:
        store.migrate(settings.database_url.reveal(), arguments.revision)
    else:
        store.wait_until_served(settings.database_url.reveal(), arguments.wait, tell=say)
    database = store.Database(settings.database_url.reveal(), pool_size=1)
    try:
        say(f"the database is at revision {store.current_revision(database)}")
    finally:
        database.dispose()
    return 0


# -- one execution from the command line


def _demo(arguments: argparse.Namespace) -> int:
    settings = _quietly()
    if settings.simulate == "off":
        raise BadSettings(["the demo needs the simulator: start it by `make demo`, or with BRANDQ_SIMULATE=missing"])
    arguments.out.mkdir(parents=True, exist_ok=True)
    with pipeline(with_database(settings, str(arguments.out.absolute() / "brandq.db")), role="demo") as desk:
        plan = parse(dict(DEMO), desk.registry.choose, max_samples=settings.max_samples)
        asked = [engine.engine for engine in plan.engines if not engine.simulated]
        if asked:
            say(f"there is a key for {', '.join(asked)}: these are really asked", style="bold")
        return _ask(desk, accept(desk, plan, owner=OWNER), arguments.out)


def _run(arguments: argparse.Namespace) -> int:
    document = {
        "brands": _brand_documents(arguments),
        "prompts": arguments.prompt,
        "engines": arguments.engine,
        "repeats": arguments.repeats,
        "priority": arguments.priority,
        "label": arguments.label,
        "system": arguments.system,
        "cost_limit": arguments.cost_limit,
        "reuse_within_hours": arguments.reuse,
    }
    settings = _quietly()
    # refused before anything is opened: a plan with a fault in it must not leave a database behind. Only whether its
    # limit can be kept is decided inside, from what answers cost until now
    plan = parse(document, open_registry(settings).choose, max_samples=settings.max_samples)
    with _desk(settings, "run") as desk:
        accepted = accept(desk, plan, owner=OWNER)
        for line in foretold(accepted):
            say(line)
        return _ask(desk, accepted, arguments.out)


def _brand_documents(arguments: argparse.Namespace) -> list[Any]:
    documents: list[dict[str, Any]] = [{"name": name, "aliases": [], "domains": []} for name in arguments.brand]
    by_name = {document["name"]: document for document in documents}
    faults = []
    for option, field in (("alias", "aliases"), ("domain", "domains")):
        for given in getattr(arguments, option):
            name, _, value = given.partition("=")
            if name not in by_name or not value:
                faults.append(
                    Fault(f"--{option}", f"{given!r}: expected BRAND={option.upper()} with one of the --brand names")
                )
            else:
                by_name[name][field].append(value)
    listed = _brands_of_file(arguments.brands) if arguments.brands else []
    if not listed and not documents:
        faults.append(Fault("--brand", "names no brand; give --brand NAME, or --brands FILE"))
    if faults:
        raise BadRequest(faults, "The brands are not valid")
    return [*listed, *documents]


def _brands_of_file(path: Path) -> list[Any]:
    """The brands in a file, as they stand there; what is wrong with one of them is found where plans are read."""
    fault = "expected a JSON list of brands, each a name or an object as in a plan"
    try:
        brands = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(brands, list):
            return brands
    except OSError as error:
        fault = error.strerror or "cannot be read"
    except ValueError as error:
        fault = f"{fault}: {error}"
    raise BadRequest([Fault(f"--brands {path}", fault)], "The brands are not valid")


def _desk(settings: Settings, role: str) -> AbstractContextManager[Desk]:
    """A desk whose messages are worked on: here in embedded mode, by `brandq work` elsewhere."""
    return pipeline(settings, role=role) if settings.embedded else reaching(settings, role=role)


def _ask(desk: Desk, accepted: Accepted, out: Path | None) -> int:
    send_execution(desk, accepted.execution.execution_id)
    return see_through(desk, accepted.execution.execution_id, out)


def _order(desk: Desk, plan: Plan, task_type: str, **fields: Any) -> store.Order:
    deadline_at = desk.now() + timedelta(seconds=desk.settings.deadline_s)
    return store.Order(str(uuid.uuid4()), OWNER, plan, deadline_at, task_type, **fields)


def _import(arguments: argparse.Namespace) -> int:
    settings = _quietly()
    brands = parse_brands(_brand_documents(arguments))
    mapping, faults = {}, []
    for pair in filter(None, arguments.map.split(",")):
        field, equals, column = pair.partition("=")
        if not equals or not column:
            faults.append(Fault("--map", f"{pair!r}: expected FIELD=COLUMN"))
        mapping[field.strip()] = column.strip()
    if faults:
        raise BadRequest(faults, "The columns are not valid")
    try:
        text, encoding = importing.decode(arguments.file.read_bytes())
    except OSError as error:
        raise BadRequest(
            [Fault(str(arguments.file), error.strerror or "cannot be read")], "There is nothing to import"
        ) from error
    rows = importing.read_rows(text, is_csv=arguments.file.suffix.lower() == ".csv")
    label = arguments.label or arguments.file.name
    given = importing.import_rows(
        rows,
        brands,
        mapping=mapping,
        meant=open_registry(settings).canonical,
        label=label,
        max_samples=settings.max_samples,
    )
    columns = ", ".join(f"{field} = {column}" for field, column in given.columns.items())
    say(f"{len(rows)} rows ({encoding}); {columns}")
    with _desk(settings, "import") as desk:
        places = frozenset(given.answers)
        order = _order(desk, given.plan, "import", answered=places, only=places)
        now = desk.now()
        with desk.database.begin() as db:
            store.plan_execution(db, order, now=now)
            store.import_answers(db, order.execution_id, given.answers, answered_at=now)
        send_execution(desk, order.execution_id)
        return see_through(desk, order.execution_id, arguments.out)


# -- stored executions


def _stored(settings: Settings) -> store.Database:
    database = store.Database(settings.database_url.reveal(), pool_size=1)
    store.require_served(database)
    return database


def _analyze(arguments: argparse.Namespace) -> int:
    desk = Desk(_quietly(), role="analyze")
    try:
        reread = read_again(desk, arguments.execution_id)
    finally:
        desk.close()
    made = reread.made
    say(f"{reread.answers} answers read by method {made.method_version}; report version {made.version}")
    print_summary(made.document)
    return 0


def _judge(arguments: argparse.Namespace) -> int:
    limit = None
    if arguments.cost_limit is not None:
        try:
            limit = read_cost_limit(arguments.cost_limit)
        except ValueError as error:
            raise BadRequest([Fault("--cost-limit", str(error))], "The limit is not valid") from error
    with simulated(_quietly()) as settings:
        desk = Desk(settings, role="judge")
        try:
            store.require_served(desk.database)
            engine = judge_of(desk, arguments.engine)
            found = judge_execution(desk, arguments.execution_id, engine, limit, tell=say)
            made = publish_judged(desk, arguments.execution_id, found) if found.judged else None
        finally:
            desk.close()
    for line in judging.told(found):
        say(line)
    if made is None:
        return 1
    say(f"report version {made.version} by method {made.method_version}")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    database = _stored(_quietly())
    try:
        document = compared(database, arguments.before, arguments.after)
    finally:
        database.dispose()
    return _study(arguments, document, document, change_words(document))


def _aa(arguments: argparse.Namespace) -> int:
    database = _stored(_quietly())
    try:
        document = split(database, arguments.execution_id, arguments.seed)
    finally:
        database.dispose()
    return _study(arguments, document, document["split"], noise_words(document))


def _study(
    arguments: argparse.Namespace, document: Mapping[str, Any], changes: Mapping[str, Any], lines: Sequence[str]
) -> int:
    if arguments.json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    console.print(changes_table(changes, words()))
    for line in lines:
        say(line)
    return 0


def _grade(arguments: argparse.Namespace) -> int:
    grades = graded(arguments.file)
    for miss in grades.misses:
        say(str(miss))
    console.print(grades_table(grades, words()))
    print(json.dumps(grades.to_json(), ensure_ascii=False))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    database = _stored(_quietly())
    try:
        with database.read() as db:
            execution = store.execution(db, arguments.execution_id)
            document = store.report_document(db, arguments.execution_id, arguments.version)
            versions = store.report_versions(db, arguments.execution_id)
        if document is None and versions:
            told = "; ".join(
                f"{one.version} of {one.built_at:%Y-%m-%d %H:%M} by {one.method_version}" for one in versions
            )
            raise BadRequest(
                [Fault("--version", f"there is no version {arguments.version}; there are {told}")], "No report"
            )
        if document is None:
            raise BadRequest([Fault(arguments.execution_id, f"is {execution.status} and has no report")], "No report")
        pieces = exported(
            database, document, arguments.format, words_in(arguments.language) if arguments.language else words()
        )
        if arguments.out is not None:
            keep(pieces, arguments.out)
            console.print(str(arguments.out), markup=False)
        elif arguments.format in TEXTS:
            print("".join(piece.decode() for piece in pieces), end="")
        elif sys.stdout.isatty():
            raise BadRequest([Fault("--out", f"names no file; {arguments.format} is not for a terminal")], "No file")
        else:
            _pipe(pieces)
    finally:
        database.dispose()
    return 0


def _pipe(pieces: Iterable[bytes]) -> None:
    """Write to stdout, as far as somebody reads it."""
    try:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # or the interpreter would try, and complain, once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _verify(arguments: argparse.Namespace) -> int:
    database = _stored(_quietly())
    try:
        verified = verify(database, arguments.execution_id)
    finally:
        database.dispose()
    say(verified.words)
    for fault in verified.faults:
        say(f"fault: {fault}")
    for name in verified.uncovered:
        say(f"not covered: {name}: its answer was stored before answers were chained; nothing can be shown of it")
    return 0 if verified.holds else 1


def _recompute(arguments: argparse.Namespace) -> int:
    database = _stored(_quietly())
    try:
        recomputed = recompute(database, arguments.execution_id, arguments.version)
    finally:
        database.dispose()
    say(recomputed.words)
    for fault in recomputed.faults:
        say(fault)
    if recomputed.document is not None and arguments.out is not None:
        arguments.out.write_text(rendered(recomputed.document, "json"), encoding="utf-8")
        console.print(str(arguments.out), markup=False, soft_wrap=True)
    return 1 if recomputed.faults else 0


# -- looking after


def _engines(_: argparse.Namespace) -> int:
    settings = _quietly()
    listing = open_registry(settings).listing()
    states: Mapping[str, store.EngineState] = {}
    if store.exists(settings.database_url.reveal()):
        database = store.Database(settings.database_url.reveal(), pool_size=1)
        try:
            with database.read() as db:
                states = store.engine_states(db)
        except DatabaseNotReady as error:
            say(f"who is paused is not known: {error}", style="yellow", to=errors)
        finally:
            database.dispose()
    console.print(engines_table(listing, states, now=datetime.now(UTC)))
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    if arguments.engine is None:
        stale_s = heartbeat.LIMITS.stale_s if arguments.stale_after is None else float(arguments.stale_after)
        limits = heartbeat.LIMITS._replace(stale_s=stale_s)
        return heartbeat.probe(heartbeat.Asked(arguments.ready, limits))
    settings = _quietly()
    with simulated(settings) as settings:
        registry = open_registry(settings)
        engine = to_be_probed(registry, settings, arguments.engine)
        if engine.simulated:
            say("SIMULATED: the simulator answers in its place", style="bold yellow")
        probe = make_probe(registry, engine, prompt=arguments.prompt, system=arguments.system)
    lines = list(told(probe))
    if str(arguments.out) != "-":
        lines.append(("recorded", str(record(probe, arguments.out))))
    for name, found in lines:
        label = set_cell_size(words().told(name), 12)
        console.print(label, words().told(found), markup=False, soft_wrap=True)
    if probe.outcome.answer is None:
        return 1
    try:
        if reopened(settings, engine):
            say(f"{engine.engine} was paused, is asked again", style="bold green")
    except DatabaseNotReady as error:
        say(f"whether it was paused is not known: {error}", style="yellow", to=errors)
    return 0


def _keys_add(arguments: argparse.Namespace) -> int:
    scopes = arguments.scope or ["run"]
    given = None if arguments.from_file is None else read_key(arguments.from_file)
    key_id, secret = given or (secrets.token_hex(6), secrets.token_urlsafe(32))
    database = _stored(_quietly())
    try:
        with database.begin() as db:
            added = store.add_key(
                db,
                key_id=key_id,
                secret=secret,
                name=arguments.name,
                owner=arguments.owner or arguments.name,
                scopes=scopes,
                now=datetime.now(UTC),
            )
    finally:
        database.dispose()
    if given is None:
        say(f"key of {arguments.name} ({', '.join(scopes)}); it is shown only now:", to=errors)
        print(f"bq_{key_id}_{secret}")
    elif added:
        say(f"bq_{key_id}_…, key of {arguments.name} ({', '.join(scopes)}), is registered")
    else:
        say(f"bq_{key_id}_…, key of {arguments.name} ({', '.join(scopes)}), was registered already")
    return 0


#: as ``_keys_add`` makes them; a longer secret is as good
_KEY = re.compile(r"bq_([0-9a-f]{12})_([A-Za-z0-9_-]{43,128})")
#: of 43 letters drawn by chance, fewer are never seen
_DISTINCT_LETTERS = 16


def read_key(path: Path) -> tuple[str, str]:
    """The id and the secret of the key in this file. BadRequest, which does not repeat what stands there."""
    try:
        found = _KEY.fullmatch(path.read_text(encoding="utf-8").strip())
        if found and len(set(found[2])) >= _DISTINCT_LETTERS:
            return found[1], found[2]
        fault = "expected one key, bq_ with 12 hexadecimal digits, _ and 43 random letters of A-Z a-z 0-9 - and _"
    except UnicodeDecodeError:
        fault = "is not text"
    except OSError as error:
        fault = error.strerror or "cannot be read"
    raise BadRequest([Fault(f"--from-file {path}", fault)], "The key is not valid")


def _keys_list(_: argparse.Namespace) -> int:
    table = Table()
    for column in ("key", "for", "owner", "scopes", "since", "in force"):
        table.add_column(words().told(column))
    database = _stored(_quietly())
    try:
        with database.read() as db:
            listed = store.list_keys(db)
    finally:
        database.dispose()
    for key in listed:
        ended = words().told("yes" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d}")
        scopes = ", ".join(key.scopes)
        table.add_row(f"bq_{key.key_id}_…", key.name, key.owner, scopes, f"{key.created_at:%Y-%m-%d}", ended)
    console.print(table if listed else words().say("no keys: brandq answers only to this machine"))
    return 0


def _keys_revoke(arguments: argparse.Namespace) -> int:
    key_id = arguments.key_id.removeprefix("bq_").partition("_")[0]
    database = _stored(_quietly())
    try:
        with database.begin() as db:
            store.revoke_key(db, key_id, now=datetime.now(UTC))
    finally:
        database.dispose()
    say(f"bq_{key_id}_… is revoked")
    return 0


#: how a finding is marked, and in what style
_VERDICTS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "bad": ("bad", "bold red")}


def _doctor(_: argparse.Namespace) -> int:
    worst = 0
    for finding in doctor.examine():
        name, style = _VERDICTS[finding.verdict]
        console.print(set_cell_size(words().told(name), 4), style=style, end=" ", markup=False)
        console.print("  " * finding.depth + words().told(finding.words), markup=False, soft_wrap=True)
        worst = max(worst, 1 if finding.verdict == "bad" else 0)
    return worst
