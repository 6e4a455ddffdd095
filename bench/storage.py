"""What an answer costs the servers and leaves behind: bytes in each table, WAL, commits, messages, CPU.

Two executions of 4,096 samples, and then 128 of 32, eight to an engine, whose reports and messages are shared by fewer
answers; assistants take two seconds, 512 calls are in flight. PostgreSQL writes full pages after a checkpoint, as a
real one does. Sizes are taken twice: as the pipeline left them, and after a VACUUM FULL, which is what the rows need at
least.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench.installation import (
    IN_FLIGHT,
    Assistant,
    Installation,
    Meter,
    Servers,
    installation,
    plan,
    progress,
    say,
    threads_for,
)
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until

#: executions, samples of each, and models that these are asked of
CASES = ((2, 4096, 16), (128, 32, 4))
LATENCY_MS = 2000
SIZES = """
SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"""
COUNTS = """
SELECT xact_commit, (SELECT wal_bytes FROM pg_stat_wal), (SELECT wal_fpi FROM pg_stat_wal)
FROM pg_stat_database WHERE datname = current_database()"""
#: tables whose share is too small to be a line of its own
LEAST_BYTES = 8.0


def sizes(ours: Installation) -> dict[str, tuple[int, int]]:
    """Bytes of each table with what stands out of line, and of its indexes."""
    return {str(name): (int(table), int(indexes)) for name, table, indexes in ours.rows(SIZES)}


def published(ours: Installation) -> int:
    """Messages that this virtual host was ever sent, by publishers; what its dead letters got is not counted."""
    assert ours.rabbitmq is not None
    counted = ours.rabbitmq.api("GET", f"/vhosts/{ours.vhost}").get("message_stats", {})
    return int(counted.get("publish", 0))


def tell(what: str, before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]], answers: int) -> None:
    whole = 0.0
    for name, (table, indexes) in sorted(after.items(), key=lambda item: -sum(item[1])):
        grown, grown_indexes = table - before[name][0], indexes - before[name][1]
        whole += (grown + grown_indexes) / answers
        if (grown + grown_indexes) / answers >= LEAST_BYTES:
            say(f"{what}: {name}", grown / answers, "bytes/answer")
            say(f"{what}: indexes of {name}", grown_indexes / answers, "bytes/answer")
    say(f"{what}: all", whole, "bytes/answer")


def measure(ours: Installation, given: Servers, executions: int, each: int, models: int) -> None:
    case, answers = f"storage, {executions} executions of {each:,}", executions * each
    progress(case)
    assert ours.database is not None
    assert ours.rabbitmq is not None
    ours.database.execute("VACUUM FULL")
    ours.database.execute("CHECKPOINT")
    before, messages = sizes(ours), published(ours)
    ((commits, wal, pages),) = ours.rows(COUNTS)
    rabbitmq_pid = int((ours.rabbitmq.folder / "pid").read_text())
    meter = Meter(given.postgres_pid, rabbitmq_pid)
    for accepted in [ours.submit(plan(each, models=models, label=str(number))) for number in range(executions)]:
        ours.wait_ended(accepted, 240, every_s=1.0)
    meter.stop()
    # both servers count with a delay
    wait_until(lambda: published(ours) > messages, 20, "the management API to count")
    ours.database.execute("SELECT pg_sleep(2)")
    ((commits_after, wal_after, pages_after),) = ours.rows(COUNTS)
    say(f"{case}: WAL", float(wal_after - wal) / answers, "bytes/answer")
    say(f"{case}: full pages in the WAL", (pages_after - pages) / answers, "pages/answer")
    say(f"{case}: commits", (commits_after - commits) / answers, "commits/answer")
    say(f"{case}: messages published", (published(ours) - messages) / answers, "messages/answer")
    say(f"{case}: CPU of PostgreSQL", meter.cpu_s[given.postgres_pid] / answers * 1000, "ms/answer")
    say(f"{case}: CPU of RabbitMQ", meter.cpu_s[rabbitmq_pid] / answers * 1000, "ms/answer")
    ours.database.execute("VACUUM ANALYZE")
    tell(f"{case}, as it was left", before, sizes(ours), answers)
    ours.database.execute("VACUUM FULL")
    tell(f"{case}, packed", before, sizes(ours), answers)


def tell_parts(ours: Installation) -> None:
    for name, statement in (
        ("text", "SELECT avg(octet_length(text)) FROM answers"),
        ("reply's body, packed", "SELECT avg(octet_length(raw)) FROM answers"),
        ("sources", "SELECT avg(octet_length(sources::text)) FROM answers"),
        ("report of 4,096 samples, as JSON", "SELECT max(octet_length(document::text)) FROM reports"),
        ("report of 32 samples, as JSON", "SELECT min(octet_length(document::text)) FROM reports"),
    ):
        say(f"storage: {name}", float(ours.rows(statement)[0][0]), "bytes")


def main() -> None:
    with ExitStack() as stack:
        progress("starting PostgreSQL and RabbitMQ")
        postgres = PostgresServer(shared_buffers="512MB", full_page_writes="on")
        stack.callback(postgres.close)
        postgres.start()
        rabbitmq = RabbitmqServer()
        stack.callback(rabbitmq.close)
        rabbitmq.start()
        assistant = Assistant()
        stack.callback(assistant.close)
        given = Servers(postgres, rabbitmq, assistant)
        ours = stack.enter_context(installation(given, latency_ms=LATENCY_MS))
        ours.serve()
        ours.worker("fetch", threads=threads_for(IN_FLIGHT, alone=True))
        ours.worker("analyze", "report", threads=2)
        ours.warm_up()
        for case in CASES:
            measure(ours, given, *case)
        tell_parts(ours)
        for each in sorted({each for _, each, _ in CASES}):
            begun = time.monotonic()
            removed = ours.rows("DELETE FROM executions WHERE planned = %s RETURNING planned", each)
            say(
                f"storage: removing {len(removed)} executions of {each:,}",
                (time.monotonic() - begun) / (len(removed) * each) * 1000,
                "ms/answer",
            )


if __name__ == "__main__":
    main()
