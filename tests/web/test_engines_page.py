"""The engines: which can be asked, how each fares, what it cost; and nobody is asked for it."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from brandq import store
from brandq.actors.desk import Desk
from brandq.plan import Brand, EngineRef, Plan
from brandq.tables import attempts
from tests.store.samples_at_hand import answered as with_answer
from tests.store.samples_at_hand import claim, ids, plan, settle
from tests.web.site import ContractClient, add_key, open_desk
from tests.web.test_comparison_page import words_of


def card(page: str, name: str) -> str:
    """What the page says of one engine."""
    return words_of(re.split(r"</li>|</tr>", page.split(f'id="engine-{name}"')[1])[0])


def test_each_engine_stands_where_it_belongs(sqlite_url: str, tmp_path: Path) -> None:
    """Given one engine with a key and no simulator, then it is asked for real, and of the others it is said what to set."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_SIMULATE="off", ARK_API_KEY="sk-ark-secret")
    page = ContractClient(desk).get("/engines").text
    asked, missing = page.split('id="missing"')
    assert 'id="engine-doubao"' in asked
    assert 'id="engine-gemini"' in missing
    told = card(page, "doubao")
    listed = next(one for one in desk.registry.listing() if one.name == "doubao")
    for words in (
        listed.title,
        "豆包",
        str(listed.model),
        "present ARK_API_KEY",
        "Not asked yet",
        "per million tokens",
    ):
        assert words in told
    assert "GEMINI_API_KEY / GOOGLE_API_KEY" in card(page, "gemini")
    assert "sk-ark-secret" not in page
    assert 'id="simulated"' not in page
    desk.close()


def test_the_simulated_are_marked_and_say_what_to_set(small: ContractClient) -> None:
    """Given no key and the simulator, then every engine with a key stands under it, marked, with the variable of its key."""
    page = small.get("/engines").text
    asked, simulated = page.split('<section id="simulated">')
    assert "doubao" not in asked
    assert 'id="engine-doubao"' in simulated
    assert "SIMULATED" in card(page, "doubao")
    assert "set ARK_API_KEY" in card(page, "doubao")
    assert "SIMULATED" not in card(page, "local")


def test_a_paused_engine_says_why_and_what_helps(desk: Desk, client: ContractClient) -> None:
    """Given an engine without money, one model that is not there, and one that is slowed, then each says so in words, with what it
    said itself, until when, and the command that finds out."""
    now = desk.now()
    with desk.database.begin() as db:
        for scope, reason, message in (
            ("doubao?simulated", "no_money", "<b>pay</b>"),
            ("qwen/qwen-x?simulated", "model", "no such model"),
        ):
            store.open_engine(db, scope, reason=reason, message=message, wait=None, settings="s", now=now)
        store.slow_engine(db, "kimi?simulated", gap_us=1_000_000, wait=None, now=now)
        store.note_success(db, "zhipu?simulated", latency_ms=1234, gap_us=0, settings="s", now=now)
    page = client.get("/engines").text
    assert "&lt;b&gt;pay&lt;/b&gt;" in page
    told = card(page, "doubao")
    for words in (
        "Paused",
        "the account has no money left",
        "Top up the account.",
        "<b>pay</b>",
        "brandq probe doubao",
    ):
        assert words in told
    told = card(page, "qwen")
    assert "Its model qwen-x is paused: there is no such model for this account." in told
    assert "Slowed to 30 a minute" in card(page, "kimi")
    assert "after 1.2 s" in card(page, "zhipu")
    assert "Answering" in card(page, "zhipu")
    assert "2 engines are paused:" in words_of(page.split('id="paused"')[1].split("</p>")[0])


def test_it_says_what_the_owners_own_answers_cost(database_url: str, tmp_path: Path) -> None:
    """Given paid answers of two owners to two variants of one engine, then each owner sees its own sum with its n, and how many are
    of unknown cost, which count as no 0."""
    desk = open_desk(database_url, tmp_path, ARK_API_KEY="sk-ark")
    now = desk.now()
    paid = with_answer(cost=Decimal("0.0125"), currency="CNY")
    for owner, engine, outcome in (
        ("ann", "doubao", paid),
        ("ann", "doubao?search=off", paid),
        ("ann", "doubao", with_answer()),
        ("bob", "doubao", with_answer(cost=Decimal(99), currency="CNY")),
    ):
        asked = Plan((Brand("a"),), ("b?",), (EngineRef(engine, "doubao", "m"),))
        execution_id = plan(desk.database, plan=asked, owner=owner, now=now)
        settle(
            desk.database,
            claim(desk.database, ids(desk.database, execution_id), now=now),
            outcome,
            now,
            simulated=False,
        )
    ann, carol = (ContractClient(desk, key=add_key(desk, owner, "read")) for owner in ("ann", "carol"))
    told = card(ann.get("/engines").text, "doubao")
    assert "CN¥0.025 2 answers" in told
    assert "1 answer of unknown cost" in told
    assert "doubao?search=off" in told
    assert "99" not in told
    assert "nothing" in card(carol.get("/engines").text, "doubao")
    desk.close()


def test_looking_asks_nobody(desk: Desk, client: ContractClient) -> None:
    """Given an engine whose pause is over, when the page is looked at, then no call is made or counted, and no state changes."""
    past = desk.now() - timedelta(hours=2)
    with desk.database.begin() as db:
        store.open_engine(db, "doubao?simulated", reason="auth", message="no", wait=None, settings="s", now=past)
        before = store.engine_states(db)
    assert "The next call finds out." in card(client.get("/engines").text, "doubao")
    with desk.database.read() as db:
        assert store.engine_states(db) == before
        assert db.execute(sa.select(sa.func.count()).select_from(attempts)).scalar_one() == 0
