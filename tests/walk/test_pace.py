"""Two worker processes share one pace: measured where the calls arrive."""

from __future__ import annotations

from pathlib import Path

from tests.waiting import wait_until
from tests.walk.site import call, plan, site

#: a provider that takes this many requests in any sixty seconds, and answers 429 to the others
PER_MINUTE = 240
#: of these seconds; two workers that kept a pace of their own each would make twice as many calls as are allowed
MEASURED_S = 20
ROW = """
[engines.limited]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "gpt-limited"
requests_per_minute = {per_minute}
"""


def measure(folder: Path, database_url: str, broker_url: str, per_minute: int, seconds: int) -> tuple[float, int]:
    """Requests per minute that two workers made in these seconds, and how many of them were told "too many"."""
    engines = folder / "engines.toml"
    environment = {"BRANDQ_ENGINES_FILE": str(engines), "BRANDQ_SIMULATE": "off", "BRANDQ_LOST_AFTER_SECONDS": "30"}
    with site(folder, database_url, broker_url, **environment) as installation:
        simulator = installation.simulator.url
        engines.write_text(ROW.format(url=simulator, per_minute=per_minute), encoding="utf-8")
        call("POST", f"{simulator}/limits", {"model": "gpt-limited", "requests_per_minute": per_minute})
        url = installation.web()
        for _ in range(2):
            installation.worker("fetch")
        prompts = [f"哪家门店好 {number}？" for number in range(20)]
        submitted = call("POST", f"{url}/api/executions", plan(engines=["limited"], prompts=prompts, repeats=20))
        assert submitted.status == 202, submitted.body

        def started() -> list[float]:
            return sorted(call("GET", f"{simulator}/calls").body["started_at"].get("gpt-limited", []))

        first = wait_until(started, 20, "the first call")[0]
        times = wait_until(
            lambda: found if (found := started())[-1] - first >= seconds else None, seconds + 30, "the calls", every_s=1
        )
        within = [at for at in times if at - first < seconds]
        told = sum(one["broken"] for one in call("GET", f"{simulator}/calls").body["calls"])
        return len(within) * 60 / seconds, told


def test_two_workers_keep_the_pace_of_one_engine(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> None:
    """Given a provider that allows 240 requests a minute, when two workers ask it, then together they make no more, and
    not much less, and none is told "too many"."""
    rate, told = measure(tmp_path, postgres_url, rabbitmq_url, PER_MINUTE, MEASURED_S)
    assert told == 0
    assert 0.9 * PER_MINUTE <= rate <= PER_MINUTE
