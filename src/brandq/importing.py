"""Answers that somebody already has: JSONL or CSV rows become a plan and the answers at its places.

Pure: it takes text, and says everything that is wrong with it at once. Prompts and answers are kept word for word.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brandq.errors import BadRequest, Fault
from brandq.plan import Brand, EngineRef, Plan
from brandq.providers.dialect import Answer, AnswerKind, Citation

#: which columns mean what, the first that the file has; ``--map`` names another one
KNOWN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "prompt": ("prompt", "question", "query", "query_text", "query_id"),
    "answer": ("answer", "response", "text", "output", "content"),
    "engine": ("engine", "platform", "assistant", "provider", "model"),
    "repeat": ("repeat", "repeat_no", "run", "sample"),
    "sources": ("sources", "citations", "urls"),
    "model": ("served_model", "model"),
    "kind": ("kind",),
    "simulated": ("simulated",),
}
REQUIRED = ("prompt", "answer")
#: the engine of rows that do not say who answered
UNNAMED = "unnamed"
#: a file wrong in every line is described by its first ones
MOST_FAULTS = 20
#: what tables.py holds
_MOST_NAME_CHARS = 200

Place = tuple[int, str, int]


@dataclass(frozen=True)
class Imported:
    """A plan whose places have these answers; ``columns`` says which column of the file was taken for what."""

    plan: Plan
    answers: Mapping[Place, Answer]
    columns: Mapping[str, str]


def decode(body: bytes) -> tuple[str, str]:
    """The text of a file and the encoding it was in: UTF-8, or GB18030 as Chinese spreadsheets write it."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise BadRequest([Fault("", "the file is neither UTF-8 nor GB18030 text")], "The file cannot be imported")


def read_rows(text: str, *, is_csv: bool) -> list[dict[str, Any]]:
    """The rows of a JSONL or CSV file. BadRequest names the lines that are none."""
    if is_csv:
        # the limit is the module's own and meant against binary files; an answer may be longer than its 128 kB
        csv.field_size_limit(max(len(text), csv.field_size_limit()))
        try:
            rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise BadRequest([Fault("", f"is not CSV: {error}")], "The file cannot be imported") from error
        ragged = [number for number, row in enumerate(rows, 2) if None in row]
        _refuse([Fault(f"row {number}", "has more fields than the header") for number in ragged])
        return rows
    rows, faults = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            faults.append(Fault(f"line {number}", f"is not JSON: {error}"))
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            faults.append(Fault(f"line {number}", "expected a JSON object"))
    _refuse(faults)
    return rows


def _refuse(faults: Sequence[Fault]) -> None:
    if not faults:
        return
    shown = list(faults[:MOST_FAULTS])
    if len(faults) > MOST_FAULTS:
        shown.append(Fault("", f"and {len(faults) - MOST_FAULTS} more"))
    raise BadRequest(shown, "The file cannot be imported")


def choose_columns(rows: Sequence[Mapping[str, Any]], mapping: Mapping[str, str]) -> dict[str, str]:
    """Which column holds what. BadRequest lists what is not there."""
    there = {column for row in rows for column in row}
    faults = [
        Fault("--map", f"{field!r} is none of {', '.join(KNOWN_COLUMNS)}")
        for field in mapping
        if field not in KNOWN_COLUMNS
    ]
    faults += [
        Fault("--map", f"the file has no column {column!r}; it has {', '.join(sorted(map(str, there)))}")
        for field, column in mapping.items()
        if field in KNOWN_COLUMNS and column not in there
    ]
    columns = dict(mapping)
    for field, candidates in KNOWN_COLUMNS.items():
        found = next((column for column in candidates if column in there), None)
        if field not in columns and found is not None:
            columns[field] = found
        if field in REQUIRED and field not in columns:
            there_are = ", ".join(sorted(map(str, there)))
            faults.append(Fault("", f"no column for {field}; name it with --map {field}=COLUMN, of {there_are}"))
    _refuse(faults)
    if "model" not in mapping and columns.get("model") == columns.get("engine"):
        # one column cannot say both whom somebody asked and what answered
        columns.pop("model", None)
    return columns


