"""How plans come in: each with prompts of its own, so that the calls which the simulator counted are known to be its."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from brandq.states import EXECUTION_FINAL
from brandq.tables import executions, samples
from tests.walk.site import Site, call

#: what a row asks by default; calls are cut short only where a test says so
_ROW = """
[engines.{name}]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "{model}"
concurrency = 64
total_s = 60
"""
QUICK, STEADY, PACED = "gpt-quick", "gpt-steady", "gpt-paced"
#: seconds between two calls of `paced`: long enough to see what is claimed and not called yet
PACED_PER_MINUTE = 20


def engines_file(url: str) -> str:
    """The rows ``quick`` and ``steady``, and ``paced``, which may be asked every three seconds."""
    rows = {"quick": QUICK, "steady": STEADY, "paced": PACED}
    told = "".join(_ROW.format(name=name, url=url, model=model) for name, model in rows.items())
    return f"{told}requests_per_minute = {PACED_PER_MINUTE}\n"


@dataclass
class Submitted:
    """Executions that were accepted, and the prompts that nobody else asks."""

    ids: list[str]
    prompts: list[str]
    planned: int


@dataclass
class Door:
    """An installation, and the address of its web."""

    site: Site
    url: str
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def submit(
        self, times: int = 2, *, prompts: int = 2, headers: dict[str, str] | None = None, **plan: Any
    ) -> Submitted:
        """Post so many plans, by default of 2 prompts × 2 engines each."""
        accepted = Submitted([], [], 0)
        for _ in range(times):
            asked = [f"深圳哪家改装门店最好？（{next(self._numbers)}）" for _ in range(prompts)]
            body = {"brands": ["趣车良品", "竞品 1"], "prompts": asked, "engines": ["quick", "steady"], **plan}
            reply = call("POST", f"{self.url}/api/executions", body, headers)
            assert reply.status == 202, reply.body
            accepted.ids.append(reply.body["execution_id"])
            accepted.prompts += asked
            accepted.planned += reply.body["planned"]
        return accepted

    def states(self, submitted: Submitted) -> dict[str, int]:
        """Samples by state."""
        theirs = samples.c.execution_id.in_(submitted.ids)
        counted = sa.select(samples.c.state, sa.func.count().label("n")).where(theirs).group_by(samples.c.state)
        with self.site.database.read() as db:
            return {row.state: row.n for row in db.execute(counted)}

    def statuses(self, submitted: Submitted) -> set[str]:
        theirs = executions.c.execution_id.in_(submitted.ids)
        with self.site.database.read() as db:
            return set(db.execute(sa.select(executions.c.status).where(theirs)).scalars())

    def calls(self, submitted: Submitted) -> int:
        return self.site.calls(submitted.prompts)

    def cancel_open(self) -> None:
        with self.site.database.read() as db:
            still_open = sa.select(executions.c.execution_id).where(executions.c.status.not_in(EXECUTION_FINAL))
            ids = list(db.execute(still_open).scalars())
        for execution_id in ids:
            call("POST", f"{self.url}/api/executions/{execution_id}/cancel")
