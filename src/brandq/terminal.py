"""What the command line shows: the welcome, a progress bar, the summary table, the files of a report."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from rich.box import SIMPLE_HEAD
from rich.cells import set_cell_size
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from brandq import __version__, store
from brandq.actors.accepting import Accepted
from brandq.actors.desk import Desk
from brandq.errors import BadRequest, Fault
from brandq.exports import csv, html, markdown, pdf, xlsx
from brandq.plan import Plan
from brandq.providers.registry import EngineListing
from brandq.reports.summary import summary_rows
from brandq.settings import language
from brandq.states import ExecutionState
from brandq.web.making import samples_of
from brandq.web.pauses import Known, known_of
from brandq.words import Words, words_in

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def words() -> Words:
    """The language of whoever reads this terminal."""
    return words_in(language())


def say(line: str, *, style: str = "", to: Console = console) -> None:
    """Print one English sentence in the language of this terminal."""
    to.print(words().told(line), style=style, markup=False, soft_wrap=True)


class _Help(argparse.HelpFormatter):
    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, words().say("usage: ") if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """argparse in the language of this terminal: help, headings, and what is wrong with a command."""

    def __init__(self, **given: Any) -> None:
        told = {name: words().told(given[name]) for name in ("description", "epilog") if given.get(name)}
        super().__init__(**{"formatter_class": _Help, **given, **told, "add_help": False})
        self._positionals.title = words().say("arguments")
        self._optionals.title = words().say("options")
        self.add_argument("-h", "--help", action="help", help="show this help")

    def add_argument(self, *names: str, **given: Any) -> argparse.Action:
        if given.get("help"):
            given["help"] = words().told(given["help"])
        elif given.get("action") == "version":
            given["help"] = words().say("show the version")
        return super().add_argument(*names, **given)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, words().say("{command}: {fault}", command=self.prog, fault=words().told(message)) + "\n")


#: the file that holds the answers of a report which is kept in files
ANSWERS = "answers.jsonl"
#: between two looks at an execution; a person sees no finer steps
LOOK_S = 0.1


def welcome(desk: Desk, url: str) -> None:
    engines = [listed.name for listed in desk.registry.listing() if listed.configured or listed.simulated]
    simulated_ones = [listed.name for listed in desk.registry.listing() if listed.simulated]
    spoken = words()
    console.print()
    served = spoken.say("brandq {version} serves {url}   (Ctrl-C stops it)", version=__version__, url=url)
    console.print(served, style="bold", markup=False)
    asked = ", ".join(engines) or spoken.say("none: no key is set, see `brandq engines`")
    for name, found in (("data", str(desk.settings.data_dir.absolute())), ("engines", asked)):
        console.print(f"  {set_cell_size(spoken.told(name), 9)} {found}", markup=False)
    if simulated_ones:
        warning = spoken.say("SIMULATED: all of these without a key; their answers are invented and marked so")
        console.print(f"  {warning}", style="bold yellow", markup=False)
    plan = {
        "brands": ["趣车良品", "竞品 1"],
        "prompts": ["深圳新能源汽车改装门店哪家好？"],
        "engines": (engines or ["doubao"])[:1],
        "repeats": 3,
    }
    body = json.dumps(plan, ensure_ascii=False)
    console.print()
    console.print(spoken.say("Try this first:"), style="bold")
    console.print("  " + spoken.say("open {url} in a browser, or", url=f"{url}/"), markup=False)
    console.print(
        f"  curl -s {url}/api/executions -H 'Content-Type: application/json' -d '{body}'", markup=False, soft_wrap=True
    )
    console.print(f"  curl -s {url}/api/engines      curl -s {url}/openapi.json\n", markup=False)


def foretold(accepted: Accepted) -> list[str]:
    """Before anybody is asked: the calls, what they cost or why that is not known, how long, how much is learnt."""
    estimate, planned = accepted.foreseen.estimate, accepted.execution.planned
    cost, reused = estimate["cost"], accepted.foreseen.reused
    left = planned - reused
    calls = f"{left} call{'' if left == 1 else 's'}"
    if reused:
        calls = f"{calls} ({reused} of {planned} answers are there already)"
    if cost["reason"]:
        why = "; ".join(
            f"{one['engine']}: {one['basis']}" for one in cost["engines"] if one["calls"] and not one["high"]
        )
        money = f"cost unknown: {cost['reason']}" + (f"; {why}" if why else "")
    elif cost["currency"] is None:
        money = f"costs nothing ({cost['basis']})"
    else:
        money = f"costs {cost['low']} to {cost['high']} {cost['currency']} ({cost['basis']})"
    return [f"{calls}, {money}, about {estimate['seconds']} s", estimate["precision"]["words"]]


def see_through(desk: Desk, execution_id: str, out: Path | None) -> int:
    """Show the progress of an execution until it has ended, then its report; 1 when it got no usable answer."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    say(f"execution {execution_id}")
    with Progress(*columns, console=console) as shown:
        bar = shown.add_task(words().term("asking"), total=None)
        while True:
            with desk.database.read() as db:
                execution = store.execution(db, execution_id)
                progress = store.progress(db, execution_id)
            stage = "reporting" if execution.status == ExecutionState.REPORTING else "asking"
            shown.update(bar, completed=progress.settled, total=execution.planned, description=words().term(stage))
            if execution.ended:
                break
            time.sleep(LOOK_S)
    with desk.database.read() as db:
        document = store.report_document(db, execution_id)
        answers = store.all_answers(db, execution_id) if out is not None else []
    if document is None:
        say(f"it is {execution.status} and has no report", style="bold")
        return 1
    print_summary(document)
    if execution.error_message:
        say(execution.error_message, style="red")
    if out is not None:
        for path in write(document, execution.plan, answers, out):
            console.print(f"  {path}", markup=False)
    else:
        say(f"the whole report: brandq report {execution_id}")
    return 1 if execution.status == ExecutionState.FAILED else 0


