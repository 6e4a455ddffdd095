"""Studies: what is done with ended executions without asking anybody: read again, compared, split, graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from brandq import reports, store
from brandq.actors.desk import Desk
from brandq.actors.reading import read_again as reread
from brandq.actors.reading import read_by_this_method
from brandq.analysis.judge import with_verdicts
from brandq.errors import BadRequest, Fault
from brandq.grading import FIELDS, Grades, grade, read_cases
from brandq.judging import JudgedExecution
from brandq.reports.comparison import compare_executions, compare_halves
from brandq.reports.disclosure import counted
from brandq.reports.facts import Facts, Publication, SampleFacts
from brandq.words import Words

Document = dict[str, Any]


@dataclass(frozen=True)
class Reread:
    """A new report version: how many answers were read, and what came of it."""

    answers: int
    made: Publication


def ended(db: store.Transaction, execution_id: str) -> store.Execution:
    """An execution that has ended. NotFound; BadRequest where it goes on."""
    execution = store.execution(db, execution_id)
    if not execution.ended:
        raise BadRequest([Fault(execution_id, f"is {execution.status}; come back once it has ended")], "Not yet")
    return execution


def read_again(desk: Desk, execution_id: str) -> Reread:
    """Read the stored answers by the present method, into a new report version; the earlier one stays as it was."""
    store.require_served(desk.database)
    with desk.database.read() as db:
        plan = ended(db, execution_id).plan
        answered = sorted(store.places_with_answer(db, execution_id).values())
    reread(desk, execution_id, plan, answered)
    with desk.database.begin() as db:
        version = store.next_report_version(db, execution_id)
        now = desk.now()
        made = reports.publication(store.stream_facts(db, execution_id), built_at=now, version=version)
        store.supersede_report(db, execution_id, made, now=now)
    return Reread(len(answered), made)


def publish_judged(desk: Desk, execution_id: str, found: JudgedExecution) -> Publication:
    """A new report version in which a judge says how brands are spoken of; the findings by rules stay beside it.

    A brand without a verdict that holds has no sentiment in it: a judge's failure is never filled in by the rules. What
    another method found of answers is read again first, since a verdict stands on findings of this one.
    """
    read_by_this_method(desk, execution_id)
    with desk.database.begin() as db:
        version = store.next_report_version(db, execution_id)
        facts = store.stream_facts(db, execution_id)
        now = desk.now()
        judged = replace(facts, samples=(_with_verdicts(sample, found) for sample in facts.samples))
        made = reports.publication(judged, built_at=now, version=version, judge=found.to_json())
        store.supersede_report(db, execution_id, made, now=now)
    return made


def _with_verdicts(sample: SampleFacts, found: JudgedExecution) -> SampleFacts:
    findings = found.findings.get(sample.sample_id)
    if findings is None:
        return sample
    return replace(sample, brands=with_verdicts(findings, found.by_sample.get(sample.sample_id, {})).brands)


def compared(database: store.Database, before_id: str, after_id: str) -> Document:
    """What changed between two ended executions. Conflict where they cannot be compared."""
    with database.read() as db:
        before, after = (_facts(db, execution_id) for execution_id in (before_id, after_id))
    return compare_executions(before, after)


def split(database: store.Database, execution_id: str, seed: int) -> Document:
    """One execution against itself. Conflict where it has nothing to split."""
    with database.read() as db:
        facts = _facts(db, execution_id)
    return compare_halves(facts, seed)


def _facts(db: store.Transaction, execution_id: str) -> Facts:
    ended(db, execution_id)
    return store.facts(db, execution_id)


def graded(path: Path) -> Grades:
    """How the analysis reads the labelled cases of a file. BadRequest for a file that holds none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
        raise BadRequest([Fault(str(path), words or "cannot be read")], "There is nothing to grade") from error
    return grade(read_cases(text))


def grades_table(grades: Grades, words: Words) -> Table:
    table = Table()
    for column in ("field", "right", "of", "share"):
        table.add_column(words.told(column))
    for name in FIELDS:
        share = grades.share(name)
        table.add_row(name, str(grades.right[name]), str(grades.of[name]), "–" if share is None else f"{share:.1%}")
    return table


def changes_table(document: Mapping[str, Any], words: Words) -> Table:
    """The primary comparison and all others, each with its counts, its interval and its verdict."""
    table = Table(
        caption=words.say(
            "difference in points [95 % interval]; p of the others is adjusted for looking at all of them"
        ),
        caption_justify="left",
    )
    table.add_column(words.told("brand"), overflow="fold")
    # half a measure's name cannot be looked up
    table.add_column(words.told("measure"), no_wrap=True)
    for column in ("engine", "answers", "difference", "p", "verdict"):
        table.add_column(words.told(column), overflow="fold")
    for number, row in enumerate((document["primary"], *document["others"])):
        told = row["difference"] is not None
        table.add_row(
            Text(row["brand"], style="bold" if number == 0 else ""),
            row["measure"],
            row["engine"] or words.told("all"),
            f"{row['n_before']} → {row['n_after']}",
            f"{100 * row['difference']:+.0f} [{100 * row['low']:+.0f}…{100 * row['high']:+.0f}]" if told else "–",
            f"{row['p_adjusted']:.3f}" if told else "–",
            words.told(row["verdict"] if told else row["reason"]),
        )
    return table


def change_words(document: Mapping[str, Any]) -> list[str]:
    """What a reader of a comparison must know beside the table."""
    words = [
        f"{side}: execution {document[side]['execution_id']}, {document[side]['usable']} of "
        f"{document[side]['samples']} samples usable" + (" SIMULATED" if document[side]["simulated"] else "")
        for side in ("before", "after")
    ]
    prompts, engines = counted(len(document["prompts"]), "prompt"), counted(len(document["engines"]), "engine")
    words.append(f"in common: {prompts}, {engines}")
    for one in document["breaks"]:
        before, after = (", ".join(one[side]) or "not reported" for side in ("before", "after"))
        words.append(f"{one['engine']}: another model answered ({before}, then {after}): a break, not a trend")
    return words


def noise_words(document: Mapping[str, Any]) -> list[str]:
    """What chance alone does, in sentences."""
    called = document["called"]
    words = [
        f"{document['answers']} usable answers to {document['prompts']} prompts, split by chance {document['splits']} "
        f"times into two halves (shown: seed {document['seed']})",
        f"{called['changes']} of {called['comparisons']} comparisons were called a change, and none is one",
    ]
    words += [
        f"{one['brand']}, {one['measure']}: 95 of 100 splits differ by at most {100 * one['within']:.0f} points"
        for one in document["noise"]
        if one["measure"] == "mention_rate"
    ]
    if document["left_out"]:
        words.append(f"{document['left_out']} answers stand alone on their prompt and engine and were left out")
    return words
