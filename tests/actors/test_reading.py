"""Reading again: what another method read, and no more than that, page by page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from brandq import store
from brandq.actors.reading import facts_by_this_method
from brandq.analysis.findings import Findings
from brandq.analysis.method import method_version
from tests.actors.installed import installed
from tests.store.samples_at_hand import PLAN, answered, claim, ids, plan, settle


@pytest.mark.parametrize("stale", [0, 1, 205])
def test_only_what_another_method_read_is_read_again(tmp_path: Path, sqlite_url: str, stale: int) -> None:
    """Given 208 answers of which none, one, or more than a page was read by another method, when the facts are wanted,
    twice, then those alone were read again, all facts are by this method, and what this one found is as it was."""
    method = method_version(PLAN.brands)
    with installed(tmp_path, sqlite_url, "embedded") as place:
        database = place.desk.database
        execution_id = plan(database, plan=replace(PLAN, repeats=52))
        sample_ids = ids(database, execution_id)
        settle(database, claim(database, sample_ids), answered())
        with database.begin() as db:
            # this method would find a brand, so what has none was not read again
            store.record_findings(db, dict.fromkeys(sample_ids, Findings(())), method_version=method)
            store.replace_findings(db, dict.fromkeys(sample_ids[:stale], Findings(())), method_version="another")
        facts = facts_by_this_method(place.desk, execution_id)
        for samples in (list(facts.samples), list(facts.samples)):
            assert {sample.method_version for sample in samples} == {method}
            assert sorted(sample.sample_id for sample in samples if sample.brands) == sample_ids[:stale]
            assert len(samples) == len(sample_ids) == 208