def write(document: Mapping[str, Any], plan: Plan, answers: Sequence[store.Placed], out: Path) -> list[Path]:
    """Write the report in every format and, as its evidence, the answers; the files."""
    out.mkdir(parents=True, exist_ok=True)
    texts = {
        f"report.{form}": rendered(document, form, beside=ANSWERS, words=words()) for form in ("json", "md", "html")
    }
    texts[ANSWERS] = "".join(json.dumps(_answer(plan, one), ensure_ascii=False) + "\n" for one in answers)
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in texts]


def _answer(plan: Plan, placed: store.Placed) -> dict[str, Any]:
    """One line of the answers' file, in the fields that `brandq import` reads."""
    engine = next(engine for engine in plan.engines if engine.engine == placed.engine)
    return {
        "prompt": plan.prompts[placed.prompt_no - 1],
        "engine": placed.engine,
        "repeat": placed.repeat_no,
        "answer": placed.answer.text,
        "kind": placed.answer.kind,
        "served_model": placed.answer.served_model,
        "simulated": engine.simulated,
        "sources": [{"url": source.url, "title": source.title} for source in placed.answer.citations],
    }


#: forms that are printed as they are
TEXTS = ("json", "md", "html")


def rendered(document: Mapping[str, Any], form: str, *, beside: str | None = None, words: Words | None = None) -> str:
    """A report in one of TEXTS."""
    if form == "json":
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    if form == "md":
        return markdown.render(document, words=words)
    return html.render(document, beside=beside, words=words or words_in("en"))


def exported(database: store.Database, document: Mapping[str, Any], form: str, words: Words) -> Iterator[bytes]:
    """A report in any form, in pieces. Those with answers read them from the database while they are gone through."""
    if form in TEXTS:
        yield rendered(document, form, words=words).encode("utf-8", "backslashreplace")
    elif form == "csv":
        yield from csv.render(document, samples_of(database, document))
    elif form == "pdf":
        yield pdf.made(document, words=words)
    else:
        with TemporaryDirectory(prefix="brandq-") as folder:
            path = Path(folder) / "report.xlsx"
            xlsx.write(document, samples_of(database, document), path, words=words)
            yield path.read_bytes()