def import_rows(
    rows: Sequence[Mapping[str, Any]],
    brands: Sequence[Brand],
    *,
    mapping: Mapping[str, str],
    meant: Callable[[str], str],
    label: str | None,
    max_samples: int,
) -> Imported:
    """The plan and the answers of these rows. BadRequest lists every fault.

    Spellings for which ``meant`` gives the same name, such as 豆包 and doubao, are one engine, called as the file first
    calls it: what somebody copied from an assistant's page is not what the engine of that name says here. A row's
    repeat is its number among the rows of its prompt and engine, unless the file gives whole numbers of its own that do
    not clash.
    """
    if not rows:
        raise BadRequest([Fault("", "the file holds no rows")], "The file cannot be imported")
    if len(rows) > max_samples:
        raise BadRequest(
            [Fault("", f"the file holds {len(rows)} rows; this service takes at most {max_samples} in one execution")],
            "The file cannot be imported",
        )
    columns = choose_columns(rows, mapping)
    prompts: dict[str, int] = {}
    names: dict[str, str] = {}
    engines: dict[str, EngineRef] = {}
    answers: dict[Place, Answer] = {}
    faults: list[Fault] = []
    for number, row in enumerate(rows, 1):
        prompt, text = row.get(columns["prompt"]), row.get(columns["answer"])
        if not isinstance(prompt, str) or not prompt.strip():
            faults.append(Fault(f"row {number}", f"{columns['prompt']} is not a text"))
            continue
        if text is not None and not isinstance(text, str):
            faults.append(Fault(f"row {number}", f"{columns['answer']} is not a text"))
            continue
        model = _text(row, columns.get("model"))
        written = _text(row, columns.get("engine")) or UNNAMED
        name = names.setdefault(meant(written), written)
        if max(len(name), len(model or "")) > _MOST_NAME_CHARS:
            faults.append(Fault(f"row {number}", f"the name of its engine has over {_MOST_NAME_CHARS} characters"))
            continue
        simulated = str(row.get(columns.get("simulated", ""))).casefold() == "true"
        if name not in engines or simulated:
            # one invented answer makes an engine's numbers worthless, so the mark sticks
            engines[name] = EngineRef(name, "import", model or name, simulated=simulated, imported=True)
        prompt_no = prompts.setdefault(prompt, len(prompts) + 1)
        repeat_no = _free_repeat(_whole(row.get(columns.get("repeat", ""))), prompt_no, name, answers)
        answers[(prompt_no, name, repeat_no)] = _answer(
            text or "", row.get(columns.get("kind", "")), model, row.get(columns.get("sources", ""))
        )
    _refuse(faults)
    repeats = max(repeat_no for _, _, repeat_no in answers)
    plan = Plan(tuple(brands), tuple(prompts), tuple(engines.values()), repeats, label=label)
    return Imported(plan, answers, columns)


def _text(row: Mapping[str, Any], column: str | None) -> str | None:
    found = row.get(column) if column else None
    return found.strip() or None if isinstance(found, str) else None


def _whole(found: object) -> int | None:
    """A repeat as files write it: 3, "3", or "chatgpt_run_3"."""
    if isinstance(found, str):
        digits = found.strip().rpartition("_")[2]
        found = int(digits) if digits.isdecimal() and len(digits) < 6 else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 1 <= found < 100_000 else None


def _free_repeat(given: int | None, prompt_no: int, engine: str, taken: Mapping[Place, Answer]) -> int:
    repeat_no = given or 1
    while (prompt_no, engine, repeat_no) in taken:
        repeat_no += 1
    return repeat_no


def _answer(text: str, said: object, model: str | None, sources: object) -> Answer:
    """The answer, of the kind that the file says in our words; another word for it, or none, leaves it to the text."""
    kind = AnswerKind.OK if text.strip() else AnswerKind.EMPTY
    if isinstance(said, str) and said in set(AnswerKind):
        kind = AnswerKind(said)
    return Answer(text, kind, served_model=model, citations=tuple(_citations(sources)), cost_basis="imported")


def _citations(sources: object) -> Iterable[Citation]:
    """Sources as files give them: URLs, objects with url and title, or one text with a URL per line."""
    if isinstance(sources, str):
        sources = sources.split()
    for source in sources if isinstance(sources, list) else ():
        url = source.get("url") or source.get("link") if isinstance(source, dict) else source
        title = source.get("title") if isinstance(source, dict) else None
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            yield Citation(url, title if isinstance(title, str) else None, cited=None, via="import")
