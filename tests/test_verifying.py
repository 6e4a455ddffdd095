"""Stored answers are altered behind brandq's back, one way at a time: each is found and named. Reports are built again."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.actors.reading import facts_by_this_method, findings_in
from brandq.analysis.method import method_version
from brandq.errors import BadRequest, NotFound
from brandq.recomputing import recompute
from brandq.reports import publication
from brandq.store.chains import content_digest
from brandq.tables import answers, chains, executions, readings, reports, samples
from brandq.verifying import Verified, verify
from tests.actors.installed import Installed, installed
from tests.store.samples_at_hand import answered, claim, settle
from tests.walk.test_embedded import brandq


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Installed]:
    with installed(tmp_path, database_url, "embedded", latency_ms=0) as found:
        yield found


def asked(place: Installed, **fields: Any) -> str:
    """An ended execution of four answers."""
    execution_id = place.submit(**{"prompts": ["深圳改装门店哪家好？", "Which one is best?"], "repeats": 2, **fields})
    place.ended(execution_id)
    return execution_id


def checked(place: Installed, execution_id: str) -> Verified:
    return verify(place.desk.database, execution_id)


def in_chain(place: Installed, execution_id: str) -> list[store.Link]:
    with place.desk.database.read() as db:
        return list(store.links_of(db, execution_id))


def named(link: store.Link) -> str:
    return f"sample {link.sample_id} (prompt {link.prompt_no}, {link.engine}, repeat {link.repeat_no})"


def change(place: Installed, sample_id: int, **values: Any) -> None:
    with place.desk.database.begin() as db:
        db.execute(sa.update(answers).where(answers.c.sample_id == sample_id).values(**values))


def test_what_nobody_altered_is_intact(place: Installed) -> None:
    """Given executions that ended well, in part, and not at all, when they are verified, then nothing is found, and the line
    names answers, head and report."""
    whole = checked(place, asked(place))
    assert whole.holds, whole.faults
    assert whole.words == (f"4 answers, chain intact, head {whole.head}; report v1 digest {whole.reports[0][1]}")
    assert re.fullmatch("[0-9a-f]{64}", str(whole.head))
    part = checked(place, asked(place, engines=["sim", "broken-401"]))
    assert (part.answers, part.faults) == (4, ())
    none = checked(place, asked(place, engines=["broken-401"]))
    assert (none.answers, none.head, none.faults) == (0, None, ())
    waiting = place.accept(place.plan())
    assert checked(place, waiting).words == "0 answers in a chain; no report yet"
    with pytest.raises(NotFound):
        checked(place, "0" * 36)


#: another value for each column than any answer has here
OTHER: dict[str, dict[str, Any]] = {
    "text": {"text": "竞品 1 is better"},
    "kind": {"kind": "truncated"},
    "finish": {"finish": "other"},
    "served_model": {"served_model": "another"},
    "search_requested": {"search_requested": True},
    "search_executed": {"search_executed": True},
    "sources": {"sources": [{"url": "https://bought.example", "title": None, "cited": True, "via": "x"}]},
    "tokens_in": {"tokens_in": 99_999},
    "tokens_out": {"tokens_out": 99_999},
    "cost": {"cost": Decimal("0.01"), "currency": "USD"},
    "currency": {"cost": Decimal("0.01"), "currency": "CNY"},
    "cost_basis": {"cost_basis": "invented"},
    "latency_ms": {"latency_ms": 99_999},
    "asked_at": {"asked_at": None},
    "http_status": {"http_status": 299},
    "request": {"request": {"model": "another"}},
    "raw": {"raw": b"not packed"},
    "content_digest": {"content_digest": "0" * 64},
    "digest": {"digest": "0" * 64},
    "chain_no": {"chain_no": 7},
    "simulated": {"simulated": True},
    "imported": {"imported": True},
    "taken_from": {"taken_from": 1},
}


def test_every_column_of_an_answer_is_covered(place: Installed) -> None:
    """Given one answer of an execution, when any one column of it is altered, then that is found and the sample is named;
    when it is as it was, nothing is found."""
    execution_id = asked(place)
    link = in_chain(place, execution_id)[1]
    with place.desk.database.read() as db:
        before = dict(db.execute(sa.select(answers).where(answers.c.sample_id == link.sample_id)).one()._mapping)
    alterations = {**OTHER, "answered_at": {"answered_at": before["answered_at"].replace(year=2020)}}
    assert set(alterations) == {column.name for column in answers.c} - {"sample_id"}
    for column, values in alterations.items():
        change(place, link.sample_id, **values)
        found = checked(place, execution_id)
        assert found.faults, column
        assert "1 fault" in found.words or "faults" in found.words
        words = " ".join(found.faults)
        if column == "chain_no":
            assert "number 2 is missing" in words
        else:
            assert named(link) in words, (column, found.faults)
            # only the altered one is blamed
            assert {one for one in in_chain(place, execution_id) if named(one) in words} == {
                one for one in in_chain(place, execution_id) if one.sample_id == link.sample_id
            }, (column, found.faults)
        change(place, **before)
        assert checked(place, execution_id).holds


def forge(place: Installed, link: store.Link) -> None:
    """Alter an answer and make its own digests anew, as one can who knows how."""
    change(place, link.sample_id, text="竞品 1 is better")
    with place.desk.database.begin() as db:
        row = db.execute(sa.select(answers).where(answers.c.sample_id == link.sample_id)).one()
        content = content_digest(dict(row._mapping), zlib.decompress(row.raw))
    before = in_chain(place, link.execution_id)[link.chain_no - 2]
    digest = replace(link, content_digest=content).digest_after(before.digest)
    change(place, link.sample_id, content_digest=content, digest=digest)


def delete(place: Installed, link: store.Link) -> None:
    with place.desk.database.begin() as db:
        db.execute(sa.delete(answers).where(answers.c.sample_id == link.sample_id))


def swap(place: Installed, link: store.Link) -> None:
    other = in_chain(place, link.execution_id)[2]
    with place.desk.database.begin() as db:
        both = {
            row.sample_id: dict(row._mapping)
            for row in db.execute(sa.select(answers).where(answers.c.sample_id.in_([link.sample_id, other.sample_id])))
        }
        for mine, theirs in ((link.sample_id, other.sample_id), (other.sample_id, link.sample_id)):
            values = {**both[theirs], "sample_id": mine}
            db.execute(sa.update(answers).where(answers.c.sample_id == mine).values(**values))


def append(place: Installed, link: store.Link, **own: Any) -> None:
    """Put a forged answer behind the last one, at a sample that failed."""
    with place.desk.database.begin() as db:
        row = db.execute(sa.select(answers).where(answers.c.sample_id == link.sample_id)).one()
        failed = db.execute(
            sa.select(samples.c.sample_id).where(
                samples.c.execution_id == link.execution_id, samples.c.state == "failed"
            )
        ).scalars()
        db.execute(sa.insert(answers).values({**row._mapping, "sample_id": next(iter(failed)), "chain_no": 5, **own}))


def shorten(place: Installed, link: store.Link) -> None:
    """Remove the last answer and the sample with it, as if it had never been planned."""
    last = in_chain(place, link.execution_id)[-1]
    with place.desk.database.begin() as db:
        db.execute(sa.delete(samples).where(samples.c.sample_id == last.sample_id))


def rewrite(place: Installed, link: store.Link) -> None:
    """Put another rate into the report."""
    with place.desk.database.begin() as db:
        mine = reports.c.execution_id == link.execution_id
        document = json.loads(json.dumps(db.execute(sa.select(reports.c.document).where(mine)).scalar_one()))
        document["brands"][0]["overall"]["mention_rate"]["value"] = 0.99
        db.execute(sa.update(reports).where(mine).values(document=document))


def alter(table: sa.Table, **values: Any) -> Callable[[Installed, store.Link], None]:
    def altering(place: Installed, link: store.Link) -> None:
        with place.desk.database.begin() as db:
            db.execute(sa.update(table).where(table.c.execution_id == link.execution_id).values(**values))

    return altering


def remove(table: sa.Table) -> Callable[[Installed, store.Link], None]:
    def removing(place: Installed, link: store.Link) -> None:
        with place.desk.database.begin() as db:
            db.execute(sa.delete(table).where(table.c.execution_id == link.execution_id))

    return removing


def state(place: Installed, link: store.Link) -> None:
    with place.desk.database.begin() as db:
        mine = samples.c.sample_id == link.sample_id
        db.execute(sa.update(samples).where(mine).values(state="failed", error_code="network"))


#: what is done to an execution of four answers and four failures, and what must be said then
ALTERATIONS: dict[str, tuple[Callable[[Installed, store.Link], None], tuple[str, ...]]] = {
    "one altered with digests made anew": (forge, ("does not follow",)),
    "one deleted": (delete, ("number 2 is missing from the chain", "has no answer: it was removed")),
    "two swapped": (swap, ("does not follow",)),
    "one appended": (append, ("numbers up to 5", "is failed and has an answer")),
    "one appended under a number that is taken": (
        lambda place, link: append(place, link, chain_no=2),
        ("has number 2 in the chain, as another answer has",),
    ),
    "one appended outside the chain": (
        lambda place, link: append(place, link, chain_no=None, content_digest=None),
        ("is failed and has an answer",),
    ),
    "the last one and its sample deleted": (shorten, ("number 4 is missing", "8 samples were planned and 7 are there")),
    "the head altered": (alter(chains, head="0" * 64), ("the chain's head is 000",)),
    "the length altered": (alter(chains, length=3), ("the chain is 3 long",)),
    "the head removed": (remove(chains), ("the row with length and head of their chain was removed",)),
    "the plan altered": (alter(executions, plan={"prompts": []}), ("prompts, engines or repeats were changed",)),
    "the state altered": (state, ("is failed and has an answer",)),
    "a number of the report altered": (rewrite, ("report v1: its document has the digest",)),
    "the report's digest altered": (alter(reports, digest="0" * 64), ("the one stored with it is 000",)),
    "the report's method altered": (alter(reports, method_version="x"), ("has method_version",)),
    "the report removed": (remove(reports), ("has no report: it was removed",)),
}


def test_whatever_is_altered_is_found(place: Installed) -> None:
    """Given ended executions, when each is altered in another way, then each alteration is found, in words, and the
    executions beside it are intact."""
    ids = {name: place.submit(prompts=["a?", "b?"], repeats=2, engines=["sim", "broken-401"]) for name in ALTERATIONS}
    untouched = asked(place)
    for execution_id in ids.values():
        place.ended(execution_id)
    for name, (altering, _) in ALTERATIONS.items():
        altering(place, in_chain(place, ids[name])[1])
    for name, (_, words) in ALTERATIONS.items():
        found = checked(place, ids[name])
        assert not found.holds, name
        for word in words:
            assert any(word in fault for fault in found.faults), (name, word, found.faults)
        assert len(found.faults) <= 5, (name, found.faults)
        assert "what is stored is not what was stored" in found.words, name
    assert checked(place, untouched).holds


def test_a_chain_cannot_be_taken_to_another_execution(place: Installed) -> None:
    """Given two executions, when one gets the answers, the numbers and the head of the other, then that is found."""
    first, second = asked(place), asked(place)
    pairs = list(zip(in_chain(place, first), in_chain(place, second), strict=True))
    with place.desk.database.begin() as db:
        head = db.execute(sa.select(chains.c.head).where(chains.c.execution_id == first)).scalar_one()
        for mine, theirs in pairs:
            row = db.execute(sa.select(answers).where(answers.c.sample_id == mine.sample_id)).one()
            values = {**row._mapping, "sample_id": theirs.sample_id}
            db.execute(sa.update(answers).where(answers.c.sample_id == theirs.sample_id).values(**values))
        db.execute(sa.update(chains).where(chains.c.execution_id == second).values(head=head))
    assert len([fault for fault in checked(place, second).faults if "does not follow" in fault]) == 4


# -- recomputed


def cancelled(place: Installed) -> str:
    """An execution that was cancelled after its first answer, with the report that was asked for then."""
    desk = place.desk
    execution_id = place.accept(place.plan(repeats=2))
    claims = claim(desk.database, [place.rows(execution_id)[0].sample_id], now=desk.now())
    assert settle(desk.database, claims, answered("趣车良品口碑好"), now=desk.now()) == [True]
    with desk.database.begin() as db:
        found = store.cancel_execution(db, execution_id, owner="ann", now=desk.now())
        read = findings_in(found.plan, store.all_answers(db, execution_id))
        store.record_findings(db, read, method_version=method_version(found.plan.brands))
    made = publication(facts_by_this_method(desk, execution_id), built_at=desk.now())
    with desk.database.begin() as db:
        store.keep_report(db, execution_id, made, now=datetime.fromisoformat(made.document["times"]["built_at"]))
    return execution_id


def test_a_report_is_recomputed_to_the_byte(place: Installed) -> None:
    """Given reports over whole, partial, failed and cancelled executions, and over answers taken over, when they are built
    again from the stored answers, then each is the same document, and stored findings play no part in it."""
    part = asked(place, engines=["sim", "broken-401"], label="half")
    failed, reusing = asked(place, engines=["broken-401"]), asked(place, reuse_within_hours=1)
    for execution_id in (asked(place), part, failed, reusing, cancelled(place)):
        with place.desk.database.read() as db:
            kept = store.kept_report(db, execution_id)
        recomputed = recompute(place.desk.database, execution_id)
        assert recomputed.faults == ()
        assert recomputed.document == kept.document
        assert recomputed.digest == kept.digest
        assert f"identical, digest {kept.digest}" in recomputed.words
    with place.desk.database.begin() as db:
        db.execute(sa.update(readings).values(answer_type="refusal"))
    assert recompute(place.desk.database, part).faults == ()


def test_an_altered_answer_makes_another_report(place: Installed) -> None:
    """Given one answer whose text was altered, when the report is built again, then it is another one, and the first places
    that differ are told with both values."""
    execution_id = asked(place)
    for link in in_chain(place, execution_id):
        change(place, link.sample_id, text="没有品牌。")
    recomputed = recompute(place.desk.database, execution_id)
    assert "another document" in recomputed.words
    assert 2 <= len(recomputed.faults) <= 11
    assert recomputed.faults[0].startswith("/")
    assert all("published" in fault and "recomputed" in fault for fault in recomputed.faults[:-1])
    assert recomputed.faults[-1].startswith("and ")


def test_a_report_that_was_altered_is_not_the_recomputed_one(place: Installed) -> None:
    """Given a report one number of which was altered, then just that place is told."""
    execution_id = asked(place)
    rewrite(place, in_chain(place, execution_id)[0])
    (fault,) = recompute(place.desk.database, execution_id).faults
    assert fault.startswith("/brands/0/overall/mention_rate/value: published 0.99, recomputed ")
    other = asked(place)
    alter(reports, digest="0" * 64)(place, in_chain(place, other)[0])
    (fault,) = recompute(place.desk.database, other).faults
    assert "the documents are the same, but the digest stored with the report is 000" in fault


def test_what_cannot_be_recomputed_is_told(place: Installed) -> None:
    """Given a version by another method, of another shape, or by a judge, then it says so and what to do; and without a
    report there is nothing to compare with."""
    database = place.desk.database

    def why(**document: Any) -> str:
        execution_id = asked(place)
        with database.begin() as db:
            mine = reports.c.execution_id == execution_id
            kept = dict(db.execute(sa.select(reports.c.document).where(mine)).scalar_one())
            method = document.get("method_version", kept["method_version"])
            db.execute(sa.update(reports).where(mine).values(document={**kept, **document}, method_version=method))
        recomputed = recompute(database, execution_id)
        assert recomputed.document is None
        assert "cannot be recomputed" in recomputed.words
        return " ".join(recomputed.faults)

    assert "was made by method an older one" in why(method_version="an older one")
    assert "has the shape 1" in why(report_version=1)
    assert "was judged by kimi" in why(judge={"engine": "kimi"})
    with pytest.raises(BadRequest, match="no report yet"):
        recompute(database, place.accept(place.plan()))
    with pytest.raises(BadRequest, match="no report version 7"):
        recompute(database, asked(place), 7)
    with pytest.raises(NotFound):
        recompute(database, "0" * 36)


# -- the commands


def test_on_the_command_line(tmp_path: Path) -> None:
    """Given an imported execution, then verify and recompute say in a line that all is as it was, with 0; when one text is
    altered, both end with 1 and name it; a second version is verified and recomputed beside the first."""
    lines = [
        json.dumps({"prompt": "厨柜哪家好？", "engine": "doubao", "answer": text}) for text in ("欧派口碑好", "志邦")
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    shown = brandq(tmp_path, "import", "a.jsonl", "--brand", "欧派", "--brand", "志邦")
    assert shown.returncode == 0, shown.stderr
    found = re.search(r"execution ([0-9a-f-]{36})", shown.stdout)
    assert found
    execution_id = found[1]
    assert brandq(tmp_path, "analyze", execution_id).returncode == 0
    shown = brandq(tmp_path, "verify", execution_id)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.fullmatch(
        r"2 answers, chain intact, head [0-9a-f]{64}; report v1 digest [0-9a-f]{64}; report v2 digest [0-9a-f]{64}\n",
        shown.stdout,
    )
    for version in (("--version", "1"), ()):
        shown = brandq(tmp_path, "recompute", execution_id, *version, "--out", "again.json")
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert "recomputed from 2 stored answers: identical, digest" in shown.stdout
        published = brandq(tmp_path, "report", execution_id, *version, "--format", "json").stdout
        assert (tmp_path / "again.json").read_text(encoding="utf-8") == published
    with sqlite3.connect(tmp_path / "data/brandq.db") as database:
        database.execute("UPDATE answers SET text = '志邦' WHERE chain_no = 1")
    shown = brandq(tmp_path, "verify", execution_id)
    assert shown.returncode == 1
    assert "2 answers, 1 fault" in shown.stdout
    assert "(prompt 1, doubao, repeat 1): its answer has another content digest" in shown.stdout
    shown = brandq(tmp_path, "recompute", execution_id)
    assert shown.returncode == 1
    assert "/brands/0/engines/0/average_position/value: published 1.0, recomputed null" in shown.stdout
    with sqlite3.connect(tmp_path / "data/brandq.db") as database:
        database.execute("UPDATE answers SET sources = '{' WHERE chain_no = 1")
    for command in ("verify", "recompute"):
        shown = brandq(tmp_path, command, execution_id)
        assert (shown.returncode, shown.stderr) == (1, "")
        assert "cannot be read" in shown.stdout
    with sqlite3.connect(tmp_path / "data/brandq.db") as database:
        database.execute("UPDATE answers SET content_digest = NULL, chain_no = NULL")
        database.execute("DELETE FROM chains")
    shown = brandq(tmp_path, "verify", execution_id)
    assert shown.returncode == 1
    assert shown.stdout.count("not covered: sample") == 2
    assert brandq(tmp_path, "verify", "nobody").returncode == 2
