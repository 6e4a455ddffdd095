"""Who may call, what is theirs, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from starlette.requests import Request

from brandq import store
from brandq.actors.desk import Desk
from brandq.settings import read_settings
from brandq.web.access import client_address
from tests.web.site import PLAN, SECRET, ContractClient, add_key, failed, finish, sample_ids, submit

SUBMISSION = {"brand_list": ["a"], "selectedModels": ["doubao"], "customQuestions": ["b?"]}


class ClockedDesk(Desk):
    """A desk whose clock the test moves."""

    offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset


@pytest.fixture
def clocked_desk(desk: Desk) -> Iterator[ClockedDesk]:
    """The clock is one of the fakes that tests may have."""
    other = ClockedDesk(desk.settings, role="test")
    yield other
    other.close()


# -- without a key


def test_this_machine_needs_no_key_until_there_is_one(desk: Desk, client: ContractClient) -> None:
    """Loopback is the owner "local" with everything; from the first key on, it shows one too; revoked, it is as before."""
    execution_id = submit(client)
    with desk.database.read() as db:
        assert store.execution(db, execution_id).owner == "local"
    key = add_key(desk, "ann")
    refused = client.get(f"/api/executions/{execution_id}")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert ContractClient(desk, key=key).get("/api/executions").status_code == 200
    with desk.database.begin() as db:
        store.revoke_key(db, "ann0", now=desk.now())
    assert client.get(f"/api/executions/{execution_id}").status_code == 200
    assert ContractClient(desk, key=key).get("/api/executions").status_code == 401


def test_strangers_are_told_to_make_a_key(small_desk: Desk) -> None:
    """Another machine gets nothing, and the command that helps."""
    stranger = ContractClient(small_desk, local=False)
    for path in ("/api/executions", "/api/engines", "/api/statistics", "/metrics"):
        refused = stranger.get(path)
        assert refused.status_code == 401
        assert "brandq keys add" in refused.json()["detail"]
    assert stranger.post("/api/executions", json=PLAN).status_code == 401
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost"}, 200),
        ({"Host": "LOCALHOST:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "127.0.0.1:1"}, 200),
        ({"Host": "evil.example"}, 401),
        ({"Host": "127.0.0.1.evil.example:8000"}, 401),
        ({"Host": "127.0.0.1:8000:9"}, 401),
        ({"Host": "127.0.0.1@evil.example"}, 401),
        ({"X-Forwarded-For": "203.0.113.9"}, 401),
        ({"X-Forwarded-For": "127.0.0.1"}, 401),
        ({"Forwarded": "for=203.0.113.9"}, 401),
        ({"X-Real-IP": "203.0.113.9"}, 401),
        ({"Via": "1.1 proxy"}, 401),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-OpenID": "admin", "X-WX-OpenID": "admin"}, 200),
    ],
)
def test_loopback_is_believed_only_without_a_proxy_or_a_foreign_page(
    small: ContractClient, headers: dict[str, str], status: int
) -> None:
    """A loopback peer may be a proxy, or a browser that a foreign page sends: neither is this machine's user."""
    assert small.get("/api/executions", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.9.9.9", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("::ffff:203.0.113.9", 401),
        ("203.0.113.9", 401),
        ("fe80::1%eth0", 401),
        ("testclient", 401),
    ],
)
def test_what_counts_as_this_machine(small_desk: Desk, address: str, status: int) -> None:
    """Every loopback address, in either family."""
    client = ContractClient(small_desk, local=False, address=address)
    assert client.get("/api/executions", headers={"Host": "127.0.0.1:8000"}).status_code == status


# -- keys and scopes


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer bq_ann1_{SECRET}x"},
        {"Authorization": "Bearer bq_nobody_secret"},
        {"Authorization": f"Bearer ann1_{SECRET}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YW5uOnNlY3JldA=="},
        {"Authorization": f"bq_ann1_{SECRET}"},
        {"X-API-Key": ""},
        {"X-API-Key": "bq_ann1_"},
        {"X-API-Key": f"bq_{'x' * 17}_{SECRET}"},
        {"X-API-Key": f"bq_ann1_{SECRET}", "Authorization": f"Bearer bq_bob1_{SECRET}"},
        {"X-OpenID": "ann", "X-WX-OpenID": "ann", "X-Forwarded-User": "ann"},
        {},
    ],
)
def test_what_is_no_key_is_a_401(small_desk: Desk, headers: dict[str, str]) -> None:
    """Wrong, unknown, malformed, twice, or something else altogether; the same answer with or without a keyless time."""
    add_key(small_desk, "ann", "read")
    refused = ContractClient(small_desk).get("/api/executions", headers=headers)
    assert refused.status_code == 401
    assert SECRET not in refused.text


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_is_shown_in_either_header(small_desk: Desk, header: str) -> None:
    """Bearer in any case, or X-API-Key; both with the same key are fine."""
    key = add_key(small_desk, "ann", "read")
    stranger = ContractClient(small_desk, local=False)
    shown = f"bearer {key}" if header == "Authorization" else key
    assert stranger.get("/api/executions", headers={header: shown}).status_code == 200
    both = {"Authorization": f"Bearer {key}", "X-API-Key": key}
    assert stranger.get("/api/executions", headers=both).status_code == 200