def keep(pieces: Iterable[bytes], out: Path) -> None:
    """Write a file, all of it or nothing. BadRequest where it cannot be written."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
        part.replace(out)
    except OSError as error:
        raise BadRequest([Fault(str(out), error.strerror or "cannot be written")], "The file is not written") from error
    finally:
        part.unlink(missing_ok=True)


def engines_table(listing: Sequence[EngineListing], states: Mapping[str, store.EngineState], *, now: datetime) -> Table:
    """Every row of the registry: what it is, whether it can be asked here, and how it fares; times are UTC."""
    spoken = words()
    caption = spoken.say("seen: a real reply of it was seen, not its documentation alone; times are UTC")
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption, caption_justify="left")
    for column in ("engine", "title", "model", "search", "seen"):
        table.add_column(spoken.told(column), overflow="fold")
    # wide enough for the longest name of a variable: half of one cannot be copied
    table.add_column(spoken.say("asked here"), overflow="fold", min_width=24)
    table.add_column(spoken.say("last answer"), overflow="fold", min_width=12)
    for listed in listing:
        known = known_of(listed, states)
        own = known.provider
        last = "–"
        if own and own.answered_at:
            last = _clock(own.answered_at, now)
            last = last if own.latency_ms is None else f"{own.latency_ms / 1000:.1f} s, {last}"
        table.add_row(
            Text(listed.name, style="bold"),
            Text(listed.title),
            Text(listed.model or spoken.say("name one")),
            spoken.told("none" if listed.search is None else "on" if listed.search else "off"),
            spoken.told("yes" if listed.verified else "no"),
            _asked_words(listed, known, now),
            last,
        )
    return table


def _asked_words(listed: EngineListing, known: Known, now: datetime) -> Text:
    """Whether it can be asked here, and whether it is: a line for each thing to know."""
    if not listed.configured and not listed.simulated:
        return Text(words().told(f"set {' or '.join(listed.key_env)}"), style="dim")
    lines = [_pause_words("paused", known.provider, now)] if known.provider and known.provider.open_until else []
    lines += [_pause_words(f"{model} paused", state, now) for model, state in known.models.items()]
    if known.slowed_to_per_minute is not None:
        lines.append(f"slowed to {known.slowed_to_per_minute:g} per minute")
    key = "SIMULATED" if listed.simulated else "key present" if listed.key_env else "needs no key"
    shown = Text(words().told(key if lines else f"{key}, asked"), style="bold yellow" if listed.simulated else "")
    for line in lines:
        shown.append(f"\n{words().told(line)}", style="bold red")
    return shown


def _pause_words(what: str, state: store.EngineState, now: datetime) -> str:
    until = state.open_until
    if until and until > now:
        return f"{what}: {state.open_reason} until {_clock(until, now)}"
    return f"{what}: {state.open_reason} until a call succeeds"


def _clock(at: datetime, now: datetime) -> str:
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%m-%d %H:%M}"


def print_summary(document: Mapping[str, Any]) -> None:
    """The brands by engine, each number with what it is counted from."""
    spoken = words()
    caption = spoken.say("k/n value [95 % interval]; numbers rest on usable answers only")
    table = Table(caption=caption, caption_justify="left")
    for column in ("brand", "engine", "usable", "mention rate", "share of voice", "average rank"):
        table.add_column(spoken.told(column))
    for row in summary_rows(document):
        engine = Text(row.engine or spoken.say("all engines"))
        if row.simulated:
            engine.append(f" {spoken.told('SIMULATED')}", style="bold yellow")
        if row.imported:
            engine.append(f" {spoken.term('imported')}", style="cyan")
        brand = Text(row.brand, style="bold" if row.subject else "")
        table.add_row(brand, engine, row.coverage, row.mention_rate, row.share_of_voice, row.average_rank)
    console.print(table)
    if document["simulated"]["any"]:
        say(
            "SIMULATED: these answers were invented by the simulator and say nothing about any brand.",
            style="bold yellow",
        )
