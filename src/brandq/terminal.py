"""What the command line shows: the welcome, a progress bar, the summary table, the files of a report."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from brandq import __version__, store
from brandq.actors.desk import Desk
from brandq.plan import Plan
from brandq.reports import html, markdown
from brandq.reports.summary import summary_rows
from brandq.states import ExecutionState

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

#: the file that holds the answers of a report which is kept in files
ANSWERS = "answers.jsonl"
#: between two looks at an execution; a person sees no finer steps
LOOK_S = 0.1


def welcome(desk: Desk, url: str) -> None:
    engines = [listed.name for listed in desk.registry.listing() if listed.configured or listed.simulated]
    simulated_ones = [listed.name for listed in desk.registry.listing() if listed.simulated]
    console.print(f"\n[bold]brandq {__version__}[/] serves [bold cyan]{url}[/]   (Ctrl-C stops it)")
    console.print(f"  data      {desk.settings.data_dir.absolute()}", markup=False)
    console.print(f"  engines   {', '.join(engines) or 'none: no key is set, see `brandq engines`'}", markup=False)
    if simulated_ones:
        console.print(
            "  [bold yellow]SIMULATED[/] all of these without a key: their answers are invented and marked so"
        )
    plan = {
        "brands": ["趣车良品", "竞品 1"],
        "prompts": ["深圳新能源汽车改装门店哪家好？"],
        "engines": (engines or ["doubao"])[:1],
        "repeats": 3,
    }
    body = json.dumps(plan, ensure_ascii=False)
    console.print("\nTry this first:", style="bold")
    console.print(f"  open {url}/ in a browser, or", markup=False)
    console.print(
        f"  curl -s {url}/api/executions -H 'Content-Type: application/json' -d '{body}'", markup=False, soft_wrap=True
    )
    console.print(f"  curl -s {url}/api/engines      curl -s {url}/openapi.json\n", markup=False)


def see_through(desk: Desk, execution_id: str, out: Path | None) -> int:
    """Show the progress of an execution until it has ended, then its report; 1 when it got no usable answer."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console.print(f"execution {execution_id}", markup=False)
    with Progress(*columns, console=console) as shown:
        bar = shown.add_task("asking", total=None)
        while True:
            with desk.database.read() as db:
                execution = store.execution(db, execution_id)
                progress = store.progress(db, execution_id)
            stage = "reporting" if execution.status == ExecutionState.REPORTING else "asking"
            shown.update(bar, completed=progress.settled, total=execution.planned, description=stage)
            if execution.ended:
                break
            time.sleep(LOOK_S)
    with desk.database.read() as db:
        document = store.report_document(db, execution_id)
        answers = store.all_answers(db, execution_id) if out is not None else []
    if document is None:
        console.print(f"it is {execution.status} and has no report", style="bold", markup=False)
        return 1
    print_summary(document)
    if execution.error_message:
        console.print(execution.error_message, style="red", markup=False)
    if out is not None:
        for path in write(document, execution.plan, answers, out):
            console.print(f"  {path}", markup=False)
    else:
        console.print(f"the whole report: brandq report {execution_id}", markup=False)
    return 1 if execution.status == ExecutionState.FAILED else 0


def write(document: Mapping[str, Any], plan: Plan, answers: Sequence[store.Placed], out: Path) -> list[Path]:
    """Write the report in every format and, as its evidence, the answers; the files."""
    out.mkdir(parents=True, exist_ok=True)
    texts = {f"report.{form}": rendered(document, form, beside=ANSWERS) for form in ("json", "md", "html")}
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


def rendered(document: Mapping[str, Any], form: str, *, beside: str | None = None) -> str:
    if form == "json":
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    return markdown.render(document) if form == "md" else html.render(document, beside=beside)


def print_summary(document: Mapping[str, Any]) -> None:
    """The brands by engine, each number with what it is counted from."""
    table = Table(caption="k/n value [95 % interval]; numbers rest on usable answers only", caption_justify="left")
    for column in ("brand", "engine", "usable", "mention rate", "share of voice", "average rank"):
        table.add_column(column)
    for row in summary_rows(document):
        engine = Text(row.engine or "all engines")
        if row.simulated:
            engine.append(" SIMULATED", style="bold yellow")
        if row.imported:
            engine.append(" imported", style="cyan")
        brand = Text(row.brand, style="bold" if row.subject else "")
        table.add_row(brand, engine, row.coverage, row.mention_rate, row.share_of_voice, row.average_rank)
    console.print(table)
    if document["simulated"]["any"]:
        console.print(
            "SIMULATED: these answers were invented by the simulator and say nothing about any brand.",
            style="bold yellow",
        )