def test_a_wrong_key_on_this_machine_is_still_wrong(small: ContractClient) -> None:
    """Without any key in force, showing one that is not is a mistake that is told, not ignored."""
    assert small.get("/api/executions", headers={"X-API-Key": "bq_x_y"}).status_code == 401


def test_scopes(desk: Desk) -> None:
    """read looks, run also submits, cancel and retry; admin implies both."""
    add_key(desk, "ann", "admin", key_id="all")
    execution_id = submit(ContractClient(desk, key=f"bq_all_{SECRET}"))
    own = f"/api/executions/{execution_id}"
    reads = [
        own,
        f"{own}/samples",
        "/api/executions",
        "/api/engines",
        "/api/statistics",
        "/metrics",
        f"/executions/{execution_id}",
    ]
    reads += [f"/api/diagnosis/status/{execution_id}", "/api/diagnosis/statistics"]
    writes = [f"{own}/retry", f"{own}/cancel", f"/api/diagnosis/cancel/{execution_id}"]
    reader = ContractClient(desk, key=add_key(desk, "ann", "read"))
    runner = ContractClient(desk, key=add_key(desk, "ann", "run", key_id="runner"))
    for path in reads:
        assert reader.get(path).status_code == 200
        assert runner.get(path).status_code == 200
    for path in writes:
        refused = reader.post(path)
        assert refused.status_code == 403
        assert "needs run" in refused.json()["detail"]
    assert reader.post("/api/executions", json=PLAN).status_code == 403
    assert reader.post("/api/executions?dry_run=true", json=PLAN).status_code == 403
    assert reader.post("/api/perform-brand-test-async", json=SUBMISSION).status_code == 403
    assert [runner.post(path).status_code for path in writes] == [409, 200, 409]
    assert runner.post("/api/executions", json=PLAN).status_code == 202


def test_metrics_need_a_key_elsewhere_only(small_desk: Desk) -> None:
    """A scraper beside the process needs none, even where there are keys."""
    key = add_key(small_desk, "ann", "read")
    assert ContractClient(small_desk).get("/metrics").status_code == 200
    assert ContractClient(small_desk, local=False).get("/metrics").status_code == 401
    assert ContractClient(small_desk, local=False, key=key).get("/metrics").status_code == 200


def test_a_secret_is_never_kept_or_shown(small_desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in a response, not in the log."""
    key = add_key(small_desk, "ann", "run")
    client = ContractClient(small_desk, key=key)
    seen = [client.get(path).text for path in ("/", "/api/executions", "/metrics", "/openapi.json", "/nothing")]
    assert not any(SECRET in text for text in seen)
    assert SECRET not in "".join(capfd.readouterr())


# -- two owners


def test_two_owners_are_crossed_everywhere(desk: Desk) -> None:
    """What is Ann's does not exist for Bob: nothing is listed, counted, read, cancelled or retried; admin or not."""
    ann = ContractClient(desk, key=add_key(desk, "ann", "run"))
    bob = ContractClient(desk, key=add_key(desk, "bob", "admin"))
    ended, running = submit(ann), submit(ann)
    sample_id = finish(desk, ended, [failed(), failed(), failed(), failed()])[0]
    for execution_id in (ended, running):
        own = f"/api/executions/{execution_id}"
        reads = [own, f"{own}/samples", f"{own}/answers/{sample_id}", f"{own}/answers/{sample_id}?raw=true"]
        reads += [f"{own}/report?format={form}" for form in ("json", "html", "md", "pdf", "xlsx", "csv")]
        reads += [f"/api/diagnosis/status/{execution_id}", f"/executions/{execution_id}"]
        for path in reads:
            assert bob.get(path).status_code == 404, path
        for path in (f"{own}/cancel", f"{own}/retry", f"/api/diagnosis/cancel/{execution_id}"):
            assert bob.post(path).status_code == 404, path
    assert bob.get("/api/executions").json()["executions"] == []
    assert bob.get("/api/statistics").json()["total"] == 0
    assert bob.get("/api/diagnosis/statistics").json()["total_tasks"] == 0
    assert ended not in bob.get("/").text
    assert ann.get(f"/api/executions/{running}").json()["status"] == "queued"
    assert len(ann.get("/api/executions").json()["executions"]) == 2
    same = {"Idempotency-Key": "k"}
    mine, theirs = (each.post("/api/executions", json=PLAN, headers=same) for each in (ann, bob))
    assert mine.json()["execution_id"] != theirs.json()["execution_id"]


def test_a_sample_of_another_execution_is_not_found_under_mine(desk: Desk, client: ContractClient) -> None:
    """Sample ids are numbers that can be guessed; the execution in the path must be theirs."""
    first, second = submit(client), submit(client)
    finish(desk, first)
    finish(desk, second)
    foreign = sample_ids(desk, second)[0]
    assert client.get(f"/api/executions/{first}/answers/{foreign}").status_code == 404
    assert client.get(f"/api/executions/{first}/answers/{foreign}?raw=1").status_code == 404


# -- limits


@pytest.mark.parametrize(
    ("method", "path", "most", "otherwise"),
    [
        ("POST", "/api/perform-brand-test-async", 3, 202),
        ("GET", "/api/diagnosis/status/00000000-0000-0000-0000-000000000000", 30, 404),
        ("POST", "/api/diagnosis/cancel/00000000-0000-0000-0000-000000000000", 5, 404),
        ("GET", "/api/diagnosis/statistics", 10, 200),
    ],
)
def test_exactly_so_many_calls_in_a_minute(
    clocked_desk: ClockedDesk, method: str, path: str, most: int, otherwise: int
) -> None:
    """Over two API processes together; the next one is told when to come back, and is served then."""
    clients = [ContractClient(clocked_desk), ContractClient(clocked_desk)]
    body = SUBMISSION if path.endswith("async") else None
    left = []
    for number in range(most):
        served = clients[number % 2].request(method, path, json=body)
        assert served.status_code == otherwise
        left.append(int(served.headers["ratelimit-remaining"]))
    assert left == list(range(most))[::-1]
    refused = clients[0].request(method, path, json=body)
    assert refused.status_code == 429
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-limit"] == str(most)
    wait_s = int(refused.headers["retry-after"])
    assert 50 < wait_s <= 60
    assert (refused.json()["status"], refused.json()["code"]) == ("error", 429)
    clocked_desk.offset = timedelta(seconds=wait_s)
    assert clients[1].request(method, path, json=body).status_code == otherwise


def test_a_limit_holds_when_all_call_at_once(desk: Desk) -> None:
    """Twelve at once of which three are served, however they interleave."""
    clients = [ContractClient(desk), ContractClient(desk)]

    def call(number: int) -> int:
        return int(clients[number % 2].post("/api/perform-brand-test-async", json=SUBMISSION).status_code)

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(call, range(12)))
    assert statuses == [202] * 3 + [429] * 9


def test_limits_are_counted_by_key_then_by_address(small_desk: Desk) -> None:
    """Two keys of one owner from one address do not share; one key from two addresses does."""
    path = "/api/diagnosis/cancel/00000000-0000-0000-0000-000000000000"
    keys = [add_key(small_desk, "ann", "run", key_id=f"k{number}") for number in range(2)]
    first = ContractClient(small_desk, local=False, key=keys[0], address="203.0.113.1")
    same_key = ContractClient(small_desk, local=False, key=keys[0], address="203.0.113.2")
    other_key = ContractClient(small_desk, local=False, key=keys[1], address="203.0.113.1")
    assert [first.post(path).status_code for _ in range(5)] == [404] * 5
    assert same_key.post(path).status_code == 429
    assert same_key.post(path, headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 429
    assert other_key.post(path).status_code == 404


def test_refused_callers_use_up_nobodys_limit(small_desk: Desk) -> None:
    """A call without a valid key is not counted, so it cannot lock anybody out."""
    key = add_key(small_desk, "ann", "run")
    path = "/api/diagnosis/cancel/00000000-0000-0000-0000-000000000000"
    nobody = ContractClient(small_desk, local=False)
    assert {nobody.post(path).status_code for _ in range(8)} == {401}
    assert ContractClient(small_desk, local=False, key=key).post(path).status_code == 404


def test_reading_writes_nothing(desk: Desk, client: ContractClient) -> None:
    """A poll of our own wire costs reads alone."""
    own = f"/api/executions/{submit(client)}"
    counted = "SELECT count(*) FROM limits"
    with desk.database.read() as db:
        before = db.exec_driver_sql(counted).scalar()
    for path in (own, f"{own}/samples", "/api/executions", "/api/engines", "/api/statistics", "/metrics", "/"):
        assert "ratelimit-limit" not in client.get(path).headers
    with desk.database.read() as db:
        assert db.exec_driver_sql(counted).scalar() == before


@pytest.mark.parametrize(
    ("hops", "forwarded", "counted_as"),
    [
        ("0", "198.51.100.1", "203.0.113.7"),
        ("1", "198.51.100.1", "198.51.100.1"),
        ("1", "10.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("2", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("2", "192.0.2.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("2", "198.51.100.1", "203.0.113.7"),
        ("1", "nonsense", "203.0.113.7"),
        ("1", "198.51.100.1:4711", "198.51.100.1"),
        ("1", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"),
        ("1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("1", "", "203.0.113.7"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_it_is_configured(hops: str, forwarded: str, counted_as: str) -> None:
    """What our own proxies wrote counts, taken from the right; what the caller wrote before them does not."""
    settings = read_settings({"BRANDQ_FORWARDED_HOPS": hops})
    scope = {"type": "http", "client": ("203.0.113.7", 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert client_address(Request(scope), settings) == counted_as
